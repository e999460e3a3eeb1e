//! A release's part in the environment's settings: what to change, and how it was before.
//!
//! Rules: a release changes the application's own settings, which are its variables and references to
//! secrets; the rest is infrastructure and `apply`'s. New and changed settings go before the version, removals after its proof, each in an update
//! of its own. Only what the manifest of the running release declared is ever removed. The former
//! values are written into the ledger before anything is sent; those that may be secret are not, and
//! a later run that has to go back names them.

use std::collections::BTreeSet;

use beanpole_cloud::{OptionName, OptionSetting};
use beanpole_manifest::Manifest;
use beanpole_provision::{ConfigurationChange, OptionChange, configuration_change, declared_names};

use super::{Source, Story};
use crate::error::Error;
use crate::label::commit_of_label;
use crate::ledger::{Former, FormerSetting};

impl Story<'_> {
    /// What has to change so that the environment is configured as the manifest says.
    pub(super) async fn settings_change(
        &self,
        former: Option<&str>,
    ) -> Result<ConfigurationChange, Error> {
        if !self.request.configure {
            return Ok(ConfigurationChange::default());
        }
        let project = self.home.project;
        let references = beanpole_provision::secret_references(self.home.cloud, project)
            .await
            .map_err(Error::Provision)?;
        let in_force = self.scene.settings_in_force().await?;
        let formerly = self.formerly_declared(former).await?;
        match configuration_change(project, &references, &in_force, &formerly) {
            Ok(change) => Ok(change.of_application()),
            Err(error) => {
                // An environment that `apply` has not made, or not yet: the version can be released
                // all the same, and whether it works is proven.
                self.home.steps.reporter().warn(format!(
                    "The settings of `{}` are left as they are: {error}. `beanpole plan` shows more.",
                    self.scene.project.environment
                ));
                Ok(ConfigurationChange::default())
            }
        }
    }

    /// The settings that the manifest of the running version declared; none if that is not known.
    async fn formerly_declared(&self, former: Option<&str>) -> Result<BTreeSet<OptionName>, Error> {
        let Source::Commit(candidate) = self.request.source else {
            return Ok(BTreeSet::new());
        };
        let Some(commit) = former.and_then(commit_of_label).map(str::to_owned) else {
            return Ok(BTreeSet::new());
        };
        let repository = candidate.repository.clone();
        let manifest = candidate.manifest.clone();
        let directory = candidate.directory.clone();
        let key = self.home.project.environment_key.clone();
        let read = move || -> Result<Option<BTreeSet<OptionName>>, Error> {
            let Some(commit) = repository.resolve(&commit).map_err(Error::Git)? else {
                return Ok(None);
            };
            let path = directory.join(&manifest);
            let Some(bytes) = repository.file_at(&commit, &path).map_err(Error::Git)? else {
                return Ok(None);
            };
            let text = String::from_utf8_lossy(&bytes);
            // An old manifest that this program cannot read any more declares nothing.
            let project = Manifest::parse(&manifest, &text)
                .and_then(|manifest| manifest.environment(Some(&key)));
            Ok(project.ok().as_ref().map(declared_names))
        };
        let found = tokio::task::spawn_blocking(read)
            .await
            .map_err(|source| Error::Worker {
                doing: "reading the former manifest",
                source,
            })??;
        Ok(found.unwrap_or_default())
    }
}

/// Former settings for the ledger. Values that may be secret are withheld.
pub(super) fn former_settings(restore: &OptionChange) -> Vec<FormerSetting> {
    let (plain, withheld) = restore.without_secrets();
    let setting = |namespace: &str, name: &str, value: Option<&str>, withheld| FormerSetting {
        namespace: namespace.to_owned(),
        resource: None,
        name: name.to_owned(),
        value: value.map(str::to_owned),
        withheld,
    };
    let kept = plain
        .settings
        .iter()
        .map(|own| setting(&own.namespace, &own.name, Some(&own.value), false));
    let removed = plain
        .remove
        .iter()
        .map(|own| setting(&own.namespace, &own.name, None, false));
    let hidden = withheld
        .iter()
        .map(|own| setting(&own.namespace, &own.name, None, true));
    kept.chain(removed).chain(hidden).collect()
}

/// The way back that a record knows; none if it changed no settings.
pub(super) fn former_options(former: &Former) -> Option<OptionChange> {
    let mut options = OptionChange::default();
    for own in former.settings.iter().filter(|own| !own.withheld) {
        match &own.value {
            Some(value) => {
                let setting = OptionSetting::new(&own.namespace, &own.name, value);
                options.settings.push(setting);
            }
            None => options
                .remove
                .push(OptionName::new(&own.namespace, &own.name)),
        }
    }
    (!options.is_empty()).then_some(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_survives_the_ledger_without_its_secrets() {
        let variables = "aws:elasticbeanstalk:application:environment";
        let restore = OptionChange {
            settings: vec![
                OptionSetting::new("aws:autoscaling:asg", "MinSize", "2"),
                OptionSetting::new(variables, "API_SECRET_KEY", "f3b8c1d2e4a59687"),
            ],
            remove: vec![OptionName::new(variables, "FLAG")],
        };
        let former = Former {
            settings: former_settings(&restore),
            ..Former::default()
        };
        assert!(!format!("{former:?}").contains("f3b8c1d2e4a59687"));
        let back = former_options(&former).unwrap();
        assert_eq!(
            back.settings,
            [OptionSetting::new("aws:autoscaling:asg", "MinSize", "2")]
        );
        assert_eq!(back.remove, restore.remove);
        assert_eq!(former_options(&Former::default()), None);
    }
}
