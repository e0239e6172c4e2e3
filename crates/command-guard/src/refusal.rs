//! Why a command is refused.

/// Why a command is refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Refusal {
    /// The rule, by a name that stays: `rm-root`, `disk`, `unparsable`.
    pub rule: &'static str,
    /// A sentence for the person or the model that sent the command.
    pub reason: String,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Dangerous command blocked: {}: {}", self.rule, self.reason)
    }
}

impl std::error::Error for Refusal {}

/// What no line of the user's lifts: a denial of his own wins, and what cannot be read cannot be told to be allowed.
const FINAL: [&str; 4] = ["user-rule", "hidden-character", "unparsable", "too-complex"];

impl Refusal {
    /// Whether an `allow` line of the user's rules could lift it.
    pub fn can_be_allowed(&self) -> bool {
        !FINAL.contains(&self.rule)
    }

    pub(super) fn new(rule: &'static str, reason: impl Into<String>) -> Self {
        Self { rule, reason: reason.into() }
    }
}

/// Every rule, by the name that stays.
pub(super) const RULES: &[&str] = &[
    "rm-root",
    "rm-home",
    "rm-system",
    "rm-outside",
    "overwrite",
    "protected-path",
    "disk",
    "disk-full",
    "permissions",
    "account",
    "power",
    "kernel",
    "mounts",
    "firewall",
    "services",
    "packages",
    "fork-bomb",
    "kill-all",
    "cluster",
    "pipe-to-shell",
    "decoded-shell",
    "hidden-character",
    "unparsable",
    "too-complex",
    "user-rule",
];

pub(super) fn too_complex() -> Refusal {
    Refusal::new(
        "too-complex",
        "the command is nested too deeply or does too much to be judged; split it, or run a script file",
    )
}
