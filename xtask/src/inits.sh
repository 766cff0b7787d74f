#!/bin/sh
# Prints what this machine has become on its serial console, and switches it off.
# It knows nothing of what is right. Each fact is a head line and its text.

exec > /dev/console 2>&1 < /dev/null
PATH=/usr/sbin:/usr/bin:/sbin:/bin
stty -F /dev/console -opost cols 500 2> /dev/null

fact() {
    echo "== $1"
    shift
    "$@" 2>&1
}

# Nobody has mounted it; to be looked at, it is.
first_partition() {
    mkdir -p /run/first
    mount -t vfat -o ro /dev/vda1 /run/first && find /run/first
    umount /run/first
}

# Inode and time as well: a file that is written anew with the same text has changed.
files() {
    find /etc/default /etc/hostname /etc/hosts /etc/init.d /etc/netplan /etc/network \
        /etc/NetworkManager /etc/osconf /etc/passwd /etc/rc*.d /etc/runlevels /etc/shadow \
        /etc/systemd -exec stat -c '%n mode %A size %s inode %i time %Y' {} + 2> /dev/null
}

failed_units() {
    systemctl --failed --no-legend --plain
}

# root, by the password that os.conf brought, over SSH to this machine itself. Keys of
# the server's are not in the image.
login() {
    mkdir -p /run/sshd /etc/dropbear
    if [ -d /run/systemd/system ]; then
        # It makes its keys by itself.
        systemctl start ssh
    elif [ -x /usr/sbin/sshd ]; then
        [ -e /etc/ssh/ssh_host_ed25519_key ] ||
            ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key
        /usr/sbin/sshd
    else
        [ ! -r /etc/default/dropbear ] || . /etc/default/dropbear
        dropbear -R $DROPBEAR_ARGS
    fi
    DROPBEAR_PASSWORD=$(cat /password) HOME=/run dbclient -y -y root@127.0.0.1 echo root came in
}

echo
fact init readlink -f /sbin/init
fact hostname hostname
fact links ip -o link
fact addresses ip -o -4 addr
fact routes ip -4 route
fact record cat /etc/osconf/record
fact mounts cat /proc/mounts
fact first-partition first_partition
[ ! -d /run/systemd/system ] || fact failed-units failed_units
[ ! -d /run/systemd/system ] || fact journal journalctl -b -u osconf -o cat --no-pager
[ ! -d /run/systemd/system ] || fact warnings journalctl -b -p notice --no-pager
fact check osconf check --all --json
fact kernel-log sh -c 'dmesg | grep osconf:'
[ ! -x /usr/bin/dbclient ] || fact login login
fact uptime cat /proc/uptime
fact files files
fact end true
sync
echo u > /proc/sysrq-trigger
sleep 1
echo o > /proc/sysrq-trigger
sleep 60
