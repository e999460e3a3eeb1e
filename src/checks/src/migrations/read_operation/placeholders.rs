//! Placeholders of a statement that is run with values, as the drivers write them: `%s`, `%(name)s`, `%%`.

/// The statement with texts at the places of its values: nothing but texts can stand for all of them, and of what is judged no
/// value decides. Lines stay what they are.
pub(super) fn filled(statement: &str) -> String {
    let mut text = String::with_capacity(statement.len());
    let mut rest = statement;
    while let Some((before, behind)) = rest.split_once('%') {
        text.push_str(before);
        rest = match value(behind) {
            Some(behind) => {
                text.push_str(if is_list(&text) { "('')" } else { "''" });
                behind
            }
            None => {
                text.push('%');
                behind.strip_prefix('%').unwrap_or(behind)
            }
        };
    }
    text.push_str(rest);
    text
}

/// What stands behind the placeholder of a value, without its percent sign.
fn value(behind: &str) -> Option<&str> {
    let kind = match behind.strip_prefix('(') {
        Some(name) => name.split_once(')')?.1,
        None => behind,
    };
    kind.strip_prefix(['s', 'b', 't'])
}

/// Whether a list is to follow, which psycopg makes of a tuple.
fn is_list(before: &str) -> bool {
    let word = before.split_whitespace().next_back();
    before.ends_with(char::is_whitespace)
        && word.is_some_and(|word| word.eq_ignore_ascii_case("in"))
}

#[cfg(test)]
mod tests {
    use super::filled;

    #[test]
    fn values_are_texts_and_percent_signs_are_halved() {
        for (given, expected) in [
            ("VALUES (%s, %(name)s)", "VALUES ('', '')"),
            ("id IN %s", "id IN ('')"),
            ("id IN (%s)", "id IN ('')"),
            ("a LIKE 'b%%' AND c = %s", "a LIKE 'b%' AND c = ''"),
            ("%", "%"),
            ("a % 2", "a % 2"),
            ("%(open", "%(open"),
        ] {
            assert_eq!(filled(given), expected, "{given}");
        }
    }
}
