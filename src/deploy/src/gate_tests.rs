//! Tests of the gate: single stories first, then generated ones.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;

use super::*;
use crate::observation::{
    Color, DeploymentSight, DeploymentStatus, EnvironmentSight, EnvironmentState, InstanceSight,
};
use crate::proof::{Judgement, judge};

fn expectation() -> Expectation {
    Expectation {
        version: "v2".to_owned(),
        minimum_instances: 2,
        after_deployment: Some(4),
        healthy: true,
    }
}

fn instance(id: &str, version: &str) -> InstanceSight {
    InstanceSight {
        id: id.to_owned(),
        color: Color::Green,
        status: Some("Ok".to_owned()),
        causes: Vec::new(),
        deployment: Some(DeploymentSight {
            id: 5,
            version: Some(version.to_owned()),
            status: DeploymentStatus::Deployed,
        }),
    }
}

fn good() -> Sight {
    Sight {
        environment: Some(EnvironmentSight {
            state: EnvironmentState::Ready,
            version: Some("v2".to_owned()),
            color: Color::Green,
            status: Some("Ok".to_owned()),
            causes: Vec::new(),
            address: None,
            updated: None,
            is_cluster: false,
        }),
        instances: Some(vec![instance("i-1", "v2"), instance("i-2", "v2")]),
    }
}

fn look(sight: &Sight) -> Look<'_> {
    Look {
        sight: Some(sight),
        probe: Some(Ok(())),
        time_is_over: false,
    }
}

fn late(sight: &Sight) -> Look<'_> {
    Look {
        time_is_over: true,
        ..look(sight)
    }
}

fn is_next(answer: &Answer) -> bool {
    matches!(answer, Answer::Next { .. })
}

#[test]
fn a_good_release_passes_all_phases_in_order() {
    let mut gate = Gate::new(expectation(), Some(2));
    let good = good();
    assert!(is_next(&gate.look(&look(&good))));
    assert_eq!(gate.phase(), Phase::Probe);
    assert!(!is_next(&gate.look(&look(&good))));
    assert!(is_next(&gate.look(&look(&good))));
    assert_eq!(gate.phase(), Phase::Soak);
    assert!(!is_next(&gate.look(&look(&good))));
    assert!(is_next(&gate.look(&late(&good))));
    assert_eq!(gate.phase(), Phase::Open);
}

#[test]
fn a_failing_probe_starts_the_row_anew_and_five_end_it() {
    let good = good();
    let bad = Look {
        sight: None,
        probe: Some(Err("500".to_owned())),
        time_is_over: false,
    };
    let mut gate = Gate::new(expectation(), Some(2));
    gate.look(&look(&good));
    gate.look(&look(&good));
    gate.look(&bad);
    assert!(
        !is_next(&gate.look(&look(&good))),
        "the row must start anew"
    );
    for _ in 1..PROBE_FAILURES_IN_A_ROW {
        assert!(matches!(gate.look(&bad), Answer::Stay { .. }));
    }
    assert_eq!(
        gate.look(&bad),
        Answer::Failed(Failure::Probe("500".to_owned()))
    );
    assert_eq!(
        gate.look(&look(&good)),
        Answer::Failed(Failure::Probe("500".to_owned()))
    );
}

#[test]
fn a_probe_that_flickers_for_ever_fails() {
    let good = good();
    let bad = Look {
        sight: None,
        probe: Some(Err("502".to_owned())),
        time_is_over: false,
    };
    let mut gate = Gate::new(expectation(), Some(2));
    gate.look(&look(&good));
    let ended = (0..100).find(|turn| {
        let answer = if turn % 2 == 0 {
            gate.look(&look(&good))
        } else {
            gate.look(&bad)
        };
        matches!(answer, Answer::Failed(_))
    });
    assert!(ended.is_some_and(|turn| turn < 10));
}

#[test]
fn a_release_that_goes_red_during_the_soak_fails() {
    let good = good();
    let mut red = good.clone();
    if let Some(environment) = &mut red.environment {
        environment.color = Color::Red;
        environment.status = Some("Severe".to_owned());
        environment.causes = vec!["100 % of the requests are failing".to_owned()];
    }
    let mut gate = Gate::new(expectation(), None);
    assert!(is_next(&gate.look(&look(&good))));
    assert_eq!(gate.phase(), Phase::Soak, "nobody outside can be asked");
    gate.look(&look(&red));
    let Answer::Failed(Failure::Soak(reason)) = gate.look(&look(&red)) else {
        panic!("two red looks in a row must fail");
    };
    assert!(
        reason.contains("100 % of the requests are failing"),
        "{reason}"
    );
}

#[test]
fn an_instance_that_was_just_launched_does_not_fail_the_soak() {
    let good = good();
    let mut scaled = good.clone();
    let fresh = InstanceSight {
        deployment: None,
        color: Color::Grey,
        status: Some("Pending".to_owned()),
        ..instance("i-3", "v2")
    };
    scaled.instances.as_mut().unwrap().push(fresh);
    let mut gate = Gate::new(expectation(), None);
    gate.look(&look(&good));
    for _ in 0..10 {
        assert!(matches!(gate.look(&late(&scaled)), Answer::Stay { .. }));
    }
    assert!(is_next(&gate.look(&late(&good))));
}

fn colors() -> impl Strategy<Value = (Color, Option<String>)> {
    prop_oneof![
        8 => Just((Color::Green, Some("Ok".to_owned()))),
        1 => Just((Color::Yellow, Some("Info".to_owned()))),
        1 => Just((Color::Yellow, Some("Warning".to_owned()))),
        1 => Just((Color::Red, Some("Severe".to_owned()))),
        1 => Just((Color::Grey, Some("No Data".to_owned()))),
        1 => Just((Color::Green, None)),
    ]
}

fn versions() -> impl Strategy<Value = Option<String>> {
    prop_oneof![8 => Just(Some("v2".to_owned())), 1 => Just(Some("v1".to_owned())), 1 => Just(None)]
}

prop_compose! {
    fn instances()(
        (color, status) in colors(),
        deployment in prop_oneof![
            9 => (
                prop_oneof![8 => Just(5_i64), 1 => 1_i64..8],
                versions(),
                prop_oneof![
                    8 => Just(DeploymentStatus::Deployed),
                    1 => Just(DeploymentStatus::InProgress),
                    1 => Just(DeploymentStatus::Failed),
                    1 => Just(DeploymentStatus::Unknown),
                ],
            ).prop_map(|(id, version, status)| Some(DeploymentSight { id, version, status })),
            1 => Just(None),
        ],
    ) -> InstanceSight {
        InstanceSight { id: "i".to_owned(), color, status, causes: Vec::new(), deployment }
    }
}

prop_compose! {
    fn environments()(
        state in prop_oneof![
            8 => Just(EnvironmentState::Ready),
            1 => Just(EnvironmentState::Busy("Updating".to_owned())),
            1 => Just(EnvironmentState::Ending("Terminating".to_owned())),
        ],
        version in versions(),
        (color, status) in colors(),
    ) -> EnvironmentSight {
        EnvironmentSight { state, version, color, status, causes: Vec::new(), address: None, updated: None, is_cluster: false }
    }
}

/// Any sight, with a good one often enough for the gate to get somewhere.
fn sights() -> impl Strategy<Value = Sight> {
    let any = (
        prop::option::weighted(0.95, environments()),
        prop::option::weighted(0.95, prop::collection::vec(instances(), 0..4)),
    )
        .prop_map(|(environment, instances)| Sight {
            environment,
            instances,
        });
    prop_oneof![6 => Just(good()), 2 => any]
}

fn probes() -> impl Strategy<Value = Option<Result<(), String>>> {
    prop_oneof![8 => Just(Some(Ok(()))), 1 => Just(Some(Err("500".to_owned()))), 1 => Just(None)]
}

type Seen = (Option<Sight>, Option<Result<(), String>>, bool);

fn stories() -> impl Strategy<Value = Vec<Seen>> {
    let seen = (
        prop::option::weighted(0.95, sights()),
        probes(),
        prop::bool::weighted(0.3),
    );
    prop::collection::vec(seen, 0..60)
}

/// The plain definition of right, written without the gate's own code.
fn is_right(sight: &Sight) -> bool {
    let (Some(environment), Some(instances)) = (&sight.environment, &sight.instances) else {
        return false;
    };
    let well = |color, status: &Option<String>| {
        matches!(
            (color, status.as_deref()),
            (Color::Green, None | Some("Ok" | "Info")) | (Color::Yellow, Some("Ok" | "Info"))
        )
    };
    let newest = instances
        .iter()
        .filter_map(|one| Some(one.deployment.as_ref()?.id))
        .max();
    environment.state == EnvironmentState::Ready
        && environment.version.as_deref() == Some("v2")
        && well(environment.color, &environment.status)
        && instances.len() >= 2
        && instances.iter().all(|one| {
            well(one.color, &one.status)
                && one.deployment.as_ref().is_some_and(|deployment| {
                    deployment.version.as_deref() == Some("v2")
                        && deployment.status == DeploymentStatus::Deployed
                        && deployment.id > 4
                        && Some(deployment.id) == newest
                })
        })
}

/// The generated stories are worth something only if some of them open the gate.
#[test]
fn generated_stories_open_the_gate_often_enough() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let opened = (0..500)
        .filter(|_| {
            let story = stories().new_tree(&mut runner).unwrap().current();
            let mut gate = Gate::new(expectation(), Some(1));
            for (sight, probe, time_is_over) in &story {
                let (sight, probe) = (sight.as_ref(), probe.clone());
                gate.look(&Look {
                    sight,
                    probe,
                    time_is_over: *time_is_over,
                });
            }
            gate.phase() == Phase::Open
        })
        .count();
    assert!((50..450).contains(&opened), "{opened} of 500");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Whatever is seen in whatever order: the gate opens only if the last look was right in every
    /// way, it was proven before, and enough probes in a row had succeeded.
    #[test]
    fn no_story_opens_the_gate_unless_all_is_right(story in stories(), wanted in 1_u32..4) {
        let mut gate = Gate::new(expectation(), Some(wanted));
        let mut proven = false;
        let mut longest_row = 0;
        let mut row = 0;
        for (sight, probe, time_is_over) in &story {
            let before = gate.phase();
            let look = Look { sight: sight.as_ref(), probe: probe.clone(), time_is_over: *time_is_over };
            let answer = gate.look(&look);
            if before == Phase::Prove {
                proven |= sight.as_ref().is_some_and(is_right);
            }
            if before == Phase::Probe {
                match probe {
                    Some(Ok(())) => row += 1,
                    Some(Err(_)) => row = 0,
                    None => {}
                }
                longest_row = longest_row.max(row);
            }
            if gate.phase() == Phase::Open {
                prop_assert!(proven);
                prop_assert!(longest_row >= wanted);
                prop_assert!(sight.as_ref().is_some_and(is_right));
                prop_assert_eq!(probe, &Some(Ok(())));
                prop_assert!(*time_is_over);
                break;
            }
            if matches!(answer, Answer::Failed(_)) {
                break;
            }
        }
    }

    /// Once shut, the gate stays shut.
    #[test]
    fn a_failed_gate_never_opens(before in stories(), after in stories()) {
        let mut gate = Gate::new(expectation(), Some(2));
        let mut failed = false;
        for (sight, probe, time_is_over) in before.iter().chain(&after) {
            let look = Look { sight: sight.as_ref(), probe: probe.clone(), time_is_over: *time_is_over };
            let answer = gate.look(&look);
            prop_assert!(!failed || matches!(answer, Answer::Failed(_)));
            failed |= matches!(answer, Answer::Failed(_));
        }
    }

    /// The judge agrees with the plain definition, on every world.
    #[test]
    fn the_judge_agrees_with_the_plain_definition(sight in sights()) {
        let proven = matches!(judge(&expectation(), &sight), Judgement::Proven { .. });
        prop_assert_eq!(proven, is_right(&sight));
    }
}
