/*
 * The console: what is in the sandbox, as a page at /_weir/, for the person who started it.
 *
 * It is one document with what page/ has in it (console.js, machine.js, views.js, console.css), and JSON
 * below
 * /_weir/console/: resources of all types, buckets, runs, and operations of services that the page asks for,
 * as any client would call them.
 *
 * Nothing of it is there unless it was asked for (sandbox_options.console). Whoever asks has to have the
 * token, which is made at each start: in the address of the page, in a header of all else, so that no other
 * page and no link can ask. It is served to names of this machine alone, sets no cookie, and says in its
 * policy that a browser may load and run nothing but what is in the page. It changes nothing, unless
 * that was asked for too, and shows no attribute that is secret.
 */
#pragma once

#include "sandbox/http/exchange.h"

extern const struct responder console_responder;
