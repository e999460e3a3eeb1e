//! Releases that go well, and what they leave alone.

use beanpole_cloud::{EnvironmentStatus, OptionSetting, UpdateEnvironment};
use beanpole_deploy::Verdict;
use beanpole_model::{ExitCode, StepOutcome};

use crate::support::{Setup, World, assert_ended, assert_runs, outcome, steps};

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
            ("lock", StepOutcome::Done),
            ("migrations", StepOutcome::Skipped),
            ("bundle", StepOutcome::Done),
            ("upload", StepOutcome::Done),
            ("version", StepOutcome::Done),
            ("update", StepOutcome::Done),
            ("prove", StepOutcome::Done),
            ("probe", StepOutcome::Done),
            ("soak", StepOutcome::Done),
            ("prune", StepOutcome::Unchanged),
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
    assert_eq!(
        world.heard.release_step(),
        [
            "holding the database's release lock (after 0.0 s)",
            "$ python manage.py migrate",
            "  Applying posts.0002_slug... OK",
            "(done in 1.5 s)",
            "migrations applied: posts.0002_slug",
        ]
    );
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(
        json["release_step"]["migrations_applied"],
        serde_json::json!(["posts.0002_slug"])
    );
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
async fn a_busy_environment_is_waited_for() {
    let world = World::with_environment(Setup {
        // The release must come while the change is still under way, also on a slow machine.
        speed: Some(60.0),
        ..Setup::default()
    })
    .await;
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
