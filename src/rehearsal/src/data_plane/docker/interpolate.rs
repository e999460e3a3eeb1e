//! `$NAME` in compose files, as Docker Compose replaces it.
//!
//! Rules: `$$` is a dollar sign; `${NAME:-x}` and `${NAME-x}` give a default, `${NAME:+x}` and
//! `${NAME+x}` a replacement, `${NAME:?x}` and `${NAME?x}` an error. With a colon an empty value counts
//! as unset. A variable without a value is the empty text.

/// Replaces all variables of `text`.
///
/// # Errors
/// One sentence: a malformed expression, or a required variable that is not set.
pub(super) fn interpolate(
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<String, String> {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        result.push_str(before);
        if let Some(tail) = after.strip_prefix('$') {
            result.push('$');
            rest = tail;
        } else if let Some(inner) = after.strip_prefix('{') {
            let (expression, tail) = inner
                .split_once('}')
                .ok_or_else(|| format!("`{text}`: a `${{` has no `}}`"))?;
            result.push_str(&evaluate(expression, lookup)?);
            rest = tail;
        } else {
            let (name, tail) = split_name(after);
            if name.is_empty() {
                return Err(format!(
                    "`{text}`: after `$` comes a name; write `$$` for a dollar sign"
                ));
            }
            result.push_str(&lookup(name).unwrap_or_default());
            rest = tail;
        }
    }
    result.push_str(rest);
    Ok(result)
}

fn evaluate(expression: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let (name, operation) = split_name(expression);
    if name.is_empty() {
        return Err(format!("`${{{expression}}}` does not begin with a name"));
    }
    let (empty_is_unset, operation) = match operation.strip_prefix(':') {
        Some(rest) => (true, rest),
        None => (false, operation),
    };
    let value = lookup(name).filter(|value| !(empty_is_unset && value.is_empty()));
    let mut characters = operation.chars();
    match (characters.next(), characters.as_str()) {
        (None, _) if !empty_is_unset => Ok(value.unwrap_or_default()),
        (Some('-'), default) => Ok(value.unwrap_or_else(|| default.to_owned())),
        (Some('+'), other) => Ok(value.map(|_| other.to_owned()).unwrap_or_default()),
        (Some('?'), message) => value.ok_or_else(|| {
            let message = if message.is_empty() {
                "it is required"
            } else {
                message
            };
            format!("the variable `{name}` is not set: {message}")
        }),
        _ => Err(format!(
            "`${{{expression}}}` is not an expression that compose knows"
        )),
    }
}

/// A variable's name at the start of `text`, and what follows it.
fn split_name(text: &str) -> (&str, &str) {
    let end = text
        .char_indices()
        .find(|(index, character)| {
            let letter = character.is_ascii_alphabetic() || *character == '_';
            !(letter || *index > 0 && character.is_ascii_digit())
        })
        .map_or(text.len(), |(index, _)| index);
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_values(text: &str) -> Result<String, String> {
        interpolate(text, &|name| match name {
            "A" => Some("one".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        })
    }

    #[test]
    fn every_form_that_compose_knows() {
        for (text, expected) in [
            ("plain", "plain"),
            ("$A-${A}/$$A $$", "one-one/$A $"),
            ("${NONE}$NONE.", "."),
            ("${NONE:-x}${EMPTY:-x}${EMPTY-x}${A:-x}", "xxone"),
            ("${A:+y}${A+y}${EMPTY:+y}${EMPTY+y}${NONE+y}", "yyy"),
            ("${A:?no}", "one"),
        ] {
            assert_eq!(with_values(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn malformed_and_required_ones_are_errors() {
        for text in [
            "${A",
            "$1",
            "a$",
            "${}",
            "${A:}",
            "${A!x}",
            "${EMPTY:?must be set}",
        ] {
            assert!(with_values(text).is_err(), "{text}");
        }
        assert!(
            with_values("${NONE?must be set}")
                .unwrap_err()
                .contains("must be set")
        );
    }
}
