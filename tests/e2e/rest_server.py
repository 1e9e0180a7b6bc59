"""A small service with a REST API, to be told how it behaves: who may come in, what is lost, what ends. What it was asked is in `log`."""

import base64
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class RestServer:
    """Things by name at /api/things, numbered ones at /api/notes. `auth` is basic, login or key."""

    def __init__(self, auth="basic", port=0):
        self.auth, self.things, self.notes, self.log, self.tokens = auth, {}, {}, [], []
        self.lose, self.refuse, self.logins, self.retry_after = set(), [], 0, 0  # (method, path) answered by closing; statuses to answer with first
        self.lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                if len(body) < length:  # the line broke
                    self.close_connection = True
                    return
                with outer.lock:
                    status, answer = outer.answer(self.command, self.path, self.headers, json.loads(body) if body else None)
                if status is None:
                    self.close_connection = True
                    return
                data = b"" if answer is None else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                if status == 429:
                    self.send_header("Retry-After", str(outer.retry_after))
                self.send_header("Content-Length", str(len(data)))
                try:
                    self.end_headers()
                    self.wfile.write(data)
                except OSError:  # nobody is there any more
                    self.close_connection = True

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def comes_in(self, headers):
        given = headers.get("Authorization", "")
        if self.auth == "basic":
            return given == "Basic " + base64.b64encode(b"ada:hush-hush").decode()
        if self.auth == "key":
            return headers.get("X-Api-Key") == "hush-key"
        return given.removeprefix("Bearer ") in self.tokens

    def answer(self, method, target, headers, body):
        path = urlsplit(target).path
        query = {key: value[0] for key, value in parse_qs(urlsplit(target).query).items()}
        self.log.append((method, target, body))
        if path == "/login":
            if body != {"name": "ada", "pass": "hush-hush"}:
                return 401, {"message": "who are you?"}
            self.logins += 1
            self.tokens = [f"hush-token-{self.logins}"]
            return 200, {"data": {"token": self.tokens[0]}}
        if not self.comes_in(headers):
            return 401, {"detail": "log in first"}
        if self.refuse:
            return self.refuse.pop(0), {"detail": "not now"}
        status, answer = self.serve(method, path, query, body)
        if (method, path) in self.lose:
            self.lose.discard((method, path))
            return None, None
        return status, answer

    def serve(self, method, path, query, body):
        for kind, key in ("things", "name"), ("notes", "id"):
            items, found = getattr(self, kind), re.fullmatch(rf"/api/{kind}(?:/(.+))?", path)
            if found:
                return self.item(method, items, key, found[1], query, body)
        return 404, {"detail": "there is no such page"}

    def item(self, method, items, key, name, query, body):
        if name is None and method == "GET":
            start, size = int(query.get("offset", 0)), int(query.get("limit", 2))
            return 200, {"items": list(items.values())[start:start + size], "total": len(items)}
        if name is None:
            if key == "id":
                body = {"id": str(len(items) + 1), **body}
            if body[key] in items:
                return 409, {"detail": f"{body[key]} exists"}
            items[body[key]] = {"size": 1, **body}
            return 201, {"data": items[body[key]]}
        if method == "PUT":
            items[name] = {key: name, **body}
        elif name not in items:
            return 404, {"detail": "no such thing"}
        elif method == "PATCH":
            items[name] |= body
        elif method == "DELETE":
            del items[name]
            return 204, None
        return 200, items[name]
