//! CreateEnvironment: from nothing to an environment that serves.

use super::deploy::{give_up_on, healthy};
use super::operation::{Operation, Step, Trouble};
use super::update::prepare;
use super::{command, durations, instances};
use crate::beanstalk::event_log::Severity;
use crate::beanstalk::names;
use crate::beanstalk::options::Settings;
use crate::beanstalk::rollout::Rollout;
use crate::beanstalk::state::{Environment, Resources, SAMPLE_APPLICATION};
use crate::clock::add;
use crate::data_plane::IngressSource;
use crate::faults::DeploymentFacts;
use crate::world::{NewSecurityGroup, World};

/// Facts of the environment that do not change while it is created.
struct Plan {
    id: String,
    name: String,
    cname: String,
    label: String,
    settings: Settings,
    load_balanced: bool,
}

impl Plan {
    fn of(environment: &Environment) -> Self {
        let settings = environment.settings.clone();
        Self {
            id: environment.id.clone(),
            name: environment.name.clone(),
            cname: environment.cname.clone(),
            label: environment.version_label.clone(),
            load_balanced: !settings.is(
                "aws:elasticbeanstalk:environment",
                "EnvironmentType",
                "SingleInstance",
            ),
            settings,
        }
    }

    fn facts(&self) -> DeploymentFacts<'_> {
        DeploymentFacts {
            environment: &self.name,
            version: if self.label == SAMPLE_APPLICATION {
                ""
            } else {
                &self.label
            },
            deployment: 1,
        }
    }
}

/// Creates the environment. It is ready afterwards, healthy or not.
pub(crate) async fn create(operation: Operation) {
    let Ok(plan) = operation.read(Plan::of) else {
        return;
    };
    let result = run(&operation, &plan).await;
    let faults = operation.shared.world.faults();
    let now = operation.now();
    let (event, red, stuck) = match result {
        Ok(()) => (
            (
                Severity::Info,
                format!("Successfully launched environment: {}", plan.name),
            ),
            faults.red_after(plan.facts()),
            faults.health_stuck(plan.facts()),
        ),
        Err(Trouble::Failed | Trouble::Aborted) => (
            (
                Severity::Error,
                "Create environment operation is complete, but with errors. For more information, \
                 see troubleshooting documentation."
                    .to_owned(),
            ),
            None,
            None,
        ),
    };
    operation.finish(&[event], |environment| {
        environment.stuck = stuck;
        if let Some(red) = red {
            environment.red = Some((plan.label.clone(), add(now, red.after)));
        }
    });
}

async fn run(operation: &Operation, plan: &Plan) -> Step<()> {
    let world = operation.shared.world.clone();
    operation.sleep(durations::START).await?;
    let bucket = storage_bucket(&world);
    world.storage().ensure_bucket(&bucket).await;
    operation.info(format!(
        "Using {bucket} as Amazon S3 storage bucket for environment data."
    ));
    make_security_groups(operation, plan).await?;
    make_scaling_group(operation, plan).await?;
    operation.info("Waiting for EC2 instances to launch. This may take a few minutes.");
    let fleet = instances::launch(operation, plan.settings.least_instances(), 1).await?;
    if plan.load_balanced {
        make_load_balancer(operation, plan).await?;
    }
    let payload = prepare(operation, 1, &plan.label, &plan.settings).await?;
    let rollout = Rollout::from_settings(&plan.settings);
    let script = command::Script {
        fails: world.faults().failing_batch(plan.facts()) == Some(1),
        left_behind: Vec::new(),
    };
    let failed = command::run(operation, &fleet, &payload, fleet.first(), &script).await?;
    instances::register(operation, &fleet, true)?;
    give_up_on(operation, &failed)?;
    healthy(operation, &fleet, &rollout).await?;
    // With the port, unlike on AWS: without it the name leads nowhere.
    let port = world.load_balancer_address.port();
    operation.info(format!("Application available at {}:{port}.", plan.cname));
    Ok(())
}

/// The bucket that Beanstalk keeps bundles and logs in.
pub(crate) fn storage_bucket(world: &World) -> String {
    format!("elasticbeanstalk-{}-{}", world.region, world.account)
}

async fn make_security_groups(operation: &Operation, plan: &Plan) -> Step<()> {
    let world = &operation.shared.world;
    let network = world.network();
    let vpc_id = plan
        .settings
        .get("aws:ec2:vpc", "VPCId")
        .filter(|id| !id.is_empty());
    let Some(vpc) = network.vpc(vpc_id).await else {
        // Only a world without EC2 gets here: requests that name an unknown network are refused.
        return operation.sleep(durations::SMALL_RESOURCE).await;
    };
    let chosen = plan.settings.list("aws:ec2:vpc", "Subnets");
    let subnets: Vec<(String, String)> = vpc
        .subnets
        .iter()
        .filter(|subnet| chosen.is_empty() || chosen.contains(&subnet.id))
        .map(|subnet| (subnet.id.clone(), subnet.zone.clone()))
        .collect();
    let mut sources = vec![(80, IngressSource::Cidr("0.0.0.0/0".to_owned()))];
    let mut balancer_group = None;
    if plan.load_balanced {
        let group = NewSecurityGroup {
            name: names::stack_resource(&plan.id, "AWSEBLoadBalancerSecurityGroup"),
            description: "Load Balancer Security Group".to_owned(),
            vpc: vpc.id.clone(),
            tags: tags(plan, "AWSEBLoadBalancerSecurityGroup"),
            ingress: sources.clone(),
        };
        balancer_group = network.create_security_group(&group).await;
        if let Some(id) = &balancer_group {
            operation.sleep(durations::SMALL_RESOURCE).await?;
            operation.info(format!("Created security group named: {id}"));
            sources = vec![(80, IngressSource::Group(id.clone()))];
        }
    }
    let name = operation.read(|environment| environment.resources.instance_group_name.clone())?;
    let group = NewSecurityGroup {
        name: name.clone(),
        description: "SecurityGroup for ElasticBeanstalk environment.".to_owned(),
        vpc: vpc.id,
        tags: tags(plan, "AWSEBSecurityGroup"),
        ingress: sources,
    };
    let instance_group = network.create_security_group(&group).await;
    operation.sleep(durations::SMALL_RESOURCE).await?;
    operation.info(format!("Created security group named: {name}"));
    let further = plan
        .settings
        .list("aws:autoscaling:launchconfiguration", "SecurityGroups");
    operation.change(|environment| {
        environment.resources.subnets = subnets;
        environment.resources.load_balancer_group = balancer_group;
        environment.resources.instance_group = instance_group;
        environment.resources.further_groups = further;
    })
}

fn tags(plan: &Plan, logical: &str) -> Vec<(String, String)> {
    let tag = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    vec![
        tag("Name", &plan.name),
        tag("elasticbeanstalk:environment-id", &plan.id),
        tag("elasticbeanstalk:environment-name", &plan.name),
        tag("aws:cloudformation:logical-id", logical),
        tag(
            "aws:cloudformation:stack-name",
            &format!("awseb-{}-stack", plan.id),
        ),
    ]
}

async fn make_scaling_group(operation: &Operation, plan: &Plan) -> Step<()> {
    let resources = operation.read(|environment| environment.resources.clone())?;
    if plan.load_balanced {
        operation.sleep(durations::SMALL_RESOURCE).await?;
        operation.info(format!(
            "Created target group named: {}",
            resources.target_group
        ));
    }
    operation.sleep(durations::SMALL_RESOURCE).await?;
    operation.info(format!(
        "Created Auto Scaling launch template named: {}",
        resources.launch_template
    ));
    operation.sleep(durations::SMALL_RESOURCE).await?;
    operation.info(format!(
        "Created Auto Scaling group named: {}",
        resources.auto_scaling_group
    ));
    Ok(())
}

async fn make_load_balancer(operation: &Operation, plan: &Plan) -> Step<()> {
    for alarm in ["AWSEBCloudwatchAlarmLow", "AWSEBCloudwatchAlarmHigh"] {
        operation.info(format!(
            "Created CloudWatch alarm named: {}",
            names::stack_resource(&plan.id, alarm)
        ));
    }
    operation.sleep(durations::LOAD_BALANCER).await?;
    let balancer = operation.read(|environment| environment.resources.load_balancer.clone())?;
    let balancer = balancer.unwrap_or_default();
    operation.info(format!("Created load balancer named: {balancer}"));
    operation.info(format!(
        "Created Load Balancer listener named: {}/{}",
        balancer.replacen(":loadbalancer/", ":listener/", 1),
        names::hexadecimal()
    ));
    Ok(())
}

/// The names of the resources that an environment will have.
pub(crate) fn resources(id: &str, settings: &Settings, world: &World) -> Resources {
    let prefix = format!(
        "arn:aws:elasticloadbalancing:{}:{}",
        world.region, world.account
    );
    let load_balanced = !settings.is(
        "aws:elasticbeanstalk:environment",
        "EnvironmentType",
        "SingleInstance",
    );
    let short = names::short();
    let kind = match settings.get("aws:elasticbeanstalk:environment", "LoadBalancerType") {
        Some("network") => "net",
        _ => "app",
    };
    let balancer = if settings.is(
        "aws:elasticbeanstalk:environment",
        "LoadBalancerType",
        "classic",
    ) {
        format!("awseb-{}-AWSEBLoa-{short}", id.trim_start_matches("e-"))
    } else {
        format!(
            "{prefix}:loadbalancer/{kind}/awseb--AWSEB-{short}/{}",
            names::hexadecimal()
        )
    };
    Resources {
        auto_scaling_group: names::stack_resource(id, "AWSEBAutoScalingGroup"),
        launch_template: format!("lt-0{}", names::hexadecimal()),
        load_balancer: load_balanced.then_some(balancer),
        load_balancer_group: None,
        target_group: format!(
            "{prefix}:targetgroup/awseb-AWSEB-{}/{}",
            names::short(),
            names::hexadecimal()
        ),
        instance_group_name: names::stack_resource(id, "AWSEBSecurityGroup"),
        instance_group: None,
        further_groups: Vec::new(),
        subnets: Vec::new(),
    }
}
