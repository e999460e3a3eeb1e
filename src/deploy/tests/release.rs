//! Whole releases against the embedded AWS, without an engine: what is said, what is true
//! afterwards, and what is left behind.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a world that cannot be built ends the test"
)]

mod support;

use std::collections::BTreeMap;

use beanpole_cloud::{EnvironmentStatus, NewVersion, OptionSetting, UpdateEnvironment};
use beanpole_deploy::{Error, ReleaseReport, Verdict};
use beanpole_model::{Event, ExitCode, Secret, StepOutcome, VersionLabel};
use tokio_util::sync::CancellationToken;

use support::{Outcome, Setup, World};

fn steps(report: &ReleaseReport) -> Vec<(&str, StepOutcome)> {
    report
        .steps
        .iter()
        .map(|step| (step.id.as_str(), step.outcome))
        .collect()
}

fn outcome(report: &ReleaseReport, id: &str) -> Option<StepOutcome> {
    report
        .steps
        .iter()
        .find(|step| step.id == id)
        .map(|step| step.outcome)
}

fn assert_ended(report: &ReleaseReport, verdict: Verdict, exit_code: ExitCode) {
    assert_eq!(
        (report.verdict, report.exit_code),
        (verdict, exit_code),
        "{report}"
    );
}

/// Every instance runs `version`, and the environment is Ready with it.
async fn assert_runs(world: &World, version: &str) {
    let environment = world.environment().await;
    assert_eq!(environment.version_label.as_deref(), Some(version));
    assert_eq!(environment.status, EnvironmentStatus::Ready);
    for (found, _) in world.fleet().await {
        assert_eq!(found, version);
    }
}

/// A release can be run on any thread: by a server, beside other work.
#[expect(dead_code, reason = "it is enough that this compiles")]
fn a_release_can_be_sent(
    request: &beanpole_deploy::ReleaseRequest<'_>,
    steps: &beanpole_deploy::Steps,
    cancel: &CancellationToken,
) -> impl Send {
    beanpole_deploy::release(request, steps, cancel)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_release_is_proven_and_told_in_steps() {
    let world = World::with_environment(Setup::default()).await;
    let label = world.candidate().await.label.to_string();
    let report = world.release().await;
    assert_ended(&report, Verdict::Released, ExitCode::Done);
    assert_eq!(
        steps(&report),
        [
            ("build-image", StepOutcome::Skipped),
            ("bundle", StepOutcome::Done),
            ("upload", StepOutcome::Done),
            ("version", StepOutcome::Done),
            ("update", StepOutcome::Done),
            ("prove", StepOutcome::Done),
            ("probe", StepOutcome::Done),
            ("soak", StepOutcome::Done),
        ]
    );
    assert_runs(&world, &label).await;
    let kinds: Vec<_> = report
        .created
        .iter()
        .map(|created| created.kind.as_str())
        .collect();
    assert_eq!(kinds, ["bundle", "application version"]);
    assert!(
        report
            .url
            .as_deref()
            .is_some_and(|url| url.starts_with("http://")),
        "{report}"
    );
    assert!(report.api_calls > 0);
    assert!(
        !world.heard.beanstalk().is_empty(),
        "Beanstalk's events are shown"
    );
    assert!(
        world
            .heard
            .progress("update")
            .iter()
            .any(|line| line.contains("of 2 instances run")),
        "{:?}",
        world.heard.progress("update")
    );
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(
        (&json["verdict"], &json["exit_code"]),
        (&"released".into(), &0.into())
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn releasing_what_runs_proves_it_and_changes_nothing() {
    let world = World::with_environment(Setup::default()).await;
    assert_ended(&world.release().await, Verdict::Released, ExitCode::Done);
    let (fleet, bundles) = (world.fleet().await, world.bundles().await);
    let report = world.release().await;
    assert_ended(&report, Verdict::AlreadyReleased, ExitCode::Done);
    assert_eq!(
        steps(&report),
        [
            ("update", StepOutcome::Unchanged),
            ("prove", StepOutcome::Unchanged),
            ("probe", StepOutcome::Done),
        ]
    );
    assert_eq!(world.fleet().await, fleet, "no new deployment");
    assert_eq!(world.bundles().await, bundles, "no new upload");
    assert!(report.created.is_empty());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_content_is_uploaded_once() {
    let world = World::with_environment(Setup::default()).await;
    let first = world.release().await;
    let bundles = world.bundles().await;
    assert_eq!(bundles.len(), 1);
    // Another commit with the same content: another version, the same bundle.
    world.sandbox.commit("chore: nothing");
    let second = world.release().await;
    assert_ended(&second, Verdict::Released, ExitCode::Done);
    assert_ne!(first.version_label, second.version_label);
    assert_eq!(outcome(&second, "bundle"), Some(StepOutcome::Unchanged));
    assert_eq!(outcome(&second, "upload"), Some(StepOutcome::Unchanged));
    assert_eq!(world.bundles().await, bundles, "not uploaded again");
    world.end().await;
}

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
    let text = format!("{report}{}", serde_json::to_string(&report).unwrap());
    assert!(text.contains("no such column: posts_post.slug"), "{text}");
    assert!(!text.contains("hunter2"), "a secret in the report: {text}");
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
    let faults = "environments:\n  - {deployment: 3, fault: {red-after: 2m}}\n";
    let setup = Setup {
        faults,
        manifest: Some(("soak: 1m", "soak: 10m")),
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
async fn a_busy_environment_is_waited_for() {
    let world = World::with_environment(Setup::default()).await;
    let change = UpdateEnvironment::configure(
        world.project.application.clone(),
        world.project.environment.clone(),
        vec![OptionSetting::new(
            "aws:elasticbeanstalk:application:environment",
            "A",
            "1",
        )],
        Vec::new(),
    );
    world
        .cloud
        .beanstalk
        .update_environment(&change)
        .await
        .unwrap();
    assert_ne!(world.environment().await.status, EnvironmentStatus::Ready);
    let report = world.release().await;
    assert_ended(&report, Verdict::Released, ExitCode::Done);
    assert!(
        world
            .heard
            .progress("update")
            .iter()
            .any(|line| line.contains("waiting")),
        "{:?}",
        world.heard.progress("update")
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn someone_who_is_faster_is_waited_for() {
    let faults = "environments:\n  - {times: 2, fault: must-be-ready}\n";
    let world = World::with_environment(Setup {
        faults,
        ..Setup::default()
    })
    .await;
    let report = world.release().await;
    // Refused although it is Ready: once that is a race, twice it is a refusal.
    assert_eq!(report.verdict, Verdict::Stopped, "{report}");
    assert_eq!(world.fleet().await.len(), 2);
    assert_ended(&world.release().await, Verdict::Released, ExitCode::Done);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn throttling_never_fails_a_release() {
    let faults = "
requests:
  - {service: elasticbeanstalk, operation: UpdateEnvironment, times: 5, fault: throttle}
  - {service: elasticbeanstalk, operation: CreateApplicationVersion, times: 5, fault: throttle}
  - {service: elasticbeanstalk, operation: CreateStorageLocation, times: 5, fault: throttle}
  - {service: s3, operation: PutObject, times: 5, fault: throttle}
  - {service: elasticbeanstalk, operation: 'Describe*', times: 0, probability: 0.4, fault: throttle}
";
    let world = World::with_environment(Setup {
        faults,
        ..Setup::default()
    })
    .await;
    let report = world.release().await;
    assert_ended(&report, Verdict::Released, ExitCode::Done);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_does_not_deploy_twice() {
    let faults = "requests:\n  - {service: elasticbeanstalk, operation: UpdateEnvironment, times: 1, fault: drop-answer}\n  - {service: elasticbeanstalk, operation: CreateApplicationVersion, times: 1, fault: drop-answer}\n";
    let world = World::with_environment(Setup {
        faults,
        ..Setup::default()
    })
    .await;
    let report = world.release().await;
    assert_ended(&report, Verdict::Released, ExitCode::Done);
    let label = report.version_label.unwrap();
    assert_eq!(world.plane.deployments(&label), 2, "once on each instance");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_and_late_events_neither_hang_nor_fool_it() {
    for faults in [
        "environments:\n  - {deployment: 2, times: 0, fault: {lose-events: ''}}\n",
        "environments:\n  - {deployment: 2, times: 0, fault: {delay-events: 10m}}\n",
        "requests:\n  - {service: elasticbeanstalk, operation: DescribeEvents, times: 0, fault: access-denied}\n",
    ] {
        let world = World::with_environment(Setup {
            faults,
            ..Setup::default()
        })
        .await;
        assert_ended(&world.release().await, Verdict::Released, ExitCode::Done);
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interruption_before_the_update_changes_nothing() {
    for step in ["bundle", "upload", "version", "update"] {
        let world = World::with_environment(Setup::default()).await;
        let fleet = world.fleet().await;
        let cancel = CancellationToken::new();
        world.heard.cancel_at(step, &cancel);
        let report = world.release_until(&cancel).await;
        assert_ended(&report, Verdict::Interrupted, ExitCode::Interrupted);
        assert!(report.goes_on.is_empty(), "{step}: {report}");
        assert_eq!(world.fleet().await, fleet, "{step}");
        // The next run goes on with what is there.
        let report = world.release().await;
        assert_ended(&report, Verdict::Released, ExitCode::Done);
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interruption_after_the_update_says_what_goes_on() {
    let world = World::with_environment(Setup::default()).await;
    let cancel = CancellationToken::new();
    world.heard.cancel_at("prove", &cancel);
    let report = world.release_until(&cancel).await;
    assert_ended(&report, Verdict::Interrupted, ExitCode::Interrupted);
    assert!(
        report
            .goes_on
            .iter()
            .any(|line| line.contains("not proven")),
        "{report}"
    );
    assert_eq!(
        outcome(&report, "roll-back"),
        None,
        "an interruption rolls nothing back"
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interruption_during_the_update_leaves_it_to_aws() {
    let world = World::with_environment(Setup::default()).await;
    let label = world.candidate().await.label.to_string();
    let cancel = CancellationToken::new();
    let batch =
        |event: &Event| matches!(event, Event::Output { line, .. } if line.contains("Batch 1"));
    world.heard.cancel_when(batch, &cancel);
    let report = world.release_until(&cancel).await;
    assert_ended(&report, Verdict::Interrupted, ExitCode::Interrupted);
    assert!(
        report
            .goes_on
            .iter()
            .any(|line| line.contains("AWS goes on")),
        "{report}"
    );
    assert_eq!(outcome(&report, "roll-back"), None);
    // AWS went on: the next run finds the version there, and proves it.
    world.wait_until_ready().await;
    assert_runs(&world, &label).await;
    assert_ended(
        &world.release().await,
        Verdict::AlreadyReleased,
        ExitCode::Done,
    );
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

#[tokio::test(flavor = "multi_thread")]
async fn broken_connections_during_the_update_are_endured() {
    let faults = "
requests:
  - {service: elasticbeanstalk, operation: 'Describe*', times: 0, probability: 0.3, fault: drop}
  - {service: elasticbeanstalk, operation: 'Describe*', times: 0, probability: 0.3, fault: unavailable}
";
    let world = World::with_environment(Setup {
        faults,
        ..Setup::default()
    })
    .await;
    assert_ended(&world.release().await, Verdict::Released, ExitCode::Done);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_environment_nothing_is_made() {
    let world = World::new(Setup::default()).await;
    let report = world.release().await;
    assert_ended(&report, Verdict::Stopped, ExitCode::Usage);
    assert!(report.created.is_empty(), "{report}");
    assert!(report.to_string().contains("beanpole apply"), "{report}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_label_with_other_content_is_refused() {
    let world = World::with_environment(Setup::default()).await;
    let candidate = world.candidate().await;
    let bucket = world.cloud.beanstalk.storage_location().await.unwrap();
    world
        .cloud
        .storage
        .put(&bucket, "other.zip", "PK other".into())
        .await
        .unwrap();
    world
        .cloud
        .beanstalk
        .create_version(&NewVersion {
            application: world.project.application.clone(),
            label: candidate.label.clone(),
            description: String::new(),
            bucket,
            key: "other.zip".to_owned(),
            process: false,
            tags: BTreeMap::new(),
        })
        .await
        .unwrap();
    let report = world.release().await;
    assert_ended(&report, Verdict::Stopped, ExitCode::Findings);
    assert!(
        report.to_string().contains("exists with other content"),
        "{report}"
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_expire_half_way_give_no_verdict() {
    let faults = "requests:\n  - {service: elasticbeanstalk, operation: DescribeInstancesHealth, nth: 4, times: 0, fault: expired-credentials}\n";
    let world = World::with_environment(Setup {
        faults,
        ..Setup::default()
    })
    .await;
    let report = world.release().await;
    assert_ended(&report, Verdict::Unverified, ExitCode::Credentials);
    assert!(!report.goes_on.is_empty(), "{report}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_beyond_its_deadline_is_left_to_aws() {
    // Forty batches one after the other take far longer than the deadline of a single one, which
    // is what the manifest is made to promise.
    let setup = Setup {
        manifest: Some((
            "{min: 2, max: 4}\ndeployment: {policy: rolling, batch: 50%}",
            "{min: 40, max: 40}\ndeployment: {policy: rolling, batch: 1}",
        )),
        ..Setup::default()
    };
    let mut world = World::with_environment(setup).await;
    world.project.deployment.policy = beanpole_manifest::Policy::AllAtOnce;
    world.project.deployment.timeout = std::time::Duration::from_secs(1);
    let report = world.release().await;
    assert_ended(&report, Verdict::OutOfTime, ExitCode::OutOfTime);
    assert!(
        report
            .goes_on
            .iter()
            .any(|line| line.contains("AWS goes on")),
        "{report}"
    );
    assert_eq!(outcome(&report, "roll-back"), None, "{report}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_is_not_fit_never_reaches_aws() {
    let world = World::new(Setup::default()).await;
    world.sandbox.write("untracked.py", "print()\n");
    let request = beanpole_deploy::CheckRequest {
        project: world.project.clone(),
        directory: world.sandbox.project().to_owned(),
        manifest: world.sandbox.project().join("beanpole.yaml"),
        allow_dirty: false,
    };
    let Err(Error::NotDeployable { findings }) = beanpole_deploy::inspect(request.clone()) else {
        panic!("a dirty tree was taken");
    };
    assert!(
        findings
            .iter()
            .any(|finding| finding.message.contains("untracked.py"))
    );
    let allowed = beanpole_deploy::CheckRequest {
        allow_dirty: true,
        ..request
    };
    assert_eq!(beanpole_deploy::inspect(allowed).unwrap().findings.len(), 1);
    world.end().await;
}
