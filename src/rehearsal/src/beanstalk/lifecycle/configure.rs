//! New option settings take effect: by nothing at all, by a restart of the application, by a change of
//! the number of instances, or by new instances.

use std::collections::BTreeSet;

use super::command::{self, Payload};
use super::deploy::{Plot, give_up_on, healthy};
use super::instances::{self, listed};
use super::operation::{Operation, Step};
use crate::beanstalk::options::{SECRETS, Settings, VARIABLES};
use crate::beanstalk::rollout::Rollout;
use crate::data_plane::InstanceId;

/// What a change of settings does to the instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing: the load balancer or Beanstalk itself takes the change.
    None,
    /// The application starts again with new variables.
    Restart,
    /// All instances are replaced by new ones.
    Replace,
}

/// Decides the effect. Source: developer guide, "Configuration changes".
pub(crate) fn effect(before: &Settings, after: &Settings) -> Effect {
    let changed = changed_namespaces(before, after);
    let any = |test: &dyn Fn(&str) -> bool| changed.iter().any(|namespace| test(namespace));
    if any(&|namespace| {
        matches!(
            namespace,
            "aws:autoscaling:launchconfiguration" | "aws:ec2:instances" | "aws:ec2:vpc"
        )
    }) {
        Effect::Replace
    } else if any(&|namespace| {
        namespace == VARIABLES
            || namespace == SECRETS
            || namespace.starts_with("aws:elasticbeanstalk:container:")
            || namespace.starts_with("aws:elasticbeanstalk:environment:proxy")
            || namespace == "aws:elasticbeanstalk:xray"
    }) {
        Effect::Restart
    } else {
        Effect::None
    }
}

fn changed_namespaces(before: &Settings, after: &Settings) -> BTreeSet<String> {
    let before: BTreeSet<_> = before.effective().into_iter().collect();
    let after: BTreeSet<_> = after.effective().into_iter().collect();
    before
        .symmetric_difference(&after)
        .map(|(key, _)| key.namespace.clone())
        .collect()
}

/// How many instances to add (positive) or take away (negative), given the limits.
pub(crate) fn scaling(present: usize, settings: &Settings) -> isize {
    let wanted = present.clamp(settings.least_instances(), settings.most_instances());
    wanted.cast_signed().saturating_sub(present.cast_signed())
}

/// Restarts the application on all instances with the variables of the payload.
pub(crate) async fn restart(operation: &Operation, payload: &Payload, plot: Plot) -> Step<()> {
    let fleet = fleet(operation)?;
    let script = plot.script(1, &fleet);
    // No leader: `leader_only` commands belong to deployments of a version.
    let failed = command::run(operation, &fleet, payload, None, &script).await?;
    give_up_on(operation, &failed)
}

/// Replaces all instances by new ones with the same version.
pub(crate) async fn replace(
    operation: &Operation,
    payload: &Payload,
    rollout: &Rollout,
    plot: Plot,
) -> Step<()> {
    let old = fleet(operation)?;
    let new = instances::launch(operation, old.len().max(1), 1).await?;
    let result = async {
        let script = plot.script(1, &[]);
        let failed = command::run(operation, &new, payload, None, &script).await?;
        give_up_on(operation, &failed)?;
        instances::register(operation, &new, true)?;
        healthy(operation, &new, rollout).await
    }
    .await;
    let gone = if result.is_ok() { &old } else { &new };
    instances::terminate(operation, gone).await;
    operation.info(format!("Removed {} from your environment.", listed(gone)));
    result
}

/// Brings the number of instances within the limits of the settings in force.
pub(crate) async fn scale(
    operation: &Operation,
    payload: &Payload,
    settings: &Settings,
) -> Step<()> {
    let fleet = fleet(operation)?;
    let change = scaling(fleet.len(), settings);
    if change > 0 {
        let new = instances::launch(operation, change.unsigned_abs(), 1).await?;
        let script = command::Script::default();
        let failed = command::run(operation, &new, payload, None, &script).await?;
        give_up_on(operation, &failed)?;
        instances::register(operation, &new, true)?;
        healthy(operation, &new, &Rollout::from_settings(settings)).await?;
    } else if change < 0 {
        let gone: Vec<InstanceId> = fleet
            .into_iter()
            .rev()
            .take(change.unsigned_abs())
            .collect();
        instances::terminate(operation, &gone).await;
        operation.info(format!("Removed {} from your environment.", listed(&gone)));
    }
    Ok(())
}

fn fleet(operation: &Operation) -> Step<Vec<InstanceId>> {
    operation.read(|environment| {
        environment
            .instances
            .iter()
            .map(|instance| instance.id.clone())
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(namespace: &str, name: &str, value: &str) -> Settings {
        let mut settings = Settings::default();
        settings.set(namespace, name, value);
        settings
    }

    #[test]
    fn the_gravest_change_decides() {
        let before = Settings::default();
        assert_eq!(effect(&before, &before), Effect::None);
        let check = with(
            crate::beanstalk::options::DEFAULT_PROCESS,
            "HealthCheckPath",
            "/ht/",
        );
        assert_eq!(effect(&before, &check), Effect::None);
        let mut variables = with(VARIABLES, "DEBUG", "0");
        assert_eq!(effect(&before, &variables), Effect::Restart);
        variables.set("aws:ec2:instances", "InstanceTypes", "t3.large");
        assert_eq!(effect(&before, &variables), Effect::Replace);
    }

    #[test]
    fn setting_a_default_changes_nothing() {
        let explicit = with(
            "aws:autoscaling:launchconfiguration",
            "InstanceType",
            "t3.micro",
        );
        assert_eq!(effect(&Settings::default(), &explicit), Effect::None);
    }

    #[test]
    fn the_fleet_is_brought_within_the_limits() {
        let mut settings = with("aws:autoscaling:asg", "MinSize", "2");
        settings.set("aws:autoscaling:asg", "MaxSize", "3");
        assert_eq!(scaling(1, &settings), 1);
        assert_eq!(scaling(2, &settings), 0);
        assert_eq!(scaling(5, &settings), -2);
    }
}
