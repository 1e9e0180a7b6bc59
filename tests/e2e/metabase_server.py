"""A small server that is made like Metabase (no description of its API is published), and is no Metabase otherwise. As a program it is what a container of it has inside."""

import os
import pickle
import re
import threading
from pathlib import Path

from rest_server import RestServer

SETUP = "hush-setup"


class Metabase(RestServer):
    """`items` by kind; an API key or a session says who asks. `user` None: nobody has set it up."""

    def __init__(self, user="ada@example.com", password="hush-hush", port=0):
        super().__init__(port=port)
        self.items, self.sessions, self.user, self.password = {}, 0, user, password

    def answer(self, method, target, headers, body):
        path = target.split("?")[0]
        if found := self.before_login(method, path, body):
            return found
        if headers.get("X-Metabase-Session") != f"hush-session-{self.sessions}" and headers.get("X-API-KEY") != "hush-key":
            return 401, "Unauthenticated"
        self.log.append((method, target, body))
        kind, number = re.fullmatch(r"/api/(database|collection|card|dashboard|user)(?:/(\d+))?", path).groups()
        items = self.items.setdefault(kind, {})
        if number is None and method == "GET":
            listed = [self.shown(item) for item in items.values()]
            return 200, {"data": listed} if kind in ("database", "user") else listed
        if number is None:
            made = {"id": sum(map(len, self.items.values())) + 1, "archived": False, "is_active": True, "is_superuser": False, **body}
            items[made["id"]] = made
            return 200, self.shown(made)
        item = items.get(int(number))
        if item is None:
            return 404, "Not found."
        if method == "PUT":
            item |= {key: {**item.get(key, {}), **value} if key == "details" else value for key, value in body.items()}
        if method == "DELETE":
            item["is_active"] = False
            if kind != "user":
                del items[int(number)]
            return 204, None
        return 200, self.shown(item)

    def before_login(self, method, path, body):
        if (method, path) == ("GET", "/api/health"):
            return 200, {"status": "ok"}
        if (method, path) == ("GET", "/api/session/properties"):
            return 200, {"has-user-setup": bool(self.user), "setup-token": None if self.user else SETUP}
        if (method, path) == ("POST", "/api/setup"):
            if self.user or body["token"] != SETUP:
                return 403, "The /api/setup route can only be used to create the first user, however a user currently exists."
            self.user, self.password = body["user"]["email"], body["user"]["password"]
        elif (method, path) != ("POST", "/api/session"):
            return None
        elif body != {"username": self.user, "password": self.password}:
            return 401, {"errors": {"password": "did not match stored password"}}
        self.sessions += 1
        return 200, {"id": f"hush-session-{self.sessions}"}

    def shown(self, item):
        details = item.get("details")
        return {**item, "details": {**details, "password": "**MetabasePass**"}} if details else item


class Kept(Metabase):
    """One that is started anew knows what it knew, as a Metabase does by its database."""

    FILE, WHAT, asked = Path("/var/lib/metabase"), ("items", "sessions", "user", "password"), False

    def answer(self, *asked):
        if not self.asked and self.FILE.exists():
            self.__dict__.update(pickle.loads(self.FILE.read_bytes()))
        self.asked = True
        answered = super().answer(*asked)
        self.FILE.write_bytes(pickle.dumps({name: getattr(self, name) for name in self.WHAT}))
        return answered


if __name__ == "__main__":
    Kept(None, None, int(os.environ["MB_JETTY_PORT"]))
    threading.Event().wait()
