//! Files into a running container and out of it: a second process in it, beside the interpreter.

use super::{
    container::{Container, Input, Output},
    files::{OutputFile, Selection},
    limits::{USER, WORKSPACE},
};
use crate::{
    caller::MemoryBudget,
    error::{Error, Result},
};
use bollard::{
    errors::Error as EngineError,
    exec::StartExecResults,
    models::{ExecConfig, ExecInspectResponse},
};
use futures::StreamExt;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

/// How long files may take into or out of a session.
const TRANSFER_TIME: Duration = Duration::from_secs(60);

impl Container {
    /// Unpacks an archive into the workspace; false when something in it has no place there.
    ///
    /// # Errors
    /// When the engine refuses or the transfer takes too long.
    pub(super) async fn unpack(&self, archive: Vec<u8>) -> Result<bool> {
        let work = async {
            let (id, mut output, mut input) = self.execute(words(&["tar", "-xf", "-"])).await?;
            let feed = async {
                let _ = input.write_all(&archive).await;
                let _ = input.shutdown().await;
            };
            let drain = async { while let Some(Ok(_)) = output.next().await {} };
            tokio::join!(feed, drain);
            let ExecInspectResponse { exit_code, .. } = self.connection().docker.inspect_exec(&id).await?;
            Ok(exit_code == Some(0))
        };
        self.in_time(work).await
    }

    /// Brings back what is selected of a workspace of `room` MiB.
    ///
    /// # Errors
    /// When the engine refuses or the transfer takes too long.
    pub(super) async fn collect(
        &self,
        selection: Selection,
        room: u64,
        holding: &MemoryBudget,
    ) -> Result<Vec<OutputFile>> {
        let mut command = words(&["tar", "-cf", "-"]);
        command.extend(selection.roots.iter().map(|root| format!("./{root}")));
        let (_, mut output, _input) = self.in_time(self.execute(command)).await?;
        let reading = selection.collect(Vec::new(), &mut output, room, holding);
        tokio::time::timeout(TRANSFER_TIME, reading).await.map_err(|_| slow())?
    }

    /// Kills whatever runs in the container beside its first process, which the kernel protects from within.
    ///
    /// # Errors
    /// When the engine refuses or takes too long.
    pub(super) async fn kill_all_but_the_first(&self) -> Result<()> {
        let (_, mut output, _input) = self.in_time(self.execute(words(&["/bin/sh", "-c", "kill -9 -1"]))).await?;
        while let Some(Ok(_)) = output.next().await {}
        Ok(())
    }

    async fn execute(&self, command: Vec<String>) -> Result<(String, Output, Input), EngineError> {
        let docker = &self.connection().docker;
        let config = ExecConfig {
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(command),
            user: Some(USER.to_owned()),
            working_dir: Some(WORKSPACE.to_owned()),
            ..ExecConfig::default()
        };
        let id = docker.create_exec(self.id(), config).await?.id;
        match docker.start_exec(&id, None).await? {
            StartExecResults::Attached { output, input } => Ok((id, output, input)),
            StartExecResults::Detached => unreachable!("it was asked for attached"),
        }
    }

    async fn in_time<T>(&self, work: impl Future<Output = Result<T, EngineError>>) -> Result<T> {
        let done = tokio::time::timeout(TRANSFER_TIME, work).await.map_err(|_| slow())?;
        done.map_err(|cause| self.explain(cause))
    }
}

fn slow() -> Error {
    Error::TimedOut(format!("The files took longer than {}s", TRANSFER_TIME.as_secs()))
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
