"""The static program (tools/static), in a root that has nothing but BusyBox: no libraries, no certificates, no users. The whole of it takes minutes where
its libraries are in .cache, else most of an hour."""

import http.server
import os
import re
import shutil
import ssl
import subprocess
import threading
import time
from pathlib import Path

import pytest

from support import ROOT, SECRET_KEY

pytestmark = pytest.mark.long
MOST = 12_300_000  # bytes
SOON = 0.005  # seconds until it has said which it is
# Where systems keep the certificates that they trust: Debian and Alpine, RHEL, RHEL 8 and newer, SUSE, Alpine without ca-certificates.
ROOTS = ["etc/ssl/certs/ca-certificates.crt", "etc/pki/tls/certs/ca-bundle.crt", "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "etc/ssl/ca-bundle.pem", "etc/ssl/cert.pem"]


def run(*words, status=0, **more):
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, stdin=subprocess.DEVNULL, **more)
    assert status is None or done.returncode == status, (words, done.stdout[-3000:], done.stderr[-3000:])
    return done


@pytest.fixture(scope="module")
def program():
    env = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "BUILD", "CC")}
    run("tools/static", "x86_64", cwd=ROOT, env=env)
    return ROOT / "build-x86_64/weir"


@pytest.fixture
def root(program, tmp_path):
    """What a container of BusyBox has."""
    if os.geteuid() or not shutil.which("busybox"):
        pytest.skip("no busybox-static, or not root")
    root = tmp_path / "root"
    for name in "bin", "etc", "tmp", "root", "dev", "proc":
        (root / name).mkdir(parents=True)
    shutil.copy(program, root / "bin/weir")
    shutil.copy(shutil.which("busybox"), root / "bin/busybox")
    run("chroot", root, "/bin/busybox", "--install", "-s", "/bin")
    for name, minor in ("null", 3), ("urandom", 9):
        os.mknod(root / "dev" / name, 0o20666, os.makedev(1, minor))
        (root / "dev" / name).chmod(0o666)
    return root


def inside(root, script, status=0, before=(), **env):
    words = ["unshare", "--mount", "--propagation", "private", "sh", "-ec", 'mount -t proc proc "$0/proc"; exec chroot "$0" "$@"', root, *before, "/bin/sh", "-ec", script]
    return run(*words, status=status, env={"PATH": "/bin:/usr/sbin:/usr/bin:/sbin", "HOME": "/root", "AWS_EC2_METADATA_DISABLED": "true", **env})


def test_it_is_one_file_and_guarded(program):
    assert "INTERP" not in (head := run("readelf", "-lW", program).stdout) and "GNU_RELRO" in head
    assert re.search(r"GNU_STACK.* RW ", head), "its stack can be executed"
    dynamic = run("readelf", "-dW", program).stdout
    assert "NEEDED" not in dynamic and "PIE" in dynamic and "NOW" in dynamic
    assert "statically linked" in run("ldd", program).stdout
    assert program.stat().st_size < MOST

    def takes():
        begun = time.perf_counter()
        run(program, "version")
        return time.perf_counter() - begun

    assert min(takes() for _ in range(50)) < SOON


def test_it_tells_how_it_was_built(program):
    text = run(program, "version", "-v").stdout
    assert "as one static program for Linux on x86_64, with musl" in text
    listed = [line.split()[:2] for line in (ROOT / "packaging/static.txt").read_text().splitlines() if not line.startswith("#")]
    assert sorted(map(tuple, listed)) == sorted(tuple(line.split()) for line in text.splitlines()[2:])


def test_the_whole_round_with_busybox_alone(root):
    script = "cd /tmp && weir init film-lake && weir apply --sandbox -y && weir plan --sandbox --detailed-exitcode && weir destroy --sandbox -y --verify"
    done = inside(root, script, WEIR_INPUT_TABLES="false")
    assert "25 created" in done.stdout and "No changes" in done.stdout and "25 deleted" in done.stdout, done


def test_what_another_cloud_is_given(root, cloud):
    (root / "tmp/weir.yaml").write_text("stack: bare\nresources:\n  lake: {type: aws.s3.bucket, name: bare-lake, versioning: true}\n  code: {type: weir.artifact, source: etc, package: zip, store: bare-lake/code, depends_on: [lake]}\n")
    (root / "tmp/etc").mkdir()
    (root / "tmp/etc/größe.txt").write_text("names are in UTF-8 without a locale, too")
    env = {"AWS_ACCESS_KEY_ID": "e2e", "AWS_SECRET_ACCESS_KEY": SECRET_KEY, "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": cloud.url}
    inside(root, "cd /tmp && weir apply -y && weir plan --detailed-exitcode", **env)
    keys = [entry["Key"] for entry in cloud.client("s3").list_objects_v2(Bucket="bare-lake")["Contents"]]
    assert len(keys) == 1 and keys[0].endswith(".zip")
    body = cloud.client("s3").get_object(Bucket="bare-lake", Key=keys[0])["Body"].read()
    assert "größe.txt".encode() in body


def test_who_it_is(root):
    """Of /etc/passwd alone, and where there is none, the number."""
    (root / "tmp/weir.yaml").write_text("stack: who\nresources: {a: {type: weir.value, value: 1}}\n")
    (root / "tmp").chmod(0o777)
    as_other = ["--userspec=4711:4711"]
    history = "cd /tmp && weir apply -y > /dev/null && weir history --json && rm -rf .weir"
    own = run(shutil.which("chroot"), *as_other, root, "/bin/sh", "-ec", history, env={"PATH": "/bin", "HOME": "/tmp"}).stdout
    assert "uid-4711@" in own, own
    (root / "etc/passwd").write_text("ada:x:4711:4711::/tmp:/bin/sh\n")
    own = run(shutil.which("chroot"), *as_other, root, "/bin/sh", "-ec", history, env={"PATH": "/bin", "HOME": "/tmp"}).stdout
    assert "ada@" in own, own


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    """A server with a certificate that only its file vouches for; it counts who came through."""
    folder = tmp_path_factory.mktemp("tls")
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=here", "-addext", "subjectAltName=IP:127.0.0.1",
        "-keyout", folder / "key.pem", "-out", folder / "ca.pem")  # fmt: skip

    class Answer(http.server.BaseHTTPRequestHandler):
        came = 0

        def do_GET(self):
            Answer.came += 1
            self.send_response(403)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_POST = do_GET

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.ca, server.answer = folder / "ca.pem", Answer
    yield server
    server.shutdown()


@pytest.mark.parametrize("place", [*ROOTS, None, "SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_trusts_what_the_system_trusts(root, secure, place):
    (root / "tmp/weir.yaml").write_text("stack: tls\ndata: {me: {type: aws.sts.caller_identity}}\noutputs: {me: {value: '${data.me.account}'}}\n".replace("data.me", "me"))
    env = {"AWS_ACCESS_KEY_ID": "e2e", "AWS_SECRET_ACCESS_KEY": SECRET_KEY, "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": f"https://127.0.0.1:{secure.server_port}"}
    if place == "SSL_CERT_DIR":
        (root / "tmp/certs").mkdir()
        hashed = run("openssl", "x509", "-hash", "-noout", "-in", secure.ca).stdout.strip()
        shutil.copy(secure.ca, root / "tmp/certs" / f"{hashed}.0")
        env[place] = "/tmp/certs"
    elif place:
        at = root / ("tmp/own.pem" if place == "SSL_CERT_FILE" else place)
        at.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(secure.ca, at)
        if place == "SSL_CERT_FILE":
            env[place] = "/tmp/own.pem"
    before = secure.answer.came
    done = inside(root, "cd /tmp && weir plan", status=1, **env)
    if place:
        assert secure.answer.came > before, done
    else:
        assert secure.answer.came == before and "certificate" in done.stderr and "SSL_CERT_FILE" in done.stderr, done
