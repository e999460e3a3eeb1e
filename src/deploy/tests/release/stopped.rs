//! Releases that stop: refused before anything is changed, or interrupted.

use std::collections::BTreeMap;

use beanpole_cloud::NewVersion;
use beanpole_deploy::{CheckRequest, Error, Verdict, inspect};
use beanpole_model::{Event, ExitCode, StepOutcome};
use tokio_util::sync::CancellationToken;

use crate::support::{Setup, World, assert_ended, assert_runs, outcome};

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
    // AWS went on: the next run finds the version there, and goes on with the proof.
    world.wait_until_ready().await;
    assert_runs(&world, &label).await;
    let report = world.release().await;
    assert_ended(&report, Verdict::Released, ExitCode::Done);
    assert_eq!(outcome(&report, "update"), Some(StepOutcome::Unchanged));
    assert_eq!(outcome(&report, "soak"), Some(StepOutcome::Done));
    assert_ended(
        &world.release().await,
        Verdict::AlreadyReleased,
        ExitCode::Done,
    );
    world.end().await;
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
async fn a_commit_that_is_not_fit_never_reaches_aws() {
    let world = World::new(Setup::default()).await;
    world.sandbox.write("untracked.py", "print()\n");
    let request = CheckRequest {
        project: world.project.clone(),
        directory: world.sandbox.project().to_owned(),
        manifest: world.sandbox.project().join("beanpole.yaml"),
        allow_dirty: false,
    };
    let Err(Error::NotDeployable { findings }) = inspect(request.clone()) else {
        panic!("a dirty tree was taken");
    };
    assert!(
        findings
            .iter()
            .any(|finding| finding.message.contains("untracked.py"))
    );
    let allowed = CheckRequest {
        allow_dirty: true,
        ..request
    };
    assert_eq!(inspect(allowed).unwrap().findings.len(), 1);
    world.end().await;
}
