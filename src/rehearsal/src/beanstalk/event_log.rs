//! The events of all environments: kept in order, found by filters, shown newest first.

use jiff::{SignedDuration, Timestamp};

/// How grave an event is, from least to most (API reference, DescribeEvents).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
    Fatal,
}

impl Severity {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [
            Self::Trace,
            Self::Debug,
            Self::Info,
            Self::Warn,
            Self::Error,
            Self::Fatal,
        ]
        .into_iter()
        .find(|severity| severity.as_str().eq_ignore_ascii_case(text))
    }
}

/// One event. Everything but date, severity and message depends on what it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// When it happened; unique in the log.
    pub(crate) at: Timestamp,
    /// From when on it can be seen; `None` if never.
    pub(crate) shown_from: Option<Timestamp>,
    pub(crate) severity: Severity,
    pub(crate) message: String,
    pub(crate) application: Option<String>,
    pub(crate) environment: Option<String>,
    pub(crate) environment_id: Option<String>,
    pub(crate) version_label: Option<String>,
    pub(crate) platform_arn: Option<String>,
    pub(crate) request_id: Option<String>,
}

/// What DescribeEvents filters by. An empty filter takes all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) application: Option<String>,
    pub(crate) environment: Option<String>,
    pub(crate) environment_id: Option<String>,
    pub(crate) version_label: Option<String>,
    pub(crate) platform_arn: Option<String>,
    pub(crate) request_id: Option<String>,
    /// This severity and graver ones.
    pub(crate) severity: Option<Severity>,
    /// On or after.
    pub(crate) from: Option<Timestamp>,
    /// Before.
    pub(crate) until: Option<Timestamp>,
}

impl Filter {
    fn takes(&self, event: &Event, now: Timestamp) -> bool {
        fn same(wanted: Option<&String>, found: Option<&String>) -> bool {
            wanted.is_none_or(|wanted| found == Some(wanted))
        }
        event.shown_from.is_some_and(|shown_from| shown_from <= now)
            && same(self.application.as_ref(), event.application.as_ref())
            && same(self.environment.as_ref(), event.environment.as_ref())
            && same(self.environment_id.as_ref(), event.environment_id.as_ref())
            && same(self.version_label.as_ref(), event.version_label.as_ref())
            && same(self.platform_arn.as_ref(), event.platform_arn.as_ref())
            && same(self.request_id.as_ref(), event.request_id.as_ref())
            && self
                .severity
                .is_none_or(|severity| event.severity >= severity)
            && self.from.is_none_or(|from| event.at >= from)
            && self.until.is_none_or(|until| event.at < until)
    }
}

/// All events, oldest first.
#[derive(Debug, Default)]
pub(crate) struct EventLog {
    events: Vec<Event>,
}

impl EventLog {
    /// Adds an event. Its date is moved to at least a millisecond after the last one's, and cut to the
    /// milliseconds that the wire carries: `eb` asks for events from its last event's date plus one
    /// millisecond on, and would lose one of two events of the same millisecond. On a clock that runs
    /// hundreds of times as fast as the wall's, that would happen all the time.
    pub(crate) fn push(&mut self, mut event: Event) {
        let delay = event.shown_from.map(|shown| shown.duration_since(event.at));
        let mut at = whole_milliseconds(event.at);
        if let Some(last) = self.events.last() {
            at = at.max(later(last.at, SignedDuration::from_millis(1)));
        }
        event.at = at;
        event.shown_from = delay.map(|delay| later(at, delay));
        self.events.push(event);
    }

    /// The events that the filter takes at virtual time `now`, newest first.
    pub(crate) fn find<'log>(
        &'log self,
        filter: &'log Filter,
        now: Timestamp,
    ) -> impl Iterator<Item = &'log Event> {
        // An event that had to be moved past `now` to be unique is there already.
        let now = self.events.last().map_or(now, |last| now.max(last.at));
        self.events
            .iter()
            .rev()
            .filter(move |event| filter.takes(event, now))
    }
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(at)
}

fn whole_milliseconds(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn event(second: i64, message: &str) -> Event {
        Event {
            at: at(second),
            shown_from: Some(at(second)),
            severity: Severity::Info,
            message: message.to_owned(),
            application: Some("shop".to_owned()),
            environment: Some("shop-production".to_owned()),
            environment_id: None,
            version_label: None,
            platform_arn: None,
            request_id: None,
        }
    }

    fn messages(log: &EventLog, filter: &Filter, now: i64) -> Vec<String> {
        log.find(filter, at(now))
            .map(|event| event.message.clone())
            .collect()
    }

    #[test]
    fn newest_first_with_an_inclusive_start_and_an_exclusive_end() {
        let mut log = EventLog::default();
        for second in 1..=4 {
            log.push(event(second, &second.to_string()));
        }
        let filter = Filter {
            from: Some(at(2)),
            until: Some(at(4)),
            ..Filter::default()
        };
        assert_eq!(messages(&log, &filter, 10), ["3", "2"]);
    }

    #[test]
    fn no_two_events_share_a_millisecond_and_order_is_kept() {
        let mut log = EventLog::default();
        for message in ["first", "second", "third"] {
            log.push(event(5, message));
        }
        assert_eq!(
            messages(&log, &Filter::default(), 5),
            ["third", "second", "first"]
        );
        let dates: Vec<i64> = log
            .find(&Filter::default(), at(5))
            .map(|event| event.at.as_millisecond())
            .collect();
        assert_eq!(dates, [5002, 5001, 5000]);
    }

    #[test]
    fn delayed_events_appear_late_with_their_own_date_and_lost_ones_never() {
        let mut log = EventLog::default();
        log.push(Event {
            shown_from: Some(at(90)),
            ..event(1, "late")
        });
        log.push(Event {
            shown_from: None,
            ..event(2, "lost")
        });
        log.push(event(3, "plain"));
        assert_eq!(messages(&log, &Filter::default(), 50), ["plain"]);
        assert_eq!(messages(&log, &Filter::default(), 90), ["plain", "late"]);
    }

    #[test]
    fn a_severity_takes_graver_ones_too() {
        let mut log = EventLog::default();
        for severity in [Severity::Debug, Severity::Warn, Severity::Fatal] {
            log.push(Event {
                severity,
                ..event(1, severity.as_str())
            });
        }
        let filter = Filter {
            severity: Severity::parse("warn"),
            ..Filter::default()
        };
        assert_eq!(messages(&log, &filter, 9), ["FATAL", "WARN"]);
        assert_eq!(Severity::parse("loud"), None);
    }
}
