//! Exact mode: the SQL that the project's own Django makes of its new migrations.
//!
//! Rules: nothing of the project runs unless `--exact` was given. Django reads the files on disk, so they are compared with the
//! judged ones first. Each call gets its arguments as they are, no stdin, a time limit, and a limit for what it may print. What
//! the other program says is shown without secrets, and decides nothing: only its exit status and its kind of database do.

mod command;
mod hiding;
mod news;
mod on_disk;
mod process;
mod said;
mod told;

use std::num::NonZero;
use std::time::{Duration, Instant};

use beanpole_checks::SourceTree;
use beanpole_checks::migrations::{
    ExactAnswer, MigrationId, NewMigration, NotMade, Review, new_migrations,
};
use beanpole_model::{Event, Report, Reporter as _, StepOutcome};
use camino::Utf8PathBuf;
use futures_util::StreamExt as _;

use self::command::Manage;
use self::hiding::Hiding;
use self::news::News;
use self::process::{Call, Ended};
use super::Site;
use crate::context::Context;
use crate::failure::Failure;

pub(crate) use self::told::Exactly;

/// How long one call may take. Django starts in seconds, and `sqlmigrate` changes nothing.
const CALL_LIMIT: Duration = Duration::from_secs(120);

/// How many calls run at a time at most: each is a whole Django.
const MOST_AT_A_TIME: usize = 4;

const STEP: &str = "exact";

/// The vendor of the one database whose SQL the rules know, in Django's words.
const POSTGRES: &str = "postgresql";

/// What the answer to [`QUESTION`] begins with. Django 5.2 and later print more on stdout.
const ANSWER: &str = "beanpole: ";

/// The kind of the database, and whether it answers: `sqlmigrate` asks it for the names of constraints and for what is applied.
const QUESTION: &str = "from django.db import connection; \
     print('beanpole: ' + connection.vendor, flush=True); \
     connection.vendor == 'postgresql' and connection.ensure_connection()";

const LOOK: &str = "run the project's `manage.py sqlmigrate` by hand to see all that it says; it needs settings with a Postgres that \
     answers, such as an empty one of a container";

/// Who is asked for the SQL.
pub(crate) struct Exact<'a> {
    context: &'a Context,
    directory: Utf8PathBuf,
    manage: Manage,
    hiding: Hiding,
}

impl<'a> Exact<'a> {
    /// The command is the given one, else the manifest's, else the `manage.py` of the project's directory.
    ///
    /// # Errors
    /// A command that is none, or no `manage.py`.
    pub(crate) fn new(
        context: &'a Context,
        site: &Site,
        given: Option<&str>,
    ) -> Result<Self, Failure> {
        let directory = site.directory();
        let manage = match (given, &site.checks.migrations.manage) {
            (Some(given), _) => Manage::parse(given, "--manage", &directory)?,
            (None, Some(text)) => {
                let place = format!("checks.migrations.manage in {}", site.manifest);
                Manage::parse(text, &place, &directory)?
            }
            (None, None) => Manage::usual(&directory, &context.environment)?,
        };
        Ok(Self {
            context,
            directory,
            manage,
            hiding: Hiding::new(&context.environment, context.scrubber.clone()),
        })
    }

    /// Asks for the SQL of the migrations that the review is about, in their order.
    ///
    /// # Errors
    /// The command could not be started, or the work was interrupted.
    pub(super) fn ask(&self, review: &Review<'_>) -> Result<Vec<ExactAnswer>, Report> {
        let new = new_migrations(review);
        if new.is_empty() {
            return Ok(Vec::new());
        }
        let terminal = &self.context.terminal;
        let start = Instant::now();
        let plural = if new.len() == 1 { "" } else { "s" };
        terminal.report(&Event::StepStarted {
            id: STEP.to_owned(),
            title: format!("Ask Django for the SQL of {} migration{plural}", new.len()),
        });
        let answers = self.context.block_on(self.of_all(&new, review.head));
        let made =
            |answers: &Vec<ExactAnswer>| answers.iter().filter(|one| one.sql.is_ok()).count();
        let (outcome, message) = match &answers {
            Ok(answers) if made(answers) == answers.len() => (StepOutcome::Done, String::new()),
            Ok(answers) => {
                let message = format!("{} of {}", made(answers), answers.len());
                (StepOutcome::Failed, message)
            }
            Err(_) => (StepOutcome::Failed, String::new()),
        };
        terminal.report(&Event::StepFinished {
            id: STEP.to_owned(),
            outcome,
            message,
            elapsed: start.elapsed(),
        });
        answers
    }

    async fn of_all(
        &self,
        new: &[NewMigration],
        judged: &SourceTree,
    ) -> Result<Vec<ExactAnswer>, Report> {
        let refused: Vec<Option<NotMade>> = new
            .iter()
            .map(|one| on_disk::refuse(one, judged, &self.directory))
            .collect();
        let wrong = if refused.iter().all(Option::is_some) {
            None
        } else {
            self.try_out().await?
        };
        let news = News::new(new.len());
        let (news, wrong) = (&news, &wrong);
        let calls = new.iter().zip(refused).map(|(one, refused)| async move {
            let sql = match refused.or_else(|| wrong.clone()) {
                Some(why_not) => Err(why_not),
                None => self.of_one(&one.id).await?,
            };
            if let Some(message) = news.one_more() {
                self.context.terminal.report(&Event::StepProgress {
                    id: STEP.to_owned(),
                    message,
                });
            }
            Ok(ExactAnswer {
                migration: one.id.clone(),
                sql,
            })
        });
        // All of them end before the first failure is told: what was started is stopped in an orderly way.
        let ended: Vec<Result<ExactAnswer, Report>> = futures_util::stream::iter(calls)
            .buffered(at_a_time())
            .collect()
            .await;
        ended.into_iter().collect()
    }

    /// Asks what would stop all calls alike, before they are made.
    async fn try_out(&self) -> Result<Option<NotMade>, Report> {
        let ended = self.call(&["shell", "--no-color", "-c", QUESTION]).await?;
        let vendor = match &ended {
            Ended::Done { stdout, .. } => vendor(stdout),
            Ended::TooLong | Ended::TooMuch => None,
        };
        Ok(match (vendor, self.printed("shell", ended)) {
            (Some(vendor), _) if vendor != POSTGRES => Some(NotMade {
                why: format!("the settings use `{vendor}`, and the rules judge the SQL of Postgres"),
                remedy: "name settings that use Postgres, for example with \
                         `--manage 'python manage.py --settings=shop.settings.production'` or the variable \
                         DJANGO_SETTINGS_MODULE"
                    .to_owned(),
            }),
            (_, Err(why_not)) => Some(why_not),
            (None, Ok(_)) => Some(NotMade {
                why: "`shell` did not say which database the settings use".to_owned(),
                remedy: LOOK.to_owned(),
            }),
            (Some(_), Ok(_)) => None,
        })
    }

    async fn of_one(&self, id: &MigrationId) -> Result<Result<String, NotMade>, Report> {
        let words = ["sqlmigrate", &id.app, &id.name, "--no-color"];
        let ended = self.call(&words).await?;
        let printed = self.printed("sqlmigrate", ended);
        Ok(printed.map(|text| sql(&text).to_owned()))
    }

    async fn call(&self, words: &[&str]) -> Result<Ended, Report> {
        let call = Call {
            program: &self.manage.program,
            words: &self.manage.words,
            more: words,
            directory: &self.directory,
            limit: CALL_LIMIT,
        };
        let ended = call.run(&self.context.cancel).await;
        let ended = ended.map_err(|source| Failure::ManageNotStarted {
            program: self.manage.program.clone(),
            source,
        })?;
        ended.ok_or_else(|| Failure::Stopped.into())
    }

    /// What a call has printed, or how it failed. Without the name of a migration, so that equal failures are equal.
    fn printed(&self, name: &str, ended: Ended) -> Result<String, NotMade> {
        let why = match ended {
            Ended::Done { status, stdout, .. } if status.success() => {
                return Ok(String::from_utf8_lossy(&stdout).into_owned());
            }
            Ended::Done { status, stderr, .. } => {
                let cause = said::cause(&String::from_utf8_lossy(&stderr));
                let cause = cause.map(|cause| format!(": {}", self.hiding.hide(&cause)));
                format!("`{name}` ended with {status}{}", cause.unwrap_or_default())
            }
            Ended::TooLong => format!(
                "`{name}` did not end within {} s and was stopped",
                CALL_LIMIT.as_secs()
            ),
            Ended::TooMuch => format!("`{name}` printed more than 16 MiB and was stopped"),
        };
        Err(NotMade {
            why,
            remedy: LOOK.to_owned(),
        })
    }
}

/// The vendor in what the question has printed.
fn vendor(stdout: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(stdout);
    let answers = text.lines().rev();
    let vendor = answers
        .filter_map(|line| line.trim().strip_prefix(ANSWER))
        .next()?;
    Some(vendor.to_owned())
}

/// What Django has printed, which begins with a comment or a transaction. Settings print as well, while they are loaded.
fn sql(text: &str) -> &str {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if line.starts_with("--") || line.trim_end() == "BEGIN;" {
            return text.get(start..).unwrap_or_default();
        }
        start += line.len();
    }
    text
}

fn at_a_time() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    cores.min(MOST_AT_A_TIME)
}

#[cfg(test)]
mod tests {
    use super::{sql, vendor};

    #[test]
    fn the_vendor_is_found_among_what_else_is_printed() {
        let of = |text: &str| vendor(text.as_bytes());
        assert_eq!(of("beanpole: postgresql\n").as_deref(), Some("postgresql"));
        let more = "12 objects imported automatically.\r\nbeanpole: sqlite\r\nbye\r\n";
        assert_eq!(of(more).as_deref(), Some("sqlite"));
        assert_eq!(of("postgresql\n"), None);
    }

    #[test]
    fn what_settings_print_is_no_sql() {
        let django = "BEGIN;\n--\n-- Add\n--\nSELECT 1;\nCOMMIT;\n";
        for text in [
            django,
            "--\n-- Add\n--\nSELECT 1;\n",
            "BEGIN;\r\nCOMMIT;\r\n",
            "odd;\n",
            "",
        ] {
            assert_eq!(sql(text), text);
        }
        let noisy = format!("Loading\nsettings for BEGIN;\n{django}");
        assert_eq!(sql(&noisy), django);
    }
}
