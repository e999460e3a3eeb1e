//! Creation, termination, configuration, abort.

use super::{Bench, ENVIRONMENT, field, fields_of};
use crate::beanstalk::tests::BUCKET;
use crate::clock::between;
use crate::world::{Routes as _, Targets};

#[tokio::test(start_paused = true)]
async fn a_new_environment_tells_its_story_and_serves() {
    let bench = Bench::new("").await;
    bench.versions(&["v1"]).await;
    let start = bench.world.clock.now();
    let request = bench.create("v1", &["aws:autoscaling:asg|MinSize=2"]).await;
    let took = between(start, bench.world.clock.now()).as_secs();
    assert!((200..300).contains(&took), "{took} s");
    let events = bench.events(&request).await;
    assert_eq!(events.first().unwrap(), "createEnvironment is starting.");
    assert_eq!(
        events[1],
        format!("Using {BUCKET} as Amazon S3 storage bucket for environment data.")
    );
    assert!(
        events.contains(
            &"Waiting for EC2 instances to launch. This may take a few minutes.".to_owned()
        )
    );
    assert_eq!(
        events.last().unwrap(),
        "Successfully launched environment: shop-production"
    );
    bench.sleep(60).await;
    let environment = bench.environment().await;
    assert_eq!(field(&environment, "Status"), "Ready");
    assert_eq!(field(&environment, "Health"), "Green");
    assert_eq!(field(&environment, "HealthStatus"), "Ok");
    assert_eq!(field(&environment, "VersionLabel"), "v1");
    assert_eq!(
        field(&environment, "CNAME"),
        "shop.eu-central-1.elasticbeanstalk.localhost:8080"
    );
    assert_eq!(
        bench.instances().await,
        ["v1 Deployed Ok", "v1 Deployed Ok"]
    );
    let leaders = bench
        .plane
        .deployments("v1")
        .iter()
        .filter(|spec| spec.leader)
        .count();
    assert_eq!(leaders, 1);
    let Targets::InService(targets) = bench
        .beanstalk
        .targets("shop.eu-central-1.elasticbeanstalk.localhost:8080")
    else {
        panic!("nothing is in service");
    };
    assert_eq!(targets.len(), 2);
    assert_eq!(
        bench.beanstalk.targets("other.localhost"),
        Targets::UnknownHost
    );
}

#[tokio::test(start_paused = true)]
async fn a_version_that_does_not_deploy_makes_the_creation_end_with_errors() {
    let bench = Bench::new("").await;
    bench.versions(&["v1-broken"]).await;
    let request = bench.create("v1-broken", &[]).await;
    let events = bench.events(&request).await;
    assert!(
        events
            .contains(&"Instance deployment failed. For details, see 'eb-engine.log'.".to_owned())
    );
    assert!(
        events
            .last()
            .unwrap()
            .starts_with("Create environment operation is complete, but with errors.")
    );
    bench.sleep(60).await;
    assert_eq!(field(&bench.environment().await, "Health"), "Red");
}

#[tokio::test(start_paused = true)]
async fn termination_removes_the_instances_and_frees_the_names() {
    let bench = Bench::new("").await;
    bench.versions(&["v1"]).await;
    bench.create("v1", &[]).await;
    let body = bench
        .good("TerminateEnvironment", &[("EnvironmentName", ENVIRONMENT)])
        .await;
    assert_eq!(field(&body, "Status"), "Terminating");
    let request = field(
        body.rsplit("<ResponseMetadata>").next().unwrap(),
        "RequestId",
    );
    bench.settled().await;
    assert!(bench.plane.running().is_empty());
    let fields = [("IncludeDeleted", "false")];
    let left = bench.good("DescribeEnvironments", &fields).await;
    assert!(fields_of(&left, "EnvironmentName").is_empty());
    assert_eq!(field(&bench.environment().await, "Status"), "Terminated");
    let fields = [("RequestId", request.as_str())];
    let events = fields_of(&bench.good("DescribeEvents", &fields).await, "Message");
    assert_eq!(
        events.first().unwrap(),
        "terminateEnvironment completed successfully."
    );
    assert_eq!(events.last().unwrap(), "terminateEnvironment is starting.");
    // Both names can be used again.
    bench.create("v1", &[]).await;
}

#[tokio::test(start_paused = true)]
async fn an_environment_that_launches_cannot_be_terminated_or_updated() {
    let bench = Bench::new("").await;
    let fields = [
        ("ApplicationName", "shop"),
        ("EnvironmentName", ENVIRONMENT),
        (
            "SolutionStackName",
            "64bit Amazon Linux 2023 v4.7.2 running Docker",
        ),
    ];
    let body = bench.good("CreateEnvironment", &fields).await;
    assert_eq!(field(&body, "Status"), "Launching");
    assert_eq!(field(&body, "VersionLabel"), "Sample Application");
    let name = [("EnvironmentName", ENVIRONMENT)];
    assert_eq!(
        bench.refused("TerminateEnvironment", &name).await.1,
        "Cannot terminate environment named shop-production. It is currently pending creation."
    );
    assert_eq!(
        bench.refused("UpdateEnvironment", &name).await,
        (
            "InvalidParameterValue".to_owned(),
            "Environment named shop-production is in an invalid state for this operation. Must be \
             Ready."
                .to_owned()
        )
    );
}

#[tokio::test(start_paused = true)]
async fn variables_and_secrets_reach_the_instances_and_restart_them() {
    let bench = Bench::new("").await;
    bench.versions(&["v1"]).await;
    bench.create("v1", &[]).await;
    let request = bench
        .start(
            "",
            &[
                "aws:elasticbeanstalk:application:environment|DEBUG=0",
                "aws:elasticbeanstalk:application:environmentsecrets|DATABASE_URL=arn:aws:secretsmanager:eu-central-1:123456789012:secret:django/db-AbCdEf:url",
            ],
        )
        .await;
    let names = [
        ("ApplicationName", "shop"),
        ("EnvironmentName", ENVIRONMENT),
    ];
    let pending = bench.good("DescribeConfigurationSettings", &names).await;
    assert_eq!(
        fields_of(&pending, "DeploymentStatus"),
        ["deployed", "pending"]
    );
    bench.settled().await;
    let settled = bench.good("DescribeConfigurationSettings", &names).await;
    assert_eq!(fields_of(&settled, "DeploymentStatus"), ["deployed"]);
    assert_eq!(
        bench.events(&request).await,
        [
            "Environment update is starting.",
            "Updating environment shop-production's configuration settings.",
            "Instance deployment completed successfully.",
            "Successfully deployed new configuration to environment.",
            "Environment update completed successfully.",
        ]
    );
    let last = bench.plane.deployments("v1").pop().unwrap();
    assert_eq!(last.deployment_id, 2);
    assert!(
        !last.leader,
        "leader_only commands belong to deployments of a version"
    );
    assert_eq!(last.variables["DEBUG"].expose(), "0");
    assert_eq!(
        last.variables["DATABASE_URL"].expose(),
        "postgres://shop:hunter2hunter2@db/shop"
    );
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_is_missing_fails_the_configuration_and_brings_the_former_one_back() {
    let bench = Bench::new("").await;
    bench.versions(&["v1"]).await;
    bench.create("v1", &[]).await;
    let request = bench
        .start("", &["aws:elasticbeanstalk:application:environmentsecrets|KEY=arn:aws:secretsmanager:eu-central-1:123456789012:secret:gone-AbCdEf"])
        .await;
    bench.settled().await;
    let events = bench.events(&request).await;
    assert!(
        events
            .iter()
            .any(|event| event.contains("Failed to fetch the secret of KEY")),
        "{events:?}"
    );
    assert!(events.contains(&"Failed to deploy configuration.".to_owned()));
    assert_eq!(
        events.last().unwrap(),
        "The environment was reverted to the previous configuration setting."
    );
    let names = [
        ("ApplicationName", "shop"),
        ("EnvironmentName", ENVIRONMENT),
    ];
    let sets = bench.good("DescribeConfigurationSettings", &names).await;
    assert_eq!(fields_of(&sets, "DeploymentStatus"), ["deployed", "failed"]);
    bench.sleep(120).await;
    assert_eq!(field(&bench.environment().await, "HealthStatus"), "Ok");
}

#[tokio::test(start_paused = true)]
async fn the_fleet_follows_its_limits() {
    let bench = Bench::new("").await;
    bench.versions(&["v1"]).await;
    bench.create("v1", &[]).await;
    bench.start("", &["aws:autoscaling:asg|MinSize=3"]).await;
    bench.settled().await;
    assert_eq!(bench.instances().await.len(), 3);
    bench
        .start(
            "",
            &[
                "aws:autoscaling:asg|MinSize=1",
                "aws:autoscaling:asg|MaxSize=1",
            ],
        )
        .await;
    bench.settled().await;
    assert_eq!(bench.instances().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn new_instance_types_replace_all_instances_with_the_same_version() {
    let bench = Bench::new("").await;
    bench.versions(&["v1"]).await;
    bench.create("v1", &["aws:autoscaling:asg|MinSize=2"]).await;
    let before = bench.plane.running();
    bench
        .start("", &["aws:ec2:instances|InstanceTypes=t3.large"])
        .await;
    bench.settled().await;
    let after = bench.plane.running();
    assert_eq!(after.len(), 2);
    assert!(after.keys().all(|id| !before.contains_key(id)));
    assert!(after.values().all(|label| label == "v1"));
}

#[tokio::test(start_paused = true)]
async fn an_aborted_rolling_update_leaves_a_mixed_fleet_and_a_ready_environment() {
    let bench = Bench::new("").await;
    bench.versions(&["v1", "v2"]).await;
    bench.create("v1", &ROLLING_ONE_BY_ONE).await;
    let request = bench.start("v2", &[]).await;
    assert_eq!(
        field(&bench.environment().await, "AbortableOperationInProgress"),
        "true"
    );
    bench.sleep(100).await;
    bench
        .good(
            "AbortEnvironmentUpdate",
            &[("EnvironmentName", ENVIRONMENT)],
        )
        .await;
    assert_eq!(field(&bench.environment().await, "Status"), "Aborting");
    bench.settled().await;
    assert_eq!(
        bench.events(&request).await.last().unwrap(),
        "The environment update was aborted."
    );
    bench.sleep(60).await;
    assert_eq!(
        bench.instances().await,
        ["v1 Deployed Ok", "v2 Deployed Degraded"]
    );
    assert_eq!(field(&bench.environment().await, "VersionLabel"), "v1");
    let name = [("EnvironmentName", ENVIRONMENT)];
    assert_eq!(
        bench.refused("AbortEnvironmentUpdate", &name).await.0,
        "InvalidParameterValue"
    );
}

pub(super) const ROLLING_ONE_BY_ONE: [&str; 4] = [
    "aws:autoscaling:asg|MinSize=2",
    "aws:elasticbeanstalk:command|DeploymentPolicy=Rolling",
    "aws:elasticbeanstalk:command|BatchSizeType=Fixed",
    "aws:elasticbeanstalk:command|BatchSize=1",
];

#[tokio::test(start_paused = true)]
async fn logs_can_be_fetched_from_storage_without_secrets_in_them() {
    let bench = Bench::new("").await;
    bench.versions(&["v1"]).await;
    bench
        .create("v1", &["aws:elasticbeanstalk:application:environmentsecrets|DATABASE_URL=arn:aws:secretsmanager:eu-central-1:123456789012:secret:django/db-AbCdEf:url"])
        .await;
    let fields = [("EnvironmentName", ENVIRONMENT), ("InfoType", "tail")];
    bench.good("RequestEnvironmentInfo", &fields).await;
    let body = bench.good("RetrieveEnvironmentInfo", &fields).await;
    let url = field(&body, "Message");
    let key = url
        .strip_prefix(&format!("http://127.0.0.1:4566/{BUCKET}/"))
        .unwrap();
    let bytes = bench.world.storage().get(BUCKET, key).await.unwrap();
    let log = String::from_utf8(bytes.to_vec()).unwrap();
    assert!(log.contains("deployed v1"), "{log}");
    assert!(
        log.contains("url is [redacted]") && !log.contains("hunter2"),
        "{log}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_restart_fetches_secrets_again_and_is_no_deployment() {
    let bench = Bench::new("").await;
    bench.versions(&["v1"]).await;
    bench.create("v1", &[]).await;
    bench
        .good("RestartAppServer", &[("EnvironmentName", ENVIRONMENT)])
        .await;
    assert_eq!(field(&bench.environment().await, "Status"), "Updating");
    bench.settled().await;
    let numbers: Vec<i64> = bench
        .plane
        .deployments("v1")
        .iter()
        .map(|spec| spec.deployment_id)
        .collect();
    assert_eq!(numbers, [1, 1]);
    assert!(
        bench
            .events("")
            .await
            .contains(&"Restarted the application servers.".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn a_version_and_settings_in_one_request_are_one_deployment() {
    let bench = Bench::new("").await;
    bench.versions(&["v1", "v2"]).await;
    bench.create("v1", &[]).await;
    let setting = "aws:elasticbeanstalk:application:environment|DEBUG=0";
    let request = bench.start("v2", &[setting]).await;
    bench.settled().await;
    let deployments = bench.plane.deployments("v2");
    assert_eq!(deployments.len(), 1);
    assert_eq!(deployments[0].variables["DEBUG"].expose(), "0");
    assert!(deployments[0].leader);
    let events = bench.events(&request).await;
    assert_eq!(
        events[events.len() - 3..],
        [
            "New application version was deployed to running EC2 instances.",
            "Successfully deployed new configuration to environment.",
            "Environment update completed successfully.",
        ]
    );
    // One that fails leaves the former settings in force.
    bench.versions(&["v3-broken"]).await;
    bench
        .start(
            "v3-broken",
            &["aws:elasticbeanstalk:application:environment|DEBUG=1"],
        )
        .await;
    bench.settled().await;
    let names = [
        ("ApplicationName", "shop"),
        ("EnvironmentName", ENVIRONMENT),
    ];
    let sets = bench.good("DescribeConfigurationSettings", &names).await;
    assert_eq!(fields_of(&sets, "DeploymentStatus"), ["deployed", "failed"]);
    bench.deploy("v2").await;
    let last = bench.plane.deployments("v2").pop().unwrap();
    assert_eq!(last.variables["DEBUG"].expose(), "0");
}
