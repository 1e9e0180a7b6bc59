"""weir lsp, by a client that others wrote (pygls)."""

import json
import re
import shutil
import subprocess

import pytest
import yaml

from editor import Editor
from support import ROOT, WEIR

STACK = """stack: demo
inputs:
  owner: {type: string, description: mail id, default: me}
locals:
  prefix: ${inputs.owner}-lake
modules:
  net: {source: ./net, cidr: 10.0.0.0/16}
resources:
  lake:
    type: aws.s3.bucket
    name: ${locals.prefix}
    versioning: true
  role:
    type: aws.iam.role
    name: ${stack.name}-etl
    assume_role_policy: ${trust("glue.amazonaws.com")}
    policies:
      lake: ${allow(["s3:GetObject"], [lake.arn, "${lake.arn}/*"])}
  bronze:
    type: aws.glue.job
    for_each: [a, b]
    name: bronze-${each.key}
    role: ${role.arn}
    command: {name: glueetl, script_location: "s3://${lake.name}/${each.key}.py"}
    depends_on: [lake]
outputs:
  url: {value: "s3://${lake.name}", description: where the data lands}
"""
NET = "inputs:\n  cidr: {type: string}\nresources:\n  vpc:\n    type: aws.ec2.vpc\n    cidr_block: ${inputs.cidr}\noutputs:\n  vpc_id: {value: \"${vpc.vpc_id}\"}\n"


def started(folder, *args, **more):
    (folder / "net").mkdir()
    (folder / "net/weir.yaml").write_text(NET)
    (folder / "weir.yaml").write_text(STACK)
    return Editor(folder, *args, **more)


@pytest.fixture(scope="module")
def editor(tmp_path_factory):
    editor = started(tmp_path_factory.mktemp("stack"))
    yield editor
    assert editor.leave() == 0


def test_what_functions_read_is_what_is_being_typed(tmp_path):
    """Of a file that is open its text, whether it was written or is there at all; a fleet's list, too."""
    (tmp_path / "sizes.json").write_text('{"small": 1}')
    (tmp_path / "list.csv").write_text("id\nada\n")
    fleet = "inputs: {owner: {type: string}}\nfleet: {each: {file: list.csv, key: id}, inputs: {owner: '${each.key}'}}\n"
    text = 'stack: demo\noutputs:\n  a: ${jsondecode(file("sizes.json")).large}\n  b: ${file("new.txt")}\n' + fleet
    editor = Editor(tmp_path)
    editor.open(text)
    assert len(editor.wrong()) == 2
    editor.open('{"large": 2}', "sizes.json")
    editor.open("x", "new.txt")
    editor.open(text)
    assert editor.wrong() == []
    editor.open("id\nada\nada\n", "list.csv")
    editor.open(text)
    assert '"ada" is a member already' in editor.wrong()[0][1]
    assert editor.leave() == 0


def test_mistakes_come_and_go(editor):
    editor.open(STACK)
    assert editor.wrong() == []
    editor.open(STACK.replace("versioning", "versionning").replace("lake.arn,", "lake.urn,"))
    first, second = editor.wrong()
    assert first == ("versionning", 'aws.s3.bucket has no attribute "versionning"\ndid you mean "versioning"?')
    assert second[0] == "urn" and "has no attribute" in second[1]
    at = editor.texts["weir.yaml"].index("versionning")
    editor.replace(at, at + len("versionning"), "versioning")
    assert [part for part, _ in editor.wrong()] == ["urn"]
    editor.open(STACK)
    assert editor.wrong() == []


KEYS = "stack: demo\nresources:\n  lake:\n    type: aws.s3.bucket\n    ver¦\n  other:\n    type: aws.s3.bucket\n    name: x\n"


def test_checks_and_conditions(editor):
    """Data of a check is data like any: types, attributes, names in expressions, hover and rename."""
    check = "stack: demo\nchecks:\n  answers:\n    data:\n      page: {type: http.response}\n    require: ${page.status == 200}\n    message: x\n"
    assert editor.complete("stack: demo\nchecks:\n  answers: {¦}\n") == ["data", "level", "message", "require", "within"]
    assert editor.complete(check.replace("http.response", "http.resp¦")) == ["http.response"]
    assert "path" in editor.complete(check.replace("response}", "response, ¦}"))
    assert "page" in editor.complete(check.replace("page.status", "pa¦")) and "status" in editor.complete(check.replace("page.status", "page.st¦"))
    assert "http.response" in editor.hover(check.replace("${page", "${pa¦ge"))
    condition = "stack: demo\nresources:\n  v:\n    type: weir.value\n    lifecycle: {precondition: {¦}}\n"
    assert editor.complete(condition) == editor.complete(condition.replace("{precondition: {¦}}", "\n      postcondition:\n        - ¦")) == ["level", "message", "require"]


def test_completion_of_keys(editor):
    top = editor.complete("stack: demo\n¦\n")
    assert {"resources", "inputs", "outputs", "moved", "lease", "state", "providers"} <= set(top) and "stack" not in top
    assert editor.complete(KEYS) == ["versioning"]
    assert editor.accept("versioning") == KEYS.replace("ver¦", "versioning: ") and "versions" in editor.items["versioning"].documentation.value
    body = editor.complete(KEYS.replace("ver¦", "¦"))
    assert {"name", "versioning", "for_each", "lifecycle", "depends_on"} <= set(body) and "type" not in body
    assert editor.items["name"].sort_text < editor.items["versioning"].sort_text < editor.items["lifecycle"].sort_text
    assert editor.complete(KEYS.replace("ver¦", "lifecycle: {prev¦")) == ["prevent_destroy"]
    assert "expiration" in editor.complete(KEYS.replace("ver¦", "lifecycle_rules:\n      - ¦"))
    assert set(editor.complete("stack: demo\nmoved:\n  - {¦}\n")) == {"from", "to"}
    assert "cidr" in editor.complete("stack: demo\nmodules:\n  net:\n    source: ./net\n    ¦\n")
    assert "profile" in editor.complete("stack: demo\nproviders:\n  aws: {region: eu-west-1, ¦}\n")
    assert {"pattern", "default"} <= set(editor.complete("stack: demo\ninputs:\n  a:\n    type: string\n    ¦\n"))
    assert editor.complete("stack: demo\n# res¦\n") == []


@pytest.mark.long
def test_completion_of_values(editor):
    types = editor.complete("stack: demo\nresources:\n  a:\n    type: ¦\n")
    assert {"aws.s3.bucket", "postgres.schema", "weir.value"} <= set(types)
    assert "AWS::Kinesis::Stream" in editor.complete("stack: demo\nresources:\n  a:\n    type: kinesis::str¦\n")
    assert editor.accept("AWS::Kinesis::Stream").endswith("type: AWS::Kinesis::Stream\n")
    editor.complete("stack: demo\nresources:\n  a: {type: aws.s3.b¦")
    assert editor.accept("aws.s3.bucket").endswith("{type: aws.s3.bucket") and "bucket" in editor.resolve("aws.s3.bucket")
    assert editor.complete(KEYS.replace("ver¦", "versioning: ¦")) == ["true", "false"]
    assert editor.complete(STACK.replace("depends_on: [lake]", "depends_on: [¦]")) == ["lake", "role", "bronze", "net"]
    assert "BucketOwnerEnforced" in editor.complete(KEYS.replace("ver¦", "ownership: ¦"))
    assert "builtin/private-network" in editor.complete("stack: demo\nmodules:\n  n:\n    source: ¦\n")
    assert {"file", "s3", "postgres"} == set(editor.complete("stack: demo\nstate: {backend: ¦}\n"))


IN_EXPRESSIONS = [
    ("${¦", {"lake", "role", "net", "inputs", "locals", "stack", "file", "each"}),
    ("${la¦}", {"lake"}),
    ("${lake.¦}", {"arn", "name", "versioning"}),
    ("x-${lake.ar¦}-y", {"arn"}),
    ('"${upper(lake.¦"', {"arn"}),
    ("'${upper(lake.¦)}'", {"arn"}),
    ('"${upper(\\"a-${lake.¦}\\")}"', {"arn"}),
    ("${inputs.¦}", {"owner"}),
    ("${locals.¦}", {"prefix"}),
    ("${each.¦}", {"key", "value"}),
    ("${stack.¦}", {"name", "env"}),
    ("${net.¦}", {"vpc_id"}),
    ("${[for item in lake.tags : ite¦]}", {"item"}),
    ("${bronze[each.key].¦}", {"arn", "command"}),
    ("${bronze[each.key].command.¦}", {"script_location"}),
    ("${jsonen¦}", {"jsonencode"}),
    (">-\n      a ${lake.¦}", {"arn"}),
]


def test_completion_in_expressions(editor):
    for written, some in IN_EXPRESSIONS:
        found = editor.complete(STACK.replace("name: bronze-${each.key}", f"name: {written}"))
        assert some <= set(found), (written, found)
    assert editor.complete(STACK.replace("name: bronze-${each.key}", 'name: ${file("la¦")}')) == []
    editor.complete(STACK.replace("name: bronze-${each.key}", "name: ${lake.ar¦x}"))
    assert "name: ${lake.arn}" in editor.accept("arn")


@pytest.mark.long
def test_hover(editor):
    assert "versions" in editor.hover(STACK.replace("versioning", "versi¦oning")).lower()
    assert editor.hover(STACK.replace("aws.s3.bucket", "aws.s3¦.bucket")).startswith("**aws.s3.bucket**")
    assert "`aws.s3.bucket`" in editor.hover(STACK.replace("lake.arn,", "la¦ke.arn,"))
    assert editor.hover(STACK.replace("lake.arn,", "lake.a¦rn,")).startswith("**arn** `string`")
    assert "mail id" in editor.hover(STACK.replace("${inputs.owner}", "${inputs.ow¦ner}"))
    assert "trust(" in editor.hover(STACK.replace("trust(", "tru¦st("))
    assert "each.key" in editor.hover(STACK.replace("for_each", "for¦_each"))
    assert "./net" in editor.hover(STACK.replace("  net:", "  n¦et:"))
    assert "cidr" in editor.hover(STACK.replace("cidr:", "ci¦dr:"))
    assert editor.hover(STACK.replace("stack: demo", "stack: demo\n#¦")) is None


@pytest.mark.long
def test_definition_and_references(editor):
    (editor.folder / "q.sql").write_text("select 1")
    assert editor.definition(STACK.replace("lake.arn,", "la¦ke.arn,")) == ("weir.yaml", 9, "lake")
    assert editor.definition(STACK.replace("${lake.name}/$", "${lake.na¦me}/$")) == ("weir.yaml", 11, "name")
    assert editor.definition(STACK.replace("${inputs.owner}", "${inputs.ow¦ner}")) == ("weir.yaml", 3, "owner")
    assert editor.definition(STACK.replace("${locals.prefix}", "${loc¦als.prefix}")) is None
    assert editor.definition(STACK.replace("${locals.prefix}", "${locals.pre¦fix}")) == ("weir.yaml", 5, "prefix")
    assert editor.definition(STACK.replace("./net", "./n¦et")) == ("net/weir.yaml", 1, "")
    assert editor.definition(STACK.replace("cidr: 1", "cid¦r: 1")) == ("net/weir.yaml", 2, "cidr")
    assert editor.definition(STACK.replace("[lake]", "[la¦ke]")) == ("weir.yaml", 9, "lake")
    assert editor.definition(STACK.replace("${role.arn}", "${net.vpc¦_id}")) == ("net/weir.yaml", 8, "vpc_id")
    assert editor.definition(STACK.replace("${role.arn}", '${file("q.s¦ql")}')) == ("q.sql", 1, "")
    assert editor.definition(STACK.replace("bronze-${each.key}", "bronze-${each.k¦ey}")) == ("weir.yaml", 21, "for_each")
    assert editor.references(STACK.replace("  lake:\n    t", "  la¦ke:\n    t")) == [("weir.yaml", n) for n in (9, 18, 18, 24, 25, 27)]
    assert editor.symbols()["resources"] == {"lake": "aws.s3.bucket", "role": "aws.iam.role", "bronze": "aws.glue.job"}


def test_rename(editor):
    after = editor.rename(STACK.replace("lake.arn,", "la¦ke.arn,"), "store")["weir.yaml"]
    want = STACK.replace("  lake:\n    type", "  store:\n    type").replace("lake.arn", "store.arn").replace("lake.name", "store.name").replace("[lake]", "[store]")
    assert after == want + "\nmoved:\n  - {from: lake, to: store}\n"
    editor.open(after)
    assert editor.wrong() == []
    third = editor.rename(after.replace("[store]", "[sto¦re]"), "base")["weir.yaml"]
    assert third.endswith("moved:\n  - {from: lake, to: base}\n  - {from: store, to: base}\n")
    assert editor.rename(after.replace("[store]", "[sto¦re]"), "lake")["weir.yaml"].rstrip() == STACK.rstrip()
    for taken in ("role", "a b", "inputs", ""):
        with pytest.raises(Exception, match="taken|not a name"):
            editor.rename(STACK.replace("[lake]", "[la¦ke]"), taken)
    assert editor.may_rename(STACK.replace("[lake]", "[la¦ke]")) == "lake" and editor.may_rename(STACK.replace("glueetl", "glu¦eetl")) is None


def test_a_line_that_takes_the_others_along(editor):
    """What stands at the margin ends the section, and each line that follows seems to be wrong: one is, and the rest is checked."""
    editor.open(STACK.replace("  prefix:", "x other: {a: b}\n  first: a\n  second: b\n  prefix:").replace("${role.arn}", "${role.urn}"))
    messages = editor.wrong()
    assert [part for part, _ in messages if part == "urn"] and sum("does not fit" in message for _, message in messages) == 1 and len(messages) == 2, messages


def test_what_does_not_parse(editor):
    broken = STACK.replace("    versioning: true", "    versioning: tru\n    nam").replace("${role.arn}", "${role.urn}")
    editor.open(broken)
    messages = editor.wrong()
    assert ("urn" in [part for part, _ in messages]) and any("has no" in m and part.startswith("nam") for part, m in messages), messages
    assert any("true or false" in m or "boolean" in m for _, m in messages), messages
    editor.open(STACK)
    assert editor.wrong() == []


@pytest.mark.long
def test_format_and_repairs(editor):
    editor.open(STACK.replace("    versioning", "    versionning"))
    assert editor.repairs() == {"write versioning": STACK}
    editor.open(STACK.replace("    name: ${locals", "    name: ${locals").replace("\nresources:", "\n\n\n\nresources:  "))
    assert editor.format() == STACK.replace("\nresources:", "\n\nresources:")


@pytest.mark.long
def test_other_files_of_the_stack(editor):
    """A module's file is checked as part of the stack that uses it, open or not."""
    editor.open(STACK)
    editor.open(NET.replace("cidr_block", "cidr_blok"), "net/weir.yaml")
    assert [part for part, _ in editor.wrong("net/weir.yaml")] == ["cidr_blok", "vpc"]
    editor.open(NET.replace("  cidr: {", "  mask: {").replace("inputs.cidr", "inputs.mask"), "net/weir.yaml")
    assert editor.wrong("net/weir.yaml") == []
    editor.comes(["cidr", "net"])
    editor.close("net/weir.yaml")
    editor.comes([])
    editor.open(STACK)
    assert editor.wrong() == []
    editor.changed("net/weir.yaml", NET.replace("vpc_id:", "id:"))
    assert editor.watched == ["**/*.{yaml,yml,lock}"]
    editor.open(STACK.replace("[lake.arn,", "[net.vpc_id,"))
    editor.comes(["vpc_id"])
    editor.changed("net/weir.yaml", NET)
    editor.comes([])
    editor.close()
    editor.open(NET, "net/weir.yaml")
    assert editor.wrong("net/weir.yaml") == [], "a module that nobody has open"
    editor.close("net/weir.yaml")
    editor.open("a: [1", "other.yaml")
    assert editor.wrong("other.yaml") == [] and editor.complete("¦", "other.yaml") == [], "no file of a stack"
    editor.close("other.yaml")


@pytest.mark.long
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
def test_places_are_counted_as_agreed(tmp_path, encoding):
    editor = started(tmp_path, encodings=(encoding,))
    assert (editor.server.capabilities.position_encoding or "utf-16") == encoding
    editor.open("# \U0001f30a é\r\nstack: demo\r\noutputs:\r\n  a: {description: \U0001f30a \U0001f30a é, valu: 1}\r\n")
    assert [part for part, _ in editor.wrong()] == ["valu", "a"]
    at = editor.texts["weir.yaml"].index("valu")
    editor.replace(at, at + 4, "value")
    assert editor.wrong() == [] and "value: 1" in editor.texts["weir.yaml"]
    assert editor.leave() == 0


def weir(folder, *args):
    return subprocess.run([WEIR, *args, "-C", folder], capture_output=True, text=True)


@pytest.mark.long
def test_what_is_renamed_stays(tmp_path):
    """A plan after it changes nothing of what is there; `net`, a module, is renamed as well."""
    editor = started(tmp_path)
    assert weir(tmp_path, "apply", "--sandbox", "-y").returncode == 0
    for name, new in (("lake", "store"), ("bronze", "first-layer"), ("net", "network")):
        text = (tmp_path / "weir.yaml").read_text()
        for file, after in editor.rename(text.replace(f"\n  {name}:", f"\n  {name}¦:", 1), new).items():
            (tmp_path / file).write_text(after)
        editor.close()
    assert weir(tmp_path, "apply", "--sandbox", "-y").returncode == 0
    editor.open((tmp_path / "net/weir.yaml").read_text(), "net/weir.yaml")
    after = editor.rename(NET.replace("${vpc.", "${v¦pc."), "cloud", "net/weir.yaml")
    (tmp_path / "net/weir.yaml").write_text(after["net/weir.yaml"])
    done = weir(tmp_path, "plan", "--sandbox", "--json")
    changes = [event for event in map(json.loads, done.stdout.splitlines()) if event["event"] == "change"]
    assert {event["address"]: event["moved_from"] for event in changes} == {"network/cloud": "network/vpc"}, done.stdout
    assert all(event["action"] == "noop" for event in changes)
    assert weir(tmp_path, "apply", "--sandbox", "-y").returncode == 0
    assert weir(tmp_path, "plan", "--sandbox", "--detailed-exitcode").returncode == 0
    assert editor.leave() == 0


@pytest.mark.long
@pytest.mark.parametrize("example", sorted(path.parent.name for path in ROOT.glob("examples/*/weir.yaml")))
def test_every_name_of_an_example_can_be_renamed(tmp_path, example):
    """After each of them the stack says the same as before, as far as `weir validate` can tell."""
    before = weir(ROOT / "examples" / example, "validate", "--json")
    renamed = 0
    for file in [path for path in (ROOT / "examples" / example).rglob("*.yaml") if not {".weir", "tests"} & set(path.parts) and "resources:" in path.read_text()]:
        names = [(section, name) for section, names in yaml.safe_load(file.read_text()).items() if section in ("resources", "data", "modules", "locals", "inputs") for name in names]
        for section, name in names:
            folder = tmp_path / f"{renamed}"
            shutil.copytree(ROOT / "examples" / example, folder, ignore=shutil.ignore_patterns(".weir"))
            editor = Editor(folder) if not renamed else editor
            relative = file.relative_to(ROOT / "examples" / example).as_posix()
            text = file.read_text()
            start = re.search(rf"^{section}:", text, re.M).end()
            at = start + re.search(rf"^  {re.escape(name)}:", text[start:], re.M).start() + 3
            editor.folder = folder
            for changed, after in editor.rename(text[:at] + "¦" + text[at:], "renamed_by_test", relative).items():
                (folder / changed).write_text(after)
            editor.close(relative)
            now = weir(folder, "validate", "--json").stdout.replace(str(folder), str(ROOT / "examples" / example))
            assert now.replace("RENAMED_BY_TEST", name.upper()).replace("renamed_by_test", name) == before.stdout, (relative, section, name)
            shutil.rmtree(folder, ignore_errors=True)  # its cache is being written
            renamed += 1
    assert renamed > 5 and editor.leave() == 0


@pytest.mark.long
def test_the_examples_are_right_in_an_editor(tmp_path):
    for path in sorted(ROOT.glob("examples/*/weir.yaml")):
        editor = Editor(path.parent)
        editor.open(path.read_text())
        assert editor.wrong() == [], path
        assert editor.leave() == 0


@pytest.mark.long
def test_modules_from_elsewhere(tmp_path):
    """They are where weir.lock says, and nobody's to rename."""
    source = "https://example.org/net-1.0.tar.gz?checksum=sha256:" + "a" * 64
    (tmp_path / "vendor/net").mkdir(parents=True)
    (tmp_path / "vendor/net/weir.yaml").write_text(NET)
    (tmp_path / "weir.lock").write_text(f"version: 1\nmodules:\n  {source}:\n    archive: sha256:{'a' * 64}\n    tree: sha256:{'b' * 64}\n    vendored: vendor/net\n")
    text = f"stack: demo\nmodules:\n  net:\n    source: {source}\n    cidr: 10.0.0.0/16\noutputs:\n  vpc: {{value: '${{net.vpc_id}}'}}\n"
    editor = Editor(tmp_path)
    assert "cidr" in editor.complete(text.replace("cidr:", "¦:")) and editor.complete(text.replace("vpc_id", "¦")) == ["vpc_id"]
    assert editor.definition(text.replace("cidr:", "ci¦dr:")) == ("vendor/net/weir.yaml", 2, "cidr")
    assert editor.may_rename(text.replace("cidr:", "ci¦dr:")) is None and editor.may_rename(text.replace("  net:", "  n¦et:")) == "net"
    assert editor.leave() == 0


@pytest.mark.long
def test_tests_are_renamed_with_the_stack(tmp_path):
    tests = "tests:\n  - name: lake\n    inputs: {owner: ada}\n    plan:\n      resources:\n        'bronze[\"a\"]': {name: bronze-a}\n        net/vpc: {cidr_block: 10.0.0.0/16}\n    checks:\n      - 'lake.arn == \"x${lake.name}\" || [for lake in [1] : lake][0] == 1'\n    run: [{job: 'bronze[\"a\"]'}]\n    outputs: {url: 's3://x'}\n"
    editor = started(tmp_path)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/all.yaml").write_text(tests)
    rename = lambda mark, new: editor.rename(STACK.replace(mark.replace("¦", ""), mark, 1), new)["tests/all.yaml"]  # noqa: E731
    assert rename("\n  lake¦:", "store") == tests.replace("'lake.arn", "'store.arn").replace("${lake.", "${store.")
    assert rename("\n  bronze¦:", "raw") == tests.replace("bronze[", "raw[")
    assert rename("\n  net¦:", "ring") == tests.replace("net/vpc", "ring/vpc")
    assert rename("\n  owner¦:", "who") == tests.replace("{owner:", "{who:")
    assert rename("\n  url¦:", "link") == tests.replace("{url:", "{link:")
    vpc = editor.rename(NET.replace("  vpc:", "  v¦pc:", 1), "cloud", "net/weir.yaml")
    assert vpc["tests/all.yaml"] == tests.replace("net/vpc", "net/cloud") and "{from: vpc, to: cloud}" in vpc["net/weir.yaml"]
    assert editor.leave() == 0


@pytest.mark.long
def test_environment_and_inputs_of_the_command_line(tmp_path):
    text = "stack: demo\ninputs:\n  owner: {type: string}\nenvironments:\n  dev: {owner: A B}\n  prod: {owner: lake}\nresources:\n  lake: {type: aws.s3.bucket, name: '${inputs.owner}'}\n"
    (tmp_path / "weir.yaml").write_text(text)
    for args, parts in (((), []), (("-e", "prod"), []), (("-e", "dev"), ["inputs.owner"]), (("-e", "dev", "-i", "owner=lake"), [])):
        editor = Editor(tmp_path, *args)
        editor.open(text)
        assert [part for part, _ in editor.wrong()] == parts, args
        assert editor.leave() == 0
