//! The server's side: starts the reader of a document, takes its text, and says what became of it.

use super::{
    DAMAGED, Kind, PROCESSOR_SECONDS,
    child::{self, ARGUMENT, End},
    memory_for,
};
use crate::{
    caller::MemoryBudget,
    error::{Error, Result},
};
use std::{
    fs::File,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{Child, Command},
    runtime::Handle,
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

/// The most readers at once: with what each may use they stay below a gibibyte, whatever the documents ask for.
const MOST: usize = 4;

/// How long a document waits for one of them, and when to try again afterwards.
const TURN: Duration = Duration::from_secs(60);
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// How long a reader may take on the clock: on a busy machine it waits for the processor.
const TIME: Duration = Duration::from_secs(30);

/// As much of the text is taken at once, and asked for in what the call may hold, in bytes.
const STEP: usize = 256 * 1024;

/// The most of what it writes to its errors that is looked at, in bytes: the runtime's last words.
const LAST_WORDS: u64 = 4096;

/// So much of it is logged, in characters.
const LOGGED: usize = 400;

/// Starts readers of documents, a few at once.
pub(crate) struct Readers {
    slots: Semaphore,
}

/// A document that is open.
pub(crate) struct Document {
    /// What it is.
    pub kind: Kind,
    /// The file, from its first byte on.
    pub file: File,
    /// Its size in bytes.
    pub size: u64,
}

impl Readers {
    /// As many at once as there are processors, within bounds.
    pub(crate) fn new() -> Self {
        let processors = std::thread::available_parallelism().map_or(2, usize::from);
        Self { slots: Semaphore::new(processors.clamp(2, MOST)) }
    }

    /// The text of a document, of at most `most` bytes, which `holding` counts. Blocks; called within the runtime.
    ///
    /// # Errors
    /// [`Error::Unusable`] for one that has no text to give, whatever it did to its reader; [`Error::Unavailable`] when
    /// there is no reader or no room in time.
    pub(crate) fn text(
        &self,
        document: Document,
        most: u64,
        holding: &MemoryBudget,
        cancelled: &CancellationToken,
    ) -> Result<String> {
        Handle::current().block_on(async {
            tokio::select! {
                text = self.read(document, most, holding) => text,
                () = cancelled.cancelled() => Err(Error::Cancelled),
            }
        })
    }

    async fn read(&self, document: Document, most: u64, holding: &MemoryBudget) -> Result<String> {
        let _slot = self.slot().await?;
        let (size, kind) = (document.size, document.kind);
        let reader = start(document)?;
        let Ok(finished) = timeout(TIME, finish(reader, most, holding)).await else {
            return Err(unreadable(&format!("reading it takes more than {} s", TIME.as_secs())));
        };
        let (text, last_words, status) = finished?;
        let end = status.code().and_then(End::of);
        if end != Some(End::Read) {
            let detail: String = String::from_utf8_lossy(&last_words).chars().take(LOGGED).collect();
            tracing::warn!(?kind, %status, ?detail, "a document was not read");
        }
        let text = String::from_utf8(text).map_err(|_| unreadable(DAMAGED))?;
        match end {
            Some(End::Read) => Ok(text),
            Some(End::Unreadable) => Err(unreadable(&text)),
            Some(End::Failed) => Err(unreadable(&failed(&last_words, size))),
            Some(End::Unconfined) => {
                tracing::error!("no document is read: its reader cannot be confined: {text}");
                Err(Error::unavailable("Documents cannot be read here; the server's log has the cause"))
            }
            None => Err(unreadable(&killed(&last_words, status, size))),
        }
    }

    async fn slot(&self) -> Result<SemaphorePermit<'_>> {
        match timeout(TURN, self.slots.acquire()).await {
            Ok(slot) => Ok(slot.expect("it is never closed")),
            Err(_) => Err(Error::Unavailable {
                message: "Too many documents are being read at once. Try again in a moment".into(),
                retry_after: Some(RETRY_AFTER),
            }),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "it is the bridge itself, which is no program of a caller's")]
fn start(document: Document) -> Result<Child> {
    let program = program().ok_or_else(|| {
        Error::unavailable("Documents cannot be read: the program mcp-server is not beside the one that runs")
    })?;
    let mut command = Command::new(program);
    command.arg(ARGUMENT).arg(document.kind.name()).arg(document.size.to_string()).env_clear();
    command.stdin(document.file).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command.spawn().map_err(|error| Error::Unavailable {
        message: format!("The system cannot start another process now ({error}): try again later"),
        retry_after: Some(RETRY_AFTER),
    })
}

/// This program; where the bridge is part of another one (its own tests), that which was built beside it.
fn program() -> Option<PathBuf> {
    if child::is_the_program() {
        // Still the same program when a newer one has taken its place on the disk.
        return if cfg!(target_os = "linux") { Some("/proc/self/exe".into()) } else { std::env::current_exe().ok() };
    }
    let name = format!("mcp-server{}", std::env::consts::EXE_SUFFIX);
    let embedder = std::env::current_exe().ok()?;
    let folder = embedder.parent()?;
    // Cargo puts tests and benchmarks one folder below the programs.
    let above = folder.parent().filter(|_| folder.ends_with("deps"));
    [Some(folder), above].into_iter().flatten().map(|folder| folder.join(&name)).find(|program| program.is_file())
}

/// Takes the text and the last words, and waits for the end. An error ends the reader, which is dropped with it.
async fn finish(mut reader: Child, most: u64, holding: &MemoryBudget) -> Result<(Vec<u8>, Vec<u8>, ExitStatus)> {
    let stdout = reader.stdout.take().expect("it is piped");
    let stderr = reader.stderr.take().expect("it is piped");
    let last_words = async {
        let mut words = Vec::new();
        // What a dying process says is no matter of life and death.
        let _ = stderr.take(LAST_WORDS).read_to_end(&mut words).await;
        Ok(words)
    };
    let (text, last_words) = tokio::try_join!(collect(stdout, most, holding), last_words)?;
    Ok((text, last_words, reader.wait().await?))
}

async fn collect(mut output: impl AsyncRead + Unpin, most: u64, holding: &MemoryBudget) -> Result<Vec<u8>> {
    let (mut text, mut step) = (Vec::new(), vec![0; STEP]);
    let mut held = 0;
    loop {
        let count = output.read(&mut step).await?;
        if count == 0 {
            return Ok(text);
        }
        if (text.len() + count) as u64 > most {
            let most = most / (1024 * 1024);
            return Err(unreadable(&format!("its text is longer than the {most} MiB that a call may return")));
        }
        if text.len() + count > held {
            holding.more(STEP as u64).await?;
            held += STEP;
        }
        text.extend_from_slice(&step[..count]);
    }
}

/// What a panic of the parser means.
fn failed(last_words: &[u8], size: u64) -> String {
    match last_words {
        b"capacity overflow" => too_much_memory(size),
        _ => DAMAGED.to_owned(),
    }
}

/// What the death of a reader means, by what the runtime and the system say.
fn killed(last_words: &[u8], status: ExitStatus, size: u64) -> String {
    let last_words = String::from_utf8_lossy(last_words);
    if last_words.contains("memory allocation of") {
        return too_much_memory(size);
    }
    if last_words.contains("has overflowed its stack") {
        return "it is nested too deeply, or contains itself".to_owned();
    }
    #[cfg(unix)]
    match std::os::unix::process::ExitStatusExt::signal(&status) {
        Some(libc::SIGXCPU) => return format!("reading it takes more than {PROCESSOR_SECONDS} s"),
        Some(libc::SIGSEGV) => return "it is nested too deeply, or contains itself".to_owned(),
        Some(libc::SIGKILL) => return "the machine has not enough memory to read it".to_owned(),
        _ => {}
    }
    #[cfg(not(unix))]
    let _ = status;
    DAMAGED.to_owned()
}

fn too_much_memory(size: u64) -> String {
    format!("reading it takes more than {} MiB of memory", memory_for(size) / (1024 * 1024))
}

/// The reason, and how to go on.
fn unreadable(reason: &str) -> Error {
    let reason: String = reason.chars().take(400).collect();
    Error::Unusable(format!(
        "Cannot read this document: {reason}. Its bytes can be read with as \"base64\", and a program such as pdftotext or \
         unzip can be run on it in the terminal"
    ))
}
