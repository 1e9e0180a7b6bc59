/*
 * Who is at the door: requests that a web page has made some browser send are refused before anything is done
 * with them.
 *
 * A signature alone is not enough: whoever has the keys may have a browser too, with a link in it that
 * somebody signed. Names other than those of this machine are refused, for a page may let its own name lead
 * here (DNS rebinding) and be of the same origin then.
 */
#pragma once

#include "provider/wire/wire.h"

struct fault;

struct guard {
    const struct str *hosts; /* by which it may be called besides localhost and loopback addresses; names
                                below them too */
    size_t host_count;
    bool any_address; /* numeric ones cannot be made to lead elsewhere */
};

/* Is it beyond doubt where the request ends? Otherwise what follows on its connection is not to be believed:
 * a proxy may have seen another end, and less in it. NULL: it is. */
const struct fault *guard_framing(const struct wire_message *request);
/* NULL: let it in. */
const struct fault *guard_check(const struct guard *guard, const struct wire_message *request);
/* What stands before a name of the guard's in "films.localhost:4566"; "" where that is no such host. */
struct str guard_label(const struct guard *guard, struct str host);
