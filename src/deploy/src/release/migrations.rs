//! A release's part in the migrations: which ones come, and whether the serving code can live with
//! them.
//!
//! Rules: the commits of both sides are known by the labels of their versions. A side that is not
//! known is said to be unknown and is never taken as empty: that would silence every rule. A blocked
//! release goes on only with a reason, which the ledger keeps. On the way back the question is turned
//! round: can the older code live with the database that the newer one has made?

use beanpole_checks::migrations::Settings;
use beanpole_git::{CommitId, Repository};
use beanpole_model::{Finding, Severity};
use camino::Utf8PathBuf;

use super::{Source, Story};
use crate::error::Error;
use crate::label::commit_of_label;
use crate::migrations::{review_release, review_way_back};
use crate::plan::{Action, MigrationsSeen, PlannedStep};
use crate::step::{Ended, StepId};

/// The label that Beanstalk gives an environment which was created without a version.
const SAMPLE_APPLICATION: &str = "Sample Application";

/// What a review found.
#[derive(Clone, Debug, Default)]
pub(super) struct Reviewed {
    pub(super) seen: MigrationsSeen,
    findings: Vec<Finding>,
}

/// The two sides of a review, by what is known of them.
struct Sides {
    repository: Repository,
    directory: Utf8PathBuf,
    /// The label that serves; none if no version of ours does.
    serving: Option<String>,
    /// The commit to be released; for a version, the short id from its label.
    next: Option<String>,
    is_way_back: bool,
}

impl Story<'_> {
    /// The migrations between what serves and what is released; none if that cannot be asked.
    pub(super) async fn migrations_between(&self) -> Result<Option<Reviewed>, Error> {
        let Some(sides) = self.sides() else {
            return Ok(None);
        };
        let mut reviewed = tokio::task::spawn_blocking(move || sides.review())
            .await
            .map_err(|source| Error::Worker {
                doing: "reviewing the migrations",
                source,
            })??;
        reviewed.seen.allowed = self.request.unsafe_migrations.map(str::to_owned);
        Ok(Some(reviewed))
    }

    fn sides(&self) -> Option<Sides> {
        // Beanstalk's sample application has no database.
        let serving = self
            .former
            .clone()
            .filter(|label| label != SAMPLE_APPLICATION);
        match self.request.source {
            Source::Commit(candidate) => Some(Sides {
                repository: candidate.repository.clone(),
                directory: candidate.directory.clone(),
                serving,
                next: Some(candidate.commit.id.to_string()),
                is_way_back: false,
            }),
            Source::Version(version) => {
                let (repository, directory) = version.repository.clone()?;
                let named = commit_of_label(version.label.as_str()).map(str::to_owned);
                Some(Sides {
                    repository,
                    directory,
                    serving,
                    next: version.commit.clone().or(named),
                    is_way_back: version.kind == crate::ledger::ReleaseKind::Rollback,
                })
            }
        }
    }

    /// The step: shows what was found, and stops what is not allowed.
    pub(super) async fn review_migrations(&mut self, planned: &PlannedStep) -> Result<(), Error> {
        let Reviewed { seen, findings } = self.migrations.clone().unwrap_or_default();
        let steps = self.home.steps;
        for finding in &findings {
            let place = finding
                .location
                .as_ref()
                .map_or_else(String::new, |location| format!("{location}: "));
            steps.reporter().warn(format!("{place}{}", finding.message));
        }
        self.findings.extend(findings.iter().cloned());
        steps
            .run(StepId::Migrations, async {
                if seen.blocking > 0 && seen.allowed.is_none() {
                    return Err(Error::UnsafeMigrations { findings });
                }
                Ok(if planned.action == Action::Skip {
                    Ended::skipped((), planned.what.clone())
                } else {
                    Ended::done((), planned.what.clone())
                })
            })
            .await?;
        if let Some(journal) = &self.journal {
            let reason = seen.allowed.as_deref().filter(|_| seen.blocking > 0);
            journal.migrations(&seen.added, reason).await?;
        }
        Ok(())
    }
}

impl Sides {
    /// Reads both sides from git and judges them. Blocks.
    fn review(self) -> Result<Reviewed, Error> {
        let unknown = || Reviewed {
            seen: MigrationsSeen {
                unknown: true,
                ..MigrationsSeen::default()
            },
            findings: Vec::new(),
        };
        let Some(next) = self.commit(self.next.as_deref())? else {
            return Ok(unknown());
        };
        let serving = match &self.serving {
            None => None,
            Some(label) => match self.commit(commit_of_label(label))? {
                Some(commit) => Some(commit),
                None => return Ok(unknown()),
            },
        };
        let settings = Settings::default();
        let (added, mut findings) = match (&serving, self.is_way_back) {
            (Some(serving), true) => {
                let review =
                    review_way_back(&self.repository, serving, &next, &self.directory, &settings)?;
                (review.unknown_to_target, review.breaking)
            }
            _ => {
                let review = review_release(
                    &self.repository,
                    serving.as_ref(),
                    &next,
                    &self.directory,
                    &settings,
                )?;
                (review.added, review.findings)
            }
        };
        findings.retain(|finding| finding.severity >= Severity::Warning);
        let blocking = findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error)
            .count();
        let added = added
            .iter()
            .map(|migration| format!("{}.{}", migration.app, migration.name))
            .collect();
        Ok(Reviewed {
            seen: MigrationsSeen {
                added,
                blocking,
                ..MigrationsSeen::default()
            },
            findings,
        })
    }

    fn commit(&self, name: Option<&str>) -> Result<Option<CommitId>, Error> {
        match name {
            Some(name) => self.repository.resolve(name).map_err(Error::Git),
            None => Ok(None),
        }
    }
}
