/*
 * A device that speaks EMGSTIM/1, written from docs/wire/emgstim-1.md alone; numbers in brackets are its sections.
 *
 *     emgstim_device PORT [BOOT_MS]
 *
 * It listens on the loopback TCP port (0: any free one), prints {"port": N}, serves one host at a time, and runs on
 * the wall clock. Its self-test takes BOOT_MS. SIGUSR2 is its own stop (6.2), SIGUSR1 the operator's act on it (5.12); SIGTERM ends it.
 */
#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* ---- Numbers ------------------------------------------------------------------------------------------- [2, 9] */

enum { FRAME_MAX = 4096, ENCODED_MAX = 4113, PAYLOAD_MAX = 4084, HEADER = 8, OVERHEAD = 12, TEXT_MAX = 200 };
enum { FLAG_REPLY = 1, FLAG_ERROR = 2, FLAG_MORE = 4 };
enum { CHAN_CONTROL, CHAN_DATA, CHAN_EVENT, CHAN_LOG, CHANS };
enum { VERSION = 0x10 };
enum type {
    T_HELLO = 0x01, T_IDENT = 0x02, T_DESC = 0x03, T_REG = 0x04, T_CAL = 0x05, T_STREAM = 0x10, T_DATA = 0x11,
    T_IMPEDANCE = 0x12, T_HEARTBEAT = 0x20, T_STATUS = 0x21, T_PROGRAM = 0x30, T_ARM = 0x31, T_FIRE = 0x32,
    T_REPORT = 0x33, T_CLEAR = 0x3E, T_ESTOP = 0x3F, T_EVENT = 0x40, T_NAK = 0x7F,
};
enum nak {
    DONE, UNSUPPORTED, WRONG_VERSION, MALFORMED, WRONG_STATE, LIMIT, LATE, REUSED, TOKEN, CHALLENGE, LIMITS_DIFFER,
    INTERLOCK, REFRACTORY_NAK, BUSY, ADDRESS, READ_ONLY, NO_PROGRAM, VALUE,
};
static const char *const NAK_NAME[] = {
    "done", "unsupported", "version", "malformed", "state", "limit", "late", "reused", "token", "challenge",
    "limits_differ", "interlock", "refractory", "busy", "address", "read_only", "program", "value",
};
enum state { BOOT, SAFE, CONFIGURED, ARMED, FIRING, REFRACTORY, FAULT, STATES };
enum event {
    E_STATE = 1, E_INTERLOCK = 2, E_WATCHDOG = 3, E_OVERFLOW = 4, E_GARBAGE = 6, E_TOKEN = 7, E_STREAM = 8,
};
enum interlock { /* 6.2 */
    I_ESTOP = 1u << 0, I_HANDPIECE = 1u << 1, I_ELECTRODE = 1u << 2, I_COMPLIANCE = 1u << 3, I_HV = 1u << 4,
    I_HOT = 1u << 5, I_HEARTBEAT = 1u << 6, I_CAL = 1u << 7, I_BUDGET = 1u << 8, I_RATE = 1u << 9,
    I_ISOLATION = 1u << 10, I_SELF_TEST = 1u << 11, I_LIMITS = 1u << 12, I_CLOCK = 1u << 13, I_RX = 1u << 14,
};
enum {
    UNANNOUNCED = I_RATE | I_LIMITS,
    NO_BAR_TO_ARMING = I_COMPLIANCE | I_RATE | I_LIMITS,
    CLEARED_BY_CLEAR = I_ESTOP | I_HV | I_HOT | I_ISOLATION | I_CLOCK,
};
enum { U8 = 1, U32 = 3, VALUE_TYPES = 5 };
static const uint8_t VALUE_WIDTH[VALUE_TYPES + 1] = {0, 1, 2, 4, 8, 4};
enum { MARK_ONSET = 1, FORMATS = 3, RESULT_OK = 0, RESULT_ABORTED = 4 };
enum { NOT_MEASURED_UA = INT32_MIN, LOAD_UNKNOWN = 65535 };

/* ---- What this device is -------------------------------------------------------------------------- [5.1, 7, 8] */

enum { CHANNELS = 16, STIM_CHANNELS = 1, RANGES = 1, PULSES_MAX = 10, AREA_MM2 = 50 };
enum { R_CURRENT, R_CHARGE, R_ENERGY, R_INTERVAL, R_WIDTH, R_DENSITY, R_PULSES, LIMITS };
enum { A_LIMIT = 0x0100, A_HARD = 0x0110, A_TICKS = 0x0120, A_CHANNELS = 0x0121, A_AREA = 0x0122 };
static const uint32_t HARD[LIMITS] = {50000, 25000, 50000, 100000, 1000, 20000, PULSES_MAX};
static const uint32_t RATES[] = {20000, 2000};
static const char SERIAL[] = "EP-0002", FIRMWARE[] = "1.0.0+peer", MODEL[] = "EMGSTIM second device";
#define TICKS_HZ UINT64_C(1000000)
#define MS (TICKS_HZ / 1000)
static const double LSB_NV = 50.0, OFFSET_NV = 0.0;
enum { GROUP_DELAY = 4 };                   /* samples at 20 kHz */
enum { NOISE_COUNTS = 80 };                 /* 4 uV */
enum { RESPONSE_COUNTS = 20000 };           /* 1 mV */
enum { RESPONSE_ROWS = 0x00FF };            /* the channels of one side */
static const double RESPONSE_AT_MS = 3.0, RESPONSE_HALF_MS = 4.0;
enum { TRIGGER_TO_OUTPUT_NS = 1250, WIDTH_ERROR_NS = 50, LOAD_OHM = 2100, HV_VOLT = 400 };

/* ---- State ----------------------------------------------------------------------------------------------------- */

struct buffer { uint8_t bytes[FRAME_MAX]; size_t size; };
struct phase { int32_t current_uA; uint32_t duration_us; };
struct program {
    bool there;
    uint16_t id, count, max_charge_nC;
    uint8_t nphase;
    uint32_t period_us, flags;
    struct phase phase[8];
};
struct stream {
    bool running;
    uint32_t id, rate, mask;
    uint8_t fmt, block, nch;
    uint64_t start, sent, taken;            /* start in ticks; samples sent or dropped; samples taken */
};
struct marker { uint64_t sample; uint16_t subsample, id; uint8_t pulse; uint32_t stim_seq; int32_t uA; };
struct pulse { uint32_t stim_seq; unsigned index; bool begun; uint64_t at, sample, onset, end; uint16_t subsample; };
enum { OUT_SIZE = 1 << 20, OUT_RESERVE = 1 << 16, MARKERS_MAX = 4, RESPONSES = 4 };

static struct {
    enum state state;
    uint32_t interlocks, boot_id, limit[LIMITS];
    bool met, acted;                        /* a HELLO since power-up or link loss; the act since the fault */
    uint64_t boot_end;
    struct program program;
    uint32_t challenge, token, last_stim_seq;   /* 0: none */
    uint64_t challenge_at, confirmed_at, token_beat, any_beat;
    bool shocked;
    uint64_t last_onset;                    /* ticks of the last pulse that began */
    struct pulse pulse;
    uint8_t report[PULSES_MAX][40];
    unsigned reports;
    struct stream stream;
    struct marker marker[MARKERS_MAX];
    unsigned markers;
    double response[RESPONSES];             /* onsets in samples of the running stream */
    unsigned responses;
    uint32_t lost_samples, garbage;
    uint64_t garbage_at;
    uint32_t key[4], serial_of_secret, lcg;
    uint8_t calibration[36 + 28 * CHANNELS + 24 * RANGES + 4];
} dev;

static struct {
    int listener, host;
    uint16_t seq[CHANS], expected[CHANS];
    bool counting[CHANS];
    uint32_t lost, repeated;                /* frames of the host (4) */
    uint8_t in[ENCODED_MAX];
    size_t in_size;
    bool in_overlong;
    uint8_t out[OUT_SIZE];
    size_t out_head, out_size;
} line;

static volatile sig_atomic_t act_seen, stop_seen, end_seen;
static char why[TEXT_MAX + 1];

static uint64_t ticks(void) /* the device clock: 0 at power-up */
{
    static struct timespec start;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (start.tv_sec == 0 && start.tv_nsec == 0)
        start = now;
    return (uint64_t)((now.tv_sec - start.tv_sec) * (int64_t)TICKS_HZ + (now.tv_nsec - start.tv_nsec) / 1000);
}

/* ---- Bytes, CRC, COBS ------------------------------------------------------------------------------------- [3] */

static void put(struct buffer *to, uint64_t value, unsigned width)
{
    for (; width > 0; width--, value >>= 8)
        to->bytes[to->size++] = (uint8_t)value;
}

static void put_bytes(struct buffer *to, const void *bytes, size_t size)
{
    if (size > 0)
        memcpy(to->bytes + to->size, bytes, size);
    to->size += size;
}

static void put_f64(struct buffer *to, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    put(to, bits, 8);
}

static void put_f32(struct buffer *to, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    put(to, bits, 4);
}

static uint64_t get(const uint8_t *at, unsigned width)
{
    uint64_t value = 0;
    while (width-- > 0)
        value = value << 8 | at[width];
    return value;
}

static uint32_t crc32(const uint8_t *bytes, size_t size)
{
    uint32_t crc = 0xFFFFFFFFu;
    while (size-- > 0) {
        crc ^= *bytes++;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
    }
    return ~crc;
}

static size_t cobs_encode(const uint8_t *plain, size_t size, uint8_t *code)
{
    size_t mark = 0, to = 1;
    for (size_t from = 0; from < size; from++) {
        if (plain[from] != 0)
            code[to++] = plain[from];
        bool full = to - mark == 255;
        if (plain[from] == 0 || (full && from + 1 < size)) {
            code[mark] = (uint8_t)(to - mark);
            mark = to++;
        }
    }
    code[mark] = (uint8_t)(to - mark);
    return to;
}

static bool cobs_decode(const uint8_t *code, size_t size, uint8_t *plain, size_t *plain_size)
{
    size_t from = 0, to = 0;
    while (from < size) {
        size_t piece = code[from];
        if (piece == 0 || from + piece > size || to + piece > FRAME_MAX + 1)
            return false;
        memcpy(plain + to, code + from + 1, piece - 1);
        to += piece - 1;
        from += piece;
        if (piece < 255 && from < size)
            plain[to++] = 0;
    }
    *plain_size = to;
    return true;
}

/* ---- Sending ----------------------------------------------------------------------------------------- [2, 4, 5] */

static size_t out_free(void)
{
    return OUT_SIZE - line.out_size;
}

static void send_frame(uint8_t type, uint8_t flags, uint8_t chan, const struct buffer *payload)
{
    struct buffer frame = {.size = 0};
    uint8_t code[ENCODED_MAX + 1];
    if (line.host < 0)
        return;
    put(&frame, VERSION, 1);
    put(&frame, type, 1);
    put(&frame, flags, 1);
    put(&frame, chan, 1);
    put(&frame, line.seq[chan]++, 2);
    put(&frame, payload->size, 2);
    put_bytes(&frame, payload->bytes, payload->size);
    put(&frame, crc32(frame.bytes, frame.size), 4);
    size_t size = cobs_encode(frame.bytes, frame.size, code);
    code[size++] = 0;
    if (size > out_free()) { /* the host sends but does not read */
        shutdown(line.host, SHUT_RDWR);
        return;
    }
    for (size_t k = 0; k < size; k++)
        line.out[(line.out_head + line.out_size++) % OUT_SIZE] = code[k];
}

static uint64_t sample_index(void) /* as in STATUS (5.2) */
{
    return dev.stream.taken;
}

static void send_event(enum event code, int32_t value, const char *format, ...)
{
    struct buffer payload = {.size = 0};
    char text[TEXT_MAX + 1];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    put(&payload, code, 1);
    put(&payload, ticks(), 8);
    put(&payload, sample_index(), 8);
    put(&payload, dev.state, 1);
    put(&payload, dev.interlocks, 4);
    put(&payload, (uint32_t)value, 4);
    put_bytes(&payload, text, strlen(text));
    send_frame(T_EVENT, 0, CHAN_EVENT, &payload);
}

static void send_nak(uint16_t re, enum nak code)
{
    struct buffer payload = {.size = 0};
    const char *text = why[0] != 0 ? why : NAK_NAME[code];
    put(&payload, code, 1);
    put(&payload, re, 2);
    put_bytes(&payload, text, strlen(text));
    send_frame(T_NAK, FLAG_REPLY | FLAG_ERROR, CHAN_CONTROL, &payload);
}

static enum nak refuse(enum nak code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    return code;
}

/* ---- States and interlocks --------------------------------------------------------------------------------- [6] */

static void set_interlocks(uint32_t set, uint32_t clear) /* 6.2: every edge is an EVENT, except 9 and 12 */
{
    uint32_t now = (dev.interlocks & ~clear) | set, changed = now ^ dev.interlocks;
    dev.interlocks = now;
    if (changed & ~(uint32_t)UNANNOUNCED)
        send_event(E_INTERLOCK, (int32_t)changed, "interlocks 0x%04" PRIx32, now);
}

static void enter(enum state state)
{
    dev.state = state;
    if (state != ARMED && state != FIRING)
        dev.token = 0;
    if (state == SAFE || state == FAULT) {
        dev.program.there = false;
        dev.challenge = 0;
    }
}

static bool high_voltage(void)
{
    return dev.state == ARMED || dev.state == FIRING;
}

static bool interval_passed(uint64_t now) /* 6.4 */
{
    return !dev.shocked || now >= dev.last_onset + dev.limit[R_INTERVAL];
}

static uint32_t new_secret(void) /* 5.9: unpredictable, never 0, never twice: a keyed permutation of a counter */
{
    uint32_t left, right;
    do {
        uint32_t counter = ++dev.serial_of_secret;
        left = counter >> 16;
        right = counter & 0xFFFF;
        for (int round = 0; round < 8; round++) {
            uint32_t mixed = (right ^ dev.key[round % 4]) * 0x9E3779B1u + dev.key[(round + 1) % 4];
            mixed = (mixed ^ mixed >> 15) * 0x85EBCA77u;
            uint32_t next = left ^ mixed >> 16;
            left = right;
            right = next;
        }
    } while ((left << 16 | right) == 0);
    return left << 16 | right;
}

/* ---- Pulses --------------------------------------------------------------------------------- [5.6, 5.10, 5.11] */

static void send_report(const uint8_t *report)
{
    struct buffer payload = {.size = 0};
    put_bytes(&payload, report, 40);
    send_frame(T_REPORT, 0, CHAN_EVENT, &payload);
}

static void report_pulse(uint8_t result, uint64_t delivered_ns) /* too short to be measured: 0 ns of a pulse that began */
{
    struct buffer report = {.size = 0};
    const struct phase *first = &dev.program.phase[0];
    uint64_t phase_ns = (uint64_t)first->duration_us * 1000;
    uint64_t width_ns = delivered_ns < phase_ns ? delivered_ns : phase_ns + WIDTH_ERROR_NS;
    bool measured = delivered_ns > 0;
    int32_t uA = measured ? (int32_t)((int64_t)first->current_uA * 399 / 400) /* 0.25 % below the command */
                          : dev.pulse.begun ? NOT_MEASURED_UA : 0;
    if (!measured)
        width_ns = 0;
    put(&report, dev.pulse.stim_seq, 4);
    put(&report, dev.pulse.sample, 8);
    put(&report, dev.pulse.subsample, 2);
    put(&report, dev.program.id, 2);
    put(&report, (uint32_t)first->current_uA, 4);
    put(&report, (uint32_t)uA, 4);
    put(&report, width_ns, 4);
    put(&report, (uint32_t)(int32_t)((int64_t)uA * (int64_t)width_ns / 1000000), 4);
    put(&report, measured ? (uint64_t)llabs((int64_t)uA * LOAD_OHM / 1000000) : 0, 2);
    put(&report, measured ? LOAD_OHM / 10 : LOAD_UNKNOWN, 2);
    put(&report, result, 1);
    put(&report, dev.pulse.index, 2);
    put(&report, 0, 1);
    memcpy(dev.report[dev.reports++], report.bytes, 40);
    send_report(report.bytes);
}

static uint64_t program_us(const struct program *program)
{
    uint64_t sum = 0;
    for (unsigned k = 0; k < program->nphase; k++)
        sum += program->phase[k].duration_us;
    return sum;
}

static void plan_pulse(unsigned index) /* onset = at_sample + index periods + the delay of the output stage */
{
    uint64_t ns = (uint64_t)index * dev.program.period_us * 1000 + TRIGGER_TO_OUTPUT_NS, rate = dev.stream.rate;
    uint64_t samples = ns / 1000000 * rate / 1000, rest = ns % 1000000 * rate + ns / 1000000 * rate % 1000 * 1000000;
    struct pulse *pulse = &dev.pulse;
    pulse->index = index;
    pulse->begun = false;
    pulse->sample = pulse->at + samples + rest / 1000000000;
    pulse->subsample = (uint16_t)(rest % 1000000000 * 65536 / 1000000000);
    pulse->onset = dev.stream.start + pulse->sample * TICKS_HZ / rate + pulse->subsample * TICKS_HZ / (rate * 65536);
    pulse->end = pulse->onset + program_us(&dev.program);
}

static void begin_pulse(void)
{
    struct pulse *pulse = &dev.pulse;
    pulse->begun = true;
    dev.shocked = true;
    dev.last_onset = pulse->onset;
    dev.response[dev.responses++ % RESPONSES] = (double)pulse->sample + pulse->subsample / 65536.0;
    if (dev.markers < MARKERS_MAX)
        dev.marker[dev.markers++] = (struct marker){
            .sample = pulse->sample, .subsample = pulse->subsample, .id = dev.program.id,
            .pulse = (uint8_t)pulse->index, .stim_seq = pulse->stim_seq, .uA = dev.program.phase[0].current_uA};
}

static void run_output(uint64_t now) /* what the output stage has done up to now */
{
    while (dev.state == FIRING && now >= (dev.pulse.begun ? dev.pulse.end : dev.pulse.onset)) {
        if (!dev.pulse.begun) {
            begin_pulse();
            continue;
        }
        report_pulse(RESULT_OK, program_us(&dev.program) * 1000);
        if (dev.pulse.index + 1u < dev.program.count)
            plan_pulse(dev.pulse.index + 1);
        else
            enter(REFRACTORY);
    }
    if (dev.state == REFRACTORY && interval_passed(now))
        enter(CONFIGURED);
    if (interval_passed(now))
        set_interlocks(0, I_RATE);
}

static void abort_pulse(uint64_t now) /* 5.11: the pulse that runs or is due has a report, later ones have none */
{
    if (dev.state == FIRING)
        report_pulse(RESULT_ABORTED, dev.pulse.begun ? (now - dev.pulse.onset) * 1000 : 0);
}

/* ---- Samples --------------------------------------------------------------------------------------- [5.5, 5.6] */

static int32_t noise(void)
{
    dev.lcg = dev.lcg * 1664525u + 1013904223u;
    return (int32_t)((dev.lcg >> 16) % (2 * NOISE_COUNTS + 1)) - NOISE_COUNTS;
}

static int32_t response(uint64_t sample) /* a positive and a negative parabola, delayed like every sample (5.6) */
{
    double sum = 0;
    for (unsigned k = 0; k < RESPONSES && k < dev.responses; k++) {
        double ms = ((double)sample - dev.response[k]) * 1e3 / dev.stream.rate - RESPONSE_AT_MS
                    - GROUP_DELAY * 1e3 / RATES[0];
        double half = ms / RESPONSE_HALF_MS, u = half < 1 ? half : half - 1;
        if (half >= 0 && half < 2)
            sum += (half < 1 ? 4 : -4) * u * (1 - u);
    }
    return (int32_t)(RESPONSE_COUNTS * sum);
}

static void send_block(unsigned n)
{
    static const int64_t TOP[FORMATS] = {INT16_MAX, 0x7FFFFF, INT32_MAX};
    struct stream *stream = &dev.stream;
    struct buffer payload = {.size = 0}, samples = {.size = 0};
    uint64_t first = stream->sent;
    uint32_t over = 0;
    unsigned nmark = 0, kept = 0;
    for (unsigned k = 0; k < n; k++) {
        int32_t evoked = response(first + k);
        for (unsigned channel = 0, row = 0; channel < CHANNELS; channel++) {
            if ((stream->mask >> channel & 1) == 0)
                continue;
            int64_t count = noise() + (RESPONSE_ROWS >> channel & 1 ? evoked : 0), top = TOP[stream->fmt];
            if (count > top || count < -top - 1) {
                count = count > top ? top : -top - 1;
                over |= 1u << row;
            }
            put(&samples, (uint64_t)count, stream->fmt + 2u);
            row++;
        }
    }
    stream->sent += n;
    put(&payload, first, 8);
    put(&payload, n, 1);
    put(&payload, stream->nch, 1);
    put(&payload, stream->fmt, 1);
    put(&payload, 0, 1);
    put(&payload, over, 4);
    put(&payload, 0, 4);
    for (unsigned k = 0; k < dev.markers; k++) {
        const struct marker *marker = &dev.marker[k];
        if (marker->sample >= first + n) {
            dev.marker[kept++] = *marker;
            continue;
        }
        put(&payload, marker->sample - first, 2);
        put(&payload, marker->subsample, 2);
        put(&payload, MARK_ONSET, 1);
        put(&payload, marker->pulse, 1);
        put(&payload, marker->id, 2);
        put(&payload, marker->stim_seq, 4);
        put(&payload, (uint32_t)marker->uA, 4);
        nmark++;
    }
    dev.markers = kept;
    payload.bytes[11] = (uint8_t)nmark;
    put_bytes(&payload, samples.bytes, samples.size);
    if (out_free() < OUT_RESERVE) { /* whole frames are dropped, and nothing is numbered anew */
        dev.lost_samples += n;
        return;
    }
    send_frame(T_DATA, 0, CHAN_DATA, &payload);
}

static void run_samples(uint64_t now) /* sample k is taken when its period has passed */
{
    struct stream *stream = &dev.stream;
    if (!stream->running)
        return;
    stream->taken = (now - stream->start) * stream->rate / TICKS_HZ;
    while (stream->taken - stream->sent >= stream->block)
        send_block(stream->block);
    if (dev.lost_samples > 0 && out_free() >= 2 * OUT_RESERVE) {
        send_event(E_OVERFLOW, (int32_t)dev.lost_samples, "%" PRIu32 " samples dropped", dev.lost_samples);
        dev.lost_samples = 0;
    }
}

static void stop_stream(uint64_t now, bool send_rest)
{
    run_samples(now);
    if (dev.stream.running && send_rest && dev.stream.taken > dev.stream.sent)
        send_block((unsigned)(dev.stream.taken - dev.stream.sent));
    dev.stream.running = false;
    dev.markers = dev.responses = 0;
}

/* ---- Requests ---------------------------------------------------------------------------------------------- [5] */

struct request {
    uint16_t seq;
    const uint8_t *bytes;
    size_t size;
    uint64_t now;
    int next;                               /* the state of the table's cell, or STAY */
};
enum { STAY = -1 };

static void settle(const struct request *request)
{
    if (request->next != STAY)
        enter((enum state)request->next);
}

static void put_status(struct buffer *reply, uint64_t host_ns) /* 5.2 */
{
    size_t frames = out_free() / (ENCODED_MAX + 1);
    put(reply, host_ns, 8);
    put(reply, ticks(), 8);
    put(reply, sample_index(), 8);
    put(reply, dev.state, 1);
    put(reply, dev.interlocks, 4);
    put(reply, dev.last_stim_seq, 4);
    put(reply, 3125, 2);
    put(reply, high_voltage() ? HV_VOLT : 0, 2);
    put(reply, frames < 65535 ? frames : 65535, 2);
}

static void put_tlv(struct buffer *reply, uint8_t tag, const void *bytes, size_t size)
{
    put(reply, tag, 1);
    put(reply, size, 1);
    put_bytes(reply, bytes, size);
}

static enum nak hello(const struct request *request, struct buffer *reply) /* 5.1 */
{
    if (request->bytes[0] < 1)
        return refuse(WRONG_VERSION, "major %u, this device speaks 1", request->bytes[0]);
    abort_pulse(request->now);
    stop_stream(request->now, false);
    settle(request);
    dev.program.there = false;
    dev.challenge = 0;
    dev.met = true;
    dev.any_beat = request->now;
    set_interlocks(0, I_HEARTBEAT | I_RX);

    put(reply, VERSION >> 4, 1);
    put(reply, VERSION & 15, 1);
    put_bytes(reply, request->bytes + 2, 4);
    put(reply, dev.boot_id, 4);
    put(reply, 0, 4); /* no descriptor (5.3) */
    struct buffer words = {.size = 0};
    put_tlv(reply, 1, SERIAL, sizeof SERIAL - 1);
    put_tlv(reply, 2, FIRMWARE, sizeof FIRMWARE - 1);
    put_tlv(reply, 3, MODEL, sizeof MODEL - 1);
    put_tlv(reply, 4, &(uint8_t){CHANNELS}, 1);
    for (size_t k = 0; k < sizeof RATES / sizeof *RATES; k++)
        put(&words, RATES[k], 4);
    put_tlv(reply, 5, words.bytes, words.size);
    words.size = 0;
    for (size_t k = 0; k < LIMITS; k++)
        put(&words, HARD[k], 4);
    put_tlv(reply, 6, words.bytes, words.size);
    put_tlv(reply, 7, &(uint8_t){1}, 1);
    words.size = 0;
    put(&words, TICKS_HZ, 4);
    put(&words, dev.last_stim_seq, 4);
    put_tlv(reply, 8, words.bytes, 4);
    put_tlv(reply, 9, words.bytes + 4, 4);
    return DONE;
}

static enum nak heartbeat(const struct request *request, struct buffer *reply) /* 5.2, 6.3 */
{
    dev.any_beat = request->now;
    if (dev.token != 0 && get(request->bytes + 8, 4) == dev.token)
        dev.token_beat = request->now;
    set_interlocks(0, I_HEARTBEAT);
    put_status(reply, get(request->bytes, 8));
    return DONE;
}

static enum nak read_block(const struct request *request, struct buffer *reply, const uint8_t *block, size_t total)
{
    size_t offset = get(request->bytes, 4), length = get(request->bytes + 4, 2);
    if (length > 2048)
        return refuse(VALUE, "length %zu, at most 2048", length);
    if (offset > total)
        return refuse(ADDRESS, "offset %zu of %zu", offset, total);
    put(reply, offset, 4);
    put(reply, total, 4);
    put_bytes(reply, block + offset, length < total - offset ? length : total - offset);
    return DONE;
}

static enum nak desc_read(const struct request *request, struct buffer *reply) /* 5.3 */
{
    return read_block(request, reply, dev.calibration, 0);
}

static enum nak cal_read(const struct request *request, struct buffer *reply)
{
    return read_block(request, reply, dev.calibration, sizeof dev.calibration);
}

static bool read_register(uint16_t address, uint32_t *value) /* 8 */
{
    if (address >= A_LIMIT && address < A_LIMIT + LIMITS)
        *value = dev.limit[address - A_LIMIT];
    else if (address >= A_HARD && address < A_HARD + LIMITS)
        *value = HARD[address - A_HARD];
    else if (address == A_TICKS)
        *value = TICKS_HZ;
    else if (address == A_CHANNELS)
        *value = CHANNELS;
    else if (address == A_AREA)
        *value = AREA_MM2;
    else
        return false;
    return true;
}

static enum nak reg_read(const struct request *request, struct buffer *reply) /* 5.4 */
{
    uint16_t address = (uint16_t)get(request->bytes + 1, 2);
    uint32_t value;
    if (!read_register(address, &value))
        return refuse(ADDRESS, "no register 0x%04x", address);
    put(reply, request->bytes[0], 1);
    put(reply, address, 2);
    put(reply, U32, 1);
    put(reply, value, 4);
    return DONE;
}

static bool reg_write_shape(const uint8_t *bytes, size_t size)
{
    return size > 4 && bytes[3] >= U8 && bytes[3] <= VALUE_TYPES && size == 4u + VALUE_WIDTH[bytes[3]];
}

static enum nak reg_write(const struct request *request, struct buffer *reply) /* 5.4, 8 */
{
    uint16_t address = (uint16_t)get(request->bytes + 1, 2);
    uint32_t value, old;
    dev.challenge = 0;
    if (request->bytes[3] != U32)
        return refuse(VALUE, "value type %u, registers are u32", request->bytes[3]);
    if (!read_register(address, &old))
        return refuse(ADDRESS, "no register 0x%04x", address);
    if (address >= A_LIMIT + LIMITS)
        return refuse(READ_ONLY, "register 0x%04x", address);
    unsigned k = address - A_LIMIT;
    value = (uint32_t)get(request->bytes + 4, 4);
    if (k == R_INTERVAL ? value < HARD[k] : value > HARD[k])
        return refuse(LIMIT, "%" PRIu32 ", hard limit %" PRIu32, value, HARD[k]);
    dev.limit[k] = value;
    return reg_read(request, reply);
}

static unsigned bits_of(uint32_t mask)
{
    unsigned count = 0;
    for (; mask != 0; mask &= mask - 1)
        count++;
    return count;
}

static bool stream_shape(const uint8_t *bytes, size_t size)
{
    return size == 11 && bytes[9] < FORMATS;
}

static enum nak stream_start(const struct request *request, struct buffer *reply) /* 5.5 */
{
    uint32_t rate = (uint32_t)get(request->bytes + 1, 4), mask = (uint32_t)get(request->bytes + 5, 4);
    uint8_t fmt = request->bytes[9], block = request->bytes[10];
    unsigned nch = bits_of(mask), size = OVERHEAD + 20 + 16 * MARKERS_MAX + block * nch * (fmt + 2u);
    bool listed = false;
    for (size_t k = 0; k < sizeof RATES / sizeof *RATES; k++)
        listed = listed || RATES[k] == rate;
    if (!listed || mask == 0 || mask >> CHANNELS != 0 || block == 0)
        return refuse(VALUE, "%" PRIu32 " Hz, mask 0x%" PRIx32 ", blocks of %u", rate, mask, block);
    if (size > FRAME_MAX)
        return refuse(LIMIT, "a frame of %u bytes, at most %d", size, FRAME_MAX);
    if (dev.stream.running)
        return refuse(BUSY, "stream %" PRIu32 " runs", dev.stream.id);
    dev.stream = (struct stream){.running = true, .id = dev.stream.id + 1, .rate = rate, .mask = mask, .fmt = fmt,
                                 .block = block, .nch = (uint8_t)nch, .start = request->now};
    dev.any_beat = request->now;
    put(reply, 1, 1);
    put(reply, rate, 4);
    put(reply, 1, 4);
    put(reply, dev.stream.id, 4);
    put(reply, dev.stream.start, 8);
    return DONE;
}

static enum nak stream_stop(const struct request *request, struct buffer *reply) /* 5.5 */
{
    stop_stream(request->now, true);
    put(reply, 0, 1);
    put(reply, dev.stream.id, 4);
    put(reply, dev.stream.taken, 8);
    return DONE;
}

static enum nak impedance(const struct request *request, struct buffer *reply) /* 5.7 */
{
    uint32_t mask = (uint32_t)get(request->bytes, 4);
    uint16_t freq = (uint16_t)get(request->bytes + 4, 2);
    if (mask == 0 || mask >> CHANNELS != 0)
        return refuse(VALUE, "mask 0x%" PRIx32 ", %d channels", mask, CHANNELS);
    if (dev.stream.running)
        return refuse(BUSY, "stream %" PRIu32 " runs", dev.stream.id);
    put(reply, mask, 4);
    put(reply, freq < 10 ? 10 : freq > 250 ? 250 : freq, 2);
    for (unsigned channel = 0; channel < CHANNELS; channel++)
        if (mask >> channel & 1) {
            put(reply, 4700 + 100 * channel, 4);
            put(reply, 5200 + 50 * channel, 4);
            put(reply, 0, 1);
        }
    return DONE;
}

static enum nak check_program(const struct program *program) /* 5.8: against the limits in force */
{
    const uint32_t *limit = dev.limit;
    double squares = 0; /* sum of I^2 t, uA^2 us */
    int64_t net = 0;
    for (unsigned k = 0; k < program->nphase; k++) {
        int64_t current = program->phase[k].current_uA, us = program->phase[k].duration_us, size = llabs(current);
        if (size > limit[R_CURRENT])
            return refuse(LIMIT, "%" PRId64 " uA, limit %" PRIu32, size, limit[R_CURRENT]);
        if (us > limit[R_WIDTH])
            return refuse(LIMIT, "%" PRId64 " us, limit %" PRIu32, us, limit[R_WIDTH]);
        if (size * us > (int64_t)limit[R_CHARGE] * 1000 || size * us > (int64_t)program->max_charge_nC * 1000)
            return refuse(LIMIT, "%" PRId64 " pC, limits %" PRIu32 " and %u nC", size * us, limit[R_CHARGE],
                          program->max_charge_nC);
        squares += (double)size * (double)size * (double)us;
        net += current * us;
    }
    if (squares > limit[R_ENERGY] * 1e9) /* uA^2 x us x 1 kohm = 1e-9 uJ */
        return refuse(LIMIT, "%.1f uJ, limit %" PRIu32, squares / 1e9, limit[R_ENERGY]);
    if (program->count > limit[R_PULSES])
        return refuse(LIMIT, "%u pulses, limit %" PRIu32, program->count, limit[R_PULSES]);
    bool train = program->count > 1;
    if (train && (program->period_us < limit[R_INTERVAL] || program->period_us < program_us(program)))
        return refuse(LIMIT, "period %" PRIu32 " us, limit %" PRIu32, program->period_us, limit[R_INTERVAL]);
    double interval = train ? program->period_us : limit[R_INTERVAL], rms = limit[R_DENSITY] * (AREA_MM2 / 100.0);
    if (squares > rms * rms * interval)
        return refuse(LIMIT, "rms density above %" PRIu32 " uA/cm2", limit[R_DENSITY]);
    if ((program->flags & 1) && net != 0)
        return refuse(LIMIT, "%" PRId64 " pC left over in a balanced pulse", net);
    return DONE;
}

static bool program_shape(const uint8_t *bytes, size_t size)
{
    return size >= 16 && size == 16 + 8u * bytes[3];
}

static enum nak stim_program(const struct request *request, struct buffer *reply) /* 5.8 */
{
    const uint8_t *at = request->bytes;
    struct program program = {.there = true, .id = (uint16_t)get(at, 2), .nphase = at[3],
                              .period_us = (uint32_t)get(at + 4, 4), .count = (uint16_t)get(at + 8, 2),
                              .max_charge_nC = (uint16_t)get(at + 10, 2), .flags = (uint32_t)get(at + 12, 4)};
    bool fit = at[2] < STIM_CHANNELS && program.nphase >= 1 && program.nphase <= 8 && program.count >= 1
               && program.flags <= 1;
    enum nak code;
    dev.challenge = 0;
    for (unsigned k = 0; fit && k < program.nphase; k++) {
        program.phase[k].current_uA = (int32_t)(uint32_t)get(at + 16 + 8 * k, 4);
        program.phase[k].duration_us = (uint32_t)get(at + 20 + 8 * k, 4);
        fit = program.phase[k].duration_us > 0;
    }
    if (!fit)
        return refuse(VALUE, "channel %u, %u phases, %u pulses, flags 0x%" PRIx32 ", or a phase of 0 us", at[2],
                      program.nphase, program.count, program.flags);
    if ((code = check_program(&program)) != DONE)
        return code;
    settle(request);
    dev.program = program;
    set_interlocks(0, I_ELECTRODE | I_COMPLIANCE);
    put(reply, program.id, 2);
    return DONE;
}

static void put_limits(struct buffer *to) /* 5.9: the 14 bytes of the challenge */
{
    put(to, dev.limit[R_CURRENT], 4);
    put(to, dev.limit[R_CHARGE], 4);
    put(to, dev.limit[R_INTERVAL], 4);
    put(to, dev.limit[R_PULSES] < 65535 ? dev.limit[R_PULSES] : 65535, 2);
}

static enum nak check_interlocks(void)
{
    uint32_t standing = dev.interlocks & ~(uint32_t)NO_BAR_TO_ARMING;
    return standing == 0 ? DONE : refuse(INTERLOCK, "interlocks 0x%04" PRIx32, standing);
}

static enum nak arm_request(const struct request *request, struct buffer *reply) /* 5.9 */
{
    uint16_t id = (uint16_t)get(request->bytes + 1, 2);
    enum nak code;
    dev.challenge = 0;
    set_interlocks(0, I_LIMITS);
    if (!interval_passed(request->now))
        return refuse(REFRACTORY_NAK, "%" PRIu64 " us of %" PRIu32, request->now - dev.last_onset,
                      dev.limit[R_INTERVAL]);
    if ((code = check_interlocks()) != DONE)
        return code;
    if (!dev.program.there || dev.program.id != id)
        return refuse(NO_PROGRAM, "no program %u", id);
    if ((code = check_program(&dev.program)) != DONE)
        return code;
    dev.challenge = new_secret();
    dev.challenge_at = request->now;
    put(reply, request->bytes[0], 1);
    put(reply, dev.challenge, 4);
    put_limits(reply);
    return DONE;
}

static enum nak arm_confirm(const struct request *request, struct buffer *reply) /* 5.9 */
{
    uint32_t challenge = dev.challenge;
    struct buffer limits = {.size = 0};
    enum nak code;
    dev.challenge = 0; /* it serves one CONFIRM whether right or wrong */
    if (challenge == 0 || get(request->bytes + 1, 4) != challenge || request->now - dev.challenge_at > 2 * TICKS_HZ)
        return refuse(CHALLENGE, "wrong, used or expired");
    put_limits(&limits);
    if (get(request->bytes + 5, 4) != crc32(limits.bytes, limits.size)) {
        set_interlocks(I_LIMITS, 0);
        return refuse(LIMITS_DIFFER, "%" PRIu32 " uA, %" PRIu32 " nC, %" PRIu32 " us are in force",
                      dev.limit[R_CURRENT], dev.limit[R_CHARGE], dev.limit[R_INTERVAL]);
    }
    if ((code = check_interlocks()) != DONE)
        return code;
    settle(request);
    dev.token = new_secret();
    dev.confirmed_at = dev.token_beat = request->now;
    put(reply, request->bytes[0], 1);
    put(reply, dev.token, 4);
    return DONE;
}

static enum nak disarm(const struct request *request, struct buffer *reply) /* 5.9 */
{
    dev.challenge = 0;
    abort_pulse(request->now);
    settle(request);
    put(reply, request->bytes[0], 1);
    put(reply, dev.state, 1);
    return DONE;
}

static enum nak check_spent(const struct request *request) /* 5.10, check 1, before the state */
{
    uint32_t stim_seq = (uint32_t)get(request->bytes + 4, 4);
    if (stim_seq == 0)
        return refuse(VALUE, "stim_seq 0");
    if (stim_seq > dev.last_stim_seq)
        return DONE;
    for (unsigned k = 0; stim_seq == dev.last_stim_seq && k < dev.reports; k++)
        send_report(dev.report[k]);
    return refuse(REUSED, "%" PRIu32 " is spent, the last is %" PRIu32, stim_seq, dev.last_stim_seq);
}

static enum nak fire(const struct request *request, struct buffer *reply) /* 5.10, checks 2 to 5 */
{
    uint64_t at = get(request->bytes + 10, 8), rate = dev.stream.rate, taken;
    uint32_t stim_seq = (uint32_t)get(request->bytes + 4, 4);
    if (!dev.stream.running)
        return refuse(WRONG_STATE, "no stream runs");
    if (get(request->bytes, 4) != dev.token)
        return refuse(TOKEN, "not the live token");
    if (get(request->bytes + 8, 2) != dev.program.id)
        return refuse(NO_PROGRAM, "armed with program %u", dev.program.id);
    taken = dev.stream.taken; /* the newest sample is taken - 1 */
    if (at < taken + rate / 50 - 1)
        return refuse(LATE, "%" PRIu64 ", newest sample + 20 ms is %" PRIu64, at, taken + rate / 50 - 1);
    if (at > taken + 10 * rate - 1)
        return refuse(LIMIT, "%" PRIu64 ", newest sample + 10 s is %" PRIu64, at, taken + 10 * rate - 1);
    if (!interval_passed(dev.stream.start + at * TICKS_HZ / rate))
        return refuse(REFRACTORY_NAK, "less than %" PRIu32 " us after the last onset", dev.limit[R_INTERVAL]);
    settle(request);
    dev.last_stim_seq = stim_seq;
    dev.reports = 0;
    dev.pulse = (struct pulse){.stim_seq = stim_seq, .at = at};
    plan_pulse(0);
    put(reply, stim_seq, 4);
    put(reply, at, 8);
    return DONE;
}

static void latch_stop(uint64_t now, int next) /* 5.12, and the device's own stop (6.2) */
{
    abort_pulse(now);
    if (next != STAY)
        enter((enum state)next);
    dev.acted = false;
    set_interlocks(I_ESTOP, 0);
}

static enum nak estop(const struct request *request, struct buffer *reply) /* 5.12 */
{
    latch_stop(request->now, request->next);
    put_status(reply, 0);
    return DONE;
}

static enum nak clear(const struct request *request, struct buffer *reply) /* 5.12 */
{
    if (!dev.acted || (dev.interlocks & I_SELF_TEST))
        return refuse(INTERLOCK, "no act on the device since the fault");
    settle(request);
    set_interlocks(0, CLEARED_BY_CLEAR);
    put(reply, dev.state, 1);
    return DONE;
}

/* ---- The state table ------------------------------------------------------------------------------------- [6.1] */

enum { NO_OP = -1, SHAPED = 0 };
struct cell { enum nak nak; int next; };
struct message {
    uint8_t type, answer;
    int op, size;                           /* size SHAPED - or 0 - and a shape: the shape decides */
    bool (*shape)(const uint8_t *bytes, size_t size);
    enum nak (*act)(const struct request *request, struct buffer *reply);
    struct cell cell[STATES];
};
#define OK {DONE, STAY}
#define SF {DONE, SAFE}
#define CF {DONE, CONFIGURED}
#define AR {DONE, ARMED}
#define FI {DONE, FIRING}
#define FA {DONE, FAULT}
#define NO {WRONG_STATE, STAY}
#define RF {REFRACTORY_NAK, STAY}

static const struct message MESSAGES[] = {
    /* columns: BOOT, SAFE, CONFIGURED, ARMED, FIRING, REFRACTORY, FAULT */
    {T_HELLO, T_IDENT, NO_OP, 6, NULL, hello,                         {OK, OK, SF, SF, SF, SF, OK}},
    {T_HEARTBEAT, T_STATUS, NO_OP, 12, NULL, heartbeat,               {OK, OK, OK, OK, OK, OK, OK}},
    {T_DESC, T_DESC, NO_OP, 6, NULL, desc_read,                       {NO, OK, OK, OK, OK, OK, OK}},
    {T_CAL, T_CAL, NO_OP, 6, NULL, cal_read,                          {NO, OK, OK, OK, OK, OK, OK}},
    {T_REG, T_REG, 1, 3, NULL, reg_read,                              {NO, OK, OK, OK, OK, OK, OK}},
    {T_REG, T_REG, 2, SHAPED, reg_write_shape, reg_write,             {NO, OK, OK, NO, NO, NO, NO}},
    {T_STREAM, T_STREAM, 1, SHAPED, stream_shape, stream_start,       {NO, OK, OK, NO, NO, OK, OK}},
    {T_STREAM, T_STREAM, 0, 1, NULL, stream_stop,                     {NO, OK, OK, NO, NO, OK, OK}},
    {T_IMPEDANCE, T_IMPEDANCE, NO_OP, 6, NULL, impedance,             {NO, OK, OK, NO, NO, NO, NO}},
    {T_PROGRAM, T_PROGRAM, NO_OP, SHAPED, program_shape, stim_program, {NO, CF, OK, NO, NO, NO, NO}},
    {T_ARM, T_ARM, 1, 3, NULL, arm_request,                           {NO, NO, OK, NO, NO, RF, NO}},
    {T_ARM, T_ARM, 2, 9, NULL, arm_confirm,                           {NO, NO, AR, NO, NO, NO, NO}},
    {T_ARM, T_ARM, 3, 1, NULL, disarm,                                {NO, OK, OK, CF, CF, CF, OK}},
    {T_FIRE, T_FIRE, NO_OP, 18, NULL, fire,                           {NO, NO, NO, FI, NO, NO, NO}},
    {T_ESTOP, T_STATUS, NO_OP, 0, NULL, estop,                        {FA, FA, FA, FA, FA, FA, OK}},
    {T_CLEAR, T_CLEAR, NO_OP, 0, NULL, clear,                         {NO, NO, NO, NO, NO, NO, SF}},
};

static const struct message *find_message(uint8_t type, const uint8_t *bytes, size_t size, enum nak *code)
{
    *code = UNSUPPORTED;
    for (size_t k = 0; k < sizeof MESSAGES / sizeof *MESSAGES; k++) {
        const struct message *message = &MESSAGES[k];
        if (message->type != type)
            continue;
        if (message->op != NO_OP && size == 0)
            *code = MALFORMED;
        else if (message->op == NO_OP || message->op == bytes[0])
            return message;
    }
    return NULL;
}

static enum nak handle(const uint8_t *frame, struct request *request, struct buffer *reply, uint8_t *answer)
{
    enum nak code;
    const struct message *message;
    if (frame[0] >> 4 != VERSION >> 4)
        return refuse(WRONG_VERSION, "major %u, this device speaks 1", frame[0] >> 4);
    if (frame[2] & FLAG_MORE)
        return refuse(UNSUPPORTED, "fragments");
    if ((message = find_message(frame[1], request->bytes, request->size, &code)) == NULL)
        return refuse(code, "type 0x%02x", frame[1]);
    if (frame[2] != 0)
        return refuse(MALFORMED, "flags 0x%02x of a request", frame[2]);
    if (frame[3] != CHAN_CONTROL)
        return refuse(MALFORMED, "channel %u", frame[3]);
    if (message->shape != NULL ? !message->shape(request->bytes, request->size)
                               : request->size != (size_t)message->size)
        return refuse(MALFORMED, "%zu bytes, or an unknown number", request->size);
    if (!dev.met && message->type != T_HELLO && message->type != T_HEARTBEAT && message->type != T_ESTOP)
        return refuse(WRONG_STATE, "no HELLO yet"); /* 4 */
    if (message->type == T_FIRE && dev.state != BOOT && (code = check_spent(request)) != DONE)
        return code;
    struct cell cell = message->cell[dev.state];
    if (cell.nak != DONE)
        return cell.nak;
    request->next = cell.next;
    *answer = message->answer;
    return message->act(request, reply);
}

static void handle_frame(const uint8_t *frame, size_t size) /* 2, 4, 5.14 */
{
    struct request request = {.seq = (uint16_t)get(frame + 4, 2), .bytes = frame + HEADER, .size = size - OVERHEAD,
                              .now = ticks(), .next = STAY};
    struct buffer reply = {.size = 0};
    uint8_t chan = frame[3], answer = 0;
    if (chan < CHANS) {
        uint16_t jump = (uint16_t)(request.seq - line.expected[chan]);
        if (line.counting[chan] && frame[1] != T_HELLO) {
            line.lost += jump < 0x8000 ? jump : 0;
            line.repeated += jump >= 0x8000;
        }
        line.counting[chan] = true;
        line.expected[chan] = (uint16_t)(request.seq + 1);
    }
    run_output(request.now);
    run_samples(request.now);
    why[0] = 0;
    put(&reply, request.seq, 2);
    enum nak code = handle(frame, &request, &reply, &answer);
    if (code == DONE) {
        send_frame(answer, FLAG_REPLY, CHAN_CONTROL, &reply);
        return;
    }
    if (code == REFRACTORY_NAK)
        set_interlocks(I_RATE, 0);
    send_nak(request.seq, code);
}

/* ---- Time ------------------------------------------------------------------------------------------- [6.3, 6.4] */

static void fall(uint64_t now, uint32_t interlocks, enum event cause, int32_t value, const char *text)
{
    abort_pulse(now);
    enter(SAFE);
    dev.interlocks |= interlocks;
    send_event(cause, value, "%s", text);
    if (interlocks != 0)
        send_event(E_INTERLOCK, (int32_t)interlocks, "interlocks 0x%04" PRIx32, dev.interlocks);
}

static void run_switches(uint64_t now) /* 5.12, 6.2 */
{
    if (stop_seen) {
        stop_seen = 0;
        run_output(now);
        latch_stop(now, FAULT);
    }
    if (act_seen) {
        act_seen = 0;
        dev.acted = dev.state == FAULT;
    }
}

static void run_watchdogs(uint64_t now)
{
    if (dev.state == BOOT && now >= dev.boot_end) {
        enter(SAFE);
        send_event(E_STATE, BOOT, "self-test passed");
    }
    if (high_voltage()) {
        if (now - dev.token_beat >= 300 * MS)
            fall(now, I_HEARTBEAT, E_WATCHDOG, (int32_t)((now - dev.token_beat) / MS), "no heartbeat for 300 ms");
        else if (dev.state == ARMED && now - dev.confirmed_at >= 300 * TICKS_HZ)
            fall(now, 0, E_TOKEN, 0, "the token is 5 min old");
    } else if (dev.stream.running && now - dev.any_beat >= 2 * TICKS_HZ) {
        stop_stream(now, true);
        if (dev.state == REFRACTORY)
            enter(SAFE);
        send_event(E_STREAM, (int32_t)dev.stream.id, "no heartbeat for 2 s");
    }
    if (dev.garbage > 0 && (dev.garbage_at == 0 || now - dev.garbage_at >= TICKS_HZ)) {
        send_event(E_GARBAGE, (int32_t)dev.garbage, "%" PRIu32 " frames rejected", dev.garbage);
        dev.garbage = 0;
        dev.garbage_at = now;
    }
}

/* ---- The line -------------------------------------------------------------------------------------- [1, 2, 6.3] */

static void end_of_frame(void)
{
    uint8_t frame[FRAME_MAX + 256];
    size_t size = 0;
    bool good = !line.in_overlong && cobs_decode(line.in, line.in_size, frame, &size) && size >= OVERHEAD
                && size <= FRAME_MAX && get(frame + 6, 2) == size - OVERHEAD
                && get(frame + size - 4, 4) == crc32(frame, size - 4);
    if (good)
        handle_frame(frame, size);
    else if (line.in_size > 0)
        dev.garbage++;
    line.in_size = 0;
    line.in_overlong = false;
}

static void receive(const uint8_t *bytes, size_t size)
{
    for (; size > 0; size--, bytes++) {
        if (*bytes == 0)
            end_of_frame();
        else if (line.in_size < ENCODED_MAX)
            line.in[line.in_size++] = *bytes;
        else
            line.in_overlong = true;
    }
}

static void lose_link(uint64_t now) /* 6.3: at once like the watchdog, in every state */
{
    close(line.host);
    line.host = -1;
    dev.met = false;
    line.in_size = line.out_size = 0;
    line.in_overlong = false;
    memset(line.counting, 0, sizeof line.counting);
    run_output(now);
    abort_pulse(now);
    stop_stream(now, false);
    if (high_voltage())
        set_interlocks(I_HEARTBEAT, 0);
    if (dev.state != BOOT && dev.state != FAULT)
        enter(SAFE);
}

static void read_line(void)
{
    uint8_t bytes[65536];
    for (;;) {
        ssize_t size = recv(line.host, bytes, sizeof bytes, 0);
        if (size > 0)
            receive(bytes, (size_t)size);
        else if (size < 0 && errno == EINTR)
            continue;
        else if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return;
        else {
            lose_link(ticks());
            return;
        }
        if (size > 0 && (size_t)size < sizeof bytes)
            return;
    }
}

static void write_line(void)
{
    while (line.host >= 0 && line.out_size > 0) {
        size_t piece = OUT_SIZE - line.out_head < line.out_size ? OUT_SIZE - line.out_head : line.out_size;
        ssize_t size = send(line.host, line.out + line.out_head, piece, MSG_NOSIGNAL);
        if (size <= 0) {
            if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
                lose_link(ticks());
            return;
        }
        line.out_head = (line.out_head + (size_t)size) % OUT_SIZE;
        line.out_size -= (size_t)size;
    }
}

static void accept_host(void)
{
    int one = 1;
    line.host = accept(line.listener, NULL, NULL);
    if (line.host >= 0) {
        fcntl(line.host, F_SETFL, O_NONBLOCK);
        setsockopt(line.host, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    }
}

static int listen_on(uint16_t port) /* the port, or -1 */
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int one = 1;
    line.listener = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(line.listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(line.listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(line.listener, 4) != 0
        || getsockname(line.listener, (struct sockaddr *)&address, &size) != 0)
        return -1;
    return ntohs(address.sin_port);
}

/* ---- Power-up --------------------------------------------------------------------------------------------------- */

static void make_calibration(void) /* 7 */
{
    struct buffer block = {.size = 0};
    char serial[16] = {0};
    memcpy(serial, SERIAL, sizeof SERIAL - 1);
    put_bytes(&block, "ECAL", 4);
    put(&block, 1, 2);
    put(&block, sizeof dev.calibration, 2);
    put_bytes(&block, serial, sizeof serial);
    put(&block, 1767225600, 8); /* 2026-01-01 */
    put(&block, CHANNELS, 1);
    put(&block, RANGES, 1);
    put(&block, 0, 2);
    for (int k = 0; k < CHANNELS; k++) {
        put_f64(&block, LSB_NV);
        put_f64(&block, OFFSET_NV);
        put_f32(&block, 10.0f);
        put_f32(&block, GROUP_DELAY);
        put(&block, 200000, 4);
    }
    for (int k = 0; k < RANGES; k++) {
        put_f64(&block, 1.0);
        put_f64(&block, 0.0);
        put(&block, HARD[R_CURRENT], 4);
        put(&block, TRIGGER_TO_OUTPUT_NS, 4);
    }
    put(&block, crc32(block.bytes, block.size), 4);
    memcpy(dev.calibration, block.bytes, sizeof dev.calibration);
}

static bool power_up(uint64_t boot_ms)
{
    int random = open("/dev/urandom", O_RDONLY);
    bool good = random >= 0 && read(random, dev.key, sizeof dev.key) == sizeof dev.key;
    while (good && dev.boot_id == 0)
        good = read(random, &dev.boot_id, sizeof dev.boot_id) == sizeof dev.boot_id;
    if (random >= 0)
        close(random);
    dev.lcg = dev.key[0];
    memcpy(dev.limit, HARD, sizeof dev.limit);
    make_calibration();
    dev.state = BOOT;
    dev.boot_end = ticks() + boot_ms * MS;
    line.host = -1;
    return good;
}

static void on_signal(int number)
{
    if (number == SIGUSR1)
        act_seen = 1;
    else if (number == SIGUSR2)
        stop_seen = 1;
    else
        end_seen = 1;
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGUSR2, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    int port = argc > 1 ? listen_on((uint16_t)atoi(argv[1])) : -1;
    if (port < 0 || !power_up(argc > 2 ? strtoull(argv[2], NULL, 10) : 0)) {
        fprintf(stderr, "usage: emgstim_device PORT [BOOT_MS], with a port that is free\n");
        return 2;
    }
    printf("{\"port\": %d}\n", port);
    fflush(stdout);
    while (!end_seen) {
        struct pollfd poller = {.fd = line.host >= 0 ? line.host : line.listener, .events = POLLIN};
        if (line.host >= 0 && line.out_size > 0)
            poller.events |= POLLOUT;
        bool ready = poll(&poller, 1, 1) > 0; /* clocks are looked at every ms (6.3: at least every 10 ms) */
        run_switches(ticks());
        if (ready && line.host < 0)
            accept_host();
        else if (ready && (poller.revents & ~POLLOUT))
            read_line(); /* input is drained before clocks are compared */
        uint64_t now = ticks();
        run_output(now);
        run_samples(now);
        run_watchdogs(now);
        write_line();
    }
    fprintf(stderr, "frames of the host lost %" PRIu32 ", repeated %" PRIu32 "\n", line.lost, line.repeated);
    return 0;
}
