/*
 * The text of one record of the log, member by member, as log.h lists them:
 *
 *     body_begin(&body, run, "drop");       {"at":"…","run":"3","kind":"drop"
 *     body_text(&body, "address", a);       ,"address":"lake"
 *     body_end(&body);                      }
 *
 * Empty texts, absent values and flags that are not set leave no member.
 */
#pragma once

#include "base/buf.h"
#include "plan/state/state.h"

struct secrets;

void body_begin(struct buf *body, const char *run, const char *kind);
void body_text(struct buf *body, const char *name, struct str text);
/* What is sensitive is sealed or hashed (encode.h). */
void body_value(struct buf *body, struct secrets *secrets, const char *name, const struct value *v);
void body_flag(struct buf *body, const char *name, bool flag);
/* The provider only where it is not the type's first word. */
void body_type(struct buf *body, struct str type, struct str provider);
/* All of it but the address. */
void body_record(struct buf *body, struct secrets *secrets, const struct record *record);
void body_lease(struct buf *body, const struct lease *lease);
void body_error(struct buf *body, const struct err *why);
void body_end(struct buf *body);
