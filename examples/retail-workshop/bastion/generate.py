#!/usr/bin/env python3
"""Rows of one table of the retail database as CSV, without a header: made up, and always the same for a seed and a scale.

    generate.py zipcode|products_info|customer|purchase [--scale 0.001] [--seed 2014]

There are 473 short zip codes, 4,386 products, 19,383 customers and, at scale 1, 28,593,030 purchases of 2014 and 2015, of four affiliates. It needs Python's own
library only, and memory for the products.
"""

import argparse
import csv
import datetime
import random
import sys
from collections.abc import Iterator

COUNTS = {"zipcode": 473, "products_info": 4_386, "customer": 19_383, "purchase": 28_593_030}
AFFILIATES = "ABCD"
PROVINCES = [("서울특별시", "Seoul"), ("부산광역시", "Busan"), ("대구광역시", "Daegu"), ("인천광역시", "Incheon"), ("경기도", "Gyeonggi-do"), ("강원도", "Gangwon-do"), ("제주도", "Jeju-do")]
MAIN = ["food", "drinks", "clothes", "shoes", "beauty", "kitchen", "garden", "sports", "toys", "audio"]
SUB = ["basic", "fresh", "imported", "premium", "seasonal", "small", "large", "gift"]
AGES = ["19세이하", "20세~24세", "25세~29세", "30세~34세", "35세~39세", "40세~44세", "45세~49세", "50세~54세", "55세~59세", "60세이상"]
FIRST_DAY, DAYS = datetime.date(2014, 1, 1), 730


def count(table: str, scale: float) -> int:
    """Only purchases are scaled."""
    return max(1, round(COUNTS[table] * scale)) if table == "purchase" else COUNTS[table]


def zipcode(dice: random.Random, scale: float) -> Iterator[tuple]:
    for number in range(count("zipcode", scale)):
        korean, english = PROVINCES[number % len(PROVINCES)]
        yield korean, f"{number + 1}구", english, f"District {number + 1}", 10 + number


def products_info(dice: random.Random, scale: float) -> Iterator[tuple]:
    for number in range(count("products_info", scale)):
        affiliate, serial = AFFILIATES[number % 4], number // 4
        main, sub = serial // len(SUB), serial % len(SUB)
        name = MAIN[main % len(MAIN)]
        yield affiliate, 1 + main % 3, f"{main:04}", f"{main:04}{sub:02}", f"{name} {main}", f"{SUB[sub]} {name} {main}"


def customer(dice: random.Random, scale: float) -> Iterator[tuple]:
    for number in range(count("customer", scale)):
        yield number + 1, dice.choice("MF"), dice.choice(AGES), 10 + dice.randrange(COUNTS["zipcode"]) if dice.random() < 0.97 else None


def purchase(dice: random.Random, scale: float) -> Iterator[tuple]:
    """Receipts of some products of one affiliate each; one line in a hundred was taken back, with an amount below nothing."""
    goods = {affiliate: [row for row in products_info(dice, scale) if row[0] == affiliate] for affiliate in AFFILIATES}
    left, people, receipt = count("purchase", scale), count("customer", scale), 0
    while left:
        receipt += 1
        affiliate = dice.choice(AFFILIATES)
        basket = dice.sample(goods[affiliate], min(left, len(goods[affiliate]), dice.randint(1, 6)))
        who, store, day, hour = dice.randint(1, people), dice.randint(1, 300), FIRST_DAY + datetime.timedelta(dice.randrange(DAYS)), dice.randint(9, 22)
        for _, division, main, sub, _, _ in basket:
            amount = float(dice.randint(50, 20_000) * 10)
            yield affiliate, receipt, division, main, sub, who, store, day.isoformat(), hour, -amount if dice.random() < 0.01 else amount
        left -= len(basket)


TABLES = {"zipcode": zipcode, "products_info": products_info, "customer": customer, "purchase": purchase}


def rows(table: str, scale: float, seed: int) -> Iterator[tuple]:
    return TABLES[table](random.Random(f"{seed} {table}"), scale)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("--scale", type=float, default=0.001)
    parser.add_argument("--seed", type=int, default=2014)
    options = parser.parse_args()
    sys.stdout.reconfigure(encoding="utf-8")
    csv.writer(sys.stdout, lineterminator="\n").writerows(rows(options.table, options.scale, options.seed))


if __name__ == "__main__":
    main()
