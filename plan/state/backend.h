/*
 * Interface of the stores for a state log. A backend does four things: lock, read from a sequence number,
 * append a batch, snapshot. Implementations, one file each: backend_file.c (flock, append, fdatasync),
 * backend_s3.c, backend_postgres.c.
 *
 * A backend is used by one thread at a time: until state_begin() by the thread that opens and locks the
 * state, then by the committer (state_internal.h) until it is stopped.
 */
#pragma once

#include "plan/state/log.h"

struct backend;
struct http_engine;

struct lock_info {
    struct str owner;   /* user@host */
    struct str command; /* "apply" */
    int64_t since_ms;
    int64_t pid;
    struct str ci_url; /* from CI_JOB_URL, GITHUB_* …; may be empty */
    bool unreadable;   /* a run may hold the lock, but the lock's contents cannot be read */
};

/* PROBE_WARNS: it works, but should be improved. */
enum probe_finding { PROBE_FAILS, PROBE_OK, PROBE_WARNS };
struct probe_report {
    void (*line)(void *ctx, enum probe_finding finding, const char *name, const char *text);
    void *ctx;
};
void probe_report_line(const struct probe_report *report, bool ok, const char *name, const char *text);

enum { LINEAGE_SIZE = 64, LIFE_SIZE = 36 };
/* The end of a log, recorded outside of the log. */
struct backend_head {
    uint64_t seq;               /* 0: no record */
    char lineage[LINEAGE_SIZE]; /* of the recorded state; "": unknown */
    bool forked;                /* the log has a different record with that number */
};

/* All states in one store, and the store's clock. */
struct backend_listing {
    struct str *names; /* "film-lake", "film-lake.dev"; unordered, without duplicates */
    size_t n;
    int64_t clock_ms; /* 0: the store has no clock of its own */
};

struct backend_ops {
    /*
     * Takes the exclusive lock, waiting up to timeout_ms. ERR_LOCKED names the holder and since when. Creates
     * the store (folder, table) if it does not exist.
     */
    int (*lock)(struct backend *b, const struct lock_info *who, int64_t timeout_ms, struct err *err);
    void (*unlock)(struct backend *b);
    /*
     * Takes the lock together with other runs, which excludes an exclusive lock; unlock() releases it, too.
     * NULL: only exclusive locks, and none of the functions below.
     */
    int (*share)(struct backend *b, const struct lock_info *who, int64_t timeout_ms, struct err *err);
    /*
     * Before an append all earlier records must be read. Either runs take turns: take_turn() waits for other
     * runs and reads what they have appended (it may call `line`), end_turn() ends the turn. Or there are no
     * turns (both NULL), and append() detects it: ERR_EXISTS, without writing anything, if the number is
     * taken.
     */
    int (*take_turn)(struct backend *b, log_line *line, void *ctx, bool *torn, struct err *err);
    void (*end_turn)(struct backend *b);
    /* Holds a sign of life of the run with that number, visible to other runs; 0 ends it. NULL: `life` of the
     * backend, which is in the run's record, is the sign of life while the lock is shared. */
    int (*keep_alive)(struct backend *b, uint64_t run, struct err *err);
    int (*is_alive)(struct backend *b, uint64_t run, struct str life, bool *alive, struct err *err);
    /* Turns a shared lock into an exclusive one, without waiting. False: not possible, and the shared lock
     * may be lost. */
    bool (*upgrade_lock)(struct backend *b);
    /* Returns the present holder, in the arena; *held false: none. Needs no lock. */
    int (*holder)(struct backend *b, struct arena *arena, struct lock_info *who, bool *held, struct err *err);
    /* Frees a lock whose holder is known to be dead. ERR_LOCKED if it is known to be alive. */
    int (*force_unlock)(struct backend *b, struct err *err);
    /*
     * Calls `line` for each record with seq > after, in order, starting at the newest snapshot if that is
     * newer. A torn last batch is left out (*torn), and cut off if the lock is held. Other damage is
     * ERR_DAMAGED with the place (file:line or object). A missing log counts as empty.
     */
    int (*read)(struct backend *b, uint64_t after, log_line *line, void *ctx, bool *torn, struct err *err);
    /* The same for all records ever kept, from the first one, including snapshots. */
    int (*read_all)(struct backend *b, log_line *line, void *ctx, struct err *err);
    /*
     * Appends whole framed records (several lines), the first with number first_seq, and makes them durable.
     * Needs the lock; ERR_LOCKED if it was lost. After a failure nothing more may be appended.
     */
    int (*append)(struct backend *b, struct str lines, uint64_t first_seq, struct err *err);
    /*
     * Returns the last record known to be durable, and its state, from a second place: beside the file, in
     * the store, in a row of its own. It may be behind the log (after a power loss, a kill) but never ahead.
     * So a log that ends before it has lost records. Call it before reading the log. append and snapshot
     * update it.
     */
    int (*head)(struct backend *b, struct backend_head *head, struct err *err);
    /* Accepts the present log as complete: sets the head to that record and the backend's lineage. Needs the
     * lock. */
    int (*set_head)(struct backend *b, uint64_t seq, struct err *err);
    /*
     * Read the newest snapshot and later records in parts (snapshot.h). *size: the end of what can be read,
     * in a unit of the backend; 0: there is no snapshot, or it is too small. NULL, all three: the log can
     * only be read as a whole.
     */
    int (*find_snapshot)(struct backend *b, uint64_t *size, struct err *err);
    int (*read_lines)(
        struct backend *b, struct arena *arena, uint64_t at, struct log_piece *out, struct err *err);
    /* The snapshot has the records first to last, and ends at `end`: read() continues after it. NULL: read()
     * does so anyway. */
    void (*pass_snapshot)(struct backend *b, uint64_t end, uint64_t first_seq, uint64_t last_seq);
    /* Writes a snapshot (several lines), where later reads start. Earlier history is kept. */
    int (*snapshot)(struct backend *b, struct str lines, uint64_t first_seq, struct err *err);
    /* ERR_LOCKED if the lock is lost. NULL: it cannot be lost. From any thread. */
    int (*check_lock)(struct backend *b, struct err *err);
    /* Lists the states in the store, including this one; in the arena. */
    int (*list)(struct backend *b, struct arena *arena, struct backend_listing *out, struct err *err);
    /* True if the log has so many parts that a snapshot of this many records is due. NULL: never. */
    bool (*needs_snapshot)(struct backend *b, size_t records);
    /* Tests whether the store has the properties that a state needs; reports each finding. Returns -1 if not.
     * NULL: nothing to test. */
    int (*probe)(struct backend *b, const struct probe_report *report, struct err *err);
    void (*free)(struct backend *b);
};

struct backend {
    const struct backend_ops *ops;
    struct str description;               /* ".weir/film-lake.log", "s3://bucket/prefix" for messages */
    char lineage[LINEAGE_SIZE];           /* of the state that was read or is written; "": not known yet, see
                                             backend_set_lineage() */
    char life[LIFE_SIZE];                 /* of a run with a shared lock, if there is no live() */
    struct record_encryption *encryption; /* backend.c; NULL: records are not encrypted as a whole */
};

struct backend_options {
    const struct value *config; /* the stack's `state:` map; NULL: file in .weir/ */
    struct str dir;             /* stack folder */
    struct str stack, env;      /* names of the state: .weir/<stack>[.<env>].log */
    struct http_engine *http;   /* for s3; NULL: creates its own */
};

/* Splits "film-lake.dev" into stack and environment; false: not the name of a state. */
bool backend_name_split(struct str name, struct str *stack, struct str *env);
int backend_new(const struct backend_options *options, struct backend **out, struct err *err);
void backend_free(struct backend *b);

/* Sets the lineage of the records that are written from now on. */
void backend_set_lineage(struct backend *b, struct str lineage);
/* Sets the lineage from a record, if that has one. */
void backend_learn_lineage(struct backend *b, struct str json);
/*
 * Reads like ops->read. ERR_DAMAGED if the log ends before its head, with the number of missing records, and
 * if it belongs to another state. *last: number of the last record, `after` if there is none.
 */
int backend_read(struct backend *b, uint64_t after, log_line *line, void *ctx, bool *torn, uint64_t *last,
    struct err *err);

/* ---- for backends ---- */

/* Number of records in the lines. */
size_t backend_count_lines(struct str lines);

/* Describes this process, for a lock that `command` takes now. */
void lock_info_self(struct arena *arena, const char *command, struct lock_info *out);
const struct value *lock_info_value(struct arena *arena, const struct lock_info *info);
void lock_info_from(struct arena *arena, const struct value *v, struct lock_info *out);
/* "ann@host (weir apply, process 12) since 2026-…" */
struct str lock_info_text(struct arena *arena, const struct lock_info *info);
/* Sets ERR_LOCKED with the holder and since when, and a hint. */
int lock_info_refuse(const struct lock_info *holder, struct str description, struct err *err);

/*
 * The state log in a folder of its own beside the stack file:
 *
 *     .weir/film-lake.dev.log                        records since the newest snapshot
 *     .weir/film-lake.dev.00000000000000000001.log   earlier records: a file for each snapshot
 *     .weir/film-lake.dev.lock                       locked with flock(); names an exclusive holder
 *     .weir/film-lake.dev.turn                       locked by the writer among runs with a shared lock
 *     .weir/film-lake.dev.run.12                     locked by such a run while it is active
 *
 * Files of earlier records are named by their first record.
 *
 * The folder has mode 0700, files 0600: they reveal much about a stack even without secrets.
 */

/* System calls that make records durable; tests replace them with failing ones. */
struct file_io {
    ssize_t (*pwrite)(int fd, const void *bytes, size_t n, off_t at);
    int (*fdatasync)(int fd);
    int (*fsync)(int fd);
    int (*ftruncate)(int fd, off_t size);
    int (*link)(const char *from, const char *to);
    int (*rename)(const char *from, const char *to);
};

/* io NULL: the system's. */
int backend_file_new(
    const struct backend_options *options, const struct file_io *io, struct backend **out, struct err *err);

/*
 * The state log in PostgreSQL: one table for all states, a row for each batch of records, and an advisory
 * lock.
 *
 *     weir_state       (name, first_seq, lines, snapshot, written)   primary key (name, first_seq): the fence
 *     weir_state_lock  (name, holder)                                only names the holder of the lock
 *
 * The lock belongs to the holder's session; keepalives end the session of a dead machine. Runs with a shared
 * lock detect by the primary key that a number is taken.
 */

int backend_postgres_new(const struct backend_options *options, struct backend **out, struct err *err);

/*
 * The state log in an S3-compatible store:
 *
 *     <prefix><stack>[.<env>]/<20-digit number>.json   a batch of records, named by its first
 *     <prefix><stack>[.<env>]/newest-snapshot.json     where a reader may start; only a hint
 *     <prefix><stack>[.<env>]/lock/…                   backend_s3_internal.h
 *
 * Snapshots are batches, too.
 *
 * Each batch is put with If-None-Match: *, so a run that lost its lock finds the next number taken: the
 * sequence number is the fence. The first lock detects and refuses stores that ignore the condition.
 */

/* The prefix of a state's object keys; `config` is the stack's `state:` map. */
struct str backend_s3_prefix(
    struct arena *arena, const struct value *config, struct str stack, struct str env);
int backend_s3_new(const struct backend_options *options, struct backend **out, struct err *err);
