//! What stays out of the bundle: `.beanpoleignore`. Pure.
//!
//! Rules:
//! - The syntax is git's (`gitignore(5)`), read by the `ignore` crate. The file stands at the project's
//!   root and is read from the commit, like everything that ships. Without it every committed file
//!   ships: git has ignored the rest already.
//! - It can only take away. A file that git ignores is not in the commit, and no `!` pattern brings it
//!   into a bundle. As with git, a file cannot be brought back when a directory above it stays out.
//! - It does not go into the bundle itself. The content digest is that of what ships, so a change of the
//!   file that changes nothing else makes no new bundle.
//! - The `.ebignore` of the `eb` tool is not read, and preflight says so. With an `.ebignore`, `eb` packs
//!   the working tree instead of the commit, `.git` and `.env` included unless they are listed; its `!`
//!   patterns bring files back that git ignores. Such a file describes another set of files than a
//!   commit, and a release that reads half of it would ship neither what `eb` shipped nor what was
//!   committed. Renaming it is one command, and then a person has looked at it.

use std::collections::HashMap;

use beanpole_git::TreeEntry;
use camino::{Utf8Path, Utf8PathBuf};
use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// The file that is read.
pub const IGNORE_FILE: &str = ".beanpoleignore";

/// The file of the `eb` tool, which is not.
pub const EB_IGNORE_FILE: &str = ".ebignore";

/// The patterns of an ignore file.
#[derive(Clone, Debug)]
pub struct IgnoreFile {
    rules: Gitignore,
}

/// A pattern that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{pattern}` is not a pattern: {why}")]
pub struct PatternError {
    /// The line, from 1.
    pub line: u32,
    /// The pattern as it is written.
    pub pattern: String,
    /// What is wrong with it.
    pub why: String,
}

impl Default for IgnoreFile {
    /// Nothing stays out.
    fn default() -> Self {
        Self {
            rules: Gitignore::empty(),
        }
    }
}

impl IgnoreFile {
    /// Reads the text of an ignore file.
    ///
    /// # Errors
    /// [`PatternError`] for the first line that is not a pattern.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let mut builder = GitignoreBuilder::new("");
        let text = text.trim_start_matches('\u{feff}');
        for (number, line) in (1..).zip(text.lines()) {
            builder
                .add_line(None, line)
                .map_err(|error| malformed(number, line, &error))?;
        }
        // Each pattern was compiled on its own already; together they are too large at most.
        let rules = builder
            .build()
            .map_err(|error| malformed(1, IGNORE_FILE, &error))?;
        Ok(Self { rules })
    }

    /// True if the file, or a directory above it, stays out of the bundle.
    #[must_use]
    pub fn hides(&self, path: &Utf8Path) -> bool {
        self.judge(path, false, &mut HashMap::new())
    }

    /// Parts the files of a commit: those that ship, and those that stay out.
    #[must_use]
    pub fn part(&self, entries: Vec<TreeEntry>) -> (Vec<TreeEntry>, Vec<TreeEntry>) {
        if self.rules.is_empty() {
            return (entries, Vec::new());
        }
        let mut known = HashMap::new();
        entries
            .into_iter()
            .partition(|entry| !self.judge(&entry.path, false, &mut known))
    }

    /// Judges from the root down, as git does: below a hidden directory nothing is looked at.
    fn judge(
        &self,
        path: &Utf8Path,
        is_directory: bool,
        known: &mut HashMap<Utf8PathBuf, bool>,
    ) -> bool {
        if let Some(parent) = path.parent()
            && !parent.as_str().is_empty()
        {
            let hidden = match known.get(parent) {
                Some(hidden) => *hidden,
                None => {
                    let hidden = self.judge(parent, true, known);
                    known.insert(parent.to_owned(), hidden);
                    hidden
                }
            };
            if hidden {
                return true;
            }
        }
        self.rules.matched(path, is_directory).is_ignore()
    }

    /// True if the directory, or one above it, stays out: a submodule.
    #[must_use]
    pub fn hides_directory(&self, path: &Utf8Path) -> bool {
        self.judge(path, true, &mut HashMap::new())
    }
}

fn malformed(line: u32, pattern: &str, error: &ignore::Error) -> PatternError {
    let why = match error {
        ignore::Error::Glob { err, .. } => err.clone(),
        other => other.to_string(),
    };
    PatternError {
        line,
        pattern: pattern.to_owned(),
        why,
    }
}

#[cfg(test)]
mod tests {
    use beanpole_git::Mode;
    use proptest::prelude::*;

    use super::*;
    use crate::testing::entry;

    fn hides(text: &str, path: &str) -> bool {
        IgnoreFile::parse(text).unwrap().hides(Utf8Path::new(path))
    }

    #[test]
    fn patterns_mean_what_git_means() {
        let text = "\u{feff}# documents\r\n/docs/\r\n*.md\n!README.md\ntests/**/data\n\\#odd\n";
        for path in [
            "docs/index.html",
            "docs/README.md",
            "posts/notes.md",
            "tests/a/b/data/file.bin",
            "#odd",
        ] {
            assert!(hides(text, path), "{path}");
        }
        for path in [
            "README.md",
            "posts/README.md",
            "posts/docs/index.html",
            "docs.py",
            "# documents",
        ] {
            assert!(!hides(text, path), "{path}");
        }
    }

    #[test]
    fn nothing_below_a_hidden_directory_comes_back() {
        assert!(hides("vendor/\n!vendor/keep.py\n", "vendor/keep.py"));
        assert!(!hides("vendor/*\n!vendor/keep.py\n", "vendor/keep.py"));
        assert!(!hides("*\n!/app/\n!/app/**\n", "app/manage.py"));
    }

    #[test]
    fn files_are_parted_and_keep_their_order() {
        let file = IgnoreFile::parse("docs/\n").unwrap();
        let entries = ["a.py", "docs/a", "docs/b", "z.py"]
            .map(|path| entry(path, Mode::File, "x"))
            .to_vec();
        let (shipped, hidden) = file.part(entries.clone());
        assert_eq!(shipped, [entries[0].clone(), entries[3].clone()]);
        assert_eq!(hidden, [entries[1].clone(), entries[2].clone()]);
        assert!(file.hides_directory(Utf8Path::new("docs")));
        assert!(file.hides_directory(Utf8Path::new("docs/theme")));
    }

    #[test]
    fn a_malformed_pattern_is_named_with_its_line() {
        let error = IgnoreFile::parse("docs/\n\na[z-b]\n").unwrap_err();
        assert_eq!((error.line, error.pattern.as_str()), (3, "a[z-b]"));
        assert!(error.to_string().contains("a[z-b]"), "{error}");
    }

    proptest! {
        #[test]
        fn never_panics(text in "[ -~\n]{0,80}", path in "[a-z/.]{1,20}") {
            if let Ok(file) = IgnoreFile::parse(&text) {
                let _ = file.hides(Utf8Path::new(&path));
            }
        }
    }
}
