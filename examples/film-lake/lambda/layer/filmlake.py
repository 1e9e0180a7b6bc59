"""What functions of the film lake share: where the raw files of a day lie, and how they are read."""

import csv
import datetime
import io
from collections.abc import Iterable, Iterator


def day_folder(prefix: str, day: datetime.date) -> str:
    return f"{prefix}/{day:%Y/%m/%d}/"


def title_ids(text: str) -> Iterator[str]:
    """Ids of the titles in a raw CSV, in the order in which they first appear; a title has a row for each person in it."""
    seen = set()
    for row in csv.DictReader(io.StringIO(text), delimiter="|", quoting=csv.QUOTE_NONE):
        if row["id"] not in seen:
            seen.add(row["id"])
            yield row["id"]


def batches(items: Iterable, size: int) -> Iterator[list]:
    batch = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
