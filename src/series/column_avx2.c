/* The loops of unpacking with AVX2 and FMA: four samples at a time. */
#include "series/column_kernels.h"

#ifdef __x86_64__

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2,fma")))

AVX2 static void put(void *to, __m256i x)
{
    _mm256_storeu_si256((__m256i *)to, x);
}

AVX2 static __m256i get(const void *from)
{
    return _mm256_loadu_si256((const __m256i *)from);
}

AVX2 static void fill(uint64_t bits, void *x, size_t n)
{
    __m256i all = _mm256_set1_epi64x((long long)bits);
    char *out = x;
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        put(out + i * 8, all);
        put(out + i * 8 + 32, all);
    }
    column_kernels_portable.fill(bits, out + i * 8, n - i);
}

AVX2 static void steps(uint64_t first, uint64_t step, int64_t *x, size_t n)
{
    __m256i low = _mm256_set_epi64x((long long)(first + 3 * step), (long long)(first + 2 * step),
                                    (long long)(first + step), (long long)first);
    __m256i four = _mm256_set1_epi64x((long long)(4 * step));
    __m256i high = _mm256_add_epi64(low, four), eight = _mm256_add_epi64(four, four);
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        put(x + i, low);
        put(x + i + 4, high);
        low = _mm256_add_epi64(low, eight);
        high = _mm256_add_epi64(high, eight);
    }
    column_kernels_portable.steps(first + i * step, step, x + i, n - i);
}

/* How four numbers of a width, the first of which begins at a bit of a byte, are taken from two
 * loads of 16 bytes: the third begins at byte `third`. */
struct four {
    __m256i bytes, shifts;
    size_t first, third;
};

AVX2 static struct four plan_four(size_t bit, unsigned width)
{
    uint8_t bytes[32];
    uint64_t shifts[4];
    for (size_t k = 0; k < 4; k++) {
        size_t at = bit + k * width, load = (bit + k / 2 * 2 * width) / 8;
        shifts[k] = at % 8;
        for (size_t b = 0; b < 8; b++)
            bytes[k * 8 + b] = (uint8_t)(at / 8 - load + b);
    }
    return (struct four){get(bytes), get(shifts), bit / 8, (bit + 2 * width) / 8};
}

AVX2 static inline __m256i take_four(const uint8_t *p, const struct four *plan, __m256i mask,
                                     __m256i base)
{
    __m128i low = _mm_loadu_si128((const __m128i *)(p + plan->first));
    __m128i high = _mm_loadu_si128((const __m128i *)(p + plan->third));
    __m256i both = _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
    __m256i x = _mm256_srlv_epi64(_mm256_shuffle_epi8(both, plan->bytes), plan->shifts);
    return _mm256_add_epi64(_mm256_and_si256(x, mask), base);
}

AVX2 static void unpack(const uint8_t *p, size_t n, unsigned width, uint64_t base, uint64_t *u)
{
    struct four low = plan_four(0, width), high = plan_four((size_t)4 * width, width);
    __m256i mask = _mm256_set1_epi64x((long long)((UINT64_C(1) << width) - 1));
    __m256i add = _mm256_set1_epi64x((long long)base);
    for (size_t i = 0; i + 8 <= n; i += 8, p += width) {
        put(u + i, take_four(p, &low, mask, add));
        put(u + i + 4, take_four(p, &high, mask, add));
    }
}

AVX2 static void scale(uint64_t *u, size_t n, uint64_t factor, uint64_t base)
{
    __m256i low = _mm256_set1_epi64x((long long)factor), high = _mm256_srli_epi64(low, 32);
    __m256i add = _mm256_set1_epi64x((long long)base);
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
        __m256i x = get(u + i);
        __m256i cross = _mm256_add_epi64(_mm256_mul_epu32(_mm256_srli_epi64(x, 32), low),
                                         _mm256_mul_epu32(x, high));
        __m256i product = _mm256_add_epi64(_mm256_mul_epu32(x, low), _mm256_slli_epi64(cross, 32));
        put(u + i, _mm256_add_epi64(product, add));
    }
    column_kernels_portable.scale(u + i, n - i, factor, base);
}

AVX2 static void add_up(uint64_t *x, size_t n)
{
    __m256i zero = _mm256_setzero_si256(), sum = zero;
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
        __m256i four = get(x + i);
        four = _mm256_add_epi64(four, _mm256_slli_si256(four, 8)); /* sums of each half */
        __m256i low = _mm256_permute4x64_epi64(four, 0x55);
        four = _mm256_add_epi64(four, _mm256_blend_epi32(zero, low, 0xf0));
        put(x + i, _mm256_add_epi64(four, sum));
        sum = _mm256_add_epi64(sum, _mm256_permute4x64_epi64(four, 0xff));
    }
    uint64_t last = (uint64_t)_mm256_extract_epi64(sum, 0);
    for (; i < n; i++)
        x[i] = last += x[i];
}

/* Which of four words stand in four places, as halves of words: the first, and then the next one at
 * each bit that is set. */
#define PLACE(word) 2 * (word), 2 * (word) + 1
#define PLACES(a, b, c)                                                                            \
    {                                                                                              \
        PLACE(0), PLACE(a), PLACE((a) + (b)), PLACE((a) + (b) + (c))                               \
    }
static const uint32_t places[8][8] = {PLACES(0, 0, 0), PLACES(1, 0, 0), PLACES(0, 1, 0),
                                      PLACES(1, 1, 0), PLACES(0, 0, 1), PLACES(1, 0, 1),
                                      PLACES(0, 1, 1), PLACES(1, 1, 1)};

/* How many bits of a number are set. */
static const uint8_t ones[16] = {0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4};

AVX2 static void spread(const void *words, const uint8_t *bitmap, void *out, size_t n)
{
    const char *from = words;
    char *to = out;
    __builtin_memcpy(to, from, 8);
    size_t i = 1;
    for (; i + 8 <= n; i += 8) {
        unsigned byte = bitmap[(i - 1) / 8], low = byte % 16, high = byte / 16;
        __m256i four = get(from + (size_t)(low & 1) * 8);
        put(to + i * 8, _mm256_permutevar8x32_epi32(four, get(places[low / 2])));
        from += (size_t)ones[low] * 8;
        four = get(from + (size_t)(high & 1) * 8);
        put(to + i * 8 + 32, _mm256_permutevar8x32_epi32(four, get(places[high / 2])));
        from += (size_t)ones[high] * 8;
    }
    unsigned byte = i < n ? bitmap[(i - 1) / 8] : 0;
    for (; i < n; i++, byte >>= 1) {
        from += (size_t)(byte & 1) * 8;
        __builtin_memcpy(to + i * 8, from, 8);
    }
}

/* k / d for d = 10^e by its reciprocal y, and one correction with the remainder: q + (k - q d) y is
 * within 2^-103 of k / d, relatively, before its one rounding. k / d, with k below 2^51, is never
 * half way between two doubles, and as d = 5^e 2^e with 5^e below 2^42, no closer to that than
 * 2^-96: so the rounding is that of k / d itself. A division takes several times as long. */
AVX2 static inline __m256d divide_four(__m256d k, __m256d d, __m256d y)
{
    __m256d q = _mm256_mul_pd(k, y);
    return _mm256_fmadd_pd(_mm256_fnmadd_pd(q, d, k), y, q);
}

AVX2 static bool divide(const uint64_t *k, double *v, size_t n, unsigned e)
{
    const __m256d magic = _mm256_set1_pd(6755399441055744);
    const __m256i bias = _mm256_set1_epi64x(INT64_C(1) << 50);
    __m256d d = _mm256_set1_pd(column_power10[e]), y = _mm256_set1_pd(1 / column_power10[e]);
    __m256i high = _mm256_setzero_si256();
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
        __m256i x = get(k + i);
        high = _mm256_or_si256(high, _mm256_add_epi64(x, bias));
        x = _mm256_add_epi64(x, _mm256_castpd_si256(magic));
        __m256d whole = _mm256_sub_pd(_mm256_castsi256_pd(x), magic);
        _mm256_storeu_pd(v + i, e == 0 ? whole : divide_four(whole, d, y));
    }
    bool is_small = _mm256_testz_si256(high, _mm256_set1_epi64x(-(INT64_C(1) << 51)));
    return is_small && column_kernels_portable.divide(k + i, v + i, n - i, e);
}

static const struct column_kernels kernels = {
    .name = "AVX2",
    .fill = fill,
    .steps = steps,
    .unpack = unpack,
    .scale = scale,
    .add_up = add_up,
    .spread = spread,
    .divide = divide,
};

const struct column_kernels *column_kernels_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &kernels : NULL;
}

#else

const struct column_kernels *column_kernels_avx2(void)
{
    return NULL;
}

#endif
