"""What the operations DAGs share, without Airflow and AWS, so that it can be tried anywhere."""

import datetime
import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

MANIFEST = "manifest.json"


def tables(sorted_names: Iterable[tuple]) -> list[str]:
    """Those that are backed up, as SQLAlchemy sorts them: none before what it refers to. Sessions of browsers are not worth it, nor what a clean-up has set aside."""
    return [name for name, _ in sorted_names if name and name != "session" and not name.startswith("_airflow_")]


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def copy_out(cursor: Any, table: str, file: BinaryIO) -> None:
    """The table as PostgreSQL writes it for itself: bytes in hexadecimal digits, nothing at all for NULL, all else in quotes."""
    cursor.copy_expert(f"COPY {quoted(table)} TO STDOUT (FORMAT csv, HEADER, FORCE_QUOTE *)", file)


def restored(cursor: Any, table: str, file: BinaryIO) -> int:
    """Restores the file into an empty table and compares it with the one that it is of, row by row. How many rows; ValueError where one is another."""
    cursor.execute(f"CREATE TEMPORARY TABLE restored (LIKE {quoted(table)})")
    cursor.copy_expert("COPY pg_temp.restored FROM STDIN (FORMAT csv, HEADER)", file)
    ours, theirs = f"SELECT whole_row::text FROM {quoted(table)} AS whole_row", "SELECT whole_row::text FROM pg_temp.restored AS whole_row"
    cursor.execute(f"SELECT count(*) FROM (({ours} EXCEPT ALL {theirs}) UNION ALL ({theirs} EXCEPT ALL {ours})) AS other")
    (others,) = cursor.fetchone()
    cursor.execute("SELECT count(*) FROM pg_temp.restored")
    (rows,) = cursor.fetchone()
    cursor.execute("DROP TABLE pg_temp.restored")
    if others:
        raise ValueError(f"{table} is not what was written, differences: {others}")
    return rows


def digest(pieces: Iterable[bytes]) -> str:
    """SHA-256 of all pieces together."""
    found = hashlib.sha256()
    for piece in pieces:
        found.update(piece)
    return found.hexdigest()


def pieces(file: BinaryIO, size: int = 1024 * 1024) -> Iterator[bytes]:
    """A file from its beginning, which is where it stands afterwards, too."""
    file.seek(0)
    while piece := file.read(size):
        yield piece
    file.seek(0)


def backup_key(name: str, at: datetime.datetime) -> str:
    return f"metadata/{at:%Y/%m/%d/%H%M%S}/{name}"


def newest_backup(objects: Iterable[dict]) -> str | None:
    """Key of the last manifest, or None."""
    return max((o["Key"] for o in objects if o["Key"].endswith("/" + MANIFEST)), default=None)


def proven_backup(objects: list[dict], read: Callable[[str], Iterable[bytes]], now: datetime.datetime, age: datetime.timedelta) -> str:
    """Key of the last backup's manifest, if it is no older than that and its files have, byte by byte, what was restored and compared."""
    newest, there = newest_backup(objects), {o["Key"] for o in objects}
    if not newest:
        raise LookupError("there is no backup")
    manifest = json.loads(b"".join(read(newest)))
    if now - datetime.datetime.fromisoformat(manifest["at"]) > age:
        raise LookupError(f"the last backup is of {manifest['at']}")
    if broken := [file["key"] for file in manifest["files"] if file["key"] not in there or digest(read(file["key"])) != file["sha256"]]:
        raise LookupError(f"of the last backup these are not what was written: {', '.join(broken)}")
    return newest


def old_files(folder: Path, limit: datetime.datetime) -> list[Path]:
    """Files below the folder that have not been written to since."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sorted(path for path in files if path.stat().st_mtime < limit.timestamp())


def disk_percent(folder: str) -> float:
    """How full the disk is that the folder lies on."""
    disk = shutil.disk_usage(folder)
    return round(100 * disk.used / disk.total, 1)


def expired(objects: Iterable[dict], now: datetime.datetime, days: int, keep: str | None = None) -> list[str]:
    """Keys of what is older than so many days, but never of what lies in the folder `keep`."""
    limit = now - datetime.timedelta(days=days)
    return [o["Key"] for o in objects if o["LastModified"] < limit and not (keep and o["Key"].startswith(keep + "/"))]


def pages(keys: list[str], size: int = 1000) -> Iterator[list[str]]:
    """DeleteObjects takes a thousand keys."""
    for start in range(0, len(keys), size):
        yield keys[start : start + size]


def health(heartbeats: dict[str, datetime.datetime | None], queued_since: list[datetime.datetime], failed: int, now: datetime.datetime) -> dict[str, float]:
    """What is measured: 1 for each part that gave a sign of life within a minute, how long tasks wait at most, failures."""
    alive = {name: float(at is not None and now - at < datetime.timedelta(seconds=60)) for name, at in heartbeats.items()}
    waiting = max(((now - at).total_seconds() for at in queued_since), default=0.0)
    return {**{f"{name}Alive": value for name, value in alive.items()}, "QueuedSeconds": waiting, "FailedTasks": float(failed)}
