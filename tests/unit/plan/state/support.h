/* What the tests of the state have in common: a folder of their own, and short ways to fill a state. */
#pragma once

#include "base/file.h"
#include "base/json.h"
#include "plan/state/backend.h"
#include "plan/state/state.h"
#include "tests/unit/support/temp_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define ASSERT_OK(call, err)                                                                                 \
    do {                                                                                                     \
        if (call)                                                                                            \
            fail_msg("%s: %s", #call, (err).message);                                                        \
    } while (0)

#define test_dir      temp_folder
#define test_dir_make temp_folder_make

static inline int test_dir_remove(void **unused)
{
    (void)unused;
    char command[256];
    snprintf(command, sizeof command, "chmod -R u+rwx %s; rm -rf %s", test_dir, test_dir);
    return system(command);
}

static inline struct backend *test_backend(const struct file_io *io)
{
    struct err err = ERR_INIT;
    struct backend *b;
    struct backend_options options = {.dir = str_z(test_dir), .stack = STR("lake")};
    ASSERT_OK(backend_file_new(&options, io, &b, &err), err);
    return b;
}

static inline struct state *test_open(const struct file_io *io)
{
    struct err err = ERR_INIT;
    struct state *state;
    ASSERT_OK(state_open(&(struct state_options){.backend = test_backend(io)}, &state, &err), err);
    return state;
}

static inline struct state *test_begin(const struct file_io *io)
{
    struct err err = ERR_INIT;
    struct state *state = test_open(io);
    ASSERT_OK(state_lock(state, "apply", 0, &err), err);
    ASSERT_OK(state_begin(state, "apply", NULL, &err), err);
    return state;
}

static inline const char *test_path(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/.weir/%s", test_dir, name);
    return path;
}

static inline const struct value *test_json(struct arena *arena, const char *text)
{
    const struct value *v;
    struct err err = ERR_INIT;
    ASSERT_OK(json_parse(arena, str_z(text), &v, &err), err);
    return v;
}

static inline int test_done(struct state *state, const char *address, const char *attrs, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    const struct value *v = attrs ? test_json(&scratch, attrs) : NULL;
    struct outcome outcome = {
        .record = {.subject = {str_z(address), STR("aws.s3.bucket"), STR("aws"), value_gets(v, "name")},
            .attrs = v,
            .set = test_json(&scratch, "[\"name\"]")},
        .action = attrs ? STR("create") : STR("delete")};
    return state_done(state, &outcome, err);
}

static inline int test_intent(struct state *state, const char *address, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    char token[33];
    state_token(token);
    struct intent intent = {.subject = {str_z(address), STR("aws.s3.bucket"), STR("aws"), STR_EMPTY},
        .action = STR("create"),
        .token = str_z(token),
        .desired = test_json(&scratch, "{\"name\":\"b\"}")};
    return state_intent(state, &intent, err);
}

static inline struct str test_read(struct arena *arena, const char *name)
{
    struct str text;
    struct err err = ERR_INIT;
    ASSERT_OK(file_read(arena, test_path(name), 0, &text, &err), err);
    return text;
}

static inline void test_write(const char *name, struct str text)
{
    struct err err = ERR_INIT;
    ASSERT_OK(file_write_atomic(test_path(name), text, 0600, &err), err);
}
