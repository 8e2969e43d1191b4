//! What the registry is told of others, and how it judges together with them.
//!
//! Peers' words are kept in [`Peers`] and change nothing by themselves; what they lead to is decided in `judging`, carried
//! through in `probing`, and told in `telling`. An agent that is alone has none of this, and its registry is what it is
//! without: one test for each call.
//!
//! Time matters where nothing arrives: evidence fades and peers fall silent. So services that may yet be judged otherwise
//! are looked at every tenth of a second, and only these: an agent at rest wakes for nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rand_core::Rng;

use super::settings::ClusterSettings;
use super::telling::Promise;
use super::{Registry, Turn};
use crate::core::digest::{FailureDigest, HostId, HostView, HostWord, SPANS, Stay, Testimony};
use crate::core::ear::{Ear, Hears};
use crate::core::evidence::Judgement;
use crate::core::opening::RestsOn;
use crate::core::peers::{Counts, Peers, Way};
use crate::core::service::ServiceName;
use crate::core::sick::Health;
use crate::core::state::HostNotice;
use crate::core::time::MonoTime;

/// What an agent needs to judge together with others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cluster {
    pub(super) settings: ClusterSettings,
    pub(super) peers: Peers,
    pub(super) ear: Ear,
    pub(super) health: Health,
    /// What was told of this host last.
    pub(super) told: HostState,
    /// The number of the last digest.
    pub(super) sequence: u64,
    /// The serial number of the last probe.
    pub(super) probes: u64,
    /// Places of services that are in an opening.
    pub(super) stays: BTreeSet<u32>,
    /// Places of services that time alone may have judged otherwise.
    pub(super) watched: BTreeSet<u32>,
    pub(super) judge_at: Option<MonoTime>,
    pub(super) listen_at: Option<MonoTime>,
    pub(super) examine_at: Option<MonoTime>,
    /// How many top-level services the host used when last counted.
    pub(super) used: Option<(MonoTime, usize)>,
    /// The rates that are told, by place, and when they were made.
    pub(super) promises: BTreeMap<u32, Promise>,
    pub(super) promised_at: Option<MonoTime>,
}

/// How well the agent hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hearing {
    /// Gossip runs, or is off on purpose.
    Works,
    /// Gossip is dead.
    Dead,
    /// The agent itself was away for so long: what arrived meanwhile is of unknown age.
    WasAway(Duration),
}

/// Whether a host is fit to judge for others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HostState {
    /// It hears too little.
    pub deaf: bool,
    /// It fails where others do not.
    pub sick: bool,
}

/// A host's place in an opening that it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterPlace {
    /// The opening, and how long it has been in its phase.
    pub stay: Stay,
    /// Whether the host's own calls said nothing of the sort when it was entered.
    pub on_hearsay: bool,
    /// What was judged when it was entered.
    pub entered_by: Option<Judgement>,
}

/// A service as the cluster sees it from here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterView {
    /// What would be judged now.
    pub judgement: Judgement,
    /// The opening it is in, and how long it has been in its phase.
    pub stay: Option<Stay>,
    /// What that rests on.
    pub entered_by: Option<Judgement>,
    /// How long until its phase ends, where that is a matter of time.
    pub ends_in: Option<Duration>,
    /// The newest digest of each peer, with its age now.
    pub peers: Vec<Testimony>,
}

impl Registry {
    /// A digest of a peer reached us. Idempotent, in any order.
    pub fn hear<R: Rng>(&mut self, turn: &mut Turn<'_, R>, testimony: &Testimony, way: Way) {
        self.advance(turn);
        let Some(cluster) = self.cluster.as_deref_mut() else { return };
        if testimony.host == cluster.settings.me {
            return;
        }
        let mute = cluster.settings.guards.deaf && cluster.ear.is_mute(turn.now);
        let counts = if mute { Counts::Dropped } else { Counts::Taken };
        let news = cluster.peers.hear(turn.now, testimony, (way, counts));
        if cluster.ear.hears_few() {
            self.listen(turn);
        }
        if let Some(place) = self.store.find(testimony.digest.service.as_str()).filter(|_| news) {
            self.learn(turn, place, testimony);
            let FailureDigest { spans, flags, stay, .. } = &testimony.digest;
            if flags.standing || stay.is_some() || spans[SPANS - 1].failed > 0 {
                self.consider(turn, place);
            }
        }
    }

    /// A peer no longer speaks of a service: it is plainly healthy there, or the peer is gone.
    pub fn withdrawn<R: Rng>(&mut self, turn: &mut Turn<'_, R>, host: &HostId, service: &ServiceName) {
        self.advance(turn);
        if let Some(cluster) = self.cluster.as_deref_mut() {
            cluster.peers.withdrawn(turn.now, host, service);
        }
    }

    /// What a peer says of itself; replaces what it said before, unless that was in a later life.
    pub fn host_said<R: Rng>(&mut self, turn: &mut Turn<'_, R>, host: &HostId, incarnation: u64, word: HostWord) {
        self.advance(turn);
        if let Some(cluster) = self.cluster.as_deref_mut().filter(|cluster| *host != cluster.settings.me) {
            cluster.peers.said(host, incarnation, word);
        }
    }

    /// Everybody known but ourselves; replaces what was said before.
    pub fn hosts_are<R: Rng>(&mut self, turn: &mut Turn<'_, R>, mut hosts: Vec<HostView>) {
        self.advance(turn);
        if let Some(cluster) = self.cluster.as_deref_mut() {
            hosts.retain(|view| view.host != cluster.settings.me);
            cluster.peers.are(turn.now, hosts);
            self.listen(turn);
        }
    }

    /// How well we hear, whenever that changes. That the agent was away is to be said before anything else it does then.
    pub fn hearing_is<R: Rng>(&mut self, turn: &mut Turn<'_, R>, hearing: Hearing) {
        // First of all: what was due while it was away must not be decided by what it knew before.
        if let Some(cluster) = self.cluster.as_deref_mut() {
            cluster.ear.note(turn.now, hearing);
        }
        self.advance(turn);
        self.listen(turn);
    }

    /// What this host says of itself. Its rates are those of the last [`Registry::digests`].
    #[must_use]
    pub fn host_word(&self, now: MonoTime) -> HostWord {
        self.cluster.as_ref().map_or_else(HostWord::default, |cluster| cluster.word(now))
    }

    /// Whether this host is deaf, or sick, as it was last told.
    #[must_use]
    pub fn host_state(&self) -> HostState {
        self.cluster.as_ref().map_or_else(HostState::default, |cluster| cluster.told)
    }

    /// How many testimonies found no room.
    #[must_use]
    pub fn testimonies_dropped(&self) -> u64 {
        self.cluster.as_ref().map_or(0, |cluster| cluster.peers.dropped())
    }

    /// Services that peers speak of whose name sorts after `after`, in order, whether they are tracked here or not.
    pub fn services_heard_after(&self, after: Option<&ServiceName>) -> impl Iterator<Item = &ServiceName> + use<'_> {
        self.cluster.as_ref().map(|cluster| cluster.peers.services_after(after)).into_iter().flatten()
    }

    /// The opening a service is in here, which refuses or probes; `None` if its own breaker or an operator decides. Cheap
    /// enough for every refusal. Changes nothing.
    #[must_use]
    pub fn cluster_place(&self, now: MonoTime, service: &str) -> Option<ClusterPlace> {
        let opening = self.store.at(self.store.find(service)?).opening()?;
        Some(ClusterPlace {
            stay: opening.told(now),
            on_hearsay: opening.entering.rests_on == RestsOn::Hearsay,
            entered_by: Some(opening.entering.judged),
        })
    }

    /// What is judged of a service at present, and its stay in an opening; `None` if it is neither tracked here nor
    /// spoken of by a peer. Changes nothing.
    #[must_use]
    pub fn cluster_view(&self, now: MonoTime, service: &str) -> Option<ClusterView> {
        let cluster = self.cluster.as_deref()?;
        let slot = self.store.find(service).map(|place| self.store.at(place));
        let name = slot.map(|slot| Some(slot.name.clone())).unwrap_or_else(|| ServiceName::parse(service).ok())?;
        let of_service = cluster.peers.of(&name);
        if slot.is_none() && of_service.is_none_or(|known| known.testimonies().next().is_none()) {
            return None;
        }
        let opening = slot.and_then(|slot| slot.cluster.as_ref()?.opening.as_ref());
        let peers = of_service.into_iter().flat_map(|known| known.testimonies());
        Some(ClusterView {
            judgement: cluster.look(now, &name, slot).judged(),
            stay: opening.map(|opening| opening.told(now)),
            entered_by: opening.map(|opening| opening.entering.judged),
            ends_in: opening.and_then(|opening| opening.open_until()).map(|until| until.since(now)),
            peers: peers.map(|told| Testimony { age: told.made.age(now), ..told.testimony.clone() }).collect(),
        })
    }

    /// Does what is due of what concerns others: listens, judges, and looks at itself.
    pub(super) fn look_around<R: Rng>(&mut self, turn: &mut Turn<'_, R>) {
        let Some(cluster) = self.cluster.as_deref() else { return };
        let due = |at: Option<MonoTime>| at.is_some_and(|at| at <= turn.now);
        let (listen, judge, examine) = (due(cluster.listen_at), due(cluster.judge_at), due(cluster.examine_at));
        if listen {
            self.listen(turn);
        }
        if judge {
            self.judge_watched(turn);
        }
        if examine {
            self.examine(turn);
        }
    }

    /// Counts who is heard, and tells if that makes this host deaf or ends it.
    fn listen<R: Rng>(&mut self, turn: &mut Turn<'_, R>) {
        let Some(cluster) = self.cluster.as_deref_mut() else { return };
        let now = turn.now;
        cluster.ear.count(now, cluster.peers.company(now));
        let deaf = cluster.is_deaf(now);
        let changed = deaf != cluster.told.deaf;
        if changed {
            cluster.told.deaf = deaf;
            turn.effects.host.push(HostNotice::Deaf(deaf));
        }
        if deaf && (changed || cluster.ear.is_mute(now)) {
            cluster.peers.drop_counts();
        }
        let still = Some(cluster.ear.until()).filter(|until| *until > now);
        let changes =
            if cluster.ear.hears_few() { cluster.peers.fewer_from(now) } else { cluster.peers.silent_from(now) };
        cluster.listen_at = still.into_iter().chain(changes.filter(|at| *at > now)).min();
        if changed && !deaf {
            self.catch_up_on_probes(turn);
        }
    }
}

impl Cluster {
    pub(super) fn new(settings: ClusterSettings) -> Self {
        Self {
            peers: Peers::new(settings.reach),
            ear: Ear::new(settings.reach.heard_for),
            settings,
            health: Health::default(),
            told: HostState::default(),
            sequence: 0,
            probes: 0,
            stays: BTreeSet::new(),
            watched: BTreeSet::new(),
            judge_at: None,
            listen_at: None,
            examine_at: None,
            used: None,
            promises: BTreeMap::new(),
            promised_at: None,
        }
    }

    /// When something concerns others by time alone.
    pub(super) fn deadline(&self) -> Option<MonoTime> {
        [self.judge_at, self.listen_at, self.examine_at].into_iter().flatten().min()
    }

    /// How well this host hears, as far as that matters.
    pub(super) fn hears(&self, now: MonoTime) -> Hears {
        if self.settings.guards.deaf { self.ear.hears(now) } else { Hears::Enough }
    }

    /// Whether this host starts and joins nothing because it hears too little.
    pub(super) fn is_deaf(&self, now: MonoTime) -> bool {
        self.hears(now) != Hears::Enough
    }

    /// Whether this host counts nowhere because it fails where others do not.
    pub(super) fn is_sick(&self) -> bool {
        self.settings.guards.sick_host && self.health.is_sick()
    }
}
