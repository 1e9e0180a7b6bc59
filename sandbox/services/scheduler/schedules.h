/*
 * Schedules fire: EventBridge's rules with a schedule_expression and Scheduler's schedules. One thread looks
 * at the control plane's records; a rule or schedule that changed begins anew.
 *
 * With the sandbox's speed, time passes for each of them that many times as fast from the moment at which it
 * was made (or the sandbox started, if that was later). What would have been due while the sandbox was away,
 * or while the thread was late, is not made up for.
 */
#pragma once

struct services;

/* Starts the thread; it ends with services_stop(). */
void schedules_start(struct services *services);
