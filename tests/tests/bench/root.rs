//! The root that every program finds, and os.conf in it.

use anyhow::{Context, Result};
use core::fmt::Write as _;
use osconf_tests::command::run;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// NICs that the machine has.
pub(crate) const NICS: usize = 16;

/// The MAC address of a NIC.
pub(crate) fn mac(number: usize) -> String {
    format!("00:16:3e:00:00:{number:02x}")
}

/// Where the root lies.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disk {
    Tmpfs,
    /// On a loop device, whose file lies in memory: no disk's own speed is measured.
    Ext4,
}

/// How large what a run has to do is.
#[derive(Clone, Copy)]
pub(crate) struct Work {
    pub(crate) nics: usize,
    pub(crate) routes: usize,
    pub(crate) accounts: usize,
}

/// As in the VPC sample.
pub(crate) const SAMPLE: Work = Work {
    nics: 1,
    routes: 1,
    accounts: 2,
};

/// A root that is made anew before each run.
pub(crate) struct Root {
    image: PathBuf,
    /// Where it is mounted.
    pub(crate) path: PathBuf,
    is_mounted: bool,
    debian: PathBuf,
    script: Option<PathBuf>,
}

impl Root {
    pub(crate) fn new(folder: &Path) -> Result<Self> {
        let path = folder.join("root");
        fs::create_dir(&path)?;
        Ok(Self {
            image: folder.join("image"),
            path,
            is_mounted: false,
            debian: crate::path_of("OSCONF_BENCH_DEBIAN")?,
            script: crate::path_of("OSCONF_BENCH_SCRIPT").ok(),
        })
    }

    pub(crate) fn has_script(&self) -> bool {
        self.script.is_some()
    }

    /// Begins a new root, with the programs of Debian below `/usr`.
    pub(crate) fn mount(&mut self, disk: Disk) -> Result<()> {
        let path = self.path.to_string_lossy();
        if self.is_mounted {
            run("umount", &["-R", &path])?;
        }
        match disk {
            Disk::Tmpfs => run("mount", &["-t", "tmpfs", "root", &path])?,
            Disk::Ext4 => {
                File::create(&self.image)?.set_len(256 << 20)?;
                let image = self.image.to_string_lossy();
                run("mke2fs", &["-q", "-F", "-t", "ext4", &image])?;
                run("mount", &["-o", "loop", &image, &path])?;
            }
        }
        self.is_mounted = true;
        for name in ["usr", "proc", "sys", "dev", "run", "root", "tmp"] {
            fs::create_dir(self.path.join(name))?;
        }
        for name in ["bin", "sbin", "lib", "lib64"] {
            symlink(Path::new("usr").join(name), self.path.join(name))?;
        }
        let usr = self.debian.join("usr");
        let at = |name: &str| self.path.join(name).to_string_lossy().into_owned();
        run("mount", &["--bind", &usr.to_string_lossy(), &at("usr")])?;
        run("mount", &["-o", "remount,bind,ro", &at("usr")])?;
        run("mount", &["-t", "proc", "proc", &at("proc")])?;
        run("mount", &["-t", "sysfs", "-o", "ro", "sys", &at("sys")])?;
        run("mount", &["-t", "tmpfs", "dev", &at("dev")])?;
        for (name, minor) in [("null", "3"), ("zero", "5"), ("urandom", "9")] {
            run(
                "mknod",
                &["-m", "666", &(at("dev/") + name), "c", "1", minor],
            )?;
        }
        symlink("/proc/self/fd", self.path.join("dev/fd"))?;
        let applets = self.path.join("applets");
        fs::create_dir(&applets)?;
        for name in "awk base64 cat grep hostname mkdir rm sed".split(' ') {
            symlink("/usr/bin/busybox", applets.join(name))?;
        }
        if let Some(script) = &self.script {
            fs::copy(script, self.path.join("root/os-conf.sh")).context("the script")?;
        }
        Ok(())
    }

    /// Where os.conf lies.
    pub(crate) fn conf(&self) -> PathBuf {
        self.path.join("boot/aliyun_custom_image/os.conf")
    }

    /// Makes all files as they are before a run, durably.
    pub(crate) fn reset(&self, work: Work, has_conf: bool) -> Result<()> {
        for name in ["etc", "boot", "var"] {
            match fs::remove_dir_all(self.path.join(name)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error)?,
                _ => {}
            }
        }
        fs::create_dir_all(self.path.join("boot/aliyun_custom_image"))?;
        fs::create_dir_all(self.path.join("etc/sysconfig/network-scripts"))?;
        fs::create_dir_all(self.path.join("etc/init.d"))?;
        // What the script starts and stops costs it nothing.
        symlink("/bin/true", self.path.join("etc/init.d/network"))?;
        for (path, text) in FILES {
            self.write(path, text)?;
        }
        let mut shadow = "root:*:19000:0:99999:7:::\n".to_owned();
        for number in 1..work.accounts {
            let _ = writeln!(shadow, "user{number}:!:19000:0:99999:7:::");
        }
        self.write("etc/shadow", &shadow)?;
        let private = Permissions::from_mode(0o600);
        fs::set_permissions(self.path.join("etc/shadow"), private)?;
        if has_conf {
            self.write("boot/aliyun_custom_image/os.conf", &conf(work))?;
            let seed = "var/lib/cloud/seed/nocloud";
            self.write(&format!("{seed}/meta-data"), META)?;
            self.write(&format!("{seed}/user-data"), USER)?;
            self.write(&format!("{seed}/network-config"), NETWORK)?;
        }
        rustix::fs::syncfs(File::open(&self.path)?)?;
        Ok(())
    }

    fn write(&self, path: &str, text: &str) -> Result<()> {
        let path = self.path.join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&path, text).with_context(|| path.display().to_string())
    }
}

/// An os.conf as ECS writes it, with so many NICs and routes.
fn conf(work: Work) -> String {
    let mut text = "hostname=iZ23r29djmjZ\npassword=cXdlcjEyMzQK\n".to_owned();
    for nic in 0..work.nics {
        let route = match nic {
            0 => "0.0.0.0/0 10.171.254.1",
            _ => "",
        };
        let more = (1..work.routes).filter(|_| nic == 0);
        let more = more.map(|at| format!(";10.{}.{}.0/24 10.171.254.1", at / 256, at % 256));
        let _ = write!(
            text,
            "eth{nic}_ip_addr=10.{}.254.123\neth{nic}_mac_addr={}\neth{nic}_netmask=255.255.255.0\n\
             eth{nic}_gateway=10.{0}.254.1\neth{nic}_route=\"{route}{}\"\n",
            171 + nic,
            mac(nic),
            more.collect::<String>(),
        );
    }
    text + "dns_nameserver=\"7.7.7.7 8.8.8.8\"\n"
}

/// A root with RHEL's network scripts, which the script is for; and what chpasswd,
/// cloud-init and the libraries want to be there.
const FILES: &[(&str, &str)] = &[
    (
        "etc/passwd",
        "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n",
    ),
    ("etc/group", "root:x:0:\nadm:x:4:\nnogroup:x:65534:\n"),
    ("etc/hosts", "127.0.0.1 localhost\n"),
    (
        "etc/nsswitch.conf",
        "passwd: files\nshadow: files\ngroup: files\n",
    ),
    ("etc/resolv.conf", "nameserver 1.1.1.1\n"),
    (
        "etc/sysconfig/network",
        "NETWORKING=yes\nHOSTNAME=localhost\n",
    ),
    // The same hash as osconf's, with as many rounds.
    (
        "etc/pam.d/chpasswd",
        "password required pam_unix.so sha512 rounds=5000\n",
    ),
    ("etc/login.defs", "ENCRYPT_METHOD SHA512\n"),
    ("etc/cloud/cloud.cfg", CLOUD),
];

/// cloud-init with nothing but the modules for what os.conf holds.
const CLOUD: &str = "\
datasource_list: [NoCloud]
disable_root: false
cloud_init_modules: [set_hostname, set_passwords]
cloud_config_modules: []
cloud_final_modules: []
system_info:
  distro: debian
  network:
    renderers: [eni]
";

const META: &str = "instance-id: i-1\nlocal-hostname: iZ23r29djmjZ\n";

const USER: &str = "\
#cloud-config
chpasswd:
  expire: false
  list: |
    root:qwer1234
";

const NETWORK: &str = "\
version: 1
config:
- type: physical
  name: eth0
  mac_address: \"00:16:3e:00:00:00\"
  subnets:
  - type: static
    address: 10.171.254.123/24
    gateway: 10.171.254.1
    dns_nameservers: [7.7.7.7, 8.8.8.8]
";
