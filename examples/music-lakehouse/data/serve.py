"""Stands for the listening API, with the sample data: pages of users, and of a day's sessions.

    python3 data/serve.py [PORT]     on 127.0.0.1; default: a free port
"""

import http.server
import json
import sys
import urllib.parse
from pathlib import Path

DATA = Path(__file__).parent / "api"
PAGE = 40


def lines(name):
    return [json.loads(line) for line in (DATA / f"{name}.jsonl").read_text().splitlines()]


class Answers(http.server.BaseHTTPRequestHandler):
    def asked(self):
        """The endpoint and what follows the question mark."""
        url = urllib.parse.urlparse(self.path)
        return url.path.rsplit("/")[-1], dict(urllib.parse.parse_qsl(url.query))

    def rows(self, name):
        return lines(name)

    def do_GET(self):
        name, query = self.asked()
        if name not in ("users", "sessions"):
            return self.answer(404, {})
        page = int(query.get("page", 1))
        rows = [row for row in self.rows(name) if "day" not in query or row["started_at"].startswith(query["day"])]
        return self.answer(200, {"items": rows[(page - 1) * PAGE : page * PAGE], "next": page + 1 if page * PAGE < len(rows) else None})

    def answer(self, status, body, headers=()):
        self.send_response(status)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 0), Answers)
    print(f"http://127.0.0.1:{server.server_port}/v1", flush=True)
    server.serve_forever()
