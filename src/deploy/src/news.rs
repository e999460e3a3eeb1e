//! What Beanstalk said: each event once, in order.

use std::collections::HashSet;

use crate::observation::EventSight;

/// Remembers which events were told. Looks may repeat events.
#[derive(Debug, Default)]
pub(crate) struct News {
    known: HashSet<EventSight>,
}

impl News {
    /// The events that were not known before, oldest first. Events that share an instant keep their
    /// order.
    pub(crate) fn take(&mut self, events: &[EventSight]) -> Vec<EventSight> {
        let mut news: Vec<_> = events
            .iter()
            .filter(|event| self.known.insert((*event).clone()))
            .cloned()
            .collect();
        news.sort_by(|left, right| left.at.cmp(&right.at));
        news
    }

    /// Every error that was told so far, oldest first.
    pub(crate) fn errors(&self) -> Vec<EventSight> {
        let mut errors: Vec<_> = self
            .known
            .iter()
            .filter(|event| event.is_error())
            .cloned()
            .collect();
        errors.sort_by(|left, right| (&left.at, &left.message).cmp(&(&right.at, &right.message)));
        errors
    }
}
