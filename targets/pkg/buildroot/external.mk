include $(sort $(wildcard $(BR2_EXTERNAL_OSCONF_PATH)/package/*/*.mk))
