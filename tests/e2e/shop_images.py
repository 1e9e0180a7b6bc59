"""
Images for the containers of examples/ecommerce-lakehouse/host, under the names that it asks for, where no registry can be reached. Inside are: MinIO, built by Go; Kafka from
Maven Central, started by the program with which Kafka's own image reads its variables; Debian's PostgreSQL; the small servers that stand for Grafana and Metabase.
"""

import os
import shutil
from pathlib import Path

import yaml
from broker import LIBS
from machine import base
from support import ROOT

EXAMPLE = ROOT / "examples/ecommerce-lakehouse/host"
HERE = Path(__file__).parent
MINIO, DESCRIPTION = ROOT / ".cache/bin/minio", ROOT / ".cache/grafana-openapi"
BASE = "weir-test/shop:1"

# As the images of others do at their start.
KAFKA = """#!/bin/sh
set -eu
java="java -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1"
said=$($java -cp '/opt/kafka/libs/*' kafka.docker.KafkaDockerWrapper setup --default-configs-dir /etc/kafka/docker --mounted-configs-dir /mnt/shared/config --final-configs-dir /opt/kafka/config 2>&1) ||
    { echo "$said" | grep -qi "already formatted" || { echo "$said" >&2; exit 1; }; }
exec $java -cp '/opt/kafka/libs/*' kafka.Kafka /opt/kafka/config/server.properties
"""
POSTGRES = """#!/bin/sh
set -eu
data=/var/lib/postgresql/data
as="setpriv --reuid postgres --regid postgres --init-groups"
chown postgres: "$data" && chmod 700 "$data"
if [ ! -s "$data/PG_VERSION" ]; then
    (umask 077 && printf '%s' "$POSTGRES_PASSWORD" > /tmp/password && chown postgres: /tmp/password)
    $as initdb -D "$data" -U "$POSTGRES_USER" --pwfile=/tmp/password -A trust -N
    rm /tmp/password
    printf '%s\\n' 'local all all trust' 'host all all all scram-sha-256' > "$data/pg_hba.conf"
fi
exec $as postgres -D "$data" "$@"
"""
RUN = "COPY run /run.sh\nRUN chmod 755 /run.sh\nENTRYPOINT [\"/run.sh\"]\n"
# Which files an image has, and its Dockerfile.
IMAGES = {
    "minio": ({"minio": MINIO}, "COPY minio /usr/bin/minio\nENTRYPOINT [\"/usr/bin/minio\"]\n"),
    "kafka": ({"libs": LIBS, "run": KAFKA}, f"COPY libs /opt/kafka/libs\n{RUN}RUN mkdir -p /etc/kafka/docker /mnt/shared/config /opt/kafka/config /var/lib/kafka/data && cd /etc/kafka/docker && touch server.properties log4j.properties tools-log4j.properties\n"),
    "postgres": ({"run": POSTGRES}, f"ENV PATH=/usr/lib/postgresql/15/bin:/usr/bin:/bin\n{RUN}RUN mkdir -p /var/run/postgresql && chown postgres: /var/run/postgresql\n"),
    "grafana": ({"models": DESCRIPTION / "models", "client": DESCRIPTION / "client", "grafana_server.py": HERE / "grafana_server.py"},
                "COPY models /description/models\nCOPY client /description/client\nCOPY grafana_server.py /\nENTRYPOINT [\"python3\", \"/grafana_server.py\"]\n"),
    "metabase": ({"metabase_server.py": HERE / "metabase_server.py", "rest_server.py": HERE / "rest_server.py"}, "COPY *.py /\nENTRYPOINT [\"python3\", \"/metabase_server.py\"]\n"),
}


def linked(source, target):
    """The same file where that can be, else a copy."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def make_images(machine):
    """In the Engine of a machine; by their names in the example."""
    names = yaml.safe_load((EXAMPLE / "weir.yaml").read_text())["inputs"]["images"]["default"]
    folder = machine.root / "images"
    folder.mkdir()
    linked(base("-images"), folder / "base.tar")
    machine.run(f"docker import /images/base.tar {BASE}")
    for image, (files, lines) in IMAGES.items():
        (folder / image).mkdir()
        (folder / image / "Dockerfile").write_text(f"FROM {BASE}\n{lines}")
        for name, content in files.items():
            if isinstance(content, str):
                (folder / image / name).write_text(content)
            elif content.is_dir():
                shutil.copytree(content, folder / image / name, copy_function=linked)
            else:
                linked(content, folder / image / name)
        machine.run(f"docker build -q -t {names[image]} /images/{image}")
    shutil.rmtree(folder)
    return names
