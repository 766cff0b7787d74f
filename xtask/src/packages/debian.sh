# Installs Debian's package in a root, looks, removes and purges it, and looks again.
# What is changed lies in a layer above the root, which is thrown away.
root=$1 work=$2 package=$3 binary=$4 tree=$5

mount -t overlay -o "lowerdir=$root,upperdir=$work/upper,workdir=$work/work" overlay "$work/root"
cp "$package" "$work/root/tmp/osconf.deb"
cd "$work/root"

fail() {
    echo "packages: $*" >&2
    exit 1
}
inside() { DEBIAN_FRONTEND=noninteractive chroot . "$@" > /dev/null; }
# How the program is started, by either init: links, and the list that startpar reads.
links() {
    find etc/systemd etc/rc*.d -name '*osconf*' -printf '%p\n' | sort
    grep -c osconf etc/init.d/.depend.boot || true
}
# Beside what dpkg itself keeps, and insserv's three lists.
everything() {
    find . -path ./var/lib/dpkg -prune -o -path ./var/log -prune -o -path ./tmp -prune -o \
        -name '.depend.*' -prune -o -printf '%p %m %l\n' | sort
}

everything > "$work/before"
links > "$work/links-before"
inside dpkg -i /tmp/osconf.deb

cmp -s usr/sbin/osconf "$binary" || fail "the program is another one"
cmp -s usr/lib/systemd/system/osconf.service "$tree/targets/init/systemd/osconf.service" ||
    fail "the unit is another one"
cmp -s etc/init.d/osconf "$tree/targets/init/sysvinit/osconf" || fail "the script is another one"
[ -d aliyun_custom_image ] || fail "there is no folder for os.conf"
[ "$(chroot . systemctl is-enabled osconf.service)" = enabled ] || fail "systemd does not start it"
# `osconf install` makes this very link.
[ -L etc/systemd/system/sysinit.target.wants/osconf.service ] || fail "not wanted by sysinit.target"
set -- etc/rcS.d/S*osconf
[ -L "$1" ] || fail "sysvinit does not start it"
# insserv's list, by which startpar goes: after the file systems, before the network.
grep -q '^osconf:.* mountall.sh' etc/init.d/.depend.boot || fail "not after the file systems"
[ "$(chroot . osconf status)" = "no os.conf was applied to this system" ] || fail "it does not run"
chroot . dpkg --verify osconf | grep . && fail "files are not as they were packed"
man=$(zcat usr/share/man/man8/osconf.8.gz | head -n 1)
[ -n "$man" ] || fail "there is no man page"

# What is switched off stays so when the package is installed once more.
inside systemctl disable osconf.service
inside dpkg -i /tmp/osconf.deb
[ "$(chroot . systemctl is-enabled osconf.service || true)" = disabled ] ||
    fail "it is switched on again"
inside systemctl enable osconf.service

mkdir -p etc/osconf
echo wait=3 > etc/osconf/config
inside dpkg -r osconf
[ ! -e usr/sbin/osconf ] || fail "the program is still there"
[ -e etc/osconf/config ] || fail "removing took the settings"
[ -e etc/init.d/osconf ] || fail "removing took a configuration file"
inside dpkg -P osconf
everything > "$work/after"
links > "$work/links-after"
diff "$work/before" "$work/after" >&2 || fail "something is left, or gone"
diff "$work/links-before" "$work/links-after" >&2 || fail "links are left"
echo "packages: Debian's is installed, enabled, removed and purged without a trace"
