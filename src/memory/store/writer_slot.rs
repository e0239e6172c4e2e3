//! Who writes: one at a time, on the writer's thread or where the call runs.

use super::writer::{Request, Writer};
use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::Duration,
};
use tokio::{
    runtime::{Handle, RuntimeFlavor},
    task::block_in_place,
};

/// Requests that share one fsync at most.
const BATCH_MAX: usize = 1024;

/// How often an idle memory looks for entries that have expired.
const EXPIRY_CHECK: Duration = Duration::from_secs(10);

/// Whose turn it is to write: one at a time, the writer's thread or a caller that finds nobody there.
pub(crate) struct WriterSlot {
    /// None after the end.
    writer: Mutex<Option<Writer>>,
    /// Requests on their way to the thread.
    waiting: AtomicUsize,
}

impl WriterSlot {
    /// Turns at a writer.
    pub(crate) fn new(writer: Writer) -> Self {
        Self { writer: Mutex::new(Some(writer)), waiting: AtomicUsize::new(0) }
    }

    /// Says that a request is on its way to the thread.
    pub(crate) fn announce(&self) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
    }

    /// Serves a request where the call runs, if nobody else is being served: to wake the thread and to be woken by it
    /// takes longer than the disk. The request comes back otherwise, also where the call runs on the only thread there is.
    pub(crate) fn take_now(&self, request: Request) -> std::result::Result<(), Request> {
        let may_block =
            Handle::try_current().is_ok_and(|runtime| runtime.runtime_flavor() != RuntimeFlavor::CurrentThread);
        if !may_block || self.waiting.load(Ordering::Relaxed) > 0 {
            return Err(request);
        }
        let Ok(mut turn) = self.writer.try_lock() else { return Err(request) };
        let Some(writer) = &mut *turn else { return Err(request) };
        block_in_place(|| writer.serve(std::iter::once(request)));
        Ok(())
    }

    /// Serves what comes until nobody can send any.
    pub(crate) fn run(&self, requests: &Receiver<Request>) {
        loop {
            let first = requests.recv_timeout(EXPIRY_CHECK);
            let mut turn = self.writer.lock().expect("no one panics while writing");
            let writer = turn.as_mut().expect("it is there until the end");
            match first {
                Ok(first) => {
                    let batch: Vec<Request> =
                        std::iter::once(first).chain(requests.try_iter().take(BATCH_MAX)).collect();
                    self.waiting.fetch_sub(batch.len(), Ordering::Relaxed);
                    writer.serve(batch.into_iter());
                }
                Err(RecvTimeoutError::Timeout) => writer.expire(),
                Err(RecvTimeoutError::Disconnected) => {
                    *turn = None;
                    return;
                }
            }
        }
    }
}
