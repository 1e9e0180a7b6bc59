"""Properties of CloudFormation's types, made from their published schemas (cfn-lint has them): minimal, rich, changed. Seeded."""

import functools
import json
import random
import re
import re._constants as sre
import re._parser as sre_parser
import warnings
from importlib.util import find_spec
from pathlib import Path

warnings.filterwarnings("ignore", category=FutureWarning, module="re|cfn_models")  # what Java writes and Python may once mean otherwise

SCHEMAS = Path(find_spec("cfnlint").origin).parent / "data/schemas"  # its code takes seconds to load
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


class Unmakeable(Exception):
    """A pattern or a set of rules that this does not find a value for."""


@functools.cache
def index():
    return json.loads((SCHEMAS / "providers/us-east-1.json").read_text())


@functools.cache
def schema_of(name):
    return json.loads((SCHEMAS / "resources" / f"{index()[name]}.json").read_text())


@functools.cache
def names():
    return [name for name in sorted(index()) if schema_of(name).get("handlers")]


def text_of(parsed, rng, longest):
    """A text that a regular expression matches."""
    out = ""
    for op, argument in parsed:
        if op is sre.LITERAL:
            out += chr(argument)
        elif op is sre.NOT_LITERAL:
            out += rng.choice([c for c in LETTERS if ord(c) != argument])
        elif op is sre.ANY:
            out += rng.choice(LETTERS)
        elif op is sre.IN:
            out += member_of(argument, rng)
        elif op in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            least, most, inner = argument
            for _ in range(rng.randint(least, max(least, min(most, least + longest, 40)))):
                out += text_of(inner, rng, max(1, longest // 4))
        elif op is sre.SUBPATTERN:
            out += text_of(argument[-1], rng, longest)
        elif op is sre.BRANCH:
            out += text_of(rng.choice(argument[1]), rng, longest)
        elif op in (sre.AT, sre.ASSERT, sre.ASSERT_NOT):
            pass
        else:
            raise Unmakeable(str(op))
    return out


CATEGORIES = {sre.CATEGORY_DIGIT: "0123456789", sre.CATEGORY_WORD: LETTERS, sre.CATEGORY_SPACE: " ", sre.CATEGORY_NOT_SPACE: LETTERS, sre.CATEGORY_NOT_DIGIT: "abc", sre.CATEGORY_NOT_WORD: "-"}


def member_of(items, rng):
    negated = items[0][0] is sre.NEGATE
    ranges = [(a, a) if op is sre.LITERAL else a for op, a in items if op in (sre.LITERAL, sre.RANGE)]
    category = "".join(CATEGORIES[a] for op, a in items if op is sre.CATEGORY)
    if negated:
        return rng.choice([c for c in LETTERS + "-" if c not in category and not any(low <= ord(c) <= high for low, high in ranges)] or ["~"])
    plain = [c for c in LETTERS + "ABCDEF" if c in category or any(low <= ord(c) <= high for low, high in ranges)]
    if plain:
        return rng.choice(plain)
    return category[0] if category else chr(ranges[0][0])


def pythonic(schema):
    """The schema with patterns as Python has them, for jsonschema."""
    if isinstance(schema, list):
        return [pythonic(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    out = {key: pythonic(value) for key, value in schema.items()}
    if isinstance(out.get("pattern"), str):
        out["pattern"] = python_pattern(out["pattern"])
    if isinstance(out.get("patternProperties"), dict):
        out["patternProperties"] = {python_pattern(key): value for key, value in out["patternProperties"].items()}
    return out


@functools.cache
def validator_of(name):
    import jsonschema  # takes longer than all the rest of this file

    return jsonschema.Draft7Validator(pythonic(schema_of(name)))


def tag_key(item):
    """What an item of a list is told from the others by: a tag by its key."""
    keys = [key for key in item if key.lower() == "key"] if isinstance(item, dict) and {name.lower() for name in item} == {"key", "value"} else []
    return item[keys[0]] if keys else item


class Model:
    def __init__(self, name, seed=0):
        self.name, self.schema = name, schema_of(name)
        self.rng = random.Random(f"{name} {seed}")
        self.read_only = {p.split("/")[2] for p in self.schema.get("readOnlyProperties", []) if p.count("/") == 2}
        self.marked = {tuple(step for step in p.split("/")[2:] if step not in ("properties", "items", "*")) for p in self.schema.get("readOnlyProperties", [])}

    def settable(self):
        return [name for name in self.schema["properties"] if name not in self.read_only]

    def resolve(self, schema):
        for _ in range(20):
            if not isinstance(schema.get("$ref"), str):
                return schema
            target = self.schema
            for step in schema["$ref"].split("/")[1:]:
                target = target[step]
            schema = {**target, **{key: value for key, value in schema.items() if key != "$ref"}}
        return schema

    # ---- values ----

    def value(self, schema, path, rich, depth=0):
        schema = self.resolve(schema)
        if depth > 12:
            raise Unmakeable("deep")
        if "enum" in schema or "enumCaseInsensitive" in schema:
            return self.rng.choice(schema.get("enum") or schema["enumCaseInsensitive"])
        for way in "oneOf", "anyOf":
            first = self.resolve(schema.get(way, [{}])[0])
            if "properties" not in schema and first.get("type", schema.get("type", "object" if "properties" in first else "")) != "object" and ("type" in first or "items" in first):
                schema = {**{key: value for key, value in schema.items() if key != way}, **first}
        for part in schema.get("allOf", []) if "properties" not in schema else []:
            schema = {**self.resolve(part), **schema}
        if "enum" in schema:
            return self.rng.choice(schema["enum"])
        kind = schema.get("type")
        if isinstance(kind, list):
            kind = "array" if "items" in schema and "array" in kind else "object" if "object" in kind else kind[0]
        if kind is None:
            kind = "object" if "properties" in schema or any("properties" in self.resolve(one) for way in ("oneOf", "anyOf") for one in schema.get(way, [])) else "array" if "items" in schema else "string"
        return getattr(self, f"make_{kind}")(schema, path, rich, depth)

    def make_boolean(self, *_):
        return self.rng.random() < 0.5

    def make_integer(self, schema, *_):
        low, high = int(schema.get("minimum", 1)), int(schema.get("maximum", max(100, schema.get("minimum", 1))))
        return self.rng.randint(low, min(high, low + 5))

    def make_number(self, schema, *rest):
        return self.make_integer(schema, *rest)

    def make_string(self, schema, *_):
        least, most = schema.get("minLength", 0), schema.get("maxLength", 60)
        plain = {"date-time": "2026-01-01T00:00:00Z", "timestamp": "2026-01-01T00:00:00Z", "ipv4-network": "10.1.0.0/16", "ipv6-network": "2001:db8::/32", "uri": "https://a.example/b"}
        if (text := plain.get(schema.get("format"))) and "pattern" not in schema:
            return text
        if schema.get("format") == "json":
            return '{"a": [1, 2]}'
        pattern = schema.get("pattern")
        if not pattern:
            return "".join(self.rng.choice(LETTERS) for _ in range(max(least, min(most, 6))))
        for attempt in range(60):
            try:
                text = text_of(sre_parser.parse(python_pattern(pattern)), self.rng, (1, 3, 8, 20)[attempt % 4])
                if max(1, least) <= len(text) <= most and re.search(python_pattern(pattern), text) and "${" not in text and text.isprintable():
                    return text
            except (re.error, IndexError, OverflowError, RecursionError) as e:
                raise Unmakeable(pattern) from e
        raise Unmakeable(pattern)

    def make_array(self, schema, path, rich, depth):
        least, most = schema.get("minItems", 0), schema.get("maxItems", 3)
        n = max(least, min(most, self.rng.randint(1, 3) if rich and depth < 4 else least))
        items = []
        for _ in range(n * 8):
            item = self.value(schema.get("items", {"type": "string"}), path, rich, depth + 1)
            if len(items) < n and tag_key(item) not in map(tag_key, items):
                items.append(item)
        if len(items) < least:
            raise Unmakeable("items")
        return items

    def make_object(self, schema, path, rich, depth):
        chosen = dict(schema)
        for way in "oneOf", "anyOf", "allOf":
            options = [self.resolve(one) for one in schema.get(way, [])]
            for one in options if way == "allOf" else options[:1]:
                nested = [self.resolve(inner) for key in ("oneOf", "anyOf") for inner in one.get(key, [])[:1]]
                for part in [one, *nested]:
                    chosen["properties"] = {**chosen.get("properties", {}), **part.get("properties", {})}
                    chosen["required"] = [*chosen.get("required", []), *part.get("required", [])]
        for key in "requiredXor", "requiredOr":
            if names := [name for name in schema.get(key, []) if name in chosen.get("properties", {})]:
                chosen["required"] = [*chosen.get("required", []), names[0]]
        for name, others in schema.get("dependentRequired", {}).items():
            if name in chosen.get("required", []):
                chosen["required"] = [*chosen["required"], *others]
        if {name.lower() for name in chosen.get("properties", {})} == {"key", "value"}:
            chosen["required"] = list(chosen["properties"])  # a tag without a key is none
        alternatives = any(key in schema for key in ("oneOf", "anyOf", "allOf", "dependentExcluded", "dependencies", "requiredXor", "dependentRequired"))
        if "properties" not in chosen:
            return self.make_map(chosen, path, rich, depth)
        out = {}
        for name, inner in chosen["properties"].items():
            required = name in chosen.get("required", [])
            if (*path, name) in self.marked or (not required and (alternatives or not rich or depth > 3 or self.rng.random() < 0.4)):
                continue
            try:
                out[name] = self.value(inner, (*path, name), rich, depth + 1)
                if out[name] in ({}, [{}]) and any(mark[: len(path) + 1] == (*path, name) for mark in self.marked):
                    del out[name]  # all of it is the service's
            except Unmakeable:
                if required:
                    raise
        return out

    def make_map(self, schema, path, rich, depth):
        for pattern, inner in schema.get("patternProperties", {}).items():
            key = self.make_string({"pattern": pattern})
            return {key: self.value(inner, path, rich, depth + 1)} if isinstance(inner, dict) else {key: "a"}
        if isinstance(schema.get("additionalProperties"), dict) and schema["additionalProperties"]:
            return {"key": self.value(schema["additionalProperties"], path, rich, depth + 1)}
        return {"key": "value"} if schema.get("minProperties", 0) or rich else {}

    # ---- whole ----

    def properties(self, rich=False):
        out = self.make_object({**self.schema, "properties": {name: self.schema["properties"][name] for name in self.settable()}, "required": [n for n in self.schema.get("required", []) if n not in self.read_only]}, (), rich, 0)
        if not validator_of(self.name).is_valid(out):
            raise Unmakeable("rules that are not looked at here")
        return out

    def fixed(self, name):
        """Does a change of this property make a new one?"""
        return f"/properties/{name}" in self.schema.get("createOnlyProperties", []) or "update" not in self.schema["handlers"]

    def changeable(self, properties, fixed):
        """A property of which another value is known, and that value; None: there is none."""
        special = set(self.schema.get("conditionalCreateOnlyProperties", [])) | set(self.schema.get("writeOnlyProperties", []))
        for name in self.settable():
            schema = self.resolve(self.schema["properties"][name])
            if name not in properties or self.fixed(name) != fixed or f"/properties/{name}" in special or schema.get("type") not in ("string", "integer", "boolean") or "const" in schema:
                continue
            for _ in range(10):
                try:
                    other = self.value(schema, (name,), True)
                except Unmakeable:
                    break
                if str(other).lower() != str(properties[name]).lower():
                    return name, other
        return None


def python_pattern(pattern):
    """What Java and JavaScript write and Python does not know."""
    pattern = re.sub(r"\\p\{(Alnum|L|IsAlphabetic|Alpha|Lower|IsLetter)\}", "a-z", pattern) if "[" in pattern else re.sub(r"\\p\{\w+\}", "[a-z]", pattern)
    pattern = re.sub(r"\\p\{(N|Nd|Digit|IsDigit)\}", "0-9", pattern)
    pattern = re.sub(r"\\[pP]\{\w+\}", "", pattern)
    return re.sub(r"\\u[dD][89a-fA-F]\w\w(-?\\u[dD][89a-fA-F]\w\w)*", "", pattern)


def in_order(model, value, schema=None):
    """The items of sets, which services tell in any order, in one."""
    schema = model.resolve(schema or model.schema)
    if isinstance(value, dict):
        return {key: in_order(model, item, schema.get("properties", {}).get(key, {"type": "any"})) for key, item in value.items()}
    if not isinstance(value, list):
        return value
    items = [in_order(model, item, schema.get("items", {"type": "any"})) for item in value]
    return items if schema.get("insertionOrder", True) and not schema.get("uniqueItems") else sorted(items, key=lambda item: json.dumps(item, sort_keys=True))


def alike(place, other):
    """Does one of two places lie in the other?"""
    return all(a == b for a, b in zip(place, other))


def fields_within(model, schema, value, path=()):
    """Paths of values in objects within the properties that no schema wants, and that are neither fixed nor hidden."""
    schema = model.resolve(schema)
    if isinstance(value, list):
        for i, item in enumerate(value):
            yield from fields_within(model, schema.get("items", {}), item, (*path, i))
    if not isinstance(value, dict) or "properties" not in schema or any(key in schema for key in ("oneOf", "anyOf", "allOf", "requiredXor", "requiredOr", "dependentRequired")):
        return
    if {name.lower() for name in schema["properties"]} == {"key", "value"}:
        return  # a tag without one of them is none
    for name, item in value.items():
        inner = schema["properties"].get(name, {})
        steps = [str(step) for step in (*path, name) if isinstance(step, str)]
        special = any(alike(tuple(step for step in p.split("/")[2:] if step not in ("properties", "items", "*")), tuple(steps)) for key in ("createOnlyProperties", "writeOnlyProperties", "readOnlyProperties", "conditionalCreateOnlyProperties") for p in model.schema.get(key, []))
        alone = len(value) == 1 and isinstance(path[-1] if path else "", int)  # an item of which nothing stays is none
        if path and not alone and name not in schema.get("required", []) and not special and item not in ("", [], {}) and "default" not in model.resolve(inner):
            yield (*path, name)
        yield from fields_within(model, inner, item, (*path, name))
