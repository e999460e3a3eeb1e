//! An embedded AWS in a process of its own, for tests that meet it from other processes.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::allow_attributes,
    clippy::unwrap_used,
    reason = "each test file is a crate of its own and uses a part of this; helpers of a test fail the test"
)]

use std::process::Command;

use beanpole_testkit::Sandbox;

use super::{Outcome, Running, beanpole};

/// A served AWS, and a project directory for its clients.
pub struct Served {
    pub running: Running,
    pub variables: Vec<(String, String)>,
    pub sandbox: Sandbox,
}

impl Served {
    /// Serves the control plane alone, at ten minutes of AWS in a second.
    pub fn start() -> Self {
        let sandbox = Sandbox::new();
        sandbox.write("Dockerfile", "FROM python:3.11\n");
        let mut command = beanpole(&sandbox, &["rehearse", "--serve", "127.0.0.1:0"]);
        let mut running = Running::start(command.args(["--engine", "none", "--speed", "600"]));
        running.wait_for("The rehearsal goes on");
        let mut variables = Vec::new();
        loop {
            let line = running.wait_for("");
            if line.starts_with("The load balancer: ") {
                break;
            }
            let pair = line
                .trim()
                .strip_prefix("export ")
                .and_then(|pair| pair.split_once('='));
            variables.extend(pair.map(|(name, value)| (name.to_owned(), value.to_owned())));
        }
        Self {
            running,
            variables,
            sandbox,
        }
    }

    /// `beanpole` in the sandbox's project, pointed at this AWS.
    pub fn beanpole(&self, sandbox: &Sandbox, arguments: &[&str]) -> Command {
        let mut command = beanpole(sandbox, arguments);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs `beanpole` in a project whose manifest is this text.
    pub fn beanpole_with(&self, manifest: &str, arguments: &[&str]) -> Outcome {
        let sandbox = Sandbox::new();
        sandbox.write("beanpole.yaml", manifest);
        self.beanpole(&sandbox, arguments).output().unwrap().into()
    }
}
