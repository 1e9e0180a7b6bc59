"""The proxy itself (tests/tools/fault_proxy.py): each fault does what it says, and a connection outlives those that leave it whole."""

import http.client
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from support import PATIENCE_S

sys.path.insert(0, str(Path(__file__).parent.parent / "tools"))

from fault_proxy import At, Exactly, FaultProxy, Late, Seeded  # noqa: E402

BODY = b"<Answer>0123456789</Answer>"


class Upstream(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_POST(self):
        self.server.done.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(404 if self.path == "/missing" else 200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)
        self.wfile.flush()

    def log_message(self, *_):
        pass


@pytest.fixture
def upstream():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    server.daemon_threads, server.done = True, []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def proxy(upstream):
    proxy = FaultProxy(f"http://127.0.0.1:{upstream.server_port}")
    yield proxy
    proxy.close()


def ask(connection, path="/"):
    connection.request("POST", path, b"Action=Make", {"Content-Type": "application/x-www-form-urlencoded"})
    answer = connection.getresponse()
    return answer.status, answer.read()


def connect(proxy):
    return http.client.HTTPConnection(urlsplit(proxy.url).netloc, timeout=PATIENCE_S)


LOST = (ConnectionError, http.client.HTTPException)


@pytest.mark.parametrize("fault, answer, done", [
    ("refuse", None, 0), ("dropafter", None, 1), ("empty", (200, b""), 1), ("half", (200, BODY[:13]), 1), ("cut:5", None, 1), ("cut:60", (200,), 1), ("cut:head", None, 1),
    ("cut:middle", None, 1), ("cut:-1", None, 1), ("500before", (500,), 0), ("503after", (503,), 1), ("throttlebefore", (400,), 0), ("late:0.01", None, 1),
])  # fmt: skip
def test_fault(proxy, upstream, fault, answer, done):
    proxy.begin(At("Make", 2, fault))
    connection = connect(proxy)
    assert ask(connection) == (200, BODY)
    if answer:
        assert ask(connection)[: len(answer)] == answer
    else:
        with pytest.raises(LOST):
            ask(connection)
        connection = connect(proxy)
    proxy_done = proxy.done()
    assert ask(connection) == (200, BODY)  # on the same connection, where it was left whole
    proxy.end()
    assert len(upstream.done) == 2 + done
    assert proxy_done == {("Make", 2): fault}
    assert proxy.labels() == [("Make", 1), ("Make", 2), ("Make", 3)]


def test_what_is_late_is_there_before_what_comes_after_its_time(proxy, upstream, monkeypatch):
    monkeypatch.setattr(Late, "_wait", lambda self: None)  # a machine so busy that it never gets to it
    proxy.begin(At("Make", 1, "late:0"))
    with pytest.raises(LOST):
        ask(connect(proxy))
    assert ask(connect(proxy)) == (200, BODY) and len(upstream.done) == 2


def test_an_error_does_not_become_a_success(proxy):
    proxy.begin(At("Make", 1, "empty"))
    assert ask(connect(proxy), "/missing") == (404, b"")


def test_a_seed_gives_the_same_again(proxy):
    def faults(plan):
        return [plan.fault(label, number) for label in ("Make", "Other") for number in range(200)]

    first = faults(Seeded(7, 0.2))
    assert first == faults(Seeded(7, 0.2)) != faults(Seeded(8, 0.2))
    assert 40 < sum(fault is not None for fault in first) < 120
    recorded = {(label, number): fault for (label, number), fault in zip([(label, number) for label in ("Make", "Other") for number in range(200)], first) if fault}
    assert faults(Exactly(recorded)) == first
