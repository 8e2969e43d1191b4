//! Settings of gossip: where to listen, whom to call first, and the checks that keep it off open networks without a key.
//!
//! On by default, and on loopback: two agents of one host find each other once one is named as the other's seed, and
//! nothing leaves the machine until somebody writes an address and a keyring. The port 7373 has no meaning; it is none
//! that Serf, Consul or Docker gossip on (7946, 8301), so that it can run beside them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::error::Findings;
use super::host::PlainName;
use super::section::Found;
use super::setting::{Setting, Shown, Word, Wrong, texts};
use super::source::{Flag, Overrides, Source, Sourced};
use super::tree::{Scalar, ScalarKind, Value, quoted};

/// How this agent gossips.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GossipSettings {
    /// Whether at all; the other settings mean nothing otherwise.
    pub on: Sourced<bool>,
    /// Where it hears datagrams.
    pub listen: Sourced<SocketAddr>,
    /// Where others reach it; where it listens if nothing is written.
    pub advertise: Sourced<Option<SocketAddr>>,
    /// Whom it calls first; at most [`SEEDS_MAX`].
    pub seeds: Sourced<Vec<Seed>>,
    /// Agents of other clusters are not heard.
    pub cluster: Sourced<PlainName>,
    /// How often it exchanges state; [`INTERVAL_MIN`] to [`INTERVAL_MAX`]. Shorter finds out sooner what an alert
    /// missed, and costs as much more traffic.
    pub interval: Sourced<Duration>,
    /// The file with the keys; needed beyond loopback.
    pub keyring: Sourced<Option<PathBuf>>,
}

/// A host and a port to call: `10.0.0.5:7373`, `[::1]:7373` or `a.example.org:7373`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seed(String);

impl GossipSettings {
    pub(super) fn read(found: Option<&Found<'_>>, findings: &mut Findings) -> Self {
        let mut settings = Self::default();
        let Some(found) = found else { return settings };
        if let Value::Scalar(scalar) = &found.node.value {
            if scalar.kind == ScalarKind::Bool(false) || scalar.text == "off" {
                settings.on = Sourced { value: false, source: Source::File(found.place()) };
            } else {
                found.refuse(findings, "a map of keys and values or off");
            }
            return settings;
        }
        let section = found.section(KEYS, findings);
        settings.listen = Sourced::read(&section, "listen", settings.listen.value, findings, |address| address);
        settings.advertise = Sourced::read(&section, "advertise", None, findings, Some);
        settings.seeds = Sourced::read(&section, "seeds", Vec::new(), findings, |seeds| seeds);
        settings.cluster = Sourced::read(&section, "cluster", settings.cluster.value, findings, |name| name);
        settings.interval =
            Sourced::read(&section, "interval", settings.interval.value, findings, |Interval(interval)| interval);
        settings.keyring = Sourced::read(&section, "keyring", None, findings, |KeyringPath(path)| Some(path));
        settings
    }

    pub(super) fn apply(&mut self, overrides: &Overrides, findings: &mut Findings) {
        if let Some(given) = &overrides.gossip_listen {
            let on = given.text != "off";
            self.on = Sourced { value: on, source: given.source(Flag::GossipListen) };
            if on {
                self.listen.replace(Flag::GossipListen, Some(given), findings, |address| address);
            }
        }
        let mut seeds: Sourced<Vec<Seed>> = Sourced::default(Vec::new());
        for given in &overrides.seeds {
            let mut one: Sourced<Option<Seed>> = Sourced::default(None);
            one.replace(Flag::Seed, Some(given), findings, Some);
            seeds.value.extend(one.value);
            seeds.source = given.source(Flag::Seed);
        }
        if seeds.value.len() > SEEDS_MAX {
            seeds.source.complain(findings, "gossip.seeds", format!("at most {SEEDS_MAX}, got {}", seeds.value.len()));
        } else if !overrides.seeds.is_empty() {
            self.seeds = seeds;
        }
    }

    /// What cannot both be meant.
    pub(super) fn check(&self, findings: &mut Findings) {
        if !self.on.value {
            return;
        }
        let listen = (self.listen.source, "gossip.listen", self.listen.value);
        let advertise = self.advertise.value.map(|address| (self.advertise.source, "gossip.advertise", address));
        if let Some((source, key, address)) = advertise
            && (address.ip().is_unspecified() || address.port() == 0)
        {
            source.complain(findings, key, format!("nobody can reach {address}"));
        } else if advertise.is_none() && self.listen.value.ip().is_unspecified() {
            let what = format!("with {} write gossip.advertise: others must know where to reach this agent", listen.2);
            listen.0.complain(findings, listen.1, what);
        }
        let seeds = self.seeds.value.iter().filter_map(Seed::address);
        let called = seeds.map(|address| (self.seeds.source, "gossip.seeds", address));
        for (source, key, address) in advertise.into_iter().chain(called) {
            if self.listen.value.ip().is_loopback() && !address.ip().is_loopback() {
                let what = format!("{address} is beyond loopback, where gossip.listen ({}) is not", listen.2);
                source.complain(findings, key, what);
            }
            self.needs_key(findings, (source, key, address));
        }
        self.needs_key(findings, listen);
    }

    fn needs_key(&self, findings: &mut Findings, (source, key, address): (Source, &str, SocketAddr)) {
        if self.keyring.value.is_none() && !address.ip().is_loopback() {
            let what = format!("{address} is beyond loopback and needs a gossip.keyring (breakerd keygen makes one)");
            source.complain(findings, key, what);
        }
    }
}

impl Default for GossipSettings {
    fn default() -> Self {
        Self {
            on: Sourced::default(true),
            listen: Sourced::default(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), PORT)),
            advertise: Sourced::default(None),
            seeds: Sourced::default(Vec::new()),
            cluster: Sourced::default(PlainName::constant("breakerd")),
            interval: Sourced::default(INTERVAL),
            keyring: Sourced::default(None),
        }
    }
}

impl Seed {
    /// `host:port`, as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address, if it is one and needs no look-up.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.0.parse().ok()
    }
}

impl Word for Seed {
    fn expected() -> String {
        "a host and a port such as 10.0.0.5:7373".to_owned()
    }

    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        let text = &scalar.text;
        let (host, port) = text.rsplit_once(':').ok_or(Wrong::Else)?;
        let port_good = port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0);
        let name = |b: u8| b.is_ascii_alphanumeric() || b".-_".contains(&b);
        let is_name = (1..=HOST_MAX).contains(&host.len()) && host.bytes().all(name);
        let is_address = text.parse::<SocketAddr>().is_ok_and(|address| !address.ip().is_unspecified());
        let looks_like_address = host.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let good = port_good && (is_address || is_name && !looks_like_address);
        if good { Ok(Self(text.clone())) } else { Err(Wrong::Else) }
    }

    fn shown(&self) -> Shown {
        Shown::Text(self.0.clone())
    }
}

impl Word for SocketAddr {
    fn expected() -> String {
        "an address and a port such as 127.0.0.1:7373".to_owned()
    }

    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        scalar.text.parse().map_err(|_not_an_address| Wrong::Else)
    }

    fn shown(&self) -> Shown {
        Shown::Text(self.to_string())
    }
}

impl Setting for Vec<Seed> {
    fn read(found: &Found<'_>, findings: &mut Findings) -> Option<Self> {
        let mut seeds = Self::new();
        for (item, text) in texts(found, SEEDS_MAX, "a list of hosts with ports such as [10.0.0.5:7373]", findings)? {
            match <Seed as Setting>::read(&item, findings) {
                Some(seed) if seeds.contains(&seed) => {
                    item.complain(findings, format!("{} is listed twice", quoted(text)));
                }
                Some(seed) => seeds.push(seed),
                None => {}
            }
        }
        Some(seeds)
    }

    fn shown(&self) -> Shown {
        Shown::List(self.iter().map(|seed| seed.0.clone()).collect())
    }
}

struct Interval(Duration);

impl Word for Interval {
    fn expected() -> String {
        "a duration from 50ms to 1m such as 500ms".to_owned()
    }

    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        let interval = Duration::parse(scalar)?;
        if (INTERVAL_MIN..=INTERVAL_MAX).contains(&interval) { Ok(Self(interval)) } else { Err(Wrong::Else) }
    }

    fn shown(&self) -> Shown {
        Word::shown(&self.0)
    }
}

struct KeyringPath(PathBuf);

impl Word for KeyringPath {
    fn expected() -> String {
        "the path of a file".to_owned()
    }

    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        let fits = (1..=PATH_MAX).contains(&scalar.text.len()) && !scalar.text.contains('\0');
        if fits && scalar.kind == ScalarKind::Text { Ok(Self(PathBuf::from(&scalar.text))) } else { Err(Wrong::Else) }
    }

    fn shown(&self) -> Shown {
        Shown::Text(self.0.display().to_string())
    }
}

const KEYS: &[&str] = &["listen", "advertise", "seeds", "cluster", "interval", "keyring"];

const PORT: u16 = 7373;

const INTERVAL: Duration = Duration::from_millis(500);

/// Shortest interval: below this, exchanges with a few hundred peers would overlap.
pub const INTERVAL_MIN: Duration = Duration::from_millis(50);

/// Longest interval: peers unheard for a minute are forgotten.
pub const INTERVAL_MAX: Duration = Duration::from_secs(60);

/// Most seeds: one that answers is enough, and each unknown name is a look-up at the start.
pub const SEEDS_MAX: usize = 100;

/// Longest host name: what the name system allows.
const HOST_MAX: usize = 253;

/// Longest path: Linux's `PATH_MAX`.
const PATH_MAX: usize = 4_095;
