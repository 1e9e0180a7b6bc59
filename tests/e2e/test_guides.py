"""The guides hold what they promise: their stacks are right, their commands and options exist, the spec in one of them works."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support import ROOT, WEIR, Stack
from test_specs_botocore import Check

GUIDES = sorted((ROOT / "docs" / "guides").glob("*.md"))
PAGES = [ROOT / "README.md", *sorted(set((ROOT / "docs").glob("*.md")) - {ROOT / "docs" / "cli.md"})]
FENCED = re.compile(r"^```(\w+)\n(.*?)^```", re.M | re.S)
COMMAND = re.compile(r"\bweir ((?:[a-z]+ )*[a-z]+)((?: [^`\n|>#;]*)?)")


def blocks(path, first):
    return [body for kind, body in FENCED.findall(path.read_text()) if kind == "yaml" and body.startswith(first)]


def commands(path):
    """Indented lines, fenced or `quoted` text that call weir: the words up to the first that is not a command, and the options."""
    text = path.read_text()
    lines = [line.split(" #")[0] for line in text.splitlines() if line.startswith("    ")] + re.findall(r"`([^`\n]+)`", text)
    lines += [line for kind, body in FENCED.findall(text) if kind == "yaml" for line in re.sub("#.*", "", body).splitlines()]
    for line in lines:
        for words, rest in COMMAND.findall(line):
            yield words.split(), re.findall(r"(?<!\S)--?[a-z][a-z-]*", rest)


@pytest.mark.parametrize("path", [*GUIDES, ROOT / "docs" / "stacks.md", ROOT / "docs" / "rules.md", ROOT / "docs" / "cloudcontrol.md", ROOT / "docs" / "rest.md"], ids=lambda path: path.stem)
def test_stacks_are_right(tmp_path, path):
    for number, text in enumerate(blocks(path, "stack:")):
        stack = Stack(tmp_path / str(number))
        (stack.folder / "weir.yaml").write_text(text)
        for source in re.findall(r"type: weir.artifact, source: ([\w/.]+)", text):
            stack.write("", source if "." in source else f"{source}/main.py")
        for folder in re.findall(r"(?:type: postgres.migrations, .*folder|    source): (\w+)", text):
            (stack.folder / folder).mkdir()
        for folder in re.findall(r"type: docker.image,.* context: (\w+)", text):
            stack.write("FROM scratch\n", f"{folder}/Dockerfile")
        specs = blocks(path, "service:") + blocks(path, "kind:")
        for spec in specs:
            stack.write(spec, f"specs/{re.search('^service: (.*)', spec, re.M)[1]}.yaml")
        stack.write("mail_id,team\nada,red\n", "attendees.csv")
        secrets = re.findall(r"^  (\w+): {type: string, sensitive: true}", text, re.M)
        stack.run("validate", *(["--specs", "specs"] if specs else []), *(["-e", "dev"] if "environments:" in text else []), env={f"WEIR_INPUT_{name.upper()}": "x" for name in secrets})


def test_the_readmes_stack_and_mistake(tmp_path):
    text = (ROOT / "README.md").read_text()
    stack = Stack(tmp_path / "films")
    body = blocks(ROOT / "README.md", "stack:")[0]
    (stack.folder / "weir.yaml").write_text(body)
    for name in "csv_to_trusted", "trusted_to_refined":
        stack.write("", f"jobs/{name}.py")
    assert "6 resources" in stack.run("validate", "-e", "dev").out
    (stack.folder / "weir.yaml").write_text(body.replace("versioning: true", "versionning: true"))
    shown = re.search(r"^```\n(error: .*?)^```", text, re.M | re.S)[1]
    assert stack.run("validate", "-e", "dev", status=3).err == shown


def test_what_the_readme_looks_like(tmp_path):
    """Its session, command by command: the lines below each are in what it prints, in that order; times are not compared."""
    session = re.search(r"^```\n(\$ weir init .*?)^```", (ROOT / "README.md").read_text(), re.M | re.S)[1]
    stack = Stack(tmp_path / "films")
    (stack.folder / "weir.yaml").unlink(missing_ok=True)
    shell = {**stack.env, "PATH": f"{WEIR.parent}:{stack.env['PATH']}"}
    exports, shown = "", 0
    for part in session.split("$ ")[1:]:
        command, *lines = part.splitlines()
        if command.startswith("export "):
            exports += command.split("  #")[0] + "\n"
            continue
        done = subprocess.run(["bash", "-c", exports + command], cwd=stack.folder, env=shell, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        printed = iter(re.sub(r"in [\d.]+ m?s", "in T", done.stdout + done.stderr).splitlines())
        for line in lines:
            assert line == "  ..." or re.sub(r"in [\d.]+ m?s", "in T", line) in printed, (command, line, done.stdout, done.stderr)
            shown += line != "  ..."
    assert shown >= 6


def test_pages_keep_their_size():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150
    assert (ROOT / "docs/specs.md").stat().st_size <= 20_480


def headings(page):
    """As GitHub makes anchors of them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S)
    plain = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower() for heading in re.findall(r"^#+ (.*)$", text, re.M))
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


def test_links_lead_to_pages_and_headings():
    lost, seen = [], 0
    for page in [*GUIDES, *PAGES, ROOT / "docs/cli.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "examples").glob("*/README.md"))]:
        text = re.sub(r"^```.*?^```|`[^`]*`", "", page.read_text(), flags=re.M | re.S)
        for link in re.findall(r"\]\(([^)\s]+)\)", text):
            file, _, anchor = link.partition("#")
            target = (page.parent / file).resolve() if file else page
            if "://" not in link:
                seen += 1
                lost += [] if target.exists() and (not anchor or anchor in headings(target)) else [f"{page.relative_to(ROOT)}: {link}"]
    assert seen > 100 and not lost, lost


@pytest.mark.parametrize("path", GUIDES + PAGES, ids=lambda path: path.stem)
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
    assert seen or path in PAGES


def walk(stack, guide):
    """The guide's stacks and commands in their order, as they stand there; what asks is said yes to. Gives what each command printed."""
    shell = {**stack.env, "PATH": f"{WEIR.parent}:{stack.env['PATH']}"}
    printed = {}
    for kind, body, line in re.findall(r"^```(\w+)\n(.*?)^```|^    ((?:weir|for|mkdir|echo|printf) [^\n]*)$", (ROOT / "docs" / "guides" / guide).read_text(), re.M | re.S):
        if kind:
            spec = re.match("service: (.*)", body)
            stack.write(body, f"specs/{spec[1]}.yaml" if spec else "weir.yaml")
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
    assert printed["weir run --sandbox clean"] == "cleaned\n" and json.loads(printed["weir run --sandbox ingest films:=3"]) == {"films": 3}
    assert printed["weir output --sandbox --raw database"].endswith(":5432") and "7 deleted" in printed["weir destroy --sandbox --lab"]
    assert stack.run("state", "list", "--sandbox").out == ""


def test_workshop_to_the_letter(tmp_path, cloud):
    cloud.reset()
    stack = Stack(tmp_path / "lab", cloud)
    stack.write("mail_id,team\nada,red\nbob,blue\n", "attendees.csv")
    printed = walk(stack, "workshops.md")
    assert "Nothing is left of 1 member:" in printed["weir fleet destroy ada --lab --verify -y"]
    assert "Nothing is left of 2 members:" in printed["weir fleet destroy --lab --verify -y"]
    assert "- Your bucket: `s3://bob-lab-lake`" in printed["weir fleet output --format markdown"]
    assert cloud.client("s3").list_buckets()["Buckets"] == []


def test_core_of_the_spec_language(tmp_path):
    """The type on the first page of docs/specs.md, in place of the built-in one."""
    stack = Stack(tmp_path / "s").write(blocks(ROOT / "docs" / "specs.md", "service: kinesis")[0], "specs/kinesis.yaml")
    stack.write('stack: s\nspecs: specs\nresources: {it: {type: aws.kinesis.stream, name: clicks, shard_count: 2, tags: {team: web}}}\n')
    stack.apply("--sandbox")
    stack.assert_settled("--sandbox")
    stack.destroy("--sandbox")


def test_writing_a_spec_to_the_letter(tmp_path):
    stack = Stack(tmp_path / "clicks")
    printed = walk(stack, "writing-a-spec.md")
    assert "listed in bulk" in stack.run("docs", "aws.databrew.dataset", "--specs", "specs").out
    assert "3 deleted" in printed["weir destroy --sandbox"]


def test_spec_of_the_guide_elsewhere(tmp_path, cloud):
    """The guide's last spec and stack on moto: made, listed in one request, changed, gone; its names are the model's."""
    guide = ROOT / "docs" / "guides" / "writing-a-spec.md"
    stack = Stack(tmp_path / "s", cloud)
    stack.write(blocks(guide, "service:")[-1], "specs/databrew.yaml")
    text = blocks(guide, "stack:")[-1]
    (stack.folder / "weir.yaml").write_text(text)
    stack.apply()
    stack.assert_settled()
    calls = re.findall(r"^[A-Z]+ \S+ databrew\.(\w+) 200", stack.run("plan", "-vv").err, re.M)
    assert calls == ["ListDatasets"]
    databrew = cloud.client("databrew")
    databrew.update_dataset(Name="clicks-app", Format="CSV", Input={"S3InputDefinition": {"Bucket": "films-lake", "Key": "app/"}})
    assert stack.plan() == {'clicks["app"]': "update"}
    (stack.folder / "weir.yaml").write_text(text.replace("format: JSON", "format: PARQUET").replace(", shop]", "]"))
    stack.apply()
    stack.assert_settled()
    assert {one["Name"]: one["Format"] for one in databrew.list_datasets()["Datasets"]} == {"clicks-web": "PARQUET", "clicks-app": "PARQUET"}
    stack.destroy()
    assert databrew.list_datasets()["Datasets"] == []
    told = subprocess.run([WEIR, "schema", "--calls", "--specs", "specs"], cwd=stack.folder, capture_output=True, text=True, check=True).stdout
    (one,) = [json.loads(line) for line in told.splitlines() if "aws.databrew.dataset" in line]
    check = Check(one["service"], "guide")
    for call in one["calls"]:
        check.call(call)
    assert check.problems == []


# What the guide on jobs speaks of besides its own stack.
MORE_JOBS = """
  step: {type: weir.artifact, for_each: [silver, gold], source: "jobs/${each.key}.py", store: "${lake.name}/code"}
  job:
    type: aws.glue.job
    for_each: [silver, gold]
    name: films-${each.key}
    role: ${role.arn}
    command: {name: glueetl, script_location: "${step[each.key].url}", python_version: "3"}
  flows: {type: aws.iam.role, name: flows, assume_role_policy: '${trust("states.amazonaws.com")}'}
  nightly:
    type: aws.stepfunctions.state_machine
    name: nightly
    role: ${flows.arn}
    definition: {StartAt: Done, States: {Done: {Type: Pass, End: true}}}
  films: {type: aws.glue.database, name: films}
  group: {type: aws.athena.workgroup, name: analysts, output_location: "s3://${lake.name}/answers/"}
  top_films: {type: aws.athena.named_query, name: top, database: films, workgroup: "${group.name}", query: "SELECT * FROM (VALUES ('Ran', 1985), ('Alien', 1979), ('Heat', 1995)) AS film (title, year) WHERE year > ?"}
  all_films: {type: aws.athena.named_query, name: all, database: films, workgroup: "${group.name}", query: "SELECT range AS film FROM range(20000)"}
"""
FAKE_SPARK = """#!/bin/sh
# Stands for spark-submit.
for word; do shift; case $word in *.py) exec python3 "$word" "$@" ;; esac; done
"""


class JobsGuide:
    """A stack whose sources change before each deploy, on a sandbox that is served from its folder."""

    def __init__(self, folder):
        self.guide = ROOT / "docs" / "guides" / "jobs.md"
        self.stack, self.version, self.run_id = Stack(folder / "films"), 0, None
        (folder / "bin").mkdir()
        (folder / "bin" / "spark-submit").write_text(FAKE_SPARK)
        (folder / "bin" / "spark-submit").chmod(0o755)
        self.stack.env |= {"PATH": f"{folder}/bin:{WEIR.parent}:{Path(sys.executable).parent}:{os.environ['PATH']}", "SPARK_HOME": ""}
        (self.stack.folder / "weir.yaml").write_text(blocks(self.guide, "stack:")[0] + MORE_JOBS)
        self.stack.write('{"films": ["Ran"]}\n', "order.json")
        self.edit()

    def edit(self):
        self.version += 1
        for name in "csv_to_trusted", "silver", "gold":
            self.stack.write(f"import sys\nprint('version {self.version}', *[word for word in sys.argv if '2026' in word])\n", f"jobs/{name}.py")
        self.stack.write(f"def handler(event, context):\n    print('asked')\n    return {{'count': event['pages'], 'version': {self.version}}}\n", "lambda/ingest/main.py")

    def serve(self):
        serving = self.stack.start("sandbox", "--port", "0")
        while "unset" not in (line := serving.stdout.readline()):
            name, _, value = line.removeprefix("export ").strip().partition("=")
            self.stack.env[name] = value
        return serving

    def follow(self, command):
        following = subprocess.Popen(command, shell=True, cwd=self.stack.folder, env=self.stack.env, stdout=subprocess.PIPE, text=True, start_new_session=True)
        line = following.stdout.readline()
        os.killpg(following.pid, signal.SIGINT)
        following.communicate()
        return line

    def carry_out(self, line):
        command = line.split("  #")[0].strip().replace("5f0c…", self.run_id or "")
        if "weir deploy" in command:
            self.edit()
        if command.endswith("--follow"):
            return self.follow(command)
        if re.search(r"\b(deploy|rollback|apply)\b(?!.*--list)", command):
            command += " -y"
        done = subprocess.run(["bash", "-c", command], cwd=self.stack.folder, env=self.stack.env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        if found := re.search("^ingest: run (.*)", done.stderr, re.M):
            self.run_id = found[1]
        return done.stdout

    def lines(self):
        return re.findall(r"^    (weir .*)$", self.guide.read_text(), re.M)


@pytest.mark.long
@pytest.mark.skipif(not shutil.which("jq"), reason="no jq")
def test_jobs_to_the_letter(tmp_path):
    guide = JobsGuide(tmp_path)
    serving = guide.serve()
    guide.stack.apply()
    said = {}
    for line in guide.lines():
        if "--sandbox" not in line:
            said.setdefault(line.split("  #")[0].strip(), []).append(guide.carry_out(line))
    guide.stack.destroy("--force-empty")
    serving.terminate()
    serving.communicate()
    assert said["weir run csv_to_trusted"] == ["version 2\n"] and said["weir run csv_to_trusted day=2026-11-21"] == ["version 3 2026-11-21\n"]
    changed = {line: set(re.findall(r"^  ~ update  (\S+)", text, re.M)) for line, (text,) in said.items() if "deploy" in line or "rollback" in line}
    assert changed["weir deploy"] == {"script", "code", "csv_to_trusted", "ingest", 'step["silver"]', 'step["gold"]', 'job["silver"]', 'job["gold"]'}
    assert changed["weir deploy csv_to_trusted"] == changed["weir rollback csv_to_trusted"] == {"script", "csv_to_trusted"}
    assert changed["weir deploy ingest"] == changed["weir deploy code"] == changed["weir rollback ingest"] == {"code", "ingest"}
    assert changed["weir deploy 'job[\"silver\"]'"] == {'step["silver"]', 'job["silver"]'}
    assert said["weir run ingest pages:=3 | jq .count"] == ["3\n"]
    assert json.loads(said["weir run nightly --payload order.json"][0]) == {"films": ["Ran"]}
    assert "Heat" in said["weir run top_films 1990 --format table"][0] and "Ran" not in said["weir run top_films 1990 --format table"][0]
    assert len((guide.stack.folder / "films.csv").read_text().splitlines()) == 20001
    assert re.search(r"^csv_to_trusted .* SUCCEEDED ", said["weir jobs"][0], re.M)
    assert "version 3 2026-11-21" in said["weir logs csv_to_trusted --tail 50"][0]
    assert "asked" in said["weir logs ingest --run 5f0c…"][0]


def test_jobs_without_an_account(tmp_path):
    guide = JobsGuide(tmp_path)
    done = [guide.carry_out(line) for line in guide.lines() if "--sandbox" in line]
    assert len(done) == 2 and done[1] == "version 1\n"
