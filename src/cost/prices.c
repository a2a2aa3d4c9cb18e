/* Price files: OpenCost's default.json, whose values are mostly strings, as JSON or YAML. Such
 * files hold secrets too, so that no value but that of a price is ever quoted. */
#include "cost/prices.h"

#include "base/number.h"
#include "base/yaml.h"

#include <float.h>
#include <strings.h>

enum entry_kind { ENTRY_PRICE, ENTRY_PERCENT, ENTRY_FLAG, ENTRY_UNUSED };

/* What is read, and what is known and not needed: prices of what the exporter has priced already,
 * and where a cloud's own prices and bills are. */
static const struct entry {
    const char *name;
    enum entry_kind kind;
    size_t offset; /* of a price in struct ampql_prices, of others in struct ampql_cost_options */
} entries[] = {
    {"CPU", ENTRY_PRICE, offsetof(struct ampql_prices, cpu)},
    {"RAM", ENTRY_PRICE, offsetof(struct ampql_prices, ram)},
    {"GPU", ENTRY_PRICE, offsetof(struct ampql_prices, gpu)},
    {"spotCPU", ENTRY_PRICE, offsetof(struct ampql_prices, spot_cpu)},
    {"spotRAM", ENTRY_PRICE, offsetof(struct ampql_prices, spot_ram)},
    {"spotGPU", ENTRY_PRICE, offsetof(struct ampql_prices, spot_gpu)},
    {"storage", ENTRY_PRICE, offsetof(struct ampql_prices, storage)},
    {"discount", ENTRY_PERCENT, offsetof(struct ampql_cost_options, discount)},
    {"negotiatedDiscount", ENTRY_PERCENT, offsetof(struct ampql_cost_options, negotiated_discount)},
    {"customPricesEnabled", ENTRY_FLAG, offsetof(struct ampql_cost_options, custom_prices)},
#define UNUSED(name)                                                                               \
    {                                                                                              \
        name, ENTRY_UNUSED, 0                                                                      \
    }
    UNUSED("provider"),
    UNUSED("description"),
    UNUSED("currencyCode"),
    UNUSED("zoneNetworkEgress"),
    UNUSED("regionNetworkEgress"),
    UNUSED("internetNetworkEgress"),
    UNUSED("natGatewayEgress"),
    UNUSED("natGatewayIngress"),
    UNUSED("firstFiveForwardingRulesCost"),
    UNUSED("additionalForwardingRuleCost"),
    UNUSED("LBIngressDataCost"),
    UNUSED("defaultLBPrice"),
    UNUSED("defaultIdle"),
    UNUSED("sharedOverhead"),
    UNUSED("sharedNamespaces"),
    UNUSED("sharedLabelNames"),
    UNUSED("sharedLabelValues"),
    UNUSED("shareTenancyCosts"),
    UNUSED("spotLabel"),
    UNUSED("spotLabelValue"),
    UNUSED("gpuLabel"),
    UNUSED("gpuLabelValue"),
    UNUSED("clusterName"),
    UNUSED("clusterAccountID"),
    UNUSED("projectID"),
    UNUSED("masterPayerARN"),
    UNUSED("serviceKeyName"),
    UNUSED("serviceKeySecret"),
    UNUSED("readOnly"),
    UNUSED("editorAccess"),
    UNUSED("kubecostToken"),
    UNUSED("googleAnalyticsTag"),
    UNUSED("excludeProviderID"),
#undef UNUSED
};
enum { NENTRIES = sizeof entries / sizeof *entries };

/* Names that begin so are of one cloud, and say where its prices are. */
static const char *const clouds[] = {"aws", "athena", "azure",  "alibaba",      "billing", "gcp",
                                     "oci", "otc",    "linode", "digitalOcean", "scaleway"};

/* Go's reader takes names in any case. */
static const struct entry *find(struct str name)
{
    static const struct entry of_cloud = {"", ENTRY_UNUSED, 0};
    for (size_t i = 0; i < NENTRIES; i++)
        if (name.n == strlen(entries[i].name) && strncasecmp(name.p, entries[i].name, name.n) == 0)
            return &entries[i];
    for (size_t i = 0; i < sizeof clouds / sizeof *clouds; i++)
        if (name.n > strlen(clouds[i]) && strncasecmp(name.p, clouds[i], strlen(clouds[i])) == 0)
            return &of_cloud;
    return NULL;
}

static enum ampql_code read_price(const struct entry *entry, const struct yaml_scalar *value,
                                  struct ampql_prices *prices, struct ampql_error *err)
{
    char quoted[320];
    double price;
    if (!number_parse(value->value, &price))
        return yaml_fail(err, value->place, value->end,
                         "%s is %s, expected $ an hour as a number, without a unit", entry->name,
                         quote_clipped(quoted, sizeof quoted, value->value));
    if (!(price >= 0 && price <= DBL_MAX))
        return yaml_fail(err, value->place, value->end, "%s is %s, expected 0 or more", entry->name,
                         quote_clipped(quoted, sizeof quoted, value->value));
    *(double *)((char *)prices + entry->offset) = price;
    return AMPQL_OK;
}

/* "30%"; 0 needs no sign. */
static enum ampql_code read_percent(const struct entry *entry, const struct yaml_scalar *value,
                                    struct ampql_cost_options *options, struct ampql_error *err)
{
    char quoted[320];
    struct str text = value->value;
    bool has_sign = str_has_suffix(text, STR("%"));
    double percent;
    if (has_sign)
        text.n--;
    if (!number_parse(text, &percent) || !(percent >= 0 && percent <= 100) ||
        (percent != 0 && !has_sign))
        return yaml_fail(err, value->place, value->end, "%s is %s, expected a percentage: 30%%",
                         entry->name, quote_clipped(quoted, sizeof quoted, value->value));
    *(double *)((char *)options + entry->offset) = percent / 100;
    return AMPQL_OK;
}

static enum ampql_code read_flag(const struct entry *entry, const struct yaml_scalar *value,
                                 struct ampql_cost_options *options, struct ampql_error *err)
{
    bool is_true = str_equal(value->value, STR("true"));
    if (!is_true && !str_equal(value->value, STR("false")))
        return yaml_fail(err, value->place, value->end, "%s is neither true nor false",
                         entry->name);
    *(bool *)((char *)options + entry->offset) = is_true;
    return AMPQL_OK;
}

/* An empty value is as none. */
static enum ampql_code read_value(const struct entry *entry, const struct yaml_scalar *value,
                                  struct ampql_cost_options *options, struct ampql_prices *prices,
                                  struct ampql_error *err)
{
    if (value->value.n == 0 || entry->kind == ENTRY_UNUSED)
        return AMPQL_OK;
    if (entry->kind == ENTRY_PRICE)
        return read_price(entry, value, prices, err);
    return entry->kind == ENTRY_PERCENT ? read_percent(entry, value, options, err)
                                        : read_flag(entry, value, options, err);
}

static enum ampql_code read_fields(struct yaml *yaml, struct arena *arena,
                                   struct ampql_cost_options *options, struct ampql_prices *prices,
                                   struct ampql_error *err)
{
    bool is_seen[NENTRIES] = {0};
    for (;;) {
        char quoted[320];
        struct yaml_scalar name, value;
        bool more;
        TRY(yaml_key(yaml, arena, "a price", &name, &more, err));
        if (!more)
            return AMPQL_OK;
        const struct entry *entry = find(name.value);
        if (!entry)
            return yaml_fail(
                err, name.place, name.end,
                "%s is no price, expected CPU, RAM, GPU, spotCPU, spotRAM, spotGPU, "
                "storage, discount, negotiatedDiscount, customPricesEnabled, or what else "
                "OpenCost's default.json has",
                quote_clipped(quoted, sizeof quoted, name.value));
        if (entry >= entries && entry < entries + NENTRIES) {
            if (is_seen[entry - entries])
                return yaml_fail(err, name.place, name.end, "%s is there twice, expected it once",
                                 entry->name);
            is_seen[entry - entries] = true;
        }
        TRY(yaml_scalar(yaml, arena, entry->kind == ENTRY_UNUSED ? "a value" : entry->name, &value,
                        err));
        TRY(read_value(entry, &value, options, prices, err));
    }
}

static enum ampql_code read_document(struct yaml *yaml, struct arena *arena,
                                     struct ampql_cost_options *options,
                                     struct ampql_prices *prices, struct ampql_error *err)
{
    bool is_there;
    TRY(yaml_begin_document(yaml, &is_there, err));
    if (!is_there)
        return fail(err, AMPQL_BAD_DATA, "line 1, column 1: the price file is empty");
    TRY(yaml_begin(yaml, YAML_MAPPING_START_EVENT, "a price file", err));
    TRY(read_fields(yaml, arena, options, prices, err));
    return yaml_end_document(yaml, err);
}

enum ampql_code prices_read(struct str text, struct arena *arena,
                            struct ampql_cost_options *options, struct ampql_prices *prices,
                            struct ampql_error *err)
{
    struct ampql_cost_options fresh = *options;
    struct ampql_prices fresh_prices = ampql_default_prices();
    struct yaml yaml;
    enum ampql_code code = yaml_open(&yaml, "a price file", text, err);
    yaml.hides_text = true;
    if (code == AMPQL_OK)
        code = read_document(&yaml, arena, &fresh, &fresh_prices, err);
    yaml_close(&yaml);
    if (code != AMPQL_OK)
        return code;
    *prices = fresh_prices;
    *options = fresh;
    options->prices = prices;
    return AMPQL_OK;
}
