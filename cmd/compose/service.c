/* Converts services to containers: image, environment, secrets, configuration, order. */
#include "cmd/compose/compose.h"

#include "base/file.h"

/* ---- the image of a service, built or pulled ---- */

static void add_image_resource(struct service *s, const struct node *build)
{
    struct compose *c = s->c;
    struct tree *attrs = tree_new(c->arena, TREE_MAP, NULL);
    bool whole = build->kind == NODE_MAP;
    struct str context = compose_text(c, whole ? node_get(build, "context") : build);
    struct str name = compose_text(c, node_get(s->node, "image"));
    static const char *const known[] = {"context", "dockerfile", "args", "target", "labels", "tags", "pull"};
    if (!name.n)
        name = arena_printf(c->arena, "%.*s-%.*s", STR_ARG(c->project), STR_ARG(s->name));
    attr_add_text(c, attrs, "name", name);
    attr_add_text(c, attrs, "context", context.n ? context : STR("."));
    for (uint32_t i = 0; whole && i < build->count; i++) {
        if (!str_starts(build->entries[i].key, STR("x-")) && !STR_IS_ONE_OF(build->entries[i].key, known))
            diag_warning(c->diags, node_key_span(&build->entries[i]),
                "`%.*s` of a build has no equivalent in a stack", STR_ARG(build->entries[i].key));
    }
    if (whole && node_get(build, "dockerfile"))
        attr_add_text(c, attrs, "dockerfile", compose_text(c, node_get(build, "dockerfile")));
    if (whole && node_get(build, "target"))
        attr_add_text(c, attrs, "target", compose_text(c, node_get(build, "target")));
    if (whole && node_get(build, "args"))
        attr_add(c, attrs, "args", compose_map(c, node_get(build, "args")));
    if (whole && node_get(build, "labels"))
        attr_add(c, attrs, "labels", compose_map(c, node_get(build, "labels")));
    if (whole && node_get(build, "tags"))
        attr_add(c, attrs, "tags", compose_list(c, node_get(build, "tags")));
    if (whole && node_get(build, "pull"))
        attr_add(c, attrs, "refresh_base", compose_scalar(c, node_get(build, "pull")));
    compose_resource(c, compose_name(c, "image", s->name), "docker.image", attrs);
}

static void service_image(struct service *s, struct tree *attrs)
{
    struct compose *c = s->c;
    const struct node *build = node_get(s->node, "build"), *image = node_get(s->node, "image");
    struct str name = compose_text(c, image);
    if (build) {
        add_image_resource(s, build);
    } else if (name.n) {
        /* Services with the same image share its resource. */
        struct str key = arena_printf(c->arena, "pulled %.*s", STR_ARG(name));
        const struct str *known = map_get(&c->names, key);
        if (!known) {
            struct tree *own = tree_new(c->arena, TREE_MAP, NULL);
            struct str *copy = arena_boxed(c->arena, compose_name(c, "image", s->name));
            map_set(&c->names, key, copy);
            attr_add_text(c, own, "name", name);
            compose_resource(c, *copy, "docker.image", own);
            known = copy;
        }
        attr_add_text(c, attrs, "image", arena_printf(c->arena, "${%.*s.id}", STR_ARG(*known)));
        return;
    } else {
        compose_warn(c, s->node, "the service \"%.*s\" has neither an image nor a build", STR_ARG(s->name));
    }
    attr_add_text(c, attrs, "image", compose_reference(c, "image", s->name, "id"));
}

/* ---- environment ---- */

static void take_variable(
    struct compose *c, struct str key, const struct node *node, struct str text, void *ctx)
{
    struct service *s = ctx;
    AUTO_BUF struct buf own = BUF_INIT;
    if (!text.p) { /* without a value it comes from the environment of docker compose */
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
    const struct value *copy = value_string_ref(c->arena, value);
    if (!secret && (node->kind == NODE_INT || node->kind == NODE_BOOL))
        copy = node_value(c->arena, node);
    value_builder_set(secret ? &s->secret_environment : &s->environment, key, copy);
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
        compose_warn(s->c, node, "there is no file %.*s to read variables from", STR_ARG(name));
}

static void service_environment(struct service *s, struct tree *attrs)
{
    const struct node *files = node_get(s->node, "env_file");
    for (uint32_t i = 0; files && files->kind == NODE_LIST && i < files->count; i++)
        add_env_file(s, files->items[i]);
    if (files && files->kind != NODE_LIST && files->kind != NODE_NULL)
        add_env_file(s, files);
    compose_pairs(s->c, node_get(s->node, "environment"), take_variable, s);
    attr_add(s->c, attrs, "environment", value_builder_map(&s->environment));
    attr_add(s->c, attrs, "secret_environment", value_builder_map(&s->secret_environment));
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

static void service_files(struct service *s, const char *kind, bool secret, struct value_builder *out)
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
            compose_warn(c, node, "nothing under `%s:` is called \"%.*s\"", kind, STR_ARG(name));
        if (!str_starts(target, STR("/")))
            target = arena_printf(
                c->arena, "%s%.*s", secret ? "/run/secrets/" : "/", STR_ARG(target.n ? target : name));
        struct str content = content_of(c, defined ? defined->value : NULL, name, secret);
        value_builder_set(out, target, value_string_ref(c->arena, content));
    }
}

/* ---- keys that are renamed or kept ---- */

enum shape { SAME, WORDS, LIST, PAIRS, SIZE };

static const struct plain {
    const char *key, *attr;
    enum shape shape;
} plain[] = {
    {"entrypoint", "entrypoint", WORDS},
    {"command", "command", WORDS},
    {"user", "user", SAME},
    {"working_dir", "working_dir", SAME},
    {"hostname", "hostname", SAME},
    {"platform", "platform", SAME},
    {"restart", "restart", SAME},
    {"mem_limit", "memory", SIZE},
    {"mem_reservation", "memory_reservation", SIZE},
    {"shm_size", "shm_size", SIZE},
    {"cpus", "cpus", SAME},
    {"pids_limit", "pids_limit", SAME},
    {"privileged", "privileged", SAME},
    {"read_only", "read_only", SAME},
    {"init", "init", SAME},
    {"tty", "tty", SAME},
    {"stdin_open", "stdin_open", SAME},
    {"stop_signal", "stop_signal", SAME},
    {"cap_add", "cap_add", LIST},
    {"cap_drop", "cap_drop", LIST},
    {"security_opt", "security_opt", LIST},
    {"group_add", "group_add", LIST},
    {"dns", "dns", LIST},
    {"devices", "devices", LIST},
    {"sysctls", "sysctls", PAIRS},
    {"labels", "labels", PAIRS},
    {"pid", "pid_mode", SAME},
    {"ipc", "ipc_mode", SAME},
    {"runtime", "runtime", SAME},
};

/* Keys that are converted below or have no effect. */
static const char *const others[] = {"image", "build", "container_name", "environment", "env_file", "ports",
    "expose", "volumes", "tmpfs", "networks", "network_mode", "depends_on", "healthcheck", "deploy",
    "secrets", "configs", "profiles", "stop_grace_period", "extra_hosts", "ulimits", "logging", "pull_policy",
    "attach", "scale"};

static void add_plain(struct service *s, struct tree *attrs, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        const struct node *node = node_get(s->node, plain[i].key);
        if (!node || node->kind == NODE_NULL)
            continue;
        switch (plain[i].shape) {
        case SAME: attr_add(s->c, attrs, plain[i].attr, compose_scalar(s->c, node)); break;
        case WORDS: attr_add(s->c, attrs, plain[i].attr, compose_words(s->c, node)); break;
        case LIST: attr_add(s->c, attrs, plain[i].attr, compose_list(s->c, node)); break;
        case PAIRS: attr_add(s->c, attrs, plain[i].attr, compose_map(s->c, node)); break;
        case SIZE: attr_add_text(s->c, attrs, plain[i].attr, compose_text(s->c, node)); break;
        }
    }
}

static void tell_unknown(struct service *s)
{
    for (uint32_t i = 0; i < s->node->count; i++) {
        const struct node_entry *entry = &s->node->entries[i];
        bool known = str_starts(entry->key, STR("x-")) || STR_IS_ONE_OF(entry->key, others);
        for (size_t k = 0; k < sizeof plain / sizeof *plain; k++)
            known = known || str_eqz(entry->key, plain[k].key);
        if (!known)
            diag_warning(s->c->diags, node_key_span(entry),
                "`%.*s` of a service has no equivalent in a stack", STR_ARG(entry->key));
    }
}

/* ---- order of services ---- */

/* Returns whether another service waits for its completion. */
static bool is_waited_out(struct compose *c, struct str name)
{
    const struct node *services = node_get(c->root, "services");
    for (uint32_t i = 0; services && i < services->count; i++) {
        const struct node *deps = node_get(services->entries[i].value, "depends_on");
        const struct node_entry *dep = deps && deps->kind == NODE_MAP ? node_find(deps, name) : NULL;
        const struct node *condition = dep ? node_get(dep->value, "condition") : NULL;
        if (condition && condition->kind == NODE_STRING &&
            str_eqz(condition->string, "service_completed_successfully"))
            return true;
    }
    return false;
}

static void add_order(struct service *s, struct tree *attrs)
{
    struct compose *c = s->c;
    const struct node *deps = node_get(s->node, "depends_on"), *profiles = node_get(s->node, "profiles");
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(c->arena);
    for (uint32_t i = 0; deps && (deps->kind == NODE_LIST || deps->kind == NODE_MAP) && i < deps->count;
         i++) {
        struct str name = deps->kind == NODE_MAP ? deps->entries[i].key : compose_text(c, deps->items[i]);
        value_builder_add(&out, value_string(c->arena, compose_name(c, "service", name)));
    }
    attr_add(c, attrs, "depends_on", value_builder_list(&out));
    if (is_waited_out(c, s->name))
        attr_add_text(c, attrs, "wait", STR("exited"));
    for (uint32_t i = 0; profiles && profiles->kind == NODE_LIST && i < profiles->count; i++) {
        struct str name =
            arena_printf(c->arena, "profile_%.*s", STR_ARG(compose_text(c, profiles->items[i])));
        struct compose_input *input =
            ARENA_MAKE(c->arena, struct compose_input, name, &value_false, "boolean", false);
        if (!map_get(&c->inputs, name))
            map_set(&c->inputs, name, input);
        if (!i)
            attr_add_text(c, attrs, "when", arena_printf(c->arena, "${inputs.%.*s}", STR_ARG(name)));
        else
            compose_warn(c, profiles->items[i], "of several profiles the first one counts");
    }
}

/* ---- the whole service ---- */

static void add_logging(struct service *s, struct tree *attrs)
{
    const struct node *logging = node_get(s->node, "logging");
    attr_add_text(s->c, attrs, "log_driver", compose_text(s->c, node_get(logging, "driver")));
    if (node_get(logging, "options"))
        attr_add(s->c, attrs, "log_options", compose_map(s->c, node_get(logging, "options")));
}

/* Names containers as Compose does: shop-web-1, shop-web-2. */
static void add_name(struct service *s, struct tree *attrs)
{
    struct compose *c = s->c;
    int64_t count = compose_replicas(s->node);
    struct str name = compose_text(c, node_get(s->node, "container_name"));
    AUTO_BUILDER struct value_builder keys = VALUE_BUILDER(c->arena);
    for (int64_t i = 1; count > 1 && i <= count; i++)
        value_builder_add(&keys, value_string_ref(c->arena, arena_printf(c->arena, "%lld", (long long)i)));
    attr_add(c, attrs, "for_each", value_builder_list(&keys));
    if (!name.n || count > 1)
        name = arena_printf(
            c->arena, "%.*s-%.*s-%s", STR_ARG(c->project), STR_ARG(s->name), count > 1 ? "${each.key}" : "1");
    attr_add_text(c, attrs, "name", name);
    if (count > 1 && node_get(s->node, "ports"))
        compose_warn(c, node_get(s->node, "ports"),
            "several containers cannot have one port of this machine: leave out `host`, or the others");
}

static void add_all(struct service *s, struct tree *attrs)
{
    struct compose *c = s->c;
    add_name(s, attrs);
    service_image(s, attrs);
    add_plain(s, attrs, 0, 2);
    service_environment(s, attrs);
    service_files(s, "secrets", true, &s->secrets);
    service_files(s, "configs", false, &s->files);
    attr_add(c, attrs, "secrets", value_builder_map(&s->secrets));
    attr_add(c, attrs, "files", value_builder_map(&s->files));
    attr_add(c, attrs, "ports", compose_ports(c, node_get(s->node, "ports")));
    attr_add(c, attrs, "mounts", compose_mounts(c, node_get(s->node, "volumes")));
    attr_add(c, attrs, "tmpfs", service_tmpfs(c, node_get(s->node, "tmpfs")));
    service_networks(s, attrs);
    service_health(s, attrs);
    add_plain(s, attrs, 2, sizeof plain / sizeof *plain);
    if (node_get(s->node, "stop_grace_period"))
        attr_add(c, attrs, "stop_timeout", service_seconds(c, node_get(s->node, "stop_grace_period")));
    attr_add(c, attrs, "extra_hosts", service_hosts(c, node_get(s->node, "extra_hosts")));
    attr_add(c, attrs, "ulimits", service_ulimits(c, node_get(s->node, "ulimits")));
    add_logging(s, attrs);
    service_deploy(s, attrs);
    add_order(s, attrs);
}

void compose_service(struct compose *c, const struct node_entry *entry)
{
    if (entry->value->kind != NODE_MAP) {
        compose_warn(c, entry->value, "a service is a map");
        return;
    }
    struct service s = {.c = c,
        .name = entry->key,
        .node = entry->value,
        .environment = VALUE_BUILDER(c->arena),
        .secret_environment = VALUE_BUILDER(c->arena),
        .secrets = VALUE_BUILDER(c->arena),
        .files = VALUE_BUILDER(c->arena)};
    struct tree *attrs = tree_new(c->arena, TREE_MAP, NULL);
    tell_unknown(&s);
    add_all(&s, attrs);
    compose_resource(c, compose_name(c, "service", s.name), "docker.container", attrs);
}
