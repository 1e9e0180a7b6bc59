"""
The sample: customers of a shop, what it sells, and three days of orders, made up by chance from a fixed number, so it is always the same. Some of it is bad on purpose: orders that
were sent twice, of nobody, of nothing, without an id, or half; products without id or price, or listed twice; names with quotes, commas and line breaks.

    python3 data/generate.py [FOLDER]
"""

import csv
import json
import random
import sys
from pathlib import Path

DAYS = ("2026-11-19", "2026-11-20", "2026-11-21")
FIRST, LAST = ("Ole", "Max", "Ena", "Nia", "Ada", "Kim", "Lou", "Jan"), ("Juniper", "Elm", "Grove", "Cedar", "Alder", "Rowan", "Hazel")
CATEGORIES = ("books", "games", "kitchen", "garden")


def customers(dice):
    for number in range(1, 61):
        name = f"{dice.choice(FIRST)} {dice.choice(LAST)}"
        email = f"{name.split()[0].lower()}.{number}@example.com"
        email = {17: "none", 33: ""}.get(number, email.upper() if number % 9 == 0 else email)
        yield [number, f" {name}" if number % 11 == 0 else name, email, dice.choice(("DE", "fr", "US", "KR")), f"2026-11-{dice.randint(1, 18):02}T08:00:00Z"]
    yield [61, 'Zoë "Zo" O\'Hara, jr.', "zoe@example.com", "", "2026-11-18T08:00:00Z"]


def products(dice):
    for number in range(1, 41):
        category = dice.choice(CATEGORIES)
        yield [number, f"{category} no. {number}", category.title() if number % 7 == 0 else category, f"{dice.randint(300, 20000) / 100:.2f}"]
    yield [41, 'Ü "quoted", 夜', "games", "12.50"]
    yield [42, "without a price", "books", ""]
    yield ["", "without an id", "books", "9.99"]
    yield [43, "listed twice", "garden", "5.00"]
    yield [43, "listed twice,\nthe second counts", "garden", "6.00"]


def orders(dice, goods, day, first):
    for number in range(first, first + 80):
        items = [{"product_id": int(p[0]), "quantity": dice.randint(1, 4), "unit_price": float(p[3])} for p in dice.sample(goods[:40], dice.randint(1, 4))]
        total = round(sum(item["quantity"] * item["unit_price"] for item in items), 2)
        at = f"{day}T{dice.randint(0, 23):02}:{dice.randint(0, 59):02}:00Z"
        order = {"order_id": number, "customer_id": dice.randint(1, 60), "ordered_at": at, "updated_at": at, "status": dice.choice(("paid", "paid", "Shipped ", "cancelled")), "total": total, "items": items}
        odd = number % 80
        if odd == 5:
            order["customer_id"] = 900  # nobody
        if odd == 11:
            del order["ordered_at"], order["items"]
        if odd == 23:
            order["items"][0]["quantity"] = 0
        if odd == 31:
            order["items"].append({"product_id": 777, "quantity": 1, "unit_price": 1.0})
        if odd == 47:
            order["total"] = total + 1
        if odd in (53, 59):  # the first product has a title with all that CSV quotes, the second has no price
            order["items"] = [{"product_id": 41 if odd == 53 else 42, "quantity": 2, "unit_price": 12.5}, *order["items"]]
            order["total"] = round(total + 25, 2)
        if odd == 61:
            order["order_id"] = None
        if odd == 67:
            order["customer_id"], order["status"] = 61, "paid"
        yield order
        if odd == 61:  # and again
            yield order
        if odd in (2, 40):  # sent again: paid has become shipped
            yield {**order, "status": "shipped", "updated_at": f"{day}T23:59:00Z"}


def main(folder):
    dice = random.Random(14)
    people, goods = list(customers(dice)), list(products(dice))
    for name, header, rows in ("customers", "customer_id,name,email,country,updated_at", people), ("products", "product_id,title,category,price", goods):
        with open(folder / f"{name}.csv", "w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(header.split(","))
            writer.writerows(rows)
    (folder / "orders").mkdir(exist_ok=True)
    for i, day in enumerate(DAYS):
        lines = [json.dumps(order) for order in orders(dice, goods, day, 1 + i * 80)]
        (folder / "orders" / f"{day}.jsonl").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
