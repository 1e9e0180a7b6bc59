/* The media type that a file name stands for. */
#pragma once

#include "base/str.h"

/* "application/octet-stream" where the ending says nothing. */
struct str content_type_of(struct str name);
