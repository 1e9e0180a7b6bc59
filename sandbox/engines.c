/*
 * The programs that a sandbox needs on this machine: a row for each, under its name in specs (`engines`) and
 * tests (`needs`). Each is looked for by the code that starts it.
 */
#include "sandbox/engine/script.h"
#include "sandbox/host/host.h"
#include "sandbox/sandbox.h"
#include "sandbox/services/dynamodb/items.h"
#include "sandbox/services/shared/endpoints.h"

#include <stdlib.h>

enum { LOOK_MS = 20000, MAX_ANSWER = 4096 };

struct machine {
    struct arena *arena;
    const char *python; /* path; NULL: not installed */
    struct str modules; /* importable modules with their folders: "boto3 /usr/lib/…/boto3\n" */
};

/* Python is started once per process; all other checks only look at the disk. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct arena kept; /* never freed */
static struct machine of_python;

/* ---- Python ---- */

/* Lists which of these modules are installed without importing them, which would take a second. */
static struct str modules_of(struct arena *arena, const char *python)
{
    static const char ask[] = "import importlib.util as u\n"
                              "for m in ('boto3', 'duckdb', 'jsonata', 'pyspark'):\n"
                              "    s = u.find_spec(m)\n"
                              "    if s: print(m, (list(s.submodule_search_locations or []) or ['-'])[0])";
    const char *home = getenv("HOME");
    const char *const argv[] = {python, "-c", ask, NULL};
    const char *const env[] = {arena_printf(arena, "PATH=%s", installed_path()).p,
        arena_printf(arena, "HOME=%s", home ? home : "/").p, "PYTHONDONTWRITEBYTECODE=1", NULL};
    AUTO_BUF struct buf answer = {.max = MAX_ANSWER};
    struct process_end end;
    const struct process_options options = {.argv = argv,
        .env = env,
        .dir = "/",
        .timeout_ms = LOOK_MS,
        .output = process_take_out,
        .ctx = &answer};
    bool whole = !process_run_alone(&options, &end, ERR_IGNORED) && end.exit_code == 0 && !answer.overflow;
    return whole ? arena_str(arena, buf_str(&answer)) : STR_EMPTY;
}

static void look_at_python(void)
{
    of_python.python = installed_program(&kept, "python3", NULL);
    of_python.modules = of_python.python ? modules_of(&kept, of_python.python) : STR_EMPTY;
}

/* Returns the folder of a module, or "" if Python does not have it. */
static struct str module_at(const struct machine *m, struct str name)
{
    struct str rest = m->modules;
    while (rest.n) {
        struct str folder, line = str_cut(rest, '\n', &rest);
        if (str_eq(str_cut(line, ' ', &folder), name))
            return folder;
    }
    return STR_EMPTY;
}

static bool has_python(const struct machine *m)
{
    return m->python != NULL;
}

static bool has_boto3(const struct machine *m)
{
    return module_at(m, STR("boto3")).n > 0;
}

static bool has_jsonata(const struct machine *m)
{
    return module_at(m, STR("jsonata")).n > 0;
}

static bool has_duckdb(const struct machine *m)
{
    return has_boto3(m) && module_at(m, STR("duckdb")).n > 0;
}

/* ---- other engines ---- */

static bool has_spark(const struct machine *m)
{
    return spark_is_here(m->arena, module_at(m, STR("pyspark")));
}

static bool has_postgres(const struct machine *m)
{
    return postgres_daemon.find(m->arena) != NULL;
}

static bool has_kafka(const struct machine *m)
{
    return kafka_daemon.find(m->arena) != NULL;
}

static bool has_dynamodb(const struct machine *m)
{
    return item_engine_find(m->arena) != NULL;
}

static bool has_airflow(const struct machine *m)
{
    return mwaa_airflow(m->arena) != NULL;
}

static bool has_hosts(const struct machine *m)
{
    struct str why;
    return host_able(m->arena, &why);
}

/* ---- table ---- */

/* `setup`: the argument of tools/setup that installs it; `otherwise`: how to install it without a
 * checkout. */
static const struct row {
    const char *name, *title, *serves, *setup, *otherwise;
    bool (*is_here)(const struct machine *m);
} rows[] = {
    {"python3", "Python", "functions", "jobs", "apt-get install python3", has_python},
    {"boto3", "boto3 for Python", "Python shell jobs, crawlers, Athena's DDL", "jobs", "pip install boto3",
        has_boto3},
    {"duckdb", "DuckDB for Python", "Athena's queries and views", "jobs", "pip install duckdb boto3",
        has_duckdb},
    {"jsonata", "jsonata-python", "state machines in JSONata", "jobs", "pip install jsonata-python",
        has_jsonata},
    {"spark", "Spark with Java and hadoop-aws", "jobs of Glue, EMR and EMR Serverless", "jobs",
        "pip install pyspark==3.5.3, and its jars as docs/sandbox-services.md says", has_spark},
    {"postgres", "PostgreSQL", "databases of RDS, Redshift", "engines", "apt-get install postgresql",
        has_postgres},
    {"kafka", "Kafka with Java", "clusters of MSK", "engines",
        "apt-get install default-jre-headless, and Kafka's archive in /opt/kafka", has_kafka},
    {"dynamodb", "Dynoxide", "items and streams of DynamoDB", "dynamodb", "cargo install dynoxide-rs",
        has_dynamodb},
    {"airflow", "Airflow 2", "environments of MWAA", "airflow",
        "pip install apache-airflow in an environment whose bin/ WEIR_AIRFLOW names", has_airflow},
    {"hosts", "hosts", "instances of EC2", "engines", "apt-get install openssh-server iproute2 iptables sudo",
        has_hosts},
};
enum { ROWS = sizeof rows / sizeof *rows };

static struct str how_to_get(struct arena *arena, const struct row *row)
{
    struct str why;
    if (row->is_here == has_hosts && !host_able(arena, &why) && str_starts(why, STR("hosts take ")))
        return str_eqz(why, "hosts take root") ? STR("run it as root") : STR("run it on Linux");
    return *installed_root() ? arena_printf(arena, "%s/tools/setup %s", installed_root(), row->setup)
                             : str_z(row->otherwise);
}

const struct sandbox_engine *sandbox_engines(struct arena *arena, size_t *n)
{
    struct sandbox_engine *list = ARENA_ARRAY(arena, struct sandbox_engine, ROWS);
    struct machine m;
    pthread_once(&once, look_at_python);
    m = of_python;
    m.arena = arena;
    for (size_t i = 0; i < ROWS; i++) {
        const struct row *row = &rows[i];
        list[i] = (struct sandbox_engine){
            .name = row->name, .title = row->title, .serves = row->serves, .is_here = row->is_here(&m)};
        list[i].install = list[i].is_here ? STR_EMPTY : how_to_get(arena, row);
    }
    *n = ROWS;
    return list;
}
