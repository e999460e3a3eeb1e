//! `missing-hash`: a requirement without a hash where pip or the team asks for one.

use super::Context;
use super::graph::Together;
use super::requirement::{Requirement, Version};
use super::requirements_file::RequirementsFile;
use crate::report::{finding, shown};
use crate::{Group, Rule};
use beanpole_model::{Finding, Severity};
use std::collections::BTreeSet;

pub(super) const RULE: Rule = Rule {
    id: "missing-hash",
    group: Group::Pins,
    severity: Severity::Error,
    summary: "a requirement without a hash where pip or the team asks for one",
};

pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut said = BTreeSet::new();
    for together in context.graph.together() {
        let mode = mode(context, &together);
        if mode == Mode::Off {
            continue;
        }
        let files = together
            .installed
            .iter()
            .filter_map(|path| context.graph.files.get(path));
        for file in files {
            for requirement in &file.requirements {
                // With hash mode switched on by this change, old lines fail as well.
                let touched = mode == Mode::SwitchedOn
                    || context
                        .graph
                        .is_touched(file, requirement.from, requirement.to);
                if touched
                    && lacks_hash(requirement, mode)
                    && said.insert((file.source.path, requirement.from))
                {
                    findings.push(found(file, requirement, mode));
                }
            }
        }
    }
    findings
}

/// Why hashes are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Off,
    /// The team asks.
    Asked,
    /// One hash or `--require-hashes` makes pip ask for all.
    On,
    /// The same, and only since this change.
    SwitchedOn,
}

fn mode(context: &Context<'_>, together: &Together<'_>) -> Mode {
    let mut changed = Vec::new();
    for path in together.installed.iter().chain(&together.constraining) {
        let Some(file) = context.graph.files.get(path) else {
            continue;
        };
        let is_changed = |from, to| file.source.is_changed(context.scope, from, to);
        let hashed = file
            .requirements
            .iter()
            .filter(|requirement| requirement.hashed);
        changed.extend(hashed.map(|requirement| is_changed(requirement.from, requirement.to)));
        changed.extend(file.requires_hashes.map(|at| is_changed(at, at)));
    }
    if changed.is_empty() {
        let asked = together.production && context.settings.require_hashes;
        if asked { Mode::Asked } else { Mode::Off }
    } else if changed.into_iter().all(|is_changed| is_changed) {
        Mode::SwitchedOn
    } else {
        Mode::On
    }
}

fn lacks_hash(requirement: &Requirement, mode: Mode) -> bool {
    let is_fixed_without = match requirement.version {
        // Neither directories nor repositories have one hash; pip refuses them with hashes on.
        Version::Local | Version::Commit | Version::Branch => mode == Mode::Asked,
        Version::Archive { hashed } => hashed,
        Version::Exact(_) | Version::Range(_) | Version::Any | Version::Variable => false,
    };
    !requirement.hashed && !is_fixed_without
}

fn found(file: &RequirementsFile<'_>, requirement: &Requirement, mode: Mode) -> Finding {
    let name = shown(&requirement.shown);
    let cannot = matches!(
        requirement.version,
        Version::Local | Version::Commit | Version::Branch
    );
    let (severity, reason) = if mode == Mode::Asked {
        (
            Severity::Warning,
            "without a hash an index that was broken into can hand out another file under the same version",
        )
    } else {
        (
            Severity::Error,
            "one hash in the files turns on hash mode: pip then refuses every requirement without one",
        )
    };
    Finding {
        severity,
        ..finding(
            &RULE,
            Some(file.source.place(requirement.from)),
            if cannot {
                format!("`{name}` can have no hash")
            } else {
                format!("`{name}` has no hash")
            },
            reason,
            if cannot {
                "build a wheel of it and name the wheel with its hash, or install it in a step of its own with `--no-deps`"
            } else {
                "let `pip-compile --generate-hashes` or `uv pip compile --generate-hashes` write the file"
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::Settings;
    use super::super::testing::{changed, found, found_in, new};

    #[test]
    fn one_hash_asks_for_all() {
        let files = [
            (
                "requirements/prod.txt",
                "-r base.txt\na==1 --hash=sha256:00\n-e .\n",
            ),
            ("requirements/base.txt", "b==1\n"),
        ];
        let both = [
            "requirements/base.txt:1:1 missing-hash",
            "requirements/prod.txt:3:4 missing-hash",
        ];
        assert_eq!(found(&new(&files)), both);
        assert_eq!(
            found(&changed(&files, "requirements/prod.txt", &[(2, 2)])),
            both
        );
        assert_eq!(
            found(&changed(&files, "requirements/base.txt", &[(1, 1)])),
            ["requirements/base.txt:1:1 missing-hash"]
        );
    }

    #[test]
    fn the_option_asks_as_well() {
        assert_eq!(
            found(&new(&[("requirements.txt", "--require-hashes\na==1\n")])),
            ["requirements.txt:2:1 missing-hash"]
        );
    }

    #[test]
    fn without_hashes_only_the_team_asks() {
        let files = [
            ("requirements.txt", "a==1\n-e .\n"),
            ("requirements-dev.txt", "b==1\n"),
        ];
        assert_eq!(found(&new(&files)), [""; 0]);
        let settings = Settings {
            require_hashes: true,
            ..Settings::default()
        };
        assert_eq!(
            found_in(&new(&files), &settings),
            ["requirements.txt:1:1 missing-hash"]
        );
    }
}
