//! Values that are right once they exist: parsed at the border, never checked again.

mod hash_kind;
pub(crate) mod hex;
mod host_name;
pub(crate) mod ipv4;
mod mac;
mod path;
mod secret;

pub use hash_kind::HashKind;
pub use host_name::{HostName, HostNameFault};
pub use ipv4::{Ipv4, Mask, Prefix};
pub use mac::Mac;
pub use path::Path;
pub use secret::Secret;
