/* What can be expressed of a connection under `connections:`, for whoever checks files and helps to write
 * them. */
#pragma once

#include "provider/schema.h"

extern const struct attr connection_settings; /* an object */

/* For the settings of kinds whose providers can go by one. */
#define SETTING_VIA SETTING_ATTR("via", setting_text, "Name of the connection to go by (see connections:)")
