//! The release as it is rehearsed, in order: check, plan, apply, release.

use std::sync::Arc;
use std::time::{Duration, Instant};

use beanpole_alert::Destination;
use beanpole_cloud::Cloud;
use beanpole_deploy::{Source, Steps, check};
use beanpole_model::{Report, Reporter, Secret};
use beanpole_rehearsal::Rehearsal;
use camino::Utf8PathBuf;

use super::Rehearse;
use super::account::{self, Planted};
use super::report::Rehearsed;
use crate::announce::{self, Announcing};
use crate::aws;
use crate::context::{Context, Located};
use crate::engine::ChosenEngine;
use crate::failure::Failure;
use crate::line::{Provisioning, Releasing, check_request};
use crate::manner::Manner;
use crate::telling::{Teller, Telling};

/// Opens Slack's stand-in and nothing else.
pub(super) const SLACK_TOKEN: &str = "xoxb-rehearsal";

/// Slack allows about one change a second; the stand-in takes them faster, so that a rehearsal of a
/// few seconds still shows its message changing.
const DEBOUNCE: Duration = Duration::from_millis(500);

/// A rehearsal with everything in place.
pub(super) struct Stage<'a> {
    pub(super) context: &'a Context,
    pub(super) arguments: &'a Rehearse,
    pub(super) found: &'a Located,
    pub(super) engine: &'a ChosenEngine,
    pub(super) aws: &'a Rehearsal,
}

impl Stage<'_> {
    /// Performs the release and announces it.
    pub(super) async fn perform(&self, planted: &Planted) -> Result<Rehearsed, Report> {
        let started = Instant::now();
        let terminal = Arc::clone(&self.context.terminal) as Arc<dyn Reporter>;
        let announcing = self.announce(&terminal);
        let telling = Telling::rehearsed(announcing, &self.found.project, self.context);
        let steps = Steps::new(telling.reporter());
        let mut created = Vec::new();
        let outcome = self
            .release(&steps, planted, telling.teller(), &mut created)
            .await;
        let taken = steps.reports();
        telling.finish(outcome.as_ref()).await;
        let release = outcome?;
        Ok(Rehearsed::new(
            self.engine,
            self.aws,
            release,
            created,
            taken,
            started.elapsed(),
        ))
    }

    async fn release(
        &self,
        steps: &Steps,
        planted: &Planted,
        teller: &Teller,
        created: &mut Vec<String>,
    ) -> Result<beanpole_deploy::ReleaseReport, Report> {
        let project = &self.found.project;
        let request = check_request(self.found, self.arguments.allow_dirty);
        let candidate = check(request, steps).await?;
        let cloud = self.connect(steps).await?;
        account::seed(self.context, &cloud, project, planted).await?;
        let provisioning = Provisioning {
            project,
            cloud: &cloud,
            pace: self.aws.pace(),
            steps,
            context: self.context,
        };
        let plan = provisioning.plan().await?;
        let applied = provisioning.apply(&plan).await?;
        created.extend(applied.resources.iter().map(crate::commands::apply::line));
        // The rehearsal's account ends with it, and so does what is remembered of its releases.
        let state = tempfile::tempdir().map_err(Failure::Temporary)?;
        let releasing = Releasing {
            found: self.found,
            cloud: &cloud,
            engine: self.engine.docker(),
            pace: self.aws.pace(),
            context: self.context,
            teller,
            manner: &Manner::default(),
            state_directory: Utf8PathBuf::from_path_buf(state.path().to_owned())
                .map_err(|path| Failure::OddPath { path })?,
        };
        let former = releasing.running_version().await?;
        Ok(releasing
            .release(Source::Commit(&candidate), former, steps)
            .await)
    }

    async fn connect(&self, steps: &Steps) -> Result<Cloud, Report> {
        let (id, key) = self.aws.credentials();
        let settings = beanpole_cloud::Settings {
            region: Some(self.found.project.region.clone()),
            endpoint_url: Some(self.aws.endpoint_url()),
            static_credentials: Some((id, key, None)),
            pace: self.aws.pace(),
            ..beanpole_cloud::Settings::default()
        };
        aws::open(&settings, &self.found.project, steps.reporter()).await
    }

    /// Announces to Slack's stand-in, never to Slack itself.
    fn announce(&self, terminal: &Arc<dyn Reporter>) -> Announcing {
        let project = &self.found.project;
        let destination = project.alerts.slack.as_ref().map(|slack| {
            let channel = slack
                .channel
                .clone()
                .unwrap_or_else(|| "#releases".to_owned());
            Destination::bot(
                Secret::new(SLACK_TOKEN),
                channel,
                Some(&self.aws.slack_api_url()),
            )
        });
        let mut announcement = announce::opening(project);
        announcement.note = Some(self.engine.words());
        Announcing::start_with(
            destination.transpose(),
            announcement,
            Some(DEBOUNCE),
            &self.context.scrubber,
            &**terminal,
        )
    }
}
