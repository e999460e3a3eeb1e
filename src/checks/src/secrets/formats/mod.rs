//! Keys of known formats. Ids follow gitleaks' rules (github.com/gitleaks/gitleaks, config/gitleaks.toml) where it has one; the
//! patterns follow the services' own descriptions.

mod cloud;
mod code;
mod monitoring;
mod plain;

use super::entropy::entropy;
use super::hit::KEY;
use super::placeholder::is_example;
use crate::Rule;
use aho_corasick::{AhoCorasick, AhoCorasickKind};
use regex::bytes::{Regex, RegexBuilder};
use std::sync::{LazyLock, OnceLock};

/// One format.
pub(super) struct Format {
    /// gitleaks' id.
    pub(super) id: &'static str,
    /// What it is, with its article.
    pub(super) what: &'static str,
    /// Lower-case parts of the line, one of which is always there. They lead to the pattern.
    pub(super) keywords: &'static [&'static str],
    /// The pattern. Its group `secret` is the value, or else the whole match.
    pub(super) pattern: &'static str,
    /// Public beginnings, of which one may be shown.
    pub(super) prefixes: &'static [&'static str],
    /// The least entropy in bits for each character.
    pub(super) entropy: f64,
    /// What else holds for a real one.
    pub(super) proof: Option<fn(&str) -> bool>,
    pub(super) rule: &'static Rule,
}

/// A format with nothing special, to be filled in.
const FORMAT: Format = Format {
    id: "",
    what: "",
    keywords: &[],
    pattern: "",
    prefixes: &[],
    entropy: 3.0,
    proof: None,
    rule: &KEY,
};

impl Format {
    /// Whether a value that fits the pattern is a secret.
    pub(super) fn accepts(&self, value: &str) -> bool {
        entropy(value) >= self.entropy
            && !is_example(value)
            && self.proof.is_none_or(|proof| proof(value))
    }

    /// The public beginning that the value has.
    pub(super) fn prefix(&self, value: &str) -> &'static str {
        self.prefixes
            .iter()
            .find(|prefix| value.starts_with(**prefix))
            .copied()
            .unwrap_or_default()
    }
}

/// All formats, with what finds them.
pub(super) struct Formats {
    all: Vec<(&'static Format, OnceLock<Option<Regex>>)>,
    /// Finds the keywords of all formats in one pass.
    keywords: Option<AhoCorasick>,
    /// The format of each keyword.
    owners: Vec<usize>,
}

impl Formats {
    /// Built once: the patterns themselves when their keyword is first met.
    pub(super) fn get() -> &'static Self {
        static ALL: LazyLock<Formats> = LazyLock::new(Formats::new);
        &ALL
    }

    fn new() -> Self {
        let all: Vec<_> = [
            cloud::FORMATS,
            code::FORMATS,
            monitoring::FORMATS,
            plain::FORMATS,
        ]
        .into_iter()
        .flatten()
        .map(|format| (format, OnceLock::new()))
        .collect();
        let mut words = Vec::new();
        let mut owners = Vec::new();
        for (index, (format, _)) in all.iter().enumerate() {
            for keyword in format.keywords {
                words.push(*keyword);
                owners.push(index);
            }
        }
        // Keywords are few and fixed; a test proves that they build.
        let keywords = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            // The faster automaton takes milliseconds to build, which a hook feels and a large search does not repay.
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(words)
            .ok();
        Self {
            all,
            keywords,
            owners,
        }
    }

    /// How many formats there are.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// The places of keywords with the index of their format, in order.
    pub(super) fn keywords<'t>(
        &self,
        text: &'t [u8],
    ) -> impl Iterator<Item = (usize, usize)> + use<'_, 't> {
        self.keywords
            .iter()
            .flat_map(move |keywords| keywords.find_overlapping_iter(text))
            .filter_map(|found| {
                Some((found.start(), *self.owners.get(found.pattern().as_usize())?))
            })
    }

    /// A format with its pattern.
    pub(super) fn format(&self, index: usize) -> Option<(&'static Format, &Regex)> {
        let (format, pattern) = self.all.get(index)?;
        let pattern = pattern.get_or_init(|| {
            RegexBuilder::new(format.pattern)
                .unicode(false)
                .size_limit(4 << 20)
                .build()
                .ok()
        });
        Some((format, pattern.as_ref()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::testing::{SAMPLES, sample};

    #[test]
    fn every_pattern_builds_and_every_id_is_told_once() {
        let formats = Formats::get();
        assert!(formats.keywords.is_some());
        let mut ids = std::collections::BTreeSet::new();
        for index in 0..formats.len() {
            let (format, _) = formats
                .format(index)
                .unwrap_or_else(|| panic!("format {index}"));
            assert!(ids.insert(format.id), "{}", format.id);
            assert!(!format.keywords.is_empty() && !format.what.is_empty());
        }
    }

    #[test]
    fn every_format_has_a_sample() {
        let formats = Formats::get();
        for index in 0..formats.len() {
            let (format, _) = formats.format(index).unwrap();
            assert!(
                SAMPLES.iter().any(|one| one.id == format.id),
                "{} has no sample",
                format.id
            );
        }
        assert!(SAMPLES.iter().all(|one| !sample(one).1.is_empty()));
    }
}
