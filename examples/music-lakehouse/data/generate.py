"""Makes the sample files anew: always the same bytes. Songs, artists and listeners are made up.

    python3 data/generate.py [FOLDER]     default: the folder of this script

api/users.jsonl and api/sessions.jsonl are what the API answers, a line an item; rds/songs.csv fills the source database. Some users
changed their plan later, some sessions were sent twice, one of them with less in it, some have no plays, and some plays are of songs that nobody knows.
A few have no id, and some names have quotes, commas and other letters.
"""

import csv
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
SONG = ["song_id", "title", "album", "artist_id", "artist", "duration_s", "genre"]
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
    rows.append({"user_id": 61, "name": 'Zoë "Zo" O\'Hara, 夜', "country": "kr", "plan": None, "updated_at": stamp(START)})
    rows.append(dict(rows[6], plan="late", updated_at=stamp(START - datetime.timedelta(days=900))))  # older than what is known of him
    rows.append(dict(rows[0], user_id=None))
    return rows


def songs(dice):
    """Rows of the table songs; each artist has two albums."""
    artists = [f"The {adjective} {noun}s" for adjective, noun in zip(ADJECTIVES, reversed(NOUNS))]
    rows = []
    for number in range(1, 81):
        title, artist = f"{dice.choice(ADJECTIVES)} {dice.choice(NOUNS)}", dice.randrange(len(artists))
        album = f"{NOUNS[artist]} {'II' if number % 2 else 'I'}"
        rows.append((number, title, album, artist + 1, artists[artist], dice.randrange(95, 420), dice.choice(GENRES)))
    rows.append((81, 'Ü "quoted", 夜', "Two\nlines", 11, "O'Hara, Zoë", 200, "jazz"))
    return rows


def sessions(dice, till, tracks):
    """What was played and, in some, what was bought."""
    rows = []
    for number in range(1, 201):
        plays = []
        for _ in range(dice.randrange(1, 9)):
            song, *_, length, _ = dice.choice(tracks[:80])
            plays.append({"song_id": song, "seconds": dice.choice([length, length, dice.randrange(5, length)])})
        if number % 40 == 0:
            plays.append({"song_id": 9999, "seconds": 30})
        bought = [{"song_id": play["song_id"], "price": till.choice([0.79, 0.99, 1.29])} for play in plays if till.random() < 0.2]
        rows.append({"session_id": f"s{number:05d}", "user_id": dice.randrange(1, 61), "device": dice.choice(["phone", "desktop", "car"]),
                     "started_at": stamp(START + datetime.timedelta(minutes=dice.randrange(3 * 24 * 60))), "plays": plays, "bought": bought})
    rows += rows[10:200:50]
    at = stamp(START + datetime.timedelta(hours=30))
    empty = {"user_id": 61, "device": 'Ü "car"', "started_at": at, "plays": [], "bought": []}
    rows += [dict(empty, session_id="s00201"), dict(empty, session_id="s00202", plays=None, bought=None), dict(empty, session_id=None)]
    rows += [dict(empty, session_id="s00203", bought=[{"song_id": 81, "price": 1.29}, {"song_id": 81, "price": 1.29}])]
    whole = dict(empty, session_id="s00204", plays=[{"song_id": number, "seconds": 60} for number in (81, 1, 2)], bought=[{"song_id": 81, "price": 0.79}])
    return rows + [whole, dict(whole, plays=whole["plays"][:1], bought=[])]


def lines(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def main(folder):
    dice = random.Random(20261118)
    tracks = songs(dice)
    lines(folder / "api/users.jsonl", users(dice))
    lines(folder / "api/sessions.jsonl", sessions(dice, random.Random(20261119), tracks))
    (folder / "rds").mkdir(exist_ok=True)
    with (folder / "rds/songs.csv").open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([SONG, *tracks])


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
