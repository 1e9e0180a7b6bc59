"""
weir's own types beside CloudFormation's schemas of the same things (`cfn:` in the specs; the schemas are those of the cfn-lint package): what is
required, what a change replaces, choices, ranges. Each disagreement is in SETTLED with what settles it; one that is not there is a mistake of one of them.
"""

import functools
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from support import ROOT, WEIR

sys.path.append(str(Path(__file__).parent / "sandbox"))
import cfn_models  # noqa: E402

SPECS = {path.stem: yaml.safe_load(path.read_text()) for path in sorted((ROOT / "provider/aws/specs").glob("*.yaml"))}
TYPES = {f"aws.{service}.{name}": (one["cfn"], one) for service, spec in SPECS.items() for name, one in spec.get("types", {}).items() if "cfn" in one}

# (type, attribute, what differs): why. A star stands for any.
SETTLED = {}


@functools.cache
def attributes(kind):
    """As `weir docs` has them: {name: what it says}."""
    page = subprocess.run([WEIR, "docs", kind, "--format", "markdown"], capture_output=True, text=True, check=True).stdout.split("## What the service says")[0]
    return {name: words.replace("\\_", "_").replace("\\*", "*").replace("\\|", "|") for name, words in re.findall(r"^\| `(\w+)` \| [^|]* \| (.*) \|$", page, re.M)}


def counterpart(name, spec, schema):
    """The property that an attribute is: by its own name or the one on the wire."""
    wire = spec["attributes"].get(name, {}).get("wire") if isinstance(spec["attributes"].get(name), dict) else None
    wanted = {re.sub(r"\W|_", "", word).lower() for word in [name, *([str(wire).split(".")[-1]] if wire else [])]}
    for prop in schema["properties"]:
        if prop.lower() in wanted:
            return prop
    return None


def resolved(schema, prop):
    model = cfn_models.Model.__new__(cfn_models.Model)
    model.schema = schema
    return model.resolve(schema["properties"][prop])


def numbers(words):
    found = re.search(r"(?:^|[ ,.])(-?\d+) to (-?\d+)", words)
    return (int(found[1]), int(found[2])) if found else None


def choices(words):
    found = re.search(r'one of ((?:"[^"]*" ?)+)', words)
    return set(json.loads("[" + ",".join(re.findall(r'"[^"]*"', found[1])) + "]")) if found else None


def disagreements(kind):
    cfn, spec = TYPES[kind]
    schema = cfn_models.schema_of(cfn)
    fixed = {p.split("/")[2] for p in schema.get("createOnlyProperties", []) if p.count("/") == 2}
    maybe = {p.split("/")[2] for p in schema.get("conditionalCreateOnlyProperties", [])}
    read_only = {p.split("/")[2] for p in schema.get("readOnlyProperties", []) if p.count("/") == 2}
    for name, words in attributes(kind).items():
        prop = counterpart(name, spec, schema)
        if not prop:
            continue
        theirs = resolved(schema, prop)
        if prop in read_only:
            yield name, "given", f"{prop} is read-only"
            continue
        required = bool(re.search(r"(^|[ .])required(,|$)", words))
        if required != (prop in schema.get("required", [])):
            yield name, "required", f"required here: {required}"
        replaces = "a change replaces" in words
        if prop not in maybe and replaces != (prop in fixed or "update" not in schema["handlers"]):
            yield name, "replaces", f"replaces here: {replaces}"
        ours = choices(words)
        if ours and "enum" in theirs and (lacking := {str(one) for one in theirs["enum"]} - ours):
            yield name, "choices", f"not here: {sorted(lacking)}"
        if (span := numbers(words)) and theirs.get("type") in ("integer", "number"):
            if span[0] > theirs.get("minimum", span[0]) or span[1] < theirs.get("maximum", span[1]):
                yield name, "range", f"here {span}, there {theirs.get('minimum')} to {theirs.get('maximum')}"


def is_settled(kind, name, what):
    return any((a, b, what) in SETTLED for a in (kind, "*") for b in (name, "*"))


@pytest.mark.parametrize("kind", TYPES)
def test_disagreements_are_settled(kind):
    assert not [found for found in disagreements(kind) if not is_settled(kind, *found[:2])]


def test_what_is_settled_is_still_there():
    found = {(kind, name, what) for kind in TYPES for name, what, _ in disagreements(kind)}
    stale = [key for key in SETTLED if not any(key[2] == what and key[0] in (kind, "*") and key[1] in (name, "*") for kind, name, what in found)]
    assert not stale


def test_types_of_the_specs_have_their_counterparts():
    assert len(TYPES) > 60 and all(cfn in cfn_models.index() for cfn, _ in TYPES.values())
