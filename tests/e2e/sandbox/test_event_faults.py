"""What EventBridge says of a pattern that it refuses, and where in the text; and keys that dots join."""

import json

import pytest
from botocore.exceptions import ClientError

EVENT = {"id": "1", "source": "s", "detail-type": "t", "account": "123456789012", "region": "us-east-1", "time": "2024-01-01T00:00:00Z"}
FAULTS = {  # the place is behind »
    '{"a": []»}': "Empty arrays are not allowed",
    '{"a": 42»}': '"a" must be an object or an array',
    '{"a": "»x"}': '"a" must be an object or an array',
    '[»"a"]': "Filter is not an object",
    '{"a": [{"EXISTS": true»}]}': "Unrecognized match type EXISTS",
    '{"a": [{"prefix": [»"x"]}]}': "prefix match pattern must be a string",
    '{"a": [{"wildcard": "x**"»}]}': "Consecutive wildcard characters at pos 2",
    '{"a": [{"numeric": [">", 0, "<"]»}]}': "Value of < must be numeric",
    '{"a": [{"numeric": [">", 0, ">"», 1]}]}': "Bad numeric range operator: >",
    '{"a": [{"numeric": [1», "<"]}]}': "Invalid member in numeric match: 1",
    '{"a": [{"numeric": ["about"]»}]}': "Unrecognized numeric range operator: about",
    '{"a": [{"numeric": ["<", 1, "»<", 2]}]}': "Too many elements in numeric expression",
    '{"a": [{"numeric": [">", 1, 2»]}]}': "Bad value in numeric range: 2",
    '{"a": [[»"b"]]}': "Match value must be String, number, true, false, or null",
    '{"a": [{"anything-but": null»}]}': "Value of anything-but must be an array or single string/number value.",
    '{"a": [{"anything-but": {"prefix": ""»}}]}': "Null prefix/suffix not allowed",
    '{"a":\n [{"anything-but": ["x", null»]}]}': "Inside anything but list, start|null|boolean is not supported.",
}


@pytest.mark.parametrize("marked", FAULTS)
def test_place(sandbox, marked):
    before, pattern = marked.partition("»")[0], marked.replace("»", "")
    at = f'\n at [Source: (String)"{pattern}"; line: {before.count(chr(10)) + 1}, column: {len(before) - before.rfind(chr(10))}]'
    with pytest.raises(ClientError) as caught:
        sandbox.client("events").test_event_pattern(Event=json.dumps(EVENT), EventPattern=pattern)
    twice = 2 if "null»]" in marked else 1
    assert caught.value.response["Error"] == {"Code": "InvalidEventPatternException", "Message": f"Event pattern is not valid. Reason: {FAULTS[marked]}{at * twice}"}


def test_networks_and_events(sandbox):
    events = sandbox.client("events")
    for network, words in (("10.0.0.0", "Malformed CIDR, one '/' required"), ("10.0.0.0/x", "Malformed CIDR, mask bits must be an integer"), ("a.b/8", "Nonstandard IP address: a.b")):
        with pytest.raises(ClientError) as caught:
            events.test_event_pattern(Event=json.dumps(EVENT), EventPattern=json.dumps({"ip": [{"cidr": network}]}))
        assert caught.value.response["Error"]["Message"] == f"Event pattern is not valid. Reason: {words}"
    with pytest.raises(ClientError, match="Parameter Event is not valid"):
        events.test_event_pattern(Event='{"id": "1"}', EventPattern='{"source": ["s"]}')
    for detail, pattern, meets in (({"a.b": "x"}, {"a": {"b": ["x"]}}, True), ({"a": {"b": "x"}}, {"a.b": ["x"]}, True), ({"a": {"b": "x"}}, {"a.c": ["x"]}, False)):
        assert events.test_event_pattern(Event=json.dumps(EVENT | {"detail": detail}), EventPattern=json.dumps({"detail": pattern}))["Result"] is meets
