/*
 * Apache Kafka as a daemon: one node that is broker and controller at once (KRaft), which speaks in the clear
 * and asks nobody who they are. What it tells clients to be called is in the settings: {address, port}; it
 * listens at ports[0].
 */
#pragma once

#include "sandbox/daemon/daemon.h"

extern const struct daemon_kind kafka_daemon;
