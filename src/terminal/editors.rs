//! What stands in for an editor where there is no terminal: a person's editor would wait there for keys until the time is
//! up.

/// What it says before it fails.
const REFUSAL: &str = "There is no terminal for an editor here. Give the text by an option (git commit -m, git tag -m, \
                       GIT_SEQUENCE_EDITOR for git rebase -i), or run this by /terminal/start with pty: true.";

/// The variables that name an editor, for a program without a terminal. What the caller sets counts before them.
///
/// git asks for a message also where there is one already: of a commit that is amended, rebased, merged or reverted. That
/// one is kept. Where there is none, and for lists of commits, patches and files of others, the text would be the caller's
/// to give.
pub(crate) fn stand_ins() -> [(&'static str, String); 3] {
    let fail = format!("echo '{REFUSAL}' >&2; exit 1");
    let has_message = "sed '/^. -* >8 -*$/,$d' \"$1\" | grep -qv -e '^#' -e '^[[:space:]]*$'";
    let messages = "*/COMMIT_EDITMSG|*/MERGE_MSG|*/SQUASH_MSG|*/TAG_EDITMSG";
    let git = format!("f() {{ case \"$1\" in {messages}) {has_message} && exit 0;; esac; {fail}; }}; f");
    // The file that is to be edited is an argument of the shell and not of the script.
    let other = format!("sh -c \"{fail}\"");
    [("GIT_EDITOR", git), ("EDITOR", other.clone()), ("VISUAL", other)]
}
