"""
An environment of MWAA: weir_mwaa.py SETTINGS PORT, run by the Python that has Airflow, in the folder that is its home and mostly in a root
of its own (weir_mwaa_root.sh). The DAGs, plugins, requirements and the startup script come from the environment's bucket as MWAA takes them;
then scheduler and web server run, and the DAGs are looked for again every second, until it is told to end. The metadata database is
PostgreSQL as there, where the machine has one.
"""

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.parse
import zipfile
from pathlib import Path

import boto3

AIRFLOW = str(Path(sys.executable).with_name("airflow"))
HERE = Path(__file__).resolve().parent


def say(text):
    print(f"sandbox: {text}", flush=True)


class Environment:
    def __init__(self, settings, port):
        self.settings, self.port, self.home, self.s3 = settings, port, Path.cwd(), boto3.client("s3")
        self.dags, self.plugins, self.site = self.home / "dags", self.home / "plugins", self.home / "site"
        self.seen, self.processes = {}, []
        for folder in (self.dags, self.plugins, self.site):
            folder.mkdir(exist_ok=True)

    # ---- what the bucket has ----

    def fetch(self, what, name):
        """requirements.txt and the like, in the version that the environment names; None: it has none."""
        key = self.settings.get(f"{what}_s3_path")
        if not key:
            return None
        version = self.settings.get(f"{what}_s3_object_version")
        body = self.s3.get_object(Bucket=self.settings["bucket"], Key=key, **({"VersionId": version} if version else {}))["Body"].read()
        (self.home / name).write_bytes(body)
        return self.home / name

    def sync(self):
        """DAGs: new and changed ones come, those that are gone go."""
        prefix, found = self.settings["dag_s3_path"].strip("/") + "/", {}
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.settings["bucket"], Prefix=prefix):
            found.update({item["Key"][len(prefix):]: item["ETag"] for item in page.get("Contents", []) if not item["Key"].endswith("/")})
        for name, tag in found.items():
            path = self.dags / name
            if self.seen.get(name) == tag or self.dags.resolve() not in path.resolve().parents:
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            aside = path.with_name(f".{path.name}.new")
            self.s3.download_file(self.settings["bucket"], prefix + name, str(aside))
            aside.replace(path)
        for path in [p for p in self.dags.rglob("*") if p.is_file() and not p.name.startswith(".") and "__pycache__" not in p.parts]:
            if path.relative_to(self.dags).as_posix() not in found:
                path.unlink()
        self.seen = found

    def unpack_plugins(self):
        shutil.rmtree(self.plugins)
        self.plugins.mkdir()
        packed = self.fetch("plugins", "plugins.zip")
        if packed:
            with zipfile.ZipFile(packed) as archive:
                archive.extractall(self.plugins)
        shutil.copy(HERE / "weir_mwaa_web.py", self.plugins / "weir_mwaa_web.py")

    def install(self):
        """Beside Airflow's own packages, which stay as they are; what cannot be installed is said, and the environment goes on, as there."""
        wanted = self.fetch("requirements", "requirements.txt")
        if not wanted:
            return
        done = subprocess.run([sys.executable, "-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--upgrade-strategy", "only-if-needed", "--target", self.site, "-r", wanted],
                              capture_output=True, text=True) if self.lacks(wanted) else None
        if done and done.returncode:
            say(f"requirements.txt is not installed: {(done.stderr.strip().splitlines() or ['pip failed'])[-1]}")

    @staticmethod
    def lacks(wanted):
        """Is there a line that is not fulfilled already?"""
        from importlib.metadata import PackageNotFoundError, version
        from packaging.requirements import InvalidRequirement, Requirement
        for line in wanted.read_text().splitlines():
            line = line.split("#")[0].strip()
            try:
                if line and not line.startswith(("-c", "--constraint")) and (r := Requirement(line)) and version(r.name) not in r.specifier:
                    return True
            except (InvalidRequirement, PackageNotFoundError):
                return True
        return False

    # ---- what its programs find ----

    def started_up(self, component):
        """The environment that the startup script leaves for a component. It may do what it likes with its machine, so this one is not it."""
        env, script = self.env(component), self.home / "startup.sh"
        if not script.exists():
            return env
        if os.environ["WEIR_MWAA_ROOT"] != "own":
            raise SystemExit(f"the startup script is run in a root of its own, which this machine does not give ({os.environ['WEIR_MWAA_ROOT']}): run the sandbox as root, or where users have namespaces")
        done = subprocess.run(["bash", "-c", 'set -e; . ./startup.sh >&2; exec env -0'], env=env, cwd=self.home, stdout=subprocess.PIPE)
        if done.returncode:
            say(f"the startup script failed with status {done.returncode} for the {component}")
            return env
        return dict(one.split("=", 1) for one in done.stdout.decode().split("\0") if "=" in one)

    def database(self):
        """SQLite takes one task at a time."""
        at = self.settings.get("database")
        if not at or not importlib.util.find_spec("psycopg2"):
            return {"AIRFLOW__CORE__EXECUTOR": "SequentialExecutor", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.home}/airflow.db"}
        place = urllib.parse.quote(at["socket"].rpartition("/")[0], safe="")
        return {"AIRFLOW__CORE__EXECUTOR": "LocalExecutor", "AIRFLOW__CORE__PARALLELISM": "5",  # tasks of mw1.small's worker
                "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://airflow:{at['password']}@/airflow?host={place}"}

    def env(self, component):
        own = {"AIRFLOW_HOME": self.home, "HOME": self.home, "AIRFLOW__CORE__DAGS_FOLDER": self.dags, "AIRFLOW__CORE__PLUGINS_FOLDER": self.plugins, "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
               **self.database(), "AIRFLOW__SCHEDULER__DAG_DIR_LIST_INTERVAL": "2",
               "AIRFLOW__SCHEDULER__MIN_FILE_PROCESS_INTERVAL": "2", "AIRFLOW__API__AUTH_BACKENDS": "airflow.api.auth.backend.basic_auth,airflow.api.auth.backend.session", "AIRFLOW__WEBSERVER__WORKERS": "1", "AIRFLOW__WEBSERVER__WEB_SERVER_MASTER_TIMEOUT": "300",
               "AIRFLOW__WEBSERVER__SECRET_KEY": self.settings["secret"], "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO", "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "True",
               "AIRFLOW_ENV_NAME": self.settings["name"], "MWAA_AIRFLOW_COMPONENT": component, "WEIR_MWAA_SECRET": self.settings["secret"],
               "PATH": f"{Path(sys.executable).parent}:{self.site}/bin:{os.environ['PATH']}", "PYTHONPATH": str(self.site)}
        given = {"AIRFLOW__" + key.replace(".", "__", 1).upper(): str(value) for key, value in self.settings.get("options", {}).items()}
        return {**os.environ, **{key: str(value) for key, value in own.items()}, **given}

    # ---- running ----

    def airflow(self, env, *words):
        subprocess.run([AIRFLOW, *words], env=env, cwd=self.home, check=True, stdout=subprocess.DEVNULL)

    def start(self, env, *words):
        self.processes.append(subprocess.Popen([AIRFLOW, *words], env=env, cwd=self.home))

    def run(self):
        self.sync()
        self.unpack_plugins()
        if not self.fetch("startup_script", "startup.sh"):
            (self.home / "startup.sh").unlink(missing_ok=True)
        worker = self.started_up("worker")
        self.install()
        self.airflow(worker, "db", "migrate")
        if not (self.home / "made").exists():
            self.airflow(worker, "users", "create", "-u", "admin", "-p", self.settings["secret"], "-r", "Admin", "-e", "admin@example.com", "-f", "MWAA", "-l", "Admin")
            (self.home / "made").touch()
        self.airflow(worker, "dags", "reserialize")
        self.start(worker, "scheduler", "--skip-serve-logs")
        self.start(self.started_up("webserver"), "webserver", "-H", "127.0.0.1", "-p", self.port)
        while all(process.poll() is None for process in self.processes):
            time.sleep(1)
            try:
                self.sync()
            except Exception as error:  # the bucket may be gone before the environment
                say(f"the DAGs cannot be read: {error}")

    def end(self):
        for process in self.processes:
            if process.poll() is None:
                process.terminate()
        for process in self.processes:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()


def main(settings_file, port):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    environment = Environment(json.loads(Path(settings_file).read_text()), port)
    try:
        environment.run()
    finally:
        environment.end()


if __name__ == "__main__":
    main(*sys.argv[1:])
