"""The sandbox: start, idle memory, small objects and one large one, beside servers of others."""

import http.client
import sys
import threading
import time
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent / "e2e" / "sandbox"))
from servers import Moto, Sandbox, Versity, make_bucket  # noqa: E402
from sigv4 import Signer, sha256  # noqa: E402

SMALL = b"x" * 4096
BLOCK = bytes(1 << 20)


def start(folder):
    began = time.monotonic()
    server = Sandbox(folder)
    milliseconds = (time.monotonic() - began) * 1000
    server.stop()
    return milliseconds


def rates(server, threads, count):
    """PUTs and GETs of 4 KiB a second, each thread over one connection."""
    bucket, digest, out = make_bucket(server), sha256(SMALL), []

    def run(method, thread):
        signer, connection = Signer(server), http.client.HTTPConnection(server.address, server.port)
        for i in range(count):
            path, put = f"/{bucket}/{thread}/{i}", method == "PUT"
            headers = signer.headers(method, path, payload_hash=digest) if put else signer.headers(method, path)
            connection.request(method, path, SMALL if put else None, headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                sys.exit(f"{server.kind}: {method} gave {answer.status}")
        connection.close()

    for method in ("PUT", "GET"):
        workers = [threading.Thread(target=run, args=(method, n)) for n in range(threads)]
        started = time.monotonic()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        out.append(threads * count / (time.monotonic() - started))
    return out


def large(server, megabytes):
    """Seconds for one PUT and one GET; the content is made and dropped on the way."""
    path, out = f"/{make_bucket(server)}/large", []
    for method in ("PUT", "GET"):
        connection = http.client.HTTPConnection(server.address, server.port)
        hash_of = {"payload_hash": "UNSIGNED-PAYLOAD"} if method == "PUT" else {}
        headers = Signer(server).headers(method, path, **hash_of)
        if method == "PUT":
            headers["content-length"] = str(megabytes << 20)
        started = time.monotonic()
        connection.request(method, path, (BLOCK for _ in range(megabytes)) if method == "PUT" else None, headers)
        answer = connection.getresponse()
        while answer.read(1 << 20):
            pass
        out.append(time.monotonic() - started)
        if answer.status != 200:
            sys.exit(f"{server.kind}: {method} gave {answer.status}")
        connection.close()
    return out


def measured(server, count, megabytes):
    """Both, and the line that shows them."""
    put, get = rates(server, 8, count)
    up, down = (megabytes / seconds for seconds in large(server, megabytes))
    print(f"  {server.kind:10} {put:6.0f} put/s  {get:6.0f} get/s   {up:6.0f} MiB/s up  {down:6.0f} MiB/s down ({megabytes} MiB)")


def bench(title, judge, work, quick):
    title("the sandbox", "a server of its own, synced to disk, beside moto (in memory) and versitygw (files, not synced, where tools/setup s3 built it);"
          " objects of 4 KiB and a large one, Python clients with eight connections, which share the machine with it")
    milliseconds = min(start(work / "sandbox") for _ in range(5))
    server = Sandbox(work / "sandbox")
    idle = server.status("VmRSS") / 1024
    print(f"  start          {milliseconds:6.1f} ms, from fork until its port is known" + judge("the sandbox's start", milliseconds, 10, " ms"))
    print(f"  idle           {idle:6.1f} MB" + judge("the idle sandbox", idle, 10, " MB"))
    megabytes = 256 if quick else 1024
    measured(server, 100 if quick else 400, megabytes)
    peak = server.status("VmHWM") / 1024
    server.stop()
    print(f"  peak           {peak:6.1f} MB" + judge("the sandbox's memory while streaming", peak, 64, " MB"))
    if Versity.program():
        other = Versity(folder=work)
        measured(other, 100 if quick else 400, megabytes)
        other.stop()
    moto = Moto()
    measured(moto, 30, 256)
    moto.stop()
