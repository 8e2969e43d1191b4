//! From the core's words to the protocol's, and back. No decisions: limits of what comes in, and spelling of what goes
//! out.

use std::sync::Arc;
use std::time::Duration;

use breaker_client::wire::{
    CallReport, Evidence, Failure, FailureCode, Operator, Origin as WireOrigin, Outcome as WireOutcome, Permit, Reason,
    Rejection, ServiceStatus, Standing, State as WireState, WindowStatus,
};

use super::evidence;
use crate::core::breaker::{Breaker, Granted as How, Refusal};
use crate::core::outcome::{Call, Kind, Origin, Outcome};
use crate::core::policy::Rate;
use crate::core::reason::Reason as Why;
use crate::core::registry::{ClusterPlace, Granted, Rejected, Unserved, View};
use crate::core::state::{Hold, StateKind};
use crate::core::time::MonoTime;

/// The answer to an acquire that the agent does not keep track of.
pub const UNTRACKED: Permit = Permit { id: None, standing: Standing::Untracked, lease_ms: 0, timeout_us: None };

/// The receipt for a call that may go ahead.
#[must_use]
pub fn permit(granted: &Granted) -> Permit {
    Permit {
        id: Some(granted.permit.as_u64()),
        standing: standing(granted.how),
        lease_ms: millis(granted.lease),
        timeout_us: granted.timeout.map(|timeout| u64::try_from(timeout.as_micros()).unwrap_or(u64::MAX)),
    }
}

/// Why a service cannot be asked for.
#[must_use]
pub fn failed(unserved: Unserved) -> Failure {
    match unserved {
        Unserved::Name(error) => failure(FailureCode::InvalidName, error.to_string()),
        Unserved::Unknown => failure(
            FailureCode::UnknownService,
            "the configuration admits only named services (unknown_services: refuse), and this is none".to_owned(),
        ),
    }
}

/// A request that was not carried out.
#[must_use]
pub fn failure(code: FailureCode, text: String) -> Failure {
    Failure { code, text }
}

/// A refusal, in full, with the place of the service that refuses in an opening.
#[must_use]
pub fn rejection(rejected: &Rejected, place: Option<&ClusterPlace>) -> Rejection {
    let Refusal { state: kind, reason: why, retry_after } = &rejected.refusal;
    // An operator's word beats the cluster's, and the cluster's the own breaker, which sleeps meanwhile.
    let place = place.filter(|place| *kind != StateKind::ForcedOpen && place.stay.is_in());
    let evidence = match place {
        Some(_) => evidence::whose(place),
        None if *kind == StateKind::ForcedOpen => Evidence::Operator,
        None => Evidence::Own,
    };
    Rejection {
        service: rejected.service.to_string(),
        state: state(*kind),
        reason: reason(why),
        evidence,
        retry_after_ms: retry_after.map(millis_up),
        number: place.map(|place| place.stay.number),
        judged: place.and_then(|place| place.entered_by.as_ref()).map(evidence::judgement),
    }
}

/// How a call was let through.
#[must_use]
pub fn standing(how: How) -> Standing {
    match how {
        How::Allowed => Standing::Allowed,
        How::WouldRefuse => Standing::WouldRefuse,
    }
}

/// A service, as status shows it; without what the cluster makes of it.
#[must_use]
pub fn service(now: MonoTime, view: View<'_>) -> ServiceStatus {
    let breaker = view.breaker();
    let totals = view.totals();
    ServiceStatus {
        service: view.name().to_string(),
        state: state(view.effective_state()),
        since_ms: millis(now.since(view.effective_since())),
        retry_after_ms: view.refuses_until().map(|until| millis_up(until.since(now))),
        reason: view.effective_reason().map(reason),
        operator: breaker.state().hold().map(|hold| operator(now, hold)),
        window: window(now, breaker),
        granted: totals.granted,
        rejected: totals.rejected,
        would_refuse: totals.would_refuse,
        dropped: totals.dropped,
        in_flight: view.in_flight(),
        cluster: None,
        peers: Vec::new(),
    }
}

/// Why something happened.
#[must_use]
pub fn reason(why: &Why) -> Reason {
    Reason { code: why.code().to_owned(), text: why.to_string() }
}

/// The name of a state.
#[must_use]
pub fn state(kind: StateKind) -> WireState {
    match kind {
        StateKind::Closed => WireState::Closed,
        StateKind::Open => WireState::Open,
        StateKind::HalfOpen => WireState::HalfOpen,
        StateKind::ForcedOpen => WireState::ForcedOpen,
        StateKind::Disabled => WireState::Disabled,
        StateKind::MetricsOnly => WireState::MetricsOnly,
    }
}

/// A call as a client reports it.
///
/// # Errors
/// The answer that says which argument is out of its range.
pub fn call(report: &CallReport) -> Result<Call, Failure> {
    let invalid = |text: String| failure(FailureCode::InvalidArgument, text);
    let duration = match report.duration_us {
        Some(us) if us > DURATION_MAX.as_micros() as u64 => {
            return Err(invalid(format!("duration_us is {us}, a call lasts at most {DURATION_MAX:?}")));
        }
        us => us.map(Duration::from_micros),
    };
    let kind = match report.kind.as_deref().map(Kind::parse) {
        Some(Err(error)) => return Err(invalid(format!("kind: {error}"))),
        kind => kind.and_then(Result::ok),
    };
    let outcome = match report.outcome {
        WireOutcome::Success => Outcome::Success,
        WireOutcome::Failure => Outcome::Failure,
        WireOutcome::Timeout => Outcome::Timeout,
        WireOutcome::Throttled => Outcome::Throttled,
        WireOutcome::Ignored => Outcome::Ignored,
        WireOutcome::Cancelled => Outcome::Cancelled,
    };
    let origin = match report.origin {
        WireOrigin::Service => Origin::Service,
        WireOrigin::Host => Origin::Host,
    };
    Ok(Call { outcome, duration, kind, origin })
}

/// How long a client says its call may take.
///
/// # Errors
/// The answer that says it is out of its range.
pub fn timeout(timeout_us: Option<u64>) -> Result<Option<Duration>, Failure> {
    match timeout_us.map(Duration::from_micros) {
        Some(timeout) if timeout.is_zero() || timeout > TIMEOUT_MAX => Err(failure(
            FailureCode::InvalidArgument,
            format!("timeout_us is {}, expected 1 us to {TIMEOUT_MAX:?}", timeout.as_micros()),
        )),
        timeout => Ok(timeout),
    }
}

/// An operator's word.
///
/// # Errors
/// The answer that says which argument is out of its range.
pub fn hold(now: MonoTime, uid: u32, for_ms: Option<u64>, reason: Option<&str>) -> Result<Hold, Failure> {
    let invalid = |text: String| failure(FailureCode::InvalidArgument, text);
    let wait = for_ms.map(Duration::from_millis);
    if wait.is_some_and(|wait| wait.is_zero() || wait > HOLD_MAX) {
        return Err(invalid(format!("for_ms is {}, expected 1 to {} (a year)", for_ms.unwrap_or(0), millis(HOLD_MAX))));
    }
    if reason.is_some_and(|text| text.len() > REASON_MAX || text.chars().any(char::is_control)) {
        return Err(invalid(format!("a reason has at most {REASON_MAX} bytes and no control characters")));
    }
    Ok(Hold { uid, reason: reason.map(Arc::from), until: wait.map(|wait| now + wait) })
}

/// Whole milliseconds, rounded down: an age.
#[must_use]
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Whole milliseconds, rounded up: a wait, so that whoever waits so long does not come too early.
#[must_use]
pub fn millis_up(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

fn operator(now: MonoTime, hold: &Hold) -> Operator {
    Operator {
        uid: hold.uid,
        reason: hold.reason.as_deref().map(str::to_owned),
        ends_in_ms: hold.until.map(|until| millis_up(until.since(now))),
    }
}

fn window(now: MonoTime, breaker: &Breaker) -> WindowStatus {
    let tally = breaker.tally(now);
    let counts = tally.counts();
    // In HalfOpen the minimum does not apply.
    let minimum = if breaker.state().kind() == StateKind::HalfOpen { 1 } else { breaker.policy().minimum_throughput };
    let defined = counts.total >= minimum;
    let ppm = |part: u64| if defined { Rate::of(part, counts.total).map(Rate::ppm) } else { None };
    WindowStatus {
        total: counts.total,
        failed: counts.failed,
        slow: counts.slow,
        timeouts: counts.timeouts,
        consecutive_failures: breaker.run().failures,
        failure_rate_ppm: ppm(counts.failed),
        slow_rate_ppm: ppm(counts.slow),
        average_us: counts
            .average()
            .filter(|_| defined)
            .map(|mean| u64::try_from(mean.as_micros()).unwrap_or(u64::MAX)),
    }
}

/// Longest call that can be reported: a day; more is a clock gone wrong.
const DURATION_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Longest call that can be announced: its permit's lease is as long, and an hour of a lost permit is enough.
const TIMEOUT_MAX: Duration = Duration::from_secs(60 * 60);

/// Longest operator's hold with an end: a year; more is meant to have none.
const HOLD_MAX: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Longest reason an operator can give, in bytes: a line on a screen, and some.
const REASON_MAX: usize = 200;
