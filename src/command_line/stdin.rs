//! What the person types.

use std::io::Read;
use tokio::sync::mpsc;

/// How much is read at once, in bytes.
const BUFFER: usize = 4096;

/// Reads standard input on a thread of its own, which ends with the program.
pub(super) fn read() -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel(16);
    std::thread::spawn(move || {
        let mut buffer = vec![0; BUFFER];
        let mut input = std::io::stdin().lock();
        while let Ok(size) = input.read(&mut buffer)
            && size > 0
            && sender.blocking_send(buffer[..size].to_vec()).is_ok()
        {}
    });
    receiver
}
