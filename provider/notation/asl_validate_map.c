/* The fields of distributed Maps. The service has more kinds of readers and writers each year: what is said
 * of these is what the interpreter takes, and for the service only what their templates hold. */
#include "provider/notation/asl_check.h"

#include "base/buf.h"

enum { MAX_LABEL = 40 };

bool asl_is_name(struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i], next = i + 1 < text.n ? (unsigned char)text.p[i + 1] : 0;
        bool control = c <= ' ' || c == 0x7f || (c == 0xc2 && next < 0xa0); /* U+0080 to U+009F in UTF-8 */
        if (control || strchr("<>{}[]?*\"#%\\^|~`$&,;:/", c))
            return false;
    }
    return true;
}

const struct value *asl_processor(const struct value *state)
{
    const struct value *processor = value_getz(state, "ItemProcessor");
    return processor ? processor : value_getz(state, "Iterator");
}

bool asl_speaks_jsonata(const struct value *holder, bool around)
{
    return value_getz(holder, "QueryLanguage") ? str_eqz(value_gets(holder, "QueryLanguage"), "JSONata")
                                               : around;
}

bool asl_is_distributed(const struct value *state)
{
    const struct value *config = value_getz(asl_processor(state), "ProcessorConfig");
    return str_eqz(value_gets(config, "Mode"), "DISTRIBUTED");
}

static bool is_one_of(struct str text, const char *const *names)
{
    while (*names && !str_eqz(text, *names))
        names++;
    return *names;
}

static void check_choice(
    const struct asl_scan *scan, const struct value *holder, const char *member, const char *const *names)
{
    const struct value *v = value_getz(holder, member);
    AUTO_BUF struct buf list = BUF_INIT;
    for (size_t i = 0; names[i]; i++)
        buf_addf(&list, "%s%s", i ? ", " : "", names[i]);
    if (!asl_is_unknown(v) && !is_one_of(value_text(v, STR_EMPTY), names))
        asl_wrong(scan, member, "Value is not one of [%s]", buf_str(&list).p);
}

/* The named members, and no others; false: it is no object at all. */
static bool check_members(const struct asl_scan *scan, const struct value *v, const char *const *names)
{
    if (v->kind != VALUE_MAP) {
        asl_wrong(scan, "", "Value is not an object");
        return false;
    }
    for (uint32_t i = 0; i < v->count; i++)
        if (!is_one_of(v->entries[i].key, names))
            asl_wrong(scan, arena_strz(scan->diags->arena, v->entries[i].key), "Field is not supported");
    return true;
}

static void map_template(const struct asl_scan *scan, const struct value *holder, const char *member)
{
    const struct value *v = value_getz(holder, member);
    struct asl_scan inner = asl_below(scan, member);
    if (v)
        asl_check_template(&inner, v);
}

/* A number, or a path to one. */
static void check_limit(
    const struct asl_scan *scan, const struct value *holder, const char *member, const char *path)
{
    const char *const names[] = {member, path};
    const struct value *v = value_getz(holder, member), *p = value_getz(holder, path);
    asl_check_one_of(scan, holder, names, 2, false);
    bool items = !strcmp(member, "MaxItems"); /* of which there may be any number */
    bool whole = !v || (items && v->kind == VALUE_INT && v->integer >= 0) || asl_is_whole(v, 1);
    if (!whole && !(scan->jsonata && asl_is_jsonata(v)))
        asl_wrong(scan, member, "Value is not a whole number of at least 1");
    if (p)
        asl_check_path(scan, path, p, false);
}

/* ---- readers ---- */

static void check_csv(const struct asl_scan *scan, const struct value *config)
{
    static const char *const places[] = {"FIRST_ROW", "GIVEN", NULL}, *const delimiters[] = {"COMMA", "PIPE",
                                                                          "SEMICOLON", "SPACE", "TAB", NULL};
    const struct value *headers = value_getz(config, "CSVHeaders");
    bool given = str_eqz(value_gets(config, "CSVHeaderLocation"), "GIVEN");
    check_choice(scan, config, "CSVHeaderLocation", places);
    if (given && (!headers || headers->kind != VALUE_LIST || !headers->count))
        asl_wrong(scan, "CSVHeaders", "Value is not a non-empty array");
    if (value_getz(config, "CSVDelimiter"))
        check_choice(scan, config, "CSVDelimiter", delimiters);
}

static void check_reader(const struct asl_scan *outer, const struct value *reader)
{
    const char *parameters = outer->jsonata ? "Arguments" : "Parameters";
    const char *const members[] = {"Resource", "ReaderConfig", parameters, NULL};
    static const char *const settings[] = {"InputType", "CSVHeaderLocation", "CSVHeaders", "CSVDelimiter",
        "MaxItems", "MaxItemsPath", NULL},
                             *const types[] = {"CSV", "JSON", "JSONL", NULL},
                             *const resources[] = {
                                 "arn:aws:states:::s3:getObject", "arn:aws:states:::s3:listObjectsV2", NULL};
    struct asl_scan scan = asl_below(outer, "ItemReader"), inner = asl_below(&scan, "ReaderConfig");
    if (!check_members(&scan, reader, members))
        return;
    check_choice(&scan, reader, "Resource", resources);
    map_template(&scan, reader, parameters);
    const struct value *config = value_getz(reader, "ReaderConfig");
    bool lists = str_ends(value_gets(reader, "Resource"), STR("listObjectsV2"));
    if (!config && !lists)
        asl_wrong(&scan, "", "These fields are required: [ReaderConfig]");
    if (!config || !check_members(&inner, config, settings))
        return;
    check_limit(&inner, config, "MaxItems", "MaxItemsPath");
    if (!lists)
        check_choice(&inner, config, "InputType", types);
    if (str_eqz(value_gets(config, "InputType"), "CSV"))
        check_csv(&inner, config);
}

/* ---- batches and results ---- */

static void check_batcher(const struct asl_scan *outer, const struct value *batcher)
{
    static const char *const members[] = {"BatchInput", "MaxItemsPerBatch", "MaxItemsPerBatchPath",
        "MaxInputBytesPerBatch", "MaxInputBytesPerBatchPath", NULL};
    struct asl_scan scan = asl_below(outer, "ItemBatcher");
    if (!check_members(&scan, batcher, members))
        return;
    check_limit(&scan, batcher, "MaxItemsPerBatch", "MaxItemsPerBatchPath");
    check_limit(&scan, batcher, "MaxInputBytesPerBatch", "MaxInputBytesPerBatchPath");
    map_template(&scan, batcher, "BatchInput");
    if (!value_getz(batcher, "MaxItemsPerBatch") && !value_getz(batcher, "MaxItemsPerBatchPath") &&
        !value_getz(batcher, "MaxInputBytesPerBatch") && !value_getz(batcher, "MaxInputBytesPerBatchPath"))
        asl_wrong(&scan, "", "MaxItemsPerBatch or MaxInputBytesPerBatch is expected");
}

static void check_writer(const struct asl_scan *outer, const struct value *writer)
{
    const char *parameters = outer->jsonata ? "Arguments" : "Parameters";
    const char *const members[] = {"Resource", parameters, "WriterConfig", NULL};
    static const char *const settings[] = {"OutputType", "Transformation", NULL},
                             *const types[] = {"JSON", "JSONL", NULL},
                             *const shapes[] = {"NONE", "COMPACT", "FLATTEN", NULL},
                             *const resources[] = {"arn:aws:states:::s3:putObject", NULL};
    struct asl_scan scan = asl_below(outer, "ResultWriter"), inner = asl_below(&scan, "WriterConfig");
    const struct value *config = value_getz(writer, "WriterConfig");
    if (!check_members(&scan, writer, members))
        return;
    if (value_getz(writer, "Resource") || !config)
        check_choice(&scan, writer, "Resource", resources);
    map_template(&scan, writer, parameters);
    if (!config || !check_members(&inner, config, settings))
        return;
    if (value_getz(config, "OutputType"))
        check_choice(&inner, config, "OutputType", types);
    if (value_getz(config, "Transformation"))
        check_choice(&inner, config, "Transformation", shapes);
}

/* ---- all of it ---- */

/* Whatever the service takes: templates, and that these are objects. */
static void check_holders(const struct asl_scan *scan, const struct value *state)
{
    static const char *const holders[] = {"ItemReader", "ItemBatcher", "ResultWriter"}, *const templates[] = {
                                                                                            "Parameters",
                                                                                            "Arguments",
                                                                                            "BatchInput"};
    for (size_t i = 0; i < sizeof holders / sizeof *holders; i++) {
        const struct value *holder = value_getz(state, holders[i]);
        struct asl_scan inner = asl_below(scan, holders[i]);
        if (!holder || asl_is_unknown(holder) || (scan->jsonata && asl_is_jsonata(holder)))
            continue;
        if (holder->kind != VALUE_MAP)
            asl_wrong(&inner, "", "Value is not an object");
        for (size_t k = 0; k < sizeof templates / sizeof *templates; k++)
            map_template(&inner, holder, templates[k]);
        if (i == 0 && holder->kind == VALUE_MAP && !value_getz(holder, "Resource"))
            asl_required(&inner, "Resource");
    }
}

static void check_interpreted(const struct asl_scan *scan, const struct value *state)
{
    static const char *const only[] = {"ItemReader", "ItemBatcher", "ResultWriter", "ToleratedFailureCount",
        "ToleratedFailureCountPath", "ToleratedFailurePercentage", "ToleratedFailurePercentagePath", "Label"},
                             *const sources[] = {"ItemsPath", "ItemReader"};
    const struct value *reader = value_getz(state, "ItemReader"), *batcher = value_getz(state, "ItemBatcher"),
                       *writer = value_getz(state, "ResultWriter");
    bool distributed = asl_is_distributed(state);
    for (size_t i = 0; i < sizeof only / sizeof *only && !distributed; i++)
        if (value_getz(state, only[i]))
            asl_wrong(scan, only[i], "Field is only supported in mode DISTRIBUTED");
    if (!distributed)
        return;
    asl_check_one_of(scan, state, sources, 2, false);
    if (reader)
        check_reader(scan, reader);
    if (batcher)
        check_batcher(scan, batcher);
    if (writer)
        check_writer(scan, writer);
}

/* It becomes a part of ARNs. */
static void check_label(const struct asl_scan *scan, const struct value *state)
{
    const struct value *v = value_getz(state, "Label");
    struct str label = value_text(v, STR_EMPTY);
    if (!v || v->kind != VALUE_STRING)
        return;
    if (!label.n)
        asl_wrong(scan, "Label", "Label cannot be empty");
    else if (str_code_points(label) > MAX_LABEL)
        asl_wrong(scan, "Label", "Label cannot exceed %d characters", MAX_LABEL);
    else if (!asl_is_name(label))
        asl_wrong(scan, "Label", "Label contains an invalid character");
}

void asl_check_distributed(const struct asl_scan *scan, const struct value *state)
{
    static const char *const modes[] = {"INLINE", "DISTRIBUTED", NULL},
                             *const kinds[] = {"STANDARD", "EXPRESS", NULL},
                             *const counts[] = {"ToleratedFailureCount", "ToleratedFailureCountPath"},
                             *const shares[] = {
                                 "ToleratedFailurePercentage", "ToleratedFailurePercentagePath"};
    const struct value *config = value_getz(asl_processor(state), "ProcessorConfig");
    struct asl_scan processor = asl_below(scan, "ItemProcessor"),
                    inner = asl_below(&processor, "ProcessorConfig");
    if (value_getz(config, "Mode"))
        check_choice(&inner, config, "Mode", modes);
    if (asl_is_distributed(state))
        check_choice(&inner, config, "ExecutionType", kinds);
    check_label(scan, state);
    asl_check_one_of(scan, state, counts, 2, false);
    asl_check_one_of(scan, state, shares, 2, false);
    if (scan->diags->interpreted)
        check_interpreted(scan, state);
    else
        check_holders(scan, state);
}
