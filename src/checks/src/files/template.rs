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
    text.split('\n')
        .zip(1..)
        .filter(|(_, line)| change.lines.contains(*line))
        .filter_map(|(text, line)| Some((line, column_of_tag(text)?)))
        .map(|place_of| debug::found(place(&change.path, place_of), "the tag `{% debug %}`"))
        .collect()
}

/// Where the tag stands in the line, unless a comment `{# … #}` before it hides it.
fn column_of_tag(line: &str) -> Option<u32> {
    let mut from = 0;
    loop {
        let rest = line.get(from..)?;
        let open = rest.find("{%")?;
        if let Some(comment) = rest.find("{#").filter(|comment| *comment < open) {
            let closed = rest.get(comment..)?.find("#}")?;
            from += comment + closed + 2;
            continue;
        }
        let tag = rest.get(open + 2..)?;
        let inside = tag.split_once("%}").map_or(tag, |(inside, _)| inside);
        if inside.trim() == "debug" && tag.contains("%}") {
            return Some(number(line.get(..from + open)?.chars().count()).saturating_add(1));
        }
        from += open + 2;
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
}
