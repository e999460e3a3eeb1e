//! Tests of the proof: what each odd world is called, and how often it must be seen.

use super::*;
use crate::observation::DeploymentSight;

fn expectation() -> Expectation {
    Expectation {
        version: "v2".to_owned(),
        minimum_instances: 1,
        after_deployment: None,
        healthy: true,
    }
}

fn environment(state: EnvironmentState, version: &str) -> EnvironmentSight {
    EnvironmentSight {
        state,
        version: Some(version.to_owned()),
        color: Color::Green,
        status: Some("Ok".to_owned()),
        causes: Vec::new(),
        address: None,
        updated: None,
        is_cluster: false,
    }
}

fn instance(id: &str, version: &str, deployment: i64, status: DeploymentStatus) -> InstanceSight {
    InstanceSight {
        id: id.to_owned(),
        color: Color::Green,
        status: Some("Ok".to_owned()),
        causes: Vec::new(),
        deployment: Some(DeploymentSight {
            id: deployment,
            version: Some(version.to_owned()),
            status,
        }),
    }
}

fn sight(instances: Vec<InstanceSight>) -> Sight {
    Sight {
        environment: Some(environment(EnvironmentState::Ready, "v2")),
        instances: Some(instances),
    }
}

fn reasons(sight: &Sight) -> Vec<String> {
    match judge(&expectation(), sight) {
        Judgement::Proven { .. } => Vec::new(),
        Judgement::Unproven(reasons) => reasons.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn a_mixed_fleet_is_named_instance_by_instance() {
    let mixed = sight(vec![
        instance("i-1", "v2", 7, DeploymentStatus::Deployed),
        instance("i-2", "v1", 6, DeploymentStatus::Deployed),
        instance("i-3", "v2", 7, DeploymentStatus::Failed),
    ]);
    assert_eq!(
        reasons(&mixed),
        [
            "i-2 runs `v1` (deployment 6)",
            "the deployment of `v2` failed on i-3"
        ]
    );
}

#[test]
fn the_same_version_from_an_older_deployment_is_not_proven() {
    let behind = sight(vec![
        instance("i-1", "v2", 8, DeploymentStatus::Deployed),
        instance("i-2", "v2", 7, DeploymentStatus::Deployed),
    ]);
    assert_eq!(reasons(&behind), ["i-2 is on deployment 7, not yet on 8"]);
}

#[test]
fn stale_health_of_the_former_deployment_proves_nothing() {
    let stale = sight(vec![instance("i-1", "v2", 7, DeploymentStatus::Deployed)]);
    let expectation = Expectation {
        after_deployment: Some(7),
        ..expectation()
    };
    assert!(matches!(
        judge(&expectation, &stale),
        Judgement::Unproven(_)
    ));
    let fresh = sight(vec![instance("i-1", "v2", 8, DeploymentStatus::Deployed)]);
    assert_eq!(
        judge(&expectation, &fresh),
        Judgement::Proven { instances: 1 }
    );
}

#[test]
fn an_empty_fleet_and_missing_health_are_not_proven() {
    assert_eq!(
        reasons(&sight(Vec::new())),
        ["0 of at least 1 instances are there"]
    );
    let blind = Sight {
        instances: None,
        ..sight(Vec::new())
    };
    assert_eq!(
        reasons(&blind),
        ["enhanced health is off, so instances cannot be asked"]
    );
    let gone = Sight {
        environment: None,
        instances: None,
    };
    assert_eq!(reasons(&gone), ["the environment does not exist"]);
}

#[test]
fn yellow_is_explained_by_its_causes() {
    let mut yellow = sight(vec![instance("i-1", "v2", 7, DeploymentStatus::Deployed)]);
    if let Some(environment) = &mut yellow.environment {
        environment.color = Color::Yellow;
        environment.status = Some("Warning".to_owned());
        environment.causes = vec!["12 % of the requests are failing with HTTP 5xx".to_owned()];
    }
    assert_eq!(
        reasons(&yellow),
        ["the environment is Warning (yellow): 12 % of the requests are failing with HTTP 5xx"]
    );
}

#[test]
fn a_sick_environment_may_come_back_to_its_version_without_turning_healthy() {
    let mut red = sight(vec![instance("i-1", "v2", 7, DeploymentStatus::Deployed)]);
    if let Some(environment) = &mut red.environment {
        environment.color = Color::Red;
    }
    let expectation = Expectation {
        healthy: false,
        ..expectation()
    };
    assert_eq!(
        judge(&expectation, &red),
        Judgement::Proven { instances: 1 }
    );
}

#[test]
fn a_wrong_version_is_believed_after_some_looks_in_a_row() {
    let wrong = sight(vec![instance("i-1", "v1", 7, DeploymentStatus::Deployed)]);
    let right = sight(vec![instance("i-1", "v2", 7, DeploymentStatus::Deployed)]);
    let mut proof = Proof::new(expectation());
    for _ in 1..LOOKS_TO_REFUTE_VERSION {
        assert!(matches!(proof.look(&wrong), Standing::Waiting(_)));
    }
    assert!(
        matches!(proof.look(&right), Standing::Proven { .. }),
        "the count starts anew"
    );
    for _ in 1..LOOKS_TO_REFUTE_VERSION {
        assert!(matches!(proof.look(&wrong), Standing::Waiting(_)));
    }
    assert!(matches!(proof.look(&wrong), Standing::Refuted(_)));
}

#[test]
fn while_the_environment_is_busy_nothing_is_refuted() {
    let busy = Sight {
        environment: Some(environment(
            EnvironmentState::Busy("Updating".to_owned()),
            "v1",
        )),
        instances: Some(vec![instance("i-1", "v1", 6, DeploymentStatus::Deployed)]),
    };
    let mut proof = Proof::new(expectation());
    for _ in 0..100 {
        assert!(matches!(proof.look(&busy), Standing::Waiting(_)));
    }
}

#[test]
fn red_takes_longer_than_a_wrong_version_and_yellow_never_ends_by_itself() {
    let colored = |color, status: &str| {
        let mut sight = sight(vec![instance("i-1", "v2", 7, DeploymentStatus::Deployed)]);
        if let Some(environment) = &mut sight.environment {
            environment.color = color;
            environment.status = Some(status.to_owned());
        }
        sight
    };
    let mut proof = Proof::new(expectation());
    for _ in 1..LOOKS_TO_REFUTE_HEALTH {
        assert!(matches!(
            proof.look(&colored(Color::Red, "Severe")),
            Standing::Waiting(_)
        ));
    }
    assert!(matches!(
        proof.look(&colored(Color::Red, "Severe")),
        Standing::Refuted(_)
    ));
    let mut proof = Proof::new(expectation());
    for _ in 0..100 {
        assert!(matches!(
            proof.look(&colored(Color::Yellow, "Warning")),
            Standing::Waiting(_)
        ));
    }
}

#[test]
fn a_vanished_environment_is_believed_at_once() {
    let gone = Sight {
        environment: None,
        instances: None,
    };
    assert!(matches!(
        Proof::new(expectation()).look(&gone),
        Standing::Refuted(_)
    ));
}

#[test]
fn long_lists_of_reasons_are_cut() {
    let reasons = vec![Reason::NoInstanceHealth; 5];
    assert!(summarise(&reasons).ends_with("; and 2 more"));
}
