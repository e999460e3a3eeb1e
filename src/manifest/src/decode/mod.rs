//! From nodes to typed sections.
//!
//! A serde deserializer over [`Node`]. What it adds to plain serde:
//!
//! - An unknown key does not end the work: it becomes a [`Fault`] with the nearest known key, and
//!   all of them are reported together. Keys that start with `x-` are skipped.
//! - An explicit `null` counts as not given. A bare `key:` is an empty section, list or mapping, and
//!   a fault where a value is needed.
//! - Texts take any scalar as written. Numbers and booleans must be written as such.
//! - An error without a place gets the place of the node that it came from, and the key's name.

mod access;
mod error;
mod node;

use std::cell::RefCell;

use serde::de;

use crate::issue::{Fault, IssueKind};
use crate::tree::{Entry, Node};

use node::NodeDeserializer;

/// Reads a value from a node. Unknown keys and the first other fault go to `faults`; `None` comes
/// back only with at least one fault.
pub(crate) fn decode<T: de::DeserializeOwned>(node: &Node, faults: &mut Vec<Fault>) -> Option<T> {
    let collected = RefCell::new(Vec::new());
    let result = T::deserialize(NodeDeserializer::new(node, &collected));
    faults.append(&mut collected.into_inner());
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            faults.push(error.into_fault(node.at));
            None
        }
    }
}

/// The candidate nearest to `name`, if one is near enough to be meant. Case, hyphens and underscores
/// do not count as differences.
pub(crate) fn nearest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let plain = |text: &str| -> String {
        text.chars()
            .filter(|character| !matches!(character, '-' | '_'))
            .flat_map(char::to_lowercase)
            .collect()
    };
    let wanted = plain(name);
    candidates
        .into_iter()
        .map(|candidate| {
            let known = plain(candidate);
            let score = if wanted.len().min(known.len()) >= 4
                && (known.contains(&wanted) || wanted.contains(&known))
            {
                1.0
            } else {
                strsim::jaro_winkler(&wanted, &known)
            };
            (candidate, score)
        })
        .filter(|(_, score)| *score >= 0.75)
        .max_by(|(_, one), (_, other)| one.total_cmp(other))
        .map(|(candidate, _)| candidate)
}

/// The fault of a key that no section has.
pub(crate) fn unknown_key(entry: &Entry, known: &[&str]) -> Fault {
    let fault =
        Fault::new(entry.key_at, format!("unknown key `{}`", entry.key)).of(IssueKind::UnknownKey);
    match nearest(&entry.key, known.iter().copied()) {
        Some(name) => fault.suggest(format!("did you mean `{name}`?")),
        None => {
            let mut known = known.to_vec();
            known.sort_unstable();
            fault.suggest(format!("known here: {}", known.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::parse;
    use serde::Deserialize;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Section {
        count: u16,
        name: Option<String>,
        list: Vec<String>,
        flag: bool,
        kind: Kind,
        inner: Option<Inner>,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Kind {
        #[default]
        AllAtOnce,
        Rolling,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Inner {
        depth: u8,
    }

    fn read(text: &str) -> (Option<Section>, Vec<String>) {
        let mut faults = Vec::new();
        let value = decode(&parse(text).unwrap(), &mut faults);
        let faults = faults
            .into_iter()
            .map(|fault| {
                format!(
                    "{}:{} {} ({})",
                    fault.at.line,
                    fault.at.column,
                    fault.message,
                    fault.suggestion.unwrap_or_default()
                )
            })
            .collect();
        (value, faults)
    }

    #[test]
    fn reads_every_kind() {
        let (value, faults) = read(
            "count: 7\nname: 3.10\nlist: [a, 1]\nflag: true\nkind: rolling\ninner: {}\nx-mine: 1\n",
        );
        assert_eq!(faults, Vec::<String>::new());
        assert_eq!(
            value.unwrap(),
            Section {
                count: 7,
                name: Some("3.10".to_owned()),
                list: vec!["a".to_owned(), "1".to_owned()],
                flag: true,
                kind: Kind::Rolling,
                inner: Some(Inner::default()),
            }
        );
    }

    #[test]
    fn null_counts_as_not_given() {
        let (value, faults) = read("count: null\nname: ~\nlist:\ninner: null\n");
        assert_eq!((value, faults.len()), (Some(Section::default()), 0));
    }

    #[test]
    fn all_unknown_keys_are_reported_with_the_nearest() {
        let (_, faults) = read("cuont: 1\ninner: {deep: 2}\nquite_other: 3\n");
        assert_eq!(
            faults,
            [
                "1:1 unknown key `cuont` (did you mean `count`?)",
                "2:9 unknown key `deep` (did you mean `depth`?)",
                "3:1 unknown key `quite_other` (known here: count, flag, inner, kind, list, name)",
            ]
        );
    }

    #[test]
    fn wrong_values_say_what_is_expected() {
        for (text, expected) in [
            (
                "count: 70000\n",
                "1:8 `count`: a whole number from 0 to 65535 is expected here, and `70000` was found ()",
            ),
            (
                "count: \"7\"\n",
                "1:8 `count`: a whole number from 0 to 65535 is expected here, and `7` was found (remove the quotes)",
            ),
            (
                "flag: yes\n",
                "1:7 `flag`: `true` or `false` is expected here, and `yes` was found (write `true`)",
            ),
            (
                "list: a\n",
                "1:7 `list`: a list is expected here, and `a` was found (write `[a]`)",
            ),
            (
                "list: [a, {b: c}]\n",
                "1:11 `list`: a text is expected here, and a mapping was found ()",
            ),
            (
                "kind: AllAtOnce\n",
                "1:7 `kind`: `AllAtOnce` is not one of the values `all-at-once`, `rolling` (did you mean `all-at-once`?)",
            ),
            (
                "inner: [1]\n",
                "1:8 `inner`: a mapping is expected here, and a list was found ()",
            ),
        ] {
            let (value, faults) = read(text);
            assert_eq!((value, faults), (None, vec![expected.to_owned()]), "{text}");
        }
    }

    #[test]
    fn a_bare_optional_key_is_ambiguous() {
        let (_, faults) = read("inner:\n");
        assert!(
            faults[0].contains("nothing is written after the colon"),
            "{faults:?}"
        );
    }
}
