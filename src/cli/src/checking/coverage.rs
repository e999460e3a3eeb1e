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

/// Something that is missing is no finding here: the tests may run in another step.
pub(super) fn read(
    reports: &Reports,
    site: &Site,
    rulebook: &Rulebook,
    reading: &Reading,
    selected: &Selected,
) -> Result<(Option<CoverageInput>, Option<Unseen>), Report> {
    let mut input = CoverageInput::default();
    match &reports.of_run {
        Run::None => return Ok((None, None)),
        Run::Named(paths) => input.reports = named(site, paths)?,
        Run::OfManifest => {
            let names = &site.checks.coverage.reports;
            input.reports = of_manifest(site, names)?;
            if input.reports.is_empty() {
                return Ok((None, (!names.is_empty()).then(|| missing(names))));
            }
        }
    }
    // A database does not know the statements: they are found in the project's files.
    if input.reports.iter().any(|(_, bytes)| is_database(bytes)) {
        input.sources = reading.files_of_coverage(selected);
    }
    let base = match &reports.of_base {
        Some(paths) => named(site, paths)?,
        None => of_manifest(site, &site.checks.coverage.base_reports)?,
    };
    match figures_of_base(base, &reading.scope, &rulebook.settings.coverage) {
        Ok(base) => input.base = base,
        Err(why) => input.base_unreadable = Some(why),
    }
    Ok((Some(input), None))
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

/// Those of the manifest's reports that are there.
fn of_manifest(site: &Site, names: &[String]) -> Result<Contents, Report> {
    let mut contents = Vec::new();
    for name in names {
        if let Some(bytes) = site::read(&site.on_disk(name))? {
            contents.push((name.clone(), bytes));
        }
    }
    Ok(contents)
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
