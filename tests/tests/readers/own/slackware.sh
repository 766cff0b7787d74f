# Does with rc.inet1.conf what rc.inet1.conf(5) says: a reader of our own, since
# Debian has no Slackware. $1 is the release: 14 knows IPADDR and NETMASK, 15 takes
# IPADDRS first. Then rc.local runs, if it may.
. /etc/rc.d/rc.inet1.conf
failed=0
for number in 0 1 2 3 4 5 6 7; do
    name=${IFNAME[$number]:-eth$number}
    addresses=
    [ "$1" -lt 15 ] || addresses=${IPADDRS[$number]}
    [ -n "$addresses" ] || addresses=${IPADDR[$number]:+${IPADDR[$number]}/${NETMASK[$number]}}
    if [ "${USE_DHCP[$number]}" = yes ] && [ -e "/sys/class/net/$name" ]; then
        echo "$name: DHCP"
        failed=1
    fi
    [ -n "$addresses" ] || continue
    [ -e "/sys/class/net/$name" ] || { echo "there is no $name"; failed=1; continue; }
    ip link set "$name" up
    for address in $addresses; do
        ip address add "$address" dev "$name" || failed=1
    done
done
# Without an interface that leads there, rc.inet1 says so and goes on.
[ -z "$GATEWAY" ] || ip route add default via "$GATEWAY" metric 1 || failed=1
[ ! -x /etc/rc.d/rc.local ] || /bin/sh /etc/rc.d/rc.local || failed=1
exit $failed
