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

#include "base/hash.h"
#include "sandbox/engine/task.h"
#include "sandbox/s3/store.h"

/* ---- environment.c: what `tools/setup` has installed for the sandbox: Python with what jobs and Athena
 * import, Spark and its jars
 * (.venv-jobs), Airflow (.venv-airflow2), Kafka (.cache/kafka), in the checkout that it belongs to. The
 * program of a checkout, CHECKOUT/BUILD/weir, finds it beside itself; WEIR_ENGINES names another checkout for
 * any program, and "" none.
 *
 * The working directory is nowhere that anything is looked for: what is there is somebody's stack, and
 * nothing of it is run without being asked for. Whoever can write into a checkout can replace the program
 * itself, so what is there is trusted as that is, unless everybody may write there. Looked at once; safe
 * from every thread. */
/* The checkout; "" none. */
const char *installed_root(void);
/* A path below it, if it is there; NULL: it is not. */
const char *installed_at(struct arena *arena, const char *path);
/* Where programs are looked for: its Python goes before what is on the PATH. */
const char *installed_path(void);
/* A program there, or in one of these folders (NULL at the end; may be NULL); NULL: nowhere. */
const char *installed_program(struct arena *arena, const char *name, const char *const *folders);
bool is_program(const char *path);

/* ---- script.c: what a run needs on the disk: objects out of the sandbox's own store. What they are
 * packed in is base/archive.h's. Nothing is written outside the folder given, whatever a key is. */
struct object_location {
    struct str bucket, key, version; /* version "": the current one */
};

/* s3://bucket/key, also s3a: and s3n:; false: it is none. */
bool unpack_parse_uri(struct str uri, struct object_location *out);
/* The object's content as the file `path`, which must not be there yet. */
int unpack_fetch(
    struct s3_store *store, const struct object_location *source, const char *path, struct err *err);
/* The SHA-256 of its content. */
int unpack_sha256(struct s3_store *store, const struct object_location *source,
    unsigned char out[SHA256_SIZE], struct err *err);
/* A name in a folder as the last part of a key says it; "file" where that is no name ("", ".."). */
struct str unpack_name(struct arena *arena, struct str key);

/* ---- script.c ---- */

struct script_options {
    bool spark;
    struct str location;      /* s3://bucket/key */
    struct str role, session; /* see struct environment_options */
    const struct str *arguments;
    size_t argument_count;
    struct str py_files, files, jars; /* s3:// places with commas between them */
    struct str spark_conf;            /* "key=value --conf key=value", as both services take it */
    bool iceberg;                     /* Spark has Iceberg's runtime */
    bool emrfs;                       /* as there, see script.h */
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

/* ---- spark.c: Spark on this machine: where spark-submit is, and its configuration for a run. It comes
 * from SPARK_HOME, what tools/setup has installed (script.h), the PATH, or the pyspark package of
 * python3. S3 needs hadoop-aws and its AWS bundle, in Spark's own jars/ or in the folder that
 * WEIR_SPARK_JARS names (by default what tools/setup has fetched, else ~/.cache/weir/spark/jars). */
/*
 * Writes the configuration into `conf`, a folder, points the environment there and finds spark-submit. tmp:
 * where Spark may leave what it likes. ERR_ABSENT: there is no Spark.
 */
struct spark_options {
    struct str conf, tmp;
    struct str settings; /* "key=value --conf key=value" */
    bool iceberg;        /* with Iceberg's runtime, which is beside hadoop-aws */
    bool emrfs;          /* AWS's own file system would write to S3, not S3A */
    const char *family;  /* of the process that asks python3; see process.h */
    struct process_switch *stop;
};
int spark_prepare(
    struct environment *env, const struct spark_options *options, const char **submit, struct err *err);
/*
 * EMR's configurations, [{classification: spark-defaults, properties: {…}}], as "--conf key=value …".
 * Packages are not among them: those that are here every job has, the others are in *notes.
 */
struct str spark_defaults(struct arena *arena, const struct value *configurations, struct str *notes);
/* Would a job that reads S3 find all that it needs? `package`: the folder of python3's pyspark; "" it has
 * none. */
bool spark_is_here(struct arena *arena, struct str package);
/* What to do about a failure that Spark's own words do not explain; NULL: nothing is known. */
const char *spark_hint(struct str output);
