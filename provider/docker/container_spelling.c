/* How single values are spelt by people, and by the Engine. */
#include "provider/docker/docker.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

static struct str text_of(struct op_ctx *ctx, const struct value *v)
{
    return value_scalar_text(ctx->arena, v);
}

/* ---- 512m, 1.5g; a number is bytes ---- */

static const struct unit {
    const char *name;
    double factor;
} sizes[] = {{"g", 1 << 30}, {"m", 1 << 20}, {"k", 1 << 10}, {"b", 1}},
  times[] = {{"h", 3600e9}, {"m", 60e9}, {"s", 1e9}, {"ms", 1e6}, {"us", 1e3}, {"ns", 1}};

static int64_t size_bytes(struct str text)
{
    char *end;
    double number = strtod(text.p ? text.p : "", &end);
    struct str unit = str_z(text.p ? end : "");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (unit.n && (unit.p[0] | 0x20) == sizes[i].name[0])
            number *= sizes[i].factor;
    return int_within(number);
}

const struct value *spell_size_out(struct op_ctx *ctx, const struct value *v)
{
    return value_int(ctx->arena, size_bytes(text_of(ctx, v)));
}

const struct value *spell_size_in(struct op_ctx *ctx, const struct value *v, const struct value *prior UNUSED)
{
    int64_t bytes = v->kind == VALUE_INT ? v->integer : 0;
    if (!bytes)
        return NULL;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int64_t factor = (int64_t)sizes[i].factor;
        if (bytes % factor == 0)
            return value_string(
                ctx->arena, arena_printf(ctx->arena, "%" PRId64 "%s", bytes / factor, sizes[i].name));
    }
    return value_int(ctx->arena, bytes);
}

/* ---- 30s, 1m30s, 500ms ---- */

static double unit_factor(struct str unit)
{
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        if (str_eqz(unit, times[i].name))
            return times[i].factor;
    return 1e9;
}

const struct value *spell_time_out(struct op_ctx *ctx, const struct value *v)
{
    double total = 0;
    const char *p = text_of(ctx, v).p;
    while (p && *p) {
        char *end;
        double number = strtod(p, &end);
        if (end == p)
            break;
        size_t n = strspn(end, "hmsun");
        total += number * unit_factor(str_n(end, n));
        p = end + n;
    }
    return value_int(ctx->arena, int_within(total));
}

const struct value *spell_time_in(struct op_ctx *ctx, const struct value *v, const struct value *prior)
{
    if (prior && value_equal(spell_time_out(ctx, prior), v))
        return prior;
    int64_t ns = v->kind == VALUE_INT ? v->integer : 0;
    for (size_t i = 0; ns && i < sizeof times / sizeof *times; i++) {
        int64_t factor = (int64_t)times[i].factor;
        if (ns % factor == 0)
            return value_string(
                ctx->arena, arena_printf(ctx->arena, "%" PRId64 "%s", ns / factor, times[i].name));
    }
    return NULL;
}

/* ---- 1.5 processors ---- */

const struct value *spell_cpus_out(struct op_ctx *ctx, const struct value *v)
{
    double cpus = v->kind == VALUE_FLOAT ? v->number : v->kind == VALUE_INT ? (double)v->integer : 0;
    return value_int(ctx->arena, int_within(round(cpus * 1e9)));
}

const struct value *spell_cpus_in(struct op_ctx *ctx, const struct value *v, const struct value *prior UNUSED)
{
    return v->kind == VALUE_INT && v->integer ? value_float(ctx->arena, (double)v->integer / 1e9) : NULL;
}

/* ---- on-failure:5 ---- */

const struct value *spell_restart_out(struct op_ctx *ctx, const struct value *v)
{
    struct str count, name = str_cut(value_text(v, STR_EMPTY), ':', &count);
    int64_t tries = 0;
    str_to_int(count, &tries);
    struct value_entry entries[] = {{STR("Name"), value_string(ctx->arena, name)},
        {STR("MaximumRetryCount"), value_int(ctx->arena, tries)}};
    return value_map(ctx->arena, entries, tries ? 2 : 1);
}

const struct value *spell_restart_in(
    struct op_ctx *ctx, const struct value *v, const struct value *prior UNUSED)
{
    struct str name = value_gets(v, "Name");
    int64_t tries = value_geti(v, "MaximumRetryCount", 0);
    if (tries)
        return value_string(ctx->arena, arena_printf(ctx->arena, "%.*s:%" PRId64, STR_ARG(name), tries));
    return value_string(ctx->arena, name.n ? name : STR("no"));
}

/* ---- A=b ---- */

const struct value *spell_env_out(struct op_ctx *ctx, const struct value *v)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(ctx->arena);
    for (uint32_t i = 0; v && v->kind == VALUE_MAP && i < v->count; i++)
        if (!value_is_null(v->entries[i].value)) {
            struct str value = text_of(ctx, v->entries[i].value);
            value_builder_add(
                &out, value_string(ctx->arena,
                          arena_printf(ctx->arena, "%.*s=%.*s", STR_ARG(v->entries[i].key), STR_ARG(value))));
        }
    return value_builder_list(&out);
}

const struct value *spell_env_in(struct op_ctx *ctx, const struct value *v, const struct value *prior)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(ctx->arena);
    for (uint32_t i = 0; v && v->kind == VALUE_LIST && i < v->count; i++) {
        struct str value, key = str_cut(value_text(v->items[i], STR_EMPTY), '=', &value);
        if (value.p && (!prior || value_get(prior, key)))
            value_builder_set(&out, arena_str(ctx->arena, key), value_string(ctx->arena, value));
    }
    return value_builder_map(&out);
}

/* ---- net_admin is CAP_NET_ADMIN ---- */

const struct value *spell_caps_out(struct op_ctx *ctx, const struct value *v)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(ctx->arena);
    for (uint32_t i = 0; v && v->kind == VALUE_LIST && i < v->count; i++) {
        char *name = arena_strz(ctx->arena, value_text(v->items[i], STR_EMPTY));
        for (char *p = name; *p; p++)
            *p = (char)toupper((unsigned char)*p);
        bool whole = !strncmp(name, "CAP_", 4) || !strcmp(name, "ALL");
        value_builder_add(
            &out, value_string(ctx->arena, arena_printf(ctx->arena, "%s%s", whole ? "" : "CAP_", name)));
    }
    return value_builder_list(&out);
}

/* ---- nofile: 1024, or 1024:2048 ---- */

const struct value *spell_ulimits_out(struct op_ctx *ctx, const struct value *v)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(ctx->arena);
    for (uint32_t i = 0; v && v->kind == VALUE_MAP && i < v->count; i++) {
        struct str hard, soft = str_cut(text_of(ctx, v->entries[i].value), ':', &hard);
        int64_t low = 0, high = 0;
        str_to_int(soft, &low);
        if (!hard.p || !str_to_int(hard, &high))
            high = low;
        value_builder_add(&out, VALUE_MAP(ctx->arena, {STR("Hard"), value_int(ctx->arena, high)},
                                    {STR("Name"), value_string(ctx->arena, v->entries[i].key)},
                                    {STR("Soft"), value_int(ctx->arena, low)}));
    }
    return value_builder_list(&out);
}

const struct value *spell_ulimits_in(
    struct op_ctx *ctx, const struct value *v, const struct value *prior UNUSED)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(ctx->arena);
    for (uint32_t i = 0; v && v->kind == VALUE_LIST && i < v->count; i++) {
        int64_t low = value_geti(v->items[i], "Soft", 0), high = value_geti(v->items[i], "Hard", 0);
        struct str text = low == high ? arena_printf(ctx->arena, "%" PRId64, low)
                                      : arena_printf(ctx->arena, "%" PRId64 ":%" PRId64, low, high);
        value_builder_set(&out, value_gets(v->items[i], "Name"), value_string(ctx->arena, text));
    }
    return value_builder_map(&out);
}

/* ---- /dev/kvm, or /dev/sda:/dev/xvda:r ---- */

const struct value *spell_devices_out(struct op_ctx *ctx, const struct value *v)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(ctx->arena);
    for (uint32_t i = 0; v && v->kind == VALUE_LIST && i < v->count; i++) {
        struct str inside, rights, here = str_cut(value_text(v->items[i], STR_EMPTY), ':', &inside);
        inside = str_cut(inside.p ? inside : here, ':', &rights);
        struct value_entry entries[] = {
            {STR("CgroupPermissions"), value_string(ctx->arena, rights.p ? rights : STR("rwm"))},
            {STR("PathInContainer"), value_string(ctx->arena, inside)},
            {STR("PathOnHost"), value_string(ctx->arena, here)}};
        value_builder_add(&out, value_map(ctx->arena, entries, 3));
    }
    return value_builder_list(&out);
}

const struct value *spell_devices_in(
    struct op_ctx *ctx, const struct value *v, const struct value *prior UNUSED)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(ctx->arena);
    for (uint32_t i = 0; v && v->kind == VALUE_LIST && i < v->count; i++)
        value_builder_add(&out,
            value_string(ctx->arena,
                arena_printf(ctx->arena, "%.*s:%.*s:%.*s", STR_ARG(value_gets(v->items[i], "PathOnHost")),
                    STR_ARG(value_gets(v->items[i], "PathInContainer")),
                    STR_ARG(value_gets(v->items[i], "CgroupPermissions")))));
    return value_builder_list(&out);
}
