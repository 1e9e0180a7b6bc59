"""State machines judged by others: whatever weir calls wrong somebody else calls wrong, and what it takes nobody refuses; where they differ, it is known why.

The judges: moto's grammar, which is LocalStack's and was made by asking AWS; the schema that cfn-lint has; and, where npm has
brought them (tools/setup editors), asl-validator and AWS's own language service for editors."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from support import Stack

pytestmark = pytest.mark.long
ROOT = Path(__file__).resolve().parents[2]
NODE = ROOT / ".cache/asl/node_modules"
HAS_NODE = NODE.is_dir() and bool(shutil.which("node"))

# What weir takes and a judge refuses: why it is not followed.
TAKEN = {
    ("moto", "a distributed map"): "its grammar has no ItemBatcher",
    ("moto", "runs: distributed map: in batches"): "its grammar has no ItemBatcher",
    ("cfn-lint", "jsonata"): "a state's query language is the machine's where it says none",
    ("cfn-lint", "runs: succeed with paths"): "the specification has InputPath and OutputPath in Succeed",
    ("asl-validator", "a function of JSONPath"): "the service's paths have functions",
    ("language service", "a reader of Parquet"): "it is newer",
}
# What weir refuses and no judge does: who says so.
REFUSED = {
    "back to jsonpath": "the developer guide: a machine in JSONata cannot go back to a mixture",
    "heartbeat not below the timeout": "the specification: HeartbeatSeconds MUST be smaller than TimeoutSeconds",
}


def corpus():
    """By name: the definition, and whether it is refused."""
    every = {}
    for case in json.loads((ROOT / "tests/asl/verdicts.json").read_text()):
        every[case["name"]] = case["definition"], case.get("refused", False)
    for case in json.loads((ROOT / "tests/asl/definitions.json").read_text()):
        if case["name"] not in SANDBOX:
            every[case["name"]] = case["definition"], True
    for case in json.loads((ROOT / "tests/asl/cases.json").read_text()):
        if "definition" in case:
            every["runs: " + case["name"]] = case["definition"], False
    return every


# What only the sandbox's interpreter does not take.
SANDBOX = {"not an object", "JSONata", "distributed map: its fields elsewhere", "distributed map: another reader"}


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    """What weir says of each, "" nothing."""
    stack = Stack(tmp_path_factory.mktemp("judged"))
    said = {}
    names = list(corpus())
    for start in range(0, len(names), 20):
        some = names[start : start + 20]
        resources = {f"m{i}": {"type": "aws.stepfunctions.state_machine", "name": f"m{i}", "role": "arn:aws:iam::123456789012:role/r", "definition": corpus()[name][0]} for i, name in enumerate(some)}
        stack.write(json.dumps({"stack": "judged", "resources": resources}, indent=1))
        told = stack.run("validate", status=None)
        for i, name in enumerate(some):
            said[name] = "; ".join(re.findall(rf'^error: m{i}: "definition": (.*)$', told.err, re.MULTILINE))
        assert told.err.count("error: ") == sum(len(said[name].split("; ")) for name in some if said[name]), told.err
    return said


def test_what_is_expected(ours):
    assert not {name: ours[name] for name, (_, refused) in corpus().items() if bool(ours[name]) != refused}


def moto():
    from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser, ASLParserException

    for definition, _ in corpus().values():
        said = ""
        try:
            AmazonStateLanguageParser.parse(json.dumps(definition))
        except ASLParserException as error:
            said = str(error)
        except Exception:  # what comes after its grammar stumbles over most of them
            pass
        yield said


def cfn_lint():
    import cfnlint.data.schemas.other.step_functions as where
    from jsonschema import Draft7Validator

    judge = Draft7Validator(json.loads((Path(where.__path__[0]) / "statemachine.json").read_text()))
    for definition, _ in corpus().values():
        yield "; ".join(error.message[:200] for error in judge.iter_errors(definition))


def by_node():
    done = subprocess.run(["node", ROOT / "tests/tools/asl_judges.js"], input=json.dumps([definition for definition, _ in corpus().values()]), env={**os.environ, "NODE_PATH": str(NODE)}, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def judged():
    """By judge and name: what it says, "" nothing."""
    said = {"moto": moto(), "cfn-lint": cfn_lint(), **(by_node() if HAS_NODE else {})}
    return {judge: dict(zip(corpus(), verdicts, strict=True)) for judge, verdicts in said.items()}


def test_what_weir_takes_nobody_refuses(ours, judged):
    refused = {(judge, name): text for judge, said in judged.items() for name, text in said.items() if text and not ours[name]}
    known = {key for key in TAKEN if key[0] in judged}
    assert set(refused) == known, {key: refused.get(key) for key in set(refused) ^ known}


@pytest.mark.skipif(not HAS_NODE, reason="npm has not brought the judges: tools/setup editors")
def test_what_weir_refuses_somebody_refuses(ours, judged):
    alone = {name: text for name, text in ours.items() if text and not any(said[name] for said in judged.values())}
    assert set(alone) == set(REFUSED), alone
