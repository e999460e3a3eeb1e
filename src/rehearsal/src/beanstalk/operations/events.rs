//! DescribeEvents.

use winterbaume_core::MockResponse;
use winterbaume_elasticbeanstalk::{model, wire};

use crate::beanstalk::call::{Call, page, page_size, parse_timestamp, timestamp};
use crate::beanstalk::error::{Answer, Refusal};
use crate::beanstalk::event_log::{Event, Filter, Severity};

pub(super) fn describe(call: &Call) -> Answer<MockResponse> {
    let input = call.input(wire::deserialize_describe_events_request)?;
    let severity = input
        .severity
        .map(|text| {
            Severity::parse(&text)
                .ok_or_else(|| Refusal::invalid(format!("Severity '{text}' is not known.")))
        })
        .transpose()?;
    let filter = Filter {
        application: input.application_name,
        environment: input.environment_name,
        environment_id: input.environment_id,
        version_label: input.version_label,
        platform_arn: input.platform_arn,
        request_id: input.request_id,
        severity,
        from: parse_timestamp("StartTime", input.start_time.as_ref())?,
        until: parse_timestamp("EndTime", input.end_time.as_ref())?,
    };
    let size = page_size(input.max_records, 1000)?;
    let now = call.now();
    // A token counts from the newest event back, so events that happen between two pages would shift
    // them: the token therefore also says which event the pages began with.
    let (filter, token) = match input.next_token.as_deref().map(read_token) {
        None => (filter, None),
        Some(Some((until, start))) => {
            let until = filter.until.map_or(until, |own| own.min(until));
            (
                Filter {
                    until: Some(until),
                    ..filter
                },
                Some(start),
            )
        }
        Some(None) => return Err(Refusal::invalid("NextToken is not valid.")),
    };
    let (events, newest) = call.shared.read(|state| {
        let events: Vec<Event> = state.events.find(&filter, now).cloned().collect();
        let newest = events.first().map(|event| event.at);
        (events, newest)
    });
    let (events, next) = page(events, token.as_ref(), size)?;
    let next_token = next
        .zip(newest)
        .map(|(start, newest)| format!("{}-{start}", newest.as_millisecond().saturating_add(1)));
    Ok(wire::serialize_describe_events_response(
        &model::EventDescriptionsMessage {
            events: Some(events.into_iter().map(description).collect()),
            next_token,
        },
    ))
}

fn read_token(token: &str) -> Option<(jiff::Timestamp, String)> {
    let (until, start) = token.split_once('-')?;
    let until = jiff::Timestamp::from_millisecond(until.parse().ok()?).ok()?;
    Some((until, start.to_owned()))
}

fn description(event: Event) -> model::EventDescription {
    model::EventDescription {
        application_name: event.application,
        environment_name: event.environment,
        event_date: Some(timestamp(event.at)),
        message: Some(event.message),
        platform_arn: event.platform_arn,
        request_id: event.request_id,
        severity: Some(event.severity.as_str().to_owned()),
        template_name: None,
        version_label: event.version_label,
    }
}
