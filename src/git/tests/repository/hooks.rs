//! Hooks, put in place and run by the real git. A script stands in for beanpole, and writes down its calls.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Output;

use super::*;
use beanpole_git::{
    Found, Hook, HookError, Manager, ReferenceUpdate, Step, plan_install, plan_uninstall,
};

/// A stand-in for beanpole that writes its arguments and its input to `calls`, and ends with `status`.
fn stand_in(world: &World, status: u8) -> Utf8PathBuf {
    let calls = world.root.join("calls");
    script(
        world,
        "bin/beanpole",
        &format!(
            "#!/bin/sh\n{{ echo \"$*\"; [ \"$3\" = pre-commit ] || [ \"$3\" = commit-msg ] || cat; }} >> '{calls}'\nexit {status}\n"
        ),
    );
    world.root.join("bin/beanpole")
}

fn script(world: &World, path: &str, text: &str) {
    world.write(path, text);
    let path = world.root.join(path);
    fs_err::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn calls(world: &World) -> String {
    let path = world.root.join("calls");
    let calls = fs_err::read_to_string(&path).unwrap_or_default();
    let _ = fs_err::remove_file(path);
    calls
}

/// Runs git, with `variables` on top of the usual.
fn git(world: &World, directory: &str, variables: &[(&str, &str)], arguments: &[&str]) -> Output {
    Command::new("git")
        .args(arguments)
        .current_dir(world.root.join(directory))
        .envs(world.variables())
        .envs(variables.iter().copied())
        .env_remove("GIT_DIR")
        .env_remove("GIT_INDEX_FILE")
        .output()
        .unwrap()
}

fn install(repository: &Repository, hooks: &[Hook]) -> Result<Vec<Step>, HookError> {
    let site = repository.hook_site()?;
    site.refuse_shared()?;
    let steps = plan_install(&site.look(hooks)?)?;
    site.apply(&steps)?;
    Ok(steps)
}

fn uninstall(repository: &Repository, hooks: &[Hook]) -> Vec<Step> {
    let site = repository.hook_site().unwrap();
    let steps = plan_uninstall(&site.look(hooks).unwrap());
    site.apply(&steps).unwrap();
    steps
}

#[test]
fn installed_twice_is_installed_once_and_goes_away_whole() {
    let world = World::new();
    let repository = world.repository(&[("a.py", "1\n")]);
    // Templates may leave no directory at all.
    let directory = world.root.join("work/.git/hooks");
    let _ = fs_err::remove_dir_all(&directory);
    assert_eq!(
        install(&repository, &Hook::CLIENT).unwrap(),
        Hook::CLIENT.map(Step::Write)
    );
    assert_eq!(install(&repository, &Hook::CLIENT).unwrap(), []);
    // That of another release, or one that cannot be run, is renewed.
    let path = directory.join("pre-commit");
    let old = format!("{}# more\n", Hook::PreCommit.text());
    fs_err::write(&path, old).unwrap();
    fs_err::set_permissions(
        directory.join("pre-push"),
        std::fs::Permissions::from_mode(0o644),
    )
    .unwrap();
    assert_eq!(
        install(&repository, &Hook::CLIENT).unwrap(),
        [Step::Write(Hook::PreCommit), Step::Write(Hook::PrePush)]
    );
    assert_eq!(
        uninstall(&repository, &Hook::CLIENT),
        Hook::CLIENT.map(Step::Remove)
    );
    assert_eq!(uninstall(&repository, &Hook::CLIENT), []);
    assert_eq!(directory.read_dir_utf8().unwrap().count(), 0);
}

#[test]
fn a_commit_and_a_push_call_beanpole() {
    let world = World::new();
    let repository = world.repository(&[("a.py", "1\n")]);
    world.run(".", &["init", "--quiet", "--bare", "server.git"]);
    world.run("work", &["remote", "add", "origin", "../server.git"]);
    install(&repository, &Hook::CLIENT).unwrap();
    let beanpole = stand_in(&world, 0);
    let with = [("BEANPOLE", beanpole.as_str())];
    let message = ["commit", "--allow-empty", "-m", "feat: x"];
    assert!(git(&world, "work", &with, &message).status.success());
    assert_eq!(
        calls(&world),
        "hooks run pre-commit\nhooks run commit-msg .git/COMMIT_EDITMSG\n"
    );
    let push = ["push", "--quiet", "origin", "main:refs/heads/main"];
    assert!(git(&world, "work", &with, &push).status.success());
    let called = calls(&world);
    let (arguments, input) = called.split_once('\n').unwrap();
    assert_eq!(arguments, "hooks run pre-push origin ../server.git");
    let updates = ReferenceUpdate::pushed(input).unwrap();
    let head = repository.head().unwrap().id;
    assert_eq!(updates[0].short_name(), "main");
    assert_eq!((&updates[0].old, &updates[0].new), (&None, &Some(head)));

    // What beanpole refuses is not committed and not pushed.
    stand_in(&world, 1);
    let refused = git(&world, "work", &with, &message);
    assert!(!refused.status.success());
    assert!(
        !git(&world, "work", &with, &["push", "origin", "main:other"])
            .status
            .success()
    );
    let off = [("BEANPOLE", beanpole.as_str()), ("BEANPOLE_HOOKS", "0")];
    assert!(git(&world, "work", &off, &message).status.success());
}

#[test]
fn without_the_program_the_hook_says_so_and_lets_it_pass() {
    let world = World::new();
    let repository = world.repository(&[("a.py", "1\n")]);
    install(&repository, &[Hook::PreCommit]).unwrap();
    let missing = ("BEANPOLE", "/nowhere/beanpole");
    let message = ["commit", "--allow-empty", "-m", "x"];
    let output = git(&world, "work", &[missing], &message);
    assert!(output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("/nowhere/beanpole was not found, so what is staged was not checked"),
        "{said}"
    );
    let strict = [missing, ("BEANPOLE_HOOKS_STRICT", "1")];
    assert!(!git(&world, "work", &strict, &message).status.success());
}

#[test]
fn a_hook_that_was_there_runs_first_and_comes_back() {
    let world = World::new();
    let repository = world.repository(&[("a.py", "1\n")]);
    let calls_path = world.root.join("calls");
    let hook = "work/.git/hooks/pre-push";
    let former =
        format!("#!/bin/sh\n{{ echo \"former $*\"; cat; }} >> '{calls_path}'\n[ ! -e stop ]\n");
    script(&world, hook, &former);
    let steps = install(&repository, &[Hook::PrePush]).unwrap();
    assert_eq!(
        steps,
        [Step::Keep(Hook::PrePush), Step::Write(Hook::PrePush)]
    );
    world.run(".", &["init", "--quiet", "--bare", "server.git"]);
    let beanpole = stand_in(&world, 0);
    let with = [("BEANPOLE", beanpole.as_str())];
    let push = ["push", "--quiet", "../server.git", "main"];
    assert!(git(&world, "work", &with, &push).status.success());
    let called = calls(&world);
    let lines: Vec<&str> = called.lines().collect();
    assert_eq!(lines.len(), 4, "{called}");
    assert!(lines[0].starts_with("former ../server.git"));
    assert_eq!(lines[1], lines[3], "both have read what git wrote");
    // What it refuses is refused, without asking beanpole.
    world.write("work/stop", "");
    assert!(
        !git(&world, "work", &with, &["push", "../server.git", "main:x"])
            .status
            .success()
    );
    assert!(!calls(&world).contains("hooks run"));

    assert_eq!(
        uninstall(&repository, &Hook::CLIENT),
        [Step::Restore(Hook::PrePush)]
    );
    assert_eq!(
        fs_err::read_to_string(world.root.join(hook)).unwrap(),
        former
    );
    // Someone has put another hook over ours: there is no place for two.
    install(&repository, &[Hook::PrePush]).unwrap();
    script(&world, hook, "#!/bin/sh\nexit 0\n");
    let error = install(&repository, &[Hook::PrePush]).unwrap_err();
    assert!(matches!(error, HookError::TwoForeign { .. }));
    assert!(error.hint().unwrap().contains("pre-push.before-beanpole"));
    assert_eq!(uninstall(&repository, &Hook::CLIENT), []);
}

#[test]
fn managers_keep_their_hooks() {
    let world = World::new();
    let repository = world.repository(&[("a.py", "1\n")]);
    for (text, manager) in [
        (
            "#!/bin/sh\ncall_lefthook run \"pre-commit\" \"$@\"\n",
            Manager::Lefthook,
        ),
        (
            "#!/usr/bin/env bash\n# File generated by pre-commit: https://pre-commit.com\n",
            Manager::PreCommit,
        ),
        (
            "#!/usr/bin/env sh\n. \"${0%/*}/husky.sh\"\n",
            Manager::Husky,
        ),
        (
            "#!/usr/bin/env sh\n. \"$(dirname \"$0\")/h\"\n",
            Manager::Husky,
        ),
        ("#!/usr/bin/env sh\n. \"${0%/*}/h\"\n", Manager::Husky),
        (
            "#!/bin/sh\nexec \"$(dirname \"$0\")/../../tools/$(basename \"$0\")\" \"$@\"\n",
            Manager::ByName,
        ),
    ] {
        script(&world, "work/.git/hooks/pre-commit", text);
        let site = repository.hook_site().unwrap();
        let state = site.look(&[Hook::PreCommit]).unwrap();
        assert_eq!(state[0].found, Found::Managed(manager));
        let error = install(&repository, &Hook::CLIENT).unwrap_err();
        assert!(
            error.hint().unwrap().contains("beanpole hooks run"),
            "{error}"
        );
        assert!(!world.root.join("work/.git/hooks/commit-msg").exists());
    }
}

#[test]
fn the_directory_is_the_one_that_git_uses() {
    let world = World::new();
    let repository = world.repository(&[("a.py", "1\n")]);
    world.run(
        "work",
        &["worktree", "add", "--quiet", "../tree", "-b", "tree"],
    );
    let tree = world.open("tree");
    let site = tree.hook_site().unwrap();
    assert_eq!(site.directory, world.root.join("work/.git/hooks"));
    assert_eq!(site.scope, None);

    world.run("work", &["config", "core.hooksPath", ".githooks"]);
    install(&repository, &[Hook::PreCommit]).unwrap();
    assert!(world.root.join("work/.githooks/pre-commit").exists());
    uninstall(&repository, &[Hook::PreCommit]);
    world.run("work", &["config", "--unset", "core.hooksPath"]);

    let settings = world.root.join("settings");
    let shared = world.root.join("shared");
    world.write("settings", format!("[core]\n\thooksPath = {shared}\n"));
    let git = world.git().variable("GIT_CONFIG_GLOBAL", settings.as_str());
    let repository = git.discover(&world.root.join("work")).unwrap();
    let error = install(&repository, &[Hook::PreCommit]).unwrap_err();
    assert!(
        matches!(&error, HookError::Shared { scope, .. } if scope == "global"),
        "{error}"
    );
    assert!(!shared.exists());
}

#[test]
fn a_directory_that_cannot_be_written_is_named() {
    let world = World::new();
    let repository = world.repository(&[("a.py", "1\n")]);
    world.write("blocked", "a file");
    let blocked = world.root.join("blocked/hooks");
    world.run("work", &["config", "core.hooksPath", blocked.as_str()]);
    let error = install(&repository, &[Hook::PreCommit]).unwrap_err();
    assert!(matches!(&error, HookError::File { .. }), "{error:?}");
    assert!(error.to_string().contains("blocked/hooks/pre-commit"));
}

#[test]
fn the_server_sees_what_is_pushed_before_anyone_else() {
    let world = World::new();
    world.repository(&[("a.py", "1\n")]);
    world.run(".", &["init", "--quiet", "--bare", "server.git"]);
    let server = world
        .git()
        .open_bare(&world.root.join("server.git"))
        .unwrap();
    install(&server, &Hook::SERVER).unwrap();
    let root = world.root.clone();
    // The stand-in asks git for the new objects, which only the variables of the quarantine lead to.
    script(
        &world,
        "bin/beanpole",
        &format!(
            "#!/bin/sh\necho \"$*\" >> '{root}/calls'\nwhile read -r old new name; do\n  echo \"$old $new $name\" >> '{root}/calls'\n  case $new in *[!0]*) git log --format=%s \"$new\" --not --all >> '{root}/calls' ;; esac\ndone\n[ ! -e '{root}/stop' ]\n"
        ),
    );
    let beanpole = world.root.join("bin/beanpole");
    let with = [("BEANPOLE", beanpole.as_str())];
    let new = world.commit("Second");
    world.run("work", &["tag", "-a", "v1", "-m", "v1"]);
    let push = |what: &[&str]| {
        let arguments = [&["push", "--quiet", "../server.git"], what].concat();
        git(&world, "work", &with, &arguments).status.success()
    };
    assert!(push(&["main", "v1"]));
    let called = calls(&world);
    let zero = "0".repeat(40);
    assert!(called.starts_with("hooks run pre-receive\n"), "{called}");
    assert!(
        called.contains(&format!("{zero} {new} refs/heads/main\nSecond\nFirst\n")),
        "{called}"
    );
    assert!(called.contains("refs/tags/v1\n"), "{called}");
    // A branch of commits that are known brings nothing, and a deletion has nothing to look at.
    assert!(push(&["main:refs/heads/copy"]));
    assert!(calls(&world).ends_with("refs/heads/copy\n"));
    assert!(push(&[":refs/heads/copy"]));
    assert!(calls(&world).contains(&format!("{new} {zero} refs/heads/copy\n")));

    world.write("stop", "");
    world.commit("Refused");
    assert!(!push(&["main"]));
    let main = server.resolve("main").unwrap().unwrap();
    assert_eq!(main, new);
}
