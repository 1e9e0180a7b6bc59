"""Downloads: in ranges, going on after a kill, in spite of faults, of objects that change meanwhile and of servers that know no ranges."""

import hashlib
import os
import re
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from sandbox.servers import STRICT, Versity
from support import Stack, until
from test_upload import HELD_MS, MIB, content, place, sandbox  # noqa: F401 (fixtures)

STACK = """
    stack: down
    resources:
      lake: {type: aws.s3.bucket, name: down-lake}
      code: {type: weir.artifact, source: big.bin, store: "${lake.name}/code", package: file}
"""
GETS = "GET /down-lake/code/*"


def saved(stack, *args, name="old.bin", **more):
    """What `weir rollback --out` leaves in a file."""
    stack.run("rollback", "code", "--out", name, *args, **more)
    return (stack.folder / name).read_bytes()


def left_overs(stack):
    return [path.name for path in stack.folder.glob(".*.weir-part")]


@pytest.fixture
def stored(place):
    """The place, and what it keeps as the version in use."""
    data = content(28)
    place.write(STACK).write(data, "big.bin").apply()
    return place, data


@pytest.fixture(params=["moto", *STRICT])
def anywhere(request, tmp_path):
    if request.param == "moto":
        yield request.getfixturevalue("stack")
    elif request.param == "sandbox":
        yield request.getfixturevalue("place")
    else:
        server = Versity()
        stack = Stack(tmp_path / "stack")
        stack.env |= {name: value for name, value in server.environment().items() if name.startswith("AWS_")}
        yield stack
        server.stop()


def test_versions(anywhere):
    first, second = content(20), content(17, seed=2)
    anywhere.write(STACK).write(first, "big.bin").apply()
    anywhere.write(second, "big.bin").apply()
    anywhere.write(b"", "old.bin")  # replaced
    assert saved(anywhere) == first
    assert saved(anywhere, "--to", hashlib.sha256(first).hexdigest()[:8], name="sub.bin") == first
    result = anywhere.run("rollback", "code", "--to", "0", "-o", "new.bin")
    assert (anywhere.folder / "new.bin").read_bytes() == second
    assert result.err == "new.bin: 17.0 MiB\n" and not result.out
    anywhere.assert_settled()
    assert not left_overs(anywhere)
    anywhere.run("rollback", "code", "--to", "2", "-o", "new.bin", status=1)
    anywhere.run("rollback", "code", "--list", "-o", "new.bin", status=3)
    anywhere.destroy()


def test_small_and_empty(place):
    place.write(STACK).write(b"", "big.bin").apply()
    assert saved(place, "--to", "0") == b""
    place.write(b"small", "big.bin").apply()
    assert saved(place, "--to", "0") == b"small"


def arrived(part):
    """How many ranges the file says that it has."""
    end = re.search(rb"weir download 1\n\w{64}([01]+)$", part.read_bytes()[-200:])
    return end[1].count(b"1") if end else 0


def kill_midway(place, sandbox, least):
    """Kills a download of which some ranges have arrived."""
    sandbox.faults({"service": "s3", "operation": GETS, "latency": 0, "times": least}, {"service": "s3", "operation": GETS, "latency": HELD_MS})
    process = place.start("rollback", "code", "--to", "0", "--out", "old.bin")
    part = place.folder / ".old.bin.weir-part"
    until(lambda: part.exists() and arrived(part) >= least, process=process)
    return process


def test_goes_on_after_a_kill(stored, sandbox):
    place, data = stored
    process = kill_midway(place, sandbox, 2)
    process.kill()
    process.communicate()
    assert left_overs(place) == [".old.bin.weir-part"] and not (place.folder / "old.bin").exists()
    sandbox.faults({"service": "s3", "operation": GETS, "latency": 0})
    assert saved(place, "--to", "0") == data
    assert sandbox.struck() == [4 - 2]
    assert not left_overs(place)


def test_goes_on_after_a_signal(stored, sandbox):
    place, data = stored
    process = kill_midway(place, sandbox, 2)
    process.terminate()
    out, err = process.communicate()
    assert process.returncode == 130, out + err
    sandbox.faults({"service": "s3", "operation": GETS, "latency": 0})
    assert saved(place, "--to", "0") == data
    assert sandbox.struck() == [4 - 2]


def test_what_was_there_is_damaged(stored, sandbox):
    """After a power cut, say. The checksum shows it, and it is fetched anew."""
    place, data = stored
    process = kill_midway(place, sandbox, 2)
    process.kill()
    process.communicate()
    with open(place.folder / ".old.bin.weir-part", "r+b") as file:
        file.write(bytes(4 * MIB))
        file.seek(9 * MIB)
        file.write(bytes(4 * MIB))
        file.seek(17 * MIB)
        file.write(bytes(4 * MIB))
    sandbox.faults({"service": "s3", "operation": GETS, "latency": 0})
    assert saved(place, "--to", "0") == data
    assert sandbox.struck() == [2 + 4]


def test_two_at_once(stored, sandbox):
    place, data = stored
    process = kill_midway(place, sandbox, 1)
    result = place.run("rollback", "code", "--to", "0", "--out", "old.bin", status=1)
    assert "another process is downloading" in result.err
    sandbox.faults()
    out, err = process.communicate()
    assert process.returncode == 0, out + err
    assert (place.folder / "old.bin").read_bytes() == data


@pytest.mark.parametrize("fault", ["reset", "truncate", "error", "throttle"])
def test_faults(stored, sandbox, fault):
    place, data = stored
    sandbox.faults({"service": "s3", "operation": GETS, "fault": fault, "probability": 0.6})
    assert saved(place, "--to", "0", env={"AWS_MAX_ATTEMPTS": "12", "WEIR_CLOCK_SPEED": "10"}) == data
    assert sum(sandbox.struck()) > 0


def test_the_network_goes(stored, sandbox):
    """The run fails, and the next goes on."""
    place, data = stored
    # the others are cut off only when these two have surely been written
    sandbox.faults({"service": "s3", "operation": GETS, "latency": 0, "times": 2}, {"service": "s3", "operation": GETS, "latency": 1000, "fault": "reset"})
    result = place.run("rollback", "code", "--to", "0", "--out", "old.bin", status=1, env={"AWS_MAX_ATTEMPTS": "1"})
    assert "downloading s3://down-lake/code/" in result.err
    sandbox.faults({"service": "s3", "operation": GETS, "latency": 0})
    assert saved(place, "--to", "0") == data
    assert sandbox.struck()[0] <= 3


def test_bad_places(stored, sandbox):
    place, data = stored
    (place.folder / "folder").mkdir()
    for target, words in [("folder", "is a folder"), ("folder/", "names no file"), ("none/old.bin", "No such file"), ("/dev/null", "is not a file")]:
        result = place.run("rollback", "code", "--to", "0", "--out", target, status=1)
        assert words in result.err and target in result.err, result.err
    os.symlink("there.bin", place.folder / "link.bin")
    (place.folder / "there.bin").write_bytes(b"x")
    assert saved(place, "--to", "0", name="link.bin") == data
    assert (place.folder / "link.bin").is_symlink() and not left_overs(place)


def test_the_object_is_gone(stored, sandbox):
    place, _ = stored
    s3 = sandbox.client()
    for item in s3.list_objects_v2(Bucket="down-lake")["Contents"]:
        s3.delete_object(Bucket="down-lake", Key=item["Key"])
    result = place.run("rollback", "code", "--to", "0", "--out", "old.bin", status=1)
    assert "downloading s3://down-lake/code/" in result.err and "HTTP 404 not found" in result.err, result.err
    assert not left_overs(place) and not (place.folder / "old.bin").exists()


def test_no_room(stored, sandbox):
    """A file that may not grow so far is like a full disk."""
    place, _ = stored
    limited = ["prlimit", f"--fsize={20 * MIB}", *place.command("rollback", "code", "--to", "0", "--out", "old.bin")]
    result = subprocess.run(limited, cwd=place.folder, env=place.env, capture_output=True, text=True)
    assert result.returncode == 1 and 'cannot write "old.bin"' in result.stderr, result.stderr
    assert not left_overs(place)


# ---- servers that behave otherwise ----


class FakeStore:
    """One object under every key, served in a way that the test picks."""

    def __init__(self, data, ranges=True, at_most=None, lose_every=None):
        self.data, self.etag, self.ranges, self.at_most, self.lose_every = data, '"one"', ranges, at_most, lose_every
        self.gets, self.before_get = 0, lambda: None
        self.lock = threading.Lock()
        store = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def head(self, status, length, **more):
                self.send_response(status)
                for name, value in {"ETag": store.etag, "Content-Length": str(length), **more}.items():
                    self.send_header(name.replace("_", "-"), value)
                self.end_headers()

            def do_HEAD(self):
                self.head(200, len(store.data))

            def do_GET(self):
                with store.lock:
                    store.gets += 1
                    number = store.gets
                    store.before_get()
                if self.headers.get("If-Match") not in (None, store.etag):
                    return self.head(412, 0)
                body, asked = store.data, re.match(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
                if not asked or not store.ranges:
                    self.head(200, len(body))
                else:
                    first, last = int(asked[1]), min(int(asked[2]), len(body) - 1)
                    if store.at_most:
                        last = min(last, first + store.at_most - 1)
                    body = body[first:last + 1]
                    self.head(206, len(body), Content_Range=f"bytes {first}-{last}/{len(store.data)}")
                if store.lose_every and number % store.lose_every == 0:
                    body = body[:len(body) // 2]
                    self.close_connection = True
                try:
                    self.wfile.write(body)
                except OSError:
                    pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.env = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.server.server_port}"}

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def fake(stored):
    """Begins a store with the stack's object, or another; with the stack's environment to reach it."""
    stores = []

    def start(data=None, **how):
        stores.append(FakeStore(stored[1] if data is None else data, **how))
        return stores[-1]

    yield start
    for store in stores:
        store.stop()


def test_no_ranges(stored, fake):
    place, data = stored
    store = fake(ranges=False)
    assert saved(place, "--to", "0", env=store.env) == data
    assert not left_overs(place)


def test_no_ranges_and_cut_short(stored, fake):
    place, data = stored
    store = fake(ranges=False, lose_every=2)
    assert saved(place, "--to", "0", env=store.env) == data


def test_less_than_was_asked_for(stored, fake):
    place, data = stored
    store = fake(at_most=3 * MIB)
    assert saved(place, "--to", "0", env=store.env) == data
    assert store.gets == 3 * 3 + 2  # the last part is shorter


def test_cut_short(stored, fake):
    place, data = stored
    store = fake(lose_every=2)
    assert saved(place, "--to", "0", env=store.env) == data


def test_written_anew_meanwhile(stored, fake):
    """It was another object when the download began, and is the right one now."""
    place, data = stored
    store = fake(bytes(len(data)))

    def change():
        if store.gets == 2:
            store.data, store.etag = data, '"two"'

    store.before_get = change
    assert saved(place, "--to", "0", env=store.env) == data
    assert not left_overs(place)


def test_written_anew_again_and_again(stored, fake):
    place, _ = stored
    store = fake()

    def change():
        store.etag = f'"{store.gets}"'

    store.before_get = change
    result = place.run("rollback", "code", "--to", "0", "--out", "old.bin", status=1, env=store.env)
    assert "it changes while it is downloaded" in result.err
    assert not left_overs(place) and not (place.folder / "old.bin").exists()


def test_other_content(stored, fake):
    """Swapped in the store: what would be taken for the old code is not."""
    place, data = stored
    store = fake(data[:-1] + bytes([data[-1] ^ 1]))
    (place.folder / "old.bin").write_bytes(b"mine")
    result = place.run("rollback", "code", "--to", "0", "--out", "old.bin", status=1, env=store.env)
    assert "checksum" in result.err
    assert (place.folder / "old.bin").read_bytes() == b"mine" and not left_overs(place)
