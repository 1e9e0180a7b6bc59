"""The history of an execution as AWS tells it: which event follows which, what belongs to it, what was assigned."""

import json

import pytest
from test_stepfunctions import Machines

WHOLE = {"truncated": False}


@pytest.fixture
def machines(sandbox):
    return Machines(sandbox)


def told(machines, definition, given=None):
    """The end of an execution, and its events: (id, previous, type)."""
    execution = machines.start(machines.make(definition), given)
    return machines.end(execution), [(e["id"], e["previousEventId"], e["type"]) for e in machines.history(execution)]


def map_over(states, **more):
    return {"StartAt": "M", "States": {"M": {
        "Type": "Map", "MaxConcurrency": 1, "ItemProcessor": {"StartAt": next(iter(states)), "States": states}, "End": True, **more}}}


def distributed(**more):
    processor = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
    return map_over({"P": {"Type": "Pass", "End": True}}, ItemProcessor=processor, ItemsPath="$.l", **more)["States"]


FAILS = {"F": {"Type": "Fail", "Error": "E", "Cause": "c"}}
RETRIED = [{"ErrorEquals": ["E"], "MaxAttempts": 1, "IntervalSeconds": 1}]


def test_data_says_whether_it_is_whole_and_the_first_state_follows_nothing(machines):
    execution = machines.start(machines.make({"Type": "Pass", "Assign": {"n.$": "$[0]"}}), [1, 2])
    machines.end(execution)
    started, entered, exited, succeeded = machines.history(execution)
    assert [e["previousEventId"] for e in (started, entered, exited, succeeded)] == [0, 0, 2, 3]
    assert started["executionStartedEventDetails"]["inputDetails"] == WHOLE
    assert entered["stateEnteredEventDetails"] == {"name": "Only", "input": "[1, 2]", "inputDetails": WHOLE}  # as it was given
    assert exited["stateExitedEventDetails"] == {
        "name": "Only", "output": "[1,2]", "outputDetails": WHOLE, "assignedVariables": {"n": "1"}, "assignedVariablesDetails": WHOLE}
    assert succeeded["executionSucceededEventDetails"] == {"output": "[1,2]", "outputDetails": WHOLE}
    bare = machines.history(execution, includeExecutionData=False)
    assert bare[2]["stateExitedEventDetails"] == {"name": "Only"}


def test_an_iteration_follows_the_one_that_made_room_for_it(machines):
    _, events = told(machines, map_over({"P": {"Type": "Pass", "End": True}}), ["a", "b"])
    assert events == [
        (1, 0, "ExecutionStarted"), (2, 0, "MapStateEntered"), (3, 2, "MapStateStarted"),
        (4, 3, "MapIterationStarted"), (5, 4, "PassStateEntered"), (6, 5, "PassStateExited"), (7, 6, "MapIterationSucceeded"),
        (8, 6, "MapIterationStarted"), (9, 8, "PassStateEntered"), (10, 9, "PassStateExited"), (11, 10, "MapIterationSucceeded"),
        (12, 11, "MapStateSucceeded"), (13, 11, "MapStateExited"), (14, 13, "ExecutionSucceeded")]


def test_a_map_has_failed_once_it_is_not_tried_again(machines):
    end, events = told(machines, map_over(FAILS, Retry=RETRIED), ["a"])
    assert end["error"] == "E" and end["cause"] == "c"
    assert events[2:] == [
        (3, 2, "MapStateStarted"), (4, 3, "MapIterationStarted"), (5, 4, "FailStateEntered"), (6, 5, "MapIterationFailed"),
        (7, 5, "MapStateStarted"), (8, 7, "MapIterationStarted"), (9, 8, "FailStateEntered"), (10, 9, "MapIterationFailed"),
        (11, 9, "MapStateFailed"), (12, 11, "ExecutionFailed")]


def test_so_has_a_parallel(machines):
    _, events = told(machines, {"StartAt": "P", "States": {
        "P": {"Type": "Parallel", "Branches": [{"StartAt": "F", "States": FAILS}], "Retry": RETRIED, "End": True}}})
    assert events[1:] == [
        (2, 0, "ParallelStateEntered"), (3, 2, "ParallelStateStarted"), (4, 3, "FailStateEntered"),
        (5, 4, "ParallelStateStarted"), (6, 5, "FailStateEntered"), (7, 6, "ParallelStateFailed"), (8, 7, "ExecutionFailed")]


def test_a_distributed_map_that_is_not_the_first_state_is_left_from_the_start_of_its_run(machines):
    states = {"First": {"Type": "Pass", "Next": "M"}, **distributed()}
    _, events = told(machines, {"StartAt": "First", "States": states}, {"l": [1]})
    assert events[3:] == [(4, 3, "MapStateEntered"), (5, 4, "MapStateStarted"), (6, 5, "MapRunStarted"), (7, 6, "MapRunSucceeded"),
                          (8, 7, "MapStateSucceeded"), (9, 6, "MapStateExited"), (10, 9, "ExecutionSucceeded")]
    _, events = told(machines, {"StartAt": "M", "States": distributed()}, {"l": [1]})
    assert events[-2:] == [(7, 5, "MapStateExited"), (8, 7, "ExecutionSucceeded")]


def test_a_mistake_of_the_machine_ends_it_at_once(machines):
    end, events = told(machines, map_over(FAILS, ItemsPath="$.none"), {})
    assert end["error"] == "States.Runtime" and [kind for _, _, kind in events] == ["ExecutionStarted", "MapStateEntered", "ExecutionFailed"]


def test_an_execution_has_ended_when_its_history_says_so(machines):
    machine = machines.make({"Type": "Pass"})
    for _ in range(30):
        execution = machines.start(machine)
        while "ExecutionSucceeded" not in [e["type"] for e in machines.history(execution)]:
            pass
        assert machines.client.describe_execution(executionArn=execution)["status"] == "SUCCEEDED"


@pytest.mark.parametrize("states, given, cause", [
    ({"W": {"Type": "Wait", "SecondsPath": "$.s", "End": True}}, {"s": -1}, "The SecondsPath parameter references a negative value: $.s == -1"),
    ({"W": {"Type": "Wait", "SecondsPath": "$.s", "End": True}}, {"s": 1.5}, "The SecondsPath parameter cannot be parsed as a long value: $.s == 1.5"),
    ({"W": {"Type": "Wait", "TimestampPath": "$.t", "End": True}}, {"t": "2016-12-05T21:29:29"},
     "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string: $.t == 2016-12-05T21:29:29"),
    ({"P": {"Type": "Pass", "OutputPath": "$.a.b.c", "End": True}}, {}, "Invalid path '$.a.b.c' : Missing property in path $['a']"),
    ({"P": {"Type": "Pass", "OutputPath": "$.a.b", "End": True}}, {"a": {}}, "Invalid path '$.a.b' : No results for path: $['a']['b']"),
    ({"F": {"Type": "Fail", "CausePath": "$.no"}}, {"a": 1}, "The JSONPath '$.no' specified for the field 'CausePath' could not be found in the input '{\"a\":1}'"),
    ({"M": {"Type": "Map", "Iterator": {"StartAt": "F", "States": FAILS}, "MaxConcurrencyPath": "$.n", "ItemsPath": "$.l", "End": True}}, {"n": {}, "l": []},
     'The MaxConcurrencyPath field refers to value "{}" which is not a valid integer: $.n'),
    (distributed(ToleratedFailureCountPath="$.n"), {"n": -1, "l": []}, "ToleratedFailureCount cannot be negative."),
    (distributed(ToleratedFailurePercentagePath="$.n"), {"n": "x", "l": []},
     'The ToleratedFailurePercentagePath field refers to value "x" which is not a valid float: $.n'),
    (distributed(ToleratedFailurePercentagePath="$.n"), {"n": 101, "l": []}, "ToleratedFailurePercentage must be between 0 and 100."),
])
def test_a_wrong_value_is_told_in_the_services_words(machines, states, given, cause):
    end, events = told(machines, {"StartAt": next(iter(states)), "States": states}, given)
    name = next(iter(states))
    assert (end["error"], end["cause"]) == ("States.Runtime", f"An error occurred while executing the state '{name}' (entered at the event id #2). {cause}")
    begun = [(3, 2, "MapStateStarted")] if "Tolerated" in cause else []
    assert events[2:] == [*begun, (3 + len(begun), 2 + len(begun), "ExecutionFailed")]


def test_a_failure_without_a_name_has_none_outside_a_map_either(machines):
    end, _ = told(machines, map_over({"F": {"Type": "Fail"}}), [1])
    assert end["status"] == "FAILED" and "error" not in end and "cause" not in end


def test_only_what_can_be_tried_again_has_a_count_of_retries(machines):
    one = json.loads(machines.run({"Type": "Pass", "Parameters": {"state.$": "$$.State"}})["output"])["state"]
    assert sorted(one) == ["EnteredTime", "Name"]
    many = machines.run(map_over({"Q": {"Type": "Pass", "End": True}}, ItemSelector={"state.$": "$$.State"}), [1])
    assert sorted(json.loads(many["output"])[0]["state"]) == ["EnteredTime", "Name", "RetryCount"]
