"""A repository of 40 stacks in five levels beside its longest chain, on the sandbox with 40 ms for each call; --changed of one module."""

import json
import os
import subprocess
from pathlib import Path

from transfer import Faults, Sandbox

LATENCY_MS = 40
LEVELS, WIDTH = 5, 8

MODULE = """
inputs: {name: {type: string}, subject: {type: string}}
resources:
  topic: {type: aws.sns.topic, name: "${inputs.name}"}
  parameter: {type: aws.ssm.parameter, name: "/bench/${inputs.name}", parameter_type: String, value: "${topic.arn} ${inputs.subject}"}
  work: {type: weir.command, command: "sleep 0.5", triggers: {topic: "${topic.arn}"}}
outputs: {topic: "${topic.arn}"}
"""


def repository(top: Path, width):
    """Each stack refers to one or two of the level below; those of even columns use one module, the others another."""
    for module in ("even", "odd"):
        (top / "modules" / module).mkdir(parents=True)
        (top / "modules" / module / "weir.yaml").write_text(MODULE)
    for level in range(LEVELS):
        for n in range(width):
            name, below = f"s{level}{n}", sorted({n, (n + 1) % width}) if level else []
            data = "".join(f"  b{k}: {{type: weir.stack, stack: s{level - 1}{k}, dir: ../s{level - 1}{k}}}\n" for k in below)
            subject = " ".join(f"${{b{k}.outputs.topic}}" for k in below) or "none"
            (top / name).mkdir()
            (top / name / "weir.yaml").write_text(
                f"stack: {name}\n" + (f"data:\n{data}" if data else "")
                + f"modules:\n  m: {{source: ../modules/{'odd' if n % 2 else 'even'}, name: {top.name}-{name}, subject: \"{subject}\"}}\noutputs: {{topic: \"${{m.topic}}\"}}\n")


def bench(title, judge, work, weir, Run):
    title(f"{LEVELS * WIDTH} stacks in {LEVELS} levels", f"apply --all beside that of a chain of {LEVELS}, on the sandbox with {LATENCY_MS} ms for each call; best of 3; load {os.getloadavg()[0]:.1f}")
    server = Sandbox("-")
    Faults(server)("POST", {"rules": [{"service": "*", "latency": LATENCY_MS}]})
    env = {**server.environment(home=str(work)), "WEIR_STATE_KEY": "0123456789abcdef" * 4}  # whoever has secrets has a key
    seconds = {}
    for name, width in (("chain", 1), ("all", WIDTH)):
        top, best = work / name, None
        repository(top, width)
        for _ in range(3):
            apply = Run([weir, "apply", "--all", "--yes"], cwd=top, env=env, runs=1)
            assert f"Done: {LEVELS * width} of {LEVELS * width} stacks" in apply.out, apply.out
            plan = Run([weir, "plan", "--all"], cwd=top, env=env, runs=1)
            assert f"Plan: 0 of {LEVELS * width} stacks" in plan.out, plan.out
            destroy = Run([weir, "destroy", "--all", "--yes"], cwd=top, env=env, runs=1)
            best = min(best or apply.seconds, apply.seconds)
        seconds[name] = best
        print(f"    {LEVELS * width:3} stacks   apply {best:6.2f} s (CPU {apply.cpu:5.2f}, {apply.megabytes:4.0f} MB)   plan {plan.seconds:6.2f} s   destroy {destroy.seconds:6.2f} s")
    print(f"    x {seconds['all'] / seconds['chain']:.2f}" + judge(f"{LEVELS * WIDTH} stacks, beside their longest chain", seconds["all"] / seconds["chain"], 1.2, " x"))
    server.stop()
    top = work / "all"
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "all"]):
        subprocess.run([*git, *words], cwd=top, check=True)
    (top / "modules/even/weir.yaml").write_text(MODULE + "# changed\n")
    changed = Run([weir, "validate", "--all", "--json", "--changed", "HEAD"], cwd=top, env=env, runs=3)
    folders = {json.loads(line)["folder"] for line in changed.out.splitlines()}
    users = {f"s{level}{n}" for level in range(LEVELS) for n in range(WIDTH) if level or n % 2 == 0}  # every second, and above them all
    assert folders == users, folders ^ users
    print(f"    {changed.seconds:6.2f} s for the {len(users)} of {LEVELS * WIDTH} that a change of one module reaches")
