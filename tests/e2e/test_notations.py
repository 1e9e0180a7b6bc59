"""Attributes that are texts in languages of their own: what AWS would refuse of them is said before anything is called, where it stands."""

import json

import pytest
from botocore.exceptions import ClientError

HEAD = """stack: spoken
resources:
  role: {type: aws.iam.role, name: r, assume_role_policy: "${trust('states.amazonaws.com')}"}
  topic: {type: aws.sns.topic, name: t}
"""
MACHINE = "type: aws.stepfunctions.state_machine, name: m, role: '${role.arn}', definition"

# What is given of `it`, and what is said where » stands (there, or in a file).
WRONG = {
    "a misspelt field": ("""  it:
    type: aws.stepfunctions.state_machine
    name: m
    role: ${role.arn}
    definition:
      StartAt: Load
      States:
        Load: {Type: Task, Resource: "${topic.arn}", »Timeout: 5, End: true}
""", 'state "Load": Timeout: field is not supported'),
    "a way that leads nowhere": ("""  it:
    type: aws.stepfunctions.state_machine
    name: m
    role: ${role.arn}
    definition: |
      {"StartAt": "Load", "States": {
        "Load": {"Type": "Task", "Resource": "${topic.arn}", "Next": »"Stroe"},
        "Store": {"Type": "Succeed"}}}
""", "state \"Load\": Next: missing 'Next' target: Stroe"),
    "a local": ("locals:\n  d: {StartAt: A, States: {A: {Type: »Pas, End: true}}}\nresources:\n  role: {type: aws.iam.role, name: r, assume_role_policy: \"${trust('states.amazonaws.com')}\"}\n"
        "  it: {" + MACHINE + ": '${locals.d}'}\n", 'state "A": Type: value is not one of'),
    "a file": ("  it: {" + MACHINE + ": \"${file('m.json')}\"}\n", 'state "A": Seconds: value is not a whole number of at least 0'),
    "a template": ("  it: {" + MACHINE + ": \"${templatefile('t.json', {arn: topic.arn, n: 5})}\"}\n", 'state "A": Arguments: field is not supported by the query language JSONPath'),
    "a pattern of events": ("  it: {type: aws.events.rule, name: x, event_pattern: {source: [aws.s3], detail: {size: [{numeric: ['>', »'5']}]}}}\n",
        "Value of > must be numeric"),
    "an operator that there is not": ("  it: {type: aws.events.rule, name: x, event_pattern: {detail: {key: [{»prefx: a}]}}}\n", "Unrecognized match type prefx"),
    "a filter of a queue": ("  it: {type: aws.lambda.event_source_mapping, function: f, event_source: 'arn:aws:sqs:us-east-1:000000000000:q', filters: [{pattern: {body: »new}}]}\n",
        '"body" must be an object or an array'),
    "a filter of messages": ("  it: {type: aws.sns.subscription, topic: '${topic.arn}', protocol: sqs, endpoint: 'arn:aws:sqs:us-east-1:000000000000:q', filter_policy: {kind: [{exists: »'yes'}]}}\n",
        "exists match pattern must be either true or false"),
    "a filter of logs": ("  it: {type: aws.logs.metric_filter, name: n, log_group: l, pattern: »'{ $.level = \"error }', transformations: [{metric_name: a, metric_namespace: b, metric_value: '1'}]}\n",
        "a quote is not closed"),
    "a schedule": ("  it: {type: aws.events.rule, name: x, schedule_expression: »cron(0 24 * * ? *)}\n", "the hours are not understood"),
    "a crawler's": ("  it: {type: aws.glue.trigger, name: x, trigger_type: SCHEDULED, schedule: »rate(1 day), actions: [{job_name: j}]}\n", "a schedule is cron"),
}
FILES = {  # the mark counts where the file is given
    "m.json": '{\n\t"StartAt": "A",\n\t"States": {\n\t\t"A": {"Type": "Wait", "Seconds": »-1, "End": true}\n\t}\n}\n',
    "t.json": '{\n "StartAt": "A",\n "States": {\n  "A": {"Type": "Task", "Resource": "${arn}", "TimeoutSeconds": ${n}, "End": true,\n    »"Arguments": {}}\n }\n}\n',
}


def marked(file, text):
    """Without the mark, and where that stood."""
    before, _, after = text.partition("»")
    return before + after, f"--> {file}:{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}" if after else None


@pytest.mark.parametrize("name", WRONG)
def test_wrong(stack, name):
    given, said = WRONG[name]
    text, place = marked("weir.yaml", "stack: spoken\n" + given if given.startswith("locals") else HEAD + given)
    stack.write(text)
    for file, content in FILES.items():
        content, there = marked(file, content)
        (stack.folder / file).write_text(content)
        place = there if file in given else place
    told = stack.run("validate", status=3).err
    assert "it: " in told and said in told and place in told and told.count("error: ") == 1, (place, told)


def test_what_is_not_known_yet_passes(stack):
    """An ARN, a number, the name of a state: nobody knows them before the apply."""
    (stack.folder / "t.json").write_text('{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "${arn}", "TimeoutSeconds": ${n}, "Next": "${next}"}, "B": {"Type": "Succeed"}}}')
    stack.write(HEAD + """
  file: {type: aws.stepfunctions.state_machine, name: a, role: "${role.arn}", definition: "${templatefile('t.json', {arn: topic.arn, n: topic.arn, next: topic.arn})}"}
  text: {type: aws.stepfunctions.state_machine, name: b, role: "${role.arn}", definition: "${jsonencode({StartAt: 'A', States: {A: {Type: 'Wait', Seconds: topic.arn, End: true}}})}"}
  keys: {type: aws.stepfunctions.state_machine, name: c, role: "${role.arn}", definition: {StartAt: "${topic.arn}", States: {"${topic.arn}": {Type: Succeed}}}}
  parts:
    type: aws.stepfunctions.state_machine
    name: d
    role: ${role.arn}
    definition: {StartAt: "${topic.arn}", States: {A: {Type: "${topic.arn}"}, B: "${topic.arn}", C: {Type: Choice, Choices: "${topic.arn}"}, D: {Type: Map, ItemProcessor: "${topic.arn}", Next: "${topic.arn}"}}}
  rule: {type: aws.events.rule, name: x, event_pattern: {source: ["${topic.arn}"], detail: {a: "${topic.arn}", b: [{numeric: [">", "${topic.arn}"]}, {prefix: "${topic.arn}"}]}}}
  time: {type: aws.events.rule, name: y, schedule_expression: "cron(${topic.arn} * * * ? *)"}
""")
    assert stack.run("validate").out.startswith("valid")


def test_a_machine_that_is_wrong_throughout(stack):
    """A thousand states that lead nowhere, in one line: each looked for among all and in the file took minutes and gigabytes."""
    states = {f"s{i}": {"Type": "Pass", "Next": f"x{i}"} for i in range(1000)}
    (stack.folder / "big.json").write_text(json.dumps({"StartAt": "s0", "States": states}))
    stack.write(HEAD + "  it: {" + MACHINE + ": \"${file('big.json')}\"}\n")
    told = stack.run("validate", status=3).err
    assert told.count("error: it: ") == 25 and "975 more of this state machine are not shown" in told and "big.json:1:" in told, told[-600:]


def test_a_secret_is_not_told(stack):
    stack.write(HEAD + "  it: {" + MACHINE + ": \"${sensitive(jsonencode({StartAt: 'hidden', States: {A: {Type: 'Succeed'}}}))}\"}\n")
    told = stack.run("validate", status=3).err
    assert 'it: "definition" is not a valid state machine' in told and "Missing" not in told and "'hidden'" not in told.replace("StartAt: 'hidden'", ""), told


def test_a_day_that_no_month_has_is_doubted(stack):
    stack.write(HEAD + "  it: {type: aws.events.rule, name: x, schedule_expression: cron(0 0 30 2 ? *)}\n")
    done = stack.run("validate")
    assert "valid" in done.out and "warning" in done.err and "it is never due" in done.err, done


QUEUE = """stack: spoken
resources:
  q: {type: aws.sqs.queue, name: q%s}
  f: {type: aws.lambda.function, name: f, role: "arn:aws:iam::123456789012:role/r", runtime: python3.13, handler: a.b, code: {s3_bucket: b, s3_key: k}%s}
  it: {type: aws.lambda.event_source_mapping, function: "${f.arn}", event_source: "${q.arn}"}
"""


def test_a_queue_that_is_too_quick_for_its_function(stack):
    """Lambda: "Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds"."""
    for queue, function, place, there in [("", ", timeout: 60", "5:86", "30"), (", visibility_timeout: 59", ", timeout: 60", "5:86", "59"), (", visibility_timeout: 2", "", "5:86", "2")]:
        stack.write(QUEUE % (queue, function))
        told = stack.run("validate", status=3).err
        assert "it: the queue's visibility_timeout must be at least" in told and f"--> weir.yaml:{place}" in told and f"visibility_timeout is {there} here" in told, told
    for queue, function in [("", ", timeout: 30"), (", visibility_timeout: 60", ", timeout: 60"), ("", ""), (", visibility_timeout: 3", "")]:
        stack.write(QUEUE % (queue, function))
        stack.run("validate")


def test_the_sandbox_refuses_the_same(fast_sandbox):
    logs, glue = fast_sandbox.client("logs"), fast_sandbox.client("glue")
    logs.create_log_group(logGroupName="spoken")
    with pytest.raises(ClientError, match="what begins with { ends with }"):
        logs.put_subscription_filter(logGroupName="spoken", filterName="x", filterPattern="{ $.a = 1", destinationArn="arn:aws:lambda:us-east-1:000000000000:function:f")
    with pytest.raises(ClientError, match="a schedule is cron"):
        glue.create_trigger(Name="x", Type="SCHEDULED", Schedule="rate(1 day)", Actions=[{"JobName": "j"}])
