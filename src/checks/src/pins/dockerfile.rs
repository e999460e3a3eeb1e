//! The base images of a Dockerfile, and the arguments that they are made of.

use crate::paths::base_name;
use std::collections::BTreeMap;

/// One `FROM`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct From {
    /// The image as written.
    pub(super) written: String,
    /// The image with the defaults of the arguments; `Err`: the argument that has none.
    pub(super) image: Result<String, String>,
    /// Bytes of the image in the file.
    pub(super) from: usize,
    pub(super) to: usize,
    /// Where the arguments are declared that the image uses.
    pub(super) arguments: Vec<usize>,
}

/// Whether that path is a Dockerfile by its name.
pub(super) fn is_dockerfile(path: &str) -> bool {
    let name = base_name(path).to_ascii_lowercase();
    let named = ["dockerfile", "containerfile"];
    named.contains(&name.as_str())
        || named.iter().any(|stem| {
            name.strip_prefix(stem)
                .is_some_and(|rest| rest.starts_with('.') && rest != ".dockerignore")
                || name
                    .strip_suffix(stem)
                    .is_some_and(|rest| rest.ends_with('.'))
        })
}

/// The base images that are not stages of the same file.
pub(super) fn base_images(text: &str) -> Vec<From> {
    let mut arguments: BTreeMap<String, (Option<String>, usize)> = BTreeMap::new();
    let mut stages: Vec<String> = Vec::new();
    let mut images = Vec::new();
    for instruction in instructions(text) {
        let words = &instruction.words;
        match instruction.name.as_str() {
            // Only arguments before the first FROM count for FROM.
            "ARG" if images.is_empty() && stages.is_empty() => {
                for (word, at) in words {
                    let (name, value) = match word.split_once('=') {
                        Some((name, value)) => (name, Some(value.trim_matches(['"', '\'']))),
                        None => (word.as_str(), None),
                    };
                    let value = value.and_then(|value| expand(value, &arguments).0.ok());
                    arguments.insert(name.to_owned(), (value, *at));
                }
            }
            "FROM" => {
                let mut words = words.iter().filter(|(word, _)| !word.starts_with("--"));
                let Some((written, from)) = words.next() else {
                    continue;
                };
                let (image, used) = expand(written.trim_matches(['"', '\'']), &arguments);
                let is_stage = image.as_ref().is_ok_and(|image| {
                    stages.iter().any(|stage| stage.eq_ignore_ascii_case(image))
                });
                if !is_stage {
                    images.push(From {
                        written: written.clone(),
                        image,
                        from: *from,
                        to: from + written.len().saturating_sub(1),
                        arguments: used,
                    });
                }
                let is_named = words
                    .next()
                    .is_some_and(|(word, _)| word.eq_ignore_ascii_case("as"));
                // Even without a name the stage counts: arguments behind it are its own.
                let name = words.next().filter(|_| is_named);
                stages.push(name.map_or(String::new(), |(name, _)| name.clone()));
            }
            _ => {}
        }
    }
    images
}

/// Puts the defaults of arguments in. Says which arguments it used; the error names one without a default.
fn expand(
    text: &str,
    arguments: &BTreeMap<String, (Option<String>, usize)>,
) -> (Result<String, String>, Vec<usize>) {
    let mut out = String::new();
    let mut used = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let (inner, behind) = match after
            .strip_prefix('{')
            .and_then(|inner| inner.split_once('}'))
        {
            Some((inner, behind)) => (inner, behind),
            None => {
                let length = after
                    .bytes()
                    .take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
                    .count();
                after.split_at_checked(length).unwrap_or((after, ""))
            }
        };
        let (name, default) = match inner.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inner, None),
        };
        let (value, at) = match arguments.get(name) {
            Some((value, at)) => (value.as_deref(), Some(*at)),
            None => (None, None),
        };
        used.extend(at);
        match value.filter(|value| !value.is_empty()).or(default) {
            Some(value) => out.push_str(value),
            None => return (Err(name.to_owned()), used),
        }
        // Each argument is bounded by its line, but arguments of arguments would grow without end.
        if out.len() > 4_096 {
            return (Err(name.to_owned()), used);
        }
        rest = behind;
    }
    out.push_str(rest);
    (Ok(out), used)
}

/// `FROM` or `ARG` with its words and their places.
struct Instruction {
    name: String,
    words: Vec<(String, usize)>,
}

fn instructions(text: &str) -> Vec<Instruction> {
    let escape = escape_sign(text);
    let mut found = Vec::new();
    let mut words: Vec<(String, usize)> = Vec::new();
    let mut goes_on = false;
    let mut here_documents: Vec<String> = Vec::new();
    let mut start = 0;
    for whole in text.split_inclusive('\n') {
        let line = whole.trim_end();
        let at = start;
        start += whole.len();
        if let Some(end) = here_documents.first() {
            if line.trim_start_matches('\t') == end {
                here_documents.remove(0);
            }
            continue;
        }
        // Comments and empty lines inside of a continued instruction are passed over.
        if line.trim_start().starts_with('#') || goes_on && line.is_empty() {
            continue;
        }
        let continued = line.strip_suffix(escape);
        words.extend(words_of(continued.unwrap_or(line), at));
        goes_on = continued.is_some();
        if !goes_on {
            here_documents = here_document_ends(&words);
            found.extend(instruction(std::mem::take(&mut words)));
        }
    }
    found.extend(instruction(words));
    found
}

fn instruction(words: Vec<(String, usize)>) -> Option<Instruction> {
    let mut words = words.into_iter();
    let name = words.next()?.0.to_ascii_uppercase();
    matches!(name.as_str(), "FROM" | "ARG").then(|| Instruction {
        name,
        words: words.collect(),
    })
}

/// The words at which the here-documents of an instruction end.
fn here_document_ends(words: &[(String, usize)]) -> Vec<String> {
    let takes_documents = words.first().is_some_and(|(word, _)| {
        ["RUN", "COPY", "ADD"]
            .iter()
            .any(|name| word.eq_ignore_ascii_case(name))
    });
    words
        .iter()
        .filter(|_| takes_documents)
        .filter_map(|(word, _)| word.split_once("<<"))
        .map(|(_, end)| {
            end.trim_start_matches('-')
                .trim_matches(['"', '\''])
                .to_owned()
        })
        .filter(|end| {
            !end.is_empty()
                && end
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        })
        .collect()
}

fn words_of(line: &str, start: usize) -> Vec<(String, usize)> {
    let mut words = Vec::new();
    let mut at = 0;
    for word in line.split([' ', '\t']) {
        if !word.is_empty() {
            words.push((word.to_owned(), start + at));
        }
        at += word.len() + 1;
    }
    words
}

/// `# escape=` + backtick in the first lines makes the backtick join lines.
fn escape_sign(text: &str) -> char {
    let is_directive = |line: &str| {
        let directive: String = line
            .chars()
            .filter(|letter| !letter.is_whitespace())
            .collect();
        directive.eq_ignore_ascii_case("#escape=`")
    };
    let mut comments = text.lines().take_while(|line| line.starts_with('#'));
    if comments.any(is_directive) {
        '`'
    } else {
        '\\'
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images(text: &str) -> Vec<Result<String, String>> {
        base_images(text)
            .into_iter()
            .map(|from| from.image)
            .collect()
    }

    fn ok(image: &str) -> Result<String, String> {
        Ok(image.to_owned())
    }

    #[test]
    fn files_are_known_by_their_names() {
        for path in [
            "Dockerfile",
            "a/Dockerfile.prod",
            "web.Dockerfile",
            "Containerfile",
            "x.dockerfile",
        ] {
            assert!(is_dockerfile(path), "{path}");
        }
        for path in ["Dockerfile.dockerignore", "dockerfiles.md", "mydockerfile"] {
            assert!(!is_dockerfile(path), "{path}");
        }
    }

    #[test]
    fn stages_are_not_base_images() {
        let text = "FROM --platform=$BUILDPLATFORM python:3.12 AS Base\nRUN x\nfrom base as web\nFROM node:20\n";
        assert_eq!(images(text), [ok("python:3.12"), ok("node:20")]);
    }

    #[test]
    fn arguments_before_the_first_image_count() {
        let text = "ARG A=3.12 B=\"slim\"\nARG C=$A-${B}\nARG D\nFROM python:${C}\nARG E=1\nFROM a:$E\nFROM b:${D:-2}\nFROM $D\n";
        assert_eq!(
            images(text),
            [
                ok("python:3.12-slim"),
                Err("E".to_owned()),
                ok("b:2"),
                Err("D".to_owned())
            ]
        );
        assert_eq!(base_images(text)[0].arguments, [text.find("C=").unwrap()]);
    }

    #[test]
    fn lines_are_joined_and_documents_passed_over() {
        let text = "# escape=`\nFROM `\n# note\n  python:3.12\nRUN <<E\nFROM x\nE\nRUN a <<-'F' b\nFROM y\n\tF\nFROM z:1";
        let found = base_images(text);
        assert_eq!(
            found
                .iter()
                .map(|from| from.written.as_str())
                .collect::<Vec<_>>(),
            ["python:3.12", "z:1"]
        );
        assert_eq!(text.get(found[0].from..=found[0].to), Some("python:3.12"));
    }

    #[test]
    fn arguments_do_not_grow_without_end() {
        let mut text = "ARG A0=xxxxxxxxxx\n".to_owned();
        for index in 1..60 {
            let before = index - 1;
            text.push_str(&format!("ARG A{index}=$A{before}$A{before}\n"));
        }
        text.push_str("FROM $A59\n");
        assert!(images(&text)[0].is_err());
    }
}
