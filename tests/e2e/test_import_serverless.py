"""weir import cloudformation of SAM's templates. The judge is AWS's own transform (aws-sam-translator): what it makes of a template, imported,
is the same stack."""

import json
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import yaml

from support import ROOT, Stack

TEMPLATES = sorted((Path(__file__).parent / "imports/serverless").glob("*.yaml"))


@pytest.fixture(autouse=True)
def region(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


def transformed(template, hashes=False):
    """What AWS makes of it; the hashes that it ends logical ids with are left out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from samtranslator.internal.managed_policies import get_bundled_managed_policy_map
        from samtranslator.translator.transform import transform
        from samtranslator.yaml_helper import yaml_parse

        class Policies:
            def load(self):
                return get_bundled_managed_policy_map("aws")

        made = transform(yaml_parse(template.read_text()), {}, Policies())
    for resource in made["Resources"].values():
        if resource["Type"] == "AWS::ApiGateway::Deployment":
            resource["Properties"].pop("StageName", None)  # a stage called "Stage", which nobody asked for
    made = json.dumps(made)
    for name in json.loads(made)["Resources"]:
        if re.search("[0-9a-f]{10}$", name) and not hashes:
            made = made.replace(name, name[:-10])
    return made


def alike(value):
    """Without what SAM says of itself, and what is said of a policy that has no version."""
    if isinstance(value, list):
        return [alike(item) for item in value if not (isinstance(item, dict) and str(item.get("name")).endswith(":createdBy"))]
    if isinstance(value, dict):
        value = {key: alike(item) for key, item in value.items() if not key.endswith(":createdBy")}
        if "Statement" in value:
            value.setdefault("Version", "2012-10-17")
        if "managed_policies" in value:
            value["managed_policies"] = sorted(value["managed_policies"])
        if value.get("type") == "aws.apigateway.deployment":  # a hash of the document stands in its description, and in its id
            value = {key: item for key, item in value.items() if key not in ("description", "triggers")}
        return {key: item for key, item in value.items() if key.lower() != "tags" or item}
    return re.sub(r"^arn:aws:(logs|execute-api|apigateway):", r"arn:${here.partition}:\1:", value) if isinstance(value, str) else value


def imported(stack, template, *args):
    stack.run("import", "cloudformation", template, "--name", "it", "--force", *args)
    return yaml.safe_load((stack.folder / "weir.yaml").read_text())


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_it_is_what_aws_makes_of_it(local_stack, template):
    local_stack.write(transformed(template), "transformed.json")
    ours, theirs = imported(local_stack, template), imported(local_stack, "transformed.json")
    resources = alike(ours.pop("resources")), alike(theirs.pop("resources"))
    assert set(resources[0]) == set(resources[1])
    for name, resource in resources[0].items():
        assert resource == resources[1][name], name
    assert ours == theirs


def test_policies_are_those_of_the_transform():
    done = subprocess.run([sys.executable, ROOT / "tools/serverless-policies"], capture_output=True, text=True, check=True)
    assert done.stdout == (ROOT / "cmd/import/serverless/policies.yaml").read_text()


LOCAL = """
Transform: AWS::Serverless-2016-10-31
Globals:
  Function: {Runtime: python3.12, CodeUri: src/, Handler: take.handler, Environment: {Variables: {MODE: plain, API_TOKEN: hunter2-in-globals}}}
Resources:
  # What the shops send.
  Take:
    Type: AWS::Serverless::Function
    Properties:
      AutoPublishAlias: live
      Policies: [{S3ReadPolicy: {BucketName: shops}}, AWSLambdaVPCAccessExecutionRole]
      Events:
        Hourly: {Type: Schedule, Properties: {Schedule: rate(1 hour)}}
        Landed: {Type: S3, Properties: {Bucket: !Ref Landing, Events: ["s3:ObjectCreated:*"]}}
        Job: {Type: SQS, Properties: {Queue: !GetAtt Jobs.Arn, BatchSize: 5}}
  Again: {Type: AWS::Serverless::Function, Properties: {Handler: take.again}}
  Jobs: {Type: AWS::SQS::Queue}
  Landing: {Type: AWS::S3::Bucket, Properties: {BucketName: landing-of-shops}}
  Nightly:
    Type: AWS::Serverless::StateMachine
    Properties: {DefinitionUri: nightly.asl.json, DefinitionSubstitutions: {Take: !GetAtt Take.Arn}, Policies: [{LambdaInvokePolicy: {FunctionName: !Ref Take}}]}
Outputs: {Alias: {Value: !Ref Take.Alias}, Version: {Value: !Ref Take.Version}}
"""


def write_local(stack, template=LOCAL):
    stack.write(template, "infra/t.yaml")
    stack.write("def handler(event, context):\n    return event\nagain = handler\n", "infra/src/take.py")
    stack.write(json.dumps({"StartAt": "Take", "States": {"Take": {"Type": "Task", "Resource": "${Take}", "End": True}}}), "infra/nightly.asl.json")


def test_code_beside_the_template(tmp_path, fast_sandbox):
    """Packaged once for both functions, published with each change, and made."""
    stack = Stack(tmp_path / "stack", fast_sandbox)
    write_local(stack)
    said = stack.run("import", "cloudformation", "infra/t.yaml").err
    (told,) = re.findall("it holds a secret, which is not written: the input `(.*?)`", said)
    assert re.search(r"\d+ of weir's own types, 0 of CloudFormation's, 0 left out", said)  # weir.artifact is none of those
    text = (stack.folder / "weir.yaml").read_text()
    resources = yaml.safe_load(text)["resources"]
    assert "hunter2" not in text and text.count("# What the shops send.") == 1
    assert resources["take_code"] == {"type": "weir.artifact", "source": "infra/src", "package": "zip", "store": "${inputs.code_bucket}"}
    assert resources["again"]["code"] == {"s3_bucket": "${take_code.bucket}", "s3_key": "${take_code.key}"}
    assert resources["take"]["publish"] and resources["take_aliaslive"]["function_version"] == "${take.published_version}"
    assert resources["nightly"]["definition"]["States"]["Take"]["Resource"] == "${take.arn}"
    assert not [name for name, one in resources.items() if one["type"].startswith("AWS::")]
    fast_sandbox.client("s3").create_bucket(Bucket="code-of-shops")
    given = ["-i", "code_bucket=code-of-shops", "-i", f"{told}=secret"]
    stack.apply(*given)
    stack.assert_settled(*given)
    assert stack.outputs()["version"].endswith("-take:1")
    (configuration,) = fast_sandbox.client("s3").get_bucket_notification_configuration(Bucket="landing-of-shops")["LambdaFunctionConfigurations"]
    assert configuration["Events"] == ["s3:ObjectCreated:*"] and configuration["LambdaFunctionArn"] == stack.outputs()["alias"]


def test_substitutions_that_stand_by_themselves(local_stack):
    """${Workers} outside of a text is a number there: the file is no JSON before it is substituted."""
    local_stack.write(
        """
        Transform: AWS::Serverless-2016-10-31
        Parameters: {Workers: {Type: Number, Default: 2}}
        Resources:
          Flow:
            Type: AWS::Serverless::StateMachine
            Properties: {Role: "arn:aws:iam::123456789012:role/r", DefinitionUri: flow.asl.json, DefinitionSubstitutions: {Job: bronze, Workers: !Ref Workers}}
        """, "t.yaml")
    local_stack.write('{"StartAt": "Run", "States": {"Run": {"Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun.sync", "Parameters": {"JobName": "${Job}", "NumberOfWorkers": ${Workers}, "Note": "a \\"${Job}"}, "End": true}}}', "flow.asl.json")
    local_stack.run("import", "cloudformation", "t.yaml")
    made = yaml.safe_load((local_stack.folder / "weir.yaml").read_text())["resources"]["flow"]
    assert made["definition"]["States"]["Run"]["Parameters"] == {"JobName": "bronze", "NumberOfWorkers": "${inputs.workers}", "Note": 'a "bronze'}
    local_stack.run("validate")


def test_paths_are_from_the_stack(local_stack):
    write_local(local_stack)
    local_stack.write("requests\n", "infra/src/requirements.txt")
    local_stack.run("import", "cloudformation", "infra/t.yaml", "-o", "made/here")
    code = yaml.safe_load((local_stack.folder / "made/here/weir.yaml").read_text())["resources"]["take_code"]
    assert code["source"] == "../../infra/src" and code["python"] == {"requirements": "../../infra/src/requirements.txt"}


def test_what_cannot_be_said_is_told(local_stack):
    local_stack.write(
        """
        Transform: [AWS::Serverless-2016-10-31]
        Globals: {Functions: {Timeout: 3}}
        Resources:
          F:
            Type: AWS::Serverless::Function
            Properties:
              Runtime: python3.12
              Handler: a.b
              CodeUri: s3://b/k
              DeploymentPreference: {Type: AllAtOnce}
              Events:
                A: {Type: AlexaSkill}
                B: {Type: Schedul, Properties: {Schedule: rate(1 day)}}
          G: {Type: AWS::Serverless::GraphQLApi, Properties: {}}
          C: {Type: AWS::Serverless::Connector, Properties: {Source: {Id: F}, Destination: {Id: Q}, Permissions: [Write]}}
          Q: {Type: AWS::SQS::Queue, Connectors: {Out: {Properties: {Destination: {Id: F}, Permissions: [Read]}}}}
        """,
        "t.yaml",
    )
    result = local_stack.run("import", "cloudformation", "t.yaml")
    for part in ("AWS::Serverless::Functions", "`DeploymentPreference`", 'events of type "AlexaSkill"', 'did you mean "Schedule"?', "AWS::Serverless::GraphQLApi", "AWS::Serverless::Connector", "`Connectors`", "t.yaml:3:", "t.yaml:11:"):
        assert part in result.err, part
    assert list(yaml.safe_load((local_stack.folder / "weir.yaml").read_text())["resources"]) == ["f", "f_role", "q"]


@pytest.mark.parametrize(
    ("properties", "told"),
    [
        ("CodeUri: s3://b/k, Policies: [{S3ReadPolicys: {BucketName: b}}]", ["t.yaml:3:", "none of SAM's policy templates", 'did you mean "S3ReadPolicy"?']),
        ("Timeout: 3", ["t.yaml:3:", "the code of F is a path"]),
        ('CodeUri: s3://b/k, Events: {E: {Type: S3, Properties: {Bucket: b, Events: "s3:*"}}}', ["t.yaml:3:", "`Bucket` of this template"]),
        *[
            (f'CodeUri: s3://b/k, Events: {{E: {{Type: S3, Properties: {{Bucket: !Ref B, Events: "s3:*"}}}}}}}}}}\n  B: {{Type: AWS::S3::Bucket, Properties: {bucket}, Metadata: {{a: b', ["t.yaml:4:", told])
            for bucket, told in [
                ("{NotificationConfiguration: {LambdaConfigurations: !If [A, [], []]}}", "`LambdaConfigurations` of a bucket whose events start functions is a list"),
                ("{NotificationConfiguration: {LambdaConfigurations: {a: 1, b: 2, c: 3}}}", "is a list"),
                ("{NotificationConfiguration: !If [A, {}, {}]}", "`NotificationConfiguration`"),
                ("[a, b, c]", "is a map"),
            ]
        ],
    ],
)
def test_mistakes_have_their_place(local_stack, properties, told):
    local_stack.write(f"Transform: AWS::Serverless-2016-10-31\nResources:\n  F: {{Type: AWS::Serverless::Function, Properties: {{Runtime: python3.12, Handler: a.b, {properties}}}}}\n", "t.yaml")
    result = local_stack.run("import", "cloudformation", "t.yaml", status=3)
    assert all(part in result.err for part in told), result.err


LIVE = """
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Tags: {team: data}, Layers: [!Ref Libraries]}}
Resources:
  Libraries: {Type: AWS::Serverless::LayerVersion, Properties: {LayerName: libraries, ContentUri: s3://code-of-shops/code.zip}}
  Take:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.12
      Handler: take.handler
      CodeUri: s3://code-of-shops/code.zip
      FunctionName: take
      Role: !GetAtt Runs.Arn
      Events:
        Job: {Type: SQS, Properties: {Queue: !GetAtt Jobs.Arn, BatchSize: 5}}
  Nightly:
    Type: AWS::Serverless::StateMachine
    Properties:
      Name: nightly
      Definition: {StartAt: Take, States: {Take: {Type: Task, Resource: "${Take}", End: true}}}
      DefinitionSubstitutions: {Take: !GetAtt Take.Arn}
      Policies: [{LambdaInvokePolicy: {FunctionName: !Ref Take}}]
      Events: {Hourly: {Type: Schedule, Properties: {Schedule: rate(1 hour), Name: hourly}}}
  Jobs: {Type: AWS::SQS::Queue}
  Runs: {Type: AWS::IAM::Role, Properties: {RoleName: runs, AssumeRolePolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: "sts:AssumeRole"}]}}}
  Orders: {Type: AWS::Serverless::SimpleTable, Properties: {TableName: orders}}
"""


@pytest.mark.long
def test_a_live_stack_is_taken_over(stack, cloud, tmp_path):
    """Made from what AWS's transform gives, whose logical ids end in hashes; adopted with SAM's template."""
    template = tmp_path / "t.yaml"
    template.write_text(LIVE)
    s3, formation = cloud.client("s3"), cloud.client("cloudformation")
    s3.create_bucket(Bucket="code-of-shops")
    s3.put_object(Bucket="code-of-shops", Key="code.zip", Body=bytes.fromhex("504b0506" + "00" * 18))
    formation.create_stack(StackName="shop", TemplateBody=transformed(template, hashes=True), Capabilities=["CAPABILITY_IAM"])
    stack.run("import", "cloudformation", template, "--stack", "shop")
    plan = stack.plan()
    assert plan.pop("libraries") == "create"  # moto gives a layer's version no physical id
    assert set(plan.values()) == {"adopt"} and {"take", "runs", "take_job", "nightly", "nightly_hourly", "nightly_role", "jobs", "orders"} <= set(plan), plan


@pytest.mark.long
def test_an_api_is_served_as_its_document_says(tmp_path, fast_sandbox):
    """Made on the sandbox, nothing is left to do; and another document is another deployment."""
    stack = Stack(tmp_path / "stack", fast_sandbox)
    s3 = fast_sandbox.client("s3")
    s3.create_bucket(Bucket="code")
    s3.put_object(Bucket="code", Key="take.zip", Body=bytes.fromhex("504b0506" + "00" * 18))
    text = (TEMPLATES[0].parent / "guarded.yaml").read_text()
    stack.write(text, "t.yaml")
    imported(stack, "t.yaml")
    stack.apply()
    stack.assert_settled()
    stack.write(text.replace("/told", "/heard"), "t.yaml")
    imported(stack, "t.yaml")
    assert stack.plan() == {"plain": "update", "plain_deployment": "replace", "plainprod_stage": "update", "told_tell_permissionprod": "replace"}
    stack.apply()
    stack.assert_settled()


def test_types_of_sam_without_its_transform(local_stack):
    """CloudFormation does not expand them either."""
    local_stack.write("Resources: {F: {Type: AWS::Serverless::Function, Properties: {Handler: a.b, Runtime: python3.13, InlineCode: x}}}\n", "t.yaml")
    assert "F is left out: SAM's types need `Transform: AWS::Serverless-2016-10-31` in the template" in local_stack.run("import", "cloudformation", "t.yaml", "--dry-run").err


def test_routes_of_functions_with_a_condition(local_stack):
    """As SAM's transform has it: a path goes with its only function, of a path of several functions the operation."""
    function = "{Type: AWS::Serverless::Function, %s Properties: {Handler: a.b, Runtime: python3.13, CodeUri: s3://b/k, Events: {%s}}}"
    event = "E%d: {Type: %s, Properties: {Path: %s, Method: %s}}"
    own, other = ", ".join([event % (1, "Api", "/own", "get"), event % (2, "Api", "/both", "get"), event % (3, "HttpApi", "/own", "any")]), ", ".join([event % (1, "Api", "/both", "post"), event % (2, "HttpApi", "/other", "get")])
    local_stack.write(f"""
        Transform: AWS::Serverless-2016-10-31
        Parameters: {{Stage: {{Type: String, Default: dev}}}}
        Conditions: {{IsProd: !Equals [!Ref Stage, prod]}}
        Resources:
          Own: {function % ("Condition: IsProd,", own)}
          Other: {function % ("", other)}
        Outputs:
          Paths: {{Value: !Ref ServerlessRestApi}}
    """, "t.yaml")
    local_stack.run("import", "cloudformation", "t.yaml")
    for stage, rest, http in (("dev", {"/both": ["post"]}, ["/other"]), ("prod", {"/both": ["get", "post"], "/own": ["get"]}, ["/other", "/own"])):
        assert [json.loads(line)["event"] for line in local_stack.run("validate", "--json", "-i", f"stage={stage}").out.splitlines()] == ["valid"], stage
        changes = {change["address"]: {attr["name"]: attr["after"] for attr in change["attrs"]} for change in map(json.loads, local_stack.run("plan", "--sandbox", "--full", "--json", "-i", f"stage={stage}").out.splitlines()) if change["event"] == "change"}
        paths = changes["serverless_rest_api"]["body"]["paths"]
        assert {path: sorted(operations) for path, operations in paths.items()} == rest and sorted(changes["serverless_http_api"]["Body"]["paths"]) == http
    local_stack.write((local_stack.folder / "t.yaml").read_text().replace("  Other: {Type: AWS::Serverless::Function,", "  Other: {Type: AWS::Serverless::Function, Condition: IsProd,").split("Outputs:")[0], "t.yaml")
    local_stack.run("import", "cloudformation", "t.yaml", "--force")
    made = yaml.safe_load((local_stack.folder / "weir.yaml").read_text())["resources"]
    assert {name: one.get("when") for name, one in made.items() if name.startswith("serverless_")} == dict.fromkeys((name for name in made if name.startswith("serverless_")), "${locals.is_prod}")
    assert sorted(made["serverless_rest_api"]["body"]["paths"]) == ["/both", "/own"]
    local_stack.run("validate")
