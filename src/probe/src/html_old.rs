#![allow(dead_code, reason = "temporary")]
// The HTML answer of django-health-check: one table, one row for each component.
//
// Version 3 has a cell with a tick or a cross before name, message and time; version 4 marks the
// failing rows with a class. In both the last three cells are name, message and time.

use std::time::Duration;

use scraper::{ElementRef, Html, Selector};

use crate::components::{Component, is_working, one_line, split_host};

/// The cross of version 3.
const CROSS: char = '\u{274c}';
/// The class of a failing row in version 4.
const FAILING_CLASS: &str = "error";

/// The components of an HTML answer; `None` if the page is not a health page.
pub(crate) fn parse(body: &str, good_status: bool) -> Option<Vec<Component>> {
    let rows = Selector::parse("tbody tr").ok()?;
    let cells = Selector::parse("td").ok()?;
    let page = Html::parse_document(body);
    let components: Vec<Component> = page
        .select(&rows)
        .map(|row| {
            let cells: Vec<ElementRef<'_>> = row.select(&cells).collect();
            component(row, &cells, good_status)
        })
        .collect::<Option<_>>()?;
    (!components.is_empty()).then_some(components)
}

fn component(
    row: ElementRef<'_>,
    cells: &[ElementRef<'_>],
    good_status: bool,
) -> Option<Component> {
    let [before @ .., name, message, time] = cells else {
        return None;
    };
    let elapsed = parse_time(&text(*time))?;
    let (name, host) = split_host(&one_line(&text(*name)));
    let message = text(*message);
    let crossed = before.iter().any(|cell| text(*cell).contains(CROSS));
    let marked = row.value().classes().any(|class| class == FAILING_CLASS);
    Some(Component {
        name,
        host,
        ok: !crossed && !marked && is_working(&message, good_status),
        message: one_line(&message),
        elapsed: Some(elapsed),
    })
}

/// The text of a cell. Paragraphs and line breaks of the page become line breaks.
fn text(cell: ElementRef<'_>) -> String {
    cell.text().collect::<Vec<_>>().join("\n")
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

