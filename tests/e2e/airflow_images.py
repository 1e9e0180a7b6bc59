"""
Images for the containers of examples/airflow-ops/compose, under the names that it asks for, where no registry can be reached: Airflow from PyPI on Debian's Python, this machine's PostgreSQL,
and the small server that stands for Grafana. They begin with a Debian by debootstrap.
"""

import io
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import yaml
from machine import base
from support import ROOT

EXAMPLE = ROOT / "examples/airflow-ops/compose"
VENV, DESCRIPTION, HERE = ROOT / ".venv-airflow2", ROOT / ".cache/grafana-openapi", Path(__file__).parent
BASE = "weir-test/airflow:1"
LIBRARY = "usr/local/lib/python3.11/dist-packages"

# As the images of others do at their start.
AIRFLOW = "#!/usr/bin/python3\nimport sys\nfrom airflow.__main__ import main\nsys.exit(main())\n"
POSTGRES = """#!/bin/sh
set -eu
data=/var/lib/postgresql/data
as="setpriv --reuid postgres --regid postgres --init-groups"
chown postgres: "$data" && chmod 700 "$data"
if [ ! -s "$data/PG_VERSION" ]; then
    (umask 077 && printf '%s' "$POSTGRES_PASSWORD" > /tmp/password && chown postgres: /tmp/password)
    $as initdb -D "$data" -U "$POSTGRES_USER" --pwfile=/tmp/password -A scram-sha-256 --locale=C.UTF-8 -N
    rm /tmp/password
    echo 'host all all all scram-sha-256' >> "$data/pg_hba.conf"
    $as env PGPASSWORD="$POSTGRES_PASSWORD" sh -c "pg_ctl -w -D $data -l /tmp/log -o '-c listen_addresses=' start && createdb -U $POSTGRES_USER $POSTGRES_USER && pg_ctl -w -D $data stop"
fi
exec $as postgres -D "$data" -c 'listen_addresses=*'
"""
# It listens to the network, takes the password that it is told, and says what was wrong with what it was asked.
GRAFANA = """
import base64, os, threading
import grafana_server
from http.server import ThreadingHTTPServer

class Inside(grafana_server.GrafanaServer):
    def answer(self, method, path, headers, body):
        if path in ("/api/health", "/wrong"):
            return 200, self.wrong
        told = base64.b64encode(("admin:" + os.environ["GF_SECURITY_ADMIN_PASSWORD"]).encode()).decode()
        if headers.get("Authorization") != "Basic " + told:
            return 401, {"message": "who are you?"}
        return super().answer(method, path, {"Authorization": "Basic " + base64.b64encode(b"admin:hush-admin").decode()}, body)

grafana_server.ThreadingHTTPServer = lambda address, handler: ThreadingHTTPServer(("0.0.0.0", 3000), handler)
Inside(__import__("pathlib").Path("/description"))
threading.Event().wait()
"""
USER = "airflow:x:50000:0::/opt/airflow:/bin/bash"


def add_text(tar, name, text, mode=0o755):
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(text), mode
    tar.addfile(info, io.BytesIO(text.encode()))


def of_use(info):
    return None if info.name.startswith(f"{LIBRARY}/pip") else info  # compiled modules are: nobody else may write there


def put_airflow(tar):
    tar.add(VENV / "lib/python3.11/site-packages", LIBRARY, filter=of_use)
    home = tarfile.TarInfo("opt/airflow")
    home.type, home.mode, home.uid = tarfile.DIRTYPE, 0o755, 50000
    tar.addfile(home)
    add_text(tar, "usr/local/bin/airflow", AIRFLOW)


def put_postgres(tar):
    """As it lies here, with the libraries that its programs name."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
    share = Path("/usr/share/postgresql") / programs.parent.name
    linked = subprocess.run(["ldd", *programs.glob("*"), programs.parent / "lib/libpqwalreceiver.so"], capture_output=True, text=True).stdout
    for path in sorted({line.split("=>")[1].split()[0] for line in linked.splitlines() if "=> /" in line}):
        if not Path(path).name.startswith(("libc.so", "ld-linux")):
            tar.add(os.path.realpath(path), f"usr/lib/postgresql/libraries/{Path(path).name}")
    tar.add(programs, str(programs)[1:])
    tar.add(programs.parent / "lib", str(programs.parent / "lib")[1:], filter=lambda info: None if "bitcode" in info.name or "llvm" in info.name else info)
    tar.add(share, str(share)[1:])
    add_text(tar, "run-postgres", POSTGRES)


def put_grafana(tar):
    for folder in "models", "client":
        tar.add(DESCRIPTION / folder, f"description/{folder}")
    tar.add(HERE / "grafana_server.py", "grafana_server.py")
    tar.add("/bin/busybox", "usr/local/bin/wget")
    add_text(tar, "grafana.py", GRAFANA)


IMAGES = {
    "airflow": (put_airflow, f"RUN echo '{USER}' >> /etc/passwd"),
    "postgres": (put_postgres, "RUN useradd -m -d /var/lib/postgresql postgres && mkdir -p /var/run/postgresql && chown postgres: /var/run/postgresql\n"
                 'ENV LD_LIBRARY_PATH=/usr/lib/postgresql/libraries\nENTRYPOINT ["/run-postgres"]'),
    "grafana": (put_grafana, 'ENTRYPOINT ["python3", "/grafana.py"]'),
}


def make_images(engine):
    """In the Engine, by their names in the example."""
    names = yaml.safe_load((EXAMPLE / "weir.yaml").read_text())["inputs"]["images"]["default"]
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
    engine.docker("import", "-c", f"ENV PATH=/usr/local/bin:{programs}:/usr/bin:/usr/sbin:/bin", base(), BASE)
    for name, (put, line) in IMAGES.items():
        folder = engine.folder / name
        folder.mkdir()
        with tarfile.open(folder / "files.tar", "w") as tar:
            put(tar)
        (folder / "Dockerfile").write_text(f"FROM {BASE}\nADD files.tar /\n{line}\n")
        engine.docker("build", "-q", "--network", "none", "-t", names[name], folder)
        shutil.rmtree(folder)
    return names
