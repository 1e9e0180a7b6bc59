/* What cmd/options/aliases.yaml says: see aliases.h. */
#include "cmd/options/aliases.h"

static const struct node *aliases_section(const char *name)
{
    return node_get(yaml_embedded("cmd/options/aliases.yaml"), name);
}

struct str alias_says(const struct node *alias, const char *what)
{
    return node_text(node_get(alias, what));
}

const struct node *alias_option(struct str name, struct str value)
{
    const struct node *options = aliases_section("options");
    for (uint32_t i = 0; i < options->count; i++) {
        struct str only = alias_says(options->items[i], "value");
        if (str_eq(name, alias_says(options->items[i], "name")) && (!only.n || str_eq(value, only)))
            return options->items[i];
    }
    return NULL;
}

const struct node *alias_command(const char *parent, struct str name)
{
    char full[64];
    snprintf(full, sizeof full, "%s%s%.*s", parent ? parent : "", parent ? " " : "", STR_ARG(name));
    return node_get(aliases_section("commands"), full);
}
