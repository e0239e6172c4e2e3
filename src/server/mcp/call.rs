//! One tool call: its signs of life, its cancellation, and its answer in the protocol's words.

use super::{
    Mcp,
    continuations::Part,
    cut::{self, Remainder},
    media, plain,
    published::RESULT_CURSOR,
    tools::{Answer, Tools},
};
use crate::{
    arguments::{Arguments, Ignored},
    caller::{Access, Caller, MemoryBudget, MemoryPermit},
    capability::{Asker, Context, Progress},
    error::{Error, Result},
    excerpt::{Bound, Parts},
    tool_list::ToolList,
};
use bytes::Bytes;
use futures::future::BoxFuture;
use rmcp::{
    ErrorData,
    model::{
        CallToolRequestParams, CallToolResult, ContentBlock, ElicitRequestParams, ElicitationAction, ElicitationSchema,
        ProgressNotificationParam, ProgressToken,
    },
    service::{ElicitationMode, Peer, RequestContext, RoleServer},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::mpsc;

/// How often a call that says nothing itself shows that it is alive. Clients are promised 5 s.
const HEARTBEAT: Duration = Duration::from_secs(3);

/// How many reports may wait for a slow client; more are left out.
const WAITING_REPORTS: usize = 256;

/// How long the reports that still wait at the end of a call may hold its answer back.
const LAST_REPORTS: Duration = Duration::from_secs(1);

/// How a client is answered: one that was told the schemas of answers is owed answers that fit them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// As text for a model. Most clients show a model the structured content alone where there is any, so there is none.
    Text,
    /// As the tool's published output schema says, and as JSON for clients that do not know it: the protocol wants both.
    Structured,
}

/// The arguments of a call as they came, and the right to hold them: the SDK sees a copy of short ones, or none.
pub(crate) struct SentArguments(Mutex<Option<(Bytes, MemoryPermit)>>);

impl SentArguments {
    /// For the one call that takes them.
    pub(crate) fn new(arguments: Bytes, held: MemoryPermit) -> Self {
        Self(Mutex::new(Some((arguments, held))))
    }

    /// Those of this request, where it came with some beside its message.
    fn take(rpc: &RequestContext<RoleServer>) -> Option<(Bytes, MemoryPermit)> {
        let parts = rpc.extensions.get::<axum::http::request::Parts>()?;
        let sent = parts.extensions.get::<Arc<Self>>()?;
        sent.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A call's arguments, which count as held until it is answered.
async fn arguments_of(
    request: &mut CallToolRequestParams,
    rpc: &RequestContext<RoleServer>,
    holding: &MemoryBudget,
) -> Result<Arguments> {
    let mut arguments = match SentArguments::take(rpc) {
        Some((text, held)) => {
            holding.join(held);
            Arguments::from_body(text).await?
        }
        None => Arguments::from_object(&request.arguments.take().unwrap_or_default()),
    };
    // The key came with the request: one among the arguments is not for the capability, and not for the history.
    arguments.take("auth");
    Ok(arguments.with_empty_as_absent())
}

/// The session that a request is of, where there are several.
fn session_of(rpc: &RequestContext<RoleServer>) -> Option<String> {
    let parts = rpc.extensions.get::<axum::http::request::Parts>()?;
    parts.headers.get("mcp-session-id")?.to_str().ok().map(str::to_owned)
}

impl Mcp {
    /// Runs a tool. Whatever a model can fix is a result; only a name that no tool has is the protocol's error.
    pub(super) async fn call(
        &self,
        mut request: CallToolRequestParams,
        rpc: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        let caller = self.caller(&rpc)?;
        let (progress, reports) = Reports::of(&rpc);
        let context = Context::new(caller.clone()).preferring_plain().in_session(session_of(&rpc));
        let context = context.asking_by(asker(&rpc).filter(|_| self.bridge.settings.elicitation));
        let context = Arc::new(match &progress {
            Some(progress) => context.reporting_to(progress.reporter()),
            None => context,
        });
        let budget = self.bridge.settings.mcp_max_result_bytes;
        let sent = arguments_of(&mut request, &rpc, &context.holding).await;
        let list = self.list(&rpc, &caller);
        let (name, mut arguments) = match self.aim(&request.name, sent, &list).await {
            Ok(aimed) => aimed,
            Err(error) => return Ok(failure(&self.tools, &error, &[], budget)),
        };
        let (name, owner) = (&*name, owner(&caller, &name));
        let cursor = arguments.take(RESULT_CURSOR).and_then(|json| serde_json::from_str::<String>(&json).ok());
        let (cancelled, holding) = (rpc.ct.clone(), context.holding.clone());
        let form = if self.publishes_schemas(&list) { Form::Structured } else { Form::Text };
        let outcome = match cursor.filter(|cursor| !cursor.is_empty()) {
            Some(cursor) if self.tools.get(name).is_some() => self
                .continuations
                .find(&owner, &cursor, budget)
                .map(|part| success(name, part, Vec::new(), budget, form)),
            _ => {
                let run = self.tools.run(name, self.bridge.clone(), context.clone(), arguments);
                let run = run.ok_or_else(|| self.unknown(name))?;
                let outcome = tokio::select! {
                    outcome = watched(run, progress, reports) => outcome,
                    // Dropping the call stops what it runs.
                    () = cancelled.cancelled() => Err(Error::Cancelled),
                };
                match outcome {
                    Ok(answer) => self.show(name, &owner, answer, form, &holding).await,
                    Err(error) => Err(error),
                }
            }
        };
        Ok(outcome.unwrap_or_else(|error| failure(&self.tools, &error, &context.ignored(), budget)))
    }

    /// The tool that a call means, with its arguments.
    async fn aim(&self, name: &str, sent: Result<Arguments>, list: &ToolList) -> Result<(String, Arguments)> {
        let (name, arguments) = self.tools.finder.aim(name, sent?).await?;
        let only_reads = self.tools.access(&name).is_none_or(|access| access == Access::Read);
        if list.only_reads() && !only_reads {
            let text = "does more than read, and this address is for tools that only read: the user can connect to /mcp instead";
            return Err(Error::Refused(format!("{name} {text}")));
        }
        Ok((name, arguments))
    }

    /// The first part of an answer, with its media, which share its room.
    async fn show(
        &self,
        tool: &str,
        owner: &str,
        answer: Answer,
        form: Form,
        holding: &MemoryBudget,
    ) -> Result<CallToolResult> {
        let budget = self.bridge.settings.mcp_max_result_bytes;
        let Answer { json, media, full_media, output, aside } = answer;
        let json = if form == Form::Text { plain::trimmed(json, aside) } else { json };
        let for_media = media::length(&media).min(budget / 2);
        let mut part = self.continuations.first(owner, Remainder::of_answer(json, output), budget - for_media)?;
        if media.is_empty() {
            return Ok(success(tool, part, Vec::new(), budget, form));
        }
        let for_media = budget.saturating_sub(cut::size(&part.json));
        let shown = media::show(media, for_media, 1, holding).await;
        if let Some(hint) = full_media.filter(|_| !shown.is_whole()) {
            part.json["media_hint"] = hint.into();
        }
        part.json["media"] = json!(shown.named);
        Ok(success(tool, part, shown.blocks, budget, form))
    }

    fn unknown(&self, name: &str) -> ErrorData {
        ErrorData::invalid_params(format!("Unknown tool: {name} ({})", self.tools.finder.meant(name)), None)
    }
}

/// Asks by the client's own dialog, where it has one.
fn asker(rpc: &RequestContext<RoleServer>) -> Option<Asker> {
    let has_dialog = rpc.peer.supported_elicitation_modes().contains(&ElicitationMode::Form);
    let peer = rpc.peer.clone();
    let ask = move |message| -> BoxFuture<'static, Option<bool>> {
        let peer = peer.clone();
        Box::pin(async move {
            let requested_schema = ElicitationSchema::new(BTreeMap::new());
            let question = ElicitRequestParams::FormElicitationParams { meta: None, message, requested_schema };
            match peer.create_elicitation(question).await.ok()?.action {
                ElicitationAction::Accept => Some(true),
                ElicitationAction::Decline => Some(false),
                // Put away, or something that is no answer.
                _ => None,
            }
        })
    };
    has_dialog.then(|| Arc::new(ask) as Asker)
}

/// Whose a cut answer is.
fn owner(caller: &Caller, tool: &str) -> String {
    format!("{}/{tool}", caller.name())
}

/// A part of an answer; where there is more, it says how to go on.
fn success(tool: &str, part: Part, media: Vec<ContentBlock>, budget: usize, form: Form) -> CallToolResult {
    let Part { mut json, whole, next } = part;
    let note = next.map(|cursor| {
        if form == Form::Structured {
            json["truncated"] = true.into();
            json["next_result_cursor"] = cursor.as_str().into();
        }
        format!(
            "Cut: this is about {budget} of {whole} bytes. Call {tool} again with \"{RESULT_CURSOR}\": \"{cursor}\" for \
             what follows."
        )
    });
    let text = if form == Form::Text { plain::text(&json) } else { json.to_string() };
    let mut content = vec![ContentBlock::text(text)];
    content.extend(media);
    content.extend(note.map(ContentBlock::text));
    let mut result = CallToolResult::success(content);
    result.structured_content = Some(json).filter(|_| form == Form::Structured);
    result
}

/// Only text: clients hold structured content against the tool's schema, which describes its successes.
/// What is wrong comes first and in REST's words, then how to fix it, with tools in place of their routes.
fn failure(tools: &Tools, error: &Error, ignored: &[Ignored], budget: usize) -> CallToolResult {
    let (what, _) = cut::shortened(tools.named(&error.to_string()) + &said_of_ignored(ignored), budget);
    let texts = [Some(what), error.hint().map(|hint| tools.named(hint)), output_before(error, budget)];
    CallToolResult::error(texts.into_iter().flatten().map(ContentBlock::text).collect())
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

/// Which arguments did not count, as the end of a sentence about a failure.
fn said_of_ignored(ignored: &[Ignored]) -> String {
    if ignored.is_empty() {
        return String::new();
    }
    let fields: Vec<String> = ignored.iter().map(Ignored::to_string).collect();
    format!(". Ignored: {}", fields.join("; "))
}

/// What a program did before the call failed, of which the parts share `budget`.
fn output_before(error: &Error, budget: usize) -> Option<String> {
    let partial = error.partial()?;
    let outputs = partial.outputs.as_ref().map(Value::to_string);
    let parts = [
        ("running", partial.running.join("\n")),
        ("stdout", partial.stdout.clone()),
        ("stderr", partial.stderr.clone()),
        ("outputs", outputs.unwrap_or_default()),
    ];
    let share = Bound::halves(budget / (parts.len() + 1));
    let shown = parts.into_iter().filter(|(_, part)| !part.is_empty()).map(|(name, part)| {
        let part = Parts { head: part, ..Parts::default() }.bounded(share).join();
        format!("{name}:\n{}", part.trim_end_matches('\n'))
    });
    Some(shown.collect::<Vec<_>>().join("\n\n")).filter(|text| !text.is_empty())
}
