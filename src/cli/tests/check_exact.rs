//! `beanpole check --exact`: migrations by the SQL that a project's own Django makes of them.
//!
//! Some need Django and psycopg in `target/venv`, and Debian's Postgres (made by `scripts/test-services`). Without them they
//! fail, unless `BEANPOLE_TEST_SERVICES=none` leaves them out.

mod common;

use std::time::{Duration, Instant};

use beanpole_testkit::{Postgres, Sandbox, services_required, virtual_environment};
use common::{Outcome, PATIENCE, Running, beanpole};

const SECOND: &str = "shop/migrations/0002_index.py";
const PASSWORD: &str = "kX3vQ9zT1bW7";

/// Settings whose database the environment chooses.
const SETTINGS: &str = r#"import os

SECRET_KEY = "only for tests"
INSTALLED_APPS = ["shop"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
if "SHOP_PORT" in os.environ:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": "postgres",
            "USER": "postgres",
            "PASSWORD": os.environ["SHOP_PASSWORD"],
            "HOST": "127.0.0.1",
            "PORT": os.environ["SHOP_PORT"],
        }
    }
else:
    DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
"#;

const MANAGE: &str = r#"import os
import sys

from django.core.management import execute_from_command_line

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
execute_from_command_line(sys.argv)
"#;

const MODELS: &str = r#"from django.db import models


class Order(models.Model):
    number = models.CharField(max_length=20)
"#;

const INITIAL: &str = r#"from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.CreateModel(
            "Order",
            [("id", models.BigAutoField(primary_key=True)), ("number", models.CharField(max_length=20))],
        )
    ]
"#;

const HELPERS: &str = r#"from django.db import migrations, models


def index(model, field):
    return migrations.AddIndex(model, models.Index(fields=[field], name=f"{model}_{field}"))
"#;

/// The index that only Django sees. The class is on line 6.
const INDEX: &str = r#"from django.db import migrations

from shop.helpers import index


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [index("order", "number")]
"#;

/// A fake `manage.py` that needs no Django: the SQL of one migration, and a failure for others.
const FAKE: &str = r#"case $1 in
  shell) echo 'Some import.'; echo 'beanpole: postgresql' ;;
  sqlmigrate)
    case $3 in
      0002*)
        echo 'Loading settings'
        printf 'BEGIN;\n--\n-- Add\n--\nCREATE INDEX "a" ON "shop_order" ("number");\nCOMMIT;\n'
        ;;
      *)
        printf 'Traceback:\n  File "x"\nboom.Error: postgres://shop:%s@db/shop\n' "$SHOP_PASSWORD" >&2
        exit 3
        ;;
    esac ;;
esac
"#;

/// A shop on `main`, and a branch with a migration of which the text does not tell what it does.
fn shop() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.git(&["init", "--quiet", "--initial-branch=main"]);
    sandbox.write("beanpole.yaml", &manifest(""));
    for (path, text) in [
        ("manage.py", MANAGE),
        ("settings.py", SETTINGS),
        ("shop/__init__.py", ""),
        ("shop/models.py", MODELS),
        ("shop/helpers.py", HELPERS),
        ("shop/migrations/__init__.py", ""),
        ("shop/migrations/0001_initial.py", INITIAL),
    ] {
        sandbox.write(path, text);
    }
    sandbox.commit("feat: begin");
    sandbox.git(&["switch", "--quiet", "--create", "feat/index"]);
    sandbox.write(SECOND, INDEX);
    sandbox.commit("feat: an index");
    sandbox
}

/// A manifest in which a lock of the table of orders is an error.
fn manifest(more: &str) -> String {
    format!(
        "application: shop\nregion: eu-central-1\nprocesses:\n  web:\n    command: gunicorn shop.wsgi\n    port: 8000\n\
         checks:\n  migrations:\n    hot_tables: [shop_order]\n{more}"
    )
}

/// A migration whose operations are `more`, after the one with the index.
fn third(sandbox: &Sandbox) {
    let text = INDEX
        .replace("0001_initial", "0002_index")
        .replace("\"number\")", "\"id\")");
    sandbox.write("shop/migrations/0003_more.py", &text);
    sandbox.commit("feat: one more");
}

/// Whether Django and Postgres can be had; if they have to be there and are not, the test fails.
fn has_services() -> bool {
    let is_there =
        virtual_environment().join("bin/django-admin").is_file() && Postgres::is_installed();
    assert!(
        is_there || !services_required(),
        "Django or Postgres is missing: run scripts/test-services python postgres"
    );
    is_there
}

fn python_manage() -> String {
    format!("{} manage.py", virtual_environment().join("bin/python"))
}

#[expect(clippy::unwrap_used, reason = "a helper of tests fails the test")]
fn check(sandbox: &Sandbox, port: Option<u16>, arguments: &[&str]) -> Outcome {
    let mut command = beanpole(sandbox, &["check", "migrations"]);
    command.args(arguments).env("SHOP_PASSWORD", PASSWORD);
    if let Some(port) = port {
        command.env("SHOP_PORT", port.to_string());
    }
    let outcome = Outcome::from(command.output().unwrap());
    for text in [&outcome.stdout, &outcome.stderr] {
        assert!(!text.contains(PASSWORD), "{text}");
    }
    outcome
}

/// The findings of a JSON answer with their places.
fn rules(outcome: &Outcome) -> Vec<String> {
    let answer = outcome.json();
    let findings = answer.get("findings").and_then(|found| found.as_array());
    let findings = findings.into_iter().flatten();
    findings
        .map(|finding| {
            let rule = finding["rule"].as_str().unwrap_or_default();
            let place = &finding["location"];
            format!("{rule} {}:{}", place["path"], place["line"])
        })
        .collect()
}

#[track_caller]
fn shows(outcome: &Outcome, text: &str) {
    let stdout = &outcome.stdout;
    assert!(
        stdout.contains(text),
        "stdout lacks `{text}`:\n{stdout}\n{}",
        outcome.stderr
    );
}

#[test]
fn what_a_helper_makes_is_found_by_the_sql_of_django() {
    if !has_services() {
        return;
    }
    let sandbox = shop();
    let base = ["--base", "main", "--json"];
    let outcome = check(&sandbox, None, &base).exits(0);
    assert_eq!(
        rules(&outcome),
        [format!("migration-not-analysed \"{SECOND}\":8")]
    );
    assert_eq!(outcome.json()["exact"], serde_json::Value::Null);

    let server = Postgres::start();
    let port = Some(server.port());
    let manage = python_manage();
    let exact = ["--base", "main", "--exact", "--manage", &manage, "--json"];
    let outcome = check(&sandbox, port, &exact).exits(1);
    assert_eq!(
        rules(&outcome),
        [format!("index-locks-writes \"{SECOND}\":6")]
    );
    let answer = outcome.json();
    assert_eq!(answer["exact"]["judged"], serde_json::json!([SECOND]));
    assert_eq!(answer["exact"]["not_judged"], serde_json::json!([]));
    assert_eq!(answer["findings"][0]["severity"], "error");
    outcome.says("Ask Django for the SQL of 1 migration");
    // Nothing is left behind, not even bytecode.
    assert_eq!(sandbox.git(&["status", "--porcelain"]), "");

    // A suppression holds. Only exact mode needs it: where the manifest says that this is used, it is not unused without.
    let ignore = "# beanpole: ignore[index-locks-writes] -- the table is empty\nclass Migration";
    sandbox.write(SECOND, &INDEX.replace("class Migration", ignore));
    sandbox.commit("feat: it is known");
    let without = ["--base", "main", "--json"];
    let not_analysed = format!("migration-not-analysed \"{SECOND}\":9");
    let unused = format!("suppression-unused \"{SECOND}\":6");
    let found = rules(&check(&sandbox, None, &without).exits(0));
    assert_eq!(found, [unused, not_analysed.clone()]);
    sandbox.write(
        "beanpole.yaml",
        &manifest(&format!("    manage: {manage}\n")),
    );
    sandbox.commit("feat: exact mode");
    assert_eq!(
        rules(&check(&sandbox, None, &without).exits(0)),
        [not_analysed]
    );
    let outcome = check(&sandbox, port, &["--base", "main", "--exact", "--json"]).exits(0);
    assert_eq!(rules(&outcome), [""; 0]);
    assert_eq!(outcome.json()["counts"]["suppressed"], 1);

    // Everything, as for an empty database: nothing that serves can be locked.
    let outcome = check(&sandbox, port, &["--all", "--exact", "--json"]);
    let judged = outcome.json()["exact"]["judged"].clone();
    assert_eq!(
        judged,
        serde_json::json!(["shop/migrations/0001_initial.py", SECOND])
    );
}

#[test]
fn a_database_that_does_not_answer_is_said_once() {
    if !has_services() {
        return;
    }
    let sandbox = shop();
    third(&sandbox);
    let manage = python_manage();
    let exact = ["--base", "main", "--exact", "--manage", &manage];
    let outcome = check(&sandbox, Some(1), &exact).exits(1);
    shows(
        &outcome,
        "error: the SQL of none of the 2 new migrations could be judged",
    );
    shows(&outcome, "`shell` ended with exit status: 1");
    shows(&outcome, "OperationalError");
    assert_eq!(
        outcome.stdout.matches("OperationalError").count(),
        1,
        "{}",
        outcome.stdout
    );
}

#[test]
fn the_sql_of_another_database_is_not_judged() {
    if !has_services() {
        return;
    }
    let sandbox = shop();
    let manage = python_manage();
    let exact = ["--base", "main", "--exact", "--manage", &manage];
    let outcome = check(&sandbox, None, &exact).exits(1);
    shows(
        &outcome,
        &format!("{SECOND}:6:7: error: its SQL could not be judged: the settings use `sqlite`"),
    );
    shows(&outcome, "DJANGO_SETTINGS_MODULE");
}

#[test]
fn one_that_fails_leaves_the_others_and_shows_no_secret() {
    let sandbox = shop();
    third(&sandbox);
    sandbox.write("fake.sh", FAKE);
    let exact = [
        "--base",
        "main",
        "--exact",
        "--manage",
        "sh fake.sh",
        "--json",
    ];
    let outcome = check(&sandbox, None, &exact).exits(1);
    let mut found = rules(&outcome);
    found.sort();
    assert_eq!(
        found,
        [
            format!("index-locks-writes \"{SECOND}\":6"),
            "migration-not-analysed \"shop/migrations/0003_more.py\":6".to_owned(),
            "migration-not-analysed \"shop/migrations/0003_more.py\":8".to_owned(),
        ]
    );
    let answer = outcome.json();
    assert_eq!(answer["exact"]["judged"], serde_json::json!([SECOND]));
    assert_eq!(
        answer["exact"]["not_judged"],
        serde_json::json!([{
            "path": "shop/migrations/0003_more.py",
            "why": "`sqlmigrate` ended with exit status: 3: boom.Error: postgres://shop:[redacted]@db/shop",
        }])
    );
    outcome.says("1 of 2");
}

/// Django takes a name for the beginning of one (`get_migration_by_prefix`), and refuses what could be two.
#[test]
fn a_name_that_begins_another_name_is_not_judged() {
    if !has_services() {
        return;
    }
    let sandbox = shop();
    let longer = "shop/migrations/0002_index_more.py";
    let text = INDEX.replace("0001_initial", "0002_index");
    sandbox.write(longer, &text.replace("\"number\")", "\"id\")"));
    sandbox.commit("feat: one more");
    let server = Postgres::start();
    let manage = python_manage();
    let exact = ["--base", "main", "--exact", "--manage", &manage, "--json"];
    let outcome = check(&sandbox, Some(server.port()), &exact).exits(1);
    let answer = outcome.json();
    assert_eq!(answer["exact"]["judged"], serde_json::json!([longer]));
    let not_judged = &answer["exact"]["not_judged"][0];
    assert_eq!(not_judged["path"], SECOND);
    let why = not_judged["why"].as_str().unwrap_or_default();
    assert!(
        why.contains("sqlmigrate") && why.contains("0002_index"),
        "{why}"
    );
}

#[test]
fn what_is_another_file_on_disk_is_not_given_to_django() {
    let sandbox = shop();
    sandbox.write(
        "shop/migrations/0003_more.py",
        &INDEX.replace("0001_initial", "0002_index"),
    );
    sandbox.git(&["add", "--all"]);
    // Were it started, the exit code would be 2.
    let exact = [
        "--staged",
        "--exact",
        "--manage",
        "/nowhere/python manage.py",
    ];
    let said = |outcome: Outcome, text: &str| {
        let outcome = outcome.exits(1);
        shows(
            &outcome,
            &format!(
                "shop/migrations/0003_more.py:6:7: error: its SQL could not be judged: {text}"
            ),
        );
        shows(&outcome, "git stash");
    };
    sandbox.write("shop/migrations/0003_more.py", "# begun anew\n");
    said(check(&sandbox, None, &exact), "it is another one on disk");
    fs_err::remove_file(sandbox.project().join("shop/migrations/0003_more.py")).unwrap();
    said(check(&sandbox, None, &exact), "it is not on disk");
    sandbox.git(&["checkout", "--quiet", "--", "."]);
    sandbox.write("shop/helpers.py", "# begun anew\n");
    said(
        check(&sandbox, None, &exact),
        "`shop/helpers.py`, which it imports, is another one on disk",
    );
    // The ends of lines are git's affair.
    sandbox.write("shop/helpers.py", &HELPERS.replace('\n', "\r\n"));
    check(&sandbox, None, &exact).exits(2);
}

#[test]
fn what_cannot_be_run_is_named_with_what_to_do() {
    let sandbox = shop();
    let exact = ["--base", "main", "--exact"];
    let with = |more: &[&str]| check(&sandbox, None, &[&exact, more].concat());
    with(&["--manage", "/nowhere/python manage.py PASSWORD=never"])
        .exits(2)
        .says("the program `/nowhere/python` could not be started")
        .says("No such file or directory")
        .says("--manage 'docker compose run --rm web python manage.py'");
    with(&["--manage", "python 'manage.py"])
        .exits(2)
        .says("--manage is no command");
    with(&["--write-baseline"]).exits(2);
    check(&sandbox, None, &["--manage", "python manage.py"])
        .exits(2)
        .says("--exact");
    let mut command = beanpole(&sandbox, &["check", "secrets", "--exact"]);
    Outcome::from(command.output().unwrap())
        .exits(2)
        .says("`--exact` is about migrations");
    sandbox.git(&["rm", "--quiet", "manage.py"]);
    with(&[])
        .exits(2)
        .says("there is no manage.py in")
        .says("--manage");
    // Without a new migration nothing is run.
    sandbox.git(&["switch", "--quiet", "--force", "main"]);
    with(&["--manage", "/nowhere/python manage.py"]).exits(0);
}

#[test]
fn an_interrupt_stops_what_was_started() {
    let sandbox = shop();
    sandbox.write(
        "slow.sh",
        "echo $$ > started.new; mv started.new started; sleep 600\n",
    );
    let exact = ["check", "migrations", "--base", "main", "--exact"];
    let mut command = beanpole(&sandbox, &exact);
    command.args(["--manage", "sh slow.sh"]);
    let mut running = Running::start(&mut command);
    running.wait_for("Ask Django");
    let started = sandbox.project().join("started");
    let deadline = Instant::now() + PATIENCE;
    while !started.is_file() {
        assert!(Instant::now() < deadline, "nothing was started");
        std::thread::sleep(Duration::from_millis(20));
    }
    running.interrupt();
    running.finish().exits(130).says("interrupted");
    let process = format!("/proc/{}", sandbox.read("started").trim());
    assert!(
        !std::path::Path::new(&process).exists(),
        "{process} goes on"
    );
}
