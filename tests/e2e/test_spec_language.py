"""The spec language: every key that the loader takes is in docs/specs*.md and in use, and what specs say of other types is so. Nothing here calls anybody."""

import re


from support import ROOT, spec_of

LOADER = "".join(path.read_text() for path in sorted((ROOT / "provider/spec").glob("load*.c")))
SPECS = {path.stem: spec_of(path) for path in sorted((ROOT / "provider/aws/specs").glob("*.yaml"))}
ALL_SPECS = [spec_of(path) for path in sorted([*(ROOT / "provider").glob("*/specs/*.yaml"), *(ROOT / "sandbox/specs").glob("*.yaml")])]  # those of all kinds
TYPES = {f"aws.{service}.{name}": body for service, spec in SPECS.items() for name, body in spec.get("types", {}).items()}
SANDBOX_ONLY = {f"aws.{path.stem}.{name}": body for path in sorted((ROOT / "sandbox/specs").glob("*.yaml")) for name, body in spec_of(path).get("types", {}).items()}
TEXT = r'((?:"[^"]*"\s*\\?\s*)+)'
UNUSED = {"entry", "result"}  # what the protocols have and no service here needs
IN_C = {"aws.s3.object", "aws.s3.directory"}  # types that no spec has


def keys():
    """What stands in the loader's tables of keys: #define X_KEYS, load_keys(…, what, keys), .extra, and the rows of sandbox_keys."""
    texts = re.findall(rf"#define \w+_KEYS\s*\\\s*{TEXT}", LOADER) + re.findall(rf'load_keys\(\s*[^"]*?"[^"]*",\s*{TEXT}\)', LOADER) + re.findall(rf"\.extra = {TEXT}", LOADER)
    rows = re.findall(r'\{"(\w+)", FORM_\w+, (?:"([^"]*)"|NULL)\}', LOADER)
    texts += [f'"{name}" "{inside}"' for name, inside in rows]
    assert len(rows) >= 40
    return {key for text in texts for part in re.findall(r'"([^"]*)"', text) for key in part.split()}


KEYS = keys()


def used(node):
    """All keys of all maps; `on` is a boolean to this reader, which speaks YAML 1.1."""
    if isinstance(node, dict):
        return {"on" if key is True else key for key in node if isinstance(key, (str, bool))} | {key for value in node.values() for key in used(value)}
    return {key for value in node for key in used(value)} if isinstance(node, list) else set()


def test_keys_are_known():
    assert len(KEYS) > 180 and {"service", "token", "load", "as", "delete_whole", "collects", "retry_unless"} - KEYS == {"load"}


def test_every_key_is_documented():
    text = "".join((ROOT / "docs" / page).read_text() for page in ("specs.md", "specs-reference.md"))
    code = " ".join(re.findall(r"```yaml\n(.*?)```", text, re.S) + re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.S)))
    words = set(re.findall(r"[a-z_0-9]+", code))
    assert KEYS - words == set()


def test_every_key_is_used():
    everywhere = {key for spec in ALL_SPECS for key in used(spec)}
    assert KEYS - everywhere == UNUSED - everywhere


def references(body):
    """(type, attribute) of what a type's spec says of others; attribute None where only the type is named."""
    sandbox = body.get("sandbox", {})
    for type_ in sandbox.get("references", {}).values():
        yield type_, None
    for rule in sandbox.get("owns", []) + sandbox.get("called_by", []) + sandbox.get("used_by", {}).get("by", []) + list(sandbox.get("collects", {}).values()):
        yield rule["type"], rule.get("attribute")
        yield from ((rule["type"], attribute) for attribute in rule.get("where", {}))
    for rule in sandbox.get("creates", []) + sandbox.get("leaves_behind", []):
        yield from ((rule["type"], attribute) for attribute in rule["attributes"])
    for leaf in body.get("leaves", []):
        yield from ((leaf["type"], attribute) for attribute in leaf.get("match", []))
    for option in body.get("run", {}).get("options", {}).values():
        if "resource" in option:
            yield option["resource"], None


def test_other_types_are_there():
    wrong, known = [], {**SANDBOX_ONLY, **TYPES}
    for name, body in TYPES.items():
        for type_, attribute in references(body):
            if type_ not in known and type_ not in IN_C:
                wrong.append(f"{name}: {type_}")
            elif attribute and attribute not in known[type_]["attributes"] and not (attribute == "arn" and "arn" in known[type_]):
                wrong.append(f"{name}: {type_} has no {attribute}")
    assert wrong == []
