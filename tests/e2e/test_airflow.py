"""The types of Airflow against Airflow itself, 2.10 and 3: the life of each, a run of a DAG, what somebody else changed. `tools/setup airflow` installs both."""

import base64
import json
import os
import shutil
import subprocess
import urllib.error
import urllib.request

import pytest

from support import PATIENCE_S, ROOT, Stack, free_port, until

pytestmark = pytest.mark.long
DAG = """
import datetime
from airflow import DAG
from {operators} import EmptyOperator

with DAG("films", start_date=datetime.datetime(2024, 1, 1), schedule=None, description="all films", max_active_tasks=4):
    EmptyOperator(task_id="one") >> EmptyOperator(task_id="two")
"""
COMMON = {"CORE__LOAD_EXAMPLES": "False", "CORE__UNIT_TEST_MODE": "False", "SCHEDULER__DAG_DIR_LIST_INTERVAL": "2", "LOGGING__LOGGING_LEVEL": "WARNING"}
SETTINGS = {
    "2": {"API__AUTH_BACKENDS": "airflow.api.auth.backend.basic_auth", "WEBSERVER__WORKERS": "1"},
    "3": {"CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin", "API_AUTH__JWT_ISSUER": "airflow", "API_AUTH__JWT_AUDIENCE": "apache-airflow", "API_AUTH__JWT_SECRET": "x" * 64, "API__WORKERS": "1"},
}


class Airflow:
    def __init__(self, version, home):
        self.version, self.home = version, home
        self.venv = ROOT / f".venv-airflow{version}"
        if not (self.venv / "bin/airflow").exists():
            pytest.skip("no Airflow: tools/setup airflow")
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.env = {**os.environ, "AIRFLOW_HOME": str(home), "PATH": f"{self.venv}/bin:{os.environ['PATH']}", "HOME": str(home),
                    **{f"AIRFLOW__{key}": value for key, value in (COMMON | SETTINGS[version]).items()},
                    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db?timeout={PATIENCE_S}",  # its users wait for each other; by default for 5 seconds
                    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords"), "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/"}
        (home / "dags").mkdir(parents=True)
        (home / "passwords").write_text('{"admin": "hush-admin"}')
        (home / "dags/films.py").write_text(DAG.format(operators="airflow.operators.empty" if version == "2" else "airflow.providers.standard.operators.empty"))
        self.call("db", "migrate")
        if version == "2":
            self.call("users", "create", "-u", "admin", "-p", "hush-admin", "-r", "Admin", "-e", "admin@example.com", "-f", "a", "-l", "b")
        self.call("dags", "reserialize")
        served = ["webserver", "-H", "127.0.0.1", "-p", str(port), "-w", "1"] if version == "2" else ["api-server", "-H", "127.0.0.1", "-p", str(port), "-w", "1"]
        self.log = open(home / "served.log", "w")
        self.processes = [self.start(*served)]
        until(lambda: self.answers(), process=self.processes[0])
        self.processes.append(self.start("scheduler"))

    def start(self, *words):
        return subprocess.Popen(["airflow", *words], env=self.env, cwd=self.home, stdout=self.log, stderr=self.log, start_new_session=True)

    def call(self, *words):
        done = subprocess.run(["airflow", *words], env=self.env, cwd=self.home, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]

    def stop(self):
        for process in reversed(self.processes):
            os.killpg(process.pid, 15)
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, 9)
                process.wait()
        self.log.close()
        shutil.rmtree(self.home / "logs", ignore_errors=True)

    def answers(self):
        try:
            return self.get("/health" if self.version == "2" else "/api/v2/version", login=False)
        except (urllib.error.URLError, ConnectionError):
            return False

    def get(self, path, method="GET", body=None, login=True):
        headers = {"Content-Type": "application/json"} if body else {}
        if login and self.version == "2":
            headers["Authorization"] = "Basic " + base64.b64encode(b"admin:hush-admin").decode()
        elif login:
            headers["Authorization"] = "Bearer " + self.get("/auth/token", "POST", {"username": "admin", "password": "hush-admin"}, login=False)["access_token"]
        request = urllib.request.Request(self.url + path, json.dumps(body).encode() if body else None, headers, method=method)
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return json.loads(answer.read() or b"{}")

    def api(self, path, method="GET", body=None):
        return self.get(f"/api/v{1 if self.version == '2' else 2}{path}", method, body)


@pytest.fixture(scope="module", params=["2", "3"])
def airflow(request, tmp_path_factory):
    airflow = Airflow(request.param, tmp_path_factory.mktemp(f"airflow{request.param}") / "home")
    yield airflow
    airflow.stop()


def stack_at(tmp_path, airflow, resources):
    settings = {"url": airflow.url, "user": "admin", "password": "${inputs.password}"}
    return Stack(tmp_path / "s").write(json.dumps({"stack": "flows", "inputs": {"password": {"type": "string", "default": "hush-admin", "sensitive": True}},
                                                   "providers": {"airflow": settings}, "resources": resources}))


FIRST = {
    "lake": {"type": "airflow.variable", "key": "lake", "value": "s3://films", "description": "where films are"},
    "word": {"type": "airflow.secret_variable", "key": "db_password", "value": "hush-one"},
    "db": {"type": "airflow.connection", "connection_id": "db", "conn_type": "postgres", "host": "db", "login": "me", "password": "hush-two", "schema": "films", "port": 5432,
           "extra": {"sslmode": "require"}},
    "pool": {"type": "airflow.pool", "name": "few", "slots": 4},
    "dag": {"type": "airflow.dag", "dag_id": "films"},
}
THEN = {
    "lake": {"type": "airflow.variable", "key": "lake", "value": "s3://more"},
    "word": {"type": "airflow.secret_variable", "key": "db_password", "value": "hush-three", "description": "said"},
    "db": {"type": "airflow.connection", "connection_id": "db", "conn_type": "mysql", "description": "new", "login": "you", "password": "hush-four", "port": 3306},
    "pool": {"type": "airflow.pool", "name": "few", "slots": 6, "description": "more", "include_deferred": True},
    "dag": {"type": "airflow.dag", "dag_id": "films", "is_paused": True},
}


def test_life_cycle(tmp_path, airflow):
    stack = stack_at(tmp_path, airflow, FIRST)
    results = [stack.run("apply", "-y", "-vv")]
    stack.assert_settled()
    seen = airflow.api("/connections/db")
    assert json.loads(seen.pop("extra")) == {"sslmode": "require"}
    assert {**seen, "password": None} == {"connection_id": "db", "conn_type": "postgres", "description": None, "host": "db", "login": "me", "schema": "films", "port": 5432, "password": None}
    assert airflow.api("/variables/lake")["description"] == "where films are" and airflow.api("/dags/films")["is_paused"] is False
    before = len(results[0].err)
    assert before
    stack_at(tmp_path, airflow, THEN)
    assert set(stack.plan().values()) == {"update"} and len(stack.plan()) == 5
    results.append(stack.run("apply", "-y", "-vv"))
    stack.assert_settled()
    assert airflow.api("/pools/few")["slots"] == 6 and airflow.api("/pools/few")["include_deferred"] is True and airflow.api("/dags/films")["is_paused"] is True
    assert airflow.api("/connections/db")["port"] == 3306 and not airflow.api("/connections/db")["host"]
    # somebody else: changed, and deleted
    airflow.api("/variables/lake", "PATCH", {"key": "lake", "value": "s3://theirs"})
    airflow.api("/pools/few", "DELETE")
    until(lambda: stack.plan() == {"lake": "update", "pool": "create"})
    results.append(stack.run("apply", "-y", "-vv"))
    stack.assert_settled()
    # taken in by its name
    stack.run("state", "rm", "lake")
    stack.run("state", "import", "lake", "lake")
    stack.assert_settled()
    stack.destroy("--delete-adopted")
    assert airflow.api("/variables")["total_entries"] == 0 and airflow.api("/dags/films")["is_paused"] is True
    shown = "".join(result.out + result.err for result in results)
    assert "hush" not in shown and "hush" not in "".join(path.read_text() for path in stack.folder.rglob("*.log"))


def test_many_in_pages(tmp_path, airflow):
    stack = stack_at(tmp_path, airflow, {"v": {"type": "airflow.variable", "for_each": [f"k{n:03}" for n in range(120)], "key": "${each.key}", "value": "x"}})
    stack.apply()
    stack.assert_settled()
    assert stack.run("plan", "-v").err.count("airflow.ListVariables 200") == 2
    stack.destroy()


def test_a_run(tmp_path, airflow):
    stack = stack_at(tmp_path, airflow, {"dag": FIRST["dag"]})
    stack.apply()
    done = stack.run("run", "dag", "day=monday")
    assert "success" in done.err
    (run,) = airflow.api("/dags/films/dagRuns")["dag_runs"]
    assert run["conf"] == {"day": "monday"} and run["state"] == "success"
    assert "success" in stack.run("jobs", "dag").out
    # without arguments; and paused, it would wait for ever: it is said instead, and nothing is ordered
    assert "success" in stack.run("run", "dag").err
    airflow.api("/dags/films", "PATCH", {"is_paused": True})
    until(lambda: airflow.api("/dags/films")["is_paused"])  # Airflow 3 answers before it commits
    for more in [], ["--detach"]:
        refused = stack.run("run", "dag", *more, status=1)
        assert 'starting dag: the DAG "films" is paused, so its runs do not begin' in refused.err and "is_paused: false" in refused.err
    assert airflow.api("/dags/films/dagRuns")["total_entries"] == 2
    stack.destroy()


def test_who_may_log_in(tmp_path, airflow):
    if airflow.version == "3":
        pytest.skip("its API has no users")
    users = {"role": {"type": "airflow.role", "name": "reader", "actions": [{"action": "can_read", "resource": "DAGs"}]},
             "ada": {"type": "airflow.user", "username": "ada", "email": "ada@example.com", "first_name": "Ada", "last_name": "L", "password": "hush-five", "roles": [{"name": "${role.name}"}]}}
    stack = stack_at(tmp_path, airflow, users)
    stack.apply()
    stack.assert_settled()
    users["ada"]["last_name"] = "Lovelace"
    stack_at(tmp_path, airflow, users).apply()
    assert airflow.api("/users/ada")["last_name"] == "Lovelace"
    stack.assert_settled()
    stack.destroy()


def test_wrong_password(tmp_path, airflow):
    stack = stack_at(tmp_path, airflow, {"lake": FIRST["lake"]})
    refused = stack.run("apply", "-y", "-i", "password=hush-wrong", status=1)
    assert "HTTP 401" in refused.err and "hush" not in refused.err + refused.out
