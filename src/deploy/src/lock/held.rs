//! A lock while it is held: its heartbeat, its loss, its end.
//!
//! Rules: a beat rewrites the lock on the condition that nobody else has (`If-Match`). A refused
//! beat is looked at before the lock is given up: it may be our own lost answer. Trouble with the
//! network is a warning; what counts is what the lock says when it can be read again. Dropping a
//! held lock stops its heart and leaves it in place: whatever was done under it is not over, and the
//! next release of this machine takes it over at once.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use beanpole_cloud::Kind;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::document::Lock;
use super::{EnvironmentLock, Found};
use crate::error::Error;

/// One request of the heartbeat may take this long, on this machine's clock.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);

/// The tokens that are held in this process. A lock of this process whose token is not here belongs
/// to nobody: the release that took it was dropped.
static HELD: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Notes that a token is held in this process, until dropped.
#[derive(Debug)]
pub(super) struct Registration(String);

impl Registration {
    pub(super) fn new(token: &str) -> Self {
        held().insert(token.to_owned());
        Self(token.to_owned())
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        held().remove(&self.0);
    }
}

/// True if a release in this process holds the lock of this token.
pub(super) fn is_held_here(token: &str) -> bool {
    held().contains(token)
}

fn held() -> MutexGuard<'static, BTreeSet<String>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A lock that this process holds.
#[derive(Debug)]
pub struct HeldLock {
    lock: EnvironmentLock,
    token: String,
    shared: Arc<Shared>,
    heart: JoinHandle<()>,
    _registration: Registration,
}

#[derive(Debug)]
struct Shared {
    /// The entity tag under which it was written last.
    etag: Mutex<String>,
    /// How it was lost, once it is.
    loss: Mutex<Option<String>>,
    lost: CancellationToken,
}

impl Drop for HeldLock {
    fn drop(&mut self) {
        self.heart.abort();
    }
}

/// How the end of a lock went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Released {
    /// It is gone.
    Done,
    /// It was not ours any more; the text says whose it is, or that it was removed.
    WasLost(String),
}

impl HeldLock {
    pub(super) fn new(
        lock: EnvironmentLock,
        document: Lock,
        etag: String,
        registration: Registration,
    ) -> Self {
        let shared = Arc::new(Shared {
            etag: Mutex::new(etag),
            loss: Mutex::new(None),
            lost: CancellationToken::new(),
        });
        let token = document.token.clone();
        let heart = tokio::spawn(beat(lock.clone(), document, Arc::clone(&shared)));
        Self {
            lock,
            token,
            shared,
            heart,
            _registration: registration,
        }
    }

    /// Triggered when someone else has taken the lock, or removed it. The release stops at the next
    /// safe point then.
    #[must_use]
    pub fn lost(&self) -> &CancellationToken {
        &self.shared.lost
    }

    /// Nothing while the lock is ours.
    ///
    /// # Errors
    /// [`Error::LockLost`].
    pub fn check(&self) -> Result<(), Error> {
        match self.shared.loss() {
            None => Ok(()),
            Some(how) => Err(Error::LockLost {
                environment: self.lock.environment().to_owned(),
                how,
            }),
        }
    }

    /// Lets the lock go. A lock that is not ours any more is left alone. Not to be interrupted: it is
    /// the last thing that a release does.
    ///
    /// # Errors
    /// [`Error::Cloud`] when the lock may still be there. It goes stale then.
    pub async fn release(mut self) -> Result<Released, Error> {
        self.heart.abort();
        // Until it has really stopped, so that no beat comes after the removal.
        let _aborted = (&mut self.heart).await;
        if let Some(how) = self.shared.loss() {
            return Ok(Released::WasLost(how));
        }
        let etag = self.shared.etag().clone();
        match self.lock.remove(&etag).await {
            Ok(()) => return Ok(Released::Done),
            Err(Error::Cloud { source, .. }) if source.kind == Kind::PreconditionFailed => {}
            Err(error) => return Err(error),
        }
        // The answer of the last beat was not waited for.
        match self.lock.find(&self.token).await? {
            Found::Own(etag) => self.lock.remove(&etag).await.map(|()| Released::Done),
            Found::Lost(how) => Ok(Released::WasLost(how)),
        }
    }
}

impl Shared {
    fn etag(&self) -> MutexGuard<'_, String> {
        self.etag.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn loss(&self) -> Option<String> {
        let loss = self.loss.lock().unwrap_or_else(PoisonError::into_inner);
        loss.clone()
    }

    fn lose(&self, how: String) {
        *self.loss.lock().unwrap_or_else(PoisonError::into_inner) = Some(how);
        self.lost.cancel();
    }
}

/// What came of a beat.
enum Beat {
    Written(String),
    Lost(String),
    Trouble(String),
}

/// Beats until the lock is lost or the task is stopped.
async fn beat(lock: EnvironmentLock, mut document: Lock, shared: Arc<Shared>) {
    let Some(heartbeat) = document.heartbeat else {
        return;
    };
    let every = Duration::from_secs(heartbeat.every_seconds);
    let mut is_troubled = false;
    loop {
        // After trouble sooner, so that one lost beat is made up for.
        let pause = if is_troubled { every / 3 } else { every };
        tokio::time::sleep(lock.pace().wait(pause)).await;
        if let Some(heartbeat) = &mut document.heartbeat {
            heartbeat.number += 1;
        }
        let etag = shared.etag().clone();
        let attempt = tokio::time::timeout(REQUEST_TIMEOUT, one_beat(&lock, &document, &etag));
        let beat = attempt
            .await
            .unwrap_or_else(|_| Beat::Trouble("no answer in time".to_owned()));
        match beat {
            Beat::Written(etag) => {
                *shared.etag() = etag;
                is_troubled = false;
            }
            Beat::Lost(how) => {
                shared.lose(how);
                return;
            }
            Beat::Trouble(why) => {
                if !std::mem::replace(&mut is_troubled, true) {
                    lock.warn(format!(
                        "The lock of `{}` could not be renewed, and is tried again: {why}.",
                        lock.environment()
                    ));
                }
            }
        }
    }
}

async fn one_beat(lock: &EnvironmentLock, document: &Lock, etag: &str) -> Beat {
    let error = match lock.rewrite(etag, document).await {
        Ok(etag) => return Beat::Written(etag),
        Err(error) => error,
    };
    let is_answer = matches!(
        &error,
        Error::Cloud { source, .. }
            if matches!(source.kind, Kind::PreconditionFailed | Kind::NotFound)
    );
    if !is_answer {
        return Beat::Trouble(beanpole_model::Report::from(error).to_string());
    }
    match lock.find(&document.token).await {
        Ok(Found::Own(etag)) => Beat::Written(etag),
        Ok(Found::Lost(how)) => Beat::Lost(how),
        Err(error) => Beat::Trouble(beanpole_model::Report::from(error).to_string()),
    }
}
