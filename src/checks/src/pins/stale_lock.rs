//! `stale-lock`: the lock file does not know what is declared.

use super::Context;
use super::declared::Declared;
use super::lock::{Lock, lock_of};
use super::requirement::{Requirement, Version};
use super::source::is_touched;
use crate::paths::{base_name, parent};
use crate::report::{finding, listed, shown};
use crate::{Group, Rule};
use beanpole_model::{Finding, Severity};
use pep440_rs::{Version as Pep440, VersionSpecifiers};
use std::collections::BTreeSet;
use std::str::FromStr;

pub(super) const RULE: Rule = Rule {
    id: "stale-lock",
    group: Group::Pins,
    severity: Severity::Warning,
    summary: "the lock file does not know what is declared",
};

/// Lock files that hold all groups of packages, for all systems. Those of pdm and `pylock.toml` may hold some only.
const WHOLE: [&str; 3] = ["uv.lock", "poetry.lock", "Pipfile.lock"];

/// pdm's name for what `project.dependencies` lists.
const MAIN_GROUP: &str = "default";

pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for declared in &context.declared {
        let path = declared.source.path;
        // A lock further up may belong to a workspace of which this is no member.
        let lock = lock_of(context.scope, path)
            .filter(|lock| parent(lock) == parent(path))
            .and_then(|found| context.locks.iter().find(|lock| lock.source.path == found))
            .filter(|lock| lock.faults.is_empty());
        let Some(lock) = lock else { continue };
        let lock_is_new = is_touched(context.scope, lock.source.path);
        let has_main = holds_main(declared, lock);
        for package in &declared.packages {
            let requirement = &package.requirement;
            let touched = lock_is_new
                || declared
                    .source
                    .is_changed(context.scope, requirement.from, requirement.to);
            if !touched || matches!(requirement.version, Version::Local) {
                continue;
            }
            let has_to_be_there = WHOLE.contains(&base_name(lock.source.path))
                || has_main && package.is_main && requirement.marker.is_empty();
            if let Some(what) = fault(requirement, lock, has_to_be_there) {
                findings.push(finding(
                    &RULE,
                    Some(declared.source.place(requirement.from)),
                    what,
                    "an installation from the lock file leaves the change out, or stops because the two disagree",
                    remedy(base_name(lock.source.path)),
                ));
            }
        }
    }
    findings
}

/// Whether a lock file of some groups holds `project.dependencies`: it says so, or has one of them.
fn holds_main(declared: &Declared<'_>, lock: &Lock<'_>) -> bool {
    if let Some(groups) = &lock.groups {
        return groups.iter().any(|group| group == MAIN_GROUP);
    }
    let main = declared.packages.iter().filter(|package| package.is_main);
    lock.packages.is_empty()
        || main
            .filter_map(|package| package.requirement.name.as_deref())
            .any(|name| lock.packages.contains_key(name))
}

fn fault(requirement: &Requirement, lock: &Lock<'_>, has_to_be_there: bool) -> Option<String> {
    let path = lock.source.path;
    let name = &requirement.shown;
    let Some(locked) = lock.packages.get(requirement.name.as_deref()?) else {
        return has_to_be_there.then(|| format!("`{name}` is not in {path}"));
    };
    let wanted = match &requirement.version {
        Version::Exact(version) => format!("=={version}"),
        Version::Range(range) => range.clone(),
        Version::Any | Version::Variable | Version::Commit | Version::Branch => return None,
        Version::Archive { .. } | Version::Local => return None,
    };
    if locked.is_empty() || any_is_within(locked, &wanted)? {
        return None;
    }
    let locked: Vec<&String> = locked.iter().collect();
    Some(format!(
        "`{name}` is declared as `{}`, and {path} has {}",
        shown(&wanted),
        listed(&locked)
    ))
}

/// `None` where the range or a version is not one of PEP 440, as the `^1.2` of poetry.
fn any_is_within(locked: &BTreeSet<String>, wanted: &str) -> Option<bool> {
    let wanted = VersionSpecifiers::from_str(wanted).ok()?;
    let mut within = false;
    for version in locked {
        within |= wanted.contains(&Pep440::from_str(version).ok()?);
    }
    Some(within)
}

fn remedy(lock: &str) -> &'static str {
    match lock {
        "uv.lock" => "run `uv lock`, and commit the lock file with the change",
        "poetry.lock" => "run `poetry lock`, and commit the lock file with the change",
        "pdm.lock" => "run `pdm lock`, and commit the lock file with the change",
        "Pipfile.lock" => "run `pipenv lock`, and commit the lock file with the change",
        _ => "lock again, and commit the lock file with the change",
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{changed, found, new};

    const PROJECT: (&str, &str) = (
        "pyproject.toml",
        "[project]\ndependencies = [\n'a>=2',\n'b',\n'c==1',\n'd @ git+https://h/d',\n]\n",
    );

    const LOCK: &str = "[[package]]\nname = 'a'\nversion = '1.5'\n[[package]]\nname = 'c'\nversion = '1.0'\n[[package]]\nname = 'd'\n";

    #[test]
    fn what_is_missing_or_out_of_range_is_said() {
        let stale = [
            "pyproject.toml:3:2 stale-lock",
            "pyproject.toml:4:2 stale-lock",
        ];
        let files = [PROJECT, ("uv.lock", LOCK)];
        assert_eq!(found(&new(&files)), stale);
        assert_eq!(found(&changed(&files, "uv.lock", &[(1, 1)])), stale);
        assert_eq!(
            found(&changed(&files, "pyproject.toml", &[(4, 4)])),
            stale[1..]
        );
    }

    #[test]
    fn a_lock_of_some_groups_has_the_main_one() {
        let project = (
            "pyproject.toml",
            "[project]\ndependencies = [\n'a',\n'gone',\n\"win; sys_platform == 'win32'\",\n]\n\
             [project.optional-dependencies]\ns3 = ['b']\n[dependency-groups]\ntest = ['c']\n",
        );
        let judged = |path, lock: &str| found(&new(&[project, (path, lock)]));
        let gone = ["pyproject.toml:4:2 stale-lock"];
        let pdm = |groups: &str| {
            format!("[metadata]\ngroups = [{groups}]\n[[package]]\nname = 'a'\nversion = '2'\n")
        };
        assert_eq!(judged("pdm.lock", &pdm("'default', 'test'")), gone);
        assert_eq!(judged("pdm.lock", &pdm("'test'")), [""; 0]);
        let pylock = "lock-version = '1.0'\n[[packages]]\nname = 'a'\nversion = '2'\n";
        assert_eq!(judged("pylock.toml", pylock), gone);
        // None of the main ones is there: it is that of another group.
        let other = "lock-version = '1.0'\n[[packages]]\nname = 'c'\nversion = '2'\n";
        assert_eq!(judged("pylock.toml", other), [""; 0]);
    }

    #[test]
    fn what_cannot_be_compared_is_left() {
        let poetry = "[tool.poetry.dependencies]\na = '^9'\nc = '1'\n";
        assert_eq!(
            found(&new(&[("pyproject.toml", poetry), ("poetry.lock", LOCK)])),
            [""; 0]
        );
        let pipfile = "[packages]\nc = '==2'\n";
        let lock = r#"{"default": {"c": {"version": "==1"}}}"#;
        assert_eq!(
            found(&new(&[("Pipfile", pipfile), ("Pipfile.lock", lock)])),
            ["Pipfile:2:1 stale-lock"]
        );
    }
}
