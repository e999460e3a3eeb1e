//! One SDK configuration for all clients: HTTP client, region, credentials, endpoint, retries,
//! time limits, and a counter of requests.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::{Builder, ConnectorBuilder, tls};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use beanpole_model::{Region, Secret};
use url::{Host, Url};

use crate::retry::{call_timeouts, retry_config};
use crate::{AssumeRole, Error, Kind, Settings};

/// What every client is made from.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    /// The SDK's shared configuration.
    pub(crate) config: SdkConfig,
    /// The region in use.
    pub(crate) region: Region,
    /// True if S3 buckets stand in the path, not in the host name: another endpoint has no wildcard
    /// names.
    pub(crate) path_style: bool,
    /// Counts requests.
    pub(crate) counter: Counter,
}

/// Makes a service's client on a [`Connection`].
macro_rules! client {
    ($sdk:ident, $connection:expr) => {{
        let connection: &crate::connection::Connection = $connection;
        let config = $sdk::config::Builder::from(&connection.config)
            .interceptor(connection.counter.clone())
            .retry_classifier(crate::retry::Policy)
            .build();
        $sdk::Client::from_conf(config)
    }};
}

pub(crate) use client;

impl Connection {
    /// Loads region, profile and credentials sources. No request is sent unless the default chain
    /// has to ask the instance it runs on.
    pub(crate) async fn open(settings: &Settings) -> Result<Self, Error> {
        let endpoint = settings.endpoint();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http_client(endpoint))
            .retry_config(retry_config(settings))
            .timeout_config(call_timeouts());
        if let Some(profile) = settings.profile() {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = settings.region_text() {
            loader = loader.region(aws_config::Region::new(region.to_owned()));
        }
        if let Some(endpoint) = endpoint {
            check_endpoint(endpoint)?;
            loader = loader.endpoint_url(endpoint);
        }
        if let Some((id, key, token)) = &settings.static_credentials {
            let token = token.as_ref().map(|token| token.expose().to_owned());
            loader = loader.credentials_provider(Credentials::new(
                id,
                key.expose(),
                token,
                None,
                "beanpole settings",
            ));
        }
        let mut config = loader.load().await;
        let region = region_of(&config)?;
        if let Some(role) = &settings.assume_role {
            config = assume(config, role).await?;
        }
        let path_style = config.endpoint_url().is_some();
        Ok(Self {
            config,
            region,
            path_style,
            counter: Counter::default(),
        })
    }

    /// How many requests were sent so far.
    pub(crate) fn requests(&self) -> u64 {
        self.counter.requests.load(Ordering::Relaxed)
    }

    /// True if the endpoint is on this machine.
    pub(crate) fn is_local(&self) -> bool {
        self.config.endpoint_url().is_some_and(is_local)
    }
}

fn region_of(config: &SdkConfig) -> Result<Region, Error> {
    let object = "the region";
    let Some(region) = config.region() else {
        return Err(Error::new(
            "sts",
            "Connect",
            object,
            Kind::InvalidParameter,
            "none is set",
        )
        .with_remedy("set `region` in `beanpole.yaml`, `--region`, or `AWS_REGION`"));
    };
    Region::new(region.as_ref()).map_err(|error| {
        Error::new(
            "sts",
            "Connect",
            object,
            Kind::InvalidParameter,
            error.to_string(),
        )
        .with_remedy("set `region` in `beanpole.yaml`, `--region`, or `AWS_REGION`")
    })
}

fn check_endpoint(endpoint: &str) -> Result<(), Error> {
    let fault = match Url::parse(endpoint) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => return Ok(()),
        Ok(_) => "it must start with `http://` or `https://`".to_owned(),
        Err(error) => error.to_string(),
    };
    let object = format!("endpoint URL `{endpoint}`");
    Err(
        Error::new("sts", "Connect", object, Kind::InvalidParameter, fault)
            .with_remedy("correct `--endpoint-url` or `AWS_ENDPOINT_URL`"),
    )
}

/// The same configuration with the credentials of another role.
async fn assume(config: SdkConfig, role: &AssumeRole) -> Result<SdkConfig, Error> {
    let mut builder = AssumeRoleProvider::builder(&role.arn)
        .configure(&config)
        .session_name(&role.session_name);
    if let Some(external_id) = &role.external_id {
        builder = builder.external_id(external_id);
    }
    let provider = match config.credentials_provider() {
        Some(own) => builder.build_from_provider(own).await,
        None => builder.build().await,
    };
    let credentials = SharedCredentialsProvider::new(provider);
    Ok(config
        .into_builder()
        .credentials_provider(credentials)
        .build())
}

/// One HTTP client for all services. The SDK's default makes one per service, each with its own
/// connections and its own load of the trust store.
fn http_client(endpoint: Option<&str>) -> SharedHttpClient {
    if endpoint.is_some_and(|endpoint| endpoint.starts_with("http://") && is_local(endpoint)) {
        // No TLS to set up, and no proxy can know this machine's loopback.
        return Builder::new().build_http();
    }
    Builder::new().build_with_connector_fn(|settings, components| {
        let mut connector = ConnectorBuilder::default().tls_provider(tls::Provider::Rustls(
            tls::rustls_provider::CryptoMode::AwsLc,
        ));
        connector.set_connector_settings(settings.cloned());
        if let Some(components) = components {
            connector.set_sleep_impl(components.sleep_impl());
        }
        connector.set_proxy_config(Some(ProxyConfig::from_env()));
        connector.build()
    })
}

/// True for loopback addresses and the names that RFC 6761 gives to loopback.
pub(crate) fn is_local(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else {
        return false;
    };
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    }
}

/// Counts every request that leaves, repeats included.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counter {
    requests: Arc<AtomicU64>,
}

impl Intercept for Counter {
    fn name(&self) -> &'static str {
        "beanpole request counter"
    }

    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// Remembers whether an attempt of a call ended without a clear answer: the connection broke, time
/// ran out, or AWS failed. The change may have been made all the same, and the next attempt then
/// meets its own traces.
#[derive(Clone, Debug, Default)]
pub(crate) struct Doubt {
    arose: Arc<AtomicBool>,
}

impl Doubt {
    /// True if an attempt ended without a clear answer.
    pub(crate) fn arose(&self) -> bool {
        self.arose.load(Ordering::Relaxed)
    }
}

impl Intercept for Doubt {
    fn name(&self) -> &'static str {
        "beanpole doubt about a change"
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let failed = context
            .output_or_error()
            .is_some_and(|result| result.is_err());
        // Only a refusal is clear: a success whose body broke off was carried out.
        let refused = context
            .response()
            .is_some_and(|answer| (300..500).contains(&answer.status().as_u16()));
        if failed && !refused {
            self.arose.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// The exposed text of an optional secret, for the request builders.
pub(crate) fn exposed(secret: Option<&Secret>) -> Option<String> {
    secret.map(|secret| secret.expose().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_endpoints_are_recognised() {
        for local in [
            "http://127.0.0.1:4566",
            "http://localhost:1",
            "http://a.localhost",
            "http://[::1]:5",
        ] {
            assert!(is_local(local), "{local}");
        }
        for remote in [
            "https://sts.amazonaws.com",
            "http://localhost.example.com",
            "127.0.0.1",
        ] {
            assert!(!is_local(remote), "{remote}");
        }
    }

    #[test]
    fn an_endpoint_that_is_no_url_is_refused() {
        for bad in ["127.0.0.1:4566", "ftp://x", "http://"] {
            let error = check_endpoint(bad).unwrap_err();
            assert_eq!(error.kind, Kind::InvalidParameter, "{bad}");
            assert!(error.to_string().contains(bad));
        }
    }
}
