//! No secret value of a run is found anywhere but where it belongs: planted and generated values are
//! searched for in stdout, stderr, JSON, the log, the bundle, the image history and the process list.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of a test fail the test"
)]

mod common;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use beanpole_testkit::{Sandbox, virtual_environment};
use common::{Kept, docker};

const PLANTED: &str = "PLANTED-7f3e9a51c2-do-not-show";

/// All command lines that were seen while it ran.
struct ProcessList {
    stop: Arc<AtomicBool>,
    seen: std::thread::JoinHandle<BTreeSet<String>>,
}

impl ProcessList {
    fn watch() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&stop);
        let seen = std::thread::spawn(move || {
            let mut seen = BTreeSet::new();
            while !until.load(Ordering::Relaxed) {
                for entry in std::fs::read_dir("/proc").unwrap().flatten() {
                    if let Ok(line) = std::fs::read(entry.path().join("cmdline")) {
                        seen.insert(String::from_utf8_lossy(&line).replace('\0', " "));
                    }
                }
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
            seen
        });
        Self { stop, seen }
    }

    fn finish(self) -> String {
        self.stop.store(true, Ordering::Relaxed);
        self.seen
            .join()
            .unwrap()
            .into_iter()
            .collect::<Vec<_>>()
            .join("\n")
    }
}

/// The values that the running app was given for these variables.
fn values_in_the_app(names: &[&str]) -> Vec<String> {
    let running = docker(&[
        "ps",
        "--filter",
        "label=beanpole.rehearsal",
        "--filter",
        "name=web",
        "--format",
        "{{.ID}}",
    ]);
    let container = running.first().expect("no web container runs");
    let lines = docker(&[
        "inspect",
        "--format",
        "{{range .Config.Env}}{{println .}}{{end}}",
        container,
    ]);
    names
        .iter()
        .map(|name| {
            let prefix = format!("{name}=");
            let line = lines.iter().find_map(|line| line.strip_prefix(&prefix));
            line.unwrap_or_else(|| panic!("the app was not given {name}"))
                .to_owned()
        })
        .collect()
}

/// Every file of every bundle in the embedded S3, unpacked to text.
fn bundles(kept: &Kept) -> String {
    let script = "
import boto3, io, zipfile
s3 = boto3.client('s3')
for bucket in s3.list_buckets()['Buckets']:
    for item in s3.list_objects_v2(Bucket=bucket['Name']).get('Contents', []):
        body = s3.get_object(Bucket=bucket['Name'], Key=item['Key'])['Body'].read()
        if zipfile.is_zipfile(io.BytesIO(body)):
            archive = zipfile.ZipFile(io.BytesIO(body))
            for name in archive.namelist():
                print(name)
                print(archive.read(name).decode('utf-8', 'replace'))
        else:
            print(body.decode('utf-8', 'replace'))
";
    let output = std::process::Command::new(virtual_environment().join("bin/python"))
        .args(["-c", script])
        .envs(kept.variables.iter().map(|(name, value)| (name, value)))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn docker_no_secret_value_is_found_anywhere() {
    let sandbox = Sandbox::blog();
    let named = "    DJANGO_SECRET_KEY: django/blog/secret-key\n";
    let both = format!("{named}    PAYMENT_KEY: blog/payment-key\n");
    sandbox.replace("beanpole.yaml", named, &both);
    // The app itself misbehaves: it logs its secrets, and its logs end up in ours.
    let settings = sandbox.read("config/settings/prod.py");
    sandbox.write(
        "config/settings/prod.py",
        &format!(
            "{settings}\nimport os\n\nprint(\"settings loaded\", os.environ.get(\"PAYMENT_KEY\"), \
             os.environ.get(\"DB_PASSWORD\"), flush=True)\n"
        ),
    );
    sandbox.commit("feat: take payments");
    sandbox.write("../planted.env", &format!("blog/payment-key={PLANTED}\n"));

    let processes = ProcessList::watch();
    let arguments = [
        "--engine",
        "docker",
        "--secrets",
        "../planted.env",
        "--verbose",
    ];
    let kept = Kept::start(&sandbox, &arguments);
    let secrets = values_in_the_app(&["PAYMENT_KEY", "DB_PASSWORD", "DJANGO_SECRET_KEY"]);
    assert_eq!(
        secrets[0], PLANTED,
        "the planted value did not reach the app"
    );

    // A second release fetches its secrets on the instances. The new name is in no option setting.
    sandbox.replace(
        "beanpole.yaml",
        "    PAYMENT_KEY: blog/payment-key\n",
        "    CHARGE_KEY: blog/payment-key\n  mode: dotenv\n",
    );
    sandbox.commit("feat: fetch secrets on the instances");
    kept.run(&sandbox, &["deploy", "--json"]).exits(0);
    assert_eq!(
        values_in_the_app(&["CHARGE_KEY", "DB_PASSWORD"]),
        [PLANTED, secrets[1].as_str()],
        "the secrets that the instance fetched did not reach the app"
    );

    // A third release fails, so that container logs and causes are fetched and shown.
    sandbox.write(
        "config/wsgi.py",
        "raise SystemExit(\"leaving on purpose\")\n",
    );
    sandbox.commit("feat: break it");
    let mut command = common::beanpole(&sandbox, &["deploy", "--json", "--verbose"]);
    command.env("BEANPOLE_LOG", "trace");
    command.envs(kept.variables.iter().map(|(name, value)| (name, value)));
    let broken = common::Outcome::from(command.output().unwrap()).exits(3);
    let bundles = bundles(&kept);
    assert!(bundles.contains("config/wsgi.py"), "no bundle was read");
    assert!(
        bundles.contains(".platform/hooks/prebuild/00_beanpole_secrets.sh"),
        "no bundle has the hook that fetches secrets"
    );
    let images = docker(&["images", "--quiet", "--filter", "label=beanpole.rehearsal"]);
    assert!(!images.is_empty(), "no image of the rehearsal was found");
    let history: Vec<String> = images
        .iter()
        .flat_map(|image| docker(&["history", "--no-trunc", "--format", "{{.CreatedBy}}", image]))
        .collect();
    kept.running.interrupt();
    let first = kept.running.finish().exits(0);
    let processes = processes.finish();
    assert!(
        processes.contains("gunicorn"),
        "the process list was not watched"
    );

    let places = [
        ("stdout", first.stdout),
        ("stderr", first.stderr),
        ("JSON", broken.stdout),
        ("log", broken.stderr),
        ("bundles", bundles),
        ("image history", history.join("\n")),
        ("process list", processes),
    ];
    for (place, text) in &places {
        for (index, secret) in secrets.iter().enumerate() {
            assert!(
                !text.contains(secret.as_str()),
                "secret {index} is shown in the {place}"
            );
        }
    }
}
