//! One release per environment at a time.
//!
//! The lock is an object in Beanstalk's bucket, `<application>/locks/<environment>.json`. It is created
//! on the condition that there is none, renewed and removed on the condition that it is still the one
//! that was written, so of two releases exactly one gets it.
//!
//! Rules: every judgement of age is made by S3's clock. A lock with a heartbeat is stale when the
//! heartbeat stops, and may be taken over; so may one of a dead process of this machine. A lock that a
//! person took by hand has no heartbeat and is never taken over. A lock that cannot be read is
//! respected. Whoever finds a condition refused reads the lock before believing that it was not
//! theirs: an answer may have been lost.

mod document;
mod held;
mod process;
mod who;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use beanpole_cloud::{Cloud, Kind, Reading};
use beanpole_model::{ApplicationName, EnvironmentName, Pace, Reporter, SecretScrubber};
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use document::{Claim, FORMAT, Heartbeat, Lock, LockSight, Locked, Standing, judge};
pub use held::{HeldLock, Released};
pub use process::Process;
pub use who::{run_url, who};

use crate::error::Error;
use crate::patience::Patience;
use crate::scene::is_passing;
use crate::step::one_line;
use held::{Registration, is_held_here};
use process::Fate;

/// How often a held lock is renewed, in AWS time.
const BEAT: Duration = Duration::from_secs(30);

/// No beat comes sooner than this on this machine's clock, however fast a rehearsal runs: a busy
/// machine must not look dead.
const SHORTEST_BEAT: Duration = Duration::from_millis(200);

/// How often a lock of someone else is looked at while waiting, in AWS time.
const POLL: Duration = Duration::from_secs(10);

/// How often the wait says that it goes on, in AWS time.
const NEWS: Duration = Duration::from_secs(60);

/// How often a lock that changes under our hands is tried again before that is a fault.
const ATTEMPTS: u32 = 8;

/// Undoing a half-taken lock may take this long, on this machine's clock.
const WITHDRAWAL_TIMEOUT: Duration = Duration::from_secs(5);

/// One write of a lock may take this long, on this machine's clock.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// What a lock needs.
#[derive(Clone)]
pub struct LockSettings {
    /// The connected account.
    pub cloud: Cloud,
    /// Beanstalk's own bucket (`Beanstalk::storage_location`).
    pub bucket: String,
    /// The Beanstalk application.
    pub application: ApplicationName,
    /// The Beanstalk environment.
    pub environment: EnvironmentName,
    /// AWS's clock.
    pub pace: Pace,
    /// Hears progress and warnings.
    pub reporter: Arc<dyn Reporter>,
    /// Knows the secret values of this run.
    pub scrubber: SecretScrubber,
    /// Gives up waiting.
    pub cancel: CancellationToken,
}

/// The lock of one environment. Cheap to clone; nothing is held by having one.
#[derive(Clone)]
pub struct EnvironmentLock {
    settings: Arc<LockSettings>,
    key: String,
}

impl fmt::Debug for EnvironmentLock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("EnvironmentLock")
            .field("place", &self.place())
            .finish_non_exhaustive()
    }
}

/// What became of a lock that was ours.
pub(crate) enum Found {
    /// It still is, under this entity tag.
    Own(String),
    /// It is not; the text says whose it is, or that it was removed.
    Lost(String),
}

/// A lock that somebody holds, as bytes and as what they mean.
struct Seen {
    sight: LockSight,
    now: Timestamp,
}

impl EnvironmentLock {
    /// The lock of an environment. Nothing is asked yet.
    #[must_use]
    pub fn new(settings: LockSettings) -> Self {
        let key = format!(
            "{}/locks/{}.json",
            settings.application, settings.environment
        );
        Self {
            settings: Arc::new(settings),
            key,
        }
    }

    /// The lock as it stands; none if the environment is not locked.
    ///
    /// # Errors
    /// [`Error::Cloud`], [`Error::Interrupted`].
    pub async fn show(&self) -> Result<Option<LockSight>, Error> {
        let reading = self.read().await?;
        Ok(self.sight_of(&reading))
    }

    /// Takes the lock for a release, and keeps it by a heartbeat. With `wait` it waits that long, in
    /// AWS time, for a lock that is held, and says in the step `step_id` for whom. Stale locks, and
    /// those of dead processes of this machine, are taken over with a warning.
    ///
    /// # Errors
    /// [`Error::Locked`], [`Error::Cloud`], [`Error::Interrupted`].
    pub async fn acquire(
        &self,
        claim: Claim,
        wait: Option<Duration>,
        step_id: &str,
    ) -> Result<HeldLock, Error> {
        let document = self.document(claim, Some(self.heartbeat()));
        let registration = Registration::new(&document.token);
        let (document, etag) = self.take_or_withdraw(document, wait, step_id).await?;
        Ok(HeldLock::new(self.clone(), document, etag, registration))
    }

    /// Takes the lock by hand: it has no heartbeat, and stays until it is released.
    ///
    /// # Errors
    /// Those of [`EnvironmentLock::acquire`].
    pub async fn acquire_by_hand(
        &self,
        claim: Claim,
        wait: Option<Duration>,
        step_id: &str,
    ) -> Result<LockSight, Error> {
        let document = Lock {
            process: None,
            ..self.document(claim, None)
        };
        let (document, etag) = self.take_or_withdraw(document, wait, step_id).await?;
        Ok(LockSight {
            environment: self.environment().to_owned(),
            place: self.place(),
            standing: Standing::Manual,
            lock: Some(document),
            silent_seconds: Some(0),
            age_seconds: Some(0),
            problem: None,
            etag,
        })
    }

    /// Removes a lock that was taken by hand, that is stale, or whose process has died. With `force`,
    /// any lock. Gives what was removed; none if there was no lock.
    ///
    /// # Errors
    /// [`Error::Locked`] when a running release holds it and `force` is not set; [`Error::Cloud`],
    /// [`Error::Interrupted`].
    pub async fn release(&self, force: bool) -> Result<Option<LockSight>, Error> {
        let mut attempts = 0;
        loop {
            let Some(sight) = self.show().await? else {
                return Ok(None);
            };
            let may = force || sight.standing == Standing::Manual || sight.standing.is_free();
            if !may {
                return Err(self.locked(sight, None));
            }
            match self.remove(&sight.etag).await {
                Ok(()) => return Ok(Some(sight)),
                // It beats: what was seen is not what is there any more.
                Err(Error::Cloud { source, .. })
                    if source.kind == Kind::PreconditionFailed && attempts < ATTEMPTS =>
                {
                    attempts += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The environment's name.
    #[must_use]
    pub fn environment(&self) -> &str {
        self.settings.environment.as_str()
    }

    pub(crate) fn pace(&self) -> Pace {
        self.settings.pace
    }

    pub(crate) fn warn(&self, message: impl AsRef<str>) {
        let clean = self.settings.scrubber.scrub(message.as_ref());
        self.settings.reporter.warn(one_line(&clean));
    }

    /// The same as [`Self::take`], but whoever gives up half way leaves nothing behind.
    async fn take_or_withdraw(
        &self,
        document: Lock,
        wait: Option<Duration>,
        step_id: &str,
    ) -> Result<(Lock, String), Error> {
        let token = document.token.clone();
        let taken = self.take(document, wait, step_id).await;
        if taken.is_err() && !matches!(taken, Err(Error::Locked(_))) {
            // The answer of a write may have been lost. If this fails too, the lock goes stale.
            let withdrawal = async {
                if let Ok(Found::Own(etag)) = self.find(&token).await {
                    let (cloud, bucket) = (&self.settings.cloud, &self.settings.bucket);
                    let _gone = cloud
                        .storage
                        .delete_if_match(bucket, &self.key, &etag)
                        .await;
                }
            };
            let _in_time = tokio::time::timeout(WITHDRAWAL_TIMEOUT, Box::pin(withdrawal)).await;
        }
        taken
    }

    /// Takes the lock, waits for it, or says who has it.
    async fn take(
        &self,
        mut document: Lock,
        wait: Option<Duration>,
        step_id: &str,
    ) -> Result<(Lock, String), Error> {
        let end = wait.map(|wait| Instant::now() + self.settings.pace.deadline(wait));
        let mut told: Option<(String, Instant)> = None;
        let mut lost_races = 0;
        loop {
            if self.settings.cancel.is_cancelled() {
                return Err(Error::Interrupted);
            }
            let mut denial = None;
            let reading = match self.read().await {
                // Without the right to list, S3 says this of an object that does not exist. Whether
                // there is one shows when it is written.
                Err(error) if is_denial(&error) => {
                    denial = Some(error);
                    NOTHING
                }
                other => other?,
            };
            let written = match self.seen(&reading) {
                None => {
                    // Only for people: ages are measured from what S3 says.
                    document.since = reading.now.unwrap_or_else(Timestamp::now);
                    self.create(&document).await
                }
                Some(seen) if self.is_own(&seen, &document) => {
                    return Ok((document, seen.sight.etag));
                }
                Some(seen) if seen.sight.standing.is_free() => {
                    document.since = seen.now;
                    let written = self.rewrite(&seen.sight.etag, &document).await;
                    if written.is_ok() {
                        self.tell_takeover(&seen.sight);
                    }
                    written
                }
                Some(seen) => {
                    let is_over = end.is_none_or(|end| Instant::now() >= end);
                    if is_over {
                        return Err(self.locked(seen.sight, wait));
                    }
                    self.tell_wait(&seen.sight, step_id, &mut told);
                    self.patience().pause(POLL).await?;
                    continue;
                }
            };
            match written {
                Ok(etag) => return Ok((document, etag)),
                Err(Error::Cloud { source, doing })
                    if matches!(source.kind, Kind::PreconditionFailed | Kind::NotFound) =>
                {
                    if let Some(denial) = denial {
                        return Err(denial);
                    }
                    // Someone was faster, or this was our own lost answer: look again.
                    lost_races += 1;
                    if lost_races > ATTEMPTS {
                        return Err(Error::Cloud { doing, source });
                    }
                }
                Err(Error::Cloud { source, doing }) if is_passing(&source) => {
                    lost_races += 1;
                    if lost_races > ATTEMPTS {
                        return Err(Error::Cloud { doing, source });
                    }
                    self.patience().pause(POLL).await?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn is_own(&self, seen: &Seen, document: &Lock) -> bool {
        let lock = seen.sight.lock.as_ref();
        lock.is_some_and(|lock| lock.token == document.token)
    }

    fn tell_takeover(&self, sight: &LockSight) {
        let why = match sight.standing {
            Standing::Dead => "its process has ended".to_owned(),
            _ => format!(
                "it has shown no sign of life for {} seconds",
                sight.silent_seconds.unwrap_or_default()
            ),
        };
        self.warn(format!(
            "The lock of `{}` was left behind by {}, and is taken over: {why}.",
            self.environment(),
            sight.holder()
        ));
    }

    /// Says for whom is waited: when the holder changes, and once a minute.
    fn tell_wait(&self, sight: &LockSight, step_id: &str, told: &mut Option<(String, Instant)>) {
        let token = sight
            .lock
            .as_ref()
            .map(|lock| lock.token.clone())
            .unwrap_or_default();
        let pause = self.settings.pace.wait(NEWS);
        let is_news = told
            .as_ref()
            .is_none_or(|(known, at)| *known != token || at.elapsed() >= pause);
        if !is_news {
            return;
        }
        let since = sight
            .lines()
            .into_iter()
            .next()
            .map(|since| format!(" {since}"))
            .unwrap_or_default();
        let message = format!(
            "waiting: `{}` is locked by {}{since}",
            self.environment(),
            sight.holder()
        );
        self.settings.reporter.progress(step_id, message);
        *told = Some((token, Instant::now()));
    }

    fn document(&self, claim: Claim, heartbeat: Option<Heartbeat>) -> Lock {
        let clean = |text: String| one_line(&self.settings.scrubber.scrub(&text));
        Lock {
            format: FORMAT,
            token: format!("{:032x}", rand::random::<u128>()),
            claim: Claim {
                operation: claim.operation,
                who: clean(claim.who),
                why: claim.why.map(clean),
                version: claim.version,
                commit: claim.commit,
                run_url: claim.run_url.map(clean),
            },
            since: Timestamp::UNIX_EPOCH,
            heartbeat,
            process: Process::own(),
        }
    }

    fn heartbeat(&self) -> Heartbeat {
        let shortest = SHORTEST_BEAT.mul_f64(self.settings.pace.speed());
        Heartbeat {
            number: 0,
            every_seconds: BEAT.max(shortest).as_secs(),
        }
    }

    fn locked(&self, sight: LockSight, waited: Option<Duration>) -> Error {
        Error::Locked(Box::new(Locked {
            environment: self.environment().to_owned(),
            sight,
            waited,
        }))
    }

    fn sight_of(&self, reading: &Reading) -> Option<LockSight> {
        self.seen(reading).map(|seen| seen.sight)
    }

    /// What a reading means.
    fn seen(&self, reading: &Reading) -> Option<Seen> {
        let object = reading.object.as_ref()?;
        let ago = |then: Option<Timestamp>| Some(reading.now?.duration_since(then?));
        let silent = ago(object.modified);
        let parsed = document::parse(&object.content);
        let standing = parsed.as_ref().map_or(Standing::Unreadable, |lock| {
            judge(lock, silent, has_ended(lock))
        });
        let (lock, problem) = match parsed {
            Ok(lock) => (Some(lock), None),
            Err(problem) => (None, Some(problem)),
        };
        let age = ago(lock.as_ref().map(|lock| lock.since));
        Some(Seen {
            sight: LockSight {
                environment: self.environment().to_owned(),
                place: self.place(),
                standing,
                silent_seconds: silent.as_ref().map(SignedDuration::as_secs),
                age_seconds: age.as_ref().map(SignedDuration::as_secs),
                lock,
                problem,
                etag: object.etag.clone(),
            },
            now: reading.now.unwrap_or_else(Timestamp::now),
        })
    }

    /// Whether the lock of this token is still there.
    ///
    /// # Errors
    /// [`Error::Cloud`].
    pub(crate) async fn find(&self, token: &str) -> Result<Found, Error> {
        let reading = self.get().await.map_err(failed("reading the lock"))?;
        Ok(match self.sight_of(&reading) {
            None => Found::Lost("it was removed".to_owned()),
            Some(sight) => match &sight.lock {
                Some(lock) if lock.token == token => Found::Own(sight.etag),
                _ => Found::Lost(format!("{} has it now", sight.holder())),
            },
        })
    }

    async fn read(&self) -> Result<Reading, Error> {
        self.patience()
            .patiently("reading the lock", || self.get())
            .await
    }

    async fn get(&self) -> Result<Reading, beanpole_cloud::Error> {
        let storage = &self.settings.cloud.storage;
        match Box::pin(storage.read(&self.settings.bucket, &self.key)).await {
            // The bucket is gone, and every lock with it.
            Err(error) if error.is_not_found() => Ok(NOTHING),
            other => other,
        }
    }

    /// Writes the lock where none is. Gives its entity tag.
    ///
    /// # Errors
    /// [`Error::Cloud`] with `PreconditionFailed` when there is one.
    async fn create(&self, document: &Lock) -> Result<String, Error> {
        let body = self.body(document)?;
        let (storage, bucket) = (&self.settings.cloud.storage, &self.settings.bucket);
        let doing = "taking the lock";
        let uploaded = self
            .patience()
            .repeatedly(doing, || {
                in_time(async {
                    let first = storage.put_if_absent(bucket, &self.key, body.clone());
                    match Box::pin(first).await {
                        Err(error) if error.is_not_found() => {
                            // Makes the bucket if it is missing.
                            Box::pin(self.settings.cloud.beanstalk.storage_location()).await?;
                            let again = storage.put_if_absent(bucket, &self.key, body.clone());
                            Box::pin(again).await
                        }
                        other => other,
                    }
                })
            })
            .await?;
        self.etag(uploaded.etag, document).await
    }

    /// Writes the lock over the one with this entity tag. Gives the new tag.
    ///
    /// # Errors
    /// [`Error::Cloud`] with `PreconditionFailed` or `NotFound` when that one is not there any more.
    pub(crate) async fn rewrite(&self, etag: &str, document: &Lock) -> Result<String, Error> {
        let body = self.body(document)?;
        let (storage, bucket) = (&self.settings.cloud.storage, &self.settings.bucket);
        let put = storage.put_if_match(bucket, &self.key, etag, body);
        let uploaded = in_time(Box::pin(put))
            .await
            .map_err(failed("renewing the lock"))?;
        self.etag(uploaded.etag, document).await
    }

    /// Removes the lock with this entity tag. One that is not there counts as removed.
    ///
    /// # Errors
    /// [`Error::Cloud`].
    pub(crate) async fn remove(&self, etag: &str) -> Result<(), Error> {
        let (storage, bucket) = (&self.settings.cloud.storage, &self.settings.bucket);
        // Goes on when the release was interrupted: that is when a lock left behind hurts most.
        let never = CancellationToken::new();
        let patience = Patience {
            pace: self.settings.pace,
            cancel: &never,
        };
        patience
            .repeatedly("removing the lock", || {
                in_time(Box::pin(storage.delete_if_match(bucket, &self.key, etag)))
            })
            .await
    }

    /// The entity tag of what was written; S3 always sends it, and one more look costs little.
    async fn etag(&self, etag: Option<String>, document: &Lock) -> Result<String, Error> {
        match etag {
            Some(etag) => Ok(etag),
            None => match self.find(&document.token).await? {
                Found::Own(etag) => Ok(etag),
                Found::Lost(how) => Err(Error::LockLost {
                    environment: self.environment().to_owned(),
                    how,
                }),
            },
        }
    }

    fn body(&self, document: &Lock) -> Result<Bytes, Error> {
        serde_json::to_vec_pretty(document)
            .map(Bytes::from)
            .map_err(|source| Error::Document {
                what: self.place(),
                source,
            })
    }

    fn place(&self) -> String {
        format!("s3://{}/{}", self.settings.bucket, self.key)
    }

    fn patience(&self) -> Patience<'_> {
        Patience {
            pace: self.settings.pace,
            cancel: &self.settings.cancel,
        }
    }
}

/// A place that holds no lock, for all that is known.
const NOTHING: Reading = Reading {
    now: None,
    object: None,
};

/// True if the process of a lock is known to be gone, or is this one and has let it go.
fn has_ended(lock: &Lock) -> bool {
    let Some(process) = &lock.process else {
        return false;
    };
    match process.fate() {
        Fate::Ended => true,
        Fate::Own => !is_held_here(&lock.token),
        Fate::Alive | Fate::Unknown => false,
    }
}

fn is_denial(error: &Error) -> bool {
    matches!(error, Error::Cloud { source, .. } if source.kind == Kind::AccessDenied)
}

fn failed(doing: &'static str) -> impl Fn(beanpole_cloud::Error) -> Error {
    move |source| Error::Cloud { doing, source }
}

/// A write that hangs is as good as a broken connection.
async fn in_time<T>(
    call: impl Future<Output = Result<T, beanpole_cloud::Error>>,
) -> Result<T, beanpole_cloud::Error> {
    match tokio::time::timeout(REQUEST_TIMEOUT, call).await {
        Ok(answer) => answer,
        Err(_) => Err(beanpole_cloud::Error::new(
            "s3",
            "PutObject",
            "the lock",
            Kind::Network,
            "no answer in time",
        )),
    }
}
