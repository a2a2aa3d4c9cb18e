/* Writing JUnit XML. */
#include "tool/junit.h"

#include "base/error.h"
#include "base/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SUITE_MAX_BYTES = 1 << 28 };

enum ampql_code junit_open(struct junit *junit, const char *path, struct ampql_error *err)
{
    struct stat st;
    *junit = (struct junit){.path = path};
    buf_init(&junit->temp, &alloc_default, 1 << 16);
    buf_init(&junit->cases, &alloc_default, SUITE_MAX_BYTES);
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        junit->file = fopen(path, "wb");
    } else {
        buf_format(&junit->temp, "%s.%ld.tmp", path, (long)getpid());
        buf_byte(&junit->temp, '\0');
        if (junit->temp.failed) {
            junit_abandon(junit);
            return fail_nomem(err, "the name of a file");
        }
        int fd = open(junit->temp.p, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        junit->file = fd < 0 ? NULL : fdopen(fd, "wb");
        if (fd >= 0 && !junit->file) {
            int why = errno;
            close(fd);
            unlink(junit->temp.p);
            errno = why;
        }
    }
    if (!junit->file) {
        int why = errno;
        junit->temp.n = 0; /* not ours to remove */
        junit_abandon(junit);
        return fail(err, AMPQL_OUTPUT, "%s: %s", path, strerror(why));
    }
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n", junit->file);
    return AMPQL_OK;
}

/* Text in an element or attribute: what XML gives a meaning is escaped, what it cannot hold at all
 * becomes U+FFFD. */
static void write_text(struct buf *out, struct str s)
{
    while (s.n > 0) {
        size_t n = utf8_length(s.p, s.n);
        unsigned char c = (unsigned char)s.p[0];
        struct str rune = str_make(s.p, n);
        if (n == 0 || (c < 0x20 && c != '\n' && c != '\t') ||
            str_equal(rune, STR("\xef\xbf\xbe")) || str_equal(rune, STR("\xef\xbf\xbf")))
            buf_str(out, UTF8_REPLACEMENT);
        else if (c == '<')
            buf_text(out, "&lt;");
        else if (c == '>')
            buf_text(out, "&gt;");
        else if (c == '&')
            buf_text(out, "&amp;");
        else if (c == '"')
            buf_text(out, "&quot;");
        else
            buf_str(out, rune);
        s = str_from(s, n ? n : 1);
    }
}

static void write_attribute(struct buf *out, const char *name, struct str value)
{
    buf_format(out, " %s=\"", name);
    write_text(out, value);
    buf_byte(out, '"');
}

void junit_suite(struct junit *junit, const char *file)
{
    junit->suite = file;
    junit->ntests = junit->nfailures = junit->nerrors = junit->nskipped = 0;
    junit->cases.n = 0;
}

static void begin_case(struct junit *junit, size_t line, struct str text)
{
    struct buf *out = &junit->cases;
    struct str file = str_of(junit->suite);
    junit->ntests++;
    buf_text(out, "    <testcase");
    write_attribute(out, "classname", file);
    buf_format(out, " name=\"%zu: ", line);
    write_text(out, text);
    buf_byte(out, '"');
    write_attribute(out, "file", file);
    buf_format(out, " line=\"%zu\"", line);
}

void junit_case(struct junit *junit, const struct run_report *report)
{
    struct buf *out = &junit->cases;
    begin_case(junit, report->line, report->text);
    switch (report->verdict) {
    case VERDICT_PASSED:
        buf_text(out, "/>\n");
        return;
    case VERDICT_FAILED:
        junit->nfailures++;
        buf_text(out, ">\n      <failure message=\"");
        write_text(out, str_of(junit->suite));
        buf_format(out, ":%zu\">", report->line);
        write_text(out, report->detail);
        buf_text(out, "</failure>\n    </testcase>\n");
        return;
    case VERDICT_SKIPPED:
        junit->nskipped++;
        buf_text(out, ">\n      <skipped message=\"");
        write_text(out, report->reason);
        if (report->detail.n > 0) {
            buf_text(out, ": ");
            write_text(out, report->detail);
        }
        buf_text(out, "\"/>\n    </testcase>\n");
        return;
    }
}

void junit_broken(struct junit *junit, const char *message)
{
    struct buf *out = &junit->cases;
    junit->nerrors++;
    begin_case(junit, 0, STR("the script"));
    buf_text(out, ">\n      <error");
    write_attribute(out, "message", str_of(message));
    buf_text(out, "/>\n    </testcase>\n");
}

static void write_all(struct junit *junit, const struct buf *text)
{
    if (text->failed && !junit->failed)
        junit->failed = text->failed;
    if (text->n > 0)
        fwrite(text->p, 1, text->n, junit->file);
}

void junit_suite_end(struct junit *junit)
{
    struct buf head;
    buf_init(&head, &alloc_default, 1 << 16);
    buf_text(&head, "  <testsuite");
    write_attribute(&head, "name", str_of(junit->suite));
    buf_format(&head, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\">\n",
               junit->ntests, junit->nfailures, junit->nerrors, junit->nskipped);
    write_all(junit, &head);
    write_all(junit, &junit->cases);
    fputs("  </testsuite>\n", junit->file);
    buf_done(&head);
}

enum ampql_code junit_close(struct junit *junit, struct ampql_error *err)
{
    enum ampql_code code = junit->failed;
    fputs("</testsuites>\n", junit->file);
    bool is_bad = ferror(junit->file) != 0;
    int why = errno;
    if (fclose(junit->file) != 0) {
        is_bad = true;
        why = errno;
    }
    junit->file = NULL;
    if (code == AMPQL_OK && !is_bad && junit->temp.n > 0) {
        is_bad = rename(junit->temp.p, junit->path) != 0;
        why = errno;
        if (!is_bad)
            junit->temp.n = 0;
    }
    if (code != AMPQL_OK)
        fail(err, code, "%s: no memory for the results", junit->path);
    else if (is_bad)
        code = fail(err, AMPQL_OUTPUT, "%s: %s", junit->path, strerror(why));
    junit_abandon(junit);
    return code;
}

void junit_abandon(struct junit *junit)
{
    if (junit->file)
        fclose(junit->file);
    junit->file = NULL;
    if (junit->temp.n > 0)
        unlink(junit->temp.p);
    buf_done(&junit->temp);
    buf_done(&junit->cases);
    junit->temp.n = 0;
}
