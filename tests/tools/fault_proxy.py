"""A proxy that stands between weir and a cloud and does to requests and answers what a bad network does.

    proxy = FaultProxy("http://127.0.0.1:5000")    proxy.url is what weir gets as its endpoint
    proxy.begin(At("CreateVpc", 1, "dropafter"))   the faults of what follows; also Seeded(seed, rate), Exactly(faults)
    proxy.end()                                    no faults any more; what was delayed has arrived
    proxy.log                                      every request since begin(), with what was done to it

HTTP/1.1 with connections kept on both sides. A request is known by its label, "CreateVpc" or "AWSGlue.CreateJob" or "PUT /bucket?versioning",
and by how many of that label came before. A fault is a text:

    refuse        cut before it is sent on
    dropafter     carried out, then the connection is closed without an answer
    empty         carried out; the answer has no body, and says so (its status stays, so that an error is none of success)
    cut:N         carried out; of the whole answer, its head included, N bytes come (-N: all but N; head: all of the head; middle: half of the body)
    half          carried out; half of the body comes, and the head says that it is all
    500before 500after 503before 503after throttlebefore throttleafter    refused, or carried out and then refused; `after` never for what throttles
    late:S        the connection is closed without an answer, and the request is carried out S seconds later: before anything that comes after that
                  time, however busy the machine is
    stall         carried out; the answer never comes: the client has to give up
    stale         the answer to a read is the one that the same read had before, if it had one

What Seeded decides depends on the seed, the label and its number alone, not on the order of what runs in parallel: a seed gives the same
history again, as far as weir does the same, and Exactly(proxy.done()) a recorded one.
"""

import json
import random
import re
import socket
import threading
import time
from urllib.parse import parse_qs, urlsplit

KINDS = (
    "refuse", "dropafter", "dropafter", "empty", "cut:60", "cut:head", "cut:middle", "cut:-1", "half", "500before", "500after", "503before", "503after",
    "throttlebefore", "late:0.1",
)  # fmt: skip
STALL_S = 200  # longer than weir waits
IDS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}|(?<=uploadId=)[^&]*|\b[0-9a-f]{17,64}\b")  # what differs from run to run
BODILESS = {"204", "304"}


class Ended(Exception):
    """The other side closed its connection."""


# ---- what is decided ----


class Nothing:
    """No faults."""

    def fault(self, label, number):
        return None


class At:
    """One fault, at the Nth request of a label (of all requests where the label is None)."""

    def __init__(self, label, number, fault):
        self.label, self.number, self.kind, self.all = label, number, fault, 0

    def fault(self, label, number):
        if self.label is None:
            self.all += 1
            return self.kind if self.all == self.number else None
        return self.kind if (label, number) == (self.label, self.number) else None


class Seeded:
    def __init__(self, seed, rate, kinds=KINDS, match=".*"):
        self.seed, self.rate, self.kinds, self.match = seed, rate, kinds, re.compile(match)

    def fault(self, label, number):
        chance = random.Random(f"{self.seed} {label} {number}")
        return chance.choice(self.kinds) if chance.random() < self.rate and self.match.search(label) else None


class Exactly:
    """{(label, number): fault}"""

    def __init__(self, faults):
        self.faults = dict(faults)

    def fault(self, label, number):
        return self.faults.get((label, number))


# ---- HTTP ----


class Wire:
    """A connection and what was read of it."""

    def __init__(self, connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket, self.file = connection, connection.makefile("rb")

    def head(self):
        """The first line and the headers as they came, and a dictionary of them."""
        lines = []
        while (line := self.file.readline()) not in (b"\r\n", b"\n"):
            if not line.endswith(b"\n"):
                raise Ended
            lines.append(line)
        if not lines:
            raise Ended
        pairs = [line.decode("latin-1").partition(":") for line in lines[1:]]
        return lines, {name.strip().lower(): value.strip() for name, _, value in pairs}

    def exactly(self, length):
        data = self.file.read(length)
        if len(data) < length:
            raise Ended
        return data

    def chunks(self):
        body = b""
        while size := int(self.file.readline().split(b";")[0], 16):
            body += self.exactly(size)
            self.file.readline()
        while self.file.readline() not in (b"\r\n", b"\n", b""):
            pass
        return body

    def body(self, headers):
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return self.chunks()
        return self.exactly(int(headers.get("content-length") or 0))

    def close(self):
        for close in (lambda: self.socket.shutdown(socket.SHUT_RDWR), self.file.close, self.socket.close):
            try:
                close()
            except OSError:
                pass


def with_length(lines, body):
    kept = [line for line in lines if line.split(b":")[0].lower() not in (b"content-length", b"transfer-encoding")]
    return b"".join(kept) + b"content-length: %d\r\n\r\n" % len(body)


class Request:
    def __init__(self, wire):
        lines, self.headers = wire.head()
        self.method, self.target, _ = lines[0].decode("latin-1").split(" ", 2)
        if self.headers.get("expect", "").lower() == "100-continue":
            wire.socket.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.content = wire.body(self.headers)
        self.bytes = with_length([line for line in lines if not line.lower().startswith(b"expect:")], self.content) + self.content
        self.label = self._label()

    def _label(self):
        if target := self.headers.get("x-amz-target"):
            return target
        if self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            if action := parse_qs(self.content.decode(errors="replace")).get("Action"):
                return action[0]
        path = urlsplit(self.target)
        return IDS.sub("*", f"{self.method} {path.path}" + (f"?{path.query}" if path.query else ""))

    def reads(self):
        return self.method in ("GET", "HEAD") or bool(re.match(r"(.*\.)?(Get|List|Describe|Search|BatchGet)[A-Z]", self.label))


class Answer:
    def __init__(self, wire, request):
        lines, headers = wire.head()
        while lines[0].split()[1] == b"100":
            lines, headers = wire.head()
        self.lines, self.status = lines, lines[0].split()[1].decode()
        self.bodiless = request.method == "HEAD" or self.status in BODILESS
        self.body = b"" if self.bodiless else wire.body(headers)
        self.head = b"".join(lines) + b"\r\n" if self.bodiless else with_length(lines, self.body)
        self.closes = headers.get("connection", "").lower() == "close"

    def bytes(self):
        return self.head + self.body

    def with_body(self, body):
        return self.head if self.bodiless else with_length(self.lines, body) + body

    def cut(self, where):
        whole = self.bytes()
        if where in ("head", "middle"):
            return whole[: len(self.head) + (len(self.body) // 2 if where == "middle" else 0)]
        return whole[: int(where)]


def error_answer(request, status, code):
    """In the words of the request's protocol."""
    if request.headers.get("x-amz-target") or request.headers.get("content-type", "").startswith("application/json"):
        body = json.dumps({"__type": code, "message": "a fault of the proxy"}).encode()
    else:
        body = f"<ErrorResponse><Error><Code>{code}</Code><Message>a fault of the proxy</Message></Error></ErrorResponse>".encode()
    body = b"" if request.method == "HEAD" else body
    return b"HTTP/1.1 %d Fault\r\ncontent-length: %d\r\n\r\n" % (status, len(body)) + body


ERRORS = {"500": (500, "InternalFailure"), "503": (503, "ServiceUnavailable"), "throttle": (400, "ThrottlingException")}


# ---- the proxy ----


class Late:
    """A request that is carried out when its time has come, by whoever comes by first."""

    def __init__(self, seconds, carry_out):
        self.due, self.carry_out, self.lock = time.monotonic() + seconds, carry_out, threading.Lock()
        threading.Thread(target=self._wait, daemon=True).start()

    def _wait(self):
        time.sleep(max(0, self.due - time.monotonic()))
        self.arrive()

    def arrive(self):
        """It has been carried out when this returns."""
        with self.lock:
            carry_out, self.carry_out = self.carry_out, None
            if carry_out:
                carry_out()


class FaultProxy:
    def __init__(self, upstream):
        where = urlsplit(upstream)
        self.upstream = (where.hostname, where.port)
        self.lock = threading.Lock()
        self.plan, self.log, self.counts, self.late, self.answers, self.live = Nothing(), [], {}, [], {}, set()
        self.altered = None  # what is done to the bytes of each request
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    # -- for tests --

    def begin(self, plan=None):
        with self.lock:
            self.plan, self.log, self.counts = plan or Nothing(), [], {}

    def end(self):
        """No faults from here on, and nothing that may still arrive."""
        with self.lock:
            self.plan, late, self.late = Nothing(), self.late, []
        for one in late:
            one.arrive()

    def done(self):
        """{(label, number): fault} of what was done since begin()."""
        with self.lock:
            return {(entry["label"], entry["number"]): entry["fault"] for entry in self.log if entry["fault"]}

    def labels(self):
        with self.lock:
            return [(entry["label"], entry["number"]) for entry in self.log]

    def close(self):
        self.socket.close()

    # -- connections --

    def _accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(Wire(connection),), daemon=True).start()

    def _serve(self, client):
        kept = []  # the connection upstream, as soon as there is one
        try:
            while self._exchange(client, Request(client), kept):
                pass
        except (Ended, OSError, ValueError):
            pass
        finally:
            client.close()
            for server in kept:
                server.close()

    def _carry_out(self, request, kept):
        """A connection that the server closed meanwhile is made anew; what it has begun to answer is not asked twice."""
        sent = self.altered(request.bytes) if self.altered else request.bytes
        for again in (bool(kept), False):
            if not kept:
                kept.append(Wire(socket.create_connection(self.upstream)))
            try:
                kept[0].socket.sendall(sent)
                answer = Answer(kept[0], request)
                break
            except (Ended, OSError):
                kept.pop().close()
                if not again:
                    raise
        if answer.closes:
            kept.pop().close()
        return answer

    def _note(self, request):
        with self.lock:
            number = self.counts[request.label] = self.counts.get(request.label, 0) + 1
            entry = {"label": request.label, "number": number, "fault": self.plan.fault(request.label, number), "status": None}
            self.log.append(entry)
        return entry

    def _exchange(self, client, request, kept):
        """Does the connection stay?"""
        entry = self._note(request)
        self._arrived(time.monotonic())
        kind, _, word = (entry["fault"] or "").partition(":")
        if kind == "refuse":
            return False
        if kind == "late":
            self._send_later(request, float(word))
            return False
        if kind.endswith("before"):
            client.socket.sendall(error_answer(request, *ERRORS[kind.removesuffix("before")]))
            return True
        answer = self._carry_out(request, kept)
        entry["status"] = answer.status
        said, stays = self._said(request, answer, kind, word)
        client.socket.sendall(said)
        if kind == "stall":
            client.socket.settimeout(STALL_S)
            client.file.read(1)
        return stays and not answer.closes

    def _said(self, request, answer, kind, word):
        key, before = (request.method, request.target, request.content), None
        if request.reads():
            before, self.answers[key] = self.answers.get(key), answer
        if kind in ("dropafter", "stall"):
            return b"", False
        if kind == "cut":
            return answer.cut(word), False
        if kind == "empty":
            return answer.with_body(b""), True
        if kind == "half":
            return answer.with_body(answer.body[: len(answer.body) // 2]), True
        if kind.endswith("after") and answer.status.startswith("2"):
            return error_answer(request, *ERRORS[kind.removesuffix("after")]), True
        if kind == "stale" and before:
            return before.bytes(), True
        return answer.bytes(), True

    def _send_later(self, request, seconds):
        def carry_out():
            kept = []
            try:
                self._carry_out(request, kept)
            except (Ended, OSError):
                pass
            for server in kept:
                server.close()

        with self.lock:
            self.late.append(Late(seconds, carry_out))

    def _arrived(self, now):
        """What was late is there before what comes after its time."""
        with self.lock:
            due = [one for one in self.late if one.due <= now]
        for one in due:
            one.arrive()
