//! What a reader of documents gives up where there is neither Landlock nor seccomp: what the system's limits hold. The
//! time on the clock and the length of the text are the server's to bound.

/// Gives up all but `memory` bytes, where the system has such limits.
///
/// # Errors
/// None: what the system has no limit for is not held.
pub fn enter(memory: u64) -> anyhow::Result<()> {
    #[cfg(unix)]
    {
        use super::PROCESSOR_SECONDS;
        use rustix::process::{Resource, Rlimit, setrlimit};
        for (resource, most) in [
            (Resource::Data, memory),
            (Resource::Cpu, PROCESSOR_SECONDS),
            (Resource::Fsize, 0),
            (Resource::Nproc, 0),
            (Resource::Core, 0),
        ] {
            let _ = setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) });
        }
    }
    #[cfg(not(unix))]
    let _ = memory;
    Ok(())
}
