//! The one table from the bridge's errors to HTTP, and the body that every error has.

use crate::{
    arguments::Ignored,
    error::{Error, PartialOutput, PendingApproval},
    problem::Problem,
};
use axum::{
    Json,
    http::{HeaderValue, StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use serde::Serialize;
use std::any::Any;

/// Why a request was not served.
#[derive(Default, JsonSchema, Serialize)]
pub(crate) struct ErrorBody {
    /// What was wrong.
    pub detail: String,
    /// How to fix it, where `detail` does not say so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Of an append that the full disk broke off: how many bytes were appended and stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_appended: Option<u64>,
    /// Of a call about which the person is asked: the question, which waits for an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<PendingApproval>,
    /// Of a program that ran out of time: what it had done until then.
    #[serde(flatten)]
    pub partial: Option<PartialOutput>,
    /// The fields that were sent and did not count.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignored: Vec<Ignored>,
}

impl ErrorBody {
    /// What an error says, whatever its status, and which fields did not count.
    pub(crate) fn of(error: Error, ignored: Vec<Ignored>) -> Self {
        let (detail, hint) = (error.to_string(), error.hint().map(str::to_owned));
        let mut body = Self { detail, hint, ignored, ..Self::default() };
        match error.into_kind() {
            Error::PartlyAppended { bytes_appended } => body.bytes_appended = Some(bytes_appended),
            Error::ProgramTimedOut { partial, .. } => body.partial = Some(*partial),
            Error::Asked { approval, .. } => body.approval = Some(*approval),
            _ => {}
        }
        body
    }
}

/// Which arguments do not fit.
#[derive(JsonSchema, Serialize)]
pub(crate) struct ValidationErrorBody {
    /// Every problem, in the order of the fields.
    pub detail: Vec<Problem>,
    /// How to fix it, where `detail` does not say so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The fields that were sent and did not count.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignored: Vec<Ignored>,
}

/// The status of an error.
pub(crate) fn code(error: &Error) -> StatusCode {
    match error {
        Error::Unusable(_) | Error::Undecodable { .. } => StatusCode::BAD_REQUEST,
        Error::MissingKey | Error::PassphraseNeeded => StatusCode::UNAUTHORIZED,
        Error::WrongKey | Error::WrongPassphrase | Error::Refused(_) | Error::Asked { .. } => StatusCode::FORBIDDEN,
        Error::NotFound(_) => StatusCode::NOT_FOUND,
        Error::TimedOut(_) | Error::ProgramTimedOut { .. } => StatusCode::REQUEST_TIMEOUT,
        Error::Conflict(_) => StatusCode::CONFLICT,
        Error::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        Error::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
        Error::Paused(_) | Error::Stopped => StatusCode::LOCKED,
        Error::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
        Error::Internal(_) | Error::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        Error::NotImplemented(_) => StatusCode::NOT_IMPLEMENTED,
        Error::Upstream(_) => StatusCode::BAD_GATEWAY,
        Error::Unavailable { .. } | Error::Cancelled => StatusCode::SERVICE_UNAVAILABLE,
        Error::Full(_) | Error::PartlyAppended { .. } => StatusCode::INSUFFICIENT_STORAGE,
        Error::Hinted { error, .. } => code(error),
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        failed(self, vec![])
    }
}

/// The answer to a request that failed, and of which these fields did not count.
pub(crate) fn failed(error: Error, ignored: Vec<Ignored>) -> Response {
    let (code, hint) = (code(&error), error.hint().map(str::to_owned));
    let retry_after = match error.kind() {
        Error::TooMany { retry_after, .. } => Some(*retry_after),
        Error::Unavailable { retry_after, .. } => *retry_after,
        _ => None,
    };
    let mut response = match error.into_problems() {
        Ok(detail) => (code, Json(ValidationErrorBody { detail, hint, ignored })).into_response(),
        Err(error) => (code, Json(ErrorBody::of(error, ignored))).into_response(),
    };
    if let Some(wait) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
    }
    response
}

/// An answer with the body that every error has.
pub(crate) fn detail(code: StatusCode, text: &str, hint: Option<String>) -> Response {
    (code, Json(ErrorBody { detail: text.to_owned(), hint, ..ErrorBody::default() })).into_response()
}

/// A handler that panicked: the panic is logged by its hook, the caller learns nothing of it.
pub(crate) fn panicked(_: Box<dyn Any + Send>) -> Response {
    Error::internal(anyhow::anyhow!("a handler panicked")).into_response()
}
