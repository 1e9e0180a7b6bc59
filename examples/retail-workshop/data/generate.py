"""Makes the sample files anew: always the same bytes. Names, shops and addresses are made up.

    python3 data/generate.py [FOLDER]     default: the folder of this script

What is wrong in the files is meant to be: blanks, capitals, three ways to write a time, thousands' separators, a purchase that was delivered
twice, purchases of customers and products that nobody knows, rows that make no sense. The bronze and silver jobs deal with them.
"""

import csv
import datetime
import random
import sys
from pathlib import Path

AFFILIATES = {"mart": "%Y-%m-%d %H:%M:%S", "beauty": "%d/%m/%Y %H:%M", "electro": "%Y-%m-%dT%H:%M:%SZ", "home": "%Y-%m-%d %H:%M:%S"}
CATEGORIES = {"mart": ["food", "drinks"], "beauty": ["care", "perfume"], "electro": ["phones", "computers", "audio"], "home": ["furniture", "garden"]}
FIRST = "Ada Ben Cleo Dora Emil Finn Greta Hugo Ines Jon Kaja Levi Mara Nils Olga Pia Rosa Sven Tara Uwe Vera Wim Yara Zoe".split()
LAST = "Adler Berg Claus Dorn Engel Falk Graf Hahn Iden Jung Kern Lang Moor Nagel Ott Pohl Reis Stern Thal Ulm Voss Wolf".split()
CITIES = "Avalon Brook Cedar Delta Elm Fairview".split()
START = datetime.datetime(2026, 11, 16)


def customers(dice):
    rows = []
    for number in range(1, 121):
        first, last = dice.choice(FIRST), dice.choice(LAST)
        email = f"{first}.{last}{number}@example.org"
        rows.append({
            "customer_id": f"C{number:04d}",
            "name": f"  {first} {last}" if number % 17 == 0 else f"{first} {last}",
            "email": email.upper() if number % 11 == 0 else email.lower(),
            "birth_date": str(datetime.date(1950, 1, 1) + datetime.timedelta(days=dice.randrange(20000))),
            "city": "" if number % 23 == 0 else dice.choice(CITIES),
            "joined": str(datetime.date(2024, 1, 1) + datetime.timedelta(days=dice.randrange(900))),
        })
    rows.append(dict(rows[4], city="Moved"))  # the later line counts
    return rows


def products(dice):
    rows = []
    for affiliate, categories in CATEGORIES.items():
        for number in range(12):
            category = categories[number % len(categories)]
            cents = dice.randrange(199, 180000 if affiliate == "electro" else 9000)
            rows.append({
                "product_id": f"P-{affiliate[0].upper()}{number + 1:02d}",
                "name": f"{category} no. {number + 1}",
                "category": category.upper() if number == 3 else category,
                "unit_price": f"{cents / 100:.2f}",
            })
    return rows


def purchases(dice, affiliate, written, goods):
    rows = []
    own = [row for row in goods if row["product_id"].startswith(f"P-{affiliate[0].upper()}")]
    for number in range(1, 101):
        when = START + datetime.timedelta(minutes=dice.randrange(5 * 24 * 60))
        product = dice.choice(own)
        price = float(product["unit_price"]) * dice.choice([1, 1, 1, 0.9])
        rows.append({
            "purchase_id": f"{affiliate[0].upper()}{number:05d}",
            "customer_id": "C9999" if number % 47 == 0 else f"C{dice.randrange(1, 121):04d}",
            "product_id": "P-X00" if number % 41 == 0 else product["product_id"],
            "quantity": dice.choice(["0", "-1", "many"]) if number % 31 == 0 else str(dice.randrange(1, 6)),
            "price": f"{price:,.2f}",
            "purchased_at": "" if number == 77 else when.strftime(written),
        })
    rows.insert(40, dict(rows[12]))
    rows.append(dict(rows[20], quantity="5"))  # delivered again, corrected
    return rows


def write(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main(folder):
    dice = random.Random(20261116)
    goods = products(dice)
    write(folder / "dimension/customers.csv", customers(dice))
    write(folder / "dimension/products_info.csv", goods)
    for affiliate, written in AFFILIATES.items():
        write(folder / f"purchases/{affiliate}.csv", purchases(dice, affiliate, written, goods))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
