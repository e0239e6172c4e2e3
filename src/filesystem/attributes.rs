//! What else belongs to a file than its bytes, bits and owner: extended attributes, and access lists, which are such.

use std::{fs::File, io};

/// Gives `new` the attributes of `old`, and none besides. What the system keeps for itself (`security.`: labels, and
/// capabilities, which do not outlive a change) is left to it.
///
/// # Errors
/// When one of them cannot be kept.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn keep(old: &File, new: &File) -> io::Result<()> {
    let (wanted, there) = (names(old)?, names(new)?);
    for name in &wanted {
        let mut value = Vec::with_capacity(MAX_VALUE);
        rustix::fs::fgetxattr(old, name.as_str(), rustix::buffer::spare_capacity(&mut value))?;
        rustix::fs::fsetxattr(new, name.as_str(), &value, rustix::fs::XattrFlags::empty())?;
    }
    // The directory's own rules may have given it some.
    for name in there.iter().filter(|name| !wanted.contains(name)) {
        rustix::fs::fremovexattr(new, name.as_str())?;
    }
    Ok(())
}

/// As much as Linux lets one attribute, and all names together, be, in bytes.
#[cfg(any(target_os = "linux", target_os = "android"))]
const MAX_VALUE: usize = 64 * 1024;

#[cfg(any(target_os = "linux", target_os = "android"))]
fn names(file: &File) -> io::Result<Vec<String>> {
    let mut list = Vec::with_capacity(MAX_VALUE);
    match rustix::fs::flistxattr(file, rustix::buffer::spare_capacity(&mut list)) {
        // Such a file system has none.
        Err(rustix::io::Errno::NOTSUP) => return Ok(vec![]),
        listed => listed?,
    };
    let names = list.split(|byte| *byte == 0).filter_map(|name| std::str::from_utf8(name).ok());
    Ok(names.filter(|name| !name.is_empty() && !name.starts_with("security.")).map(str::to_owned).collect())
}

/// Other systems have their own, which are not kept.
///
/// # Errors
/// Never here.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub fn keep(_: &File, _: &File) -> io::Result<()> {
    Ok(())
}
