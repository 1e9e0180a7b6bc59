"""`checks:`: asked after an apply, of what servers answer and of outputs."""

import http.server
import json
import signal
import socket
import threading
import urllib.request

import pytest

from pg import Postgres
from support import PATIENCE_S

ANSWER = """
    stack: checked
    inputs: {want: {type: number, default: 200}, url: {type: string}}
    providers: {http: {url: "${inputs.url}"}}
    resources: {kept: {type: weir.value, value: x}}
    outputs: {kept: "${kept.value}"}
    checks:
      answers:
        data: {page: {type: http.response, path: "/health?full=1"}}
        require: ${page.status == inputs.want && page.json.ok && page.response_headers["x-who"] == "me"}
        message: the page has status ${page.status}
      has_output:
        require: ${outputs.kept == "x"}
        message: it is ${outputs.kept}
        level: error
"""


@pytest.fixture
def site():
    """A server that counts, and answers as it is told to."""
    class Site(http.server.BaseHTTPRequestHandler):
        asked, status, statuses = [], 200, []

        def do_GET(self):
            self.asked.append(self.path)
            body = b'{"ok": true}'
            self.send_response(Site.statuses.pop(0) if Site.statuses else Site.status)
            for name, value in (("X-Who", "me"), ("Content-Length", str(len(body)))):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Site.url = f"http://127.0.0.1:{server.server_port}"
    yield Site
    server.shutdown()


@pytest.fixture
def postgres():
    server = Postgres(fsync="off")
    yield server
    server.stop()


def checks(result):
    return [(e["rule"], e["level"], e["outcome"], e.get("message")) for e in result.events() if e["event"] == "rule" and e["outcome"] != "waits"]


def test_a_url_answers(local_stack, site):
    """Nothing is read for a plan; after the apply all is said, also where there was nothing to apply."""
    local_stack.write(ANSWER)
    url = ("-i", f"url={site.url}")
    local_stack.run("plan", *url)
    assert site.asked == []
    done = local_stack.run("apply", "--yes", *url)
    assert "Checks:\n  kept  checks.answers\n  kept  checks.has_output\n" in done.out and site.asked == ["/health?full=1"], done
    again = local_stack.run("apply", "--yes", "--json", *url)
    assert checks(again) == [("checks.answers", "warning", "kept", None), ("checks.has_output", "error", "kept", None)]
    assert again.events()[-1]["event"] == "result" and len(site.asked) == 2
    assert "checks.answers" in local_stack.run("rules", *url).out
    local_stack.run("destroy", "--yes", *url)
    assert len(site.asked) == 2


def test_a_plan_names_them_and_the_history_keeps_what_they_said(local_stack, site):
    """In every form of a plan, and of a saved one. An apply that asks them is a run, also if it changes nothing."""
    url = ("-i", f"url={site.url}")
    local_stack.write(ANSWER.replace('== "x"}', '== "z"}'))
    named = "asked after apply  checks.answers: a check of what is there then (weir.yaml:8)"
    assert named in local_stack.run("plan", *url, "-o", "it.plan").out and named in local_stack.run("show", "it.plan").out
    assert [(e["rule"], e["level"], e["outcome"]) for e in local_stack.run("plan", *url, "--json").events() if e["event"] == "rule"] == [("checks.answers", "warning", "waits"), ("checks.has_output", "error", "waits")]
    assert "| `checks.answers` | asked after apply |" in local_stack.run("plan", *url, "--format", "markdown").out
    assert "asked after apply  checks.answers" in local_stack.run("plan", *url, "--format", "html").out
    assert site.asked == []
    local_stack.run("apply", "--yes", *url, status=1)
    site.status = 404
    local_stack.run("apply", "--yes", *url, status=1)  # changes nothing
    run, later = [e for e in local_stack.run("history", "--json").events() if e["event"] == "run"]
    assert run["status"] == "done" and run["checks"] == {"checks.answers": "kept", "checks.has_output": "broken"}
    assert later["status"] == "done" and later["checks"] == {"checks.answers": "broken", "checks.has_output": "broken"}
    told = local_stack.run("history").out
    assert "1 created, 1 of 2 checks kept" in told and "nothing changed, 0 of 2 checks kept" in told
    assert "\n         kept    checks.answers\n         broken  checks.has_output\n" in local_stack.run("history", run["run"]).out
    assert "1 of 2 checks kept</td>" in local_stack.run("history", "--format", "html").out
    gone = local_stack.run("destroy", "--yes", *url)
    assert "checks." not in gone.out and [("checks" in e) for e in local_stack.run("history", "--json").events() if e["event"] == "run"] == [True, True, False]


def test_a_failed_check_warns_or_fails(local_stack, site):
    """A warning is only said; an error is one, and what was applied stays."""
    local_stack.write(ANSWER)
    site.status = 404
    said = local_stack.run("apply", "--yes", "-i", f"url={site.url}")
    assert "  warning  checks.answers: the page has status 404 (weir.yaml:8)" in said.out, said
    local_stack.write(ANSWER.replace("message: the page", "level: error\n        message: the page"))
    failed = local_stack.run("apply", "--yes", "-i", f"url={site.url}", status=1)
    assert "  error  checks.answers: the page has status 404 (weir.yaml:8)" in failed.out and "1 check failed: checks.answers" in failed.err, failed
    assert local_stack.addresses() == ["kept"]
    local_stack.write(ANSWER.replace('"x"}', '"y"}'))
    assert "checks.has_output: it is x" in local_stack.run("apply", "--yes", "-i", f"url={site.url}", status=1).out
    site.status = 200
    assert checks(local_stack.run("apply", "--yes", "-i", f"url={site.url}", "--json", status=1)) == [("checks.answers", "warning", "kept", None), ("checks.has_output", "error", "broken", "it is x")]


@pytest.mark.full
def test_what_cannot_be_asked_is_not_kept(local_stack, site):
    """Nobody listens: that is a failed check, not a failed apply. A mistake in a check is an error."""
    local_stack.write(ANSWER)
    said = local_stack.run("apply", "--yes", "-i", "url=http://127.0.0.1:1")
    assert "  warning  checks.answers: reading data page: " in said.out and "kept  checks.has_output" in said.out, said
    local_stack.write(ANSWER.replace('${outputs.kept == "x"}', "${outputs.kept}").replace("level: error", "level: warning"))
    said = local_stack.run("apply", "--yes", "-i", f"url={site.url}", status=1)
    assert "is true or false, not a string" in said.out


def test_what_needs_a_while_is_asked_again(local_stack, site):
    """Until it is kept, or the time is up."""
    local_stack.write(ANSWER.replace("message: the page", "within: 60s\n        message: the page"))
    site.statuses = [404, 503, 404]
    assert "kept  checks.answers" in local_stack.run("apply", "--yes", "-i", f"url={site.url}").out and len(site.asked) == 4
    site.status = 404
    local_stack.write(ANSWER.replace("message: the page", "within: 1s\n        message: the page"))
    assert "warning  checks.answers: the page has status 404" in local_stack.run("apply", "--yes", "-i", f"url={site.url}").out and len(site.asked) > 6


def test_a_query_returns_rows(local_stack, postgres):
    local_stack.write(f"""
    stack: checked
    providers: {{postgres: {{host: 127.0.0.1, port: {postgres.port}, user: weir}}}}
    resources:
      films: {{type: postgres.table, name: films, columns: [{{name: title, type: text}}]}}
    checks:
      has_films:
        data:
          films_now: {{type: postgres.query, query: "select count(*) as n, current_setting('transaction_read_only') as ro from ${{films.name}};"}}
        require: ${{films_now.rows[0].n >= 1 && films_now.rows[0].ro == "on"}}
        message: there are ${{films_now.rows[0].n}} films
      wrong:
        data: {{none: {{type: postgres.query, query: select * from nowhere}}}}
        require: ${{length(none.rows) == 0}}
        message: x
    """)
    said = local_stack.run("apply", "--yes").out
    assert "warning  checks.has_films: there are 0 films" in said and 'relation "nowhere" does not exist' in said, said
    postgres.psql("insert into films values ('Alien')")
    assert "kept  checks.has_films" in local_stack.run("apply", "--yes").out
    local_stack.run("destroy", "--yes")


def test_a_check_has_its_data_for_itself(local_stack):
    local_stack.write(ANSWER.replace('${outputs.kept == "x"}', "${page.status == 200}").replace("${kept.value}", "${page.text}"))
    said = local_stack.run("validate", "-i", "url=http://127.0.0.1:1", status=3).err
    assert said.count('unknown name "page"') == 2, said


def test_checks_of_a_module(local_stack):
    """Its own names, and its outputs; none where the module is left out."""
    local_stack.write("""
    inputs: {value: {type: string}}
    resources: {it: {type: weir.value, value: "${inputs.value}"}}
    outputs: {it: "${it.value}"}
    checks: {same: {require: "${it.value == outputs.it && inputs.value != 'b'}", message: "not ${inputs.value}", level: error}}
    """, "lab/weir.yaml")
    failed = local_stack.write("""
    stack: checked
    modules:
      a: {source: ./lab, value: a}
      b: {source: ./lab, value: b}
      c: {source: ./lab, value: b, when: false}
    """).run("apply", "--yes", status=1)
    assert "kept  a/checks.same" in failed.out and "error  b/checks.same: not b" in failed.out and "c/checks.same" not in failed.out, failed


def test_checks_of_a_fleet(local_stack):
    """Each member is asked: a broken one fails that member, a warning names it."""
    local_stack.write("""
    stack: class
    inputs: {who: {type: string}, max: {type: number, default: 3}}
    fleet: {each: [ada, bob, zoe], inputs: {who: "${each.key}"}}
    resources: {it: {type: weir.value, value: "${inputs.who}"}}
    outputs: {it: "${it.value}"}
    checks:
      not_bob: {require: "${outputs.it != 'bob'}", message: it is bob, level: error}
      not_zoe: {require: "${outputs.it != 'zoe'}", message: it is zoe}
    """)
    failed = local_stack.run("fleet", "apply", "--yes", status=1)
    assert "warning: zoe: checks.not_zoe: it is zoe" in failed.out + failed.err and "1 check failed: checks.not_bob: it is bob" in failed.err, failed
    again = local_stack.run("fleet", "apply", "--yes", "--json", status=1)  # nothing to apply, and yet asked
    assert {(e["member"], e["rule"], e["outcome"]) for e in again.events() if e["event"] == "rule" and e["outcome"] != "waits"} == {(who, f"checks.not_{no}", "broken" if who == no else "kept") for who in ("ada", "bob", "zoe") for no in ("bob", "zoe")}
    runs = [e for e in local_stack.run("history", "--json", "-e", "bob").events() if e["event"] == "run"]
    assert [one["checks"]["checks.not_bob"] for one in runs] == ["broken", "broken"]


def test_checks_are_no_changes_among_all_stacks(local_stack):
    """In the comment for a pull request: a row, and no plan in full."""
    for name in ("a", "b"):
        local_stack.write(f"stack: {name}\nresources: {{it: {{type: weir.value, value: x}}}}\nchecks: {{same: {{require: \"${{it.value == 'x'}}\", message: it is not}}}}\n", f"{name}/weir.yaml")
    local_stack.run("apply", "-C", "a", "--yes")
    shown = local_stack.run("plan", "--all", "--format", "markdown").out
    assert "| `a` | | | | | no changes |" in shown and shown.count("asked after apply") == 2 and "### weir plan: b" in shown and "### weir plan: a" not in shown, shown


def test_a_test_of_the_stack_asks_them(local_stack):
    local_stack.write("stack: checked\nresources: {it: {type: weir.value, value: x}}\nchecks: {same: {require: \"${it.value == 'y'}\", message: it is not y, level: error}}\n")
    local_stack.write("name: it\nplan: {create: 1}\n", "tests/it.yaml")
    failed = local_stack.run("test", status=1)
    assert "1 check failed: checks.same: it is not y" in failed.out, failed
    local_stack.write((local_stack.folder / "weir.yaml").read_text().replace("== 'y'", "== 'x'")).run("test")


def test_an_interrupted_check_ends(local_stack, tmp_path):
    """Somebody who does not want to wait for a server that says nothing need not."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        local_stack.write(ANSWER)
        running = local_stack.start("apply", "--yes", "-i", f"url=http://127.0.0.1:{mute.getsockname()[1]}")
        connection, _ = mute.accept()
        running.send_signal(signal.SIGINT)
        said = running.communicate(timeout=PATIENCE_S)
        connection.close()
    assert running.returncode == 130 and "warning  checks.answers" in said[0], said


def test_athena_returns_rows(stack, cloud):
    """The query is run after the apply, and its rows are waited for; moto answers with what it was told."""
    rows = [{"Data": [{"VarCharValue": "n"}, {"VarCharValue": "kind"}]}, {"Data": [{"VarCharValue": "7"}, {"VarCharValue": "film"}]}]
    body = {"account_id": "123456789012", "region": "us-east-1", "results": [{"rows": rows, "column_info": [{"Name": "n", "Type": "bigint"}, {"Name": "kind", "Type": "varchar"}]}]}
    request = urllib.request.Request(f"{cloud.url}/moto-api/static/athena/query-results", json.dumps(body).encode(), {"Content-Type": "application/json"})
    urllib.request.urlopen(request).close()
    stack.write("""
    stack: checked
    resources:
      lake: {type: aws.s3.bucket, name: checked-results}
    checks:
      films:
        data: {counted: {type: aws.athena.query, database: films, query: "select n, kind from ${lake.name}", output_location: "s3://${lake.name}/out"}}
        require: ${tonumber(counted.rows[0].n) == 7 && counted.rows[0].kind == "film" && length(counted.rows) == 1}
        message: "rows: ${jsonencode(counted.rows)}"
        level: error
    """)
    cloud.forget_requests()
    assert "kept  checks.films" in stack.apply().out
    assert [call.split(".")[-1] for call in cloud.requests() if "Query" in call] == ["StartQueryExecution", "GetQueryExecution", "GetQueryResults"]
    needs = stack.run("policy").out
    assert all(f"athena:{call}" in needs for call in ("StartQueryExecution", "GetQueryExecution", "GetQueryResults"))
