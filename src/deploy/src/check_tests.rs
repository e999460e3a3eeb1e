//! Tests of the check: real repositories with ignore files, submodules, LFS pointers and links.

use beanpole_testkit::Sandbox;

use super::*;
use crate::testing::project;

const POINTER: &str = "version https://git-lfs.github.com/spec/v1\n\
    oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";

/// A repository that is fit to be released.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.git(&["init", "--quiet", "--initial-branch=main"]);
    sandbox.write("beanpole.yaml", "application: blog\n");
    sandbox.write("Dockerfile", "FROM python:3.11\nCOPY . /app\n");
    sandbox.write("manage.py", "print('hello')\n");
    sandbox.write("docs/index.md", "# Blog\n");
    sandbox.commit("feat: the blog");
    sandbox
}

fn inspected(sandbox: &Sandbox, more: &str) -> Result<Candidate, Error> {
    inspect(CheckRequest {
        project: project(more),
        directory: sandbox.project().to_owned(),
        manifest: sandbox.project().join("beanpole.yaml"),
        allow_dirty: false,
    })
}

fn paths(candidate: &Candidate) -> Vec<&str> {
    candidate
        .layout
        .entries()
        .iter()
        .map(|entry| entry.path.as_str())
        .collect()
}

fn rules(result: Result<Candidate, Error>) -> Vec<String> {
    let findings = match result {
        Ok(candidate) => candidate.findings,
        Err(Error::NotDeployable { findings }) => findings,
        Err(error) => panic!("{error}"),
    };
    findings.into_iter().map(|finding| finding.rule).collect()
}

/// Makes `library` beside the project a submodule at `vendor/library`.
fn with_submodule(sandbox: &Sandbox, files: &[(&str, &str)]) {
    let library = sandbox.home().join("library");
    for (path, text) in files {
        let path = library.join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }
    let library = library.as_str();
    sandbox.git(&["init", "--quiet", "--initial-branch=main", library]);
    sandbox.git(&["-C", library, "add", "--all"]);
    sandbox.git(&["-C", library, "commit", "--quiet", "--message", "One"]);
    sandbox.git(&[
        "-c",
        "protocol.file.allow=always",
        "submodule",
        "--quiet",
        "add",
        library,
        "vendor/library",
    ]);
    sandbox.commit("feat: a library");
}

#[test]
fn the_ignore_file_of_the_commit_decides() {
    let sandbox = sandbox();
    let whole = inspected(&sandbox, "").unwrap();
    assert!(paths(&whole).contains(&"docs/index.md"));
    sandbox.write(".beanpoleignore", "/docs/\n");
    assert_eq!(rules(inspected(&sandbox, "")), ["dirty-tree"]);
    sandbox.commit("build: no documents");
    let smaller = inspected(&sandbox, "").unwrap();
    assert_eq!(
        paths(&smaller),
        [
            "Dockerfile",
            "beanpole.yaml",
            "docker-compose.yml",
            "manage.py"
        ]
    );
    assert_ne!(smaller.layout.digest(), whole.layout.digest());
    assert_ne!(smaller.layout.image_name(), whole.layout.image_name());
    // A change that changes nothing that ships is the same bundle.
    sandbox.write(".beanpoleignore", "# documents\n/docs/\n");
    sandbox.commit("docs: say why");
    let same = inspected(&sandbox, "").unwrap();
    assert_eq!(same.layout.digest(), smaller.layout.digest());
}

#[test]
fn an_ignore_file_that_hides_too_much_is_refused() {
    let sandbox = sandbox();
    sandbox.write(".beanpoleignore", "*\n");
    sandbox.commit("build: nothing");
    assert_eq!(rules(inspected(&sandbox, "")), ["needed-file-ignored"]);
    sandbox.write(".beanpoleignore", "a[z-b]\n");
    sandbox.commit("build: broken");
    assert_eq!(rules(inspected(&sandbox, "")), ["ignore-file-malformed"]);
}

#[test]
fn files_of_a_submodule_ship_and_make_the_digest() {
    let sandbox = sandbox();
    with_submodule(&sandbox, &[("a.py", "print('a')\n")]);
    let candidate = inspected(&sandbox, "").unwrap();
    assert!(paths(&candidate).contains(&"vendor/library/a.py"));
    let bundle = crate::bundle::pack(
        &candidate.layout,
        &candidate.repository,
        candidate.commit.committed_at,
        &sandbox.home().join("cache"),
        &sandbox.home().join("kept"),
        &tokio_util::sync::CancellationToken::new(),
    )
    .unwrap();
    let mut archive = zip::ZipArchive::new(fs_err::File::open(bundle.path()).unwrap()).unwrap();
    let mut text = String::new();
    std::io::Read::read_to_string(
        &mut archive.by_name("vendor/library/a.py").unwrap(),
        &mut text,
    )
    .unwrap();
    assert_eq!(text, "print('a')\n");
    // Another recorded commit is another bundle.
    let library = sandbox.project().join("vendor/library");
    fs_err::write(library.join("a.py"), "print('b')\n").unwrap();
    assert_eq!(rules(inspected(&sandbox, "")), ["dirty-tree"]);
    sandbox.git(&["-C", library.as_str(), "commit", "--quiet", "-am", "Two"]);
    sandbox.commit("feat: a newer library");
    let newer = inspected(&sandbox, "").unwrap();
    assert_ne!(newer.layout.digest(), candidate.layout.digest());
}

#[test]
fn a_submodule_that_is_not_there_stops_the_release_unless_it_stays_out() {
    let sandbox = sandbox();
    with_submodule(&sandbox, &[("a.py", "")]);
    sandbox.git(&["submodule", "--quiet", "deinit", "--all", "--force"]);
    // Its store is still there.
    assert_eq!(rules(inspected(&sandbox, "")), [""; 0]);
    fs_err::remove_dir_all(sandbox.project().join(".git/modules")).unwrap();
    assert_eq!(rules(inspected(&sandbox, "")), ["submodule-missing"]);
    sandbox.write(".beanpoleignore", "vendor/\n");
    sandbox.git(&["add", ".beanpoleignore"]);
    sandbox.git(&["commit", "--quiet", "--message", "build: no vendor"]);
    let candidate = inspected(&sandbox, "").unwrap();
    assert!(
        paths(&candidate)
            .iter()
            .all(|path| !path.starts_with("vendor"))
    );
}

#[test]
fn lfs_pointers_are_found_in_the_project_and_in_its_submodules() {
    let sandbox = sandbox();
    with_submodule(&sandbox, &[("film.mp4", POINTER)]);
    sandbox.write("media/logo.png", POINTER);
    sandbox.write("docs/pointers.md", &format!("Like this:\n{POINTER}"));
    sandbox.commit("feat: media");
    let Err(Error::NotDeployable { findings }) = inspected(&sandbox, "") else {
        panic!("pointers must not ship");
    };
    assert_eq!(findings.len(), 1);
    assert!(
        findings[0]
            .message
            .ends_with("media/logo.png, vendor/library/film.mp4"),
        "{}",
        findings[0].message
    );
}

#[test]
fn links_that_lead_nowhere_are_named_and_ship_as_they_are() {
    let sandbox = sandbox();
    for (target, link) in [
        ("../outside", "out"),
        ("docs/gone.md", "gone"),
        ("docs", "good"),
    ] {
        fs_err::os::unix::fs::symlink(target, sandbox.project().join(link)).unwrap();
    }
    sandbox.commit("feat: links");
    let candidate = inspected(&sandbox, "").unwrap();
    let messages: Vec<&str> = candidate
        .findings
        .iter()
        .map(|finding| finding.message.as_str())
        .collect();
    assert_eq!(
        messages,
        [
            "the link `gone` leads to `docs/gone.md`, which does not ship",
            "the link `out` leads out of the project, to `../outside`",
        ]
    );
    assert!(paths(&candidate).contains(&"gone"));
}

#[test]
fn a_registry_makes_the_image_form_and_the_push_makes_it_final() {
    let sandbox = sandbox();
    let source = inspected(&sandbox, "").unwrap();
    assert!(source.is_final());
    let candidate = inspected(&sandbox, "image: {registry: ghcr.io/team/blog}\n").unwrap();
    assert!(!candidate.is_final());
    assert!(matches!(
        candidate.expect_final(),
        Err(Error::ImageNotPushed { .. })
    ));
    assert_eq!(paths(&candidate), ["docker-compose.yml"]);
    let context: Vec<_> = candidate
        .build_context()
        .entries()
        .iter()
        .map(|entry| entry.path.as_str())
        .collect();
    assert_eq!(
        context,
        ["Dockerfile", "beanpole.yaml", "docs/index.md", "manage.py"]
    );
    let image = beanpole_image::PushedImage {
        repository: "ghcr.io/team/blog".to_owned(),
        digest: beanpole_image::ImageDigest::new(format!("sha256:{}", "ab".repeat(32))).unwrap(),
    };
    let pushed = candidate.clone().with_image(image.clone()).unwrap();
    assert!(pushed.is_final());
    assert_ne!(pushed.label, candidate.label);
    assert_eq!(pushed.layout.image_name(), image.reference());
    let again = candidate.with_image(image).unwrap();
    assert_eq!(again.label, pushed.label);
}

#[test]
fn what_git_cannot_make_small_enough_is_refused_unpacked() {
    let limit = SIZE_LIMIT;
    assert!(is_certainly_too_large(vec![Some(limit), None, Some(limit)]));
    // Within the margin, and unknown sizes: packing decides.
    assert!(!is_certainly_too_large(vec![Some(limit), Some(limit / 20)]));
    assert!(!is_certainly_too_large(vec![None, None]));
}
