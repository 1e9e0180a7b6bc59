"""moto as the tests, the benchmarks and the demo use it: python cloud.py [PORT], or python cloud.py --forks FD

Serves on 127.0.0.1, prints its URL as the first line once it listens, and ends when its standard input does, so
that no server outlives whoever started it. With --forks it loads all of moto once, and then makes a server of its own for
each connection to the listening Unix socket FD: a line with a JSON object of environment variables comes in, the URL goes out,
and the server ends with the connection. On top of moto it
- answers what moto 5.2 lacks, see moto_gaps.py, unless WEIR_MOTO_PLAIN is in the environment: then it answers as it comes;
- keeps a list of the requests it got:  GET /e2e/requests, DELETE to forget them; GET /e2e/bodies: with what was sent;
- begins anew, without requests and faults: POST /e2e/reset;
- fails on demand: POST /e2e/faults takes a list of {match, times, status, body, headers, close, after, delay, hold}.

`match` is a regular expression over a request's label: "CreateRole", "AWSGlue.CreateJob" or "PUT /bucket?versioning".
`close` cuts the connection without an answer; `after` lets moto do the work first (an answer that got lost).
`answer` changes what moto answers: a list of [pattern, replacement], as AWS says it where that is otherwise.
`hold` keeps a request until faults are set anew. `repeat` (raw, json, xml, percent, base64 or hex) refuses with a message
that repeats what was sent.
"""

import base64
import gc
import io
import json
import os
import queue
import random
import re
import select
import signal
import socket
import sys
import threading
import time
from html import escape
from pathlib import Path
from urllib.parse import parse_qs, quote

gc.disable()  # until all of moto is loaded: it stays, and looking through it again and again was a third of the time until then
import moto_speed  # noqa: E402, F401
from moto import backends  # noqa: E402
from moto.moto_api._internal.models import moto_api_backend  # noqa: E402
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app  # noqa: E402
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler  # noqa: E402


HOLD_S = 120  # longer than any test waits, shorter than for ever


class Cloud:
    def __init__(self, app):
        self.app = app
        self.lock = threading.Lock()
        self.conditional = threading.Lock()
        self.requests = []
        self.faults = []
        self.released = threading.Event()

    def __call__(self, environ, start_response):
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(length) if length else b""
        environ["wsgi.input"] = io.BytesIO(body)
        path = environ["PATH_INFO"]
        if path.startswith("/e2e/"):
            return self.control(path, environ["REQUEST_METHOD"], body, start_response)
        if path.startswith("/moto-api/"):
            return self.app(environ, start_response)

        label = label_of(environ, body)
        released = self.released
        fault = self.next_fault(label, body)
        if not fault:
            return self.carry_out(environ, start_response)
        if fault.get("delay"):
            time.sleep(fault["delay"])
        if fault.get("hold"):
            released.wait(HOLD_S)
        if fault.get("after"):
            b"".join(self.carry_out(environ, lambda *_: None))
        if fault.get("close"):
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            raise ConnectionAbortedError
        if fault.get("repeat"):
            return repeat(environ, body, fault["repeat"], start_response)
        if fault.get("status"):
            headers = [("Content-Type", "text/plain")] if "headers" not in fault else list(fault["headers"].items())
            start_response(f"{fault['status']} Fault", headers)
            return [fault.get("body", "").encode()]
        if fault.get("answer"):
            return self.reword(environ, fault["answer"], start_response)
        return self.carry_out(environ, start_response)

    def reword(self, environ, changes, start_response):
        given = []
        text = b"".join(self.carry_out(environ, lambda *head: given.extend(head))).decode()
        for pattern, replacement in changes:
            text = re.sub(pattern, replacement, text)
        start_response(given[0], [(name, value) for name, value in given[1] if name.lower() not in ("content-length", "x-amz-crc32")])
        return [text.encode()]

    def carry_out(self, environ, start_response):
        """moto looks whether an object is there, then writes it: of two that ask for a new one both would get it."""
        if "HTTP_IF_NONE_MATCH" not in environ and "HTTP_IF_MATCH" not in environ:
            return self.app(environ, start_response)
        with self.conditional:
            return self.app(environ, start_response)

    def next_fault(self, label, body):
        with self.lock:
            self.requests.append((label, body.decode(errors="replace")))
            for fault in self.faults:
                if fault["times"] > 0 and re.search(fault["match"], label):
                    fault["times"] -= 1
                    return fault
        return None

    def set_faults(self, faults):
        self.faults = [{"times": 1, **fault} for fault in faults]
        self.released.set()
        self.released = threading.Event()

    def control(self, path, method, body, start_response):
        answer = None
        with self.lock:
            if path == "/e2e/faults":
                self.set_faults(json.loads(body))
            elif path == "/e2e/reset":
                moto_api_backend.reset()
                self.set_faults([])
                self.requests.clear()
            elif path == "/e2e/requests" and method == "GET":
                answer = [label for label, _ in self.requests]
            elif path == "/e2e/bodies":
                answer = list(self.requests)
            elif path == "/e2e/requests":
                self.requests.clear()
            else:
                start_response("404 Not Found", [])
                return [b""]
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(answer).encode()]


SPELLINGS = {
    "raw": lambda text: text,
    "json": lambda text: json.dumps(text)[1:-1],
    "xml": escape,
    "percent": lambda text: quote(text, safe=""),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "hex": lambda text: text.encode().hex(),
}


def repeat(environ, body, spelling, start_response):
    """A service that says what it did not like."""
    sent = body.decode(errors="replace")
    values = [value for values in parse_qs(sent).values() for value in values] if not sent.startswith("{") else texts(json.loads(sent))
    message = "cannot take " + " and ".join(SPELLINGS[spelling](value) for value in values)
    start_response("400 Bad Request", [("Content-Type", "application/x-amz-json-1.1"), ("x-amzn-requestid", "e2e")])
    return [json.dumps({"__type": "ValidationException", "message": message}).encode()]


def texts(value):
    if isinstance(value, str):
        return [value]
    return [text for item in (value.values() if isinstance(value, dict) else value if isinstance(value, list) else []) for text in texts(item)]


def label_of(environ, body):
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        return target
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        if action := parse_qs(body.decode(errors="replace")).get("Action"):
            return action[0]
    query = environ.get("QUERY_STRING")
    return f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}" + (f"?{query}" if query else "")


class Handler(WSGIRequestHandler):
    """werkzeug's own ends the connection after every answer, and waits before; services keep theirs."""

    disable_nagle_algorithm = True
    wbufsize = -1  # head and body go out together

    def log(self, *_):
        pass

    def run_wsgi(self):
        try:
            self.answer()
        except (ConnectionError, ValueError):
            self.close_connection = True

    def answer(self):
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.wfile.flush()
        environ, head = self.make_environ(), []
        whole = environ.get("wsgi.input_terminated") or int(environ.get("CONTENT_LENGTH") or 0)
        environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(*([] if whole is True else [whole])) if whole else b"")
        try:
            body = b"".join(self.server.app(environ, lambda *given: head.extend(given)))
        except ConnectionError:
            raise
        except Exception as error:  # what moto does not know
            head, body = ["500 Internal Server Error", [("Content-Type", "text/html")]], f"<p>{escape(repr(error))}".encode()
        code, _, words = head[0].partition(" ")
        self.send_response(int(code), words)
        for header in head[1]:
            self.send_header(*header)
        bodiless = self.command == "HEAD" or code in ("204", "304")
        if not bodiless and "content-length" not in {name.lower() for name, _ in head[1]}:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(b"" if bodiless else body)
        self.wfile.flush()


class Server(ThreadedWSGIServer):
    """A connection is taken by a thread that has none: clients make many, and to begin a thread takes as long as to answer."""

    def __init__(self, *args):
        super().__init__(*args)
        self.connections, self.idle = queue.SimpleQueue(), threading.Semaphore(0)

    def get_request(self):
        """As accept() does it, which asks the socket thrice what kind of one it is."""
        descriptor, address = self.socket._accept()
        return socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, fileno=descriptor), address

    def process_request(self, *connection):
        if not self.idle.acquire(blocking=False):
            threading.Thread(target=self.work, daemon=True).start()
        self.connections.put(connection)

    def work(self):
        while True:
            self.process_request_thread(*self.connections.get())
            self.idle.release()


def fill_gaps(app):
    if not os.environ.get("WEIR_MOTO_PLAIN"):
        import moto_gaps  # noqa: F401

        app.app_instances.pop("awslambda", None)  # made before, it has not the routes that were added


def end_with(stream):
    stream.read()
    os._exit(0)


def serve(app, port, told):
    """`told` is told the URL."""
    server = Server("127.0.0.1", port, Cloud(app), Handler)
    os.environ["MOTO_PORT"] = str(server.server_port)
    print(f"http://127.0.0.1:{server.server_port}", file=told, flush=True)
    server.serve_forever()


# ---- all of moto loaded once, for all that make a server of it ----


def keep_what_is_loaded():
    """It stays: to look through all of it for what may go is a tenth of the work."""
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)
    gc.enable()


def load(app):
    """What the first request to each of weir's services would load, and its model."""
    for spec in (Path(__file__).parents[2] / "provider/aws/specs").glob("*.yaml"):
        name = backends.list_of_moto_modules() & {spec.stem, {"lambda": "awslambda"}.get(spec.stem, spec.stem)}
        for service in name:
            app.app_instances[service] = create_backend_app(service)


def serve_connection(app, connection):
    random.seed()  # or all would make up the same names
    stream = connection.makefile("rw")
    os.environ.update(json.loads(stream.readline()))
    fill_gaps(app)
    threading.Thread(target=end_with, args=(stream,), daemon=True).start()
    serve(app, 0, connection.makefile("w"))


def serve_forks(app, listening):
    load(app)
    keep_what_is_loaded()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    while sys.stdin not in select.select([sys.stdin, listening], [], [])[0]:
        connection, _ = listening.accept()
        if not os.fork():
            listening.close()
            serve_connection(app, connection)
        connection.close()


def main():
    app = DomainDispatcherApplication(create_backend_app)
    if sys.argv[1:2] == ["--forks"]:
        return serve_forks(app, socket.socket(fileno=int(sys.argv[2])))
    threading.Thread(target=end_with, args=(sys.stdin,), daemon=True).start()
    fill_gaps(app)
    keep_what_is_loaded()
    serve(app, int(sys.argv[1]) if len(sys.argv) > 1 else 0, sys.stdout)


if __name__ == "__main__":
    main()
