# Does with SUSE's ifcfg-*, ifroute-* and routes what ifcfg(5) and ifroute(5) say,
# and with NETCONFIG_DNS_STATIC_SERVERS what netconfig(8) does: a reader of our own,
# since Debian has no wicked.
cd /etc/sysconfig/network
failed=0
# Destination, gateway, netmask, interface, more; `-` is nothing.
routes() {
    while read -r destination gateway netmask interface more; do
        # IPv6 is not in os.conf.
        case "$destination $gateway" in ' '* | '#'* | *:*) continue ;; esac
        [ "${netmask:--}" = - ] || destination=$destination/$netmask
        [ "${interface:--}" != - ] || interface=$2
        [ "${interface:--}" = - ] || [ "$interface" = "$2" ] || continue
        via=
        [ "$gateway" = - ] || [ "$gateway" = 0.0.0.0 ] || via="via $gateway"
        ip route add $destination $via ${interface:+dev $interface} $more || return 1
    done < "$1"
}
for file in ifcfg-*; do
    case $file in ifcfg-lo | *~ | *.old | *.bak | *.orig | *.scpmbackup | *.rpmnew | *.rpmsave | *.rpmorig) continue ;; esac
    (
        name=${file#ifcfg-}
        . "./$file"
        case $STARTMODE in auto | onboot | on | boot | hotplug) ;; *) exit 0 ;; esac
        [ -e "/sys/class/net/$name" ] || { echo "there is no $name"; exit 1; }
        case $BOOTPROTO in none | static | '') ;; *) echo "$name: $BOOTPROTO"; exit 1 ;; esac
        ip link set "$name" up
        case $IPADDR in */*) ;; *) IPADDR=$IPADDR/${PREFIXLEN:-$NETMASK} ;; esac
        ip address add "$IPADDR" dev "$name" || exit 1
        [ ! -f "ifroute-$name" ] || routes "ifroute-$name" "$name" || exit 1
        [ ! -f routes ] || routes routes "$name" || exit 1
    ) || failed=1
done
(
    . ./config
    mkdir -p /run/netconfig
    for server in $NETCONFIG_DNS_STATIC_SERVERS; do
        echo "nameserver $server"
    done > /run/netconfig/resolv.conf
)
exit $failed
