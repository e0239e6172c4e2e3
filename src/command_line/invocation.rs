//! How this program is called again, as a person would type it.

use std::{env, path::Path};

/// The program and its directory, for the shell: `mcp-server`, or the whole path where that is not found by its name.
pub(crate) fn invocation(directory: Option<&Path>) -> String {
    let program = program();
    match directory {
        Some(directory) => format!("{program} --directory {}", quoted(&directory.to_string_lossy())),
        None => program,
    }
}

fn program() -> String {
    let Ok(own) = env::current_exe() else { return "mcp-server".to_owned() };
    let name = own.file_name().unwrap_or_default();
    let folders = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| path.is_file());
    let is_found =
        found.and_then(|path| path.canonicalize().ok()).is_some_and(|path| Some(path) == own.canonicalize().ok());
    let text = if is_found { name.to_string_lossy() } else { own.to_string_lossy() };
    quoted(&text)
}

fn quoted(text: &str) -> String {
    shlex::try_quote(text).map_or_else(|_| text.to_owned(), std::borrow::Cow::into_owned)
}
