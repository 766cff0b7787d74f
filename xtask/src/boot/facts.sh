#!/bin/sh
# Prints what this machine has become, seen by its own programs, for the rig to
# judge. It knows nothing of what is right. Each fact is a head line and its text.

fact() {
    echo "== $1"
    shift
    "$@" 2>&1
}

# su refuses after a pause; it may take it while the other facts are found. The
# rig names a password that was right once.
wrong=${1:-not the password}
wrong_password() {
    echo "$wrong" | su -s /bin/sh nobody -c "/bin/su -c 'echo let in' root" 2>&1
}
wrong_password > /tmp/wrong &

leftovers() {
    find / -xdev \( -name '.osconf*' -o -name '.os.conf*' -o -name 'os.conf*' \)
    [ ! -d /boot ] || find /boot \( -name '.osconf*' -o -name '.os.conf*' -o -name 'os.conf*' \)
}

# Inode and time as well: a file that is written anew with the same text has changed.
files() {
    find /etc -type f -exec stat -c '%n mode %a owner %u:%g size %s inode %i time %Y' {} +
    find /etc /boot /aliyun_custom_image -type f -exec sha256sum {} + 2> /dev/null
    find /etc /boot /aliyun_custom_image 2> /dev/null
}

echo "== begin"
fact user id -u
fact hostname hostname
fact etc-hostname cat /etc/hostname
fact hosts cat /etc/hosts
fact resolv-conf cat /etc/resolv.conf
fact links ip -o link
fact addresses ip -o -4 addr
fact routes ip -4 route
fact conf-folder ls -d /boot/aliyun_custom_image /aliyun_custom_image
fact leftovers leftovers
fact shadow stat -c '%a %u:%g' /etc/shadow
fact kept-folder stat -c '%a %u:%g' /etc/osconf
fact kept find /etc/osconf -type f -not -path '*/replaced/*' -exec cat {} +
[ ! -x /usr/sbin/osconf ] || fact check sh -c '/usr/sbin/osconf check --all --json; echo exit $?'
fact kernel-log sh -c 'dmesg | grep osconf:'
# With every address made local, no name server answers but each one refuses,
# and nslookup names those that it asked.
fact nslookup sh -c 'ip route replace local 0.0.0.0/0 dev lo; nslookup example.org'
fact files files
wait
fact wrong-password cat /tmp/wrong
echo "== end"
