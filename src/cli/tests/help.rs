//! What `--help` says, for every command, and that the version answers.

mod common;

use beanpole_testkit::Sandbox;
use common::run;

#[test]
fn help_of_every_command() {
    let sandbox = Sandbox::new();
    let commands: Vec<String> = beanpole_cli::command()
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .map(|command| command.get_name().to_owned())
        .collect();
    assert!(commands.len() > 8, "{commands:?}");
    let outcome = run(&sandbox, &["--help"]).exits(0);
    insta::assert_snapshot!("beanpole", outcome.stdout);
    for command in commands {
        let outcome = run(&sandbox, &[&command, "--help"]).exits(0);
        assert!(
            outcome.stdout.contains("Example"),
            "`{command} --help` shows no example"
        );
        insta::assert_snapshot!(command, outcome.stdout);
    }
}

#[test]
fn version_is_the_packages_own() {
    let outcome = run(&Sandbox::new(), &["--version"]).exits(0);
    assert_eq!(
        outcome.stdout,
        format!("beanpole {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn completions_and_the_manual_page_come_from_the_flag_table() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish"] {
        assert!(
            run(&sandbox, &["completions", shell])
                .exits(0)
                .stdout
                .contains("rehearse")
        );
    }
    assert!(run(&sandbox, &["man"]).exits(0).stdout.contains(".TH"));
}

#[test]
fn the_schema_describes_the_example() {
    let outcome = run(&Sandbox::new(), &["schema"]).exits(0);
    assert!(outcome.json()["properties"]["application"].is_object());
}
