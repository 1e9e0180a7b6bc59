/*
 * Stack files as trees. What is wrong in one is told with its line, but where the file gives values to
 * inputs, of which some are secret: only a tree tells which, and of a file that is no YAML there is none.
 */
#pragma once

#include "base/yaml.h"

/* Like yaml_parse() and yaml_load(). What is hidden of the source is so for as long as the diagnostics live.
 */
struct node *stack_yaml_parse(struct arena *arena, const struct source *source, struct diags *diags);
struct node *stack_yaml_load(
    struct arena *arena, const char *path, struct str shown_path, struct diags *diags);
