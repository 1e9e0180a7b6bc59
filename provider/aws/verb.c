/* What an operation's name says of repeating it: see verb.h. */
#include "provider/aws/verb.h"

static const char *const reads[] = {"Get", "List", "Describe", "BatchGet", "Head", "Validate"};

/* Adding is not among them: Authorize…, Add…, Associate… refuse what is there already. */
static const char *const sets[] = {"Put", "Update", "Modify", "Set", "Replace", "Reset", "Enable", "Disable",
    "Stop", "Cancel", "BatchStop", "Tag", "Untag", "AddTags", "CreateTags", /* by key */
    "Delete", "Remove", "Detach", "Disassociate", "Revoke", "Release",      /* by id, of which there is one */
    "Terminate", "Deregister", "Unsubscribe", "ScheduleKeyDeletion"};

static bool begins_with_one(struct str operation, const char *const *verbs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_starts(operation, str_z(verbs[i])))
            return true;
    return false;
}

bool verb_reads(struct str operation)
{
    return begins_with_one(operation, reads, sizeof reads / sizeof *reads);
}

bool verb_repeats(struct str operation)
{
    return verb_reads(operation) || begins_with_one(operation, sets, sizeof sets / sizeof *sets);
}
