//! Tests of the layout: what ships, in what order, under which digest.

use super::*;
use crate::testing::{entry, project};

fn layout(project: &Project, files: &[TreeEntry]) -> Layout {
    Layout::new(project, files).unwrap()
}

fn usual() -> Vec<TreeEntry> {
    vec![
        entry("manage.py", Mode::Executable, "#!/usr/bin/env python"),
        entry("Dockerfile", Mode::File, "FROM python:3.11"),
        entry("static/logo", Mode::Symlink, "../logo.svg"),
    ]
}

#[test]
fn ships_the_commit_and_the_rendered_files_sorted() {
    let layout = layout(&project("release: [./manage.py migrate]\n"), &usual());
    let paths: Vec<_> = layout
        .entries()
        .iter()
        .map(|entry| entry.path.as_str())
        .collect();
    assert_eq!(
        paths,
        [
            ".beanpole/release.json",
            ".beanpole/release.py",
            ".beanpole/release.sh",
            ".beanpole/release_run.sh",
            ".ebextensions/00-beanpole-release.config",
            "Dockerfile",
            "docker-compose.yml",
            "manage.py",
            "static/logo"
        ]
    );
    assert!(!layout.has_own_extensions());
}

#[test]
fn private_and_development_files_stay_behind() {
    for path in [
        ".git/config",
        "vendor/.GIT/config",
        ".elasticbeanstalk/config.yml",
        ".env",
        "app/.env",
        "compose.yaml",
        "docker-compose.override.yml",
    ] {
        assert!(is_left_out(path), "{path}");
    }
    for path in [
        ".gitignore",
        ".github/ci.yml",
        "env",
        ".env.example",
        "deploy/compose.yaml",
    ] {
        assert!(!is_left_out(path), "{path}");
    }
    let mut files = usual();
    files.push(entry(".env", Mode::File, "SECRET=1"));
    files.push(entry("lib", Mode::Submodule, ""));
    let layout = layout(&project(""), &files);
    assert!(
        layout
            .entries()
            .iter()
            .all(|entry| entry.path != ".env" && entry.path != "lib")
    );
}

#[test]
fn paths_are_checked_as_if_from_an_enemy() {
    for path in [
        "../etc/passwd",
        "a/../b",
        "/etc/passwd",
        "a//b",
        "./a",
        "a\nb",
        "a\\b",
        "a/",
    ] {
        let files = [entry(path, Mode::File, "x")];
        assert!(
            matches!(
                Layout::new(&project(""), &files),
                Err(Error::UnsafePath { .. })
            ),
            "{path}"
        );
    }
}

#[test]
fn the_digest_depends_on_content_and_on_nothing_else() {
    let plain = project("");
    let first = layout(&plain, &usual());
    let mut turned = usual();
    turned.reverse();
    assert_eq!(
        first.digest(),
        layout(&plain, &turned).digest(),
        "order does not matter"
    );
    assert_eq!(first.digest().len(), 64);

    let changed_content = {
        let mut files = usual();
        files[1] = entry("Dockerfile", Mode::File, "FROM python:3.12");
        files
    };
    let changed_mode = {
        let mut files = usual();
        files[0].mode = Mode::File;
        files
    };
    let changed_path = {
        let mut files = usual();
        files[0].path = "manage".into();
        files
    };
    for files in [changed_content, changed_mode, changed_path] {
        assert_ne!(first.digest(), layout(&plain, &files).digest());
    }
    let released = layout(&project("release: [./manage.py migrate]\n"), &usual());
    assert_ne!(
        first.digest(),
        released.digest(),
        "the rendered files count"
    );
}

#[test]
fn the_image_has_another_name_when_it_is_built_another_way() {
    let one = layout(&project("image: {args: {PYTHON: \"3.11\"}}\n"), &usual());
    let other = layout(&project("image: {args: {PYTHON: \"3.12\"}}\n"), &usual());
    assert_ne!(one.image_name(), other.image_name());
    let more = layout(&project("release: [./manage.py migrate]\n"), &usual());
    assert_eq!(
        layout(&project(""), &usual()).image_name(),
        more.image_name()
    );
}

#[test]
fn own_configuration_files_are_noticed() {
    let mut files = usual();
    files.push(entry(
        ".ebextensions/10-own.config",
        Mode::File,
        "option_settings: {}",
    ));
    assert!(layout(&project(""), &files).has_own_extensions());
}

#[test]
fn the_largest_files_come_first() {
    let files = [
        entry("small", Mode::File, "x"),
        entry("large", Mode::File, &"x".repeat(9000)),
        entry("middle", Mode::File, &"x".repeat(5000)),
    ];
    let largest = layout(&project(""), &files).largest(2);
    assert_eq!(
        largest,
        [("large".to_owned(), 9000), ("middle".to_owned(), 5000)]
    );
}

const REFERENCE: &str =
    "ghcr.io/team/blog@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn platform_files() -> Vec<TreeEntry> {
    let mut files = usual();
    files.extend([
        entry(
            ".ebextensions/10-own.config",
            Mode::File,
            "option_settings:",
        ),
        entry(
            ".platform/hooks/prebuild/01.sh",
            Mode::Executable,
            "#!/bin/sh",
        ),
        entry(".beanpoleignore", Mode::File, "docs/"),
        entry("env.yaml", Mode::File, "EnvironmentName: blog"),
    ]);
    files
}

#[test]
fn the_image_form_holds_what_the_platform_reads_and_no_sources() {
    let project = project("release: [./manage.py migrate]\nimage: {registry: ghcr.io/team/blog}\n");
    let sources = Layout::sources(&project, &platform_files()).unwrap();
    let layout = Layout::of_image(&project, &sources, REFERENCE).unwrap();
    let paths: Vec<_> = layout
        .entries()
        .iter()
        .map(|entry| entry.path.as_str())
        .collect();
    assert_eq!(
        paths,
        [
            ".beanpole/release.json",
            ".beanpole/release.py",
            ".beanpole/release.sh",
            ".beanpole/release_run.sh",
            ".ebextensions/00-beanpole-release.config",
            ".ebextensions/10-own.config",
            ".platform/hooks/prebuild/01.sh",
            "docker-compose.yml",
            "env.yaml",
        ]
    );
    assert!(layout.has_own_extensions());
    let compose = layout
        .entries()
        .iter()
        .find(|entry| entry.path == "docker-compose.yml")
        .unwrap();
    let Content::Text(text) = &compose.content else {
        panic!("the compose file is rendered");
    };
    let compose: serde_json::Value = serde_yaml::from_str(text).unwrap();
    for service in ["web", "release"] {
        assert_eq!(compose["services"][service]["image"], REFERENCE);
        assert!(
            compose["services"][service].get("build").is_none(),
            "{text}"
        );
    }
}

#[test]
fn the_image_is_named_by_what_it_is_built_from() {
    let files = platform_files();
    let of = |more: &str, files: &[TreeEntry]| {
        Layout::sources(&project(more), files)
            .unwrap()
            .digest()
            .to_owned()
    };
    let first = of("", &files);
    // What only the bundle tells makes no other image.
    assert_eq!(first, of("release: [./manage.py migrate]\n", &files));
    assert_ne!(first, of("image: {platforms: [linux/arm64]}\n", &files));
    assert_ne!(first, of("image: {target: web}\n", &files));
    let mut changed = files;
    changed[0] = entry("manage.py", Mode::Executable, "#!/usr/bin/env python3");
    assert_ne!(first, of("", &changed));
}

#[test]
fn another_image_is_another_bundle() {
    let project = project("");
    let sources = Layout::sources(&project, &usual()).unwrap();
    let one = Layout::of_image(&project, &sources, REFERENCE).unwrap();
    let same = Layout::of_image(&project, &sources, REFERENCE).unwrap();
    let other = Layout::of_image(&project, &sources, &REFERENCE.replace('0', "1")).unwrap();
    assert_eq!(one.digest(), same.digest());
    assert_ne!(one.digest(), other.digest());
    assert_ne!(
        one.digest(),
        Layout::new(&project, &usual()).unwrap().digest()
    );
}
