"""A stand-in of the film API: two calls, twenty films a page, a key that has to be right. `films` as data/tmdb.json of examples/film-lake has them."""

import http.server
import json
import threading
import urllib.parse

GENRES = {27: "Horror", 53: "Thriller", 9648: "Mystery", 18: "Drama", 14: "Fantasy", 35: "Comedy", 878: "Science Fiction", 28: "Action"}
PAGE = 20


class FilmApi:
    """Serves as long as the object; `busy`: so many answers are 429 first."""

    def __init__(self, films, key, busy=0):
        self.films = [{name: value for name, value in film.items() if name != "genres"} for film in films]
        self.key, self.busy, self.asked = key, busy, []
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                status, answer = api.answer(self.path)
                body = json.dumps(answer).encode()
                self.send_response(status)
                if status == 429:
                    self.send_header("Retry-After", "0")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/3"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, path):
        url = urllib.parse.urlsplit(path)
        query = dict(urllib.parse.parse_qsl(url.query))
        self.asked.append((url.path, {name: value for name, value in query.items() if name != "api_key"}))
        if query.get("api_key") != self.key:
            return 401, {"status_code": 7, "status_message": "Invalid API key: You must be granted a valid key."}
        if self.busy:
            self.busy -= 1
            return 429, {"status_code": 25, "status_message": "Your request count is over the allowed limit."}
        if url.path == "/3/genre/movie/list":
            return 200, {"genres": [{"id": number, "name": name} for number, name in GENRES.items()]}
        if url.path == "/3/discover/movie" and query.get("with_genres") == "27":
            page = int(query.get("page", 1))
            return 200, {"page": page, "results": self.films[(page - 1) * PAGE:page * PAGE], "total_pages": -(-len(self.films) // PAGE), "total_results": len(self.films)}
        return 404, {"status_code": 34, "status_message": "The resource you requested could not be found."}

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
