//! A pseudo-terminal: the end that the program takes for a terminal, and the end that drives it.
#![expect(clippy::disallowed_methods, reason = "the device comes from the system, not from a caller")]

use rustix::{
    fs::OFlags,
    process::Pid,
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{
        InputModes, OptionalActions, SpecialCodeIndex, Winsize, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize,
    },
};
use std::{
    fs::OpenOptions,
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::{ffi::OsStrExt, fs::OpenOptionsExt},
    },
    path::{Path, PathBuf},
};

/// The driving end.
pub(crate) struct Terminal {
    end: OwnedFd,
    device: PathBuf,
}

impl Terminal {
    /// Opens a pair: the driving end and the program's.
    ///
    /// # Errors
    /// When the system has no pseudo-terminal left.
    pub(crate) fn open(columns: u16, rows: u16) -> io::Result<(Self, OwnedFd)> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
        rustix::io::fcntl_setfd(&master, rustix::io::FdFlags::CLOEXEC)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let name = ptsname(&master, Vec::new())?;
        let mut options = OpenOptions::new();
        let no_controlling = i32::try_from(OFlags::NOCTTY.bits()).expect("open's flags fit in an int");
        options.read(true).write(true).custom_flags(no_controlling);
        let device = PathBuf::from(std::ffi::OsStr::from_bytes(name.as_bytes()));
        let slave: OwnedFd = options.open(&device)?.into();
        let mut modes = tcgetattr(&slave)?;
        // The kernel then erases whole characters, not bytes, when a line is edited.
        modes.input_modes |= InputModes::IUTF8;
        tcsetattr(&slave, OptionalActions::Now, &modes)?;
        let terminal = Self { end: master, device };
        terminal.resize(columns, rows)?;
        Ok((terminal, slave))
    }

    /// Its columns and rows.
    pub(crate) fn size(&self) -> Option<(u16, u16)> {
        tcgetwinsize(&self.end).ok().map(|size| (size.ws_col, size.ws_row))
    }

    /// Changes the size; the system tells the program (SIGWINCH).
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) fn resize(&self, columns: u16, rows: u16) -> io::Result<()> {
        Ok(tcsetwinsize(&self.end, Winsize { ws_col: columns, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 })?)
    }

    /// The process group that has the terminal's foreground: the one that Ctrl-C reaches.
    pub(crate) fn foreground(&self) -> Option<Pid> {
        rustix::termios::tcgetpgrp(&self.end).ok()
    }

    /// The character that ends the input: Ctrl-D unless the program chose another.
    pub(crate) fn end_of_input(&self) -> u8 {
        tcgetattr(&self.end).map_or(4, |modes| modes.special_codes[SpecialCodeIndex::VEOF])
    }

    /// The name of the program's end.
    pub(crate) fn device(&self) -> &Path {
        &self.device
    }

    /// Another descriptor of the same end.
    ///
    /// # Errors
    /// When the process has no descriptor left.
    pub(crate) fn duplicate(&self) -> io::Result<OwnedFd> {
        self.end.as_fd().try_clone_to_owned()
    }
}
