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
    ("present", "plan: {resources: {lake: null}}", "lake: expected not to be there"),
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
