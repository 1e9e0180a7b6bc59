"""What the e2e tests work with: a stack in a folder of its own, the cloud it is applied to, servers that misbehave."""

import contextlib
import hashlib
import json
import os
import random
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import urllib.request
from functools import cache
from pathlib import Path
from urllib.parse import parse_qsl

import boto3
import boto_speed  # noqa: F401
import yaml

ROOT = Path(__file__).parent.parent.parent
MOTO = ROOT / "tests/tools/cloud.py"
WEIR = Path(os.environ.get("WEIR", ROOT / "build" / "weir")).resolve()
JUDGES = f"{ROOT}/.venv-judges/bin:{ROOT}/.cache/bin:" * (ROOT / ".venv-judges/.requirements").exists() + os.environ["PATH"]  # not while they are being installed
CHECKOV, CONFTEST, HCL, TOFU = (os.environ.get(f"WEIR_{name}") or shutil.which(program, path=JUDGES) for name, program in (("CHECKOV", "checkov"), ("CONFTEST", "conftest"), ("HCL", "hcl2tojson"), ("TOFU", "tofu-parse")))
SANITIZED = WEIR.parent.name in ("build-asan", "build-tsan")  # they take their address space beforehand
FAKETIME = None if SANITIZED else next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)  # preloaded; a sanitizer has to be the first
SECRET_KEY = "e2e/secret+key/that/nobody/may/see"
ACCOUNT = "123456789012"
PATIENCE_S = 300  # for what has to come, however busy the machine is; tests/pytest.ini has the time of a whole test


def until(look, process=None, patience_s=PATIENCE_S):
    """What `look` gives, as soon as that is something; the process, where one is given, has to live as long."""
    begun = time.monotonic()
    while True:
        over = process and process.poll() is not None  # before the look: it may end as soon as it has done what is waited for
        if found := look():
            return found
        assert not over, process.communicate()
        waited = time.monotonic() - begun
        assert waited < patience_s, "waited too long"
        time.sleep(min(0.01 + waited / 10, 0.05))  # a look costs something, too


def cpu_of(run, server=None):
    """What `run` gives, and the seconds of the processors that its processes took, or a server's process meanwhile. User and system
    time together: the kernel divides a short process by its clock ticks, which may give all of it to one of the two. At least a
    tick, so that ratios mean something. What grows too fast is looked for by this: time that passes is also that of others."""

    def used():
        if server:
            return sum(map(int, Path(f"/proc/{server.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13])) / os.sysconf("SC_CLK_TCK")
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return children.ru_utime + children.ru_stime

    before = used()
    result = run()
    return result, max(used() - before, 0.01)


def free_port(address="127.0.0.1"):
    """For a server that cannot choose one itself. Not one of those that the kernel gives to connections: until the server takes it,
    also when it is started again, somebody's connection might have it."""
    dice = random.SystemRandom()
    while True:
        with contextlib.suppress(OSError), socket.create_server((address, dice.randrange(10_000, 32_000))) as free:
            return free.getsockname()[1]


def gone(pid):
    """Ended, whether or not anybody has taken notice."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def spark_python():
    """A Python that has PySpark; None: there is none."""
    for python in (ROOT / ".venv-jobs" / "bin" / "python", sys.executable):
        if Path(python).exists() and subprocess.run([python, "-c", "import pyspark"], capture_output=True).returncode == 0:
            return str(python)
    return None


def traceable():
    """Is strace there, and allowed?"""
    return shutil.which("strace") and subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True).returncode == 0


class Forks:
    """Loads moto once; each worker's Cloud is a copy of that process. Begun where the workers are: they find it in their environment."""

    NAME = "WEIR_TESTS_MOTO"

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="weir-moto-")
        address = os.path.join(self.folder.name, "socket")
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(address)
            listening.listen()  # who comes before it has loaded waits
            command = [sys.executable, MOTO, "--forks", str(listening.fileno())]
            self.process = subprocess.Popen(command, pass_fds=[listening.fileno()], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.environ[self.NAME] = address

    def stop(self):
        self.process.stdin.close()
        self.process.wait()
        self.folder.cleanup()


class Cloud:
    """tests/tools/cloud.py in a process of its own; of the one that has loaded moto for all workers, where there is one (Forks)."""

    def __init__(self, **env):
        self.process, self.connection = None, None
        if address := os.environ.get(Forks.NAME):
            self.connection = socket.socket(socket.AF_UNIX)
            self.connection.connect(address)
            stream = self.connection.makefile("rw")
            print(json.dumps(env), file=stream, flush=True)
        else:
            self.process = subprocess.Popen(
                [sys.executable, MOTO], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**os.environ, **env}
            )
            stream = self.process.stdout
        self.url = stream.readline().strip()

    def stop(self):
        if self.connection:
            self.connection.shutdown(socket.SHUT_RDWR)
            self.connection.close()
        else:
            self.process.stdin.close()
            self.process.wait()

    def _call(self, method, path, data=None):
        body = json.dumps(data).encode() if data is not None else b""
        with urllib.request.urlopen(urllib.request.Request(self.url + path, data=body, method=method)) as answer:
            return answer.read()

    def reset(self):
        self._call("POST", "/e2e/reset")

    def fail(self, *faults):
        """See tests/tools/cloud.py for what a fault is made of."""
        self._call("POST", "/e2e/faults", list(faults))

    def requests(self):
        return json.loads(self._call("GET", "/e2e/requests"))

    def sent(self, operation):
        """The bodies of its requests, parsed."""
        return [json.loads(body) for label, body in json.loads(self._call("GET", "/e2e/bodies")) if label.endswith(operation)]

    def forms(self, operation):
        """The same of operations whose requests are forms."""
        return [dict(parse_qsl(body)) for label, body in json.loads(self._call("GET", "/e2e/bodies")) if label == operation]

    def forget_requests(self):
        self._call("DELETE", "/e2e/requests")

    @cache
    def client(self, service, region="us-east-1"):
        """One for all who ask: a client of EC2 takes longer to make than most tests to run."""
        return boto3.client(service, endpoint_url=self.url, region_name=region, aws_access_key_id="look", aws_secret_access_key="look")


def sealed_plan(text):
    """A saved plan of that text (without the last brace), with a digest that fits, as somebody makes it who may write the file."""
    return f'{text},"sha256":"{hashlib.sha256(text.encode()).hexdigest()}"}}\n'


def drawn(mark, text, page=ROOT / "docs/sandbox-coverage.md"):
    """The page has it between two comments; WEIR_DRAW=1 puts it there."""
    begin, end = f"<!-- {mark} -->\n", f"<!-- end of {mark} -->"
    before, _, rest = page.read_text().partition(begin)
    is_there, _, after = rest.partition(end)
    if os.environ.get("WEIR_DRAW"):
        page.write_text(before + begin + text + end + after)
        return True
    return is_there == text


class Result:
    """One run of weir."""

    def __init__(self, args, process):
        self.args = args
        self.status = process.returncode
        self.out = process.stdout
        self.err = process.stderr

    def __str__(self):
        return f"weir {' '.join(self.args)}: status {self.status}\n---- stdout\n{self.out}\n---- stderr\n{self.err}"

    def events(self):
        """The lines of --json, each an object."""
        lines = [json.loads(line) for line in self.out.splitlines()]
        assert all(isinstance(line, dict) for line in lines), self.out
        return lines


@cache
def spec_of(path):
    """What a spec's file says: several files of tests go through all of them."""
    return yaml.safe_load(path.read_text())


class Stack:
    """A folder with weir.yaml, and weir run in it."""

    def __init__(self, folder, cloud=None):
        self.folder = Path(folder)
        self.home = self.folder.parent / (self.folder.name + ".home")
        self.folder.mkdir(parents=True, exist_ok=True)
        self.home.mkdir(exist_ok=True)
        self.patience_s = PATIENCE_S
        self.clients = {}
        self.tells = False  # may the service write what it is given its own way, in a manner that no spec knows?
        self.looks = bool(os.environ.get("WEIR_LONG")) or not isinstance(cloud, Cloud)
        self.env = {"PATH": os.environ["PATH"], "HOME": str(self.home), "LC_ALL": "C.UTF-8", "AWS_EC2_METADATA_DISABLED": "true", "WEIR_ENGINES": ""}  # see docs/sandbox.md
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS"):
            if name in os.environ:
                self.env[name] = os.environ[name]
        if cloud:
            self.env |= {"AWS_ACCESS_KEY_ID": "e2e", "AWS_SECRET_ACCESS_KEY": SECRET_KEY, "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": cloud.url}

    def write(self, text, name="weir.yaml"):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(text, bytes):
            path.write_bytes(text)
        else:
            path.write_text(textwrap.dedent(text))
        return self

    def command(self, *args):
        return [str(WEIR), *map(str, args)]

    def run(self, *args, status=0, env=None, stdin=None):
        """Runs weir and checks its status (None: any but a crash). Nothing may ever show the secret key."""
        process = subprocess.run(
            self.command(*args), cwd=self.folder, env={**self.env, **(env or {})}, input=stdin, stdin=None if stdin else subprocess.DEVNULL,
            capture_output=True, text=True, timeout=self.patience_s
        )
        result = Result(tuple(map(str, args)), process)
        assert process.returncode >= 0 and "Sanitizer" not in process.stderr and "Assertion" not in process.stderr, str(result)
        assert status is None or result.status == status, str(result)
        assert self.tells or "count as the same from now on" not in result.out + result.err, str(result)
        assert SECRET_KEY not in result.out + result.err, str(result)
        return result

    def start(self, *args, env=None):
        return subprocess.Popen(
            self.command(*args), cwd=self.folder, env={**self.env, **(env or {})}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def crash_points(self, *args):
        """The places at which this run could be killed, in the order in which it comes by; runs in parallel differ a little."""
        log = self.folder / "crash-points"
        self.run(*args, env={"WEIR_CRASH_LOG": str(log)})
        names = log.read_text().splitlines()
        log.unlink()
        return names

    def killed_at(self, at, *args):
        """Runs weir until it kills itself at the place of that number. False: the run was through before it got there."""
        process = self.start(*args, env={"WEIR_CRASH_AT": str(at)})
        out, err = process.communicate()
        assert process.returncode in (0, -signal.SIGKILL), (at, process.returncode, out, err)
        return process.returncode != 0

    def client(self, service):
        """boto3 where this stack has its AWS, with its credentials."""
        key = (service, self.env["AWS_ENDPOINT_URL"], self.env["AWS_ACCESS_KEY_ID"], self.env["AWS_SECRET_ACCESS_KEY"])
        if key not in self.clients:
            self.clients[key] = boto3.client(service, endpoint_url=key[1], region_name="us-east-1", aws_access_key_id=key[2], aws_secret_access_key=key[3])
        return self.clients[key]

    def apply(self, *args, **more):
        return self.run("apply", "--yes", *args, **more)

    def destroy(self, *args, verify=None, **more):
        """With a look at where things really are. On moto, which takes long over it, in the long form only."""
        verify = self.looks if verify is None else verify
        look = ["--verify"] if verify and "--target" not in args else []
        return self.run("destroy", "--yes", *look, *args, **more)

    def plan(self, *args, **more):
        """The plan's changes as {address: action}."""
        return planned(self.run("plan", "--json", *args, **more))

    def assert_settled(self, *args):
        """A plan straight after an apply has nothing to do."""
        result = self.run("plan", "--detailed-exitcode", *args, status=None)
        assert result.status == 0, str(result)

    def log(self):
        logs = sorted((self.folder / ".weir").glob("*.log"))
        assert len(logs) == 1, logs
        return logs[0]

    def state_text(self):
        """All that weir keeps in its folder."""
        return "".join(path.read_text(errors="replace") for path in sorted((self.folder / ".weir").rglob("*")) if path.is_file())

    def addresses(self):
        return [line.split()[0] for line in self.run("state", "list").out.splitlines()]

    def outputs(self):
        return json.loads(self.run("output", "--json").out)


def planned(result):
    return {event["address"]: event["action"] for event in result.events() if event["event"] == "change"}


def hold_role(stack, cloud, *args, faults=()):
    """An apply that has sent CreateRole and waits for its answer, which comes when the faults are set anew (cloud.fail())."""
    cloud.fail({"match": "CreateRole", "hold": True}, *faults)
    before = cloud.requests().count("CreateRole")
    process = stack.start("apply", "--yes", *args)
    until(lambda: cloud.requests().count("CreateRole") > before, process=process)
    return process


def begun_to_wait(process):
    """What it has said until it waits for another run."""
    told = ""
    while "; waiting up to" not in told:
        line = process.stderr.readline()
        assert line, told + process.communicate()[0]
        told += line
    return told


class WireServer:
    """Answers every connection with the given bytes and closes it; None: closes without an answer."""

    def __init__(self, answer):
        self.answer = answer
        self.count = 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.count += 1
            with connection:
                connection.settimeout(60)
                try:
                    self._read_request(connection)
                    if self.answer is not None:
                        connection.sendall(self.answer)
                        connection.shutdown(socket.SHUT_WR)
                except OSError:
                    pass

    @staticmethod
    def _read_request(connection):
        data = b""
        while b"\r\n\r\n" not in data:
            data += connection.recv(65536) or b"\r\n\r\n"
        head, _, body = data.partition(b"\r\n\r\n")
        length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
        while len(body) < length:
            more = connection.recv(65536)
            if not more:
                return
            body += more

    def close(self):
        self.socket.close()


def example(name, folder, cloud):
    """A copy of an example, so that runs leave nothing in the repository."""
    shutil.copytree(ROOT / "examples" / name, folder, ignore=shutil.ignore_patterns(".weir"))
    return Stack(folder, cloud)
