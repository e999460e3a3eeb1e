//! How long things may take, in AWS time. Pure.
//!
//! Rules: the deadline of an update follows from the policy, the number of batches and the command
//! timeout, never from a constant: a rolling update of forty instances is not late after ten
//! minutes. All values here are upper bounds; reaching one means that something is stuck.

use std::time::Duration;

use beanpole_manifest::{Batch, Deployment, Keep, Policy};

/// Beanstalk adds 240 seconds to the command timeout before it gives up on a batch (developer guide,
/// option `aws:elasticbeanstalk:command` `Timeout`).
const BATCH_GRACE: Duration = Duration::from_secs(240);

/// For launching one set of new instances: the usual 2 to 5 minutes, doubled.
const LAUNCH: Duration = Duration::from_secs(10 * 60);

/// For what comes before the first batch and after the last: fetching the version, settling.
const OVERHEAD: Duration = Duration::from_secs(5 * 60);

/// For the parts of an environment that come and go with it: load balancer, groups, alarms. Real
/// environments take 6 to 10 minutes with all; the usual time, doubled.
const STACK: Duration = Duration::from_secs(20 * 60);

/// For the swap of two public names, which takes seconds to a few minutes.
pub const SWAP: Duration = Duration::from_secs(10 * 60);

/// How long clients may go on reaching the environment that had a public name before: Beanstalk's
/// records live 60 seconds, and resolvers are not always exact.
pub const NAMES_EXPIRE: Duration = Duration::from_secs(2 * 60);

/// How long an environment may be busy with someone else's change before we give up.
pub const BUSY: Duration = Duration::from_secs(30 * 60);

/// How long instances may take to report the new version and turn healthy once the environment is
/// Ready: the agent reports every 10 seconds, and health needs up to 12 good checks in 2 minutes.
pub const PROOF: Duration = Duration::from_secs(10 * 60);

/// How long a version may be processed.
pub const PROCESSING: Duration = Duration::from_secs(10 * 60);

/// The pause between two looks at AWS. Faster polling by several jobs was enough to be throttled.
pub const POLL: Duration = Duration::from_secs(10);

/// How many batches an update of `instances` instances takes. A share of instances is rounded
/// down, which gives the larger number of batches.
#[must_use]
pub fn batches(deployment: &Deployment, instances: u32) -> u32 {
    let instances = instances.max(1);
    match deployment.policy {
        Policy::AllAtOnce => 1,
        Policy::Rolling => rolling(deployment.batch, instances),
        // The additional batch comes first.
        Policy::RollingWithAdditionalBatch => rolling(deployment.batch, instances) + 1,
        // One instance to try, then all the others.
        Policy::Immutable | Policy::TrafficSplitting => 2,
    }
}

fn rolling(batch: Batch, instances: u32) -> u32 {
    let size = match batch {
        Batch::Percentage(share) => {
            let size = u64::from(instances) * u64::from(share) / 100;
            u32::try_from(size).unwrap_or(u32::MAX)
        }
        Batch::Fixed(size) => size,
    };
    instances.div_ceil(size.clamp(1, instances))
}

/// The deadline of one update of `instances` instances, in AWS time.
#[must_use]
pub fn update(deployment: &Deployment, instances: u32) -> Duration {
    let extra = match deployment.policy {
        Policy::AllAtOnce | Policy::Rolling => Duration::ZERO,
        Policy::RollingWithAdditionalBatch => LAUNCH,
        Policy::Immutable => LAUNCH * 2,
        Policy::TrafficSplitting => LAUNCH * 2 + deployment.traffic_split.evaluation,
    };
    (deployment.timeout + BATCH_GRACE) * batches(deployment, instances) + extra + OVERHEAD
}

/// The deadline of a change of settings with `instances` instances, in AWS time. At worst all are
/// replaced, a third of the fewest at a time (developer guide, option
/// `aws:autoscaling:updatepolicy:rollingupdate` `MaxBatchSize`).
#[must_use]
pub fn configuration(deployment: &Deployment, fewest: u32, instances: u32) -> Duration {
    let batches = instances.max(1).div_ceil(fewest.max(1).div_ceil(3));
    (LAUNCH + deployment.timeout + BATCH_GRACE) * batches + OVERHEAD
}

/// The deadline of the creation of an environment, in AWS time. Its instances start side by side.
#[must_use]
pub fn creation(deployment: &Deployment) -> Duration {
    STACK + LAUNCH + deployment.timeout + BATCH_GRACE + OVERHEAD
}

/// The deadline of the termination of an environment, in AWS time.
#[must_use]
pub fn termination() -> Duration {
    STACK + LAUNCH + OVERHEAD
}

/// How long the old environment of a blue/green release stays before it is terminated; none if it
/// waits for the next release. Never shorter than clients may still reach it.
#[must_use]
pub fn kept(keep: Keep) -> Option<Duration> {
    match keep {
        Keep::NextRelease => None,
        Keep::For(time) => Some(time.max(NAMES_EXPIRE)),
    }
}

/// The deadline of all that AWS does in a blue/green release, in AWS time, without proof and soak.
#[must_use]
pub fn blue_green(deployment: &Deployment, fewest: u32, instances: u32) -> Duration {
    let kept = kept(deployment.blue_green.keep).map_or(Duration::ZERO, |time| time + termination());
    creation(deployment)
        + configuration(deployment, fewest, instances)
        + update(deployment, instances)
        + SWAP
        + kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment(policy: Policy, batch: Batch) -> Deployment {
        Deployment {
            policy,
            batch,
            ..Deployment::default()
        }
    }

    #[test]
    fn batches_follow_policy_and_size() {
        let cases = [
            (Policy::AllAtOnce, Batch::Percentage(30), 10, 1),
            (Policy::Rolling, Batch::Percentage(30), 10, 4),
            (Policy::Rolling, Batch::Percentage(30), 1, 1),
            (Policy::Rolling, Batch::Percentage(1), 4, 4),
            (Policy::Rolling, Batch::Fixed(3), 10, 4),
            (Policy::Rolling, Batch::Fixed(50), 10, 1),
            (
                Policy::RollingWithAdditionalBatch,
                Batch::Percentage(50),
                4,
                3,
            ),
            (Policy::Immutable, Batch::Fixed(1), 40, 2),
        ];
        for (policy, batch, instances, expected) in cases {
            let found = batches(&deployment(policy, batch), instances);
            assert_eq!(found, expected, "{policy:?} {batch} {instances}");
        }
    }

    #[test]
    fn the_default_policy_gets_at_least_half_an_hour() {
        assert!(update(&Deployment::default(), 1) >= Duration::from_secs(30 * 60));
    }

    #[test]
    fn more_instances_and_longer_commands_mean_more_time() {
        let one = deployment(Policy::Rolling, Batch::Fixed(1));
        assert!(update(&one, 10) > update(&one, 2));
        let short = update(&one, 2);
        let slow = Deployment {
            timeout: Duration::from_secs(3600),
            ..one
        };
        assert_eq!(update(&slow, 2) - short, Duration::from_secs(3000) * 2);
    }

    #[test]
    fn a_longer_trial_means_more_time() {
        let split = deployment(Policy::TrafficSplitting, Batch::Fixed(1));
        let mut longer = split.clone();
        longer.traffic_split.evaluation += Duration::from_secs(3600);
        let more = update(&longer, 4) - update(&split, 4);
        assert_eq!(more, Duration::from_secs(3600));
    }

    #[test]
    fn settings_replace_a_third_of_the_fewest_at_a_time() {
        let usual = Deployment::default();
        assert_eq!(configuration(&usual, 9, 9), configuration(&usual, 1, 3));
        assert!(configuration(&usual, 1, 9) > configuration(&usual, 9, 9));
        assert_eq!(configuration(&usual, 0, 0), configuration(&usual, 1, 1));
    }

    #[test]
    fn the_old_environment_outlives_its_name() {
        assert_eq!(kept(Keep::NextRelease), None);
        assert_eq!(kept(Keep::For(Duration::ZERO)), Some(NAMES_EXPIRE));
        let hour = Duration::from_secs(3600);
        assert_eq!(kept(Keep::For(hour)), Some(hour));
        let mut usual = Deployment::default();
        let until_next = blue_green(&usual, 2, 2);
        usual.blue_green.keep = Keep::For(hour);
        assert_eq!(blue_green(&usual, 2, 2) - until_next, hour + termination());
    }

    #[test]
    fn no_instances_count_as_one() {
        let all = deployment(Policy::AllAtOnce, Batch::Percentage(100));
        assert_eq!(update(&all, 0), update(&all, 1));
    }
}
