//! Is this commit fit to be released? Pure.
//!
//! Rules: every finding names the file and what to type. An error stops the release before anything
//! is built or touched; a warning does not. What git itself refuses (no repository, no commit) is
//! an error of the git crate and never gets here. Rules are stable ids: people silence and search
//! by them.

use std::collections::BTreeMap;

use beanpole_git::{Change, MissingSubmodule, Mode, TreeEntry, WhyMissing};
use beanpole_manifest::Project;
use beanpole_model::{Finding, Location, Severity};

use crate::compose::{COMPOSE_FILE, ENVIRONMENT_FILE, OWN_DIRECTORY, RELEASE_FILE};
use crate::dockerfile::{Dockerfile, StartScript};
use crate::ignore_file::{EB_IGNORE_FILE, IGNORE_FILE, PatternError};
use crate::layout::{is_for_platform, is_left_out};
use crate::links::{Destination, Paths};
use crate::upload::size_text;

/// How many paths one finding names before it counts the rest.
const PATHS_SHOWN: usize = 10;

/// All that is known about the commit and the working tree, gathered before.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// The resolved manifest.
    pub project: &'a Project,
    /// The manifest's path, relative to the project's directory.
    pub manifest: &'a str,
    /// What differs between the working tree and the commit, under the project's directory.
    pub changes: &'a [Change],
    /// The commit's files under the project's directory, with those of its submodules, but for the
    /// ignored ones.
    pub entries: &'a [TreeEntry],
    /// The commit's files that the ignore file hides.
    pub ignored: &'a [TreeEntry],
    /// What is wrong with the ignore file.
    pub ignore_file: Option<&'a PatternError>,
    /// Submodules whose files are not on this machine.
    pub missing_submodules: &'a [MissingSubmodule],
    /// The text of the Dockerfile in the commit, if it is there.
    pub dockerfile: Option<&'a str>,
    /// The contents of start scripts, by path, as far as they are in the commit.
    pub scripts: &'a BTreeMap<String, Vec<u8>>,
    /// The paths of files whose content is a pointer of Git LFS.
    pub lfs_pointers: &'a [String],
    /// Symbolic links with their targets.
    pub links: &'a [(String, String)],
    /// True to ship the commit although the working tree differs from it.
    pub allow_dirty: bool,
}

/// Everything there is to say about the commit, errors first.
#[must_use]
pub fn findings(facts: &Facts<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    dirty_tree(facts, &mut findings);
    manifest(facts, &mut findings);
    ignore_file(facts, &mut findings);
    dockerfile(facts, &mut findings);
    start_script(facts, &mut findings);
    lfs_pointers(facts, &mut findings);
    submodules(facts, &mut findings);
    environment_files(facts, &mut findings);
    colliding_files(facts, &mut findings);
    links(facts, &mut findings);
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

/// The path of the Dockerfile from the project's directory.
#[must_use]
pub fn dockerfile_path(project: &Project) -> String {
    join(&project.image.context, &project.image.dockerfile)
}

/// The files in the commit that the Dockerfile may start directly: the candidates for
/// [`Facts::scripts`].
#[must_use]
pub fn start_script_path(
    project: &Project,
    dockerfile: &str,
    entries: &[TreeEntry],
) -> Option<String> {
    let script = Dockerfile::parse(dockerfile).start_script(project.image.target.as_deref())?;
    find_script(project, &script, entries).map(|entry| entry.path.to_string())
}

fn dirty_tree(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    if facts.changes.is_empty() {
        return;
    }
    let paths: Vec<String> = facts
        .changes
        .iter()
        .map(|change| change.path.to_string())
        .collect();
    let count = match paths.len() {
        1 => "1 change is".to_owned(),
        count => format!("{count} changes are"),
    };
    findings.push(Finding {
        rule: "dirty-tree".to_owned(),
        severity: if facts.allow_dirty {
            Severity::Warning
        } else {
            Severity::Error
        },
        location: None,
        message: format!(
            "{count} not in the commit and will not ship: {}",
            name_some(&paths)
        ),
        reason: "the release is made from the commit, so that it can be made again".to_owned(),
        remedy: Some(if facts.allow_dirty {
            "commit them if they belong to the release".to_owned()
        } else {
            "`git commit` or `git stash`, or ship the commit as it is with `--allow-dirty`"
                .to_owned()
        }),
    });
}

fn manifest(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    if find(facts.entries, facts.manifest).is_some()
        || find(facts.ignored, facts.manifest).is_some()
    {
        return;
    }
    findings.push(Finding {
        rule: "manifest-not-committed".to_owned(),
        severity: if facts.allow_dirty {
            Severity::Warning
        } else {
            Severity::Error
        },
        location: at(facts.manifest),
        message: format!("`{}` is not in the commit", facts.manifest),
        reason: "nobody else could make the same release from this commit".to_owned(),
        remedy: Some(format!("`git add {}` and commit it", facts.manifest)),
    });
}

/// The ignore file's own faults, and the file that people may take for it.
fn ignore_file(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    if let Some(fault) = facts.ignore_file {
        findings.push(Finding {
            rule: "ignore-file-malformed".to_owned(),
            severity: Severity::Error,
            location: Some(Location {
                path: IGNORE_FILE.to_owned(),
                line: Some(fault.line),
                column: None,
            }),
            message: fault.to_string(),
            reason: "files that should stay out would ship".to_owned(),
            remedy: Some("write it as in a .gitignore".to_owned()),
        });
    }
    let everything = || facts.entries.iter().chain(facts.ignored);
    let has = |path: &str| everything().any(|entry| entry.path == path);
    if has(EB_IGNORE_FILE) && !has(IGNORE_FILE) {
        findings.push(Finding {
            rule: "ebignore-not-read".to_owned(),
            severity: Severity::Note,
            location: at(EB_IGNORE_FILE),
            message: format!("`{EB_IGNORE_FILE}` is not read: everything that is committed ships"),
            reason: "it is written for the working tree, and a release is made from the commit"
                .to_owned(),
            remedy: Some(format!(
                "`git mv {EB_IGNORE_FILE} {IGNORE_FILE}` if it should hold here too"
            )),
        });
    }
}

fn needed_file_ignored(path: &str, why: &str) -> Finding {
    error(
        "needed-file-ignored",
        at(path),
        format!("`{IGNORE_FILE}` keeps `{path}` out of the bundle, and {why}"),
        "the build would fail, or the container would not start",
        Some(format!(
            "add `!/{path}` at the end of {IGNORE_FILE}, and commit it"
        )),
    )
}

/// The finding for a bundle whose files are larger than the limit before they are packed.
pub(crate) fn large_bundle(size: u64, limit: u64, largest: &[(String, u64)]) -> Finding {
    let largest: Vec<String> = largest
        .iter()
        .take(PATHS_SHOWN)
        .map(|(path, size)| format!("{path} ({})", size_text(*size)))
        .collect();
    Finding {
        rule: "bundle-large".to_owned(),
        severity: Severity::Warning,
        location: None,
        message: format!(
            "the bundle's files are {} before they are packed; the largest are {}",
            size_text(size),
            name_some(&largest)
        ),
        reason: format!("Beanstalk takes {} after packing", size_text(limit)),
        remedy: Some(format!(
            "keep what no instance needs out with {IGNORE_FILE}"
        )),
    }
}

fn dockerfile(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let path = dockerfile_path(facts.project);
    let Some(text) = facts.dockerfile else {
        if find(facts.ignored, &path).is_some() {
            findings.push(needed_file_ignored(&path, "the image is built from it"));
            return;
        }
        findings.push(error(
            "dockerfile-missing",
            at(&path),
            format!("`{path}` is not in the commit"),
            "the image is built from it on every instance",
            Some(format!(
                "`git add {path}`, or correct `image.dockerfile` in the manifest"
            )),
        ));
        return;
    };
    if let Some(target) = &facts.project.image.target
        && !Dockerfile::parse(text).has_stage(target)
    {
        findings.push(error(
            "dockerfile-target-missing",
            at(&path),
            format!("`{path}` has no stage `{target}`"),
            "the build would fail on every instance",
            Some("correct `image.target` in the manifest, or name the stage".to_owned()),
        ));
    }
}

fn start_script(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let Some(text) = facts.dockerfile else { return };
    let file = Dockerfile::parse(text);
    let target = facts.project.image.target.as_deref();
    let Some(script) = file.start_script(target) else {
        return;
    };
    let Some(entry) = find_script(facts.project, &script, facts.entries) else {
        if let Some(entry) = find_script(facts.project, &script, facts.ignored) {
            let path = entry.path.as_str();
            findings.push(needed_file_ignored(path, "the container starts it"));
        }
        return;
    };
    let path = entry.path.to_string();
    let file_name = path.rsplit('/').next().unwrap_or(&path);
    if entry.mode == Mode::File && !file.makes_executable(target, file_name) {
        findings.push(error(
            "entrypoint-not-executable",
            at(&path),
            format!("`{path}` has no execute bit in the commit, and the container starts it"),
            "the container would exit at once with `permission denied`",
            Some(format!(
                "`git update-index --chmod=+x {path}` and commit it"
            )),
        ));
    }
    let Some(content) = facts.scripts.get(&path) else {
        return;
    };
    let first_line = content
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    if first_line.ends_with(b"\r") {
        findings.push(error(
            "entrypoint-line-endings",
            at(&path),
            format!("`{path}` has Windows line endings"),
            "the kernel looks for an interpreter whose name ends in a carriage return",
            Some(format!(
                "write `{path} text eol=lf` into .gitattributes, then `git add --renormalize {path}`"
            )),
        ));
    }
    if !first_line.starts_with(b"#!") && !content.starts_with(b"\x7fELF") {
        findings.push(error(
            "entrypoint-without-interpreter",
            at(&path),
            format!("`{path}` does not begin with `#!`"),
            "the container would exit at once with `exec format error`",
            Some("begin it with a line such as `#!/bin/sh`".to_owned()),
        ));
    }
}

fn lfs_pointers(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    if facts.lfs_pointers.is_empty() {
        return;
    }
    findings.push(error(
        "lfs-pointer",
        facts.lfs_pointers.first().and_then(|path| at(path)),
        format!(
            "the commit holds Git LFS pointers in place of files: {}",
            name_some(facts.lfs_pointers)
        ),
        "the instances would get the pointer, not the file",
        Some(format!(
            "store them in git itself (`git lfs migrate export --include=\"{}\"`), serve them from S3, or \
             list them in {IGNORE_FILE}",
            facts.lfs_pointers.first().map_or("", String::as_str)
        )),
    ));
}

fn submodules(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for missing in facts.missing_submodules {
        let path = missing.path.as_str();
        let short = missing.commit.get(..12).unwrap_or(&missing.commit);
        let fetch = format!("`git submodule update --init --recursive -- {path}`");
        let (message, remedy) = match missing.why {
            WhyMissing::NotInitialised => (
                format!("the submodule `{path}` is not on this machine"),
                format!(
                    "{fetch}; in GitHub Actions, `submodules: recursive` for `actions/checkout`"
                ),
            ),
            WhyMissing::CommitMissing => (
                format!("the submodule `{path}` does not have its recorded commit {short}"),
                format!(
                    "{fetch}; if that does not find it, push the commit from where it was made"
                ),
            ),
            WhyMissing::NotDeclared => (
                format!("`{path}` is another repository, and .gitmodules does not name it"),
                format!(
                    "`git rm --cached {path}`, then `git submodule add` with its address, or \
                     commit its files without its .git"
                ),
            ),
        };
        findings.push(error(
            "submodule-missing",
            at(path),
            message,
            "its files would be missing from the bundle",
            Some(remedy),
        ));
    }
}

fn environment_files(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    const HARMLESS: [&str; 5] = ["dist", "example", "sample", "template", "test"];
    for entry in facts.entries.iter().chain(facts.ignored) {
        let path = entry.path.as_str();
        let name = path.rsplit('/').next().unwrap_or(path);
        let severity = match name.strip_prefix(ENVIRONMENT_FILE) {
            Some("") => Severity::Error,
            Some(rest)
                if rest
                    .strip_prefix('.')
                    .is_some_and(|end| !HARMLESS.contains(&end)) =>
            {
                Severity::Warning
            }
            _ => continue,
        };
        findings.push(Finding {
            rule: "environment-file-committed".to_owned(),
            severity,
            location: at(path),
            message: format!("`{path}` is in the commit"),
            reason: "it usually holds secrets, and Beanstalk writes no `.env` of its own beside it"
                .to_owned(),
            remedy: Some(format!(
                "`git rm --cached {path}`, add it to .gitignore, and change what was in it"
            )),
        });
    }
}

fn colliding_files(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for path in [COMPOSE_FILE, "docker-compose.yaml"] {
        if find(facts.entries, path).is_some() {
            findings.push(error(
                "compose-file-collides",
                at(path),
                format!("`{path}` stands where the compose file of the bundle goes"),
                "Beanstalk would start what is written there instead of the manifest's processes",
                Some(format!(
                    "`git mv {path} compose.yaml`: that name is left out of the bundle; or list it in \
                     {IGNORE_FILE}"
                )),
            ));
        }
    }
    if let Some(entry) = facts
        .entries
        .iter()
        .find(|entry| entry.path.starts_with(OWN_DIRECTORY))
    {
        let path = entry.path.as_str();
        findings.push(error(
            "own-file-collides",
            at(path),
            format!("`{path}` stands where beanpole puts its own files into the bundle"),
            "it could be overwritten in the bundle",
            Some(format!("rename the directory `{OWN_DIRECTORY}`")),
        ));
    }
    if find(facts.entries, RELEASE_FILE).is_some() {
        findings.push(error(
            "release-file-collides",
            at(RELEASE_FILE),
            format!("`{RELEASE_FILE}` stands where the release step of the bundle goes"),
            "it would be overwritten in the bundle",
            Some(format!(
                "rename it: `git mv {RELEASE_FILE} .ebextensions/01-own.config`"
            )),
        ));
    }
}

/// Links that lead out of what ships, or to nothing in it. In the image form the bundle holds less than
/// what the image is built from, and a link must lead somewhere in both.
fn links(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    if facts.links.is_empty() {
        return;
    }
    let shipped = || {
        facts
            .entries
            .iter()
            .map(|entry| entry.path.as_str())
            .filter(|path| !is_left_out(path))
    };
    let links = || {
        facts
            .links
            .iter()
            .map(|(path, target)| (path.as_str(), target.as_str()))
    };
    // Beanstalk writes the last one; the others are rendered.
    let made = [COMPOSE_FILE, RELEASE_FILE, ENVIRONMENT_FILE];
    let all = Paths::new(shipped().chain(made), links());
    let for_platform = facts.project.image.registry.is_some().then(|| {
        Paths::new(
            shipped().filter(|path| is_for_platform(path)).chain(made),
            links().filter(|(path, _)| is_for_platform(path)),
        )
    });
    for (path, target) in links().filter(|(path, _)| !is_left_out(path)) {
        let mut destination = all.destination(path);
        if let Some(bundle) = &for_platform
            && destination == Destination::Inside
            && is_for_platform(path)
        {
            destination = bundle.destination(path);
        }
        findings.extend(link_finding(path, target, destination));
    }
}

fn link_finding(path: &str, target: &str, destination: Destination) -> Option<Finding> {
    let (rule, message) = match destination {
        Destination::Inside => return None,
        Destination::Outside => (
            "link-leads-out",
            format!("the link `{path}` leads out of the project, to `{target}`"),
        ),
        Destination::Nowhere => (
            "link-dangles",
            format!("the link `{path}` leads to `{target}`, which does not ship"),
        ),
        Destination::Circle => (
            "link-dangles",
            format!("the link `{path}` leads back to itself, through `{target}`"),
        ),
    };
    Some(Finding {
        rule: rule.to_owned(),
        severity: Severity::Warning,
        location: at(path),
        message,
        reason: "on the instances it leads somewhere else, or nowhere".to_owned(),
        remedy: Some("replace it by the file itself".to_owned()),
    })
}

/// The file in the commit that a Dockerfile starts under another path. Tried are the path below the
/// working directory, then ever shorter ends of the path, then the name alone if it is unique.
fn find_script<'a>(
    project: &Project,
    script: &StartScript,
    entries: &'a [TreeEntry],
) -> Option<&'a TreeEntry> {
    let path = script
        .directory
        .as_deref()
        .and_then(|directory| script.path.strip_prefix(directory))
        .unwrap_or(&script.path);
    let path = path.trim_start_matches("./").trim_start_matches('/');
    let parts: Vec<&str> = path.split('/').collect();
    let by_end = (0..parts.len()).find_map(|skipped| {
        let end = parts.get(skipped..).unwrap_or_default().join("/");
        find(entries, &join(&project.image.context, &end))
    });
    by_end.or_else(|| {
        let name = parts.last()?;
        let mut named = entries
            .iter()
            .filter(|entry| entry.path.file_name() == Some(name));
        let first = named.next()?;
        named.next().is_none().then_some(first)
    })
}

fn find<'a>(entries: &'a [TreeEntry], path: &str) -> Option<&'a TreeEntry> {
    entries.iter().find(|entry| entry.path.as_str() == path)
}

/// `path` below `directory`, in plain form: `.` and doubled slashes are dropped.
pub(crate) fn join(directory: &str, path: &str) -> String {
    directory
        .split('/')
        .chain(path.split('/'))
        .filter(|part| !part.is_empty() && *part != ".")
        .collect::<Vec<_>>()
        .join("/")
}

fn at(path: &str) -> Option<Location> {
    Some(Location {
        path: path.to_owned(),
        line: None,
        column: None,
    })
}

fn name_some(paths: &[String]) -> String {
    let mut text = paths
        .iter()
        .take(PATHS_SHOWN)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    if paths.len() > PATHS_SHOWN {
        text.push_str(&format!(", and {} more", paths.len() - PATHS_SHOWN));
    }
    text
}

fn error(
    rule: &str,
    location: Option<Location>,
    message: String,
    reason: &str,
    remedy: Option<String>,
) -> Finding {
    Finding {
        rule: rule.to_owned(),
        severity: Severity::Error,
        location,
        message,
        reason: reason.to_owned(),
        remedy,
    }
}

#[cfg(test)]
#[path = "preflight_tests.rs"]
mod tests;
