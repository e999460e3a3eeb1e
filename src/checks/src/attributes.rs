//! `.gitattributes`, as far as checks ask: which files are kept in LFS, which are generated or vendored.

use crate::SourceTree;
use crate::paths::{base_name, parent};
use crate::pattern::PathPattern;

/// One attribute of a line: the pattern, what it is about, and whether it is set.
struct Line {
    directory: String,
    pattern: PathPattern,
    attribute: Attribute,
    is_set: bool,
}

/// The attributes that checks ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attribute {
    /// `filter=lfs`.
    Lfs,
    /// `linguist-generated`.
    Generated,
    /// `linguist-vendored`.
    Vendored,
}

/// All `.gitattributes` files of a tree.
pub(crate) struct Attributes {
    /// In the order in which git applies them: files of upper directories first, a later line wins.
    lines: Vec<Line>,
}

/// Whether a path is a file of attributes.
pub(crate) fn is_attributes(path: &str) -> bool {
    base_name(path) == ".gitattributes"
}

impl Attributes {
    /// Reads the files of attributes of that tree.
    pub(crate) fn new(tree: &SourceTree) -> Self {
        let mut files: Vec<(&str, &[u8])> = tree.contents(is_attributes).collect();
        files.sort_by_key(|(path, _)| path.matches('/').count());
        let lines = files
            .into_iter()
            .flat_map(|(path, bytes)| {
                let text = String::from_utf8_lossy(bytes);
                text.lines()
                    .flat_map(|line| read_line(parent(path), line))
                    .collect::<Vec<_>>()
            })
            .collect();
        Self { lines }
    }

    /// Whether the attribute is set for that path.
    pub(crate) fn has(&self, path: &str, attribute: Attribute) -> bool {
        self.lines
            .iter()
            .rev()
            .filter(|line| line.attribute == attribute)
            .find(|line| {
                let below = if line.directory.is_empty() {
                    Some(path)
                } else {
                    path.strip_prefix(&line.directory)
                        .and_then(|rest| rest.strip_prefix('/'))
                };
                below.is_some_and(|path| line.pattern.matches(path))
            })
            .is_some_and(|line| line.is_set)
    }
}

fn read_line(directory: &str, line: &str) -> Vec<Line> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Vec::new();
    }
    let (pattern, attributes) = split_pattern(line);
    let Some(pattern) = PathPattern::new(&pattern) else {
        return Vec::new();
    };
    attributes
        .split_ascii_whitespace()
        .filter_map(read_attribute)
        .map(|(attribute, is_set)| Line {
            directory: directory.to_owned(),
            pattern: pattern.clone(),
            attribute,
            is_set,
        })
        .collect()
}

/// The pattern, which may stand in quotes, and the rest.
fn split_pattern(line: &str) -> (String, &str) {
    if let Some(quoted) = line.strip_prefix('"')
        && let Some((pattern, rest)) = quoted.split_once('"')
    {
        return (pattern.to_owned(), rest);
    }
    line.split_once(char::is_whitespace)
        .map_or((line.to_owned(), ""), |(pattern, rest)| {
            (pattern.to_owned(), rest)
        })
}

fn read_attribute(text: &str) -> Option<(Attribute, bool)> {
    let (text, negated) = match text.strip_prefix(['-', '!']) {
        Some(text) => (text, true),
        None => (text, false),
    };
    let (name, value) = text.split_once('=').unwrap_or((text, "true"));
    let (attribute, is_set) = match name {
        "filter" => (Attribute::Lfs, value == "lfs"),
        "linguist-generated" => (Attribute::Generated, value != "false"),
        "linguist-vendored" => (Attribute::Vendored, value != "false"),
        _ => return None,
    };
    Some((attribute, is_set && !negated))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(files: &[(&str, &str)]) -> Attributes {
        Attributes::new(&files.iter().copied().collect())
    }

    #[test]
    fn the_last_line_wins_and_lower_directories_come_later() {
        let attributes = attributes(&[
            (
                ".gitattributes",
                "# big\n*.bin filter=lfs diff=lfs\n/small/*.bin !filter\n",
            ),
            ("data/.gitattributes", "raw.bin -filter\n"),
        ]);
        assert!(attributes.has("a/b.bin", Attribute::Lfs));
        assert!(!attributes.has("small/b.bin", Attribute::Lfs));
        assert!(!attributes.has("data/raw.bin", Attribute::Lfs));
        assert!(attributes.has("data/other.bin", Attribute::Lfs));
        assert!(!attributes.has("raw.txt", Attribute::Lfs));
    }

    #[test]
    fn generated_files_are_known_in_all_spellings() {
        let attributes = attributes(&[(
            ".gitattributes",
            "a.py linguist-generated\nb.py linguist-generated=true\nc.py linguist-generated=false\n\"d e.py\" linguist-vendored\n",
        )]);
        let generated = |path| attributes.has(path, Attribute::Generated);
        assert!(generated("a.py") && generated("b.py") && !generated("c.py"));
        assert!(attributes.has("d e.py", Attribute::Vendored));
    }

    #[test]
    fn nonsense_is_passed_over() {
        let attributes = attributes(&[(".gitattributes", "[ filter=lfs\n\"a filter=lfs\n\n*\n")]);
        assert!(!attributes.has("a", Attribute::Lfs));
    }
}
