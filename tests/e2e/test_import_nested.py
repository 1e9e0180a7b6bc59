"""weir import cloudformation of stacks within stacks: each becomes a module; live ones are taken over, too."""

import yaml

import pytest

from support import Stack

WORDS = """
Parameters: {Word: {Type: String}, Source: {Type: String, Default: shops}, Many: {Type: CommaDelimitedList, Default: a}, Password: {Type: String, NoEcho: true, Default: hunter2-default}}
Resources:
  Kept: {Type: AWS::SSM::Parameter, Properties: {Type: String, Name: !Sub "/${Word}/${Source}", Value: !Sub "${Word}-${Source}"}}
  Queue: {Type: AWS::SQS::Queue}
Outputs: {Name: {Value: !Ref Word}, Queue: {Value: !GetAtt Queue.Arn}}
"""
MIDDLE = """
Description: What lies between
Parameters: {Word: {Type: String}}
Resources:
  Inner: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: ../words.yaml, Parameters: {Word: !Ref Word, Source: inner, Password: x}}}
  Topic: {Type: AWS::SNS::Topic}
Outputs: {Queue: {Value: !GetAtt Inner.Outputs.Queue}, Topic: {Value: !GetAtt Topic.TopicName}}
"""
MAIN = """
Parameters: {Stage: {Type: String, Default: dev}}
Conditions: {IsDev: !Equals [!Ref Stage, dev]}
Resources:
  # What lies between.
  Middle: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: !Sub "https://${AWS::Region}.s3.amazonaws.com/made/templates/middle.yaml", Parameters: {Word: !Ref Stage}}}
  Words:
    Type: AWS::CloudFormation::Stack
    Condition: IsDev
    DependsOn: Middle
    Properties: {TemplateURL: ./words.yaml, Parameters: {Word: words, Source: !GetAtt Middle.Outputs.Topic, Many: !Join [",", [x, !Ref Stage]], Password: hunter2-given}}
  Again: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: ./words.yaml, Parameters: {Word: again, Password: hunter2-given-again}}}
  Q: {Type: AWS::SQS::Queue, DependsOn: Words, Properties: {QueueName: !Sub "q-${Again.Outputs.Name}"}}
Outputs: {Queue: {Value: !GetAtt Words.Outputs.Queue, Condition: IsDev}}
"""


def write_templates(stack):
    for name, text in (("main.yaml", MAIN), ("words.yaml", WORDS), ("templates/middle.yaml", MIDDLE)):
        stack.write(text, name)


def stack_of(folder):
    return yaml.safe_load((folder / "weir.yaml").read_text())


def test_stacks_within_it_are_modules(tmp_path, fast_sandbox):
    stack = Stack(tmp_path / "stack", fast_sandbox)
    write_templates(stack)
    result = stack.run("import", "cloudformation", "main.yaml", "--name", "it")
    files = sorted(path.relative_to(stack.folder).as_posix() for path in stack.folder.rglob("weir.yaml"))
    assert files == ["middle/inner/weir.yaml", "middle/weir.yaml", "weir.yaml", "words/weir.yaml"]
    assert "hunter2" not in "".join((stack.folder / file).read_text() for file in files) + result.err + result.out
    made = stack_of(stack.folder)
    assert made["modules"]["middle"] == {"source": "./middle", "word": "${inputs.stage}", "inner_password": "${inputs.inner_password}", "stack_name": "${stack.name}-middle"}
    assert made["modules"]["words"] == {
        "source": "./words", "when": "${locals.is_dev}", "word": "words", "source_2": "${middle.topic}", "many": ["x", "${inputs.stage}"], "password": "${inputs.words_password}",
        "stack_name": "${stack.name}-words",
    }
    assert made["modules"]["again"]["source"] == "./words" and made["outputs"]["queue"] == "${locals.is_dev ? words.queue : null}"
    assert made["resources"]["q"] == {"type": "aws.sqs.queue", "name": "q-${again.name}", "depends_on": ["words"]}
    assert "# What lies between.\n  middle:" in (stack.folder / "weir.yaml").read_text()
    assert list(stack_of(stack.folder / "middle")["modules"]) == ["inner"]
    given = [word for name in ("inner", "words", "again") for word in ("-i", f"{name}_password=x")]
    stack.apply(*given)
    stack.assert_settled(*given)
    assert stack.outputs()["queue"].endswith(":it-words-queue")
    assert "exists already" in stack.run("import", "cloudformation", "main.yaml", status=3).err


def test_live_stacks_within_it_are_taken_over(stack, cloud):
    """Without their templates: CloudFormation keeps them."""
    s3, formation = cloud.client("s3"), cloud.client("cloudformation")
    s3.create_bucket(Bucket="templates")
    for name, text in (("words.yaml", WORDS), ("middle.yaml", MIDDLE.replace("../words.yaml", "https://s3.amazonaws.com/templates/words.yaml"))):
        s3.put_object(Bucket="templates", Key=name, Body=text.encode())
    main = "Resources:\n  Middle: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: 'https://s3.amazonaws.com/templates/middle.yaml', Parameters: {Word: w}}}\n  Q: {Type: AWS::SQS::Queue}\n"
    formation.create_stack(StackName="whole", TemplateBody=main)
    stack.run("import", "cloudformation", "--stack", "whole")
    addresses = {one["address"] for one in stack_of(stack.folder)["imports"]}
    assert addresses == {"q", "middle/topic", "middle/inner/kept", "middle/inner/queue"}
    plan = stack.plan("-i", "inner_password=x")
    assert set(plan.values()) == {"adopt"} and set(plan) == addresses, plan
    stack.apply("-i", "inner_password=x")
    stack.assert_settled("-i", "inner_password=x")


@pytest.mark.parametrize(
    ("properties", "more", "told"),
    [
        ("TemplateURL: t.yaml", "", ["t.yaml:2:", "a circle of stacks: t.yaml <- t.yaml"]),
        ("TemplateURL: nothere.yaml", "", ["t.yaml:2:", "nothere.yaml: No such file"]),
        ("TemplateURL: words.yaml, Parameters: {Wrod: a}", "", ["t.yaml:2:", 'no parameter "Wrod"', 'did you mean "Word"?']),
        ("TemplateURL: words.yaml, Parameters: {Word: a}", "  B: {Type: AWS::SQS::Queue, Properties: {QueueName: !GetAtt A.Outputs.Nmae}}", ["t.yaml:3:", 'no output "Nmae"']),
        ("TemplateURL: broken.yaml", "", ["broken.yaml:1:1", "a template has `Resources:`"]),
    ],
)
def test_mistakes_have_their_place(local_stack, properties, more, told):
    local_stack.write(f"Resources:\n  A: {{Type: AWS::CloudFormation::Stack, Properties: {{{properties}}}}}\n{more}\n", "t.yaml")
    local_stack.write(WORDS, "words.yaml")
    local_stack.write("a: b\n", "broken.yaml")
    result = local_stack.run("import", "cloudformation", "t.yaml", status=3)
    assert all(part in result.err for part in told), result.err
    assert not (local_stack.folder / "weir.yaml").exists()


def test_parameters_that_are_worked_out_are_told_of(local_stack):
    local_stack.write("Conditions: {C: !Equals [a, !Ref AWS::Region]}\nResources:\n  A: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: words.yaml, Parameters: !If [C, {Word: a}, {Word: b}]}}\n", "t.yaml")
    local_stack.write(WORDS, "words.yaml")
    assert "t.yaml:3:" in (told := local_stack.run("import", "cloudformation", "t.yaml").err) and "`Parameters` of a stack within a stack" in told
