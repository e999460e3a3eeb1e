//! `beanpole check --fix` on real repositories, and branches that only together are wrong.

mod common;

use beanpole_testkit::Sandbox;
use common::{Outcome, beanpole, run};

const OURS: &str = "shop/migrations/0002_ours.py";
const RENUMBERED: &str = "shop/migrations/0003_ours.py";
const JUDGE: &[&str] = &["check", "migrations", "--base", "main"];
const FIX: &[&str] = &["check", "migrations", "--base", "main", "--fix"];

fn migration(after: &str, operation: &str) -> String {
    let dependencies = if after.is_empty() {
        String::new()
    } else {
        format!("(\"shop\", \"{after}\")")
    };
    format!(
        "from django.db import migrations, models\n\n\nclass Migration(migrations.Migration):\n    \
        dependencies = [{dependencies}]\n    operations = [{operation}]\n"
    )
}

fn adding(field: &str) -> String {
    let operation =
        format!("migrations.AddField(\"order\", \"{field}\", models.TextField(null=True))");
    migration("0001_initial", &operation)
}

/// A repository whose `main` has one migration.
fn shop() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.git(&["init", "--quiet", "--initial-branch=main"]);
    sandbox.write("shop/__init__.py", "");
    sandbox.write("shop/migrations/__init__.py", "");
    let made =
        "migrations.CreateModel(\"Order\", [(\"id\", models.BigAutoField(primary_key=True))])";
    sandbox.write("shop/migrations/0001_initial.py", &migration("", made));
    sandbox.commit("feat: begin");
    sandbox
}

/// Puts a migration on a branch of its own.
fn bring(sandbox: &Sandbox, branch: &str, path: &str, field: &str) {
    sandbox.git(&["switch", "--quiet", "--create", branch, "main"]);
    sandbox.write(path, &adding(field));
    sandbox.commit("feat: a field");
    run(sandbox, JUDGE).exits(0);
}

/// Two branches that are each in order, of which one has landed. The other one is checked out.
fn race() -> Sandbox {
    let sandbox = shop();
    let theirs = "shop/migrations/0002_theirs.py";
    bring(&sandbox, "feat/theirs", theirs, "theirs");
    bring(&sandbox, "feat/ours", OURS, "ours");
    let tip = "refs/heads/feat/theirs";
    sandbox.git(&["update-ref", "refs/heads/main", tip]);
    sandbox
}

/// What differs from the last commit, as git says it.
fn status(sandbox: &Sandbox) -> String {
    sandbox.git(&["status", "--porcelain", "--untracked-files=all"])
}

#[track_caller]
fn shows(outcome: &Outcome, text: &str) {
    let stdout = &outcome.stdout;
    assert!(stdout.contains(text), "stdout lacks `{text}`:\n{stdout}");
}

/// The rules of findings in JSON.
fn rules(findings: &serde_json::Value) -> Vec<&str> {
    let findings = findings.as_array().into_iter().flatten();
    let mut rules: Vec<&str> = findings
        .filter_map(|finding| finding["rule"].as_str())
        .collect();
    rules.sort_unstable();
    rules
}

#[test]
fn two_branches_with_one_number_are_found_and_put_in_order() {
    let sandbox = race();
    let outcome = run(&sandbox, JUDGE).exits(1);
    shows(&outcome, &format!("{OURS}:"));
    shows(&outcome, "[several-leaves]");

    let outcome = run(&sandbox, &[FIX, &["--plan"]].concat()).exits(1);
    shows(&outcome, "planned fix: shop: 0002_ours becomes 0003_ours");
    outcome.says("2 can be fixed");
    assert_eq!(status(&sandbox), "");

    let outcome = run(&sandbox, FIX).exits(0);
    shows(&outcome, "fix: shop: 0002_ours becomes 0003_ours");
    shows(
        &outcome,
        &format!("\n  edit {OURS}\n  move {OURS} to {RENUMBERED}\n"),
    );
    let outcome = outcome.says("nothing found, 2 fixed");
    let text = sandbox.read(RENUMBERED);
    assert!(text.contains("(\"shop\", \"0002_theirs\")"), "{text}");

    // Before it is committed, the same is asked for and is there.
    let again = run(&sandbox, &[FIX, &["--json"]].concat()).exits(0).json();
    assert_eq!(rules(&again["findings"]), [""; 0]);
    assert_eq!(again["counts"]["errors"], 0);
    let fixed = &again["fixes"]["fixed"][0];
    assert_eq!(
        rules(&fixed["findings"]),
        ["number-taken", "several-leaves"]
    );
    assert_eq!(fixed["steps"][1]["action"], "rename");
    assert_eq!(fixed["steps"][1]["to"], RENUMBERED);

    let command = outcome.stderr.split('`').nth(1).unwrap();
    let staged = sandbox.command("sh").args(["-c", command]).status();
    assert!(staged.unwrap().success());
    let renamed = format!("{OURS} -> {RENUMBERED}");
    assert_eq!(status(&sandbox), format!("R  {renamed}"));
    sandbox.commit("fix: the order of migrations");
    run(&sandbox, JUDGE).exits(0);
    let outcome = run(&sandbox, FIX).exits(0);
    assert_eq!(
        (outcome.stdout.as_str(), status(&sandbox).as_str()),
        ("", "")
    );
    sandbox.git(&["merge", "--quiet", "main"]);
    run(&sandbox, &["check", "migrations", "--all"]).exits(0);
}

#[test]
fn a_file_that_is_not_as_it_was_judged_stops_everything() {
    let sandbox = race();
    sandbox.write(OURS, &adding("other"));
    let outcome = run(&sandbox, FIX).exits(2);
    outcome
        .says(OURS)
        .says("nothing was fixed")
        .says("git stash");
    assert_eq!(status(&sandbox), format!("M {OURS}"));
    sandbox.git(&["checkout", "--quiet", "--", "."]);
    sandbox.write(RENUMBERED, "# someone's\n");
    run(&sandbox, FIX).exits(2).says(RENUMBERED);
    assert_eq!(sandbox.read(RENUMBERED), "# someone's\n");
    fs_err::remove_file(sandbox.project().join(RENUMBERED)).unwrap();
    // A directory that is a link leads to files of which git knows nothing.
    let folder = sandbox.project().join("shop/migrations");
    let elsewhere = sandbox.home().join("elsewhere");
    fs_err::rename(&folder, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &folder).unwrap();
    run(&sandbox, FIX).exits(2).says(OURS);
    let left = fs_err::read_dir(elsewhere.as_std_path()).unwrap();
    assert_eq!(left.count(), 3);
}

#[test]
fn files_keep_the_line_ends_that_git_gives_them() {
    let sandbox = race();
    sandbox.git(&["config", "core.autocrlf", "true"]);
    sandbox.git(&["rm", "--quiet", "-r", "--cached", "."]);
    sandbox.git(&["reset", "--quiet", "--hard"]);
    assert!(sandbox.read(OURS).contains("\r\n"));
    let fixed = run(&sandbox, FIX).exits(0);
    shows(&fixed, RENUMBERED);
    let text = sandbox.read(RENUMBERED);
    assert!(
        text.contains("0002_theirs") && text.contains("\r\n"),
        "{text:?}"
    );
    assert!(!text.replace("\r\n", "").contains(['\r', '\n']), "{text:?}");
    // A second time there is nothing to do, and git sees a move.
    run(&sandbox, FIX).exits(0);
    sandbox.git(&["add", "--all"]);
    assert!(status(&sandbox).starts_with("R  "), "{}", status(&sandbox));
    // A file that somebody has written with other line ends is theirs.
    let sandbox = race();
    sandbox.write(OURS, &sandbox.read(OURS).replace('\n', "\r\n"));
    run(&sandbox, FIX).exits(2).says(OURS);
}

#[test]
fn what_both_sides_changed_is_said() {
    let sandbox = shop();
    both_change(&sandbox, "shop/migrations/0001_initial.py");
}

#[test]
fn what_both_sides_changed_is_said_where_settings_name_the_package() {
    let sandbox = shop();
    sandbox.git(&["mv", "shop/migrations", "shop/changes"]);
    let modules = "MIGRATION_MODULES = {\"shop\": \"shop.changes\"}\n";
    sandbox.write("shop/settings.py", modules);
    sandbox.commit("feat: a name of our own");
    both_change(&sandbox, "shop/changes/0001_initial.py");
}

/// Changes a migration on both sides, and a view, of which this check has nothing to say.
#[track_caller]
fn both_change(sandbox: &Sandbox, first: &str) {
    for branch in ["feat/ours", "main"] {
        if branch != "main" {
            sandbox.git(&["switch", "--quiet", "--create", branch]);
        } else {
            sandbox.git(&["switch", "--quiet", branch]);
        }
        let text = sandbox.read(first);
        sandbox.write(first, &format!("# {branch}\n{text}"));
        sandbox.write("shop/views.py", &format!("NAME = \"{branch}\"\n"));
        sandbox.commit("docs: a word");
    }
    sandbox.git(&["switch", "--quiet", "feat/ours"]);
    let outcome = run(sandbox, JUDGE).exits(0);
    shows(
        &outcome,
        &format!("not judged: {first}: the base changed it as well"),
    );
    outcome.says("1 not judged");
}

#[test]
fn what_a_person_has_to_decide_is_said() {
    let sandbox = race();
    sandbox.git(&["merge", "--quiet", "main"]);
    let outcome = run(&sandbox, &["check", "migrations", "--all", "--fix"]).exits(1);
    shows(&outcome, "\nnot fixed: shop/migrations/000");
    shows(&outcome, "without a base, nothing says which");
    assert_eq!(status(&sandbox), "");
    for odd in [
        ["--fix", "--head", "HEAD^"].as_slice(),
        &["--plan"],
        &["--fix", "--write-baseline"],
    ] {
        run(&sandbox, &[JUDGE, odd].concat()).exits(2);
    }
}

#[test]
fn scripts_and_packages_are_fixed_in_a_directory_of_the_repository() {
    let sandbox = Sandbox::new();
    sandbox.git(&["init", "--quiet", "--initial-branch=main"]);
    let manifest = "application: shop\nregion: eu-central-1\nprocesses:\n  web:\n    command: gunicorn shop.wsgi\n    port: 8000\n";
    sandbox.write("back end/beanpole.yaml", manifest);
    let image = "FROM python:3.13\nCOPY entrypoint.sh /\nENTRYPOINT [\"/entrypoint.sh\"]\n";
    sandbox.write("back end/Dockerfile", image);
    sandbox.write("back end/entrypoint.sh", "#!/bin/sh\nexec \"$@\"\n");
    sandbox.write("back end/manage.py", "");
    sandbox.write("back end/shop/__init__.py", "");
    let test = "from django.test import TestCase\n\n\nclass BasketTest(TestCase):\n    def test_one(self):\n        pass\n";
    sandbox.write("back end/shop/tests/test_basket.py", test);
    sandbox.commit("feat: begin");
    let fix = || -> Outcome {
        let rules = ["entrypoint-not-executable", "missing-test-package"];
        let mut command = beanpole(&sandbox, &["check", "--all", "--fix"]);
        command.args(rules);
        command.current_dir(sandbox.project().join("back end/shop"));
        command.output().unwrap().into()
    };
    sandbox.git(&["config", "core.fileMode", "false"]);
    let outcome = fix().exits(1);
    shows(&outcome, "not fixed: entrypoint.sh");
    shows(&outcome, "git update-index --chmod=+x entrypoint.sh");
    sandbox.git(&["config", "core.fileMode", "true"]);
    let outcome = fix().exits(0);
    shows(&outcome, "\n  make entrypoint.sh executable\n");
    let command = outcome.stderr.split('`').nth(1).unwrap();
    let staged = sandbox.command("sh").args(["-c", command]).status();
    assert!(staged.unwrap().success());
    let modes = sandbox.git(&["ls-files", "--stage"]);
    assert!(modes.contains("100755"), "{modes}");
    assert!(modes.contains("back end/shop/tests/__init__.py"), "{modes}");
    sandbox.commit("fix: what needs no decision");
    assert_eq!(fix().exits(0).stdout, "");
    assert_eq!(status(&sandbox), "");
}
