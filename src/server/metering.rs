//! Counts what an agent sends and is sent, where the person bounded that.

use crate::{agents::Agent, caller::Caller};
use axum::{
    body::{Body, HttpBody},
    response::Response,
};
use bytes::Bytes;
use futures::StreamExt;
use std::sync::Arc;

/// Counts a request's body, in bytes.
pub(crate) fn received(caller: &Caller, bytes: usize) {
    if let Some(agent) = metered(caller) {
        agent.uses(bytes as u64);
    }
}

/// Counts what is answered: at once where its length is known, and as it goes where it is a stream.
pub(crate) fn answered(caller: &Caller, response: Response) -> Response {
    let Some(agent) = metered(caller).cloned() else { return response };
    match response.body().size_hint().exact() {
        Some(bytes) => {
            agent.uses(bytes);
            response
        }
        None => response.map(move |body| {
            let counted = agent.clone();
            let count = move |part: &Result<Bytes, axum::Error>| {
                if let Ok(bytes) = part {
                    counted.uses(bytes.len() as u64);
                }
            };
            // What goes beyond the bound is broken off, as a client sees.
            let within = move |_: &Result<Bytes, axum::Error>| std::future::ready(agent.is_within_its_day());
            Body::from_stream(body.into_data_stream().take_while(within).inspect(count))
        }),
    }
}

fn metered(caller: &Caller) -> Option<&Arc<Agent>> {
    caller.as_agent().filter(|agent| agent.bounds().mib_a_day.is_some())
}
