/* What a service is told: variables, secrets, configuration. */
#include "cmd/compose/service.h"

#include "base/file.h"

/* ---- environment ---- */

static void take_variable(
    struct compose *c, struct str key, const struct node *node, struct str text, void *ctx)
{
    struct service *s = ctx;
    AUTO_BUF struct buf own = BUF_INIT;
    if (!text.p) { /* from whoever runs compose */
        buf_addf(&own, "${%.*s}", STR_ARG(key));
        text = arena_str(c->arena, buf_str(&own));
    }
    struct str value = compose_expand(c, node, text);
    bool secret = c->touched_secret;
    if (!secret && str_find(value, STR("${inputs."), 0) < 0 && compose_is_secret(key, value)) {
        struct str name = arena_printf(c->arena, "%.*s_%.*s", STR_ARG(s->name), STR_ARG(key));
        value = compose_hide(c, node, name, value);
        secret = true;
    }
    const struct value *kept = value_string_ref(c->arena, value);
    if (!secret && (node->kind == NODE_INT || node->kind == NODE_BOOL))
        kept = node_value(c->arena, node);
    value_builder_set(secret ? &s->secret_environment : &s->environment, key, kept);
}

struct from_file {
    struct service *service;
    const struct node *node;
};

static void take_from_file(struct compose *c, struct str key, struct str text, void *ctx)
{
    struct from_file *from = ctx;
    take_variable(c, key, from->node, text, from->service);
}

static void add_env_file(struct service *s, const struct node *node)
{
    struct from_file from = {s, node};
    const struct node *path = node->kind == NODE_MAP ? node_get(node, "path") : node;
    struct str name = compose_text(s->c, path);
    if (!compose_env_file(s->c, path_join(s->c->arena, s->c->dir, name), take_from_file, &from))
        compose_tell(s->c, node, "there is no file %.*s to read variables from", STR_ARG(name));
}

void service_environment(struct service *s, struct attr_list *attrs)
{
    const struct node *files = node_get(s->node, "env_file");
    for (uint32_t i = 0; files && files->kind == NODE_LIST && i < files->count; i++)
        add_env_file(s, files->items[i]);
    if (files && files->kind != NODE_LIST && files->kind != NODE_NULL)
        add_env_file(s, files);
    compose_pairs(s->c, node_get(s->node, "environment"), take_variable, s);
    attr_add(attrs, "environment", value_builder_map(&s->environment));
    attr_add(attrs, "secret_environment", value_builder_map(&s->secret_environment));
}

/* ---- secrets and configs ---- */

static struct str content_of(struct compose *c, const struct node *defined, struct str name, bool secret)
{
    struct str file = compose_text(c, node_get(defined, "file"));
    struct str text = compose_text(c, node_get(defined, "content"));
    struct str variable = compose_text(c, node_get(defined, "environment"));
    if (file.n)
        return arena_printf(c->arena, "${file('%.*s')}", STR_ARG(file));
    if (text.n && secret)
        return compose_hide(c, node_get(defined, "content"), name, text);
    return text.n ? text : compose_secret(c, variable.n ? variable : name);
}

void service_files(struct service *s, const char *kind, bool secret, struct value_builder *out)
{
    struct compose *c = s->c;
    const struct node *list = node_get(s->node, kind);
    for (uint32_t i = 0; list && list->kind == NODE_LIST && i < list->count; i++) {
        const struct node *node = list->items[i];
        bool whole = node->kind == NODE_MAP;
        struct str name = compose_text(c, whole ? node_get(node, "source") : node);
        struct str target = whole ? compose_text(c, node_get(node, "target")) : STR_EMPTY;
        const struct node *all = node_get(c->root, kind);
        const struct node_entry *defined = all ? node_find(all, name) : NULL;
        if (!defined)
            compose_tell(c, node, "nothing under `%s:` is called \"%.*s\"", kind, STR_ARG(name));
        if (!str_starts(target, STR("/")))
            target = arena_printf(
                c->arena, "%s%.*s", secret ? "/run/secrets/" : "/", STR_ARG(target.n ? target : name));
        struct str content = content_of(c, defined ? defined->value : NULL, name, secret);
        value_builder_set(out, target, value_string_ref(c->arena, content));
    }
}
