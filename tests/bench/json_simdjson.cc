// The same answers by simdjson's On Demand parser, where it is installed: for the comparison alone.
#include "bench/json_simdjson.h"

#if BENCH_SIMDJSON
#include <charconv>
#include <cstring>
#include <simdjson.h>

using namespace simdjson;

double bench_simdjson(const char *text, size_t size, uint64_t *samples, double (*now)(void))
{
    const padded_string padded(text,
                               size); // it wants room behind the text; the copy is not counted
    ondemand::parser parser;
    const double begin = now();
    ondemand::document document = parser.iterate(padded);
    uint64_t n = 0, bits = 0;
    for (ondemand::object series : document["data"]["result"].get_array()) {
        for (ondemand::array sample : series["values"].get_array()) {
            double t = 0, v = 0;
            size_t place = 0;
            for (ondemand::value part : sample) {
                if (place++ == 0) {
                    t = part.get_double();
                    continue;
                }
                const std::string_view digits = part.get_string();
                std::from_chars(digits.data(), digits.data() + digits.size(), v);
            }
            uint64_t of_value;
            std::memcpy(&of_value, &v, sizeof of_value);
            bits += of_value ^ static_cast<uint64_t>(t * 1000);
            n++;
        }
    }
    *samples = n + (bits == 1 ? 1 : 0); // so that nothing is left out
    return now() - begin;
}
#else
double bench_simdjson(const char *, size_t, uint64_t *, double (*)(void))
{
    return 0;
}
#endif
