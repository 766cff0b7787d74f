//! The message of the day.

use super::Item;
use crate::text::contains;

pub(super) const ITEM: Item = Item {
    name: "motd",
    wants: "/etc/motd welcomes to Alibaba Cloud, before what it says already",
    plan: |_, _, wishes| {
        wishes.write(
            c"etc/motd",
            |out, old, _, _| {
                if !contains(old, WELCOME) {
                    out.push(b"\n");
                    out.push(WELCOME);
                    out.push(b" \n\n");
                }
                out.push(old);
            },
            0,
        );
    },
};

const WELCOME: &[u8] = b"Welcome to Alibaba Cloud Elastic Compute Service !";
