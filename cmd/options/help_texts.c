/* What cmd/help.yaml says: see help.h. */
#include "cmd/options/help.h"

static const struct node nothing = {.kind = NODE_MAP};

static const struct node *help_below(const struct node *node, struct str name)
{
    const struct node_entry *entry = node_find(node, name);
    return entry ? entry->value : &nothing;
}

const struct node *help_section(const char *name)
{
    return help_below(yaml_embedded("cmd/help.yaml"), str_z(name));
}

static const struct node *of_command(struct str path, const char *what)
{
    return help_below(help_below(help_section("commands"), path), str_z(what));
}

struct str help_summary(struct str path)
{
    return node_text(of_command(path, "summary"));
}

const struct node *help_details(struct str path)
{
    return of_command(path, "details");
}

const struct node *help_examples(struct str path)
{
    return of_command(path, "examples");
}

struct str help_option(struct str path, const struct option *option)
{
    struct str rest, name = str_z(option->name);
    const struct node *const levels[] = {of_command(path, "options"),
        of_command(str_cut(path, ' ', &rest), "options"), help_section("options")};
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (node_find(levels[i], name))
            return node_text(help_below(levels[i], name));
    return STR_EMPTY;
}
