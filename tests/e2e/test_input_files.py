"""A mistake in a file of values, or in the default of a sensitive input, is told with line and column, and nothing of what stands there."""

import json

import pytest

STACK = """
    stack: told
    inputs:
      pw: {type: string, sensitive: true, default: none}
      conf: {type: map(string), sensitive: true, default: {}}
      days: {type: integer, default: 3}
      owner: {type: string, pattern: '[a-z]+', default: a}
    resources: {}
"""
YAML = {
    "at": ("pw: @hunter2secret\n", "1:5"),
    "colon": ("days: 1\npw: hunter2: secret\n", "2:12"),
    "after a quote": ('pw: "hunter2" secret\n', "1:15"),
    "no end of a quote": ('pw: "hunter2\n', "1:5"),
    "alias": ("pw: *hunter2secret\n", "1:5"),
    "alias like another": ("days: &hunter3 1\npw: *hunter2\n", "2:5"),
    "tag": ("pw: !hunter2 secret\n", "1:5"),
    "twice": ("pw: hunter2\npw: hunter3\n", "2:1"),
    "twice, a key that is none": ("hunter2: 1\nhunter2: 2\n", "2:1"),
    "misspelt": ("pww: hunter2secret\n", "1:1"),
    "misspelt beyond recognition": ("hunter2: 1\n", "1:1"),
    "block": ("pw: |\n  hunter2\n hunter3\n", "3:2"),
    "control character": ("pw: hunter2\x01\n", "1:12"),
    "no UTF-8": (b"pw: hunter2\xff\n", "1:12"),
    "list": ("- hunter2\n", "1:1"),
    "text": ("pw:hunter2\n", "1:1"),
    "assignment": ("hunter2=secret\n", "1:1"),
    "second document": ("pw: x\n--- hunter2\na: b\n", "2:1"),
    "another type": ("pw: [hunter2]\n", "1:5"),
    "another type, not secret": ("{pw: hunter2, days: hunter3}\n", "1:21"),
    "pattern": ("owner: HUNTER2\n", "1:8"),
    "within": ("conf:\n  hunter2: [hunter3]\n", "2:12"),
    "unclosed": ("conf: {a: hunter2\n", ""),
}
JSON = {
    "no value": ('{"pw": hunter2}', "line 1, column 13"),
    "twice": ('{"pw": "hunter2",\n "pw": "hunter3"}', "line 2, column 5"),
    "escape": ('{"pw": "hunter2\\uZZZZ"}', "line 1"),
    "after": ('{"pw": "hunter2"} "hunter3"', "line 1"),
    "misspelt": ('{"days": 1,\n "pww": "hunter2"}', "2:2"),
    "no name": ('{"hunter2": 4}', "1:2"),
    "another type": ('{"pw": "hunter2",\n "days": "hunter3"}', "2:10"),
    "list": ('["hunter2"]', "1:1"),
}


def told(stack, *args, where, path):
    """In every form, and nowhere the text."""
    for command in ["validate"], ["validate", "--json"], ["plan", "--json"]:
        result = stack.run(*command, *args, status=3)
        text = result.out + result.err
        assert "hunter" not in text.lower() and "secret" not in text.replace("sensitive", ""), text
        if "--json" in command:
            errors = [f"{e.get('line')}:{e.get('column')} {e['message']}" for e in result.events() if e["event"] == "diagnostic"]
            assert any(where in error for error in errors), errors
        else:
            assert where in text and path in text, text


@pytest.mark.parametrize("body, where", YAML.values(), ids=YAML)
def test_a_file_of_values_in_yaml(local_stack, body, where):
    local_stack.write(STACK)
    (local_stack.folder / "in.yaml").write_bytes(body if isinstance(body, bytes) else body.encode())
    told(local_stack, "--input-file", "in.yaml", where=where, path="in.yaml")


@pytest.mark.parametrize("body, where", JSON.values(), ids=JSON)
def test_a_file_of_values_in_json(local_stack, body, where):
    local_stack.write(STACK)
    (local_stack.folder / "in.json").write_text(body)
    told(local_stack, "--input-file", "in.json", where=where, path="in.json")


DEFAULTS = {
    "at": ("inputs:\n  pw: {type: string, sensitive: true, default: @hunter2}\n", "3:48"),
    "colon": ("inputs:\n  pw:\n    sensitive: true\n    default: hunter2: 3\n", "5:21"),
    "before sensitive": ("inputs:\n  pw:\n    default: 'hunter2' x\n    sensitive: true\n", "4:24"),
    "alias": ("inputs: {pw: {sensitive: true, default: *hunter2}}\n", "2:41"),
    "in an environment": ("inputs: {pw: {sensitive: true}}\nenvironments:\n  dev: {pw: `hunter2`}\n", "4:13"),
    "twice": ("inputs:\n  pw: {sensitive: true, default: hunter2}\n  pw: {sensitive: true, default: hunter3}\n", "4:3"),
    "another type": ("inputs:\n  pw: {sensitive: true, type: string, default: [hunter2]}\n", "3:48"),
    "a map's value": ("inputs:\n  pw:\n    sensitive: true\n    type: map(integer)\n    default: {a: 1,\n      hunter2: hunter3}\n", "7:16"),
    "pattern": ("inputs:\n  pw: {sensitive: true, pattern: '[a-z]+', default: HUNTER2}\n", "3:53"),
    "expression": ("inputs:\n  pw: {sensitive: true, default: '${hunter2}'}\n", "3:34"),
    "misspelt": ("inputs:\n  pw: {sensitive: true, defualt: hunter2}\n", "3:25"),
    "sensitive misspelt": ("inputs:\n  pw: {senstive: true, default: hunter2}\n", "3:8"),
    "sensitive: yes": ("inputs:\n  pw: {sensitive: yes, default: hunter2}\n", "3:19"),
}


@pytest.mark.parametrize("body, where", DEFAULTS.values(), ids=DEFAULTS)
def test_the_default_of_a_sensitive_input(local_stack, body, where):
    (local_stack.folder / "weir.yaml").write_text("stack: told\n" + body + "resources: {}\n")
    told(local_stack, where=where, path="weir.yaml")
    assert "hunter" not in (result := local_stack.run("fmt", "--check", status=None)).err + result.out
    assert "hunter" not in (result := local_stack.run("modules", "list", status=None)).err + result.out


def test_what_is_no_secret_is_still_shown(local_stack):
    (local_stack.folder / "weir.yaml").write_text("stack: told\ninputs: {a: {sensitive: true, default: x}}\nresources:\n  q: {type: @aws}\n")
    assert "q: {type: @aws}" in local_stack.run("validate", status=3).err
    (local_stack.folder / "weir.yaml").write_text("stack: told\ninputs: {a: @x}\nresources: {}\n")
    assert "inputs: {a: @x}" in local_stack.run("validate", status=3).err


def test_a_value_without_its_name(local_stack):
    result = local_stack.write(STACK).run("validate", "-i", "hunter2", status=3)
    assert "-i needs NAME=VALUE" in result.err and "hunter" not in result.err
    assert json.loads(local_stack.run("validate", "-i", "hunter2", "--json", status=3).out.splitlines()[0])["message"] == "-i needs NAME=VALUE"
