//! Every way a request can fail, in the domain's own words. No face's status codes here: `server/` holds the one table.

use crate::excerpt::{Bound, Parts};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use std::time::Duration;

pub use crate::problem::Problem;

/// A result of the bridge.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// How a key is sent. No hint before the key is known says anything of this machine.
const SEND_THE_KEY: &str =
    "Send it as the header `Authorization: Bearer KEY`. `mcp-server key show`, in the server's folder, prints it";

/// What may be the matter with a key.
const WHICH_KEY: &str = "The key is MCP_API_KEY of the server's .env, or of its environment, which wins; `mcp-server key show`, in the \
    server's folder, prints it. It may have been replaced since this client was configured. That of an agent (skb_…) may \
    have been revoked or have ended: `mcp-server agent list` says so";

/// How the person gives it.
const WHICH_PASSPHRASE: &str = "It is the one of `mcp-server owner passphrase`: say it at a terminal, or give it on standard input with \
    --passphrase-stdin";

/// How an agent goes on while the person is asked.
const ASK_THE_PERSON: &str = "Ask the person to answer it, with `mcp-server approve` or `deny` and its id. The same call passes, once, \
    within 10 minutes of a yes: repeat it then, and try no other way around";

/// Why a call did not do what was asked. The text of each is shown to the caller and says how to fix the matter.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The arguments do not fit the capability; every problem at once.
    #[error("{}", sentences(.0))]
    Invalid(Vec<Problem>),
    /// The arguments are well formed but can't be acted on.
    #[error("{0}")]
    Unusable(String),
    /// No key was given.
    #[error("Missing API key")]
    MissingKey,
    /// A key was given and is wrong.
    #[error("Invalid API key")]
    WrongKey,
    /// The person's passphrase is needed, and did not come with the request.
    #[error("This needs your passphrase")]
    PassphraseNeeded,
    /// What came as the person's passphrase is another one.
    #[error("That is not the passphrase")]
    WrongPassphrase,
    /// The policy refuses.
    #[error("{0}")]
    Refused(String),
    /// The person is asked, and has not answered yet.
    #[error("{message}")]
    Asked {
        /// What is asked about, and why.
        message: String,
        /// The question.
        approval: Box<PendingApproval>,
    },
    /// A file is not text in the encoding that was named.
    #[error("Cannot decode file with {encoding} encoding")]
    Undecodable {
        /// The encoding that was named.
        encoding: String,
        /// One that may be right, and why.
        suggestion: Option<String>,
    },
    /// What was named is not there.
    #[error("{0}")]
    NotFound(String),
    /// It took longer than allowed.
    #[error("{0}")]
    TimedOut(String),
    /// A program that was run for the call took longer than allowed and was ended. What it did until then stays.
    #[error("{message}")]
    ProgramTimedOut {
        /// What ran out of which time.
        message: String,
        /// How it gets more time.
        hint: String,
        /// What came of it until then.
        partial: Box<PartialOutput>,
    },
    /// What is there is not what the caller believed.
    #[error("{0}")]
    Conflict(String),
    /// More was sent or asked for than a limit allows.
    #[error("{0}")]
    TooLarge(String),
    /// The caller goes too fast, or too often gave a wrong key.
    #[error("{message}")]
    TooMany {
        /// What was too much.
        message: String,
        /// When to try again.
        retry_after: Duration,
    },
    /// The capability exists and has no provider here.
    #[error("{0}")]
    NotImplemented(String),
    /// A server that was asked failed.
    #[error("{0}")]
    Upstream(String),
    /// Something that is needed is not there now.
    #[error("{message}")]
    Unavailable {
        /// What is missing.
        message: String,
        /// When to try again, where trying again helps.
        retry_after: Option<Duration>,
    },
    /// The disk or a quota is full; nothing was changed.
    #[error("{0}")]
    Full(String),
    /// The disk became full in the middle of an append, and what was written of it stays: others wrote behind it.
    #[error(
        "The disk is full: {bytes_appended} bytes were appended, and others wrote behind them, so they stay. Free some \
         space and append the rest"
    )]
    PartlyAppended {
        /// How many bytes were appended.
        bytes_appended: u64,
    },
    /// The person lets nobody, or not this agent, call now.
    #[error("{0}")]
    Paused(String),
    /// The person stopped the call.
    #[error("Stopped by the person")]
    Stopped,
    /// The caller went away or cancelled.
    #[error("Cancelled")]
    Cancelled,
    /// A program that was run for the call failed in a way the caller should see.
    #[error("{0}")]
    Failed(String),
    /// Another one, and how to fix it.
    #[error("{error}")]
    Hinted {
        /// What is wrong.
        error: Box<Error>,
        /// How to fix it.
        hint: String,
    },
    /// A fault of the bridge or the machine. The cause is logged, never sent.
    #[error("Internal server error; the server's log has the cause")]
    Internal(#[source] anyhow::Error),
}

impl Error {
    /// One argument that does not fit, named by its path.
    pub fn invalid(field: &str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![Problem::value(field, message)])
    }

    /// Something is missing now and no retry will fix it by itself.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::Unavailable { message: message.into(), retry_after: None }
    }

    /// A fault with its cause.
    pub fn internal(cause: impl Into<anyhow::Error>) -> Self {
        Self::Internal(cause.into())
    }

    /// How to fix it, where the sentence itself does not say so.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Undecodable { suggestion, .. } => suggestion.as_deref(),
            Self::ProgramTimedOut { hint, .. } | Self::Hinted { hint, .. } => Some(hint),
            Self::MissingKey => Some(SEND_THE_KEY),
            Self::WrongKey => Some(WHICH_KEY),
            Self::PassphraseNeeded | Self::WrongPassphrase => Some(WHICH_PASSPHRASE),
            Self::Asked { .. } => Some(ASK_THE_PERSON),
            _ => None,
        }
    }

    /// What a program did before the call failed.
    pub fn partial(&self) -> Option<&PartialOutput> {
        match self.kind() {
            Self::ProgramTimedOut { partial, .. } => Some(partial),
            _ => None,
        }
    }

    /// The same with how to fix it, unless that is said already.
    #[must_use]
    pub fn with_hint(self, hint: impl FnOnce() -> Option<String>) -> Self {
        if self.hint().is_some() {
            return self;
        }
        match hint() {
            Some(hint) => Self::Hinted { error: Box::new(self), hint },
            None => self,
        }
    }

    /// What is wrong, without how to fix it.
    pub fn kind(&self) -> &Self {
        match self {
            Self::Hinted { error, .. } => error.kind(),
            error => error,
        }
    }

    /// The same, taken out of what says how to fix it.
    pub fn into_kind(self) -> Self {
        match self {
            Self::Hinted { error, .. } => error.into_kind(),
            error => error,
        }
    }

    /// The problems of arguments that do not fit.
    ///
    /// # Errors
    /// Any other error as it is.
    pub fn into_problems(self) -> Result<Vec<Problem>> {
        match self {
            Self::Invalid(problems) => Ok(problems),
            Self::Hinted { error, hint } => {
                error.into_problems().map_err(|error| Self::Hinted { error: Box::new(error), hint })
            }
            error => Err(error),
        }
    }

    /// The short name of the outcome, as the history writes it.
    pub fn outcome(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid",
            Self::Unusable(_) | Self::Undecodable { .. } => "unusable",
            Self::MissingKey | Self::WrongKey | Self::PassphraseNeeded | Self::WrongPassphrase | Self::Refused(_) => {
                "refused"
            }
            Self::Asked { .. } => "asked",
            Self::NotFound(_) => "not_found",
            Self::TimedOut(_) | Self::ProgramTimedOut { .. } => "timed_out",
            Self::Conflict(_) => "conflict",
            Self::TooLarge(_) => "too_large",
            Self::TooMany { .. } => "too_many",
            Self::NotImplemented(_) => "not_implemented",
            Self::Upstream(_) => "upstream",
            Self::Unavailable { .. } => "unavailable",
            Self::Full(_) | Self::PartlyAppended { .. } => "full",
            Self::Paused(_) => "paused",
            Self::Stopped => "stopped",
            Self::Cancelled => "cancelled",
            Self::Failed(_) | Self::Internal(_) => "failed",
            Self::Hinted { error, .. } => error.outcome(),
        }
    }
}

/// A question to the person that nobody answered in time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PendingApproval {
    /// Its name, for the person's answer.
    pub id: String,
    /// Always `pending`: what is answered is done, or refused.
    pub status: &'static str,
    /// The agent whose call it is about.
    pub agent: String,
    /// The capability that was called.
    pub tool: String,
    /// Until when it can be answered, in local time.
    pub expires_at: String,
}

/// What a program did before its time was over.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct PartialOutput {
    /// What it had written to standard output: the start and the end, 1 MiB at most.
    pub stdout: String,
    /// What it had written to standard error: the start and the end, 1 MiB at most.
    pub stderr: String,
    /// Whether a part in the middle of them is left out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
    /// The command lines that were running when the time was over, where the system tells them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub running: Vec<String>,
    /// The files that were asked for, as they were then: as in the answer of a program that ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outputs: Option<Value>,
    /// Of a notebook: all of it, with what the cells that ran had shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notebook: Option<Value>,
}

impl PartialOutput {
    /// What the answer carries of both streams: no more than [`Bound::OF_PARTIAL`] of each.
    pub fn of(stdout: Parts, stderr: Parts) -> Self {
        let [stdout, stderr] = [stdout, stderr].map(|stream| stream.bounded(Bound::OF_PARTIAL));
        let truncated = stdout.omitted > 0 || stderr.omitted > 0;
        Self { stdout: stdout.join(), stderr: stderr.join(), truncated, ..Self::default() }
    }
}

/// Problems of the disk that a caller can fix keep their name; the rest is a fault.
impl From<std::io::Error> for Error {
    fn from(cause: std::io::Error) -> Self {
        use std::io::ErrorKind as Kind;
        match cause.kind() {
            Kind::ReadOnlyFilesystem => Self::Refused(
                "The file system is mounted read-only there, so nothing can be written: mount it writable, or name a path \
                 elsewhere"
                    .into(),
            ),
            Kind::PermissionDenied => Self::Refused(
                "Permission denied by the operating system: the user that runs the bridge may not do this".into(),
            ),
            Kind::StorageFull | Kind::QuotaExceeded => {
                Self::Full("The disk is full: nothing was changed. Free some space and try again".into())
            }
            Kind::InvalidFilename => Self::Unusable("The file name is too long for this file system".into()),
            _ => Self::Internal(cause.into()),
        }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Invalid(vec![problem])
    }
}

fn sentences(problems: &[Problem]) -> String {
    let all: Vec<String> = problems.iter().map(Problem::to_string).collect();
    all.join("; ")
}
