//! What `beanpole status` shows, as text and as JSON. Pure.

use std::fmt;

use beanpole_cloud::{
    Color, EnvironmentDescription, EnvironmentHealth, EnvironmentStatus, InstanceHealth,
    PlatformVersion, RequestMetrics, Version,
};
use beanpole_deploy::fleet::Fleet;
use beanpole_deploy::label::commit_of_label;
use beanpole_deploy::logs::sections::printable;
use beanpole_terminal::table;
use jiff::Timestamp;
use serde::Serialize;

/// Everything that was found out.
pub(super) struct Facts {
    pub(super) environment: EnvironmentDescription,
    /// None without enhanced health.
    pub(super) health: Option<EnvironmentHealth>,
    pub(super) instances: Vec<InstanceHealth>,
    pub(super) fleet: Fleet,
    pub(super) version: Option<Version>,
    pub(super) policy: Option<String>,
    /// The versions of the platform branch, newest first.
    pub(super) platforms: Vec<PlatformVersion>,
    pub(super) released: Option<Released>,
}

/// When and by whom the version was released, if the history of releases knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Released {
    pub(super) at: Timestamp,
    pub(super) by: String,
}

/// How an environment is.
#[derive(Debug, Serialize)]
pub(super) struct StatusReport {
    pub(super) application: String,
    pub(super) environment: String,
    /// True if it is Ready, Green, and every instance runs one version: the exit code is 0 then.
    pub(super) well: bool,
    pub(super) status: String,
    /// The colour.
    pub(super) health: String,
    /// The finer word; null without enhanced health.
    pub(super) health_status: Option<String>,
    pub(super) causes: Vec<String>,
    /// True if an update is under way that `beanpole abort` can take back.
    pub(super) abortable: bool,
    pub(super) version: Option<String>,
    /// The beginning of the commit's id, if the label is one of ours.
    pub(super) commit: Option<String>,
    /// The version's description: the commit's subject.
    pub(super) subject: Option<String>,
    pub(super) released: Option<Released>,
    pub(super) url: Option<String>,
    pub(super) deployment_policy: Option<String>,
    pub(super) platform: Option<Platform>,
    pub(super) requests: Option<Requests>,
    pub(super) fleet: Fleet,
    pub(super) instances: Vec<Instance>,
    pub(super) updated: Option<Timestamp>,
}

/// The platform version that it runs on.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Platform {
    /// Such as `64bit Amazon Linux 2023 v4.6.1 running Docker`.
    pub(super) name: Option<String>,
    pub(super) version: Option<String>,
    /// The newest version of the branch, if it is another one.
    pub(super) newer: Option<String>,
}

/// What requests met in the last seconds. Latencies are in seconds.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Requests {
    pub(super) per_second: f64,
    pub(super) status_2xx: u32,
    pub(super) status_3xx: u32,
    pub(super) status_4xx: u32,
    pub(super) status_5xx: u32,
    pub(super) p50: Option<f64>,
    pub(super) p90: Option<f64>,
    pub(super) p99: Option<f64>,
}

/// One instance.
#[derive(Debug, Serialize)]
pub(super) struct Instance {
    pub(super) id: String,
    pub(super) health: String,
    pub(super) version: Option<String>,
    /// AWS's word for how the last deployment stands.
    pub(super) deployment: Option<String>,
    /// Since when it has been on it.
    pub(super) deployed: Option<Timestamp>,
    pub(super) causes: Vec<String>,
}

impl StatusReport {
    /// Puts the facts together. `scrub` removes known secrets from AWS's own words.
    pub(super) fn of(facts: Facts, scrub: &dyn Fn(&str) -> String) -> Self {
        let Facts {
            environment,
            health,
            instances,
            fleet,
            version,
            policy,
            platforms,
            released,
        } = facts;
        let clean = |texts: Vec<String>| -> Vec<String> {
            texts.iter().map(|text| printable(&scrub(text))).collect()
        };
        let (causes, metrics) = match health {
            Some(health) => (clean(health.causes), health.metrics),
            None => (Vec::new(), None),
        };
        let subject = version
            .and_then(|version| version.description)
            .filter(|text| !text.is_empty())
            .map(|text| printable(&scrub(&text)));
        Self {
            well: environment.status == EnvironmentStatus::Ready
                && environment.health == Color::Green
                && fleet.is_consistent(),
            commit: environment
                .version_label
                .as_deref()
                .and_then(commit_of_label)
                .map(str::to_owned),
            platform: platform(&environment, &platforms),
            application: environment.application,
            environment: environment.name,
            status: environment.status.to_string(),
            health: environment.health.to_string(),
            health_status: environment.health_status.map(|status| status.to_string()),
            causes,
            abortable: environment.abortable,
            version: environment.version_label,
            subject,
            released,
            url: environment.cname.map(|name| format!("http://{name}/")),
            deployment_policy: policy,
            requests: metrics.as_ref().and_then(requests),
            fleet,
            instances: instances
                .into_iter()
                .map(|instance| Instance {
                    id: instance.id,
                    health: instance.status.to_string(),
                    version: instance
                        .deployment
                        .as_ref()
                        .and_then(|deployment| deployment.version_label.clone()),
                    deployment: instance
                        .deployment
                        .as_ref()
                        .map(|deployment| deployment.status.to_string()),
                    deployed: instance.deployment.and_then(|deployment| deployment.at),
                    causes: clean(instance.causes),
                })
                .collect(),
            updated: environment.updated,
        }
    }

    /// The report in one line.
    pub(super) fn brief(&self) -> String {
        let mut text = format!(
            "{}: {}, {}; {}",
            self.environment,
            self.status,
            self.health_words(),
            self.fleet
        );
        if !self.causes.is_empty() {
            text.push_str(": ");
            text.push_str(&self.causes.join("; "));
        }
        text
    }

    /// `Green (Ok)`
    fn health_words(&self) -> String {
        match &self.health_status {
            Some(word) => format!("{} ({word})", self.health),
            None => self.health.clone(),
        }
    }

    /// What is known of it, each with its name.
    fn facts(&self) -> Vec<(&'static str, String)> {
        let version = self.version.as_deref().map(|label| match &self.subject {
            Some(subject) => format!("{label}  {subject}"),
            None => label.to_owned(),
        });
        let released = self
            .released
            .as_ref()
            .map(|released| format!("{} by {}", short(released.at), released.by));
        let platform = self.platform.as_ref().and_then(Platform::words);
        let known = [
            (
                "Version",
                Some(version.unwrap_or_else(|| "none".to_owned())),
            ),
            ("Released", released),
            ("Fleet", Some(self.fleet.to_string())),
            ("Address", self.url.clone()),
            ("Policy", self.deployment_policy.clone()),
            ("Platform", platform),
            ("Requests", self.requests.as_ref().map(Requests::words)),
            ("Changed", self.updated.map(short)),
        ];
        known
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect()
    }
}

/// `2026-11-20 10:00:00Z`
fn short(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

fn platform(
    environment: &EnvironmentDescription,
    platforms: &[PlatformVersion],
) -> Option<Platform> {
    if environment.platform_arn.is_none() && environment.solution_stack.is_none() {
        return None;
    }
    // `arn:aws:elasticbeanstalk:eu-central-1::platform/Docker running on …/4.6.1`
    let version = environment
        .platform_arn
        .as_deref()
        .and_then(|arn| arn.rsplit_once('/'))
        .map(|(_, version)| version.to_owned());
    let is_of_branch = platforms
        .iter()
        .any(|known| Some(&known.arn) == environment.platform_arn.as_ref());
    let newer = platforms
        .first()
        .filter(|newest| is_of_branch && Some(&newest.version) != version.as_ref())
        .map(|newest| newest.version.clone());
    Some(Platform {
        name: environment.solution_stack.clone(),
        version,
        newer,
    })
}

impl Platform {
    fn words(&self) -> Option<String> {
        let name = self.name.as_ref().or(self.version.as_ref())?;
        Some(match &self.newer {
            Some(newer) => format!("{name} ({newer} is newer)"),
            None => name.clone(),
        })
    }
}

/// None if AWS does not say which time the figures cover.
fn requests(metrics: &RequestMetrics) -> Option<Requests> {
    let seconds = metrics.period?.as_secs_f64();
    if seconds <= 0.0 {
        return None;
    }
    let has_any = metrics.requests > 0;
    Some(Requests {
        per_second: f64::from(metrics.requests) / seconds,
        status_2xx: metrics.status_2xx,
        status_3xx: metrics.status_3xx,
        status_4xx: metrics.status_4xx,
        status_5xx: metrics.status_5xx,
        p50: metrics.latency_p50.filter(|_| has_any),
        p90: metrics.latency_p90.filter(|_| has_any),
        p99: metrics.latency_p99.filter(|_| has_any),
    })
}

impl Requests {
    fn words(&self) -> String {
        let mut text = format!("{:.1}/s", self.per_second);
        let codes = [
            ("2xx", self.status_2xx),
            ("3xx", self.status_3xx),
            ("4xx", self.status_4xx),
            ("5xx", self.status_5xx),
        ];
        for (name, count) in codes.into_iter().filter(|(_, count)| *count > 0) {
            text.push_str(&format!(", {count} {name}"));
        }
        for (name, value) in [("p50", self.p50), ("p90", self.p90), ("p99", self.p99)] {
            if let Some(seconds) = value {
                text.push_str(&format!(", {name} {:.0} ms", seconds * 1000.0));
            }
        }
        text
    }
}

impl fmt::Display for StatusReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} is {}, {}",
            self.environment,
            self.status,
            self.health_words()
        )?;
        if self.abortable {
            formatter.write_str("; `beanpole abort` takes the update back")?;
        }
        for (name, value) in self.facts() {
            write!(formatter, "\n  {name:<9} {value}")?;
        }
        for cause in &self.causes {
            write!(formatter, "\n  {:<9} {cause}", "Cause")?;
        }
        let rows: Vec<Vec<String>> = self.instances.iter().map(Instance::row).collect();
        for (line, instance) in table(&rows, 2).iter().zip(&self.instances) {
            write!(formatter, "\n{}", line.trim_end())?;
            for cause in &instance.causes {
                write!(formatter, "\n    {cause}")?;
            }
        }
        Ok(())
    }
}

impl Instance {
    fn row(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            self.health.clone(),
            self.version
                .clone()
                .unwrap_or_else(|| "no version".to_owned()),
            self.deployment.clone().unwrap_or_default(),
            self.deployed.map(short).unwrap_or_default(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use beanpole_cloud::{
        DeploymentStatus, HealthStatus, InstanceCounts, InstanceDeployment, VersionStatus,
    };

    use super::*;

    const OLD: &str = "aaaaaaaaaaaa-bbbbbbbbbbbb";
    const NEW: &str = "0123456789ab-fedcba987654";
    const ARN: &str = "arn:aws:elasticbeanstalk:eu-central-1::platform/Docker/4.6.1";

    fn at(text: &str) -> Option<Timestamp> {
        Some(text.parse().unwrap())
    }

    fn instance(id: &str, version: &str, status: HealthStatus, causes: &[&str]) -> InstanceHealth {
        InstanceHealth {
            id: id.to_owned(),
            status,
            color: Color::Green,
            causes: causes.iter().map(|text| (*text).to_owned()).collect(),
            deployment: Some(InstanceDeployment {
                id: Some(3),
                status: DeploymentStatus::Deployed,
                version_label: Some(version.to_owned()),
                at: at("2026-11-20T09:30:00Z"),
            }),
            metrics: None,
            launched: None,
            availability_zone: None,
            instance_type: None,
        }
    }

    fn facts(instances: Vec<InstanceHealth>, fleet: Fleet) -> Facts {
        let platform = |version: &str| PlatformVersion {
            arn: ARN.replace("4.6.1", version),
            version: version.to_owned(),
            branch: None,
            branch_state: None,
            recommended: true,
        };
        Facts {
            environment: EnvironmentDescription {
                tier: None,
                id: "e-1".to_owned(),
                name: "shop-production".to_owned(),
                application: "shop".to_owned(),
                arn: None,
                version_label: Some(NEW.to_owned()),
                status: EnvironmentStatus::Ready,
                health: Color::Green,
                health_status: Some(HealthStatus::Ok),
                cname: Some("shop.eu-central-1.elasticbeanstalk.com".to_owned()),
                endpoint_url: None,
                platform_arn: Some(ARN.to_owned()),
                solution_stack: Some("64bit Amazon Linux 2023 v4.6.1 running Docker".to_owned()),
                abortable: false,
                created: None,
                updated: at("2026-11-20T09:31:00Z"),
            },
            health: Some(EnvironmentHealth {
                environment_status: EnvironmentStatus::Ready,
                status: HealthStatus::Ok,
                color: Color::Green,
                causes: Vec::new(),
                instances: InstanceCounts::default(),
                metrics: Some(RequestMetrics {
                    period: Some(Duration::from_secs(10)),
                    requests: 120,
                    status_2xx: 118,
                    status_5xx: 2,
                    latency_p50: Some(0.012),
                    latency_p90: Some(0.1),
                    latency_p99: Some(0.34),
                    ..RequestMetrics::default()
                }),
                refreshed: None,
            }),
            instances,
            fleet,
            version: Some(Version {
                label: NEW.to_owned(),
                description: Some("feat: slugs".to_owned()),
                status: VersionStatus::Unprocessed,
                bundle: None,
                created: None,
            }),
            policy: Some("RollingWithAdditionalBatch".to_owned()),
            platforms: vec![platform("4.10.0"), platform("4.6.1")],
            released: None,
        }
    }

    fn report(facts: Facts) -> StatusReport {
        StatusReport::of(facts, &|text| text.replace("hunter2", "[redacted]"))
    }

    #[test]
    fn all_is_well() {
        let instances = vec![
            instance("i-0123456789abcdef0", NEW, HealthStatus::Ok, &[]),
            instance("i-0123456789abcdef1", NEW, HealthStatus::Ok, &[]),
        ];
        let fleet = Fleet::Consistent {
            version: NEW.to_owned(),
            instances: 2,
        };
        let mut facts = facts(instances, fleet);
        facts.released = Some(Released {
            at: "2026-11-20T09:31:00Z".parse().unwrap(),
            by: "ada".to_owned(),
        });
        let report = report(facts);
        assert!(report.well);
        insta::assert_snapshot!("well", report.to_string());
        insta::assert_json_snapshot!("well_json", report);
    }

    #[test]
    fn a_mixed_fleet_is_called_by_name_and_is_not_well() {
        let instances = vec![
            instance("i-0123456789abcdef0", NEW, HealthStatus::Ok, &[]),
            instance(
                "i-0123456789abcdef1",
                OLD,
                HealthStatus::Severe,
                &["100 % of the requests fail with hunter2"],
            ),
        ];
        let fleet = Fleet::Mixed {
            versions: BTreeMap::from([(NEW.to_owned(), 1), (OLD.to_owned(), 1)]),
            failed: Vec::new(),
        };
        let report = report(facts(instances, fleet));
        assert!(!report.well);
        insta::assert_snapshot!("mixed", report.to_string());
        insta::assert_snapshot!("mixed_brief", report.brief());
    }

    #[test]
    fn figures_without_requests_have_no_latency() {
        let idle = RequestMetrics {
            period: Some(Duration::from_secs(10)),
            latency_p99: Some(0.0),
            ..RequestMetrics::default()
        };
        assert_eq!(requests(&idle).unwrap().words(), "0.0/s");
        assert_eq!(requests(&RequestMetrics::default()), None);
    }
}
