//! Ctrl-C at every stage: exit code 130, a message, and nothing left behind.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail the test")]

mod common;

use beanpole_testkit::Sandbox;
use common::{Running, beanpole, containers, networks};

fn interrupt_at(step: &str, engine: &str, speed: &str) {
    let sandbox = Sandbox::blog();
    let temporary = sandbox.home().join("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let mut command = beanpole(
        &sandbox,
        &["rehearse", "--engine", engine, "--speed", speed],
    );
    let mut running = Running::start(command.env("TMPDIR", &temporary));
    running.wait_for(step);
    running.interrupt();
    let outcome = running.finish().exits(130).says("nterrupted");
    assert!(!outcome.stderr.contains("panicked"), "{}", outcome.stderr);
    let left: Vec<_> = std::fs::read_dir(&temporary)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    assert!(left.is_empty(), "left behind after `{step}`: {left:?}");
    assert_eq!(
        sandbox.git(&["status", "--porcelain"]),
        "",
        "the project was touched"
    );
}

/// One test a stage, so that they run side by side.
macro_rules! at_every_stage {
    ($($name:ident: $step:literal,)*) => {$(
        #[test]
        fn $name() {
            interrupt_at($step, "none", "60");
        }
    )*};
}

at_every_stage! {
    while_the_commit_is_checked: "… Check the commit",
    while_the_plan_is_made: "… Plan the infrastructure",
    while_the_plan_is_applied: "… Apply the plan",
    while_the_database_is_created: "… Create database",
    while_the_environment_is_created: "… Create environment",
    while_the_bundle_is_made: "… Make the bundle",
    while_the_bundle_is_uploaded: "… Upload the bundle",
    while_the_environment_is_updated: "… Update the environment",
    while_the_version_is_proven: "… Prove version and health",
    while_it_is_probed: "… Probe from outside",
    while_it_is_watched: "… Watch it stay healthy",
}

#[test]
fn docker_while_real_work_is_under_way() {
    for step in [
        "… Create database",
        "… Build the image",
        "… Update the environment",
    ] {
        interrupt_at(step, "docker", "120");
        assert_eq!(containers(), Vec::<String>::new(), "after `{step}`");
        assert_eq!(networks(), Vec::<String>::new(), "after `{step}`");
    }
}
