//! What checks read: staged files, a branch since its base, everything.

use super::*;
use beanpole_git::{Lines, Selected, SelectedChange, SelectedKind, Selection};

pub(crate) fn staged(repository: &Repository) -> Selected {
    repository
        .select(&Selection::Staged, Utf8Path::new(""))
        .unwrap()
}

fn since(repository: &Repository, base: &str) -> Result<Selected, Error> {
    let selection = Selection::Since {
        base: base.to_owned(),
        head: "HEAD".to_owned(),
    };
    repository.select(&selection, Utf8Path::new(""))
}

pub(crate) fn change<'a>(selected: &'a Selected, path: &str) -> &'a SelectedChange {
    let found = selected.changes.iter().find(|change| change.path == path);
    assert!(found.is_some(), "{path} in {:?}", selected.changes);
    found.unwrap()
}

pub(crate) fn changed(selected: &Selected) -> Vec<&str> {
    let paths = selected.changes.iter();
    paths.map(|change| change.path.as_str()).collect()
}

fn paths(selected: &Selected) -> Vec<&str> {
    let paths = selected.entries.iter();
    paths.map(|entry| entry.path.as_str()).collect()
}

pub(crate) const TEN: &str = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n";

#[test]
fn on_an_unborn_branch_everything_staged_is_new() {
    let world = World::new();
    world.run(".", &["init", "--quiet", "work"]);
    world.write("work/a.py", "x\n");
    world.write("work/not-staged.py", "x\n");
    world.run("work", &["add", "a.py"]);
    let repository = world.open("work");
    let state = repository.head_state().unwrap();
    assert_eq!((state.commit, state.operation), (None, None));
    assert_eq!(state.branch.as_deref(), Some("main"));
    let selected = staged(&repository);
    assert_eq!(paths(&selected), ["a.py"]);
    let change = change(&selected, "a.py");
    assert_eq!(change.kind, SelectedKind::Added);
    assert_eq!((&change.lines, change.counts), (&Lines::All, Some((1, 0))));
    assert_eq!(selected.base, None);
    assert!(matches!(
        since(&repository, "HEAD"),
        Err(Error::UnbornBranch { .. })
    ));
}

#[test]
fn what_is_staged_counts_and_not_what_lies_on_disk() {
    let world = World::new();
    let repository = world.repository(&[("a.py", TEN), ("gone.py", "x\n"), ("kept.py", "y\n")]);
    world.write("work/a.py", "1\nTWO\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n");
    world.run("work", &["add", "a.py"]);
    world.run("work", &["rm", "--quiet", "gone.py"]);
    // Later edits, not staged.
    world.write("work/a.py", "all is other now\n");
    world.write("work/kept.py", "other\n");
    let selected = staged(&repository);
    assert_eq!(changed(&selected), ["a.py", "gone.py"]);
    let edited = change(&selected, "a.py");
    assert_eq!(edited.kind, SelectedKind::Modified);
    assert_eq!(edited.lines, Lines::Only(vec![(2, 2), (11, 12)]));
    assert_eq!(edited.counts, Some((3, 1)));
    assert_eq!(change(&selected, "gone.py").kind, SelectedKind::Deleted);
    assert_eq!(paths(&selected), ["a.py", "kept.py"]);
    let object = &selected.entries[0].object;
    let mut blobs = repository.read_blobs().unwrap();
    let content = blobs.read(object).unwrap();
    assert!(content.starts_with(b"1\nTWO\n"));
    let bounded = blobs.read_all_up_to(&[object, object], 3).unwrap();
    assert_eq!(bounded, [None, None]);
    let size = u64::try_from(content.len()).unwrap();
    let bounded = blobs.read_all_up_to(&[object], size).unwrap();
    assert_eq!(bounded, [Some(content)]);
    let missing = "f".repeat(40);
    let sizes = repository
        .object_sizes(&[&missing, object, "HEAD"])
        .unwrap();
    assert_eq!(sizes, [None, Some(size), None]);
}

#[test]
fn moves_modes_links_and_binary_files() {
    let world = World::new();
    let repository = world.repository(&[
        ("old.py", TEN),
        ("run", "x\n"),
        ("link", "x\n"),
        ("hidden.py", TEN),
        (".gitattributes", "hidden.py -diff\n"),
    ]);
    world.write("work/picture", [0u8, 1, 2]);
    world.commit("Picture");
    world.run("work", &["mv", "old.py", "new.py"]);
    world.write("work/new.py", TEN.replace("5\n", "five\n"));
    world.write("work/hidden.py", TEN.replace("5\n", "five\n"));
    world.write("work/picture", [0u8, 1, 2, 3]);
    world.run("work", &["update-index", "--chmod=+x", "run"]);
    fs_err::remove_file(world.root.join("work/link")).unwrap();
    std::os::unix::fs::symlink("run", world.root.join("work/link")).unwrap();
    world.run("work", &["add", "new.py", "hidden.py", "picture", "link"]);
    let selected = staged(&repository);
    assert_eq!(
        changed(&selected),
        ["hidden.py", "link", "new.py", "picture", "run"]
    );
    let moved = change(&selected, "new.py");
    let from = "old.py".to_owned();
    assert_eq!(moved.kind, SelectedKind::Renamed { from });
    assert_eq!(moved.lines, Lines::Only(vec![(5, 5)]));
    assert_eq!(moved.counts, Some((1, 1)));
    assert_eq!(change(&selected, "run").lines, Lines::Only(Vec::new()));
    let link = change(&selected, "link");
    assert_eq!(
        (&link.kind, &link.lines),
        (&SelectedKind::Modified, &Lines::All)
    );
    // What git does not compare is judged whole.
    for path in ["picture", "hidden.py"] {
        let change = change(&selected, path);
        assert_eq!(
            (&change.lines, change.counts),
            (&Lines::All, None),
            "{path}"
        );
    }
    let modes: Vec<Mode> = selected.entries.iter().map(|entry| entry.mode).collect();
    assert!(modes.contains(&Mode::Symlink) && modes.contains(&Mode::Executable));
}

#[test]
fn settings_for_peoples_eyes_change_nothing() {
    let world = World::new();
    let repository = world.repository(&[("a.py", TEN)]);
    for (key, value) in [
        ("diff.renames", "false"),
        ("diff.noprefix", "true"),
        ("diff.external", "/bin/false"),
        ("diff.context", "9"),
        ("diff.interHunkContext", "9"),
        ("color.ui", "always"),
        ("core.quotePath", "false"),
        ("diff.submodule", "log"),
        ("diff.algorithm", "patience"),
    ] {
        world.run("work", &["config", key, value]);
    }
    let repository = world
        .git()
        .variable("GIT_DIFF_OPTS", "--unified=7")
        .variable("GIT_EXTERNAL_DIFF", "/bin/false")
        .discover(repository.root())
        .unwrap();
    world.run("work", &["mv", "a.py", "b.py"]);
    world.write(
        "work/b.py",
        TEN.replace("2\n", "two\n").replace("9\n", "nine\n"),
    );
    world.run("work", &["add", "b.py"]);
    let selected = staged(&repository);
    assert_eq!(
        change(&selected, "b.py").lines,
        Lines::Only(vec![(2, 2), (9, 9)])
    );
}

#[test]
fn odd_names_survive_or_are_said() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    let world = World::new();
    let odd = "a \"b\"\n@@ -1 +1,9 @@\n\tc.py";
    let repository = world.repository(&[(odd, TEN), ("z.py", TEN), ("café.py", TEN)]);
    let not_text = world
        .root
        .as_std_path()
        .join("work")
        .join(OsStr::from_bytes(b"caf\xe9.py"));
    fs_err::write(not_text, "x\n").unwrap();
    world.write(&format!("work/{odd}"), TEN.replace("5\n", "five\n"));
    world.write("work/z.py", TEN.replace("6\n", "six\n"));
    world.write("work/café.py", TEN.replace("7\n", "seven\n"));
    world.run("work", &["add", "--all"]);
    let selected = staged(&repository);
    for (path, line) in [(odd, 5), ("z.py", 6), ("café.py", 7)] {
        let lines = &change(&selected, path).lines;
        assert_eq!(*lines, Lines::Only(vec![(line, line)]), "{path}");
    }
    assert_eq!(selected.names_not_text, ["caf\u{fffd}.py"]);
    assert_eq!(selected.entries.len(), 3);
}

#[test]
fn a_directory_is_seen_by_itself() {
    let world = World::new();
    let repository = world.repository(&[
        ("site/a.py", TEN),
        ("site/out.py", "some lines\nthat are\nquite their own\n"),
        ("in.py", "other lines\nthat are\nnot like those\n"),
        ("sitemap.py", "x\n"),
    ]);
    world.write("work/site/a.py", TEN.replace("5\n", "five\n"));
    world.write("work/sitemap.py", "y\n");
    world.run("work", &["mv", "in.py", "site/in.py"]);
    world.run("work", &["mv", "site/out.py", "out.py"]);
    world.run("work", &["add", "--all"]);
    let selected = repository
        .select(&Selection::Staged, &world.root.join("work/site"))
        .unwrap();
    assert_eq!(paths(&selected), ["a.py", "in.py"]);
    let kinds: Vec<_> = selected
        .changes
        .iter()
        .map(|change| (change.path.as_str(), &change.kind))
        .collect();
    assert_eq!(
        kinds,
        [
            ("a.py", &SelectedKind::Modified),
            ("in.py", &SelectedKind::Added),
            ("out.py", &SelectedKind::Deleted),
        ]
    );
}

#[test]
fn a_branch_is_compared_with_where_it_began() {
    let world = World::new();
    let repository = world.repository(&[("a.py", TEN), ("b.py", TEN)]);
    let start = repository.head().unwrap().id;
    world.run("work", &["checkout", "--quiet", "-b", "feature/x"]);
    world.write("work/a.py", TEN.replace("5\n", "five\n"));
    world.commit("Feature");
    world.run("work", &["checkout", "--quiet", "main"]);
    world.write("work/b.py", "main goes on\n");
    world.commit("Main");
    world.run("work", &["checkout", "--quiet", "feature/x"]);
    // Neither staged nor loose changes are judged.
    world.write("work/c.py", "x\n");
    world.run("work", &["add", "c.py"]);
    let selected = since(&repository, "main").unwrap();
    assert_eq!(changed(&selected), ["a.py"]);
    assert_eq!(selected.base, Some(start));
    assert_eq!(paths(&selected), ["a.py", "b.py"]);
    let state = repository.head_state().unwrap();
    assert_eq!(state.branch.as_deref(), Some("feature/x"));
    let everything = repository
        .select(&Selection::Index, Utf8Path::new(""))
        .unwrap();
    assert_eq!(changed(&everything), ["a.py", "b.py", "c.py"]);
    let commit = Selection::Commit("main".to_owned());
    let everything = repository.select(&commit, Utf8Path::new("")).unwrap();
    assert_eq!(changed(&everything), ["a.py", "b.py"]);
}

#[test]
fn a_shallow_clone_without_the_base_says_how_to_get_it() {
    let world = World::new();
    world.repository(&[("a.py", TEN)]);
    world.run("work", &["branch", "base"]);
    world.commit("Second");
    world.commit("Third");
    let url = format!("file://{}", world.root.join("work"));
    world.run(".", &["clone", "--quiet", "--depth=1", &url, "shallow"]);
    let repository = world.open("shallow");
    assert!(repository.head_state().unwrap().is_shallow);
    let missing = since(&repository, "origin/base").unwrap_err();
    assert!(matches!(
        missing,
        Error::ObjectMissing { shallow: true, .. }
    ));
    world.run(
        "shallow",
        &["fetch", "--quiet", "--depth=1", "origin", "base:base"],
    );
    let apart = since(&repository, "base").unwrap_err();
    assert!(matches!(apart, Error::NoCommonCommit { shallow: true, .. }));
    for error in [missing, apart] {
        assert!(error.hint().unwrap().contains("fetch-depth: 0"), "{error}");
    }
}

#[test]
fn histories_that_never_met() {
    let world = World::new();
    let repository = world.repository(&[("a.py", TEN)]);
    world.run("work", &["checkout", "--quiet", "--orphan", "other"]);
    world.commit("Other");
    let error = since(&repository, "main").unwrap_err();
    assert!(matches!(
        error,
        Error::NoCommonCommit { shallow: false, .. }
    ));
}

#[test]
fn attributes_say_what_lfs_keeps() {
    let world = World::new();
    let repository = world.repository(&[
        (
            ".gitattributes",
            "*.bin filter=lfs diff=lfs merge=lfs -text\n",
        ),
        ("a\n.bin", "x\n"),
        ("b.py", "x\n"),
    ]);
    let found = repository
        .lfs_paths(&["b.py", "a\n.bin", "new.bin"])
        .unwrap();
    assert_eq!(found, ["a\n.bin", "new.bin"]);
    assert!(repository.lfs_paths(&[]).unwrap().is_empty());
}

#[test]
fn a_commit_of_some_paths_is_judged_by_its_own_index() {
    let world = World::new();
    let repository = world.repository(&[("a.py", TEN), ("b.py", TEN)]);
    // Git makes such an index for `git commit a.py`, and names it to the hook.
    let own = world.root.join("work/.git/next-index");
    fs_err::copy(world.root.join("work/.git/index"), &own).unwrap();
    world.write("work/a.py", "1\n");
    world.run("work", &["add", "a.py"]);
    let git = world
        .git()
        .in_hook()
        .variable("GIT_INDEX_FILE", own.as_str());
    let in_hook = git.discover(&world.root.join("work")).unwrap();
    assert!(staged(&in_hook).changes.is_empty());
    assert_eq!(changed(&staged(&repository)), ["a.py"]);
}

#[test]
fn a_file_that_is_only_announced_is_no_change_yet() {
    let world = World::new();
    let repository = world.repository(&[("a.py", TEN)]);
    world.write("work/new.py", "x\n");
    world.run("work", &["add", "--intent-to-add", "new.py"]);
    let selected = staged(&repository);
    assert!(selected.changes.is_empty(), "{:?}", selected.changes);
}

/// Lines of few different texts, so that differences are not unique.
fn random_text(seed: &mut u64) -> Vec<String> {
    let mut next = |limit: u64| {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (*seed >> 33) % limit
    };
    let texts = [
        "a",
        "b",
        "@@ -1 +1,5 @@",
        "diff --git a/x b/x",
        "\\ No newline",
        "-",
        "+",
    ];
    let length = next(12);
    (0..length)
        .map(|_| {
            let index = usize::try_from(next(7)).unwrap();
            (*texts.get(index).unwrap()).to_owned()
        })
        .collect()
}

#[test]
fn what_is_not_on_a_changed_line_was_there_before() {
    let world = World::new();
    let mut seed = 7;
    let mut versions =
        || -> Vec<Vec<String>> { (0..150).map(|_| random_text(&mut seed)).collect() };
    let (old, new) = (versions(), versions());
    let write = |texts: &[Vec<String>]| {
        for (index, lines) in texts.iter().enumerate() {
            // Every other file ends without a line break. A line of its own keeps moves from being seen.
            let end = if index % 2 == 0 { "\n" } else { "" };
            world.write(
                &format!("work/{index}.txt"),
                format!("{index}\n{}{end}", lines.join("\n")),
            );
        }
    };
    world.run(".", &["init", "--quiet", "work"]);
    write(&old);
    world.commit("Old");
    write(&new);
    world.run("work", &["add", "--all"]);
    let selected = staged(&world.open("work"));
    assert!(selected.changes.len() > 100);
    for change in &selected.changes {
        let index: usize = change.path.trim_end_matches(".txt").parse().unwrap();
        let Lines::Only(ranges) = &change.lines else {
            unreachable!("{change:?}");
        };
        let is_changed = |number: u32| {
            ranges
                .iter()
                .any(|(first, last)| (*first..=*last).contains(&number))
        };
        let mut before = old[index].iter();
        // The first line of the file is the index.
        for (number, line) in (2u32..).zip(&new[index]) {
            if !is_changed(number) {
                assert!(
                    before.any(|old| old == line),
                    "{index}: line {number}: {change:?}"
                );
            }
        }
        let count: u32 = ranges.iter().map(|(first, last)| last - first + 1).sum();
        assert_eq!(
            Some(count),
            change.counts.map(|(added, _)| added),
            "{change:?}"
        );
    }
}
