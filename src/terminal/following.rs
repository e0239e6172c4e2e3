//! A command that runs, and what it writes: taken in until it ends, or until its time is over.

use super::{
    output::Output,
    processes::Adopted,
    spawn::{Stderr, Stdout, Tree},
};
use crate::{capability::Context, error::Result, excerpt::Parts};
use std::time::Duration;

/// How long the answer to a command that ran out of time waits for the end of all that it started. On a machine that has
/// not come to it by then, the rest ends behind the answer.
const ENDING: Duration = Duration::from_secs(5);

/// How long a command whose time is over may take to put its things in order after SIGTERM. One that ends at once costs
/// none of it.
const GRACE: Duration = Duration::from_millis(700);

/// How many of a command's processes are named.
const MAX_NAMED: usize = 20;

/// How much of the command line of each, in characters.
const MAX_NAME: usize = 300;

/// A captured command. Dropping it ends all that it started.
pub(super) struct Following<'a> {
    tree: Tree,
    stdout: Output<'a, Stdout>,
    stderr: Output<'a, Stderr>,
}

/// What came of a command.
pub(super) struct End {
    /// `None` when it was ended for its time.
    pub exit_code: Option<i32>,
    pub stdout: Parts,
    pub stderr: Parts,
    /// Whether it wrote so much that it was ended.
    pub is_flood: bool,
    pub memory_exceeded: bool,
    /// Whether something that it had started in the background was ended with it.
    pub left_behind: bool,
    /// The command lines that were running when its time was over.
    pub running: Vec<String>,
}

impl End {
    /// Whether a part of its output is missing.
    pub(crate) fn is_cut(&self) -> bool {
        self.is_flood || self.stdout.omitted > 0 || self.stderr.omitted > 0
    }
}

impl<'a> Following<'a> {
    /// Takes in what `tree` writes, and keeps up to `limit` bytes of each stream.
    pub(crate) fn new(tree: Tree, limit: usize, context: &'a Context) -> Self {
        let (stdout, stderr) = tree.take_output().expect("a captured command has its output taken once");
        context.begun();
        let stdout = Output::new("stdout", stdout, limit, context);
        Self { tree, stdout, stderr: Output::new("stderr", stderr, limit, context) }
    }

    /// Takes in what it writes until it ends, or has written so much that it is ended. What was read stays when this is
    /// dropped.
    ///
    /// # Errors
    /// When the system loses the process or a stream of it.
    pub(crate) async fn until_end(&mut self) -> Result<i32> {
        let (mut stdout_open, mut stderr_open) = (true, true);
        loop {
            tokio::select! {
                read = self.stdout.read(), if stdout_open => {
                    read?;
                    stdout_open = false;
                }
                read = self.stderr.read(), if stderr_open => {
                    read?;
                    stderr_open = false;
                }
                code = self.tree.wait() => return code,
            }
            if self.stdout.is_flood() || self.stderr.is_flood() {
                return self.tree.kill().await;
            }
        }
    }

    /// All of a command that ended with `exit_code`.
    pub(crate) async fn finish(mut self, exit_code: i32) -> End {
        self.take_the_rest().await;
        let is_flood = self.stdout.is_flood() || self.stderr.is_flood();
        let (stdout, mut stderr) = (self.stdout.into_parts(), self.stderr.into_parts());
        let exceeded = self.tree.exceeded_memory();
        if let Some(most) = exceeded {
            stderr.add_line(&format!(
                "The bridge's bound on memory was reached: a command may take {most} MiB with all its processes \
                 (MAX_COMMAND_MEMORY_MIB)"
            ));
        }
        let memory_exceeded = exceeded.is_some();
        // Of a flood everything is ended.
        let left_behind = !is_flood && self.tree.ended_others();
        End { exit_code: Some(exit_code), stdout, stderr, is_flood, memory_exceeded, left_behind, running: vec![] }
    }

    async fn take_the_rest(&mut self) {
        self.stdout.finish().await;
        self.stderr.finish().await;
    }

    /// Leaves it running, for whoever looks after it from now on.
    pub(crate) fn hand_over(self) -> Adopted {
        Adopted { tree: self.tree, stdout: self.stdout.into_taken(), stderr: self.stderr.into_taken() }
    }

    /// Ends it, and gives what it wrote and what of it was running.
    pub(crate) async fn cut_off(mut self) -> End {
        let mut running = self.tree.command_lines();
        running.truncate(MAX_NAMED);
        let running = running.into_iter().map(|line| line.chars().take(MAX_NAME).collect()).collect();
        self.tree.ask_to_end();
        // What it writes meanwhile is taken in: it must not wait for that.
        let _ = tokio::time::timeout(GRACE, self.until_end()).await;
        let is_over = tokio::time::timeout(ENDING, self.tree.kill()).await.is_ok();
        self.take_the_rest().await;
        if !is_over {
            tracing::warn!("a command that ran out of time has not ended {} s after it was killed", ENDING.as_secs());
            tokio::spawn(async move { self.tree.wait().await });
        }
        let (stdout, stderr) = (self.stdout.into_parts(), self.stderr.into_parts());
        End { exit_code: None, stdout, stderr, is_flood: false, memory_exceeded: false, left_behind: false, running }
    }
}
