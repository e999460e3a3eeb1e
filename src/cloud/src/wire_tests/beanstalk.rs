//! Elastic Beanstalk's answers.

use beanpole_model::{ApplicationName, EnvironmentName, ExitCode, Problem as _, VersionLabel};
use wiremock::MockServer;
use wiremock::matchers::body_string_contains;

use super::{query, query_error, server, xml};
use crate::{
    Beanstalk, BeanstalkEvent, Color, DeploymentStatus, EnvironmentStatus, Error, EventQuery,
    HealthStatus, Kind, NewVersion, OptionSetting, SettingsState, Started, UpdateEnvironment,
    VersionStatus,
};

const BUSY: &str =
    "Environment named blog-prod is in an invalid state for this operation. Must be Ready.";

fn application() -> ApplicationName {
    ApplicationName::new("blog").unwrap()
}

fn environment() -> EnvironmentName {
    EnvironmentName::new("blog-prod").unwrap()
}

fn label() -> VersionLabel {
    VersionLabel::new("abc123-def456").unwrap()
}

fn described(status: &str, created: &str) -> String {
    format!(
        "<member><EnvironmentName>blog-prod</EnvironmentName><EnvironmentId>e-abc</EnvironmentId>\
         <ApplicationName>blog</ApplicationName><VersionLabel>v1</VersionLabel>\
         <Status>{status}</Status><Health>Green</Health><HealthStatus>Ok</HealthStatus>\
         <CNAME>blog.eu-central-1.elasticbeanstalk.com</CNAME>\
         <AbortableOperationInProgress>false</AbortableOperationInProgress>\
         <DateCreated>{created}</DateCreated></member>"
    )
}

async fn mount_environments(server: &MockServer, members: &str) {
    let body = format!(
        "<DescribeEnvironmentsResponse><DescribeEnvironmentsResult><Environments>{members}\
         </Environments></DescribeEnvironmentsResult></DescribeEnvironmentsResponse>"
    );
    query("DescribeEnvironments")
        .respond_with(xml(200, body))
        .mount(server)
        .await;
}

async fn deploy(beanstalk: &Beanstalk) -> Result<Started, Error> {
    let change = UpdateEnvironment::deploy(application(), environment(), label());
    beanstalk.update_environment(&change).await
}

#[tokio::test]
async fn an_update_of_a_busy_environment_is_busy_by_its_status() {
    let (server, connection) = server().await;
    query("UpdateEnvironment")
        .respond_with(query_error(400, "InvalidParameterValue", BUSY))
        .mount(&server)
        .await;
    mount_environments(&server, &described("Updating", "2026-01-01T00:00:00Z")).await;
    let error = deploy(&Beanstalk::new(&connection)).await.unwrap_err();
    assert_eq!(error.kind, Kind::Busy);
    assert_eq!(error.exit_code(), ExitCode::Busy);
    assert!(error.to_string().contains("it is Updating"), "{error}");
    // One update, not repeated, and one look.
    assert_eq!(connection.requests(), 2);
}

#[tokio::test]
async fn a_lost_answer_does_not_make_our_own_update_look_like_someone_elses() {
    let (server, connection) = server().await;
    query("UpdateEnvironment")
        .respond_with(xml(503, ""))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    query("UpdateEnvironment")
        .respond_with(query_error(400, "InvalidParameterValue", BUSY))
        .mount(&server)
        .await;
    mount_environments(&server, &described("Updating", "2026-01-01T00:00:00Z")).await;
    let started = deploy(&Beanstalk::new(&connection)).await.unwrap();
    assert_eq!(started.request_id, None);
    assert_eq!(started.environment.status, EnvironmentStatus::Updating);
}

#[tokio::test]
async fn throttling_leaves_no_doubt_about_a_change() {
    let (server, connection) = server().await;
    query("UpdateEnvironment")
        .respond_with(query_error(400, "Throttling", "Rate exceeded"))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    query("UpdateEnvironment")
        .respond_with(query_error(400, "InvalidParameterValue", BUSY))
        .mount(&server)
        .await;
    mount_environments(&server, &described("Updating", "2026-01-01T00:00:00Z")).await;
    let error = deploy(&Beanstalk::new(&connection)).await.unwrap_err();
    assert_eq!(error.kind, Kind::Busy);
}

#[tokio::test]
async fn the_same_code_for_a_ready_environment_is_about_the_value() {
    let (server, connection) = server().await;
    let words = "No Application Version named 'abc123-def456' found.";
    query("UpdateEnvironment")
        .respond_with(query_error(400, "InvalidParameterValue", words))
        .mount(&server)
        .await;
    mount_environments(&server, &described("Ready", "2026-01-01T00:00:00Z")).await;
    let error = deploy(&Beanstalk::new(&connection)).await.unwrap_err();
    assert_eq!(error.kind, Kind::InvalidParameter);
    assert_eq!(error.exit_code(), ExitCode::Usage);
    assert!(
        error.to_string().contains("No Application Version named"),
        "{error}"
    );
}

#[tokio::test]
async fn the_same_code_for_no_environment_is_not_found() {
    let (server, connection) = server().await;
    let words = "No Environment found for EnvironmentName = 'blog-prod'.";
    query("TerminateEnvironment")
        .respond_with(query_error(400, "InvalidParameterValue", words))
        .mount(&server)
        .await;
    mount_environments(&server, "").await;
    let beanstalk = Beanstalk::new(&connection);
    let error = beanstalk
        .terminate(&application(), &environment())
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::NotFound);
}

#[tokio::test]
async fn an_update_returns_the_request_id() {
    let (server, connection) = server().await;
    let body = "<UpdateEnvironmentResponse><UpdateEnvironmentResult>\
        <EnvironmentName>blog-prod</EnvironmentName><EnvironmentId>e-abc</EnvironmentId>\
        <VersionLabel>abc123-def456</VersionLabel><Status>Updating</Status><Health>Grey</Health>\
        </UpdateEnvironmentResult></UpdateEnvironmentResponse>";
    query("UpdateEnvironment")
        .respond_with(xml(200, body))
        .mount(&server)
        .await;
    let started = deploy(&Beanstalk::new(&connection)).await.unwrap();
    assert_eq!(
        started.request_id.as_deref(),
        Some("11111111-2222-3333-4444-555555555555")
    );
    assert_eq!(started.environment.status, EnvironmentStatus::Updating);
    assert_eq!(started.environment.health, Color::Grey);
    let request = &server.received_requests().await.unwrap()[0];
    let sent = String::from_utf8(request.body.clone()).unwrap();
    assert!(sent.contains("VersionLabel=abc123-def456"), "{sent}");
    assert!(!sent.contains("OptionSettings"), "{sent}");
}

#[tokio::test]
async fn terminated_environments_are_ignored_and_the_youngest_wins() {
    let (server, connection) = server().await;
    let members = [
        described("Terminated", "2026-03-01T00:00:00Z"),
        described("Ready", "2026-01-01T00:00:00Z"),
        described("SomethingNew", "2026-02-01T00:00:00Z"),
    ];
    mount_environments(&server, &members.concat()).await;
    let beanstalk = Beanstalk::new(&connection);
    let found = beanstalk
        .environment(&application(), &environment())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        found.status,
        EnvironmentStatus::Other("SomethingNew".to_owned())
    );
    assert_eq!(found.health_status, Some(HealthStatus::Ok));
    assert_eq!(found.version_label.as_deref(), Some("v1"));
}

const VERSION: &str = "<member><VersionLabel>abc123-def456</VersionLabel>\
    <Status>PROCESSED</Status><SourceBundle><S3Bucket>bucket</S3Bucket>\
    <S3Key>blog/x.zip</S3Key></SourceBundle></member>";

fn new_version() -> NewVersion {
    NewVersion {
        application: application(),
        label: label(),
        description: "a commit".to_owned(),
        bucket: "bucket".to_owned(),
        key: "blog/x.zip".to_owned(),
        process: true,
        tags: [("a".to_owned(), "b".to_owned())].into(),
    }
}

fn version_list(members: &str) -> String {
    format!(
        "<DescribeApplicationVersionsResponse><DescribeApplicationVersionsResult>\
         <ApplicationVersions>{members}</ApplicationVersions>\
         </DescribeApplicationVersionsResult></DescribeApplicationVersionsResponse>"
    )
}

#[tokio::test]
async fn a_version_whose_answer_was_lost_is_created() {
    let (server, connection) = server().await;
    query("CreateApplicationVersion")
        .respond_with(xml(500, ""))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    query("CreateApplicationVersion")
        .respond_with(query_error(400, "InvalidParameterValue", "already exists"))
        .mount(&server)
        .await;
    query("DescribeApplicationVersions")
        .respond_with(xml(200, version_list(VERSION)))
        .mount(&server)
        .await;
    let created = Beanstalk::new(&connection)
        .create_version(&new_version())
        .await
        .unwrap();
    assert_eq!(created.label, "abc123-def456");
}

#[tokio::test]
async fn a_taken_label_exists_already() {
    let (server, connection) = server().await;
    let words = "Application Version abc123-def456 already exists.";
    query("CreateApplicationVersion")
        .respond_with(query_error(400, "InvalidParameterValue", words))
        .mount(&server)
        .await;
    query("DescribeApplicationVersions")
        .respond_with(xml(200, version_list(VERSION)))
        .mount(&server)
        .await;
    let beanstalk = Beanstalk::new(&connection);
    let error = beanstalk.create_version(&new_version()).await.unwrap_err();
    assert_eq!(error.kind, Kind::AlreadyExists);
    let versions = beanstalk
        .versions(&application(), &[label()])
        .await
        .unwrap();
    assert_eq!(versions[0].status, VersionStatus::Processed);
    assert_eq!(
        versions[0].bundle,
        Some(("bucket".to_owned(), "blog/x.zip".to_owned()))
    );
}

#[tokio::test]
async fn every_page_of_instances_is_read() {
    let (server, connection) = server().await;
    let page = |id: &str, next: &str| {
        format!(
            "<DescribeInstancesHealthResponse><DescribeInstancesHealthResult><InstanceHealthList>\
             <member><InstanceId>{id}</InstanceId><HealthStatus>Ok</HealthStatus>\
             <Color>Green</Color><Causes/><Deployment><DeploymentId>7</DeploymentId>\
             <Status>Deployed</Status><VersionLabel>v2</VersionLabel>\
             <DeploymentTime>2026-01-01T00:00:00Z</DeploymentTime></Deployment></member>\
             </InstanceHealthList>{next}</DescribeInstancesHealthResult>\
             </DescribeInstancesHealthResponse>"
        )
    };
    query("DescribeInstancesHealth")
        .and(body_string_contains("NextToken=more"))
        .respond_with(xml(200, page("i-1", "")))
        .mount(&server)
        .await;
    query("DescribeInstancesHealth")
        .respond_with(xml(200, page("i-2", "<NextToken>more</NextToken>")))
        .mount(&server)
        .await;
    let instances = Beanstalk::new(&connection)
        .instances(&environment())
        .await
        .unwrap();
    let ids: Vec<&str> = instances
        .iter()
        .map(|instance| instance.id.as_str())
        .collect();
    assert_eq!(ids, ["i-1", "i-2"]);
    let deployment = instances[0].deployment.as_ref().unwrap();
    assert_eq!(deployment.status, DeploymentStatus::Deployed);
    assert_eq!(deployment.version_label.as_deref(), Some("v2"));
    assert_eq!(deployment.id, Some(7));
}

#[tokio::test]
async fn health_reads_status_causes_and_counts() {
    let (server, connection) = server().await;
    let body = "<DescribeEnvironmentHealthResponse><DescribeEnvironmentHealthResult>\
        <EnvironmentName>blog-prod</EnvironmentName><HealthStatus>NoData</HealthStatus>\
        <Status>Ready</Status><Color>Grey</Color><Causes><member>No data.</member></Causes>\
        <ApplicationMetrics><Duration>10</Duration><RequestCount>20</RequestCount><StatusCodes>\
        <Status2xx>18</Status2xx><Status5xx>2</Status5xx></StatusCodes>\
        <Latency><P99>0.5</P99></Latency></ApplicationMetrics>\
        <InstancesHealth><Ok>2</Ok><Severe>1</Severe></InstancesHealth>\
        <RefreshedAt>2026-01-01T00:00:00Z</RefreshedAt>\
        </DescribeEnvironmentHealthResult></DescribeEnvironmentHealthResponse>";
    query("DescribeEnvironmentHealth")
        .respond_with(xml(200, body))
        .mount(&server)
        .await;
    let health = Beanstalk::new(&connection)
        .health(&environment())
        .await
        .unwrap();
    assert_eq!(health.environment_status, EnvironmentStatus::Ready);
    assert_eq!(health.status, HealthStatus::NoData);
    assert_eq!(health.color, Color::Grey);
    assert_eq!(health.causes, ["No data."]);
    assert_eq!(
        (
            health.instances.ok,
            health.instances.severe,
            health.instances.total()
        ),
        (2, 1, 3)
    );
    let metrics = health.metrics.unwrap();
    assert_eq!(
        (metrics.requests, metrics.status_2xx, metrics.status_5xx),
        (20, 18, 2)
    );
    assert_eq!(metrics.latency_p99, Some(0.5));
}

#[tokio::test]
async fn events_of_all_pages_come_oldest_first() {
    let (server, connection) = server().await;
    let event = |at: &str, message: &str| {
        format!(
            "<member><EventDate>{at}</EventDate><Message>{message}</Message>\
             <Severity>INFO</Severity><RequestId>r-1</RequestId></member>"
        )
    };
    let page = |members: &str, next: &str| {
        format!(
            "<DescribeEventsResponse><DescribeEventsResult><Events>{members}</Events>{next}\
             </DescribeEventsResult></DescribeEventsResponse>"
        )
    };
    let older = event("2026-01-01T00:00:01Z", "first");
    let newer = [
        event("2026-01-01T00:00:02Z", "third"),
        event("2026-01-01T00:00:02Z", "second"),
    ]
    .concat();
    query("DescribeEvents")
        .and(body_string_contains("NextToken=more"))
        .respond_with(xml(200, page(&older, "")))
        .mount(&server)
        .await;
    query("DescribeEvents")
        .and(body_string_contains("RequestId=r-1"))
        .respond_with(xml(200, page(&newer, "<NextToken>more</NextToken>")))
        .mount(&server)
        .await;
    let wanted = EventQuery {
        environment: Some(environment()),
        request_id: Some("r-1".to_owned()),
        since: Some("2026-01-01T00:00:00Z".parse().unwrap()),
        ..EventQuery::default()
    };
    let events: Vec<BeanstalkEvent> = Beanstalk::new(&connection).events(&wanted).await.unwrap();
    let messages: Vec<&str> = events.iter().map(|event| event.message.as_str()).collect();
    assert_eq!(messages, ["first", "second", "third"]);
    let wanted = EventQuery {
        limit: Some(1),
        ..wanted
    };
    let events = Beanstalk::new(&connection).events(&wanted).await.unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].message, "third");
}

#[tokio::test]
async fn a_pending_change_gives_two_sets_of_settings() {
    let (server, connection) = server().await;
    let set = |state: &str, value: &str| {
        format!(
            "<member><DeploymentStatus>{state}</DeploymentStatus><OptionSettings><member>\
             <Namespace>aws:autoscaling:asg</Namespace><OptionName>MaxSize</OptionName>\
             <Value>{value}</Value></member></OptionSettings></member>"
        )
    };
    let body = format!(
        "<DescribeConfigurationSettingsResponse><DescribeConfigurationSettingsResult>\
         <ConfigurationSettings>{}{}</ConfigurationSettings>\
         </DescribeConfigurationSettingsResult></DescribeConfigurationSettingsResponse>",
        set("deployed", "4"),
        set("pending", "8")
    );
    query("DescribeConfigurationSettings")
        .respond_with(xml(200, body))
        .mount(&server)
        .await;
    let beanstalk = Beanstalk::new(&connection);
    let sets = beanstalk
        .settings(&application(), &environment())
        .await
        .unwrap();
    assert_eq!(sets[0].state, Some(SettingsState::Deployed));
    assert_eq!(sets[1].state, Some(SettingsState::Pending));
    assert_eq!(
        sets[1].settings,
        [OptionSetting::new("aws:autoscaling:asg", "MaxSize", "8")]
    );
}

#[tokio::test]
async fn logs_come_from_the_signed_address_which_is_not_shown() {
    let (server, connection) = server().await;
    query("RequestEnvironmentInfo")
        .respond_with(xml(200, "<RequestEnvironmentInfoResponse/>"))
        .mount(&server)
        .await;
    let sample = |instance: &str, path: &str| {
        format!(
            "<member><InfoType>tail</InfoType><Ec2InstanceId>{instance}</Ec2InstanceId>\
             <Message>{}{path}?X-Amz-Signature=abc</Message></member>",
            server.uri()
        )
    };
    let body = format!(
        "<RetrieveEnvironmentInfoResponse><RetrieveEnvironmentInfoResult><EnvironmentInfo>{}{}\
         </EnvironmentInfo></RetrieveEnvironmentInfoResult></RetrieveEnvironmentInfoResponse>",
        sample("i-1", "/one"),
        sample("i-2", "/gone")
    );
    // Before the request there are none.
    query("RetrieveEnvironmentInfo")
        .respond_with(xml(
            200,
            "<RetrieveEnvironmentInfoResponse><RetrieveEnvironmentInfoResult/>\
             </RetrieveEnvironmentInfoResponse>",
        ))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    query("RetrieveEnvironmentInfo")
        .respond_with(xml(200, body))
        .mount(&server)
        .await;
    wiremock::Mock::given(wiremock::matchers::path("/one"))
        .respond_with(wiremock::ResponseTemplate::new(200).set_body_string("last words\n"))
        .mount(&server)
        .await;
    let pace = beanpole_model::Pace::rehearsal(1000.0, true);
    let deadline = std::time::Duration::from_secs(30);
    let logs = Beanstalk::new(&connection)
        .tail_logs(&environment(), pace, deadline)
        .await
        .unwrap();
    assert_eq!(logs.len(), 1);
    assert_eq!(
        (logs[0].instance.as_str(), logs[0].text.as_str()),
        ("i-1", "last words\n")
    );
}
