/*
 * Keys of the hosts that the stack's connections lead to (provider/ssh/connections.h). A key that was trusted
 * belongs to what was the host then: the recorded resources that the connection's `host` comes from, by type
 * and id. Where others have taken their place it is as if it had never been seen. Of a machine whose service
 * tells what it printed when it started (schema->console) the key is compared with that, at the first login,
 * too.
 *
 * host_keys_bind() is the planner's, the functions of host_keys_trust() any thread's. What is learned is
 * recorded by the next apply, and told of.
 */
#pragma once

#include "plan/planner.h"
#include "provider/ssh/connections.h"

struct host_keys;

struct host_keys *host_keys_new(struct workspace *workspace);
void host_keys_free(struct host_keys *keys);
struct reach_trust host_keys_trust(struct host_keys *keys);

/* Finds what the connection's host is by now, as the state has it. */
void host_keys_bind(
    struct host_keys *keys, struct planner *p, const struct decl *connection, const struct value *settings);
/* From now on, with what was learned before, until it is called with false. */
int host_keys_record(struct host_keys *keys, bool recording, struct err *err);
/* What was learned since the last call and nobody has vouched for. */
void host_keys_tell(struct host_keys *keys, const struct observer *observer);
