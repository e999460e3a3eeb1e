//! What a person sees when a manifest is wrong: place, message, suggestion, line and next command.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::fmt::Write as _;

use beanpole_manifest::{Error, Manifest};
use beanpole_model::{ExitCode, Problem as _};
use camino::Utf8Path;

/// A manifest with nothing wrong in it.
const GOOD: &str = "\
application: blog
region: eu-central-1
processes:
  web: {command: gunicorn, port: 8000}
";

/// The error as the terminal shows it, without colour.
fn shown(error: &Error) -> String {
    let mut text = format!("error: {error}\n");
    for line in error.details() {
        writeln!(text, "  {line}").unwrap();
    }
    if let Some(hint) = error.hint() {
        writeln!(text, "hint: {hint}").unwrap();
    }
    text
}

fn refused(text: &str) -> String {
    let error = Manifest::parse(Utf8Path::new("beanpole.yaml"), text).unwrap_err();
    assert_eq!(error.exit_code(), ExitCode::Usage);
    assert!(!error.issues().is_empty());
    assert!(
        error
            .issues()
            .iter()
            .all(|issue| issue.location.line.is_some())
    );
    shown(&error)
}

/// What is refused when `addition` stands below the good manifest.
fn refused_with(addition: &str) -> String {
    refused(&format!("{GOOD}{addition}"))
}

#[test]
fn keys() {
    insta::assert_snapshot!(
        [
            refused_with("heath:\n  path: /ht/\n"),
            refused_with("health:\n  pth: /ht/\n  thresholds: {helthy: 2}\n"),
            refused_with("loadBalancer: {}\n"),
            refused_with("colour: red\n"),
            refused_with("environment: {staging: {}}\n"),
            refused_with("environments:\n  staging:\n    database:\n      clas: db.t3.small\n  production: {instance: {min: 2}}\n"),
            refused_with("environments:\n  staging:\n    default_environment: staging\n"),
            refused_with("health: {path: /a/}\nregion: eu-west-1\n"),
            refused_with("variables: {A: 1, B: 2, A: 3}\n"),
        ]
        .join("\n")
    );
}

#[test]
fn values() {
    insta::assert_snapshot!(
        [
            refused_with("account: 123\n"),
            refused_with("instances: {min: many}\n"),
            refused_with("instances: {max: \"4\"}\n"),
            refused_with("instances: {types: t3.small}\n"),
            refused_with("health: {soak: 120}\n"),
            refused_with("deployment: {policy: RollingWithAdditionalBatch}\n"),
            refused_with("deployment: {batch: 0%}\n"),
            refused_with("cache: {engine: memcached}\n"),
            refused_with("database:\n"),
            refused_with("database: {multi_az: yes}\n"),
            refused_with("database: {port: 70000}\n"),
            refused_with("alarms:\n  - name: errors\n    metric: ApplicationRequests5xx\n"),
            refused(
                "application: a/b\nregion: Frankfurt\nprocesses: {web: {command: x, port: 1}}\n"
            ),
            refused("application: blog\nprocesses: {}\n"),
        ]
        .join("\n")
    );
}

#[test]
fn cross_checks() {
    let many = "x".repeat(4096);
    insta::assert_snapshot!(
        [
            refused("application: blog\nregion: eu-central-1\nprocesses: {worker: {command: celery, port: 1}}\n"),
            refused("application: blog\nregion: eu-central-1\nprocesses: {web: {command: ''}, Web: {command: x}, release: {command: x}}\n"),
            refused_with("instances: {min: 5}\n"),
            refused_with("instances: {max: 2}\nenvironments:\n  production:\n    instances: {min: 3}\n"),
            refused_with("deployment: {policy: rolling, batch: 9, timeout: 2h, keep_versions: 1}\n"),
            refused_with("health: {path: ht, load_balancer_path: 'a b', timeout: 0s, interval: 2h, soak: 2d, successes: 0, thresholds: {healthy: 1, unhealthy: 11}}\n"),
            refused_with("database: {port: 80, storage_gib: 5, class: t3.micro, version: latest, name: 1a, username: rdsadmin, backup_window: '3-4', backup_retention_days: 36, identifier: a--b}\n"),
            refused_with("cache: {port: 0, replicas: 6, node_type: t4g, version: x, identifier: -a}\n"),
            refused_with("cache: {multi_az: true}\nenvironment_name: a-very-long-environment-name-for-a-cache\n"),
            refused_with("variables:\n  1A: x\n  my-var: y\n  SECRET_KEY: z\nsecrets: {names: {SECRET_KEY: django/key}}\n"),
            refused_with(&format!("variables: {{LONG: {many}}}\n")),
            refused_with("secrets: {prefix: 'a b/', names: {KEY: 'hunter2 is my password'}}\n"),
            refused_with("alerts: {slack: {webhook_url_variable: 'https://hooks.slack.com/services/T0/B0/token'}}\n"),
            refused_with("alerts: {slack: {webhook_url: 'https://hooks.slack.com/services/T0/B0/token'}}\n"),
            refused_with("alerts: {slack: {}}\n"),
            refused_with("alerts: {slack: {token_variable: SLACK_TOKEN}}\n"),
            refused_with("cname_prefix: a.b\ntags: {'aws:x': y}\nnetwork: {subnets: [subnet-1]}\nload_balancer: {certificate_arn: x}\nroles: {service_role: 'arn:aws:iam::1:role/x'}\n"),
            refused_with("image: {context: ../other, dockerfile: /Dockerfile, platforms: [windows/amd64]}\nrelease: ['']\n"),
            refused_with("alarms:\n  - {name: a, metric: m, threshold: 1, period: 45s, periods: 0, actions: [me]}\n  - {name: a, metric: m, threshold: 1}\nprobes:\n  - {name: a, target: front, expect_status: 42, timeout: 0s}\napprovals: {required: 0}\n"),
        ]
        .join("\n")
    );
}

#[test]
fn markers() {
    insta::assert_snapshot!(
        [
            refused_with("markers: {rolbar: {}}\n"),
            refused_with("markers: {rollbar: {token: abc}}\n"),
            refused_with("markers: {rollbar: {token_variable: 'post server', environment: 'a/b', url: 'http://rollbar.example'}}\n"),
            refused_with("markers: {sentry: {organization: acme}}\n"),
            refused_with("markers:\n  sentry: {organization: 'Acme Inc', project: '../x', environment: '', url: 'https://user@sentry.io'}\n"),
            refused_with("markers: {new_relic: {entity_guid: \"x' OR '1\", region: asia}}\n"),
            refused_with("markers: {new_relic: {entity_guid: \"x' OR '1\", key_variable: 'NRAK-1'}}\n"),
        ]
        .join("\n")
    );
}

#[test]
fn a_secret_in_the_wrong_place_is_not_repeated() {
    for text in [
        "markers: {rollbar: {token_variable: 'hunter2 is mine'}}\n",
        "markers: {sentry: {organization: a, project: b, url: 'https://x:hunter2@sentry.io'}}\n",
        "secrets: {names: {KEY: 'hunter2 is mine'}}\n",
        "secrets:\n  names:\n    KEY: hunter2 is mine\n",
        "alerts: {slack: {webhook_url_variable: 'https://hunter2'}}\n",
        "alerts: {slack: {webhook_url: 'https://hunter2'}}\n",
        "database: {password: hunter2}\n",
        "variables: {SECRET_KEY: hunter2}\nsecrets: {names: {SECRET_KEY: a}}\n",
    ] {
        let shown = refused_with(text);
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn environments() {
    insta::assert_snapshot!(
        [
            refused_with(
                "default_environment: stagin\nenvironments: {staging: {}, production: {}}\n"
            ),
            refused_with("environments: {}\n"),
            refused_with("environments: [staging]\n"),
            refused_with("environments: {Staging: {}, staging: yes}\n"),
            refused_with(
                "environment_name: blog-env\nenvironments: {staging: {}, production: {}}\n"
            ),
            refused(&GOOD.replace("blog", "my blog")),
        ]
        .join("\n")
    );
}

#[test]
fn yaml_itself() {
    insta::assert_snapshot!(
        [
            refused("application: [blog\n"),
            refused("application: blog\n\tregion: x\n"),
            refused("a: b: c\n"),
            refused("- application\n"),
            refused("application: blog\n---\napplication: other\n"),
            refused("application: *name\n"),
            refused("application: !secret blog\n"),
            refused("application: 'blog\n"),
            refused("? [a, b]\n: c\n"),
            refused(""),
        ]
        .join("\n")
    );
}

#[test]
fn the_file() {
    let directory = tempfile::tempdir().unwrap();
    let root = Utf8Path::from_path(directory.path()).unwrap();
    let write = |name: &str, bytes: &[u8]| {
        fs_err::write(root.join(name), bytes).unwrap();
        shown(&Manifest::load(&root.join(name)).unwrap_err()).replace(root.as_str(), "DIR")
    };
    insta::assert_snapshot!(
        [
            shown(&Manifest::load(&root.join("beanpole.yaml")).unwrap_err())
                .replace(root.as_str(), "DIR"),
            write("latin.yaml", b"application: caf\xe9\n"),
            write("large.yaml", &vec![b'#'; 1024 * 1024 + 1]),
        ]
        .join("\n")
    );
    let error = Manifest::load(root).unwrap_err();
    assert!(matches!(error, Error::Unreadable { .. }), "{error:?}");
    fs_err::write(root.join("mark.yaml"), format!("\u{feff}{GOOD}")).unwrap();
    assert!(Manifest::load(&root.join("mark.yaml")).is_ok());
}

#[test]
fn choosing_an_environment() {
    let path = Utf8Path::new("beanpole.yaml");
    let text = format!("{GOOD}environments: {{staging: {{}}, production: {{}}}}\n");
    let manifest = Manifest::parse(path, &text).unwrap();
    insta::assert_snapshot!(
        [None, Some("prod"), Some("qa")]
            .map(|name| shown(&manifest.environment(name).unwrap_err()))
            .join("\n")
    );
    let manifest =
        Manifest::parse(path, &format!("{text}default_environment: production\n")).unwrap();
    assert_eq!(
        manifest.environment(None).unwrap().environment_key,
        "production"
    );
    assert_eq!(
        manifest
            .environment(Some("staging"))
            .unwrap()
            .environment_key,
        "staging"
    );
}

#[test]
fn strategies() {
    let cases = [
        ("{strategy: bluegreen}", "`blue-green`"),
        ("{blue_green: {keep: for ever}}", "`next-release`"),
        ("{blue_green: {keep: 25h}}", "`0s` to `24h`"),
        ("{traffic_split: {percent: 5}}", "percentage"),
        ("{traffic_split: {percentage: 0}}", "1 to 100"),
        ("{traffic_split: {percentage: 101}}", "1 to 100"),
        ("{traffic_split: {evaluation: 2m}}", "`3m` to `10h`"),
        ("{traffic_split: {evaluation: 601m}}", "`3m` to `10h`"),
        ("{traffic_split: {evaluation: 3m30s}}", "whole minutes"),
    ];
    for (deployment, expected) in cases {
        let shown = refused_with(&format!("deployment: {deployment}\n"));
        assert!(shown.contains(expected), "{deployment}: {shown}");
        assert!(shown.contains("beanpole.yaml:5:"), "no place: {shown}");
    }
}

#[test]
fn checks() {
    insta::assert_snapshot!(
        [
            refused_with("checks: {group: {}}\n"),
            refused_with("checks:\n  groups: {pin: false}\n"),
            refused_with("checks:\n  severity: {drop-column: fatal}\n"),
            refused_with("checks:\n  severity: {Drop_Column: error}\n"),
            refused_with("checks:\n  ignore:\n    - {paths: [a.py], rules: [drop-column]}\n"),
            refused_with("checks:\n  ignore:\n    - {paths: [], rules: [A], reason: ' ', until: 2027-01-31}\n"),
            refused_with("checks:\n  ignore:\n    - {paths: [/etc], rules: [a], reason: b, until: 2027-02-30}\n"),
            refused_with("checks:\n  ignore:\n    - {paths: [../x], rules: [a], reason: b, until: 2027-01-31T10:00}\n"),
            refused_with("checks: {coverage: {total: 101, changed: -1, tolerance: .nan, paths: {blog: 200}, reports: [/x]}}\n"),
            refused_with("checks: {coverage: {total: 101, changed: -1, tolerance: 1e3, paths: {blog: 200}, reports: [/x]}}\n"),
            refused_with("checks:\n  ignore:\n    - {paths: [/etc, ../x], rules: [a], reason: b}\n"),
            refused_with("checks: {files: {largest_kib: 0}, commit_message: {longest_line: 19}}\n"),
            refused_with("checks: {migrations: {django: five, hot_tables: ['a.b.c', '']}, baseline: ''}\n"),
            refused_with("checks: {change_size: {warning: 900, error: 400}, branch: {ticket_projects: [shop]}}\n"),
        ]
        .join("\n")
    );
}

#[test]
fn settings_of_checks() {
    insta::assert_snapshot!(
        [
            refused_with("checks: {pins: {allow-in-production: [a], pin_dev: true}, branch: {template: []}}\n"),
            refused_with("checks: {commit_message: {ticket_place: end}, coverage: {precision: 11}}\n"),
            refused_with("checks: {coverage: {precision: 11}}\n"),
            refused_with("checks:\n  pins:\n    development_files: [/dev.txt]\n    test_packages: ['pytest==8', '*']\n    allow_in_production: [ipython, ' x']\n"),
            refused_with("checks:\n  branch:\n    templates: ['{typ}/{name}', '{type', '', '{name}']\n    ticket_required: true\n"),
            refused_with("checks:\n  branch:\n    pattern: x\n    templates: []\n    exempt: [develop, ' ']\n"),
            refused_with("checks:\n  branch: {ticket_pattern: '', ticket_projects: [shop]}\n  commit_message: {ticket_projects: [SHOP], ticket_pattern: x}\n"),
            refused_with("checks: {commit_message: {ticket_required: false, ticket_place: footer}}\n"),
            refused_with("checks: {commit_message: {ticket_required: true, ticket_place: none}}\n"),
            refused_with("checks: {files: {debug_modules: [shop-debug, shop.debug, shop.]}}\n"),
            refused_with("checks:\n  secrets:\n    baseline: [0a1b2c3d, hunter2hunter2]\n"),
        ]
        .join("\n")
    );
}
