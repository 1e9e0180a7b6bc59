"""
Runs queries of CloudWatch Logs Insights, for weir_resident.py: commands between pipes, each of which makes rows of rows. Values are texts, numbers or nothing,
as Insights has them: what looks like a number is one. Status 2: the query has a mistake.
"""

import base64
import datetime
import inspect
import ipaddress
import json
import math
import re
from functools import wraps

MOST = 10000
TOKEN = re.compile(r"""\s+|\#[^\n]*|(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<quoted>`[^`]*`)|(?P<period>\d+(?:msec|ms|sec|min|hr|mon|mo|qtr|yr|[smhdwqy])\b)|(?P<number>\d+(?:\.\d+)?)
    |(?P<name>[@A-Za-z_][\w@]*(?:\.(?:\w+|`[^`]*`))*)|(?P<sign>=~|!=|<=|>=|[-+*/^%=<>(),|\[\].])""", re.X)
REGEX = re.compile(r"/((?:[^/\\]|\\.)*)/")
PERIODS = {"ms": 1, "s": 1000, "m": 60000, "h": 3600000, "d": 86400000, "w": 604800000}
PERIODS |= {"msec": 1, "sec": 1000, "min": 60000, "hr": 3600000}
MONTHS = {"mo": 1, "mon": 1, "q": 3, "qtr": 3, "y": 12, "yr": 12}


class Malformed(Exception):
    pass


class Time(int):
    """Milliseconds since 1970, shown as a date."""


class Months(int):
    """A period of the calendar."""


def shown(value):
    if isinstance(value, (dict, list)):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    if isinstance(value, Time):
        return datetime.datetime.fromtimestamp(value / 1000, datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S.") + f"{value % 1000:03}"
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float):
        return str(int(value)) if value == int(value) else f"{value:.4f}".rstrip("0")
    return str(value)


def number(value):
    """None: it is none."""
    if isinstance(value, (int, float)):
        return value
    try:
        out = float(value) if value is not None else None
    except (ValueError, TypeError):
        return None
    return out if out is None or math.isfinite(out) else None


# ---- the text ----


def tokens(text):
    """(kind, text, where it begins and ends); a slash begins a regular expression only where there can be one."""
    out, at = [], 0
    while at < len(text):
        before = [token[1].lower() for token in out[-2:]]
        pattern = REGEX.match(text, at) if before and (before[-1] in ("like", "=~", "parse") or before[0] == "parse") else None
        found = pattern or TOKEN.match(text, at)
        if not found:
            raise Malformed(f"unexpected symbol found {text[at]} at line {text.count(chr(10), 0, at) + 1} and position {at - text.rfind(chr(10), 0, at) - 1}")
        kind = "regex" if pattern else found.lastgroup
        if kind:
            out.append((kind, pattern[1] if pattern else found[0], at, found.end()))
        at = found.end()
    return out


class Reader:
    def __init__(self, text):
        self.text, self.tokens, self.at = text, tokens(text), 0

    def peek(self, *texts):
        """The next token; with texts only if it is one of them."""
        token = self.tokens[self.at] if self.at < len(self.tokens) else ("end", "the end of the query", len(self.text), len(self.text))
        return token if not texts or (token[0] in ("name", "sign") and token[1].lower() in texts) else None

    def take(self, *texts):
        token = self.peek(*texts)
        self.at += token is not None and token[0] != "end"
        return token

    def need(self, *texts):
        token = self.take(*texts)
        if not token or (not texts and token[0] == "end"):
            kind, text, at, _ = self.peek()
            line = self.text.count("\n", 0, at) + 1
            raise Malformed(f"unexpected symbol found {text} at line {line} and position {at - self.text.rfind(chr(10), 0, at) - 1}")
        return token

    def name(self):
        kind, text, *_ = token = self.need()
        if kind not in ("name", "quoted"):
            self.at -= 1
            self.need("a name")
        return text.strip("`") if token[0] == "quoted" else text

    # Expressions: each is a function of a row and of the rows of its group.

    def expression(self):
        left = self.conjunction()
        while self.take("or"):
            left = self.two(lambda a, b: bool(a) or bool(b), left, self.conjunction())
        return left

    def conjunction(self):
        left = self.negation()
        while self.take("and"):
            left = self.two(lambda a, b: bool(a) and bool(b), left, self.negation())
        return left

    def negation(self):
        if not self.take("not"):
            return self.comparison()
        inner = self.negation()
        return lambda row, rows: not inner(row, rows)

    @staticmethod
    def two(function, left, right):
        return lambda row, rows: function(left(row, rows), right(row, rows))

    def comparison(self):
        left = self.sum()
        negated = self.take("not")
        if self.take("like", "=~"):
            kind, text, *_ = self.need()
            pattern = compiled(text) if kind == "regex" else re.compile(re.escape(plain(kind, text)))
            return lambda row, rows: (left(row, rows) is not None and bool(pattern.search(shown(left(row, rows))))) != bool(negated)
        if self.take("in"):
            self.need("[")
            items = [self.sum()]
            while self.take(","):
                items.append(self.sum())
            self.need("]")
            return lambda row, rows: any(compare(left(row, rows), item(row, rows)) == 0 for item in items) != bool(negated)
        if negated:
            self.need("like", "in")
        sign = self.take("=", "!=", "<", "<=", ">", ">=")
        if not sign:
            return left
        tests = {"=": lambda n: n == 0, "!=": lambda n: n != 0, "<": lambda n: n < 0, "<=": lambda n: n <= 0, ">": lambda n: n > 0, ">=": lambda n: n >= 0}

        def holds(a, b):
            order = compare(a, b)
            return order is not None and tests[sign[1]](order)
        return self.two(holds, left, self.sum())

    def sum(self):
        left = self.product()
        while sign := self.take("+", "-"):
            left = self.two(arithmetic(sign[1]), left, self.product())
        return left

    def product(self):
        left = self.power()
        while sign := self.take("*", "/", "%"):
            left = self.two(arithmetic(sign[1]), left, self.power())
        return left

    def power(self):
        left = self.primary()
        return self.two(arithmetic("^"), left, self.power()) if self.take("^") else left

    def primary(self):
        kind, text, *_ = self.need()
        if text == "(" and kind == "sign":
            inner = self.expression()
            self.need(")")
            return inner
        if text == "-" and kind == "sign":
            return self.two(arithmetic("-"), lambda row, rows: 0, self.primary())
        if kind in ("text", "number", "period"):
            value = plain(kind, text)
            return lambda row, rows: value
        if kind == "quoted":
            return lambda row, rows: row.get(text.strip("`"))
        if kind != "name":
            self.at -= 1
            self.need("a value")
        if self.take("("):
            return self.call(text.lower())
        found = lambda row, rows: looked_up(row, text)  # noqa: E731
        while sign := self.take("[", "."):
            if sign[1] == "[":
                found = self.two(item, found, self.expression())
                self.need("]")
            else:
                found = self.two(inside, found, lambda row, rows, parts=parts_of(self.name()): parts)
        return found

    def call(self, name):
        arguments = []
        if name == "count" and (self.take("*") or self.peek(")")):
            arguments = [lambda row, rows: 1]
        elif not self.peek(")"):
            arguments = [self.expression()]
            while self.take(","):
                arguments.append(self.expression())
        self.need(")")
        if name in AGGREGATES and len(arguments) != 1 + (name == "pct") or name in FUNCTIONS and not takes(FUNCTIONS[name], len(arguments) + (name == "bin")):
            raise Malformed(f"{name} has the wrong number of arguments")
        if name in AGGREGATES:
            return lambda row, rows: AGGREGATES[name](arguments, rows)
        if name not in FUNCTIONS:
            raise Malformed(f"{name} is no function that the sandbox knows")
        return lambda row, rows: FUNCTIONS[name](*([row] if name == "bin" else []), *[argument(row, rows) for argument in arguments])

    def columns(self):
        """[(name, expression)]; what has no name is called as it is written."""
        out = []
        while True:
            begin = self.peek()[2]
            expression = self.expression()
            name = self.text[begin:self.tokens[self.at - 1][3]].strip("`")
            out.append((self.name() if self.take("as") else name, expression))
            if not self.take(","):
                return out


def takes(function, count):
    """Whether it can be called with so many arguments; what Python does not tell is tried."""
    try:
        inspect.signature(function).bind(*[None] * count)
    except TypeError:
        return False
    except ValueError:
        pass
    return True


def plain(kind, text):
    if kind == "text":
        return re.sub(r"\\(.)", lambda found: {"n": "\n", "t": "\t"}.get(found[1], found[1]), text[1:-1])
    if kind == "period":
        count, unit = re.fullmatch(r"(\d+)(\D+)", text).groups()
        return Months(int(count) * MONTHS[unit]) if unit in MONTHS else int(count) * PERIODS[unit]
    return float(text) if "." in text else int(text)


def compiled(text):
    try:
        return re.compile(re.sub(r"\(\?<(?=\w)", "(?P<", text).replace(r"\/", "/"))
    except re.error as error:
        raise Malformed(f"/{text}/ is no regular expression: {error}") from error


def compare(a, b):
    """Below, at or above 0; None where one is nothing."""
    if a is None or b is None:
        return None
    x, y = number(a), number(b)
    if x is None or y is None:
        x, y = shown(a), shown(b)
    return (x > y) - (x < y)


def arithmetic(sign):
    def calculate(a, b):
        a, b = number(a), number(b)
        if a is None or b is None or (sign in "/%" and not b):
            return None
        return {"+": lambda: a + b, "-": lambda: a - b, "*": lambda: a * b, "/": lambda: a / b, "%": lambda: math.fmod(a, b), "^": lambda: a**b}[sign]()
    return calculate


# ---- functions ----


def of_text(function):
    return wraps(function)(lambda value, *rest: None if value is None else function(shown(value), *rest))


def of_number(function):
    return wraps(function)(lambda value, *rest: None if number(value) is None else function(number(value), *rest))


def month_begins(months):
    """Months since 1970."""
    return int(datetime.datetime(1970 + months // 12, months % 12 + 1, 1, tzinfo=datetime.timezone.utc).timestamp() * 1000)


def floored(time, period, up=False):
    period = max(period, type(period)(1))
    if isinstance(period, Months):
        date = datetime.datetime.fromtimestamp(number(time) / 1000, datetime.timezone.utc)
        months = ((date.year - 1970) * 12 + date.month - 1) // period * period
        base = month_begins(months)
        return Time(month_begins(months + period) if up and base != number(time) else base)
    base = int(number(time)) // int(period) * int(period)
    return Time(base + (int(period) if up and base != number(time) else 0))


def item(value, key):
    """Of a list or a map."""
    if isinstance(value, list):
        return value[int(number(key))] if number(key) is not None and 0 <= number(key) < len(value) else None
    return value.get(shown(key)) if isinstance(value, dict) else None


def parts_of(name):
    return [part.strip("`") for part in re.findall(r"`[^`]*`|[^.`]+", name)]


def inside(value, parts):
    for part in parts:
        value = item(value, part)
    return value


def looked_up(row, name):
    """A field by its name, or a part of one that is a map or a list."""
    if name in row:
        return row[name]
    parts = parts_of(name)
    for size in range(len(parts) - 1, 0, -1):
        if isinstance(value := row.get(".".join(parts[:size])), (dict, list)):
            return inside(value, parts[size:])
    return row.get(".".join(parts))


def parsed(text):
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, (dict, list)) else None


def address(version, networks=False):
    """Is it an address of this version (0: of any), and in this network?"""
    def holds(text, network=None):
        try:
            found = ipaddress.ip_address(text)
            return int(version in (0, found.version) and (not networks or found in ipaddress.ip_network(shown(network), strict=False)))
        except ValueError:
            return 0
    return of_text(holds)


FUNCTIONS = {
    "abs": of_number(abs), "ceil": of_number(math.ceil), "floor": of_number(math.floor), "log": of_number(lambda n: math.log(n) if n > 0 else None),
    "sqrt": of_number(lambda n: math.sqrt(n) if n >= 0 else None), "greatest": lambda *all: max((number(one) for one in all if number(one) is not None), default=None),
    "least": lambda *all: min((number(one) for one in all if number(one) is not None), default=None),
    "bin": lambda row, period: floored(row["@timestamp"], period), "datefloor": of_number(floored), "dateceil": of_number(lambda time, period: floored(time, period, True)),
    "frommillis": of_number(lambda n: Time(n)), "tomillis": of_number(int), "now": lambda: int(datetime.datetime.now().timestamp()),
    "ispresent": lambda value: value is not None, "isempty": lambda value: value is None or value == "", "isblank": lambda value: value is None or not shown(value).strip(),
    "coalesce": lambda *all: next((one for one in all if one is not None), None), "concat": lambda *all: "".join(shown(one) for one in all if one is not None),
    "strlen": of_text(len), "toupper": of_text(str.upper), "tolower": of_text(str.lower), "trim": of_text(lambda text, chars=None: text.strip(chars)),
    "ltrim": of_text(lambda text, chars=None: text.lstrip(chars)), "rtrim": of_text(lambda text, chars=None: text.rstrip(chars)),
    "replace": of_text(lambda text, old, new: text.replace(shown(old), shown(new))), "strcontains": of_text(lambda text, part: int(shown(part) in text)),
    "jsonparse": of_text(parsed), "jsonstringify": lambda value: shown(value) if isinstance(value, (dict, list)) else None, "unmask": lambda value: value,
    "isvalidip": address(0), "isvalidipv4": address(4), "isvalidipv6": address(6),
    "isipinsubnet": address(0, True), "isipv4insubnet": address(4, True), "isipv6insubnet": address(6, True),
    "substr": of_text(lambda text, start, size=None: text[int(start):None if size is None else int(start) + int(size)]),
}


def values(arguments, rows):
    return [value for value in (arguments[0](row, rows) for row in rows) if value is not None]


def numbers(arguments, rows):
    return [n for n in map(number, values(arguments, rows)) if n is not None]


def extreme(pick):
    def find(arguments, rows):
        best = None
        for value in values(arguments, rows):
            best = value if best is None or pick(compare(value, best)) else best
        return best if best is None or isinstance(best, Time) or number(best) is None else number(best)
    return find


def percentile(arguments, rows):
    have = sorted(numbers(arguments, rows))
    part = number(arguments[1](rows[0], rows)) / 100 * (len(have) - 1) if have else 0
    low = math.floor(part)
    return have[low] + (part - low) * (have[min(low + 1, len(have) - 1)] - have[low]) if have else None


def deviation(arguments, rows):
    have = numbers(arguments, rows)
    mean = sum(have) / len(have) if have else 0
    return math.sqrt(sum((n - mean) ** 2 for n in have) / (len(have) - 1)) if len(have) > 1 else None


def by_time(last):
    return lambda arguments, rows: next((value for row in sorted(rows, key=lambda row: row["@timestamp"], reverse=last) if (value := arguments[0](row, rows)) is not None), None)


AGGREGATES = {
    "count": lambda arguments, rows: len(values(arguments, rows)), "count_distinct": lambda arguments, rows: len(set(map(shown, values(arguments, rows)))),
    "sum": lambda arguments, rows: sum(numbers(arguments, rows)), "avg": lambda arguments, rows: sum(have) / len(have) if (have := numbers(arguments, rows)) else None,
    "min": extreme(lambda order: order < 0), "max": extreme(lambda order: order > 0), "pct": percentile, "median": lambda arguments, rows: percentile([*arguments, lambda *_: 50], rows),
    "stddev": deviation, "earliest": by_time(False), "latest": by_time(True), "sortsfirst": extreme(lambda order: order < 0), "sortslast": extreme(lambda order: order > 0),
}


# ---- commands: each gives a function of the query's rows ----


class Query:
    def __init__(self, text, limit):
        self.reader, self.steps, self.names, self.limit, self.matched, self.grouped = Reader(text), [], [], limit, None, False
        while True:
            kind, word, *_ = self.reader.need()
            if kind != "name" or word.lower() not in COMMANDS:
                self.reader.at -= 1
                self.reader.need("a command")
            self.steps.append(COMMANDS[word.lower()](self, self.reader))
            if not self.reader.take("|"):
                break
        if self.reader.peek()[0] != "end":
            self.reader.need("|")

    def fields(self, reader, anew=False):
        columns = reader.columns()
        self.names = [*([] if anew else self.names), *(name for name, _ in columns)]

        def add(rows):
            for row in rows:
                row.update({name: expression(row, rows) for name, expression in columns})
            return rows
        return add

    def display(self, reader):
        return self.fields(reader, anew=True)

    def filter(self, reader):
        condition = reader.expression()
        grouped = self.grouped

        def keep(rows):
            kept = [row for row in rows if condition(row, rows)]
            self.matched = self.matched if grouped else len(kept)
            return kept
        return keep

    def stats(self, reader):
        columns = reader.columns()
        by = reader.columns() if reader.take("by") else []
        self.names, self.grouped = [name for name, _ in [*by, *columns]], True

        def group(rows):
            groups = {}
            for row in rows:
                key = [expression(row, rows) for _, expression in by]
                groups.setdefault(tuple(None if value is None else shown(value) for value in key), (key, []))[1].append(row)
            if not by and not groups:
                groups = {(): ([], [])}
            return [{"@timestamp": 0, **{name: value for (name, _), value in zip(by, key)}, **{name: expression(own[0] if own else {}, own) for name, expression in columns}}
                    for key, own in groups.values()]
        return group

    def sort(self, reader):
        keys = []
        while True:
            expression = reader.expression()
            way = reader.take("asc", "desc")
            keys.append((expression, bool(way) and way[1].lower() == "desc"))
            if not reader.take(","):
                break

        def order(rows):
            for expression, descends in reversed(keys):
                def key(row, expression=expression):
                    value = expression(row, rows)
                    return (0, 0, "") if value is None else (1, number(value), "") if number(value) is not None else (2, 0, shown(value))
                rows.sort(key=key, reverse=descends)
            return rows
        return order

    def first(self, reader):
        """limit: in Python `limit` is how many rows there may be."""
        kind, text, *_ = reader.need()
        if kind != "number" or "." in text or not 1 <= int(text) <= MOST:
            raise Malformed(f"limit has a number from 1 to {MOST}")
        return lambda rows: rows[:int(text)]

    def parse(self, reader):
        field = "@message"
        if reader.peek()[0] in ("name", "quoted"):
            field = reader.name()
        kind, text, *_ = reader.need()
        if kind not in ("text", "regex"):
            raise Malformed("parse has a pattern between quotes or slashes")
        pattern = compiled(text) if kind == "regex" else re.compile("(.*?)".join(re.escape(part) for part in plain(kind, text).split("*")) + "$" * text[:-1].endswith("*"), re.S)
        names = [reader.name()] if reader.take("as") else []
        while names and reader.take(","):
            names.append(reader.name())
        names = names or sorted(pattern.groupindex, key=pattern.groupindex.get)
        if len(names) != pattern.groups:
            raise Malformed(f"parse has {len(names)} names for {pattern.groups} parts")

        def add(rows):
            for row in rows:
                found = pattern.search(shown(row[field])) if row.get(field) is not None else None
                row.update(zip(names, found.groups() if found else [None] * len(names)))
            return rows
        return add

    def dedup(self, reader):
        fields = [reader.name()]
        while reader.take(","):
            fields.append(reader.name())

        def first(rows):
            seen, kept = set(), []
            for row in rows:
                key = tuple(None if row.get(field) is None else shown(row[field]) for field in fields)
                if None not in key and key not in seen:
                    seen.add(key)
                    kept.append(row)
            return kept
        return first

    def unnest(self, reader):
        field = reader.expression()
        reader.need("into")
        name = reader.name()
        self.names = [*self.names, name]

        def flatten(rows):
            found = ((row, field(row, rows)) for row in rows)
            return [{**row, name: one} for row, value in found for one in (value if isinstance(value, list) else [value])]
        return flatten

    def run(self, rows):
        rows.sort(key=lambda row: row["@timestamp"], reverse=True)
        for step in self.steps:
            rows = step(rows)
        names = list(dict.fromkeys(self.names or ["@timestamp", "@message"])) + ([] if self.grouped else ["@ptr"])
        return [[{"field": name, "value": shown(row[name])} for name in names if row.get(name) is not None] for row in rows[:self.limit]]


COMMANDS = {"fields": Query.fields, "display": Query.display, "filter": Query.filter, "stats": Query.stats, "sort": Query.sort, "limit": Query.first, "parse": Query.parse,
            "dedup": Query.dedup, "unnest": Query.unnest}


# ---- events ----

REPORT = re.compile(r"REPORT RequestId: (?P<requestId>\S+)\s+Duration: (?P<duration>[\d.]+) ms\s+Billed Duration: (?P<billedDuration>\d+) ms\s+Memory Size: (?P<memorySize>\d+) MB"
                    r"\s+Max Memory Used: (?P<maxMemoryUsed>\d+) MB(?:\s+Init Duration: (?P<initDuration>[\d.]+) ms)?")


def flattened(value, name=""):
    if isinstance(value, (dict, list)):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from flattened(inner, f"{name}.{key}" if name else str(key))
    elif value is not None:
        yield name, str(value).lower() if isinstance(value, bool) else value


def discovered(message):
    """Fields of JSON, and of what Lambda writes."""
    if message.startswith("{"):
        try:
            return dict(flattened(json.loads(message)))
        except ValueError:
            return {}
    if found := REPORT.match(message):
        return {"@type": "REPORT", **{f"@{name}": float(text) * (1000000 if "emory" in name else 1) if name != "requestId" else text
                                      for name, text in found.groupdict().items() if text}}
    if found := re.match(r"(START|END) RequestId: (\S+)", message):
        return {"@type": found[1], "@requestId": found[2]}
    return {}


def row_of(line):
    event = json.loads(line)
    place = json.dumps([event["g"], event["s"], event["o"]])
    return {**discovered(event["m"]), "@timestamp": Time(event["t"]), "@ingestionTime": Time(event["i"]), "@message": event["m"], "@logStream": event["s"],
            "@log": event["g"], "@ptr": base64.b64encode(place.encode()).decode()}


def answer(request):
    """A status, and what went wrong; the rows are written to the file `result`."""
    try:
        query = Query(request["query"], min(request.get("limit", MOST), MOST))
    except Malformed as mistake:
        return 2, str(mistake)
    with open(request["events"]) as file:
        lines = file.readlines()
    scanned = [len(line) for line in lines]
    rows = query.run([row_of(line) for line in lines])
    with open(request["result"], "w") as file:
        json.dump({"results": rows, "statistics": {"recordsMatched": float(len(scanned) if query.matched is None else query.matched), "recordsScanned": float(len(scanned)),
                                                   "bytesScanned": float(sum(scanned))}}, file)
    return 0, ""
