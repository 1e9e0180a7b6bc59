/*
 * EMR: clusters are the control plane's records. Their steps run on this machine (emr.c). There are no
 * instances; what is shown of them is the cluster's configuration (instance_groups.c). Thread-safe.
 */
#pragma once

#include "sandbox/calls/services.h"

#define EMR_SERVICE "elasticmapreduce"

/* Finds the cluster that the request's `member` names. 0, or -1 with the service's error. */
int emr_cluster(
    const struct service_call *call, const char *member, struct control_record *out, struct err *err);
/* For services_on_call(): stops the steps of deleted clusters. */
void emr_stop_steps(struct services *services);

service_handler emr_list_groups, emr_modify_groups, emr_list_fleets, emr_modify_fleet, emr_list_actions;
