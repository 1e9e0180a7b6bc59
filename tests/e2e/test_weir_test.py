"""`weir test`: what it says of tests that fail, in text, as JSON and as JUnit XML; and that it leaves nothing behind."""

import xml.etree.ElementTree as ElementTree

import pytest

STACK = """
    stack: tried
    inputs:
      name: {type: string, pattern: '^[a-z-]{3,20}$'}
      password: {type: string, sensitive: true, default: "not to be seen"}
    resources:
      lake: {type: aws.s3.bucket, name: "${inputs.name}", versioning: true}
      secret: {type: aws.secretsmanager.secret, name: "${inputs.name}/password", secret_string: "${inputs.password}", force_destroy: true}
    outputs:
      arn: {value: "${lake.arn}"}
      password: {value: "${inputs.password}", sensitive: true}
    """

# name, test, what its report has to say
FAILING = [
    ("counts", "plan: {create: 3}", "plan.create: expected 3, found 2"),
    ("attributes", "plan: {resources: {lake: {versioning: false}}}", "lake.versioning: expected false, found true"),
    ("unknown attribute", "plan: {resources: {lake: {versions: 1}}}", 'aws.s3.bucket has no attribute "versions"'),
    ("absent", "plan: {resources: {pond: {name: x}}}", "pond: the plan has no such resource"),
    ("present", "plan: {resources: {lake: null}}", "lake: expected not to exist"),
    ("outputs", 'outputs: {arn: "arn:aws:s3:::other"}', 'outputs.arn: expected "arn:aws:s3:::other", found "arn:aws:s3:::some-lake"'),
    ("checks", "checks: ['lake.name == \"<other> & co\"']", 'check lake.name == "<other> & co": expected true, found false'),
    ("live", "live: [{type: aws.s3.bucket, name: some-lake, versioning: false}]", "aws.s3.bucket.versioning: expected false, found true"),
    ("not live", "live: [{type: aws.sqs.queue, url: http://q}]", 'live: there is no aws.sqs.queue "http://q"'),
    ("an error", "error: nonsense", 'expected an error with "nonsense", but it can be planned'),
    ("another error", "inputs: {name: NO}\n    error: nonsense", 'expected an error with "nonsense"'),
    ("cannot be planned", "inputs: {name: NO}", "planning:"),
]
PASSING = [
    ("all", "plan: {create: 2, resources: {lake: {versioning: true}, pond: null}}\n    checks: ['startswith(lake.arn, \"arn:\")']\n    live: [{type: aws.s3.bucket, name: some-lake}]"),
    ("wrong name", "inputs: {name: NO}\n    error: name"),
    ("plan only", "apply: false\n    plan: {create: 2}"),
]


def test_file(tests):
    body = "".join(f"  - name: {name}\n" + ("" if "name: NO" in text else "    inputs: {name: some-lake}\n") + f"    {text}\n" for name, text, *_ in tests)
    return "tests:\n" + body


test_file.__test__ = False


@pytest.fixture
def tried(local_stack):
    local_stack.write(STACK)
    (local_stack.folder / "tests").mkdir()
    (local_stack.folder / "tests" / "failing.yaml").write_text(test_file(FAILING))
    (local_stack.folder / "tests" / "passing.yaml").write_text(test_file(PASSING))
    return local_stack


def test_text(tried):
    result = tried.run("test", status=1)
    blocks = result.out.split("FAIL  ")
    for (name, _, said), block in zip(FAILING, blocks[1:]):
        assert block.startswith(name + "  (") and said in block, block
    assert result.out.count("ok    ") == len(PASSING)
    assert result.out.endswith(f"\n{len(PASSING)} passed, {len(FAILING)} failed\n")
    assert not (tried.folder / ".weir").exists()


def test_json(tried):
    events = tried.run("test", "--json", status=1).events()
    assert [event["passed"] for event in events] == [False] * len(FAILING) + [True] * len(PASSING)
    for (name, _, said), event in zip(FAILING, events):
        assert event["event"] == "test" and event["name"] == name and event["file"].endswith("tests/failing.yaml") and said in event["failure"]
    assert all("failure" not in event for event in events[len(FAILING):])


def test_junit(tried):
    tried.run("test", "--junit", "report.xml", status=1)
    suite = ElementTree.parse(tried.folder / "report.xml").getroot()
    assert suite.tag == "testsuite" and suite.get("tests") == str(len(FAILING) + len(PASSING)) and suite.get("failures") == str(len(FAILING))
    cases = {case.get("name"): case for case in suite}
    for name, _, said in FAILING:
        assert said in cases[name].find("failure").text and float(cases[name].get("time")) >= 0
    assert all(cases[name].find("failure") is None and cases[name].get("classname").endswith("passing.yaml") for name, _ in PASSING)


def test_only_what_passes(tried):
    result = tried.run("test", "tests/passing.yaml", "--junit", "report.xml", status=0)
    assert result.out.endswith(f"\n{len(PASSING)} passed, 0 failed\n")
    assert ElementTree.parse(tried.folder / "report.xml").getroot().get("failures") == "0"


def test_a_report_that_cannot_be_written(tried):
    result = tried.run("test", "tests/passing.yaml", "--junit", "no/such/report.xml", status=1)
    assert "no/such/report.xml" in result.err


def test_secrets_stay_secret(tried):
    (tried.folder / "tests" / "secret.yaml").write_text(test_file([("secret", "outputs: {password: other}")]))
    result = tried.run("test", "tests/secret.yaml", "--junit", "report.xml", status=1)
    assert "outputs.password" in result.out
    assert "not to be seen" not in result.out + result.err + (tried.folder / "report.xml").read_text()


RUNNING = """
    stack: running
    resources:
      lake: {type: aws.s3.bucket, name: running-lake}
      role: {type: aws.iam.role, name: running, assume_role_policy: '${trust("glue.amazonaws.com")}'}
      script:
        type: aws.s3.object
        bucket: ${lake.name}
        key: job.py
        content: |
          import sys, urllib.request
          word = sys.argv[sys.argv.index("--word") + 1]
          print("the word is", word)
          if word == "no":
              raise ValueError("that word")
      job:
        type: aws.glue.job
        for_each: [loud, quiet]
        name: say-${each.key}
        role: ${role.arn}
        command: {name: pythonshell, script_location: "s3://${lake.name}/${script.key}", python_version: "3.9"}
        default_arguments: {--word: "${each.key}"}
      queries:
        type: aws.athena.workgroup
        name: running
    """

# name, steps, what the report has to say; None: it passes
STEPS = [
    ("by address", """[{job: 'job["loud"]', log: "the word is loud", checks: ['run.state == "succeeded"', 'lake.name == "running-lake"', 'contains(run.log, "loud")']}]""", None),
    ("by name", "[{job: say-quiet, arguments: {word: 12}, log: word is 12}]", None),
    ("fails as it should", "[{job: say-quiet, arguments: {word: no}, state: failed, error: that word}, {job: say-loud, error: that word, arguments: {word: 'no'}}]", None),
    ("objects", "[{object: s3://running-lake/*, count: 1, checks: ['object.keys == [\"job.py\"]', 'startswith(object.text, \"import\")']}, {object: s3://running-lake/none, count: 0}]", None),
    ("fails", "[{job: say-quiet, arguments: {word: 'no'}}]", 'expected succeeded, found failed: ValueError: that word\n    its log ends with:\n'),
    ("does not fail", "[{job: say-quiet, error: that word}]", "expected failed, found succeeded"),
    ("another error", "[{job: say-quiet, arguments: {word: 'no'}, error: this word}]", 'expected an error with "this word", found "ValueError: that word"'),
    ("log", "[{job: say-quiet, log: loud}]", 'its log has no "loud"'),
    ("check", "[{job: say-quiet, checks: ['length(run.log) == 3']}]", "check length(run.log) == 3: expected true, found false"),
    ("takes too long", "[{job: say-quiet, timeout: 0}]", "was still running after 0 s"),
    ("no such job", "[{job: say-nothing}]", 'the stack has no job "say-nothing"'),
    ("no such object", "[{object: s3://running-lake/other/*}]", "s3://running-lake/other/*: there is no such object"),
    ("count", "[{object: s3://running-lake/*, count: 2}]", "s3://running-lake/*.count: expected 2, found 1"),
    ("first failure ends it", "[{job: nothing}, {job: nobody}]", 'no job "nothing"'),
]


def test_steps(local_stack):
    local_stack.write(RUNNING)
    (local_stack.folder / "tests").mkdir()
    (local_stack.folder / "tests" / "all.yaml").write_text("tests:\n" + "".join(f"  - name: {name}\n    run: {steps}\n" for name, steps, _ in STEPS))
    events = local_stack.run("test", "--json", status=1).events()
    for (name, _, said), event in zip(STEPS, events, strict=True):
        assert event["name"] == name and event["passed"] == (said is None), event
        assert said is None or "\n".join(line.strip() for line in said.splitlines()) in event["failure"], event
    log_end = next(event["failure"] for event in events if event["name"] == "fails").partition("its log ends with:\n")[2].splitlines()
    assert {"the word is no", "ValueError: that word"} <= set(log_end)  # two streams, read in turn
    assert "nobody" not in events[-1]["failure"]
    assert not [e for e in events if "left" in e.get("failure", "")]


def test_queries(local_stack):
    pytest.importorskip("duckdb")
    import os
    import sys
    local_stack.env["PATH"] = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
    local_stack.write(RUNNING)
    (local_stack.folder / "tests").mkdir()
    (local_stack.folder / "tests" / "all.yaml").write_text("""
tests:
  - name: rows
    run: [{query: "select 1 as n, 'a' as t", rows: [{n: "1", t: a}], checks: ['length(rows) == 1', 'rows[0].t == "a"']}]
  - name: other rows
    run: [{query: "select 1 as n", rows: [{n: "2"}]}]
  - name: wrong
    run: [{query: "select nothing"}, {query: nothing}]
""")
    events = local_stack.run("test", "--json", status=1).events()
    assert events[0]["passed"], events[0]
    assert 'query.rows: expected [{"n":"2"}], found [{"n":"1"}]' in events[1]["failure"]
    assert "query: expected succeeded, found failed" in events[2]["failure"]


def test_needs(local_stack):
    local_stack.write("stack: needy\nresources: {v: {type: weir.value, value: 1}}")
    (local_stack.folder / "tests").mkdir()
    (local_stack.folder / "tests" / "all.yaml").write_text("tests: [{name: with, needs: [python3], plan: {create: 1}}, {name: without, needs: [python3, spark], plan: {create: 7}}]")
    local_stack.env |= {"PATH": "/usr/bin:/bin", "SPARK_HOME": "/nonexistent"}
    result = local_stack.run("test", "--junit", "report.xml")
    assert "skip  without  (needs spark)\n" in result.out and result.out.endswith("\n1 passed, 0 failed, 1 skipped\n")
    suite = ElementTree.parse(local_stack.folder / "report.xml").getroot()
    assert suite.get("skipped") == "1" and suite[1].find("skipped").get("message") == "needs spark"
    assert local_stack.run("test", "--json").events()[1]["skipped"] == "needs spark"


@pytest.mark.parametrize("text, said", [
    ("run: {job: x}", '"run" is a list of steps'),
    ("run: [{work: x}]", 'a step of "run" is a map with "job", "query" or "object"'),
    ("run: [{job: x, argument: {}}]", 'did you mean "arguments"?'),
    ("needs: spark", '"needs" is a list of names'),
    ("needs: [duckbd]", 'did you mean "duckdb"?'),
    ("environment: dev", "known are: name, env, needs"),
])
def test_wrong_files(local_stack, text, said):
    local_stack.write("stack: wrong")
    (local_stack.folder / "tests").mkdir()
    (local_stack.folder / "tests" / "all.yaml").write_text(text)
    assert said in local_stack.run("test", status=3).err


def test_what_is_skipped_is_said(local_stack):
    local_stack.write(STACK).write("name: with Spark\nneeds: [spark]\napply: false\n", "tests/a.yaml")
    local_stack.env |= {"PATH": "/nonexistent", "SPARK_HOME": ""}
    said = local_stack.run("test")
    assert "skip  with Spark  (needs spark)" in said.out and said.out.endswith("0 passed, 0 failed, 1 skipped\n")
    local_stack.run("test", "--no-skips", status=1)
