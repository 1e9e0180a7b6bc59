#!/usr/bin/env python3
"""Rows of one table of the retail database as CSV, without a header: made up, and always the same for a seed and a scale.

    generate.py zipcode|products_info|customer|purchase [--scale 0.001] [--seed 2014] [--columns]

--columns prints their names instead. There are 473 places with a short zip code, 4,386 products, 19,383 customers and, at scale 1, 28,593,030 purchases of 2014 and 2015, of four affiliates. It needs Python's own
library only, and memory for the products.
"""

import argparse
import csv
import datetime
import random
import sys
from collections.abc import Iterator

COLUMNS = {
    "zipcode": ["zipcode", "province_city", "province_city_eng", "city_county", "city_county_eng", "eup_myeon", "eup_myeon_eng", "road_nm", "road_nm_eng", "short_zipcode"],
    "products_info": ["affiliate", "division_cd", "main_category_cd", "sub_category_cd", "main_category_desc", "sub_category_desc"],
    "customer": ["customer_id", "sex", "age_group", "residence"],
    "purchase": ["affiliate", "receipt_no", "division_cd", "main_category_cd", "sub_category_cd", "customer_id", "store_cd", "purchase_date", "purchase_time", "amount"],
}
COUNTS = {"zipcode": 473, "products_info": 4_386, "customer": 19_383, "purchase": 28_593_030}
AFFILIATES = "ABCD"
PROVINCES = [("서울특별시", "Seoul"), ("부산광역시", "Busan"), ("대구광역시", "Daegu"), ("인천광역시", "Incheon"), ("경기도", "Gyeonggi-do"), ("강원도", "Gangwon-do"), ("제주도", "Jeju-do")]
MAIN = ["food", "drinks", "clothes", "shoes", "men's", "café", '12" vinyl', "sports", "toys, fun", "과자"]
SUB = ["basic", "fresh", "import", "finest", "season", "small", "large", "gift"]
AGES = ["19세이하", "20세~24세", "25세~29세", "30세~34세", "35세~39세", "40세~44세", "45세~49세", "50세~54세", "55세~59세", "60세이상"]
FIRST_DAY, DAYS = datetime.date(2014, 1, 1), 730


def count(table: str, scale: float) -> int:
    """Only purchases are scaled."""
    return max(1, round(COUNTS[table] * scale)) if table == "purchase" else COUNTS[table]


def short_code(number: int) -> str:
    """Of a row of zipcode. Every 20th city has that of the city before it."""
    return f"{10 + number - number // 20:03}"


def zipcode(dice: random.Random, scale: float) -> Iterator[tuple]:
    for number in range(count("zipcode", scale)):
        code = short_code(number)
        korean, english = PROVINCES[int(code) % len(PROVINCES)]
        kind, latin = ("구", "gu") if english == "Seoul" else ("시", "si")  # the capital is divided into districts
        town = (f"{number + 1}읍", f"{number + 1}-eup") if number % 3 else (None, None)
        yield f"{code}{number % 100:02}", korean, english, f"{number + 1}{kind}", f"{number + 1}-{latin}", *town, f"{number + 1}번길", f"{number + 1}beon-gil", code


def products_info(dice: random.Random, scale: float) -> Iterator[tuple]:
    for number in range(count("products_info", scale)):
        affiliate, serial = AFFILIATES[number % 4], number // 4
        main, sub = serial // len(SUB), serial % len(SUB)
        name = MAIN[main % len(MAIN)]
        yield affiliate, f"{1 + main % 3}", f"{main:04}", f"{main:04}{sub:02}", f"{name} {main}", f"{SUB[sub]} {name} {main}"


def customer(dice: random.Random, scale: float) -> Iterator[tuple]:
    for number in range(count("customer", scale)):
        yield f"{number + 1:05}", dice.choice("MF"), dice.choice(AGES), short_code(dice.randrange(COUNTS["zipcode"])) if dice.random() < 0.97 else None


def purchase(dice: random.Random, scale: float) -> Iterator[tuple]:
    """
    Receipts of some products of one affiliate each. One line in a hundred was taken back, with an amount below nothing; one receipt in fifty is of somebody without
    a card; on New Year's Day nobody sells anything.
    """
    goods = {affiliate: [row for row in products_info(dice, scale) if row[0] == affiliate] for affiliate in AFFILIATES}
    left, people, receipt = count("purchase", scale), count("customer", scale), 0
    days = [day for day in (FIRST_DAY + datetime.timedelta(n) for n in range(DAYS)) if (day.month, day.day) != (1, 1)]
    while left:
        receipt += 1
        affiliate = dice.choice(AFFILIATES)
        basket = dice.sample(goods[affiliate], min(left, len(goods[affiliate]), dice.randint(1, 6)))
        who = f"{dice.randint(1, people):05}" if dice.random() < 0.98 else None
        store, day, time = f"{dice.randint(1, 300):04}", dice.choice(days).isoformat(), f"{dice.randint(9, 22):02}:{dice.randrange(60):02}"
        for _, division, main, sub, _, _ in basket:
            amount = float(dice.randint(50, 20_000) * 10)
            yield affiliate, f"{receipt:08}", division, main, sub, who, store, day, time, -amount if dice.random() < 0.01 else amount
        left -= len(basket)


TABLES = {"zipcode": zipcode, "products_info": products_info, "customer": customer, "purchase": purchase}


def rows(table: str, scale: float, seed: int) -> Iterator[tuple]:
    return TABLES[table](random.Random(f"{seed} {table}"), scale)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("--scale", type=float, default=0.001)
    parser.add_argument("--seed", type=int, default=2014)
    parser.add_argument("--columns", action="store_true")
    options = parser.parse_args()
    sys.stdout.reconfigure(encoding="utf-8")
    lines = [COLUMNS[options.table]] if options.columns else rows(options.table, options.scale, options.seed)
    csv.writer(sys.stdout, lineterminator="\n").writerows(lines)


if __name__ == "__main__":
    main()
