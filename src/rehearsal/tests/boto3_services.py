"""Drives every service of the embedded AWS with boto3, whose parsers judge the answers.

Run by boto3.rs, which says where the endpoint is (AWS_ENDPOINT_URL, the load balancer's address in
BALANCER, the address of Slack's stand-in in SLACK) and which part to run (the argument).
"""

import json
import os
import sys
import threading
import time
import urllib.error
import urllib.request

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError

REGION = "eu-central-1"
ACCOUNT = "123456789012"
# One attempt, so that every refusal is seen as it is.
ONCE = Config(retries={"total_max_attempts": 1})


def client(service, **more):
    return boto3.client(service, region_name=REGION, config=more.pop("config", ONCE), **more)


def refused(code, call, **arguments):
    """The call must fail with this code."""
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        return error
    raise AssertionError(f"{call} did not fail with {code}")


def until(probe, wanted, seconds=30):
    """Polls until the probe gives what is wanted, and returns all that it gave, each once."""
    seen = []
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = probe()
        if not seen or seen[-1] != value:
            seen.append(value)
        if value == wanted:
            return seen
        time.sleep(0.02)
    raise AssertionError(f"wanted {wanted}, saw {seen}")


def sts():
    sts = client("sts")
    identity = sts.get_caller_identity()
    assert identity["Account"] == ACCOUNT, identity
    assert identity["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/rehearsal", identity
    assert identity["ResponseMetadata"]["RequestId"] == \
        identity["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"]
    role = f"arn:aws:iam::{ACCOUNT}:role/deployer"
    given = sts.assume_role(RoleArn=role, RoleSessionName="build-7")["Credentials"]
    assumed = client(
        "sts",
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )
    arn = assumed.get_caller_identity()["Arn"]
    assert arn == f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer/build-7", arn
    # Nobody signs this one.
    web = sts.assume_role_with_web_identity(
        RoleArn=role, RoleSessionName="github", WebIdentityToken="a.b.c")
    assert web["Credentials"]["AccessKeyId"].startswith("ASIA")
    expired = client("sts", aws_access_key_id="EXPIRED1", aws_secret_access_key="x")
    refused("ExpiredToken", expired.get_caller_identity)
    elsewhere = boto3.client("rds", region_name="us-east-1", config=ONCE)
    refused("InvalidClientRegion", elsewhere.describe_db_instances)


def s3():
    s3 = client("s3")
    bucket = "shop-bundles"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    assert [one["Name"] for one in s3.list_buckets()["Buckets"]] == [bucket]
    refused("InvalidBucketName", s3.create_bucket, Bucket="Shop")
    refused("NoSuchBucket", s3.get_object, Bucket="missing", Key="x")
    refused("NoSuchKey", s3.get_object, Bucket=bucket, Key="x")
    refused("404", s3.head_object, Bucket=bucket, Key="x")

    s3.put_object(Bucket=bucket, Key="app/v1.zip", Body=b"first", ContentType="application/zip",
                  Metadata={"commit": "abc123"}, ChecksumAlgorithm="SHA256")
    head = s3.head_object(Bucket=bucket, Key="app/v1.zip", ChecksumMode="ENABLED")
    assert head["Metadata"] == {"commit": "abc123"}, head
    assert head["ContentLength"] == 5 and head["ContentType"] == "application/zip"
    assert head["ChecksumSHA256"] and head["ChecksumType"] == "FULL_OBJECT", head
    got = s3.get_object(Bucket=bucket, Key="app/v1.zip", ChecksumMode="ENABLED")
    assert got["Body"].read() == b"first"
    assert s3.get_object(Bucket=bucket, Key="app/v1.zip", Range="bytes=1-2")["Body"].read() == b"ir"

    error = refused("PreconditionFailed", s3.put_object, Bucket=bucket, Key="app/v1.zip",
                    Body=b"second", IfNoneMatch="*")
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 412
    s3.put_object(Bucket=bucket, Key="app/v1.zip", Body=b"second", IfMatch=head["ETag"])
    refused("PreconditionFailed", s3.put_object, Bucket=bucket, Key="app/v1.zip", Body=b"third",
            IfMatch=head["ETag"])
    winners = []

    def race(number):
        try:
            client("s3").put_object(Bucket=bucket, Key="lock", Body=str(number), IfNoneMatch="*")
            winners.append(number)
        except ClientError as error:
            assert error.response["Error"]["Code"] == "PreconditionFailed", error

    racers = [threading.Thread(target=race, args=(number,)) for number in range(8)]
    [racer.start() for racer in racers]
    [racer.join() for racer in racers]
    assert len(winners) == 1, winners

    # 12 MiB in parts of 5 MiB, three at a time.
    large = os.urandom(12 * 1024 * 1024)
    path = os.path.join(os.environ["WORK"], "large.bin")
    with open(path, "wb") as file:
        file.write(large)
    parts = TransferConfig(multipart_threshold=5 * 1024 * 1024, multipart_chunksize=5 * 1024 * 1024,
                           max_concurrency=3)
    s3.upload_file(path, bucket, "large.bin", Config=parts,
                   ExtraArgs={"ChecksumAlgorithm": "SHA256", "Metadata": {"kind": "large"}})
    head = s3.head_object(Bucket=bucket, Key="large.bin", ChecksumMode="ENABLED")
    assert head["ETag"].endswith('-3"'), head["ETag"]
    assert head["ChecksumSHA256"].endswith("-3") and head["ChecksumType"] == "COMPOSITE", head
    assert head["Metadata"] == {"kind": "large"}
    s3.download_file(bucket, "large.bin", path + ".back")
    with open(path + ".back", "rb") as file:
        assert file.read() == large

    for number in range(5):
        s3.put_object(Bucket=bucket, Key=f"list/{number}", Body=b"x")
    pages = list(s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix="list/", PaginationConfig={"PageSize": 2}))
    assert [one["Key"] for page in pages for one in page["Contents"]] == \
        [f"list/{number}" for number in range(5)]
    assert len(pages) == 3
    top = s3.list_objects_v2(Bucket=bucket, Delimiter="/")
    assert [one["Prefix"] for one in top["CommonPrefixes"]] == ["app/", "list/"], top
    s3.copy_object(Bucket=bucket, Key="copy.zip", CopySource={"Bucket": bucket, "Key": "app/v1.zip"})
    assert s3.get_object(Bucket=bucket, Key="copy.zip")["Body"].read() == b"second"
    gone = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "list/0"}, {"Key": "list/1"}]})
    assert len(gone["Deleted"]) == 2
    s3.delete_object(Bucket=bucket, Key="copy.zip")
    refused("NoSuchKey", s3.get_object, Bucket=bucket, Key="copy.zip")
    refused("BucketNotEmpty", s3.delete_bucket, Bucket=bucket)

    for version in ["s3", "s3v4"]:
        signer = client("s3", config=Config(signature_version=version))
        url = signer.generate_presigned_url(
            "get_object", Params={"Bucket": bucket, "Key": "app/v1.zip"}, ExpiresIn=60)
        with urllib.request.urlopen(url) as answer:
            assert answer.read() == b"second"
    url = client("s3", config=Config(signature_version="s3v4")).generate_presigned_url(
        "get_object", Params={"Bucket": bucket, "Key": "app/v1.zip"}, ExpiresIn=1)
    time.sleep(2.1)
    try:
        urllib.request.urlopen(url)
        raise AssertionError("an expired address was served")
    except urllib.error.HTTPError as error:
        assert error.code == 403


def secrets_manager():
    secrets = client("secretsmanager")
    made = secrets.create_secret(
        Name="django/SECRET_KEY", SecretString="größer-als-gedacht", Description="für Django",
        Tags=[{"Key": "beanpole", "Value": "shop"}])
    assert made["ARN"].startswith(f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:django/SECRET_KEY-")
    assert secrets.get_secret_value(SecretId=made["ARN"])["SecretString"] == "größer-als-gedacht"
    refused("ResourceExistsException", secrets.create_secret, Name="django/SECRET_KEY", SecretString="x")
    refused("ResourceNotFoundException", secrets.get_secret_value, SecretId="missing")
    secrets.put_secret_value(SecretId="django/SECRET_KEY", SecretString=json.dumps({"a": 1}))
    previous = secrets.get_secret_value(SecretId="django/SECRET_KEY", VersionStage="AWSPREVIOUS")
    assert previous["SecretString"] == "größer-als-gedacht"
    described = secrets.describe_secret(SecretId="django/SECRET_KEY")
    assert described["Description"] == "für Django" and len(described["VersionIdsToStages"]) == 2
    assert described["Tags"] == [{"Key": "beanpole", "Value": "shop"}]
    secrets.create_secret(Name="other/BINARY", SecretBinary=b"\x00\xff")
    assert secrets.get_secret_value(SecretId="other/BINARY")["SecretBinary"] == b"\x00\xff"
    listed = secrets.list_secrets(Filters=[{"Key": "name", "Values": ["django/"]}])["SecretList"]
    assert [one["Name"] for one in listed] == ["django/SECRET_KEY"]
    batch = secrets.batch_get_secret_value(SecretIdList=["django/SECRET_KEY", "missing"])
    assert len(batch["SecretValues"]) == 1 and batch["Errors"][0]["SecretId"] == "missing"
    assert len(secrets.get_random_password(PasswordLength=40)["RandomPassword"]) == 40
    secrets.delete_secret(SecretId="django/SECRET_KEY", RecoveryWindowInDays=7)
    error = refused("InvalidRequestException", secrets.create_secret, Name="django/SECRET_KEY",
                    SecretString="x")
    assert "scheduled for deletion" in str(error)
    refused("InvalidRequestException", secrets.get_secret_value, SecretId="django/SECRET_KEY")
    secrets.restore_secret(SecretId="django/SECRET_KEY")
    assert json.loads(secrets.get_secret_value(SecretId="django/SECRET_KEY")["SecretString"]) == {"a": 1}


def ec2():
    ec2 = client("ec2")
    [vpc] = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc["VpcId"]]}])["Subnets"]
    zones = {zone["ZoneName"] for zone in ec2.describe_availability_zones()["AvailabilityZones"]}
    assert {subnet["AvailabilityZone"] for subnet in subnets} == zones and len(zones) == 3
    attributes = ec2.describe_account_attributes(AttributeNames=["supported-platforms"])
    assert attributes["AccountAttributes"][0]["AttributeValues"][0]["AttributeValue"] == "VPC"

    def group(name):
        return ec2.create_security_group(
            GroupName=name, Description="made by a test", VpcId=vpc["VpcId"],
            TagSpecifications=[{"ResourceType": "security-group",
                                "Tags": [{"Key": "beanpole", "Value": "shop"}]}])["GroupId"]

    app, database = group("shop-app"), group("shop-db")
    refused("InvalidGroup.Duplicate", ec2.create_security_group, GroupName="shop-db",
            Description="again", VpcId=vpc["VpcId"])
    rule = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432,
            "UserIdGroupPairs": [{"GroupId": app, "Description": "the application"}]}
    made = ec2.authorize_security_group_ingress(GroupId=database, IpPermissions=[rule])
    assert made["Return"] and made["SecurityGroupRules"][0]["ReferencedGroupInfo"]["GroupId"] == app
    refused("InvalidPermission.Duplicate", ec2.authorize_security_group_ingress,
            GroupId=database, IpPermissions=[rule])
    [shown] = ec2.describe_security_groups(GroupIds=[database])["SecurityGroups"]
    [permission] = shown["IpPermissions"]
    assert permission["UserIdGroupPairs"][0]["GroupId"] == app and permission["FromPort"] == 5432
    assert shown["Tags"] == [{"Key": "beanpole", "Value": "shop"}], shown
    found = ec2.describe_security_groups(Filters=[{"Name": "tag:beanpole", "Values": ["shop"]}])
    assert len(found["SecurityGroups"]) == 2
    rules = ec2.describe_security_group_rules(
        Filters=[{"Name": "group-id", "Values": [database]}])["SecurityGroupRules"]
    assert {one["IsEgress"] for one in rules} == {True, False}
    refused("DependencyViolation", ec2.delete_security_group, GroupId=app)
    refused("InvalidGroup.NotFound", ec2.describe_security_groups, GroupIds=["sg-0123"])
    refused("InvalidPermission.NotFound", ec2.revoke_security_group_ingress, GroupId=database,
            IpPermissions=[{**rule, "FromPort": 1, "ToPort": 1}])
    [incoming] = [one for one in rules if not one["IsEgress"]]
    ec2.revoke_security_group_ingress(
        GroupId=database, SecurityGroupRuleIds=[incoming["SecurityGroupRuleId"]])
    ec2.create_tags(Resources=[app], Tags=[{"Key": "Name", "Value": "shop"}])
    tags = ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [app]}])["Tags"]
    assert {tag["Key"] for tag in tags} == {"beanpole", "Name"}
    ec2.delete_security_group(GroupId=app)
    ec2.delete_security_group(GroupId=database)
    refused("UnsupportedOperation", ec2.describe_volumes)


def rds():
    rds, ec2 = client("rds"), client("ec2")
    [vpc] = ec2.describe_vpcs()["Vpcs"]
    group = ec2.create_security_group(GroupName="rds", Description="x", VpcId=vpc["VpcId"])["GroupId"]
    subnets = [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"]]
    refused("DBSubnetGroupDoesNotCoverEnoughAZs", rds.create_db_subnet_group,
            DBSubnetGroupName="one", DBSubnetGroupDescription="x", SubnetIds=subnets[:1])
    rds.create_db_subnet_group(
        DBSubnetGroupName="shop", DBSubnetGroupDescription="x", SubnetIds=subnets[:2])
    request = dict(
        DBInstanceIdentifier="shop-db", DBInstanceClass="db.t3.micro", Engine="postgres",
        EngineVersion="16", AllocatedStorage=20, MasterUsername="shop",
        MasterUserPassword="correct-horse", DBName="shop", Port=5433, BackupRetentionPeriod=7,
        PreferredBackupWindow="03:00-04:00", StorageEncrypted=True, DeletionProtection=True,
        VpcSecurityGroupIds=[group], DBSubnetGroupName="shop",
        Tags=[{"Key": "beanpole", "Value": "shop"}])
    refused("InvalidParameterValue", rds.create_db_instance, **{**request, "MasterUserPassword": "a/b c@d"})
    refused("DBSubnetGroupNotFoundFault", rds.create_db_instance, **{**request, "DBSubnetGroupName": "x"})
    made = rds.create_db_instance(**request)["DBInstance"]
    assert made["DBInstanceStatus"] == "creating" and "Endpoint" not in made
    refused("DBInstanceAlreadyExists", rds.create_db_instance, **request)

    def described():
        return rds.describe_db_instances(DBInstanceIdentifier="shop-db")["DBInstances"][0]

    seen = until(lambda: described()["DBInstanceStatus"], "available")
    assert seen[0] == "creating" and "backing-up" in seen, seen
    rds.get_waiter("db_instance_available").wait(DBInstanceIdentifier="shop-db")
    shown = described()
    assert shown["Endpoint"]["Port"] == 5433 and shown["Endpoint"]["Address"].startswith("shop-db.")
    assert shown["VpcSecurityGroups"] == [{"VpcSecurityGroupId": group, "Status": "active"}]
    assert shown["StorageEncrypted"] and shown["BackupRetentionPeriod"] == 7
    assert shown["EngineVersion"].startswith("16.") and shown["PreferredBackupWindow"] == "03:00-04:00"
    assert shown["TagList"] == [{"Key": "beanpole", "Value": "shop"}]
    tags = rds.list_tags_for_resource(ResourceName=shown["DBInstanceArn"])["TagList"]
    assert tags == shown["TagList"]
    refused("DependencyViolation", ec2.delete_security_group, GroupId=group)

    rds.modify_db_instance(DBInstanceIdentifier="shop-db", DBInstanceClass="db.t3.small")
    assert described()["PendingModifiedValues"] == {"DBInstanceClass": "db.t3.small"}
    rds.modify_db_instance(DBInstanceIdentifier="shop-db", MultiAZ=True, ApplyImmediately=True)
    seen = until(lambda: described()["DBInstanceStatus"], "available")
    assert seen[0] == "modifying", seen
    shown = described()
    assert shown["MultiAZ"] and shown["DBInstanceClass"] == "db.t3.small", shown
    assert shown["PendingModifiedValues"] == {}

    delete = dict(DBInstanceIdentifier="shop-db")
    refused("InvalidParameterCombination", rds.delete_db_instance, **delete, SkipFinalSnapshot=True)
    rds.modify_db_instance(**delete, DeletionProtection=False)
    refused("InvalidParameterCombination", rds.delete_db_instance, **delete)
    rds.delete_db_instance(**delete, FinalDBSnapshotIdentifier="shop-last")
    refused("InvalidDBInstanceState", rds.delete_db_instance, **delete, SkipFinalSnapshot=True)
    rds.get_waiter("db_instance_deleted").wait(**delete, WaiterConfig={"Delay": 1})
    refused("DBInstanceNotFound", rds.describe_db_instances, **delete)
    [snapshot] = rds.describe_db_snapshots(DBInstanceIdentifier="shop-db")["DBSnapshots"]
    assert snapshot["Status"] == "available"
    ec2.delete_security_group(GroupId=group)
    versions = rds.describe_db_engine_versions(Engine="postgres", EngineVersion="16")
    assert versions["DBEngineVersions"][0]["EngineVersion"].startswith("16.")
    refused("InvalidAction", rds.create_db_cluster, DBClusterIdentifier="x", Engine="aurora-postgresql")


def elasticache():
    cache = client("elasticache")
    request = dict(
        ReplicationGroupId="shop-cache", ReplicationGroupDescription="The cache", Engine="valkey",
        EngineVersion="8.0", CacheNodeType="cache.t4g.micro", NumCacheClusters=2, Port=6380,
        AutomaticFailoverEnabled=True, TransitEncryptionEnabled=True, AuthToken="0123456789abcdef",
        Tags=[{"Key": "beanpole", "Value": "shop"}])
    refused("InvalidParameterCombination", cache.create_replication_group,
            **{**request, "TransitEncryptionEnabled": False})
    made = cache.create_replication_group(**request)["ReplicationGroup"]
    assert made["Status"] == "creating" and "NodeGroups" not in made

    def described():
        return cache.describe_replication_groups(
            ReplicationGroupId="shop-cache")["ReplicationGroups"][0]

    refused("InvalidReplicationGroupState", cache.delete_replication_group,
            ReplicationGroupId="shop-cache")
    until(lambda: described()["Status"], "available")
    shown = described()
    endpoint = shown["NodeGroups"][0]["PrimaryEndpoint"]
    assert endpoint["Port"] == 6380 and endpoint["Address"].startswith("shop-cache."), endpoint
    assert shown["AuthTokenEnabled"] and shown["AtRestEncryptionEnabled"], shown
    assert shown["MemberClusters"] == ["shop-cache-001", "shop-cache-002"]
    member = cache.describe_cache_clusters(
        CacheClusterId="shop-cache-001", ShowCacheNodeInfo=True)["CacheClusters"][0]
    assert member["EngineVersion"] == "8.0.1" and len(member["SecurityGroups"]) == 1, member
    tags = cache.list_tags_for_resource(ResourceName=shown["ARN"])["TagList"]
    assert tags == [{"Key": "beanpole", "Value": "shop"}]
    cache.delete_replication_group(ReplicationGroupId="shop-cache")

    def is_gone():
        try:
            return described()["Status"]
        except cache.exceptions.ReplicationGroupNotFoundFault:
            return "gone"

    assert until(is_gone, "gone")[0] == "deleting"
    cache.create_cache_subnet_group(
        CacheSubnetGroupName="shop", CacheSubnetGroupDescription="x",
        SubnetIds=[one["SubnetId"] for one in client("ec2").describe_subnets()["Subnets"]])
    refused("CacheSubnetGroupNotFoundFault", cache.describe_cache_subnet_groups,
            CacheSubnetGroupName="missing")


def iam():
    iam = client("iam")
    profile = iam.get_instance_profile(InstanceProfileName="aws-elasticbeanstalk-ec2-role")
    assert profile["InstanceProfile"]["Roles"][0]["RoleName"] == "aws-elasticbeanstalk-ec2-role"
    role = iam.get_role(RoleName="aws-elasticbeanstalk-service-role")["Role"]
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == \
        {"Service": "elasticbeanstalk.amazonaws.com"}
    attached = iam.list_attached_role_policies(RoleName="aws-elasticbeanstalk-ec2-role")
    assert "AWSElasticBeanstalkWebTier" in {one["PolicyName"] for one in attached["AttachedPolicies"]}
    refused("NoSuchEntity", iam.get_role, RoleName="missing")


def cloudwatch():
    watch = client("cloudwatch")
    watch.put_metric_alarm(
        AlarmName="shop-cpu", Namespace="AWS/RDS", MetricName="CPUUtilization", Statistic="Average",
        Dimensions=[{"Name": "DBInstanceIdentifier", "Value": "shop-db"}], Period=300,
        EvaluationPeriods=3, Threshold=80.0, ComparisonOperator="GreaterThanThreshold")
    [alarm] = watch.describe_alarms(AlarmNames=["shop-cpu"])["MetricAlarms"]
    assert alarm["Threshold"] == 80.0 and alarm["Dimensions"][0]["Value"] == "shop-db", alarm
    assert len(watch.describe_alarms(AlarmNamePrefix="shop-")["MetricAlarms"]) == 1
    assert watch.describe_alarms(AlarmNamePrefix="other-")["MetricAlarms"] == []
    watch.delete_alarms(AlarmNames=["shop-cpu"])
    assert watch.describe_alarms(AlarmNames=["shop-cpu"])["MetricAlarms"] == []


def ecr():
    ecr = client("ecr")
    made = ecr.create_repository(repositoryName="shop")["repository"]
    assert made["repositoryUri"].startswith(f"{ACCOUNT}.dkr.ecr.{REGION}."), made
    refused("RepositoryAlreadyExistsException", ecr.create_repository, repositoryName="shop")
    assert ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]


def beanstalk():
    """One environment from creation to the load balancer's answer."""
    eb, s3 = client("elasticbeanstalk"), client("s3")
    stacks = eb.list_available_solution_stacks()["SolutionStacks"]
    stack = next(one for one in stacks if one.endswith("running Docker"))
    eb.create_application(ApplicationName="shop")
    bucket = eb.create_storage_location()["S3Bucket"]
    s3.head_bucket(Bucket=bucket)
    eb.create_environment(
        ApplicationName="shop", EnvironmentName="shop-test", SolutionStackName=stack,
        OptionSettings=[{"Namespace": "aws:autoscaling:launchconfiguration",
                         "OptionName": "IamInstanceProfile",
                         "Value": "aws-elasticbeanstalk-ec2-role"}])

    def described():
        return eb.describe_environments(EnvironmentNames=["shop-test"])["Environments"][0]

    until(lambda: described()["Status"], "Ready", seconds=60)
    until(lambda: described()["Health"], "Green", seconds=60)
    resources = eb.describe_environment_resources(EnvironmentName="shop-test")["EnvironmentResources"]
    ids = [one["Id"] for one in resources["Instances"]]
    reservations = client("ec2").describe_instances(InstanceIds=ids)["Reservations"]
    assert all(one["Instances"][0]["State"]["Name"] == "running" for one in reservations)
    host = described()["CNAME"].split(":")[0]
    request = urllib.request.Request(f"http://{os.environ['BALANCER']}/", headers={"Host": host})
    with urllib.request.urlopen(request) as answer:
        assert b"Only the control plane is rehearsed" in answer.read()
    request = urllib.request.Request(
        f"http://{os.environ['BALANCER']}/ht/?format=json", headers={"Host": host})
    with urllib.request.urlopen(request) as answer:
        assert json.load(answer) == {"Rehearsal stand-in": "working"}
    try:
        urllib.request.urlopen(f"http://{os.environ['BALANCER']}/")
        raise AssertionError("a host without environment was served")
    except urllib.error.HTTPError as error:
        assert error.code == 404
    eb.terminate_environment(EnvironmentName="shop-test")
    until(lambda: described()["Status"] if eb.describe_environments(
        EnvironmentNames=["shop-test"], IncludeDeleted=False)["Environments"] else "Terminated",
        "Terminated", seconds=60)


def slack():
    def call(path, body, token="xoxb-1"):
        request = urllib.request.Request(
            os.environ["SLACK"] + path, data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 200
            return json.load(answer)

    assert call("/auth.test", {})["ok"]
    posted = call("/chat.postMessage", {"channel": "#deploys", "text": "started"})
    updated = call("/chat.update", {"channel": posted["channel"], "ts": posted["ts"], "text": "done"})
    assert updated["ok"], updated
    assert call("/chat.postMessage", {"channel": "#deploys"})["error"] == "no_text"
    assert call("/auth.test", {}, token="invalid")["error"] == "invalid_auth"


def faults():
    """What the script in boto3.rs says, in its order."""
    eb = client("elasticbeanstalk")
    refused("Throttling", eb.describe_applications)
    refused("Throttling", eb.describe_applications)
    assert eb.describe_applications()["Applications"] == []
    patient = client("elasticbeanstalk", config=Config(retries={"total_max_attempts": 4}))
    assert patient.describe_environments()["Environments"] == []
    error = refused("InternalFailure", client("rds").describe_db_instances)
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    s3 = client("s3")
    s3.create_bucket(Bucket="shop-bundles")
    try:
        s3.put_object(Bucket="shop-bundles", Key="a", Body=b"x")
        raise AssertionError("the connection was not dropped")
    except (ConnectionClosedError, EndpointConnectionError):
        pass
    refused("404", s3.head_object, Bucket="shop-bundles", Key="a")
    s3.put_object(Bucket="shop-bundles", Key="a", Body=b"x")
    refused("SlowDown", s3.delete_object, Bucket="shop-bundles", Key="a")
    try:
        client("secretsmanager").create_secret(Name="a", SecretString="x")
        raise AssertionError("the answer was not dropped")
    except (ConnectionClosedError, EndpointConnectionError):
        pass
    # The answer was lost, the deed was done.
    assert client("secretsmanager").describe_secret(SecretId="a")["Name"] == "a"
    refused("ThrottlingException", client("secretsmanager").list_secrets)
    refused("RequestLimitExceeded", client("ec2").describe_vpcs)
    refused("UnauthorizedOperation", client("ec2").describe_subnets)
    refused("AccessDenied", client("iam").get_role, RoleName="x")
    refused("ThrottlingException", client("cloudwatch").describe_alarms)
    refused("TooManyThings", client("elasticache").describe_replication_groups)
    refused("ExpiredToken", client("sts").get_caller_identity)
    started = time.monotonic()
    client("sts").get_caller_identity()
    # Five minutes at speed 600.
    assert time.monotonic() - started >= 0.5


SERVICES = [sts, s3, secrets_manager, ec2, rds, elasticache, iam, cloudwatch, ecr, slack]

if __name__ == "__main__":
    chosen = {"services": SERVICES, "beanstalk": [beanstalk], "faults": [faults]}[sys.argv[1]]
    for part in chosen:
        part()
        print(f"{part.__name__}: ok", flush=True)
