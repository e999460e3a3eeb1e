//! Bad input and trouble: each names the object and the next command, has its documented exit code,
//! and leaves nothing behind.

mod common;

use beanpole_testkit::Sandbox;
use common::{beanpole, run};

const REHEARSE: [&str; 3] = ["rehearse", "--engine", "none"];

#[test]
fn no_manifest_offers_init() {
    let sandbox = Sandbox::new();
    run(&sandbox, &REHEARSE)
        .exits(2)
        .says("no `beanpole.yaml`")
        .says("`beanpole init`");
}

#[test]
fn a_directory_that_is_not_there_is_named() {
    let sandbox = Sandbox::new();
    run(&sandbox, &["rehearse", "nowhere"])
        .exits(2)
        .says("nowhere");
}

#[test]
fn an_unknown_key_is_named_with_its_place_and_the_nearest_known_one() {
    let sandbox = Sandbox::blog();
    sandbox.replace("beanpole.yaml", "application:", "aplication:");
    run(&sandbox, &REHEARSE)
        .exits(2)
        .says("beanpole.yaml:")
        .says("aplication")
        .says("application");
}

#[test]
fn an_environment_that_the_manifest_lacks_is_named_with_the_nearest() {
    let sandbox = Sandbox::blog();
    run(
        &sandbox,
        &["rehearse", "--engine", "none", "--env", "stagin"],
    )
    .exits(2)
    .says("stagin")
    .says("--env staging");
}

#[test]
fn no_git_repository() {
    let sandbox = Sandbox::blog();
    std::fs::remove_dir_all(sandbox.project().join(".git")).unwrap();
    run(&sandbox, &REHEARSE).exits(2).says("git init");
}

#[test]
fn no_commit_yet() {
    let sandbox = Sandbox::blog();
    std::fs::remove_dir_all(sandbox.project().join(".git")).unwrap();
    sandbox.git(&["init", "--quiet", "--initial-branch=main"]);
    run(&sandbox, &REHEARSE).exits(2).says("commit");
}

#[test]
fn a_dirty_tree_says_what_will_not_ship_and_can_be_allowed() {
    let sandbox = Sandbox::blog();
    sandbox.write("posts/extra.py", "EXTRA = True\n");
    run(&sandbox, &REHEARSE)
        .exits(1)
        .says("posts/extra.py")
        .says("--allow-dirty");
    run(&sandbox, &["rehearse", "--engine", "none", "--allow-dirty"]).exits(0);
}

#[test]
fn an_entrypoint_without_the_execute_bit_is_found_before_anything_runs() {
    let sandbox = Sandbox::blog();
    // The image of the example sets the bit itself; this one does not.
    sandbox.replace("Dockerfile", " \\\n    && chmod 0755 entrypoint.sh", "");
    sandbox.commit("fix: build less");
    sandbox.git(&["update-index", "--chmod=-x", "entrypoint.sh"]);
    sandbox.git(&["commit", "--quiet", "--message", "fix: lose the bit"]);
    run(&sandbox, &["rehearse", "--engine", "none", "--allow-dirty"])
        .exits(1)
        .says("entrypoint.sh")
        .says("chmod");
}

#[test]
fn the_wrong_account_stops_before_anything_is_touched() {
    let sandbox = Sandbox::blog();
    let manifest = sandbox.read("beanpole.yaml");
    sandbox.write(
        "beanpole.yaml",
        &format!("{manifest}\naccount: \"999999999999\"\n"),
    );
    sandbox.commit("chore: pin another account");
    run(
        &sandbox,
        &["rehearse", "--engine", "none", "--account", "123456789012"],
    )
    .exits(7)
    .says("999999999999")
    .says("123456789012");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let sandbox = Sandbox::blog();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    run(
        &sandbox,
        &["rehearse", "--engine", "none", "--serve", &address],
    )
    .exits(8)
    .says(&address);
}

#[test]
fn an_engine_that_cannot_be_reached_stops_docker_and_lets_auto_fall_back() {
    let sandbox = Sandbox::blog();
    let missing = "unix:///nonexistent/docker.sock";
    let mut command = beanpole(&sandbox, &["rehearse", "--engine", "docker"]);
    let outcome: common::Outcome = command.env("DOCKER_HOST", missing).output().unwrap().into();
    outcome.exits(8).says("/nonexistent/docker.sock");
    let mut command = beanpole(&sandbox, &["rehearse", "--engine", "auto"]);
    let outcome: common::Outcome = command.env("DOCKER_HOST", missing).output().unwrap().into();
    outcome
        .exits(0)
        .says("/nonexistent/docker.sock")
        .says("control plane");
}

#[test]
fn a_slack_that_refuses_does_not_fail_the_release() {
    let sandbox = Sandbox::blog();
    sandbox.write(
        "../faults.yaml",
        "slack:\n  - times: 0\n    fault: {refuse: invalid_auth}\n",
    );
    run(
        &sandbox,
        &["rehearse", "--engine", "none", "--faults", "../faults.yaml"],
    )
    .exits(0)
    .says("Slack was not told")
    .says("invalid_auth");
}

#[test]
fn unknown_flags_and_commands_are_usage_errors() {
    let sandbox = Sandbox::new();
    run(&sandbox, &["rehears"]).exits(2).says("rehearse");
    run(&sandbox, &["rehearse", "--engin", "none"])
        .exits(2)
        .says("--engine");
}
