//! How a version spreads over the instances: policy, batches, waits. Pure decisions.
//!
//! Source of the rules: developer guide, "Deployment policies and settings" and "General options".

use std::time::Duration;

use super::options::Settings;

/// How a version replaces another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Policy {
    /// On all instances at the same time. Does not wait for health.
    AllAtOnce,
    /// In batches; each is out of service while it is changed.
    Rolling,
    /// In batches, after a batch of additional instances has taken the version.
    RollingWithAdditionalBatch,
    /// On new instances, which replace the old ones when all are healthy.
    Immutable,
    /// As immutable, but the new instances take a share of the requests for a while first.
    TrafficSplitting,
}

/// The namespace of deployment options.
pub(crate) const COMMAND: &str = "aws:elasticbeanstalk:command";

/// What Beanstalk adds to the command timeout (general options, `Timeout`).
const TIMEOUT_ADDITION: Duration = Duration::from_secs(240);

/// Everything about a deployment that the settings decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rollout {
    pub(crate) policy: Policy,
    pub(crate) batch: BatchSize,
    /// How long a command on an instance may take, and how long a batch may take to become healthy.
    pub(crate) timeout: Duration,
    /// Go on although instances do not become healthy.
    pub(crate) ignore_health: bool,
    /// Share of the requests that new instances get at first, in percent. Traffic splitting only.
    pub(crate) new_version_percent: u32,
    /// How long they keep that share. Traffic splitting only.
    pub(crate) evaluation: Duration,
}

/// The size of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BatchSize {
    /// Of all instances, 1 to 100.
    Percentage(usize),
    /// So many instances.
    Fixed(usize),
}

impl BatchSize {
    /// How many of `instances` make a batch: at least one, at most all. A percentage is rounded up.
    pub(crate) fn of(self, instances: usize) -> usize {
        let wanted = match self {
            Self::Percentage(percent) => instances.saturating_mul(percent).div_ceil(100),
            Self::Fixed(count) => count,
        };
        wanted.clamp(1, instances.max(1))
    }
}

impl Rollout {
    /// Reads the settings. Values that validation would refuse count as the defaults.
    pub(crate) fn from_settings(settings: &Settings) -> Self {
        let number = |namespace, name, default: u32| {
            settings
                .get(namespace, name)
                .and_then(|value| value.parse().ok())
                .unwrap_or(default)
        };
        let single = settings.is(
            "aws:elasticbeanstalk:environment",
            "EnvironmentType",
            "SingleInstance",
        );
        let policy = match settings.get(COMMAND, "DeploymentPolicy") {
            Some("Immutable") => Policy::Immutable,
            Some("TrafficSplitting") if !single => Policy::TrafficSplitting,
            Some("RollingWithAdditionalBatch") if !single => Policy::RollingWithAdditionalBatch,
            Some("Rolling") if !single => Policy::Rolling,
            _ => Policy::AllAtOnce,
        };
        let size = usize::try_from(number(COMMAND, "BatchSize", 100)).unwrap_or(100);
        let batch = if settings.is(COMMAND, "BatchSizeType", "Fixed") {
            BatchSize::Fixed(size)
        } else {
            BatchSize::Percentage(size)
        };
        let splitting = "aws:elasticbeanstalk:trafficsplitting";
        Self {
            policy,
            batch,
            timeout: Duration::from_secs(u64::from(number(COMMAND, "Timeout", 600)))
                + TIMEOUT_ADDITION,
            ignore_health: settings.is(COMMAND, "IgnoreHealthCheck", "true"),
            new_version_percent: number(splitting, "NewVersionPercent", 10).clamp(1, 99),
            evaluation: Duration::from_secs(60 * u64::from(number(splitting, "EvaluationTime", 5))),
        }
    }
}

/// Cuts `instances` into batches of `size`; the last may be smaller.
pub(crate) fn batches<T: Clone>(instances: &[T], size: usize) -> Vec<Vec<T>> {
    instances.chunks(size.max(1)).map(<[T]>::to_vec).collect()
}

/// Weights for the two groups of a traffic split: (old, new) per instance, so that the new group as a
/// whole gets `percent` of the requests.
pub(crate) fn split_weights(percent: u32, old: usize, new: usize) -> (u32, u32) {
    let count = |instances: usize| u32::try_from(instances.max(1)).unwrap_or(u32::MAX);
    let percent = percent.clamp(1, 99);
    (
        (100 - percent).saturating_mul(count(new)).max(1),
        percent.saturating_mul(count(old)).max(1),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn defaults_are_those_of_the_api() {
        let rollout = Rollout::from_settings(&Settings::default());
        assert_eq!(rollout.policy, Policy::AllAtOnce);
        assert_eq!(rollout.batch, BatchSize::Percentage(100));
        assert_eq!(rollout.timeout, Duration::from_secs(840));
        assert!(!rollout.ignore_health);
    }

    #[test]
    fn a_single_instance_is_never_rolled() {
        let mut settings = Settings::default();
        settings.set(COMMAND, "DeploymentPolicy", "Rolling");
        assert_eq!(Rollout::from_settings(&settings).policy, Policy::Rolling);
        settings.set(
            "aws:elasticbeanstalk:environment",
            "EnvironmentType",
            "SingleInstance",
        );
        assert_eq!(Rollout::from_settings(&settings).policy, Policy::AllAtOnce);
    }

    #[test]
    fn percentages_round_up_and_fixed_sizes_are_capped() {
        assert_eq!(BatchSize::Percentage(30).of(4), 2);
        assert_eq!(BatchSize::Percentage(1).of(4), 1);
        assert_eq!(BatchSize::Fixed(9).of(4), 4);
        assert_eq!(BatchSize::Fixed(0).of(4), 1);
        assert_eq!(BatchSize::Percentage(100).of(0), 1);
    }

    #[test]
    fn a_tenth_of_the_requests_goes_to_the_new_group() {
        let (old, new) = split_weights(10, 3, 2);
        assert_eq!(f64::from(new * 2) / f64::from(old * 3 + new * 2), 0.1);
    }

    proptest! {
        #[test]
        fn batches_cover_every_instance_once_in_order(count in 0usize..200, percent in 1usize..=100) {
            let instances: Vec<usize> = (0..count).collect();
            let size = BatchSize::Percentage(percent).of(count);
            let cut = batches(&instances, size);
            prop_assert!(cut.iter().all(|batch| (1..=size).contains(&batch.len())));
            prop_assert_eq!(cut.concat(), instances);
        }
    }
}
