"""Mistakes in settings are told with their place by `weir validate`, and by a JSON Schema validator that others wrote; specs of one's own are found."""

import json

import pytest
import yaml

from support import ROOT, Stack

FILES = sorted([*ROOT.glob("examples/*/weir.yaml"), *ROOT.glob("modules/*/weir.yaml"), *ROOT.glob("modules/*/example/weir.yaml")])


@pytest.fixture(scope="module")
def validator(tmp_path_factory):
    import jsonschema  # only where it is needed: each worker loads what stands above

    schema = json.loads(Stack(tmp_path_factory.mktemp("schema") / "s").run("schema").out)
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)


def mistakes(validator, document):
    return {"/".join(map(str, error.absolute_path)): error.message for error in validator.iter_errors(document)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: "/".join(path.parts[-3:-1]))
def test_what_comes_with_weir_is_right(validator, path):
    assert not mistakes(validator, yaml.safe_load(path.read_text().replace("* * ? *", "* * X *")))  # PyYAML takes it for a key


LAKE = {"type": "aws.s3.bucket", "name": "a-lake"}


@pytest.mark.parametrize("section, at, says", [
    ({"resources": {"lake": {**LAKE, "versionning": True}}}, "resources/lake", "'versionning' was unexpected"),
    ({"resources": {"lake": {**LAKE, "versioning": "perhaps"}}}, "resources/lake/versioning", "'perhaps' is not of type 'boolean'"),
    ({"resources": {"lake": {**LAKE, "lifecycle_rules": [{"id": "x", "status": "Enabled", "filter": {"prefx": "a"}}]}}}, "resources/lake/lifecycle_rules/0/filter", "'prefx' was unexpected"),
    ({"resources": {"lake": {"type": "aws.s3.bucket"}}}, "resources/lake", "'name' is a required property"),
    ({"resources": {"lake": {"type": "aws.s3.buket", "name": "x"}}}, "resources/lake/type", "'aws.s3.buket' is not one of"),
    ({"resources": {"lake": {"name": "x"}}}, "resources/lake", "'type' is a required property"),
    ({"data": {"who": {"type": "aws.sts.caller_identity", "for_each": 5}}}, "data/who/for_each", "5 is not of type"),
    ({"providers": {"aws": {"regoin": "x"}}}, "providers/aws", "'regoin' was unexpected"),
    ({"providers": {"aws.west": {"insecure": "maybe"}}}, "providers/aws.west/insecure", "'maybe' is not of type 'boolean'"),
    ({"providers": {"asw": {}}}, "providers/asw", "'type' is a required property"),
    ({"state": {"backend": "s4"}}, "state/backend", "'s4' is not one of"),
    ({"state": {"backend": "s3"}}, "state", "'bucket' is a required property"),
    ({"state": {"backend": "postgres", "tabel": "x"}}, "state", "'tabel' was unexpected"),
    ({"moved": [{"from": "a", "two": "b"}]}, "moved/0", None),
    ({"rules": {"use": ["weir.baseline"], "owned": {"for": "aws.*", "require": "${true}"}}}, "rules/owned", "'message' is a required property"),
    ({"rules": {"waive": [{"rule": "a", "for": "b", "reason": "c"}]}}, "rules/waive/0", "'until' is a required property"),
])
def test_a_validator_points_at_the_mistake(validator, section, at, says):
    found = mistakes(validator, {"stack": "a", **section})
    assert list(found) == [at] and (says is None or says in found[at]) and "any of the given schemas" not in found[at], found


def test_expressions_are_right_everywhere(validator):
    assert not mistakes(validator, {
        "stack": "a", "state": {"backend": "s3", "bucket": "${inputs.bucket}"}, "providers": {"aws": {"insecure": "${inputs.lab}", "region": None}},
        "resources": {"lake": {**LAKE, "versioning": "${inputs.v}", "lifecycle_rules": "${inputs.rules}", "policy": None, "encryption": {"algorithm": "${inputs.a}"}}},
    })


@pytest.mark.parametrize("text, place, says", [
    ("state: {backend: s4}", "weir.yaml:2:18", "there is no state backend \"s4\""),
    ("state: {backend: s3}", "weir.yaml:2:8", '"bucket" is missing'),
    ("state: {backend: s3, bucket: b, prefx: x}", "weir.yaml:2:33", 'did you mean "prefix"?'),
    ("state: {backend: postgress}", "weir.yaml:2:18", 'did you mean "postgres"?'),
    ("state: {backend: file, path: [x]}", "weir.yaml:2:30", "expected a string"),
    ("providers: {aws: {regoin: x}}", "weir.yaml:2:19", 'did you mean "region"?'),
    ("providers: {aws.west: {region: x, insecure: perhaps}}", "weir.yaml:2:45", "expected a boolean"),
    ("providers: {aws: {endpoints: {s3: [x]}}}", "weir.yaml:2:35", "expected a string"),
])
def test_validate_points_at_the_mistake(local_stack, text, place, says):
    err = local_stack.write(f"stack: a\n{text}\n").run("validate", status=3).err
    assert f"--> {place}\n" in err and says in err and "^" in err and err.count("error:") == 1, err


def test_what_is_null_excludes_nothing(local_stack):
    body = """
        stack: nulls
        inputs: {shell: {type: boolean, default: false}, both: {type: boolean, default: false}}
        resources:
          job:
            type: aws.glue.job
            name: a
            role: arn:aws:iam::123456789012:role/glue
            command: {name: glueetl, script_location: 's3://a/b.py'}
            max_capacity: '${inputs.shell || inputs.both ? 1 : null}'
            worker_type: '${inputs.shell ? null : "G.1X"}'
            number_of_workers: '${inputs.shell ? null : 2}'
    """
    local_stack.write(body)
    for shell in "true", "false":
        local_stack.run("validate", "-i", f"shell={shell}")
        local_stack.run("plan", "--sandbox", "-i", f"shell={shell}")
    err = local_stack.run("plan", "--sandbox", "-i", "both=true", status=3).err
    assert 'job: "max_capacity" and "worker_type" exclude each other' in err or 'job: "worker_type" and "max_capacity" exclude each other' in err, err
    assert "exclude each other" in local_stack.write(body.replace("'${inputs.shell || inputs.both ? 1 : null}'", "1").replace("'${inputs.shell ? null : \"G.1X\"}'", "G.1X")).run("validate", status=3).err
    local_stack.write(body.replace("'${inputs.shell ? null : \"G.1X\"}'", "null")).run("validate")


SPEC = """
    service: lab
    protocol: json-1.0
    target: Lab
    types:
      note:
        doc: A note.
        id: name
        attributes: {name: {type: string, required: true, doc: Name.}}
        create: CreateNote
        read: {call: GetNote}
        delete: DeleteNote
"""
NOTE = "stack: mine\n{more}resources: {{a: {{type: aws.lab.note, name: x}}}}\n"


def test_specs_are_found_by_every_command(local_stack):
    local_stack.write(SPEC, "my-specs/lab.yaml")
    local_stack.write(NOTE.format(more=""))
    assert "aws.lab.note" in local_stack.run("validate", status=3).err
    local_stack.run("validate", "--specs", "my-specs")
    local_stack.run("validate", env={"WEIR_SPECS": "my-specs"})
    assert "A note." in local_stack.run("docs", "aws.lab.note", env={"WEIR_SPECS": "my-specs"}).out
    local_stack.write(NOTE.format(more="specs: my-specs\n"))
    for command in ["validate"], ["graph"], ["policy", "plan"]:
        local_stack.run(*command)
        local_stack.run("-C", local_stack.folder, *command, env={"PWD": "/"})
    local_stack.write(SPEC.replace("note:", "page:"), "others/lab.yaml")  # what is said outside goes before it
    assert "aws.lab.note" in local_stack.run("validate", "--specs", "others", status=3).err


@pytest.mark.parametrize("name, text, says", [
    ("other.yaml", SPEC, 'the file of service "lab" has to be called so'),
    ("lab.yml", SPEC, "specs are called SERVICE.yaml"),
    ("lab.yaml", SPEC.replace("doc: A note.", "dok: A note."), "lab.yaml:7:5"),
    ("unused.yaml", "service: [", "unused.yaml:"),
])
def test_no_spec_is_left_out_in_silence(local_stack, name, text, says):
    local_stack.write("stack: mine\nresources: {a: {type: weir.value, value: 1}}\n").write(text, "my-specs/" + name)
    for more, env in (["--specs", "my-specs"], {}), ([], {"WEIR_SPECS": "my-specs"}):
        assert says in local_stack.run("validate", *more, status=3, env=env).err
    err = local_stack.write("stack: mine\nspecs: my-specs\nresources: {a: {type: weir.value, value: 1}}\n").run("validate", status=3).err
    assert says in err and "--> weir.yaml:2:8" in err, err
    err = local_stack.write("stack: mine\nspecs: nowhere\n").run("validate", status=3).err
    assert "nowhere\" is not a directory" in err, err
