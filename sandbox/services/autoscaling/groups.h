/* Groups of instances: what follows from a change of theirs, or of an instance. Safe from every thread. */
#pragma once

struct services;

/* Starts what groups lack, and ends what they have too much or what has lost its group. */
void autoscaling_look(struct services *services);
