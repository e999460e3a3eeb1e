//! IAM, which is `winterbaume-iam` on an account where Beanstalk's console has been used once: its two
//! default roles and the instance profile exist, with the policies that AWS attaches to them.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use winterbaume_core::{
    MockRequest, MockResponse, MockService, StatefulService as _, default_account_id,
};
use winterbaume_iam::IamService;

use crate::world::{Roles, World};

/// IAM has no regions; the store behind it has, so all requests go to this one.
const REGION: &str = "us-east-1";

/// The default roles: name, the service that may take it, its managed policies.
const DEFAULT_ROLES: [(&str, &str, &[&str]); 2] = [
    (
        "aws-elasticbeanstalk-ec2-role",
        "ec2.amazonaws.com",
        &[
            "AWSElasticBeanstalkWebTier",
            "AWSElasticBeanstalkWorkerTier",
            "AWSElasticBeanstalkMulticontainerDocker",
            "AmazonEC2ContainerRegistryReadOnly",
        ],
    ),
    (
        "aws-elasticbeanstalk-service-role",
        "elasticbeanstalk.amazonaws.com",
        &[
            "service-role/AWSElasticBeanstalkEnhancedHealth",
            "AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy",
        ],
    ),
];

/// The service.
pub(crate) struct Identities {
    world: Arc<World>,
    inner: IamService,
    seeded: OnceCell<()>,
}

impl Identities {
    /// An account that has used Beanstalk's console once.
    pub(crate) fn new(world: &Arc<World>) -> Self {
        Self {
            world: world.clone(),
            inner: IamService::new(),
            seeded: OnceCell::new(),
        }
    }

    async fn answer(&self, mut request: MockRequest) -> MockResponse {
        self.seeded.get_or_init(|| self.seed()).await;
        request.uri = format!("https://iam.{REGION}.amazonaws.com/");
        self.inner.handle(request).await
    }

    /// Fills the store. It cannot be done while the service is built, because the store is async.
    async fn seed(&self) {
        let view = match serde_json::from_value(defaults(default_account_id())) {
            Ok(view) => view,
            Err(error) => {
                tracing::error!(%error, "the default roles do not fit the store");
                return;
            }
        };
        if let Err(error) = self.inner.merge(default_account_id(), REGION, view).await {
            tracing::error!(%error, "the default roles could not be stored");
        }
    }
}

/// The default roles in the store's own form.
fn defaults(account: &str) -> Value {
    let created = "2025-01-01T00:00:00Z";
    let mut roles = serde_json::Map::new();
    let mut policies = serde_json::Map::new();
    for (name, service, attached) in DEFAULT_ROLES {
        let trust = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": { "Service": service },
                "Action": "sts:AssumeRole",
            }],
        });
        let mut list = Vec::new();
        for path_and_name in attached {
            let arn = format!("arn:aws:iam::aws:policy/{path_and_name}");
            let (path, policy) = path_and_name
                .rsplit_once('/')
                .map_or(("/".to_owned(), *path_and_name), |(path, policy)| {
                    (format!("/{path}/"), policy)
                });
            // What a managed policy allows is AWS's business and not checked here.
            let document = json!({ "Version": "2012-10-17", "Statement": [] }).to_string();
            policies.insert(
                arn.clone(),
                json!({
                    "policy_name": policy, "policy_id": format!("ANPA{}", policy.to_uppercase()),
                    "arn": arn, "path": path, "default_version_id": "v1", "description": "",
                    "create_date": created, "update_date": created, "is_attachable": true,
                    "document": document, "attachment_count": 1,
                    "versions": [{ "version_id": "v1", "document": document,
                        "is_default_version": true, "create_date": created }],
                }),
            );
            list.push(json!({ "policy_name": policy, "policy_arn": arn }));
        }
        roles.insert(
            name.to_owned(),
            json!({
                "name": name, "role_id": "AROAREHEARSAL0000000", "account_id": account, "path": "/",
                "arn": format!("arn:aws:iam::{account}:role/{name}"),
                "assume_role_policy_document": trust.to_string(), "description": "",
                "create_date": created, "max_session_duration": 3600,
                "attached_policies": list, "permissions_boundary": null,
            }),
        );
    }
    let profile = DEFAULT_ROLES[0].0;
    json!({
        "roles": roles,
        "policies": policies,
        "instance_profiles": { profile: {
            "name": profile, "instance_profile_id": "AIPAREHEARSAL0000000", "account_id": account,
            "path": "/", "arn": format!("arn:aws:iam::{account}:instance-profile/{profile}"),
            "create_date": created, "roles": [profile],
        }},
    })
}

impl MockService for Identities {
    fn service_name(&self) -> &str {
        "iam"
    }

    fn url_patterns(&self) -> Vec<&str> {
        Vec::new()
    }

    fn handle(
        &self,
        request: MockRequest,
    ) -> Pin<Box<dyn Future<Output = MockResponse> + Send + '_>> {
        Box::pin(self.answer(request))
    }
}

#[async_trait]
impl Roles for Identities {
    async fn has_instance_profile(&self, name: &str) -> bool {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("Action", "GetInstanceProfile"),
                ("InstanceProfileName", name),
            ])
            .finish();
        let request = MockRequest {
            method: "POST".to_owned(),
            uri: format!("https://iam.{}.amazonaws.com/", self.world.region.as_str()),
            headers: http::HeaderMap::new(),
            body: body.into(),
        };
        self.answer(request).await.status == 200
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::tests_support::{query, text, world_with_faults};

    #[tokio::test]
    async fn the_default_roles_are_there_with_their_policies() {
        let iam = Identities::new(&world_with_faults(""));
        assert!(
            iam.has_instance_profile("aws-elasticbeanstalk-ec2-role")
                .await
        );
        assert!(!iam.has_instance_profile("other").await);
        let role = [
            ("Action", "GetRole"),
            ("RoleName", "aws-elasticbeanstalk-service-role"),
        ];
        let shown = query(&iam, &role).await;
        assert!(
            text(&shown).contains("role/aws-elasticbeanstalk-service-role"),
            "{}",
            text(&shown)
        );
        let attached = query(
            &iam,
            &[
                ("Action", "ListAttachedRolePolicies"),
                ("RoleName", "aws-elasticbeanstalk-ec2-role"),
            ],
        )
        .await;
        assert!(
            text(&attached).contains("AWSElasticBeanstalkWebTier"),
            "{}",
            text(&attached)
        );
    }
}
