//! `mcp-server open`: lets a browser in as the person.

use super::{control::with_bridge, person::Person, print};
use crate::{
    bridge::Bridge,
    control::{ConsentCode, EndSessions, OpenPage},
    owner::Owner,
};
use anyhow::{Context, Result};
use std::process::{Command, Stdio};

/// Who asks is shown up to so many characters.
const MAX_PLACES: usize = 400;

/// What to do with the page.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct OpenOptions {
    /// Print the link alone, and open nothing
    #[arg(long)]
    print: bool,
    /// Show a code for the page on which a client of the web is let in, and open nothing
    #[arg(long, conflicts_with = "print")]
    code: bool,
    /// End all sessions and links instead
    #[arg(long, conflicts_with_all = ["print", "code"])]
    end: bool,
}

/// Opens the page in a browser that is let in by that, or prints its link.
///
/// # Errors
/// When no bridge runs, or none that serves HTTP.
pub(crate) async fn open(options: OpenOptions, person: &Person<'_>) -> Result<()> {
    if options.end {
        let ended = with_bridge(person, EndSessions { token: None }).await?.ended;
        return Ok(print::line(&format!("Ended: {ended} of your browser's sessions, and all links"))?);
    }
    if options.code {
        person.ask_if_set().await?;
        let shown = with_bridge(person, ConsentCode {}).await?;
        print::line(&shown.code)?;
        print::line("Type it on the page that asks. It lets in one client, within 5 minutes.")?;
        let asking = match &shown.waiting[..] {
            [] => "Nobody asks now.".to_owned(),
            places => format!("Now asks: {}", print::plain(&places.join(", "), MAX_PLACES)),
        };
        return Ok(print::line(&asking)?);
    }
    let served = Owner::of(&Bridge::folder_in(person.directory)).and_then(|owner| owner.url);
    let link = with_bridge(person, OpenPage {}).await?;
    let url =
        served.context("this bridge serves no pages, since a client started it: start `mcp-server` in its folder")?;
    let url = format!("{}{}", url.trim_end_matches('/'), link.path);
    print::line(&url)?;
    if !options.print {
        let how = match show(&url) {
            true => "It opens in your browser.",
            false => "Open it in a browser of this machine.",
        };
        print::line(&format!(
            "{how} It lets in one, within 5 minutes; the session ends after 12 hours, or by `open --end`"
        ))?;
    }
    Ok(())
}

/// Has the desktop open an address; whether there is something that does.
#[expect(clippy::disallowed_methods, reason = "the person's own desktop, on the command line")]
fn show(url: &str) -> bool {
    let mut opener = match std::env::consts::OS {
        "macos" => Command::new("/usr/bin/open"),
        "windows" => {
            let mut opener = Command::new("rundll32");
            opener.arg("url.dll,FileProtocolHandler");
            opener
        }
        _ => Command::new("xdg-open"),
    };
    let nothing = Stdio::null;
    let started = opener.arg(url).stdin(nothing()).stdout(nothing()).stderr(nothing()).status();
    started.is_ok_and(|status| status.success())
}
