//! Trouble that needs a real engine or a real file system.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail the test")]

mod common;

use std::process::Command;

use beanpole_testkit::Sandbox;
use common::{Outcome, beanpole, containers, networks, run};

#[test]
fn docker_an_image_that_does_not_build_shows_the_step_and_its_last_lines() {
    let sandbox = Sandbox::blog();
    sandbox.write(
        "Dockerfile",
        "FROM python:3.11\nRUN echo \"the last words\" && exit 7\n",
    );
    sandbox.commit("feat: break the build");
    let outcome = run(&sandbox, &["rehearse", "--engine", "docker", "--json"]).exits(1);
    let failure = outcome.json()["release"]["failure"].clone();
    assert_eq!(failure["step"], "build-image", "{failure:#}");
    let text = failure.to_string();
    assert!(
        text.contains("RUN echo") && text.contains("the last words"),
        "{failure:#}"
    );
    assert!(failure["hint"].is_string(), "{failure:#}");
    assert_eq!(containers(), Vec::<String>::new());
    assert_eq!(networks(), Vec::<String>::new());
}

#[test]
fn a_disk_that_is_full_during_the_bundle_is_named_and_left_clean() {
    let sandbox = Sandbox::blog();
    let small = sandbox.home().join("small");
    fs_err::create_dir(&small).unwrap();
    // A mount namespace of its own: the small disk is gone with the process.
    let script = "mount -t tmpfs -o size=16k tmpfs \"$1\" && shift && \"$@\"; code=$?; \
                  find \"$XDG_CACHE_HOME\" -type f; exit $code";
    let inner = beanpole(&sandbox, &["rehearse", "--engine", "none"]);
    let mut command = sandbox.command("unshare");
    command
        .args([
            "--mount",
            "--map-root-user",
            "sh",
            "-c",
            script,
            "sh",
            small.as_str(),
        ])
        .arg(inner.get_program())
        .args(inner.get_args())
        .env("XDG_CACHE_HOME", &small);
    let outcome = Outcome::from(output(&mut command)).exits(8);
    assert!(
        outcome.stdout.contains("no space left in"),
        "{}",
        outcome.stdout
    );
    let left: Vec<&str> = outcome
        .stdout
        .lines()
        .filter(|line| line.starts_with('/'))
        .collect();
    assert!(left.is_empty(), "left behind: {left:?}");
}

fn output(command: &mut Command) -> std::process::Output {
    command.output().unwrap()
}
