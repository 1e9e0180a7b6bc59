/*
 * The decisions of a plan in comparable form: a fingerprint of all of them, to recognise an equal plan, and
 * data of each resource, to show differences.
 */
#include "plan/saved/saved.h"

#include "base/json.h"

enum { SHOWN_MAX = 100, DIGEST_SHOWN = 16 };

/* ---- writing ---- */

/* Without secrets: sensitive inputs are compared by their hashes. */
static void add_attr_text(struct buf *out, const struct attr_change *change)
{
    bool hashed = change->attr && change->attr->write_only;
    json_write(out, hashed ? NULL : change->before, JSON_REDACT | JSON_MARK_UNKNOWN);
    buf_addz(out, " -> ");
    json_write(out, change->after, JSON_REDACT | JSON_MARK_UNKNOWN);
}

/* The region, since a plan for one region is not valid for another. */
static void add_location(
    struct buf *out, const struct plan *plan, const struct change *change, struct arena *arena)
{
    struct provider *provider = workspace_opened(plan->workspace, change->subject.provider);
    const struct value *location = NULL;
    if (provider && change->schema && change->instance &&
        !provider_location(provider, change->schema, false, arena, &location, ERR_IGNORED) && location)
        buf_addf(out, "in %.*s\n", STR_ARG(value_gets(location, "region")));
}

struct str decisions_fingerprint(const struct plan *plan, struct arena *arena)
{
    AUTO_BUF struct buf text = BUF_INIT;
    for (size_t i = 0; i < plan->change_count; i++) {
        const struct change *change = plan->changes[i];
        buf_addf(&text, "%.*s %s %.*s %d\n", STR_ARG(change->subject.address),
            action_name(change->decision.action), STR_ARG(change->moved_from), change->decision.create_first);
        add_location(&text, plan, change, arena);
        for (size_t k = 0; k < change->attr_count; k++) {
            buf_addf(&text, " %.*s ", STR_ARG(change->attrs[k].name));
            add_attr_text(&text, &change->attrs[k]);
            buf_addz(&text, "\n");
        }
    }
    return sha256_hex(arena, buf_str(&text));
}

struct str outputs_fingerprint(const struct plan *plan, struct arena *arena)
{
    AUTO_BUF struct buf text = BUF_INIT;
    json_write(&text, plan->output_values, JSON_REDACT | JSON_MARK_UNKNOWN);
    return sha256_hex(arena, buf_str(&text));
}

/* The attribute's new value as JSON, if it is short and not secret; otherwise "#" and a digest. */
static struct str attr_trace(struct arena *arena, const struct attr_change *change)
{
    AUTO_BUF struct buf text = BUF_INIT;
    const struct value *after = change->after;
    bool plain = after && after->kind != VALUE_LIST && after->kind != VALUE_MAP && value_is_known(after) &&
                 !value_is_sensitive(after) && !(change->attr && change->attr->sensitive);
    if (plain)
        json_write(&text, after, JSON_PLAIN);
    if (plain && text.n <= SHOWN_MAX)
        return arena_str(arena, buf_str(&text));
    buf_clear(&text);
    add_attr_text(&text, change);
    struct str digest = sha256_hex(arena, buf_str(&text));
    return arena_printf(arena, "#%.*s", STR_ARG(str_slice(digest, 0, DIGEST_SHOWN)));
}

const struct value *decisions_of(const struct plan *plan, struct arena *arena)
{
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(arena);
    for (size_t i = 0; i < plan->change_count; i++) {
        const struct change *change = plan->changes[i];
        AUTO_BUILDER struct value_builder attrs = VALUE_BUILDER(arena);
        for (size_t k = 0; k < change->attr_count; k++)
            value_builder_set(
                &attrs, change->attrs[k].name, value_string_ref(arena, attr_trace(arena, &change->attrs[k])));
        value_builder_set(&list, change->subject.address,
            VALUE_MAP(arena, {STR("action"), value_stringz(arena, action_name(change->decision.action))},
                {STR("attrs"), value_builder_map(&attrs)}));
    }
    return value_builder_map(&list);
}

/* ---- comparing ---- */

/* "created" for action "create"; a resource that is not in the plan is left as it is. */
static const char *decision_word(const struct value *decision)
{
    static const char *const words[ACTION_COUNT] = {
        "left as it is", "read", "created", "updated", "replaced", "deleted", "adopted", "forgotten"};
    return words[action_named(value_gets(decision, "action"))];
}

/* Returns an attribute that differs, preferably a configured one. NULL: none. */
static const struct attr *differing_attr(
    const struct change *change, const struct value *now, const struct value *then)
{
    const struct attr *found = NULL;
    for (size_t i = 0; i < change->attr_count; i++) {
        const struct attr *attr = change->attrs[i].attr;
        if (value_equal(value_get(now, attr->name), value_get(then, attr->name)))
            continue;
        if (attr->settable || attr->prepared)
            return attr;
        found = found ? found : attr;
    }
    return found;
}

static struct str text_in(const struct value *decision, const struct attr *attr)
{
    return attr ? value_text(value_get(value_getz(decision, "attrs"), attr->name), STR_EMPTY) : STR_EMPTY;
}

/* Describes the difference for a message. */
static struct str difference_text(
    struct arena *arena, const struct change *change, const struct value *now, const struct value *then)
{
    const struct attr *attr =
        change ? differing_attr(change, value_getz(now, "attrs"), value_getz(then, "attrs")) : NULL;
    struct str is = text_in(now, attr), was = text_in(then, attr);
    if (!value_equal(value_getz(now, "action"), value_getz(then, "action")))
        return arena_printf(
            arena, ": it would be %s now, and not %s", decision_word(now), decision_word(then));
    if (is.n && was.n && is.p[0] != '#' && was.p[0] != '#')
        return arena_printf(
            arena, ": %.*s is now %.*s, not %.*s", STR_ARG(attr->name), STR_ARG(is), STR_ARG(was));
    return attr ? arena_printf(arena, ": %.*s is another", STR_ARG(attr->name)) : STR_EMPTY;
}

/* Returns the first resource that differs, in the stack's order, since others depend on it. "": none. */
static struct str first_differing(const struct plan *plan, const struct value *now, const struct value *then)
{
    const struct planner *p = plan->planner;
    for (size_t i = 0; i < p->stack->decl_count; i++)
        for (size_t k = 0; k < p->evaluated.instances[i].n; k++) {
            struct str address = p->evaluated.instances[i].items[k].address;
            if (!value_equal(value_get(now, address), value_get(then, address)))
                return address;
        }
    return STR_EMPTY;
}

static size_t count_differing(
    struct arena *arena, const struct value *now, const struct value *then, struct str *last)
{
    const struct value *all = value_merge(arena, then, now);
    size_t count = 0;
    for (uint32_t i = 0; i < all->count; i++)
        if (!value_equal(value_get(now, all->entries[i].key), value_get(then, all->entries[i].key))) {
            *last = all->entries[i].key;
            count++;
        }
    return count;
}

int decisions_differ(const struct plan *plan, const struct value *then, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct value *now = decisions_of(plan, &arena);
    struct str any = STR_EMPTY, first = first_differing(plan, now, then);
    size_t count = count_differing(&arena, now, then, &any);
    first = first.n ? first : any;
    struct str what =
        difference_text(&arena, plan_change_at(plan, first), value_get(now, first), value_get(then, first));
    if (count > 1)
        what = arena_printf(
            &arena, "%.*s (%zu more %s)", STR_ARG(what), count - 1, count == 2 ? "differs" : "differ");
    if (count)
        err_set(err, ERR_STALE, "%.*s differs from this plan%.*s", STR_ARG(first), STR_ARG(what));
    else
        err_set(err, ERR_STALE, "the outputs differ from this plan");
    return err_hint(err, "a file or a data source changed since it was made: run `weir plan` again");
}
