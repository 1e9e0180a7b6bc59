/*
 * Rules: what has to hold of the resources that a plan makes, or of the plan as a whole.
 *
 *     rules:
 *       tags_everywhere:
 *         for: aws.*                             types and patterns of types, or `plan`
 *         where: ${action != "delete"}           which of them; all
 *         require: ${haskey(self.tags, "owner")}
 *         message: every resource says who owns it
 *         level: error                           or warning, approval
 *
 * `use: [weir.baseline]` adds a set that comes with the program (provider/<name>/rules/), or the rules of a
 * module. An organisation has files of its own (WEIR_RULES). With `waive:` a stack need not keep one for a
 * while.
 *
 * Conditions of one resource are rules as well: `lifecycle: {precondition: [{require:, message:}]}` is asked
 * as these are, `postcondition:` after the resource was created or updated. So are `checks:`, which are asked
 * after an apply, with data sources of their own, and are kept where they say nothing.
 *
 * The loader reads them (stacks/load/rules.c) and reports every mistake that can be found without values. The
 * planner asks them (plan/rules/rules.h). In their expressions these names come before all others:
 *
 *     self          the resource as planned; null where it is deleted
 *     before        the resource as it is; null where it is created
 *     action        create, update, replace, delete, adopt, forget or noop
 *     address, type of the resource
 *     dependencies  what it refers to, and
 *     dependents    what refers to it: lists of {address, type, action, self}
 *     plan          with `for: plan`: numbers of the plan, and plan.cost
 *
 * `budget:` is a rule of that kind (stacks/load/budget.c).
 */
#pragma once

#include "stacks/expr.h"

struct decl;
struct module;
struct schema;

enum rule_level { RULE_ERROR, RULE_WARNING, RULE_APPROVAL, RULE_LEVELS };
const char *rule_level_name(enum rule_level level); /* "error" … as in the file */

/* What a rule's expressions name; it tells when the rule can be asked. */
enum rule_names {
    RULE_NAMES_ACTION = 1,
    RULE_NAMES_BEFORE = 2,
    RULE_NAMES_LINKS = 4,  /* dependencies, dependents */
    RULE_NAMES_OTHERS = 8, /* declarations of the stack */
    RULE_NAMES_COST = 16,  /* plan.cost */
};

struct rule {
    struct str name;               /* "tags_everywhere", of a set "weir.baseline/s3_public_access" */
    struct str set;                /* "weir.baseline"; "" the stack's own */
    struct str doc, control, link; /* why: a sentence, the number in a benchmark, its page; "" not given */
    struct span span;
    const struct module *module; /* of the resources in it; NULL: of all */
    const struct str *types;     /* names and patterns */
    size_t type_count;
    bool of_plan;
    bool budget;              /* what `budget:` stands for */
    const struct decl *decl;  /* a condition of that resource; NULL: it is none */
    bool after;               /* asked after the call: a postcondition, or a check */
    bool check;               /* of `checks:`: of what is there after an apply */
    struct decl *const *data; /* of a check: its own data sources */
    size_t data_count;
    int64_t within_ms; /* of a check: for so long it is asked again until it is kept; 0: once */
    bool builtin;      /* of a set that comes with weir */
    bool waivable;     /* a stack may waive it */
    bool idle; /* of such a set, and the stack has no resource that it is for: it is not ready to be asked */
    struct expr *where; /* NULL: of all */
    struct expr *require, *message;
    enum rule_level level;
    unsigned names;               /* enum rule_names */
    const struct str *attributes; /* of `self` that it names */
    size_t attribute_count;
};

/* A stack need not keep a rule for some addresses. */
struct waiver {
    struct str rule;             /* its name, also without its set */
    const struct str *addresses; /* and patterns of them; "plan" of the plan */
    size_t address_count;
    struct str reason, until; /* the last day, 2027-01-31 */
    int64_t until_ms;         /* when that is over */
    struct span span;
};

/* "weir.baseline/s3_versioning", or "s3_versioning". */
bool rule_is_called(const struct rule *rule, struct str name);
/* Is it a rule for resources of the type? Of patterns only types that have what it names. */
bool rule_is_for(const struct rule *rule, const struct schema *schema);
