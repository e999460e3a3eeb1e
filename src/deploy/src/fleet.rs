//! Which versions the instances run, and whether they all agree. Pure.
//!
//! Rules: an environment is consistent when it is Ready, has at least one instance, and every instance
//! has the same version deployed. Beanstalk never repairs a mixed fleet by itself, so a mixed one is
//! called by its name wherever it is seen.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::observation::{DeploymentStatus, EnvironmentState, InstanceSight, Sight};

/// How an environment's instances stand to each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Fleet {
    /// Ready, and every instance runs this version.
    Consistent {
        /// The version.
        version: String,
        /// How many instances run it.
        instances: usize,
    },
    /// Instances run different versions, or a deployment failed on some.
    Mixed {
        /// How many instances run each version.
        versions: BTreeMap<String, usize>,
        /// The instances on which the last deployment failed.
        failed: Vec<String>,
    },
    /// Not at rest: the environment is busy, or an instance is being deployed or has not reported.
    Moving {
        /// What goes on.
        what: String,
    },
    /// There is nothing to compare.
    Unknown {
        /// Why not.
        why: String,
    },
}

impl Fleet {
    /// Judges what was seen.
    #[must_use]
    pub fn of(sight: &Sight) -> Self {
        let unknown = |why: &str| Self::Unknown {
            why: why.to_owned(),
        };
        let Some(environment) = &sight.environment else {
            return unknown("the environment does not exist");
        };
        match &environment.state {
            EnvironmentState::Busy(state) | EnvironmentState::Ending(state) => {
                return Self::Moving {
                    what: format!("the environment is {state}"),
                };
            }
            EnvironmentState::Ready => {}
        }
        match sight.instances.as_deref() {
            None => unknown("enhanced health is off, so instances cannot be asked"),
            Some([]) => unknown("there is no instance"),
            Some(instances) => Self::of_instances(instances),
        }
    }

    /// The same for instances alone, as if the environment were Ready.
    #[must_use]
    pub fn of_instances(instances: &[InstanceSight]) -> Self {
        let mut versions: BTreeMap<String, usize> = BTreeMap::new();
        let (mut failed, mut moving) = (Vec::new(), None);
        for instance in instances {
            let Some(deployment) = &instance.deployment else {
                moving.get_or_insert_with(|| format!("{} has not reported yet", instance.id));
                continue;
            };
            match deployment.status {
                DeploymentStatus::Deployed => {}
                DeploymentStatus::Failed => failed.push(instance.id.clone()),
                DeploymentStatus::InProgress | DeploymentStatus::Unknown => {
                    moving.get_or_insert_with(|| format!("{} is being deployed", instance.id));
                }
            }
            let version = deployment.version.as_deref().unwrap_or("no version");
            *versions.entry(version.to_owned()).or_default() += 1;
        }
        if versions.len() > 1 || !failed.is_empty() {
            return Self::Mixed { versions, failed };
        }
        match (moving, versions.pop_first()) {
            (Some(what), _) => Self::Moving { what },
            (None, Some((version, instances))) => Self::Consistent { version, instances },
            (None, None) => Self::Unknown {
                why: "there is no instance".to_owned(),
            },
        }
    }

    /// True if every instance runs one version and nothing moves.
    #[must_use]
    pub fn is_consistent(&self) -> bool {
        matches!(self, Self::Consistent { .. })
    }
}

impl fmt::Display for Fleet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Consistent {
                version,
                instances: 1,
            } => write!(formatter, "the one instance runs `{version}`"),
            Self::Consistent { version, instances } => {
                write!(formatter, "all {instances} instances run `{version}`")
            }
            Self::Mixed { versions, failed } => {
                formatter.write_str("the fleet is mixed: ")?;
                let counted: Vec<String> = versions
                    .iter()
                    .map(|(version, count)| format!("{count} on `{version}`"))
                    .collect();
                formatter.write_str(&counted.join(", "))?;
                if !failed.is_empty() {
                    write!(
                        formatter,
                        "; the deployment failed on {}",
                        failed.join(", ")
                    )?;
                }
                Ok(())
            }
            Self::Moving { what } => formatter.write_str(what),
            Self::Unknown { why } => formatter.write_str(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::{Color, DeploymentSight, EnvironmentSight};

    fn instance(id: &str, version: &str, status: DeploymentStatus) -> InstanceSight {
        InstanceSight {
            id: id.to_owned(),
            color: Color::Green,
            status: None,
            causes: Vec::new(),
            deployment: Some(DeploymentSight {
                id: 3,
                version: Some(version.to_owned()),
                status,
            }),
        }
    }

    fn sight(state: EnvironmentState, instances: Vec<InstanceSight>) -> Sight {
        Sight {
            environment: Some(EnvironmentSight {
                state,
                version: Some("v2".to_owned()),
                color: Color::Green,
                status: None,
                causes: Vec::new(),
                address: None,
                updated: None,
                is_cluster: false,
            }),
            instances: Some(instances),
        }
    }

    fn ready(instances: Vec<InstanceSight>) -> Fleet {
        Fleet::of(&sight(EnvironmentState::Ready, instances))
    }

    const DEPLOYED: DeploymentStatus = DeploymentStatus::Deployed;

    #[test]
    fn one_version_everywhere_is_consistent() {
        let fleet = ready(vec![
            instance("i-1", "v2", DEPLOYED),
            instance("i-2", "v2", DEPLOYED),
        ]);
        assert!(fleet.is_consistent());
        assert_eq!(fleet.to_string(), "all 2 instances run `v2`");
    }

    #[test]
    fn two_versions_are_a_mixed_fleet() {
        let fleet = ready(vec![
            instance("i-1", "v1", DEPLOYED),
            instance("i-2", "v2", DEPLOYED),
        ]);
        assert!(!fleet.is_consistent());
        assert_eq!(
            fleet.to_string(),
            "the fleet is mixed: 1 on `v1`, 1 on `v2`"
        );
    }

    #[test]
    fn a_failed_deployment_is_no_agreement() {
        let failed = DeploymentStatus::Failed;
        let fleet = ready(vec![
            instance("i-1", "v2", failed),
            instance("i-2", "v2", DEPLOYED),
        ]);
        assert_eq!(
            fleet.to_string(),
            "the fleet is mixed: 2 on `v2`; the deployment failed on i-1"
        );
    }

    #[test]
    fn nothing_is_said_of_a_fleet_that_moves_or_is_not_there() {
        let busy = EnvironmentState::Busy("Aborting".to_owned());
        let fleet = Fleet::of(&sight(busy, vec![instance("i-1", "v2", DEPLOYED)]));
        assert_eq!(fleet.to_string(), "the environment is Aborting");
        let fleet = ready(vec![instance("i-1", "v2", DeploymentStatus::InProgress)]);
        assert_eq!(fleet.to_string(), "i-1 is being deployed");
        assert_eq!(ready(Vec::new()).to_string(), "there is no instance");
        let mut silent = instance("i-1", "v2", DEPLOYED);
        silent.deployment = None;
        assert!(!ready(vec![silent, instance("i-2", "v2", DEPLOYED)]).is_consistent());
    }
}
