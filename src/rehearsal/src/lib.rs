//! The embedded AWS: a server on loopback that speaks AWS's protocols, keeps state, lives through AWS's
//! life cycles on a clock of its own, and runs releases for real where a container engine is at hand.
//!
//! Rules of this crate: it knows `model` and `image`, and never `cloud`: it is the other end of the
//! wire. Wire formats come from the `winterbaume-*` crates, behaviour is ours. Decisions (plans of
//! deployments, health, filters) are pure functions with tests; the life cycles around them are thin.
//!
//! How a request travels: `server` finds the service from the signature and hands the request to its
//! [`winterbaume_core::MockService`]; the service changes its state and, where AWS takes its time,
//! starts a life cycle that sleeps on the [`clock`] and works through the [`data_plane`]. Services reach
//! each other through the [`world`] only.

use std::net::SocketAddr;
use std::sync::Arc;

use beanpole_model::{AccountId, Pace, Region, Reporter, Secret};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use winterbaume_core::MockService;

pub mod beanstalk;
pub mod calls;
pub mod clock;
pub mod data_plane;
mod error;
pub mod faults;
mod load_balancer;
mod server;
mod services;
mod slack;
pub mod world;

pub use calls::{Call, CallObserver};
pub use data_plane::{ControlOnly, DataPlane, Removed};
pub use error::Error;
pub use faults::FaultScript;
pub use slack::SlackMessage;

use clock::Clock;
use world::{Services, World, WorldParts};

/// The access key id that the embedded AWS documents for its clients. Any other one works too.
const ACCESS_KEY_ID: &str = "AKIAREHEARSAL0000000";
/// Its secret half. It opens nothing but a server on loopback.
const SECRET_ACCESS_KEY: &str = "rehearsal-opens-nothing-but-loopback";

/// How often the removal is repeated while something is left behind.
const REMOVAL_REPEATS: usize = 3;

/// The pause before the removal is repeated, in wall-clock time.
const REMOVAL_PAUSE: std::time::Duration = std::time::Duration::from_secs(1);

/// How the embedded AWS is to run.
#[derive(Clone)]
pub struct Options {
    /// Where the API listens; port 0 takes a free one. The load balancer takes a free port of the same
    /// host.
    pub address: SocketAddr,
    /// How many times as fast as the wall's its clock runs; at least 1.
    pub speed: f64,
    /// What goes wrong, and when.
    pub faults: Option<FaultScript>,
    /// The one region.
    pub region: Region,
    /// The one account.
    pub account: AccountId,
    /// Leave containers, networks and images where they are at the end.
    pub keep: bool,
    /// Where things run; `None` runs nothing (see [`ControlOnly`]).
    pub data_plane: Option<Arc<dyn DataPlane>>,
    /// The address of a registry that stands in for ECR's, such as `http://127.0.0.1:5000`. Logins
    /// name it; without one they name AWS's own host, which the rehearsal does not serve.
    pub registry: Option<String>,
    /// Is told of every request.
    pub calls: Option<Arc<dyn CallObserver>>,
    /// How far its clock is ahead of this machine's when it starts; behind it if negative.
    pub clock_offset: jiff::SignedDuration,
}

impl Options {
    /// A free port of loopback, speed 60, no faults, account 123456789012, no data plane.
    #[must_use]
    pub fn new(region: Region, account: AccountId) -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            speed: 60.0,
            faults: None,
            region,
            account,
            keep: false,
            data_plane: None,
            registry: None,
            calls: None,
            clock_offset: jiff::SignedDuration::ZERO,
        }
    }
}

/// A running embedded AWS. Dropping it stops the servers, but only [`Rehearsal::stop`] removes what the
/// data plane started.
pub struct Rehearsal {
    world: Arc<World>,
    slack: Arc<slack::Slack>,
    beanstalk: Arc<beanstalk::Beanstalk>,
    cancel: DropGuard,
    tasks: Vec<tokio::task::JoinHandle<()>>,
    keep: bool,
}

/// Starts the embedded AWS.
///
/// # Errors
/// [`Error::Listen`] if an address is taken or not allowed.
pub async fn start(options: Options, reporter: Arc<dyn Reporter>) -> Result<Rehearsal, Error> {
    let (api, api_address) = listen(options.address).await?;
    let (balancer, balancer_address) = listen(SocketAddr::new(options.address.ip(), 0)).await?;
    let faults = Arc::new(faults::Faults::new(options.faults.unwrap_or_default()));
    let now = jiff::Timestamp::now();
    // An offset beyond what a timestamp holds is none.
    let start = now.checked_add(options.clock_offset).unwrap_or(now);
    let world = World::new(WorldParts {
        clock: Clock::new(start, options.speed),
        account: options.account,
        region: options.region,
        data_plane: options
            .data_plane
            .unwrap_or_else(|| Arc::new(ControlOnly::default())),
        reporter,
        faults,
        api_address,
        load_balancer_address: balancer_address,
    });
    let cancel = CancellationToken::new();
    let slack = Arc::new(slack::Slack::new(&world));
    let beanstalk = Arc::new(beanstalk::Beanstalk::new(&world, &cancel));
    let mut built = services::build(&world, options.registry, &cancel);
    built.aws.push(beanstalk.clone() as Arc<dyn MockService>);
    world.install(Services {
        routes: beanstalk.clone(),
        ..built.hooks
    });
    let tasks = vec![
        server::serve(
            api,
            server::ServerParts {
                world: world.clone(),
                services: built.aws,
                slack: slack.clone(),
                calls: options.calls,
            },
            cancel.clone(),
        ),
        load_balancer::serve(balancer, world.clone(), cancel.clone()),
        built.finished,
    ];
    let cancel = cancel.drop_guard();
    Ok(Rehearsal {
        world,
        slack,
        beanstalk,
        cancel,
        tasks,
        keep: options.keep,
    })
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Error> {
    let failed = |source| Error::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

impl Rehearsal {
    /// The endpoint for all services: what `AWS_ENDPOINT_URL` takes.
    #[must_use]
    pub fn endpoint_url(&self) -> String {
        format!("http://{}", self.world.api_address)
    }

    /// Where the load balancer of all environments listens; it routes by Host header.
    #[must_use]
    pub fn load_balancer_address(&self) -> SocketAddr {
        self.world.load_balancer_address
    }

    /// An access key id and its secret. The server takes any other pair as well.
    #[must_use]
    pub fn credentials(&self) -> (String, Secret) {
        (ACCESS_KEY_ID.to_owned(), Secret::new(SECRET_ACCESS_KEY))
    }

    /// The one region.
    #[must_use]
    pub fn region(&self) -> &Region {
        &self.world.region
    }

    /// How fast the clock runs, for whoever polls. Deadlines shrink with it only where no real work is
    /// done.
    #[must_use]
    pub fn pace(&self) -> Pace {
        Pace::rehearsal(self.world.clock.speed(), !self.world.data_plane.is_real())
    }

    /// Changes what goes wrong while the rehearsal runs.
    #[must_use]
    pub fn director(&self) -> Director {
        Director {
            world: self.world.clone(),
        }
    }

    /// Where Slack's stand-in answers: what takes the place of `https://slack.com/api`.
    #[must_use]
    pub fn slack_api_url(&self) -> String {
        self.slack.api_url()
    }

    /// The messages that Slack's stand-in holds, oldest first.
    #[must_use]
    pub fn slack_messages(&self) -> Vec<SlackMessage> {
        self.slack.messages()
    }

    /// Stops the servers and the life cycles and removes everything that the data plane started, unless
    /// the options said to keep it.
    ///
    /// # Errors
    /// None at present; what could not be removed is listed in the result.
    pub async fn stop(self) -> Result<Removed, Error> {
        self.cancel.disarm().cancel();
        self.beanstalk.stopped().await;
        for task in self.tasks {
            // A task that panicked has nothing more to say; the rest must still be removed.
            drop(task.await);
        }
        self.world.install(Services::default());
        if self.keep {
            return Ok(Removed::default());
        }
        let mut removed = self.world.data_plane.remove_everything().await;
        for _ in 0..REMOVAL_REPEATS {
            if removed.left_behind.is_empty() {
                break;
            }
            // A busy engine refuses for a moment what it is still starting or removing.
            tokio::time::sleep(REMOVAL_PAUSE).await;
            let again = self.world.data_plane.remove_everything().await;
            removed.containers += again.containers;
            removed.networks += again.networks;
            removed.images += again.images;
            removed.left_behind = again.left_behind;
        }
        Ok(removed)
    }
}

/// Changes what goes wrong in a rehearsal that runs.
#[derive(Clone, Debug)]
pub struct Director {
    world: Arc<World>,
}

impl Director {
    /// Plays another fault script from now on, from its beginning. What the former one has begun
    /// (a version that will turn red) goes on.
    pub fn play(&self, script: FaultScript) {
        self.world.play(faults::Faults::new(script));
    }
}
