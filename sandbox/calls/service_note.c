/* Notes: what services keep beside a record of the control plane, a file each. */
#include "sandbox/calls/services.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"

enum { MAX_FILE = 64 * 1024 * 1024 };

static int path_of(const struct service_call *call, const char *kind, const struct control_record *record,
    struct str *out, struct err *err)
{
    struct str dir;
    struct str whole = arena_printf(call->arena, "%.*s\n%.*s", STR_ARG(record->region), STR_ARG(record->id));
    if (services_dir(call->services, call->arena, kind, &dir, err))
        return -1;
    *out = arena_printf(call->arena, "%s/%.32s.json", dir.p, sha256_hex(call->arena, whole).p);
    return 0;
}

const struct value *service_note_read(
    const struct service_call *call, const char *kind, const struct control_record *record)
{
    struct str path, text;
    const struct value *note;
    if (path_of(call, kind, record, &path, ERR_IGNORED) ||
        file_read(call->arena, path.p, MAX_FILE, &text, ERR_IGNORED) ||
        json_parse(call->arena, text, &note, ERR_IGNORED) ||
        service_int(note, "made", 0) != record->created_ms)
        return &value_empty_map;
    return note;
}

/* What cannot be read now is not written over: whoever can may still want it. */
static int check_kept(const struct service_call *call, struct str path, struct err *err)
{
    struct str text;
    const struct value *kept;
    if (!path_exists(path.p) ||
        (!file_read(call->arena, path.p, MAX_FILE, &text, err) && !json_parse(call->arena, text, &kept, err)))
        return 0;
    err_context(err, "%.*s is kept as it is", STR_ARG(path));
    return -1;
}

int service_unkept(const struct service_call *call, const struct err *why, struct err *err)
{
    static const struct {
        const char *service, *code;
    } codes[] = {{"ec2", "InternalError"}, {"kms", "KMSInternalException"},
        {"glue", "InternalServiceException"}, {"monitoring", "InternalServiceFault"},
        {"lambda", "ServiceException"}, {"states", "InternalServerException"}, {"ecr", "ServerException"},
        {"secretsmanager", "InternalServiceError"}, {"ssm", "InternalServerError"}};
    const char *code = "InternalFailure";
    for (size_t i = 0; call->operation && i < sizeof codes / sizeof *codes; i++)
        if (!strcmp(call->operation->service, codes[i].service))
            code = codes[i].code;
    return service_refuse(err, 500, code, "%s", why->message);
}

int service_note_write(const struct service_call *call, const char *kind, const struct control_record *record,
    const struct value *note, struct err *err)
{
    AUTO_BUF struct buf text = BUF_INIT;
    struct str path;
    struct err why = ERR_INIT;
    note = value_with(call->arena, note, STR("id"), value_string(call->arena, record->id));
    note = value_with(call->arena, note, STR("made"), value_int(call->arena, record->created_ms));
    json_write(&text, note, JSON_PLAIN);
    return path_of(call, kind, record, &path, &why) || check_kept(call, path, &why) ||
                   file_write_atomic(path.p, buf_str(&text), 0600, &why)
               ? service_unkept(call, &why, err)
               : 0;
}
