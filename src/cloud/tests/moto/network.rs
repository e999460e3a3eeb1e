//! EC2, STS, IAM, ECR, and what moto knows of Beanstalk.

use beanpole_cloud::{Kind, Rule, Source};
use beanpole_model::Problem as _;

use crate::{moto, tags, unique};

#[tokio::test]
async fn networks_groups_and_rules() {
    let Some((_server, cloud)) = moto().await else {
        return;
    };
    let network = &cloud.network;
    let vpc = network.default_vpc().await.unwrap().unwrap();
    assert!(vpc.default);
    assert_eq!(network.vpc(&vpc.id).await.unwrap().as_ref(), Some(&vpc));
    assert_eq!(network.vpc("vpc-00000000000000000").await.unwrap(), None);
    let subnets = network.subnets(&vpc.id).await.unwrap();
    let zones: std::collections::BTreeSet<_> = subnets
        .iter()
        .map(|subnet| &subnet.availability_zone)
        .collect();
    assert!(zones.len() >= 2, "{subnets:?}");
    let (name, other) = (unique("beanpole-database"), unique("beanpole-instances"));
    assert_eq!(network.security_group(&vpc.id, &name).await.unwrap(), None);
    let group = network
        .create_security_group(&vpc.id, &name, "test", &tags())
        .await
        .unwrap();
    let instances = network
        .create_security_group(&vpc.id, &other, "test", &tags())
        .await
        .unwrap();
    let error = network
        .create_security_group(&vpc.id, &name, "test", &tags())
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::AlreadyExists);
    assert_eq!(network.rules(&group).await.unwrap().len(), 0);
    let rule = Rule::tcp(5432, Source::Group(instances.clone()), "instances");
    assert!(network.authorize_ingress(&group, &rule).await.unwrap());
    assert!(!network.authorize_ingress(&group, &rule).await.unwrap());
    let found = network
        .security_group(&vpc.id, &name)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.id, group);
    assert_eq!(found.tags, tags());
    assert_eq!(found.ingress.iter().collect::<Vec<_>>(), [&rule]);
    network
        .tag(&group, &[("more".to_owned(), "yes".to_owned())].into())
        .await
        .unwrap();
    let found = network.security_group_by_id(&group).await.unwrap().unwrap();
    assert_eq!(found.tags.len(), 2);
    assert!(network.revoke_ingress(&group, &rule).await.unwrap());
    assert!(!network.revoke_ingress(&group, &rule).await.unwrap());
    assert!(network.delete_security_group(&group).await.unwrap());
    assert!(!network.delete_security_group(&group).await.unwrap());
    assert_eq!(
        network.rules(&group).await.unwrap_err().kind,
        Kind::NotFound
    );
}

#[tokio::test]
async fn identity_roles_and_registry_answer() {
    let Some((_server, cloud)) = moto().await else {
        return;
    };
    assert_eq!(cloud.identity.account.as_str(), "123456789012");
    assert!(
        !cloud
            .roles
            .instance_profile("aws-elasticbeanstalk-ec2-role")
            .await
            .unwrap()
    );
    assert_eq!(
        cloud
            .roles
            .role("aws-elasticbeanstalk-service-role")
            .await
            .unwrap(),
        None
    );
    let token = cloud.registry.token().await.unwrap();
    assert_eq!(token.username, "AWS");
    assert!(!token.password.expose().is_empty());
    assert!(cloud.requests() > 3);
}

#[tokio::test]
async fn beanstalk_answers_that_moto_does_not_know_are_faults_of_the_service() {
    let Some((_server, cloud)) = moto().await else {
        return;
    };
    // moto has 8 of the operations and answers the others with a page of HTML.
    let error = cloud.beanstalk.storage_location().await.unwrap_err();
    assert_eq!(error.kind, Kind::Service);
    assert_eq!(error.exit_code().code(), 8);
    let name = beanpole_model::ApplicationName::new(unique("blog")).unwrap();
    assert_eq!(cloud.beanstalk.application(&name).await.unwrap(), None);
    let created = cloud
        .beanstalk
        .create_application(&name, "a test", &tags())
        .await
        .unwrap();
    assert_eq!(created.name, name.as_str());
    assert!(cloud.beanstalk.application(&name).await.unwrap().is_some());
    let error = cloud
        .beanstalk
        .create_application(&name, "a test", &tags())
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::AlreadyExists);
}
