//! Files and names of programs that a line makes for itself.

use super::scope::Scope;
use super::targets::{Target, resolve};
use super::values::{Data, Field, Origin};

impl Scope {
    /// The content of a file that this line wrote or substituted.
    pub(crate) fn file(&self, field: &Field) -> Option<Data> {
        let target = resolve(field, self).into_iter().next()?;
        self.files.get(&target.shown()).cloned()
    }

    /// Notes that `copy` is another name of the program `source`, if that is where programs lie.
    pub(crate) fn name_program(&mut self, source: &Field, copy: &Field) {
        let Some(path) = resolve(source, self).first().map(Target::shown) else {
            return;
        };
        let Some((folder, name)) = path.rsplit_once('/').filter(|(folder, _)| folder.ends_with("bin")) else {
            return;
        };
        if folder.starts_with('/') {
            for target in resolve(copy, self) {
                self.programs.insert(target.shown(), name.to_owned());
            }
        }
    }

    /// Notes what a file will hold; what is appended to an unknown file leaves it unknown.
    pub(crate) fn write_file(&mut self, field: &Field, data: Data, append: bool) {
        for target in resolve(field, self) {
            let path = target.shown();
            let data = match (append, self.files.remove(&path)) {
                (true, Some(before)) => before.then(data.clone()),
                (true, None) => Data::Opaque(data.origin().unwrap_or(Origin::Local)).then(data.clone()),
                (false, _) => data.clone(),
            };
            self.files.insert(path, data);
        }
    }
}
