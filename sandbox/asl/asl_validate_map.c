/* The fields of distributed Maps. */
#include "base/buf.h"
#include "sandbox/asl/asl_check.h"

static bool is_one_of(const struct value *v, const char *const *names)
{
    struct str text = value_text(v, STR_EMPTY);
    for (; *names; names++)
        if (str_eqz(text, *names))
            return true;
    return false;
}

static void check_choice(
    const struct asl_scan *scan, const struct value *holder, const char *member, const char *const *names)
{
    const struct value *v = value_getz(holder, member);
    AUTO_BUF struct buf list = BUF_INIT;
    for (size_t i = 0; names[i]; i++)
        buf_addf(&list, "%s%s", i ? ", " : "", names[i]);
    if (!is_one_of(v, names))
        asl_wrong(scan, member, "Value is not one of [%s]", buf_str(&list).p);
}

/* The named members, and no others; false: it is no object at all. */
static bool check_members(const struct asl_scan *scan, const struct value *v, const char *const *names)
{
    const struct value name = {.kind = VALUE_STRING};
    if (v->kind != VALUE_MAP) {
        asl_wrong(scan, "", "Value is not an object");
        return false;
    }
    for (uint32_t i = 0; i < v->count; i++) {
        struct value key = name;
        key.string = v->entries[i].key;
        if (!is_one_of(&key, names))
            asl_wrong(scan, arena_strz(scan->diags->arena, v->entries[i].key), "Field is not supported");
    }
    return true;
}

static void check_template(const struct asl_scan *scan, const struct value *holder, const char *member)
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
    if (v && !asl_is_whole(v, 1))
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
    static const char *const members[] = {"Resource", "ReaderConfig", "Parameters", NULL},
                             *const settings[] = {"InputType", "CSVHeaderLocation", "CSVHeaders",
                                 "CSVDelimiter", "MaxItems", "MaxItemsPath", NULL},
                             *const types[] = {"CSV", "JSON", "JSONL", NULL},
                             *const resources[] = {
                                 "arn:aws:states:::s3:getObject", "arn:aws:states:::s3:listObjectsV2", NULL};
    struct asl_scan scan = asl_below(outer, "ItemReader"), inner = asl_below(&scan, "ReaderConfig");
    if (!check_members(&scan, reader, members))
        return;
    check_choice(&scan, reader, "Resource", resources);
    check_template(&scan, reader, "Parameters");
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
    check_template(&scan, batcher, "BatchInput");
    if (!value_getz(batcher, "MaxItemsPerBatch") && !value_getz(batcher, "MaxItemsPerBatchPath") &&
        !value_getz(batcher, "MaxInputBytesPerBatch") && !value_getz(batcher, "MaxInputBytesPerBatchPath"))
        asl_wrong(&scan, "", "MaxItemsPerBatch or MaxInputBytesPerBatch is expected");
}

static void check_writer(const struct asl_scan *outer, const struct value *writer)
{
    static const char *const members[] = {"Resource", "Parameters", "WriterConfig", NULL},
                             *const settings[] = {"OutputType", "Transformation", NULL},
                             *const types[] = {"JSON", "JSONL", NULL},
                             *const shapes[] = {"NONE", "COMPACT", "FLATTEN", NULL},
                             *const resources[] = {"arn:aws:states:::s3:putObject", NULL};
    struct asl_scan scan = asl_below(outer, "ResultWriter"), inner = asl_below(&scan, "WriterConfig");
    const struct value *config = value_getz(writer, "WriterConfig");
    if (!check_members(&scan, writer, members))
        return;
    if (value_getz(writer, "Resource") || !config)
        check_choice(&scan, writer, "Resource", resources);
    check_template(&scan, writer, "Parameters");
    if (!config || !check_members(&inner, config, settings))
        return;
    if (value_getz(config, "OutputType"))
        check_choice(&inner, config, "OutputType", types);
    if (value_getz(config, "Transformation"))
        check_choice(&inner, config, "Transformation", shapes);
}

void asl_check_distributed(const struct asl_scan *scan, const struct value *state)
{
    static const char *const only[] = {"ItemReader", "ItemBatcher", "ResultWriter", "ToleratedFailureCount",
        "ToleratedFailureCountPath", "ToleratedFailurePercentage", "ToleratedFailurePercentagePath", "Label"},
                             *const modes[] = {"INLINE", "DISTRIBUTED", NULL},
                             *const kinds[] = {"STANDARD", "EXPRESS", NULL},
                             *const counts[] = {"ToleratedFailureCount", "ToleratedFailureCountPath"},
                             *const shares[] = {"ToleratedFailurePercentage",
                                 "ToleratedFailurePercentagePath"},
                             *const sources[] = {"ItemsPath", "ItemReader"};
    const struct value *config = value_getz(value_getz(state, "ItemProcessor"), "ProcessorConfig");
    const struct value *reader = value_getz(state, "ItemReader"), *batcher = value_getz(state, "ItemBatcher"),
                       *writer = value_getz(state, "ResultWriter");
    struct asl_scan processor = asl_below(scan, "ItemProcessor"),
                    inner = asl_below(&processor, "ProcessorConfig");
    if (value_getz(config, "Mode"))
        check_choice(&inner, config, "Mode", modes);
    bool distributed = asl_is_distributed(state);
    if (distributed)
        check_choice(&inner, config, "ExecutionType", kinds);
    for (size_t i = 0; i < sizeof only / sizeof *only && !distributed; i++)
        if (value_getz(state, only[i]))
            asl_wrong(scan, only[i], "Field is only supported in mode DISTRIBUTED");
    if (!distributed)
        return;
    asl_check_one_of(scan, state, counts, 2, false);
    asl_check_one_of(scan, state, shares, 2, false);
    asl_check_one_of(scan, state, sources, 2, false);
    if (reader)
        check_reader(scan, reader);
    if (batcher)
        check_batcher(scan, batcher);
    if (writer)
        check_writer(scan, writer);
}
