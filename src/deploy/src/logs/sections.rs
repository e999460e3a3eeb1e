//! A tail of an instance's logs, taken apart: one text that holds the last lines of several files.
//!
//! The form of the text, as Beanstalk sends it: a line of hyphens, the file's path, a line of hyphens,
//! the lines. The rules have different lengths on different platforms.

use serde::Serialize;

/// The fewest hyphens that make a rule. Real ones have 37 or 40.
const SHORTEST_RULE: usize = 20;

/// The last lines of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Section {
    /// The file's path on the instance; empty for lines before the first heading.
    pub file: String,
    /// Its last lines, without control characters and without empty lines at both ends.
    pub lines: Vec<String>,
}

/// The files of a tail, in its order. Empty ones are left out.
#[must_use]
pub fn sections(tail: &str) -> Vec<Section> {
    let lines: Vec<&str> = tail.lines().collect();
    let mut found = Vec::new();
    let mut current = Section::default();
    let mut rest = lines.as_slice();
    while let [line, after @ ..] = rest {
        if let [path, rule, behind @ ..] = after
            && is_rule(line)
            && is_rule(rule)
            && path.trim_start().starts_with('/')
        {
            keep(&mut found, current);
            current = Section {
                file: printable(path.trim()),
                lines: Vec::new(),
            };
            rest = behind;
        } else {
            current.lines.push(printable(line));
            rest = after;
        }
    }
    keep(&mut found, current);
    found
}

fn keep(found: &mut Vec<Section>, mut section: Section) {
    while section.lines.last().is_some_and(String::is_empty) {
        section.lines.pop();
    }
    let empty = section
        .lines
        .iter()
        .take_while(|line| line.is_empty())
        .count();
    section.lines.drain(..empty);
    if !section.lines.is_empty() {
        found.push(section);
    }
}

fn is_rule(line: &str) -> bool {
    let line = line.trim();
    line.len() >= SHORTEST_RULE && line.bytes().all(|byte| byte == b'-')
}

/// A line of foreign text as it may be shown: without colours and other control sequences, which
/// could rewrite what a terminal shows. A tab becomes a space.
#[must_use]
pub fn printable(line: &str) -> String {
    let mut clean = String::with_capacity(line.len());
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\u{1b}' if letters.peek() == Some(&'[') => {
                // A control sequence ends with a letter of the range `@` to `~` (ECMA-48, 5.4).
                letters.next();
                while letters
                    .next()
                    .is_some_and(|own| !('@'..='~').contains(&own))
                {}
            }
            '\t' => clean.push(' '),
            other if other.is_control() => {}
            other => clean.push(other),
        }
    }
    clean.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAIL: &str = "\n\n----------------------------------------\n/var/log/eb-engine.log\n\
        ----------------------------------------\n2026/11/20 10:00:00.1 [INFO] one\n\n\
        2026/11/20 10:00:01.1 [INFO] two\n\n\n-------------------------------------\n\
        /var/log/nginx/error.log\n-------------------------------------\n\n\
        ----------------------------------------\n/var/log/web.log\n\
        ----------------------------------------\n\u{1b}[31mred\u{1b}[0m\tword\n----------\nlast\n";

    #[test]
    fn files_are_told_apart_and_empty_ones_left_out() {
        let found = sections(TAIL);
        let files: Vec<&str> = found.iter().map(|section| section.file.as_str()).collect();
        assert_eq!(files, ["/var/log/eb-engine.log", "/var/log/web.log"]);
        assert_eq!(found[0].lines.len(), 3);
        assert_eq!(found[1].lines, ["red word", "----------", "last"]);
    }

    #[test]
    fn a_text_without_headings_is_one_section_without_a_name() {
        let found = sections("hello\nworld\n");
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].file.as_str(), found[0].lines.len()), ("", 2));
        assert_eq!(sections(" \n\n"), []);
        assert_eq!(sections(""), []);
    }

    #[test]
    fn a_rule_at_the_very_end_is_a_line_like_any_other() {
        let text = format!("line\n{0}\n/var/log/x\n", "-".repeat(40));
        let found = sections(&text);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].lines.len(), 3);
    }

    #[test]
    fn control_sequences_do_not_reach_the_terminal() {
        assert_eq!(printable("\u{1b}[2J\u{1b}[1;31mred\u{1b}[0m\u{7}\r"), "red");
        assert_eq!(printable("\u{1b}]0;title\u{7}x"), "]0;titlex");
        assert_eq!(printable("\u{1b}["), "");
    }
}
