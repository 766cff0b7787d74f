//! `/etc/resolv.conf` (resolv.conf(5)).

use crate::text::assignments::end_line;
use crate::text::lines::lines;
use crate::text::{Buf, put};
use crate::value::Ipv4;

/// Writes `old` with its `nameserver` lines replaced, where the first one stood,
/// or at the end. All other lines stay.
pub fn edit(out: &mut Buf<'_>, old: &[u8], servers: &[Ipv4]) {
    let mut written = false;
    for line in lines(old) {
        if !is_name_server(line.text) {
            out.push(line.text);
            out.push(line.end);
        } else if !written {
            write(out, servers);
            written = true;
        }
    }
    if !written {
        end_line(out);
        write(out, servers);
    }
}

/// glibc and musl know a keyword at the very start of a line only.
fn is_name_server(line: &[u8]) -> bool {
    matches!(
        line.strip_prefix(b"nameserver"),
        Some([b' ' | b'\t', ..] | [])
    )
}

fn write(out: &mut Buf<'_>, servers: &[Ipv4]) {
    for server in servers {
        put!(out, "nameserver {}\n", *server);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_servers_are_replaced_and_other_lines_stay() {
        let servers = [b"7.7.7.7", b"8.8.8.8"].map(|text| Ipv4::parse(text).unwrap());
        let ours = "nameserver 7.7.7.7\nnameserver 8.8.8.8\n";
        for (old, new) in [
            ("", "{}"),
            ("search a", "search a\n{}"),
            ("nameserver 1.1.1.1", "{}"),
            (
                "# x\nnameserver 1.1.1.1\noptions y\nnameserver\t::1\r\n",
                "# x\n{}options y\n",
            ),
            (
                "#nameserver 1.1.1.1\n nameserver 1.1.1.1\n",
                "#nameserver 1.1.1.1\n nameserver 1.1.1.1\n{}",
            ),
        ] {
            let new = new.replace("{}", ours);
            for old in [old, &new] {
                let mut bytes = [0; 256];
                let mut out = Buf::new(&mut bytes);
                edit(&mut out, old.as_bytes(), &servers);
                assert_eq!(out.as_bytes(), new.as_bytes(), "{old}");
            }
        }
    }
}
