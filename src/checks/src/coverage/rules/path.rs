//! `coverage-path`: some files are covered less than the project demands of them.

use super::Context;
use crate::coverage::figures::{Tally, fails, places, shown};
use crate::coverage::merged::tally;
use crate::globs::Globs;
use crate::report::{Said, say};
use crate::{Group, Rule};
use beanpole_model::{Finding, Severity};

pub(super) const RULE: Rule = Rule {
    id: "coverage-path",
    group: Group::Coverage,
    severity: Severity::Error,
    summary: "the files that fit a glob are covered less than their threshold",
};

pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    let paths = &context.settings.paths;
    paths
        .iter()
        .filter_map(|(glob, threshold)| judge(context, glob, *threshold))
        .collect()
}

fn judge(context: &Context<'_>, glob: &str, threshold: f64) -> Option<Finding> {
    let globs = Globs::new([glob]);
    if !globs.invalid.is_empty() {
        // Said by `coverage-not-judged`.
        return None;
    }
    let mut total = Tally::default();
    let mut files: usize = 0;
    for (path, lines) in &context.merged.files {
        if globs.fits(path) {
            files += 1;
            total.add(tally(lines.values()));
        }
    }
    if files == 0 {
        let words = Said {
            message: format!(
                "no file of the coverage report fits `{glob}`, which demands {threshold} %"
            ),
            reason: "a threshold that fits nothing passes everything",
            remedy: "write the glob from the project's root, as in `shop/**/*.py`, or remove it"
                .to_owned(),
        };
        return Some(Finding {
            severity: Severity::Warning,
            ..say(&RULE, None, words)
        });
    }
    let percent = total.percent();
    fails(percent, threshold, context.settings.precision).then(|| {
        let shown = shown(percent, places(threshold, context.settings.precision));
        say(&RULE, None, Said {
            message: format!(
                "the tests cover {shown} of `{glob}` ({files} files, {} of {} statements); {threshold} % are demanded",
                total.covered, total.statements,
            ),
            reason: "the project has named these files as ones that must not break unnoticed",
            remedy: format!("add tests for them; `coverage report --include '{glob}' --show-missing` lists what is uncovered"),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::coverage::testing::Case;
    use beanpole_model::Severity;

    fn case(glob: &str, threshold: f64) -> Case {
        Case::new()
            .lcov("SF:shop/a.py\nDA:1,1\nDA:2,0\nend_of_record\nSF:blog/b.py\nDA:1,1\n")
            .with(|settings| {
                settings.paths.insert(glob.to_owned(), threshold);
            })
    }

    #[test]
    fn each_glob_has_its_own_figure() {
        assert_eq!(case("shop/**", 60.0).rules(), [RULE.id]);
        assert!(case("shop/**", 50.0).rules().is_empty());
        assert!(case("blog/*.py", 100.0).rules().is_empty());
    }

    #[test]
    fn a_glob_that_fits_nothing_is_said() {
        let found = case("gone/**", 60.0).check();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].severity, Severity::Warning);
    }
}
