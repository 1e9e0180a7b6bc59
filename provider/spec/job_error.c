/* Why a run failed, as one line: the parts that its spec names, and of documents among them what is said in
 * words. */
#include "base/json.h"
#include "provider/spec/act.h"

enum { ERROR_MAX = 900, DEPTH_MAX = 3 };

/* What services call the sentence in what they give as a cause, the particular ones first. */
static const char *const sentences[] = {"ErrorMessage", "errorMessage", "StateDetails", "stateDetails",
    "StateChangeReason", "StatusReason", "StoppedReason", "Message", "message"};

static struct str sentence_in(const struct value *v, int depth)
{
    struct str found = STR_EMPTY;
    if (v->kind != VALUE_MAP || depth > DEPTH_MAX)
        return found;
    for (size_t i = 0; i < sizeof sentences / sizeof *sentences && !found.n; i++)
        found = str_trim(value_gets(v, sentences[i]));
    for (uint32_t i = 0; i < v->count && !found.n; i++)
        found = sentence_in(v->entries[i].value, depth + 1);
    return found;
}

/* Step Functions has as the cause all that the failed job's service answered, its settings before what went
 * wrong. */
static struct str in_words(struct act *act, struct str part)
{
    const struct value *document;
    if (!part.n || part.p[0] != '{' || json_parse(act->arena, part, &document, ERR_IGNORED))
        return part;
    struct str sentence = sentence_in(document, 0);
    return sentence.n ? sentence : part;
}

/* A path, or a text with templates. */
static struct str error_part(struct act *act, struct str item, const struct value *live)
{
    const struct value *v = NULL;
    if (str_find(item, STR("${"), 0) < 0)
        v = wire_path(act->arena, live, item);
    else if (act_template(act, value_string_ref(act->arena, item), live, &v, ERR_IGNORED))
        v = NULL;
    return in_words(act, str_trim(value_scalar_text(act->arena, v)));
}

struct str act_job_error(struct act *act, const struct spec_job *job, const struct value *live)
{
    AUTO_BUF struct buf text = {.max = ERROR_MAX};
    for (size_t i = 0; i < job->error.count; i++) {
        struct str part = error_part(act, job->error.items[i], live);
        if (!part.n)
            continue;
        if (text.n)
            buf_addz(&text, ": ");
        part.n = part.n < ERROR_MAX - text.n ? part.n : str_utf8_prefix(str_n(part.p, ERROR_MAX - text.n));
        buf_add_str(&text, part);
    }
    return arena_str(act->arena, buf_str(&text));
}
