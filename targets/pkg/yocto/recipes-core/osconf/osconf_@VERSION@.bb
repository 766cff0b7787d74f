SUMMARY = "Applies os.conf of Alibaba Cloud ECS at boot"
DESCRIPTION = "Applies aliyun_custom_image/os.conf, by which Alibaba Cloud ECS \
    tells an instance of a Customized Linux image its host name, password and \
    network, at each boot and before the network starts."
HOMEPAGE = "https://www.alibabacloud.com/help/en/ecs"
BUGTRACKER = "https://www.alibabacloud.com/help/en/ecs"
SECTION = "base"
# As all series know it; bitbake of 2026 would rather have "OR", and warns.
LICENSE = "Apache-2.0 | MIT"
LIC_FILES_CHKSUM = "\
    file://LICENSE-APACHE;md5=@MD5_LICENSE_APACHE@ \
    file://LICENSE-MIT;md5=@MD5_LICENSE_MIT@ \
"

# The archives lie beside the layer.
SRC_URI = "file://${THISDIR}/../../../archives/osconf-${PV}-${TARGET_ARCH}.tar.gz"

# Before Yocto 5.1 there is no UNPACKDIR.
S = "${@d.getVar('UNPACKDIR') or d.getVar('WORKDIR')}/osconf-${PV}-${TARGET_ARCH}"

inherit systemd update-rc.d

COMPATIBLE_HOST = "(x86_64|aarch64).*-linux"

SYSTEMD_SERVICE:${PN} = "osconf.service"
INITSCRIPT_NAME = "osconf"
# After mountall.sh (03), before networking (01 of the levels 2 to 5).
INITSCRIPT_PARAMS = "start 40 S ."

# It is linked already, with all that it needs, and stripped.
INHIBIT_DEFAULT_DEPS = "1"
INHIBIT_PACKAGE_STRIP = "1"
INHIBIT_PACKAGE_DEBUG_SPLIT = "1"
INHIBIT_SYSROOT_STRIP = "1"

do_configure[noexec] = "1"
do_compile[noexec] = "1"

do_install() {
    install -D -m 0755 ${S}/osconf ${D}${sbindir}/osconf
    install -d -m 0755 ${D}/aliyun_custom_image
    install -D -m 0644 ${S}/targets/doc/osconf.8 ${D}${mandir}/man8/osconf.8
    install -D -m 0644 ${S}/targets/doc/osconf-config.5 ${D}${mandir}/man5/osconf-config.5
    install -D -m 0755 ${S}/targets/init/sysvinit/osconf ${D}${sysconfdir}/init.d/osconf
    install -D -m 0644 ${S}/targets/init/systemd/osconf.service ${D}${systemd_system_unitdir}/osconf.service
}

FILES:${PN} += "/aliyun_custom_image"
