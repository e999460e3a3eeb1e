//! The other services: what counts as an answer and what as an error.

use beanpole_model::{Problem as _, Secret};
use bytes::Bytes;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, ResponseTemplate};

use super::{ATTEMPTS, json_error, query, query_error, server, xml};
use crate::{
    Caches, Databases, Kind, NetworkClient, Registry, Roles, Rule, SecretsManager, Source, Storage,
};

fn ec2_error(status: u16, code: &str, message: &str) -> ResponseTemplate {
    xml(
        status,
        format!(
            "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error>\
             </Errors><RequestID>r-1</RequestID></Response>"
        ),
    )
}

fn s3_error(status: u16, code: &str) -> ResponseTemplate {
    xml(
        status,
        format!(
            "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>No.</Message>\
             <RequestId>r-1</RequestId></Error>"
        ),
    )
}

#[tokio::test]
async fn a_database_that_does_not_exist_is_an_answer() {
    let (server, connection) = server().await;
    query("DescribeDBInstances")
        .respond_with(query_error(
            404,
            "DBInstanceNotFound",
            "DBInstance blog-db not found.",
        ))
        .mount(&server)
        .await;
    assert_eq!(
        Databases::new(&connection)
            .describe("blog-db")
            .await
            .unwrap(),
        None
    );
}

#[tokio::test]
async fn a_database_in_the_wrong_state_is_busy() {
    let (server, connection) = server().await;
    query("DeleteDBInstance")
        .respond_with(query_error(
            400,
            "InvalidDBInstanceState",
            "It is being created.",
        ))
        .mount(&server)
        .await;
    let error = Databases::new(&connection)
        .delete("blog-db", None)
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::Busy);
    assert_eq!(error.permission(), "rds:DeleteDBInstance");
}

#[tokio::test]
async fn a_cache_that_does_not_exist_is_an_answer() {
    let (server, connection) = server().await;
    query("DescribeReplicationGroups")
        .respond_with(query_error(
            404,
            "ReplicationGroupNotFoundFault",
            "not found",
        ))
        .mount(&server)
        .await;
    assert_eq!(
        Caches::new(&connection)
            .describe("blog-cache")
            .await
            .unwrap(),
        None
    );
}

#[tokio::test]
async fn a_rule_that_is_there_is_an_answer_and_a_refusal_an_error() {
    let (server, connection) = server().await;
    query("AuthorizeSecurityGroupIngress")
        .respond_with(ec2_error(400, "InvalidPermission.Duplicate", "exists"))
        .mount(&server)
        .await;
    query("RevokeSecurityGroupIngress")
        .respond_with(ec2_error(403, "UnauthorizedOperation", "no"))
        .mount(&server)
        .await;
    query("DeleteSecurityGroup")
        .respond_with(ec2_error(400, "DependencyViolation", "in use"))
        .mount(&server)
        .await;
    let network = NetworkClient::new(&connection);
    let rule = Rule::tcp(5432, Source::Group("sg-2".to_owned()), "instances");
    assert!(!network.authorize_ingress("sg-1", &rule).await.unwrap());
    let error = network.revoke_ingress("sg-1", &rule).await.unwrap_err();
    assert_eq!(error.kind, Kind::AccessDenied);
    assert!(
        error
            .hint()
            .unwrap()
            .contains("`ec2:RevokeSecurityGroupIngress`")
    );
    let error = network.delete_security_group("sg-1").await.unwrap_err();
    assert_eq!(error.kind, Kind::Busy);
}

#[tokio::test]
async fn the_instances_group_is_not_the_load_balancers() {
    let (server, connection) = server().await;
    let item = |id: &str, name: &str| {
        format!("<item><groupId>{id}</groupId><groupName>{name}</groupName></item>")
    };
    let body = format!(
        "<DescribeSecurityGroupsResponse><securityGroupInfo>{}{}{}</securityGroupInfo>\
         </DescribeSecurityGroupsResponse>",
        item("sg-1", "awseb-e-abc-stack-AWSEBLoadBalancerSecurityGroup-X"),
        item("sg-2", "awseb-e-other-stack-AWSEBSecurityGroup-X"),
        item("sg-3", "awseb-e-abc-stack-AWSEBSecurityGroup-X"),
    );
    query("DescribeSecurityGroups")
        .respond_with(xml(200, body))
        .mount(&server)
        .await;
    let found = NetworkClient::new(&connection)
        .environment_security_group("e-abc")
        .await
        .unwrap();
    assert_eq!(found.unwrap().id, "sg-3");
}

#[tokio::test]
async fn a_missing_role_is_an_answer() {
    let (server, connection) = server().await;
    query("GetRole")
        .respond_with(query_error(404, "NoSuchEntity", "no"))
        .mount(&server)
        .await;
    query("GetInstanceProfile")
        .respond_with(query_error(404, "NoSuchEntity", "no"))
        .mount(&server)
        .await;
    let roles = Roles::new(&connection);
    assert_eq!(
        roles
            .role("aws-elasticbeanstalk-service-role")
            .await
            .unwrap(),
        None
    );
    assert!(
        !roles
            .instance_profile("aws-elasticbeanstalk-ec2-role")
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn json_services_report_codes_too() {
    let (server, connection) = server().await;
    Mock::given(header("x-amz-target", "secretsmanager.GetSecretValue"))
        .respond_with(json_error(
            400,
            "ResourceNotFoundException",
            "no such secret",
        ))
        .mount(&server)
        .await;
    Mock::given(header("x-amz-target", "secretsmanager.CreateSecret"))
        .respond_with(json_error(400, "ResourceExistsException", "exists"))
        .mount(&server)
        .await;
    Mock::given(header("x-amz-target", "secretsmanager.PutSecretValue"))
        .respond_with(json_error(
            400,
            "LimitExceededException",
            "too many versions",
        ))
        .mount(&server)
        .await;
    Mock::given(header(
        "x-amz-target",
        "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken",
    ))
    .respond_with(json_error(
        400,
        "com.amazonaws.ecr#ExpiredTokenException",
        "expired",
    ))
    .mount(&server)
    .await;
    let secrets = SecretsManager::new(&connection);
    assert_eq!(secrets.find("django/x").await.unwrap(), None);
    let value = Secret::new("planted-value-1");
    let error = secrets
        .create("django/x", &value, "", &[].into())
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::AlreadyExists);
    assert!(!format!("{error} {error:?}").contains("planted-value-1"));
    let before = connection.requests();
    let error = secrets.put("django/x", &value).await.unwrap_err();
    assert_eq!(error.kind, Kind::LimitExceeded);
    // The SDK would repeat this code as throttling; a quota does not pass.
    assert_eq!(connection.requests() - before, 1);
    let error = Registry::new(&connection).token().await.unwrap_err();
    assert_eq!(error.kind, Kind::Credentials);
    assert_eq!(error.exit_code().code(), 7);
}

#[tokio::test]
async fn json_throttling_is_repeated() {
    let (server, connection) = server().await;
    Mock::given(header("x-amz-target", "secretsmanager.DescribeSecret"))
        .respond_with(json_error(400, "ThrottlingException", "slow down"))
        .mount(&server)
        .await;
    let error = SecretsManager::new(&connection)
        .describe("django/x")
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::Throttled);
    assert_eq!(connection.requests(), u64::from(ATTEMPTS));
}

/// CloudWatch's SDK speaks CBOR over "smithy RPC v2".
fn cbor(status: u16, body: Vec<u8>) -> ResponseTemplate {
    ResponseTemplate::new(status)
        .insert_header("smithy-protocol", "rpc-v2-cbor")
        .set_body_raw(body, "application/cbor")
}

/// `{"__type": code, "message": "no"}` in CBOR (RFC 8949): a map of two, with short texts.
fn cbor_error(code: &str) -> Vec<u8> {
    let text = |text: &str| {
        let length = u8::try_from(text.len()).unwrap();
        let mut bytes = if length < 24 {
            vec![0x60 + length]
        } else {
            vec![0x78, length]
        };
        bytes.extend(text.as_bytes());
        bytes
    };
    [
        vec![0xa2],
        text("__type"),
        text(code),
        text("message"),
        text("no"),
    ]
    .concat()
}

#[tokio::test]
async fn alarms_speak_cbor() {
    let (server, connection) = server().await;
    let operation = |name: &str| {
        path(format!(
            "/service/GraniteServiceVersion20100801/operation/{name}"
        ))
    };
    Mock::given(operation("DeleteAlarms"))
        .respond_with(cbor(
            404,
            cbor_error("com.amazonaws.cloudwatch#ResourceNotFound"),
        ))
        .mount(&server)
        .await;
    Mock::given(operation("DescribeAlarms"))
        .respond_with(cbor(400, cbor_error("com.amazonaws.cloudwatch#Throttling")))
        .mount(&server)
        .await;
    let alarms = crate::Alarms::new(&connection);
    alarms.delete(&["gone".to_owned()]).await.unwrap();
    assert_eq!(connection.requests(), 1);
    let error = alarms.describe("blog").await.unwrap_err();
    assert_eq!(error.kind, Kind::Throttled);
    assert_eq!(connection.requests(), 1 + u64::from(ATTEMPTS));
}

#[tokio::test]
async fn head_answers_have_no_body_and_still_tell() {
    let (server, connection) = server().await;
    Mock::given(method("HEAD"))
        .and(path("/bucket/gone.zip"))
        .respond_with(ResponseTemplate::new(404))
        .mount(&server)
        .await;
    Mock::given(method("HEAD"))
        .and(path("/bucket/secret.zip"))
        .respond_with(ResponseTemplate::new(403))
        .mount(&server)
        .await;
    let storage = Storage::new(&connection);
    assert_eq!(storage.head("bucket", "gone.zip").await.unwrap(), None);
    let error = storage.head("bucket", "secret.zip").await.unwrap_err();
    assert_eq!(error.kind, Kind::AccessDenied);
    assert!(error.hint().unwrap().contains("`s3:GetObject`"));
}

#[tokio::test]
async fn a_lost_race_for_a_key_is_a_failed_precondition() {
    for (status, code) in [
        (412, "PreconditionFailed"),
        (409, "ConditionalRequestConflict"),
    ] {
        let (server, connection) = server().await;
        Mock::given(method("PUT"))
            .and(path("/bucket/lock"))
            .and(header("if-none-match", "*"))
            .respond_with(s3_error(status, code))
            .mount(&server)
            .await;
        let storage = Storage::new(&connection);
        let body = Bytes::from_static(b"me");
        let error = storage
            .put_if_absent("bucket", "lock", body)
            .await
            .unwrap_err();
        assert_eq!(error.kind, Kind::PreconditionFailed, "{code}");
        assert_eq!(connection.requests(), 1, "{code}");
    }
}

#[tokio::test]
async fn a_write_and_a_deletion_name_the_entity_tag_they_mean() {
    for (status, code, kind) in [
        (412, "PreconditionFailed", Kind::PreconditionFailed),
        (409, "ConditionalRequestConflict", Kind::PreconditionFailed),
        (404, "NoSuchKey", Kind::NotFound),
        (403, "AccessDenied", Kind::AccessDenied),
    ] {
        let (server, connection) = server().await;
        for verb in ["PUT", "DELETE"] {
            Mock::given(method(verb))
                .and(path("/bucket/lock"))
                .and(header("if-match", "\"e1\""))
                .respond_with(s3_error(status, code))
                .expect(1)
                .mount(&server)
                .await;
        }
        let storage = Storage::new(&connection);
        let body = Bytes::from_static(b"me");
        let error = storage
            .put_if_match("bucket", "lock", "\"e1\"", body)
            .await
            .unwrap_err();
        assert_eq!(error.kind, kind, "{code}");
        let deleted = storage.delete_if_match("bucket", "lock", "\"e1\"").await;
        match kind {
            Kind::NotFound => deleted.unwrap(),
            _ => assert_eq!(deleted.unwrap_err().kind, kind, "{code}"),
        }
    }
}

#[tokio::test]
async fn a_reading_tells_the_servers_time_also_of_what_is_not_there() {
    let (server, connection) = server().await;
    let date = ("date", "Tue, 13 Jan 2026 10:20:30 GMT");
    Mock::given(method("GET"))
        .and(path("/bucket/lock"))
        .respond_with(
            ResponseTemplate::new(200)
                .insert_header(date.0, date.1)
                .insert_header("last-modified", "Tue, 13 Jan 2026 10:17:00 GMT")
                .insert_header("etag", "\"e1\"")
                .set_body_bytes("me"),
        )
        .mount(&server)
        .await;
    for (key, code) in [("gone", "NoSuchKey"), ("nowhere", "NoSuchBucket")] {
        Mock::given(method("GET"))
            .and(path(format!("/bucket/{key}")))
            .respond_with(s3_error(404, code).insert_header(date.0, date.1))
            .mount(&server)
            .await;
    }
    let storage = Storage::new(&connection);
    let now = "2026-01-13T10:20:30Z".parse().unwrap();
    let reading = storage.read("bucket", "lock").await.unwrap();
    assert_eq!(reading.now, Some(now));
    let object = reading.object.unwrap();
    assert_eq!(object.content, "me");
    assert_eq!(object.etag, "\"e1\"");
    assert_eq!(
        object.modified,
        Some("2026-01-13T10:17:00Z".parse().unwrap())
    );
    let gone = storage.read("bucket", "gone").await.unwrap();
    assert_eq!((gone.now, gone.object), (Some(now), None));
    let error = storage.read("bucket", "nowhere").await.unwrap_err();
    assert_eq!(error.kind, Kind::NotFound);
}

#[tokio::test]
async fn uploads_carry_a_checksum() {
    let (server, connection) = server().await;
    Mock::given(method("PUT"))
        .and(header(
            "x-amz-checksum-sha256",
            "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
        ))
        .respond_with(ResponseTemplate::new(200).insert_header("etag", "\"1\""))
        .mount(&server)
        .await;
    let storage = Storage::new(&connection);
    let sent = storage
        .put("bucket", "key", Bytes::from_static(b"hello"))
        .await
        .unwrap();
    assert_eq!((sent.size, sent.parts), (5, 1));
}

#[tokio::test]
async fn a_part_that_fails_aborts_the_upload() {
    let (server, connection) = server().await;
    let begun = "<InitiateMultipartUploadResult><UploadId>up-1</UploadId>\
        </InitiateMultipartUploadResult>";
    Mock::given(method("POST"))
        .respond_with(xml(200, begun))
        .mount(&server)
        .await;
    Mock::given(method("PUT"))
        .respond_with(s3_error(403, "AccessDenied"))
        .mount(&server)
        .await;
    Mock::given(method("DELETE"))
        .and(wiremock::matchers::query_param("uploadId", "up-1"))
        .respond_with(ResponseTemplate::new(204))
        .expect(1)
        .mount(&server)
        .await;
    let directory = tempfile::tempdir().unwrap();
    let file = camino::Utf8PathBuf::from_path_buf(directory.path().join("b.zip")).unwrap();
    fs_err::write(
        &file,
        vec![7; usize::try_from(crate::PART_SIZE).unwrap() + 1],
    )
    .unwrap();
    let upload = crate::Upload {
        bucket: "bucket".to_owned(),
        key: "b.zip".to_owned(),
        file,
        metadata: [].into(),
    };
    let cancel = tokio_util::sync::CancellationToken::new();
    let storage = Storage::new(&connection);
    let error = storage
        .upload_file(&upload, &|_, _| {}, &cancel)
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::AccessDenied);
    assert_eq!(error.permission(), "s3:PutObject");
    // Dropping the server checks that the upload was aborted once.
}

#[tokio::test]
async fn a_cancelled_upload_is_aborted_too() {
    let (server, connection) = server().await;
    let begun = "<InitiateMultipartUploadResult><UploadId>up-1</UploadId>\
        </InitiateMultipartUploadResult>";
    Mock::given(method("POST"))
        .respond_with(xml(200, begun))
        .mount(&server)
        .await;
    let slow = ResponseTemplate::new(200).set_delay(std::time::Duration::from_secs(60));
    Mock::given(method("PUT"))
        .respond_with(slow)
        .mount(&server)
        .await;
    Mock::given(method("DELETE"))
        .respond_with(ResponseTemplate::new(204))
        .expect(1)
        .mount(&server)
        .await;
    let directory = tempfile::tempdir().unwrap();
    let file = camino::Utf8PathBuf::from_path_buf(directory.path().join("b.zip")).unwrap();
    fs_err::write(
        &file,
        vec![7; usize::try_from(crate::PART_SIZE).unwrap() + 1],
    )
    .unwrap();
    let upload = crate::Upload {
        bucket: "bucket".to_owned(),
        key: "b.zip".to_owned(),
        file,
        metadata: [].into(),
    };
    let cancel = tokio_util::sync::CancellationToken::new();
    let trigger = cancel.clone();
    tokio::spawn(async move {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        trigger.cancel();
    });
    let storage = Storage::new(&connection);
    let error = storage
        .upload_file(&upload, &|_, _| {}, &cancel)
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::Interrupted);
    assert_eq!(error.exit_code().code(), 130);
}
