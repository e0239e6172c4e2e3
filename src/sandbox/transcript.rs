//! What a container wrote, up to the mark with which its first process says that a program is over.

use super::container::Output;
use crate::{
    caller::MemoryBudget,
    error::PartialOutput,
    excerpt::{Bound, Excerpt, Parts},
};
use bollard::container::LogOutput;
use bytes::Bytes;
use futures::StreamExt;
use memchr::memmem;
use serde_json::Value;

/// The longest line that may follow the mark, in bytes: an answer of a session, with its figures.
const MAX_VERDICT: usize = 32 * 1024 * 1024;

/// What is kept without asking for memory, in bytes: most programs write less.
const FREE: usize = 64 * 1024;

/// How many bytes of memory longer output gets at first; then all that it may need, so that few programs are finished
/// instead of many begun.
const STEP: usize = 1024 * 1024;

/// The streams of one program.
pub(super) struct Transcript {
    stdout: Kept,
    stderr: Kept,
    verdict: Vec<u8>,
    /// How much is kept of each stream.
    limit: usize,
    /// Who answers for the memory, and how many bytes were asked for.
    holding: MemoryBudget,
    held: usize,
}

/// How reading ended.
pub(super) enum Ending {
    /// The program is over: the line after the mark, and what of the next bytes came with it.
    Verdict { line: Vec<u8>, rest: Vec<u8> },
    /// The streams ended without a mark: the container is gone, or its first process was killed.
    Gone,
}

impl Transcript {
    /// Keeps `limit` bytes of each stream, as far as the call may hold them: the first and the last.
    pub(crate) fn new(mark: &str, limit: usize, holding: &MemoryBudget) -> Self {
        let [stdout, stderr] = [(); 2].map(|()| Kept::new(mark, limit));
        Self { stdout, stderr, verdict: Vec::new(), limit, holding: holding.clone(), held: FREE }
    }

    /// What was kept of both streams: standard output and standard error.
    pub(crate) fn take(&mut self) -> (Parts, Parts) {
        (self.stdout.take(), self.stderr.take())
    }

    /// What a program that was ended for its time had written, and the files that were asked for.
    pub(crate) fn into_partial(mut self, outputs: Option<Value>) -> PartialOutput {
        let (stdout, stderr) = self.take();
        PartialOutput { outputs, ..PartialOutput::of(stdout, stderr) }
    }

    /// Reads until both streams have brought the mark.
    pub(crate) async fn read(&mut self, output: &mut Output) -> Ending {
        while let Some(frame) = output.next().await {
            let Ok(frame) = frame else { break };
            match frame {
                LogOutput::StdErr { message } => {
                    self.stderr.push(&message);
                }
                frame => {
                    let after = self.stdout.push(&frame.into_bytes());
                    self.verdict.extend(after.unwrap_or_default());
                }
            }
            self.hold().await;
            if self.stderr.found
                && let Some(end) = memchr::memchr(b'\n', &self.verdict)
            {
                let rest = self.verdict.split_off(end + 1);
                let mut line = std::mem::take(&mut self.verdict);
                line.pop();
                return Ending::Verdict { line, rest };
            }
            if self.verdict.len() > MAX_VERDICT {
                break;
            }
        }
        self.flush();
        Ending::Gone
    }

    /// Takes what may have been the beginning of a mark for output: no more is read.
    pub(crate) fn flush(&mut self) {
        self.stdout.flush();
        self.stderr.flush();
    }

    /// Asks for the memory that long output takes; meanwhile the program waits. What gets none is cut as if it were too
    /// long.
    async fn hold(&mut self) {
        if self.stdout.kept.len() + self.stderr.kept.len() + self.verdict.len() <= self.held {
            return;
        }
        let most = 2 * self.limit;
        let step = if self.held == FREE { STEP.min(most) } else { most.max(STEP) };
        if self.holding.more(step as u64).await.is_ok() {
            self.held += step;
        } else {
            self.held = usize::MAX;
            self.stdout.kept.stop_growing();
            self.stderr.kept.stop_growing();
        }
    }
}

/// One stream: the first and the last bytes are kept, what is between them is read and dropped, so that the program is
/// never held up.
struct Kept {
    mark: Vec<u8>,
    kept: Excerpt,
    /// Bytes that may be the beginning of the mark.
    pending: Vec<u8>,
    found: bool,
}

impl Kept {
    fn new(mark: &str, limit: usize) -> Self {
        Self { mark: mark.into(), kept: Excerpt::new(Bound::halves(limit)), pending: Vec::new(), found: false }
    }

    /// Takes bytes; once the mark has come, gives back what follows it.
    fn push(&mut self, bytes: &Bytes) -> Option<Vec<u8>> {
        if self.found {
            return Some(bytes.to_vec());
        }
        self.pending.extend_from_slice(bytes);
        if let Some(place) = memmem::find(&self.pending, &self.mark) {
            let after = self.pending.split_off(place + self.mark.len());
            self.pending.truncate(place);
            self.flush();
            self.found = true;
            return Some(after);
        }
        let safe = self.pending.len().saturating_sub(self.mark.len() - 1);
        self.keep(safe);
        None
    }

    fn flush(&mut self) {
        self.keep(self.pending.len());
    }

    fn keep(&mut self, count: usize) {
        self.kept.push(&self.pending[..count]);
        self.pending.drain(..count);
    }

    /// As text: bad bytes become U+FFFD.
    fn take(&mut self) -> Parts {
        std::mem::replace(&mut self.kept, Excerpt::new(Bound::halves(0))).into_parts()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_is_found_wherever_the_frames_are_cut() {
        let whole = b"out\nput#MARK#0 0\nrest";
        for cut in 0..whole.len() {
            let mut stream = Kept::new("#MARK#", 100);
            let pieces = [&whole[..cut], &whole[cut..]].map(Bytes::copy_from_slice);
            let after: Vec<u8> = pieces.iter().filter_map(|piece| stream.push(piece)).flatten().collect();
            assert_eq!(
                (stream.take().join().as_str(), after.as_slice()),
                ("out\nput", &b"0 0\nrest"[..]),
                "cut at {cut}"
            );
        }
    }

    #[test]
    fn no_more_than_the_limit_is_kept_and_the_mark_is_found_all_the_same() {
        let mut stream = Kept::new("#MARK#", 4);
        for piece in ["abc", "def", "ghi#MA", "RK#x"] {
            stream.push(&Bytes::from(piece));
        }
        assert!(stream.found);
        assert_eq!(stream.take().join(), "ab\n[... 5 bytes left out ...]\nhi");
    }

    #[test]
    fn bytes_that_are_no_text_become_replacement_characters() {
        let mut stream = Kept::new("#", 100);
        stream.push(&Bytes::from_static(b"a\xff\xfeb#"));
        assert_eq!(stream.take().join(), "a\u{fffd}\u{fffd}b");
    }
}
