"""Each `default:` of a spec has somebody who says that the service has it when nothing is said: tests/specs/defaults.yaml, and who is named there is asked."""

import json
import os
import re
import sys
from functools import cache
from pathlib import Path

import pytest
import test_specs_limits as limits
import yaml
from support import ROOT, spec_of

sys.path.append(str(Path(__file__).parent / "sandbox"))
import cfn_models  # noqa: E402

SOURCES = yaml.safe_load((ROOT / "tests/specs/defaults.yaml").read_text())
KINDS = {"docs": {"docs", "words", "means"}, "cfn": {"cfn", "words"}, "recorded": {"recorded"}, "sent": {"sent"}, "local": {"local"}, "own": {"own"}, "empty": {"empty"}, "engine": {"engine"}}
RECORDINGS = os.environ.get("WEIR_RECORDINGS")


def inside(attribute, shapes, seen):
    """The fields of an object, of a list of them, of a shape that has a name."""
    if "fields" in attribute:
        return attribute["fields"], seen
    name = re.sub(r"(list|set|map)\(|\)", "", str(attribute.get("type", "")))
    shape = shapes.get(name) if name not in seen else None
    return (shape.get("fields", shape) if shape else {}), (*seen, name)


def attributes_of(attributes, shapes, path="", seen=()):
    """At every depth."""
    for name, attribute in attributes.items():
        attribute, name = limits.whole(attribute), {True: "on"}.get(name, name)  # YAML 1.1's
        yield path + name, attribute
        fields, deeper = inside(attribute, shapes, seen)
        yield from attributes_of(fields, shapes, f"{path}{name}.", deeper)


def every_part(key):
    """This part of every type and data source, and of what runs it: (type, the part, the spec of its file, its own)."""
    for file in sorted((ROOT / "provider").glob("*/specs/*.yaml")):
        spec, kind = spec_of(file), file.parent.parent.name
        for section in "types", "data":
            for name, one in (spec.get(section) or {}).items():
                called = f"{kind}.{name}" if kind == spec["service"] else f"{kind}.{spec['service']}.{name}"
                for part in one.get(key), (one.get("run") or {}).get(key):
                    if part:
                        yield called, part, spec, one


def every_attribute(word):
    """Every attribute with this word: {(type, path): (attribute, the type)}."""
    return {(called, path): (attribute, one) for called, attributes, spec, one in every_part("attributes")
            for path, attribute in attributes_of(attributes, spec.get("shapes") or {}) if word in attribute}


DEFAULTS = every_attribute("default")
LISTED = {(called, path): source for called, paths in SOURCES.items() for path, source in paths.items()}


def of_kind(kind):
    return {key: source for key, source in LISTED.items() if next(iter(source)) == kind}


def test_each_has_a_source_and_none_is_left_over():
    assert len(DEFAULTS) > 350
    assert set(LISTED) == set(DEFAULTS), sorted(set(LISTED) ^ set(DEFAULTS))
    assert not {key: source for key, source in LISTED.items() if not set(source) <= KINDS.get(next(iter(source)), set())}


def plain(text):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", str(text).replace("`", "")))


def spelt(value, words):
    """Is the value in the words?"""
    spellings = {True: ("true", "enabled", "activated", "automatically"), False: ("false", "disabled", "not ", "n't ", "no ", "null", "never")}
    wanted = spellings[value] if isinstance(value, bool) else value if isinstance(value, list) else (value, f"{value:,}" if isinstance(value, int) else value)
    return any(str(one).lower() in words.lower() or re.sub(r"\W", "", str(one)).lower() in re.sub(r"\W", "", words).lower() for one in wanted)


@cache
def reference(where):
    """What AWS's reference says of an operation, a shape or one of its members."""
    service, name, *member = where.split()
    model = limits.model_of(service)
    if name in model.operation_names:
        return plain(model.operation_model(name).documentation)
    shape = model.shape_for(name)
    return plain(shape.members[member[0]].documentation if member else shape.documentation)


@pytest.mark.parametrize("key", of_kind("docs"), ids=":".join)
def test_the_reference_says_so(key):
    source = LISTED[key]
    assert source["words"] in reference(source["docs"])
    assert source.get("means") or spelt(DEFAULTS[key][0]["default"], source["words"])


def cfn_property(where):
    """CloudFormation's, by its type, a definition of it, and its name."""
    name, *definition, member = where.split()
    schema = cfn_models.schema_of(name)
    return (schema["definitions"][definition[0]] if definition else schema)["properties"][member]


def at_property(schema, path, attributes, shapes):
    """The property of CloudFormation's that an attribute is, by the names on the wire or its own."""
    node = schema
    for name in path.split("."):
        attribute, node = limits.whole(attributes[name]), resolved(schema, node)
        ways = [str(attribute["wire"]).split(".")] if "wire" in attribute else []
        found = [one for way in [*ways, *([way[-1]] for way in ways), [name]] if (one := along(schema, node, way))]
        assert found, (name, list(node.get("properties", {})))
        node, (attributes, _) = found[0], inside(attribute, shapes, ())
    return node


def resolved(schema, node):
    while "$ref" in node or node.get("type") == "array":
        node = schema["definitions"][node["$ref"].rpartition("/")[2]] if "$ref" in node else node["items"]
    return node


def along(schema, node, way):
    for word in way:
        properties = resolved(schema, node).get("properties", {})
        node = next((properties[one] for one in properties if re.sub(r"\W|_", "", one).lower() == re.sub(r"\W|_", "", word).lower()), None)
        if node is None:
            return None
    return node


@pytest.mark.parametrize("key", of_kind("cfn"), ids=":".join)
def test_the_schema_says_so(key):
    (attribute, one), source = DEFAULTS[key], LISTED[key]
    schema = cfn_models.schema_of(one["cfn"])
    shapes = spec_of(ROOT / f"provider/aws/specs/{key[0].split('.')[1]}.yaml").get("shapes") or {}
    node = at_property(schema, key[1], one["attributes"], shapes)
    if "words" not in source:
        assert {**resolved(schema, node), **node}["default"] == attribute["default"]
        return
    assert source["words"] in plain(node.get("description") or resolved(schema, node)["description"])
    assert spelt(attribute["default"], source["words"])


def test_what_is_sent_is_sent():
    for key in of_kind("sent"):
        assert DEFAULTS[key][0].get("send_default") or key[1].partition(".")[0].startswith("run_"), key
    for key in of_kind("local"):
        assert DEFAULTS[key][0].get("local"), key
    for key in of_kind("empty"):
        assert DEFAULTS[key][0]["default"] in ("", [], {}), key


def test_engines_are_asked():
    for (called, path), source in of_kind("engine").items():
        assert called in (ROOT / "tests/e2e" / source["engine"]).read_text(), (called, path)


def values_at(document, name):
    """All that is called so, at any depth; of a list its items, too."""
    if isinstance(document, dict):
        for key, value in document.items():
            if key.lower() == name.lower():
                yield from [value, *(value if isinstance(value, list) else [])]
            yield from values_at(value, name)
    for item in document if isinstance(document, list) else []:
        yield from values_at(item, name)


@pytest.mark.parametrize("key", of_kind("recorded"), ids=":".join)
def test_a_real_account_had_it(key):
    """The recordings are others' and not here; their place in cloud-custodian's repository is."""
    attribute, source = DEFAULTS[key][0], LISTED[key]["recorded"]
    assert re.fullmatch(r"[\w.-]+/[\w-]+\.\w+_\d+\.json", source)
    if not RECORDINGS:
        return
    answer = json.loads((Path(RECORDINGS) / source).read_text())["data"]
    read = attribute["read"] if isinstance(attribute.get("read"), str) else attribute.get("wire")
    name = str(read or key[1].rpartition(".")[2].replace("_", "")).rpartition(".")[2]
    spellings = attribute.get("read_values") or attribute.get("values") or {}
    default = attribute["default"]
    wanted = [default, *(default if isinstance(default, list) else []), *([] if isinstance(default, list) else [spellings.get(default, default)])]
    assert [value for value in values_at(answer, name) if value in wanted], (name, list(values_at(answer, name))[:5])
