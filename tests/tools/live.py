"""
The life cycles and the examples against an account: made, settled, changed, replaced, taken in again, run, and taken down until nothing is left.

    WEIR_LIVE=1 WEIR_LIVE_PREFIX=ada WEIR_LIVE_CAP=5 make live        LIVE="queue film-lake" for some of them

WEIR_LIVE=1 says that it is meant, the prefix begins the name of everything, the cap is what all of it may cost, in US dollars. Before anything is made each stack is
planned and reckoned with tests/live/prices.yaml: a type without a price, or more than the cap, and nothing is begun. Whatever happens then, an error, a time that is
over, Ctrl-C, each stack is destroyed with --verify. What could not be taken down stands in its folder below .cache/live, is told, and is taken down first the next time.

The account is the one that the credentials in the environment lead to; AWS_ENDPOINT_URL leads elsewhere, as for weir itself. The status is 0, 1 where something failed
or is left, 3 where it was not begun.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests/e2e"), str(ROOT / "tests/e2e/sandbox")]

import boto3  # noqa: E402
import test_types  # noqa: E402
import test_types_access  # noqa: E402
import test_types_containers  # noqa: E402
import test_types_jobs  # noqa: E402
import test_types_more  # noqa: E402
import test_types_network  # noqa: E402
import test_types_small  # noqa: E402
import test_types_streams  # noqa: E402
import yaml  # noqa: E402
from life_cycle import stack_text  # noqa: E402
from support import WEIR  # noqa: E402

FOLDER = Path(os.environ.get("WEIR_LIVE_FOLDER", ROOT / ".cache/live"))
PRICES = Path(os.environ.get("WEIR_LIVE_PRICES", ROOT / "tests/live/prices.yaml"))
MODULES = (test_types, test_types_access, test_types_containers, test_types_jobs, test_types_more, test_types_network, test_types_small, test_types_streams)
CASES = {name: case for module in MODULES for name, case in module.CASES.items()}
# Those that name nothing but what they make: no role, image or account of somebody's, and nothing under a name that the prefix does not begin.
LIVES = [
    "object", "role", "policy", "glue database", "secret", "user", "group", "access key", "security configuration", "cluster", "task definition", "activity", "workgroup",
    "catalog table", "workflow", "instance profile", "schedule group", "vpc", "subnet", "internet gateway", "route table", "route table association", "network acl",
    "network acl association", "flow log", "security group", "security group rule", "gateway endpoint", "elastic ip", "nat gateway", "interface endpoint", "db subnet group",
    "parameter group", "rds instance", "repository", "log group", "subscription", "fifo queue", "parameter", "table", "indexed table", "stream", "stream on demand",
    "table namespace", "iceberg table", "emr application",
]
# Each with its inputs, and what is run of it.
EXAMPLES = {
    "airflow-ops": ((), ()),
    "ecommerce-lakehouse": (("nightly=false",), ()),
    "film-lake": (("nightly=false",), (('job["csv_to_trusted"]',),)),
    "ingest-c": ((), ()),
    "music-lakehouse": (("nightly=false",), ()),
    "retail-workshop": (("inside=false", "nightly=false"), ()),
}
REFUSED, LONGER = 3, 4  # how many times longer than reckoned a stack may be there
# How a teardown is tried: what was taken in again is not lab's to empty, and what is not empty goes by nothing else.
TRIES = ["--lab"], [], ["--lab"]


class Refused(Exception):
    """Nothing was begun."""


class Failed(Exception):
    pass


class Interrupted(Exception):
    pass


class Interruption:
    """Signals, counted, and handed on to the weir that runs. Raised from a handler, an exception may get lost."""

    def __init__(self):
        self.times, self.process = 0, None

    def __call__(self, *_):
        self.times += 1
        if self.process:
            self.process.send_signal(signal.SIGINT)


interruption = Interruption()


# ---- what is asked for ----


def settings():
    """(prefix, cap), of the environment."""
    prefix, cap = os.environ.get("WEIR_LIVE_PREFIX", ""), os.environ.get("WEIR_LIVE_CAP", "")
    if os.environ.get("WEIR_LIVE") != "1":
        raise Refused("this makes things in an account, which cost money: WEIR_LIVE=1 says that it is meant")
    if not re.fullmatch(r"[a-z][a-z0-9]{2,11}", prefix):
        raise Refused(f"WEIR_LIVE_PREFIX begins the name of everything: 3 to 12 small letters and digits, not {prefix!r}")
    if not re.fullmatch(r"\d+(\.\d+)?", cap):
        raise Refused(f"WEIR_LIVE_CAP is what all of it may cost, in US dollars, such as 5; not {cap!r}")
    return prefix, float(cap)


def region():
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"


def chosen(words, prefix):
    """The stacks to live through, of their names; all of them without any."""
    known = {name.replace(" ", "-"): name for name in LIVES} | {name: name for name in EXAMPLES}
    unknown = [word for word in words if word not in known]
    if unknown:
        raise Refused(f"there is no {unknown[0]}; there are: {', '.join(known)}")
    return [Example(name, prefix) if name in EXAMPLES else Life(name, prefix) for word, name in known.items() if word in words or not words]


# ---- a stack ----


class Living:
    """A stack in a folder of its own; weir is run there, with the environment as it is."""

    def __init__(self, name, prefix):
        self.name, self.prefix = name, prefix
        self.folder = FOLDER / prefix / name.replace(" ", "-")
        self.words, self.lives, self.made = [], 1, 0
        self.deadline, self.leaving = None, False

    def write(self, text):
        """Whole or not at all: an interruption must not leave a stack that cannot be read."""
        (self.folder / "new").write_text(text)
        os.replace(self.folder / "new", self.folder / "weir.yaml")

    def weir(self, *words, allowed=(0,), inputs=True):
        """What it said. What takes too long is interrupted: weir ends what it is at, and records it."""
        command, late = [str(WEIR), *words, *(self.words if inputs else [])], False
        if interruption.times and not self.leaving:
            raise Interrupted
        process = subprocess.Popen(command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
        interruption.process = process
        try:
            out, err = process.communicate(timeout=self.deadline and max(1, self.deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
            out, err = process.communicate()
            late = True
        finally:
            interruption.process = None
        if interruption.times and not self.leaving:
            raise Interrupted
        if late:
            raise Failed(f"weir {' '.join(words)}: it took longer than it may\n{err}")
        if process.returncode not in allowed:
            raise Failed(f"weir {' '.join(words)}: status {process.returncode}\n{out[-3000:]}{err[-3000:]}")
        return out

    def apply(self):
        self.weir("apply", "-y")
        self.weir("plan", "--detailed-exitcode")

    def things(self):
        """(type, attributes) of all that the first plan makes."""
        changes = [json.loads(line) for line in self.weir("plan", "--json").splitlines()]
        return [(c["type"], {a["name"]: a.get("after") for a in c["attrs"]}) for c in changes if c["event"] == "change" and c["action"] == "create"]

    def teardown(self):
        """What is left, in weir's words; "" : nothing, and the folder is gone. Who interrupts this too has to look after it himself."""
        self.deadline, self.leaving, said, before = None, True, "", interruption.times
        for more in TRIES:
            try:
                self.again()
                self.weir("destroy", "-y", *more, "--delete-adopted", "--verify")
                shutil.rmtree(self.folder)
                return ""
            except Failed as why:
                said = str(why)
            if interruption.times > before:
                break
        return said

    def again(self):
        """What a life had taken out of the state when it ended is put back, so that it is known."""
        note = self.folder / "taken-out"
        if note.exists():
            if "it" not in self.weir("state", "ls", inputs=False).split():
                self.weir("state", "import", "it", note.read_text())
            note.unlink()


class Life(Living):
    """As life.walk() has it; the account is looked at with weir alone."""

    def __init__(self, name, prefix):
        super().__init__(name, prefix)
        self.case = CASES[name]
        self.lives = 1 + len(self.case.replaces)

    def prepare(self):
        self.put(self.case.first)

    def put(self, attributes):
        text = re.sub(r"\blife(?=_|\b)", self.prefix, stack_text(self.case, attributes))
        self.write(text.replace("us-east-1", region()))

    def live(self):
        case = self.case
        steps = [case.first, *([case.then, case.first] if case.then else []), *([case.then, case.less, case.first] if case.less else [])]
        for change in case.replaces:
            steps += [{**case.first, **change}, case.first]
        for step in steps:
            self.put(step)
            self.apply()
        if case.imports:
            number = json.loads(self.weir("state", "show", "it", "--json", inputs=False))["id"]
            (self.folder / "taken-out").write_text(number)
            self.weir("state", "rm", "it", inputs=False)
            self.again()
            self.apply()


class Example(Living):
    def __init__(self, name, prefix):
        super().__init__(name, prefix)
        inputs, self.runs = EXAMPLES[name]
        self.words = [word for one in (f"owner={prefix}", f"region={region()}", *inputs) for word in ("-i", one)]

    def prepare(self):
        shutil.copytree(ROOT / "examples" / self.name, self.folder, ignore=shutil.ignore_patterns(".weir*"), dirs_exist_ok=True)

    def live(self):
        self.apply()
        for run in self.runs if os.environ.get("WEIR_LIVE_RUN") != "no" else ():
            self.weir("run", *run)


# ---- what it costs ----


def price(things, prices):
    """(dollars, hours) of a stack's things, each made once; Refused where something has no price."""
    hourly, once, hours = 0.0, 0.0, prices["hours"]
    for kind, attributes in things:
        if kind in prices["free"]:
            continue
        if kind not in prices["priced"]:
            raise Refused(f"{kind} has no price in {PRICES}")
        rule = prices["priced"][kind]
        once, hours, hour = once + rule.get("once", 0), max(hours, rule.get("hours", 0)), rule.get("hour", 0)
        for attribute, sizes in rule.get("by", {}).items():
            size = sized(attributes, attribute)
            if size not in sizes:
                raise Refused(f"{kind} with {attribute} {size} has no price in {PRICES}")
            hour = sizes[size]
        hourly += hour
    return hourly * hours + once, hours


def sized(attributes, name):
    """An attribute's value, at any depth."""
    for key, value in attributes.items():
        if key == name:
            return value
        if isinstance(value, dict) and (found := sized(value, name)) is not None:
            return found
    return None


def reckon(living, prices, abroad):
    """Dollars; how long it may be there follows from the hours. Runs of jobs are reckoned with half a dollar each."""
    living.prepare()
    dollars, hours = price(living.things(), prices)
    living.seconds = hours * 3600 * living.lives * LONGER
    runs = len(getattr(living, "runs", ())) if os.environ.get("WEIR_LIVE_RUN") != "no" else 0
    return (dollars * living.lives + runs * 0.5) * abroad


def reckon_all(all_of_them, cap):
    """Nothing is begun that has no price, or where all together costs more than may be."""
    prices = yaml.safe_load(PRICES.read_text())
    abroad = 1 if region() == "us-east-1" else prices["abroad"]
    costs, refused = {}, []
    for living in all_of_them:
        living.folder.mkdir(parents=True)
        try:
            costs[living.name] = reckon(living, prices, abroad)
        except (Refused, Failed) as why:  # all that is missing, at once
            refused.append(f"{living.name}: {why}")
    for living in all_of_them:
        print(f"  {living.name:26} {costs.get(living.name, float('nan')):8.2f} USD")
    total = sum(costs.values())
    print(f"  {'all of it, at most':26} {total:8.2f} USD of {cap:.2f}\n", flush=True)
    if refused:
        raise Refused("\n".join(refused))
    if total > cap:
        dearest = sorted(costs, key=costs.get)[:-4:-1]
        raise Refused(f"it may cost {total:.2f} USD, the cap is {cap:.2f}; dearest are {', '.join(dearest)}: LIVE=\"…\" takes some, WEIR_LIVE_CAP raises it")


# ---- all of it ----


def begin(all_of_them, cap, folder):
    """Folders are there when all of it may be begun, and none otherwise."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        reckon_all(all_of_them, cap)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def left_before(prefix):
    """Stacks of an earlier time that were not taken down."""
    folders = sorted((FOLDER / prefix).glob("*/.weir*"))
    names = {name.replace(" ", "-"): name for name in (*LIVES, *EXAMPLES)}
    for name in dict.fromkeys(folder.parent.name for folder in folders):
        yield Example(name, prefix) if names[name] in EXAMPLES else Life(names[name], prefix)


def tell(living, said, seconds):
    print(f"{living.name:26} {'lived, nothing is left' if not said else 'FAILED':24} {seconds:7.1f} s", flush=True)
    if said:
        print("  " + said.replace("\n", "\n  "), flush=True)


def live_through(living):
    """What went wrong; "" : nothing did, and nothing is left. Interrupted, it is taken down all the same."""
    living.deadline = time.monotonic() + living.seconds
    said, why = "", None
    try:
        living.live()
    except Failed as failure:
        said = str(failure)
    except Exception as other:  # taken down first, whatever it is
        why = other
    left = living.teardown()
    if left:
        said += f"\nleft, and recorded in {living.folder}: {left}"
    if why:
        print(f"{living.name:26} interrupted, and {'NOT ' if left else ''}taken down{said}", flush=True)
        raise why
    return said.strip()


def main(words):
    for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
        signal.signal(number, interruption)
    try:
        prefix, cap = settings()
        all_of_them = chosen(words, prefix)
        who = boto3.client("sts", region_name=region()).get_caller_identity()
        print(f"account {who['Account']}, {region()}, as {who['Arn']}; all names begin with {prefix}\n", flush=True)
        for living in left_before(prefix):
            if said := living.teardown():
                raise Refused(f"{living.name} of an earlier time is there still, recorded in {living.folder}: {said}")
            print(f"{living.name}: taken down, of an earlier time\n", flush=True)
        begin(all_of_them, cap, FOLDER / prefix)
    except (Refused, Interrupted) as why:
        print(f"not begun: {why}", file=sys.stderr)
        return REFUSED
    failed = 0
    try:
        for living in all_of_them:
            begun = time.monotonic()
            said = live_through(living)
            tell(living, said, time.monotonic() - begun)
            failed += bool(said)
    except Interrupted:
        print("interrupted: what had not begun is not there", file=sys.stderr)
        return 130
    print(f"\n{len(all_of_them) - failed} lived, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
