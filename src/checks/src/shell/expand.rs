//! Variables in words: `$NAME`, `${NAME}`, and the defaults `${NAME:-value}`, `${NAME-value}`, `${NAME:=value}`,
//! as shells, Dockerfiles and compose files write them.

/// How deep a default may hold another variable with a default.
const DEEPEST: u32 = 8;

/// The longest word that is looked into, in bytes: each `$` may cost a look at all of it.
const LONGEST: usize = 4096;

/// The word with its variables replaced. None if one of them is not known and has no default, or is more than a variable
/// (`$(command)`, `${NAME%.*}`).
pub(crate) fn expand(word: &str, known: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    at_depth(word, known, 0)
}

fn at_depth(word: &str, known: &dyn Fn(&str) -> Option<String>, depth: u32) -> Option<String> {
    if depth > DEEPEST || word.len() > LONGEST {
        return None;
    }
    let mut result = String::new();
    let mut rest = word;
    while let Some(at) = rest.find('$') {
        let (before, from) = rest.split_at(at);
        result.push_str(before);
        let (variable, after) = split(from)?;
        let value = known(variable.name).filter(|value| {
            // The colon says that an empty value counts as none.
            !(variable.operator.starts_with(':') && value.is_empty())
        });
        match (variable.operator, value) {
            (":+" | "+", Some(_)) => {
                result.push_str(&at_depth(variable.argument, known, depth + 1)?);
            }
            (":+" | "+", None) => {}
            ("" | ":-" | "-" | ":=" | "=" | ":?" | "?", Some(value)) => result.push_str(&value),
            (":-" | "-" | ":=" | "=", None) => {
                result.push_str(&at_depth(variable.argument, known, depth + 1)?);
            }
            _ => return None,
        }
        rest = after;
    }
    result.push_str(rest);
    Some(result)
}

/// The names of the variables in a word, those in defaults left out.
pub(crate) fn variables(word: &str) -> Vec<&str> {
    let mut names = Vec::new();
    if word.len() > LONGEST {
        return names;
    }
    let mut rest = word;
    while let Some(at) = rest.find('$') {
        let from = rest.get(at..).unwrap_or_default();
        match split(from) {
            Some((variable, after)) => {
                names.push(variable.name);
                rest = after;
            }
            None => rest = from.get(1..).unwrap_or_default(),
        }
    }
    names
}

struct Variable<'w> {
    name: &'w str,
    operator: &'w str,
    argument: &'w str,
}

/// The variable at the front of a text that begins with `$`, and the text behind it.
fn split(text: &str) -> Option<(Variable<'_>, &str)> {
    let rest = text.strip_prefix('$')?;
    let Some(inside) = rest.strip_prefix('{') else {
        let end = name_end(rest)?;
        let (name, after) = rest.split_at_checked(end)?;
        let plain = Variable {
            name,
            operator: "",
            argument: "",
        };
        return Some((plain, after));
    };
    let close = closing_brace(inside)?;
    let (content, after) = inside.split_at_checked(close)?;
    let (name, tail) = content.split_at_checked(name_end(content)?)?;
    let length = tail
        .find(|character: char| !":-+=?".contains(character))
        .unwrap_or(tail.len())
        .min(if tail.starts_with(':') { 2 } else { 1 });
    let (operator, argument) = tail.split_at_checked(length)?;
    if operator.is_empty() && !argument.is_empty() {
        return None;
    }
    let variable = Variable {
        name,
        operator,
        argument,
    };
    Some((variable, after.strip_prefix('}')?))
}

fn name_end(text: &str) -> Option<usize> {
    let end = text
        .find(|character: char| !(character.is_ascii_alphanumeric() || character == '_'))
        .unwrap_or(text.len());
    let starts_well = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    (end > 0 && starts_well).then_some(end)
}

fn closing_brace(text: &str) -> Option<usize> {
    let mut open = 0_u32;
    for (at, character) in text.char_indices() {
        match character {
            '{' => open += 1,
            '}' if open == 0 => return Some(at),
            '}' => open -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn known(name: &str) -> Option<String> {
        match name {
            "HOST" => Some("db".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        }
    }

    #[test]
    fn variables_and_defaults_are_replaced() {
        for (word, result) in [
            ("$HOST:5432", Some("db:5432")),
            ("a-${HOST}-b", Some("a-db-b")),
            ("${NONE:-x}", Some("x")),
            ("${HOST:-x}", Some("db")),
            ("${EMPTY:-x}", Some("x")),
            ("${EMPTY-x}", Some("")),
            ("${NONE:-${OTHER:-y}}", Some("y")),
            ("${HOST:+yes}${NONE:+no}", Some("yes")),
            ("${HOST:?must be set}", Some("db")),
            ("$NONE", None),
            ("${NONE:?must be set}", None),
            ("${HOST%x}", None),
            ("$(hostname)", None),
            ("$", None),
            ("plain", Some("plain")),
        ] {
            assert_eq!(expand(word, &known).as_deref(), result, "{word}");
        }
    }

    #[test]
    fn names_are_listed() {
        assert_eq!(variables("$A-${B:-$C}x$(d)$E"), ["A", "B", "E"]);
    }

    #[test]
    fn defaults_that_never_end_are_left() {
        let word = "${A:-".repeat(100) + &"}".repeat(100);
        assert_eq!(expand(&word, &known), None);
        let word = "${".repeat(500_000);
        assert!(expand(&word, &known).is_none() && variables(&word).is_empty());
    }

    proptest! {
        #[test]
        fn never_panics(word in "[$\\{\\}:\\-+=?A-Zaé%(]{0,40}") {
            let _ = expand(&word, &known);
            let _ = variables(&word);
        }
    }
}
