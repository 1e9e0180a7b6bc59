"""Leases: an end in the state, a mark on everything that bears tags (read with boto3), by the services' clock (libfaketime sets weir's own wrong)."""

import email.utils
import json
import urllib.request
from datetime import datetime, timedelta, timezone

import pytest
from support import FAKETIME, Stack

LAB = """
    stack: lab
    lease: {for: 8h, warn: 30m}
    resources:
      lake: {type: aws.s3.bucket, name: lease-lake, tags: {team: red}}
      queue: {type: aws.sqs.queue, name: lease-events}
      topic: {type: aws.sns.topic, name: lease-alarms}
      network: {type: aws.ec2.vpc, cidr_block: 10.0.0.0/16}
      role: {type: aws.iam.role, name: lease-role, assume_role_policy: '${trust("glue.amazonaws.com")}'}
      nothing: {type: weir.value, value: 1}
"""
PATIENCE = timedelta(minutes=2)


@pytest.fixture
def lab(tmp_path, place):
    stack = Stack(tmp_path / "stack", place)
    stack.write(LAB)
    return stack


def service_now(lab):
    """As the service's Date header has it."""
    try:
        with urllib.request.urlopen(lab.env["AWS_ENDPOINT_URL"]) as answer:
            date = answer.headers["Date"]
    except urllib.error.HTTPError as error:
        date = error.headers["Date"]
    return email.utils.parsedate_to_datetime(date)


def tags(lab):
    """Of everything that bears tags, whoever made it."""
    pairs = lambda list, key="Key", value="Value": {tag[key]: tag[value] for tag in list}  # noqa: E731
    sqs, sns, ec2 = lab.client("sqs"), lab.client("sns"), lab.client("ec2")
    return {
        "lake": pairs(lab.client("s3").get_bucket_tagging(Bucket="lease-lake")["TagSet"]),
        "queue": sqs.list_queue_tags(QueueUrl=sqs.list_queues()["QueueUrls"][0])["Tags"],
        "topic": pairs(sns.list_tags_for_resource(ResourceArn=sns.list_topics()["Topics"][0]["TopicArn"])["Tags"]),
        "network": pairs(ec2.describe_vpcs(Filters=[{"Name": "tag-key", "Values": ["weir:address"]}])["Vpcs"][0]["Tags"]),
        "role": pairs(lab.client("iam").list_role_tags(RoleName="lease-role")["Tags"]),
    }


def ends(lab, **more):
    """When the lease ends: the state and every mark say the same."""
    until = lab.run("lease", "show", "--json", **more).events()[0]["until"]
    assert {name: of["weir:lease"] for name, of in tags(lab).items()} == dict.fromkeys(tags(lab), until)
    return datetime.fromisoformat(until)


@pytest.mark.long  # the next one is the first of its kind
def test_it_begins_and_is_extended(lab):
    made = lab.apply()
    assert "The lease ends at" in made.out
    begun = ends(lab)
    assert abs(begun - service_now(lab) - timedelta(hours=8)) < PATIENCE
    lab.assert_settled()
    lab.apply()
    assert ends(lab) == begun  # applying again is no extension

    lab.run("lease", "extend", "2h")
    assert ends(lab) == begun + timedelta(hours=2) and tags(lab)["lake"]["team"] == "red"
    lab.assert_settled()
    lab.run("lease", "end")
    assert abs(ends(lab) - service_now(lab)) < PATIENCE
    assert "lease ended" in lab.run("plan", "--json").out
    lab.write(LAB.replace("team: red", "team: blue"))
    refused = lab.apply(status=1)
    assert "the lease of this stack ended" in refused.err, str(refused)
    assert tags(lab)["lake"]["team"] == "red"
    lab.apply("--for", "1h")
    assert abs(ends(lab) - service_now(lab) - timedelta(hours=1)) < PATIENCE and tags(lab)["lake"]["team"] == "blue"
    lab.destroy("--verify")
    lab.apply()  # with nothing there another one begins
    assert abs(ends(lab) - service_now(lab) - timedelta(hours=8)) < PATIENCE


def test_one_that_the_file_begins_later_marks_what_is_there(lab):
    lab.write(LAB.replace("lease: {for: 8h, warn: 30m}", ""))
    lab.apply()
    assert not any("weir:lease" in of for of in tags(lab).values())
    assert "has no lease" in lab.run("lease", "show", status=1).err
    lab.write(LAB.replace("warn: 30m", "extend: false"))
    lab.apply()
    begun = ends(lab)
    assert "cannot be extended" in lab.run("lease", "extend", "1h", status=3).err
    assert "cannot be extended" in lab.apply("--for", "9h", status=None).err and ends(lab) == begun
    lab.run("state", "doctor")


def test_one_of_thousands_of_years(local_stack):
    """Its end could not be read again: the state would be lost."""
    local_stack.write("stack: lab\nresources: {a: {type: weir.value, value: 1}}\n")
    assert "106751991167d" in local_stack.apply("--for", "106751991167d", status=3).err
    local_stack.apply("--for", "999999d")
    assert "is not a duration" in local_stack.run("lease", "extend", "106751991167d", status=3).err
    local_stack.run("lease", "extend", "999999d")
    assert "a lease ends before the year 10000" in local_stack.run("lease", "extend", "999999d", status=3).err
    assert "The lease ends at 7" in local_stack.run("lease", "show").out


@pytest.mark.long
@pytest.mark.skipif(not FAKETIME, reason="needs libfaketime, and a program without a sanitizer")
@pytest.mark.parametrize("off", ["-1d", "+1d"])
def test_a_clock_that_is_wrong_by_a_day(lab, off):
    wrong = {"LD_PRELOAD": str(FAKETIME), "FAKETIME": off}
    lab.apply(env=wrong)
    begun = ends(lab, env=wrong)
    assert abs(begun - service_now(lab) - timedelta(hours=8)) < PATIENCE
    shown = json.loads(lab.run("lease", "show", "--json", env=wrong).out)
    assert shown["clock"] == "service" and not shown["ended"] and abs(shown["left_ms"] - 8 * 3600_000) < 600_000
    lab.run("lease", "extend", "1h", env=wrong)
    assert ends(lab, env=wrong) == begun + timedelta(hours=1)
    assert ends(lab) > datetime.now(timezone.utc)


def test_of_members(lab):
    lab.write("""
        stack: class
        inputs: {owner: {type: string}}
        fleet: {each: [anna, bob], inputs: {owner: "${each.key}"}}
        resources: {queue: {type: aws.sqs.queue, name: "${inputs.owner}-events"}}
    """)
    lab.run("fleet", "apply", "--yes", "--for", "3h")
    assert "ends" in lab.run("lease", "show", "-e", "anna").out
    states = [json.loads(line) for line in lab.run("fleet", "status", "--json").out.splitlines()]
    assert all(abs(datetime.fromisoformat(state["lease"]) - service_now(lab) - timedelta(hours=3)) < PATIENCE for state in states)


WRONG = {
    "lease: {}": "the lease has no `for`",
    "lease: {for: soon}": '"soon" is not a duration',
    "lease: {for: 8h, war: 3m}": 'did you mean "warn"?',
    "lease: {for: 8h, extend: maybe}": '"extend"',
    "lease: [8h]": "lease",
}


@pytest.mark.parametrize("lease", WRONG)
def test_what_is_wrong_with_it(local_stack, lease):
    local_stack.write(f"stack: lab\n{lease}\nresources: {{a: {{type: weir.value, value: 1}}}}\n")
    assert WRONG[lease] in local_stack.run("validate", status=3).err
