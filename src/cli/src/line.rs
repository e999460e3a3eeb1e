//! The parts of the release line that several commands share: plan and apply as steps, and the
//! release itself.

use std::sync::Arc;

use beanpole_cloud::Cloud;
use beanpole_deploy::{CheckRequest, Ended, ReleaseReport, ReleaseRequest, Steps, check, release};
use beanpole_image::Engine;
use beanpole_manifest::Project;
use beanpole_model::{Pace, Report, Reporter};
use beanpole_provision::{Applied, Plan};
use camino::Utf8PathBuf;

use crate::context::{Context, Located};
use crate::failure::Failure;

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

/// What a release of the current commit needs.
pub(crate) struct Releasing<'a> {
    pub(crate) found: &'a Located,
    pub(crate) allow_dirty: bool,
    pub(crate) cloud: &'a Cloud,
    pub(crate) engine: Option<&'a Engine>,
    pub(crate) pace: Pace,
    pub(crate) context: &'a Context,
}

impl Releasing<'_> {
    /// Checks the commit, makes sure that the environment exists, and releases.
    pub(crate) async fn run(&self, reporter: Arc<dyn Reporter>) -> Result<ReleaseReport, Report> {
        let project = &self.found.project;
        let steps = Steps::new(reporter);
        let candidate = check(check_request(self.found, self.allow_dirty), &steps).await?;
        let beanstalk = &self.cloud.beanstalk;
        if beanstalk
            .environment(&project.application, &project.environment)
            .await?
            .is_none()
        {
            return Err(Failure::no_environment(project).into());
        }
        Ok(self.release(&candidate, &steps).await)
    }

    /// Releases a commit that was checked.
    pub(crate) async fn release(
        &self,
        candidate: &beanpole_deploy::Candidate,
        steps: &Steps,
    ) -> ReleaseReport {
        let cache_directory = cache_directory(self.context);
        let request = ReleaseRequest {
            candidate,
            cloud: self.cloud,
            engine: self.engine,
            cache_directory: &cache_directory,
            pace: self.pace,
            scrubber: &self.context.scrubber,
        };
        release(&request, steps, &self.context.cancel).await
    }
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

/// Where bundles are packed: the user's cache (XDG Base Directory Specification), or the directory
/// for temporary files if there is no home.
fn cache_directory(context: &Context) -> Utf8PathBuf {
    let environment = &context.environment;
    let base = environment
        .get("XDG_CACHE_HOME")
        .map(Utf8PathBuf::from)
        .or_else(|| {
            environment
                .get("HOME")
                .map(|home| Utf8PathBuf::from(home).join(".cache"))
        })
        .or_else(|| Utf8PathBuf::from_path_buf(std::env::temp_dir()).ok())
        .unwrap_or_else(|| Utf8PathBuf::from(".cache"));
    base.join("beanpole")
}
