"""The shop of examples/ecommerce-lakehouse: what has to come out, added up in plain Python from the sample files, and the databases that show what did."""

import collections
import csv
import io
import json
import os
import subprocess
import threading
from contextlib import contextmanager
from decimal import Decimal
from importlib import util

from support import ROOT

EXAMPLE = ROOT / "examples" / "ecommerce-lakehouse"
MOST = 10**10  # an amount has ten digits before the point
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


def rows(name, data=EXAMPLE / "data"):
    with open(data / f"{name}.csv", newline="") as file:
        return list(csv.DictReader(file))


def lines(day, data=EXAMPLE / "data"):
    return (data / "orders" / f"{day}.jsonl").read_text().splitlines()


def orders(day):
    return [json.loads(line) for line in lines(day)]


def newest_orders(delivered):
    """Each as it was delivered last; what has no usable id is known by its text."""
    newest = {}
    for line in delivered:
        if not line.startswith("{"):
            continue  # it has no day but that on which it came
        order = json.loads(line)
        key = order["order_id"] if isinstance(order.get("order_id"), int) else line
        if key not in newest or newest[key].get("updated_at", "") <= order.get("updated_at", ""):
            newest[key] = order
    return newest.values()


def expected(*days, data=EXAMPLE / "data", delivered=None, earlier=()):
    """Gold of these days, order by order; `delivered`: lines in the order in which they came, else those of the days; `earlier`: products that were listed before."""
    people = {int(row["customer_id"]): row for row in rows("customers", data)}
    listed = rows("products", data)
    goods = {int(row["product_id"]): row for row in [*earlier, *listed] if row["product_id"] and row["price"]}
    facts, sales, spent, rejected = {}, collections.defaultdict(lambda: [set(), 0, Decimal(0)]), collections.defaultdict(lambda: [set(), Decimal(0), ""]), collections.Counter()
    for row in listed:
        if not (row["product_id"] and row["price"]):
            rejected["no price" if row["product_id"] else "incomplete"] += len(days)  # each day has them
    for order in newest_orders(delivered or [line for day in days for line in lines(day, data)]):
        day = order.get("ordered_at", order["updated_at"])[:10]
        if day not in days:
            continue
        if not isinstance(order.get("order_id"), int) or "ordered_at" not in order or not order.get("status") or not order.get("items"):
            rejected["incomplete"] += 1
            continue
        if order["customer_id"] not in people:
            rejected["unknown customer"] += 1
            continue
        status = order["status"].strip().lower()
        if status not in ("paid", "shipped", "cancelled"):
            rejected["unknown status"] += 1
            continue
        for line, item in enumerate(order["items"], 1):
            price, quantity = Decimal(f"{item['unit_price']:.2f}"), item["quantity"] or 0
            amount = quantity * price
            if not 0 < amount < MOST or item["product_id"] not in goods:
                rejected["unknown product" if 0 < amount < MOST else "nothing bought"] += 1
                continue
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
        "dim_customers": {(number, row["name"].strip(), row["email"].lower() if "@" in row["email"] else None, row["country"].upper() or None, row["updated_at"]) for number, row in people.items()},
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
    done = subprocess.run(["psql", "-qtX", "--csv", "-v", "ON_ERROR_STOP=1", "-c", sql], env={**os.environ, **env}, capture_output=True, text=True)
    assert done.returncode == status, done
    return [tuple(one or None for one in row) for row in csv.reader(io.StringIO(done.stdout))] if not status else done.stderr


def assert_warehouse(env, *days, **given):
    wanted = expected(*days, **given)
    for table, columns in ASKED.items():
        found = {row for row in psql(env, f"select {columns} from gold.{table}")}
        assert found == {tuple(None if one is None else str(one) for one in row) for row in wanted[table]}, table
    assert {row[0] for row in psql(env, "select day::text from gold.loads")} == set(days)
    judged = psql(env, "select dimension, passed, count(*) from gold.quality group by 1, 2 order by 1")
    assert judged == [(dimension, "t", str(rules * len(days))) for dimension, rules in (("accuracy", 3), ("completeness", 2), ("consistency", 3))], judged
