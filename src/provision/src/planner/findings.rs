//! What stands in the way, or should be known, before anything is changed.

use beanpole_manifest::{Project, SecretMode};
use beanpole_model::{Finding, Severity};

use crate::names::Store;
use crate::observed::Observed;
use crate::settings::looks_secret;

/// A missing IAM role. Plans with it end with exit code 7.
pub(crate) const MISSING_ROLE: &str = "missing-role";
/// Something is being deleted, or changed by someone else. Plans with it end with exit code 5.
pub(crate) const BUSY: &str = "busy";
/// An attribute that AWS cannot change in place.
pub(crate) const NOT_CHANGEABLE: &str = "not-changeable";

/// A secret that a variable refers to.
pub(crate) const MISSING_SECRET: &str = "missing-secret";

/// The most bytes of names and values of all plain variables together (developer guide, `eb
/// setenv`: "the combined size of all environment properties").
const VARIABLES_LIMIT: usize = 4096;
/// The most characters of a variable's name (developer guide, environment properties).
const VARIABLE_NAME_LIMIT: usize = 128;

/// A finding of severity error.
pub(crate) fn error(
    rule: &str,
    message: impl Into<String>,
    reason: &str,
    remedy: Option<String>,
) -> Finding {
    finding(Severity::Error, rule, message, reason, remedy)
}

/// A finding of severity warning.
pub(crate) fn warning(
    rule: &str,
    message: impl Into<String>,
    reason: &str,
    remedy: Option<String>,
) -> Finding {
    finding(Severity::Warning, rule, message, reason, remedy)
}

/// A finding of severity note.
pub(crate) fn note(
    rule: &str,
    message: impl Into<String>,
    reason: &str,
    remedy: Option<String>,
) -> Finding {
    finding(Severity::Note, rule, message, reason, remedy)
}

fn finding(
    severity: Severity,
    rule: &str,
    message: impl Into<String>,
    reason: &str,
    remedy: Option<String>,
) -> Finding {
    Finding {
        rule: rule.to_owned(),
        severity,
        location: None,
        message: message.into(),
        reason: reason.to_owned(),
        remedy,
    }
}

/// The findings that belong to no single resource of ours.
pub(super) fn general(project: &Project, observed: &Observed) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(roles(project, observed));
    findings.extend(network(project, observed));
    findings.extend(platform(project, observed));
    findings.extend(public_name(project, observed));
    findings.extend(variables(project));
    findings.extend(secret_access(project, observed));
    findings
}

/// Who may take on each role, and the policies that AWS's own tools attach to it (developer guide,
/// "Service roles, instance profiles, and user policies").
fn roles(project: &Project, observed: &Observed) -> Vec<Finding> {
    let mut findings = Vec::new();
    let profile = &project.roles.instance_profile;
    if !observed.roles.instance_profile {
        findings.push(error(
            MISSING_ROLE,
            format!("the instance profile `{profile}` does not exist"),
            "without it the instances can neither report their health nor fetch the application",
            Some(format!(
                "aws iam create-role --role-name {profile} --assume-role-policy-document '{}' \
                 && aws iam attach-role-policy --role-name {profile} --policy-arn \
                 arn:aws:iam::aws:policy/AWSElasticBeanstalkWebTier \
                 && aws iam create-instance-profile --instance-profile-name {profile} \
                 && aws iam add-role-to-instance-profile --instance-profile-name {profile} \
                 --role-name {profile}",
                trust("ec2.amazonaws.com")
            )),
        ));
    }
    let service = &project.roles.service_role;
    if !observed.roles.service_role {
        findings.push(error(
            MISSING_ROLE,
            format!("the service role `{service}` does not exist"),
            "without it Beanstalk cannot watch the instances and the load balancer",
            Some(format!(
                "aws iam create-role --role-name {service} --assume-role-policy-document '{}' \
                 && aws iam attach-role-policy --role-name {service} --policy-arn \
                 arn:aws:iam::aws:policy/service-role/AWSElasticBeanstalkEnhancedHealth \
                 && aws iam attach-role-policy --role-name {service} --policy-arn \
                 arn:aws:iam::aws:policy/AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy",
                trust("elasticbeanstalk.amazonaws.com")
            )),
        ));
    }
    findings
}

fn trust(service: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Service":"{service}"}},"Action":"sts:AssumeRole"}}]}}"#
    )
}

fn network(project: &Project, observed: &Observed) -> Vec<Finding> {
    let Some(network) = &observed.network else {
        let message = match &project.network.vpc {
            Some(vpc) => format!("the VPC `{vpc}` does not exist in {}", project.region),
            None => format!("{} has no default VPC", project.region),
        };
        return vec![error(
            "no-network",
            message,
            "the environment and its security groups need a VPC",
            Some(
                "name one under `network.vpc` in `beanpole.yaml`: aws ec2 describe-vpcs".to_owned(),
            ),
        )];
    };
    let named = [
        &project.network.subnets,
        &project.network.load_balancer_subnets,
    ];
    let unknown: Vec<&str> = named
        .into_iter()
        .flatten()
        .filter(|subnet| !network.subnets.contains_key(*subnet))
        .map(String::as_str)
        .collect();
    if unknown.is_empty() {
        return Vec::new();
    }
    vec![error(
        "unknown-subnet",
        format!(
            "not in VPC `{}`: subnets {}",
            network.vpc,
            unknown.join(", ")
        ),
        "instances and load balancer can only be placed into subnets of their VPC",
        Some(format!(
            "aws ec2 describe-subnets --filters Name=vpc-id,Values={}",
            network.vpc
        )),
    )]
}

fn platform(project: &Project, observed: &Observed) -> Option<Finding> {
    if observed.platform.is_some() {
        return None;
    }
    let platform = &project.platform;
    let version = platform
        .version
        .as_deref()
        .map(|own| format!(" in version {own}"));
    Some(error(
        "unknown-platform",
        format!(
            "AWS has no platform `{}`{}",
            platform.branch,
            version.unwrap_or_default()
        ),
        "an environment needs a platform version that AWS still offers",
        Some(
            "correct `platform` in `beanpole.yaml`: aws elasticbeanstalk list-platform-branches"
                .to_owned(),
        ),
    ))
}

fn public_name(project: &Project, observed: &Observed) -> Option<Finding> {
    let prefix = project.cname_prefix.as_deref()?;
    if let Some(environment) = &observed.environment {
        let label = environment.cname.as_deref()?.split('.').next()?;
        return (label != prefix).then(|| {
            warning(
                "other-public-name",
                format!("the environment answers as `{label}`, not as `{prefix}`"),
                "a public name is given when an environment is created; later it can only be swapped",
                Some("aws elasticbeanstalk swap-environment-cnames".to_owned()),
            )
        });
    }
    (observed.cname_free == Some(false)).then(|| {
        error(
            "public-name-taken",
            format!("the public name `{prefix}` is taken in {}", project.region),
            "public names are unique within a region, over all accounts",
            Some("choose another `cname_prefix` in `beanpole.yaml`".to_owned()),
        )
    })
}

fn variables(project: &Project) -> Vec<Finding> {
    let mut findings = Vec::new();
    let plain = crate::connections::plain_variables(project);
    let size: usize = plain
        .iter()
        .map(|(name, value)| name.len() + value.len() + 1)
        .sum();
    if size > VARIABLES_LIMIT {
        findings.push(error(
            "variables-too-long",
            format!("the variables have {size} bytes together"),
            "Beanstalk takes 4096 bytes for the names and values of all variables",
            Some("move long values into Secrets Manager: `secrets.names`".to_owned()),
        ));
    }
    for (name, value) in &project.variables {
        if name.chars().count() > VARIABLE_NAME_LIMIT {
            findings.push(error(
                "variables-too-long",
                format!(
                    "the variable `{name}` has a name of {} characters",
                    name.chars().count()
                ),
                "Beanstalk takes 128 characters",
                None,
            ));
        }
        if looks_secret(name, value) {
            findings.push(warning(
                "secret-in-variable",
                format!("the variable `{name}` looks like a secret in plain text"),
                "plain variables are shown in the console and in every description of the environment",
                Some("put it into Secrets Manager and under `secrets.names`".to_owned()),
            ));
        }
    }
    findings
}

/// The instance profile's rights cannot be read without more rights of our own, so a new environment
/// with references gets a note.
fn secret_access(project: &Project, observed: &Observed) -> Option<Finding> {
    let has_secrets = !beanpole_secrets::variables(project).is_empty();
    if project.secrets.mode != SecretMode::Native || observed.environment.is_some() || !has_secrets
    {
        return None;
    }
    let profile = &project.roles.instance_profile;
    Some(note(
        "secret-access",
        format!("the role of the instance profile `{profile}` must be allowed to read the secrets"),
        "Beanstalk fetches referenced secrets with it when an instance starts; AWS's standard \
         policies do not allow it",
        Some(format!(
            "aws iam put-role-policy --role-name {profile} --policy-name beanpole-secrets \
             --policy-document '{{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Effect\":\"Allow\",\
             \"Action\":\"secretsmanager:GetSecretValue\",\"Resource\":\"*\"}}]}}', with the \
             secrets' ARNs in place of `*`"
        )),
    ))
}

/// The finding for an attribute that AWS cannot change in place, or that is not changed on purpose.
pub(super) fn not_changeable(
    resource: &crate::plan::Resource,
    field: &str,
    from: &str,
    to: &str,
    store: Store,
) -> Finding {
    error(
        NOT_CHANGEABLE,
        format!("{resource}: `{field}` is {from}, and the manifest says {to}"),
        "it cannot be changed in place, and nothing that holds data is replaced silently",
        Some(format!(
            "set `{word}.{field}` back to {from}; or name a new `{word}.identifier`, move the data, \
             and delete the old {word} by hand",
            word = store.word()
        )),
    )
}
