"""Runs beside each other in one stack, in every store: 20 applies beside a long run, 16 writers beside one, what claims cost a run that is alone, and a plan of one resource of very many."""

import contextlib
import itertools
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent.parent / part) for part in ("tools", "e2e", "e2e/sandbox")]

from fault_proxy import FaultProxy  # noqa: E402
from pg import Postgres  # noqa: E402
from servers import SandboxCloud  # noqa: E402

BESIDE, WRITERS, CHANGES, EACH_S, PAIRS, VALUES = 20, 16, 8, 1, 60, 20
KEY = {"WEIR_STATE_KEY": "0123456789abcdef" * 4}


@contextlib.contextmanager
def stores():
    """The settings of each by its name, and the environment they need."""
    server, cloud = Postgres(), SandboxCloud()
    cloud.client().create_bucket(Bucket="weir-state")
    try:
        yield {"file": ("backend: file", cloud.environment()),
               "postgres": (f'backend: postgres, url: "postgres://weir@127.0.0.1:{server.port}/postgres"', cloud.environment()),
               "s3": ("backend: s3, bucket: weir-state", cloud.environment())}
    finally:
        server.stop()
        cloud.kill()


def applying(n, *targets):
    return "apply", "--yes", "-i", f"n={n}", *(word for target in targets for word in ("--target", target))


class Locked:
    """A stack with its state in a store."""

    def __init__(self, work, weir, Run, name, store, resources):
        settings, env = store
        self.folder, self.weir, self.Run = work / name, weir, Run
        self.env = {"PATH": os.environ["PATH"], "HOME": str(work), **KEY, **env}
        self.folder.mkdir()
        (self.folder / "weir.yaml").write_text(f"stack: {name}\nstate: {{{settings}}}\ninputs: {{n: 0}}\nresources:\n{resources}")

    def write_more(self, resources):
        with open(self.folder / "weir.yaml", "a") as file:
            file.write(resources)

    def run(self, *words):
        return self.Run([self.weir, *words], cwd=self.folder, env=self.env, runs=1)

    def apply(self, n, *targets):
        return self.run(*applying(n, *targets)).seconds

    def start(self, n, *targets):
        return subprocess.Popen([self.weir, *applying(n, *targets)], cwd=self.folder, env=self.env, stdout=subprocess.DEVNULL)

    def wait(self, process):
        if process.wait():
            sys.exit(f"weir apply ended with {process.returncode}")


def beside_one(bench, Run, work, name, store, seconds):
    slow = f"  slow: {{type: weir.command, command: touch begun; sleep {seconds}}}\n"
    stack = Locked(work, bench.weir, Run, f"beside-{name}", store, slow + "".join(f'  v{i}: {{type: weir.value, value: "${{inputs.n}}"}}\n' for i in range(BESIDE)))

    def changed(n):
        return statistics.median(stack.apply(n, f"v{i}") for i in range(BESIDE)) * 1e3

    changed(1)
    alone = changed(2)
    long = stack.start(0, "slow")
    while not (stack.folder / "begun").exists():
        time.sleep(0.01)
    beside = changed(3)
    if long.poll() is not None:
        sys.exit("the slow run ended before the others")
    stack.wait(long)
    print(f"  {name:9} apply alone {alone:6.1f} ms, beside it {beside:6.1f} ms  x {beside / alone:.2f}"
          + bench.judge(f"{name}, an apply beside a run", beside / alone, 1.5, " times"))


def writers(bench, Run, work, name, store):
    """Each has a chain of changes of a second: what they wait for of each other is the store."""
    lines = [f"  w{w}c{i}: {{type: weir.command, command: sleep {EACH_S}, triggers: {{n: \"${{inputs.n}}\"}}{f', depends_on: [w{w}c{i - 1}]' if i else ''}}}\n"
             for w in range(WRITERS) for i in range(CHANGES)]
    stack = Locked(work, bench.weir, Run, f"writers-{name}", store, "".join(lines))
    parts = [[f"w{w}c{i}" for i in range(CHANGES)] for w in range(WRITERS)]
    one = stack.apply(1, *parts[0])
    begin = time.perf_counter()
    for process in [stack.start(2, *part) for part in parts]:
        stack.wait(process)
    all_of_them = time.perf_counter() - begin
    rates = CHANGES / one, WRITERS * CHANGES / all_of_them
    print(f"  {name:9} one {rates[0]:5.2f} changes/s, {WRITERS} writers {rates[1]:5.2f}  x {rates[1] / rates[0]:.1f}" + bench.judge(f"{name}, 1 / ({WRITERS} writers beside one)", rates[0] / rates[1], 0.1))


ENDS = ("destroy", "--yes"), ("destroy", "--yes", "--target", "v")


def requests(stack, words):
    proxy = FaultProxy(stack.env["AWS_ENDPOINT_URL"])
    straight, stack.env = stack.env, {**stack.env, "AWS_ENDPOINT_URL": proxy.url}
    stack.run(*words)
    stack.env = straight
    return len(proxy.log)


def overhead(bench, Run, work, name, store):
    """What destroys all has the lock of the whole state, what destroys a target has claims. Each is the second run of a state: in a longer one they would read, too."""
    value = f'  v: {{type: weir.value, for_each: "${{[for i in range({VALUES}) : tostring(i)]}}", value: "${{inputs.n}}"}}\n'
    pairs = [[Locked(work, bench.weir, Run, f"{kind}-{name}-{i}", store, value) for kind in ("lock", "claims")] for i in range(PAIRS)]
    for stack in itertools.chain(*pairs):
        stack.apply(0)
    if name == "s3":
        lock, claims = (requests(stack, words) for stack, words in zip(pairs.pop(), ENDS))
        print(f"  {name:9} {lock} requests with the lock of the whole state, {claims} with claims" + bench.judge(f"{name}, requests for claims", claims - lock, 1, " more"))
    runs = [[stack.run(*words) for stack, words in zip(pair, ENDS)] for pair in pairs]
    lock, claims = ([min(getattr(run, what) for run in column) * 1e3 for what in ("cpu", "seconds")] for column in zip(*runs))
    print(f"  {name:9} CPU {lock[0]:5.2f} ms of {lock[1]:5.1f} ms with the lock of the whole state, {claims[0]:5.2f} of {claims[1]:5.1f} with claims  x {claims[0] / lock[0]:.3f}, {claims[1] / lock[1]:.3f}"
          + bench.judge(f"{name}, claims of one writer", claims[0] / lock[0], 1.03, " times"))


def of_very_many(bench, Run, work, name, store, count):
    """What a plan of one reads, beside what a plan of all does; on S3 the store is this machine, and requests are what counts."""
    lists = "".join(f'  v{i}: {{type: weir.value, for_each: "${{[for i in range({count // 10}) : tostring(i)]}}", value: "${{each.key}}"}}\n' for i in range(10))
    stack = Locked(work, bench.weir, Run, f"many-{name}", store, '  base: {type: weir.value, value: "${inputs.n}"}\n  one: {type: weir.value, value: "${base.value}"}\n' + lists)
    stack.apply(0)
    whole = stack.run("plan", "--no-refresh")
    stack.write_more('  new: {type: aws.sqs.queue, name: new}\n')  # which another address may have already
    for target in "one", 'v3["77"]', "new":
        plan = stack.run("plan", "--target", target, "-i", "n=1")
        for _ in range(9):
            plan.again()
        calls = f", {requests(stack, ('plan', '--target', target))} requests" if name == "s3" else ""
        judged = "" if name == "s3" else bench.judge(f"{name}, {target} of {count:,}", plan.seconds * 1e3, 100, " ms") + bench.judge(f"{name}, {target} of {count:,}", plan.megabytes, 30, " MB")
        print(f"  {name:9} {target:9} {plan.seconds * 1e3:6.1f} ms, {plan.megabytes:5.1f} MB{calls}; all of it {whole.seconds:5.2f} s, {whole.megabytes:4.0f} MB  x {plan.seconds / whole.seconds:.4f}{judged}")
    print(f"  {name:9} a plan of all, without changes: {whole.seconds:.2f} s" + bench.judge(f"{name}, a plan of all of {count:,}", whole.seconds, 15, " s"))


def run(title, bench, Run, work):
    seconds = 20 if bench.quick else 60
    with stores() as known:
        title(f"{BESIDE} applies of other resources of a stack while a run of {seconds} s goes on in it", "each is made alone, and then beside it; the middle one of them")
        for name, store in known.items():
            beside_one(bench, Run, work, name, store, seconds)
        title(f"{WRITERS} writers on disjoint parts of one stack beside one", f"{CHANGES} changes for each, one after another, of {EACH_S} s")
        for name, store in known.items():
            writers(bench, Run, work, name, store)
        title("What claims cost one writer", f"a destroy of {VALUES} targets beside the same of the whole stack, in turns; best of {PAIRS}")
        for name, store in known.items():
            overhead(bench, Run, work, name, store)
        count = 100_000 if bench.quick else 1_000_000
        title(f"A plan of one resource in a state of {count:,}", "--target, best of 10; beside it one plan of all of them, which calls no service either")
        for name, store in known.items():
            of_very_many(bench, Run, work, name, store, count)
