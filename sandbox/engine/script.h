/*
 * Scripts as Glue and EMR Serverless run them: fetched from the sandbox's S3 into the task's folder with what
 * they import, started with python3 or spark-submit, their output in CloudWatch Logs, their end the task's.
 *
 *   FOLDER/run/      working directory, with the script and --extra-files
 *   FOLDER/lib/      modules: the sandbox's own (awsglue), then what was asked for
 *   FOLDER/conf/     Spark's configuration: s3:// is S3A at the sandbox
 *   FOLDER/tmp/      TMPDIR
 */
#pragma once

#include "sandbox/engine/task.h"

struct script_options {
    bool spark;
    struct str location;      /* s3://bucket/key */
    struct str role, session; /* see struct environment_options */
    const struct str *arguments;
    size_t argument_count;
    struct str py_files, files, jars; /* s3:// places with commas between them */
    struct str spark_conf;            /* "key=value --conf key=value", as both services take it */
    bool iceberg;                     /* Spark has Iceberg's runtime */
    bool emrfs;                       /* as there, see spark.h */
    struct str notes;                 /* a line for the error log; "" none */
    struct str bookmark;              /* path of the file that keeps what a job has read; "" none */
    bool bookmark_paused;             /* it is read, not changed */
    int64_t timeout_ms, memory;       /* 0: no limit */
    struct str out_group, out_stream, err_group, err_stream;
    const struct str *submit; /* options of spark-submit itself */
    size_t submit_count;
};

/*
 * Is the version before that one? "4.0", "emr-7.5.0"; "" is before all. AWS's Spark writes to S3 by EMRFS
 * until Glue 5.0 and EMR 7.9, and by S3A from Glue 5.1 and EMR 7.10 on.
 */
bool script_version_before(struct str version, int64_t major, int64_t minor);
/* Returns when the task has ended. */
void script_run(struct task *task, const struct script_options *options);

/* ---- also for functions ---- */

/* Environment variables, "NAME=value", ends with NULL: what any program needs, with the sandbox as AWS. */
struct environment {
    struct arena *arena;
    const char **items;
    size_t n, cap;
};
struct environment_options {
    struct str region, home;
    struct str role,
        session; /* whose credentials it has: a role's ARN or name; "" the sandbox's own user's */
    const struct session *as; /* or this one's; NULL: as `role` says */
};
void environment_start(struct environment *env, struct services *services, struct arena *arena,
    const struct environment_options *options);
void environment_set(struct environment *env, const char *name, struct str value);
/* Its value; "" where it is not set. Valid until it is set again. */
const char *environment_get(const struct environment *env, const char *name);
void environment_release(struct environment *env);

/* The sandbox's own Python modules, written below a folder that exists. */
int script_write_support(const char *dir, struct err *err);
/* What a traceback at the end of a program's output says last: "ValueError: no such film"; "" where there is
 * none. */
struct str script_exception(struct str tail);
/* The last one with something in it, which is what most programs say that they died of. */
struct str script_last_line(struct str text);
