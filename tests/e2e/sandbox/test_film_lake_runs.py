"""The film lake at work on the sandbox: the function looks up details at an API, Spark makes the tables, and the sums are those of plain Python."""

import csv
import http.server
import io
import json
import os
import shutil
import threading
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from servers import ROOT, JobSandbox

EXAMPLE = ROOT / "examples" / "film-lake"


def titles():
    """What the raw files say, one row a title."""
    rows = {}
    for name in ("movies", "series"):
        with open(EXAMPLE / "data" / f"{name}.csv", newline="") as file:
            for row in csv.DictReader(file, delimiter="|", quoting=csv.QUOTE_NONE):
                rows.setdefault(row["id"], {**row, "kind": "movie" if name == "movies" else "series"})
    return rows


@pytest.fixture
def api():
    """Knows every second title, and wants a token."""
    known = {title: {"id": title, "kind": row["kind"], "language": "en", "countries": ["GB"], "popularity": 1.5, "budget": 100, "revenue": 250}
             for number, (title, row) in enumerate(titles().items()) if number % 2}

    class Handler(http.server.BaseHTTPRequestHandler):
        asked = Counter()

        def do_GET(self):
            title = self.path.rpartition("/")[2]
            self.asked[title] += 1
            allowed = self.headers.get("Authorization") == "Bearer not-a-real-token"
            body = json.dumps(known.get(title, {})).encode()
            self.send_response(403 if not allowed else 200 if title in known else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield {"url": f"http://127.0.0.1:{server.server_port}/v1", "known": known, "asked": Handler.asked}
    server.shutdown()


def lake_on(server, folder):
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(".weir"))
    return server.stack(folder)


def test_details_are_looked_up_once(job_sandbox, tmp_path, api):
    lake = lake_on(job_sandbox, tmp_path / "lake")
    inputs = ["-i", "owner=films", "-i", f"api={api['url']}", "-i", "api_token=not-a-real-token", "-i", "nightly=false"]
    lake.apply(*inputs)
    lake.assert_settled(*inputs)
    result = lake.run("run", "details", "day=2026-11-21", *inputs)
    assert json.loads(result.out.strip().splitlines()[-1]) == {"looked_up": len(titles()), "found": len(api["known"])}
    s3 = job_sandbox.client()
    keys = [o["Key"] for o in s3.list_objects_v2(Bucket="films-film-lake", Prefix="RAW/API/")["Contents"]]
    assert keys and all(key.startswith("RAW/API/JSON/Details/2026/11/21/") for key in keys)
    lines = [json.loads(line) for key in keys for line in s3.get_object(Bucket="films-film-lake", Key=key)["Body"].read().splitlines()]
    assert {line["id"]: line for line in lines} == api["known"]
    # What was found is not asked for again; what was not may be known by now.
    assert json.loads(lake.run("run", "details", "day=2026-11-22", *inputs).out.strip().splitlines()[-1])["looked_up"] == len(titles()) - len(api["known"])
    assert all(api["asked"][title] == 1 for title in api["known"])
    # A wrong token fails the run, and its text is shown nowhere.
    lake.apply(*[text.replace("not-a-real-token", "wrong-token-9") for text in inputs])
    failed = lake.run("run", "details", *inputs, status=1)
    assert "403" in failed.out + failed.err and "wrong-token-9" not in failed.out + failed.err
    lake.destroy(*inputs)
    assert "films-film-lake" not in [b["Name"] for b in s3.list_buckets()["Buckets"]]


@pytest.mark.long
def test_spark_jobs_make_the_tables(tmp_path):
    spark = ROOT / ".venv-jobs"
    assert (spark / "jars" / ".done").exists(), "tools/setup jobs"
    before, JobSandbox.minute_s = JobSandbox.minute_s, 60
    server = JobSandbox(PATH=f"{spark}/bin:{os.environ['PATH']}", SPARK_HOME="", WEIR_SPARK_JARS=str(spark / "jars"))
    try:
        lake = lake_on(server, tmp_path / "lake")
        lake.apply("-i", "owner=films")
        for job in ("csv_to_trusted", "json_to_trusted", "trusted_to_refined"):
            lake.run("run", f'job["{job}"]', "-i", "owner=films")
        for key in ("fact_title", "dim_title", "dim_artist", "bridge_title_genre"):
            for item in server.client().list_objects_v2(Bucket="films-film-lake", Prefix=f"REFINED/{key}/")["Contents"]:
                if item["Key"].endswith(".parquet"):
                    path = tmp_path / "refined" / key / Path(item["Key"]).name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    server.client().download_file("films-film-lake", item["Key"], str(path))
        lake.destroy("-i", "owner=films")
    finally:
        server.stop()
        JobSandbox.minute_s = before
    check_tables(tmp_path / "refined", spark / "bin" / "python")


READ = """
import duckdb, json, sys
read = lambda name, what: duckdb.sql(f"select {what} from read_parquet('{sys.argv[1]}/{name}/*.parquet')").fetchall()
print(json.dumps({"genres": read("bridge_title_genre", "genre"), "facts": read("fact_title", "id, kind, decade, rating, profit, rank_in_decade"),
                  "titles": read("dim_title", "id, title, language"), "artists": read("dim_artist", "artist_id, artist_name")}))
"""


def check_tables(folder, python):
    import subprocess

    found = json.loads(subprocess.run([python, "-c", READ, folder], capture_output=True, text=True, check=True).stdout)
    rows = titles()
    details = {line["id"]: line for line in map(json.loads, (EXAMPLE / "data" / "details.jsonl").read_text().splitlines())}
    none = lambda text: None if text == "\\N" else text  # noqa: E731
    assert Counter(genre for (genre,) in found["genres"]) == Counter(g for row in rows.values() if none(row["genres"]) for g in row["genres"].split(","))
    assert {title: (name, language) for title, name, language in found["titles"]} == {
        title: (row["title"], details.get(title, {}).get("language")) for title, row in rows.items()}
    people = {}
    for name in ("movies", "series"):
        for row in csv.DictReader(io.StringIO((EXAMPLE / "data" / f"{name}.csv").read_text()), delimiter="|", quoting=csv.QUOTE_NONE):
            people[row["artist_id"]] = row["artist_name"]
    assert dict(found["artists"]) == people
    ranks = defaultdict(list)
    for title, kind, decade, rating, profit, rank in found["facts"]:
        money = details.get(title, {})
        year = none(rows[title].get("release_year") or rows[title].get("start_year"))
        assert kind == rows[title]["kind"] and decade == (int(year) // 10 * 10 if year else None)
        assert rating == (float(rows[title]["rating"]) if none(rows[title]["rating"]) else None)
        assert profit == (money["revenue"] - money["budget"] if money.get("revenue") and money.get("budget") else None)
        ranks[kind, decade].append((rank, -(rating or 0)))
    for places in ranks.values():
        places.sort()
        assert [rank for rank, _ in places] == list(range(1, len(places) + 1)) and [r for _, r in places] == sorted(r for _, r in places)
    assert len(found["facts"]) == len(rows)
