//! Records that are written and read back.

use super::*;

#[test]
fn a_record_reads_back_as_it_was_written() {
    let mut states = States::default();
    states.set(Part::Password, State::Done);
    states.set(Part::Network, State::Open);
    states.set(Part::Dns, State::Invalid);
    for order in [
        None,
        Some(Order {
            digest: Digest::of(b"x"),
            modified: -5,
            inode: Some(u64::from(u32::MAX) * 4),
        }),
        Some(Order {
            digest: Digest::of(b""),
            modified: 1_800_000_000,
            inode: None,
        }),
    ] {
        let record = Record {
            time: 1_795_000_000,
            states,
            order,
        };
        let mut bytes = [0; 1024];
        let mut out = Buf::new(&mut bytes);
        record.write(&mut out);
        for (_, how) in HOWS {
            write_file(&mut out, how, b"y", b"etc/shadow");
        }
        assert_eq!(Record::parse(out.as_bytes()), record);
        for (file, (_, how)) in files(out.as_bytes()).zip(HOWS) {
            assert_eq!((file.path, file.how), (&b"etc/shadow"[..], how));
            assert!(file.is(b"y") && !file.is(b""));
        }
        assert_eq!(files(out.as_bytes()).count(), HOWS.len());
    }
}

#[test]
fn the_same_bytes_written_later_are_another_order() {
    let order = |modified, inode| Order {
        digest: Digest::of(b"x"),
        modified,
        inode,
    };
    assert!(order(100, Some(1)).is(&order(100, Some(1))));
    assert!(!order(100, Some(1)).is(&order(101, Some(1))));
    assert!(!order(100, Some(1)).is(&order(100, Some(2))));
    // FAT: two seconds, and any time zone.
    assert!(order(100, None).is(&order(102, None)));
    assert!(order(100, None).is(&order(101 + 8 * 3600, None)));
    assert!(order(100, None).is(&order(99 - 5 * 3600 - 1800, None)));
    for other in [160, 175, 550, 100 + 903, 100 + 897] {
        assert!(!order(100, None).is(&order(other, None)), "{other}");
    }
}

#[test]
fn parts_are_told_by_how_they_ended() {
    let mut states = States::default();
    let open = [Part::HostName, Part::Dns].into_iter().collect();
    states.set_all(open, State::Open);
    states.set(Part::Network, State::Done);
    assert!(states.all(State::Open) == open);
    assert!(states.all(State::Left).is_empty());
    let order = Some(Order {
        digest: Digest::of(b""),
        modified: 0,
        inode: None,
    });
    for (states, order, is_reverted) in [
        (States::default(), None, true),
        (States::default(), order, false),
        (states, None, false),
    ] {
        let record = Record {
            time: 1,
            states,
            order,
        };
        assert_eq!(record.is_reverted(), is_reverted, "{record:?}");
    }
}

#[test]
#[cfg(feature = "prepare")]
fn a_record_says_when_the_root_was_prepared() {
    for time in [1_795_000_000, -2] {
        let mut bytes = [0; 64];
        let mut out = Buf::new(&mut bytes);
        write_prepared(&mut out, time);
        assert_eq!(prepared(out.as_bytes()), Some(time));
    }
    assert_eq!(prepared(b"time=1\n"), None);
}

#[test]
fn the_network_is_remembered_by_the_names_of_its_nics() {
    const NIC: &str =
        "eth1_ip_addr=10.0.0.2\neth1_mac_addr=00:16:3e:00:00:01\neth1_netmask=255.255.255.0\n";
    let mut system = System::of(crate::network::last());
    let _ = system.interfaces.push(crate::system::Interface {
        label: 1,
        name: InterfaceName::parse(b"ens5").unwrap(),
        is_there: true,
    });
    let written = |source: &str| {
        let conf = crate::conf::parse(source.as_bytes(), &mut Default::default());
        let mut bytes = [0; 256];
        let mut out = Buf::new(&mut bytes);
        write_network(&mut out, conf.network.value().unwrap(), &system);
        std::string::String::from_utf8_lossy(out.as_bytes()).into_owned()
    };
    let lines = std::format!("nic=1 ens5 00:16:3e:00:00:01\n{NIC}");
    assert_eq!(written(NIC), lines);
    assert_eq!(
        written(&NIC.replace("eth1_mac_addr=00:16:3e:00:00:01\n", "")),
        ""
    );
    let text = std::format!("ethernet=x\ntime=1\n{lines}file=x\nnic=2 a b\n");
    assert_eq!(network(text.as_bytes()), lines.as_bytes());
    for none in ["time=1\n", ""] {
        assert_eq!(network(none.as_bytes()), b"", "{none}");
    }
    let nics = nics(text.as_bytes());
    let found: std::vec::Vec<_> = nics
        .iter()
        .map(|nic| (nic.label, nic.name.as_str(), nic.mac.bytes()[5]))
        .collect();
    assert_eq!(found, [(1, "ens5", 1)]);
}
