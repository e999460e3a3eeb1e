//! The HTTP client of one probe.
//!
//! Each probe opens a connection of its own, for it measures that too, and so each has a client of its own. What
//! they share is the machine's trust store: more than a hundred certificates, which are read once.

use std::sync::{Arc, OnceLock};

use reqwest::redirect::Policy;
use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt as _;

use crate::network::{Names, Progress, WatchConnections, is_local};
use crate::probe::HttpProbe;

/// A client that tells `progress` how far it has come.
pub(crate) fn client(
    probe: &HttpProbe,
    progress: &Progress,
) -> Result<reqwest::Client, reqwest::Error> {
    let redirects = match probe.follow_redirects {
        0 => Policy::none(),
        most => Policy::limited(usize::from(most)),
    };
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("beanpole/", env!("CARGO_PKG_VERSION"), " (probe)"))
        // The Host header can be set in HTTP/1.1 only.
        .http1_only()
        .redirect(redirects)
        .pool_max_idle_per_host(0)
        .dns_resolver(Names(progress.clone()))
        .connector_layer(WatchConnections(progress.clone()));
    if probe.url.host_str().is_some_and(is_local) {
        // A proxy would look for this machine on its own.
        builder = builder.no_proxy();
    }
    if let Some(tls) = tls() {
        builder = builder.tls_backend_preconfigured(tls);
    }
    builder.build()
}

/// How this process speaks TLS: read once. None if it cannot be set up, which the client then says itself.
fn tls() -> Option<ClientConfig> {
    static TLS: OnceLock<Option<ClientConfig>> = OnceLock::new();
    TLS.get_or_init(|| {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_platform_verifier())
            .ok()?
            .with_no_client_auth();
        // A configuration of our own is taken as it is: what `http1_only` says is not added to it.
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        // A probe measures a whole handshake, never a resumed one.
        tls.resumption = rustls::client::Resumption::disabled();
        Some(tls)
    })
    .clone()
}
