//! Tests of preflight: one world for each rule.

use beanpole_git::ChangeKind;

use super::*;
use crate::testing::{entry, project};

const DOCKERFILE: &str =
    "FROM python:3.11\nWORKDIR /app\nCOPY . .\nENTRYPOINT [\"/app/entrypoint.sh\"]\n";

/// A world that is fit to be released; tests break one thing in it.
struct World {
    project: Project,
    changes: Vec<Change>,
    entries: Vec<TreeEntry>,
    ignored: Vec<TreeEntry>,
    ignore_file: Option<PatternError>,
    missing_submodules: Vec<MissingSubmodule>,
    dockerfile: Option<String>,
    scripts: BTreeMap<String, Vec<u8>>,
    lfs_pointers: Vec<String>,
    links: Vec<(String, String)>,
    allow_dirty: bool,
}

impl World {
    fn fit() -> Self {
        let script = "#!/bin/sh\nexec \"$@\"\n";
        Self {
            project: project(""),
            changes: Vec::new(),
            entries: vec![
                entry("beanpole.yaml", Mode::File, "application: blog"),
                entry("Dockerfile", Mode::File, DOCKERFILE),
                entry("entrypoint.sh", Mode::Executable, script),
                entry(".env.example", Mode::File, "SECRET="),
                entry("compose.yaml", Mode::File, "services: {}"),
            ],
            ignored: Vec::new(),
            ignore_file: None,
            missing_submodules: Vec::new(),
            dockerfile: Some(DOCKERFILE.to_owned()),
            scripts: BTreeMap::from([("entrypoint.sh".to_owned(), script.into())]),
            lfs_pointers: Vec::new(),
            links: vec![("static/logo".to_owned(), "../Dockerfile".to_owned())],
            allow_dirty: false,
        }
    }

    fn findings(&self) -> Vec<Finding> {
        findings(&Facts {
            project: &self.project,
            manifest: "beanpole.yaml",
            changes: &self.changes,
            entries: &self.entries,
            ignored: &self.ignored,
            ignore_file: self.ignore_file.as_ref(),
            missing_submodules: &self.missing_submodules,
            dockerfile: self.dockerfile.as_deref(),
            scripts: &self.scripts,
            lfs_pointers: &self.lfs_pointers,
            links: &self.links,
            allow_dirty: self.allow_dirty,
        })
    }

    fn rules(&self) -> Vec<(String, Severity)> {
        self.findings()
            .into_iter()
            .map(|finding| (finding.rule, finding.severity))
            .collect()
    }

    fn only(&self) -> Finding {
        let mut findings = self.findings();
        assert_eq!(findings.len(), 1, "{findings:?}");
        findings.remove(0)
    }
}

#[test]
fn a_fit_commit_has_no_findings() {
    assert_eq!(World::fit().findings(), []);
}

#[test]
fn a_dirty_tree_lists_what_will_not_ship() {
    let mut world = World::fit();
    for path in ["posts/views.py", "notes.txt"] {
        world.changes.push(Change {
            path: path.into(),
            kind: ChangeKind::Unstaged,
        });
    }
    let finding = world.only();
    assert_eq!(
        (finding.rule.as_str(), finding.severity),
        ("dirty-tree", Severity::Error)
    );
    assert_eq!(
        finding.message,
        "2 changes are not in the commit and will not ship: posts/views.py, notes.txt"
    );
    assert!(finding.remedy.unwrap().contains("--allow-dirty"));
    world.allow_dirty = true;
    assert_eq!(world.only().severity, Severity::Warning);
}

#[test]
fn a_long_list_of_changes_is_cut() {
    let mut world = World::fit();
    for number in 0..25 {
        let path = format!("file{number}").into();
        world.changes.push(Change {
            path,
            kind: ChangeKind::Untracked,
        });
    }
    assert!(world.only().message.ends_with("file9, and 15 more"));
}

#[test]
fn the_manifest_must_be_committed() {
    let mut world = World::fit();
    world.entries.remove(0);
    assert_eq!(
        world.rules(),
        [("manifest-not-committed".to_owned(), Severity::Error)]
    );
}

#[test]
fn the_dockerfile_must_be_in_the_commit_where_the_manifest_says() {
    let mut world = World::fit();
    world.dockerfile = None;
    assert_eq!(
        world.rules(),
        [("dockerfile-missing".to_owned(), Severity::Error)]
    );
    let other = project("image: {context: app, dockerfile: docker/Dockerfile}\n");
    assert_eq!(dockerfile_path(&other), "app/docker/Dockerfile");
}

#[test]
fn the_target_must_be_a_stage() {
    let mut world = World::fit();
    world.project = project("image: {target: production}\n");
    assert_eq!(
        world.rules(),
        [("dockerfile-target-missing".to_owned(), Severity::Error)]
    );
}

#[test]
fn the_entry_point_must_be_executable_unless_the_build_makes_it_so() {
    let mut world = World::fit();
    world.entries[2].mode = Mode::File;
    let finding = world.only();
    assert_eq!(finding.rule, "entrypoint-not-executable");
    assert_eq!(finding.location.unwrap().path, "entrypoint.sh");
    assert!(
        finding
            .remedy
            .unwrap()
            .contains("git update-index --chmod=+x entrypoint.sh")
    );

    world.dockerfile =
        Some(DOCKERFILE.replace("ENTRYPOINT", "RUN chmod +x /app/entrypoint.sh\nENTRYPOINT"));
    assert_eq!(world.findings(), []);
}

#[test]
fn the_entry_point_is_found_under_the_path_that_it_is_copied_to() {
    let mut world = World::fit();
    world.entries[2].path = "docker/entrypoint.sh".into();
    world.entries[2].mode = Mode::File;
    world.scripts.clear();
    assert_eq!(world.only().location.unwrap().path, "docker/entrypoint.sh");
    // Two files of that name: it is not clear which one is meant.
    world
        .entries
        .push(entry("old/entrypoint.sh", Mode::File, "x"));
    assert_eq!(world.findings(), []);
}

#[test]
fn the_entry_point_must_be_a_script_for_this_kernel() {
    let mut world = World::fit();
    world.scripts.insert(
        "entrypoint.sh".to_owned(),
        b"#!/bin/sh\r\nexec\r\n".to_vec(),
    );
    assert_eq!(world.only().rule, "entrypoint-line-endings");
    world
        .scripts
        .insert("entrypoint.sh".to_owned(), b"exec \"$@\"\n".to_vec());
    assert_eq!(world.only().rule, "entrypoint-without-interpreter");
}

#[test]
fn lfs_pointers_are_refused_with_the_command_that_resolves_them() {
    let mut world = World::fit();
    world.lfs_pointers.push("media/film.mp4".to_owned());
    let finding = world.only();
    assert_eq!(
        (finding.rule.as_str(), finding.severity),
        ("lfs-pointer", Severity::Error)
    );
    assert!(finding.message.contains("media/film.mp4"));
    let remedy = finding.remedy.unwrap();
    assert!(
        remedy.contains("git lfs migrate export --include=\"media/film.mp4\""),
        "{remedy}"
    );
}

#[test]
fn a_missing_submodule_is_named_with_the_command_that_fetches_it() {
    for (why, message, remedy) in [
        (
            WhyMissing::NotInitialised,
            "is not on this machine",
            "git submodule update --init --recursive -- vendor/lib",
        ),
        (
            WhyMissing::CommitMissing,
            "recorded commit 0123456789ab",
            "git submodule update --init --recursive -- vendor/lib",
        ),
        (
            WhyMissing::NotDeclared,
            ".gitmodules does not name it",
            "git rm --cached vendor/lib",
        ),
    ] {
        let mut world = World::fit();
        world.missing_submodules.push(MissingSubmodule {
            path: "vendor/lib".into(),
            commit: "0123456789abcdef0123456789abcdef01234567".to_owned(),
            why,
        });
        let finding = world.only();
        assert_eq!(
            (finding.rule.as_str(), finding.severity),
            ("submodule-missing", Severity::Error)
        );
        assert!(finding.message.contains(message), "{finding:?}");
        assert!(finding.remedy.unwrap().contains(remedy));
    }
}

#[test]
fn the_ignore_file_must_not_hide_what_the_build_needs() {
    let mut world = World::fit();
    world.dockerfile = None;
    world.ignored = world.entries.split_off(1);
    world.links.clear();
    let finding = world.only();
    assert_eq!(finding.rule, "needed-file-ignored");
    assert_eq!(finding.location.unwrap().path, "Dockerfile");
    assert!(finding.remedy.unwrap().contains("`!/Dockerfile`"));

    let mut world = World::fit();
    world.ignored = vec![world.entries.remove(2)];
    world.scripts.clear();
    let finding = world.only();
    assert_eq!(finding.rule, "needed-file-ignored");
    assert_eq!(finding.location.unwrap().path, "entrypoint.sh");
}

#[test]
fn the_manifest_may_stay_out_of_the_bundle() {
    let mut world = World::fit();
    world.ignored = vec![world.entries.remove(0)];
    assert_eq!(world.findings(), []);
}

#[test]
fn a_malformed_ignore_file_is_an_error_at_its_line() {
    let mut world = World::fit();
    world.ignore_file = Some(PatternError {
        line: 3,
        pattern: "a[".to_owned(),
        why: "unclosed".to_owned(),
    });
    let finding = world.only();
    assert_eq!(finding.rule, "ignore-file-malformed");
    assert_eq!(finding.location.unwrap().line, Some(3));
}

#[test]
fn an_ebignore_is_told_to_be_unread_unless_ours_is_there() {
    let mut world = World::fit();
    world.entries.push(entry(".ebignore", Mode::File, "docs/"));
    let finding = world.only();
    assert_eq!(
        (finding.rule.as_str(), finding.severity),
        ("ebignore-not-read", Severity::Note)
    );
    assert!(
        finding
            .remedy
            .unwrap()
            .contains("git mv .ebignore .beanpoleignore")
    );
    world
        .entries
        .push(entry(".beanpoleignore", Mode::File, "docs/"));
    assert_eq!(world.findings(), []);
}

#[test]
fn a_committed_env_file_is_an_error_and_its_relatives_are_warnings() {
    let mut world = World::fit();
    world
        .entries
        .push(entry("blog/.env.production", Mode::File, "A=1"));
    world.entries.push(entry("blog/.env", Mode::File, "A=1"));
    world
        .entries
        .push(entry("blog/.environment", Mode::File, "A=1"));
    let found: Vec<_> = world
        .findings()
        .into_iter()
        .map(|finding| (finding.location.unwrap().path, finding.severity))
        .collect();
    assert_eq!(
        found,
        [
            ("blog/.env".to_owned(), Severity::Error),
            ("blog/.env.production".to_owned(), Severity::Warning)
        ]
    );
}

#[test]
fn files_in_the_place_of_rendered_ones_collide() {
    for (path, rule) in [
        ("docker-compose.yml", "compose-file-collides"),
        ("docker-compose.yaml", "compose-file-collides"),
        (
            ".ebextensions/00-beanpole-release.config",
            "release-file-collides",
        ),
        (".beanpole/release.py", "own-file-collides"),
    ] {
        let mut world = World::fit();
        world.entries.push(entry(path, Mode::File, "x"));
        assert_eq!(
            world.rules(),
            [(rule.to_owned(), Severity::Error)],
            "{path}"
        );
    }
}

#[test]
fn links_that_do_not_lead_into_the_bundle_are_named() {
    for (target, rule) in [
        ("../b", "link-leads-out"),
        ("/etc/passwd", "link-leads-out"),
        ("gone", "link-dangles"),
        ("link", "link-dangles"),
        // It is in the commit, and does not ship.
        ("compose.yaml", "link-dangles"),
    ] {
        let mut world = World::fit();
        world.links.push(("link".to_owned(), target.to_owned()));
        let finding = world.only();
        assert_eq!(
            (finding.rule.as_str(), finding.severity),
            (rule, Severity::Warning),
            "{target}"
        );
        assert!(finding.message.contains("`link`"), "{}", finding.message);
    }
}

#[test]
fn in_the_image_form_links_of_hooks_must_lead_into_the_small_bundle() {
    let mut world = World::fit();
    let hook = ".platform/hooks/predeploy/01.sh";
    world
        .links
        .push((hook.to_owned(), "../../../entrypoint.sh".to_owned()));
    assert_eq!(world.findings(), []);
    world.project = project("image: {registry: ghcr.io/team/blog}\n");
    assert_eq!(world.only().rule, "link-dangles");
}
