/* The media type that a file name stands for. */
#ifndef WEIR_PROVIDER_AWS_CONTENT_TYPE_H
#define WEIR_PROVIDER_AWS_CONTENT_TYPE_H

#include "base/str.h"

/* "application/octet-stream" where the ending says nothing. */
struct str content_type_of(struct str name);

#endif
