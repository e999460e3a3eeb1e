//! The operations, grouped by what they are about. Each reads its input, asks or changes the state, and
//! hands its output to the serializer of the wire crate.

mod applications;
mod configuration;
mod creation;
mod describe;
mod environments;
mod events;
mod health;
mod information;
mod platforms;
mod tags;
mod versions;

use winterbaume_core::MockResponse;

use super::call::Call;
use super::error::{Answer, Refusal};

/// Finds the operation and runs it.
pub(crate) async fn dispatch(call: &Call) -> Answer<MockResponse> {
    let Some(action) = call.action() else {
        return Err(Refusal::missing("Action"));
    };
    match action {
        "CreateApplication" => applications::create(call),
        "DescribeApplications" => applications::describe(call),
        "UpdateApplication" => applications::update(call),
        "DeleteApplication" => applications::delete(call),
        "UpdateApplicationResourceLifecycle" => applications::update_lifecycle(call),
        "DescribeAccountAttributes" => Ok(applications::account_attributes()),
        "CreateApplicationVersion" => versions::create(call).await,
        "DescribeApplicationVersions" => versions::describe(call),
        "UpdateApplicationVersion" => versions::update(call),
        "DeleteApplicationVersion" => versions::delete(call).await,
        "CreateStorageLocation" => versions::create_storage_location(call).await,
        "CreateEnvironment" => creation::create(call).await,
        "UpdateEnvironment" => environments::update(call).await,
        "TerminateEnvironment" => environments::terminate(call),
        "AbortEnvironmentUpdate" => environments::abort(call),
        "RestartAppServer" => environments::restart(call),
        "SwapEnvironmentCNAMEs" => environments::swap(call),
        "CheckDNSAvailability" => creation::check_dns(call),
        "DescribeEnvironments" => describe::environments(call),
        "DescribeEnvironmentResources" => describe::resources(call),
        "DescribeEnvironmentManagedActions" => describe::managed_actions(call),
        "DescribeEvents" => events::describe(call),
        "DescribeEnvironmentHealth" => health::environment(call),
        "DescribeInstancesHealth" => health::instances(call),
        "DescribeConfigurationSettings" => configuration::settings(call),
        "DescribeConfigurationOptions" => configuration::options(call),
        "ValidateConfigurationSettings" => configuration::validate(call).await,
        "RequestEnvironmentInfo" => information::request(call).await,
        "RetrieveEnvironmentInfo" => information::retrieve(call),
        "ListPlatformVersions" => platforms::versions(call),
        "ListPlatformBranches" => platforms::branches(call),
        "DescribePlatformVersion" => platforms::describe(call),
        "ListAvailableSolutionStacks" => Ok(platforms::solution_stacks()),
        "ListTagsForResource" => tags::list(call),
        "UpdateTagsForResource" => tags::update(call),
        other => Err(Refusal::not_played(other)),
    }
}
