//! Coverage reports: which ones, and their content. A report is made by tests and is not in git, so it is read from disk.

use beanpole_checks::Unseen;
use beanpole_checks::coverage::{CoverageInput, is_database, store};
use beanpole_git::Selected;
use beanpole_model::Report;
use camino::Utf8PathBuf;

use super::reading::Reading;
use super::{Rulebook, Site, site};
use crate::failure::Failure;

/// Which reports are judged.
pub(crate) enum Reports {
    /// None: no tests have run, as before a commit.
    None,
    /// Those of the manifest, as far as they are there.
    OfManifest,
    /// These, which have to be there.
    Named(Vec<Utf8PathBuf>),
}

/// Something that is missing is no finding here: the tests may run in another step.
pub(super) fn read(
    reports: &Reports,
    site: &Site,
    rulebook: &Rulebook,
    reading: &Reading,
    selected: &Selected,
) -> Result<(Option<CoverageInput>, Option<Unseen>), Report> {
    let mut input = CoverageInput::default();
    match reports {
        Reports::None => return Ok((None, None)),
        Reports::Named(paths) => {
            for path in paths {
                let bytes = fs_err::read(path).map_err(|source| Failure::Read {
                    path: path.clone(),
                    source,
                })?;
                input.reports.push((path.to_string(), bytes));
            }
        }
        Reports::OfManifest => {
            let names = &site.checks.coverage.reports;
            for name in names {
                if let Some(bytes) = site::read(&site.on_disk(name))? {
                    input.reports.push((name.clone(), bytes));
                }
            }
            if input.reports.is_empty() {
                return Ok((None, (!names.is_empty()).then(|| missing(names))));
            }
        }
    }
    // A database does not know the statements: they are found in the project's files, which are read if it names them.
    if input.reports.iter().any(|(_, bytes)| is_database(bytes)) {
        input.sources = reading.python_files(selected);
    }
    let mut base = Vec::new();
    for name in &site.checks.coverage.base_reports {
        if let Some(bytes) = site::read(&site.on_disk(name))? {
            base.push((name.clone(), bytes));
        }
    }
    let mut unseen = None;
    if !base.is_empty() {
        match store(&base, &reading.scope, &rulebook.settings.coverage) {
            Ok(stored) => input.base = Some(stored),
            Err(findings) => {
                let why: Vec<String> = findings.into_iter().map(|found| found.message).collect();
                unseen = Some(said(format!("the base's coverage: {}", why.join("; "))));
            }
        }
    }
    Ok((Some(input), unseen))
}

fn missing(names: &[String]) -> Unseen {
    said(format!(
        "coverage: {} is not there, so no coverage was judged",
        names.join(", ")
    ))
}

fn said(why: String) -> Unseen {
    Unseen {
        location: None,
        why,
    }
}
