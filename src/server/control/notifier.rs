//! Tells the person on the desktop that agents wait for an answer: one notification, which is replaced when others come and
//! goes when nothing waits any more. It says who waits and how to answer, and nothing of what is asked: a lock screen shows it.

#[cfg_attr(target_os = "macos", path = "notifier/desktop_macos.rs")]
mod desktop;

use crate::approvals::{Approvals, Waiting};
use desktop::Desktop;
use std::{collections::HashSet, time::Duration};

/// How often at most, however many questions come.
const BETWEEN: Duration = Duration::from_secs(2);

/// After so long without any change it is looked whether questions went past their time.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// How long a desktop may take to show something.
const PATIENCE: Duration = Duration::from_secs(5);

/// Tells of what waits until it is dropped.
pub(super) async fn notify(approvals: &Approvals) {
    let (mut desktop, mut told, mut seen) = (Desktop::default(), HashSet::new(), 0);
    loop {
        approvals.changed(seen, LOOK_AGAIN).await;
        let (version, waiting) = approvals.waiting();
        seen = version;
        let is_new = waiting.iter().any(|it| !told.contains(&it.id));
        told = waiting.iter().map(|it| it.id.clone()).collect();
        let showing = async {
            match waiting.last() {
                Some(newest) if is_new => desktop.show(&text(newest, waiting.len())).await,
                Some(_) => Ok(()),
                None => desktop.withdraw().await,
            }
        };
        match tokio::time::timeout(PATIENCE, showing).await {
            Ok(Ok(())) => {}
            // There is none, or it has no such thing: the command line shows the questions anyway.
            Ok(Err(error)) => tracing::debug!("no desktop notification: {error}"),
            Err(_) => tracing::debug!("no desktop notification: the desktop does not answer"),
        }
        tokio::time::sleep(BETWEEN).await;
    }
}

/// What is said when so many wait. Names of agents and tools have no character that a desktop would read as markup.
fn text(newest: &Waiting, count: usize) -> String {
    let (id, question) = (&newest.id, &newest.question);
    let asks = format!("{} waits to use {}: mcp-server approve {id}, or deny {id}.", question.agent, question.tool);
    match count {
        1 => asks,
        _ => format!("{count} questions wait: mcp-server watch shows them. The newest: {asks}"),
    }
}
