//! `settings-secret-key`: the key that signs sessions is in the repository, weak, or new at each start.
//!
//! What is weak: Django's check `security.W009` (django/core/checks/security/base.py).

use super::Context;
use crate::report::Said;
use crate::settings::see::{Plain, Seen, Source};
use crate::{Group, Rule};
use beanpole_model::Severity;
use std::collections::BTreeSet;

pub(super) const RULE: Rule = Rule {
    id: "settings-secret-key",
    group: Group::Settings,
    severity: Severity::Error,
    summary: "SECRET_KEY is in the code, weak, or new at each start",
};

/// Django's `SECRET_KEY_MIN_LENGTH` and `SECRET_KEY_MIN_UNIQUE_CHARACTERS`.
const SHORTEST: usize = 50;
const FEWEST_DIFFERENT: usize = 5;

pub(super) fn check(context: &mut Context<'_>) {
    for way in context.ways("SECRET_KEY") {
        for seen in way.seen.iter().flatten() {
            if let Some(message) = judge(seen) {
                context.say(&RULE, way.origin.as_ref(), Said {
                    message,
                    reason: "who knows the key signs sessions and password resets of any user; a new key at each start logs everyone out",
                    remedy: "write `SECRET_KEY = os.environ[\"SECRET_KEY\"]`, without a default, and keep the key in Secrets Manager".to_owned(),
                });
            } else if seen.value == Plain::Unseen && seen.from != Source::Environment {
                super::not_analysed::setting(context, "SECRET_KEY", way.origin.as_ref());
            }
        }
    }
}

/// What is wrong. Never names the key.
fn judge(seen: &Seen) -> Option<String> {
    let text = match &seen.value {
        Plain::Str(text) if !text.is_empty() => text,
        Plain::Random => {
            return Some("SECRET_KEY is a new one at each start and on each instance".to_owned());
        }
        _ => return None,
    };
    let weak = if text.starts_with("django-insecure-") {
        ", and an insecure one by its own words"
    } else if text.chars().count() < SHORTEST
        || text.chars().collect::<BTreeSet<_>>().len() < FEWEST_DIFFERENT
    {
        ", and a weak one"
    } else {
        ""
    };
    Some(if seen.from == Source::Code {
        format!("SECRET_KEY is written in the code{weak}")
    } else {
        format!("SECRET_KEY is one from the code when its environment variable is missing{weak}")
    })
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::settings::testing::{Case, SAFE};

    fn messages(key: &str) -> Vec<String> {
        let safe = SAFE.replace("SECRET_KEY = os.environ['SECRET_KEY']\n", "");
        assert_ne!(safe, SAFE);
        Case::production(&format!("{safe}{key}\n"))
            .check()
            .into_iter()
            .map(|finding| {
                assert_eq!(finding.rule, RULE.id);
                finding.message
            })
            .collect()
    }

    #[test]
    fn a_key_in_the_code_is_an_error_and_not_shown() {
        for (key, part) in [
            ("SECRET_KEY = 'django-insecure-abc'", "insecure"),
            ("SECRET_KEY = 'abc'", "weak"),
            ("SECRET_KEY = env('SECRET_KEY', default='abc')", "missing"),
            (
                "SECRET_KEY = os.environ.get('SECRET_KEY') or 'abc'",
                "missing",
            ),
            ("SECRET_KEY = get_random_secret_key()", "each start"),
        ] {
            let all = messages(key);
            assert_eq!(all.len(), 1, "{key}: {all:?}");
            assert!(
                all[0].contains(part) && !all[0].contains("abc"),
                "{key}: {}",
                all[0]
            );
        }
        let strong = "a1B2c3D4e5F6".repeat(5);
        assert_eq!(
            messages(&format!("SECRET_KEY = '{strong}'")),
            ["SECRET_KEY is written in the code"]
        );
    }

    #[test]
    fn the_environment_is_the_place() {
        for key in [
            "SECRET_KEY = os.environ['K']",
            "SECRET_KEY = env('K')",
            "SECRET_KEY = config('K')",
            "SECRET_KEY = os.getenv('K', '')",
        ] {
            assert!(messages(key).is_empty(), "{key}");
        }
    }
}
