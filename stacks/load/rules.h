/*
 * Loading rules: rules.c reads them, rules_resolve.c gives the names in their expressions a meaning.
 *
 * Order of calls: load_rules() for each section of that name, resolve_rules() when all declarations are
 * resolved. Then the stack has them.
 */
#ifndef WEIR_STACKS_LOAD_RULES_H
#define WEIR_STACKS_LOAD_RULES_H

#include "stacks/load/load.h"

void load_rules(struct unit *unit, const struct node *section);
/* "aws.*" */
bool rule_type_is_pattern(struct str type);
void resolve_rules(struct loader *loader);

#endif
