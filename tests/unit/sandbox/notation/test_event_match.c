/* Event patterns: each operator with events that it is for and others. */
#include "provider/notation/notation.h"
#include "sandbox/notation/languages.h"

#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct arena arena;

static int release(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

/* JSON with single quotes, which reads better in C. */
static const struct value *json(const char *text)
{
    const struct value *v = NULL;
    struct err err = ERR_INIT;
    char *copy = arena_strz(&arena, str_z(text));
    for (char *p = copy; *p; p++)
        *p = *p == '\'' ? '"' : *p;
    if (json_parse(&arena, str_z(copy), &v, &err))
        fail_msg("%s in %s", err.message, text);
    return v;
}

static void test_matches(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *yes[4], *no[4];
    } cases[] = {
        {"{'source':['a','b']}", {"{'source':'a'}", "{'source':'b','x':1}"},
            {"{'source':'c'}", "{}", "{'source':1}"}},
        {"{'source':['a'],'detail':{'n':[1,null,true]}}",
            {"{'source':'a','detail':{'n':1.0}}", "{'source':'a','detail':{'n':null}}",
                "{'source':'a','detail':{'n':true}}"},
            {"{'source':'a'}", "{'source':'a','detail':{'n':'1'}}", "{'source':'b','detail':{'n':1}}"}},
        {"{'l':['x']}", {"{'l':['y','x']}", "{'l':'x'}"}, {"{'l':[]}", "{'l':['y']}"}},
        {"{'k':[{'prefix':'data/'}]}", {"{'k':'data/1.csv'}", "{'k':'data/'}"},
            {"{'k':'data'}", "{'k':5}", "{}"}},
        {"{'k':[{'prefix':{'equals-ignore-case':'DATA/'}}]}", {"{'k':'data/x'}"}, {"{'k':'dat/x'}"}},
        {"{'k':[{'suffix':'.csv'}]}", {"{'k':'a.csv'}"}, {"{'k':'a.csv.gz'}", "{'k':'csv'}"}},
        {"{'k':[{'equals-ignore-case':'ALICE'}]}", {"{'k':'alice'}"}, {"{'k':'alicia'}"}},
        {"{'k':[{'wildcard':'data/*/part-*.csv'}]}", {"{'k':'data/2026/11/part-0.csv'}"},
            {"{'k':'data/part-0.csv'}", "{'k':'data/x/part-0.json'}"}},
        {"{'k':[{'anything-but':'x'}]}", {"{'k':'y'}", "{'k':1}"}, {"{'k':'x'}", "{}"}},
        {"{'k':[{'anything-but':['x','y']}]}", {"{'k':'z'}", "{'k':6}"}, {"{'k':'x'}", "{'k':'y'}"}},
        {"{'k':[{'anything-but':{'prefix':'tmp/'}}]}", {"{'k':'data/1'}"}, {"{'k':'tmp/1'}"}},
        {"{'k':[{'anything-but':{'suffix':['.tmp','.part']}}]}", {"{'k':'a.csv'}"},
            {"{'k':'a.tmp'}", "{'k':'a.part'}"}},
        {"{'k':[{'anything-but':{'wildcard':'*/lib/*'}}]}", {"{'k':'usr/bin/x'}"}, {"{'k':'usr/lib/x'}"}},
        {"{'n':[{'numeric':['>',0,'<=',5]}]}", {"{'n':5}", "{'n':0.1}"},
            {"{'n':0}", "{'n':5.1}", "{'n':'3'}"}},
        {"{'n':[{'numeric':['=',3]}]}", {"{'n':3.0}"}, {"{'n':4}"}},
        {"{'n':[{'numeric':['<',10]},'none']}", {"{'n':9}", "{'n':'none'}"}, {"{'n':10}", "{'n':'some'}"}},
        {"{'d':{'k':[{'exists':true}]}}", {"{'d':{'k':0}}", "{'d':{'k':null}}"},
            {"{'d':{}}", "{'x':1}", "{'d':{'k':{'l':1}}}"}},
        {"{'d':{'k':[{'exists':false}]}}", {"{'d':{}}", "{}"}, {"{'d':{'k':1}}"}},
        {"{'ip':[{'cidr':'10.0.0.0/24'}]}", {"{'ip':'10.0.0.255'}"}, {"{'ip':'10.0.1.0'}", "{'ip':'x'}"}},
        {"{'ip':[{'cidr':'2001:db8::/32'}]}", {"{'ip':'2001:db8::1'}"},
            {"{'ip':'2001:db9::1'}", "{'ip':'10.0.0.1'}"}},
        {"{'s':['a'],'$or':[{'x':[1]},{'y':[{'exists':true}]}]}", {"{'s':'a','x':1}", "{'s':'a','y':0}"},
            {"{'s':'a'}", "{'s':'b','x':1}", "{'s':'a','x':2}"}},
        {"{'l':{'k':[1]}}", {"{'l':[{'k':2},{'k':1}]}"}, {"{'l':[{'k':2}]}", "{'l':[]}"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct value *pattern = json(cases[i].pattern);
        const char *why = event_pattern_wrong(&arena, pattern, NULL);
        if (why)
            fail_msg("%s: %s", cases[i].pattern, why);
        for (size_t k = 0; k < 4 && cases[i].yes[k]; k++)
            if (!event_matches(pattern, json(cases[i].yes[k])))
                fail_msg("%s is not for %s", cases[i].pattern, cases[i].yes[k]);
        for (size_t k = 0; k < 4 && cases[i].no[k]; k++)
            if (event_matches(pattern, json(cases[i].no[k])))
                fail_msg("%s is for %s", cases[i].pattern, cases[i].no[k]);
    }
}

static void test_wrong(void **state)
{
    (void)state;
    static const char *const wrong[] = {"[]", "{}", "{'k':[{'anything-but':['x',5]}]}",
        "{'n':[{'numeric':['>',5,'<',3]}]}", "{'source':'a'}", "{'source':[]}", "{'detail':{'k':5}}",
        "{'k':[{'begins':'x'}]}", "{'k':[{'prefix':'x','suffix':'y'}]}", "{'k':[['x']]}",
        "{'n':[{'numeric':['>']}]}", "{'n':[{'numeric':['!=',5]}]}", "{'n':[{'numeric':['>','5']}]}",
        "{'k':[{'exists':'yes'}]}", "{'k':[{'prefix':5}]}", "{'k':[{'suffix':{'prefix':'x'}}]}",
        "{'k':[{'equals-ignore-case':5}]}", "{'k':[{'wildcard':'a**b'}]}", "{'k':[{'wildcard':[]}]}",
        "{'k':[{'wildcard':['a**b','c']}]}", "{'k':[{'anything-but':{'wildcard':'a**b'}}]}",
        "{'k':[{'anything-but':{'equals-ignore-case':{'equals-ignore-case':'x'}}}]}",
        "{'k':[{'anything-but':{'numeric':['>',5]}}]}", "{'k':[{'anything-but':[]}]}",
        "{'k':[{'anything-but':[{'k':1}]}]}", "{'ip':[{'cidr':'10.0.0.0'}]}",
        "{'ip':[{'cidr':'10.0.0.0/33'}]}", "{'ip':[{'cidr':'x/8'}]}", "{'ip':[{'cidr':5}]}", "{'$or':[]}",
        "{'$or':[{'k':'x'}]}", "{'$or':{'k':['x']}}", "{'detail':{}}", "{'$or':[{'k':['x']},{}]}"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (!event_pattern_wrong(&arena, json(wrong[i]), NULL))
            fail_msg("%s is taken", wrong[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_matches, release),
        cmocka_unit_test_teardown(test_wrong, release),
    };
    return cmocka_run_group_tests_name("sandbox/jobs/event_pattern", tests, NULL, NULL);
}
