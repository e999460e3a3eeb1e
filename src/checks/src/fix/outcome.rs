//! What files hold after fixes, and what they have to hold before.

use super::{Edit, Fix, FixError, apply};
use crate::{FileMode, Scope};
use std::collections::BTreeMap;

/// A file with what git keeps of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileState {
    /// The bytes.
    pub content: Vec<u8>,
    /// Whether it has the execute bit.
    pub is_executable: bool,
}

/// One path that fixes change. Who writes files compares `before` with what is there, all of them first, and leaves everything
/// alone if one is another: then somebody else has changed what was judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileChange {
    /// The path from the project's root.
    pub path: String,
    /// What was judged. None: nothing was there.
    pub before: Option<FileState>,
    /// What is there after all fixes. None: nothing.
    pub after: Option<FileState>,
}

/// Why fixes could not be carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutcomeError {
    /// Nothing is known about the file.
    #[error("{path} is no file whose content was read")]
    NotRead {
        /// The path.
        path: String,
    },
    /// A fix would write over a file.
    #[error("{path} is there already")]
    Taken {
        /// The path.
        path: String,
    },
    /// The edits are not for that content.
    #[error("the fix does not fit {path}")]
    Edit {
        /// The path.
        path: String,
        /// What does not fit.
        source: FixError,
    },
}

/// What the fixes change of the judged state, by path. What is as before is not in it.
///
/// # Errors
/// [`OutcomeError`]; then the fixes are not for that state, and none should be carried out.
pub fn outcome(scope: &Scope, fixes: &[Fix]) -> Result<Vec<FileChange>, OutcomeError> {
    let mut files = Files {
        scope,
        changed: BTreeMap::new(),
    };
    for fix in fixes {
        files.carry_out(fix)?;
    }
    let changes = files.changed.into_iter().map(|(path, after)| FileChange {
        before: judged(scope, &path),
        path,
        after,
    });
    Ok(changes
        .filter(|change| change.before != change.after)
        .collect())
}

/// The file as it was judged, if it is one and was read.
fn judged(scope: &Scope, path: &str) -> Option<FileState> {
    let is_executable = match scope.entries.get(path)?.mode {
        FileMode::Regular => false,
        FileMode::Executable => true,
        FileMode::Link | FileMode::Submodule => return None,
    };
    Some(FileState {
        content: scope.tree.get(path)?.to_vec(),
        is_executable,
    })
}

/// The judged files, and what the fixes so far have made of them.
struct Files<'s> {
    scope: &'s Scope,
    changed: BTreeMap<String, Option<FileState>>,
}

impl Files<'_> {
    fn carry_out(&mut self, fix: &Fix) -> Result<(), OutcomeError> {
        match fix {
            Fix::Edit { path, edits } => self.edit(path, edits),
            Fix::Rename { path, to } => {
                let file = self.file(path)?;
                self.put(to, file)?;
                self.changed.insert(path.clone(), None);
                Ok(())
            }
            Fix::Create { path, content } => self.put(
                path,
                FileState {
                    content: content.clone(),
                    is_executable: false,
                },
            ),
            Fix::MakeExecutable { path } => {
                let file = FileState {
                    is_executable: true,
                    ..self.file(path)?
                };
                self.changed.insert(path.clone(), Some(file));
                Ok(())
            }
        }
    }

    fn edit(&mut self, path: &str, edits: &[Edit]) -> Result<(), OutcomeError> {
        let mut file = self.file(path)?;
        file.content = apply(&file.content, edits).map_err(|source| OutcomeError::Edit {
            path: path.to_owned(),
            source,
        })?;
        self.changed.insert(path.to_owned(), Some(file));
        Ok(())
    }

    /// The file as it is by now.
    fn file(&self, path: &str) -> Result<FileState, OutcomeError> {
        let file = match self.changed.get(path) {
            Some(changed) => changed.clone(),
            None => judged(self.scope, path),
        };
        file.ok_or_else(|| OutcomeError::NotRead {
            path: path.to_owned(),
        })
    }

    /// Writes a file where none is.
    fn put(&mut self, path: &str, file: FileState) -> Result<(), OutcomeError> {
        let is_taken = match self.changed.get(path) {
            Some(changed) => changed.is_some(),
            None => self.scope.entries.contains_key(path),
        };
        if is_taken {
            return Err(OutcomeError::Taken {
                path: path.to_owned(),
            });
        }
        self.changed.insert(path.to_owned(), Some(file));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        let mut scope = Scope::all([("a.sh", "one"), ("b.sh", "two")].into_iter().collect());
        scope.entries.get_mut("b.sh").unwrap().mode = FileMode::Executable;
        scope
    }

    fn rename(path: &str, to: &str) -> Fix {
        Fix::Rename {
            path: path.to_owned(),
            to: to.to_owned(),
        }
    }

    fn state(content: &str, is_executable: bool) -> Option<FileState> {
        Some(FileState {
            content: content.into(),
            is_executable,
        })
    }

    #[test]
    fn each_fix_sees_what_those_before_it_left() {
        let edit = |path: &str| Fix::Edit {
            path: path.to_owned(),
            edits: vec![Edit {
                range: 0..1,
                replacement: "T".to_owned(),
            }],
        };
        let fixes = [
            rename("b.sh", "c.sh"),
            rename("a.sh", "b.sh"),
            edit("c.sh"),
            Fix::MakeExecutable {
                path: "b.sh".to_owned(),
            },
        ];
        let changes = outcome(&scope(), &fixes).unwrap();
        let expected = [
            ("a.sh", state("one", false), None),
            ("b.sh", state("two", true), state("one", true)),
            ("c.sh", None, state("Two", true)),
        ]
        .map(|(path, before, after)| FileChange {
            path: path.to_owned(),
            before,
            after,
        });
        assert_eq!(changes, expected);
    }

    #[test]
    fn what_comes_back_is_no_change() {
        let there_and_back = [rename("a.sh", "c.sh"), rename("c.sh", "a.sh")];
        assert_eq!(outcome(&scope(), &there_and_back), Ok(Vec::new()));
    }

    #[test]
    fn nothing_is_written_over_and_nothing_unseen_is_changed() {
        let taken = OutcomeError::Taken {
            path: "b.sh".to_owned(),
        };
        assert_eq!(
            outcome(&scope(), &[rename("a.sh", "b.sh")]),
            Err(taken.clone())
        );
        let create = Fix::Create {
            path: "b.sh".to_owned(),
            content: Vec::new(),
        };
        assert_eq!(outcome(&scope(), &[create]), Err(taken));
        let mut unread = scope();
        unread.tree.remove("a.sh");
        let mut link = scope();
        link.entries.get_mut("a.sh").unwrap().mode = FileMode::Link;
        for scope in [unread, link] {
            let found = outcome(&scope, &[rename("a.sh", "c.sh")]);
            assert!(matches!(found, Err(OutcomeError::NotRead { .. })));
        }
        let edit = Fix::Edit {
            path: "a.sh".to_owned(),
            edits: vec![Edit {
                range: 0..9,
                replacement: String::new(),
            }],
        };
        assert!(matches!(
            outcome(&scope(), &[edit]),
            Err(OutcomeError::Edit { .. })
        ));
    }
}
