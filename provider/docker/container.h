/*
 * Shared by container*.c. A container is made of attributes that lie one to one in the Engine's documents;
 * a table says where (container_fields.c), and what the spelling of each is. What people wrote ("512m",
 * "1m30s", a port without its address) is kept as long as it means what the Engine has.
 */
#pragma once

#include "provider/docker/types.h"

/* ---- container_spelling.c: single values ---- */

const struct value *spell_size_out(struct op_ctx *ctx, const struct value *v);
const struct value *spell_size_in(struct op_ctx *ctx, const struct value *v, const struct value *prior);
const struct value *spell_time_out(struct op_ctx *ctx, const struct value *v);
const struct value *spell_time_in(struct op_ctx *ctx, const struct value *v, const struct value *prior);
const struct value *spell_cpus_out(struct op_ctx *ctx, const struct value *v);
const struct value *spell_cpus_in(struct op_ctx *ctx, const struct value *v, const struct value *prior);
const struct value *spell_restart_out(struct op_ctx *ctx, const struct value *v);
const struct value *spell_restart_in(struct op_ctx *ctx, const struct value *v, const struct value *prior);
const struct value *spell_env_out(struct op_ctx *ctx, const struct value *v);
const struct value *spell_env_in(struct op_ctx *ctx, const struct value *v, const struct value *prior);
const struct value *spell_caps_out(struct op_ctx *ctx, const struct value *v);
const struct value *spell_ulimits_out(struct op_ctx *ctx, const struct value *v);
const struct value *spell_ulimits_in(struct op_ctx *ctx, const struct value *v, const struct value *prior);
const struct value *spell_devices_out(struct op_ctx *ctx, const struct value *v);
const struct value *spell_devices_in(struct op_ctx *ctx, const struct value *v, const struct value *prior);

/* ---- container_parts.c: structures ---- */

const struct value *part_health_out(struct op_ctx *ctx, const struct value *v);
const struct value *part_health_in(struct op_ctx *ctx, const struct value *v, const struct value *prior);
const struct value *part_ports_out(struct op_ctx *ctx, const struct value *v);
const struct value *part_ports_in(struct op_ctx *ctx, const struct value *v, const struct value *prior);
/* {"80/tcp": {}}: what goes along with the former. */
const struct value *part_exposed(struct op_ctx *ctx, const struct value *ports);
const struct value *part_mounts_out(struct op_ctx *ctx, const struct value *v);
const struct value *part_mounts_in(struct op_ctx *ctx, const struct value *v, const struct value *prior);
/* One network of a container, as its endpoint. */
const struct value *part_endpoint(struct op_ctx *ctx, const struct value *network);
const struct value *part_networks_in(
    struct op_ctx *ctx, const struct value *document, const struct value *prior);

/* ---- container_fields.c ---- */

/* The body that makes it. */
const struct value *container_body(struct op_ctx *ctx, const struct value *desired);
const struct value *container_decode(
    struct op_ctx *ctx, const struct value *document, const struct value *prior);
/* Of `changed` what POST /update takes, as its body; empty where there is nothing. */
const struct value *container_changes(
    struct op_ctx *ctx, const struct value *desired, const struct value *changed, struct err *err);
/* Is it as it is to be: running, or ended well where that is what is waited for? */
bool container_is_up(struct str status, int64_t exit_code, const struct value *object);

/* ---- container_run.c ---- */

/* Puts `files` and `secrets` in, unless it has run already; starts it and waits as `wait` says. */
int container_start(struct op_ctx *ctx, struct str id, const struct value *desired, struct err *err);
int container_stop(struct op_ctx *ctx, struct str id, const struct value *object, struct err *err);

/* ---- container_network.c ---- */

int container_connect(struct op_ctx *ctx, struct str id, const struct value *network, struct err *err);
/* Brings its networks from those to these. */
int container_rewire(struct op_ctx *ctx, struct str id, const struct value *prior,
    const struct value *desired, struct err *err);
