//! boto3, unmodified, as a client of every service: its parsers and waiters judge our answers.
//!
//! Needs boto3 in `target/venv` (made by `scripts/test-services`). Without it the tests fail, unless
//! `BEANPOLE_TEST_SERVICES=none` says that this machine has no services.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use beanpole_model::{AccountId, Region, Silent};
use beanpole_rehearsal::{FaultScript, Options, Rehearsal};
use tokio::process::Command;

/// Fast enough that no life cycle takes longer than a second, slow enough that each status is seen.
const SPEED: f64 = 600.0;

/// What goes wrong in the test of faults. `boto3_services.py` expects it in this order.
const FAULTS: &str = "
requests:
  - {service: elasticbeanstalk, operation: DescribeApplications, times: 2, fault: throttle}
  - {service: elasticbeanstalk, operation: DescribeEnvironments, times: 2, fault: throttle}
  - {service: rds, operation: DescribeDB*, fault: server-error}
  - {service: s3, operation: PutObject, fault: drop}
  - {service: s3, operation: DeleteObject, fault: throttle}
  - {service: secretsmanager, operation: CreateSecret, fault: drop-answer}
  - {service: secretsmanager, operation: ListSecrets, fault: throttle}
  - {service: ec2, operation: DescribeVpcs, fault: throttle}
  - {service: ec2, operation: DescribeSubnets, fault: access-denied}
  - {service: iam, fault: access-denied}
  - {service: monitoring, fault: throttle}
  - {service: elasticache, fault: {error: {status: 400, code: TooManyThings, message: Too many things.}}}
  - {service: sts, fault: expired-credentials}
  - {service: sts, fault: {delay: 5m}}
";

/// The interpreter with boto3, or `None` if this machine is declared to have no services.
fn python() -> Option<PathBuf> {
    if std::env::var_os("BEANPOLE_TEST_SERVICES").is_some_and(|value| value == "none") {
        return None;
    }
    // Beside the sources also when CARGO_TARGET_DIR names another place: scripts/test-services.
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target");
    let python = target.join("venv/bin/python");
    assert!(
        python.exists(),
        "{} is missing: run scripts/test-services",
        python.display()
    );
    Some(python)
}

async fn start(faults: Option<FaultScript>) -> Rehearsal {
    let region = Region::new("eu-central-1").unwrap();
    let account = AccountId::new("123456789012").unwrap();
    let options = Options {
        speed: SPEED,
        faults,
        ..Options::new(region, account)
    };
    beanpole_rehearsal::start(options, Arc::new(Silent))
        .await
        .unwrap()
}

/// Runs a part of the script against an embedded AWS; its assertions decide.
async fn run(part: &str, rehearsal: &Rehearsal) {
    let Some(python) = python() else { return };
    let work = tempfile::tempdir().unwrap();
    let (key, secret) = rehearsal.credentials();
    let output = Command::new(python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/boto3_services.py"))
        .arg(part)
        .env_clear()
        .env("HOME", work.path())
        .env("WORK", work.path())
        .env("AWS_ENDPOINT_URL", rehearsal.endpoint_url())
        .env("AWS_ACCESS_KEY_ID", key)
        .env("AWS_SECRET_ACCESS_KEY", secret.expose())
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("BALANCER", rehearsal.load_balancer_address().to_string())
        .env("SLACK", rehearsal.slack_api_url())
        .output()
        .await
        .unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[tokio::test]
async fn every_service_answers_boto3() {
    let rehearsal = start(None).await;
    run("services", &rehearsal).await;
    if python().is_some() {
        let [message, ..] = &rehearsal.slack_messages()[..] else {
            panic!("no message was kept")
        };
        assert_eq!(
            (message.channel.as_str(), message.text.as_str()),
            ("#deploys", "done")
        );
        assert_eq!(message.updates, 1);
    }
    rehearsal.stop().await.unwrap();
}

#[tokio::test]
async fn an_environment_is_reached_through_the_load_balancer() {
    let rehearsal = start(None).await;
    run("beanstalk", &rehearsal).await;
    rehearsal.stop().await.unwrap();
}

#[tokio::test]
async fn the_fault_script_is_felt_by_boto3() {
    let script = FaultScript::parse("test", FAULTS).unwrap();
    let rehearsal = start(Some(script)).await;
    run("faults", &rehearsal).await;
    rehearsal.stop().await.unwrap();
}
