//! `mcp-server history`: what was done, read from the bridge's own files, whether it runs or not.
#![expect(clippy::disallowed_methods, reason = "the bridge's own history, at its owner's terminal")]

use super::print;
use crate::{bridge::Bridge, caller::since_agents, clock};
use anyhow::{Context, Result, ensure};
use chrono::NaiveTime;
use serde_json::Value;
use std::{
    fs::File,
    io::{self, BufRead, BufReader, ErrorKind},
    path::{Path, PathBuf},
    time::Duration,
};

/// How often a history that is followed is looked at.
const PAUSE: Duration = Duration::from_millis(200);

/// A line's details are shown up to so many characters.
const MAX_DETAILS: usize = 160;

/// Which lines a person means.
pub(crate) struct Chosen<'a> {
    agent: Option<&'a str>,
    outcome: Option<&'a str>,
    /// From this time of the day on, as timestamps write it.
    since: Option<&'a str>,
}

impl<'a> Chosen<'a> {
    /// Those of an agent, with an outcome, from a time on.
    ///
    /// # Errors
    /// When the time is none.
    pub(crate) fn of(agent: Option<&'a str>, outcome: Option<&'a str>, since: Option<&'a str>) -> Result<Self> {
        let is_time =
            |text: &str| ["%H:%M", "%H:%M:%S"].iter().any(|form| NaiveTime::parse_from_str(text, form).is_ok());
        if let Some(since) = since {
            ensure!(is_time(since) && since.len() >= 5, "{since:?} is no time of a day: write it as 14:30");
        }
        Ok(Self { agent, outcome, since })
    }

    fn takes(&self, line: &Value) -> bool {
        let text = |field: &str| line[field].as_str().unwrap_or_default();
        let is_late = |since: &str| text("timestamp").split_once('T').is_some_and(|(_, time)| time >= since);
        self.agent.is_none_or(|agent| agent == since_agents(text("caller")))
            && self.outcome.is_none_or(|outcome| outcome == text("outcome"))
            && self.since.is_none_or(is_late)
    }
}

/// Prints the lines of a day, today's by default; with `follow` also those that come, until Ctrl-C.
///
/// # Errors
/// When the day is none, or its file cannot be read.
pub(crate) async fn show(directory: &Path, date: Option<&str>, follow: bool, chosen: &Chosen<'_>) -> Result<()> {
    let mut day = date.map_or_else(clock::today, str::to_owned);
    ensure!(is_date(&day), "{day:?} is no date: write it as 2026-01-31");
    let folder = Bridge::folder_in(directory).join("history");
    let mut file = open(&folder, &day)?;
    if file.is_none() && !follow {
        return ended(print::line(&format!("Nothing was done on {day} in {}.", directory.display())));
    }
    loop {
        if let Some(file) = &mut file
            && let Err(error) = print_new(file, chosen)
        {
            return ended(Err(error));
        }
        if !follow {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
        let today = clock::today();
        if file.is_none() || date.is_none() && today != day {
            // What was written in the last moments of a day comes first.
            if let Some(file) = &mut file {
                print_new(file, chosen)?;
            }
            day = if date.is_none() { today } else { day };
            file = open(&folder, &day)?;
        }
    }
}

/// A pipe that is closed is an end like any other.
fn ended(printed: io::Result<()>) -> Result<()> {
    match printed {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok()
}

struct Day {
    lines: BufReader<File>,
    /// The start of a line of which the rest is not written yet.
    begun: Vec<u8>,
}

fn open(folder: &Path, day: &str) -> Result<Option<Day>> {
    let path: PathBuf = folder.join(format!("{day}.log"));
    match File::open(&path) {
        Ok(file) => Ok(Some(Day { lines: BufReader::new(file), begun: Vec::new() })),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
    }
}

fn print_new(day: &mut Day, chosen: &Chosen<'_>) -> io::Result<()> {
    while day.lines.read_until(b'\n', &mut day.begun)? > 0 && day.begun.ends_with(b"\n") {
        let line = std::mem::take(&mut day.begun);
        if let Ok(line) = serde_json::from_slice::<Value>(&line)
            && chosen.takes(&line)
        {
            print::line(&shown(&line))?;
        }
    }
    Ok(())
}

fn shown(line: &Value) -> String {
    let text = |field: &str| print::plain(line[field].as_str().unwrap_or_default(), 40);
    let time = text("timestamp");
    let time = time.split_once('T').map_or(&*time, |(_, time)| time.split('.').next().unwrap_or(time));
    let outcome = text("outcome");
    let outcome = if outcome == "ok" { format!("{outcome:<11}") } else { print::alarming(&format!("{outcome:<11}")) };
    let milliseconds = line["duration_ms"].as_f64().unwrap_or_default();
    let details = print::plain(&line["details"].to_string(), MAX_DETAILS);
    format!(
        "{time}  {outcome} {:<22} {:<8} {milliseconds:>8.0} ms  {details}",
        text("action"),
        since_agents(&text("caller"))
    )
}
