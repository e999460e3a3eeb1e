//! Changes of configuration over made-up environments.

use beanpole_manifest::Manifest;
use beanpole_model::{ExitCode, Problem as _};
use proptest::prelude::*;

use super::*;

const COMMAND: &str = "aws:elasticbeanstalk:command";

fn project(more: &str) -> Project {
    let text = format!(
        "application: blog\nregion: eu-central-1\nprocesses: {{web: {{command: gunicorn, port: \
         8000}}}}\n{more}"
    );
    Manifest::parse("beanpole.yaml".into(), &text)
        .unwrap()
        .environment(None)
        .unwrap()
}

/// What is in force once `project` was applied.
fn applied(project: &Project) -> Vec<OptionSetting> {
    declared(project, &BTreeMap::new())
        .into_iter()
        .filter_map(|own| Some(OptionSetting::new(own.namespace, own.name, own.value?)))
        .collect()
}

fn change(project: &Project, in_force: &[OptionSetting], former: &Project) -> ConfigurationChange {
    configuration_change(project, &BTreeMap::new(), in_force, &declared_names(former)).unwrap()
}

/// The settings after an update, as AWS would list them.
fn updated(
    in_force: &[OptionSetting],
    set: &[OptionSetting],
    remove: &[OptionName],
) -> Vec<OptionSetting> {
    let mut all: BTreeMap<OptionName, String> = in_force
        .iter()
        .map(|own| {
            (
                OptionName::new(&own.namespace, &own.name),
                own.value.clone(),
            )
        })
        .collect();
    for name in remove {
        all.remove(name);
    }
    for own in set {
        all.insert(
            OptionName::new(&own.namespace, &own.name),
            own.value.clone(),
        );
    }
    all.into_iter()
        .map(|(place, value)| OptionSetting::new(place.namespace, place.name, value))
        .collect()
}

#[test]
fn what_is_as_it_should_be_is_not_changed() {
    let project = project("variables: {A: '1'}\n");
    let change = change(&project, &applied(&project), &project);
    assert!(change.is_empty(), "{change}");
    assert!(change.restore.is_empty());
}

#[test]
fn new_and_other_values_go_first_and_what_is_gone_goes_last() {
    let former = project("variables: {KEPT: '1', OTHER: old, GONE: x}\n");
    let wanted = project("variables: {KEPT: '1', OTHER: new, ADDED: y}\ninstances: {max: 6}\n");
    let in_force = applied(&former);
    let change = change(&wanted, &in_force, &former);
    insta::assert_snapshot!(change, @"
    ~ aws:autoscaling:asg MaxSize: 4 -> 6
    + aws:elasticbeanstalk:application:environment ADDED: y
    ~ aws:elasticbeanstalk:application:environment OTHER: old -> new
    - aws:elasticbeanstalk:application:environment GONE
    ");
    assert_eq!(change.removed, [OptionName::new(VARIABLES, "GONE")]);
    let between = updated(&in_force, &change.before, &[]);
    assert!(change.first_half().left(&between).is_empty());
    assert_eq!(change.second_half().left(&between), change.second_half());
    let after = updated(&between, &[], &change.removed);
    assert!(change.whole().left(&after).is_empty());
    for state in [between, after] {
        let left = change.restore.left(&state);
        let back = updated(&state, &left.settings, &left.remove);
        assert_eq!(back, updated(&in_force, &[], &[]));
    }
}

#[test]
fn what_nobody_declared_is_left_alone() {
    let wanted = project("");
    let mut in_force = applied(&wanted);
    in_force.push(OptionSetting::new(VARIABLES, "BY_HAND", "1"));
    in_force.push(OptionSetting::new(COMMAND, "IgnoreHealthCheck", "true"));
    assert!(change(&wanted, &in_force, &wanted).is_empty());
    // Options beside variables are never taken away, even if they were declared once.
    let former = project("load_balancer: {scheme: internal}\n");
    let change = change(&wanted, &applied(&former), &former);
    assert_eq!(change.removed, []);
}

#[test]
fn a_trial_is_declared_with_its_policy_only() {
    let split = "deployment: {policy: traffic-splitting, traffic_split: {percentage: 25, evaluation: 10m}}\n";
    let change = change(&project(split), &applied(&project("")), &project(""));
    let text = change.to_string();
    for line in [
        "DeploymentPolicy: RollingWithAdditionalBatch -> TrafficSplitting",
        "trafficsplitting EvaluationTime: 10",
        "trafficsplitting NewVersionPercent: 25",
    ] {
        assert!(text.contains(line), "{line} is missing in {text}");
    }
    let usual = declared(&project(""), &BTreeMap::new());
    assert!(
        !usual
            .iter()
            .any(|own| own.namespace.ends_with("trafficsplitting"))
    );
}

#[test]
fn values_that_may_be_secret_are_in_no_text() {
    let former = project("variables: {API_TOKEN: hunter2, URL: 'https://me:hunter2@host/'}\n");
    let wanted = project("variables: {API_TOKEN: hunter3, NEW_PASSWORD: hunter4}\n");
    let change = change(&wanted, &applied(&former), &former);
    let text = format!("{change} {change:?} {:?}", change.fields());
    assert!(text.contains("API_TOKEN") && text.contains("URL"), "{text}");
    assert!(!text.contains("hunter"), "{text}");
    let (kept, withheld) = change.restore.without_secrets();
    assert!(!serde_json::to_string(&kept).unwrap().contains("hunter"));
    let names: Vec<&str> = withheld.iter().map(|own| own.name.as_str()).collect();
    assert_eq!(names, ["API_TOKEN", "URL"]);
    let stored = serde_json::to_string(&change.restore).unwrap();
    let read: OptionChange = serde_json::from_str(&stored).unwrap();
    assert_eq!(read, change.restore);
}

#[test]
fn a_variable_that_becomes_a_secret_is_set_before_the_plain_one_goes() {
    let former = project("variables: {SENTRY_DSN: plain}\n");
    let wanted = project("secrets: {names: {SENTRY_DSN: blog/sentry}}\n");
    let arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:blog/sentry-abc";
    let all = connections::references(&wanted, &|_| Some(arn.to_owned()));
    let names = declared_names(&former);
    let change = configuration_change(&wanted, &all, &applied(&former), &names).unwrap();
    let is_reference = |own: &OptionSetting| own.namespace == SECRET_REFERENCES && own.value == arn;
    assert!(change.before.iter().any(is_reference), "{change}");
    assert_eq!(change.removed, [OptionName::new(VARIABLES, "SENTRY_DSN")]);
}

#[test]
fn a_missing_secret_and_a_fixed_load_balancer_stop_it() {
    let wanted = project("secrets: {names: {SENTRY_DSN: blog/sentry}}\n");
    let references = connections::references(&wanted, &|_| None);
    let mut in_force = applied(&wanted);
    for own in &mut in_force {
        if own.name == "LoadBalancerType" {
            own.value = "classic".to_owned();
        }
    }
    let error =
        configuration_change(&wanted, &references, &in_force, &BTreeSet::new()).unwrap_err();
    assert_eq!(error.exit_code(), ExitCode::Usage);
    let details = error.details().join("\n");
    assert!(details.contains("SENTRY_DSN"), "{details}");
    assert!(details.contains("of type `classic`"), "{details}");
}

#[test]
fn the_second_environment_is_levelled_with_the_first() {
    let first = applied(&project("variables: {A: '1', B: new}\n"));
    let second = applied(&project(
        "variables: {B: old, C: '3'}\ninstances: {max: 9}\n",
    ));
    let change = levelling(&first, &second);
    insta::assert_snapshot!(change, @"
    ~ aws:autoscaling:asg MaxSize: 9 -> 4
    + aws:elasticbeanstalk:application:environment A: 1
    ~ aws:elasticbeanstalk:application:environment B: old -> new
    - aws:elasticbeanstalk:application:environment C
    ");
    assert!(levelling(&first, &first).is_empty());
}

fn any_variables() -> impl Strategy<Value = BTreeMap<String, String>> {
    proptest::collection::btree_map("[A-E]", "[0-9]{1,2}", 0..5)
}

proptest! {
    /// Whatever was there: after both halves it is as wanted, and the way back leads back.
    #[test]
    fn there_and_back(before in any_variables(), after in any_variables(), by_hand in any_variables()) {
        let with = |variables: BTreeMap<String, String>| Project { variables, ..project("") };
        let former = with(before);
        let wanted = with(after);
        let mut in_force = applied(&former);
        in_force.extend(by_hand.iter().map(|(name, value)| OptionSetting::new(VARIABLES, format!("HAND_{name}"), value)));
        let in_force = updated(&in_force, &[], &[]);
        let change = change(&wanted, &in_force, &former);
        let between = updated(&in_force, &change.before, &[]);
        let end = updated(&between, &[], &change.removed);
        let repeated = configuration_change(&wanted, &BTreeMap::new(), &end, &declared_names(&former)).unwrap();
        prop_assert!(repeated.is_empty());
        for own in in_force.iter().filter(|own| own.name.starts_with("HAND_")) {
            prop_assert!(end.contains(own));
        }
        let left = change.restore.left(&end);
        prop_assert_eq!(updated(&end, &left.settings, &left.remove), in_force);
    }
}
