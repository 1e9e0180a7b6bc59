"""
Three writers at one state, in every store: applies, destroys, saved plans, of all of a stack or of parts. In each history something else goes wrong: runs are
killed, connections to the store are cut, processes stop for longer than their lease and go on, clocks are wrong by hours. Runs that go on at the same
time must not meet in what they change or refer to, as the log says it; then nothing is disturbed any more, and one apply makes everything
right, as boto3 counts it; a plan has nothing to do; one destroy leaves nothing.

A history is made of its seed: WEIR_WRITERS=17,18 lives through these alone and says what was done.
"""

import base64
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent.parent / part) for part in ("tools", "e2e", "e2e/sandbox")]

from pg import Postgres  # noqa: E402
from servers import Faults, SandboxCloud, make_bucket  # noqa: E402
from support import FAKETIME, Stack  # noqa: E402

LONG = bool(os.environ.get("WEIR_LONG"))
AT_ONCE, WRITERS, RUNS, PAIRS = 4, 3, 3, 4
MANY, LARGE_EACH = 2500, 5  # of every few histories the state is so large that runs of targets read a part of it, and write snapshots
DEAD = -signal.SIGKILL
PATIENT = ("--lock-timeout", "60s")  # the dead may have a lease
ALLOWED = (0, 1, 4, DEAD)  # 1: others have changed what a plan was made from
LEASE_S = 5
TROUBLES = ("none", "kills", "kills", "cuts", "stops", "clocks")
SHORT = [0, 1, 2, 3, 5, 19]  # of `make test`: each trouble is in it


def body(name, state, large):
    inputs = {f"{kind}{i}": 0 for kind in "vw" for i in range(PAIRS)} | {"m": 0}
    resources = {"value": {"type": "weir.value", "value": "${inputs.v0}"}}
    for i in range(PAIRS):
        resources[f"q{i}"] = {"type": "aws.sqs.queue", "name": f"{name}-{i}", "visibility_timeout": f"${{30 + inputs.v{i}}}"}
        resources[f"p{i}"] = {"type": "aws.ssm.parameter", "name": f"/{name}/{i}", "parameter_type": "String", "value": f"${{q{i}.name}} ${{inputs.w{i}}}"}
    if large:
        resources["many"] = {"type": "weir.value", "for_each": f"${{[for i in range({MANY}) : tostring(i)]}}", "value": "${each.key} ${inputs.m}"}
    outputs = {f"o{i}": {"value": f"${{q{i}.visibility_timeout}}"} for i in range(PAIRS)}
    return json.dumps({"stack": name, "state": state, "inputs": inputs, "resources": resources, "outputs": outputs})


class Run:
    """One run of the log: from which record to which, and what it claims."""

    def __init__(self, record):
        self.run, self.first, self.last = record["run"], record["seq"], record["seq"]
        self.claims = {"changes": [], "refers": [], **record["claims"]} if "claims" in record else None

    def meets(self, other):
        if not self.claims or not other.claims:
            return True  # it had the lock alone
        changes, others = set(self.claims["changes"]), set(other.claims["changes"])
        return bool(changes & others or changes & set(other.claims["refers"]) or others & set(self.claims["refers"]))


def runs_of(lines):
    runs = {}
    for line in lines:
        record = json.loads(line[9:])
        if record["kind"] == "run":
            assert record["run"] not in runs, f"two runs have the number {record['run']}"
            runs[record["run"]] = Run(record)
        elif "run" in record and record["kind"] != "kept":
            runs[record["run"]].last = record["seq"]
    return list(runs.values())


class Files:
    """Each stack has its own beside it. There is nothing to be cut, and no lease."""

    stopped_s = 2

    def __init__(self, cloud):
        pass

    def settings(self, name):
        return {"backend": "file"}

    def cut(self, name):
        pass

    def mend(self, name):
        pass

    def lines(self, stack):
        for path in sorted(stack.folder.glob(".weir/*.log")):
            yield from path.read_text().split("\n")[:-1]  # the last one may have been cut short

    def stop(self):
        pass


class Rows:
    stopped_s = 2

    def __init__(self, cloud):
        self.server = Postgres()
        self.url = f"postgres://weir@127.0.0.1:{self.server.port}/postgres"

    def settings(self, name):
        return {"backend": "postgres", "url": f"{self.url}?application_name={name}"}

    def cut(self, name):
        self.server.psql(f"select pg_terminate_backend(pid) from pg_stat_activity where application_name = '{name}' order by random() limit 1")

    def mend(self, name):
        pass

    def lines(self, stack):
        name = json.loads((stack.folder / "weir.yaml").read_text())["stack"]
        query = f"select encode(lines, 'base64') from weir_state where name = '{name}' order by first_seq"
        rows = subprocess.run(["psql", self.url, "-AtXR", "|", "-c", query], check=True, stdout=subprocess.PIPE, text=True).stdout
        for row in rows.rstrip("\n").split("|"):
            yield from base64.b64decode(row).decode().splitlines()

    def stop(self):
        self.server.stop()


class Objects:
    """The dead have a lease. What is cut there is one request in ten, of the histories that have this trouble; half of them were carried out."""

    stopped_s = LEASE_S + 3

    def __init__(self, cloud):
        self.bucket = make_bucket(cloud)
        self.client = cloud.client()
        self.faults, self.trouble, self.lock = Faults(cloud), set(), threading.Lock()

    def settings(self, name):
        return {"backend": "s3", "bucket": self.bucket, "lease_seconds": LEASE_S}

    def cut(self, name):
        with self.lock:
            if name not in self.trouble:
                self.trouble.add(name)
                self.tell()

    def mend(self, name):
        with self.lock:
            self.trouble.discard(name)
            self.tell()

    def tell(self):
        rules = [{"service": "s3", "operation": f"* /{self.bucket}/{name}/*", "fault": fault, "probability": 0.05} for name in self.trouble for fault in ("lost", "reset")]
        self.faults("POST", {"seed": 1, "rules": rules})

    def lines(self, stack):
        name = json.loads((stack.folder / "weir.yaml").read_text())["stack"]
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=f"{name}/0")
        for key in [item["Key"] for page in pages for item in page.get("Contents", [])]:
            yield from self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read().decode().splitlines()

    def stop(self):
        pass


STORES = {"file": Files, "postgres": Rows, "s3": Objects}


class History:
    def __init__(self, cloud, store, folder, seed):
        self.random, self.name, self.told, self.beside, self.store = random.Random(seed), f"writers-{seed}", [], 0, store
        self.large = seed % LARGE_EACH == LARGE_EACH - 1
        self.stack = Stack(folder, cloud).write(body(self.name, store.settings(self.name), self.large))
        self.trouble = self.random.choice(TROUBLES)
        self.lock, self.written = threading.Lock(), threading.Event()

    def weir(self, *command, env=None, allowed=(0,), stop_after_s=None):
        process = self.stack.start(*command, env=env)
        try:
            if stop_after_s is not None:
                time.sleep(stop_after_s)
                process.send_signal(signal.SIGSTOP)
                time.sleep(self.store.stopped_s)
                process.send_signal(signal.SIGCONT)
            out, err = process.communicate(timeout=120)
        except BaseException:
            process.kill()
            process.communicate()
            raise AssertionError(f"weir {' '.join(command)} does not end")
        with self.lock:
            self.told.append(f"weir {' '.join(command)} {env or ''}: {process.returncode}\n{out}{err}")
        assert process.returncode in allowed, command
        assert "Sanitizer" not in err and "Assertion" not in err
        return process.returncode

    def draw(self, writer):
        """What one run of a writer is to do."""
        i, given = self.random.randrange(PAIRS), self.random.randrange(1, 9)
        env = {}
        if self.trouble == "kills" and self.random.random() < 0.4:
            env = {"WEIR_CRASH_AT": str(self.random.randint(1, 40))}
        elif self.trouble == "clocks" and FAKETIME:
            env = {"LD_PRELOAD": str(FAKETIME), "FAKETIME": self.random.choice(("-3h", "+3h", "-1d", "+0")), "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        stop_after_s = self.random.uniform(0, 0.3) if self.trouble == "stops" and self.random.random() < 0.3 else None
        patience = self.random.choice(([], ["--partial"], ["--lock-timeout", "20s"], ["--partial", "--lock-timeout", "20s"]))
        kind = self.random.choice((*["many"] * 3 * self.large, "queue", "parameter", "parameter", "pair", "all", "gone", "saved", "saved"))
        return env, stop_after_s, {
            "queue": [["apply", "--yes", *patience, "--target", f"q{i}", "-i", f"v{i}={given}"]],
            "parameter": [["apply", "--yes", *patience, "--target", f"p{i}", "-i", f"w{i}={given}"]],
            "pair": [["apply", "--yes", *patience, "--target", f"p{i}", "--target", "value", "-i", f"v{i}={given}", "-i", f"v0={given}"]],
            "many": [["apply", "--yes", *patience, "--target", "many", "-i", f"m={given}"]],
            "all": [["apply", "--yes", *patience, "-i", f"v{i}={given}"]],
            "gone": [["destroy", "--yes", *(word for word in patience if word != "--partial"), "--target", f"p{i}"]],
            "saved": [["plan", "-o", f"{writer}.plan", "--target", f"p{i}", "-i", f"w{i}={given}"], ["apply", *patience, f"{writer}.plan"]],
        }[kind]

    def write(self, plans):
        for env, stop_after_s, commands in plans:
            for command in commands:
                if self.weir(*command, env=env, allowed=ALLOWED if command[0] != "plan" or self.trouble == "cuts" else (0, DEAD), stop_after_s=stop_after_s):
                    break

    def cut(self):
        """Again and again, as long as the writers write."""
        chance = random.Random(self.name)
        while self.trouble == "cuts" and not self.written.wait(chance.uniform(0.05, 0.4)):
            self.store.cut(self.name)
        self.store.mend(self.name)

    def count(self, number):
        queues = self.stack.client("sqs").list_queues(QueueNamePrefix=self.name + "-").get("QueueUrls", [])
        parameters = self.stack.client("ssm").get_parameters_by_path(Path=f"/{self.name}")["Parameters"]
        assert (len(queues), len(parameters)) == (number, number), (queues, parameters)

    def check_runs(self):
        for a, b in itertools.combinations(runs_of(self.store.lines(self.stack)), 2):
            if a.last > b.first:
                self.beside += 1
                assert not a.meets(b), f"runs {a.run} and {b.run} ran at the same time"

    def live(self):
        for m in 1, 2, 3:  # the last one finds that a snapshot is due
            self.large and self.weir("apply", "--yes", "-i", f"m={m}")
        drawn = [[self.draw(writer) for _ in range(RUNS)] for writer in range(WRITERS)]
        cutter = threading.Thread(target=self.cut)
        cutter.start()
        try:
            with ThreadPoolExecutor(WRITERS) as pool:
                for done in [pool.submit(self.write, plans) for plans in drawn]:
                    done.result()
        finally:
            self.written.set()
            cutter.join()
        self.check_runs()
        self.weir("apply", "--yes", *PATIENT)
        self.weir("plan", "--detailed-exitcode")
        self.weir("state", "doctor")
        self.count(PAIRS)
        assert self.stack.outputs() == {f"o{i}": 30 for i in range(PAIRS)}
        self.weir("destroy", "--yes", *PATIENT)
        self.count(0)
        assert self.stack.addresses() == []


def live(cloud, store, folder, seed):
    """How many runs went on beside another, and what went wrong."""
    history = History(cloud, store, folder / str(seed) / "stack", seed)
    try:
        history.live()
    except Exception as error:
        return history.beside, f"==== WEIR_WRITERS={seed}\n" + "\n".join(history.told) + f"\n{error!r}"
    shutil.rmtree(folder / str(seed), ignore_errors=True)
    return history.beside, None


def seeds():
    if alone := os.environ.get("WEIR_WRITERS"):
        return [[int(seed) for seed in alone.split(",")]]
    return [range(at, at + 50) for at in range(0, 2000, 50)] if LONG else [SHORT]


@pytest.mark.full
@pytest.mark.parametrize("kind", STORES)
@pytest.mark.parametrize("chunk", seeds(), ids=lambda chunk: f"{chunk[0]}-{chunk[-1]}")
def test_writers(tmp_path, chunk, kind):
    cloud = SandboxCloud()
    store = STORES[kind](cloud)
    try:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            lived = list(pool.map(lambda seed: live(cloud, store, tmp_path, seed), chunk))
    finally:
        cloud.kill()
        store.stop()
    wrong = [told for _, told in lived if told]
    assert not wrong, f"{len(wrong)} of {len(chunk)} histories:\n" + "\n".join(wrong)
    assert len(chunk) < len(SHORT) or sum(beside for beside, _ in lived), "no run went on beside another"
    assert chunk != SHORT or {History(cloud, store, tmp_path / "drawn", seed).trouble for seed in chunk} == set(TROUBLES)
