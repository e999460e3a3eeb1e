//! `beanpole check` on real repositories: what is judged, what counts, what is said, and the forms that others read.

mod common;

use std::os::unix::ffi::OsStrExt as _;

use beanpole_testkit::Sandbox;
use common::checked::{manifest, project, rules};
use common::{Outcome, beanpole, run};

const DEBUG: &str = "x = 1\nbreakpoint()\n";

/// A URL whose password is none that anyone uses. In pieces, so that it is not in this file.
fn address() -> (String, String) {
    let password = ["kX3vQ9", "zT1bW7"].concat();
    let line = format!("BROKER = \"amqp://shop:{password}@mq.internal/\"\n");
    (line, password)
}

#[test]
fn the_index_is_judged_and_not_the_files_on_disk() {
    let sandbox = project(&[]);
    sandbox.write("a.py", DEBUG);
    run(&sandbox, &["check", "--staged"])
        .exits(0)
        .says("checked 0 files staged: nothing found");
    sandbox.git(&["add", "a.py"]);
    sandbox.write("a.py", "x = 1\n");
    for arguments in [["check", "--staged"].as_slice(), &["check"]] {
        let outcome = run(&sandbox, arguments).exits(1);
        outcome.says("checked 1 file staged: 1 error").shows("a.py:2:1: error: the call of `breakpoint` is left from debugging [debug-statement]\n2 | breakpoint()\n");
    }
    // From a directory below as well.
    sandbox.write("deep/er/file", "");
    let mut command = beanpole(&sandbox, &["check"]);
    command.current_dir(sandbox.project().join("deep/er"));
    Outcome::from(command.output().unwrap())
        .exits(1)
        .shows("a.py:2:1");
}

#[test]
fn with_nothing_staged_everything_is_judged() {
    let sandbox = project(&[("old.py", DEBUG)]);
    let outcome = run(&sandbox, &["check"]).exits(1);
    outcome.says("checked all 2 files").shows("old.py:2:1");
    run(&sandbox, &["check", "secrets", "pins"]).exits(0);
    let outcome = run(&sandbox, &["check", "debug-statement", "--all", "--json"]).exits(1);
    assert_eq!(rules(&outcome), ["debug-statement"]);
    assert_eq!(outcome.json()["judged"]["what"], "everything");
    run(&sandbox, &["check", "--all", "--fail-on", "note"]).exits(1);
}

#[test]
fn a_branch_is_judged_with_every_commit_of_it() {
    let (line, password) = address();
    let sandbox = project(&[]);
    sandbox.write("queue.py", &line);
    sandbox.commit("feat: a queue");
    sandbox.write("queue.py", "BROKER = None\n");
    sandbox.commit("take it out");
    let outcome = run(&sandbox, &["check", "--base", "main", "--json"]).exits(1);
    let mut found = rules(&outcome);
    found.sort();
    assert_eq!(found, ["commit-format", "secret-url-password"]);
    let answer = outcome.json();
    assert_eq!(answer["judged"]["commits"], 2);
    assert_eq!(answer["judged"]["files"], 1);
    assert!(!outcome.stdout.contains(&password) && !outcome.stderr.contains(&password));
    let outcome = run(&sandbox, &["check", "--base", "main"]).exits(1);
    let commit = sandbox.git(&["rev-parse", "--short=12", "HEAD^"]);
    let outcome = outcome.shows(&format!("in commit {commit}: a URL with a password"));
    assert!(!outcome.stdout.contains(&password));
    // Another end is not affected by what came later.
    let first = ["check", "--base", "main", "--head", "HEAD^", "--json"];
    assert_eq!(
        rules(&run(&sandbox, &first).exits(1)),
        ["secret-url-password"]
    );
    // In a pull request of GitHub Actions, its base is the usual one.
    sandbox.git(&["update-ref", "refs/remotes/origin/main", "main"]);
    let mut command = beanpole(&sandbox, &["check"]);
    command.env("GITHUB_BASE_REF", "main");
    let outcome = Outcome::from(command.output().unwrap()).exits(1);
    outcome.says("checked 1 file in 2 commits since");
}

#[test]
fn the_message_is_judged_without_gits_comments() {
    let sandbox = project(&[]);
    sandbox.write("../message", "; a comment\nmore of it\n\n; Please enter\n");
    sandbox.git(&["config", "core.commentChar", ";"]);
    let arguments = ["check", "commit-message", "--message", "../message"];
    run(&sandbox, &arguments)
        .exits(1)
        .shows("../message:2:1: error: the subject `more of it`");
    sandbox.write("../message", "feat: more of it\n; Please enter\n");
    run(&sandbox, &arguments).exits(0);
}

#[test]
fn what_is_not_there_is_named_with_what_to_do() {
    let empty = Sandbox::new();
    run(&empty, &["check"])
        .exits(2)
        .says("not in a git repository")
        .says("git init");
    let sandbox = project(&[]);
    run(&sandbox, &["check", "migratons"])
        .exits(2)
        .says("there is no check `migratons`")
        .says("`migrations`");
    run(&sandbox, &["check", "--base", "origin/main"])
        .exits(2)
        .says("origin/main")
        .says("git fetch");
    run(&sandbox, &["check", "--staged", "--all"])
        .exits(2)
        .says("--all");
    run(&sandbox, &["check", "--json", "--format", "sarif"])
        .exits(2)
        .says("--output");
    run(&sandbox, &["check", "--baseline", "old.json"])
        .exits(2)
        .says("old.json")
        .says("--write-baseline");
    sandbox.write("old.json", "{\"version\": 1,\n");
    run(&sandbox, &["check", "--baseline", "old.json"])
        .exits(2)
        .says("old.json:2:");
    run(&sandbox, &["check", "--coverage-report", "coverage.json"])
        .exits(2)
        .says("coverage.json");
    let unborn = Sandbox::new();
    unborn.git(&["init", "--quiet"]);
    run(&unborn, &["check", "--base", "main"])
        .exits(2)
        .says("no commit yet");
    run(&unborn, &["check"]).exits(0);
}

#[test]
fn whoever_asks_for_json_gets_errors_in_json() {
    let sandbox = project(&[]);
    for json in [["--format", "json"].as_slice(), &["--json"]] {
        let arguments = [["check", "--base", "nowhere"].as_slice(), json].concat();
        let outcome = run(&sandbox, &arguments).exits(2);
        let message = outcome.json()["error"]["message"].clone();
        assert!(message.to_string().contains("`nowhere`"), "{message}");
    }
}

#[test]
fn a_content_that_git_has_lost_is_named_by_its_path() {
    let sandbox = project(&[("shop/migrations/0001_initial.py", "class Migration: pass\n")]);
    let object = sandbox.git(&["rev-parse", "HEAD:shop/migrations/0001_initial.py"]);
    let (directory, file) = object.split_at(2);
    let objects = sandbox.project().join(".git/objects");
    fs_err::remove_file(objects.join(directory).join(file)).unwrap();
    run(&sandbox, &["check", "migrations", "--all"])
        .exits(2)
        .says("the content of `shop/migrations/0001_initial.py` could not be read")
        .says("`git fetch --refetch`");
    // What is lost is asked for by a rule, not by the change itself.
    sandbox.write("shop/migrations/0002_more.py", "class Migration: ...\n");
    sandbox.git(&["add", "shop/migrations/0002_more.py"]);
    run(&sandbox, &["check", "migrations", "--staged"])
        .exits(2)
        .says("the content of `shop/migrations/0001_initial.py` could not be read");
}

#[test]
fn a_partial_clone_gets_what_it_lacks_or_says_that_the_remote_does_not_answer() {
    let sandbox = project(&[("shop/models.py", "x = 1\n")]);
    sandbox.git(&["config", "uploadpack.allowFilter", "true"]);
    sandbox.git(&["config", "uploadpack.allowAnySHA1InWant", "true"]);
    let from = format!("file://{}", sandbox.project());
    let check = |name: &str| {
        let partial = sandbox.project().join("..").join(name);
        let clone = ["clone", "--quiet", "--filter=blob:none", "--no-checkout"];
        sandbox.git(&[clone.as_slice(), &[&from, partial.as_str()]].concat());
        let git = ["-C", partial.as_str(), "read-tree", "HEAD"];
        sandbox.git(&git);
        let mut command = beanpole(&sandbox, &["check", "settings", "files", "--all"]);
        command.current_dir(&partial);
        command
    };
    Outcome::from(check("first").output().unwrap()).exits(0);
    let mut second = check("second");
    let remote = sandbox.project().join(".git");
    fs_err::rename(&remote, sandbox.project().join("gone")).unwrap();
    Outcome::from(second.output().unwrap())
        .exits(8)
        .says("could not be read: `git cat-file` ended")
        .says("In a partial clone git fetches a content when it is asked for");
}

#[test]
fn a_shallow_clone_says_how_to_get_the_rest() {
    let sandbox = project(&[]);
    sandbox.commit("feat: second");
    let base = sandbox.git(&["rev-parse", "main"]);
    let from = format!("file://{}", sandbox.project());
    let shallow = sandbox.project().join("../shallow");
    sandbox.git(&["clone", "--quiet", "--depth=1", &from, shallow.as_str()]);
    let mut command = beanpole(&sandbox, &["check", "--base", &base]);
    command.current_dir(&shallow);
    let outcome = Outcome::from(command.output().unwrap()).exits(2);
    outcome.says("fetch-depth: 0");
}

#[test]
fn what_cannot_be_judged_is_said() {
    let sandbox = project(&[]);
    sandbox.write("a.py", "x = 2\n");
    sandbox.commit("feat: two");
    sandbox.git(&["switch", "--quiet", "--create", "feat/other", "main"]);
    sandbox.write("a.py", "x = 3\n");
    sandbox.commit("feat: three");
    let merged = sandbox
        .command("git")
        .args(["merge", "--quiet", "feat/more"])
        .output()
        .unwrap();
    assert!(!merged.status.success());
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9.py");
    std::fs::File::options()
        .create(true)
        .append(true)
        .open(sandbox.project().as_std_path().join(name))
        .unwrap();
    let added = sandbox
        .command("git")
        .arg("add")
        .arg(name)
        .status()
        .unwrap();
    assert!(added.success());
    let outcome = run(&sandbox, &["check", "--staged"]).exits(0);
    let outcome = outcome.shows("not judged: a.py: a conflict is open");
    let outcome = outcome.shows("not judged: the name of `caf\u{fffd}.py` is not UTF-8");
    outcome.says("2 not judged");
}

#[test]
fn the_manifest_decides_what_counts() {
    let sandbox = project(&[("old.py", DEBUG)]);
    let with = |checks: &str, arguments: &[&str]| {
        sandbox.write("beanpole.yaml", &manifest(checks));
        run(&sandbox, &[&["check", "--all"], arguments].concat())
    };
    with("", &[]).exits(1);
    with("checks:\n  groups: {files: false}\n", &[]).exits(0);
    // What is named runs all the same.
    with("checks:\n  groups: {files: false}\n", &["files"]).exits(1);
    with("checks:\n  severity: {debug-statement: warning}\n", &[]).exits(0);
    with(
        "checks:\n  severity: {files: warning}\n",
        &["--fail-on", "warning"],
    )
    .exits(1);
    with("checks:\n  severity: {debug-statment: off}\n", &[])
        .exits(2)
        .says("beanpole.yaml")
        .says("debug-statement");
    let ignored = with(
        "checks:\n  ignore:\n    - {paths: [old.py], rules: [debug-statement], reason: goes with 2.0}\n",
        &["--json"],
    );
    let answer = ignored.exits(0).json();
    assert_eq!(
        answer["suppressed"][0]["suppressed_because"],
        "goes with 2.0"
    );
    assert_eq!(
        answer["suppressed"][0]["suppressed_at"]["path"],
        "beanpole.yaml"
    );
    with("checks:\n  groups: {fles: true}\n", &[])
        .exits(2)
        .says("files");
    // The variable of another command's environment is no reason to fail.
    with("environments:\n  staging: {}\n  production: {}\n", &[]).exits(1);
}

#[test]
fn a_baseline_lets_an_old_project_start_clean() {
    let sandbox = project(&[("old.py", DEBUG)]);
    sandbox.write(
        "beanpole.yaml",
        &manifest("checks:\n  baseline: known.json\n"),
    );
    run(&sandbox, &["check", "--all"])
        .exits(2)
        .says("known.json");
    let outcome = run(&sandbox, &["check", "--write-baseline"]).exits(0);
    outcome.shows("known.json: 1 findings");
    assert!(sandbox.read("known.json").contains("debug-statement"));
    let outcome = run(&sandbox, &["check", "--all"]).exits(0);
    outcome.says("1 in the baseline");
    // Lines may move, and one more is new.
    sandbox.write("old.py", "x = 1\ny = 2\nbreakpoint()\nbreakpoint()\n");
    sandbox.git(&["add", "--all"]);
    let outcome = run(&sandbox, &["check", "--all", "--json"]).exits(1).json();
    assert_eq!(outcome["counts"]["errors"], 1);
    assert_eq!(outcome["counts"]["baselined"], 1);
    // Writing it for one group leaves the rest as it is.
    run(&sandbox, &["check", "secrets", "--write-baseline"]).exits(0);
    assert!(sandbox.read("known.json").contains("debug-statement"));
}

#[test]
fn other_programs_read_the_answer() {
    let sandbox = Sandbox::new();
    sandbox.git(&["init", "--quiet", "--initial-branch=main"]);
    sandbox.write("backend/beanpole.yaml", &manifest(""));
    sandbox.write("backend/shop/views.py", DEBUG);
    sandbox.write("elsewhere.py", DEBUG);
    sandbox.commit("feat: begin");
    let in_backend = |arguments: &[&str]| -> Outcome {
        let mut command = beanpole(&sandbox, &[&["check", "--all"], arguments].concat());
        command.current_dir(sandbox.project().join("backend"));
        command.env("GITHUB_ACTIONS", "true");
        command.env("GITHUB_STEP_SUMMARY", sandbox.home().join("summary"));
        command.env("GITHUB_OUTPUT", sandbox.home().join("output"));
        command.output().unwrap().into()
    };
    let annotation = "::error file=backend/shop/views.py,line=2,col=1,title=debug-statement::";
    // People read paths from the project, the runner from the root; unasked on stderr, and asked for on stdout.
    let text = in_backend(&[]).exits(1).says(annotation);
    assert!(
        text.stdout.starts_with("shop/views.py:2:1: error"),
        "{}",
        text.stdout
    );
    let github = in_backend(&["--format", "github"]).exits(1);
    assert!(github.stdout.starts_with(annotation), "{}", github.stdout);
    assert!(!github.stderr.contains("::error"), "{}", github.stderr);
    let summary = fs_err::read_to_string(sandbox.home().join("summary")).unwrap();
    assert!(summary.contains("`backend/shop/views.py:2:1`"), "{summary}");
    let output = fs_err::read_to_string(sandbox.home().join("output")).unwrap();
    assert!(output.starts_with("errors=1\nwarnings=0\n"), "{output}");

    let sarif = in_backend(&["--format", "sarif", "--output", "check.sarif"]).exits(1);
    sarif.shows("shop/views.py:2:1: error");
    let log: serde_json::Value =
        serde_json::from_str(&sandbox.read("backend/check.sarif")).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let result = &log["runs"][0]["results"][0];
    let rules = &log["runs"][0]["tool"]["driver"]["rules"];
    let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
    assert_eq!(rules[index]["id"], "debug-statement");
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "backend/shop/views.py");
    assert_eq!(place["region"]["startLine"], 2);

    let junit = in_backend(&["--format", "junit"]).exits(1);
    let mut reader = quick_xml::Reader::from_str(&junit.stdout);
    let mut failures = 0;
    loop {
        match reader.read_event().unwrap() {
            quick_xml::events::Event::Start(tag) if tag.name().as_ref() == b"failure" => {
                failures += 1;
            }
            quick_xml::events::Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(failures, 1, "{}", junit.stdout);
    let markdown = in_backend(&["--format", "markdown"]).exits(1);
    assert!(
        markdown.stdout.starts_with("### beanpole check"),
        "{}",
        markdown.stdout
    );
    let left = std::fs::read_dir(sandbox.project().join("backend")).unwrap();
    assert_eq!(left.count(), 3, "the manifest, the sources and the log");
}

#[test]
fn a_merge_of_migrations_is_judged_against_the_code_that_serves() {
    let sandbox = Sandbox::blog();
    sandbox.git(&["switch", "--quiet", "--create", "feat/less"]);
    sandbox.write("posts/migrations/0005_less.py", DROP);
    sandbox.git(&["add", "--all"]);
    let outcome = run(&sandbox, &["check", "migrations", "--staged", "--json"]).exits(1);
    assert_eq!(rules(&outcome), ["drop-column"]);
    sandbox.commit("feat: less");
    let outcome = run(
        &sandbox,
        &["check", "migrations", "--base", "main", "--json"],
    )
    .exits(1);
    assert_eq!(rules(&outcome), ["drop-column"]);
}

const DROP: &str = "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n    \
    dependencies = [(\"posts\", \"0004_post_published_at\")]\n    \
    operations = [migrations.RemoveField(\"post\", \"comment_count\")]\n";

#[test]
fn a_suppression_is_judged_where_a_rule_has_read() {
    let sandbox = project(&[]);
    sandbox.write("views.py", "x = 1  # beanpole: ignore[drop-column]\n");
    sandbox.write("shop/migrations/0001_initial.py", "x = 1\n");
    sandbox.git(&["add", "--all"]);
    let found = |names: &[&str]| {
        let arguments = [&["check"], names, &["--staged", "--json"]].concat();
        rules(&run(&sandbox, &arguments))
    };
    let is_upkeep = |rule: &String| rule == "suppression-without-reason";
    assert!(found(&[]).iter().any(is_upkeep));
    // Migrations are touched by the place of the other file, and lead to no view.
    let of_migrations = found(&["migrations"]);
    assert_eq!(of_migrations, ["migration-not-analysed"]);
    // Without it, the view is read, for it could define a migration.
    sandbox.git(&[
        "rm",
        "--quiet",
        "--cached",
        "shop/migrations/0001_initial.py",
    ]);
    assert!(found(&["migrations"]).iter().any(is_upkeep));
}

#[test]
fn the_example_project_is_clean() {
    let sandbox = Sandbox::blog();
    let outcome = run(&sandbox, &["check", "all", "--all", "--fail-on", "note"]).exits(0);
    assert_eq!(outcome.stdout, "");
}

#[test]
fn this_repository_is_clean() {
    let mut command = beanpole(
        &Sandbox::new(),
        &["check", "all", "--all", "--fail-on", "note"],
    );
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let outcome = Outcome::from(command.output().unwrap()).exits(0);
    assert_eq!(outcome.stdout, "");
}

#[test]
fn included_requirements_are_read_whatever_their_names() {
    let sandbox = project(&[
        ("requirements.txt", "redis\n-r deps/prod.txt\n-c upper\n"),
        ("deps/prod.txt", "-r more.list\n"),
        ("deps/more.list", "redis==5.2.1\ndjango>=5\ncelery\n"),
        ("upper", "celery==5.5.0\n"),
    ]);
    let outcome = run(&sandbox, &["check", "pins", "--all", "--json"]).exits(1);
    assert_eq!(rules(&outcome), ["unpinned-package"]);
    outcome.shows("deps/more.list");
    // Only the last of them changes.
    sandbox.write("deps/more.list", "redis==5.2.1\ndjango>=5.2\ncelery\n");
    sandbox.git(&["add", "deps/more.list"]);
    let outcome = run(&sandbox, &["check", "pins", "--staged", "--json"]).exits(1);
    assert_eq!(rules(&outcome), ["unpinned-package"]);
}
