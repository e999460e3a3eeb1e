//! The lines of the message that git will keep, with their places in the file.

/// What follows the comment string and a space in the line below which git cuts everything.
pub const SCISSORS: &str = "------------------------ >8 ------------------------";

/// Whether a line may be a comment, whatever the settings say begins one. A mark that begins with a letter, a digit or a space
/// would take every line of prose out of the message, so nobody has one.
#[must_use]
pub fn may_have_comments(bytes: &[u8]) -> bool {
    bytes.split(|byte| *byte == b'\n').any(|line| {
        let first = line.first();
        first.is_some_and(|byte| !byte.is_ascii_alphanumeric() && !byte.is_ascii_whitespace())
    })
}

/// One line that stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Its number in the file, from 1.
    pub(super) number: u32,
    /// Without the line end and trailing whitespace.
    pub(super) text: String,
}

/// The message as git will keep it.
#[derive(Clone, Debug)]
pub(super) struct Text {
    /// Without empty lines at both ends.
    pub(super) lines: Vec<Line>,
}

impl Text {
    pub(super) fn new(bytes: &[u8], comment: Option<&str>) -> Self {
        // What is not UTF-8 is said by a rule of its own; one character for each fault keeps the columns right enough.
        let text = String::from_utf8_lossy(bytes);
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let comment = comment.filter(|comment| !comment.is_empty());
        let mut lines: Vec<Line> = text
            .split('\n')
            .zip(1..)
            .take_while(|(line, _)| comment.is_none_or(|comment| !is_scissors(line, comment)))
            .filter(|(line, _)| comment.is_none_or(|comment| !line.starts_with(comment)))
            .map(|(line, number)| Line {
                number,
                text: line.trim_end().to_owned(),
            })
            .skip_while(|line| line.text.is_empty())
            .collect();
        while lines.last().is_some_and(|line| line.text.is_empty()) {
            lines.pop();
        }
        Self { lines }
    }

    /// The first line.
    pub(super) fn subject(&self) -> Option<&Line> {
        self.lines.first()
    }

    /// The lines behind the subject.
    pub(super) fn rest(&self) -> &[Line] {
        self.lines.get(1..).unwrap_or_default()
    }

    /// The last paragraph behind the subject, if it looks like footers (`Token: value`, `Token #value`).
    pub(super) fn footers(&self) -> &[Line] {
        let rest = self.rest();
        let start = rest
            .iter()
            .rposition(|line| line.text.is_empty())
            .map_or(rest.len(), |blank| blank + 1);
        let paragraph = rest.get(start..).unwrap_or_default();
        match paragraph.first() {
            Some(first) if is_footer(&first.text) => paragraph,
            _ => &[],
        }
    }
}

/// Whether a line begins a footer.
pub(super) fn is_footer(line: &str) -> bool {
    let token = |token: &str| {
        matches!(token, "BREAKING CHANGE")
            || (!token.is_empty()
                && token
                    .chars()
                    .all(|letter| letter.is_ascii_alphanumeric() || letter == '-'))
    };
    [": ", " #"].iter().any(|separator| {
        line.split_once(separator)
            .is_some_and(|(name, _)| token(name))
    })
}

fn is_scissors(line: &str, comment: &str) -> bool {
    line.strip_prefix(comment)
        .and_then(|rest| rest.strip_prefix(' '))
        .is_some_and(|rest| rest.trim_end() == SCISSORS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str, comment: Option<&str>) -> Vec<(u32, String)> {
        Text::new(text.as_bytes(), comment)
            .lines
            .into_iter()
            .map(|line| (line.number, line.text))
            .collect()
    }

    #[test]
    fn comments_and_empty_ends_are_cut() {
        let text = "# above\n\nfeat: x  \r\n\r\n# between\nbody #1\n\n# below\n";
        assert_eq!(
            lines(text, Some("#")),
            [
                (3, "feat: x".to_owned()),
                (4, String::new()),
                (6, "body #1".to_owned())
            ]
        );
    }

    #[test]
    fn the_comment_string_is_the_one_of_git() {
        assert_eq!(lines("#1 is fixed\n; note\n", Some(";")).len(), 1);
        assert_eq!(lines("a\n// note\n", Some("//")).len(), 1);
        assert_eq!(lines("a\n# note", None).len(), 2);
        assert_eq!(lines("a\n# note", Some("")).len(), 2);
    }

    #[test]
    fn nothing_stays_below_the_scissors() {
        let text = format!("feat: x\n# {SCISSORS}\ndiff --git\n");
        assert_eq!(lines(&text, Some("#")).len(), 1);
        // Of another comment string, it is text.
        assert_eq!(lines(&text, Some(";")).len(), 3);
    }

    #[test]
    fn footers_are_the_last_paragraph() {
        let text = Text::new(b"feat: x\n\nWhy: not\n\nRefs: A-1\nCloses #3\n", Some("#"));
        let footers: Vec<&str> = text
            .footers()
            .iter()
            .map(|line| line.text.as_str())
            .collect();
        assert_eq!(footers, ["Refs: A-1", "Closes #3"]);
        assert!(
            Text::new(b"feat: x\n\nthe body: text", None)
                .footers()
                .is_empty()
        );
        assert!(Text::new(b"feat: x", None).footers().is_empty());
    }
}
