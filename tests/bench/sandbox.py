"""The sandbox: start, idle memory, small objects and one large one, beside servers of others."""

import http.client
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path += [str(Path(__file__).parent.parent / "e2e" / "sandbox"), str(Path(__file__).parent.parent / "e2e")]
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


STACK = """
stack: many
resources:
  queues: {{type: aws.sqs.queue, for_each: "${{[for i in range({n}) : tostring(i)]}}", name: "queue-${{each.key}}"}}
  topics: {{type: aws.sns.topic, for_each: "${{[for i in range({n}) : tostring(i)]}}", name: "topic-${{each.key}}"}}
  rules: {{type: aws.events.rule, for_each: "${{[for i in range({n}) : tostring(i)]}}", name: "rule-${{each.key}}", schedule_expression: "rate(1 day)"}}
  roles: {{type: aws.iam.role, for_each: "${{[for i in range({n}) : tostring(i)]}}", name: "role-${{each.key}}", assume_role_policy: {{Version: "2012-10-17", Statement: [{{Effect: Allow, Principal: {{Service: lambda.amazonaws.com}}, Action: "sts:AssumeRole"}}]}}}}
"""


def cpu(server):
    """Seconds that it has had so far."""
    words = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def resources(judge, work, weir, sizes):
    """What it costs the sandbox that weir makes a resource and takes it away again: the same, however many there are."""
    each = []
    for n in sizes:
        server, folder = Sandbox("-"), work / f"many-{n}"
        folder.mkdir()
        spent = []
        for count in (1, n):  # once, so that all types are known to it
            (folder / "weir.yaml").write_text(STACK.format(n=count))
            for command in ("apply", "destroy"):
                before = cpu(server)
                subprocess.run([weir, command, "--yes"], cwd=folder, env=server.environment(home=str(work)), check=True, capture_output=True)
                spent.append(cpu(server) - before)
        each.append((spent[2] / n / 4, spent[3] / n / 4))
        print(f"  {4 * n:>6,} resources   apply {each[-1][0] * 1e3:6.2f} ms of CPU each, destroy {each[-1][1] * 1e3:6.2f} ms   {server.status('VmRSS') / 1024:6.1f} MB")
        server.stop()
    for i, command in enumerate(("apply", "destroy")):
        print(f"  {command}: x {each[1][i] / each[0][i]:.2f} for a resource" + judge(f"the sandbox's cost of a resource, {command}", each[1][i] / each[0][i], 1.5, " x"))


def bench(title, judge, work, quick, weir):
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
    title("the sandbox with many resources", "CPU of the sandbox while weir applies and destroys queues, topics, rules and roles")
    resources(judge, work, weir, (250, 1_000) if quick else (250, 2_500))
