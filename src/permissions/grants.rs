//! Named things that the boundary hides from commands, and what each of them opens: `grants.toml`.

use super::{mistakes::Mistake, rule::Said};
use crate::near::nearest;
use std::sync::LazyLock;
use toml_edit::{Document, Item};

/// One thing.
#[derive(Debug)]
pub(crate) struct Grant {
    pub name: String,
    /// Sockets, as `MCP_COMMAND_SOCKETS` writes them; `$NAME` is what a variable of the server's names.
    pub sockets: Vec<String>,
    /// Devices, as `MCP_COMMAND_DEVICES` writes them.
    pub devices: Vec<String>,
    /// Secret files of the home, as `MCP_COMMAND_FILES` writes them.
    pub files: Vec<String>,
    /// What a person must know before granting it.
    pub warning: Option<String>,
}

static GRANTS: LazyLock<Vec<Grant>> = LazyLock::new(|| {
    let document = Document::parse(include_str!("grants.toml")).expect("the table of grants is TOML");
    let texts = |item: &Item, key: &str| {
        let list = item.get(key).and_then(Item::as_array);
        let texts = list.into_iter().flatten().filter_map(toml_edit::Value::as_str);
        texts.map(str::to_owned).collect::<Vec<_>>()
    };
    let grant = |(name, item): (&str, &Item)| Grant {
        name: name.to_owned(),
        sockets: texts(item, "sockets"),
        devices: texts(item, "devices"),
        files: texts(item, "files"),
        warning: item.get("warning").and_then(Item::as_str).map(str::to_owned),
    };
    document.iter().map(grant).collect()
});

/// The things of these names.
pub(crate) fn named(names: &[Said<String>], mistakes: &mut Vec<Mistake>) -> Vec<&'static Grant> {
    let mut found = Vec::new();
    for name in names {
        match GRANTS.iter().find(|grant| grant.name == name.value) {
            Some(grant) => found.push(grant),
            None => {
                let all = || GRANTS.iter().map(|grant| grant.name.as_str());
                let what = match nearest(&name.value, all()).first() {
                    Some(near) => format!("there is no grant `{}`: did you mean `{near}`?", name.value),
                    None => format!(
                        "there is no grant `{}`: there are {}",
                        name.value,
                        all().collect::<Vec<_>>().join(", ")
                    ),
                };
                mistakes.push(Mistake::at(&name.rule, what));
            }
        }
    }
    found
}
