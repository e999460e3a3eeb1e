//! A merge in progress: what differs from every parent.

use std::collections::BTreeMap;

use crate::selection::changes::Changes;
use crate::selection::{Lines, SelectedChange};

/// What is common to all comparisons, the first of which is that with the current branch; and the paths of
/// the first that are not common to all.
pub(super) fn common(comparisons: Vec<Changes>) -> (Changes, Vec<String>) {
    let mut comparisons = comparisons.into_iter();
    let Some(mut first) = comparisons.next() else {
        return (Changes::default(), Vec::new());
    };
    let mut merged = Vec::new();
    for other in comparisons {
        first.names_not_text.extend(other.names_not_text);
        let others: BTreeMap<String, SelectedChange> = other
            .changes
            .into_iter()
            .map(|change| (change.path.clone(), change))
            .collect();
        first.changes.retain_mut(|change| {
            let Some(other) = others.get(&change.path) else {
                merged.push(change.path.clone());
                return false;
            };
            change.lines = intersection(&change.lines, &other.lines);
            true
        });
    }
    merged.sort();
    (first, merged)
}

/// The lines that are in both. The counts stay those against the current branch.
fn intersection(one: &Lines, other: &Lines) -> Lines {
    let (one, other) = match (one, other) {
        (Lines::All, lines) | (lines, Lines::All) => return lines.clone(),
        (Lines::Only(one), Lines::Only(other)) => (one, other),
    };
    let mut ranges = Vec::new();
    let (mut left, mut right) = (one.iter().peekable(), other.iter().peekable());
    while let (Some(&&(first, last)), Some(&&(from, to))) = (left.peek(), right.peek()) {
        let (start, end) = (first.max(from), last.min(to));
        if start <= end {
            ranges.push((start, end));
        }
        if last < to {
            left.next();
        } else {
            right.next();
        }
    }
    Lines::Only(ranges)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_in_both() {
        let one = Lines::Only(vec![(1, 3), (5, 9), (20, 20)]);
        let other = Lines::Only(vec![(3, 5), (7, 7), (9, 30)]);
        let both = Lines::Only(vec![(3, 3), (5, 5), (7, 7), (9, 9), (20, 20)]);
        assert_eq!(intersection(&one, &other), both);
        assert_eq!(intersection(&other, &one), both);
        assert_eq!(intersection(&Lines::All, &one), one);
    }
}
