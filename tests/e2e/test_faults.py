"""Bad networks and bad servers: a clear message, status 1, no crash, nothing lost, nothing done twice."""

import json
import re
import socket
import textwrap

import pytest

BUCKET = "stack: faults\nresources: {lake: {type: aws.s3.bucket, name: fault-lake}}\n"
ROLE = """
    stack: faults
    resources: {role: {type: aws.iam.role, name: fault-role, assume_role_policy: '${trust("glue.amazonaws.com")}'}}
"""
JOB = """
    stack: faults
    resources: {job: {type: aws.glue.job, name: fault-job, role: some-role, command: {name: glueetl, script_location: "s3://x/y.py"}}}
"""
STACKS = {"s3": ("lake", BUCKET), "iam": ("role", ROLE), "glue": ("job", JOB)}
# With the account's number given nobody has to be asked for it, so the first request is the one that creates.
ACCOUNT_KNOWN = '\nproviders: {aws: {account_id: "123456789012"}}\n'


@pytest.fixture
def stack(stack):
    stack.env["WEIR_CLOCK_SPEED"] = "20"  # of pauses
    return stack


def test_no_credentials(stack):
    stack.write(BUCKET)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        del stack.env[name]
    result = stack.apply(status=1)
    assert "credentials" in result.err and "AWS_ACCESS_KEY_ID" in result.err
    stack.run("plan")  # all is new: nothing to read, so nothing to sign


def test_half_credentials(stack):
    stack.write(BUCKET)
    del stack.env["AWS_SECRET_ACCESS_KEY"]
    assert "AWS_SECRET_ACCESS_KEY" in stack.apply(status=1).err


def test_no_region(stack):
    del stack.env["AWS_REGION"], stack.env["AWS_ENDPOINT_URL"]
    stack.write(JOB)
    result = stack.apply(status=3)
    assert "region" in result.err and "AWS_REGION" in result.err


def test_unknown_region(stack):
    del stack.env["AWS_ENDPOINT_URL"]
    stack.env["AWS_REGION"] = "mars-central-1"
    stack.write(JOB)
    result = stack.apply(status=1)
    assert "mars-central-1" in result.err and "region" in result.err


@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidClientTokenId"])
def test_expired_credentials(stack, cloud, code):
    stack.write(ROLE)
    body = f"<ErrorResponse><Error><Code>{code}</Code><Message>The security token is no good</Message></Error><RequestId>r-77</RequestId></ErrorResponse>"
    cloud.fail({"match": ".*", "status": 403, "times": 99, "body": body})
    result = stack.apply(status=1)
    assert code in result.err and "credentials" in result.err
    assert stack.addresses() == []


def test_a_quota_that_is_used_up(stack, cloud):
    """A workshop's sixth VPC: what the service calls an error has a way out."""
    stack.write("stack: faults\nresources: {net: {type: aws.ec2.vpc, cidr_block: 10.0.0.0/16}}\n")
    body = "<Response><Errors><Error><Code>VpcLimitExceeded</Code><Message>The maximum number of VPCs has been reached.</Message></Error></Errors><RequestID>r-1</RequestID></Response>"
    cloud.fail({"match": "CreateVpc", "status": 400, "times": 9, "body": body})
    result = stack.apply(status=1)
    assert "The maximum number of VPCs has been reached" in result.err and "Service Quotas" in result.err and "another region" in result.err
    assert stack.addresses() == []


def test_unreachable_endpoint(stack):
    with socket.socket() as deaf:  # nobody else gets its port
        deaf.bind(("127.0.0.1", 0))
        port = deaf.getsockname()[1]
        stack.env["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{port}"
        stack.write(BUCKET)
        result = stack.apply(status=1)
    assert f"127.0.0.1:{port}" in result.err
    assert stack.addresses() == []


def test_unresolvable_endpoint(stack):
    stack.env["AWS_ENDPOINT_URL"] = "https://nowhere.invalid"
    stack.write(BUCKET)
    assert "nowhere.invalid" in stack.apply(status=1).err


def test_plain_http_only_to_loopback(stack):
    stack.env["AWS_ENDPOINT_URL"] = "http://192.0.2.1:9000"
    stack.write(BUCKET)
    result = stack.apply(status=None)
    assert result.status in (1, 3) and "192.0.2.1" in result.err and "insecure" in result.err


def test_bad_endpoint(stack):
    stack.env["AWS_ENDPOINT_URL"] = "not a url"
    stack.write(BUCKET)
    result = stack.apply(status=None)
    assert result.status in (1, 3) and "not a url" in result.err


ANSWERS = {
    "nothing": None,
    "garbage": b"\x00\x01\x02 hello\r\n\r\n",
    "HTML": b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 14\r\n\r\n<html>hi</html",
    "no XML": b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 8\r\n\r\nnot xml!",
    "no JSON": b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: 4\r\n\r\n{\"a\"",
    "other XML": b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n<a><b/></a>\r\n",
    "other JSON": b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[1, 2, 3]",
    "cut short": b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n<CreateRoleResponse>",
    "403 without a body": b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
    "404 with HTML": b"HTTP/1.1 404 Not Found\r\nContent-Length: 16\r\n\r\n<html>no</html>\n",
    "400 with no XML": b"HTTP/1.1 400 Bad Request\r\nContent-Length: 7\r\n\r\ngo away",
    "302": b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
    "endless header": b"HTTP/1.1 200 OK\r\nX: " + b"y" * 2_000_000,
}


@pytest.mark.parametrize("service", STACKS)
@pytest.mark.parametrize("answer", ANSWERS)
def test_strange_answers(stack, wire_server, service, answer):
    """No such answer proves that something usable was made; weir must say what came and end with status 1."""
    address, text = STACKS[service]
    if (service, answer) == ("iam", "other XML"):  # it is waited for until it is seen
        text = text.replace("name:", "timeouts: {create: 6s}, name:")
    stack.write(textwrap.dedent(text) + ACCOUNT_KNOWN)
    stack.env["AWS_ENDPOINT_URL"] = wire_server(ANSWERS[answer]).url
    result = stack.apply(status=1)
    assert f"\n  {address}: " in result.err and len(result.err) < 10_000, str(result)
    # what was answered with a 2xx may be there; it is kept as half-made
    assert stack.addresses() == ([address] if b" 200 " in (ANSWERS[answer] or b"") and "half-made" in stack.run("state", "list").out else [])


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429])
def test_passing_trouble_is_retried(stack, cloud, status):
    stack.write("stack: faults\nresources: {lake: {type: aws.s3.bucket, name: fault-lake, versioning: true}}\n")
    cloud.fail({"match": "PUT /fault-lake.versioning", "status": status, "times": 2, "body": ""})
    stack.apply()
    assert len([call for call in cloud.requests() if call.startswith("PUT /fault-lake?versioning")]) == 3
    stack.assert_settled()


def test_a_create_that_may_have_been_done_is_settled_by_the_next_run(stack, cloud):
    """CreateRole has no token: after a 500 nobody knows whether the role is there, so it is not sent again blindly."""
    for after in (True, False):
        cloud.reset()
        stack.write(ROLE)
        cloud.fail({"match": "CreateRole", "status": 500, "after": after, "body": ""})
        stack.apply(status=None)
        stack.apply()
        stack.assert_settled()
        assert [r["RoleName"] for r in cloud.client("iam").list_roles()["Roles"]] == ["fault-role"]
        stack.destroy()


def test_throttling_is_retried(stack, cloud):
    stack.write(JOB)
    cloud.fail({"match": "CreateJob", "status": 400, "times": 2, "body": '{"__type": "ThrottlingException", "message": "Rate exceeded"}'})
    told = [event.get("text", "") for event in map(json.loads, stack.apply("--json").out.splitlines())]
    assert [text for text in told if "try" in text] == ["CreateJob: 2nd try, throttled", "CreateJob: 3rd try, throttled", "CreateJob: done at the 3rd try"]
    stack.assert_settled()


def test_final_refusal_is_not_retried(stack, cloud):
    stack.write(JOB)
    cloud.fail({"match": "CreateJob", "status": 400, "times": 9, "body": '{"__type": "com.amazonaws.glue#InvalidInputException", "message": "no such thing"}'})
    result = stack.apply(status=1)
    assert "InvalidInputException" in result.err and "no such thing" in result.err and "job" in result.err
    assert cloud.requests().count("AWSGlue.CreateJob") == 1


HALF = ROLE.replace("name: fault-role", "name: half-role, managed_policies: [arn:aws:iam::123456789012:policy/x]")


def test_a_failure_names_its_place_and_is_nobodys_drift(stack, cloud):
    """The role is there, what it lacks was refused: nobody took that away."""
    stack.write(HALF)
    cloud.fail({"match": "AttachRolePolicy", "status": 400, "times": 9, "body": xml_error("PolicyNotAttachable", "not this one")})
    failed = [event for event in stack.apply("--json", status=1).events() if event["event"] == "failed"]
    place = failed[0]["file"], failed[0]["line"], HALF.splitlines()[failed[0]["line"] - 1][4 + failed[0]["column"] - 1 :][:16]
    assert place == ("weir.yaml", 3, "managed_policies")
    assert f"    --> weir.yaml:3:{failed[0]['column']}\n" in stack.apply(status=1).err
    plan = stack.run("plan")
    assert "+ \"arn:aws:iam::123456789012:policy/x\"" in plan.out and "outside weir" not in plan.out and "1 to update, 0 to replace" in plan.out, plan.out
    stack.write(HALF.replace(", managed_policies: [arn:aws:iam::123456789012:policy/x]", ""))
    assert "No changes" in stack.run("plan").out
    assert "half-made" not in stack.run("state", "list").out


LACKING = "stack: faults\nresources:\n  lake: {type: aws.s3.bucket, name: fault-lacks, versioning: true, policy: {Statement: [{Effect: Allow, Principal: \"*\", Action: [\"s3:GetObject\"], Resource: [\"arn:aws:s3:::fault-lacks/*\"]}]}TAGS}\n"


@pytest.mark.parametrize("tags", ["", ", tags: {a: b}"])
@pytest.mark.parametrize("call", ["policy", "versioning", "tagging"])
def test_what_a_creation_lacked_is_made_up_for(stack, cloud, call, tags):
    """The bucket stays; what failed, and what would have come after it, is done by the next run, weir's own marks too."""
    stack.write(LACKING.replace("TAGS", tags))
    cloud.fail({"match": f"PUT /fault-lacks.{call}", "status": 403, "times": 1, "body": "<Error><Code>AccessDenied</Code><Message>not you</Message></Error>"})
    stack.apply(status=1)
    plan = stack.run("plan")
    assert "~ update  lake" in plan.out and "0 to replace" in plan.out and "outside weir" not in plan.out, plan.out
    sent = len(cloud.requests())
    assert "updated lake" in stack.apply().out
    later = cloud.requests()[sent:]
    assert not [each for each in later if each.startswith("DELETE") or each in ("PUT /fault-lacks", "PUT /fault-lacks/")]
    s3 = cloud.client("s3")
    assert s3.get_bucket_versioning(Bucket="fault-lacks")["Status"] == "Enabled" and s3.get_bucket_policy(Bucket="fault-lacks")
    assert {"weir:stack": "faults", **({"a": "b"} if tags else {})}.items() <= {tag["Key"]: tag["Value"] for tag in s3.get_bucket_tagging(Bucket="fault-lacks")["TagSet"]}.items()
    stack.assert_settled()


def test_trouble_without_end_gives_up(stack, cloud):
    stack.write(BUCKET)
    cloud.fail({"match": ".*", "status": 503, "times": 1000, "body": ""})
    result = stack.apply(status=1)
    assert "503" in result.err
    assert 2 <= len(cloud.requests()) <= 12


def json_error(code, message):
    return json.dumps({"__type": code, "message": message})


def xml_error(code, message):
    return f"<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"


def ec2_error(code, message):
    return f"<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors><RequestID>r</RequestID></Response>"


SCHEDULE = """
    stack: faults
    resources:
      it:
        type: aws.scheduler.schedule
        name: fault-nightly
        schedule_expression: rate(1 day)
        target: {arn: "arn:aws:scheduler:::aws-sdk:glue:startJobRun", role: "arn:aws:iam::123456789012:role/x"}
"""
QUEUE = """
    stack: faults
    resources: {it: {type: aws.sqs.queue, name: fault-queue, policy: '${policy(statement({actions: "sqs:*", resources: "*", principals: {AWS: "*"}}))}'}}
"""
MACHINE = """
    stack: faults
    resources: {it: {type: aws.stepfunctions.state_machine, name: fault-machine, role: "arn:aws:iam::123456789012:role/x", definition: {StartAt: A, States: {A: {Type: Succeed}}}}}
"""
SECRET = "stack: faults\nresources: {it: {type: aws.secretsmanager.secret, name: fault-secret, secret_string: a, force_destroy: true}}\n"
RULE = """
    stack: faults
    resources: {it: {type: aws.events.rule, name: fault-rule, schedule_expression: rate(1 day), targets: {a: {arn: "arn:aws:sqs:us-east-1:123456789012:a"}}}}
"""
KEY = "stack: faults\nresources: {it: {type: aws.kms.key, description: k, policy: '${policy(statement({actions: \"kms:*\", resources: \"*\", principals: {AWS: \"*\"}}))}'}}\n"
# What passes by itself: the stack, the call that is refused once, its status and answer.
UNSETTLED = {
    "a new role and a job": (JOB, "CreateJob", 400, json_error("InvalidInputException", "Role should be given assume role permissions for Glue Service.")),
    "a new role and a schedule": (SCHEDULE, "POST /schedules/", 400, json_error(
        "ValidationException", "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.")),
    "a new role and a state machine": (MACHINE, "CreateStateMachine", 400, json_error(
        "AccessDeniedException", "Neither the global service principal states.amazonaws.com, nor the regional one is authorized to assume the provided role.")),
    "a new principal in a queue's policy": (QUEUE, "CreateQueue", 400, json_error("InvalidAttributeValue", "Invalid value for the parameter Policy.")),
    "a new principal in a key's policy": (KEY, "CreateKey", 400, json_error(
        "MalformedPolicyDocumentException", "Policy contains a statement with one or more invalid principals.")),
    "a new principal in a role": (ROLE, "CreateRole", 400, xml_error("MalformedPolicyDocument", "Invalid principal in policy: AWS")),
    "a queue's name after its deletion": (QUEUE, "CreateQueue", 400, json_error("QueueDeletedRecently", "You must wait 60 seconds after deleting a queue")),
    "a state machine that is still being deleted": (MACHINE, "CreateStateMachine", 400, json_error("StateMachineDeleting", "is being deleted")),
    "a bucket that is still being deleted": (BUCKET, "PUT /fault-lake$", 409, xml_error("OperationAborted", "A conflicting conditional operation is currently in progress")),
    "two changes of a catalog": (JOB, "CreateJob", 400, json_error("ConcurrentModificationException", "somebody was faster")),
    "a target in an answer of success": (RULE, "PutTargets", 200, json.dumps(
        {"FailedEntryCount": 1, "FailedEntries": [{"TargetId": "a", "ErrorCode": "ConcurrentModificationException", "ErrorMessage": "m"}]})),
    "a new principal in a secret's policy": (SECRET.replace("force_destroy", "policy: '${policy(statement({actions: \"secretsmanager:*\", resources: \"*\", principals: {AWS: \"*\"}}))}', force_destroy"), "PutResourcePolicy", 400, json_error(
        "MalformedPolicyDocumentException", "This resource policy contains an invalid principal")),
}


@pytest.mark.parametrize("what", UNSETTLED)
def test_what_passes_by_itself_is_waited_for(stack, cloud, what):
    text, call, status, body = UNSETTLED[what]
    stack.write(text)
    cloud.fail({"match": call, "status": status, "body": body})
    stack.apply()
    assert len([label for label in cloud.requests() if re.search(call, label)]) >= 2
    stack.assert_settled()
    stack.destroy()


# The same of further types, in one stack: what is refused once when it is created, changed and deleted.
BUSY = """
    stack: busy
    inputs: {changed: false}
    resources:
      role: {type: aws.iam.role, name: busy, assume_role_policy: '${trust(["lambda.amazonaws.com", "vpc-flow-logs.amazonaws.com", "firehose.amazonaws.com"])}'}
      profile: {type: aws.iam.instance_profile, name: busy, roles: ["${role.name}"]}
      vpc: {type: aws.ec2.vpc, cidr_block: 10.0.0.0/16}
      gateway: {type: aws.ec2.internet_gateway, vpc_id: "${vpc.vpc_id}"}
      net: {type: aws.ec2.subnet, vpc_id: "${vpc.vpc_id}", cidr_block: 10.0.1.0/24, availability_zone: us-east-1a}
      other: {type: aws.ec2.subnet, vpc_id: "${vpc.vpc_id}", cidr_block: 10.0.2.0/24, availability_zone: us-east-1b}
      group: {type: aws.ec2.security_group, name: busy, description: g, vpc_id: "${vpc.vpc_id}"}
      flows: {type: aws.ec2.flow_log, resource_type: VPC, resource_id: "${vpc.vpc_id}", traffic_type: ALL, log_group_name: flows, role: "${role.arn}", log_destination_type: cloud-watch-logs}
      host: {type: aws.ec2.instance, image_id: ami-12c6146b, instance_type: t3.micro, subnet_id: "${net.subnet_id}", instance_profile_name: "${profile.name}"}
      template: {type: aws.ec2.launch_template, name: busy, image_id: ami-12c6146b, instance_type: t3.micro}
      fleet: {type: aws.autoscaling.group, name: busy, min_size: 0, max_size: "${inputs.changed ? 2 : 1}", subnet_ids: ["${net.subnet_id}"], launch_template: {id: "${template.launch_template_id}"}}
      function: {type: aws.lambda.function, name: busy, role: "${role.arn}", runtime: python3.12, handler: a.b, code: {s3_bucket: "${bucket.name}", s3_key: "${object.key}"}}
      allowed: {type: aws.lambda.permission, function: "${function.name}", statement_id: a, principal: "${role.arn}"}
      queue: {type: aws.sqs.queue, name: busy}
      mapping: {type: aws.lambda.event_source_mapping, function: "${function.name}", event_source: "${queue.arn}", batch_size: "${inputs.changed ? 5 : 10}"}
      table: {type: aws.dynamodb.table, name: busy, attribute_definitions: {id: S}, key_schema: [{attribute_name: id, key_type: HASH}], billing_mode: PAY_PER_REQUEST, point_in_time_recovery: true}
      async: {type: aws.lambda.async_invoke, function: "${function.name}", maximum_retry_attempts: 1}
      log: {type: aws.logs.log_group, name: /busy, kms_key: "arn:aws:kms:us-east-1:123456789012:key/1"}
      parameters: {type: aws.rds.parameter_group, name: busy, family: postgres16, description: d, parameters: {work_mem: {value: "64", apply_method: immediate}}}
      cluster: {type: aws.ecs.cluster, name: busy}
      definition: {type: aws.ecs.task_definition, name: busy, containers: [{name: a, image: busybox, memory: 128}]}
      service: {type: aws.ecs.service, name: busy, cluster: "${cluster.name}", task_definition: "${definition.arn}", desired_count: 0}
      repository: {type: aws.ecr.repository, name: busy, policy: '${policy(statement({actions: "ecr:*", principals: {AWS: role.arn}}))}'}
      bucket: {type: aws.s3.bucket, name: busy-bucket}
      object: {type: aws.s3.object, bucket: "${bucket.name}", key: a.zip, content: x}
      trail: {type: aws.cloudtrail.trail, name: busy, bucket: "${bucket.name}", enable_logging: false}
      rule: {type: aws.events.rule, name: busy, schedule_expression: rate(1 day), targets: {a: {arn: "${queue.arn}"}}}
      topic: {type: aws.sns.topic, name: busy}
      grant: {type: aws.lakeformation.permissions, principal: "${role.arn}", resource: {database: busy}, permissions: [DESCRIBE]}
      secret: {type: aws.secretsmanager.secret, name: busy, secret_string: a, force_destroy: true, policy: '${policy(statement({actions: "secretsmanager:*", resources: "*", principals: {AWS: role.arn}}))}'}
      firehose: {type: aws.firehose.delivery_stream, name: busy, s3: {bucket: "${bucket.arn}", role: "${role.arn}", buffer_seconds: "${inputs.changed ? 90 : 60}"}}
      task: {type: aws.dms.task, name: busy, source: "arn:aws:dms:us-east-1:123456789012:endpoint:S", target: "arn:aws:dms:us-east-1:123456789012:endpoint:T",
             replication_instance: "arn:aws:dms:us-east-1:123456789012:rep:C", migration_type: full-load, table_mappings: {rules: [{rule-type: selection}]}}
"""
IN_CREATION = {
    "RunInstances": ec2_error("InvalidParameterValue", 'IAM Instance Profile "arn:x" has no associated IAM Roles'),
    "CreateFlowLogs": ec2_error("InvalidParameter", "Unable to assume given IAM role"),
    "CreateAutoScalingGroup": xml_error("ValidationError", "You must use a valid fully-formed launch template. Value (busy) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name"),
    "POST /2015-03-31/functions$": json_error("InvalidParameterValueException", "Your request has been throttled by EC2, please make sure you have enough API rate limit."),
    "POST /2015-03-31/functions/busy/policy": json_error("InvalidParameterValueException", "The provided principal was invalid. Please check the principal and try again."),
    "POST /2015-03-31/event-source-mappings": json_error("InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda."),
    "PUT /2019-09-25/functions/busy/event-invoke-config": json_error("ResourceConflictException", "The function could not be updated due to a concurrent update operation."),
    "CreateLogGroup": json_error("AccessDeniedException", "The specified KMS key does not exist or is not allowed to be used with Arn 'arn:x'"),
    "ModifyDBParameterGroup": xml_error("InvalidDBParameterGroupState", "parameter group busy has pending changes"),
    "UpdateContinuousBackups": json_error("ContinuousBackupsUnavailableException", "Backups are being enabled for the table: busy. Please retry later"),
    "CreateCluster": json_error("InvalidParameterException", "Unable to assume the service linked role. Please verify that the ECS service linked role exists."),
    "RegisterTaskDefinition": json_error("ClientException", "Role is not valid"),
    "CreateService": json_error("InvalidParameterException", "The target group with targetGroupArn arn:x does not have an associated load balancer."),
    "SetRepositoryPolicy": json_error("InvalidParameterException", "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'"),
    "CreateTrail": json_error("InvalidCloudWatchLogsLogGroupArnException", "Access denied. Check the permissions for your role."),
    "PutRule": json_error("ValidationException", "Provided role 'arn:x' cannot be assumed by principal 'events.amazonaws.com'."),
    "CreateTopic": xml_error("StaleTag", "Stale tag"),
    "POST /GrantPermissions": json_error("InvalidInputException", "Invalid principal, arn: arn:x"),
    "PutResourcePolicy": json_error("MalformedPolicyDocumentException", "This resource policy contains an unsupported principal."),
    "CreateDeliveryStream": json_error("InvalidArgumentException", "Access was denied when calling Glue."),
}
IN_UPDATE = {
    "UpdateAutoScalingGroup": IN_CREATION["CreateAutoScalingGroup"],
    "PUT /2015-03-31/event-source-mappings/": json_error("ResourceInUseException", "Cannot update the event source mapping because it is in use."),
    "UpdateDestination": json_error("InvalidArgumentException", "Firehose is unable to assume role arn:x"),
}
IN_DELETION = {
    "DeleteRole$": xml_error("DeleteConflict", "Cannot delete entity, must detach all policies first."),
    "DeleteInternetGateway": ec2_error("DependencyViolation", "has dependencies and cannot be deleted."),
    "DeleteSecurityGroup": ec2_error("InvalidGroup.InUse", "in use by another security group"),
    "DELETE /2015-03-31/functions/busy$": json_error("ResourceConflictException", "The function is currently in the following state: Pending"),
    "DeleteTable": json_error("LimitExceededException", "Only 500 tables can be created, updated, or deleted simultaneously."),
    "DeleteCluster": json_error("ClusterContainsContainerInstancesException", "The Cluster cannot be deleted while Container Instances are active or draining."),
    "DeleteService": json_error("InvalidParameterException", "The service cannot be stopped while deployments are active."),
    "DeleteRule": json_error("ValidationException", "Rule can't be deleted since it has targets."),
    "DeleteReplicationTask": json_error("InvalidResourceStateFault", "Replication Task cannot be deleted as it is currently running."),
}

READY = {"match": "DescribeReplicationTasks", "answer": [['"creating"', '"ready"']], "times": 999}  # moto leaves tasks as they began


@pytest.mark.full
def test_what_is_busy_is_waited_for(stack, cloud):
    for run, refused in ((stack.apply, IN_CREATION), (lambda: stack.apply("-i", "changed=true"), IN_UPDATE), (stack.destroy, IN_DELETION)):
        stack.write(BUSY)
        cloud.forget_requests()
        cloud.fail(READY, *({"match": call, "status": 400, "body": body} for call, body in refused.items()))
        run()
        sent = cloud.requests()
        assert [call for call in refused if sum(bool(re.search(call, label)) for label in sent) < 2] == []
    assert any("StopReplicationTask" in label for label in sent)  # before the deletion is tried again


NETWORK = """
    stack: faults
    resources:
      vpc: {type: aws.ec2.vpc, cidr_block: 10.0.0.0/16}
      table: {type: aws.ec2.route_table, vpc_id: "${vpc.vpc_id}"}
      net: {type: aws.ec2.subnet, vpc_id: "${vpc.vpc_id}", cidr_block: 10.0.1.0/24}
      bound: {type: aws.ec2.route_table_association, route_table_id: "${table.route_table_id}", subnet_id: "${net.subnet_id}"}
      group: {type: aws.ec2.security_group, name: g, description: g, vpc_id: "${vpc.vpc_id}", ingress: [{protocol: tcp, from_port: 22, to_port: 22, cidr: 10.0.0.0/8}]}
"""


@pytest.mark.parametrize("call, code", [("AssociateRouteTable", "InvalidRouteTableID.NotFound"), ("AuthorizeSecurityGroupIngress", "InvalidGroup.NotFound")])
def test_what_was_just_made_is_not_seen_everywhere(stack, cloud, call, code):
    stack.write(NETWORK)
    body = f"<Response><Errors><Error><Code>{code}</Code><Message>does not exist</Message></Error></Errors><RequestID>r</RequestID></Response>"
    cloud.fail({"match": call, "status": 400, "times": 2, "body": body})
    stack.apply()
    assert cloud.requests().count(call) == 3
    stack.assert_settled()
    stack.destroy()


def test_what_was_never_there_is_told_at_once(stack, cloud):
    stack.write(ROLE)
    stack.apply()
    stack.write("""
        stack: faults
        resources: {rule: {type: aws.ec2.security_group_rule, group_id: sg-0a1b2c3d, protocol: tcp, from_port: 1, to_port: 2, cidr: 10.0.0.0/8}}
    """)
    assert "InvalidGroup.NotFound" in stack.apply(status=1).err
    assert cloud.requests().count("AuthorizeSecurityGroupIngress") == 1


LAKE = "stack: faults\nresources: {lake: {type: aws.s3.bucket, name: fault-lake, versioning: %s}}\n"
VERSIONED = '<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Status>%s</Status></VersioningConfiguration>'


@pytest.mark.parametrize("before, behind", [(None, "<VersioningConfiguration/>"), ("false", VERSIONED % "Suspended")])
def test_a_setting_that_still_reads_as_it_was_before_is_no_drift(stack, cloud, before, behind):
    for versioning in (before, "true") if before else ("true",):
        stack.write(LAKE % versioning)
        stack.apply()
    cloud.forget_requests()
    cloud.fail({"match": "GET /fault-lake.versioning", "status": 200, "body": behind, "times": 2})
    stack.assert_settled()
    assert len([call for call in cloud.requests() if call.startswith("GET /fault-lake?versioning")]) == 3


def test_what_reads_as_before_its_update_is_not_the_services_way_of_writing(stack, cloud):
    stack.write(ROLE.replace("name:", "description: mine, name:")).apply()
    iam, bodies = cloud.client("iam"), []
    iam.update_role(RoleName="fault-role", Description="theirs")
    iam.meta.events.register("before-parse.iam.GetRole", lambda response_dict, **_: bodies.append(response_dict["body"].decode()), unique_id="bodies")
    iam.get_role(RoleName="fault-role")
    iam.meta.events.unregister("before-parse.iam.GetRole", unique_id="bodies")
    cloud.forget_requests()
    cloud.fail({"match": "GetRole", "status": 200, "body": bodies[0], "times": 3})  # of the refresh, and two that are behind
    stack.apply()  # in which nothing counts as the same from now on
    assert cloud.requests().count("GetRole") == 4 and cloud.requests().count("UpdateRole") == 1
    iam.update_role(RoleName="fault-role", Description="theirs")
    assert stack.plan() == {"role": "update"}


def test_a_setting_that_is_neither_as_it_was_nor_as_it_is_is_drift_at_once(stack, cloud):
    for description in "one", "two":
        stack.write(ROLE.replace("name:", f"description: {description}, name:"))
        stack.apply()
    cloud.client("iam").update_role(RoleName="fault-role", Description="three")
    cloud.forget_requests()
    assert stack.plan() == {"role": "update"}
    assert cloud.requests().count("GetRole") == 1


@pytest.mark.parametrize("what", ["a new role and a schedule", "a new principal in a role"])
def test_the_same_code_with_other_words_is_final(stack, cloud, what):
    text, call, status, body = UNSETTLED[what]
    stack.write(text)
    words = "it has no such member"
    code = json.loads(body)["__type"] if body.startswith("{") else "MalformedPolicyDocument"
    cloud.fail({"match": call, "status": status, "times": 9, "body": json_error(code, words) if body.startswith("{") else xml_error(code, words)})
    assert words in stack.apply(status=1).err
    assert len([label for label in cloud.requests() if re.search(call, label)]) == 1


@pytest.mark.parametrize("service, call", [("s3", "PUT /fault-lake$"), ("iam", "CreateRole"), ("glue", "CreateJob")])
def test_lost_answers_make_no_second_thing(stack, cloud, service, call):
    """The work is done, the answer is lost: the rest of this run or the next one takes it as its own."""
    stack.write(STACKS[service][1])
    cloud.fail({"match": call, "after": True, "close": True})
    stack.apply(status=None)
    stack.apply()
    stack.assert_settled()
    stack.destroy()
    assert stack.addresses() == []
    assert not cloud.client("s3").list_buckets()["Buckets"]
    assert not cloud.client("iam").list_roles()["Roles"]
    assert not cloud.client("glue").get_jobs()["Jobs"]


def test_a_creation_of_several_calls_of_which_the_first_lost_its_answer(stack, cloud):
    stack.write("stack: fault\nresources:\n  clicks: {type: aws.kinesis.stream, name: fault-clicks, retention_period: 48}\n")
    cloud.fail({"match": "Kinesis_20131202.CreateStream", "after": True, "close": True})
    stack.apply(status=None)
    stack.apply()
    stack.assert_settled()
    assert cloud.client("kinesis").describe_stream_summary(StreamName="fault-clicks")["StreamDescriptionSummary"]["RetentionPeriodHours"] == 48


def test_trouble_while_reading_loses_nothing(stack, cloud):
    stack.write(ROLE)
    stack.apply()
    cloud.fail({"match": "Role", "status": 403, "times": 99, "body": "<ErrorResponse><Error><Code>AccessDenied</Code><Message>not you</Message></Error></ErrorResponse>"})
    result = stack.run("plan", status=1)
    assert "AccessDenied" in result.err and "not you" in result.err
    assert stack.addresses() == ["role"]
    cloud.fail()
    stack.assert_settled()


def test_trouble_while_deleting_loses_nothing(stack, cloud):
    stack.write(ROLE)
    stack.apply()
    cloud.fail({"match": "DeleteRole$", "status": 400, "times": 99, "body": xml_error("UnmodifiableEntity", "not this one")})
    assert "UnmodifiableEntity" in stack.destroy(status=1).err
    assert stack.addresses() == ["role"]
    cloud.fail()
    stack.destroy()
    assert stack.addresses() == []


def test_trace_hides_secrets(stack, cloud):
    stack.write(ROLE)
    stack.env["AWS_SESSION_TOKEN"] = "token-that-nobody-may-see"
    result = stack.apply("-vv")
    assert "CreateRole" in result.err
    assert "token-that-nobody-may-see" not in result.err + result.out
    assert "Signature=" not in result.err or "Signature=(" in result.err
