//! Names of environment variables for secrets, by the rules of the GitHub action
//! `aws-actions/aws-secretsmanager-get-secrets` v3, so that a project can move here without renaming
//! anything.
//!
//! - A selection is `NAME`, `ARN` or `PREFIX*`, with `ALIAS,` in front if wanted.
//! - A name becomes a variable: `_` in front of a leading digit, every character but ASCII letters,
//!   digits and `_` becomes `_`, then the case is changed. With an ARN, the secret's own name counts.
//! - With `parse_json`, a JSON object becomes one variable per key, named `<secret>_<key>`, at any
//!   depth; so does a text that is itself a JSON object. Other values become text: numbers, `true`,
//!   `null` and lists as JSON.
//! - A blank alias (`,NAME`) leaves the secret's name out of the keys' names. Where there are no keys,
//!   the name counts after all.
//! - An alias must be a variable's name already. With a prefix, an alias needs a single match.
//! - A name that is taken with a value is refused, never replaced.

use std::collections::BTreeMap;

use beanpole_model::{Environment, Secret};
use serde_json::{Map, Number, Value};

/// The variable in which the action itself keeps the names to clean up; no secret may take it.
const RESERVED: &str = "SECRETS_LIST_CLEAN_UP";

/// The shortest prefix that may be searched for.
const SHORTEST_PREFIX: usize = 3;

/// What happens to the case of names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transformation {
    /// `django/key` to `DJANGO_KEY`.
    #[default]
    Uppercase,
    /// `Django/Key` to `django_key`.
    Lowercase,
    /// `Django/Key` to `Django_Key`.
    None,
}

/// How variables are named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// What happens to the case.
    pub transformation: Transformation,
    /// True to make one variable of each key of a JSON object.
    pub parse_json: bool,
}

/// Which secrets to take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    /// A name in place of the secret's; the empty text leaves the secret's name out.
    pub alias: Option<String>,
    /// The secrets.
    pub target: SelectorTarget,
}

/// What a selector points at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SelectorTarget {
    /// One secret, by name or ARN.
    Secret(String),
    /// All secrets whose names start with this.
    Prefix(String),
}

/// A rule that was broken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The alias is not a variable's name under the chosen rules.
    #[error("the alias `{alias}` is not a variable's name: `{valid}` would be")]
    Alias {
        /// The alias.
        alias: String,
        /// What it would have to be.
        valid: String,
    },
    /// The prefix is too short or has characters that no secret's name has.
    #[error("`{prefix}*` cannot be searched for")]
    Prefix {
        /// The prefix.
        prefix: String,
    },
    /// The selection is empty.
    #[error("a selection of secrets is empty")]
    Empty,
    /// No secret has this prefix.
    #[error("no secret's name starts with `{prefix}`")]
    NoMatch {
        /// The prefix.
        prefix: String,
    },
    /// An alias stands for more than one secret.
    #[error("an alias stands for one secret, and {matches} have names that start with `{prefix}`")]
    AliasOfMany {
        /// The prefix.
        prefix: String,
        /// How many there are.
        matches: usize,
    },
    /// More secrets have this prefix than may be taken at once.
    #[error(
        "{matches} secrets have names that start with `{prefix}`, and 100 may be taken at once"
    )]
    TooMany {
        /// The prefix.
        prefix: String,
        /// How many there are.
        matches: usize,
    },
    /// Two values want one name, or the environment has it already.
    #[error("the variable `{variable}` of the secret `{secret}` is taken already")]
    Taken {
        /// The variable.
        variable: String,
        /// The secret that came second.
        secret: String,
    },
}

impl NameError {
    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Alias { .. } => "write the alias as the variable's name that it stands for",
            Self::Prefix { .. } => {
                "give at least 3 of the characters that names of secrets have: letters, digits and \
                 `/_+=.@-`, with a single `*` at the end"
            }
            Self::Empty => "write one secret per line: `[ALIAS,]NAME`, an ARN, or `PREFIX*`",
            Self::NoMatch { .. } => {
                "`aws secretsmanager list-secrets` shows which secrets there are"
            }
            Self::AliasOfMany { .. } => "name the one secret in full, or leave the alias out",
            Self::TooMany { .. } => "use a longer prefix",
            Self::Taken { .. } => "give one of the secrets an alias of its own: `ALIAS,NAME`",
        }
    }
}

impl Rules {
    /// The variable's name for a secret's name or an alias.
    #[must_use]
    pub fn first(self, name: &str) -> String {
        if name.starts_with(|first: char| first.is_ascii_digit()) {
            self.next(&format!("_{name}"))
        } else {
            self.next(name)
        }
    }

    /// A further part of a name: a key of a JSON object. A leading digit is fine there.
    fn next(self, name: &str) -> String {
        let valid: String = name
            .chars()
            .map(|own| {
                if own.is_ascii_alphanumeric() || own == '_' {
                    own
                } else {
                    '_'
                }
            })
            .collect();
        match self.transformation {
            Transformation::Uppercase => valid.to_ascii_uppercase(),
            Transformation::Lowercase => valid.to_ascii_lowercase(),
            Transformation::None => valid,
        }
    }
}

impl Selector {
    /// Reads `[ALIAS,]NAME`, `[ALIAS,]ARN` or `[ALIAS,]PREFIX*`.
    ///
    /// # Errors
    /// [`NameError::Empty`], [`NameError::Alias`], [`NameError::Prefix`].
    pub fn parse(text: &str, rules: Rules) -> Result<Self, NameError> {
        let (alias, id) = match text.split_once(',') {
            Some((alias, id)) => (Some(alias.trim().to_owned()), id.trim()),
            None => (None, text.trim()),
        };
        if let Some(alias) = alias.as_ref().filter(|alias| !alias.is_empty()) {
            let valid = rules.first(alias);
            if *alias != valid {
                return Err(NameError::Alias {
                    alias: alias.clone(),
                    valid,
                });
            }
        }
        let target = match id.split_once('*') {
            None if id.is_empty() => return Err(NameError::Empty),
            None => SelectorTarget::Secret(id.to_owned()),
            Some((prefix, rest)) => {
                let letters = |own: char| own.is_ascii_alphanumeric() || "/_+=.@-".contains(own);
                if !rest.is_empty()
                    || prefix.chars().count() < SHORTEST_PREFIX
                    || !prefix.chars().all(letters)
                {
                    return Err(NameError::Prefix {
                        prefix: prefix.to_owned(),
                    });
                }
                SelectorTarget::Prefix(prefix.to_owned())
            }
        };
        Ok(Self { alias, target })
    }
}

/// Variables on their way into an environment. No name is given twice.
#[derive(Clone, Debug)]
pub struct VariableSet {
    rules: Rules,
    taken: Environment,
    variables: BTreeMap<String, Secret>,
}

impl VariableSet {
    /// An empty set for an environment that has the variables `taken`.
    #[must_use]
    pub fn new(rules: Rules, taken: Environment) -> Self {
        Self {
            rules,
            taken,
            variables: BTreeMap::new(),
        }
    }

    /// Adds the variables of one secret, and returns their values.
    ///
    /// # Errors
    /// [`NameError::Taken`] when a name is taken with a value.
    pub fn add(
        &mut self,
        alias: Option<&str>,
        secret: &str,
        value: &Secret,
    ) -> Result<Vec<Secret>, NameError> {
        let mut values = Vec::new();
        for (variable, value) in self.named(alias, secret, value) {
            let has_value = |taken: &Secret| !taken.expose().is_empty();
            let is_taken = self.taken.get(&variable).is_some()
                || self.variables.get(&variable).is_some_and(has_value)
                || variable == RESERVED;
            if is_taken {
                return Err(NameError::Taken {
                    variable,
                    secret: secret.to_owned(),
                });
            }
            values.push(value.clone());
            self.variables.insert(variable, value);
        }
        Ok(values)
    }

    /// The variables.
    #[must_use]
    pub fn into_variables(self) -> BTreeMap<String, Secret> {
        self.variables
    }

    /// The variables of one secret, in the order of its keys.
    fn named(&self, alias: Option<&str>, secret: &str, value: &Secret) -> Vec<(String, Secret)> {
        let own = self.rules.first(secret);
        match (
            alias,
            self.rules
                .parse_json
                .then(|| object(value.expose()))
                .flatten(),
        ) {
            (Some(""), Some(object)) => {
                let mut found = Vec::new();
                for (key, value) in object {
                    self.descend(self.rules.first(&key), &value, &mut found);
                }
                found
            }
            (Some(alias), Some(object)) => self.descended(alias, object),
            (None, Some(object)) => self.descended(&own, object),
            (Some("") | None, None) => vec![(own, value.clone())],
            (Some(alias), None) => vec![(alias.to_owned(), value.clone())],
        }
    }

    fn descended(&self, prefix: &str, object: Map<String, Value>) -> Vec<(String, Secret)> {
        let mut found = Vec::new();
        for (key, value) in object {
            self.descend(
                format!("{prefix}_{}", self.rules.next(&key)),
                &value,
                &mut found,
            );
        }
        found
    }

    fn descend(&self, name: String, value: &Value, found: &mut Vec<(String, Secret)>) {
        let text = match value {
            Value::String(text) => text.clone(),
            other => script_text(other),
        };
        match object(&text) {
            Some(object) => found.extend(self.descended(&name, object)),
            None => found.push((name, Secret::new(text))),
        }
    }
}

/// The JSON object that a text is, if it is one.
fn object(text: &str) -> Option<Map<String, Value>> {
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Some(object),
        Ok(_) | Err(_) => None,
    }
}

/// JSON as JavaScript writes it: `1.0` is `1` there.
fn script_text(value: &Value) -> String {
    fn normal(value: &Value) -> Value {
        match value {
            Value::Number(number) => Value::Number(whole(number)),
            Value::Array(items) => items.iter().map(normal).collect(),
            Value::Object(object) => object
                .iter()
                .map(|(key, value)| (key.clone(), normal(value)))
                .collect(),
            other => other.clone(),
        }
    }
    normal(value).to_string()
}

/// A whole number without its `.0`, as far as JavaScript counts exactly (2^53).
fn whole(number: &Number) -> Number {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match number.as_f64() {
        Some(value) if number.is_f64() && value.fract() == 0.0 && value.abs() <= EXACT => {
            // Formatting avoids a cast; the text of such a number is its digits.
            format!("{value:.0}")
                .parse::<i64>()
                .map_or_else(|_| number.clone(), Number::from)
        }
        _ => number.clone(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLAIN: Rules = Rules {
        transformation: Transformation::Uppercase,
        parse_json: false,
    };
    const JSON: Rules = Rules {
        transformation: Transformation::Uppercase,
        parse_json: true,
    };

    fn named(
        rules: Rules,
        alias: Option<&str>,
        secret: &str,
        value: &str,
    ) -> Vec<(String, String)> {
        let mut set = VariableSet::new(rules, Environment::default());
        set.add(alias, secret, &Secret::new(value)).unwrap();
        set.into_variables()
            .into_iter()
            .map(|(name, value)| (name, value.expose().to_owned()))
            .collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn names_become_variables() {
        for (name, variable) in [
            ("djangoSecretName", "DJANGOSECRETNAME"),
            ("django/NewSecret", "DJANGO_NEWSECRET"),
            ("/django/key", "_DJANGO_KEY"),
            ("0/test/secret", "_0_TEST_SECRET"),
            ("a.b-c+d=e@f", "A_B_C_D_E_F"),
            ("schlüssel", "SCHL_SSEL"),
        ] {
            assert_eq!(PLAIN.first(name), variable);
        }
    }

    #[test]
    fn the_case_is_a_choice() {
        let rules = |transformation| Rules {
            transformation,
            ..PLAIN
        };
        assert_eq!(
            rules(Transformation::Lowercase).first("Django/Key"),
            "django_key"
        );
        assert_eq!(
            rules(Transformation::None).first("Django/Key"),
            "Django_Key"
        );
    }

    #[test]
    fn json_is_taken_apart_only_when_asked_for() {
        let value = r#"{"user": "me"}"#;
        assert_eq!(named(PLAIN, None, "db", value), pairs(&[("DB", value)]));
        assert_eq!(named(JSON, None, "db", value), pairs(&[("DB_USER", "me")]));
    }

    #[test]
    fn objects_are_taken_apart_at_any_depth_even_inside_texts() {
        let value = r#"{"a": {"1b": {"c": 1.0}}, "t": "{\"x\": true}", "l": [1, {"y": null}],
                        "n": null, "e": "", "f": 1.5}"#;
        assert_eq!(
            named(JSON, None, "s", value),
            pairs(&[
                ("S_A_1B_C", "1"),
                ("S_E", ""),
                ("S_F", "1.5"),
                ("S_L", r#"[1,{"y":null}]"#),
                ("S_N", "null"),
                ("S_T_X", "true"),
            ])
        );
    }

    #[test]
    fn other_json_is_one_value() {
        for value in ["[1, 2]", "null", "42", "\"text\"", "not json", ""] {
            assert_eq!(named(JSON, None, "s", value), pairs(&[("S", value)]));
        }
        assert_eq!(named(JSON, None, "s", "{}"), []);
    }

    #[test]
    fn an_alias_takes_the_names_place() {
        assert_eq!(
            named(PLAIN, Some("DB"), "very/long", "x"),
            pairs(&[("DB", "x")])
        );
        let value = r#"{"user": "me"}"#;
        assert_eq!(
            named(JSON, Some("DB"), "very/long", value),
            pairs(&[("DB_USER", "me")])
        );
    }

    #[test]
    fn a_blank_alias_leaves_the_keys_alone() {
        let value = r#"{"user": "me", "1st": "x"}"#;
        assert_eq!(
            named(JSON, Some(""), "db", value),
            pairs(&[("USER", "me"), ("_1ST", "x")])
        );
        assert_eq!(
            named(JSON, Some(""), "db", "plain"),
            pairs(&[("DB", "plain")])
        );
        assert_eq!(named(PLAIN, Some(""), "db", value), pairs(&[("DB", value)]));
    }

    #[test]
    fn selections_are_read_and_checked() {
        let parse = |text| Selector::parse(text, PLAIN);
        let secret = |text: &str| SelectorTarget::Secret(text.to_owned());
        let found = parse(" django/key ").unwrap();
        assert_eq!((found.alias, found.target), (None, secret("django/key")));
        let found = parse("KEY , django/key").unwrap();
        assert_eq!(
            (found.alias.as_deref(), found.target),
            (Some("KEY"), secret("django/key"))
        );
        let found = parse(",django/key").unwrap();
        assert_eq!(found.alias.as_deref(), Some(""));
        let found = parse("django*").unwrap();
        assert_eq!(found.target, SelectorTarget::Prefix("django".to_owned()));
        assert!(
            matches!(parse("my-key,x"), Err(NameError::Alias { valid, .. }) if valid == "MY_KEY")
        );
        for bad in ["dj*", "*", "dja*x", "dja**", "dj a*"] {
            assert!(matches!(parse(bad), Err(NameError::Prefix { .. })), "{bad}");
        }
        for empty in ["", "  ", "KEY,"] {
            assert_eq!(parse(empty), Err(NameError::Empty), "{empty}");
        }
    }

    #[test]
    fn a_taken_name_is_refused() {
        let taken: Environment = [("PATH", "/bin"), ("EMPTY", "")].into_iter().collect();
        let mut set = VariableSet::new(PLAIN, taken);
        let value = Secret::new("x");
        assert!(matches!(
            set.add(None, "path", &value),
            Err(NameError::Taken { .. })
        ));
        set.add(None, "empty", &value).unwrap();
        set.add(None, "a/b", &value).unwrap();
        let error = set.add(None, "a.b", &value).unwrap_err();
        let (variable, secret) = ("A_B".to_owned(), "a.b".to_owned());
        assert_eq!(error, NameError::Taken { variable, secret });
        assert!(set.add(None, "secrets_list_clean_up", &value).is_err());
    }

    #[test]
    fn an_empty_value_may_be_replaced_as_the_action_has_it() {
        let mut set = VariableSet::new(PLAIN, Environment::default());
        set.add(None, "a/b", &Secret::new("")).unwrap();
        set.add(None, "a.b", &Secret::new("x")).unwrap();
        assert_eq!(set.into_variables()["A_B"].expose(), "x");
    }

    proptest! {
        #[test]
        fn every_name_is_a_variables_name(name in "\\PC{1,40}") {
            let variable = PLAIN.first(&name);
            let mut characters = variable.chars();
            let first = characters.next().unwrap();
            prop_assert!(first.is_ascii_uppercase() || first == '_');
            let valid = |own: char| own.is_ascii_uppercase() || own.is_ascii_digit() || own == '_';
            prop_assert!(characters.all(valid));
            // What is a variable's name stays as it is.
            prop_assert_eq!(PLAIN.first(&variable), variable);
        }
    }
}
