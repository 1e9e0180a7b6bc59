"""What services report otherwise than a specification has it, as recorded answers of real accounts show."""

import io
import zipfile

# An answer of DescribeEndpoints has it so, whatever CreateEndpoint was given.
UPPER = {"match": "DescribeEndpoints", "times": 1000, "answer": [['"source"', '"SOURCE"'], ['"verify-full"', '"VERIFY-FULL"']]}
ENDPOINT = """stack: reported
inputs: {host: db, type: source}
resources:
  end: {type: aws.dms.endpoint, name: reported, endpoint_type: "${inputs.type}", engine_name: postgres, server_name: "${inputs.host}", ssl_mode: verify-full, port: 5432, username: u, password: p}
"""


def test_enumerations_in_other_case(stack, cloud):
    """A difference of case alone would delete and create the endpoint with every apply."""
    stack.write(ENDPOINT)
    stack.apply()
    cloud.fail(UPPER)
    stack.assert_settled()
    stack.assert_settled("-i", "type=SOURCE")
    assert stack.run("drift").status == 0
    assert stack.plan("-i", "type=target") == {"end": "replace"}
    assert stack.plan("-i", "host=other") == {"end": "update"}


def test_enumerations_are_sent_as_the_service_spells_them(stack, cloud):
    stack.write(ENDPOINT)
    cloud.forget_requests()
    stack.apply("-i", "type=Source")
    assert [one["EndpointType"] for one in cloud.sent("CreateEndpoint")] == ["source"]


FUNCTION = """stack: reported
inputs: {runtime: python3.6, memory: 128, more: false}
resources:
  old: {type: aws.lambda.function, name: old, runtime: "${inputs.runtime}", handler: a.b, memory_size: "${inputs.memory}", role: "arn:aws:iam::123456789012:role/r", code: {s3_bucket: reported, s3_key: k}}
  new: {type: aws.lambda.function, when: "${inputs.more}", name: new, runtime: "${inputs.runtime}", handler: a.b, role: "arn:aws:iam::123456789012:role/r", code: {s3_bucket: reported, s3_key: k}}
"""
RETIRED = "Lambda makes no functions of this runtime any more"


def old_function(cloud):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("a.py", "def b(*_): pass\n")
    cloud.client("s3").create_bucket(Bucket="reported")
    cloud.client("s3").put_object(Bucket="reported", Key="k", Body=archive.getvalue())
    cloud.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")
    cloud.client("lambda").create_function(
        FunctionName="old", Runtime="python3.6", Handler="a.b", MemorySize=128, Role="arn:aws:iam::123456789012:role/r", Code={"S3Bucket": "reported", "S3Key": "k"}
    )


def test_what_exists_is_not_asked_what_new_ones_are(stack, cloud):
    """A retired runtime in the state stops no plan: it may stay, and other things of the function may change."""
    old_function(cloud)
    stack.write(FUNCTION + "imports: [{address: old, id: old}]\n")
    assert f"warning: old: {RETIRED}" in stack.run("validate").err
    stack.apply()
    stack.write(FUNCTION)
    assert f"warning: old: {RETIRED}" in stack.run("validate").err
    stack.assert_settled()
    assert stack.run("drift").status == 0
    assert stack.plan("-i", "memory=256") == {"old": "update"}
    stack.apply("-i", "memory=256")
    stack.assert_settled("-i", "memory=256")
    assert f"old: {RETIRED}" in stack.run("plan", "-i", "memory=256", "-i", "runtime=python3.7", status=3).err
    refused = stack.run("plan", "-i", "memory=256", "-i", "more=true", status=3).err
    assert f"error: new: {RETIRED}" in refused and "old:" not in refused
    cloud.client("lambda").delete_function(FunctionName="old")
    assert f"error: old: {RETIRED}" in stack.run("plan", status=3).err  # it would be made anew
