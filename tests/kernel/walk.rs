//! Where a path leads.

use super::world::{Body, Ino, Name, Result, World};
use osconf::sys::FileSystem;
use rustix::io::Errno;

/// How many links the kernel follows (`MAXSYMLINKS` in include/linux/namei.h).
const LINKS: usize = 40;

/// Where a path ends.
pub struct Place {
    /// The folder of its last name.
    pub folder: Ino,
    /// The last name; `.` for the folder itself.
    pub name: Name,
    /// What is there.
    pub ino: Option<Ino>,
}

impl World {
    /// Follows `path` below `root`, as openat2(2) does with `RESOLVE_IN_ROOT`.
    ///
    /// # Errors
    /// Something on the way is missing, no folder, or a circle of links.
    pub fn walk(&self, root: Ino, path: &[u8], follows_last: bool) -> Result<Place> {
        self.walk_on(vec![root], path, follows_last, LINKS)
    }

    fn walk_on(
        &self,
        mut trail: Vec<Ino>,
        path: &[u8],
        follows_last: bool,
        links: usize,
    ) -> Result<Place> {
        let mut names = path;
        loop {
            let folder = trail[trail.len() - 1];
            let name;
            (name, names) = match names.iter().position(|&byte| byte == b'/') {
                Some(index) => (&names[..index], &names[index + 1..]),
                None => (names, &b""[..]),
            };
            let is_last = names.iter().all(|&byte| byte == b'/');
            if self.names(folder).is_err() {
                return Err(Errno::NOTDIR);
            }
            let place = |ino| Place {
                folder,
                name: name.into(),
                ino,
            };
            match name {
                b"" | b"." if is_last => {
                    return Ok(Place {
                        folder,
                        name: b"."[..].into(),
                        ino: Some(folder),
                    });
                }
                b"" | b"." => continue,
                b".." => {
                    if trail.len() > 1 {
                        trail.pop();
                    }
                    if is_last {
                        names = b".";
                    }
                    continue;
                }
                _ => {}
            }
            let Some(ino) = self.entry(folder, name)?.map(|ino| self.seen(ino)) else {
                return if is_last {
                    Ok(place(None))
                } else {
                    Err(Errno::NOENT)
                };
            };
            match &self.node(ino).body {
                Body::Link(text) if !is_last || follows_last => {
                    let links = links.checked_sub(1).ok_or(Errno::LOOP)?;
                    let mut next = text.to_vec();
                    if text.first() == Some(&b'/') {
                        trail.truncate(1);
                    }
                    if !is_last {
                        next.push(b'/');
                        next.extend(names);
                    }
                    return self.walk_on(trail, &next, follows_last, links);
                }
                _ if is_last => return Ok(place(Some(ino))),
                _ => trail.push(ino),
            }
        }
    }

    /// Whether names can be given and taken in this folder.
    ///
    /// # Errors
    /// It is read-only, or none.
    pub fn may_change(&self, folder: Ino) -> Result<()> {
        self.names(folder)?;
        if self.device(folder).is_read_only {
            Err(Errno::ROFS)
        } else if self.node(folder).immutable {
            Err(Errno::PERM)
        } else {
            Ok(())
        }
    }

    /// Whether the node lies on a FAT.
    #[must_use]
    pub fn is_fat(&self, ino: Ino) -> bool {
        self.device(ino).kind == FileSystem::Fat
    }
}
