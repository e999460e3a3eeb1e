//! Findings as Markdown, for a job's summary or a comment.

use super::plain::one_line;
use super::{Shown, counted, word};

/// GitHub drops a summary of more than 1 MiB, and some a little below.
const LARGEST: usize = 1000 * 1024;

/// How many findings stand in the table. Nobody reads more.
const MOST_ROWS: usize = 200;

/// The longest text in one cell, in characters.
const LONGEST_CELL: usize = 600;

/// A heading with the counts and a table.
#[must_use]
pub fn markdown(title: &str, shown: &[Shown<'_>]) -> String {
    let mut text = format!("### {}\n\n", cell(title));
    if shown.is_empty() {
        text.push_str("Nothing was found.\n");
        return text;
    }
    text.push_str(&format!("{}\n\n", counted(shown)));
    text.push_str("| | Where | What | What to do |\n|---|---|---|---|\n");
    let mut rows = 0;
    for row in shown.iter().take(MOST_ROWS).map(row) {
        // The last line has its place kept.
        if text.len() + row.len() + 100 > LARGEST {
            break;
        }
        text.push_str(&row);
        rows += 1;
    }
    let rest = shown.len() - rows;
    if rest > 0 {
        text.push_str(&format!("\nand {rest} more, which are in the log\n"));
    }
    text
}

fn row(shown: &Shown<'_>) -> String {
    let finding = shown.finding;
    let place = finding.location.as_ref().map(ToString::to_string);
    let remedy = finding.remedy.as_deref().unwrap_or(&finding.reason);
    format!(
        "| {} | {} | {} {} | {} |\n",
        word(finding.severity),
        place.map(|place| code(&place)).unwrap_or_default(),
        cell(&finding.message),
        code(&finding.rule),
        cell(remedy),
    )
}

/// Text that stays in its cell and is what it looks like: no markup, no mention of people, no link.
fn cell(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let line = one_line(text);
    for character in line.chars().take(LONGEST_CELL) {
        match character {
            '&' => plain.push_str("&amp;"),
            '<' => plain.push_str("&lt;"),
            '>' => plain.push_str("&gt;"),
            '@' => plain.push_str("&#64;"),
            // Code in backticks reads well, and holds nothing that has a meaning.
            '|' | '\\' | '*' | '_' | '[' | ']' | '#' | '~' | '!' => {
                plain.push('\\');
                plain.push(character);
            }
            character => plain.push(character),
        }
    }
    if line.chars().nth(LONGEST_CELL).is_some() {
        plain.push('…');
    }
    // A single backtick would reach into the next cell.
    if plain.matches('`').count() % 2 == 1 {
        plain = plain.replace('`', "'");
    }
    unescaped_code(&plain)
}

/// Inside of backticks, backslashes are shown as they are: only the bar needs one.
fn unescaped_code(text: &str) -> String {
    text.split('`')
        .enumerate()
        .map(|(index, part)| {
            if index % 2 == 0 {
                return part.to_owned();
            }
            let bars = part.replace("\\|", "\u{0}");
            let mut plain = String::with_capacity(bars.len());
            let mut characters = bars.chars();
            while let Some(character) = characters.next() {
                match character {
                    '\\' => plain.extend(characters.next()),
                    character => plain.push(character),
                }
            }
            plain
                .replace('\u{0}', "\\|")
                .replace("&amp;", "&")
                .replace("&lt;", "<")
                .replace("&gt;", ">")
                .replace("&#64;", "@")
        })
        .collect::<Vec<_>>()
        .join("`")
}

/// Text as code.
fn code(text: &str) -> String {
    let plain = one_line(text).replace('`', "'").replace('|', "\\|");
    format!("`{plain}`")
}

#[cfg(test)]
mod tests {
    use super::super::testing::finding;
    use super::*;
    use beanpole_model::Severity;

    #[test]
    fn a_heading_and_a_table() {
        let mut error = finding("drop-column", Severity::Error, Some(("a|`b.py", 3, 7)));
        error.message = "`a_b|c <d>` of @team <img src=x> | **bold**\nx".to_owned();
        let mut note = finding("old", Severity::Note, None);
        note.remedy = None;
        note.message = "one ` alone".to_owned();
        insta::assert_snapshot!(markdown("Checks", &[Shown::new(&error), Shown::new(&note)]), @r"
        ### Checks

        1 error, 1 note

        | | Where | What | What to do |
        |---|---|---|---|
        | error | `a\|'b.py:3:7` | `a_b\|c <d>` of &#64;team &lt;img src=x&gt; \| \*\*bold\*\* x `drop-column` | do it in two releases |
        | note |  | one ' alone `old` | The old version still reads it. |
        ");
        assert_eq!(
            markdown("Checks", &[]),
            "### Checks\n\nNothing was found.\n"
        );
    }

    #[test]
    fn it_stays_below_the_limit_and_says_what_is_missing() {
        let mut long = finding("r", Severity::Error, None);
        long.message = "<".repeat(100_000);
        long.remedy = Some("x".repeat(100_000));
        let shown = vec![Shown::new(&long); 5000];
        let text = markdown("Checks", &shown);
        assert!(text.len() < LARGEST, "{}", text.len());
        assert!(text.ends_with("and 4800 more, which are in the log\n"));
    }
}
