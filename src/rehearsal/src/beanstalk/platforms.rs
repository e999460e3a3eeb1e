//! The platforms that can be chosen. A small, fixed list around the Docker platform.
//!
//! Source: the platform history in "Elastic Beanstalk supported platforms"; the numbers are examples,
//! newest first in each branch.

use winterbaume_elasticbeanstalk::model;

/// A branch of a platform and its versions, newest first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Branch {
    pub(crate) name: &'static str,
    /// What stands after `running ` in the name of the solution stack.
    pub(crate) runtime: &'static str,
    pub(crate) platform: &'static str,
    pub(crate) operating_system: &'static str,
    pub(crate) state: &'static str,
    pub(crate) versions: &'static [&'static str],
}

const LINUX_2023: &str = "Amazon Linux 2023";

/// All branches, in the order in which AWS recommends them.
pub(crate) const BRANCHES: &[Branch] = &[
    Branch {
        name: "Docker running on 64bit Amazon Linux 2023",
        runtime: "Docker",
        platform: "Docker",
        operating_system: LINUX_2023,
        state: "Supported",
        versions: &["4.7.2", "4.7.1", "4.6.0"],
    },
    Branch {
        name: "ECS running on 64bit Amazon Linux 2023",
        runtime: "ECS",
        platform: "ECS",
        operating_system: LINUX_2023,
        state: "Supported",
        versions: &["4.3.2"],
    },
    Branch {
        name: "Python 3.13 running on 64bit Amazon Linux 2023",
        runtime: "Python 3.13",
        platform: "Python 3.13",
        operating_system: LINUX_2023,
        state: "Supported",
        versions: &["4.7.2"],
    },
    Branch {
        name: "Python 3.11 running on 64bit Amazon Linux 2023",
        runtime: "Python 3.11",
        platform: "Python 3.11",
        operating_system: LINUX_2023,
        state: "Supported",
        versions: &["4.7.2"],
    },
];

/// One version of a branch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Platform {
    pub(crate) branch: &'static Branch,
    pub(crate) version: &'static str,
}

impl Platform {
    /// The name by which solution stacks are known: `64bit Amazon Linux 2023 v4.7.2 running Docker`.
    pub(crate) fn solution_stack(self) -> String {
        format!(
            "64bit {} v{} running {}",
            self.branch.operating_system, self.version, self.branch.runtime
        )
    }

    pub(crate) fn arn(self, region: &str) -> String {
        format!(
            "arn:aws:elasticbeanstalk:{region}::platform/{}/{}",
            self.branch.name, self.version
        )
    }

    /// The newest version of the same branch.
    pub(crate) fn newest(self) -> Self {
        let version = self.branch.versions.first().copied();
        Self {
            version: version.unwrap_or(self.version),
            ..self
        }
    }

    fn is_newest(self) -> bool {
        self.branch.versions.first() == Some(&self.version)
    }

    fn lifecycle_state(self) -> Option<String> {
        (self.is_newest() && self.branch.state == "Supported").then(|| "Recommended".to_owned())
    }
}

/// All platform versions, branch by branch, newest first.
pub(crate) fn all() -> impl Iterator<Item = Platform> {
    BRANCHES.iter().flat_map(|branch| {
        branch
            .versions
            .iter()
            .map(move |version| Platform { branch, version })
    })
}

/// Finds a platform by ARN; one without a version takes the newest.
pub(crate) fn by_arn(arn: &str, region: &str) -> Option<Platform> {
    all().find(|platform| {
        let own = platform.arn(region);
        own == arn
            || (platform.is_newest() && own.rsplit_once('/').is_some_and(|(start, _)| start == arn))
    })
}

/// Finds a platform by the name of its solution stack.
pub(crate) fn by_solution_stack(name: &str) -> Option<Platform> {
    all().find(|platform| platform.solution_stack() == name)
}

fn tiers() -> model::SupportedTierList {
    ["WebServer/Standard", "Worker/SQS/HTTP"]
        .map(ToOwned::to_owned)
        .into_iter()
        .collect()
}

/// As ListPlatformVersions shows it.
pub(crate) fn summary(platform: Platform, region: &str) -> model::PlatformSummary {
    model::PlatformSummary {
        operating_system_name: Some("Amazon Linux".to_owned()),
        operating_system_version: platform
            .branch
            .operating_system
            .strip_prefix("Amazon Linux ")
            .map(ToOwned::to_owned),
        platform_arn: Some(platform.arn(region)),
        platform_branch_lifecycle_state: Some(platform.branch.state.to_owned()),
        platform_branch_name: Some(platform.branch.name.to_owned()),
        platform_category: Some(category(platform.branch).to_owned()),
        platform_lifecycle_state: platform.lifecycle_state(),
        platform_owner: Some("AWSElasticBeanstalk".to_owned()),
        platform_status: Some("Ready".to_owned()),
        platform_version: Some(platform.version.to_owned()),
        supported_addon_list: Some(
            ["Log/S3", "Monitoring/Healthd", "WorkerDaemon/SQSD"]
                .map(ToOwned::to_owned)
                .into_iter()
                .collect(),
        ),
        supported_tier_list: Some(tiers()),
    }
}

/// As DescribePlatformVersion shows it.
pub(crate) fn description(platform: Platform, region: &str) -> model::PlatformDescription {
    let summary = summary(platform, region);
    model::PlatformDescription {
        description: Some(format!(
            "64bit {} running {}",
            platform.branch.operating_system, platform.branch.runtime
        )),
        maintainer: Some("aws-elasticbeanstalk-platforms@amazon.com".to_owned()),
        operating_system_name: summary.operating_system_name,
        operating_system_version: summary.operating_system_version,
        platform_arn: summary.platform_arn,
        platform_branch_lifecycle_state: summary.platform_branch_lifecycle_state,
        platform_branch_name: summary.platform_branch_name,
        platform_category: summary.platform_category,
        platform_lifecycle_state: summary.platform_lifecycle_state,
        platform_name: Some(platform.branch.name.to_owned()),
        platform_owner: summary.platform_owner,
        platform_status: summary.platform_status,
        platform_version: summary.platform_version,
        solution_stack_name: Some(platform.solution_stack()),
        supported_addon_list: summary.supported_addon_list,
        supported_tier_list: summary.supported_tier_list,
        ..model::PlatformDescription::default()
    }
}

/// As ListPlatformBranches shows it.
pub(crate) fn branch_summary(branch: &Branch, order: i32) -> model::PlatformBranchSummary {
    model::PlatformBranchSummary {
        branch_name: Some(branch.name.to_owned()),
        branch_order: Some(order),
        lifecycle_state: Some(branch.state.to_owned()),
        platform_name: Some(branch.platform.to_owned()),
        supported_tier_list: Some(tiers()),
    }
}

fn category(branch: &Branch) -> &'static str {
    branch.platform.split(' ').next().unwrap_or(branch.platform)
}

/// True if a value passes one filter, with the operators of the API reference (PlatformFilter,
/// SearchFilter). An operator that is not known takes nothing.
pub(crate) fn passes(found: &str, operator: &str, values: &[String]) -> bool {
    let any = |test: fn(&str, &str) -> bool| values.iter().any(|value| test(found, value));
    match operator {
        "=" | "in" => any(|found, value| found == value),
        "!=" | "not_in" => !any(|found, value| found == value),
        "begins_with" => any(|found, value| found.starts_with(value)),
        "ends_with" => any(|found, value| found.ends_with(value)),
        "contains" => any(|found, value| found.contains(value)),
        "<" => any(|found, value| version(found) < version(value)),
        "<=" => any(|found, value| version(found) <= version(value)),
        ">" => any(|found, value| version(found) > version(value)),
        ">=" => any(|found, value| version(found) >= version(value)),
        _ => false,
    }
}

fn version(text: &str) -> Vec<u32> {
    text.split('.')
        .map(|part| part.parse().unwrap_or(0))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_are_found_by_arn_and_by_solution_stack() {
        let newest = all().next().unwrap();
        let arn = newest.arn("eu-central-1");
        assert_eq!(
            by_arn(&arn, "eu-central-1").unwrap().version,
            newest.version
        );
        let without_version = arn.rsplit_once('/').unwrap().0;
        assert_eq!(
            by_arn(without_version, "eu-central-1").unwrap().version,
            newest.version
        );
        assert!(by_arn(&arn, "eu-west-1").is_none());
        assert!(by_solution_stack(&newest.solution_stack()).is_some());
    }

    #[test]
    fn only_the_newest_version_of_a_supported_branch_is_recommended() {
        let recommended = all()
            .filter(|platform| platform.lifecycle_state().is_some())
            .count();
        assert_eq!(
            recommended,
            BRANCHES.iter().filter(|b| b.state == "Supported").count()
        );
    }

    #[test]
    fn versions_compare_as_numbers() {
        let ten = ["4.10.0".to_owned()];
        assert!(passes("4.9.0", "<", &ten));
        assert!(!passes("4.9.0", ">=", &ten));
        assert!(passes(
            "Docker",
            "in",
            &["ECS".to_owned(), "Docker".to_owned()]
        ));
        assert!(!passes("Docker", "sounds like", &["Docker".to_owned()]));
    }
}
