"""The music lakehouse's source on real engines: its table made and filled through the bastion in the same apply, and read out of the private database by the job."""

import csv
import json
import os
import shutil

import pytest
from servers import ROOT, SandboxCloud
from sshd import keygen

from support import example

SPARK = ROOT / ".venv-jobs"
PATHS = os.environ["PATH"] + ":/usr/sbin:/sbin"
SONGS = ROOT / "examples/music-lakehouse/data/rds/songs.csv"
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(os.geteuid() != 0 or not all(shutil.which(name, path=PATHS) for name in ("ip", "sshd", "nsenter", "unshare", "iptables", "psql")),
                       reason="hosts and databases take root, iproute2, iptables, openssh-server, postgresql (tools/setup engines)"),
]


def test_from_the_file_to_the_landing_zone(tmp_path):
    assert (SPARK / "jars" / ".done").exists(), "tools/setup jobs"
    import duckdb

    key = keygen(tmp_path / "key")
    cloud = SandboxCloud(tmp_path / "sandbox", PATH=f"{SPARK}/bin:{PATHS}", SPARK_HOME="", WEIR_SPARK_JARS=str(SPARK / "jars"), MINUTE_MS="60000")
    try:
        system = example("music-lakehouse", tmp_path / "music", cloud)
        system.patience_s = 900
        given = ["-i", "owner=ada", "-i", "nightly=false", "-i", f"key={key}", "-i", f"public_key={key.with_suffix('.pub').read_text().strip()}"]
        made = system.apply(*given)
        system.assert_settled(*given)
        outputs = json.loads(system.run("output", "--json", *given).out)
        with SONGS.open(newline="") as file:
            songs = sorted(tuple(int(value) if value.isdigit() else value for value in row) for row in list(csv.reader(file))[1:])
        assert outputs["song_count"] == len(songs)
        (secret,) = [item for item in cloud.client("secretsmanager").list_secrets()["SecretList"] if item["Name"].startswith("rds!")]
        password = json.loads(cloud.client("secretsmanager").get_secret_value(SecretId=secret["ARN"])["SecretString"])["password"]
        assert password not in made.out + made.err + system.state_text()

        system.run("run", "ingest_rds/job", *given)
        s3, landed = cloud.client("s3"), []
        for item in s3.list_objects_v2(Bucket="ada-music-landing", Prefix="rds/songs/")["Contents"]:
            if item["Key"].endswith(".parquet"):
                s3.download_file("ada-music-landing", item["Key"], str(tmp_path / "part.parquet"))
                landed += duckdb.execute("select * from read_parquet(?)", [str(tmp_path / "part.parquet")]).fetchall()
        assert sorted(landed) == songs

        # A song more: the table is filled anew, nothing else is touched.
        with (system.folder / "data/rds/songs.csv").open("a") as file:
            file.write("81,Late Train,Train I,10,The Slow Rivers,200,jazz\n")
        assert system.plan(*given) == {"song_rows": "update"}
        system.apply(*given)
        assert json.loads(system.run("output", "--json", *given).out)["song_count"] == len(songs) + 1
        system.destroy(*given)
        assert s3.list_buckets()["Buckets"] == [] and not cloud.client("rds").describe_db_instances()["DBInstances"]
    finally:
        cloud.stop()
