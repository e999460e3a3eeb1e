//! `beanpole check`: the project's files, branch and commits, judged without running any of its code but with `--exact`.

use beanpole_checks::commit_message::Message;
use beanpole_checks::fix::FileChange;
use beanpole_checks::{Baseline, Group};
use beanpole_git::{CommitRange, Fork, Selected, Selection, Without};
use beanpole_model::{ExitCode, Report, Severity};
use camino::{Utf8Path, Utf8PathBuf};
use clap::{Args, ValueEnum};
use jiff::civil::Date;

use crate::checking::{
    Answer, Asked, Disk, Exact, Fixes, Format, History, Judged, Judgement, Prepared, Reports,
    Rulebook, Run, Site, baseline, branch_state, comment_mark, judge, leave, no_baseline, propose,
    read_optional,
};
use crate::context::Context;
use crate::failure::Failure;
use crate::github;
use crate::side_by_side::side_by_side;

/// Where a baseline is written that nobody has named.
const USUAL_BASELINE: &str = "beanpole-baseline.json";

/// Arguments of `beanpole check`.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  beanpole check                            what is staged, else everything\n  \
    beanpole check --base origin/main         what this branch brings, as in a pull request\n  \
    beanpole check migrations secrets --all   two groups, every file\n  \
    beanpole check coverage --base origin/main --coverage-report coverage.json\n  \
    beanpole check coverage --all --coverage-report coverage.xml --write-coverage base.json\n  \
    beanpole check --base origin/main --exact new migrations by the SQL of Django, too\n  \
    beanpole check --base origin/main --fix   renumber migrations, and do what else needs no decision\n  \
    beanpole check --all --write-baseline     let an old project start clean\n  \
    beanpole check --base origin/main --format sarif --output check.sarif\n\n\
    Groups: migrations, coverage, pins, test-names, branch, commit-message, files, change-size, secrets, settings, \
    docker, workflows. Each rule has a page in docs/checks.\n\n\
    What is judged without --staged, --base or --all: in a pull request of GitHub Actions what it brings; else what \
    is staged; if nothing is staged, everything. Never the files on disk.\n\n\
    Exit codes: 0 nothing that counts, 1 findings, 2 usage, manifest or a base that is not there"
)]
pub struct Check {
    /// The rules and groups to run [default: all that the manifest leaves on]
    #[arg(value_name = "RULE|GROUP|all")]
    names: Vec<String>,
    /// Judge the index against the last commit: what the commit will hold
    #[arg(long, group = "state", help_heading = "What is judged")]
    staged: bool,
    /// Judge a commit, and every commit that leads to it, since it left REV
    #[arg(
        long,
        value_name = "REV",
        group = "state",
        help_heading = "What is judged"
    )]
    base: Option<String>,
    /// The commit that --base judges
    #[arg(
        long,
        value_name = "REV",
        default_value = "HEAD",
        requires = "base",
        help_heading = "What is judged"
    )]
    head: String,
    /// Judge everything in the index, every line
    #[arg(long, group = "state", help_heading = "What is judged")]
    all: bool,
    /// Judge the message of a commit as well, from the file that git gives to its hook
    #[arg(long, value_name = "FILE", help_heading = "What is judged")]
    message: Option<Utf8PathBuf>,
    /// Judge this coverage report: coverage.py's JSON, XML or database, or LCOV; may be repeated
    #[arg(long, value_name = "FILE", help_heading = "What is judged")]
    coverage_report: Vec<Utf8PathBuf>,
    /// The coverage that must not fall: a report, or what --write-coverage has kept; may be repeated [default:
    /// `checks.coverage.base_reports` of the manifest]
    #[arg(long, value_name = "FILE", help_heading = "What is judged")]
    coverage_base: Vec<Utf8PathBuf>,
    /// Judge new migrations by the SQL that the project's own Django makes of them, too: runs `sqlmigrate` with the files on disk,
    /// and needs settings with a Postgres that answers. With --all, every migration: that takes long
    #[arg(long, conflicts_with = "write_baseline", help_heading = "Exact mode")]
    exact: bool,
    /// The project's manage.py for --exact, such as 'docker compose run --rm web python manage.py' [default:
    /// `checks.migrations.manage` of the manifest, else python manage.py]
    #[arg(
        long,
        value_name = "COMMAND",
        requires = "exact",
        help_heading = "Exact mode"
    )]
    manage: Option<String>,
    /// The findings that were there before [default: `checks.baseline` of the manifest]
    #[arg(long, value_name = "FILE", help_heading = "What counts")]
    baseline: Option<Utf8PathBuf>,
    /// Write all findings into the baseline, so that only new ones count from now on; judges everything
    #[arg(long, conflicts_with_all = ["staged", "base"], help_heading = "What counts")]
    write_baseline: bool,
    /// The least severity that ends with exit code 1
    #[arg(long, value_name = "SEVERITY", value_enum, default_value_t = FailOn::Error, help_heading = "What counts")]
    fail_on: FailOn,
    /// Do what nobody could want to be done otherwise, on disk; `git add` is left to you
    #[arg(long, conflicts_with_all = ["head", "write_baseline"], help_heading = "Fixes")]
    fix: bool,
    /// With --fix: show what would be done, and change nothing
    #[arg(long, requires = "fix", help_heading = "Fixes")]
    plan: bool,
    /// The form of the answer [default: text; --json is the same as --format json]
    #[arg(long, value_enum, help_heading = "Output")]
    format: Option<Format>,
    /// Write that form to FILE, and the text to stdout
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    output: Option<Utf8PathBuf>,
    /// Keep the figures of the coverage in FILE, for `--coverage-base` of later runs
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    write_coverage: Option<Utf8PathBuf>,
}

/// The least severity that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FailOn {
    Error,
    Warning,
    Note,
}

impl From<FailOn> for Severity {
    fn from(least: FailOn) -> Self {
        match least {
            FailOn::Error => Self::Error,
            FailOn::Warning => Self::Warning,
            FailOn::Note => Self::Note,
        }
    }
}

/// What is judged.
enum State {
    Staged,
    Since { base: String, head: String },
    Everything,
}

/// A state that was read, and the commits that lead to it.
struct Chosen {
    judged: Judged,
    selected: Selected,
    history: History,
    merge: Option<Fork>,
    /// Whether a commit is about to be made of it.
    commits: bool,
}

/// Judges, and answers.
///
/// # Errors
/// No repository, no such rule, no such base, or a manifest or baseline that cannot be read.
pub fn run(context: &Context, arguments: &Check) -> Result<ExitCode, Report> {
    let format = arguments.form(context)?;
    let state = arguments.state(context);
    let site = Site::of_work_tree(context)?;
    let rulebook = arguments.rulebook(context, &site)?;
    let (rules, selection) = (rulebook.rules.clone(), rulebook.selection.clone());
    let chosen = match &state {
        Some(state) => choose(&site, &rulebook, state)?,
        None => staged_or_everything(&site, &rulebook)?,
    };
    let message = arguments.message_bytes(context)?;
    let mark = match &message {
        Some((_, bytes)) => comment_mark(&site, bytes)?,
        None => None,
    };
    // Everything in the index belongs to no branch in particular.
    let judges_branch = rulebook.groups.contains(&Group::Branch)
        && (chosen.judged.what != "everything" || rulebook.named.contains(&Group::Branch));
    let branch = if judges_branch {
        let head = match &chosen.selected.head {
            Some(known) => known.clone(),
            None => site.repository.head_state()?,
        };
        Some(branch_state(&head, &context.environment, chosen.commits))
    } else {
        None
    };
    let asked = Asked {
        branch,
        message: message.as_ref().map(|(path, bytes)| Message {
            path: path.as_str(),
            bytes,
            comment: mark.as_deref(),
        }),
        history: chosen.history,
        reports: arguments.reports(context, &chosen.judged),
        merge: chosen.merge,
        exact: arguments.exact(context, &site, &rulebook)?,
        is_last: true,
        today: today(),
    };
    let former = rulebook.baseline.clone();
    let mut judgement = judge(&site, rulebook, &chosen.selected, &asked)?;
    leave(chosen.selected);
    let judged = Judged {
        files: judgement.files,
        ..chosen.judged
    };
    let fixed = if arguments.fix {
        Some(fix(&site, &mut judgement, arguments.plan)?)
    } else {
        None
    };
    let (fixes, to_stage) = fixed.unzip();
    let mut answer = Answer::new(judged, judgement.report, &site);
    answer.fixes = fixes;
    answer.exact = judgement.exact;
    answer.coverage = judgement.coverage;
    leave(judgement.reading);
    if arguments.write_baseline {
        let path = arguments.baseline_path(context, &site);
        let fresh = answer.report.new_baseline();
        let ran = |rule: &str| selection.has(rule);
        let whole = former.unwrap_or_default().updated(fresh, ran);
        return write_baseline(context, &path, &whole);
    }
    let prepared = Prepared {
        answer: &answer,
        rules: &rules,
        selection: &selection,
        color: context.terminal.colors_results() && arguments.output.is_none(),
    };
    if let (Some(path), Some(stored)) = (&arguments.write_coverage, &judgement.stored) {
        let text = serde_json::to_string_pretty(stored).map_err(Failure::NoForm)?;
        write_whole(&context.directory.join(path), &text)?;
    }
    show(context, arguments, &prepared, format)?;
    if let Some(command) = to_stage.flatten() {
        context.terminal.say(&format!(
            "stage it with `{command}`; `git diff --cached` shows it then"
        ));
    }
    Ok(answer.exit_code(arguments.fail_on.into()))
}

/// Fixes what can be fixed, and gives the command that stages it, if anything was done.
fn fix(
    site: &Site,
    judgement: &mut Judgement,
    is_plan: bool,
) -> Result<(Fixes, Option<String>), Report> {
    let keeps_execute_bit = site.repository.keeps_execute_bit()?;
    let proposed = propose(judgement, keeps_execute_bit)?;
    let is_done = !is_plan && !proposed.changes.is_empty();
    if is_done {
        let paths = proposed.changes.iter().map(|change| change.path.as_str());
        let disk = Disk {
            directory: site.directory(),
            keeps_execute_bit,
            crlf: site.crlf_paths(paths)?,
        };
        disk.write(&proposed.changes)?;
    }
    let to_stage = is_done.then(|| stage(&site.directory(), &proposed.changes));
    Ok((proposed.settle(&mut judgement.report, is_plan), to_stage))
}

/// The command that stages changes, wherever it is typed.
fn stage(directory: &Utf8Path, changes: &[FileChange]) -> String {
    let git = ["git", "-C", directory.as_str(), "add", "--all", "--"].into_iter();
    let paths = changes.iter().map(|change| change.path.as_str());
    let words: Vec<&str> = git.chain(paths).collect();
    // Only a NUL cannot be quoted, and no path has one.
    shlex::try_join(words.iter().copied()).unwrap_or_else(|_| words.join(" "))
}

/// Today, the same everywhere in the world, so that a suppression ends for all at once.
pub(crate) fn today() -> Date {
    let now = jiff::Timestamp::now();
    now.to_zoned(jiff::tz::TimeZone::UTC).date()
}

impl Check {
    /// The form of the answer.
    fn form(&self, context: &Context) -> Result<Format, Failure> {
        match (self.format, context.global.json) {
            (None, true) => Ok(Format::Json),
            (None, false) => Ok(Format::Text),
            (Some(format), true) if format != Format::Json && self.output.is_none() => {
                Err(Failure::TwoForms)
            }
            (Some(format), _) => Ok(format),
        }
    }

    /// Whether stdout gets JSON, and so errors have that form, too.
    pub(crate) fn answers_json(&self) -> bool {
        self.format == Some(Format::Json) && self.output.is_none()
    }

    fn rulebook(&self, context: &Context, site: &Site) -> Result<Rulebook, Report> {
        let mut rulebook = Rulebook::new(site, &self.names)?;
        let path = self.baseline_path(context, site);
        if self.baseline.is_some() || site.checks.baseline.is_some() || self.write_baseline {
            rulebook.baseline = match read_optional(&path)? {
                Some(bytes) => Some(baseline(&path, &bytes)?),
                None if self.write_baseline => None,
                None => return Err(no_baseline(path)),
            };
        }
        Ok(rulebook)
    }

    /// Who is asked for the SQL of migrations.
    fn exact<'a>(
        &self,
        context: &'a Context,
        site: &Site,
        rulebook: &Rulebook,
    ) -> Result<Option<Exact<'a>>, Failure> {
        if !self.exact {
            return Ok(None);
        }
        if !rulebook.groups.contains(&Group::Migrations) {
            return Err(Failure::NothingExact);
        }
        Exact::new(context, site, self.manage.as_deref()).map(Some)
    }

    /// A path on the command line begins here, one in the manifest beside it.
    fn baseline_path(&self, context: &Context, site: &Site) -> Utf8PathBuf {
        match (&self.baseline, &site.checks.baseline) {
            (Some(path), _) => context.directory.join(path),
            (None, Some(path)) => site.on_disk(path),
            (None, None) => site.on_disk(USUAL_BASELINE),
        }
    }

    /// The state that the flags name, or a run for a pull request.
    fn state(&self, context: &Context) -> Option<State> {
        if self.all || self.write_baseline {
            return Some(State::Everything);
        }
        if self.staged {
            return Some(State::Staged);
        }
        let of_pull_request = || {
            let base = context.environment.get("GITHUB_BASE_REF")?;
            Some(format!("origin/{base}"))
        };
        let base = self.base.clone().or_else(of_pull_request)?;
        let head = self.head.clone();
        Some(State::Since { base, head })
    }

    fn message_bytes(&self, context: &Context) -> Result<Option<(Utf8PathBuf, Vec<u8>)>, Report> {
        let Some(path) = &self.message else {
            return Ok(None);
        };
        let bytes = fs_err::read(context.directory.join(path)).map_err(|source| Failure::Read {
            path: path.clone(),
            source,
        })?;
        Ok(Some((path.clone(), bytes)))
    }

    /// Before a commit, no tests have run.
    fn reports(&self, context: &Context, judged: &Judged) -> Reports {
        let paths = |paths: &[Utf8PathBuf]| -> Option<Vec<Utf8PathBuf>> {
            let paths: Vec<_> = paths
                .iter()
                .map(|path| context.directory.join(path))
                .collect();
            (!paths.is_empty()).then_some(paths)
        };
        let of_run = match paths(&self.coverage_report) {
            Some(paths) => Run::Named(paths),
            None if judged.what == "staged" => Run::None,
            None => Run::OfManifest,
        };
        Reports {
            of_run,
            of_base: paths(&self.coverage_base),
            stores: self.write_coverage.is_some(),
        }
    }
}

/// What is staged, or if that is nothing, everything.
fn staged_or_everything(site: &Site, rulebook: &Rulebook) -> Result<Chosen, Report> {
    let staged = choose(site, rulebook, &State::Staged)?;
    if staged.selected.changes.is_empty() && staged.selected.conflicts.is_empty() {
        choose(site, rulebook, &State::Everything)
    } else {
        Ok(staged)
    }
}

/// Reads a state. Of its commits, only what the groups look at.
fn choose(site: &Site, rulebook: &Rulebook, state: &State) -> Result<Chosen, Report> {
    let whole = |what: &str, selection| {
        let selected = site.repository.select(&selection, &site.under)?;
        let judged = Judged {
            what: what.to_owned(),
            base: selected.base.as_ref().map(ToString::to_string),
            ..Judged::default()
        };
        Ok(Chosen {
            judged,
            commits: selection == Selection::Staged && !selected.changes.is_empty(),
            selected,
            history: History::default(),
            merge: None,
        })
    };
    match state {
        State::Staged => whole("staged", Selection::Staged),
        State::Everything => whole("everything", Selection::Index),
        State::Since { base, head } => since(site, rulebook, base, head),
    }
}

fn since(site: &Site, rulebook: &Rulebook, base: &str, head: &str) -> Result<Chosen, Report> {
    let fork = site.repository.fork(base, head)?;
    let range = CommitRange {
        to: fork.head.clone(),
        without: Without::Commits(vec![fork.tip.clone()]),
    };
    let judged = Judged {
        what: "since".to_owned(),
        base: Some(fork.base.to_string()),
        head: Some(fork.head.to_string()),
        ..Judged::default()
    };
    let selection = Selection::Between(fork.clone());
    let (selected, history) = side_by_side(
        || site.repository.select(&selection, &site.under),
        || rulebook.history(site, range),
    );
    let history = history?;
    Ok(Chosen {
        judged: Judged {
            commits: history.as_ref().map(History::len),
            ..judged
        },
        commits: false,
        selected: selected?,
        history: history.unwrap_or_default(),
        merge: Some(fork),
    })
}

/// Writes the answer where it was asked for; in GitHub Actions also what the page of the run shows.
fn show(
    context: &Context,
    arguments: &Check,
    prepared: &Prepared<'_>,
    format: Format,
) -> Result<(), Report> {
    let answer = prepared.answer;
    let stdout = match (&arguments.output, context.global.json) {
        (None, _) => format,
        (Some(path), json) => {
            write_whole(&context.directory.join(path), &render(prepared, format)?)?;
            if json { Format::Json } else { Format::Text }
        }
    };
    let text = render(prepared, stdout)?;
    if !text.is_empty() {
        context.terminal.text(&text);
    }
    context.terminal.say(&answer.summary());
    github::publish_check(context, answer, format == Format::Github);
    Ok(())
}

fn render(prepared: &Prepared<'_>, format: Format) -> Result<String, Failure> {
    prepared.render(format).map_err(Failure::NoForm)
}

fn write_baseline(
    context: &Context,
    path: &Utf8Path,
    baseline: &Baseline,
) -> Result<ExitCode, Report> {
    write_whole(path, &baseline.to_text())?;
    let count = baseline.len();
    context.terminal.text(&format!(
        "Wrote {path}: {count} findings. Commit it, and name it as `checks.baseline` in beanpole.yaml"
    ));
    Ok(ExitCode::Done)
}

/// Writes a file beside its place and moves it there: a reader sees the old one or the new one.
fn write_whole(path: &Utf8Path, text: &str) -> Result<(), Failure> {
    let draft = Utf8PathBuf::from(format!("{path}.new-{}", std::process::id()));
    let line_break = if text.is_empty() || text.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    let written = fs_err::write(&draft, format!("{text}{line_break}"))
        .and_then(|()| fs_err::rename(&draft, path));
    written.map_err(|source| {
        // What is left of a draft helps nobody.
        let _gone = fs_err::remove_file(&draft);
        Failure::Write {
            path: path.to_owned(),
            source,
        }
    })
}
