"""A PostgreSQL server of the tests' own, from the system's package, and psql to look at it."""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from support import PATIENCE_S, free_port

ADMIN = "weir"


def postgres_programs():
    """Where a version's programs are, the newest last."""
    elsewhere = os.environ.get("WEIR_POSTGRES")  # another version's
    return [Path(elsewhere)] if elsewhere else sorted(Path("/usr/lib/postgresql").glob("*/bin"))


class Postgres:
    """Runs as long as the object; `password` None: whoever comes over the network is let in."""

    def __init__(self, password=None, **settings):
        if not (programs := postgres_programs()):
            pytest.skip("PostgreSQL is not installed")
        self.programs = programs[-1]
        self.password = password
        self.settings = {"listen_addresses": "127.0.0.1", **settings}
        self.folder = Path(tempfile.mkdtemp(prefix="weir-postgres-", dir="/tmp"))  # the path of a socket has to be short
        self.owner = []
        (self.folder / "password").write_text(password or "unused")
        if os.geteuid() == 0:  # PostgreSQL will not run as root
            user = pwd.getpwnam("postgres")
            for path in self.folder, self.folder / "password":
                os.chown(path, user.pw_uid, user.pw_gid)
            self.owner = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups"]
        way = ["-A", "scram-sha-256", "--pwfile", self.folder / "password"] if password else ["-A", "trust"]
        subprocess.run([*self.owner, self.programs / "initdb", "-D", self.folder / "data", *way, "-U", ADMIN, "-N"], check=True, capture_output=True, cwd="/")
        self.port = next(filter(None, (self._started() for _ in range(5))), None)  # another program may take the port before it is used
        assert self.port, self.log()

    def _pg_ctl(self, *args):
        return subprocess.run([*self.owner, self.programs / "pg_ctl", "-D", self.folder / "data", *args], capture_output=True, cwd="/").returncode == 0

    def _started(self):
        port = free_port()
        return self.start(port) and port

    def start(self, port=None):
        options = " ".join([f"-p {port or self.port} -k {self.folder}", *(f"-c {name}={value}" for name, value in self.settings.items())])
        return self._pg_ctl("-o", options, "-l", self.folder / "log", "-t", str(PATIENCE_S), "-w", "start")

    def halt(self):
        assert self._pg_ctl("-m", "immediate", "stop")

    def stop(self):
        self._pg_ctl("-m", "immediate", "stop")
        shutil.rmtree(self.folder)

    def log(self):
        return (self.folder / "log").read_text()

    def env(self, user=ADMIN, password=None, dbname="postgres"):
        """What libpq needs to get in."""
        return {"PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGUSER": user, "PGDATABASE": dbname, "PGPASSWORD": password or self.password or ""}

    def psql(self, *statements, dbname="postgres", user=ADMIN, password=None, status=0):
        """What psql prints: a line for each row, columns by bars."""
        words = [word for statement in statements for word in ("-c", statement)]
        done = subprocess.run(["psql", "-qAtX", "-v", "ON_ERROR_STOP=1", *words], env={**os.environ, **self.env(user, password, dbname)}, capture_output=True, text=True)
        assert status is None or done.returncode == status, done
        return done.stdout.strip()

    @contextlib.contextmanager
    def session(self, **who):
        """A session that stays: a function that says its statements, of which the last answers with a line."""
        words = ["psql", "-qAtX", "-v", "ON_ERROR_STOP=1"]
        with subprocess.Popen(words, env={**os.environ, **self.env(**who)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as session:

            def ask(statements):
                session.stdin.write(statements + ";\n")
                session.stdin.flush()
                return session.stdout.readline().rstrip("\n")

            yield ask
            session.stdin.close()

    @contextlib.contextmanager
    def locked(self, table, dbname="postgres"):
        """Nobody else comes to the table meanwhile."""
        with self.session(dbname=dbname) as ask:
            assert ask(f"begin; lock table {table} in share mode; select 'held'") == "held"
            yield

    def provider(self, name="retail", **more):
        """The line under `providers:`."""
        settings = {"type": "postgres", "host": "127.0.0.1", "port": self.port, "user": ADMIN, "dbname": "postgres", **more}
        if self.password:
            settings.setdefault("password", self.password)
        return f"{name}: {{" + ", ".join(f"{key}: {value}" for key, value in settings.items()) + "}"
