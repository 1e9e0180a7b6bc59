"""
Histories: applies (and a destroy) of a data pipeline's stack while requests and answers are refused, lost, cut short, emptied, thrown out,
throttled and late, at 3 to 25 in a hundred, half of them killed besides; then nothing is disturbed any more, and one apply makes
everything right, as boto3 counts it; a plan has nothing to do; one destroy leaves nothing.

A history is made of its seed: WEIR_HISTORY=sandbox:17 lives through this one alone and says what was done, sandbox:17,18 through these.

Upstream is moto, which moto_gaps.py makes know the tokens of EC2 by which AWS knows a repeated request again, and the sandbox.
"""

import os
import random
import shutil
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent.parent / part) for part in ("tools", "e2e/sandbox")]

import boto3  # noqa: E402
from fault_proxy import FaultProxy, Seeded  # noqa: E402
from history_stack import PARTS, numbers_of, written  # noqa: E402
from inventory import TABLE, inventory, numbers  # noqa: E402
from servers import SandboxCloud  # noqa: E402
from support import Stack  # noqa: E402

LONG = bool(os.environ.get("WEIR_LONG"))
AT_ONCE = 8  # histories wait as much as they work
SPEED = "20"  # of weir's clock: it waits for what may show late
WHOLE_EACH = 10  # of so many histories one is of the whole stack, the others of one or two parts
PATIENCE_S = 120
NOWHERE = "http://127.0.0.1:9"
DEAD = -signal.SIGKILL


class Clients:
    """One of boto3 for each service, which calls the place that its thread looks at: to make one takes longer than to count with it."""

    def __init__(self):
        self.made, self.making, self.looked_at = {}, threading.Lock(), threading.local()

    def of(self, service, url):
        self.looked_at.url = url
        with self.making:
            if service not in self.made:
                self.made[service] = boto3.client(
                    service, endpoint_url=NOWHERE, region_name="us-east-1", aws_access_key_id="look", aws_secret_access_key="look")
                self.made[service].meta.events.register("before-call", self._direct)
        return self.made[service]

    def _direct(self, params, **_):
        params["url"] = self.looked_at.url + params["url"].removeprefix(NOWHERE)


class Place:
    """A proxy before an account of its own at the cloud: one of moto's, or a sandbox. Empty before and after each history."""

    clients = Clients()

    def __init__(self, upstream, number, moto):
        self.sandbox = SandboxCloud() if upstream == "sandbox" else None
        self.proxy = FaultProxy((self.sandbox or moto).url)
        if not self.sandbox:
            self.proxy.altered = lambda sent: sent.replace(b"\r\n", b"\r\nx-moto-account-id: %012d\r\n" % (number + 1), 1)
        self.lake = f"history-lake-{number}"

    def client(self, service):
        """boto3 is disturbed by nothing: the proxy has no faults when it looks."""
        return self.clients.of(service, self.proxy.url)

    def close(self):
        self.proxy.close()
        if self.sandbox:
            self.sandbox.kill()


class History:
    def __init__(self, place, folder, seed):
        self.place, self.seed, self.told = place, seed, []
        self.random = random.Random(seed)
        names = sorted(PARTS)
        self.parts = names if LONG and seed % WHOLE_EACH == 0 else self.random.sample(names, self.random.choice((1, 1, 2)) if LONG else 1)
        self.rate = self.random.uniform(0.03, 0.25)
        self.kills = self.random.random() < 0.5
        self.stack = written(Stack(folder, place.proxy), self.parts, place.lake)
        self.stack.env["WEIR_CLOCK_SPEED"] = SPEED

    def weir(self, *command, disturbed=True):
        """A run with faults, which may fail or be killed, or one without, which may not."""
        env = {"WEIR_CRASH_AT": str(self.random.randint(1, 90))} if disturbed and self.kills else {}
        process = self.stack.start(*command, env=env)
        try:
            out, err = process.communicate(timeout=PATIENCE_S)
        except BaseException:
            process.kill()
            process.communicate()
            raise AssertionError(f"weir {' '.join(command)} does not end")
        self.told.append(f"weir {' '.join(command)} {env}: {process.returncode}\n{out}{err}")
        assert process.returncode in ((0, 1, 2, DEAD) if disturbed else (0,)), command
        assert "Sanitizer" not in err and "Assertion" not in err

    def disturbed(self, name, *command):
        self.place.proxy.begin(Seeded(f"{self.seed} {name}", self.rate))
        try:
            self.weir(*command)
        finally:
            for (label, number), fault in self.place.proxy.done().items():
                self.told.append(f"    {label} ({number}): {fault}")
            self.place.proxy.end()

    def count(self, expected):
        types = {*numbers_of(self.parts), "uploads"} & set(TABLE)
        found = {type_: number for type_, number in numbers(inventory(self.place, types)).items() if number}
        assert found == expected

    def live(self):
        version = 1
        for number in range(self.random.randint(1, 3)):
            version = self.random.choice((1, 1, 2))
            if number and self.random.random() < 0.15:
                self.disturbed(number, "destroy", "--yes")
            else:
                self.disturbed(number, "apply", "--yes", "-i", f"v={version}")
        self.weir("apply", "--yes", "-i", f"v={version}", disturbed=False)
        self.weir("plan", "--detailed-exitcode", "-i", f"v={version}", disturbed=False)
        self.count({type_: number for type_, number in numbers_of(self.parts).items() if type_ in TABLE})
        if self.random.random() < 0.5:
            self.disturbed("destroy", "destroy", "--yes")
        self.weir("destroy", "--yes", disturbed=False)
        self.count({})
        assert self.stack.addresses() == []


class Lives:
    """Some histories at a time, each place with one at a time."""

    def __init__(self, upstream, moto, folder):
        self.upstream, self.moto, self.folder = upstream, moto, Path(folder)
        self.local, self.lock, self.places, self.made = threading.local(), threading.Lock(), [], 0

    def place(self):
        if not getattr(self.local, "place", None):
            with self.lock:
                self.made += 1
                self.local.place = Place(self.upstream, self.made, self.moto)
                self.places.append(self.local.place)
        return self.local.place

    def live(self, seed):
        """None, or what went wrong."""
        place = self.place()
        folder = self.folder / f"{self.upstream}-{seed}-{place.lake}"
        history = History(place, folder / "stack", seed)
        try:
            history.live()
        except Exception as error:
            self.local.place = None  # what is left there is not for the next
            told = "\n".join(history.told)
            return f"==== WEIR_HISTORY={self.upstream}:{seed}, {' '.join(history.parts)}, {history.rate:.2f}{', kills' if history.kills else ''}\n{told}\n{error!r}"
        shutil.rmtree(folder, ignore_errors=True)
        return None

    def all(self, seeds):
        try:
            with ThreadPoolExecutor(AT_ONCE) as pool:
                wrong = [told for told in pool.map(self.live, seeds) if told]
        finally:
            for place in self.places:
                place.close()
        assert not wrong, f"{len(wrong)} of {len(seeds)} histories:\n" + "\n".join(wrong)


FULL = (("sandbox", range(16)), ("sandbox", range(16, 32)), ("sandbox", range(32, 48)), ("moto", range(8)))
SHORT = (("sandbox", range(16)), ("moto", range(4)))
CHUNK, CHUNKS = 250, 40  # 10,000


def chunks():
    if alone := os.environ.get("WEIR_HISTORY"):
        upstream, seeds = alone.split(":")
        return [(upstream, [int(seed) for seed in seeds.split(",")])]
    if LONG:
        return [(("sandbox", "moto")[number % 2], range(number * CHUNK, (number + 1) * CHUNK)) for number in range(CHUNKS)]
    return FULL if os.environ.get("FULL") else SHORT


@pytest.mark.parametrize("upstream, seeds", chunks(), ids=lambda value: value if isinstance(value, str) else f"{value[0]}-{value[-1]}")
def test_history(cloud, tmp_path, upstream, seeds):
    Lives(upstream, cloud, tmp_path).all(seeds)
