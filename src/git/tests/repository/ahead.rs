//! Git asked for everything at once: the same answers as one after the other.

use super::selection::TEN;
use super::*;
use beanpole_git::Selection;

/// Both ways to what is staged, in a directory below the root of all.
#[track_caller]
fn agree(world: &World, directory: &str) {
    let directory = world.root.join(directory);
    let usual = world.git().discover(&directory).unwrap();
    let ahead = world.git().discover_for_staged(&directory).unwrap();
    assert_eq!(ahead.root(), usual.root());
    let select = |repository: &Repository| {
        repository
            .select(&Selection::Staged, Utf8Path::new(""))
            .unwrap()
    };
    let selected = select(&usual);
    assert_eq!(select(&ahead), selected, "{directory}");
    // What was asked for ahead is used up: the next look is a new one.
    assert_eq!(select(&ahead), selected, "{directory}");
    for entry in &selected.entries {
        let read = |repository: &Repository| {
            let mut blobs = repository.read_blobs().unwrap();
            blobs.read(&entry.object).unwrap()
        };
        assert_eq!(read(&ahead), read(&usual));
    }
}

#[test]
fn the_answers_are_those_of_the_usual_way() {
    let world = World::new();
    world.run(".", &["init", "--quiet", "work"]);
    world.write("work/a.py", TEN);
    world.run("work", &["add", "a.py"]);
    agree(&world, "work");
    world.write("work/below/b.py", TEN);
    world.commit("First");
    agree(&world, "work");
    world.write("work/a.py", TEN.replace("5\n", "five\n"));
    world.run("work", &["mv", "below/b.py", "below/c.py"]);
    world.write("work/new\nname.py", "x\n");
    world.run("work", &["add", "--all"]);
    agree(&world, "work");
    agree(&world, "work/below");
    world.run("work", &["checkout", "--quiet", "--detach"]);
    agree(&world, "work");
}

#[test]
fn a_merge_in_progress_is_looked_at_with_all_its_parents() {
    let world = World::new();
    world.repository(&[("a.py", TEN), ("b.py", TEN)]);
    world.run("work", &["checkout", "--quiet", "-b", "feature"]);
    world.write("work/a.py", TEN.replace("2\n", "ours\n"));
    world.commit("Ours");
    world.run("work", &["checkout", "--quiet", "main"]);
    world.write("work/a.py", TEN.replace("9\n", "theirs\n"));
    world.write("work/b.py", "theirs\n");
    world.commit("Theirs");
    world.run("work", &["checkout", "--quiet", "feature"]);
    world.run("work", &["merge", "--quiet", "--no-commit", "main"]);
    agree(&world, "work");
}

#[test]
fn a_linked_work_tree_and_a_repository_in_another_are_their_own() {
    let world = World::new();
    world.repository(&[("a.py", TEN)]);
    world.run("work", &["worktree", "add", "--quiet", "../linked"]);
    world.write("linked/b.py", "x\n");
    world.run("linked", &["add", "--all"]);
    agree(&world, "linked");
    world.run("work", &["init", "--quiet", "inner"]);
    world.write("work/inner/c.py", "x\n");
    world.run("work/inner", &["add", "--all"]);
    agree(&world, "work/inner");
}

#[test]
fn a_git_directory_that_is_none_leads_further_up() {
    let world = World::new();
    world.repository(&[("below/a.py", TEN)]);
    fs_err::create_dir(world.root.join("work/below/.git")).unwrap();
    world.write("work/below/a.py", "x\n");
    world.run("work", &["add", "below/a.py"]);
    agree(&world, "work/below");
}

#[test]
fn in_a_hook_the_working_directory_is_the_root() {
    let world = World::new();
    let usual = world.repository(&[("below/a.py", TEN)]);
    for directory in ["work", "work/below"] {
        let directory = world.root.join(directory);
        let found = world.git().discover_in_hook(&directory).unwrap();
        assert_eq!(found.root(), usual.root());
    }
    assert!(world.git().discover_in_hook(&world.root).is_err());
}

#[test]
fn a_fork_names_what_is_not_there() {
    let world = World::new();
    let repository = world.repository(&[("a.py", TEN)]);
    let base = CommitId::new(world.run("work", &["rev-parse", "HEAD"])).unwrap();
    world.run("work", &["tag", "--annotate", "-m", "x", "v1"]);
    let head = world.commit("Second");
    let fork = repository.fork("v1", "HEAD").unwrap();
    assert_eq!((&fork.base, &fork.tip, &fork.head), (&base, &base, &head));
    let error = repository.fork("nowhere", "HEAD").unwrap_err();
    assert!(error.to_string().contains("`nowhere`"), "{error}");
    let error = repository.fork("v1", "--all").unwrap_err();
    assert!(error.to_string().contains("`--all`"), "{error}");
    world.run("work", &["checkout", "--quiet", "--orphan", "other"]);
    world.commit("Other");
    let error = repository.fork("main", "HEAD").unwrap_err();
    assert!(matches!(error, Error::NoCommonCommit { .. }), "{error}");
}
