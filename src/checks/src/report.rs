//! How rules put findings together.

use crate::Rule;
use beanpole_model::{Finding, Location};

/// A finding of that rule with the rule's own severity.
pub(crate) fn finding(
    rule: &Rule,
    location: Option<Location>,
    message: String,
    reason: &str,
    remedy: impl Into<String>,
) -> Finding {
    Finding {
        rule: rule.id.to_owned(),
        severity: rule.severity,
        location,
        message,
        reason: reason.to_owned(),
        remedy: Some(remedy.into()),
    }
}

/// A place in a file: line and column from 1.
pub(crate) fn place(path: &str, (line, column): (u32, u32)) -> Location {
    Location {
        path: path.to_owned(),
        line: Some(line),
        column: Some(column),
    }
}

/// A length or an index as a line or column number, which is large enough for every file that is read.
pub(crate) fn number(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// The last part of a path.
pub(crate) fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The directory of a path; empty at the top.
pub(crate) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// A path below a directory; the directory may be empty.
pub(crate) fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() {
        name.to_owned()
    } else {
        format!("{directory}/{name}")
    }
}

/// The directory and all above it, the nearest first; ends with the empty one.
pub(crate) fn ancestors(directory: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(directory), |directory| {
        (!directory.is_empty()).then(|| parent(directory))
    })
}

/// The start of a text, as much as a message bears.
pub(crate) fn shown(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// A list of words for a sentence: `a, b and c`.
pub(crate) fn listed(words: &[impl AsRef<str>]) -> String {
    match words {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [before @ .., last] => {
            let before: Vec<&str> = before.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", before.join(", "), last.as_ref())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_taken_apart_and_put_together() {
        assert_eq!((parent("a/b/c.py"), base_name("a/b/c.py")), ("a/b", "c.py"));
        assert_eq!((parent("c.py"), base_name("c.py")), ("", "c.py"));
        assert_eq!(ancestors("a/b").collect::<Vec<_>>(), ["a/b", "a", ""]);
        assert_eq!(ancestors("").collect::<Vec<_>>(), [""]);
        assert_eq!((join("", "a"), join("b", "a")), ("a".into(), "b/a".into()));
    }

    #[test]
    fn words_are_listed_as_people_do() {
        assert_eq!(listed(&[""; 0]), "");
        assert_eq!(listed(&["a"]), "a");
        assert_eq!(listed(&["a", "b", "c"]), "a, b and c");
    }

    #[test]
    fn long_texts_are_cut_at_characters() {
        assert_eq!(shown(&"é".repeat(61)), format!("{}…", "é".repeat(60)));
        assert_eq!(shown("é"), "é");
    }
}
