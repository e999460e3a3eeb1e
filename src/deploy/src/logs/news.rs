//! What a repeated tail has that the last one had not.
//!
//! Rules: a tail is a window on the end of a file. The new window is laid over the old one at the
//! smallest shift at which both agree; what lies beyond the old one is new. Windows that agree nowhere
//! mean that the file was rotated, or that more was written between two looks than a window holds: all
//! of it is new then, and the reader is told that lines may be missing.

use std::collections::BTreeMap;

use super::sections::Section;

/// The new lines of one file of one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// The instance.
    pub instance: String,
    /// The file.
    pub file: String,
    /// True if lines may be missing before these.
    pub gap: bool,
    /// The lines.
    pub lines: Vec<String>,
}

/// Remembers the last tail of each file of each instance.
#[derive(Debug, Default)]
pub struct Tails {
    last: BTreeMap<(String, String), Vec<String>>,
}

impl Tails {
    /// Takes the files of an instance and gives what is new in each. All of it is new the first time.
    pub fn take(&mut self, instance: &str, sections: Vec<Section>) -> Vec<News> {
        let mut news = Vec::new();
        for section in sections {
            let key = (instance.to_owned(), section.file.clone());
            let (skip, gap) = match self.last.get(&key) {
                None => (0, false),
                Some(old) => match shared(old, &section.lines) {
                    0 => (0, true),
                    known => (known, false),
                },
            };
            let lines: Vec<String> = section.lines.iter().skip(skip).cloned().collect();
            self.last.insert(key, section.lines);
            if !lines.is_empty() {
                news.push(News {
                    instance: instance.to_owned(),
                    file: section.file,
                    gap,
                    lines,
                });
            }
        }
        news
    }
}

/// How many lines at the beginning of `new` are the end of `old`: the most that fit.
fn shared(old: &[String], new: &[String]) -> usize {
    (1..=old.len().min(new.len()))
        .rev()
        .find(|count| {
            let end = old.len().saturating_sub(*count);
            old.iter().skip(end).eq(new.iter().take(*count))
        })
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(lines: &[&str]) -> Vec<Section> {
        vec![Section {
            file: "/var/log/web.log".to_owned(),
            lines: lines.iter().map(|line| (*line).to_owned()).collect(),
        }]
    }

    /// The new lines of the second tail, and whether lines may be missing.
    fn second(first: &[&str], then: &[&str]) -> (Vec<String>, bool) {
        let mut tails = Tails::default();
        tails.take("i-1", section(first));
        let mut news = tails.take("i-1", section(then));
        news.pop()
            .map_or((Vec::new(), false), |news| (news.lines, news.gap))
    }

    #[test]
    fn the_first_tail_is_all_new() {
        let news = Tails::default().take("i-1", section(&["a", "b"]));
        assert_eq!(news[0].lines, ["a", "b"]);
        assert!(!news[0].gap);
    }

    #[test]
    fn a_window_that_moved_shows_what_came_after() {
        assert_eq!(
            second(&["a", "b", "c"], &["b", "c", "d"]),
            (vec!["d".to_owned()], false)
        );
        assert_eq!(second(&["a"], &["a", "b"]), (vec!["b".to_owned()], false));
        assert_eq!(second(&["a", "b"], &["a", "b"]), (Vec::new(), false));
    }

    #[test]
    fn repeated_lines_are_not_lost() {
        let (lines, gap) = second(&["tick", "tick"], &["tick", "tick", "tick"]);
        assert_eq!((lines.len(), gap), (1, false));
    }

    #[test]
    fn a_window_that_agrees_nowhere_is_shown_whole_and_said_to_have_a_gap() {
        let (lines, gap) = second(&["a", "b"], &["x", "y"]);
        assert_eq!(lines, ["x", "y"]);
        assert!(gap);
    }

    #[test]
    fn instances_and_files_are_told_apart() {
        let mut tails = Tails::default();
        tails.take("i-1", section(&["a"]));
        assert_eq!(tails.take("i-2", section(&["a"]))[0].lines, ["a"]);
        assert_eq!(tails.take("i-1", section(&["a"])), []);
    }
}
