//! What to ask, and what counts as success.

use std::time::Duration;

use url::Url;

/// One probe over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpProbe {
    /// What to ask for. A host name that is `localhost` or ends in `.localhost` means this machine
    /// (RFC 6761), whatever the system's resolver says.
    pub url: Url,
    /// How long the whole probe may take, all redirects included.
    pub timeout: Duration,
    /// The method.
    pub method: Method,
    /// The status that counts as success.
    pub expect_status: u16,
    /// What the body is read as.
    pub parse: Parse,
    /// The `Host` header, if it is not the URL's host: to ask one instance as the load balancer does.
    pub host: Option<String>,
    /// How many redirects are followed; 0 shows the redirect itself.
    pub follow_redirects: u8,
}

impl HttpProbe {
    /// A plain probe: `GET`, status 200, the body is not looked at.
    #[must_use]
    pub const fn new(url: Url, timeout: Duration) -> Self {
        Self {
            url,
            timeout,
            method: Method::Get,
            expect_status: 200,
            parse: Parse::Nothing,
            host: None,
            follow_redirects: 0,
        }
    }

    /// A probe of a health page. See [`Parse::HealthCheck`].
    #[must_use]
    pub const fn health(url: Url, timeout: Duration) -> Self {
        let mut probe = Self::new(url, timeout);
        probe.parse = Parse::HealthCheck { times: false };
        probe
    }
}

/// The methods that a probe may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// `GET`.
    #[default]
    Get,
    /// `HEAD`: no body, so nothing to read components from.
    Head,
}

/// What the body of an answer is read as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Parse {
    /// Nothing: the status decides.
    #[default]
    Nothing,
    /// A health page of django-health-check. JSON is asked for; HTML is understood too. A failing
    /// component makes the probe fail, whatever the status. A body that is no such page is not held
    /// against the answer: then the status decides.
    HealthCheck {
        /// JSON has no times: ask a second time, for HTML, to learn how long each component took.
        times: bool,
    },
}
