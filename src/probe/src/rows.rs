//! The rows in the bodies of the tables of an HTML page.
//!
//! It follows the tokens of the page and builds no tree. What it keeps is the row at hand, so memory
//! is bounded by the page. The rules of HTML about tables hold as far as rows need them: end tags may
//! be missing, rows outside of a section are in the body, and rows of the head and the foot are left
//! out. A row that holds another table is layout and left out too; the rows of the inner table are
//! read.

use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use html5gum::{Span, Tokenizer};

/// How many tables may be open inside of each other. Pages that people lay out by hand have a few.
const DEEPEST: usize = 32;

/// One row of the body of a table.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Row {
    /// The value of its `class` attribute, empty without one.
    pub(crate) class: String,
    /// The text of each `td`. Where an element begins or ends in a cell, a line ends.
    pub(crate) cells: Vec<String>,
}

/// What `read` makes of each row of the page, in the order of the page. `None` as soon as `read`
/// says `None`, or if more than [`DEEPEST`] tables are open inside of each other.
pub(crate) fn read_rows<T>(page: &str, mut read: impl FnMut(Row) -> Option<T>) -> Option<Vec<T>> {
    let mut tables = Tables::default();
    let mut results = Vec::new();
    let mut emitter =
        CallbackEmitter::new(|event: CallbackEvent<'_>, _: Span<()>| tables.follow(&event));
    // Tags in the text of scripts and styles are no tags.
    emitter.naively_switch_states(true);
    for found in Tokenizer::new_with_emitter(page, emitter) {
        let Ok(found) = found;
        match found {
            Found::Row(row) => results.push(read(row)?),
            Found::TooDeep => return None,
        }
    }
    if let Some(row) = tables.open.pop().and_then(Table::into_row) {
        results.push(read(row)?);
    }
    Some(results)
}

/// What the tokens up to here have brought to an end.
enum Found {
    Row(Row),
    TooDeep,
}

/// The elements that matter for rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Element {
    Table,
    Body,
    /// The head or the foot of a table.
    Edge,
    Row,
    Cell,
    HeadingCell,
    Other,
}

impl Element {
    /// The element with this name; the tokenizer gives names in lower case.
    fn named(name: &[u8]) -> Self {
        match name {
            b"table" => Self::Table,
            b"tbody" => Self::Body,
            b"thead" | b"tfoot" => Self::Edge,
            b"tr" => Self::Row,
            b"td" => Self::Cell,
            b"th" => Self::HeadingCell,
            _ => Self::Other,
        }
    }
}

/// A start tag of which the end is not yet read.
struct Tag {
    element: Element,
    /// Set once the attribute `class` was seen: a second one does not count.
    class: Option<String>,
    /// True while the value of the first `class` of a row may follow.
    at_class: bool,
}

/// Where a table is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Section {
    #[default]
    Outside,
    Body,
    Edge,
}

/// What a table has open.
#[derive(Debug, Default)]
enum Line {
    #[default]
    Closed,
    /// A row that is not read: of the head or the foot, or layout.
    LeftOut,
    Read {
        row: Row,
        in_cell: bool,
    },
}

#[derive(Debug, Default)]
struct Table {
    section: Section,
    line: Line,
}

impl Table {
    fn into_row(self) -> Option<Row> {
        match self.line {
            Line::Read { row, .. } => Some(row),
            Line::Closed | Line::LeftOut => None,
        }
    }

    fn close_row(&mut self) -> Option<Row> {
        let line = std::mem::take(&mut self.line);
        Table {
            line,
            ..Table::default()
        }
        .into_row()
    }

    /// An end tag of a section that is not open says nothing.
    fn close_section(&mut self, section: Section) -> Option<Row> {
        if self.section != section {
            return None;
        }
        self.section = Section::Outside;
        self.close_row()
    }

    fn open_row(&mut self, class: Option<String>) {
        if self.section == Section::Outside {
            self.section = Section::Body;
        }
        self.line = if self.section == Section::Body {
            Line::Read {
                row: Row {
                    class: class.unwrap_or_default(),
                    cells: Vec::new(),
                },
                in_cell: false,
            }
        } else {
            Line::LeftOut
        };
    }
}

/// The tables that are open, the innermost last.
#[derive(Default)]
struct Tables {
    open: Vec<Table>,
    tag: Option<Tag>,
}

impl Tables {
    fn follow(&mut self, event: &CallbackEvent<'_>) -> Option<Found> {
        match event {
            CallbackEvent::OpenStartTag { name } => {
                self.tag = Some(Tag {
                    element: Element::named(name),
                    class: None,
                    at_class: false,
                });
                None
            }
            CallbackEvent::AttributeName { name } => {
                // Attributes of end tags come without an open tag, and say nothing.
                if let Some(tag) = &mut self.tag {
                    tag.at_class =
                        tag.element == Element::Row && *name == b"class" && tag.class.is_none();
                    if tag.at_class {
                        tag.class = Some(String::new());
                    }
                }
                None
            }
            CallbackEvent::AttributeValue { value } => {
                if let Some(tag) = &mut self.tag
                    && tag.at_class
                {
                    tag.class = Some(String::from_utf8_lossy(value).into_owned());
                }
                None
            }
            CallbackEvent::CloseStartTag { .. } => {
                let tag = self.tag.take()?;
                self.start(tag)
            }
            CallbackEvent::EndTag { name } => {
                self.tag = None;
                self.end(Element::named(name)).map(Found::Row)
            }
            CallbackEvent::String { value } => {
                if let Some(cell) = self.cell() {
                    // Browsers drop this character too.
                    cell.extend(
                        String::from_utf8_lossy(value)
                            .chars()
                            .filter(|character| *character != '\0'),
                    );
                }
                None
            }
            CallbackEvent::Comment { .. } => {
                self.end_line();
                None
            }
            CallbackEvent::Doctype { .. } | CallbackEvent::Error(_) => None,
        }
    }

    fn start(&mut self, tag: Tag) -> Option<Found> {
        if tag.element == Element::Table {
            return self.open_table();
        }
        // Parts of tables mean nothing outside of a table.
        let table = self.open.last_mut()?;
        let row = match tag.element {
            Element::Body => {
                table.section = Section::Body;
                table.close_row()
            }
            Element::Edge => {
                table.section = Section::Edge;
                table.close_row()
            }
            Element::Row => {
                let row = table.close_row();
                table.open_row(tag.class);
                row
            }
            Element::Cell | Element::HeadingCell => {
                if matches!(table.line, Line::Closed) {
                    table.open_row(None);
                }
                if let Line::Read { row, in_cell } = &mut table.line {
                    *in_cell = tag.element == Element::Cell;
                    if *in_cell {
                        row.cells.push(String::new());
                    }
                }
                None
            }
            Element::Table | Element::Other => {
                self.end_line();
                None
            }
        };
        row.map(Found::Row)
    }

    fn end(&mut self, element: Element) -> Option<Row> {
        let table = self.open.last_mut()?;
        match element {
            Element::Table => self.open.pop().and_then(Table::into_row),
            Element::Body => table.close_section(Section::Body),
            Element::Edge => table.close_section(Section::Edge),
            Element::Row => table.close_row(),
            Element::Cell | Element::HeadingCell => {
                if let Line::Read { in_cell, .. } = &mut table.line {
                    *in_cell = false;
                }
                None
            }
            Element::Other => {
                self.end_line();
                None
            }
        }
    }

    fn open_table(&mut self) -> Option<Found> {
        if self.open.len() == DEEPEST {
            return Some(Found::TooDeep);
        }
        if let Some(outer) = self.open.last_mut()
            && matches!(outer.line, Line::Read { .. })
        {
            outer.line = Line::LeftOut;
        }
        self.open.push(Table::default());
        None
    }

    /// The cell that text belongs to.
    fn cell(&mut self) -> Option<&mut String> {
        match &mut self.open.last_mut()?.line {
            Line::Read { row, in_cell: true } => row.cells.last_mut(),
            Line::Read { .. } | Line::Closed | Line::LeftOut => None,
        }
    }

    fn end_line(&mut self) {
        if let Some(cell) = self.cell()
            && !cell.ends_with('\n')
        {
            cell.push('\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each row as `class: cell | cell`, where the class and the colon are missing without one.
    fn rows(page: &str) -> Option<Vec<String>> {
        read_rows(page, |row| {
            let cells: Vec<String> = row
                .cells
                .iter()
                .map(|cell| cell.split_whitespace().collect::<Vec<_>>().join(" "))
                .collect();
            let cells = cells.join("|");
            Some(if row.class.is_empty() {
                cells
            } else {
                format!("{}: {cells}", row.class)
            })
        })
    }

    #[test]
    fn rows_of_bodies_are_read() {
        for (page, expected) in [
            ("", &[][..]),
            ("<tr><td>no table</td></tr>", &[]),
            ("<table></table>", &[]),
            (
                "<table><tbody><tr><td>a</td><td>b</td></tr></tbody></table>",
                &["a|b"],
            ),
            // End tags and the body may be missing, even at the end of the page.
            (
                "<table><tr><td>a<td>b<tr><td>c</table><table><td>d",
                &["a|b", "c", "d"],
            ),
            ("<TABLE><TR CLASS='x y'><TD>a</TABLE>", &["x y: a"]),
            (
                "<table><thead><tr><td>no<tbody><tr><td>a<tfoot><tr><td>no</table>",
                &["a"],
            ),
            (
                "<table><thead></tbody><td>no</thead><tr><td>a</tbody><tr><td>b</table>",
                &["a", "b"],
            ),
            ("<table><tr><th>no<td>a<th>no</th>no</table>", &["a"]),
            (
                "<table><tr class=a class=b id=c></tr class=d><tr id=x class></table>",
                &["a: ", ""],
            ),
            (
                "<table><tr><td>&lt;td&gt; &#x27;a&#x27; <!-- <td> --><script>'<td>'</script></table>",
                &["<td> 'a' '<td>'"],
            ),
            ("<table><tr><td>a\0b</table>", &["ab"]),
        ] {
            assert_eq!(rows(page).unwrap(), expected, "{page}");
        }
    }

    #[test]
    fn elements_in_cells_end_lines() {
        let cells = read_rows(
            "<table><tr><td>a<br>b &amp; c<p></p>d<!-- -->e\n</table>",
            |row| Some(row.cells),
        );
        assert_eq!(cells.unwrap(), [["a\nb & c\nd\ne\n"]]);
    }

    #[test]
    fn rows_that_hold_tables_are_layout() {
        assert_eq!(
            rows(
                "<table><tr><td>menu<td>x<table><tr><td>a</table>y<td>z<tr><td>b</table><table><td>c"
            )
            .unwrap(),
            ["a", "b", "c"]
        );
    }

    #[test]
    fn reading_stops_at_the_first_row_that_is_refused() {
        let mut seen = 0;
        let refused = read_rows("<table><tr><tr><tr>", |_| {
            seen += 1;
            (seen < 2).then_some(())
        });
        assert_eq!((refused, seen), (None, 2));
    }

    #[test]
    fn the_depth_of_tables_is_bounded() {
        let nested = |depth: usize| format!("{}<td>a", "<table>".repeat(depth));
        assert_eq!(rows(&nested(DEEPEST)).unwrap(), ["a"]);
        assert_eq!(rows(&nested(DEEPEST + 1)), None);
    }
}
