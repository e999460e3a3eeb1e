//! `conflicting-pins` between a requirements file and the lock file that it was exported from.

use super::Context;
use super::conflicts::{CONFLICTING, is_at_or_below, is_same_version};
use super::lock::Lock;
use super::requirement::Version;
use super::source::is_touched;
use crate::paths::parent;
use crate::report::{finding, listed};
use beanpole_model::Finding;

/// Pins that were exported from a lock file that says something else now.
pub(super) fn check(context: &Context<'_>, lock: &Lock<'_>) -> Vec<Finding> {
    let lock_path = lock.source.path;
    // A new lock file makes old lines wrong.
    let lock_is_new = is_touched(context.scope, lock_path);
    let mut findings = Vec::new();
    let files = context
        .graph
        .files
        .values()
        .filter(|file| is_at_or_below(parent(file.source.path), parent(lock_path)));
    for file in files {
        for requirement in &file.requirements {
            let (Version::Exact(version), Some(name)) = (&requirement.version, &requirement.name)
            else {
                continue;
            };
            let Some(locked) = lock.packages.get(name).filter(|locked| !locked.is_empty()) else {
                continue;
            };
            let touched = lock_is_new
                || context
                    .graph
                    .is_touched(file, requirement.from, requirement.to);
            if touched && !locked.iter().any(|locked| is_same_version(locked, version)) {
                let locked: Vec<&String> = locked.iter().collect();
                findings.push(finding(
                    &CONFLICTING,
                    Some(file.source.place(requirement.from)),
                    format!(
                        "`{}` is pinned to {version} here and locked to {} in {lock_path}",
                        requirement.shown,
                        listed(&locked)
                    ),
                    "developers install the locked version, and the server the one of this file",
                    "export the file again: `uv export`, `poetry export`, `pdm export` or `pipenv requirements`",
                ));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::testing::{changed, found, new};

    #[test]
    fn exported_files_keep_step_with_the_lock() {
        let lock = (
            "uv.lock",
            "[[package]]\nname = 'a'\nversion = '2'\n[[package]]\nname = 'own'\n",
        );
        let files = [lock, ("requirements.txt", "a==1\nown==3\nother==1\n")];
        assert_eq!(
            found(&new(&files)),
            ["requirements.txt:1:1 conflicting-pins"]
        );
        assert_eq!(
            found(&changed(&files, "uv.lock", &[(3, 3)])),
            ["requirements.txt:1:1 conflicting-pins"]
        );
        assert_eq!(
            found(&changed(&files, "requirements.txt", &[(3, 3)])),
            [""; 0]
        );
    }
}
