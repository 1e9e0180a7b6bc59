"""Which account, region and address a resource is made in, and is looked for in ever after; on moto, looked at with boto3."""

import sys

import pytest

from support import ROOT

sys.path.append(str(ROOT / "tests/tools"))
from statelog import rewrite  # noqa: E402

REGIONS = {"x": "eu-west-1", "y": "eu-west-2"}

OWN = """
    stack: lab
    inputs: {region: {type: string}, name: {type: string}}
    providers:
      aws: {region: "${inputs.region}", default_tags: {of: "${inputs.name}"}}
    resources:
      table:
        type: aws.dynamodb.table
        name: where-table
        billing_mode: PAY_PER_REQUEST
        attribute_definitions: {id: S}
        key_schema: [{attribute_name: id, key_type: HASH}]
    data:
      caller: {type: aws.ssm.parameter, name: where-here}
    outputs: {here: "${nonsensitive(caller.value)}"}
"""
PASSED = OWN.replace("""
    providers:
      aws: {region: "${inputs.region}", default_tags: {of: "${inputs.name}"}}""", "")
NESTED = """
    stack: nested
    inputs: {name: {type: string}}
    modules:
      inner: {source: ../lab, name: "${inputs.name}", region: unused}
    outputs: {here: "${inner.here}"}
"""
ROOT_OWN = """
    stack: where
    modules:
      x: {source: ./lab, region: eu-west-1, name: x}
      y: {source: ./lab, region: eu-west-2, name: y}
    outputs: {here: "${x.here} ${y.here}"}
"""
ROOT_EACH = """
    stack: where
    locals: {regions: {x: eu-west-1, y: eu-west-2}}
    modules:
      lab: {source: ./lab, for_each: "${locals.regions}", region: "${each.value}", name: "${each.key}"}
    outputs: {here: '${lab["x"].here} ${lab["y"].here}'}
"""
PROVIDERS = """
    stack: where
    providers:
      aws: {default_tags: {of: root}}
      aws.one: {region: eu-west-1, default_tags: {of: x}}
      aws.two: {region: eu-west-2, default_tags: {of: y}}
"""
ROOT_PASSED = PROVIDERS + """
    modules:
      x: {source: ./lab, providers: {aws: aws.one}, region: unused, name: x}
      y: {source: ./lab, provider: aws.two, region: unused, name: y}
    outputs: {here: "${x.here} ${y.here}"}
"""
ROOT_NESTED = PROVIDERS + """
    modules:
      x: {source: ./nested, providers: {aws: aws.one}, name: x}
      y: {source: ./nested, providers: {aws: aws.two}, name: y}
    outputs: {here: "${x.here} ${y.here}"}
"""
CASES = {"own": (ROOT_OWN, OWN), "own for each": (ROOT_EACH, OWN), "passed": (ROOT_PASSED, PASSED), "nested": (ROOT_NESTED, PASSED),
    "passed beside its own": (ROOT_PASSED, OWN.replace("${inputs.region}", "ap-south-1"))}
TABLE = """
    stack: where
    resources:
      table:
        type: aws.dynamodb.table
        name: where-table
        billing_mode: PAY_PER_REQUEST
        attribute_definitions: {id: S}
        key_schema: [{attribute_name: id, key_type: HASH}]
      role: {type: aws.iam.role, name: where-role, assume_role_policy: '${trust("glue.amazonaws.com")}'}
      lake: {type: aws.s3.bucket, name: where-lake, versioning: true}
"""


def tables(cloud, region):
    return cloud.client("dynamodb", region).list_tables()["TableNames"]


def tags(cloud, region):
    client = cloud.client("dynamodb", region)
    arn = client.describe_table(TableName="where-table")["Table"]["TableArn"]
    return {tag["Key"]: tag["Value"] for tag in client.list_tags_of_resource(ResourceArn=arn)["Tags"]}


def anywhere(cloud):
    return [region for region in ("us-east-1", "eu-west-1", "eu-west-2", "ap-south-1") if tables(cloud, region)]


@pytest.fixture(params=CASES)
def lab(request, stack, cloud):
    root, module = CASES[request.param]
    for name, region in REGIONS.items():
        cloud.client("ssm", region).put_parameter(Name="where-here", Value=f"in {region}", Type="String")
    return stack.write(root).write(module, "lab/weir.yaml").write(NESTED, "nested/weir.yaml")


def test_a_region_for_each_module(lab, cloud):
    lab.apply()
    assert anywhere(cloud) == ["eu-west-1", "eu-west-2"]
    assert {name: tags(cloud, region)["of"] for name, region in REGIONS.items()} == {"x": "x", "y": "y"}
    assert lab.outputs()["here"] == "in eu-west-1 in eu-west-2"
    lab.assert_settled()
    cloud.client("dynamodb", "eu-west-2").delete_table(TableName="where-table")
    lab.run("drift", status=2)
    lab.apply()
    assert tables(cloud, "eu-west-2") == ["where-table"]
    found = lab.destroy("--verify")
    assert "Nothing is left" in found.out and "eu-west-1" in found.out and "eu-west-2" in found.out
    assert anywhere(cloud) == []


def test_modules_that_are_gone_from_the_file(lab, cloud):
    lab.apply()
    lab.write("stack: where")
    assert set(lab.plan().values()) == {"delete"}
    lab.apply()
    assert anywhere(cloud) == []


def test_a_module_that_is_renamed_or_left_out(stack, cloud):
    for region in REGIONS.values():
        cloud.client("ssm", region).put_parameter(Name="where-here", Value="here", Type="String")
    stack.write(ROOT_OWN).write(OWN, "lab/weir.yaml").apply()
    renamed = ROOT_OWN.replace(" y: {", " z: {").replace("${y.here}", "${z.here}") + "    moved: [{from: y, to: z}]\n"
    stack.write(renamed).apply()
    stack.assert_settled()
    assert anywhere(cloud) == ["eu-west-1", "eu-west-2"]
    stack.write(renamed.replace("lab, region: eu-west-1", "lab, when: false, region: eu-west-1").replace("${x.here} ", ""))
    assert stack.plan() == {"x/table": "delete"}
    stack.apply()
    assert anywhere(cloud) == ["eu-west-2"]


def test_what_is_passed_has_to_be_there(local_stack):
    local_stack.write(PASSED, "lab/weir.yaml")
    for given, says in {
        "providers: {aws: aws.three}": 'did you mean "aws.one"?',
        "providers: {aws: gcp}": '"gcp" cannot take the place of "aws"',
        "providers: [aws.one]": "must be a map",
        "provider: aws.one, providers: {aws: aws.one}": "either `provider` or `providers`",
    }.items():
        local_stack.write(PROVIDERS + f"    modules:\n      x: {{source: ./lab, {given}, region: a, name: x}}\n")
        assert says in local_stack.run("validate", status=3).err, given


def test_another_region(stack, cloud):
    stack.write(TABLE).apply(env={"AWS_REGION": "eu-west-1"})
    before = anywhere(cloud)
    for command in (["plan"], ["apply", "--yes"], ["destroy", "--yes", "--verify"], ["drift"], ["plan", "--destroy"], ["state", "doctor"]):
        cloud.forget_requests()
        said = stack.run(*command, status=3).err
        assert "table was made in region eu-west-1, but" in said and "us-east-1" in said and "AWS_REGION" in said, said
        assert set(cloud.requests()) <= {"GetCallerIdentity"}
    assert anywhere(cloud) == before == ["eu-west-1"]
    stack.run("plan", "--detailed-exitcode", env={"AWS_REGION": "eu-west-1"})
    assert "looked in eu-west-1" in stack.destroy("--verify", env={"AWS_REGION": "eu-west-1"}).out.lower()
    assert anywhere(cloud) == []


def test_what_has_no_region(stack, cloud):
    stack.write(TABLE.replace("name: where-table", "name: where-table\n        when: false"))
    stack.apply(env={"AWS_REGION": "eu-west-1"})
    stack.assert_settled()
    stack.destroy("--verify")
    assert not cloud.client("s3").list_buckets()["Buckets"]


def test_a_region_of_its_own_is_a_replacement(stack, cloud):
    stack.write(TABLE).apply()
    stack.write(TABLE.replace("    stack: where", "    stack: where\n    providers: {aws.west: {region: us-west-2}}")
        .replace("type: aws.dynamodb.table", "type: aws.dynamodb.table\n        provider: aws.west"))
    plan = stack.run("plan").out
    assert "moves from region us-east-1 to us-west-2" in plan, plan
    stack.apply()
    assert tables(cloud, "us-east-1") == [] and tables(cloud, "us-west-2") == ["where-table"]
    stack.assert_settled()


def test_another_account(stack, cloud):
    stack.write(TABLE).apply()
    other = TABLE.replace("    stack: where", "    stack: where\n    providers: {aws: {account_id: '999999999999'}}")
    said = stack.write(other).run("plan", status=3).err
    assert "in account 123456789012" in said and "999999999999" in said, said
    stack.destroy(status=3)
    assert tables(cloud, "us-east-1") == ["where-table"]
    stack.write(TABLE)
    stack.destroy()


def test_another_endpoint(stack, cloud):
    stack.write(TABLE).apply()
    stack.assert_settled()
    localhost = cloud.url.replace("127.0.0.1", "localhost")
    assert stack.run("plan", "--detailed-exitcode", env={"AWS_ENDPOINT_URL": localhost}).status == 0
    for elsewhere in ("http://cloud.invalid:5000", ""):
        said = stack.run("destroy", "--yes", status=3, env={"AWS_ENDPOINT_URL": elsewhere}).err
        assert f"made at {cloud.url}" in said, said
    stack.run("state", "endpoint", cloud.url, "http://cloud.invalid:5000")
    assert "made at http://cloud.invalid:5000" in stack.run("plan", status=3).err
    stack.run("state", "endpoint", "http://cloud.invalid:5000", cloud.url)
    stack.assert_settled()
    stack.run("state", "endpoint", "http://nobody.invalid", cloud.url, status=1)


def test_states_from_before(stack, cloud):
    """Records without a place keep working, and have one as soon as they are written anew."""
    stack.write(TABLE).apply()
    rewrite(stack.log(), lambda record: {key: value for key, value in record.items() if key != "place"})
    stack.assert_settled()
    assert '"place"' not in stack.state_text()
    stack.write(TABLE.replace("versioning: true", "versioning: false")).apply()
    assert '"place"' in stack.state_text()
    stack.destroy("--verify")


def test_a_saved_plan_is_for_its_region(stack, cloud):
    stack.write(TABLE).run("plan", "-o", "tf.plan", env={"AWS_REGION": "eu-west-1"})
    stack.apply("tf.plan", status=1)
    assert anywhere(cloud) == []
    stack.apply("tf.plan", env={"AWS_REGION": "eu-west-1"})
    assert anywhere(cloud) == ["eu-west-1"]
