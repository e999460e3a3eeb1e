//! ECR: `winterbaume-ecr`, with a registry of the rehearsal's own behind the login.
//!
//! On AWS the registry of an account is at a host that follows from account and region, and it takes the
//! password of GetAuthorizationToken. Here the images are in whatever registry the rehearsal was told
//! of, and the login names that place. The password opens nothing: a registry on loopback takes any.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use beanpole_model::Secret;
use jiff::Timestamp;
use winterbaume_core::{MockRequest, MockResponse, MockService};
use winterbaume_ecr::{EcrService, model, wire};

use crate::clock;
use crate::world::World;

/// How long a login is good (Amazon ECR user guide, "Private registry authentication").
const LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);

/// The service.
pub(crate) struct Registries {
    world: Arc<World>,
    /// The address of the registry that stands in: `http://127.0.0.1:5000`.
    registry: Option<String>,
    inner: EcrService,
}

impl Registries {
    /// A service without repositories. Without a registry that stands in, logins name the host that
    /// AWS has for the account.
    pub(crate) fn new(world: &Arc<World>, registry: Option<String>) -> Self {
        Self {
            world: world.clone(),
            registry,
            inner: EcrService::new(),
        }
    }

    fn login(&self) -> MockResponse {
        let password = Secret::new(uuid::Uuid::new_v4().to_string());
        self.world.scrubber.learn(&password);
        let token = STANDARD.encode(format!("AWS:{}", password.expose()));
        self.world.scrubber.learn(&Secret::new(token.clone()));
        let endpoint = self.registry.clone().unwrap_or_else(|| {
            let (account, region) = (self.world.account.as_str(), self.world.region.as_str());
            format!("https://{account}.dkr.ecr.{region}.amazonaws.com")
        });
        // Clients compare this with their own clock, not with the rehearsal's.
        let expires = clock::add(Timestamp::now(), LIFETIME);
        wire::serialize_get_authorization_token_response(&model::GetAuthorizationTokenResponse {
            authorization_data: Some(vec![model::AuthorizationData {
                authorization_token: Some(token),
                proxy_endpoint: Some(endpoint),
                expires_at: Some(expires.as_duration().as_secs_f64()),
            }]),
        })
    }
}

impl MockService for Registries {
    fn service_name(&self) -> &str {
        self.inner.service_name()
    }

    fn url_patterns(&self) -> Vec<&str> {
        self.inner.url_patterns()
    }

    fn handle(
        &self,
        request: MockRequest,
    ) -> Pin<Box<dyn Future<Output = MockResponse> + Send + '_>> {
        let target = request
            .headers
            .get("x-amz-target")
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        if target.ends_with(".GetAuthorizationToken") {
            return Box::pin(async move { self.login() });
        }
        self.inner.handle(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::tests_support::{json, text, world_with_faults};

    async fn endpoint(registry: Option<&str>) -> String {
        let service = Registries::new(&world_with_faults(""), registry.map(str::to_owned));
        let target = "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken";
        let answer = text(&json(&service, target, serde_json::json!({})).await);
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        let data = &answer["authorizationData"][0];
        let token = STANDARD
            .decode(data["authorizationToken"].as_str().unwrap())
            .unwrap();
        assert!(token.starts_with(b"AWS:"));
        data["proxyEndpoint"].as_str().unwrap().to_owned()
    }

    #[tokio::test]
    async fn a_login_names_the_registry_that_stands_in() {
        assert_eq!(
            endpoint(None).await,
            "https://123456789012.dkr.ecr.eu-central-1.amazonaws.com"
        );
        assert_eq!(
            endpoint(Some("http://127.0.0.1:5000")).await,
            "http://127.0.0.1:5000"
        );
    }
}
