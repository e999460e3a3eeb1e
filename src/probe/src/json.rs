//! The JSON answer of django-health-check: one object, component names to messages.

use serde_json::Value;

use crate::components::{Component, is_working, one_line, split_host};

/// The components of a JSON answer; `None` if the body is not one.
pub(crate) fn parse(body: &[u8], good_status: bool) -> Option<Vec<Component>> {
    let Ok(Value::Object(entries)) = serde_json::from_slice(body) else {
        return None;
    };
    if entries.is_empty() {
        return None;
    }
    entries
        .into_iter()
        .map(|(name, message)| {
            let Value::String(message) = message else {
                return None;
            };
            let (name, host) = split_host(&name);
            Some(Component {
                name,
                host,
                ok: is_working(&message, good_status),
                message: one_line(&message),
                elapsed: None,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(body: &str, good_status: bool) -> Vec<String> {
        parse(body.as_bytes(), good_status)
            .unwrap()
            .into_iter()
            .map(|component| format!("{} {component}", if component.ok { "+" } else { "-" }))
            .collect()
    }

    #[test]
    fn reads_the_recorded_answers() {
        let recorded = [
            (true, include_str!("../fixtures/3.18.3-ok.json")),
            (false, include_str!("../fixtures/3.18.3-failing.json")),
            (true, include_str!("../fixtures/3.18.3-warning.json")),
            (true, include_str!("../fixtures/3.24.0-ok.json")),
            (false, include_str!("../fixtures/3.24.0-failing.json")),
            (true, include_str!("../fixtures/4.0.6-ok.json")),
            (false, include_str!("../fixtures/4.0.6-failing.json")),
            (true, include_str!("../fixtures/4.8.0-ok.json")),
            (false, include_str!("../fixtures/4.8.0-failing.json")),
        ];
        insta::assert_yaml_snapshot!(recorded.map(|(good, body)| lines(body, good)));
    }

    #[test]
    fn several_errors_of_one_component_become_one_line() {
        assert_eq!(
            lines(r#"{"X": "unavailable: a\nwarning: b"}"#, false),
            ["- X: unavailable: a; warning: b"]
        );
    }

    #[test]
    fn other_bodies_are_not_health_pages() {
        for body in [
            "",
            "{}",
            "[]",
            "\"OK\"",
            r#"{"a": 1}"#,
            r#"{"checks": {"db": "ok"}}"#,
            "<html>",
        ] {
            assert_eq!(parse(body.as_bytes(), true), None, "{body}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&body, true);
        }
    }
}
