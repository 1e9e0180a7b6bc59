/* Filter patterns of CloudWatch Logs: terms, { $.member = value }, [fields, by, space]. Pure. */
#pragma once

#include "base/str.h"

/* NULL: nothing is surely wrong with it. */
const char *log_filter_wrong(struct str text);
