/* Live objects of the refresh, and findings of rules, in a saved plan. */
#include "plan/saved/saved.h"

#include "base/json.h"
#include "base/mask.h"
#include "plan/objects/objects.h"

/* ---- findings of rules ---- */

static const struct value *finding_saved(struct arena *arena, const struct rule_finding *f)
{
    struct span at = span_complete(f->span);
    return VALUE_MAP(arena, {STR("rule"), value_string(arena, f->rule)},
        {STR("address"), value_string(arena, f->address)}, {STR("type"), value_string(arena, f->type)},
        {STR("message"), value_string(arena, f->message)}, {STR("doc"), value_string(arena, f->doc)},
        {STR("control"), value_string(arena, f->control)}, {STR("link"), value_string(arena, f->link)},
        {STR("level"), value_stringz(arena, rule_level_name(f->level))},
        {STR("outcome"), value_stringz(arena, finding_outcome_name(f->outcome))},
        {STR("reason"), value_string(arena, f->reason)}, {STR("until"), value_string(arena, f->until)},
        {STR("unknown"), value_bool(f->unknown)},
        {STR("file"), value_string(arena, at.source ? at.source->path : STR_EMPTY)},
        {STR("line"), value_int(arena, at.line)}, {STR("column"), value_int(arena, at.column)});
}

const struct value *saved_findings(const struct plan *plan, struct arena *arena)
{
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(arena);
    for (size_t i = 0; i < plan->finding_count; i++)
        value_builder_add(&list, finding_saved(arena, &plan->findings[i]));
    return value_builder_list(&list);
}

/* Returns the number of the name; 0 if it is unknown. */
static int number_of(struct str name, const char *(*name_of)(int i), int n)
{
    for (int i = 0; i < n; i++)
        if (str_eqz(name, name_of(i)))
            return i;
    return 0;
}

static const char *level_name(int i)
{
    return rule_level_name((enum rule_level)i);
}

static const char *outcome_name(int i)
{
    return finding_outcome_name((enum finding_outcome)i);
}

static struct span read_place(struct arena *arena, const struct value *saved)
{
    struct source *source = ARENA_NEW(arena, struct source);
    *source = (struct source){.path = value_gets(saved, "file"), .text = STR_EMPTY};
    return (struct span){.source = source->path.n ? source : NULL,
        .line = (uint32_t)value_get_count(saved, "line"),
        .column = (uint32_t)value_get_count(saved, "column")};
}

void saved_findings_read(const struct value *saved, struct arena *arena, struct plan *out)
{
    const struct value *list = value_as_list(saved);
    out->findings = ARENA_ARRAY(arena, struct rule_finding, list->count + 1);
    for (uint32_t i = 0; i < list->count; i++) {
        const struct value *one = list->items[i];
        out->findings[out->finding_count++] = (struct rule_finding){.rule = value_gets(one, "rule"),
            .address = value_gets(one, "address"),
            .type = value_gets(one, "type"),
            .message = value_gets(one, "message"),
            .doc = value_gets(one, "doc"),
            .control = value_gets(one, "control"),
            .link = value_gets(one, "link"),
            .level = (enum rule_level)number_of(value_gets(one, "level"), level_name, RULE_LEVELS),
            .outcome =
                (enum finding_outcome)number_of(value_gets(one, "outcome"), outcome_name, FINDING_OUTCOMES),
            .reason = value_gets(one, "reason"),
            .until = value_gets(one, "until"),
            .unknown = value_getb(one, "unknown"),
            .span = read_place(arena, one)};
    }
}

/* Marks a value that is not secret as a whole but contains a secret. */
#define MASKED_MARKER "$masked"

/* ---- writing ---- */

static const struct value *as_kept(const struct state *state, struct arena *arena, const struct value *v)
{
    AUTO_BUF struct buf text = BUF_INIT;
    const struct value *kept = &value_null;
    state_write_value(state, &text, v);
    scan_json(arena, arena_str(arena, buf_str(&text)), &kept, NULL);
    return kept;
}

/* Encrypts a value that contains a secret, as JSON text. */
static const struct value *masked_whole(
    const struct state *state, struct arena *arena, const struct value *kept)
{
    const struct value *text = value_mark(arena, json_as_text(arena, kept), VALUE_SENSITIVE);
    return value_with(arena, NULL, STR(MASKED_MARKER), as_kept(state, arena, text));
}

/* Without a key: the recorded hash, if it matches, since two hashes of one secret differ. */
static const struct value *attr_hashed(
    const struct state *state, struct arena *arena, const struct value *v, const struct value *recorded)
{
    bool same = value_is_sensitive(recorded) && state_hash_matches(recorded, v);
    return as_kept(state, arena, same ? recorded : state_hash_secret(arena, v));
}

static const struct value *attr_kept(
    const struct state *state, struct arena *arena, const struct value *v, const struct value *recorded)
{
    AUTO_BUF struct buf text = BUF_INIT;
    bool key = state_has_key(state);
    if (!key && value_is_sensitive(v))
        return attr_hashed(state, arena, v, recorded);
    const struct value *kept = as_kept(state, arena, v);
    json_write(&text, kept, JSON_PLAIN);
    if (!mask_finds(buf_str(&text)))
        return kept;
    return key ? masked_whole(state, arena, kept) : attr_hashed(state, arena, v, recorded);
}

/* Secret by the schema or by the file. */
static const struct value *object_protected(const struct state *state, struct arena *arena,
    const struct schema *schema, const struct recorded_resource *recorded)
{
    const struct value *live = object_mark(arena, schema, recorded->live, recorded->record->attrs);
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < live->count; i++) {
        struct str name = live->entries[i].key;
        const struct value *known = value_get(recorded->record->attrs, name);
        value_builder_set(&b, name, attr_kept(state, arena, live->entries[i].value, known));
    }
    return value_builder_map(&b);
}

const struct value *saved_live_values(const struct planner *p, struct arena *arena)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (size_t i = 0; i < p->recorded.count; i++) {
        const struct recorded_resource *recorded = &p->recorded.items[i];
        if (!recorded->read)
            continue;
        const struct schema *schema =
            catalog_find(p->workspace->catalog, recorded->record->subject.type, false, NULL);
        value_builder_set(&b, recorded->record->subject.address,
            recorded->live && schema ? object_protected(p->workspace->state, arena, schema, recorded)
                                     : &value_null);
    }
    return value_builder_map(&b);
}

/* ---- reading ---- */

static int read_attr(const struct state *state, const struct value *kept, struct arena *arena,
    const struct value **out, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    const struct value *masked = value_getz(kept, MASKED_MARKER), *text, *inner;
    if (!masked || kept->count != 1)
        return state_read_value(state, arena, kept, out, err);
    if (state_read_value(state, &scratch, masked, &text, err) ||
        scan_json(&scratch, value_text(text, STR_EMPTY), &inner, err))
        return -1;
    return state_read_value(state, arena, inner, out, err);
}

/* A hash in the file may be of a value that the state has in clear text, since it names the resource. */
static const struct value *as_recorded(
    const struct state *state, struct str address, struct str name, const struct value *v)
{
    const struct record *record = state_is_hash(v) ? state_get(state, address) : NULL;
    const struct value *recorded = record ? value_get(record->attrs, name) : NULL;
    return object_hash_matches(v, recorded) ? recorded : v;
}

static int read_object(const struct state *state, struct str address, const struct value *kept,
    struct arena *arena, const struct value **out, struct err *err)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    *out = &value_null;
    if (kept->kind != VALUE_MAP)
        return 0;
    for (uint32_t i = 0; i < kept->count; i++) {
        const struct value *v;
        if (read_attr(state, kept->entries[i].value, arena, &v, err))
            return err_context(err, "%.*s", STR_ARG(kept->entries[i].key));
        struct str name = arena_str(arena, kept->entries[i].key);
        value_builder_set(&b, name, as_recorded(state, address, name, v));
    }
    *out = value_builder_map(&b);
    return 0;
}

int saved_live_read(const struct state *state, const struct value *saved, struct arena *arena,
    const struct value **out, struct err *err)
{
    AUTO_BUILDER struct value_builder objects = VALUE_BUILDER(arena);
    saved = value_as_map(saved);
    for (uint32_t i = 0; i < saved->count; i++) {
        const struct value *object;
        struct str address = arena_str(arena, saved->entries[i].key);
        if (read_object(state, address, saved->entries[i].value, arena, &object, err))
            return err_context(err, "the live values of %.*s", STR_ARG(address));
        value_builder_set(&objects, address, object);
    }
    *out = value_builder_map(&objects);
    return 0;
}
