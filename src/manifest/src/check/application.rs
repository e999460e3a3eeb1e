//! Image, processes, release step, health and variables.

use std::time::Duration;

use super::Checker;
use super::names::{is_path, is_variable};
use crate::project::Project;
use crate::scalar::duration;

/// The most that all environment variables together may have, in bytes, counted as `NAME=value` with
/// one byte between two (Elastic Beanstalk developer guide, "Environment properties").
const MOST_VARIABLE_BYTES: usize = 4096;
/// The longest name of a variable (Elastic Beanstalk developer guide, `eb setenv`).
const LONGEST_VARIABLE_NAME: usize = 128;

pub(super) fn check(project: &Project, checker: &mut Checker<'_>) {
    image(project, checker);
    processes(project, checker);
    health(project, checker);
    variables(project, checker);
}

fn image(project: &Project, checker: &mut Checker<'_>) {
    for (key, path) in [
        ("context", &project.image.context),
        ("dockerfile", &project.image.dockerfile),
    ] {
        let outside = path.split(['/', '\\']).any(|part| part == "..");
        if path.is_empty() || path.starts_with('/') || outside {
            checker.value(
                &["image", key],
                format!("`{path}` is not a path inside the project"),
                "write it relative to the manifest, without `..`",
            );
        }
    }
    for (index, platform) in project.image.platforms.iter().enumerate() {
        if !platform.starts_with("linux/") {
            checker.value(
                &["image", "platforms", &index.to_string()],
                format!("`{platform}` is not a platform that Beanstalk runs"),
                "`linux/amd64` or `linux/arm64`",
            );
        }
    }
    if let Some(repository) = &project.image.registry {
        registry(project, repository, checker);
    }
}

/// A repository to push to, without tag and digest: the push makes both.
fn registry(project: &Project, repository: &str, checker: &mut Checker<'_>) {
    if !is_repository(repository) {
        checker.value(
            &["image", "registry"],
            format!("`{repository}` is not a repository of a registry"),
            "`<host>/<path>` in lower case without tag, such as \
             `123456789012.dkr.ecr.eu-central-1.amazonaws.com/blog`",
        );
        return;
    }
    let region = project.region.as_str();
    if let Some(found) = ecr_region(repository)
        && found != region
    {
        checker.value(
            &["image", "registry"],
            format!("the repository is in {found}, and the environment in {region}"),
            "a login of ECR is good in one region: create the repository in this one",
        );
    }
    if project.image.platforms.len() > 1 {
        checker.value(
            &["image", "platforms"],
            "an image that is pushed is built for one platform".to_owned(),
            "keep the one that the instances have",
        );
    }
}

/// True for `host/path`: a host with a dot, a port or the name `localhost`, and a path of Docker's
/// letters (distribution reference grammar).
fn is_repository(repository: &str) -> bool {
    let Some((host, path)) = repository.split_once('/') else {
        return false;
    };
    let (name, port) = match host.split_once(':') {
        Some((name, port)) => (name, Some(port)),
        None => (host, None),
    };
    let is_host = !name.is_empty()
        && name
            .bytes()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == b'.' || letter == b'-')
        && (name.contains('.') || name == "localhost" || port.is_some())
        && port.is_none_or(|port| port.parse::<u16>().is_ok());
    let is_part = |part: &str| {
        let is_letter = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit();
        part.bytes().next().is_some_and(is_letter)
            && part.bytes().next_back().is_some_and(is_letter)
            && part
                .bytes()
                .all(|letter| is_letter(letter) || matches!(letter, b'.' | b'_' | b'-'))
    };
    is_host && path.split('/').all(is_part)
}

/// The region of a repository of ECR: `<account>.dkr.ecr.<region>.amazonaws.com`.
fn ecr_region(repository: &str) -> Option<&str> {
    let (host, _) = repository.split_once('/')?;
    let (_, rest) = host
        .split_once(".dkr.ecr.")
        .or_else(|| host.split_once(".dkr.ecr-fips."))?;
    let (region, domain) = rest.split_once('.')?;
    domain.starts_with("amazonaws.com").then_some(region)
}

fn processes(project: &Project, checker: &mut Checker<'_>) {
    match project.processes.get("web") {
        None => checker.key(
            &["processes"],
            "there is no process `web`",
            "add `web: {command: …, port: 8000}`",
        ),
        Some(web) if web.port.is_none() => checker.key(
            &["processes", "web"],
            "the process `web` has no port",
            "add `port: 8000`, the port that its command listens on",
        ),
        Some(_) => {}
    }
    for (name, process) in &project.processes {
        let path = ["processes", name.as_str()];
        let valid = name.starts_with(|first: char| first.is_ascii_lowercase())
            && name.len() <= 40
            && name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if !valid || name == "release" {
            checker.key(
                &path,
                format!("`{name}` is not a name for a process"),
                "lower-case letters, digits and hyphens; `release` is taken by the release step",
            );
        }
        if process.command.trim().is_empty() {
            checker.value(
                &["processes", name, "command"],
                format!("the process `{name}` has no command"),
                "write the command that starts it",
            );
        }
        if name != "web" && process.port.is_some() {
            checker.key(
                &["processes", name, "port"],
                format!("the process `{name}` has a port, and only `web` is reached from outside"),
                "remove it",
            );
        }
        if process.port == Some(0) {
            checker.value(
                &["processes", name, "port"],
                "port 0 is no port",
                "1 to 65535",
            );
        }
    }
    for (index, command) in project.release.iter().enumerate() {
        if command.trim().is_empty() {
            checker.value(
                &["release", &index.to_string()],
                "the command is empty",
                "write a command, or remove the line",
            );
        }
    }
}

fn health(project: &Project, checker: &mut Checker<'_>) {
    let health = &project.health;
    for (key, path) in [
        ("path", &health.path),
        ("load_balancer_path", &health.load_balancer_path),
    ] {
        // An unset second path repeats the first, whose fault is enough.
        let repeated = key == "load_balancer_path" && *path == health.path;
        if !is_path(path) && !repeated {
            checker.value(
                &["health", key],
                format!("`{path}` is not a path on the server"),
                "begin with `/`, such as `/ht/`",
            );
        }
    }
    let limits = [
        ("timeout", health.timeout, 1, 300),
        ("interval", health.interval, 1, 3600),
        ("soak", health.soak, 0, 24 * 3600),
    ];
    for (key, value, least, most) in limits {
        if value < Duration::from_secs(least) || value > Duration::from_secs(most) {
            checker.value(
                &["health", key],
                format!("`{key}` is out of range"),
                format!(
                    "`{}` to `{}`",
                    duration::format(Duration::from_secs(least)),
                    duration::format(Duration::from_secs(most))
                ),
            );
        }
    }
    if !(1..=100).contains(&health.successes) {
        checker.value(
            &["health", "successes"],
            format!("{} successes in a row are out of range", health.successes),
            "1 to 100",
        );
    }
    for (key, count) in [
        ("healthy", health.thresholds.healthy),
        ("unhealthy", health.thresholds.unhealthy),
    ] {
        // Elastic Load Balancing API reference, CreateTargetGroup: HealthyThresholdCount.
        if !(2..=10).contains(&count) {
            checker.value(
                &["health", "thresholds", key],
                format!("the threshold {count} is out of range"),
                "Elastic Load Balancing takes 2 to 10",
            );
        }
    }
}

fn variables(project: &Project, checker: &mut Checker<'_>) {
    let mut bytes = 0;
    for (name, value) in &project.variables {
        let path = ["variables", name.as_str()];
        if !is_variable(name) || name.len() > LONGEST_VARIABLE_NAME {
            checker.key(
                &path,
                format!("`{name}` is not the name of an environment variable"),
                "letters, digits and underscores, no digit first, at most 128 characters",
            );
        }
        if value.contains('\0') {
            checker.value(
                &path,
                format!("`{name}` has a NUL byte in its value"),
                "remove it",
            );
        }
        if project.secrets.names.contains_key(name) {
            checker.key(
                &path,
                format!("`{name}` is given twice: as a variable and under `secrets.names`"),
                "keep one of them",
            );
        }
        bytes += name.len() + value.len() + 2;
    }
    let bytes = bytes.saturating_sub(1);
    if bytes > MOST_VARIABLE_BYTES {
        checker.key(
            &["variables"],
            format!(
                "the variables have {bytes} bytes together, and Beanstalk takes at most {MOST_VARIABLE_BYTES}"
            ),
            "move long values into Secrets Manager or into the image",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_are_told_from_other_names() {
        for good in [
            "123456789012.dkr.ecr.eu-central-1.amazonaws.com/team/blog",
            "ghcr.io/team/blog_web",
            "127.0.0.1:5000/blog",
            "localhost/blog",
        ] {
            assert!(is_repository(good), "{good}");
        }
        for bad in [
            "blog",
            "team/blog",
            "https://ghcr.io/team/blog",
            "ghcr.io/team/blog:latest",
            "ghcr.io/team/blog@sha256:00",
            "ghcr.io/Team/blog",
            "ghcr.io/",
            "ghcr.io/team//blog",
            "host:port/blog",
        ] {
            assert!(!is_repository(bad), "{bad}");
        }
    }

    #[test]
    fn the_region_of_ecr_is_in_the_host() {
        let of = |host: &str| ecr_region(&format!("{host}/blog")).map(str::to_owned);
        assert_eq!(
            of("123456789012.dkr.ecr.eu-central-1.amazonaws.com").as_deref(),
            Some("eu-central-1")
        );
        assert_eq!(
            of("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn").as_deref(),
            Some("cn-north-1")
        );
        assert_eq!(of("ghcr.io"), None);
    }
}
