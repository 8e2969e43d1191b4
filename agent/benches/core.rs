//! What one decision of the core costs: acquire and report on a Closed breaker, alone and among 10,000 services, and a
//! refusal in Open.
//!
//! Targets: 100 ns for acquire and report with one service, less than twice that with 10,000. The clock steps a little
//! with every call, so that windows roll as they do in life. Before the timings it prints how many bytes the process has
//! grown by for each of 10,000 idle services, by the kernel's count of resident pages.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use breaker_agent::core::breaker::Breaker;
use breaker_agent::core::counts::Sample;
use breaker_agent::core::outcome::{Call, Outcome};
use breaker_agent::core::permits::Holder;
use breaker_agent::core::policy::{Admission, Policy, Ruling};
use breaker_agent::core::registry::{Answer, Ask, Effects, OpenEnds, Registry, SERVICES_MAX, Settings, Turn};
use breaker_agent::core::service::ServiceName;
use breaker_agent::core::time::MonoTime;
use breaker_agent::core::window::Lineage;
use criterion::{Criterion, criterion_group, criterion_main};
use rand::SeedableRng;
use rand::rngs::StdRng;

struct Agent {
    registry: Registry,
    policy: Arc<Policy>,
    rng: StdRng,
    now: MonoTime,
    notices: Vec<(ServiceName, breaker_agent::core::state::Notice)>,
    effects: Effects,
}

impl Agent {
    fn new() -> Self {
        let open_ends = OpenEnds::InTime;
        let settings =
            Settings { services_max: SERVICES_MAX, permits_max: 131_072, open_ends, index_seed: 7, cluster: None };
        Self {
            registry: Registry::new(settings),
            policy: Arc::new(Policy::default()),
            rng: StdRng::seed_from_u64(7),
            now: MonoTime::START,
            notices: Vec::new(),
            effects: Effects::default(),
        }
    }

    /// Asks and reports, a microsecond after the last time. Whether the call was let through.
    fn call(&mut self, service: &str, call: &Call) -> bool {
        self.now = self.now + Duration::from_micros(1);
        let mut turn =
            Turn { now: self.now, rng: &mut self.rng, notices: &mut self.notices, effects: &mut self.effects };
        let ruling_on = |_: &ServiceName| Ruling { policy: self.policy.clone(), admission: Admission::Admitted };
        let ask = Ask { service, holder: Holder::Connection(1), timeout: None };
        match self.registry.acquire(&mut turn, ask, &ruling_on) {
            Ok(Answer::Granted(granted)) => self.registry.report(&mut turn, granted.permit, call).is_ok(),
            Ok(Answer::Rejected(_) | Answer::Untracked) | Err(_) => false,
        }
    }
}

fn names() -> Vec<String> {
    (0..SERVICES_MAX).map(|number| format!("service-{number}")).collect()
}

fn success() -> Call {
    Call { duration: Some(Duration::from_millis(12)), ..Call::of(Outcome::Success) }
}

fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4_096
}

fn bytes_per_service(criterion: &mut Criterion) {
    let (names, mut agent, before) = (names(), Agent::new(), resident_bytes());
    for name in &names {
        agent.call(name, &success());
    }
    let each = resident_bytes().saturating_sub(before) / SERVICES_MAX as u64;
    criterion.bench_function(&format!("idle service: {each} bytes; looking at one"), |bencher| {
        bencher.iter(|| black_box(agent.registry.view(black_box("service-77")).is_some()));
    });
}

/// The breaker alone, without the registry that finds it and keeps its permits.
fn breaker(criterion: &mut Criterion) {
    let (call, mut now) = (success(), MonoTime::START);
    let mut rng = StdRng::seed_from_u64(7);
    let mut breaker = Breaker::new(Arc::new(Policy::default()), now);
    criterion.bench_function("the breaker alone, Closed", |bencher| {
        bencher.iter(|| {
            now = now + Duration::from_micros(1);
            if breaker.admission(now).is_ok() {
                let (grant, _) = breaker.grant(now);
                let judged = Sample::judge(breaker.policy(), black_box(&call));
                black_box(breaker.settle(now, grant, judged, Lineage::default(), &mut rng));
            }
        });
    });
}

fn closed(criterion: &mut Criterion) {
    let call = success();
    let mut alone = Agent::new();
    criterion.bench_function("acquire and report, one service", |bencher| {
        bencher.iter(|| black_box(alone.call(black_box("payments"), &call)));
    });
    let (names, mut crowd) = (names(), Agent::new());
    for name in &names {
        crowd.call(name, &call);
    }
    criterion.bench_function("acquire and report, the same one of 10,000", |bencher| {
        bencher.iter(|| black_box(crowd.call(black_box("service-77"), &call)));
    });
    let mut next = 0;
    criterion.bench_function("acquire and report, each of 10,000 in turn", |bencher| {
        bencher.iter(|| {
            next = (next + 7_919) % names.len();
            black_box(crowd.call(black_box(&names[next]), &call))
        });
    });
    let mut path = Agent::new();
    criterion.bench_function("acquire and report, a path of two", |bencher| {
        bencher.iter(|| black_box(path.call(black_box("payments/10.0.0.5:8080"), &call)));
    });
}

fn open(criterion: &mut Criterion) {
    let mut agent = Agent::new();
    let failure = Call::of(Outcome::Failure);
    while agent.call("payments", &failure) {}
    criterion.bench_function("refusal in Open", |bencher| {
        bencher.iter(|| {
            // Time stands still, or Open would end while it is measured.
            agent.now = MonoTime::from_millis(1);
            black_box(agent.call(black_box("payments"), &failure))
        });
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(50).measurement_time(Duration::from_secs(3));
    targets = bytes_per_service, breaker, closed, open
}
criterion_main!(benches);
