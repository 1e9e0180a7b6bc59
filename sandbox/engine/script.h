/*
 * Runs scripts as Glue and EMR Serverless do: fetches the script and its modules from the sandbox's S3 into
 * the task's folder, runs python3 or spark-submit, sends the output to CloudWatch Logs, and ends the task.
 *
 *   FOLDER/run/      working directory, with the script and --extra-files
 *   FOLDER/lib/      modules: the sandbox's own (awsglue), then the job's
 *   FOLDER/conf/     Spark configuration: s3:// is S3A at the sandbox
 *   FOLDER/tmp/      TMPDIR
 */
#pragma once

#include "base/hash.h"
#include "sandbox/engine/task.h"
#include "sandbox/s3/store.h"

/* ---- environment.c: engines installed by `tools/setup` in a checkout: Python with the modules of jobs and
 * Athena, Spark and its jars (.venv-jobs), Airflow (.venv-airflow2), Kafka (.cache/kafka) ----
 *
 * The program CHECKOUT/BUILD/weir uses its own checkout; WEIR_ENGINES names another one, "" none. The working
 * directory is never searched, since it may be another person's stack. A checkout is trusted like the program
 * in it, unless it is world-writable. Searched once per process; safe from every thread. */
/* Returns the checkout, or "". */
const char *installed_root(void);
/* Returns a path below the checkout, or NULL if it does not exist. */
const char *installed_at(struct arena *arena, const char *path);
/* Returns the search path of programs: PATH, preceded by the checkout's Python. */
const char *installed_path(void);
/* Finds a program in installed_path() or in `folders` (ends with NULL; may be NULL). NULL: not found. */
const char *installed_program(struct arena *arena, const char *name, const char *const *folders);
bool is_program(const char *path);

/* ---- script.c: objects of the sandbox's own S3 store as files. base/archive.h unpacks archives. Nothing is
 * written outside the given folder, whatever the key ---- */
struct object_location {
    struct str bucket, key, version; /* version: "" is the current one */
};

/* Parses s3://bucket/key, also s3a: and s3n:. False: not such a URI. */
bool unpack_parse_uri(struct str uri, struct object_location *out);
/* Writes an object's content to the file `path`, which must not exist. */
int unpack_fetch(
    struct s3_store *store, const struct object_location *source, const char *path, struct err *err);
/* Computes the SHA-256 of an object's content. */
int unpack_sha256(struct s3_store *store, const struct object_location *source,
    unsigned char out[SHA256_SIZE], struct err *err);
/* Returns the last part of a key as a file name, or "file" if it is not usable ("", ".."). */
struct str unpack_name(struct arena *arena, struct str key);

/* ---- script.c: runs ---- */

struct script_options {
    bool spark;
    struct str location;      /* s3://bucket/key */
    struct str role, session; /* see struct environment_options */
    const struct str *arguments;
    size_t argument_count;
    struct str py_files, files, jars; /* s3:// locations, separated by commas */
    struct str spark_conf;            /* "key=value --conf key=value", the format of both services */
    bool iceberg;                     /* Spark uses Iceberg's runtime */
    bool emrfs;                       /* see struct spark_options */
    struct str notes;                 /* a line for the error log; "": none */
    struct str bookmark;              /* path of the job bookmark's file; "": none */
    bool bookmark_paused;             /* the bookmark is read but not updated */
    int64_t timeout_ms, memory;       /* 0: no limit */
    struct str out_group, out_stream, err_group, err_stream;
    const struct str *submit; /* options of spark-submit */
    size_t submit_count;
};

/*
 * True if a release ("4.0", "emr-7.5.0") is before a version; "" is before all. AWS's Spark writes to S3 with
 * EMRFS until Glue 5.0 and EMR 7.9, with S3A from Glue 5.1 and EMR 7.10.
 */
bool script_version_before(struct str version, int64_t major, int64_t minor);
/* Runs a script and ends the task; blocks until the end. */
void script_run(struct task *task, const struct script_options *options);

/* ---- environment of programs; also for functions ---- */

/* Environment variables "NAME=value", ending with NULL, with the sandbox as AWS endpoint. */
struct environment {
    struct arena *arena;
    const char **items;
    size_t n, cap;
};
struct environment_options {
    struct str region, home;
    struct str role, session; /* role of the credentials, an ARN or a name; "": the sandbox's own key */
    const struct session *as; /* session of the credentials; NULL: as `role` */
};
void environment_start(struct environment *env, struct services *services, struct arena *arena,
    const struct environment_options *options);
void environment_set(struct environment *env, const char *name, struct str value);
/* Returns the value, or "" if it is not set. Valid until it is set again. */
const char *environment_get(const struct environment *env, const char *name);
void environment_release(struct environment *env);

/* Writes the sandbox's Python modules below an existing folder. */
int script_write_support(const char *dir, struct err *err);
/* Returns the exception of a traceback at the end of a program's output ("ValueError: no such film"), or
 * "". */
struct str script_exception(struct str tail);
/* Returns the last non-empty line, which is the error message of most programs. */
struct str script_last_line(struct str text);

/* ---- spark.c: finds spark-submit and writes its configuration ----
 *
 * Spark comes from SPARK_HOME, the installation of tools/setup, PATH, or python3's pyspark package. S3 needs
 * hadoop-aws and its AWS bundle in Spark's jars/ or in WEIR_SPARK_JARS (default: the jars of tools/setup,
 * else ~/.cache/weir/spark/jars). */
/*
 * Writes the configuration to the folder `conf`, sets the environment and finds spark-submit. tmp: for
 * temporary files. ERR_ABSENT: Spark is not installed.
 */
struct spark_options {
    struct str conf, tmp;
    struct str settings; /* "key=value --conf key=value" */
    bool iceberg;        /* add Iceberg's runtime, which is stored beside hadoop-aws */
    bool emrfs;          /* the release writes to S3 with EMRFS, not S3A */
    const char *family;  /* of the process that runs python3; see process.h */
    struct process_switch *stop;
};
int spark_prepare(
    struct environment *env, const struct spark_options *options, const char **submit, struct err *err);
/*
 * Converts EMR's configurations, [{classification: spark-defaults, properties: {…}}], to "--conf key=value
 * …". spark.jars.packages is omitted: installed packages are always available, missing ones are reported in
 * *notes.
 */
struct str spark_defaults(struct arena *arena, const struct value *configurations, struct str *notes);
/* True if Spark, Java and the S3 jars are installed. `package`: folder of python3's pyspark, or "". */
bool spark_is_here(struct arena *arena, struct str package);
/* Returns a hint for a failure that Spark's message does not explain, or NULL. */
const char *spark_hint(struct str output);
