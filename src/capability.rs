//! What a capability is: a request that knows its name, what it needs and how to run, and knows no protocol.

use crate::{
    caller::{Access, Caller, Held, Limits},
    error::Result,
};
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::sync::{Arc, Mutex, OnceLock};
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
    /// Whether calling it again with the same arguments changes nothing more.
    const IDEMPOTENT: bool = false;
    /// Whether it may overwrite or remove what was there.
    const DESTRUCTIVE: bool = false;
    /// Whether the fields may also come from the query string.
    const FROM_QUERY: bool = false;
    /// The name of its history lines; `None` leaves no line.
    const ACTION: Option<&'static str> = Some(Self::NAME);
    /// A request that works when pasted, as JSON: the example of the documentation.
    const EXAMPLE: &'static str;
    /// What it runs on.
    type Service: Send + Sync;
    /// What it answers.
    type Output: Serialize + JsonSchema + Send + 'static;

    /// Takes pictures, sounds and documents out of an answer, for a face that shows them as what they are.
    /// A face that only has JSON leaves them in.
    fn media(_: &mut Self::Output) -> Vec<Medium> {
        Vec::new()
    }

    /// Does it. Dropping the future cancels the work; blocking work watches [`Context::cancelled`].
    fn run(self, service: &Self::Service, context: &Context) -> impl Future<Output = Result<Self::Output>> + Send;
}

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

/// What comes with a call beside its arguments.
pub struct Context {
    /// Who calls.
    pub caller: Caller,
    /// Set when the call is over for any reason, so that work on other threads stops.
    pub cancelled: CancellationToken,
    reporter: Option<Reporter>,
    details: Mutex<Option<Value>>,
    limits: OnceLock<Arc<Limits>>,
    held: Mutex<Held>,
}

impl Context {
    /// A call by `caller` that nobody watches.
    pub fn new(caller: Caller) -> Self {
        Self {
            caller,
            cancelled: CancellationToken::new(),
            reporter: None,
            details: Mutex::default(),
            limits: OnceLock::new(),
            held: Mutex::default(),
        }
    }

    /// The same call with what its request already holds in memory.
    pub fn holding(mut self, held: Held) -> Self {
        self.held = Mutex::new(held);
        self
    }

    /// Says that the call is about to hold this many bytes more in memory (a file, an answer), and waits a while for
    /// other calls to give back what they hold. It counts until the answer is sent.
    ///
    /// # Errors
    /// [`crate::Error::TooLarge`] when it is more than there ever is, [`crate::Error::Unavailable`] when it was not
    /// there in time.
    pub async fn hold(&self, bytes: u64) -> Result<()> {
        let Some(limits) = self.limits.get() else { return Ok(()) };
        let already = std::mem::take(&mut *self.held());
        let more = limits.hold(Some(self.caller.name()), &already, bytes).await;
        self.held().join(already);
        more.map(|more| self.held().join(more))
    }

    /// The same at once or not at all: false when others hold too much now.
    pub fn try_hold(&self, bytes: u64) -> bool {
        let Some(limits) = self.limits.get() else { return true };
        let more = limits.try_hold(self.caller.name(), bytes);
        more.map(|more| self.held().join(more)).is_some()
    }

    /// Takes what the call holds, for the one who sends the answer.
    pub fn take_held(&self) -> Held {
        std::mem::take(&mut *self.held())
    }

    /// Lets the call hold memory within these limits.
    pub(crate) fn within(&self, limits: &Arc<Limits>) {
        // A context serves one call; a second one would be within the same limits.
        let _ = self.limits.set(limits.clone());
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        self.held.lock().expect("no one panics while holding it")
    }

    /// The same call with someone to report progress to.
    pub fn reporting_to(mut self, reporter: Reporter) -> Self {
        self.reporter = Some(reporter);
        self
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

    /// Replaces what the history line says of the call; without it, the line holds the arguments, cut and cleaned.
    pub fn record_as(&self, details: Value) {
        *self.details.lock().expect("no one panics while holding it") = Some(details);
    }

    /// Takes what [`Self::record_as`] left.
    pub(crate) fn recorded(&self) -> Option<Value> {
        self.details.lock().expect("no one panics while holding it").take()
    }
}
