/* What cmd/help.yaml says: see help.h. It is read when somebody wants to read it. */
#include "cmd/options/help.h"

#include "base/embed.h"
#include "base/yaml.h"

#include <pthread.h>

static const struct node nothing = {.kind = NODE_MAP}, *texts = &nothing;

static void read_texts(void)
{
    static struct arena arena = ARENA_INIT;
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    struct source *source = ARENA_NEW(&arena, struct source);
    source->path = STR("cmd/help.yaml");
    source->text = embedded_text(embedded_find(source->path));
    texts = yaml_parse(&arena, source, &diags);
}

static const struct node *help_below(const struct node *node, struct str name)
{
    const struct node_entry *entry = node_find(node, name);
    return entry ? entry->value : &nothing;
}

const struct node *help_section(const char *name)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, read_texts);
    return help_below(texts, str_z(name));
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
