"""weir import cloudformation: templates as stacks; live stacks taken over in place, with moto's CloudFormation as the judge."""

import base64
import json
import re
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from support import ROOT, Stack, cpu_of, until

TEMPLATES = sorted((Path(__file__).parent / "imports/cloudformation").iterdir())
GIVEN = {"admin_password": "a-password-of-16", "network_subnets": "subnet-0a,subnet-0b"}
# Told of by cfn-lint, and meant to be so.
TOLERATED = {"W2001", "W8001", "W3691", "W1011", "W3005"}


def given(text):
    return [word for name, value in GIVEN.items() if f"  {name}:" in text for word in ("-i", f"{name}={value}")]


def imported(stack, template, *args, name="weir.yaml"):
    stack.run("import", "cloudformation", template, *args)
    return (stack.folder / name).read_text()


def stack_of(result):
    return yaml.safe_load(re.sub(r"^#.*$", "", result, flags=re.M))


@pytest.mark.full
def test_templates_are_templates():
    """What the others are tested with is what CloudFormation would take. All at once: cfn-lint begins in a second, and each takes a tenth."""
    lint = Path(sys.executable).parent / "cfn-lint"
    done = subprocess.run([lint, "--format", "json", *TEMPLATES], capture_output=True, text=True)
    found = [match for match in json.loads(done.stdout or "[]") if match["Rule"]["Id"] not in TOLERATED]
    assert not found and done.returncode in (0, 4, 8, 12), done.stdout + done.stderr


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_what_comes_of_it_is_whole(local_stack, template):
    text = imported(local_stack, template)
    local_stack.run("fmt", "--check", "weir.yaml")
    local_stack.run("validate", *given(text))
    assert imported(local_stack, template, "--force") == text
    types = re.findall(r"^    type: (.*)", text, re.M)
    assert sum(kind.startswith("aws.") for kind in types) * 2 > len(types)


LONG_NAMED = "the-class-of-the-autumn-that-moved-into-the-old-library.yaml"
MADE = ["orders.yaml", "deliveries.yaml", "clicks.json", "network.yaml", "nightly.yaml", "zones.yaml", "workers.yaml", "gateway.yaml", "choices.yaml", "loops.yaml", "attributes.yaml", LONG_NAMED]


@pytest.mark.parametrize("name", MADE)
def test_it_can_be_made(tmp_path, fast_sandbox, name):
    stack = Stack(tmp_path / "stack", fast_sandbox)
    text = imported(stack, TEMPLATES[0].parent / name)
    if "code_bucket" in text:
        s3 = fast_sandbox.client("s3")
        s3.create_bucket(Bucket="code-of-clicks")
        s3.put_object(Bucket="code-of-clicks", Key="consumer.zip", Body=ZIP)
    stack.apply(*given(text))
    stack.assert_settled(*given(text))


def test_made_up_names_are_such_as_services_take(local_stack):
    """Cut where they would be too long, with a hash that tells them apart; of other signs where some are not taken."""
    text = imported(local_stack, TEMPLATES[0].parent / LONG_NAMED)
    found = stack_of(text)["resources"]
    names = [one.get("name") or one.get("statement_id") for one in found.values()]
    assert found["order_model"]["name"] == '${replace(stack.name, "-", "")}OrderModel'
    assert found["orders"]["name"] == "${stack.name}-orders.fifo" and found["told"]["name"] == "${stack.name}-told.fifo"
    assert "${lower(regexreplace(each.key" in found["landing"]["name"] and "${lower(" in found["raw"]["name"]
    assert len(set(names)) == len(names) and max(len(name) for name in found) <= 100, names
    local_stack.write(text.replace(f"stack: {Path(LONG_NAMED).stem}", "stack: s")).run("validate")
    events = local_stack.write(text).run("plan", "--sandbox", "--json").events()
    made = [attr["after"] for event in events if event["event"] == "change" and "_role" in event["address"] for attr in event["attrs"] if attr["name"] == "name"]
    assert len(set(made)) == 2 and all(re.fullmatch("[a-z0-9-]{1,64}", name) for name in made), made


def test_what_is_there_under_a_condition(local_stack):
    imported(local_stack, TEMPLATES[0].parent / "choices.yaml")

    def planned(*given):
        events = local_stack.run("plan", "--sandbox", "--json", *given).events()
        return {event["address"]: {attr["name"]: attr["after"] for attr in event["attrs"]} for event in events if event["event"] == "change"}

    def said(*given):
        bucket, role = (planned(*given)[name] for name in ("bucket", "role"))
        trust, grant = role["assume_role_policy"]["Statement"], role["policies"]["grant"]["Statement"]
        conditions = [one.get("Condition") for one in trust]
        return bucket["name"], role["name"], role["tags"], len(grant), conditions, [one["id"] for one in bucket["lifecycle_rules"]]

    assert said() == ("choices-bucket", "choices-role", {"team": "data"}, 1, [None, None], ["old"])
    account = "123456789012"
    assert said("-i", f"trusted={account}", "-i", "bucket_name=ada") == (
        "ada", "ada-role", {"team": "data", "trusts": account}, 2, [None, None, {"StringEquals": {"aws:SourceAccount": account}}], ["old", "older"])


def test_loops_within_loops(local_stack):
    """Over lists that are known the inner one is there for each; otherwise both are one."""
    found = stack_of(imported(local_stack, TEMPLATES[0].parent / "loops.yaml"))["resources"]
    assert found["raw_where"]["value"] == "${raw_queue[each.key].arn}" and found["raw_where"]["description"] == '${topic["Raw"].arn}'
    assert found["markand"]["name"] == "/loops/${each.value.Layer}/${each.value.Team}" and found["markand"]["value"] == "${of[each.value.Layer].arn}"
    planned = {event["address"] for event in local_stack.run("plan", "--sandbox", "--json", "-i", 'teams=["ads", "b", "c"]').events() if event["event"] == "change"}
    assert len(planned) == 2 + 4 * 3 + 2 + 2 * 3 and {'markand["gold-c"]', 'fine_queue["b"]', 'topic["Fine"]'} <= planned, planned
    local_stack.write(
        """
        Resources:
          "Fn::ForEach::A": [A, [x], {"Fn::ForEach::B": [B, [x], {"Fn::ForEach::C": [C, [x], {"Fn::ForEach::D": [D, [x], {"Fn::ForEach::E": [E, [x], {
            "Fn::ForEach::F": [F, [x], {"${A}T": {Type: AWS::SNS::Topic}}]}]}]}]}]}]
        """, "t.yaml")
    assert "loops may be 5 deep" in local_stack.run("import", "cloudformation", "t.yaml", "--force", status=3).err


def test_an_attribute_that_is_chosen_later(local_stack):
    text = imported(local_stack, TEMPLATES[0].parent / "attributes.yaml")
    assert '"${{TopicName: told.name, TopicArn: told.arn}[inputs.which]}"' in text
    said = local_stack.run("validate", "-i", "which=Nothing", status=3).err
    assert 'has no key "Nothing"' in said and "it has TopicArn, TopicName" in said
    assert "billing_mode: PROVISIONED\n    read_capacity: 5" in text and "${zones.names[0]}" in text


def test_signs_of_expressions(local_stack):
    """A $ before a reference is one; what is no reference stays text, in keys as well; and no character is taken for one of weir's own marks."""
    (local_stack.folder / "t.yaml").write_text("""
Transform: AWS::LanguageExtensions
Parameters: {P: {Type: String, Default: x}}
Conditions: {C: !Equals [!Ref P, "\\u000199999\\u0002"]}
Resources:
  T:
    Type: AWS::SNS::Topic
    Properties:
      TopicName: t
      DisplayName: !Sub "cost $${P} and $"
      Tags: [{Key: "${a}", Value: !ToJsonString {p: !Sub "$${P}", c: !If [C, "\\u00010\\u0002", d]}}, {Key: j, Value: !Join ["", ["$", !Ref P, "{x}"]]}]
Outputs: {Name: {Value: !GetAtt T.TopicName}}
""")
    imported(local_stack, "t.yaml")
    changes = local_stack.run("plan", "--sandbox").out
    for line in ('display_name: "cost $x and $"', '"${a}": "{\\"c\\":\\"d\\",\\"p\\":\\"$x\\"}"', 'j: "$x{x}"'):
        assert line in changes, changes


def test_each_unknown_value_has_an_input_of_its_own(local_stack):
    """Two secrets of one name are two, and so are two values that the template does not tell; the same secret once more is the same."""
    (local_stack.folder / "t.yaml").write_text("""
Resources:
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Family: f
      ContainerDefinitions:
        - {Name: one, Image: i, Environment: [{Name: DB_PASSWORD, Value: first-of-1}]}
        - {Name: two, Image: i, Environment: [{Name: DB_PASSWORD, Value: second-of-2}]}
        - {Name: three, Image: i, Environment: [{Name: DB_PASSWORD, Value: first-of-1}]}
  T:
    Type: AWS::SNS::Topic
    Properties: {TopicName: t, DisplayName: {"Fn::Foo": 1}, Tags: [{Key: a, Value: {"Fn::Bar": 2}}]}
""")
    stack = stack_of(imported(local_stack, "t.yaml"))
    assert [one["environment"]["DB_PASSWORD"] for one in stack["resources"]["task"]["containers"]] == ["${inputs.task_db_password}", "${inputs.task_db_password_2}", "${inputs.task_db_password}"]
    assert (stack["resources"]["t"]["display_name"], stack["resources"]["t"]["tags"]) == ("${inputs.t_value}", {"a": "${inputs.t_value_2}"})
    assert set(stack["inputs"]) == {"task_db_password", "task_db_password_2", "t_value", "t_value_2"}


def test_an_empty_policy_is_none(local_stack):
    """The serverless framework writes one for each API."""
    local_stack.write('Resources: {Api: {Type: AWS::ApiGateway::RestApi, Properties: {Name: a, Policy: ""}}}', "t.yaml")
    assert stack_of(imported(local_stack, "t.yaml"))["resources"] == {"api": {"type": "aws.apigateway.rest_api", "name": "a"}}
    local_stack.run("validate")


ZIP = bytes.fromhex("504b0506" + "00" * 18)


def test_orders_reads_as_if_written(local_stack):
    text = imported(local_stack, TEMPLATES[0].parent / "orders.yaml")
    assert text.startswith("# Orders of the shops, hour by hour: landing, bronze, catalogue.\nstack: orders\n")
    for part in (
        "  environment: {type: string, default: dev, enum: [dev, prod], description: Which environment this is}",
        "  max_workers: {type: number, default: 4, range: [2, 20]}",
        "  shops: {type: list(string), default: [north, south]}",
        '  is_prod: ${inputs.environment == "prod"}',
        "  not_prod: ${!locals.is_prod}",
        "  # What the shops send, as they send it.\n  landing_bucket:\n    type: aws.s3.bucket\n    name: ${stack.name}-landing-${here.account}\n"
        "    # a shop may send a file twice\n    versioning:",
        "    lifecycle: {prevent_destroy: true}",
        "    encryption: {bucket_key_enabled: true, algorithm: aws:kms, kms_key: \"${key.arn}\"}",
        '    assume_role_policy: ${trust("glue.amazonaws.com")}',
        '      "--shops": ${join(",", inputs.shops)}',
        '      "--first": ${inputs.shops[0]}',
        "    when: ${locals.is_prod}",
        "    depends_on: [key_alias]",
        "  here: {type: aws.sts.caller_identity}",
    ):
        assert part in text, part
    assert text.count("# a shop may send a file twice") == 1


def test_the_guide_says_what_comes_of_it(local_stack):
    template, stack = re.findall(r"^```yaml\n(.*?)^```", (ROOT / "docs/guides/from-cloudformation.md").read_text(), re.M | re.S)
    local_stack.write(template, "orders.yaml")
    assert imported(local_stack, "orders.yaml") == stack
    local_stack.run("validate")


def test_functions_and_pseudo_parameters(local_stack):
    local_stack.write(
        """
        Parameters: {Names: {Type: CommaDelimitedList, Default: "a,b"}, Size: {Type: Number, Default: 3}, Block: {Type: String, Default: 10.0.0.0/16}}
        Mappings: {M: {one: {k: v1}, "two-2": {k: v2}}}
        Conditions:
          Small: !Or [!Equals [!Ref Size, "3"], !Not [!Equals [a, b]]]
        Resources:
          Q: {Type: AWS::SQS::Queue, Properties: {QueueName: q}}
          P:
            Type: AWS::SSM::Parameter
            Properties: {Type: String, Name: p, Value: !Ref Names}
        Outputs:
          Join: {Value: !Join ["-", [a, !Ref Size, !Select [1, !Ref Names]]]}
          Split: {Value: !Select [1, !Split [".", "x.y"]]}
          Map: {Value: !FindInMap [M, two-2, k]}
          If: {Value: !If [Small, !Sub "${Q.Arn}!", no]}
          Base: {Value: !Base64 "a ${b} c"}
          Cidr: {Value: !Select [2, !Cidr [10.0.0.0/16, 8, 8]]}
          CidrOf: {Value: !Select [2, !Cidr [!Ref Block, 8, 8]]}
          All: {Value: !Join [",", !Cidr [!Ref Block, 2, 8]]}
          Length: {Value: {"Fn::Length": !Ref Names}}
          Json: {Value: {"Fn::ToJsonString": {a: [1, !Ref Size]}}}
          Sub: {Value: !Sub ["${X}-${!Y}-${AWS::URLSuffix}", {X: !Ref Size}]}
          Default: {Value: !FindInMap [M, nothing, k, {DefaultValue: d}]}
        """,
        "t.yaml",
    )
    imported(local_stack, "t.yaml")
    text = (local_stack.folder / "weir.yaml").read_text().replace("value: ${inputs.names}", "value: x").replace("${locals.small ?", "${true ?")
    local_stack.write(re.sub(r"\nresources:.*?\noutputs:", "\nresources:\n  q: {type: weir.value, value: {arn: arn}}\noutputs:", text, flags=re.S).replace("q.arn", "q.value.arn"))
    local_stack.apply()
    assert local_stack.outputs() == {
        "join": "a-3-b", "split": "y", "map": "v2", "if": "arn!", "base": "YSAke2J9IGM=", "cidr": "10.0.2.0/24", "cidr_of": "10.0.2.0/24",
        "all": "10.0.0.0/24,10.0.1.0/24", "length": 2, "json": '{"a":[1,3]}', "sub": "3-${Y}-amazonaws.com", "default": "d",
    }


def test_policies_become_parts(local_stack):
    local_stack.write(
        """
        Resources:
          Role:
            Type: AWS::IAM::Role
            Properties: {RoleName: r, AssumeRolePolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: sts:AssumeRole}]}}
          Grant:
            Type: AWS::IAM::Policy
            Properties: {PolicyName: grant, Roles: [!Ref Role], PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "s3:*", Resource: "*"}]}}
          Queue: {Type: AWS::SQS::Queue, DependsOn: Grant, Properties: {QueueName: q}}
          QueuePolicy:
            Type: AWS::SQS::QueuePolicy
            Properties:
              Queues: [!Ref Queue]
              PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: "*", Action: "sqs:*", Resource: !GetAtt Queue.Arn}]}
          Round:
            Type: AWS::IAM::Policy
            Properties: {PolicyName: round, Roles: [!Ref Role], PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "lambda:*", Resource: !GetAtt F.Arn}]}}
          F: {Type: AWS::Lambda::Function, Properties: {FunctionName: f, Role: !GetAtt Role.Arn, Runtime: python3.12, Handler: a.b, Code: {S3Bucket: b, S3Key: k}}}
        """,
        "t.yaml",
    )
    stack = stack_of(imported(local_stack, "t.yaml"))["resources"]
    assert list(stack) == ["role", "queue", "f"]
    assert list(stack["role"]["policies"]) == ["grant", "round"]
    assert stack["role"]["policies"]["round"]["Statement"][0]["Resource"] == "arn:${here.partition}:lambda:${here.region}:${here.account}:function:f"
    assert stack["queue"]["policy"]["Statement"][0]["Resource"] == "arn:${here.partition}:sqs:${here.region}:${here.account}:q"
    assert stack["queue"]["depends_on"] == ["role"]
    local_stack.run("validate")


def test_policies_about_what_waits_for_them(tmp_path, fast_sandbox):
    """A rule that sends to the queue whose policy names it; a bucket by its name; all of it can be made."""
    stack = Stack(tmp_path / "stack", fast_sandbox)
    stack.write(
        """
        Resources:
          Raw: {Type: AWS::S3::Bucket, Properties: {BucketName: raw-of-circles, NotificationConfiguration: {EventBridgeConfiguration: {EventBridgeEnabled: true}}}}
          RawPolicy:
            Type: AWS::S3::BucketPolicy
            Properties:
              Bucket: !Ref Raw
              PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Deny, Principal: "*", Action: "s3:*", Resource: [!Sub "arn:${AWS::Partition}:s3:::${Raw}/*", !GetAtt Raw.Arn], Condition: {Bool: {"aws:SecureTransport": false}}}]}
          Arrived: {Type: AWS::Events::Rule, Properties: {EventPattern: {source: [aws.s3]}, Targets: [{Id: q, Arn: !GetAtt Queue.Arn}]}}
          Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: arrived}}
          QueuePolicy:
            Type: AWS::SQS::QueuePolicy
            Properties:
              Queues: [!Ref Queue]
              PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {Service: events.amazonaws.com}, Action: "sqs:SendMessage", Resource: !GetAtt Queue.Arn, Condition: {ArnEquals: {"aws:SourceArn": !GetAtt Arrived.Arn}}}]}
        """, "circles.yaml")
    made = stack_of(imported(stack, "circles.yaml"))["resources"]
    assert {name: one["type"] for name, one in made.items()} == {"raw": "aws.s3.bucket", "raw_notifications": "aws.s3.bucket_notification", "arrived": "aws.events.rule", "queue": "aws.sqs.queue"}
    assert made["raw_notifications"]["event_bridge"] is True
    assert made["queue"]["policy"]["Statement"][0]["Condition"]["ArnEquals"]["aws:SourceArn"] == "arn:${here.partition}:events:${here.region}:${here.account}:rule/${stack.name}-arrived"
    assert made["raw"]["policy"]["Statement"][0]["Resource"] == ["arn:${here.partition}:s3:::raw-of-circles/*", "arn:${here.partition}:s3:::raw-of-circles"]
    stack.apply()
    stack.assert_settled()


def test_names_in_lists_that_are_expressions(tmp_path, fast_sandbox):
    """A list of named items is a map here; its keys may be expressions."""
    stack = Stack(tmp_path / "stack", fast_sandbox)
    stack.write(
        """
        Parameters: {Team: {Type: String, Default: ads}}
        Resources:
          Role:
            Type: AWS::IAM::Role
            Properties:
              RoleName: reader-of-ads
              AssumeRolePolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {Service: glue.amazonaws.com}, Action: sts:AssumeRole}]}
              Policies: [{PolicyName: !Sub "read-${Team}", PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "s3:GetObject", Resource: "*"}]}}]
          More: {Type: AWS::IAM::RolePolicy, Properties: {RoleName: !Ref Role, PolicyName: !Sub "$${Team}-${AWS::StackName}", PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "s3:PutObject", Resource: "*"}]}}}
          Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: of-ads, Tags: [{Key: !Ref Team, Value: x}]}}
          Arrived: {Type: AWS::Events::Rule, Properties: {EventPattern: {source: [aws.s3]}, Targets: [{Id: !GetAtt Queue.QueueName, Arn: !GetAtt Queue.Arn}]}}
        """, "named.yaml")
    made = stack_of(imported(stack, "named.yaml"))["resources"]
    assert list(made["role"]["policies"]) == ["read-${inputs.team}", "${\"$\"}${inputs.team}-${stack.name}"]
    assert made["queue"]["tags"] == {"${inputs.team}": "x"} and list(made["arrived"]["targets"]) == ["${queue.name}"]
    stack.apply()
    stack.assert_settled()
    assert fast_sandbox.client("iam").list_role_policies(RoleName="reader-of-ads")["PolicyNames"] == ["$ads-named", "read-ads"]


def test_permissions_of_lake_formation_in_either_form(local_stack):
    local_stack.write(
        """
        Resources:
          Older:
            Type: AWS::LakeFormation::Permissions
            Properties:
              DataLakePrincipal: {DataLakePrincipalIdentifier: "arn:aws:iam::123456789012:role/r"}
              Permissions: [CREATE_TABLE]
              Resource: {DatabaseResource: {Name: films}}
          Table:
            Type: AWS::LakeFormation::Permissions
            Properties:
              DataLakePrincipal: {DataLakePrincipalIdentifier: "arn:aws:iam::123456789012:role/r"}
              Permissions: [SELECT]
              PermissionsWithGrantOption: [SELECT]
              Resource: {TableResource: {DatabaseName: films, Name: orders}}
          Newer:
            Type: AWS::LakeFormation::PrincipalPermissions
            Properties: {Principal: {DataLakePrincipalIdentifier: "arn:aws:iam::123456789012:role/r"}, Permissions: [DATA_LOCATION_ACCESS], PermissionsWithGrantOption: [], Resource: {DataLocation: {CatalogId: "123456789012", ResourceArn: "arn:aws:s3:::b"}}}
          Tagged: {Type: AWS::LakeFormation::PrincipalPermissions, Properties: {Principal: {DataLakePrincipalIdentifier: "arn:aws:iam::123456789012:role/r"}, Permissions: [SELECT], PermissionsWithGrantOption: [], Resource: {LFTagPolicy: {
            CatalogId: "123456789012", ResourceType: TABLE, Expression: [{TagKey: open, TagValues: ["yes"]}, {TagKey: team, TagValues: [a, b]}]}}}}
          Place: {Type: AWS::LakeFormation::Resource, Properties: {ResourceArn: "arn:aws:s3:::b", UseServiceLinkedRole: true}}
        """, "t.yaml")
    made = stack_of(imported(local_stack, local_stack.folder / "t.yaml"))["resources"]
    role = {"type": "aws.lakeformation.permissions", "principal": "arn:aws:iam::123456789012:role/r"}
    assert made["older"] == role | {"permissions": ["CREATE_TABLE"], "resource": {"database": "films"}}
    assert made["table"] == role | {"permissions": ["SELECT"], "grantable": ["SELECT"], "resource": {"table": {"database": "films", "name": "orders"}}}
    assert made["tagged"]["resource"] == {"tag_policy": {"resource_type": "TABLE", "expression": [{"key": "open", "values": ["yes"]}, {"key": "team", "values": ["a", "b"]}]}}
    assert made["newer"]["resource"] == {"location": "arn:aws:s3:::b"} and made["place"]["use_service_linked_role"] is True
    local_stack.run("validate")


def test_who_a_topic_tells(local_stack):
    local_stack.write(
        """
        Parameters: {Mail: {Type: String, Default: a@example.com}}
        Conditions: {Told: !Equals [!Ref Mail, a@example.com]}
        Resources:
          One: {Type: AWS::SNS::Topic, Condition: Told, Properties: {TopicName: one, Subscription: [{Protocol: email, Endpoint: !Ref Mail}]}}
          Two: {Type: AWS::SNS::Topic, Properties: {TopicName: two, Subscription: [{Protocol: email, Endpoint: a@example.com}, {Protocol: sqs, Endpoint: "arn:aws:sqs:us-east-1:123456789012:q"}]}}
        """, "t.yaml")
    made = stack_of(imported(local_stack, local_stack.folder / "t.yaml"))["resources"]
    assert made["one_subscription"] == {"type": "aws.sns.subscription", "when": "${locals.told}", "protocol": "email", "endpoint": "${inputs.mail}", "topic": "${one.arn}"}
    assert [made[name]["protocol"] for name in ("two_subscription1", "two_subscription2")] == ["email", "sqs"] and set(made["two"]) == {"type", "name"}
    local_stack.run("validate")


def test_policies_under_the_condition_of_what_they_are_for(local_stack):
    local_stack.write(
        """
        Parameters: {On: {Type: String, Default: "yes"}}
        Conditions: {Is: !Equals [!Ref On, "yes"]}
        Resources:
          Logs: {Type: AWS::S3::Bucket, Condition: Is, Properties: {BucketName: logs-of-it}}
          LogsPolicy:
            Type: AWS::S3::BucketPolicy
            Condition: Is
            Properties: {Bucket: !Ref Logs, PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {Service: cloudtrail.amazonaws.com}, Action: "s3:PutObject", Resource: !Sub "${Logs.Arn}/*"}]}}
          Old: {Type: AWS::Glue::Job, Properties: {Role: r, Command: {Name: glueetl, ScriptLocation: "s3://b/a.py"}, AllocatedCapacity: 3}}
        """, "t.yaml")
    made = stack_of(imported(local_stack, local_stack.folder / "t.yaml"))["resources"]
    assert set(made) == {"logs", "old"} and made["logs"]["when"] == "${locals.is}" and made["old"]["max_capacity"] == 3
    assert made["logs"]["policy"]["Statement"][0]["Resource"] == "arn:${here.partition}:s3:::logs-of-it/*"
    local_stack.run("validate")


def test_functions_as_serverless_packages_them(local_stack):
    """A version for each change of the code; the key of an object in an environment is no secret."""
    local_stack.write(
        """
        Resources:
          Load: {Type: AWS::Lambda::Function, Properties: {FunctionName: load, Description: of films, Role: "arn:aws:iam::123456789012:role/r", Runtime: python3.12, Handler: a.b, Code: {S3Bucket: b, S3Key: k}, Environment: {Variables: {DEST_KEY: "unzip/", API_KEY: hunter2}}}}
          LoadVersionA1b2: {Type: AWS::Lambda::Version, DeletionPolicy: Retain, Properties: {FunctionName: !Ref Load, CodeSha256: "YWJj", Description: of films}}
        Outputs: {Load: {Value: !Ref LoadVersionA1b2}}
        """, "t.yaml")
    text = imported(local_stack, local_stack.folder / "t.yaml")
    made = stack_of(text)["resources"]
    assert set(made) == {"load"} and made["load"]["publish"] is True
    assert made["load"]["environment"] == {"DEST_KEY": "unzip/", "API_KEY": "${inputs.load_api_key}"}


def test_routes_and_attachments_are_of_what_they_are_for(tmp_path, fast_sandbox):
    """All routes of a table, or none: others would be deleted. A NAT gateway finds its internet gateway attached, whoever it waited for."""
    stack = Stack(tmp_path / "stack", fast_sandbox)
    stack.write(
        """
        Conditions: {No: !Equals [a, b]}
        Resources:
          Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
          Subnet: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.0.0/24}}
          Gateway: {Type: AWS::EC2::InternetGateway}
          Attached: {Type: AWS::EC2::VPCGatewayAttachment, Properties: {VpcId: !Ref Vpc, InternetGatewayId: !Ref Gateway}}
          Public: {Type: AWS::EC2::RouteTable, Properties: {VpcId: !Ref Vpc}}
          Out: {Type: AWS::EC2::Route, DependsOn: Attached, Properties: {RouteTableId: !Ref Public, DestinationCidrBlock: 0.0.0.0/0, GatewayId: !Ref Gateway}}
          Ip: {Type: AWS::EC2::EIP, DependsOn: Attached, Properties: {Domain: vpc}}
          Nat: {Type: AWS::EC2::NatGateway, DependsOn: [Out, Attached], Properties: {SubnetId: !Ref Subnet, AllocationId: !GetAtt Ip.AllocationId}}
          Private: {Type: AWS::EC2::RouteTable, Properties: {VpcId: !Ref Vpc}}
          Further: {Type: AWS::EC2::Route, Properties: {RouteTableId: !Ref Private, DestinationCidrBlock: 0.0.0.0/0, NatGatewayId: !Ref Nat}}
          Sometimes: {Type: AWS::EC2::RouteTable, Properties: {VpcId: !Ref Vpc}}
          Always: {Type: AWS::EC2::Route, Properties: {RouteTableId: !Ref Sometimes, DestinationCidrBlock: 192.168.0.0/16, NatGatewayId: !Ref Nat}}
          Never: {Type: AWS::EC2::Route, Condition: No, Properties: {RouteTableId: !Ref Sometimes, DestinationCidrBlock: 0.0.0.0/0, NatGatewayId: !Ref Nat}}
        """, "t.yaml")
    made = stack_of(imported(stack, stack.folder / "t.yaml"))["resources"]
    assert set(made) == {"vpc", "subnet", "gateway", "public", "ip", "nat", "private", "sometimes", "always", "never"}
    assert made["gateway"] == {"type": "aws.ec2.internet_gateway", "vpc_id": "${vpc.vpc_id}"}
    assert made["public"]["routes"] == {"0.0.0.0/0": {"gateway_id": "${gateway.internet_gateway_id}"}} and made["private"]["routes"] == {"0.0.0.0/0": {"nat_gateway_id": "${nat.nat_gateway_id}"}}
    assert made["nat"]["depends_on"] == ["public", "gateway"] and made["ip"]["depends_on"] == ["gateway"]
    assert made["always"]["type"] == made["never"]["type"] == "AWS::EC2::Route" and "routes" not in made["sometimes"]
    text = (stack.folder / "weir.yaml").read_text()
    stack.write(text[:text.index("  sometimes:")]).apply()
    stack.assert_settled()
    stack.destroy()


def test_a_route_that_would_wait_for_itself_stays(local_stack):
    """What the NAT gateway waits for is in the table that leads to it."""
    local_stack.write(
        """
        Resources:
          Table: {Type: AWS::EC2::RouteTable, Properties: {VpcId: vpc-0a}}
          Out: {Type: AWS::EC2::Route, Properties: {RouteTableId: !Ref Table, DestinationCidrBlock: 10.1.0.0/16, GatewayId: igw-0a}}
          Nat: {Type: AWS::EC2::NatGateway, DependsOn: Out, Properties: {SubnetId: subnet-0a, AllocationId: eipalloc-0a}}
          Further: {Type: AWS::EC2::Route, Properties: {RouteTableId: !Ref Table, DestinationCidrBlock: 0.0.0.0/0, NatGatewayId: !Ref Nat}}
        """, "t.yaml")
    made = stack_of(imported(local_stack, local_stack.folder / "t.yaml"))["resources"]
    assert made["out"]["type"] == made["further"]["type"] == "AWS::EC2::Route" and made["nat"]["depends_on"] == ["out"]
    local_stack.run("validate")


def test_a_global_table_of_one_region_is_a_table(local_stack):
    """As the CDK's TableV2 is; one of several regions is CloudFormation's. A Kinesis stream that gets the changes is a resource of its own."""
    local_stack.write(
        """
        Resources:
          Items: {Type: AWS::DynamoDB::GlobalTable, Properties: {BillingMode: PAY_PER_REQUEST, AttributeDefinitions: &a [{AttributeName: id, AttributeType: S}], KeySchema: &k [{AttributeName: id, KeyType: HASH}],
            StreamSpecification: {StreamViewType: NEW_IMAGE}, SSESpecification: {SSEEnabled: true, SSEType: KMS},
            Replicas: [{Region: !Ref "AWS::Region", DeletionProtectionEnabled: true, PointInTimeRecoverySpecification: {PointInTimeRecoveryEnabled: true}, SSESpecification: {KMSMasterKeyId: "arn:aws:kms:us-east-1:123456789012:key/k"}}]}}
          Wide: {Type: AWS::DynamoDB::GlobalTable, Properties: {BillingMode: PAY_PER_REQUEST, AttributeDefinitions: *a, KeySchema: *k, Replicas: [{Region: us-east-1}, {Region: eu-west-1}]}}
          Paid: {Type: AWS::DynamoDB::GlobalTable, Properties: {AttributeDefinitions: *a, KeySchema: *k, WriteProvisionedThroughputSettings: {}, Replicas: [{Region: us-east-1}]}}
          Changes: {Type: AWS::Kinesis::Stream, Properties: {Name: changes, ShardCount: 1}}
          Plain: {Type: AWS::DynamoDB::Table, Properties: {TableName: plain, BillingMode: PAY_PER_REQUEST, AttributeDefinitions: *a, KeySchema: *k, KinesisStreamSpecification: {StreamArn: !GetAtt Changes.Arn}}}
          Sent: {Type: AWS::DynamoDB::GlobalTable, Properties: {BillingMode: PAY_PER_REQUEST, AttributeDefinitions: *a, KeySchema: *k, Replicas: [{Region: us-east-1, KinesisStreamSpecification: {StreamArn: !GetAtt Changes.Arn, ApproximateCreationDateTimePrecision: MICROSECOND}}]}}
        Outputs: {Stream: {Value: !GetAtt Items.StreamArn}}
        """, "t.yaml")
    text = imported(local_stack, local_stack.folder / "t.yaml")
    made = stack_of(text)["resources"]
    assert made["items"] == {
        "type": "aws.dynamodb.table", "name": "${stack.name}-items", "billing_mode": "PAY_PER_REQUEST", "attribute_definitions": {"id": "S"}, "key_schema": [{"attribute_name": "id", "key_type": "HASH"}],
        "stream_view_type": "NEW_IMAGE", "kms_key": "arn:aws:kms:us-east-1:123456789012:key/k", "deletion_protection": True, "point_in_time_recovery": True}
    assert made["wide"]["type"] == made["paid"]["type"] == "AWS::DynamoDB::GlobalTable" and "stream: ${items.stream_arn}" in text
    destination = {"type": "aws.dynamodb.streaming_destination", "stream": "${changes.arn}"}
    assert made["plain_stream"] == destination | {"table": "${plain.name}"} and made["sent_stream"] == destination | {"table": "${sent.name}", "precision": "MICROSECOND"}
    local_stack.run("validate")


def test_jobs_as_the_cdk_writes_them(local_stack):
    """Much of it is what the service does anyway; groups and users have policies, too."""
    local_stack.write(
        """
        Resources:
          Machines: {Type: AWS::Batch::ComputeEnvironment, Properties: {Type: managed, ReplaceComputeEnvironment: false, UpdatePolicy: {}, State: ENABLED, ComputeResources: {Type: FARGATE, MaxvCpus: 8, Subnets: [subnet-0a], SecurityGroupIds: [sg-0a]}}}
          Job:
            Type: AWS::Batch::JobDefinition
            Properties: {Type: container, PlatformCapabilities: [FARGATE], RetryStrategy: {}, Timeout: {}, ContainerProperties: {Image: a, Command: [b], Environment: [], FargatePlatformConfiguration: {}, RuntimePlatform: {},
              NetworkConfiguration: {AssignPublicIp: DISABLED}, ReadonlyRootFilesystem: false, ExecutionRoleArn: "arn:aws:iam::123456789012:role/r", ResourceRequirements: [{Type: MEMORY, Value: "512"}, {Type: VCPU, Value: "0.25"}]}}
          Ada: {Type: AWS::IAM::User}
          Team: {Type: AWS::IAM::Group}
          Read: {Type: AWS::IAM::Policy, Properties: {PolicyName: read, Users: [!Ref Ada], PolicyDocument: &p {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "s3:Get*", Resource: "*"}]}}}
          Look: {Type: AWS::IAM::Policy, Properties: {PolicyName: look, Groups: [!Ref Team], PolicyDocument: *p}}
        """, "t.yaml")
    made = stack_of(imported(local_stack, local_stack.folder / "t.yaml"))["resources"]
    assert {name: one["type"] for name, one in made.items()} == {
        "machines": "aws.batch.compute_environment", "job": "aws.batch.job_definition", "ada": "aws.iam.user", "team": "aws.iam.group"}
    assert list(made["ada"]["policies"]) == ["read"] and list(made["team"]["policies"]) == ["look"] and "timeout" not in made["job"]
    local_stack.run("validate")


def test_code_within_functions_becomes_files(local_stack):
    """One with values in it, and one that answers custom resources with CloudFormation's own module, stay CloudFormation's."""
    local_stack.write(
        """
        Resources:
          CodeBucket: {Type: AWS::S3::Bucket, Properties: {BucketName: theirs}}
          Count: {Type: AWS::Lambda::Function, Properties: &f {Handler: index.handler, Runtime: nodejs22.x, Role: "arn:aws:iam::123456789012:role/r", Code: {ZipFile: !Sub "exports.handler = async e => e"}}}
          Joined: {Type: AWS::Lambda::Function, Properties: {<<: *f, Runtime: python3.12, Code: {ZipFile: !Join [";", ["def handler(event, context): a = 1", " return a"]]}}}
          Valued: {Type: AWS::Lambda::Function, Properties: {<<: *f, Code: {ZipFile: !Sub "// ${AWS::Region}"}}}
          Answers: {Type: AWS::Lambda::Function, Properties: {<<: *f, Runtime: python3.12, Code: {ZipFile: "import cfnresponse"}}}
        """, "t.yaml")
    made = stack_of(imported(local_stack, local_stack.folder / "t.yaml"))["resources"]
    assert made["count"]["code"] == {"s3_bucket": "${code_bucket2.name}", "s3_key": "${count_code.key}"} and made["code_bucket"]["name"] == "theirs"
    assert made["count_code"] == {"type": "weir.artifact", "source": "code/count", "package": "zip", "store": "${code_bucket2.name}"}
    assert (local_stack.folder / "code/count/index.js").read_text() == "exports.handler = async e => e"
    assert (local_stack.folder / "code/joined/index.py").read_text() == "def handler(event, context): a = 1; return a"
    assert made["valued"]["type"] == made["answers"]["type"] == "AWS::Lambda::Function"
    local_stack.run("validate")


def test_code_that_serverless_has_packaged(tmp_path, fast_sandbox):
    """Into the bucket of the same stack, before the functions are made; one archive for both."""
    stack = Stack(tmp_path / "stack", fast_sandbox)
    with zipfile.ZipFile(stack.folder / "orders.zip", "w") as archive:
        archive.writestr("a.py", "def b(event, context):\n    return 7\n")
    stack.write(
        """
        Resources:
          ServerlessDeploymentBucket: {Type: AWS::S3::Bucket, Properties: {BucketName: code-of-serverless}}
          Role: {Type: AWS::IAM::Role, Properties: {RoleName: role-of-serverless, AssumeRolePolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: "sts:AssumeRole"}]}}}
          TakeLambdaFunction: {Type: AWS::Lambda::Function, Properties: &f {FunctionName: serverless-take, Handler: a.b, Runtime: python3.12, Role: !GetAtt Role.Arn, Code: {S3Bucket: !Ref ServerlessDeploymentBucket, S3Key: serverless/orders/dev/1764-2026/orders.zip}}}
          GiveLambdaFunction: {Type: AWS::Lambda::Function, Properties: {<<: *f, FunctionName: serverless-give}}
        """, "t.yaml")
    made = stack_of(imported(stack, stack.folder / "t.yaml"))["resources"]
    assert made["take_lambda_function_code"] == {"type": "weir.artifact", "source": "code/orders.zip", "package": "file", "store": "${serverless_deployment_bucket.name}"}
    assert made["take_lambda_function"]["code"] == made["give_lambda_function"]["code"] == {"s3_bucket": "${serverless_deployment_bucket.name}", "s3_key": "${take_lambda_function_code.key}"}
    stack.apply()
    stack.assert_settled()
    assert json.loads(fast_sandbox.client("lambda").invoke(FunctionName="serverless-give")["Payload"].read()) == 7
    stack.destroy()


def test_a_key_that_a_definition_has_twice(local_stack):
    """Which of them counts is not for weir to choose: the report names it, in whatever form the definition is."""
    twice = '{"StartAt": "A", "States": {"A": {"Type": "Pass", "Comment": "one", "Comment": "two ${B}", "End": true}}}'
    machine = {"Type": "AWS::StepFunctions::StateMachine", "Properties": {"RoleArn": "arn:aws:iam::123456789012:role/r"}}
    forms = {"Given": {"DefinitionString": twice, "DefinitionSubstitutions": {"B": "b"}}, "Plain": {"DefinitionString": twice}, "Sub": {"DefinitionString": {"Fn::Sub": twice}}}
    resources = {name: machine | {"Properties": machine["Properties"] | form} for name, form in forms.items()}
    told = local_stack.write(json.dumps({"Resources": {**resources, "B": {"Type": "AWS::S3::Bucket"}}}, indent=1), "t.json").run("import", "cloudformation", "t.json").err
    assert told.count('in its JSON the key "Comment" is given twice') == 3 and "leave one of them out" in told


def test_rules_of_security_groups(tmp_path, fast_sandbox):
    """Of two groups that refer to each other, beside rules within them; one that names its group by name stays CloudFormation's."""
    stack = Stack(tmp_path / "stack", fast_sandbox)
    stack.write(
        """
        Resources:
          Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
          Jobs: {Type: AWS::EC2::SecurityGroup, Properties: {GroupName: rules-jobs, GroupDescription: jobs, VpcId: !Ref Vpc, SecurityGroupEgress: [{IpProtocol: tcp, FromPort: 443, ToPort: 443, CidrIp: 0.0.0.0/0}]}}
          Store: {Type: AWS::EC2::SecurityGroup, Properties: {GroupName: rules-store, GroupDescription: store, VpcId: !Ref Vpc, SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 443, ToPort: 443, CidrIp: 10.0.0.0/8}]}}
          Reach: {Type: AWS::EC2::SecurityGroupIngress, Properties: {GroupId: !GetAtt Store.GroupId, IpProtocol: tcp, FromPort: 5432, ToPort: 5432, SourceSecurityGroupId: !GetAtt Jobs.GroupId, Description: from jobs}}
          Leave: {Type: AWS::EC2::SecurityGroupEgress, Properties: {GroupId: !GetAtt Jobs.GroupId, IpProtocol: tcp, FromPort: 5432, ToPort: 5432, DestinationSecurityGroupId: !GetAtt Store.GroupId}}
          Named: {Type: AWS::EC2::SecurityGroupIngress, Properties: {GroupName: default, IpProtocol: tcp, FromPort: 22, ToPort: 22, CidrIp: 10.0.0.0/8}}
        """, "t.yaml")
    made = stack_of(imported(stack, stack.folder / "t.yaml"))["resources"]
    rule = {"type": "aws.ec2.security_group_rule", "protocol": "tcp", "from_port": 5432, "to_port": 5432}
    assert made["reach"] == {**rule, "group_id": "${store.group_id}", "source_group": "${jobs.group_id}", "description": "from jobs"}
    assert made["leave"] == {**rule, "group_id": "${jobs.group_id}", "source_group": "${store.group_id}", "egress": True} and made["named"]["type"] == "AWS::EC2::SecurityGroupIngress"
    assert made["store_ingress1"] == {**rule, "from_port": 443, "to_port": 443, "cidr": "10.0.0.0/8", "group_id": "${store.group_id}"} and "ingress" not in made["store"]
    assert made["jobs"]["lifecycle"] == {"ignore_changes": ["egress"]}
    text = (stack.folder / "weir.yaml").read_text()
    stack.write(text[:text.index("  named:")]).apply()
    stack.assert_settled()
    (jobs, store) = (stack.client("ec2").describe_security_groups(Filters=[{"Name": "group-name", "Values": [f"rules-{name}"]}])["SecurityGroups"][0] for name in ("jobs", "store"))
    assert sorted(one["FromPort"] for one in store["IpPermissions"]) == sorted(one["FromPort"] for one in jobs["IpPermissionsEgress"]) == [443, 5432]
    stack.destroy()


def test_streams_that_convert_and_partition(local_stack):
    local_stack.write(
        """
        Resources:
          Parquet:
            Type: AWS::KinesisFirehose::DeliveryStream
            Properties:
              ExtendedS3DestinationConfiguration:
                BucketARN: "arn:aws:s3:::raw"
                RoleARN: &role "arn:aws:iam::123456789012:role/r"
                BufferingHints: {SizeInMBs: 64, IntervalInSeconds: 60}
                DynamicPartitioningConfiguration: {Enabled: true, RetryOptions: {DurationInSeconds: 300}}
                DataFormatConversionConfiguration:
                  Enabled: true
                  SchemaConfiguration: {CatalogId: "123456789012", DatabaseName: films, TableName: orders, RoleARN: *role, Region: us-east-1, VersionId: LATEST}
                  InputFormatConfiguration: {Deserializer: {OpenXJsonSerDe: {CaseInsensitive: true}}}
                  OutputFormatConfiguration: {Serializer: {ParquetSerDe: {Compression: SNAPPY}}}
          Older: {Type: AWS::KinesisFirehose::DeliveryStream, Properties: {S3DestinationConfiguration: {BucketARN: "arn:aws:s3:::raw", RoleARN: *role, Prefix: raw/, BufferingHints: {SizeInMBs: 5, IntervalInSeconds: 60}, CompressionFormat: GZIP}}}
        """, "t.yaml")
    made = stack_of(imported(local_stack, local_stack.folder / "t.yaml"))["resources"]
    s3 = made["parquet"]["s3"]
    assert s3["dynamic_partitioning"] == {"enabled": True, "retry_seconds": 300} and s3["buffer_size"] == 64
    assert s3["conversion"] == {"enabled": True, "database": "films", "table": "orders", "role": "arn:aws:iam::123456789012:role/r", "region": "us-east-1", "version": "LATEST",
                                "json": {"case_insensitive": True}, "parquet": {"compression": "SNAPPY"}}
    assert made["older"]["s3"] == {"bucket": "arn:aws:s3:::raw", "role": "arn:aws:iam::123456789012:role/r", "prefix": "raw/", "buffer_size": 5, "buffer_seconds": 60, "compression": "GZIP"}
    local_stack.run("validate")


def test_tables_with_a_key_of_their_own(local_stack):
    local_stack.write(
        """
        Resources:
          Table:
            Type: AWS::DynamoDB::Table
            Properties:
              BillingMode: PAY_PER_REQUEST
              AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
              KeySchema: [{AttributeName: id, KeyType: HASH}]
              SSESpecification: {SSEEnabled: true, SSEType: KMS, KMSMasterKeyId: "arn:aws:kms:us-east-1:123456789012:key/k"}
          Managed:
            Type: AWS::DynamoDB::Table
            Properties:
              BillingMode: PAY_PER_REQUEST
              AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
              KeySchema: [{AttributeName: id, KeyType: HASH}]
              SSESpecification: {SSEEnabled: true}
        """, "t.yaml")
    made = stack_of(imported(local_stack, "t.yaml"))["resources"]
    assert made["table"]["type"] == "aws.dynamodb.table" and made["table"]["kms_key"] == "arn:aws:kms:us-east-1:123456789012:key/k" and "sse_enabled" not in made["table"]
    assert made["managed"]["type"] == "aws.dynamodb.table" and made["managed"]["sse_enabled"] is True


def test_a_live_stack_is_taken_over(stack, cloud):
    template = TEMPLATES[0].parent / "live.yaml"
    formation = cloud.client("cloudformation")
    formation.create_stack(
        StackName="pipe", TemplateBody=template.read_text(), Parameters=[{"ParameterKey": "Stage", "ParameterValue": "test"}], Capabilities=["CAPABILITY_IAM"]
    )
    result = stack.run("import", "cloudformation", template, "--stack", "pipe")
    assert "delete-stack --stack-name pipe" in result.err and "Retain" in result.err
    plan = stack.plan()
    assert set(plan.values()) == {"adopt"} and len(plan) == 9, plan
    assert "0 to create, 0 to update, 0 to replace, 0 to delete" in stack.run("plan").out
    # broken off at the fourth, and taken up
    process = stack.start("apply", "--yes", "--parallelism", "1")
    until(lambda: process.poll() is not None or len(re.findall('"kind":"done"', stack.log().read_text() if list((stack.folder / ".weir").glob("*.log")) else "")) > 3, None)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    stack.apply()
    stack.assert_settled()
    assert len(stack.addresses()) == 9
    assert stack.outputs()["url"].endswith("/work-test")
    # the same from the template that CloudFormation keeps
    other = Stack(stack.folder.parent / "other", cloud)
    other.run("import", "cloudformation", "--stack", "pipe", "-o", "kept")
    plain = [stack_of((folder / "weir.yaml").read_text())["resources"] for folder in (stack.folder, other.folder / "kept")]
    assert plain[0] == plain[1]


def test_a_live_table_with_a_kinesis_stream(tmp_path, cloud, fast_sandbox):
    """The stream that gets the table's changes is imported as a resource of its own. moto has no such streams, the sandbox no CloudFormation."""
    schema = {"AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}], "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}], "BillingMode": "PAY_PER_REQUEST"}
    table = {"Type": "AWS::DynamoDB::Table", "Properties": schema | {"TableName": "items", "KinesisStreamSpecification": {"StreamArn": {"Fn::GetAtt": ["Changes", "Arn"]}}}}
    template = json.dumps({"Resources": {"Changes": {"Type": "AWS::Kinesis::Stream", "Properties": {"Name": "changes", "ShardCount": 1}}, "Items": table}})
    cloud.client("cloudformation").create_stack(StackName="shop", TemplateBody=template)
    kinesis, dynamodb = fast_sandbox.client("kinesis"), fast_sandbox.client("dynamodb")
    kinesis.create_stream(StreamName="changes", ShardCount=1)
    dynamodb.create_table(TableName="items", **schema)
    dynamodb.enable_kinesis_streaming_destination(TableName="items", StreamArn=kinesis.describe_stream_summary(StreamName="changes")["StreamDescriptionSummary"]["StreamARN"])
    stack = Stack(tmp_path / "stack", fast_sandbox)
    stack.run("import", "cloudformation", "--stack", "shop", env={"AWS_ENDPOINT_URL_CLOUDFORMATION": cloud.url})
    made = stack_of((stack.folder / "weir.yaml").read_text())
    assert made["resources"]["items_stream"] == {"type": "aws.dynamodb.streaming_destination", "table": "${items.name}", "stream": "${changes.arn}"}
    assert stack.plan() == {"changes": "adopt", "items": "adopt", "items_stream": "adopt"}
    stack.apply()
    stack.assert_settled()


def test_exports_of_other_stacks_are_known(stack, cloud):
    formation = cloud.client("cloudformation")
    formation.create_stack(
        StackName="net", TemplateBody=json.dumps({
            "Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "q"}}},
            "Outputs": {"O": {"Value": {"Ref": "Q"}, "Export": {"Name": "net-queue"}}},
        })
    )
    template = {"Resources": {"P": {"Type": "AWS::SSM::Parameter", "Properties": {"Name": "/p", "Type": "String", "Value": {"Fn::ImportValue": "net-queue"}}}}}
    formation.create_stack(StackName="user", TemplateBody=json.dumps(template))
    stack.run("import", "cloudformation", "--stack", "user")
    assert stack_of((stack.folder / "weir.yaml").read_text())["inputs"]["net_queue"]["default"].endswith("/q")
    stack.apply()
    stack.assert_settled()


def test_deployments_of_http_apis(tmp_path, fast_sandbox):
    """CloudFormation and Terraform have them as weir does; what triggers one is an expression here, too."""
    stack = Stack(tmp_path / "stack", fast_sandbox)
    stack.write(
        """
        Resources:
          A: {Type: AWS::ApiGatewayV2::Api, Properties: {Name: a, ProtocolType: HTTP}}
          R: {Type: AWS::ApiGatewayV2::Route, Properties: {ApiId: !Ref A, RouteKey: GET /}}
          D: {Type: AWS::ApiGatewayV2::Deployment, DependsOn: R, Properties: {ApiId: !Ref A, Description: d}}
          S: {Type: AWS::ApiGatewayV2::Stage, Properties: {ApiId: !Ref A, StageName: s, DeploymentId: !Ref D}}
        """,
        "t.yaml",
    )
    resources = stack_of(imported(stack, "t.yaml"))["resources"]
    assert resources["d"] == {"type": "aws.apigatewayv2.deployment", "api": "${a.api_id}", "description": "d", "depends_on": ["r"]}
    assert resources["s"]["deployment_id"] == "${d.deployment_id}"
    stack.apply()
    stack.assert_settled()
    assert fast_sandbox.client("apigatewayv2").get_stages(ApiId=fast_sandbox.client("apigatewayv2").get_apis()["Items"][0]["ApiId"])["Items"][0]["DeploymentId"]


def test_patterns_of_another_syntax(local_stack):
    """A hyphen after a class is one; what no pattern here can say is left out. Scalars with a question mark are read by other YAML readers, too."""
    local_stack.write(
        r"""
        Parameters:
          Mail: {Type: String, Default: "a-b.c+d@example.com", AllowedPattern: '[\w-\.+]+@([\w-]+\.)+[a-z\]]{2,}'}
          Odd: {Type: String, Default: x, AllowedPattern: '\p{Alnum}+'}
          Every: {Type: String, Default: "cron(1/5 * * * ? *)"}
        Resources: {T: {Type: AWS::SNS::Topic, Properties: {TopicName: !Ref Odd, DisplayName: !Sub "${Mail}${Every}"}}}
        """, "t.yaml")
    result = local_stack.run("import", "cloudformation", "t.yaml")
    inputs = stack_of((local_stack.folder / "weir.yaml").read_text())["inputs"]
    assert inputs["mail"]["pattern"] == r"[\w\-\.+]+@([\w\-]+\.)+[a-z\]]{2,}" and "pattern" not in inputs["odd"] and "the pattern has another syntax, and is left out" in result.err
    assert inputs["every"]["default"] == "cron(1/5 * * * ? *)"
    local_stack.run("validate")
    assert local_stack.run("validate", "-i", "mail=a b@example.com", status=3)


def test_what_parameters_take(local_stack):
    """Items of lists are numbers where those of the template are, and match its pattern; a bound between whole numbers is told of."""
    local_stack.write(
        """
        Parameters:
          Numbers: {Type: List<Number>, Default: "1, 2.5"}
          Names: {Type: CommaDelimitedList, Default: "a,b", AllowedPattern: "[a-z]+"}
          Part: {Type: Number, Default: 0.7, MinValue: 0.5}
          Half: {Type: Number, Default: 1, MinValue: 0.5, MaxValue: 3}
        Resources:
          Q: {Type: AWS::SQS::Queue}
        """,
        "t.yaml",
    )
    result = local_stack.run("import", "cloudformation", "t.yaml")
    assert stack_of((local_stack.folder / "weir.yaml").read_text())["inputs"] == {
        "numbers": {"type": "list(number)", "default": [1, 2.5]},
        "names": {"type": "list(string)", "default": ["a", "b"], "pattern": "[a-z]+"},
        "part": {"type": "number", "default": 0.7},
        "half": {"type": "number", "default": 1, "range": [None, 3]},
    }
    assert all(f"t.yaml:{line}:" in result.err for line in (5, 6)) and result.err.count("`MinValue` is not a whole number") == 2
    local_stack.run("validate")
    assert "does not match [a-z]+" in local_stack.run("validate", "-i", 'names=["1"]', status=3).err


def test_parameters_of_ssm(tmp_path, fast_sandbox):
    """The input is the name; what lies there is a text, or a list that is one text."""
    stack, ssm = Stack(tmp_path / "stack", fast_sandbox), fast_sandbox.client("ssm")
    stack.write(
        """
        Parameters:
          Ids: {Type: "AWS::SSM::Parameter::Value<List<AWS::EC2::Subnet::Id>>", Default: /ids}
          Names: {Type: "AWS::SSM::Parameter::Value<CommaDelimitedList>", Default: /names}
          Image: {Type: "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>", Default: /image}
          Which: {Type: "AWS::SSM::Parameter::Name", Default: /image}
        Resources:
          A: {Type: AWS::SSM::Parameter, Properties: {Type: String, Name: a, Value: !Select [1, !Ref Ids]}}
          B: {Type: AWS::SSM::Parameter, Properties: {Type: StringList, Name: b, Value: !Join ["|", !Ref Names]}}
          C: {Type: AWS::SSM::Parameter, Properties: {Type: String, Name: c, Value: !Sub "${Image} of ${Which}"}}
        """,
        "t.yaml",
    )
    for name, value in ("/ids", "subnet-1,subnet-2"), ("/names", "x,y,z"), ("/image", "ami-1"):
        ssm.put_parameter(Name=name, Value=value, Type="String" if name == "/image" else "StringList")
    imported(stack, "t.yaml")
    stack.apply()
    stack.assert_settled()
    assert [ssm.get_parameter(Name=name)["Parameter"]["Value"] for name in "abc"] == ["subnet-2", "x|y|z", "ami-1 of /image"]


def test_nothing_is_written_over_and_a_dry_run_writes_nothing(local_stack):
    template = TEMPLATES[0].parent / "network.yaml"
    result = local_stack.run("import", "cloudformation", template, "--dry-run")
    assert "nothing was written" in result.err and not list(local_stack.folder.iterdir())
    local_stack.write("stack: mine\n")
    result = local_stack.run("import", "cloudformation", template, status=3)
    assert "exists already" in result.err and (local_stack.folder / "weir.yaml").read_text() == "stack: mine\n"
    assert "stack: network" in local_stack.run("import", "cloudformation", template, "-o", "-").out
    local_stack.run("import", "cloudformation", template, "-o", "elsewhere", "--name", "other")
    assert (local_stack.folder / "elsewhere/weir.yaml").read_text().startswith("stack: other\n")


SECRETS = "hunter2-of-param", "hunter2-in-prop", "hunter2-in-env", "hunter2-in-url"


def test_a_parameter_of_ssm_that_is_not_a_securestring_is_plain(local_stack):
    """Unless its name or the resource's names a secret."""
    local_stack.write(
        """
        Resources:
          Stage: {Type: AWS::SSM::Parameter, Properties: {Name: /lake/stage, Type: String, Value: dev}}
          Zones: {Type: AWS::SSM::Parameter, Properties: {Name: /lake/zones, Type: StringList, Value: "raw,refined"}}
          Login: {Type: AWS::SSM::Parameter, Properties: {Name: /lake/db_password, Type: String, Value: hunter2}}
          ApiToken: {Type: AWS::SSM::Parameter, Properties: {Name: /lake/x, Type: String, Value: hunter2}}
        """, "t.yaml")
    made = stack_of(imported(local_stack, local_stack.folder / "t.yaml"))["resources"]
    assert [made[name]["value"] for name in ("stage", "zones", "login", "api_token")] == ["dev", "raw,refined", "${inputs.login_value}", "${inputs.api_token_value}"]


def test_alarms_on_several_metrics(local_stack):
    local_stack.write(
        """
        Resources:
          Failed:
            Type: AWS::CloudWatch::Alarm
            Properties:
              EvaluationPeriods: 1
              Threshold: 0
              ComparisonOperator: GreaterThanThreshold
              Metrics:
                - {Id: a, ReturnData: false, MetricStat: {Metric: {Namespace: AWS/Events, MetricName: FailedInvocations, Dimensions: [{Name: RuleName, Value: nightly}]}, Period: 60, Stat: Sum}}
                - {Id: b, Expression: a * 2, Period: 60, ReturnData: true}
        """, "t.yaml")
    (made,) = stack_of(imported(local_stack, local_stack.folder / "t.yaml"))["resources"].values()
    assert made["metrics"] == [{"id": "a", "return_data": False, "namespace": "AWS/Events", "metric_name": "FailedInvocations", "dimensions": {"RuleName": "nightly"}, "period": 60, "stat": "Sum"},
                               {"id": "b", "expression": "a * 2", "return_data": True, "expression_period": 60}]
    local_stack.run("validate")


def test_buckets_of_streams_without_a_key(local_stack):
    local_stack.write(
        """
        Resources:
          Clicks:
            Type: AWS::KinesisFirehose::DeliveryStream
            Properties:
              ExtendedS3DestinationConfiguration:
                {BucketARN: "arn:aws:s3:::raw", RoleARN: "arn:aws:iam::123456789012:role/r", EncryptionConfiguration: {NoEncryptionConfig: NoEncryption}}
        """, "t.yaml")
    (made,) = stack_of(imported(local_stack, local_stack.folder / "t.yaml"))["resources"].values()
    assert made["type"] == "aws.firehose.delivery_stream" and set(made["s3"]) == {"bucket", "role"}


def test_secrets_are_never_written(local_stack):
    local_stack.write(
        f"""
        Parameters:
          Given: {{Type: String, NoEcho: true, Default: {SECRETS[0]}}}
        Resources:
          Db:
            Type: AWS::RDS::DBInstance
            Properties: {{DBInstanceIdentifier: db, Engine: postgres, DBInstanceClass: db.t3.micro, AllocatedStorage: "20", MasterUsername: root, MasterUserPassword: {SECRETS[1]}}}
          F:
            Type: AWS::Lambda::Function
            Properties:
              Role: arn:aws:iam::123456789012:role/r
              Runtime: python3.12
              Handler: a.b
              Code: {{S3Bucket: b, S3Key: k}}
              Environment: {{Variables: {{API_TOKEN: {SECRETS[2]}, URL: "postgres://u:{SECRETS[3]}@h/d", MODE: plain}}}}
        """,
        "t.yaml",
    )
    result = local_stack.run("import", "cloudformation", "t.yaml")
    text = (local_stack.folder / "weir.yaml").read_text()
    assert not [secret for secret in SECRETS if secret in text + result.out + result.err]
    sensitive = [name for name, one in stack_of(text)["inputs"].items() if one.get("sensitive")]
    assert sensitive == ["given", "db_master_user_password", "f_api_token", "f_url"] or len(sensitive) == 4
    assert "t.yaml:3:" in result.err and "MODE: plain" in text


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("Resources:\n  A: {Type: AWS::SQS::Queue, Properties: {QueueName: !GetAtt B.QueueName}}\n  B: {Type: AWS::SQS::Queue, DependsOn: A}\n", ["t.yaml:", "a circle: A -> B -> A"]),
        ("Resources:\n  A: {Type: AWS::SQS::Queue, Properties: {QueueName: !Ref Nme}}\nParameters: {Name: {Type: String}}\n", ["t.yaml:2:", 'nothing called "Nme"', 'did you mean "Name"?']),
        ("Resources:\n  A: {Type: AWS::SQS::Queue, Condition: No}\n", ["t.yaml:2:", 'no condition "No"']),
        ("Outputs: {}\n", ["t.yaml:1:1", "a template has `Resources:`"]),
        ("Resources: {A: {Type: AWS::SQS::Queue, Properties: {QueueName: !Join [a]}}}\n", ["Fn::Join takes a list of 2"]),
        ("Resources: [1, 2\n", ["t.yaml:"]),
        ("Resources:\n  A: {Properties: {QueueName: a}}\n  B: 12\n  C: {Type: {Ref: A}}\n", ["t.yaml:2:", "t.yaml:3:", "t.yaml:4:", "a resource is a map with its `Type`"]),
    ],
)
def test_mistakes_have_their_place(local_stack, template, told):
    local_stack.write(template, "t.yaml")
    result = local_stack.run("import", "cloudformation", "t.yaml", status=3)
    assert all(part in result.err for part in told), result.err
    assert not (local_stack.folder / "weir.yaml").exists()


def test_what_has_no_equivalent_is_reported(local_stack):
    local_stack.write(
        """
        Transform: [Company::Macro, AWS::LanguageExtensions]
        Rules: {}
        Resources:
          Made: {Type: Custom::Thing, Properties: {ServiceToken: x}}
          Own: {Type: Company::Data::Lake}
          Lists: {Type: AWS::ApiGateway::Method, Properties: {RestApiId: a, ResourceId: b, HttpMethod: GET, AuthorizationType: NONE, MethodResponses: [[{a: 1}, {b: 2}]]}}
          Queue: {Type: AWS::SQS::Queue, CreationPolicy: {}, DependsOn: Made, Properties: {QueueName: !GetAtt Made.Name, Odd: 1}}
        """,
        "t.yaml",
    )
    result = local_stack.run("import", "cloudformation", "t.yaml")
    for part in ("Company::Macro", "`Rules` has no equivalent", "Custom::Thing", "Company::Data::Lake", "`CreationPolicy` has no equivalent", "`Odd` has no equivalent", "t.yaml:5:"):
        assert part in result.err, part
    stack = stack_of((local_stack.folder / "weir.yaml").read_text())
    assert list(stack["resources"]) == ["lists", "queue"] and "made_name" in stack["inputs"] and "depends_on" not in stack["resources"]["queue"]


def test_a_gigantic_template(local_stack):
    """500 resources, five megabytes; JSON as CDK writes it."""
    words = "x" * 9000
    template = {"Resources": {
        f"Job{i:03}": {"Type": "AWS::Glue::Job", "Properties": {
            "Name": f"job-{i}", "Role": "arn:aws:iam::123456789012:role/r", "Command": {"Name": "glueetl", "ScriptLocation": "s3://b/k"},
            "DefaultArguments": {"--next": {"Ref": f"Job{i + 1:03}"} if i < 499 else "end", "--words": words},
        }} for i in range(500)
    }}
    local_stack.write(json.dumps(template, indent="\t"), "t.json")
    assert (local_stack.folder / "t.json").stat().st_size > 4_500_000
    result, cpu_s = cpu_of(lambda: local_stack.run("import", "cloudformation", "t.json"))
    assert "500 of weir's own types" in result.err and cpu_s < 10
    local_stack.run("validate")


def test_a_map_of_many_keys_in_one_line(local_stack):
    arguments = {f"--k{i}": f"v{i}" for i in range(40000)}
    job = {"Type": "AWS::Glue::Job", "Properties": {"Name": "j", "Role": "arn:aws:iam::123456789012:role/r", "Command": {"Name": "glueetl", "ScriptLocation": "s3://b/k"}, "DefaultArguments": arguments}}
    local_stack.write(json.dumps({"Resources": {"Job": job}}), "t.json")
    text, cpu_s = cpu_of(lambda: imported(local_stack, "t.json"))
    assert cpu_s < 5, "it was ten seconds"
    assert stack_of(text)["resources"]["job"]["default_arguments"] == arguments


def test_dynamic_references(tmp_path, fast_sandbox):
    """As they are and put together by functions, of secrets that are there, and of one that the same stack makes."""
    stack = Stack(tmp_path / "stack", fast_sandbox)
    stack.write(
        """
        Parameters: {Stage: {Type: String, Default: dev}}
        Resources:
          Made: {Type: AWS::SecretsManager::Secret, Properties: {Name: made, SecretString: '{"user": "u-made"}'}}
          A: {Type: AWS::SSM::Parameter, Properties: {Type: String, Name: a, Value: !Sub "<{{resolve:ssm:/shop/${Stage}/token:1}}|{{resolve:secretsmanager:there:SecretString:key}}>"}}
          B: {Type: AWS::SSM::Parameter, Properties: {Type: String, Name: b, Value: !Join ["", ["{{resolve:secretsmanager:", !Ref Made, ":SecretString:user}}"]]}}
          C: {Type: AWS::SSM::Parameter, Properties: {Type: String, Name: c, Value: !Sub "{{resolve:secretsmanager:${Made}}}"}}
        """,
        "t.yaml",
    )
    fast_sandbox.client("ssm").put_parameter(Name="/shop/dev/token", Value="t-there", Type="String")
    fast_sandbox.client("secretsmanager").create_secret(Name="there", SecretString='{"key": "k-there"}')
    text = imported(stack, "t.yaml")
    assert len(stack_of(text)["data"]) == 3
    given = ["-i", 'made_secret_string={"user": "u-made"}'] if "made_secret_string" in text else []
    stack.apply(*given)
    stack.assert_settled(*given)
    ssm = fast_sandbox.client("ssm")
    values = [ssm.get_parameter(Name=name)["Parameter"]["Value"] for name in "abc"]
    assert values == ["<t-there|k-there>", "u-made", '{"user": "u-made"}']


GENERATED = """
    Parameters: {User: {Type: String, Default: loader}}
    Resources:
      Login:
        Type: AWS::SecretsManager::Secret
        Properties:
          Name: generated/login
          Tags: [{Key: team, Value: data}]
          GenerateSecretString: {SecretStringTemplate: !Sub '{"username": "${User}", "ssl": true}', GenerateStringKey: password, PasswordLength: 20, ExcludePunctuation: true, ExcludeCharacters: 0Oo}
      Attached: {Type: AWS::SecretsManager::SecretTargetAttachment, Properties: {SecretId: !Ref Login, TargetId: !Ref Lake, TargetType: AWS::RDS::DBCluster}}
      Lake:
        Type: AWS::RDS::DBCluster
        DeletionPolicy: Delete
        Properties:
          DBClusterIdentifier: generated-lake
          Engine: aurora-postgresql
          DatabaseName: shop
          MasterUsername: !Sub "{{resolve:secretsmanager:${Login}:SecretString:username}}"
          MasterUserPassword: "{{resolve:secretsmanager:generated/login:SecretString:password::}}"
      Token: {Type: AWS::SecretsManager::Secret, DependsOn: Attached, Properties: {Name: generated/token, GenerateSecretString: {PasswordLength: 40, RequireEachIncludedType: true, ExcludeNumbers: "true", IncludeSpace: false}}}
      Where: {Type: AWS::SSM::Parameter, Properties: {Type: String, Name: /generated/where, Value: !Join ["|", [!Ref Attached, !Sub "{{resolve:secretsmanager:${Token}}}"]]}}
"""


def test_generated_secrets(tmp_path, fast_sandbox):
    """The password is a secret by itself, which the database and the JSON of the other get it from; that also has what an attachment adds."""
    stack = Stack(tmp_path / "stack", fast_sandbox).write(GENERATED, "t.yaml")
    made = stack_of(imported(stack, "t.yaml"))["resources"]
    assert set(made) == {"login", "login_password", "lake", "token", "where"} and {one["type"].split(".")[0] for one in made.values()} == {"aws"}
    assert made["login_password"]["generate"]["exclude"].startswith('0Oo!"#') and made["token"]["generate"] == {"length": 40, "exclude": "0123456789"}
    stack.apply()
    stack.assert_settled()
    secrets, ssm = stack.client("secretsmanager"), stack.client("ssm")
    value = lambda name: secrets.get_secret_value(SecretId=name)["SecretString"]
    password, cluster = value("generated/login-password"), stack.client("rds").describe_db_clusters()["DBClusters"][0]
    assert json.loads(value("generated/login")) == {"username": "loader", "ssl": True, "password": password, "engine": "postgres", "host": cluster["Endpoint"], "port": cluster["Port"],
                                                     "dbname": "shop", "dbClusterIdentifier": "generated-lake"}
    assert cluster["MasterUsername"] == "loader" and re.fullmatch("[A-NP-Za-np-z1-9]{20}", password) and re.fullmatch("[^0-9]{40}", value("generated/token"))
    assert ssm.get_parameter(Name="/generated/where")["Parameter"]["Value"] == f"{secrets.describe_secret(SecretId='generated/login')['ARN']}|{value('generated/token')}"
    assert password not in stack.state_text() and value("generated/token") not in stack.state_text().replace(ssm.get_parameter(Name="/generated/where")["Parameter"]["Value"], "")
    stack.destroy()
    assert not secrets.list_secrets(IncludePlannedDeletion=True)["SecretList"] and not stack.client("rds").describe_db_clusters()["DBClusters"]


def test_secrets_that_were_generated_keep_their_value(stack, cloud):
    """Of a live stack: nothing is generated again, and the database's password is the one in the secret."""
    secrets = cloud.client("secretsmanager")
    template = GENERATED.split("      Token:")[0]
    cloud.client("cloudformation").create_stack(StackName="generated", TemplateBody="Resources: {Queue: {Type: AWS::SQS::Queue}}")  # moto's has neither secrets nor clusters
    cloud.client("rds").create_db_cluster(DBClusterIdentifier="generated-lake", Engine="aurora-postgresql", DatabaseName="shop", MasterUsername="loader", MasterUserPassword="of-the-service")
    before = secrets.create_secret(Name="generated/login", SecretString=json.dumps({"username": "loader", "password": "of-the-service"}))
    made = stack_of(imported(stack.write(template, "t.yaml"), "t.yaml", "--stack", "generated"))
    made["imports"] = [{"address": "login", "id": before["ARN"]}, {"address": "lake", "id": "generated-lake"}]
    stack.write(yaml.safe_dump(made))
    assert set(made["resources"]) == {"login", "lake"} and not {"generate", "secret_string"} & set(made["resources"]["login"])
    plan = stack.plan()
    assert {name: action for name, action in plan.items() if name in made["resources"]} == {"login": "adopt", "lake": "adopt"}, plan
    stack.apply()
    stack.assert_settled()
    after = secrets.get_secret_value(SecretId="generated/login")
    assert after["VersionId"] == before["VersionId"] and "of-the-service" not in stack.state_text()


def test_dynamic_references_under_a_condition(tmp_path, fast_sandbox):
    """They are read only where somebody needs them: nothing of that need be there otherwise."""
    stack = Stack(tmp_path / "stack", fast_sandbox)
    stack.write(
        """
        Parameters: {Stage: {Type: String, Default: dev}}
        Conditions: {Prod: !Equals [!Ref Stage, prod], Test: !Equals [!Ref Stage, test]}
        Resources:
          Only: {Type: AWS::SSM::Parameter, Condition: Prod, Properties: {Type: String, Name: /when/only, Value: "{{resolve:ssm:/when/none}}"}}
          Chosen: {Type: AWS::SSM::Parameter, Properties: {Type: String, Name: /when/chosen, Value: !If [Prod, "{{resolve:ssm:/when/absent}}", !If [Test, "{{resolve:ssm:/when/tested}}", plain]]}}
          Twice: {Type: AWS::SSM::Parameter, Condition: Test, Properties: {Type: String, Name: /when/twice, Value: "{{resolve:ssm:/when/none}}"}}
          Always: {Type: AWS::SSM::Parameter, Properties: {Type: String, Name: /when/always, Value: "{{resolve:ssm:/when/there}}"}}
          Again: {Type: AWS::SSM::Parameter, Condition: Prod, Properties: {Type: String, Name: /when/again, Value: "{{resolve:ssm:/when/there}}"}}
        """, "t.yaml")
    made = stack_of(imported(stack, stack.folder / "t.yaml"))
    assert {one["name"].split("/")[-1]: one.get("when") for one in made["data"].values()} == {
        "none": "${locals.prod || locals.test}", "absent": "${locals.prod}", "tested": "${!locals.prod && locals.test}", "there": None}
    ssm = fast_sandbox.client("ssm")
    ssm.put_parameter(Name="/when/there", Value="v", Type="String")
    stack.apply()
    stack.assert_settled()
    assert ssm.get_parameter(Name="/when/chosen")["Parameter"]["Value"] == "plain"
    stack.destroy()


def test_included_files(local_stack):
    """AWS::Include of a path is what it says; of S3, and other macros, it is told what they are; one that includes itself ends."""
    include = "{Name: AWS::Include, Parameters: {Location: %s}}"
    local_stack.write(
        f"""
        Transform: {include % "s3://b/all.yaml"}
        Resources:
          Fn::Transform: {include % "./parts/more.yaml"}
          A:
            Type: AWS::SQS::Queue
            Properties:
              QueueName: a
              Fn::Transform: {include % "s3://b/properties.yaml"}
          B: {{Type: AWS::SQS::Queue, Properties: {{QueueName: b, Fn::Transform: {{Name: Company::Macro}}}}}}
        """,
        "t.yaml",
    )
    local_stack.write("C: {Type: AWS::SQS::Queue, Properties: {QueueName: !Sub 'c-${A.QueueName}'}}\n", "parts/more.yaml")
    result = local_stack.run("import", "cloudformation", "t.yaml")
    for part in ("t.yaml:2:56", "t.yaml:9:", "t.yaml:10:", 'macro "Company::Macro"', "what AWS::Include puts here", "AWS::Include adds to the whole"):
        assert part in result.err, (part, result.err)
    assert {name: one["name"] for name, one in stack_of((local_stack.folder / "weir.yaml").read_text())["resources"].items()} == {"a": "a", "b": "b", "c": "c-${a.name}"}
    local_stack.write(f"Resources:\n  Fn::Transform: {include % 'round.yaml'}\n", "t.yaml")
    local_stack.write(f"A: {{Type: AWS::SQS::Queue}}\nFn::Transform: {include % 'round.yaml'}\n", "round.yaml")
    assert "files that include files, too deep" in local_stack.run("import", "cloudformation", "t.yaml", "--force", status=3).err


@pytest.mark.long
def test_what_everything_refers_to(local_stack):
    """3,000 resources that refer to each other and wait for each other, with policies in between: no way is gone twice."""
    trust = '{Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {Service: sns.amazonaws.com}, Action: "sts:AssumeRole", Condition: {ArnLike: {"aws:SourceArn": [%s]}}}]}'
    statement = '{Version: "2012-10-17", Statement: [{Effect: Allow, Action: "sqs:*", Resource: [%s]}]}'
    parts = []
    for i in range(1000):
        before = ", ".join(f"!GetAtt Q{k}.Arn" for k in range(max(0, i - 6), i)) or '"*"'
        parts += [
            f"  Q{i}: {{Type: AWS::SQS::Queue, DependsOn: [{', '.join(f'P{k}' for k in range(max(0, i - 3), i))}], Properties: {{QueueName: q{i}}}}}",
            f"  R{i}: {{Type: AWS::IAM::Role, Properties: {{RoleName: r{i}, AssumeRolePolicyDocument: {trust % before}}}}}",
            f"  P{i}: {{Type: AWS::IAM::Policy, Properties: {{PolicyName: p, Roles: [!Ref R{i}], PolicyDocument: {statement % before}}}}}",
        ]
    local_stack.write("Resources:\n" + "\n".join(parts) + "\n", "t.yaml")
    result, cpu_s = cpu_of(lambda: local_stack.run("import", "cloudformation", "t.yaml"))
    assert "2000 of weir's own types, 0 of CloudFormation's" in result.err and cpu_s < 10
    local_stack.run("validate")


def test_bytes_are_said_as_they_are(tmp_path, fast_sandbox):
    """Fn::Base64, and base64 itself: an attribute of weir's has what is encoded; the service gets it once encoded."""
    stack = Stack(tmp_path / "stack", fast_sandbox)
    data = "{Type: AWS::EC2::LaunchTemplate, Properties: {LaunchTemplateName: %s, LaunchTemplateData: {ImageId: ami-12c6146b, InstanceType: t4g.small, UserData: %s}}}"
    stack.write("Resources:\n  A: " + data % ("node-a", '!Base64 "#!/bin/sh\\necho ${x} $y\\n"') + "\n  B: " + data % ("node-b", '!Base64 {"Fn::Sub": "#!/bin/sh\\necho ${AWS::StackName} ${!USER}\\n"}')
                + "\n  C: " + data % ("node-c", "IyEvYmluL3NoCg==") + "\nOutputs: {E: {Value: !Base64 x}}\n", "t.yaml")
    imported(stack, "t.yaml", "--name", "it")
    stack.apply()
    stack.assert_settled()
    assert stack.outputs() == {"e": "eA=="}
    ec2 = fast_sandbox.client("ec2")
    read = [ec2.describe_launch_template_versions(LaunchTemplateName=f"node-{n}")["LaunchTemplateVersions"][0]["LaunchTemplateData"]["UserData"] for n in "abc"]
    assert [base64.b64decode(text).decode() for text in read] == ["#!/bin/sh\necho ${x} $y\n", "#!/bin/sh\necho it ${USER}\n", "#!/bin/sh\n"]
