//! `mcp-server history`: what was done, read from the bridge's own files, whether it runs or not.
#![expect(clippy::disallowed_methods, reason = "the bridge's own history, at its owner's terminal")]

use super::print;
use crate::{
    agents::Agents,
    bridge::Bridge,
    caller::{agent_of, since_agents},
    clock,
};
use anyhow::{Context, Result, ensure};
use chrono::NaiveTime;
use serde_json::Value;
use std::{
    fs::File,
    io::{self, BufRead, BufReader, ErrorKind, Seek, SeekFrom},
    path::{Path, PathBuf},
    time::Duration,
};

/// How often a history that is followed is looked at.
pub(crate) const PAUSE: Duration = Duration::from_millis(200);

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
    let mut lines = Lines::of(directory, date)?;
    let (is_there, mut is_met) = (lines.open.is_some(), false);
    loop {
        while let Some(line) = lines.next()? {
            if chosen.takes(&line) {
                is_met = true;
                print::line(&shown(&line))?;
            }
        }
        if let Some(agent) = chosen.agent.filter(|_| !is_met) {
            known(directory, agent)?;
        }
        let (day, directory) = (&lines.day, directory.display());
        match is_there {
            _ if follow => tokio::time::sleep(PAUSE).await,
            _ if is_met => return Ok(()),
            false => return Ok(print::line(&format!("Nothing was done on {day} in {directory}."))?),
            true => return Ok(print::line(&format!("Nothing of that was done on {day}."))?),
        }
    }
}

/// Whether there is such an agent, or somebody else whom the history names.
///
/// # Errors
/// When there is not, with those that there are.
fn known(directory: &Path, name: &str) -> Result<()> {
    if agent_of(name).is_some() {
        let agents = Agents::open(&Bridge::folder_in(directory))?;
        agents.named(name).map_err(|error| anyhow::anyhow!("{error}; `person` is you"))?;
    }
    Ok(())
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok()
}

/// The lines of a day, and those that come.
pub(crate) struct Lines {
    folder: PathBuf,
    day: String,
    /// Whether the day that follows is read when this one is over.
    goes_on: bool,
    open: Option<Day>,
}

struct Day {
    lines: BufReader<File>,
    /// The start of a line of which the rest is not written yet.
    begun: Vec<u8>,
}

impl Lines {
    /// Those of a day; without one those of today, and of the days to come.
    ///
    /// # Errors
    /// When the day is none, or its file cannot be read.
    pub(crate) fn of(directory: &Path, date: Option<&str>) -> Result<Self> {
        let day = date.map_or_else(clock::today, str::to_owned);
        ensure!(is_date(&day), "{day:?} is no date: write it as 2026-01-31");
        let folder = Bridge::folder_in(directory).join("history");
        let open = open(&folder, &day)?;
        Ok(Self { folder, day, goes_on: date.is_none(), open })
    }

    /// Those that come from now on.
    ///
    /// # Errors
    /// When today's file cannot be read.
    pub(crate) fn to_come(directory: &Path) -> Result<Self> {
        let mut lines = Self::of(directory, None)?;
        if let Some(day) = &mut lines.open {
            day.lines.seek(SeekFrom::End(0)).context("the history cannot be read")?;
        }
        Ok(lines)
    }

    /// The next one that is there.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(crate) fn next(&mut self) -> Result<Option<Value>> {
        loop {
            // Taken first: what was written in the last moments of a day comes before the next day.
            let today = clock::today();
            if let Some(line) = self.open.as_mut().map(Day::next).transpose()?.flatten() {
                return Ok(Some(line));
            }
            let is_over = self.goes_on && today != self.day;
            if self.open.is_some() && !is_over {
                return Ok(None);
            }
            if is_over {
                self.day = today;
            }
            self.open = open(&self.folder, &self.day)?;
            if self.open.is_none() {
                return Ok(None);
            }
        }
    }
}

impl Day {
    fn next(&mut self) -> io::Result<Option<Value>> {
        while self.lines.read_until(b'\n', &mut self.begun)? > 0 && self.begun.ends_with(b"\n") {
            if let Ok(line) = serde_json::from_slice(&std::mem::take(&mut self.begun)) {
                return Ok(Some(line));
            }
        }
        Ok(None)
    }
}

fn open(folder: &Path, day: &str) -> Result<Option<Day>> {
    let path: PathBuf = folder.join(format!("{day}.log"));
    match File::open(&path) {
        Ok(file) => Ok(Some(Day { lines: BufReader::new(file), begun: Vec::new() })),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
    }
}

/// A line as a person reads it.
pub(crate) fn shown(line: &Value) -> String {
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
