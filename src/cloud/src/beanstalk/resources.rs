//! What an environment is made of.

use beanpole_model::EnvironmentName;
use serde::Serialize;

use super::{Beanstalk, SERVICE, named as object};
use crate::Error;

/// The AWS resources of an environment, by their names or ids. Security groups are not among them:
/// see [`crate::NetworkClient::environment_security_group`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EnvironmentResources {
    /// Instance ids.
    pub instances: Vec<String>,
    /// Load balancers: ARNs of application load balancers, names of classic ones.
    pub load_balancers: Vec<String>,
    /// Auto Scaling groups.
    pub auto_scaling_groups: Vec<String>,
}

impl Beanstalk {
    /// The resources of an environment.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn resources(
        &self,
        environment: &EnvironmentName,
    ) -> Result<EnvironmentResources, Error> {
        let answer = self
            .client
            .describe_environment_resources()
            .environment_name(environment.as_str())
            .send()
            .await
            .map_err(SERVICE.failed("DescribeEnvironmentResources", object(environment)))?;
        let Some(found) = answer.environment_resources else {
            return Ok(EnvironmentResources::default());
        };
        let instances = found.instances.unwrap_or_default();
        let balancers = found.load_balancers.unwrap_or_default();
        let groups = found.auto_scaling_groups.unwrap_or_default();
        Ok(EnvironmentResources {
            instances: instances
                .into_iter()
                .filter_map(|instance| instance.id)
                .collect(),
            load_balancers: balancers
                .into_iter()
                .filter_map(|balancer| balancer.name)
                .collect(),
            auto_scaling_groups: groups.into_iter().filter_map(|group| group.name).collect(),
        })
    }
}
