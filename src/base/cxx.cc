// The one C++ file: std::from_chars and std::to_chars, which are exact and know no locale, and RE2,
// whose regexes are Go's. Every function is noexcept; what C++ throws ends here as a code.
#include "base/cxx.h"

#include <re2/re2.h>

#include <charconv>
#include <cstring>
#include <map>
#include <new>
#include <string>
#include <vector>

size_t cxx_number_parse(const char *p, size_t n, bool is_hex, double *out,
                        enum cxx_range *range) noexcept
{
    const auto format = is_hex ? std::chars_format::hex : std::chars_format::general;
    const auto result = std::from_chars(p, p + n, *out, format);
    if (result.ec == std::errc::invalid_argument)
        return 0;
    *range = result.ec == std::errc() ? CXX_IN_RANGE : CXX_OUT_OF_RANGE;
    return static_cast<size_t>(result.ptr - p);
}

size_t cxx_number_format(double v, char *out) noexcept
{
    const auto result = std::to_chars(out, out + 32, v, std::chars_format::scientific);
    return static_cast<size_t>(result.ptr - out);
}

size_t cxx_number_format_fixed(double v, char *out) noexcept
{
    const auto result = std::to_chars(out, out + 32, v, std::chars_format::fixed);
    return static_cast<size_t>(result.ptr - out);
}

struct cxx_regex {
    RE2 re2;

    cxx_regex(const re2::StringPiece &pattern, const RE2::Options &options) : re2(pattern, options)
    {
    }
};

namespace
{

// RE2's codes in Go's words. Where Go quotes the whole pattern, so do we.
void explain(const RE2 &re2, struct cxx_refusal *why)
{
    why->is_whole = false;
    why->is_too_large = false;
    why->is_unclosed = false;
    switch (re2.error_code()) {
    case RE2::ErrorBadEscape:
        why->reason = "invalid escape sequence";
        break;
    case RE2::ErrorBadCharClass:
        why->reason = "invalid character class";
        break;
    case RE2::ErrorBadCharRange:
        why->reason = "invalid character class range";
        break;
    case RE2::ErrorMissingBracket:
        why->reason = "missing closing ]";
        break;
    case RE2::ErrorMissingParen:
        why->reason = "missing closing )";
        why->is_whole = true;
        why->is_unclosed = true;
        break;
    case RE2::ErrorUnexpectedParen:
        why->reason = "unexpected )";
        why->is_whole = true;
        break;
    case RE2::ErrorTrailingBackslash:
        why->reason = "trailing backslash at end of expression";
        break;
    case RE2::ErrorRepeatArgument:
        why->reason = "missing argument to repetition operator";
        break;
    case RE2::ErrorRepeatSize:
        why->reason = "invalid repeat count";
        break;
    case RE2::ErrorRepeatOp:
        why->reason = "invalid nested repetition operator";
        break;
    case RE2::ErrorBadPerlOp:
        why->reason = "invalid or unsupported Perl syntax";
        break;
    case RE2::ErrorBadUTF8:
        why->reason = "invalid UTF-8";
        why->is_whole = true;
        break;
    case RE2::ErrorBadNamedCapture:
        why->reason = "invalid named capture";
        break;
    case RE2::ErrorPatternTooLarge:
        why->reason = "expression too large";
        why->is_whole = true;
        why->is_too_large = true;
        break;
    case RE2::NoError:
    case RE2::ErrorInternal:
        why->reason = "internal error";
        why->is_whole = true;
        break;
    }
    const std::string &arg = re2.error_arg();
    why->nfragment = arg.size() < sizeof why->fragment ? arg.size() : sizeof why->fragment;
    memcpy(why->fragment, arg.data(), why->nfragment);
}

// RE2's parser does not survive std::bad_alloc: unwinding frees half-built trees. So memory for the
// most that it takes is asked for before it starts, and given back at once. Measured: 1.2 KiB a
// byte of pattern; where Unicode classes or counts multiply, 9 KiB, and 16 MiB for the largest
// program.
bool has_room(const char *pattern, size_t n) noexcept
{
    bool multiplies = false;
    for (size_t i = 0; i < n; i++)
        multiplies |=
            pattern[i] == '{' || ((pattern[i] | 0x20) == 'p' && i && pattern[i - 1] == '\\');
    const size_t bytes = multiplies ? (17 << 20) + 10240 * n : (1 << 20) + 2048 * n;
    void *volatile room = ::operator new(bytes, std::nothrow);
    const bool has = room != nullptr;
    ::operator delete(room);
    return has;
}

} // namespace

enum ampql_code cxx_regex_new(const char *pattern, size_t n, bool dot_is_all,
                              struct cxx_regex **out, struct cxx_refusal *why) noexcept
{
    if (!has_room(pattern, n))
        return AMPQL_NOMEM;
    try {
        RE2::Options options;
        options.set_encoding(RE2::Options::EncodingUTF8);
        options.set_log_errors(false);
        options.set_dot_nl(dot_is_all);
        options.set_max_mem(
            CXX_REGEX_BYTES); // 131,072 instructions, and the states of the automaton
        auto *regex = new cxx_regex(re2::StringPiece(pattern, n), options);
        if (regex->re2.ok()) {
            regex->re2.CapturingGroupNames(); // made at first use: here, while there is room
            *out = regex;
            return AMPQL_OK;
        }
        explain(regex->re2, why);
        delete regex;
        return AMPQL_PARSE;
    } catch (...) {
        return AMPQL_NOMEM;
    }
}

void cxx_regex_free(struct cxx_regex *regex) noexcept
{
    delete regex;
}

int cxx_regex_match(const struct cxx_regex *regex, const char *p, size_t n,
                    struct ampql_string *groups, size_t ngroups) noexcept
{
    try {
        constexpr size_t FEW = 16;
        re2::StringPiece few[FEW];
        std::vector<re2::StringPiece> many(ngroups > FEW ? ngroups : 0);
        re2::StringPiece *found = ngroups > FEW ? many.data() : few;
        if (!regex->re2.Match(re2::StringPiece(p, n), 0, n, RE2::ANCHOR_BOTH, found,
                              static_cast<int>(ngroups)))
            return 0;
        for (size_t i = 0; i < ngroups; i++)
            groups[i] = {found[i].data(), found[i].size()};
        return 1;
    } catch (...) {
        return -1;
    }
}

size_t cxx_regex_ngroups(const struct cxx_regex *regex) noexcept
{
    return static_cast<size_t>(regex->re2.NumberOfCapturingGroups());
}

int cxx_regex_group(const struct cxx_regex *regex, const char *name, size_t n, int after) noexcept
{
    const auto &groups = regex->re2.CapturingGroupNames();
    for (auto group = groups.upper_bound(after); group != groups.end(); ++group)
        if (group->second.compare(0, std::string::npos, name, n) == 0)
            return group->first;
    return -1;
}
