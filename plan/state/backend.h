/*
 * Where a state log is kept. A backend does four things: lock, read from a sequence number, append a
 * batch, snapshot. Implementations, one file each: backend_file.c (flock, append, fdatasync), backend_s3.c,
 * backend_postgres.c.
 *
 * A backend is used by one thread at a time: by the one that opens and locks the state until state_begin(),
 * then by the committer (state_internal.h) until it is stopped.
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
    bool unreadable;   /* somebody may hold the lock, and what it says cannot be read */
};

/* `warns`: it works, and something should be done. */
enum probe_finding { PROBE_FAILS, PROBE_OK, PROBE_WARNS };
struct probe_report {
    void (*line)(void *ctx, enum probe_finding finding, const char *name, const char *text);
    void *ctx;
};
void probe_report_line(const struct probe_report *report, bool ok, const char *name, const char *text);

enum { LINEAGE_SIZE = 64, LIFE_SIZE = 36 };
/* What a second place knows of a log. */
struct backend_head {
    uint64_t seq;               /* 0: nothing */
    char lineage[LINEAGE_SIZE]; /* of the state that was written; "" not known */
    bool forked;                /* the log has another record with that number */
};

/* All states that are kept in one store, and what time it is there. */
struct backend_listing {
    struct str *names; /* "film-lake", "film-lake.dev"; in no order, each once */
    size_t n;
    int64_t clock_ms; /* 0: it has no clock but this machine's */
};

struct backend_ops {
    /*
     * Takes the exclusive lock, waiting up to timeout_ms. ERR_LOCKED names the holder and since when. Makes
     * the place (folder, table) where it is not there yet.
     */
    int (*lock)(struct backend *b, const struct lock_info *who, int64_t timeout_ms, struct err *err);
    void (*unlock)(struct backend *b);
    /*
     * Locks together with others, so that nobody gets the lock alone; unlock() gives that back, too. NULL:
     * there is the lock alone, and none of what follows.
     */
    int (*share)(struct backend *b, const struct lock_info *who, int64_t timeout_ms, struct err *err);
    /*
     * Whoever appends has read all that was appended before. Either each does it in its turn: take_turn()
     * waits for the others and gives what they have appended since this one has read (`line` may be called),
     * end_turn() lets the next one. Or there are no turns (NULL, both), and append() finds out: it is
     * ERR_EXISTS, and has written nothing, where another was first with the number.
     */
    int (*take_turn)(struct backend *b, log_line *line, void *ctx, bool *torn, struct err *err);
    void (*end_turn)(struct backend *b);
    /* A sign of life of the run with that number, which others can see; 0 ends it. NULL: `life` of the
     * backend, which the run's record has, is the sign as long as the lock is shared. */
    int (*live)(struct backend *b, uint64_t run, struct err *err);
    int (*is_alive)(struct backend *b, uint64_t run, struct str life, bool *alive, struct err *err);
    /* The lock alone, of one who shares it: false, and then there may be no lock any more. Without waiting.
     */
    bool (*lock_alone)(struct backend *b);
    /* Who holds it now, in the arena; *held false: nobody. Needs no lock. */
    int (*holder)(struct backend *b, struct arena *arena, struct lock_info *who, bool *held, struct err *err);
    /* Frees a lock whose holder is known to be dead. ERR_LOCKED where it is known to live. */
    int (*force_unlock)(struct backend *b, struct err *err);
    /*
     * Calls `line` for every record with seq > after, in order, beginning at the newest snapshot where that
     * is newer. A torn last batch is left out (*torn) and, where the lock is held, cut off; damage elsewhere
     * is ERR_DAMAGED that names the place (file:line or object). A log that is not there is empty.
     */
    int (*read)(struct backend *b, uint64_t after, log_line *line, void *ctx, bool *torn, struct err *err);
    /* The same for all that was ever kept, from the first record, snapshots as they come. */
    int (*read_all)(struct backend *b, log_line *line, void *ctx, struct err *err);
    /*
     * Appends whole framed records (several lines), the first with number first_seq, and makes them durable.
     * Only while locked; fails (ERR_LOCKED) where the lock has been lost meanwhile. After a failure nothing
     * more may be appended.
     */
    int (*append)(struct backend *b, struct str lines, uint64_t first_seq, struct err *err);
    /*
     * Up to which record the log is known to have been durable, and of which state, as a second place
     * remembers that: beside the file, in the store, in a row of its own. It may be behind (after a power
     * cut, a kill), never ahead, so a log that ends before it has lost something that was relied on. Asked
     * before the log is read. append and snapshot see to it.
     */
    int (*head)(struct backend *b, struct backend_head *head, struct err *err);
    /* What is there counts as all from now on: the log, of the backend's lineage, ends at that record. Only
     * while locked. */
    int (*set_head)(struct backend *b, uint64_t seq, struct err *err);
    /*
     * The newest snapshot and what follows it, in parts (snapshot.h). *size: how far there is something, in
     * the backend's own measure; 0: there is no snapshot, or none that is worth it. NULL, all three: it is
     * only read as a whole.
     */
    int (*find_snapshot)(struct backend *b, uint64_t *size, struct err *err);
    int (*read_lines)(
        struct backend *b, struct arena *arena, uint64_t at, struct log_piece *out, struct err *err);
    /* Its records are from first to last, and end there: read() goes on behind them. NULL: it does anyway. */
    void (*pass_snapshot)(struct backend *b, uint64_t end, uint64_t first_seq, uint64_t last_seq);
    /* Writes a snapshot (several lines); reads begin there from now on. The history before it is kept. */
    int (*snapshot)(struct backend *b, struct str lines, uint64_t first_seq, struct err *err);
    /* Is the lock still ours at this moment? NULL: it cannot be lost. Safe from every thread. */
    int (*check_lock)(struct backend *b, struct err *err);
    /* The states kept there, this one included; in the arena. */
    int (*list)(struct backend *b, struct arena *arena, struct backend_listing *out, struct err *err);
    /* Has the log fallen into so many pieces that a snapshot of so many records is due? NULL: it never does.
     */
    bool (*crowded)(struct backend *b, size_t records);
    /* Tries out whether the place keeps what it must promise; one line for each finding. -1: it does not.
     * NULL: nothing to try. */
    int (*probe)(struct backend *b, const struct probe_report *report, struct err *err);
    void (*free)(struct backend *b);
};

struct backend {
    const struct backend_ops *ops;
    struct str description;     /* ".weir/film-lake.log", "s3://bucket/prefix" for messages */
    char lineage[LINEAGE_SIZE]; /* of what was read or is written; "" not known yet: see backend_belongs() */
    char life[LIFE_SIZE];       /* of one who shares the lock, where there is no live() */
    struct seal *seal;          /* backend.h; NULL: records are kept as they are */
};

struct backend_options {
    const struct value *config; /* the stack's `state:` map; NULL: file in .weir/ */
    struct str dir;             /* stack folder */
    struct str stack, env;      /* names of the state: .weir/<stack>[.<env>].log */
    struct http_engine *http;   /* for s3; NULL: it makes its own */
};

/* "film-lake.dev" as stack and environment; false: it is the name of no state. */
bool backend_name_split(struct str name, struct str *stack, struct str *env);
int backend_new(const struct backend_options *options, struct backend **out, struct err *err);
void backend_free(struct backend *b);

/* What is written from now on is that state's. */
void backend_belongs(struct backend *b, struct str lineage);
/* Learns from a record whose the log is, where that says so. */
void backend_learn(struct backend *b, struct str json);
/*
 * Reads like ops->read, and is ERR_DAMAGED where the log ends before its head, with what is missing, and
 * where it is another state's. *last: the number of the last record, `after` where none follows it.
 */
int backend_read(struct backend *b, uint64_t after, log_line *line, void *ctx, bool *torn, uint64_t *last,
    struct err *err);

/* ---- for backends ---- */

/* How many records such lines are. */
size_t backend_count_lines(struct str lines);

/* Who we are, for a lock taken now by `command`. */
void lock_info_self(struct arena *arena, const char *command, struct lock_info *out);
const struct value *lock_info_value(struct arena *arena, const struct lock_info *info);
void lock_info_from(struct arena *arena, const struct value *v, struct lock_info *out);
/* "ann@host (weir apply, process 12) since 2026-…" */
struct str lock_info_text(struct arena *arena, const struct lock_info *info);
/* ERR_LOCKED that says who holds what since when, with a hint. */
int lock_info_refuse(const struct lock_info *holder, struct str description, struct err *err);

/*
 * The state log in a folder of its own beside the stack file:
 *
 *     .weir/film-lake.dev.log                        records since the newest snapshot
 *     .weir/film-lake.dev.00000000000000000001.log   what was before it: a file for each snapshot
 *     .weir/film-lake.dev.lock                       locked with flock(); says who holds it alone
 *     .weir/film-lake.dev.turn                       locked by who writes, of those who hold it together
 *     .weir/film-lake.dev.run.12                     locked by such a run while it goes on
 *
 * The files of what was before are named by their first record.
 *
 * The folder is 0700, files 0600: they tell much about a stack even where no secret is in them.
 */

/* The system calls that make records durable; tests put failing ones in their place. */
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
 *     weir_state_lock  (name, holder)                                only tells who has the lock
 *
 * The lock lives as long as the session of its holder; keepalives end that of a holder whose machine has
 * died. Those who share it learn from the primary key that another was first with a number.
 */

int backend_postgres_new(const struct backend_options *options, struct backend **out, struct err *err);

/*
 * The state log in an S3-compatible store:
 *
 *     <prefix><stack>[.<env>]/<20-digit number>.json   a batch of records, named by its first
 *     <prefix><stack>[.<env>]/newest-snapshot.json     where a reader may begin; only a hint
 *     <prefix><stack>[.<env>]/lock/…                   backend_s3_internal.h
 *
 * Snapshots are batches, too.
 *
 * Every batch is put with If-None-Match: *, so whoever lost the lock and writes on finds his number taken:
 * the sequence is the fence. Stores that ignore the condition are found out when the first lock is taken, and
 * refused.
 */

/* What the keys of a state's objects begin with; `config` is the stack's `state:` map. */
struct str backend_s3_prefix(
    struct arena *arena, const struct value *config, struct str stack, struct str env);
int backend_s3_new(const struct backend_options *options, struct backend **out, struct err *err);
