//! Housekeeping: old versions, bundles and records, and which of them may go.
//!
//! Rules: the plan is pure. Only what beanpole has named itself is ever removed. Never removed are a
//! version that any environment of the application names, the versions to which its environments may
//! want to go back, and those of a release that has not ended. A removal that fails is reported and
//! left for the next release: housekeeping never fails a release.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use beanpole_cloud::{Kind, ObjectSummary, Version};
use beanpole_model::{ApplicationName, EnvironmentName, VersionLabel};
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::error::Error;
use crate::label::{digest_of_key, is_own_version};
use crate::ledger::{Ledger, Record, RecordId};

/// The former versions of so many of an environment's last releases are ways back.
const RELEASES_WITH_A_WAY_BACK: usize = 3;

/// So many of the versions that were last proven on an environment are kept for it.
const PROVEN_OF_EACH_ENVIRONMENT: usize = 2;

/// A bundle that no version uses stays this long: someone may be about to make a version of it.
const UNUSED_BUNDLE_STAYS: SignedDuration = SignedDuration::from_hours(24);

/// Records of an environment that are kept at least. More than anyone reads, and one page of a list.
const RECORDS_KEPT: usize = 200;

/// Records of an environment that are read to plan: beyond these, releases are too old to matter.
const RECORDS_READ: usize = 60;

/// Environments whose records are read at once.
const CONCURRENCY: usize = 4;

/// Everything that a plan depends on.
#[derive(Clone, Debug)]
pub struct Holdings<'a> {
    /// The application.
    pub application: &'a ApplicationName,
    /// Beanstalk's bucket.
    pub bucket: &'a str,
    /// All versions of the application.
    pub versions: &'a [Version],
    /// The labels that its environments name.
    pub running: &'a BTreeSet<String>,
    /// The last records of each of its environments, newest first.
    pub records: &'a BTreeMap<String, Vec<Record>>,
    /// The objects in the bucket under the application's prefix.
    pub objects: &'a [ObjectSummary],
    /// How many versions to keep at least (`deployment.keep_versions`).
    pub keep: usize,
}

/// Why a version is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeptBecause {
    /// An environment names it.
    Running,
    /// A release that brings it, or that would go back to it, has not ended.
    Unfinished,
    /// An environment may want to go back to it.
    WayBack,
    /// It is among the newest.
    Recent,
    /// It was not made by beanpole.
    Foreign,
}

/// What goes and what stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PrunePlan {
    /// Labels of the versions that go, oldest first, and whether their bundles go with them.
    pub versions: Vec<(String, bool)>,
    /// Keys of bundles that no version uses.
    pub bundles: Vec<String>,
    /// What stays, and why.
    pub kept: BTreeMap<String, KeptBecause>,
}

/// Plans what goes.
#[must_use]
pub fn plan(holdings: &Holdings<'_>) -> PrunePlan {
    let mut kept = BTreeMap::new();
    let mut candidates = Vec::new();
    let protected = protected(holdings);
    for version in holdings.versions {
        if !is_own(holdings, version) {
            kept.insert(version.label.clone(), KeptBecause::Foreign);
        } else if let Some(why) = protected.get(version.label.as_str()) {
            kept.insert(version.label.clone(), *why);
        } else {
            candidates.push(version);
        }
    }
    // What is protected counts, so that the number that was asked for is the number that stays.
    let own_kept = kept
        .values()
        .filter(|why| **why != KeptBecause::Foreign)
        .count();
    let room = holdings.keep.saturating_sub(own_kept);
    let proven = proven_versions(holdings);
    candidates.sort_by_key(|version| {
        let is_proven = proven.contains(version.label.as_str());
        std::cmp::Reverse((is_proven, version.created, version.label.as_str()))
    });
    let doomed = candidates.split_off(room.min(candidates.len()));
    for version in candidates {
        kept.insert(version.label.clone(), KeptBecause::Recent);
    }
    let mut doomed: Vec<_> = doomed
        .into_iter()
        .map(|version| {
            let takes_bundle = is_only_user(holdings, version);
            (version.created, version.label.clone(), takes_bundle)
        })
        .collect();
    doomed.sort();
    PrunePlan {
        versions: doomed
            .into_iter()
            .map(|(_, label, takes_bundle)| (label, takes_bundle))
            .collect(),
        bundles: unused_bundles(holdings),
        kept,
    }
}

fn is_own(holdings: &Holdings<'_>, version: &Version) -> bool {
    version.bundle.as_ref().is_some_and(|(bucket, key)| {
        bucket == holdings.bucket && is_own_version(holdings.application, &version.label, key)
    })
}

/// The versions that must stay, each with its strongest reason.
fn protected<'a>(holdings: &Holdings<'a>) -> BTreeMap<&'a str, KeptBecause> {
    let mut protected: BTreeMap<&str, KeptBecause> = BTreeMap::new();
    let mut keep = |label: &'a str, why: KeptBecause| {
        let reason = protected.entry(label).or_insert(why);
        *reason = why.min(*reason);
    };
    let now = newest_object(holdings);
    for version in holdings.versions {
        // Made after the records were read: a release is about to use it.
        if now.is_some() && version.created > now {
            keep(&version.label, KeptBecause::Unfinished);
        }
    }
    for label in holdings.running {
        keep(label, KeptBecause::Running);
    }
    for records in holdings.records.values() {
        for record in records.iter().filter(|record| record.is_unfinished()) {
            keep(&record.version, KeptBecause::Unfinished);
            if let Some(former) = former_version(record) {
                keep(former, KeptBecause::Unfinished);
            }
        }
        let touched = records.iter().filter(|record| record.touched);
        for former in touched
            .take(RELEASES_WITH_A_WAY_BACK)
            .filter_map(former_version)
        {
            keep(former, KeptBecause::WayBack);
        }
        let mut last_proven = Vec::new();
        for record in records.iter().filter(|record| record.is_proven()) {
            if !last_proven.contains(&record.version.as_str()) {
                last_proven.push(record.version.as_str());
            }
        }
        for label in last_proven.into_iter().take(PROVEN_OF_EACH_ENVIRONMENT) {
            keep(label, KeptBecause::WayBack);
        }
    }
    protected
}

fn former_version(record: &Record) -> Option<&str> {
    record.former.as_ref()?.version.as_deref()
}

fn proven_versions<'a>(holdings: &Holdings<'a>) -> BTreeSet<&'a str> {
    holdings
        .records
        .values()
        .flatten()
        .filter(|record| record.is_proven())
        .map(|record| record.version.as_str())
        .collect()
}

/// True if no other version has the same bundle: another commit of the same content has.
fn is_only_user(holdings: &Holdings<'_>, version: &Version) -> bool {
    let users = holdings
        .versions
        .iter()
        .filter(|other| other.bundle == version.bundle);
    users.count() == 1
}

/// When the newest object was stored: the best that is known of AWS's own now. The journal was written
/// a moment ago.
fn newest_object(holdings: &Holdings<'_>) -> Option<Timestamp> {
    let times = holdings.objects.iter().filter_map(|object| object.modified);
    times.max()
}

/// Our bundles that no version uses and that are old enough.
fn unused_bundles(holdings: &Holdings<'_>) -> Vec<String> {
    let used: BTreeSet<&str> = holdings
        .versions
        .iter()
        .filter_map(|version| version.bundle.as_ref())
        .filter(|(bucket, _)| bucket == holdings.bucket)
        .map(|(_, key)| key.as_str())
        .collect();
    let now = newest_object(holdings);
    let is_old = |modified: Option<Timestamp>| {
        now.zip(modified)
            .is_some_and(|(now, modified)| now.duration_since(modified) >= UNUSED_BUNDLE_STAYS)
    };
    holdings
        .objects
        .iter()
        .filter(|object| digest_of_key(holdings.application, &object.key).is_some())
        .filter(|object| !used.contains(object.key.as_str()) && is_old(object.modified))
        .map(|object| object.key.clone())
        .collect()
}

/// What was removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PruneReport {
    /// Labels of the versions that are gone.
    pub versions: Vec<String>,
    /// Keys of the bundles that are gone besides those of the versions.
    pub bundles: Vec<String>,
    /// Ids of the records that are gone.
    pub records: Vec<RecordId>,
    /// What could not be removed, and why: one line each. The next release tries again.
    pub left: Vec<String>,
}

impl PruneReport {
    /// True if nothing was removed and nothing was left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for PruneReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [
            (self.versions.len(), "version"),
            (self.bundles.len(), "unused bundle"),
            (self.records.len(), "old record"),
        ];
        let removed: Vec<String> = counts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}{}", if *count == 1 { "" } else { "s" }))
            .collect();
        if removed.is_empty() {
            formatter.write_str("nothing to remove")?;
        } else {
            write!(formatter, "removed {}", removed.join(", "))?;
        }
        match self.left.len() {
            0 => Ok(()),
            count => write!(formatter, "; {count} could not be removed"),
        }
    }
}

/// Removes what is old: versions with their bundles, bundles that no version uses, and records of
/// this environment. `keep` is the number of versions to keep at least.
///
/// # Errors
/// [`Error::Cloud`] when it cannot be found out what there is; [`Error::Interrupted`]. Nothing is
/// removed on half of the facts.
pub async fn prune(ledger: &Ledger, keep: u32) -> Result<PruneReport, Error> {
    let settings = ledger.settings();
    let (beanstalk, application) = (&settings.cloud.beanstalk, &settings.application);
    let patience = ledger.patience();
    let prefix = format!("{application}/");
    // In this order: a version that another release makes meanwhile is younger than every object
    // that was listed, and is left alone.
    let objects = patience
        .patiently("listing the bundles", || {
            settings.cloud.storage.list(&settings.bucket, &prefix)
        })
        .await?;
    let records = records_of_all(ledger, &objects).await?;
    let environments = patience
        .patiently("listing the environments", || {
            beanstalk.environments(Some(application), None)
        })
        .await?;
    let running = environments
        .into_iter()
        .filter_map(|environment| environment.version_label)
        .collect();
    let versions = patience
        .patiently("listing the versions", || {
            beanstalk.versions(application, &[])
        })
        .await?;
    let plan = plan(&Holdings {
        application,
        bucket: &settings.bucket,
        versions: &versions,
        running: &running,
        records: &records,
        objects: &objects,
        keep: usize::try_from(keep).unwrap_or(usize::MAX),
    });
    let mut report = PruneReport::default();
    remove_versions(ledger, &plan, &mut report).await?;
    remove_bundles(ledger, &plan, &mut report).await?;
    remove_records(ledger, keep, &mut report).await?;
    Ok(report)
}

/// The last records of each environment that has any in the bucket, or that this machine knows.
async fn records_of_all(
    ledger: &Ledger,
    objects: &[ObjectSummary],
) -> Result<BTreeMap<String, Vec<Record>>, Error> {
    let settings = ledger.settings();
    let prefix = format!("{}/releases/", settings.application);
    let mut names: BTreeSet<&str> = objects
        .iter()
        .filter_map(|object| object.key.strip_prefix(&prefix)?.split_once('/'))
        .map(|(environment, _)| environment)
        .collect();
    names.insert(settings.environment.as_str());
    let ledgers: Vec<Ledger> = names
        .into_iter()
        .filter_map(|name| EnvironmentName::new(name).ok())
        .map(|name| ledger.of_environment(name))
        .collect();
    stream::iter(ledgers)
        .map(|ledger| {
            async move {
                let records = ledger.recent(RECORDS_READ).await?;
                let environment = ledger.settings().environment.to_string();
                Ok::<_, Error>((environment, records))
            }
            .boxed()
        })
        .buffer_unordered(CONCURRENCY)
        .try_collect()
        .await
}

async fn remove_versions(
    ledger: &Ledger,
    plan: &PrunePlan,
    report: &mut PruneReport,
) -> Result<(), Error> {
    let settings = ledger.settings();
    for (label, takes_bundle) in &plan.versions {
        let Ok(version) = VersionLabel::new(label.clone()) else {
            continue;
        };
        let removed = ledger
            .patience()
            .patiently("deleting an old version", || {
                settings.cloud.beanstalk.delete_version(
                    &settings.application,
                    &version,
                    *takes_bundle,
                )
            })
            .await;
        if is_removed(removed, &format!("version `{label}`"), report)? {
            report.versions.push(label.clone());
        }
    }
    Ok(())
}

async fn remove_bundles(
    ledger: &Ledger,
    plan: &PrunePlan,
    report: &mut PruneReport,
) -> Result<(), Error> {
    let settings = ledger.settings();
    for key in &plan.bundles {
        let removed = ledger
            .patience()
            .patiently("deleting an unused bundle", || {
                settings.cloud.storage.delete(&settings.bucket, key)
            })
            .await;
        if is_removed(removed, &format!("bundle `{key}`"), report)? {
            report.bundles.push(key.clone());
        }
    }
    Ok(())
}

async fn remove_records(ledger: &Ledger, keep: u32, report: &mut PruneReport) -> Result<(), Error> {
    let keep = usize::try_from(keep).unwrap_or(usize::MAX);
    let limit = RECORDS_KEPT.max(keep.saturating_mul(2));
    for id in ledger.ids_beyond(limit).await? {
        let removed = ledger.remove(&id).await;
        if is_removed(removed, &format!("record `{id}`"), report)? {
            report.records.push(id);
        }
    }
    Ok(())
}

/// Notes why something could not be removed. Only an interruption ends the work.
fn is_removed(
    result: Result<(), Error>,
    what: &str,
    report: &mut PruneReport,
) -> Result<bool, Error> {
    match result {
        Ok(()) => Ok(true),
        Err(Error::Interrupted) => Err(Error::Interrupted),
        Err(Error::Cloud { source, .. }) if source.kind == Kind::Busy => {
            report.left.push(format!("{what} is in use"));
            Ok(false)
        }
        Err(error) => {
            let why = beanpole_model::Report::from(error);
            report.left.push(format!("{what}: {why}"));
            Ok(false)
        }
    }
}

#[cfg(test)]
#[path = "prune_tests.rs"]
mod tests;
