"""A client of the film API's calls that the lake needs: lists of films, page by page, and the names of genres."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator

ATTEMPTS = 5


class Refused(Exception):
    """What the API said instead of an answer; without the URL, which has the key in it."""


class Client:
    def __init__(self, url: str, key: str) -> None:
        self.url, self.key = url.rstrip("/"), key

    def get(self, path: str, **query) -> dict:
        url = f"{self.url}{path}?{urllib.parse.urlencode({'api_key': self.key, **query})}"
        for attempt in range(ATTEMPTS):
            try:
                with urllib.request.urlopen(url, timeout=20) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as error:
                if error.code != 429 or attempt == ATTEMPTS - 1:
                    raise Refused(f"{path}: HTTP {error.code}") from None
                time.sleep(float(error.headers.get("Retry-After", 1)))
        raise AssertionError("unreachable")

    def genres(self) -> dict[int, str]:
        return {genre["id"]: genre["name"] for genre in self.get("/genre/movie/list")["genres"]}

    def discover(self, genre: int, pages: int) -> Iterator[dict]:
        """Films of a genre; of as many pages as there are, and no more than these."""
        page, last = 1, 1
        while page <= min(last, pages):
            answer = self.get("/discover/movie", with_genres=genre, sort_by="popularity.desc", page=page)
            yield from answer["results"]
            page, last = page + 1, answer["total_pages"]
