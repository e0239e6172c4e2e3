//! Notifications as macOS shows them for a script; they go by themselves.

use std::{io, process::Stdio};
use tokio::process::Command;

/// The desktop of the user who runs the bridge.
#[derive(Default)]
pub(super) struct Desktop;

impl Desktop {
    /// Shows a text.
    ///
    /// # Errors
    /// Where nobody is logged in at the screen.
    pub(super) async fn show(&mut self, text: &str) -> io::Result<()> {
        const SCRIPT: [&str; 3] = [
            "on run argv",
            "display notification (item 1 of argv) with title \"Skynet Local Bridge\" subtitle \"An agent waits for you\"",
            "end run",
        ];
        let mut script = Command::new("/usr/bin/osascript");
        SCRIPT.iter().for_each(|line| drop(script.args(["-e", line])));
        script.arg(text).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let status = script.status().await?;
        if status.success() { Ok(()) } else { Err(io::Error::other(format!("osascript ended with {status}"))) }
    }

    /// Nothing: what was shown went by itself.
    ///
    /// # Errors
    /// None.
    pub(super) async fn withdraw(&mut self) -> io::Result<()> {
        Ok(())
    }
}
