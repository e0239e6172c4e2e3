//! What a capability is: a request that knows its name, what it needs and how to run, and knows no protocol.

use crate::{
    caller::{Access, Caller, Holding},
    error::Result,
};
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::sync::{Arc, Mutex};
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
    /// What the call holds in memory. Whoever reads something large for it asks here first.
    pub holding: Holding,
    reporter: Option<Reporter>,
    details: Mutex<Option<Value>>,
}

impl Context {
    /// A call by `caller` that nobody watches.
    pub fn new(caller: Caller) -> Self {
        let holding = Holding::of(caller.name());
        Self { caller, cancelled: CancellationToken::new(), holding, reporter: None, details: Mutex::default() }
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

    /// Replaces what the history line says of the call; without it, the line holds the arguments. Either is cut and
    /// cleaned of secrets by the bridge.
    pub fn record_as(&self, details: Value) {
        *self.details.lock().expect("no one panics while holding it") = Some(details);
    }

    /// Takes what [`Self::record_as`] left.
    pub(crate) fn recorded(&self) -> Option<Value> {
        self.details.lock().expect("no one panics while holding it").take()
    }
}
