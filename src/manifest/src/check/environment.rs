//! Instances, roll-out, network, address and tags.

use std::time::Duration;

use super::Checker;
use crate::project::{Batch, Keep, Policy, Project};

/// Auto Scaling takes at most this many instances in a Beanstalk environment
/// (`aws:autoscaling:asg` `MaxSize`).
const MOST_INSTANCES: u32 = 10_000;
/// The longest time for the commands on one instance, in seconds
/// (`aws:elasticbeanstalk:command` `Timeout`).
const LONGEST_COMMAND: u64 = 3600;
/// The shortest and the longest evaluation of a traffic split, in minutes
/// (`aws:elasticbeanstalk:trafficsplitting` `EvaluationTime`).
const EVALUATION: std::ops::RangeInclusive<u64> = 3..=600;
/// The longest time that a release waits before it terminates the old environment.
const LONGEST_KEEP: Duration = Duration::from_secs(24 * 3600);

pub(super) fn check(project: &Project, checker: &mut Checker<'_>) {
    instances(project, checker);
    deployment(project, checker);
    network(project, checker);
    address(project, checker);
    tags(project, checker);
}

fn instances(project: &Project, checker: &mut Checker<'_>) {
    let instances = &project.instances;
    if instances.types.is_empty() {
        checker.value(
            &["instances", "types"],
            "there is no instance type",
            "such as `[t3.small]`",
        );
    }
    for (index, kind) in instances.types.iter().enumerate() {
        let valid = kind.split_once('.').is_some_and(|(family, size)| {
            let word = |word: &str| {
                !word.is_empty()
                    && word.bytes().all(|byte| {
                        byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'
                    })
            };
            word(family) && word(size)
        });
        if !valid {
            checker.value(
                &["instances", "types", &index.to_string()],
                format!("`{kind}` is not an instance type"),
                "a family and a size, such as `t3.small`",
            );
        }
    }
    for (key, count) in [("min", instances.min), ("max", instances.max)] {
        if !(1..=MOST_INSTANCES).contains(&count) {
            checker.value(
                &["instances", key],
                format!("`{key}` is out of range: {count}"),
                format!("1 to {MOST_INSTANCES}"),
            );
        }
    }
    if instances.min > instances.max {
        // The one that the manifest gives is the one to point at; the other may be a default.
        let given = if checker.node.position(&["instances", "min"])
            == checker.node.position(&["instances"])
        {
            "max"
        } else {
            "min"
        };
        checker.value(
            &["instances", given],
            format!(
                "the fewest instances ({}) are more than the most ({})",
                instances.min, instances.max
            ),
            "`min` is at most `max`",
        );
    }
}

fn deployment(project: &Project, checker: &mut Checker<'_>) {
    let deployment = &project.deployment;
    if let Batch::Fixed(count) = deployment.batch
        && matches!(
            deployment.policy,
            Policy::Rolling | Policy::RollingWithAdditionalBatch
        )
        && count > project.instances.max
    {
        checker.value(
            &["deployment", "batch"],
            format!(
                "a batch of {count} is larger than the most instances there are ({})",
                project.instances.max
            ),
            "a smaller count, or a percentage",
        );
    }
    let timeout = deployment.timeout;
    if timeout < Duration::from_secs(1)
        || timeout > Duration::from_secs(LONGEST_COMMAND)
        || timeout.subsec_nanos() != 0
    {
        checker.value(
            &["deployment", "timeout"],
            "`timeout` is out of range",
            "whole seconds, `1s` to `1h`",
        );
    }
    if !(2..=1000).contains(&deployment.keep_versions) {
        checker.value(
            &["deployment", "keep_versions"],
            format!(
                "`keep_versions` is out of range: {}",
                deployment.keep_versions
            ),
            "2 to 1000: a rollback needs the version before",
        );
    }
    traffic_split(project, checker);
    if let Keep::For(time) = deployment.blue_green.keep
        && time > LONGEST_KEEP
    {
        checker.value(
            &["deployment", "blue_green", "keep"],
            "`keep` is out of range",
            "`0s` to `24h`, or `next-release`",
        );
    }
}

fn traffic_split(project: &Project, checker: &mut Checker<'_>) {
    let split = &project.deployment.traffic_split;
    if !(1..=100).contains(&split.percentage) {
        checker.value(
            &["deployment", "traffic_split", "percentage"],
            format!("`percentage` is out of range: {}", split.percentage),
            "1 to 100",
        );
    }
    let seconds = split.evaluation.as_secs();
    let whole_minutes = seconds.is_multiple_of(60) && split.evaluation.subsec_nanos() == 0;
    if !whole_minutes || !EVALUATION.contains(&(seconds / 60)) {
        checker.value(
            &["deployment", "traffic_split", "evaluation"],
            "`evaluation` is out of range",
            "whole minutes, `3m` to `10h`",
        );
    }
}

fn network(project: &Project, checker: &mut Checker<'_>) {
    let network = &project.network;
    if let Some(vpc) = &network.vpc
        && !is_resource_id(vpc, "vpc-")
    {
        checker.value(
            &["network", "vpc"],
            format!("`{vpc}` is not the id of a VPC"),
            "such as `vpc-0123456789abcdef0`",
        );
    }
    for (key, subnets) in [
        ("subnets", &network.subnets),
        ("load_balancer_subnets", &network.load_balancer_subnets),
    ] {
        for (index, subnet) in subnets.iter().enumerate() {
            if !is_resource_id(subnet, "subnet-") {
                checker.value(
                    &["network", key, &index.to_string()],
                    format!("`{subnet}` is not the id of a subnet"),
                    "such as `subnet-0123456789abcdef0`",
                );
            }
        }
        if !subnets.is_empty() && network.vpc.is_none() {
            checker.key(
                &["network", key],
                format!("`{key}` are given without their VPC"),
                "add `vpc: vpc-…`",
            );
        }
    }
    if let Some(arn) = &project.load_balancer.certificate_arn
        && !arn.starts_with("arn:")
    {
        checker.value(
            &["load_balancer", "certificate_arn"],
            format!("`{arn}` is not an ARN"),
            "such as `arn:aws:acm:eu-central-1:123456789012:certificate/…`",
        );
    }
    for (key, name) in [
        ("instance_profile", &project.roles.instance_profile),
        ("service_role", &project.roles.service_role),
    ] {
        // IAM API reference: up to 64 for roles, 128 for instance profiles, of these characters.
        let valid = (1..=128).contains(&name.len())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte));
        if !valid {
            checker.value(
                &["roles", key],
                format!("`{name}` is not a name in IAM"),
                "the name alone, not the ARN",
            );
        }
    }
}

/// `prefix` and then 8 or 17 hexadecimal digits, as EC2 makes them; the embedded AWS does too.
fn is_resource_id(id: &str, prefix: &str) -> bool {
    id.strip_prefix(prefix).is_some_and(|digits| {
        (8..=17).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

fn address(project: &Project, checker: &mut Checker<'_>) {
    let Some(prefix) = &project.cname_prefix else {
        return;
    };
    // API reference, CheckDNSAvailability: CNAMEPrefix has 4 to 63 characters.
    let valid = (4..=63).contains(&prefix.len())
        && !prefix.starts_with('-')
        && !prefix.ends_with('-')
        && prefix
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !valid {
        checker.value(
            &["cname_prefix"],
            format!("`{prefix}` is not the first label of an address"),
            "4 to 63 letters, digits and hyphens, with no hyphen at either end",
        );
    }
}

fn tags(project: &Project, checker: &mut Checker<'_>) {
    for (key, value) in &project.tags {
        // EC2 user guide, "Tag restrictions".
        let reserved = key.to_ascii_lowercase().starts_with("aws:");
        if reserved || key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 {
            checker.key(
                &["tags", key],
                format!("`{key}` is not a tag that AWS takes"),
                "a key of 1 to 128 characters that does not begin with `aws:`, a value of at most 256",
            );
        }
    }
    // Beanstalk keeps three of AWS's 50 for itself (developer guide, "Tagging environments").
    if project.tags.len() > 47 {
        checker.key(&["tags"], "there are more than 47 tags", "remove some");
    }
}
