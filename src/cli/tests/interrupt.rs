//! Ctrl-C at every stage: exit code 130, a message, and nothing left behind.

mod common;

use beanpole_testkit::Sandbox;
use common::{Running, beanpole, containers, networks};

fn interrupt_at(step: &str, engine: &str, speed: &str) {
    let sandbox = Sandbox::blog();
    let temporary = sandbox.home().join("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let mut command = beanpole(&sandbox, &["rehearse", "--engine", engine, "--speed", speed]);
    let mut running = Running::start(command.env("TMPDIR", &temporary));
    running.wait_for(step);
    running.interrupt();
    let outcome = running.finish().exits(130).says("nterrupted");
    assert!(!outcome.stderr.contains("panicked"), "{}", outcome.stderr);
    let left: Vec<_> = std::fs::read_dir(&temporary).unwrap().map(|e| e.unwrap().path()).collect();
    assert!(left.is_empty(), "left behind after `{step}`: {left:?}");
    assert_eq!(sandbox.git(&["status", "--porcelain"]), "", "the project was touched");
}

#[test]
fn at_every_stage_of_the_control_plane() {
    for step in [
        "… Check the commit",
        "… Plan the infrastructure",
        "… Apply the plan",
        "… Make the bundle",
        "… Update the environment",
        "… Prove version and health",
        "… Probe from outside",
        "… Watch it stay healthy",
    ] {
        interrupt_at(step, "none", "30");
    }
}

#[test]
fn docker_while_real_work_is_under_way() {
    for step in ["… Apply the plan", "… Build the image", "… Update the environment"] {
        interrupt_at(step, "docker", "120");
        assert_eq!(containers(), Vec::<String>::new(), "after `{step}`");
        assert_eq!(networks(), Vec::<String>::new(), "after `{step}`");
    }
}
