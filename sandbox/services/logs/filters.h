/* What subscription filters and metric filters of log groups do with events. */
#pragma once

#include "sandbox/calls/services.h"
#include "sandbox/engine/logs.h"

/* For logs_watch(): to the destinations of the group's subscription filters, into the metrics of its metric
 * filters. ctx: the services. */
logs_watcher log_events_filter;
