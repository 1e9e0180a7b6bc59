"""Fleets: fifty attendees beside one, on the sandbox with 40 ms for each call; and a plan of 1,000 resources as a page."""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

from transfer import Faults, Sandbox

ROOT = Path(__file__).parent.parent.parent
sys.path.append(str(ROOT / "tests" / "e2e"))
from browser import Browser  # noqa: E402
from test_systems import inventory  # noqa: E402

LATENCY_MS = 40
MEMBERS = 50

FLEET = """
fleet:
  each: {file: attendees.csv, key: name}
  inputs: {owner: "${each.key}", inside: "false", region: us-east-1}
"""
ALONE = re.compile(r"^environments:\n(?: .*\n)+|^# One state.*\n^state: .*\n", re.M)  # of one attendee: members of a fleet have theirs


# What services answer for one thing at a time, whoever asks: no listing tells it of many.
ONE_BY_ONE = {"s3.GetObjectTagging", "s3.ListObjectsV2", "s3.GetBucketEncryption", "s3.GetPublicAccessBlock", "s3.GetBucketLifecycleConfiguration",
              "ec2.DescribeVpcAttribute", "sns.GetTopicAttributes", "states.DescribeStateMachine"}


def requests(weir, folder, env, *more):
    """The calls of a plan, by operation."""
    plan = subprocess.run([weir, "fleet", "plan", "-v", *more], cwd=folder, env=env, capture_output=True, text=True, check=True)
    return Counter(re.findall(r"^[A-Z]+ http\S+ (\S+) \d+ \d+ ms", plan.stderr, re.M))


def of_many(calls):
    return Counter({name: n for name, n in calls.items() if name not in ONE_BY_ONE})


def page(title, judge, work, weir, Run):
    title("A plan of 1,000 resources as a page", "weir plan --format html, without refreshing, best of 5")
    folder = work / "page"
    folder.mkdir()
    lines = "".join(f'  r{n}: {{type: weir.value, value: "${{r{n // 3}.value}} {n}"}}\n' for n in range(1, 1000))
    (folder / "weir.yaml").write_text("stack: many\nresources:\n  r0: {type: weir.value, value: x}\n" + lines)
    run = Run([weir, "plan", "--format", "html"], cwd=folder, runs=5)
    print(f"    {run.seconds * 1e3:7.1f} ms {len(run.out) / 1e6:7.2f} MB"
          + judge("page, time", run.seconds, 0.1, " s") + judge("page, size", len(run.out) / 1e6, 1, " MB"))
    if not shutil.which("chromium"):
        return
    (folder / "page.html").write_bytes(run.out if isinstance(run.out, bytes) else run.out.encode())
    browser = Browser(f"file://{folder}/page.html")
    painted_ms = browser.until("performance.getEntriesByName('first-contentful-paint')[0]?.startTime")
    browser.stop()
    print(f"    {painted_ms:7.1f} ms until headless Chromium has painted it" + judge("page, first paint", painted_ms / 1e3, 1, " s"))


def lab(folder, count):
    """The retail workshop as a fleet. Bastions have nothing to do at their start: the sandbox would boot fifty hosts for it."""
    shutil.copytree(ROOT / "examples" / "retail-workshop", folder, ignore=shutil.ignore_patterns(".weir*"))
    stack = folder / "weir.yaml"
    stack.write_text(ALONE.sub("", stack.read_text()) + FLEET)
    database = folder / "database.yaml"
    database.write_text(re.sub(r"^ *user_data: .*\n", "", database.read_text(), flags=re.M))
    (folder / "attendees.csv").write_text("name\n" + "".join(f"{folder.name}-{n:02}\n" for n in range(1, count + 1)))


def bench(title, judge, work, quick, weir, Run):
    members = 10 if quick else MEMBERS
    title(f"{members} attendees", f"the retail workshop for one attendee, and for all at once, on the sandbox with {LATENCY_MS} ms for each call; one run each; load {os.getloadavg()[0]:.1f}")
    server = Sandbox("-")
    before = inventory(server)
    Faults(server)("POST", {"rules": [{"service": "*", "latency": LATENCY_MS}]})
    env = {**server.environment(home=str(work)), "WEIR_STATE_KEY": "0123456789abcdef" * 4}  # whoever has secrets has a key

    def up(folder, count):
        lab(folder, count)
        apply = Run([weir, "fleet", "apply", "--yes"], cwd=folder, env=env, runs=1)
        there = inventory(server) - before
        assert sum(service == "rds" and not name.endswith("subnets") for service, name in there) >= count, there
        plan = Run([weir, "fleet", "plan"], cwd=folder, env=env, runs=1)
        calls, quick_calls = requests(weir, folder, env), requests(weir, folder, env, "--quick-refresh")
        destroy = Run([weir, "fleet", "destroy", "--yes", "--lab", "--verify"], cwd=folder, env=env, runs=1)
        assert f"Nothing is left of {count} member" in destroy.out and inventory(server) == before, destroy.out
        return calls, quick_calls, {"fleet apply": apply, "fleet plan": plan, "fleet destroy --lab --verify": destroy}

    (calls_alone, quick_alone, one), (calls, quick_calls, all_of_them) = up(work / "one", 1), up(work / "all", members)
    for words, run in all_of_them.items():
        alone, times = one[words], run.seconds / one[words].seconds
        print(f"    {words:30} one {alone.seconds:6.2f} s (CPU {alone.cpu:5.2f})   {members} {run.seconds:6.2f} s (CPU {run.cpu:5.2f}, {run.megabytes:4.0f} MB)  x {times:.2f}"
              + (judge(f"fleet of {members}, up", times, 3, " x") if words == "fleet apply" else ""))
    for what, some, some_alone, limit in (
            ("calls of a plan without changes", calls, calls_alone, None),
            ("those that list, or ask once for all", of_many(calls), of_many(calls_alone), 2),
            ("all of them with --quick-refresh", quick_calls, quick_alone, 2)):
        n, n_alone = sum(some.values()), sum(some_alone.values())
        print(f"    {what:36} one {n_alone:6}   {members} {n:6}  x {n / n_alone:.2f}" + (judge(f"fleet of {members}, {what}", n / n_alone, limit, " x") if limit else ""))
    each = (sum(calls.values()) - sum(calls_alone.values())) / (members - 1)
    print(f"    {each:.1f} calls more for each further attendee: settings of a bucket, a network, a topic and a state machine, tags of objects" + judge(f"fleet of {members}, calls for each", each, 18, ""))
    print("    nothing is left of either, as boto3 lists what there is")
    server.stop()
    page(title, judge, work, weir, Run)
