/* What a service is made of: an image that is built, or pulled. */
#include "cmd/compose/service.h"

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
        if (!str_starts(build->entries[i].key, STR("x-")) && !STR_IS_ONE_OF(build->entries[i].key, known))
            diag_warning(c->diags, node_key_span(&build->entries[i]),
                "`%.*s` of a build cannot be said in a stack", STR_ARG(build->entries[i].key));
    }
    if (whole && node_get(build, "dockerfile"))
        attr_add_text(&attrs, "dockerfile", compose_text(c, node_get(build, "dockerfile")));
    if (whole && node_get(build, "target"))
        attr_add_text(&attrs, "target", compose_text(c, node_get(build, "target")));
    if (whole && node_get(build, "args"))
        attr_add(&attrs, "args", compose_map(c, node_get(build, "args")));
    if (whole && node_get(build, "labels"))
        attr_add(&attrs, "labels", compose_map(c, node_get(build, "labels")));
    if (whole && node_get(build, "tags"))
        attr_add(&attrs, "tags", compose_list(c, node_get(build, "tags")));
    if (whole && node_get(build, "pull"))
        attr_add(&attrs, "refresh_base", compose_scalar(c, node_get(build, "pull")));
    write_resource(&c->resources, compose_name(c, "image", s->name), "docker.image", &attrs);
}

void service_image(struct service *s, struct attr_list *attrs)
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
