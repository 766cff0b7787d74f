//! What `osconf prepare` makes of the files of other programs, as these read them:
//! OpenSSH, chrony, both ntpd, timesyncd, sysctl, GRUB, dropbear, the shadow tools.

use crate::root;
use anyhow::{Context, Result, ensure};
use osconf_tests::product::binary;
use std::path::Path;
use std::process::Command;

/// What the names of these tests begin with.
pub(crate) const NAME: &str = "prepared";

/// A program, and what it has to read.
pub(crate) struct Program {
    /// Its name in the names of tests.
    pub(crate) name: &'static str,
    /// Folders that are laid over the root, the last one on top.
    packages: &'static [&'static str],
    /// What makes the root before, as a script of sh(1).
    before: &'static str,
    /// The items of `prepare`.
    items: &'static str,
    profile: &'static str,
    /// What reads the files, as a script of sh(1).
    reads: &'static str,
    /// Lines that it says.
    says: &'static [&'static str],
    /// Words that are in no line of it.
    never: &'static [&'static str],
}

/// sshd wants its user and its folder, and keys of its own.
const SSHD: Program = Program {
    name: "sshd",
    packages: &["servers"],
    before: r"
        echo sshd:x:110:65534::/run/sshd:/usr/sbin/nologin >> /etc/passwd
        cp /usr/share/openssh/sshd_config /etc/ssh/
        ssh-keygen -qA
        sed -i 's/^#PermitRootLogin.*/PermitRootLogin no/' /etc/ssh/sshd_config
        mkdir -p /etc/ssh/sshd_config.d
        echo PasswordAuthentication no > /etc/ssh/sshd_config.d/50-cloud-init.conf",
    items: "sshd",
    profile: "password",
    reads: "mkdir /run/sshd; sshd -T -C user=root,host=h,addr=192.0.2.1",
    says: &[
        "permitrootlogin yes",
        "passwordauthentication yes",
        "usedns no",
        "addressfamily inet",
        "syslogfacility AUTHPRIV",
        "usepam yes",
    ],
    never: &["deprecated", "Unsupported", "Bad"],
};

/// Alibaba's servers as chrony and ntpd read them.
const SERVER: &str = "server ntp.cloud.aliyuncs.com minpoll 4 maxpoll 10 iburst";

/// All of them.
pub(crate) const PROGRAMS: &[Program] = &[
    SSHD,
    Program {
        name: "sshd-match",
        before: r"
            echo sshd:x:110:65534::/run/sshd:/usr/sbin/nologin >> /etc/passwd
            ssh-keygen -qA
            cat > /etc/ssh/sshd_config << END
  permitrootlogin = no
Match User bob Address 192.0.2.0/24
  PasswordAuthentication no
Match All
  UseDNS yes
END",
        reads: "mkdir /run/sshd; sed -i /UseDNS.yes/d /etc/ssh/sshd_config
            sshd -T -C user=root,host=h,addr=192.0.2.1
            sshd -T -C user=bob,host=h,addr=192.0.2.1 | sed 's/^/bob: /'",
        says: &[
            "permitrootlogin yes",
            "passwordauthentication yes",
            "addressfamily inet",
            "bob: passwordauthentication no",
            "bob: permitrootlogin yes",
        ],
        ..SSHD
    },
    Program {
        name: "sshd-locked",
        profile: "locked",
        before: r"
            echo sshd:x:110:65534::/run/sshd:/usr/sbin/nologin >> /etc/passwd
            cp /usr/share/openssh/sshd_config /etc/ssh/
            ssh-keygen -qA
            mkdir -p /etc/ssh/sshd_config.d
            printf 'PermitRootLogin yes\nPasswordAuthentication yes\n' > /etc/ssh/sshd_config.d/01-x.conf
            echo PermitRootLogin yes >> /etc/ssh/sshd_config",
        says: &[
            "permitrootlogin without-password",
            "passwordauthentication no",
            "usedns no",
            "syslogfacility AUTHPRIV",
        ],
        ..SSHD
    },
    Program {
        name: "sshd-vendor",
        before: r"
            echo sshd:x:110:65534::/run/sshd:/usr/sbin/nologin >> /etc/passwd
            mkdir -p /usr/etc/ssh
            ssh-keygen -qA
            printf 'Include /etc/ssh/sshd_config.d/*.conf\nPermitRootLogin no\nUsePAM yes\n' > /usr/etc/ssh/sshd_config",
        reads: "mkdir /run/sshd; sshd -T -f /usr/etc/ssh/sshd_config",
        ..SSHD
    },
    Program {
        name: "dropbear",
        before: r#"printf 'DROPBEAR_EXTRA_ARGS="-w -sgF -W65536 -p 22"\n' > /etc/default/dropbear"#,
        items: "dropbear",
        // Options are read one after the other, and -V ends it.
        reads: ". /etc/default/dropbear; echo $DROPBEAR_EXTRA_ARGS; dropbear $DROPBEAR_EXTRA_ARGS -V",
        says: &["-F -W65536 -p 22"],
        never: &["Invalid"],
        ..SSHD
    },
    Program {
        name: "dropbear-locked",
        profile: "locked",
        before: "echo DROPBEAR_EXTRA_ARGS=-w > /etc/default/dropbear",
        items: "dropbear",
        reads: ". /etc/default/dropbear; echo $DROPBEAR_EXTRA_ARGS; dropbear $DROPBEAR_EXTRA_ARGS -V",
        says: &["-s"],
        never: &["Invalid"],
        ..SSHD
    },
    Program {
        name: "chrony",
        before: "cp /usr/share/chrony/chrony.conf /etc/chrony/
            echo _chrony:x:111:65534::/:/usr/sbin/nologin >> /etc/passwd",
        items: "ntp",
        reads: "chronyd -p -f /etc/chrony/chrony.conf | tee /tmp/out
            echo $(grep -c ^server /tmp/out) servers, $(grep -c ^pool /tmp/out) pools",
        says: &[
            SERVER,
            "20 servers, 0 pools",
            "stratumweight 0.05",
            "rtcsync",
            "makestep 10 3",
            "noclientlog",
            "logchange 0.5",
        ],
        never: &["Could not parse", "Invalid"],
        ..SSHD
    },
    Program {
        name: "ntpsec",
        packages: &["servers", "ntpsec"],
        before: "echo ntpsec:x:112:65534::/:/usr/sbin/nologin >> /etc/passwd",
        items: "ntp",
        // It has no check of its own: it reads the file, finds no address, and stays.
        reads: "mkdir -p /var/log/ntpsec /var/lib/ntpsec; : > /tmp/log
            timeout 3 ntpd -n -c /etc/ntpsec/ntp.conf -l /tmp/log || [ $? = 124 ]
            cat /tmp/log; grep ^server /etc/ntpsec/ntp.conf",
        says: &["server ntp.cloud.aliyuncs.com iburst minpoll 4 maxpoll 10"],
        never: &["syntax error", "CONFIG: line", "unknown"],
        ..SSHD
    },
    Program {
        name: "openntpd",
        packages: &["servers", "openntpd"],
        before: "",
        items: "ntp",
        reads: "ntpd -n -f /etc/openntpd/ntpd.conf 2>&1
            grep -c '^servers* ntp.*aliyun' /etc/openntpd/ntpd.conf",
        says: &["configuration OK", "20"],
        never: &["syntax"],
        ..SSHD
    },
    Program {
        name: "timesyncd",
        packages: &["servers", "systemd-timesyncd"],
        before: "echo systemd-timesync:x:113:65534::/:/usr/sbin/nologin >> /etc/passwd
            echo systemd-timesync:x:65534: >> /etc/group",
        items: "ntp",
        reads: "mkdir -p /run/systemd/timesync /var/lib/systemd/timesync
            SYSTEMD_LOG_LEVEL=debug timeout 2 /lib/systemd/systemd-timesyncd 2>&1 || [ $? = 124 ]",
        says: &["Added new system server ntp.cloud.aliyuncs.com.", "Added new system server ntp9.cloud.aliyuncs.com."],
        never: &["timesyncd.conf:", ".conf:", "Failed to parse"],
        ..SSHD
    },
    Program {
        name: "sysctl",
        packages: &[],
        before: "printf 'net.ipv4.conf.all.rp_filter = 1\n-vm/swappiness=60\n' > /etc/sysctl.conf
            rm -f /etc/sysctl.d/99-sysctl.conf /etc/sysctl.d/*",
        items: "sysctl",
        // The namespace has a network of its own, without `neigh`, and the rest is covered.
        reads: "for name in vm kernel; do mount -t tmpfs tmpfs /proc/sys/$name; done
            cd /proc/sys; touch vm/swappiness kernel/sysrq kernel/pid_max
            keys=$(grep -v neigh /etc/sysctl.d/99-osconf.conf | cut -d = -f 1)
            sysctl -e -p /etc/sysctl.conf
            sysctl -e -p /etc/sysctl.d/99-osconf.conf > /dev/null
            sysctl $keys | sed 's/^/procps: /'
            for key in $keys; do echo 3 > $(echo $key | tr . /); done
            /lib/systemd/systemd-sysctl || true
            sysctl $keys | sed 's/^/systemd: /'",
        says: &[
            "net.ipv4.conf.all.rp_filter = 0",
            "vm.swappiness = 0",
            "procps: net.ipv4.tcp_synack_retries = 2",
            "procps: vm.swappiness = 0",
            "systemd: net.ipv4.conf.all.rp_filter = 0",
            "systemd: net.ipv4.conf.default.rp_filter = 0",
            "systemd: net.ipv4.conf.all.arp_announce = 2",
            "systemd: net.ipv4.conf.default.arp_announce = 2",
            "systemd: net.ipv4.conf.lo.arp_announce = 2",
            "systemd: net.ipv4.tcp_max_syn_backlog = 1024",
            "systemd: net.ipv4.tcp_max_tw_buckets = 5000",
            "systemd: net.ipv4.tcp_slow_start_after_idle = 0",
            "systemd: net.ipv4.tcp_synack_retries = 2",
            "systemd: net.ipv4.tcp_syncookies = 1",
            "systemd: vm.swappiness = 0",
            "systemd: kernel.sysrq = 1",
        ],
        never: &["cannot", "invalid", "malformed", "not a valid"],
        ..SSHD
    },
    Program {
        name: "grub",
        // What it would ask the disk, which is not there.
        before: r#"
            cat > /usr/sbin/grub-probe << 'END'
#!/bin/sh
case "$*" in
    *target=device*) echo /dev/vda2 ;;
    *target=fs_uuid*) echo 6a1c9d2e-0000-4000-8000-000000000001 ;;
    *target=fs*) echo ext2 ;;
    *target=partmap*) echo msdos ;;
esac
END
            chmod 755 /usr/sbin/grub-probe
            mkdir -p /boot/grub /etc/default
            printf 'GRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX_DEFAULT="quiet"\nGRUB_CMDLINE_LINUX="console=tty1"\n' > /etc/default/grub
            : > /boot/vmlinuz-6.1.0-50-amd64; : > /boot/initrd.img-6.1.0-50-amd64
            grub-mkconfig -o /boot/grub/grub.cfg"#,
        items: "cmdline",
        // What update-grub makes of the variable has the same words.
        reads: r#"
            words() { grep '^[[:space:]]*linux' "$1" | while read -r line; do echo "$line" | tr -s ' \t' '\n\n' | sort | tr '\n' ' '; echo; done; }
            grub-script-check /boot/grub/grub.cfg
            words /boot/grub/grub.cfg > /tmp/edited
            grub-mkconfig -o /tmp/grub.cfg
            words /tmp/grub.cfg > /tmp/made
            grep . /tmp/made
            [ "$(cat /tmp/edited)" = "$(cat /tmp/made)" ] && echo the same words
            grep -c 'net.ifnames=0 console=tty0 console=ttyS0,115200n8' /boot/grub/grub.cfg"#,
        says: &["the same words", "3"],
        never: &["syntax error", "differ"],
        ..SSHD
    },
    Program {
        name: "shadow",
        before: r"
            printf 'root:x:0:0:root:/root:/bin/sh\nbob:x:1000:65534::/root:/bin/sh\n' > /etc/passwd
            printf 'root:$6$a$b:19000:0:99999:7:::\nbob::19000:0:99999:7:::\n' > /etc/shadow
            chmod 600 /etc/shadow; mkdir -p /root",
        items: "root",
        reads: "passwd -S root; passwd -S bob; pwck -r /etc/passwd /etc/shadow; echo pwck $?",
        says: &["root L 2022-01-08 0 99999 7 -1", "bob L 2022-01-08 0 99999 7 -1", "pwck 0"],
        never: &["invalid"],
        ..SSHD
    },
    Program {
        name: "pip",
        packages: &[],
        before: "mkdir -p /usr/share/python-wheels; : > /usr/bin/pip3; chmod 755 /usr/bin/pip3
            printf '[global]\ntimeout = 60\nindex-url = https://example.com/simple\n' > /etc/pip.conf",
        items: "pip",
        reads: "python3 -c '
import configparser
for path in (\"/etc/pip.conf\", \"/root/.pip/pip.conf\"):
    pip = configparser.RawConfigParser()
    pip.read(path)
    for section in pip.sections():
        for key, value in pip.items(section):
            print(section, key, value)
'",
        says: &[
            "global index-url http://mirrors.cloud.aliyuncs.com/pypi/simple/",
            "install trusted-host mirrors.cloud.aliyuncs.com",
            "global timeout 60",
        ],
        never: &["Error", "example.com"],
        ..SSHD
    },
];

/// Runs the test of this name in `work`, and returns what is wrong.
pub(crate) fn judge(name: &str, work: &Path) -> Result<Vec<String>> {
    let program = PROGRAMS.iter().find(|one| one.name == name);
    let program = program.context("no such program")?;
    let root = root::mount_all(&root::debian()?, program.packages, work)?;
    run(&root, program.before)?;
    let mut osconf = Command::new(binary()?);
    osconf.args([
        "prepare",
        "--only",
        program.items,
        "--profile",
        program.profile,
    ]);
    let output = osconf.arg("--root").arg(&root).output().context("osconf")?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "osconf prepare: {said}");
    let read = run(&root, program.reads)?;
    let mut problems = Vec::new();
    for line in program.says {
        if !read.lines().any(|found| found.trim() == *line) {
            problems.push(format!("it does not say: {line}"));
        }
    }
    for line in read.lines() {
        if program.never.iter().any(|word| line.contains(word)) {
            problems.push(format!("it complains: {line}"));
        }
    }
    if !problems.is_empty() {
        println!("{name}\n-- osconf says:\n{said}-- it reads:\n{read}");
    }
    Ok(problems)
}

/// Runs a script in the root; returns what it said.
fn run(root: &Path, script: &str) -> Result<String> {
    let output = Command::new("chroot")
        .arg(root)
        .args(["/bin/sh", "-e", "-c", &format!("exec 2>&1\n{script}")])
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LC_ALL", "C")
        .env("TZ", "UTC")
        .output()
        .context("chroot")?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(
        output.status.success(),
        "{script}\n{}: {said}",
        output.status
    );
    Ok(said)
}
