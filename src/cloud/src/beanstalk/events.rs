//! Beanstalk's events: what it says about its work, in its own words.

use aws_sdk_elasticbeanstalk::types::{EventDescription, EventSeverity as SdkSeverity};
use beanpole_model::{ApplicationName, EnvironmentName};
use jiff::Timestamp;
use serde::Serialize;

use super::{Beanstalk, SERVICE};
use crate::Error;
use crate::text::named;
use crate::time::{date_time, timestamp};

/// The most that one page holds (API reference, DescribeEvents).
const PAGE: i32 = 1000;

named!(
    /// How grave an event is, from least to most.
    EventSeverity {
        /// Of interest to AWS only.
        Trace = "TRACE",
        /// Of interest when hunting a fault.
        Debug = "DEBUG",
        /// News.
        Info = "INFO",
        /// May need attention.
        Warn = "WARN",
        /// Something failed.
        Error = "ERROR",
        /// The operation failed.
        Fatal = "FATAL",
    }
);

/// One event.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct BeanstalkEvent {
    /// When.
    pub at: Option<Timestamp>,
    /// AWS's words.
    pub message: String,
    /// How grave.
    pub severity: EventSeverity,
    /// The environment it is about.
    pub environment: Option<String>,
    /// The version it is about.
    pub version_label: Option<String>,
    /// The request that caused it. Not every event has one.
    pub request_id: Option<String>,
}

/// Which events to list. All given conditions must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventQuery {
    /// Of this application.
    pub application: Option<ApplicationName>,
    /// Of this environment.
    pub environment: Option<EnvironmentName>,
    /// Of the environment with this id: unlike a name, never a former environment's.
    pub environment_id: Option<String>,
    /// Caused by this request.
    pub request_id: Option<String>,
    /// At this instant or later. Events come late and share instants: ask with an overlap, and drop
    /// what was seen.
    pub since: Option<Timestamp>,
    /// At least this grave.
    pub severity: Option<EventSeverity>,
    /// At most this many, the newest ones; no more pages are read than they need. `None` for all.
    pub limit: Option<usize>,
}

impl Beanstalk {
    /// The events that match, oldest first, from all pages. AWS keeps six weeks.
    ///
    /// # Errors
    /// See [`Error`]. Missing permissions give an empty list, not an error.
    pub async fn events(&self, query: &EventQuery) -> Result<Vec<BeanstalkEvent>, Error> {
        let text = |name: Option<&EnvironmentName>| name.map(ToString::to_string);
        let mut pages = self
            .client
            .describe_events()
            .set_application_name(query.application.as_ref().map(ToString::to_string))
            .set_environment_name(text(query.environment.as_ref()))
            .set_environment_id(query.environment_id.clone())
            .set_request_id(query.request_id.clone())
            .set_start_time(query.since.map(date_time))
            .set_severity(
                query
                    .severity
                    .as_ref()
                    .map(|own| SdkSeverity::from(own.as_str())),
            )
            .max_records(page_size(query.limit))
            .into_paginator()
            .send();
        let mut events = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(SERVICE.failed("DescribeEvents", object(query)))?;
            events.extend(page.events.unwrap_or_default().into_iter().map(from_sdk));
            if query.limit.is_some_and(|limit| events.len() >= limit) {
                break;
            }
        }
        events.truncate(query.limit.unwrap_or(usize::MAX));
        // AWS sends the newest first. Turning the list round keeps the order of events that share
        // an instant; the stable sort only repairs what a page boundary may have mixed.
        events.reverse();
        events.sort_by_key(|event: &BeanstalkEvent| event.at);
        Ok(events)
    }
}

/// No page is larger than what is wanted. AWS takes 1 to 1000.
fn page_size(limit: Option<usize>) -> i32 {
    limit
        .and_then(|limit| i32::try_from(limit).ok())
        .map_or(PAGE, |limit| limit.clamp(1, PAGE))
}

fn object(query: &EventQuery) -> String {
    match (&query.environment, &query.environment_id) {
        (Some(name), _) => format!("events of environment `{name}`"),
        (None, Some(id)) => format!("events of environment `{id}`"),
        (None, None) => "events".to_owned(),
    }
}

fn from_sdk(event: EventDescription) -> BeanstalkEvent {
    BeanstalkEvent {
        at: event.event_date.as_ref().and_then(timestamp),
        message: event.message.unwrap_or_default(),
        severity: EventSeverity::parse(event.severity.as_ref().map_or("", |own| own.as_str())),
        environment: event.environment_name,
        version_label: event.version_label,
        request_id: event.request_id,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_have_an_order() {
        assert!(EventSeverity::Warn > EventSeverity::Info);
        assert!(EventSeverity::Fatal > EventSeverity::Error);
    }

    #[test]
    fn a_page_is_no_larger_than_what_is_wanted() {
        for (limit, size) in [
            (None, 1000),
            (Some(0), 1),
            (Some(20), 20),
            (Some(5000), 1000),
        ] {
            assert_eq!(page_size(limit), size);
        }
    }
}
