//! Which images a Dockerfile stands on, so that their absence is known before the build begins.
//!
//! Rules: only what the chosen target needs counts, as with BuildKit. What cannot be told from the
//! text (a variable without a value) is left out: the build itself will say it.

use std::collections::{BTreeMap, BTreeSet};

/// The images that the last stage of a Dockerfile needs, in the order of their first mention: `FROM`,
/// `COPY --from`, `RUN --mount=…,from=` and the `# syntax=` frontend. Stages and `scratch` are left out.
#[must_use]
pub fn base_images(dockerfile: &str) -> Vec<String> {
    base_images_for(dockerfile, None, &BTreeMap::new())
}

/// As [`base_images`], for a target stage (`None` is the last one) and with build arguments in place of
/// the defaults of `ARG`.
#[must_use]
pub fn base_images_for(
    dockerfile: &str,
    target: Option<&str>,
    arguments: &BTreeMap<String, String>,
) -> Vec<String> {
    let (directives, instructions) = read(dockerfile);
    let stages = stages(&instructions, arguments);
    let wanted = match target {
        Some(name) => find(&stages, name, stages.len()),
        None => stages.len().checked_sub(1),
    };
    let mut needed = BTreeSet::new();
    let mut pending: Vec<usize> = wanted.into_iter().collect();
    while let Some(index) = pending.pop() {
        if needed.insert(index)
            && let Some(stage) = stages.get(index)
        {
            pending.extend(
                stage
                    .uses
                    .iter()
                    .filter_map(|name| find(&stages, name, index)),
            );
        }
    }
    let mut images: Vec<String> = directives.get("syntax").cloned().into_iter().collect();
    for index in needed {
        for name in stages
            .get(index)
            .map(|stage| stage.uses.as_slice())
            .unwrap_or_default()
        {
            let is_image =
                find(&stages, name, index).is_none() && name != "scratch" && !name.is_empty();
            if is_image && !images.contains(name) {
                images.push(name.clone());
            }
        }
    }
    images
}

struct Stage {
    name: Option<String>,
    /// Images or earlier stages, the base first.
    uses: Vec<String>,
}

/// The stage before `before` that is called `name`, by name or by number. The last of a name counts.
fn find(stages: &[Stage], name: &str, before: usize) -> Option<usize> {
    let earlier = stages.get(..before).unwrap_or_default();
    earlier
        .iter()
        .rposition(|stage| {
            stage
                .name
                .as_deref()
                .is_some_and(|other| other.eq_ignore_ascii_case(name))
        })
        .or_else(|| {
            name.parse()
                .ok()
                .filter(|index: &usize| *index < earlier.len())
        })
}

fn stages(instructions: &[String], arguments: &BTreeMap<String, String>) -> Vec<Stage> {
    let mut globals: BTreeMap<String, String> = BTreeMap::new();
    let mut stages: Vec<Stage> = Vec::new();
    for instruction in instructions {
        let (keyword, rest) = instruction
            .split_once(char::is_whitespace)
            .unwrap_or((instruction.as_str(), ""));
        match (keyword.to_ascii_uppercase().as_str(), stages.last_mut()) {
            ("FROM", _) => {
                let words: Vec<&str> = rest
                    .split_whitespace()
                    .filter(|word| !word.starts_with("--"))
                    .collect();
                let name = match words.as_slice() {
                    [_, keyword, name, ..] if keyword.eq_ignore_ascii_case("as") => {
                        Some((*name).to_owned())
                    }
                    _ => None,
                };
                let image = words.first().and_then(|image| expand(image, &globals));
                stages.push(Stage {
                    name,
                    uses: image.into_iter().collect(),
                });
            }
            // Only arguments before the first stage can be used in FROM.
            ("ARG", None) => {
                for word in rest.split_whitespace() {
                    let (name, default) = match word.split_once('=') {
                        Some((name, value)) => {
                            (name, expand(value.trim_matches(['"', '\'']), &globals))
                        }
                        None => (word, None),
                    };
                    if let Some(value) = arguments.get(name).cloned().or(default) {
                        globals.insert(name.to_owned(), value);
                    }
                }
            }
            ("COPY" | "ADD", Some(stage)) => {
                stage.uses.extend(flags(rest, "--from=").map(str::to_owned));
            }
            ("RUN", Some(stage)) => {
                let mounts = flags(rest, "--mount=").flat_map(|mount| mount.split(','));
                stage.uses.extend(
                    mounts
                        .filter_map(|part| part.strip_prefix("from="))
                        .map(str::to_owned),
                );
            }
            _ => {}
        }
    }
    stages
}

/// The values of the leading flags of an instruction that start with `prefix`.
fn flags<'a>(rest: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    rest.split_whitespace()
        .take_while(|word| word.starts_with("--"))
        .filter_map(move |word| word.strip_prefix(prefix))
}

/// The parser directives at the top, and the instructions as logical lines: comments and heredoc
/// bodies gone, continued lines joined.
fn read(text: &str) -> (BTreeMap<String, String>, Vec<String>) {
    let mut directives = BTreeMap::new();
    let mut instructions = Vec::new();
    let mut in_directives = true;
    let mut joined = String::new();
    let mut lines = text.strip_prefix('\u{feff}').unwrap_or(text).lines();
    while let Some(line) = lines.next() {
        let trimmed = line.trim();
        if let Some(comment) = trimmed.strip_prefix('#') {
            if in_directives && let Some((name, value)) = comment.split_once('=') {
                directives.insert(name.trim().to_ascii_lowercase(), value.trim().to_owned());
            }
            continue;
        }
        in_directives = false;
        if trimmed.is_empty() {
            continue;
        }
        let escape = if directives.get("escape").is_some_and(|value| value == "`") {
            '`'
        } else {
            '\\'
        };
        joined.push_str(trimmed.strip_suffix(escape).unwrap_or(trimmed));
        if trimmed.ends_with(escape) {
            joined.push(' ');
            continue;
        }
        for end in heredocs(&joined) {
            // The body ends at its word; tabs before it count only without `-`, which is close enough.
            lines
                .by_ref()
                .find(|line| line.trim_start_matches('\t') == end);
        }
        instructions.push(std::mem::take(&mut joined));
    }
    if !joined.is_empty() {
        instructions.push(joined);
    }
    (directives, instructions)
}

/// The end words of the heredocs that an instruction opens.
fn heredocs(instruction: &str) -> Vec<String> {
    let keyword = instruction.split_whitespace().next().unwrap_or_default();
    if !["RUN", "COPY", "ADD"]
        .iter()
        .any(|known| keyword.eq_ignore_ascii_case(known))
    {
        return Vec::new();
    }
    instruction
        .split_whitespace()
        .filter_map(|word| word.split_once("<<").map(|(_, end)| end))
        .map(|end| end.trim_start_matches('-').trim_matches(['"', '\'']))
        .filter(|end| {
            end.chars()
                .next()
                .is_some_and(|first| first.is_alphabetic() || first == '_')
        })
        .map(str::to_owned)
        .collect()
}

/// `$NAME`, `${NAME}`, `${NAME:-default}` and `${NAME:+value}`; `None` if a variable has no value.
fn expand(text: &str, values: &BTreeMap<String, String>) -> Option<String> {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        result.push_str(before);
        if let Some((inner, tail)) = after
            .strip_prefix('{')
            .and_then(|inner| inner.split_once('}'))
        {
            rest = tail;
            let value = if let Some((name, default)) = inner.split_once(":-") {
                values
                    .get(name)
                    .filter(|value| !value.is_empty())
                    .cloned()
                    .or_else(|| Some(default.to_owned()))
            } else if let Some((name, other)) = inner.split_once(":+") {
                Some(
                    values
                        .get(name)
                        .map(|_| other.to_owned())
                        .unwrap_or_default(),
                )
            } else {
                values.get(inner).cloned()
            };
            result.push_str(&value?);
        } else {
            let end = after
                .find(|character: char| !(character.is_alphanumeric() || character == '_'))
                .unwrap_or(after.len());
            let (name, tail) = after.split_at(end);
            rest = tail;
            result.push_str(values.get(name)?);
        }
    }
    result.push_str(rest);
    Some(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_and_scratch_are_no_images() {
        let text = "FROM python:3.11 AS build\nRUN x\nFROM scratch\nCOPY --from=build /a /a\nCOPY --from=0 /b /b\n";
        assert_eq!(base_images(text), ["python:3.11"]);
    }

    #[test]
    fn arguments_are_resolved() {
        let text = "ARG VERSION=3.11\nARG IMAGE=python:${VERSION}\nFROM --platform=linux/amd64 $IMAGE as web\n";
        assert_eq!(base_images(text), ["python:3.11"]);
        let arguments = BTreeMap::from([("VERSION".to_owned(), "3.12".to_owned())]);
        assert_eq!(base_images_for(text, None, &arguments), ["python:3.12"]);
        assert_eq!(
            base_images("FROM ${BASE:-debian}:${TAG:+x}12\n"),
            ["debian:12"]
        );
        assert!(base_images("ARG BASE\nFROM $BASE\n").is_empty());
    }

    #[test]
    fn only_what_the_target_needs() {
        let text = "FROM a AS one\nFROM b AS two\nFROM one AS three\nRUN --mount=type=bind,from=nginx:1,target=/x true\n";
        assert_eq!(base_images(text), ["a", "nginx:1"]);
        assert_eq!(base_images_for(text, Some("two"), &BTreeMap::new()), ["b"]);
        assert_eq!(base_images_for(text, Some("TWO"), &BTreeMap::new()), ["b"]);
        assert!(base_images_for(text, Some("none"), &BTreeMap::new()).is_empty());
    }

    #[test]
    fn the_frontend_is_an_image_too() {
        let text = "# syntax=docker/dockerfile:1\nFROM a\n# syntax=late\n";
        assert_eq!(base_images(text), ["docker/dockerfile:1", "a"]);
        assert_eq!(base_images("FROM a\n# syntax=late\n"), ["a"]);
    }

    #[test]
    fn heredocs_comments_and_continued_lines_do_not_confuse() {
        let text = "FROM a\nRUN <<EOF python3\nfrom os import path\nFROM wrong\nEOF\nRUN one \\\n# a comment\n  && FROM wrong\n\nCOPY --chown=1 \\\n  --from=b /x /y\n";
        assert_eq!(base_images(text), ["a", "b"]);
    }

    #[test]
    fn a_stage_may_carry_the_name_of_its_image() {
        assert_eq!(
            base_images("FROM python AS python\nRUN x\nFROM python\n"),
            ["python"]
        );
    }

    #[test]
    fn the_escape_character_can_be_changed() {
        assert_eq!(base_images("# escape=`\nFROM `\n  windows\n"), ["windows"]);
    }
}
