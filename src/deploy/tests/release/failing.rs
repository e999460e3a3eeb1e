//! Releases that fail: what runs afterwards, and what is said.

use std::collections::BTreeMap;

use beanpole_cloud::{NewVersion, UpdateEnvironment};
use beanpole_deploy::Verdict;
use beanpole_model::{ExitCode, Secret, StepOutcome, VersionLabel};
use tokio_util::sync::CancellationToken;

use crate::support::{Outcome, Setup, World, assert_ended, assert_runs, outcome};

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_deployment_is_rolled_back_and_explained() {
    let world = World::with_environment(Setup::default()).await;
    let good = world.release().await.version_label.unwrap();
    let bad = world.commit("print('two')\n").await;
    world.plane.decide(&bad, Outcome::Broken);
    world.scrubber.learn(&Secret::new("hunter2-the-password"));
    let report = world.release().await;
    assert_ended(&report, Verdict::RolledBack, ExitCode::FailedRestored);
    assert_eq!(report.former_version.as_deref(), Some(good.as_str()));
    assert_eq!(outcome(&report, "roll-back"), Some(StepOutcome::Done));
    assert_runs(&world, &good).await;
    let failure = report.failure.as_ref().unwrap();
    assert_eq!(failure.step.as_deref(), Some("prove"));
    assert!(
        failure.events.iter().any(|event| event.is_error()),
        "{failure:?}"
    );
    for file in ["deployment log", "/var/log/eb-engine.log"] {
        assert!(
            failure.logs.iter().any(|log| log.file == file),
            "no {file} in {failure:?}"
        );
    }
    let text = format!("{report}{}", serde_json::to_string(&report).unwrap());
    assert!(text.contains("no such column: posts_post.slug"), "{text}");
    assert!(!text.contains("hunter2"), "a secret in the report: {text}");
    let step = report.release_step.as_ref().unwrap();
    assert_eq!(step.exit_code, Some(1));
    assert_eq!(
        step.failed_command().unwrap().command,
        "python manage.py migrate"
    );
    assert!(step.migrations_applied.is_empty());
    // Those of both releases and of the roll-back, each once.
    let shown = world.heard.release_step();
    let begun = shown.iter().filter(|line| line.starts_with("$ ")).count();
    assert_eq!(begun, 3, "{shown:?}");
    assert!(shown.contains(&"(failed with exit code 1 after 1.5 s)".to_owned()));
    assert!(!shown.join("\n").contains("hunter2"), "{shown:?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_answers_500_is_rolled_back() {
    let world = World::with_environment(Setup::default()).await;
    let good = world.release().await.version_label.unwrap();
    let sick = world.commit("print('sick')\n").await;
    world.plane.decide(&sick, Outcome::Sick);
    let report = world.release().await;
    assert_ended(&report, Verdict::RolledBack, ExitCode::FailedRestored);
    assert_runs(&world, &good).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_first_release_has_nothing_to_go_back_to() {
    let world = World::with_environment(Setup::default()).await;
    let label = world.candidate().await.label.to_string();
    world.plane.decide(&label, Outcome::Broken);
    let report = world.release().await;
    assert_ended(&report, Verdict::NotRestored, ExitCode::FailedNotRestored);
    assert!(
        report
            .to_string()
            .contains("there is no former version to go back to"),
        "{report}"
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_immutable_update_that_beanstalk_took_back_is_not_undone_twice() {
    let setup = Setup {
        manifest: Some(("rolling", "immutable")),
        ..Setup::default()
    };
    let world = World::with_environment(setup).await;
    let good = world.release().await.version_label.unwrap();
    let deployments = world.plane.deployments(&good);
    let bad = world.commit("print('two')\n").await;
    world.plane.decide(&bad, Outcome::Broken);
    let report = world.release().await;
    assert_ended(&report, Verdict::RolledBack, ExitCode::FailedRestored);
    assert_eq!(world.plane.deployments(&good), deployments, "{report}");
    assert_runs(&world, &good).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mixed_fleet_that_aws_calls_done_is_not_believed() {
    let faults = "environments:\n  - {deployment: 3, fault: {mixed-fleet: 1}}\n";
    let world = World::with_environment(Setup {
        faults,
        ..Setup::default()
    })
    .await;
    let good = world.release().await.version_label.unwrap();
    world.commit("print('two')\n").await;
    let report = world.release().await;
    assert_ended(&report, Verdict::RolledBack, ExitCode::FailedRestored);
    let failure = report.failure.as_ref().unwrap();
    assert!(
        failure.message.contains(&format!("runs `{good}`")),
        "the instance is not named: {failure:?}"
    );
    assert_runs(&world, &good).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_turns_red_during_the_soak_is_rolled_back() {
    let faults = "environments:\n  - {deployment: 3, fault: {red-after: 10m}}\n";
    let setup = Setup {
        faults,
        // Long enough for a busy machine to reach the soak before.
        manifest: Some(("soak: 1m", "soak: 30m")),
        ..Setup::default()
    };
    let world = World::with_environment(setup).await;
    let good = world.release().await.version_label.unwrap();
    world.commit("print('two')\n").await;
    let report = world.release().await;
    assert_ended(&report, Verdict::RolledBack, ExitCode::FailedRestored);
    assert_eq!(
        outcome(&report, "probe"),
        Some(StepOutcome::Done),
        "{report}"
    );
    assert_eq!(
        outcome(&report, "soak"),
        Some(StepOutcome::Failed),
        "{report}"
    );
    assert_runs(&world, &good).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_yellow_that_stays_is_not_accepted() {
    let faults = "environments:\n  - {deployment: 3, fault: {health-stuck: Yellow}}\n";
    let world = World::with_environment(Setup {
        faults,
        ..Setup::default()
    })
    .await;
    let good = world.release().await.version_label.unwrap();
    world.commit("print('two')\n").await;
    let report = world.release().await;
    assert_ended(&report, Verdict::RolledBack, ExitCode::FailedRestored);
    assert!(
        report
            .failure
            .as_ref()
            .unwrap()
            .message
            .contains("Warning (yellow)"),
        "{report}"
    );
    assert_runs(&world, &good).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_back_that_fails_is_said() {
    let world = World::with_environment(Setup::default()).await;
    let good = world.release().await.version_label.unwrap();
    let bad = world.commit("print('two')\n").await;
    world.plane.decide(&bad, Outcome::Broken);
    // The former version does not deploy any more, either.
    world.plane.decide(&good, Outcome::Broken);
    let report = world.release().await;
    assert_ended(&report, Verdict::NotRestored, ExitCode::FailedNotRestored);
    assert_eq!(outcome(&report, "roll-back"), Some(StepOutcome::Failed));
    assert!(report.to_string().contains("Roll-back: "), "{report}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn someone_elses_release_is_not_undone() {
    let setup = Setup {
        manifest: Some(("soak: 1m", "soak: 1h")),
        ..Setup::default()
    };
    let world = World::with_environment(setup).await;
    let cancel = CancellationToken::new();
    let soak = CancellationToken::new();
    world.heard.cancel_at("soak", &soak);
    let theirs = async {
        soak.cancelled().await;
        let application = world.project.application.clone();
        let label = VersionLabel::new("theirs").unwrap();
        let bucket = world.cloud.beanstalk.storage_location().await.unwrap();
        let bundle = world.bundles().await[0].0.clone();
        let version = NewVersion {
            application: application.clone(),
            label: label.clone(),
            description: String::new(),
            bucket,
            key: bundle,
            process: false,
            tags: BTreeMap::new(),
        };
        world
            .cloud
            .beanstalk
            .create_version(&version)
            .await
            .unwrap();
        let update =
            UpdateEnvironment::deploy(application, world.project.environment.clone(), label);
        world
            .cloud
            .beanstalk
            .update_environment(&update)
            .await
            .unwrap();
    };
    let (report, ()) = tokio::join!(world.release_until(&cancel), theirs);
    assert_ended(&report, Verdict::NotRestored, ExitCode::FailedNotRestored);
    assert!(
        report
            .to_string()
            .contains("moved to `theirs` by someone else"),
        "{report}"
    );
    assert_runs(&world, "theirs").await;
    world.end().await;
}
