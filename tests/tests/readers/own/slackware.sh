# Does with rc.inet1.conf what rc.inet1 does: a reader of our own, since Debian has
# no Slackware. $1 is the release: 14 knows IPADDR and NETMASK; 15 adds what IPADDRS
# has, and the others as well, unless IPv6 configures itself. Of two slots that name
# an interface, the first counts. Then rc.local runs, if it may.
. /etc/rc.d/rc.inet1.conf
failed=0
seen=' '
for ((number = 0; number < ${MAXNICS:-6}; number++)); do
    name=${IFNAME[$number]:-eth$number}
    case $seen in *" $name "*) continue ;; esac
    seen="$seen$name "
    if [ -n "${BRNICS[$number]}${BONDNICS[$number]}" ]; then
        echo "$name: takes ${BRNICS[$number]}${BONDNICS[$number]}"
        failed=1
    fi
    [ -e "/sys/class/net/$name" ] || continue
    if [ "${USE_DHCP[$number]}" = yes ]; then
        echo "$name: DHCP"
        failed=1
    fi
    [ -z "${HWADDR[$number]}" ] || ip link set "$name" address "${HWADDR[$number]}"
    addresses=${IPADDR[$number]:+${IPADDR[$number]}/${NETMASK[$number]}}
    if [ "$1" -ge 15 ]; then
        [ "${USE_DHCP6[$number]}${USE_SLAAC[$number]}" = "" ] || addresses=
        addresses="${IPADDRS[$number]} $addresses ${IPALIASES[$number]}"
    fi
    for address in $addresses; do
        ip address add "$address" dev "$name" || failed=1
        ip link set "$name" up
    done
done
# Without an interface that leads there, rc.inet1 says so and goes on.
[ -z "$GATEWAY" ] || ip route add default via "$GATEWAY" metric 1 || failed=1
[ ! -x /etc/rc.d/rc.local ] || /bin/sh /etc/rc.d/rc.local || failed=1
exit $failed
