//! What `--help` shows: an overview, or how to use one command.

use super::Command;
use crate::sys::{Stream, Sys};
use crate::text::lines::lines;
use crate::text::split::split_once;

/// The lines about what the program was built with. What stands before `|` says where
/// a line is shown: `*` in the overview, `a` in the help of each command, and the
/// number of a [`Command`] in that one's.
const HELP: &[&str] = &[
    "\
*a|osconf - applies Alibaba Cloud's aliyun_custom_image/os.conf
*a|
*|usage: osconf COMMAND [OPTION]..., osconf COMMAND --help
*|
*0|  apply        apply os.conf: the job of every boot
*1|  plan         show what apply would change, as a diff
",
    #[cfg(feature = "lint")]
    "*2|  lint FILE    judge an os.conf\n",
    "*3|  locate       show where os.conf is looked for, and why\n",
    #[cfg(feature = "status")]
    "*4|  status       show what was applied last, and what is still open\n",
    #[cfg(feature = "revert")]
    "*5|  revert       put back what was replaced, the old password too\n",
    #[cfg(feature = "install")]
    "*6|  install      put this program into a root, to start at every boot
*7|  uninstall    take it out again
",
    #[cfg(feature = "check")]
    "*8|  check        judge this system, or an image, as image_check does\n",
    #[cfg(feature = "prepare")]
    "*9|  prepare      make an image meet Alibaba's norm for images\n",
    "*a|
a|  --root DIR       the system below DIR (default: /)
013|  --conf FILE      take this os.conf instead of searching for it
013|  --device DEV     search on this device: /dev/vda1, UUID=..., LABEL=...
01|  --network NAME   eni, networkd, ... (default: what is there)
01|  --hash KIND      sha512, sha256 or md5 (default: the C library's best)
01|  --kernel         configure the running kernel, too
013|  --wait SECONDS   for what is to come (default: 10; to look: 0)
01|  --log kmsg       write messages to the kernel's log, too
",
    #[cfg(feature = "install")]
    "6|  --init NAME      for this init, or none (default: what is there)
6|  --binary FILE    this program, for a root of another architecture
67|  --partition DIR  where the first partition is mounted
",
    #[cfg(any(feature = "install", feature = "revert", feature = "prepare"))]
    "5679|  --dry-run        only show it\n",
    #[cfg(feature = "revert")]
    "5|  --force          also what somebody changed since\n",
    "348|  --json           tell it as JSON\n",
    #[cfg(feature = "check")]
    "8|  -p, --report DIR write the reports there
8|  --all            more than the 16 items of image_check
8|  --group NAME     image, contract or norm only
8|  --image FILE     the root on this disk image
8|  --strict         a warning is a failure, too
",
    #[cfg(feature = "prepare")]
    "9|  --profile NAME   password (default) or locked: how root logs in
9|  --only ITEM,...  these items only
9|  --skip ITEM,...  all but these
9|  --list           list the items
9|  --yes            the running system is meant
",
    "a|  -q, --quiet      say less; -v, --verbose: more
a|  -h, --help       show this; -V, --version: the version
a|
0|  osconf apply --root /sysroot --log kmsg
*1|  osconf plan --root /mnt --conf os.conf
",
    #[cfg(feature = "lint")]
    "*2|  osconf lint os.conf\n",
    #[cfg(feature = "install")]
    "*6|  osconf install --root /mnt\n",
    #[cfg(feature = "check")]
    "8|  osconf check --all --image disk.img\n",
    #[cfg(feature = "prepare")]
    "9|  osconf prepare --root /mnt --skip clean\n",
    "*|
*|exit codes: 0 done; 1 the system refused something; 2 wrong usage;
*|3 os.conf has errors
",
];

/// Shows it.
#[inline(never)]
pub fn show<S: Sys>(sys: &S, about: Option<Command>) {
    let (all, own) = match about {
        None => (b'*', b'*'),
        Some(command) => (b'a', b'0' + command as u8),
    };
    for text in HELP {
        for line in lines(text.as_bytes()) {
            let (marks, line) = split_once(line.text, b'|').unwrap_or_default();
            if marks.iter().any(|mark| *mark == all || *mark == own) {
                sys.say(Stream::Output, line);
                sys.say(Stream::Output, b"\n");
            }
        }
    }
}
