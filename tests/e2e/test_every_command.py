"""No command crashes for any type: each is given every type, with nothing, with what is not known yet, and with what is wrong.

`Stack.run` fails on a signal, an assertion and a sanitizer's report; which status it ends with is said here only where it tells something.
"""

import json
import os
import re
import subprocess
from functools import cache

import pytest
import yaml

from support import WEIR, Stack

NOWHERE = "http://127.0.0.1:9"
OF_WEIR = {"type", "for_each", "when", "depends_on", "provider", "lifecycle", "adopt", "timeouts", "connect"}
UNKNOWN = "${u.result}"
VALUES = {"unknown": UNKNOWN, "null": None, "an empty list": [], "an empty map": {}, "a number": 1, "a text": "x", "a boolean": True,
          "an unknown item": "${[u.result]}", "an unknown entry": "${{a: u.result}}", "a nested null": [{"a": None}], "lists in lists": [[[]]]}


def told(*args):
    return subprocess.run([WEIR, *args], capture_output=True, text=True, check=True).stdout


@cache
def schema(*args):
    """Attributes of every type, by section: those that are required, and all that may be given."""
    found = {}
    for section, types in json.loads(told("schema", *args))["definitions"].items():
        if section in ("resources", "data"):
            found[section] = {
                name: (set(one.get("required", [])) - OF_WEIR, set(one["properties"]) - OF_WEIR) for name, one in types.items() if name
            }
    return found


def whole(value=None, required=False, given=True, leave=(), **more):
    """A stack with each type once, all of its attributes having this value."""
    def block(name, attrs):
        return {"type": name, **{attr: value for attr in sorted(attrs[0] if required else attrs[1]) if given}}

    sections = {
        section: {re.sub(r"\W", "_", name) + ("_" if section == "data" else ""): block(name, attrs) for name, attrs in types.items() if name not in leave}
        for section, types in schema().items()
    }
    sections["resources"] = {"u": {"type": "weir.random"}, **sections["resources"]}
    return yaml.safe_dump({"stack": "every", **more, **sections}, sort_keys=False)


# What plans need to be made: where the services are. Nobody listens there.
ELSEWHERE = {
    "connections": {"web": {"host": "127.0.0.1", "port": 9, "user": "ada"}},
    "providers": {
        **{name: {"url": NOWHERE} for name in ("airflow", "grafana", "metabase", "http")},
        "kafka": {"bootstrap": "127.0.0.1:9"}, "postgres": {"host": "127.0.0.1", "port": 9, "user": "ada"}, "docker": {"host": "tcp://127.0.0.1:9"},
        "host": {"via": "web"},
    },
}


@pytest.mark.parametrize("required", [False, True], ids=["whatever may be given", "what is required"])
@pytest.mark.parametrize("value", VALUES)
def test_validate(local_stack, value, required):
    local_stack.write(whole(VALUES[value], required)).run("validate", status=None)


def test_an_empty_block(local_stack):
    """All of it at once, and each mistake at its block."""
    err = local_stack.write(whole(given=False)).run("validate", status=3).err
    wanted = {name for types in schema().values() for name, (required, _) in types.items() if required}
    assert len(set(re.findall(r"^error: (\S+)", err, re.M))) == min(len(wanted), 100), err  # more are only counted
    local_stack.run("fmt")
    for command in ("cost", "policy", "graph", "plan", "apply", "destroy", "drift", "output", "jobs", "deploy"):
        local_stack.run(command, status=None)


@pytest.mark.full
def test_what_a_plan_is_made_of(local_stack):
    """Nothing is known of any attribute."""
    local_stack.write(whole(UNKNOWN, leave={"aws.ec2.default_vpc"}, **ELSEWHERE))
    local_stack.run("validate")
    assert local_stack.run("plan", "--sandbox").out.count("\n") > len(schema()["resources"])
    for words in (["--json"], ["--format", "markdown"], ["--format", "html"], ["-o", "saved"]):
        local_stack.run("plan", "--sandbox", *words)
    for name in schema()["resources"]:
        if os.environ.get("WEIR_LONG") or name.endswith("r"):
            local_stack.run("show", "--sandbox", re.sub(r"\W", "_", name))
    for words in (["show", "saved"], ["cost"], ["cost", "--json"], ["policy"], ["policy", "apply"], ["graph"], ["graph", "--format", "dot"]):
        local_stack.run(*words)
    for command in ("drift", "deploy", "destroy", "output", "jobs"):
        local_stack.run(command, "--sandbox", status=None)


def test_docs(local_stack):
    for section, types in schema().items():
        for name in types:
            out = local_stack.run("docs", name if section == "resources" else f"data.{name}").out
            assert name in out and (len(out.splitlines()) > 3), name


@pytest.mark.full
def test_cloudformations_types(local_stack):
    """Of 1,700 types: each in a block of its own, and every fortieth in a command of its own."""
    names = [name for name in told("completion", "types").split() if "::" in name]
    assert len(names) > 1500
    blocks = {f"r{i}": {"type": name} for i, name in enumerate(names)}
    local_stack.write(yaml.safe_dump({"stack": "every", "resources": blocks})).run("validate", status=3)
    local_stack.env |= ALONE
    for name in names[:: 1 if os.environ.get("WEIR_LONG") else 40]:
        assert name in local_stack.run("docs", name).out
        is_a_sentence(name, local_stack.run("import", "live", "--type", name, "-o", "-", status=None))


# Nobody listens, and nobody is asked twice.
ALONE = {"AWS_ACCESS_KEY_ID": "e2e", "AWS_SECRET_ACCESS_KEY": "e2e", "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": NOWHERE, "AWS_MAX_ATTEMPTS": "1"}


def is_a_sentence(name, result):
    """A draft, or why there is none."""
    if result.status == 0:
        assert "\nresources:\n" in result.out or "left out: " in result.err, str(result)
    else:
        assert result.status in (1, 3) and re.match(r"error: \S.{10,}", result.err), str(result)
        assert name in result.err or "there are no resources of that type" in result.err, str(result)
    return result


@pytest.mark.full
def test_import_live_with_nobody_listening(local_stack):
    local_stack.env |= ALONE
    said = {name: is_a_sentence(name, local_stack.run("import", "live", "--type", name, "-o", "-", status=None)).err for name in schema()["resources"]}
    assert all("is not in an AWS account" in err for name, err in said.items() if not name.startswith(("aws.", "weir.artifact")))
    assert "aws.emr.step cannot be listed" in said["aws.emr.step"] and "`imports:`" in said["aws.emr.step"]
    assert "aws.s3.object cannot be listed" in said["aws.s3.object"] and "cannot be listed" in said["weir.artifact"]
    assert "connection refused" in said["aws.sqs.queue"]


@pytest.mark.full
def test_import_live_of_an_empty_account(tmp_path, fast_sandbox):
    stack = Stack(tmp_path / "stack", fast_sandbox)
    for name in schema()["resources"]:
        if name.startswith("aws."):
            is_a_sentence(name, stack.run("import", "live", "--type", name, "-o", "-", status=None))
