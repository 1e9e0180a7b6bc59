"""A Docker Engine of the bench's own: a large build context sent by weir, and by the docker client."""

import os
import shutil
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent / "e2e"))
from docker_engine import Engine  # noqa: E402

MEGABYTE = 1 << 20
LABELS = " ".join(f"--label bench.{i}=a-label" for i in range(4))  # as weir's marks, each of which is a step to that builder


def make_context(folder, megabytes):
    """Files of a few sizes that do not compress, none of which the image takes."""
    (folder / "app").mkdir(parents=True)
    (folder / "app/small").write_text("small\n")
    (folder / "app/Dockerfile").write_text("FROM scratch\nCOPY small /small\n")
    left, i = megabytes * MEGABYTE, 0
    while left > 0:
        n = min(left, (4 << 10, 256 << 10, 16 << 20)[i % 3])
        (folder / f"app/file{i}").write_bytes(os.urandom(n))
        left, i = left - n, i + 1


def run(title, bench, Run, work):
    if os.geteuid() or not shutil.which("dockerd") or not shutil.which("docker"):
        title("Build contexts", "skipped: it needs root and docker.io")
        return
    megabytes = 50 if bench.quick else 1_000
    title("Build contexts", f"weir apply of an image whose context has {megabytes} MB beside `docker build`, the Engine's own builder; in turns, best of 3, every time from nothing")
    folder, engine = work / "context", Engine(base=False)
    try:
        make_context(folder, megabytes)
        (folder / "weir.yaml").write_text('stack: context\nresources:\n  app: {type: docker.image, name: "bench/ours:1", context: app}\n')
        env = {"PATH": os.environ["PATH"], "HOME": str(work), "DOCKER_HOST": engine.host, "DOCKER_BUILDKIT": "0"}
        fresh = "docker system prune -af > /dev/null; rm -rf .weir; "
        mine = Run(["sh", "-c", fresh + 'exec "$0" apply --yes', bench.weir], cwd=folder, env=env, runs=0)
        yard = Run(["sh", "-c", fresh + f"exec docker build -q {LABELS} -t bench/theirs:1 app"], cwd=folder, env=env, runs=0)
        for _ in range(3):
            yard.again()
            mine.again()
    finally:
        engine.stop()
        shutil.rmtree(folder, ignore_errors=True)
    ratio = mine.seconds / yard.seconds  # of a small context the start is the most: no target
    print(f"  {megabytes:>6,} MB    weir {mine.seconds:6.2f} s {mine.megabytes:5.1f} MB   docker build {yard.seconds:6.2f} s {yard.megabytes:5.1f} MB   {ratio:.2f} of it"
          + ("" if bench.quick else bench.judge("build context, beside docker build", ratio, 1.1)) + bench.judge("build context, memory", mine.megabytes, 64, " MB"))
