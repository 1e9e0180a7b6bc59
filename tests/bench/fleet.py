"""Fleets: fifty attendees beside one, on the sandbox with 40 ms for each call; and a plan of 1,000 resources as a page."""

import os
import re

from transfer import Faults, Sandbox

LATENCY_MS = 40
MEMBERS = 50

LAB = """
stack: lab
inputs: {owner: {type: string}, number: {type: integer}}
fleet:
  each: {file: attendees.csv, key: name}
  inputs: {owner: "${each.key}", number: "${each.value.number}"}
providers: {aws: {default_tags: {owner: "${inputs.owner}"}}}
resources:
  network: {type: aws.ec2.vpc, cidr_block: "10.${inputs.number}.0.0/16"}
  gate: {type: aws.ec2.internet_gateway, vpc_id: "${network.vpc_id}"}
  half: {type: aws.ec2.subnet, for_each: ["0", "1", "2", "3"], vpc_id: "${network.vpc_id}", cidr_block: "10.${inputs.number}.${each.key}.0/24"}
  door: {type: aws.ec2.security_group, name: "${inputs.owner}-door", description: in, vpc_id: "${network.vpc_id}"}
  ssh: {type: aws.ec2.security_group_rule, group_id: "${door.group_id}", protocol: tcp, from_port: 22, to_port: 22, cidr: 203.0.113.0/24}
  lake: {type: aws.s3.bucket, name: "${inputs.owner}-lab", versioning: true, force_destroy: true}
  login: {type: aws.secretsmanager.secret, name: "${inputs.owner}-login", generate: {length: 20}, force_destroy: true}
  events: {type: aws.sqs.queue, name: "${inputs.owner}-events"}
"""


def requests(shown):
    """How many calls a plan made, as it says itself."""
    found = re.search(r"(\d+) requests?", shown)
    return int(found[1]) if found else 0


def page(title, judge, work, weir, Run):
    title("A plan of 1,000 resources as a page", "weir plan --format html, without refreshing, best of 5")
    folder = work / "page"
    folder.mkdir()
    lines = "".join(f'  r{n}: {{type: weir.value, value: "${{r{n // 3}.value}} {n}"}}\n' for n in range(1, 1000))
    (folder / "weir.yaml").write_text("stack: many\nresources:\n  r0: {type: weir.value, value: x}\n" + lines)
    run = Run([weir, "plan", "--format", "html"], cwd=folder, runs=5)
    print(f"    {run.seconds * 1e3:7.1f} ms {len(run.out) / 1e6:7.2f} MB"
          + judge("page, time", run.seconds, 0.1, " s") + judge("page, size", len(run.out) / 1e6, 1, " MB"))


def bench(title, judge, work, quick, weir, Run):
    members = 10 if quick else MEMBERS
    title(f"{members} attendees", f"one attendee's stack of 12 resources, and all at once, on the sandbox with {LATENCY_MS} ms for each call; one run each; load {os.getloadavg()[0]:.1f}")
    server = Sandbox("-")
    Faults(server)("POST", {"rules": [{"service": "*", "latency": LATENCY_MS}]})
    env = server.environment(home=str(work))

    def up(folder, count):
        folder.mkdir()
        (folder / "weir.yaml").write_text(LAB)
        (folder / "attendees.csv").write_text("name,number\n" + "".join(f"{folder.name}{n:02},{n}\n" for n in range(1, count + 1)))
        runs = {words: Run([weir, *words.split()], cwd=folder, env=env, runs=1) for words in ("fleet apply --yes", "fleet plan", "fleet destroy --yes --lab --verify")}
        assert f"Nothing is left of {count} member" in runs["fleet destroy --yes --lab --verify"].out
        return runs

    one, all_of_them = up(work / "one", 1), up(work / "many", members)
    for words, run in all_of_them.items():
        alone, times = one[words], run.seconds / one[words].seconds
        print(f"    {words:36} one {alone.seconds:6.2f} s   {members} {run.seconds:6.2f} s  x {times:.2f}" + (judge(f"fleet of {members}, up", times, 3, " x") if words.startswith("fleet apply") else ""))
    calls, calls_alone = requests(all_of_them["fleet plan"].out), requests(one["fleet plan"].out)
    print(f"    calls of a plan without changes      one {calls_alone:6}     {members} {calls:6}    x {calls / calls_alone:.2f}" + judge(f"fleet of {members}, calls", calls / calls_alone, 2, " x"))
    server.stop()
    page(title, judge, work, weir, Run)
