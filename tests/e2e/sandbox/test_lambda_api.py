"""What Lambda's API answers and refuses beside calls: concurrency, policies with revisions, aliases, layers, URLs, settings of asynchronous calls."""

import io
import json
import zipfile

import pytest
from servers import JobSandbox
from support import Stack, until
from test_function_names import ACCOUNT, refusal
from test_run_lambda import Function

ARN = f"arn:aws:lambda:us-east-1:{ACCOUNT}"
ZIP = b"PK\x05\x06" + bytes(18)  # an archive with nothing in it


@pytest.fixture(scope="module")
def function(tmp_path_factory):
    made = Function(JobSandbox(tmp_path_factory.mktemp("api") / "data"), main_dot_py="def handler(e, c): return 1")
    made.api.publish_version(FunctionName=made.name)
    made.api.create_alias(FunctionName=made.name, Name="live", FunctionVersion="1")
    return made


def test_concurrency(function):
    api, name = function.api, function.name
    assert api.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=5)["ReservedConcurrentExecutions"] == 5
    assert refusal(api.put_function_concurrency, FunctionName=name, ReservedConcurrentExecutions=901)["message"].endswith("below its minimum value of [100].")
    assert "permitted on Lambda functions only" in refusal(api.put_function_concurrency, FunctionName=f"{name}:live", ReservedConcurrentExecutions=1)["message"]
    api.delete_function_concurrency(FunctionName=name)
    made = api.put_provisioned_concurrency_config(FunctionName=name, Qualifier="1", ProvisionedConcurrentExecutions=2)
    assert (made["Status"], made["RequestedProvisionedConcurrentExecutions"], made["ResponseMetadata"]["HTTPStatusCode"]) == ("IN_PROGRESS", 2, 202)
    assert refusal(api.put_provisioned_concurrency_config, FunctionName=name, Qualifier="live", ProvisionedConcurrentExecutions=1)["Error"]["Code"] == "ResourceConflictException"
    assert [one["FunctionArn"] for one in api.list_provisioned_concurrency_configs(FunctionName=name)["ProvisionedConcurrencyConfigs"]] == [f"{ARN}:function:{name}:1"]
    api.delete_provisioned_concurrency_config(FunctionName=name, Qualifier="1")
    gone = refusal(api.get_provisioned_concurrency_config, FunctionName=name, Qualifier="1")
    assert gone["Error"]["Code"] == "ProvisionedConcurrencyConfigNotFoundException"
    assert refusal(api.get_provisioned_concurrency_config, FunctionName=name, Qualifier="none")["Message"] == f"Cannot find alias arn: {ARN}:function:{name}:none"


def test_reserved_variables(function):
    refused = refusal(function.api.update_function_configuration, FunctionName=function.name, Environment={"Variables": {"TABLE": "x", "AWS_REGION": "x"}})
    assert refused["Error"]["Code"] == "InvalidParameterValueException" and refused["Error"]["Message"].endswith("Reserved keys used in this request: AWS_REGION")


def test_what_is_provisioned_is_part_of_what_is_reserved(function):
    """https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html, and recorded answers of AWS."""
    api, name = function.api, function.name
    left = lambda: api.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]  # noqa: E731

    def provision(n):
        return api.put_provisioned_concurrency_config(FunctionName=name, Qualifier="1", ProvisionedConcurrentExecutions=n)

    provision(500)
    provision(900)  # instead of the 500
    assert left() == 100
    assert refusal(provision, n=901)["message"].endswith("below its minimum value of [100].")
    assert refusal(provision, n=1001)["message"] == "Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [1000]."
    refused = refusal(api.put_function_concurrency, FunctionName=name, ReservedConcurrentExecutions=899)
    assert refused["message"] == " ReservedConcurrentExecutions  899 should not be lower than function's total provisioned concurrency [900]." and "Type" not in refused
    api.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=900)
    assert left() == 100
    provision(700)
    assert left() == 100  # the 900 are reserved
    assert refusal(provision, n=901)["message"] == "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function"
    api.delete_function_concurrency(FunctionName=name)
    assert left() == 300
    api.delete_provisioned_concurrency_config(FunctionName=name, Qualifier="1")
    assert left() == 1000


def test_whose_limit_throttles(function):
    function.api.put_function_concurrency(FunctionName=function.name, ReservedConcurrentExecutions=0)
    throttled = refusal(function.api.invoke, FunctionName=function.name)
    function.api.delete_function_concurrency(FunctionName=function.name)
    assert (throttled["Error"]["Code"], throttled["message"], throttled["Type"]) == ("TooManyRequestsException", "Rate Exceeded.", "User")
    assert throttled["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"


def test_policies(function):
    """A function, a version and an alias have one each; a change may say of which revision it is one."""
    api, name = function.api, function.name
    given = {"FunctionName": name, "Action": "lambda:InvokeFunction", "SourceAccount": ACCOUNT}
    made = json.loads(api.add_permission(StatementId="a", Principal=ACCOUNT, **given)["Statement"])
    assert made["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNT}:root"} and made["Condition"] == {"StringEquals": {"AWS:SourceAccount": ACCOUNT}}
    api.add_permission(StatementId="a", Principal="s3.amazonaws.com", Qualifier="live", **given)
    policy = api.get_policy(FunctionName=name, Qualifier="live")
    assert json.loads(policy["Policy"])["Statement"][0]["Resource"] == f"{ARN}:function:{name}:live"
    assert refusal(api.remove_permission, FunctionName=name, StatementId="a", RevisionId="old")["Error"]["Code"] == "PreconditionFailedException"
    api.remove_permission(FunctionName=name, StatementId="a", RevisionId=api.get_policy(FunctionName=name)["RevisionId"])
    assert refusal(api.get_policy, FunctionName=name)["Message"] == "The resource you requested does not exist."
    assert refusal(api.add_permission, StatementId="b", Principal="nobody.example.com", **given)["message"].startswith("The provided principal was invalid.")
    assert refusal(api.add_permission, StatementId="b", Principal="s3.amazonaws.com", Qualifier="$LATEST", **given)["message"] == "We currently do not support adding policies for $LATEST."


def test_settings_of_a_function_that_is_not_there_are_not_listed(function):
    assert function.api.list_function_event_invoke_configs(FunctionName=function.name)["FunctionEventInvokeConfigs"] == []
    assert refusal(function.api.list_function_event_invoke_configs, FunctionName="none")["Message"] == "The function doesn't exist."


def test_texts_that_are_too_long(function):
    api, name = function.api, function.name
    layer = {"LayerName": "long", "Content": {"ZipFile": ZIP}}
    for call, member, most, given in [
        (api.update_function_configuration, "Handler", 128, {"FunctionName": name}),
        (api.publish_version, "Description", 256, {"FunctionName": name}),
        (api.publish_layer_version, "Description", 256, layer),
        (api.publish_layer_version, "LicenseInfo", 512, layer),
    ]:
        path = member[0].lower() + member[1:]
        assert refusal(call, **given, **{member: "x" * (most + 1)})["Error"]["Message"].endswith(f"at '{path}' failed to satisfy constraint: Member must have length less than or equal to {most}")


def test_a_policy_has_20480_bytes(function):
    """https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
    api, name = function.api, function.name
    version = api.publish_layer_version(LayerName="shared", Content={"ZipFile": ZIP})["Version"]
    of_function = {"FunctionName": name, "Qualifier": "1"}
    of_layer = {"LayerName": "shared", "VersionNumber": version}
    for add, get, given, of in [(api.add_permission, api.get_policy, {"Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}, of_function),
                                (api.add_layer_version_permission, api.get_layer_version_policy, {"Action": "lambda:GetLayerVersion", "Principal": ACCOUNT}, of_layer)]:
        for i in range(100):
            add(StatementId=f"{i:090d}", **given, **of)
            one = len(get(**of)["Policy"]) // (i + 1)
            if (i + 3) * one > 20480:
                break
        kept = get(**of)
        with pytest.raises(api.exceptions.PolicyLengthExceededException, match=r"The final policy size \(2\d{4}\) is bigger than the limit \(20480\)."):
            for i in range(100, 103):
                kept = get(**of)
                add(StatementId=f"{i:090d}", **given, **of)
        assert get(**of) | {"ResponseMetadata": 0} == kept | {"ResponseMetadata": 0}


def test_aliases(function):
    api, name = function.api, function.name
    given = {"FunctionName": name, "Name": "other"}
    assert refusal(api.create_alias, FunctionVersion="9", **given)["Message"] == f"Function not found: {ARN}:function:{name}:9"
    assert "greater than 1" in refusal(api.create_alias, FunctionVersion="1", RoutingConfig={"AdditionalVersionWeights": {"1": 0.1, "2": 0.1}}, **given)["message"]
    assert refusal(api.create_alias, FunctionVersion="1", RoutingConfig={"AdditionalVersionWeights": {"2": 2.0}}, **given)["Error"]["Message"] == (
        "1 validation error detected: Value '{2=2.0}' at 'routingConfig.additionalVersionWeights' failed to satisfy constraint: Map value must satisfy constraint: "
        "[Member must have value less than or equal to 1.0, Member must have value greater than or equal to 0.0, Member must not be null]")
    assert refusal(api.update_alias, **given)["Message"] == f"Alias not found: {ARN}:function:{name}:other"
    assert refusal(api.update_alias, FunctionName=name, Name="live", RevisionId="old")["Error"]["Code"] == "PreconditionFailedException"
    assert api.get_function(FunctionName=name, Qualifier="live")["Configuration"]["FunctionArn"] == f"{ARN}:function:{name}:live"
    api.delete_alias(**given)  # what is not there is deleted already


def test_layers_for_a_runtime(sandbox):
    api = sandbox.client("lambda")
    for runtimes in (["python3.12"], ["nodejs22.x", "python3.13"], []):
        api.publish_layer_version(LayerName="fitting", Content={"ZipFile": ZIP}, CompatibleRuntimes=runtimes, CompatibleArchitectures=["arm64"] if runtimes else [])
    listed = lambda **more: [one["Version"] for one in api.list_layer_versions(LayerName="fitting", **more)["LayerVersions"]]  # noqa: E731
    assert (listed(CompatibleRuntime="python3.13"), listed(CompatibleRuntime="python3.12"), listed(CompatibleArchitecture="arm64"), listed(CompatibleRuntime="ruby3.3"), len(listed())) == ([2], [1], [2, 1], [], 3)


def test_layers(function):
    api, name = function.api, function.name
    first, second = (api.publish_layer_version(LayerName="tools", Content={"ZipFile": ZIP}) for _ in range(2))
    assert (second["Version"], second["Content"]["CodeSize"]) == (2, len(ZIP)) and "/awslambda-us-east-1-layers/" in second["Content"]["Location"]
    assert [one["Version"] for one in api.list_layer_versions(LayerName="tools")["LayerVersions"]] == [2, 1]
    both = [first["LayerVersionArn"], second["LayerVersionArn"]]
    assert refusal(api.update_function_configuration, FunctionName=name, Layers=both)["message"].endswith(f"{both[0]} and {both[1]} are versions of the same layer.")
    assert refusal(api.update_function_configuration, FunctionName=name, Layers=[f"{ARN}:layer:none:1"])["message"] == f"Layer version {ARN}:layer:none:1 does not exist."
    assert api.update_function_configuration(FunctionName=name, Layers=both[:1])["Layers"] == [{"Arn": both[0], "CodeSize": len(ZIP)}]
    of = {"LayerName": "tools", "VersionNumber": 1}
    made = api.add_layer_version_permission(StatementId="all", Action="lambda:GetLayerVersion", Principal="*", **of)
    for layer in "tools", f"{ARN}:layer:tools":
        assert json.loads(api.get_layer_version_policy(LayerName=layer, VersionNumber=1)["Policy"])["Statement"] == [json.loads(made["Statement"])]
    api.remove_layer_version_permission(StatementId="all", RevisionId=made["RevisionId"], **of)
    assert refusal(api.get_layer_version_policy, **of)["Message"] == "No policy is associated with the given resource."
    wrong = refusal(api.publish_layer_version, LayerName="x", Content={"ZipFile": ZIP}, CompatibleArchitectures=["z80"])["Error"]["Message"]
    assert "Value '[z80]' at 'compatibleArchitectures' failed to satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], Member must not be null]" in wrong


@pytest.mark.full
def test_code(function):
    """What it is packed in, how much it is, and how much all code of the account is."""
    api, sized = function.api, io.BytesIO()
    with zipfile.ZipFile(sized, "w") as archive:
        archive.writestr("m.py", "x" * 100_000)
    before = api.get_account_settings()["AccountUsage"]["TotalCodeSize"]
    assert api.update_function_code(FunctionName=function.name, ZipFile=sized.getvalue())["CodeSize"] == len(sized.getvalue())
    assert api.get_account_settings()["AccountUsage"]["TotalCodeSize"] > before
    with zipfile.ZipFile(sized := io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("m", bytes(262144000))
    for code, words in ((b"no zip", "Could not unzip uploaded file."), (sized.getvalue(), "Unzipped size must be smaller than 262144000 bytes")):
        assert refusal(api.update_function_code, FunctionName=function.name, ZipFile=code)["message"].startswith(words)
    assert refusal(api.update_function_code, FunctionName=function.name, ZipFile=bytes(52428801))["Error"]["Message"] == "Zipped size must be smaller than 52428800 bytes"


def test_settings(function):
    """URLs, asynchronous calls, recursion, signed code: of the function and of what is there of it."""
    api, name = function.api, function.name
    for qualified in ({}, {"Qualifier": "live"}):
        api.create_function_url_config(FunctionName=name, AuthType="NONE", **qualified)
    assert [one["FunctionArn"] for one in api.list_function_url_configs(FunctionName=name)["FunctionUrlConfigs"]] == [f"{ARN}:function:{name}", f"{ARN}:function:{name}:live"]
    assert refusal(api.create_function_url_config, FunctionName=name, AuthType="NONE", Qualifier="none")["Message"] == "Function does not exist"
    api.put_function_event_invoke_config(FunctionName=name, Qualifier="1", MaximumRetryAttempts=1)
    assert "MaximumEventAgeInSeconds" not in api.get_function_event_invoke_config(FunctionName=name, Qualifier="1")
    assert refusal(api.get_function_event_invoke_config, FunctionName=name)["Message"].endswith(":$LATEST doesn't have an EventInvokeConfig")
    itself = {"OnFailure": {"Destination": f"{ARN}:function:{name}"}}
    assert refusal(api.put_function_event_invoke_config, FunctionName=name, DestinationConfig=itself)["message"] == "You can't specify the function as a destination for itself."
    assert api.get_function_recursion_config(FunctionName=name)["RecursiveLoop"] == "Terminate"
    assert api.put_function_recursion_config(FunctionName=name, RecursiveLoop="Allow")["RecursiveLoop"] == "Allow"
    signed = api.create_code_signing_config(AllowedPublishers={"SigningProfileVersionArns": [f"arn:aws:signer:us-east-1:{ACCOUNT}:/signing-profiles/p"]})["CodeSigningConfig"]
    assert signed["CodeSigningPolicies"] == {"UntrustedArtifactOnDeployment": "Warn"}
    api.put_function_code_signing_config(FunctionName=name, CodeSigningConfigArn=signed["CodeSigningConfigArn"])
    assert api.list_functions_by_code_signing_config(CodeSigningConfigArn=signed["CodeSigningConfigArn"])["FunctionArns"] == [f"{ARN}:function:{name}"]
    assert "because it is associated with functions" in str(refusal(api.delete_code_signing_config, CodeSigningConfigArn=signed["CodeSigningConfigArn"]))
    api.delete_function_code_signing_config(FunctionName=name)
    api.delete_code_signing_config(CodeSigningConfigArn=signed["CodeSigningConfigArn"])
    for given, words in (({}, "Unrecognized event source."), ({"EventSourceArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"}, "Function does not exist")):
        assert refusal(api.create_event_source_mapping, FunctionName="none", **given)["message"] == words


def test_all_versions_in_the_list(function):
    """Of each function $LATEST and what was published, in pages; without FunctionVersion the functions."""
    api, name = function.api, function.name

    def listed(**given):
        pages = api.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 1}, **given)
        return [one for page in pages for one in page["Functions"] if one["FunctionName"] == name]

    (plain,), every = listed(), listed(FunctionVersion="ALL")
    assert plain["FunctionArn"] == f"{ARN}:function:{name}" and plain["LoggingConfig"]["LogGroup"] == f"/aws/lambda/{name}" and "State" not in plain
    assert [(one["FunctionArn"], one["Version"]) for one in every] == [(f"{ARN}:function:{name}:{version}", version) for version in ("$LATEST", "1")]
    assert "enum value set: [ALL]" in refusal(api.list_functions, FunctionVersion="1")["Error"]["Message"]


def test_tags_of_an_event_source(function):
    api, queue = function.api, function.sandbox.client("sqs").create_queue(QueueName=f"of-{function.name}", Attributes={"VisibilityTimeout": "900"})["QueueUrl"].rpartition("/")[2]
    made = api.create_event_source_mapping(FunctionName=function.name, EventSourceArn=f"arn:aws:sqs:us-east-1:{ACCOUNT}:{queue}", Tags={"a": "b"})
    arn = made["EventSourceMappingArn"]
    assert arn == f"{ARN}:event-source-mapping:{made['UUID']}" and api.list_tags(Resource=arn)["Tags"] == {"a": "b"} and "Tags" not in made
    api.tag_resource(Resource=arn, Tags={"c": "d"})
    api.untag_resource(Resource=arn, TagKeys=["a"])
    assert api.list_tags(Resource=arn)["Tags"] == {"c": "d"}
    assert refusal(api.tag_resource, Resource=arn, Tags={str(n): "" for n in range(51)})["Error"]["Message"] == "Number of tags exceeds resource tag limit."
    until(lambda: api.get_event_source_mapping(UUID=made["UUID"])["State"] == "Enabled")
    assert api.delete_event_source_mapping(UUID=made["UUID"])["State"] == "Deleting"
    assert refusal(api.list_tags, Resource=arn[:-1] + ("0" if arn[-1] != "0" else "1"))["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_what_event_sources_are_refused(function):
    """As AWS's recorded answers have it: a queue that is not there, patterns that are none, a batch without a window, the same again."""
    api, queue = function.api, function.sandbox.client("sqs").create_queue(QueueName=f"to-{function.name}", Attributes={"VisibilityTimeout": "900"})["QueueUrl"].rpartition("/")[2]
    source = {"FunctionName": function.name, "EventSourceArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:{queue}"}
    for pattern in "null", "simple string", '{"eventSource": "aws:sqs"}', '{"eventSource": []}':
        assert refusal(api.create_event_source_mapping, **source, FilterCriteria={"Filters": [{"Pattern": pattern}]})["message"] == "Invalid filter pattern definition."
    assert refusal(api.create_event_source_mapping, **source, BatchSize=11)["message"] == "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
    assert "NonExistentQueue. SQS Error Message: The specified queue does not exist." in refusal(api.create_event_source_mapping, FunctionName=function.name, EventSourceArn=source["EventSourceArn"] + "x")["message"]
    made = api.create_event_source_mapping(**source)
    refused = refusal(api.create_event_source_mapping, **source)
    assert refused["Error"]["Code"] == "ResourceConflictException" and refused["message"].endswith(f"already exists. Please update or delete the existing mapping with UUID {made['UUID']}")
    until(lambda: api.get_event_source_mapping(UUID=made["UUID"])["State"] == "Enabled")
    changed = api.update_event_source_mapping(UUID=made["UUID"], FunctionName=f"{ARN}:function:{function.name}:1")
    assert changed["FunctionArn"] == f"{ARN}:function:{function.name}:1"
    api.delete_event_source_mapping(UUID=made["UUID"])


def test_tags_change_nothing_else(function):
    """A function is not being updated because it gets a tag; both change its revision."""
    api, name = function.api, function.name
    api.get_waiter("function_updated_v2").wait(FunctionName=name)
    before = api.get_function_configuration(FunctionName=name)
    api.tag_resource(Resource=before["FunctionArn"], Tags={"a": "b"})
    tagged = api.get_function_configuration(FunctionName=name)
    assert tagged["LastUpdateStatus"] == "Successful" and tagged["RevisionId"] != before["RevisionId"]
    api.update_function_configuration(FunctionName=name, LoggingConfig={"LogFormat": "JSON"})
    api.get_waiter("function_updated_v2").wait(FunctionName=name)
    after = api.get_function_configuration(FunctionName=name)
    assert (after["LoggingConfig"]["ApplicationLogLevel"], after["LoggingConfig"]["SystemLogLevel"]) == ("INFO", "INFO")
    api.publish_version(FunctionName=name)
    assert api.get_function_configuration(FunctionName=name)["RevisionId"] != after["RevisionId"]


def test_qualifiers_in_a_stack(tmp_path, fast_sandbox):
    """Permissions and settings of asynchronous calls for an alias: made, found again and settled, beside those of the function."""
    stack = Stack(tmp_path / "stack", fast_sandbox)
    (tmp_path / "stack/code").mkdir()
    (tmp_path / "stack/code/m.py").write_text("def h(e, c): return 1\n")
    stack.write("""stack: qualified
resources:
  role: {type: aws.iam.role, name: r, assume_role_policy: "${trust('lambda.amazonaws.com')}"}
  bucket: {type: aws.s3.bucket, name: qualified-code}
  code: {type: weir.artifact, source: code, package: zip, store: "${bucket.name}/c"}
  f: {type: aws.lambda.function, name: f, role: "${role.arn}", runtime: python3.13, handler: m.h, code: {s3_bucket: "${code.bucket}", s3_key: "${code.key}"}}
  live: {type: aws.lambda.alias, function: "${f.name}", name: live, function_version: $LATEST}
  plain: {type: aws.lambda.permission, function: "${f.name}", statement_id: a, principal: s3.amazonaws.com}
  named: {type: aws.lambda.permission, function: "${f.name}", qualifier: "${live.name}", statement_id: a, principal: s3.amazonaws.com}
  twice: {type: aws.lambda.async_invoke, function: "${f.name}", maximum_retry_attempts: 2}
  once: {type: aws.lambda.async_invoke, function: "${f.name}", qualifier: "${live.name}", maximum_retry_attempts: 1}
""")
    stack.apply()
    stack.assert_settled()
    lam = fast_sandbox.client("lambda")
    arns = [json.loads(lam.get_policy(FunctionName="f", **of)["Policy"])["Statement"][0]["Resource"] for of in ({}, {"Qualifier": "live"})]
    assert [arn.split(":", 5)[5] for arn in arns] == ["function:f", "function:f:live"]
    assert [lam.get_function_event_invoke_config(FunctionName="f", **of)["MaximumRetryAttempts"] for of in ({}, {"Qualifier": "live"})] == [2, 1]
    stack.destroy()
