//! Request faults: each fault × each operation of each step × once, thrice, lasting.
//!
//! `BEANPOLE_MATRIX=whole` runs all of them; without it, each fault meets each operation of each step as often as its
//! turn is: see [`Width`].

use crate::cells::{self, Fault, Width};
use crate::rules;
use crate::run::{self, Trial};
use crate::stage::Stage;
use crate::support::Outcome;

/// All at once, so that a version that answers 500 is deployed everywhere; a short soak.
const DEPLOYMENT: &str = "deployment: {policy: all-at-once}\nhealth: {soak: 30s}";

/// How many worlds there are at a time: most wait for a deadline most of the time.
const WORLDS: usize = 16;

async fn every_cell_of(fault: Fault) {
    let stage = Stage::new(DEPLOYMENT).await;
    let calls = stage.rehearse_calls().await;
    stage.world.end().await;
    let cells = cells::of(fault, &calls, Width::wanted());
    let trials = cells.iter().map(|cell| Trial {
        name: cell.to_string(),
        phase: cell.phase.clone(),
        script: cell.script(),
        outcome: rules::is_way_back(&cell.phase).then_some(Outcome::Sick),
        expected: rules::expected(cell),
        spoils_the_world: false,
    });
    run::all(format!("{fault:?}"), DEPLOYMENT, WORLDS, trials.collect()).await;
}

macro_rules! faults {
    ($($name:ident: $fault:ident,)*) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            every_cell_of(Fault::$fault).await;
        }
    )*};
}

faults! {
    throttling: Throttle,
    server_errors: ServerError,
    unavailability: Unavailable,
    unknown_server_errors: UnknownServerError,
    dropped_requests: Drop,
    dropped_answers: DropAnswer,
    late_answers: Delay,
    expired_credentials: ExpiredCredentials,
    denied_access: AccessDenied,
    refusals: Refused,
}

#[tokio::test(flavor = "multi_thread")]
async fn every_step_that_calls_aws_is_in_the_matrix() {
    let stage = Stage::new(DEPLOYMENT).await;
    let calls = stage.rehearse_calls().await;
    stage.world.end().await;
    let has = |phase: &str, operation: &str| {
        calls
            .iter()
            .any(|(found, called)| found == phase && called.name == operation)
    };
    for (phase, operation) in [
        ("begin", "DescribeEnvironments"),
        ("begin", "DescribeInstancesHealth"),
        ("build-image", "CreateStorageLocation"),
        ("lock", "PutObject"),
        ("upload", "PutObject"),
        ("version", "DescribeApplicationVersions"),
        ("version", "CreateApplicationVersion"),
        ("update", "DescribeEnvironments"),
        ("update", "UpdateEnvironment"),
        ("update+sent", "DescribeEvents"),
        ("update+sent", "DescribeInstancesHealth"),
        ("prove", "DescribeInstancesHealth"),
        ("soak", "DescribeEnvironments"),
        ("roll-back", "UpdateEnvironment"),
        ("roll-back+sent", "DescribeInstancesHealth"),
    ] {
        assert!(
            has(phase, operation),
            "{phase}: {operation} is missing in {calls:#?}"
        );
    }
}
