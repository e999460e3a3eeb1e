//! Django's production settings, read without running them.
//!
//! Stages, each a module: which module production uses (`find`), its statements and those of the modules that it imports, in
//! order, to what each name may hold (`evaluate`, `state`), expressions to plain values (`see`, `variable`), databases (`database`), and
//! the rules (`rules`).
//!
//! Rules of this module: production runs with `DEBUG` off, so `if DEBUG:` is not taken, nor is what only developers and tests
//! take (`condition`); any other condition may go either way;
//! an environment variable is judged by what holds when it is missing; what cannot be seen is a note, never silence.

mod condition;
mod database;
mod evaluate;
mod find;
mod rules;
mod see;
#[expect(
    clippy::module_inception,
    reason = "every group keeps its settings in a file of that name"
)]
mod settings;
mod state;
#[cfg(test)]
mod testing;
mod variable;

pub(crate) use rules::is_one_fault;
pub use rules::{RULES, check};
pub use settings::Settings;

/// Words in the paths of files from which production settings are made: their content is needed even if it did not change.
const WORDS: [&str; 14] = [
    "settings", "setting", "config", "conf", "wsgi", "asgi", "manage", "urls", "env", "prod",
    "base", "common", "defaults", "deploy",
];

/// Whether the content of that path is needed even if it did not change: settings modules and what leads to them.
#[must_use]
pub fn wants(path: &str) -> bool {
    path.strip_suffix(".py").is_some_and(|stem| {
        !stem.contains("/migrations/")
            && (!stem.contains('/') || stem.split(['/', '_']).any(begins_with_word))
    })
}

/// The first letters are compared first: every part of every path of a project is.
fn begins_with_word(part: &str) -> bool {
    let first = part.as_bytes().first();
    let mut candidates = WORDS.iter().filter(|word| word.as_bytes().first() == first);
    candidates.any(|word| part.starts_with(word))
}

#[cfg(test)]
mod tests {
    use super::{Settings, wants};

    #[test]
    fn settings_and_what_leads_to_them_are_wanted() {
        for path in [
            "config/settings/base.py",
            "shop/settings.py",
            "manage.py",
            "shop/wsgi.py",
            "a/local_settings.py",
            "config/local.py",
        ] {
            assert!(wants(path), "{path}");
        }
        for path in [
            "shop/models.py",
            "shop/migrations/0001_settings.py",
            "settings.json",
        ] {
            assert!(!wants(path), "{path}");
        }
    }

    #[test]
    fn settings_are_strict() {
        let read = serde_json::from_str::<Settings>;
        assert!(
            read(r#"{"redirects-elsewhere": true}"#)
                .unwrap()
                .redirects_elsewhere
        );
        assert!(read(r#"{"redirects_elsewhere": true}"#).is_err());
    }
}
