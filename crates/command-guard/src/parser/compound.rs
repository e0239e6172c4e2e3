//! Groups, conditions, loops, functions and simple commands.

use super::{Fault, Parsed, Parser};
use crate::syntax::{AssignedValue, Assignment, Command, Kind, Link, Pipeline, Script, Simple, Statement, Word};
use std::rc::Rc;

/// An index of more characters is none.
const INDEX: usize = 256;

impl Parser {
    /// One command with its redirections.
    pub(super) fn command(&mut self) -> Parsed<Command> {
        self.blanks();
        self.deeper(|parser| {
            let Some(kind) = parser.compound()? else {
                return parser.simple();
            };
            let mut redirects = Vec::new();
            while let Some(redirect) = parser.redirect()? {
                redirects.push(redirect);
            }
            Ok(Command { kind, redirects })
        })
    }

    fn compound(&mut self) -> Parsed<Option<Kind>> {
        if self.peek(0) == '(' {
            return self.parenthesis().map(Some);
        }
        let Some(keyword) = self.keyword() else {
            return Ok(None);
        };
        let bash_only = ["[[", "function", "select", "coproc"].contains(&keyword.as_str());
        if bash_only && !self.bash() {
            return Ok(None);
        }
        let parse: fn(&mut Self) -> Parsed<Kind> = match keyword.as_str() {
            "{" => Self::group,
            "if" => Self::condition,
            "while" | "until" => Self::while_loop,
            "for" | "select" => Self::for_loop,
            "case" => Self::case,
            "function" => Self::function,
            "coproc" => Self::coprocess,
            "[[" => Self::test,
            "then" | "elif" | "else" | "fi" | "do" | "done" | "esac" | "in" | "}" => {
                return Err(Fault::Syntax("a keyword out of place"));
            }
            _ => return Ok(None),
        };
        self.at += keyword.len();
        parse(self).map(Some)
    }

    fn parenthesis(&mut self) -> Parsed<Kind> {
        if self.bash()
            && self.looking_at("((")
            && let Some(word) = self.arithmetic_or_back(2)?
        {
            return Ok(Kind::Arithmetic(word));
        }
        self.at += 1;
        self.subshell().map(Kind::Subshell)
    }

    /// A list up to its closing parenthesis; the opening one is behind us.
    pub(super) fn subshell(&mut self) -> Parsed<Script> {
        let script = self.list(&[])?;
        self.lines()?;
        self.expect(")", "a parenthesis that is not closed")?;
        Ok(script)
    }

    fn group(&mut self) -> Parsed<Kind> {
        let script = self.list(&["}"])?;
        self.expect_keyword("}", "a brace group that is not closed")?;
        Ok(Kind::Group(script))
    }

    fn condition(&mut self) -> Parsed<Kind> {
        let mut branches = Vec::new();
        loop {
            let condition = self.list(&["then"])?;
            self.expect_keyword("then", "`if` without `then`")?;
            branches.push((condition, self.list(&["elif", "else", "fi"])?));
            self.lines()?;
            if !self.at_keyword(&["elif"]) {
                break;
            }
            self.at += 4;
        }
        let mut otherwise = None;
        if self.at_keyword(&["else"]) {
            self.at += 4;
            otherwise = Some(self.list(&["fi"])?);
        }
        self.expect_keyword("fi", "`if` without `fi`")?;
        Ok(Kind::If { branches, otherwise })
    }

    fn while_loop(&mut self) -> Parsed<Kind> {
        let condition = self.list(&["do"])?;
        let body = self.body()?;
        Ok(Kind::Loop { condition, body })
    }

    fn body(&mut self) -> Parsed<Script> {
        self.expect_keyword("do", "a loop without `do`")?;
        let body = self.list(&["done"])?;
        self.expect_keyword("done", "a loop without `done`")?;
        Ok(body)
    }

    fn for_loop(&mut self) -> Parsed<Kind> {
        self.blanks();
        if self.bash() && self.looking_at("((") {
            return self.arithmetic_for();
        }
        let name = self
            .word()?
            .and_then(|word| word.bare().map(str::to_owned))
            .ok_or(Fault::Syntax("`for` without a name"))?;
        self.lines()?;
        let mut words = None;
        if self.at_keyword(&["in"]) {
            self.at += 2;
            let mut list = Vec::new();
            self.blanks();
            while let Some(word) = self.word()? {
                list.push(word);
                self.blanks();
            }
            words = Some(list);
        }
        self.accept(";");
        let body = self.body()?;
        Ok(Kind::For { name, words, body })
    }

    fn arithmetic_for(&mut self) -> Parsed<Kind> {
        let head = self.arithmetic_or_back(2)?.ok_or(Fault::Syntax("`for ((` that is not closed"))?;
        self.blanks();
        self.accept(";");
        self.lines()?;
        let body = if self.at_keyword(&["{"]) {
            self.at += 1;
            let script = self.list(&["}"])?;
            self.expect_keyword("}", "a brace group that is not closed")?;
            script
        } else {
            self.body()?
        };
        let condition = single(Kind::Arithmetic(head));
        Ok(Kind::Loop { condition, body })
    }

    fn case(&mut self) -> Parsed<Kind> {
        self.blanks();
        let subject = self.word()?.ok_or(Fault::Syntax("`case` without a word"))?;
        self.expect_keyword("in", "`case` without `in`")?;
        let mut arms = Vec::new();
        loop {
            self.lines()?;
            if self.at_keyword(&["esac"]) {
                self.at += 4;
                return Ok(Kind::Case { subject, arms });
            }
            arms.push(self.arm()?);
        }
    }

    fn arm(&mut self) -> Parsed<(Vec<Word>, Script)> {
        self.accept("(");
        let mut patterns = Vec::new();
        loop {
            self.blanks();
            let pattern = self.word()?;
            patterns.push(pattern.ok_or(Fault::Syntax("a `case` arm without a pattern"))?);
            self.blanks();
            if !self.accept("|") {
                break;
            }
        }
        self.expect(")", "a `case` pattern that is not closed")?;
        let script = self.list(&["esac"])?;
        self.lines()?;
        let ended = self.accept(";;&") || self.accept(";;") || self.accept(";&");
        if ended || self.at_keyword(&["esac"]) {
            return Ok((patterns, script));
        }
        Err(Fault::Syntax("a `case` arm that does not end"))
    }

    fn function(&mut self) -> Parsed<Kind> {
        self.blanks();
        let name = self.word()?.and_then(|word| word.literal()).ok_or(Fault::Syntax("a function without a name"))?;
        self.blanks();
        if self.accept("(") {
            self.blanks();
            self.expect(")", "a function head that is not closed")?;
        }
        self.function_body(name)
    }

    fn function_body(&mut self, name: String) -> Parsed<Kind> {
        self.lines()?;
        let body = Rc::new(self.command()?);
        Ok(Kind::Function { name, body })
    }

    fn coprocess(&mut self) -> Parsed<Kind> {
        self.blanks();
        let start = self.at;
        // `coproc NAME { … }`: the name is a name only before a compound command.
        if self.word()?.is_none_or(|word| word.bare().is_none()) {
            self.at = start;
        } else {
            self.blanks();
            if self.peek(0) != '(' && self.keyword().is_none_or(|word| word != "{") {
                self.at = start;
            }
        }
        let command = self.command()?;
        Ok(Kind::Subshell(script_of(command)))
    }

    /// `[[ … ]]`: its words are expanded, nothing in it is a command.
    fn test(&mut self) -> Parsed<Kind> {
        let mut words = Vec::new();
        loop {
            self.lines()?;
            self.step()?;
            if self.at_keyword(&["]]"]) {
                self.at += 2;
                return Ok(Kind::Test(words));
            }
            let operator = ["&&", "||", "(", ")", "<", ">"].iter().any(|operator| self.accept(operator));
            if operator {
                continue;
            }
            let word = if matches!(words.last().and_then(Word::bare), Some("=~")) {
                self.pattern_word()?
            } else {
                self.word()?
            };
            words.push(word.ok_or(Fault::Syntax("`[[` that is not closed"))?);
        }
    }

    /// Assignments, words and redirections, or the definition of a function.
    fn simple(&mut self) -> Parsed<Command> {
        let mut simple = Simple::default();
        let mut redirects = Vec::new();
        loop {
            self.step()?;
            self.blanks();
            if let Some(redirect) = self.redirect()? {
                redirects.push(redirect);
            } else if let Some(assignment) = self.assignment(simple.words.is_empty())? {
                simple.assignments.push(assignment);
            } else if let Some(word) = self.word()? {
                simple.words.push(word);
                if let Some(name) = self.function_head(&simple)? {
                    let kind = self.function_body(name)?;
                    return Ok(Command { kind, redirects });
                }
            } else {
                break;
            }
        }
        if simple.words.is_empty() && simple.assignments.is_empty() && redirects.is_empty() {
            return Err(Fault::Syntax("a command is missing"));
        }
        Ok(Command { kind: Kind::Simple(simple), redirects })
    }

    fn function_head(&mut self, simple: &Simple) -> Parsed<Option<String>> {
        let [word] = simple.words.as_slice() else {
            return Ok(None);
        };
        let start = self.at;
        self.blanks();
        if !simple.assignments.is_empty() || !self.accept("(") {
            self.at = start;
            return Ok(None);
        }
        self.blanks();
        self.expect(")", "an unexpected parenthesis")?;
        let name = word.literal();
        name.map(Some).ok_or(Fault::Syntax("a function whose name is not plain"))
    }

    /// `name=value` where it may stand; `name=(…)` anywhere, since `declare` takes it as an argument.
    fn assignment(&mut self, before_the_command: bool) -> Parsed<Option<Assignment>> {
        let start = self.at;
        let head = self.assignment_head()?;
        let array = self.bash() && self.peek(0) == '(';
        let Some((name, index, append)) = head.filter(|_| array || before_the_command) else {
            self.at = start;
            return Ok(None);
        };
        let value = if array {
            self.at += 1;
            AssignedValue::Array(self.elements()?)
        } else {
            AssignedValue::Scalar(self.word()?.unwrap_or_default())
        };
        Ok(Some(Assignment { name, append, index, value }))
    }

    /// The name and the index of `name[index]+=`, and whether it appends; what is none may be read in part.
    fn assignment_head(&mut self) -> Parsed<Option<(String, Option<Word>, bool)>> {
        let is_name = |character: &char| character.is_ascii_alphanumeric() || *character == '_';
        let name: String = (0..).map(|ahead| self.peek(ahead)).take_while(is_name).collect();
        if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
            return Ok(None);
        }
        self.at += name.len();
        let mut index = None;
        if self.peek(0) == '[' {
            index = self.assigned_index()?;
            if index.is_none() {
                return Ok(None);
            }
        }
        let append = self.accept("+");
        Ok(self.accept("=").then_some((name, index, append)))
    }

    /// The index of an element that is assigned.
    fn assigned_index(&mut self) -> Parsed<Option<Word>> {
        let ends =
            |ahead: &usize| self.peek(*ahead) == ']' && (self.peek(ahead + 1) == '=' || self.peek(ahead + 1) == '+');
        if !(0..INDEX).any(|ahead| ends(&ahead)) {
            return Ok(None);
        }
        self.at += 1;
        match self.deeper(|parser| parser.until(']', false)) {
            Err(Fault::Bounds) => Err(Fault::Bounds),
            Err(Fault::Syntax(_)) => Ok(None),
            Ok(index) => Ok(Some(index)),
        }
    }

    fn elements(&mut self) -> Parsed<Vec<Word>> {
        let mut words = Vec::new();
        loop {
            self.lines()?;
            if self.accept(")") {
                return Ok(words);
            }
            let word = self.word()?;
            words.push(word.ok_or(Fault::Syntax("an array that is not closed"))?);
        }
    }
}

fn single(kind: Kind) -> Script {
    script_of(Command { kind, redirects: Vec::new() })
}

fn script_of(command: Command) -> Script {
    let commands = vec![Rc::new(command)];
    let rest: Vec<(Link, Pipeline)> = Vec::new();
    Script { statements: vec![Statement { first: Pipeline { commands }, rest, background: false }] }
}
