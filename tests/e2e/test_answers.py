"""weir against what AWS was recorded to answer: tests/answers, whose README says what an entry has."""

import copy
import json
import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
import yaml
from answers import Server, Services, entries, walk
from support import ROOT, WEIR, Stack
from test_specs_defaults import DEFAULTS

PROVEN = entries()
SOURCE = re.compile(r"cloud-custodian/cloud-custodian tests/data/placebo|localstack/localstack tests/aws|botocore \S+ examples-1.json|AWS documentation")


@pytest.fixture(scope="module")
def services():
    return Services(subprocess.run([str(WEIR), "schema", "--calls"], capture_output=True, text=True, check=True).stdout.splitlines())


@pytest.fixture(scope="module")
def account(services):
    with Server(PROVEN, services) as server:
        yield server


def say(stack, things=PROVEN, changed=False):
    resources = {e.address: e.resource(changed) for e in things}
    stack.write(yaml.safe_dump({"stack": "answers", "resources": resources, "imports": [{"address": e.address, "id": e.id} for e in things]}))
    return stack


@pytest.fixture(scope="module")
def imported(account, tmp_path_factory):
    """All the entries in one stack by hand that says the same, and what the import did."""
    stack = say(Stack(tmp_path_factory.mktemp("answers") / "stack", account))
    account.reset()
    stack.done = stack.apply("--json"), account.log, account.unknown
    return stack


@pytest.fixture
def live(imported, account):
    account.reset()
    yield say(imported)
    account.reset()


def test_every_entry_names_its_source():
    assert [e.address for e in entries() if not SOURCE.search(e.source)] == []


@pytest.mark.full
def test_a_stack_by_hand_is_imported_without_a_change(live, account):
    result, changed, unknown = live.done
    lines = [json.loads(line) for line in result.out.splitlines() if line.startswith("{")]
    assert unknown == [] and changed == []
    assert {c["address"]: c["action"] for c in lines if c.get("event") == "change"} == {e.address: "adopt" for e in PROVEN}
    assert [c for c in lines if c.get("event") == "change" and c.get("attrs")] == []
    live.assert_settled()
    assert live.run("drift").out.startswith("No drift")
    assert account.unknown == [] and account.log == []


def one(kind):
    return next(e for e in entries() if e.type == kind)


def test_an_instance_profile_by_name_is_the_one_that_aws_reports_by_arn(services, tmp_path):
    entry = copy.deepcopy(one("aws.ec2.instance"))
    name = entry.stack["instance_profile"].rpartition("/")[2]
    with Server([entry], services) as server:
        for said in (name, "other"):
            entry.stack["instance_profile"] = said
            plan = say(Stack(tmp_path / said, server), [entry]).run("plan", "--json", status=None)
            changes = [(c["action"], c.get("attrs")) for c in map(json.loads, plan.out.splitlines()) if c.get("event") == "change"]
            assert changes == [("adopt", [])] if said == name else "instance_profile of a new instance is an ARN" in plan.out + plan.err, str(plan)


def test_one_of_two_capacities_goes_out_with_the_other(services, tmp_path):
    entry = copy.deepcopy(one("aws.dynamodb.table"))
    entry.stack |= {"write_capacity": 1, "lifecycle": {"ignore_changes": ["write_capacity"]}}
    with Server([entry], services) as server:
        stack = say(Stack(tmp_path / "stack", server), [entry])
        stack.apply()
        say(stack, [entry], changed=True).apply()
        assert [request.members.get("ProvisionedThroughput") for request in server.log] == [{"ReadCapacityUnits": 8, "WriteCapacityUnits": 5}]


@pytest.mark.parametrize("told, said", [("*", "*"), ({"AWS": "arn:aws:iam::210987654321:root"}, "210987654321"), ({"AWS": "arn:aws:iam::210987654321:role/r"}, "arn:aws:iam::210987654321:role/r")])
def test_whom_a_function_lets_in(told, said, services, tmp_path):
    """As cloud-custodian's test_lambda_permission_matched has it: everybody is a text, an account its root."""
    function, entry = copy.deepcopy(one("aws.lambda.function")), copy.deepcopy(one("aws.lambda.permission"))
    policy = json.loads(entry.answers["GetPolicy"]["Policy"])
    policy["Statement"][0]["Principal"], entry.stack["principal"] = told, said
    entry.answers["GetPolicy"]["Policy"] = json.dumps(policy)
    with Server([function, entry], services) as server:
        stack = say(Stack(tmp_path / "stack", server), [entry])
        stack.apply()
        stack.assert_settled()
        draft = Stack(tmp_path / "draft", server)
        draft.run("import", "live", "--type", entry.type)
        (drafted,) = yaml.safe_load((draft.folder / "weir.yaml").read_text())["resources"].values()
        assert drafted["principal"] == (told["AWS"] if isinstance(told, dict) else told)
        draft.apply()
        draft.assert_settled()
        assert server.log == [] and server.unknown == []


def test_shards_of_a_stream_on_demand_are_the_services_business(services, tmp_path):
    entry = copy.deepcopy(one("aws.kinesis.stream"))
    with Server([entry], services) as server:
        drafts = Stack(tmp_path / "draft", server)
        drafts.run("import", "live", "--type", entry.type)
        assert "shard_count" not in (drafts.folder / "weir.yaml").read_text()
        entry.stack["shard_count"] = 4
        stack = say(Stack(tmp_path / "stack", server), [entry])
        stack.apply()
        entry.answers["DescribeStreamSummary"]["StreamDescriptionSummary"]["OpenShardCount"] = 8
        stack.assert_settled()


def test_what_a_recurring_action_reports_is_its_next_run(services, tmp_path):
    entry = copy.deepcopy(one("aws.autoscaling.schedule"))
    (action,) = entry.answers["DescribeScheduledActions"]["ScheduledUpdateGroupActions"]
    with Server([entry], services) as server:
        stack = say(Stack(tmp_path / "stack", server), [entry])
        stack.apply()
        action["StartTime"] = action["Time"] = datetime(2036, 12, 1, 0, 30)
        stack.assert_settled()
        say(stack, [entry], changed=True).apply()
        assert [str(request.members["StartTime"].replace(tzinfo=None)) for request in server.log] == ["2036-12-01 00:30:00"]


def test_others_beside_what_was_asked_for_are_no_mistake(services, tmp_path):
    """A server may not know a listing's prefix; a list of others alone is not believed."""
    entry = copy.deepcopy(one("aws.logs.log_group"))
    groups = entry.answers["DescribeLogGroups"]["logGroups"]
    groups.insert(0, {**groups[0], "logGroupName": "/of/others", "arn": "arn:aws:logs:us-east-1:123456789012:log-group:/of/others:*"})
    with Server([entry], services) as server:
        stack = say(Stack(tmp_path / "stack", server), [entry])
        stack.apply()
        del groups[1]
        assert "DescribeLogGroups was called for /shop/dev, but the response is about /of/others" in stack.run("plan", status=1, env={"AWS_MAX_ATTEMPTS": "1"}).err


def test_tags_that_are_not_found_are_an_error_and_no_deletion(services, tmp_path):
    """Only the call that describes a replication instance tells whether it is deleted."""
    entry = copy.deepcopy(one("aws.dms.replication_instance"))
    with Server([entry], services) as server:
        stack = say(Stack(tmp_path / "stack", server), [entry])
        stack.apply()
        entry.answers["ListTagsForResource"] = {"error": "ResourceNotFoundFault"}
        for command in ("plan", "drift"):
            result = stack.run(command, status=None)
            assert result.status == 1 and "ListTagsForResource: ResourceNotFoundFault: recorded" in result.err and entry.address in result.err, result
        entry.answers["DescribeReplicationInstances"] = {"error": "ResourceNotFoundFault"}
        assert stack.run("drift", status=2).status == 2


def plain(value):
    """A request's members in a form that compares: JSON texts as what they say, without what is another each time."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items() if not re.fullmatch(r"(?i)clientToken|clientRequestToken|ContentMD5", k)}
    if isinstance(value, list):
        return [plain(v) for v in value]
    if isinstance(value, datetime):
        return str(value.replace(tzinfo=None))
    try:
        return json.loads(value) if isinstance(value, str) and value[:1] in "{[" else value
    except ValueError:
        return value


def test_one_attribute_is_one_call_that_keeps_the_rest(live, account):
    before = (live.folder / ".weir").rename(live.folder / "kept")
    subprocess.run(["cp", "-a", before, live.folder / ".weir"], check=True)
    try:
        say(live, changed=True).apply()
    finally:
        subprocess.run(["rm", "-rf", live.folder / ".weir"], check=True)
        before.rename(live.folder / ".weir")
    sent = [[request.operation, plain(request.members)] for request in account.log]
    expected = {e.address: [e.change["call"], plain(e.change["members"])] for e in PROVEN if e.change}
    missing = {a: call for a, call in expected.items() if call not in sent}
    assert missing == {} and [s for s in sent if s not in expected.values()] == [] and len(sent) == len(expected)
    assert account.unknown == []


UNLISTED = {"aws.glue.classifier"}  # no call tells which there are


def holes(draft, said, found):
    """What the inputs of a draft are, by what the stack by hand says in their place."""
    if isinstance(draft, dict):
        for name, value in draft.items():
            holes(value, said.get(name) if isinstance(said, dict) else None, found)
    elif isinstance(draft, list):
        for n, value in enumerate(draft):
            holes(value, said[n] if isinstance(said, list) and n < len(said) else None, found)
    elif isinstance(draft, str) and (name := re.fullmatch(r"\$\{inputs\.(\w+)\}", draft)):
        found[name[1]] = said
    return found


def test_a_draft_has_all_of_each_and_plans_empty(account, tmp_path):
    account.reset()
    stack, types = Stack(tmp_path / "draft", account), sorted({e.type for e in PROVEN} - UNLISTED)
    stack.run("import", "live", "-o", ".", *[a for t in types for a in ("--type", t)])
    draft = yaml.safe_load((stack.folder / "weir.yaml").read_text())
    drafted = {(draft["resources"][i["address"]]["type"], i["id"]): draft["resources"][i["address"]] for i in draft["imports"]}
    assert [e.address for e in PROVEN if e.type not in UNLISTED and (e.type, e.id) not in drafted] == []
    defaults = {key: attribute["default"] for key, (attribute, _) in DEFAULTS.items()}
    lost, inputs = {}, {}
    for entry in PROVEN:
        here = drafted.get((entry.type, entry.id), entry.stack)
        inputs |= holes(here, entry.stack, {})
        lost |= {(entry.address, a): v for a, v in entry.stack.items() if a not in here and a != "lifecycle" and v != "" and defaults.get((entry.type, a)) != v}
    assert lost == {}
    planned = stack.run("plan", "--json", *[a for name, value in inputs.items() for a in ("-i", f"{name}={value}")])
    changes = [c for c in map(json.loads, planned.out.splitlines()) if c["event"] == "change"]
    assert [c for c in changes if c["action"] != "adopt" or c.get("attrs")] == [] and len(changes) == len(drafted)
    assert account.unknown == [] and account.log == []


def nulls(entry, request, shape, body):
    """Members without a value come as null."""
    add = lambda s, v: {**{m.serialization.get("name", n): None for n, m in s.members.items()}, **v} if s.type_name == "structure" else v
    return in_json(body, lambda value: walk(shape, value, add, wire=True))


def numbers(entry, request, shape, body):
    return in_json(body, lambda value: walk(shape, value, lambda s, v: str(v) if isinstance(v, int) and not isinstance(v, bool) and s.type_name != "timestamp" else v, wire=True))


def in_json(body, change):
    return json.dumps(change(json.loads(body))).encode() if body[:1] == b"{" else body


ORDERED = {"command", "DhcpConfigurations"}  # lists whose order says something


def backwards(shape, value):
    turned = lambda name, v: v[::-1] if isinstance(v, list) and name not in ORDERED else v
    return {name: turned(name, v) for name, v in value.items()} if shape.type_name == "structure" and isinstance(value, dict) and "Key" not in value else value


def other_case(shape, value):
    """Names that grow by the month, and the types in a map of texts: weir takes them as they come."""
    enumeration = shape.type_name == "string" and getattr(shape, "enum", None) and shape.name not in ("Runtime", "WorkerType", "ScalarAttributeType", "ResourceType", "InstanceType", "SecurityPolicy", "ConnectionType", "ClusterSettingName", "Event")
    return value.swapcase() if enumeration and isinstance(value, str) else value


OTHERWISE = {
    "members added": {"later": True},
    "nulls": {"rewrite": nulls},
    "other order": {"vary": backwards},
    "other case": {"vary": other_case},
    "numbers as text": {"rewrite": numbers},
    "pages of one": {"single": True},
}


@pytest.mark.full
@pytest.mark.parametrize("how", OTHERWISE)
def test_what_is_told_in_another_way_is_the_same(how, live, account):
    account.reset(**OTHERWISE[how])
    live.assert_settled()
    assert account.unknown == [] and account.log == []


def cut_short(entry, request, shape, body):
    return body[: len(body) // 2] if entry else body


def empty(entry, request, shape, body):
    return b"" if entry else body


def of_another(entry, request, shape, body):
    for name in sorted(entry.names, key=len, reverse=True) if entry else ():
        body = body.replace(name.encode(), b"another" + name[7:].encode())
    return body


in_result = re.compile(rb"(?s)(<(\w+Result)>).*(</\2>)")
in_list = re.compile(rb"(?s)(<(\w+)>)<item>.*(</\2>)")  # EC2's answers have no result around them


def wrong_type(entry, request, shape, body):
    if not entry or body[:1] != b"{":
        return (in_result if in_result.search(body) else in_list).sub(rb"\1text\3", body) if entry else body
    return in_json(body, lambda value: {k: "text" if isinstance(v, (dict, list)) else {"is": v} for k, v in value.items()})


NAMELESS = {f"aws.{t}" for t in ("apigateway.account", "glue.catalog_encryption", "glue.resource_policy", "lakeformation.settings", "s3.bucket", "s3.bucket_notification")}
LOOKED_FOR = {"aws.kms.alias", "aws.logs.resource_policy"}  # in a list of all: one of others says that it is not there
SPOILT = {"cut short": cut_short, "empty": empty, "of another thing": of_another, "of a wrong type": wrong_type}


@pytest.mark.full
@pytest.mark.parametrize("how", SPOILT)
def test_no_spoilt_answer_is_believed(how, account, tmp_path):
    """An error that names the resource and the call; never a difference, and never "gone"."""
    account.reset(rewrite=SPOILT[how])
    untold = {"of another thing": NAMELESS | LOOKED_FOR, "of a wrong type": {"aws.s3.bucket", "aws.s3.bucket_notification"}}.get(how, set())  # nothing around S3's answers
    things = [e for e in PROVEN if e.type not in untold]
    things = things if os.environ.get("WEIR_LONG") else things[list(SPOILT).index(how) :: len(SPOILT)]
    plan = lambda entry: say(Stack(tmp_path / entry.address, account), [entry]).run("plan", "--json", status=None, env={"AWS_MAX_ATTEMPTS": "1"})
    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(plan, things))
    account.reset()
    believed = {}
    for entry, result in zip(things, results):
        last = json.loads(result.out.splitlines()[-1])
        named = entry.address in last.get("message", "") and any(o in last["message"] for o in entry.answers)
        if result.status != 1 or last.get("class") != "protocol" or not named:
            believed[entry.address] = result.status, last.get("message", last)
    assert believed == {}


def test_the_documentation_lists_what_answers_do_not_tell():
    page = (ROOT / "docs/answers.md").read_text()
    told = page[page.index("Some answers do not tell") : page.index("Recordings of")]
    assert set(re.findall(r"`(aws\.\w+\.\w+)`", told)) == NAMELESS | LOOKED_FOR


def test_the_documentation_lists_what_no_answer_proves(services):
    """docs/answers.md; WEIR_ANSWERS_ACCEPT=1 writes the list anew."""
    page, proven = ROOT / "docs/answers.md", {e.type for e in entries()}
    head, mark, _ = page.read_text().partition("<!-- unproven -->\n")
    text = head + mark + "\n" + "".join(f"- `{t}`\n" for t in sorted(set(services.all) - proven))
    if os.environ.get("WEIR_ANSWERS_ACCEPT"):
        page.write_text(text)
    assert mark and page.read_text() == text
