#!/usr/bin/env python3
"""layers.py > docs/layers.svg: draws which folder includes which, from the code. Folders include one way; a folder's row is
the longest way down from it. Arrows that follow from others are left out."""

import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TOP = ("base", "provider", "stacks", "plan", "sandbox", "cmd")
FILL = {"base": "#e8e8e8", "provider": "#dcebff", "stacks": "#e3f4e1", "plan": "#d3eecf", "sandbox": "#fff0d6", "cmd": "#f3dcf0"}
WIDTH, HEIGHT, STEP, LEFT, GAP, MOST = 172, 30, 60, 10, 12, 9


def batched(items, n):
    return [items[i : i + n] for i in range(0, len(items), n)]


def includes(root=ROOT):
    """(file, its folder, included file, that one's folder), of different folders."""
    for top in TOP:
        for path in sorted((root / top).rglob("*.[ch]")):
            file = path.relative_to(root).as_posix()
            for included in re.findall(r'^#include "([^"]+)"', path.read_text(), re.MULTILINE):
                folders = file.rpartition("/")[0], included.rpartition("/")[0]
                if included.split("/")[0] in TOP and folders[0] != folders[1]:
                    yield file, folders[0], included, folders[1]


def folders(root=ROOT):
    return sorted({path.parent.relative_to(root).as_posix() for top in TOP for path in (root / top).rglob("*.[ch]")})


def graph(root=ROOT):
    """What each folder includes."""
    arrows = {folder: set() for folder in folders(root)}
    for _, folder, _, to in includes(root):
        arrows[folder].add(to)
    return arrows


def beyond(arrows, folder):
    """All folders that arrows lead to from this one."""
    found, todo = set(), [folder]
    while todo:
        for to in arrows.get(todo.pop(), ()):
            if to not in found:
                found.add(to)
                todo.append(to)
    return found


def circles(arrows):
    """Arrows that lead back to where they begin."""
    return sorted((folder, to) for folder, tos in arrows.items() for to in tos if folder in beyond(arrows, to) | {to})


def drawn(arrows):
    """Arrows by folder, without those that others imply."""
    return {folder: sorted(to for to in tos if not any(to in beyond(arrows, other) for other in tos - {to})) for folder, tos in sorted(arrows.items())}


def rows(arrows):
    """Folders by row, from the top; a long row is several."""

    @cache
    def height(folder):
        return 1 + max((height(to) for to in arrows[folder]), default=-1)

    top = max(map(height, arrows))
    whole = [sorted((f for f in arrows if height(f) == top - row), key=lambda f: (TOP.index(f.split("/")[0]), f)) for row in range(top + 1)]
    return [part for row in whole for part in batched(row, MOST)]


def picture(root=ROOT):
    arrows = graph(root)
    shown, placed = drawn(arrows), rows(arrows)
    width = LEFT * 2 + max(map(len, placed)) * (WIDTH + GAP)
    box = {f: ((i + 0.5) * width / len(row), 10 + n * STEP) for n, row in enumerate(placed) for i, f in enumerate(row)}
    height = 20 + (len(placed) - 1) * STEP + HEIGHT
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">'
    yield "<title>Which folder includes which</title>"
    yield '<defs><marker id="tip" markerWidth="7" markerHeight="6" refX="6" refY="3" orient="auto"><path d="M0 0 L7 3 L0 6 Z" fill="#555"/></marker></defs>'
    yield f'<rect width="{width}" height="{height}" fill="#fff"/>'
    for folder, tos in shown.items():
        for to in tos:
            (x1, y1), (x2, y2) = box[folder], box[to]
            y1 += HEIGHT
            yield f'<path d="M{x1:.0f} {y1} C{x1:.0f} {y1 + STEP / 2:.0f} {x2:.0f} {y2 - STEP / 2:.0f} {x2:.0f} {y2 - 1}" fill="none" stroke="#777" marker-end="url(#tip)"><title>{folder} -&gt; {to}</title></path>'
    for folder, (x, y) in box.items():
        yield f'<rect x="{x - WIDTH / 2:.0f}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="5" fill="{FILL[folder.split("/")[0]]}" stroke="#999"/>'
        yield f'<text x="{x:.0f}" y="{y + HEIGHT / 2 + 4.5}" text-anchor="middle">{folder}/</text>'
    yield "</svg>"


if __name__ == "__main__":
    print("\n".join(picture()))
