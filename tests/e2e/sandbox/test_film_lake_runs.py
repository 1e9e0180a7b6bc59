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
NUMBERS = {"notamedia", "numerovotos", "popularity", "anolancamento", "maior_numero_votos_por_ano", "maior_popularidade_por_ano"}


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


def parquet(server, prefix, folder):
    """The rows of the one file below a prefix, in its order; names in lower case, as the catalog has them."""
    import duckdb

    (key,) = [key for key in keys(server, prefix) if key.endswith(".parquet")]
    (folder / "of.parquet").write_bytes(server.client().get_object(Bucket="films-film-lake", Key=key)["Body"].read())
    with duckdb.connect() as base:
        found = base.execute("select * from read_parquet(?)", [str(folder / "of.parquet")])
        names = [column[0].lower() for column in found.description]
        return [dict(zip(names, row)) for row in found.fetchall()]


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


@pytest.mark.full
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


def expected(files, films):
    """The refined tables from the files alone, the oldest first, without Spark and SQL."""
    unused = {"anoFalecimento", "profissao", "titulosMaisConhecidos", "personagem", "anoTermino"}
    trusted = {}
    for path in files:
        of_file = {}
        for row in csv.DictReader(path.read_text().splitlines(), delimiter="|", quoting=csv.QUOTE_NONE):
            row = {column: text for column, text in row.items() if column not in unused and not column.startswith("new")}
            if not {"\\N", ""} & set(row.values()) and row["anoNascimento"].isdigit() and "Horror" in row["genero"].split(","):
                of_file.setdefault(row["id"], row)
        trusted |= of_file
    horror = [film for film in films if "Horror" in (film["genres"] or [])]
    joined = []
    for film in trusted.values():
        for other in (other for other in horror if other["title"] == film["tituloPincipal"]):
            joined.append({"id_csv": film["id"], "id_json": other["id"], "titulopincipal": film["tituloPincipal"], "genero": film["genero"], "notamedia": float(film["notaMedia"]),
                           "numerovotos": int(film["numeroVotos"]), "popularity": other["popularity"], "anolancamento": int(film["anoLancamento"]), "release_date": other["release_date"] or None,
                           "overview": other["overview"]})
    best = defaultdict(lambda: (0, 0.0))
    for row in joined:
        key = row["anolancamento"], row["titulopincipal"]
        best[key] = max(best[key][0], row["numerovotos"]), max(best[key][1], row["popularity"])
    aggregated = [{"anolancamento": year, "titulopincipal": title, "maior_numero_votos_por_ano": votes, "maior_popularidade_por_ano": popularity} for (year, title), (votes, popularity) in best.items()]
    aggregated.sort(key=lambda row: (row["anolancamento"], row["maior_popularidade_por_ano"], row["maior_numero_votos_por_ano"]), reverse=True)
    pick = lambda *names: [{name: row[name] for name in names} for row in joined]  # noqa: E731
    return {"dim_nome_filme": pick("id_csv", "id_json", "titulopincipal", "genero", "overview"), "fact_popularidade": pick("id_csv", "id_json", "notamedia", "numerovotos", "popularity"),
            "dim_tempo": pick("id_csv", "id_json", "anolancamento", "release_date"), "joined_df": pick(*(name for name in joined[0] if not name.startswith("id_"))), "aggregated_order_df": aggregated}


def rows(athena, query, database):
    run = athena.start_query_execution(QueryString=query, QueryExecutionContext={"Database": database}, WorkGroup="films-film-lake")["QueryExecutionId"]
    ended = until(lambda: (found := athena.get_query_execution(QueryExecutionId=run)["QueryExecution"]["Status"])["State"] in ("SUCCEEDED", "FAILED") and found)
    assert ended["State"] == "SUCCEEDED", (query, ended)
    head, *body = [[cell.get("VarCharValue") for cell in row["Data"]] for row in athena.get_query_results(QueryExecutionId=run)["ResultSet"]["Rows"]]
    return [dict(zip(head, row)) for row in body]


def as_texts(table):
    """As Athena shows it; numbers as floats, because it says 6.0 where Python has 6."""
    return [{name: float(value) if name in NUMBERS else None if value is None else str(value) for name, value in row.items()} for row in table]


def same(found, wanted):
    order = lambda row: json.dumps(row, sort_keys=True)  # noqa: E731
    return sorted(as_texts(found), key=order) == sorted(as_texts(wanted), key=order)


@pytest.mark.long
def test_from_raw_files_to_refined_tables(spark_sandbox, tmp_path, api):
    lake = lake_on(spark_sandbox, tmp_path / "lake")
    given = inputs(api)
    lake.apply(*given)
    lake.assert_settled(*given)
    (schedule,) = spark_sandbox.client("scheduler").list_schedules()["Schedules"]
    assert schedule["Name"] == "films-film-lake" and ":stateMachine:" in schedule["Target"]["Arn"]
    lake.run("run", "nightly", "day=2026-11-20", *given)

    data = lake.folder / "data"
    athena, wanted = spark_sandbox.client("athena"), expected([data / "movies.csv", data / "series.csv"], FILMS)
    assert len(wanted["joined_df"]) == 12 and len(wanted["aggregated_order_df"]) == 10  # two films were made twice
    assert {'"The Pale Stairs', 'Ünder "The" Night, 夜'} <= {row["titulopincipal"] for row in wanted["joined_df"]}

    def check(wanted):
        for name, table in wanted.items():
            assert same(rows(athena, f"SELECT * FROM {name}", "refined"), table), name
            written = parquet(spark_sandbox, f"REFINED/{name}/", tmp_path)
            assert list(written[0]) == list(table[0]), name
            if name in ("dim_nome_filme", "fact_popularidade", "dim_tempo"):  # Athena's own view of the trusted tables says the same
                assert same(rows(athena, f"SELECT * FROM {name}", "trusted"), table), name
            if name == "aggregated_order_df":
                assert as_texts(written) == as_texts(table)  # in its order

    check(wanted)
    assert rows(athena, "SELECT count(*) AS n, count(DISTINCT id) AS ids FROM tb_json WHERE dia = '2026-11-20'", "trusted") == [{"n": "59", "ids": "59"}]
    assert keys(spark_sandbox, "TRUSTED/TMDB/JSON/2026/11/20/")

    # The next day has other files: a column more and in another place, a film with other votes, one that is new, one that lacks something, one in both files, and spaces around.
    day = spark_sandbox.client()
    lines = ["new|id|tituloPincipal|tituloOriginal|anoLancamento|tempoMinutos|genero|notaMedia|numeroVotos|generoArtista|personagem|nomeArtista|anoNascimento|anoFalecimento|profissao|titulosMaisConhecidos",
             'x|tt0299001|"The Pale Stairs|"The Pale Stairs|2009|97|Horror|6.2|1300|male|A "Ghost"|Olaf Grubaric|1971|\\N|actor|\\N',
             "|tt0299003|The Crimson Tenant|\\x\"|2019|90|Drama,Horror|3.3|7|female|\\N|Ida Quist|1990|\\N|director|\\N",
             "|tt0299004|The Ninth Tenant|x|2019|90|Horror|3.3|7|female|\\N|Ida Quist|unknown|\\N|director|\\N",
             "|tt0299005|The Ninth Tenant|x|2019|90|Horror|3.3||female|\\N|Ida Quist|1990|\\N|director|\\N",
             "|tt0299006|The Ninth Tenant|x|2019|90|Horrors|3.3|9|female|\\N|Ida Quist|1990|\\N|director|\\N"]
    files = []
    for number, text in enumerate(("\n".join(lines) + "\n", (data / "series.csv").read_text(), "")):
        (file := tmp_path / f"{number}.csv").write_text(text)
        day.put_object(Bucket="films-film-lake", Key=f"RAW/Local/CSV/{'Series' if number == 1 else 'Movies'}/2030/1/{number + 1}/{number}.csv", Body=file.read_bytes())
        files.append(file)

    # The next night: the newest day counts, the other stays. A film comes twice, one has no genres, one no title.
    changed = [{**film, "popularity": film["popularity"] + 1} for film in FILMS]
    changed += [{**changed[0], "popularity": 0.5}, {**changed[1], "id": 1, "title": None}, {**changed[1], "id": 2, "genres": [], "genre_ids": []}]
    api.films = changed
    lake.run("run", "nightly", "day=2026-11-21", *given)
    wanted = expected([data / "movies.csv", data / "series.csv", *files], changed[:60])
    assert len(wanted["joined_df"]) == 13 and any(row["numerovotos"] == 1300 for row in wanted["fact_popularidade"])
    check(wanted)
    assert rows(athena, "SELECT count(DISTINCT dia) AS days FROM tb_json", "trusted") == [{"days": "2"}]

    # A night without films leaves the model as it is.
    api.films = []
    lake.run("run", "nightly", "day=2026-11-22", *given)
    check(wanted)

    # A job's code alone is deployed, runs, and goes back.
    script = lake.folder / "jobs" / "csv_to_trusted.py"
    script.write_text(script.read_text().replace('"Horror"', '"Drama"'))
    ((horror,),) = [row.values() for row in rows(athena, "SELECT count(*) AS n FROM tb_csv", "trusted")]
    lake.run("deploy", "-y", 'job["csv_to_trusted"]', *given)
    lake.run("run", 'job["csv_to_trusted"]', *given)
    assert rows(athena, "SELECT count(*) AS n FROM tb_csv WHERE genero LIKE '%Drama%'", "trusted") != [{"n": "0"}]
    lake.run("rollback", "-y", 'job["csv_to_trusted"]', *given)
    lake.run("run", 'job["csv_to_trusted"]', *given)
    assert rows(athena, "SELECT count(*) AS n FROM tb_csv", "trusted") == [{"n": horror}]

    lake.destroy(*given)
    glue = spark_sandbox.client("glue")
    assert not glue.get_databases()["DatabaseList"] and not glue.get_jobs()["Jobs"] and not spark_sandbox.client("stepfunctions").list_state_machines()["stateMachines"]
    assert "films-film-lake" not in [b["Name"] for b in spark_sandbox.client().list_buckets()["Buckets"]]
