//! Settings: from `/etc/osconf/config`, the kernel's command line and our own.

#[cfg(feature = "install")]
use crate::install;
use crate::log::Level;
use crate::network::{self, Format};
#[cfg(feature = "prepare")]
use crate::prepare;
use crate::text::lines::words;
use crate::text::split::split_once;
use crate::value::ipv4::decimal;
use crate::value::{HashKind, Path};

/// How long a NIC or a device is waited for at boot, in seconds.
pub const WAIT: u32 = 10;

/// All settings. Later sources overwrite earlier ones.
pub struct Settings {
    /// The root that is configured.
    pub root: Path,
    /// The os.conf to take, instead of searching for it.
    pub conf: Option<Path>,
    /// The device that os.conf lies on, instead of searching for it.
    pub device: Option<Path>,
    /// The network system, instead of looking for it.
    pub network: Option<&'static Format>,
    /// The hash, instead of the C library's best.
    pub hash: Option<HashKind>,
    /// Whether the running kernel is configured as well.
    pub kernel: bool,
    /// Seconds to wait for what is not there yet; none said leaves it to the command.
    pub wait: Option<u32>,
    /// Whether the kernel's log gets the messages too.
    pub log_kernel: bool,
    /// Which messages are written.
    pub level: Level,
    /// Whether a boot job does nothing.
    pub disabled: bool,
    /// Whether an installation or a revert is only shown.
    pub dry_run: bool,
    /// Whether a revert also takes what somebody changed since.
    pub force: bool,
    /// Whether what was asked for is told as JSON.
    pub json: bool,
    /// The device of the root file system, by `root=` on the kernel's command line.
    pub boot_root: Option<Path>,
    /// Whether a system may be asleep on the disks: by `resume=` and `noresume` there
    /// (kernel-parameters.txt).
    pub may_resume: bool,
    /// What is installed.
    #[cfg(feature = "install")]
    pub install: Install,
    /// What is checked.
    #[cfg(feature = "check")]
    pub check: Check,
    /// Whether an image is prepared, and how.
    #[cfg(feature = "prepare")]
    pub prepare: Prepare,
}

/// What is asked of `install` and `uninstall`.
#[cfg(feature = "install")]
#[derive(Default)]
pub struct Install {
    /// The init to install for, instead of looking for it.
    pub init: Option<Path>,
    /// The binary to install, instead of this one.
    pub binary: Option<Path>,
    /// Where the first partition is mounted now.
    pub partition: Option<Path>,
}

/// What is asked of `check`.
#[cfg(feature = "check")]
#[derive(Default)]
pub struct Check {
    /// The disk image that is checked, instead of a root.
    pub image: Option<Path>,
    /// The folder that reports are written to.
    pub report: Option<Path>,
    /// Whether everything is checked.
    pub all: bool,
    /// The one group of items that is checked.
    pub group: Option<Group>,
    /// Whether a warning counts as a failure.
    pub strict: bool,
}

/// What is asked of `prepare`.
#[cfg(feature = "prepare")]
#[derive(Default)]
pub struct Prepare {
    /// Whether that is what is done.
    pub is_it: bool,
    /// Which advice on logins is followed.
    pub profile: prepare::Profile,
    /// The only items that are done.
    pub only: Option<prepare::Chosen>,
    /// Items that are left out.
    pub skip: prepare::Chosen,
    /// Whether the items are only listed.
    pub list: bool,
    /// Whether the running system is meant.
    pub yes: bool,
}

/// A list of items that are checked.
#[cfg(feature = "check")]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Group {
    /// The 16 of `image_check`.
    Image,
    /// The contract of "Customized Linux".
    Contract,
    /// The image norm, as it is today.
    Norm,
}

#[cfg(feature = "check")]
impl Group {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Image, Self::Contract, Self::Norm];

    /// What `--group` calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Contract => "contract",
            Self::Norm => "norm",
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            root: Path::from(c"/"),
            conf: None,
            device: None,
            network: None,
            hash: None,
            kernel: false,
            wait: None,
            log_kernel: false,
            level: Level::Notice,
            disabled: false,
            dry_run: false,
            force: false,
            json: false,
            boot_root: None,
            may_resume: false,
            #[cfg(feature = "install")]
            install: Install::default(),
            #[cfg(feature = "check")]
            check: Check::default(),
            #[cfg(feature = "prepare")]
            prepare: Prepare::default(),
        }
    }
}

/// Why a setting was not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SettingFault {
    /// There is no such setting.
    Unknown,
    /// It does not have this value.
    Value,
}

impl Settings {
    /// Whether the root that is configured is the one that runs.
    #[must_use]
    pub fn is_running_root(&self) -> bool {
        self.root.as_bytes() == b"/"
    }

    /// Whether an image is prepared.
    #[must_use]
    pub fn is_preparing(&self) -> bool {
        #[cfg(feature = "prepare")]
        return self.prepare.is_it;
        #[cfg(not(feature = "prepare"))]
        false
    }

    /// Takes what the kernel's command line says of the machine.
    pub fn read_kernel_line(&mut self, line: &[u8]) {
        let has = |start: &[u8]| words(line).any(|word| word.starts_with(start));
        self.may_resume = has(b"resume=") && !has(b"noresume");
        for word in words(line) {
            if let Some(root) = word.strip_prefix(b"root=") {
                self.boot_root = path(root);
            }
        }
    }

    /// Takes one setting, by the name of its option.
    ///
    /// ```
    /// use osconf::settings::Settings;
    ///
    /// let mut settings = Settings::default();
    /// assert!(settings.set(b"root", b"/sysroot").is_ok());
    /// assert!(settings.set(b"colour", b"red").is_err());
    /// ```
    ///
    /// # Errors
    /// It is unknown, or has another kind of value.
    pub fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), SettingFault> {
        let known = SETTINGS.iter().find(|(name, _)| *name == key);
        let (_, take) = known.ok_or(SettingFault::Unknown)?;
        take(self, value).ok_or(SettingFault::Value)
    }
}

/// Takes a value, if it is of the kind that the setting has.
type Take = fn(&mut Settings, &[u8]) -> Option<()>;

/// Every setting. Of two that contradict each other, the later one counts.
const SETTINGS: &[(&[u8], Take)] = &[
    (b"root", |all, value| set(&mut all.root, path(value))),
    (b"conf", |all, value| set_path(&mut all.conf, value)),
    (b"device", |all, value| set_path(&mut all.device, value)),
    (b"network", |all, value| {
        set(&mut all.network, network::by_name(value).map(Some))
    }),
    (b"hash", |all, value| {
        set(&mut all.hash, HashKind::parse(value).map(Some))
    }),
    (b"wait", |all, value| {
        set(&mut all.wait, decimal(value).map(Some))
    }),
    (b"kernel", |all, value| set(&mut all.kernel, switch(value))),
    (b"disable", |all, value| {
        set(&mut all.disabled, switch(value))
    }),
    #[cfg(feature = "install")]
    (b"init", |all, value| {
        let is_known = install::find(Some(value), &mut |_, _| false).is_some();
        is_known.then(|| set_path(&mut all.install.init, value))?
    }),
    #[cfg(feature = "install")]
    (b"binary", |all, value| {
        set_path(&mut all.install.binary, value)
    }),
    #[cfg(feature = "install")]
    (b"partition", |all, value| {
        set_path(&mut all.install.partition, value)
    }),
    #[cfg(feature = "check")]
    (b"image", |all, value| set_path(&mut all.check.image, value)),
    #[cfg(feature = "check")]
    (b"report", |all, value| {
        set_path(&mut all.check.report, value)
    }),
    #[cfg(feature = "check")]
    (b"all", |all, value| set(&mut all.check.all, switch(value))),
    #[cfg(feature = "check")]
    (b"strict", |all, value| {
        set(&mut all.check.strict, switch(value))
    }),
    #[cfg(feature = "check")]
    (b"group", |all, value| {
        let mut groups = Group::ALL.into_iter();
        let known = groups.find(|group| group.name().as_bytes() == value);
        set(&mut all.check.group, known.map(Some))
    }),
    (b"json", |all, value| set(&mut all.json, switch(value))),
    #[cfg(any(feature = "install", feature = "revert", feature = "prepare"))]
    (b"dry-run", |all, value| {
        set(&mut all.dry_run, switch(value))
    }),
    #[cfg(feature = "revert")]
    (b"force", |all, value| set(&mut all.force, switch(value))),
    #[cfg(feature = "prepare")]
    (b"profile", |all, value| {
        set(&mut all.prepare.profile, prepare::Profile::parse(value))
    }),
    #[cfg(feature = "prepare")]
    (b"only", |all, value| {
        set(&mut all.prepare.only, prepare::chosen(value).map(Some))
    }),
    #[cfg(feature = "prepare")]
    (b"skip", |all, value| {
        set(&mut all.prepare.skip, prepare::chosen(value))
    }),
    #[cfg(feature = "prepare")]
    (b"list", |all, value| {
        set(&mut all.prepare.list, switch(value))
    }),
    #[cfg(feature = "prepare")]
    (b"yes", |all, value| {
        set(&mut all.prepare.yes, switch(value))
    }),
    (b"log", |all, value| {
        set(&mut all.log_kernel, (value == b"kmsg").then_some(true))
    }),
    (b"quiet", |all, value| set_level(all, Level::Warning, value)),
    (b"verbose", |all, value| {
        set_level(all, Level::Detail, value)
    }),
];

fn set<T>(place: &mut T, value: Option<T>) -> Option<()> {
    *place = value?;
    Some(())
}

#[inline(never)]
fn set_path(place: &mut Option<Path>, value: &[u8]) -> Option<()> {
    set(place, path(value).map(Some))
}

fn set_level(all: &mut Settings, level: Level, value: &[u8]) -> Option<()> {
    if switch(value)? {
        all.level = level;
    }
    Some(())
}

fn path(value: &[u8]) -> Option<Path> {
    if value.is_empty() {
        None
    } else {
        Path::new(&[value])
    }
}

fn switch(value: &[u8]) -> Option<bool> {
    match value {
        b"1" | b"yes" | b"true" | b"on" => Some(true),
        b"0" | b"no" | b"false" | b"off" => Some(false),
        _ => None,
    }
}

/// The settings on a kernel command line, `osconf.KEY=VALUE`; a key alone is
/// switched on. Its own quotes are not taken away: no value needs them.
pub fn on_kernel_line(line: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    words(line)
        .filter_map(|word| word.strip_prefix(b"osconf."))
        .map(|word| split_once(word, b'=').unwrap_or((word, b"1")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_line_names_settings_among_other_words() {
        let line = b"root=/dev/vda2 osconf.network=eni  osconf.disable quiet osconf.x=a=b\n";
        let found: std::vec::Vec<_> = on_kernel_line(line).collect();
        assert_eq!(
            found,
            [
                (&b"network"[..], &b"eni"[..]),
                (b"disable", b"1"),
                (b"x", b"a=b")
            ]
        );
    }

    #[test]
    fn the_kernel_line_names_the_root_and_what_may_sleep() {
        for (line, root, may_resume) in [
            ("quiet\n", None, false),
            ("root=/dev/vda2 resume=/dev/vda3\n", Some("/dev/vda2"), true),
            (
                "noresume root=LABEL=a resume=x root=UUID=b\n",
                Some("UUID=b"),
                false,
            ),
        ] {
            let mut settings = Settings::default();
            settings.read_kernel_line(line.as_bytes());
            let found = settings.boot_root.as_ref().map(Path::as_bytes);
            assert_eq!(found, root.map(str::as_bytes), "{line}");
            assert_eq!(settings.may_resume, may_resume, "{line}");
        }
    }

    #[test]
    fn a_setting_has_only_values_of_its_kind() {
        let mut settings = Settings::default();
        for (key, value, result) in [
            ("network", "ifcfg", Ok(())),
            ("network", "other", Err(SettingFault::Value)),
            ("hash", "sha256", Ok(())),
            ("hash", "des", Err(SettingFault::Value)),
            ("wait", "30", Ok(())),
            ("wait", "-1", Err(SettingFault::Value)),
            ("root", "", Err(SettingFault::Value)),
            ("colour", "red", Err(SettingFault::Unknown)),
        ] {
            assert_eq!(
                settings.set(key.as_bytes(), value.as_bytes()),
                result,
                "{key}={value}"
            );
        }
        assert_eq!(settings.wait, Some(30));
    }
}
