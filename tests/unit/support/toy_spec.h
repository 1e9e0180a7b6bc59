/*
 * A service from a spec in a test's text, with a provider that plays a script (toy_aws.h): what the tests of
 * the interpreter begin with. The test has a toy_load() as its set_up and toy_free() as its tear_down.
 */
#pragma once

#include "base/diag.h"
#include "base/json.h"
#include "provider/spec/spec.h"
#include "tests/unit/support/json_text.h"
#include "tests/unit/support/manual_clock.h"
#include "tests/unit/support/toy_aws.h"

static struct spec_service *service;
static struct provider *provider;
static struct arena arena;

/* `text` has to last. */
static int toy_load(const char *text)
{
    static struct source source;
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    AUTO_BUF struct buf report = BUF_INIT;
    source = (struct source){.path = STR("toy.yaml"), .text = str_z(text)};
    service = spec_load(&source, &fixed_kinds, NULL, &diags);
    if (!service) {
        diags_render(&diags, false, &report);
        fail_msg("%s", report.p);
    }
    struct err err = ERR_INIT;
    manual_clock_install(0);
    return fixed_provider(&provider, &err);
}

static int toy_free(void **state)
{
    (void)state;
    manual_clock_remove();
    provider_free(provider);
    fixed_release();
    spec_free(service);
    return 0;
}

/* After each test. */
static int toy_release(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static const struct schema *toy_schema(const char *type)
{
    const struct spec_type *found = map_get(&service->types, str_z(type));
    return &found->schema;
}

static const struct value *json(const char *text)
{
    return json_text(&arena, text);
}
