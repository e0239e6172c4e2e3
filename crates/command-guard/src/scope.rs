//! What is known while a line is followed: directory, variables, functions, files it writes.

use super::syntax::Command;
use super::values::{Data, Field};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// The lists of fields that a variable can hold; a scalar is a list of one.
pub(super) type Variable = Vec<Vec<Field>>;

/// How many meanings of one variable or directory are followed.
pub(super) const MEANINGS: usize = 64;

/// What is known of a variable beside its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Attribute {
    /// What it is given is evaluated (`declare -i`).
    Integer,
    /// Its subscripts are keys (`declare -A`).
    Associative,
    /// It may keep its value whatever is assigned.
    Readonly,
    /// Another way through the line leaves it as it was before the line.
    Unsure,
}

#[derive(Clone, Default)]
pub(super) struct Scope {
    /// Where the command can be; `None`: somewhere unknown.
    pub directories: Vec<Option<String>>,
    pub left: Vec<Option<String>>,
    pub variables: HashMap<String, Variable>,
    pub functions: HashMap<String, Rc<Command>>,
    pub aliases: HashMap<String, String>,
    /// Variables that are other names of variables (`declare -n`).
    pub references: HashMap<String, String>,
    pub attributes: HashSet<(String, Attribute)>,
    /// Variables of the function that is followed, with what they hide.
    pub locals: Vec<(String, Option<Variable>)>,
    /// `$1…`; `None`: not known (a function judged where it is defined).
    pub positional: Option<Vec<Field>>,
    /// Files that this line itself wrote, by absolute path.
    pub files: HashMap<String, Data>,
    /// Links that this line itself made: from, to.
    pub links: Vec<(String, String)>,
    /// Programs that this line itself copied or linked, by absolute path: the name they had.
    pub programs: HashMap<String, String>,
    /// In a container or a changed root: path inside, path on the host.
    pub mounts: Option<Vec<(String, String)>>,
    /// In a container that runs already or on another machine: no place of it is a place here.
    pub is_elsewhere: bool,
    pub stdin: Data,
    /// Functions being followed, each with the number of forks at its call.
    pub calls: Vec<(String, usize)>,
    /// Pipelines and background jobs around the current command.
    pub forks: usize,
    /// `exit`, `return`: what follows in this list does not run.
    pub ended: bool,
}

impl Scope {
    pub(crate) fn at(directory: &str) -> Self {
        Self {
            directories: vec![Some(directory.to_owned())],
            left: vec![None],
            positional: Some(Vec::new()),
            ..Self::default()
        }
    }

    pub(crate) fn set(&mut self, name: &str, value: Variable) {
        if !self.attributes.is_empty() {
            self.attributes.remove(&(name.to_owned(), Attribute::Unsure));
        }
        self.variables.insert(name.to_owned(), value);
    }

    pub(crate) fn has(&self, name: &str, attribute: Attribute) -> bool {
        !self.attributes.is_empty() && self.attributes.contains(&(name.to_owned(), attribute))
    }

    pub(crate) fn mark(&mut self, name: &str, attribute: Attribute) {
        self.attributes.insert((name.to_owned(), attribute));
    }

    /// Keeps of the variables whose subscripts are keys those that were such before.
    pub(crate) fn forget_keys(&mut self, before: &Self) {
        self.attributes.retain(|it| it.1 != Attribute::Associative || before.attributes.contains(it));
    }

    /// What is so on one way is so, but that the subscripts of a variable are keys.
    fn merge_attributes(&mut self, other: &Self) {
        let is_key = |(_, attribute): &(String, Attribute)| *attribute == Attribute::Associative;
        self.attributes.retain(|it| !is_key(it) || other.attributes.contains(it));
        self.attributes.extend(other.attributes.iter().filter(|it| !is_key(it)).cloned());
        let lacks = |other: &Self, name: &&String| !other.variables.contains_key(*name);
        let own = self.variables.keys().filter(|name| lacks(other, name));
        let others = other.variables.keys().filter(|name| lacks(self, name));
        let unsure: Vec<String> = own.chain(others).cloned().collect();
        self.attributes.extend(unsure.into_iter().map(|name| (name, Attribute::Unsure)));
    }

    pub(crate) fn set_one(&mut self, name: &str, field: Field) {
        self.set(name, vec![vec![field]]);
    }

    /// What either of two ways through the line leaves: the union of both.
    pub(crate) fn merge(&mut self, other: Self) {
        if other.ended {
            return;
        }
        if self.ended {
            *self = other;
            return;
        }
        self.merge_attributes(&other);
        union(&mut self.directories, other.directories);
        union(&mut self.left, other.left);
        for (name, value) in other.variables {
            match self.variables.get_mut(&name) {
                Some(own) => union(own, value),
                None => {
                    // Unset on this way: what the environment gives stays possible as unknown.
                    self.variables.insert(name, value);
                }
            }
        }
        self.functions.extend(other.functions);
        self.aliases.extend(other.aliases);
        union(&mut self.locals, other.locals);
        self.references.extend(other.references);
        self.programs.extend(other.programs);
        self.files.extend(other.files);
        self.join_links(other.links);
    }

    /// Adds the links that another way through the line made; those made before it parted from this one are in both.
    pub(crate) fn join_links(&mut self, other: Vec<(String, String)>) {
        let shared = self.links.iter().zip(&other).take_while(|(own, other)| own == other).count();
        self.links.extend(other.into_iter().skip(shared));
    }

    /// Moves to what `targets` name; nothing known means anywhere.
    pub(crate) fn move_to(&mut self, directories: Vec<Option<String>>) {
        let directories = if directories.is_empty() { vec![None] } else { directories };
        self.left = std::mem::replace(&mut self.directories, directories);
    }

    /// The name of a fresh file that holds `data`, for `<( … )`.
    pub(crate) fn virtual_file(&mut self, data: Data) -> Field {
        let path = format!("/dev/fd/{}", 63_usize.wrapping_add(self.files.len()));
        self.files.insert(path.clone(), data);
        Field::text(path)
    }
}

fn union<T: PartialEq>(own: &mut Vec<T>, other: Vec<T>) {
    for value in other {
        if !own.contains(&value) && own.len() < MEANINGS {
            own.push(value);
        }
    }
}
