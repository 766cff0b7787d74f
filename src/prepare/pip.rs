//! Python's packages, from a mirror that instances reach without the Internet.

use super::{Item, is_there};
use crate::change::Edit;
use crate::text::ini;

pub(super) const ITEM: Item = Item {
    name: "pip",
    wants: "pip asks Alibaba's mirror, where pip is installed or has a configuration",
    plan: |look, _, wishes| {
        // pip's documentation, Configuration: for all, and for root.
        let places = [
            c"etc/pip.conf",
            c"etc/xdg/pip/pip.conf",
            c"root/.config/pip/pip.conf",
            c"root/.pip/pip.conf",
        ];
        let programs = [c"usr/bin/pip", c"usr/bin/pip3"];
        let mut is_new = programs.iter().any(|path| is_there(look, path));
        for path in places {
            let is_last = path == c"root/.pip/pip.conf";
            if is_there(look, path) || (is_new && is_last) {
                is_new = false;
                EDITS.iter().for_each(|edit| wishes.write(path, *edit, 0));
            }
        }
    },
};

const EDITS: [Edit; 2] = [
    |out, old, _, _| {
        ini::set(out, old, "global", "index-url", &|out| {
            out.push(b"http://mirrors.cloud.aliyuncs.com/pypi/simple/");
        });
    },
    |out, old, _, _| {
        ini::set(out, old, "install", "trusted-host", &|out| {
            out.push(b"mirrors.cloud.aliyuncs.com");
        });
    },
];
