//! What happens below HTTP: names and connections, with their times.
//!
//! reqwest hides its phases, so two of its seams are used to watch them: the resolver, and a layer
//! around the connector.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::time::Instant;
use tower_layer::Layer;
use tower_service::Service;

use crate::result::{Phase, Phases};

/// What has happened so far. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Progress(Arc<Mutex<Marks>>);

#[derive(Clone, Copy, Debug)]
struct Marks {
    started: Instant,
    phase: Phase,
    /// When the current phase began.
    since: Instant,
    phases: Phases,
    name_failed: bool,
    connected: bool,
}

impl Progress {
    /// Starts the clock.
    pub(crate) fn start() -> Self {
        let now = Instant::now();
        Self(Arc::new(Mutex::new(Marks {
            started: now,
            phase: Phase::Connect,
            since: now,
            phases: Phases::default(),
            name_failed: false,
            connected: false,
        })))
    }

    fn with<T>(&self, change: impl FnOnce(&mut Marks) -> T) -> T {
        match self.0.lock() {
            Ok(mut marks) => change(&mut marks),
            Err(poisoned) => change(&mut poisoned.into_inner()),
        }
    }

    /// Ends the current phase and begins another.
    pub(crate) fn enter(&self, phase: Phase) {
        self.with(|marks| {
            marks.close();
            marks.phase = phase;
        });
    }

    fn name_failed(&self) {
        self.with(|marks| marks.name_failed = true);
    }

    fn connected(&self) {
        self.with(|marks| marks.connected = true);
    }

    /// True if the name had no address.
    pub(crate) fn has_name_failed(&self) -> bool {
        self.with(|marks| marks.name_failed)
    }

    /// True if a connection was made.
    pub(crate) fn has_connected(&self) -> bool {
        self.with(|marks| marks.connected)
    }

    /// The phase that it is in.
    pub(crate) fn phase(&self) -> Phase {
        self.with(|marks| marks.phase)
    }

    /// Ends the current phase. Returns all phases and the whole time.
    pub(crate) fn finish(&self) -> (Phases, Duration) {
        self.with(|marks| {
            marks.close();
            (marks.phases, marks.started.elapsed())
        })
    }
}

impl Marks {
    /// Adds the time since the phase began to it. A redirect passes through phases again.
    fn close(&mut self) {
        let now = Instant::now();
        let spent = now.duration_since(self.since);
        let phase = match self.phase {
            Phase::Resolve => &mut self.phases.resolve,
            Phase::Connect => &mut self.phases.connect,
            Phase::Wait => &mut self.phases.wait,
            Phase::Transfer => &mut self.phases.transfer,
        };
        *phase = Some(phase.unwrap_or_default() + spent);
        self.since = now;
    }
}

/// True for names that mean this machine (RFC 6761, section 6.3), and for loopback addresses.
pub(crate) fn is_local(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = bare.parse::<IpAddr>() {
        return address.is_loopback();
    }
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

/// The system's resolver, except for names that mean this machine.
#[derive(Debug)]
pub(crate) struct Names(pub(crate) Progress);

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let progress = self.0.clone();
        Box::pin(async move {
            let local = is_local(name.as_str());
            if local {
                let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
                let addresses: Addrs = Box::new(std::iter::once(address));
                return Ok(addresses);
            }
            progress.enter(Phase::Resolve);
            let found = tokio::net::lookup_host((name.as_str(), 0)).await;
            match found {
                Ok(addresses) => {
                    progress.enter(Phase::Connect);
                    let addresses: Addrs =
                        Box::new(addresses.collect::<Vec<SocketAddr>>().into_iter());
                    Ok(addresses)
                }
                Err(error) => {
                    progress.name_failed();
                    Err(error.into())
                }
            }
        })
    }
}

/// Watches connections being made.
#[derive(Clone, Debug)]
pub(crate) struct WatchConnections(pub(crate) Progress);

impl<S> Layer<S> for WatchConnections {
    type Service = Watched<S>;

    fn layer(&self, inner: S) -> Watched<S> {
        Watched {
            inner,
            progress: self.0.clone(),
        }
    }
}

/// A connector that is watched.
#[derive(Clone, Debug)]
pub(crate) struct Watched<S> {
    inner: S,
    progress: Progress,
}

impl<S, R> Service<R> for Watched<S>
where
    S: Service<R>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        self.progress.enter(Phase::Connect);
        let connecting = self.inner.call(request);
        let progress = self.progress.clone();
        Box::pin(async move {
            let connection = connecting.await?;
            progress.connected();
            progress.enter(Phase::Wait);
            Ok(connection)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_names() {
        for host in [
            "localhost",
            "LOCALHOST.",
            "blog.eu-central-1.elasticbeanstalk.localhost",
            "127.0.0.1",
            "[::1]",
        ] {
            assert!(is_local(host), "{host}");
        }
        for host in ["localhost.example.org", "mylocalhost", "10.0.0.1", ""] {
            assert!(!is_local(host), "{host}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn phases_add_up_to_the_whole() {
        let progress = Progress::start();
        progress.enter(Phase::Resolve);
        tokio::time::advance(Duration::from_secs(1)).await;
        progress.enter(Phase::Connect);
        tokio::time::advance(Duration::from_secs(2)).await;
        progress.enter(Phase::Wait);
        tokio::time::advance(Duration::from_secs(3)).await;
        let (phases, elapsed) = progress.finish();
        assert_eq!(phases.resolve, Some(Duration::from_secs(1)));
        assert_eq!(phases.connect, Some(Duration::from_secs(2)));
        assert_eq!(phases.wait, Some(Duration::from_secs(3)));
        assert_eq!((phases.transfer, elapsed), (None, Duration::from_secs(6)));
    }
}
