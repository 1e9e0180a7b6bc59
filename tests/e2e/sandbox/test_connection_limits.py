"""Who holds connections without asking for anything keeps nobody else out; a request has to come to its end; where it ends has to be beyond doubt."""

import contextlib
import resource
import socket
import sys
import threading
import time
from pathlib import Path

import pytest
from servers import Sandbox, answers
from sigv4 import Signer
from support import PATIENCE_S, cpu_of, until

MOST = 100  # connections; four files for each
HEALTH = b"GET /_weir/health HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
def small():
    server = Sandbox(files=f"{4 * MOST}:{4 * MOST}")
    yield server
    server.stop()


@pytest.fixture
def hasty():
    """Half a minute is a second."""
    server = Sandbox(env={"PATIENCE_MS": "1000"})
    yield server
    server.stop()


def connect(server):
    return socket.create_connection((server.address, server.port), timeout=PATIENCE_S)


class Drip:
    """Connections that send a byte now and then, for as long as they are let."""

    def __init__(self, server, beginning, byte, n):
        self.connections = []
        for _ in range(n):
            connection = connect(server)
            with contextlib.suppress(OSError):
                connection.sendall(beginning)
            self.connections.append(connection)
        self.byte, self.over = byte, threading.Event()
        self.thread = threading.Thread(target=self.go_on)
        self.thread.start()

    def go_on(self):
        while not self.over.wait(0.1):
            for connection in self.connections:
                with contextlib.suppress(OSError):
                    connection.send(self.byte)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        for connection in self.connections:
            connection.close()


def wait_until_closed(connection):
    connection.settimeout(PATIENCE_S)
    with contextlib.suppress(ConnectionResetError):
        while connection.recv(65536):
            pass


@pytest.mark.full
@pytest.mark.parametrize("beginning, byte", [
    (b"", b""), (b"GET /", b"a"), (b"GET /_weir/health HTTP/1.1\r\nHost: localhost\r\nX: ", b"a"),
    (b"PUT /b/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000\r\n\r\n", b"a"),
    (b"PUT /b/k HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
    (b"GET /_weir/health HTTP/1.1\r\nHost: localhost\r\n\r\nGET /", b"a"),
], ids=["nothing", "a line", "a head", "a body", "chunks", "a second request"])
def test_whoever_drips_keeps_nobody_out(small, beginning, byte):
    """With three times as many connections as there are places. A body has two seconds before it counts as one that creeps."""
    pause_s = 3 if beginning.startswith(b"PUT") else 0.5
    small.client("s3").create_bucket(Bucket="lake")
    with Drip(small, beginning, byte, MOST - 10) as first:
        time.sleep(pause_s)
        with Drip(small, beginning, byte, 2 * MOST):
            time.sleep(pause_s)
            for n in range(10):
                assert answers(small)
                small.client("s3").put_object(Bucket="lake", Key=f"k{n}", Body=b"x" * 100_000)
        assert first.connections
    assert small.client("s3").get_object(Bucket="lake", Key="k9")["Body"].read() == b"x" * 100_000


@pytest.mark.parametrize("beginning, byte", [
    (b"", b""), (b"GET /_weir/health HTTP/1.1\r\nHost: localhost\r\nX: ", b"a"),
    (b"PUT /b/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000\r\n\r\n", b"a"),
], ids=["nothing", "a head", "a body"])
def test_a_request_has_to_come_to_its_end(hasty, beginning, byte):
    began = time.monotonic()
    with Drip(hasty, beginning, byte, 1) as drip:
        wait_until_closed(drip.connections[0])
    assert time.monotonic() - began > 0.5


@pytest.mark.full
def test_what_takes_long_for_a_reason(hasty):
    """An upload that goes on, an answer that is long in coming, a connection that rests between requests."""
    hasty.client("s3").create_bucket(Bucket="lake")
    body = b"0123456789" * 2400
    headers = Signer(hasty).headers("PUT", "/lake/slow", payload_hash="UNSIGNED-PAYLOAD")
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())

    def goes_on():
        with connect(hasty) as connection, contextlib.suppress(ConnectionError):
            connection.sendall(f"PUT /lake/slow HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode())
            for at in range(0, len(body), 1000):
                connection.sendall(body[at:at + 1000])
                time.sleep(0.15)
            if b" 200 " in connection.recv(4096):
                time.sleep(2)
                connection.sendall(HEALTH)
                return b" 200 " in connection.recv(4096)

    assert any(goes_on() for _ in range(5))  # a busy machine may stand still for a second
    assert hasty.client("s3").get_object(Bucket="lake", Key="slow")["Body"].read() == body
    queue = hasty.client("sqs").create_queue(QueueName="q")["QueueUrl"]
    began = time.monotonic()
    assert "Messages" not in hasty.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=3)
    assert time.monotonic() - began > 2.5


@pytest.mark.parametrize("headers, body", [
    (b"Content-Length: 4\r\nContent-Length: 40\r\n", b"body"), (b"Content-Length: 40\r\nContent-Length: 4\r\n", b"body"), (b"Content-Length: 4\r\nContent-Length: 4\r\n", b"body"),
    (b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", b"0\r\n\r\n"), (b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
    (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", b"0\r\n\r\n"), (b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"),
    (b"Content-Length : 4\r\n", b"body"), (b"Transfer-Encoding : chunked\r\nContent-Length: 5\r\n", b"0\r\n\r\n"), (b"Content-Length: 4, 4\r\n", b"body"), (b"Content-Length: +4\r\n", b"body"),
    (b"Host : elsewhere\r\n", b""), (b"Host\t: elsewhere\r\n", b""), (b"X Y: z\r\n", b""),
], ids=lambda data: data.decode().replace("\r\n", " "))
def test_where_a_request_ends(sandbox, headers, body):
    """What follows on the connection is not taken for a request of its own."""
    for method in b"PUT /bucket/key", b"POST /":
        with connect(sandbox) as connection:
            connection.sendall(method + b" HTTP/1.1\r\nHost: localhost\r\n" + headers + b"\r\n" + body + HEALTH)
            answer = b""
            with contextlib.suppress(ConnectionResetError):
                while more := connection.recv(65536):
                    answer += more
        assert answer.startswith(b"HTTP/1.1 400 ") and answer.count(b"HTTP/1.1 ") - answer.count(b"Your HTTP") <= 2 and b'"status":"ok"' not in answer, answer
    assert answers(sandbox)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="its own limit is set from outside")
def test_a_database_that_can_let_nobody_in_costs_nothing(small):
    rds = small.client("rds")
    rds.create_db_instance(DBInstanceIdentifier="d", Engine="postgres", DBInstanceClass="db.t3.micro", AllocatedStorage=20, MasterUsername="u", MasterUserPassword="password1")
    at = until(lambda: rds.describe_db_instances()["DBInstances"][0].get("Endpoint"))
    files = len(list(Path(f"/proc/{small.process.pid}/fd").iterdir())) + 5
    resource.prlimit(small.process.pid, resource.RLIMIT_NOFILE, (files, files))
    with contextlib.ExitStack() as held:
        for _ in range(20):
            held.enter_context(socket.create_connection((at["Address"], at["Port"])))
        assert cpu_of(lambda: time.sleep(1), small.process)[1] < 0.1
    assert until(lambda: answers(small))


def test_a_host_with_a_blank_is_none(sandbox):
    with connect(sandbox) as connection:
        connection.sendall(b"GET /_weir/health HTTP/1.1\r\nHost : localhost\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 400 ")
