//! Tables as aligned columns without lines, so that they read well and cut well.

use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};

/// The rows as lines, columns aligned, each line behind `indent` spaces. Rows may differ in length.
#[must_use]
pub fn table(rows: &[Vec<String>], indent: usize) -> Vec<String> {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    for row in rows {
        table.add_row(row);
    }
    let indent = " ".repeat(indent);
    table
        .trim_fmt()
        .lines()
        // Every cell brings a space of its own in front.
        .map(|line| format!("{indent}{}", line.strip_prefix(' ').unwrap_or(line)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let rows = [
            vec!["i-1".to_owned(), "Ok".to_owned(), "v2".to_owned()],
            vec!["i-22222".to_owned(), "Severe".to_owned(), "v1".to_owned()],
        ];
        assert_eq!(
            table(&rows, 2).join("\n"),
            "  i-1      Ok      v2\n  i-22222  Severe  v1"
        );
        assert_eq!(table(&[], 2), Vec::<String>::new());
    }
}
