//! One request: its parameters, its id, and how its answer is dressed.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use winterbaume_core::{MockRequest, MockResponse};

use super::error::{Answer, Refusal};
use super::names;
use super::shared::Shared;
use crate::server::answers::{Protocol, REQUEST_ID, with_request_id};
use crate::server::form;

pub(crate) struct Call {
    pub(crate) shared: Arc<Shared>,
    pub(crate) request_id: String,
    parameters: HashMap<String, String>,
}

impl Call {
    /// Reads the form in the body. The request's id is the one that the server gave it.
    pub(crate) fn new(shared: &Arc<Shared>, request: &MockRequest) -> Self {
        let given = request
            .headers
            .get(REQUEST_ID)
            .and_then(|id| id.to_str().ok());
        Self {
            shared: shared.clone(),
            request_id: given.map_or_else(names::request_id, ToOwned::to_owned),
            parameters: form::parse(&request.body),
        }
    }

    /// The operation's name.
    pub(crate) fn action(&self) -> Option<&str> {
        self.parameters.get("Action").map(String::as_str)
    }

    /// Reads the parameters into an operation's input.
    pub(crate) fn input<T>(
        &self,
        read: fn(&HashMap<String, String>) -> Result<T, String>,
    ) -> Answer<T> {
        read(&self.parameters).map_err(Refusal::invalid)
    }

    /// The virtual time of the call.
    pub(crate) fn now(&self) -> Timestamp {
        self.shared.world.clock.now()
    }

    /// Dresses an answer: with this call's request id in place of the one that the serializer made up.
    pub(crate) fn dress(&self, answer: Answer<MockResponse>) -> MockResponse {
        let response = answer.unwrap_or_else(|refusal| {
            Protocol::Query.error(refusal.status, refusal.code, &refusal.message)
        });
        with_request_id(response, Protocol::Query, &self.request_id)
    }
}

/// A timestamp as AWS writes it: UTC with milliseconds.
pub(crate) fn timestamp(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// Reads a timestamp parameter.
pub(crate) fn parse_timestamp(name: &str, text: Option<&String>) -> Answer<Option<Timestamp>> {
    text.map(|text| {
        text.parse().map_err(|_| {
            Refusal::invalid(format!(
                "The value '{text}' of {name} is not a valid timestamp."
            ))
        })
    })
    .transpose()
}

/// One page of a list and the token of the next. A token is the number of entries before the page.
pub(crate) fn page<T>(
    all: Vec<T>,
    token: Option<&String>,
    size: usize,
) -> Answer<(Vec<T>, Option<String>)> {
    let start = match token {
        None => 0,
        Some(token) => token
            .parse::<usize>()
            .ok()
            .filter(|start| *start <= all.len())
            .ok_or_else(|| Refusal::invalid("NextToken is not valid."))?,
    };
    let end = start.saturating_add(size.max(1));
    let next = (end < all.len()).then(|| end.to_string());
    Ok((
        all.into_iter().skip(start).take(size.max(1)).collect(),
        next,
    ))
}

/// The size of a page: `MaxRecords`, from 1 to `most`.
pub(crate) fn page_size(max_records: Option<i32>, most: usize) -> Answer<usize> {
    match max_records {
        None => Ok(most),
        Some(records) => usize::try_from(records)
            .ok()
            .filter(|records| (1..=most).contains(records))
            .ok_or_else(|| Refusal::invalid(format!("MaxRecords must be from 1 to {most}."))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_have_milliseconds() {
        assert_eq!(timestamp(Timestamp::UNIX_EPOCH), "1970-01-01T00:00:00.000Z");
        let text = "2026-11-20T18:20:00.5Z".to_owned();
        let parsed = parse_timestamp("StartTime", Some(&text)).unwrap().unwrap();
        assert_eq!(timestamp(parsed), "2026-11-20T18:20:00.500Z");
        assert!(parse_timestamp("StartTime", Some(&"yesterday".to_owned())).is_err());
    }

    #[test]
    fn pages_follow_each_other_until_the_end() {
        let all = || vec![1, 2, 3, 4, 5];
        let (first, token) = page(all(), None, 2).unwrap();
        let (second, token) = page(all(), token.as_ref(), 2).unwrap();
        let (third, token) = page(all(), token.as_ref(), 2).unwrap();
        assert_eq!([first, second, third].concat(), all());
        assert_eq!(token, None);
        assert!(page(all(), Some(&"x".to_owned()), 2).is_err());
        assert!(page_size(Some(0), 10).is_err());
    }
}
