#!/bin/sh
# Runs when the root is mounted. To switch it off: osconf.disable=1 on the
# kernel's command line.
/usr/sbin/osconf apply --root "$NEWROOT" --log kmsg || warn "osconf: exit $?"
