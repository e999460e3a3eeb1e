//! Tests of packing: real repositories, real archives.

use std::collections::BTreeMap;
use std::io::{Read as _, SeekFrom};
use std::os::unix::fs::PermissionsExt as _;

use beanpole_testkit::Sandbox;

use super::*;
use crate::testing::project;
use zip::ZipArchive;

/// A repository with a script, a link and an odd name.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.git(&["init", "--quiet", "--initial-branch=main"]);
    sandbox.write("manage.py", "print('hello')\n");
    sandbox.write("entrypoint.sh", "#!/bin/sh\nexec \"$@\"\n");
    sandbox.write("posts/naïve name.txt", &"some text ".repeat(2000));
    sandbox.write(".env", "SECRET=do-not-ship\n");
    let script = sandbox.project().join("entrypoint.sh");
    fs_err::set_permissions(script, std::fs::Permissions::from_mode(0o755)).unwrap();
    fs_err::os::unix::fs::symlink("posts", sandbox.project().join("articles")).unwrap();
    sandbox.commit("feat: something");
    sandbox
}

fn lay_out(sandbox: &Sandbox) -> (Repository, Layout, Timestamp) {
    let repository = Repository::discover(sandbox.project()).unwrap();
    let head = repository.head().unwrap();
    let files = repository.files(&head.id, sandbox.project()).unwrap();
    (
        repository,
        Layout::new(&project(""), &files).unwrap(),
        head.committed_at,
    )
}

fn packed(sandbox: &Sandbox, directory: &Utf8Path) -> Result<Bundle, Error> {
    let (repository, layout, time) = lay_out(sandbox);
    pack(
        &layout,
        &repository,
        time,
        directory,
        &sandbox.home().join("kept"),
        &CancellationToken::new(),
    )
}

fn is_empty(directory: &Utf8Path) -> bool {
    fs_err::read_dir(directory).unwrap().next().is_none()
}

#[test]
fn holds_contents_modes_and_links_of_the_commit() {
    let sandbox = sandbox();
    // What is changed after the commit does not ship.
    sandbox.write("manage.py", "print('changed')\n");
    sandbox.write("untracked.py", "");
    let cache = sandbox.home().join("cache");
    let bundle = packed(&sandbox, &cache).unwrap();
    let mut archive = ZipArchive::new(fs_err::File::open(bundle.path()).unwrap()).unwrap();
    let mut found = BTreeMap::new();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        let time = file.last_modified().unwrap();
        assert_eq!((time.year(), time.month(), time.day()), (2026, 1, 2));
        found.insert(
            file.name().unwrap().into_owned(),
            (file.unix_mode().unwrap(), text),
        );
    }
    let modes: Vec<_> = found
        .iter()
        .map(|(path, (mode, _))| (path.as_str(), *mode))
        .collect();
    assert_eq!(
        modes,
        [
            ("articles", 0o120_777),
            ("docker-compose.yml", 0o100_644),
            ("entrypoint.sh", 0o100_755),
            ("manage.py", 0o100_644),
            ("posts/naïve name.txt", 0o100_644),
        ]
    );
    assert_eq!(found["manage.py"].1, "print('hello')\n");
    assert_eq!(found["articles"].1, "posts");
    assert_eq!(bundle.files(), 5);
    assert_eq!(
        bundle.size(),
        fs_err::metadata(bundle.path()).unwrap().len()
    );
}

#[test]
fn the_same_commit_makes_the_same_bytes() {
    let sandbox = sandbox();
    let cache = sandbox.home().join("cache");
    let read = || fs_err::read(packed(&sandbox, &cache).unwrap().path()).unwrap();
    assert_eq!(read(), read());
}

#[test]
fn what_is_kept_changes_nothing_but_the_time() {
    let sandbox = sandbox();
    let cache = sandbox.home().join("cache");
    let kept = sandbox.home().join("kept");
    let (_, layout, _) = lay_out(&sandbox);
    packed(&sandbox, &cache).unwrap().keep(&layout, &kept);
    // A changed content, a changed mode, a new file in between, and one that is gone.
    sandbox.write("manage.py", "print('hello again')\n");
    sandbox.write("middle.py", "");
    let script = sandbox.project().join("entrypoint.sh");
    fs_err::set_permissions(script, std::fs::Permissions::from_mode(0o644)).unwrap();
    fs_err::remove_file(sandbox.project().join("articles")).unwrap();
    sandbox.git(&["add", "--all"]);
    let committed = sandbox
        .command("git")
        .env("GIT_COMMITTER_DATE", "2026-02-03T04:05:06Z")
        .args(["commit", "--quiet", "--message", "feat: more"])
        .status()
        .unwrap();
    assert!(committed.success());
    let reused = fs_err::read(packed(&sandbox, &cache).unwrap().path()).unwrap();
    let (repository, layout, time) = lay_out(&sandbox);
    assert!(
        layout
            .entries()
            .iter()
            .any(|entry| Kept::open(&kept).place(entry).is_some())
    );
    let nothing = sandbox.home().join("nothing");
    let cancel = CancellationToken::new();
    let fresh = pack(&layout, &repository, time, &cache, &nothing, &cancel).unwrap();
    assert_eq!(reused, fs_err::read(fresh.path()).unwrap());
}

#[test]
fn one_bundle_is_kept_and_damage_is_no_matter() {
    let sandbox = sandbox();
    let cache = sandbox.home().join("cache");
    let kept = sandbox.home().join("kept");
    let (_, layout, _) = lay_out(&sandbox);
    let bundle = packed(&sandbox, &cache).unwrap();
    let bytes = fs_err::read(bundle.path()).unwrap();
    bundle.keep(&layout, &kept);
    bundle.keep(&layout, &kept);
    drop(bundle);
    let names = || {
        let mut names: Vec<_> = kept
            .read_dir_utf8()
            .unwrap()
            .map(|entry| entry.unwrap().into_path())
            .collect();
        names.sort();
        names
    };
    let found = names();
    assert_eq!(found.len(), 2, "an archive and its index: {found:?}");
    let archive = found.iter().find(|path| path.as_str().ends_with(".zip"));
    let index = kept.join("index.json");
    fs_err::write(archive.unwrap(), "not an archive").unwrap();
    assert_eq!(
        bytes,
        fs_err::read(packed(&sandbox, &cache).unwrap().path()).unwrap()
    );
    for damage in [
        "",
        "{}",
        "{\"format\":1,\"archive\":\"../x.zip\",\"objects\":[]}",
    ] {
        fs_err::write(&index, damage).unwrap();
        assert_eq!(
            bytes,
            fs_err::read(packed(&sandbox, &cache).unwrap().path()).unwrap()
        );
    }
}

#[test]
fn a_reader_that_we_did_not_write_agrees() {
    let sandbox = sandbox();
    let bundle = packed(&sandbox, &sandbox.home().join("cache")).unwrap();
    let python = "import os, stat, sys, zipfile\n\
        archive = zipfile.ZipFile(sys.argv[1])\n\
        assert archive.testzip() is None\n\
        for one in archive.infolist():\n    \
            print(one.filename, oct(one.external_attr >> 16), one.create_system)\n";
    let output = sandbox
        .command("python3")
        .args(["-c", python])
        .arg(bundle.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(text.contains("entrypoint.sh 0o100755 3"), "{text}");
    assert!(text.contains("articles 0o120777 3"), "{text}");
    assert!(text.contains("posts/naïve name.txt"), "{text}");
}

#[test]
fn nothing_stays_behind() {
    let sandbox = sandbox();
    let cache = sandbox.home().join("cache");
    let bundle = packed(&sandbox, &cache).unwrap();
    assert!(!is_empty(&cache));
    drop(bundle);
    assert!(is_empty(&cache));

    let (repository, layout, time) = lay_out(&sandbox);
    let cancel = CancellationToken::new();
    cancel.cancel();
    let cancelled = pack(&layout, &repository, time, &cache, &cache, &cancel);
    assert!(matches!(cancelled, Err(Error::Interrupted)));
    assert!(is_empty(&cache));
}

#[test]
fn a_bundle_beyond_the_limit_names_the_largest_files() {
    let sandbox = sandbox();
    // Does not compress.
    let noise: String = (0_u64..20_000)
        .map(|number| format!("{:x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
        .collect();
    sandbox.write("media/film.mp4", &noise);
    sandbox.commit("feat: a film");
    let (repository, layout, time) = lay_out(&sandbox);
    let mut sources = Sources {
        blobs: repository.read_blobs().unwrap(),
        kept: Kept::default(),
    };
    let place = Place {
        path: Utf8Path::new("/nowhere/bundle.zip"),
        limit: 10_000,
    };
    let out = Cursor::new(Vec::new());
    let error = write(
        &layout,
        &mut sources,
        time,
        out,
        &place,
        &CancellationToken::new(),
    )
    .unwrap_err();
    let Error::BundleTooLarge {
        limit: 10_000,
        largest,
    } = error
    else {
        panic!("not the limit: {error:?}");
    };
    assert_eq!(largest[0].0, "media/film.mp4");
}

/// A disk that is full after some bytes.
struct FullDisk(u64);

impl std::io::Write for FullDisk {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        self.0 = self
            .0
            .checked_sub(buffer.len() as u64)
            .ok_or(std::io::ErrorKind::StorageFull)?;
        Ok(buffer.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Seek for FullDisk {
    fn seek(&mut self, _to: SeekFrom) -> std::io::Result<u64> {
        Ok(0)
    }
}

#[test]
fn a_full_disk_is_named_with_its_directory() {
    let sandbox = sandbox();
    let (repository, layout, time) = lay_out(&sandbox);
    let mut sources = Sources {
        blobs: repository.read_blobs().unwrap(),
        kept: Kept::default(),
    };
    let place = Place {
        path: Utf8Path::new("/var/cache/beanpole/bundle.zip"),
        limit: SIZE_LIMIT,
    };
    let error = write(
        &layout,
        &mut sources,
        time,
        FullDisk(200),
        &place,
        &CancellationToken::new(),
    )
    .unwrap_err();
    assert!(
        matches!(&error, Error::DiskFull { directory, .. } if directory == "/var/cache/beanpole"),
        "{error:?}"
    );
}

#[test]
fn large_files_are_streamed_and_small_ones_batched() {
    let text = |path: &str, size: usize| LayoutEntry {
        path: path.to_owned(),
        mode: Mode::File,
        content: Content::Text("x".repeat(size)),
    };
    let large = usize::try_from(LARGE_FILE).unwrap() + 1;
    let entries = [
        text("a", 10),
        text("b", 20),
        text("c", large),
        text("d", 0),
        text("e", 5),
    ];
    let shape: Vec<String> = batches(&entries, &Kept::default())
        .iter()
        .map(|batch| match batch {
            Batch::Large(entry) => format!("large {}", entry.path),
            Batch::Small(entries) => format!("{} small", entries.len()),
        })
        .collect();
    assert_eq!(shape, ["2 small", "large c", "2 small"]);
}

#[test]
fn a_large_file_goes_through_unchanged() {
    let sandbox = sandbox();
    let long = "0123456789abcdef".repeat(600_000);
    sandbox.write("large.txt", &long);
    sandbox.commit("feat: large");
    let bundle = packed(&sandbox, &sandbox.home().join("cache")).unwrap();
    let mut archive = ZipArchive::new(fs_err::File::open(bundle.path()).unwrap()).unwrap();
    let mut text = String::new();
    archive
        .by_name("large.txt")
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(text.len(), long.len());
    assert!(text == long);
}

#[test]
fn commits_before_the_format_get_its_first_day() {
    let time = archive_time(Timestamp::from_second(0).unwrap());
    assert_eq!((time.year(), time.month(), time.day()), (1980, 1, 1));
}
