//! Every capacity of the program, in one list, each with its reason.
//!
//! There is no heap, so each collection has an end. What does not fit is an
//! error that names the limit; nothing is ever cut off in silence. Files that
//! are edited have no limit: they live in anonymous mappings of their own size.

/// Bytes of an os.conf. The longest sample has 500; 1,000 routes take 40,000.
pub const CONF_BYTES: usize = 64 * 1024;
/// NICs in os.conf, `eth0` to `eth15`. No instance type of ECS has more.
pub const NICS: usize = 16;
/// Routes in os.conf, all NICs together. A VPC route table holds 200 of a user's.
pub const ROUTES: usize = 1024;
/// Name servers in os.conf. glibc and musl read three of them.
pub const NAME_SERVERS: usize = 8;
/// Bytes of a password: musl's crypt(3) takes no more (`KEY_MAX`).
pub const PASSWORD_BYTES: usize = 256;
/// Bytes of a host name: the kernel's `__NEW_UTS_LEN`.
pub const HOST_NAME_BYTES: usize = 64;
/// Bytes of a label within a host name (RFC 1035, 2.3.4).
pub const HOST_LABEL_BYTES: usize = 63;
/// Bytes of a crypt(3) hash that we make: `$6$` with a salt of 16 has 106.
pub const HASH_BYTES: usize = 128;
/// Network interfaces of the running kernel that are looked at. A host with
/// containers has a veth for each, and ours must be found among them.
pub const INTERFACES: usize = 256;
/// Bytes of an interface name, without the final NUL (`IFNAMSIZ` - 1).
pub const INTERFACE_NAME_BYTES: usize = 15;
/// Bytes of a path below the root, with its final NUL. The longest that is
/// written to has 60; a link may lead to a longer one.
pub const PATH_BYTES: usize = 256;
/// Links followed before a path is said to turn in a circle (the kernel's
/// `MAXSYMLINKS` is 40; a configuration file is never behind so many).
pub const LINKS: usize = 16;
/// Changes in one plan: two files for each NIC, those that are found, and a dozen
/// of the system's.
pub const CHANGES: usize = 2 * NICS + FOUND_FILES + 16;
/// Files that are found and change: two for each NIC that os.conf no longer
/// names, and as many that other programs left.
pub const FOUND_FILES: usize = 4 * NICS;
/// Bytes of one line of messages. Longer ones end with `...`: a message is the
/// one thing that may be cut.
pub const MESSAGE_BYTES: usize = 512;
/// Mounted file systems that are looked at. More than a machine has at boot.
pub const MOUNTS: usize = 64;
/// Bytes of a settings file or kernel command line (`COMMAND_LINE_SIZE` of
/// x86_64 and arm64 is 2,048).
pub const SETTINGS_BYTES: usize = 4096;
/// Bytes of a UUID as text.
pub const UUID_BYTES: usize = 36;
/// Bytes of a label: GPT's partition names have 36 units of UTF-16, each of which
/// becomes three bytes at most.
pub const LABEL_BYTES: usize = 108;
/// Entries of a GPT that are looked at. Every program makes 128.
pub const GPT_ENTRIES: u64 = 1024;
/// Logical partitions of an MBR that are followed.
pub const LOGICAL_PARTITIONS: u32 = 100;
/// Disks and partitions that are looked at. A host with packages that are images has
/// dozens of loop devices, which the kernel numbers before its disks.
pub const BLOCKS: usize = 256;
/// Partitions of one disk that an image is checked for.
pub const PARTITIONS: usize = 64;
/// Bytes of a block device's name below `/dev` (the kernel's `DISK_NAME_LEN` is 32;
/// a partition's has its number behind it).
pub const BLOCK_NAME_BYTES: usize = 40;
