//! The four parts of os.conf, each applied as a whole or not at all.

/// What is applied or left as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// root's password.
    Password,
    /// The host name.
    HostName,
    /// Addresses and routes of all NICs.
    Network,
    /// Name servers.
    Dns,
}

impl Part {
    /// Every part, in the order in which they are reported.
    pub const ALL: [Self; 4] = [Self::Password, Self::HostName, Self::Network, Self::Dns];

    /// The part's name in messages and in the record.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::HostName => "hostname",
            Self::Network => "network",
            Self::Dns => "dns",
        }
    }
}

/// Some of the parts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Parts(u8);

impl Parts {
    /// All of them.
    pub const ALL: Self = Self(0b1111);

    /// Whether `part` is one of them.
    #[must_use]
    pub const fn contains(self, part: Part) -> bool {
        self.0 & 1 << part as u8 != 0
    }

    /// Adds `part`.
    pub const fn add(&mut self, part: Part) {
        self.0 |= 1 << part as u8;
    }

    /// Takes `part` away.
    pub const fn remove(&mut self, part: Part) {
        self.0 &= !(1 << part as u8);
    }

    /// Takes those away that are in `others`.
    #[must_use]
    pub const fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// Both together.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Part> {
        Part::ALL
            .into_iter()
            .filter(move |part| self.contains(*part))
    }
}

impl FromIterator<Part> for Parts {
    fn from_iter<I: IntoIterator<Item = Part>>(parts: I) -> Self {
        let mut all = Self::default();
        parts.into_iter().for_each(|part| all.add(part));
        all
    }
}
