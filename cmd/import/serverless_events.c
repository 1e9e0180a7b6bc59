/* What starts SAM's functions and state machines: each event is a form of its own. */
#include "cmd/import/serverless.h"

static void add_notices(struct macro *macro, struct form *form, const struct node *event_form)
{
    struct serverless *sam = macro->sam;
    const struct node *bucket = form_fill(form, node_get(event_form, "bucket"));
    const struct node *events = form_in(form, STR("Events"));
    struct str name = bucket ? nodes_referred(bucket) : STR_EMPTY;
    if (!name.n || !node_find(node_get(sam->root, "Resources"), name) || !events) {
        diag_error(sam->diags, node_span(macro->event),
            "an event of S3 has the `Events` of a `Bucket` of this template");
        return;
    }
    for (uint32_t i = 0; i < (events->kind == NODE_LIST ? events->count : 1); i++) {
        struct node *one = nodes_copy(sam->arena, form_fill(form, node_get(event_form, "notice")));
        nodes_set(sam->arena, one, STR("Event"), events->kind == NODE_LIST ? events->items[i] : events);
        if (sam->notice_count == sam->notice_cap) {
            sam->notice_cap = sam->notice_cap ? 2 * sam->notice_cap : 8;
            struct serverless_notice *more =
                ARENA_ARRAY(sam->arena, struct serverless_notice, sam->notice_cap);
            if (sam->notice_count)
                memcpy(more, sam->notices, sam->notice_count * sizeof *more);
            sam->notices = more;
        }
        struct str id =
            nodes_literal(form_fill(form, nodes_text(sam->arena, STR("<id>Permission"), form->at)));
        sam->notices[sam->notice_count++] = (struct serverless_notice){name, id, one};
    }
}

void serverless_add_needs(struct macro *macro, struct form *form, const struct node *from)
{
    struct node *into[] = {macro->managed, macro->role_policies};
    static const char *const names[] = {"managed", "policies"};
    for (size_t k = 0; k < 2; k++) {
        const struct node *list = from ? node_get(from, names[k]) : NULL;
        const struct node *filled = list ? form_fill(form, list) : NULL;
        for (uint32_t i = 0; filled && i < filled->count; i++) {
            bool there = false;
            for (uint32_t j = 0; j < into[k]->count; j++)
                there = there || nodes_same(into[k]->items[j], filled->items[i]);
            if (!there)
                nodes_add(macro->sam->arena, into[k], filled->items[i]);
        }
    }
}

static void texts_of_event(struct macro *macro, struct form *form, const struct node_entry *event, bool http)
{
    struct serverless *sam = macro->sam;
    struct str id = arena_printf(sam->arena, "%.*s%.*s", STR_ARG(macro->id), STR_ARG(event->key));
    struct str queue = nodes_literal(form_in(form, STR("DeadLetterConfig.QueueLogicalId")));
    struct str method = nodes_literal(form_in(form, STR("Method"))),
               path = nodes_literal(form_in(form, STR("Path")));
    struct str api = serverless_api_of(macro, event->value, http);
    form_text(form, "id", id);
    form_text(form, "queue", queue.n ? queue : arena_printf(sam->arena, "%.*sQueue", STR_ARG(id)));
    form_text(form, "group",
        str_eqz(nodes_literal(node_get(event->value, "Type")), "MSK")
            ? STR("AmazonManagedKafkaEventSourceConfig")
            : STR("SelfManagedKafkaEventSourceConfig"));
    form_text(form, "api", api.n ? api : STR("ApiId"));
    form_text(form, "stage", macro->stage);
    form_text(form, "route", serverless_route_arn(sam->arena, method, path));
    form_text(form, "invoked",
        macro->alias.n ? macro->alias : arena_printf(sam->arena, "%.*s.Arn", STR_ARG(macro->id)));
}

static void tell_event(struct macro *macro, const struct node *type, const struct node *known)
{
    struct str *names = ARENA_ARRAY(macro->sam->arena, struct str, known ? known->count + 1 : 1);
    for (uint32_t i = 0; known && i < known->count; i++)
        names[i] = known->entries[i].key;
    struct diag *d = diag_warning(macro->sam->diags, node_span(type ? type : macro->node),
        "events of type \"%.*s\" cannot be said, and are left out", STR_ARG(nodes_literal(type)));
    diag_did_you_mean(macro->sam->diags, d, nodes_literal(type), names, known ? known->count : 0);
}

void serverless_event(struct macro *macro, const struct node_entry *event)
{
    static const char *const known[] = {"Method", "Path", "ApiId", "RestApiId", "Events", "Auth", "Enabled",
        "Cluster", "Queue", "Stream", "Broker", "PayloadFormatVersion", "TimeoutInMillis", "Target",
        "DeadLetterConfig", "OmitName", "Name", "PermissionsBoundary", NULL};
    const struct node *type = node_get(event->value, "Type");
    const struct node_entry *of = node_find(macro->sam->events, macro->type);
    const struct node_entry *found = of ? node_find(of->value, nodes_literal(type)) : NULL;
    struct form form;
    if (!found) {
        tell_event(macro, type, of ? of->value : NULL);
        return;
    }
    const struct node *properties = node_get(event->value, "Properties");
    macro->event = event->value;
    serverless_form(macro, properties, type, &form);
    bool http = str_eqz(type->string, "HttpApi");
    serverless_mark_used(&form, known);
    texts_of_event(macro, &form, event, http);
    serverless_put_all(macro, &form, node_get(found->value, "resources"));
    serverless_add_needs(macro, &form, found->value);
    if (node_get(found->value, "bucket"))
        add_notices(macro, &form, found->value);
    if (node_get(found->value, "route"))
        serverless_route(&form, form_fill(&form, node_get(found->value, "route")));
    serverless_tell_unused(macro, &form, properties);
    form_release(&form);
    macro->event = NULL;
}
