//! `mcp-server watch`: what agents do and ask, line by line as it comes, with keys to answer.

mod view;

use super::{
    control::{PassphraseNeeded, ask_bridge},
    history::{self, Lines},
    print, question,
    screen::{self, Screen, Signals, Told},
    stdin,
    typed_line::{Typed, TypedLine},
};
use crate::{
    bridge::Bridge,
    control::{Approve, Deny, ListQuestions, Passphrase, PauseAgents, Questions},
    settings::Secret,
};
use anyhow::{Context as _, Result};
use std::{
    io::{self, IsTerminal},
    path::Path,
    time::Instant,
};
use tokio::sync::mpsc::Receiver;
use view::{View, Wish};

/// How long one look at what waits may last, in seconds, when nothing changes.
const LOOK: u64 = 15;

/// The columns of a terminal that does not say how many it has.
const COLUMNS: u16 = 80;

/// Shows what comes until the person leaves.
///
/// # Errors
/// When no bridge runs, or it stops.
pub(crate) async fn watch(directory: &Path, program: &str) -> Result<()> {
    let lines = Lines::to_come(directory)?;
    let first = ask_bridge(directory, &ListQuestions::default(), None).await?;
    let screen = Screen::take_keys().context("the keys of this terminal cannot be read one by one")?;
    let has_keys = screen.is_some() && io::stdout().is_terminal();
    let mut watcher = Watcher { directory, program, view: View::of(program), has_keys, typing: None };
    let keys = screen.is_some().then(stdin::read);
    let watched = watcher.watch(lines, first, keys).await;
    watcher.clear()?;
    watched
}

/// What waits, as soon as it is something else.
async fn look(directory: &Path, version: u64) -> Result<Questions> {
    ask_bridge(directory, &ListQuestions { agent: None, after: Some(version), wait_seconds: LOOK }, None).await
}

/// What the person types; nothing ever where there are no keys.
async fn pressed(keys: &mut Option<Receiver<Vec<u8>>>) -> Option<Vec<u8>> {
    match keys {
        Some(keys) => keys.recv().await,
        None => std::future::pending().await,
    }
}

struct Watcher<'a> {
    directory: &'a Path,
    /// How the program is called again.
    program: &'a str,
    view: View,
    /// Whether the last line tells what keys do.
    has_keys: bool,
    /// The yes that waits for the passphrase, and what was typed of that.
    typing: Option<(Wish, TypedLine)>,
}

impl Watcher<'_> {
    async fn watch(&mut self, mut lines: Lines, first: Questions, mut keys: Option<Receiver<Vec<u8>>>) -> Result<()> {
        let mut signals = Signals::listen()?;
        let mut every = tokio::time::interval(history::PAUSE);
        let mut looking = Box::pin(look(self.directory, self.take(first)?));
        loop {
            let goes_on = tokio::select! {
                _ = every.tick() => self.show_new(&mut lines).map(|()| true)?,
                looked = &mut looking => {
                    looking = Box::pin(look(self.directory, self.take(looked?)?));
                    true
                }
                Some(typed) = pressed(&mut keys) => self.press(&typed).await?,
                told = signals.next() => match told {
                    Told::Resized => self.print(&[]).map(|()| true)?,
                    Told::Leave => false,
                },
                _ = tokio::signal::ctrl_c() => false,
            };
            if !goes_on {
                return Ok(());
            }
        }
    }

    /// Shows what waits; gives which list it was.
    fn take(&mut self, questions: Questions) -> Result<u64> {
        let lines = self.view.take(questions.questions, Instant::now());
        self.print(&lines)?;
        Ok(questions.version)
    }

    /// Shows what was done since the last look.
    fn show_new(&mut self, lines: &mut Lines) -> Result<()> {
        let mut new = Vec::new();
        while let Some(line) = lines.next()? {
            new.push(history::shown(&line));
        }
        if new.is_empty() { Ok(()) } else { Ok(self.print(&new)?) }
    }

    /// Does what keys mean. False when the person leaves.
    async fn press(&mut self, typed: &[u8]) -> Result<bool> {
        for key in typed {
            let lines = match self.typing.take() {
                Some((wish, line)) => self.type_on(wish, line, *key).await,
                None => match self.view.press(*key, Instant::now()) {
                    Some(Wish::Quit) => return Ok(false),
                    Some(Wish::Say(said)) => vec![said.to_owned()],
                    Some(Wish::Next) => self.view.next(Instant::now()),
                    Some(wish) => self.do_or_ask(wish).await,
                    None => continue,
                },
            };
            self.print(&lines)?;
        }
        Ok(true)
    }

    /// Has something done; where that needs the passphrase, the next keys are that.
    async fn do_or_ask(&mut self, wish: Wish) -> Vec<String> {
        let folder = Bridge::folder_in(self.directory);
        if matches!(wish, Wish::Approve(..)) && Passphrase::is_asked_for_in(&folder) {
            self.typing = Some((wish, TypedLine::default()));
            return Vec::new();
        }
        match self.ask_for(&wish, None).await {
            Err(why) if why.is::<PassphraseNeeded>() => {
                self.typing = Some((wish, TypedLine::default()));
                Vec::new()
            }
            done => done.unwrap_or_else(|why| vec![format!("{why:#}")]),
        }
    }

    /// Takes a key of the passphrase.
    async fn type_on(&mut self, wish: Wish, mut line: TypedLine, key: u8) -> Vec<String> {
        match line.press(key) {
            Typed::More => {
                self.typing = Some((wish, line));
                Vec::new()
            }
            Typed::Whole(passphrase) => {
                self.ask_for(&wish, Some(&passphrase)).await.unwrap_or_else(|why| vec![format!("{why:#}")])
            }
            Typed::Left => vec!["Nothing was answered.".to_owned()],
        }
    }

    async fn ask_for(&self, wish: &Wish, passphrase: Option<&Secret>) -> Result<Vec<String>> {
        let answers = match wish {
            Wish::Approve(id, scope) => {
                let approve = Approve { id: Some(id.clone()), scope: *scope, ..Approve::default() };
                ask_bridge(self.directory, &approve, passphrase).await?
            }
            Wish::Deny(id) => {
                ask_bridge(self.directory, &Deny { id: Some(id.clone()), ..Deny::default() }, None).await?
            }
            Wish::Pause(agent) => {
                ask_bridge(self.directory, &PauseAgents { name: Some(agent.clone()) }, None).await?;
                return Ok(vec![format!("{agent} is paused")]);
            }
            Wish::Say(_) | Wish::Next | Wish::Quit => return Ok(Vec::new()),
        };
        Ok(answers.answered.iter().flat_map(|answered| question::told(answered, self.program)).collect())
    }

    /// Prints lines above the one that tells what keys do.
    fn print(&self, lines: &[String]) -> io::Result<()> {
        self.clear()?;
        lines.iter().try_for_each(|line| print::line(line))?;
        if !self.has_keys {
            return Ok(());
        }
        let columns = screen::size().map_or(COLUMNS, |(columns, _)| columns);
        let columns = usize::from(columns).saturating_sub(1);
        let status = match &self.typing {
            Some((Wish::Approve(id, _), _)) => {
                print::plain(&format!("Passphrase, to approve {id} (Esc: not now): "), columns)
            }
            _ => self.view.status(columns),
        };
        print::part(&status)
    }

    /// Takes that line away.
    fn clear(&self) -> io::Result<()> {
        if !self.has_keys {
            return Ok(());
        }
        print::part("\r\x1b[K")
    }
}
