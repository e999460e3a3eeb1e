//! What the command tests share: the binary in a sandbox, and its outcome.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file is a crate of its own and uses a part of this"
)]
#![allow(
    clippy::allow_attributes,
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail the test; the attribute holds in some crates and not in others"
)]

pub mod checked;
pub mod served;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use beanpole_testkit::Sandbox;

/// How long anything in these tests may take before it counts as hanging.
pub const PATIENCE: Duration = Duration::from_secs(600);

/// The binary, ready to take arguments, in the sandbox's project.
pub fn beanpole(sandbox: &Sandbox, arguments: &[&str]) -> Command {
    let mut command = sandbox.command(env!("CARGO_BIN_EXE_beanpole"));
    command.args(arguments).stdin(Stdio::null());
    command
}

/// What a command did.
#[derive(Debug)]
pub struct Outcome {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Outcome {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Outcome {
    /// Fails with everything that was said unless the code is the expected one.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "stdout:\n{}\nstderr:\n{}",
            self.stdout,
            self.stderr
        );
        self
    }

    /// Fails unless stderr holds the text.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(
            self.stderr.contains(text),
            "stderr lacks `{text}`:\n{}",
            self.stderr
        );
        self
    }

    /// Fails unless stdout holds the text.
    #[track_caller]
    pub fn shows(self, text: &str) -> Self {
        assert!(
            self.stdout.contains(text),
            "stdout lacks `{text}`:\n{}\nstderr:\n{}",
            self.stdout,
            self.stderr
        );
        self
    }

    /// Stdout as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| {
            panic!(
                "stdout is no JSON: {error}\n{}\nstderr:\n{}",
                self.stdout, self.stderr
            )
        })
    }
}

/// Runs the binary to its end.
pub fn run(sandbox: &Sandbox, arguments: &[&str]) -> Outcome {
    beanpole(sandbox, arguments).output().unwrap().into()
}

/// A binary that runs in the background; killed when dropped.
pub struct Running {
    child: Child,
    lines: Receiver<String>,
    pub heard: Vec<String>,
    out: Option<std::thread::JoinHandle<String>>,
}

impl Running {
    /// Starts the command; its stderr is read line by line.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut stdout = child.stdout.take().unwrap();
        let out = std::thread::spawn(move || {
            let mut text = String::new();
            let _ended = std::io::Read::read_to_string(&mut stdout, &mut text);
            text
        });
        Self {
            child,
            lines,
            heard: Vec::new(),
            out: Some(out),
        }
    }

    /// Waits for a line of stderr that contains `text`, and returns it.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    self.heard.push(line.clone());
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(error) => {
                    panic!(
                        "`{text}` was not said ({error}); heard:\n{}",
                        self.heard.join("\n")
                    )
                }
            }
        }
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends SIGINT, as Ctrl-C does.
    pub fn interrupt(&self) {
        let status = Command::new("kill")
            .args(["-INT", &self.id().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// Waits for the end.
    #[track_caller]
    pub fn finish(mut self) -> Outcome {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(
                Instant::now() < deadline,
                "did not end; heard:\n{}",
                self.heard.join("\n")
            );
            std::thread::sleep(Duration::from_millis(20));
        };
        let stdout = self.out.take().unwrap().join().unwrap();
        while let Ok(line) = self.lines.recv_timeout(Duration::from_millis(500)) {
            self.heard.push(line);
        }
        Outcome {
            code: status.code(),
            stdout,
            stderr: self.heard.join("\n"),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _already_gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// How long the engine may list what it is removing.
const REMOVAL: Duration = Duration::from_secs(20);

/// The containers that any rehearsal has left behind on the engine.
pub fn containers() -> Vec<String> {
    left(&["ps", "--all", "--format", "{{.Names}} {{.Status}}"])
}

/// The networks that any rehearsal has left behind on the engine.
pub fn networks() -> Vec<String> {
    left(&["network", "ls", "--format", "{{.Name}}"])
}

/// What the engine still lists; it may show for a moment what it is removing.
fn left(arguments: &[&str]) -> Vec<String> {
    let deadline = Instant::now() + REMOVAL;
    loop {
        let filter = ["--filter", "label=beanpole.rehearsal"];
        let listed = docker(&[arguments, &filter].concat());
        if listed.is_empty() || Instant::now() > deadline {
            return listed;
        }
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// Runs the Docker client and returns its lines.
#[track_caller]
pub fn docker(arguments: &[&str]) -> Vec<String> {
    let output = Command::new("docker").args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect()
}

/// The status and the body of a page. Names that end in `.localhost` are on loopback (RFC 6761).
#[track_caller]
pub fn get(url: &str) -> (u16, String) {
    use std::io::{Read as _, Write as _};
    let rest = url
        .strip_prefix("http://")
        .unwrap_or_else(|| panic!("{url} is no http URL"));
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let port = host.rsplit_once(':').map_or("80", |(_, port)| port);
    let mut stream = std::net::TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    write!(
        stream,
        "GET /{path} HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer
        .split_whitespace()
        .nth(1)
        .and_then(|word| word.parse().ok());
    let body = answer
        .split_once("\r\n\r\n")
        .map_or("", |(_, body)| body)
        .to_owned();
    (
        status.unwrap_or_else(|| panic!("no status in {answer:?}")),
        body,
    )
}

/// A release that `--keep` leaves running, and what another shell needs to reach it.
pub struct Kept {
    pub running: Running,
    pub variables: Vec<(String, String)>,
    pub url: String,
}

impl Kept {
    /// Rehearses with `--keep` and waits until it says how to go on.
    #[track_caller]
    pub fn start(sandbox: &Sandbox, arguments: &[&str]) -> Self {
        let mut command = beanpole(sandbox, &["rehearse", "--keep"]);
        let mut running = Running::start(command.args(arguments));
        running.wait_for("The rehearsal goes on");
        let mut variables = Vec::new();
        let url = loop {
            let line = running.wait_for("");
            if let Some((name, value)) = line
                .trim()
                .strip_prefix("export ")
                .and_then(|pair| pair.split_once('='))
            {
                variables.push((name.to_owned(), value.to_owned()));
            }
            if let Some((_, url)) = line.split_once("The page: ") {
                break url.trim().to_owned();
            }
        };
        Self {
            running,
            variables,
            url,
        }
    }

    /// Runs the binary against the rehearsal that goes on.
    pub fn run(&self, sandbox: &Sandbox, arguments: &[&str]) -> Outcome {
        let mut command = beanpole(sandbox, arguments);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.output().unwrap().into()
    }

    /// The value of a variable that the rehearsal printed.
    #[track_caller]
    pub fn variable(&self, name: &str) -> &str {
        let found = self.variables.iter().find(|(known, _)| known == name);
        &found
            .unwrap_or_else(|| panic!("no {name} in {:?}", self.variables))
            .1
    }
}
