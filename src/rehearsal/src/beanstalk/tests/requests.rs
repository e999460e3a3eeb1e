//! Requests and their refusals, without much of a story.

use super::{BUCKET, Bench, ENVIRONMENT, field, fields_of};

const STACK: &str = "64bit Amazon Linux 2023 v4.7.2 running Docker";

#[tokio::test(start_paused = true)]
async fn versions_need_their_bundle_and_a_label_of_their_own() {
    let bench = Bench::new("").await;
    let fields = [
        ("ApplicationName", "shop"),
        ("VersionLabel", "v1"),
        ("SourceBundle.S3Bucket", BUCKET),
        ("SourceBundle.S3Key", "shop/nothing.zip"),
    ];
    let (code, message) = bench.refused("CreateApplicationVersion", &fields).await;
    assert_eq!(code, "InvalidParameterValue");
    assert!(
        message.contains("Unable to download from S3 location"),
        "{message}"
    );
    bench.versions(&["v1"]).await;
    let again = [("ApplicationName", "shop"), ("VersionLabel", "v1")];
    assert_eq!(
        bench.refused("CreateApplicationVersion", &again).await.1,
        "Application Version v1 already exists."
    );
    let other = [("ApplicationName", "none"), ("VersionLabel", "v1")];
    assert_eq!(
        bench.refused("CreateApplicationVersion", &other).await.1,
        "No Application named &apos;none&apos; found."
    );
}

#[tokio::test(start_paused = true)]
async fn processing_says_processed_or_failed_and_a_failed_version_is_not_deployed() {
    let bench = Bench::new("").await;
    bench.versions(&["v1"]).await;
    bench.create("v1", &[]).await;
    let fields = [
        ("ApplicationName", "shop"),
        ("VersionLabel", "v2"),
        ("SourceBundle.S3Bucket", BUCKET),
        ("SourceBundle.S3Key", "shop/v1.zip"),
        ("Process", "true"),
    ];
    let body = bench.good("CreateApplicationVersion", &fields).await;
    assert_eq!(field(&body, "Status"), "PROCESSING");
    bench.sleep(30).await;
    let fields = [
        ("ApplicationName", "shop"),
        ("VersionLabels.member.1", "v2"),
    ];
    let body = bench.good("DescribeApplicationVersions", &fields).await;
    // A lone compose file is no archive.
    assert_eq!(field(&body, "Status"), "FAILED");
    let fields = [("EnvironmentName", ENVIRONMENT), ("VersionLabel", "v2")];
    assert!(
        bench
            .refused("UpdateEnvironment", &fields)
            .await
            .1
            .contains("invalid status FAILED")
    );
    let fields = [("ApplicationName", "shop"), ("VersionLabel", "v2")];
    let events = bench.good("DescribeEvents", &fields).await;
    assert!(field(&events, "Message").ends_with("FAILED."));
}

#[tokio::test(start_paused = true)]
async fn a_deployed_version_cannot_be_deleted() {
    let bench = Bench::new("").await;
    bench.versions(&["v1", "v2"]).await;
    bench.create("v1", &[]).await;
    let delete = |label: &'static str| {
        [
            ("ApplicationName", "shop"),
            ("VersionLabel", label),
            ("DeleteSourceBundle", "true"),
        ]
    };
    let (_, message) = bench
        .refused("DeleteApplicationVersion", &delete("v1"))
        .await;
    assert!(message.contains("currently deployed"), "{message}");
    bench.good("DeleteApplicationVersion", &delete("v2")).await;
    assert!(!bench.world.storage().has(BUCKET, "shop/v2.zip").await);
    let fields = [("ApplicationName", "shop")];
    let left = bench.good("DescribeApplicationVersions", &fields).await;
    assert_eq!(fields_of(&left, "VersionLabel"), ["v1"]);
}

#[tokio::test(start_paused = true)]
async fn names_and_settings_are_checked_before_anything_is_made() {
    let bench = Bench::new("").await;
    let create = |name: &'static str, option: &'static str, value: &'static str| {
        [
            ("ApplicationName", "shop"),
            ("EnvironmentName", name),
            ("SolutionStackName", STACK),
            (
                "OptionSettings.member.1.Namespace",
                "aws:elasticbeanstalk:command",
            ),
            ("OptionSettings.member.1.OptionName", option),
            ("OptionSettings.member.1.Value", value),
        ]
    };
    let good = ("BatchSize", "50");
    let (code, _) = bench
        .refused("CreateEnvironment", &create("abc", good.0, good.1))
        .await;
    assert_eq!(code, "InvalidParameterValue");
    let (code, message) = bench
        .refused("CreateEnvironment", &create(ENVIRONMENT, "BatchSice", "50"))
        .await;
    assert_eq!(code, "ConfigurationValidationException");
    assert!(message.starts_with("Configuration validation exception: Invalid option spec"));
    let without_platform = [
        ("ApplicationName", "shop"),
        ("EnvironmentName", ENVIRONMENT),
    ];
    assert_eq!(
        bench
            .refused("CreateEnvironment", &without_platform)
            .await
            .1,
        "Unable to determine base for template pack (no solution stack)"
    );
    bench
        .good("CreateEnvironment", &create(ENVIRONMENT, good.0, good.1))
        .await;
    assert_eq!(
        bench
            .refused("CreateEnvironment", &create(ENVIRONMENT, good.0, good.1))
            .await
            .1,
        "Environment shop-production already exists."
    );
}

#[tokio::test(start_paused = true)]
async fn a_cname_is_given_once_and_can_be_swapped() {
    let bench = Bench::new("").await;
    bench.versions(&["v1"]).await;
    bench.create("v1", &[]).await;
    let prefix = [("CNAMEPrefix", "shop")];
    let answer = bench.good("CheckDNSAvailability", &prefix).await;
    assert_eq!(field(&answer, "Available"), "false");
    let other = [
        ("ApplicationName", "shop"),
        ("EnvironmentName", "shop-next"),
        ("SolutionStackName", STACK),
        ("CNAMEPrefix", "shop"),
    ];
    assert_eq!(
        bench.refused("CreateEnvironment", &other).await.1,
        "DNS name (shop.eu-central-1.elasticbeanstalk.localhost) is not available."
    );
    let other = [other[0], other[1], other[2], ("CNAMEPrefix", "shop-next")];
    bench.good("CreateEnvironment", &other).await;
    bench.sleep(600).await;
    let swap = [
        ("SourceEnvironmentName", ENVIRONMENT),
        ("DestinationEnvironmentName", "shop-next"),
    ];
    bench.good("SwapEnvironmentCNAMEs", &swap).await;
    // Both are busy while their names move.
    assert_eq!(field(&bench.environment().await, "Status"), "Updating");
    let (_, message) = bench.refused("SwapEnvironmentCNAMEs", &swap).await;
    assert!(message.ends_with("Must be Ready."), "{message}");
    bench.settled().await;
    assert_eq!(
        field(&bench.environment().await, "CNAME"),
        "shop-next.eu-central-1.elasticbeanstalk.localhost:8080"
    );
}

#[tokio::test(start_paused = true)]
async fn basic_health_has_no_health_pages() {
    let bench = Bench::new("").await;
    let fields = [
        ("ApplicationName", "shop"),
        ("EnvironmentName", ENVIRONMENT),
        ("SolutionStackName", STACK),
    ];
    bench.good("CreateEnvironment", &fields).await;
    bench.settled().await;
    bench.sleep(60).await;
    let environment = bench.environment().await;
    assert_eq!(field(&environment, "Health"), "Green");
    assert!(fields_of(&environment, "HealthStatus").is_empty());
    let fields = [
        ("EnvironmentName", ENVIRONMENT),
        ("AttributeNames.member.1", "All"),
    ];
    assert_eq!(
        bench.refused("DescribeEnvironmentHealth", &fields).await,
        (
            "InvalidRequestException".to_owned(),
            "DescribeEnvironmentHealth is not supported.".to_owned()
        )
    );
}

#[tokio::test(start_paused = true)]
async fn events_are_paged_and_filtered() {
    let bench = Bench::new("").await;
    bench.versions(&["v1"]).await;
    let request = bench.create("v1", &[]).await;
    let all = fields_of(
        &bench
            .good("DescribeEvents", &[("EnvironmentName", ENVIRONMENT)])
            .await,
        "Message",
    );
    let mut paged = Vec::new();
    let mut token = String::new();
    loop {
        let mut fields = vec![("EnvironmentName", ENVIRONMENT), ("MaxRecords", "4")];
        if !token.is_empty() {
            fields.push(("NextToken", &token));
        }
        let page = bench.good("DescribeEvents", &fields).await;
        paged.extend(fields_of(&page, "Message"));
        match fields_of(&page, "NextToken").pop() {
            Some(next) => token = next,
            None => break,
        }
    }
    assert_eq!(paged, all);
    let fields = [("EnvironmentName", ENVIRONMENT), ("Severity", "ERROR")];
    assert!(fields_of(&bench.good("DescribeEvents", &fields).await, "Message").is_empty());
    let fields = [("RequestId", request.as_str())];
    assert!(fields_of(&bench.good("DescribeEvents", &fields).await, "Message").len() > 10);
    let dates = fields_of(&bench.good("DescribeEvents", &fields).await, "EventDate");
    let fields = [
        ("RequestId", request.as_str()),
        ("StartTime", dates[2].as_str()),
    ];
    assert_eq!(
        fields_of(&bench.good("DescribeEvents", &fields).await, "EventDate"),
        dates[..3]
    );
}

#[tokio::test(start_paused = true)]
async fn text_outside_of_ascii_survives() {
    let bench = Bench::new("").await;
    let fields = [
        ("ApplicationName", "café ☕"),
        ("Description", "für <alle> & jeden"),
    ];
    bench.good("CreateApplication", &fields).await;
    let body = bench
        .good(
            "DescribeApplications",
            &[("ApplicationNames.member.1", "café ☕")],
        )
        .await;
    assert_eq!(field(&body, "ApplicationName"), "café ☕");
    assert_eq!(field(&body, "Description"), "für &lt;alle&gt; &amp; jeden");
}

#[tokio::test(start_paused = true)]
async fn an_application_with_environments_is_deleted_only_by_force() {
    let bench = Bench::new("").await;
    bench.versions(&["v1"]).await;
    bench.create("v1", &[]).await;
    let fields = [("ApplicationName", "shop")];
    assert!(
        bench
            .refused("DeleteApplication", &fields)
            .await
            .1
            .contains("running environment")
    );
    let fields = [("ApplicationName", "shop"), ("TerminateEnvByForce", "true")];
    bench.good("DeleteApplication", &fields).await;
    bench.sleep(600).await;
    let left = bench.good("DescribeApplications", &[]).await;
    assert!(fields_of(&left, "ApplicationName").is_empty());
}

#[tokio::test(start_paused = true)]
async fn tags_and_platforms_are_found() {
    let bench = Bench::new("").await;
    bench.versions(&["v1"]).await;
    bench.create("v1", &[]).await;
    let arn = field(&bench.environment().await, "EnvironmentArn");
    let fields = [
        ("ResourceArn", arn.as_str()),
        ("TagsToAdd.member.1.Key", "team"),
        ("TagsToAdd.member.1.Value", "shop"),
        ("TagsToRemove.member.1", "Name"),
    ];
    bench.good("UpdateTagsForResource", &fields).await;
    let body = bench
        .good("ListTagsForResource", &[("ResourceArn", &arn)])
        .await;
    assert_eq!(
        fields_of(&body, "Key"),
        [
            "elasticbeanstalk:environment-id",
            "elasticbeanstalk:environment-name",
            "team"
        ]
    );
    let fields = [
        ("Filters.member.1.Type", "PlatformBranchName"),
        ("Filters.member.1.Operator", "="),
        (
            "Filters.member.1.Values.member.1",
            "Docker running on 64bit Amazon Linux 2023",
        ),
        ("Filters.member.2.Type", "PlatformLifecycleState"),
        ("Filters.member.2.Operator", "="),
        ("Filters.member.2.Values.member.1", "Recommended"),
    ];
    let body = bench.good("ListPlatformVersions", &fields).await;
    assert_eq!(fields_of(&body, "PlatformVersion"), ["4.7.2"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_played_is_refused() {
    let bench = Bench::new("").await;
    let (code, message) = bench.refused("ComposeEnvironments", &[]).await;
    assert_eq!(code, "InvalidAction");
    assert!(message.contains("ComposeEnvironments"));
}
