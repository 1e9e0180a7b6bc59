/*
 * The web console: the content of the sandbox as a page at /_weir/, for the person who started it.
 *
 * The page is one document made of the files in page/. Its data is JSON below /_weir/console/: resources of
 * all types, buckets, runs, faults, and the service operations that the page calls as any client would.
 *
 * The console is off unless sandbox_options.console is set. Each request needs the token, which is new at
 * each start: in the page's address, and in a header for all other requests, so that no other page and no
 * link can call. The console is served only under names of this machine and sets no cookie. Its
 * Content-Security-Policy lets a browser load and run only what is in the page. It changes nothing unless
 * console_write is set, and shows no secret attribute.
 */
#pragma once

#include "sandbox/http/exchange.h"

extern const struct responder console_responder;
