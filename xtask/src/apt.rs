//! Packages of Debian: into the system (as root), or into a folder (as anybody).
//!
//! Mirror, keys and proxies are the machine's own: nothing here names a host.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use xshell::{Shell, cmd};

use crate::util;

/// Installs packages; removes none, so that no installed program is lost.
pub(crate) fn install(packages: &[String]) -> Result<()> {
    let sh = util::shell()?;
    sh.set_var("DEBIAN_FRONTEND", "noninteractive");
    let (qemu, others): (Vec<_>, Vec<_>) =
        packages.iter().partition(|name| name.starts_with("qemu-"));
    let sources = tempfile::tempdir()?;
    let parts = sources.path().display();
    let parts = format!("Dir::Etc::sourceparts={parts}");
    let mut release = Vec::new();
    copy_sources(&sh, sources.path())?;
    if !qemu.is_empty() && codename()? == "bookworm" {
        // Bookworm's own QEMU conflicts with a qemu-utils from backports, which
        // many images carry, so all of QEMU comes from there.
        add_backports(&sh, sources.path())?;
        release = vec!["-t", "bookworm-backports"];
    }
    cmd!(sh, "apt-get -qq -o {parts} update")
        .quiet()
        .run()
        .context("cannot fetch Debian's lists of packages")?;
    for (names, release) in [(others, vec![]), (qemu, release)] {
        if !names.is_empty() {
            cmd!(sh, "apt-get -qq -y -o {parts} install --no-remove --no-install-recommends {release...} {names...}")
                .quiet()
                .ignore_stdout()
                .run()?;
        }
    }
    Ok(())
}

/// The machine's source files, so that another one can stand beside them.
fn copy_sources(sh: &Shell, folder: &Path) -> Result<()> {
    let own = Path::new("/etc/apt/sources.list.d");
    if own.is_dir() {
        for file in sh.read_dir(own)? {
            sh.copy_file(&file, folder)?;
        }
    }
    Ok(())
}

/// A source for bookworm-backports, on the mirror that the machine has for bookworm.
fn add_backports(sh: &Shell, folder: &Path) -> Result<()> {
    if mirror(sh, "bookworm-backports")?.is_some() {
        return Ok(());
    }
    let Some(mirror) = mirror(sh, "bookworm")? else {
        bail!("apt has no source for bookworm: add one below /etc/apt, then try again");
    };
    util::write(
        &folder.join("osconf-backports.list"),
        source(&mirror, "bookworm-backports"),
    )
}

/// Debian's keys, which every release is signed with.
const KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// A line for apt that names a release of Debian on a mirror.
fn source(mirror: &str, release: &str) -> String {
    format!("deb [signed-by={KEYS}] {mirror} {release} main\n")
}

/// Makes the root of a Debian as debootstrap(8) does, with these packages beside what
/// every Debian has. It takes root.
pub(crate) fn bootstrap(
    root: &Path,
    architecture: &str,
    release: &str,
    packages: &str,
) -> Result<()> {
    let sh = util::shell()?;
    let Some(mirror) = mirror(&sh, release)? else {
        bail!("apt has no source for Debian {release}: add one below /etc/apt, then try again");
    };
    cmd!(sh, "debootstrap --variant=minbase --arch={architecture} --keyring={KEYS} --include={packages} {release} {root} {mirror}")
        .quiet()
        .ignore_stdout()
        .run()
        .context("cannot make a Debian root: that takes root, and the network")?;
    let _ = fs::remove_dir_all(root.join("var/cache/apt/archives"));
    Ok(())
}

/// The mirror that the machine has for a release.
fn mirror(sh: &Shell, release: &str) -> Result<Option<String>> {
    let targets = cmd!(
        sh,
        "apt-get indextargets --format '$(CODENAME) $(REPO_URI)'"
    )
    .quiet()
    .read()?;
    let mut sources = targets.lines().filter_map(|line| line.split_once(' '));
    let found = sources.find(|(codename, _)| *codename == release);
    Ok(found.map(|(_, mirror)| mirror.to_owned()))
}

/// The release that this machine runs, or nothing where it is no Debian.
fn codename() -> Result<String> {
    let text = util::read(Path::new("/etc/os-release"))?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    Ok(line.unwrap_or_default().trim_matches('"').to_owned())
}

/// An apt of our own: the machine's sources and keys, everything else in a folder.
///
/// It sees packages of a foreign architecture, and touches neither the
/// system's lists nor its dpkg, so it needs no root.
pub(crate) struct PrivateApt {
    sh: Shell,
    configuration: PathBuf,
    folder: PathBuf,
}

impl PrivateApt {
    /// Fetches the lists of packages for one architecture into the folder.
    pub(crate) fn new(folder: &Path, architecture: &str) -> Result<Self> {
        Self::configured(folder, architecture, "")
    }

    /// The same for nothing but one release of Debian, on the mirror that the
    /// machine has for it, or else for its own: a mirror has them all.
    pub(crate) fn of_release(folder: &Path, architecture: &str, release: &str) -> Result<Self> {
        let sh = util::shell()?;
        let own = mirror(&sh, &codename()?)?;
        let Some(mirror) = mirror(&sh, release)?.or(own) else {
            bail!("apt has no source for Debian {release}: add one below /etc/apt, then try again");
        };
        let sources = folder.join("sources");
        util::write(&sources.join("debian.list"), source(&mirror, release))?;
        let sources = sources.display();
        let more =
            format!("Dir::Etc::SourceList \"/dev/null\";\nDir::Etc::SourceParts \"{sources}\";\n");
        Self::configured(folder, architecture, &more)
    }

    fn configured(folder: &Path, architecture: &str, more: &str) -> Result<Self> {
        let sh = util::shell()?;
        fs::create_dir_all(folder.join("state/lists/partial"))?;
        fs::create_dir_all(folder.join("cache/archives/partial"))?;
        util::write(&folder.join("state/status"), "")?;
        // Read after the machine's own configuration, so that it can take back
        // parts of it: hooks that tidy up the system's cache would need root.
        let configuration = folder.join("apt.conf");
        let at = folder.display();
        util::write(
            &configuration,
            format!(
                "Dir::State \"{at}/state\";\n\
                 Dir::State::status \"{at}/state/status\";\n\
                 Dir::Cache \"{at}/cache\";\n\
                 APT::Architecture \"{architecture}\";\n\
                 #clear APT::Architectures;\n\
                 APT::Architectures {{ \"{architecture}\"; }};\n\
                 APT::Sandbox::User \"\";\n\
                 Acquire::Languages \"none\";\n\
                 #clear APT::Update::Post-Invoke;\n\
                 #clear APT::Update::Post-Invoke-Success;\n{more}"
            ),
        )?;
        let apt = Self {
            sh,
            configuration,
            folder: folder.to_owned(),
        };
        let configuration = &apt.configuration;
        cmd!(apt.sh, "apt-get -qq -c {configuration} update").quiet().run().with_context(|| {
            format!("cannot fetch Debian's lists of packages for {architecture}: is the network there?")
        })?;
        Ok(apt)
    }

    /// The packages of the same source that a metapackage of the kernel stands for, itself included.
    pub(crate) fn kernel_packages(&self, package: &str) -> Result<Vec<String>> {
        let mut found = vec![package.to_owned()];
        let mut next = 0;
        while let Some(name) = found.get(next).cloned() {
            for depends in self.depends(&name)? {
                // Newer releases split image, binary and modules; the rest is for installing.
                let wanted = ["linux-image-", "linux-binary-", "linux-modules-"];
                if wanted.iter().any(|prefix| depends.starts_with(prefix))
                    && !found.contains(&depends)
                {
                    found.push(depends);
                }
            }
            next += 1;
        }
        Ok(found)
    }

    fn depends(&self, package: &str) -> Result<Vec<String>> {
        let configuration = &self.configuration;
        let text = cmd!(
            self.sh,
            "apt-cache -c {configuration} show --no-all-versions {package}"
        )
        .quiet()
        .read()
        .with_context(|| {
            format!(
                    "apt knows no {package}: either its lists could not be fetched (is the network there? see the \
                     lines above) or its sources are not Debian's, which boot tests need"
                )
        })?;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("Depends: "))
            .unwrap_or_default();
        let names = line
            .split(", ")
            .filter_map(|one| one.split([' ', '|']).next());
        Ok(names
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect())
    }

    /// Downloads packages and all that they depend on. Returns where they are.
    pub(crate) fn download_all(&self, packages: &[&str]) -> Result<Vec<PathBuf>> {
        let configuration = &self.configuration;
        cmd!(
            self.sh,
            "apt-get -qq -y -c {configuration} install --download-only --no-install-recommends {packages...}"
        )
        .quiet()
        .ignore_stdout()
        .run()?;
        let all = self.sh.read_dir(self.folder.join("cache/archives"))?;
        Ok(all.into_iter().filter(|path| is_package(path)).collect())
    }

    /// Downloads packages alone. Returns where they are.
    pub(crate) fn download(&self, packages: &[&str]) -> Result<Vec<PathBuf>> {
        let downloads = self.folder.join("downloads");
        fs::create_dir_all(&downloads)?;
        let _in_downloads = self.sh.push_dir(&downloads);
        let configuration = &self.configuration;
        cmd!(
            self.sh,
            "apt-get -qq -c {configuration} download {packages...}"
        )
        .quiet()
        .run()?;
        Ok(self.sh.read_dir(&downloads)?)
    }

    /// Unpacks packages into a root of which `/bin` and its like are links into
    /// `/usr`. `dpkg-deb -x` would replace such a link by a folder.
    pub(crate) fn unpack_merged(&self, packages: &[PathBuf], root: &Path) -> Result<()> {
        for name in ["bin", "sbin", "lib", "lib64"] {
            fs::create_dir_all(root.join("usr").join(name))?;
            symlink(Path::new("usr").join(name), root.join(name))?;
        }
        for package in packages {
            let files = cmd!(self.sh, "dpkg-deb --fsys-tarfile {package}")
                .quiet()
                .output()?;
            cmd!(self.sh, "tar -x -C {root} --keep-directory-symlink")
                .quiet()
                .stdin(files.stdout)
                .run()
                .with_context(|| format!("cannot unpack {}", package.display()))?;
        }
        Ok(())
    }

    /// Downloads packages and unpacks them into one folder.
    pub(crate) fn unpack(&self, packages: &[String], into: &Path) -> Result<()> {
        fs::create_dir_all(into)?;
        let packages: Vec<_> = packages.iter().map(String::as_str).collect();
        for deb in self.download(&packages)? {
            cmd!(self.sh, "dpkg-deb -x {deb} {into}").quiet().run()?;
        }
        Ok(())
    }
}

fn is_package(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "deb")
}
