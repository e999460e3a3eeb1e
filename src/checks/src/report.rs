//! How rules put findings together.

use crate::Rule;
use beanpole_model::{Finding, Location};

/// What a rule says: what is wrong, which names the object; why it hurts, in one sentence; what to write instead.
pub(crate) struct Said {
    pub(crate) message: String,
    pub(crate) reason: &'static str,
    pub(crate) remedy: String,
}

/// The finding of a rule that says this, with the rule's own severity.
pub(crate) fn say(rule: &Rule, location: Option<Location>, said: Said) -> Finding {
    finding(rule, location, said.message, said.reason, said.remedy)
}

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

/// A file as a whole.
pub(crate) fn file(path: &str) -> Location {
    Location {
        path: path.to_owned(),
        line: None,
        column: None,
    }
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
