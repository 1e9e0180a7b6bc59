/* What stands behind the job on the command line, in the form that the job takes. */
#include "cmd/run/jobs.h"

#include "base/file.h"
#include "base/json.h"

#include <unistd.h>

enum { PAYLOAD_MAX = 16 * 1024 * 1024 };

static int read_payload_stdin(struct arena *arena, struct str *out, struct err *err)
{
    AUTO_BUF struct buf text = {.max = PAYLOAD_MAX};
    if (fd_read_all(STDIN_FILENO, &text, err, "standard input"))
        return -1;
    if (text.overflow)
        return err_set(err, ERR_USAGE, "the payload is larger than 16 MiB");
    *out = arena_str(arena, buf_str(&text));
    return 0;
}

/* The name of a file, - for standard input, or the document itself. */
static int read_payload(const char *given, struct arena *arena, const struct value **out, struct err *err)
{
    struct str text = str_z(given);
    bool itself = given[0] == '{' || given[0] == '[';
    if (!itself && (str_eqz(text, "-") ? read_payload_stdin(arena, &text, err)
                                       : file_read(arena, given, PAYLOAD_MAX, &text, err)))
        return -1;
    if (json_parse(arena, text, out, err) == 0)
        return 0;
    err_context(err, "%s", itself ? "--payload" : given);
    return err_hint(err, "--payload is a file with JSON, - for standard input, or the JSON itself");
}

/* "k=text" or "k:=json" */
static int read_pair(
    struct arena *arena, struct str word, struct str *key, const struct value **v, struct err *err)
{
    struct str text;
    *key = str_cut(word, '=', &text);
    if (!text.p || !key->n) {
        err_set(err, ERR_USAGE, "\"%.*s\" is not an argument", STR_ARG(word));
        return err_hint(err, "arguments are NAME=TEXT or NAME:=JSON");
    }
    if (!str_ends(*key, STR(":"))) {
        *v = value_string(arena, text);
        return 0;
    }
    key->n--;
    if (json_parse(arena, text, v, err) == 0)
        return 0;
    err->class = ERR_USAGE;
    return err_context(err, "%.*s", STR_ARG(*key));
}

static const struct value *as_text(struct arena *arena, const struct value *v)
{
    struct str text = value_scalar_text(arena, v);
    return text.p ? value_string(arena, text) : json_as_text(arena, v);
}

/* Pairs over what the payload has. */
static int read_map(
    struct arena *arena, const struct str *words, size_t n, const struct value **out, struct err *err)
{
    if (*out && (*out)->kind != VALUE_MAP)
        return err_set(
            err, ERR_USAGE, "--payload is %s, which arguments cannot be added to", value_with_article(*out));
    const struct value *map = *out ? *out : n ? &value_empty_map : NULL;
    for (size_t i = 0; i < n; i++) {
        struct str key;
        const struct value *v;
        if (read_pair(arena, words[i], &key, &v, err))
            return -1;
        map = value_with(arena, map, arena_str(arena, key), v);
    }
    *out = map;
    return 0;
}

static const struct value *texts_of(struct arena *arena, const struct value *map)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < map->count; i++)
        value_builder_set(&b, map->entries[i].key, as_text(arena, map->entries[i].value));
    return value_builder_map(&b);
}

/* k=v becomes --k v: what parsers of command lines understand. */
static void add_flag(struct arena *arena, struct str word, struct value_builder *list)
{
    struct str text, key = str_cut(word, '=', &text);
    if (!text.p || !key.n || key.p[0] == '-') {
        value_builder_add(list, value_string(arena, word));
        return;
    }
    value_builder_add(list, value_string(arena, arena_printf(arena, "--%.*s", STR_ARG(key))));
    value_builder_add(list, value_string(arena, text));
}

static int read_list(struct arena *arena, const struct str *words, size_t n, bool flags,
    const struct value **out, struct err *err)
{
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(arena);
    if (*out && (*out)->kind != VALUE_LIST)
        return err_set(err, ERR_USAGE, "the job takes a list, and --payload is %s", value_with_article(*out));
    for (uint32_t i = 0; *out && i < (*out)->count; i++)
        value_builder_add(&list, as_text(arena, (*out)->items[i]));
    for (size_t i = 0; i < n; i++) {
        if (flags)
            add_flag(arena, words[i], &list);
        else
            value_builder_add(&list, value_string(arena, words[i]));
    }
    *out = list.n ? value_builder_list(&list) : NULL;
    return 0;
}

int job_arguments_of(const struct job *job, const struct value *given, const struct str *words, size_t n,
    struct arena *arena, const struct value **out, struct err *err)
{
    enum job_takes takes = job->schema->job->takes;
    *out = given;
    if (takes == JOB_TAKES_NOTHING && (n || given))
        return err_set(err, ERR_USAGE, "a run of %.*s takes no arguments", STR_ARG(job->schema->name));
    if (takes == JOB_TAKES_FLAGS || takes == JOB_TAKES_LIST)
        return read_list(arena, words, n, takes == JOB_TAKES_FLAGS, out, err);
    /* a document may be anything, as long as nothing is to be added to it */
    if ((n || takes == JOB_TAKES_MAP) && read_map(arena, words, n, out, err))
        return -1;
    if (*out)
        *out = takes == JOB_TAKES_MAP ? texts_of(arena, *out) : json_as_text(arena, *out);
    return 0;
}

int job_arguments(const struct job *job, const struct str *words, size_t n, const char *payload,
    struct arena *arena, const struct value **out, struct err *err)
{
    const struct value *given = NULL;
    if (payload && job->schema->job->takes != JOB_TAKES_NOTHING && read_payload(payload, arena, &given, err))
        return -1;
    if (payload && !given)
        given = &value_null;
    return job_arguments_of(job, given, words, n, arena, out, err);
}
