/*
 * The logs of runs in CloudWatch Logs (provider/run_log.h). No more than a page of each source is held at a
 * time.
 */
#ifndef WEIR_PROVIDER_AWS_LOGS_H
#define WEIR_PROVIDER_AWS_LOGS_H

#include "provider/run_log.h"

extern const struct log_ops aws_log_ops;

#endif
