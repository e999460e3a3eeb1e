//! The hooks directory of a repository: looking at it, and changing it step by step.

use std::io::ErrorKind;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

use super::plan::{Found, Step};
use super::{Hook, HookError, Manager};
use crate::error::Error;
use crate::git::shown;
use crate::repository::Repository;

/// The largest hook that is looked into. A larger one is not ours.
const LARGEST: u64 = 256 * 1024;

/// Where a repository's hooks are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HookSite {
    /// The directory; it may not be there yet.
    pub directory: Utf8PathBuf,
    /// Where `core.hooksPath` is set, if it is: `local`, `worktree`, `global`, `system` or `command`.
    pub scope: Option<String>,
}

/// A hook and what stands in its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HookState {
    /// The hook.
    pub hook: Hook,
    /// Its file.
    pub path: Utf8PathBuf,
    /// What is there.
    pub found: Found,
    /// Whether the hook that was there before ours is kept beside it.
    pub has_kept: bool,
}

impl Repository {
    /// Where the hooks are: in the repository, or where `core.hooksPath` says.
    ///
    /// # Errors
    /// [`HookError::Git`].
    pub fn hook_site(&self) -> Result<HookSite, HookError> {
        let asked = |source| HookError::Git { source };
        let arguments = ["rev-parse", "--git-path", "hooks"];
        let answer = self.git().read(self.root(), &arguments).map_err(asked)?;
        let path = String::from_utf8(answer).map_err(|error| {
            asked(Error::Unexpected {
                command: shown(&arguments),
                detail: String::from_utf8_lossy(error.as_bytes()).into_owned(),
            })
        })?;
        let path = path.strip_suffix('\n').unwrap_or(&path);
        // A path that is not absolute begins where git was run.
        let directory = self.root().join(path);
        let arguments = ["config", "--show-scope", "--get", "core.hooksPath"];
        let output = self.git().run(self.root(), &arguments).map_err(asked)?;
        let answer = String::from_utf8_lossy(&output.stdout);
        let scope = answer
            .split_once('\t')
            .filter(|_| output.status.success())
            .map(|(scope, _)| scope.to_owned());
        Ok(HookSite { directory, scope })
    }
}

impl HookSite {
    /// What stands in the place of hooks.
    ///
    /// # Errors
    /// [`HookError::File`].
    pub fn look(&self, hooks: &[Hook]) -> Result<Vec<HookState>, HookError> {
        hooks
            .iter()
            .map(|hook| {
                let path = self.directory.join(hook.name());
                Ok(HookState {
                    hook: *hook,
                    found: found(*hook, &path)?,
                    has_kept: is_there(&self.directory.join(hook.kept_name())),
                    path,
                })
            })
            .collect()
    }

    /// Refuses a directory that serves other repositories as well.
    ///
    /// # Errors
    /// [`HookError::Shared`].
    pub fn refuse_shared(&self) -> Result<(), HookError> {
        match self.scope.as_deref() {
            Some(scope @ ("global" | "system")) => Err(HookError::Shared {
                directory: self.directory.clone(),
                scope: scope.to_owned(),
            }),
            Some(_) | None => Ok(()),
        }
    }

    /// Does the steps, in order. Stopped anywhere, what was there is still there, in its place or kept; doing
    /// the steps of a new plan goes on from there.
    ///
    /// # Errors
    /// [`HookError::File`] for the first step that failed.
    pub fn apply(&self, steps: &[Step]) -> Result<(), HookError> {
        for step in steps {
            match step {
                Step::Keep(hook) => self.move_file(hook.name(), &hook.kept_name())?,
                Step::Restore(hook) => self.move_file(&hook.kept_name(), hook.name())?,
                Step::Write(hook) => self.write(*hook)?,
                Step::Remove(hook) => {
                    let path = self.directory.join(hook.name());
                    match fs_err::remove_file(&path) {
                        Err(source) if source.kind() != ErrorKind::NotFound => {
                            return Err(HookError::File { path, source });
                        }
                        Ok(()) | Err(_) => {}
                    }
                }
            }
        }
        Ok(())
    }

    fn move_file(&self, from: &str, to: &str) -> Result<(), HookError> {
        let path = self.directory.join(from);
        fs_err::rename(&path, self.directory.join(to))
            .map_err(|source| HookError::File { path, source })
    }

    /// Writes a script beside its place and moves it there: a commit at the same time runs the old one or the
    /// new one, never half of one.
    fn write(&self, hook: Hook) -> Result<(), HookError> {
        let path = self.directory.join(hook.name());
        let draft = self.directory.join(format!("{}.new-beanpole", hook.name()));
        let written = fs_err::create_dir_all(&self.directory)
            .and_then(|()| fs_err::write(&draft, hook.text()))
            .and_then(|()| make_executable(&draft))
            .and_then(|()| fs_err::rename(&draft, &path));
        written.map_err(|source| {
            // What is left of a draft helps nobody.
            let _ = fs_err::remove_file(&draft);
            HookError::File { path, source }
        })
    }
}

fn found(hook: Hook, path: &Utf8Path) -> Result<Found, HookError> {
    let failed = |source| HookError::File {
        path: path.to_owned(),
        source,
    };
    let size = match fs_err::metadata(path) {
        Ok(metadata) if metadata.is_file() => metadata.len(),
        Ok(_) => return Ok(Found::Foreign),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            // A link that leads nowhere is someone's as well.
            return Ok(if is_there(path) {
                Found::Foreign
            } else {
                Found::Nothing
            });
        }
        Err(error) => return Err(failed(error)),
    };
    if size > LARGEST {
        return Ok(Found::Foreign);
    }
    let bytes = fs_err::read(path).map_err(failed)?;
    let text = String::from_utf8_lossy(&bytes);
    let mark = format!("# beanpole-hook: {}", hook.name());
    Ok(if text.trim().is_empty() {
        Found::Nothing
    } else if text == hook.text() && is_executable(path) {
        Found::Ours
    } else if text.lines().take(3).any(|line| line == mark) {
        Found::OursOfOther
    } else {
        Manager::of(&text).map_or(Found::Foreign, Found::Managed)
    })
}

fn is_there(path: &Utf8Path) -> bool {
    path.symlink_metadata().is_ok()
}

#[cfg(unix)]
fn make_executable(path: &Utf8Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    fs_err::set_permissions(path, std::fs::Permissions::from_mode(0o755))
}

#[cfg(unix)]
fn is_executable(path: &Utf8Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;

    path.metadata()
        .is_ok_and(|metadata| metadata.permissions().mode() & 0o111 != 0)
}

/// Other systems run a hook by its first line.
#[cfg(not(unix))]
fn make_executable(_path: &Utf8Path) -> std::io::Result<()> {
    Ok(())
}

/// Other systems run a hook by its first line.
#[cfg(not(unix))]
fn is_executable(_path: &Utf8Path) -> bool {
    true
}
