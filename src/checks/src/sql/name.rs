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

/// `ONLY "schema"."Table" *` to `Table`.
pub(super) fn last_name(text: &str) -> String {
    let name = text.trim().trim_end_matches('*').trim();
    let name = name.rsplit(['.', ' ', '\n', '\t']).next().unwrap_or(name);
    match name.strip_prefix('"') {
        Some(quoted) => quoted.trim_end_matches('"').to_owned(),
        None => name.to_lowercase(),
    }
}
