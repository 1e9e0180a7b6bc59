/*
 * Spark on this machine: where spark-submit is, and its configuration for a run. It comes from SPARK_HOME,
 * what tools/setup has installed (installed.h), the PATH, or the pyspark package of python3. S3 needs
 * hadoop-aws and its AWS bundle, in Spark's own jars/ or in the folder that WEIR_SPARK_JARS names (by default
 * what tools/setup has fetched, else ~/.cache/weir/spark/jars).
 */
#pragma once

#include "sandbox/engine/script.h"

/*
 * Writes the configuration into `conf`, a folder, points the environment there and finds spark-submit. tmp:
 * where Spark may leave what it likes. ERR_ABSENT: there is no Spark.
 */
struct spark_options {
    struct str conf, tmp;
    struct str settings; /* "key=value --conf key=value" */
    bool iceberg;        /* with Iceberg's runtime, which lies beside hadoop-aws */
    bool emrfs;          /* AWS's own file system would write to S3, not S3A */
    const char *family;  /* of the process that asks python3; see process.h */
    struct process_switch *stop;
};
int spark_prepare(
    struct environment *env, const struct spark_options *options, const char **submit, struct err *err);
/*
 * Of packages of Maven (group:artifact:version, with commas between) those that do not lie where hadoop-aws
 * is, whatever their version: nothing is fetched for jobs.
 */
struct str spark_packages_absent(struct arena *arena, struct str packages);
/* Would a job that reads S3 find all that it needs? `package`: the folder of python3's pyspark; "" it has
 * none. */
bool spark_is_here(struct arena *arena, struct str package);
/* What to do about a failure that Spark's own words do not explain; NULL: nothing is known. */
const char *spark_hint(struct str output);
