"""The commands of the examples' READMEs, carried out in their order as they stand there, with the sandbox that they begin with."""

import json
import os
import re
import subprocess
import sys

import pytest
from servers import ROOT
from sshd import free_port

from support import WEIR, example

sys.path.append(str(ROOT / "tests" / "tools"))
from film_api import FilmApi  # noqa: E402

SPARK = ROOT / ".venv-jobs"


def lines_of(name):
    """Indented lines that are a command; a line goes on where it ends with a backslash."""
    text = (ROOT / "examples" / name / "README.md").read_text().replace("\\\n", "")
    return [line.split("  #")[0].strip() for line in re.findall(r"^    ((?:weir|eval|export|for|curl|ssh\S*) .*)$", text, re.M)]


class Reader:
    """Somebody who types what a README says."""

    def __init__(self, name, folder, spark=False, **env):
        self.stack = example(name, folder, None)
        python = f"{SPARK}/bin" if spark else os.path.dirname(sys.executable)
        self.stack.env |= {"PATH": f"{WEIR.parent}:{python}:{os.environ['PATH']}", "SPARK_HOME": "", "WEIR_SPARK_JARS": str(SPARK / "jars"), **env}
        self.serving, self.said, self.before, self.env_of = None, {}, {}, {}

    def serve(self):
        self.serving = self.stack.start("sandbox", "--port", free_port())
        while "unset" not in (line := self.serving.stdout.readline()):
            assert line, self.serving.stderr.read()

    def carry_out(self, line):
        if line == "weir sandbox &":
            return self.serve()
        self.before.pop(line, lambda: None)()
        done = subprocess.run(["bash", "-c", f"{line}\nstatus=$?; env -0 > {self.stack.home}/env; exit $status"], cwd=self.stack.folder,
                              env={**self.stack.env, **self.env_of.get(line, {})}, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        if line.startswith(("eval", "export")):
            pairs = (pair.partition("=") for pair in (self.stack.home / "env").read_text().split("\0") if pair)
            self.stack.env |= {name: value for name, _, value in pairs if name.startswith(("AWS_", "WEIR_"))}
        self.said.setdefault(line, []).append(done.stdout)

    def read(self, lines):
        try:
            for line in lines:
                self.carry_out(line)
        finally:
            if self.serving:
                self.serving.terminate()
                self.serving.communicate()
        return self.said


@pytest.mark.long
def test_film_lake(tmp_path):
    key = "not-a-real-key-27"
    api = FilmApi(json.loads((ROOT / "examples/film-lake/data/tmdb.json").read_text()), key)
    reader = Reader("film-lake", tmp_path / "lake", spark=True, TMDB_KEY=key, WEIR_INPUT_API=api.url)
    script = reader.stack.folder / "jobs/json_to_trusted.py"
    reader.env_of["weir test"] = {"PATH": f"{WEIR.parent}:{os.path.dirname(sys.executable)}:{os.environ['PATH']}"}  # with Spark test_film_lake_runs.py has done it
    reader.before["weir deploy -y"] = lambda: script.write_text(script.read_text() + "# edited\n")
    said = reader.read(lines_of("film-lake"))
    api.stop()
    assert said["weir run most_voted --format table"][0].count("\n") >= 8
    assert "skip  numbers from raw to refined  (needs spark)" in said["weir test"][0] and "0 failed, 1 skipped" in said["weir test"][0]
    assert "~ update  script[\"json_to_trusted\"]" in said["weir deploy -y"][0] and "2 to update" in said["weir deploy -y"][0]
    assert "Nothing is left" in said["weir destroy -y --verify"][0]


@pytest.mark.long
def test_airflow_ops(tmp_path):
    """The managed one; the lines with `-C host` are carried out in test_airflow_host.py."""
    reader = Reader("airflow-ops", tmp_path / "ops")
    said = reader.read(line for line in lines_of("airflow-ops") if "-C host" not in line and not line.startswith("export"))
    assert "0 failed" in said["weir test"][0] and "No changes" in said["weir plan -i owner=ana -i alarm_email=ana@example.org"][0]
    assert "Nothing is left" in said["weir destroy -y --verify -i owner=ana"][0]


@pytest.mark.long
def test_retail_workshop(tmp_path):
    reader = Reader("retail-workshop", tmp_path / "retail", spark=True)
    said = reader.read(lines_of("retail-workshop"))
    assert '"purchase": 28593' in said["weir output rows -i owner=ada"][0]
    assert sum(text.count("Nothing is left") for texts in said.values() for text in texts) == 4
