//! Findings for people: place, message, the line with a mark, why, and what to do.

use beanpole_model::Severity;
use owo_colors::{OwoColorize as _, Style};
use unicode_width::UnicodeWidthChar as _;

use super::plain::{is_harmful, one_line};
use super::{Shown, counted, word};

/// How many characters of a line are shown.
const LONGEST: usize = 100;

/// The findings, in their order, and a line that counts them. Empty if there are none.
#[must_use]
pub fn text(shown: &[Shown<'_>], color: bool) -> String {
    if shown.is_empty() {
        return String::new();
    }
    let mut blocks: Vec<String> = shown.iter().map(|shown| block(shown, color)).collect();
    blocks.push(counted(shown));
    blocks.join("\n")
}

fn block(shown: &Shown<'_>, color: bool) -> String {
    let finding = shown.finding;
    let style = match finding.severity {
        Severity::Error => Style::new().red().bold(),
        Severity::Warning => Style::new().yellow().bold(),
        Severity::Note => Style::new().cyan(),
    };
    let styled = |text: &str, style: Style| {
        if color {
            text.style(style).to_string()
        } else {
            text.to_owned()
        }
    };
    let severity = styled(word(finding.severity), style);
    let place = place(shown).map(|place| format!("{}: ", styled(&place, Style::new().bold())));
    let mut block = format!(
        "{}{severity}: {} [{}]\n",
        place.unwrap_or_default(),
        one_line(&finding.message),
        one_line(&finding.rule),
    );
    if let (Some(source), Some(line)) = (shown.source, shown.line()) {
        let number = line.to_string();
        let (excerpt, mark) = excerpt(source, shown.column());
        block.push_str(&format!("{number} | {excerpt}\n"));
        if let Some(mark) = mark {
            let margin = " ".repeat(number.len());
            block.push_str(&format!("{margin} | {mark}{}\n", styled("^", style)));
        }
    }
    if !finding.reason.is_empty() {
        block.push_str(&format!("  why: {}\n", one_line(&finding.reason)));
    }
    if let Some(remedy) = &finding.remedy {
        let mut lines = remedy.lines().map(one_line);
        block.push_str(&format!("  do:  {}\n", lines.next().unwrap_or_default()));
        for line in lines {
            block.push_str(&format!("       {line}\n"));
        }
    }
    block
}

/// `path:line:column`, as far as it is known. GitHub's runner takes a line that begins with two colons for a
/// command.
fn place(shown: &Shown<'_>) -> Option<String> {
    let path = one_line(shown.path()?);
    let mut place = if path.trim_start().starts_with("::") || path.contains("##[") {
        format!("./{}", path.replace("##[", "##\\["))
    } else {
        path
    };
    for number in [shown.line(), shown.column()].into_iter().flatten() {
        place.push_str(&format!(":{number}"));
    }
    Some(place)
}

/// The part of a line around a column, and as much space as stands before the column there.
fn excerpt(source: &str, column: Option<u32>) -> (String, Option<String>) {
    let characters: Vec<char> = source
        .chars()
        .map(|character| match character {
            '\t' => ' ',
            character if is_harmful(character) => '\u{fffd}',
            character => character,
        })
        .collect();
    let index = column
        .and_then(|column| usize::try_from(column).ok())
        .map(|column| column.saturating_sub(1).min(characters.len()));
    let skip = if characters.len() > LONGEST {
        index.unwrap_or(0).saturating_sub(LONGEST / 2)
    } else {
        0
    };
    let part: String = characters.iter().skip(skip).take(LONGEST).collect();
    // The runner looks for its older commands anywhere in a line.
    let part = part.trim_end().replace("##[", "## [");
    let mark = index.map(|index| {
        let before = characters.iter().take(index).skip(skip);
        " ".repeat(before.map(|character| character.width().unwrap_or(0)).sum())
    });
    (part, mark)
}

#[cfg(test)]
mod tests {
    use super::super::testing::finding;
    use super::*;

    #[test]
    fn place_message_line_reason_remedy() {
        let mut error = finding("drop-column", Severity::Error, Some(("blog/a.py", 12, 5)));
        error.remedy = Some("two releases:\nfirst the code\nthen the column".to_owned());
        let warning = finding("large", Severity::Warning, Some(("a.bin", 0, 7)));
        let note = finding("old", Severity::Note, None);
        let shown = [
            Shown {
                source: Some("\tx, migrations.RemoveField("),
                ..Shown::new(&error)
            },
            Shown::new(&warning),
            Shown::new(&note),
        ];
        insta::assert_snapshot!(text(&shown, false), @r"
        blog/a.py:12:5: error: `drop-column` is broken [drop-column]
        12 |  x, migrations.RemoveField(
           |     ^
          why: The old version still reads it.
          do:  two releases:
               first the code
               then the column

        a.bin: warning: `large` is broken [large]
          why: The old version still reads it.
          do:  do it in two releases

        note: `old` is broken [old]
          why: The old version still reads it.
          do:  do it in two releases

        1 error, 1 warning, 1 note
        ");
        assert_eq!(text(&[], true), "");
        let plain = text(&shown, false);
        assert_eq!(
            anstream::adapter::strip_str(&text(&shown, true)).to_string(),
            plain
        );
        assert_ne!(text(&shown, true), plain);
    }

    #[test]
    fn the_mark_stands_under_its_column() {
        assert_eq!(excerpt("木木x", Some(3)).1.as_deref(), Some("    "));
        assert_eq!(excerpt("ab", Some(99)).1.as_deref(), Some("  "));
        assert_eq!(excerpt("ab", None).1, None);
        let long = format!("{}x{}", "a".repeat(300), "b".repeat(300));
        let (part, mark) = excerpt(&long, Some(301));
        assert_eq!(part.chars().nth(mark.unwrap().len()), Some('x'));
        assert_eq!(part.len(), LONGEST);
    }

    #[test]
    fn nothing_poses_as_a_command_of_the_runner() {
        let mut odd = finding("r", Severity::Error, Some(("::error::x\n::y", 1, 1)));
        odd.message = "a\n::set-output name=x::y".to_owned();
        odd.remedy = Some("x\r::stop-commands::".to_owned());
        let shown = Shown {
            source: Some("##[command]\u{1b}[2J\u{202e}"),
            ..Shown::new(&odd)
        };
        let text = text(&[shown], false);
        assert!(!text.contains(['\u{1b}', '\u{202e}', '\r']), "{text}");
        assert!(!text.contains("##["), "{text}");
        for line in text.lines() {
            assert!(!line.trim_start().starts_with("::"), "{line}");
        }
    }
}
