//! What the second environment gets from the first.

use std::collections::BTreeSet;

use beanpole_cloud::Color;

use super::*;

fn description(status: EnvironmentStatus) -> EnvironmentDescription {
    EnvironmentDescription {
        id: "e-1".to_owned(),
        name: "shop-b".to_owned(),
        application: "shop".to_owned(),
        arn: None,
        tier: None,
        version_label: None,
        status,
        health: Color::Green,
        health_status: None,
        cname: None,
        endpoint_url: None,
        platform_arn: None,
        solution_stack: None,
        abortable: false,
        created: None,
        updated: None,
    }
}

fn group(id: &str, name: &str, sources: &[Source]) -> SecurityGroup {
    let rule = |source: &Source| Rule::tcp(5432, source.clone(), "from the application");
    SecurityGroup {
        id: id.to_owned(),
        name: name.to_owned(),
        vpc: None,
        description: String::new(),
        ingress: sources.iter().map(rule).collect::<BTreeSet<_>>(),
        tags: BTreeMap::new(),
    }
}

#[test]
fn what_is_to_do_follows_from_the_status() {
    let decide = |status| preparation(Some(&description(status)));
    assert_eq!(preparation(None), Preparation::Create);
    assert_eq!(decide(EnvironmentStatus::Terminated), Preparation::Create);
    assert_eq!(decide(EnvironmentStatus::Terminating), Preparation::Outlast);
    assert_eq!(decide(EnvironmentStatus::Launching), Preparation::Await);
    for status in [
        EnvironmentStatus::Ready,
        EnvironmentStatus::Updating,
        EnvironmentStatus::Aborting,
        EnvironmentStatus::Other("New".to_owned()),
    ] {
        assert_eq!(decide(status), Preparation::Reuse);
    }
}

#[test]
fn settings_of_this_environment_only_are_not_passed_on() {
    let own = group("sg-1", "awseb-e-1-stack-AWSEBSecurityGroup-X", &[]);
    let settings = [
        OptionSetting::new("aws:cloudformation:template:parameter", "HooksPkgUrl", "x"),
        OptionSetting::new("aws:autoscaling:asg", "MaxSize", "6"),
        OptionSetting::new("aws:autoscaling:asg", "MinSize", "1"),
        OptionSetting::new("aws:ec2:vpc", "VPCId", ""),
        OptionSetting::new(
            LAUNCH,
            "SecurityGroups",
            "sg-1, awseb-e-1-stack-AWSEBSecurityGroup-X,sg-9",
        ),
    ];
    let passed = comparable(&settings, Some(&own));
    assert_eq!(
        passed,
        [
            OptionSetting::new("aws:autoscaling:asg", "MaxSize", "6"),
            OptionSetting::new("aws:autoscaling:asg", "MinSize", "1"),
            OptionSetting::new(LAUNCH, "SecurityGroups", "sg-9"),
        ]
    );
    let defaults = BTreeMap::from([(
        OptionName::new("aws:autoscaling:asg", "MinSize"),
        "1".to_owned(),
    )]);
    let beyond = beyond_defaults(passed, &defaults);
    assert!(
        !beyond.iter().any(|own| own.name == "MinSize"),
        "{beyond:?}"
    );
    // With no group but its own, nothing is left to say.
    let alone = [OptionSetting::new(LAUNCH, "SecurityGroups", "sg-1")];
    assert_eq!(comparable(&alone, Some(&own)), []);
}

#[test]
fn a_coupled_database_forbids_a_second_environment() {
    let database = |engine| [OptionSetting::new("aws:rds:dbinstance", "DBEngine", engine)];
    assert!(hindrance(&database("postgres")).is_some());
    assert!(hindrance(&database("")).is_none());
}

#[test]
fn tags_of_aws_are_not_passed_on() {
    let tags = ["team", "Name", "elasticbeanstalk:environment-id", "aws:x"];
    let tags = tags.map(|key| (key.to_owned(), "v".to_owned())).into();
    let passed: Vec<String> = inherited(tags).into_keys().collect();
    assert_eq!(passed, ["team"]);
}

#[test]
fn every_door_that_admits_the_one_is_made_out_to_the_other() {
    let blue = Source::Group("sg-blue".to_owned());
    let other = Source::Cidr("10.0.0.0/8".to_owned());
    let groups = [
        group("sg-db", "beanpole-shop-database", &[blue.clone(), other]),
        group(
            "sg-cache",
            "beanpole-shop-cache",
            std::slice::from_ref(&blue),
        ),
        group("sg-lb", "awseb-e-1-stack-Something", &[blue]),
    ];
    let found = doors(&groups, "sg-blue", "e-1", "sg-green");
    let shown: Vec<(&str, &Source)> = found
        .iter()
        .map(|(group, rule)| (group.as_str(), &rule.source))
        .collect();
    let green = Source::Group("sg-green".to_owned());
    assert_eq!(shown, [("sg-db", &green), ("sg-cache", &green)]);
    assert_eq!(
        found[0].1.description.as_deref(),
        Some("from the application")
    );
}
