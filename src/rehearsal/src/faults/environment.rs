//! Faults of Beanstalk environments, databases and caches: questions that the life cycles ask.

use std::time::Duration;

use super::script::{EnvironmentFault, EnvironmentFaultKind, ResourceFaultKind, StuckColor};
use super::{Faults, matches};

/// Which deployment a question is about.
#[derive(Clone, Copy, Debug)]
pub struct DeploymentFacts<'a> {
    /// The environment's name.
    pub environment: &'a str,
    /// The version label that is being deployed; empty for the sample application.
    pub version: &'a str,
    /// The DeploymentId: 1 for the one that comes with the environment's creation.
    pub deployment: u64,
}

/// A version that is deployed well and turns red later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RedAfter {
    /// How long after the deployment was reported as done, in AWS's time.
    pub after: Duration,
}

/// What becomes of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventFate {
    /// DescribeEvents shows it at once.
    Deliver,
    /// DescribeEvents never shows it.
    Lose,
    /// DescribeEvents shows it this much later (AWS's time), with its original time.
    Delay(Duration),
}

/// The colour at which an environment's health is stuck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StuckHealth {
    /// Grey, "Pending".
    Grey,
    /// Yellow, "Warning".
    Yellow,
    /// Red, "Degraded".
    Red,
}

impl Faults {
    /// The batch (from 1) in which this deployment fails. Ask once per deployment.
    pub fn failing_batch(&self, facts: DeploymentFacts<'_>) -> Option<u32> {
        self.spend(facts, |kind| match kind {
            EnvironmentFaultKind::FailingBatch(batch) => Some(*batch),
            _ => None,
        })
    }

    /// When this version turns red after a good deployment. Ask once per deployment.
    pub fn red_after(&self, facts: DeploymentFacts<'_>) -> Option<RedAfter> {
        self.spend(facts, |kind| match kind {
            EnvironmentFaultKind::RedAfter(after) => Some(RedAfter { after: *after }),
            _ => None,
        })
    }

    /// How many instances silently stay on the old version. Ask once per deployment.
    pub fn mixed_fleet(&self, facts: DeploymentFacts<'_>) -> Option<u32> {
        self.spend(facts, |kind| match kind {
            EnvironmentFaultKind::MixedFleet(instances) => Some(*instances),
            _ => None,
        })
    }

    /// The colour at which health stays after this deployment. Ask once per deployment.
    pub fn health_stuck(&self, facts: DeploymentFacts<'_>) -> Option<StuckHealth> {
        self.spend(facts, |kind| match kind {
            EnvironmentFaultKind::HealthStuck(StuckColor::Grey) => Some(StuckHealth::Grey),
            EnvironmentFaultKind::HealthStuck(StuckColor::Yellow) => Some(StuckHealth::Yellow),
            EnvironmentFaultKind::HealthStuck(StuckColor::Red) => Some(StuckHealth::Red),
            _ => None,
        })
    }

    /// True if a change of the environment is refused with "Must be Ready" although it is ready.
    /// `deployment` is the DeploymentId that the change would get. Ask once per operation.
    pub fn must_be_ready(&self, environment: &str, deployment: u64) -> bool {
        let facts = DeploymentFacts {
            environment,
            version: "",
            deployment,
        };
        self.spend(facts, |kind| {
            matches!(kind, EnvironmentFaultKind::MustBeReady).then_some(())
        })
        .is_some()
    }

    /// When a managed platform update begins after this deployment. Ask once per deployment.
    pub fn managed_update(&self, facts: DeploymentFacts<'_>) -> Option<Duration> {
        self.spend(facts, |kind| match kind {
            EnvironmentFaultKind::ManagedUpdate(after) => Some(*after),
            _ => None,
        })
    }

    /// True if an environment of this name is created as one of Beanstalk Cluster. Ask once per
    /// creation.
    pub fn cluster_mode(&self, environment: &str) -> bool {
        let facts = DeploymentFacts {
            environment,
            version: "",
            deployment: 0,
        };
        self.spend(facts, |kind| {
            matches!(kind, EnvironmentFaultKind::ClusterMode).then_some(())
        })
        .is_some()
    }

    /// What becomes of an event with this message. Ask once per event.
    pub fn event(&self, facts: DeploymentFacts<'_>, message: &str) -> EventFate {
        self.spend(facts, |kind| match kind {
            EnvironmentFaultKind::LoseEvents(text) if message.contains(text.as_str()) => {
                Some(EventFate::Lose)
            }
            EnvironmentFaultKind::DelayEvents(by) => Some(EventFate::Delay(*by)),
            _ => None,
        })
        .unwrap_or(EventFate::Deliver)
    }

    /// How many times as long as usual the environment's instances take to launch; 1 is usual. Nothing
    /// is counted: ask as often as you like.
    pub fn launch_slowdown(&self, environment: &str) -> f64 {
        let facts = DeploymentFacts {
            environment,
            version: "",
            deployment: 0,
        };
        self.script
            .environments
            .iter()
            .filter(|fault| concerns(fault, facts))
            .find_map(|fault| match fault.fault {
                EnvironmentFaultKind::SlowLaunch(factor) => Some(factor),
                _ => None,
            })
            .unwrap_or(1.0)
    }

    /// True if the creation of this database or cache fails. Ask once per creation.
    pub fn creation_fails(&self, identifier: &str) -> bool {
        self.spend_resource(identifier, |kind| {
            matches!(kind, ResourceFaultKind::CreationFails).then_some(())
        })
        .is_some()
    }

    /// How much longer the creation of this database or cache takes, in AWS's time. Ask once per
    /// creation.
    pub fn slow_creation(&self, identifier: &str) -> Option<Duration> {
        self.spend_resource(identifier, |kind| match kind {
            ResourceFaultKind::SlowCreation(by) => Some(by),
            ResourceFaultKind::CreationFails => None,
        })
    }

    /// The first entry that concerns `facts`, that `pick` accepts, and that is not used up.
    fn spend<T>(
        &self,
        facts: DeploymentFacts<'_>,
        pick: impl Fn(&EnvironmentFaultKind) -> Option<T>,
    ) -> Option<T> {
        let mut state = self.state();
        self.script
            .environments
            .iter()
            .zip(&mut state.environments)
            .find_map(|(fault, counter)| {
                if !concerns(fault, facts) {
                    return None;
                }
                let picked = pick(&fault.fault)?;
                counter.fires(1, fault.times, || true).then_some(picked)
            })
    }

    fn spend_resource<T>(
        &self,
        identifier: &str,
        pick: impl Fn(ResourceFaultKind) -> Option<T>,
    ) -> Option<T> {
        let mut state = self.state();
        self.script
            .resources
            .iter()
            .zip(&mut state.resources)
            .find_map(|(fault, counter)| {
                if !matches(fault.identifier.as_deref(), identifier) {
                    return None;
                }
                let picked = pick(fault.fault)?;
                counter.fires(1, fault.times, || true).then_some(picked)
            })
    }
}

/// A question that is not about a version or a deployment (empty, 0) concerns entries for any.
fn concerns(fault: &EnvironmentFault, facts: DeploymentFacts<'_>) -> bool {
    matches(fault.environment.as_deref(), facts.environment)
        && (facts.version.is_empty() || matches(fault.version.as_deref(), facts.version))
        && (facts.deployment == 0
            || fault
                .deployment
                .is_none_or(|deployment| deployment == facts.deployment))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::FaultScript;

    fn faults(text: &str) -> Faults {
        Faults::new(FaultScript::parse("test", text).unwrap())
    }

    const SECOND: DeploymentFacts<'static> = DeploymentFacts {
        environment: "shop-production",
        version: "v2",
        deployment: 2,
    };

    #[test]
    fn a_fault_hits_its_deployment_once() {
        let faults = faults("environments: [{version: v2, fault: {failing-batch: 2}}]");
        let other = DeploymentFacts {
            version: "v1",
            deployment: 1,
            ..SECOND
        };
        assert_eq!(faults.failing_batch(other), None);
        assert_eq!(faults.red_after(SECOND), None);
        assert_eq!(faults.failing_batch(SECOND), Some(2));
        assert_eq!(faults.failing_batch(SECOND), None);
    }

    #[test]
    fn a_deployment_can_be_meant_by_its_number() {
        let faults = faults("environments: [{deployment: 2, fault: {mixed-fleet: 1}}]");
        let left = [1, 2, 3].map(|deployment| {
            faults.mixed_fleet(DeploymentFacts {
                deployment,
                ..SECOND
            })
        });
        assert_eq!(left, [None, Some(1), None]);
    }

    #[test]
    fn events_are_lost_by_text_and_delayed_by_time() {
        let faults = faults(
            "environments:\n  - {times: 0, fault: {lose-events: succeeded}}\n  - {times: 1, fault: {delay-events: 40s}}",
        );
        assert_eq!(
            faults.event(SECOND, "Environment update succeeded."),
            EventFate::Lose
        );
        let late = EventFate::Delay(Duration::from_secs(40));
        assert_eq!(faults.event(SECOND, "Deploying new version"), late);
        assert_eq!(
            faults.event(SECOND, "Deploying new version"),
            EventFate::Deliver
        );
    }

    #[test]
    fn must_be_ready_counts_down_and_a_slow_launch_lasts() {
        let faults = faults(
            "environments: [{environment: shop-*, times: 2, fault: must-be-ready}, {fault: {slow-launch: 2.5}}]",
        );
        let answers: Vec<bool> = (0..3)
            .map(|_| faults.must_be_ready("shop-production", 2))
            .collect();
        assert_eq!(answers, [true, true, false]);
        assert!(!faults.must_be_ready("other", 2));
        assert!((0..9).all(|_| (faults.launch_slowdown("other") - 2.5).abs() < f64::EPSILON));
    }

    #[test]
    fn resources_fail_by_identifier() {
        let faults = faults(
            "resources: [{identifier: '*-db', fault: creation-fails}, {fault: {slow-creation: 9m}}]",
        );
        assert!(!faults.creation_fails("shop-cache"));
        assert!(faults.creation_fails("shop-db"));
        assert_eq!(
            faults.slow_creation("shop-cache"),
            Some(Duration::from_secs(540))
        );
    }
}
