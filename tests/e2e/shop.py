"""The shop of examples/ecommerce-lakehouse: what has to come out, added up in plain Python from the sample files, and the databases that show what did."""

import collections
import csv
import json
import os
import subprocess
import threading
from contextlib import contextmanager
from decimal import Decimal
from importlib import util

from support import ROOT

EXAMPLE = ROOT / "examples" / "ecommerce-lakehouse"
DAYS = ("2026-11-19", "2026-11-20", "2026-11-21")


@contextmanager
def api(port=0):
    """The shop's API, as the example brings it along; its address, and which pages were asked for."""
    spec = util.spec_from_file_location("shop_api", EXAMPLE / "shop/api.py")
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    asked, page_of = [], module.page_of
    module.page_of = lambda folder, day, page: asked.append((day, page)) or page_of(folder, day, page)
    server = module.serve(port, EXAMPLE / "data/orders")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()


def rows(name):
    with open(EXAMPLE / "data" / f"{name}.csv", newline="") as file:
        return list(csv.DictReader(file))


def orders(day):
    return [json.loads(line) for line in (EXAMPLE / "data/orders" / f"{day}.jsonl").read_text().splitlines()]


def expected(*days):
    """Gold of these days, order by order."""
    people = {int(row["customer_id"]): row for row in rows("customers")}
    goods = {int(row["product_id"]): row for row in rows("products")}
    facts, sales, spent, rejected = {}, collections.defaultdict(lambda: [set(), 0, Decimal(0)]), collections.defaultdict(lambda: [set(), Decimal(0), ""]), collections.Counter()
    for day in days:
        newest = {}
        for order in orders(day):
            if "ordered_at" not in order:
                rejected["incomplete"] += 1
            elif order["order_id"] not in newest or newest[order["order_id"]]["updated_at"] < order["updated_at"]:
                newest[order["order_id"]] = order
        for order in newest.values():
            if order["customer_id"] not in people:
                rejected["unknown customer"] += 1
                continue
            status = order["status"].strip().lower()
            for line, item in enumerate(order["items"], 1):
                if item["quantity"] <= 0 or item["product_id"] not in goods:
                    rejected["nothing bought" if item["quantity"] <= 0 else "unknown product"] += 1
                    continue
                price = Decimal(f"{item['unit_price']:.2f}")
                amount = item["quantity"] * price
                facts[order["order_id"], line] = (day, order["customer_id"], item["product_id"], status, item["quantity"], price, amount)
                if status != "cancelled":
                    sale, one = sales[day, goods[item["product_id"]]["category"].lower()], spent[order["customer_id"]]
                    sale[0].add(order["order_id"])
                    one[0].add(order["order_id"])
                    sale[1:] = sale[1] + item["quantity"], sale[2] + amount
                    one[1:] = one[1] + amount, max(one[2], order["ordered_at"])
    return {
        "fact_orders": {(*key, *fact) for key, fact in facts.items()},
        "agg_daily_sales": {(*key, len(ids), units, revenue) for key, (ids, units, revenue) in sales.items()},
        "agg_customers": {(key, len(ids), revenue, last) for key, (ids, revenue, last) in spent.items()},
        "dim_customers": {(number, row["name"].strip(), row["email"].lower() if "@" in row["email"] else None, row["country"].upper(), row["updated_at"]) for number, row in people.items()},
        "dim_products": {(number, row["title"], row["category"].lower(), Decimal(row["price"])) for number, row in goods.items()},
        "rejected": rejected,
    }


TIME = """to_char({} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')"""
ASKED = {
    "fact_orders": "order_id, line, day::text, customer_id, product_id, status, quantity, unit_price, amount",
    "agg_daily_sales": "day::text, category, orders, units, revenue",
    "agg_customers": f"customer_id, orders, revenue, {TIME.format('last_order')}",
    "dim_customers": f"customer_id, name, email, country, {TIME.format('updated_at')}",
    "dim_products": "product_id, title, category, price",
}


def psql(env, sql, status=0):
    """psql's answer to a query as rows of texts; empty ones are no value."""
    done = subprocess.run(["psql", "-qAtX", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-c", sql], env={**os.environ, **env}, capture_output=True, text=True)
    assert done.returncode == status, done
    return [tuple(one or None for one in line.split("\t")) for line in done.stdout.splitlines()] if not status else done.stderr


def assert_warehouse(env, *days):
    wanted = expected(*days)
    for table, columns in ASKED.items():
        found = {row for row in psql(env, f"select {columns} from gold.{table}")}
        assert found == {tuple(None if one is None else str(one) for one in row) for row in wanted[table]}, table
    assert {row[0] for row in psql(env, "select day::text from gold.loads")} == set(days)
    judged = psql(env, "select dimension, passed, count(*) from gold.quality group by 1, 2 order by 1")
    assert judged == [(dimension, "t", str(rules * len(days))) for dimension, rules in (("accuracy", 3), ("completeness", 2), ("consistency", 3))], judged
