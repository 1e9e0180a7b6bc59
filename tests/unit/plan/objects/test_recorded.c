#include "plan/objects/recorded.h"

#include "base/threads.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

static void lists_dependents_and_counts_what_is_waited_for(void **state)
{
    (void)state;
    struct graph graph;
    graph_init(&graph, 4);
    graph_add_edge(&graph, 0, 2);
    graph_add_edge(&graph, 1, 2);
    graph_add_edge(&graph, 0, 3);
    graph_add_edge(&graph, 3, 3); /* nothing waits for itself */
    graph_freeze(&graph);
    assert_int_equal(graph.first[1] - graph.first[0], 2);
    assert_int_equal(graph.targets[graph.first[0]], 2);
    assert_int_equal(graph.targets[graph.first[0] + 1], 3);
    assert_int_equal(graph.waiting[2], 2);
    assert_int_equal(graph.waiting[3], 1);
    assert_int_equal(graph.waiting[0], 0);
    graph_release(&graph);
}

static void an_empty_graph_is_fine(void **state)
{
    (void)state;
    struct graph graph;
    graph_init(&graph, 0);
    graph_freeze(&graph);
    assert_int_equal(graph.first[0], 0);
    graph_release(&graph);
}

static void circles_are_opened_and_nothing_else(void **state)
{
    (void)state;
    struct graph graph;
    graph_init(&graph, 5);
    graph_add_edge(&graph, 0, 1);
    graph_add_edge(&graph, 1, 2);
    graph_add_edge(&graph, 2, 0);
    graph_add_edge(&graph, 0, 2);
    graph_add_edge(&graph, 3, 1);
    graph_add_edge(&graph, 3, 4);
    graph_freeze(&graph);
    assert_int_equal(graph_open_circles(&graph), 1);
    assert_int_equal(graph.waiting[0], 0); /* 2 -> 0 was what closed it */
    assert_int_equal(graph.first[3] - graph.first[2], 0);
    assert_int_equal(graph.first[1] - graph.first[0], 2);
    assert_int_equal(graph.waiting[1], 2);
    assert_int_equal(graph.waiting[2], 2);
    assert_int_equal(graph.targets[graph.first[3]], 1);
    assert_int_equal(graph.targets[graph.first[3] + 1], 4);
    assert_int_equal(graph_open_circles(&graph), 0);
    graph_release(&graph);
}

struct tally {
    atomic_int calls[1000];
};

static void count_call(void *ctx, size_t i)
{
    struct tally *tally = ctx;
    atomic_fetch_add(&tally->calls[i], 1);
}

static void a_pool_calls_each_index_once(void **state)
{
    (void)state;
    static struct tally tally;
    for (int threads = 0; threads <= 8; threads += 4)
        pool_run(threads, 1000, count_call, &tally);
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(tally.calls[i], 3);
    pool_run(8, 0, count_call, &tally);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_dependents_and_counts_what_is_waited_for),
        cmocka_unit_test(an_empty_graph_is_fine),
        cmocka_unit_test(circles_are_opened_and_nothing_else),
        cmocka_unit_test(a_pool_calls_each_index_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
