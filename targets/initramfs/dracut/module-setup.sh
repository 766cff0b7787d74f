#!/bin/bash
# To leave it out: omit_dracutmodules+=" osconf " in /etc/dracut.conf.d.
check() { return 0; }
depends() { return 0; }
installkernel() {
    hostonly='' instmods ext4 vfat nls_cp437 nls_iso8859-1 nls_ascii \
        virtio_blk virtio_scsi sd_mod virtio_net nvme
}
install() {
    inst /usr/sbin/osconf
    inst_hook pre-pivot 50 "$moddir/osconf.sh"
}
