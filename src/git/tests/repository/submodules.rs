//! Submodules, read from their own object stores.

use beanpole_git::{MissingSubmodule, Mode, Tree, TreeEntry, WhyMissing};

use super::*;

/// `work` with the submodule `vendor/outer`, which has the submodule `inner`.
fn nested() -> (World, CommitId) {
    let world = World::new();
    for (name, file) in [("inner", "deep.py"), ("outer", "shallow.py")] {
        world.run(".", &["init", "--quiet", name]);
        world.write(&format!("{name}/{file}"), format!("print('{name}')\n"));
        world.run(name, &["add", "--all"]);
        world.run(name, &["commit", "--quiet", "-m", "First"]);
    }
    world.run(
        "outer",
        &["submodule", "--quiet", "add", "../inner", "inner"],
    );
    world.run("outer", &["commit", "--quiet", "-m", "Second"]);
    world.repository(&[("app/manage.py", "1")]);
    world.run(
        "work",
        &[
            "submodule",
            "--quiet",
            "add",
            "../outer",
            "app/vendor/outer",
        ],
    );
    world.run(
        "work",
        &["submodule", "--quiet", "update", "--init", "--recursive"],
    );
    let commit = world.commit("Second");
    (world, commit)
}

fn paths(tree: &Tree) -> Vec<&str> {
    tree.entries
        .iter()
        .map(|entry| entry.path.as_str())
        .collect()
}

fn content(tree: &Tree, path: &str) -> String {
    let entry: &TreeEntry = tree
        .entries
        .iter()
        .find(|entry| entry.path == path)
        .unwrap();
    let bytes = tree
        .repository
        .read_blobs()
        .unwrap()
        .read(&entry.object)
        .unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn files_of_submodules_come_from_their_recorded_commits() {
    let (world, commit) = nested();
    // Neither files on disk nor newer commits have a say.
    world.write("work/app/vendor/outer/shallow.py", "changed");
    world.write("work/app/vendor/outer/inner/new.py", "untracked");
    world.run("work/app/vendor/outer", &["commit", "-qam", "Newer"]);
    let tree = world
        .open("work")
        .tree(&commit, Utf8Path::new("app"))
        .unwrap();
    assert_eq!(
        paths(&tree),
        [
            "manage.py",
            "vendor/outer/.gitmodules",
            "vendor/outer/inner/deep.py",
            "vendor/outer/shallow.py",
        ]
    );
    assert_eq!(
        content(&tree, "vendor/outer/shallow.py"),
        "print('outer')\n"
    );
    assert_eq!(
        content(&tree, "vendor/outer/inner/deep.py"),
        "print('inner')\n"
    );
    assert_eq!(tree.submodules, ["vendor/outer", "vendor/outer/inner"]);
    assert_eq!(tree.missing, []);
    assert!(tree.entries.iter().all(|entry| entry.mode == Mode::File));
}

#[test]
fn checked_out_files_are_not_needed() {
    let (world, commit) = nested();
    world.run(
        "work",
        &["submodule", "--quiet", "deinit", "--all", "--force"],
    );
    fs_err::remove_dir_all(world.root.join("work/app/vendor")).unwrap();
    let tree = world.open("work").tree(&commit, Utf8Path::new("")).unwrap();
    assert_eq!(tree.missing, []);
    assert_eq!(
        content(&tree, "app/vendor/outer/inner/deep.py"),
        "print('inner')\n"
    );
}

#[test]
fn a_linked_work_tree_has_stores_of_its_own() {
    let (world, commit) = nested();
    world.run("work", &["worktree", "add", "--quiet", "../linked"]);
    world.run(
        "linked",
        &["submodule", "--quiet", "update", "--init", "--recursive"],
    );
    fs_err::remove_dir_all(world.root.join("work/.git/modules")).unwrap();
    let tree = world
        .open("linked")
        .tree(&commit, Utf8Path::new("app"))
        .unwrap();
    assert_eq!(tree.missing, []);
    assert_eq!(paths(&tree).len(), 4);
}

#[test]
fn what_was_never_fetched_is_named() {
    let (world, commit) = nested();
    world.run(".", &["clone", "--quiet", "work", "clone"]);
    let tree = world
        .open("clone")
        .tree(&commit, Utf8Path::new("app"))
        .unwrap();
    let recorded = world.run("work/app/vendor/outer", &["rev-parse", "HEAD"]);
    let missing = |path: &str, commit: &str, why| MissingSubmodule {
        path: path.into(),
        commit: commit.to_owned(),
        why,
    };
    assert_eq!(
        tree.missing,
        [missing(
            "vendor/outer",
            &recorded,
            WhyMissing::NotInitialised
        )]
    );
    assert_eq!(paths(&tree), ["manage.py"]);
    // Half of the way: the outer one is there, the inner one is not.
    world.run("clone", &["submodule", "--quiet", "update", "--init"]);
    let tree = world
        .open("clone")
        .tree(&commit, Utf8Path::new("app"))
        .unwrap();
    assert_eq!(tree.missing.len(), 1);
    assert_eq!(tree.missing[0].path, "vendor/outer/inner");
    assert_eq!(tree.missing[0].why, WhyMissing::NotInitialised);
    // Fetched long ago: the recorded commit came later.
    world.run(
        "work/app/vendor/outer",
        &["commit", "-qm", "New", "--allow-empty"],
    );
    let commit = world.commit("Third");
    world.run("clone", &["fetch", "--quiet", "--recurse-submodules=no"]);
    let tree = world
        .open("clone")
        .tree(&commit, Utf8Path::new("app"))
        .unwrap();
    assert_eq!(tree.missing[0].why, WhyMissing::CommitMissing);
}

#[test]
fn a_clone_that_was_added_by_mistake_is_not_declared() {
    let world = World::new();
    world.repository(&[("manage.py", "1")]);
    world.run("work", &["init", "--quiet", "lib"]);
    world.write("work/lib/a.py", "1");
    world.run("work/lib", &["add", "--all"]);
    world.run("work/lib", &["commit", "--quiet", "-m", "First"]);
    let commit = world.commit("Second");
    let tree = world.open("work").tree(&commit, Utf8Path::new("")).unwrap();
    assert_eq!(tree.missing[0].path, "lib");
    assert_eq!(tree.missing[0].why, WhyMissing::NotDeclared);
}

#[test]
fn a_clone_that_became_a_submodule_keeps_its_own_store() {
    let world = World::new();
    world.repository(&[("manage.py", "1")]);
    world.run("work", &["init", "--quiet", "odd:\"lib"]);
    world.write("work/odd:\"lib/a.py", "inside");
    world.run("work/odd:\"lib", &["add", "--all"]);
    world.run("work/odd:\"lib", &["commit", "--quiet", "-m", "First"]);
    world.run(
        "work",
        &["submodule", "--quiet", "add", "./odd:\"lib", "odd:\"lib"],
    );
    let commit = world.commit("Second");
    let tree = world.open("work").tree(&commit, Utf8Path::new("")).unwrap();
    assert_eq!(tree.missing, []);
    assert_eq!(content(&tree, "odd:\"lib/a.py"), "inside");
}

#[test]
fn stored_sizes_come_close_to_compressed_ones() {
    let world = World::new();
    let noise: String = (0..20_000_u32)
        .map(|number| format!("{:08x}", number.wrapping_mul(2_654_435_761)))
        .collect();
    let repository = world.repository(&[("noise", &noise), ("plain", &"a".repeat(100_000))]);
    let commit = repository.head().unwrap().id;
    let entries = repository.files(&commit, Utf8Path::new("")).unwrap();
    let ids: Vec<&str> = entries.iter().map(|entry| entry.object.as_str()).collect();
    let missing = "1".repeat(40);
    let asked = [ids[0], ids[1], missing.as_str(), "not an id"];
    let sizes = repository.stored_sizes(&asked).unwrap();
    assert!(sizes[0].unwrap() > 50_000, "{sizes:?}");
    assert!(sizes[1].unwrap() < 2_000, "{sizes:?}");
    assert_eq!(sizes[2..], [None, None]);
    // Stored as they are, the sizes say nothing.
    world.run("work", &["config", "core.compression", "0"]);
    assert_eq!(repository.stored_sizes(&ids).unwrap(), [None, None]);
}
