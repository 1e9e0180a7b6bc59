"""From raw CSV files to sales by day: three steps, each a Glue Python shell job that runs this script.

    --step bronze    typed and cleaned copies of customers, products and purchases; purchases by affiliate and day
    --step silver    purchases once each, with their customer and product
    --step gold      sales by affiliate, day and category
    --bucket NAME    the lake
    --run ID         names the report in glue/logs/ (default: manual)

Needs boto3 and Python's own library only. Each step replaces what it made before, so it may be run again. Rows that cannot be used are not lost:
they lie in .../rejected/ with the reason.
"""

import argparse
import csv
import datetime
import gzip
import io
import json
from decimal import Decimal, InvalidOperation

import boto3

RAW_DIMENSION, RAW_PURCHASES = "data/dimension/", "data/factdata/raw/"
BRONZE, SILVER, GOLD, LOGS = "data/factdata/bronze/", "data/factdata/silver/", "data/factdata/gold/", "glue/logs/"
TIMES = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%d/%m/%Y %H:%M")
SALES = ["affiliate", "date", "category", "purchases", "customers", "quantity", "revenue"]


# ---- rows: no S3 below this line and above the next ----


class Unusable(Exception):
    """The row says why in plain words."""


def when(text):
    for form in TIMES:
        try:
            return datetime.datetime.strptime(text.strip(), form)
        except ValueError:
            pass
    raise Unusable(f"no time: {text!r}")


def money(text):
    try:
        return Decimal(text.strip().replace(",", "")).quantize(Decimal("0.01"))
    except InvalidOperation:
        raise Unusable(f"no amount: {text!r}") from None


def count(text):
    if not text.strip().isdigit() or int(text) == 0:
        raise Unusable(f"no quantity: {text!r}")
    return int(text)


def customer(row):
    return {
        "customer_id": row["customer_id"].strip(),
        "name": " ".join(row["name"].split()),
        "email": row["email"].strip().lower(),
        "birth_date": row["birth_date"].strip(),
        "city": row["city"].strip() or None,
        "joined": row["joined"].strip(),
    }


def product(row):
    return {
        "product_id": row["product_id"].strip(),
        "name": row["name"].strip(),
        "category": row["category"].strip().lower(),
        "unit_price": str(money(row["unit_price"])),
    }


def purchase(row, affiliate):
    time = when(row["purchased_at"])
    return {
        "purchase_id": row["purchase_id"].strip(),
        "affiliate": affiliate,
        "customer_id": row["customer_id"].strip(),
        "product_id": row["product_id"].strip(),
        "quantity": count(row["quantity"]),
        "price": str(money(row["price"])),
        "purchased_at": time.isoformat(),
        "date": str(time.date()),
    }


def sort_out(rows, clean):
    """Rows that clean() takes, and those that it does not with the reason."""
    good, bad = [], []
    for row in rows:
        try:
            good.append(clean(row))
        except Unusable as why:
            bad.append(dict(row, reason=str(why)))
    return good, bad


def last_of_each(rows, key):
    """The last row of each key, in the order of first appearance."""
    return list({row[key]: row for row in rows}.values())


def enrich(purchases, customers, products):
    """Purchases once each, with what is known of customer and product."""
    people = {row["customer_id"]: row for row in customers}
    goods = {row["product_id"]: row for row in products}

    def join(row):
        person, thing = people.get(row["customer_id"]), goods.get(row["product_id"])
        if not person or not thing:
            raise Unusable(f"unknown {'product' if person else 'customer'}")
        amount = Decimal(row["price"]) * row["quantity"]
        return dict(row, city=person["city"], product=thing["name"], category=thing["category"], amount=str(amount))

    return sort_out(last_of_each(purchases, "purchase_id"), join)


def sales(rows):
    """Sums by affiliate, day and category."""
    groups = {}
    for row in rows:
        groups.setdefault((row["affiliate"], row["date"], row["category"]), []).append(row)
    return [
        dict(zip(SALES, (*key, len(group), len({row["customer_id"] for row in group}), sum(row["quantity"] for row in group),
                         str(sum(Decimal(row["amount"]) for row in group)))))
        for key, group in sorted(groups.items())
    ]


def by(rows, *keys):
    """The rows by folders such as affiliate=mart/date=2026-11-16/."""
    folders = {}
    for row in rows:
        folders.setdefault("".join(f"{key}={row[key]}/" for key in keys), []).append(row)
    return folders


def as_csv(rows, columns):
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


# ---- S3 ----


class Lake:
    """The bucket, with what this run wrote into it."""

    def __init__(self, bucket):
        self.s3, self.bucket = boto3.client("s3"), bucket

    def keys(self, prefix):
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def text(self, key):
        body = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return (gzip.decompress(body) if key.endswith(".gz") else body).decode()

    def read_csv(self, key):
        return list(csv.DictReader(io.StringIO(self.text(key))))

    def read(self, prefix):
        """All rows below a folder that an earlier step wrote."""
        return [json.loads(line) for key in self.keys(prefix) if key.endswith(".jsonl.gz") for line in self.text(key).splitlines()]

    def put(self, key, text):
        body = gzip.compress(text.encode(), mtime=0) if key.endswith(".gz") else text.encode()
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)

    def replace(self, prefix, folders):
        """Writes the rows of each folder; what an earlier run left there goes away afterwards, so readers never find nothing."""
        wanted = {f"{prefix}{folder}part.jsonl.gz": rows for folder, rows in folders.items() if rows}
        for key, rows in wanted.items():
            self.put(key, "".join(json.dumps(row) + "\n" for row in rows))
        for key in self.keys(prefix):
            if key.endswith(".jsonl.gz") and key not in wanted:
                self.s3.delete_object(Bucket=self.bucket, Key=key)


# ---- the steps ----


def bronze(lake):
    people, bad_people = sort_out(lake.read_csv(RAW_DIMENSION + "customers/customers.csv"), customer)
    goods, bad_goods = sort_out(lake.read_csv(RAW_DIMENSION + "products_info/products_info.csv"), product)
    bought, bad = [], []
    for key in lake.keys(RAW_PURCHASES):
        if key.endswith(".csv"):
            affiliate = key[len(RAW_PURCHASES):].split("/")[0]
            good, unusable = sort_out(lake.read_csv(key), lambda row, of=affiliate: purchase(row, of))
            bought += good
            bad += unusable
    lake.replace(BRONZE + "customers/", {"": people})
    lake.replace(BRONZE + "products_info/", {"": goods})
    lake.replace(BRONZE + "purchases/", by(bought, "affiliate", "date"))
    lake.replace(BRONZE + "rejected/", {"customers/": bad_people, "products_info/": bad_goods, "purchases/": bad})
    return {"customers": len(people), "products": len(goods), "purchases": len(bought), "rejected": len(bad_people + bad_goods + bad)}


def silver(lake):
    people = last_of_each(lake.read(BRONZE + "customers/"), "customer_id")
    rows, bad = enrich(lake.read(BRONZE + "purchases/"), people, lake.read(BRONZE + "products_info/"))
    lake.replace(SILVER + "customers/", {"": people})
    lake.replace(SILVER + "purchases/", by(rows, "date"))
    lake.replace(SILVER + "rejected/", {"purchases/": bad})
    return {"customers": len(people), "purchases": len(rows), "rejected": len(bad)}


def gold(lake):
    rows = sales(lake.read(SILVER + "purchases/"))
    lake.put(GOLD + "sales/sales.csv", as_csv(rows, SALES))
    return {"sales": len(rows), "revenue": str(sum((Decimal(row["revenue"]) for row in rows), Decimal(0)))}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--step", required=True, choices=["bronze", "silver", "gold"])
    parser.add_argument("--bucket", required=True)
    parser.add_argument("--run", default="manual")
    options, _ = parser.parse_known_args()  # Glue adds arguments of its own
    lake = Lake(options.bucket)
    report = {"step": options.step, **{"bronze": bronze, "silver": silver, "gold": gold}[options.step](lake)}
    lake.put(f"{LOGS}{options.step}/{options.run}.json", json.dumps(report) + "\n")
    print(json.dumps(report))


if __name__ == "__main__":
    main()
