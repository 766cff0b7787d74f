# Runs the part of each recipe that says what goes where, on the unpacked archive, as
# the system that it is for would. Each is put into a folder of its own.
recipes=$1 unpacked=$2 work=$3 arch=$4

# abuild sources the recipe, and runs package() where the archive was unpacked.
(
    srcdir=$work CARCH=$arch pkgdir=$work/alpine
    . "$recipes/alpine/APKBUILD"
    cd "$builddir"
    package
    # What stands in `source` lies beside the recipe, and its sums are right.
    cd "$recipes/alpine"
    ls $source $install
    echo "$sha512sums" | grep . | sha512sum -c
    # abuild takes no address whose host has no dot.
    grep -q '^# Maintainer: [^ ].* <[^ ]*@[^ ]*\.[^ ]*>$' APKBUILD
)

# bitbake runs do_install() by a shell, and puts its variables in before.
(
    cd "$recipes"/yocto/recipes-core/osconf
    ls "$recipes/archives/osconf-$(ls *.bb | sed 's/osconf_//; s/\.bb//')-$arch.tar.gz"
    S=$unpacked D=$work/yocto sbindir=/usr/sbin sysconfdir=/etc mandir=/usr/share/man
    systemd_system_unitdir=/usr/lib/systemd/system
    eval "$(sed -n '/^do_install()/,/^}/p' ./*.bb)"
    do_install
    md5=$(sed -n 's/.*LICENSE-MIT;md5=\([0-9a-f]*\).*/\1/p' ./*.bb)
    echo "$md5  $unpacked/LICENSE-MIT" | md5sum -c
)

# Buildroot includes the package in its own makefiles; texts of its configuration
# keep their quotes.
cat > "$work/buildroot.mk" <<'END'
INSTALL = install
qstrip = $(strip $(subst ",,$(1)))
BR2_EXTERNAL_OSCONF_PATH = $(RECIPES)/buildroot
include $(BR2_EXTERNAL_OSCONF_PATH)/external.mk
$(UNPACKED)/.stamp-$(INIT): $(OSCONF_SITE)/$(OSCONF_SOURCE)
	$(OSCONF_INSTALL_TARGET_CMDS)
	$(OSCONF_INSTALL_INIT_$(INIT))
END
for init in SYSV SYSTEMD; do
    make -f "$work/buildroot.mk" RECIPES="$recipes" UNPACKED="$unpacked" BR2_ARCH="\"$arch\"" \
        TARGET_DIR="$work/buildroot" INIT=$init
done
(
    cd "$recipes/archives"
    sums=$(sed -n 's/^sha256 *//p' "$recipes/buildroot/package/osconf/osconf.hash")
    echo "$sums" | grep tar.gz | sha256sum -c
    cd "$unpacked"
    echo "$sums" | grep LICENSE | sha256sum -c
)

# OpenWrt's rules.mk and package.mk, as far as the package asks for them.
mkdir -p "$work/top/include"
cat > "$work/top/rules.mk" <<'END'
INCLUDE_DIR = $(TOPDIR)/include
BUILD_DIR = $(WORK)
INSTALL_DIR = install -d -m0755
INSTALL_BIN = install -m0755
END
cat > "$work/top/include/package.mk" <<'END'
define BuildPackage
all:
	test -f $(patsubst file://%,%,$(PKG_SOURCE_URL))/$(PKG_SOURCE)
	echo "$(PKG_HASH)  $(patsubst file://%,%,$(PKG_SOURCE_URL))/$(PKG_SOURCE)" | sha256sum -c
	$(call Package/$(1)/install,$(WORK)/openwrt)
endef
END
make -C "$recipes/openwrt/osconf" TOPDIR="$work/top" WORK="$work" ARCH="$arch"
