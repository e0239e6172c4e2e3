//! Code as literals, words and symbols.

use super::Language;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Literal(String),
    /// What stands between back-quotes where they run a command (Perl, Ruby, PHP), `qx{}`, `%x()`.
    Command(String),
    /// A name with what joins it: `fs.rmSync`, `FileUtils::rm_rf`, `$HOME`.
    Word(String),
    Symbol(char),
}

/// Splits code; what cannot be understood becomes symbols.
pub(super) fn tokens(text: &str, language: Language) -> Vec<Token> {
    let text = with_homes(text);
    let mut scanner = Scanner { text: text.chars().collect(), at: 0, language };
    let mut tokens = Vec::new();
    while scanner.at < scanner.text.len() {
        if let Some(token) = scanner.next() {
            tokens.push(token);
        }
    }
    tokens
}

/// The ways to say "my home directory", as the literal `~`.
fn with_homes(text: &str) -> String {
    const HOMES: &[&str] = &[
        "os.path.expanduser(\"~\")",
        "os.path.expanduser('~')",
        "os.environ[\"HOME\"]",
        "os.environ['HOME']",
        "os.environ.get(\"HOME\")",
        "os.environ.get('HOME')",
        "os.getenv(\"HOME\")",
        "os.getenv('HOME')",
        "pathlib.Path.home()",
        "Path.home()",
        "require('os').homedir()",
        "require(\"os\").homedir()",
        "os.homedir()",
        "homedir()",
        "process.env.HOME",
        "Dir.home",
        "ENV['HOME']",
        "ENV[\"HOME\"]",
        "ENV.fetch('HOME')",
        "ENV.fetch(\"HOME\")",
        "$ENV{HOME}",
        "$ENV{'HOME'}",
        "$ENV{\"HOME\"}",
        "getenv('HOME')",
        "getenv(\"HOME\")",
        "ENVIRON[\"HOME\"]",
        "Deno.env.get(\"HOME\")",
    ];
    let mut text = text.to_owned();
    for home in HOMES {
        if text.contains(home) {
            text = text.replace(home, " \"~\" ");
        }
    }
    text.replace("os.sep", " \"/\" ")
}

struct Scanner {
    text: Vec<char>,
    at: usize,
    language: Language,
}

impl Scanner {
    fn peek(&self, ahead: usize) -> char {
        self.text.get(self.at + ahead).copied().unwrap_or('\0')
    }

    fn next(&mut self) -> Option<Token> {
        let character = self.peek(0);
        if self.begins_comment() {
            while self.at < self.text.len() && self.peek(0) != '\n' {
                self.at += 1;
            }
            return None;
        }
        match character {
            '\n' => {
                self.at += 1;
                Some(Token::Symbol('\n'))
            }
            _ if character.is_whitespace() => {
                self.at += 1;
                None
            }
            '\'' | '"' => Some(Token::Literal(self.quoted(character))),
            '`' => {
                let text = self.quoted('`');
                let runs = matches!(self.language, Language::Perl | Language::Ruby | Language::Php);
                Some(if runs { Token::Command(text) } else { Token::Literal(text) })
            }
            _ if is_word(character) => Some(self.word()),
            _ => {
                self.at += 1;
                Some(Token::Symbol(character))
            }
        }
    }

    fn begins_comment(&self) -> bool {
        let hash = matches!(
            self.language,
            Language::Python | Language::Perl | Language::Ruby | Language::Php | Language::Awk | Language::Other
        );
        let before = self.at.checked_sub(1).map(|at| self.text[at]);
        let free = before.is_none_or(char::is_whitespace);
        let slashes = matches!(self.language, Language::JavaScript | Language::Php);
        hash && free && self.peek(0) == '#' || slashes && free && self.peek(0) == '/' && self.peek(1) == '/'
    }

    fn quoted(&mut self, quote: char) -> String {
        let triple = self.language == Language::Python && self.peek(1) == quote && self.peek(2) == quote;
        self.at += if triple { 3 } else { 1 };
        let mut text = String::new();
        while self.at < self.text.len() {
            let character = self.peek(0);
            self.at += 1;
            if character == quote {
                if !triple {
                    break;
                }
                if self.peek(0) == quote && self.peek(1) == quote {
                    self.at += 2;
                    break;
                }
            }
            if character == '\\' {
                let escaped = self.escape();
                text.push(escaped);
            } else {
                text.push(character);
            }
        }
        text
    }

    fn escape(&mut self) -> char {
        let letter = self.peek(0);
        self.at += 1;
        match letter {
            'n' => '\n',
            't' => '\t',
            'x' => self.code(16, 2),
            'u' => self.code(16, 4),
            '0'..='7' => {
                self.at -= 1;
                self.code(8, 3)
            }
            other => other,
        }
    }

    fn code(&mut self, radix: u32, digits: usize) -> char {
        let mut value = 0;
        for _ in 0..digits {
            let Some(digit) = self.peek(0).to_digit(radix) else {
                break;
            };
            value = value * radix + digit;
            self.at += 1;
        }
        char::from_u32(value).unwrap_or('\u{fffd}')
    }

    fn word(&mut self) -> Token {
        let mut word = String::new();
        while is_word(self.peek(0)) && self.at < self.text.len() {
            word.push(self.peek(0));
            self.at += 1;
        }
        let close = match self.peek(0) {
            '(' => ')',
            '{' => '}',
            '[' => ']',
            other => other,
        };
        let runs = word == "qx" || word.ends_with("%x") || word == "x" && self.before_word(1) == '%';
        if runs && self.at < self.text.len() {
            self.at += 1;
            let rest = self.text[self.at..].iter().take_while(|c| **c != close);
            let command: String = rest.collect();
            self.at += command.chars().count() + 1;
            return Token::Command(command);
        }
        // Prefixes of Python's literals: `r"…"`, `f'…'`.
        if matches!(self.peek(0), '\'' | '"') && word.len() <= 2 && word.chars().all(|c| "rbfuRBFU".contains(c)) {
            let quote = self.peek(0);
            return Token::Literal(self.quoted(quote));
        }
        Token::Word(word)
    }

    /// The character before a word of `length` that was just read.
    fn before_word(&self, length: usize) -> char {
        self.at.checked_sub(length + 1).and_then(|at| self.text.get(at)).copied().unwrap_or('\0')
    }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '.' | '$' | '@' | ':' | '-') && character != '-'
}
