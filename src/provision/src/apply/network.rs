//! Security groups, subnet groups, ingress rules.

use beanpole_cloud::{Kind as Failure, Rule, Source};

use super::Context;
use crate::error::Error;
use crate::names::{self, Store};
use crate::plan::Change;
use crate::planner::{port_of, store_subnets};

impl Context<'_> {
    /// Returns the group's id.
    pub(super) async fn security_group(
        &self,
        store: Store,
        change: &Change,
    ) -> Result<String, Error> {
        let name = &change.resource.name;
        let vpc = self.vpc()?;
        let description = format!(
            "{} of environment {}",
            store.word(),
            self.project.environment
        );
        let tags = names::tags(self.project);
        let doing = || format!("creating {}", change.resource);
        let made = self
            .cloud
            .network
            .create_security_group(vpc, name, &description, &tags)
            .await;
        let id = match made {
            Ok(id) => id,
            Err(error) if error.kind == Failure::AlreadyExists => {
                let found = self.cloud.network.security_group(vpc, name).await;
                found
                    .map_err(Error::cloud(doing()))?
                    .map(|group| group.id)
                    .ok_or_else(|| Error::Missing {
                        what: format!("the id of {}", change.resource),
                    })?
            }
            Err(error) => return Err(Error::cloud(doing())(error)),
        };
        self.with_state(|state| state.security_groups.insert(store, id.clone()));
        Ok(id)
    }

    pub(super) async fn subnet_group(&self, store: Store, change: &Change) -> Result<(), Error> {
        let name = &change.resource.name;
        let network = self.observed.network.as_ref();
        let subnets = network.map(|network| store_subnets(self.project, network));
        let subnets = subnets.unwrap_or_default();
        let description = format!(
            "{} of environment {}",
            store.word(),
            self.project.environment
        );
        let tags = names::tags(self.project);
        let (databases, caches) = (&self.cloud.databases, &self.cloud.caches);
        let made = match store {
            Store::Database => {
                databases
                    .create_subnet_group(name, &description, &subnets, &tags)
                    .await
            }
            Store::Cache => {
                caches
                    .create_subnet_group(name, &description, &subnets, &tags)
                    .await
            }
        };
        match made {
            Err(error) if error.kind == Failure::AlreadyExists => Ok(()),
            other => other
                .map(drop)
                .map_err(Error::cloud(format!("creating {}", change.resource))),
        }
    }

    /// Lets the instances' security group reach the store. A rule that is there already is fine.
    pub(super) async fn ingress(&self, store: Store, change: &Change) -> Result<(), Error> {
        let doing = format!("creating {}", change.resource);
        let (group, environment) = self.with_state(|state| {
            (
                state.security_groups.get(&store).cloned(),
                state.environment_id.clone(),
            )
        });
        let group = group.ok_or_else(|| Error::Missing {
            what: format!("the security group of the {}", store.word()),
        })?;
        let environment = environment.ok_or_else(|| Error::Missing {
            what: format!("the id of environment `{}`", self.project.environment),
        })?;
        let source = self
            .cloud
            .network
            .environment_security_group(&environment)
            .await;
        let source = source
            .map_err(Error::cloud(doing.clone()))?
            .ok_or_else(|| Error::Missing {
                what: format!(
                    "the instances' security group of environment `{}`",
                    self.project.environment
                ),
            })?;
        let description = format!("instances of {}", self.project.environment);
        let port = port_of(self.project, store);
        let rule = Rule::tcp(port, Source::Group(source.id), description);
        let made = self.cloud.network.authorize_ingress(&group, &rule).await;
        made.map(drop).map_err(Error::cloud(doing))
    }

    fn vpc(&self) -> Result<&str, Error> {
        self.observed
            .network
            .as_ref()
            .map(|network| network.vpc.as_str())
            .ok_or_else(|| Error::Missing {
                what: "the VPC".to_owned(),
            })
    }
}
