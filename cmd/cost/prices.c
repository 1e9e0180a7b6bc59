/* The price table (see prices.h), and updates of prices from AWS. */
#include "cmd/cost/prices.h"

#include "base/clock.h"
#include "base/embed.h"
#include "base/file.h"
#include "base/json.h"
#include "base/match.h"
#include "stacks/expr.h"

#include <assert.h>

/* ---- fetching prices ---- */

/* The service exists in few regions, each with the prices of all regions. */
static const struct aws_service service = {.id = STR_INIT("pricing"),
    .endpoint_prefix = STR_INIT("api.pricing.us-east-1"),
    .signing_name = STR_INIT("pricing"),
    .global = true};

static const struct wire_operation get_products = AWS_JSON_OPERATION("AWSPriceListService", "GetProducts");

/* ---- requests ---- */

static void add_filter(struct value_builder *list, struct str field, struct str value)
{
    struct arena *arena = list->arena;
    struct value_entry entries[] = {{STR("Type"), value_stringz(arena, "TERM_MATCH")},
        {STR("Field"), value_string(arena, field)}, {STR("Value"), value_string(arena, value)}};
    value_builder_add(list, value_map(arena, entries, 3));
}

/* Returns whether a key under `of` is an attribute of the product. */
static bool is_attribute(struct str name)
{
    return !str_eqz(name, "service") && !str_eqz(name, "by") && !str_eqz(name, "unit");
}

static const struct value *query_of(const struct value *of, struct str region, struct arena *arena)
{
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(arena);
    add_filter(&list, STR("regionCode"), region);
    for (uint32_t i = 0; i < of->count; i++)
        if (is_attribute(of->entries[i].key))
            add_filter(&list, of->entries[i].key, value_text(of->entries[i].value, STR_EMPTY));
    return VALUE_MAP(arena, {STR("ServiceCode"), value_getz(of, "service")},
        {STR("FormatVersion"), value_stringz(arena, "aws_v1")}, {STR("Filters"), value_builder_list(&list)});
}

static int ask_page(struct aws_client *client, struct arena *arena, const struct value *query,
    const struct value **answer, struct err *err)
{
    struct aws_call call = {.service = &service, .op = &get_products, .idempotent = true, .body_fd = -1};
    return aws_send_json(client, &call, query, arena, "PriceList", answer, err)
               ? err_context(err, "asking for prices")
               : 0;
}

/* ---- responses ---- */

/* Returns the on-demand price of a product; with tiers that of the first tier. */
static bool read_price(const struct value *product, struct str unit, double *usd)
{
    const struct value *terms = value_getz(value_getz(product, "terms"), "OnDemand");
    for (uint32_t i = 0; terms && terms->kind == VALUE_MAP && i < terms->count; i++) {
        const struct value *steps = value_getz(terms->entries[i].value, "priceDimensions");
        for (uint32_t k = 0; steps && steps->kind == VALUE_MAP && k < steps->count; k++) {
            const struct value *step = steps->entries[k].value;
            struct str begins = value_gets(step, "beginRange");
            struct str price = value_gets(value_getz(step, "pricePerUnit"), "USD");
            if ((!unit.n || str_eq(value_gets(step, "unit"), unit)) && (!begins.n || str_eqz(begins, "0")) &&
                str_to_double(price, usd) && *usd > 0)
                return true;
        }
    }
    return false;
}

/* Takes the prices of one page, by their keys; a single price has the key "". */
static int take_page(const struct value *answer, const struct value *of, struct value_builder *taken,
    struct arena *arena, struct err *err)
{
    const struct value *list = value_getz(answer, "PriceList");
    for (uint32_t i = 0; list->kind == VALUE_LIST && i < list->count; i++) {
        const struct value *product, *attributes;
        double usd;
        if (json_parse(arena, value_text(list->items[i], STR_EMPTY), &product, err))
            return err_context(err, "reading a price");
        attributes = value_getz(value_getz(product, "product"), "attributes");
        if (read_price(product, value_gets(of, "unit"), &usd))
            value_builder_set(taken,
                value_get(of, STR("by")) ? value_gets(attributes, value_gets(of, "by").p) : STR_EMPTY,
                value_float(arena, usd));
    }
    return 0;
}

static int fetch(struct aws_client *client, const struct value *of, struct str region, struct arena *arena,
    const struct value **usd, struct err *err)
{
    AUTO_PAGES struct pages pages = PAGES_INIT;
    AUTO_BUILDER struct value_builder taken = VALUE_BUILDER(arena);
    const struct value *query = query_of(of, region, arena), *answer;
    for (;;) {
        if (ask_page(client, arena, query, &answer, err) || take_page(answer, of, &taken, arena, err))
            return -1;
        struct str token = value_gets(answer, "NextToken");
        if (!token.n)
            break;
        if (pages_next(&pages, get_products.name, token, err))
            return -1;
        query = value_with(arena, query, STR("NextToken"), value_string(arena, token));
    }
    const struct value *all = value_builder_map(&taken);
    *usd = !all->count ? NULL : value_getz(of, "by") ? all : value_getz(all, "");
    return 0;
}

struct prices {
    struct arena *arena;
    struct str date, region;
    const struct value *table, *free;
    struct map types;  /* name -> struct rules * */
    struct map others; /* name -> struct others * */
};

int prices_update(const struct prices *prices, struct aws_client *client, struct str region,
    struct arena *arena, struct buf *out, size_t *found, size_t *asked, struct err *err)
{
    const struct value *table = prices->table, *updated = &value_empty_map;
    *found = *asked = 0;
    for (uint32_t i = 0; i < table->count; i++) {
        const struct value *price = table->entries[i].value, *of = value_getz(price, "of"), *usd = NULL;
        if (!of)
            continue;
        ++*asked;
        if (fetch(client, of, region, arena, &usd, err))
            return -1;
        *found += usd != NULL;
        if (usd)
            updated =
                value_with(arena, updated, table->entries[i].key, value_with(arena, price, STR("usd"), usd));
    }
    struct value_entry entries[] = {
        {STR("date"), value_string(arena, str_slice(time_rfc3339(arena, clock_wall_ms(), false), 0, 10))},
        {STR("region"), value_string(arena, region)}, {STR("prices"), updated}};
    json_write(out, value_map(arena, entries, 3), JSON_PRETTY);
    buf_add_char(out, '\n');
    return 0;
}

/* A line of a type in the table. Missing expressions are NULL. */
struct rule {
    struct expr *what, *price, *key, *times, *when, *each;
    struct str use;
};

/* The charges of a type; expressions are bound to its attributes when they are first used. */
struct rules {
    struct rule *items;
    size_t n;
    const struct value *nothing; /* every attribute as null; NULL: not bound yet */
};

/* The conversion of a CloudFormation type to weir's type: an expression for each attribute. */
struct others {
    struct str *names;
    struct expr **exprs;
    size_t n;
    const struct value *nothing; /* every property as null; NULL: not bound yet */
};

/* Returns an integer or float, otherwise the fallback. */
static double cost_number(const struct value *v, double fallback)
{
    if (v && v->kind == VALUE_INT)
        return (double)v->integer;
    return v && v->kind == VALUE_FLOAT ? v->number : fallback;
}

/* ---- reading the table ---- */

static struct rules *rules_read(struct arena *arena, const struct node *list, struct diags *diags)
{
    struct rules *rules = ARENA_NEW(arena, struct rules);
    rules->items = ARENA_ARRAY(arena, struct rule, list->count);
    for (; rules->n < list->count; rules->n++) {
        struct rule *rule = &rules->items[rules->n];
        const struct node *line = list->items[rules->n], *use = node_get(line, "use");
        const struct {
            const char *key;
            struct expr **into;
        } parts[] = {{"what", &rule->what}, {"price", &rule->price}, {"key", &rule->key},
            {"times", &rule->times}, {"if", &rule->when}, {"each", &rule->each}};
        for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
            const struct node *node = node_get(line, parts[i].key);
            *parts[i].into = node ? expr_compile(arena, node, diags) : NULL;
        }
        rule->use = use ? use->string : STR_EMPTY;
    }
    return rules;
}

static struct others *others_read(struct arena *arena, const struct node *map, struct diags *diags)
{
    struct others *others =
        ARENA_MAKE(arena, struct others, .names = ARENA_ARRAY(arena, struct str, map->count),
            .exprs = ARENA_ARRAY(arena, struct expr *, map->count));
    for (; others->n < map->count; others->n++) {
        others->names[others->n] = map->entries[others->n].key;
        others->exprs[others->n] = expr_compile(arena, map->entries[others->n].value, diags);
    }
    return others;
}

static const struct node *table_read(
    struct arena *arena, struct str path, struct str text, struct diags *diags, struct err *err)
{
    struct source *source = ARENA_MAKE(arena, struct source, .path = path, .text = text);
    const struct node *root = yaml_parse(arena, source, diags);
    if (root && !diags->errors && root->kind == NODE_MAP && node_get(root, "prices"))
        return root;
    err_set(err, ERR_IO, "%.*s is not a table of prices", STR_ARG(path));
    err_hint(err, "weir cost update makes it anew");
    return NULL;
}

static void use_kept(struct prices *prices, const struct node *root)
{
    const struct value *kept = node_value(prices->arena, root);
    prices->table = value_merge(prices->arena, prices->table, value_getz(kept, "prices"));
    prices->date = value_gets(kept, "date");
    prices->region = value_gets(kept, "region");
}

int prices_load(struct arena *arena, const char *kept, struct prices **out, struct err *err)
{
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    const struct embedded_file *file = embedded_find(STR("provider/aws/prices.yaml"));
    const struct node *root = table_read(arena, file->path, embedded_text(file), &diags, err);
    if (!root)
        return -1;
    struct prices *prices = ARENA_NEW(arena, struct prices);
    const struct node *types = node_get(root, "types"), *others = node_get(root, "cloudformation");
    *prices = (struct prices){.arena = arena,
        .date = node_get(root, "date")->string,
        .region = node_get(root, "region")->string,
        .table = node_value(arena, node_get(root, "prices")),
        .free = node_value(arena, node_get(root, "free"))};
    for (uint32_t i = 0; i < types->count; i++)
        map_set(&prices->types, types->entries[i].key, rules_read(arena, types->entries[i].value, &diags));
    for (uint32_t i = 0; i < others->count; i++)
        map_set(
            &prices->others, others->entries[i].key, others_read(arena, others->entries[i].value, &diags));
    assert(!diags.errors); /* in the program's own table */
    struct str text;
    if (kept && (file_read(arena, kept, YAML_MAX_SIZE, &text, err) ||
                    !(root = table_read(arena, str_z(kept), text, &diags, err)))) {
        prices_free(prices);
        return -1;
    }
    if (kept)
        use_kept(prices, root);
    *out = prices;
    return 0;
}

void prices_free(struct prices *prices)
{
    if (!prices)
        return;
    map_release(&prices->types);
    map_release(&prices->others);
}

struct str prices_date(const struct prices *prices)
{
    return prices->date;
}

struct str prices_region(const struct prices *prices)
{
    return prices->region;
}

/* ---- charges of a resource ---- */

/* Returns a map of every attribute and the other names that rules use. */
static const struct value *nothing_of(struct arena *arena, const struct schema *schema)
{
    AUTO_BUILDER struct value_builder names = VALUE_BUILDER(arena);
    for (size_t i = 0; i < schema->attr_count; i++)
        value_builder_set(&names, schema->attrs[i].name, &value_null);
    value_builder_set(&names, STR("each"), &value_null);
    value_builder_set(&names, STR(PRICES_BEHIND), &value_null);
    return value_builder_map(&names);
}

/* Binds the expressions to the attributes of the type and the resources that it refers to. */
static void rules_bind(struct prices *prices, struct rules *rules, const struct schema *schema)
{
    AUTO_DIAGS struct diags ignored = DIAGS_INIT;
    rules->nothing = nothing_of(prices->arena, schema);
    for (size_t i = 0; i < rules->n; i++) {
        struct rule *rule = &rules->items[i];
        struct expr *all[] = {rule->what, rule->price, rule->key, rule->times, rule->when, rule->each};
        for (size_t k = 0; k < sizeof all / sizeof *all; k++)
            if (all[k])
                expr_resolve_alone(all[k], rules->nothing, &ignored);
    }
}

/* An unknown value for a resource outside the stack. Unlike others it stays unknown after an apply. */
static const struct value elsewhere = {.kind = VALUE_UNKNOWN};

static const struct value *rule_value(
    const struct expr *expr, const struct value *object, struct arena *arena)
{
    AUTO_DIAGS struct diags ignored = DIAGS_INIT;
    const struct scope scope = {.constants = object, .dir = STR("."), .diags = &ignored};
    const struct value *v = expr_eval(expr, &scope, arena);
    return v ? v : &elsewhere;
}

const struct value *prices_as_own(struct prices *prices, const struct schema *own,
    const struct schema *theirs, const struct value *object, struct arena *arena)
{
    AUTO_DIAGS struct diags ignored = DIAGS_INIT;
    AUTO_BUILDER struct value_builder attrs = VALUE_BUILDER(arena);
    struct others *others = map_get(&prices->others, own->name);
    if (!others)
        return &value_empty_map;
    if (!others->nothing) {
        others->nothing = nothing_of(prices->arena, theirs);
        for (size_t i = 0; i < others->n; i++)
            expr_resolve_alone(others->exprs[i], others->nothing, &ignored);
    }
    const struct value *full = value_merge(arena, others->nothing, object);
    for (size_t i = 0; i < others->n; i++)
        value_builder_set(&attrs, others->names[i], rule_value(others->exprs[i], full, arena));
    return value_builder_map(&attrs);
}

static struct charge charge_unknown(struct str what, struct str why)
{
    return (struct charge){.kind = CHARGE_UNKNOWN, .what = what, .why = why};
}

/* Returns the price that a rule names, and in *usd the amount for the key. */
static const struct value *find_price(
    const struct prices *prices, struct str name, const struct value *key, const struct value **usd)
{
    const struct value *price = value_get(prices->table, name), *all = value_getz(price, "usd");
    *usd = all && all->kind == VALUE_MAP ? value_get(all, value_text(key, STR_EMPTY)) : all;
    return price;
}

static struct charge charge_of(const struct prices *prices, const struct rule *rule,
    const struct value *object, const struct value *usage, struct arena *arena)
{
    const struct value *key = rule->key ? rule_value(rule->key, object, arena) : NULL, *usd;
    const struct value *times = rule->times ? rule_value(rule->times, object, arena) : NULL;
    const struct value *named = rule_value(rule->price, object, arena);
    struct str what = value_text(rule_value(rule->what, object, arena), STR("it"));
    if (value_is_unknown(key) || value_is_unknown(times) || value_is_unknown(named))
        return charge_unknown(what, key == &elsewhere || times == &elsewhere || named == &elsewhere
                                        ? STR("the stack does not configure how much")
                                        : STR("known after apply"));
    const struct value *price = find_price(prices, value_text(named, STR_EMPTY), key, &usd);
    if (!usd)
        return charge_unknown(what,
            arena_printf(arena, "no price of %.*s", STR_ARG(value_text(key, value_text(named, STR_EMPTY)))));
    struct str per = value_gets(price, "per");
    double each = cost_number(usd, 0);
    if (str_eqz(per, "hour") || str_eqz(per, "month"))
        return (struct charge){.what = what,
            .hourly = each * cost_number(times, 1) / (str_eqz(per, "month") ? HOURS_A_MONTH : 1)};
    const struct value *used = value_get(usage, rule->use);
    return (struct charge){.kind = CHARGE_USED,
        .what = what,
        .unit = per,
        .use = rule->use,
        .unit_price = each,
        .configured = used != NULL,
        .hourly = each * cost_number(used, 0) / HOURS_A_MONTH};
}

struct charges {
    struct charge *items;
    size_t n, cap;
};

static void charge_once(struct charges *list, const struct prices *prices, const struct rule *rule,
    const struct value *object, const struct value *usage, struct arena *arena)
{
    const struct value *when = rule->when ? rule_value(rule->when, object, arena) : &value_true;
    if (when->kind == VALUE_BOOL && !when->boolean)
        return;
    ARENA_GROW(arena, list->items, list->n, list->cap);
    list->items[list->n++] = charge_of(prices, rule, object, usage, arena);
}

/* Adds a charge, or one for each item of the rule's list. */
static void charge_rule(struct charges *list, const struct prices *prices, const struct rule *rule,
    const struct value *object, const struct value *usage, struct arena *arena)
{
    const struct value *each = rule->each ? rule_value(rule->each, object, arena) : NULL;
    if (!each || each->kind != VALUE_LIST) {
        charge_once(list, prices, rule, object, usage, arena);
        return;
    }
    for (uint32_t i = 0; i < each->count; i++)
        charge_once(list, prices, rule, value_with(arena, object, STR("each"), each->items[i]), usage, arena);
}

static bool is_free(const struct prices *prices, struct str type)
{
    for (uint32_t i = 0; i < prices->free->count; i++)
        if (glob_match(prices->free->items[i]->string, type, 0))
            return true;
    return false;
}

enum priced prices_of(struct prices *prices, const struct schema *schema, const struct value *object,
    const struct value *usage, struct arena *arena, const struct charge **charges, size_t *n)
{
    struct rules *rules = map_get(&prices->types, schema->name);
    *n = 0;
    *charges = NULL;
    if (!rules)
        return is_free(prices, schema->name) ? PRICED_FREE : PRICED_NOT;
    if (!rules->nothing)
        rules_bind(prices, rules, schema);
    const struct value *full = value_merge(arena, rules->nothing, object);
    struct charges list = {0};
    for (size_t i = 0; i < rules->n; i++)
        charge_rule(&list, prices, &rules->items[i], full, usage, arena);
    *n = list.n;
    *charges = list.items;
    return PRICED;
}
