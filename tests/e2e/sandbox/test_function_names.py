"""Names of Lambda functions in requests: names, ARNs, parts of ARNs, qualifiers; and what Lambda says of those that are none."""

import botocore.exceptions
import pytest
from test_run_lambda import Function, JobSandbox

ACCOUNT = "000000000000"


@pytest.fixture(scope="module")
def function(tmp_path_factory):
    return Function(JobSandbox(tmp_path_factory.mktemp("names") / "data"), main_dot_py="def handler(e, c): return 1")


def refusal(call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    return caught.value.response


@pytest.mark.parametrize("form", ["{name}", "arn:aws:lambda:us-east-1:000000000000:function:{name}", "000000000000:function:{name}", "function:{name}",
                                  "arn:aws:lambda:us-east-1:000000000000:function:{name}:$LATEST"])
def test_forms(function, form):
    name = form.format(name=function.name)
    assert function.api.get_function(FunctionName=name)["Configuration"]["FunctionName"] == function.name
    assert function.api.get_function_configuration(FunctionName=name)["FunctionName"] == function.name
    assert "ReservedConcurrentExecutions" not in function.api.get_function_concurrency(FunctionName=name)
    assert function.api.invoke(FunctionName=name)["StatusCode"] == 200


@pytest.mark.parametrize("name", ["*", "my-function!", "invalid-account:function:f", "arn:aws:ec2:us-east-1:000000000000:instance:i-1", "f:1:2",
                                  "arn:aws:lambda::000000000000:function:f", "f:$LATES"])
def test_no_names(function, name):
    answer = refusal(function.api.get_function, FunctionName=name)
    assert answer["Error"]["Code"] == "ValidationException"
    assert answer["Error"]["Message"].startswith(f"1 validation error detected: Value '{name}' at 'functionName' failed to satisfy constraint: "
                                                 "Member must satisfy regular expression pattern: (arn:")


def test_a_new_function_is_of_this_region_and_account(function):
    """In the words of recorded answers of AWS."""
    given = {"Role": "arn:aws:iam::000000000000:role/r", "Runtime": "python3.12", "Handler": "main.handler", "Code": {"S3Bucket": "lake", "S3Key": function.key}}
    elsewhere = refusal(function.api.create_function, FunctionName=f"arn:aws:lambda:ap-southeast-1:{ACCOUNT}:function:other", **given)
    assert (elsewhere["Error"]["Code"], elsewhere["Message"]) == ("ResourceNotFoundException", "Functions from 'ap-southeast-1' are not reachable in this region ('us-east-1')")
    others = refusal(function.api.create_function, FunctionName="arn:aws:lambda:us-east-1:123456789012:function:other", **given)
    assert (others["Error"]["Code"], others["Error"]["Message"], others["ResponseMetadata"]["HTTPStatusCode"]) == ("AccessDeniedException", None, 403)
    assert [one["FunctionName"] for one in function.api.list_functions()["Functions"]] == [function.name]


def test_qualifiers(function):
    get, arn = function.api.get_function, f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{function.name}"
    assert refusal(get, FunctionName=arn + ":1", Qualifier="$LATEST")["message"] == (
        "The derived qualifier from the function name does not match the specified qualifier.")
    assert refusal(get, FunctionName=function.name, Qualifier="a" * 129)["Error"]["Message"].endswith("Member must have length less than or equal to 128")
    gone = refusal(get, FunctionName=function.name, Qualifier="7")
    assert (gone["Type"], gone["Message"]) == ("User", f"Function not found: {arn}:7")
    assert refusal(function.api.delete_function, FunctionName=function.name, Qualifier="live")["message"] == "Deletion of aliases is not currently supported."
    assert refusal(get, FunctionName=arn.replace("us-east-1", "eu-west-1"))["Message"] == "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')"


def test_values(function):
    """What a member cannot have is said in AWS's words."""
    wrong = refusal(function.api.update_function_configuration, FunctionName=function.name, MemorySize=20000)
    assert wrong["Error"] == {"Code": "ValidationException", "Message":
                              "1 validation error detected: Value '20000' at 'memorySize' failed to satisfy constraint: Member must have value less than or equal to 10240"}
    wrong = refusal(function.api.update_function_configuration, FunctionName=function.name, TracingConfig={"Mode": "Maybe"})
    assert wrong["Error"]["Message"].startswith("1 validation error detected: Value 'Maybe' at 'tracingConfig.mode' failed to satisfy constraint: Member must satisfy enum value set: [")


def test_runtimes_that_are_over(function):
    wrong = refusal(function.api.update_function_configuration, FunctionName=function.name, Runtime="python3.7")
    assert (wrong["Error"]["Code"], wrong["message"]) == ("InvalidParameterValueException",
        "The runtime parameter of python3.7 is no longer supported for creating or updating AWS Lambda functions. "
        "We recommend you use a supported runtime while creating or updating functions.")


def test_revisions(function):
    now = function.api.get_function_configuration(FunctionName=function.name)["RevisionId"]
    assert function.api.get_function_configuration(FunctionName=function.name)["RevisionId"] == now
    wrong = refusal(function.api.publish_version, FunctionName=function.name, RevisionId="another")
    assert wrong["Error"]["Code"] == "PreconditionFailedException"
    assert function.api.publish_version(FunctionName=function.name, RevisionId=now)["Version"] == "1"
