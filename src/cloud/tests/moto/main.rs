//! The clients against moto, an AWS that we did not write. Each test has a server of its own.
//!
//! moto comes from the virtual environment that the test scripts make: `BEANPOLE_TEST_VENV`, or
//! `target/venv`. Without it these tests fail; `BEANPOLE_TEST_SERVICES=none` leaves them out.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the server's start is outside of the test functions that clippy knows"
)]

mod network;
mod storage;
mod stores;

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use beanpole_cloud::{Cloud, Settings};
use beanpole_model::{Region, Secret};

/// moto takes two seconds on a quiet machine.
const START_TIMEOUT: Duration = Duration::from_secs(90);

/// Numbers the names that tests make up, so that they do not meet.
static COUNTER: AtomicU32 = AtomicU32::new(0);

/// A moto server that dies with the test.
struct Moto {
    process: Mutex<Child>,
    endpoint: String,
}

impl Drop for Moto {
    fn drop(&mut self) {
        let mut process = self.process.lock().unwrap();
        let _ = process.kill();
        let _ = process.wait();
    }
}

fn left_out() -> bool {
    std::env::var_os("BEANPOLE_TEST_SERVICES").is_some_and(|value| value == "none")
}

fn program() -> PathBuf {
    let venv = std::env::var_os("BEANPOLE_TEST_VENV").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/venv")),
        PathBuf::from,
    );
    let program = venv.join("bin/moto_server");
    assert!(
        program.exists(),
        "{} is missing: make the virtual environment with `pip install 'moto[server]'`",
        program.display()
    );
    program
}

impl Moto {
    async fn start() -> Self {
        // Another process may take the port in between; then moto ends at once and the next try
        // takes another one.
        for _ in 0..3 {
            let port = TcpListener::bind("127.0.0.1:0")
                .unwrap()
                .local_addr()
                .unwrap()
                .port();
            let process = Command::new(program())
                .args(["-H", "127.0.0.1", "-p", &port.to_string()])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let server = Self {
                process: Mutex::new(process),
                endpoint: format!("http://127.0.0.1:{port}"),
            };
            if server.is_up(port).await {
                return server;
            }
        }
        panic!("moto did not start");
    }

    async fn is_up(&self, port: u16) -> bool {
        let end = Instant::now() + START_TIMEOUT;
        while Instant::now() < end {
            if tokio::net::TcpStream::connect(("127.0.0.1", port))
                .await
                .is_ok()
            {
                return true;
            }
            if self.process.lock().unwrap().try_wait().unwrap().is_some() {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        false
    }

    async fn cloud(&self) -> Cloud {
        let settings = Settings {
            region: Some(Region::new("eu-central-1").unwrap()),
            endpoint_url: Some(self.endpoint.clone()),
            static_credentials: Some(("AKIATEST".to_owned(), Secret::new("test-key"), None)),
            ..Settings::default()
        };
        Cloud::connect(&settings).await.unwrap()
    }
}

/// A server and a cloud on it, or `None` when services are left out.
async fn moto() -> Option<(Moto, Cloud)> {
    if left_out() {
        return None;
    }
    let server = Moto::start().await;
    let cloud = server.cloud().await;
    Some((server, cloud))
}

fn unique(name: &str) -> String {
    format!("{name}-{}", COUNTER.fetch_add(1, Ordering::Relaxed))
}

fn tags() -> BTreeMap<String, String> {
    [("beanpole".to_owned(), "test".to_owned())].into()
}
