/*
 * What the state log costs as it grows: records appended one after another (an intent, durable, and its
 * outcome for each resource), then opened; and what one more record costs at the end.
 *
 *     bench_state DIR N        prints: µs for each append, ms to open, µs for one durable append afterwards,
 * records
 */
#include "plan/state/backend.h"
#include "plan/state/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void check(int failed, const struct err *err)
{
    if (!failed)
        return;
    fprintf(stderr, "bench_state: %s\n", err->message);
    exit(1);
}

static struct state *open_state(const char *dir)
{
    struct err err = ERR_INIT;
    struct backend_options options = {.dir = str_z(dir), .stack = STR("bench")};
    struct state_options state = {0};
    struct state *out;
    check(backend_new(&options, &state.backend, &err), &err);
    check(state_open(&state, &out, &err), &err);
    return out;
}

static void begin(struct state *state)
{
    struct err err = ERR_INIT;
    check(state_lock(state, "bench", 0, &err), &err);
    check(state_begin(state, "bench", NULL, &err), &err);
}

static void append(struct state *state, int i)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    struct str address = arena_printf(&arena, "bucket[\"n%d\"]", i);
    struct value_entry entries[] = {
        {STR("name"), value_string(&arena, arena_printf(&arena, "bench-bucket-%d", i))},
        {STR("versioning"), &value_true}};
    const struct value *name = entries[0].value;
    struct outcome outcome = {.record = {.subject = {address, STR("aws.s3.bucket"), STR("aws"), name->string},
                                  .attrs = value_map(&arena, entries, 2),
                                  .set = value_list(&arena, &name, 1)},
        .action = STR("create")};
    check(state_done(state, &outcome, &err), &err);
}

int main(int argc, char **argv)
{
    struct err err = ERR_INIT;
    int n = argc == 3 ? atoi(argv[2]) : 0;
    if (n <= 0) {
        fprintf(stderr, "usage: bench_state DIR N\n");
        return 2;
    }
    struct state *state = open_state(argv[1]);
    begin(state);
    double start = now();
    for (int i = 0; i < n; i++)
        append(state, i);
    check(state_flush(state, &err), &err);
    double appended = now();
    state_close(state);

    double closed = now();
    state = open_state(argv[1]);
    double opened = now();
    begin(state);
    double best = 1e9;
    for (int i = 0; i < 50; i++) {
        double before = now();
        append(state, i);
        check(state_flush(state, &err), &err);
        best = now() - before < best ? now() - before : best;
    }
    printf("%.2f %.2f %.1f %zu\n", (appended - start) * 1e3 / n, opened - closed, best * 1e3,
        state_count(state));
    state_close(state);
    return 0;
}
