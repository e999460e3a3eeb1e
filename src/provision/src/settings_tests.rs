//! The settings of real manifests, and their comparison.

use beanpole_manifest::Manifest;

use super::*;

fn project(text: &str) -> Project {
    Manifest::parse("beanpole.yaml".into(), text)
        .unwrap()
        .environment(None)
        .unwrap()
}

fn lines(settings: &[Setting]) -> String {
    let lines: Vec<String> = settings
        .iter()
        .map(|own| {
            format!(
                "{} = {}",
                own.full_name(),
                own.value.as_deref().unwrap_or("?")
            )
        })
        .collect();
    lines.join("\n")
}

fn in_force(settings: &[Setting]) -> Vec<OptionSetting> {
    settings
        .iter()
        .map(|own| OptionSetting::new(&own.namespace, &own.name, own.value.clone().unwrap()))
        .collect()
}

const SMALL: &str = "
application: blog
region: eu-central-1
processes: { web: { command: gunicorn, port: 8000 } }
environments: { production: {} }
";

const LARGE: &str = "
application: blog
region: eu-central-1
processes: { web: { command: gunicorn, port: 8000 } }
health: { path: /ht/, load_balancer_path: /livez/, thresholds: { healthy: 2, unhealthy: 4 } }
variables: { DJANGO_SETTINGS_MODULE: config.settings.prod }
instances: { types: [t3.medium, t3.large], min: 2, max: 6 }
deployment: { policy: rolling, batch: 2, timeout: 20m }
network:
  vpc: vpc-0123456789abcdef0
  subnets: [subnet-0000000a, subnet-0000000b]
  load_balancer_subnets: [subnet-0000000c, subnet-0000000d]
load_balancer: { scheme: internal, certificate_arn: 'arn:aws:acm:eu-central-1:123456789012:certificate/x' }
roles: { instance_profile: blog-instances, service_role: blog-service }
database: {}
environments: { production: {} }
";

#[test]
fn the_settings_of_a_small_project() {
    insta::assert_snapshot!(lines(&declared(&project(SMALL), &BTreeMap::new())));
}

#[test]
fn the_settings_of_a_large_project() {
    let references = BTreeMap::from([
        (
            "DB_PASSWORD".to_owned(),
            Some("arn:secret:password".to_owned()),
        ),
        ("DB_HOSTNAME".to_owned(), None),
    ]);
    insta::assert_snapshot!(lines(&declared(&project(LARGE), &references)));
}

#[test]
fn what_is_in_force_does_not_differ() {
    let settings = declared(&project(LARGE), &BTreeMap::new());
    assert_eq!(differences(&settings, &in_force(&settings)), []);
}

#[test]
fn aws_spells_some_values_in_its_own_way() {
    let settings = declared(&project(LARGE), &BTreeMap::new());
    let mut spelled = in_force(&settings);
    for setting in &mut spelled {
        setting.value = match setting.name.as_str() {
            "Subnets" => "subnet-0000000b, subnet-0000000a".to_owned(),
            "ELBSubnets" => "subnet-0000000d,subnet-0000000c".to_owned(),
            "ServiceRole" => "arn:aws:iam::123456789012:role/blog-service".to_owned(),
            "IamInstanceProfile" => {
                "arn:aws:iam::123456789012:instance-profile/blog-instances".to_owned()
            }
            "DisableIMDSv1" => "True".to_owned(),
            "InstanceTypes" => "t3.medium, t3.large".to_owned(),
            _ => continue,
        };
    }
    // AWS's own defaults are none of our business.
    spelled.push(OptionSetting::new("aws:autoscaling:asg", "Cooldown", "360"));
    assert_eq!(differences(&settings, &spelled), []);
}

#[test]
fn the_order_of_instance_types_counts() {
    let settings = declared(&project(LARGE), &BTreeMap::new());
    let mut swapped = in_force(&settings);
    for setting in &mut swapped {
        if setting.name == "InstanceTypes" {
            setting.value = "t3.large,t3.medium".to_owned();
        }
    }
    let found = differences(&settings, &swapped);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].name, "aws:ec2:instances InstanceTypes");
    assert_eq!(found[0].from.as_deref(), Some("t3.large,t3.medium"));
}

#[test]
fn an_empty_setting_is_an_unset_one() {
    let settings = vec![Setting::new(VARIABLES, "EMPTY", "")];
    assert_eq!(differences(&settings, &[]), []);
    let listed = [OptionSetting::new(VARIABLES, "EMPTY", "")];
    assert_eq!(differences(&settings, &listed), []);
}

#[test]
fn a_secret_in_a_plain_variable_is_not_shown() {
    let settings = vec![
        Setting::new(
            VARIABLES,
            "SENTRY_DSN",
            "https://planted@sentry.example.com/1",
        ),
        Setting::new(VARIABLES, "BROKER", "amqp://user:planted@mq/"),
        Setting::new(VARIABLES, "PLAIN", "new"),
    ];
    let listed = [
        OptionSetting::new(VARIABLES, "SENTRY_DSN", "planted-before"),
        OptionSetting::new(VARIABLES, "PLAIN", "postgres://user:planted@db/app"),
    ];
    let found = differences(&settings, &listed);
    assert_eq!(found.len(), 3);
    assert!(!format!("{found:?}").contains("planted"), "{found:?}");
    assert_eq!(found[2].to.as_deref(), Some("new"));
}

#[test]
fn a_reference_to_a_secret_that_does_not_exist_is_known_later() {
    let references = BTreeMap::from([("DB_PASSWORD".to_owned(), None)]);
    let settings = declared(&project(SMALL), &references);
    let found = differences(
        &settings,
        &in_force(&declared(&project(SMALL), &BTreeMap::new())),
    );
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].to.as_deref(), Some(KNOWN_AFTER_APPLY));
}
