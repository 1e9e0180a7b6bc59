"""Every type in the specs, lived through with boto3 on the sandbox (rows.py); answers have to be as botocore's models say."""

import json
import re
import string
import subprocess
import time

import jmespath
import pytest
import yaml
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator
from rows import DATA, EXCUSED, ROWS
from support import PATIENCE_S, WEIR
from test_control import Control


BY_NAME = {"kinesis"}  # boto3 goes on by a token, which the service has besides the name that weir goes on by; the sandbox has the name


def filled(value, kept):
    if isinstance(value, dict):
        return {key: filled(one, kept) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(filled(one, kept) for one in value)
    if not isinstance(value, str):
        return value
    if value.startswith("$") and value[1:] in kept:
        return kept[value[1:]]
    return string.Template(value).safe_substitute(kept)


def as_sent(value):
    """What botocore has unpacked by itself, packed again: IAM's policy documents."""
    if isinstance(value, dict):
        return {key: json.dumps(one) if key.endswith("Document") and isinstance(one, dict) else as_sent(one) for key, one in value.items()}
    return [as_sent(one) for one in value] if isinstance(value, list) else value


class Caller:
    """Calls operations; what they answer has every required member, each of its type."""

    def __init__(self, control):
        self.control, self.clients = control, {}

    def client(self, service):
        if service not in self.clients:
            # MWAA's client would look for api.127.0.0.1
            self.clients[service] = self.control.client(service, inject_host_prefix=False)
        return self.clients[service]

    def __call__(self, service, call, kept):
        client = self.client(service)
        name, given = filled(call, kept)
        answer = getattr(client, name)(**given)
        shape = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[name]).output_shape
        if shape and service != "s3":
            plain = {key: value for key, value in answer.items() if key != "ResponseMetadata"}
            report = ParamValidator().validate(as_sent(plain), shape).generate_report().splitlines()
            wrong = [line for line in report if not line.startswith("Invalid length") and "NumberOfDecreasesToday, value: 0" not in line]  # services themselves answer with empty lists, and DynamoDB with 0
            assert not wrong, (name, wrong)
        return answer

    def refused(self, service, call, kept):
        with pytest.raises(ClientError) as caught:
            self(service, call, kept)
        return caught.value.response["Error"]["Code"], caught.value.response["ResponseMetadata"]["HTTPStatusCode"]

    def around(self, calls):
        kept = {"n": "0"}
        for service, call, keep in calls:
            answer = self(service, call, kept)
            kept |= {key: jmespath.search(path, answer) for key, path in keep.items()}
        return kept


@pytest.fixture
def caller():
    control = Control()
    yield Caller(control)
    control.stop()


def until(look, wanted):
    """States take their time: what look gives when it is what is wanted, or at the end of patience."""
    end = time.monotonic() + PATIENCE_S
    while True:
        seen = look()
        if seen == wanted or time.monotonic() > end:
            return seen
        time.sleep(0.02)


def make(caller, row, kept):
    answer = caller(row.service, row.create, kept)
    kept |= {key: jmespath.search(path, answer) for key, path in row.keep.items()}
    if row.ready:
        path, wanted, *more = row.ready
        assert until(lambda: jmespath.search(path, caller(row.service, row.read, kept)), wanted) == wanted
        answer = caller(row.service, row.read, kept)
        kept |= {key: jmespath.search(at, answer) for key, at in (more[0] if more else {}).items()}


def listed(caller, row, kept, size=None):
    """All that the listing has, and how many pages it took."""
    client = caller.client(row.service)
    name, given = filled(row.list, kept)
    if not size or not client.can_paginate(name):
        return jmespath.search(row.listed, caller(row.service, row.list, kept)) or [], 1
    pages = list(client.get_paginator(name).paginate(**given, PaginationConfig={"PageSize": size}))
    return [item for page in pages for item in jmespath.search(row.listed, page) or []], len(pages)


def check_listing(caller, row, things, before):
    wanted = sorted([*before, *(filled(row.item, kept) for kept in things)])
    assert sorted(listed(caller, row, things[0])[0]) == wanted
    client = caller.client(row.service)
    name = row.list[0]
    if client.can_paginate(name) and client.get_paginator(name)._limit_key and row.service not in BY_NAME:  # where the client can say how large pages are
        size = 5 if row.service == "ec2" else 1  # EC2 has no smaller pages
        found, pages = listed(caller, row, things[0], size)
        assert sorted(found) == wanted and pages == -(-len(wanted) // size)


def check_tags(caller, row, kept):
    tags = row.tags
    look = lambda: jmespath.search(filled(tags.seen, kept), caller(row.service, tags.look, kept))
    caller(row.service, tags.add, kept)
    assert look() == "b"
    caller(row.service, tags.remove, kept)
    assert look() is None


def look_at(caller, row, kept):
    """What is seen of it, or the code of a refusal."""
    try:
        return jmespath.search(filled(row.seen, kept), caller(row.service, row.read, kept))
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]


def delete(caller, row, kept):
    for i in range(0, len(row.delete), 2):
        caller(row.service, row.delete[i:i + 2], kept)


def check_drafted(caller, name, folder):
    """`import live` of one that is there: a stack that is whole, or a sentence why not."""
    stack = caller.control.stack(folder)
    result = stack.run("import", "live", "--type", name, status=None)
    if result.status:
        assert re.match(rf"error: {name} (cannot|can only) be listed", result.err), str(result)
        return
    text = (stack.folder / "weir.yaml").read_text()
    assert f"    type: {name}\n" in text or "left out: " in result.err, str(result)
    asked = {key: '{"a": "b"}' if one["type"] == "any" else "A-secret-of-1-long-test" for key, one in yaml.safe_load(text).get("inputs", {}).items()}
    stack.run("validate", *(word for key, value in asked.items() for word in ("-i", f"{key}={value}")))


@pytest.mark.parametrize("name", ROWS)
def test_cycle(caller, name, tmp_path):
    row = ROWS[name]
    base = caller.around(row.around)
    before = listed(caller, row, base)[0] if row.list else []
    things = [{**base, "n": str(n)} for n in range(row.most)]
    for kept in things:
        make(caller, row, kept)
    kept = things[0]
    assert look_at(caller, row, kept) == filled(row.first, kept)
    check_drafted(caller, name, tmp_path)
    if row.exists:
        assert caller.refused(row.service, row.create, kept)[0] == row.exists
    if row.list:
        check_listing(caller, row, things, before)
    if row.update:
        caller(row.service, row.update, kept)
        assert until(lambda: look_at(caller, row, kept), filled(row.then, kept)) == filled(row.then, kept)
        if row.ready:
            assert until(lambda: jmespath.search(row.ready[0], caller(row.service, row.read, kept)), row.ready[1]) == row.ready[1]
        assert look_at(caller, row, things[1]) == filled(row.first, things[1])  # and nothing else was changed
    if row.tags:
        check_tags(caller, row, kept)
    delete(caller, row, kept)
    if row.absent:
        assert until(lambda: look_at(caller, row, kept), row.absent) == row.absent
    elif not row.unlisted:
        # told of as ended for a moment, and then not known any more
        assert until(lambda: isinstance(seen := look_at(caller, row, kept), tuple) or seen in [None, False], True)
    if row.list and not row.unlisted:
        left = sorted([*before, *(filled(row.item, other) for other in things[1:])])
        assert until(lambda: sorted(listed(caller, row, kept)[0]), left) == left


@pytest.mark.parametrize("name", DATA)
def test_data(caller, name):
    service, around, call, seen, wanted = DATA[name]
    kept = caller.around(around)
    assert jmespath.search(seen, caller(service, call, kept)) == filled(wanted, kept)


def test_every_type_has_a_row():
    lines = subprocess.run([WEIR, "schema", "--calls"], capture_output=True, text=True, check=True).stdout.splitlines()
    types = {("data." if line["data"] else "") + line["type"] for line in map(json.loads, lines) if line["type"].startswith("aws.")}
    rows = set(ROWS) | {f"data.{name}" for name in DATA}
    assert types - rows - set(EXCUSED) == set(), "types without a row"
    assert (rows | set(EXCUSED)) - types == set(), "rows without a type"
