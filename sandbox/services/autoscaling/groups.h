/* Groups of instances: what follows from a change of theirs, or of an instance. Safe from every thread. */
#ifndef WEIR_SANDBOX_SERVICES_AUTOSCALING_GROUPS_H
#define WEIR_SANDBOX_SERVICES_AUTOSCALING_GROUPS_H

struct services;

/* Starts what groups lack, and ends what they have too much or what has lost its group. */
void autoscaling_look(struct services *services);

#endif
