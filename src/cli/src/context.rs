//! What a command works with: everything that comes from outside, gathered once.

use std::sync::Arc;

use beanpole_manifest::{Manifest, Project};
use beanpole_model::{Environment, Report, SecretScrubber};
use beanpole_terminal::Terminal;
use camino::{Utf8Path, Utf8PathBuf};
use tokio_util::sync::CancellationToken;

use crate::Process;
use crate::arguments::Global;
use crate::failure::Failure;

/// The surroundings of one command.
pub struct Context {
    /// The environment variables.
    pub environment: Environment,
    /// The working directory.
    pub directory: Utf8PathBuf,
    /// Whether a question can be asked.
    pub can_ask: bool,
    /// Flags that every command takes.
    pub global: Global,
    /// The printer.
    pub terminal: Arc<Terminal>,
    /// Knows the secret values of this run.
    pub scrubber: SecretScrubber,
    /// Cancelled by the first interrupt.
    pub cancel: CancellationToken,
}

impl Context {
    /// Gathers the surroundings.
    #[must_use]
    pub fn new(
        process: Process,
        global: Global,
        terminal: Arc<Terminal>,
        scrubber: SecretScrubber,
    ) -> Self {
        Self {
            environment: process.environment,
            directory: process.directory,
            can_ask: process.stdin_is_terminal && process.stderr_is_terminal,
            global,
            terminal,
            scrubber,
            cancel: CancellationToken::new(),
        }
    }

    /// Runs async work on a runtime of its own, with interrupts listened to.
    ///
    /// # Errors
    /// What the work returns, or that the runtime could not be started.
    pub fn block_on<T>(&self, work: impl Future<Output = Result<T, Report>>) -> Result<T, Report> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(Failure::Runtime)?;
        let result = runtime.block_on(async {
            crate::interrupt::listen(self.cancel.clone(), Arc::clone(&self.terminal));
            work.await
        });
        // Work that is left over (a connection that lingers) must not hold the process.
        runtime.shutdown_background();
        result
    }

    /// The project of the chosen environment, from the manifest that `--manifest` names or the one
    /// found from here upwards.
    ///
    /// # Errors
    /// As [`Self::located_project_from`].
    pub fn located_project(&self) -> Result<Located, Report> {
        self.located_project_from(&self.directory)
    }

    /// The same, searched from `start` upwards.
    ///
    /// # Errors
    /// No manifest, one with an error in it, or one that lacks the chosen environment.
    pub fn located_project_from(&self, start: &Utf8Path) -> Result<Located, Report> {
        let manifest = match &self.global.manifest {
            Some(path) => self.directory.join(path),
            None => beanpole_manifest::find(start).ok_or_else(|| Failure::NoManifest {
                start: start.to_owned(),
            })?,
        };
        let project = Manifest::load(&manifest)?.environment(self.global.env.as_deref())?;
        let directory = manifest
            .parent()
            .map_or_else(|| self.directory.clone(), Utf8Path::to_path_buf);
        Ok(Located {
            project,
            directory,
            manifest,
        })
    }

    /// Asks whether to go on, unless `--yes` was given.
    ///
    /// # Errors
    /// The answer was not yes, or nobody can be asked.
    pub fn confirm(&self, what: &str) -> Result<(), Report> {
        if self.global.yes {
            return Ok(());
        }
        if !self.can_ask {
            return Err(Failure::NeedsYes {
                what: what.to_owned(),
            }
            .into());
        }
        self.terminal.say(&format!("Really {what}? [y/N]"));
        let mut answer = String::new();
        // No answer at all is no yes.
        let _unreadable = std::io::stdin().read_line(&mut answer);
        if matches!(answer.trim(), "y" | "Y" | "yes") {
            Ok(())
        } else {
            Err(Failure::Declined.into())
        }
    }
}

/// A project and where it was found.
#[derive(Clone, Debug)]
pub struct Located {
    /// The manifest, resolved for the chosen environment.
    pub project: Project,
    /// The directory that holds the manifest: the project's root.
    pub directory: Utf8PathBuf,
    /// The manifest's path.
    pub manifest: Utf8PathBuf,
}
