/*
 * An environment of MWAA is an Airflow, with a PostgreSQL for its metadata where the machine has one.
 */
#pragma once

#include "sandbox/daemon/daemon.h"

/* It runs and answers at the first of its ports when this returns, as the record says it should be. */
int mwaa_want(struct services *services, struct arena *arena, const struct control_record *record,
    struct daemon_self *out, struct err *err);
/* What its daemons are called, with a blank between them; another environment of its name has others. */
struct str mwaa_daemons(struct arena *arena, const struct control_record *record);
/* Known to Airflow and to the sandbox: of its administrator's password and of tokens. */
struct str mwaa_secret(struct services *services, struct arena *arena, const struct control_record *record);
