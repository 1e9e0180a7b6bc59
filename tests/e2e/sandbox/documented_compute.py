"""What AWS's documentation says of roles, keys, secrets, functions, state machines, containers, jobs, users and routes."""

import json

from documented import archive, document, name, pages, refused, refuses, says
from servers import TRUST

# ---- IAM ----

refuses("iam", "a role that is not there: NoSuchEntity", "NoSuchEntity", lambda c: c.iam.get_role(RoleName="absent"))
refuses("iam", "a user that is not there: NoSuchEntity", "NoSuchEntity", lambda c: c.iam.get_user(UserName="absent"))
refuses("iam", "an inline policy that is not there: NoSuchEntity", "NoSuchEntity", lambda c: c.iam.get_role_policy(RoleName=role(c), PolicyName="absent"))
refuses("iam", "detaching what is not attached: NoSuchEntity", "NoSuchEntity", lambda c: c.iam.detach_role_policy(RoleName=role(c), PolicyArn=policy(c)["Arn"]))
refuses("iam", "a session lasts an hour at least", "ValidationError", lambda c: role(c, MaxSessionDuration=3599))
refuses("iam", "a role's name has no spaces", "ValidationError", lambda c: role(c, RoleName="a b"))

READ = document({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"})


def role(c, **more):
    return c.raw("iam").create_role(**({"RoleName": name("r"), "AssumeRolePolicyDocument": TRUST} | more))["Role"]["RoleName"]


def policy(c, **more):
    return c.iam.create_policy(**({"PolicyName": name("p"), "PolicyDocument": READ} | more))["Policy"]


@says("iam", "creating a role again: EntityAlreadyExists")
def _(c):
    refused("EntityAlreadyExists", role, c, RoleName=role(c))


@says("iam", "a session lasts an hour, and the path is /, by default")
def _(c):
    seen = c.iam.get_role(RoleName=role(c))["Role"]
    assert (seen["MaxSessionDuration"], seen["Path"]) == (3600, "/")


@says("iam", "a role's id begins with AROA")
def _(c):
    assert c.iam.get_role(RoleName=role(c))["Role"]["RoleId"].startswith("AROA")


@says("iam", "a role with an attached policy is not deleted: DeleteConflict")
def _(c):
    made = role(c)
    c.iam.attach_role_policy(RoleName=made, PolicyArn=policy(c)["Arn"])
    refused("DeleteConflict", c.iam.delete_role, RoleName=made)


@says("iam", "a role with an inline policy is not deleted: DeleteConflict")
def _(c):
    made = role(c)
    c.iam.put_role_policy(RoleName=made, PolicyName="p", PolicyDocument=READ)
    refused("DeleteConflict", c.iam.delete_role, RoleName=made)


@says("iam", "an attached policy is not deleted: DeleteConflict")
def _(c):
    made = policy(c)["Arn"]
    c.iam.attach_role_policy(RoleName=role(c), PolicyArn=made)
    refused("DeleteConflict", c.iam.delete_policy, PolicyArn=made)


@says("iam", "a new policy's version is v1, and nobody has it")
def _(c):
    made = policy(c)
    assert (made["DefaultVersionId"], made["AttachmentCount"]) == ("v1", 0)


@says("iam", "a policy's document that is no policy: MalformedPolicyDocument")
def _(c):
    refused("MalformedPolicyDocument", policy, c, PolicyDocument="{}")


@says("iam", "documents come back as objects")
def _(c):
    made = role(c)
    c.iam.put_role_policy(RoleName=made, PolicyName="p", PolicyDocument=READ)
    assert c.iam.get_role_policy(RoleName=made, PolicyName="p")["PolicyDocument"] == json.loads(READ)


@says("iam", "putting an inline policy again replaces it")
def _(c):
    made, other = role(c), READ.replace("Get", "Put")
    for text in (READ, other):
        c.iam.put_role_policy(RoleName=made, PolicyName="p", PolicyDocument=text)
    assert c.iam.get_role_policy(RoleName=made, PolicyName="p")["PolicyDocument"] == json.loads(other)


@says("iam", "roles by the path's prefix, in pages")
def _(c):
    path = f"/{name()}/"
    made = sorted(role(c, Path=path) for _ in range(3))
    first = c.iam.list_roles(PathPrefix=path, MaxItems=2)
    assert len(first["Roles"]) == 2 and first["IsTruncated"] and sorted(one["RoleName"] for one in pages(c.iam.list_roles, "Roles", PathPrefix=path)) == made


# ---- STS ----


@says("sts", "who calls has an account, an id and an ARN")
def _(c):
    seen = c.sts.get_caller_identity()
    assert {"Account", "UserId", "Arn"} <= set(seen) and seen["Arn"].split(":")[4] == seen["Account"]


@says("sts", "an assumed role's ARN has the session's name")
def _(c):
    seen = c.sts.assume_role(RoleArn=c.role, RoleSessionName="session")["AssumedRoleUser"]
    assert seen["Arn"].endswith(":assumed-role/said/session") and seen["AssumedRoleId"].endswith(":session")


@says("sts", "temporary keys begin with ASIA")
def _(c):
    assert c.sts.get_session_token()["Credentials"]["AccessKeyId"].startswith("ASIA")


refuses("sts", "a session is 15 minutes at least", "ValidationError", lambda c: c.raw("sts").assume_role(RoleArn=c.role, RoleSessionName="session", DurationSeconds=899))

# ---- KMS ----

refuses("kms", "a key that is not there: NotFoundException", "NotFoundException", lambda c: c.kms.describe_key(KeyId="00000000-0000-0000-0000-000000000000"))
refuses("kms", "an alias begins with alias/", "ValidationException", lambda c: c.kms.create_alias(AliasName="films", TargetKeyId=key(c)))
refuses("kms", "alias/aws/ is the services' own", "NotAuthorizedException", lambda c: c.kms.create_alias(AliasName="alias/aws/films", TargetKeyId=key(c)))
refuses("kms", "deletion waits for 7 to 30 days", "ValidationException", lambda c: c.raw("kms").schedule_key_deletion(KeyId=key(c), PendingWindowInDays=6))


def key(c, **given):
    return c.kms.create_key(**given)["KeyMetadata"]["KeyId"]


@says("kms", "a key is symmetric, enabled, and for encryption by default")
def _(c):
    seen = c.kms.create_key()["KeyMetadata"]
    assert (seen["KeySpec"], seen["KeyUsage"], seen["KeyState"], seen["Enabled"], seen["Origin"]) == ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "Enabled", True, "AWS_KMS")


@says("kms", "deletion waits for 30 days by default")
def _(c):
    made = key(c)
    answer = c.kms.schedule_key_deletion(KeyId=made)
    assert answer["KeyState"] == "PendingDeletion" and answer.get("PendingWindowInDays", 30) == 30


@says("kms", "creating an alias again: AlreadyExistsException")
def _(c):
    given = {"AliasName": f"alias/{name()}", "TargetKeyId": key(c)}
    c.kms.create_alias(**given)
    refused("AlreadyExistsException", c.kms.create_alias, **given)


@says("kms", "encrypting with a disabled key: DisabledException")
def _(c):
    c.kms.disable_key(KeyId=(made := key(c)))
    refused("DisabledException", c.kms.encrypt, KeyId=made, Plaintext=b"a")


@says("kms", "a key is not rotated by default")
def _(c):
    assert c.kms.get_key_rotation_status(KeyId=key(c))["KeyRotationEnabled"] is False


@says("kms", "a key that waits for its deletion is not used: KMSInvalidStateException")
def _(c):
    c.kms.schedule_key_deletion(KeyId=(made := key(c)))
    refused("KMSInvalidStateException", c.kms.encrypt, KeyId=made, Plaintext=b"a")


# ---- Secrets Manager, SSM ----

refuses("secretsmanager", "a secret that is not there: ResourceNotFoundException", "ResourceNotFoundException", lambda c: c.secretsmanager.get_secret_value(SecretId="absent"))
refuses("secretsmanager", "a secret without a value: ResourceNotFoundException", "ResourceNotFoundException", lambda c: c.secretsmanager.get_secret_value(SecretId=c.secretsmanager.create_secret(Name=name())["ARN"]))
refuses("ssm", "a parameter that is not there: ParameterNotFound", "ParameterNotFound", lambda c: c.ssm.get_parameter(Name="absent"))
refuses("ssm", "deleting a parameter that is not there: ParameterNotFound", "ParameterNotFound", lambda c: c.ssm.delete_parameter(Name="absent"))


@says("secretsmanager", "creating a secret again: ResourceExistsException")
def _(c):
    c.secretsmanager.create_secret(Name=(made := name()), SecretString="a")
    refused("ResourceExistsException", c.secretsmanager.create_secret, Name=made, SecretString="b")


@says("secretsmanager", "an ARN ends in a hyphen and six characters")
def _(c):
    made = name()
    assert len(c.secretsmanager.create_secret(Name=made)["ARN"].partition(made)[2]) == 7


@says("secretsmanager", "a name is taken while the secret waits for its deletion")
def _(c):
    c.secretsmanager.create_secret(Name=(made := name()), SecretString="a")
    c.secretsmanager.delete_secret(SecretId=made)
    refused("InvalidRequestException", c.secretsmanager.create_secret, Name=made, SecretString="b")


@says("secretsmanager", "recovery takes 7 to 30 days")
def _(c):
    c.secretsmanager.create_secret(Name=(made := name()))
    refused(("InvalidParameterException", "ValidationException"), c.secretsmanager.delete_secret, SecretId=made, RecoveryWindowInDays=6)


@says("ssm", "a parameter that is there is not overwritten unasked")
def _(c):
    given = {"Name": name("/said/p"), "Value": "a", "Type": "String"}
    c.ssm.put_parameter(**given)
    refused("ParameterAlreadyExists", c.ssm.put_parameter, **given)


@says("ssm", "versions count from 1")
def _(c):
    given = {"Name": name("/said/p"), "Value": "a", "Type": "String", "Overwrite": True}
    assert [c.ssm.put_parameter(**given)["Version"] for _ in "ab"] == [1, 2]


@says("ssm", "GetParameters names those that are not there")
def _(c):
    c.ssm.put_parameter(Name=(made := name("/said/p")), Value="a", Type="String")
    seen = c.ssm.get_parameters(Names=[made, "/absent"])
    assert [one["Name"] for one in seen["Parameters"]] == [made] and seen["InvalidParameters"] == ["/absent"]


@says("ssm", "tags are not given with Overwrite")
def _(c):
    refused("ValidationException", c.ssm.put_parameter, Name=name("/said/p"), Value="a", Type="String", Overwrite=True, Tags=[{"Key": "a", "Value": "1"}])


# ---- Lambda ----

refuses("lambda", "a function that is not there: ResourceNotFoundException", "ResourceNotFoundException", lambda c: c.lambda_.get_function(FunctionName="absent"))
refuses("lambda", "an alias of a version that is not there: ResourceNotFoundException", "ResourceNotFoundException", lambda c: c.lambda_.create_alias(FunctionName=c.function()["FunctionName"], Name="a", FunctionVersion="7"))
refuses("lambda", "a source that is not there: ResourceNotFoundException", "ResourceNotFoundException", lambda c: c.lambda_.get_event_source_mapping(UUID="00000000-0000-4000-8000-000000000000"))
refuses("lambda", "a function without statements has no policy", "ResourceNotFoundException", lambda c: c.lambda_.get_policy(FunctionName=c.function()["FunctionName"]))
refuses("lambda", "a time limit is 900 s at most", ("InvalidParameterValueException", "ValidationException"), lambda c: c.function(Timeout=901))
refuses("lambda", "memory is 128 MB at least", ("InvalidParameterValueException", "ValidationException"), lambda c: c.function(MemorySize=64))
refuses("lambda", "a runtime that there is not: InvalidParameterValueException", ("InvalidParameterValueException", "ValidationException"), lambda c: c.function(Runtime="cobol85"))


@says("lambda", "creating a function again: ResourceConflictException")
def _(c):
    made = c.function()["FunctionName"]
    refused("ResourceConflictException", c.function, FunctionName=made)


@says("lambda", "defaults: 3 s, 128 MB, 512 MB of /tmp, x86_64, PassThrough")
def _(c):
    seen = c.function()
    assert (seen["Timeout"], seen["MemorySize"], seen["EphemeralStorage"], seen["Architectures"], seen["TracingConfig"]) == (3, 128, {"Size": 512}, ["x86_64"], {"Mode": "PassThrough"})


@says("lambda", "a changed configuration keeps what it does not mention")
def _(c):
    made = c.function(Description="first", Environment={"Variables": {"AA": "1"}})["FunctionName"]
    seen = c.lambda_.update_function_configuration(FunctionName=made, Timeout=9)
    assert (seen["Description"], seen["Environment"]["Variables"], seen["Timeout"]) == ("first", {"AA": "1"}, 9)


@says("lambda", "publishing without a change gives the same version")
def _(c):
    made = c.function()["FunctionName"]
    c.lambda_.get_waiter("function_active_v2").wait(FunctionName=made, WaiterConfig={"Delay": 0})
    assert [c.lambda_.publish_version(FunctionName=made)["Version"] for _ in "ab"] == ["1", "1"]


@says("lambda", "a statement's id is there once: ResourceConflictException")
def _(c):
    given = {"FunctionName": c.function()["FunctionName"], "StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}
    c.lambda_.add_permission(**given)
    refused("ResourceConflictException", c.lambda_.add_permission, **given)


@says("lambda", "a source is enabled, with batches of ten for queues, by default")
def _(c):
    url = c.sqs.create_queue(QueueName=name())["QueueUrl"]
    arn = c.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    assert c.lambda_.create_event_source_mapping(FunctionName=c.function()["FunctionName"], EventSourceArn=arn)["BatchSize"] == 10


@says("lambda", "layers' versions count from 1, and go on after a deletion")
def _(c):
    given = {"LayerName": name(), "Content": {"ZipFile": archive()}}
    assert c.lambda_.publish_layer_version(**given)["Version"] == 1
    c.lambda_.delete_layer_version(LayerName=given["LayerName"], VersionNumber=1)
    assert c.lambda_.publish_layer_version(**given)["Version"] == 2


# ---- Step Functions ----

PASS = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
refuses("stepfunctions", "a machine that is not there: StateMachineDoesNotExist", "StateMachineDoesNotExist", lambda c: c.stepfunctions.describe_state_machine(stateMachineArn="arn:aws:states:us-east-1:123456789012:stateMachine:absent"))
refuses("stepfunctions", "a definition that is none: InvalidDefinition", "InvalidDefinition", lambda c: machine(c, definition='{"StartAt": "B", "States": {}}'))
refuses("stepfunctions", "an ARN that is none: InvalidArn", "InvalidArn", lambda c: c.stepfunctions.describe_state_machine(stateMachineArn="nonsense-nonsense"))
refuses("stepfunctions", "input that is no JSON: InvalidExecutionInput", "InvalidExecutionInput", lambda c: c.stepfunctions.start_execution(stateMachineArn=machine(c), input="{"))


def machine(c, **more):
    return c.stepfunctions.create_state_machine(**({"name": name("m"), "definition": PASS, "roleArn": c.role} | more))["stateMachineArn"]


@says("stepfunctions", "a machine is STANDARD and ACTIVE by default, and logs nothing")
def _(c):
    seen = c.stepfunctions.describe_state_machine(stateMachineArn=machine(c))
    assert (seen["type"], seen["status"], seen["loggingConfiguration"]["level"]) == ("STANDARD", "ACTIVE", "OFF")


@says("stepfunctions", "starting again with the same name and input gives the same execution")
def _(c):
    wait = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 600, "End": True}}})
    given = {"stateMachineArn": machine(c, definition=wait), "name": "e", "input": "{}"}
    assert len({c.stepfunctions.start_execution(**given)["executionArn"] for _ in "ab"}) == 1


@says("stepfunctions", "a name with another input: ExecutionAlreadyExists")
def _(c):
    given = {"stateMachineArn": machine(c), "name": "e"}
    c.stepfunctions.start_execution(**given, input="{}")
    refused("ExecutionAlreadyExists", c.stepfunctions.start_execution, **given, input='{"a": 1}')


# ---- ECR, ECS, Batch, EMR Serverless ----

refuses("ecr", "a repository that is not there: RepositoryNotFoundException", "RepositoryNotFoundException", lambda c: c.ecr.describe_repositories(repositoryNames=["absent"]))
refuses("ecr", "a repository without a lifecycle: LifecyclePolicyNotFoundException", "LifecyclePolicyNotFoundException", lambda c: c.ecr.get_lifecycle_policy(repositoryName=repository(c)["repositoryName"]))
refuses("ecr", "a name has no capitals: InvalidParameterException", "InvalidParameterException", lambda c: c.ecr.create_repository(repositoryName="Films"))
refuses("ecs", "a task definition that is not there: ClientException", "ClientException", lambda c: c.ecs.describe_task_definition(taskDefinition="absent"))
refuses("ecs", "services of a cluster that is not there: ClusterNotFoundException", "ClusterNotFoundException", lambda c: c.ecs.list_services(cluster="absent"))
refuses("batch", "a job for a queue that is not there: ClientException", "ClientException", lambda c: c.batch.submit_job(jobName="j", jobQueue="absent", jobDefinition="absent"))
refuses("emr-serverless", "an application that is not there: ResourceNotFoundException", "ResourceNotFoundException", lambda c: c.emr_serverless.get_application(applicationId="00absent00000000"))


def repository(c, **more):
    return c.ecr.create_repository(repositoryName=name(), **more)["repository"]


@says("ecr", "creating a repository again: RepositoryAlreadyExistsException")
def _(c):
    refused("RepositoryAlreadyExistsException", c.ecr.create_repository, repositoryName=repository(c)["repositoryName"])


@says("ecr", "tags are mutable, images not scanned, AES256 by default")
def _(c):
    seen = repository(c)
    assert (seen["imageTagMutability"], seen["imageScanningConfiguration"], seen["encryptionConfiguration"]) == ("MUTABLE", {"scanOnPush": False}, {"encryptionType": "AES256"})


@says("ecs", "creating a cluster again gives the same")
def _(c):
    made = name()
    assert len({c.ecs.create_cluster(clusterName=made)["cluster"]["clusterArn"] for _ in "ab"}) == 1


@says("ecs", "clusters that are not there are failures: MISSING")
def _(c):
    seen = c.ecs.describe_clusters(clusters=["absent"])
    assert seen["clusters"] == [] and seen["failures"][0]["reason"] == "MISSING"


@says("ecs", "revisions of a family count from 1, and without one the last is meant")
def _(c):
    given = {"family": name(), "containerDefinitions": [{"name": "c", "image": "busybox", "memory": 64}]}
    assert [c.ecs.register_task_definition(**given)["taskDefinition"]["revision"] for _ in "ab"] == [1, 2]
    assert c.ecs.describe_task_definition(taskDefinition=given["family"])["taskDefinition"]["revision"] == 2


@says("ecs", "a deregistered task definition is INACTIVE, and still shown")
def _(c):
    made = c.ecs.register_task_definition(family=name(), containerDefinitions=[{"name": "c", "image": "busybox", "memory": 64}])["taskDefinition"]["taskDefinitionArn"]
    c.ecs.deregister_task_definition(taskDefinition=made)
    assert c.ecs.describe_task_definition(taskDefinition=made)["taskDefinition"]["status"] == "INACTIVE"


@says("ecs", "a deleted cluster is INACTIVE")
def _(c):
    c.ecs.create_cluster(clusterName=(made := name()))
    assert c.ecs.delete_cluster(cluster=made)["cluster"]["status"] == "INACTIVE"


@says("batch", "revisions of a job definition count from 1")
def _(c):
    given = {"jobDefinitionName": name(), "type": "container", "containerProperties": {"image": "busybox", "vcpus": 1, "memory": 64}}
    assert [c.batch.register_job_definition(**given)["revision"] for _ in "ab"] == [1, 2]


@says("ecs", "without a revision the last active one runs, not one that was deregistered")
def _(c):
    given = {"family": name(), "containerDefinitions": [{"name": "c", "image": "busybox", "memory": 64}]}
    first, second, third = (c.ecs.register_task_definition(**given)["taskDefinition"]["taskDefinitionArn"] for _ in "abc")
    c.ecs.deregister_task_definition(taskDefinition=third)
    assert c.ecs.describe_task_definition(taskDefinition=given["family"])["taskDefinition"]["taskDefinitionArn"] == second


@says("batch", "what is not there is left out of the lists")
def _(c):
    assert c.batch.describe_job_queues(jobQueues=["absent"])["jobQueues"] == [] and c.batch.describe_compute_environments(computeEnvironments=["absent"])["computeEnvironments"] == []


@says("emr-serverless", "an application starts by itself, and stops after 15 idle minutes")
def _(c):
    made = c.emr_serverless.create_application(name=name(), releaseLabel="emr-7.1.0", type="SPARK", clientToken=name())["applicationId"]
    seen = c.emr_serverless.get_application(applicationId=made)["application"]
    assert seen["autoStartConfiguration"]["enabled"] is True and seen["autoStopConfiguration"] == {"enabled": True, "idleTimeoutMinutes": 15}


# ---- API Gateway, Cognito ----

refuses("apigatewayv2", "an API that is not there: NotFoundException", "NotFoundException", lambda c: c.apigatewayv2.get_api(ApiId="absent"))
refuses("cognito-idp", "a pool that is not there: ResourceNotFoundException", "ResourceNotFoundException", lambda c: c.cognito_idp.describe_user_pool(UserPoolId="us-east-1_absent000"))


@says("apigatewayv2", "an API of HTTP selects routes by method and path, and has an address")
def _(c):
    seen = c.apigatewayv2.create_api(Name=name(), ProtocolType="HTTP")
    assert seen["RouteSelectionExpression"] == "$request.method $request.path" and seen["ApiEndpoint"]


@says("apigatewayv2", "a route's key is there once: ConflictException")
def _(c):
    made = c.apigatewayv2.create_api(Name=name(), ProtocolType="HTTP")["ApiId"]
    c.apigatewayv2.create_route(ApiId=made, RouteKey="GET /a")
    refused("ConflictException", c.apigatewayv2.create_route, ApiId=made, RouteKey="GET /a")


@says("cognito-idp", "a pool's passwords have 8 characters of four kinds by default")
def _(c):
    seen = c.cognito_idp.create_user_pool(PoolName=name())["UserPool"]["Policies"]["PasswordPolicy"]
    assert (seen["MinimumLength"], seen["RequireUppercase"], seen["RequireLowercase"], seen["RequireNumbers"], seen["RequireSymbols"]) == (8, True, True, True, True)
    assert seen["TemporaryPasswordValidityDays"] == 7


@says("cognito-idp", "two pools may have the same name")
def _(c):
    made = name()
    assert len({c.cognito_idp.create_user_pool(PoolName=made)["UserPool"]["Id"] for _ in "ab"}) == 2
