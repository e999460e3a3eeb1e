//! All requirements files, who includes whom, and what reaches production.

use super::Settings;
use super::name::{
    is_constraints_file, is_development_file, is_requirements_file, is_unclear_file,
};
use super::requirement::Version;
use super::requirements_file::{Link, RequirementsFile};
use crate::{ChangeKind, Scope};
use std::collections::{BTreeMap, BTreeSet};

/// The files and their links.
pub(super) struct Graph<'a> {
    scope: &'a Scope,
    pub(super) files: BTreeMap<&'a str, RequirementsFile<'a>>,
    /// Files that no other file of the same kind (production or not) includes.
    roots: Vec<&'a str>,
    production: BTreeSet<&'a str>,
    /// Those of them that production is sure to install: their names leave no doubt, or such a file includes them.
    surely_production: BTreeSet<&'a str>,
    /// Files that are production only since this change, because a new line includes them or a move renamed them.
    newly_production: BTreeSet<&'a str>,
}

/// What is installed together: a file that nobody includes, with all that it includes.
pub(super) struct Together<'a> {
    /// Whether a production file is at its root.
    pub(super) production: bool,
    /// Files whose requirements are installed.
    pub(super) installed: BTreeSet<&'a str>,
    /// Files that constrain.
    pub(super) constraining: BTreeSet<&'a str>,
}

impl<'a> Graph<'a> {
    pub(super) fn new(scope: &'a Scope, settings: &Settings) -> Self {
        let files = read_all(scope, settings);
        let mut graph = Self {
            scope,
            files,
            roots: Vec::new(),
            production: BTreeSet::new(),
            surely_production: BTreeSet::new(),
            newly_production: BTreeSet::new(),
        };
        let named: Vec<&'a str> = graph
            .files
            .keys()
            .copied()
            .filter(|path| is_production_by_name(path, settings))
            .collect();
        graph.production = graph.reach(&named, |_, _| true).0;
        let sure: Vec<&'a str> = (named.iter().copied())
            .filter(|path| is_listed(path, &settings.production_files) || !is_unclear_file(path))
            .collect();
        graph.surely_production = graph.reach(&sure, |_, _| true).0;
        let before = graph
            .reach(&named, |file, link| {
                !file.source.is_changed(scope, link.at, link.at)
            })
            .0;
        graph.newly_production = graph.production.difference(&before).copied().collect();
        // A file that was moved here from a name for development is production since now.
        for change in &scope.changes {
            if let ChangeKind::Renamed { from } = &change.kind
                && !is_production_by_name(from, settings)
                && let Some(path) = named.iter().find(|path| **path == change.path)
            {
                graph.newly_production.insert(path);
            }
        }
        graph.roots = graph.find_roots(&named);
        graph
    }

    /// The files that are installed and those that constrain, from these on over the links that count.
    fn reach(
        &self,
        from: &[&'a str],
        counts: impl Fn(&RequirementsFile<'a>, &Link) -> bool,
    ) -> (BTreeSet<&'a str>, BTreeSet<&'a str>) {
        let mut installed = BTreeSet::new();
        let mut constraining = BTreeSet::new();
        let mut open: Vec<(&'a str, bool)> = from.iter().map(|path| (*path, false)).collect();
        while let Some((path, constrains)) = open.pop() {
            let seen = if constrains {
                &mut constraining
            } else {
                &mut installed
            };
            if !seen.insert(path) {
                continue;
            }
            for (link, target) in self.targets(path) {
                if self.files.get(path).is_some_and(|file| counts(file, link)) {
                    open.push((target, constrains || link.constrains));
                }
            }
        }
        (installed, constraining)
    }

    /// The links of a file whose files are there.
    pub(super) fn targets(&self, path: &str) -> impl Iterator<Item = (&Link, &'a str)> {
        self.files
            .get(path)
            .into_iter()
            .flat_map(|file| &file.links)
            .filter_map(|link| {
                let (target, _) = self.files.get_key_value(link.path.as_deref()?)?;
                Some((link, *target))
            })
    }

    /// Files from which an installation starts: the production files that no production file includes, and other files that
    /// nobody includes. In a circle, each.
    fn find_roots(&self, named: &[&'a str]) -> Vec<&'a str> {
        let included_by = |sources: &[&'a str]| -> BTreeSet<&'a str> {
            sources
                .iter()
                .flat_map(|source| {
                    self.targets(source)
                        .map(|(_, target)| target)
                        .filter(move |target| target != source)
                })
                .collect()
        };
        let all: Vec<&'a str> = self.files.keys().copied().collect();
        let below_production = included_by(named);
        let below_any = included_by(&all);
        let tops: Vec<&'a str> = all
            .iter()
            .copied()
            .filter(|path| {
                if named.contains(path) {
                    !below_production.contains(path)
                } else {
                    !below_any.contains(path) && !is_constraints_file(path)
                }
            })
            .collect();
        let (reached, _) = self.reach(&tops, |_, _| true);
        let circles = named.iter().copied().filter(|path| !reached.contains(path));
        tops.iter().copied().chain(circles).collect()
    }

    /// All sets of files that are installed together.
    pub(super) fn together(&self) -> Vec<Together<'a>> {
        self.roots
            .iter()
            .map(|root| {
                let (installed, constraining) = self.reach(&[*root], |_, _| true);
                Together {
                    production: self.production.contains(root),
                    installed,
                    constraining,
                }
            })
            .collect()
    }

    /// Whether constraints count that are not among the files.
    pub(super) fn has_unseen_constraints(&self, together: &Together<'_>) -> bool {
        let is_seen = |path: &str| self.files.contains_key(path);
        together
            .installed
            .iter()
            .chain(&together.constraining)
            .filter_map(|path| self.files.get(path))
            .flat_map(|file| &file.links)
            .any(|link| link.constrains && !link.path.as_deref().is_some_and(is_seen))
    }

    /// Whether what the file lists is installed in production.
    pub(super) fn is_production(&self, path: &str) -> bool {
        self.production.contains(path)
    }

    /// Whether the name of the file, or of one that includes it, leaves no doubt of that.
    pub(super) fn is_surely_production(&self, path: &str) -> bool {
        self.surely_production.contains(path)
    }

    /// Whether that part of the file changed, or became production by this change.
    pub(super) fn is_touched(&self, file: &RequirementsFile<'_>, from: usize, to: usize) -> bool {
        self.newly_production.contains(file.source.path)
            || file.source.is_changed(self.scope, from, to)
    }
}

impl Together<'_> {
    /// The packages that have an exact version by any of the files, constraints included.
    pub(super) fn pinned<'f>(
        &self,
        files: &'f BTreeMap<&str, RequirementsFile<'_>>,
    ) -> BTreeSet<&'f str> {
        let is_part =
            |path: &str| self.installed.contains(path) || self.constraining.contains(path);
        files
            .iter()
            .filter(|(path, _)| is_part(path))
            .map(|(_, file)| file)
            .flat_map(|file| &file.requirements)
            .filter(|requirement| {
                requirement.version.is_fixed() && requirement.version != Version::Local
            })
            .filter_map(|requirement| requirement.name.as_deref())
            .collect()
    }
}

/// The files that are known by their names or from the settings, and those that they include.
fn read_all<'a>(scope: &'a Scope, settings: &Settings) -> BTreeMap<&'a str, RequirementsFile<'a>> {
    let mut files = BTreeMap::new();
    let is_known = |path: &str| is_requirements_file(path) || is_named(path, settings);
    let mut open: Vec<(&str, &[u8])> = scope.tree.contents(is_known).collect();
    while let Some((path, bytes)) = open.pop() {
        if files.contains_key(path) {
            continue;
        }
        let file = RequirementsFile::new(path, bytes);
        let included: Vec<String> = file
            .links
            .iter()
            .filter_map(|link| link.path.clone())
            .collect();
        files.insert(path, file);
        for target in included {
            open.extend(scope.tree.entry(&target));
        }
    }
    files
}

/// Whether the settings name the file.
pub(super) fn is_named(path: &str, settings: &Settings) -> bool {
    is_listed(path, &settings.production_files) || is_listed(path, &settings.development_files)
}

fn is_listed(path: &str, listed: &[String]) -> bool {
    listed.iter().any(|one| one == path)
}

fn is_production_by_name(path: &str, settings: &Settings) -> bool {
    if is_listed(path, &settings.production_files) {
        return true;
    }
    !is_listed(path, &settings.development_files)
        && !is_development_file(path)
        && !is_constraints_file(path)
        && is_requirements_file(path)
}
