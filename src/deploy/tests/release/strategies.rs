//! Policies, good and failing; settings in updates of their own; what keeps an environment busy.

use beanpole_deploy::{Error, Verdict};
use beanpole_manifest::Project;
use beanpole_model::{Event, ExitCode, Problem as _, StepOutcome};
use tokio_util::sync::CancellationToken;

use crate::support::{Outcome, Setup, World, assert_ended, assert_runs, outcome};

/// The policies as the manifest says them, with the texts that replace the usual one.
const POLICIES: [(&str, &str); 5] = [
    ("policy: rolling", "policy: all-at-once"),
    ("policy: rolling", "policy: rolling"),
    ("policy: rolling", "policy: rolling-with-additional-batch"),
    ("policy: rolling", "policy: immutable"),
    ("policy: rolling", "policy: traffic-splitting"),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_policy_brings_the_version_to_every_instance() {
    for manifest in POLICIES {
        let world = World::with_environment(Setup {
            manifest: Some(manifest),
            ..Setup::default()
        })
        .await;
        let report = world.release().await;
        assert_ended(&report, Verdict::Released, ExitCode::Done);
        assert_runs(&world, report.version_label.as_deref().unwrap()).await;
        assert_eq!(world.fleet().await.len(), 2, "{manifest:?}");
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_policy_with_a_failing_batch_ends_where_it_began() {
    for (manifest, batch) in POLICIES.into_iter().zip([1, 2, 2, 1, 1]) {
        let faults = match batch {
            1 => "environments:\n  - {deployment: 3, fault: {failing-batch: 1}}\n",
            _ => "environments:\n  - {deployment: 3, fault: {failing-batch: 2}}\n",
        };
        let world = World::with_environment(Setup {
            faults,
            manifest: Some(manifest),
            ..Setup::default()
        })
        .await;
        let good = world.release().await.version_label.unwrap();
        let before = world.plane.deployments(&good);
        let bad = world.commit("print('two')\n").await;
        let report = world.release().await;
        assert_ended(&report, Verdict::RolledBack, ExitCode::FailedRestored);
        assert_runs(&world, &good).await;
        assert_eq!(world.fleet().await.len(), 2, "{manifest:?}");
        assert_ne!(good, bad);
        // New instances are thrown away by Beanstalk itself; others are brought back by us.
        let by_itself = matches!(
            manifest.1,
            "policy: immutable" | "policy: traffic-splitting"
        );
        let again = world.plane.deployments(&good) > before;
        assert_eq!(again, !by_itself, "{manifest:?}: {report}");
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_fails_its_trial_gets_no_more_traffic() {
    let world = World::with_environment(Setup {
        manifest: Some((
            "{policy: rolling, batch: 50%}",
            "{policy: traffic-splitting, traffic_split: {percentage: 25, evaluation: 30m}}",
        )),
        ..Setup::default()
    })
    .await;
    // Share and time are settings of the environment, and reach it in an update of their own.
    let change = world.change(&world.project, &world.project).await;
    assert_eq!(world.configure(&change).await.unwrap().0, StepOutcome::Done);
    let good = world.release().await.version_label.unwrap();
    let bad = world.commit("print('two')\n").await;
    let trial = CancellationToken::new();
    let told = "Shifting 25 percent of the traffic to the new version for 30 minutes.";
    world.heard.cancel_when(
        move |event| matches!(event, Event::Output { line, .. } if line.contains(told)),
        &trial,
    );
    let spoil = async {
        trial.cancelled().await;
        world.plane.decide(&bad, Outcome::Sick);
    };
    let (report, ()) = tokio::join!(world.release(), spoil);
    assert_ended(&report, Verdict::RolledBack, ExitCode::FailedRestored);
    let ended = world.heard.beanstalk();
    let ended = ended
        .iter()
        .any(|line| line.contains("did not stay healthy during the evaluation"));
    assert!(ended, "{report}");
    assert_runs(&world, &good).await;
    world.end().await;
}

/// The project with other variables.
fn with(project: &Project, variables: &[(&str, &str)]) -> Project {
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Project {
        variables,
        ..project.clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_go_before_the_version_and_removals_after_it() {
    let world = World::with_environment(Setup::default()).await;
    let former = with(&world.project, &[("KEPT", "1"), ("OLD", "x")]);
    let change = world.change(&former, &former).await;
    world.configure(&change).await.unwrap();
    let good = world.release().await.version_label.unwrap();

    let wanted = with(&world.project, &[("KEPT", "2"), ("NEW", "y")]);
    let change = world.change(&wanted, &former).await;
    assert_eq!(change.before.len(), 2, "{change}");
    let fleet = world.fleet().await;
    let (outcome, message) = world.configure(&change).await.unwrap();
    assert_eq!(
        (outcome, message.contains("2 settings")),
        (StepOutcome::Done, true)
    );
    // The old version runs with what it needs and what the new one needs.
    let name = &world.project.environment;
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let all = [pair("KEPT", "2"), pair("NEW", "y"), pair("OLD", "x")];
    assert_eq!(world.variables(name).await, all.into());
    assert_runs(&world, &good).await;
    assert!(world.fleet().await[0].1 > fleet[0].1, "it was a deployment");
    // Repeated after a kill, nothing is sent.
    assert_eq!(
        world.configure(&change).await.unwrap().0,
        StepOutcome::Unchanged
    );

    world.commit("print('two')\n").await;
    let report = world.release().await;
    assert_ended(&report, Verdict::Released, ExitCode::Done);
    assert_eq!(
        world.finish_removals(&change).await.unwrap().0,
        StepOutcome::Done
    );
    let left = [pair("KEPT", "2"), pair("NEW", "y")];
    assert_eq!(world.variables(name).await, left.into());
    assert_eq!(
        world.finish_removals(&change).await.unwrap().0,
        StepOutcome::Unchanged
    );

    // And all the way back.
    assert_eq!(world.restore(&change).await.unwrap().0, StepOutcome::Done);
    let before = [pair("KEPT", "1"), pair("OLD", "x")];
    assert_eq!(world.variables(name).await, before.into());
    assert_runs(&world, report.version_label.as_deref().unwrap()).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_fail_on_the_instances_are_said_and_restored() {
    let faults = "environments:\n  - {deployment: 4, fault: {failing-batch: 1}}\n";
    let world = World::with_environment(Setup {
        faults,
        ..Setup::default()
    })
    .await;
    let former = with(&world.project, &[("A", "1")]);
    let change = world.change(&former, &former).await;
    world.configure(&change).await.unwrap();
    let good = world.release().await.version_label.unwrap();
    let wanted = with(&world.project, &[("A", "2")]);
    let change = world.change(&wanted, &former).await;
    let error = world.configure(&change).await.unwrap_err();
    let Error::ConfigurationNotKept { names, events, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(names.len(), 1);
    assert!(names[0].ends_with(" A"), "{names:?}");
    assert!(
        events
            .iter()
            .any(|event| event.contains("Failed to deploy configuration")),
        "{events:?}"
    );
    assert_eq!(error.exit_code(), ExitCode::Findings);
    // AWS took it back by itself: there is nothing to send, and the old version serves as before.
    assert_eq!(
        world.restore(&change).await.unwrap().0,
        StepOutcome::Unchanged
    );
    world.wait_until_ready().await;
    assert_runs(&world, &good).await;
    let name = &world.project.environment;
    assert_eq!(world.variables(name).await["A"], "1");
    // The next attempt works.
    assert_eq!(world.configure(&change).await.unwrap().0, StepOutcome::Done);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_that_aws_refuses_changes_nothing() {
    let world = World::with_environment(Setup::default()).await;
    let change = world.change(&world.project, &world.project).await;
    world.configure(&change).await.unwrap();
    let mut wanted = world.project.clone();
    wanted.network.vpc = Some("vpc-0123456789abcdef0".to_owned());
    let before = world.in_force(&world.project.environment).await;
    let change = world.change(&wanted, &world.project).await;
    let error = world.configure(&change).await.unwrap_err();
    assert!(matches!(error, Error::Cloud { .. }), "{error}");
    assert_eq!(error.exit_code(), ExitCode::Usage, "{error}");
    assert_eq!(world.in_force(&world.project.environment).await, before);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_to_settings_does_not_send_them_twice() {
    let faults = "requests:\n  - {service: elasticbeanstalk, operation: UpdateEnvironment, times: 2, fault: drop-answer}\n";
    let world = World::with_environment(Setup {
        faults,
        ..Setup::default()
    })
    .await;
    let wanted = with(&world.project, &[("A", "1")]);
    let change = world.change(&wanted, &wanted).await;
    world.configure(&change).await.unwrap();
    let name = &world.project.environment;
    assert_eq!(world.variables(name).await["A"], "1");
    let deployments: Vec<i64> = world.fleet().await.into_iter().map(|(_, id)| id).collect();
    assert_eq!(deployments, [2, 2], "one deployment, on new instances");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_killed_at_any_request_are_in_force_after_the_next_run() {
    for count in [1, 2, 3, 4, 5, 6, 8, 12] {
        let world = World::with_environment(Setup::default()).await;
        let wanted = with(&world.project, &[("A", "1")]);
        let change = world.change(&wanted, &wanted).await;
        let since = world.cloud.requests();
        tokio::select! {
            came = world.configure(&change) => panic!("{count}: it was over: {came:?}"),
            () = world.after_requests(since, count) => {}
        }
        world.configure(&change).await.unwrap();
        let name = &world.project.environment;
        assert_eq!(world.variables(name).await["A"], "1", "{count}");
        assert_eq!(world.fleet().await.len(), 2, "{count}");
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_managed_platform_update_is_named_and_waited_for() {
    let world = World::with_environment(Setup {
        faults: "environments:\n  - {deployment: 2, fault: {managed-update: 10m}}\n",
        speed: Some(200.0),
        ..Setup::default()
    })
    .await;
    let good = world.release().await;
    assert_ended(&good, Verdict::Released, ExitCode::Done);
    let wanted = with(&world.project, &[("A", "1")]);
    let change = world.change(&wanted, &wanted).await;
    while world.environment().await.status == beanpole_cloud::EnvironmentStatus::Ready {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert_eq!(world.configure(&change).await.unwrap().0, StepOutcome::Done);
    assert_runs(&world, good.version_label.as_deref().unwrap()).await;
    let told = world.heard.progress("update");
    assert!(
        told.iter()
            .any(|line| line.contains("Updating (a managed platform update: Update platform")),
        "{told:?}"
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_on_eks_is_refused_before_anything_is_made() {
    let world = World::with_environment(Setup {
        faults: "environments:\n  - {fault: cluster-mode}\n",
        ..Setup::default()
    })
    .await;
    let report = world.release().await;
    assert_ended(&report, Verdict::Stopped, ExitCode::Usage);
    assert!(report.created.is_empty(), "{report}");
    assert!(report.to_string().contains("Beanstalk Cluster"), "{report}");
    assert_eq!(outcome(&report, "bundle"), None, "{report}");
    world.end().await;
}
