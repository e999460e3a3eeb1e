//! The parts of the release line that several commands share: plan and apply as steps, and the
//! release itself.

use std::sync::Arc;

use beanpole_cloud::Cloud;
use beanpole_deploy::plan::ReleasePlan;
use beanpole_deploy::{
    Candidate, CheckRequest, Ended, KnownVersion, PushedCandidateRequest, ReleaseReport,
    ReleaseRequest, Source, Steps, check, plan_release, push_image, release,
};
use beanpole_image::{DockerLogins, Engine};
use beanpole_manifest::Project;
use beanpole_model::{Pace, Report, Reporter};
use beanpole_provision::{Applied, Plan};
use camino::Utf8PathBuf;

use crate::aws;
use crate::changes;
use crate::context::{Context, Located};
use crate::failure::Failure;
use crate::manner::{Manner, author, cache_directory, state_directory};
use crate::telling::{Teller, Telling};

/// What planning and applying need.
pub(crate) struct Provisioning<'a> {
    pub(crate) project: &'a Project,
    pub(crate) cloud: &'a Cloud,
    pub(crate) pace: Pace,
    pub(crate) steps: &'a Steps,
    pub(crate) context: &'a Context,
}

impl Provisioning<'_> {
    /// Compares what is wanted with what is there, as the step `plan`.
    pub(crate) async fn plan(&self) -> Result<Plan, Report> {
        self.steps
            .run_named("plan", "Plan the infrastructure", async {
                let context = self.context;
                let observed = beanpole_provision::observe(
                    self.cloud,
                    self.project,
                    &context.scrubber,
                    &context.cancel,
                )
                .await?;
                let plan = beanpole_provision::plan(self.project, &observed, &self.cloud.identity);
                plan.check()?;
                let summary = beanpole_provision::summary(&plan);
                Ok::<_, Report>(Ended::done(plan, summary))
            })
            .await
    }

    /// Makes it so, as the step `apply`.
    pub(crate) async fn apply(&self, plan: &Plan) -> Result<Applied, Report> {
        self.steps
            .run_named("apply", "Apply the plan", async {
                let applied = beanpole_provision::apply(
                    self.cloud,
                    self.project,
                    plan,
                    self.pace,
                    self.steps.reporter(),
                    &self.context.scrubber,
                    &self.context.cancel,
                )
                .await?;
                let message = format!("{} resources", applied.resources.len());
                Ok::<_, Report>(if plan.is_empty() {
                    Ended::unchanged(applied, "nothing to change")
                } else {
                    Ended::done(applied, message)
                })
            })
            .await
    }
}

/// What a release needs, whatever is released.
pub(crate) struct Releasing<'a> {
    pub(crate) found: &'a Located,
    pub(crate) cloud: &'a Cloud,
    pub(crate) engine: Option<&'a Engine>,
    pub(crate) pace: Pace,
    pub(crate) context: &'a Context,
    pub(crate) teller: &'a Teller,
    pub(crate) manner: &'a Manner,
    /// Where this machine keeps its copy of the ledger.
    pub(crate) state_directory: Utf8PathBuf,
}

/// What a release, or its plan, came to.
pub(crate) enum Outcome {
    Planned(ReleasePlan),
    Released(Box<ReleaseReport>),
}

impl Releasing<'_> {
    /// Releases a commit that was checked.
    pub(crate) async fn commit(&self, checked: Checked) -> Result<Outcome, Report> {
        let Checked { candidate, steps } = checked;
        let former = self.running_version().await?;
        if self.manner.plan {
            return self.plan(Source::Commit(&candidate), &steps).await;
        }
        let candidate = self.with_image(&candidate, &steps).await?;
        let report = self
            .release(Source::Commit(&candidate), former, &steps)
            .await;
        Ok(Outcome::Released(Box::new(report)))
    }

    /// Releases a version that exists.
    pub(crate) async fn version(
        &self,
        version: &KnownVersion,
        reporter: Arc<dyn Reporter>,
    ) -> Result<Outcome, Report> {
        let steps = Steps::new(reporter);
        if self.manner.plan {
            return self.plan(Source::Version(version), &steps).await;
        }
        let former = self.running_version().await?;
        let report = self.release(Source::Version(version), former, &steps).await;
        Ok(Outcome::Released(Box::new(report)))
    }

    /// What the environment, which must exist, runs before the release.
    pub(crate) async fn running_version(&self) -> Result<Option<String>, Report> {
        let project = &self.found.project;
        let found = self
            .cloud
            .beanstalk
            .environment(&project.application, &project.environment)
            .await?;
        match found {
            Some(environment) => Ok(environment.version_label),
            None => Err(Failure::no_environment(project).into()),
        }
    }

    async fn plan(&self, source: Source<'_>, steps: &Steps) -> Result<Outcome, Report> {
        let plan = self
            .with_request(source, async |request| {
                plan_release(request, steps, &self.context.cancel).await
            })
            .await?;
        Ok(Outcome::Planned(plan))
    }

    /// Brings the image to its registry, if the manifest names one: only then are bundle and version
    /// known.
    async fn with_image(&self, candidate: &Candidate, steps: &Steps) -> Result<Candidate, Report> {
        let request = PushedCandidateRequest {
            candidate,
            engine: self.engine,
            cloud: self.cloud,
            logins: &DockerLogins::from_environment(&self.context.environment),
            scrubber: &self.context.scrubber,
        };
        Ok(push_image(&request, steps, &self.context.cancel).await?)
    }

    /// Releases what was checked, in place of the version `former`.
    pub(crate) async fn release(
        &self,
        source: Source<'_>,
        former: Option<String>,
        steps: &Steps,
    ) -> ReleaseReport {
        self.teller.learn(match source {
            Source::Commit(candidate) => changes::of(candidate, former),
            Source::Version(version) => changes::of_version(version, former),
        });
        let report = self
            .with_request(source, async |request| {
                release(request, steps, &self.context.cancel).await
            })
            .await;
        self.teller.learn(changes::after(&report));
        report
    }

    async fn with_request<T>(
        &self,
        source: Source<'_>,
        work: impl AsyncFnOnce(&ReleaseRequest<'_>) -> T,
    ) -> T {
        let cache_directory = cache_directory(self.context);
        let author = author(self.context, self.manner.reason.as_deref());
        let request = ReleaseRequest {
            project: &self.found.project,
            source,
            cloud: self.cloud,
            engine: self.engine,
            cache_directory: &cache_directory,
            state_directory: &self.state_directory,
            author: &author,
            wait_for_lock: self.manner.wait,
            configure: true,
            unsafe_migrations: self.manner.allow_unsafe_migrations.as_deref(),
            pace: self.pace,
            scrubber: &self.context.scrubber,
        };
        Box::pin(work(&request)).await
    }
}

/// A checked commit, with the steps that this took.
pub(crate) struct Checked {
    candidate: Candidate,
    steps: Steps,
}

impl Checked {
    /// Checks the commit that is checked out.
    pub(crate) async fn of(
        found: &Located,
        allow_dirty: bool,
        reporter: Arc<dyn Reporter>,
    ) -> Result<Self, Report> {
        let steps = Steps::new(reporter);
        let candidate = check(check_request(found, allow_dirty), &steps).await?;
        Ok(Self { candidate, steps })
    }
}

/// The frame of every command that releases: connects, does the work, and tells everybody how it ended.
/// `prepare` runs beside the connecting. The work gets what a release needs, without an engine, what was
/// prepared, and the listener.
pub(crate) async fn told<T>(
    context: &Context,
    found: &Located,
    manner: &Manner,
    prepare: impl AsyncFnOnce(Arc<dyn Reporter>) -> Result<T, Report>,
    work: impl AsyncFnOnce(Releasing<'_>, T, Arc<dyn Reporter>) -> Result<Outcome, Report>,
) -> Result<Outcome, Report> {
    let telling = Telling::of(context, &found.project, manner);
    let reporter = telling.reporter();
    let outcome = async {
        let (cloud, prepared) = tokio::join!(
            aws::connect(context, &manner.aws, &found.project, &*reporter),
            prepare(Arc::clone(&reporter))
        );
        let (cloud, prepared) = (cloud?, prepared?);
        let releasing = Releasing {
            found,
            cloud: &cloud,
            engine: None,
            pace: aws::pace(&manner.aws),
            context,
            teller: telling.teller(),
            manner,
            state_directory: state_directory(context),
        };
        work(releasing, prepared, Arc::clone(&reporter)).await
    }
    .await;
    // Nobody else speaks for the announcement any more.
    drop(reporter);
    match &outcome {
        Ok(Outcome::Planned(_)) => {}
        Ok(Outcome::Released(report)) => telling.finish(Ok(report)).await,
        Err(report) => telling.finish(Err(report)).await,
    }
    outcome
}

/// What the check of the commit looks at.
pub(crate) fn check_request(found: &Located, allow_dirty: bool) -> CheckRequest {
    CheckRequest {
        project: found.project.clone(),
        directory: found.directory.clone(),
        manifest: found.manifest.clone(),
        allow_dirty,
    }
}
