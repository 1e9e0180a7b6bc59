"""The first SIGTERM ends a command wherever it is: at a service that says nothing or never comes to an end, at a reader that takes nothing more. What is being made is finished; a second one stops that, too."""

import signal
import socket
import threading
import time

import pytest
from support import until

BUCKETS = "resources: {b: {type: aws.s3.bucket, name: weir-never-made}, q: {type: aws.sqs.queue, name: q}}\n"
CALLER = "data: {me: {type: aws.sts.caller_identity}}\nresources: {v: {type: weir.value, value: '${me.account}'}}\n"
S3 = "state: {backend: s3, bucket: states, prefix: a/, endpoint: 'http://127.0.0.1:PORT'}\n"
POSTGRES = "state: {backend: postgres, url: 'postgres://u:p@127.0.0.1:PORT/db?sslmode=disable'}\n"
WITHIN_S = 45  # a service that says nothing is given up after a minute
ENGINE = "providers: {docker: {host: 'tcp://127.0.0.1:PORT'}}\nresources: {n: {type: docker.network, name: x}}\n"


class Mute:
    """Takes every connection, and says nothing; with `drips` a head that never comes to its end."""

    def __init__(self, drips=False):
        self.drips, self.count = drips, 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.count += 1
            threading.Thread(target=self.talk, args=(connection,), daemon=True).start()

    def talk(self, connection):
        try:
            while self.drips and connection.recv(65536):
                connection.sendall(b"HTTP/1.1 200 OK\r\n")
                while True:
                    connection.sendall(b"X-Much: more to come\r\n")
                    time.sleep(0.1)
            while connection.recv(65536):
                pass
        except OSError:
            pass


@pytest.fixture(params=["mute", "dripping"])
def server(request):
    server = Mute(request.param == "dripping")
    yield server
    server.socket.close()


def begun(stack, server, text, *words):
    """The command, once it has come to the server."""
    at = str(server.port)
    stack.write("stack: a\n" + text.replace("PORT", at))
    stack.env |= {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b-secret-of-nobody", "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": f"http://127.0.0.1:{at}"}
    process = stack.start(*words)
    until(lambda: server.count, process=process)
    time.sleep(0.3)  # it is waiting by now
    return process


def ended(process):
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=WITHIN_S)
    assert process.returncode in (130, -signal.SIGTERM), (process.args, process.returncode, out, err)
    return out + err


WAITING = {
    "plan": (CALLER, ["plan"]),
    "whose account it is": (BUCKETS, ["plan"]),
    "apply": (BUCKETS, ["apply", "--yes"]),
    "drift": (BUCKETS, ["drift"]),
    "import": (BUCKETS, ["import", "live", "--type", "aws.s3.bucket", "-o", "there"]),
    "module": ("modules: {m: {source: 'git::http://127.0.0.1:PORT/m.git'}}\n", ["modules", "update"]),
    "state in S3": (BUCKETS + S3, ["plan"]),
    "state in S3, locked": (BUCKETS + S3, ["apply", "--yes"]),
    "history in S3": (BUCKETS + S3, ["history"]),
    "outputs in S3": (BUCKETS + S3, ["output"]),
}


@pytest.mark.parametrize("text, words", WAITING.values(), ids=WAITING)
def test_while_a_service_is_waited_for(local_stack, server, text, words):
    ended(begun(local_stack, server, text, *words))


def test_while_a_database_is_waited_for(local_stack):
    server = Mute()
    ended(begun(local_stack, server, BUCKETS + POSTGRES, "plan"))
    ended(begun(local_stack, server, "providers: {postgres: {host: 127.0.0.1, port: PORT, user: u, password: p}}\nresources: {d: {type: postgres.database, name: x}}\nimports: [{address: d, id: x}]\n", "plan"))


def test_a_second_one_ends_what_is_being_made(local_stack, server):
    """Also the question which Engine it is, to be recorded with what is made."""
    process = begun(local_stack, server, ENGINE, "apply", "--yes")
    process.send_signal(signal.SIGTERM)
    until(lambda: "stopping" in process.stdout.readline(), process=process)
    ended(process)


@pytest.mark.full
@pytest.mark.parametrize("words", [["plan"], ["apply", "--yes"]])
def test_while_nobody_reads_what_is_printed(local_stack, words):
    """As of a pager that was stopped, or a terminal after Ctrl-S. What was made is recorded."""
    many = 3000
    local_stack.write("stack: a\nresources:\n" + "".join(f"  value_{i}: {{type: weir.value, value: {i}}}\n" for i in range(many)))
    process = local_stack.start(*words)
    time.sleep(2)  # the pipe is full
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=WITHIN_S)
    assert process.returncode in (1, 130), process.returncode
    process.stdout.close()
    process.stderr.close()
    local_stack.apply()
    assert len(local_stack.addresses()) == many


@pytest.mark.full
def test_what_does_not_end_is_not_waited_for_long(local_stack):
    """A program that answers for credentials, and does not let itself be ended."""
    local_stack.write("stack: a\n" + BUCKETS)
    local_stack.write("[profile p]\ncredential_process = exec 2> /dev/null; trap '' TERM; echo begun > begun; sleep 60\n", "config")
    process = local_stack.start("plan", env={"AWS_PROFILE": "p", "AWS_CONFIG_FILE": "config", "AWS_REGION": "us-east-1"})
    until(lambda: (local_stack.folder / "begun").exists(), process=process)
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=WITHIN_S) == 130 and "interrupted" in process.stderr.read()
    assert time.monotonic() - began > 3  # it was given some time
