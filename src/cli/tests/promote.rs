//! `beanpole promote`, `rollback` and `history` from outside: what staging runs is what production
//! gets.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail the test")]

mod common;

use beanpole_testkit::Sandbox;
use common::Outcome;
use common::served::Served;

const MANIFEST: &str = "application: shop
region: us-east-1
default_environment: staging
processes:
  web: {command: gunicorn shop.wsgi, port: 8000}
health: {soak: 30s, interval: 5s}
environments:
  staging: {}
  production: {}
  other:
    processes:
      web: {command: gunicorn other.wsgi, port: 8000}
";

struct Shop {
    served: Served,
    sandbox: Sandbox,
}

impl Shop {
    fn open() -> Self {
        let sandbox = Sandbox::new();
        sandbox.git(&["init", "--quiet", "--initial-branch=main"]);
        sandbox.write("beanpole.yaml", MANIFEST);
        sandbox.write("Dockerfile", "FROM python:3.11\nCOPY . /app\n");
        sandbox.commit("feat: the shop");
        Self {
            served: Served::start(),
            sandbox,
        }
    }

    fn run(&self, arguments: &[&str]) -> Outcome {
        let mut command = self.served.beanpole(&self.sandbox, arguments);
        command.output().unwrap().into()
    }

    fn version(&self, environment: &str) -> Option<String> {
        let status = self.run(&["status", "--env", environment, "--json"]);
        let found = status.json().get("version").cloned().unwrap_or_default();
        found.as_str().map(str::to_owned)
    }
}

#[test]
fn what_staging_runs_is_what_production_gets_and_gives_back() {
    let shop = Shop::open();
    for environment in ["staging", "production"] {
        shop.run(&["apply", "--yes", "--env", environment]).exits(0);
        shop.run(&["deploy", "--engine", "none", "--env", environment])
            .exits(0);
    }
    let first = shop.version("production").unwrap();
    shop.sandbox.write("shop.py", "VERSION = 2\n");
    shop.sandbox.commit("feat: another version");
    shop.run(&["deploy", "--engine", "none", "--env", "staging"])
        .exits(0);
    let second = shop.version("staging").unwrap();
    assert_ne!(first, second);

    let planned = shop
        .run(&["promote", "staging", "production", "--plan"])
        .exits(0);
    assert!(planned.stdout.contains(&second), "{}", planned.stdout);
    assert_eq!(shop.version("production").unwrap(), first, "only planned");
    shop.run(&["promote", "staging", "production"]).exits(0);
    assert_eq!(shop.version("production").unwrap(), second);

    shop.run(&["promote", "staging", "other"])
        .exits(2)
        .says("beanpole deploy");
    shop.run(&["rollback", "--env", "production"]).exits(0);
    assert_eq!(shop.version("production").unwrap(), first);
    shop.run(&["rollback", "--env", "production", "--to", "no-such-version"])
        .exits(2)
        .says("`no-such-version`")
        .says("beanpole history");

    let history = shop
        .run(&["history", "--env", "production"])
        .exits(0)
        .stdout;
    for word in ["deploy", "promote", "rollback", "another version"] {
        assert!(history.contains(word), "{word} is missing in {history}");
    }
    shop.served.running.interrupt();
    shop.served.running.finish().exits(0);
}
