"""docker.* on a real Engine: what weir makes is there for the docker client, drift is seen and healed, nothing secret shows, nothing is left."""

import base64
import json
import re
import shutil
import subprocess
import textwrap
import urllib.request
import warnings

import pytest

from docker_engine import BASE, Engine
from sshd import Sshd, fingerprint, have_sshd, keygen
from support import Stack, free_port
from test_guides import walk

SECRET = "Swordfish-in-a-file-77"
HIDDEN = "Heron-in-the-environment-42"


@pytest.fixture(scope="module")
def engine():
    engine = Engine()
    yield engine
    engine.stop()


@pytest.fixture
def stack(tmp_path, engine):
    stack = Stack(tmp_path / "stack")
    stack.env |= engine.env
    before = engine.things()
    yield stack
    stack.destroy(status=None)
    for name in set(engine.things()["containers"]) - set(before["containers"]):
        engine.docker("rm", "-f", name)
    engine.docker("system", "prune", "-f", "--volumes")


def written(stack, resources, before=""):
    stack.write(f"stack: shop\n{before}\nresources:\n" + textwrap.indent(textwrap.dedent(resources), "  "))
    return stack


def with_app(stack, **files):
    stack.write(f"FROM {BASE}\nARG WORD=none\nCOPY . /app\nENV FROM_IMAGE=yes\nLABEL of=image\nRUN echo $WORD > /word\nCMD [\"/bin/sleep\", \"1000\"]\n", "app/Dockerfile")
    stack.write("hello\n", "app/hello.txt")
    stack.write("*.log\n", "app/.dockerignore")
    stack.write("not for others\n", "app/x.log")
    for name, text in files.items():
        stack.write(text, f"app/{name}")


def web(port):
    return f"""
        net: {{type: docker.network, name: shop, subnets: [{{subnet: 172.31.250.0/24, gateway: 172.31.250.1}}], labels: {{team: data}}}}
        other: {{type: docker.network, name: shop-other}}
        store: {{type: docker.volume, name: shop-data}}
        app: {{type: docker.image, name: "shop/app:1", context: app, args: {{WORD: there}}, tags: ["shop/app:stable"]}}
        web:
          type: docker.container
          name: web
          image: ${{app.id}}
          command: [/bin/sh, -c, "trap 'exit 0' TERM; while :; do sleep 0.1; done"]
          environment: {{PLAIN: seen, PORT: 80}}
          secret_environment: {{TOKEN: "{HIDDEN}"}}
          secrets: {{/run/secrets/password: "${{inputs.password}}"}}
          files: {{/etc/web/web.conf: "listen 80\\n"}}
          networks: [{{name: "${{net.name}}", aliases: [front, shop-web]}}]
          mounts: [{{source: "${{store.name}}", target: /data}}, {{type: tmpfs, target: /scratch, size: 16m}}]
          ports: [{{container: 80, host: {port}}}, {{container: 53, protocol: udp}}]
          health_check: {{test: [CMD-SHELL, "test -f /app/hello.txt"], interval: 1000ms, retries: 3, start_period: 1m30s}}
          restart: on-failure:3
          memory: 0.0625g
          cpus: 0.5
          ulimits: {{nofile: "512:1024"}}
          cap_drop: [net_raw]
          labels: {{team: data}}
          stop_timeout: 3
"""


SMALL = """
net: {{type: docker.network, name: shop}}
store: {{type: docker.volume, name: shop-data}}
app: {{type: docker.image, name: "shop/app:1", context: app}}
web:
  type: docker.container
  name: web
  image: ${{app.id}}
  command: [/bin/sh, -c, "trap 'exit 0' TERM; while :; do sleep 0.05; done"]
  secrets: {{/run/secrets/password: "${{inputs.password}}"}}
  networks: [{{name: "${{net.name}}"}}]
  mounts: [{{source: "${{store.name}}", target: /data}}]
""".format()
INPUTS = f"inputs: {{password: {{type: string, sensitive: true, default: {SECRET}}}}}"


@pytest.mark.full
def test_made_seen_and_gone(stack, engine):
    """In `make test`: an Engine is up within a second or two."""
    with_app(stack)
    port = free_port()
    before = engine.things()
    written(stack, web(port), INPUTS)
    shown = stack.apply()
    stack.assert_settled()
    there = engine.inspect("web")
    config, host = there["Config"], there["HostConfig"]
    assert there["State"]["Health"]["Status"] == "healthy"
    assert {"PLAIN=seen", "PORT=80", f"TOKEN={HIDDEN}", "FROM_IMAGE=yes"} <= set(config["Env"])
    assert config["Labels"]["weir:stack"] == "shop" and config["Labels"]["weir:address"] == "web" and config["Labels"]["of"] == "image"
    assert there["Image"] == engine.inspect("shop/app:stable", "image")["Id"]
    assert host["PortBindings"]["80/tcp"] == [{"HostIp": "127.0.0.1", "HostPort": str(port)}]
    assert host["PortBindings"]["53/udp"][0]["HostIp"] == "127.0.0.1", "only the machine itself, unless it is said"
    assert (host["Memory"], host["NanoCpus"], host["RestartPolicy"]) == (64 << 20, 500_000_000, {"Name": "on-failure", "MaximumRetryCount": 3})
    assert there["NetworkSettings"]["Networks"]["shop"]["Aliases"][:2] == ["front", "shop-web"]
    assert {mount["Destination"] for mount in there["Mounts"]} == {"/data", "/scratch"}
    assert engine.docker("exec", "web", "cat", "/run/secrets/password", "/etc/web/web.conf", "/word") == f"{SECRET}listen 80\nthere\n"
    assert engine.docker("exec", "web", "ls", "-a", "/app").split() == [".", "..", ".dockerignore", "Dockerfile", "hello.txt"]
    network = engine.inspect("shop", "network")
    assert network["IPAM"]["Config"] == [{"Subnet": "172.31.250.0/24", "Gateway": "172.31.250.1"}] and network["Labels"]["team"] == "data"
    assert SECRET not in engine.docker("inspect", "web") + engine.docker("history", "--no-trunc", "shop/app:1")
    everything = shown.out + shown.err + stack.run("show", status=None).out + stack.run("apply", "--yes", "-vv").err
    for secret in SECRET, HIDDEN:
        assert secret not in everything and secret not in stack.state_text()
    assert "Nothing is left" in stack.destroy("--verify").out
    assert engine.things() == before


@pytest.mark.long
def test_drift_is_seen_and_healed(stack, engine):
    with_app(stack)
    written(stack, web(free_port()), INPUTS)
    stack.apply()
    first = engine.inspect("web")["Id"]
    for words, shown, same in (
        (("stop", "-t", "0", "web"), "running", True),
        (("update", "--memory", "32m", "--memory-swap", "64m", "web"), "memory", True),
        (("update", "--restart", "always", "web"), "restart", True),
        (("network", "connect", "shop-other", "web"), "networks", True),
        (("rmi", "shop/app:stable"), "tags", True),
        (("rename", "web", "somewhere"), "deleted web", False),
        (("rm", "-f", "web"), "deleted web", False),
    ):
        engine.docker(*words)
        drift = stack.run("drift", status=2).out
        assert shown in drift, (words, drift)
        if words[0] == "rename":
            engine.docker("rm", "-f", "somewhere")
        stack.apply()
        stack.assert_settled()
        there = engine.inspect("web")
        assert (there["Id"] == first) is same, words
        first = there["Id"]
        assert there["State"]["Running"] and there["HostConfig"]["Memory"] == 64 << 20
        assert set(there["NetworkSettings"]["Networks"]) == {"shop"}
    assert engine.docker("exec", "web", "cat", "/run/secrets/password") == SECRET


@pytest.mark.long
def test_changes_in_place_and_replacements(stack, engine):
    with_app(stack)
    port = free_port()
    text = web(port)
    written(stack, text, INPUTS)
    stack.apply()
    first = engine.inspect("web")["Id"]
    text = text.replace("0.0625g", "96m").replace("on-failure:3", "unless-stopped").replace("cpus: 0.5", "cpus: 1.5")
    text = text.replace("aliases: [front, shop-web]}", 'aliases: [front]}, {name: "${other.name}", aliases: [back]}')
    written(stack, text, INPUTS)
    assert stack.plan() == {"web": "update"}
    stack.apply()
    stack.assert_settled()
    there = engine.inspect("web")
    assert there["Id"] == first and there["HostConfig"]["Memory"] == 96 << 20 and there["HostConfig"]["NanoCpus"] == 1_500_000_000
    assert "back" in there["NetworkSettings"]["Networks"]["shop-other"]["Aliases"] and "shop-web" not in there["NetworkSettings"]["Networks"]["shop"]["Aliases"]
    # What says the same in other words is no change of the container.
    written(stack, text.replace("interval: 1000ms", "interval: 1s").replace("net_raw", "CAP_NET_RAW"), INPUTS)
    assert stack.plan() in ({}, {"web": "replace"})
    written(stack, text, INPUTS)
    # An unchanged folder is not built again; a changed one makes a new image and a new container, and the old image goes.
    (stack.folder / "app/hello.txt").touch()
    stack.assert_settled()
    old = engine.inspect("shop/app:1", "image")["Id"]
    stack.write("hello again\n", "app/hello.txt")
    assert stack.plan() == {"app": "update", "web": "replace"}
    stack.apply()
    stack.assert_settled()
    assert engine.docker("exec", "web", "cat", "/app/hello.txt") == "hello again\n"
    assert old not in engine.docker("images", "-aq", "--no-trunc").split()
    # Another secret makes another container.
    written(stack, text, INPUTS.replace(SECRET, "another-Secret-of-it-78"))
    assert stack.plan() == {"web": "replace"}
    stack.apply()
    assert engine.docker("exec", "web", "cat", "/run/secrets/password") == "another-Secret-of-it-78"
    written(stack, text + "          running: false\n", INPUTS.replace(SECRET, "another-Secret-of-it-78"))
    stack.apply()
    stack.assert_settled()
    assert not engine.inspect("web")["State"]["Running"]


@pytest.mark.long
def test_what_fails_says_why(stack, engine):
    with_app(stack)
    stack.write(f"FROM {BASE}\nRUN echo made it so far\nRUN echo the compiler is not happy; exit 3\n", "app/Dockerfile")
    written(stack, 'app: {type: docker.image, name: "shop/app:1", context: app}\n')
    error = stack.apply(status=1).err
    assert "Step 3/" in error and "the compiler is not happy" in error and "returned a non-zero code: 3" in error
    stack.write("FORM nothing\n", "app/Dockerfile")
    assert "unknown instruction: FORM" in stack.apply(status=1).err
    written(stack, f'job: {{type: docker.container, name: job, image: "{BASE}", command: [/bin/sh, -c, "echo no database here; exit 7"]}}\n')
    error = stack.apply(status=1).err
    assert "died at its start with status 7; its log ends with:" in error and "no database here" in error
    # It is there, half-made; with what was wrong put right it is made anew.
    written(stack, f'job: {{type: docker.container, name: job, image: "{BASE}", command: [/bin/sleep, "1000"]}}\n')
    assert stack.plan() == {"job": "replace"}
    stack.apply()
    stack.assert_settled()
    for more, said in (
        ('command: [/bin/sh, -c, "sleep 0.2; echo cannot bind; exit 1"], restart: always', "repeatedly exits and is restarted"),
        ('command: [/bin/nothing]', "nothing"),
        ('command: [/bin/sleep, "1000"], health_check: {test: [CMD-SHELL, "echo no page; exit 1"], interval: 1s, retries: 1}', "is unhealthy: no page"),
        ('command: [/bin/false], wait: exited', "ended with status 1"),
    ):
        written(stack, f'job: {{type: docker.container, name: job, image: "{BASE}", stop_timeout: 1, {more}}}\n')
        error = stack.apply(status=1).err
        assert said in error, error
    written(stack, 'job: {type: docker.container, name: job, image: "nobody/knows:1"}\n')
    error = stack.apply(status=1).err
    assert "No such image" in error and "docker.image" in error
    # What runs once is done when it has ended well, and stays so.
    written(stack, f'job: {{type: docker.container, name: job, image: "{BASE}", command: [/bin/true], wait: exited}}\n')
    stack.apply()
    stack.assert_settled()


@pytest.mark.long
def test_a_build_that_fails_takes_nothing_away(stack, engine):
    with_app(stack)
    written(stack, SMALL, INPUTS)
    stack.apply()
    first = engine.inspect("web")["Id"]
    stack.write(f"FROM {BASE}\nRUN exit 3\n", "app/Dockerfile")
    assert stack.plan() == {"app": "update", "web": "replace"}
    stack.apply(status=1)
    there = engine.inspect("web")
    assert there["Id"] == first and there["State"]["Running"]
    # What was planned is built, or nothing.
    with_app(stack, more="new\n")
    written(stack, 'late: {type: weir.command, command: "echo not what was shown > app/hello.txt"}\n' + SMALL.replace("context: app", "context: app, depends_on: [late]"), INPUTS)
    assert 'what is in "app" has changed since this was planned' in stack.apply(status=1).err
    assert engine.inspect("web")["Id"] == first
    stack.apply()
    stack.assert_settled()
    assert engine.docker("exec", "web", "cat", "/app/hello.txt") == "not what was shown\n"


@pytest.mark.long
def test_what_others_made_is_left_alone(stack, engine):
    engine.docker("run", "-d", "--name", "web", "--network", "none", BASE, "/bin/sleep", "1000")
    engine.docker("volume", "create", "shop-data")
    engine.docker("network", "create", "shop")
    before = engine.things()
    written(
        stack,
        f"""
        net: {{type: docker.network, name: shop}}
        store: {{type: docker.volume, name: shop-data}}
        web: {{type: docker.container, name: web, image: "{BASE}", command: [/bin/sleep, "1000"]}}
        """,
    )
    error = stack.apply(status=1).err
    assert error.count("this stack did not make it") == 3, error
    assert engine.things() == before
    # A name that is nobody's, but begins somebody's id.
    id_ = engine.inspect("web")["Id"]
    written(stack, f'web: {{type: docker.container, name: "{id_[:6]}", image: "{BASE}", command: [/bin/sleep, "1000"]}}\n')
    stack.apply()
    stack.assert_settled()
    stack.destroy()
    assert engine.inspect("web")["State"]["Running"]
    # What takes the place of what this stack made is not its own.
    written(stack, 'store: {type: docker.volume, name: shop-mine}\n')
    stack.apply()
    engine.docker("volume", "rm", "shop-mine")
    engine.docker("volume", "create", "shop-mine")
    assert "it has no ownership tags" in stack.destroy(status=1).err
    assert "shop-mine" in engine.docker("volume", "ls", "-q").split()
    stack.run("state", "rm", "store")
    for words in ("rm", "-f", "web"), ("volume", "rm", "shop-data", "shop-mine"), ("network", "rm", "shop"):
        engine.docker(*words)


@pytest.mark.long
def test_a_lost_state_is_found_again(stack, engine):
    with_app(stack)
    written(stack, web(free_port()), INPUTS)
    stack.apply()
    web_, image = engine.inspect("web")["Id"], engine.inspect("shop/app:1", "image")["Id"]
    for path in (stack.folder / ".weir").glob("shop.*"):
        path.unlink()
    stack.apply()
    stack.assert_settled()
    assert (engine.inspect("shop/app:1", "image")["Id"]) == image
    assert engine.inspect("web")["Id"] == web_ or engine.inspect("web")["State"]["Running"]


@pytest.mark.long
@pytest.mark.parametrize("part", range(6))
@pytest.mark.parametrize("command", ["apply", "destroy"])
def test_killed_anywhere(stack, engine, command, part):
    """Before, between and after each step: the next command settles it, nothing is there twice, nothing is left. In parts, for the time they take."""
    with_app(stack)
    stack.env["WEIR_CLOCK_SPEED"] = "20"  # of its own waiting
    before = engine.things()
    written(stack, SMALL, INPUTS)
    applied, destroyed = (len(stack.crash_points(word, "--yes")) for word in ("apply", "destroy"))
    assert engine.things() == before
    steps, killed = (applied if command == "apply" else destroyed), 0
    assert steps > 15
    for n in range(1 + part, steps + 1, 6):
        if command == "destroy":
            stack.apply()
        killed += stack.killed_at(n, command, "--yes")
        if command == "apply":
            stack.apply()
            stack.assert_settled()
            there = engine.things()
            assert (len(there["containers"]), there["volumes"], there["networks"]) == (1, ["shop-data"], ["shop"]), (n, there)
            assert engine.docker("exec", "web", "cat", "/run/secrets/password") == SECRET, n
        stack.destroy("--verify")
        assert engine.things() == before, n
    assert killed > steps // 6 // 2


@pytest.mark.long
def test_the_guide_to_the_letter(stack, engine):
    engine.docker("tag", BASE, "busybox:1.36")
    before = engine.things()
    printed = walk(stack, "containers.md")
    page = printed["weir output --raw page"].strip()
    assert page.startswith("http://127.0.0.1:") and "Nothing is left" in printed["weir destroy --verify"]
    assert engine.things() == before
    engine.docker("rmi", "busybox:1.36")


@pytest.mark.long
def test_a_compose_file_comes_up(stack, engine):
    stack.write(f"FROM {BASE}\nCMD [\"httpd\", \"-f\", \"-p\", \"80\", \"-h\", \"/tmp\"]\n", "web/Dockerfile")
    port = free_port()
    stack.write(
        f"""
        name: shop
        services:
          prepare:
            image: {BASE}
            command: sh -c 'echo "it is $$WORD" > /data/index.html'
            environment: {{WORD: "${{WORD:-here}}"}}
            volumes: [pages:/data]
          web:
            build: ./web
            ports: ["127.0.0.1:{port}:80"]
            volumes: ["pages:/tmp:ro"]
            depends_on: {{prepare: {{condition: service_completed_successfully}}}}
            healthcheck: {{test: wget -q -O - http://web/, interval: 1s}}
        volumes: {{pages: }}
        """,
        "compose.yaml",
    )
    before = engine.things()
    stack.run("import", "compose", "compose.yaml")
    stack.apply()
    stack.assert_settled()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as answer:
        assert answer.read() == b"it is here\n"
    stack.destroy("--verify")
    assert engine.things() == before


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """An authority, and certificates of both sides that it has signed."""
    folder = tmp_path_factory.mktemp("tls")

    def run(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca-key.pem", "-out", "ca.pem", "-subj", "/CN=tests", "-days", "2")
    for name, more in ("server", "subjectAltName=IP:127.0.0.1"), ("client", "extendedKeyUsage=clientAuth"):
        (folder / "more").write_text(more)
        run("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}-key.pem", "-out", "request.pem", "-subj", f"/CN={name}")
        run("x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial", "-out", f"{name}.pem", "-days", "2", "-extfile", "more")
    return folder


@pytest.mark.long
def test_over_tls(tmp_path, authority, engine):
    other = engine
    port = free_port()
    words = ["-H", f"tcp://127.0.0.1:{port}", "--tlsverify", "--tlscacert", authority / "ca.pem", "--tlscert", authority / "server.pem", "--tlskey", authority / "server-key.pem"]
    engine = Engine(*words, base=False)
    try:
        stack = Stack(tmp_path / "stack")
        tls = f"{{ca: {authority}/ca.pem, cert: {authority}/client.pem, key: {authority}/client-key.pem}}"
        written(stack, "store: {type: docker.volume, name: far}\n", f"providers: {{docker: {{host: 'tcp://127.0.0.1:{port}', tls: {tls}}}}}")
        stack.apply()
        stack.assert_settled()
        assert engine.things()["volumes"] == ["far"]
        # As the docker client is told.
        certs = tmp_path / "certs"
        certs.mkdir()
        for name, source in ("ca", "ca"), ("cert", "client"), ("key", "client-key"):
            (certs / f"{name}.pem").write_text((authority / f"{source}.pem").read_text())
        written(stack, "store: {type: docker.volume, name: far}\n")
        env = {"DOCKER_HOST": f"tcp://127.0.0.1:{port}", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(certs)}
        stack.run("plan", "--detailed-exitcode", env=env)
        # Without a certificate of its own it is not let in.
        written(stack, "store: {type: docker.volume, name: far}\n", f"providers: {{docker: {{host: 'tcp://127.0.0.1:{port}', tls: {{ca: {authority}/ca.pem}}}}}}")
        assert stack.run("plan", status=1).err
        # On another Engine nothing is taken for gone.
        written(stack, "store: {type: docker.volume, name: far}\n")
        refused = stack.run("plan", env={"DOCKER_HOST": other.host}, status=3).err
        assert "store was made in engine" in refused and not other.things()["volumes"], refused
        stack.run("destroy", "--yes", env=env, status=None)
    finally:
        engine.stop()


@pytest.mark.long
def test_through_a_connection(stack, engine, tmp_path):
    """The Engine's own socket on the other side of SSH; nothing listens there."""
    if not have_sshd():
        pytest.skip("OpenSSH's server is not installed")
    key, host_key = keygen(tmp_path / "key"), keygen(tmp_path / "host_key")
    before = engine.things()
    with_app(stack)
    del stack.env["DOCKER_HOST"]
    with Sshd(tmp_path / "sshd", [key], [host_key]) as server:
        connection = server.connection(key, host_key=f'"{fingerprint(host_key)}"')
        head = f"connections: {{far: {connection}}}\nproviders: {{docker: {{host: '{engine.host}', via: far}}}}\n{INPUTS}"
        written(stack, SMALL, head)
        stack.apply()
        stack.assert_settled()
        assert engine.inspect("web")["State"]["Running"]
        stack.destroy("--verify")
        assert engine.things() == before


class Registry:
    """Debian's docker-registry, which lets in whom its file names."""

    def __init__(self, folder, user="shop", password="Kingfisher-at-the-registry-9"):
        if not shutil.which("docker-registry"):
            pytest.skip("docker-registry is not installed")
        self.port, self.user, self.password = free_port(), user, password
        with warnings.catch_warnings():  # it goes with Python 3.13
            warnings.simplefilter("ignore")
            import crypt
        (folder / "htpasswd").write_text(f"{user}:{crypt.crypt(password, crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16))}\n")
        (folder / "config.yml").write_text(
            json.dumps(
                {
                    "version": 0.1,
                    "storage": {"filesystem": {"rootdirectory": str(folder / "images")}},
                    "http": {"addr": f"127.0.0.1:{self.port}"},
                    "auth": {"htpasswd": {"realm": "tests", "path": str(folder / "htpasswd")}},
                }
            )
        )
        self.process = subprocess.Popen(["docker-registry", "serve", folder / "config.yml"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stop(self):
        self.process.terminate()
        self.process.wait()


@pytest.mark.long
def test_the_context_of_the_docker_client(stack, engine, tmp_path):
    env = {**stack.env, "DOCKER_CONFIG": str(tmp_path / "client")}
    del env["DOCKER_HOST"]

    def client(*words):
        subprocess.run(["docker", *words], env=env, check=True, capture_output=True)

    client("context", "create", "tested", "--docker", f"host={engine.host}")
    stack.env = {**env, "DOCKER_CONTEXT": "tested"}
    written(stack, "store: {type: docker.volume, name: by-context}\n")
    stack.apply()
    assert engine.docker("volume", "inspect", "by-context")
    client("context", "use", "tested")
    stack.env = env
    stack.assert_settled()
    stack.env = {**env, "DOCKER_HOST": "unix:///nowhere/docker.sock"}
    assert "/nowhere/docker.sock" in stack.run("plan", status=None).err, "DOCKER_HOST goes before it"
    stack.env = {**env, "DOCKER_CONTEXT": "gone"}
    error = stack.run("plan", status=None).err
    assert 'there is no docker context "gone" with an Engine' in error and "docker context ls" in error, error
    stack.env = env
    stack.destroy()
    stack.env |= engine.env


@pytest.mark.full
def test_a_credential_helper_of_the_docker_client(stack, engine, tmp_path):
    registry = Registry(tmp_path)
    address = f"127.0.0.1:{registry.port}"
    helper = tmp_path / "bin/docker-credential-tested"
    helper.parent.mkdir()
    try:
        with_app(stack)
        written(stack, f'app: {{type: docker.image, name: "{address}/shop/app:1", context: app, push: true}}\n')
        stack.env |= {"DOCKER_CONFIG": str(tmp_path), "PATH": f"{helper.parent}:{stack.env['PATH']}"}
        (tmp_path / "config.json").write_text(json.dumps({"credHelpers": {address: "tested"}}))
        helper.write_text("#!/bin/sh\necho credentials not found in native keychain\nexit 1\n")
        helper.chmod(0o755)
        unknown = stack.apply(status=1)
        assert "no basic auth credentials" in unknown.err and "docker-credential-tested" not in unknown.err + unknown.out
        helper.write_text("#!/bin/sh\nexit 7\n")
        broken = stack.apply(status=1)
        assert "the credential helper docker-credential-tested failed with status 7" in broken.err + broken.out
        answer = json.dumps({"ServerURL": address, "Username": registry.user, "Secret": registry.password})
        helper.write_text(f"#!/bin/sh\n[ \"$1 $(cat)\" = 'get {address}' ] && echo '{answer}'\n")
        shown = stack.run("-vv", "apply", "--yes")
        stack.assert_settled()
        told = shown.out + shown.err
        assert registry.password not in told + stack.state_text()
        coded = re.findall(r"(?i)x-registry-auth: (\S+)", told)
        assert coded and all("password" not in str(base64.urlsafe_b64decode(text + "===")) for text in coded), coded
        (tmp_path / "config.json").write_text(json.dumps({"credsStore": "tested"}))
        stack.write("other\n", "app/hello.txt")
        stack.apply()
        stack.destroy()
    finally:
        registry.stop()


@pytest.mark.full
def test_pushed_and_pulled(stack, engine, tmp_path):
    registry = Registry(tmp_path)
    name = f"127.0.0.1:{registry.port}/shop/app:1"
    try:
        with_app(stack)
        image = f'app: {{type: docker.image, name: "{name}", context: app, push: true}}\n'
        written(stack, image)
        error = stack.apply(status=1).err
        assert "no basic auth credentials" in error and "registries" in error, error
        login = f'providers: {{docker: {{registries: {{"127.0.0.1:{registry.port}": {{username: {registry.user}, password: "${{inputs.registry_password}}"}}}}}}}}\n'
        login += "inputs: {registry_password: {type: string, sensitive: true}}"
        stack.env["WEIR_INPUT_registry_password"] = registry.password
        written(stack, image, login)
        stack.apply()
        stack.assert_settled()
        assert registry.password not in stack.state_text()
        digest = engine.inspect(name, "image")["RepoDigests"]
        assert len(digest) == 1
        stack.destroy()
        assert engine.run("inspect", "--type", "image", name, status=None).returncode
        # And back: by its digest this time.
        written(stack, f'app: {{type: docker.image, name: "{digest[0]}"}}\n', login)
        stack.apply()
        stack.assert_settled()
        assert engine.inspect(digest[0], "image")
        stack.destroy()
        assert engine.run("inspect", "--type", "image", digest[0], status=None).returncode
        # What was there before stays.
        written(stack, f'base: {{type: docker.image, name: "{BASE}"}}\n')
        stack.apply()
        stack.assert_settled()
        stack.destroy()
        assert engine.inspect(BASE, "image")
    finally:
        registry.stop()
