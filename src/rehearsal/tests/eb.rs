//! The `eb` command line, unmodified, as a client of the embedded AWS: its parsers judge our answers, and
//! its exact comparisons judge our words.
//!
//! Needs `eb` in `target/venv` (made by `scripts/test-services`). Without it the test fails, unless
//! `BEANPOLE_TEST_SERVICES=none` says that this machine has no services.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::Arc;

use beanpole_model::{AccountId, Region, Silent};
use beanpole_rehearsal::{Options, Rehearsal};
use tokio::process::Command;

/// Fast enough that the five seconds between two polls of `eb` are enough for any life cycle.
const SPEED: f64 = 600.0;

/// The path of `eb`, or `None` if this machine is declared to have no services.
fn eb() -> Option<PathBuf> {
    if std::env::var_os("BEANPOLE_TEST_SERVICES").is_some_and(|value| value == "none") {
        return None;
    }
    // Beside the sources also when CARGO_TARGET_DIR names another place: scripts/test-services.
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target");
    let eb = target.join("venv/bin/eb");
    assert!(
        eb.exists(),
        "{} is missing: run scripts/test-services",
        eb.display()
    );
    Some(eb)
}

/// A project directory, a home directory, and an embedded AWS to use them against.
struct Bench {
    eb: PathBuf,
    rehearsal: Rehearsal,
    directory: tempfile::TempDir,
}

impl Bench {
    async fn new(eb: PathBuf) -> Self {
        let region = Region::new("eu-central-1").unwrap();
        let account = AccountId::new("123456789012").unwrap();
        let options = Options {
            speed: SPEED,
            ..Options::new(region, account)
        };
        let rehearsal = beanpole_rehearsal::start(options, Arc::new(Silent))
            .await
            .unwrap();
        let directory = tempfile::tempdir().unwrap();
        for name in ["home", "project"] {
            fs_err::create_dir(directory.path().join(name)).unwrap();
        }
        let bench = Self {
            eb,
            rehearsal,
            directory,
        };
        bench.write("Dockerfile", "FROM python:3.11\n");
        bench
    }

    fn project(&self) -> PathBuf {
        self.directory.path().join("project")
    }

    fn write(&self, name: &str, text: &str) {
        fs_err::write(self.project().join(name), text).unwrap();
    }

    /// Runs `eb`; its exit status and all it printed.
    async fn run(&self, arguments: &[&str]) -> (i32, String) {
        let (key, secret) = self.rehearsal.credentials();
        let Output {
            status,
            stdout,
            stderr,
        } = Command::new(&self.eb)
            .args(arguments)
            .current_dir(self.project())
            .env_clear()
            .env("HOME", self.directory.path().join("home"))
            .env("PATH", "/usr/bin:/bin")
            .env("AWS_ENDPOINT_URL", self.rehearsal.endpoint_url())
            .env("AWS_ACCESS_KEY_ID", key)
            .env("AWS_SECRET_ACCESS_KEY", secret.expose())
            .env("AWS_EC2_METADATA_DISABLED", "true")
            // `eb` looks for a newer version of itself; this lets it find nothing, quickly.
            .env("HTTPS_PROXY", "http://127.0.0.1:9")
            .env("NO_PROXY", "127.0.0.1,localhost")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .unwrap();
        let text = format!(
            "{}{}",
            String::from_utf8_lossy(&stdout),
            String::from_utf8_lossy(&stderr)
        );
        (status.code().unwrap_or(-1), text)
    }

    /// Runs `eb`, which must end with 0 and print all of `expected` in that order.
    async fn good(&self, arguments: &[&str], expected: &[&str]) -> String {
        let (status, text) = self.run(arguments).await;
        assert_eq!(status, 0, "eb {arguments:?}:\n{text}");
        assert_in_order(arguments, &text, expected);
        text
    }
}

fn assert_in_order(arguments: &[&str], text: &str, expected: &[&str]) {
    let mut rest = text;
    for line in expected {
        let Some((_, after)) = rest.split_once(line) else {
            panic!("eb {arguments:?} did not print `{line}` where it should:\n{text}");
        };
        rest = after;
    }
}

const CREATE: [&str; 8] = [
    "create",
    "shop-production",
    "--cname",
    "shop-eb",
    "--elb-type",
    "application",
    "--timeout",
    "2",
];

#[tokio::test(flavor = "multi_thread")]
async fn eb_creates_deploys_and_terminates() {
    let Some(eb) = eb() else { return };
    let bench = Bench::new(eb).await;
    bench
        .good(
            &[
                "init",
                "shop",
                "--platform",
                "docker",
                "--region",
                "eu-central-1",
            ],
            &["Application shop has been created."],
        )
        .await;
    bench
        .good(
            &CREATE,
            &[
                "createEnvironment is starting.",
                "Using elasticbeanstalk-eu-central-1-123456789012 as Amazon S3 storage bucket",
                "Created security group named: sg-",
                "Waiting for EC2 instances to launch.",
                "Created load balancer named: arn:aws:elasticloadbalancing:eu-central-1:",
                "Application available at shop-eb.eu-central-1.elasticbeanstalk.localhost",
                "Successfully launched environment: shop-production",
            ],
        )
        .await;
    bench
        .good(
            &["status"],
            &[
                "Environment details for: shop-production",
                "Application name: shop",
                "Region: eu-central-1",
                "Deployed Version: app-",
                "Platform: arn:aws:elasticbeanstalk:eu-central-1::platform/Docker running on 64bit \
                 Amazon Linux 2023/",
                "Tier: WebServer-Standard",
                "CNAME: shop-eb.eu-central-1.elasticbeanstalk.localhost:",
                "Status: Ready",
                "Health: Green",
            ],
        )
        .await;
    bench
        .good(
            &["health"],
            &["shop-production", "Ok", "Overall", "i-0", "Ok"],
        )
        .await;
    bench
        .good(
            &["events"],
            &[
                "createEnvironment is starting.",
                "Successfully launched environment:",
            ],
        )
        .await;
    bench
        .good(
            &["setenv", "DEBUG=0"],
            &[
                "Environment update is starting.",
                "Updating environment shop-production's configuration settings.",
                "Successfully deployed new configuration to environment.",
            ],
        )
        .await;
    bench.good(&["printenv"], &["DEBUG = 0"]).await;
    bench.write("requirements.txt", "django==5.2\n");
    bench
        .good(
            &["deploy", "--label", "second"],
            &[
                "Environment update is starting.",
                "Deploying new version to instance(s).",
                "Instance deployment completed successfully.",
                "New application version was deployed to running EC2 instances.",
                "Environment update completed successfully.",
            ],
        )
        .await;
    bench
        .good(&["status"], &["Deployed Version: second", "Health: Green"])
        .await;
    bench
        .good(&["logs"], &["i-0", "eb-engine.log", "Deployment"])
        .await;
    bench
        .good(
            &["terminate", "--force"],
            &[
                "terminateEnvironment is starting.",
                "Waiting for EC2 instances to terminate.",
                "Deleted security group named: awseb-e-",
                "terminateEnvironment completed successfully.",
            ],
        )
        .await;
    let (status, text) = bench.run(&["status", "shop-production"]).await;
    assert_eq!(status, 4, "{text}");
    bench.rehearsal.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn eb_sees_a_deployment_fail_and_the_way_back() {
    let Some(eb) = eb() else { return };
    let bench = Bench::new(eb).await;
    bench
        .good(
            &[
                "init",
                "shop",
                "--platform",
                "docker",
                "--region",
                "eu-central-1",
            ],
            &[],
        )
        .await;
    bench
        .good(&CREATE, &["Successfully launched environment"])
        .await;
    // The Docker platform refuses a bundle that says nothing about containers.
    fs_err::remove_file(bench.project().join("Dockerfile")).unwrap();
    bench.write("readme.txt", "nothing to build\n");
    let arguments = ["deploy", "--label", "broken"];
    let (status, text) = bench.run(&arguments).await;
    assert_eq!(status, 4, "{text}");
    assert_in_order(
        &arguments,
        &text,
        &[
            "Deploying new version to instance(s).",
            "Instance deployment failed. For details, see 'eb-engine.log'.",
            "Command failed on instance. Return code: 1 Output: ",
            "Unsuccessful command execution on instance id(s) 'i-0",
            "Failed to deploy application.",
        ],
    );
    let status = bench
        .good(&["status"], &["Deployed Version: app-", "Status: Ready"])
        .await;
    assert!(status.contains("Health: Red"), "{status}");
    bench
        .good(&["health"], &["Degraded", "Incorrect application version"])
        .await;
    bench.write("Dockerfile", "FROM python:3.11\n");
    bench
        .good(
            &["deploy", "--label", "mended"],
            &["Environment update completed successfully."],
        )
        .await;
    bench
        .good(&["status"], &["Deployed Version: mended", "Health: Green"])
        .await;
    bench.rehearsal.stop().await.unwrap();
}
