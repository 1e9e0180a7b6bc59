/* Checks machines: their structure, transitions between states, reachability and end states; and distributed
 * Maps. */
#include "base/buf.h"
#include "base/mem.h"
#include "provider/notation/asl_check.h"

#include <stdlib.h>

enum { MAX_NAME = 80, MAX_NESTED = 100 };

/* In the order of their bits: TASK, PARALLEL … */
static const struct str state_types[] = {STR_INIT("Task"), STR_INIT("Parallel"), STR_INIT("Map"),
    STR_INIT("Pass"), STR_INIT("Wait"), STR_INIT("Choice"), STR_INIT("Succeed"), STR_INIT("Fail")};
enum { TYPES = sizeof state_types / sizeof *state_types };

/* ---- the query language ---- */

/* Returns the query language of this level, or the enclosing one. In a machine in JSONata every state is. */
static bool language_of(const struct asl_scan *scan, const struct value *v)
{
    const struct value *own = value_getz(v, "QueryLanguage");
    struct str name = value_text(own, STR_EMPTY);
    bool jsonata = str_eqz(name, "JSONata"), paths = str_eqz(name, "JSONPath");
    if (!own || asl_is_unknown(own))
        return scan->jsonata;
    if (!jsonata && !paths)
        asl_wrong(scan, "QueryLanguage", "Value is not one of [JSONPath, JSONata]");
    else if (paths && scan->whole_jsonata)
        asl_wrong(
            scan, "", "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine");
    if (paths && !scan->whole_jsonata)
        return false;
    return scan->jsonata || jsonata;
}

/* ---- states ---- */

static unsigned type_of(const struct asl_scan *scan, const struct value *state)
{
    const struct value *named = value_getz(state, "Type");
    for (size_t i = 0; i < TYPES; i++)
        if (str_eq(value_text(named, STR_EMPTY), state_types[i]))
            return 1U << i;
    if (!named) {
        asl_required(scan, "Type");
    } else if (!asl_is_unknown(named)) {
        struct asl_diag *diag = asl_diag_add(scan, "SCHEMA_VALIDATION_FAILED", "Type",
            STR("Value is not one of [Task, Parallel, Map, Pass, Wait, Choice, Succeed, Fail]"));
        diag->word = value_text(named, STR_EMPTY);
        diag->names = state_types;
        diag->name_count = TYPES;
    }
    return 0;
}

static void check_state(const struct asl_scan *outer, const struct value *state)
{
    struct asl_scan scan = *outer;
    if (asl_is_unknown(state))
        return;
    if (state->kind != VALUE_MAP) {
        asl_wrong(&scan, "", "Value is not an object");
        return;
    }
    scan.jsonata = language_of(outer, state);
    unsigned type = type_of(&scan, state);
    if (type)
        asl_check_state(&scan, state, type);
}

static void check_states(const struct asl_scan *scan)
{
    struct arena *arena = scan->diags->arena;
    struct asl_scan states = asl_below(scan, "States");
    for (uint32_t i = 0; i < scan->states->count; i++) {
        struct str name = scan->states->entries[i].key;
        struct asl_scan inner = asl_below(&states, arena_strz(arena, name));
        if (map_set(scan->names, name, (void *)(uintptr_t)scan->states))
            asl_diag_add(&inner, "DUPLICATE_STATE_NAME", "",
                arena_printf(arena, "Duplicate State name: %.*s", STR_ARG(name)));
        if (!name.n || str_code_points(name) > MAX_NAME)
            asl_wrong(&inner, "", "State names have 1 to %d characters", MAX_NAME);
        check_state(&inner, scan->states->entries[i].value);
    }
}

/* ---- transitions ---- */

struct walk {
    struct map seen;
    struct str *todo;
    size_t n, cap;
    bool unknown; /* a target is unknown */
};

static void walk_to(struct walk *walk, const struct value *v)
{
    walk->unknown = walk->unknown || asl_is_unknown(v);
    if (!v || v->kind != VALUE_STRING || map_get(&walk->seen, v->string))
        return;
    map_set(&walk->seen, v->string, walk);
    MEM_GROW(walk->todo, walk->cap, walk->n + 1);
    walk->todo[walk->n++] = v->string;
}

static void walk_list(struct walk *walk, const struct value *list)
{
    walk->unknown = walk->unknown || asl_is_unknown(list);
    for (uint32_t i = 0; list && list->kind == VALUE_LIST && i < list->count; i++) {
        walk->unknown = walk->unknown || asl_is_unknown(list->items[i]);
        walk_to(walk, value_getz(list->items[i], "Next"));
    }
}

static void walk_from(struct walk *walk, const struct value *state)
{
    walk->unknown = walk->unknown || asl_is_unknown(state);
    walk_to(walk, value_getz(state, "Next"));
    walk_to(walk, value_getz(state, "Default"));
    walk_list(walk, value_getz(state, "Choices"));
    walk_list(walk, value_getz(state, "Catch"));
}

/* The service only requires a transition to every state; the interpreter requires a path from StartAt. */
static void check_reachable(const struct asl_scan *scan, const struct value *machine)
{
    struct arena *arena = scan->diags->arena;
    struct walk walk = {.seen = MAP_INIT};
    struct asl_scan states = asl_below(scan, "States");
    walk_to(&walk, value_getz(machine, "StartAt"));
    for (uint32_t i = 0; i < scan->states->count && !scan->diags->interpreted; i++)
        walk_from(&walk, scan->states->entries[i].value);
    while (walk.n) {
        struct str name = walk.todo[--walk.n];
        walk_from(&walk, value_get(scan->states, name));
    }
    for (uint32_t i = 0; i < scan->states->count && !walk.unknown; i++) {
        struct str name = scan->states->entries[i].key;
        if (!map_get(&walk.seen, name))
            asl_diag_add(&states, "MISSING_TRANSITION_TARGET", arena_strz(arena, name),
                arena_printf(arena, "State \"%.*s\" is not reachable.", STR_ARG(name)));
    }
    map_release(&walk.seen);
    free(walk.todo);
}

/* Checks that some state ends the machine. */
static void check_ends(const struct asl_scan *scan)
{
    for (uint32_t i = 0; i < scan->states->count; i++) {
        const struct value *state = scan->states->entries[i].value;
        struct str type = value_gets(state, "Type");
        bool known = state->kind == VALUE_MAP && type.n;
        if (!known || str_eqz(type, "Succeed") || str_eqz(type, "Fail") || value_getz(state, "End"))
            return;
    }
    asl_diag_add(scan, "MISSING_END_STATE", "States",
        STR("No state ends the state machine: one has \"End\": true, or is of the type Succeed or Fail"));
}

/* ---- machines ---- */

void asl_check_machine(const struct asl_scan *outer, const struct value *machine)
{
    struct asl_scan scan = *outer;
    scan.states = value_getz(machine, "States");
    const struct value *start = value_getz(machine, "StartAt");
    if (asl_is_unknown(machine) || machine->depth > MAX_NESTED * 4)
        return;
    scan.jsonata = language_of(outer, machine);
    if (!scan.states) {
        asl_wrong(&scan, "", "These fields are required: [%s]", start ? "States" : "States, StartAt");
        return;
    }
    if (!asl_is_unknown(scan.states) && (scan.states->kind != VALUE_MAP || !scan.states->count)) {
        asl_wrong(&scan, "States", "Value is not a non-empty object of states");
        return;
    }
    if (!start || (start->kind != VALUE_STRING && !asl_is_unknown(start)))
        asl_required(&scan, "StartAt");
    if (asl_is_unknown(scan.states))
        return;
    size_t before = scan.diags->n;
    asl_check_target(&scan, machine, "StartAt");
    check_states(&scan);
    if (scan.diags->n > before)
        return; /* further errors may be consequences */
    check_ends(&scan);
    if (start && value_get(scan.states, value_text(start, STR_EMPTY)))
        check_reachable(&scan, machine);
}

static void check_top(const struct asl_scan *scan, const struct value *definition)
{
    static const struct str known[] = {STR_INIT("Comment"), STR_INIT("StartAt"), STR_INIT("States"),
        STR_INIT("Version"), STR_INIT("TimeoutSeconds"), STR_INIT("QueryLanguage")};
    for (uint32_t i = 0; i < definition->count; i++)
        if (!str_is_any(
                definition->entries[i].key, "Comment StartAt States Version TimeoutSeconds QueryLanguage"))
            asl_unsupported(scan, definition->entries[i].key, known, sizeof known / sizeof *known);
    const struct value *timeout = value_getz(definition, "TimeoutSeconds");
    if (timeout && !asl_is_unknown(timeout) && !asl_is_whole(timeout, 1))
        asl_wrong(scan, "TimeoutSeconds", "Value is not a whole number of at least 1");
}

void asl_validate(const struct value *definition, struct asl_diags *diags)
{
    AUTO_MAP struct map names = MAP_INIT;
    struct asl_scan scan = {.diags = diags, .at = STR_EMPTY, .names = &names};
    if (asl_is_unknown(definition))
        return;
    if (!definition || definition->kind != VALUE_MAP) {
        asl_diag_add(&scan, "INVALID_JSON_DESCRIPTION", "", STR("The definition is not a JSON object"));
        return;
    }
    check_top(&scan, definition);
    scan.whole_jsonata = str_eqz(value_gets(definition, "QueryLanguage"), "JSONata");
    asl_check_machine(&scan, definition);
}

void asl_diags_release(struct asl_diags *diags)
{
    free(diags->items);
    diags->items = NULL;
    diags->n = diags->cap = 0;
}

/* ---- The fields of distributed Maps. The service adds readers and writers each year: their fields are
 * checked for the interpreter only, for the service just their templates ---- */

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

/* Checks that an object has only these members; returns false if the value is not an object. */
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
    bool items = !strcmp(member, "MaxItems"); /* may be any number from 0 */
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

/* ---- whole states ---- */

/* Checks what applies to all readers and writers: that they are objects, and their templates. */
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

/* The label becomes a part of ARNs. */
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
