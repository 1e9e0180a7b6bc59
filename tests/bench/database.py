"""PostgreSQL: files into a table beside psql's \\copy, a plan of 500 objects beside one psql that reads the same catalogs; a server of the bench's own."""

import os
import random
import shutil
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent / "e2e"))
sys.path.append(str(Path(__file__).parent.parent / "e2e" / "sandbox"))
from pg import Postgres  # noqa: E402

COLUMNS = "id int, customer int, amount numeric(10,2), day date, note text"
EACH = '"${[for i in range(100) : tostring(i)]}"'


def stack_of(server, resources):
    return f"stack: bench\nproviders:\n  {server.provider()}\nresources:\n{resources}"


def loading(bench, Run, work, server, rows):
    folder = work / "loaded"
    folder.mkdir()
    draw = random.Random(1)
    with open(folder / "rows.csv", "w") as out:
        out.write("id,customer,amount,day,note\n")
        out.writelines(f"{i},{draw.randrange(99_991)},{draw.randrange(10_000) / 100:.2f},2026-0{i % 9 + 1}-1{i % 9},note number {i * 7919 % 1_000_003}\n" for i in range(rows))
    columns = ", ".join(f"{{name: {name}, type: '{kind}'}}" for name, kind in (column.split(" ", 1) for column in COLUMNS.replace("(10,2)", "").split(", ")))
    table = f"  t: {{type: postgres.table, provider: retail, name: loaded, columns: [{columns}]}}\n"
    (folder / "weir.yaml").write_text(stack_of(server, table + "  l: {type: postgres.load, provider: retail, table: \"${t.name}\", source: rows.csv, replace: true}\n"))
    env = {"PATH": os.environ["PATH"], "HOME": str(work), **server.env()}
    fresh = "psql -qXc 'drop table if exists loaded, weir_loads'; rm -rf .weir; "
    mine = Run(["sh", "-c", fresh + 'exec "$0" apply --yes', bench.weir], cwd=folder, env=env, runs=0)
    yard = Run(["sh", "-c", fresh + f"exec psql -qX -c 'create table loaded ({COLUMNS})' -c '\\copy loaded from rows.csv with (format csv, header true)'"], cwd=folder, env=env, runs=0)
    for _ in range(2 if bench.quick else 3):
        yard.again()
        mine.again()
    size = (folder / "rows.csv").stat().st_size / 1e6
    ratio = mine.seconds / yard.seconds
    print(f"  {size:>6,.0f} MB    weir {mine.seconds:6.2f} s {mine.megabytes:5.1f} MB   psql \\copy {yard.seconds:6.2f} s {yard.megabytes:5.1f} MB   {ratio:.2f} of it"
          + bench.judge("load, beside \\copy", ratio, 1.15) + bench.judge("load, memory", mine.megabytes, 64, " MB"))


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
    title("PostgreSQL", "weir apply of a table and its rows beside psql's \\copy, in turns; weir plan of 500 objects, messages counted by the server")
    server = Postgres(fsync="off", log_min_duration_statement=0)
    try:
        loading(bench, Run, work, server, 500_000 if bench.quick else 8_000_000)
        planning(bench, Run, work, server)
    finally:
        server.stop()
        shutil.rmtree(work / "loaded", ignore_errors=True)
