# What bash completes of osconf's command line. It needs nothing of the package
# bash-completion, which finds it by its place.

_osconf() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local networks="eni networkd keyfile netplan connman dhcpcd netctl kernel ifcfg wicked netifrc slackware uci"
    local items="clock sshd dropbear root ntp sysctl motd pip firewall dhcp cmdline clean"
    local command='' index options
    for ((index = 1; index < COMP_CWORD; index++)); do
        case ${COMP_WORDS[index]} in
            apply | plan | lint | locate | status | revert | install | uninstall | check | prepare | help)
                command=${COMP_WORDS[index]}
                break
                ;;
        esac
    done
    COMPREPLY=()
    case $before in
        --root | --partition | --report | -p)
            mapfile -t COMPREPLY < <(compgen -d -- "$word")
            return
            ;;
        --conf | --device | --binary | --image)
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        --network) options=$networks ;;
        --hash) options="sha512 sha256 md5" ;;
        --log) options=kmsg ;;
        --init) options="systemd procd s6-rc runit openrc sysvinit busybox none" ;;
        --group) options="image contract norm" ;;
        --profile) options="password locked" ;;
        --only | --skip) options=$items ;;
        --wait) return ;;
        *)
            options="--root --quiet --verbose --help --version"
            case $command in
                apply | plan) options+=" --conf --device --network --hash --kernel --wait --log" ;;
                locate) options+=" --conf --device --wait --json" ;;
                status) options+=" --json" ;;
                revert) options+=" --dry-run --force" ;;
                install) options+=" --init --binary --partition --dry-run" ;;
                uninstall) options+=" --partition --dry-run" ;;
                check) options+=" --report --all --group --image --strict --json" ;;
                prepare) options+=" --profile --only --skip --list --yes --dry-run" ;;
                '') [[ $word == -* ]] ||
                    options="apply plan lint locate status revert install uninstall check prepare help" ;;
            esac
            if [[ $command == lint && $word != -* ]]; then
                mapfile -t COMPREPLY < <(compgen -f -- "$word")
                return
            fi
            ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
}

complete -o filenames -F _osconf osconf
