//! Numbers in the names of migrations.

use crate::migrations::project::{Key, Project};
use crate::migrations::rules::graph::number;
use std::collections::BTreeSet;

use super::chain::Chain;

/// The new names of a chain, in its order: the numbers go up from the released one, and none is that of another migration. A
/// name whose number does so already stays, and so does one without a number.
pub(super) fn new_names(
    base: &Project<'_>,
    head: &Project<'_>,
    chain: &Chain<'_>,
) -> Result<Vec<String>, String> {
    let mut last = last_number(&chain.leaf.1)
        .ok_or_else(|| format!("{}.{} has no number", chain.leaf.0, chain.leaf.1))?;
    let taken = taken(base, head, chain);
    let mut names = Vec::new();
    for migration in &chain.migrations {
        let name = &migration.id.name;
        let Some(own) = number(name) else {
            names.push(name.clone());
            continue;
        };
        if own <= last || taken.contains(&own) {
            last = next_free(last, &taken)
                .ok_or_else(|| format!("no number comes after that of {}", migration.id))?;
            names.push(with_number(name, last));
        } else {
            last = own;
            names.push(name.clone());
        }
    }
    Ok(names)
}

/// The numbers of all migrations of the app but those of the chain.
fn taken(base: &Project<'_>, head: &Project<'_>, chain: &Chain<'_>) -> BTreeSet<u32> {
    let own: BTreeSet<Key> = (chain.migrations.iter())
        .map(|migration| migration.id.key())
        .collect();
    let known = (base.migrations.keys().chain(&base.unreadable_keys))
        .chain(head.migrations.keys())
        .chain(&head.unreadable_keys);
    known
        .filter(|key| key.0 == chain.leaf.0 && !own.contains(*key))
        .filter_map(|key| number(&key.1))
        .collect()
}

fn next_free(last: u32, taken: &BTreeSet<u32>) -> Option<u32> {
    (last.checked_add(1)?..=u32::MAX).find(|number| !taken.contains(number))
}

/// The number of a name; of `0001_squashed_0004_x` the second one, as Django counts on from it.
fn last_number(name: &str) -> Option<u32> {
    name.split_once("_squashed_")
        .and_then(|(_, rest)| number(rest))
        .or_else(|| number(name))
}

/// The name with another number, as wide as the old one.
fn with_number(name: &str, number: u32) -> String {
    let rest = name.trim_start_matches(|letter: char| letter.is_ascii_digit());
    let width = name.len() - rest.len();
    format!("{number:0width$}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_width() {
        for (name, number, expected) in [
            ("0002_ours", 3, "0003_ours"),
            ("2_ours", 10, "10_ours"),
            ("0099", 100, "0100"),
        ] {
            assert_eq!(with_number(name, number), expected);
        }
    }

    #[test]
    fn squashed_names_have_two_numbers() {
        assert_eq!(last_number("0001_squashed_0004_x"), Some(4));
        assert_eq!(last_number("0001_squashed_all"), Some(1));
        assert_eq!(last_number("initial"), None);
        assert_eq!(next_free(u32::MAX, &BTreeSet::new()), None);
        assert_eq!(next_free(1, &BTreeSet::from([2, 3])), Some(4));
    }
}
