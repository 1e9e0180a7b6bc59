"""
A shop's API as the producers find it: GET /orders?day=2026-11-20&page=1 answers {"items": […], "next": 2}, `next` null at the end.

    python3 shop/api.py PORT [FOLDER with DAY.jsonl]
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

PAGE = 25


def page_of(folder: Path, day: str, page: int) -> dict:
    path = folder / f"{day}.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    rest = lines[(page - 1) * PAGE :]
    return {"items": [json.loads(line) for line in rest[:PAGE]], "next": page + 1 if len(rest) > PAGE else None}


def serve(port: int, folder: Path) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked = urlsplit(self.path)
            query = {key: values[0] for key, values in parse_qs(asked.query).items()}
            found = asked.path == "/orders" and query.get("page", "1").isdigit() and "/" not in query.get("day", "/")
            body = json.dumps(page_of(folder, query["day"], int(query.get("page", "1"))) if found else {"error": "GET /orders?day=YYYY-MM-DD&page=1"}).encode()
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


if __name__ == "__main__":
    serve(int(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parents[1] / "data/orders").serve_forever()
