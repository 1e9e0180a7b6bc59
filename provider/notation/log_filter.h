/* Filter patterns of CloudWatch Logs: terms, { $.member = value }, [fields, by, space]. Pure. */
#ifndef WEIR_PROVIDER_NOTATION_LOG_FILTER_H
#define WEIR_PROVIDER_NOTATION_LOG_FILTER_H

#include "base/str.h"

/* NULL: nothing is surely wrong with it. */
const char *log_filter_wrong(struct str text);

#endif
