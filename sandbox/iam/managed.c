/* Managed policies: the account's own, and AWS's as far as their documents are known here. */
#include "sandbox/iam/internal.h"

#include "base/embed.h"
#include "base/json.h"

static const struct str begin = STR_INIT("arn:aws:iam::aws:policy/");

/* A line is its path and name, a space, and the document. */
static const struct value *aws_document(struct arena *arena, struct str name)
{
    const struct embedded_file *file = embedded_find(STR("sandbox/names/managed_documents.txt"));
    struct str text = file ? embedded_text(file) : STR_EMPTY;
    while (text.n) {
        struct str document, line = str_cut(text, '\n', &text);
        const struct value *parsed;
        struct err ignored = ERR_INIT;
        if (str_eq(str_cut(line, ' ', &document), name) && !json_parse(arena, document, &parsed, &ignored))
            return parsed;
    }
    return NULL;
}

const struct value *gate_aws_policy(struct arena *arena, struct str arn)
{
    return str_starts(arn, begin) ? aws_document(arena, str_slice(arn, begin.n, arn.n)) : NULL;
}

const struct value *managed_document(struct gate *gate, struct arena *arena, struct str arn)
{
    struct control_record policy;
    if (str_starts(arn, begin))
        return gate_aws_policy(arena, arn);
    bool found = control_find(gate->control, arena, STR("aws.iam.policy"), STR_EMPTY, arn, &policy);
    return found ? value_getz(policy.attrs, "policy") : NULL;
}
