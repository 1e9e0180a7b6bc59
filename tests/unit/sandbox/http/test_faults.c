#include "sandbox/http/server.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void test_first_rule_that_fits(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct faults *faults = faults_new();
    assert_int_equal(faults_set(faults,
                         STR("rules:\n- {service: glue, operation: \"Create*\", fault: throttle, times: 1}\n"
                             "- {service: glue, fault: error, status: 503, latency: 5}\n"),
                         &err),
        0);
    assert_int_equal(faults_strike(faults, STR("iam"), STR("CreateRole")).kind, FAULT_NONE);
    assert_int_equal(faults_strike(faults, STR("glue"), STR("CreateJob")).kind, FAULT_THROTTLE);
    struct fault_strike next = faults_strike(faults, STR("glue"), STR("CreateJob"));
    assert_int_equal(next.kind, FAULT_ERROR);
    assert_int_equal(next.status, 503);
    assert_int_equal(next.latency_ms, 5);
    faults_clear(faults);
    assert_int_equal(faults_strike(faults, STR("glue"), STR("CreateJob")).kind, FAULT_NONE);
    faults_free(faults);
}

static void test_after_the_rule_above(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct faults *faults = faults_new();
    struct str rules =
        STR("rules: [{operation: CreateVpc, fault: lost, times: 1}, {fault: reset, after: true}]");
    assert_int_equal(faults_set(faults, rules, &err), 0);
    assert_int_equal(faults_strike(faults, STR("ec2"), STR("DescribeVpcs")).kind, FAULT_NONE);
    assert_int_equal(faults_strike(faults, STR("ec2"), STR("CreateVpc")).kind, FAULT_LOST);
    assert_int_equal(faults_strike(faults, STR("ec2"), STR("DescribeVpcs")).kind, FAULT_RESET);
    faults_free(faults);
}

static void test_same_seed_same_faults(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct faults *one = faults_new(), *two = faults_new();
    struct str rules = STR("{seed: 42, rules: [{fault: reset, probability: 0.3}]}");
    assert_int_equal(faults_set(one, rules, &err), 0);
    assert_int_equal(faults_set(two, rules, &err), 0);
    int struck = 0;
    for (int i = 0; i < 1000; i++) {
        enum fault_kind kind = faults_strike(one, STR("s3"), STR("GET /")).kind;
        assert_int_equal(kind, faults_strike(two, STR("s3"), STR("GET /")).kind);
        struck += kind == FAULT_RESET;
    }
    assert_in_range(struck, 230, 370);
    faults_free(one);
    faults_free(two);
}

static void test_mistakes_leave_the_old_rules(void **state)
{
    (void)state;
    struct faults *faults = faults_new();
    struct err err = ERR_INIT;
    assert_int_equal(faults_set(faults, STR("rules: [{fault: lost}]"), &err), 0);
    static const struct str wrong[] = {STR_INIT("rules: [{fault: nope}]"), STR_INIT("rules: [{times: -1}]"),
        STR_INIT("rules: 3"), STR_INIT("{{"), STR_INIT("rules: [{probability: 2}]"), STR_INIT("rules: [7]")};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(faults_set(faults, wrong[i], &err), -1);
    assert_int_equal(faults_strike(faults, STR("s3"), STR("GET /")).kind, FAULT_LOST);
    AUTO_ARENA struct arena arena = ARENA_INIT;
    assert_true(
        str_eqz(faults_text(faults, &arena), "{\"lost\":0,\"rules\":[{\"fault\":\"lost\",\"struck\":1}]}"));
    faults_free(faults);
}

static void *wait_for_an_hour(void *arg)
{
    struct fault_strike strike = faults_strike(arg, STR("s3"), STR("GET /"));
    faults_wait(arg, &strike);
    return strike.latency_ms == 3600000 ? arg : NULL;
}

static void test_who_waits_goes_on_when_rules_change(void **state)
{
    (void)state;
    struct faults *faults = faults_new();
    struct err err = ERR_INIT;
    for (int cleared = 0; cleared < 2; cleared++) {
        assert_int_equal(faults_set(faults, STR("rules: [{latency: 3600000}]"), &err), 0);
        pthread_t thread;
        void *waited = NULL;
        pthread_create(&thread, NULL, wait_for_an_hour, faults);
        AUTO_ARENA struct arena arena = ARENA_INIT;
        while (str_find(faults_text(faults, &arena), STR("\"struck\":1"), 0) < 0)
            sched_yield();
        if (cleared)
            faults_clear(faults);
        else
            assert_int_equal(faults_set(faults, STR("rules: []"), &err), 0);
        pthread_join(thread, &waited);
        assert_ptr_equal(waited, faults);
    }
    faults_free(faults);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_rule_that_fits),
        cmocka_unit_test(test_after_the_rule_above),
        cmocka_unit_test(test_same_seed_same_faults),
        cmocka_unit_test(test_mistakes_leave_the_old_rules),
        cmocka_unit_test(test_who_waits_goes_on_when_rules_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
