//! A rule's finding, in one call.

use crate::Rule;
use beanpole_model::{Finding, Location};

/// What a rule says: what is wrong, why it hurts, what to write instead.
pub(crate) struct Words {
    pub(crate) message: String,
    pub(crate) reason: &'static str,
    pub(crate) remedy: String,
}

/// The finding of a rule, with the rule's own severity.
pub(crate) fn say(rule: &Rule, location: Option<Location>, words: Words) -> Finding {
    Finding {
        rule: rule.id.to_owned(),
        severity: rule.severity,
        location,
        message: words.message,
        reason: words.reason.to_owned(),
        remedy: Some(words.remedy),
    }
}

/// A place in a file.
pub(crate) fn at(path: &str, (line, column): (u32, u32)) -> Location {
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

/// Every rule has a page that says what, why, and how to suppress it.
#[cfg(test)]
pub(crate) fn assert_pages(rules: &[Rule]) {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/checks");
    for (index, rule) in rules.iter().enumerate() {
        let is_kebab = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
        assert!(
            rule.id.bytes().all(is_kebab) && !rule.summary.ends_with('.'),
            "{rule:?}"
        );
        assert!(
            rules
                .iter()
                .take(index)
                .all(|other| other.id != rule.id && other.group == rule.group)
        );
        let page = fs_err::read_to_string(format!("{directory}/{}.md", rule.id)).unwrap();
        assert!(page.starts_with(&format!("# {}\n", rule.id)), "{}", rule.id);
        assert!(
            page.contains(&format!("beanpole: ignore[{}]", rule.id)),
            "{} does not say how to suppress it",
            rule.id
        );
    }
}
