/*
 * `shared:` of a fleet: a stack of its own that all members refer to, as `shared.OUTPUT`. It is read here
 * for the names of its outputs; what they are is in its state, and the planner's business.
 */
#include "stacks/load/load.h"

#include "base/json.h"

/*
 *     fleet:
 *       shared: network.yaml      # or {file: network.yaml, inputs: {region: "${inputs.region}"}}
 */

static const char knows[] = "what a fleet gives its shared stack knows inputs that are given, stack and path";

/* As `-i` would say it. */
static bool add_input(struct unit *root, const struct node_entry *entry)
{
    struct loader *loader = root->loader;
    struct shared_stack *shared = &loader->stack->shared;
    const struct value *v = resolve_early(root, entry->value, false, knows);
    AUTO_BUF struct buf text = BUF_INIT;
    if (!v)
        return false;
    if (!value_is_known(v)) {
        struct diag *d =
            diag_error(loader->diags, node_span(entry->value), "this takes an input that has no value yet");
        diag_hint(loader->diags, d, "%s", knows);
        return false;
    }
    buf_addf(&text, "%.*s=", STR_ARG(entry->key));
    if (v->kind == VALUE_STRING)
        buf_add_str(&text, v->string);
    else
        json_write(&text, v, JSON_PLAIN);
    ((struct str *)shared->inputs)[shared->input_count++] = arena_str(loader->arena, buf_str(&text));
    return true;
}

static bool add_inputs(struct unit *root, const struct node *inputs)
{
    struct loader *loader = root->loader;
    if (!inputs || inputs->kind == NODE_NULL)
        return true;
    if (!expect_map(loader, inputs, "the inputs of a shared stack"))
        return false;
    loader->stack->shared.inputs = ARENA_ARRAY(loader->arena, struct str, inputs->count + 1);
    for (size_t i = 0; i < inputs->count; i++)
        if (!add_input(root, &inputs->entries[i]))
            return false;
    return true;
}

/* The node that names its file; NULL after an error. */
static const struct node *file_node(struct unit *root, const struct node *node)
{
    static const struct str keys[] = {STR_INIT("file"), STR_INIT("inputs")};
    struct diags *diags = root->loader->diags;
    if (node->kind != NODE_MAP)
        return node;
    check_keys(root->loader, node, "a shared stack", keys, sizeof keys / sizeof *keys);
    const struct node *file = node_get(node, "file");
    if (!file) {
        struct diag *d = diag_error(diags, node_span(node), "the shared stack has no `file`");
        diag_hint(diags, d, "a stack file, such as network.yaml");
    }
    return file;
}

static void report_unusable(struct loader *loader, const struct diags *why)
{
    const struct shared_stack *shared = &loader->stack->shared;
    struct diag *d = diag_error(loader->diags, shared->span, "the shared stack cannot be used: %.*s",
        why->n ? (int)why->items[0].message.n : 0, why->n ? why->items[0].message.p : "");
    diag_hint(loader->diags, d, "`weir validate -C %.*s` says more", STR_ARG(shared->file));
}

static void learn_outputs(struct loader *loader, const struct stack *other)
{
    struct shared_stack *shared = &loader->stack->shared;
    const struct map *outputs = &other->root->outputs;
    struct str *names = ARENA_ARRAY(loader->arena, struct str, outputs->n + 1);
    for (size_t i = 0; i < outputs->n; i++)
        names[i] = arena_str(loader->arena, outputs->items[i].key);
    shared->name = arena_str(loader->arena, other->name);
    shared->outputs = names;
    shared->output_count = outputs->n;
    if (str_eq(other->name, loader->stack->name))
        diag_error(loader->diags, shared->span,
            "the shared stack has the fleet's name, \"%.*s\", and would have its state",
            STR_ARG(other->name));
}

/* Of files as they were once it is not known whether it was there. */
static void read_stack(struct loader *loader)
{
    const struct shared_stack *shared = &loader->stack->shared;
    struct stack_options options = {.dir = shared->file.p,
        .inputs = shared->inputs,
        .input_count = shared->input_count,
        .catalog = loader->options->catalog,
        .states = loader->options->states,
        .state_count = loader->options->state_count,
        .lenient_inputs = true,
        .no_shared = true};
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    if (loader->options->files && !stack_exists(&scratch, shared->file.p))
        return;
    struct stack *other = stack_load(&options, &diags);
    if (other && other->fleet)
        diag_error(loader->diags, shared->span, "the shared stack is a fleet itself");
    else if (!other || diags.errors)
        report_unusable(loader, &diags);
    else
        learn_outputs(loader, other);
    stack_free(other);
}

void fleet_share(struct unit *root, const struct node *fleet)
{
    struct loader *loader = root->loader;
    struct shared_stack *shared = &loader->stack->shared;
    const struct node_entry *entry = fleet->kind == NODE_MAP ? node_find(fleet, STR("shared")) : NULL;
    struct str name;
    if (!entry || entry->value->kind == NODE_NULL || loader->options->no_shared)
        return;
    const struct node *file = file_node(root, entry->value);
    if (!file || !expect_text(loader, file, "the shared stack", &name))
        return;
    shared->file = arena_str(loader->arena, unit_path(root, name));
    shared->span = node_span(file);
    declare(root, DECL_SHARED, entry);
    if (entry->value->kind == NODE_MAP && !add_inputs(root, node_get(entry->value, "inputs")))
        return;
    read_stack(loader);
}
