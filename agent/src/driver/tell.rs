//! What has happened is told: to watchers, to peers, to the log, and to whoever looks on.
//!
//! The registry leaves its notices and effects in the driver's hands; here they are carried out, none of them waiting
//! for anybody. What cannot be handed on is counted: an alert that finds no room is repaired by the state plane, an event
//! that finds none is told as missed.

use breaker_client::wire::{Event, Response, ResponseFrame};

use super::{Connection, Driver, answers, evidence};
use crate::core::service::ServiceName;
use crate::core::state::{ClusterNotice, Entry, HostNotice, Notice};
use crate::core::time::MonoTime;
use crate::mail::{IN_FLIGHT_MAX, RaisedAlert};
use crate::observe::Observed;

impl Driver {
    /// Carries out what has happened, and has peers told soon where a place has changed.
    pub(super) fn tell(&mut self, now: MonoTime) {
        self.push_alerts(now);
        for notice in std::mem::take(&mut self.effects.host) {
            self.observe(now, Observed::Host(&notice));
            self.tell_of_host(notice);
        }
        if self.notices.is_empty() {
            return;
        }
        let notices = std::mem::take(&mut self.notices);
        for (service, notice) in &notices {
            self.observe(now, Observed::Service(service, notice));
            self.tell_of_service(service, notice);
        }
        let events: Vec<Event> = notices.iter().map(|(service, notice)| event(service, notice)).collect();
        self.tell_watchers(&events);
    }

    pub(super) fn tell_watchers(&mut self, events: &[Event]) {
        for connection in self.connections.values_mut() {
            self.counts.events_missed += connection.tell(events);
        }
    }

    pub(super) fn observe(&mut self, now: MonoTime, what: Observed<'_>) {
        if let Some(observer) = &mut self.outlets.observer {
            observer(now, what);
        }
    }

    fn push_alerts(&mut self, at: MonoTime) {
        if !self.effects.alerts.is_empty() {
            self.take_back_soon(at);
        }
        for alert in self.effects.alerts.drain(..) {
            match self.outlets.alerts.try_send(RaisedAlert { alert, at }) {
                Ok(()) => self.counts.alerts += 1,
                Err(_no_room) => self.counts.alerts_lost += 1,
            }
        }
    }

    fn tell_of_host(&mut self, notice: HostNotice) {
        self.publish_soon();
        match notice {
            HostNotice::Deaf(true) => {
                self.counts.became_deaf += 1;
                tracing::warn!("deaf: too few of the peers are heard; nothing is started, joined or probed for them");
            }
            HostNotice::Deaf(false) => tracing::warn!("no longer deaf"),
            HostNotice::Sick(true) => {
                self.counts.became_sick += 1;
                tracing::warn!("sick: services fail here that peers find well; what this host says counts nowhere");
            }
            HostNotice::Sick(false) => tracing::warn!("no longer sick"),
        }
    }

    fn tell_of_service(&mut self, service: &ServiceName, notice: &Notice) {
        match notice {
            Notice::Changed(change) => {
                self.publish_soon();
                self.counts.transitions += 1;
                let (from, to) = (change.from.as_str(), change.to.as_str());
                tracing::info!(%service, from, to, reason = %change.reason, "transition");
            }
            Notice::Exceeded(reason) => {
                self.counts.exceeded += 1;
                tracing::info!(%service, %reason, "would have tripped");
            }
            Notice::Cluster(step) => self.tell_of_opening(service, step),
        }
    }

    fn tell_of_opening(&mut self, service: &ServiceName, step: &ClusterNotice) {
        if let ClusterNotice::Capped { number, refused, used } = step {
            self.counts.joins_capped += 1;
            tracing::warn!(
                %service, number, refused, used,
                "not joined: too many services are refused on the word of peers already"
            );
            return;
        }
        self.publish_soon();
        match step {
            ClusterNotice::Entered { number, from, how, on_hearsay, .. } => {
                *match how {
                    Entry::Started => &mut self.counts.openings_started,
                    Entry::Joined => &mut self.counts.openings_joined,
                    Entry::Adopted => &mut self.counts.openings_adopted,
                } += 1;
                tracing::info!(%service, number, from, ?how, on_hearsay, "opening entered");
            }
            ClusterNotice::HalfOpen { number } => tracing::info!(%service, number, "opening half-open"),
            ClusterNotice::Probe { number, probe } => {
                self.counts.probes_claimed += 1;
                tracing::info!(%service, number, probe, "probe claimed");
            }
            ClusterNotice::Probed { number, probe, good } => {
                tracing::info!(%service, number, probe, good, "probe over");
            }
            ClusterNotice::Left { number, reason } => tracing::info!(%service, number, %reason, "opening left"),
            // Told above: it changes nothing that peers are told of.
            ClusterNotice::Capped { .. } => {}
        }
    }
}

impl Connection {
    /// Tells a watcher, first of all what it missed; how many events it now misses too.
    fn tell(&mut self, events: &[Event]) -> u64 {
        let Some(watcher) = self.watch.as_mut().filter(|watcher| watcher.missed > 0 || !events.is_empty()) else {
            return 0;
        };
        let frame = |event| ResponseFrame { id: watcher.id, response: Response::Event(event) };
        let missed = (watcher.missed > 0).then_some(Event::Missed { events: watcher.missed });
        let batch = missed.into_iter().chain(events.iter().cloned()).map(frame).collect();
        // The rest of the outbox is for answers.
        if self.outbox.capacity() > IN_FLIGHT_MAX && self.outbox.try_send(batch).is_ok() {
            watcher.missed = 0;
            return 0;
        }
        watcher.missed += events.len() as u64;
        events.len() as u64
    }
}

fn event(service: &ServiceName, notice: &Notice) -> Event {
    let service = service.to_string();
    match notice {
        Notice::Changed(change) => Event::Transition {
            service,
            from: answers::state(change.from),
            to: answers::state(change.to),
            reason: answers::reason(&change.reason),
            retry_after_ms: change.retry_after.map(answers::millis_up),
        },
        Notice::Exceeded(reason) => Event::Exceeded { service, reason: answers::reason(reason) },
        Notice::Cluster(step) => evidence::event(service, step),
    }
}
