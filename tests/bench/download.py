"""Downloads: a large object becomes a file; weir beside a bare client, the AWS CLI, s3cmd and rclone, all against the sandbox."""

import os

from transfer import FAR_MS, Place, Sandbox, clients, median, row, sha_seconds

RANGE = 32 << 20

STACK = """
stack: download
resources:
  large: {{type: weir.artifact, source: {large}, package: file, store: {bucket}}}
"""


def bare(Run, binaries, place, work, key, size, out):
    """A run of the bare client; signing its requests is not counted."""
    url = place.s3.generate_presigned_url("get_object", Params={"Bucket": place.bucket, "Key": key})
    requests = work / "ranges"
    requests.write_text("".join(f"{url}\t{out}\t{start}\t{min(RANGE, size - start)}\n" for start in range(0, size, RANGE)))
    return Run([binaries / "bare_transfer", "get", "8"], stdin=requests, runs=1)


def bench(title, judge, work, quick, weir, Run, binaries):
    megabytes, rounds = (128, 1) if quick else (1024, 5)
    large, out, folder = work / "large-source", work / "large-copy", work / "download-stack"
    with open(large, "wb") as file:
        for _ in range(megabytes):
            file.write(os.urandom(1 << 20))
    place = Place(Sandbox("-"))
    place.renew()
    env = place.server.environment(home=str(work))
    folder.mkdir()
    (folder / "weir.yaml").write_text(STACK.format(large=large, bucket=place.bucket))
    Run([weir, "apply", "--yes"], cwd=folder, env=env, runs=1)
    key = place.s3.list_objects_v2(Bucket=place.bucket)["Contents"][0]["Key"]

    def compare(name):
        ours, yards = [], []
        for _ in range(rounds):
            out.unlink(missing_ok=True)
            yards.append(bare(Run, binaries, place, work, key, large.stat().st_size, out))
            out.unlink()
            ours.append(Run([weir, "rollback", "large", "--to", "0", "--out", out], cwd=folder, env=env, runs=1))
        yard, run = median(yards), median(ours)
        row("bare", yard)
        row("weir", run, yard)
        for other in clients(place, work, out, out):
            out.unlink(missing_ok=True)
            theirs = Run([str(word).replace("BUCKET/large", f"{place.bucket}/{key}") for word in other.commands["fetch"]], env=other.env, runs=1)
            row(other.name, theirs, yard)
            judge(f"{name}: weir against {other.name}", run.seconds / theirs.seconds, 1, " x")
        print(judge(f"{name}: weir against the bare client", run.seconds / yard.seconds, 1.1, " x"), end="")
        return yard, run

    title("downloads", f"{megabytes} MiB in one object, from the sandbox in a process of its own; bare client: libcurl with ranges of 32 MiB, eight at a time, signed beforehand "
          f"(bare_transfer.c); weir (`rollback --out`, which compares the CRC-64 of what it stored) and bare: the median of {rounds}, in turns; the others: once; all share the machine with the server, "
          f"and with a load of {os.getloadavg()[0]:.1f} from elsewhere")
    yard, run = compare("download")
    pass_seconds = sha_seconds(large)
    print(judge("download: CPU beyond the bare client's", run.cpu - yard.cpu, pass_seconds, f" s, one SHA-256 pass ({pass_seconds:.2f} s)"), end="")
    print(judge("download: memory", run.megabytes, 64, " MB"))
    title("downloads over a network", f"the same with {FAR_MS} ms of latency for each call")
    place.faults([{"service": "s3", "latency": FAR_MS}])
    compare("download over a network")
    print()
    place.server.stop()
