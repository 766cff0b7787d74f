# What fish completes of osconf's command line.

complete -c osconf -f

complete -c osconf -n __fish_use_subcommand -a apply -d 'apply os.conf to this machine'
complete -c osconf -n __fish_use_subcommand -a plan -d 'show what apply would change'
complete -c osconf -n __fish_use_subcommand -a lint -d 'judge an os.conf'
complete -c osconf -n __fish_use_subcommand -a locate -d 'show which partition os.conf is looked for on'
complete -c osconf -n __fish_use_subcommand -a status -d 'show what was applied last'
complete -c osconf -n __fish_use_subcommand -a revert -d 'put back what was replaced'
complete -c osconf -n __fish_use_subcommand -a install -d 'put this program into a root'
complete -c osconf -n __fish_use_subcommand -a uninstall -d 'take it out again'
complete -c osconf -n __fish_use_subcommand -a check -d 'judge this system, or an image'
complete -c osconf -n __fish_use_subcommand -a prepare -d 'make an image meet the norm'
complete -c osconf -n __fish_use_subcommand -a help -d 'show how to use it'

complete -c osconf -l root -x -a '(__fish_complete_directories)' -d 'the system below this folder'
complete -c osconf -s q -l quiet -d 'say less'
complete -c osconf -s v -l verbose -d 'say more'
complete -c osconf -s h -l help -d 'show how to use it'
complete -c osconf -s V -l version -d 'show the version'

set -l is '__fish_seen_subcommand_from'
set -l items 'clock sshd dropbear root ntp sysctl motd pip firewall dhcp cmdline clean'

complete -c osconf -n "$is lint" -F
complete -c osconf -n "$is apply plan locate" -l conf -r -F -d 'take this os.conf'
complete -c osconf -n "$is apply plan locate" -l device -r -F -d 'search on this device'
complete -c osconf -n "$is apply plan locate" -l wait -x -d 'seconds to wait for a device'
complete -c osconf -n "$is apply plan" -l network -x -d 'write for this network system' \
    -a 'eni networkd keyfile netplan connman dhcpcd netctl kernel ifcfg wicked netifrc slackware uci'
complete -c osconf -n "$is apply plan" -l hash -x -a 'sha512 sha256 md5' -d 'how the password is hashed'
complete -c osconf -n "$is apply plan" -l kernel -d 'configure the running kernel, too'
complete -c osconf -n "$is apply plan" -l log -x -a kmsg -d "to the kernel's log, too"
complete -c osconf -n "$is locate status check" -l json -d 'as JSON'
complete -c osconf -n "$is revert install uninstall prepare" -l dry-run -d 'only show it'
complete -c osconf -n "$is revert" -l force -d 'also what was changed since'
complete -c osconf -n "$is install" -l init -x -d 'for this init' \
    -a 'systemd procd s6-rc runit openrc sysvinit busybox none'
complete -c osconf -n "$is install" -l binary -r -F -d 'this program'
complete -c osconf -n "$is install uninstall" -l partition -x \
    -a '(__fish_complete_directories)' -d 'where the first partition is mounted'
complete -c osconf -n "$is check" -s p -l report -x \
    -a '(__fish_complete_directories)' -d 'write the reports there'
complete -c osconf -n "$is check" -l all -d 'more than the 16 items'
complete -c osconf -n "$is check" -l group -x -a 'image contract norm' -d 'these items only'
complete -c osconf -n "$is check" -l image -r -F -d 'the root on this disk image'
complete -c osconf -n "$is check" -l strict -d 'a warning is a failure'
complete -c osconf -n "$is prepare" -l profile -x -a 'password locked' -d 'what root logs in by'
complete -c osconf -n "$is prepare" -l only -x -a "$items" -d 'these items only'
complete -c osconf -n "$is prepare" -l skip -x -a "$items" -d 'all but these items'
complete -c osconf -n "$is prepare" -l list -d 'list the items'
complete -c osconf -n "$is prepare" -l yes -d 'the running system is meant'
