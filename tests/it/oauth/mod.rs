//! Clients of the web, which take no key, are let in by OAuth where the bridge has a public address.

mod attacks;
mod page;
mod story;

use crate::{agents::say, program::Program, server::Reply};
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::{io::copy_bidirectional, net::TcpListener, net::TcpStream, task::JoinHandle};

/// Where the clients of these tests have the browser sent back to.
pub(crate) const CALLBACK: &str = "http://127.0.0.1:7/callback";

/// The secret that a client keeps, and what it shows of it at first (RFC 7636, appendix B).
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A program with a public address, from which every connection is handed on to it: a tunnel.
pub(crate) struct Public {
    pub(crate) program: Program,
    /// The address.
    pub(crate) url: String,
    to: Arc<Mutex<SocketAddr>>,
    tunnel: JoinHandle<()>,
}

impl Public {
    pub(crate) async fn start(settings: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let url = format!("http://{address}");
        let program = Program::start(&[&[("MCP_PUBLIC_URL", url.as_str())], settings].concat());
        let to = Arc::new(Mutex::new(address_of(&program)));
        let there = to.clone();
        let tunnel = tokio::spawn(async move {
            while let Ok((mut outside, _)) = listener.accept().await {
                let address = *there.lock().unwrap();
                tokio::spawn(async move {
                    let mut inside = TcpStream::connect(address).await?;
                    copy_bidirectional(&mut outside, &mut inside).await
                });
            }
        });
        Self { program, url, to, tunnel }
    }

    /// The same after a restart of the program.
    pub(crate) fn restarted(mut self, settings: &[(&str, &str)]) -> Self {
        let idle = Program::start(&[]);
        let directory = std::mem::replace(&mut self.program, idle).stop();
        let url = self.url.clone();
        self.program = Program::start_in(directory, &[&[("MCP_PUBLIC_URL", url.as_str())], settings].concat());
        *self.to.lock().unwrap() = address_of(&self.program);
        self
    }

    pub(crate) async fn get(&self, path: &str) -> reqwest::Response {
        let languages = self.program.http.get(format!("{}{path}", self.url)).header("accept-language", "en");
        languages.send().await.unwrap()
    }

    pub(crate) async fn form(&self, path: &str, fields: &[(&str, &str)]) -> reqwest::Response {
        self.program.http.post(format!("{}{path}", self.url)).form(fields).send().await.unwrap()
    }

    pub(crate) async fn register(&self, addresses: &[&str]) -> Reply {
        let body = json!({"client_name": "Probe", "redirect_uris": addresses, "token_endpoint_auth_method": "none"});
        Reply::send(self.program.http.post(format!("{}/oauth/register", self.url)).json(&body)).await
    }

    /// The name of a client that registered itself.
    pub(crate) async fn client(&self) -> String {
        let reply = self.register(&[CALLBACK]).await;
        assert_eq!(reply.status, 201, "{}", reply.body);
        reply.body["client_id"].as_str().unwrap().to_owned()
    }

    /// What the page answers a client that asks, with these fields in place of the usual ones.
    pub(crate) async fn ask(&self, client: &str, other: &[(&str, &str)]) -> reqwest::Response {
        let resource = format!("{}/mcp", self.url);
        let mut fields = vec![
            ("response_type", "code"),
            ("client_id", client),
            ("redirect_uri", CALLBACK),
            ("state", "as it was"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
            ("resource", &resource),
        ];
        for (name, value) in other {
            fields.retain(|(known, _)| known != name);
            fields.push((name, value));
        }
        let query = serde_urlencoded(&fields);
        self.get(&format!("/oauth/authorize?{query}")).await
    }

    /// The name of the question on the page.
    pub(crate) async fn question(&self, client: &str) -> String {
        let page = self.ask(client, &[]).await;
        assert_eq!(page.status(), 200);
        let page = page.text().await.unwrap();
        let after = page.split_once("name=\"request\" value=\"").expect("the page has a form").1;
        after.split_once('"').unwrap().0.to_owned()
    }

    /// A code that the machine shows to the person.
    pub(crate) fn code(&self) -> String {
        let said = say(&self.program.path(""), &["open", "--code"]).done();
        said.lines().next().unwrap().to_owned()
    }

    /// What the page answers the person, who lets a client in.
    pub(crate) async fn allow(&self, question: &str, code: &str, agent: &str, profile: &str) -> reqwest::Response {
        let fields =
            [("request", question), ("decision", "allow"), ("code", code), ("agent", agent), ("profile", profile)];
        self.form("/oauth/authorize", &fields).await
    }

    /// The authorization code of a client that was let in.
    pub(crate) async fn let_in(&self, client: &str, agent: &str, profile: &str) -> String {
        let question = self.question(client).await;
        let answer = self.allow(&question, &self.code(), agent, profile).await;
        assert_eq!(answer.status(), 303, "{}", answer.text().await.unwrap());
        query_of(&answer, "code").expect("there is a code")
    }

    /// Exchanges a code, with these fields in place of the usual ones.
    pub(crate) async fn exchange(&self, client: &str, code: &str, other: &[(&str, &str)]) -> Reply {
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("client_id", client),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        for (name, value) in other {
            fields.retain(|(known, _)| known != name);
            fields.push((name, value));
        }
        Reply::of(self.form("/oauth/token", &fields).await).await
    }

    pub(crate) async fn refresh(&self, client: &str, token: &str) -> Reply {
        let fields = [("grant_type", "refresh_token"), ("client_id", client), ("refresh_token", token)];
        Reply::of(self.form("/oauth/token", &fields).await).await
    }

    /// The tokens of a client that was let in.
    pub(crate) async fn tokens(&self, client: &str, agent: &str, profile: &str) -> (String, String) {
        let code = self.let_in(client, agent, profile).await;
        tokens(&self.exchange(client, &code, &[]).await.ok())
    }

    /// The status of a call with a token.
    pub(crate) async fn call(&self, token: &str) -> u16 {
        self.program.post("/terminal/info", token, &json!({})).await.status
    }
}

impl Drop for Public {
    fn drop(&mut self) {
        self.tunnel.abort();
    }
}

pub(crate) fn tokens(answer: &Value) -> (String, String) {
    let token = |name: &str| answer[name].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
    (token("access_token"), token("refresh_token"))
}

/// A field of the address to which an answer sends the browser.
pub(crate) fn query_of(answer: &reqwest::Response, name: &str) -> Option<String> {
    let location = answer.headers().get("location")?.to_str().unwrap();
    let url = url::Url::parse(location).unwrap();
    assert!(location.starts_with(CALLBACK), "{location}");
    url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

fn address_of(program: &Program) -> SocketAddr {
    program.url.trim_start_matches("http://").parse().unwrap()
}

fn serde_urlencoded(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}
