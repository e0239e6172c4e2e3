//! Which tools a client of MCP is shown. A list has a name and an address, which never changes what it shows: clients keep
//! what they were shown. It is no boundary: what an agent may do is for its profile to say, and a tool that is not shown
//! is called by its name as any other.

use crate::{
    caller::Access,
    catalog::{self, Entry},
    near::nearest,
    permissions::ToolPattern,
};

/// The lists that have an address of their own, the default first.
pub const NAMED: [&str; 4] = ["core", "all", "read-only", "find"];

/// The day of an agent that writes code, and of each module what is needed first.
const CORE: [&str; 22] = [
    "filesystem_read",
    "filesystem_read_many",
    "filesystem_write",
    "filesystem_edit",
    "filesystem_patch",
    "filesystem_list",
    "filesystem_search",
    "filesystem_tree",
    "filesystem_delete",
    "filesystem_undo",
    "terminal_info",
    "terminal_execute",
    "terminal_start",
    "terminal_poll",
    "terminal_input",
    "terminal_stop",
    "memory_recall",
    "memory_add",
    "memory_update",
    "internet_fetch",
    "sandbox_run",
    REQUEST,
];

/// The tool by which an agent asks for more: it is in every list.
const REQUEST: &str = "permissions_request";

/// What stands between the parts of a list.
const SEPARATOR: char = ',';

/// What a client is shown.
#[derive(Clone, Debug)]
pub struct ToolList(Vec<Part>);

#[derive(Clone, Debug)]
enum Part {
    Core,
    All,
    ReadOnly,
    Find,
    Named(ToolPattern),
}

impl Part {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(match text {
            "core" => Self::Core,
            "all" => Self::All,
            "read-only" => Self::ReadOnly,
            "find" => Self::Find,
            _ => Self::Named(ToolPattern::parse(text, &catalog::tools()).map_err(|_| unknown(text))?),
        })
    }

    fn shows(&self, name: &str, access: Access) -> bool {
        match self {
            Self::Core => CORE.contains(&name),
            Self::All => true,
            Self::ReadOnly => access == Access::Read,
            Self::Find => name == REQUEST,
            Self::Named(pattern) => name == REQUEST || pattern.means(name, access),
        }
    }
}

impl ToolList {
    /// Every tool.
    pub fn all() -> Self {
        Self(vec![Part::All])
    }

    /// A list as it is named: lists, modules, tools and patterns of tools, separated by commas.
    ///
    /// # Errors
    /// What there is, for a name that means none of these.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts = text.split(SEPARATOR).map(str::trim);
        let parts = parts.map(Part::parse).collect::<Result<_, _>>()?;
        Ok(Self(parts))
    }

    /// Whether a tool is in it.
    pub fn shows(&self, entry: &Entry) -> bool {
        self.0.iter().any(|part| part.shows(entry.name, entry.access))
    }

    /// Whether the tools that it does not show are found by those that find and call others.
    pub fn finds_others(&self) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Core | Part::Find))
    }

    /// Whether it promises that what is called by it changes nothing.
    pub fn only_reads(&self) -> bool {
        self.0.iter().all(|part| matches!(part, Part::ReadOnly))
    }

    /// Whether it shows everything.
    pub fn is_whole(&self) -> bool {
        self.0.iter().any(|part| matches!(part, Part::All))
    }
}

fn unknown(text: &str) -> String {
    let modules = ToolPattern::MODULES.map(|(module, _)| module);
    let tools = catalog::everything().iter().map(|entry| entry.name);
    let near = nearest(text, NAMED.into_iter().chain(modules).chain(tools));
    let meant = near.first().map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default();
    format!(
        "there is no list or tool `{text}`{meant}: a list is made of {}, {}, names of tools, `*` for any letters in them, \
         and @read, @write, @execute, @network, @admin, separated by commas",
        NAMED.join(", "),
        modules.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<&'static str> {
        let list = ToolList::parse(text).unwrap();
        catalog::everything().iter().filter(|entry| list.shows(entry)).map(|entry| entry.name).collect()
    }

    #[test]
    fn a_list_is_made_of_lists_modules_tools_and_patterns() {
        assert_eq!(shown("core").len(), CORE.len(), "every name of the list is a tool's");
        assert_eq!(shown("all").len(), catalog::everything().len());
        assert_eq!(shown("find"), [REQUEST]);
        assert_eq!(
            shown("sandbox_session_*, memory_add"),
            [
                "memory_add",
                "sandbox_session_start",
                "sandbox_session_run",
                "sandbox_session_files",
                "sandbox_session_list",
                "sandbox_session_stop",
                REQUEST
            ]
        );
        assert!(shown("files").iter().all(|name| *name == REQUEST || name.starts_with("filesystem_")));
        assert_eq!(shown("@read"), shown("read-only"));
        for wrong in ["", "core,", "cores", "filesystem_fly", "nothing_*", "@fly", "core;all"] {
            let why = ToolList::parse(wrong).unwrap_err();
            assert!(why.contains("core, all, read-only, find, files"), "{wrong}: {why}");
        }
        assert!(ToolList::parse("cores").unwrap_err().contains("did you mean `core`?"));
    }

    #[test]
    fn a_list_finds_others_or_only_reads_as_its_parts_do() {
        let of = |text| ToolList::parse(text).unwrap();
        assert!(of("core").finds_others() && of("files,find").finds_others() && !of("all").finds_others());
        assert!(of("read-only").only_reads() && !of("read-only,memory").only_reads());
    }
}
