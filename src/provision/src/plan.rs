//! The plan: what is different between the manifest and the account, in the order in which it can
//! be changed. A plain value: it can be shown, serialised, compared and applied.
//!
//! Rules:
//! - `needs` names changes that stand earlier in the list, so that the order is never circular.
//! - What is as it should be is in the plan too, with [`Action::Nothing`], so that a reader sees
//!   what was looked at.
//! - No secret value is in it: secrets are shown as [`SECRET`], their references as ARNs.

use beanpole_model::{AccountId, ApplicationName, EnvironmentName, Finding, Region, Severity};
use serde::Serialize;

use crate::error::PlanError;

/// The version of the serialised form. The first number changes when a field changes its meaning or
/// goes away.
pub const FORMAT_VERSION: &str = "1.0";
/// What stands for a value that AWS gives only once the resource exists.
pub const KNOWN_AFTER_APPLY: &str = "(known after apply)";
/// What stands for a secret value.
pub const SECRET: &str = "(secret)";

/// What happens to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// It does not exist and will be created.
    Create,
    /// It exists and will be changed in place, or waited for.
    Update,
    /// It exists and could only be replaced. This is never done: a plan that holds such a change is
    /// refused as a whole.
    Replace,
    /// It is as it should be.
    Nothing,
}

impl Action {
    /// The sign in front of the change's line.
    #[must_use]
    pub const fn sign(self) -> char {
        match self {
            Self::Create => '+',
            Self::Update => '~',
            Self::Replace => '!',
            Self::Nothing => '=',
        }
    }
}

/// What kind of resource a change is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An EC2 security group.
    SecurityGroup,
    /// A rule of a security group.
    IngressRule,
    /// The subnets of the database or the cache.
    SubnetGroup,
    /// An RDS instance.
    Database,
    /// An ElastiCache replication group.
    Cache,
    /// A secret in Secrets Manager.
    Secret,
    /// A Beanstalk application.
    Application,
    /// A Beanstalk environment.
    Environment,
}

impl Kind {
    /// The kind in words: `security group`.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::SecurityGroup => "security group",
            Self::IngressRule => "ingress rule",
            Self::SubnetGroup => "subnet group",
            Self::Database => "database",
            Self::Cache => "cache",
            Self::Secret => "secret",
            Self::Application => "application",
            Self::Environment => "environment",
        }
    }
}

/// Which resource a change is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Resource {
    /// What it is.
    pub kind: Kind,
    /// Its name in AWS.
    pub name: String,
}

impl std::fmt::Display for Resource {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} `{}`", self.kind.words(), self.name)
    }
}

/// One attribute that changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldChange {
    /// The attribute; for option settings the namespace and the name, with a blank between.
    pub name: String,
    /// What it is; `None` if it is not set.
    pub from: Option<String>,
    /// What it will be: a value, [`SECRET`] or [`KNOWN_AFTER_APPLY`].
    pub to: Option<String>,
}

impl FieldChange {
    /// An attribute of something new.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "callers hand over numbers, flags and names alike"
    )]
    #[must_use]
    pub fn new(name: impl Into<String>, to: impl ToString) -> Self {
        Self {
            name: name.into(),
            from: None,
            to: Some(to.to_string()),
        }
    }

    /// An attribute that differs.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "callers hand over numbers, flags and names alike"
    )]
    #[must_use]
    pub fn differs(name: impl Into<String>, from: impl ToString, to: impl ToString) -> Self {
        Self {
            name: name.into(),
            from: Some(from.to_string()),
            to: Some(to.to_string()),
        }
    }
}

/// How much the users of the application feel of a change while it is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Disruption {
    /// Nothing.
    #[default]
    None,
    /// Less capacity for a while, or a pause of seconds.
    Brief,
    /// An outage of minutes.
    Outage,
}

/// What a change disturbs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Disturbance {
    /// How much.
    pub disruption: Disruption,
    /// What exactly, in one sentence without a full stop.
    pub note: String,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// A stable id within plans of any project: `database`, `cache-ingress`.
    pub id: String,
    /// What happens.
    pub action: Action,
    /// To which resource.
    pub resource: Resource,
    /// What differs; empty for [`Action::Nothing`].
    pub fields: Vec<FieldChange>,
    /// The ids of the changes that must be done before. They stand earlier in the plan.
    pub needs: Vec<String>,
    /// Why, in one sentence without a full stop.
    pub reason: String,
    /// How much it disturbs: the gravest of `notes`.
    pub disruption: Disruption,
    /// What it disturbs.
    pub notes: Vec<Disturbance>,
}

impl Change {
    /// A change without fields, needs or disruption.
    #[must_use]
    pub fn new(
        id: impl Into<String>,
        action: Action,
        kind: Kind,
        name: impl Into<String>,
        reason: impl Into<String>,
    ) -> Self {
        Self {
            id: id.into(),
            action,
            resource: Resource {
                kind,
                name: name.into(),
            },
            fields: Vec::new(),
            needs: Vec::new(),
            reason: reason.into(),
            disruption: Disruption::None,
            notes: Vec::new(),
        }
    }

    /// Adds what must be done before.
    #[must_use]
    pub fn needing<I: Into<String>>(mut self, ids: impl IntoIterator<Item = I>) -> Self {
        self.needs.extend(ids.into_iter().map(Into::into));
        self
    }

    /// Sets the fields.
    #[must_use]
    pub fn with_fields(mut self, fields: Vec<FieldChange>) -> Self {
        self.fields = fields;
        self
    }

    /// Adds a disturbance.
    pub fn disturb(&mut self, disruption: Disruption, note: impl Into<String>) {
        self.disruption = self.disruption.max(disruption);
        self.notes.push(Disturbance {
            disruption,
            note: note.into(),
        });
    }
}

/// A whole plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// See [`FORMAT_VERSION`].
    pub format_version: String,
    /// The application.
    pub application: ApplicationName,
    /// The environment.
    pub environment: EnvironmentName,
    /// The account that was looked at.
    pub account: AccountId,
    /// The region that was looked at.
    pub region: Region,
    /// The changes, each after those it needs.
    pub changes: Vec<Change>,
    /// What was noticed. Findings of severity error keep the plan from being applied.
    pub findings: Vec<Finding>,
}

impl Plan {
    /// True if everything is as it should be and nothing stands in the way.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pending().next().is_none() && self.blockers().next().is_none()
    }

    /// The changes that do something.
    pub fn pending(&self) -> impl Iterator<Item = &Change> {
        self.changes
            .iter()
            .filter(|change| change.action != Action::Nothing)
    }

    /// The findings that keep the plan from being applied.
    pub fn blockers(&self) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error)
    }

    /// How many changes have this action.
    #[must_use]
    pub fn count(&self, action: Action) -> usize {
        self.changes
            .iter()
            .filter(|change| change.action == action)
            .count()
    }

    /// The change with this id.
    #[must_use]
    pub fn change(&self, id: &str) -> Option<&Change> {
        self.changes.iter().find(|change| change.id == id)
    }

    /// Whether the plan may be applied.
    ///
    /// # Errors
    /// [`PlanError::Blocked`] with all findings of severity error.
    pub fn check(&self) -> Result<(), PlanError> {
        let findings: Vec<Finding> = self.blockers().cloned().collect();
        if findings.is_empty() {
            return Ok(());
        }
        Err(PlanError::Blocked {
            environment: self.environment.clone(),
            findings,
        })
    }

    /// What `fresh`, a plan made later, would do beyond this one: lines for people. Empty if `fresh`
    /// is this plan or a rest of it, so that whoever agreed to this plan agreed to `fresh` too.
    #[must_use]
    pub fn beyond(&self, fresh: &Self) -> Vec<String> {
        let mut beyond = Vec::new();
        for change in fresh.pending() {
            let planned = self
                .change(&change.id)
                .filter(|own| own.action != Action::Nothing);
            let Some(planned) = planned else {
                beyond.push(format!("{} {}", change.action.sign(), change.resource));
                continue;
            };
            // What was to be created may meanwhile be half there: creating covers everything.
            if planned.action == Action::Create {
                continue;
            }
            if planned.action != change.action {
                beyond.push(format!("{} {}", change.action.sign(), change.resource));
                continue;
            }
            for field in &change.fields {
                let agreed = planned.fields.iter().any(|own| {
                    own.name == field.name
                        && (own.to == field.to || own.to.as_deref() == Some(KNOWN_AFTER_APPLY))
                });
                if !agreed {
                    beyond.push(format!("~ {}: {}", change.resource, field.name));
                }
            }
        }
        beyond
    }
}
