//! Worlds for the unit tests of services.

use std::sync::Arc;

use beanpole_model::{AccountId, Region, Silent};
use winterbaume_core::{MockRequest, MockResponse, MockService};

use crate::clock::Clock;
use crate::data_plane::{ControlOnly, DataPlane};
use crate::faults::{FaultScript, Faults};
use crate::world::{World, WorldParts};

/// A world with a fault script, a stopped test clock's friend: speed 60.
pub(crate) fn world_with_faults(script: &str) -> Arc<World> {
    let script = FaultScript::parse("test", script).expect("a fault script");
    world_on(Arc::new(ControlOnly::default()), script)
}

/// A world on this data plane.
pub(crate) fn world_on(data_plane: Arc<dyn DataPlane>, script: FaultScript) -> Arc<World> {
    World::new(WorldParts {
        clock: Clock::new("2026-03-01T12:00:00Z".parse().expect("a time"), 60.0),
        account: AccountId::new("123456789012").expect("an account"),
        region: Region::new("eu-central-1").expect("a region"),
        data_plane,
        reporter: Arc::new(Silent),
        faults: Arc::new(Faults::new(script)),
        api_address: ([127, 0, 0, 1], 4566).into(),
        load_balancer_address: ([127, 0, 0, 1], 8080).into(),
    })
}

/// Sends a Query request to a service.
pub(crate) async fn query(service: &dyn MockService, fields: &[(&str, &str)]) -> MockResponse {
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    let name = service.service_name().to_owned();
    service
        .handle(MockRequest {
            method: "POST".to_owned(),
            uri: format!("https://{name}.eu-central-1.amazonaws.com/"),
            headers: http::HeaderMap::new(),
            body: body.into(),
        })
        .await
}

/// Sends a JSON request to a service.
pub(crate) async fn json(
    service: &dyn MockService,
    target: &str,
    body: serde_json::Value,
) -> MockResponse {
    let mut headers = http::HeaderMap::new();
    headers.insert("x-amz-target", target.parse().expect("a header"));
    let name = service.service_name().to_owned();
    service
        .handle(MockRequest {
            method: "POST".to_owned(),
            uri: format!("https://{name}.eu-central-1.amazonaws.com/"),
            headers,
            body: body.to_string().into(),
        })
        .await
}

/// The body of an answer as text.
pub(crate) fn text(answer: &MockResponse) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}
