//! Git hooks: ours, installed by ourselves, on a server, and called by the real lefthook.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod common;

use std::process::Command;

use beanpole_testkit::{Sandbox, services_required, virtual_environment};
use common::{Outcome, run};

const PROGRAM: &str = env!("CARGO_BIN_EXE_beanpole");

/// A repository with one commit, on a branch of its own, whose hooks are its own.
fn clone() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.git(&["config", "--global", "--unset", "core.hooksPath"]);
    sandbox.git(&["init", "--quiet", "--initial-branch=main"]);
    sandbox.write("a.py", "x = 1\n");
    sandbox.commit("feat: begin");
    sandbox.git(&["switch", "--quiet", "--create", "feat/more"]);
    sandbox
}

/// Git in the sandbox, whose hooks find the program that was just built.
fn git(sandbox: &Sandbox, arguments: &[&str]) -> Outcome {
    let mut command = sandbox.command("git");
    command.args(arguments).env("BEANPOLE", PROGRAM);
    command.output().unwrap().into()
}

/// A URL whose password is none that anyone uses. In pieces, so that it is not in this file.
fn address() -> (String, String) {
    let password = ["kX3vQ9", "zT1bW7"].concat();
    let line = format!("BROKER = \"amqp://shop:{password}@mq.internal/\"\n");
    (line, password)
}

#[test]
fn a_commit_is_refused_until_it_is_mended() {
    let sandbox = clone();
    let planned = run(&sandbox, &["hooks", "install", "--plan"]).exits(0);
    assert!(
        planned.stdout.contains("write pre-commit"),
        "{}",
        planned.stdout
    );
    assert!(!sandbox.project().join(".git/hooks/pre-commit").exists());
    run(&sandbox, &["hooks", "install"])
        .exits(0)
        .says("not on the PATH");
    let again = run(&sandbox, &["hooks", "install", "--json"])
        .exits(0)
        .json();
    assert_eq!(again["steps"].as_array().map(Vec::len), Some(0));

    sandbox.write("a.py", "x = 1\nbreakpoint()\n");
    sandbox.git(&["add", "--all"]);
    let head = sandbox.git(&["rev-parse", "HEAD"]);
    let refused = git(&sandbox, &["commit", "--message", "feat: more"]).exits(1);
    let said = format!("{}{}", refused.stdout, refused.stderr);
    assert!(
        said.contains("a.py:2:1: error: the call of `breakpoint`"),
        "{said}"
    );
    assert_eq!(sandbox.git(&["rev-parse", "HEAD"]), head);

    // Another file alone: git makes an index for that commit.
    sandbox.write("b.py", "y = 1\n");
    sandbox.git(&["add", "--intent-to-add", "b.py"]);
    git(
        &sandbox,
        &["commit", "--quiet", "--message", "feat: other", "b.py"],
    )
    .exits(0);
    assert_eq!(sandbox.git(&["show", "--format=", "--name-only"]), "b.py");

    sandbox.write("a.py", "x = 2\n");
    let message = git(&sandbox, &["commit", "--all", "--message", "more of it"]).exits(1);
    let said = format!("{}{}", message.stdout, message.stderr);
    assert!(
        said.contains("COMMIT_EDITMSG:1:1: error: the subject `more of it`"),
        "{said}"
    );
    let passed = git(
        &sandbox,
        &["commit", "--quiet", "--all", "--message", "feat: more"],
    )
    .exits(0);
    assert_eq!((passed.stdout.as_str(), passed.stderr.as_str()), ("", ""));

    sandbox.git(&["switch", "--quiet", "main"]);
    let refused = git(
        &sandbox,
        &["commit", "--allow-empty", "--message", "feat: direct"],
    )
    .exits(1);
    let said = format!("{}{}", refused.stdout, refused.stderr);
    assert!(said.contains("[protected-branch]"), "{said}");
    let mut skipped = sandbox.command("git");
    skipped.args([
        "commit",
        "--quiet",
        "--allow-empty",
        "--message",
        "feat: direct",
    ]);
    let skipped = skipped
        .env("BEANPOLE", PROGRAM)
        .env("BEANPOLE_HOOKS", "0")
        .output();
    Outcome::from(skipped.unwrap()).exits(0);

    run(&sandbox, &["hooks", "install", "--uninstall"]).exits(0);
    assert!(!sandbox.project().join(".git/hooks/pre-commit").exists());
}

#[test]
fn a_linked_work_tree_has_the_hooks_of_its_repository() {
    let sandbox = clone();
    run(&sandbox, &["hooks", "install"]).exits(0);
    sandbox.git(&[
        "worktree",
        "add",
        "--quiet",
        "-b",
        "fix/linked",
        "../linked",
    ]);
    fs_err::write(sandbox.project().join("../linked/a.py"), "breakpoint()\n").unwrap();
    let mut commit = sandbox.command("git");
    commit.args(["commit", "--all", "--message", "feat: linked"]);
    commit
        .env("BEANPOLE", PROGRAM)
        .current_dir(sandbox.project().join("../linked"));
    let refused = Outcome::from(commit.output().unwrap()).exits(1);
    let said = format!("{}{}", refused.stdout, refused.stderr);
    assert!(
        said.contains("a.py:1:1: error: the call of `breakpoint`"),
        "{said}"
    );
}

#[test]
fn a_merge_is_judged_by_what_the_merger_writes() {
    let sandbox = clone();
    run(&sandbox, &["hooks", "install"]).exits(0);
    sandbox.write("side.py", "breakpoint()\n");
    sandbox.git(&["add", "--all"]);
    sandbox.git(&[
        "commit",
        "--quiet",
        "--no-verify",
        "--message",
        "feat: side",
    ]);
    sandbox.git(&["switch", "--quiet", "--create", "feat/main-work", "main"]);
    sandbox.write("b.py", "y = 1\n");
    git(&sandbox, &["add", "--all"]).exits(0);
    git(&sandbox, &["commit", "--quiet", "--message", "feat: more"]).exits(0);
    // What came whole from the other side was judged there.
    git(&sandbox, &["merge", "--no-ff", "--no-commit", "feat/more"]).exits(0);
    git(&sandbox, &["commit", "--quiet", "--no-edit"]).exits(0);
    sandbox.git(&["reset", "--quiet", "--hard", "HEAD^"]);
    git(&sandbox, &["merge", "--no-ff", "--no-commit", "feat/more"]).exits(0);
    sandbox.write("b.py", "y = 1\nbreakpoint()\n");
    git(&sandbox, &["add", "--all"]).exits(0);
    let refused = git(&sandbox, &["commit", "--quiet", "--no-edit"]).exits(1);
    let said = format!("{}{}", refused.stdout, refused.stderr);
    assert!(
        said.contains("b.py:2:1") && !said.contains("side.py"),
        "{said}"
    );
}

#[test]
fn hooks_of_others_are_left_alone() {
    // The settings of a sandbox name one directory for all repositories.
    let shared = Sandbox::new();
    shared.git(&["init", "--quiet"]);
    run(&shared, &["hooks", "install"])
        .exits(2)
        .says("core.hooksPath")
        .says("git config core.hooksPath");
    shared.git(&["init", "--quiet", "--bare", "../server.git"]);
    let mut bare = shared.command(PROGRAM);
    bare.args(["hooks", "install"])
        .current_dir(shared.project().join("../server.git"));
    Outcome::from(bare.output().unwrap())
        .exits(2)
        .says("--server");
    let sandbox = clone();
    sandbox.write(
        ".git/hooks/pre-commit",
        "#!/bin/sh\ncall_lefthook run pre-commit\n",
    );
    run(&sandbox, &["hooks", "install"])
        .exits(2)
        .says("lefthook")
        .says("beanpole hooks run");
    assert!(!sandbox.project().join(".git/hooks/commit-msg").exists());
}

#[test]
fn a_push_is_judged_commit_by_commit() {
    let (line, password) = address();
    let sandbox = clone();
    run(&sandbox, &["hooks", "install"]).exits(0);
    let server = sandbox.project().join("../server.git");
    sandbox.git(&["init", "--quiet", "--bare", server.as_str()]);
    sandbox.git(&["remote", "add", "origin", server.as_str()]);
    git(&sandbox, &["push", "--quiet", "origin", "main"]).exits(0);
    let unchecked = |message: &str| {
        sandbox.git(&["add", "--all"]);
        sandbox.git(&["commit", "--quiet", "--no-verify", "--message", message]);
    };
    sandbox.write("queue.py", &line);
    unchecked("feat: a queue");
    sandbox.write("queue.py", "BROKER = None\n");
    unchecked("feat: without its address");
    let refused = git(&sandbox, &["push", "origin", "feat/more"]).exits(1);
    let said = format!("{}{}", refused.stdout, refused.stderr);
    assert!(
        said.contains("in commit") && said.contains("[secret-url-password]"),
        "{said}"
    );
    assert!(!said.contains(&password), "{said}");
    sandbox.git(&["reset", "--quiet", "--soft", "main"]);
    unchecked("feat: a queue");
    git(&sandbox, &["push", "--quiet", "origin", "feat/more"]).exits(0);
    // What is known is not judged again, and a deletion brings nothing.
    git(
        &sandbox,
        &["push", "--quiet", "origin", "feat/more:feat/copy"],
    )
    .exits(0);
    git(&sandbox, &["push", "--quiet", "origin", ":feat/copy"]).exits(0);
}

#[test]
fn a_server_refuses_before_anyone_sees_it() {
    let (line, password) = address();
    let sandbox = Sandbox::blog();
    sandbox.git(&["config", "--global", "--unset", "core.hooksPath"]);
    let server = sandbox.project().join("../server.git");
    sandbox.git(&[
        "init",
        "--quiet",
        "--bare",
        "--initial-branch=main",
        server.as_str(),
    ]);
    let mut install = sandbox.command(PROGRAM);
    let installed = install
        .args(["hooks", "install", "--server"])
        .current_dir(&server)
        .output();
    Outcome::from(installed.unwrap()).exits(0);
    sandbox.git(&["remote", "add", "origin", server.as_str()]);
    let push = |branch: &str| git(&sandbox, &["push", "origin", branch]);
    let seen = |branch: &str| {
        let mut known = sandbox.command("git");
        known
            .args(["rev-parse", "--verify", "--quiet", branch])
            .current_dir(&server);
        known.output().unwrap().status.success()
    };
    push("main").exits(0);

    sandbox.git(&["switch", "--quiet", "--create", "feat/less"]);
    sandbox.write(
        "posts/migrations/0005_less.py",
        &migration("migrations.RemoveField(\"post\", \"comment_count\")"),
    );
    sandbox.commit("feat: less");
    let refused = push("feat/less").exits(1);
    let refused = refused
        .says("posts/migrations/0005_less.py:6")
        .says("[drop-column]");
    assert!(
        refused.stderr.contains("pre-receive hook declined"),
        "{}",
        refused.stderr
    );
    assert!(!seen("feat/less"));
    sandbox.write(
        "posts/migrations/0005_less.py",
        &migration("migrations.AddField(\"post\", \"note\", models.TextField(null=True))"),
    );
    sandbox.git(&["add", "--all"]);
    sandbox.git(&["commit", "--quiet", "--amend", "--message", "feat: a note"]);
    push("feat/less").exits(0);
    assert!(seen("feat/less"));

    // A secret that a later commit took out, in a branch that goes on.
    sandbox.write("config/queue.py", &line);
    sandbox.commit("feat: a queue");
    sandbox.git(&["rm", "--quiet", "config/queue.py"]);
    sandbox.commit("feat: no queue");
    let refused = push("feat/less")
        .exits(1)
        .says("in commit")
        .says("[secret-url-password]");
    assert!(!refused.stderr.contains(&password), "{}", refused.stderr);
    sandbox.git(&["reset", "--quiet", "--hard", "origin/feat/less"]);
    sandbox.git(&["tag", "--annotate", "v1", "--message", "v1"]);
    push("v1").exits(0);
}

#[test]
fn a_push_is_judged_merged_with_the_default_branch() {
    let sandbox = Sandbox::blog();
    sandbox.git(&["config", "--global", "--unset", "core.hooksPath"]);
    let server = sandbox.project().join("../server.git");
    let bare = ["init", "--quiet", "--bare", "--initial-branch=main"];
    sandbox.git(&[bare.as_slice(), &[server.as_str()]].concat());
    sandbox.git(&["remote", "add", "origin", server.as_str()]);
    sandbox.git(&["push", "--quiet", "origin", "main"]);
    let add = |branch: &str, name: &str, column: &str| {
        sandbox.git(&["switch", "--quiet", "--create", branch, "main"]);
        let operation =
            format!("migrations.AddField(\"post\", \"{column}\", models.TextField(null=True))");
        sandbox.write(
            &format!("posts/migrations/{name}.py"),
            &migration(&operation),
        );
        sandbox.commit(&format!("feat: {column}"));
    };
    add("feat/one", "0005_one", "one");
    add("feat/two", "0005_two", "two");
    sandbox.git(&["push", "--quiet", "origin", "feat/one:main"]);
    // Each branch is in order by itself; the clone that pushes knows what the default branch has got.
    run(&sandbox, &["hooks", "install"]).exits(0);
    sandbox.git(&["remote", "set-head", "origin", "main"]);
    let refused = git(&sandbox, &["push", "origin", "feat/two"])
        .exits(1)
        .says("checked the migrations of refs/heads/feat/two since");
    for text in ["[several-leaves]", "posts/migrations/0005_two.py"] {
        assert!(refused.stdout.contains(text), "{}", refused.stdout);
    }
    let mut install = sandbox.command(PROGRAM);
    install.args(["hooks", "install", "--server"]);
    Outcome::from(install.current_dir(&server).output().unwrap()).exits(0);
    git(&sandbox, &["push", "--no-verify", "origin", "feat/two"])
        .exits(1)
        .says("[several-leaves]");
    git(&sandbox, &["fetch", "--quiet", "origin"]).exits(0);
    run(
        &sandbox,
        &["check", "migrations", "--base", "origin/main", "--fix"],
    )
    .exits(0);
    sandbox.commit("fix: the next number");
    git(&sandbox, &["push", "--quiet", "origin", "feat/two"]).exits(0);
}

/// A migration of the example project with one operation.
fn migration(operation: &str) -> String {
    format!(
        "from django.db import migrations, models\n\n\nclass Migration(migrations.Migration):\n    \
         dependencies = [(\"posts\", \"0004_post_published_at\")]\n    operations = [{operation}]\n"
    )
}

#[test]
fn lefthook_runs_the_checks() {
    let bin = virtual_environment().join("bin");
    if !services_required() {
        return;
    }
    assert!(
        bin.join("lefthook").exists(),
        "run scripts/test-services python"
    );
    let sandbox = clone();
    let jobs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../hooks/lefthook.yml");
    sandbox.write("lefthook.yml", &fs_err::read_to_string(jobs).unwrap());
    sandbox.git(&["add", "--all"]);
    sandbox.commit("ci: lefthook");
    let program = camino::Utf8Path::new(PROGRAM);
    let usual = std::env::var_os("PATH").unwrap_or_default();
    let path = format!(
        "{}:{bin}:{}",
        program.parent().unwrap(),
        usual.to_string_lossy()
    );
    let with_lefthook = |program: &str, arguments: &[&str]| -> Outcome {
        let mut command: Command = sandbox.command(program);
        command.args(arguments).env("PATH", &path);
        command.output().unwrap().into()
    };
    with_lefthook(bin.join("lefthook").as_str(), &["install"]).exits(0);
    sandbox.write("a.py", "breakpoint()\n");
    sandbox.git(&["add", "--all"]);
    let refused = with_lefthook("git", &["commit", "--message", "feat: more"]).exits(1);
    let said = format!("{}{}", refused.stdout, refused.stderr);
    assert!(
        said.contains("a.py:1:1: error: the call of `breakpoint`"),
        "{said}"
    );
    sandbox.write("a.py", "x = 2\n");
    sandbox.git(&["add", "--all"]);
    let message = with_lefthook("git", &["commit", "--message", "more"]).exits(1);
    let said = format!("{}{}", message.stdout, message.stderr);
    assert!(said.contains("[commit-format]"), "{said}");
    with_lefthook("git", &["commit", "--message", "feat: more"]).exits(0);
    let server = sandbox.project().join("../server.git");
    sandbox.git(&["init", "--quiet", "--bare", server.as_str()]);
    with_lefthook("git", &["push", server.as_str(), "feat/more"]).exits(0);
    // A message that was let through is found on its way out.
    sandbox.git(&[
        "commit",
        "--quiet",
        "--no-verify",
        "--allow-empty",
        "--message",
        "more",
    ]);
    let refused = with_lefthook("git", &["push", server.as_str(), "feat/more"]).exits(1);
    let said = format!("{}{}", refused.stdout, refused.stderr);
    assert!(said.contains("[commit-format]"), "{said}");
}
