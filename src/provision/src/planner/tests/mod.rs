//! Plans of worlds that are made up: by hand for what people read, at random for what must always
//! hold.

mod any_world;
mod world;

use beanpole_cloud::{OptionSetting, Rule, Source};
use beanpole_model::{ExitCode, Problem as _};
use beanpole_secrets::Connection;

use super::*;
use crate::observed::{PlatformFacts, RoleFacts};
use crate::plan::{KNOWN_AFTER_APPLY, SECRET};
use world::{PLANTED, PLATFORM, bare, complete, plan_of, project};

fn rules(plan: &Plan) -> Vec<&str> {
    plan.findings
        .iter()
        .map(|finding| finding.rule.as_str())
        .collect()
}

#[test]
fn the_first_plan() {
    insta::assert_snapshot!(plan_of(&project(), &bare()).to_string());
}

#[test]
fn the_first_plan_as_json() {
    insta::assert_json_snapshot!(plan_of(&project(), &bare()));
}

#[test]
fn a_made_world_needs_nothing() {
    let project = project();
    let plan = plan_of(&project, &complete(&project));
    assert!(plan.is_empty(), "{plan}");
    assert_eq!(plan.findings, []);
    insta::assert_snapshot!(plan.to_string());
}

#[test]
fn changes_that_can_be_made() {
    let mut project = project();
    let world = complete(&project);
    let database = project.database.as_mut().unwrap();
    database.class = "db.t3.small".to_owned();
    database.storage_gib = 40;
    database.multi_az = true;
    database.backup_retention_days = 0;
    database.deletion_protection = false;
    project.cache.as_mut().unwrap().node_type = "cache.t4g.small".to_owned();
    project.instances.max = 8;
    project
        .variables
        .insert("NEW".to_owned(), "value".to_owned());
    let plan = plan_of(&project, &world);
    plan.check().unwrap();
    insta::assert_snapshot!(plan.to_string());
}

#[test]
fn what_cannot_be_changed_in_place_stops_the_plan() {
    let mut project = project();
    let world = complete(&project);
    let database = project.database.as_mut().unwrap();
    database.encrypted = false;
    database.name = "other".to_owned();
    database.username = "other".to_owned();
    let cache = project.cache.as_mut().unwrap();
    cache.port = 6380;
    cache.transit_encryption = true;
    let plan = plan_of(&project, &world);
    assert_eq!(plan.change("database").unwrap().action, Action::Replace);
    assert_eq!(plan.change("cache").unwrap().action, Action::Replace);
    let error = plan.check().unwrap_err();
    assert_eq!(error.exit_code(), ExitCode::Usage);
    assert_eq!(error.details().len(), 5, "{:?}", error.details());
    insta::assert_snapshot!(plan.to_string());
}

#[test]
fn storage_never_shrinks() {
    let mut project = project();
    project.database.as_mut().unwrap().storage_gib = 100;
    let world = complete(&project);
    project.database.as_mut().unwrap().storage_gib = 50;
    let plan = plan_of(&project, &world);
    assert_eq!(plan.change("database").unwrap().action, Action::Replace);
    assert!(plan.check().is_err());
}

#[test]
fn a_classic_load_balancer_stops_the_plan() {
    let project = project();
    let mut world = complete(&project);
    for setting in &mut world.environment.as_mut().unwrap().settings {
        if setting.name == "LoadBalancerType" {
            setting.value = "classic".to_owned();
        }
    }
    let plan = plan_of(&project, &world);
    assert_eq!(plan.change("environment").unwrap().action, Action::Replace);
    assert!(rules(&plan).contains(&"not-changeable"));
}

#[test]
fn missing_roles_come_with_the_commands_that_make_them() {
    let world = Observed {
        roles: RoleFacts::default(),
        ..bare()
    };
    let plan = plan_of(&project(), &world);
    let error = plan.check().unwrap_err();
    assert_eq!(error.exit_code(), ExitCode::Credentials);
    let remedies: Vec<&str> = plan
        .blockers()
        .filter_map(|finding| finding.remedy.as_deref())
        .collect();
    assert_eq!(remedies.len(), 2);
    assert!(
        remedies[0].contains("aws iam create-instance-profile"),
        "{}",
        remedies[0]
    );
    assert!(
        remedies[1].contains("AWSElasticBeanstalkEnhancedHealth"),
        "{}",
        remedies[1]
    );
}

#[test]
fn something_that_is_being_deleted_is_busy() {
    let project = project();
    let mut world = complete(&project);
    world.environment.as_mut().unwrap().status = "Terminating".to_owned();
    let error = plan_of(&project, &world).check().unwrap_err();
    assert_eq!(error.exit_code(), ExitCode::Busy);
}

#[test]
fn a_database_without_its_password_is_not_touched() {
    let project = project();
    let mut world = complete(&project);
    world.secrets.remove(&Connection::Database.name(&project));
    let plan = plan_of(&project, &world);
    assert_eq!(rules(&plan), ["unknown-password"]);
    assert!(
        plan.change("database-secret").is_none(),
        "no new password is made"
    );
}

#[test]
fn a_missing_secret_of_the_application_is_told_and_a_secret_key_is_made() {
    let mut project = project();
    project
        .secrets
        .names
        .insert("DJANGO_SECRET_KEY".to_owned(), "blog/secret-key".to_owned());
    project
        .secrets
        .names
        .insert("AWS_SECRET_KEY".to_owned(), "blog/aws".to_owned());
    let plan = plan_of(&project, &bare());
    assert_eq!(
        plan.change("secret-django-secret-key")
            .unwrap()
            .resource
            .name,
        "blog/secret-key"
    );
    let unknown: Vec<_> = plan
        .blockers()
        .map(|finding| finding.rule.as_str())
        .collect();
    assert_eq!(unknown, ["unknown-secret"]);
    // Nothing but the named key is signed with, so no second one is made.
    assert!(plan.change("app-secret").is_none());
}

#[test]
fn a_half_made_world_is_finished() {
    let project = project();
    let mut world = complete(&project);
    // Killed while RDS and Beanstalk were at work.
    let database = world.database.as_mut().unwrap();
    database.status = "creating".to_owned();
    database.endpoint = None;
    database.port = None;
    let environment = world.environment.as_mut().unwrap();
    environment.status = "Launching".to_owned();
    environment.settings.clear();
    environment.security_group = None;
    let plan = plan_of(&project, &world);
    plan.check().unwrap();
    for (id, from, to) in [
        ("database", "creating", "available"),
        ("environment", "Launching", "Ready"),
    ] {
        let change = plan.change(id).unwrap();
        assert_eq!(change.action, Action::Update, "{id}");
        assert_eq!(change.fields[0].from.as_deref(), Some(from));
        assert_eq!(change.fields[0].to.as_deref(), Some(to));
    }
    let connection = plan.change("database-connection").unwrap();
    assert_eq!(connection.action, Action::Update);
    assert_eq!(connection.fields[0].to.as_deref(), Some(KNOWN_AFTER_APPLY));
    // Whoever agreed to the first plan agreed to finishing it.
    assert_eq!(
        plan_of(&project, &bare()).beyond(&plan),
        Vec::<String>::new()
    );
}

#[test]
fn a_plan_does_not_cover_what_it_does_not_name() {
    let mut project = project();
    let world = complete(&project);
    project.instances.max = 8;
    let agreed = plan_of(&project, &world);
    project.instances.max = 9;
    let beyond = agreed.beyond(&plan_of(&project, &world));
    assert_eq!(
        beyond,
        ["~ environment `blog-production`: aws:autoscaling:asg MaxSize"]
    );
    assert_eq!(agreed.beyond(&agreed), Vec::<String>::new());
}

#[test]
fn an_open_group_and_a_stray_variable_are_told() {
    let project = project();
    let mut world = complete(&project);
    let everywhere = Rule::tcp(5432, Source::Cidr("0.0.0.0/0".to_owned()), "");
    world
        .security_groups
        .get_mut(&Store::Database)
        .unwrap()
        .ingress
        .insert(everywhere);
    let namespace = crate::settings::VARIABLES;
    let stray = OptionSetting::new(namespace, "STRAY", PLANTED);
    let twice = OptionSetting::new(namespace, "DB_PASSWORD", PLANTED);
    world
        .environment
        .as_mut()
        .unwrap()
        .settings
        .extend([stray, twice]);
    let plan = plan_of(&project, &world);
    assert_eq!(
        rules(&plan),
        [
            "open-to-the-world",
            "plain-and-secret",
            "undeclared-variables"
        ]
    );
    assert!(plan.is_empty(), "warnings do not stop anything");
    assert!(!plan.to_string().contains(PLANTED));
}

#[test]
fn a_store_in_an_own_network_gets_a_subnet_group_in_two_zones() {
    let mut project = project();
    project.network.vpc = Some("vpc-1".to_owned());
    project.network.subnets = vec!["subnet-b".to_owned(), "subnet-a".to_owned()];
    let plan = plan_of(&project, &bare());
    plan.check().unwrap();
    let group = plan.change("database-subnet-group").unwrap();
    assert_eq!(group.fields[0].to.as_deref(), Some("subnet-a,subnet-b"));
    assert!(
        plan.change("database")
            .unwrap()
            .needs
            .contains(&"database-subnet-group".to_owned())
    );
    project.network.subnets.pop();
    assert!(rules(&plan_of(&project, &bare())).contains(&"too-few-zones"));
}

#[test]
fn a_platform_moves_only_when_the_manifest_says_so() {
    let mut project = project();
    let mut world = complete(&project);
    let newer = PLATFORM.replace("4.3.1", "4.9.0");
    world.platform = Some(PlatformFacts { arn: newer.clone() });
    assert!(plan_of(&project, &world).is_empty());
    project.platform.version = Some("4.9.0".to_owned());
    let plan = plan_of(&project, &world);
    let change = plan.change("environment").unwrap();
    assert_eq!(
        change.fields.last().unwrap().to.as_deref(),
        Some(newer.as_str())
    );
}

#[test]
fn secrets_are_marked() {
    let plan = plan_of(&project(), &bare());
    let password = &plan.change("database-secret").unwrap().fields[0];
    assert_eq!(password.to.as_deref(), Some(SECRET));
}
