//! A machine with secrets in it, and what finds them.

use anyhow::{Context, Result};
pub(crate) use osconf_tests::command::run;
use osconf_tests::product::binary;
use osconf_tests::traced::Traced;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The password, and as os.conf has it.
pub(crate) const PASSWORD: &str = "vD8,rQ5;zK2.wX7:";
pub(crate) const PASSWORD_BASE64: &str = "dkQ4LHJRNTt6SzIud1g3Og==";
/// What root's hash was, and what another user's is.
const OLD_HASH: &str = "$6$olDsAltoLd$dGhlIG9sZCBoYXNoIG9mIHJvb3Q";
const STRANGER: &str = "$6$stRanGer1x$YW5vdGhlciB1c2VyJ3MgaGFzaA";
/// Where os.conf lies in a root.
pub(crate) const CONF: &str = "boot/aliyun_custom_image/os.conf";

/// The NICs that the cases of `tests/networks/` speak of.
const NICS: &str = "link add eth0 address 00:8c:fa:5e:14:23 type veth peer name peer0
link add eth1 address 00:8c:fa:5e:14:24 type veth peer name peer1
";

/// Plugs the NICs into the network namespace of this process.
pub(crate) fn plug_in() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let batch = folder.path().join("nics");
    fs::write(&batch, NICS)?;
    run("ip", &["-batch", &batch.to_string_lossy()])
}

/// os.conf with the password, a name, and the network in `keys`.
pub(crate) fn conf(keys: &str) -> String {
    format!("password={PASSWORD_BASE64}\nhostname=new-name\n{keys}")
}

/// A network of one NIC.
pub(crate) const NETWORK: &str = "eth0_ip_addr=10.171.254.123
eth0_mac_addr=00:8c:fa:5e:14:23
eth0_netmask=255.255.255.0
eth0_gateway=10.171.254.1
eth0_route=\"0.0.0.0/0 10.171.254.1\"
dns_nameserver=\"7.7.7.7 8.8.8.8\"
";

/// Makes a root, with this os.conf.
pub(crate) fn lay(root: &Path, conf: &str) -> Result<()> {
    let shadow = format!("root:{OLD_HASH}:19000:0:99999:7:::\nuser:{STRANGER}:19000::::::\n");
    let files = [
        (CONF, 0o644, conf),
        ("etc/shadow", 0o600, &shadow),
        ("etc/passwd", 0o644, "root:x:0:0::/root:/bin/sh\n"),
        ("etc/hostname", 0o644, "old-name\n"),
        (
            "etc/hosts",
            0o644,
            "127.0.0.1 localhost\n127.0.1.1 old-name\n",
        ),
        ("etc/resolv.conf", 0o644, "nameserver 1.1.1.1\n"),
        (
            "etc/network/interfaces",
            0o644,
            "auto lo\niface lo inet loopback\n",
        ),
        ("sbin/ifup", 0o755, ""),
    ];
    for (path, mode, text) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().context("no folder")?)?;
        if !path.exists() {
            fs::write(&path, text)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
        }
    }
    Ok(())
}

/// A machine in a folder.
pub(crate) struct Scene {
    folder: TempDir,
}

impl Scene {
    /// With this os.conf.
    pub(crate) fn new(conf: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        fs::create_dir(folder.path().join("root"))?;
        let scene = Self { folder };
        lay(&scene.root(), conf)?;
        Ok(scene)
    }

    /// Its root.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    /// Starts the program there, stopped, with these words of its command line; `{conf}`
    /// is os.conf.
    pub(crate) fn start(&self, words: &str, stack: Option<u64>) -> Result<Traced> {
        Traced::start(&command(&self.root(), words)?, stack, &self.said())
    }

    fn said(&self) -> PathBuf {
        self.folder.path().join("said")
    }

    /// What the last run said.
    pub(crate) fn words(&self) -> Result<String> {
        Ok(fs::read_to_string(self.said())?)
    }

    /// What nobody may find: the password, and each hash there is.
    pub(crate) fn secrets(&self) -> Result<Vec<(&'static str, String)>> {
        let mut all = vec![
            ("the password", PASSWORD.to_owned()),
            ("its base64", PASSWORD_BASE64.to_owned()),
            ("the old hash", OLD_HASH.to_owned()),
            ("another user's hash", STRANGER.to_owned()),
        ];
        for name in ["etc/shadow", "etc/.shadow.osconf"] {
            let text = fs::read_to_string(self.root().join(name)).unwrap_or_default();
            let hash = text.split(':').nth(1).unwrap_or_default();
            if !hash.is_empty() && hash != OLD_HASH {
                all.push(("the new hash", hash.to_owned()));
            }
        }
        Ok(all)
    }
}

/// The program's command line for a root.
pub(crate) fn command(root: &Path, words: &str) -> Result<Vec<String>> {
    let mut command = vec![binary()?.display().to_string()];
    let conf = root.join(CONF).display().to_string();
    command.extend(words.split(' ').map(|word| word.replace("{conf}", &conf)));
    command.push(format!("--root={}", root.display()));
    Ok(command)
}

/// Bytes of a secret that tell it from anything else.
const PIECE: usize = 8;

/// Where a piece of a secret is.
pub(crate) fn find(bytes: &[u8], secret: &str) -> Option<usize> {
    let pieces: Vec<&[u8]> = secret.as_bytes().windows(PIECE).collect();
    let mut is_first = [false; 256];
    for piece in &pieces {
        is_first[usize::from(piece[0])] = true;
    }
    bytes
        .windows(PIECE)
        .position(|window| is_first[usize::from(window[0])] && pieces.contains(&window))
}
