"""What values ask of each other is said before anything is called, at the attribute; the sandbox refuses the same of boto3."""

import re

import pytest
from botocore.exceptions import ClientError

HEAD = "stack: demands\nresources:\n  it:\n    type: "
QUEUE, STREAM = "arn:aws:sqs:us-east-1:000000000000:q", "arn:aws:kinesis:us-east-1:000000000000:stream/s"
DATABASE = "aws.rds.instance, name: d, engine: postgres, instance_class: db.t4g.micro, manage_master_user_password: true, skip_final_snapshot: true"
TASK = "aws.ecs.task_definition, name: f, requires_compatibilities: [FARGATE], containers: [{name: a, image: b}]"
BUCKET = "{bucket: 'arn:aws:s3:::lake', role: 'arn:aws:iam::123456789012:role/r'}"
WRONG = [
    ("aws.apigatewayv2.api, name: a, protocol_type: WEBSOCKET, route_selection_expression: $request.body.action, cors: {max_age: 60}", "cors is for HTTP APIs"),
    ("aws.apigatewayv2.api, name: a, protocol_type: WEBSOCKET", "a WEBSOCKET API needs route_selection_expression"),
    ("aws.dynamodb.table, name: films, attribute_definitions: {id: S}, key_schema: [{attribute_name: id, key_type: HASH}], read_capacity: 5", "PROVISIONED needs read_capacity and write_capacity"),
    ("aws.ec2.instance, image_id: ami-12345678, instance_type: t4g.micro, instance_profile: workers", "instance_profile of a new instance is an ARN"),
    ("aws.ec2.launch_template, name: workers, instance_profile: workers", "instance_profile is an ARN"),
    ("aws.firehose.delivery_stream, name: d", "a Firehose stream needs a destination"),
    (f"aws.firehose.delivery_stream, name: d, s3: {BUCKET}, http_endpoint: {{url: 'https://a.example', s3: {BUCKET}}}", "a Firehose stream has one destination"),
    ("aws.glue.job, name: j, role: r, command: {name: pythonshell, script_location: 's3://a/b'}, worker_type: G.1X, number_of_workers: 2", "a Python shell job has no workers"),
    ("aws.glue.job, name: j, role: r, command: {name: pythonshell, script_location: 's3://a/b'}, max_capacity: 2", "max_capacity of a Python shell job is 0.0625 or 1"),
    ("aws.glue.job, name: j, role: r, command: {name: glueetl, script_location: 's3://a/b'}, worker_type: G.1X, number_of_workers: 1", "a Spark job needs at least two workers"),
    (f"aws.lambda.event_source_mapping, function: f, event_source: '{QUEUE}', batch_size: 100", "a batch_size above 10 for an SQS queue needs maximum_batching_window_in_seconds"),
    (f"aws.lambda.event_source_mapping, function: f, event_source: '{STREAM}'", "a stream needs starting_position"),
    (f"aws.lambda.event_source_mapping, function: f, event_source: '{QUEUE}', starting_position: LATEST", "starting_position is for streams"),
    (f"{DATABASE}, master_username: admin, allocated_storage: 20", "RDS for PostgreSQL reserves this master_username"),
    (f"{DATABASE}, master_username: ada, allocated_storage: 20, db_name: my-db", "db_name of PostgreSQL begins with a letter"),
    ("aws.redshift.cluster, name: c, node_type: ra3.large, master_username: ada, manage_master_password: true, number_of_nodes: 2", "cluster_type single-node has one node"),
    ("aws.redshift.cluster, name: c, node_type: ra3.large, master_username: ada, manage_master_password: true, cluster_type: multi-node, number_of_nodes: 1", "cluster_type multi-node needs at least two nodes"),
    (f"{TASK}, network_mode: awsvpc, cpu: '256', memory: '4096'", "for cpu 256 Fargate has memory 512, 1024 or 2048"),
    (f"{TASK}, network_mode: awsvpc, cpu: '300', memory: '512'", "Fargate has cpu 256, 512"),
    (f"{TASK}, network_mode: bridge, cpu: '256', memory: '512'", "Fargate needs network_mode awsvpc"),
    ("aws.secretsmanager.secret, name: s, rotation_rules: {days: 30}", "rotation_function and rotation_rules of a new secret need rotation: true"),
    ("aws.scheduler.schedule, name: s, schedule_expression: rate(1 day), flexible_time_window: {mode: FLEXIBLE}, target: {arn: 'arn:aws:sqs:us-east-1:123456789012:q', role: 'arn:aws:iam::123456789012:role/r'}", "mode FLEXIBLE needs maximum_window_in_minutes"),
    ("aws.cloudwatch.alarm, name: a, namespace: n, metric_name: m, period: 60, evaluation_periods: 1, threshold: 1, comparison_operator: GreaterThanThreshold", "a metric needs statistic or extended_statistic"),
    ("aws.cloudwatch.alarm, name: a, namespace: n, metric_name: m, statistic: Sum, period: 90, evaluation_periods: 1, threshold: 1, comparison_operator: GreaterThanThreshold", "a period of a minute or more is a multiple of 60"),
    ("aws.cloudwatch.alarm, name: a, namespace: n, metric_name: m, statistic: Sum, period: 45, evaluation_periods: 1, threshold: 1, comparison_operator: GreaterThanThreshold", "a period below a minute is"),
]


@pytest.mark.parametrize("given, words", WRONG, ids=[words[:30] for _, words in WRONG])
def test_wrong(stack, given, words):
    kind, *rest = given.split(", ", 1)
    stack.write("stack: demands\nresources:\n  it: {type: " + given + "}\n")
    said = stack.run("validate", status=3).err
    assert f"it: {words}" in said and "weir.yaml:3:" in said, said


@pytest.mark.parametrize("two", ["generate: {length: 20}, secret_binary: aGk=", "generate: {length: 20}, secret_string: a", "secret_string: a, secret_binary: aGk="])
def test_a_secret_has_one_value(stack, two):
    """Of two values one would be dropped in silence."""
    stack.write("stack: demands\nresources:\n  it: {type: aws.secretsmanager.secret, name: s, " + two + "}\n")
    said = stack.run("validate", status=3).err
    assert re.fullmatch(r'error: "\w+" and "\w+" exclude each other', said.splitlines()[0]), said


def test_what_is_not_known_yet_passes(stack):
    stack.write("""
stack: demands
resources:
  queue: {type: aws.sqs.queue, name: q}
  reads: {type: aws.lambda.event_source_mapping, function: f, event_source: "${queue.arn}", batch_size: 10}
""")
    stack.run("validate")


MANY = """stack: demands
resources:
  a:
    type: aws.rds.instance
    name: d
    engine: postgres
    instance_class: db.t4g.micro
    manage_master_user_password: true
    storage_encrypted: perhaps
    master_username: admin
    allocated_storage: 5
  b:
    type: aws.sqs.queue
    name: ${a.nothing}
    visibility_timeout: 99999
  c:
    type: aws.lambda.event_source_mapping
    function: ${1 +}
    event_source: arn:aws:sqs:us-east-1:123456789012:q
    parallelization_factor: 3
    starting_position: LATEST
    batch_size: 11
    maximum_batching_windows: 5
  d:
    type: aws.events.rule
    name: r
    schedule_expression: rate(1 day)
    targets:
      a: {arn: "arn:aws:sqs:us-east-1:123456789012:q.fifo"}
      b: {arn: "arn:aws:sqs:us-east-1:123456789012:q.fifo"}
  e: {type: aws.logs.group, name: g, retention_in_days: 3}
  f: {type: aws.glue.trigger, trigger_type: SCHEDULED, actions: [{job_name: j}]}
  g: {type: aws.sqs.queue, name: "${locals.none}-${locals.broken}-${e.arn}", visibility_timeout: "${40000 + 4000}"}
locals:
  none: ${nothing.here}
  broken: ${1 +}
outputs:
  port: ${none.arn}
"""


@pytest.mark.parametrize("command", ["validate", "plan"])
def test_no_mistake_hides_another(stack, command):
    """What may be the misspelt key is not missed, and what is wrong is wrong once."""
    stack.write(MANY)
    said = stack.run(command, status=3).err
    told = [(int(line), words) for words, line in re.findall(r"^error: (.*)\n +--> weir.yaml:(\d+):", said, re.MULTILINE)]
    expected = [
        (9, '"storage_encrypted": expected a boolean'),
        (10, "a: RDS for PostgreSQL reserves this"),
        (14, 'no attribute "nothing"'),
        (15, "out of range"),
        (18, "expected a value"),
        (20, "c: this attribute is for streams"),
        (21, "c: starting_position is for streams"),
        (23, 'has no attribute "maximum_batching_windows"'),
        (29, "d: a FIFO queue"),
        (30, "d: a FIFO queue"),
        (31, 'unknown resource type'),
        (32, 'aws.glue.trigger needs "name"'),
        (32, "f: a SCHEDULED trigger needs a schedule"),
        (33, "44000 is out of range"),
        (35, "nothing"),
        (36, "expected a value"),
        (38, "none"),
    ]
    assert "warning: a: allocated_storage of gp2 and gp3" in said, said
    assert len(told) == len(expected) and all(line == at and part in words for (line, words), (at, part) in zip(told, expected, strict=True)), said


def test_one_subnet_may_be_enough(stack, fast_sandbox):
    """Of an application load balancer in a local zone or on an Outpost, as CreateLoadBalancer's documentation says: only the service knows."""
    stack.write("stack: demands\nresources:\n  it: {type: aws.elbv2.load_balancer, name: b, subnets: [subnet-1]}\n").run("validate")
    ec2 = fast_sandbox.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    with pytest.raises(ClientError, match="At least two subnets in two different Availability Zones must be specified"):
        fast_sandbox.client("elbv2").create_load_balancer(Name="b", Subnets=[subnet])


def test_the_sandbox_refuses_them(fast_sandbox):
    sandbox = fast_sandbox
    role = sandbox.client("iam").create_role(RoleName="demands", AssumeRolePolicyDocument='{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"glue.amazonaws.com"},"Action":"sts:AssumeRole"}}')["Role"]["Arn"]
    with pytest.raises(ClientError, match="a Python shell job has no workers"):
        sandbox.client("glue").create_job(Name="j", Role=role, Command={"Name": "pythonshell", "ScriptLocation": "s3://a/b"}, WorkerType="G.1X", NumberOfWorkers=2)
    with pytest.raises(ClientError, match="excludes"):
        sandbox.client("glue").create_job(Name="j", Role=role, Command={"Name": "glueetl", "ScriptLocation": "s3://a/b"}, WorkerType="G.1X", NumberOfWorkers=2, MaxCapacity=2)
    with pytest.raises(ClientError, match="for cpu 256 Fargate has memory 512, 1024 or 2048"):
        sandbox.client("ecs").register_task_definition(family="x", requiresCompatibilities=["FARGATE"], networkMode="awsvpc", cpu="256", memory="4096", containerDefinitions=[{"name": "a", "image": "b"}])
