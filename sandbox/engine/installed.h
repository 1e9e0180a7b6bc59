/*
 * What `tools/setup` has installed for the sandbox: Python with what jobs and Athena import, Spark and its
 * jars
 * (.venv-jobs), Airflow (.venv-airflow2), Kafka (.cache/kafka), in the checkout that it belongs to. The
 * program of a checkout, CHECKOUT/BUILD/weir, finds it beside itself; WEIR_ENGINES names another checkout for
 * any program, and "" none.
 *
 * The working directory is nowhere that anything is looked for: what lies there is somebody's stack, and
 * nothing of it is run without being asked for. Whoever can write into a checkout can replace the program
 * itself, so what lies there is trusted as that is, unless everybody may write there. Looked at once; safe
 * from every thread.
 */
#pragma once

#include "base/arena.h"

/* The checkout; "" none. */
const char *installed_root(void);
/* A path below it, if it is there; NULL: it is not. */
const char *installed_at(struct arena *arena, const char *path);
/* Where programs are looked for: its Python goes before what is on the PATH. */
const char *installed_path(void);
/* A program there, or in one of these folders (NULL at the end; may be NULL); NULL: nowhere. */
const char *installed_program(struct arena *arena, const char *name, const char *const *folders);
bool is_program(const char *path);
