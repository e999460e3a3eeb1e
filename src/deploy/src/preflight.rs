//! Is this commit fit to be released? Pure.
//!
//! Rules: every finding names the file and what to type. An error stops the release before anything
//! is built or touched; a warning does not. What git itself refuses (no repository, no commit) is
//! an error of the git crate and never gets here. Rules are stable ids: people silence and search
//! by them.

use std::collections::BTreeMap;

use beanpole_git::{Change, Mode, TreeEntry};
use beanpole_manifest::Project;
use beanpole_model::{Finding, Location, Severity};

use crate::compose::{COMPOSE_FILE, ENVIRONMENT_FILE, RELEASE_FILE};
use crate::dockerfile::{Dockerfile, StartScript};

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
    /// The commit's files under the project's directory.
    pub entries: &'a [TreeEntry],
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
    if find(facts.entries, facts.manifest).is_some() {
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

fn dockerfile(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let path = dockerfile_path(facts.project);
    let Some(text) = facts.dockerfile else {
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
        Some(
            "store them in git itself (`git lfs migrate export`), or serve them from S3".to_owned(),
        ),
    ));
}

fn submodules(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let paths: Vec<String> = facts
        .entries
        .iter()
        .filter(|entry| entry.mode == Mode::Submodule)
        .map(|entry| entry.path.to_string())
        .collect();
    if paths.is_empty() {
        return;
    }
    findings.push(error(
        "submodule",
        paths.first().and_then(|path| at(path)),
        format!("the commit holds submodules: {}", name_some(&paths)),
        "their files are in another repository and would be missing from the bundle",
        Some("add their files to this repository, or install them as packages".to_owned()),
    ));
}

fn environment_files(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    const HARMLESS: [&str; 5] = ["dist", "example", "sample", "template", "test"];
    for entry in facts.entries {
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
                    "`git mv {path} compose.yaml`: that name is left out of the bundle"
                )),
            ));
        }
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

fn links(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for (path, target) in facts.links {
        if leads_out(path, target) {
            findings.push(Finding {
                rule: "link-leads-out".to_owned(),
                severity: Severity::Warning,
                location: at(path),
                message: format!("the link `{path}` leads out of the project, to `{target}`"),
                reason: "on the instances it leads somewhere else, or nowhere".to_owned(),
                remedy: Some("replace it by the file itself".to_owned()),
            });
        }
    }
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

/// True if a link at `path` with this target leaves the directory that `path` is relative to.
fn leads_out(path: &str, target: &str) -> bool {
    if target.starts_with('/') {
        return true;
    }
    let mut depth = path.matches('/').count();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." if depth == 0 => return true,
            ".." => depth -= 1,
            _ => depth += 1,
        }
    }
    false
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
