//! A look through an archive before anything of it is unpacked: one that is too much or damaged is refused while others
//! may still change files, and nothing was written.

use super::{Format, check_name, damaged, tar_entries, too_large, zip_list};
use crate::{error::Result, filesystem::go_on};
use flate2::read::MultiGzDecoder;
use std::{
    fs::File,
    io::{BufReader, Read},
    path::Path,
};
use tokio_util::sync::CancellationToken;

/// Fails for an archive that says of itself that it has too many or too large files, or names that no file can have.
///
/// # Errors
/// [`crate::Error::Unusable`] and [`crate::Error::TooLarge`], as unpacking has them.
pub(crate) fn survey(file: File, format: Format, most: u64, cancelled: &CancellationToken) -> Result<()> {
    match format {
        Format::Zip => zip(file, most, cancelled),
        Format::Tar => tar(BufReader::new(file), most, cancelled),
        Format::TarGz => tar(MultiGzDecoder::new(BufReader::new(file)), most, cancelled),
    }
}

fn zip(file: File, most: u64, cancelled: &CancellationToken) -> Result<()> {
    let mut archive = zip_list::open(file)?;
    let mut sizes = 0_u64;
    for number in 0..archive.len() {
        go_on(cancelled)?;
        let entry = archive.by_index_raw(number).map_err(damaged)?;
        sizes = sizes.saturating_add(entry.size());
        check_name(Path::new(&*entry.name().map_err(damaged)?))?;
    }
    if sizes > most { too_large() } else { Ok(()) }
}

fn tar(reader: impl Read, most: u64, cancelled: &CancellationToken) -> Result<()> {
    let mut sizes = 0_u64;
    tar_entries::each(reader, most, |entry| {
        go_on(cancelled)?;
        check_name(&entry.path().map_err(damaged)?)?;
        if tar_entries::is_file(entry.header().entry_type()) {
            sizes = sizes.saturating_add(entry.size());
        }
        if sizes > most { too_large() } else { Ok(()) }
    })
}
