//! Platforms: what can be chosen.

use winterbaume_core::MockResponse;
use winterbaume_elasticbeanstalk::{model, wire};

use crate::beanstalk::call::{Call, page, page_size};
use crate::beanstalk::error::{Answer, Refusal};
use crate::beanstalk::platforms::{self, BRANCHES, Platform};

pub(super) fn versions(call: &Call) -> Answer<MockResponse> {
    let input = call.input(wire::deserialize_list_platform_versions_request)?;
    let filters = input
        .filters
        .map(|filters| filters.items)
        .unwrap_or_default();
    let region = call.shared.world.region.as_str();
    let all = platforms::all()
        .map(|platform| platforms::summary(platform, region))
        .filter(|summary| filters.iter().all(|filter| takes_version(filter, summary)))
        .collect();
    let size = page_size(input.max_records, 1000)?;
    let (found, next_token) = page(all, input.next_token.as_ref(), size)?;
    Ok(wire::serialize_list_platform_versions_response(
        &model::ListPlatformVersionsResult {
            next_token,
            platform_summary_list: Some(found.into()),
        },
    ))
}

/// Filter types: API reference, PlatformFilter. One that is not known takes nothing.
fn takes_version(filter: &model::PlatformFilter, summary: &model::PlatformSummary) -> bool {
    let values = filter
        .values
        .as_ref()
        .map(|values| values.items.as_slice())
        .unwrap_or_default();
    let operator = filter.operator.as_deref().unwrap_or("=");
    let passes = |found: Option<&String>| {
        platforms::passes(found.map_or("", String::as_str), operator, values)
    };
    match filter.r#type.as_deref().unwrap_or_default() {
        // The platform's name is the branch's name on current platforms.
        "PlatformName" | "PlatformBranchName" => passes(summary.platform_branch_name.as_ref()),
        "PlatformVersion" => passes(summary.platform_version.as_ref()),
        "PlatformStatus" => passes(summary.platform_status.as_ref()),
        "PlatformLifecycleState" => passes(summary.platform_lifecycle_state.as_ref()),
        "PlatformOwner" => {
            // The filter says `AWSElasticBeanstalk` or `self`; all platforms here are AWS's.
            passes(summary.platform_owner.as_ref())
        }
        "PlatformBranchLifecycleState" => passes(summary.platform_branch_lifecycle_state.as_ref()),
        "OperatingSystemName" => passes(summary.operating_system_name.as_ref()),
        "SupportedTier" => {
            let tiers = summary.supported_tier_list.as_ref();
            tiers.is_some_and(|tiers| tiers.items.iter().any(|tier| passes(Some(tier))))
        }
        "SupportedAddon" => {
            let addons = summary.supported_addon_list.as_ref();
            addons.is_some_and(|addons| addons.items.iter().any(|addon| passes(Some(addon))))
        }
        "ProgrammingLanguageName" => passes(summary.platform_category.as_ref()),
        _ => false,
    }
}

pub(super) fn branches(call: &Call) -> Answer<MockResponse> {
    let input = call.input(wire::deserialize_list_platform_branches_request)?;
    let filters = input
        .filters
        .map(|filters| filters.items)
        .unwrap_or_default();
    let all = (1..)
        .zip(BRANCHES)
        .map(|(order, branch)| platforms::branch_summary(branch, order * 100))
        .filter(|summary| filters.iter().all(|filter| takes_branch(filter, summary)))
        .collect();
    let size = page_size(input.max_records, 100)?;
    let (found, next_token) = page(all, input.next_token.as_ref(), size)?;
    Ok(wire::serialize_list_platform_branches_response(
        &model::ListPlatformBranchesResult {
            next_token,
            platform_branch_summary_list: Some(found.into()),
        },
    ))
}

/// Attributes: API reference, ListPlatformBranches.
fn takes_branch(filter: &model::SearchFilter, summary: &model::PlatformBranchSummary) -> bool {
    let values = filter
        .values
        .as_ref()
        .map(|values| values.items.as_slice())
        .unwrap_or_default();
    let operator = filter.operator.as_deref().unwrap_or("=");
    let passes = |found: Option<&String>| {
        platforms::passes(found.map_or("", String::as_str), operator, values)
    };
    match filter.attribute.as_deref().unwrap_or_default() {
        "BranchName" => passes(summary.branch_name.as_ref()),
        "LifecycleState" => passes(summary.lifecycle_state.as_ref()),
        "PlatformName" => passes(summary.platform_name.as_ref()),
        "TierType" => {
            let tiers = summary.supported_tier_list.as_ref();
            tiers.is_some_and(|tiers| tiers.items.iter().any(|tier| passes(Some(tier))))
        }
        _ => false,
    }
}

pub(super) fn describe(call: &Call) -> Answer<MockResponse> {
    let input = call.input(wire::deserialize_describe_platform_version_request)?;
    let arn = input
        .platform_arn
        .ok_or_else(|| Refusal::missing("PlatformArn"))?;
    let region = call.shared.world.region.as_str();
    let platform = by_arn(&arn, region)?;
    Ok(wire::serialize_describe_platform_version_response(
        &model::DescribePlatformVersionResult {
            platform_description: Some(platforms::description(platform, region)),
        },
    ))
}

/// The platform with this ARN.
pub(super) fn by_arn(arn: &str, region: &str) -> Answer<Platform> {
    platforms::by_arn(arn, region)
        .ok_or_else(|| Refusal::invalid(format!("No Platform found for PlatformArn: '{arn}'.")))
}

/// The platform that a request names by ARN or by solution stack, if it names one.
pub(super) fn chosen(
    arn: Option<&String>,
    solution_stack: Option<&String>,
    region: &str,
) -> Answer<Option<Platform>> {
    match (arn, solution_stack) {
        (Some(_), Some(_)) => Err(Refusal::combination(
            "You cannot specify both a PlatformArn and a SolutionStackName.",
        )),
        (Some(arn), None) => by_arn(arn, region).map(Some),
        (None, Some(name)) => platforms::by_solution_stack(name)
            .map(Some)
            .ok_or_else(|| Refusal::invalid(format!("No Solution Stack named '{name}' found."))),
        (None, None) => Ok(None),
    }
}

pub(super) fn solution_stacks() -> MockResponse {
    let names = || platforms::all().map(Platform::solution_stack);
    wire::serialize_list_available_solution_stacks_response(
        &model::ListAvailableSolutionStacksResultMessage {
            solution_stack_details: Some(
                names()
                    .map(|name| model::SolutionStackDescription {
                        permitted_file_types: Some(["zip".to_owned()].into_iter().collect()),
                        solution_stack_name: Some(name),
                    })
                    .collect(),
            ),
            solution_stacks: Some(names().collect()),
        },
    )
}
