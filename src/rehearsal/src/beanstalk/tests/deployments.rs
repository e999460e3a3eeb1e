//! Deployments under every policy: who gets the version when, and what a failure leaves behind.

use super::stories::ROLLING_ONE_BY_ONE;
use super::{Bench, ENVIRONMENT, field};

const POLICY: &str = "aws:elasticbeanstalk:command|DeploymentPolicy";

async fn bench(faults: &str, settings: &[&str]) -> Bench {
    let bench = Bench::new(faults).await;
    bench
        .versions(&["v1", "v2", "v2-broken", "v2-sick", "v2-half"])
        .await;
    bench.create("v1", settings).await;
    bench.sleep(300).await;
    bench
}

fn policy(name: &str) -> Vec<String> {
    vec![
        "aws:autoscaling:asg|MinSize=2".to_owned(),
        format!("{POLICY}={name}"),
    ]
}

async fn bench_with(faults: &str, name: &str) -> Bench {
    let settings = policy(name);
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    bench(faults, &settings).await
}

const FAILURE: &str = "Failed to deploy application.";
const MIXED: &str = "During an aborted deployment, some instances may have deployed the new \
    application version. To ensure all instances are running the same version, re-deploy the \
    appropriate application version.";

#[tokio::test(start_paused = true)]
async fn all_at_once_deploys_everywhere_and_does_not_wait_for_health() {
    let bench = bench_with("", "AllAtOnce").await;
    let request = bench.deploy("v2").await;
    assert_eq!(
        bench.events(&request).await,
        [
            "Environment update is starting.",
            "Deploying new version to instance(s).",
            "Instance deployment completed successfully.",
            "New application version was deployed to running EC2 instances.",
            "Environment update completed successfully.",
        ]
    );
    bench.sleep(60).await;
    assert_eq!(
        bench.instances().await,
        ["v2 Deployed Ok", "v2 Deployed Ok"]
    );
    assert_eq!(
        bench
            .plane
            .deployments("v2")
            .iter()
            .filter(|spec| spec.leader)
            .count(),
        1
    );
    // A version that answers 500 is reported as a success, and only the health tells.
    let request = bench.deploy("v2-sick").await;
    assert_eq!(
        bench.events(&request).await.last().unwrap(),
        "Environment update completed successfully."
    );
    bench.sleep(120).await;
    let environment = bench.environment().await;
    assert_eq!(field(&environment, "VersionLabel"), "v2-sick");
    assert_eq!(field(&environment, "HealthStatus"), "Severe");
}

#[tokio::test(start_paused = true)]
async fn all_at_once_that_fails_on_some_instances_leaves_a_mixed_fleet() {
    let bench = bench_with("", "AllAtOnce").await;
    let request = bench.deploy("v2-half").await;
    let events = bench.events(&request).await;
    assert_eq!(events[events.len() - 2..], [FAILURE, MIXED]);
    assert!(
        events.contains(
            &"Command execution completed on all instances. Summary: [Successful: 1, Failed: 1]."
                .to_owned()
        )
    );
    bench.sleep(60).await;
    let environment = bench.environment().await;
    assert_eq!(field(&environment, "Status"), "Ready");
    assert_eq!(field(&environment, "VersionLabel"), "v1");
    assert_eq!(field(&environment, "HealthStatus"), "Degraded");
    let fields = [
        ("EnvironmentName", ENVIRONMENT),
        ("AttributeNames.member.1", "Causes"),
    ];
    let health = bench.good("DescribeEnvironmentHealth", &fields).await;
    assert!(
        health.contains("Incorrect application version on environment instances."),
        "{health}"
    );
    // The documented way out: deploy a known good version.
    bench.deploy("v1").await;
    bench.sleep(120).await;
    assert_eq!(
        bench.instances().await,
        ["v1 Deployed Ok", "v1 Deployed Ok"]
    );
    assert_eq!(field(&bench.environment().await, "HealthStatus"), "Ok");
}

#[tokio::test(start_paused = true)]
async fn rolling_goes_batch_by_batch_and_waits_for_twelve_good_checks() {
    let bench = bench("", &ROLLING_ONE_BY_ONE).await;
    let start = bench.world.clock.now();
    let request = bench.deploy("v2").await;
    let took = crate::clock::between(start, bench.world.clock.now()).as_secs();
    assert!(took >= 2 * (120 + 30), "{took}");
    let events = bench.events(&request).await;
    let first = bench.plane.running().into_keys().count();
    assert_eq!(first, 2);
    let expected = [
        "Environment update is starting.",
        "Deploying new version to instance(s).",
        "Batch 1: Starting application deployment on instance(s) [i-",
        "Batch 1: De-registering instance(s) from the load balancer and waiting for them to go out",
        "Batch 1: Starting application deployment command execution.",
        "Instance deployment completed successfully.",
        "Batch 1: Completed application deployment command execution.",
        "Command execution completed on 1 of 2 instances in environment.",
        "Batch 1: Registering instance(s) with the load balancer and waiting for them to be healthy.",
        "Batch 1: Completed application deployment.",
        "Batch 2: Starting application deployment on instance(s) [i-",
    ];
    for (found, expected) in events.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found}\n{expected}");
    }
    assert_eq!(events.len(), 2 + 8 * 2 + 2);
    assert_eq!(
        bench
            .plane
            .deployments("v2")
            .iter()
            .filter(|spec| spec.leader)
            .count(),
        1
    );
}

#[tokio::test(start_paused = true)]
async fn rolling_stops_at_a_batch_that_does_not_get_healthy() {
    let bench = bench("", &ROLLING_ONE_BY_ONE).await;
    let request = bench.deploy("v2-sick").await;
    let events = bench.events(&request).await;
    let third_last = &events[events.len() - 3];
    assert!(
        third_last.starts_with("Instance id(s) 'i-")
            && third_last.ends_with(
                "did not pass health check after command execution. Aborting the operation."
            ),
        "{third_last}"
    );
    assert_eq!(events[events.len() - 2..], [FAILURE, MIXED]);
    assert_eq!(
        bench.instances().await,
        ["v1 Deployed Ok", "v2-sick Deployed Severe"]
    );
    assert_eq!(field(&bench.environment().await, "Health"), "Red");
}

#[tokio::test(start_paused = true)]
async fn an_additional_batch_tries_the_version_first_and_goes_away_again() {
    let bench = bench_with("", "RollingWithAdditionalBatch").await;
    let before = bench.plane.running();
    bench.deploy("v2").await;
    let after = bench.plane.running();
    assert_eq!(
        before.keys().collect::<Vec<_>>(),
        after.keys().collect::<Vec<_>>()
    );
    assert!(after.values().all(|label| label == "v2"));
    assert_eq!(
        bench
            .plane
            .deployments("v2")
            .iter()
            .filter(|spec| spec.leader)
            .count(),
        1
    );
    // One that fails there leaves the fleet as it was.
    bench.deploy("v2-broken").await;
    assert_eq!(bench.plane.running(), after);
    bench.sleep(120).await;
    assert_eq!(field(&bench.environment().await, "HealthStatus"), "Ok");
}

#[tokio::test(start_paused = true)]
async fn immutable_replaces_all_instances_or_none() {
    let bench = bench_with("", "Immutable").await;
    let before = bench.plane.running();
    let request = bench.deploy("v2-sick").await;
    assert_eq!(bench.plane.running(), before);
    let events = bench.events(&request).await;
    assert!(events.contains(&FAILURE.to_owned()) && !events.contains(&MIXED.to_owned()));
    bench.sleep(120).await;
    assert_eq!(field(&bench.environment().await, "HealthStatus"), "Ok");
    let request = bench.deploy("v2").await;
    let after = bench.plane.running();
    assert!(after.keys().all(|id| !before.contains_key(id)) && after.len() == 2);
    let events = bench.events(&request).await;
    assert_eq!(
        events[1],
        "Immutable deployment policy enabled. Launching one instance with the new settings to \
         verify health."
    );
    assert!(events.contains(
        &"Test instance passed health checks. Launching remaining new instances.".to_owned()
    ));
    assert_eq!(
        events[events.len() - 2..],
        [
            "New application version was deployed to running EC2 instances.",
            "Environment update completed successfully."
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn traffic_splitting_gives_the_new_version_a_share_before_it_takes_over() {
    let bench = bench_with("", "TrafficSplitting").await;
    bench.start("v2", &[]).await;
    bench.sleep(300).await;
    let crate::world::Targets::InService(targets) = crate::world::Routes::targets(
        &bench.beanstalk,
        "shop.eu-central-1.elasticbeanstalk.localhost",
    ) else {
        panic!("nothing is in service");
    };
    let weight = |label: &str| -> u32 {
        targets
            .iter()
            .filter(|t| t.version_label == label)
            .map(|t| t.weight)
            .sum()
    };
    assert_eq!(weight("v2") * 9, weight("v1"), "{targets:?}");
    bench.settled().await;
    assert!(bench.plane.running().values().all(|label| label == "v2"));
}

#[tokio::test(start_paused = true)]
async fn the_fault_script_fails_a_batch_without_touching_it() {
    let faults = "environments: [{deployment: 2, fault: {failing-batch: 2}}]";
    let bench = bench(faults, &ROLLING_ONE_BY_ONE).await;
    let request = bench.deploy("v2").await;
    let events = bench.events(&request).await;
    assert_eq!(events[events.len() - 2..], [FAILURE, MIXED]);
    let mut labels: Vec<String> = bench.plane.running().into_values().collect();
    labels.sort();
    assert_eq!(labels, ["v1", "v2"]);
    bench.sleep(60).await;
    assert_eq!(
        bench.instances().await,
        ["v2 Deployed Degraded", "v2 Failed Degraded"]
    );
}

#[tokio::test(start_paused = true)]
async fn the_fault_script_leaves_an_instance_behind_while_all_looks_well() {
    let faults = "environments: [{deployment: 2, fault: {mixed-fleet: 1}}]";
    for name in [
        "AllAtOnce",
        "Rolling",
        "RollingWithAdditionalBatch",
        "Immutable",
    ] {
        let bench = bench_with(faults, name).await;
        let request = bench.deploy("v2").await;
        assert_eq!(
            bench.events(&request).await.last().unwrap(),
            "Environment update completed successfully."
        );
        bench.sleep(60).await;
        assert_eq!(
            field(&bench.environment().await, "HealthStatus"),
            "Ok",
            "{name}"
        );
        let instances = bench.instances().await;
        assert!(
            instances.contains(&"v1 Deployed Ok".to_owned()),
            "{name}: {instances:?}"
        );
        assert!(
            instances.contains(&"v2 Deployed Ok".to_owned()),
            "{name}: {instances:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_fault_script_turns_a_version_red_after_a_while_until_another_replaces_it() {
    let faults = "environments: [{version: v2, fault: {red-after: 5m}}]";
    let bench = bench(faults, &[]).await;
    bench.deploy("v2").await;
    bench.sleep(240).await;
    assert_eq!(field(&bench.environment().await, "HealthStatus"), "Ok");
    bench.sleep(240).await;
    assert_eq!(field(&bench.environment().await, "HealthStatus"), "Severe");
    bench.deploy("v1").await;
    bench.sleep(60).await;
    assert_eq!(field(&bench.environment().await, "HealthStatus"), "Ok");
}

#[tokio::test(start_paused = true)]
async fn the_fault_script_keeps_events_from_being_seen_and_makes_environments_busy() {
    let faults = "environments:\n\
        - {deployment: 2, times: 0, fault: {lose-events: completed successfully}}\n\
        - {environment: 'shop-*', times: 1, fault: must-be-ready}\n\
        - {deployment: 3, fault: {health-stuck: Grey}}\n";
    let bench = bench(faults, &[]).await;
    let fields = [("EnvironmentName", ENVIRONMENT), ("VersionLabel", "v2")];
    assert!(
        bench
            .refused("UpdateEnvironment", &fields)
            .await
            .1
            .ends_with("Must be Ready.")
    );
    let request = bench.deploy("v2").await;
    let events = bench.events(&request).await;
    assert!(
        !events
            .iter()
            .any(|event| event.contains("completed successfully")),
        "{events:?}"
    );
    bench.deploy("v1").await;
    bench.sleep(300).await;
    assert_eq!(field(&bench.environment().await, "Health"), "Grey");
}
