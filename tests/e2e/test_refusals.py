"""What AWS would refuse is said by `weir validate`, at the place in the file; beside each wrong value stands the nearest right one, which passes."""

import copy
import json
import re

import pytest

ROLE, ACCOUNT = "arn:aws:iam::000000000000:role/r", "000000000000"
QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"
TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "glue.amazonaws.com"}, "Action": "sts:AssumeRole"}]}


def policy(length):
    """A document of so many characters, blanks not counted."""
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::"}]}
    missing = length - len(json.dumps(document, separators=(",", ":")))
    document["Statement"][0]["Resource"] += "b" * missing
    return document


def trust(length):
    document = copy.deepcopy(TRUST)
    document["Statement"][0]["Sid"] = "s" * (length - len(json.dumps({**TRUST, "Statement": [{**TRUST["Statement"][0], "Sid": ""}]}, separators=(",", ":"))))
    return document


ROLES = {"type": "aws.iam.role", "name": "r", "assume_role_policy": TRUST}
FUNCTION = {"type": "aws.lambda.function", "name": "f", "role": ROLE, "runtime": "python3.13", "handler": "m.h", "code": {"s3_bucket": "bucket", "s3_key": "k"}}
IMAGE = {"type": "aws.lambda.function", "name": "f", "role": ROLE, "package_type": "Image", "code": {"image_uri": "i"}}
MAPPING = {"type": "aws.lambda.event_source_mapping", "function": "f", "event_source": QUEUE + ".fifo"}
STREAM = {"type": "aws.firehose.delivery_stream", "name": "d"}
PLACE = {"bucket": "arn:aws:s3:::bucket", "role": ROLE}
PARQUET = {"database": "d", "table": "t", "role": ROLE, "json": {}, "parquet": {}}
TOPIC = {"type": "aws.sns.subscription", "topic": f"arn:aws:sns:us-east-1:{ACCOUNT}:t"}
RULE = {"type": "aws.events.rule", "name": "r", "schedule_expression": "rate(1 day)"}
SCHEDULE = {"type": "aws.scheduler.schedule", "name": "s", "target": {"arn": QUEUE, "role": ROLE}}
TABLE = {"type": "aws.dynamodb.table", "name": "table", "billing_mode": "PAY_PER_REQUEST", "attribute_definitions": {"id": "S"}, "key_schema": [{"attribute_name": "id", "key_type": "HASH"}]}
INDEX = {"key_schema": [{"attribute_name": "day", "key_type": "HASH"}], "projection": "ALL"}
LOCAL = {"key_schema": [{"attribute_name": "id", "key_type": "HASH"}, {"attribute_name": "day", "key_type": "RANGE"}], "projection": "ALL"}
JOB = {"type": "aws.batch.job_definition", "name": "j", "platform_capabilities": ["FARGATE"]}
BOX = {"image": "i", "execution_role": ROLE, "resources": {"VCPU": "0.25", "MEMORY": "512"}}
BUCKET = {"type": "aws.s3.bucket", "name": "bucket"}
LIFE = {"id": "a", "status": "Enabled", "filter": {}, "expiration": {"days": 90}}
GROUP = {"type": "aws.autoscaling.group", "name": "g", "min_size": 2, "max_size": 4, "launch_template": {"name": "t"}, "availability_zones": ["us-east-1a"]}
BROKERS = {"type": "aws.kafka.cluster", "name": "k", "kafka_version": "3.8.x", "instance_type": "kafka.t3.small"}
AIRFLOW = {"type": "aws.mwaa.environment", "name": "e", "execution_role": ROLE, "source_bucket": "arn:aws:s3:::bucket", "dag_s3_path": "dags", "security_group_ids": ["sg-1"]}
DATABASE = {"type": "aws.rds.instance", "name": "d", "engine": "postgres", "instance_class": "db.t4g.micro", "master_username": "ada", "manage_master_user_password": True, "allocated_storage": 20, "skip_final_snapshot": True}
WAREHOUSE = {"type": "aws.redshift.cluster", "name": "w", "node_type": "ra3.large", "master_username": "ada", "manage_master_password": True}
TASK, ONE = {"type": "aws.ecs.task_definition", "name": "f", "requires_compatibilities": ["FARGATE"], "network_mode": "awsvpc", "cpu": "256", "memory": "512"}, {"name": "a", "image": "i"}
LOGGED = {"log_driver": "awslogs", "log_options": {"awslogs-group": "g", "awslogs-region": "us-east-1"}}
ENDPOINT = {"type": "aws.ec2.vpc_endpoint", "vpc_id": "vpc-1"}
WORKGROUP = {"type": "aws.redshiftserverless.workgroup", "name": "wgr", "namespace": "n"}
FARGATE = {"type": "aws.batch.compute_environment", "name": "c", "kind": "FARGATE", "max_vcpus": 4, "subnets": ["subnet-1"], "security_group_ids": ["sg-1"]}


def target(**given):
    return {"t": {"arn": QUEUE, **given}}


def rules(*given):
    return [{**LIFE, **one} for one in given]


# what it is; the wrong attributes; the right ones; what is said
CASES = [
    (ROLES, {"policies": {"a": policy(6000), "b": policy(4241)}}, {"policies": {"a": policy(6000), "b": policy(4240)}}, "10,240 characters together"),
    (ROLES, {"assume_role_policy": trust(8193)}, {"assume_role_policy": trust(8192)}, "a trust policy has at most 8,192 characters"),
    ({"type": "aws.iam.user", "name": "u"}, {"policies": {"a": policy(2049)}}, {"policies": {"a": policy(2048)}}, "2,048 characters together"),
    ({"type": "aws.iam.group", "name": "g"}, {"policies": {"a": policy(5121)}}, {"policies": {"a": policy(5120)}}, "5,120 characters together"),
    ({"type": "aws.iam.policy", "name": "p"}, {"policy": policy(6145)}, {"policy": policy(6144)}, "at most 6,144 characters"),
    ({"type": "aws.iam.policy", "name": "p"}, {"policy": json.dumps(policy(6145), indent=4)}, {"policy": json.dumps(policy(6144), indent=4)}, "at most 6,144 characters"),
    (FUNCTION, {"environment": {"AWS_REGION": "x"}}, {"environment": {"MY_REGION": "x"}}, "Lambda reserves this variable"),
    (FUNCTION, {"environment": {"A": "x"}}, {"environment": {"AB": "x"}}, "begins with a letter and has at least two"),
    (FUNCTION, {"environment": {"AB": "x" * 4088}}, {"environment": {"AB": "x" * 4087}}, "have at most 4 KB"),
    (FUNCTION, {"handler": None}, {}, "needs runtime and handler"),
    (FUNCTION, {"code": {"s3_bucket": "bucket"}}, {}, "needs s3_key together"),
    (IMAGE, {"handler": "m.h"}, {}, "a function with a container image has no runtime, handler"),
    (IMAGE, {"package_type": "Zip"}, {}, "image_uri is for package_type Image"),
    (FUNCTION, {"architectures": ["x86_64", "arm64"]}, {"architectures": ["arm64"]}, "one architecture"),
    (MAPPING, {"batch_size": 11, "maximum_batching_window_in_seconds": 0}, {"batch_size": 10}, "batch_size of a FIFO queue is at most 10"),
    (MAPPING, {"maximum_batching_window_in_seconds": 5}, {"maximum_batching_window_in_seconds": 0}, "a FIFO queue has no batching window"),
    (STREAM, {"s3": {**PLACE, "buffer_size": 63, "conversion": PARQUET}}, {"s3": {**PLACE, "buffer_size": 64, "conversion": PARQUET}}, "with conversion buffer_size is"),
    (STREAM, {"s3": {**PLACE, "compression": "GZIP", "conversion": PARQUET}}, {"s3": {**PLACE, "compression": "GZIP", "conversion": {**PARQUET, "enabled": False}}}, "with conversion the compression is set in parquet or orc"),
    (STREAM, {"s3": {**PLACE, "buffer_size": 5, "dynamic_partitioning": {}}}, {"s3": {**PLACE, "buffer_size": 64, "dynamic_partitioning": {}}}, "with dynamic_partitioning buffer_size is"),
    (TOPIC, {"protocol": "email", "endpoint": "nobody"}, {"protocol": "email", "endpoint": "nobody@example.com"}, "the endpoint of protocol email is an email address"),
    (TOPIC, {"protocol": "https", "endpoint": "http://x.example"}, {"protocol": "http", "endpoint": "http://x.example"}, "begins with https://"),
    (TOPIC, {"protocol": "sqs", "endpoint": "https://sqs.example/q"}, {"protocol": "sqs", "endpoint": QUEUE}, "the ARN of the queue, not its URL"),
    (TOPIC, {"protocol": "email", "endpoint": "a@b.c", "raw_message_delivery": True}, {"protocol": "sqs", "endpoint": QUEUE, "raw_message_delivery": True}, "raw_message_delivery is for"),
    ({"type": "aws.sns.topic"}, {"name": "t", "fifo": True}, {"name": "t.fifo", "fifo": True}, "the name of a FIFO topic ends with .fifo"),
    ({"type": "aws.sns.topic"}, {"name": "t.fifo"}, {"name": "t"}, "needs fifo: true"),
    ({"type": "aws.sns.topic"}, {"name": "t", "content_based_deduplication": True}, {"name": "t.fifo", "fifo": True, "content_based_deduplication": True}, "is for FIFO topics"),
    ({"type": "aws.sns.topic"}, {"name": "t", "fifo_throughput_scope": "Topic"}, {"name": "t.fifo", "fifo": True, "fifo_throughput_scope": "Topic"}, "is for FIFO topics"),
    ({"type": "aws.sqs.queue"}, {"name": "q", "content_based_deduplication": True}, {"name": "q.fifo", "fifo": True, "content_based_deduplication": True}, "is for FIFO queues"),
    ({"type": "aws.sqs.queue", "name": "q"}, {"redrive_policy": {"deadLetterTargetArn": QUEUE}}, {"redrive_policy": {"deadLetterTargetArn": QUEUE, "maxReceiveCount": 1000}}, "needs deadLetterTargetArn and maxReceiveCount"),
    ({"type": "aws.sqs.queue", "name": "q"}, {"redrive_policy": {"deadLetterTargetArn": QUEUE, "maxReceiveCount": 1001}}, {"redrive_policy": json.dumps({"deadLetterTargetArn": QUEUE, "maxReceiveCount": "1000"})}, "maxReceiveCount is 1 to 1000"),
    ({"type": "aws.sqs.queue", "name": "q"}, {"redrive_policy": {"deadLetterTargetArn": QUEUE + ".fifo", "maxReceiveCount": 3}}, {"redrive_policy": {"deadLetterTargetArn": QUEUE, "maxReceiveCount": 3}}, "must be a standard queue"),
    ({"type": "aws.sqs.queue", "name": "q.fifo", "fifo": True}, {"redrive_policy": {"deadLetterTargetArn": QUEUE, "maxReceiveCount": 3}}, {"redrive_policy": {"deadLetterTargetArn": QUEUE + ".fifo", "maxReceiveCount": 3}}, "must be a FIFO queue"),
    ({"type": "aws.kms.alias", "key": "k"}, {"name": "alias/aws/lake"}, {"name": "alias/awslake"}, "does not match"),
    ({"type": "aws.kms.key"}, {"key_usage": "SIGN_VERIFY"}, {"key_spec": "RSA_2048", "key_usage": "SIGN_VERIFY"}, "SYMMETRIC_DEFAULT needs key_usage ENCRYPT_DECRYPT"),
    ({"type": "aws.kms.key"}, {"key_spec": "RSA_2048", "rotation": True}, {"rotation": True}, "rotation needs key_spec SYMMETRIC_DEFAULT"),
    (WAREHOUSE, {"db_name": "Dev"}, {"db_name": "dev"}, "does not match"),
    (WAREHOUSE, {"name": "two--hyphens"}, {"name": "one-hyphen"}, "does not match"),
    (WAREHOUSE, {"master_username": "Ada"}, {}, "does not match"),
    (WAREHOUSE, {"db_name": "user"}, {"db_name": "users"}, "a reserved word in Redshift"),
    (WAREHOUSE, {"master_username": "system"}, {"master_username": "admin"}, "a reserved word in Redshift"),
    ({"type": "aws.redshiftserverless.namespace", "name": "nsp"}, {"db_name": "default"}, {"db_name": "lake"}, "a reserved word in Redshift"),
    (TASK, {"containers": [{**ONE, **LOGGED}]}, {"containers": [{**ONE, **LOGGED}], "execution_role": ROLE}, "awslogs needs an execution_role"),
    (TASK, {"containers": [{**ONE, "image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/i"}]}, {"containers": [{**ONE, "image": "public.ecr.aws/i"}]}, "an image of ECR needs an execution_role"),
    (TASK, {"containers": [{**ONE, "secrets": {"A": "arn"}}]}, {"containers": [{**ONE, "secrets": {"A": "arn"}}], "execution_role": ROLE}, "secrets need an execution_role"),
    (WAREHOUSE, {"preferred_maintenance_window": "monday"}, {"preferred_maintenance_window": "Mon:03:00-mon:03:30"}, "does not match"),
    (WORKGROUP, {"base_capacity": 10}, {"base_capacity": 16}, "base_capacity is 4, or 8 to 512"),
    (WORKGROUP, {"base_capacity": 520}, {"base_capacity": 544}, "a multiple of 32"),
    (WORKGROUP, {"base_capacity": 64, "max_capacity": 32}, {"base_capacity": 64, "max_capacity": 64}, "max_capacity must be at least base_capacity"),
    ({"type": "aws.events.rule", "name": "r"}, {"targets": {}}, {"schedule_expression": "rate(1 day)"}, "needs event_pattern or schedule_expression"),
    (RULE, {"schedule_expression": "rate(1 days)"}, {"schedule_expression": "rate(2 days)"}, "of 1 minute, 1 hour or 1 day"),
    (RULE, {"schedule_expression": "cron(0 2 * * * *)"}, {"schedule_expression": "cron(0 2 ? * MON-FRI *)"}, "of the two days one is ?"),
    (RULE, {"schedule_expression": "cron(0 2 * * ?)"}, {"schedule_expression": "cron(0 2 * * ? *)"}, "cron has six fields"),
    (RULE, {"schedule_expression": "at(2030-01-01T00:00:00)"}, {}, "a schedule is rate(1 day) or cron"),
    (SCHEDULE, {"schedule_expression": "at(2030-01-01)"}, {"schedule_expression": "at(2030-01-01T00:00:00)"}, "at is a time without a zone"),
    (SCHEDULE, {"schedule_expression": "rate(5 weeks)"}, {"schedule_expression": "rate(5 days)"}, "rate is of minutes, hours or days"),
    (RULE, {"event_bus": "orders"}, {"event_bus": "default"}, "needs the default event bus"),
    (RULE, {"targets": target(arn=QUEUE + ".fifo")}, {"targets": target(arn=QUEUE + ".fifo", sqs_message_group_id="g")}, "needs sqs_message_group_id"),
    (RULE, {"targets": target(arn=f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:m")}, {"targets": target(arn=f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:m", role=ROLE)}, "this target needs role"),
    (RULE, {"targets": target(input={"a": 1}, input_path="$.detail")}, {"targets": target(input={"a": 1})}, "only one of input"),
    (RULE, {"targets": {f"t{n}": {"arn": QUEUE} for n in range(6)}}, {"targets": {f"t{n}": {"arn": QUEUE} for n in range(5)}}, "five targets at most"),
    (JOB, {"container": {**BOX, "execution_role": None}}, {"container": BOX}, "Fargate needs an execution_role"),
    (JOB, {"container": {**BOX, "resources": {"VCPU": "0.3", "MEMORY": "512"}}}, {"container": BOX}, "Fargate has VCPU 0.25"),
    (JOB, {"container": {**BOX, "resources": {"VCPU": "0.25", "MEMORY": "4096"}}}, {"container": {**BOX, "resources": {"VCPU": "0.5", "MEMORY": "4096"}}}, "for VCPU 0.25 Fargate has MEMORY"),
    (JOB, {"container": {**BOX, "resources": {**BOX["resources"], "DISK": "1"}}}, {"container": BOX}, "VCPU, MEMORY and GPU"),
    (FARGATE, {"instance_types": ["m5.large"]}, {}, "Fargate has no instance_types"),
    (FARGATE, {"security_group_ids": None}, {}, "Fargate needs security_group_ids"),
    (TABLE, {"attribute_definitions": {"id": "S", "b": "S"}}, {}, "no key uses this one"),
    (TABLE, {"attribute_definitions": {"b": "S"}}, {}, "attribute_definitions does not define this attribute"),
    (TABLE, {"attribute_definitions": {"id": "String"}}, {"attribute_definitions": {"id": "B"}}, "S (string), N (number) or B (binary)"),
    (TABLE, {"key_schema": [{"attribute_name": "id", "key_type": "RANGE"}]}, {}, "a key has a HASH attribute"),
    (TABLE, {"read_capacity": 1, "write_capacity": 1}, {"billing_mode": "PROVISIONED", "read_capacity": 1, "write_capacity": 1}, "PAY_PER_REQUEST has no capacity"),
    (TABLE, {"billing_mode": None}, {"billing_mode": None, "read_capacity": 1, "write_capacity": 1}, "PROVISIONED needs read_capacity"),
    (TABLE, {"global_secondary_indexes": {"days": INDEX}}, {"attribute_definitions": {"id": "S", "day": "S"}, "global_secondary_indexes": {"days": INDEX}}, "attribute_definitions does not define this attribute"),
    (TABLE, {"attribute_definitions": {"id": "S", "day": "S"}, "local_secondary_indexes": {"days": LOCAL}}, {"attribute_definitions": {"id": "S", "day": "S", "at": "N"}, "key_schema": TABLE["key_schema"] + [{"attribute_name": "at", "key_type": "RANGE"}], "local_secondary_indexes": {"days": LOCAL}}, "has a RANGE attribute in its own key"),
    (GROUP, {"max_size": 1}, {"max_size": 2}, "max_size is not below min_size"),
    (GROUP, {"desired_capacity": 5}, {"desired_capacity": 4}, "desired_capacity is not above max_size"),
    ({"type": "aws.elbv2.load_balancer", "subnets": ["subnet-1", "subnet-2"]}, {"name": "internal-x"}, {"name": "internal"}, "does not match"),
    (BROKERS, {"number_of_broker_nodes": 2, "client_subnets": ["a", "b", "c"]}, {"number_of_broker_nodes": 6, "client_subnets": ["a", "b", "c"]}, "a multiple of the number of client_subnets"),
    (BROKERS, {"number_of_broker_nodes": 2, "client_subnets": ["a"]}, {"number_of_broker_nodes": 2, "client_subnets": ["a", "b"]}, "one in each Availability Zone"),
    (AIRFLOW, {"subnet_ids": ["subnet-1"]}, {"subnet_ids": ["subnet-1", "subnet-2"]}, "wanted 2 items, got 1"),
    (AIRFLOW, {"subnet_ids": ["subnet-1", "subnet-2"], "min_workers": 3, "max_workers": 2}, {"subnet_ids": ["subnet-1", "subnet-2"], "min_workers": 2, "max_workers": 2}, "max_workers must be at least min_workers"),
    (DATABASE, {"monitoring_interval": 60}, {"monitoring_interval": 60, "monitoring_role": ROLE}, "monitoring_interval needs monitoring_role"),
    (DATABASE, {"allocated_storage": 19}, {"allocated_storage": 5, "storage_type": "standard"}, "allocated_storage of gp2 and gp3 is at least 20 GiB"),
    (DATABASE, {"allocated_storage": 4, "storage_type": "standard"}, {"allocated_storage": 3072, "storage_type": "standard"}, "allocated_storage of magnetic storage is 5 to 3072 GiB"),
    (DATABASE, {"allocated_storage": 3073, "storage_type": "standard"}, {"allocated_storage": 5, "storage_type": "standard"}, "allocated_storage of magnetic storage is 5 to 3072 GiB"),
    (DATABASE, {"allocated_storage": 99, "storage_type": "io1", "iops": 1000}, {"allocated_storage": 100, "storage_type": "io1", "iops": 1000}, "allocated_storage of io1 and io2 is at least 100 GiB"),
    (DATABASE, {"max_allocated_storage": 19}, {"max_allocated_storage": 100}, "max_allocated_storage must be at least"),
    (DATABASE, {"preferred_backup_window": "3:00-4:00"}, {"preferred_backup_window": "03:00-04:00"}, "does not match"),
    ({"type": "aws.ec2.security_group", "description": "x"}, {"name": "sg-x"}, {"name": "x-sg-"}, "does not match"),
    ({"type": "aws.ec2.vpc"}, {"cidr_block": "10.0.0.0/8"}, {"cidr_block": "10.0.0.0/16"}, "/16 to /28"),
    ({"type": "aws.ec2.subnet", "vpc_id": "vpc-1"}, {"cidr_block": "10.0.0.0/29"}, {"cidr_block": "10.0.0.0/28"}, "/16 to /28"),
    (ENDPOINT, {"service_name": "com.amazonaws.us-east-1.glue"}, {"service_name": "com.amazonaws.us-east-1.s3"}, "endpoints of the type Gateway"),
    (ENDPOINT, {"service_name": "com.amazonaws.us-east-1.glue", "vpc_endpoint_type": "Interface", "route_table_ids": ["rtb-1"]}, {"service_name": "com.amazonaws.us-east-1.glue", "vpc_endpoint_type": "Interface"}, "route_table_ids are for endpoints"),
    (BUCKET, {"name": "xn--bucket"}, {"name": "xn-bucket"}, "S3 reserves bucket names"),
    (BUCKET, {"name": "bucket-s3alias"}, {"name": "bucket-s3aliases"}, "S3 reserves bucket names"),
    (BUCKET, {"name": "10.0.0.1"}, {"name": "10.0.0.1a"}, "must not be an IP address"),
    (BUCKET, {"name": "two..dots"}, {"name": "two.dots.x"}, "two dots in a row"),
    (BUCKET, {"encryption": {"algorithm": "AES256", "kms_key": "k"}}, {"encryption": {"algorithm": "aws:kms", "kms_key": "k"}}, "kms_key needs algorithm aws:kms"),
    (BUCKET, {"lifecycle_rules": rules({}, {})}, {"lifecycle_rules": rules({}, {"id": "b", "filter": {"prefix": "x/"}})}, "two rules have the same id"),
    (BUCKET, {"lifecycle_rules": rules({"expiration": None})}, {"lifecycle_rules": rules({})}, "a rule needs an action"),
    (BUCKET, {"lifecycle_rules": rules({"filter": {"prefix": "a", "tag": {"key": "k", "value": "v"}}})}, {"lifecycle_rules": rules({"filter": {"and": {"prefix": "a", "tags": {"k": "v"}}}})}, "a filter has one condition"),
    (BUCKET, {"lifecycle_rules": rules({"transitions": [{"days": 90, "storage_class": "GLACIER"}]})}, {"lifecycle_rules": rules({"transitions": [{"days": 89, "storage_class": "GLACIER"}]})}, "later than their last transition"),
    (BUCKET, {"lifecycle_rules": rules({"transitions": [{"days": 29, "storage_class": "STANDARD_IA"}]})}, {"lifecycle_rules": rules({"transitions": [{"days": 30, "storage_class": "STANDARD_IA"}]})}, "needs at least 30 days"),
    (BUCKET, {"lifecycle_rules": rules({"transitions": [{"days": 1, "storage_class": "GLACIAL"}]})}, {"lifecycle_rules": rules({"transitions": [{"days": 1, "storage_class": "GLACIER"}]})}, "is not one of"),
    (BUCKET, {"lifecycle_rules": rules({"expiration": {"days": 1, "date": "2030-01-01T00:00:00Z"}})}, {"lifecycle_rules": rules({"expiration": {"date": "2030-01-01T00:00:00Z"}})}, "set only one of days"),
    (BUCKET, {"tags": {"aws:x": "1"}}, {"tags": {"aws-x": "1"}}, "does not begin with aws:"),
    (BUCKET, {"tags": {f"k{n}": "1" for n in range(51)}}, {"tags": {f"k{n}": "1" for n in range(50)}}, "50 tags at most"),
    (BUCKET, {"cors": [{"allowed_methods": ["PATCH"], "allowed_origins": ["*"]}]}, {"cors": [{"allowed_methods": ["PUT"], "allowed_origins": ["*"]}]}, "is not one of"),
]


def whole(base, change):
    return {key: value for key, value in {**base, **change}.items() if value is not None}


def written(resources):
    """A resource a line: a line's number tells which it is."""
    return "stack: refusals\nresources:\n" + "".join(f"  it{n}: {json.dumps(one)}\n" for n, one in enumerate(resources))


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """By case. What a value is by itself is said when the file is read, the rest only where that is right; and beyond a hundred diagnostics are counted."""
    from support import Stack

    stack = Stack(tmp_path_factory.mktemp("refusals"))
    plain = [case for case in CASES if case[3] in ("does not match", "is not one of") or case[3].startswith("wanted")]
    others = [case for case in CASES if case not in plain]
    blocks = {}
    for cases in (plain, others[:60], others[60:]):
        stack.write(written(whole(base, wrong) for base, wrong, _, _ in cases))
        every = re.split(r"^(?:error|warning): ", stack.run("validate", status=3).err, flags=re.M)
        for line, case in enumerate(cases, 3):
            blocks[id(case)] = [block for block in every if f"weir.yaml:{line}:" in block and "would be the same" not in block]  # all have one name
    return blocks


@pytest.mark.parametrize("case", CASES, ids=[f"{case[0]['type'][4:]}-{case[3][:24]}" for case in CASES])
def test_what_is_refused(said, case):
    mine = said[id(case)]
    assert mine and all(case[3] in words for words in mine), mine


def test_the_nearest_right_values_pass(stack):
    rounds = {}  # one of each type at a time: they have the same names
    for base, _, right, _ in CASES:
        resource = whole(base, right)
        rounds.setdefault(resource["type"], []).append(resource)
    for at in range(max(map(len, rounds.values()))):
        stack.write(written(resources[at] for resources in rounds.values() if at < len(resources)))
        assert "error" not in stack.run("validate").err


def test_the_place_is_the_item(stack):
    stack.write("""
stack: refusals
resources:
  f:
    type: aws.lambda.function
    name: f
    role: arn:aws:iam::000000000000:role/r
    runtime: python3.13
    handler: m.h
    code: {s3_bucket: bucket, s3_key: k}
    environment:
      SOME: x
      AWS_REGION: x
  b:
    type: aws.s3.bucket
    name: some-bucket
    lifecycle_rules:
      - {id: one, status: Enabled, filter: {}, expiration: {days: 9}}
      - id: two
        status: Enabled
        filter: {}
        transitions:
          - {days: 60, storage_class: GLACIER}
          - {days: 1, storage_class: STANDARD_IA}
""")
    said = stack.run("validate", status=3).err
    assert "weir.yaml:13:7" in said and "weir.yaml:24:20" in said, said


def test_what_is_not_known_yet_passes(stack):
    stack.write("""
stack: refusals
resources:
  key: {type: aws.kms.key}
  group: {type: aws.ec2.security_group, name: g, description: d}
  f:
    type: aws.lambda.function
    name: f
    role: arn:aws:iam::000000000000:role/r
    runtime: python3.13
    handler: m.h
    code: {s3_bucket: bucket, s3_key: k}
    environment: {KEY: "${key.key_id}", TEXT: "${group.group_id}"}
  dead: {type: aws.sqs.queue, name: "${group.group_id}"}
  q: {type: aws.sqs.queue, name: q, redrive_policy: {deadLetterTargetArn: "${dead.arn}", maxReceiveCount: 3}}
  mail: {type: aws.sns.subscription, topic: "arn:aws:sns:us-east-1:000000000000:t", protocol: email, endpoint: "${group.group_id}"}
""")
    stack.run("validate")


def test_actions_that_there_are_none_of(stack):
    """A misspelt action allows nothing: a warning, with the nearest name. Case does not matter, and a star has to fit something."""
    stack.write("""
stack: refusals
resources:
  r:
    type: aws.iam.role
    name: r
    assume_role_policy: ${trust("glue.amazonaws.com")}
    policies:
      a:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Action: ["s3:GetObject", "S3:getobject", "s3:Get*", "s3:*", "*", "glue:BatchGet?obs"]
            Resource: "*"
          - Effect: Allow
            Action: ["s3:GetObject", "s3:GetObjects", "s3:Gett*"]
            Resource: "*"
          - {Effect: Deny, NotAction: "glu:StartJob", Resource: "*"}
      b: ${allow(["sqs:SendMesage"], ["*"])}
""")
    said = stack.run("validate").err
    assert said.count("warning: ") == 4 and "error: " not in said, said
    for words in ("weir.yaml:16:38", 'did you mean "s3:GetObject"?', '"s3:Gett*" is not an action', "weir.yaml:18:39", 'did you mean "glue:StartJobRun"?', 'did you mean "sqs:SendMessage"?'):
        assert words in said, said
