//! A profile as its table says it, before anything is made of it.

use super::{
    decide::Effect,
    list::List,
    reader::{Reader, Value},
    rule::Said,
};
use crate::caller::Access;

/// What one profile says itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Draft {
    pub inherits: Option<Said<String>>,
    pub tools: Option<List>,
    pub grants: Option<List>,
    pub sandbox: Option<Said<bool>>,
    pub files: FilesDraft,
    pub commands: CommandsDraft,
    pub fetch_allow: Option<List>,
    pub fetch_deny: Option<List>,
    /// Whether commands may use the network.
    pub network: Option<Said<bool>>,
    pub memory_read: Option<List>,
    pub memory_write: Option<List>,
    pub asks: Vec<Said<AskDraft>>,
}

/// Its `files`.
#[derive(Clone, Debug, Default)]
pub(crate) struct FilesDraft {
    pub read: Option<List>,
    pub write: Option<List>,
    pub deny: Option<List>,
}

/// Its `commands`.
#[derive(Clone, Debug, Default)]
pub(crate) struct CommandsDraft {
    pub default: Option<Said<Effect>>,
    pub guard: Option<Said<Effect>>,
    pub allow: Option<List>,
    pub ask: Option<List>,
    pub deny: Option<List>,
}

/// One of its `ask`: all that it says must hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct AskDraft {
    pub tool: Option<String>,
    pub access: Option<Access>,
    pub path: Option<String>,
    pub command: Option<String>,
    pub host: Option<String>,
    pub deletes_more_than: Option<u64>,
    pub irreversible: bool,
}

const ALLOW_ASK_DENY: [(&str, Effect); 3] = [("allow", Effect::Allow), ("ask", Effect::Ask), ("deny", Effect::Deny)];
const DENY_ASK: [(&str, Effect); 2] = [("deny", Effect::Deny), ("ask", Effect::Ask)];
const ON_OFF: [(&str, bool); 2] = [("on", true), ("off", false)];

/// The names of access classes.
pub(crate) const ACCESS: [(&str, Access); 5] = [
    ("read", Access::Read),
    ("write", Access::Write),
    ("execute", Access::Execute),
    ("network", Access::Network),
    ("admin", Access::Admin),
];

const KEYS: [&str; 9] = ["inherits", "tools", "grants", "sandbox", "files", "commands", "network", "memory", "ask"];

impl Draft {
    /// Reads the table of a profile.
    pub(crate) fn read(value: &Value<'_>, reader: &mut Reader<'_>) -> Self {
        let mut draft = Self::default();
        for field in reader.fields(value, &KEYS) {
            match field.key() {
                "inherits" => draft.inherits = reader.text(&field, "inherits = \"careful\""),
                "tools" => draft.tools = reader.list(&field, "tools = [\"filesystem_*\", \"@read\"]"),
                "grants" => draft.grants = reader.list(&field, "grants = [\"ssh-agent\"]"),
                "sandbox" => draft.sandbox = reader.word(&field, &ON_OFF),
                "files" => draft.files = FilesDraft::read(&field, reader),
                "commands" => draft.commands = CommandsDraft::read(&field, reader),
                "network" => draft.read_network(&field, reader),
                "memory" => draft.read_memory(&field, reader),
                _ => draft.asks = AskDraft::read_all(&field, reader),
            }
        }
        draft
    }

    fn read_network(&mut self, value: &Value<'_>, reader: &mut Reader<'_>) {
        for field in reader.fields(value, &["fetch", "commands"]) {
            match field.key() {
                "commands" => self.network = reader.word(&field, &ON_OFF),
                _ => {
                    for list in reader.fields(&field, &["allow", "deny"]) {
                        let example = "fetch = { allow = [\"docs.rs\", \"**.example.org\"] }";
                        match list.key() {
                            "allow" => self.fetch_allow = reader.list(&list, example),
                            _ => self.fetch_deny = reader.list(&list, example),
                        }
                    }
                }
            }
        }
    }

    fn read_memory(&mut self, value: &Value<'_>, reader: &mut Reader<'_>) {
        for field in reader.fields(value, &["read", "write"]) {
            let example = "memory = { read = [\"*\"], write = [\"project-x\"] }";
            match field.key() {
                "read" => self.memory_read = reader.list(&field, example),
                _ => self.memory_write = reader.list(&field, example),
            }
        }
    }
}

impl FilesDraft {
    fn read(value: &Value<'_>, reader: &mut Reader<'_>) -> Self {
        let mut files = Self::default();
        for field in reader.fields(value, &["read", "write", "deny"]) {
            match field.key() {
                "read" => files.read = reader.list(&field, "read = [\"~/projects\"]"),
                "write" => files.write = reader.list(&field, "write = [\"~/projects/notes\"]"),
                _ => files.deny = reader.list(&field, "deny = [\"~/projects/**/*.pem\"]"),
            }
        }
        files
    }
}

impl CommandsDraft {
    fn read(value: &Value<'_>, reader: &mut Reader<'_>) -> Self {
        let mut commands = Self::default();
        for field in reader.fields(value, &["default", "guard", "allow", "ask", "deny"]) {
            match field.key() {
                "default" => commands.default = reader.word(&field, &ALLOW_ASK_DENY),
                "guard" => commands.guard = reader.word(&field, &DENY_ASK),
                "allow" => commands.allow = reader.list(&field, "allow = [\"git status *\", \"cargo test *\"]"),
                "ask" => commands.ask = reader.list(&field, "ask = [\"git push\"]"),
                _ => commands.deny = reader.list(&field, "deny = [\"curl\"]"),
            }
        }
        commands
    }
}

impl AskDraft {
    fn read_all(value: &Value<'_>, reader: &mut Reader<'_>) -> Vec<Said<Self>> {
        let tables = reader.tables(value, "ask = [{ command = \"git push\" }, { access = \"network\" }]");
        tables.iter().map(|table| Said { value: Self::read(table, reader), rule: reader.rule(table) }).collect()
    }

    fn read(value: &Value<'_>, reader: &mut Reader<'_>) -> Self {
        let mut ask = Self::default();
        let keys = ["tool", "access", "path", "command", "host", "deletes_more_than", "irreversible"];
        let fields = reader.fields(value, &keys);
        if fields.is_empty() {
            reader.mistake(value, "this asks for nothing: say for what, as in { command = \"git push\" }");
        }
        for field in fields {
            let mut text = |example: &str| reader.text(&field, example).map(|said| said.value);
            match field.key() {
                "tool" => ask.tool = text("tool = \"filesystem_delete\""),
                "path" => ask.path = text("path = \"~/projects/**/migrations\""),
                "command" => ask.command = text("command = \"git push\""),
                "host" => ask.host = text("host = \"**.example.org\""),
                "access" => ask.access = reader.word(&field, &ACCESS).map(|said| said.value),
                "deletes_more_than" => ask.deletes_more_than = reader.number(&field, "deletes_more_than = 20"),
                _ => ask.irreversible = reader.truth(&field, "irreversible = true"),
            }
        }
        ask
    }
}
