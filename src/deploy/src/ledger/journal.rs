//! Writes a release down while it happens.
//!
//! Rules: this machine's copy is written at every entry. The bucket's copy is written before every
//! step, after a step that failed or took long, before the environment is touched, and at the end;
//! what a short step ended with goes over with the next entry, a moment later. One writer at a time,
//! so that copies never go back.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use beanpole_model::{ExitCode, StepOutcome};
use bytes::Bytes;

use super::record::{
    Ending, Entry, Former, FormerSetting, Happening, Record, RecordId, verdict_word,
};
use super::remote::Written;
use super::{Ledger, document};
use crate::error::Error;
use crate::report::Verdict;

/// A step that took longer than this is written to the bucket as soon as it ended.
const LONG_STEP_SECONDS: f64 = 5.0;

/// How long one write to the bucket may take once the environment is touched, on this machine's clock:
/// the release has better things to do than to wait for its journal.
const WRITE_TIMEOUT: Duration = Duration::from_secs(20);

/// The namespace of the application's own variables, which may hold secrets that nobody has named.
const VARIABLES: &str = "aws:elasticbeanstalk:application:environment";

/// How a release ended, for [`Journal::close`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    /// The verdict.
    pub verdict: Verdict,
    /// The exit code.
    pub exit_code: ExitCode,
    /// One line: what was proven, or why it failed.
    pub message: String,
}

/// The journal of one release. Cheap to clone; clones write the same record.
#[derive(Clone, Debug)]
pub struct Journal {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    ledger: Ledger,
    id: RecordId,
    record: Mutex<Record>,
    writer: tokio::sync::Mutex<Notes>,
}

/// What the writer knows about the copies.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// The entity tag of the bucket's copy; none before there is one.
    pub(super) etag: Option<String>,
    /// True once someone else writes the bucket's copy.
    pub(super) is_foreign: bool,
    /// True while the bucket's copy cannot be written, so that one warning is enough.
    pub(super) is_remote_behind: bool,
    /// The same for this machine's copy.
    pub(super) is_local_behind: bool,
}

/// How far a write has to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// This machine's copy only.
    Local,
    /// Both copies.
    Both,
}

impl Journal {
    pub(super) fn new(ledger: Ledger, record: Record, notes: Notes) -> Self {
        Self {
            shared: Arc::new(Shared {
                ledger,
                id: record.id.clone(),
                record: Mutex::new(record),
                writer: tokio::sync::Mutex::new(notes),
            }),
        }
    }

    /// The record's id.
    #[must_use]
    pub fn id(&self) -> &RecordId {
        &self.shared.id
    }

    /// The record as it is now.
    #[must_use]
    pub fn record(&self) -> Record {
        self.lock().clone()
    }

    /// A step is about to begin: on this machine. [`Journal::send_on`] tells the bucket, before the step or
    /// beside it.
    ///
    /// # Errors
    /// Until the environment is touched: [`Error::StateWrite`]. After that nothing: trouble is a warning.
    pub async fn begun(&self, step_id: &str) -> Result<(), Error> {
        let step = step_id.to_owned();
        self.append(Happening::Begun { step }, Reach::Local).await
    }

    /// Brings the bucket's copy up to this machine's.
    ///
    /// # Errors
    /// Until the environment is touched: [`Error::Cloud`], [`Error::Interrupted`],
    /// [`Error::RecordTaken`]. After that nothing: trouble is a warning.
    pub async fn send_on(&self) -> Result<(), Error> {
        let mut notes = self.shared.writer.lock().await;
        let record = self.record();
        let document = Bytes::from(document::write(&record)?);
        let must = !record.touched;
        self.write_remotely(&mut notes, &record, document, must)
            .await
    }

    /// A step ended. `seconds` are wall-clock seconds.
    ///
    /// # Errors
    /// Those of [`Journal::begun`] and [`Journal::send_on`].
    pub async fn ended(
        &self,
        step_id: &str,
        outcome: StepOutcome,
        message: &str,
        seconds: f64,
    ) -> Result<(), Error> {
        let reach = if outcome == StepOutcome::Failed || seconds >= LONG_STEP_SECONDS {
            Reach::Both
        } else {
            Reach::Local
        };
        let happening = self
            .shared
            .ledger
            .step_ended(step_id, outcome, message, seconds);
        self.append(happening, reach).await
    }

    /// Keeps a fact that a later run may need. No secrets: the value is scrubbed, and shown by
    /// `history`. It goes to the bucket with the next step.
    ///
    /// # Errors
    /// Those of [`Journal::begun`].
    pub async fn fact(&self, key: &str, value: &str) -> Result<(), Error> {
        let happening = Happening::Fact {
            key: key.to_owned(),
            value: self.shared.ledger.clean(value),
        };
        self.append(happening, Reach::Local).await
    }

    /// Keeps what migrations the release brings, and why unsafe ones were allowed.
    ///
    /// # Errors
    /// Those of [`Journal::begun`].
    pub async fn migrations(
        &self,
        migrations: &[String],
        unsafe_reason: Option<&str>,
    ) -> Result<(), Error> {
        let migrations = migrations.to_vec();
        let reason = unsafe_reason.map(|reason| self.shared.ledger.clean(reason));
        let count = migrations.len().to_string();
        self.change(Reach::Local, move |record| {
            record.migrations = migrations;
            record.unsafe_migrations_reason = reason;
            Happening::Fact {
                key: "migrations".to_owned(),
                value: count,
            }
        })
        .await
    }

    /// The environment is about to be changed for the first time. Must be called, and must succeed,
    /// before the first changing call is sent: a later run goes back to `former`. A record that is
    /// resumed keeps the former state that it has.
    ///
    /// # Errors
    /// Those of [`Journal::begun`].
    pub async fn touching(&self, former: Former) -> Result<(), Error> {
        if self.lock().touched {
            return Ok(());
        }
        let former = self.without_secrets(former);
        // Written as untouched until it is down: if this fails, nothing was touched.
        let written = self
            .change(Reach::Both, |record| {
                record.former = Some(former);
                Happening::Touched
            })
            .await;
        if written.is_ok() {
            self.lock().touched = true;
        }
        written
    }

    /// The release ended. Trouble with writing it down is a warning: the verdict stands.
    pub async fn close(&self, closing: Closing) {
        let message = self.shared.ledger.clean(&closing.message);
        let mut notes = self.shared.writer.lock().await;
        let record = {
            let mut record = self.lock();
            record.ending = Some(Ending {
                at: self.shared.ledger.now(),
                verdict: verdict_word(closing.verdict),
                exit_code: closing.exit_code.code(),
                message,
            });
            record.clone()
        };
        // Errors before the environment is touched are told as warnings here as well.
        if let Err(error) = self.write(&mut notes, &record, Reach::Both, false).await {
            self.shared.ledger.warn(format!(
                "The end of `{}` is not written down: {error}.",
                self.id()
            ));
        }
    }

    async fn append(&self, happening: Happening, reach: Reach) -> Result<(), Error> {
        self.change(reach, |_| happening).await
    }

    /// Changes the record by one entry, and writes it.
    async fn change(
        &self,
        reach: Reach,
        change: impl FnOnce(&mut Record) -> Happening + Send,
    ) -> Result<(), Error> {
        let mut notes = self.shared.writer.lock().await;
        let (record, must) = {
            let mut record = self.lock();
            let must = !record.touched;
            let happening = change(&mut record);
            let touches = happening == Happening::Touched;
            record.entries.push(Entry {
                at: self.shared.ledger.now(),
                happening,
            });
            let mut copy = record.clone();
            copy.touched |= touches;
            (copy, must)
        };
        self.write(&mut notes, &record, reach, must).await
    }

    /// Writes the copies. With `must`, an error is an error; else it is a warning, told once.
    async fn write(
        &self,
        notes: &mut Notes,
        record: &Record,
        reach: Reach,
        must: bool,
    ) -> Result<(), Error> {
        let ledger = &self.shared.ledger;
        let document = Bytes::from(document::write(record)?);
        // A loss of power matters from the moment at which there is something to take back.
        let durable = record.touched;
        match ledger.write_locally(&record.id, &document, durable).await {
            Ok(()) => notes.is_local_behind = false,
            Err(error) if must => return Err(error),
            Err(error) => {
                if !std::mem::replace(&mut notes.is_local_behind, true) {
                    ledger.warn(format!("This machine's record is behind: {error}."));
                }
            }
        }
        match reach {
            Reach::Local => Ok(()),
            Reach::Both => self.write_remotely(notes, record, document, must).await,
        }
    }

    /// Writes the bucket's copy. With `must`, an error is an error; else it is a warning, told once.
    async fn write_remotely(
        &self,
        notes: &mut Notes,
        record: &Record,
        document: Bytes,
        must: bool,
    ) -> Result<(), Error> {
        let ledger = &self.shared.ledger;
        if notes.is_foreign {
            return Ok(());
        }
        // After an interruption there is one attempt left, to tell others how far it came.
        let written = if must && !ledger.settings.cancel.is_cancelled() {
            let etag = notes.etag.clone();
            ledger
                .patience()
                .patiently("recording the release", || {
                    self.send(etag.as_deref(), &document)
                })
                .await?
        } else {
            match self.try_to_send(notes.etag.as_deref(), &document).await {
                Ok(written) => written,
                Err(why) => {
                    if !std::mem::replace(&mut notes.is_remote_behind, true) {
                        ledger.warn(format!(
                            "The record in the bucket is behind, and this machine's goes on: {why}."
                        ));
                    }
                    return Ok(());
                }
            }
        };
        notes.is_remote_behind = false;
        match written {
            Written::Done(etag) => {
                notes.etag = Some(etag);
                Ok(())
            }
            Written::Foreign => {
                notes.is_foreign = true;
                let id = record.id.to_string();
                if must {
                    return Err(Error::RecordTaken { id });
                }
                ledger.warn(format!(
                    "Someone else writes the record `{id}` in the bucket; this machine's goes on."
                ));
                Ok(())
            }
        }
    }

    async fn send(
        &self,
        etag: Option<&str>,
        document: &Bytes,
    ) -> Result<Written, beanpole_cloud::Error> {
        let (remote, id) = (&self.shared.ledger.remote, &self.shared.id);
        match etag {
            Some(etag) => remote.replace(id, etag, document).await,
            None => remote.create(id, document).await,
        }
    }

    async fn try_to_send(&self, etag: Option<&str>, document: &Bytes) -> Result<Written, String> {
        match tokio::time::timeout(WRITE_TIMEOUT, self.send(etag, document)).await {
            Ok(Ok(written)) => Ok(written),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no answer within {} s", WRITE_TIMEOUT.as_secs())),
        }
    }

    /// The former state without values that are, or may be, secrets.
    fn without_secrets(&self, former: Former) -> Former {
        let scrubber = &self.shared.ledger.settings.scrubber;
        let withhold = |setting: FormerSetting| {
            let is_secret = setting.value.as_ref().is_some_and(|value| {
                setting.namespace == VARIABLES || scrubber.scrub(value) != *value
            });
            if is_secret {
                FormerSetting {
                    value: None,
                    withheld: true,
                    ..setting
                }
            } else {
                setting
            }
        };
        Former {
            settings: former.settings.into_iter().map(withhold).collect(),
            ..former
        }
    }

    fn lock(&self) -> MutexGuard<'_, Record> {
        // A thread that panicked has not half-changed it: changes are single assignments.
        self.shared
            .record
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
