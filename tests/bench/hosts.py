"""Private resources: 200 resources on one host beside Ansible, with 40 ms of latency; a tunnel's bytes beside those of `ssh -L`."""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent / "e2e"))
from sshd import Sshd, fingerprint, have_sshd, keygen  # noqa: E402
from support import free_port  # noqa: E402

DELAY_S = 0.020  # each way
MEGABYTE = 1 << 20


class Far(threading.Thread):
    """A port that leads to another, and takes its time."""

    def __init__(self, to):
        super().__init__(daemon=True)
        self.to, self.port = to, free_port()
        self.ready = threading.Event()
        self.start()
        self.ready.wait()

    def run(self):
        asyncio.run(self.serve())

    async def serve(self):
        async with await asyncio.start_server(self.join, "127.0.0.1", self.port) as server:
            self.ready.set()
            await server.serve_forever()

    async def join(self, reader, writer):
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.to)
        await asyncio.gather(self.carry(reader, far_writer), self.carry(far_reader, writer))

    @staticmethod
    async def carry(reader, writer):
        loop = asyncio.get_running_loop()

        def late(data):
            if not writer.is_closing():
                writer.write(data) if data else writer.close()

        while True:
            data = await reader.read(1 << 16)
            loop.call_later(DELAY_S, late, data)
            if not data:
                return


def weir_stack(folder, there, connection, files, folders):
    folder.mkdir()
    there.mkdir()
    lines = [f'  f{i}: {{type: host.file, path: "{there}/f{i}", content: "{i}"}}' for i in range(files)]
    lines += [f'  d{i}: {{type: host.directory, path: "{there}/d{i}", mode: "0750"}}' for i in range(folders)]
    (folder / "weir.yaml").write_text(f"stack: many\nconnections: {{web: {connection}}}\nproviders: {{host: {{via: web}}}}\nresources:\n" + "\n".join(lines) + "\n")
    return folder


def playbook(folder, there, port, user, key, files, folders):
    folder.mkdir()
    there.mkdir()
    tasks = [{"copy": {"dest": f"{there}/f{i}", "content": str(i)}} for i in range(files)]
    tasks += [{"file": {"path": f"{there}/d{i}", "state": "directory", "mode": "0750"}} for i in range(folders)]
    (folder / "play.json").write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
    (folder / "hosts").write_text(
        f"web ansible_host=127.0.0.1 ansible_port={port} ansible_user={user} ansible_ssh_private_key_file={key} ansible_python_interpreter={sys.executable}\n")
    (folder / "ansible.cfg").write_text("[defaults]\nhost_key_checking = False\n[ssh_connection]\npipelining = True\n")
    return ["ansible-playbook", "-i", folder / "hosts", folder / "play.json"]


def hosts(bench, Run, title, work, server, key):
    size = (15, 5) if bench.quick else (150, 50)
    title(f"{sum(size)} resources on one host", f"{DELAY_S * 2000:.0f} ms of latency; weir, and Ansible with pipelining where it is on the PATH")
    far = Far(server.port)
    connection = server.connection(key, host_key=fingerprint(server.host_keys[0])).replace(f"port: {server.port}", f"port: {far.port}")
    stack = weir_stack(work / "reach", work / "there", connection, *size)
    first = Run([bench.weir, "apply", "--yes"], cwd=stack)
    server.forget()
    again = Run([bench.weir, "plan", "--detailed-exitcode"], cwd=stack)
    print(f"  weir      first {first.seconds:7.2f} s   no-op plan {again.seconds:7.3f} s   {server.sessions()} scripts" + bench.judge("scripts of a no-op plan", server.sessions(), 2))
    if not shutil.which("ansible-playbook"):
        print("  Ansible   skipped: no ansible-playbook on the PATH")
        return
    command = playbook(work / "ansible", work / "ansible-there", far.port, server.user, key, *size)
    env = {**os.environ, "ANSIBLE_CONFIG": str(work / "ansible/ansible.cfg")}
    slow = Run(command, env=env)
    noop = Run(command, env=env)
    print(f"  Ansible   first {slow.seconds:7.2f} s   no-op      {noop.seconds:7.2f} s   weir takes {first.seconds / slow.seconds:.3f} and {again.seconds / noop.seconds:.4f} of that" +
          ("" if bench.quick else bench.judge("no-op plan beside Ansible", again.seconds / noop.seconds, 0.01)))


def sink():
    """Counts what it gets and says how much."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            connection, _ = listener.accept()
            n, buffer = 0, bytearray(1 << 18)
            while got := connection.recv_into(buffer):
                n += got
            try:
                connection.sendall(str(n).encode())
            except OSError:
                pass
            connection.close()

    threading.Thread(target=serve, daemon=True).start()
    return listener.getsockname()[1]


def push(port, megabytes):
    block = bytes(MEGABYTE)
    start = time.monotonic()
    with socket.create_connection(("127.0.0.1", port)) as s:
        for _ in range(megabytes):
            s.sendall(block)
        s.shutdown(socket.SHUT_WR)
        assert int(s.recv(64)) == megabytes * MEGABYTE
    return time.monotonic() - start


def tunnel(bench, title, work, server, key):
    megabytes = 100 if bench.quick else 2_000
    title("A tunnel", f"{megabytes} MB through `weir tunnel`, and through `ssh -L`; best of 3")
    port, local = sink(), free_port()
    stack = work / "tunnel"
    stack.mkdir()
    (stack / "weir.yaml").write_text(f"stack: tunnel\nconnections: {{web: {server.connection(key, host_key=fingerprint(server.host_keys[0]))}}}\n")
    ours = subprocess.Popen([bench.weir, "tunnel", "web", "--json", "--to", f"127.0.0.1:{port}"], cwd=stack, stdout=subprocess.PIPE, text=True)
    theirs = subprocess.Popen(
        ["ssh", "-F", "none", "-N", "-L", f"127.0.0.1:{local}:127.0.0.1:{port}", "-p", str(server.port), "-i", key, "-o", "StrictHostKeyChecking=no", "-o",
         "UserKnownHostsFile=/dev/null", "-o", "ExitOnForwardFailure=yes", f"{server.user}@127.0.0.1"], stderr=subprocess.DEVNULL)
    try:
        mine = json.loads(ours.stdout.readline())["port"]
        while True:
            try:
                push(local, 1)
                break
            except OSError:
                time.sleep(0.05)
        best = {mine: float("inf"), local: float("inf")}
        for _ in range(3):
            for which in best:
                best[which] = min(best[which], push(which, megabytes))
    finally:
        ours.terminate()
        theirs.terminate()
    print(f"  ssh -L  {best[local]:6.2f} s   weir tunnel  {best[mine]:6.2f} s  x {best[mine] / best[local]:.2f}" + bench.judge("tunnel beside ssh -L", best[mine] / best[local], 1.15, " x"))


def run(title, bench, Run, work):
    if not have_sshd():
        title("Private resources", "skipped: it needs OpenSSH's server")
        return
    key = keygen(work / "key")
    with Sshd(work / "sshd", [key], [keygen(work / "host")]) as server:
        hosts(bench, Run, title, work, server, key)
        tunnel(bench, title, work, server, key)
