//! `beanpole hooks run`: what git's hooks and the files of lefthook and pre-commit call.
//!
//! Rules: silent if there is nothing to say. Errors refuse; warnings are shown and let pass.

use std::io::Read as _;

use beanpole_checks::Group;
use beanpole_checks::commit_message::Message;
use beanpole_git::{Git, ReferenceUpdate, Repository, Selected, Selection};
use beanpole_model::{ExitCode, Report, Severity};
use camino::Utf8PathBuf;
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::checking::{
    Answer, Asked, History, Judged, Push, Reports, Rulebook, Side, Site, branch_state,
    comment_mark, judge, leave,
};
use crate::commands::check::today;
use crate::context::Context;
use crate::failure::Failure;

/// Arguments of `beanpole hooks run`.
#[derive(Args, Debug)]
pub(super) struct Run {
    #[command(subcommand)]
    hook: RunHook,
}

#[derive(Debug, Subcommand)]
enum RunHook {
    /// Judge what is staged and the branch; without coverage and the size of the change
    PreCommit,
    /// Judge the message of a commit
    CommitMsg {
        /// The file that holds the message
        #[arg(value_name = "FILE")]
        file: Utf8PathBuf,
    },
    /// Judge what a push would bring: its commits, their messages and secrets, and the branch against what is there
    PrePush {
        /// The remote's name, as git gives it
        #[arg(value_name = "REMOTE")]
        remote: Option<String>,
        /// The remote's address, as git gives it
        #[arg(value_name = "URL")]
        url: Option<String>,
    },
    /// On the server: judge what a push brings, before anyone can see it
    PreReceive,
}

/// Runs a hook.
pub(super) fn run(context: &Context, arguments: &Run) -> Result<ExitCode, Report> {
    match &arguments.hook {
        RunHook::PreCommit => pre_commit(context),
        RunHook::CommitMsg { file } => commit_msg(context, file),
        RunHook::PrePush { remote, .. } => {
            let repository = Git::default().in_hook().discover(&context.directory)?;
            push(context, &repository, Side::Sends(remote.clone()))
        }
        RunHook::PreReceive => {
            let repository = Git::default().in_hook().open_bare(&context.directory)?;
            push(context, &repository, Side::Receives)
        }
    }
}

fn pre_commit(context: &Context) -> Result<ExitCode, Report> {
    let site = Site::of_work_tree(context)?;
    let rulebook = Rulebook::new(&site, &[])?
        .without(&[Group::ChangeSize, Group::CommitMessage])
        .with_baseline_of(&site)?;
    let selected = site.repository.select(&Selection::Staged, &site.under)?;
    let asked = Asked {
        branch: selected
            .head
            .as_ref()
            .map(|head| branch_state(head, &context.environment, true)),
        message: None,
        history: History::default(),
        reports: Reports::default(),
        merge: None,
        exact: None,
        is_last: true,
        today: today(),
    };
    let judgement = judge(&site, rulebook, &selected, &asked)?;
    let judged = Judged {
        what: "staged".to_owned(),
        base: selected.base.as_ref().map(ToString::to_string),
        head: None,
        files: judgement.files,
        commits: None,
    };
    let answers = vec![Answer::new(judged, judgement.report, &site)];
    leave((selected, judgement.reading));
    Ok(tell(context, answers))
}

/// Only the message: this hook runs after pre-commit has judged everything else.
fn commit_msg(context: &Context, file: &Utf8PathBuf) -> Result<ExitCode, Report> {
    let site = Site::of_hook(context)?;
    let rulebook = Rulebook::new(&site, &[])?.only(&[Group::CommitMessage]);
    let bytes = fs_err::read(context.directory.join(file)).map_err(|source| Failure::Read {
        path: file.clone(),
        source,
    })?;
    let mark = comment_mark(&site, &bytes)?;
    let asked = Asked {
        branch: None,
        message: Some(Message {
            path: file.as_str(),
            bytes: &bytes,
            comment: mark.as_deref(),
        }),
        history: History::default(),
        reports: Reports::default(),
        merge: None,
        exact: None,
        is_last: true,
        today: today(),
    };
    let judgement = judge(&site, rulebook, &nothing(), &asked)?;
    let judged = Judged {
        what: "message".to_owned(),
        base: None,
        head: None,
        files: 0,
        commits: None,
    };
    Ok(tell(
        context,
        vec![Answer::new(judged, judgement.report, &site)],
    ))
}

/// No files at all.
const fn nothing() -> Selected {
    Selected {
        entries: Vec::new(),
        changes: Vec::new(),
        merged: Vec::new(),
        conflicts: Vec::new(),
        names_not_text: Vec::new(),
        base: None,
        head: None,
    }
}

fn push(context: &Context, repository: &Repository, side: Side) -> Result<ExitCode, Report> {
    let mut input = String::new();
    std::io::stdin()
        .read_to_string(&mut input)
        .map_err(Failure::Stdin)?;
    let updates = match side {
        Side::Sends(_) => ReferenceUpdate::pushed(&input),
        Side::Receives => ReferenceUpdate::received(&input),
    };
    let updates = updates.map_err(|source| Failure::Push { source })?;
    let push = Push {
        context,
        side,
        today: today(),
    };
    let mut answers = Vec::new();
    for update in &updates {
        answers.extend(push.update(repository, update)?);
    }
    Ok(tell(context, answers))
}

/// What a hook answers with `--json`.
#[derive(Serialize)]
struct Told {
    checks: Vec<Answer>,
}

impl std::fmt::Display for Told {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let texts = self.checks.iter().map(|answer| answer.text(false));
        let texts: Vec<String> = texts.filter(|text| !text.is_empty()).collect();
        formatter.write_str(&texts.join("\n"))
    }
}

/// Says what was found, if anything was, and what it means.
fn tell(context: &Context, answers: Vec<Answer>) -> ExitCode {
    let codes = answers
        .iter()
        .map(|answer| answer.exit_code(Severity::Error));
    let is_refused = codes.into_iter().any(|code| code != ExitCode::Done);
    let terminal = &context.terminal;
    if terminal.settings().json {
        terminal.result(&Told { checks: answers });
    } else {
        for answer in &answers {
            let text = answer.text(terminal.colors_results());
            if !text.is_empty() {
                terminal.text(&text);
                terminal.say(&answer.summary());
            }
        }
    }
    if is_refused {
        ExitCode::Findings
    } else {
        ExitCode::Done
    }
}
