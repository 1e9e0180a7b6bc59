"""Makes the sample files anew: always the same bytes. Songs, artists and listeners are made up.

    python3 data/generate.py [FOLDER]     default: the folder of this script

api/users.jsonl and api/sessions.jsonl are what the API answers, a line an item; rds/songs.sql fills the source database. Some users
changed their plan later, some sessions were sent twice, and some plays are of songs that nobody knows.
"""

import datetime
import json
import random
import sys
from pathlib import Path

ADJECTIVES = "Blue Quiet Golden Broken Early Distant Velvet Silver Hidden Slow".split()
NOUNS = "River Morning Engine Harbour Window Garden Signal Winter Mirror Train".split()
PEOPLE = "Ada Ben Cleo Dora Emil Finn Greta Hugo Ines Jon Kaja Levi Mara Nils Olga".split()
COUNTRIES = ["DE", "FR", "JP", "KR", "US"]
GENRES = ["ambient", "folk", "jazz", "pop", "rock"]
START = datetime.datetime(2026, 11, 18)


def stamp(time):
    return time.isoformat() + "Z"


def users(dice):
    rows = []
    for number in range(1, 61):
        rows.append({"user_id": number, "name": f"{dice.choice(PEOPLE)} {number}", "country": dice.choice(COUNTRIES),
                     "plan": dice.choice(["free", "free", "premium"]), "updated_at": stamp(START - datetime.timedelta(days=dice.randrange(1, 400)))})
    for number in range(7, 61, 9):
        rows.append(dict(rows[number - 1], plan="premium", updated_at=stamp(START + datetime.timedelta(hours=number))))
    return rows


def songs(dice):
    artists = [(number, f"The {adjective} {noun}s") for number, (adjective, noun) in enumerate(zip(ADJECTIVES, reversed(NOUNS)), 1)]
    tracks = [(number, f"{dice.choice(ADJECTIVES)} {dice.choice(NOUNS)}", dice.randrange(1, len(artists) + 1), dice.randrange(95, 420), dice.choice(GENRES))
              for number in range(1, 81)]
    return artists, tracks


def sessions(dice, tracks):
    rows = []
    for number in range(1, 201):
        plays = []
        for _ in range(dice.randrange(1, 9)):
            song, _, _, length, _ = dice.choice(tracks)
            plays.append({"song_id": song, "seconds": dice.choice([length, length, dice.randrange(5, length)])})
        if number % 40 == 0:
            plays.append({"song_id": 9999, "seconds": 30})
        rows.append({"session_id": f"s{number:05d}", "user_id": dice.randrange(1, 61), "device": dice.choice(["phone", "desktop", "car"]),
                     "started_at": stamp(START + datetime.timedelta(minutes=dice.randrange(3 * 24 * 60))), "plays": plays})
    return rows + rows[10:200:50]


def lines(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def sql(artists, tracks):
    def values(rows):
        return ",\n".join("    (" + ", ".join("'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value) for value in row) + ")" for row in rows)

    return (
        "create table artists (artist_id integer primary key, name text not null);\n"
        "create table songs (\n    song_id integer primary key, title text not null, artist_id integer not null references artists,\n"
        "    duration_s integer not null, genre text not null\n);\n"
        f"insert into artists values\n{values(artists)};\ninsert into songs values\n{values(tracks)};\n"
    )


def main(folder):
    dice = random.Random(20261118)
    artists, tracks = songs(dice)
    lines(folder / "api/users.jsonl", users(dice))
    lines(folder / "api/sessions.jsonl", sessions(dice, tracks))
    (folder / "rds").mkdir(exist_ok=True)
    (folder / "rds/songs.sql").write_text(sql(artists, tracks))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
