//! Names and words of statements.

use squawk_syntax::ast::{self, AstNode, NameLike};

pub(super) fn relation(name: Option<ast::TableRelationName>) -> String {
    name.and_then(|name| table_ref(&name.table_name_ref()?))
        .unwrap_or_default()
}

/// Whether a statement has these words after each other, however they are spaced and written.
pub(super) fn says(node: &impl AstNode, words: &[&str]) -> bool {
    let text = node.syntax().text().to_string().to_lowercase();
    let text: Vec<&str> = text
        .split(|character: char| !(character.is_alphanumeric() || character == '_'))
        .filter(|word| !word.is_empty())
        .collect();
    text.windows(words.len()).any(|window| window == words)
}

pub(super) fn table_ref(table: &ast::TableNameRef) -> Option<String> {
    Some(table.path_ref()?.segment()?.text())
}

pub(super) fn table_name(name: Option<ast::TableName>) -> String {
    name.and_then(|name| Some(name.path()?.segment()?.text()))
        .unwrap_or_default()
}

pub(super) fn column_ref(name: Option<ast::ColumnNameRef>) -> String {
    name.map_or_else(String::new, |name| name.text())
}

pub(super) fn constraint_ref(name: Option<ast::ConstraintNameRef>) -> String {
    name.and_then(|name| Some(name.path_ref()?.segment()?.text()))
        .unwrap_or_default()
}

/// The columns of a condition that is nothing but `column IS NOT NULL`, once or joined by AND. Any other word in it may turn its
/// meaning around, and then it says nothing.
pub(super) fn filled_columns(condition: &str) -> Vec<String> {
    let plain = condition.replace(['(', ')'], " ");
    let words: Vec<&str> = plain.split_whitespace().collect();
    let column = |words: &[&str]| match words {
        [column, is, not, null]
            if is.eq_ignore_ascii_case("is")
                && not.eq_ignore_ascii_case("not")
                && null.eq_ignore_ascii_case("null") =>
        {
            Some(last_name(column))
        }
        _ => None,
    };
    let parts = words.split(|word| word.eq_ignore_ascii_case("and"));
    parts
        .map(column)
        .collect::<Option<Vec<String>>>()
        .unwrap_or_default()
}

/// `ONLY "schema"."Table" *` to `Table`.
pub(super) fn last_name(text: &str) -> String {
    let name = text.trim().trim_end_matches('*').trim();
    let name = name.rsplit(['.', ' ', '\n', '\t']).next().unwrap_or(name);
    match name.strip_prefix('"') {
        Some(quoted) => quoted.trim_end_matches('"').to_owned(),
        None => name.to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::filled_columns;

    #[test]
    fn a_condition_of_filled_columns_is_read_and_no_other() {
        for text in [
            "note IS NOT NULL",
            "((\"note\" is not null))",
            "shop_order.note\n  IS NOT NULL",
        ] {
            assert_eq!(filled_columns(text), ["note"], "{text}");
        }
        let both = "(note IS NOT NULL) AND (\"Count\" IS NOT NULL)";
        assert_eq!(filled_columns(both), ["note", "Count"]);
        for text in [
            "",
            "note IS NULL",
            "note IS NOT NULL OR count > 0",
            "NOT (note IS NOT NULL)",
            "lower(note) IS NOT NULL",
        ] {
            assert!(filled_columns(text).is_empty(), "{text}");
        }
    }
}
