/* The intrinsic functions of the States Language, such as States.Format('{}', $.a). */
#include "sandbox/asl/asl_internal.h"

#include "base/hash.h"
#include "base/json.h"

#include <openssl/evp.h>
#include <stdlib.h>

enum { MAX_ITEMS = 1000, MAX_ENCODED = 10000 };

struct call {
    struct asl_eval *eval;
    const char *name;
    const struct value *const *args;
    size_t n;
};

static const struct value *asl_intrinsic_refuse(struct call *call, const char *why)
{
    asl_fail(call->eval, "States.IntrinsicFailure", "States.%s: %s", call->name, why);
    return NULL;
}

static bool is_list(const struct value *v)
{
    return v->kind == VALUE_LIST;
}

static bool is_text(const struct value *v)
{
    return v->kind == VALUE_STRING;
}

static bool intrinsic_whole(const struct value *v, int64_t *out)
{
    if (v->kind == VALUE_FLOAT && v->number > -1e15 && v->number < 1e15)
        *out = (int64_t)(v->number < 0 ? v->number - 0.5 : v->number + 0.5); /* the service rounds */
    else if (v->kind == VALUE_INT)
        *out = v->integer;
    else
        return false;
    return true;
}

/* ---- strings ---- */

/* {} is replaced by the next argument; \{ \} and \\ are literal characters. */
static const struct value *do_format(struct call *call)
{
    struct arena *arena = call->eval->arena;
    AUTO_BUF struct buf out = BUF_INIT;
    size_t used = 1;
    if (!is_text(call->args[0]))
        return asl_intrinsic_refuse(call, "the first argument is a text");
    struct str format = call->args[0]->string;
    for (size_t i = 0; i < format.n; i++) {
        bool pair = i + 1 < format.n;
        if (format.p[i] == '\\' && pair && strchr("\\{}'", format.p[i + 1])) {
            buf_add_char(&out, format.p[++i]);
        } else if (format.p[i] == '{' && pair && format.p[i + 1] == '}') {
            if (used >= call->n)
                return asl_intrinsic_refuse(call, "there are more {} than arguments");
            const struct value *v = call->args[used++];
            buf_add_str(&out, asl_text(arena, v));
            i++;
        } else {
            buf_add_char(&out, format.p[i]);
        }
    }
    return used == call->n ? value_string(arena, buf_str(&out))
                           : asl_intrinsic_refuse(call, "there are fewer {} than arguments");
}

static const struct value *do_string_to_json(struct call *call)
{
    const struct value *v;
    struct err err = ERR_INIT;
    if (!is_text(call->args[0]))
        return asl_intrinsic_refuse(call, "the argument is a text");
    return json_parse(call->eval->arena, call->args[0]->string, &v, &err)
               ? asl_intrinsic_refuse(call, err.message)
               : v;
}

static const struct value *do_json_to_string(struct call *call)
{
    return json_as_text(call->eval->arena, call->args[0]);
}

/* Splits at each of the characters; empty parts are omitted. */
static const struct value *do_string_split(struct call *call)
{
    if (!is_text(call->args[0]) || !is_text(call->args[1]))
        return asl_intrinsic_refuse(call, "both arguments are texts");
    struct str text = call->args[0]->string, at = call->args[1]->string;
    AUTO_BUILDER struct value_builder parts = VALUE_BUILDER(call->eval->arena);
    for (size_t i = 0, start = 0; i <= text.n; i++) {
        if (i < text.n && str_find_char(at, text.p[i], 0) < 0)
            continue;
        if (i > start)
            value_builder_add(&parts, value_string(call->eval->arena, str_slice(text, start, i)));
        start = i + 1;
    }
    return value_builder_list(&parts);
}

static const struct value *do_encode(struct call *call)
{
    if (!is_text(call->args[0]) || str_code_points(call->args[0]->string) > MAX_ENCODED)
        return asl_intrinsic_refuse(call, "the argument is a text of up to 10,000 characters");
    return value_string(call->eval->arena, base64_encode(call->eval->arena, call->args[0]->string));
}

static const struct value *do_decode(struct call *call)
{
    struct str out;
    if (!is_text(call->args[0]) || call->args[0]->string.n > MAX_ENCODED)
        return asl_intrinsic_refuse(call, "the argument is a text of up to 10,000 characters");
    if (!base64_decode(call->eval->arena, call->args[0]->string, &out) || !str_is_utf8(out))
        return asl_intrinsic_refuse(call, "this is not text in base64");
    return value_string(call->eval->arena, out);
}

static const struct value *do_hash(struct call *call)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    struct str data = asl_text(call->eval->arena, call->args[0]);
    struct str name = value_text(call->args[1], STR_EMPTY);
    static const char *const names[] = {"MD5", "SHA-1", "SHA-256", "SHA-384", "SHA-512"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (str_eqz(name, names[i]) &&
            EVP_Digest(data.p, data.n, digest, &n, EVP_get_digestbyname(names[i]), NULL))
            return value_string(call->eval->arena, hex_encode(call->eval->arena, digest, n));
    return asl_intrinsic_refuse(call, "the algorithm is MD5, SHA-1, SHA-256, SHA-384 or SHA-512");
}

static const struct value *do_uuid(struct call *call)
{
    uint64_t a = call->eval->host->random(call->eval->host->ctx),
             b = call->eval->host->random(call->eval->host->ctx);
    a = (a & ~UINT64_C(0xf000)) | 0x4000;
    b = (b & ~(UINT64_C(3) << 62)) | UINT64_C(1) << 63;
    return value_string(call->eval->arena,
        arena_printf(call->eval->arena, "%08llx-%04llx-%04llx-%04llx-%012llx", (unsigned long long)(a >> 32),
            (unsigned long long)(a >> 16 & 0xffff), (unsigned long long)(a & 0xffff),
            (unsigned long long)(b >> 48), (unsigned long long)(b & UINT64_C(0xffffffffffff))));
}

/* ---- arrays ---- */

static const struct value *do_array(struct call *call)
{
    return value_list(call->eval->arena, call->args, call->n);
}

static const struct value *do_partition(struct call *call)
{
    int64_t size;
    if (!is_list(call->args[0]) || !intrinsic_whole(call->args[1], &size) || size < 1)
        return asl_intrinsic_refuse(call, "the arguments are an array and a positive number");
    const struct value *list = call->args[0];
    AUTO_BUILDER struct value_builder parts = VALUE_BUILDER(call->eval->arena);
    for (uint32_t i = 0; i < list->count; i += (uint32_t)size) {
        size_t n = list->count - i < (uint64_t)size ? list->count - i : (size_t)size;
        value_builder_add(&parts, value_list(call->eval->arena, list->items + i, n));
        if (size >= list->count)
            break;
    }
    return value_builder_list(&parts);
}

static const struct value *do_contains(struct call *call)
{
    const struct value *list = call->args[0];
    bool found = false;
    if (!is_list(list))
        return asl_intrinsic_refuse(call, "the first argument is an array");
    for (uint32_t i = 0; i < list->count && !found; i++)
        found = value_equal(list->items[i], call->args[1]);
    return value_bool(found);
}

static const struct value *do_range(struct call *call)
{
    int64_t first, last, step;
    if (!intrinsic_whole(call->args[0], &first) || !intrinsic_whole(call->args[1], &last) ||
        !intrinsic_whole(call->args[2], &step) || !step)
        return asl_intrinsic_refuse(
            call, "the arguments are a first number, a last one and a step other than 0");
    AUTO_BUILDER struct value_builder items = VALUE_BUILDER(call->eval->arena);
    for (int64_t i = first; (step > 0 ? i <= last : i >= last);) {
        if (items.n == MAX_ITEMS)
            return asl_intrinsic_refuse(call, "a range has at most 1000 items");
        value_builder_add(&items, value_int(call->eval->arena, i));
        if (__builtin_add_overflow(i, step, &i))
            break;
    }
    return value_builder_list(&items);
}

static const struct value *do_item(struct call *call)
{
    int64_t index;
    if (!is_list(call->args[0]) || !intrinsic_whole(call->args[1], &index))
        return asl_intrinsic_refuse(call, "the arguments are an array and a number");
    if (index < 0 || index >= call->args[0]->count)
        return asl_intrinsic_refuse(call, "the array has no such item");
    return call->args[0]->items[index];
}

static const struct value *do_length(struct call *call)
{
    return is_list(call->args[0]) ? value_int(call->eval->arena, call->args[0]->count)
                                  : asl_intrinsic_refuse(call, "the argument is an array");
}

static int by_value_and_index(const void *a, const void *b)
{
    const struct value *const *x = *(const struct value *const *const *)a,
                              *const *y = *(const struct value *const *const *)b;
    int order = value_compare(*x, *y);
    return order ? order : (x > y) - (x < y);
}

static const struct value *do_unique(struct call *call)
{
    const struct value *list = call->args[0];
    if (!is_list(list))
        return asl_intrinsic_refuse(call, "the argument is an array");
    AUTO_BUILDER struct value_builder items = VALUE_BUILDER(call->eval->arena);
    const struct value *const **slots =
        ARENA_ARRAY(call->eval->arena, const struct value *const *, list->count + 1);
    bool *repeats = ARENA_ARRAY(call->eval->arena, bool, list->count + 1);
    for (uint32_t i = 0; i < list->count; i++)
        slots[i] = &list->items[i];
    qsort(slots, list->count, sizeof *slots, by_value_and_index);
    for (uint32_t i = 1; i < list->count; i++)
        repeats[slots[i] - list->items] = value_equal(*slots[i], *slots[i - 1]);
    for (uint32_t i = 0; i < list->count; i++)
        if (!repeats[i])
            value_builder_add(&items, list->items[i]);
    return value_builder_list(&items);
}

/* ---- objects and numbers ---- */

static const struct value *do_merge(struct call *call)
{
    if (call->args[0]->kind != VALUE_MAP || call->args[1]->kind != VALUE_MAP)
        return asl_intrinsic_refuse(call, "the first two arguments are objects");
    if (!value_equal(call->args[2], &value_false))
        return asl_intrinsic_refuse(call, "only shallow merging is there: the third argument is false");
    return value_merge(call->eval->arena, call->args[0], call->args[1]);
}

static const struct value *do_add(struct call *call)
{
    int64_t a, b, sum;
    if (!intrinsic_whole(call->args[0], &a) || !intrinsic_whole(call->args[1], &b) ||
        __builtin_add_overflow(a, b, &sum))
        return asl_intrinsic_refuse(call, "the arguments are whole numbers, and so is their sum");
    return value_int(call->eval->arena, sum);
}

/* Returns a number from the first (inclusive) to the second (exclusive); with a seed the result is
 * reproducible. */
static const struct value *do_random(struct call *call)
{
    int64_t from, to, seed;
    uint64_t drawn = call->eval->host->random(call->eval->host->ctx);
    if (!intrinsic_whole(call->args[0], &from) || !intrinsic_whole(call->args[1], &to) || from >= to)
        return asl_intrinsic_refuse(call, "the arguments are a number and a greater one");
    if (call->n == 3) {
        if (!intrinsic_whole(call->args[2], &seed))
            return asl_intrinsic_refuse(call, "the seed is a whole number");
        drawn = str_hash(str_n((const char *)&seed, sizeof seed));
    }
    return value_int(call->eval->arena, (int64_t)((uint64_t)from + drawn % ((uint64_t)to - (uint64_t)from)));
}

static const struct intrinsic {
    const char *name;
    const struct value *(*apply)(struct call *call);
} functions[] = {
    {"Array", do_array},
    {"ArrayContains", do_contains},
    {"ArrayGetItem", do_item},
    {"ArrayLength", do_length},
    {"ArrayPartition", do_partition},
    {"ArrayRange", do_range},
    {"ArrayUnique", do_unique},
    {"Base64Decode", do_decode},
    {"Base64Encode", do_encode},
    {"Format", do_format},
    {"Hash", do_hash},
    {"JsonMerge", do_merge},
    {"JsonToString", do_json_to_string},
    {"MathAdd", do_add},
    {"MathRandom", do_random},
    {"StringSplit", do_string_split},
    {"StringToJson", do_string_to_json},
    {"UUID", do_uuid},
};

/* ---- evaluation of calls ---- */

struct carrying {
    struct asl_eval *eval;
    const struct value *document;
};

static const struct value *carry_look(void *ctx, struct str path)
{
    const struct carrying *c = ctx;
    const char *why;
    const struct value *found = asl_resolve(c->eval, path, c->document, &why);
    if (!found)
        asl_fail(c->eval, "States.Runtime",
            "The JsonPath argument for the field '%.*s' could not be found in the input", STR_ARG(path));
    return found;
}

/* The parser (provider/notation/asl_call.c) has checked the function's name against the same table. */
static const struct value *carry_call(
    void *ctx, struct str function, const struct value *const *args, size_t n)
{
    const struct carrying *c = ctx;
    if (c->eval->error.name.n)
        return NULL;
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (str_eqz(function, functions[i].name))
            return functions[i].apply(&(struct call){c->eval, functions[i].name, args, n});
    return NULL;
}

const struct value *asl_intrinsic(struct asl_eval *eval, struct str text, const struct value *document)
{
    struct carrying carrying = {eval, document};
    const struct asl_caller caller = {carry_look, carry_call, &carrying};
    const char *why;
    const struct value *v = asl_call(eval->arena, text, &caller, &why);
    if (!v && why)
        asl_fail(eval, "States.Runtime", "'%.*s' is not an intrinsic function: %s", STR_ARG(text), why);
    return v;
}
