//! `kill -9` after every entry of the journal, and the same command again: the same final state.
//!
//! The journal is written on this machine before and after each step. A deploy is killed as soon as
//! its journal has one entry, then two, and so on until one gets through unharmed. After each kill the
//! same command must end with exit 0, leave one record that is closed, no lock, and the version on
//! every instance.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "helpers of a test fail the test"
)]

mod common;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use beanpole_testkit::Sandbox;
use common::Outcome;
use common::served::Served;
use serde_json::Value;

const MANIFEST: &str = "application: shop
region: us-east-1
processes:
  web: {command: gunicorn shop.wsgi, port: 8000}
instances: {min: 2, max: 4}
deployment: {policy: rolling, batch: 50%}
health: {soak: 30s, interval: 5s}
";

/// More entries than any deploy writes.
const MOST_ENTRIES: usize = 100;

const PATIENCE: Duration = Duration::from_secs(120);

struct Shop {
    served: Served,
    sandbox: Sandbox,
    version: u32,
}

impl Shop {
    fn open() -> Self {
        let served = Served::start();
        let sandbox = Sandbox::new();
        sandbox.git(&["init", "--quiet", "--initial-branch=main"]);
        sandbox.write("beanpole.yaml", MANIFEST);
        sandbox.write("Dockerfile", "FROM python:3.11\nCOPY . /app\n");
        let mut shop = Self {
            served,
            sandbox,
            version: 0,
        };
        shop.commit();
        shop.run(&["apply", "--yes"]).exits(0);
        shop
    }

    fn commit(&mut self) {
        self.version += 1;
        let text = format!("VERSION = {}\n", self.version);
        self.sandbox.write("version.py", &text);
        self.sandbox
            .commit(&format!("feat: version {}", self.version));
    }

    fn run(&self, arguments: &[&str]) -> Outcome {
        let mut command = self.served.beanpole(&self.sandbox, arguments);
        command.output().unwrap().into()
    }

    fn deploy(&self) -> Outcome {
        self.run(&["deploy", "--engine", "none", "--json"])
    }

    /// Starts a deploy and kills it as soon as a journal that is not among `known` has this many
    /// entries. Gives false if it ended before.
    fn deploy_until(&self, entries: usize, known: &[PathBuf]) -> bool {
        let mut child = self
            .served
            .beanpole(&self.sandbox, &["deploy", "--engine", "none"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let started = Instant::now();
        loop {
            let journal = self
                .journals()
                .into_iter()
                .find(|path| !known.contains(path));
            if journal.is_some_and(|path| self.entries(&path) >= entries) {
                // SIGKILL: nothing can be tidied up.
                child.kill().unwrap();
                child.wait().unwrap();
                return true;
            }
            if child.try_wait().unwrap().is_some() {
                return false;
            }
            assert!(started.elapsed() < PATIENCE, "the deploy hangs");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn journals(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let state = self.sandbox.home().join(".local/state/beanpole");
        collect(state.as_std_path(), &mut found);
        found.sort();
        found
    }

    /// How many entries a journal has; none while it is being replaced.
    fn entries(&self, path: &Path) -> usize {
        let text = fs_err::read_to_string(path).unwrap_or_default();
        let record: Value = serde_json::from_str(&text).unwrap_or_default();
        record["entries"].as_array().map_or(0, Vec::len)
    }

    fn history(&self) -> Vec<Value> {
        let history = self.run(&["history", "--json", "--limit", "1000"]).exits(0);
        history.json()["releases"].as_array().unwrap().clone()
    }
}

fn collect(directory: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return;
    };
    for entry in entries.map_while(Result::ok) {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, found);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            found.push(path);
        }
    }
}

#[test]
fn killed_after_any_entry_and_run_again_it_ends_the_same() {
    let mut shop = Shop::open();
    shop.deploy().exits(0);
    let mut killed = 0;
    for entries in 1..MOST_ENTRIES {
        shop.commit();
        let known = shop.journals();
        let releases = shop.history().len();
        if !shop.deploy_until(entries, &known) {
            break;
        }
        killed = entries;
        let report = shop.deploy().exits(0);
        let version = report.json()["version_label"].clone();

        let status = shop.run(&["status", "--json"]).exits(0).json();
        assert_eq!(status["version"], version, "killed after entry {entries}");
        for instance in status["instances"].as_array().unwrap() {
            assert_eq!(instance["version"], version, "killed after entry {entries}");
        }
        shop.run(&["lock", "show"]).exits(0);
        let history = shop.history();
        assert_eq!(history.len(), releases + 1, "killed after entry {entries}");
        for record in &history {
            let ending = &record["ending"];
            assert_eq!(
                ending["exit_code"], 0,
                "killed after entry {entries}: {record:#}"
            );
        }
    }
    assert!(killed >= 10, "only {killed} entries were seen");
    shop.served.running.interrupt();
    shop.served.running.finish().exits(0);
}
