/* Writes records and intents as lines of a snapshot; reads a part of one by binary search. */
#include "plan/state/snapshot.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdlib.h>

static void write_kept(struct secrets *secrets, struct buf *out, uint64_t seq, const struct record *record)
{
    AUTO_BUF struct buf body = BUF_INIT;
    buf_addz(&body, "{\"kind\":\"kept\"");
    body_text(&body, "address", record->subject.address);
    buf_addf(&body, ",\"from\":%" PRIu64, record->seq);
    body_record(&body, secrets, record);
    body_end(&body);
    log_frame(out, seq, seq, buf_str(&body));
}

static void write_kept_intent(
    struct secrets *secrets, struct buf *out, uint64_t seq, const struct intent *intent)
{
    AUTO_BUF struct buf body = BUF_INIT;
    buf_addz(&body, "{\"kind\":\"kept\"");
    body_text(&body, "address", intent->subject.address);
    buf_addf(&body, ",\"from\":%" PRIu64, intent->seq);
    if (intent->at_ms) {
        AUTO_ARENA struct arena scratch = ARENA_INIT;
        body_text(&body, "at", time_rfc3339(&scratch, intent->at_ms, true));
    }
    body_type(&body, intent->subject.type, intent->subject.provider);
    body_text(&body, "action", intent->action);
    body_text(&body, "token", intent->token);
    body_text(&body, "id", intent->subject.id);
    body_value(&body, secrets, "desired", intent->desired);
    body_value(&body, secrets, "set", intent->set);
    body_value(&body, secrets, "deps", intent->deps);
    body_value(&body, secrets, "place", intent->location);
    body_end(&body);
    log_frame(out, seq, seq, buf_str(&body));
}

/* ---- names ---- */

struct snapshot_name {
    uint64_t digest;
    struct str address;
};

enum { NAMES_A_LINE = 64 };

static void add_names(struct snapshot_names *names, const struct state_namer *namer, struct arena *scratch,
    const struct record *record)
{
    const struct str *keys;
    size_t n = namer->keys(namer->ctx, scratch, record, &keys);
    MEM_GROW(names->items, names->cap, names->n + n);
    for (size_t i = 0; i < n; i++)
        names->items[names->n++] = (struct snapshot_name){state_digest(keys[i]), record->subject.address};
}

static int name_order(const void *a, const void *b)
{
    const struct snapshot_name *x = a, *y = b;
    return x->digest < y->digest ? -1 : x->digest > y->digest ? 1 : str_cmp(x->address, y->address);
}

void snapshot_names_find(struct records *r, const struct state_namer *namer, struct snapshot_names *out)
{
    AUTO_BUILDER struct value_builder types = VALUE_BUILDER(&out->arena);
    AUTO_MAP struct map seen = MAP_INIT;
    const struct record *const *records = records_sorted(r);
    for (size_t i = 0; i < r->count; i++) {
        AUTO_ARENA struct arena scratch = ARENA_INIT;
        struct str type = records[i]->subject.type;
        if (!map_set(&seen, type, &seen))
            value_builder_set(
                &types, type, value_string(&out->arena, namer->definition(namer->ctx, &scratch, type)));
        add_names(out, namer, &scratch, records[i]);
    }
    out->types = value_builder_map(&types);
    if (out->n)
        qsort(out->items, out->n, sizeof *out->items, name_order);
}

void snapshot_names_release(struct snapshot_names *names)
{
    free(names->items);
    arena_release(&names->arena);
}

static size_t lines_of_names(const struct snapshot_names *names)
{
    return (names->n + NAMES_A_LINE - 1) / NAMES_A_LINE;
}

static void write_names(const struct snapshot_names *names, size_t from, struct buf *out, uint64_t seq)
{
    AUTO_BUF struct buf body = BUF_INIT;
    buf_addz(&body, "{\"kind\":\"names\",\"names\":[");
    for (size_t i = from; i < names->n && i < from + NAMES_A_LINE; i++) {
        buf_addf(&body, "%s\"%016" PRIx64 "\",", i == from ? "" : ",", names->items[i].digest);
        json_write_string(&body, names->items[i].address);
    }
    buf_addz(&body, "]}");
    log_frame(out, seq, seq, buf_str(&body));
}

/* ---- the whole snapshot ---- */

size_t snapshot_lines(const struct records *r, const struct snapshot_names *names)
{
    return 1 + lines_of_names(names) + r->count + r->open_count;
}

static void write_first(const struct snapshot *snapshot, struct buf *out, uint64_t seq)
{
    const struct records *r = snapshot->records;
    struct secrets *secrets = snapshot->secrets;
    AUTO_BUF struct buf body = BUF_INIT;
    body_begin(&body, snapshot->run, "snapshot");
    body_text(&body, "lineage", r->lineage);
    buf_addf(&body, ",\"runs\":%" PRIu64 ",\"count\":%zu,\"format\":%d", r->runs, r->count + r->open_count,
        LOG_FORMAT);
    if (snapshot->names->types) {
        buf_addf(&body, ",\"names\":{\"lines\":%zu", lines_of_names(snapshot->names));
        buf_addz(&body, ",\"types\":");
        json_write(&body, snapshot->names->types, JSON_PLAIN);
        body_end(&body);
    }
    body_text(&body, "digest", r->digest);
    body_value(&body, secrets, "values", r->outputs);
    body_value(&body, secrets, "trusted", r->trusted);
    body_lease(&body, &r->lease);
    body_end(&body);
    log_frame(out, seq, seq, buf_str(&body));
}

void snapshot_write(void *ctx, struct buf *out, uint64_t seq)
{
    const struct snapshot *snapshot = ctx;
    struct records *r = snapshot->records;
    size_t n;
    write_first(snapshot, out, seq);
    for (size_t i = 0; i < snapshot->names->n; i += NAMES_A_LINE)
        write_names(snapshot->names, i, out, ++seq);
    const struct record *const *records = records_sorted(r);
    for (size_t i = 0; i < r->count; i++)
        write_kept(snapshot->secrets, out, ++seq, records[i]);
    const struct intent *const *intents = records_open_intents(r, &n);
    for (size_t i = 0; i < n; i++)
        write_kept_intent(snapshot->secrets, out, ++seq, intents[i]);
}

/* ---- a part of a snapshot, and later records ---- */

struct search {
    struct backend *backend;
    struct arena arena; /* of the current piece */
    uint64_t size;      /* end of what can be read */
    uint64_t before;    /* number of the line before the one that was found last */
    bool names;         /* searches the names, by a digest; otherwise the records, by address */
};

/* A line of the log, with its place. */
struct found {
    uint64_t at, end, seq;
    struct str json;
};

/* ---- lines ---- */

/* Iterates over the lines of a piece. */
struct walk {
    struct log_piece piece;
    uint64_t at; /* of the next line */
};

static int walk_from(struct search *s, uint64_t at, struct walk *walk, struct err *err)
{
    arena_release(&s->arena);
    s->arena = (struct arena)ARENA_INIT;
    walk->piece = (struct log_piece){.at = at};
    if (at < s->size && s->backend->ops->read_lines(s->backend, &s->arena, at, &walk->piece, err))
        return -1;
    walk->at = walk->piece.at;
    return 0;
}

/* Returns 1: a line; 0: the piece has no more. */
static int next_line(struct walk *walk, struct found *out, struct err *err)
{
    struct log_piece *piece = &walk->piece;
    ptrdiff_t end = str_find_char(piece->lines, '\n', 0);
    uint64_t batch;
    if (end < 0)
        return 0;
    out->at = walk->at;
    out->end = walk->at += piece->by_number ? 1 : (uint64_t)end + 1;
    if (log_unframe(str_slice(piece->lines, 0, (size_t)end), &out->json, err))
        return -1;
    if (!log_numbers(out->json, &out->seq, &batch))
        return err_set(err, ERR_DAMAGED, "it has no number");
    piece->lines = str_slice(piece->lines, (size_t)end + 1, piece->lines.n);
    return 1;
}

/* Continues with the next piece. Returns 0: no more lines. */
static int next_of_all(struct search *s, struct walk *walk, struct found *out, struct err *err)
{
    int got = next_line(walk, out, err);
    uint64_t at = walk->at;
    if (got || at >= s->size)
        return got;
    if (walk_from(s, at, walk, err))
        return -1;
    return walk->at < at ? err_set(err, ERR_DAMAGED, "lines are missing") : next_line(walk, out, err);
}

/* ---- binary search ---- */

/* The last digest of a names line, or the address of a record; "" for other lines. */
static struct str last_key(const struct value *fields, bool names)
{
    const struct value *list = value_as_list(value_getz(fields, "names"));
    bool record = str_eqz(value_gets(fields, "kind"), "kept") && !value_gets(fields, "action").n;
    if (names)
        return list->count >= 2 ? value_text(list->items[list->count - 2], STR_EMPTY) : STR_EMPTY;
    return record ? value_gets(fields, "address") : STR_EMPTY;
}

/* *before: whether the line comes before the key. key.p NULL: before the first line after all records or
 * names. */
static int is_before(
    const struct search *s, const struct found *line, struct str key, bool *before, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    const struct value *fields;
    if (log_parse(&scratch, line->json, &fields, err))
        return -1;
    struct str kind = value_gets(fields, "kind"), last = last_key(fields, s->names);
    *before = str_eqz(kind, "snapshot") || (!s->names && str_eqz(kind, "names")) ||
              (last.n && (!key.p || str_cmp(last, key) < 0));
    return 0;
}

/* Skips all lines of the piece if its last one is before the key. */
static int pass_all_before(struct search *s, struct walk *walk, struct str key, bool *all, struct err *err)
{
    struct str lines = walk->piece.lines;
    struct walk last = *walk;
    struct found line;
    last.piece.lines = str_slice(lines, str_after_last(str_slice(lines, 0, lines.n - 1), "\n"), lines.n);
    if (next_line(&last, &line, err) < 0 || is_before(s, &line, key, all, err))
        return -1;
    if (*all) {
        s->before = line.seq;
        walk->at += walk->piece.by_number ? backend_count_lines(lines) : lines.n;
        walk->piece.lines = STR_EMPTY;
    }
    return 0;
}

/* Skips to the first line that is not before the key. *any: some were; *whole: all of the piece were. */
static int pass_before(struct search *s, struct walk *walk, struct str key, bool *any, bool *whole,
    uint64_t *at, struct err *err)
{
    struct found line;
    bool before = true;
    int got = 1;
    *any = *whole = false;
    *at = walk->at;
    if (!walk->piece.lines.n)
        return 0;
    if (pass_all_before(s, walk, key, whole, err))
        return -1;
    *any = *whole;
    *at = walk->at;
    while (!*whole && before && (got = next_line(walk, &line, err)) > 0) {
        if (is_before(s, &line, key, &before, err))
            return -1;
        *any |= before;
        *at = before ? line.end : line.at;
        s->before = before ? line.seq : s->before;
    }
    return got < 0 ? -1 : 0;
}

/*
 * Finds the place of the first line that is not before the key, at or after `*at`: all lines before `low` are
 * before it, none from `high` on. Successive searches are often near.
 */
static int find_first(struct search *s, struct str key, uint64_t *at, struct err *err)
{
    uint64_t low = *at, high = s->size, middle = low;
    for (; low < high; middle = low + (high - low) / 2) {
        struct walk walk;
        bool any, whole;
        if (walk_from(s, middle, &walk, err) || pass_before(s, &walk, key, &any, &whole, at, err))
            return -1;
        if (!any)
            high = middle;
        else if (!whole)
            low = high = *at;
        else if (*at > middle)
            low = *at;
        else
            return err_set(err, ERR_DAMAGED, "it is incomplete");
    }
    *at = low;
    return 0;
}

/* ---- records of a declaration ---- */

/* Returns 0: this and later lines are not of the address. */
static int take_record(
    struct records *r, const struct found *line, struct str address, bool instances, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    const struct value *fields;
    if (log_parse(&scratch, line->json, &fields, err))
        return -1;
    struct str its = last_key(fields, false), rest = str_slice(its, address.n, its.n);
    bool ours = str_starts(its, address) && (instances || !rest.n || rest.p[0] == '#');
    return !ours ? 0 : records_take_kept(r, line->json, err) ? -1 : 1;
}

/* Takes the records of the address, and with `instances` all that begin with it; otherwise its own, and that
 * of an unfinished replacement. Searches from that place on. */
static int take_records(
    struct search *s, struct records *r, struct str address, bool instances, uint64_t *from, struct err *err)
{
    struct walk walk;
    struct found line;
    int got;
    if (find_first(s, address, from, err) || walk_from(s, *from, &walk, err))
        return -1;
    uint64_t at = *from;
    while ((got = next_of_all(s, &walk, &line, err)) > 0)
        if (line.at >= at && (got = take_record(r, &line, address, instances, err)) <= 0)
            break;
    return got < 0 ? -1 : 0;
}

static int take_declarations(
    struct search *s, const struct state_part *part, struct records *r, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    for (size_t i = 0; i < part->n; i++) {
        struct str instances = arena_printf(&scratch, "%.*s[", STR_ARG(part->declared[i]));
        uint64_t at = 0;
        if (take_records(s, r, part->declared[i], false, &at, err) ||
            take_records(s, r, instances, true, &at, err))
            return -1;
    }
    for (size_t i = 0; i < part->absent_count; i++) {
        struct str inside = arena_printf(&scratch, "%.*s/", STR_ARG(part->absent[i]));
        struct str instances = arena_printf(&scratch, "%.*s[", STR_ARG(part->absent[i]));
        uint64_t at = 0;
        if (take_records(s, r, part->absent[i], false, &at, err) ||
            take_records(s, r, inside, true, &at, err) || take_records(s, r, instances, true, &at, err))
            return -1;
    }
    return 0;
}

/* ---- resources by identity key ---- */

/* Returns 0: later lines do not have the digest. */
static int take_names(const struct found *line, struct str digest, struct arena *arena,
    struct value_builder *addresses, struct err *err)
{
    const struct value *fields;
    if (log_parse(arena, line->json, &fields, err))
        return -1;
    const struct value *list = value_as_list(value_getz(fields, "names"));
    for (uint32_t i = 0; i + 1 < list->count; i += 2)
        if (str_eq(value_text(list->items[i], STR_EMPTY), digest))
            value_builder_add(addresses, value_string(arena, value_text(list->items[i + 1], STR_EMPTY)));
    return str_eq(last_key(fields, true), digest);
}

static int find_named(struct search *s, struct str digest, struct arena *arena,
    struct value_builder *addresses, struct err *err)
{
    struct walk walk;
    struct found line;
    uint64_t at = 0;
    int got;
    s->names = true;
    int status = find_first(s, digest, &at, err) || walk_from(s, at, &walk, err) ? -1 : 0;
    s->names = false;
    while (!status && (got = next_of_all(s, &walk, &line, err)) != 0) {
        if (got > 0 && line.at < at)
            continue;
        if (got < 0 || (got = take_names(&line, digest, arena, addresses, err)) <= 0) {
            status = got;
            break;
        }
    }
    return status;
}

static int take_named(struct search *s, const struct state_part *part, struct records *r, struct err *err)
{
    for (size_t i = 0; i < part->named_count; i++) {
        AUTO_ARENA struct arena scratch = ARENA_INIT;
        AUTO_BUILDER struct value_builder addresses = VALUE_BUILDER(&scratch);
        struct str digest = arena_printf(&scratch, "%016" PRIx64, state_digest(part->named[i]));
        if (find_named(s, digest, &scratch, &addresses, err))
            return -1;
        const struct value *list = value_builder_list(&addresses);
        for (uint32_t k = 0; k < list->count; k++) {
            uint64_t at = 0;
            if (take_records(s, r, list->items[k]->string, false, &at, err))
                return -1;
        }
    }
    return 0;
}

/* ---- before and after the records ---- */

static int take_header(struct search *s, struct records *r, bool *is_there, struct err *err)
{
    struct walk walk;
    struct found line;
    *is_there = false;
    if (walk_from(s, 0, &walk, err))
        return -1;
    int got = next_line(&walk, &line, err);
    if (got <= 0 || str_find(str_slice(line.json, 0, line.json.n < 256 ? line.json.n : 256),
                        STR("\"kind\":\"snapshot\""), 0) < 0)
        return got < 0 ? -1 : 0;
    *is_there = true;
    backend_learn_lineage(s->backend, line.json);
    return records_apply(r, line.json, err);
}

/* The end of a snapshot: open intents. */
static int take_rest(struct search *s, struct records *r, struct err *err)
{
    uint64_t first = r->seq, last = r->seq + r->kept_due, at = 0;
    struct walk walk;
    struct found line = {0};
    if (find_first(s, (struct str){0}, &at, err) || walk_from(s, at, &walk, err))
        return -1;
    records_pass_kept(r, s->before + 1);
    uint64_t end = at;
    for (int got; (got = next_of_all(s, &walk, &line, err)) != 0;) {
        if (got < 0)
            return -1;
        if (line.at < at)
            continue;
        if (line.seq > last)
            break;
        if (records_apply(r, line.json, err))
            return -1;
        end = line.end;
    }
    if (records_complete(r, err))
        return -1;
    if (s->backend->ops->pass_snapshot)
        s->backend->ops->pass_snapshot(s->backend, end, first, last);
    return 0;
}

/* ---- later records ---- */

struct concurrent {
    struct records *records;
    const struct state_part *part;
    struct map declared;
};

/* Returns the address of a `done` record, without parsing all of it; "" for other records and escaped
 * addresses. */
static struct str address_of_done(struct str json, struct arena *arena)
{
    static const struct str front = STR_INIT("\"kind\":\"done\",\"address\":\"");
    struct str head = str_slice(json, 0, json.n < 256 ? json.n : 256);
    ptrdiff_t at = str_find(head, front, 0);
    AUTO_BUF struct buf text = BUF_INIT;
    for (size_t i = at < 0 ? json.n : (size_t)at + front.n; i < json.n; i++) {
        if (json.p[i] == '"')
            return arena_str(arena, buf_str(&text));
        if (json.p[i] == '\\' && ++i < json.n && json.p[i] != '"' && json.p[i] != '\\')
            break;
        buf_add_char(&text, json.p[i]);
    }
    return STR_EMPTY;
}

static bool is_absent_one(const struct state_part *part, struct str address)
{
    for (size_t i = 0; i < part->absent_count; i++) {
        struct str name = part->absent[i], rest = str_slice(address, name.n, address.n);
        if (str_starts(address, name) && (!rest.n || strchr("#/[", rest.p[0])))
            return true;
    }
    return false;
}

static bool has_absent(const struct state_part *part, const struct records *r)
{
    for (size_t i = 0; part->absent_count && i < r->by_address.n; i++)
        if (r->by_address.items[i].ptr && is_absent_one(part, r->by_address.items[i].key))
            return true;
    return false;
}

/* True for results of other declarations' resources without an open intent. */
static bool is_others(const struct concurrent *concurrent, struct str json)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str address = address_of_done(json, &scratch);
    return address.n && !concurrent->part->named_count && !is_absent_one(concurrent->part, address) &&
           !map_get(&concurrent->declared, address_declared(address)) &&
           !map_get(&concurrent->declared, address_current(address)) &&
           !map_get(&concurrent->records->intents, address);
}

static int apply_since(void *ctx, struct str json, struct err *err)
{
    struct concurrent *concurrent = ctx;
    return is_others(concurrent, json) ? records_pass(concurrent->records, json, err)
                                       : records_apply(concurrent->records, json, err);
}

/* Fails if an address has moved: its record may not have been read. */
static bool read_since(struct search *s, const struct state_part *part, struct records *r, bool *torn)
{
    struct concurrent concurrent = {.records = r, .part = part};
    uint64_t last;
    for (size_t i = 0; i < part->n; i++)
        map_set(&concurrent.declared, part->declared[i], &concurrent);
    struct err why = ERR_INIT;
    int result = backend_read(s->backend, r->seq, apply_since, &concurrent, torn, &last, &why);
    map_release(&concurrent.declared);
    return !result && !r->moves && !has_absent(part, r);
}

bool part_read(struct backend *backend, const struct state_part *part, struct records *records, bool *torn)
{
    struct search s = {.backend = backend};
    bool is_there;
    struct err why = ERR_INIT; /* reading the whole state reports the error */
    bool found = backend->ops->find_snapshot && !backend->ops->find_snapshot(backend, &s.size, &why) &&
                 s.size && !take_header(&s, records, &is_there, &why) && is_there &&
                 (!part->named_count || records->types) && !take_named(&s, part, records, &why) &&
                 !take_declarations(&s, part, records, &why) && !take_rest(&s, records, &why) &&
                 read_since(&s, part, records, torn);
    arena_release(&s.arena);
    return found;
}
