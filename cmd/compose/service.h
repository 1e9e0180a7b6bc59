/*
 * One service on its way to being a container: shared by service*.c. Each function adds the attributes that
 * it is called after.
 */
#pragma once

#include "cmd/compose/parts.h"

struct service {
    struct compose *c;
    struct str name;
    const struct node *node;
    struct value_builder environment, secret_environment, secrets, files;
};

/* ---- service_image.c ---- */

void service_image(struct service *s, struct attr_list *attrs);

/* ---- service_content.c: variables and files ---- */

void service_environment(struct service *s, struct attr_list *attrs);
void service_files(struct service *s, const char *kind, bool secret, struct value_builder *out);

/* ---- service_limits.c ---- */

void service_networks(struct service *s, struct attr_list *attrs);
void service_health(struct service *s, struct attr_list *attrs);
void service_deploy(struct service *s, struct attr_list *attrs);
const struct value *service_seconds(struct compose *c, const struct node *node);
const struct value *service_ulimits(struct compose *c, const struct node *node);
const struct value *service_hosts(struct compose *c, const struct node *node);
const struct value *service_tmpfs(struct compose *c, const struct node *node);
