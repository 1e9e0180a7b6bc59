"""The commands of the examples' READMEs, carried out in their order as they stand there, with the sandbox that they begin with."""

import json
import os
import re
import subprocess
import sys

import pytest
from servers import ROOT
from test_music import expected_tables

from support import WEIR, example, free_port

sys.path.append(str(ROOT / "tests" / "tools"))
from film_api import FilmApi  # noqa: E402


def lines_of(name):
    """Indented lines that are a command; a line goes on where it ends with a backslash."""
    text = (ROOT / "examples" / name / "README.md").read_text().replace("\\\n", "")
    return [line.split("  #")[0].strip() for line in re.findall(r"^    ((?:weir|eval|export|for|curl|ssh\S*|python3|psql) .*)$", text, re.M)]


class Reader:
    """Somebody who types what a README says."""

    def __init__(self, name, folder, spark=False, **env):
        self.stack = example(name, folder, None)
        if spark:  # the sandbox finds by itself what tools/setup has installed
            del self.stack.env["WEIR_ENGINES"]
        self.stack.env |= {"PATH": f"{WEIR.parent}:{os.path.dirname(sys.executable)}:{os.environ['PATH']}", **env}
        self.serving, self.behind, self.said, self.before, self.env_of = None, [], {}, {}, {}
        self.ports = {}  # of this machine, instead of those that the README has

    def serve(self):
        self.serving = self.stack.start("sandbox", "--port", free_port())
        while "unset" not in (line := self.serving.stdout.readline()):
            assert line, self.serving.stderr.read()

    def typed(self, line):
        for port, here in self.ports.items():
            line = line.replace(port, here)
        return line

    def go_on_behind(self, line):
        """Until its first line, which says that it is ready; `exec`, so that the shell is not in between when it is ended."""
        began = subprocess.Popen(["bash", "-c", f"exec {self.typed(line).removesuffix('&')}"], cwd=self.stack.folder, env=self.stack.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.behind.append(began)
        assert began.stdout.readline(), line

    def carry_out(self, line):
        if line == "weir sandbox &":
            return self.serve()
        if line.endswith("&"):
            return self.go_on_behind(line)
        self.before.pop(line, lambda: None)()
        done = subprocess.run(["bash", "-c", f"{self.typed(line)}\nstatus=$?; env -0 > {self.stack.home}/env; exit $status"], cwd=self.stack.folder,
                              env={**self.stack.env, **self.env_of.get(line, {})}, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        if line.startswith(("eval", "export")):
            pairs = (pair.partition("=") for pair in (self.stack.home / "env").read_text().split("\0") if pair)
            self.stack.env |= {name: value for name, _, value in pairs if name.startswith(("AWS_", "WEIR_", "PG"))}
        self.said.setdefault(line, []).append(done.stdout)

    def read(self, lines):
        try:
            for line in lines:
                self.carry_out(line)
        finally:
            for process in [*self.behind, self.serving]:
                if process:
                    process.terminate()
                    process.communicate()
        return self.said


@pytest.mark.long
def test_film_lake(tmp_path):
    key = "not-a-real-key-27"
    api = FilmApi(json.loads((ROOT / "examples/film-lake/data/tmdb.json").read_text()), key)
    reader = Reader("film-lake", tmp_path / "lake", spark=True, TMDB_KEY=key, WEIR_INPUT_API=api.url)
    script = reader.stack.folder / "jobs/json_to_trusted.py"
    reader.env_of["weir test"] = {"WEIR_ENGINES": ""}  # with Spark test_film_lake_runs.py has done it
    reader.before["weir deploy -y"] = lambda: script.write_text(script.read_text() + "# edited\n")
    said = reader.read(lines_of("film-lake"))
    api.stop()
    assert said["weir run most_voted --format table"][0].count("\n") >= 8
    assert "skip  numbers from raw to refined  (needs spark)" in said["weir test"][0] and "0 failed, 1 skipped" in said["weir test"][0]
    assert "~ update  script[\"json_to_trusted\"]" in said["weir deploy -y"][0] and "2 to update" in said["weir deploy -y"][0]
    assert "Nothing is left" in said["weir destroy -y --verify"][0]


@pytest.mark.long
def test_airflow_ops(tmp_path):
    """The managed one; the lines with `-C host` are carried out in test_airflow_host.py, those with `-C compose` in test_airflow_compose.py."""
    reader = Reader("airflow-ops", tmp_path / "ops")
    said = reader.read(line for line in lines_of("airflow-ops") if " -C " not in line and not line.startswith("export"))
    assert "0 failed" in said["weir test"][0] and "No changes" in said["weir plan -i owner=ana -i alarm_email=ana@example.org"][0]
    assert "Nothing is left" in said["weir destroy -y --verify -i owner=ana"][0]


@pytest.mark.long
def test_ecommerce_lakehouse(tmp_path):
    """The managed one; the lines with `-C host` are carried out in test_ecommerce_host.py."""
    reader = Reader("ecommerce-lakehouse", tmp_path / "shop", spark=True)
    script = reader.stack.folder / "jobs/stream.py"
    reader.before["""weir deploy -y 'script["stream"]'"""] = lambda: script.write_text(script.read_text() + "# edited\n")
    lines = [line for line in lines_of("ecommerce-lakehouse") if "-C host" not in line and "PASSWORD" not in line]
    said = reader.read(lines)
    assert "0 failed" in said["weir test"][0] and "SUCCEEDED" in said["weir jobs batch"][0]
    assert "2 to update" in said["""weir deploy -y 'script["stream"]'"""][0]
    assert "Nothing is left" in said["weir destroy -y --verify"][0]


@pytest.mark.long
def test_retail_workshop(tmp_path):
    reader = Reader("retail-workshop", tmp_path / "retail", spark=True)
    said = reader.read(lines_of("retail-workshop"))
    assert re.search(r"purchase: +28593\n", said["weir output rows -i owner=ada"][0])
    assert "Nothing is left" in said["weir destroy -y --verify -i owner=ada -i key=key -i \"public_key=$(cat key.pub)\""][0]
    assert "No changes" in said["weir -C class.yaml plan -e ada -i inside=false"][0] and said["weir -C class.yaml fleet output --format markdown"][0].count("ada") > 0
    assert "Nothing is left of 3 members" in said["weir -C class.yaml fleet destroy -y --lab --verify"][0]


@pytest.mark.long
def test_music_lakehouse(tmp_path):
    reader = Reader("music-lakehouse", tmp_path / "music", spark=True)
    reader.stack.env["PATH"] += f":{os.path.dirname(sys.executable)}"  # of the AWS CLI
    reader.ports = {"8080": str(free_port()), "15439": str(free_port())}
    model = reader.stack.folder / "dbt/models/marts/dim_artists.sql"
    reader.before["weir deploy -y"] = lambda: model.write_text(model.read_text() + "-- edited\n")
    said = reader.read(lines_of("music-lakehouse"))
    assert "0 failed" in said["weir test"][0] and said["weir output song_count"] == [f"{len(expected_tables()['songs'])}\n"]
    assert "ERROR=0" in said["weir logs build_marts --tail 4"][0]
    sales = [row for row in expected_tables()["sales"] if row[-1].startswith("2026-11-19")]
    (sums,) = (texts[0] for line, texts in said.items() if "fact_sales" in line)
    assert re.search(rf"2026-11-19 \| +{len(sales)} \| +{sum(round(row[4] * 100) for row in sales) / 100:.2f}\n\(1 row\)", sums), sums
    assert "~ update  dbt" in said["weir deploy -y"][0] and "dbt" in said["weir rollback -y dbt"][0]
    assert "Nothing is left" in said["weir destroy -y --verify"][0]
