"""Each `enum:` of a spec has the values that somebody else has: the model's enumeration of the same member, or who is named in tests/specs/enumerations.yaml.
One that is narrower than the service's would refuse stacks that are right."""

import importlib
import inspect
import re
import subprocess
from collections import defaultdict

import pytest
import test_specs_defaults as specs
import test_specs_limits as limits
import yaml
from pg import ADMIN, Postgres
from support import ROOT

SOURCES = yaml.safe_load((ROOT / "tests/specs/enumerations.yaml").read_text())
KINDS = {"model", "docs", "cfn", "library", "psql", "local", "said"}


ENUMERATIONS = specs.every_attribute("enum")
LISTED = {(called, {True: "on"}.get(path, path)): source for called, paths in SOURCES.items() for path, source in paths.items()}


def model_shapes():
    found = defaultdict(set)
    for kind, path, attribute, shape in limits.limited(respelt=True):
        if "enum" in attribute and getattr(shape, "enum", None):
            found[f"aws.{kind}", path].add(tuple(shape.enum))
    return found


MODELS = model_shapes()


def of_kind(kind):
    return [key for key, source in LISTED.items() if kind in source]


def spelt(key):
    """The values as they are on the wire."""
    attribute = ENUMERATIONS[key][0]
    respelt = attribute.get("values") or {}
    return {str(respelt.get(one, one)) for one in attribute["enum"]}


def settled(key, what):
    return {str(value): why for value, why in LISTED.get(key, {}).get(what, {}).items()}


def compare(key, theirs):
    ours = spelt(key)
    assert set(theirs) - ours == set(settled(key, "lacks")), (key, "only there", set(theirs) - ours)
    assert ours - set(theirs) == set(settled(key, "more")), (key, "only here", ours - set(theirs))


def test_each_has_a_source_and_none_is_left_over():
    assert len(ENUMERATIONS) > 280
    assert not set(LISTED) - set(ENUMERATIONS), set(LISTED) - set(ENUMERATIONS)
    assert not set(ENUMERATIONS) - set(LISTED) - set(MODELS), sorted(set(ENUMERATIONS) - set(LISTED) - set(MODELS))
    assert not {key: source for key, source in LISTED.items() if len(KINDS & set(source)) != 1 or set(source) - KINDS - {"lacks", "more", "within", "besides"}}
    assert not [key for key in of_kind("local") if not ENUMERATIONS[key][0].get("local")]


@pytest.mark.parametrize("key", sorted(set(MODELS) - set(LISTED)), ids=":".join)
def test_the_model_of_the_member_has_the_same(key):
    for theirs in MODELS[key]:
        compare(key, theirs)


@pytest.mark.parametrize("key", of_kind("model"), ids=":".join)
def test_the_shape_has_the_same(key):
    service, shape = LISTED[key]["model"].split()
    compare(key, limits.model_of(service).shape_for(shape).enum)


def names_of(service):
    """What a service calls things: words of its documentation that are no values."""
    model = limits.model_of(service)
    shapes = [model.shape_for(name) for name in model.shape_names]
    return {name for shape in shapes if shape.type_name == "structure" for name in shape.members} | {*model.shape_names, *model.operation_names}


@pytest.mark.parametrize("key", of_kind("docs"), ids=":".join)
def test_the_reference_has_the_same(key):
    source = LISTED[key]
    service, name, *member = source["docs"].split()
    text = specs.reference(source["docs"])
    words = text.partition(source.get("within", ""))[2] if "within" in source else text
    assert words, source
    missing = [value for value in spelt(key) - set(settled(key, "more")) if not re.search(rf"(?i)(?<![\w-]){re.escape(value)}(?![\w-])", source.get("within", "") + words)]
    assert not missing, (missing, words)
    if "within" not in source and member:
        html = limits.model_of(service).shape_for(name).members[member[0]].documentation
        told = {value for code in re.findall(r"<code>([^<]+)</code>", html) for value in re.split(r"[\s|]+", code) if value} - names_of(service)
        assert told - spelt(key) - {"null"} == set(source.get("besides", [])), told - spelt(key)


@pytest.mark.parametrize("key", of_kind("cfn"), ids=":".join)
def test_cloudformation_has_the_same(key):
    compare(key, specs.cfn_property(LISTED[key]["cfn"])["enum"])


@pytest.mark.parametrize("key", of_kind("library"), ids=":".join)
def test_the_library_has_the_same(key):
    module, name = LISTED[key]["library"].split()
    found = getattr(importlib.import_module(module), name)
    if hasattr(found, "__members__"):
        theirs, ours = {one.name for one in found}, {value.upper().replace("-", "_") for value in spelt(key)}
    else:
        theirs, ours = set(re.findall(r"``(\w+)``", re.search(r"type \(string\):(.*?)Default", inspect.getdoc(found), re.S)[1])), spelt(key)
    assert theirs - ours == set(settled(key, "lacks")) and ours - theirs == {value.upper() for value in settled(key, "more")}


def test_postgres_has_them():
    server = Postgres()
    try:
        for key in of_kind("psql"):
            command = [server.programs / "psql", "-X", "-h", server.folder, "-p", str(server.port), "-U", ADMIN, "-d", "postgres", "-c", rf"\h {LISTED[key]['psql']}"]
            told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            assert not [value for value in spelt(key) - set(settled(key, "more")) if not re.search(rf"\b{value.upper()}\b", told)], (key, told)
    finally:
        server.stop()


def test_what_differs_is_said_by_somebody():
    for key in LISTED:
        for what in "lacks", "more":
            for value, why in settled(key, what).items():
                if isinstance(why, dict) and "docs" in why:
                    assert why["words"] in specs.reference(why["docs"]), (key, value)
                elif isinstance(why, dict):
                    theirs = specs.cfn_property(why["cfn"])["enum"]
                    assert value in {*theirs, *(re.sub(r"(?<=[a-z])(?=[A-Z])", "-", one).lower() for one in theirs)}, (key, value)
