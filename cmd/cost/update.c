/* Fetching prices: see update.h. */
#include "cmd/cost/update.h"

#include "base/clock.h"
#include "base/json.h"
#include "provider/wire/pages.h"

/* It is in a few regions only, each with the prices of all. */
static const struct aws_service service = {.id = STR_INIT("pricing"),
    .endpoint_prefix = STR_INIT("api.pricing.us-east-1"),
    .signing_name = STR_INIT("pricing"),
    .global = true,
    .signing_region = STR_INIT("us-east-1")};
static const struct wire_operation get_products = AWS_JSON_OPERATION("AWSPriceListService", "GetProducts");

/* ---- asking ---- */

static void add_filter(struct value_builder *list, struct str field, struct str value)
{
    struct arena *arena = list->arena;
    struct value_entry entries[] = {{STR("Type"), value_stringz(arena, "TERM_MATCH")},
        {STR("Field"), value_string(arena, field)}, {STR("Value"), value_string(arena, value)}};
    value_builder_add(list, value_map(arena, entries, 3));
}

/* Everything under `of` is an attribute of the product, but for these. */
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
    return aws_ask_json(client, &call, query, arena, "PriceList", answer, err)
               ? err_context(err, "asking for prices")
               : 0;
}

/* ---- reading ---- */

/* The price on demand of a product: of the first unit, where there are steps. */
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

/* The prices of one page, under their keys; a single price is under "". */
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

int prices_update(const struct prices *prices, struct aws_client *client, struct str region,
    struct arena *arena, struct buf *out, size_t *found, size_t *asked, struct err *err)
{
    const struct value *table = prices_table(prices), *updated = &value_empty_map;
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
