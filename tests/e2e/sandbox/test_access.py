"""Who gets in: a key for each sandbox, hosts and origins, control calls, and what is asked before other machines reach it."""

import http.client
import http.server
import json
import os
import pty
import shutil
import stat
import subprocess
import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import requests
from botocore.exceptions import ClientError
from servers import ROOT, Faults, Sandbox, Server, program, take_env
from sigv4 import Signer, send, sha256
from support import Stack, until
from test_run_lambda import Function

WEIR = Path(os.environ.get("WEIR", ROOT / "build" / "weir"))
PUBLISHED = "AKIAWEIRSANDBOX00000", "weir-sandbox-secret-key-for-local-use-only"  # of every sandbox, once


class Served(Server):
    """`weir sandbox` in a folder."""

    def __init__(self, folder, *words, **more):
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.process = subprocess.Popen([WEIR, "sandbox", "--port", "0", *words], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL, **more)
        take_env(self, self.process)

    def stop(self):
        self.process.terminate()
        said = self.process.communicate()[1]
        assert self.process.returncode == 0, said
        return said


def env_of(folder, *words, status=0):
    """What `weir sandbox env` prints, and what it says besides."""
    done = subprocess.run([WEIR, "sandbox", "env", *words], cwd=folder, capture_output=True, text=True)
    assert done.returncode == status, done.stderr
    return dict(line.removeprefix("export ").split("=", 1) for line in done.stdout.splitlines() if "=" in line), done.stderr


@pytest.fixture
def served(tmp_path):
    server = Served(tmp_path / "served")
    yield server
    server.stop()


def mode(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


# ---- keys ----


def test_each_folder_has_a_key_of_its_own(tmp_path):
    keys = set()
    for name in "one", "two":
        (tmp_path / name).mkdir()
        before, said = env_of(tmp_path / name)  # also before anybody serves it: `weir sandbox & eval "$(weir sandbox env)"`
        assert "No sandbox serves" in said and before["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"
        server = Served(tmp_path / name)
        printed, said = env_of(tmp_path / name)
        assert printed == {k: v for k, v in server.printed.items() if v} and said == ""
        assert {**before, "AWS_ENDPOINT_URL": server.url} == printed
        server.client().create_bucket(Bucket="films")
        with pytest.raises(ClientError, match="InvalidAccessKeyId"):
            server.client(access=PUBLISHED[0], secret=PUBLISHED[1]).list_buckets()
        with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
            server.client(secret=PUBLISHED[1]).list_buckets()
        key = tmp_path / name / ".weir/sandbox/key"
        assert mode(key) == 0o600 and key.read_text() == f"{server.access}\n{server.secret}\n"
        server.stop()
        keys |= {server.access, server.secret}
    assert len(keys) == 4


def test_keys_of_another_sandbox(served, tmp_path):
    """On one port one sandbox serves after another: what is wrong is said by the one that knows the keys not."""
    stack = served.stack(tmp_path / "stack", AWS_ACCESS_KEY_ID="AKIAWEIR0123456789AB")
    stack.write("stack: s\nresources: {q: {type: aws.sqs.queue, name: q}}\n")
    assert "of a sandbox `weir sandbox env` prints the right ones, in its folder" in stack.apply(status=1).err


def test_all_that_ask_at_once_get_the_same_key(tmp_path):
    asking = [subprocess.Popen([WEIR, "sandbox", "env"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) for _ in range(8)]
    assert len({process.communicate()[0] for process in asking}) == 1
    assert sorted(os.listdir(tmp_path / ".weir/sandbox")) == [".gitignore", "key"]


def test_an_ephemeral_one_has_a_key_too(tmp_path):
    one, two = Served(tmp_path, "--ephemeral"), Served(tmp_path, "--ephemeral")
    assert one.secret != two.secret
    one.client().create_bucket(Bucket="films")
    assert [one.stop(), two.stop()] and list(tmp_path.iterdir()) == []


def test_an_ephemeral_one_keeps_nothing_in_a_folder_of_ones_own(tmp_path):
    """It removes that folder at the end, so it takes none that has something in it."""
    kept = tmp_path / "kept"
    server = Served(tmp_path, "--ephemeral", "--dir", str(kept))
    server.client().create_bucket(Bucket="films")
    assert kept.exists() and server.stop() and list(tmp_path.iterdir()) == []
    kept.mkdir()
    (kept / "mine").write_text("x")
    refused = subprocess.run([WEIR, "sandbox", "--port", "0", "--ephemeral", "--dir", str(kept)], capture_output=True, text=True)
    assert refused.returncode == 3 and "is not empty" in refused.stderr and (kept / "mine").read_text() == "x", refused


def test_env_of_another_folder(tmp_path):
    server = Served(tmp_path / "data", "--dir", str(tmp_path / "data" / "kept"))
    assert env_of(tmp_path, "--dir", "data/kept")[0]["AWS_SECRET_ACCESS_KEY"] == server.secret
    assert env_of(tmp_path, "--dir", "data/kept", "--port", "17")[0]["AWS_ENDPOINT_URL"] == "http://127.0.0.1:17"
    server.process.kill()  # what a killed one leaves behind misleads nobody
    server.process.communicate()
    printed, said = env_of(tmp_path, "--dir", "data/kept")
    assert "No sandbox serves" in said and printed["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"


@pytest.mark.parametrize("variables,region", [({}, "us-east-1"), ({"AWS_REGION": "eu-central-1"}, "eu-central-1"),
                                              ({"AWS_DEFAULT_REGION": "eu-west-1"}, "eu-west-1"), ({"AWS_REGION": "$(id)"}, "us-east-1")])
def test_env_keeps_the_shells_region(tmp_path, monkeypatch, variables, region):
    """As --sandbox does: else clients would look where the stack is not."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    printed, _ = env_of(tmp_path)
    assert printed["AWS_REGION"] == printed["AWS_DEFAULT_REGION"] == region


@pytest.mark.parametrize("harm,said", [
    (lambda key: key.chmod(0o640), "is not yours alone"),
    (lambda key: (key.rename(key.with_name("other")), key.symlink_to("other")), "cannot read"),
    (lambda key: key.write_text(""), "is not a key"),
    (lambda key: key.write_text("AKIA\nsecret\n"), "is not a key"),
    (lambda key: key.parent.chmod(0o777), ""),  # made right, for it is a sandbox's
], ids=["readable", "link", "empty", "short", "folder"])
def test_a_key_that_others_may_know_is_not_used(tmp_path, harm, said):
    Served(tmp_path).stop()
    harm(tmp_path / ".weir/sandbox/key")
    if said:
        assert said in env_of(tmp_path, status=1)[1]
        done = subprocess.run([WEIR, "sandbox", "--port", "0"], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 1 and said in done.stderr
    else:
        Served(tmp_path).stop()
        assert mode(tmp_path / ".weir/sandbox") == 0o700


def test_a_folder_in_which_others_may_write(tmp_path):
    (tmp_path / "open").mkdir()
    (tmp_path / "open" / "something").write_text("x")
    (tmp_path / "open").chmod(0o777)
    said = env_of(tmp_path, "--dir", "open", status=1)[1]
    assert "others may write in open" in said and "chmod 700" in said and mode(tmp_path / "open") == 0o777


def test_the_first_apply_keeps_its_folder_closed(tmp_path):
    """Whoever makes .weir: apply with --sandbox, a state, the cache of artifacts, `weir sandbox`."""
    commands = {"apply": ["apply", "--yes", "--sandbox"], "plan": ["plan", "--sandbox"], "serve": ["sandbox", "env"]}
    for name, command in commands.items():
        stack = Stack(tmp_path / name)
        stack.write("stack: first\nresources: {r: {type: aws.s3.bucket, name: first-bucket}}\n")
        subprocess.run(["git", "init", "-q"], cwd=stack.folder, check=True)
        done = subprocess.run(["sh", "-c", 'umask 000; exec "$@"', "sh", *stack.command(*command)], cwd=stack.folder, env=stack.env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert mode(stack.folder / ".weir") == mode(stack.folder / ".weir/sandbox") == 0o700, name
        assert (stack.folder / ".weir/.gitignore").read_text() == "*\n"
        listed = subprocess.run(["git", "status", "--porcelain", "-uall"], cwd=stack.folder, capture_output=True, text=True, check=True).stdout
        assert ".weir" not in listed and "weir.yaml" in listed, name


def test_the_key_is_nowhere_else(tmp_path):
    """Neither in what commands print, nor in states and saved plans."""
    stack = Stack(tmp_path / "stack")
    stack.write("stack: quiet\nresources: {r: {type: aws.s3.bucket, name: quiet-bucket}}\noutputs: {name: {value: '${r.name}'}}\n")
    said = []
    for command in (["plan", "--sandbox", "-o", "saved.plan"], ["plan", "--sandbox", "--json"], ["apply", "--sandbox", "--yes", "--json"], ["state", "pull", "--sandbox"], ["apply", "--sandbox", "-vvv", "--yes"]):
        done = stack.run(*command)
        said.append(done.out + done.err)
    secret = (stack.folder / ".weir/sandbox/key").read_text().splitlines()[1]
    assert secret not in "".join(said)
    holders = [path for path in stack.folder.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]
    assert holders == [stack.folder / ".weir/sandbox/key"]


# ---- hosts and origins ----


def raw(server, *headers, method="GET", path="/_weir/health"):
    connection = http.client.HTTPConnection(server.address, server.port)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in headers:
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    result = answer.status, answer.read(), {name.lower() for name, _ in answer.getheaders()}
    connection.close()
    return result


HOSTS = ["localhost", "localhost:{port}", "LocalHost:1", "films.localhost:{port}", "films.s3.localhost", "127.0.0.1", "127.0.0.1:{port}", "127.1.2.3:80", "[::1]", "[::1]:{port}"]
STRANGERS = ["evil.example", "evil.example:{port}", "localhost.evil.example", "127.0.0.1.evil.example", "evillocalhost", "xlocalhost", "10.0.0.1", "192.168.1.1:{port}", "0.0.0.0", "[::]",
             "[fe80::1]", "2130706433", "0x7f.0.0.1", "127.1", "localhost@evil.example", "evil.example/localhost", "evil.example#.localhost", "localhost, evil.example", "", "localhost:x", "films.s3.amazonaws.com",
             ".localhost.", "localhost."]


def test_hosts(served):
    for host in HOSTS:
        assert raw(served, ("Host", host.format(port=served.port)))[0] == 200, host
    for host in STRANGERS:
        assert raw(served, ("Host", host.format(port=served.port)))[0] in (400, 403), host
    assert raw(served)[0] == 400
    assert raw(served, ("Host", "localhost"), ("Host", "evil.example"))[0] == 400
    signed = Signer(served)  # even what is signed rightly
    headers = signed.headers("GET", "/", headers={"host": "evil.example"})
    status, _, text = send(served, "GET", "/", headers)
    assert status == 403 and b"--host NAME" in text


def test_a_host_that_is_named(tmp_path):
    server = Served(tmp_path, "--host", "class.local", "--host", "192.168.1.20")
    assert server.printed["AWS_ENDPOINT_URL"] == f"http://class.local:{server.port}"
    for host in ["class.local", "CLASS.local:9", "films.class.local", "192.168.1.20", "localhost"]:
        assert raw(server, ("Host", host))[0] == 200, host
    for host in ["xclass.local", "class.local.evil.example", "192.168.1.21", "evil.example"]:
        assert raw(server, ("Host", host))[0] == 403, host
    server.stop()


def test_origins(served):
    own, other = f"http://127.0.0.1:{served.port}", f"http://127.0.0.1:{served.port + 1}"
    host = ("Host", f"127.0.0.1:{served.port}")
    for good in [("Origin", own)], [("Sec-Fetch-Site", "same-origin")], [("Sec-Fetch-Site", "none"), ("Sec-Fetch-Mode", "navigate")], [("Origin", own), ("Sec-Fetch-Site", "same-origin")]:
        assert raw(served, host, *good)[0] == 200, good
    for bad in ["null", other, f"http://localhost:{served.port}", own.replace("http", "https"), own + "/", "http://evil.example", "", "x", own + ", " + own]:
        assert raw(served, host, ("Origin", bad))[0] == 403, bad
    for bad in ["cross-site", "same-site", "", "Cross-Site", "none, none"]:
        assert raw(served, host, ("Sec-Fetch-Site", bad))[0] == 403, bad
    assert raw(served, host, ("Origin", own), ("Sec-Fetch-Site", "cross-site"))[0] == 403
    assert raw(served, host, ("Sec-Fetch-Site", "none"), ("Sec-Fetch-Site", "cross-site"))[0] == 403


def test_nobody_is_told_that_other_origins_may(served):
    """Also where a bucket's own rules would: the sandbox keeps them, and leaves it at that."""
    s3 = served.client()
    s3.create_bucket(Bucket="films")
    s3.put_bucket_cors(Bucket="films", CORSConfiguration={"CORSRules": [{"AllowedMethods": ["GET", "PUT"], "AllowedOrigins": ["*"], "AllowedHeaders": ["*"]}]})
    host = ("Host", f"127.0.0.1:{served.port}")
    for method, path in ("OPTIONS", "/films/k"), ("OPTIONS", "/_weir/faults"), ("OPTIONS", "/"), ("GET", "/films/k"):
        status, _, headers = raw(served, host, ("Origin", "http://evil.example"), ("Access-Control-Request-Method", "PUT"), method=method, path=path)
        assert status == 403 and not any(name.startswith("access-control") for name in headers)


def test_links_still_work(served):
    s3 = served.client(signature_version="s3v4")
    s3.create_bucket(Bucket="films")
    put, get = (s3.generate_presigned_url(call, {"Bucket": "films", "Key": "k"}) for call in ("put_object", "get_object"))
    assert requests.put(put, data=b"x").status_code == 200
    assert requests.get(get, headers={"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}).content == b"x"
    assert requests.get(get, headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}).status_code == 403


# ---- control calls ----


def test_control_calls_are_signed(served):
    rules = {"rules": [{"service": "iam", "operation": "ListRoles", "fault": "error"}]}
    for method, body in ("POST", rules), ("PUT", rules), ("GET", None), ("DELETE", None):
        answer = requests.request(method, served.url + "/_weir/faults", json=body)
        assert answer.status_code == 403 and "AccessDenied" in answer.text, method
        stranger = Server()
        stranger.port, stranger.access, stranger.secret = served.port, served.access, PUBLISHED[1]
        with pytest.raises(urllib.error.HTTPError, match="403"):
            Faults(stranger)(method, body)
    assert Faults(served)("GET")["rules"] == []
    assert served.client("iam").list_roles()["Roles"] == []
    Faults(served)("POST", rules)
    with pytest.raises(ClientError):
        served.client("iam").list_roles()


def test_curl_signs_them_too(served):
    words = [program("curl"), "-sf", "--aws-sigv4", "aws:amz:us-east-1:weir", "--user", f"{served.access}:{served.secret}", f"{served.url}/_weir/faults", "-d", '{"rules": [{"latency": 1}]}']
    assert json.loads(subprocess.run(words, capture_output=True, check=True).stdout)["rules"][0]["latency"] == 1


# ---- other machines ----


def test_other_addresses_are_asked_about(tmp_path):
    command = [WEIR, "sandbox", "--port", "0", "--ephemeral", "--bind"]
    for address in "0.0.0.0", "::":
        done = subprocess.run([*command, address], capture_output=True, text=True, stdin=subprocess.DEVNULL)
        assert done.returncode == 3 and "no terminal to ask on" in done.stderr and "run programs as you" in done.stderr and done.stdout == "", done.stderr
    for address in "127.0.0.1", "127.0.0.2", "::1":  # nobody else reaches these
        server = Served(tmp_path, "--ephemeral", "--bind", address)
        assert "run programs" not in server.stop()


def test_the_question_about_other_addresses(tmp_path):
    for answer, served in ("no\n", False), ("yes\n", True):
        ours, theirs = pty.openpty()
        process = subprocess.Popen([WEIR, "sandbox", "--port", "0", "--ephemeral", "--bind", "0.0.0.0"], stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        os.close(theirs)
        os.write(ours, answer.encode())
        if served:
            take_env(Server(), process)
            process.terminate()
        out, err = process.communicate()
        os.close(ours)
        assert "Open the sandbox to other machines?" in err and (process.returncode == 0) == served, err
        assert served or ("Nothing was done." in err and out == "")


def test_a_class_in_one_room(tmp_path):
    """Bound to all addresses: whoever calls by a number gets in with a signature, names are those that were given."""
    server = Served(tmp_path, "--bind", "0.0.0.0", "--host", "class.local", "--yes")
    for host in ["192.168.1.20:80", "[fe80::1]", "class.local", "localhost"]:
        assert raw(server, ("Host", host))[0] == 200, host
    assert raw(server, ("Host", "evil.example"))[0] == 403
    printed, said = env_of(tmp_path, "--host", "192.168.1.20")
    assert printed["AWS_ENDPOINT_URL"] == f"http://192.168.1.20:{server.port}" and printed["AWS_SECRET_ACCESS_KEY"] == server.secret
    assert "run programs as you" in said and "plain HTTP" in said and "insecure: true" in said
    assert env_of(tmp_path)[0]["AWS_ENDPOINT_URL"] == f"http://127.0.0.1:{server.port}"
    said = server.stop()
    assert "run programs as you" in said and "plain HTTP" in said


def test_a_sandbox_on_an_address_of_this_machine(tmp_path):
    """`--sandbox` uses the one that serves the folder, wherever --bind has put it."""
    address = next((words.split("/")[0] for words in subprocess.run(["hostname", "-I"], capture_output=True, text=True).stdout.split() if ":" not in words), None)
    if not address:
        pytest.skip("this machine has no address but loopback")
    stack = Stack(tmp_path / "stack")
    stack.write("stack: near\nresources: {r: {type: aws.s3.bucket, name: near-bucket}}\n")
    server = Served(stack.folder, "--bind", address, "-y")
    assert server.printed["AWS_ENDPOINT_URL"] == env_of(stack.folder)[0]["AWS_ENDPOINT_URL"] == f"http://{address}:{server.port}"
    stack.apply("--sandbox")
    server.address = address
    assert [bucket["Name"] for bucket in server.client().list_buckets()["Buckets"]] == ["near-bucket"]
    server.stop()


@pytest.mark.parametrize("host", ["", "http://x", "a b", "x:80", "x/y", "u@x"])
def test_hosts_that_are_none(tmp_path, host):
    done = subprocess.run([WEIR, "sandbox", "--host", host, "--ephemeral", "--port", "0"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 3 and "--host takes a name or an address" in done.stderr, done.stderr


# ---- the functions' runtime API, which nobody signs for ----

RUNTIME_API = """
import os
def handler(event, context):
    return [os.environ["AWS_LAMBDA_RUNTIME_API"], os.getpid()]
"""


def test_the_runtime_api_is_for_its_function_alone(job_sandbox):
    function = Function(job_sandbox, main_dot_py=RUNTIME_API)
    address, pid = function.result()
    url = f"http://{address}/2018-06-01/runtime/init/error"
    for headers in {"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}:
        assert requests.post(url, headers=headers, data="{}").status_code == 403, headers
    if os.geteuid() == 0 and shutil.which("setpriv"):  # another user of this machine
        words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", program("curl"), "-s", "-o", "/dev/null", "-w", "%{http_code}", "-d", "{}", url]
        assert subprocess.run(words, capture_output=True, text=True).stdout == "000"
    assert function.result() == [address, pid]  # it was not told to end


# ---- a browser ----


class Page(http.server.BaseHTTPRequestHandler):
    """A page of somebody else, and what it tells of itself."""

    def do_GET(self):
        self.server.seen.append(self.path)
        text = self.server.page.encode() if self.path == "/" else b""
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


def browser():
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    return found or pytest.skip("Chromium is not installed")


def link_for(server, method, path, query="", body=b"", service="s3", payload=None, access=None, secret=None):
    """A URL that is signed: with it whoever has it sends that request, in whichever way."""
    signer = Signer(server, access=access, secret=secret, service=service)
    scope = signer.scope.replace("/", "%2F")
    known = [query] if query else []
    query = "&".join(sorted([*known, "X-Amz-Algorithm=AWS4-HMAC-SHA256", f"X-Amz-Credential={signer.access}%2F{scope}", f"X-Amz-Date={signer.date}", "X-Amz-Expires=600", "X-Amz-SignedHeaders=host"]))
    signature, _ = signer.signature(method, path, query, {"host": signer.host}, payload or sha256(body))
    return f"{server.url}{path}?{query}&X-Amz-Signature={signature}"


def role(name):
    return f"Action=CreateRole&AssumeRolePolicyDocument=%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22%2C%22Principal%22%3A%22%2A%22%2C%22Action%22%3A%22sts%3AAssumeRole%22%7D%7D&RoleName={name}&Version=2010-05-08"


PAGE = """<!doctype html><title>page</title><body><script>
const tell = what => fetch("/" + what, {mode: "no-cors"});
const tries = TRIES;
(async () => {
  for (const [name, url, options] of tries)
    await fetch(url, options).then(answer => answer.type == "opaque" ? null : answer.text().then(text => tell("read-" + name)), () => null);
  for (const [name, url, options] of tries.filter(one => one[2].method == "POST")) {
    const frame = document.createElement("iframe"), form = document.createElement("form"), field = document.createElement("input");
    frame.name = "to-" + name;
    document.body.append(frame);
    form.method = "POST"; form.action = url; form.target = frame.name; form.enctype = "text/plain";
    const [first, ...rest] = options.body.split("=");
    field.name = first; field.value = rest.join("=");
    form.append(field);
    document.body.append(form);
    const loaded = new Promise(resolve => { frame.onload = resolve; setTimeout(resolve, 300); });
    form.submit();
    await loaded;
  }
  const script = document.createElement("script");
  script.src = SCRIPT;
  const over = new Promise(resolve => { script.onload = script.onerror = resolve; });
  document.body.append(script);
  await over;
  await tell("done");
  if (location.hostname != "localhost") location.hostname = "localhost";
})();
</script>"""


@pytest.mark.long
def test_a_page_in_a_browser_does_nothing(tmp_path):
    """It has signed links even: with the key that was published once, and, should it get hold of them, with the right one."""
    chromium = browser()
    sandbox = Sandbox(env={"SANDBOX_HOST": "named.example"})
    s3 = sandbox.client()
    s3.create_bucket(Bucket="films")
    s3.put_object(Bucket="films", Key="a.js", Body=b'fetch("/leaked", {mode: "no-cors"})', ContentType="text/javascript")
    s3.put_object(Bucket="films", Key="k", Body=b"x")
    body = role("made")
    simple = urllib.request.Request(link_for(sandbox, "POST", "/", body=body.encode(), service="iam"), data=body.encode(), headers={"Content-Type": "text/plain"})
    assert urllib.request.urlopen(simple).status == 200  # such a link is good for who has no origin
    sandbox.client("iam").delete_role(RoleName="made")

    tries = []
    for who, keys in ("right", {}), ("published", dict(zip(("access", "secret"), PUBLISHED))):
        for kind in ("text/plain", "application/x-www-form-urlencoded"):
            body = role(f"by-{who}")
            url = link_for(sandbox, "POST", "/", body=body.encode(), service="iam", **keys)
            tries += [[f"post-{who}", url, {"method": "POST", "mode": "no-cors", "headers": {"Content-Type": kind}, "body": body}], [f"cors-{who}", url, {"method": "POST", "headers": {"Content-Type": kind}, "body": body}]]
        tries += [[f"put-{who}", link_for(sandbox, "PUT", "/films/new", payload="UNSIGNED-PAYLOAD", **keys), {"method": "PUT", "body": "x"}],
                  [f"delete-{who}", link_for(sandbox, "DELETE", "/films/k", payload="UNSIGNED-PAYLOAD", **keys), {"method": "DELETE"}],
                  [f"get-{who}", link_for(sandbox, "GET", "/films/k", payload="UNSIGNED-PAYLOAD", **keys), {}]]
    tries += [["faults", sandbox.url + "/_weir/faults", {"method": "POST", "mode": "no-cors", "body": '{"rules": [{"fault": "error"}]}'}],
              ["health", sandbox.url + "/_weir/health", {}],
              ["rebound", f"http://evil.example:{sandbox.port}/_weir/health", {}],
              ["rebound-post", f"http://evil.example:{sandbox.port}/_weir/faults", {"method": "POST", "mode": "no-cors", "body": "rules=[]"}]]
    page = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    page.seen, page.page = [], PAGE.replace("TRIES", json.dumps(tries)).replace("SCRIPT", json.dumps(link_for(sandbox, "GET", "/films/a.js", payload="UNSIGNED-PAYLOAD")))
    threading.Thread(target=page.serve_forever, daemon=True).start()

    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run", "--disable-extensions",
             "--disable-dev-shm-usage", f"--user-data-dir={tmp_path / 'profile'}", "--host-resolver-rules=MAP evil.example 127.0.0.1", "--remote-debugging-port=0"]
    process = subprocess.Popen([chromium, *flags, f"http://127.0.0.1:{page.server_port}/"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "HOME": str(tmp_path)})
    try:  # of the same site as the sandbox, then of another
        until(lambda: page.seen.count("/done") == 2)
    finally:
        process.terminate()
        process.wait()
    page.shutdown()
    told = set(page.seen) - {"/", "/favicon.ico"}
    made = [one["RoleName"] for one in sandbox.client("iam").list_roles()["Roles"]]
    kept, rules = [item["Key"] for item in s3.list_objects_v2(Bucket="films")["Contents"]], Faults(sandbox)("GET")["rules"]
    sandbox.stop()
    assert (made, kept, rules, told) == ([], ["a.js", "k"], [], {"/done"})  # nothing done, nothing read, and no script ran
