/* Each action of the list is known, however it is spelt; what is misspelt is not, and the nearest is named.
 */
#include "provider/iam/policy.h"

#include "base/embed.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct str half(struct str word)
{
    return str_eqz(word, "-") ? STR_EMPTY : word;
}

static void knows(struct arena *arena, const char *action, const char *meant)
{
    struct str nearest;
    bool known = iam_action_is_known(arena, str_z(action), &nearest);
    assert_int_equal(known, !meant);
    assert_true(str_eqz(nearest, meant ? meant : ""));
}

static size_t check_line(struct arena *arena, struct str service, struct str line)
{
    struct str nouns, verbs = str_cut(line, ':', &nouns), noun, verb, left;
    size_t n = 0;
    for (nouns = str_trim(nouns); nouns.n;) {
        noun = half(str_cut(nouns, ' ', &nouns));
        for (left = verbs; left.n; n++) {
            verb = half(str_cut(left, ' ', &left));
            struct str action =
                arena_printf(arena, "%.*s:%.*s%.*s", STR_ARG(service), STR_ARG(verb), STR_ARG(noun));
            knows(arena, action.p, NULL);
            for (char *c = (char *)(uintptr_t)action.p; *c; c++)
                *c = (char)toupper((unsigned char)*c);
            knows(arena, action.p, NULL);
        }
    }
    return n;
}

static void test_all_are_known(void **state)
{
    (void)state;
    struct str rest = embedded_text(embedded_find(STR("provider/iam/actions.txt"))), line,
               service = STR_EMPTY;
    size_t n = 0;
    while (rest.n) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        line = str_cut(rest, '\n', &rest);
        if (line.p[0] == ' ')
            n += check_line(&arena, service, str_trim(line));
        else
            service = line;
    }
    assert_true(n > 15000);
}

static void test_others_are_not(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    knows(&arena, "s3:GetObjct", "s3:GetObject");
    knows(&arena, "s4:GetObject", "s3:GetObject");
    knows(&arena, "a2:GetContainerizationJobDetails", "a2c:GetContainerizationJobDetails");
    knows(&arena, "xray:", NULL); /* the grammar says that */
    knows(&arena, "glue:Get*", NULL);
    knows(&arena, "glue:?etTable", NULL);
    knows(&arena, "glue:Got*", "");
    knows(&arena, "s3:Get", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_are_known), cmocka_unit_test(test_others_are_not)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
