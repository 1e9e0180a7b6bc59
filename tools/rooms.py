#!/usr/bin/env python3
"""rooms.py > docs/rooms.svg: draws which room of the house includes which, from the code. A room may include those of lower
rows only (tests/e2e/test_rooms.py); a new one gets its place in ROWS. Arrows that follow from others are left out."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TOP = ("base", "provider", "stacks", "plan", "sandbox", "cmd")
# From the top; the number is where in the row its box begins, in sixteenths of the width.
ROWS = [
    {"cmd": 7},
    {"cmd/cost": 1, "cmd/lsp": 4},
    {"plan": 1, "cmd/import": 4, "cmd/compose": 6, "sandbox": 13},
    {"plan/state": 1, "sandbox/console": 10, "sandbox/services": 13},
    {"sandbox/host": 13},
    {"stacks/fetch": 1, "sandbox/daemon": 13},
    {"stacks": 1, "sandbox/engine": 13},
    {"sandbox/calls": 13},
    {"provider/names": 1, "sandbox/iam": 13},
    {"provider/cfn": 1, "provider/rest": 3, "provider/docker": 6, "sandbox/control": 12, "sandbox/s3": 14},
    {"provider/host": 0, "provider/postgres": 2, "provider/kafka": 4, "provider/weir": 6, "provider/aws/types": 8, "provider/spec": 10, "sandbox/notation": 12, "sandbox/http": 14},
    {"provider/ssh": 1, "provider/aws/s3": 8, "sandbox/asl": 12},
    {"provider/aws": 6, "sandbox/house": 14},
    {"provider": 2, "provider/http": 5, "provider/wire": 7, "provider/package": 9, "provider/iam": 11, "provider/notation": 13},
    {"base": 6},
]
FILL = {"base": "#e8e8e8", "provider": "#dcebff", "stacks": "#e3f4e1", "plan": "#d3eecf", "sandbox": "#fff0d6", "cmd": "#f3dcf0"}
WIDTH, HEIGHT, STEP, LEFT, UNIT = 120, 30, 68, 10, 64


def place(room):
    """Its row and where its box begins; None for one that has no place."""
    return next(((row, rooms[room]) for row, rooms in enumerate(ROWS) if room in rooms), None)


def includes(root=ROOT):
    """(file, its room, included file, that one's room), of different rooms."""
    for top in TOP:
        for path in sorted((root / top).rglob("*.[ch]")):
            file = path.relative_to(root).as_posix()
            for included in re.findall(r'^#include "([^"]+)"', path.read_text(), re.MULTILINE):
                rooms = file.rpartition("/")[0], included.rpartition("/")[0]
                if included.split("/")[0] in TOP and rooms[0] != rooms[1]:
                    yield file, rooms[0], included, rooms[1]


def rooms(root=ROOT):
    return sorted({path.parent.relative_to(root).as_posix() for top in TOP for path in (root / top).rglob("*.[ch]")})


def beyond(arrows, room):
    """All rooms that arrows lead to from this one."""
    found, todo = set(), [room]
    while todo:
        for to in arrows.get(todo.pop(), ()):
            if to not in found:
                found.add(to)
                todo.append(to)
    return found


def drawn(root=ROOT):
    """Arrows by room, without those that others imply."""
    arrows = {}
    for _, room, _, to in includes(root):
        arrows.setdefault(room, set()).add(to)
    return {room: sorted(to for to in tos if not any(to in beyond(arrows, other) for other in tos - {to})) for room, tos in sorted(arrows.items())}


def middle(room):
    return LEFT + place(room)[1] * UNIT + WIDTH / 2


def ends(room, others, y):
    """A point on the edge of the room's box for each of the others, from left to right as they are."""
    order = sorted(others, key=lambda other: (middle(other), other))
    return {other: (middle(room) - WIDTH / 2 + WIDTH * (i + 1) / (len(order) + 1), y) for i, other in enumerate(order)}


def picture(root=ROOT):
    arrows = drawn(root)
    present = [room for row in ROWS for room in row if room in rooms(root)]
    top = {room: 10 + place(room)[0] * STEP for room in present}
    begins = {room: ends(room, arrows.get(room, []), top[room] + HEIGHT) for room in present}
    tips = {room: ends(room, [other for other in present if room in arrows.get(other, [])], top[room] - 1) for room in present}
    width, height = LEFT * 2 + 15 * UNIT + WIDTH, 20 + (len(ROWS) - 1) * STEP + HEIGHT
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12.5">'
    yield "<title>Which room includes which</title>"
    yield '<defs><marker id="tip" markerWidth="7" markerHeight="6" refX="6" refY="3" orient="auto"><path d="M0 0 L7 3 L0 6 Z" fill="#555"/></marker></defs>'
    yield f'<rect width="{width}" height="{height}" fill="#fff"/>'
    for room in present:
        for to in arrows.get(room, []):
            (x1, y1), (x2, y2) = begins[room][to], tips[to][room]
            yield f'<path d="M{x1:.0f} {y1} C{x1:.0f} {y1 + STEP / 2:.0f} {x2:.0f} {y2 - STEP / 2:.0f} {x2:.0f} {y2}" fill="none" stroke="#777" marker-end="url(#tip)"><title>{room} -&gt; {to}</title></path>'
    for room in present:
        x, y = middle(room) - WIDTH / 2, top[room]
        yield f'<rect x="{x:.0f}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="5" fill="{FILL[room.split("/")[0]]}" stroke="#999"/>'
        yield f'<text x="{middle(room):.0f}" y="{y + HEIGHT / 2 + 4.5}" text-anchor="middle">{room}/</text>'
    yield "</svg>"


if __name__ == "__main__":
    print("\n".join(picture()))
