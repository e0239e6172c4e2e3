//! An engine on another machine: reached through a socket that the test forwards, so that nothing of this machine but
//! that socket can help.

use super::{
    IMAGE,
    proxy::{Proxy, forward, socket},
};
use crate::server::{Server, scratch};
use serde_json::json;
use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};
use tokio::net::TcpListener;

/// Everything that a caller does with the engine.
async fn works(engine: &[(&str, &str)]) {
    let settings: Vec<_> = [("SANDBOX_IMAGE", IMAGE)].into_iter().chain(engine.iter().copied()).collect();
    let server = Server::with_settings(&settings).await;
    let request = json!({
        "code": "import sys; print(sys.stdin.read(), open('in').read()); open('out', 'w').write('back')",
        "stdin": "input", "files": [{"path": "in", "content": "file"}], "outputs": ["out"],
    });
    for _ in 0..2 {
        let answer = server.call("sandbox_run", request.clone()).await;
        assert_eq!((&answer["stdout"], &answer["outputs"][0]["content"]), (&json!("input file\n"), &json!("back")));
    }
    let session =
        server.call("sandbox_session_start", json!({"files": [{"path": "a", "content": "b"}]})).await["id"].clone();
    let cell = json!({"id": session, "code": "x = open('a').read(); x"});
    assert_eq!(server.call("sandbox_session_run", cell).await["result"], "'b'");
    let files = server.call("sandbox_session_files", json!({"id": session})).await;
    assert_eq!(files["outputs"][0]["content"], "b");
    let late = server.post("/sandbox/run", json!({"command": "sleep 30", "timeout": 1})).await;
    assert_eq!(late.status, 408);
    server.stop().await;
}

/// Serves a listener's connections until the test ends.
macro_rules! proxy {
    ($listener:expr, $client:ident => $serve:expr) => {{
        let listener = $listener;
        tokio::spawn(async move {
            while let Ok(($client, _)) = listener.accept().await {
                tokio::spawn($serve);
            }
        })
    }};
}

#[tokio::test]
async fn an_engine_behind_a_tcp_address_works() {
    let Some(engine) = socket() else { return };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = format!("tcp://{}", listener.local_addr().unwrap());
    let proxy = proxy!(listener, client => forward(client, engine.clone()));
    works(&[("DOCKER_HOST", &host)]).await;
    proxy.abort();
}

#[tokio::test]
async fn an_engine_behind_another_unix_socket_works() {
    let Some(proxy) = Proxy::start() else { return };
    works(&[("DOCKER_HOST", &proxy.host())]).await;
    assert!(proxy.requests("/containers/create") > 0, "nothing went past it");
}

/// Certificates of an authority, of the engine and of its client, as DOCKER_CERT_PATH holds them.
fn certificates(folder: &Path) -> rustls::ServerConfig {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    let mut params = CertificateParams::new(vec!["authority".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let signed = |name: &str| {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
        (certificate, key)
    };
    let (client, client_key) = signed("client");
    let files = [("ca.pem", authority.pem()), ("cert.pem", client.pem()), ("key.pem", client_key.serialize_pem())];
    for (name, text) in files {
        std::fs::write(folder.join(name), text).unwrap();
    }
    let mut roots = rustls::RootCertStore::empty();
    roots.add(authority.der().clone()).unwrap();
    let clients = rustls::server::WebPkiClientVerifier::builder(roots.into()).build().unwrap();
    let (engine, engine_key) = signed("127.0.0.1");
    let key = rustls::pki_types::PrivateKeyDer::try_from(engine_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder().with_client_cert_verifier(clients);
    config.with_single_cert(vec![engine.der().clone()], key).unwrap()
}

#[tokio::test]
async fn an_engine_behind_tls_with_certificates_works_and_without_them_does_not() {
    let Some(engine) = socket() else { return };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = scratch();
    let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(certificates(folder.path())));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = format!("tcp://{}", listener.local_addr().unwrap());
    let proxy = proxy!(listener, client => {
        let (acceptor, engine) = (acceptor.clone(), engine.clone());
        async move {
            if let Ok(client) = acceptor.accept(client).await {
                forward(client, engine).await;
            }
        }
    });
    let place = folder.path().to_str().unwrap();
    works(&[("DOCKER_HOST", &host), ("DOCKER_TLS_VERIFY", "1"), ("DOCKER_CERT_PATH", place)]).await;
    let stranger = Server::with_settings(&[("DOCKER_HOST", &host), ("SANDBOX_IMAGE", IMAGE)]).await;
    assert_eq!(stranger.post("/sandbox/run", json!({"code": "1"})).await.status, 503);
    proxy.abort();
}

/// The SSH server of the machine.
const SSHD: &str = "/usr/sbin/sshd";

/// The empty directory that it locks its unprivileged process into, where it runs as root.
const SSHD_JAIL: &str = "/run/sshd";

/// A key pair, and the configuration of an SSH server that lets its owner in; `None` where no such server can be run.
fn ssh(folder: &Path) -> Option<(String, String)> {
    if !Path::new(SSHD).exists() {
        assert!(!super::is_required(), "no SSH server: install openssh-server");
        let _ = writeln!(std::io::stderr(), "SKIPPED: the engine behind ssh, for there is no {SSHD}");
        return None;
    }
    if rustix::process::geteuid().is_root() {
        std::fs::create_dir_all(SSHD_JAIL).unwrap();
    }
    for name in ["host", "key"] {
        let file = folder.join(name);
        let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&file).status();
        assert!(made.unwrap().success());
    }
    let at = |name: &str| folder.join(name).display().to_string();
    let server = format!(
        "HostKey {}\nAuthorizedKeysFile {}\nStrictModes no\nUsePAM no\nPermitRootLogin yes\nPasswordAuthentication no\n",
        at("host"),
        at("key.pub")
    );
    std::fs::write(folder.join("sshd_config"), server).unwrap();
    let options =
        "-F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o IdentitiesOnly=yes";
    Some((at("sshd_config"), format!("ssh {options} -i {}", at("key"))))
}

#[tokio::test]
async fn an_engine_behind_ssh_works() {
    if socket().is_none() {
        return;
    }
    let folder = scratch();
    let Some((config, client)) = ssh(folder.path()) else { return };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let user = String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap();
    let host = format!("ssh://{}@127.0.0.1:{}", user.trim(), listener.local_addr().unwrap().port());
    // As inetd does it: the server answers on the connection that it is given.
    let proxy = proxy!(listener, client => {
        let stream = client.into_std().unwrap();
        stream.set_nonblocking(false).unwrap();
        let input = std::os::fd::OwnedFd::from(stream.try_clone().unwrap());
        let mut server = tokio::process::Command::new(SSHD);
        server.args(["-i", "-e", "-f", &config]).kill_on_drop(true).stderr(Stdio::null());
        server.stdin(input).stdout(std::os::fd::OwnedFd::from(stream));
        async move { server.status().await.map(drop) }
    });
    works(&[("DOCKER_HOST", &host), ("DOCKER_SSH_COMMAND", &client)]).await;
    proxy.abort();
}
