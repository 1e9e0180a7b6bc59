/* Spark on this machine: see script.h. */
#include "sandbox/engine/script.h"

#include "base/embed.h"
#include "base/file.h"

#include <stdlib.h>
#include <unistd.h>

enum { LOOK_MS = 60000, MAX_ANSWER = 4096 };

static const char no_spark[] = "no spark-submit was found";
static const char no_spark_hint[] =
    "Spark jobs run where SPARK_HOME is set, spark-submit is on the PATH, or python3 has the package pyspark "
    "(pip install pyspark==3.5.3; it needs Java), and where tools/setup jobs has installed it in the "
    "checkout of "
    "this program; start the sandbox again then";
static const char no_s3[] =
    "Spark has no hadoop-aws, which reads s3://: put hadoop-aws and aws-java-sdk-bundle into "
    "Spark's jars/, or into the folder that WEIR_SPARK_JARS names";

static const char no_iceberg[] =
    "Spark has no Iceberg: put iceberg-spark-runtime and iceberg-aws-bundle (of Maven Central) into the "
    "folder that WEIR_SPARK_JARS names";

/* ---- installation ---- */

/* Returns the folder of python3's pyspark package, which is a SPARK_HOME, or "". */
static struct str of_python(struct environment *env, const struct spark_options *spark)
{
    static const char *const argv[] = {
        "python3", "-c", "import os, pyspark; print(os.path.dirname(pyspark.__file__))", NULL};
    struct process_end end;
    AUTO_BUF struct buf answer = {.max = MAX_ANSWER};
    const struct process_options options = {.argv = argv,
        .env = env->items,
        .dir = arena_strz(env->arena, spark->tmp),
        .family = spark->family,
        .timeout_ms = LOOK_MS,
        .output = process_take_out,
        .ctx = &answer};
    bool found =
        !process_run(&options, spark->stop, &end, ERR_IGNORED) && end.exit_code == 0 && !answer.overflow;
    return found ? arena_str(env->arena, str_trim(buf_str(&answer))) : STR_EMPTY;
}

static const char *find_submit(struct environment *env, const struct spark_options *options, struct err *err)
{
    const char *home = getenv("SPARK_HOME"), *found = NULL;
    if (home && *home)
        found = arena_printf(env->arena, "%s/bin/spark-submit", home).p;
    else
        found = installed_program(env->arena, "spark-submit", NULL);
    if (!found || !is_program(found)) {
        struct str package = of_python(env, options);
        home = package.n ? package.p : NULL;
        found = home ? arena_printf(env->arena, "%s/bin/spark-submit", home).p : NULL;
    }
    if (atomic_load(&options->stop->stop_requested)) {
        err_set(err, ERR_FAILED, "the run ended while Spark was looked for");
        return NULL;
    }
    if (!found || !is_program(found)) {
        err_set(err, ERR_ABSENT, "%s", no_spark);
        err_hint(err, "%s", no_spark_hint);
        return NULL;
    }
    if (home && *home)
        environment_set(env, "SPARK_HOME", str_z(home));
    return found;
}

static const char *jars_dir(struct arena *arena)
{
    const char *named = getenv("WEIR_SPARK_JARS"), *home = getenv("HOME");
    if (named && *named)
        return named;
    const char *installed = installed_at(arena, ".venv-jobs/jars");
    if (installed)
        return installed;
    return home ? arena_printf(arena, "%s/.cache/weir/spark/jars", home).p : "";
}

/*
 * Returns the folder of Spark's class data sharing archive, which halves the start time (created by
 * tools/setup beside spark-submit), or "". Java uses it if the class path begins with the same jars, and
 * ignores it otherwise.
 */
static struct str archive_of(struct arena *arena, const char *submit)
{
    struct str folder = path_join(arena, path_dir(path_dir(str_z(submit))), STR("spark"));
    char *real = realpath(folder.p, NULL);
    struct str found = real ? arena_str(arena, str_z(real)) : STR_EMPTY;
    free(real);
    return found.n && access(path_join(arena, found, STR("classes.jsa")).p, R_OK) == 0 ? found : STR_EMPTY;
}

/* Adds the jars; those of Iceberg only if requested. Returns false if its runtime is requested but
 * missing. */
static bool add_jars(struct arena *arena, struct str archive, bool iceberg, struct buf *out)
{
    const char *dir = jars_dir(arena), *before = "spark.driver.extraClassPath ";
    bool found = false;
    if (archive.n) {
        buf_addf(out, "%s%.*s/jars/*", before, STR_ARG(archive));
        before = ":";
    }
    AUTO_DIR DIR *files = *dir ? opendir(dir) : NULL;
    for (struct dirent *entry; files && (entry = readdir(files));) {
        bool runtime = str_find(str_z(entry->d_name), STR("iceberg"), 0) >= 0;
        found = found || str_find(str_z(entry->d_name), STR("iceberg-spark-runtime"), 0) >= 0;
        if (!str_ends(str_z(entry->d_name), STR(".jar")) || (runtime && !iceberg))
            continue;
        buf_addf(out, "%s%s/%s", before, dir, entry->d_name);
        before = ":";
    }
    if (*before == ':')
        buf_add_char(out, '\n');
    return found || !iceberg;
}

static bool has_jar(const char *dir, struct str artifact)
{
    bool found = false;
    AUTO_DIR DIR *files = *dir ? opendir(dir) : NULL;
    for (struct dirent *entry; files && !found && (entry = readdir(files));)
        found = str_find(str_z(entry->d_name), artifact, 0) >= 0;
    return found;
}

static bool has_java(struct arena *arena)
{
    const char *home = getenv("JAVA_HOME");
    return (home && is_program(arena_printf(arena, "%s/bin/java", home).p)) ||
           installed_program(arena, "java", NULL);
}

bool spark_is_here(struct arena *arena, struct str package)
{
    static const struct str s3 = STR_INIT("hadoop-aws");
    const char *named = getenv("SPARK_HOME"), *submit = installed_program(arena, "spark-submit", NULL);
    struct str home = named && *named ? str_z(named) : package;
    if (home.n && !is_program(arena_printf(arena, "%.*s/bin/spark-submit", STR_ARG(home)).p))
        home = STR_EMPTY;
    if (!home.n && submit)
        home = path_dir(path_dir(str_z(submit)));
    return home.n && has_java(arena) &&
           (has_jar(jars_dir(arena), s3) || has_jar(arena_printf(arena, "%.*s/jars", STR_ARG(home)).p, s3));
}

/*
 * Returns the Maven packages (group:artifact:version, separated by commas) that are not installed beside
 * hadoop-aws in any version: packages are not downloaded.
 */
static struct str spark_packages_absent(struct arena *arena, struct str packages)
{
    AUTO_BUF struct buf absent = BUF_INIT;
    const char *dir = jars_dir(arena);
    while (packages.n) {
        struct str rest, one = str_trim(str_cut(packages, ',', &packages));
        str_cut(one, ':', &rest);
        struct str artifact = rest.p ? str_cut(rest, ':', &rest) : STR_EMPTY;
        if (one.n && !(artifact.n && has_jar(dir, artifact)))
            buf_addf(&absent, "%s%.*s", absent.n ? "," : "", STR_ARG(one));
    }
    return arena_str(arena, buf_str(&absent));
}

#define PACKAGES "spark.jars.packages"

struct str spark_defaults(struct arena *arena, const struct value *configurations, struct str *notes)
{
    AUTO_BUF struct buf text = BUF_INIT;
    configurations = value_as_list(configurations);
    for (uint32_t i = 0; i < configurations->count; i++) {
        const struct value *properties = value_as_map(value_getz(configurations->items[i], "properties"));
        if (!str_eqz(value_gets(configurations->items[i], "classification"), "spark-defaults"))
            continue;
        for (uint32_t k = 0; k < properties->count; k++) {
            struct str key = properties->entries[k].key;
            struct str value = value_text(properties->entries[k].value, STR_EMPTY);
            struct str absent = str_eqz(key, PACKAGES) ? spark_packages_absent(arena, value) : STR_EMPTY;
            if (absent.n)
                *notes = arena_printf(
                    arena, "sandbox: " PACKAGES ": nothing is fetched, and not here is %s", absent.p);
            if (!str_eqz(key, PACKAGES))
                buf_addf(&text, "--conf %.*s=%.*s ", STR_ARG(key), STR_ARG(value));
        }
    }
    return arena_str(arena, buf_str(&text));
}

/* The path of Iceberg's runtime on EMR. */
static bool is_emr_iceberg(struct str text)
{
    return str_find(text, STR("/usr/share/aws/iceberg/"), 0) >= 0;
}

/* Writes "key=value --conf key=value" as properties; later ones take precedence. */
static void add_settings(struct buf *out, struct str settings)
{
    static const struct str word = STR_INIT("--conf");
    while (settings.n) {
        ptrdiff_t next = str_find(settings, word, 0);
        struct str value, one = str_trim(next < 0 ? settings : str_slice(settings, 0, (size_t)next));
        settings = next < 0 ? STR_EMPTY : str_slice(settings, (size_t)next + word.n, settings.n);
        struct str key = str_trim(str_cut(one, '=', &value));
        if (str_eqz(key, "spark.jars") && is_emr_iceberg(value))
            continue;
        if (key.n && value.p && !memchr(one.p, '\n', one.n))
            buf_addf(out, "%.*s %.*s\n", STR_ARG(key), STR_ARG(value));
    }
}

static int write_conf(
    struct environment *env, const struct spark_options *options, const char *submit, struct err *err)
{
    AUTO_BUF struct buf text = BUF_INIT;
    buf_add_str(&text, embedded_text(embedded_find(STR("sandbox/engine/spark/spark-defaults.conf"))));
    if (options->emrfs) /* selects the permissions of EMRFS: sandbox/s3/s3srv_access.c */
        buf_addz(&text, "spark.hadoop.fs.s3a.user.agent.prefix EMRFS\n");
    buf_addf(&text, "spark.hadoop.hadoop.tmp.dir %.*s\n", STR_ARG(options->tmp));
    /* Jobs of a sandbox end before the optimising compiler would pay off. */
    buf_addf(&text,
        "spark.driver.extraJavaOptions -Djava.io.tmpdir=%.*s -XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        STR_ARG(options->tmp));
    struct str archive = archive_of(env->arena, submit);
    if (archive.n)
        buf_addf(&text, " \"-XX:SharedArchiveFile=%.*s/classes.jsa\" -Xlog:cds=off,cds+dynamic=off",
            STR_ARG(archive));
    buf_add_char(&text, '\n');
    buf_addf(&text, "spark.hadoop.fs.s3a.endpoint %s\nspark.hadoop.fs.s3a.endpoint.region %s\n",
        environment_get(env, "AWS_ENDPOINT_URL"), environment_get(env, "AWS_REGION"));
    bool iceberg = options->iceberg || is_emr_iceberg(options->settings);
    if (!add_jars(env->arena, archive, iceberg, &text)) {
        err_set(err, ERR_ABSENT, "%s", no_iceberg);
        return -1;
    }
    add_settings(&text, options->settings);
    return file_write_atomic(path_join(env->arena, options->conf, STR("spark-defaults.conf")).p,
               buf_str(&text), 0600, err) ||
                   file_write_atomic(path_join(env->arena, options->conf, STR("log4j2.properties")).p,
                       embedded_text(embedded_find(STR("sandbox/engine/spark/log4j2.properties"))), 0600, err)
               ? -1
               : 0;
}

int spark_prepare(
    struct environment *env, const struct spark_options *options, const char **submit, struct err *err)
{
    *submit = find_submit(env, options, err);
    if (!*submit || write_conf(env, options, *submit, err))
        return -1;
    const char *java = getenv("JAVA_HOME");
    if (java)
        environment_set(env, "JAVA_HOME", str_z(java));
    environment_set(env, "SPARK_CONF_DIR", options->conf);
    environment_set(env, "SPARK_LOCAL_DIRS", options->tmp);
    environment_set(env, "SPARK_LOCAL_IP", STR("127.0.0.1"));
    environment_set(env, "PYSPARK_PYTHON", STR("python3"));
    return 0;
}

const char *spark_hint(struct str output)
{
    bool s3 = str_find(output, STR("No FileSystem for scheme \"s3"), 0) >= 0 ||
              str_find(output, STR("S3AFileSystem not found"), 0) >= 0;
    return s3 ? no_s3 : NULL;
}
