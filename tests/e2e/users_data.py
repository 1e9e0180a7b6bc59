"""What the dbt project of airflow-ops is fed in tests, and its figures, added up event by event in plain Python."""

import collections
import csv
import io

from support import ROOT

EXAMPLE = ROOT / "examples" / "airflow-ops"
COLUMNS = {"user_event": ["user_id", "datestamp", "item_id", "clicked", "purchased", "paidamount"], "user_variant": ["user_id", "variant_id"],
           "user_metadata": ["user_id", "age", "gender", "updated_at"]}


def rows(name, folder=EXAMPLE / "data"):
    """Of a file of the example's; what is empty is None."""
    with open(folder / f"{name}.csv", newline="") as file:
        return [{key: value or None for key, value in row.items()} for row in csv.DictReader(file)]


def text(name, given, more=()):
    """A file as it is delivered, `more`: columns that nobody expects."""
    out = io.StringIO()
    writer = csv.DictWriter(out, [*COLUMNS[name], *more], lineterminator="\n", restval="x")
    writer.writeheader()
    writer.writerows(given)
    return out.getvalue()


def taken(known, events):
    """What the incremental model has after a delivery: of those with a date the ones that are newer than all it had."""
    newest = max((event["datestamp"] for event in known), default="")
    return known + [event for event in events if event["datestamp"] and event["datestamp"] > newest]


def total(values):
    """As SQL adds up: what is unknown does not count, and nothing but unknown is unknown."""
    known = [int(value) for value in values if value is not None]
    return sum(known) if known else None


def expected(events, variants=None, metadata=None):
    """Per variant, user and day; whoever has no variant, or of whom nothing is known, keeps his events."""
    variant_of = {row["user_id"]: row["variant_id"] for row in (rows("user_variant") if variants is None else variants)}
    about = {row["user_id"]: row for row in (rows("user_metadata") if metadata is None else metadata)}
    days = collections.defaultdict(list)
    for event in events:
        days[event["user_id"], event["datestamp"][:10]].append(event)
    found = []
    for (user, day), those in days.items():
        known = about.get(user, {}) if user in variant_of else {}
        items = {event["item_id"] for event in those} - {None}
        clicked = {event["item_id"] for event in those if event["clicked"] == "1"} - {None}
        found.append([variant_of.get(user), int(user), day, known.get("age"), known.get("gender"), len(items), len(clicked), total(e["purchased"] for e in those), total(e["paidamount"] for e in those)])
    return sorted(found, key=str)


# ---- deliveries that nobody likes ----

VARIANTS = [{"user_id": user, "variant_id": variant} for user, variant in (("1", "test"), ("2", "control"), ("3", "test"), ("4", "control"))]
METADATA = [
    {"user_id": "1", "age": '"20", they say', "gender": "weiblich, ä", "updated_at": "2026-11-01T00:00:00"},
    {"user_id": "2", "age": None, "gender": "夜's", "updated_at": None},
    {"user_id": "4", "age": "40-49", "gender": None, "updated_at": "2026-11-01T00:00:00"},  # and of 3 there is none
    {"user_id": "9", "age": "90-99", "gender": "male", "updated_at": "2026-11-01T00:00:00"},  # who has no variant
]


def event(user, datestamp, item="7", clicked="1", purchased="0", paid="0"):
    return dict(zip(COLUMNS["user_event"], (user, datestamp, item, clicked, purchased, paid)))


FIRST = [
    event("1", "2026-11-01T08:00:00", purchased="1", paid="5"),
    event("1", "2026-11-01T08:00:00", purchased="1", paid="5"),  # twice the same: two purchases of one item
    event("1", "2026-11-02T00:00:00", "8", "0"),
    event("2", "2026-11-01T23:59:59", "9", None, None, None),
    event("2", "2026-11-02T09:00:00", None),
    event("3", "2026-11-02T10:00:00", "7", "1", "1", "11"),  # without metadata
    event("9", "2026-11-02T10:00:00", "7", "1", "1", "13"),  # without a variant
    event("9", None, "8", "1", "1", "1000"),  # without a date
]
LATE = [event("4", "2026-11-01T12:00:00", "5", "1", "1", "17")]
NEXT = [event("4", "2026-11-04T12:00:00", "5", "1", "1", "19"), event("3", "2026-11-04T13:00:00", "6", "0")]  # on the 3rd there was nobody
DELIVERIES = [("an empty day", []), ("the first", FIRST), ("the same again", FIRST), ("fewer than before", FIRST[:2]), ("an empty day again", []), ("a late one among new ones", FIRST + LATE + NEXT)]
