/*
 * Services with a REST API of their own, reached as their spec's `provider:` says (docs/rest.md): where the
 * paths begin, how one logs in, which of several APIs the server has.
 *
 * One client for each configured provider. It logs in when the first call needs it; an answer of 401 in the
 * midst of a run logs in again, once for all who met it. Calls are repeated as provider/aws does it, more
 * simply: what was not processed always, what may be repeated where there was no answer or the server says
 * that it is busy. Safe from every thread.
 */
#pragma once

#include "provider/kind.h"
#include "provider/rest/resource.h"
#include "provider/setting_attr.h"
#include "provider/wire/wire.h"

struct rest_client;

/* Its functions, as a kind has them (provider/kind.h). */
int rest_open(const struct provider_options *options, struct arena *arena, void **self, struct err *err);
void rest_close(void *self);
int rest_send(void *self, const struct kind_call *call, struct arena *arena, struct wire_message *response,
    struct err *err);
/* "api": which one of the head's `apis` the server has, which may have to be asked. */
int rest_tell(void *self, const struct value *head, struct str name, const atomic_bool *cancel,
    struct arena *arena, struct str *out, struct err *err);

extern const struct type rest_settings_type;

#define REST_KIND(symbol, name_, folder)                                                                     \
    static const struct attr symbol##_settings = {                                                           \
        .name = STR_INIT(name_), .type = &rest_settings_type, .settable = true};                             \
    const struct provider_kind symbol = {                                                                    \
        .name = name_,                                                                                       \
        .specs = "provider/" folder "/specs/",                                                               \
        .natives = rest_natives,                                                                             \
        .settings = &symbol##_settings,                                                                      \
        .http = true,                                                                                        \
        .open = rest_open,                                                                                   \
        .close = rest_close,                                                                                 \
        .send = rest_send,                                                                                   \
        .tell = rest_tell,                                                                                   \
    }

/* ---- rest_error.c ---- */

/* What a refusal says, in whichever of the usual ways: its code is the status as text. */
void rest_decode_error(struct arena *arena, const struct wire_message *response, struct err *err);
