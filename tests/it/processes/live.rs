//! A process live over its WebSocket.

use super::{DEADLINE, start, start_in_terminal, start_with};
use crate::server::{KEY, Server};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{self, ClientRequestBuilder, Message},
};

/// A client at the socket of a process.
struct Watcher {
    socket: WebSocketStream<TcpStream>,
    shown: String,
    told: Vec<Value>,
    closed: Option<u16>,
}

type Headers<'a> = &'a [(&'a str, &'a str)];

async fn dial(server: &Server, path: &str, headers: Headers<'_>) -> Result<Watcher, tungstenite::Error> {
    let authority = server.url.strip_prefix("http://").unwrap();
    let stream = TcpStream::connect(authority).await.unwrap();
    let mut request = ClientRequestBuilder::new(format!("ws://{authority}{path}").parse().unwrap());
    for (name, value) in headers {
        request = request.with_header(*name, *value);
    }
    let (socket, _) = client_async(request, stream).await?;
    Ok(Watcher { socket, shown: String::new(), told: vec![], closed: None })
}

/// The status and the sentence of a refusal before the socket is open.
async fn refusal(server: &Server, path: &str, headers: Headers<'_>) -> (u16, String) {
    match dial(server, path, headers).await {
        Err(tungstenite::Error::Http(response)) => {
            let body: Value = serde_json::from_slice(response.body().as_deref().unwrap_or_default()).unwrap();
            (response.status().as_u16(), body["detail"].to_string())
        }
        other => panic!("not refused: {:?}", other.map(|_| "open")),
    }
}

impl Watcher {
    /// Opens the socket and says the key in the first message.
    async fn of(server: &Server, id: &str) -> Self {
        let mut watcher = dial(server, &format!("/terminal/{id}/ws"), &[]).await.expect("the socket opens");
        watcher.say(json!({"auth": KEY})).await;
        watcher
    }

    async fn say(&mut self, message: Value) {
        self.socket.send(Message::Text(message.to_string().into())).await.expect("the server reads");
    }

    async fn types(&mut self, text: &str) {
        self.socket.send(Message::Binary(text.as_bytes().to_vec().into())).await.expect("the server reads");
    }

    /// Takes one message; false when the socket is closed.
    async fn take(&mut self) -> bool {
        let next = tokio::time::timeout(DEADLINE, self.socket.next()).await;
        match next.unwrap_or_else(|_| panic!("nothing comes after {:?} {:?}", self.shown, self.told)) {
            Some(Ok(Message::Binary(bytes))) => self.shown.push_str(&String::from_utf8_lossy(&bytes)),
            Some(Ok(Message::Text(text))) => self.told.push(serde_json::from_str(&text).unwrap()),
            Some(Ok(Message::Close(frame))) => self.closed = frame.map(|frame| frame.code.into()),
            Some(Ok(_)) => {}
            _ => return false,
        }
        true
    }

    async fn until(&mut self, text: &str) {
        while !self.shown.contains(text) {
            assert!(self.take().await, "{text:?} does not come: {:?} {:?}", self.shown, self.told);
        }
    }

    async fn until_told(&mut self, kind: &str) -> Value {
        loop {
            if let Some(message) = self.told.iter().find(|message| message["type"] == kind) {
                return message.clone();
            }
            assert!(self.take().await, "no {kind}: {:?} {:?}", self.shown, self.told);
        }
    }

    async fn until_closed(mut self) -> Self {
        while self.take().await {}
        self
    }
}

#[tokio::test]
async fn a_watcher_sees_what_was_written_and_what_is_written_and_types() {
    let server = Server::start().await;
    let process = start_in_terminal(&server, "echo before; read line; echo got $line; exit 4").await;
    process.shows("before").await;
    let mut watcher = Watcher::of(&server, &process.id).await;
    let ready = watcher.until_told("ready").await;
    assert_eq!((&ready["id"], &ready["pty"], &ready["cols"]), (&json!(process.id), &json!(true), &json!(80)));
    watcher.until("before").await;
    watcher.types("hello\r").await;
    watcher.until("got hello").await;
    let watcher = watcher.until_closed().await;
    let last = watcher.told.last().unwrap();
    assert_eq!(last, &json!({"type": "exit", "status": "exited", "exit_code": 4}));
    assert_eq!(watcher.closed, Some(1000));
}

#[tokio::test]
async fn several_watchers_see_the_same_and_any_of_them_types() {
    let server = Server::start().await;
    let process = start_in_terminal(&server, "cat").await;
    let mut watchers = vec![];
    for _ in 0..5 {
        watchers.push(Watcher::of(&server, &process.id).await);
    }
    for (number, watcher) in watchers.iter_mut().enumerate() {
        watcher.types(&format!("from {number}\r")).await;
        watcher.until(&format!("from {number}\r\nfrom {number}\r\n")).await;
    }
    for watcher in &mut watchers {
        watcher.until("from 4\r\nfrom 4\r\n").await;
        assert_eq!(watcher.shown, watcher.shown.replace("\u{fffd}", ""));
        assert!((0..5).all(|number| watcher.shown.contains(&format!("from {number}"))), "{}", watcher.shown);
    }
    drop(watchers.pop());
    process.types("still here\n", &[]).await;
    watchers[0].until("still here").await;
}

#[tokio::test]
async fn the_streams_of_a_process_without_a_terminal_are_told_apart() {
    let server = Server::start().await;
    let process = start(&server, "echo out; sleep 0.1; echo bad >&2; sleep 0.1; echo out again").await;
    process.all().await;
    let watcher = Watcher::of(&server, &process.id).await.until_closed().await;
    assert_eq!(watcher.shown, "out\nbad\nout again\n");
    let streams: Vec<_> =
        watcher.told.iter().filter(|told| told["type"] == "stream").map(|told| &told["stream"]).collect();
    assert_eq!(streams, ["stderr", "stdout"]);
}

#[tokio::test]
async fn a_resize_by_one_is_told_to_the_program_and_to_the_others() {
    let server = Server::start().await;
    let process = start_in_terminal(&server, "trap 'stty size' WINCH; echo up; while :; do sleep 0.05; done").await;
    process.shows("up").await;
    let (mut one, mut other) = (Watcher::of(&server, &process.id).await, Watcher::of(&server, &process.id).await);
    other.until_told("ready").await;
    one.say(json!({"type": "resize", "cols": 111, "rows": 44})).await;
    one.until("44 111").await;
    let told = other.until_told("resized").await;
    assert_eq!((&told["cols"], &told["rows"]), (&json!(111), &json!(44)));
    one.say(json!({"type": "resize", "cols": 0, "rows": 44})).await;
    assert!(one.until_told("error").await["detail"].as_str().unwrap().contains("1 to 1000"));
    one.say(json!({"type": "dance"})).await;
    one.say(json!({"type": "signal", "signal": "KILL"})).await;
    let one = one.until_closed().await;
    assert_eq!(one.told.last().unwrap()["exit_code"], -9);
}

#[tokio::test]
async fn who_says_no_key_or_a_wrong_one_sees_nothing() {
    let server = Server::start().await;
    let process = start(&server, "echo secret; cat").await;
    process.shows("secret").await;
    let path = format!("/terminal/{}/ws", process.id);
    for (first, code) in
        [(json!({"auth": "wrong"}), 4403), (json!({"type": "input", "text": "x"}), 4401), (json!(7), 4401)]
    {
        let mut watcher = dial(&server, &path, &[]).await.unwrap();
        watcher.say(first).await;
        let watcher = watcher.until_closed().await;
        assert_eq!((watcher.closed, watcher.shown.as_str()), (Some(code), ""));
    }
    assert_eq!(refusal(&server, &path, &[("authorization", "Bearer wrong")]).await.0, 403);
    assert_eq!(refusal(&server, &format!("{path}?ticket=forged"), &[]).await.0, 403);
    let unknown = refusal(&server, "/terminal/proc_99/ws", &[("authorization", KEY)]).await;
    assert!(unknown.0 == 404 && unknown.1.contains("terminal_processes"), "{unknown:?}");
    let mut watcher = dial(&server, "/terminal/proc_99/ws", &[]).await.unwrap();
    watcher.say(json!({"auth": KEY})).await;
    assert_eq!(watcher.until_closed().await.closed, Some(4404));
    let history = json!(server.history().await).to_string();
    assert!(history.contains("terminal_attach") && !history.contains("forged"), "{history}");
}

#[tokio::test]
async fn a_ticket_opens_its_process_once() {
    let server = Server::start().await;
    let (process, other) = (start(&server, "echo mine; cat").await, start(&server, "cat").await);
    let give = async || process.call("ticket", json!({})).await["ticket"].as_str().unwrap().to_owned();
    let ticket = give().await;
    let path = format!("/terminal/{}/ws?ticket={ticket}", process.id);
    let mut watcher = dial(&server, &path, &[("origin", "http://localhost:3000")]).await.unwrap();
    watcher.until("mine").await;
    assert_eq!(refusal(&server, &path, &[]).await.0, 403);
    let ticket = give().await;
    assert_eq!(refusal(&server, &format!("/terminal/{}/ws?ticket={ticket}", other.id), &[]).await.0, 403);
    assert!(!json!(server.history().await).to_string().contains(&ticket));
}

#[tokio::test]
async fn a_page_of_a_foreign_origin_is_refused_unless_the_setting_names_it() {
    let server = Server::start().await;
    let process = start(&server, "cat").await;
    let path = format!("/terminal/{}/ws", process.id);
    let key = ("authorization", KEY);
    for origin in ["https://evil.example", "null", "http://localhost.evil.example"] {
        let (status, detail) = refusal(&server, &path, &[("origin", origin), key]).await;
        assert!(status == 403 && detail.contains("MCP_CORS_ORIGINS"), "{origin}: {status} {detail}");
    }
    dial(&server, &path, &[("origin", "http://127.0.0.1:5173"), key]).await.unwrap();
    let open = Server::with_settings(&[("MCP_CORS_ORIGINS", "https://chat.example")]).await;
    let process = start(&open, "cat").await;
    let path = format!("/terminal/{}/ws", process.id);
    dial(&open, &path, &[("origin", "https://chat.example"), key]).await.unwrap();
}

#[tokio::test]
async fn a_plain_request_to_the_socket_is_told_what_it_is() {
    let server = Server::start().await;
    let process = start(&server, "cat").await;
    let request = server.http.get(format!("{}/terminal/{}/ws", server.url, process.id)).bearer_auth(KEY);
    let reply = crate::server::Reply::send(request).await;
    assert_eq!(reply.status, 400);
    assert!(reply.detail().contains("WebSocket"), "{}", reply.detail());
}

#[tokio::test]
async fn a_watcher_that_stops_reading_neither_slows_the_process_nor_loses_its_voice() {
    let server = Server::with_settings(&[("PROCESS_OUTPUT_MIB", "1")]).await;
    let script = "read go; yes 0123456789abcdef | head -c 200000000; echo; echo done; read end; echo bye";
    let process = start_with(&server, json!({"command": script})).await;
    let mut slow = Watcher::of(&server, &process.id).await;
    slow.until_told("ready").await;
    slow.types("go\n").await;
    // The socket is not read from here on: the process writes 200 MB anyway.
    process.shows("^done$").await;
    slow.types("end\n").await;
    process.shows("^bye$").await;
    let slow = slow.until_closed().await;
    let missed: u64 = slow.told.iter().filter_map(|told| told["bytes"].as_u64()).sum();
    assert!(missed > 100_000_000, "{missed} bytes were missed");
    assert_eq!(missed + slow.shown.len() as u64, 200_000_000 + 1 + 5 + 4);
    assert!(slow.shown.ends_with("\ndone\nbye\n"));
    assert_eq!(slow.told.last().unwrap()["type"], "exit");
}

#[tokio::test]
async fn a_new_key_ends_what_the_old_one_opened() {
    let server = Server::start().await;
    let process = start(&server, "cat").await;
    let mut watcher = Watcher::of(&server, &process.id).await;
    watcher.until_told("ready").await;
    server.bridge.keys.replace("another-key-0123456789");
    assert_eq!(watcher.until_closed().await.closed, Some(4403));
}

#[tokio::test]
async fn a_socket_leaves_one_line_in_the_history() {
    let server = Server::start().await;
    let process = start(&server, "cat").await;
    let mut watcher = Watcher::of(&server, &process.id).await;
    watcher.types("hello\n").await;
    watcher.until("hello").await;
    process.call("stop", json!({})).await;
    watcher.until_closed().await;
    let lines = server.history().await;
    let line = lines.iter().find(|line| line["action"] == "terminal_attach").expect("a line");
    assert_eq!(line["details"], json!({"id": process.id, "bytes_typed": 6, "bytes_shown": 6}));
    assert_eq!((&line["outcome"], &line["caller"]), (&json!("ok"), &json!("default")));
}

#[tokio::test]
async fn a_cursor_that_is_no_number_is_a_mistake_in_the_query() {
    let server = Server::start().await;
    let reply = server.get("/terminal/proc_1/ws?cursor=near+the+end").await;
    assert_eq!(reply.status, 422, "{}", reply.text);
    assert_eq!(reply.body["detail"][0]["loc"], json!(["query", "cursor"]));
}
