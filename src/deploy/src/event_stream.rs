//! Following events without losing or repeating one. Pure.
//!
//! Rules: AWS's start time is inclusive, events share instants, and some come late with a date that
//! lies before events already shown. So every question overlaps the last answer by [`OVERLAP`], and
//! what was seen is known by date, message and request id. Nothing is ever skipped to save a repeat.

use std::collections::{BTreeMap, HashSet};

use beanpole_cloud::BeanstalkEvent;
use jiff::{SignedDuration, Timestamp};

/// How late an event may come and still be shown: by AWS's clock, behind the newest one seen.
pub const OVERLAP: SignedDuration = SignedDuration::from_mins(5);

/// What tells two events of one instant apart.
type Mark = (String, Option<String>);

/// The events of an environment over many questions.
#[derive(Debug, Default)]
pub struct EventStream {
    /// Nothing before this is asked for.
    floor: Option<Timestamp>,
    newest: Option<Timestamp>,
    seen: BTreeMap<Option<Timestamp>, HashSet<Mark>>,
}

impl EventStream {
    /// A stream of the events since `floor`; of all events if it is none.
    #[must_use]
    pub fn since(floor: Option<Timestamp>) -> Self {
        Self {
            floor,
            ..Self::default()
        }
    }

    /// The instant from which on to ask next.
    #[must_use]
    pub fn ask_from(&self) -> Option<Timestamp> {
        let overlapping = self
            .newest
            .and_then(|newest| newest.checked_sub(OVERLAP).ok());
        match (self.floor, overlapping) {
            (Some(floor), Some(from)) => Some(floor.max(from)),
            (floor, from) => floor.or(from),
        }
    }

    /// Nothing that is older than `event` is asked for any more: the beginning was cut there.
    pub fn begin_at(&mut self, event: &BeanstalkEvent) {
        self.floor = self.floor.max(event.at);
    }

    /// Takes an answer and gives what is new in it, oldest first. Events of one instant keep their
    /// order.
    pub fn take(&mut self, answer: Vec<BeanstalkEvent>) -> Vec<BeanstalkEvent> {
        let mut news: Vec<BeanstalkEvent> = answer
            .into_iter()
            .filter(|event| {
                let mark = (event.message.clone(), event.request_id.clone());
                self.seen.entry(event.at).or_default().insert(mark)
            })
            .collect();
        news.sort_by_key(|event| event.at);
        self.newest = self.newest.max(news.last().and_then(|event| event.at));
        self.forget();
        news
    }

    /// Drops the marks that no further answer can hold.
    fn forget(&mut self) {
        let Some(from) = self.ask_from() else {
            return;
        };
        self.seen
            .retain(|at, _| at.is_none_or(|instant| instant >= from));
    }
}

#[cfg(test)]
mod tests {
    use beanpole_cloud::EventSeverity;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    fn event(second: i64, message: &str, request: Option<&str>) -> BeanstalkEvent {
        BeanstalkEvent {
            at: Some(at(second)),
            message: message.to_owned(),
            severity: EventSeverity::Info,
            environment: Some("shop-production".to_owned()),
            version_label: None,
            request_id: request.map(str::to_owned),
        }
    }

    fn messages(events: &[BeanstalkEvent]) -> Vec<&str> {
        events.iter().map(|event| event.message.as_str()).collect()
    }

    #[test]
    fn a_repeated_answer_brings_nothing_new() {
        let mut stream = EventStream::since(None);
        let answer = vec![event(1, "a", None), event(2, "b", None)];
        assert_eq!(messages(&stream.take(answer.clone())), ["a", "b"]);
        assert_eq!(stream.take(answer), []);
    }

    #[test]
    fn events_of_one_instant_are_told_apart_by_message_and_request() {
        let mut stream = EventStream::since(None);
        stream.take(vec![event(1, "a", Some("r-1"))]);
        let news = stream.take(vec![
            event(1, "a", Some("r-1")),
            event(1, "a", Some("r-2")),
            event(1, "b", Some("r-1")),
        ]);
        assert_eq!(news.len(), 2);
    }

    #[test]
    fn a_late_event_appears_with_its_own_date() {
        let mut stream = EventStream::since(None);
        stream.take(vec![event(100, "now", None)]);
        let from = stream.ask_from().unwrap();
        assert_eq!(from, at(100 - 300));
        let news = stream.take(vec![event(20, "late", None), event(100, "now", None)]);
        assert_eq!(messages(&news), ["late"]);
    }

    #[test]
    fn the_question_never_moves_back_nor_past_what_may_come_late() {
        let mut stream = EventStream::since(Some(at(0)));
        assert_eq!(stream.ask_from(), Some(at(0)));
        stream.take(vec![event(60, "a", None)]);
        assert_eq!(stream.ask_from(), Some(at(0)));
        stream.take(vec![event(1000, "b", None)]);
        assert_eq!(stream.ask_from(), Some(at(700)));
        stream.take(vec![event(800, "late", None)]);
        assert_eq!(stream.ask_from(), Some(at(700)));
    }

    #[test]
    fn what_cannot_come_again_is_forgotten_and_what_can_is_not() {
        let mut stream = EventStream::since(None);
        for second in 0..2000 {
            stream.take(vec![event(second, "tick", None)]);
        }
        assert_eq!(stream.seen.len(), 301);
        let again: Vec<_> = (1699..2000)
            .map(|second| event(second, "tick", None))
            .collect();
        assert_eq!(stream.take(again), []);
    }

    #[test]
    fn what_was_cut_at_the_beginning_stays_cut() {
        let mut stream = EventStream::since(None);
        let shown = event(50, "shown", None);
        stream.take(vec![shown.clone()]);
        stream.begin_at(&shown);
        assert_eq!(stream.ask_from(), Some(at(50)));
    }
}
