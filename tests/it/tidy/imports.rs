//! The modules that files declare, and the paths that they name.

use super::tokens::{Token, tokens};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// A module's names from the crate's root on: none of the root itself.
pub(super) type ModulePath = Vec<String>;

/// What one module declares and uses, in all files that may take its place (`#[cfg(unix)]` and the others).
#[derive(Default)]
pub(super) struct Module {
    /// Where it lies; none of a module in braces.
    pub(super) files: Vec<PathBuf>,
    /// Names that `use` brings in, under the name that they have here, and the path that was written.
    pub(super) imported: Vec<(String, Vec<String>)>,
    /// What `use …::*` names.
    pub(super) globs: Vec<Vec<String>>,
    /// Functions, types and the like that are written here.
    pub(super) items: BTreeSet<String>,
    /// Every path of the program's text, of `use` and in line, and the file that has it.
    pub(super) paths: Vec<(PathBuf, Vec<String>)>,
}

/// Every module of the crate whose root is `file`. What only tests have is left out: a test looks at what it likes.
pub(super) fn modules(file: &Path) -> BTreeMap<ModulePath, Module> {
    let mut modules = BTreeMap::new();
    read_file(file, file.parent().expect("a file lies in a folder"), Vec::new(), &mut modules);
    modules
}

/// Reads `file`, whose modules lie in `folder`.
fn read_file(file: &Path, folder: &Path, path: ModulePath, modules: &mut BTreeMap<ModulePath, Module>) {
    let module = modules.entry(path.clone()).or_default();
    if module.files.iter().any(|known| known == file) {
        return;
    }
    module.files.push(file.to_owned());
    let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    Reader { tokens: tokens(&text), at: 0, file, folder: folder.to_owned(), path, modules }.read();
}

struct Reader<'a> {
    tokens: Vec<Token>,
    at: usize,
    file: &'a Path,
    folder: PathBuf,
    path: ModulePath,
    modules: &'a mut BTreeMap<ModulePath, Module>,
}

/// What attributes say of the item after them.
#[derive(Default)]
struct Attributes {
    is_for_tests: bool,
    /// Files that it lies in, on different systems, in place of the one that its name says.
    files: Vec<String>,
}

impl Reader<'_> {
    fn module(&mut self) -> &mut Module {
        self.modules.entry(self.path.clone()).or_default()
    }

    fn peek(&self, ahead: usize) -> Option<&Token> {
        self.tokens.get(self.at + ahead)
    }

    fn is_sign(&self, ahead: usize, sign: char) -> bool {
        self.peek(ahead) == Some(&Token::Sign(sign))
    }

    fn word(&self, ahead: usize) -> Option<String> {
        self.peek(ahead)?.word().map(str::to_owned)
    }

    /// Reads until the end, or the brace that closes the module.
    fn read(&mut self) {
        let (mut depth, mut attributes) = (0_usize, Attributes::default());
        while let Some(token) = self.peek(0).cloned() {
            match token {
                Token::Sign('#') => {
                    self.attribute(&mut attributes);
                    continue;
                }
                _ if attributes.is_for_tests => self.skip_item(),
                Token::Word(word) if word == "pub" => {
                    self.visibility();
                    continue;
                }
                Token::Sign('}') if depth == 0 => return,
                Token::Sign('{') => (depth, self.at) = (depth + 1, self.at + 1),
                Token::Sign('}') => (depth, self.at) = (depth - 1, self.at + 1),
                Token::Word(word) => self.phrase(&word, &attributes),
                _ => self.at += 1,
            }
            attributes = Attributes::default();
        }
    }

    /// What begins with `word`: a module, an import, an item or a path.
    fn phrase(&mut self, word: &str, attributes: &Attributes) {
        let named = self.word(1);
        match (word, named) {
            ("mod", Some(name)) => self.submodule(name, attributes),
            ("use", _) => {
                self.at += 1;
                self.import(&mut Vec::new());
            }
            ("fn" | "struct" | "enum" | "trait" | "type" | "const" | "static" | "union", Some(name)) => {
                self.module().items.insert(name);
                self.at += 1;
            }
            ("macro_rules", None) => {
                let name = self.word(2).expect("a macro has a name");
                self.module().items.insert(name);
                self.at += 3;
            }
            _ => self.inline_path(word.to_owned()),
        }
    }

    /// `a::b::c`, also in an expression.
    fn inline_path(&mut self, first: String) {
        let mut path = vec![first];
        self.at += 1;
        while self.peek(0) == Some(&Token::PathSeparator) {
            let Some(next) = self.word(1) else { break };
            path.push(next);
            self.at += 2;
        }
        if path.len() > 1 {
            self.record(path);
        }
    }

    fn record(&mut self, path: Vec<String>) {
        let file = self.file.to_owned();
        self.module().paths.push((file, path));
    }

    fn attribute(&mut self, attributes: &mut Attributes) {
        self.at += if self.is_sign(1, '!') { 2 } else { 1 };
        let (start, mut depth) = (self.at, 0_usize);
        loop {
            match &self.tokens[self.at] {
                Token::Sign('[') => depth += 1,
                Token::Sign(']') => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                break;
            }
        }
        let tokens = self.tokens[start..self.at].to_vec();
        let has = |word: &str| tokens.iter().any(|token| token.word() == Some(word));
        attributes.is_for_tests |= has("cfg") && has("test") && !has("not");
        for (place, token) in tokens.iter().enumerate() {
            let Token::Text(text) = token else { continue };
            if place >= 2 && tokens[place - 2].word() == Some("path") {
                attributes.files.push(text.clone());
            } else if text.contains("::") {
                self.record(text.split("::").map(str::to_owned).collect());
            }
        }
    }

    /// Steps over an item, a field or an arm: until its semicolon, its comma or the end of its braces, or of those around it.
    fn skip_item(&mut self) {
        let mut depth = 0_usize;
        while let Some(token) = self.peek(0).cloned() {
            match token {
                Token::Sign('{' | '(' | '[') => depth += 1,
                Token::Sign('}' | ')' | ']') if depth == 0 => return,
                Token::Sign('}' | ')' | ']') => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 && matches!(token, Token::Sign('}' | ';' | ',')) {
                return;
            }
        }
    }

    /// Steps over `pub` and the place in parentheses that it may have.
    fn visibility(&mut self) {
        self.at += 1;
        if self.is_sign(0, '(') {
            while !self.is_sign(0, ')') {
                self.at += 1;
            }
            self.at += 1;
        }
    }

    fn submodule(&mut self, name: String, attributes: &Attributes) {
        let path = [self.path.clone(), vec![name.clone()]].concat();
        if self.is_sign(2, '{') {
            let around = std::mem::replace(&mut self.path, path);
            let folder = self.folder.join(&name);
            let folder_around = std::mem::replace(&mut self.folder, folder);
            self.at += 3;
            self.read();
            (self.path, self.folder) = (around, folder_around);
            self.at += 1;
            return;
        }
        self.at += 2;
        let (folder, beside) = (self.folder.join(&name), self.folder.join(format!("{name}.rs")));
        let usual = if beside.is_file() { beside } else { folder.join("mod.rs") };
        if attributes.files.is_empty() || usual.is_file() {
            read_file(&usual, &folder, path.clone(), self.modules);
        }
        for other in &attributes.files {
            read_file(&self.file.with_file_name(other), &self.file.with_file_name(""), path.clone(), self.modules);
        }
    }

    /// The tree of a `use`, from below `prefix` on.
    fn import(&mut self, prefix: &mut Vec<String>) {
        let depth = prefix.len();
        loop {
            match self.peek(0).cloned() {
                Some(Token::PathSeparator) => self.at += 1,
                Some(Token::Word(word)) => {
                    prefix.push(word);
                    self.at += 1;
                    if self.peek(0) != Some(&Token::PathSeparator) {
                        self.leaf(prefix);
                        break;
                    }
                }
                Some(Token::Sign('*')) => {
                    self.at += 1;
                    self.record(prefix.clone());
                    self.module().globs.push(prefix.clone());
                    break;
                }
                Some(Token::Sign('{')) => {
                    self.at += 1;
                    while !self.is_sign(0, '}') {
                        self.import(prefix);
                        self.at += usize::from(self.is_sign(0, ','));
                    }
                    self.at += 1;
                    break;
                }
                _ => break,
            }
        }
        prefix.truncate(depth);
    }

    /// One name that a `use` brings in.
    fn leaf(&mut self, path: &mut Vec<String>) {
        path.pop_if(|last| last == "self");
        let mut name = path.last().cloned().unwrap_or_default();
        if self.word(0).as_deref() == Some("as") {
            name = self.word(1).expect("a name follows `as`");
            self.at += 2;
        }
        self.record(path.clone());
        self.module().imported.push((name, path.clone()));
    }
}
