//! What a person is told once the server listens, and after a new key.

use crate::{first_start::Key, server::address, settings::Secret};
use std::{net::SocketAddr, path::Path};

/// What is to be said.
pub(crate) struct Welcome<'a> {
    /// Where the server listens.
    pub address: SocketAddr,
    /// Why it does not listen on the usual port.
    pub instead_of: Option<&'a str>,
    /// The key.
    pub key: &'a Key,
    /// The server's directory.
    pub directory: &'a Path,
    /// How the program is called in this person's shell.
    pub program: &'a str,
}

impl Welcome<'_> {
    /// The text. The key is in it only when nobody has seen it.
    pub(crate) fn text(&self) -> String {
        let (url, program) = (self.url(), self.program);
        let mut lines = vec![format!("MCP Server listens on {url}")];
        lines.extend(self.instead_of.map(|why| format!("({why}; --port or MCP_PORT chooses another)")));
        lines.push(format!("\n  MCP   {url}/mcp\n  Docs  {url}/docs"));
        lines.push(match self.key.is_unseen {
            true => shown_key(&self.key.secret, self.directory, program),
            false => format!("  Key   MCP_API_KEY; `{program} key show` prints it"),
        });
        lines.extend(self.warning());
        lines.push(format!(
            "\nConnect an AI:     {program} connect claude-code --write\n                   \
             (or claude-desktop, cursor, vscode, gemini, codex, chatgpt)\nCheck everything:  {program} doctor"
        ));
        lines.extend(self.key.is_unseen.then(|| format!("Try it:\n\n  {}\n", self.example())));
        lines.push("Ctrl-C stops the server.".to_owned());
        lines.join("\n")
    }

    fn url(&self) -> String {
        address::local_url(&self.address.ip().to_string(), self.address.port())
    }

    fn example(&self) -> String {
        format!(
            "curl -s {}/terminal/execute -H 'Authorization: Bearer {}' -H 'Content-Type: application/json' -d \
             '{{\"command\": \"echo hello\"}}'",
            self.url(),
            self.key.secret.expose()
        )
    }

    /// Others can reach it: what that means.
    fn warning(&self) -> Option<String> {
        if self.address.ip().is_loopback() {
            return None;
        }
        let others = address::network_url(self.address);
        let others = others.map(|url| format!("\nFrom other machines: {url}")).unwrap_or_default();
        Some(format!(
            "{others}\nWARNING: other machines can reach this server. Whoever has the key can use your files and your \
             terminal,\nand the key travels unencrypted: put a TLS proxy in front, or remove --host and MCP_HOST."
        ))
    }
}

/// What a person is told after `key rotate`, before the clients that hold the old key are named.
pub(crate) fn rotated(key: &Secret, directory: &Path, program: &str) -> String {
    format!(
        "The key was replaced. A server that runs here takes the new one at once, and no longer the old one.\n\n{}",
        shown_key(key, directory, program)
    )
}

fn shown_key(key: &Secret, directory: &Path, program: &str) -> String {
    format!(
        "  Key   {}\n        (kept in {}; `{program} key show` prints it again)",
        key.expose(),
        directory.join(".env").display()
    )
}
