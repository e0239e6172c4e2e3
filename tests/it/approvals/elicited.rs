//! The person answers in the agent's own client.

use super::{begun, question, with};
use crate::{
    agents::{history, say},
    mcp::client::{connect, params},
    server::until,
};
use rmcp::{
    ClientHandler, ErrorData,
    model::{
        ClientCapabilities, ClientConfig, ElicitRequestParams, ElicitResult, ElicitationAction, ElicitationCapability,
        Implementation,
    },
    service::{RequestContext, RoleClient},
};
use serde_json::json;
use std::sync::{Arc, Mutex};

/// A client whose user answers always the same, and what was asked.
#[derive(Clone)]
struct Dialog {
    answer: ElicitationAction,
    asked: Arc<Mutex<Vec<String>>>,
}

impl ClientHandler for Dialog {
    fn get_info(&self) -> ClientConfig {
        let mut capabilities = ClientCapabilities::default();
        capabilities.elicitation = Some(ElicitationCapability::default());
        ClientConfig::new(capabilities, Implementation::new("dialog", "1"))
    }

    async fn create_elicitation(
        &self,
        request: ElicitRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        if let ElicitRequestParams::FormElicitationParams { message, .. } = request {
            self.asked.lock().unwrap().push(message);
        }
        Ok(ElicitResult::new(self.answer.clone()))
    }
}

fn dialog(answer: ElicitationAction) -> Dialog {
    Dialog { answer, asked: Arc::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_yes_or_no_in_the_client_is_the_persons_where_the_setting_says_so() {
    let (program, [key]) = with("", &[("MCP_ELICITATION", "on")], ["careful"]);
    for (answer, is_done) in [(ElicitationAction::Accept, true), (ElicitationAction::Decline, false)] {
        let dialog = dialog(answer);
        let client = connect(&program.url, &key, dialog.clone()).await;
        let name = format!("made-{is_done}.txt");
        let line = params("terminal_execute", json!({"command": format!("touch {name}")}));
        let result = client.call_tool(line).await.unwrap();
        assert_eq!((result.is_error != Some(true), program.path(&name).exists()), (is_done, is_done), "{result:?}");
        let asked = dialog.asked.lock().unwrap().join("\n");
        assert!(asked.contains("of-careful waits to use terminal_execute") && asked.contains(&name), "{asked}");
        client.cancel().await.unwrap();
    }
    for action in ["control_approve", "control_deny"] {
        until("the history tells it", || history(&program, &["--agent", "person"]).contains(action)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_client_answers_that_is_not_trusted_to_or_was_not_asked_whole() {
    for (setting, text) in [("off", "touch a.txt".to_owned()), ("on", format!("touch a.txt {}", "b ".repeat(3000)))] {
        let (program, [key]) = with("", &[("MCP_ELICITATION", setting)], ["careful"]);
        let dialog = dialog(ElicitationAction::Accept);
        let client = connect(&program.url, &key, dialog.clone()).await;
        let call = client.call_tool(params("terminal_execute", json!({"command": text})));
        let answered = async {
            let (id, _) = question(&program).await;
            say(&program.path(""), &["deny", &id]).done();
        };
        let (result, ()) = tokio::join!(call, answered);
        assert_eq!(result.unwrap().is_error, Some(true), "{setting}");
        assert!(dialog.asked.lock().unwrap().is_empty() && !program.path("a.txt").exists());
        client.cancel().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dialog_that_was_put_away_leaves_the_question() {
    let (program, [key]) = with("", &[("MCP_ELICITATION", "on")], ["careful"]);
    let dialog = dialog(ElicitationAction::Cancel);
    let client = connect(&program.url, &key, dialog.clone()).await;
    let call = client.call_tool(params("terminal_execute", json!({"command": "touch later.txt"})));
    let answered = async {
        until("the client asked", || !dialog.asked.lock().unwrap().is_empty()).await;
        let (id, _) = question(&program).await;
        say(&program.path(""), &["approve", &id]).done();
    };
    let (result, ()) = tokio::join!(call, answered);
    assert!(result.unwrap().is_error != Some(true) && program.path("later.txt").exists());
    client.cancel().await.unwrap();
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn once_there_is_a_passphrase_no_client_is_asked_and_none_says_yes_that_was_asked_before() {
    use crate::agents::passphrase::set;
    let (program, [key]) = with("", &[("MCP_ELICITATION", "on")], ["careful"]);
    let (release, released) = tokio::sync::watch::channel(false);
    let late = Late { dialog: dialog(ElicitationAction::Accept), released };
    let client = connect(&program.url, &key, late.clone()).await;
    for is_asked in [true, false] {
        let call = client.call_tool(params("terminal_execute", json!({"command": format!("touch {is_asked}.txt")})));
        let answered = async {
            let (id, _) = question(&program).await;
            if is_asked {
                until("the client asked", || !late.dialog.asked.lock().unwrap().is_empty()).await;
                set(&program.path(""));
                release.send(true).unwrap();
                let refused = || history(&program, &["--outcome", "refused"]);
                until("the yes is none", || refused().contains("control_approve")).await;
            }
            say(&program.path(""), &["deny", &id]).done();
        };
        let (result, ()) = tokio::join!(call, answered);
        assert_eq!(result.unwrap().is_error, Some(true), "{is_asked}");
        assert!(late.dialog.asked.lock().unwrap().len() == 1 && !program.path(&format!("{is_asked}.txt")).exists());
    }
    client.cancel().await.unwrap();
}

/// One whose user answers only when the test lets them.
#[cfg(unix)]
#[derive(Clone)]
struct Late {
    dialog: Dialog,
    released: tokio::sync::watch::Receiver<bool>,
}

#[cfg(unix)]
impl ClientHandler for Late {
    fn get_info(&self) -> ClientConfig {
        self.dialog.get_info()
    }

    async fn create_elicitation(
        &self,
        request: ElicitRequestParams,
        context: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        let answer = self.dialog.create_elicitation(request, context).await;
        self.released.clone().wait_for(|is_released| *is_released).await.unwrap();
        answer
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_yes_in_a_client_is_none_to_several_calls_that_are_the_same() {
    let (program, [key]) = with("", &[("MCP_ELICITATION", "on")], ["careful"]);
    let line = json!({"command": "touch many.txt"});
    let first = begun(&program, &key, "/terminal/execute", &line);
    let (id, _) = question(&program).await;
    let dialog = dialog(ElicitationAction::Accept);
    let client = connect(&program.url, &key, dialog.clone()).await;
    let second = client.call_tool(params("terminal_execute", line));
    let answered = async {
        until("the client asked", || !dialog.asked.lock().unwrap().is_empty()).await;
        // It waits still, and the person's own word counts for both.
        say(&program.path(""), &["deny", &id]).done();
    };
    let (second, ()) = tokio::join!(second, answered);
    assert_eq!((first.await.unwrap().status, second.unwrap().is_error), (403, Some(true)));
    assert!(!program.path("many.txt").exists());
    client.cancel().await.unwrap();
}
