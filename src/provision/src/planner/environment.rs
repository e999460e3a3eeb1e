//! The application and its environment.

use std::collections::{BTreeMap, BTreeSet};

use beanpole_manifest::{Project, SecretMode};
use beanpole_model::Finding;

use super::findings::{BUSY, MISSING_SECRET, NOT_CHANGEABLE, error, note, warning};
use super::{Draft, unchanged};
use crate::connections;
use crate::observed::EnvironmentFacts;
use crate::plan::{Action, Change, Disruption, FieldChange, KNOWN_AFTER_APPLY, Kind, Resource};
use crate::settings::{ENVIRONMENT, SECRET_REFERENCES, VARIABLES, declared, differences};
use crate::status::{self, Phase};

/// The id of the environment's change.
pub(crate) const ID: &str = "environment";
/// The id of the application's change.
pub(crate) const APPLICATION_ID: &str = "application";

pub(super) fn application(draft: &mut Draft<'_>) {
    let name = draft.project.application.as_str();
    let change = if draft.observed.application {
        unchanged(APPLICATION_ID, Kind::Application, name)
    } else {
        let reason = "the environment belongs to it";
        Change::new(
            APPLICATION_ID,
            Action::Create,
            Kind::Application,
            name,
            reason,
        )
    };
    draft.add(change);
}

/// The references as far as they are known.
fn references(draft: &Draft<'_>) -> BTreeMap<String, Option<String>> {
    let secrets = &draft.observed.secrets;
    connections::references(draft.project, &|secret| {
        secrets.get(secret).map(|found| found.arn.clone())
    })
}

pub(super) fn plan(draft: &mut Draft<'_>) {
    let project = draft.project;
    let name = draft.observed.environment_name(project).as_str();
    let settings = declared(project, &references(draft));
    let mut needs = vec![APPLICATION_ID.to_owned()];
    if project.secrets.mode == SecretMode::Native {
        let secrets = draft
            .changes
            .iter()
            .filter(|change| change.resource.kind == Kind::Secret);
        needs.extend(secrets.map(|change| change.id.clone()));
    }
    let Some(found) = &draft.observed.environment else {
        let platform = draft.observed.platform.as_ref();
        let mut fields = vec![
            FieldChange::new(
                "platform",
                platform.map_or("(unknown)", |own| own.arn.as_str()),
            ),
            FieldChange::new("version", "AWS's sample application"),
        ];
        if let Some(prefix) = &project.cname_prefix {
            fields.push(FieldChange::new("cname_prefix", prefix));
        }
        fields.extend(settings.iter().map(crate::settings::Setting::as_field));
        fields.push(FieldChange::new("url", KNOWN_AFTER_APPLY));
        let reason = "the manifest wants it";
        let change = Change::new(ID, Action::Create, Kind::Environment, name, reason)
            .with_fields(fields)
            .needing(needs);
        draft.add(change);
        return;
    };
    let resource = Resource {
        kind: Kind::Environment,
        name: name.to_owned(),
    };
    if status::environment(&found.status) == Phase::Leaving {
        draft.find(error(
            BUSY,
            format!("{resource} is {}", found.status),
            "it cannot be changed any more, and its name is taken until it is gone",
            Some("wait until it is gone, then run `beanpole plan` again".to_owned()),
        ));
    }
    strays(draft, found);
    let change = changes(draft, found, resource, &settings).needing(needs);
    draft.add(change);
}

fn changes(
    draft: &mut Draft<'_>,
    found: &EnvironmentFacts,
    resource: Resource,
    settings: &[crate::settings::Setting],
) -> Change {
    // While an environment is launching AWS may not list its settings yet. What was asked for at its
    // creation is on its way; the next plan compares it.
    let launching = found.status == "Launching" && found.settings.is_empty();
    let mut fields = if launching {
        Vec::new()
    } else {
        differences(settings, &found.settings)
    };
    let fixed = fields
        .iter()
        .find_map(|field| Some((field.clone(), fixed_load_balancer(draft.project, field)?)));
    if let Some((field, finding)) = fixed {
        draft.find(finding);
        let reason = "its load balancer cannot be changed without replacing the environment, \
                      which is never done";
        return Change::new(
            ID,
            Action::Replace,
            Kind::Environment,
            resource.name,
            reason,
        )
        .with_fields(vec![field]);
    }
    fields.extend(platform(draft, found));
    let mut change = Change::new(
        ID,
        Action::Update,
        Kind::Environment,
        &resource.name,
        "it differs from the manifest",
    );
    if status::environment(&found.status) == Phase::Moving {
        if fields.is_empty() {
            change.reason = "AWS is still at work on it".to_owned();
        }
        fields.insert(0, FieldChange::differs("status", &found.status, "Ready"));
    }
    if fields.is_empty() {
        return unchanged(ID, Kind::Environment, resource.name);
    }
    disturbances(&mut change, &fields);
    change.with_fields(fields)
}

/// The finding about a field that is the type of the load balancer, which AWS cannot change in place.
pub(crate) fn fixed_load_balancer(project: &Project, field: &FieldChange) -> Option<Finding> {
    let balancer = format!("{ENVIRONMENT} LoadBalancerType");
    let from = field.from.as_ref().filter(|_| field.name == balancer)?;
    let name = &project.environment;
    Some(error(
        NOT_CHANGEABLE,
        format!(
            "environment `{name}` has a load balancer of type `{from}`, and `application` is needed"
        ),
        "the type of a load balancer is fixed when an environment is created",
        Some(
            "give the environment another name in `beanpole.yaml`, apply, release, swap the public \
             names (aws elasticbeanstalk swap-environment-cnames), then terminate the old one"
                .to_owned(),
        ),
    ))
}

/// The finding about variables whose secrets do not exist.
pub(crate) fn missing_secrets(project: &Project, variables: &[String]) -> Finding {
    error(
        MISSING_SECRET,
        format!(
            "environment `{}` needs secrets that do not exist: {}",
            project.environment,
            variables.join(", ")
        ),
        "a variable from Secrets Manager is set by the ARN of its secret",
        Some("create them with `beanpole apply`".to_owned()),
    )
}

/// A platform version is changed only if the manifest names one: a run must not move an environment
/// to a newer platform because AWS published one. A change of branch is refused.
fn platform(draft: &mut Draft<'_>, found: &EnvironmentFacts) -> Option<FieldChange> {
    let wanted = draft.observed.platform.as_ref()?;
    let current = found.platform_arn.as_deref()?;
    if current == wanted.arn {
        return None;
    }
    let (branch, _) = branch_and_version(current);
    let (wanted_branch, _) = branch_and_version(&wanted.arn);
    if branch != wanted_branch {
        let name = draft.observed.environment_name(draft.project).as_str();
        draft.find(warning(
            "other-platform-branch",
            format!(
                "environment `{name}` runs on `{branch}`, and the manifest says `{wanted_branch}`"
            ),
            "another branch is another operating system: AWS advises a new environment and a swap",
            Some("aws elasticbeanstalk swap-environment-cnames".to_owned()),
        ));
        return None;
    }
    draft
        .project
        .platform
        .version
        .is_some()
        .then(|| FieldChange::differs("platform", current, &wanted.arn))
}

/// `arn:aws:elasticbeanstalk:<region>::platform/<branch>/<version>`.
fn branch_and_version(arn: &str) -> (&str, &str) {
    let path = arn.split_once(":platform/").map_or(arn, |(_, path)| path);
    path.rsplit_once('/').unwrap_or((path, ""))
}

/// What users of the application feel (developer guide, "Configuration changes").
fn disturbances(change: &mut Change, fields: &[FieldChange]) {
    let touches = |namespaces: &[&str]| {
        fields.iter().any(|field| {
            let namespace = field.name.split(' ').next().unwrap_or_default();
            namespaces.contains(&namespace)
        })
    };
    if touches(&[
        "aws:autoscaling:launchconfiguration",
        "aws:ec2:instances",
        "aws:ec2:vpc",
        "platform",
    ]) {
        change.disturb(
            Disruption::Brief,
            "all instances are replaced, batch by batch",
        );
    }
    if touches(&[VARIABLES, SECRET_REFERENCES]) {
        change.disturb(
            Disruption::Brief,
            "the application restarts on every instance",
        );
    }
}

/// Variables that are set on the environment and that the manifest does not know. They are left
/// alone, for nothing says who needs them, and told without their values.
fn strays(draft: &mut Draft<'_>, found: &EnvironmentFacts) {
    let name = draft.observed.environment_name(draft.project).as_str();
    let plain: BTreeSet<&str> = found
        .settings
        .iter()
        .filter(|setting| setting.namespace == VARIABLES)
        .map(|setting| setting.name.as_str())
        .collect();
    let referenced: BTreeSet<String> = references(draft).into_keys().collect();
    let known = connections::plain_variables(draft.project);
    let twice: Vec<&str> = plain
        .iter()
        .copied()
        .filter(|variable| referenced.contains(*variable))
        .collect();
    if !twice.is_empty() {
        draft.find(warning(
            "plain-and-secret",
            format!(
                "environment `{name}` has plain variables of the same name as secrets: {}",
                twice.join(", ")
            ),
            "the plain value can be read by everyone who may describe the environment, and may win",
            Some(format!(
                "remove them: eb setenv {} --environment {name}",
                equals(&twice)
            )),
        ));
    }
    let stray: Vec<&str> = plain
        .into_iter()
        .filter(|variable| !known.contains_key(*variable) && !referenced.contains(*variable))
        .collect();
    if !stray.is_empty() {
        draft.find(note(
            "undeclared-variables",
            format!(
                "environment `{name}` has variables that the manifest does not name: {}",
                stray.join(", ")
            ),
            "they are left as they are",
            Some("name them under `variables`, or remove them from the environment".to_owned()),
        ));
    }
}

fn equals(names: &[&str]) -> String {
    names
        .iter()
        .map(|name| format!("{name}="))
        .collect::<Vec<_>>()
        .join(" ")
}
