//! CloudWatch, which is `winterbaume-cloudwatch` behind a thin layer.
//!
//! Clients speak three protocols to it: the Rust SDK CBOR, boto3 JSON, older ones forms. The store knows the
//! first and the last; JSON is translated to CBOR and back here. It also ignores `AlarmNamePrefix`, which is
//! applied here to what it answers.

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use ciborium::Value;
use winterbaume_cloudwatch::{CloudWatchService, wire};
use winterbaume_core::{MockRequest, MockResponse, MockService};

use crate::server::answers::Protocol;

/// The path under which the store takes CBOR.
const CBOR_PATH: &str = "/service/GraniteServiceVersion20100801/operation/";

/// The service.
#[derive(Default)]
pub(crate) struct Alarms {
    inner: CloudWatchService,
}

impl Alarms {
    async fn answer(&self, mut request: MockRequest) -> MockResponse {
        let target = request
            .headers
            .get("x-amz-target")
            .and_then(|value| value.to_str().ok());
        let Some(operation) = target
            .and_then(|target| target.rsplit('.').next())
            .map(str::to_owned)
        else {
            let prefix = read(&request.body).and_then(|input| prefix(&input));
            return with_prefix(self.inner.handle(request).await, prefix.as_deref());
        };
        let Ok(input) = serde_json::from_slice(&request.body) else {
            return Protocol::Json.error(400, "SerializationException", "The body is not JSON.");
        };
        let input = wire::json_to_cbor(&input);
        let prefix = prefix(&input);
        let (Some(body), Some((host, _))) = (written(&input), split_host(&request.uri)) else {
            return Protocol::Json.internal_error();
        };
        request.uri = format!("{host}{CBOR_PATH}{operation}");
        request.body = body;
        let answer = with_prefix(self.inner.handle(request).await, prefix.as_deref());
        // An operation without an answer answers with nothing at all.
        let json = read(&answer.body).map_or_else(
            || "{}".to_owned(),
            |value| wire::cbor_to_json(value).to_string(),
        );
        MockResponse::json(answer.status, json)
    }
}

impl MockService for Alarms {
    fn service_name(&self) -> &str {
        "monitoring"
    }

    fn url_patterns(&self) -> Vec<&str> {
        Vec::new()
    }

    fn handle(
        &self,
        request: MockRequest,
    ) -> Pin<Box<dyn Future<Output = MockResponse> + Send + '_>> {
        Box::pin(self.answer(request))
    }
}

/// `https://host` and the rest of an address.
fn split_host(uri: &str) -> Option<(&str, &str)> {
    let start = uri.find("://")? + 3;
    let end = uri
        .get(start..)?
        .find('/')
        .map_or(uri.len(), |slash| start + slash);
    uri.split_at_checked(end)
}

/// `AlarmNamePrefix` of a request.
fn prefix(input: &Value) -> Option<String> {
    let fields = input.as_map()?;
    let (_, value) = fields
        .iter()
        .find(|(name, _)| name.as_text() == Some("AlarmNamePrefix"))?;
    value.as_text().map(str::to_owned)
}

/// The answer without alarms whose names begin otherwise.
fn with_prefix(mut answer: MockResponse, prefix: Option<&str>) -> MockResponse {
    let (Some(prefix), Some(Value::Map(mut fields))) = (prefix, read(&answer.body)) else {
        return answer;
    };
    for (name, value) in &mut fields {
        if let (Some("MetricAlarms" | "CompositeAlarms"), Some(alarms)) =
            (name.as_text(), value.as_array_mut())
        {
            alarms.retain(|alarm| name_of(alarm).is_some_and(|name| name.starts_with(prefix)));
        }
    }
    if let Some(body) = written(&Value::Map(fields)) {
        answer.body = body;
    }
    answer
}

fn name_of(alarm: &Value) -> Option<&str> {
    let (_, value) = alarm
        .as_map()?
        .iter()
        .find(|(name, _)| name.as_text() == Some("AlarmName"))?;
    value.as_text()
}

fn read(body: &Bytes) -> Option<Value> {
    if body.is_empty() {
        None
    } else {
        ciborium::from_reader(body.as_ref()).ok()
    }
}

fn written(value: &Value) -> Option<Bytes> {
    let mut body = Vec::new();
    ciborium::into_writer(value, &mut body).ok()?;
    Some(body.into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::services::tests_support::{json as send, text};

    #[tokio::test]
    async fn json_in_and_json_out_with_a_prefix() {
        let service = Alarms::default();
        for name in ["shop-cpu", "blog-cpu"] {
            let alarm = json!({
                "AlarmName": name, "Namespace": "AWS/RDS", "MetricName": "CPUUtilization",
                "Statistic": "Average", "Period": 300, "EvaluationPeriods": 3, "Threshold": 80.5,
                "ComparisonOperator": "GreaterThanThreshold",
            });
            let put = send(
                &service,
                "GraniteServiceVersion20100801.PutMetricAlarm",
                alarm,
            )
            .await;
            assert_eq!(put.status, 200, "{}", text(&put));
        }
        let target = "GraniteServiceVersion20100801.DescribeAlarms";
        let all = text(&send(&service, target, json!({})).await);
        assert!(all.contains("blog-cpu") && all.contains("80.5"), "{all}");
        let some = text(&send(&service, target, json!({"AlarmNamePrefix": "shop-"})).await);
        assert!(
            some.contains("shop-cpu") && !some.contains("blog-cpu"),
            "{some}"
        );
    }
}
