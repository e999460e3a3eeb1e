//! The configuration options that Beanstalk knows, with defaults and valid values.
//!
//! Source: developer guide, "General options for all environments"; `environmentsecrets` from
//! "Fetching secrets and parameters to environment variables".

/// One option.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    /// A trailing `*` stands for any name, as in `aws:elbv2:listener:*`.
    pub(crate) namespace: &'static str,
    pub(crate) name: &'static str,
    pub(crate) default: Option<&'static str>,
    pub(crate) kind: Kind,
}

/// What values an option takes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// Any text.
    Text,
    /// Texts, separated by commas.
    List,
    /// `true` or `false`.
    Flag,
    /// A whole number in a range, both ends included.
    Number(i32, i32),
    /// One of these texts.
    OneOf(&'static [&'static str]),
}

use Kind::{Flag, List, Number, OneOf, Text};

const fn option(
    namespace: &'static str,
    name: &'static str,
    default: Option<&'static str>,
    kind: Kind,
) -> Known {
    Known {
        namespace,
        name,
        default,
        kind,
    }
}

/// Namespaces whose option names the user chooses.
pub(crate) const FREE_NAMESPACES: [&str; 6] = [
    "aws:elasticbeanstalk:application:environment",
    "aws:elasticbeanstalk:application:environmentsecrets",
    "aws:elasticbeanstalk:environment:proxy:staticfiles",
    "aws:elasticbeanstalk:customoption",
    "aws:elasticbeanstalk:container:*",
    "aws:cloudformation:template:parameter",
];

const ASG: &str = "aws:autoscaling:asg";
const LAUNCH: &str = "aws:autoscaling:launchconfiguration";
const SCHEDULED: &str = "aws:autoscaling:scheduledaction";
const TRIGGER: &str = "aws:autoscaling:trigger";
const ROLLING: &str = "aws:autoscaling:updatepolicy:rollingupdate";
const INSTANCES: &str = "aws:ec2:instances";
const VPC: &str = "aws:ec2:vpc";
const LOGS: &str = "aws:elasticbeanstalk:cloudwatch:logs";
const HEALTH_LOGS: &str = "aws:elasticbeanstalk:cloudwatch:logs:health";
const COMMAND: &str = "aws:elasticbeanstalk:command";
const ENVIRONMENT: &str = "aws:elasticbeanstalk:environment";
const PROCESS: &str = "aws:elasticbeanstalk:environment:process:*";
const HEALTH: &str = "aws:elasticbeanstalk:healthreporting:system";
const MANAGED: &str = "aws:elasticbeanstalk:managedactions";
const PLATFORM_UPDATE: &str = "aws:elasticbeanstalk:managedactions:platformupdate";
const TOPICS: &str = "aws:elasticbeanstalk:sns:topics";
const SQSD: &str = "aws:elasticbeanstalk:sqsd";
const SPLITTING: &str = "aws:elasticbeanstalk:trafficsplitting";
const ELB_CHECK: &str = "aws:elb:healthcheck";
const ELB: &str = "aws:elb:loadbalancer";
const ELB_LISTENER: &str = "aws:elb:listener";
const ELB_LISTENERS: &str = "aws:elb:listener:*";
const ELB_POLICIES: &str = "aws:elb:policies";
const ELB_POLICY: &str = "aws:elb:policies:*";
const LISTENERS: &str = "aws:elbv2:listener:*";
const LISTENER_RULE: &str = "aws:elbv2:listenerrule:*";
const ELBV2: &str = "aws:elbv2:loadbalancer";
const DATABASE: &str = "aws:rds:dbinstance";

const RETENTION: Kind = OneOf(&[
    "1", "3", "5", "7", "14", "30", "60", "90", "120", "150", "180", "365", "400", "545", "731",
    "1827", "3653",
]);

/// All options whose names Beanstalk chooses.
pub(crate) const KNOWN: &[Known] = &[
    option(
        ASG,
        "Availability Zones",
        Some("Any"),
        OneOf(&["Any", "Any 1", "Any 2", "Any 3"]),
    ),
    option(ASG, "Cooldown", Some("360"), Number(0, 10_000)),
    option(ASG, "Custom Availability Zones", None, List),
    option(ASG, "EnableCapacityRebalancing", Some("false"), Flag),
    option(ASG, "MaxSize", Some("4"), Number(1, 10_000)),
    option(ASG, "MinSize", Some("1"), Number(1, 10_000)),
    option(LAUNCH, "BlockDeviceMappings", None, Text),
    option(
        LAUNCH,
        "DisableDefaultEC2SecurityGroup",
        Some("false"),
        Flag,
    ),
    option(LAUNCH, "DisableIMDSv1", Some("false"), Flag),
    option(LAUNCH, "EC2KeyName", None, Text),
    option(LAUNCH, "IamInstanceProfile", None, Text),
    option(LAUNCH, "ImageId", None, Text),
    option(LAUNCH, "InstanceType", Some("t3.micro"), Text),
    option(
        LAUNCH,
        "LaunchTemplateTagPropagationEnabled",
        Some("false"),
        Flag,
    ),
    option(
        LAUNCH,
        "MonitoringInterval",
        Some("5 minute"),
        OneOf(&["1 minute", "5 minute"]),
    ),
    option(LAUNCH, "RootVolumeIOPS", None, Number(100, 20_000)),
    option(LAUNCH, "RootVolumeSize", None, Number(8, 16_384)),
    option(LAUNCH, "RootVolumeThroughput", None, Number(125, 1000)),
    option(
        LAUNCH,
        "RootVolumeType",
        None,
        OneOf(&["standard", "gp2", "gp3", "io1"]),
    ),
    option(
        LAUNCH,
        "SSHSourceRestriction",
        Some("tcp,22,22,0.0.0.0/0"),
        Text,
    ),
    option(LAUNCH, "SecurityGroups", None, List),
    option(SCHEDULED, "DesiredCapacity", None, Number(0, 10_000)),
    option(SCHEDULED, "EndTime", None, Text),
    option(SCHEDULED, "MaxSize", None, Number(0, 10_000)),
    option(SCHEDULED, "MinSize", None, Number(0, 10_000)),
    option(SCHEDULED, "Recurrence", None, Text),
    option(SCHEDULED, "StartTime", None, Text),
    option(SCHEDULED, "Suspend", None, Flag),
    option(TRIGGER, "BreachDuration", Some("5"), Number(1, 600)),
    option(TRIGGER, "EvaluationPeriods", Some("1"), Number(1, 600)),
    option(
        TRIGGER,
        "LowerBreachScaleIncrement",
        Some("-1"),
        Number(-1000, 1000),
    ),
    option(
        TRIGGER,
        "LowerThreshold",
        Some("2000000"),
        Number(0, 20_000_000),
    ),
    option(TRIGGER, "MeasureName", Some("NetworkOut"), Text),
    option(TRIGGER, "Period", Some("5"), Number(1, 600)),
    option(
        TRIGGER,
        "Statistic",
        Some("Average"),
        OneOf(&["Minimum", "Maximum", "Sum", "Average"]),
    ),
    option(TRIGGER, "Unit", Some("Bytes"), Text),
    option(
        TRIGGER,
        "UpperBreachScaleIncrement",
        Some("1"),
        Number(-1000, 1000),
    ),
    option(
        TRIGGER,
        "UpperThreshold",
        Some("6000000"),
        Number(0, 20_000_000),
    ),
    option(ROLLING, "MaxBatchSize", None, Number(1, 10_000)),
    option(ROLLING, "MinInstancesInService", None, Number(0, 9999)),
    option(ROLLING, "PauseTime", None, Text),
    option(ROLLING, "RollingUpdateEnabled", Some("false"), Flag),
    option(
        ROLLING,
        "RollingUpdateType",
        Some("Time"),
        OneOf(&["Time", "Health", "Immutable"]),
    ),
    option(ROLLING, "Timeout", Some("PT30M"), Text),
    option(INSTANCES, "EnableSpot", Some("false"), Flag),
    option(INSTANCES, "InstanceTypes", Some("t3.micro, t3.small"), List),
    option(
        INSTANCES,
        "SpotAllocationStrategy",
        Some("capacity-optimized"),
        Text,
    ),
    option(
        INSTANCES,
        "SpotFleetOnDemandAboveBasePercentage",
        Some("70"),
        Number(0, 100),
    ),
    option(
        INSTANCES,
        "SpotFleetOnDemandBase",
        Some("0"),
        Number(0, 10_000),
    ),
    option(INSTANCES, "SpotMaxPrice", None, Text),
    option(INSTANCES, "SupportedArchitectures", Some("x86_64"), List),
    option(VPC, "AssociatePublicIpAddress", None, Flag),
    option(VPC, "DBSubnets", None, List),
    option(
        VPC,
        "ELBScheme",
        Some("public"),
        OneOf(&["public", "internal"]),
    ),
    option(VPC, "ELBSubnets", None, List),
    option(VPC, "Subnets", None, List),
    option(VPC, "VPCId", None, Text),
    option(
        "aws:elasticbeanstalk:application",
        "Application Healthcheck URL",
        Some(""),
        Text,
    ),
    option(LOGS, "DeleteOnTerminate", Some("false"), Flag),
    option(LOGS, "RetentionInDays", Some("7"), RETENTION),
    option(LOGS, "StreamLogs", Some("false"), Flag),
    option(HEALTH_LOGS, "DeleteOnTerminate", Some("false"), Flag),
    option(HEALTH_LOGS, "HealthStreamingEnabled", Some("false"), Flag),
    option(HEALTH_LOGS, "RetentionInDays", Some("7"), RETENTION),
    option(COMMAND, "BatchSize", Some("100"), Number(1, 10_000)),
    option(
        COMMAND,
        "BatchSizeType",
        Some("Percentage"),
        OneOf(&["Percentage", "Fixed"]),
    ),
    option(
        COMMAND,
        "DeploymentPolicy",
        Some("AllAtOnce"),
        OneOf(&[
            "AllAtOnce",
            "Rolling",
            "RollingWithAdditionalBatch",
            "Immutable",
            "TrafficSplitting",
        ]),
    ),
    option(COMMAND, "IgnoreHealthCheck", Some("false"), Flag),
    option(COMMAND, "Timeout", Some("600"), Number(1, 3600)),
    option(
        ENVIRONMENT,
        "EnvironmentType",
        Some("LoadBalanced"),
        OneOf(&["LoadBalanced", "SingleInstance"]),
    ),
    option(ENVIRONMENT, "ExternalExtensionsS3Bucket", None, Text),
    option(ENVIRONMENT, "ExternalExtensionsS3Key", None, Text),
    option(ENVIRONMENT, "LoadBalancerIsShared", Some("false"), Flag),
    option(
        ENVIRONMENT,
        "LoadBalancerType",
        Some("classic"),
        OneOf(&["classic", "application", "network"]),
    ),
    option(ENVIRONMENT, "ServiceRole", None, Text),
    option(
        "aws:elasticbeanstalk:environment:proxy",
        "ProxyServer",
        Some("nginx"),
        OneOf(&["nginx", "apache", "none"]),
    ),
    option(PROCESS, "DeregistrationDelay", Some("20"), Number(0, 3600)),
    option(PROCESS, "HealthCheckInterval", Some("15"), Number(5, 300)),
    option(PROCESS, "HealthCheckPath", Some("/"), Text),
    option(PROCESS, "HealthCheckTimeout", Some("5"), Number(1, 60)),
    option(PROCESS, "HealthyThresholdCount", Some("3"), Number(2, 10)),
    option(PROCESS, "MatcherHTTPCode", Some("200"), Text),
    option(PROCESS, "Port", Some("80"), Number(1, 65_535)),
    option(
        PROCESS,
        "Protocol",
        Some("HTTP"),
        OneOf(&["TCP", "HTTP", "HTTPS"]),
    ),
    option(PROCESS, "StickinessEnabled", Some("false"), Flag),
    option(
        PROCESS,
        "StickinessLBCookieDuration",
        Some("86400"),
        Number(1, 604_800),
    ),
    option(
        PROCESS,
        "StickinessType",
        Some("lb_cookie"),
        OneOf(&["lb_cookie"]),
    ),
    option(PROCESS, "UnhealthyThresholdCount", Some("5"), Number(2, 10)),
    option(HEALTH, "ConfigDocument", None, Text),
    option(HEALTH, "EnhancedHealthAuthEnabled", Some("true"), Flag),
    option(
        HEALTH,
        "HealthCheckSuccessThreshold",
        Some("Ok"),
        OneOf(&["Ok", "Warning", "Degraded", "Severe"]),
    ),
    option(
        HEALTH,
        "SystemType",
        Some("basic"),
        OneOf(&["basic", "enhanced"]),
    ),
    option(
        "aws:elasticbeanstalk:hostmanager",
        "LogPublicationControl",
        Some("false"),
        Flag,
    ),
    option(MANAGED, "ManagedActionsEnabled", Some("false"), Flag),
    option(MANAGED, "PreferredStartTime", None, Text),
    option(MANAGED, "ServiceRoleForManagedUpdates", None, Text),
    option(
        PLATFORM_UPDATE,
        "InstanceRefreshEnabled",
        Some("false"),
        Flag,
    ),
    option(
        PLATFORM_UPDATE,
        "UpdateLevel",
        None,
        OneOf(&["patch", "minor"]),
    ),
    option(
        "aws:elasticbeanstalk:monitoring",
        "Automatically Terminate Unhealthy Instances",
        Some("true"),
        Flag,
    ),
    option(TOPICS, "Notification Endpoint", None, Text),
    option(
        TOPICS,
        "Notification Protocol",
        Some("email"),
        OneOf(&["http", "https", "email", "email-json", "sqs"]),
    ),
    option(TOPICS, "Notification Topic ARN", None, Text),
    option(TOPICS, "Notification Topic Name", None, Text),
    option(SQSD, "ConnectTimeout", Some("5"), Number(1, 60)),
    option(SQSD, "ErrorVisibilityTimeout", Some("2"), Number(0, 43_200)),
    option(SQSD, "HttpConnections", Some("50"), Number(1, 100)),
    option(SQSD, "HttpPath", Some("/"), Text),
    option(SQSD, "InactivityTimeout", Some("299"), Number(1, 36_000)),
    option(SQSD, "MaxRetries", Some("10"), Number(1, 100)),
    option(SQSD, "MimeType", Some("application/json"), Text),
    option(
        SQSD,
        "RetentionPeriod",
        Some("345600"),
        Number(60, 1_209_600),
    ),
    option(SQSD, "VisibilityTimeout", Some("300"), Number(0, 43_200)),
    option(SQSD, "WorkerQueueURL", None, Text),
    option(SPLITTING, "EvaluationTime", Some("5"), Number(3, 600)),
    option(SPLITTING, "NewVersionPercent", Some("10"), Number(1, 100)),
    option(
        "aws:elasticbeanstalk:xray",
        "XRayEnabled",
        Some("false"),
        Flag,
    ),
    option(ELB_CHECK, "HealthyThreshold", Some("3"), Number(2, 10)),
    option(ELB_CHECK, "Interval", Some("10"), Number(5, 300)),
    option(ELB_CHECK, "Target", Some("TCP:80"), Text),
    option(ELB_CHECK, "Timeout", Some("5"), Number(2, 60)),
    option(ELB_CHECK, "UnhealthyThreshold", Some("5"), Number(2, 10)),
    option(ELB, "CrossZone", Some("false"), Flag),
    option(
        ELB,
        "LoadBalancerHTTPPort",
        Some("80"),
        OneOf(&["OFF", "80"]),
    ),
    option(
        ELB,
        "LoadBalancerHTTPSPort",
        Some("OFF"),
        OneOf(&["OFF", "443", "8443"]),
    ),
    option(
        ELB,
        "LoadBalancerPortProtocol",
        Some("HTTP"),
        OneOf(&["HTTP", "TCP"]),
    ),
    option(
        ELB,
        "LoadBalancerSSLPortProtocol",
        Some("HTTPS"),
        OneOf(&["HTTPS", "SSL"]),
    ),
    option(ELB, "ManagedSecurityGroup", None, Text),
    option(ELB, "SSLCertificateId", None, Text),
    option(ELB, "SecurityGroups", None, List),
    option(ELB_LISTENER, "InstancePort", Some("80"), Number(1, 65_535)),
    option(ELB_LISTENER, "InstanceProtocol", Some("HTTP"), Text),
    option(ELB_LISTENER, "ListenerEnabled", Some("true"), Flag),
    option(ELB_LISTENER, "ListenerProtocol", Some("HTTP"), Text),
    option(ELB_LISTENER, "PolicyNames", None, List),
    option(ELB_LISTENERS, "InstancePort", None, Number(1, 65_535)),
    option(ELB_LISTENERS, "InstanceProtocol", None, Text),
    option(ELB_LISTENERS, "ListenerEnabled", None, Flag),
    option(ELB_LISTENERS, "ListenerProtocol", None, Text),
    option(ELB_LISTENERS, "PolicyNames", None, List),
    option(ELB_LISTENERS, "SSLCertificateId", None, Text),
    option(
        ELB_POLICIES,
        "ConnectionDrainingEnabled",
        Some("false"),
        Flag,
    ),
    option(
        ELB_POLICIES,
        "ConnectionDrainingTimeout",
        Some("20"),
        Number(1, 3600),
    ),
    option(
        ELB_POLICIES,
        "ConnectionSettingIdleTimeout",
        Some("60"),
        Number(1, 3600),
    ),
    option(ELB_POLICIES, "LoadBalancerPorts", None, List),
    option(
        ELB_POLICIES,
        "Stickiness Cookie Expiration",
        Some("0"),
        Number(0, 1_000_000),
    ),
    option(ELB_POLICIES, "Stickiness Policy", Some("false"), Flag),
    option(ELB_POLICY, "CookieName", None, Text),
    option(ELB_POLICY, "InstancePorts", None, List),
    option(ELB_POLICY, "LoadBalancerPorts", None, List),
    option(ELB_POLICY, "ProxyProtocol", None, Flag),
    option(ELB_POLICY, "PublicKey", None, Text),
    option(ELB_POLICY, "PublicKeyPolicyNames", None, List),
    option(ELB_POLICY, "SSLProtocols", None, List),
    option(ELB_POLICY, "SSLReferencePolicy", None, Text),
    option(
        ELB_POLICY,
        "Stickiness Cookie Expiration",
        None,
        Number(0, 1_000_000),
    ),
    option(ELB_POLICY, "Stickiness Policy", None, Flag),
    option(LISTENERS, "DefaultProcess", Some("default"), Text),
    option(LISTENERS, "ListenerEnabled", Some("true"), Flag),
    option(
        LISTENERS,
        "Protocol",
        Some("HTTP"),
        OneOf(&["TCP", "HTTP", "HTTPS"]),
    ),
    option(LISTENERS, "Rules", None, List),
    option(LISTENERS, "SSLCertificateArns", None, List),
    option(LISTENERS, "SSLPolicy", None, Text),
    option(LISTENER_RULE, "HostHeaders", None, List),
    option(LISTENER_RULE, "PathPatterns", None, List),
    option(LISTENER_RULE, "Priority", Some("1"), Number(1, 1000)),
    option(LISTENER_RULE, "Process", Some("default"), Text),
    option(ELBV2, "AccessLogsS3Bucket", None, Text),
    option(ELBV2, "AccessLogsS3Enabled", Some("false"), Flag),
    option(ELBV2, "AccessLogsS3Prefix", None, Text),
    option(ELBV2, "IdleTimeout", None, Number(1, 3600)),
    option(
        ELBV2,
        "IpAddressType",
        Some("ipv4"),
        OneOf(&["ipv4", "dualstack"]),
    ),
    option(ELBV2, "ManagedSecurityGroup", None, Text),
    option(ELBV2, "SecurityGroups", None, List),
    option(ELBV2, "SharedLoadBalancer", None, Text),
    option(DATABASE, "DBAllocatedStorage", None, Number(5, 65_536)),
    option(
        DATABASE,
        "DBDeletionPolicy",
        None,
        OneOf(&["Delete", "Retain", "Snapshot"]),
    ),
    option(DATABASE, "DBEngine", None, Text),
    option(DATABASE, "DBEngineVersion", None, Text),
    option(DATABASE, "DBInstanceClass", None, Text),
    option(DATABASE, "DBPassword", None, Text),
    option(DATABASE, "DBSnapshotIdentifier", None, Text),
    option(DATABASE, "DBUser", None, Text),
    option(DATABASE, "HasCoupledDatabase", Some("false"), Flag),
    option(DATABASE, "MultiAZDatabase", None, Flag),
];
