"""AWS as it was recorded: the entries of tests/answers, and a server that answers reads from them and notes every other request.

Requests are read and answers are written with moto's parsers and serializers after botocore's models, neither of which is ours."""

import copy
import http.server
import json
import re
import threading
from functools import cache
from urllib.parse import parse_qsl, unquote, urlsplit

import yaml
from botocore.exceptions import DataNotFoundError
from botocore.loaders import Loader
from moto.core.exceptions import ServiceException
from moto.core.model import ServiceModel
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.serialize import get_serializer_class
from support import ACCOUNT, ROOT
from werkzeug.datastructures import Headers, MultiDict

LOADER = Loader()  # which knows the folders after the first model
FOLDER = ROOT / "tests/answers"
READS = re.compile(r"(Get|List|Describe|Head|BatchGet|Lookup|Search)")
PAGING = re.compile(r"Token|Marker|^Max|Limit|PageSize", re.I)


class Entry:
    """One recorded thing: how AWS answers each read of it, and what a stack says that describes it."""

    def __init__(self, type_, number, data):
        self.type, self.data = type_, data
        self.address = re.sub(r"\W", "_", type_.removeprefix("aws.")) + f"_{number}"
        self.id, self.answers, self.stack = str(data["id"]), data["answers"], data["stack"]
        self.change, self.source = data.get("change", {}), data["source"]
        self.names = {self.id, *data.get("named", [])}

    def resource(self, changed=False):
        return {"type": self.type, **self.stack, **(self.change.get("set", {}) if changed else {})}


class Refusal(ServiceException):
    """An error that the service answers with; a class of this module, because moto asks its own modules which service they are."""


@cache
def entries():
    found = []
    for path in sorted(FOLDER.glob("*.yaml")):
        for type_, things in yaml.safe_load(path.read_text()).items():
            found += [Entry(type_, n, data) for n, data in enumerate(things)]
    return found


@cache
def model(name, later=False):
    """botocore's; `later`: as it may look in a year, when every structure has one member more."""
    data = LOADER.load_service_model(name, "service-2")
    if later:
        grown = lambda shape: {**shape, "members": {**shape["members"], "AddedLater": {"shape": "AddedLater"}}} if shape["type"] == "structure" and "payload" not in shape else shape
        shapes_ = {name_: grown(shape) for name_, shape in data["shapes"].items()}
        data = {**data, "shapes": {**shapes_, "AddedLater": {"type": "structure", "members": {"Detail": {"shape": "AddedText"}}}, "AddedText": {"type": "string"}}}
    return ServiceModel(data, name)


@cache
def routes(name):
    """The operations of a REST service: [(method, path's pattern, query's constants, operation)], the most exact first."""
    found = []
    for operation in model(name).operation_names:
        if model(name).operation_model(operation).deprecated:  # another has the same path
            continue
        http_, shape = model(name).operation_model(operation).http, model(name).operation_model(operation).input_shape
        path, _, query = http_["requestUri"].partition("?")
        path = ("/{Bucket}" + path if name == "s3" and shape and "Bucket" in shape.members and "{Bucket}" not in path else path).rstrip("/")
        needed = {m.serialization["name"]: None for n, m in shape.members.items() if n in shape.required_members and m.serialization.get("location") == "querystring"} if shape else {}
        pattern = re.sub(r"\\\{(\w+)\\?(\+?)\\\}", lambda m: f"(?P<{m[1]}>.+)" if m[2] else f"(?P<{m[1]}>[^/]+)", re.escape(path))
        found.append((http_["method"], re.compile(pattern + "/?$"), needed | {k: v for k, v in parse_qsl(query, keep_blank_values=True) if k != "x-id"}, operation))
    return sorted(found, key=lambda r: (-len(r[2]), r[1].pattern.count("(?P"), -len(r[1].pattern)))


@cache
def pages(service, operation):
    """How the operation's answer comes in pages, as botocore's paginators tell: {input_token, output_token, result_key, more_results}."""
    try:
        found = LOADER.load_service_model(service, "paginators-1")["pagination"].get(operation)
    except DataNotFoundError:
        return None
    return found if found and all(isinstance(found[k], str) and found[k].isidentifier() for k in ("input_token", "output_token", "result_key")) else None


def shapes(shape, value, found):
    """The structures and lists of an answer by the name of their shape."""
    walk(shape, value, lambda s, v: found.setdefault(s.name, v) and v if s.type_name in ("structure", "list") else v)
    return found


def texts(value):
    if isinstance(value, dict):
        return set().union(*map(texts, value.values())) if value else set()
    if isinstance(value, list):
        return set().union(*map(texts, value)) if value else set()
    return {value} if isinstance(value, str) else set()


def walk(shape, value, change, wire=False):
    """The value with every part of it changed, from the leaves up: change(shape, value). `wire`: members are called as in JSON."""
    if shape.type_name == "structure" and isinstance(value, dict):
        members = {s.serialization.get("name", n) if wire else n: s for n, s in shape.members.items()}
        value = {k: walk(members[k], v, change, wire) if k in members else v for k, v in value.items()}
    elif shape.type_name == "map" and isinstance(value, dict):
        value = {k: walk(shape.value, v, change, wire) for k, v in value.items()}
    elif shape.type_name == "list" and isinstance(value, list):
        value = [walk(shape.member, v, change, wire) for v in value]
    return change(shape, value)


class Request:
    """What a client asked: service, operation and members."""

    def __init__(self, server, handler, body):
        url = urlsplit(handler.path)
        query = parse_qsl(url.query, keep_blank_values=True)
        form = handler.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded")
        values = MultiDict(query + (parse_qsl(body.decode(), keep_blank_values=True) if form else []))
        signed = re.search(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/", handler.headers.get("Authorization", ""))[1]
        names = server.services[signed]
        self.service = next((n for n in names if model(n).api_version == values.get("Version")), names[0])
        self.protocol = model(self.service).protocol
        fields = {}
        target = handler.headers.get("X-Amz-Target")
        if target:
            self.operation, self.protocol = target.rpartition(".")[2], "json"
        elif "Action" in values:
            self.operation, self.protocol = values["Action"], "ec2" if self.protocol == "ec2" else "query"
        else:
            self.service, self.operation, fields = self.route(names, handler.command, url.path, dict(query))
        shape = model(self.service).operation_model(self.operation)
        self.members = PROTOCOL_PARSERS[self.protocol](shape).parse(
            {"body": body, "headers": Headers(handler.headers.items()), "method": handler.command, "url_params": fields, "url_path": url.path, "values": values}
        )

    def route(self, names, method, path, query):
        for service in names:
            for verb, pattern, constants, operation in routes(service):
                match = pattern.match(path) if verb == method and all(query.get(k) == v if v is not None else k in query for k, v in constants.items()) else None
                if match:
                    return service, operation, {k: unquote(v) for k, v in match.groupdict().items()}
        raise LookupError(f"{names} have no operation for {method} {path}")

    def __repr__(self):
        return f"{self.service}.{self.operation} {json.dumps(self.members, default=str)}"


class Server:
    """The account in which all the entries are. `vary(shape, value)` changes each part of an answer, `rewrite(entry, request, shape, body)` the bytes
    of it, `later` adds members, `single` gives pages of one; `log` has the requests that change something, `unknown` what nobody recorded."""

    def __init__(self, things, services):
        self.things, self.services = things, services
        self.reset()

    def reset(self, vary=None, rewrite=None, later=False, single=False):
        self.vary, self.rewrite, self.later, self.single, self.log, self.unknown = vary, rewrite, later, single, [], []

    def __enter__(self):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # an answer is sent at once, and not its body when its head was acknowledged
            log_message = lambda *a: None

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                try:
                    status, headers, out = outer.answer(self, body)
                except Exception as error:  # the client has to see it, and the test what it was
                    outer.unknown.append(f"{self.command} {self.path}: {type(error).__name__}: {error}")
                    status, headers, out = 400, {}, b""
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(out)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(out)

            do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = answer

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()

    def answer(self, handler, body):
        request = Request(self, handler, body)
        operation = model(request.service, self.later).operation_model(request.operation)
        serializer = get_serializer_class(request.service, request.protocol)(operation)
        shape = operation.output_shape
        if READS.match(request.operation):
            result, entry = self.read(request)
        else:
            self.log.append(request)
            result, entry = self.changed(request, shape), None
        if shape and isinstance(result, dict):
            if self.later:
                result = walk(shape, result, lambda s, v: {**v, "AddedLater": {"Detail": "x"}} if s.type_name == "structure" and "AddedLater" in s.members else v)
            if self.vary:
                result = walk(shape, result, self.vary)
        said = serializer.serialize(result)
        out = said["body"] if isinstance(said["body"], bytes) else (said["body"] or "").encode()
        if self.rewrite and shape:
            out = self.rewrite(entry, request, shape, out)
        return said["status_code"], dict(said["headers"]), out

    def about(self, request):
        """The entries that a request is about, and those that could have been meant."""
        mine = [e for e in self.things if e.type in self.services.types[request.service]]
        asked = texts({k: v for k, v in request.members.items() if not PAGING.search(k)})
        named = sorted((e for e in mine if asked & e.names), key=lambda e: -len(asked & e.names))
        return named, mine

    def changes(self, request):
        """The entry that a request changes: of those that it names the one that says so, else the first."""
        named, mine = self.about(request)
        return next((e for e in named or mine if e.change.get("call") == request.operation), named[0] if named else None)

    def changed(self, request, shape):
        """What AWS answers to a change: the thing, as far as the answer has a place for it."""
        owner, found = self.changes(request), {}
        for operation, answer in owner.answers.items() if owner else ():
            for answer in [v for k, v in answer.items() if k != "by"] if "by" in answer else [answer] if "error" not in answer else []:
                shapes(model(request.service).operation_model(operation).output_shape, answer, found)
        whole = {n: found[s.name] for n, s in shape.members.items() if s.name in found} if shape else {}
        return copy.deepcopy(found.get(shape.name, whole) if shape else {})

    def read(self, request):
        """What is answered, and the entry it is about, if it is about one only."""
        if request.operation == "GetCallerIdentity":
            return {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:user/deployer", "UserId": "AIDAEXAMPLEEXAMPLE123"}, None
        if request.service == "resourcegroupstaggingapi":
            return Refusal("AccessDeniedException", "the user may not look for tags"), None
        named, mine = self.about(request)
        about = [e for e in named or mine if request.operation in e.answers]
        fits = lambda e: len(texts(request.members) & e.names)
        about = [e for e in about if fits(e) == fits(about[0])]
        if not about:
            self.unknown.append(repr(request))
            return {}, None
        whole = copy.deepcopy(about[0].answers[request.operation])
        if "by" in whole:
            whole = whole[request.members[whole["by"]]]
        if "error" in whole:
            return Refusal(whole["error"], "recorded"), None
        for other in about[1:]:
            for name, value in other.answers[request.operation].items():
                if isinstance(value, list):
                    whole.setdefault(name, []).extend(copy.deepcopy(value))
        paged = pages(request.service, request.operation) if self.single else None
        return (self.page(request, whole, paged) if paged else whole), about[0] if len(about) == 1 else None

    def page(self, request, whole, paged):
        key, at = paged["result_key"], int(request.members.get(paged["input_token"]) or 0)
        more = at + 1 < len(whole.get(key) or [])
        whole = {**whole, key: whole[key][at : at + 1]} if whole.get(key) else whole
        if paged.get("more_results"):
            whole[paged["more_results"]] = more
        return {**whole, paged["output_token"]: str(at + 1)} if more else whole


class Services(dict):
    """Signing name -> botocore's names of the services; `types`: botocore's name -> our types. As `weir schema --calls` tells."""

    def __init__(self, lines):
        self.types, self.all = {}, []
        for line in lines:
            data = json.loads(line)
            name = data["service"]["model"]
            if data["type"].startswith("aws.") and name:
                self.types.setdefault(name, set()).add(data["type"])
                names = self.setdefault(data["service"]["signing_name"], [])
                names += [name] if name not in names else []
                self.all += [data["type"]] if not data["data"] else []
        for name, service in (("sts", "sts"), ("tagging", "resourcegroupstaggingapi")):
            self[name] = [service]
            self.types.setdefault(service, set())
