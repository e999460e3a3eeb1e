//! `beanpole hooks install`: our scripts where git looks for hooks, and what was there kept.

use std::fmt;

use beanpole_git::{Git, Hook, HookSite, Repository, Step, plan_install, plan_uninstall};
use beanpole_model::{ExitCode, Report};
use clap::Args;
use serde::Serialize;

use crate::context::Context;
use crate::failure::Failure;

/// Arguments of `beanpole hooks install`.
#[derive(Args, Debug)]
#[command(
    after_help = "A hook that is there already is kept, and runs first; --uninstall puts it back. Hooks of lefthook, \
    pre-commit, prek and husky are left alone, and the message says what to add to their file."
)]
pub(super) struct Install {
    /// Take the hooks away, and put back what was there before
    #[arg(long)]
    uninstall: bool,
    /// The hook of a repository that people push to: pre-receive
    #[arg(long)]
    server: bool,
    /// Show what would happen, and change nothing
    #[arg(long)]
    plan: bool,
}

/// What the command answers.
#[derive(Serialize)]
struct Answer {
    #[serde(flatten)]
    site: HookSite,
    /// What was done, or with `--plan` would be done.
    steps: Vec<Step>,
    is_plan: bool,
    #[serde(skip)]
    uninstall: bool,
}

impl fmt::Display for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let directory = &self.site.directory;
        if self.steps.is_empty() {
            let state = if self.uninstall {
                "no hook here is beanpole's"
            } else {
                "the hooks are in place"
            };
            return write!(formatter, "{directory}: {state}");
        }
        write!(formatter, "{directory}:")?;
        for step in &self.steps {
            let (done, planned, hook, rest) = match step {
                Step::Keep(hook) => ("kept", "keep", hook, format!(" as {}", hook.kept_name())),
                Step::Write(hook) => ("wrote", "write", hook, String::new()),
                Step::Remove(hook) => ("removed", "remove", hook, String::new()),
                Step::Restore(hook) => (
                    "restored",
                    "restore",
                    hook,
                    format!(" from {}", hook.kept_name()),
                ),
            };
            let word = if self.is_plan { planned } else { done };
            write!(formatter, "\n  {word} {}{rest}", hook.name())?;
        }
        Ok(())
    }
}

/// Plans, shows, and changes.
pub(super) fn run(context: &Context, arguments: &Install) -> Result<ExitCode, Report> {
    let (repository, hooks) = place(context, arguments)?;
    let site = repository.hook_site()?;
    site.refuse_shared()?;
    let found = site.look(hooks)?;
    let steps = if arguments.uninstall {
        plan_uninstall(&found)
    } else {
        plan_install(&found)?
    };
    if !arguments.plan {
        site.apply(&steps)?;
    }
    context.terminal.result(&Answer {
        site,
        steps,
        is_plan: arguments.plan,
        uninstall: arguments.uninstall,
    });
    if !arguments.uninstall && !is_on_path(context) {
        context.terminal.say(
            "note: `beanpole` is not on the PATH. The hooks look for it there; put it there, or set BEANPOLE to where it is.",
        );
    }
    Ok(ExitCode::Done)
}

/// The repository, and which hooks it gets.
fn place(context: &Context, arguments: &Install) -> Result<(Repository, &'static [Hook]), Report> {
    let git = Git::default();
    if arguments.server {
        return Ok((git.open_bare(&context.directory)?, &Hook::SERVER));
    }
    match git.discover(&context.directory) {
        Ok(repository) => Ok((repository, &Hook::CLIENT)),
        Err(beanpole_git::Error::NoWorkTree { start }) => Err(Failure::NoClone { start }.into()),
        Err(error) => Err(error.into()),
    }
}

fn is_on_path(context: &Context) -> bool {
    let program = context.environment.get("BEANPOLE").unwrap_or("beanpole");
    let path = context.environment.get("PATH").unwrap_or_default();
    program.contains('/')
        || std::env::split_paths(path).any(|directory| directory.join(program).is_file())
}
