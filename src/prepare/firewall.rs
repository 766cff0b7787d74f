//! Firewalls, whose work security groups do.

use super::Item;
use crate::check::each_firewall;

pub(super) const ITEM: Item = Item {
    name: "firewall",
    wants: "no service that shuts ports is started: security groups do that",
    plan: |look, _, wishes| {
        let mut has_script = false;
        each_firewall(look, &mut |path| {
            // Slackware starts what can be executed, and modes are not ours to change.
            if path.starts_with(b"etc/rc.d/rc.") {
                has_script = true;
            } else {
                wishes.remove(path);
            }
        });
        // By this name D-Bus starts it (systemd.unit(5), Alias=).
        wishes.remove(b"etc/systemd/system/dbus-org.fedoraproject.FirewallD1.service");
        if has_script {
            wishes.note("to do: chmod -x /etc/rc.d/rc.firewall");
        }
    },
};
