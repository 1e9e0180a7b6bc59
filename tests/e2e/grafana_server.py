"""A Grafana made of its published API description: which calls there are, and what their bodies may hold, is read from the models and clients that
Grafana generates from its OpenAPI document (github.com/grafana/grafana-openapi-client-go). It keeps what it is given, and is no Grafana otherwise. As a program it is
what a container of it has inside."""

import base64
import json
import os
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

SCALARS = {"string": str, "bool": bool, "int64": int, "float64": (int, float)}


class Description:
    def __init__(self, folder):
        self.models, self.calls = {}, []
        for path in (folder / "models").glob("*.go"):
            for name, body in re.findall(r"^type (\w+) struct \{\n(.*?)^\}", path.read_text(), re.M | re.S):
                fields, required = {}, False
                for line in body.splitlines():
                    required |= "Required: true" in line
                    if found := re.match(r'\s+\w+ (\S+(?:\{\})?) `json:"(\w+)', line):
                        fields[found[2]] = (found[1], required)
                        required = False
                self.models[name] = fields
        for path in (folder / "client").rglob("*_client.go"):
            for name, method, pattern in re.findall(r'ID:\s+"(\w+)",\s+Method:\s+"(\w+)",\s+PathPattern:\s+"([^"]+)"', path.read_text()):
                regex = re.sub(r"\{(\w+)\}", lambda found: f"(?P<{found[1]}>[^/]+)", pattern)
                self.calls.append((name, method, re.compile(f"/api{regex}$")))

    def call(self, method, path):
        return next(((name, found.groupdict()) for name, asked, regex in self.calls if asked == method and (found := regex.match(path))), (None, None))

    def wrong(self, model, value, where=""):
        """What the description says against it."""
        fields = self.models[model]
        for key, (_, required) in fields.items():
            if required and key not in value:
                yield f"{model}{where}: {key} is missing"
        for key, one in value.items():
            if key not in fields:
                yield f"{model}{where}: there is no {key}"
            elif one is not None:
                yield from self.wrong_type(fields[key][0], one, f"{where}.{key}", model)

    def wrong_type(self, kind, value, where, model):
        kind = kind.lstrip("*")
        if kind in SCALARS and (not isinstance(value, SCALARS[kind]) or (kind == "int64" and isinstance(value, bool))):
            yield f"{model}{where}: {value!r} is no {kind}"
        elif kind.startswith("map[string]string") and not all(isinstance(one, str) for one in value.values()):
            yield f"{model}{where}: not all are texts"
        elif kind.startswith("[]"):
            for one in value:
                yield from self.wrong_type(kind[2:], one, where, model)
        elif kind in self.models and self.models[kind]:
            yield from self.wrong(kind, value, where)


class GrafanaServer:
    BODIES = {"createFolder": "CreateFolderCommand", "updateFolder": "UpdateFolderCommand", "moveFolder": "MoveFolderCommand", "addDataSource": "AddDataSourceCommand",
              "updateDataSourceByUID": "UpdateDataSourceCommand", "postDashboard": "SaveDashboardCommand", "PostAlertRule": "ProvisionedAlertRule", "PutAlertRule": "ProvisionedAlertRule",
              "PostContactpoints": "EmbeddedContactPoint", "PutContactpoint": "EmbeddedContactPoint"}

    def __init__(self, folder, password="hush-admin", port=0):
        self.description, self.wrong, self.password = Description(folder), [], password
        self.folders, self.sources, self.dashboards, self.rules, self.points = {}, {}, {}, {}, {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, answer = outer.answer(self.command, self.path, self.headers, json.loads(body) if body else None)
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = do_DELETE = do

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, method, target, headers, body):
        path = unquote(urlsplit(target).path)
        if path == "/api/health":
            return 200, {"database": "ok"}
        if headers.get("Authorization") != "Basic " + base64.b64encode(f"admin:{self.password}".encode()).decode():
            return 401, {"message": "Invalid username or password"}
        name, places = self.description.call(method, path)
        if not name:
            self.tell([f"no such call: {method} {path}"])
            return 404, {"message": "Not found"}
        if name in self.BODIES:
            self.tell(self.description.wrong(self.BODIES[name], body))
        return getattr(self, name)(*places.values(), *([body] if body is not None else []), **({"query": parse_qs(urlsplit(target).query)} if name == "GetContactpoints" else {}))

    def tell(self, wrong):
        for one in wrong:
            self.wrong.append(one)
            print(one, file=sys.stderr, flush=True)

    def one(self, items, uid):
        return (200, items[uid]) if uid in items else (404, {"message": "not found"})

    def gone(self, items, uid):
        return (200, {"message": "deleted"}) if items.pop(uid, None) else (404, {"message": "not found"})

    def createFolder(self, body):
        if body["uid"] in self.folders:
            return 409, {"message": "a folder with the same uid exists"}
        self.folders[body["uid"]] = {"id": 1, "version": 1, "url": "/f", **body}
        return self.one(self.folders, body["uid"])

    def getFolderByUID(self, uid):
        return self.one(self.folders, uid)

    def updateFolder(self, uid, body):
        self.folders[uid] |= {key: body[key] for key in ("title", "description") if key in body}
        return self.one(self.folders, uid)

    def moveFolder(self, uid, body):
        self.folders[uid]["parentUid"] = body["parentUid"]
        return self.one(self.folders, uid)

    def deleteFolder(self, uid):
        return self.gone(self.folders, uid)

    def source(self, body):
        kept = {key: value for key, value in body.items() if key != "secureJsonData"}
        return {"id": 1, "orgId": 1, "readOnly": False, "typeLogoUrl": "", "secureJsonFields": dict.fromkeys(body.get("secureJsonData", {}), True), **kept}

    def addDataSource(self, body):
        if body["uid"] in self.sources:
            return 409, {"message": "data source with the same uid already exists"}
        self.sources[body["uid"]] = self.source(body)
        return 200, {"datasource": self.sources[body["uid"]], "id": 1, "message": "Datasource added", "name": body["name"]}

    def getDataSourceByUID(self, uid):
        return self.one(self.sources, uid)

    def updateDataSourceByUID(self, uid, body):
        self.sources[uid] = self.source(body)
        return 200, {"datasource": self.sources[uid], "id": 1, "message": "Datasource updated", "name": body["name"]}

    def deleteDataSourceByUID(self, uid):
        return self.gone(self.sources, uid)

    def postDashboard(self, body):
        uid = body["dashboard"]["uid"]
        if uid in self.dashboards and not body["overwrite"]:
            return 412, {"message": "The dashboard has been changed by someone else", "status": "version-mismatch"}
        version = self.dashboards.get(uid, {"dashboard": {"version": 0}})["dashboard"]["version"] + 1
        self.dashboards[uid] = {"dashboard": {**body["dashboard"], "id": 7, "version": version}, "meta": {"folderUid": body.get("folderUid", ""), "url": f"/d/{uid}"}}
        return 200, {"id": 7, "uid": uid, "url": f"/d/{uid}", "status": "success", "version": version, "title": body["dashboard"].get("title", ""), "slug": ""}

    def getDashboardByUID(self, uid):
        return self.one(self.dashboards, uid)

    def deleteDashboardByUID(self, uid):
        return self.gone(self.dashboards, uid)

    def PostAlertRule(self, body):
        self.rules[body["uid"]] = {"id": 1, "provenance": "", **body}
        return 201, self.rules[body["uid"]]

    def GetAlertRule(self, uid):
        return self.one(self.rules, uid)

    def GetAlertRules(self):
        return 200, list(self.rules.values())

    def PutAlertRule(self, uid, body):
        self.rules[uid] = {"id": 1, "provenance": "", **body}
        return 200, self.rules[uid]

    def DeleteAlertRule(self, uid):
        self.rules.pop(uid, None)
        return 200, {}

    def PostContactpoints(self, body):
        self.points[body["uid"]] = body
        return 202, body

    def GetContactpoints(self, query):
        named = [point for point in self.points.values() if point["name"] in query.get("name", [point["name"]])]
        return 200, [{**point, "settings": dict.fromkeys(point["settings"], "[REDACTED]")} for point in named]

    def PutContactpoint(self, uid, body):
        self.points[uid] = body
        return 202, {"message": "contactpoint updated"}

    def DeleteContactpoints(self, uid):
        self.points.pop(uid, None)
        return 202, {}


class Kept(GrafanaServer):
    """One that is started anew knows what it knew."""

    FILE, WHAT, asked = Path("/var/lib/grafana/kept.json"), ("folders", "sources", "dashboards", "rules", "points"), False
    lock = threading.Lock()

    def answer(self, *asked):
        with self.lock:
            if not self.asked and self.FILE.exists():
                self.__dict__.update(json.loads(self.FILE.read_text()))
            self.asked = True
            answered = super().answer(*asked)
            self.FILE.write_text(json.dumps({name: getattr(self, name) for name in self.WHAT}))
        return answered


if __name__ == "__main__":
    Kept(Path("/description"), os.environ["GF_SECURITY_ADMIN_PASSWORD"], int(os.environ["GF_SERVER_HTTP_PORT"]))
    threading.Event().wait()
