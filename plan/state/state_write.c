/* Records of a run: its begin and end, and intent and result of each change. Each is passed to the committer
 * first, then applied to the records in memory. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mask.h"
#include "plan/state/state_internal.h"
#include "provider/schema.h"

struct secret_marks {
    struct str id;
    const struct schema *schema;  /* tells which attributes identify the resource; NULL: unknown */
    bool sealed;                  /* there is a key: secrets can be decrypted */
    const struct value *given;    /* configured values, with marks; NULL: as in `intended` */
    const struct value *intended; /* desired object of the open intent, as in the log; NULL: none */
    const struct value *recorded; /* the former attributes; NULL: none */
};

/* ---- which values are secret ---- */

/* True for a value of the log that is or contains an encrypted or hashed one, except for fields that the
 * schema calls secret. */
static bool is_kept_secret(const struct type *type, const struct value *v)
{
    bool list = v && v->kind == VALUE_LIST;
    for (uint32_t i = 0; v && (list || v->kind == VALUE_MAP) && i < v->count; i++) {
        bool marker = !list && v->count == 1 &&
                      (str_eqz(v->entries[0].key, "$sealed") || str_eqz(v->entries[0].key, "$hash"));
        const struct attr *field = type && !list ? type_field(type, v->entries[i].key) : NULL;
        bool reported = field && (field->sensitive || field->write_only);
        if (marker || (!reported && is_kept_secret(field  ? field->type
                                                   : type ? type->elem
                                                          : NULL,
                                        list ? v->items[i] : v->entries[i].value)))
            return true;
    }
    return false;
}

static bool was_secret(const struct secret_marks *marks, struct str name, const struct value *v)
{
    const struct attr *attr = marks->schema ? schema_attr(marks->schema, name) : NULL;
    const struct value *given = value_get(marks->given, name), *meant = value_get(marks->intended, name);
    if (attr_secret_beyond(attr, given) || (!marks->given && is_kept_secret(attr ? attr->type : NULL, meant)))
        return true;
    bool open = marks->given ? given && value_equal(given, v) : meant && value_equal(meant, v);
    return !open && attr_secret_beyond(attr, value_get(marks->recorded, name));
}

/* By value: services repeat secrets in unexpected places. */
static bool has_secret(const struct value *v)
{
    AUTO_BUF struct buf text = BUF_INIT;
    json_write(&text, v, JSON_REDACT); /* marked values within are handled separately */
    return mask_finds(buf_str(&text));
}

/*
 * True if the attribute identifies the resource to its service. Identifiers that the service assigns are not
 * secret, and parts of the id are in the log in clear text anyway.
 */
static bool secret_identifies(const struct secret_marks *marks, struct str name, const struct value *v)
{
    const struct attr *attr = marks->schema ? schema_attr(marks->schema, name) : NULL;
    if (!attr || attr->sensitive || attr->write_only || !v || v->kind != VALUE_STRING || !v->string.n)
        return false;
    if (!attr->identifies && !str_eq(name, marks->schema->id))
        return false;
    return !attr->settable || str_find(marks->id, v->string, 0) >= 0;
}

/* Returns the attributes, or outputs as a map, with all secrets marked. */
static const struct value *state_mark_secrets(
    struct arena *arena, const struct value *attrs, const struct secret_marks *marks)
{
    const struct value *marked = attrs;
    bool by_value = !mask_finds(marks->id); /* a resource's name and values derived from it are not secret */
    for (uint32_t i = 0; attrs && attrs->kind == VALUE_MAP && i < attrs->count; i++) {
        struct str name = attrs->entries[i].key;
        const struct value *v = attrs->entries[i].value;
        bool names = secret_identifies(marks, name, v);
        if (names && !marks->sealed) { /* a resource whose identifier is a hash cannot be found again */
            marked = value_with(arena, marked, name, value_unmark(arena, v));
            continue;
        }
        if (v->marks & VALUE_SENSITIVE)
            continue;
        bool given = value_equal(value_get(marks->given, name), v); /* configured in clear text */
        bool looked_at = by_value && !given && !value_is_sensitive(v) && !names;
        if (was_secret(marks, name, v) || (looked_at && has_secret(v)))
            marked = value_with(arena, marked, name, value_mark(arena, v, VALUE_SENSITIVE));
    }
    return marked;
}

/* ---- hashes ---- */

const struct value *state_hash_secret(struct arena *arena, const struct value *v)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    AUTO_BUF struct buf plain = BUF_INIT;
    if (value_is_null(v) || state_is_hash(v))
        return v;
    encode_value(&plain, NULL, value_unmark(&scratch, v));
    struct value_entry entry = {STR("$hash"), value_string_ref(arena, secret_hash(arena, buf_str(&plain)))};
    return value_mark(arena, value_map(arena, &entry, 1), VALUE_SENSITIVE);
}

const struct value *state_lost_secret(struct arena *arena)
{
    static const char none[] = "scrypt:00000000000000000000000000000000:"
                               "0000000000000000000000000000000000000000000000000000000000000000";
    return value_mark(arena, VALUE_MAP(arena, {STR("$hash"), value_stringz(arena, none)}), VALUE_SENSITIVE);
}

bool state_is_hash(const struct value *kept)
{
    return kept && (kept->marks & VALUE_SENSITIVE) && kept->kind == VALUE_MAP && kept->count == 1 &&
           str_eqz(kept->entries[0].key, "$hash") &&
           secret_is_hash(value_text(kept->entries[0].value, STR_EMPTY));
}

static bool matches_hash(const struct value *kept, const struct value *v)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    AUTO_BUF struct buf plain = BUF_INIT;
    if (!value_is_known(v))
        return false;
    if (state_is_hash(v))
        return value_equal(kept, v);
    encode_value(&plain, NULL, value_unmark(&scratch, v ? v : &value_null));
    return secret_hash_matches(kept->entries[0].value->string, buf_str(&plain));
}

bool state_hash_matches(const struct value *kept, const struct value *v)
{
    if (state_is_hash(kept))
        return matches_hash(kept, v);
    if (!value_is_sensitive(kept) || !v || v->kind != kept->kind || v->count != kept->count)
        return value_equal(kept, v);
    if (kept->kind != VALUE_LIST && kept->kind != VALUE_MAP)
        return value_equal(kept, v);
    for (uint32_t i = 0; i < kept->count; i++) {
        if (kept->kind == VALUE_LIST ? !state_hash_matches(kept->items[i], v->items[i])
                                     : !str_eq(kept->entries[i].key, v->entries[i].key) ||
                                           !state_hash_matches(kept->entries[i].value, v->entries[i].value))
            return false;
    }
    return true;
}

/* Ends a record's body and passes it to the committer; *seq is its number. Call it before locking the
 * mutex. */
static int state_add_line(struct state *state, struct buf *body, uint64_t *seq, struct err *err)
{
    body_end(body);
    if (!state->committer)
        return err_set(
            err, ERR_FAILED, "the state %.*s is not open for writing", STR_ARG(state->backend->description));
    if (committer_add(state->committer, buf_str(body), seq, err))
        return err_context(err, "recording in the state");
    return 0;
}

/* With the mutex held. Numbers are assigned before that, so they may arrive out of order. */
static void state_note_applied(struct state *state, uint64_t seq)
{
    if (!state->shared && state->records.seq < seq)
        state->records.seq = seq; /* otherwise counted when it is written */
    state->records.lines++;
}

static void add_info(struct state *state, struct buf *body, const struct value *info)
{
    for (uint32_t i = 0; info && info->kind == VALUE_MAP && i < info->count; i++) {
        AUTO_ARENA struct arena scratch = ARENA_INIT;
        body_value(body, state->secrets, arena_strz(&scratch, info->entries[i].key), info->entries[i].value);
    }
}

int state_begin(struct state *state, const char *command, const struct value *info, struct err *err)
{
    assert(state->locked && (!state->shared || state->in_turn));
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    AUTO_BUF struct buf body = BUF_INIT;
    const struct backend_ops *ops = state->backend->ops;
    struct records *r = &state->records;
    struct lock_info who;
    char lineage[33];
    lock_info_self(&scratch, command, &who);
    state_token(lineage);
    backend_set_lineage(state->backend, r->lineage.n ? r->lineage : str_z(lineage));
    snprintf(state->run, sizeof state->run, "%" PRIu64, r->runs + 1);
    if (state->shared && ops->keep_alive && ops->keep_alive(state->backend, r->runs + 1, err))
        return -1;
    if (!state->committer)
        state_start_committer(state);

    body_begin(&body, state->run, "run");
    body_text(&body, "lineage", str_z(state->backend->lineage));
    body_text(&body, "command", who.command);
    body_text(&body, "owner", who.owner);
    buf_addf(&body, ",\"pid\":%" PRId64, who.pid);
    body_text(&body, "version", STR(WEIR_VERSION));
    buf_addf(&body, ",\"format\":%d", LOG_FORMAT);
    body_text(&body, "ci_url", who.ci_url);
    if (state->shared)
        body_text(&body, "life", str_z(state->backend->life));
    body_value(&body, state->secrets, "ended", state_ended_runs(state, &scratch, value_getz(info, "claims")));
    add_info(state, &body, info);
    uint64_t seq;
    const struct value *fields;
    /* Made durable before anything else, so that a full disk or a lost lock is detected now. */
    if (state_add_line(state, &body, &seq, err) || committer_wait(state->committer, seq, err) ||
        log_parse(&scratch, buf_str(&body), &fields, err))
        return -1;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&state->mutex);
    records_begin_run(r, fields);
    state->claimed = value_getz(fields, "claims") != NULL;
    state_note_applied(state, seq);
    return 0;
}

void state_take_lineage(struct state *state, struct str lineage)
{
    struct records *r = &state->records;
    assert(!r->lineage.n || str_eq(r->lineage, lineage));
    r->lineage = arena_str(&r->arena, lineage);
    secrets_set_lineage(state->secrets, r->lineage);
}

/* The time in seconds, and a mark that identifies such tokens; the rest is random. */
enum { TOKEN_TIME = 4, TOKEN_MARK = 2 };
static const unsigned char token_mark[TOKEN_MARK] = {0x7e, 0x12};

int64_t state_token_ms(struct str token)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str bytes;
    int64_t s = 0;
    if (token.n != 32 || !hex_decode(&scratch, token, &bytes) ||
        memcmp(bytes.p + TOKEN_TIME, token_mark, TOKEN_MARK) != 0)
        return 0;
    for (int i = 0; i < TOKEN_TIME; i++)
        s = s << 8 | (unsigned char)bytes.p[i];
    return s * 1000;
}

void state_token(char out[33])
{
    unsigned char bytes[16];
    uint64_t s = (uint64_t)clock_wall_ms() / 1000;
    hash_random(bytes, sizeof bytes);
    for (int i = 0; i < TOKEN_TIME; i++)
        bytes[i] = (unsigned char)(s >> (8 * (TOKEN_TIME - 1 - i)));
    memcpy(bytes + TOKEN_TIME, token_mark, TOKEN_MARK);
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

int state_intent(struct state *state, const struct intent *intent, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    AUTO_BUF struct buf body = BUF_INIT, line = BUF_INIT;
    struct secret_marks marks = {.id = intent->subject.id,
        .schema = intent->schema,
        .sealed = state_has_key(state),
        .given = intent->desired};
    uint64_t seq;
    body_begin(&body, state->run, "intent");
    body_text(&body, "address", intent->subject.address);
    body_type(&body, intent->subject.type, intent->subject.provider);
    body_text(&body, "action", intent->action);
    body_text(&body, "token", intent->token);
    body_text(&body, "id", intent->subject.id);
    body_value(&body, state->secrets, "desired", state_mark_secrets(&scratch, intent->desired, &marks));
    body_value(&body, state->secrets, "set", intent->set);
    body_value(&body, state->secrets, "deps", intent->deps);
    body_value(&body, state->secrets, "place", intent->location);
    if (state_add_line(state, &body, &seq, err))
        return -1;
    buf_addf(&line, "{\"seq\":%" PRIu64 ",", seq);
    buf_add(&line, body.p + 1, body.n - 1);
    pthread_mutex_lock(&state->mutex);
    records_intent(&state->records, intent->subject.address, buf_str(&line));
    state_note_applied(state, seq);
    pthread_mutex_unlock(&state->mutex);
    if (committer_wait(state->committer, seq, err))
        return err_context(err, "recording in the state");
    return state_check_lock(state, err);
}

/* Attributes as the log returns them: secrets decrypted or as hashes. */
static const struct value *as_read(
    struct arena *arena, struct interner *interner, struct state *state, struct str body, struct err *err)
{
    const struct value *line, *attrs;
    interner->arena = arena;
    if (log_parse(arena, body, &line, err))
        return NULL;
    return decode_value(interner, state->secrets, value_getz(line, "attrs"), &attrs, err) ? NULL : attrs;
}

/* Marks all known secrets in an object to record, so that none is written in clear text. */
static const struct value *marked_attrs(
    struct state *state, struct arena *arena, const struct outcome *outcome)
{
    struct secret_marks marks = {.id = outcome->record.subject.id,
        .schema = outcome->schema,
        .sealed = state_has_key(state),
        .given = outcome->given};
    if (!outcome->record.attrs)
        return NULL;
    pthread_mutex_lock(&state->mutex);
    const struct record *record = map_get(&state->records.by_address, outcome->record.subject.address);
    if (!outcome->given)
        marks.intended = records_intended(&state->records, outcome->record.subject.address, arena);
    pthread_mutex_unlock(&state->mutex);
    marks.recorded = record ? record->attrs : NULL;
    return state_mark_secrets(arena, outcome->record.attrs, &marks);
}

static int record_outcome(
    struct state *state, struct buf *body, const struct outcome *outcome, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct interner interner = {0};
    struct record draft = outcome->record;
    struct str address = draft.subject.address;
    draft.recent_since = STR_EMPTY;
    draft.before = NULL;
    int result = -1;
    draft.attrs = marked_attrs(state, &scratch, outcome);
    if (draft.attrs)
        body_record(body, state->secrets, &draft);
    if (state_add_line(state, body, &draft.seq, err))
        return -1;
    if (value_is_sensitive(draft.attrs) &&
        !(draft.attrs = as_read(&scratch, &interner, state, buf_str(body), err)))
        goto out;
    pthread_mutex_lock(&state->mutex);
    records_end_intent(&state->records, address);
    if (draft.attrs)
        records_put(&state->records, &draft);
    else
        records_remove(&state->records, address);
    state_note_applied(state, draft.seq);
    pthread_mutex_unlock(&state->mutex);
    result = 0;
out:
    interner_release(&interner);
    return result;
}

int state_done(struct state *state, const struct outcome *outcome, struct err *err)
{
    AUTO_BUF struct buf body = BUF_INIT;
    body_begin(&body, state->run, "done");
    body_text(&body, "address", outcome->record.subject.address);
    body_text(&body, "action", outcome->action);
    return record_outcome(state, &body, outcome, err);
}

/*
 * True if the error leaves open whether the change was applied: no response, or one of a failing server. A
 * request that could not be sent was not applied.
 */
static bool leaves_open(const struct err *why)
{
    if (!why)
        return false;
    bool unanswered = why->class == ERR_NETWORK || why->class == ERR_TIMEOUT;
    return why->unsure || (unanswered && !why->retryable) || why->class == ERR_INTERRUPTED ||
           why->class == ERR_PROTOCOL || why->http_status >= 500;
}

int state_fail(struct state *state, struct str address, struct str action, const struct err *why,
    const struct outcome *left, struct err *err)
{
    AUTO_BUF struct buf body = BUF_INIT;
    uint64_t seq;
    body_begin(&body, state->run, "fail");
    body_text(&body, "address", address);
    body_text(&body, "action", action);
    body_error(&body, why);
    if (left && left->record.attrs)
        return record_outcome(state, &body, left, err);
    bool unclear = leaves_open(why);
    body_flag(&body, "unclear", unclear);
    if (state_add_line(state, &body, &seq, err))
        return -1;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&state->mutex);
    if (!unclear)
        records_end_intent(&state->records, address);
    state_note_applied(state, seq);
    return 0;
}

bool state_is_broken(struct state *state)
{
    return state->committer && committer_is_broken(state->committer);
}

int state_flush(struct state *state, struct err *err)
{
    return state->committer ? committer_flush(state->committer, err) : 0;
}

int state_end(struct state *state, const char *status, const struct value *counts, const struct value *checks,
    struct err *err)
{
    AUTO_BUF struct buf body = BUF_INIT;
    uint64_t seq;
    body_begin(&body, state->run, "end");
    body_text(&body, "status", str_z(status));
    body_value(&body, state->secrets, "counts", counts);
    body_value(&body, state->secrets, "checks", checks);
    if (state_add_line(state, &body, &seq, err))
        return -1;
    pthread_mutex_lock(&state->mutex);
    state_note_applied(state, seq);
    pthread_mutex_unlock(&state->mutex);
    if (state_flush(state, err))
        return -1;
    records_end_run(&state->records, str_z(state->run));
    state->claimed = false;
    return 0;
}

/* ---- other records of a run: moves, host keys, outputs, the lease, sources; values for files of the state
 * ---- */

int state_move(struct state *state, struct str from, struct str to, struct err *err)
{
    AUTO_BUF struct buf body = BUF_INIT;
    uint64_t seq;
    if (!state_get(state, from))
        return err_set(err, ERR_ABSENT, "the state has no \"%.*s\"", STR_ARG(from));
    if (state_get(state, to))
        return err_set(err, ERR_EXISTS, "the state has a \"%.*s\" already", STR_ARG(to));
    body_begin(&body, state->run, "move");
    body_text(&body, "from", from);
    body_text(&body, "to", to);
    if (state_add_line(state, &body, &seq, err))
        return -1;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&state->mutex);
    records_move(&state->records, from, to);
    state->records.moves++;
    state_note_applied(state, seq);
    return 0;
}

int state_drop(struct state *state, struct str address, struct err *err)
{
    AUTO_BUF struct buf body = BUF_INIT;
    uint64_t seq;
    body_begin(&body, state->run, "drop");
    body_text(&body, "address", address);
    if (state_add_line(state, &body, &seq, err))
        return -1;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&state->mutex);
    records_end_intent(&state->records, address);
    records_remove(&state->records, address);
    state_note_applied(state, seq);
    return 0;
}

int state_trust(struct state *state, struct str connection, struct str key, struct str of, struct err *err)
{
    AUTO_BUF struct buf body = BUF_INIT;
    uint64_t seq;
    body_begin(&body, state->run, "trust");
    body_text(&body, "connection", connection);
    body_text(&body, "key", key);
    if (of.n)
        body_text(&body, "of", of);
    if (state_add_line(state, &body, &seq, err))
        return -1;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&state->mutex);
    records_trust(&state->records, connection, key, of);
    state_note_applied(state, seq);
    return 0;
}

int state_set_outputs(struct state *state, const struct value *outputs, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    AUTO_BUF struct buf body = BUF_INIT;
    const struct value *line, *kept;
    uint64_t seq;
    body_begin(&body, state->run, "outputs");
    body_value(&body, state->secrets, "values", outputs ? outputs : &value_empty_map);
    if (state_add_line(state, &body, &seq, err))
        return -1;
    if (state->in_turn && committer_wait(state->committer, seq, err)) /* other runs may write until then */
        return -1;
    if (log_parse(&scratch, buf_str(&body), &line, err))
        return -1;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&state->mutex);
    int result =
        decode_value(&state->records.interner, state->secrets, value_getz(line, "values"), &kept, err);
    if (!result)
        state->records.outputs = kept;
    state_note_applied(state, seq);
    return result;
}

int state_set_lease(struct state *state, const struct lease *lease, struct err *err)
{
    AUTO_BUF struct buf body = BUF_INIT;
    uint64_t seq;
    body_begin(&body, state->run, "lease");
    body_lease(&body, lease);
    if (state_add_line(state, &body, &seq, err))
        return -1;
    pthread_mutex_lock(&state->mutex);
    state->records.lease = *lease;
    state_note_applied(state, seq);
    pthread_mutex_unlock(&state->mutex);
    return committer_wait(state->committer, seq, err) ? err_context(err, "recording in the state") : 0;
}

bool state_has_sources(struct state *state, struct str digest)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&state->mutex);
    return str_eq(digest, state->records.digest);
}

int state_keep_sources(struct state *state, struct str digest, const struct value *files, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    AUTO_BUF struct buf body = BUF_INIT;
    uint64_t seq;
    bool kept = state_has_sources(state, digest);
    body_begin(&body, state->run, "sources");
    body_text(&body, "digest", digest);
    if (files && !kept)
        body_value(&body, state->secrets, "files",
            state_has_key(state) ? value_mark(&scratch, files, VALUE_SENSITIVE) : files);
    if (state_add_line(state, &body, &seq, err))
        return -1;
    pthread_mutex_lock(&state->mutex);
    if (files && !kept)
        state->records.digest = arena_str(&state->records.arena, digest);
    state_note_applied(state, seq);
    pthread_mutex_unlock(&state->mutex);
    return 0;
}

/* ---- values for files that belong to the state ---- */

void state_write_value(const struct state *state, struct buf *out, const struct value *v)
{
    encode_value(out, state->secrets, v);
}

int state_read_value(const struct state *state, struct arena *arena, const struct value *kept,
    const struct value **out, struct err *err)
{
    struct interner interner = {.arena = arena};
    int rc = decode_value(&interner, state->secrets, kept, out, err);
    interner_release(&interner);
    return rc;
}

struct str state_mac(const struct state *state, struct arena *arena, struct str text)
{
    return secrets_mac(state->secrets, arena, text);
}

bool state_mac_is_ours(const struct state *state, struct str text, struct str mac)
{
    return secrets_mac_is_ours(state->secrets, text, mac);
}
