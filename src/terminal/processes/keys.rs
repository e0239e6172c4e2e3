//! What the keys of a keyboard send: the sequences of xterm, which is the terminal that `TERM` names.
//!
//! Source: *XTerm Control Sequences*, the section on PC-style function keys.

/// The names that a caller may give, for the message to one who gave another.
pub const NAMES: &str = "enter, tab, escape, space, backspace, delete, insert, up, down, left, right, home, end, page-up, \
page-down, f1 to f12, ctrl-a to ctrl-z, alt- and shift- before one of these, or a single character";

/// How a key of the second kind is sent.
#[derive(Clone, Copy)]
enum Form {
    /// `ESC [ letter`, and `ESC O letter` while the program asked for application cursor keys.
    Cursor(char),
    /// `ESC O letter`.
    Function(char),
    /// `ESC [ number ~`.
    Number(u8),
}

const SPECIAL: [(&str, Form); 31] = [
    ("up", Form::Cursor('A')),
    ("down", Form::Cursor('B')),
    ("right", Form::Cursor('C')),
    ("left", Form::Cursor('D')),
    ("home", Form::Cursor('H')),
    ("end", Form::Cursor('F')),
    ("insert", Form::Number(2)),
    ("ins", Form::Number(2)),
    ("delete", Form::Number(3)),
    ("del", Form::Number(3)),
    ("page-up", Form::Number(5)),
    ("pageup", Form::Number(5)),
    ("pgup", Form::Number(5)),
    ("page-down", Form::Number(6)),
    ("pagedown", Form::Number(6)),
    ("pgdn", Form::Number(6)),
    ("pgdown", Form::Number(6)),
    ("f1", Form::Function('P')),
    ("f2", Form::Function('Q')),
    ("f3", Form::Function('R')),
    ("f4", Form::Function('S')),
    ("f5", Form::Number(15)),
    ("f6", Form::Number(17)),
    ("f7", Form::Number(18)),
    ("f8", Form::Number(19)),
    ("f9", Form::Number(20)),
    ("f10", Form::Number(21)),
    ("f11", Form::Number(23)),
    ("f12", Form::Number(24)),
    ("begin", Form::Cursor('E')),
    ("kp-enter", Form::Function('M')),
];

const PLAIN: [(&str, &str); 9] = [
    ("enter", "\r"),
    ("return", "\r"),
    ("tab", "\t"),
    ("escape", "\x1b"),
    ("esc", "\x1b"),
    ("space", " "),
    ("backspace", "\x7f"),
    ("bs", "\x7f"),
    ("linefeed", "\n"),
];

#[derive(Clone, Copy, Default)]
struct Modifiers {
    shift: bool,
    alt: bool,
    ctrl: bool,
}

impl Modifiers {
    /// xterm's parameter: one more than the sum of shift 1, alt 2, ctrl 4.
    fn parameter(self) -> u8 {
        1 + u8::from(self.shift) + 2 * u8::from(self.alt) + 4 * u8::from(self.ctrl)
    }
}

/// The bytes of a key such as `ctrl-c`, `up`, `f1`, `alt-b` or `x`; `None` when there is no such key.
/// `application` says whether the program asked for application cursor keys (DECCKM).
pub fn bytes(name: &str, application: bool) -> Option<Vec<u8>> {
    let (modifiers, key) = split(name);
    if let Some((_, form)) = SPECIAL.iter().find(|(special, _)| key.eq_ignore_ascii_case(special)) {
        return Some(special(*form, modifiers, application));
    }
    let plain = PLAIN.iter().find(|(plain, _)| key.eq_ignore_ascii_case(plain)).map(|(_, text)| *text);
    if modifiers.shift && plain == Some("\t") {
        return Some(b"\x1b[Z".to_vec());
    }
    let text = plain.map_or_else(|| single(key), |text| Some(text.to_owned()))?;
    let text = if modifiers.shift { text.to_uppercase() } else { text };
    let bytes = if modifiers.ctrl { vec![control(&text)?] } else { text.into_bytes() };
    Some(if modifiers.alt { [&b"\x1b"[..], &bytes].concat() } else { bytes })
}

/// Whether a key has a name of its own or a modifier, so that it types no character that could be part of a password.
pub fn is_named(name: &str) -> bool {
    let (modifiers, key) = split(name);
    let special = SPECIAL.iter().map(|(special, _)| special).chain(PLAIN.iter().map(|(plain, _)| plain));
    let has_name = { special }.any(|special| key.eq_ignore_ascii_case(special));
    has_name || ((modifiers.ctrl || modifiers.alt) && bytes(name, false).is_some())
}

/// Takes `ctrl-`, `alt-`, `shift-` and their short forms off the front.
fn split(name: &str) -> (Modifiers, &str) {
    let mut modifiers = Modifiers::default();
    let mut key = name;
    while key.chars().count() > 1 {
        let Some(place) = key.find(['-', '+']).filter(|place| *place > 0 && place + 1 < key.len()) else { break };
        match key[..place].to_ascii_lowercase().as_str() {
            "ctrl" | "control" | "c" => modifiers.ctrl = true,
            "alt" | "meta" | "option" | "m" => modifiers.alt = true,
            "shift" | "s" => modifiers.shift = true,
            _ => break,
        }
        key = &key[place + 1..];
    }
    match key.strip_prefix('^').filter(|rest| rest.chars().count() == 1) {
        Some(letter) => (Modifiers { ctrl: true, ..modifiers }, letter),
        None => (modifiers, key),
    }
}

fn special(form: Form, modifiers: Modifiers, application: bool) -> Vec<u8> {
    let parameter = modifiers.parameter();
    match form {
        Form::Number(number) if parameter == 1 => format!("\x1b[{number}~"),
        Form::Number(number) => format!("\x1b[{number};{parameter}~"),
        Form::Function(letter) if parameter == 1 => format!("\x1bO{letter}"),
        Form::Cursor(letter) if parameter == 1 && application => format!("\x1bO{letter}"),
        Form::Cursor(letter) if parameter == 1 => format!("\x1b[{letter}"),
        Form::Cursor(letter) | Form::Function(letter) => format!("\x1b[1;{parameter}{letter}"),
    }
    .into_bytes()
}

fn single(key: &str) -> Option<String> {
    let mut characters = key.chars();
    let first = characters.next()?;
    (characters.next().is_none() && !first.is_control()).then(|| first.to_string())
}

/// The control character of a letter or of `@ [ \ ] ^ _ ? space`.
fn control(text: &str) -> Option<u8> {
    match text.as_bytes() {
        [b' ' | b'2'] => Some(0),
        [b'?'] => Some(0x7f),
        [letter @ (b'@'..=b'_' | b'a'..=b'z')] => Some(letter & 0x1f),
        [b'/'] => Some(0x1f),
        [special @ (b'\t' | b'\r' | b'\n' | 0x1b)] => Some(*special),
        [0x7f] => Some(0x08),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn each_key_sends_what_xterm_sends() {
        for (name, sent) in [
            ("ctrl-c", &b"\x03"[..]),
            ("Ctrl+C", b"\x03"),
            ("C-c", b"\x03"),
            ("^c", b"\x03"),
            ("ctrl-d", b"\x04"),
            ("ctrl-[", b"\x1b"),
            ("ctrl-\\", b"\x1c"),
            ("ctrl-space", b"\0"),
            ("up", b"\x1b[A"),
            ("Down", b"\x1b[B"),
            ("home", b"\x1b[H"),
            ("f1", b"\x1bOP"),
            ("F5", b"\x1b[15~"),
            ("f12", b"\x1b[24~"),
            ("page-down", b"\x1b[6~"),
            ("delete", b"\x1b[3~"),
            ("ctrl-right", b"\x1b[1;5C"),
            ("shift-f1", b"\x1b[1;2P"),
            ("ctrl-alt-delete", b"\x1b[3;7~"),
            ("shift-tab", b"\x1b[Z"),
            ("alt-b", b"\x1bb"),
            ("alt-enter", b"\x1b\r"),
            ("enter", b"\r"),
            ("escape", b"\x1b"),
            ("backspace", b"\x7f"),
            ("q", b"q"),
            ("-", b"-"),
            ("+", b"+"),
            ("^", b"^"),
            ("é", "é".as_bytes()),
            ("shift-a", b"A"),
        ] {
            assert_eq!(bytes(name, false).as_deref(), Some(sent), "{name}");
        }
    }

    #[test]
    fn arrows_follow_the_mode_that_the_program_chose() {
        assert_eq!(bytes("up", true).unwrap(), b"\x1bOA");
        assert_eq!(bytes("ctrl-up", true).unwrap(), b"\x1b[1;5A");
    }

    #[test]
    fn what_is_no_key_is_none() {
        for name in ["", "f13", "ctrl-", "ctrl-é", "upp", "hyper-x", "ab", "\n"] {
            assert_eq!(bytes(name, false), None, "{name:?}");
        }
    }
}
