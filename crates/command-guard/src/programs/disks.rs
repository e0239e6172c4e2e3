//! Programs that format, partition and erase disks.

use crate::Refusal;
use crate::effects::Write;
use crate::judge::{Judge, Judged};
use crate::options::Options;
use crate::scope::Scope;
use crate::simple::Invocation;
use crate::values::Field;

pub(super) const NAMES: &[&str] = &[
    "mkfs",
    "mke2fs",
    "mkswap",
    "newfs",
    "mkntfs",
    "mkdosfs",
    "wipefs",
    "sgdisk",
    "gdisk",
    "fdisk",
    "cfdisk",
    "sfdisk",
    "parted",
    "blkdiscard",
    "hdparm",
    "nvme",
    "badblocks",
    "cryptsetup",
    "lvremove",
    "vgremove",
    "pvremove",
    "lvreduce",
    "zpool",
    "zfs",
    "mdadm",
    "dmsetup",
    "format",
    "tune2fs",
    "debugfs",
    "e2image",
    "partclone.restore",
    "sg_format",
    "scrub",
    "nwipe",
    "efibootmgr",
    "grub-install",
    "flashrom",
    "pvcreate",
    "vgcreate",
    "losetup",
    "resize2fs",
];

fn refuse(call: &Invocation, what: &str) -> Judged<()> {
    Err(Refusal::new("disk", format!("`{}` would {what}", call.name)))
}

pub(super) fn judge(judge: &mut Judge<'_>, call: &Invocation, scope: &mut Scope) -> Judged<()> {
    let arguments = &call.arguments;
    let options = Options::read(arguments, &[]);
    if options.has(&["--help", "--version"]) {
        return Ok(());
    }
    let word = |text: &str| arguments.iter().any(|argument| argument.is(text));
    let any = |texts: &[&str]| texts.iter().any(|text| word(text));
    match call.name.as_str() {
        "wipefs" if !options.has(&["-a", "--all", "-o", "--offset"]) || options.has(&["-n", "--no-act"]) => Ok(()),
        "sgdisk" | "fdisk" | "gdisk" | "cfdisk" | "sfdisk"
            if options.has(&["-l", "--list", "-p", "--print", "-i", "-v", "-d", "--dump", "-J", "-s"])
                && !any(&["--zap-all", "-Z", "-o", "--delete"]) =>
        {
            Ok(())
        }
        "parted" if any(&["print", "-l", "--list"]) && !any(&["mklabel", "rm", "mkpart", "resizepart"]) => Ok(()),
        "hdparm"
            if !arguments.iter().any(|a| a.visible().starts_with("--security-")) && !word("--trim-sector-ranges") =>
        {
            Ok(())
        }
        "nvme" if !any(&["format", "sanitize", "write-zeroes", "write", "delete-ns", "fw-download"]) => Ok(()),
        "badblocks" if !options.has(&["-w"]) => Ok(()),
        "cryptsetup" if !any(&["luksFormat", "erase", "luksErase", "reencrypt", "luksKillSlot"]) => Ok(()),
        "zpool" | "zfs" if !any(&["destroy", "labelclear", "rollback"]) => Ok(()),
        "mdadm" if !any(&["--zero-superblock", "--stop", "-S", "--remove", "--create", "-C"]) => Ok(()),
        "dmsetup" if !any(&["remove", "remove_all", "wipe_table"]) => Ok(()),
        "efibootmgr" if !options.has(&["-B", "--delete-bootnum", "-O", "-o"]) => Ok(()),
        "tune2fs" if options.has(&["-l"]) || arguments.is_empty() => Ok(()),
        "debugfs" if !options.has(&["-w"]) => Ok(()),
        "losetup" | "resize2fs" | "e2image" => Ok(()),
        "lvremove" | "vgremove" | "pvremove" | "lvreduce" | "zpool" | "zfs" | "mdadm" | "dmsetup" | "efibootmgr"
        | "grub-install" | "flashrom" => refuse(call, "change or erase volumes or the boot of this machine"),
        _ => formats(judge, call, &options, scope),
    }
}

/// A disk image in the workspace may be formatted; a device may not, nor something that is not known.
fn formats(judge: &Judge<'_>, call: &Invocation, options: &Options, scope: &Scope) -> Judged<()> {
    let dry = call.name.contains("mkfs") && options.has(&["-n"]) && !call.name.contains("fat");
    for operand in options.operands.iter().filter(|_| !dry) {
        if is_a_word(operand) {
            continue;
        }
        if operand.origin().is_some() {
            return refuse(call, "format or erase a disk that is not known");
        }
        if judge.is_disk(operand, scope) {
            return refuse(call, &format!("format or erase {}", operand.visible()));
        }
        judge.writes(&call.name, operand, Write::Replace, scope)?;
    }
    Ok(())
}

/// Types, labels and sizes among the operands: `mkfs -t ext4`, `-L data`.
fn is_a_word(operand: &Field) -> bool {
    operand.known().is_some_and(|text| !text.contains('/') && !text.contains('.'))
}
