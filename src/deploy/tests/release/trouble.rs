//! Trouble on the way to AWS: it must neither hang a release nor fool it.

use beanpole_deploy::Verdict;
use beanpole_model::ExitCode;

use crate::support::{Setup, World, assert_ended, outcome};

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
