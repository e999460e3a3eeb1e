//! Stages of a build, and the variables of ARG and ENV.

use super::{Dockerfile, Instruction};
use crate::shell::expand;
use std::collections::BTreeMap;
use std::ops::Range;

/// A stage: from one FROM to the next.
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    /// `AS name`, in small letters.
    pub(crate) name: Option<String>,
    /// The image, variables replaced by their defaults. As written if that cannot be done.
    pub(crate) image: String,
    /// The stage of this file that it builds upon.
    pub(crate) parent: Option<usize>,
    /// Its instructions; the first is FROM.
    pub(crate) range: Range<usize>,
}

/// The stages of a file.
pub(super) fn stages(instructions: &[Instruction]) -> Vec<Stage> {
    let mut stages: Vec<Stage> = Vec::new();
    let mut variables: BTreeMap<String, String> = BTreeMap::new();
    for (index, instruction) in instructions.iter().enumerate() {
        if instruction.is("ARG") && stages.is_empty() {
            for (name, value, _) in pairs(instruction) {
                if let Some(value) = value {
                    // An earlier ARG may stand in the default of a later one.
                    let value =
                        expand(&value, &|name| variables.get(name).cloned()).unwrap_or(value);
                    variables.insert(name, value);
                }
            }
        }
        if !instruction.is("FROM") {
            continue;
        }
        if let Some(last) = stages.last_mut() {
            last.range.end = index;
        }
        let stage = stage(instruction, index..instructions.len(), &stages, &variables);
        stages.push(stage);
    }
    stages
}

fn stage(
    from: &Instruction,
    range: Range<usize>,
    before: &[Stage],
    variables: &BTreeMap<String, String>,
) -> Stage {
    let mut words = from.body.text.split_whitespace();
    let written = words.next().unwrap_or_default();
    let image =
        expand(written, &|name| variables.get(name).cloned()).unwrap_or_else(|| written.to_owned());
    let name = words
        .next()
        .filter(|word| word.eq_ignore_ascii_case("as"))
        .and_then(|_| words.next())
        .map(str::to_ascii_lowercase);
    let parent = before
        .iter()
        .rposition(|stage| stage.name.as_deref() == Some(&image.to_ascii_lowercase()));
    Stage {
        name,
        image,
        parent,
        range,
    }
}

/// `NAME=value` pairs of ENV, ARG and LABEL with the offset of each in the body; `NAME value` of the old form of ENV. ARG may
/// have no value.
pub(crate) fn pairs(instruction: &Instruction) -> Vec<(String, Option<String>, usize)> {
    let text = &instruction.body.text;
    let words = words(text);
    let old_form =
        instruction.is("ENV") && words.first().is_some_and(|(word, _)| !word.contains('='));
    if old_form {
        let Some((name, rest)) = text.trim().split_once(char::is_whitespace) else {
            return Vec::new();
        };
        return vec![(name.to_owned(), Some(rest.trim().to_owned()), 0)];
    }
    words
        .into_iter()
        .map(|(word, at)| match word.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned()), at),
            None => (word, None, at),
        })
        .collect()
}

/// Words separated by blanks, quotes taken off, each with its offset.
fn words(text: &str) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    let mut word: Option<(String, usize)> = None;
    let mut quote = None;
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        let blank = character.is_whitespace() && quote.is_none() && !escaped;
        if blank {
            found.extend(word.take());
            continue;
        }
        let (current, _) = word.get_or_insert_with(|| (String::new(), at));
        match (character, quote) {
            (character, _) if escaped => {
                current.push(character);
                escaped = false;
            }
            ('\\', Some('"') | None) => escaped = true,
            (character, Some(open)) if character == open => quote = None,
            ('"' | '\'', None) => quote = Some(character),
            (character, _) => current.push(character),
        }
    }
    found.extend(word);
    found
}

impl Dockerfile {
    /// The stage that a build makes: the named target, else the last one.
    pub(crate) fn target(&self, name: Option<&str>) -> Option<&Stage> {
        name.and_then(|name| {
            let name = name.to_ascii_lowercase();
            self.stages
                .iter()
                .find(|stage| stage.name.as_deref() == Some(name.as_str()))
        })
        .or_else(|| self.stages.last())
    }

    /// The instructions of a stage.
    pub(crate) fn of(&self, stage: &Stage) -> &[Instruction] {
        self.instructions
            .get(stage.range.clone())
            .unwrap_or_default()
    }

    /// A stage and those of this file that it builds upon, itself first.
    pub(crate) fn lineage<'d>(&'d self, stage: &'d Stage) -> Vec<&'d Stage> {
        let mut all = vec![stage];
        let mut current = stage;
        // A parent stands above, so this ends.
        while let Some(parent) = current.parent.and_then(|index| self.stages.get(index)) {
            all.push(parent);
            current = parent;
        }
        all
    }

    /// The instruction of that kind that counts in a stage: the last one, of the nearest stage that has one.
    pub(crate) fn last(&self, stage: &Stage, keyword: &str) -> Option<&Instruction> {
        self.lineage(stage)
            .into_iter()
            .find_map(|stage| self.of(stage).iter().rev().find(|one| one.is(keyword)))
    }

    /// The value that ENV, or the default of an ARG, gives a name in a stage.
    pub(crate) fn value(&self, stage: &Stage, name: &str) -> Option<String> {
        let first = self.stages.first().map_or(0, |stage| stage.range.start);
        let global = self.instructions.get(..first).unwrap_or_default();
        let own = self.lineage(stage).into_iter().map(|stage| self.of(stage));
        own.chain([global])
            .flat_map(|instructions| instructions.iter().rev())
            .filter(|one| one.is("ENV") || one.is("ARG"))
            .flat_map(pairs)
            .find_map(|(set, value, _)| value.filter(|_| set == name))
    }

    /// The image from outside that a stage builds upon in the end.
    pub(crate) fn base_image<'d>(&'d self, stage: &'d Stage) -> &'d str {
        self.lineage(stage)
            .last()
            .map_or("", |stage| stage.image.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    fn read(text: &str) -> Dockerfile {
        Dockerfile::read(&Source::new(text))
    }

    #[test]
    fn stages_know_their_image_and_parent() {
        let file = read(
            "ARG VERSION=3.12\nARG BASE=python:${VERSION}-slim\nFROM ${BASE} AS Build\nUSER a\nFROM $UNKNOWN\nFROM build\nCMD [\"x\"]\n",
        );
        let images: Vec<&str> = file
            .stages
            .iter()
            .map(|stage| stage.image.as_str())
            .collect();
        assert_eq!(images, ["python:3.12-slim", "$UNKNOWN", "build"]);
        let last = file.target(None).unwrap();
        assert_eq!(last.parent, Some(0));
        assert_eq!(file.last(last, "USER").unwrap().body.text, "a");
        assert_eq!(file.target(Some("BUILD")).unwrap().range, 2..4);
        assert!(file.last(&file.stages[1], "USER").is_none());
    }

    #[test]
    fn a_stage_of_its_own_name_is_no_circle() {
        let file = read("FROM python AS python\nFROM python AS python\n");
        assert_eq!(file.lineage(&file.stages[1]).len(), 2);
        assert_eq!(file.base_image(&file.stages[1]), "python");
    }

    #[test]
    fn variables_are_read_in_all_forms() {
        let file = read("FROM a\nENV A=1 B=\"x y\" \\\n  C='z'\nENV OLD the value\nARG D\n");
        let all: Vec<_> = file.instructions[1..].iter().flat_map(pairs).collect();
        let values: Vec<(&str, Option<&str>)> = all
            .iter()
            .map(|(name, value, _)| (name.as_str(), value.as_deref()))
            .collect();
        assert_eq!(
            values,
            [
                ("A", Some("1")),
                ("B", Some("x y")),
                ("C", Some("z")),
                ("OLD", Some("the value")),
                ("D", None)
            ]
        );
        assert_eq!(file.instructions[1].body.place(all[2].2).line, 3);
    }
}
