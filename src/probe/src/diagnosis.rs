//! From status, headers and components to a verdict, with the usual traps named.

use url::Url;

use crate::components::Component;
use crate::failure::{Failure, FailureKind};

/// An answer, as far as the verdict needs it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    /// The `Location` header.
    pub(crate) location: Option<&'a str>,
    /// The address that was asked for.
    pub(crate) url: &'a Url,
    /// The `Host` header that was sent, if it is not the URL's host.
    pub(crate) host: Option<&'a str>,
    pub(crate) expect_status: u16,
    pub(crate) components: &'a [Component],
}

/// Why the answer is not good; `None` if it is.
pub(crate) fn diagnose(answer: &Answer<'_>) -> Option<Failure> {
    let failing: Vec<&Component> = answer
        .components
        .iter()
        .filter(|component| !component.ok)
        .collect();
    // Components before the status: they name the culprit.
    if let [first, rest @ ..] = failing.as_slice() {
        let others = match rest.len() {
            0 => String::new(),
            1 => " (and 1 more component)".to_owned(),
            more => format!(" (and {more} more components)"),
        };
        return Some(Failure {
            kind: FailureKind::Components {
                names: failing
                    .iter()
                    .map(|component| component.name.clone())
                    .collect(),
            },
            message: format!(
                "status {}, {}: {}{others}",
                answer.status, first.name, first.message
            ),
            hint: component_hint(answer),
        });
    }
    if answer.status == answer.expect_status {
        return None;
    }
    if matches!(answer.status, 301 | 302 | 303 | 307 | 308)
        && let Some(location) = answer.location
    {
        return Some(redirect(answer, location));
    }
    Some(Failure {
        kind: FailureKind::Status,
        message: format!(
            "status {} instead of {}",
            answer.status, answer.expect_status
        ),
        hint: status_hint(answer),
    })
}

/// A failing component under a good status is easily overlooked.
fn component_hint(answer: &Answer<'_>) -> Option<String> {
    (answer.status == answer.expect_status).then(|| {
        "The status is good all the same: a load balancer that looks at the status alone does not see this."
            .to_owned()
    })
}

fn redirect(answer: &Answer<'_>, location: &str) -> Failure {
    let target = answer.url.join(location).ok();
    let to_https = answer.url.scheme() == "http"
        && target
            .as_ref()
            .is_some_and(|target| target.scheme() == "https");
    let only_a_slash = target
        .as_ref()
        .is_some_and(|target| target.path() == format!("{}/", answer.url.path()));
    let hint = if to_https {
        Some(
            "Django redirects to HTTPS: behind a load balancer set SECURE_PROXY_SSL_HEADER, and list the health path in SECURE_REDIRECT_EXEMPT."
                .to_owned(),
        )
    } else if only_a_slash {
        Some(format!(
            "The path ends with a slash: `{}/`.",
            answer.url.path()
        ))
    } else {
        Some(
            "A health path must answer by itself: keep login and language redirects away from it."
                .to_owned(),
        )
    };
    Failure {
        kind: FailureKind::Redirect {
            location: location.to_owned(),
        },
        message: format!("status {}, a redirect to {location}", answer.status),
        hint,
    }
}

fn status_hint(answer: &Answer<'_>) -> Option<String> {
    let host = answer.host.or(answer.url.host_str()).unwrap_or_default();
    match answer.status {
        400 if is_address(host) => Some(format!(
            "Django answers 400 when a host is not in ALLOWED_HOSTS, and the load balancer asks with the instance's address: allow `{}`, or answer the health path before the check.",
            without_port(host)
        )),
        400 => Some(format!(
            "Django answers 400 when a host is not in ALLOWED_HOSTS: is `{}` in it?",
            without_port(host)
        )),
        401 | 403 => Some("A health path must be open to the load balancer: no login, no firewall rule.".to_owned()),
        404 => Some("Is the health path of the manifest the one in urls.py? Django's paths end with a slash.".to_owned()),
        502..=504 => Some(
            "No instance answered the load balancer: the container may have stopped, or listens on another port than `processes.web.port`."
                .to_owned(),
        ),
        500 => Some("The application's log has the traceback.".to_owned()),
        _ => None,
    }
}

/// True for an IP address, with or without a port.
fn is_address(host: &str) -> bool {
    let bare = host.trim_start_matches('[');
    host.parse::<std::net::SocketAddr>().is_ok()
        || host.parse::<std::net::IpAddr>().is_ok()
        || bare
            .trim_end_matches(']')
            .parse::<std::net::IpAddr>()
            .is_ok()
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port))
            if !name.contains(':') && port.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            name
        }
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn failure(
        url: &str,
        status: u16,
        location: Option<&str>,
        host: Option<&str>,
    ) -> Option<Failure> {
        diagnose(&Answer {
            status,
            location,
            url: &url.parse().unwrap(),
            host,
            expect_status: 200,
            components: &[],
        })
    }

    fn hint(url: &str, status: u16, location: Option<&str>, host: Option<&str>) -> String {
        failure(url, status, location, host)
            .unwrap()
            .hint
            .unwrap_or_default()
    }

    #[test]
    fn the_expected_status_is_good() {
        assert_eq!(failure("http://a/ht/", 200, None, None), None);
    }

    #[test]
    fn a_refused_host_is_named() {
        let text = hint("http://10.0.1.7/ht/", 400, None, None);
        assert!(
            text.contains("ALLOWED_HOSTS") && text.contains("allow `10.0.1.7`"),
            "{text}"
        );
        let text = hint("http://localhost/ht/", 400, None, Some("10.0.1.7:8000"));
        assert!(text.contains("allow `10.0.1.7`"), "{text}");
        let text = hint("http://blog.example.org/ht/", 400, None, None);
        assert!(text.contains("is `blog.example.org` in it?"), "{text}");
    }

    #[test]
    fn redirects_say_where_and_why() {
        let to_https = failure("http://a.org/ht/", 301, Some("https://a.org/ht/"), None).unwrap();
        assert_eq!(
            to_https.message,
            "status 301, a redirect to https://a.org/ht/"
        );
        assert!(to_https.hint.unwrap().contains("SECURE_PROXY_SSL_HEADER"));
        assert!(hint("http://a.org/ht", 301, Some("/ht/"), None).contains("ends with a slash"));
        assert!(hint("http://a.org/ht/", 302, Some("/login/?next=/ht/"), None).contains("login"));
    }

    #[test]
    fn a_failing_component_in_a_good_status_fails() {
        let component = |name: &str, ok: bool| Component {
            name: name.to_owned(),
            host: None,
            ok,
            message: "warning: full".to_owned(),
            elapsed: None,
        };
        let components = [
            component("Disk", false),
            component("Cache", true),
            component("Mail", false),
        ];
        let failure = diagnose(&Answer {
            status: 200,
            location: None,
            url: &"http://a/".parse().unwrap(),
            host: None,
            expect_status: 200,
            components: &components,
        })
        .unwrap();
        assert_eq!(
            failure.message,
            "status 200, Disk: warning: full (and 1 more component)"
        );
        assert_eq!(
            failure.kind,
            FailureKind::Components {
                names: vec!["Disk".to_owned(), "Mail".to_owned()]
            }
        );
        assert!(failure.hint.unwrap().contains("does not see this"));
    }

    proptest! {
        #[test]
        fn never_panics(status in 0u16..=999, location in "\\PC{0,40}", host in "\\PC{0,40}") {
            let _ = failure("http://10.0.0.1:8000/ht", status, Some(&location), Some(&host));
        }
    }
}
