"""What the operations DAGs share, without Airflow and AWS, so that it can be tried anywhere."""

import csv
import datetime
import io
import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

MANIFEST = "manifest.json"


def to_csv(columns: list[str], rows: Iterable[tuple]) -> Iterator[str]:
    """Pieces of a CSV file, a few thousand rows at a time; times in ISO 8601, nothing for NULL."""
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(columns)
    for number, row in enumerate(rows, 1):
        out.writerow([value.isoformat() if isinstance(value, datetime.datetime) else value for value in row])
        if number % 5000 == 0:
            yield text.getvalue()
            text.seek(0)
            text.truncate()
    yield text.getvalue()


def spool(pieces: Iterable[str], file: BinaryIO) -> int:
    """The pieces one after another into a file, which is then read from its beginning. How many bytes they are."""
    for piece in pieces:
        file.write(piece.encode())
    size = file.tell()
    file.seek(0)
    return size


def backup_key(name: str, at: datetime.datetime) -> str:
    return f"metadata/{at:%Y/%m/%d/%H%M%S}/{name}"


def proven_backup(objects: list[dict], read: Callable[[str], bytes], now: datetime.datetime, age: datetime.timedelta) -> str:
    """Key of the last backup's manifest, if it is no older than that and its files are there as they were written."""
    manifests = sorted(o["Key"] for o in objects if o["Key"].endswith("/" + MANIFEST))
    if not manifests:
        raise LookupError("there is no backup")
    manifest, sizes = json.loads(read(manifests[-1])), {o["Key"]: o["Size"] for o in objects}
    if now - datetime.datetime.fromisoformat(manifest["at"]) > age:
        raise LookupError(f"the last backup is of {manifest['at']}")
    if broken := [file["key"] for file in manifest["files"] if sizes.get(file["key"]) != file["size"]]:
        raise LookupError(f"of the last backup these are not what was written: {', '.join(broken)}")
    return manifests[-1]


def old_files(folder: Path, limit: datetime.datetime) -> list[Path]:
    """Files below the folder that have not been written to since."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sorted(path for path in files if path.stat().st_mtime < limit.timestamp())


def disk_percent(folder: str) -> float:
    """How full the disk is that the folder lies on."""
    disk = shutil.disk_usage(folder)
    return round(100 * disk.used / disk.total, 1)


def expired(objects: Iterable[dict], now: datetime.datetime, days: int, keep: int = 0) -> list[str]:
    """Keys of what is older than so many days, but never of the newest `keep`."""
    newest_first = sorted(objects, key=lambda o: (o["LastModified"], o["Key"]), reverse=True)
    limit = now - datetime.timedelta(days=days)
    return [o["Key"] for o in newest_first[keep:] if o["LastModified"] < limit]


def pages(keys: list[str], size: int = 1000) -> Iterator[list[str]]:
    """DeleteObjects takes a thousand keys."""
    for start in range(0, len(keys), size):
        yield keys[start : start + size]


def health(heartbeats: dict[str, datetime.datetime | None], queued_since: list[datetime.datetime], failed: int, now: datetime.datetime) -> dict[str, float]:
    """What is measured: 1 for each part that gave a sign of life within a minute, how long tasks wait at most, failures."""
    alive = {name: float(at is not None and now - at < datetime.timedelta(seconds=60)) for name, at in heartbeats.items()}
    waiting = max(((now - at).total_seconds() for at in queued_since), default=0.0)
    return {**{f"{name}Alive": value for name, value in alive.items()}, "QueuedSeconds": waiting, "FailedTasks": float(failed)}
