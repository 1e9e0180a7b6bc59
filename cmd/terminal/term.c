/* The properties of an output stream, text that is safe to print, tables, and all output of weir. */
#include "cmd/terminal/term.h"

#include "base/file.h"
#include "base/mask.h"
#include "base/mem.h"
#include "base/system.h"
#include "cmd/terminal/signals.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEFAULT_WIDTH = 80, DEFAULT_HEIGHT = 24 };

/* Does not use setlocale(), which would read files at every start. */
static bool locale_is_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        if (value && *value)
            return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
    }
    return false;
}

void term_measure(struct term *term)
{
    struct winsize size = {0};
    if (ioctl(term->fd, TIOCGWINSZ, &size) < 0)
        size = (struct winsize){0};
    term->width = size.ws_col ? size.ws_col : DEFAULT_WIDTH;
    term->height = size.ws_row ? size.ws_row : DEFAULT_HEIGHT;
}

void term_init(struct term *term, int fd, bool no_color)
{
    const char *type = getenv("TERM"), *off = getenv("NO_COLOR");
    *term = (struct term){.fd = fd, .utf8 = locale_is_utf8()};
    term->tty = isatty(fd) && type && *type && strcmp(type, "dumb") != 0;
    term->color = term->tty && !no_color && !(off && *off);
    term_measure(term);
}

static const char *const codes[] = {
    [STYLE_PLAIN] = "",
    [STYLE_BOLD] = "\033[1m",
    [STYLE_DIM] = "\033[2m",
    [STYLE_RED] = "\033[31m",
    [STYLE_GREEN] = "\033[32m",
    [STYLE_YELLOW] = "\033[33m",
    [STYLE_MAGENTA] = "\033[35m",
    [STYLE_CYAN] = "\033[36m",
};

const char *term_spinner(const struct term *term, int64_t now_ms)
{
    static const char *const signs[] = {"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"};
    static const char *const ascii[] = {"|", "/", "-", "\\"};
    return term->utf8 ? signs[now_ms / FRAME_MS % 10] : ascii[now_ms / FRAME_MS % 4];
}

void style_on(struct buf *out, bool color, enum style style)
{
    if (color && style != STYLE_PLAIN)
        buf_addz(out, codes[style]);
}

void style_off(struct buf *out, bool color, enum style style)
{
    if (color && style != STYLE_PLAIN)
        buf_addz(out, "\033[0m");
}

void style_add_str(struct buf *out, bool color, enum style style, struct str text)
{
    style_on(out, color, style);
    text_add_safe(out, text, true);
    style_off(out, color, style);
}

void style_add(struct buf *out, bool color, enum style style, const char *text)
{
    style_add_str(out, color, style, str_z(text));
}

/*
 * Returns the length of a sequence that must not be printed unescaped (0: harmless): C0, DEL, C1 controls
 * (U+0080..9F), and direction marks that can make text misleading (U+200E, 200F, 202A..202E, 2066..2069).
 */
static size_t harmful(const unsigned char *p, size_t n, unsigned *code)
{
    if (p[0] < 0x20 || p[0] == 0x7f) {
        *code = p[0];
        return 1;
    }
    if (n >= 2 && p[0] == 0xc2 && p[1] < 0xa0) {
        *code = p[1];
        return 2;
    }
    if (n < 3 || p[0] != 0xe2 || (p[1] != 0x80 && p[1] != 0x81))
        return 0;
    *code = 0x2000u + (unsigned)(p[1] & 0x3f) * 64 + (p[2] & 0x3f);
    bool mark = *code == 0x200e || *code == 0x200f || (*code >= 0x202a && *code <= 0x202e) ||
                (*code >= 0x2066 && *code <= 0x2069);
    return mark ? 3 : 0;
}

/* Returns the length of the prefix that needs no escapes; usually the whole text. */
static size_t plain_prefix(struct str text)
{
    size_t i = 0;
    while (i < text.n && text.p[i] >= ' ' && text.p[i] < 0x7f && text.p[i] != '"' && text.p[i] != '\\')
        i++;
    return i;
}

static void add_escaped(struct buf *out, struct str text, bool quotes, bool keep_lines)
{
    size_t from = 0, plain = plain_prefix(text);
    if (plain == text.n) {
        buf_add_str(out, text);
        return;
    }
    size_t valid = str_utf8_prefix(text);
    for (size_t i = plain; i < text.n;) {
        unsigned code = 0;
        const unsigned char *p = (const unsigned char *)text.p + i;
        size_t n = i >= valid ? (*p >= 0x80) : harmful(p, text.n - i, &code);
        if (i >= valid && !n)
            n = harmful(p, 1, &code);
        bool quote = quotes && (*p == '"' || *p == '\\');
        if ((!n && !quote) || (keep_lines && *p == '\n')) {
            i++;
            continue;
        }
        buf_add(out, text.p + from, i - from);
        if (quote)
            buf_addf(out, "\\%c", *p);
        else if (quotes && (*p == '\n' || *p == '\t' || *p == '\r'))
            buf_addf(out, "\\%c", *p == '\n' ? 'n' : *p == '\t' ? 't' : 'r');
        else if (i >= valid && *p >= 0x80)
            buf_addf(out, "\\x%02x", *p);
        else
            buf_addf(out, "\\u%04x", code);
        i += quote ? 1 : n;
        from = i;
    }
    buf_add(out, text.p + from, text.n - from);
}

void text_add_json_safe(struct buf *out, struct str text)
{
    size_t from = 0, valid = str_utf8_prefix(text);
    for (size_t i = 0; i < text.n;) {
        unsigned code = 0xfffd;
        const unsigned char *p = (const unsigned char *)text.p + i;
        size_t n = i < valid ? harmful(p, text.n - i, &code) : *p >= 0x80 ? 1 : harmful(p, 1, &code);
        if (!n || *p == '\n') {
            i++;
            continue;
        }
        buf_add(out, text.p + from, i - from);
        buf_addf(out, "\\u%04x", code);
        from = i += n;
    }
    buf_add(out, text.p + from, text.n - from);
}

void text_add_safe(struct buf *out, struct str text, bool keep_lines)
{
    add_escaped(out, text, false, keep_lines);
}

void text_add_lines(struct buf *out, struct str text, const char *between)
{
    for (const char *gap = ""; text.n;) {
        struct str line = str_cut(text, '\n', &text), words = str_trim(line);
        if (!words.n)
            continue;
        buf_addz(out, gap);
        text_add_safe(out, str_n(line.p, (size_t)(words.p - line.p) + words.n), false);
        gap = between;
    }
}

void text_add_xml(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        switch (c) {
        case '<': buf_addz(out, "&lt;"); break;
        case '>': buf_addz(out, "&gt;"); break;
        case '&': buf_addz(out, "&amp;"); break;
        case '"': buf_addz(out, "&quot;"); break;
        case '\'': buf_addz(out, "&apos;"); break;
        default:
            if ((unsigned char)c >= 0x20 || c == '\n' || c == '\t')
                buf_add_char(out, c);
        }
    }
}

static void add_safe(struct buf *out, struct str text)
{
    text_add_safe(out, text, false);
}

/* Appends the conversion after a % and returns its end. */
static const char *add_conversion(
    struct buf *out, const char *p, void (*add)(struct buf *out, struct str text), va_list *args)
{
    bool given = p[0] == '.' && p[1] == '*';
    size_t digits = strspn(p + 1, CHARS_DIGITS);
    int precision = given ? va_arg(*args, int) : *p == '.' ? atoi(p + 1) : -1;
    p += given ? 2 : *p == '.' ? digits + 1 : 0;
    size_t longs = strspn(p, "lz");
    const char kind = p[longs];
    if (kind == 's') {
        const char *text = va_arg(*args, const char *);
        add(out, precision < 0 ? str_z(text) : str_n(text, (size_t)precision));
    } else if (kind == 'd') {
        buf_addf(out, "%" PRId64, longs ? va_arg(*args, int64_t) : va_arg(*args, int));
    } else if (kind == 'u') {
        buf_addf(out, "%" PRIu64, longs ? va_arg(*args, uint64_t) : va_arg(*args, unsigned));
    } else if (kind == 'f') {
        buf_addf(out, "%.*f", precision, va_arg(*args, double));
    } else if (kind == 'g') {
        buf_addf(out, "%.*g", precision, va_arg(*args, double));
    } else {
        assert(kind == 'c' || kind == '%');
        buf_add_char(out, kind == 'c' ? (char)va_arg(*args, int) : '%');
    }
    return p + longs + 1;
}

static void text_addvf(
    struct buf *out, void (*add)(struct buf *out, struct str text), const char *format, va_list *args)
{
    while (*format) {
        size_t literal = strcspn(format, "%");
        buf_add(out, format, literal);
        format += literal;
        if (*format)
            format = add_conversion(out, format + 1, add, args);
    }
}

void text_addf(struct buf *out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    text_addvf(out, add_safe, format, &args);
    va_end(args);
}

void text_addf_xml(struct buf *out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    text_addvf(out, text_add_xml, format, &args);
    va_end(args);
}

void style_addf(struct buf *out, bool color, enum style style, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    style_on(out, color, style);
    text_addvf(out, add_safe, format, &args);
    style_off(out, color, style);
    va_end(args);
}

void text_add_column(struct buf *out, struct str text, int width)
{
    size_t before = out->n;
    text_add_safe(out, text, false);
    int n = (int)(out->n - before);
    buf_addf(out, "%*s", (n < width ? width - n : 0) + 1, "");
}

void text_add_quoted(struct buf *out, struct str text)
{
    buf_add_char(out, '"');
    add_escaped(out, text, true, false);
    buf_add_char(out, '"');
}

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           char_is_among(c, "_-./:=@%+,") || (unsigned char)c >= 0x80;
}

void text_add_word(struct buf *out, struct str text)
{
    AUTO_BUF struct buf safe = BUF_INIT;
    text_add_safe(&safe, text, false);
    struct str word = buf_str(&safe);
    bool plain = word.n > 0;
    for (size_t i = 0; i < word.n; i++)
        plain = plain && is_plain(word.p[i]);
    if (plain) {
        buf_add_str(out, word);
        return;
    }
    buf_add_quoted(out, word);
}

void text_add_count(struct buf *out, int64_t n)
{
    if (n >= 1000) {
        text_add_count(out, n / 1000);
        buf_addf(out, ",%03d", (int)(n % 1000));
    } else {
        buf_addf(out, "%d", (int)n);
    }
}

void text_add_bytes(struct buf *out, int64_t bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB"};
    double n = (double)bytes / 1024;
    size_t unit = 0;
    if (bytes < 1024) {
        buf_addf(out, "%d byte%s", (int)bytes, bytes == 1 ? "" : "s");
        return;
    }
    for (; n >= 1024 && unit + 1 < sizeof units / sizeof *units; unit++)
        n /= 1024;
    buf_addf(out, "%.1f %s", n, units[unit]);
}

void text_add_duration(struct buf *out, int64_t ms)
{
    int64_t s = ms / 1000;
    if (ms < 100)
        buf_addf(out, "%" PRId64 " ms", ms);
    else if (s < 60)
        buf_addf(out, "%" PRId64 ".%" PRId64 " s", s, ms % 1000 / 100);
    else if (s < 3600)
        buf_addf(out, "%" PRId64 " m %02" PRId64 " s", s / 60, s % 60);
    else
        buf_addf(out, "%" PRId64 " h %02" PRId64 " m", s / 3600, s / 60 % 60);
}

void text_add_wrapped(struct buf *out, struct str text, int column, int indent, int width)
{
    struct str rest = text;
    for (bool first = true; rest.p; first = false) {
        struct str word = str_cut(rest, ' ', &rest);
        int n = (int)cells_width(word);
        if (!first && column + 1 + n > width) {
            buf_addf(out, "\n%*s", indent, "");
            column = indent;
        } else if (!first) {
            buf_add_char(out, ' ');
            column++;
        }
        buf_add_str(out, word);
        column += n;
    }
}

/* ---- tables as text (aligned columns) and CSV (quoted as in RFC 4180) ---- */

enum { CELL_MAX = 120, CELL_LEAST = 8, LAST_LEAST = 24 };

/* Appends a cell on one line, shortened to a width. */
static void cell_text(const struct value *v, size_t room, struct buf *out)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str text = value_is_null(v) ? STR("-") : value_scalar_text(&arena, v);
    AUTO_BUF struct buf shown = BUF_INIT, safe = BUF_INIT; /* masked before it is cut */
    mask_text(&shown, text);
    text = str_n(shown.p ? shown.p : "", shown.n);
    size_t n = cells_prefix(text, CELL_MAX);
    text_add_safe(&safe, str_n(text.p, n), false);
    if (n < text.n)
        buf_addz(&safe, "...");
    bool fits = cells_width(buf_str(&safe)) <= room;
    buf_add(out, safe.p ? safe.p : "", fits ? safe.n : cells_prefix(buf_str(&safe), room - strlen("...")));
    buf_addz(out, fits ? "" : "...");
}

static void add_row(const struct value *row, const size_t *widths, size_t count, struct buf *out)
{
    size_t start = out->n, column = 0;
    for (size_t i = 0; i < count; i++) {
        AUTO_BUF struct buf cell = BUF_INIT;
        bool last = i + 1 == count;
        cell_text(i < row->count ? row->items[i] : NULL, last ? SIZE_MAX : widths[i], &cell);
        if (last) {
            text_add_wrapped(out, buf_str(&cell), (int)column, (int)column, (int)(column + widths[i]));
            break;
        }
        buf_add_str(out, buf_str(&cell));
        for (size_t pad = widths[i] - cells_width(buf_str(&cell)) + 2; pad; pad--)
            buf_add_char(out, ' ');
        column += widths[i] + 2;
    }
    while (out->n > start && out->p[out->n - 1] == ' ')
        out->n--;
    buf_add_char(out, '\n');
}

/* Reduces the widths of the columns until the table fits into the terminal. */
static void fit_columns(size_t *widths, size_t count, size_t room)
{
    size_t all = 2 * (count - 1), *last = &widths[count - 1];
    for (size_t i = 0; i < count; i++)
        all += widths[i];
    if (all > room && *last > LAST_LEAST) {
        size_t less = all - room < *last - LAST_LEAST ? all - room : *last - LAST_LEAST;
        *last -= less;
        all -= less;
    }
    while (all > room) {
        size_t widest = 0;
        for (size_t i = 1; i + 1 < count; i++)
            widest = widths[i] > widths[widest] ? i : widest;
        size_t less = all - room;
        if (count == 1 || widths[widest] <= CELL_LEAST)
            return;
        less = less < widths[widest] - CELL_LEAST ? less : widths[widest] - CELL_LEAST;
        widths[widest] -= less;
        all -= less;
    }
}

static void table_measure(const struct value *row, size_t *widths, size_t count)
{
    for (size_t i = 0; i < count && i < row->count; i++) {
        AUTO_BUF struct buf cell = BUF_INIT;
        cell_text(row->items[i], SIZE_MAX, &cell);
        size_t width = cells_width(buf_str(&cell));
        widths[i] = width > widths[i] ? width : widths[i];
    }
}

const struct value *table_columns(struct arena *arena, const char *const *names, size_t n)
{
    AUTO_BUILDER struct value_builder columns = VALUE_BUILDER(arena);
    for (size_t i = 0; i < n; i++)
        value_builder_add(&columns, value_stringz(arena, names[i]));
    return value_builder_list(&columns);
}

void table_add_text(
    const struct value *columns, const struct value *rows, const struct term *term, struct buf *out)
{
    size_t count = columns->count;
    AUTO_FREE size_t *widths = mem_zalloc((count + 1) * sizeof *widths);
    table_measure(columns, widths, count);
    for (uint32_t i = 0; i < rows->count; i++)
        table_measure(rows->items[i], widths, count);
    if (term->tty && count)
        fit_columns(widths, count, (size_t)term->width);
    style_on(out, term->color, STYLE_BOLD);
    add_row(columns, widths, count, out);
    style_off(out, term->color, STYLE_BOLD);
    for (uint32_t i = 0; i < rows->count; i++)
        add_row(rows->items[i], widths, count, out);
}

/* Escapes terminal control sequences, but keeps tabs and line ends, which are data. */
static struct str harmless(struct arena *arena, struct str text)
{
    AUTO_BUF struct buf safe = BUF_INIT;
    for (size_t at = 0; at < text.n;) {
        size_t end = at;
        while (end < text.n && !strchr("\t\r\n", text.p[end] ? text.p[end] : ' '))
            end++;
        text_add_safe(&safe, str_slice(text, at, end), false);
        if (end < text.n)
            buf_add_char(&safe, text.p[end]);
        at = end + 1;
    }
    return arena_str(arena, buf_str(&safe));
}

static void add_field(const struct value *v, bool raw, struct buf *out)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str text = value_is_null(v) ? STR_EMPTY : value_scalar_text(&arena, v);
    if (!raw)
        text = harmless(&arena, text);
    bool quoted = value_is_null(v) ? false : !text.n; /* an empty string differs from null */
    for (size_t i = 0; i < text.n; i++)
        quoted = quoted || strchr(",\"\r\n", text.p[i]);
    if (!quoted) {
        buf_add_str(out, text);
        return;
    }
    buf_add_char(out, '"');
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '"')
            buf_add_char(out, '"');
        buf_add_char(out, text.p[i]);
    }
    buf_add_char(out, '"');
}

static void add_record(const struct value *row, bool raw, struct buf *out)
{
    for (uint32_t i = 0; i < row->count; i++) {
        if (i)
            buf_add_char(out, ',');
        add_field(row->items[i], raw, out);
    }
    buf_add_char(out, '\n');
}

void table_add_csv(const struct value *columns, const struct value *rows, bool raw, struct buf *out)
{
    add_record(columns, raw, out);
    for (uint32_t i = 0; i < rows->count; i++)
        add_record(rows->items[i], raw, out);
}

/* ---- pipes that the shell passes as files ---- */

enum { PIPE_MAX = 256 * 1024 * 1024 };

/* Returns -1 if the path is not a descriptor. */
static int descriptor_of(struct str path)
{
    static const struct str folders[] = {STR_INIT("/dev/fd/"), STR_INIT("/proc/self/fd/")};
    int64_t number;
    if (str_eqz(path, "/dev/stdin"))
        return STDIN_FILENO;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (str_starts(path, folders[i]) && str_to_int(str_slice(path, folders[i].n, path.n), &number) &&
            number >= 0 && number < 65536)
            return (int)number;
    return -1;
}

/* Copies the whole pipe to memory, not to disk: it may contain secrets. */
static int copy_pipe(int from, int to, struct err *err)
{
    char block[64 * 1024];
    size_t size = 0;
    for (ssize_t n; (n = read(from, block, sizeof block)) != 0;) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(err, ERR_IO, "cannot read from the pipe /dev/fd/%d", from);
        if ((size += (size_t)n) > PIPE_MAX)
            return err_set(err, ERR_IO, "the pipe /dev/fd/%d gives more than %d MiB", from, PIPE_MAX >> 20);
        if (fd_write_all(to, block, (size_t)n, err, "memory"))
            return -1;
    }
    return 0;
}

static int pipes_hold_one(struct str path, struct err *err)
{
    struct stat st;
    int fd = descriptor_of(path);
    if (fd < 0 || fstat(fd, &st) || !S_ISFIFO(st.st_mode) || (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY)
        return 0;
    AUTO_FD int held = system_memory_file();
    if (held < 0)
        return err_errno(err, ERR_IO, "cannot keep what the pipe %.*s gives", STR_ARG(path));
    if (copy_pipe(fd, held, err) ||
        lseek(held, 0, SEEK_SET)) /* opening it by its number reads from the current position */
        return -1;
    return system_put(held, fd) < 0 ? err_errno(err, ERR_IO, "cannot keep what the pipe gives") : 0;
}

/* Handles PATH, --option=PATH and NAME=PATH. */
static int hold_word(const char *word, struct err *err)
{
    struct str value;
    str_cut(str_z(word), '=', &value);
    return pipes_hold_one(str_z(word), err) || (value.p && pipes_hold_one(value, err)) ? -1 : 0;
}

int pipes_read(int argc, char *const *argv, struct err *err)
{
    for (int i = 1; i < argc; i++)
        if (hold_word(argv[i], err))
            return -1;
    for (size_t i = 0; environ && environ[i]; i++)
        if (hold_word(environ[i], err))
            return -1;
    return 0;
}

enum { LOOK_MS = 100, DEAF_MS = 2000 };

/* ---- output ---- */

static const char *say_name_of(int fd)
{
    return fd == STDERR_FILENO ? "standard error" : "standard output";
}

/* Returns false, as for a closed pipe, if the reader accepts no more output and a signal was received. */
static bool takes_more(int fd)
{
    static atomic_bool deaf;
    struct pollfd out = {fd, POLLOUT, 0};
    int waited_ms = 0, n;
    while ((n = poll(&out, 1, LOOK_MS)) == 0 || (n < 0 && errno == EINTR)) {
        waited_ms = atomic_load(signals_stop()) ? waited_ms + LOOK_MS : 0;
        if (waited_ms > DEAF_MS || (waited_ms && atomic_load(&deaf))) {
            atomic_store(&deaf, true);
            errno = EPIPE;
            return false;
        }
    }
    return true;
}

/* Writes in pieces that a pipe accepts completely. */
static int write_out(int fd, struct str text, struct err *err)
{
    struct stat st;
    bool at_once =
        fstat(fd, &st) || S_ISREG(st.st_mode); /* a file, or a closed descriptor, for which writing fails */
    for (size_t at = 0, n; at < text.n; at += n) {
        n = at_once || text.n - at < PIPE_BUF ? text.n - at : PIPE_BUF;
        if (!at_once && !takes_more(fd))
            return err_errno(err, ERR_IO, "cannot write %s", say_name_of(fd));
        if (fd_write_all(fd, text.p + at, n, err, say_name_of(fd)))
            return -1;
    }
    return 0;
}

int term_print_raw(int fd, struct str text, struct err *err)
{
    if (!text.n || !write_out(fd, text, err))
        return 0;
    if (err && errno == EPIPE)
        snprintf(err->code, sizeof err->code, "%s", BROKEN_PIPE_CODE);
    return -1;
}

int term_print(int fd, struct str text, struct err *err)
{
    if (!mask_finds(text))
        return term_print_raw(fd, text, err);
    AUTO_BUF struct buf shown = BUF_INIT;
    mask_text(&shown, text);
    return term_print_raw(fd, buf_str(&shown), err);
}

int term_print_json(int fd, struct str text, struct err *err)
{
    AUTO_BUF struct buf safe = BUF_INIT, shown = BUF_INIT;
    text_add_json_safe(&safe, text);
    mask_json(&shown, buf_str(&safe));
    return term_print_raw(fd, buf_str(&shown), err);
}

void term_print_error(struct str text)
{
    term_print(STDERR_FILENO, text, NULL);
}

struct str term_masked(struct arena *arena, struct str text)
{
    AUTO_BUF struct buf shown = BUF_INIT;
    mask_text(&shown, text);
    return arena_str(arena, buf_str(&shown));
}
