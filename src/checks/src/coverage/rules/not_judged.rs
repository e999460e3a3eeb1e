//! `coverage-not-judged`: a report or a setting that keeps coverage from being judged.

use crate::coverage::Settings;
use crate::coverage::merged::Merged;
use crate::globs::Globs;
use crate::report::{Said, file, say};
use crate::{Group, Rule};
use beanpole_model::{Finding, Severity};

pub(crate) const RULE: Rule = Rule {
    id: "coverage-not-judged",
    group: Group::Coverage,
    severity: Severity::Error,
    summary: "a coverage report that is missing, unreadable, or about other files",
};

/// Where the settings of coverage stand in beanpole.yaml.
const KEYS: &str = "checks.coverage";

const REASON: &str = "a threshold that is not compared passes every change";

/// What keeps it from being compared with the base's.
pub(super) fn base(why: &str) -> Finding {
    let words = Said {
        message: format!("the base's coverage cannot be read: {why}"),
        reason: "what is not compared falls unseen",
        remedy: "keep it anew on the base with `beanpole check coverage --all --write-coverage FILE`, or set `checks.coverage.never_decrease: \
                 false`"
            .to_owned(),
    };
    say(&RULE, None, words)
}

/// What keeps coverage from being judged.
pub(crate) fn check(merged: &Merged, settings: &Settings) -> Vec<Finding> {
    let mut findings: Vec<Finding> = merged
        .unreadable
        .iter()
        .map(|(name, error)| {
            let words = Said {
                message: format!("the coverage report {name} cannot be read: {}", error.why),
                reason: REASON,
                remedy: error.remedy.clone(),
            };
            say(&RULE, Some(file(name)), words)
        })
        .collect();
    if merged.read == 0 && findings.is_empty() {
        findings.push(say(
            &RULE,
            None,
            Said {
                message: "no coverage report was given".to_owned(),
                reason: REASON,
                remedy:
                    "run `coverage run manage.py test` and `coverage json`, and name coverage.json"
                        .to_owned(),
            },
        ));
    }
    if merged.is_about_another_project() {
        let seen = merged.others.keys().next().map_or("", String::as_str);
        findings.push(say(&RULE, None, Said {
            message: format!(
                "none of the {} files in the coverage report is a file of this project; one is `{seen}`",
                merged.others.len()
            ),
            reason: "the tests ran in another directory, a container perhaps: no changed line can be found in the report",
            remedy: "name the beginning of those paths in `checks.coverage.source_paths` in beanpole.yaml, with what stands there in the project, or set \
                     `relative_files = true` for coverage.py"
                .to_owned(),
        }));
    }
    if merged.is_left_out() {
        let seen = merged.left_out.first().map_or("", String::as_str);
        findings.push(say(&RULE, None, Said {
            message: format!(
                "coverage.py's settings leave out all that its database knows of the project, such as {seen}"
            ),
            reason: REASON,
            remedy: "see `include` and `omit` under `report` in coverage.py's settings".to_owned(),
        }));
    }
    findings.extend(merged.unknown.iter().map(|(path, why)| unknown(path, why)));
    findings.extend(merged.without_branches.iter().map(|name| no_branches(name)));
    let unknown = merged.unknown_settings.iter();
    findings.extend(unknown.map(|(path, what, why)| unknown_setting(path, what, why)));
    findings.extend(settings_that_mean_nothing(settings));
    findings
}

fn unknown(path: &str, why: &str) -> Finding {
    say(
        &RULE,
        Some(file(path)),
        Said {
            message: format!(
                "the statements of a file that coverage.py's database names are not known: {why}"
            ),
            reason: "the database tells which lines ran, and not which could have: without its statements the file counts nowhere",
            remedy: "give the output of `coverage xml`, made where the tests ran".to_owned(),
        },
    )
}

/// The figures are right, but others than `coverage report` shows.
fn no_branches(name: &str) -> Finding {
    remark(
        name,
        Said {
            message:
                "branches were measured, and are not counted: coverage.py's database does not tell how many there are"
                    .to_owned(),
            reason: "the figures are those of lines alone, and may be above what `coverage report` shows",
            remedy: "give the output of `coverage xml` to have them counted".to_owned(),
        },
    )
}

fn unknown_setting(path: &str, what: &str, why: &str) -> Finding {
    remark(
        path,
        Said {
            message: format!(
                "{what} in coverage.py's settings is passed over for its database: {why}"
            ),
            reason: "the figures may be others than `coverage report` shows",
            remedy: "give the output of `coverage xml`, which follows all settings".to_owned(),
        },
    )
}

fn remark(path: &str, words: Said) -> Finding {
    Finding {
        severity: Severity::Note,
        ..say(&RULE, Some(file(path)), words)
    }
}

fn settings_that_mean_nothing(settings: &Settings) -> Vec<Finding> {
    let own = [
        ("total", settings.total),
        ("changed", settings.diff),
        ("tolerance", Some(settings.tolerance)),
    ];
    let own = own
        .into_iter()
        .filter_map(|(key, value)| Some((format!("`{KEYS}.{key}`"), value?)));
    let of_paths = settings
        .paths
        .iter()
        .map(|(glob, value)| (format!("`{glob}` in `{KEYS}.paths`"), *value));
    let thresholds = own
        .chain(of_paths)
        .filter(|(_, value)| !(0.0..=100.0).contains(value))
        .map(|(name, value)| {
            (
                format!("{name} is {value}"),
                "write a percentage from 0 to 100 in beanpole.yaml",
            )
        });
    let exclude = Globs::new(&settings.omit).invalid;
    let paths = Globs::new(settings.paths.keys()).invalid;
    let globs = [("exclude", exclude), ("paths", paths)];
    let globs = globs
        .into_iter()
        .flat_map(|(key, invalid)| invalid.into_iter().map(move |fault| (key, fault)))
        .map(|(key, (glob, why))| {
            (
                format!("`{KEYS}.{key}` holds `{glob}`, which is no glob: {why}"),
                "write a glob like `shop/**/*.py` in beanpole.yaml",
            )
        });
    thresholds
        .chain(globs)
        .map(|(message, remedy)| {
            let words = Said {
                message,
                reason: REASON,
                remedy: remedy.to_owned(),
            };
            say(&RULE, None, words)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::coverage::testing::Case;

    #[test]
    fn no_report_is_said() {
        let found = Case::new().check();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].rule, RULE.id);
        assert!(found[0].message.contains("no coverage report"));
    }

    #[test]
    fn the_database_is_named_with_the_command() {
        let found = Case::new()
            .report(".coverage", b"SQLite format 3\0")
            .check();
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0]
                .remedy
                .as_deref()
                .unwrap()
                .contains("coverage json")
        );
        assert_eq!(found[0].location.as_ref().unwrap().path, ".coverage");
    }

    #[test]
    fn paths_of_another_project_are_shown() {
        let found = Case::new()
            .lcov("SF:/srv/x/other.py\nDA:1,1\n")
            .with(|settings| settings.total = Some(99.0))
            .check();
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].message.contains("/srv/x/other.py"));
        assert!(found[0].remedy.as_deref().unwrap().contains("source_paths"));
    }

    #[test]
    fn settings_without_a_meaning_are_said() {
        let found = Case::new()
            .lcov("SF:shop/a.py\nDA:1,1\n")
            .with(|settings| {
                settings.total = Some(-3.0);
                settings.diff = Some(f64::NAN);
                settings.paths.insert("shop/[".to_owned(), 50.0);
                settings.paths.insert("shop/**".to_owned(), 101.0);
                settings.omit.push("[".to_owned());
            })
            .check();
        let own: Vec<_> = found
            .iter()
            .filter(|finding| finding.rule == RULE.id)
            .map(|finding| finding.message.as_str())
            .collect();
        assert_eq!(own.len(), 5, "{found:?}");
        for (message, start) in own.into_iter().zip([
            "`checks.coverage.total` is -3",
            "`checks.coverage.changed` is NaN",
            "`shop/**` in `checks.coverage.paths` is 101",
            "`checks.coverage.exclude` holds `[`",
            "`checks.coverage.paths` holds `shop/[`",
        ]) {
            assert!(message.starts_with(start), "{message}");
        }
    }
}
