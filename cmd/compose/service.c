/* Services as containers. */
#include "cmd/compose/service.h"

/* ---- keys that are another word here, or the same ---- */

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

/* Keys that are said otherwise below, or that mean nothing here. */
static const char *const others[] = {"image", "build", "container_name", "environment", "env_file", "ports",
    "expose", "volumes", "tmpfs", "networks", "network_mode", "depends_on", "healthcheck", "deploy",
    "secrets", "configs", "profiles", "stop_grace_period", "extra_hosts", "ulimits", "logging", "pull_policy",
    "attach", "scale"};

static void add_plain(struct service *s, struct attr_list *attrs, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        const struct node *node = node_get(s->node, plain[i].key);
        if (!node || node->kind == NODE_NULL)
            continue;
        switch (plain[i].shape) {
        case SAME: attr_add(attrs, plain[i].attr, compose_scalar(s->c, node)); break;
        case WORDS: attr_add(attrs, plain[i].attr, compose_words(s->c, node)); break;
        case LIST: attr_add(attrs, plain[i].attr, compose_list(s->c, node)); break;
        case PAIRS: attr_add(attrs, plain[i].attr, compose_map(s->c, node)); break;
        case SIZE: attr_add_text(attrs, plain[i].attr, compose_text(s->c, node)); break;
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
            diag_warning(s->c->diags, node_key_span(entry), "`%.*s` of a service cannot be said in a stack",
                STR_ARG(entry->key));
    }
}

/* ---- order ---- */

/* Does anybody wait for its end? */
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

static void add_order(struct service *s, struct attr_list *attrs)
{
    struct compose *c = s->c;
    const struct node *deps = node_get(s->node, "depends_on"), *profiles = node_get(s->node, "profiles");
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(c->arena);
    for (uint32_t i = 0; deps && (deps->kind == NODE_LIST || deps->kind == NODE_MAP) && i < deps->count;
         i++) {
        struct str name = deps->kind == NODE_MAP ? deps->entries[i].key : compose_text(c, deps->items[i]);
        value_builder_add(&out, value_string(c->arena, compose_name(c, "service", name)));
    }
    attr_add(attrs, "depends_on", value_builder_list(&out));
    if (is_waited_out(c, s->name))
        attr_add_text(attrs, "wait", STR("exited"));
    for (uint32_t i = 0; profiles && profiles->kind == NODE_LIST && i < profiles->count; i++) {
        struct str name =
            arena_printf(c->arena, "profile_%.*s", STR_ARG(compose_text(c, profiles->items[i])));
        struct compose_input *input = ARENA_NEW(c->arena, struct compose_input);
        *input = (struct compose_input){name, &value_false, "boolean", false};
        if (!map_get(&c->inputs, name))
            map_set(&c->inputs, name, input);
        if (!i)
            attr_add_text(attrs, "when", arena_printf(c->arena, "${inputs.%.*s}", STR_ARG(name)));
        else
            compose_tell(c, profiles->items[i], "of several profiles the first one counts");
    }
}

/* ---- */

static void add_logging(struct service *s, struct attr_list *attrs)
{
    const struct node *logging = node_get(s->node, "logging");
    attr_add_text(attrs, "log_driver", compose_text(s->c, node_get(logging, "driver")));
    if (node_get(logging, "options"))
        attr_add(attrs, "log_options", compose_map(s->c, node_get(logging, "options")));
}

/* As Compose calls them: shop-web-1, shop-web-2. */
static void add_name(struct service *s, struct attr_list *attrs)
{
    struct compose *c = s->c;
    int64_t count = compose_replicas(s->node);
    struct str name = compose_text(c, node_get(s->node, "container_name"));
    AUTO_BUILDER struct value_builder keys = VALUE_BUILDER(c->arena);
    for (int64_t i = 1; count > 1 && i <= count; i++)
        value_builder_add(&keys, value_string_ref(c->arena, arena_printf(c->arena, "%lld", (long long)i)));
    attr_add(attrs, "for_each", value_builder_list(&keys));
    if (!name.n || count > 1)
        name = arena_printf(
            c->arena, "%.*s-%.*s-%s", STR_ARG(c->project), STR_ARG(s->name), count > 1 ? "${each.key}" : "1");
    attr_add_text(attrs, "name", name);
    if (count > 1 && node_get(s->node, "ports"))
        compose_tell(c, node_get(s->node, "ports"),
            "several containers cannot have one port of this machine: leave out `host`, or the others");
}

static void add_all(struct service *s, struct attr_list *attrs)
{
    struct compose *c = s->c;
    add_name(s, attrs);
    service_image(s, attrs);
    add_plain(s, attrs, 0, 2);
    service_environment(s, attrs);
    service_files(s, "secrets", true, &s->secrets);
    service_files(s, "configs", false, &s->files);
    attr_add(attrs, "secrets", value_builder_map(&s->secrets));
    attr_add(attrs, "files", value_builder_map(&s->files));
    attr_add(attrs, "ports", compose_ports(c, node_get(s->node, "ports")));
    attr_add(attrs, "mounts", compose_mounts(c, node_get(s->node, "volumes")));
    attr_add(attrs, "tmpfs", service_tmpfs(c, node_get(s->node, "tmpfs")));
    service_networks(s, attrs);
    service_health(s, attrs);
    add_plain(s, attrs, 2, sizeof plain / sizeof *plain);
    if (node_get(s->node, "stop_grace_period"))
        attr_add(attrs, "stop_timeout", service_seconds(c, node_get(s->node, "stop_grace_period")));
    attr_add(attrs, "extra_hosts", service_hosts(c, node_get(s->node, "extra_hosts")));
    attr_add(attrs, "ulimits", service_ulimits(c, node_get(s->node, "ulimits")));
    add_logging(s, attrs);
    service_deploy(s, attrs);
    add_order(s, attrs);
}

void compose_service(struct compose *c, const struct node_entry *entry)
{
    if (entry->value->kind != NODE_MAP) {
        compose_tell(c, entry->value, "a service is a map");
        return;
    }
    struct service s = {.c = c,
        .name = entry->key,
        .node = entry->value,
        .environment = VALUE_BUILDER(c->arena),
        .secret_environment = VALUE_BUILDER(c->arena),
        .secrets = VALUE_BUILDER(c->arena),
        .files = VALUE_BUILDER(c->arena)};
    struct attr_list attrs = {.arena = c->arena};
    tell_unknown(&s);
    add_all(&s, &attrs);
    write_resource(&c->resources, compose_name(c, "service", s.name), "docker.container", &attrs);
}
