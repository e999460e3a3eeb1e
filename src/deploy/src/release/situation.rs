//! What is seen before a release, for its plan.
//!
//! Rules: looking changes nothing. What was seen under the lock decides; what `deploy --plan` sees
//! without it may have changed a moment later, and the release looks again.

use beanpole_cloud::Tier;
use beanpole_manifest::Strategy;
use beanpole_provision::pair;

use super::{Place, Source, Story};
use crate::error::Error;
use crate::ledger::Record;
use crate::observation::{EnvironmentState, Sight};
use crate::plan::{BlueGreen, ImageWork, ReleasePlan, Situation, Standing, Work};
use crate::proof::{Expectation, Judgement, judge};
use crate::scene::Scene;

impl Place {
    /// Finds out where the release happens.
    pub(super) async fn find(home: Scene<'_>) -> Result<Self, Error> {
        if home.project.deployment.strategy == Strategy::InPlace {
            let sight = home
                .patiently("reading the environment", || home.sight())
                .await?;
            let environment = sight.environment.as_ref();
            home.refuse_cluster_mode(environment.is_some_and(|it| it.is_cluster))?;
            return Ok(Self {
                live: home.project.clone(),
                target: home.project.clone(),
                colours: None,
                sight: Some(sight),
            });
        }
        let colours = home.live_environment().await?;
        let tier = colours.blue.tier.as_ref();
        home.refuse_cluster_mode(tier.is_some_and(Tier::is_cluster))?;
        Ok(Self {
            live: pair::project_of(home.project, &colours.live),
            target: pair::project_of(home.project, &colours.idle),
            colours: Some(colours),
            sight: None,
        })
    }
}

impl Story<'_> {
    /// The plan of the release itself: under the lock.
    pub(super) async fn plan(&mut self, sight: &Sight) -> Result<ReleasePlan, Error> {
        let unfinished = self.resumed.clone();
        self.situation(sight, unfinished.as_ref(), None)
            .await
            .map(|situation| ReleasePlan::of(&situation))
    }

    /// The plan for people: looks at lock and ledger too, and takes neither.
    pub(super) async fn plan_only(&mut self) -> Result<ReleasePlan, Error> {
        let sight = self.first_look().await?;
        let bucket = self.home.cloud.identity.beanstalk_bucket();
        let exists = self
            .home
            .patiently("looking for the bucket", || {
                self.home.cloud.storage.bucket_exists(&bucket)
            })
            .await?;
        let (mut locked_by, mut unfinished) = (None, None);
        if exists {
            let lock = self.environment_lock(bucket.clone()).show().await?;
            locked_by = lock
                .filter(|sight| !sight.standing.is_free())
                .map(|sight| sight.holder());
            let newest = self.ledger(bucket).latest().await?;
            unfinished = newest.filter(Record::is_unfinished);
        }
        let situation = self
            .situation(&sight, unfinished.as_ref(), locked_by)
            .await?;
        Ok(ReleasePlan::of(&situation))
    }

    /// True if the version runs on every instance, all is well, and nothing was left undone.
    pub(super) async fn is_released(&mut self) -> Result<bool, Error> {
        let sight = self.first_look().await?;
        if !self.is_proven(&sight) {
            return Ok(false);
        }
        self.change = self.settings_change(None).await?;
        if !self.change.is_empty() {
            return Ok(false);
        }
        let newest = self.ledger(self.bucket().await?).latest().await?;
        Ok(!newest.is_some_and(|record| record.is_unfinished()))
    }

    /// The environment as it was when its place was found out, which must exist.
    async fn first_look(&mut self) -> Result<Sight, Error> {
        match self.first_sight.take() {
            Some(sight) => self.seen(sight),
            None => self.look().await,
        }
    }

    /// The environment as it is, which must exist.
    pub(super) async fn look(&mut self) -> Result<Sight, Error> {
        let scene = self.scene;
        let sight = scene
            .patiently("reading the environment", || scene.sight())
            .await?;
        self.seen(sight)
    }

    /// Learns from a look.
    pub(super) fn seen(&mut self, sight: Sight) -> Result<Sight, Error> {
        let scene = self.scene;
        scene.expect_environment(&sight)?;
        if let Some(environment) = &sight.environment {
            if self.touched.is_none() {
                self.former.clone_from(&environment.version);
            }
            self.address.clone_from(&environment.address);
        }
        self.url = scene.health_url(&sight);
        Ok(sight)
    }

    pub(super) fn is_proven(&self, sight: &Sight) -> bool {
        let expectation = self.expectation(None);
        matches!(judge(&expectation, sight), Judgement::Proven { .. })
    }

    pub(super) fn expectation(&self, after_deployment: Option<i64>) -> Expectation {
        Expectation {
            version: self.request.source.label().to_string(),
            minimum_instances: self.home.project.instances.min,
            after_deployment,
            healthy: true,
        }
    }

    async fn situation(
        &mut self,
        sight: &Sight,
        unfinished: Option<&Record>,
        locked_by: Option<String>,
    ) -> Result<Situation, Error> {
        let project = self.home.project;
        let label = self.request.source.label().to_string();
        let environment = sight.environment.as_ref();
        let named = environment.and_then(|environment| environment.version.clone());
        let is_busy = environment
            .is_some_and(|environment| matches!(environment.state, EnvironmentState::Busy(_)));
        let is_ours = unfinished.is_some_and(|record| record.version == label && record.touched);
        self.standing = match (named.as_deref() == Some(label.as_str()), is_busy, is_ours) {
            (true, true, true) => Standing::OnItsWay,
            (true, false, true) => Standing::Applied,
            (true, false, false) if self.is_proven(sight) => Standing::Proven,
            (true, _, _) => Standing::Named,
            (false, _, _) => Standing::Elsewhere,
        };
        let (change, exists, reviewed) = tokio::try_join!(
            self.settings_change(self.former.as_deref()),
            self.what_exists(),
            self.migrations_between(),
        )?;
        self.change = change;
        let (is_uploaded, version_exists) = exists;
        self.migrations = reviewed;
        Ok(Situation {
            work: match self.request.source {
                Source::Commit(_) => Work::Commit,
                Source::Version(_) => Work::Version,
            },
            application: project.application.to_string(),
            environment: project.environment.to_string(),
            former: self.former.clone(),
            standing: self.standing,
            is_busy,
            instances: u32::try_from(sight.instances.as_ref().map_or(0, Vec::len))
                .unwrap_or(u32::MAX),
            image: match self.request.engine {
                Some(_) => ImageWork::BuiltHere,
                None => ImageWork::BuiltByInstances,
            },
            is_uploaded,
            version_exists,
            settings: self
                .change
                .before
                .iter()
                .map(|setting| setting.name.clone())
                .collect(),
            removals: self
                .change
                .removed
                .iter()
                .map(|name| name.name.clone())
                .collect(),
            migrations: self
                .migrations
                .as_ref()
                .map(|reviewed| reviewed.seen.clone()),
            release_commands: match self.request.source {
                Source::Commit(_) => project.release.clone(),
                Source::Version(_) => Vec::new(),
            },
            deployment: project.deployment.clone(),
            blue_green: self.colours.map(|colours| BlueGreen {
                live: colours.live.to_string(),
                idle: colours.idle.to_string(),
                creates: !colours.has_idle(),
            }),
            probe: self.url.as_ref().map(ToString::to_string),
            successes: project.health.successes,
            soak: project.health.soak,
            locked_by,
            unfinished: unfinished.map(|record| record.id.to_string()),
            is_provisional: match self.request.source {
                Source::Commit(candidate) => !candidate.is_final(),
                Source::Version(_) => false,
            },
            version: label,
        })
    }

    /// Whether bundle and version exist. Asks without creating anything.
    async fn what_exists(&self) -> Result<(bool, bool), Error> {
        let scene = self.home;
        let label = self.request.source.label();
        let Source::Commit(candidate) = self.request.source else {
            return Ok((false, scene.version_exists(label).await?));
        };
        let digest = candidate.layout.digest();
        let place = crate::upload::BundlePlace {
            bucket: scene.cloud.identity.beanstalk_bucket(),
            key: crate::label::bundle_key(&scene.project.application, digest),
        };
        let (is_uploaded, version_exists) = tokio::join!(
            scene.is_uploaded(&place, digest),
            scene.version_exists(label)
        );
        Ok((is_uploaded?, version_exists?))
    }
}
