//! Looking at an environment and stopping what goes on: events, logs, status and abort, against the
//! embedded AWS.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail the test")]

mod common;

use std::os::unix::fs::PermissionsExt as _;

use beanpole_testkit::Sandbox;
use common::{Kept, Running, beanpole};
use serde_json::Value;

/// A release that goes on running. The slower the clock, the more time there is to interfere.
fn kept(sandbox: &Sandbox, speed: &str) -> Kept {
    Kept::start(sandbox, &["--engine", "none", "--speed", speed])
}

/// A command against the rehearsal, in the background.
fn running(kept: &Kept, sandbox: &Sandbox, arguments: &[&str]) -> Running {
    let mut command = beanpole(sandbox, arguments);
    command.envs(kept.variables.iter().map(|(name, value)| (name, value)));
    Running::start(&mut command)
}

fn messages(events: &Value) -> Vec<&str> {
    let events = events.as_array().unwrap();
    events
        .iter()
        .map(|event| event["message"].as_str().unwrap())
        .collect()
}

#[test]
fn events_logs_and_status_of_a_release_that_is_well() {
    let sandbox = Sandbox::blog();
    let kept = kept(&sandbox, "120");

    let all = kept
        .run(&sandbox, &["events", "--since", "2 days", "--json"])
        .exits(0)
        .json();
    let said = messages(&all);
    let created = said
        .iter()
        .position(|text| text.contains("createEnvironment is starting"));
    let updated = said
        .iter()
        .position(|text| text.contains("Environment update completed successfully"));
    assert!(created.unwrap() < updated.unwrap(), "{said:?}");
    let last = kept
        .run(&sandbox, &["events", "--limit", "3", "--json"])
        .exits(0)
        .json();
    assert_eq!(messages(&last), said[said.len() - 3..]);
    let grave = kept
        .run(&sandbox, &["events", "--severity", "error", "--json"])
        .exits(0)
        .json();
    assert_eq!(messages(&grave), Vec::<&str>::new());
    let text = kept
        .run(&sandbox, &["events", "--limit", "1"])
        .exits(0)
        .stdout;
    assert_eq!(text.lines().count(), 1, "{text}");
    kept.run(&sandbox, &["events", "--since", "soon"])
        .exits(2)
        .says("1h");

    let status = kept.run(&sandbox, &["status", "--json"]).exits(0).json();
    assert_eq!(status["well"], true, "{status}");
    assert_eq!(status["fleet"]["kind"], "consistent", "{status}");
    assert_eq!(status["status"], "Ready");
    assert!(status["subject"].is_string(), "{status}");
    assert!(status["deployment_policy"].is_string(), "{status}");
    let instance = status["instances"][0]["id"].as_str().unwrap().to_owned();

    let logs = kept
        .run(&sandbox, &["logs", "--lines", "2", "--json"])
        .exits(0)
        .json();
    let files = logs[0]["files"].as_array().unwrap();
    assert_eq!(files[0]["file"], "/var/log/eb-engine.log", "{logs}");
    assert_eq!(files[0]["lines"].as_array().unwrap().len(), 2, "{logs}");
    let one = kept
        .run(&sandbox, &["logs", "--instance", &instance, "--json"])
        .exits(0)
        .json();
    assert_eq!(one.as_array().unwrap().len(), 1);
    kept.run(&sandbox, &["logs", "--instance", "i-0nothere"])
        .exits(2)
        .says("i-0nothere")
        .says(&instance);

    let nothing = kept.run(&sandbox, &["abort", "--json"]).exits(0).json();
    assert_eq!(nothing["aborted"], false, "{nothing}");
    kept.running.interrupt();
    kept.running.finish().exits(0);
}

#[test]
fn archives_are_whole_private_and_never_overwritten() {
    let sandbox = Sandbox::blog();
    let kept = kept(&sandbox, "120");
    let status = kept.run(&sandbox, &["status", "--json"]).exits(0).json();
    let instance = status["instances"][0]["id"].as_str().unwrap().to_owned();
    let bundle = [
        "logs",
        "--bundle",
        "--instance",
        &instance,
        "--output",
        "logs.zip",
    ];
    let written = kept
        .run(&sandbox, &[&bundle[..], &["--json"]].concat())
        .exits(0)
        .json();
    assert_eq!(written[0]["path"], "logs.zip", "{written}");
    let path = sandbox.project().join("logs.zip");
    let bytes = fs_err::read(&path).unwrap();
    assert_eq!(written[0]["bytes"], bytes.len());
    assert!(bytes.starts_with(b"PK"));
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    fs_err::write(&path, "mine").unwrap();
    kept.run(&sandbox, &bundle)
        .exits(2)
        .says("logs.zip")
        .says("--force");
    assert_eq!(fs_err::read(&path).unwrap(), b"mine");
    kept.run(&sandbox, &[&bundle[..], &["--force"]].concat())
        .exits(0);
    assert!(fs_err::read(&path).unwrap().starts_with(b"PK"));
    let left: Vec<_> = std::fs::read_dir(sandbox.project())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .filter(|name| name.to_string_lossy().starts_with(".beanpole-logs"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
    kept.running.interrupt();
    kept.running.finish().exits(0);
}

#[test]
fn a_release_is_followed_and_aborted() {
    let sandbox = Sandbox::blog();
    let kept = kept(&sandbox, "30");
    let events = running(
        &kept,
        &sandbox,
        &["events", "--follow", "--json", "--limit", "1"],
    );
    let logs = running(&kept, &sandbox, &["logs", "--follow", "--json"]);
    let watch = running(&kept, &sandbox, &["status", "--watch", "--json"]);

    sandbox.write("posts/extra.py", "EXTRA = True\n");
    sandbox.commit("feat: something to abort");
    let mut deploy = running(&kept, &sandbox, &["deploy", "--engine", "none"]);
    deploy.wait_for("… Update the environment");
    // Nobody can be asked here.
    let mut refused = None;
    for _ in 0..200 {
        let outcome = kept.run(&sandbox, &["abort"]);
        if outcome.code != Some(0) {
            refused = Some(outcome);
            break;
        }
    }
    refused.unwrap().exits(2).says("--yes");
    // Time for the watch, which looks three times a second at this speed; the update takes ten.
    std::thread::sleep(std::time::Duration::from_millis(1500));
    let aborted = kept.run(&sandbox, &["abort", "--yes", "--json"]);
    let report = aborted.json();
    assert_eq!(report["aborted"], true, "{report}");
    let is_consistent = report["fleet"]["kind"] == "consistent";
    assert_eq!(aborted.code, Some(i32::from(!is_consistent)), "{report}");
    assert_eq!(report["exit_code"], i64::from(!is_consistent), "{report}");

    // The release saw that it did not come through.
    let outcome = deploy.finish();
    assert!(matches!(outcome.code, Some(3 | 4)), "{outcome:?}");

    for follower in [&events, &logs, &watch] {
        follower.interrupt();
    }
    let followed = events.finish().exits(130);
    let said: Vec<Value> = followed
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let count = |text: &str| {
        said.iter()
            .filter(|event| event["message"].as_str().unwrap().contains(text))
            .count()
    };
    assert_eq!(
        count("Environment update is aborting."),
        1,
        "{}",
        followed.stdout
    );
    let lines = logs.finish().exits(130).stdout;
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert!(line["instance"].is_string() && line["file"].is_string());
    }
    assert!(lines.contains("Engine received EB command"), "{lines}");
    let seen = watch.finish().exits(130).stdout;
    assert!(seen.contains("\"Updating\""), "{seen}");
    kept.running.interrupt();
    kept.running.finish().exits(0);
}

#[test]
fn an_environment_that_is_not_there_is_named() {
    let sandbox = Sandbox::blog();
    let kept = kept(&sandbox, "120");
    for command in ["events", "logs", "status", "abort"] {
        kept.run(&sandbox, &[command, "--env", "production"])
            .exits(2)
            .says("production");
    }
    kept.running.interrupt();
    kept.running.finish().exits(0);
}
