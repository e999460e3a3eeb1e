//! Lines to instructions.

use super::{Dockerfile, Heredoc, Instruction, Text, stage};
use crate::source::{Place, Source, number};

/// How many instructions of a file are read. Rules compare them with each other.
const MOST: usize = 2000;

impl Dockerfile {
    /// Reads a file. Never fails.
    pub(crate) fn read(source: &Source<'_>) -> Self {
        let lines: Vec<&str> = source.text.split('\n').collect();
        let mut reader = Reader {
            escape: escape_character(&lines),
            lines: &lines,
            at: 0,
        };
        let mut instructions = Vec::new();
        while reader.at < lines.len() && instructions.len() < MOST {
            instructions.extend(reader.instruction());
        }
        let stages = stage::stages(&instructions);
        Self {
            is_whole: reader.at >= lines.len(),
            instructions,
            stages,
        }
    }
}

/// The character that joins lines: the directive `# escape=` may change it. Directives stand above everything else.
fn escape_character(lines: &[&str]) -> char {
    for line in lines {
        let Some(comment) = line.trim_start().strip_prefix('#') else {
            break;
        };
        let Some((name, value)) = comment.split_once('=') else {
            break;
        };
        if name.trim().eq_ignore_ascii_case("escape") {
            return match value.trim() {
                "`" => '`',
                _ => '\\',
            };
        }
    }
    '\\'
}

struct Reader<'t> {
    escape: char,
    lines: &'t [&'t str],
    /// The next line, from 0.
    at: usize,
}

impl Reader<'_> {
    /// Reads one instruction, or steps over a line without one.
    fn instruction(&mut self) -> Option<Instruction> {
        let first = self.at;
        let text = self.logical_line()?;
        let (keyword, rest) = split_word(&text.text);
        let body = text.from(rest);
        let (flags, start) = flags(&body.text);
        let body = body.from(start);
        let keyword_place = text.place(0);
        let keyword = keyword.to_ascii_uppercase();
        let heredocs = if matches!(keyword.as_str(), "RUN" | "COPY" | "ADD") {
            self.heredocs(&body.text)
        } else {
            Vec::new()
        };
        let last_line = number(self.at).max(number(first).saturating_add(1));
        Some(Instruction {
            keyword,
            place: keyword_place.until(last_line),
            flags,
            body,
            heredocs,
        })
    }

    /// A line with those that continue it. None for comments and empty lines.
    fn logical_line(&mut self) -> Option<Text> {
        let mut text = Text::default();
        let mut begun = false;
        while let Some(line) = self.lines.get(self.at) {
            let number_of_line = number(self.at).saturating_add(1);
            self.at += 1;
            let trimmed = line.trim();
            if trimmed.is_empty() || trimmed.starts_with('#') {
                if begun {
                    // Comments and empty lines between continued lines do not count.
                    continue;
                }
                return None;
            }
            let indent = line.len() - line.trim_start().len();
            let (content, continues) = match trimmed.strip_suffix(self.escape) {
                Some(content) => (content, true),
                None => (trimmed, false),
            };
            let column = line.get(..indent).unwrap_or_default().chars().count();
            let place = Place::point(number_of_line, number(column).saturating_add(1));
            // Indentation of a continued line separates words; one blank stands for it.
            if begun && indent > 0 {
                text.text.push(' ');
            }
            text.pieces.push((text.text.len(), place));
            text.text.push_str(content);
            begun = true;
            if !continues {
                break;
            }
        }
        begun.then_some(text)
    }

    /// The here-documents that a line announces.
    fn heredocs(&mut self, body: &str) -> Vec<Heredoc> {
        let mut found = Vec::new();
        for word in body.split_whitespace() {
            let word = word.trim_start_matches(|character: char| character.is_ascii_digit());
            let Some(name) = word.strip_prefix("<<") else {
                continue;
            };
            let (strip_tabs, name) = name
                .strip_prefix('-')
                .map_or((false, name), |name| (true, name));
            let name = name.trim_matches(['"', '\'']);
            if name.is_empty() || name.contains('<') {
                continue;
            }
            found.push(self.heredoc(name, strip_tabs));
        }
        found
    }

    fn heredoc(&mut self, name: &str, strip_tabs: bool) -> Heredoc {
        let line = number(self.at).saturating_add(1);
        let mut content = String::new();
        while let Some(text) = self.lines.get(self.at) {
            self.at += 1;
            let end = text.trim_end_matches('\r');
            let end = if strip_tabs {
                end.trim_start_matches('\t')
            } else {
                end
            };
            if end == name {
                break;
            }
            content.push_str(text);
            content.push('\n');
        }
        Heredoc { content, line }
    }
}

/// The first word, and the offset of what follows it.
fn split_word(text: &str) -> (&str, usize) {
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    let rest = text.get(end..).unwrap_or_default();
    let blanks = rest.len() - rest.trim_start().len();
    (text.get(..end).unwrap_or_default(), end + blanks)
}

/// The flags in front, and the offset of what follows them.
fn flags(text: &str) -> (Vec<(String, String)>, usize) {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| rest.starts_with("--")) {
        let (word, next) = split_word(rest);
        let flag = word.trim_start_matches('-');
        let (name, value) = flag.split_once('=').unwrap_or((flag, ""));
        found.push((name.to_owned(), value.to_owned()));
        at += next;
    }
    (found, at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Dockerfile {
        Dockerfile::read(&Source::new(text))
    }

    #[test]
    fn continued_lines_keep_their_places() {
        let file = read(
            "# syntax=docker/dockerfile:1\n\nfrom python:3.12\nRUN apt-get update && \\\n    # why\n\n  apt-get install -y \\  \n    żurek git\nCMD [\"a\"]\n",
        );
        let keywords: Vec<&str> = file
            .instructions
            .iter()
            .map(|one| one.keyword.as_str())
            .collect();
        assert_eq!(keywords, ["FROM", "RUN", "CMD"]);
        let run = &file.instructions[1];
        assert_eq!((run.place.line, run.place.last_line), (4, 8));
        let at = run.body.text.find("git").unwrap();
        assert_eq!(run.body.place(at), Place::point(8, 11));
        let at = run.body.text.find("install").unwrap();
        assert_eq!(run.body.place(at), Place::point(7, 11));
        assert_eq!(run.body.place(0), Place::point(4, 5));
    }

    #[test]
    fn here_documents_belong_to_their_instruction() {
        let file = read(
            "FROM a\nRUN --mount=type=cache,target=/x <<EOF bash\nset -e\n# FROM no\nEOF\nCOPY <<-'A' <<B /etc/\n\tone\n\tA\ntwo\nB\nUSER app\n",
        );
        let keywords: Vec<&str> = file
            .instructions
            .iter()
            .map(|one| one.keyword.as_str())
            .collect();
        assert_eq!(keywords, ["FROM", "RUN", "COPY", "USER"]);
        let run = &file.instructions[1];
        assert_eq!(run.flag("mount"), Some("type=cache,target=/x"));
        assert_eq!((run.heredocs[0].line, run.place.last_line), (3, 5));
        assert_eq!(file.instructions[2].heredocs[1].content, "two\n");
        assert_eq!(file.instructions[2].paths(), ["/etc/"]);
    }

    #[test]
    fn the_escape_character_may_be_another() {
        let file = read("# escape=`\nFROM a\nRUN a `\n b\nCOPY c:\\ d\\\nUSER x\n");
        assert_eq!(file.instructions.len(), 4);
        assert_eq!(file.instructions[1].body.text, "a  b");
    }

    #[test]
    fn carriage_returns_do_not_matter() {
        let file = read("FROM a\r\nRUN b \\\r\n  c\r\nCMD [\"d\"]\r\n");
        assert_eq!(file.instructions.len(), 3);
        assert_eq!(file.instructions[2].json().unwrap(), ["d"]);
    }

    proptest! {
        #[test]
        fn never_panics(text in "(?s).{0,200}") {
            let _ = read(&text);
        }

        #[test]
        fn never_panics_on_text_like_a_dockerfile(text in "((FROM|RUN|COPY|ENV|ARG|CMD|USER|ONBUILD|--a=b|<<E|E|AS|\\$\\{A:-b\\}|é|\\[\"a\"|\\]|=|\"|'|a|#|# escape=`)[ \\\\`\n\t]{0,2}){0,30}") {
            let file = read(&text);
            for one in &file.instructions {
                prop_assert!(one.place.line >= 1 && one.place.last_line >= one.place.line);
                let _ = (one.json(), one.paths(), one.scripts(), super::super::pairs(one));
            }
        }
    }
}
