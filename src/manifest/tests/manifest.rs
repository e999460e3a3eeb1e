//! Good manifests: defaults, overlays, the example project, and the schema.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::time::Duration;

use beanpole_manifest::{
    Batch, CheckLevel, Keep, Manifest, NewRelicRegion, Policy, Project, Strategy, TicketPlace,
    template,
};
use camino::{Utf8Path, Utf8PathBuf};
use proptest::prelude::*;
use serde_json::Value;

const SMALLEST: &str = "\
application: blog
region: eu-central-1
processes:
  web: {command: gunicorn, port: 8000}
";

fn parse(text: &str) -> Manifest {
    match Manifest::parse(Utf8Path::new("beanpole.yaml"), text) {
        Ok(manifest) => manifest,
        Err(error) => unreachable!("{error} {:?}", error.issues()),
    }
}

fn only(text: &str) -> Project {
    parse(text).environment(None).unwrap()
}

fn example() -> Utf8PathBuf {
    Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/blog/beanpole.yaml")
}

#[test]
fn the_defaults_are_the_documented_ones() {
    insta::assert_yaml_snapshot!(only(&format!("{SMALLEST}database: {{}}\ncache: {{}}\n")));
}

#[test]
fn without_sections_there_is_no_database_and_no_cache() {
    let project = only(SMALLEST);
    assert_eq!((project.database, project.cache), (None, None));
    assert_eq!(project.environment.as_str(), "blog-production");
}

#[test]
fn markers_need_little() {
    let markers = only(&format!(
        "{SMALLEST}markers:
  rollbar: {{}}
  sentry: {{organization: acme, project: blog, url: 'https://de.sentry.io'}}
  new_relic: {{entity_guid: MTIzNDU2N3xBUE18QVBQTElDQVRJT058MQ, region: eu}}
"
    ))
    .markers;
    let sentry = markers.sentry.unwrap();
    assert_eq!(
        markers.rollbar.unwrap().token_variable,
        "ROLLBAR_ACCESS_TOKEN"
    );
    assert_eq!(sentry.token_variable, "SENTRY_AUTH_TOKEN");
    assert_eq!(sentry.url.as_deref(), Some("https://de.sentry.io"));
    let new_relic = markers.new_relic.unwrap();
    assert_eq!(new_relic.key_variable, "NEW_RELIC_API_KEY");
    assert_eq!(new_relic.region, NewRelicRegion::Eu);
}

#[test]
fn environments_overlay_the_rest() {
    let manifest = parse(&format!(
        "{SMALLEST}
x-shared: &small {{max: 2}}
variables: {{A: base, B: 1.10, C: yes}}
health: {{soak: 5m}}
database: {{class: db.t3.small, port: 6543}}
cache: {{replicas: 1}}
release: [one, two]
environments:
  staging:
    instances: *small
    variables: {{A: staging, C: null}}
    health: {{soak: null}}
    cache: null
    release: [three]
    x-note: {{anything: [at, all]}}
  production:
    environment_name: blog-live
    region: us-east-1
    account: 012345678901
    deployment: {{policy: immutable, batch: 2}}
    database: {{multi_az: true}}
    cname_prefix: my-blog
"
    ));
    assert_eq!(manifest.environment_names(), ["staging", "production"]);
    let staging = manifest.environment(Some("staging")).unwrap();
    assert_eq!(staging.instances.max, 2);
    assert_eq!(
        staging.variables.into_iter().collect::<Vec<_>>(),
        [
            ("A".to_owned(), "staging".to_owned()),
            ("B".to_owned(), "1.10".to_owned())
        ]
    );
    assert_eq!(staging.health.soak, Duration::from_secs(120));
    assert_eq!(staging.cache, None);
    assert_eq!(staging.release, ["three"]);
    let database = staging.database.unwrap();
    assert_eq!(
        (database.identifier.as_str(), database.port),
        ("blog-staging-db", 6543)
    );

    let production = manifest.environment(Some("production")).unwrap();
    assert_eq!(production.environment.as_str(), "blog-live");
    assert_eq!(production.region.as_str(), "us-east-1");
    assert_eq!(production.account.unwrap().as_str(), "012345678901");
    assert_eq!(production.deployment.policy, Policy::Immutable);
    assert_eq!(production.deployment.batch, Batch::Fixed(2));
    let database = production.database.unwrap();
    assert_eq!(
        (database.class.as_str(), database.port),
        ("db.t3.small", 6543)
    );
    assert!(database.multi_az);
    assert_eq!(production.cache.unwrap().identifier, "blog-live-cache");
    assert_eq!(production.variables["C"], "yes");
    assert_eq!(production.health.soak, Duration::from_secs(300));
    assert_eq!(production.release, ["one", "two"]);
}

#[test]
fn what_is_missing_at_the_top_may_come_from_the_environment() {
    let text = SMALLEST.replace("region: eu-central-1\n", "")
        + "environments: {staging: {region: eu-west-1}, production: {region: eu-central-1}}\n";
    let manifest = parse(&text);
    assert_eq!(
        manifest
            .environment(Some("staging"))
            .unwrap()
            .region
            .as_str(),
        "eu-west-1"
    );
}

#[test]
fn the_load_balancer_asks_for_the_same_path_unless_told() {
    assert_eq!(only(SMALLEST).health.load_balancer_path, "/ht/");
    let project = only(&format!("{SMALLEST}health: {{path: /a/}}\n"));
    assert_eq!(project.health.load_balancer_path, "/a/");
}

#[test]
fn the_example_is_valid_in_every_environment() {
    let manifest = Manifest::load(&example()).unwrap();
    for name in manifest.environment_names() {
        let project = manifest.environment(Some(name)).unwrap();
        assert!(
            project.database.is_some() && project.cache.is_some(),
            "{name}"
        );
        assert!(project.processes.contains_key("worker"), "{name}");
    }
    manifest.environment(None).unwrap();
}

#[test]
fn a_project_survives_as_json() {
    let project = Manifest::load(&example())
        .unwrap()
        .environment(None)
        .unwrap();
    let json = serde_json::to_value(&project).unwrap();
    assert_eq!(json["health"]["soak"], "2m");
    assert_eq!(json["deployment"]["batch"], "30%");
}

#[test]
fn strategy_and_trial_are_read_and_written() {
    let project = parse(&format!(
        "{SMALLEST}deployment: {{strategy: blue-green, blue_green: {{keep: 30m}}, traffic_split: \
         {{percentage: 25, evaluation: 10m}}}}\n"
    ))
    .environment(None)
    .unwrap();
    let deployment = &project.deployment;
    assert_eq!(deployment.strategy, Strategy::BlueGreen);
    assert_eq!(
        deployment.blue_green.keep,
        Keep::For(Duration::from_secs(1800))
    );
    assert_eq!(deployment.traffic_split.percentage, 25);
    let json = serde_json::to_value(deployment).unwrap();
    assert_eq!(json["strategy"], "blue-green");
    assert_eq!(json["blue_green"]["keep"], "30m");
    assert_eq!(json["traffic_split"]["evaluation"], "10m");
    let usual = parse(SMALLEST).environment(None).unwrap().deployment;
    assert_eq!(usual.strategy, Strategy::InPlace);
    assert_eq!(usual.blue_green.keep, Keep::NextRelease);
}

#[test]
fn checks_have_places_days_and_levels() {
    let text = format!(
        "{SMALLEST}checks:
  groups: {{test-names: false}}
  severity: {{drop-column: warning, pins: off}}
  ignore:
    - {{paths: [a], rules: [b], reason: c}}
    - paths: [legacy/, '**/old/*.py']
      rules: [drop-column]
      reason: goes away
      until: 2027-01-31
  coverage: {{total: 80, paths: {{blog/: 92.5}}}}
  migrations: {{modules: {{blog: blog.db}}, django: '5.10'}}
"
    );
    let checks = only(&text).checks;
    let off: Vec<_> = checks
        .groups
        .by_name()
        .into_iter()
        .filter(|(_, is_on)| !is_on)
        .collect();
    assert_eq!(off, [("test-names", false)]);
    assert_eq!(checks.severity["pins"], CheckLevel::Off);
    assert_eq!(checks.severity["drop-column"], CheckLevel::Warning);
    let lines: Vec<u32> = checks.ignore.iter().map(|ignore| ignore.line).collect();
    assert_eq!(lines, [9, 10]);
    assert_eq!(checks.ignore[1].until.unwrap().to_string(), "2027-01-31");
    assert_eq!(checks.coverage.total, Some(80.0));
    assert_eq!(checks.coverage.paths["blog/"], 92.5);
    assert_eq!(checks.migrations.django.as_deref(), Some("5.10"));
    assert_eq!(only(SMALLEST).checks, beanpole_manifest::Checks::default());
}

#[test]
fn settings_of_checks_are_read() {
    let checks = only(&format!(
        "{SMALLEST}checks:
  coverage: {{precision: 2, uncovered: false}}
  pins:
    development_files: [tools/**]
    pin_development: true
    test_packages: [our-fakes, pytest-*]
    allow_in_production: [ipython]
  branch:
    templates: ['{{type}}/{{ticket}}-{{name}}', hotfix]
    exempt: [develop]
    refuse_merges: true
    ticket_pattern: '#[0-9]+'
  commit_message: {{require_scope: true, ticket_place: after-type, ticket_pattern: '#[0-9]+'}}
  files: {{debug_modules: [shop.debug, _x]}}
  change_size: {{count_migrations: false, count_deleted_files: false}}
  secrets: {{allow_files: [.env.ci], assignments: false, baseline: [0a1b2c3d, 12345678, 1e234567]}}
"
    ))
    .checks;
    assert_eq!(checks.coverage.precision, Some(2));
    assert_eq!(checks.coverage.uncovered, Some(false));
    assert_eq!(checks.pins.development_files, ["tools/**"]);
    assert_eq!(checks.pins.pin_development, Some(true));
    assert_eq!(checks.pins.test_packages, ["our-fakes", "pytest-*"]);
    assert_eq!(checks.pins.allow_in_production, ["ipython"]);
    let branch = checks.branch;
    assert_eq!(
        branch.templates.unwrap(),
        ["{type}/{ticket}-{name}", "hotfix"]
    );
    assert_eq!(branch.exempt.unwrap(), ["develop"]);
    assert_eq!(branch.refuse_merges, Some(true));
    assert_eq!(branch.ticket_pattern.as_deref(), Some("#[0-9]+"));
    let message = checks.commit_message;
    assert_eq!(message.require_scope, Some(true));
    assert_eq!(message.ticket_place, Some(TicketPlace::AfterType));
    assert_eq!(message.ticket_pattern.as_deref(), Some("#[0-9]+"));
    assert_eq!(checks.files.debug_modules, ["shop.debug", "_x"]);
    assert_eq!(checks.change_size.count_migrations, Some(false));
    assert_eq!(checks.change_size.count_deleted_files, Some(false));
    assert_eq!(checks.secrets.allow_files, [".env.ci"]);
    assert_eq!(checks.secrets.assignments, Some(false));
    // Digits alone are as written, not a number.
    assert_eq!(
        checks.secrets.baseline,
        ["0a1b2c3d", "12345678", "1e234567"]
    );
}

/// The errors of a manifest's JSON form against the schema.
fn schema_errors(text: &str) -> Vec<String> {
    let validator = jsonschema::validator_for(&Manifest::json_schema()).unwrap();
    let value: Value = serde_yaml::from_str(text).unwrap();
    validator
        .iter_errors(&value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

#[test]
fn the_schema_accepts_what_the_reader_accepts() {
    let example = fs_err::read_to_string(example()).unwrap();
    let template = template("blog", "eu-central-1", "blog");
    for text in [
        SMALLEST,
        &example,
        &template,
        "application: a\nregion: eu-west-1\nprocesses: {web: {command: c, port: 1}}\naccount: 123456789012\ndatabase: {version: 16}\nvariables: {A: 1, B: true}\nx-mine: {a: 1}\nhealth: {x-why: because, soak: 1h30m}\ndeployment: {batch: 3, strategy: blue-green, blue_green: {keep: 1h30m}, traffic_split: {percentage: 100, evaluation: 10h}}\nchecks: {severity: {pins: off}, migrations: {django: 5.2}, ignore: [{paths: [a], rules: [b], reason: c, until: 2027-01-31}]}\nenvironments: {staging: {checks: {coverage: {total: null}}, cache: null, database: {port: null}, variables: {A: null}, x-a: 1}, x-b: 2, production: null}\n",
    ] {
        parse(text);
        assert_eq!(schema_errors(text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn the_schema_refuses_what_the_reader_refuses() {
    for addition in [
        "heath: {}",
        "health: {pth: /}",
        "health: {soak: 2 minutes}",
        "health: {thresholds: {healthy: 1}}",
        "instances: {min: 0}",
        "instances: {types: []}",
        "database: {port: 80}",
        "database: {identifier: 7, colour: red}",
        "deployment: {policy: RollingWithAdditionalBatch}",
        "deployment: {batch: 0%}",
        "deployment: {batch: 101%}",
        "deployment: {strategy: bluegreen}",
        "deployment: {blue_green: {keep: for ever}}",
        "deployment: {traffic_split: {percentage: 101}}",
        "environments: {staging: {heath: {}}}",
        "environments: {staging: {database: {clas: x}}}",
        "environments: {staging: {environments: {}}}",
        "environments: []",
        "cache: {replicas: 6}",
        "checks: {groups: {pin: false}}",
        "checks: {severity: {drop-column: fatal}}",
        "checks: {ignore: [{paths: [a], rules: [b]}]}",
        "checks: {ignore: [{paths: [a], rules: [b], reason: c, until: soon}]}",
        "checks: {ignore: [{paths: [], rules: [b], reason: c}]}",
        "checks: {coverage: {total: 101}}",
        "checks: {change_size: {warning: 0}}",
        "checks: {test_names: {runner: nose}}",
        "checks: {coverage: {precision: 11}}",
        "checks: {commit_message: {ticket_place: end}}",
        "checks: {commit_message: {ticket-place: footer}}",
        "checks: {branch: {templates: []}}",
        "checks: {branch: {refuse_merges: never}}",
        "checks: {pins: {development_files: dev.txt}}",
    ] {
        let text = format!("{SMALLEST}{addition}\n");
        assert!(!schema_errors(&text).is_empty(), "{addition}");
        assert!(
            Manifest::parse(Utf8Path::new("a"), &text).is_err(),
            "{addition}"
        );
    }
}

#[test]
fn the_schema_describes_every_key() {
    fn undescribed(schema: &Value, path: &str, found: &mut Vec<String>) {
        if let Some(Value::Object(properties)) = schema.get("properties") {
            for (name, property) in properties {
                let texts = property.to_string();
                if !texts.contains("\"description\"") && !texts.contains("\"$ref\"") {
                    found.push(format!("{path}.{name}"));
                }
            }
        }
    }
    let schema = Manifest::json_schema();
    let mut found = Vec::new();
    undescribed(&schema, "", &mut found);
    for (name, definition) in schema["$defs"].as_object().unwrap() {
        undescribed(definition, name, &mut found);
    }
    assert_eq!(found, Vec::<String>::new());
    assert_eq!(
        schema["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Any damage to a good manifest is refused or read, never a panic, and a refusal has a place.
    #[test]
    fn damaged_manifests_never_panic(at in 0usize..2000, with in "[-a-z:{}\\[\\]&*!|>'\"%\n \t0-9~]{0,6}", drop in 0usize..40) {
        let text = template("blog", "eu-central-1", "blog");
        let mut characters: Vec<char> = text.chars().collect();
        let at = at.min(characters.len());
        let end = (at + drop).min(characters.len());
        characters.splice(at..end, with.chars());
        let damaged: String = characters.into_iter().collect();
        if let Err(error) = Manifest::parse(Utf8Path::new("beanpole.yaml"), &damaged) {
            prop_assert!(!error.issues().is_empty());
        }
    }
}
