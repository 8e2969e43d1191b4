//! The application on each host: the real client, asking as a dashboard would, and on one host calling as a service
//! would.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use breaker_client::wire::{CallReport, Event as Told, Presence, State, WithPeers};
use breaker_client::{CallError, Client, Watch};
use futures_util::StreamExt;
use tokio::time::sleep;

use super::{Board, Phase};
use crate::cluster::{Seat, host_name};
use crate::fabric::{self, Ended, STEP};
use crate::trace::Event;

/// Plays its part on one host, and watches its agent meanwhile.
pub(super) async fn run(seat: Seat, hosts: usize, board: Board) -> Ended {
    let watch = seat.client.watch().await?;
    tokio::select! {
        biased;
        ended = follow(watch, &seat, &board) => ended,
        played = play(&seat, hosts, &board) => played,
    }
}

/// Writes down every transition of the agent.
async fn follow(mut watch: Watch, seat: &Seat, board: &Board) -> Ended {
    while let Some(told) = watch.next().await {
        let Told::Transition { service, from, to, reason, .. } = told? else {
            return Err("the watch missed an event".into());
        };
        let now = fabric::now();
        let (from, in_words) = (word(from), word(to));
        let event = Event::Transition { service: &service, from, to: in_words, reason: &reason.code };
        seat.port.recorder().record(now, seat.port.host(), event);
        if to == State::Open {
            board.lock().tripped.get_or_insert(now);
        }
    }
    Err("the watch has ended".into())
}

async fn play(seat: &Seat, hosts: usize, board: &Board) -> Ended {
    let client = &seat.client;
    while live_peers(client).await? + 1 < hosts {
        sleep(JOIN_POLL).await;
    }
    board.lock().joined.insert(seat.host, fabric::now());
    board.reaches(Phase::Failing).await;
    let failing = board.lock().failing;
    if failing == seat.host {
        let failed_calls = call_until_refused(client).await?;
        board.lock().failed_calls = failed_calls;
    } else {
        until_shown(seat, &host_name(failing)).await?;
        board.lock().shown.insert(seat.host, fabric::now());
    }
    board.reaches(Phase::Ending).await;
    let counters = counters(client).await?;
    board.lock().counters.insert(seat.host, counters);
    // Whatever happens from here on happens to an application that listens.
    std::future::pending::<Infallible>().await;
    Ok(())
}

async fn live_peers(client: &Client) -> Result<usize, Box<dyn std::error::Error>> {
    let members = client.members().await?;
    Ok(members.iter().filter(|member| member.presence == Presence::Live).count())
}

/// Calls a service that answers nothing but errors; how many calls it took until the agent refused one.
async fn call_until_refused(client: &Client) -> Result<u64, Box<dyn std::error::Error>> {
    let service = client.service(SERVICE);
    for calls in 0..CALLS_MAX {
        let call = async {
            sleep(CALL_TIME).await;
            Err::<Infallible, _>("connection refused")
        };
        match service.call(call, |_| CallReport::failure("connect")).await {
            Err(CallError::Failed(_)) => {}
            Err(CallError::Rejected(_)) => return Ok(calls),
            Err(CallError::Timeout(limit)) => return Err(format!("a call was dropped after {limit:?}").into()),
            Ok(never) => match never {},
        }
    }
    Err(format!("{CALLS_MAX} calls in a row failed and none was refused").into())
}

/// Asks the agent until it shows that the breaker of that peer is open.
async fn until_shown(seat: &Seat, peer: &str) -> Ended {
    let mut shown = None;
    loop {
        let page = seat.client.status_of(SERVICE, WithPeers::Yes).await?;
        let digests = page.services.iter().flat_map(|service| &service.peers);
        let state = digests.filter(|digest| digest.node == peer).map(|digest| digest.state).next();
        if let Some(state) = state
            && shown != Some(state)
        {
            let event = Event::Shown { service: SERVICE, node: peer, state: word(state) };
            seat.port.recorder().record(fabric::now(), seat.port.host(), event);
            shown = Some(state);
        }
        if state == Some(State::Open) {
            return Ok(());
        }
        sleep(STEP).await;
    }
}

async fn counters(client: &Client) -> Result<BTreeMap<String, u64>, Box<dyn std::error::Error>> {
    let agent = client.status_of(SERVICE, WithPeers::No).await?.agent;
    let unguarded = ("client_unguarded".to_owned(), client.counters().unguarded);
    Ok(agent.counters.into_iter().map(|counter| (counter.name, counter.count)).chain([unguarded]).collect())
}

impl Board {
    async fn reaches(&self, phase: Phase) {
        while self.lock().phase != phase {
            sleep(STEP).await;
        }
    }
}

fn word(state: State) -> &'static str {
    match state {
        State::Closed => "closed",
        State::Open => "open",
        State::HalfOpen => "half_open",
        State::ForcedOpen => "forced_open",
        State::Disabled => "disabled",
        State::MetricsOnly => "metrics_only",
    }
}

/// The service that fails.
const SERVICE: &str = "payments";

/// How long a call to it takes to fail.
const CALL_TIME: Duration = Duration::from_millis(5);

/// Ten failures in a row trip the default policy; a breaker that needs ten times as many is broken.
const CALLS_MAX: u64 = 100;

/// How often an agent is asked whom it knows: joining takes seconds.
const JOIN_POLL: Duration = Duration::from_millis(10);
