//! All services but Beanstalk.
//!
//! Each is a `winterbaume-*` crate, or stands on the wire types of one; the page of each module says what
//! is taken and why. A service knows others through the [`crate::world`], except for the two ties made
//! here: databases and caches use security groups, and databases keep managed passwords as secrets.

mod alarms;
mod ec2;
mod ecr;
mod elasticache;
mod iam;
mod lifecycle;
mod rds;
mod refusal;
mod s3;
mod secrets_manager;
mod sts;
#[cfg(test)]
pub(crate) mod tests_support;

use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use winterbaume_core::MockService;

use crate::world::{Services, World};

/// The services, for the server and for each other.
pub(crate) struct Built {
    pub(crate) aws: Vec<Arc<dyn MockService>>,
    /// All but `routes`, which `start` fills in.
    pub(crate) hooks: Services,
    /// Ends when the rehearsal has ended and no database or cache is in the making any more.
    pub(crate) finished: JoinHandle<()>,
}

/// Makes all services but Beanstalk. Their life cycles end when `cancel` is cancelled. `registry` is the
/// address of the registry that stands in for ECR's.
pub(crate) fn build(
    world: &Arc<World>,
    registry: Option<String>,
    cancel: &CancellationToken,
) -> Built {
    // The stores of winterbaume know one account per process; the first rehearsal of a process sets it.
    winterbaume_core::set_default_account_id(world.account.as_str());
    let storage = Arc::new(s3::Storage::new(world));
    let secrets = Arc::new(secrets_manager::Secrets::new(world));
    let network = Arc::new(ec2::Network::new(world));
    let identities = Arc::new(iam::Identities::new(world));
    let lives = lifecycle::Lives::new(world, cancel);
    let databases = rds::Databases::new(world, network.clone(), secrets.clone(), &lives);
    let caches = elasticache::Caches::new(world, network.clone(), &lives);
    let aws: Vec<Arc<dyn MockService>> = vec![
        storage.clone(),
        secrets.clone(),
        network.clone(),
        identities.clone(),
        Arc::new(databases),
        Arc::new(caches),
        Arc::new(sts::Tokens::new(world)),
        Arc::new(alarms::Alarms::default()),
        Arc::new(ecr::Registries::new(world, registry)),
    ];
    let hooks = Services {
        storage,
        secrets,
        network,
        roles: identities,
        ..Services::default()
    };
    Built {
        aws,
        hooks,
        finished: lives.finished(),
    }
}
