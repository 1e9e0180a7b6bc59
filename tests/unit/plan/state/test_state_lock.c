/*
 * Two writers of one state, step by step in every order that there is: begin with a claim, intent, done, end.
 * They have files of their own open, as two processes have; one that is closed without an end was killed.
 */
#include "support.h"

static int no_sync(int fd)
{
    (void)fd;
    return 0;
}

/* There are many orders. */
static const struct file_io hasty = {pwrite, no_sync, no_sync, ftruncate, link, rename};

enum step { BEGIN, INTENT, DONE, END, STEPS };

struct writer {
    struct state *state;
    const char *address;
    enum step next;
    bool refused, killed;
};

static void writer_open(struct writer *w, const char *address)
{
    struct err err = ERR_INIT;
    *w = (struct writer){.state = test_open(&hasty), .address = address};
    ASSERT_OK(state_share(w->state, "apply", 0, &err), err);
}

static const struct value *claim_of(struct arena *arena, const char *address)
{
    return test_json(arena, arena_printf(arena, "{\"changes\":[\"%s\"],\"refers\":[\"base\"]}", address).p);
}

static int begin_with_claims(void *ctx, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct writer *w = ctx;
    const struct value *claims = claim_of(&scratch, w->address);
    struct value_entry info = {STR("claims"), claims};
    w->refused = state_check_claims(w->state, claims, err) != 0;
    return w->refused || state_begin(w->state, "apply", value_map(&scratch, &info, 1), err) ? -1 : 0;
}

static void writer_begin(struct writer *w)
{
    struct err err = ERR_INIT;
    int status = state_in_turn(w->state, begin_with_claims, w, &err);
    if (w->refused)
        assert_int_equal(err.class, ERR_LOCKED);
    else
        ASSERT_OK(status, err);
}

static void writer_step(struct writer *w)
{
    struct err err = ERR_INIT;
    enum step step = w->next++;
    if (w->refused || w->killed)
        return;
    if (step == BEGIN)
        writer_begin(w);
    else if (step == INTENT)
        ASSERT_OK(test_intent(w->state, w->address, &err), err);
    else if (step == DONE)
        ASSERT_OK(test_done(w->state, w->address, "{\"name\":\"b\"}", &err), err);
    else
        ASSERT_OK(state_end(w->state, "done", NULL, NULL, &err), err);
    ASSERT_OK(state_flush(w->state, &err), err);
}

static void writer_kill(struct writer *w)
{
    w->killed = true;
    state_close(w->state);
    w->state = NULL;
}

/* What a third one reads, at any time. */
static void look(size_t records, size_t intents)
{
    size_t n;
    struct state *state = test_open(&hasty);
    state_open_intents(state, &n);
    assert_int_equal(state_count(state), records);
    assert_int_equal(n, intents);
    state_close(state);
}

static size_t count_if(const struct writer *w, enum step past)
{
    return !w->refused && w->next > past;
}

/* Bit i of `order`: whose step is the i-th. */
static bool is_order(unsigned order)
{
    return __builtin_popcount(order) == STEPS;
}

static void clear(void)
{
    static const char *const files[] = {"lake.log", "lake.head", "lake.lock", "lake.turn"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        unlink(test_path(files[i]));
}

static int nothing(void *ctx UNUSED, struct err *err UNUSED)
{
    return 0;
}

static void in_every_order(void **unused)
{
    (void)unused;
    for (unsigned order = 0; order < 1u << 2 * STEPS; order++) {
        struct writer writers[2];
        if (!is_order(order))
            continue;
        clear();
        writer_open(&writers[0], "a");
        writer_open(&writers[1], "b");
        for (int i = 0; i < 2 * STEPS; i++) {
            writer_step(&writers[order >> i & 1]);
            size_t done = count_if(&writers[0], DONE) + count_if(&writers[1], DONE);
            look(done, count_if(&writers[0], INTENT) + count_if(&writers[1], INTENT) - done);
        }
        assert_false(writers[0].refused || writers[1].refused);
        for (int i = 0; i < 2; i++) { /* each has what the other has written, once it has had a turn */
            struct err err = ERR_INIT;
            ASSERT_OK(state_in_turn(writers[i].state, nothing, NULL, &err), err);
            assert_int_equal(state_count(writers[i].state), 2);
            assert_int_equal(state_seq(writers[i].state), 8);
            state_close(writers[i].state);
        }
    }
}

/* Of two that meet one goes on, and the other is refused exactly while the first has begun and not ended. */
static void those_that_meet(void **unused)
{
    (void)unused;
    for (unsigned order = 0; order < 1u << 2 * STEPS; order++) {
        struct writer writers[2];
        if (!is_order(order))
            continue;
        clear();
        writer_open(&writers[0], "a");
        writer_open(&writers[1], order & 1 << 2 ? "a" : "base"); /* what the first refers to */
        for (int i = 0; i < 2 * STEPS; i++) {
            struct writer *w = &writers[order >> i & 1], *other = &writers[!(order >> i & 1)];
            bool held = !other->refused && other->next > BEGIN && other->next <= END,
                 begins = w->next == BEGIN;
            writer_step(w);
            if (begins)
                assert_int_equal(w->refused, held);
        }
        state_close(writers[0].state);
        state_close(writers[1].state);
    }
}

/* Killed after each of its steps: the other does not notice, a third one may have what it had claimed. */
static void one_is_killed(void **unused)
{
    (void)unused;
    for (unsigned order = 0; order < 1u << 2 * STEPS; order++)
        for (enum step last = BEGIN; is_order(order) && last < END; last++) {
            struct writer writers[2], third;
            size_t n, all;
            clear();
            writer_open(&writers[0], "a");
            writer_open(&writers[1], "b");
            for (int i = 0; i < 2 * STEPS; i++) {
                struct writer *w = &writers[order >> i & 1];
                writer_step(w);
                if (w == &writers[0] && w->next == last + 1)
                    writer_kill(w);
            }
            assert_false(writers[1].refused);
            state_close(writers[1].state);
            look(last >= DONE ? 2 : 1, last == INTENT);
            writer_open(&third, "a");
            state_left_intents(third.state, &n);
            state_open_intents(third.state, &all);
            assert_int_equal(n, all); /* nobody is at work on it any more */
            for (int i = 0; i < STEPS; i++)
                writer_step(&third);
            assert_false(third.refused);
            state_close(third.state);
            look(2, 0);
        }
}

/* What somebody is at work on is not left, whoever looks. */
static void intents_of_those_at_work(void **unused)
{
    (void)unused;
    struct writer one;
    struct err err = ERR_INIT;
    size_t n;
    writer_open(&one, "a");
    writer_step(&one);
    writer_step(&one);
    struct state *other = test_open(&hasty);
    state_left_intents(other, &n);
    assert_int_equal(n, 0);
    assert_int_equal(state_check_sharers(other, &err), -1);
    assert_non_null(strstr(err.message, "run 1 has a under way (create since "));
    assert_int_equal(state_lock(other, "destroy", 0, &err), -1);
    assert_non_null(strstr(err.message, "is locked by run 1: "));
    writer_kill(&one);
    state_left_intents(other, &n);
    assert_int_equal(n, 1);
    ASSERT_OK(state_lock(other, "destroy", 0, &err), err);
    state_close(other);
}

/* Who is alone at the end makes a snapshot where one is due, and nobody else does. */
static void snapshots_are_of_one_who_is_alone(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    for (int beside = 1; beside >= 0; beside--) {
        struct writer one, two;
        clear();
        writer_open(&one, "a");
        if (beside)
            writer_open(&two, "b");
        writer_step(&one);
        for (int i = 0; i < 1100; i++)
            ASSERT_OK(test_done(one.state, "a", "{\"name\":\"b\"}", &err), err);
        one.next = END;
        writer_step(&one);
        ASSERT_OK(state_compact(one.state, NULL, &err), err);
        if (!beside) { /* alone from then on */
            ASSERT_OK(test_done(one.state, "c", "{\"name\":\"c\"}", &err), err);
            ASSERT_OK(state_flush(one.state, &err), err);
        }
        state_close(one.state);
        assert_int_equal(path_exists(test_path("lake.00000000000000000001.log")), !beside);
        if (beside)
            state_close(two.state);
        look(beside ? 1 : 2, 0);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_dir_make, test_dir_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(in_every_order),
        TEST(those_that_meet),
        TEST(one_is_killed),
        TEST(intents_of_those_at_work),
        TEST(snapshots_are_of_one_who_is_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
