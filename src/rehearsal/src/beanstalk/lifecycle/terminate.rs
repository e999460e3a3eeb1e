//! TerminateEnvironment: everything that the environment's stack made goes away.

use super::operation::{Operation, Step, Trouble};
use super::{durations, instances};
use crate::beanstalk::event_log::Severity;
use crate::beanstalk::health::{Status, Verdict};
use crate::beanstalk::names;
use crate::beanstalk::state::EnvironmentStatus;

/// Terminates the environment. If EC2 keeps one of its security groups, because a group outside of the
/// environment refers to it, the termination fails and the environment stays, without instances, as on
/// AWS.
pub(crate) async fn terminate(operation: Operation) {
    match run(&operation).await {
        Ok(()) => finish(&operation),
        Err(Trouble::Aborted) => {}
        Err(Trouble::Failed) => operation.finish(
            &[(
                Severity::Error,
                "The environment termination step failed because at least one of the environment \
                 termination workflows failed."
                    .to_owned(),
            )],
            |_| {},
        ),
    }
}

async fn run(operation: &Operation) -> Step<()> {
    let (name, resources, fleet) = operation.read(|environment| {
        let fleet: Vec<_> = environment
            .instances
            .iter()
            .map(|instance| instance.id.clone())
            .collect();
        (
            environment.name.clone(),
            environment.resources.clone(),
            fleet,
        )
    })?;
    operation.info(
        "Validating environment's EC2 instances have termination protection disabled before \
         performing termination.",
    );
    operation.info("Finished validating environment's EC2 instances for termination protection.");
    operation.sleep(durations::START).await?;
    for alarm in ["AWSEBCloudwatchAlarmHigh", "AWSEBCloudwatchAlarmLow"] {
        operation.info(format!(
            "Deleted CloudWatch alarm named: {}",
            names::stack_resource(&operation.environment, alarm)
        ));
    }
    if let Some(balancer) = &resources.load_balancer {
        operation.sleep(durations::SMALL_RESOURCE).await?;
        operation.info(format!("Deleted load balancer named: {balancer}"));
    }
    operation.info("Waiting for EC2 instances to terminate. This may take a few minutes.");
    instances::terminate(operation, &fleet).await;
    operation.sleep(durations::TERMINATION).await?;
    operation.info(format!(
        "Deleted Auto Scaling group named: {}",
        resources.auto_scaling_group
    ));
    operation.info(format!(
        "Deleted Auto Scaling launch template named: {}",
        resources.launch_template
    ));
    let groups = [
        (
            resources.instance_group,
            Some(resources.instance_group_name),
        ),
        (resources.load_balancer_group, None),
    ];
    let own: Vec<String> = groups.iter().filter_map(|(id, _)| id.clone()).collect();
    for (id, shown) in groups {
        if let Some(id) = id {
            let shown = shown.unwrap_or_else(|| id.clone());
            delete_group(operation, &id, &shown, &own).await?;
        }
    }
    operation.sleep(durations::SMALL_RESOURCE).await?;
    operation.info(format!("Deleting SNS topic for environment {name}."));
    Ok(())
}

async fn delete_group(operation: &Operation, id: &str, shown: &str, own: &[String]) -> Step<()> {
    operation.sleep(durations::SMALL_RESOURCE).await?;
    let network = operation.shared.world.network();
    if network.is_security_group_used(id, own).await {
        operation.error(format!(
            "Deleting security group named: {shown} failed Reason: resource {id} has a dependent \
             object"
        ));
        return Err(Trouble::Failed);
    }
    network.delete_security_group(id).await;
    operation.info(format!("Deleted security group named: {shown}"));
    Ok(())
}

fn finish(operation: &Operation) {
    let events = [(
        Severity::Info,
        "terminateEnvironment completed successfully.".to_owned(),
    )];
    operation.finish_as(EnvironmentStatus::Terminated, &events, |environment| {
        environment.verdict = Verdict::new(Status::NoData, []);
        environment.basic_color = "Grey";
        environment.gone.cancel();
    });
}
