import atexit
import gc
import os
import re
import signal
import sys
from pathlib import Path
from zlib import crc32

gc.disable()  # until all tests are known: what is loaded stays, and looking through it again and again was a quarter of the time until then

import pytest  # noqa: E402
import yaml  # noqa: E402

sys.path.insert(0, str(Path(__file__).parent / "e2e"))
from support import Cloud, Forks  # noqa: E402


# What a user or a CI has set for programs of its own is not for servers on loopback, clients and builds.
for name in list(os.environ):
    if name.startswith(("AWS_", "GIT_")) or name.lower().endswith("_proxy"):
        del os.environ[name]
os.environ.pop("PYTHONPYCACHEPREFIX", None)  # of tools/test, for pytest alone
os.environ["LC_ALL"] = "C.UTF-8"  # PostgreSQL does not begin in a locale that is not installed

FORKS = pytest.StashKey()
yaml.SafeLoader = yaml.CSafeLoader  # what safe_load() takes: each worker reads all specs

# In the background of a shell, or under nohup, these are ignored, and would be by all that tests start and interrupt.
for number, usual in (signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, usual)


# Tests that go from type to type: the first of each service is in `make test`, the others are for its long form.
FROM_TYPE_TO_TYPE = {"test_made_once", "test_same_end_state", "test_calls_for_each_resource", "test_applied", "test_more_life_cycles", "test_life_cycle", "test_cycle"}


def later_of_a_service(items):
    seen = set()
    for item in items:
        if getattr(item, "originalname", "") not in FROM_TYPE_TO_TYPE or not hasattr(item, "callspec") or item.get_closest_marker("long"):
            continue
        name = item.callspec.params.get("name")
        case = getattr(item.module, "CASES", {}).get(name) or getattr(item.module, "MORE", {}).get(name)
        service = re.search(r"\baws\.(\w+)\.", getattr(case, "type", item.name))
        where = service and (item.module.__name__, item.originalname, service[1])
        if where in seen:
            yield item
        seen.add(where or item)


# `make test` runs each test that does the same on several servers or stores on one of them (the sandbox where that is what is tested), and
# leaves out those marked `full`; with FULL=1, as in CI and in the long form, all of these run.
FULL = bool(os.environ.get("FULL") or os.environ.get("WEIR_LONG"))
SERVERS = {"moto", "moto without tags", "sandbox", "versitygw", "file", "s3", "postgres", "sealed", "encrypted"}


def elsewhere(items):
    same = {}
    for item in items:
        params = item.callspec.params if hasattr(item, "callspec") else {}
        where = [value for value in params.values() if isinstance(value, str) and value in SERVERS]
        if where:
            rest = "-".join(part for part in item.callspec.id.split("-") if part not in where)
            same.setdefault((item.nodeid.split("[")[0], rest), []).append((where, item))
    for (name, rest), found in same.items():
        of_sandbox = [item for where, item in found if "/sandbox/" in name and "sandbox" in where]
        here = of_sandbox[0] if of_sandbox else found[crc32(f"{name}{rest}".encode()) % len(found)][1]
        yield from (item for _, item in found if item is not here)


def pytest_collection_modifyitems(items):
    for item in later_of_a_service(items):
        item.add_marker(pytest.mark.long)
    for item in items:
        if {item.name, getattr(item, "originalname", "")} & getattr(item.module, "LONG_FORM", set()):
            item.add_marker(pytest.mark.long)
    if not os.environ.get("WEIR_LONG"):  # a third of all: left out, not skipped, which takes as long as a small test
        items[:] = [item for item in items if not item.get_closest_marker("long")]
    if not FULL:
        items[:] = [item for item in items if not item.get_closest_marker("full")]
        left_out = set(elsewhere(items))
        items[:] = [item for item in items if item not in left_out]


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector, name, obj):
    """What is long throughout is not even made, case by case, where it would be left out afterwards."""
    marks = [mark.name for mark in getattr(obj, "pytestmark", ())] if name.startswith("test_") else ()
    if not os.environ.get("WEIR_LONG") and ("long" in marks or collector.get_closest_marker("long")):
        return []
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item, call):
    """A failure that is expected is not shown: to find the source of each of its frames takes longer than most tests."""
    if call.excinfo and item.get_closest_marker("xfail"):
        item.repr_failure = lambda excinfo, style=None: excinfo.getrepr(style="native")


def pytest_configure(config):
    """Servers that workers share are begun where workers are, and in no worker."""
    if getattr(config.option, "numprocesses", None) and not hasattr(config, "workerinput"):
        config.stash[FORKS] = Forks()
        gc.enable()
    if hasattr(config, "workerinput"):
        atexit.register(os._exit, 0)  # the first to be registered is the last to run: to free all that a worker has loaded took it seconds


def pytest_unconfigure(config):
    if forks := config.stash.get(FORKS, None):
        forks.stop()


def pytest_collection_finish():
    """What is loaded by now stays, botocore's models too: looking through all of it for what may go took a quarter of the time of tests that only call."""
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)
    gc.enable()


def pytest_sessionfinish():
    """What is left is not looked through again by pytest, which does so five times."""
    gc.freeze()


@pytest.fixture(scope="session")
def running_cloud():
    """One for each pytest worker."""
    cloud = Cloud()
    yield cloud
    cloud.stop()


@pytest.fixture
def cloud(running_cloud):
    running_cloud.reset()
    return running_cloud
