//! `{type}/{ticket}/{name}` to a regular expression.

use super::Settings;
use crate::pattern::PathPattern;
use regex::{Regex, RegexBuilder};

/// The memory, in bytes, that a compiled pattern of the settings may take.
const LARGEST_PATTERN: usize = 256 * 1024;

/// Compiles a pattern that has to match the whole text. The error says what is wrong, in one line.
pub(super) fn whole(pattern: &str) -> Result<Regex, String> {
    RegexBuilder::new(&format!("^(?:{pattern})$"))
        .size_limit(LARGEST_PATTERN)
        .build()
        .map_err(|error| last_line(&error.to_string()))
}

/// The patterns for whole names of branches (`main` is not `feat/main`), and those that cannot be read.
pub(super) fn branch_patterns(patterns: &[String]) -> (Vec<PathPattern>, Vec<&str>) {
    let mut read = Vec::new();
    let mut unreadable = Vec::new();
    for pattern in patterns {
        match PathPattern::new(&format!("/{pattern}")) {
            Some(pattern) => read.push(pattern),
            None => unreadable.push(pattern.as_str()),
        }
    }
    (read, unreadable)
}

/// The parser shows the pattern first and says the fault in its last line.
fn last_line(error: &str) -> String {
    error
        .lines()
        .last()
        .unwrap_or(error)
        .trim_start_matches("error: ")
        .to_owned()
}

/// Compiles a template.
pub(super) fn compile(template: &str, settings: &Settings) -> Result<Regex, String> {
    let mut pattern = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        pattern.push_str(&regex::escape(before));
        let (word, after) = after
            .split_once('}')
            .ok_or_else(|| "a `{` is not closed".to_owned())?;
        pattern.push_str(&placeholder(word, settings)?);
        rest = after;
    }
    pattern.push_str(&regex::escape(rest));
    whole(&pattern)
}

fn placeholder(word: &str, settings: &Settings) -> Result<String, String> {
    Ok(match word {
        "type" => {
            let types: Vec<String> = settings
                .types
                .iter()
                .map(|word| regex::escape(word))
                .collect();
            format!("(?:{})", types.join("|"))
        }
        "ticket" => format!("(?:{})", settings.ticket_pattern),
        "developer" | "name" => "[A-Za-z0-9][A-Za-z0-9._-]*".to_owned(),
        other => {
            return Err(format!(
                "{{{other}}} is not known; use {{type}}, {{ticket}}, {{developer}} or {{name}}"
            ));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(template: &str, name: &str) -> bool {
        compile(template, &Settings::default())
            .unwrap()
            .is_match(name)
    }

    #[test]
    fn placeholders_stand_for_one_part() {
        assert!(matches(
            "{type}/{ticket}/{name}",
            "feat/SHOP-12/basket-total"
        ));
        assert!(!matches("{type}/{ticket}/{name}", "feat/basket-total"));
        assert!(!matches(
            "{type}/{ticket}/{name}",
            "xfeat/SHOP-12/basket/more"
        ));
        assert!(matches("{developer}/{type}/{name}", "argo/fix/login.v2"));
    }

    #[test]
    fn other_text_is_plain() {
        assert!(matches("r.{name}", "r.1") && !matches("r.{name}", "rx1"));
    }

    #[test]
    fn faults_are_said() {
        let settings = Settings::default();
        assert!(compile("{typ}/x", &settings).unwrap_err().contains("{typ}"));
        assert!(
            compile("{type/x", &settings)
                .unwrap_err()
                .contains("not closed")
        );
        let broken = Settings {
            ticket_pattern: "(".to_owned(),
            ..settings
        };
        assert!(
            compile("{ticket}", &broken)
                .unwrap_err()
                .contains("unclosed group")
        );
        assert!(whole("a{1000}{1000}{1000}").is_err());
    }
}
