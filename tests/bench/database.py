"""PostgreSQL: files into a table beside psql's \\copy, a plan of 500 objects beside one psql that reads the same catalogs; a server of the bench's own."""

import contextlib
import os
import random
import subprocess
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent / "e2e"))
sys.path.append(str(Path(__file__).parent.parent / "e2e" / "sandbox"))
from pg import Postgres  # noqa: E402
from sshd import Sshd, fingerprint, have_sshd, keygen  # noqa: E402
from support import free_port  # noqa: E402

COLUMNS = "id int, customer int, amount numeric(10,2), day date, note text"
EACH = '"${[for i in range(100) : tostring(i)]}"'


def stack_of(server, resources):
    return f"stack: bench\nproviders:\n  {server.provider()}\nresources:\n{resources}"


def write_rows(path, megabytes):
    """So many, of the same rows again and again: nothing in the table minds."""
    draw = random.Random(1)
    block = "".join(f"{i},{draw.randrange(99_991)},{draw.randrange(10_000) / 100:.2f},2026-0{i % 9 + 1}-1{i % 9},note number {i * 7919 % 1_000_003}\n" for i in range(200_000)).encode()
    with open(path, "wb") as out:
        out.write(b"id,customer,amount,day,note\n")
        while out.tell() < megabytes * 1e6:
            out.write(block)


def load_stack(folder, server, door=None):
    """The stack that loads rows.csv; `door`: the line of a connection that leads there."""
    folder.mkdir(exist_ok=True)
    columns = ", ".join(f"{{name: {name}, type: '{kind}'}}" for name, kind in (column.split(" ", 1) for column in COLUMNS.replace("(10,2)", "").split(", ")))
    table = f"  t: {{type: postgres.table, provider: retail, name: loaded, columns: [{columns}]}}\n"
    text = stack_of(server, table + "  l: {type: postgres.load, provider: retail, table: \"${t.name}\", source: ../rows.csv, replace: true}\n")
    if door:
        text = text.replace("\nproviders:", f"\nconnections: {{door: {door}}}\nproviders:").replace("retail: {", "retail: {via: door, ", 1)
    (folder / "weir.yaml").write_text(text)
    return folder


FRESH = "psql -qXc 'drop table if exists loaded, weir_loads'; rm -rf .weir; "


def loading(bench, Run, work, server, megabytes, rounds):
    write_rows(work / "rows.csv", megabytes)
    env = {"PATH": os.environ["PATH"], "HOME": str(work), **server.env()}
    with contextlib.ExitStack() as held:
        ways = {"": (load_stack(work / "loaded", server), env)}
        if have_sshd():
            key = keygen(work / "load-key")
            sshd = held.enter_context(Sshd(work / "load-sshd", [key], [keygen(work / "load-host")]))
            door, port = sshd.connection(key, host_key=fingerprint(sshd.host_keys[0])), free_port()
            theirs = subprocess.Popen(
                ["ssh", "-F", "none", "-N", "-L", f"127.0.0.1:{port}:127.0.0.1:{server.port}", "-p", str(sshd.port), "-i", key, "-o", "StrictHostKeyChecking=no", "-o",
                 "UserKnownHostsFile=/dev/null", f"{sshd.user}@127.0.0.1"], stderr=subprocess.DEVNULL)
            held.callback(theirs.terminate)
            while subprocess.run(["psql", "-qXc", "select 1"], env={**env, "PGPORT": str(port)}, capture_output=True).returncode:
                time.sleep(0.05)
            ways[" by tunnel"] = load_stack(work / "tunnelled", server, door), {**env, "PGPORT": str(port)}
        for way, (folder, theirs_env) in ways.items():
            mine = Run(["sh", "-c", FRESH + 'exec "$0" apply --yes', bench.weir], cwd=folder, env=env, runs=0)
            yard = Run(["sh", "-c", FRESH + f"exec psql -qX -c 'create table loaded ({COLUMNS})' -c '\\copy loaded from ../rows.csv with (format csv, header true)'"], cwd=folder, env=theirs_env, runs=0)
            for _ in range(rounds):
                yard.again()
                mine.again()
            size, ratio = (work / "rows.csv").stat().st_size / 1e6, mine.seconds / yard.seconds
            print(f"  {size:>6,.0f} MB    weir{way} {mine.seconds:6.2f} s {mine.megabytes:5.1f} MB   psql \\copy{way and ', ssh -L'} {yard.seconds:6.2f} s {yard.megabytes:5.1f} MB   {ratio:.2f} of it"
                  + bench.judge(f"load{way}, beside \\copy", ratio, 1.15) + bench.judge(f"load{way}, memory", mine.megabytes, 64, " MB"))


def planning(bench, Run, work, server):
    folder = work / "objects"
    folder.mkdir()
    (folder / "weir.yaml").write_text(stack_of(server, f"""\
  s: {{type: postgres.schema, provider: retail, for_each: {EACH}, name: "s${{each.key}}"}}
  r: {{type: postgres.role, provider: retail, for_each: {EACH}, name: "r${{each.key}}"}}
  t: {{type: postgres.table, provider: retail, for_each: {EACH}, schema: "${{s[each.key].name}}", name: t, columns: [{{name: a, type: int}}]}}
  v: {{type: postgres.view, provider: retail, for_each: {EACH}, schema: "${{t[each.key].schema}}", name: v, query: "select a from t"}}
  g: {{type: postgres.grant, provider: retail, for_each: {EACH}, role: "${{r[each.key].name}}", on: table, schema: "${{t[each.key].schema}}", names: [t], privileges: [select]}}
"""))
    env = {"PATH": os.environ["PATH"], "HOME": str(work), **server.env()}
    Run([bench.weir, "apply", "--yes"], cwd=folder, env=env, runs=1)
    before = server.log().count(" duration: ")
    mine = Run([bench.weir, "plan"], cwd=folder, env=env, runs=1)
    messages = server.log().count(" duration: ") - before
    yard = Run(["psql", "-qAtX", "-c", "select * from pg_namespace", "-c", "select * from pg_roles", "-c", "select c.*, a.* from pg_class c join pg_attribute a on a.attrelid = c.oid where relnamespace >= 16384",
                "-c", "select pg_get_viewdef(oid) from pg_class where relkind = 'v' and relnamespace >= 16384"], env=env, runs=0)
    for _ in range(5):
        yard.again()
        mine.again()
    print(f"     500 objects  nothing to do: {mine.seconds * 1e3:6.0f} ms {mine.megabytes:5.1f} MB, {messages} messages   psql over the same catalogs {yard.seconds * 1e3:6.0f} ms"
          + bench.judge("plan of 500 objects, messages", messages, 12))


def run(title, bench, Run, work):
    title("PostgreSQL", "weir apply of a table and its rows beside psql's \\copy, in turns, straight and through SSH; weir plan of 500 objects, messages counted by the server")
    server = Postgres(fsync="off", log_min_duration_statement=0)
    try:
        loading(bench, Run, work, server, *((25, 5) if bench.quick else (2_000, 2)))
        planning(bench, Run, work, server)
    finally:
        server.stop()
        (work / "rows.csv").unlink(missing_ok=True)
