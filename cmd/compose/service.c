/* Services as containers, and what they are built from as images. */
#include "cmd/compose/parts.h"

#include "base/file.h"

#include <stdlib.h>

struct service {
    struct compose *c;
    struct str name;
    const struct node *node;
    struct value_builder environment, secret_environment, secrets, files;
};

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

static const struct value *list_of(struct compose *c, const struct node *node)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(c->arena);
    if (node->kind != NODE_LIST)
        value_builder_add(&out, value_string_ref(c->arena, compose_text(c, node)));
    for (uint32_t i = 0; node->kind == NODE_LIST && i < node->count; i++)
        value_builder_add(&out, value_string_ref(c->arena, compose_text(c, node->items[i])));
    return value_builder_list(&out);
}

static void take_pair(struct compose *c, struct str key, const struct node *node, struct str text, void *ctx)
{
    value_builder_set(
        ctx, key, value_string_ref(c->arena, compose_expand(c, node, text.p ? text : STR_EMPTY)));
}

static const struct value *pairs_of(struct compose *c, const struct node *node)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(c->arena);
    compose_pairs(c, node, take_pair, &out);
    return value_builder_map(&out);
}

static void add_plain(struct service *s, struct attr_list *attrs, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        const struct node *node = node_get(s->node, plain[i].key);
        if (!node || node->kind == NODE_NULL)
            continue;
        switch (plain[i].shape) {
        case SAME: attr_add(attrs, plain[i].attr, compose_scalar(s->c, node)); break;
        case WORDS: attr_add(attrs, plain[i].attr, compose_words(s->c, node)); break;
        case LIST: attr_add(attrs, plain[i].attr, list_of(s->c, node)); break;
        case PAIRS: attr_add(attrs, plain[i].attr, pairs_of(s->c, node)); break;
        case SIZE: attr_add_text(attrs, plain[i].attr, compose_text(s->c, node)); break;
        }
    }
}

static void tell_unknown(struct service *s)
{
    for (uint32_t i = 0; i < s->node->count; i++) {
        const struct node_entry *entry = &s->node->entries[i];
        bool known = str_starts(entry->key, STR("x-"));
        for (size_t k = 0; k < sizeof plain / sizeof *plain; k++)
            known = known || str_eqz(entry->key, plain[k].key);
        for (size_t k = 0; k < sizeof others / sizeof *others; k++)
            known = known || str_eqz(entry->key, others[k]);
        if (!known)
            diag_warning(s->c->diags, node_key_span(entry), "`%.*s` of a service cannot be said in a stack",
                STR_ARG(entry->key));
    }
}

/* ---- what it is made of ---- */

static void add_image_resource(struct service *s, const struct node *build)
{
    struct compose *c = s->c;
    struct attr_list attrs = {.arena = c->arena};
    bool whole = build->kind == NODE_MAP;
    struct str context = compose_text(c, whole ? node_get(build, "context") : build);
    struct str name = compose_text(c, node_get(s->node, "image"));
    static const char *const known[] = {"context", "dockerfile", "args", "target", "labels", "tags", "pull"};
    if (!name.n)
        name = arena_printf(c->arena, "%.*s-%.*s", STR_ARG(c->project), STR_ARG(s->name));
    attr_add_text(&attrs, "name", name);
    attr_add_text(&attrs, "context", context.n ? context : STR("."));
    for (uint32_t i = 0; whole && i < build->count; i++) {
        bool is = str_starts(build->entries[i].key, STR("x-"));
        for (size_t k = 0; k < sizeof known / sizeof *known; k++)
            is = is || str_eqz(build->entries[i].key, known[k]);
        if (!is)
            diag_warning(c->diags, node_key_span(&build->entries[i]),
                "`%.*s` of a build cannot be said in a stack", STR_ARG(build->entries[i].key));
    }
    if (whole && node_get(build, "dockerfile"))
        attr_add_text(&attrs, "dockerfile", compose_text(c, node_get(build, "dockerfile")));
    if (whole && node_get(build, "target"))
        attr_add_text(&attrs, "target", compose_text(c, node_get(build, "target")));
    if (whole && node_get(build, "args"))
        attr_add(&attrs, "args", pairs_of(c, node_get(build, "args")));
    if (whole && node_get(build, "labels"))
        attr_add(&attrs, "labels", pairs_of(c, node_get(build, "labels")));
    if (whole && node_get(build, "tags"))
        attr_add(&attrs, "tags", list_of(c, node_get(build, "tags")));
    if (whole && node_get(build, "pull"))
        attr_add(&attrs, "refresh_base", compose_scalar(c, node_get(build, "pull")));
    write_resource(&c->resources, compose_name(c, "image", s->name), "docker.image", &attrs);
}

static void add_image(struct service *s, struct attr_list *attrs)
{
    struct compose *c = s->c;
    const struct node *build = node_get(s->node, "build"), *image = node_get(s->node, "image");
    struct str name = compose_text(c, image);
    if (build) {
        add_image_resource(s, build);
    } else if (name.n) {
        /* Services of one image share it. */
        struct str key = arena_printf(c->arena, "pulled %.*s", STR_ARG(name));
        const struct str *known = map_get(&c->names, key);
        if (!known) {
            struct attr_list own = {.arena = c->arena};
            struct str *kept = ARENA_NEW(c->arena, struct str);
            *kept = compose_name(c, "image", s->name);
            map_set(&c->names, key, kept);
            attr_add_text(&own, "name", name);
            write_resource(&c->resources, *kept, "docker.image", &own);
            known = kept;
        }
        attr_add_text(attrs, "image", arena_printf(c->arena, "${%.*s.id}", STR_ARG(*known)));
        return;
    } else {
        compose_tell(c, s->node, "the service \"%.*s\" has neither an image nor a build", STR_ARG(s->name));
    }
    attr_add_text(attrs, "image", compose_reference(c, "image", s->name, "id"));
}

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

static void add_environment(struct service *s, struct attr_list *attrs)
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

static void add_files(struct service *s, const char *kind, bool secret, struct value_builder *out)
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

/* ---- networks ---- */

static const struct value *joined(struct service *s, struct str network, const struct node *how)
{
    struct compose *c = s->c;
    AUTO_BUILDER struct value_builder aliases = VALUE_BUILDER(c->arena), out = VALUE_BUILDER(c->arena);
    const struct node *more = node_get(how, "aliases");
    struct str address = compose_text(c, node_get(how, "ipv4_address"));
    value_builder_add(&aliases, value_string(c->arena, s->name));
    for (uint32_t i = 0; more && more->kind == NODE_LIST && i < more->count; i++)
        value_builder_add(&aliases, value_string_ref(c->arena, compose_text(c, more->items[i])));
    value_builder_set(&out, STR("name"), value_string_ref(c->arena, compose_network(c, network)));
    value_builder_set(&out, STR("aliases"), value_builder_list(&aliases));
    if (address.n)
        value_builder_set(&out, STR("ipv4_address"), value_string_ref(c->arena, address));
    return value_builder_map(&out);
}

static void add_networks(struct service *s, struct attr_list *attrs)
{
    struct compose *c = s->c;
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(c->arena);
    const struct node *list = node_get(s->node, "networks");
    struct str mode = compose_text(c, node_get(s->node, "network_mode"));
    if (str_starts(mode, STR("service:")))
        mode = arena_printf(c->arena, "container:%.*s",
            STR_ARG(compose_reference(c, "service", str_slice(mode, 8, mode.n), "name")));
    if (mode.n) {
        attr_add_text(attrs, "network_mode", mode);
        return;
    }
    for (uint32_t i = 0; list && i < list->count && (list->kind == NODE_LIST || list->kind == NODE_MAP); i++)
        value_builder_add(&out, list->kind == NODE_LIST
                                    ? joined(s, compose_text(c, list->items[i]), NULL)
                                    : joined(s, list->entries[i].key, list->entries[i].value));
    if (!out.n)
        value_builder_add(&out, joined(s, STR("default"), NULL));
    attr_add(attrs, "networks", value_builder_list(&out));
}

/* ---- health, limits, the rest ---- */

static void add_health(struct service *s, struct attr_list *attrs)
{
    struct compose *c = s->c;
    const struct node *node = node_get(s->node, "healthcheck"), *test = node_get(node, "test"),
                      *off = node_get(node, "disable");
    static const char *const times[] = {"interval", "timeout", "start_period"};
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(c->arena), words = VALUE_BUILDER(c->arena);
    if (!node || node->kind != NODE_MAP)
        return;
    if (off && off->kind == NODE_BOOL && off->boolean) {
        value_builder_add(&words, value_stringz(c->arena, "NONE"));
        value_builder_set(&out, STR("test"), value_builder_list(&words));
    } else if (test && test->kind == NODE_LIST) {
        value_builder_set(&out, STR("test"), list_of(c, test));
    } else if (test) {
        value_builder_add(&words, value_stringz(c->arena, "CMD-SHELL"));
        value_builder_add(&words, value_string_ref(c->arena, compose_text(c, test)));
        value_builder_set(&out, STR("test"), value_builder_list(&words));
    } else {
        compose_tell(
            c, node, "a health check that only changes the image's times cannot be said: give its `test`");
        return;
    }
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        if (node_get(node, times[i]))
            value_builder_set(&out, str_z(times[i]), compose_scalar(c, node_get(node, times[i])));
    if (node_get(node, "retries"))
        value_builder_set(&out, STR("retries"), compose_scalar(c, node_get(node, "retries")));
    if (node_get(node, "start_interval"))
        compose_tell(c, node_get(node, "start_interval"), "`start_interval` cannot be said in a stack");
    attr_add(attrs, "health_check", value_builder_map(&out));
}

static const struct value *as_number(struct compose *c, const struct node *node)
{
    double number;
    struct str text = compose_text(c, node);
    return str_to_double(text, &number) ? value_float(c->arena, number) : value_string_ref(c->arena, text);
}

static void add_deploy(struct service *s, struct attr_list *attrs)
{
    struct compose *c = s->c;
    const struct node *deploy = node_get(s->node, "deploy"), *resources = node_get(deploy, "resources");
    const struct node *limits = node_get(resources, "limits"), *kept = node_get(resources, "reservations");
    const struct node *again = node_get(deploy, "restart_policy"), *count = node_get(deploy, "replicas");
    struct str when = compose_text(c, node_get(again, "condition")),
               tries = compose_text(c, node_get(again, "max_attempts"));
    if (node_get(limits, "memory"))
        attr_add_text(attrs, "memory", compose_text(c, node_get(limits, "memory")));
    if (node_get(limits, "cpus"))
        attr_add(attrs, "cpus", as_number(c, node_get(limits, "cpus")));
    if (node_get(limits, "pids"))
        attr_add(attrs, "pids_limit", compose_scalar(c, node_get(limits, "pids")));
    if (node_get(kept, "memory"))
        attr_add_text(attrs, "memory_reservation", compose_text(c, node_get(kept, "memory")));
    if (again && !node_get(s->node, "restart"))
        attr_add_text(attrs, "restart",
            str_eqz(when, "none") ? STR("no")
            : str_eqz(when, "on-failure") && tries.n
                ? arena_printf(c->arena, "on-failure:%.*s", STR_ARG(tries))
            : str_eqz(when, "on-failure") ? STR("on-failure")
                                          : STR("always"));
    if (!count)
        count = node_get(s->node, "scale");
    if (count && !(count->kind == NODE_INT && count->integer == 1))
        compose_tell(
            c, count, "one container is written: `for_each` in its resource makes several, with a name each");
}

static const struct value *seconds(struct compose *c, const struct node *node)
{
    struct str text = compose_text(c, node);
    char *end;
    double total = 0;
    for (const char *p = text.p; p && *p; p = *end ? end + 1 : end) {
        double number = strtod(p, &end);
        if (end == p)
            break;
        total += *end == 'm' && end[1] != 's' ? number * 60
                 : *end == 'h'                ? number * 3600
                 : *end == 'm'                ? 0
                                              : number;
    }
    return total >= 1 ? value_int(c->arena, int_within(total)) : NULL;
}

static const struct value *ulimits(struct compose *c, const struct node *node)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(c->arena);
    for (uint32_t i = 0; node && node->kind == NODE_MAP && i < node->count; i++) {
        const struct node *limit = node->entries[i].value;
        struct str text = compose_text(c, limit->kind == NODE_MAP ? node_get(limit, "soft") : limit);
        if (limit->kind == NODE_MAP)
            text = arena_printf(
                c->arena, "%.*s:%.*s", STR_ARG(text), STR_ARG(compose_text(c, node_get(limit, "hard"))));
        value_builder_set(&out, node->entries[i].key, value_string_ref(c->arena, text));
    }
    return value_builder_map(&out);
}

static const struct value *hosts(struct compose *c, const struct node *node)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(c->arena);
    if (node && node->kind == NODE_LIST)
        return list_of(c, node);
    for (uint32_t i = 0; node && node->kind == NODE_MAP && i < node->count; i++)
        value_builder_add(
            &out, value_string(c->arena, arena_printf(c->arena, "%.*s:%.*s", STR_ARG(node->entries[i].key),
                                             STR_ARG(compose_text(c, node->entries[i].value)))));
    return value_builder_list(&out);
}

static const struct value *tmpfs(struct compose *c, const struct node *node)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(c->arena);
    const struct value *list = node ? list_of(c, node) : &value_empty_list;
    for (uint32_t i = 0; i < list->count; i++) {
        struct str options, path = str_cut(list->items[i]->string, ':', &options);
        value_builder_set(&out, path, value_string(c->arena, options.p ? options : STR_EMPTY));
    }
    return value_builder_map(&out);
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
        attr_add(attrs, "log_options", pairs_of(s->c, node_get(logging, "options")));
}

static void add_all(struct service *s, struct attr_list *attrs)
{
    struct compose *c = s->c;
    struct str name = compose_text(c, node_get(s->node, "container_name"));
    if (!name.n)
        name = arena_printf(c->arena, "%.*s-%.*s-1", STR_ARG(c->project), STR_ARG(s->name));
    attr_add_text(attrs, "name", name);
    add_image(s, attrs);
    add_plain(s, attrs, 0, 2);
    add_environment(s, attrs);
    add_files(s, "secrets", true, &s->secrets);
    add_files(s, "configs", false, &s->files);
    attr_add(attrs, "secrets", value_builder_map(&s->secrets));
    attr_add(attrs, "files", value_builder_map(&s->files));
    attr_add(attrs, "ports", compose_ports(c, node_get(s->node, "ports")));
    attr_add(attrs, "mounts", compose_mounts(c, node_get(s->node, "volumes")));
    attr_add(attrs, "tmpfs", tmpfs(c, node_get(s->node, "tmpfs")));
    add_networks(s, attrs);
    add_health(s, attrs);
    add_plain(s, attrs, 2, sizeof plain / sizeof *plain);
    if (node_get(s->node, "stop_grace_period"))
        attr_add(attrs, "stop_timeout", seconds(c, node_get(s->node, "stop_grace_period")));
    attr_add(attrs, "extra_hosts", hosts(c, node_get(s->node, "extra_hosts")));
    attr_add(attrs, "ulimits", ulimits(c, node_get(s->node, "ulimits")));
    add_logging(s, attrs);
    add_deploy(s, attrs);
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
