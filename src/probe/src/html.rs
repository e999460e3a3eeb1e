//! The HTML answer of django-health-check: one table, one row for each component.
//!
//! Version 3 has a cell with a tick or a cross before name, message and time; version 4 marks the
//! failing rows with a class. In both the last three cells are name, message and time.

use std::time::Duration;

use crate::components::{Component, is_working, one_line, split_host};
use crate::rows::{Row, read_rows};

/// The cross of version 3.
const CROSS: char = '\u{274c}';
/// The class of a failing row in version 4.
const FAILING_CLASS: &str = "error";

/// The components of an HTML answer; `None` if the page is not a health page.
pub(crate) fn parse(body: &str, good_status: bool) -> Option<Vec<Component>> {
    let components = read_rows(body, |row| component(&row, good_status))?;
    (!components.is_empty()).then_some(components)
}

fn component(row: &Row, good_status: bool) -> Option<Component> {
    let [before @ .., name, message, time] = row.cells.as_slice() else {
        return None;
    };
    let elapsed = parse_time(time)?;
    let (name, host) = split_host(&one_line(name));
    let crossed = before.iter().any(|cell| cell.contains(CROSS));
    let marked = row
        .class
        .split_ascii_whitespace()
        .any(|class| class == FAILING_CLASS);
    Some(Component {
        name,
        host,
        ok: !crossed && !marked && is_working(message, good_status),
        message: one_line(message),
        elapsed: Some(elapsed),
    })
}

/// Reads `0.0072 seconds` and `0.004 s`, with a dot or a comma, in any language: the first word is
/// the number.
fn parse_time(text: &str) -> Option<Duration> {
    let number = text
        .trim()
        .split(|character: char| !character.is_ascii_digit() && !matches!(character, '.' | ','))
        .next()?
        .replace(',', ".");
    Duration::try_from_secs_f64(number.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(body: &str, good_status: bool) -> Vec<String> {
        parse(body, good_status)
            .unwrap()
            .into_iter()
            .map(|component| format!("{} {component}", if component.ok { "+" } else { "-" }))
            .collect()
    }

    #[test]
    fn reads_the_recorded_answers() {
        let recorded = [
            (true, include_str!("../fixtures/3.18.3-ok.html")),
            (false, include_str!("../fixtures/3.18.3-failing.html")),
            (true, include_str!("../fixtures/3.18.3-warning.html")),
            (true, include_str!("../fixtures/3.24.0-ok.html")),
            (false, include_str!("../fixtures/3.24.0-failing.html")),
            (true, include_str!("../fixtures/4.0.6-ok.html")),
            (false, include_str!("../fixtures/4.0.6-failing.html")),
            (true, include_str!("../fixtures/4.8.0-ok.html")),
            (false, include_str!("../fixtures/4.8.0-failing.html")),
        ];
        insta::assert_yaml_snapshot!(recorded.map(|(good, body)| lines(body, good)));
    }

    #[test]
    fn html_and_json_agree_on_names_and_verdicts() {
        let pairs = [
            (
                include_str!("../fixtures/3.18.3-warning.html"),
                include_str!("../fixtures/3.18.3-warning.json"),
                true,
            ),
            (
                include_str!("../fixtures/3.24.0-failing.html"),
                include_str!("../fixtures/3.24.0-failing.json"),
                false,
            ),
            (
                include_str!("../fixtures/4.0.6-failing.html"),
                include_str!("../fixtures/4.0.6-failing.json"),
                false,
            ),
            (
                include_str!("../fixtures/4.8.0-failing.html"),
                include_str!("../fixtures/4.8.0-failing.json"),
                false,
            ),
        ];
        for (html, json, good) in pairs {
            let plain = |components: Vec<Component>| -> Vec<(String, bool)> {
                components
                    .into_iter()
                    .map(|component| (component.name, component.ok))
                    .collect()
            };
            assert_eq!(
                plain(parse(html, good).unwrap()),
                plain(crate::json::parse(json.as_bytes(), good).unwrap())
            );
        }
    }

    #[test]
    fn other_pages_are_not_health_pages() {
        for body in [
            "",
            "<h1>Hello</h1>",
            "<table><tbody><tr><td>a</td><td>b</td><td>c</td></tr></tbody></table>",
            "<table><tbody></tbody></table>",
            "{\"a\": \"OK\"}",
        ] {
            assert_eq!(parse(body, true), None, "{body}");
        }
    }

    #[test]
    fn times_in_other_languages() {
        assert_eq!(
            parse_time("0,0072 Sekunden"),
            Some(Duration::from_micros(7200))
        );
        assert_eq!(
            parse_time(" 0.004\u{202f}s "),
            Some(Duration::from_millis(4))
        );
        assert_eq!(parse_time("soon"), None);
        assert_eq!(parse_time("1e999"), Some(Duration::from_secs(1)));
    }

    proptest! {
        #[test]
        fn never_panics(body in "(?s).{0,300}") {
            let _ = parse(&body, true);
        }

        #[test]
        fn broken_tables_never_panic(body in "(<(table|tbody|tr|td|p|br)( class=error)?>|</(td|tr)>|[0-9., s\u{274c}]){0,40}") {
            let _ = parse(&body, true);
        }
    }
}
