"""
Redshift in front of a PostgreSQL: weir_redshift.py PORT SOCKET. Speaks PostgreSQL's protocol to clients on 127.0.0.1 and to the server behind
it, statement by statement, each in the server's words (weir_redshift_sql.py). What the server cannot do is done here, in the client's own
transaction: COPY, UNLOAD, external schemas (weir_redshift_s3.py), late-binding views. WEIR_PASS in the environment lets the sandbox itself in,
and signs the passwords that GetCredentials gives to IAM's roles and users, who are users of the warehouse as IAMR:ROLE and IAM:USER.
"""

import base64
import hashlib
import hmac
import os
import re
import secrets
import socket
import socketserver
import struct
import sys
import threading
import time

from weir_redshift_dialect import SCRIPT
from weir_redshift_sql import Failure, expanded, lex, literal, no_operation, postgres, quoted, references, solid, statements, unquoted, words, write



class Later:
    """weir_redshift_s3, once something of it is wanted: most statements do without AWS's client, which takes half a second to load."""

    def __getattr__(self, name):
        import weir_redshift_s3
        return getattr(weir_redshift_s3, name)


s3 = Later()
ADMIN = "rdsadmin"
# What PostgreSQL knows of a startup packet; drivers of Redshift's send more.
STARTUP = ("database", "client_encoding", "application_name", "datestyle", "timezone", "extra_float_digits")
PREPARING = threading.Lock()
IDENTITIES = ("IAM:", "IAMR:")


def signed(user, password):
    """EXPIRES.SIGNATURE, as the sandbox gives it: redshift.c."""
    expires, _, signature = password.partition(".")
    if not expires.isdigit() or int(expires) < time.time() or "WEIR_PASS" not in os.environ:
        return False
    wanted = hmac.digest(os.environ["WEIR_PASS"].encode(), f"{user}\n{expires}".encode(), "sha256").hex()
    return hmac.compare_digest(wanted, signature)


def message(kind, body=b""):
    return kind + struct.pack("!I", len(body) + 4) + body


def text(value):
    return value.encode() + b"\0"


class Gone(Exception):
    pass


class Wire:
    """Messages over a socket."""

    def __init__(self, sock):
        self.sock, self.input, self.out = sock, sock.makefile("rb"), []

    def exactly(self, n):
        data = self.input.read(n) if n else b""
        if len(data) != n:
            raise Gone()
        return data

    def read(self):
        head = self.exactly(5)
        return head[:1], self.exactly(struct.unpack("!I", head[1:])[0] - 4)

    def put(self, kind, body=b""):
        self.out.append(message(kind, body))
        if len(self.out) > 500:
            self.flush()

    def flush(self):
        if self.out:
            data, self.out = b"".join(self.out), []
            self.sock.sendall(data)

    def send(self, kind, body=b""):
        self.put(kind, body)
        self.flush()


def fields(body):
    """Of an error or a notice."""
    return {part[:1].decode(): part[1:].decode("utf-8", "replace") for part in body.split(b"\0") if part}


def told(kind, body):
    """An error without the position, which counts in the server's words."""
    return body if kind != b"E" else b"".join(part + b"\0" for part in body.split(b"\0") if part and part[:1] != b"P") + b"\0"


def failure(body):
    found = fields(body)
    return Failure(found.get("M", ""), found.get("C", "XX000"), found.get("H", ""))


def error_body(error, severity="ERROR"):
    parts = {"S": severity, "V": severity, "C": error.code, "M": str(error), **({"H": error.hint} if error.hint else {})}
    return b"".join(k.encode() + text(v) for k, v in parts.items()) + b"\0"


class Server(Wire):
    """A session with the PostgreSQL behind."""

    def __init__(self, path, user, database, password=None, more=()):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect("\0" + path[1:] if path.startswith("@") else path)
        super().__init__(sock)
        self.parameters, self.key, self.status = {}, b"", b"I"
        pairs = {"user": user, "database": database, **dict(more)}
        body = struct.pack("!I", 196608) + b"".join(text(k) + text(v) for k, v in pairs.items()) + b"\0"
        sock.sendall(struct.pack("!I", len(body) + 4) + body)
        self.log_in(user, password)

    def log_in(self, user, password):
        scram = None
        while True:
            kind, body = self.read()
            if kind == b"E":
                raise failure(body)
            if kind == b"R":
                what = struct.unpack("!I", body[:4])[0]
                if what == 10:
                    scram = Scram(password or "")
                    first = scram.first()
                    self.send(b"p", text("SCRAM-SHA-256") + struct.pack("!I", len(first)) + first)
                elif what == 11:
                    self.send(b"p", scram.final(body[4:]))
            elif kind == b"S":
                name, value = body[:-1].split(b"\0")
                self.parameters[name.decode()] = value.decode()
            elif kind == b"K":
                self.key = body
            elif kind == b"Z":
                return

    def query(self, sql, on=None):
        """Rows of the last statement; `on` sees all else. COPY is answered by copy()."""
        self.send(b"Q", text(sql))
        return self.rows(on)

    def rows(self, on=None):
        rows, error = [], None
        while True:
            kind, body = self.read()
            if kind == b"Z":
                self.status = body
                break
            if kind == b"T":
                rows = []
            elif kind == b"D":
                rows.append(row_of(body))
            elif kind == b"E":
                error = failure(body)
            elif kind in b"NS" and on:
                on(kind, body)
        if error:
            raise error
        return rows

    def copy_in(self, sql, data):
        self.send(b"Q", text(sql))
        kind, body = self.read()
        while kind in b"NS":
            kind, body = self.read()
        if kind == b"G":
            for at in range(0, len(data), 65536):
                self.put(b"d", data[at:at + 65536])
            self.send(b"c")
            return self.rows()
        error = failure(body)
        self.rows()
        raise error

    def copy_out(self, sql):
        self.send(b"Q", text(sql))
        parts, error = [], None
        while True:
            kind, body = self.read()
            if kind == b"d":
                parts.append(body)
            elif kind == b"E":
                error = failure(body)
            elif kind == b"Z":
                self.status = body
                break
        if error:
            raise error
        return b"".join(parts)

    def describe(self, sql):
        """Names, types and modifiers of its columns."""
        self.put(b"P", text("") + text(sql) + b"\0\0")
        self.put(b"D", b"S" + text(""))
        self.send(b"S")
        found, error = [], None
        while True:
            kind, body = self.read()
            if kind == b"T":
                found = columns_of(body)
            elif kind == b"E":
                error = failure(body)
            elif kind == b"Z":
                self.status = body
                break
        if error:
            raise error
        return found

    def close(self):
        try:
            self.sock.close()
        except OSError:
            pass


class Scram:
    """RFC 5802, as PostgreSQL has it."""

    def __init__(self, password):
        self.password, self.nonce = password.encode(), base64.b64encode(secrets.token_bytes(18)).decode()

    def first(self):
        return f"n,,n=,r={self.nonce}".encode()

    def final(self, answer):
        got = dict(part.split("=", 1) for part in answer.decode().split(","))
        salted = hashlib.pbkdf2_hmac("sha256", self.password, base64.b64decode(got["s"]), int(got["i"]))
        key = hmac.digest(salted, b"Client Key", "sha256")
        bare = f"c=biws,r={got['r']}"
        said = f"n=,r={self.nonce},{answer.decode()},{bare}".encode()
        proof = bytes(a ^ b for a, b in zip(key, hmac.digest(hashlib.sha256(key).digest(), said, "sha256")))
        return f"{bare},p={base64.b64encode(proof).decode()}".encode()


def row_of(body):
    n, at, row = struct.unpack("!H", body[:2])[0], 2, []
    for _ in range(n):
        size = struct.unpack("!i", body[at:at + 4])[0]
        at += 4
        row.append(None if size < 0 else body[at:at + size].decode())
        at += max(size, 0)
    return row


def columns_of(body):
    found, at = [], 2
    for _ in range(struct.unpack("!H", body[:2])[0]):
        end = body.index(b"\0", at)
        _, _, oid, _, modifier, _ = struct.unpack("!IHIhih", body[end + 1:end + 19])
        found.append((body[at:end].decode(), oid, modifier))
        at = end + 19
    return found


class Special:
    """A statement that is carried out here. The tag that its end has."""

    def __init__(self, work, tag):
        self.work, self.tag = work, tag


IDLE = "DO $$BEGIN END$$"  # what the server is told to prepare instead


class Session:
    def __init__(self, sock, path):
        self.client, self.path = Wire(sock), path
        self.server = self.own = None
        self.database = self.user = ""
        self.prepared, self.portals, self.skipping = {}, {}, False

    # ---- beginning ----

    def start(self):
        while True:
            size, what = struct.unpack("!II", self.client.exactly(8))
            if what in (80877103, 80877104):
                self.client.sock.sendall(b"N")
                continue
            body = self.client.exactly(size - 8)
            if what == 80877102:
                self.cancel(body)
                return False
            break
        parts = [part.decode() for part in body.split(b"\0")]
        given = dict(zip(parts[::2], parts[1::2]))
        self.user = given.get("user", "")
        self.database = given.get("database") or self.user
        trusted = os.environ.get("WEIR_PASS") and f"weir.pass={os.environ['WEIR_PASS']}" in given.get("options", "")
        password = None if trusted else self.ask_password()
        more = [(k, v) for k, v in given.items() if k.lower() in STARTUP and k != "database" and v]
        if self.user == ADMIN and not trusted:  # whom the server knows by the system's user, and asks for no password
            raise Failure(f'password authentication failed for user "{ADMIN}"', "28P01")
        trusted = trusted or signed(self.user, password)
        if trusted and self.user.startswith(IDENTITIES):
            trusted, password = False, self.identity()
        self.server = Server(self.path, ADMIN if trusted else self.user, self.database, password, more)
        if trusted and self.user and self.user != ADMIN:
            self.server.query(f"SET SESSION AUTHORIZATION {quoted(self.user)}")
        prepare(self)
        self.client.put(b"R", struct.pack("!I", 0))
        for name, value in {**self.server.parameters, "server_version": "8.0.2"}.items():
            self.client.put(b"S", text(name) + text(value))
        self.client.put(b"K", self.server.key)
        self.client.send(b"Z", self.server.status)
        return True

    def ask_password(self):
        self.client.send(b"R", struct.pack("!I", 3))
        kind, body = self.client.read()
        return body[:-1].decode() if kind == b"p" else ""

    def identity(self):
        """A role or user of IAM's is a user of the warehouse's from the first time on, with what everybody may. The administrator may all that he may."""
        password = hmac.digest(os.environ["WEIR_PASS"].encode(), self.user.encode(), "sha256").hex()
        with PREPARING:
            if not self.admin(f"SELECT 1 FROM pg_roles WHERE rolname = {literal(self.user)}::name"):
                self.admin(f"CREATE ROLE {quoted(self.user)}")
            self.admin(f"ALTER ROLE {quoted(self.user)} LOGIN PASSWORD {literal(password)}; GRANT {quoted(self.user)} TO rds_superuser")
        return password

    def cancel(self, body):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect("\0" + self.path[1:] if self.path.startswith("@") else self.path)
        sock.sendall(struct.pack("!II", 16, 80877102) + body)
        sock.close()

    # ---- what statements are carried out with ----

    def notice(self, severity, words):
        self.client.put(b"N", error_body(Failure(words, "00000"), severity))

    def internal(self, sql):
        return self.server.query(sql, self.client.put)

    def copy_in(self, sql, data):
        self.server.copy_in(sql, data)

    def copy_out(self, sql):
        return self.server.copy_out(sql)

    def admin(self, sql):
        """As the superuser, in a session of its own: whatever becomes of the client's transaction."""
        if self.own is None:
            self.own = Server(self.path, ADMIN, self.database)
        return self.own.query(sql)

    def admin_copy(self, before, sql, data, then):
        try:
            for one in before:
                self.admin(one)
            self.own.copy_in(sql, data)
            for one in then:
                self.admin(one)
        except Failure:
            self.admin("ROLLBACK")
            raise

    def describe(self, sql):
        found = self.server.describe(sql)
        kinds = self.internal("SELECT " + ", ".join(f"format_type({oid}, {modifier})" for _, oid, modifier in found))[0] if found else []
        return [(name, kind) for (name, _, _), kind in zip(found, kinds)]

    def known(self):
        """External schemas, late-binding views and the search path, as this transaction sees them."""
        if self.server.status == b"E":
            return {}, {}, []
        rows = self.internal(
            "SELECT 'e', n.nspname, e.database, e.role, e.region FROM _redshift.external_schemas e JOIN pg_namespace n ON n.oid = e.schema UNION ALL "
            "SELECT 'v', n.nspname, c.relname, v.definition, '' FROM _redshift.late_views v JOIN pg_class c ON c.oid = v.view JOIN pg_namespace n ON n.oid = c.relnamespace UNION ALL "
            "SELECT 'p', array_to_string(current_schemas(false), chr(1)), '', '', ''")
        schemas = {row[1]: tuple(row[2:]) for row in rows if row[0] == "e"}
        views = {(row[1], row[2]): row[3] for row in rows if row[0] == "v"}
        return schemas, views, next((row[1] or "").split("\x01") for row in rows if row[0] == "p")

    def translated(self, sql):
        """A query in the server's words, with the external tables that it names at hand."""
        return write(self.ready(lex(sql), *self.known()))

    def ready(self, tokens, schemas, views, path):
        tokens = expanded(tokens, views, path)
        for _, _, names in references(tokens):
            if len(names) > 1 and names[-2] in schemas:
                s3.show(self, names[-2], names[-1], schemas[names[-2]])
        if schemas and any(t.kind == "word" and t.text.lower().startswith("svv_") for t in tokens):
            s3.list_tables(self, schemas)
        return postgres(tokens)

    # ---- one statement ----

    def take(self, tokens):
        """A statement in the server's words, or a Special."""
        first = words(tokens, 4)
        if not first or first[0] in ("begin", "start", "commit", "end", "rollback", "abort", "savepoint", "release", "set", "show", "reset", "close", "deallocate", "discard"):
            return write(postgres(tokens))
        if first[0] == "copy" and any(t.kind == "text" and "://" in t.text for t in tokens):
            return Special(lambda: s3.copy(self, tokens), "COPY")
        if first[0] == "unload":
            return Special(lambda: s3.unload(self, tokens), "UNLOAD")
        if first[:2] == ["create", "user"]:
            return Special(lambda: self.create_user(tokens), "CREATE ROLE")
        if first[:3] == ["create", "external", "schema"]:
            return Special(lambda: self.external_schema(tokens), "CREATE SCHEMA")
        nothing = no_operation(tokens)
        if nothing:
            return Special(lambda: None, nothing)
        schemas, views, path = self.known()
        if first[0] == "create" and "view" in first and "materialized" not in first:
            return self.view(tokens, schemas, views, path)
        if first[:2] == ["drop", "schema"]:
            tokens = dropping(tokens, schemas)
        return write(self.ready(tokens, schemas, views, path))

    def create_user(self, tokens):
        """The administrator may all that users may."""
        name = tokens[solid(tokens)[2]].ident
        self.internal(write(postgres(tokens)) + (f"; GRANT {quoted(name)} TO rds_superuser" if name else ""))

    def external_schema(self, tokens):
        """CREATE EXTERNAL SCHEMA [IF NOT EXISTS] s FROM DATA CATALOG DATABASE 'd' IAM_ROLE 'r' [REGION 'g'] [CREATE EXTERNAL DATABASE IF NOT EXISTS]."""
        kept = [t for t in (tokens[i] for i in solid(tokens))]
        lower = [t.text.lower() for t in kept]
        at = 6 if lower[3:6] == ["if", "not", "exists"] else 3
        name = kept[at].ident
        if lower[at + 1:at + 4] != ["from", "data", "catalog"]:
            raise Failure("the sandbox has external schemas FROM DATA CATALOG", "0A000")
        option = {lower[i]: unquoted(kept[i + 1]) for i in range(at + 4, len(kept) - 1) if lower[i] in ("database", "iam_role", "region") and kept[i + 1].kind in ("text", "word")}
        if "database" not in option or "iam_role" not in option:
            raise Failure('syntax error: an external schema wants DATABASE and IAM_ROLE', "42601")
        aws = s3.session_of(option["iam_role"])
        glue = aws.client("glue", region_name=option.get("region"))
        if lower[-3:] == ["if", "not", "exists"] and "external" in lower[at + 4:]:
            try:
                glue.create_database(DatabaseInput={"Name": option["database"]})
            except glue.exceptions.AlreadyExistsException:
                pass
        there = self.internal(f"SELECT 1 FROM pg_namespace WHERE nspname = {literal(name)}")
        if there and at == 6:
            self.notice("NOTICE", f'schema "{name}" already exists, skipping')
            return
        self.internal(f"CREATE SCHEMA {quoted(name)}; DELETE FROM _redshift.external_tables WHERE schemaname = {literal(name)}")
        self.internal(f"GRANT ALL ON SCHEMA {quoted(name)} TO {ADMIN}; INSERT INTO _redshift.external_schemas VALUES ({literal(quoted(name))}::regnamespace, {literal(option['database'])}, {literal(option['iam_role'])}, {literal(option.get('region', ''))})")

    def view(self, tokens, schemas, views, path):
        """Late-binding ones are remembered, and stand as their definition wherever they are named; others must not name what is outside."""
        kept = solid(tokens)
        lower = [tokens[i].text.lower() for i in kept]
        late = lower[-4:] == ["with", "no", "schema", "binding"]
        start = lower.index("view") + 1
        begin = lower.index("as", start)
        names = [tokens[i].ident for i in kept[start:begin] if tokens[i].ident is not None and not tokens[i].is_("if", "not", "exists")]
        if len(names) > 1 and names[-2] in schemas:
            raise Failure("Operations on local objects in external schema are not enabled.", "0A000")
        query = tokens[kept[begin] + 1:kept[-4] if late else len(tokens)]
        if not late:
            if any(len(n) > 1 and n[-2] in schemas for _, _, n in references(expanded(query, views, path))):
                raise Failure("External tables are not supported in views", "0A000", "Please use late binding view and add 'with no schema binding' at the query end.")
            return write([*tokens[:kept[begin] + 1], *self.ready(query, schemas, views, path)])
        defined = common_names(query)
        for _, _, n in references(query):
            if len(n) == 1 and n[0] not in defined:
                raise Failure("All the relation names inside should be qualified when creating VIEW WITH NO SCHEMA BINDING.", "42P01")
        where = write(tokens[kept[start + (3 if lower[start:start + 3] == ["if", "not", "exists"] else 0)]:kept[begin]]).strip()
        where = where.partition("(")[0].strip()
        return Special(lambda: self.late_view(where, write(query).strip(), "replace" in lower[:start]), "CREATE VIEW")

    def late_view(self, name, definition, replace):
        """What the server has of it is a view without rows that has its columns, as far as they can be told."""
        columns = []
        inside = self.server.status == b"T"
        try:
            if inside:
                self.internal("SAVEPOINT weir_columns")
            columns = self.describe(self.translated(definition))
            if inside:
                self.internal("RELEASE weir_columns")
        except Failure:
            if inside:
                self.internal("ROLLBACK TO weir_columns")
        if replace:
            self.internal(f"DROP VIEW IF EXISTS {name} CASCADE")
        chosen = ", ".join(f"NULL::{kind if kind != 'unknown' else 'text'} AS {quoted(n)}" for n, kind in columns)
        self.internal(f"CREATE VIEW {name} AS SELECT {chosen} WHERE false")
        view = self.internal(f"SELECT {literal(name)}::regclass::oid")[0][0]
        self.internal(f"DELETE FROM _redshift.late_columns WHERE view = {view}; INSERT INTO _redshift.late_views VALUES ({view}, {literal(definition)}) ON CONFLICT (view) DO UPDATE SET definition = excluded.definition")
        for number, (n, kind) in enumerate(columns, 1):
            self.internal(f"INSERT INTO _redshift.late_columns VALUES ({view}, {number}, {literal(n)}, {literal(kind)})")

    # ---- conversation ----

    def run(self):
        while True:
            kind, body = self.client.read()
            if kind == b"X":
                return
            try:
                self.answer(kind, body)
            except Failure as error:
                self.client.put(b"E", error_body(error))
                self.skipping = kind != b"Q"
                self.fail_transaction()
                if kind == b"Q":
                    self.client.put(b"Z", self.server.status)
            self.client.flush()

    def fail_transaction(self):
        """A statement that failed here fails the transaction there."""
        if self.server.status == b"T":
            try:
                self.server.query("DO $$BEGIN RAISE EXCEPTION 'failed'; END$$")
            except Failure:
                pass

    def answer(self, kind, body):
        if kind == b"Q":
            return self.simple(body[:-1].decode())
        if kind == b"S":
            self.skipping = False
            return self.relay(kind, body, b"Z")
        if self.skipping:
            return None
        if kind == b"P":
            return self.parse(body)
        if kind == b"B":
            portal, rest = body.split(b"\0", 1)
            self.portals[portal] = self.prepared.get(rest.split(b"\0", 1)[0])
            return self.relay(kind, body, b"2")
        if kind == b"D":
            return self.relay(kind, body, b"Tn")
        if kind == b"E":
            special = self.portals.get(body.split(b"\0", 1)[0])
            if isinstance(special, Special):
                done = special.work()
                return self.client.put(b"C", text(tag_of(special, done)))
            return self.relay(kind, body, b"CIs")
        if kind == b"C":
            return self.relay(kind, body, b"3")
        if kind == b"H":
            return None
        return self.server.send(kind, body)

    def parse(self, body):
        name, sql, rest = body.split(b"\0", 2)
        tokens = lex(sql.decode())
        some = [one for one in statements(tokens) if solid(one)]
        taken = self.take(some[0]) if len(some) == 1 else write(tokens)
        self.prepared[name] = taken
        self.relay(b"P", name + b"\0" + text(IDLE if isinstance(taken, Special) else taken) + rest, b"1")

    def relay(self, kind, body, until):
        """Sends one message on, and answers up to the one that is its end. PostgreSQL holds answers back unless it is asked for them."""
        self.server.put(kind, body)
        if kind != b"S":
            self.server.put(b"H")
        self.server.flush()
        while True:
            kind, body = self.server.read()
            self.client.put(kind, told(kind, body))
            if kind == b"Z":
                self.server.status = body
            elif kind == b"E":
                self.skipping = True
            elif kind == b"G":
                self.client.flush()
                self.feed()
            if kind in until or (kind == b"E" and until != b"Z"):
                return

    def feed(self):
        """COPY … FROM STDIN: the client's data."""
        while True:
            kind, body = self.client.read()
            self.server.put(kind, body)
            if kind in b"cf":
                self.server.flush()
                return

    def simple(self, sql):
        some = [one for one in statements(lex(sql)) if solid(one)]
        if not some:
            return self.relay(b"Q", text(sql), b"Z")
        for number, one in enumerate(some):
            taken = self.take(one)
            last = number == len(some) - 1
            if isinstance(taken, Special):
                done = taken.work()
                self.client.put(b"C", text(tag_of(taken, done)))
                if last:
                    self.client.put(b"Z", self.server.status)
            elif not self.one(taken, last):
                return None
        return None

    def one(self, sql, last):
        """False: it failed, and with it what follows."""
        self.server.send(b"Q", text(sql))
        failed = False
        while True:
            kind, body = self.server.read()
            failed = failed or kind == b"E"
            if kind == b"Z":
                self.server.status = body
                if last or failed:
                    self.client.put(kind, body)
                return not failed
            self.client.put(kind, told(kind, body))
            if kind == b"G":
                self.client.flush()
                self.feed()

    def close(self):
        for one in (self.server, self.own):
            if one:
                one.close()


def dropping(tokens, schemas):
    """DROP SCHEMA. An external one holds nothing of the warehouse's: what the catalog has stays there, and keeps nobody from dropping it."""
    sql = re.sub(r"(?is)\s+drop\s+external\s+database\b", "", write(tokens))
    names = [t.ident for t in tokens if t.ident is not None and not t.is_("drop", "schema", "if", "exists", "external", "database", "cascade", "restrict")]
    if names and all(name in schemas for name in names):
        sql = re.sub(r"(?is)\s+(cascade|restrict)\s*;?\s*$", "", sql) + " CASCADE"
    return lex(sql)


def common_names(tokens):
    """Names of WITH clauses."""
    kept = [tokens[i] for i in solid(tokens)]
    return {a.ident for a, b, c in zip(kept, kept[1:], [*kept[2:], None]) if a.ident is not None and b.is_("as") and c is not None and c.is_("(")} | \
        {kept[i].ident for i, t in enumerate(kept) if t.ident is not None and i + 1 < len(kept) and kept[i + 1].is_("(") and i and kept[i - 1].is_("with", ",")}


def tag_of(special, done):
    return f"{special.tag} {done}" if special.tag == "COPY" and done is not None else special.tag


def prepare(session):
    """The dialect, once in each database."""
    with PREPARING:
        if not session.admin("SELECT to_regnamespace('_redshift')")[0][0]:
            session.admin("SET allow_system_table_mods = on; SET client_min_messages = error;" + SCRIPT)


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        session = Session(self.request, self.server.path)
        try:
            if session.start():
                session.run()
        except Failure as error:
            session.client.send(b"E", error_body(error, "FATAL"))
        except (Gone, ConnectionError, BrokenPipeError):
            pass
        finally:
            session.close()


class Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address, daemon_threads, request_queue_size = True, True, 64


def main():
    listener = Listener(("127.0.0.1", int(sys.argv[1])), Handler)
    listener.path = sys.argv[2]
    listener.serve_forever()


if __name__ == "__main__":
    main()
