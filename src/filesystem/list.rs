//! Lists a directory.

use super::{
    Files,
    about::Place,
    page::{Cursor, shown},
    walk::{Next, Visit, walk},
};
use crate::{
    caller::{Access, MemoryBudget},
    capability::{Capability, Context},
    clock,
    error::{Error, Result},
    permissions::{Needs, Subjects},
    policy::paths::{Found, Intent, Kind, Named, spelled},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

/// As many items fit one answer.
const MAX_ITEMS: usize = 100_000;

/// How many bytes of items are asked for at once.
const STEP: u64 = 256 * 1024;

/// List a directory.
///
/// Its files and folders by name, hidden ones too. For an overview of a project, filesystem_tree.
///
/// Links are not walked into.
#[derive(Deserialize, JsonSchema)]
pub struct ListDirectory {
    /// The directory. Relative paths start at the server's directory.
    path: String,
    /// Whether to list all that is below.
    #[serde(default)]
    recursive: bool,
    /// The most items to return. 1 to 100,000.
    #[serde(default = "default_limit")]
    #[schemars(range(min = 1, max = 100_000))]
    limit: usize,
    /// `next_cursor` of the page before. Default: the first page.
    cursor: Option<String>,
}

fn default_limit() -> usize {
    MAX_ITEMS
}

/// What is in a directory.
#[derive(Serialize, JsonSchema)]
pub struct ListOutput {
    /// The path as sent.
    path: String,
    /// How many items this page has.
    count: usize,
    /// The items by name, a directory before what is in it.
    items: Vec<Item>,
    /// Whether there are more.
    truncated: bool,
    /// Where there are more: send this as `cursor` for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// A file or a directory.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DirectoryItem")]
pub(crate) struct Item {
    /// Its name.
    name: String,
    /// The path as sent, joined with the names below it.
    path: String,
    /// What it is; a link is what it leads to.
    #[serde(rename = "type")]
    kind: ItemKind,
    /// Its size in bytes; null for directories and for links that lead nowhere.
    size: Option<u64>,
    /// When it was last changed; null for directories and for links that lead nowhere.
    modified: Option<String>,
    /// Whether it is a link; the type, size and time are those of what it leads to.
    is_link: bool,
    /// What the link says, as it is stored; null for anything else.
    link_target: Option<String>,
}

/// What an item is.
#[derive(Clone, Copy, Debug, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ItemKind {
    /// Anything but a directory.
    File,
    /// A directory.
    Directory,
}

impl Item {
    /// About how many bytes it takes, here and in the answer.
    fn weight(&self) -> u64 {
        let target = self.link_target.as_ref().map_or(0, String::len);
        2 * (self.name.len() + self.path.len() + target) as u64 + 300
    }
}

impl Capability for ListDirectory {
    const NAME: &'static str = "filesystem_list";
    const ACCESS: Access = Access::Read;
    const IDEMPOTENT: bool = true;
    const EXAMPLE: &'static str = r#"{"path": "."}"#;
    type Service = Files;
    type Output = ListOutput;

    fn aside(_: &ListOutput) -> &'static [&'static str] {
        &["path", "items.name", "items.modified"]
    }

    fn subjects(&self, files: &Files, needs: Needs) -> Subjects {
        Subjects { is_of_trees: self.recursive, ..files.about(needs, [Place::read(&self.path)]) }
    }

    async fn run(self, files: &Files, context: &Context) -> Result<ListOutput> {
        let holding = context.holding.clone();
        files.look(context, move |files, cancelled| self.list(files, &holding, cancelled)).await
    }
}

impl ListDirectory {
    fn list(self, files: &Files, holding: &MemoryBudget, cancelled: &CancellationToken) -> Result<ListOutput> {
        let path = files.workspace.resolve(&self.path, Named::Folder, Intent::Read)?;
        let folder = path.open_folder()?;
        let after = Cursor::parse(self.cursor.as_deref())?.map(|cursor| cursor.path);
        let (mut items, mut last, mut next_cursor, mut unheld) = (Vec::new(), None, None, 0);
        walk(&folder, after.as_deref(), self.limit, cancelled, &mut |visit| {
            if items.len() == self.limit {
                next_cursor = last.take();
                return Ok(Next::Stop);
            }
            let Some(item) = item(&self.path, visit) else { return Ok(Next::Past) };
            unheld += item.weight();
            if unheld > STEP {
                holding.wait_for_more(std::mem::take(&mut unheld))?;
            }
            items.push(item);
            if items.len() == self.limit {
                last = Some(Cursor::text(visit.path, 0));
            }
            Ok(if self.recursive { Next::Into } else { Next::Past })
        })
        .map_err(|error| match error {
            Error::Internal(_) => Error::Unusable("Path is not a directory that can be read".into()),
            error => error,
        })?;
        let (count, truncated) = (items.len(), next_cursor.is_some());
        Ok(ListOutput { path: self.path, count, items, truncated, next_cursor })
    }
}

/// A link in a directory.
pub(crate) struct Link {
    /// Its text; `None` when it has just gone.
    pub target: Option<String>,
    /// What it leads to, where that is there and may be known.
    pub leads_to: Option<Found>,
}

impl Link {
    /// The link that is visited; `None` for anything else.
    pub(crate) fn of(visit: &Visit) -> Option<Self> {
        let name = &visit.child.name;
        let is_link = match visit.child.kind {
            Some(kind) => kind == Kind::Link,
            None => visit.folder.look(name).is_ok_and(|found| found.kind == Kind::Link),
        };
        is_link.then(|| Self {
            target: visit.folder.directory().read_link(name).ok().map(spelled),
            leads_to: visit.folder.look_through(name),
        })
    }

    /// Whether it leads to a directory.
    pub(crate) fn leads_to_folder(&self) -> bool {
        self.leads_to.is_some_and(|found| found.is_folder())
    }
}

/// What is shown of a name; `None` when it has just gone, or nobody may know of it.
fn item(sent: &str, visit: &Visit) -> Option<Item> {
    let name = &visit.child.name;
    if visit.folder.hides(name) {
        return None;
    }
    let link = Link::of(visit);
    let found = match (&link, visit.child.kind) {
        (Some(link), _) => link.leads_to,
        (None, Some(Kind::Folder)) => None,
        (None, _) => Some(visit.folder.look(name).ok()?),
    };
    let is_folder = visit.child.kind == Some(Kind::Folder) || found.is_some_and(|found| found.is_folder());
    let file: Option<Found> = found.filter(|_| !is_folder);
    Some(Item {
        name: spelled(name),
        path: shown(sent, visit.path),
        kind: if is_folder { ItemKind::Directory } else { ItemKind::File },
        size: file.map(|found| found.size),
        modified: file.map(|found| clock::timestamp_of(found.times.modified())),
        is_link: link.is_some(),
        link_target: link.and_then(|link| link.target),
    })
}
