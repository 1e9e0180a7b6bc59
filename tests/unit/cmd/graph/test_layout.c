#include "cmd/graph/picture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Every edge goes to the right; boxes of one column do not overlap; everything lies within the drawing. */
static void assert_readable(const struct layout *layout)
{
    for (size_t i = 0; i < layout->edge_count; i++) {
        const struct layout_node *from = &layout->nodes[layout->edges[i].from];
        const struct layout_node *to = &layout->nodes[layout->edges[i].to];
        assert_true(from->x + from->width < to->x);
        assert_int_equal(layout->edges[i].bends, to->layer - from->layer - 1);
    }
    for (size_t i = 0; i < layout->real_count; i++) {
        const struct layout_node *a = &layout->nodes[i];
        assert_true(a->x >= 0 && a->x + a->width <= layout->width + 0.5);
        assert_true(a->y >= LAYOUT_BOX / 2.0 - 0.5 && a->y <= layout->height - LAYOUT_BOX / 2.0 + 0.5);
        for (size_t k = 0; k < i; k++) {
            const struct layout_node *b = &layout->nodes[k];
            if (a->layer == b->layer)
                assert_true(a->y - b->y >= LAYOUT_BOX || b->y - a->y >= LAYOUT_BOX);
        }
    }
}

static void draws_a_diamond_with_a_long_edge(void **state)
{
    (void)state;
    struct layout layout;
    layout_init(&layout);
    uint32_t a = layout_add_node(&layout, 50, 0), b = layout_add_node(&layout, 60, 0);
    uint32_t c = layout_add_node(&layout, 70, 0), d = layout_add_node(&layout, 80, 0);
    layout_add_edge(&layout, a, b);
    layout_add_edge(&layout, a, c);
    layout_add_edge(&layout, b, d);
    layout_add_edge(&layout, c, d);
    layout_add_edge(&layout, a, d);
    layout_run(&layout);
    assert_int_equal(layout.nodes[d].layer, 2);
    assert_int_equal(layout.edges[4].bends, 1);
    assert_readable(&layout);
    layout_release(&layout);
}

static void a_hundred_nodes_stay_readable(void **state)
{
    (void)state;
    struct layout layout;
    layout_init(&layout);
    for (uint32_t i = 0; i < 100; i++)
        layout_add_node(&layout, 80 + i % 7 * 10, 0);
    uint32_t seed = 1;
    for (uint32_t i = 1; i < 100; i++)
        for (int k = 0; k < 2; k++) {
            seed = seed * 1664525 + 1013904223;
            layout_add_edge(&layout, (seed >> 8) % i, i);
        }
    layout_run(&layout);
    assert_readable(&layout);
    layout_release(&layout);
}

/* A frame around the boxes of one group has none of another in it. */
static void groups_lie_in_bands(void **state)
{
    (void)state;
    struct layout layout;
    layout_init(&layout);
    for (uint32_t i = 0; i < 60; i++)
        layout_add_node(&layout, 80, i * 7 % 4);
    for (uint32_t i = 1; i < 60; i++) {
        layout_add_edge(&layout, i / 2, i);
        layout_add_edge(&layout, i / 5, i);
    }
    layout_run(&layout);
    assert_readable(&layout);
    for (uint32_t g = 0; g < 4; g++) {
        double top = 1e9, bottom = -1e9;
        for (size_t i = 0; i < layout.real_count; i++)
            if (layout.nodes[i].group == g) {
                top = layout.nodes[i].y < top ? layout.nodes[i].y : top;
                bottom = layout.nodes[i].y > bottom ? layout.nodes[i].y : bottom;
            }
        for (size_t i = 0; i < layout.real_count; i++)
            assert_true(layout.nodes[i].group == g || layout.nodes[i].y < top - LAYOUT_ROW ||
                        layout.nodes[i].y > bottom + LAYOUT_ROW);
    }
    layout_release(&layout);
}

/* Between its columns an edge curves; within them it goes straight, beside the boxes. */
static void edges_pass_no_box(void **state)
{
    (void)state;
    struct layout layout;
    layout_init(&layout);
    uint32_t narrow = layout_add_node(&layout, 40, 0), wide = layout_add_node(&layout, 200, 0);
    uint32_t behind = layout_add_node(&layout, 50, 0);
    layout_add_edge(&layout, narrow, behind);
    layout_add_edge(&layout, wide, behind);
    layout_run(&layout);
    assert_true(layout.nodes[narrow].right > 199 && layout.nodes[narrow].right < layout.nodes[behind].x);
    layout_release(&layout);
}

static void nothing_and_one_are_fine(void **state)
{
    (void)state;
    struct layout layout;
    layout_init(&layout);
    layout_run(&layout);
    layout_add_node(&layout, 50, 0);
    layout_run(&layout);
    assert_true(layout.width > 49 && layout.height > LAYOUT_BOX - 1);
    layout_release(&layout);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(draws_a_diamond_with_a_long_edge),
        cmocka_unit_test(a_hundred_nodes_stay_readable),
        cmocka_unit_test(groups_lie_in_bands),
        cmocka_unit_test(edges_pass_no_box),
        cmocka_unit_test(nothing_and_one_are_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
