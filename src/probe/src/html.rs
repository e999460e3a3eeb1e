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

    // TEMP-BEGIN
    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20000))]
        #[test]
        fn temp_same_as_before(
            rows in proptest::collection::vec((
                prop_oneof![Just("<tr>"), Just("<tr class='x error'>"), Just("<tr class=error class=a>"), Just("<tr id=error class=' y\tz'>")],
                prop_oneof![Just(""), Just("<td>&#10060;</td>"), Just("<td class=x><span>\n&#9989;\n</span>"), Just("<th>x</th>")],
                "[a-zA-Z(),'= \\n\\r\0&<]{0,12}",
                "(OK|working|(<p>|</p>|<br>|<b>x</b>|<!-- x -->|<script>'<td>'</script>|&amp;|&#x274c;|&notit;|[a-z ]{1,4}|\r\n){0,6})",
                "([0-9]{1,2}[.,][0-9]{1,4}(&#x202F;s| seconds|))|x{0,1}",
                any::<[bool; 4]>(),
            ), 0..5),
            head in prop_oneof![Just("<table>"), Just("<div><table class=error><thead><tr><td>a</thead>"), Just("<table><thead><tr><th>x</th></tr></thead><tbody>"), Just("<table><caption>x</caption><thead><th>"), Just("")],
            tail in prop_oneof![Just(""), Just("</table></body>"), Just("</tbody></table><p>x<tr><td>"), Just("</tbody><tfoot><tr><td>x</tfoot></table>"), Just("</table><table><tr><td>a<td>b<td>1</table>")],
            good in any::<bool>(),
        ) {
            let mut page = head.to_owned();
            for (tr, first, name, message, time, ends) in rows {
                let end = |yes: bool, tag: &'static str| if yes { tag } else { "" };
                page += &format!("{tr}{first}<td>{name}{}<td>{message}{}<td>{time}{}{}", end(ends[0], "</td>"), end(ends[1], "</td>"), end(ends[2], "</td>"), end(ends[3], "</tr>"));
            }
            page += tail;
            prop_assert_eq!(parse(&page, good), crate::html_old::parse(&page, good), "{}", page);
        }

        #[test]
        fn temp_soup_same_as_before(body in "<table>(<(tbody|thead|tr|td|th|br)( class=error)?>|</(td|tr|tbody|table)>|</table><table>|(<tr( class=error)?><td>a<td>OK<td>0.1)|[0-9., s\u{274c}]){0,12}") {
            let (new, old) = (parse(&body, true), crate::html_old::parse(&body, true));
            if old.is_some() || new.is_some() {
                prop_assert_eq!(new, old, "{}", body);
            }
        }
    }

    #[test]
    fn temp_speed() {
        for piece in ["<table>", "<tr>", "<td>", "<table><td>", "<table></table>", "a", "<", "&", "&#", "&a", "<!--", "<tr class=error ", "<tr a=\"", "</", "\0", "<table><tr><td>a<td>OK<td>1", "<a b=c c=d>", "<script>", "<textarea>", "]]>", "<table><tr><td><br>"] {
            let page = format!("<table><tr><td>{}", piece.repeat(1024 * 1024 / piece.len()));
            let at = std::time::Instant::now();
            let found = parse(&page, true).map(|found| found.len());
            println!("TEMP {piece:30} {found:?} {:?}", at.elapsed());
        }
    }
    // TEMP-END

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
