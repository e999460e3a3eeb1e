//! What to do with each hook, decided from what is there.

use serde::Serialize;

use super::install::HookState;
use super::{Hook, HookError, Manager};

/// What stands in the place of a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Found {
    /// Nothing, or a file without any content.
    Nothing,
    /// Our script, as this release writes it.
    Ours,
    /// Our script, as another release has written it.
    OursOfOther,
    /// Someone else's.
    Foreign,
    /// That of a program that owns the hooks.
    Managed(Manager),
}

/// One thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "do", content = "hook", rename_all = "kebab-case")]
pub enum Step {
    /// Keep the hook that is there beside ours, which runs it first.
    Keep(Hook),
    /// Write our script.
    Write(Hook),
    /// Take our script away.
    Remove(Hook),
    /// Put the hook that was kept back in its place.
    Restore(Hook),
}

/// What it takes to have our hooks in place. Empty: they are.
///
/// # Errors
/// [`HookError::Managed`] and [`HookError::TwoForeign`], before anything is changed.
pub fn plan_install(hooks: &[HookState]) -> Result<Vec<Step>, HookError> {
    let mut steps = Vec::new();
    for state in hooks {
        let (hook, has_kept) = (state.hook, state.has_kept);
        match state.found {
            Found::Ours => {}
            Found::Nothing | Found::OursOfOther => steps.push(Step::Write(hook)),
            Found::Foreign if has_kept => return Err(HookError::TwoForeign { hook }),
            Found::Foreign => steps.extend([Step::Keep(hook), Step::Write(hook)]),
            Found::Managed(manager) => return Err(HookError::Managed { hook, manager }),
        }
    }
    Ok(steps)
}

/// What it takes to have the former hooks back. A hook that is not ours any more is left alone.
#[must_use]
pub fn plan_uninstall(hooks: &[HookState]) -> Vec<Step> {
    let mut steps = Vec::new();
    for state in hooks {
        let (hook, has_kept) = (state.hook, state.has_kept);
        match state.found {
            Found::Ours | Found::OursOfOther => {
                steps.push(if has_kept {
                    Step::Restore(hook)
                } else {
                    Step::Remove(hook)
                });
            }
            // Interrupted between two steps, or taken away by hand.
            Found::Nothing if has_kept => steps.push(Step::Restore(hook)),
            Found::Nothing | Found::Foreign | Found::Managed(_) => {}
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOOK: Hook = Hook::PreCommit;

    fn state(hook: Hook, found: Found, has_kept: bool) -> HookState {
        HookState {
            hook,
            path: hook.name().into(),
            found,
            has_kept,
        }
    }

    #[test]
    fn what_is_ours_is_renewed_and_what_is_not_is_kept() {
        let plan = |found, has_kept| plan_install(&[state(HOOK, found, has_kept)]).unwrap();
        assert_eq!(plan(Found::Nothing, false), [Step::Write(HOOK)]);
        assert_eq!(plan(Found::Ours, true), []);
        assert_eq!(plan(Found::OursOfOther, true), [Step::Write(HOOK)]);
        let both = [Step::Keep(HOOK), Step::Write(HOOK)];
        assert_eq!(plan(Found::Foreign, false), both);
    }

    #[test]
    fn nothing_is_planned_where_one_hook_is_refused() {
        let managed = [
            state(Hook::CommitMsg, Found::Nothing, false),
            state(HOOK, Found::Managed(Manager::Lefthook), false),
        ];
        let error = plan_install(&managed).unwrap_err();
        assert!(matches!(error, HookError::Managed { .. }));
        let error = plan_install(&[state(HOOK, Found::Foreign, true)]).unwrap_err();
        assert!(matches!(error, HookError::TwoForeign { .. }));
    }

    #[test]
    fn uninstalling_leaves_others_alone() {
        let plan = |found, has_kept| plan_uninstall(&[state(HOOK, found, has_kept)]);
        assert_eq!(plan(Found::Ours, false), [Step::Remove(HOOK)]);
        assert_eq!(plan(Found::OursOfOther, true), [Step::Restore(HOOK)]);
        assert_eq!(plan(Found::Nothing, true), [Step::Restore(HOOK)]);
        assert_eq!(plan(Found::Foreign, true), []);
        assert_eq!(plan(Found::Managed(Manager::Husky), false), []);
    }
}
