//! Security groups: made with the environment, and in the way of its end when others refer to them.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use super::{Bench, ENVIRONMENT, field};
use crate::data_plane::{IngressSource, InstanceId};
use crate::world::{Network, NewSecurityGroup, RunningInstance, Services, Subnet, Vpc};

/// A network that remembers the groups that were made; `sg-2` may be in use elsewhere.
#[derive(Default)]
struct Groups {
    made: Mutex<Vec<NewSecurityGroup>>,
    running: Mutex<Vec<RunningInstance>>,
    in_use: Mutex<bool>,
}

#[async_trait]
impl Network for Groups {
    async fn vpc(&self, _: Option<&str>) -> Option<Vpc> {
        let subnet = |id: &str, zone: &str| Subnet {
            id: id.to_owned(),
            zone: zone.to_owned(),
        };
        Some(Vpc {
            id: "vpc-1".to_owned(),
            subnets: vec![
                subnet("subnet-a", "eu-central-1a"),
                subnet("subnet-b", "eu-central-1b"),
            ],
        })
    }
    async fn create_security_group(&self, group: &NewSecurityGroup) -> Option<String> {
        let mut made = self.made.lock().unwrap();
        made.push(group.clone());
        Some(format!("sg-{}", made.len()))
    }
    async fn is_security_group_used(&self, id: &str, _: &[String]) -> bool {
        id == "sg-2" && *self.in_use.lock().unwrap()
    }
    async fn delete_security_group(&self, _: &str) {}
    async fn run_instance(&self, instance: &RunningInstance) {
        self.running.lock().unwrap().push(instance.clone());
    }
    async fn terminate_instance(&self, _: &InstanceId) {}
}

#[tokio::test(start_paused = true)]
async fn the_instances_group_lets_in_the_load_balancer_and_keeps_the_environment_if_it_is_in_use() {
    let bench = Bench::new("").await;
    bench.versions(&["v1"]).await;
    let network = Arc::new(Groups::default());
    bench.world.install(Services {
        storage: bench.world.storage(),
        network: network.clone(),
        ..Services::default()
    });
    bench.create("v1", &["aws:autoscaling:asg|MinSize=2"]).await;
    {
        let made = network.made.lock().unwrap();
        let [balancer, instances] = made.as_slice() else {
            panic!("{made:?}");
        };
        assert!(balancer.name.contains("AWSEBLoadBalancerSecurityGroup"));
        assert!(instances.name.starts_with("awseb-e-"));
        assert!(instances.name.contains("-stack-AWSEBSecurityGroup-"));
        let from_balancer = (80, IngressSource::Group("sg-1".to_owned()));
        assert_eq!(instances.ingress, [from_balancer]);
        let running = network.running.lock().unwrap();
        let subnets: Vec<&str> = running.iter().map(|one| one.subnet.as_str()).collect();
        assert_eq!(subnets, ["subnet-a", "subnet-b"]);
        assert!(running.iter().all(|one| one.security_groups == ["sg-2"]));
    }
    *network.in_use.lock().unwrap() = true;
    let name = [("EnvironmentName", ENVIRONMENT)];
    bench.good("TerminateEnvironment", &name).await;
    bench.settled().await;
    let events = bench.events("").await;
    assert!(
        events
            .iter()
            .any(|event| event.ends_with("resource sg-2 has a dependent object")),
        "{events:?}"
    );
    assert_eq!(
        events.last().unwrap(),
        "The environment termination step failed because at least one of the environment \
         termination workflows failed."
    );
    assert_eq!(field(&bench.environment().await, "Status"), "Ready");
    *network.in_use.lock().unwrap() = false;
    bench.good("TerminateEnvironment", &name).await;
    bench.settled().await;
    assert_eq!(field(&bench.environment().await, "Status"), "Terminated");
}
