//! Where there are no Unix terminals: lines are sent as they are typed.

use std::io;

/// Never made.
pub enum Screen {}

impl Screen {
    /// `None`.
    ///
    /// # Errors
    /// None.
    pub fn take() -> io::Result<Option<Self>> {
        Ok(None)
    }

    /// `None`.
    ///
    /// # Errors
    /// None.
    pub fn take_keys() -> io::Result<Option<Self>> {
        Ok(None)
    }
}

/// Not known.
pub fn size() -> Option<(u16, u16)> {
    None
}

/// None come.
pub struct Signals;

/// What a client would be told.
#[expect(missing_docs, dead_code, reason = "as in the version for Unix")]
pub enum Told {
    Resized,
    Leave,
}

#[expect(missing_docs, reason = "as in the version for Unix")]
impl Signals {
    pub fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    pub async fn next(&mut self) -> Told {
        std::future::pending().await
    }
}
