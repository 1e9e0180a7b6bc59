/*
 * Modules that are left out (`when: false`): what they declare has no instances, and null for a value.
 */
#pragma once

#include "plan/planner.h"

enum entry {
    ENTRY_UNASKED,
    ENTRY_IN,
    ENTRY_OUT,
    ENTRY_OPEN,   /* offline: depends on what a plan would read */
    ENTRY_FAILED, /* reported */
};

/* Does the module take part? So do all around it, asked from the outside, and once only. */
enum entry module_entry(struct planner *p, const struct module *module);
/* A `when` that is neither true nor false. */
void report_when(struct planner *p, const struct decl *decl, const struct value *v);
/* For each_resource_dep(): sets *(bool *)ctx where one of them is a data source. */
void note_data(void *ctx, const struct decl *dep);
