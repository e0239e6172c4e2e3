//! What a capability is: a request that knows its name, what it needs and how to run, and knows no protocol.

use crate::{
    arguments::Ignored,
    caller::{Access, Caller, MemoryBudget},
    error::Result,
    permissions::{Needs, Profile, Subjects},
    settings::Secret,
};
use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::sync::{
    Arc, Mutex, OnceLock,
    atomic::{AtomicBool, AtomicU64, Ordering},
};
use tokio_util::sync::CancellationToken;

/// One thing the bridge can do. The request type *is* the capability: its fields are the arguments, its doc comment
/// is the text of the OpenAPI operation and of the tool. The first line is the title, what follows the description.
pub trait Capability: DeserializeOwned + JsonSchema + Send + 'static {
    /// `module_action`: the route `/module/action` and the tool of this name.
    const NAME: &'static str;
    /// The route of a capability whose module has groups, like `/sandbox/session/run`.
    const ROUTE: Option<&'static str> = None;
    /// What the caller must be allowed.
    const ACCESS: Access;
    /// Why the person is asked about each of its calls; none where the profile of the agent says whether they are.
    const ASKS: Option<&'static str> = None;
    /// Whether calling it again with the same arguments changes nothing more.
    const IDEMPOTENT: bool = false;
    /// Whether it may overwrite or remove what was there.
    const DESTRUCTIVE: bool = false;
    /// Whether the fields may also come from the query string.
    const FROM_QUERY: bool = false;
    /// Whether it runs a program whose output can be told while it runs.
    const STREAMS_OUTPUT: bool = false;
    /// The fields of its answer that hold what a program wrote: their ends say as much as their beginnings.
    const OUTPUT: &'static [&'static str] = &[];
    /// The name of its history lines; `None` leaves no line.
    const ACTION: Option<&'static str> = Some(Self::NAME);
    /// Whether its history line shows what an argument of this name says, or only how long it is: what is typed into a
    /// program may be a password, whatever it looks like.
    const IS_RECORDED: fn(&str) -> bool = |_| true;
    /// A request as JSON: the example of the documentation. The documentation's pages send it unedited, so it must lose
    /// nothing whatever there is: ids are placeholders, and what it would change is guarded.
    const EXAMPLE: &'static str;
    /// For a capability that gives media: how to get one that is too large for a face. `None` where it gives none.
    const FULL_MEDIA: Option<&'static str> = None;
    /// What `success` says in its answer.
    const SUCCESS: &'static str = "Always true: a failure is an error.";
    /// Whether `timestamp` in its answer says when it was done; not where the answer does that itself, or has no time.
    const IS_STAMPED: bool = true;
    /// What it runs on.
    type Service: Send + Sync;
    /// What it answers, beside `success` and `timestamp`: see [`crate::envelope::Envelope`].
    type Output: Serialize + JsonSchema + Send + 'static;

    /// What `success` is: what a program made of its work is an answer too.
    fn succeeded(_: &Self::Output) -> bool {
        true
    }

    /// The fields of an answer that a program wants and a model does not, since it said them itself or needs them for
    /// nothing: left out where the answer is shown as text. A field of a list's items is `list.field`.
    fn aside(_: &Self::Output) -> &'static [&'static str] {
        &[]
    }

    /// Takes pictures, sounds and documents out of an answer, for a face that shows them as what they are, and leaves
    /// [`SHOWN`] in their places. A face that only has JSON leaves them in.
    fn media(_: &mut Self::Output) -> Vec<Medium> {
        Vec::new()
    }

    /// What a call is about, as far as that `needs` to be known: before it is done, and nothing is changed. What cannot be
    /// found out is left out, since doing it fails for the same reason.
    fn subjects(&self, _: &Self::Service, _: Needs) -> Subjects {
        Subjects::default()
    }

    /// Does it. Dropping the future cancels the work; blocking work watches [`Context::cancelled`].
    fn run(self, service: &Self::Service, context: &Context) -> impl Future<Output = Result<Self::Output>> + Send;
}

/// What stands in an answer in the place of a medium that was taken out of it.
pub const SHOWN: &str = "(in the content of this result: see media)";

/// A part of an answer that is no JSON.
#[derive(Clone, Debug)]
pub enum Medium {
    /// A picture.
    Image {
        /// Its type: `image/png`.
        mime_type: String,
        /// Its bytes, in base64.
        base64: String,
    },
    /// A sound.
    Audio {
        /// Its type: `audio/wav`.
        mime_type: String,
        /// Its bytes, in base64.
        base64: String,
    },
    /// A document, embedded whole.
    Document {
        /// What it is called.
        uri: String,
        /// Its type: `text/plain`.
        mime_type: String,
        /// Its text.
        text: String,
    },
}

impl Medium {
    /// Takes the picture of a kind that models see out of its place in an answer, which says so then.
    pub fn picture(mime_type: &str, base64: &mut String) -> Option<Self> {
        if !["image/png", "image/jpeg", "image/gif", "image/webp"].contains(&mime_type) {
            return None;
        }
        let base64 = std::mem::replace(base64, SHOWN.to_owned());
        Some(Self::Image { mime_type: mime_type.to_owned(), base64: base64.split_whitespace().collect() })
    }
}

/// A sign of life from a long call.
#[derive(Clone, Debug)]
pub struct Progress {
    /// How much is done, in whatever unit the capability counts.
    pub done: f64,
    /// How much there is, where that is known.
    pub total: Option<f64>,
    /// What is going on, for a person.
    pub message: String,
}

/// What receives progress: a face that can show it.
pub type Reporter = Arc<dyn Fn(Progress) + Send + Sync>;

/// What a call tells of the program that it runs, as it happens.
pub enum OutputEvent<'a> {
    /// The program was started: from now on nothing refuses the call.
    Started,
    /// It wrote this text, in whole characters, to the stream of this name.
    Output(&'static str, &'a str),
}

/// What receives the output of a program while it runs, and keeps what it still needs of it.
pub type OutputSink = Arc<dyn Fn(OutputEvent<'_>) + Send + Sync>;

/// Asks whoever uses the client of a call whether it is to be done; none: they did not say.
pub(crate) type Asker = Arc<dyn Fn(String) -> BoxFuture<'static, Option<bool>> + Send + Sync>;

/// What comes with a call beside its arguments.
pub struct Context {
    /// Who calls.
    pub caller: Caller,
    /// Set when the call is over for any reason, so that work on other threads stops.
    pub cancelled: CancellationToken,
    /// Cancelled when the person stops the call.
    pub(crate) stopped: CancellationToken,
    /// What the call holds in memory. Whoever reads something large for it asks here first.
    pub holding: MemoryBudget,
    reporter: Option<Reporter>,
    output_sink: Option<OutputSink>,
    asker: Option<Asker>,
    plain: bool,
    session: Option<String>,
    waits: bool,
    /// How much output was told, in bytes.
    told: AtomicU64,
    details: Recorded,
    ignored: Mutex<Vec<Ignored>>,
    approved: AtomicBool,
    profile: OnceLock<Arc<Profile>>,
    passphrase: Option<Secret>,
}

/// What the history line says of a call instead of its arguments.
pub(crate) type Recorded = Arc<Mutex<Option<Value>>>;

impl Context {
    /// A call by `caller` that nobody watches.
    pub fn new(caller: Caller) -> Self {
        let holding = MemoryBudget::of(caller.name());
        Self {
            caller,
            cancelled: CancellationToken::new(),
            stopped: CancellationToken::new(),
            holding,
            reporter: None,
            output_sink: None,
            asker: None,
            plain: false,
            session: None,
            waits: false,
            told: AtomicU64::new(0),
            details: Recorded::default(),
            ignored: Mutex::default(),
            approved: AtomicBool::new(false),
            profile: OnceLock::new(),
            passphrase: None,
        }
    }

    /// The same call with someone to report progress to.
    pub fn reporting_to(mut self, reporter: Reporter) -> Self {
        self.reporter = Some(reporter);
        self
    }

    /// The same call with a client that can ask its user.
    pub(crate) fn asking_by(mut self, asker: Option<Asker>) -> Self {
        self.asker = asker;
        self
    }

    /// What asks the user of its client.
    pub(crate) fn asker(&self) -> Option<&Asker> {
        self.asker.as_ref()
    }

    /// The same call for one who reads: a model, to whom colours and the frames of progress bars say nothing.
    pub fn preferring_plain(mut self) -> Self {
        self.plain = true;
        self
    }

    /// Whether a program's output is wanted as a person reads it when the arguments do not say.
    pub fn prefers_plain(&self) -> bool {
        self.plain
    }

    /// The same call whose program's output goes to this sink, too.
    pub fn with_output_sink(mut self, output_sink: OutputSink) -> Self {
        self.output_sink = Some(output_sink);
        self
    }

    /// Whether output goes to someone as it comes, so that the answer need not have it.
    pub fn gives_output_away(&self) -> bool {
        self.output_sink.is_some()
    }

    /// Tells that the program runs.
    pub fn begun(&self) {
        if let Some(output_sink) = &self.output_sink {
            output_sink(OutputEvent::Started);
        }
    }

    /// Tells whoever wants it what the program just wrote; who only sees progress gets it as such, with the number of
    /// bytes so far.
    pub fn emit_output(&self, stream: &'static str, text: &str) {
        if let Some(output_sink) = &self.output_sink {
            output_sink(OutputEvent::Output(stream, text));
        }
        if self.is_watched() {
            let bytes = text.len() as u64;
            let told = self.told.fetch_add(bytes, Ordering::Relaxed) + bytes;
            self.report(told as f64, None, text);
        }
    }

    /// The same call within a session of MCP, whose client waits as long as it hears that the call goes on.
    pub(crate) fn in_session(mut self, session: Option<String>) -> Self {
        (self.session, self.waits) = (session, true);
        self
    }

    /// The session of MCP that it is made in.
    pub(crate) fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }

    /// Whether its client waits as long as it hears that the call goes on.
    pub(crate) fn waits(&self) -> bool {
        self.waits
    }

    /// Whether anyone sees progress: what is costly to make is left out otherwise.
    pub fn is_watched(&self) -> bool {
        self.reporter.is_some()
    }

    /// Tells whoever watches how far the call is.
    pub fn report(&self, done: f64, total: Option<f64>, message: impl Into<String>) {
        if let Some(reporter) = &self.reporter {
            let message = message.into();
            reporter(Progress { done, total, message });
        }
    }

    /// Notes which fields of the request did not count.
    pub(crate) fn take_decoded<C>(&self, (decoded, ignored): (Result<C>, Vec<Ignored>)) -> Result<C> {
        *self.ignored.lock().expect("no one panics while holding it") = ignored;
        decoded
    }

    /// The fields of the request that did not count, for a face to name in its answer.
    pub fn ignored(&self) -> Vec<Ignored> {
        self.ignored.lock().expect("no one panics while holding it").clone()
    }

    /// Notes by which profile it is decided.
    pub(crate) fn within(&self, profile: &Arc<Profile>) {
        // A call has one profile from its beginning to its end.
        let _ = self.profile.set(profile.clone());
    }

    /// The profile by which it is decided; none for the person's own calls.
    pub(crate) fn profile(&self) -> Option<&Arc<Profile>> {
        self.profile.get()
    }

    /// The same call with the passphrase that the person gave with it, right or wrong.
    pub(crate) fn with_passphrase(self, passphrase: Option<Secret>) -> Self {
        Self { passphrase, ..self }
    }

    /// The passphrase that came with it, right or wrong.
    pub(crate) fn passphrase(&self) -> Option<&Secret> {
        self.passphrase.as_ref()
    }

    /// Notes that the person said yes to this very call: what only asks to be confirmed is confirmed.
    pub(crate) fn approve(&self) {
        self.approved.store(true, Ordering::Relaxed);
    }

    /// Whether the person said yes to this very call.
    pub(crate) fn is_approved(&self) -> bool {
        self.approved.load(Ordering::Relaxed)
    }

    /// Replaces what the history line says of the call; without it, the line holds the arguments. Either is cut and
    /// cleaned of secrets by the bridge.
    pub fn record_as(&self, details: Value) {
        *self.details.lock().expect("no one panics while holding it") = Some(details);
    }

    /// Where [`Self::record_as`] leaves it.
    pub(crate) fn recorded(&self) -> Recorded {
        self.details.clone()
    }
}
