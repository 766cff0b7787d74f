//! What may lie where a file should be.

use crate::rig::{canary, run, text};
use crate::tree::{Entry, Kind};
use anyhow::Result;
use rustix::fs::{FileType, IFlags, ioctl_getflags, ioctl_setflags, makedev};
use std::fs::{self, File};
use std::path::Path;

/// One kind of hostility.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Thing {
    /// Links, by where they lead: outside from the top and by `..`, to themselves, to
    /// nothing, and to a file of this root.
    LinkOut,
    LinkUp,
    LinkLoop,
    LinkNowhere,
    LinkWithin,
    Fifo,
    Socket,
    CharDevice,
    BlockDevice,
    Folder,
    FullFolder,
    Immutable,
    AppendOnly,
    Empty,
    /// 8 MiB of nothing, and as much as no machine has memory for.
    Sparse,
    Huge,
    TwoNames,
    Mounted,
    /// Mounted, and read-only there.
    MountedReadOnly,
    NoMode,
    SetUid,
    ReadOnly,
    OtherOwner,
    /// An attribute, and rights of others.
    Attributes,
    /// One line of a megabyte.
    LongLine,
    Nuls,
    Noise,
}

use Thing as T;

/// All of them, with their names.
pub(crate) const ALL: [(&str, Thing); 27] = [
    ("a-link-out", T::LinkOut),
    ("a-link-upwards", T::LinkUp),
    ("a-link-to-itself", T::LinkLoop),
    ("a-link-to-nowhere", T::LinkNowhere),
    ("a-link-within", T::LinkWithin),
    ("a-fifo", T::Fifo),
    ("a-socket", T::Socket),
    ("a-character-device", T::CharDevice),
    ("a-block-device", T::BlockDevice),
    ("a-folder", T::Folder),
    ("a-full-folder", T::FullFolder),
    ("an-immutable-file", T::Immutable),
    ("a-file-to-append-to", T::AppendOnly),
    ("an-empty-file", T::Empty),
    ("a-sparse-file", T::Sparse),
    ("a-huge-file", T::Huge),
    ("a-file-with-two-names", T::TwoNames),
    ("a-mounted-file", T::Mounted),
    ("a-read-only-mounted-file", T::MountedReadOnly),
    ("a-file-without-a-mode", T::NoMode),
    ("a-set-uid-file", T::SetUid),
    ("a-read-only-file", T::ReadOnly),
    ("a-file-of-another-owner", T::OtherOwner),
    ("a-file-with-attributes", T::Attributes),
    ("a-line-of-a-megabyte", T::LongLine),
    ("nothing-but-nuls", T::Nuls),
    ("noise", T::Noise),
];

/// Where the second name of a file is, and where a link within leads.
pub(crate) const SECOND: &str = "var/lib/second";

impl Thing {
    /// Whether the file's content is its own.
    pub(crate) fn has_other_content(self) -> bool {
        matches!(
            self,
            T::Empty | T::Sparse | T::Huge | T::LongLine | T::Nuls | T::Noise
        )
    }

    /// Puts it at `path` in `root`, in the place of `old`.
    pub(crate) fn put(self, root: &Path, path: &str, old: Option<&Entry>) -> Result<()> {
        let at = root.join(path);
        let second = root.join(SECOND);
        let file = Entry::file(b"a file of somebody else\n", 0o644);
        let file = match old {
            Some(old) if old.kind != Kind::Folder => old.clone(),
            _ => file,
        };
        let _ = remove(&at);
        let with = |text: &[u8]| Entry {
            kind: Kind::File(text.to_vec()),
            ..file.clone()
        };
        let link = |to: String| Entry::new(Kind::Link(to), 0o777).make(&at);
        let special = |kind: FileType, device| {
            Entry::new(Kind::Special(kind.as_raw_mode(), device), 0o644).make(&at)
        };
        let mode = |mode| {
            Entry {
                mode,
                ..file.clone()
            }
            .make(&at)
        };
        let depth = "../".repeat(30);
        match self {
            T::LinkOut => link(text(&canary().join("etc/file"))),
            T::LinkUp => link(format!("{depth}{}/etc/shadow", text(canary()))),
            T::LinkLoop => link(text(Path::new(path.rsplit('/').next().unwrap_or(path)))),
            T::LinkNowhere => link("nowhere/at/all".into()),
            T::LinkWithin => {
                file.make(&second)?;
                link(format!("/{SECOND}"))
            }
            T::Fifo => special(FileType::Fifo, 0),
            T::Socket => special(FileType::Socket, 0),
            T::CharDevice => special(FileType::CharacterDevice, makedev(1, 5)),
            T::BlockDevice => special(FileType::BlockDevice, makedev(7, 200)),
            T::Folder => Entry::new(Kind::Folder, 0o755).make(&at),
            T::FullFolder => file.make(&at.join("a/file")),
            T::Immutable => file.make(&at).and_then(|()| flag(&at, IFlags::IMMUTABLE)),
            T::AppendOnly => file.make(&at).and_then(|()| flag(&at, IFlags::APPEND)),
            T::Empty => with(b"").make(&at),
            T::Sparse => Entry::new(Kind::Long(8 << 20), 0o644).make(&at),
            T::Huge => Entry::new(Kind::Long(8 << 40), 0o644).make(&at),
            T::TwoNames => {
                file.make(&second)?;
                Entry::new(Kind::Folder, 0o755).make(at.parent().unwrap_or(root))?;
                Ok(fs::hard_link(&second, &at)?)
            }
            T::Mounted | T::MountedReadOnly => {
                file.make(&second)?;
                file.make(&at)?;
                run("mount", &["--bind", &text(&second), &text(&at)])?;
                if self == T::MountedReadOnly {
                    run("mount", &["-o", "remount,bind,ro", &text(&at)])?;
                }
                Ok(())
            }
            T::NoMode => mode(0),
            T::SetUid => mode(0o4755),
            T::ReadOnly => mode(0o444),
            T::OtherOwner => Entry {
                owner: (1234, 5678),
                ..file.clone()
            }
            .make(&at),
            T::Attributes => {
                let mut file = file.clone();
                let value = b"of a stranger".to_vec();
                file.attributes.insert("user.stranger".into(), value);
                file.make(&at)
            }
            T::LongLine => with(&[&vec![b'x'; 1 << 20][..], b"\n"].concat()).make(&at),
            T::Nuls => with(&[0; 100]).make(&at),
            T::Noise => {
                let noise = (0..2000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8);
                with(&noise.collect::<Vec<_>>()).make(&at)
            }
        }
    }

    /// Takes it away again, whatever became of it.
    pub(crate) fn take_away(self, root: &Path, path: &str) {
        let at = root.join(path);
        match self {
            T::Immutable | T::AppendOnly => {
                let _ = flag(&at, IFlags::empty());
            }
            T::Mounted | T::MountedReadOnly => {
                let _ = run("umount", &[&text(&at)]);
            }
            _ => {}
        }
    }
}

fn flag(path: &Path, flags: IFlags) -> Result<()> {
    let file = File::open(path)?;
    let both = IFlags::IMMUTABLE | IFlags::APPEND;
    Ok(ioctl_setflags(
        &file,
        (ioctl_getflags(&file)? - both) | flags,
    )?)
}

/// Removes whatever is there.
pub(crate) fn remove(path: &Path) -> Result<()> {
    match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => Ok(fs::remove_dir_all(path)?),
        Ok(_) => Ok(fs::remove_file(path)?),
        Err(_) => Ok(()),
    }
}
