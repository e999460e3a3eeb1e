//! Elastic Beanstalk, played: the operations that releases need, the life cycles behind them, health.
//!
//! Rules: wire types and serializers come from `winterbaume-elasticbeanstalk`; behaviour is ours.
//! `options`, `rollout`, `health`, `event_log` decide and are pure; `lifecycle` and `monitor` act on the
//! world's clock; `operations` translate. Clients match on AWS's codes and on some of its English
//! sentences to the letter: those stand in `error` and in the life cycles, and must not be reworded.
//!
//! Not played, and refused: configuration templates, custom platforms, CodeBuild, ComposeEnvironments,
//! RebuildEnvironment, Cluster environments.

mod call;
mod error;
mod event_log;
mod health;
mod lifecycle;
mod monitor;
mod names;
mod operations;
mod options;
mod platforms;
mod rollout;
mod routes;
mod secret_file;
mod shared;
mod state;
#[cfg(test)]
mod tests;
mod variables;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use winterbaume_core::{MockRequest, MockResponse, MockService};

use crate::world::{Routes, Targets, World};
use call::Call;
use shared::Shared;

/// The service.
pub struct Beanstalk {
    shared: Arc<Shared>,
}

impl Beanstalk {
    /// A service without applications. Cancelling `shutdown` ends all life cycles where they are.
    #[must_use]
    pub fn new(world: &Arc<World>, shutdown: &CancellationToken) -> Self {
        Self {
            shared: Shared::new(world, shutdown),
        }
    }

    /// Waits until no life cycle runs any more. Call it after the shutdown was cancelled.
    pub async fn stopped(&self) {
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }
}

impl Routes for Beanstalk {
    fn targets(&self, host: &str) -> Targets {
        let plane = &self.shared.world.data_plane;
        let now = self.shared.world.clock.now();
        self.shared
            .read(|state| routes::targets(state, host, plane.as_ref(), now))
    }
}

impl MockService for Beanstalk {
    fn service_name(&self) -> &str {
        "elasticbeanstalk"
    }

    fn url_patterns(&self) -> Vec<&str> {
        // The server routes by the signature's scope, not by address.
        Vec::new()
    }

    fn handle(
        &self,
        request: MockRequest,
    ) -> Pin<Box<dyn Future<Output = MockResponse> + Send + '_>> {
        Box::pin(async move {
            let call = Call::new(&self.shared, &request);
            let answer = operations::dispatch(&call).await;
            call.dress(answer)
        })
    }
}
