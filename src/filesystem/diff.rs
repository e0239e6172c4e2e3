//! What changed in a text, for a person or a patch.

use similar::{Algorithm, TextDiff};
use std::time::{Duration, Instant};

/// After this long a coarser diff is good enough.
const PATIENCE: Duration = Duration::from_millis(500);

/// The unified diff from one text to another, with three lines around each change; empty when they are the same.
pub fn unified(before: &str, after: &str, path: &str) -> String {
    let path = path.trim_start_matches('/');
    let diff =
        TextDiff::configure().algorithm(Algorithm::Myers).deadline(Instant::now() + PATIENCE).diff_lines(before, after);
    diff.unified_diff().context_radius(3).header(&format!("a/{path}"), &format!("b/{path}")).to_string()
}
