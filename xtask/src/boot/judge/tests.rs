//! The judge itself must be able to say no.

use super::super::scenario::Scenarios;
use super::*;

/// What a machine prints that is as the classic sample demands.
const GOOD: &str = "\
== user
0
== hostname
iZ23r29djmjZ
== etc-hostname
iZ23r29djmjZ
== hosts
127.0.0.1\tlocalhost
127.0.1.1\tiZ23r29djmjZ
== resolv-conf
search example.org
nameserver 7.7.7.7
nameserver 8.8.8.8
== links
1: lo: <LOOPBACK,UP> mtu 65536\\    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
2: eth0: <UP> mtu 1500\\    link/ether 00:8c:fa:5e:14:24 brd ff:ff:ff:ff:ff:ff
3: eth1: <UP> mtu 1500\\    link/ether 00:8c:fa:5e:14:23 brd ff:ff:ff:ff:ff:ff
== addresses
1: lo    inet 127.0.0.1/8 scope host lo
2: eth0    inet 42.120.74.105/24 scope global eth0
3: eth1    inet 10.171.254.123/24 scope global eth1
== routes
default via 42.120.74.1 dev eth0
10.0.0.0/8 via 10.171.254.1 dev eth1
10.171.254.0/24 dev eth1 scope link  src 10.171.254.123
172.16.0.0/12 via 10.171.254.1 dev eth1
== conf-folder
/aliyun_custom_image
== leftovers
== shadow
600 0:0
== kept-folder
700 0:0
== kept
hostname=iZ23r29djmjZ
== kernel-log
[    2.0] osconf: done
== console
osconf: done
== nslookup
nslookup: write to '7.7.7.7': Connection refused
nslookup: write to '8.8.8.8': Connection refused
== files
/etc/shadow mode 600 owner 0:0 size 159 inode 67 time 1
== wrong-password
Password:
su: incorrect password
";

fn verdict(text: &str) -> Vec<String> {
    let scenarios = Scenarios::read().expect("scenarios.toml can be read");
    let scenario = scenarios.scenario.first().expect("there is a scenario");
    let sample = scenarios.sample(&scenario.sample).expect("it has a sample");
    judge(&Facts::parse(text), scenario, &sample)
}

#[test]
fn a_machine_as_os_conf_says_has_no_faults_whatever_the_cards_are_called() {
    assert_eq!(verdict(GOOD), Vec::<String>::new());
}

#[test]
fn each_wrong_fact_is_a_fault() {
    let wrong = [
        ("== user\n0", "== user\n1000"),
        ("== hostname\niZ23r29djmjZ", "== hostname\nstock"),
        ("== etc-hostname\niZ23r29djmjZ", "== etc-hostname\n"),
        ("127.0.1.1\tiZ23r29djmjZ", "127.0.1.1\tstock"),
        ("127.0.0.1\tlocalhost", "127.0.0.1\tiZ23r29djmjZ"),
        ("search example.org\n", ""),
        ("nameserver 8.8.8.8\n", ""),
        (
            "nameserver 8.8.8.8\n",
            "nameserver 8.8.8.8\nnameserver 192.0.2.53\n",
        ),
        ("10.171.254.123/24 scope", "10.171.254.123/8 scope"),
        ("eth1    inet", "eth0    inet"),
        ("1: lo    inet", "4: eth2    inet"),
        ("default via 42.120.74.1 dev eth0\n", ""),
        (
            "default via 42.120.74.1 dev eth0",
            "default via 42.120.74.1 dev eth1",
        ),
        ("10.0.0.0/8 via", "10.0.0.0/9 via"),
        ("== conf-folder\n/aliyun_custom_image", "== conf-folder"),
        ("== leftovers\n", "== leftovers\n/etc/.osconf.tmp\n"),
        ("600 0:0", "644 0:0"),
        ("700 0:0", "755 0:0"),
        ("== kept\n", "== kept\npassword=qwer1234\n"),
        ("[    2.0] osconf: done", "osconf: qwer1234"),
        ("== console\n", "== console\nroot:qwer1234\n"),
        ("== console\n", "== console\nroot:$6$salt$hash\n"),
        ("write to '7.7.7.7'", "write to '192.0.2.53'"),
        ("su: incorrect password", "let in"),
    ];
    for (good, bad) in wrong {
        assert!(GOOD.contains(good), "the table is out of step: {good:?}");
        assert_eq!(
            verdict(&GOOD.replace(good, bad)).len(),
            1,
            "{good:?} became {bad:?}"
        );
    }
}

#[test]
fn nothing_printed_is_many_faults() {
    assert!(verdict("").len() > 8);
}

#[test]
fn a_file_written_anew_is_a_change() {
    let anew = GOOD.replace("inode 67", "inode 68");
    assert_eq!(changes(&Facts::parse(GOOD), &Facts::parse(&anew)).len(), 2);
    assert_eq!(changes(&Facts::parse(GOOD), &Facts::parse(GOOD)).len(), 0);
}

#[test]
fn a_file_that_a_rewritten_os_conf_left_is_a_fault() {
    let first = Facts::parse("== files\n/etc/a\n/etc/b\n");
    let again = "== files\n/etc/a size 2\n/etc/a\n0123  /etc/c\n";
    assert_eq!(added(&first, &Facts::parse(again)), Vec::<String>::new());
    let more = format!("{again}/etc/c\n");
    let faults = added(&first, &Facts::parse(&more));
    assert_eq!(faults.len(), 1);
    assert!(faults.iter().all(|fault| fault.ends_with("/etc/c")));
}
