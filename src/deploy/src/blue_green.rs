//! Blue/green: a second environment is prepared, released and proven, and takes over the public name.
//!
//! How it goes: [`Scene::live_environment`] tells which of the pair is live; [`Scene::prepare_green`]
//! sees to it that the other one exists, is configured as the live one, and reaches what the live one
//! reaches; the ordinary release runs on it ([`Scene::on`]); [`Scene::swap_to`] gives it the public
//! name, and the same call with the former name is the way back; [`Scene::retire`] ends the old one.
//!
//! Rules: which one is live is read from the public names, never remembered. Every step looks first
//! and does what is left, so that a run that was killed anywhere is finished by the next one, and an
//! environment that is there is reused and never orphaned. All functions here want a scene of the
//! manifest's own environment.

mod prepare;
mod retire;
mod swap;

use beanpole_cloud::{Cloud, EnvironmentDescription, EnvironmentStatus};
use beanpole_manifest::{Project, Strategy};
use beanpole_model::{AccountId, EnvironmentName};
use beanpole_provision::pair::{self, Live, Pair};

use crate::error::Error;
use crate::scene::Scene;

pub use prepare::Green;

/// The pair as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Colours {
    /// The environment that holds the production name.
    pub live: EnvironmentName,
    /// The other one, whether it exists or not.
    pub idle: EnvironmentName,
    /// What AWS says of the live one.
    pub(crate) blue: EnvironmentDescription,
    /// What AWS says of the other one; none if there is none.
    pub(crate) green: Option<EnvironmentDescription>,
}

impl Colours {
    /// True if the other environment exists, in whatever state.
    #[must_use]
    pub fn has_idle(&self) -> bool {
        self.green.is_some()
    }
}

impl<'a> Scene<'a> {
    /// The same scene for another environment: give it the project with that environment's name
    /// ([`beanpole_provision::pair::project_of`]).
    #[must_use]
    pub fn on<'b>(&self, project: &'b beanpole_manifest::Project) -> Scene<'b>
    where
        'a: 'b,
    {
        Scene {
            cloud: self.cloud,
            project,
            pace: self.pace,
            steps: self.steps,
            cancel: self.cancel,
            scrubber: self.scrubber,
        }
    }
}

impl Scene<'_> {
    /// Which environment of the pair is live.
    ///
    /// # Errors
    /// [`Error::NoEnvironment`] when neither exists; [`Error::NoLiveEnvironment`] when their public
    /// names do not tell; [`Error::Cloud`], [`Error::Interrupted`].
    pub async fn live_environment(&self) -> Result<Colours, Error> {
        let application = &self.project.application;
        let found = self
            .patiently("reading the environments", || {
                self.cloud.beanstalk.environments(Some(application), None)
            })
            .await?;
        colours(self.project, &self.cloud.identity.account, &found)
    }
}

/// The project with the environment that serves: of a blue/green pair the live one, else the manifest's own.
/// Asks AWS about a pair only.
///
/// # Errors
/// [`Error::NoEnvironment`] when neither of a pair exists; [`Error::NoLiveEnvironment`] when their public
/// names do not tell; [`Error::Cloud`].
pub async fn live_project(cloud: &Cloud, project: &Project) -> Result<Project, Error> {
    if project.deployment.strategy == Strategy::InPlace {
        return Ok(project.clone());
    }
    let found = environments(cloud, project).await?;
    let colours = colours(project, &cloud.identity.account, &found)?;
    Ok(pair::project_of(project, &colours.live))
}

/// The project with the environment that AWS is changing: of a blue/green pair the one whose change can be taken back,
/// else the one that is not Ready, else the live one; without a pair the manifest's own. Asks AWS about a pair only.
///
/// # Errors
/// Those of [`live_project`]; which one is live matters only when neither is being changed.
pub async fn changing_project(cloud: &Cloud, project: &Project) -> Result<Project, Error> {
    if project.deployment.strategy == Strategy::InPlace {
        return Ok(project.clone());
    }
    let found = environments(cloud, project).await?;
    let pair = Pair::of(&project.environment);
    let of_pair = |wanted: fn(&EnvironmentDescription) -> bool| {
        [&pair.first, &pair.second].into_iter().find(|name| {
            found
                .iter()
                .any(|found| found.name == name.as_str() && wanted(found))
        })
    };
    let changing = of_pair(|found| found.abortable)
        .or_else(|| of_pair(|found| found.status != EnvironmentStatus::Ready));
    if let Some(name) = changing {
        return Ok(pair::project_of(project, name));
    }
    let colours = colours(project, &cloud.identity.account, &found)?;
    Ok(pair::project_of(project, &colours.live))
}

async fn environments(
    cloud: &Cloud,
    project: &Project,
) -> Result<Vec<EnvironmentDescription>, Error> {
    let asked = cloud
        .beanstalk
        .environments(Some(&project.application), None);
    asked.await.map_err(|source| Error::Cloud {
        doing: "reading the environments",
        source,
    })
}

fn colours(
    project: &Project,
    account: &AccountId,
    found: &[EnvironmentDescription],
) -> Result<Colours, Error> {
    let missing = || Error::NoEnvironment {
        application: project.application.to_string(),
        environment: project.environment.to_string(),
    };
    let live = match pair::live(project, account, found) {
        Live::Is(live) => live,
        Live::Neither => return Err(missing()),
        Live::Unclear(names) => {
            return Err(Error::NoLiveEnvironment {
                name: pair::production_label(project).to_owned(),
                names,
            });
        }
    };
    let idle = Pair::of(&project.environment).other(&live).clone();
    let named = |name: &EnvironmentName| {
        let found = found.iter().find(|found| found.name == name.as_str());
        found.cloned()
    };
    let green = named(&idle);
    let blue = named(&live).ok_or_else(missing)?;
    Ok(Colours {
        live,
        idle,
        blue,
        green,
    })
}
