"""The guides hold what they promise: their stacks are right, their commands and options exist, the spec in one of them works."""

import re
import subprocess

import pytest

from support import ROOT, WEIR, Stack

GUIDES = sorted((ROOT / "docs" / "guides").glob("*.md"))
FENCED = re.compile(r"^```(\w+)\n(.*?)^```", re.M | re.S)
COMMAND = re.compile(r"\bweir ((?:[a-z]+ )*[a-z]+)((?: [^`\n|>#;]*)?)")


def blocks(path, first):
    return [body for kind, body in FENCED.findall(path.read_text()) if kind == "yaml" and body.startswith(first)]


def commands(path):
    """Indented lines, fenced or `quoted` text that call weir: the words up to the first that is no command, and the options."""
    text = path.read_text()
    lines = [line for line in text.splitlines() if line.startswith("    ")] + re.findall(r"`([^`\n]+)`", text)
    lines += [line for kind, body in FENCED.findall(text) if kind == "yaml" for line in body.splitlines()]
    for line in lines:
        for words, rest in COMMAND.findall(line):
            yield words.split(), re.findall(r"(?<!\S)--?[a-z][a-z-]*", rest)


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.stem)
def test_stacks_are_right(tmp_path, path):
    for number, text in enumerate(blocks(path, "stack:")):
        stack = Stack(tmp_path / str(number))
        (stack.folder / "weir.yaml").write_text(text)
        for source in re.findall(r"type: weir.artifact, source: ([\w/.]+)", text):
            stack.write("", source if "." in source else f"{source}/main.py")
        specs = blocks(path, "service:")
        for spec in specs:
            stack.write(spec, f"specs/{re.match('service: (.*)', spec)[1]}.yaml")
        stack.run("validate", *(["--specs", "specs"] if specs else []), *(["-e", "dev"] if "environments:" in text else []))


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.stem)
def test_commands_exist(path):
    seen = 0
    for words, options in commands(path):
        help_text = ""
        for n in (2, 1):
            done = subprocess.run([WEIR, *words[:n], "--help"], capture_output=True, text=True)
            if done.returncode == 0 and len(words) >= n:
                help_text = done.stdout
                break
        assert help_text, (path.name, words)
        seen += 1
        for option in options:
            assert re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", help_text), (path.name, words, option)
    assert seen


def walk(stack, guide):
    """The guide's stacks and commands in their order, as they stand there; what asks is said yes to. Gives what each command printed."""
    shell = {**stack.env, "PATH": f"{WEIR.parent}:{stack.env['PATH']}"}
    printed = {}
    for kind, body, line in re.findall(r"^```(\w+)\n(.*?)^```|^    ((?:weir|for) [^\n]*)$", (ROOT / "docs" / "guides" / guide).read_text(), re.M | re.S):
        if kind:
            (stack.folder / "weir.yaml").write_text(body)
        elif line != "weir sandbox":  # stays until it is ended
            command = re.sub(r"\bweir (apply|destroy)(?!.* -y)", r"weir \1 -y", line.split("  #")[0])
            done = subprocess.run(["bash", "-c", command], cwd=stack.folder, env=shell, stdin=subprocess.DEVNULL, capture_output=True, text=True)
            assert done.returncode == 0, (line, done.stdout, done.stderr)
            printed[line] = done.stdout
    return printed


def test_first_stack_to_the_letter(tmp_path):
    stack = Stack(tmp_path / "first")
    printed = walk(stack, "first-stack.md")
    assert printed["weir output --sandbox --raw lake"] == "s3://ada-first-lake"
    assert printed["weir state list --sandbox"].split() == ["lake", 'landing["customers"]', 'landing["orders"]', 'landing["returns"]']
    assert "4 deleted" in printed["weir destroy --sandbox --force-empty"]
    assert stack.run("state", "list", "--sandbox").out == ""


def test_workshop_to_the_letter(tmp_path, cloud):
    cloud.reset()
    stack = Stack(tmp_path / "lab", cloud)
    stack.write("ada bob\n", "attendees")
    printed = walk(stack, "workshops.md")
    assert sum(text.count("Nothing is left") for text in printed.values()) == 3
    assert cloud.client("s3").list_buckets()["Buckets"] == []


@pytest.mark.parametrize("where", ["sandbox", "moto"])
def test_spec_of_the_guide(tmp_path, cloud, where):
    guide = ROOT / "docs" / "guides" / "writing-a-spec.md"
    stack = Stack(tmp_path / "s", cloud)
    stack.write(blocks(guide, "service:")[0], "specs/kinesis.yaml")
    text = blocks(guide, "stack:")[0]
    options = ["--specs", "specs"] + (["--sandbox"] if where == "sandbox" else [])
    (stack.folder / "weir.yaml").write_text(text)
    stack.apply(*options)
    stack.assert_settled(*options)
    (stack.folder / "weir.yaml").write_text(text.replace("shard_count: 2", "shard_count: 4").replace("team: web", "team: data"))
    assert stack.plan(*options) == {"clicks": "update"}
    stack.apply(*options)
    stack.assert_settled(*options)
    if where == "moto":
        kinesis = cloud.client("kinesis")
        assert kinesis.describe_stream_summary(StreamName="clicks")["StreamDescriptionSummary"]["OpenShardCount"] == 4
    stack.destroy(*options)
    if where == "moto":
        assert kinesis.list_streams()["StreamNames"] == []
