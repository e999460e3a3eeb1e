//! Environment faults: each fault × each deployment policy.

use beanpole_deploy::Verdict;
use beanpole_model::ExitCode;

use crate::rules::{Expected, Fleet};
use crate::run::{self, Trial};
use crate::stage::BEGIN;

/// A policy with all that the rules need to know about it.
#[derive(Clone, Copy)]
struct Policy {
    name: &'static str,
    /// The lines of the manifest.
    deployment: &'static str,
    /// How many batches two instances make.
    batches: u32,
    /// True if new instances are launched.
    launches: bool,
}

const ALL_AT_ONCE: Policy = Policy {
    name: "all at once",
    deployment: "deployment: {policy: all-at-once}\nhealth: {soak: 10m}",
    batches: 1,
    launches: false,
};
const ROLLING: Policy = Policy {
    name: "rolling",
    deployment: "deployment: {policy: rolling, batch: 50%}\nhealth: {soak: 10m}",
    batches: 2,
    launches: false,
};
const ADDITIONAL: Policy = Policy {
    name: "rolling with additional batch",
    deployment: "deployment: {policy: rolling-with-additional-batch, batch: 50%}\nhealth: {soak: 10m}",
    batches: 3,
    launches: true,
};
const IMMUTABLE: Policy = Policy {
    name: "immutable",
    deployment: "deployment: {policy: immutable}\nhealth: {soak: 10m}",
    batches: 2,
    launches: true,
};
const TRAFFIC_SPLITTING: Policy = Policy {
    name: "traffic splitting",
    deployment: "deployment: {policy: traffic-splitting}\nhealth: {soak: 10m}",
    batches: 1,
    launches: true,
};

/// A fault: its script, and what must come of it.
type Rule = (&'static str, fn(Policy) -> Expected);

fn released(_: Policy) -> Expected {
    Expected::RELEASED
}

fn rolled_back(_: Policy) -> Expected {
    Expected::ROLLED_BACK
}

/// Fails in this batch, if there is one.
fn in_batch(policy: Policy, batch: u32) -> Expected {
    if batch <= policy.batches {
        Expected::ROLLED_BACK
    } else {
        Expected::RELEASED
    }
}

/// Refused for good: nothing was touched.
fn refused(_: Policy) -> Expected {
    Expected {
        verdict: Verdict::Stopped,
        exit_code: ExitCode::Usage,
        fleet: Fleet::Former,
        ..Expected::RELEASED
    }
}

/// Hours to launch: AWS goes on by itself, and gets there.
fn late(policy: Policy) -> Expected {
    if policy.launches {
        Expected {
            verdict: Verdict::OutOfTime,
            exit_code: ExitCode::OutOfTime,
            ..Expected::RELEASED
        }
    } else {
        Expected::RELEASED
    }
}

const RULES: [Rule; 16] = [
    ("{fault: {failing-batch: 1}}", |policy| in_batch(policy, 1)),
    ("{fault: {failing-batch: 2}}", |policy| in_batch(policy, 2)),
    ("{fault: {failing-batch: 3}}", |policy| in_batch(policy, 3)),
    ("{fault: {mixed-fleet: 1}}", rolled_back),
    ("{fault: {mixed-fleet: 2}}", rolled_back),
    ("{fault: {red-after: 0s}}", rolled_back),
    ("{fault: {red-after: 2m}}", rolled_back),
    ("{times: 0, fault: {lose-events: ''}}", released),
    ("{times: 0, fault: {lose-events: completed}}", released),
    ("{times: 0, fault: {delay-events: 30m}}", released),
    ("{fault: must-be-ready}", released),
    ("{times: 0, fault: must-be-ready}", refused),
    ("{fault: {health-stuck: Grey}}", rolled_back),
    ("{fault: {health-stuck: Yellow}}", rolled_back),
    ("{fault: {health-stuck: Red}}", rolled_back),
    ("{fault: {slow-launch: 5}}", released),
];

/// How many worlds there are at a time.
const WORLDS: usize = 6;

async fn every_fault_with(policy: Policy) {
    let mut trials: Vec<Trial> = RULES
        .iter()
        .map(|(fault, rule)| trial(policy, fault, rule(policy)))
        .collect();
    trials.push(trial(policy, "{fault: {slow-launch: 150}}", late(policy)));
    // Nobody can know what comes an hour after the soak.
    trials.push(Trial {
        spoils_the_world: true,
        ..trial(policy, "{fault: {red-after: 3h}}", Expected::RELEASED)
    });
    run::all(policy.name, policy.deployment, WORLDS, trials).await;
}

fn trial(policy: Policy, fault: &str, expected: Expected) -> Trial {
    Trial {
        name: format!("{}: {fault}", policy.name),
        phase: BEGIN.to_owned(),
        script: format!("environments:\n  - {fault}\n"),
        outcome: None,
        expected: vec![expected],
        spoils_the_world: false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_at_once() {
    every_fault_with(ALL_AT_ONCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rolling() {
    every_fault_with(ROLLING).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rolling_with_additional_batch() {
    every_fault_with(ADDITIONAL).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn immutable() {
    every_fault_with(IMMUTABLE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn traffic_splitting() {
    every_fault_with(TRAFFIC_SPLITTING).await;
}
