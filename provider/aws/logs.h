/*
 * The logs of runs in CloudWatch Logs (provider/run_log.h). No more than a page of each source is held at a
 * time.
 */
#pragma once

#include "provider/run_log.h"

extern const struct log_ops aws_log_ops;
