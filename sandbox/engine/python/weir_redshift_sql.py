"""
Redshift's SQL as PostgreSQL understands it. Statements are taken apart into tokens and put together again, so that what is the same in both
stays as it was written; only what no order of tokens can say (QUALIFY, TOP) goes through sqlglot, where python3 has it.
"""

import re

TOKEN = re.compile(r"""(?P<space>\s+|--[^\n]*|/\*.*?\*/)|(?P<text>[eE]'(?:[^'\\]|''|\\.)*'|'(?:[^']|'')*'|(?P<tag>\$\w*\$).*?(?P=tag))|(?P<name>"(?:[^"]|"")*")"""
                   r"""|(?P<word>[^\W\d][\w$]*)|(?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)|(?P<other>::|\$\d+|<=|>=|<>|!=|\|\||:=|=>|.)""", re.S)
# What may follow a table in a FROM clause and is no alias of it.
NO_ALIAS = set("where join left right inner outer full cross natural on using group order having limit union intersect except minus window qualify offset fetch for tablesample set values select"
               " when with returning".split())
# Settings that PostgreSQL does not have: kept under a name of ours.
SETTINGS = set("query_group enable_result_cache_for_session enable_case_sensitive_identifier enable_case_sensitive_super_attribute wlm_query_slot_count describe_field_name_in_uppercase"
               " analyze_threshold_percent auto_analyze json_parse_truncate_strings json_parse_dedup_attributes max_cursor_result_set_size mv_enable_aqmv_for_session"
               " navigate_super_null_on_error parse_super_null_on_error spectrum_enable_pseudo_columns spectrum_query_maxerror stored_proc_log_min_messages timezone_abbreviations"
               " use_fips_ssl error_on_nondeterministic_update autocommit enable_vacuum_boost datashare_break_glass_session_var".split())


class Failure(Exception):
    """What the client is told, in Redshift's words."""

    def __init__(self, message, code="XX000", hint=""):
        super().__init__(message)
        self.code, self.hint = code, hint


class Token:
    __slots__ = ("kind", "text")

    def __init__(self, kind, text):
        self.kind, self.text = kind, text

    def is_(self, *words):
        return self.kind in ("word", "other") and self.text.lower() in words

    @property
    def ident(self):
        """As a name: as it is between quotes, in small letters without."""
        return self.text[1:-1].replace('""', '"') if self.kind == "name" else self.text.lower() if self.kind == "word" else None


def lex(sql):
    return [Token(m.lastgroup if m.lastgroup != "tag" else "text", m[0]) for m in TOKEN.finditer(sql)]


def write(tokens):
    return "".join(token.text for token in tokens)


def statements(tokens):
    """At semicolons; those of a body between BEGIN and END lie in a text."""
    one = []
    for token in tokens:
        if token.is_(";"):
            yield one
            one = []
        else:
            one.append(token)
    yield one


def solid(tokens):
    """Positions of all that is more than space."""
    return [i for i, token in enumerate(tokens) if token.kind != "space"]


def words(tokens, n):
    """The first n words, in small letters."""
    return [tokens[i].text.lower() for i in solid(tokens)[:n]]


def literal(text):
    return "'" + text.replace("'", "''") + "'"


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def unquoted(token):
    """What a text says."""
    text = token.text
    if text[0] in "eE":
        return re.sub(r"\\(.)", lambda m: {"t": "\t", "n": "\n"}.get(m[1], m[1]), text[2:-1].replace("''", "'"))
    return text[1:-1].replace("''", "'") if text[0] == "'" else text


def new(text):
    """Tokens of something that takes the place of others."""
    return lex(text)


def closing(tokens, at):
    """The bracket that closes the one at this position."""
    depth = 0
    for i in range(at, len(tokens)):
        depth += tokens[i].is_("(") - tokens[i].is_(")")
        if depth == 0 and tokens[i].kind == "other":
            return i
    raise Failure('syntax error at end of input', "42601")


def parts(tokens):
    """At commas that are in no brackets."""
    found, depth = [[]], 0
    for token in tokens:
        depth += token.is_("(", "[") - token.is_(")", "]")
        if depth == 0 and token.is_(","):
            found.append([])
        else:
            found[-1].append(token)
    return found


def after(tokens, at):
    """The next position that is more than space; the end where there is none."""
    at += 1
    while at < len(tokens) and tokens[at].kind == "space":
        at += 1
    return at


# ---- functions and types, anywhere ----

PARTS = {"dateadd", "date_add", "datediff", "date_diff", "date_part", "datepart", "pgdate_part"}
RENAMED = {"nvl": "coalesce", "len": "length", "date_add": "dateadd", "date_diff": "datediff", "datepart": "date_part", "pgdate_part": "date_part", "textlen": "length", "minus": "except"}
TYPES = {"super": "jsonb", "nvarchar": "varchar", "varbyte": "bytea", "varbinary": "bytea"}


def decoded(arguments):
    """DECODE(x, a, b, …, default)."""
    text = [write(a) for a in arguments]
    pairs, rest = text[1:], ""
    if len(pairs) % 2:
        rest = f" ELSE {pairs.pop()}"
    return "CASE " + " ".join(f"WHEN ({text[0]}) IS NOT DISTINCT FROM ({a}) THEN {b}" for a, b in zip(pairs[::2], pairs[1::2])) + rest + " END"


def aggregated(tokens, arguments, end):
    """LISTAGG(x, ',') WITHIN GROUP (ORDER BY y). The text, and where it ends."""
    order, at = "", after(tokens, end)
    if at < len(tokens) and tokens[at].is_("within"):
        opening = after(tokens, after(tokens, at))
        close = closing(tokens, opening)
        order, end = " " + write(functions(tokens[opening + 1:close])), close
    first = solid(arguments[0])
    distinct = "DISTINCT " if first and arguments[0][first[0]].is_("distinct") else ""
    value = write(arguments[0][first[0] + 1:] if distinct else arguments[0])
    between = write(arguments[1]) if len(arguments) > 1 else "''"
    return f"string_agg({distinct}({value})::text, {between}{order})", end


def call(tokens, at, opening):
    """A call that PostgreSQL writes otherwise: its text and its last position; None: it has it so."""
    name, close = tokens[at].text.lower(), closing(tokens, opening)
    inside = tokens[opening + 1:close]
    if name in ("getdate", "sysdate") and not solid(inside):
        return "(statement_timestamp() AT TIME ZONE 'utc')", close
    if name in PARTS:
        arguments = parts(inside)
        first = [token for token in arguments[0] if token.kind != "space"]
        if len(first) == 1 and first[0].kind in ("word", "name"):
            arguments[0] = new(literal(first[0].ident))
        return RENAMED.get(name, name) + "(" + ",".join(write(functions(a)) for a in arguments) + ")", close
    if name == "decode" and len(parts(inside)) > 2:
        return decoded([functions(a) for a in parts(inside)]), close
    if name == "listagg":
        return aggregated(tokens, [functions(a) for a in parts(inside)], close)
    if name == "median":
        return f"percentile_cont(0.5) WITHIN GROUP (ORDER BY {write(functions(inside))})", close
    if name == "convert" and len(parts(inside)) == 2:
        kind, value = parts(inside)
        return f"CAST({write(functions(value))} AS {write(functions(kind)).strip()})", close
    if name in ("varchar", "nvarchar") and [t.text.lower() for t in inside if t.kind != "space"] == ["max"]:
        return "varchar(65535)", close
    if name in ("varbyte", "varbinary"):
        return "bytea", close
    return None


def functions(tokens):
    out, at = [], 0
    while at < len(tokens):
        token = tokens[at]
        following = after(tokens, at)
        before = next((t for t in reversed(out) if t.kind != "space"), None)
        if token.kind == "word" and not (before and before.is_(".")):
            lower = token.text.lower()
            if following < len(tokens) and tokens[following].is_("("):
                done = call(tokens, at, following)
                if done:
                    out += new(done[0])
                    at = done[1] + 1
                    continue
            elif lower == "sysdate":
                out += new("(statement_timestamp() AT TIME ZONE 'utc')")
                at += 1
                continue
            if lower == "approximate":
                at = following
                continue
            typed = lower in TYPES and (before is None or before.is_("::", "as") or before.kind in ("word", "name"))
            if typed or (lower in RENAMED and (lower == "minus" or (following < len(tokens) and tokens[following].is_("(")))):
                token = Token("word", TYPES[lower] if typed else RENAMED[lower])
        out.append(token)
        at += 1
    return out


# ---- tables that a statement names ----


def references(tokens, queries=None):
    """(first position, last position, [names]) of all that stands where a table does; into `queries` go the brackets of queries there."""
    expect, clauses, at = False, [False], 0
    while at < len(tokens):
        token = tokens[at]
        if token.is_("("):
            clauses.append(False)
            if expect and queries is not None and after(tokens, at) < len(tokens) and tokens[after(tokens, at)].is_("select", "with", "values"):
                queries.append(at)
            expect = False
        elif token.is_(")"):
            if len(clauses) > 1:
                clauses.pop()
            expect = False
        elif token.is_(",") and clauses[-1]:
            expect = True
        elif token.is_("from", "join", "using", "into", "update"):
            clauses[-1] = clauses[-1] or token.is_("from", "join", "using")
            expect = True
        elif token.is_("where", "group", "order", "having", "limit", "union", "intersect", "except", "select", "set", "qualify", "window"):
            clauses[-1] = expect = False
        elif expect and token.ident is not None and not token.is_("only", "lateral"):
            names, last = [token.ident], at
            while True:
                dot = after(tokens, last)
                name = after(tokens, dot) if dot < len(tokens) and tokens[dot].is_(".") else len(tokens)
                if name >= len(tokens) or tokens[name].ident is None:
                    break
                names.append(tokens[name].ident)
                last = name
            yield at, last, names
            expect, at = False, last
        at += 1


def has_alias(tokens, last):
    at = after(tokens, last)
    if at >= len(tokens):
        return False
    return tokens[at].kind == "name" or (tokens[at].kind == "word" and not tokens[at].is_(*NO_ALIAS))


def expanded(tokens, views, path, depth=0):
    """With the definitions of late-binding views instead of their names. views: {(schema, name): definition}."""
    if not views or depth > 20:
        return tokens
    out, done = [], 0
    for first, last, names in references(tokens):
        where = [(names[-2], names[-1])] if len(names) > 1 else [(schema, names[0]) for schema in path]
        found = next((key for key in where if key in views), None)
        if found is None:
            continue
        inner = expanded(lex(views[found]), views, path, depth + 1)
        out += tokens[done:first] + [Token("other", "("), *inner, Token("space", "\n"), Token("other", ")")]
        if not has_alias(tokens, last):
            out += new(f" AS {quoted(names[-1])}")
        done = last + 1
    return out + tokens[done:]


def named(tokens):
    """Queries in FROM clauses need no name in Redshift."""
    queries, out, done = [], [], 0
    for _ in references(tokens, queries):
        pass
    ends = sorted(closing(tokens, at) for at in queries)
    for number, end in enumerate(ends):
        out += tokens[done:end + 1]
        done = end + 1
        if not has_alias(tokens, end):
            out += new(f" AS unnamed_{number}")
    return out + tokens[done:]


# ---- statements ----


def without_options(tokens):
    """What says where rows lie: DISTSTYLE, DISTKEY, SORTKEY, ENCODE, BACKUP."""
    out, at = [], 0
    while at < len(tokens):
        token, following = tokens[at], after(tokens, at)
        there = following < len(tokens)
        if token.is_("diststyle", "encode", "backup"):
            at = following + 1
        elif token.is_("compound", "interleaved") and there and tokens[following].is_("sortkey"):
            at = following
        elif token.is_("distkey", "sortkey"):
            at = closing(tokens, following) + 1 if there and tokens[following].is_("(") else following + 1 if there and tokens[following].is_("auto", "none") else at + 1
        elif token.is_("auto") and there and tokens[following].is_("refresh"):
            at = after(tokens, following) + 1
        else:
            out.append(token)
            at += 1
    return out


def column(tokens):
    """A column of CREATE TABLE: keys are told, not enforced there; those that are primary are not null."""
    tokens, out, at = without_options(tokens), [], 0
    while at < len(tokens):
        token, following = tokens[at], after(tokens, at)
        there = following < len(tokens)
        first = not any(t.kind != "space" for t in out)
        if first:
            out.append(token)
        elif token.is_("primary") and there:
            out += new("NOT NULL")
            at = following
        elif token.is_("unique"):
            pass
        elif token.is_("references") and there:
            at = following
            while after(tokens, at) < len(tokens) and tokens[after(tokens, at)].is_("."):
                at = after(tokens, after(tokens, at))
            if after(tokens, at) < len(tokens) and tokens[after(tokens, at)].is_("("):
                at = closing(tokens, after(tokens, at))
        elif token.is_("collate") and there and tokens[following].is_("case_insensitive", "case_sensitive"):
            at = following
        elif token.is_("identity") and there and tokens[following].is_("("):
            close = closing(tokens, following)
            start, step = (write(p).strip() for p in parts(tokens[following + 1:close]))
            given = len(out) > 1 and any(t.is_("generated") for t in out)
            out += new(f"{'' if given else 'GENERATED ALWAYS AS '}IDENTITY (START WITH {start} INCREMENT BY {step}{' MINVALUE ' + start if start in ('0',) else ''})")
            at = close
        else:
            out.append(token)
        at += 1
    return out


def create_table(tokens):
    """The columns, if they are given, then what follows up to the query."""
    kept = solid(tokens)
    query = next((i for i in kept if tokens[i].is_("as") and depth_of(tokens, i) == 0), len(tokens))
    opening = next((i for i in kept if i < query and tokens[i].is_("(")), None)
    before_options = next((i for i in kept if i < query and tokens[i].is_("diststyle", "distkey", "sortkey", "compound", "interleaved", "backup", "encode")), query)
    if opening is None or opening > before_options:
        return [*without_options(tokens[:query]), *tokens[query:]]
    close = closing(tokens, opening)
    items = []
    for item in parts(tokens[opening + 1:close]):
        first = words(item, 1)
        if first and first[0] not in ("primary", "unique", "foreign", "constraint"):
            items.append(write(column(item)))
    return [*tokens[:opening], Token("other", "("), *new(",".join(items)), Token("other", ")"), *without_options(tokens[close + 1:query]), *tokens[query:]]


def depth_of(tokens, at):
    return sum(t.is_("(") - t.is_(")") for t in tokens[:at])


def user(tokens):
    """CREATE USER … CREATEUSER, PASSWORD DISABLE; roles and groups are the same to PostgreSQL."""
    out = []
    for token in tokens:
        before = next((t for t in reversed(out) if t.kind != "space"), None)
        if token.is_("createuser"):
            token = Token("word", "CREATEROLE")
        elif token.is_("nocreateuser"):
            token = Token("word", "NOCREATEROLE")
        elif token.is_("disable") and before and before.is_("password"):
            token = Token("word", "NULL")
        elif token.is_("syslog", "restricted", "unrestricted") or (token.kind == "word" and token.text.lower() == "access" and before and before.is_("syslog")):
            continue
        out.append(token)
    return out


def grant(tokens):
    """GRANT ROLE a TO ROLE b: without the word."""
    out = []
    for token in tokens:
        before = next((t for t in reversed(out) if t.kind != "space"), None)
        if token.is_("role") and before and before.is_("grant", "revoke", "to", "from"):
            continue
        out.append(token)
    return out


def setting(tokens):
    out = []
    for i, token in enumerate(tokens):
        out.append(Token("word", "weir." + token.text.lower()) if token.kind == "word" and token.text.lower() in SETTINGS and i <= solid(tokens)[min(2, len(solid(tokens)) - 1)] else token)
    return out


def by_tree(tokens):
    try:
        import sqlglot
    except ImportError:
        raise Failure("the sandbox takes QUALIFY, TOP and PIVOT where python3 has the package sqlglot (pip install sqlglot)", "0A000") from None
    try:
        return new(sqlglot.transpile(write(tokens), read="redshift", write="postgres")[0])
    except sqlglot.errors.SqlglotError as error:
        raise Failure(f"syntax error: {str(error).splitlines()[0]}", "42601") from None


def needs_tree(tokens):
    kept = [tokens[i] for i in solid(tokens)]
    for before, token in zip([None, *kept], kept):
        if token.is_("qualify", "pivot", "unpivot") or (token.is_("top") and before and before.is_("select", "distinct", "all")):
            return True
    return False


def no_operation(tokens):
    """Is it about how rows lie, and nothing else?"""
    first = words(tokens, 40)
    if first[:1] == ["vacuum"] or first[:2] == ["analyze", "compression"]:
        return first[0].upper()
    if first[:2] == ["alter", "table"]:
        rest = " ".join(first)
        if re.search(r" alter (column \S+ encode|encode|diststyle|distkey|compound|interleaved|sortkey)\b", rest) or re.search(r" (add|drop) (constraint|primary|unique|foreign)\b", rest):
            return "ALTER TABLE"
    return None


def postgres(tokens):
    """A statement that is one to PostgreSQL as well, in its words."""
    first = words(tokens, 6)
    if not first:
        return tokens
    if no_operation(tokens):
        return new("DO $$BEGIN END$$")
    if needs_tree(tokens):
        tokens = by_tree(tokens)
    tokens = named(functions(tokens))
    if first[0] == "create" and "table" in first[1:4]:
        return create_table(tokens)
    if first[:3] == ["create", "materialized", "view"] or first[:2] == ["alter", "table"]:
        return without_options(tokens)
    if first[:2] in (["create", "user"], ["alter", "user"]):
        return user(tokens)
    if first[0] in ("grant", "revoke"):
        return grant(tokens)
    if first[0] in ("set", "show", "reset"):
        return setting(tokens)
    if first[0] == "analyze":
        return [t for t in tokens if not t.is_("predicate", "columns")]
    return tokens
