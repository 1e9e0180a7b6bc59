/*
 * Core files: weir has secrets in memory, which are not to lie on a disk because it crashed. Its own limit
 * for core files is 0 from the start on, which the kernel respects, and so do the collectors of systemd and
 * Ubuntu. What it starts has the limit that weir was started with: nobody can be given one but by
 * inheritance, or too late, so ours is lifted for the moment of starting something. It can still be looked at
 * by a debugger.
 */
#pragma once

/* Once, before there are other threads. */
void core_limit_none(void);
/* Around the start of a program; any thread. */
void core_limit_lift(void);
void core_limit_lower(void);
