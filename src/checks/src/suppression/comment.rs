//! Suppressions in comments.

use jiff::civil::Date;

/// A suppression of a whole file stands in its first lines.
const FIRST_LINES: usize = 20;

/// The longest line that is searched. Longer ones are generated.
const LONGEST_LINE: usize = 10_000;

/// How a comment can begin, and how it ends if not with the line.
type Syntax = (&'static str, Option<&'static str>);

const HASH: Syntax = ("#", None);
const DASHES: Syntax = ("--", None);
const SLASHES: Syntax = ("//", None);
const SEMICOLON: Syntax = (";", None);
const BLOCK: Syntax = ("/*", Some("*/"));
const TEMPLATE: Syntax = ("{#", Some("#}"));
const MARKUP: Syntax = ("<!--", Some("-->"));

/// What a comment says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Directive {
    /// The comment's line, from 1.
    pub(super) line: u32,
    /// What it is about.
    pub(super) target: Target,
    /// The ids of the rules.
    pub(super) rules: Vec<String>,
    /// The last day on which it holds.
    pub(super) until: Option<Date>,
    /// Why.
    pub(super) reason: Option<String>,
}

/// What a comment is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Line(u32),
    File,
}

/// A comment that was meant as a suppression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Malformed {
    pub(super) line: u32,
    pub(super) why: String,
}

/// What the comments of a file say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Comments {
    pub(super) directives: Vec<Directive>,
    pub(super) malformed: Vec<Malformed>,
}

/// The comment syntaxes of a file. A file of unknown kind has the two that are most common. SQL stands in
/// Python as well.
fn syntaxes(path: &str) -> &'static [Syntax] {
    let name = path.rsplit('/').next().unwrap_or(path).to_lowercase();
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("py" | "pyi") => &[HASH, DASHES],
        Some("sql") => &[DASHES, BLOCK],
        Some("html" | "htm" | "xml" | "svg" | "jinja" | "jinja2" | "j2" | "djhtml") => {
            &[TEMPLATE, MARKUP]
        }
        Some("md" | "markdown") => &[MARKUP],
        Some("rs" | "go" | "java" | "kt" | "c" | "h" | "cpp" | "php" | "swift") => {
            &[SLASHES, BLOCK]
        }
        Some("js" | "mjs" | "cjs" | "ts" | "jsx" | "tsx" | "css" | "scss") => &[SLASHES, BLOCK],
        Some("ini" | "cfg" | "conf") => &[HASH, SEMICOLON],
        Some("yaml" | "yml" | "toml" | "sh" | "bash" | "txt" | "in" | "env" | "dockerfile") => {
            &[HASH]
        }
        Some(_) | None => &[HASH, SLASHES],
    }
}

/// Reads the suppressions of a file.
pub(super) fn read(path: &str, bytes: &[u8]) -> Comments {
    let mut comments = Comments::default();
    if memchr::memmem::find(bytes, b"beanpole:").is_none() {
        return comments;
    }
    let text = String::from_utf8_lossy(bytes);
    let syntaxes = syntaxes(path);
    // Comments on lines of their own that wait for the line that they are about.
    let mut waiting: Vec<Directive> = Vec::new();
    for (index, line) in text.split('\n').enumerate() {
        let Ok(number) = u32::try_from(index + 1) else {
            break;
        };
        let found = (line.len() <= LONGEST_LINE)
            .then(|| comment(line, syntaxes))
            .flatten();
        let Some(found) = found else {
            release(&mut waiting, number, &mut comments);
            continue;
        };
        match parse(found.text) {
            None => release(&mut waiting, number, &mut comments),
            Some(Err(why)) => comments.malformed.push(Malformed { line: number, why }),
            Some(Ok(parsed)) if parsed.is_file && index >= FIRST_LINES => {
                let why =
                    format!("`ignore-file` stands in the first {FIRST_LINES} lines of a file");
                comments.malformed.push(Malformed { line: number, why });
            }
            Some(Ok(parsed)) => {
                let directive = Directive {
                    line: number,
                    target: if parsed.is_file {
                        Target::File
                    } else {
                        Target::Line(number)
                    },
                    rules: parsed.rules,
                    until: parsed.until,
                    reason: parsed.reason,
                };
                if found.is_alone && !parsed.is_file {
                    waiting.push(directive);
                } else {
                    comments.directives.push(directive);
                    if !found.is_alone {
                        release(&mut waiting, number, &mut comments);
                    }
                }
            }
        }
    }
    // Nothing follows them: they are about nothing, and so unused.
    comments.directives.append(&mut waiting);
    comments.directives.sort_by_key(|directive| directive.line);
    comments
}

/// The line that the waiting ones are about.
fn release(waiting: &mut Vec<Directive>, line: u32, comments: &mut Comments) {
    for mut directive in waiting.drain(..) {
        directive.target = Target::Line(line);
        comments.directives.push(directive);
    }
}

/// A comment with our name in it.
struct Found<'a> {
    /// What follows our name.
    text: &'a str,
    /// Whether nothing else stands on the line.
    is_alone: bool,
}

fn comment<'a>(line: &'a str, syntaxes: &[Syntax]) -> Option<Found<'a>> {
    let (before, after) = line.split_once("beanpole:")?;
    let before = before.trim_end();
    let (rest, end) = syntaxes
        .iter()
        .find_map(|(opener, end)| Some((before.strip_suffix(opener)?, end)))?;
    let text = match end {
        Some(end) => after.split_once(end).map_or(after, |(text, _)| text),
        None => after,
    };
    Some(Found {
        text: text.trim(),
        is_alone: rest.trim().is_empty(),
    })
}

struct Parsed {
    is_file: bool,
    rules: Vec<String>,
    until: Option<Date>,
    reason: Option<String>,
}

/// Reads `ignore[rule-id, …] until 2027-01-31 -- reason`. None: the comment is about something else.
fn parse(text: &str) -> Option<Result<Parsed, String>> {
    let verb = text
        .split(|character: char| !(character.is_ascii_alphabetic() || character == '-'))
        .next()
        .unwrap_or_default();
    let is_file = match verb {
        "ignore" => false,
        "ignore-file" => true,
        other => {
            let meant = strsim::jaro_winkler(&other.to_lowercase(), "ignore") > 0.85;
            return meant.then(|| Err(format!("`{other}` is neither `ignore` nor `ignore-file`")));
        }
    };
    let rest = text.get(verb.len()..).unwrap_or_default();
    Some(arguments(rest).map(|(rules, until, reason)| Parsed {
        is_file,
        rules,
        until,
        reason,
    }))
}

type Arguments = (Vec<String>, Option<Date>, Option<String>);

fn arguments(text: &str) -> Result<Arguments, String> {
    let (list, rest) = text
        .trim_start()
        .strip_prefix('[')
        .and_then(|text| text.split_once(']'))
        .ok_or("the ids of the rules stand in brackets: `ignore[drop-column] -- why`")?;
    let rules: Vec<String> = list
        .split(',')
        .map(str::trim)
        .filter(|rule| !rule.is_empty())
        .map(str::to_owned)
        .collect();
    if rules.is_empty() {
        return Err("no rule is named: `ignore[drop-column] -- why`".to_owned());
    }
    let (until, reason) = match rest.split_once("--") {
        Some((until, reason)) => (until.trim(), reason.trim()),
        None => (rest.trim(), ""),
    };
    let reason = Some(reason.to_owned()).filter(|reason| !reason.is_empty());
    if until.is_empty() {
        return Ok((rules, None, reason));
    }
    let date = until
        .strip_prefix("until")
        .map(|date| date.trim_start_matches([':', ' ', '\t']).trim())
        .ok_or_else(|| format!("`{until}` is neither `until <date>` nor `-- <reason>`"))?;
    let date: Date = date
        .parse()
        .map_err(|_| format!("`{date}` is not a day, such as `2027-01-31`"))?;
    Ok((rules, Some(date), reason))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    fn only(path: &str, text: &str) -> Directive {
        let comments = read(path, text.as_bytes());
        assert_eq!(comments.malformed, []);
        assert_eq!(comments.directives.len(), 1, "{text}");
        comments.directives[0].clone()
    }

    fn why(text: &str) -> String {
        let comments = read("a.py", text.as_bytes());
        assert_eq!(comments.directives, []);
        comments.malformed[0].why.clone()
    }

    #[test]
    fn every_kind_of_file_has_its_comments() {
        for (path, line) in [
            ("a.py", "x = 1  # beanpole: ignore[a-b] -- why"),
            ("a.py", "x = 1  # noqa # beanpole: ignore[a-b] -- why"),
            ("a.py", "ALTER TABLE x -- beanpole: ignore[a-b] -- why"),
            ("Dockerfile", "FROM x #beanpole:ignore[a-b]--why"),
            ("a.yml", "x: 1 # beanpole: ignore [ a-b ] -- why"),
            ("a.sql", "DROP x; -- beanpole: ignore[a-b] -- why\r"),
            ("a.html", "<p> {# beanpole: ignore[a-b] -- why #} x"),
            ("a.md", "x <!-- beanpole: ignore[a-b] -- why -->"),
            ("a.ts", concat!("x(); // bean", "pole: ignore[a-b] -- why")),
            (
                "a.css",
                concat!("x {} /* bean", "pole: ignore[a-b] -- why */"),
            ),
            ("setup.cfg", "x = 1 ; beanpole: ignore[a-b] -- why"),
        ] {
            let directive = only(path, line);
            assert_eq!(directive.rules, ["a-b"], "{line}");
            assert_eq!(directive.reason.as_deref(), Some("why"), "{line}");
            assert_eq!(directive.target, Target::Line(1), "{line}");
        }
    }

    #[test]
    fn a_line_of_its_own_is_about_the_next_one() {
        let text =
            "\n# beanpole: ignore[a] -- why\n# beanpole: ignore[b, c] until 2027-01-31\nx = 1\n";
        let comments = read("a.py", text.as_bytes());
        let targets: Vec<_> = comments
            .directives
            .iter()
            .map(|found| found.target)
            .collect();
        assert_eq!(targets, [Target::Line(4), Target::Line(4)]);
        assert_eq!(comments.directives[1].rules, ["b", "c"]);
        assert_eq!(comments.directives[1].until, Some(date(2027, 1, 31)));
        assert_eq!(comments.directives[1].reason, None);
    }

    #[test]
    fn a_whole_file_is_named_at_its_beginning() {
        let line = "# beanpole: ignore-file[a] -- generated";
        assert_eq!(only("a.py", line).target, Target::File);
        let late = format!("{}{line}", "\n".repeat(20));
        assert!(why(&late).contains("first 20 lines"));
    }

    #[test]
    fn what_was_meant_as_a_suppression_is_not_passed_over() {
        assert!(why("# beanpole: ignore").contains("brackets"));
        assert!(why("# beanpole: ignore[] -- x").contains("no rule"));
        assert!(why("# beanpole: ignroe[a] -- x").contains("neither"));
        assert!(why("# beanpole: ignore[a] until tomorrow -- x").contains("`tomorrow`"));
        assert!(why("# beanpole: ignore[a] because").contains("`because`"));
        let others = "# beanpole: deploys this\nprint('beanpole: ignore[a]')\n";
        assert_eq!(read("a.py", others.as_bytes()), Comments::default());
    }

    proptest! {
        #[test]
        fn never_panics(text in "(#|--|//|beanpole:|ignore|-file|\\[|\\]|until|2027-01-31|\n|.){0,30}") {
            let _ = read("a.py", text.as_bytes());
        }
    }
}
