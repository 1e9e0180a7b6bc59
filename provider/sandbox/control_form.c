/* Attributes with a language of their own: `sandbox: {check: {attribute: language}}`. */
#include "provider/sandbox/control_internal.h"
#include "provider/sandbox/jobs/asl.h"

/* NULL where it is right; else what the service says. */
static struct str check_states(struct call *call, const struct value *v)
{
    struct asl_diags diags = {.arena = call->arena};
    AUTO_BUF struct buf all = BUF_INIT;
    asl_validate(v, &diags);
    for (size_t i = 0; i < diags.n; i++)
        buf_addf(&all, "%s%.*s: %.*s at %.*s", i ? ", " : "", STR_ARG(diags.items[i].code),
            STR_ARG(diags.items[i].message), STR_ARG(diags.items[i].location));
    asl_diags_release(&diags);
    return all.n ? arena_printf(call->arena, "Invalid State Machine Definition: '%s'", all.p) : STR_EMPTY;
}

static const struct {
    const char *name, *code;
    struct str (*check)(struct call *call, const struct value *v);
} languages[] = {{"states", "InvalidDefinition", check_states}};

int check_forms(struct call *call, const struct value *attrs)
{
    const struct value *checks = value_getz(call->role->type->sandbox, "check");
    for (uint32_t i = 0; checks && i < checks->count; i++) {
        const struct value *v = value_get(attrs, checks->entries[i].key);
        struct str language = value_text(checks->entries[i].value, STR_EMPTY);
        for (size_t k = 0; k < sizeof languages / sizeof *languages && !value_is_null(v); k++) {
            if (!str_eqz(language, languages[k].name))
                continue;
            struct str why = languages[k].check(call, v);
            if (why.n)
                return refuse(call, 400, str_z(languages[k].code), "%.*s", STR_ARG(why));
        }
    }
    return 0;
}
