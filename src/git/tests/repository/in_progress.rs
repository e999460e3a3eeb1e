//! Merges, rebases, submodules and further work trees: what is judged in the midst of them.

use super::selection::{TEN, change, changed, staged};
use super::*;
use beanpole_git::{Lines, Operation};

/// Two branches that both changed `both.py`, and each a file of its own. `feature` is checked out.
pub(super) fn diverged(world: &World) -> Repository {
    let repository = world.repository(&[("both.py", TEN), ("ours.py", TEN), ("theirs.py", TEN)]);
    world.run("work", &["checkout", "--quiet", "-b", "feature"]);
    world.write("work/both.py", TEN.replace("2\n", "ours\n"));
    world.write("work/ours.py", "ours\n");
    world.commit("Ours");
    world.run("work", &["checkout", "--quiet", "main"]);
    world.write("work/both.py", TEN.replace("9\n", "theirs\n"));
    world.write("work/theirs.py", "theirs\n");
    world.commit("Theirs");
    world.run("work", &["checkout", "--quiet", "feature"]);
    repository
}

#[test]
fn of_a_merge_only_what_differs_from_every_parent_is_judged() {
    let world = World::new();
    let repository = diverged(&world);
    world.run("work", &["merge", "--quiet", "--no-commit", "main"]);
    let other = CommitId::new(world.run("work", &["rev-parse", "main"])).unwrap();
    let state = repository.head_state().unwrap();
    assert_eq!(
        state.operation,
        Some(Operation::Merge { with: vec![other] })
    );
    let selected = staged(&repository);
    assert_eq!(changed(&selected), ["both.py"]);
    assert_eq!(selected.merged, ["theirs.py"]);
    // Every line of it is one of a side: nobody has written anything new.
    assert_eq!(change(&selected, "both.py").lines, Lines::Only(Vec::new()));
    // A line that the merge itself brings.
    let resolved = TEN
        .replace("2\n", "ours\n")
        .replace("9\n", "theirs\n")
        .replace("5\n", "slipped in\n");
    world.write("work/both.py", resolved);
    world.run("work", &["add", "both.py"]);
    let selected = staged(&repository);
    assert_eq!(
        change(&selected, "both.py").lines,
        Lines::Only(vec![(5, 5)])
    );
}

#[test]
fn an_open_conflict_is_named_and_not_judged() {
    let world = World::new();
    let repository = world.repository(&[("a.py", "1\n")]);
    world.run("work", &["checkout", "--quiet", "-b", "feature"]);
    world.write("work/a.py", "ours\n");
    world.commit("Ours");
    world.run("work", &["checkout", "--quiet", "main"]);
    world.write("work/a.py", "theirs\n");
    world.commit("Theirs");
    let merged = Command::new("git")
        .args(["merge", "feature"])
        .current_dir(world.root.join("work"))
        .envs(world.variables())
        .output()
        .unwrap();
    assert!(!merged.status.success());
    let selected = staged(&repository);
    assert_eq!(selected.conflicts, ["a.py"]);
    assert!(selected.changes.is_empty() && selected.entries.is_empty());
}

#[test]
fn a_rebase_names_the_branch_it_works_on() {
    let world = World::new();
    let repository = world.repository(&[("a.py", "1\n")]);
    world.run("work", &["checkout", "--quiet", "-b", "feature/y"]);
    world.write("work/a.py", "ours\n");
    world.commit("Ours");
    world.run("work", &["checkout", "--quiet", "main"]);
    world.write("work/a.py", "theirs\n");
    world.commit("Theirs");
    for (arguments, expected) in [
        (
            ["rebase", "main", "feature/y"],
            Operation::Rebase {
                branch: Some("feature/y".to_owned()),
            },
        ),
        (
            ["cherry-pick", "--allow-empty", "feature/y"],
            Operation::CherryPick,
        ),
    ] {
        let stopped = Command::new("git")
            .args(arguments)
            .current_dir(world.root.join("work"))
            .envs(world.variables())
            .output()
            .unwrap();
        assert!(!stopped.status.success());
        let state = repository.head_state().unwrap();
        assert_eq!(state.operation, Some(expected));
        let command = *arguments.first().unwrap();
        world.run("work", &[command, "--abort"]);
        world.run("work", &["checkout", "--quiet", "main"]);
    }
    assert_eq!(repository.head_state().unwrap().operation, None);
}

#[test]
fn work_trees_and_submodules() {
    let world = World::new();
    let repository = world.repository(&[("a.py", TEN)]);
    world.run(".", &["init", "--quiet", "library"]);
    world.write("library/x.py", "x\n");
    world.run("library", &["add", "--all"]);
    world.run("library", &["commit", "--quiet", "-m", "Library"]);
    let url = world.root.join("library");
    world.run(
        "work",
        &["submodule", "--quiet", "add", url.as_str(), "library"],
    );
    let selected = staged(&repository);
    assert_eq!(changed(&selected), [".gitmodules", "library"]);
    let entry = selected
        .entries
        .iter()
        .find(|entry| entry.path == "library");
    assert_eq!(entry.unwrap().mode, Mode::Submodule);
    world.commit("Submodule");
    // A newer commit of it, which `ignore` in the settings would hide.
    world.run("work", &["config", "submodule.library.ignore", "all"]);
    world.run(
        "work/library",
        &["commit", "--quiet", "--allow-empty", "-m", "Newer"],
    );
    world.run("work", &["add", "--force", "library"]);
    assert_eq!(changed(&staged(&repository)), ["library"]);
    world.run("work", &["reset", "--quiet"]);

    world.run(
        "work",
        &["worktree", "add", "--quiet", "../tree", "-b", "tree"],
    );
    world.write("tree/a.py", TEN.replace("5\n", "five\n"));
    world.run("tree", &["add", "a.py"]);
    let tree = world.open("tree");
    assert_eq!(changed(&staged(&tree)), ["a.py"]);
    assert_eq!(tree.head_state().unwrap().branch.as_deref(), Some("tree"));
    assert!(staged(&repository).changes.is_empty());
}
