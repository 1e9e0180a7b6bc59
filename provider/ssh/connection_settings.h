/* Attributes of a connection under `connections:`, for checks and editors. */
#pragma once

#include "provider/schema.h"

extern const struct attr connection_settings; /* an object */

/* The setting `via` of provider types that can use a connection. */
#define SETTING_VIA SETTING_ATTR("via", setting_text, "Name of the connection to go by (see connections:)")
