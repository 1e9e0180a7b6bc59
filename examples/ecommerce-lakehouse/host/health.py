"""Looks whether the platform's parts are well, and puts what it saw into the warehouse, where dashboards and alerts find it: health.py NAME=HOST:PORT … NAME=URL … NAME=COMMAND"""

import json
import os
import socket
import subprocess
import sys
import urllib.request

PATIENCE_S = 10


def answers(place: str) -> bool:
    """A page that says nothing of anything unhealthy; a port that is open; a command that succeeds."""
    if place.startswith("http"):
        with urllib.request.urlopen(place, timeout=PATIENCE_S) as answer:
            return b'"unhealthy"' not in answer.read()
    host, _, port = place.rpartition(":")
    if port.isdigit():
        socket.create_connection((host, int(port)), PATIENCE_S).close()
        return True
    return subprocess.run(place, shell=True, capture_output=True, timeout=60).returncode == 0


def look(places: dict[str, str]) -> dict[str, bool]:
    seen = {}
    for name, place in places.items():
        try:
            seen[name] = answers(place)
        except (OSError, subprocess.TimeoutExpired):
            seen[name] = False
    return seen


def keep(seen: dict[str, bool]) -> None:
    import psycopg2

    with psycopg2.connect(dbname="warehouse", host="127.0.0.1", port=os.environ["WAREHOUSE_PORT"], user="loader", password=os.environ["LOADER_PASSWORD"]) as connection, connection.cursor() as cursor:
        cursor.executemany("insert into gold.health (part, well, seen_at) values (%s, %s, now())", list(seen.items()))
        cursor.execute("delete from gold.health where seen_at < now() - interval '30 days'")


def main() -> int:
    seen = look(dict(word.split("=", 1) for word in sys.argv[1:]))
    print(json.dumps(seen))
    if seen.get("postgres", True):
        keep(seen)
    return 0 if all(seen.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
