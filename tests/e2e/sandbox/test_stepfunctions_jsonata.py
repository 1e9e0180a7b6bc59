"""State machines in JSONata: every field that takes an expression, what each may name, and what AWS says where one fails."""

import json
import shutil
import subprocess

import pytest
from servers import Sandbox
from support import ROOT
from test_stepfunctions import Machines

PYTHON = ROOT / ".venv-jobs/bin/python3"
pytestmark = pytest.mark.skipif(
    not PYTHON.exists() or subprocess.run([PYTHON, "-c", "import jsonata"], stderr=subprocess.DEVNULL).returncode != 0,
    reason="jsonata-python is not installed (tools/setup jobs)")


@pytest.fixture(scope="module")
def engines_sandbox():
    server = Sandbox(env={"WEIR_ENGINES": str(ROOT)})
    yield server
    server.stop()


@pytest.fixture
def machines(engines_sandbox):
    return Machines(engines_sandbox)


def jsonata(states, **more):
    return {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states, **more}


def output(machines, states, given=None):
    end = machines.run(jsonata(states), given)
    assert end["status"] == "SUCCEEDED", end
    return json.loads(end["output"])


def test_an_output_is_made_of_expressions(machines):
    assert output(machines, {"P": {"Type": "Pass", "End": True, "Output": {
        "sum": "{% $sum($states.input.n) %}", "name": "{% $states.context.State.Name %}", "list": ["{% $states.input.n[$ > 1] %}", "plain"],
        "null": "{% $states.input.none %}", "join": "{% $states.input.n[0] & '!' %}"}}}, {"n": [1, 2, 3], "none": None}) == {
            "sum": 6, "name": "P", "list": [[2, 3], "plain"], "null": None, "join": "1!"}
    assert output(machines, {"P": {"Type": "Pass", "End": True}}, {"as": "it is"}) == {"as": "it is"}


def test_variables_are_seen_from_the_next_state_on(machines):
    states = {
        "A": {"Type": "Pass", "Assign": {"n": "{% $states.input.n + 1 %}", "x": {"y": 1}}, "Output": "{% $exists($n) %}", "Next": "B"},
        "B": {"Type": "Pass", "Assign": {"n": "{% $n * 10 %}"}, "Output": {"before": "{% $n %}", "input": "{% $states.input %}"}, "Next": "C"},
        "C": {"Type": "Pass", "Output": {"n": "{% $n %}", "y": "{% $x.y %}", "last": "{% $states.input %}"}, "End": True}}
    assert output(machines, states, {"n": 1}) == {"n": 20, "y": 1, "last": {"before": 2, "input": False}}


def test_a_choice_takes_what_its_rule_says(machines):
    states = {
        "C": {"Type": "Choice", "Default": "D", "Output": "default", "Choices": [
            {"Condition": False, "Next": "D"},
            {"Condition": "{% $states.input.n > 3 and $states.input.ok %}", "Next": "D", "Output": {"big": "{% $states.input.n %}"}, "Assign": {"rule": 2}}]},
        "D": {"Type": "Succeed", "Output": {"given": "{% $states.input %}", "rule": "{% $exists($rule) ? $rule : 0 %}"}}}
    assert output(machines, states, {"n": 4, "ok": True}) == {"given": {"big": 4}, "rule": 2}
    assert output(machines, states, {"n": 2, "ok": True}) == {"given": "default", "rule": 0}
    end = machines.run(jsonata(states), {"n": "x", "ok": True})
    assert end["error"] == "States.QueryEvaluationError" and "Choices[1]/Condition" in end["cause"]


def test_tasks_take_arguments_and_give_a_result(machines, engines_sandbox):
    queue = engines_sandbox.client("sqs").create_queue(QueueName="jsonata")["QueueUrl"]
    sent = output(machines, {"T": {
        "Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "End": True, "TimeoutSeconds": "{% $states.input.limit %}",
        "Arguments": {"QueueUrl": queue, "MessageBody": "{% $states.input.text & '!' %}"},
        "Assign": {"id": "{% $states.result.MessageId %}"}, "Output": {"id": "{% $states.result.MessageId %}", "text": "{% $states.input.text %}"}}},
        {"text": "hello", "limit": 60})
    message = engines_sandbox.client("sqs").receive_message(QueueUrl=queue)["Messages"][0]
    assert message["Body"] == "hello!" and sent == {"id": message["MessageId"], "text": "hello"}


def test_an_error_is_caught_with_its_output(machines):
    states = {
        "P": {"Type": "Parallel", "Arguments": {"n": "{% $states.input.n * 2 %}"}, "End": True,
              "Branches": [{"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "{% 'E' & $states.input.n %}", "Cause": "{% $string($states.input) %}"}}}],
              "Catch": [{"ErrorEquals": ["E4"], "Next": "D", "Output": "{% $states.errorOutput %}", "Assign": {"what": "{% $states.errorOutput.Error %}"}}]},
        "D": {"Type": "Succeed", "Output": {"error": "{% $states.input %}", "what": "{% $what %}"}}}
    assert output(machines, states, {"n": 2}) == {"error": {"Error": "E4", "Cause": '{"n":4}'}, "what": "E4"}


def test_a_map_goes_over_items_with_a_selector(machines):
    def machine(mode):
        return {"M": {"Type": "Map", "Items": "{% $states.input.list %}", "MaxConcurrency": "{% 2 %}", "End": True,
                      "ItemSelector": {"v": "{% $states.context.Map.Item.Value %}", "i": "{% $states.context.Map.Item.Index %}"},
                      "ItemProcessor": {"ProcessorConfig": mode, "StartAt": "P", "States": {
                          "P": {"Type": "Pass", "End": True, "Output": "{% $states.input.v * 10 + $states.input.i %}"}}},
                      "Output": {"all": "{% $states.result %}"}}}

    assert output(machines, machine({"Mode": "INLINE"}), {"list": [1, 2, 3]}) == {"all": [10, 21, 32]}
    assert output(machines, machine({"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}), {"list": [1, 2, 3]}) == {"all": [10, 21, 32]}


def test_a_wait_takes_seconds_or_a_time(machines):
    states = {"W": {"Type": "Wait", "Seconds": "{% $states.input.s %}", "Next": "V"},
              "V": {"Type": "Wait", "Timestamp": "{% $states.input.at %}", "End": True}}
    assert output(machines, states, {"s": 3, "at": "2016-12-05T21:29:29Z"})["s"] == 3
    end = machines.run(jsonata(states), {"s": 0, "at": "2016-12-05 21:29:29Z"})
    assert end["error"] == "States.QueryEvaluationError" and end["cause"].endswith(
        "The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: 2016-12-05 21:29:29Z")


def test_one_state_may_speak_jsonata(machines):
    end = machines.run({"StartAt": "A", "States": {
        "A": {"Type": "Pass", "QueryLanguage": "JSONata", "Output": {"a": "{% $states.input.b + 1 %}"}, "Next": "B"},
        "B": {"Type": "Pass", "Parameters": {"c.$": "$.a"}, "End": True}}}, {"b": 1})
    assert json.loads(end["output"]) == {"c": 2}


def test_step_functions_own_functions(machines):
    made = output(machines, {"P": {"Type": "Pass", "End": True, "Output": {
        "parts": "{% $partition([1..5], 2) %}", "range": "{% $range(0, 10, 5) %}", "hash": "{% $hash('abc', 'MD5') %}",
        "parsed": "{% $parse($states.input.text) %}", "uuid": "{% $uuid() %}", "same": "{% $random(7) = $random(7) %}", "random": "{% $random() < 1 %}"}}},
        {"text": '{"a": [1]}'})
    assert len(made.pop("uuid")) == 36
    assert made == {"parts": [[1, 2], [3, 4], [5]], "range": [0, 5, 10], "hash": "900150983cd24fb0d6963f7d28e17f72",
                    "parsed": {"a": [1]}, "same": True, "random": True}


@pytest.mark.parametrize("state, location, cause", [
    ({"Type": "Pass", "Output": {"x": "{% $none %}"}}, "Output/x",
     "The JSONata expression '$none' specified for the field 'Output/x' returned nothing (undefined)."),
    ({"Type": "Pass", "Assign": {"x": "{% $eval('1') %}"}}, "Assign/x",
     "The JSONata expression '$eval('1')' specified for the field 'Assign/x' threw an error during evaluation. T1006: Attempted to invoke a non-function"),
    ({"Type": "Pass", "Output": "{% ($sum := 3; $sum([1])) %}"}, "Output",
     "The JSONata expression '($sum := 3; $sum([1]))' specified for the field 'Output' threw an error during evaluation. T1006: Attempted to invoke a non-function"),
    ({"Type": "Pass", "Output": "{% function($x){$x} %}"}, "Output",
     "The JSONata expression 'function($x){$x}' specified for the field 'Output' returned an unsupported result type."),
    ({"Type": "Map", "Items": "{% {'foo': 'bar'} %}", "ItemProcessor": {"StartAt": "P", "States": {"P": {"Type": "Succeed"}}}}, "Items",
     "The JSONata expression '{'foo': 'bar'}' specified for the field 'Items' returned an unexpected result type. Expected 'array', but was 'object' for value: {\"foo\":\"bar\"}"),
    ({"Type": "Map", "ItemProcessor": {"StartAt": "P", "States": {"P": {"Type": "Succeed"}}}}, None, "Map state input must be an array but was: {}"),
])
def test_what_cannot_be_evaluated_is_told_as_on_aws(machines, state, location, cause):
    cause = f"An error occurred while executing the state 'S' (entered at the event id #2). {cause}"
    execution = machines.start(machines.make(jsonata({"S": {**state, "End": True}})))
    end = machines.end(execution)
    assert (end["error"], end["cause"]) == ("States.QueryEvaluationError", cause)
    events = [e["type"] for e in machines.history(execution)]
    map_failed = ["MapStateFailed"] if state["Type"] == "Map" else []
    assert events[2:] == ["EvaluationFailed", *map_failed, "ExecutionFailed"]
    assert machines.history(execution)[2]["previousEventId"] == 0  # what the state follows
    details = {"state": "S", "error": "States.QueryEvaluationError", "cause": cause} | ({"location": location} if location else {})
    assert machines.history(execution)[2]["evaluationFailedEventDetails"] == details


@pytest.mark.full
def test_it_can_be_caught_and_an_endless_one_ends(machines):
    states = {"P": {"Type": "Parallel", "Branches": [{"StartAt": "Q", "States": {"Q": {"Type": "Pass", "Output": "{% $none %}", "End": True}}}],
                    "Catch": [{"ErrorEquals": ["States.QueryEvaluationError"], "Next": "D"}], "Next": "D"}, "D": {"Type": "Succeed"}}
    assert "returned nothing" in output(machines, states)["Cause"]
    end = machines.run(jsonata({"P": {"Type": "Pass", "Output": "{% ($f := function($n){$f($n + 1)}; $f(1)) %}", "End": True}}))
    assert end["error"] == "States.QueryEvaluationError"


def test_without_the_package_the_execution_says_what_to_install(tmp_path):
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "python3").symlink_to(shutil.which("python3", path="/usr/bin:/bin"))
    server = Sandbox(env={"WEIR_ENGINES": "", "PATH": str(tools)})
    try:
        machines = Machines(server)
        end = machines.run(jsonata({"P": {"Type": "Pass", "Output": "{% 1 %}", "End": True}}))
        assert end["error"] == "States.Runtime" and "pip install jsonata-python, or tools/setup jobs" in end["cause"]
        assert output(machines, {"P": {"Type": "Pass", "Output": {"no": "expression"}, "End": True}}) == {"no": "expression"}
    finally:
        server.stop()
