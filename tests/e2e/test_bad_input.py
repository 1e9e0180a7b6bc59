"""Wrong files and wrong usage: a clear message with its place, status 3, nothing called, no crash."""

import os
import subprocess

import pytest

CASES = {
    "unknown type": ("stack: s\nresources: {a: {type: aws.s3.buket, name: abc}}\n", "aws.s3.buket", "aws.s3.bucket"),
    "unknown attribute": ("stack: s\nresources:\n  a:\n    type: aws.s3.bucket\n    name: abc\n    versionning: true\n", "versionning", "weir.yaml:6:5", "versioning"),
    "an integer too large": ("stack: s\nresources: {a: {type: aws.sqs.queue, name: abc, visibility_timeout: 99999999999999999999}}\n", "99999999999999999999 is too large"),
    "a service for a type": ("stack: s\nresources: {a: {type: aws.s3, name: abc}}\n", "there are: aws.s3.bucket,"),
    "a name for a policy": ("stack: s\nresources: {a: {type: aws.iam.role, name: abc, assume_role_policy: glue.amazonaws.com}}\n", "${trust("),
    "the end of an attribute": ("stack: s\nresources: {a: {type: aws.rds.instance, name: abc, class: db.t3.micro, engine: postgres}}\n", 'did you mean "instance_class"?'),
    "missing attribute": ("stack: s\nresources: {a: {type: aws.iam.role, name: abc}}\n", "assume_role_policy"),
    "wrong type": ("stack: s\nresources: {a: {type: aws.s3.bucket, name: abc, versioning: {x: 1}}}\n", "versioning", "weir.yaml:2:"),
    "unknown reference": ("stack: s\nresources: {lake: {type: weir.value, value: 1}, b: {type: weir.value, value: '${lak.value}'}}\n", "lak", "lake"),
    "unknown attribute of a reference": (
        "stack: s\nresources: {a: {type: aws.s3.bucket, name: abc}, b: {type: weir.value, value: '${a.arm}'}}\n", "arm", "arn"),
    "unknown function": ("stack: s\nresources: {a: {type: weir.value, value: '${uper(\"x\")}'}}\n", "uper", "upper"),
    "unknown input": ("stack: s\nresources: {a: {type: weir.value, value: '${inputs.nope}'}}\n", "nope"),
    "cycle": ("stack: s\nresources: {a: {type: weir.value, value: '${b.value}'}, b: {type: weir.value, value: '${a.value}'}}\n", "a", "b", "cycle"),
    "self reference": ("stack: s\nresources: {a: {type: weir.value, value: '${a.value}'}}\n", "a"),
    "duplicate key": ("stack: s\nresources:\n  a: {type: weir.value, value: 1}\n  a: {type: weir.value, value: 2}\n", "weir.yaml:3", "weir.yaml:4", "a"),
    "tab": ("stack: s\nresources:\n\ta: 1\n", "weir.yaml:3", "tab"),
    "no stack name": ("resources: {}\n", "stack"),
    "bad stack name": ("stack: Not_A_Name\n", "Not_A_Name"),
    "unknown key at the top": ("stack: s\nresurces: {}\n", "resurces", "resources"),
    "not a map": ("- 1\n- 2\n", "weir.yaml"),
    "empty file": ("", "weir.yaml"),
    "several documents": ("stack: s\n---\nstack: t\n", "weir.yaml"),
    "unclosed expression": ("stack: s\nresources: {a: {type: weir.value, value: '${1 +'}}\n", "weir.yaml:2:"),
    "unclosed quote": ("stack: s\nresources: {a: 'x}\n", "weir.yaml"),
    "missing input": ("stack: s\ninputs: {owner: {type: string}}\n", "owner"),
    "pattern": ("stack: s\ninputs: {owner: {type: string, pattern: '^[a-z]+$', default: A1}}\n", "owner"),
    "missing include": ("stack: s\ninclude: [absent.yaml]\n", "absent.yaml"),
    "missing module": ("stack: s\nmodules: {m: {source: ./absent}}\n", "absent"),
    "for_each of a number": ("stack: s\nresources: {a: {type: weir.value, for_each: 5, value: 1}}\n", "for_each"),
    "for_each repeats a key": ("stack: s\nresources: {a: {type: weir.value, for_each: [x, x], value: 1}}\n", "x"),
    "when is no boolean": ("stack: s\nresources: {a: {type: weir.value, when: maybe, value: 1}}\n", "when"),
    "index without for_each": ("stack: s\nresources: {a: {type: weir.value, value: '${b[0].nope}'}, b: {type: aws.s3.bucket, name: abc}}\n", "b"),
    "division by zero": ("stack: s\nresources: {a: {type: weir.value, value: '${1/0}'}}\n", "zero"),
    "unknown alias": ("stack: *nope\n", "nope"),
    "undeclared provider": ("stack: s\nresources: {a: {type: aws.s3.bucket, name: abc, provider: aws.tokio}}\n", "aws.tokio"),
    "comma in a text, in an output": ("stack: s\noutputs: {o: {value: x, description: a, b}}\n", "unknown key", "weir.yaml:2:", "quoted inside { }"),
    "comma in a text, in a resource": ("stack: s\nresources: {a: {type: aws.iam.role, description: one, two , name: x}}\n", '"two"', "quoted inside { }"),
    "missing file in a function": ("stack: s\nresources: {a: {type: weir.value, value: '${file(\"absent.txt\")}'}}\n", "absent.txt"),
}


def test_only_a_split_text_is_told_to_be_quoted(local_stack):
    """A key with nothing behind its colon, or alone in a { }, is not a text that a comma split."""
    local_stack.write("stack: s\noutputs:\n  o: {value: x, b: }\n  p: {value: x}\n  q: {b}\n  r:\n    value: x\n    b:\n")
    err = local_stack.run("validate", status=3).err
    assert err.count('unknown key "b"') == 3 and "quoted inside" not in err, err


@pytest.mark.parametrize("name", CASES)
def test_wrong_stack(local_stack, name):
    text, *words = CASES[name]
    for command in ("validate", "plan"):
        result = local_stack.write(text).run(command, status=3)
        for word in words:
            assert word in result.err, str(result)
        assert result.out == "" and result.err.startswith("error")
        assert not (local_stack.folder / ".weir").exists()


def test_all_errors_in_one_run(local_stack):
    result = local_stack.write("""
        stack: s
        inputs: {a: {type: strng}}
        resources:
          x: {type: aws.s3.bucket, name: abc, nope1: 1}
          y: {type: aws.iam.rule}
          z: {type: weir.value, value: "${nope2.value}"}
    """).run("validate", status=3)
    for word in ("strng", "nope1", "aws.iam.rule", "nope2"):
        assert word in result.err, str(result)


def test_excerpt_and_caret(local_stack):
    result = local_stack.write("stack: s\nresources:\n  a:\n    type: aws.s3.bucket\n    name: abc\n    versionning: true\n").run("validate", status=3)
    assert 'error: aws.s3.bucket has no attribute "versionning"' in result.err
    assert "--> weir.yaml:6:5" in result.err
    assert "^^^^^^^^^^^ did you mean" in result.err


def test_validate_json(local_stack):
    result = local_stack.write("stack: s\nresurces: {}\n").run("validate", "--json", status=3)
    (event,) = [event for event in result.events() if event["event"] == "diagnostic"]
    assert event["severity"] == "error" and event["line"] == 2 and event["column"] == 1 and "resurces" in event["message"]


@pytest.mark.parametrize("name, text, word", [
    ("invalid UTF-8", b"stack: s\ndescription: \xff\xfe\n", "UTF-8"),
    ("NUL byte", b"stack: s\ndescription: a\0b\n", "weir.yaml"),
    ("alias bomb", b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(b"%c: &%c [%s]\n" % (c + 1, c + 1, b",".join([b"*%c" % c] * 9)) for c in range(97, 110)), "alias"),
    ("deep nesting", b"stack: s\nlocals: {x: " + b"[" * 20_000 + b"]" * 20_000 + b"}\n", "deep"),
    ("deep expression", b"stack: s\nlocals: {x: '${" + b"(" * 20_000 + b"1" + b")" * 20_000 + b"}'}\n", "deep"),
    ("deep unary", b"stack: s\nlocals: {x: '${" + b"!" * 100_000 + b"true}'}\n", "deep"),
])
def test_hostile_files(local_stack, name, text, word):
    result = local_stack.write(text).run("validate", status=3)
    assert word in result.err, str(result)
    assert len(result.err) < 20_000


def test_ten_megabyte_scalar(local_stack):
    local_stack.write("stack: s\nresources: {a: {type: weir.value, value: '" + "x" * 10_000_000 + "'}}\n")
    result = local_stack.run("plan", status=None)
    assert result.status in (0, 3) and len(result.out + result.err) < 1_000_000
    if result.status == 3:
        assert "large" in result.err or "long" in result.err


def test_directory_as_stack(local_stack):
    (local_stack.folder / "weir.yaml").mkdir()
    assert "weir.yaml" in local_stack.run("plan", status=3).err


def test_no_stack_here(local_stack):
    result = local_stack.run("plan", status=3)
    assert "weir.yaml" in result.err
    assert "elsewhere" in local_stack.run("plan", "-C", "elsewhere", status=3).err


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_unreadable_stack(local_stack):
    local_stack.write("stack: s\n")
    (local_stack.folder / "weir.yaml").chmod(0)
    assert "weir.yaml" in local_stack.run("plan", status=3).err


@pytest.mark.parametrize("args, word", [
    (["plna"], "plan"),
    (["plan", "--detailed-exit"], "--detailed-exitcode"),
    (["plan", "-i"], "-i"),
    (["plan", "-i", "novalue"], "NAME=VALUE"),
    (["plan", "-i", "unheard=1"], "unheard"),
    (["plan", "--parallelism", "many"], "many"),
    (["plan", "--input-file", "absent.yaml"], "absent.yaml"),
    (["plan", "-e", "absent"], "absent"),
    (["apply", "a.plan", "b.plan"], ""),
    (["state", "nonsense"], "nonsense"),
    (["plan", "-C", ""], "--dir has an empty value"),
    (["plan", "--input-file", ""], "--input-file has an empty value"),
    (["plan", "weir.yaml"], "-C weir.yaml"),
    (["test", "-C", "absent"], 'no file or folder "absent"'),
    (["fmt", "-C", "absent"], 'no file or folder "absent"'),
    (["--verison"], 'did you mean "--version"?'),
    (["destroy", "--to", "1"], 'unknown option "--to"'),
    (["drift", "--no-refresh"], 'unknown option "--no-refresh"'),
    (["plan", "--destroy", "--replace", "a"], "--replace"),
    (["reap", "--marks"], 'hint: "weir reap" has --by-tags for that'),
])
def test_wrong_usage(local_stack, args, word):
    local_stack.write("stack: s\n")
    result = local_stack.run(*args, status=3)
    assert word in result.err and result.out == "", str(result)


def test_events_and_markdown_do_not_mix(local_stack):
    local_stack.write("stack: s\n")
    refused = local_stack.run("plan", "--json", "--format", "markdown", status=3).events()
    assert "--markdown FILE" in refused[0]["hint"]


@pytest.mark.parametrize("args, word", [(["output", "absent"], "absent"), (["docs", "aws.s3.buket"], "aws.s3.bucket"), (["state", "show", "absent"], "absent")])
def test_what_is_not_there(local_stack, args, word):
    local_stack.write("stack: s\n")
    result = local_stack.run(*args, status=1)
    assert word in result.err and result.out == "", str(result)


def test_input_of_the_wrong_type(local_stack):
    local_stack.write("stack: s\ninputs: {n: {type: integer}}\n")
    assert "integer" in local_stack.run("plan", "-i", "n=many", status=3).err
    local_stack.run("plan", "-i", "n=5")


@pytest.mark.parametrize("providers, place", [("", "weir.yaml:3:3"), ("providers: {aws: {max_attempts: 2}}\n", "weir.yaml:6:")])
def test_a_provider_that_cannot_be_opened_is_one_mistake(local_stack, providers, place):
    role = "{type: aws.iam.role, name: r, assume_role_policy: '${trust(\"glue.amazonaws.com\")}'}"
    local_stack.write(f"stack: s\nresources:\n  a: {{type: aws.s3.bucket, name: abc}}\n  b: {role}\n  c: {{type: aws.s3.bucket, name: abd}}\n{providers}")
    result = local_stack.run("plan", status=3)
    assert result.err.count("aws has no region") == 1 and place in result.err and "--sandbox" in result.err, str(result)


def test_a_plan_into_a_folder(local_stack):
    local_stack.write("stack: s\n")
    assert "cannot write .: Is a directory" in local_stack.run("plan", "-o", ".", status=1).err


def test_yaml_core_schema(local_stack):
    """Only true and false are booleans; times and octals stay text; merges and aliases work."""
    local_stack.write("""
        stack: core
        locals:
          base: &base {a: 1, b: 2}
          merged: {<<: *base, b: 3}
        resources: {v: {type: weir.value, value: {no: no, on: on, time: 1:30, octal: 0755, t: true, f: 1.5, n: null, m: "${locals.merged}"}}}
        outputs: {v: {value: "${v.value}"}}
    """)
    local_stack.apply()
    assert local_stack.outputs() == {
        "v": {"no": "no", "on": "on", "time": "1:30", "octal": "0755", "t": True, "f": 1.5, "n": None, "m": {"a": 1, "b": 3}}}


def test_limit_on_file_sizes(local_stack):
    """Not a death by signal: the error says which file; with room again the apply goes on."""
    local_stack.write("stack: s\nresources: {a: {type: weir.value, for_each: [x, y], value: '%s'}}\n" % ("long " * 2000))
    words = " ".join(f"'{word}'" for word in local_stack.command("apply", "--yes"))
    limited = subprocess.run(
        ["sh", "-c", f"ulimit -f 8; exec {words}"], cwd=local_stack.folder, env=local_stack.env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert limited.returncode > 0 and "File too large" in limited.stderr and ".weir" in limited.stderr, limited
    local_stack.apply()
    assert "No changes" in local_stack.run("plan").out


def test_the_sandbox_says_why_it_cannot_write(local_stack):
    local_stack.write(b"x" * 2**20, "big")
    local_stack.write("stack: s\nresources:\n  a: {type: aws.s3.bucket, name: abc}\n  b: {type: aws.s3.object, bucket: '${a.name}', key: k, source: big}\n")
    words = " ".join(f"'{word}'" for word in local_stack.command("apply", "--yes", "--sandbox"))
    limited = subprocess.run(
        ["sh", "-c", f"ulimit -f 1024; exec {words}"], cwd=local_stack.folder, env=local_stack.env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert limited.returncode == 1 and "The sandbox cannot write to its directory: File too large." in limited.stderr, limited


def test_a_nul_is_among_no_signs(local_stack):
    """It ends the text for whoever makes a path of it: two members would have one state."""
    local_stack.write("stack: nul\nenvironments: {\"a\\0b\": {}}\nresources:\n  v: {type: weir.value, value: 1}\n")
    assert "an environment's name is letters, digits, - and _" in local_stack.run("validate", status=3).err
    (local_stack.folder / "list.csv").write_bytes(b"name\na\na\0b\n")
    local_stack.write("stack: nul\nfleet: {each: {file: list.csv, key: name}}\nresources:\n  v: {type: weir.value, value: 1}\n")
    assert "list.csv, line 3" in local_stack.run("fleet", "plan", status=3).err
    local_stack.write("stack: nul\nresources:\n  v: {type: weir.value, value: {\"a\\0b\": 1}}\n")
    assert '{"a\\u0000b": 1}' in local_stack.run("plan").out
