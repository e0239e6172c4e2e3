//! What a person is told about the engine.

use super::{Address, greet, is_about_image};
use crate::settings::Settings;
use bollard::errors::Error as EngineError;

/// How it is with the engine of the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Diagnosis {
    /// It answers and has the image.
    Ready {
        /// Where it is.
        place: String,
    },
    /// It answers, and the image is not there.
    NoImage {
        /// Where it is.
        place: String,
    },
    /// Its socket is there, and this user may not use it.
    Refused {
        /// The socket's path.
        place: String,
    },
    /// None answers.
    Absent {
        /// What the last one that was tried failed with.
        why: String,
    },
}

/// Looks for the engine where the server does. Nothing is changed there.
pub async fn diagnose(settings: &Settings) -> Diagnosis {
    let candidates = match Address::candidates(settings) {
        Ok(candidates) => candidates,
        Err(error) => return Diagnosis::Absent { why: format!("{error:#}") },
    };
    let (mut refused, mut why) = (None, String::new());
    for address in &candidates {
        match greet(address).await {
            Ok(connection) => {
                let place = address.to_string();
                let found = connection.docker.inspect_image(&settings.sandbox_image).await;
                return match found {
                    Err(EngineError::DockerResponseServerError { status_code: 404, .. }) => {
                        Diagnosis::NoImage { place }
                    }
                    Err(error) if is_about_image(&error.to_string()) => Diagnosis::NoImage { place },
                    Err(error) => Diagnosis::Absent { why: error.to_string() },
                    Ok(_) => Diagnosis::Ready { place },
                };
            }
            Err(cause) => {
                refused = refused.or_else(|| address.refuses_this_user());
                why = format!("{address}: {cause}");
            }
        }
    }
    refused.map_or(Diagnosis::Absent { why }, |place| Diagnosis::Refused { place })
}
