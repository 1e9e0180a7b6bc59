"""The film lake at work on the sandbox: the function asks a stand-in of the film API, Spark makes the tables, Athena shows them, and the figures are those of plain Python."""

import csv
import datetime
import json
import os
import shutil
import sys
from collections import defaultdict

import pytest
from servers import ROOT, JobSandbox

from support import until

sys.path.append(str(ROOT / "tests" / "tools"))
from film_api import FilmApi  # noqa: E402

EXAMPLE = ROOT / "examples" / "film-lake"
KEY = "not-a-real-key-27"
FILMS = json.loads((EXAMPLE / "data" / "tmdb.json").read_text())
SPARK = ROOT / ".venv-jobs"


@pytest.fixture
def api():
    api = FilmApi(FILMS, KEY, busy=2)
    yield api
    api.stop()


@pytest.fixture
def spark_sandbox():
    assert (SPARK / "jars" / ".done").exists(), "tools/setup jobs"
    before, JobSandbox.minute_s = JobSandbox.minute_s, 60
    server = JobSandbox(PATH=f"{SPARK}/bin:{os.environ['PATH']}", SPARK_HOME="", WEIR_SPARK_JARS=str(SPARK / "jars"))
    JobSandbox.minute_s = before
    yield server
    server.stop()


def lake_on(server, folder):
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(".weir"))
    return server.stack(folder)


def inputs(api, *more):
    return ["-i", "owner=films", "-i", f"api={api.url}", "-i", f"api_key={KEY}", *more]


def keys(server, prefix):
    return [o["Key"] for o in server.client().list_objects_v2(Bucket="films-film-lake", Prefix=prefix).get("Contents", [])]


def mailed(server):
    """A queue that gets what is mailed."""
    sqs = server.client("sqs")
    queue = sqs.create_queue(QueueName="mailbox")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    (topic,) = [t["TopicArn"] for t in server.client("sns").list_topics()["Topics"] if t["TopicArn"].endswith("films-film-lake-failures")]
    statement = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn, "Condition": {"ArnEquals": {"aws:SourceArn": topic}}}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]})})
    server.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return lambda: [json.loads(m["Body"]) for m in sqs.receive_message(QueueUrl=queue).get("Messages", [])]


def test_films_of_three_pages(job_sandbox, tmp_path, api):
    """Also: what goes wrong is mailed, and the key is shown nowhere."""
    lake = lake_on(job_sandbox, tmp_path / "lake")
    given = inputs(api, "-i", "nightly=false", "-i", "tables=false", "-i", "mail=ada@example.com")
    lake.apply(*given)
    lake.assert_settled(*given)
    today = datetime.datetime.now(datetime.timezone.utc).date()
    assert sorted(keys(job_sandbox, "RAW/")) == [f"RAW/Local/CSV/{kind}/{today.year}/{today.month}/{today.day}/{kind.lower()}.csv" for kind in ("Movies", "Series")]
    result = lake.run("run", "discover", "day=2026-11-02", *given)
    assert json.loads(result.out.strip().splitlines()[-1]) == {"films": 60, "key": "RAW/TMDB/JSON/2026/11/02/tmdb.json"}
    body = job_sandbox.client().get_object(Bucket="films-film-lake", Key="RAW/TMDB/JSON/2026/11/02/tmdb.json")["Body"].read()
    assert json.loads(body) == FILMS
    asked = [query["page"] for path, query in api.asked if path.endswith("/discover/movie")]
    assert sorted(asked) == ["1", "2", "3"] and len(api.asked) == 3 + 1 + 2

    # A wrong key: the function fails, the pipeline ends, and whoever has to know is told.
    wrong = [text.replace(KEY, "wrong-key-9") for text in given]
    lake.apply(*wrong)
    inbox = mailed(job_sandbox)
    failed = lake.run("run", "nightly", "day=2026-11-03", *wrong, status=1)
    (mail,) = until(inbox)
    assert mail["Subject"] == "films-film-lake failed" and "/genre/movie/list: HTTP 401" in mail["Message"] and "2026-11-03" in mail["Message"]
    assert "HTTP 401" in failed.err
    assert "wrong-key-9" not in failed.out + failed.err + mail["Message"]
    lake.destroy(*wrong)
    assert "films-film-lake" not in [b["Name"] for b in job_sandbox.client().list_buckets()["Buckets"]]


def expected():
    """The refined tables from the files alone, without Spark and SQL."""
    none = "\\N"
    unused = {"artist_gender", "character", "birth_year", "death_year", "end_year"}
    films = {}
    for name in ("movies", "series"):
        with open(EXAMPLE / "data" / f"{name}.csv", newline="") as file:
            for row in csv.DictReader(file, delimiter="|", quoting=csv.QUOTE_NONE):
                row = {column: text for column, text in row.items() if column not in unused}
                if none not in row.values() and "Horror" in row["genres"].split(","):
                    films.setdefault(row["id"], row)
    horror = [film for film in FILMS if "Horror" in film["genres"]]
    joined = []
    for film in films.values():
        for other in (other for other in horror if other["title"] == film["title"]):
            year = int(film.get("release_year") or film["start_year"])
            joined.append({"id": film["id"], "tmdb_id": other["id"], "title": film["title"], "release_year": year, "release_date": other["release_date"] or None,
                           "rating": float(film["rating"]), "votes": int(film["votes"]), "popularity": other["popularity"]})
    best = defaultdict(lambda: (0, 0.0))
    for row in joined:
        key = row["release_year"], row["title"]
        best[key] = max(best[key][0], row["votes"]), max(best[key][1], row["popularity"])
    aggregated = [{"release_year": year, "title": title, "max_votes": votes, "max_popularity": popularity} for (year, title), (votes, popularity) in best.items()]
    pick = lambda *names: [{name: row[name] for name in names} for row in joined]  # noqa: E731
    return {"dim_nome_filme": pick("id", "tmdb_id", "title"), "fact_popularidade": pick("id", "tmdb_id", "rating", "votes", "popularity"),
            "dim_tempo": pick("id", "tmdb_id", "release_year", "release_date"), "joined_df": joined, "aggregated_order_df": aggregated}


def rows(athena, query, database):
    run = athena.start_query_execution(QueryString=query, QueryExecutionContext={"Database": database}, WorkGroup="films-film-lake")["QueryExecutionId"]
    ended = until(lambda: (found := athena.get_query_execution(QueryExecutionId=run)["QueryExecution"]["Status"])["State"] in ("SUCCEEDED", "FAILED") and found)
    assert ended["State"] == "SUCCEEDED", (query, ended)
    head, *body = [[cell.get("VarCharValue") for cell in row["Data"]] for row in athena.get_query_results(QueryExecutionId=run)["ResultSet"]["Rows"]]
    return [dict(zip(head, row)) for row in body]


def same(found, wanted):
    text = lambda value: float(value) if value is not None and not isinstance(value, str) else value  # noqa: E731
    number = lambda value, like: float(value) if value is not None and not isinstance(like, str) else value  # noqa: E731
    wanted = [{name: text(value) for name, value in row.items()} for row in wanted]
    found = [{name: number(value, wanted[0][name]) if name != "release_date" else value for name, value in row.items()} for row in found]
    order = lambda row: json.dumps(row, sort_keys=True)  # noqa: E731
    return sorted(found, key=order) == sorted(wanted, key=order)


@pytest.mark.long
def test_from_raw_files_to_refined_tables(spark_sandbox, tmp_path, api):
    lake = lake_on(spark_sandbox, tmp_path / "lake")
    given = inputs(api)
    lake.apply(*given)
    lake.assert_settled(*given)
    (schedule,) = spark_sandbox.client("scheduler").list_schedules()["Schedules"]
    assert schedule["Name"] == "films-film-lake" and ":stateMachine:" in schedule["Target"]["Arn"]
    lake.run("run", "nightly", "day=2026-11-20", *given)

    athena, wanted = spark_sandbox.client("athena"), expected()
    assert len(wanted["joined_df"]) == 10 and len(wanted["aggregated_order_df"]) == 8  # two films were made twice
    for name, table in wanted.items():
        assert same(rows(athena, f"SELECT * FROM {name}", "refined"), table), name
        if name in ("dim_nome_filme", "fact_popularidade", "dim_tempo"):  # Athena's own view of the trusted tables says the same
            assert same(rows(athena, f"SELECT * FROM {name}", "trusted"), table), name
        assert any(key.endswith(".parquet") for key in keys(spark_sandbox, f"REFINED/{name}/"))
    assert rows(athena, "SELECT count(*) AS n, count(DISTINCT id) AS ids FROM tb_json WHERE dia = '2026-11-20'", "trusted") == [{"n": "59", "ids": "59"}]
    assert keys(spark_sandbox, "TRUSTED/TMDB/JSON/2026/11/20/")

    # The next night: the newest day counts, the other stays.
    api.films = [{**film, "popularity": film["popularity"] + 1} for film in api.films]
    lake.run("run", "nightly", "day=2026-11-21", *given)
    (total,) = rows(athena, "SELECT count(*) AS n, sum(max_popularity) AS p FROM refined.aggregated_order_df", "trusted")
    assert int(total["n"]) == 8 and float(total["p"]) == pytest.approx(sum(row["max_popularity"] for row in wanted["aggregated_order_df"]) + 8)
    assert rows(athena, "SELECT count(DISTINCT dia) AS days FROM tb_json", "trusted") == [{"days": "2"}]

    # A job's code alone is deployed, runs, and goes back.
    script = lake.folder / "jobs" / "csv_to_trusted.py"
    script.write_text(script.read_text().replace('"Horror"', '"Drama"'))
    lake.run("deploy", "-y", 'job["csv_to_trusted"]', *given)
    lake.run("run", 'job["csv_to_trusted"]', *given)
    assert rows(athena, "SELECT count(*) AS n FROM tb_csv WHERE genres LIKE '%Drama%'", "trusted") != [{"n": "0"}]
    lake.run("rollback", "-y", 'job["csv_to_trusted"]', *given)
    lake.run("run", 'job["csv_to_trusted"]', *given)
    assert rows(athena, "SELECT count(*) AS n FROM tb_csv", "trusted") == [{"n": "9"}]

    lake.destroy(*given)
    glue = spark_sandbox.client("glue")
    assert not glue.get_databases()["DatabaseList"] and not glue.get_jobs()["Jobs"] and not spark_sandbox.client("stepfunctions").list_state_machines()["stateMachines"]
    assert "films-film-lake" not in [b["Name"] for b in spark_sandbox.client().list_buckets()["Buckets"]]
