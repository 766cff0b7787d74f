################################################################################
#
# osconf
#
################################################################################

OSCONF_VERSION = @VERSION@
OSCONF_SOURCE = osconf-$(OSCONF_VERSION)-$(call qstrip,$(BR2_ARCH)).tar.gz
OSCONF_SITE = $(BR2_EXTERNAL_OSCONF_PATH)/../archives
OSCONF_SITE_METHOD = file
OSCONF_LICENSE = Apache-2.0 or MIT
OSCONF_LICENSE_FILES = LICENSE-APACHE LICENSE-MIT
# It is linked already, with all that it needs.
OSCONF_ADD_TOOLCHAIN_DEPENDENCY = NO

ifeq ($(BR2_PACKAGE_OSCONF_BOOT_ONLY),y)
OSCONF_BINARY = osconf-boot
else
OSCONF_BINARY = osconf
endif

define OSCONF_INSTALL_TARGET_CMDS
	$(INSTALL) -D -m 0755 $(@D)/$(OSCONF_BINARY) $(TARGET_DIR)/usr/sbin/osconf
	$(INSTALL) -d -m 0755 $(TARGET_DIR)/aliyun_custom_image
endef

define OSCONF_INSTALL_INIT_SYSV
	$(INSTALL) -D -m 0755 $(@D)/targets/init/busybox/S39osconf \
		$(TARGET_DIR)/etc/init.d/S39osconf
endef

define OSCONF_INSTALL_INIT_OPENRC
	$(INSTALL) -D -m 0755 $(@D)/targets/init/openrc/osconf \
		$(TARGET_DIR)/etc/init.d/osconf
	mkdir -p $(TARGET_DIR)/etc/runlevels/boot
	ln -snf /etc/init.d/osconf $(TARGET_DIR)/etc/runlevels/boot/osconf
endef

# Buildroot enables every unit in the end, by its [Install] section.
define OSCONF_INSTALL_INIT_SYSTEMD
	$(INSTALL) -D -m 0644 $(@D)/targets/init/systemd/osconf.service \
		$(TARGET_DIR)/usr/lib/systemd/system/osconf.service
endef

$(eval $(generic-package))
