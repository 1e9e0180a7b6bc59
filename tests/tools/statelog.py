"""Rewrites a state log, as another version of weir would have written it, or as a disk that loses something leaves it."""

import json


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def frame(record):
    text = json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode()
    return f"{crc32c(text):08x} ".encode() + text + b"\n"


def rewrite(path, change):
    """Each record is what `change` makes of it; what remembers how far the log went has no checksum of the last one then."""
    head = path.with_suffix(".head")
    if head.exists():
        head.write_text("".join(head.read_text().splitlines(keepends=True)[:2]))
    path.write_bytes(b"".join(frame(change(json.loads(line[9:]))) for line in path.read_bytes().splitlines()))
