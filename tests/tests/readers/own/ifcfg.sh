# Does with ifcfg-* and route-* what RHEL's network scripts are documented to do
# with them (initscripts, sysconfig.txt): a reader of our own, since Debian has none.
cd /etc/sysconfig/network-scripts
failed=0
. ../network
number() {
    local IFS=.
    set -- $1
    echo $((($1 << 24) + ($2 << 16) + ($3 << 8) + $4))
}
# As ifup-eth compares, by ipcalc.
in_subnet() {
    [ $(($(number "$1") & $(number "$3"))) = $(($(number "$2") & $(number "$3"))) ]
}
for file in ifcfg-*; do
    case $file in ifcfg-lo | *~ | *.bak | *.old | *.orig | *.rpmnew | *.rpmorig | *.rpmsave) continue ;; esac
    (
        . "./$file"
        [ "$ONBOOT" != no ] || exit 0
        real=$(cat "/sys/class/net/$DEVICE/address") || exit 1
        if [ -n "$HWADDR" ] && [ "${HWADDR,,}" != "$real" ]; then
            echo "$DEVICE has the MAC address $real, $HWADDR expected: ignoring"
            exit 1
        fi
        case $BOOTPROTO in none | static | '') ;; *) echo "$DEVICE: $BOOTPROTO"; exit 1 ;; esac
        ip link set "$DEVICE" up
        ip address add "$IPADDR/${PREFIX:-$NETMASK}" dev "$DEVICE" || exit 1
        # Another gateway is passed over: its route stands in the route file.
        if [ -n "$GATEWAY" ] && [ "$DEFROUTE" != no ] && in_subnet "$GATEWAY" "$IPADDR" "$NETMASK"; then
            ip route replace default via "$GATEWAY" dev "$DEVICE" || exit 1
        fi
        [ -f "route-$DEVICE" ] || exit 0
        if grep -q '^ADDRESS[0-9]' "route-$DEVICE"; then
            . "./route-$DEVICE"
            number=0
            while address=ADDRESS$number netmask=NETMASK$number gateway=GATEWAY$number
                [ -n "${!address}" ]; do
                ip route add "${!address}/${!netmask}" via "${!gateway}" dev "$DEVICE" || exit 1
                number=$((number + 1))
            done
        else
            while read -r line; do
                case $line in '' | '#'*) continue ;; esac
                ip route add $line || exit 1
            done < "route-$DEVICE"
        fi
    ) || failed=1
done
exit $failed
