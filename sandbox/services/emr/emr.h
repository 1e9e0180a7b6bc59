/*
 * EMR: clusters are the control plane's records. Their steps are run here (emr.c); machines there are none,
 * and what is shown of them is what the cluster was made with (instance_groups.c). Safe from every thread.
 */
#pragma once

#include "sandbox/calls/services.h"

#define EMR_SERVICE "elasticmapreduce"

/* The cluster that a request names by this member. 0 or -1. */
int emr_cluster(
    const struct service_call *call, const char *member, struct control_record *out, struct err *err);
/* Steps of clusters that are gone go, too: what services_follow() calls. */
void emr_look(struct services *services);

service_handler emr_list_groups, emr_modify_groups, emr_list_fleets, emr_modify_fleet, emr_list_actions;
