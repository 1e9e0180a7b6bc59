/*
 * The jobs of a stack, as its state has them: what the commands run, jobs and logs share. A job is found by
 * its address or, where only one has it, by its name at the service.
 */
#pragma once

#include "cmd/invocation/invocation.h"
#include "provider/job.h"

struct job {
    const struct record *record;
    const struct schema *schema; /* schema->job is set */
    const struct value *object;  /* as recorded, without what the state keeps only as a hash */
    struct str name;             /* at the service */
    struct provider *provider;   /* after job_open() */
    const struct value *options; /* of its runs, by name */
};

/* Opens the stack without asking for inputs that nothing needs. Reported when it is not EXIT_DONE. */
int jobs_open(struct invocation *inv, struct workspace *workspace);
/* Every job in the state, by address. Results live as long as the invocation. */
int jobs_list(struct invocation *inv, struct workspace *workspace, struct job **jobs, size_t *n);
/* The address of the job with that name at the service; the text itself where no job is called so. */
struct str jobs_address(struct invocation *inv, struct workspace *workspace, struct str text);
/* The one that the text means, opened; reported when it is not EXIT_DONE. */
int jobs_find(struct invocation *inv, struct workspace *workspace, struct str text, struct job *out);
/*
 * Its provider, and its options: `given` is "NAME=VALUE" each (--set), where VALUE may be the address of a
 * resource; what is required and not given is the only resource of its type in the state.
 */
int job_open(struct invocation *inv, struct workspace *workspace, const struct texts *given, struct job *job);
/* The same for a look at many: what is required and cannot be told is left out. */
int job_open_lenient(struct invocation *inv, struct workspace *workspace, struct job *job);
/* For one call; `arena` takes the results. */
struct op_ctx job_context(const struct job *job, struct arena *arena, struct workspace *workspace);

/* ---- what stands behind the job on the command line ---- */

/*
 * As the job takes it; *out stays NULL where nothing was given. `payload` is a file with JSON, "-" standard
 * input, NULL none.
 */
int job_arguments(const struct job *job, const struct str *words, size_t n, const char *payload,
    struct arena *arena, const struct value **out, struct err *err);

/* The same with a value in the place of the file; NULL: none. */
int job_arguments_of(const struct job *job, const struct value *given, const struct str *words, size_t n,
    struct arena *arena, const struct value **out, struct err *err);

/* ---- runs in words ---- */

/* Its address as it is typed into a shell. */
struct str job_quoted(struct arena *arena, const struct job *job);

/* "RUNNING", or ours where the service has no word for it. */
struct str job_run_status(const struct job_run *run);
enum style job_state_style(enum job_state state);
/* Fields of a run in a --json line, each with a comma before it. */
void job_run_fields(struct buf *out, const struct job *job, const struct job_run *run);
