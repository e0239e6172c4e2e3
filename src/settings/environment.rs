//! The process's own environment: what it sets, and what must not be left in it.

use super::{file::Line, names, value::Secret};

/// The setting that holds the key.
pub(crate) const KEY: &str = "MCP_API_KEY";

/// The key that the process's environment sets.
pub fn key_in_environment() -> Option<Secret> {
    let key = std::env::var(KEY).ok().map(|key| key.trim().to_owned());
    key.filter(|key| !key.is_empty()).map(Secret::new)
}

/// Says in the log which variables of the environment must be meant for settings and are none, and which names of other
/// programs in the lines of `.env` could be meant for a setting that is not set. Only a warning: neither is ours alone.
pub(crate) fn warn_of_doubtful_names(lines: &[Line]) {
    for line in lines {
        let is_set = |name: &str| is_in_environment(name) || lines.iter().any(|line| line.name == name);
        if let Some(meant) = names::resembles(&line.name).filter(|name| !is_set(name)) {
            tracing::warn!(".env, line {}: {} is no setting: did you mean {meant}?", line.number, line.name);
        }
    }

    for name in std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()) {
        if let Err(problem) = names::judge(&name) {
            tracing::warn!("in the environment: {problem}");
        }
    }
}

/// Whether the process's environment sets this setting, so that `.env` cannot.
pub fn is_in_environment(name: &str) -> bool {
    std::env::var(name).is_ok_and(|value| !value.trim().is_empty())
}

/// Overwrites the key where the system keeps the environment that the process was started with: a command that the
/// bridge runs could else read it in `/proc/PID/environ`. To be called once the settings are read. The setting stays
/// set, so that [`is_in_environment`] still tells where the key came from.
#[cfg(unix)]
pub fn hide_key() {
    let name = std::ffi::CString::new(KEY).expect("the name has no NUL");
    // SAFETY: getenv gives null or a string that ends with NUL in memory of the process that may be written, and its length
    // is kept. Who reads the variable meanwhile or afterwards gets stars or a mix: it is only asked whether it is set.
    #[expect(unsafe_code, reason = "no safe interface reaches the memory that the system shows in /proc")]
    unsafe {
        let value = libc::getenv(name.as_ptr());
        if !value.is_null() {
            let length = libc::strlen(value);
            std::ptr::write_bytes(value.cast::<u8>(), b'*', length);
        }
    }
}

/// Elsewhere the environment of another process is not a file.
#[cfg(not(unix))]
pub fn hide_key() {}
