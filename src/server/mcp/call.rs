//! One tool call: its signs of life, its cancellation, and its answer in the protocol's words.

use super::{
    Mcp, cut,
    tools::{Answer, RESULT_CURSOR},
};
use crate::{
    arguments::Arguments,
    caller::Caller,
    capability::{Context, Medium, Progress},
    error::{Error, Result},
    excerpt::{Bound, Parts},
};
use futures::future::BoxFuture;
use rmcp::{
    ErrorData,
    model::{
        CallToolRequestParams, CallToolResult, ContentBlock, JsonObject, ProgressNotificationParam, ProgressToken,
        ResourceContents,
    },
    service::{Peer, RequestContext, RoleServer},
};
use serde_json::Value;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::mpsc;

/// How often a call that says nothing itself shows that it is alive. Clients are promised 5 s.
const HEARTBEAT: Duration = Duration::from_secs(3);

/// How many reports may wait for a slow client; more are left out.
const WAITING_REPORTS: usize = 256;

/// How long the reports that still wait at the end of a call may hold its answer back.
const LAST_REPORTS: Duration = Duration::from_secs(1);

impl Mcp {
    /// Runs a tool. Whatever a model can mend is a result; only a name that no tool has is the protocol's error.
    pub(super) async fn call(
        &self,
        request: CallToolRequestParams,
        rpc: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        let caller = self.caller(&rpc)?;
        let arguments = request.arguments.unwrap_or_default();
        let (progress, reports) = Reports::of(&rpc);
        let context = match &progress {
            Some(progress) => Context::new(caller.clone()).reporting_to(progress.reporter()),
            None => Context::new(caller.clone()),
        };
        let cancelled = rpc.ct.clone();
        let outcome = match arguments.get(RESULT_CURSOR).and_then(Value::as_str) {
            Some(cursor) if self.tools.get(&request.name).is_some() => {
                let answer = self.rests.find(&owner(&caller, &request.name), cursor);
                answer.map(|json| Answer { json, media: Vec::new() })
            }
            _ => {
                let run = self.start(&request.name, Arc::new(context), arguments)?;
                tokio::select! {
                    outcome = watched(run, progress, reports) => outcome,
                    // Dropping the call stops what it runs.
                    () = cancelled.cancelled() => Err(Error::Cancelled),
                }
            }
        };
        Ok(self.result(&owner(&caller, &request.name), &request.name, outcome))
    }

    fn start(
        &self,
        name: &str,
        context: Arc<Context>,
        mut arguments: JsonObject,
    ) -> Result<BoxFuture<'static, Result<Answer>>, ErrorData> {
        arguments.remove(RESULT_CURSOR);
        // The key came with the request: one among the arguments is not for the capability, and not for the history.
        arguments.remove("auth");
        let arguments = Arguments::from_object(&arguments);
        let run = self.tools.run(name, self.bridge.clone(), context, arguments);
        run.ok_or_else(|| ErrorData::invalid_params(format!("Unknown tool: {name}"), None))
    }

    fn result(&self, owner: &str, name: &str, outcome: Result<Answer>) -> CallToolResult {
        let budget = self.bridge.settings.mcp_max_result_bytes;
        let result = outcome.and_then(|answer| {
            let whole = cut::size(&answer.json);
            let (head, rest) = cut::split(answer.json, budget);
            match rest {
                None => Ok(success(head, answer.media, None)),
                Some(rest) => {
                    let cursor = self.rests.keep(owner.to_owned(), rest)?;
                    let note = format!(
                        "Cut: this is about {budget} of {whole} bytes. Call {name} again with \
                         \"{RESULT_CURSOR}\": \"{cursor}\" for what follows."
                    );
                    Ok(success(with_cursor(head, &cursor), answer.media, Some(note)))
                }
            }
        });
        result.unwrap_or_else(|error| failure(&error, budget))
    }
}

/// Whose a cut answer is.
fn owner(caller: &Caller, tool: &str) -> String {
    format!("{}/{tool}", caller.name())
}

fn with_cursor(mut head: Value, cursor: &str) -> Value {
    head["truncated"] = true.into();
    head["next_result_cursor"] = cursor.into();
    head
}

fn success(json: Value, media: Vec<Medium>, note: Option<String>) -> CallToolResult {
    let mut content = vec![ContentBlock::text(json.to_string())];
    content.extend(media.into_iter().map(block));
    content.extend(note.map(ContentBlock::text));
    let mut result = CallToolResult::success(content);
    result.structured_content = Some(json);
    result
}

/// Only text: clients hold structured content against the tool's schema, which describes its successes.
fn failure(error: &Error, budget: usize) -> CallToolResult {
    let (text, _) = cut::split(sentence(error, budget).into(), budget);
    CallToolResult::error(vec![ContentBlock::text(text.as_str().unwrap_or_default())])
}

fn block(medium: Medium) -> ContentBlock {
    match medium {
        Medium::Image { mime_type, base64 } => ContentBlock::image(base64, mime_type),
        Medium::Audio { mime_type, base64 } => ContentBlock::audio(base64, mime_type),
        Medium::Document { uri, mime_type, text } => {
            ContentBlock::resource(ResourceContents::text(text, uri).with_mime_type(mime_type))
        }
    }
}

/// Where reports of progress go, when the client asked for them.
struct Reports {
    peer: Peer<RoleServer>,
    token: ProgressToken,
    sender: mpsc::Sender<Progress>,
    started: Instant,
    last: f64,
}

impl Reports {
    fn of(rpc: &RequestContext<RoleServer>) -> (Option<Self>, mpsc::Receiver<Progress>) {
        let (sender, receiver) = mpsc::channel(WAITING_REPORTS);
        let reports = rpc.meta.get_progress_token().map(|token| Self {
            peer: rpc.peer.clone(),
            token,
            sender,
            started: Instant::now(),
            last: -1.0,
        });
        (reports, receiver)
    }

    fn reporter(&self) -> Arc<dyn Fn(Progress) + Send + Sync> {
        let sender = self.sender.clone();
        // A client too slow for its reports misses some; the call goes on.
        Arc::new(move |progress| drop(sender.try_send(progress)))
    }

    async fn send(&mut self, progress: Progress) {
        // The protocol wants each value larger than the one before.
        let done = if progress.done > self.last { progress.done } else { self.last + 0.001 };
        self.last = done;
        let mut report = ProgressNotificationParam::new(self.token.clone(), done);
        report.total = progress.total;
        report.message = Some(progress.message).filter(|text| !text.is_empty());
        // A client that is gone is noticed elsewhere.
        let _ = self.peer.notify_progress(report).await;
    }

    async fn send_heartbeat(&mut self) {
        let seconds = self.started.elapsed().as_secs();
        let done = self.last.max(0.0);
        self.send(Progress { done, total: None, message: format!("running for {seconds} s") }).await;
    }

    /// Passes reports on, and shows life when there are none. Never ends.
    async fn pass_on(&mut self, receiver: &mut mpsc::Receiver<Progress>) {
        loop {
            match tokio::time::timeout(HEARTBEAT, receiver.recv()).await {
                Ok(Some(progress)) => self.send(progress).await,
                Ok(None) => std::future::pending().await,
                Err(_) => self.send_heartbeat().await,
            }
        }
    }
}

/// Runs a call beside its reports: a client that reads slowly never slows the call.
async fn watched(
    mut run: BoxFuture<'static, Result<Answer>>,
    reports: Option<Reports>,
    mut receiver: mpsc::Receiver<Progress>,
) -> Result<Answer> {
    let Some(mut reports) = reports else { return run.await };
    let outcome = tokio::select! {
        outcome = &mut run => outcome,
        () = reports.pass_on(&mut receiver) => unreachable!("passing on never ends"),
    };
    let rest = async {
        while let Ok(progress) = receiver.try_recv() {
            reports.send(progress).await;
        }
    };
    let _ = tokio::time::timeout(LAST_REPORTS, rest).await;
    outcome
}

/// What is wrong, how to fix it, and what a program did before, of which the parts share `budget`.
fn sentence(error: &Error, budget: usize) -> String {
    let mut text = error.hint().map_or_else(|| error.to_string(), |hint| format!("{error}. {hint}"));
    let Some(partial) = error.partial() else { return text };
    let outputs = partial.outputs.as_ref().map(Value::to_string);
    let parts = [
        ("running", partial.running.join("\n")),
        ("stdout", partial.stdout.clone()),
        ("stderr", partial.stderr.clone()),
        ("outputs", outputs.unwrap_or_default()),
    ];
    let share = Bound::halves(budget / (parts.len() + 1));
    for (name, part) in parts.into_iter().filter(|(_, part)| !part.is_empty()) {
        let part = Parts { head: part, ..Parts::default() }.bounded(share).join();
        text.push_str(&format!("\n\n{name}:\n{}", part.trim_end_matches('\n')));
    }
    text
}
