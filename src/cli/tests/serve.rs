//! `rehearse --serve` for other clients: boto3 and the `eb` command line, both unmodified, and
//! `beanpole` from another shell.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail the test")]

mod common;

use std::process::Command;

use beanpole_testkit::virtual_environment;
use common::Outcome;
use common::served::Served;

/// Clients that AWS wrote.
impl Served {
    fn client(&self, program: &str) -> Command {
        let mut command = self
            .sandbox
            .command(virtual_environment().join("bin").join(program));
        command
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .env("AWS_EC2_METADATA_DISABLED", "true")
            // `eb` looks for a newer version of itself; this lets it find nothing, quickly.
            .env("HTTPS_PROXY", "http://127.0.0.1:9")
            .env("NO_PROXY", "127.0.0.1,localhost")
            .stdin(std::process::Stdio::null());
        command
    }

    /// Runs `eb`, which must end with 0 and print each of `expected`.
    #[track_caller]
    fn eb(&self, arguments: &[&str], expected: &[&str]) {
        let outcome = Outcome::from(self.client("eb").args(arguments).output().unwrap()).exits(0);
        for text in expected {
            let printed = format!("{}{}", outcome.stdout, outcome.stderr);
            assert!(
                printed.contains(text),
                "eb {arguments:?} lacks `{text}`:\n{printed}"
            );
        }
    }
}

#[test]
fn eb_creates_deploys_and_terminates() {
    let served = Served::start();
    let region = ["--region", "us-east-1"];
    let platform = "Docker running on 64bit Amazon Linux 2023";
    served.eb(
        &[&["init", "shop", "--platform", platform], &region[..]].concat(),
        &["shop"],
    );
    let create = [
        "create",
        "shop-staging",
        "--elb-type",
        "application",
        "--timeout",
        "5",
    ];
    served.eb(
        &create,
        &[
            "createEnvironment is starting.",
            "Successfully launched environment",
        ],
    );
    served.eb(
        &["status", "shop-staging"],
        &["Status: Ready", "Health: Green"],
    );
    served.eb(&["health", "shop-staging"], &["Ok"]);
    served.eb(
        &["events", "shop-staging"],
        &["Successfully launched environment"],
    );
    served.sandbox.write("app.py", "VERSION = 2\n");
    let deploy = [
        "deploy",
        "shop-staging",
        "--label",
        "second",
        "--timeout",
        "5",
    ];
    served.eb(&deploy, &["Environment update completed successfully."]);
    served.eb(&["status", "shop-staging"], &["Deployed Version: second"]);
    let terminate = ["terminate", "shop-staging", "--force", "--timeout", "5"];
    served.eb(
        &terminate,
        &["terminateEnvironment completed successfully."],
    );
    served.running.interrupt();
    served.running.finish().exits(0);
}

#[test]
fn boto3_sees_one_account_over_all_services() {
    let served = Served::start();
    let script = "
import boto3
account = boto3.client('sts').get_caller_identity()['Account']
bucket = boto3.client('elasticbeanstalk').create_storage_location()['S3Bucket']
boto3.client('s3').put_object(Bucket=bucket, Key='note', Body=b'hello')
body = boto3.client('s3').get_object(Bucket=bucket, Key='note')['Body'].read().decode()
secret = boto3.client('secretsmanager').create_secret(Name='shop/key', SecretString='value')
vpcs = boto3.client('ec2').describe_vpcs()['Vpcs']
print(account, bucket.endswith(account), body, account in secret['ARN'], len(vpcs))
";
    let output = served
        .client("python")
        .args(["-c", script])
        .output()
        .unwrap();
    let outcome = Outcome::from(output).exits(0);
    assert_eq!(outcome.stdout, "123456789012 True hello True 1\n");
    served.running.interrupt();
    served.running.finish().exits(0);
}

#[test]
fn a_public_name_that_another_application_has_is_refused_before_anything_is_made() {
    let served = Served::start();
    let manifest = |application: &str| {
        format!(
            "application: {application}\nregion: us-east-1\ncname_prefix: storefront\n\
             processes:\n  web: {{command: gunicorn shop.wsgi, port: 8000}}\n"
        )
    };
    served
        .beanpole_with(&manifest("shop"), &["apply", "--yes"])
        .exits(0);
    for command in ["plan", "apply"] {
        served
            .beanpole_with(&manifest("stall"), &[command, "--yes"])
            .exits(2)
            .says("`storefront`")
            .says("cname_prefix");
    }
    let applications = "import boto3; beanstalk = boto3.client('elasticbeanstalk'); \
        print([found['ApplicationName'] for found in beanstalk.describe_applications()['Applications']])";
    let output = served
        .client("python")
        .args(["-c", applications])
        .output()
        .unwrap();
    assert_eq!(Outcome::from(output).exits(0).stdout, "['shop']\n");
    served.running.interrupt();
    served.running.finish().exits(0);
}
