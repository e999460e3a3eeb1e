//! Platform branches and their versions.

use aws_sdk_elasticbeanstalk::types::{PlatformFilter, PlatformSummary};
use serde::Serialize;

use super::{Beanstalk, SERVICE};
use crate::Error;

/// A version of a platform branch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlatformVersion {
    /// Its ARN.
    pub arn: String,
    /// Its version: `4.3.1`.
    pub version: String,
    /// The branch's name: `Docker running on 64bit Amazon Linux 2023`.
    pub branch: Option<String>,
    /// The branch's state in AWS's words: `supported`, `beta`, `deprecated`, `retired`.
    pub branch_state: Option<String>,
    /// True if AWS recommends this version of the branch.
    pub recommended: bool,
}

impl Beanstalk {
    /// The versions of a branch that are ready for use, newest first.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn platforms(&self, branch: &str) -> Result<Vec<PlatformVersion>, Error> {
        let mut pages = self
            .client
            .list_platform_versions()
            .filters(filter("PlatformBranchName", branch))
            .filters(filter("PlatformStatus", "Ready"))
            .into_paginator()
            .send();
        let mut versions = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(SERVICE.failed(
                "ListPlatformVersions",
                format!("platform branch `{branch}`"),
            ))?;
            versions.extend(page.platform_summary_list.unwrap_or_default());
        }
        Ok(ranked(branch, versions))
    }

    /// The ARN of a branch's version, or of its newest one when `version` is `None`. `None` if the
    /// branch has no such version.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn platform_arn(
        &self,
        branch: &str,
        version: Option<&str>,
    ) -> Result<Option<String>, Error> {
        let versions = self.platforms(branch).await?;
        let mut fitting = versions
            .into_iter()
            .filter(|platform| version.is_none_or(|version| platform.version == version));
        Ok(fitting.next().map(|platform| platform.arn))
    }
}

fn filter(kind: &str, value: &str) -> PlatformFilter {
    PlatformFilter::builder()
        .r#type(kind)
        .operator("=")
        .values(value)
        .build()
}

/// The usable versions of `branch`, newest first. Filters again, for servers that do not.
fn ranked(branch: &str, versions: Vec<PlatformSummary>) -> Vec<PlatformVersion> {
    let mut versions: Vec<PlatformVersion> = versions
        .into_iter()
        .filter(|version| {
            version
                .platform_branch_name
                .as_deref()
                .is_none_or(|own| own == branch)
        })
        .filter_map(|version| {
            Some(PlatformVersion {
                arn: version.platform_arn?,
                version: version.platform_version.unwrap_or_default(),
                branch: version.platform_branch_name,
                branch_state: version.platform_branch_lifecycle_state,
                recommended: version
                    .platform_lifecycle_state
                    .is_some_and(|state| state.eq_ignore_ascii_case("recommended")),
            })
        })
        .collect();
    versions.sort_by_key(|platform| std::cmp::Reverse(numbers(&platform.version)));
    versions
}

/// `4.10.1` comes after `4.9.9`.
fn numbers(version: &str) -> Vec<u64> {
    version
        .split('.')
        .map(|part| part.parse().unwrap_or(0))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newest_first_by_number_and_only_of_the_branch() {
        let version = |branch: &str, version: &str| {
            PlatformSummary::builder()
                .platform_arn(format!("arn:{branch}/{version}"))
                .platform_branch_name(branch)
                .platform_version(version)
                .build()
        };
        let all = vec![
            version("Docker", "4.9.9"),
            version("Other", "9.0.0"),
            version("Docker", "4.10.1"),
        ];
        let arns: Vec<String> = ranked("Docker", all)
            .into_iter()
            .map(|own| own.arn)
            .collect();
        assert_eq!(arns, ["arn:Docker/4.10.1", "arn:Docker/4.9.9"]);
    }
}
