"""The stack's files are kept for `--to`, but never in clear where a secret stands in them, however it got there."""

import base64
import json

import pytest

WAYS = {
    "attribute": "resources: {a: {type: weir.value, value: 1}, s: {type: aws.secretsmanager.secret, name: w/a, secret_string: SECRET, force_destroy: true}}",
    "default": "inputs: {p: {type: string, sensitive: true, default: SECRET}}",
    "overridden default": "inputs: {p: {type: string, sensitive: true, default: SECRET}}",
    "environment": "inputs: {p: {type: string, sensitive: true, default: x}}\nenvironments: {dev: {p: SECRET}, prod: {p: other}}",
    "another environment": "inputs: {p: {type: string, sensitive: true, default: x}}\nenvironments: {dev: {p: other}, prod: {p: SECRET}}",
    "list default": "inputs: {p: {type: list(string), sensitive: true, default: [a, SECRET]}}",
    "map default": "inputs: {p: {type: map(string), sensitive: true, default: {a: SECRET}}}",
    "integer default": "inputs: {p: {type: integer, sensitive: true, default: 48151623}}",
    "text block": "inputs:\n  p:\n    type: string\n    sensitive: true\n    default: >\n      half-of-SECRET\n      and-the-rest-of-it\n",
    "function": "locals: {p: '${sensitive(\"SECRET\")}'}\nresources: {r: {type: weir.value, value: '${locals.p}'}}",
    "function, branch not taken": "locals: {p: '${sensitive(1 < 2 ? \"x\" : \"SECRET\")}'}\nresources: {r: {type: weir.value, value: '${locals.p}'}}",
    "local": "locals: {p: SECRET}\nresources: {s: {type: aws.secretsmanager.secret, name: w/l, secret_string: '${locals.p}', force_destroy: true}}",
    "expression": "resources: {s: {type: aws.secretsmanager.secret, name: w/e, secret_string: '${1 < 2 ? \"x\" : \"SECRET\"}', force_destroy: true}}",
    "in base64": "resources: {s: {type: aws.secretsmanager.secret, name: w/b, secret_string: '${base64decode(\"BASE64\")}', force_destroy: true}}",
    "template": "inputs: {u: {type: string, default: app}}\nresources: {s: {type: aws.secretsmanager.secret, name: w/t, secret_string: '${inputs.u}:SECRET', force_destroy: true}}",
    "output": "outputs: {o: {value: SECRET, sensitive: true}}",
    "module argument": "modules: {m: {source: ./m, p: SECRET}}",
    "module default": "modules: {m: {source: ./n}}",
    "provider key": "providers: {aws.other: {access_key: AKIAEXAMPLE, secret_key: SECRET, region: us-east-1}}",
    "given input": "inputs: {p: {type: string, sensitive: true}, q: {type: string, default: with SECRET in it}}",
}
OPTIONS = {"environment": ("-e", "dev"), "another environment": ("-e", "dev"), "overridden default": ("-i", "p=another-one"), "given input": ("-i", "p=SECRET")}
SECRET = "korrekt-Pferd-7"


def filled(text):
    return text.replace("SECRET", SECRET).replace("BASE64", base64.b64encode(SECRET.encode()).decode())


def write(stack, way):
    stack.write(filled("stack: ways\n" + WAYS[way] + "\n" + ("" if "resources:" in WAYS[way] else "resources: {r: {type: weir.value, value: 1}}\n")))
    stack.write("inputs: {p: {type: string, sensitive: true}}\nresources: {r: {type: weir.value, value: '${inputs.p}'}}\n", "m/weir.yaml")
    stack.write(filled("inputs: {p: {type: string, sensitive: true, default: SECRET}}\nresources: {r: {type: weir.value, value: '${inputs.p}'}}\n"), "n/weir.yaml")
    return tuple(filled(option) for option in OPTIONS.get(way, ()))


@pytest.mark.parametrize("way", WAYS)
def test_nothing_in_clear(stack, way):
    options = write(stack, way)
    stack.apply(*options)
    text = stack.state_text()
    for secret in (SECRET, base64.b64encode(SECRET.encode()).decode(), "48151623", "and-the-rest-of-it"):
        assert secret not in text
    assert json.loads(stack.log().read_text().splitlines()[1].split(" ", 1)[1])["kind"] == "sources"


def test_with_a_key_they_are_kept(stack):
    stack.env["WEIR_STATE_KEY"] = "0f" * 32
    for way in ("local", "expression"):
        stack.apply(*write(stack, way))
    assert SECRET not in stack.state_text()
    assert "w/l" in stack.run("plan", "--to", "1", status=None).out


def test_without_a_secret_they_are_kept(stack):
    """References to secrets, names of files and of what is public are none."""
    stack.write("""
        stack: plain
        inputs: {p: {type: string, sensitive: true}, who: {type: string, sensitive: true}}
        resources:
          s: {type: aws.secretsmanager.secret, name: w/p, secret_string: '${inputs.p}', force_destroy: true}
          j: {type: aws.secretsmanager.secret, name: w/j, secret_string: '${jsonencode({password: inputs.p})}', force_destroy: true}
          r: {type: weir.value, value: 'for ${nonsensitive(inputs.who)} and Example'}
    """)
    given = ("-i", f"p={SECRET}", "-i", "who=Example")
    stack.apply(*given)
    stack.write("stack: plain\n")
    assert set(stack.plan()) == {"s", "j", "r"}  # they are in the way of the empty stack …
    assert stack.plan("--to", "1", *given) == {}  # … and as they should be by the files that were kept
