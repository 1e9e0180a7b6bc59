/* Operations on several secrets: reading values, with an error for each secret that cannot be read, and
 * listing with filters. */
#include "sandbox/engine/view.h"
#include "sandbox/services/shared/tables.h"

#include <stdlib.h>

enum { MAX_SECRETS = 20 };

static const struct value *batch_error(struct arena *arena, struct str id, const struct err *err)
{
    struct value_builder b = VALUE_BUILDER(arena);
    view_text(&b, "SecretId", id);
    view_text(&b, "ErrorCode", str_z(err->code));
    view_text(&b, "Message", str_z(err->message));
    return value_builder_map(&b);
}

/* Reads a value with the caller's permissions. */
static int value_of(struct service_call *call, struct str id, const struct value **value, struct err *err)
{
    const struct gate_caller caller = {.session = call->caller};
    const struct service_request request = {.service = STR("secretsmanager"),
        .operation = STR("GetSecretValue"),
        .region = call->region,
        .input = value_with(call->arena, NULL, STR("SecretId"), value_string_ref(call->arena, id)),
        .as = call->caller ? &caller : NULL};
    return services_call(call->services, call->arena, &request, value, err);
}

/* ---- filters ---- */

static bool any_word_begins(struct str text, struct str begin)
{
    while (text.p) {
        struct str word = str_cut(text, ' ', &text);
        if (word.n >= begin.n && str_ieq(str_slice(word, 0, begin.n), begin))
            return true;
    }
    return false;
}

/* True if each wanted word is a prefix of a word of the text. */
static bool has_words(struct str text, struct str wanted)
{
    while (wanted.p) {
        struct str word = str_cut(wanted, ' ', &wanted);
        if (word.n && !any_word_begins(text, word))
            return false;
    }
    return true;
}

static bool has_tag(const struct value *secret, const char *part, struct str begin)
{
    const struct value *tags = value_as_list(value_getz(secret, "Tags"));
    for (uint32_t i = 0; i < tags->count; i++)
        if (str_starts(value_gets(tags->items[i], part), begin))
            return true;
    return false;
}

static bool has_text(const struct value *secret, struct str key, struct str wanted)
{
    bool all = str_eqz(key, "all");
    return (str_eqz(key, "name") && str_starts(value_gets(secret, "Name"), wanted)) ||
           (all && has_words(value_gets(secret, "Name"), wanted)) ||
           ((all || str_eqz(key, "description")) && has_words(value_gets(secret, "Description"), wanted)) ||
           ((all || str_eqz(key, "tag-key")) && has_tag(secret, "Key", wanted)) ||
           ((all || str_eqz(key, "tag-value")) && has_tag(secret, "Value", wanted)) ||
           (str_eqz(key, "owning-service") && wanted.n &&
               str_eq(value_gets(secret, "OwningService"), wanted));
}

/* True if the secret matches one of the values; a value with "!" before it must not match. */
static bool secret_passes(const struct value *secret, const struct value *filter)
{
    const struct value *values = value_as_list(value_getz(filter, "Values"));
    for (uint32_t i = 0; i < values->count; i++) {
        struct str wanted = value_text(values->items[i], STR_EMPTY);
        bool not = str_starts(wanted, STR("!"));
        if (has_text(secret, value_gets(filter, "Key"), str_slice(wanted, not, wanted.n)) != not )
            return true;
    }
    return false;
}

static bool passes_all(const struct value *secret, const struct value *filters)
{
    for (uint32_t i = 0; i < filters->count; i++)
        if (!secret_passes(secret, filters->items[i]))
            return false;
    return true;
}

static int check_filters(const struct value *filters, struct err *err)
{
    for (uint32_t i = 0; i < filters->count; i++) {
        if (!str_is_any(value_gets(filters->items[i], "Key"),
                "name description tag-key tag-value owning-service all"))
            return service_refuse(err, 400, "InvalidParameterException",
                "the sandbox does not know the filter %.*s", STR_ARG(value_gets(filters->items[i], "Key")));
    }
    return 0;
}

/* Lists all secrets of the region, page by page. */
static int list_all(struct service_call *call, struct value_builder *out, struct err *err)
{
    static const struct str others[] = {STR_INIT("Filters"), STR_INIT("MaxResults"), STR_INIT("NextToken"),
        STR_INIT("SortBy"), STR_INIT("SortOrder")};
    const struct value *page, *next,
        *input = value_without(call->arena, call->input, others, sizeof others / sizeof *others);
    do {
        if (service_control(call, "ListSecrets", input, &page, err))
            return -1;
        const struct value *secrets = value_as_list(value_getz(page, "SecretList"));
        for (uint32_t i = 0; i < secrets->count; i++)
            value_builder_add(out, secrets->items[i]);
        next = value_getz(page, "NextToken");
        input = value_with(call->arena, input, STR("NextToken"), next);
    } while (!value_is_null(next));
    return 0;
}

static double time_of(const struct value *v)
{
    return v && (v->kind == VALUE_INT || v->kind == VALUE_FLOAT) ? value_number(v) : 0;
}

/* Compares two secrets by the member that *by names. */
static int compare_secrets(const void *a, const void *b, void *by)
{
    const struct value *x = value_getz(*(const struct value *const *)a, *(const char **)by),
                       *y = value_getz(*(const struct value *const *)b, *(const char **)by);
    if (x && x->kind == VALUE_STRING)
        return str_cmp(x->string, value_text(y, STR_EMPTY));
    return (time_of(x) > time_of(y)) - (time_of(x) < time_of(y));
}

/* Returns the secrets that pass the filters, in the requested order. */
static int find_secrets(struct service_call *call, const struct value **out, struct err *err)
{
    const struct value *filters = value_as_list(value_getz(call->input, "Filters"));
    struct str by = value_gets(call->input, "SortBy");
    const char *member = str_eqz(by, "name")                 ? "Name"
                         : str_eqz(by, "last-changed-date")  ? "LastChangedDate"
                         : str_eqz(by, "last-accessed-date") ? "LastAccessedDate"
                                                             : "CreatedDate";
    struct value_builder list = VALUE_BUILDER(call->arena), found = VALUE_BUILDER(call->arena);
    if (check_filters(filters, err) || list_all(call, &list, err))
        return -1;
    const struct value *all = value_builder_list(&list);
    const struct value **sorted = ARENA_ARRAY(call->arena, const struct value *, all->count + 1);
    uint32_t n = 0;
    for (uint32_t i = 0; i < all->count; i++)
        if (passes_all(all->items[i], filters))
            sorted[n++] = all->items[i];
    qsort_r(sorted, n, sizeof *sorted, compare_secrets, &member);
    bool falls = str_eqz(value_gets(call->input, "SortOrder"), "desc");
    for (uint32_t i = 0; i < n; i++)
        value_builder_add(&found, sorted[falls ? n - 1 - i : i]);
    *out = value_builder_list(&found);
    return 0;
}

static int list_secrets(struct service_call *call, struct err *err)
{
    const struct value *found;
    call->declined = !value_as_list(value_getz(call->input, "Filters"))->count &&
                     !value_getz(call->input, "SortBy") && !value_getz(call->input, "SortOrder");
    if (call->declined)
        return 0;
    return find_secrets(call, &found, err) ? -1 : service_answer_page(call, "SecretList", found, 100, err);
}

/* Returns the ids in SecretIdList, or the ARNs of a page of the secrets that pass the filters. */
static int wanted_ids(struct service_call *call, const struct value **ids, struct err *err)
{
    const struct value *found, *next;
    size_t first, end;
    struct value_builder arns = VALUE_BUILDER(call->arena);
    if (!value_getz(call->input, "Filters"))
        return service_list_within(call, "SecretIdList", 1, MAX_SECRETS, ids, err);
    if (value_getz(call->input, "SecretIdList"))
        return service_refuse(err, 400, "InvalidParameterException",
            "Either 'SecretIdList' or 'Filters' must be provided, but not both.");
    if (find_secrets(call, &found, err) ||
        service_page(call, "NextToken", "MaxResults", MAX_SECRETS, found->count, &first, &end, &next, err))
        return -1;
    for (size_t i = first; i < end; i++)
        value_builder_add(&arns, value_getz(found->items[i], "ARN"));
    service_answer(call, "NextToken", next);
    *ids = value_builder_list(&arns);
    return 0;
}

static int batch_get(struct service_call *call, struct err *err)
{
    const struct value *ids;
    struct value_builder values = VALUE_BUILDER(call->arena), errors = VALUE_BUILDER(call->arena);
    if (wanted_ids(call, &ids, err))
        return -1;
    for (uint32_t i = 0; i < ids->count; i++) {
        struct str id = value_text(ids->items[i], STR_EMPTY);
        struct err failure = ERR_INIT;
        const struct value *value;
        if (value_of(call, id, &value, &failure))
            value_builder_add(&errors, batch_error(call->arena, id, &failure));
        else
            value_builder_add(&values, value);
    }
    service_answer(call, "SecretValues", value_builder_list(&values));
    service_answer(call, "Errors", value_builder_list(&errors));
    return 0;
}

const struct service_operation secrets_batch_operations[] = {
    {"secretsmanager", "ListSecrets", list_secrets},
    {"secretsmanager", "BatchGetSecretValue", batch_get},
    {0},
};
