//! What every client does about throttling, refusals, nonsense and broken connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use beanpole_model::{ApplicationName, ExitCode, Problem as _, Report};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use wiremock::matchers::any;
use wiremock::{Mock, ResponseTemplate};

use super::{ATTEMPTS, query, query_error, server, settings, xml};
use crate::connection::Connection;
use crate::{Beanstalk, Cloud, Error, Kind};

const NO_APPLICATIONS: &str = "<DescribeApplicationsResponse><DescribeApplicationsResult>\
    <Applications/></DescribeApplicationsResult></DescribeApplicationsResponse>";

async fn ask(connection: &Connection) -> Result<(), Error> {
    let name = ApplicationName::new("blog").unwrap();
    Beanstalk::new(connection)
        .application(&name)
        .await
        .map(drop)
}

#[tokio::test]
async fn throttling_is_repeated_until_it_passes() {
    let (server, connection) = server().await;
    query("DescribeApplications")
        .respond_with(query_error(400, "Throttling", "Rate exceeded"))
        .up_to_n_times(2)
        .mount(&server)
        .await;
    query("DescribeApplications")
        .respond_with(xml(200, NO_APPLICATIONS))
        .mount(&server)
        .await;
    ask(&connection).await.unwrap();
    assert_eq!(connection.requests(), 3);
}

#[tokio::test]
async fn throttling_that_does_not_pass_is_reported_as_such() {
    let (server, connection) = server().await;
    query("DescribeApplications")
        .respond_with(query_error(400, "Throttling", "Rate exceeded"))
        .mount(&server)
        .await;
    let error = ask(&connection).await.unwrap_err();
    assert_eq!(error.kind, Kind::Throttled);
    assert_eq!(error.code.as_deref(), Some("Throttling"));
    assert_eq!(error.exit_code(), ExitCode::Outside);
    assert_eq!(connection.requests(), u64::from(ATTEMPTS));
    assert_eq!(server.received_requests().await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_refusal_is_not_repeated_and_names_the_permission() {
    let (server, connection) = server().await;
    let words = "User: arn:aws:iam::123456789012:user/ci is not authorized";
    query("DescribeApplications")
        .respond_with(query_error(403, "AccessDenied", words))
        .mount(&server)
        .await;
    let error = ask(&connection).await.unwrap_err();
    assert_eq!(error.kind, Kind::AccessDenied);
    assert_eq!(connection.requests(), 1);
    let report = Report::from(error);
    assert_eq!(report.exit_code(), ExitCode::Credentials);
    assert_eq!(
        report.message(),
        format!(
            "elasticbeanstalk:DescribeApplications for application `blog`: access denied: {words} \
             (AccessDenied)"
        )
    );
    assert!(
        report
            .hint()
            .unwrap()
            .contains("`elasticbeanstalk:DescribeApplications`")
    );
    assert_eq!(
        report.details(),
        ["AWS request id: 11111111-2222-3333-4444-555555555555"]
    );
}

#[tokio::test]
async fn a_page_of_html_is_repeated_and_its_text_is_not_shown() {
    let (server, connection) = server().await;
    let page = "<html><body>Internal marker-4711 Error</body></html>";
    Mock::given(any())
        .respond_with(ResponseTemplate::new(500).set_body_raw(page.as_bytes(), "text/html"))
        .mount(&server)
        .await;
    let error = ask(&connection).await.unwrap_err();
    assert_eq!(error.kind, Kind::Service);
    assert_eq!(connection.requests(), u64::from(ATTEMPTS));
    let report = Report::from(error);
    let everything = format!(
        "{} {:?} {:?} {report:?}",
        report.message(),
        report.causes(),
        report.hint()
    );
    assert!(everything.contains("HTTP status 500"), "{everything}");
    assert!(everything.contains("text/html"), "{everything}");
    assert!(!everything.contains("marker-4711"), "{everything}");
}

#[tokio::test]
async fn a_foreign_404_does_not_mean_that_the_thing_is_gone() {
    let (server, connection) = server().await;
    let page =
        ResponseTemplate::new(404).set_body_raw(&b"<html>no such page</html>"[..], "text/html");
    Mock::given(any()).respond_with(page).mount(&server).await;
    let error = crate::Databases::new(&connection)
        .describe("blog-db")
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::Service);
    assert!(error.hint().unwrap().contains("proxy"));
    assert_eq!(connection.requests(), 1);
}

#[tokio::test]
async fn an_answer_that_is_no_xml_is_a_fault_of_the_service() {
    let (server, connection) = server().await;
    query("DescribeApplications")
        .respond_with(xml(200, "{\"marker-4712\": 1}"))
        .mount(&server)
        .await;
    let error = ask(&connection).await.unwrap_err();
    assert_eq!(error.kind, Kind::Service);
    assert_eq!(connection.requests(), 1);
    let everything = format!("{error} {error:?}");
    assert!(!everything.contains("marker-4712"), "{everything}");
    assert!(
        !everything.contains(&format!("{:?}", b"marker-4712")),
        "{everything}"
    );
}

#[tokio::test]
async fn a_dropped_connection_is_repeated_and_then_reported() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let accepted = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&accepted);
    let server = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            let mut start = [0; 16];
            let _ = stream.read(&mut start).await;
            drop(stream);
        }
    });
    let connection = Connection::open(&settings(&endpoint)).await.unwrap();
    let error = ask(&connection).await.unwrap_err();
    server.abort();
    assert_eq!(error.kind, Kind::Network);
    assert_eq!(error.exit_code(), ExitCode::Outside);
    assert_eq!(connection.requests(), u64::from(ATTEMPTS));
    assert!(accepted.load(Ordering::SeqCst) >= 3);
    assert!(!Report::from(error).causes().is_empty());
}

#[tokio::test]
async fn nobody_at_the_endpoint_is_a_network_failure() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = Cloud::connect(&settings(&endpoint)).await.unwrap_err();
    assert_eq!(error.kind, Kind::Network);
    assert_eq!(
        (error.service, error.operation),
        ("sts", "GetCallerIdentity")
    );
}

#[tokio::test]
async fn expired_credentials_end_the_connection_with_exit_code_7() {
    let (server, _) = server().await;
    query("GetCallerIdentity")
        .respond_with(query_error(
            403,
            "ExpiredToken",
            "The security token is expired",
        ))
        .mount(&server)
        .await;
    let mut settings = settings(&server.uri());
    let error = Cloud::connect(&settings).await.unwrap_err();
    assert_eq!(error.kind, Kind::Credentials);
    assert_eq!(error.exit_code(), ExitCode::Credentials);
    assert!(error.hint().unwrap().contains("aws sso login"));
    settings.profile = Some("work".to_owned());
    let error = Cloud::connect(&settings).await.unwrap_err();
    assert!(
        error
            .hint()
            .unwrap()
            .contains("`aws sso login --profile work`")
    );
}

#[tokio::test]
async fn a_connection_knows_who_and_where_it_is() {
    let (server, _) = server().await;
    let answer = "<GetCallerIdentityResponse><GetCallerIdentityResult>\
        <Arn>arn:aws:iam::123456789012:user/ci</Arn><UserId>AIDA</UserId>\
        <Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";
    query("GetCallerIdentity")
        .respond_with(xml(200, answer))
        .mount(&server)
        .await;
    let cloud = Cloud::connect(&settings(&server.uri())).await.unwrap();
    assert_eq!(cloud.identity.account.as_str(), "123456789012");
    assert_eq!(cloud.identity.region.as_str(), "eu-central-1");
    assert_eq!(cloud.requests(), 1);
    let request = &server.received_requests().await.unwrap()[0];
    let authorization = request
        .headers
        .get("authorization")
        .unwrap()
        .to_str()
        .unwrap();
    assert!(
        authorization.contains("/eu-central-1/sts/aws4_request"),
        "{authorization}"
    );
}
