"""Services with a REST API: specs of one's own for them, and objects that the stack itself describes (docs/rest.md)."""

import json
import socketserver
import threading
import time

import pytest

from rest_server import RestServer
from sshd import Sshd, fingerprint, have_sshd, keygen
from support import Stack

SPEC = """
kind: http
service: shop
protocol: rest-json
case: snake
provider:
  base: /api
  login: {call: POST /login, send: {name: "{user}", pass: "{password}"}, at: data.token}
errors: {absent: ["404"], exists: ["409"]}
operations:
  CreateThing: POST /things
  GetThing: GET /things/{name}
  ListThings: {http: GET /things, query: {limit: limit, offset: offset}}
  UpdateThing: PATCH /things/{thing}
  DeleteThing: DELETE /things/{name}
page: {in: offset, by: items, total: total}
types:
  thing:
    id: name
    attributes:
      name: {type: string, required: true, replace: true}
      size: {type: integer, default: 1}
      key: {type: string, sensitive: true, write_only: true, read: false}
    create: {call: CreateThing, at: data}
    read: {call: GetThing}
    list: {call: ListThings, with: {limit: 2}, at: "items[]"}
    update: {call: UpdateThing, send: {thing: name, size: size, key: key}}
    delete: {call: DeleteThing}
"""
SETTINGS = {"basic": "user: ada, password: '${inputs.word}'", "login": "user: ada, password: '${inputs.word}'", "key": "token: hush-key, token_header: 'X-Api-Key: {token}'"}


@pytest.fixture
def server(request):
    server = RestServer(getattr(request, "param", "basic"))
    yield server
    server.stop()


def stack_at(tmp_path, server, resources, settings=None, spec=None):
    stack = Stack(tmp_path / "s")
    if spec:
        stack.write(spec, "specs/shop.yaml")
    head = "specs: specs\n" if spec else ""
    return stack.write(f"stack: s\n{head}inputs: {{word: {{type: string, default: hush-hush, sensitive: true}}}}\n"
                       f"providers: {{http: {{url: '{server.url}', {settings or SETTINGS[server.auth]}}}}}\nresources:\n{resources}")


def made(server, method):
    return [target for sent, target, _ in server.log if sent == method]


def keeps_secrets(stack, *results):
    shown = "".join(result.out + result.err for result in results)
    kept = "".join(path.read_text() for path in stack.folder.rglob("*.log"))
    assert "hush" not in shown and "hush" not in kept


@pytest.mark.parametrize("server", ["login"], indirect=True)
def test_spec_of_a_service(tmp_path, server):
    things = '  it: {type: http.shop.thing, for_each: [a, b, c, d, e], name: "t-${each.key}", size: %d, key: "${inputs.word}"}\n'
    stack = stack_at(tmp_path, server, things % 3, spec=SPEC)
    results = [stack.run("apply", "-y", "-vv")]
    assert server.logins == 1 and len(server.things) == 5 and server.things["t-a"] == {"name": "t-a", "size": 3, "key": "hush-hush"}
    server.log.clear()
    results.append(stack.run("plan", "-vv", status=0))
    assert made(server, "GET") == [f"/api/things?{more}limit=2" for more in ("", "offset=2&", "offset=4&")]
    # somebody else changes one and deletes one
    server.things["t-b"]["size"] = 9
    del server.things["t-c"]
    assert stack.plan() == {'it["b"]': "update", 'it["c"]': "create"}
    # a token that ends in the midst of it is had anew, once
    stack = stack_at(tmp_path, server, things % 4, spec=SPEC)
    before = server.logins
    server.tokens = []
    original = server.answer

    def ends(method, target, headers, body):
        if method == "PATCH" and ends.left:
            ends.left -= 1
            server.tokens = [] if ends.left == 0 else server.tokens
        return original(method, target, headers, body)

    ends.left = 2
    server.answer = ends
    results.append(stack.run("apply", "-y", "-vv"))
    assert server.logins == before + 2 and {thing["size"] for thing in server.things.values()} == {4}
    keeps_secrets(stack, *results)
    stack.destroy()
    assert server.things == {}


@pytest.mark.parametrize("server", ["login"], indirect=True)
def test_a_login_that_the_settings_describe(tmp_path, server):
    """It says itself who logs in: there is no `user` beside it."""
    note = "  it: {type: http.resource, path: /api/notes, body: {text: one}, create: {at: data}}\n"
    stack = stack_at(tmp_path, server, note, settings="login: {call: POST /login, send: {name: ada, pass: '${inputs.word}'}, at: data.token}")
    results = [stack.run("apply", "-y", "-vv")]
    assert server.logins == 1 and server.notes["1"]["text"] == "one"
    keeps_secrets(stack, *results)


@pytest.mark.parametrize("server", ["basic", "key"], indirect=True)
def test_object_that_the_stack_describes(tmp_path, server):
    it = """
  it:
    type: http.resource
    path: /api/notes
    body: {text: %s, tags: {a: %s}}
    secrets: {key: "${inputs.word}"}
    create: {at: data}
    find: {at: items, by: [text]}
"""
    stack = stack_at(tmp_path, server, it % ("one", 1) + '  other: {type: weir.value, value: "${it.answer.size}"}\n')
    results = [stack.run("apply", "-y", "-vv")]
    assert server.notes == {"1": {"id": "1", "size": 1, "text": "one", "tags": {"a": 1}, "key": "hush-hush"}}
    stack.assert_settled()
    server.notes["1"]["tags"] = {"a": 7, "theirs": True}
    assert stack.plan() == {"it": "update"}
    stack.write(stack_at(tmp_path, server, it % ("two", 2)).folder.joinpath("weir.yaml").read_text())
    results.append(stack.run("apply", "-y", "-vv"))
    assert server.notes["1"]["text"] == "two" and server.notes["1"]["tags"] == {"a": 2}
    stack.assert_settled()
    del server.notes["1"]
    assert stack.plan() == {"it": "create"}
    keeps_secrets(stack, *results)
    stack.destroy()


def test_object_with_a_name_of_its_own(tmp_path, server):
    stack = stack_at(tmp_path, server, '  it: {type: http.resource, path: /api/things, id: "a b", body: {size: 2}, create: {method: PUT}, update: {method: PUT}}\n')
    stack.apply()
    assert made(server, "PUT") == ["/api/things/a%20b"] and server.things == {"a%20b": {"name": "a%20b", "size": 2}}
    stack.assert_settled()
    stack.destroy()
    assert server.things == {}


def test_what_others_made_is_not_written_over(tmp_path, server):
    it = '  it: {type: http.resource, path: /api/things, id: ours, body: {size: %d}, create: {method: PUT}, update: {method: PUT}}\n'
    theirs = {"name": "ours", "size": 7, "theirs": True}
    server.things["ours"] = dict(theirs)
    stack = stack_at(tmp_path, server, it % 2)
    refused = stack.run("apply", "-y", status=1)
    assert "something of that name exists already" in refused.err and "adopt" in refused.err
    assert server.things == {"ours": theirs} and made(server, "PUT") == []
    stack_at(tmp_path, server, (it % 2).replace("{type", "{adopt: existing, type"))
    stack.apply()
    assert server.things == {"ours": {"name": "ours", "size": 2}}
    stack.assert_settled()
    stack.destroy("--delete-adopted")
    assert server.things == {}
    # what cannot be looked for is not written over, either
    stack_at(tmp_path, server, it % 2)
    server.refuse = [403]
    assert "looking up whether it exists" in stack.run("apply", "-y", status=1).err and made(server, "PUT") == ["/api/things/ours"]


def test_gone_while_it_is_changed(tmp_path, server):
    it = "  it: {type: http.resource, path: /api/notes, body: {text: %s}, create: {at: data}}\n"
    stack = stack_at(tmp_path, server, it % "one")
    stack.apply()
    stack_at(tmp_path, server, it % "two")
    original = server.answer

    def goes(method, target, headers, body):
        answer = original(method, target, headers, body)
        if method == "PATCH":
            server.notes.clear()
        return answer

    server.answer = goes
    assert "no longer exists" in stack.run("apply", "-y", status=1).err
    assert stack.plan() == {"it": "create"}
    stack.apply()
    assert [note["text"] for note in server.notes.values()] == ["two"]
    stack.destroy()


def test_creation_that_is_not_answered(tmp_path, server):
    """It is carried out once, whether or not it can be found again."""
    it = "  it: {type: http.resource, path: /api/notes, body: {text: one}, create: {at: data}%s}\n"
    stack = stack_at(tmp_path, server, it % ", find: {at: items, by: [text]}")
    server.lose = {("POST", "/api/notes")}
    stack.run("apply", "-y", status=None)
    stack.apply()
    assert list(server.notes) == ["1"]
    stack.assert_settled()
    stack.destroy()

    stack = stack_at(tmp_path / "blind", server, it % "")
    server.lose = {("POST", "/api/notes")}
    refused = stack.run("apply", "-y", status=1)
    assert "closed the connection" in refused.err
    told = stack.run("plan", status=None)
    assert "outcome cannot be looked up" in told.err + told.out and len(server.notes) == 1

    # Of a body with a secret in it the state has a hash, unless it has a key: nothing to find it by, and enough to see that it stays the same.
    server.notes.clear()
    stack = stack_at(tmp_path / "hashed", server, (it % ", find: {at: items, by: [text]}").replace("one", '"${inputs.word}"'))
    stack.apply()
    stack.assert_settled()
    stack.destroy()
    server.lose = {("POST", "/api/notes")}
    stack.run("apply", "-y", status=None)
    told = stack.run("apply", "-y", status=1)
    assert "keeps only a hash" in told.err and "WEIR_STATE_KEY" in told.err and len(server.notes) == 1
    keeps_secrets(stack, told)


@pytest.mark.long
def test_answer_that_trickles(tmp_path):
    """Something always comes, and never enough of it: that ends, too."""
    class Trickle(socketserver.BaseRequestHandler):
        def handle(self):
            asked = self.request.recv(65536)
            try:
                if not asked.startswith(b"POST /api"):
                    self.request.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                    return
                self.request.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n{")
                while not stopped.wait(0.05):
                    self.request.sendall(b" ")
            except OSError:  # nobody is there any more
                pass

    stopped = threading.Event()
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Trickle) as server:
        server.auth, server.url = "basic", f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        stack = stack_at(tmp_path, server, "  it: {type: http.shop.thing, name: a}\n", SETTINGS["basic"],
                         SPEC.replace("create: {call: CreateThing, ", "create: {call: CreateThing, answers_in: 1s, ").replace(SPEC[SPEC.index("  login"):SPEC.index("errors:")], ""))
        assert "answers too slowly" in stack.run("apply", "-y", status=1).err
        stopped.set()
        server.shutdown()


def test_busy_refused_and_gone(tmp_path, server):
    it = "  it: {type: http.resource, path: /api/notes, body: {text: one}, create: {at: data}}\n"
    stack = stack_at(tmp_path, server, it)
    server.refuse = [429, 429]
    told = [(event["address"], event["text"]) for event in stack.apply("--json").events() if "try" in event.get("text", "")]
    assert told == [("it", "create: 2nd try, throttled"), ("it", "create: 3rd try, throttled"), ("it", "create: done at the 3rd try")]
    assert made(server, "POST") == ["/api/notes"] * 3
    server.refuse = [503]
    stack.assert_settled()
    server.refuse, server.retry_after, stack.env["WEIR_CLOCK_SPEED"] = [429], 30, "10"
    began = time.monotonic()
    stack.assert_settled()
    assert time.monotonic() - began >= 3  # the half minute that it asked for
    del stack.env["WEIR_CLOCK_SPEED"]
    server.refuse = [400]
    stack.write(stack_at(tmp_path, server, it.replace("one", "two")).folder.joinpath("weir.yaml").read_text())
    server.refuse = []
    server.notes.clear()
    stack.destroy()

    wrong = stack_at(tmp_path / "wrong", server, it, settings="user: ada, password: wrong")
    refused = wrong.run("apply", "-y", status=1)
    assert "HTTP 401: log in first" in refused.err and "`providers:`" in refused.err
    nowhere = stack_at(tmp_path / "nowhere", server, it, settings="url2: x")
    assert 'did you mean "url"' in nowhere.run("validate", status=3).err


@pytest.mark.skipif(not have_sshd(), reason="needs OpenSSH's server")
@pytest.mark.parametrize("server", ["login"], indirect=True)
def test_behind_a_bastion(tmp_path, server):
    """By its tunnel alone: where the bastion is gone, so is the service."""
    mine, host = keygen(tmp_path / "mine"), keygen(tmp_path / "host")
    with Sshd(tmp_path / "sshd", [mine], [host], f"PermitOpen {server.url.removeprefix('http://')}") as bastion:
        thing = "  it: {type: http.shop.thing, name: a, size: 2}\n"
        stack = stack_at(tmp_path, server, thing, settings=f"via: door, {SETTINGS['login']}", spec=SPEC)
        text = (stack.folder / "weir.yaml").read_text()
        stack.write(f"{text}connections: {{door: {bastion.connection(mine, type='ssh', host_key=fingerprint(host))}}}\n")
        stack.apply()
        stack.assert_settled()
        assert server.things["a"]["size"] == 2
    assert "it" not in stack.run("plan", status=1).out


class Standing(RestServer):
    """Breaks when its disk is gone, or goes on as if nothing had been."""

    def __init__(self, disk):
        super().__init__()
        self.disk, self.keeps = disk, False

    def serve(self, method, path, query, body):
        if not self.disk.exists() and not self.keeps:
            return 500, {"detail": "where is my disk?"}
        return super().serve("GET" if self.keeps and method == "DELETE" else method, path, query, body)


@pytest.mark.long
@pytest.mark.skipif(not have_sshd(), reason="needs OpenSSH's server")
def test_verify_of_what_went_with_its_service(tmp_path):
    """What cannot be looked for is counted and said; what is there is left; of a service that is not the stack's own it is a failure as ever."""
    mine, host, disk = keygen(tmp_path / "mine"), keygen(tmp_path / "host"), tmp_path / "disk"
    server = Standing(disk)
    text = """
stack: s
connections: {there: %s}
providers: {host: {via: there}, http: {url: "%s", user: ada, password: hush-hush}}
resources:
  disk: {type: host.file, path: %s, content: x}
  up: {type: host.command, create: "echo %s", depends_on: [disk]}
  it: {type: http.resource, for_each: [a, b], path: /api/things, id: "${each.key}", body: {size: 2}, create: {method: PUT}, depends_on: [disk]}
"""
    with Sshd(tmp_path / "sshd", [mine], [host]) as machine:
        stack, reached = Stack(tmp_path / "s"), machine.connection(mine, host_key=fingerprint(host))
        stack.env["WEIR_CLOCK_SPEED"] = "50"  # of pauses
        stack.write(text % (reached, "${chomp(up.output)}", disk, server.url))
        stack.apply()
        done = stack.destroy("--verify")
        assert server.things == {} and "Nothing is left by its id or name.\n" in done.out
        assert "Not looked for: what has another id or name" in done.out
        assert '2 resources could not be looked up after the deletion: their service was deleted, too: it["a"], it["b"].' in done.out
        stack.apply()
        server.keeps = True
        (told,) = (event for event in stack.destroy("--verify", "--json", status=5).events() if event["event"] == "verified")
        assert (told["left"], told["unseen"]) == (2, [])
        server.keeps = False
        server.things.clear()

        stack.write(text % (reached, server.url, disk, server.url))
        stack.apply()
        assert "HTTP 500: where is my disk?" in stack.destroy("--verify", status=1).err
    server.stop()


@pytest.mark.parametrize("server", ["login"], indirect=True)
def test_settings_from_a_data_source(tmp_path, server, cloud):
    """They are asked for when things are taken down as well, where nothing else is."""
    thing = "  place: {type: aws.ssm.parameter, name: /shop/url, parameter_type: String, value: '%s'}\n  it: {type: http.shop.thing, name: a, size: 2}\n"
    stack = stack_at(tmp_path, server, thing % server.url, settings=f"{SETTINGS['login']}", spec=SPEC)
    text = (stack.folder / "weir.yaml").read_text()
    stack.write(text.replace(f"url: '{server.url}'", "url: '${there.value}'") + "data: {there: {type: aws.ssm.parameter, name: '${place.name}'}}\n")
    stack.env |= Stack(tmp_path / "with-cloud", cloud).env | {"HOME": stack.env["HOME"]}
    stack.apply()
    stack.assert_settled()
    assert server.things["a"]["size"] == 2
    stack.destroy()
    assert not server.things and not cloud.client("ssm").describe_parameters()["Parameters"]


MISTAKES = {
    "no url": ("providers: {http: {user: a}}", "has to begin with http:// or https://"),
    "a place that is not known": ("providers: {http: {url: 'http://127.0.0.1:1'}}", "the resource has no value for {nothing}"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(tmp_path, name):
    settings, message = MISTAKES[name]
    stack = Stack(tmp_path / "s").write(f"stack: s\n{settings}\nresources: {{it: {{type: http.resource, path: '/a/{{nothing}}', body: {{}}}}}}\n")
    assert message in stack.run("apply", "-y", status=None).err


def test_mistakes_in_a_head(tmp_path):
    for wrong, message in {"provider: {base: /api, log: 1}": 'an api has no key "log"', "provider: {login: {call: POST /x}}": 'login needs "call", "send" and "at"',
                           "provider: {apis: 1}": "apis is a list", "case: kebab": "case is pascal, camel or snake"}.items():
        stack = Stack(tmp_path / "s").write("stack: s\nspecs: specs\nresources: {}\n")
        text = SPEC.replace("case: snake", wrong) if wrong.startswith("case") else SPEC.replace(SPEC[SPEC.index("provider:"):SPEC.index("errors:")], wrong + "\n")
        stack.write(text, "specs/shop.yaml")
        assert message in stack.run("validate", status=3).err, wrong


def test_reference_pages(local_stack):
    assert "listed in bulk" in local_stack.run("docs", "airflow.variable").out
    assert json.loads(local_stack.run("schema").out)
