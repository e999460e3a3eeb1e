//! `{% debug %}` in templates.

use super::debug;
use crate::Change;
use crate::report::place;
use crate::source::number;
use beanpole_model::Finding;

/// Endings of files that Django renders.
const TEMPLATES: [&str; 7] = [".djhtml", ".dtl", ".htm", ".html", ".jinja", ".txt", ".xml"];

pub(super) fn check(change: &Change, bytes: &[u8]) -> Vec<Finding> {
    let is_template = TEMPLATES.iter().any(|ending| change.path.ends_with(ending));
    if !is_template || super::is_binary(bytes) {
        return Vec::new();
    }
    let text = String::from_utf8_lossy(bytes);
    let mut block = None;
    let places: Vec<(u32, u32)> = (text.split('\n').zip(1..))
        .filter_map(|(text, line)| Some((line, column_of_tag(text, &mut block)?)))
        .collect();
    places
        .into_iter()
        .filter(|(line, _)| change.lines.contains(*line))
        .map(|place_of| debug::found(place(&change.path, place_of), "the tag `{% debug %}`"))
        .collect()
}

/// A block whose tags do nothing: the tag that ends it.
type Block = Option<&'static str>;

/// Where the first tag stands in the line, unless a comment `{# … #}` before it hides it, or a block around it.
fn column_of_tag(line: &str, block: &mut Block) -> Option<u32> {
    let mut found = None;
    let mut from = 0;
    while let Some(open) = next_tag(line, from) {
        let tag = line.get(open + 2..)?;
        let Some((inside, _)) = tag.split_once("%}") else {
            break;
        };
        match (*block, inside.split_whitespace().next()) {
            (Some(end), Some(name)) if name == end => *block = None,
            (None, Some("comment")) => *block = Some("endcomment"),
            (None, Some("verbatim")) => *block = Some("endverbatim"),
            (None, Some("debug")) if inside.trim() == "debug" => {
                let before = line.get(..open)?.chars().count();
                found.get_or_insert_with(|| number(before).saturating_add(1));
            }
            _ => {}
        }
        from = open + 2;
    }
    found
}

/// The byte at which the next tag opens, behind the comments before it. A comment that is not closed hides the rest of the line.
fn next_tag(line: &str, from: usize) -> Option<usize> {
    let mut from = from;
    loop {
        let rest = line.get(from..)?;
        let open = rest.find("{%")?;
        let Some(comment) = rest.find("{#").filter(|comment| *comment < open) else {
            return Some(from + open);
        };
        let closed = rest.get(comment..)?.find("#}")?;
        from += comment + closed + 2;
    }
}

#[cfg(test)]
mod tests {
    use super::super::Settings;
    use super::super::testing::{found, found_on};

    #[test]
    fn the_tag_is_found_in_templates() {
        let text = "<p>é{% if debug %}{%debug%}\n{% debug %}\n";
        assert_eq!(
            found(&[("a.html", text), ("a.py.md", text)], &Settings::default()),
            ["a.html:1:19 debug-statement", "a.html:2:1 debug-statement"]
        );
        assert_eq!(
            found_on("a.html", text, &[(2, 2)], &Settings::default()).len(),
            1
        );
    }

    #[test]
    fn other_tags_and_comments_are_left() {
        let text = "{# {% debug %} #}\n{% debugger %}\n{% debug\n{{ debug }}\n{# {% debug %}\n";
        assert_eq!(found(&[("a.html", text)], &Settings::default()), [""; 0]);
    }

    #[test]
    fn blocks_that_do_nothing_are_left() {
        let text = "{% comment \"why\" %}{% debug %}\n{% debug %}\n{% verbatim %}{% endcomment %}{# {% comment %} #}{% debug %}\n\
                    {% verbatim %}{% debug %}{% comment %}{% endverbatim %}\n{% debug %}\n";
        assert_eq!(
            found(&[("a.html", text)], &Settings::default()),
            ["a.html:3:50 debug-statement", "a.html:5:1 debug-statement"]
        );
        // Lines that did not change open and close blocks as well.
        assert_eq!(
            found_on("a.html", text, &[(2, 2)], &Settings::default()),
            [""; 0]
        );
    }
}
