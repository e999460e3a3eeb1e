//! Conditions in production: which branch it takes.

use super::see::{Plain, Source, alone};
use super::state::{Given, State};
use crate::python::{Value, ValueKind, verdict};

/// How many names are followed, each to its value.
const FARTHEST: u32 = 4;

/// Beginnings of words for where developers and tests are.
const DEVELOPMENT: [&str; 5] = ["local", "dev", "test", "ci", "debug"];

/// Words for where users are.
const PRODUCTION: [&str; 4] = ["production", "prod", "prd", "live"];

/// Whether that text names a place of developers and tests.
pub(super) fn is_for_development(word: &str) -> bool {
    DEVELOPMENT.iter().any(|start| word.starts_with(start))
}

/// Whether a condition holds in production, with `DEBUG` off. None: nothing decides it, and either may be.
pub(super) fn holds(test: &Value, state: &State) -> Option<bool> {
    within(test, state, FARTHEST)
}

fn within(test: &Value, state: &State, left: u32) -> Option<bool> {
    let left = left.checked_sub(1)?;
    let inner = |test: &Value| within(test, state, left);
    match &test.kind {
        ValueKind::Name(name) if name == "DEBUG" => Some(false),
        ValueKind::Name(name) => named(name, state, left),
        ValueKind::Bool(value) => Some(*value),
        ValueKind::Not(test) => inner(test).map(|holds| !holds),
        ValueKind::And(all) => verdict(&all.iter().map(inner).collect::<Vec<_>>(), false),
        ValueKind::Or(any) => verdict(&any.iter().map(inner).collect::<Vec<_>>(), true),
        ValueKind::Equal(one, other) => equal(one, other, state),
        ValueKind::In(one, many) => contained(one, many, state),
        _ => None,
    }
}

/// `TESTING = "test" in sys.argv`, and later `if TESTING:`.
fn named(name: &str, state: &State, left: u32) -> Option<bool> {
    let held = state.get(name);
    let [only] = held.as_slice() else {
        return None;
    };
    match &only.given {
        Given::Value(value) if only.edits.is_empty() => within(value, state, left),
        _ => None,
    }
}

fn equal(one: &Value, other: &Value, state: &State) -> Option<bool> {
    match (one.as_str(), other.as_str()) {
        (Some(word), None) => is_one_of(other, &[word], state),
        (None, Some(word)) => is_one_of(one, &[word], state),
        _ => None,
    }
}

/// `"test" in sys.argv`, `ENVIRONMENT in ("local", "ci")`.
fn contained(one: &Value, many: &Value, state: &State) -> Option<bool> {
    if many.as_name() == Some("sys.argv") {
        return one.as_str().map(|_| false);
    }
    let ValueKind::List(items) = &many.kind else {
        return None;
    };
    let words: Vec<&str> = items.iter().map(Value::as_str).collect::<Option<_>>()?;
    is_one_of(one, &words, state)
}

/// Whether a value is one of those words. Where the environment gives it, their meaning says whether production does.
fn is_one_of(value: &Value, words: &[&str], state: &State) -> Option<bool> {
    let seen = alone(state, value);
    let is_known = |plain: &Plain| matches!(plain, Plain::Str(_));
    let fits = |plain: &Plain| matches!(plain, Plain::Str(text) if words.contains(&text.as_str()));
    if seen.iter().all(|one| fits(&one.value)) {
        return Some(true);
    }
    if seen.iter().any(|one| fits(&one.value)) {
        return None;
    }
    if seen
        .iter()
        .all(|one| is_known(&one.value) && one.from == Source::Code)
    {
        return Some(false);
    }
    let lower: Vec<String> = words.iter().map(|word| word.to_lowercase()).collect();
    if lower.iter().all(|word| is_for_development(word)) {
        return Some(false);
    }
    // A default that is not production holds where nobody has set the variable.
    let has_default = seen.iter().any(|one| is_known(&one.value));
    let is_production = lower.iter().any(|word| PRODUCTION.contains(&word.as_str()));
    (is_production && !has_default).then_some(true)
}

#[cfg(test)]
mod tests {
    use crate::settings::testing::{Case, SAFE};

    /// Whether the branch of that condition is taken, told by the error that it makes.
    fn errors(before: &str, test: &str) -> usize {
        let text = format!("{SAFE}{before}\nif {test}:\n    ALLOWED_HOSTS = ['*']\n");
        let rules = Case::production(&text).rules();
        rules
            .iter()
            .filter(|rule| *rule == "settings-allowed-hosts")
            .count()
    }

    #[test]
    fn branches_of_developers_and_tests_are_not_taken() {
        for (before, test) in [
            ("", "'test' in sys.argv"),
            ("TESTING = 'test' in sys.argv", "TESTING"),
            ("ENV = os.environ['ENV']", "ENV == 'local'"),
            (
                "ENV = os.environ.get('ENV', 'production')",
                "ENV in ('dev', 'ci')",
            ),
            (
                "ENV = os.environ.get('ENV', 'production')",
                "ENV != 'production'",
            ),
            ("ENV = os.environ.get('ENV')", "'development' == ENV"),
            ("KIND = 'a'", "KIND == 'b'"),
        ] {
            assert_eq!(errors(before, test), 0, "{before} {test}");
        }
    }

    #[test]
    fn others_may_be_taken() {
        for (before, test) in [
            ("ENV = os.environ['ENV']", "ENV == 'production'"),
            ("ENV = os.environ['ENV']", "ENV == 'staging'"),
            ("ENV = os.environ.get('ENV', 'local')", "ENV == 'local'"),
            (
                "ENV = os.environ.get('ENV', 'local')",
                "ENV != 'production'",
            ),
            ("", "os.environ.get('X')"),
            ("A = B\nB = A", "A"),
        ] {
            assert_eq!(errors(before, test), 1, "{before} {test}");
        }
    }
}
