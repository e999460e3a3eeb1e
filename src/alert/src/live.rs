//! Feeds an [`Announcer`] from a running release.
//!
//! The release reports events; they change an announcement that lives here; a task sends it. The
//! release never waits for Slack: however many events come, there is one latest announcement, and
//! states that Slack has no time for are never sent. Only [`Live::finish`] waits, within a deadline.

use std::time::Duration;

use beanpole_model::{Event, Reporter};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::announcement::Announcement;
use crate::announcer::{Announcer, Delivery, Place};

/// A release that is being announced. Dropping it stops the sending without a final state; call
/// [`Self::finish`].
#[derive(Debug)]
pub struct Live {
    announcement: watch::Sender<Announcement>,
    place: watch::Receiver<Option<Place>>,
    task: JoinHandle<(Announcer, Delivery)>,
    deadline: Duration,
}

impl Live {
    /// Starts to send. Needs a running tokio runtime. The first message goes out at once.
    #[must_use]
    pub fn start(announcer: Announcer, announcement: Announcement) -> Self {
        // A send in between may be under way when the end comes; both must fit.
        let deadline = announcer.longest_final() + announcer.longest_final();
        let (sender, receiver) = watch::channel(announcement);
        let (tell_place, place) = watch::channel(announcer.place().cloned());
        let task = tokio::spawn(follow(announcer, receiver, tell_place));
        Self {
            announcement: sender,
            place,
            task,
            deadline,
        }
    }

    /// Changes the announcement: the version once it is known, the URL. The change is sent when the
    /// next message may go out. The final state belongs to [`Self::finish`].
    pub fn change(&self, change: impl FnOnce(&mut Announcement)) {
        self.announcement.send_modify(change);
    }

    /// Where the release is told, once it is: for a journal, so that another process can go on with
    /// the same message.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        self.place.borrow().clone()
    }

    /// Applies the last change, which sets a final state, and waits until it is sent or the deadline
    /// is over (twice the announcer's patience). A state that is still running counts as interrupted.
    pub async fn finish(self, change: impl FnOnce(&mut Announcement)) -> Delivery {
        self.announcement.send_modify(|announcement| {
            change(announcement);
            if !announcement.state.is_final() {
                announcement.state = crate::State::Interrupted;
            }
        });
        drop(self.announcement);
        let mut task = self.task;
        match tokio::time::timeout(self.deadline, &mut task).await {
            Ok(Ok((_, delivery))) => delivery,
            Ok(Err(error)) => Delivery::Failed {
                reason: format!("the sending of announcements broke off: {error}"),
                hint: Some("This is a fault of beanpole: report it.".to_owned()),
            },
            Err(_) => {
                task.abort();
                Delivery::Failed {
                    reason: format!("Slack took longer than {} s", self.deadline.as_secs()),
                    hint: None,
                }
            }
        }
    }
}

impl Reporter for Live {
    fn report(&self, event: &Event) {
        self.announcement
            .send_if_modified(|announcement| announcement.apply(event));
    }
}

/// Sends the latest announcement each time it changed and may be sent, and the final one at last.
async fn follow(
    mut announcer: Announcer,
    mut receiver: watch::Receiver<Announcement>,
    tell_place: watch::Sender<Option<Place>>,
) -> (Announcer, Delivery) {
    loop {
        let latest = receiver.borrow_and_update().clone();
        let delivery = announcer.announce(&latest).await;
        tell_place.send_if_modified(|place| {
            let is_new = place.as_ref() != announcer.place();
            *place = announcer.place().cloned();
            is_new
        });
        if latest.state.is_final() {
            return (announcer, delivery);
        }
        // Nobody listens for the end any more: the release was dropped.
        if receiver.changed().await.is_err() {
            return (announcer, delivery);
        }
        wait_for_turn(&announcer, &mut receiver).await;
    }
}

/// Waits until the next change may be sent, or until there is what waits for nobody: the final state,
/// or a topic of the thread that speaks for the first time.
async fn wait_for_turn(announcer: &Announcer, receiver: &mut watch::Receiver<Announcement>) {
    let turn = tokio::time::sleep(announcer.pause());
    tokio::pin!(turn);
    loop {
        let cannot_wait = {
            let latest = receiver.borrow_and_update();
            latest.state.is_final() || announcer.has_new_topic(&latest)
        };
        if cannot_wait {
            return;
        }
        tokio::select! {
            () = &mut turn => return,
            changed = receiver.changed() => {
                if changed.is_err() {
                    return;
                }
            }
        }
    }
}
