# Does with conf.d/net what netifrc's net.example says: a reader of our own, since
# Debian has no netifrc. What is to be started stands in the runlevels.
. /etc/conf.d/net
failed=0
# The value of VARIABLE_interface, or of VARIABLE_MAC without colons, in capitals.
value() {
    mac=$(tr -d : < "/sys/class/net/$name/address")
    for suffix in "${mac^^}" "${name//[^a-zA-Z0-9_]/_}"; do
        variable=$1_$suffix
        if [ -n "${!variable}" ]; then
            echo "${!variable}"
            return
        fi
    done
}
for link in /etc/runlevels/boot/net.* /etc/runlevels/default/net.*; do
    name=${link##*/net.}
    { [ -L "$link" ] && [ "$name" != lo ]; } || continue
    [ -e "/sys/class/net/$name" ] || { echo "there is no $name"; failed=1; continue; }
    config=$(value config)
    [ -n "$config" ] || { echo "$name: nothing is DHCP"; failed=1; continue; }
    ip link set "$name" up
    while read -r address word netmask; do
        case $word in
            netmask) ip address add "$address/$netmask" dev "$name" || failed=1 ;;
            '') ip address add "$address" dev "$name" || failed=1 ;;
            *) echo "$name: $address $word $netmask"; failed=1 ;;
        esac
    done <<< "$config"
    while read -r route; do
        [ -n "$route" ] || continue
        ip route append $route dev "$name" || failed=1
    done <<< "$(value routes)"
    servers=$(value dns_servers)
    [ -z "$servers" ] || printf 'nameserver %s\n' $servers > /etc/resolv.conf
done
exit $failed
