//! Releases with the app really running: a good one, three broken ones, and a good one after them.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail the test")]

mod common;

use beanpole_testkit::Sandbox;
use common::{Kept, containers, get, networks};

/// A change that breaks the release, and what the report must say about it.
struct Breakage {
    name: &'static str,
    make: fn(&Sandbox),
    cause: &'static str,
}

const BREAKAGES: [Breakage; 3] = [
    Breakage {
        name: "an app that answers 500 on its health check",
        make: |sandbox| {
            sandbox.write(
                "config/broken.py",
                "from django.http import HttpResponse\n\n\n\
                 class BrokenMiddleware:\n\
                 \x20   def __init__(self, get_response):\n\
                 \x20       self.get_response = get_response\n\n\
                 \x20   def __call__(self, request):\n\
                 \x20       if request.path.startswith(\"/ht/\"):\n\
                 \x20           return HttpResponse(\"broken on purpose\", status=500)\n\
                 \x20       return self.get_response(request)\n",
            );
            let settings = sandbox.read("config/settings/prod.py");
            sandbox.write(
                "config/settings/prod.py",
                &format!(
                    "{settings}\nMIDDLEWARE = [*MIDDLEWARE, \"config.broken.BrokenMiddleware\"]\n"
                ),
            );
        },
        cause: "500",
    },
    Breakage {
        name: "a migration that fails",
        make: |sandbox| {
            let last = last_migration(sandbox);
            sandbox.write(
                "posts/migrations/9999_broken.py",
                &format!(
                    "from django.db import migrations\n\n\n\
                     class Migration(migrations.Migration):\n\
                     \x20   dependencies = [(\"posts\", \"{last}\")]\n\
                     \x20   operations = [migrations.RunSQL(\"SELECT broken_on_purpose\")]\n"
                ),
            );
        },
        cause: "broken_on_purpose",
    },
    Breakage {
        name: "a container that exits",
        make: |sandbox| {
            // What follows the script are its arguments, which it does not look at.
            let script = "command: sh -c 'echo leaving on purpose; exit 3' gunicorn config";
            sandbox.replace("beanpole.yaml", "command: gunicorn config", script);
        },
        cause: "leaving on purpose",
    },
];

fn last_migration(sandbox: &Sandbox) -> String {
    let directory = sandbox.project().join("posts/migrations");
    let mut names: Vec<String> = std::fs::read_dir(directory)
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
        .filter(|name| name.starts_with('0'))
        .map(|name| name.trim_end_matches(".py").to_owned())
        .collect();
    names.sort();
    names.pop().unwrap()
}

#[test]
fn docker_a_broken_release_leaves_the_former_version_serving() {
    let sandbox = Sandbox::blog();
    sandbox.write("VERSION", "first\n");
    sandbox.commit("chore: name the first version");
    let kept = Kept::start(&sandbox, &["--engine", "docker"]);
    let (status, before) = get(&kept.url);
    assert_eq!(status, 200, "{before}");
    assert!(before.contains("first"), "{before}");
    assert_eq!(get(&format!("{}ht/?format=json", kept.url)).0, 200);

    for breakage in BREAKAGES {
        (breakage.make)(&sandbox);
        sandbox.write("VERSION", "broken\n");
        sandbox.commit("feat: break it");
        let outcome = kept.run(&sandbox, &["deploy", "--json"]).exits(3);
        let report = outcome.json();
        assert_eq!(
            report["verdict"], "rolled-back",
            "{}: {report:#}",
            breakage.name
        );
        assert!(
            report["failure"].to_string().contains(breakage.cause),
            "{}: the cause `{}` is not shown: {report:#}",
            breakage.name,
            breakage.cause
        );
        if breakage.name == "a migration that fails" {
            assert_eq!(report["release_step"]["exit_code"], 1, "{report:#}");
            assert_eq!(
                report["release_step"]["lock"]["outcome"], "taken",
                "{report:#}"
            );
            for line in ["release | Traceback", "release | (failed with exit code 1"] {
                assert!(outcome.stderr.contains(line), "{line}: {}", outcome.stderr);
            }
        }
        let (status, page) = get(&kept.url);
        assert_eq!(status, 200, "{}: {page}", breakage.name);
        assert!(page.contains("first"), "{}: {page}", breakage.name);
        sandbox.git(&["revert", "--no-edit", "HEAD"]);
    }

    sandbox.write("VERSION", "second\n");
    let last = last_migration(&sandbox);
    sandbox.write(
        "posts/migrations/9000_nothing.py",
        &format!(
            "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n\
             \x20   dependencies = [(\"posts\", \"{last}\")]\n"
        ),
    );
    sandbox.commit("feat: the second version");
    let report = kept.run(&sandbox, &["deploy", "--json"]).exits(0).json();
    assert_eq!(report["verdict"], "released", "{report:#}");
    assert_eq!(
        report["release_step"]["migrations_applied"],
        serde_json::json!(["posts.9000_nothing"]),
        "{report:#}"
    );
    assert!(get(&kept.url).1.contains("second"));
    let report = kept.run(&sandbox, &["deploy", "--json"]).exits(0).json();
    assert_eq!(report["verdict"], "already-released", "{report:#}");

    kept.running.interrupt();
    let outcome = kept.running.finish().exits(0);
    for part in [
        "release | holding the database's release lock",
        "release | migrations applied: ",
        "posts.0001_initial",
    ] {
        assert!(outcome.stderr.contains(part), "{part}: {}", outcome.stderr);
    }
    let messages = outcome
        .stderr
        .lines()
        .filter(|line| line.starts_with("Slack #releases"));
    let rolled_back = messages
        .filter(|line| line.to_lowercase().contains("rolled back"))
        .count();
    assert_eq!(
        rolled_back,
        BREAKAGES.len(),
        "Slack was not told:\n{}",
        outcome.stderr
    );
    assert_eq!(containers(), Vec::<String>::new());
    assert_eq!(networks(), Vec::<String>::new());
}
