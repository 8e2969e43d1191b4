//! One agent alone decides as if there were no cluster, whatever happens to it.

use std::time::Duration;

use breaker_agent::core::digest::{HostView, Testimony};
use breaker_agent::core::peers::Way;
use breaker_agent::core::registry::{OpenEnds, Settings};
use breaker_agent::core::state::{HostNotice, Notice, StateKind};
use proptest::prelude::*;

use super::words::any_testimonies;
use super::world::{id, settings};
use crate::registry::{NAMES, Run, Steps, any_steps};
use crate::steps::any_policy;

const ME: usize = 50;

fn any_alone() -> impl Strategy<Value = Settings> {
    let ends = prop_oneof![Just(OpenEnds::OnAcquire), Just(OpenEnds::InTime)];
    (3_usize..8, 1_usize..10, ends).prop_map(|(services_max, permits_max, open_ends)| Settings {
        services_max,
        permits_max,
        open_ends,
        index_seed: 3,
        cluster: None,
    })
}

fn states(run: &Run) -> Vec<(String, StateKind, u64)> {
    let views = run.stand.registry.views_after(None);
    views
        .map(|view| {
            (view.name().to_string(), view.effective_state(), view.breaker().tally(run.stand.now).counts().total)
        })
        .collect()
}

fn compare(alone: &mut Run, together: &mut Run, steps: &Steps) -> Result<(), TestCaseError> {
    for (at, step) in steps {
        alone.step(NAMES[*at], step);
        together.step(NAMES[*at], step);
        prop_assert_eq!(&alone.answers, &together.answers);
        prop_assert_eq!(&alone.stand.notices, &together.stand.notices);
        prop_assert_eq!(states(alone), states(together));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn with_nobody_known_every_decision_is_that_of_the_lone_breaker(
        policy in any_policy(),
        settings_alone in any_alone(),
        steps in any_steps(),
    ) {
        let mut alone = Run::new(policy.clone(), settings_alone.clone());
        let cluster = Some(settings(ME));
        let mut together = Run::new(policy, Settings { cluster, ..settings_alone });
        compare(&mut alone, &mut together, &steps)?;
    }

    #[test]
    fn with_all_peers_gone_every_decision_is_that_of_the_lone_breaker(
        policy in any_policy(),
        settings_alone in any_alone(),
        told in any_testimonies(5),
        gone_for_ms in 3_001_u64..120_000,
        steps in any_steps(),
    ) {
        let mut alone = Run::new(policy.clone(), settings_alone.clone());
        let cluster = Some(settings(ME));
        let mut together = Run::new(policy, Settings { cluster, ..settings_alone });
        let hosts = (0..5).map(|host| HostView { host: id(host), incarnation: 1, heard: Duration::ZERO, left: false });
        together.stand.turn(|registry, turn, _| registry.hosts_are(turn, hosts.collect()));
        for (made, mut testimony) in told {
            testimony.digest.service = breaker_agent::core::service::ServiceName::parse(NAMES[made as usize % 6]).expect("a name");
            together.stand.at_ms(made);
            together.stand.turn(|registry, turn, _| registry.hear(turn, &Testimony { age: Duration::ZERO, ..testimony }, Way::State));
        }
        for run in [&mut alone, &mut together] {
            run.stand.at_ms(3_000 + gone_for_ms).advance();
        }
        compare(&mut alone, &mut together, &steps)?;
        let changes = together.stand.effects.host.iter().filter(|notice| matches!(notice, HostNotice::Sick(true)));
        prop_assert_eq!(changes.count(), 0, "nobody to compare with");
        let clustered = together.stand.notices.iter().filter(|(_, notice)| matches!(notice, Notice::Cluster(_)));
        prop_assert_eq!(clustered.count(), 0);
    }
}
