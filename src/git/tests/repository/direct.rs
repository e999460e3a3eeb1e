//! A repository read in this process: the same answers as git's.
//!
//! The library hears the machine's own settings, unlike git in these tests, which is told to hear none.

use super::in_progress::diverged;
use super::selection::TEN;
use super::*;
use std::os::unix::ffi::OsStrExt as _;

use beanpole_git::{Lines, Selected, Selection};
use beanpole_model::Environment;

/// The repository of a directory below the root of all, read in this process.
fn direct(world: &World, directory: &str) -> Repository {
    let directory = world.root.join(directory);
    let git = Git::default().in_hook();
    git.discover_to_read(&directory, &Environment::default())
        .unwrap()
}

fn select(repository: &Repository, selection: &Selection) -> Selected {
    repository.select(selection, Utf8Path::new("")).unwrap()
}

/// Both ways to what is staged, to the index and to contents.
#[track_caller]
fn agree(world: &World, directory: &str) {
    let (usual, direct) = (world.open(directory), direct(world, directory));
    assert_eq!(direct.root(), usual.root());
    assert_eq!(direct.head_state().unwrap(), usual.head_state().unwrap());
    for selection in [Selection::Staged, Selection::Index] {
        let selected = select(&usual, &selection);
        assert_eq!(select(&direct, &selection), selected, "{directory}");
    }
    let entries = select(&usual, &Selection::Index).entries;
    let objects: Vec<&str> = entries.iter().map(|entry| entry.object.as_str()).collect();
    for largest in [4, 1000] {
        let read = |repository: &Repository| {
            let mut blobs = repository.read_blobs().unwrap();
            blobs.read_all_up_to(&objects, largest).unwrap()
        };
        assert_eq!(read(&direct), read(&usual));
    }
}

/// Both ways from one commit to another.
#[track_caller]
fn agree_between(world: &World, base: &str) {
    let selection = Selection::Since {
        base: base.to_owned(),
        head: "HEAD".to_owned(),
    };
    let selected = select(&world.open("work"), &selection);
    assert_eq!(select(&direct(world, "work"), &selection), selected);
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
    diverged(&world);
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
        let git = Git::default().in_hook();
        let found = git.discover_in_hook(&directory, &Environment::default());
        assert_eq!(found.unwrap().root(), usual.root());
    }
    let git = world.git().in_hook();
    let none = git.discover_in_hook(&world.root, &Environment::default());
    assert!(none.is_err());
}

#[test]
fn a_fork_names_what_is_not_there() {
    let world = World::new();
    world.repository(&[("a.py", TEN)]);
    let base = CommitId::new(world.run("work", &["rev-parse", "HEAD"])).unwrap();
    world.run("work", &["tag", "--annotate", "-m", "x", "v1"]);
    let head = world.commit("Second");
    world.run("work", &["checkout", "--quiet", "--orphan", "other"]);
    world.commit("Other");
    for repository in [world.open("work"), direct(&world, "work")] {
        forks(&repository, &base, &head);
    }
}

fn forks(repository: &Repository, base: &CommitId, head: &CommitId) {
    let fork = repository.fork("v1", "main").unwrap();
    assert_eq!((&fork.base, &fork.tip, &fork.head), (base, base, head));
    let error = repository.fork("nowhere", "HEAD").unwrap_err();
    assert!(error.to_string().contains("`nowhere`"), "{error}");
    let error = repository.fork("v1", "--all").unwrap_err();
    assert!(error.to_string().contains("`--all`"), "{error}");
    let error = repository.fork("main", "HEAD").unwrap_err();
    assert!(matches!(error, Error::NoCommonCommit { .. }), "{error}");
}

#[test]
fn many_directories_are_compared() {
    let world = World::new();
    let paths: Vec<String> = (0..300)
        .map(|number| format!("{}/{}/f{number}.py", number % 7, number % 5))
        .collect();
    let files: Vec<(&str, &str)> = paths.iter().map(|path| (path.as_str(), TEN)).collect();
    world.repository(&files);
    agree(&world, "work");
    // A name beside a directory of the same beginning, a file that becomes a directory, and a directory that becomes a file.
    world.write("work/0.py", "x\n");
    world.write("work/0-1/x.py", "x\n");
    world.write("work/3/3/f3.py", "x\n");
    world.run("work", &["add", "--all"]);
    agree(&world, "work");
    world.run("work", &["commit", "--quiet", "-m", "Second"]);
    agree_between(&world, "HEAD^");
    world.run("work", &["rm", "--quiet", "-r", "4", "0.py"]);
    agree(&world, "work");
    world.write("work/4", "x\n");
    world.write("work/0.py/a", "x\n");
    world.run("work", &["add", "--all"]);
    agree(&world, "work");
    world.run("work", &["commit", "--quiet", "-m", "Third"]);
    agree_between(&world, "HEAD^");
    agree_between(&world, "HEAD^^");
}

#[test]
fn every_kind_of_change_is_told_as_git_tells_it() {
    let world = World::new();
    world.repository(&[
        ("modified.py", TEN),
        ("emptied.py", TEN),
        ("no-end.py", "1\n2"),
        ("mode.sh", TEN),
        ("binary.dat", "a\0b\n"),
        ("crlf.py", "1\r\n2\r\n"),
        ("gone.py", TEN),
        ("attributes.txt", TEN),
        ("driver.x", TEN),
    ]);
    world.write(
        "work/modified.py",
        TEN.replace("5\n", "five\n5.5\n").replace("1\n", ""),
    );
    world.write("work/emptied.py", "");
    world.write("work/no-end.py", "1\n2\n");
    world.write("work/binary.dat", "a\0c\n");
    world.write("work/crlf.py", "1\n2\r\n");
    world.run("work", &["add", "--all"]);
    world.run("work", &["update-index", "--chmod=+x", "mode.sh"]);
    agree(&world, "work");
    world.write(
        "work/.gitattributes",
        "attributes.txt -diff\n*.x diff=custom\n",
    );
    world.run("work", &["config", "diff.custom.binary", "true"]);
    world.write("work/attributes.txt", "x\n");
    world.write("work/driver.x", "x\n");
    world.write("work/new.py", "1\n2");
    world.write("work/new.dat", "\0");
    world.write("work/empty.py", "");
    world.run("work", &["add", "--all"]);
    agree(&world, "work");
    let staged = select(&direct(&world, "work"), &Selection::Staged);
    let of = |path: &str| staged.changes.iter().find(|one| one.path == path).unwrap();
    assert_eq!(of("attributes.txt").lines, Lines::All);
    assert_eq!(of("driver.x").counts, None);
    assert_eq!(of("no-end.py").lines, Lines::Only(vec![(2, 2)]));
    world.commit("Second");
    agree_between(&world, "HEAD^");
    world.run("work", &["rm", "--quiet", "gone.py", "binary.dat"]);
    agree(&world, "work");
    world.commit("Third");
    agree_between(&world, "HEAD^");
}

#[test]
fn what_is_not_plain_is_left_to_git() {
    let world = World::new();
    world.repository(&[("a.py", TEN), ("below/b.py", TEN), ("link.py", TEN)]);
    // Announced, in conflict, a link, a file that moved, and a name that is not UTF-8.
    world.write("work/announced.py", "x\n");
    world.run("work", &["add", "--intent-to-add", "announced.py"]);
    agree(&world, "work");
    world.run("work", &["mv", "a.py", "moved.py"]);
    agree(&world, "work");
    fs_err::remove_file(world.root.join("work/link.py")).unwrap();
    std::os::unix::fs::symlink("moved.py", world.root.join("work/link.py")).unwrap();
    world.run("work", &["add", "--all"]);
    agree(&world, "work");
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9.py");
    fs_err::write(world.root.join("work").as_std_path().join(name), "x\n").unwrap();
    world.run("work", &["add", "--all"]);
    agree(&world, "work");
    world.run("work", &["commit", "--quiet", "-m", "Second"]);
    world.run(
        "work",
        &["sparse-checkout", "set", "--sparse-index", "below"],
    );
    agree(&world, "work");
}

#[test]
fn conflicts_are_set_aside() {
    let world = World::new();
    world.repository(&[("a.py", TEN), ("b/c.py", TEN)]);
    world.run("work", &["checkout", "--quiet", "-b", "feature"]);
    world.write("work/a.py", "ours\n");
    world.write("work/b/c.py", "ours\n");
    world.commit("Ours");
    world.run("work", &["checkout", "--quiet", "main"]);
    world.write("work/a.py", "theirs\n");
    world.run("work", &["rm", "--quiet", "b/c.py"]);
    world.commit("Theirs");
    let merge = Command::new("git")
        .args(["merge", "--quiet", "feature"])
        .current_dir(world.root.join("work"))
        .envs(world.variables())
        .output()
        .unwrap();
    assert!(!merge.status.success());
    let staged = select(&direct(&world, "work"), &Selection::Staged);
    assert_eq!(staged.conflicts, ["a.py", "b/c.py"]);
    agree(&world, "work");
}

#[test]
fn other_formats_are_left_to_git() {
    for format in ["--object-format=sha256", "--ref-format=reftable"] {
        let world = World::new();
        let made = Command::new("git")
            .args(["init", "--quiet", format, "work"])
            .current_dir(&world.root)
            .envs(world.variables())
            .output()
            .unwrap();
        // An older git knows neither; then nobody has such a repository there.
        if !made.status.success() {
            continue;
        }
        world.write("work/a.py", TEN);
        world.commit("First");
        world.write("work/a.py", "x\n");
        world.run("work", &["add", "--all"]);
        agree(&world, "work");
    }
}

#[test]
fn an_index_of_its_own_is_the_one_that_is_read() {
    let world = World::new();
    world.repository(&[("a.py", TEN)]);
    world.write("work/b.py", "x\n");
    let own = world.root.join("work/.git/own-index");
    fs_err::copy(world.root.join("work/.git/index"), &own).unwrap();
    let added = Command::new("git")
        .args(["add", "b.py"])
        .current_dir(world.root.join("work"))
        .envs(world.variables())
        .env("GIT_INDEX_FILE", own.as_str())
        .status()
        .unwrap();
    assert!(added.success());
    let environment: Environment = [("GIT_INDEX_FILE", own.as_str())].into_iter().collect();
    let git = world
        .git()
        .variable("GIT_INDEX_FILE", own.as_str())
        .in_hook();
    let asked = git
        .discover_to_read(&world.root.join("work"), &environment)
        .unwrap();
    let staged = select(&asked, &Selection::Staged);
    assert_eq!(staged.changes.len(), 1);
    // The library of this process does not hear of it, and says so: git is asked, which is not told either.
    let git = Git::default().in_hook();
    let unheard = git
        .discover_to_read(&world.root.join("work"), &environment)
        .unwrap();
    assert_eq!(select(&unheard, &Selection::Staged).changes, []);
}

#[test]
fn the_mark_of_comments_is_the_configured_one() {
    let world = World::new();
    world.repository(&[("a.py", TEN)]);
    let mark = || direct(&world, "work").comment_mark().unwrap();
    world.run("work", &["config", "core.commentChar", ";"]);
    assert_eq!(mark().as_deref(), Some(";"));
    world.run("work", &["config", "core.commentString", "//"]);
    assert_eq!(mark().as_deref(), Some("//"));
    world.run("work", &["config", "commit.cleanup", "whitespace"]);
    assert_eq!(mark(), None);
}

#[test]
fn an_object_that_is_not_there_is_named_by_git() {
    let world = World::new();
    world.repository(&[("a.py", TEN)]);
    let repository = direct(&world, "work");
    let missing = "1".repeat(40);
    let mut blobs = repository.read_blobs().unwrap();
    let error = blobs.read_all_up_to(&[&missing], 100).unwrap_err();
    assert!(matches!(error, Error::ObjectMissing { .. }), "{error}");
}
