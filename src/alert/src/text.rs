//! Text for Slack: escaping, cutting, code.
//!
//! Slack's mrkdwn gives three characters a meaning (`&`, `<`, `>`): unescaped, `<!channel>` in a
//! commit subject would call everybody. Lengths are counted in UTF-16 units, which is never less
//! than the number of characters, so a text within our limits is within Slack's whichever way Slack
//! counts.

/// What stands for the part that was cut off.
const ELLIPSIS: char = '…';

/// The length that limits are measured in: UTF-16 units.
#[must_use]
pub fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Escapes mrkdwn's control characters and drops control characters other than line breaks and tabs
/// (terminal colours of a log among them).
#[must_use]
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in without_terminal_codes(text).chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// `text` without ANSI escape sequences and without control characters, line breaks and tabs aside.
#[must_use]
pub fn without_terminal_codes(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' {
            // A control sequence is ESC [ parameters, ended by a byte from @ to ~ (ECMA-48, 5.4).
            if characters.peek() == Some(&'[') {
                characters.next();
                for part in characters.by_ref() {
                    if ('@'..='~').contains(&part) {
                        break;
                    }
                }
            }
        } else if !character.is_control() || character == '\n' || character == '\t' {
            clean.push(character);
        }
    }
    clean
}

/// One line: line breaks and runs of blanks become one blank, the ends are trimmed.
#[must_use]
pub fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The first part of `text`, whose escaped form fits into `limit`; an ellipsis marks a cut. The
/// result is not escaped yet: cutting afterwards could cut an entity in two.
#[must_use]
pub fn cut(text: &str, limit: usize) -> String {
    if length(&escape(text)) <= limit {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 1; // the ellipsis
    for character in text.chars() {
        let cost = escaped_length(character);
        if used + cost > limit {
            break;
        }
        used += cost;
        kept.push(character);
    }
    let mut kept = kept.trim_end().to_owned();
    if limit > 0 {
        kept.push(ELLIPSIS);
    }
    kept
}

/// The last part of `text`, whose escaped form fits into `limit`; an ellipsis marks the cut. Not
/// escaped yet, as with [`cut`].
#[must_use]
pub fn cut_start(text: &str, limit: usize) -> String {
    if length(&escape(text)) <= limit {
        return text.to_owned();
    }
    let mut kept: Vec<char> = Vec::new();
    let mut used = 1; // the ellipsis
    for character in text.chars().rev() {
        let cost = escaped_length(character);
        if used + cost > limit {
            break;
        }
        used += cost;
        kept.push(character);
    }
    let kept: String = kept.into_iter().rev().collect();
    if limit == 0 {
        String::new()
    } else {
        format!("{ELLIPSIS}{}", kept.trim_start())
    }
}

/// The last of `lines` whose escaped forms fit into `limit` together with their line breaks, oldest
/// first. The end is what says why something failed, so a newest line that is too long keeps its end.
#[must_use]
pub fn last_lines(lines: &[String], limit: usize) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    let mut used = 0;
    for line in lines.iter().rev() {
        let cost = length(&escape(line)) + 1;
        if used + cost > limit {
            if kept.is_empty() {
                kept.push(cut_start(line, limit));
            }
            break;
        }
        used += cost;
        kept.push(line.clone());
    }
    kept.reverse();
    kept
}

/// Inline code of an identifier. Grave accents inside would end it, so they become apostrophes.
#[must_use]
pub fn code(text: &str) -> String {
    format!("`{}`", escape(&one_line(text).replace('`', "'")))
}

/// A block of preformatted text. A fence inside would end it, so its grave accents become
/// apostrophes, which keeps the length.
#[must_use]
pub fn fenced(lines: &[String]) -> String {
    let body = lines.join("\n").replace("```", "'''");
    format!("```\n{}\n```", escape(&body))
}

/// What one character costs once escaped; dropped control characters cost their own length, which
/// errs on the safe side.
fn escaped_length(character: char) -> usize {
    match character {
        '&' => 5,
        '<' | '>' => 4,
        other => other.len_utf16(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nobody_is_called_by_a_commit_subject() {
        assert_eq!(
            escape("<!channel> a && b"),
            "&lt;!channel&gt; a &amp;&amp; b"
        );
    }

    #[test]
    fn terminal_colours_are_dropped() {
        assert_eq!(
            escape("\u{1b}[31mError\u{1b}[0m: no\u{7}\tpe\n"),
            "Error: no\tpe\n"
        );
    }

    #[test]
    fn an_entity_is_never_cut_in_two() {
        assert_eq!(escape(&cut("a<<<<", 10)), "a&lt;&lt;…");
    }

    #[test]
    fn the_newest_lines_are_kept() {
        let lines: Vec<String> = (1..=5).map(|number| format!("line {number}")).collect();
        assert_eq!(last_lines(&lines, 14), ["line 4", "line 5"]);
        assert_eq!(
            last_lines(&["a very long line".to_owned()], 8),
            ["…ng line"]
        );
    }

    #[test]
    fn a_fence_in_a_log_does_not_end_the_block() {
        let shown = fenced(&["before ``` after".to_owned()]);
        assert_eq!(shown.matches("```").count(), 2);
    }

    #[test]
    fn code_stays_code() {
        assert_eq!(code("a`b\nc"), "`a'b c`");
    }

    proptest! {
        #[test]
        fn a_cut_text_fits(text in any::<String>(), limit in 0usize..300) {
            prop_assert!(length(&escape(&cut(&text, limit))) <= limit);
            prop_assert!(length(&escape(&cut_start(&text, limit))) <= limit);
        }

        #[test]
        fn escaped_text_has_no_angle_brackets(text in any::<String>()) {
            let escaped = escape(&text);
            prop_assert!(!escaped.contains('<') && !escaped.contains('>'));
        }

        #[test]
        fn kept_lines_fit(lines in proptest::collection::vec("[a-z<&` ]{0,40}", 0..20), limit in 0usize..200) {
            let kept = last_lines(&lines, limit);
            let total: usize = kept.iter().map(|line| length(&escape(line))).sum();
            prop_assert!(total <= limit);
        }
    }
}
