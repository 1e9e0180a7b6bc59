/* The note of a secret's versions: see versions.h. */
#include "sandbox/services/secretsmanager/versions.h"

#include "base/hash.h"
#include "sandbox/engine/view.h"

#define NOTE "secrets"

enum { MAX_VERSIONS = 20 };

const struct value *secret_versions(const struct service_call *call, const struct control_record *record)
{
    return value_as_list(value_getz(service_note_read(call, NOTE, record), "versions"));
}

int secret_versions_keep(const struct service_call *call, const struct control_record *record,
    const struct value *versions, struct err *err)
{
    struct err why = ERR_INIT;
    const struct value_entry entry = {STR("versions"), versions};
    if (service_note_write(call, NOTE, record, value_map(call->arena, &entry, 1), &why))
        return service_refuse(err, 500, "InternalServiceError", "%s", why.message);
    return 0;
}

struct str secret_version_id(const struct value *version)
{
    return value_gets(version, "id");
}

bool secret_version_is_current(const struct control_record *record, struct str id)
{
    return str_eq(value_gets(record->attrs, "version_id"), id);
}

static bool has_stage(const struct value *version, struct str stage)
{
    return value_list_has(value_getz(version, "stages"), stage);
}

const struct value *secret_version_without(struct arena *arena, const struct value *version, struct str stage)
{
    struct value_builder b = VALUE_BUILDER(arena);
    const struct value *stages = value_getz(version, "stages");
    for (uint32_t i = 0; stages && i < stages->count; i++)
        if (!str_eq(value_text(stages->items[i], STR_EMPTY), stage))
            value_builder_add(&b, stages->items[i]);
    return value_with(arena, version, STR("stages"), value_builder_list(&b));
}

const struct value *secret_versions_with(
    struct arena *arena, const struct value *versions, const struct value *version)
{
    const struct value *stages = value_getz(version, "stages");
    struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < versions->count; i++) {
        const struct value *one = versions->items[i];
        for (uint32_t k = 0; stages && k < stages->count; k++)
            one = secret_version_without(arena, one, value_text(stages->items[k], STR_EMPTY));
        bool old = versions->count - i >= MAX_VERSIONS && !value_getz(one, "stages")->count;
        if (!str_eq(secret_version_id(one), secret_version_id(version)) && !old)
            value_builder_add(&b, one);
    }
    value_builder_add(&b, version);
    return value_builder_list(&b);
}

const struct value *secret_stage(struct arena *arena, const char *stage)
{
    const struct value *name = value_stringz(arena, stage);
    return value_list(arena, &name, 1);
}

const struct value *secret_version_previous(struct arena *arena, const struct control_record *record)
{
    struct value_builder b = VALUE_BUILDER(arena);
    view_set(&b, "id", value_getz(record->attrs, "version_id"));
    view_set(&b, "stages", secret_stage(arena, SECRET_PREVIOUS));
    view_set(&b, "string", value_getz(record->attrs, "secret_string"));
    const struct value *binary = value_getz(record->attrs, "secret_binary");
    if (binary)
        view_text(&b, "binary", base64_encode(arena, value_text(binary, STR_EMPTY)));
    view_int(&b, "created", record->changed_ms);
    return value_builder_map(&b);
}

const struct value *secret_version_find(
    const struct service_call *call, const struct control_record *record, struct str id, struct str stage)
{
    const struct value *versions = secret_versions(call, record);
    for (uint32_t i = 0; i < versions->count; i++)
        if ((!id.n || str_eq(id, secret_version_id(versions->items[i]))) &&
            (!stage.n || has_stage(versions->items[i], stage)))
            return versions->items[i];
    return NULL;
}
