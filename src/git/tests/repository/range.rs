//! Messages and contents of a range of commits, in a clone and where a push is received.

use super::*;
use beanpole_git::{CommitRange, Selection, Without};

fn range(to: &CommitId, without: &[&CommitId]) -> CommitRange {
    CommitRange {
        to: to.clone(),
        without: Without::Commits(without.iter().map(|id| (*id).clone()).collect()),
    }
}

#[test]
fn messages_are_whole_and_limited() {
    let world = World::new();
    let repository = world.repository(&[("a.py", "1\n")]);
    let first = repository.head().unwrap().id;
    world.run("work", &["config", "log.showSignature", "true"]);
    world.commit("feat: second\n\nWith a body.\n\nRefs: ABC-1");
    world.run("work", &["checkout", "--quiet", "-b", "side", "HEAD^"]);
    world.commit("fix: side");
    world.run("work", &["checkout", "--quiet", "main"]);
    world.run("work", &["merge", "--quiet", "--no-edit", "side"]);
    let head = repository.head().unwrap().id;
    let messages = repository.messages(&range(&head, &[&first]), 10).unwrap();
    assert!(!messages.is_cut);
    let mut seen: Vec<_> = messages
        .items
        .iter()
        .map(|commit| (commit.parents, commit.message.as_str()))
        .collect();
    seen.sort_unstable();
    assert_eq!(
        seen,
        [
            (1, "feat: second\n\nWith a body.\n\nRefs: ABC-1"),
            (1, "fix: side"),
            (2, "Merge branch 'side'"),
        ]
    );
    let cut = repository.messages(&range(&head, &[&first]), 2).unwrap();
    assert_eq!((cut.items.len(), cut.is_cut), (2, true));
    let nowhere = CommitId::new("1".repeat(40)).unwrap();
    for range in [range(&head, &[&nowhere]), range(&nowhere, &[])] {
        let error = repository.messages(&range, 10).unwrap_err();
        assert!(matches!(error, Error::ObjectMissing { .. }));
        let error = repository.introduced_blobs(&range, 10).unwrap_err();
        assert!(matches!(error, Error::ObjectMissing { .. }));
    }
}

#[test]
fn a_content_that_was_taken_back_is_still_found() {
    let world = World::new();
    let repository = world.repository(&[("a.py", "1\n")]);
    let first = repository.head().unwrap().id;
    world.write("work/.env", "PASSWORD=hunter2\n");
    world.write("work/a.py", "2\n");
    let second = world.commit("Second");
    fs_err::remove_file(world.root.join("work/.env")).unwrap();
    world.write("work/a.py", "1\n");
    let third = world.commit("Third");
    let blobs = repository
        .introduced_blobs(&range(&third, &[&first]), 10)
        .unwrap();
    let seen: Vec<_> = blobs
        .items
        .iter()
        .map(|blob| (&blob.commit, blob.path.as_str(), blob.former.is_some()))
        .collect();
    assert_eq!(
        seen,
        [
            (&second, ".env", false),
            (&second, "a.py", true),
            (&third, "a.py", true),
        ]
    );
    let newest = repository
        .introduced_blobs(&range(&third, &[&first]), 1)
        .unwrap();
    assert_eq!((newest.items.len(), newest.is_cut), (1, true));
    // The first commit of all brought something as well.
    let everything = CommitRange {
        to: third,
        without: Without::Nothing,
    };
    let blobs = repository.introduced_blobs(&everything, 10).unwrap();
    assert_eq!(blobs.items[0].commit, first);
}

#[test]
fn a_merge_brings_what_neither_side_had() {
    let world = World::new();
    let repository = world.repository(&[("a.py", "1\n")]);
    let first = repository.head().unwrap().id;
    world.run("work", &["checkout", "--quiet", "-b", "side"]);
    world.write("work/b.py", "b\n");
    world.commit("Side");
    world.run("work", &["checkout", "--quiet", "main"]);
    world.write("work/c.py", "c\n");
    world.commit("Main");
    world.run("work", &["merge", "--quiet", "--no-commit", "side"]);
    world.write("work/evil.py", "PASSWORD = 'x'\n");
    let merge = world.commit("Merge");
    let blobs = repository
        .introduced_blobs(&range(&merge, &[&first]), 10)
        .unwrap();
    let mut paths: Vec<_> = blobs.items.iter().map(|blob| blob.path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["b.py", "c.py", "evil.py"]);
}

#[test]
fn what_a_push_would_bring() {
    let world = World::new();
    world.repository(&[("a.py", "1\n")]);
    world.run(".", &["clone", "--quiet", "--bare", "work", "server.git"]);
    world.run("work", &["remote", "add", "origin", "../server.git"]);
    world.run("work", &["fetch", "--quiet", "origin"]);
    let new = world.commit("New");
    let repository = world.open("work");
    let pushed = CommitRange {
        to: new.clone(),
        without: Without::Remote("origin".to_owned()),
    };
    let subjects = |messages: Vec<beanpole_git::CommitMessage>| -> Vec<String> {
        messages.into_iter().map(|commit| commit.message).collect()
    };
    let messages = repository.messages(&pushed, 10).unwrap().items;
    assert_eq!(subjects(messages), ["New"]);
    let line = format!("main {new} refs/heads/main {}", "0".repeat(40));
    let updates = beanpole_git::ReferenceUpdate::pushed(&line).unwrap();
    let any = updates[0].pushed_range().unwrap();
    let messages = repository.messages(&any, 10).unwrap().items;
    assert_eq!(subjects(messages), ["New"]);
    let other = CommitRange {
        to: any.to,
        without: Without::Remote("or*".to_owned()),
    };
    let messages = repository.messages(&other, 10).unwrap().items;
    assert_eq!(subjects(messages), ["New", "First"], "a name is no pattern");
    // No branch has it on the server; here, one does.
    let unknown = CommitRange {
        to: new,
        without: Without::AnyReference,
    };
    assert!(repository.messages(&unknown, 10).unwrap().items.is_empty());
}

#[test]
fn a_bare_repository_is_read_by_its_commits() {
    let world = World::new();
    world.repository(&[("a.py", "1\n")]);
    world.run(".", &["clone", "--quiet", "--bare", "work", "server.git"]);
    let server = world.root.join("server.git");
    assert!(matches!(
        world.git().discover(&server),
        Err(Error::NoWorkTree { .. })
    ));
    let repository = world.git().open_bare(&server).unwrap();
    assert_eq!(repository.root(), server);
    let selection = Selection::Commit("main".to_owned());
    let selected = repository.select(&selection, Utf8Path::new("")).unwrap();
    assert_eq!(selected.changes.len(), 1);
    fs_err::create_dir(world.root.join("empty")).unwrap();
    let error = world
        .git()
        .open_bare(&world.root.join("empty"))
        .unwrap_err();
    assert!(matches!(error, Error::NotARepository { .. }));
}

#[test]
fn a_range_begins_where_others_are() {
    let world = World::new();
    let repository = world.repository(&[("a.py", "1\n")]);
    let first = repository.head().unwrap().id;
    let second = world.commit("feat: second");
    world.run("work", &["switch", "--quiet", "--create", "side", "HEAD^"]);
    let side = world.commit("fix: side");
    world.run("work", &["merge", "--quiet", "--no-edit", "main"]);
    let merged = repository.head().unwrap().id;
    let begun =
        |to: &CommitId, without: &[&CommitId]| repository.begun_from(&range(to, without)).unwrap();
    // A merge of what is known does not move the beginning.
    assert_eq!(begun(&merged, &[&second]), Some(first));
    assert_eq!(begun(&merged, &[&side]).as_ref(), Some(&side));
    assert_eq!(begun(&side, &[&merged]).as_ref(), Some(&side));
    assert_eq!(begun(&side, &[]), None);
    let nowhere = CommitId::new("1".repeat(40)).unwrap();
    let error = repository
        .begun_from(&range(&side, &[&nowhere]))
        .unwrap_err();
    assert!(matches!(error, Error::ObjectMissing { .. }));
}
