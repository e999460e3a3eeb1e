//! The ledger: every release of an environment, written down while it happens.
//!
//! A [`Record`] is one JSON document per release. It is kept twice: on this machine, so that a killed
//! process finds out at once where it was, and in Beanstalk's bucket beside the bundles, so that any
//! other machine does. Reading merges the two; either may be lost.
//!
//! Rules: a step is written down before it begins and after it ended. Until the environment is touched,
//! what cannot be written down is not done; from then on, trouble with writing is a warning, because
//! stopping half way would be worse. Whoever writes holds the environment's lock ([`crate::lock`]).
//! The decisions ([`merge`], [`decide`], [`baseline`]) are pure.

mod document;
mod journal;
mod local;
mod merge;
mod record;
mod remote;
mod resume;
#[cfg(test)]
mod tests;
mod way_back;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use beanpole_cloud::Cloud;
use beanpole_model::{
    ApplicationName, EnvironmentName, Pace, Reporter, SecretScrubber, StepOutcome,
};
use bytes::Bytes;
use camino::Utf8PathBuf;
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

pub use document::{Damage, parse};
pub use journal::{Closing, Journal};
pub use merge::{merge, merge_all, newest};
pub use record::{
    ABANDONED, Ending, Entry, FORMAT, Former, FormerSetting, Happening, NewRecord, NotARecordId,
    Record, RecordId, ReleaseKind,
};
pub use resume::{BaselineChoice, Resumption, baseline, decide};
pub use way_back::{WayBack, known, way_back};

use crate::error::Error;
use crate::patience::Patience;
use crate::step::{StepReport, one_line};
use journal::Notes;
use local::LocalStore;
use record::to_milliseconds;
use remote::{RemoteStore, Written};

/// Documents that are fetched at once.
const CONCURRENCY: usize = 8;

/// How often a record id may be taken before that is a fault.
const ATTEMPTS_FOR_AN_ID: u32 = 5;

/// What a ledger needs.
#[derive(Clone)]
pub struct LedgerSettings {
    /// The connected account.
    pub cloud: Cloud,
    /// Beanstalk's own bucket (`Beanstalk::storage_location`).
    pub bucket: String,
    /// The Beanstalk application.
    pub application: ApplicationName,
    /// The Beanstalk environment.
    pub environment: EnvironmentName,
    /// Where this machine keeps its copy. Each bucket, application and environment has a folder of its
    /// own in it. A rehearsal needs a folder that dies with it.
    pub state_directory: Utf8PathBuf,
    /// AWS's clock.
    pub pace: Pace,
    /// Tells the time for entries: [`Timestamp::now`].
    pub clock: fn() -> Timestamp,
    /// Hears warnings.
    pub reporter: Arc<dyn Reporter>,
    /// Knows the secret values of this run.
    pub scrubber: SecretScrubber,
    /// Gives up waiting.
    pub cancel: CancellationToken,
}

impl fmt::Debug for LedgerSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("LedgerSettings")
            .field("bucket", &self.bucket)
            .field("application", &self.application)
            .field("environment", &self.environment)
            .field("state_directory", &self.state_directory)
            .finish_non_exhaustive()
    }
}

/// The releases of one environment. Clones share what they know.
#[derive(Clone, Debug)]
pub struct Ledger {
    settings: Arc<LedgerSettings>,
    local: LocalStore,
    remote: RemoteStore,
    /// The newest record that was seen, so that a new one sorts after it whatever the clocks say.
    newest: Arc<Mutex<Option<RecordId>>>,
}

impl Ledger {
    /// A ledger; nothing is read yet.
    #[must_use]
    pub fn new(settings: LedgerSettings) -> Self {
        let directory = settings
            .state_directory
            .join(file_name(&settings.bucket))
            .join(file_name(settings.application.as_str()))
            .join("releases")
            .join(file_name(settings.environment.as_str()));
        let remote = RemoteStore::new(
            settings.cloud.clone(),
            settings.bucket.clone(),
            &settings.application,
            &settings.environment,
        );
        Self {
            settings: Arc::new(settings),
            local: LocalStore::new(directory),
            remote,
            newest: Arc::default(),
        }
    }

    /// The ledger of another environment of the same application.
    #[must_use]
    pub fn of_environment(&self, environment: EnvironmentName) -> Self {
        Self::new(LedgerSettings {
            environment,
            ..LedgerSettings::clone(&self.settings)
        })
    }

    /// What it was made of.
    #[must_use]
    pub fn settings(&self) -> &LedgerSettings {
        &self.settings
    }

    /// The newest record, finished or not.
    ///
    /// # Errors
    /// Those of [`Ledger::recent`].
    pub async fn latest(&self) -> Result<Option<Record>, Error> {
        Ok(self.recent(1).await?.into_iter().next())
    }

    /// The `count` newest records, newest first. Damaged documents are named as warnings and left
    /// out; a bucket that is gone counts as empty.
    ///
    /// # Errors
    /// [`Error::Newer`] when the newest record is of a newer format; [`Error::Cloud`],
    /// [`Error::StateRead`], [`Error::Interrupted`].
    pub async fn recent(&self, count: usize) -> Result<Vec<Record>, Error> {
        let ids = newest(self.ids().await?, usize::MAX);
        if let Some(first) = ids.first() {
            self.remember(first);
        }
        // Damaged ones do not count, so that there may be more to fetch than `count`.
        let mut found = Vec::new();
        let mut fetching = stream::iter(ids)
            .map(|id| {
                let ledger = self.clone();
                // Owned and boxed: borrowed ones keep the whole future from being sent.
                async move { ledger.get(&id).await }.boxed()
            })
            .buffered(CONCURRENCY.min(count.max(1)));
        while found.len() < count
            && let Some(record) = fetching.try_next().await?
        {
            found.extend(record);
        }
        Ok(found)
    }

    /// One record; none if there is none, or if all that there is of it is damaged.
    ///
    /// # Errors
    /// Those of [`Ledger::recent`].
    pub async fn get(&self, id: &RecordId) -> Result<Option<Record>, Error> {
        let local = match self.local.get(id)? {
            Ok(record) => record,
            Err((path, damage)) => self.damaged(path.as_str(), &damage)?,
        };
        if let Some(record) = &local
            && self.is_own(record, id)
            && record.is_final()
        {
            return Ok(local);
        }
        let reading = self
            .patience()
            .patiently("reading a release's record", || self.remote.get(id))
            .await?;
        let remote = match reading.object.map(|object| parse(&object.content)) {
            None => None,
            Some(Ok(record)) => Some(record),
            Some(Err(damage)) => self.damaged(&self.remote.place(id), &damage)?,
        };
        let copies = [(local, "this machine"), (remote, "the bucket")];
        let own = copies.into_iter().filter_map(|(record, place)| {
            let record = record?;
            if self.is_own(&record, id) {
                return Some(record);
            }
            let damage = Damage::Foreign {
                application: record.application,
                environment: record.environment,
            };
            self.warn(format!(
                "The record `{id}` of {place} is not used: {damage}."
            ));
            None
        });
        Ok(merge_all(own).into_iter().next())
    }

    /// Begins a release: writes its record to both places. `past` are the steps that were taken before it
    /// could begin.
    ///
    /// # Errors
    /// [`Error::StateWrite`], [`Error::Cloud`], [`Error::Interrupted`], [`Error::RecordTaken`].
    pub async fn begin(&self, new: NewRecord, past: &[StepReport]) -> Result<Journal, Error> {
        let started = self.start_time();
        let mut record = self.record(new, started);
        self.add_past(&mut record, past);
        let plain = record.id.clone();
        for _ in 0..ATTEMPTS_FOR_AN_ID {
            let document = Bytes::from(document::write(&record)?);
            self.write_locally(&record.id, &document, false).await?;
            let written = self
                .patience()
                .patiently("recording the release", || {
                    self.remote.create(&record.id, &document)
                })
                .await;
            if !matches!(written, Ok(Written::Done(_))) {
                // A release that is not written down in both places does not begin.
                self.local.remove(&record.id)?;
            }
            if let Written::Done(etag) = written? {
                self.remember(&record.id);
                return Ok(self.journal(record, Some(etag)));
            }
            let suffix = format!("{:04x}", rand::random::<u16>());
            record.id = plain.with_suffix(&suffix);
        }
        Err(Error::RecordTaken {
            id: plain.to_string(),
        })
    }

    /// Goes on with a record that broke off. Its ending, if it had one, is taken back.
    ///
    /// # Errors
    /// [`Error::StateWrite`], [`Error::Cloud`], [`Error::Interrupted`], [`Error::RecordTaken`].
    pub async fn resume(
        &self,
        record: Record,
        who: &str,
        run_url: Option<&str>,
        past: &[StepReport],
    ) -> Result<Journal, Error> {
        let mut record = record;
        let id = record.id.clone();
        record.ending = None;
        record.entries.push(Entry {
            at: self.now(),
            happening: Happening::Resumed {
                who: self.clean(who),
                run_url: run_url.map(|url| self.clean(url)),
            },
        });
        self.add_past(&mut record, past);
        let etag = self.take_over(&record).await?;
        self.remember(&id);
        Ok(self.journal(record, Some(etag)))
    }

    /// Closes a record that was left behind, so that nobody takes it for one that goes on. One that
    /// has ended is left as it is.
    ///
    /// # Errors
    /// Those of [`Ledger::resume`].
    pub async fn abandon(&self, record: Record, why: &str) -> Result<(), Error> {
        if record.ending.is_some() {
            return Ok(());
        }
        let mut record = record;
        record.ending = Some(Ending {
            at: self.now(),
            verdict: ABANDONED.to_owned(),
            exit_code: beanpole_model::ExitCode::Interrupted.code(),
            message: self.clean(why),
        });
        self.take_over(&record).await.map(drop)
    }

    /// The ids of all records but the `count` newest, newest first.
    ///
    /// # Errors
    /// [`Error::Cloud`], [`Error::StateRead`], [`Error::Interrupted`].
    pub(crate) async fn ids_beyond(&self, count: usize) -> Result<Vec<RecordId>, Error> {
        let ids = newest(self.ids().await?, usize::MAX);
        Ok(ids.into_iter().skip(count).collect())
    }

    /// Removes both copies of a record.
    ///
    /// # Errors
    /// [`Error::Cloud`], [`Error::StateWrite`], [`Error::Interrupted`].
    pub(crate) async fn remove(&self, id: &RecordId) -> Result<(), Error> {
        self.patience()
            .patiently("deleting an old record", || self.remote.remove(id))
            .await?;
        self.local.remove(id)
    }

    /// Writes a record over whatever copies there are, which the caller has merged into it.
    async fn take_over(&self, record: &Record) -> Result<String, Error> {
        let id = &record.id;
        let document = Bytes::from(document::write(record)?);
        self.write_locally(id, &document, true).await?;
        let written = self
            .patience()
            .patiently("recording the release", || async {
                match self.remote.get(id).await?.object {
                    Some(known) => self.remote.replace(id, &known.etag, &document).await,
                    None => self.remote.create(id, &document).await,
                }
            })
            .await?;
        match written {
            Written::Done(etag) => Ok(etag),
            Written::Foreign => Err(Error::RecordTaken { id: id.to_string() }),
        }
    }

    fn record(&self, new: NewRecord, started: Timestamp) -> Record {
        Record {
            format: FORMAT,
            id: RecordId::of(started, &new.version),
            kind: new.kind,
            application: self.settings.application.to_string(),
            environment: self.settings.environment.to_string(),
            version: new.version,
            commit: new.commit,
            subject: new.subject.map(|subject| self.clean(&subject)),
            who: self.clean(&new.who),
            why: new.why.map(|why| self.clean(&why)),
            run_url: new.run_url.map(|url| self.clean(&url)),
            started,
            former: None,
            touched: false,
            migrations: Vec::new(),
            unsafe_migrations_reason: None,
            entries: Vec::new(),
            ending: None,
        }
    }

    fn journal(&self, record: Record, etag: Option<String>) -> Journal {
        Journal::new(
            self.clone(),
            record,
            Notes {
                etag,
                ..Notes::default()
            },
        )
    }

    /// Now, but after the newest record that is known: the order of ids is the order of releases, also
    /// between machines whose clocks differ.
    fn start_time(&self) -> Timestamp {
        let now = self.now();
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        after(now, newest.as_ref())
    }

    fn remember(&self, id: &RecordId) {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if newest.as_ref().is_none_or(|known| known < id) {
            *newest = Some(id.clone());
        }
    }

    async fn ids(&self) -> Result<Vec<RecordId>, Error> {
        let mut ids = self.local.ids()?;
        let remote = self
            .patience()
            .patiently("listing the releases", || self.remote.ids())
            .await?;
        ids.extend(remote);
        Ok(ids)
    }

    /// Names a damaged document and leaves it out. A newer format is no damage: nothing is decided on
    /// half of what is known.
    fn damaged<T>(&self, place: &str, damage: &Damage) -> Result<Option<T>, Error> {
        match damage {
            Damage::Newer { found } => Err(Error::Newer {
                place: place.to_owned(),
                found: *found,
                known: FORMAT,
            }),
            Damage::Unreadable(_) | Damage::Foreign { .. } => {
                self.warn(format!("`{place}` is damaged and left out: {damage}."));
                Ok(None)
            }
        }
    }

    fn is_own(&self, record: &Record, id: &RecordId) -> bool {
        record.id == *id
            && record.application == self.settings.application.as_str()
            && record.environment == self.settings.environment.as_str()
    }

    /// Adds the steps that were taken before the record was written.
    fn add_past(&self, record: &mut Record, past: &[StepReport]) {
        for step in past {
            let at = self.now();
            let happening = self.step_ended(&step.id, step.outcome, &step.message, step.seconds);
            record.entries.push(Entry { at, happening });
        }
    }

    /// The end of a step, fit to be kept.
    fn step_ended(
        &self,
        step: &str,
        outcome: StepOutcome,
        message: &str,
        seconds: f64,
    ) -> Happening {
        Happening::Ended {
            step: step.to_owned(),
            outcome,
            message: self.clean(message),
            // Milliseconds, and never a value that JSON cannot hold.
            seconds: if seconds.is_finite() {
                (seconds * 1000.0).round() / 1000.0
            } else {
                0.0
            },
        }
    }

    /// Writes this machine's copy; `durable` also against a loss of power.
    async fn write_locally(
        &self,
        id: &RecordId,
        document: &Bytes,
        durable: bool,
    ) -> Result<(), Error> {
        let (local, id, document) = (self.local.clone(), id.clone(), document.clone());
        tokio::task::spawn_blocking(move || local.put(&id, &document, durable))
            .await
            .map_err(|source| Error::Worker {
                doing: "writing a release's record",
                source,
            })?
    }

    pub(crate) fn patience(&self) -> Patience<'_> {
        Patience {
            pace: self.settings.pace,
            cancel: &self.settings.cancel,
        }
    }

    fn now(&self) -> Timestamp {
        to_milliseconds((self.settings.clock)())
    }

    fn warn(&self, message: impl AsRef<str>) {
        self.settings.reporter.warn(self.clean(message.as_ref()));
    }

    /// Text of other origin, fit to be kept: one line, without known secrets.
    fn clean(&self, text: &str) -> String {
        one_line(&self.settings.scrubber.scrub(text))
    }
}

/// `now`, or the second after `newest` if that is later.
fn after(now: Timestamp, newest: Option<&RecordId>) -> Timestamp {
    let earliest = newest
        .and_then(RecordId::started)
        .and_then(|started| started.checked_add(SignedDuration::from_secs(1)).ok());
    earliest.map_or(now, |earliest| earliest.max(now))
}

/// A name that is safe for a folder. Names that meet after this are told apart by what is in the
/// documents.
pub(crate) fn file_name(name: &str) -> String {
    let safe: String = name
        .chars()
        .map(|letter| match letter {
            letter if letter.is_ascii_alphanumeric() => letter,
            '-' | '_' | '.' => letter,
            _ => '_',
        })
        .collect();
    if safe.starts_with('.') {
        format!("_{safe}")
    } else {
        safe
    }
}
