"""What Step Functions refuses, in AWS's words: the expected texts are those of recorded answers of AWS."""

import json

import pytest
from botocore.exceptions import ClientError
from test_stepfunctions_versions import machines, shares  # noqa: F401

INVALID = "failed to satisfy constraint: Member must"


def said(call, **given):
    with pytest.raises(ClientError) as caught:
        call(**given)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_an_input_that_is_no_json(machines):
    machine, _ = machines.publishing("one")
    for given, why in {
        "not some json": "Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')",
        "{'not': 'json'": "Unexpected character (''' (code 39)): was expecting double-quote to start field name",
        "": "Invalid execution input.",
    }.items():
        assert said(machines.client.start_execution, stateMachineArn=machine, input=given) == (
            "InvalidExecutionInput", f"Invalid State Machine Execution Input: '{why}'")
    for given in ("2", '"some text"', "null"):
        machines.client.start_execution(stateMachineArn=machine, input=given)


def test_a_definition_that_is_no_json(machines):
    (empty,) = machines.client.validate_state_machine_definition(definition=" ")["diagnostics"]
    assert empty == {"severity": "ERROR", "code": "SCHEMA_VALIDATION_FAILED", "message": "Definition must be a valid JSON object"}
    (text,) = machines.client.validate_state_machine_definition(definition="not a definition")["diagnostics"]
    at = '[Source: (String)"not a definition"; line: 1, column: 4]'
    assert text == {"severity": "ERROR", "code": "INVALID_JSON_DESCRIPTION", "location": at, "message": (
        f"Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')\n at {at}")}


def test_a_name_is_taken_also_by_the_same_definition_in_other_spaces(machines):
    machine = machines.make({"Type": "Pass"})
    shown = machines.client.describe_state_machine(stateMachineArn=machine)
    given = {"name": shown["name"], "roleArn": shown["roleArn"]}
    assert machines.client.create_state_machine(definition=shown["definition"], **given)["stateMachineArn"] == machine
    spaced = json.dumps(json.loads(shown["definition"]), indent=4)
    assert said(machines.client.create_state_machine, definition=spaced, **given) == ("StateMachineAlreadyExists", f"State Machine Already Exists: '{machine}'")


def test_members_of_requests(machines):
    client, token = machines.client, "x" * 1025
    machine, _ = machines.publishing("one")
    assert said(client.list_state_machines, maxResults=1001) == (
        "ValidationException", f"1 validation error detected: Value '1001' at 'maxResults' {INVALID} have value less than or equal to 1000")
    assert said(client.list_state_machines, nextToken=token) == (
        "ValidationException", f"1 validation error detected: Value '{token}' at 'nextToken' {INVALID} have length less than or equal to 1024")
    assert said(client.list_executions, stateMachineArn=machine, statusFilter="succeeded") == (
        "ValidationException", f"1 validation error detected: Value 'succeeded' at 'statusFilter' {INVALID} satisfy enum value set: "
        "[SUCCEEDED, TIMED_OUT, PENDING_REDRIVE, ABORTED, FAILED, RUNNING]")
    assert said(client.describe_activity, activityArn="no_an_activity_arn") == ("InvalidArn", "Invalid Arn: 'Invalid ARN prefix: no_an_activity_arn'")


def test_texts_that_are_too_long(machines):
    """Their values are secrets to the service, and not shown."""
    client, token = machines.client, "0" * 64
    machine, version = machines.publishing("one")
    shown = client.describe_state_machine(stateMachineArn=machine)
    alias = client.create_state_machine_alias(name="long", description="d" * 256, routingConfiguration=shares((version, 100)))["stateMachineAliasArn"]
    started = client.start_execution(stateMachineArn=machine)["executionArn"]
    for call, member, most, given in [
        (client.create_state_machine_alias, "description", 256, {"name": "longer", "routingConfiguration": shares((version, 100))}),
        (client.update_state_machine_alias, "description", 256, {"stateMachineAliasArn": alias}),
        (client.publish_state_machine_version, "description", 256, {"stateMachineArn": machine}),
        (client.update_state_machine, "versionDescription", 256, {"stateMachineArn": machine, "publish": True, "roleArn": shown["roleArn"]}),
        (client.create_state_machine, "definition", 1048576, {"name": "long", "roleArn": shown["roleArn"]}),
        (client.send_task_success, "output", 262144, {"taskToken": token}),
        (client.send_task_failure, "error", 256, {"taskToken": token}),
        (client.send_task_failure, "cause", 32768, {"taskToken": token}),
        (client.stop_execution, "cause", 32768, {"executionArn": started}),
    ]:
        assert said(call, **given, **{member: "x" * (most + 1)}) == (
            "ValidationException", f"1 validation error detected: Value at '{member}' {INVALID} have length less than or equal to {most}")


def test_an_alias(machines):
    client = machines.client
    machine, first = machines.publishing("one")
    second, third = machines.change(machine, "two"), machines.change(machine, "three")

    def refused(*routing, name="live"):
        code, text = said(client.create_state_machine_alias, name=name, routingConfiguration=shares(*routing))
        assert code == "ValidationException"
        return text

    for name in ("123", "INVALID ALIAS", "!INVALID"):
        assert refused((first, 100), name=name) == (
            f"1 validation error detected: Value '{name}' at 'name' {INVALID} satisfy regular expression pattern: ^(?=.*[a-zA-Z_\\-\\.])[a-zA-Z0-9_\\-\\.]+$")
    assert refused((first, 100), name="A" * 81).endswith(f"at 'name' {INVALID} have length less than or equal to 80")
    assert refused((machine, 100)) == f"Routing configuration must contain state machine version ARNs. Received: [{machine}]"
    assert refused((first, 50), (first, 50)) == f"Routing configuration must contain distinct state machine version ARNs. Received: [{first}, {first}]"
    assert refused((first, 70), (second, 29)) == "Sum of routing configuration weights must equal 100. Received: [70, 29]"
    assert refused((first, 101)) == f"1 validation error detected: Value '101' at 'routingConfiguration.1.member.weight' {INVALID} have value less than or equal to 100"
    item = "RoutingConfigurationListItem(stateMachineVersionArn={}, weight={})".format
    assert refused((first, 50), (second, 30), (third, 20)) == (
        f"1 validation error detected: Value '[{item(first, 50)}, {item(second, 30)}, {item(third, 20)}]' at 'routingConfiguration' {INVALID} have length less than or equal to 2")
    absent = machine + ":nobody"
    assert said(client.update_state_machine_alias, stateMachineAliasArn=absent, description="d") == (
        "ResourceNotFound", "Request references a resource that does not exist.")
    client.delete_state_machine_alias(stateMachineAliasArn=absent)


def test_where_a_machine_logs(machines, sandbox):
    logs = sandbox.client("logs")

    def refused(*groups):
        places = [{"cloudWatchLogsLogGroup": {"logGroupArn": f"arn:aws:logs:us-east-1:000000000000:log-group:{name}:*"}} for name in groups]
        with pytest.raises(ClientError, match="InvalidLoggingConfiguration") as caught:
            machines.make({"Type": "Pass"}, loggingConfiguration={"level": "ALL", "destinations": places})
        return caught.value.response["Error"]["Message"]

    logs.create_log_group(logGroupName="steps")
    assert refused("steps", "steps2") == "Invalid Logging Configuration: Must specify exactly one Log Destination."
    assert refused("gone") == "Invalid Logging Configuration: Log Destination not found."
