# Sourced after 03-filesystems.sh. To switch it off: osconf.disable=1 on the
# kernel's command line, or remove this file.
if [ -x /usr/sbin/osconf ]; then
    /usr/sbin/osconf apply --log kmsg || msg_warn "osconf: exit $?"
fi
