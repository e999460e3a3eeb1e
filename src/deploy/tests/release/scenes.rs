//! Steps of the strategies, one at a time, against the embedded AWS: what a release calls in turn.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use beanpole_cloud::{EnvironmentDescription, OptionSetting};
use beanpole_deploy::{
    Candidate, Colours, Ended, Error, ReleaseReport, Scene, Source, StepId, Steps, release,
};
use beanpole_manifest::Project;
use beanpole_model::{EnvironmentName, StepOutcome};
use beanpole_provision::{ConfigurationChange, configuration_change, declared_names, pair};
use tokio_util::sync::CancellationToken;

use crate::support::World;

/// What a step came to: its outcome and its message.
pub(crate) type Came = Result<(StepOutcome, String), Error>;

impl World {
    /// Takes one step on an environment of the project, and gives its value.
    pub(crate) async fn step<T>(
        &self,
        project: &Project,
        cancel: &CancellationToken,
        work: impl AsyncFnOnce(Scene<'_>) -> Result<Ended<T>, Error>,
    ) -> Result<(T, StepOutcome, String), Error> {
        let steps = Steps::new(self.heard.clone());
        let scene = Scene {
            cloud: &self.cloud,
            project,
            pace: self.pace(),
            steps: &steps,
            cancel,
            scrubber: &self.scrubber,
        };
        let value = steps.run(StepId::Update, Box::pin(work(scene))).await?;
        let report = steps.reports().pop().unwrap();
        Ok((value, report.outcome, report.message))
    }

    async fn plain(&self, work: impl AsyncFnOnce(Scene<'_>) -> Result<Ended<()>, Error>) -> Came {
        let cancel = CancellationToken::new();
        let ((), outcome, message) = self.step(&self.project, &cancel, work).await?;
        Ok((outcome, message))
    }

    /// The change from what is in force to what `wanted` says, when `former` is what runs.
    pub(crate) async fn change(&self, wanted: &Project, former: &Project) -> ConfigurationChange {
        let names = declared_names(former);
        let in_force = self.in_force(&wanted.environment).await;
        configuration_change(wanted, &BTreeMap::new(), &in_force, &names).unwrap()
    }

    /// The settings in force.
    pub(crate) async fn in_force(&self, name: &EnvironmentName) -> Vec<OptionSetting> {
        let application = &self.project.application;
        let sets = self.cloud.beanstalk.settings(application, name).await;
        let deployed = sets
            .unwrap()
            .into_iter()
            .find(|set| set.state == Some(beanpole_cloud::SettingsState::Deployed));
        deployed.unwrap().settings
    }

    /// The variables in force.
    pub(crate) async fn variables(&self, name: &EnvironmentName) -> BTreeMap<String, String> {
        let settings = self.in_force(name).await.into_iter();
        settings
            .filter(|own| own.namespace == "aws:elasticbeanstalk:application:environment")
            .map(|own| (own.name, own.value))
            .collect()
    }

    pub(crate) async fn configure(&self, change: &ConfigurationChange) -> Came {
        let step = StepId::Update;
        self.plain(async |scene| scene.configure(change, step).await)
            .await
    }

    pub(crate) async fn finish_removals(&self, change: &ConfigurationChange) -> Came {
        let step = StepId::Update;
        self.plain(async |scene| scene.finish_removals(change, step).await)
            .await
    }

    pub(crate) async fn restore(&self, change: &ConfigurationChange) -> Came {
        let step = StepId::RollBack;
        let former = &change.restore;
        self.plain(async |scene| scene.restore_configuration(former, step).await)
            .await
    }

    /// The pair as it stands.
    pub(crate) async fn colours(&self) -> Colours {
        let cancel = CancellationToken::new();
        let (colours, ..) = self
            .step(&self.project, &cancel, async |scene| {
                Ok(Ended::done(scene.live_environment().await?, ""))
            })
            .await
            .unwrap();
        colours
    }

    /// Prepares the second environment; gives its project, and whether it was created.
    pub(crate) async fn prepare(&self) -> (Project, bool) {
        let colours = self.colours().await;
        let cancel = CancellationToken::new();
        let (green, ..) = self
            .step(&self.project, &cancel, async |scene| {
                scene.prepare_green(&colours, StepId::Update).await
            })
            .await
            .unwrap();
        (
            pair::project_of(&self.project, &green.environment),
            green.created,
        )
    }

    pub(crate) async fn swap_to(&self, target: &EnvironmentName) -> Came {
        self.plain(async |scene| scene.swap_to(target, StepId::Update).await)
            .await
    }

    pub(crate) async fn retire(&self, old: &EnvironmentName) -> Came {
        self.plain(async |scene| scene.retire(old, StepId::Update).await)
            .await
    }

    pub(crate) async fn terminate_idle(&self, old: &EnvironmentName) -> Came {
        self.plain(async |scene| scene.terminate_idle(old, StepId::Update).await)
            .await
    }

    /// The ordinary release onto another environment of the pair.
    pub(crate) async fn release_on(&self, project: &Project) -> ReleaseReport {
        let candidate = Candidate {
            project: project.clone(),
            ..self.candidate().await
        };
        let request = self.request(Source::Commit(&candidate));
        let steps = Steps::new(self.heard.clone());
        release(&request, &steps, &CancellationToken::new()).await
    }

    /// Every environment of the application, by name.
    pub(crate) async fn environments(&self) -> BTreeMap<String, EnvironmentDescription> {
        let application = &self.project.application;
        let found = self.cloud.beanstalk.environments(Some(application), None);
        let found = found.await.unwrap().into_iter();
        found.map(|found| (found.name.clone(), found)).collect()
    }

    /// The versions that run on an environment's instances.
    pub(crate) async fn versions_on(&self, name: &EnvironmentName) -> BTreeSet<String> {
        let instances = self.cloud.beanstalk.instances(name).await.unwrap();
        instances
            .into_iter()
            .filter_map(|instance| instance.deployment?.version_label)
            .collect()
    }

    /// Waits until so many requests were sent to AWS since `since`.
    pub(crate) async fn after_requests(&self, since: u64, count: u64) {
        while self.cloud.requests() < since + count {
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
    }
}
