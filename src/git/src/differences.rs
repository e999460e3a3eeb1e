//! What is different between two commits, and single files of a commit.

use camino::{Utf8Path, Utf8PathBuf};

use crate::commit::CommitId;
use crate::entry::is_submodule_mode;
use crate::error::Error;
use crate::git::{failed, shown};
use crate::repository::Repository;

/// A path whose content or mode is not the same in two commits. Submodules are not among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The path, relative to the directory that was compared.
    pub path: Utf8PathBuf,
    /// The id of the blob before; none if the path is new.
    pub before: Option<String>,
    /// The id of the blob after; none if the path is gone.
    pub after: Option<String>,
}

impl Repository {
    /// The paths under a directory that differ between two commits, in git's order. A rename is one path
    /// that is gone and one that is new. `under` is absolute, or relative to the root; a directory that
    /// a commit does not have is empty there.
    ///
    /// # Errors
    /// [`Error::ObjectMissing`], [`Error::NameNotText`], [`Error::OutsideRepository`], or what went
    /// wrong with git.
    pub fn differences(
        &self,
        from: &CommitId,
        to: &CommitId,
        under: &Utf8Path,
    ) -> Result<Vec<Difference>, Error> {
        let under = self.relative(under)?;
        let mut arguments = vec![
            "diff-tree",
            "-r",
            "-z",
            "--raw",
            "--no-abbrev",
            "--no-renames",
            from.as_str(),
            to.as_str(),
        ];
        if !under.as_str().is_empty() {
            arguments.extend(["--", under.as_str()]);
        }
        let output = self.git().run(self.root(), &arguments)?;
        if !output.status.success() {
            self.present(&[from, to])?;
            return Err(failed(&arguments, &output));
        }
        parse(&output.stdout, &under).map_err(|wrong| match wrong {
            Wrong::NotText(name) => Error::NameNotText { shown: name },
            Wrong::Unexpected(detail) => Error::Unexpected {
                command: shown(&arguments),
                detail,
            },
        })
    }

    /// The content of a file of a commit; none if the commit has no such file. `path` is relative to the
    /// root, or absolute.
    ///
    /// # Errors
    /// [`Error::ObjectMissing`], [`Error::OutsideRepository`], or what went wrong with git.
    pub fn file_at(&self, commit: &CommitId, path: &Utf8Path) -> Result<Option<Vec<u8>>, Error> {
        let path = self.relative(path)?;
        let object = format!("{commit}:{path}");
        let output = self
            .git()
            .run(self.root(), &["cat-file", "blob", &object])?;
        if output.status.success() {
            return Ok(Some(output.stdout));
        }
        self.present(&[commit])?;
        Ok(None)
    }
}

/// Why a comparison could not be read.
#[derive(Debug, PartialEq, Eq)]
enum Wrong {
    NotText(String),
    Unexpected(String),
}

/// Reads `:<mode> <mode> <object> <object> <status>NUL<path>NUL…`.
fn parse(output: &[u8], under: &Utf8Path) -> Result<Vec<Difference>, Wrong> {
    let mut fields = output.split(|byte| *byte == 0);
    let mut found = Vec::new();
    while let Some(head) = fields.next().filter(|head| !head.is_empty()) {
        let text = String::from_utf8_lossy(head).into_owned();
        let unexpected = || Wrong::Unexpected(format!("`{text}`"));
        let path = fields.next().ok_or_else(unexpected)?;
        let path = std::str::from_utf8(path)
            .map_err(|_| Wrong::NotText(String::from_utf8_lossy(path).into_owned()))?;
        let parts: Vec<&str> = text.trim_start_matches(':').split(' ').collect();
        let [mode_before, mode_after, before, after, _] = parts.as_slice() else {
            return Err(unexpected());
        };
        let blob = |mode: &str, object: &str| {
            let is_there = mode != "000000" && !is_submodule_mode(mode);
            is_there.then(|| object.to_owned())
        };
        let (before, after) = (blob(mode_before, before), blob(mode_after, after));
        if before.is_none() && after.is_none() {
            continue;
        }
        let path = Utf8Path::new(path);
        found.push(Difference {
            path: path.strip_prefix(under).unwrap_or(path).to_owned(),
            before,
            after,
        });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "1111111111111111111111111111111111111111";
    const NEW: &str = "2222222222222222222222222222222222222222";
    const NONE: &str = "0000000000000000000000000000000000000000";

    #[test]
    fn reads_what_git_writes() {
        let output = format!(
            ":100644 100755 {OLD} {NEW} M\0web/a b\n.py\0:000000 100644 {NONE} {NEW} A\0web/new\0\
             :120000 000000 {OLD} {NONE} D\0web/gone\0:160000 160000 {OLD} {NEW} M\0web/submodule\0"
        );
        let found = parse(output.as_bytes(), Utf8Path::new("web")).unwrap();
        let shown: Vec<_> = found
            .iter()
            .map(|one| (one.path.as_str(), one.before.is_some(), one.after.is_some()))
            .collect();
        assert_eq!(
            shown,
            [
                ("a b\n.py", true, true),
                ("new", false, true),
                ("gone", true, false)
            ]
        );
    }

    #[test]
    fn what_is_not_that_is_an_error() {
        for output in [
            b"x\0y\0".as_slice(),
            b":100644\0",
            b":100644 100644 1 2 M\0\xff\0",
        ] {
            assert!(parse(output, Utf8Path::new("")).is_err(), "{output:?}");
        }
        assert_eq!(parse(b"", Utf8Path::new("")), Ok(Vec::new()));
    }
}
