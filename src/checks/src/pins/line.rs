//! One logical line of a requirements file: a requirement, or options.

use super::address::without_password;
use super::logical::Logical;
use super::requirement::{Requirement, Version, read};
use super::source::Fault;
use crate::report::shown;

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    Requirement(Requirement),
    /// `-r path`, or `-c path`: the path as written.
    Link {
        path: String,
        constrains: bool,
        at: usize,
    },
    /// `--require-hashes`.
    RequireHashes,
    /// An option that changes no package.
    Other,
}

/// Options with a value that stand alone on a line.
const WITH_VALUE: [&str; 14] = [
    "--config-settings",
    "--constraint",
    "--editable",
    "--extra-index-url",
    "--find-links",
    "--global-option",
    "--hash",
    "--index-url",
    "--no-binary",
    "--only-binary",
    "--pypi-url",
    "--requirement",
    "--trusted-host",
    "--use-feature",
];

/// Options without one.
const WITHOUT_VALUE: [&str; 5] = [
    "--no-index",
    "--pre",
    "--prefer-binary",
    "--process-dependency-links",
    "--require-hashes",
];

/// One option of a line.
struct Given<'a> {
    name: &'static str,
    value: &'a str,
    /// Where its value stands in the line; without a value, where it stands itself.
    at: usize,
}

/// Reads a line. Places are those of the file.
pub(super) fn read_line(line: &Logical) -> Result<Line, Fault> {
    let in_file = |fault: Fault| Fault {
        at: line.offset(fault.at),
        ..fault
    };
    let end = options_start(&line.text);
    let given = options(&line.text, end).map_err(in_file)?;
    let text = line.text.get(..end).unwrap_or_default();
    if !text.trim().is_empty() {
        let mut requirement = read(text).map_err(in_file)?;
        place(&mut requirement, line, 0);
        requirement.hashed = given.iter().any(|option| option.name == "--hash");
        if requirement.hashed && requirement.version == (Version::Archive { hashed: false }) {
            requirement.version = Version::Archive { hashed: true };
        }
        return Ok(Line::Requirement(requirement));
    }
    let Some(first) = given.first() else {
        return Ok(Line::Other);
    };
    Ok(match first.name {
        "--requirement" | "--constraint" => Line::Link {
            path: first.value.to_owned(),
            constrains: first.name == "--constraint",
            at: line.offset(first.at),
        },
        "--editable" => {
            let mut requirement = read(first.value).map_err(|fault| {
                in_file(Fault {
                    at: fault.at + first.at,
                    ..fault
                })
            })?;
            place(&mut requirement, line, first.at);
            requirement.editable = true;
            Line::Requirement(requirement)
        }
        "--require-hashes" => Line::RequireHashes,
        _ => Line::Other,
    })
}

fn place(requirement: &mut Requirement, line: &Logical, added: usize) {
    requirement.from = line.offset(requirement.from + added);
    requirement.to = line.offset(line.text.len().saturating_sub(1));
}

/// Where the first option begins: pip splits at blanks and takes the first word that begins with a dash.
fn options_start(text: &str) -> usize {
    let mut start = 0;
    for word in text.split(' ') {
        if word.trim_start().starts_with('-') {
            return start;
        }
        start += word.len() + 1;
    }
    text.len()
}

fn options(text: &str, from: usize) -> Result<Vec<Given<'_>>, Fault> {
    let mut given = Vec::new();
    let mut words = words(text, from).into_iter().peekable();
    while let Some((at, word)) = words.next() {
        if !word.starts_with('-') {
            return Err(Fault {
                at,
                why: format!("`{}` belongs to no option", shown(&without_password(word))),
            });
        }
        let (name, value) = split_option(word);
        let known = known(name).ok_or_else(|| Fault {
            at,
            why: format!(
                "pip knows no option `{}` in a requirements file",
                shown(name)
            ),
        })?;
        if WITHOUT_VALUE.contains(&known) {
            given.push(Given {
                name: known,
                value: "",
                at,
            });
            continue;
        }
        let (at, value) = match value {
            Some(value) => (at + word.len() - value.len(), value),
            None => words.next().ok_or_else(|| Fault {
                at,
                why: format!("`{name}` needs a value"),
            })?,
        };
        let (at, value) = without_quotes(at, value);
        if value.is_empty() {
            return Err(Fault {
                at,
                why: format!("`{name}` needs a value"),
            });
        }
        given.push(Given {
            name: known,
            value,
            at,
        });
    }
    Ok(given)
}

/// `--name=value`, `-rvalue`, or the name alone.
fn split_option(word: &str) -> (&str, Option<&str>) {
    if word.starts_with("--") {
        return match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word, None),
        };
    }
    match word.get(..2).zip(word.get(2..)) {
        Some((name, value)) if !value.is_empty() => (name, Some(value)),
        _ => (word, None),
    }
}

/// The full name. Long options may be cut, as long as one option remains.
fn known(name: &str) -> Option<&'static str> {
    let short = match name {
        "-r" => "--requirement",
        "-c" => "--constraint",
        "-e" => "--editable",
        "-i" => "--index-url",
        "-f" => "--find-links",
        "-C" => "--config-settings",
        _ => "",
    };
    if !short.is_empty() {
        return Some(short);
    }
    if !name.starts_with("--") || name.len() < 4 {
        return None;
    }
    let mut all = WITH_VALUE.iter().chain(&WITHOUT_VALUE).copied();
    all.clone()
        .find(|option| *option == name)
        .or_else(|| all.find(|option| option.starts_with(name)))
}

/// The words from a byte on, with their places. Quotes keep blanks together.
fn words(text: &str, from: usize) -> Vec<(usize, &str)> {
    let mut words = Vec::new();
    let mut start = None;
    let mut quote = None;
    let rest = text.get(from..).unwrap_or_default();
    for (at, letter) in rest.char_indices() {
        match (quote, letter) {
            (Some(open), _) => {
                if letter == open {
                    quote = None;
                }
            }
            (None, '"' | '\'') => {
                quote = Some(letter);
                start.get_or_insert(at);
            }
            (None, _) if letter.is_whitespace() => {
                if let Some(start) = start.take() {
                    words.push((from + start, rest.get(start..at).unwrap_or_default()));
                }
            }
            (None, _) => {
                start.get_or_insert(at);
            }
        }
    }
    if let Some(start) = start {
        words.push((from + start, rest.get(start..).unwrap_or_default()));
    }
    words
}

fn without_quotes(at: usize, value: &str) -> (usize, &str) {
    for quote in ['"', '\''] {
        if let Some(inner) = value
            .strip_prefix(quote)
            .and_then(|value| value.strip_suffix(quote))
        {
            return (at + 1, inner);
        }
    }
    (at, value)
}

#[cfg(test)]
mod tests {
    use super::super::logical::logical_lines;
    use super::*;

    fn line(text: &str) -> Result<Line, Fault> {
        read_line(&logical_lines(text)[0])
    }

    fn link(text: &str) -> (String, bool, usize) {
        match line(text) {
            Ok(Line::Link {
                path,
                constrains,
                at,
            }) => (path, constrains, at),
            other => panic!("{other:?}"),
        }
    }

    fn requirement(text: &str) -> Requirement {
        match line(text) {
            Ok(Line::Requirement(requirement)) => requirement,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn links_have_many_spellings() {
        for text in [
            "-r a.txt",
            "-ra.txt",
            "--requirement a.txt",
            "--requirement=a.txt",
            "--req 'a.txt'",
        ] {
            let (path, constrains, at) = link(text);
            assert_eq!((path.as_str(), constrains), ("a.txt", false), "{text}");
            assert_eq!(text.get(at..at + 5), Some("a.txt"), "{text}");
        }
        assert_eq!(link("-c \"a b.txt\""), ("a b.txt".to_owned(), true, 4));
    }

    #[test]
    fn hashes_and_other_options_follow_a_requirement() {
        let one = requirement(
            "a==1 \\\n  --hash=sha256:00 \\\n  --hash sha256:01 --global-option=\"x y\"\n",
        );
        assert!(one.hashed);
        assert_eq!(one.version, Version::Exact("1".to_owned()));
        assert!(one.to > one.from + 10);
        assert_eq!(
            requirement("https://h/a.zip --hash=sha256:00").version,
            Version::Archive { hashed: true }
        );
    }

    #[test]
    fn editables_are_requirements() {
        let one = requirement("-e git+https://h/p@main#egg=a");
        assert!(one.editable && one.version == Version::Branch && one.from == 3);
        assert_eq!(requirement("--editable=.").version, Version::Local);
    }

    #[test]
    fn other_options_are_known() {
        for text in [
            "--index-url https://h/simple",
            "-i https://h",
            "--no-binary :all:",
            "--pre",
            "--trusted-host h",
        ] {
            assert_eq!(line(text), Ok(Line::Other), "{text}");
        }
        assert_eq!(line("--require-hashes"), Ok(Line::RequireHashes));
    }

    #[test]
    fn passwords_are_not_shown() {
        for text in ["--pre https://me:secret@h", "a https://me:secret@h"] {
            let why = line(text).unwrap_err().why;
            assert!(why.contains("***@h") && !why.contains("secret"), "{why}");
        }
    }

    #[test]
    fn faults_have_places() {
        for (text, at) in [
            ("--nonsense x", 0),
            ("-x", 0),
            ("-r", 0),
            ("a==1 --hash", 5),
            ("a==1 --hash=x y", 14),
            ("-e =", 3),
            ("--", 0),
            ("-", 0),
        ] {
            assert_eq!(line(text).unwrap_err().at, at, "{text}");
        }
    }
}
