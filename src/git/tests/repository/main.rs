//! The real git, in repositories made for each test, with its own home and identity.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod direct;
mod hooks;
mod in_progress;
mod line_ends;
mod range;
mod selection;
mod submodules;

use std::io::Write;
use std::process::Command;

use beanpole_git::{ChangeKind, CommitId, Error, Git, Mode, Repository};
use beanpole_model::Problem as _;
use camino::{Utf8Path, Utf8PathBuf};
use tempfile::TempDir;

/// A directory with its own home for git.
struct World {
    _directory: TempDir,
    root: Utf8PathBuf,
}

impl World {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path())
            .unwrap()
            .canonicalize_utf8()
            .unwrap();
        fs_err::create_dir(root.join("home")).unwrap();
        Self {
            _directory: directory,
            root,
        }
    }

    fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("HOME", self.root.join("home").into_string()),
            ("XDG_CONFIG_HOME", self.root.join("home").into_string()),
            ("GIT_CONFIG_NOSYSTEM", "1".to_owned()),
            ("GIT_CONFIG_GLOBAL", "/dev/null".to_owned()),
            ("GIT_CEILING_DIRECTORIES", self.root.to_string()),
            ("GIT_AUTHOR_NAME", "Ann Author".to_owned()),
            ("GIT_AUTHOR_EMAIL", "ann@example.org".to_owned()),
            ("GIT_AUTHOR_DATE", "1700000000 +0100".to_owned()),
            ("GIT_COMMITTER_NAME", "Cleo Committer".to_owned()),
            ("GIT_COMMITTER_EMAIL", "cleo@example.org".to_owned()),
            ("GIT_COMMITTER_DATE", "1700000001 +0100".to_owned()),
        ]
    }

    fn git(&self) -> Git {
        self.variables()
            .into_iter()
            .fold(Git::default(), |git, (name, value)| {
                git.variable(name, value)
            })
    }

    /// Runs git to set something up; returns what it wrote.
    fn run(&self, directory: &str, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .args([
                "-c",
                "init.defaultBranch=main",
                "-c",
                "protocol.file.allow=always",
            ])
            .args(arguments)
            .current_dir(self.root.join(directory))
            .envs(self.variables())
            .env_remove("GIT_DIR")
            .env_remove("GIT_INDEX_FILE")
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "git {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_owned()
    }

    fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.root.join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, content).unwrap();
    }

    /// A repository `work` with one commit of `files`.
    fn repository(&self, files: &[(&str, &str)]) -> Repository {
        self.run(".", &["init", "--quiet", "work"]);
        for (path, content) in files {
            self.write(&format!("work/{path}"), content);
        }
        self.commit("First");
        self.open("work")
    }

    fn commit(&self, message: &str) -> CommitId {
        self.run("work", &["add", "--all"]);
        self.run(
            "work",
            &["commit", "--quiet", "--allow-empty", "-m", message],
        );
        CommitId::new(self.run("work", &["rev-parse", "HEAD"])).unwrap()
    }

    fn open(&self, directory: &str) -> Repository {
        self.git().discover(&self.root.join(directory)).unwrap()
    }
}

#[test]
fn no_repository_and_no_directory() {
    let world = World::new();
    fs_err::create_dir(world.root.join("empty")).unwrap();
    let error = world.git().discover(&world.root.join("empty")).unwrap_err();
    assert!(matches!(error, Error::NotARepository { .. }), "{error:?}");
    assert!(error.hint().unwrap().contains("git init"));
    let error = world
        .git()
        .discover(&world.root.join("nowhere"))
        .unwrap_err();
    assert!(matches!(error, Error::NoDirectory { .. }), "{error:?}");
}

#[test]
fn a_repository_without_files_is_none_to_release_from() {
    let world = World::new();
    world.run(".", &["init", "--quiet", "--bare", "bare"]);
    world.repository(&[]);
    for place in ["bare", "work/.git"] {
        let error = world.git().discover(&world.root.join(place)).unwrap_err();
        assert!(
            matches!(error, Error::NoWorkTree { .. }),
            "{place}: {error:?}"
        );
    }
}

#[test]
fn a_repository_that_git_does_not_trust_says_what_git_said() {
    let world = World::new();
    world.repository(&[]);
    // Git's own way to test this without a second user.
    let git = world.git().variable("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1");
    let error = git.discover(&world.root.join("work")).unwrap_err();
    assert!(matches!(error, Error::Failed { .. }), "{error:?}");
    assert!(
        error.details().join("\n").contains("safe.directory"),
        "{error:?}"
    );
}

#[test]
fn before_the_first_commit() {
    let world = World::new();
    world.run(".", &["init", "--quiet", "work"]);
    world.write("work/a.py", "");
    let repository = world.open("work");
    assert!(matches!(repository.head(), Err(Error::UnbornBranch { .. })));
    assert_eq!(repository.branch().unwrap().as_deref(), Some("main"));
    let changes = repository.status(Utf8Path::new("")).unwrap();
    assert_eq!((changes.len(), changes[0].kind), (1, ChangeKind::Untracked));
}

#[test]
fn the_commit_its_branch_and_its_description() {
    let world = World::new();
    let repository = world.repository(&[("a/b/c.py", "1")]);
    assert_eq!(world.open("work/a/b").root(), repository.root());
    world.run("work", &["tag", "v1.0"]);
    let second = world.commit("Bücher: first line\nstill the subject\n\nbody");
    let head = repository.head().unwrap();
    assert_eq!(head.id, second);
    assert_eq!(head.subject, "Bücher: first line still the subject");
    assert_eq!(head.author, "Ann Author");
    assert_eq!(head.committed_at.as_second(), 1_700_000_001);
    assert_eq!(
        repository.describe(&head.id).unwrap(),
        format!("v1.0-1-g{}", head.id.short())
    );
    assert_eq!(
        repository.resolve("v1.0").unwrap(),
        repository.resolve("HEAD~1").unwrap()
    );
    assert_eq!(repository.resolve("nothing").unwrap(), None);
    assert_eq!(repository.resolve("--all").unwrap(), None);
    world.run("work", &["checkout", "--quiet", "--detach"]);
    assert_eq!(repository.branch().unwrap(), None);
    world.run("work", &["tag", "--delete", "v1.0"]);
    assert_eq!(repository.describe(&head.id).unwrap(), head.id.short());
}

#[test]
fn every_kind_of_change_under_a_directory() {
    let world = World::new();
    let repository = world.repository(&[
        (".gitignore", "*.pyc\n"),
        ("app/staged.py", "1"),
        ("app/unstaged.py", "1"),
        ("app/both.py", "1"),
        ("app/gone.py", "1"),
        ("other/x.py", "1"),
    ]);
    assert_eq!(repository.status(Utf8Path::new("")).unwrap(), []);
    for (file, staged) in [
        ("staged.py", true),
        ("both.py", true),
        ("unstaged.py", false),
    ] {
        world.write(&format!("work/app/{file}"), "2");
        if staged {
            world.run("work", &["add", &format!("app/{file}")]);
        }
    }
    world.write("work/app/both.py", "3");
    fs_err::remove_file(world.root.join("work/app/gone.py")).unwrap();
    world.write("work/app/new folder/it's\nnew.py", "");
    world.write("work/app/cached.pyc", "");
    world.write("work/other/x.py", "2");
    let changes = |under: &str| -> Vec<(String, ChangeKind)> {
        repository
            .status(&Utf8PathBuf::from(under))
            .unwrap()
            .into_iter()
            .map(|change| (change.path.into_string(), change.kind))
            .collect()
    };
    let expected = [
        ("both.py", ChangeKind::StagedAndUnstaged),
        ("gone.py", ChangeKind::Unstaged),
        ("new folder/it's\nnew.py", ChangeKind::Untracked),
        ("staged.py", ChangeKind::Staged),
        ("unstaged.py", ChangeKind::Unstaged),
    ]
    .map(|(path, kind)| (path.to_owned(), kind));
    assert_eq!(changes("app"), expected);
    assert_eq!(changes(world.root.join("work/app").as_str()), expected);
    assert_eq!(changes("").len(), 6);
    let outside = repository.status(Utf8Path::new("/etc")).unwrap_err();
    assert!(matches!(outside, Error::OutsideRepository { .. }));
}

#[test]
fn asking_for_the_status_writes_nothing() {
    let world = World::new();
    let repository = world.repository(&[("a.py", "1")]);
    let index = world.root.join("work/.git/index");
    let before = fs_err::read(&index).unwrap();
    // The same content with a new time would make git refresh its index.
    world.write("work/a.py", "1");
    assert_eq!(repository.status(Utf8Path::new("")).unwrap(), []);
    assert_eq!(fs_err::read(&index).unwrap(), before);
}

#[cfg(unix)]
#[test]
fn files_of_a_commit_with_modes_sizes_and_odd_names() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    let world = World::new();
    world.run(".", &["init", "--quiet", "library"]);
    world.run(
        "library",
        &["commit", "--quiet", "--allow-empty", "-m", "Library"],
    );
    let repository = world.repository(&[
        ("app/a b.py", "12345"),
        ("app/new\nline\t\"q\".py", ""),
        ("app/Bücher.py", "ü"),
        ("app/run.sh", "#!/bin/sh\n"),
        ("other.py", ""),
    ]);
    fs_err::set_permissions(
        world.root.join("work/app/run.sh"),
        std::fs::Permissions::from_mode(0o755),
    )
    .unwrap();
    symlink("a b.py", world.root.join("work/app/link")).unwrap();
    world.run(
        "work",
        &["submodule", "--quiet", "add", "../library", "app/vendored"],
    );
    let commit = world.commit("Everything");
    let listed: Vec<(String, Mode, u64)> = repository
        .files(&commit, Utf8Path::new("app"))
        .unwrap()
        .into_iter()
        .map(|entry| (entry.path.into_string(), entry.mode, entry.size))
        .collect();
    let expected = [
        ("Bücher.py", Mode::File, 2),
        ("a b.py", Mode::File, 5),
        ("link", Mode::Symlink, 6),
        ("new\nline\t\"q\".py", Mode::File, 0),
        ("run.sh", Mode::Executable, 10),
        ("vendored", Mode::Submodule, 0),
    ]
    .map(|(path, mode, size)| (path.to_owned(), mode, size));
    assert_eq!(listed, expected);
    let all = repository.files(&commit, Utf8Path::new("")).unwrap();
    assert!(all.iter().any(|entry| entry.path == "app/a b.py"));
    assert!(all.iter().any(|entry| entry.path == "other.py"));
    // What is changed on disk is not what the commit has.
    world.write("work/other.py", "changed");
    assert_eq!(repository.files(&commit, Utf8Path::new("")).unwrap(), all);
}

#[cfg(target_os = "linux")]
#[test]
fn a_name_that_is_not_text_is_named() {
    use std::os::unix::ffi::OsStrExt as _;

    let world = World::new();
    let repository = world.repository(&[]);
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9.py");
    fs_err::write(world.root.as_std_path().join("work").join(name), "").unwrap();
    assert_eq!(
        repository.status(Utf8Path::new("")).unwrap()[0].path,
        "caf\u{fffd}.py"
    );
    let commit = world.commit("Latin");
    let error = repository.files(&commit, Utf8Path::new("")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the name of `caf\u{fffd}.py` is not UTF-8"
    );
}

#[test]
fn paths_and_commits_that_are_not_there() {
    let world = World::new();
    let repository = world.repository(&[("a.py", "1")]);
    let head = repository.head().unwrap().id;
    let error = repository
        .files(&head, Utf8Path::new("nowhere"))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("commit {} does not have nowhere", head.short())
    );
    let stranger = CommitId::new("0123456789".repeat(4)).unwrap();
    let errors = [
        repository.files(&stranger, Utf8Path::new("")).unwrap_err(),
        repository.commit(&stranger).unwrap_err(),
        repository.log(None, &stranger).unwrap_err(),
        repository.log(Some(&stranger), &head).unwrap_err(),
        repository.describe(&stranger).unwrap_err(),
    ];
    for error in errors {
        assert!(
            matches!(error, Error::ObjectMissing { shallow: false, .. }),
            "{error:?}"
        );
    }
}

#[test]
fn history_between_two_commits_and_in_a_shallow_clone() {
    let world = World::new();
    let repository = world.repository(&[("a.py", "1")]);
    let first = repository.head().unwrap().id;
    let second = world.commit("Second");
    let third = world.commit("Third");
    let subjects = |from: Option<&CommitId>| -> Vec<String> {
        repository
            .log(from, &third)
            .unwrap()
            .into_iter()
            .map(|commit| commit.subject)
            .collect()
    };
    assert_eq!(subjects(Some(&first)), ["Third", "Second"]);
    assert_eq!(subjects(None), ["Third", "Second", "First"]);
    assert_eq!(subjects(Some(&third)), Vec::<String>::new());

    let source = format!("file://{}/work", world.root);
    world.run(
        ".",
        &["clone", "--quiet", "--depth", "1", &source, "shallow"],
    );
    let shallow = world.open("shallow");
    assert!(shallow.is_shallow().unwrap() && !repository.is_shallow().unwrap());
    let error = shallow.log(Some(&second), &third).unwrap_err();
    assert!(
        matches!(error, Error::ObjectMissing { shallow: true, .. }),
        "{error:?}"
    );
    assert!(error.hint().unwrap().contains("--unshallow"));
    assert_eq!(shallow.files(&third, Utf8Path::new("")).unwrap().len(), 1);
}

/// A destination that is full after some bytes.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if bytes.len() > self.0 {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        self.0 -= bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn blobs_come_byte_for_byte_from_one_process() {
    let world = World::new();
    let large = "0123456789\n".repeat(200_000);
    let repository = world.repository(&[
        ("a-large", large.as_str()),
        ("b-empty", ""),
        ("c-binary", "\0\u{1}\r\n\n"),
        (
            "d-pointer",
            "version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 1\n",
        ),
    ]);
    let head = repository.head().unwrap().id;
    let entries = repository.files(&head, Utf8Path::new("")).unwrap();
    let mut reader = repository.read_blobs().unwrap();
    assert_eq!(reader.read(&entries[0].object).unwrap(), large.as_bytes());
    assert_eq!(reader.read(&entries[1].object).unwrap(), b"");
    for bad in [
        "0123456789".repeat(4),
        "HEAD".to_owned(),
        "a\nb".to_owned(),
        String::new(),
    ] {
        assert!(
            matches!(reader.read(&bad), Err(Error::ObjectMissing { .. })),
            "{bad}"
        );
    }
    assert_eq!(reader.read(&entries[2].object).unwrap(), b"\0\x01\r\n\n");
    assert!(Repository::is_lfs_pointer(
        &reader.read(&entries[3].object).unwrap()
    ));

    // A destination that fails leaves the rest unread: the reader says so instead of misreading.
    let error = reader.copy(&entries[0].object, &mut Full(100)).unwrap_err();
    assert!(matches!(error, Error::Destination { .. }), "{error:?}");
    assert!(matches!(
        reader.read(&entries[1].object),
        Err(Error::Unexpected { .. })
    ));
}

#[test]
fn a_hook_sees_the_index_that_git_gave_it() {
    let world = World::new();
    world.repository(&[("a.py", "1")]);
    let index = world.root.join("other-index");
    fs_err::copy(world.root.join("work/.git/index"), &index).unwrap();
    world.write("work/a.py", "2");
    world.run("work", &["add", "a.py"]);
    let git = world.git().variable("GIT_INDEX_FILE", index).in_hook();
    let changes = git
        .discover(&world.root.join("work"))
        .unwrap()
        .status(Utf8Path::new(""))
        .unwrap();
    assert_eq!(changes[0].kind, ChangeKind::Unstaged);
    let changes = world.open("work").status(Utf8Path::new("")).unwrap();
    assert_eq!(changes[0].kind, ChangeKind::Staged);
}

#[test]
fn repositories_with_sha_256() {
    let world = World::new();
    world.run(".", &["init", "--quiet", "--object-format=sha256", "work"]);
    world.write("work/a.py", "1");
    let commit = world.commit("First");
    let repository = world.open("work");
    assert_eq!(commit.as_str().len(), 64);
    let entries = repository.files(&commit, Utf8Path::new("")).unwrap();
    assert_eq!(
        repository
            .read_blobs()
            .unwrap()
            .read(&entries[0].object)
            .unwrap(),
        b"1"
    );
}

#[test]
fn many_blobs_are_read_in_their_order() {
    let world = World::new();
    let names: Vec<String> = (0..300).map(|number| format!("file{number:03}")).collect();
    let files: Vec<(&str, &str)> = names
        .iter()
        .map(|name| (name.as_str(), name.as_str()))
        .collect();
    let repository = world.repository(&files);
    let commit = repository.head().unwrap().id;
    let entries = repository.files(&commit, Utf8Path::new("")).unwrap();
    let mut objects: Vec<&str> = entries.iter().map(|entry| entry.object.as_str()).collect();
    let read = repository.read_blobs().unwrap().read_all(&objects).unwrap();
    for (entry, content) in entries.iter().zip(&read) {
        assert_eq!(content.as_slice(), entry.path.as_str().as_bytes());
    }
    assert_eq!(read.len(), 300);
    let missing = "1".repeat(40);
    objects.insert(200, &missing);
    let mut blobs = repository.read_blobs().unwrap();
    let error = blobs.read_all(&objects).unwrap_err();
    assert!(matches!(error, Error::ObjectMissing { .. }), "{error:?}");
    // What was asked for and not read would be taken for another answer.
    assert!(blobs.read(objects[0]).is_err());
}

#[test]
fn differences_between_commits_and_files_of_one() {
    let world = World::new();
    let repository = world.repository(&[
        ("web/a.py", "one"),
        ("web/b.py", "one"),
        ("other.py", "one"),
    ]);
    let first = repository.head().unwrap().id;
    fs_err::write(repository.root().join("web/a.py"), "two").unwrap();
    fs_err::write(repository.root().join("other.py"), "two").unwrap();
    fs_err::rename(
        repository.root().join("web/b.py"),
        repository.root().join("web/c.py"),
    )
    .unwrap();
    let second = world.commit("two");
    let shown: Vec<_> = repository
        .differences(&first, &second, Utf8Path::new("web"))
        .unwrap()
        .into_iter()
        .map(|one| {
            (
                one.path.into_string(),
                one.before.is_some(),
                one.after.is_some(),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("a.py".to_owned(), true, true),
            ("b.py".to_owned(), true, false),
            ("c.py".to_owned(), false, true)
        ]
    );
    let root = Utf8Path::new("");
    assert_eq!(
        repository.differences(&first, &second, root).unwrap().len(),
        4
    );
    assert_eq!(repository.differences(&first, &first, root).unwrap(), []);
    let nowhere = Utf8Path::new("nowhere");
    assert_eq!(
        repository.differences(&first, &second, nowhere).unwrap(),
        []
    );

    let file = |path: &str| repository.file_at(&first, Utf8Path::new(path)).unwrap();
    assert_eq!(file("web/b.py"), Some(b"one".to_vec()));
    assert_eq!(file("web/c.py"), None);
    assert_eq!(file("web"), None);
    let unknown = CommitId::new("1234567890123456789012345678901234567890").unwrap();
    for error in [
        repository.differences(&first, &unknown, root).unwrap_err(),
        repository
            .file_at(&unknown, Utf8Path::new("other.py"))
            .unwrap_err(),
    ] {
        assert!(matches!(error, Error::ObjectMissing { .. }), "{error:?}");
    }
}
