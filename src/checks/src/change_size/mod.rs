//! The size of a change: how many lines someone has to read.

mod generated;
mod settings;

pub use settings::Settings;

use crate::attributes::{Attributes, is_attributes};
use crate::pattern::path_patterns;
use crate::report::{finding, listed};
use crate::{Change, ChangeKind, Group, Rule, Scope};
use beanpole_model::{Finding, Severity};

const RULE: Rule = Rule {
    id: "change-size",
    group: Group::ChangeSize,
    severity: Severity::Warning,
    summary: "more lines changed than one review can take in",
};

/// The rules of this group. An error from `error-at` lines on, a warning from `warn-at` on.
pub const RULES: &[Rule] = &[RULE];

/// Whether the content of that path has to be read, even if it did not change.
#[must_use]
pub fn wants(path: &str) -> bool {
    is_attributes(path)
}

/// Judges the size of the change by [`Change::counts`].
#[must_use]
pub fn check(scope: &Scope, settings: &Settings) -> Vec<Finding> {
    let (excluded, unreadable) = path_patterns(&settings.exclude);
    let mut findings: Vec<Finding> = unreadable.into_iter().map(bad_pattern).collect();
    let attributes = Attributes::new(&scope.tree);
    let mut counted: Vec<(u64, &str)> = scope
        .changes
        .iter()
        .filter(|change| {
            !(generated::is_generated(&change.path, &attributes)
                || !settings.count_migrations && generated::is_migration(&change.path)
                || !settings.count_deleted_files && change.kind == ChangeKind::Deleted
                || excluded.iter().any(|pattern| pattern.matches(&change.path)))
        })
        .map(|change| (lines(change), change.path.as_str()))
        .filter(|(lines, _)| *lines > 0)
        .collect();
    let total: u64 = counted.iter().map(|(lines, _)| lines).sum();
    let reaches = |limit: u32| limit > 0 && total >= u64::from(limit);
    let (limit, severity) = if reaches(settings.error_at) {
        (settings.error_at, Severity::Error)
    } else if reaches(settings.warn_at) {
        (settings.warn_at, Severity::Warning)
    } else {
        return findings;
    };
    counted.sort_by(|left, right| right.cmp(left));
    let largest: Vec<String> = counted
        .iter()
        .take(3)
        .map(|(lines, path)| format!("{path} ({lines})"))
        .collect();
    findings.push(Finding {
        severity,
        ..finding(
            &RULE,
            None,
            format!(
                "{total} lines changed in {}; {} from {limit} on. Most in {}",
                files(counted.len()),
                if severity == Severity::Error { "refused" } else { "a warning" },
                listed(&largest)
            ),
            "reviewers find few faults in a change that they cannot take in at once, and a large release is hard to undo",
            "split it: first what changes nothing (moves, renames, helpers), then the feature in steps",
        )
    });
    findings
}

/// A rename counts only what it changes besides, as `git diff --numstat` with renames on says.
fn lines(change: &Change) -> u64 {
    change
        .counts
        .map_or(0, |(added, removed)| u64::from(added) + u64::from(removed))
}

fn files(count: usize) -> String {
    if count == 1 {
        "1 file".to_owned()
    } else {
        format!("{count} files")
    }
}

fn bad_pattern(pattern: &str) -> Finding {
    finding(
        &RULE,
        None,
        format!("`checks.change_size.exclude` holds `{pattern}`, which is no pattern for paths"),
        "a pattern that cannot be read excludes nothing",
        "correct `checks.change_size.exclude` in beanpole.yaml",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ChangedLines, SourceTree};

    fn change(path: &str, counts: Option<(u32, u32)>) -> Change {
        Change {
            path: path.to_owned(),
            kind: ChangeKind::Modified,
            lines: ChangedLines::All,
            counts,
        }
    }

    fn scope(changes: Vec<Change>) -> Scope {
        Scope {
            changes,
            ..Scope::default()
        }
    }

    fn severity(changes: Vec<Change>, settings: &Settings) -> Option<Severity> {
        let found = check(&scope(changes), settings);
        found.first().map(|finding| finding.severity)
    }

    #[test]
    fn every_rule_has_its_page() {
        crate::pages::assert_pages(RULES);
    }

    #[test]
    fn limits_are_reached_at_their_number() {
        let settings = Settings::default();
        let of = |added, removed| severity(vec![change("a.py", Some((added, removed)))], &settings);
        assert_eq!(of(200, 99), None);
        assert_eq!(of(200, 100), Some(Severity::Warning));
        assert_eq!(of(0, 499), Some(Severity::Warning));
        assert_eq!(of(250, 250), Some(Severity::Error));
        assert_eq!(of(u32::MAX, u32::MAX), Some(Severity::Error));
    }

    #[test]
    fn the_message_names_the_largest_files() {
        let found = check(
            &scope(vec![
                change("a.py", Some((10, 0))),
                change("b.py", Some((400, 2))),
                change("c.py", Some((200, 0))),
                change("d.py", Some((20, 0))),
                change("e.bin", None),
            ]),
            &Settings::default(),
        );
        assert!(
            found[0].message.starts_with("632 lines changed in 4 files")
                && found[0]
                    .message
                    .ends_with("b.py (402), c.py (200) and d.py (20)"),
            "{}",
            found[0].message
        );
    }

    #[test]
    fn zero_switches_a_limit_off() {
        let settings = Settings {
            error_at: 0,
            ..Settings::default()
        };
        assert_eq!(
            severity(vec![change("a.py", Some((9_000, 0)))], &settings),
            Some(Severity::Warning)
        );
        let none = Settings {
            warn_at: 0,
            ..settings
        };
        assert_eq!(
            severity(vec![change("a.py", Some((9_000, 0)))], &none),
            None
        );
    }

    #[test]
    fn what_nobody_reads_is_not_counted() {
        let mut settings = Settings {
            exclude: vec!["fixtures/**".to_owned()],
            count_migrations: false,
            count_deleted_files: false,
            ..Settings::default()
        };
        let gone = Change {
            kind: ChangeKind::Deleted,
            ..change("old.py", Some((0, 800)))
        };
        let changes = vec![
            change("fixtures/a.json", Some((800, 0))),
            change("shop/migrations/0001_initial.py", Some((800, 0))),
            change("uv.lock", Some((800, 0))),
            gone,
        ];
        assert_eq!(severity(changes.clone(), &settings), None);
        settings.count_migrations = true;
        assert_eq!(severity(changes.clone(), &settings), Some(Severity::Error));
        settings.count_migrations = false;
        settings.count_deleted_files = true;
        assert_eq!(severity(changes, &settings), Some(Severity::Error));
    }

    #[test]
    fn attributes_of_the_project_are_heard() {
        let mut judged = scope(vec![change("api/client.py", Some((800, 0)))]);
        judged.tree = [(".gitattributes", "api/*.py linguist-generated\n")]
            .into_iter()
            .collect::<SourceTree>();
        assert!(check(&judged, &Settings::default()).is_empty());
        assert!(wants(".gitattributes") && wants("a/.gitattributes") && !wants("a.py"));
    }

    #[test]
    fn a_broken_pattern_is_said() {
        let settings = Settings {
            exclude: vec!["[".to_owned()],
            ..Settings::default()
        };
        assert!(
            check(&scope(Vec::new()), &settings)[0]
                .message
                .contains("`[`")
        );
    }
}
