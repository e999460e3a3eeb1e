//! A requirements file, read whole.

use super::line::{Line, read_line};
use super::logical::logical_lines;
use super::requirement::Requirement;
use super::source::{Fault, Source};
use crate::paths::{inside, parent};

/// `-r` or `-c` with a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// As written.
    pub(super) written: String,
    /// From the top of the project; `None`: an address, a variable, or outside of the project.
    pub(super) path: Option<String>,
    pub(super) constrains: bool,
    pub(super) at: usize,
}

/// What a file says.
#[derive(Debug)]
pub(super) struct RequirementsFile<'a> {
    pub(super) source: Source<'a>,
    pub(super) requirements: Vec<Requirement>,
    pub(super) links: Vec<Link>,
    /// Where `--require-hashes` stands.
    pub(super) requires_hashes: Option<usize>,
    pub(super) faults: Vec<Fault>,
}

impl<'a> RequirementsFile<'a> {
    pub(super) fn new(path: &'a str, bytes: &'a [u8]) -> Self {
        let (source, fault) = Source::new(path, bytes);
        let mut file = Self {
            requirements: Vec::new(),
            links: Vec::new(),
            requires_hashes: None,
            faults: fault.into_iter().collect(),
            source,
        };
        for line in logical_lines(&file.source.text) {
            match read_line(&line) {
                Ok(Line::Requirement(requirement)) => file.requirements.push(requirement),
                Ok(Line::Link {
                    path: written,
                    constrains,
                    at,
                }) => file.links.push(Link {
                    path: resolve(path, &written),
                    written,
                    constrains,
                    at,
                }),
                Ok(Line::RequireHashes) => file.requires_hashes = Some(line.offset(0)),
                Ok(Line::Other) => {}
                Err(fault) => file.faults.push(fault),
            }
        }
        file
    }
}

/// The path of a link, which counts from the directory of the file.
fn resolve(file: &str, written: &str) -> Option<String> {
    if written.contains("://") || written.contains("${") || written.starts_with(['/', '~']) {
        return None;
    }
    inside(parent(file), written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_count_from_their_file() {
        assert_eq!(resolve("a/b.txt", "c.txt").as_deref(), Some("a/c.txt"));
        assert_eq!(resolve("a/b.txt", "../c.txt").as_deref(), Some("c.txt"));
        assert_eq!(resolve("b.txt", "./a//c.txt").as_deref(), Some("a/c.txt"));
        for elsewhere in ["../c.txt", "https://h/c.txt", "/c.txt", "${A}/c.txt"] {
            assert_eq!(resolve("b.txt", elsewhere), None, "{elsewhere}");
        }
    }

    #[test]
    fn one_bad_line_hides_no_other() {
        let file = RequirementsFile::new("r.txt", b"a==1\nb=2\n-r c.txt\n--require-hashes\nd==4\n");
        assert_eq!(
            (file.requirements.len(), file.faults.len(), file.links.len()),
            (2, 1, 1)
        );
        assert_eq!(
            file.source.place(file.faults[0].at).to_string(),
            "r.txt:2:2"
        );
        assert!(file.requires_hashes.is_some());
    }
}
