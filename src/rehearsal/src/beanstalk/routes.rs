//! Which instances serve a host name: what the load balancer asks.

use super::state::{Environment, EnvironmentStatus, State};
use crate::data_plane::DataPlane;
use crate::world::{Target, Targets};
use jiff::Timestamp;

/// The targets behind a Host header. An application load balancer whose targets are all unhealthy
/// sends requests to all of them ("fail open"), so that the answer is the application's own failure;
/// one without any target answers 503.
pub(crate) fn targets(state: &State, host: &str, plane: &dyn DataPlane, now: Timestamp) -> Targets {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let found = state.environments.iter().find(|environment| {
        environment.cname.eq_ignore_ascii_case(name)
            && environment.status != EnvironmentStatus::Terminated
    });
    let Some(environment) = found else {
        return Targets::UnknownHost;
    };
    let registered = || {
        environment
            .instances
            .iter()
            .filter(|instance| instance.registered)
    };
    let any_healthy = registered().any(|instance| instance.load_balancer_healthy);
    let targets: Vec<Target> = registered()
        .filter(|instance| instance.load_balancer_healthy || !any_healthy)
        .map(|instance| Target {
            instance: instance.id.clone(),
            address: plane.address(&instance.id),
            environment: environment.name.clone(),
            version_label: running_label(environment, instance),
            weight: instance.weight.max(1),
            faulty: environment.is_red(instance, now),
        })
        .collect();
    if targets.is_empty() {
        Targets::NoneInService
    } else {
        Targets::InService(targets)
    }
}

fn running_label(environment: &Environment, instance: &super::state::Instance) -> String {
    instance.deployment.as_ref().map_or_else(
        || environment.version_label.clone(),
        |deployment| deployment.label.clone(),
    )
}
