//! Sends a signal to a process.

use super::{Process, Processes, running::Signal};
use crate::{
    caller::Access,
    capability::{Capability, Context},
    error::{Error, Result},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The names of the signals, in POSIX's words.
const SIGNALS: [(&str, Signal); 12] = [
    ("HUP", Signal::HUP),
    ("INT", Signal::INT),
    ("QUIT", Signal::QUIT),
    ("KILL", Signal::KILL),
    ("USR1", Signal::USR1),
    ("USR2", Signal::USR2),
    ("ALRM", Signal::ALARM),
    ("TERM", Signal::TERM),
    ("STOP", Signal::STOP),
    ("CONT", Signal::CONT),
    ("TSTP", Signal::TSTP),
    ("WINCH", Signal::WINCH),
];

/// Send a signal to a process.
///
/// It goes to the program in the foreground of its terminal, or without one to all that it started. To end a process for
/// good, use terminal_stop.
#[derive(Deserialize, JsonSchema)]
pub struct SignalProcess {
    /// The process.
    id: String,
    /// INT, TERM, HUP, QUIT, KILL, USR1, USR2, ALRM, STOP, CONT, TSTP or WINCH, with or without SIG before it.
    signal: String,
}

/// The signal that was sent.
#[derive(Serialize, JsonSchema)]
pub struct SignalledProcess {
    /// The process.
    id: String,
    /// The signal's name, without SIG.
    signal: String,
}

/// The signal of a name in any case, with or without `SIG`.
///
/// # Errors
/// [`Error::Invalid`] when there is no such signal.
fn named(name: &str) -> Result<(&'static str, Signal)> {
    let upper = name.trim().to_ascii_uppercase();
    let bare = upper.strip_prefix("SIG").unwrap_or(&upper);
    SIGNALS.into_iter().find(|(known, _)| *known == bare).ok_or_else(|| {
        let names = SIGNALS.map(|(name, _)| name).join(", ");
        Error::invalid("signal", format!("{name:?} is no signal that can be sent: give one of {names}"))
    })
}

impl Process {
    /// Sends a signal by its name, in any case, with or without `SIG`; says its name.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there is no such signal, [`Error::Conflict`] when the process is over.
    pub fn signal(&self, name: &str) -> Result<&'static str> {
        let (name, signal) = named(name)?;
        self.running()?.signal(signal);
        Ok(name)
    }
}

impl Capability for SignalProcess {
    const NAME: &'static str = "terminal_signal";
    const ACCESS: Access = Access::Execute;
    const DESTRUCTIVE: bool = true;
    const EXAMPLE: &'static str = r#"{"id": "proc_…", "signal": "CONT"}"#;
    const SUCCESS: &'static str =
        "Always true: the signal was sent. What the program makes of it shows in terminal_poll.";
    type Service = Processes;
    type Output = SignalledProcess;

    fn aside(_: &SignalledProcess) -> &'static [&'static str] {
        &["id", "signal"]
    }

    async fn run(self, processes: &Processes, context: &Context) -> Result<SignalledProcess> {
        let process = processes.get(&context.caller, &self.id)?;
        let name = process.signal(&self.signal)?;
        Ok(SignalledProcess { id: process.record.id(), signal: name.to_owned() })
    }
}
