//! Coverage reports: which ones, and their content. A report is made by tests and is not in git, so it is read from disk.

use beanpole_checks::coverage::{CoverageInput, Settings, StoredCoverage, is_database, store};
use beanpole_checks::{Scope, Unseen};
use beanpole_git::Selected;
use beanpole_model::Report;
use camino::Utf8PathBuf;

use super::reading::Reading;
use super::{Rulebook, Site, site};
use crate::failure::Failure;

/// Which reports are judged.
#[derive(Default)]
pub(crate) struct Reports {
    pub(crate) of_run: Run,
    /// Those of the base, which have to be there. None: those of the manifest, as far as they are there.
    pub(crate) of_base: Option<Vec<Utf8PathBuf>>,
    /// Whether the figures are to be kept for later runs.
    pub(crate) stores: bool,
}

/// Which reports of the tests of this state are judged.
#[derive(Default)]
pub(crate) enum Run {
    /// None: no tests have run, as before a commit.
    #[default]
    None,
    /// Those of the manifest, as far as they are there.
    OfManifest,
    /// These, which have to be there.
    Named(Vec<Utf8PathBuf>),
}

impl Reports {
    pub(super) const fn are_none(&self) -> bool {
        matches!(self.of_run, Run::None)
    }
}

/// What is missing of the manifest's reports is no finding here, and is said: the tests may run in another step.
pub(super) fn read(
    reports: &Reports,
    site: &Site,
    rulebook: &Rulebook,
    reading: &Reading,
    selected: &Selected,
) -> Result<(Option<CoverageInput>, Vec<Unseen>), Report> {
    let mut input = CoverageInput::default();
    let mut unseen = Vec::new();
    match &reports.of_run {
        Run::None => return Ok((None, unseen)),
        Run::Named(paths) => input.reports = named(site, paths)?,
        Run::OfManifest => {
            let (found, missing) = of_manifest(site, &site.checks.coverage.reports)?;
            let is_none = found.is_empty();
            unseen.extend(said_missing(
                &missing,
                if is_none {
                    "so no coverage was judged"
                } else {
                    "so the coverage was judged without it"
                },
            ));
            if is_none {
                return Ok((None, unseen));
            }
            input.reports = found;
        }
    }
    // A database does not know the statements: they are found in the project's files.
    if input.reports.iter().any(|(_, bytes)| is_database(bytes)) {
        input.sources = reading.files_of_coverage(selected);
    }
    let base = match &reports.of_base {
        Some(paths) => named(site, paths)?,
        None => {
            let (found, missing) = of_manifest(site, &site.checks.coverage.base_reports)?;
            unseen.extend(said_missing(
                &missing,
                if found.is_empty() {
                    "so nothing was compared with the base"
                } else {
                    "so the base was judged without it"
                },
            ));
            found
        }
    };
    match figures_of_base(base, &reading.scope, &rulebook.settings.coverage) {
        Ok(base) => input.base = base,
        Err(why) => input.base_unreadable = Some(why),
    }
    Ok((Some(input), unseen))
}

/// The figures of the base: those that were stored, or those of its reports. None without any.
///
/// # Errors
/// Why there are none.
fn figures_of_base(
    reports: Contents,
    scope: &Scope,
    settings: &Settings,
) -> Result<Option<StoredCoverage>, String> {
    for (name, bytes) in &reports {
        if let Some(stored) = StoredCoverage::read(bytes) {
            return match stored {
                Ok(_) if reports.len() > 1 => Err(format!(
                    "{name} holds the figures of a whole run, and is one of several"
                )),
                stored => stored.map(Some).map_err(|error| format!("{name}: {error}")),
            };
        }
    }
    if reports.is_empty() {
        return Ok(None);
    }
    let input = CoverageInput {
        reports,
        ..CoverageInput::default()
    };
    store(&input, scope, settings)
        .map(Some)
        .map_err(|findings| {
            let why: Vec<String> = findings.into_iter().map(|found| found.message).collect();
            why.join("; ")
        })
}

/// The content of reports with their names.
type Contents = Vec<(String, Vec<u8>)>;

/// Reports that have to be there. Those within the project are named from its root, as those of the manifest are.
fn named(site: &Site, paths: &[Utf8PathBuf]) -> Result<Contents, Failure> {
    let root = site.on_disk("");
    let read = |path: &Utf8PathBuf| {
        let bytes = fs_err::read(path).map_err(|source| Failure::Read {
            path: path.clone(),
            source,
        })?;
        let name = path.strip_prefix(&root).unwrap_or(path);
        Ok((name.to_string(), bytes))
    };
    paths.iter().map(read).collect()
}

/// Those of the manifest's reports that are there, and the names of the others.
fn of_manifest(site: &Site, names: &[String]) -> Result<(Contents, Vec<String>), Report> {
    let mut contents = Vec::new();
    let mut missing = Vec::new();
    for name in names {
        match site::read(&site.on_disk(name))? {
            Some(bytes) => contents.push((name.clone(), bytes)),
            None => missing.push(name.clone()),
        }
    }
    Ok((contents, missing))
}

fn said_missing(names: &[String], what_follows: &str) -> Option<Unseen> {
    (!names.is_empty()).then(|| Unseen {
        location: None,
        why: format!(
            "coverage: {} is not there, {what_follows}",
            names.join(", ")
        ),
    })
}
