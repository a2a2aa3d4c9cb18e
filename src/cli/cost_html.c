/* A bill as one HTML page: nothing is loaded from elsewhere, and only sorting needs JavaScript. The
 * chart is SVG, drawn here. */
#include "cli/cost_print.h"

#include "base/number.h"
#include "base/time.h"
#include "base/utf8.h"
#include "base/writer.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* The chart: sizes in its own units. */
enum {
    CHART_WIDTH = 960,
    CHART_HEIGHT = 300,
    CHART_LEFT = 80,
    CHART_BOTTOM = 28,
    CHART_TOP = 10,
    CHART_TICKS = 4,
    CHART_DATES = 6, /* that are written under it */
    NPARTS = 8       /* lines with a colour of their own; then idle costs, and the rest */
};

static const char style[] =
    "<style>\n"
    ":root{color-scheme:light dark;--line:#8886;--soft:#8882}\n"
    "body{font:15px/1.45 system-ui,sans-serif;max-width:1100px;margin:2em auto;padding:0 1em}\n"
    "h1{font-size:1.4em;margin:0 0 .2em}p{margin:.3em 0}\n"
    ".cards{display:flex;flex-wrap:wrap;gap:1em;margin:1.2em 0}\n"
    ".card{border:1px solid var(--line);border-radius:8px;padding:.6em 1.1em;min-width:9em}\n"
    ".card b{display:block;font-size:1.5em;font-variant-numeric:tabular-nums}\n"
    "svg{width:100%;height:auto}svg text{font-size:12px;fill:currentColor}\n"
    ".grid{stroke:var(--line);stroke-width:.6}\n"
    ".legend{display:flex;flex-wrap:wrap;gap:.2em 1.2em;margin:.4em 0 1.6em}\n"
    ".legend i{display:inline-block;width:.8em;height:.8em;border-radius:2px;margin-right:.4em}\n"
    "div.wide{overflow-x:auto}\n"
    "table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}\n"
    "th,td{padding:.35em .7em;text-align:right;white-space:nowrap;border-bottom:1px solid "
    "var(--soft)}\n"
    "th:first-child,td:first-child{text-align:left;white-space:normal;overflow-wrap:anywhere}\n"
    "thead th{border-bottom:2px solid var(--line);white-space:nowrap}\n"
    "thead.sorts th{cursor:pointer}th[aria-sort=ascending]::after{content:\" \\2191\"}\n"
    "th[aria-sort=descending]::after{content:\" \\2193\"}\n"
    "tfoot td{font-weight:600;border-top:2px solid var(--line)}\n"
    ".bar{display:inline-block;height:.5em;background:#4c78a8;border-radius:2px;"
    "margin-right:.5em;max-width:60px}\n"
    "ul{padding-left:1.2em}\n"
    "</style>\n";

static const char script[] =
    "<script>\n"
    "const head=document.querySelector('thead'),body=document.querySelector('tbody');\n"
    "const value=(row,i)=>{const c=row.cells[i];return c.dataset.v===undefined?c.textContent:"
    "Number(c.dataset.v)};\n"
    "head.classList.add('sorts');\n"
    "[...head.rows[0].cells].forEach((th,i)=>{th.tabIndex=0;\n"
    "const sort=()=>{const down=th.getAttribute('aria-sort')!=='descending';\n"
    "for(const c of head.rows[0].cells)c.removeAttribute('aria-sort');\n"
    "th.setAttribute('aria-sort',down?'descending':'ascending');\n"
    "[...body.rows].sort((a,b)=>{const x=value(a,i),y=value(b,i);const o=x<y?-1:x>y?1:0;"
    "return down?-o:o}).forEach(r=>body.append(r))};\n"
    "th.addEventListener('click',sort);\n"
    "th.addEventListener('keydown',e=>{if(e.key==='Enter')sort()})});\n"
    "</script>\n";

/* ---- text */

static void put(struct writer *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Text of ours with numbers in it. */
static void put(struct writer *out, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n > 0)
        buf_bytes(&out->buf, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

/* Text of others: what means something in HTML is escaped, what is no character replaced. */
static void put_text(struct writer *out, struct str s)
{
    for (size_t i = 0; i < s.n;) {
        size_t n = utf8_length(s.p + i, s.n - i);
        unsigned char c = (unsigned char)s.p[i];
        if (n == 0 || c < ' ' || c == 0x7f)
            buf_text(&out->buf, "&#xfffd;");
        else if (n == 1 && strchr("&<>\"'", c))
            put(out, "&#%d;", c);
        else
            buf_bytes(&out->buf, s.p + i, n);
        i += n ? n : 1;
    }
}

static void put_time(struct writer *out, int64_t ms)
{
    char time[TIME_TEXT_MAX];
    buf_bytes(&out->buf, time, time_format(ms, time));
}

/* A cost with as many decimals as tell it apart. */
static void put_money(struct writer *out, double v)
{
    put(out, "%.*f", fabs(v) >= 1000 ? 0 : fabs(v) >= 1 ? 2 : 4, v);
}

/* ---- parts of the chart: lines that are drawn each on its own */

struct chart {
    const struct ampql_allocations *bill;
    struct str names[NPARTS]; /* [nparts], the dearest first */
    size_t nparts;
    size_t nwindows;
    double most; /* the dearest window's costs, without what is less than nothing */
};

enum { PART_IDLE = NPARTS, PART_REST, PART_COUNT };
static const char *const colours[PART_COUNT] = {"#4c78a8", "#f58518", "#54a24b", "#b279a2",
                                                "#e45756", "#72b7b2", "#eeca3b", "#9d755d",
                                                "#8889",   "#ff9da6"};

static bool is_idle(const struct ampql_allocation *a)
{
    return memmem(a->name.data, a->name.size, "__idle__", 8) != NULL;
}

static size_t part_of(const struct chart *chart, const struct ampql_allocation *a)
{
    if (is_idle(a))
        return PART_IDLE;
    for (size_t i = 0; i < chart->nparts; i++)
        if (str_equal(chart->names[i], str_view(a->name)))
            return i;
    return PART_REST;
}

/* Keep the dearest lines, in order. */
static void choose_parts(struct chart *chart)
{
    double costs[NPARTS];
    for (size_t i = 0; i < ampql_allocations_count(chart->bill); i++) {
        const struct ampql_allocation *a = ampql_allocations_at(chart->bill, i);
        size_t at = chart->nparts;
        if (is_idle(a) || (at == NPARTS && costs[NPARTS - 1] >= a->total_cost))
            continue;
        if (at == NPARTS)
            at--;
        else
            chart->nparts++;
        for (; at > 0 && costs[at - 1] < a->total_cost; at--) {
            costs[at] = costs[at - 1];
            chart->names[at] = chart->names[at - 1];
        }
        costs[at] = a->total_cost;
        chart->names[at] = str_view(a->name);
    }
}

/* What each part costs in a window; what is less than nothing cannot be drawn. */
static double costs_of(const struct chart *chart, const struct ampql_cost_window *window,
                       double *out)
{
    double sum = 0;
    memset(out, 0, PART_COUNT * sizeof *out);
    for (size_t i = 0; i < window->n; i++)
        if (isfinite(window->items[i].total_cost))
            out[part_of(chart, &window->items[i])] += window->items[i].total_cost;
    for (size_t i = 0; i < PART_COUNT; i++) {
        out[i] = out[i] > 0 ? out[i] : 0;
        sum += out[i];
    }
    return sum;
}

static struct chart chart_of(const struct ampql_allocations *bill)
{
    struct chart chart = {.bill = bill};
    struct ampql_cost_window window;
    double costs[PART_COUNT];
    choose_parts(&chart);
    for (; ampql_allocations_window(bill, chart.nwindows, &window); chart.nwindows++) {
        double cost = costs_of(&chart, &window, costs);
        chart.most = cost > chart.most ? cost : chart.most;
    }
    return chart;
}

/* ---- drawing */

/* The next of 1, 2, 5, 10, 20, ... that is not less. */
static double round_up(double v)
{
    double unit = pow(10, floor(log10(v)));
    double steps[] = {1, 2, 5, 10};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (steps[i] * unit >= v * (1 - 1e-9))
            return steps[i] * unit;
    return 10 * unit;
}

static double height_of(double cost, double top)
{
    return cost / top * (CHART_HEIGHT - CHART_TOP - CHART_BOTTOM);
}

static void draw_grid(struct writer *out, double tick, double top)
{
    for (int i = 0; i * tick <= top * (1 + 1e-9); i++) {
        double y = CHART_HEIGHT - CHART_BOTTOM - height_of(i * tick, top);
        put(out, "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>", CHART_LEFT,
            CHART_WIDTH, y, y);
        put(out, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.6g</text>\n", CHART_LEFT - 8,
            y + 4, i * tick);
    }
}

/* A window's parts on top of each other, each with its name and cost where the mouse is. */
static void draw_window(struct writer *out, const struct chart *chart,
                        const struct ampql_cost_window *window, size_t number, double top)
{
    double slot = (double)(CHART_WIDTH - CHART_LEFT) / (double)chart->nwindows;
    double x = CHART_LEFT + slot * ((double)number + 0.08), y = CHART_HEIGHT - CHART_BOTTOM;
    double costs[PART_COUNT];
    costs_of(chart, window, costs);
    for (size_t i = 0; i < PART_COUNT; i++) {
        double height = height_of(costs[i], top);
        if (height <= 0)
            continue;
        y -= height;
        put(out, "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" fill=\"%s\"><title>",
            x, y, slot * 0.84, height, colours[i]);
        put_text(out, i < NPARTS       ? chart->names[i]
                      : i == PART_IDLE ? STR("idle")
                                       : STR("all others"));
        buf_text(&out->buf, ": ");
        put_money(out, costs[i]);
        buf_text(&out->buf, "</title></rect>\n");
    }
    writer_flush(out);
}

static void draw_date(struct writer *out, const struct chart *chart, int64_t ms, size_t number)
{
    double slot = (double)(CHART_WIDTH - CHART_LEFT) / (double)chart->nwindows;
    char time[TIME_TEXT_MAX];
    size_t n = time_format(ms, time);
    put(out, "<text x=\"%.1f\" y=\"%d\">", CHART_LEFT + slot * ((double)number + 0.08),
        CHART_HEIGHT - 8);
    put_text(out, str_make(time, n > 16 ? 16 : n)); /* to the minute */
    buf_text(&out->buf, "</text>\n");
}

static void draw_legend(struct writer *out, const struct chart *chart)
{
    double costs[PART_COUNT] = {0}, more[PART_COUNT];
    struct ampql_cost_window window;
    for (size_t w = 0; ampql_allocations_window(chart->bill, w, &window); w++) {
        costs_of(chart, &window, more);
        for (size_t i = 0; i < PART_COUNT; i++)
            costs[i] += more[i];
    }
    buf_text(&out->buf, "<div class=\"legend\">");
    for (size_t i = 0; i < PART_COUNT; i++) {
        if (costs[i] <= 0)
            continue;
        put(out, "<span><i style=\"background:%s\"></i>", colours[i]);
        put_text(out, i < NPARTS       ? chart->names[i]
                      : i == PART_IDLE ? STR("idle")
                                       : STR("all others"));
        buf_text(&out->buf, "</span>\n");
    }
    buf_text(&out->buf, "</div>\n");
}

static void put_chart(struct writer *out, const struct ampql_allocations *bill)
{
    struct chart chart = chart_of(bill);
    struct ampql_cost_window window;
    if (!(chart.most > 0))
        return;
    double tick = round_up(chart.most / CHART_TICKS);
    double top = ceil(chart.most / tick * (1 - 1e-9)) * tick;
    size_t every = (chart.nwindows + CHART_DATES - 1) / CHART_DATES;
    put(out, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"Cost over time\">\n",
        CHART_WIDTH, CHART_HEIGHT);
    draw_grid(out, tick, top);
    for (size_t w = 0; ampql_allocations_window(bill, w, &window); w++) {
        draw_window(out, &chart, &window, w, top);
        if (w % every == 0)
            draw_date(out, &chart, window.start_ms, w);
    }
    buf_text(&out->buf, "</svg>\n");
    draw_legend(out, &chart);
}

/* ---- figures and the table */

static void put_card(struct writer *out, const char *what, double v, bool is_percent)
{
    put(out, "<div class=\"card\">%s<b>", what);
    if (is_percent)
        put(out, "%.1f %%", v * 100);
    else
        put_money(out, v);
    buf_text(&out->buf, "</b></div>\n");
}

static void put_cards(struct writer *out, const struct ampql_allocations *bill)
{
    const struct ampql_allocation *total = ampql_allocations_total(bill);
    double idle = 0, hours = (double)(total->window_end_ms - total->window_start_ms) / 3600000;
    for (size_t i = 0; i < ampql_allocations_count(bill); i++)
        if (is_idle(ampql_allocations_at(bill, i)))
            idle += ampql_allocations_at(bill, i)->total_cost;
    buf_text(&out->buf, "<div class=\"cards\">\n");
    put_card(out, "Total cost", total->total_cost, false);
    put_card(out, "A month at this rate", hours > 0 ? total->total_cost / hours * 730 : 0, false);
    put_card(out, "Of it idle", idle, false);
    put_card(out, "CPU efficiency", total->cpu_efficiency, true);
    put_card(out, "Memory efficiency", total->ram_efficiency, true);
    buf_text(&out->buf, "</div>\n");
}

static void put_cell(struct writer *out, double v)
{
    char exact[NUMBER_MAX];
    size_t n = number_format(v, exact);
    put(out, "<td data-v=\"%.*s\">%.4f</td>", (int)n, exact, v);
}

static void put_efficiency(struct writer *out, double v)
{
    double width = isfinite(v) && v > 0 ? fmin(v, 1) * 60 : 0;
    put(out, "<td data-v=\"%.17g\"><span class=\"bar\" style=\"width:%.0fpx\"></span>%.1f %%</td>",
        v, width, v * 100);
}

static void put_row(struct writer *out, struct str name, const struct ampql_allocation *a)
{
    const double costs[] = {a->cpu_cost,     a->ram_cost,           a->gpu_cost,    a->pv_cost,
                            a->network_cost, a->load_balancer_cost, a->shared_cost, a->total_cost};
    buf_text(&out->buf, "<tr><td>");
    put_text(out, name);
    buf_text(&out->buf, "</td>");
    for (size_t i = 0; i < sizeof costs / sizeof *costs; i++)
        put_cell(out, costs[i]);
    put_efficiency(out, a->total_efficiency);
    buf_text(&out->buf, "</tr>\n");
    writer_flush(out);
}

static void put_table(struct writer *out, const struct ampql_allocations *bill, const char *by)
{
    buf_text(&out->buf, "<div class=\"wide\"><table><thead><tr><th>");
    put_text(out, str_of(by));
    buf_text(&out->buf,
             "</th><th>CPU</th><th>Memory</th><th>GPU</th><th>Volumes</th><th>Network</th>"
             "<th>Load balancers</th><th>Shared</th><th>Total</th><th>Efficiency</th>"
             "</tr></thead><tbody>\n");
    for (size_t i = 0; i < ampql_allocations_count(bill); i++) {
        const struct ampql_allocation *a = ampql_allocations_at(bill, i);
        put_row(out, str_view(a->name), a);
    }
    buf_text(&out->buf, "</tbody><tfoot>\n");
    put_row(out, STR("SUMMED"), ampql_allocations_total(bill));
    buf_text(&out->buf, "</tfoot></table></div>\n");
}

static void put_warnings(struct writer *out, const struct ampql_allocations *bill)
{
    size_t n = ampql_allocations_warning_count(bill);
    if (n == 0)
        return;
    put(out, "<details><summary>What this bill does not say (%zu)</summary><ul>\n", n);
    for (size_t i = 0; i < n; i++) {
        buf_text(&out->buf, "<li>");
        put_text(out, str_view(ampql_allocations_warning(bill, i)));
        buf_text(&out->buf, "</li>\n");
    }
    buf_text(&out->buf, "</ul></details>\n");
}

static void put_page(struct writer *out, const struct ampql_allocations *bill, const char *by)
{
    const struct ampql_allocation *total = ampql_allocations_total(bill);
    buf_text(&out->buf, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
                        "<meta name=\"viewport\" content=\"width=device-width\">\n"
                        "<title>Cost by ");
    put_text(out, str_of(by));
    buf_text(&out->buf, "</title>\n");
    buf_text(&out->buf, style);
    buf_text(&out->buf, "</head><body>\n<h1>Cost by ");
    put_text(out, str_of(by));
    buf_text(&out->buf, "</h1>\n<p>");
    put_time(out, total->window_start_ms);
    buf_text(&out->buf, " to ");
    put_time(out, total->window_end_ms);
    buf_text(&out->buf, "</p>\n");
    put_cards(out, bill);
    put_chart(out, bill);
    put_table(out, bill, by);
    put_warnings(out, bill);
    buf_text(&out->buf, script);
    buf_text(&out->buf, "</body></html>\n");
}

enum ampql_code cost_print_html(const struct ampql_allocations *bill, const char *by,
                                const struct ampql_allocator *alc, ampql_write write, void *payload)
{
    struct writer w;
    writer_init(&w, alc, write, payload);
    put_page(&w, bill, by && by[0] ? by : "cluster/node/namespace/pod/container");
    return writer_end(&w);
}
