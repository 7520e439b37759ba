// The compiled machine, cycle by cycle: what each instruction wrote when it retired, handed out in
// program order, and how long each was at work.
//
// One clock cycle is one evaluation with clk high: it finds the outputs of the cycle and what its
// rising edge leaves in registers and memories. Between `settle` and `rise` the outputs are new and
// the state is still the old one. sordino.h and trace.h are made of the contracts, when the machine is
// compiled (sordino.engines.native.headers).

#pragma once

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include <cxxrtl/capi/cxxrtl_capi.h>
#include <cxxrtl/capi/cxxrtl_capi_vcd.h>

#include "external.hpp"
#include "sordino.h"
#include "trace.h"
#include "window.hpp"

constexpr uint32_t NOBODY = 0xffffffff;

struct Region {
    uint32_t store, base, count;
};

// An instruction that began; `values` once it is `done`.
struct Pending {
    uint32_t pc;
    bool done;
    std::vector<int32_t> values;
};

struct Memory {
    const uint32_t *words;
    size_t depth, width;
};

// One channel of the input: what is left of it, whether its next feature is offered, and whether
// nothing follows.
struct Channel {
    cxxrtl_object *payload = nullptr, *valid = nullptr, *ready = nullptr, *end_of_input = nullptr;
    const int8_t *features = nullptr;
    size_t left = 0;
    bool offering = false, ended = false;
};

// What an INPUT takes, from where, and whether it listens to requests; no INPUT takes 0.
struct Input {
    uint32_t count, channel, request;
};

// What the host asks for once so many input vectors were read: a number, or with words a segment.
struct Request {
    uint32_t after, number;
    const uint64_t *words;  // pairs, low and high half of each payload of the load port
    size_t count;
};

int32_t extend(uint32_t word, size_t width) {
    const int spare = 32 - int(width);
    return spare > 0 ? int32_t(word << spare) >> spare : int32_t(word);
}

constexpr size_t LOAD_LATENCY = 8;  // cycles after the last word in which it has surely arrived

struct Harness {
    External external;
    Window window;
    cxxrtl_handle handle = nullptr;
    cxxrtl_object *clk = nullptr, *load = nullptr, *load_valid = nullptr, *start = nullptr,
                  *entry = nullptr, *limit = nullptr, *clear = nullptr, *abort = nullptr,
                  *request = nullptr, *request_taken = nullptr, *token = nullptr, *token_valid = nullptr, *token_ready = nullptr,
                  *finished = nullptr, *error = nullptr, *code = nullptr, *trace = nullptr,
                  *counters = nullptr, *registers = nullptr, *pc = nullptr,
                  *checked = nullptr, *waiting = nullptr;
    std::string missing;
    std::vector<Memory> memories[SORDINO_STORES];

    std::vector<Region> regions;  // what the instruction at each program address writes
    std::vector<uint32_t> ends;  // where those of an address end in `regions`
    std::vector<Input> inputs;  // by address
    std::vector<uint8_t> executes;  // Who, by address
    std::vector<Channel> channels;
    std::deque<Request> requests;
    size_t loading = 0;  // cycles that the segment in front has taken so far
    uint64_t vectors_read = 0;
    size_t taken_since_input = 0;
    uint32_t last_token = 0;
    uint32_t random = 1, feature_gap = 0, token_gap = 0;  // gaps in 1/256
    bool record = false;

    std::vector<uint32_t> tokens;
    std::vector<uint32_t> record_pc;
    std::vector<uint64_t> record_end;
    std::vector<int32_t> values;
    std::map<uint64_t, Pending> pending;  // by number in program order, none handed out yet
    uint64_t issued = 0;
    struct {
        uint32_t pc = NOBODY;
        uint64_t number = 0;
    } at_work[WHO];
    std::vector<uint64_t> profile;  // (times retired, cycles) a pc

    cxxrtl_vcd vcd = nullptr;
    FILE *vcd_file = nullptr;
    int vcd_error = 0;
    bool started = false, running = false;
    uint64_t time = 0;

    cxxrtl_object *find(const char *name) {
        size_t parts = 0;
        cxxrtl_object *object = cxxrtl_get_parts(handle, name, &parts);
        if (!object || parts != 1) {
            if (missing.empty()) missing = name;
            return nullptr;
        }
        return object;
    }
    static void put(cxxrtl_object *object, uint64_t value) {
        object->next[0] = uint32_t(value);
        if (object->width > 32) object->next[1] = uint32_t(value >> 32);
    }
    bool chance(uint32_t share) {
        if (!share) return false;
        random = random * 1664525u + 1013904223u;
        return (random >> 24) < share;
    }
    void sample_vcd() {
        if (!vcd || !started) return;  // loading is longer than most runs, and always the same
        cxxrtl_vcd_sample(vcd, time++);
        const char *data;
        size_t size;
        for (;;) {
            cxxrtl_vcd_read(vcd, &data, &size);
            if (!size) break;
            if (vcd_error) continue;
            errno = 0;
            if (fwrite(data, 1, size, vcd_file) != size) vcd_error = errno ? errno : EIO;
        }
    }
    void settle() {
        if (vcd) {  // the falling edge changes nothing but what a waveform shows
            clk->next[0] = 0;
            cxxrtl_step(handle);
            sample_vcd();
        }
        clk->next[0] = 1;
        cxxrtl_eval(handle);
    }
    void rise() {
        if (!vcd) clk->next[0] = 0;  // so that the next evaluation sees a rising edge again
        cxxrtl_commit(handle);
        sample_vcd();
    }
    void append(std::vector<int32_t> &values, const Region &region, uint32_t next) const {
        if (region.store == SORDINO_STORE_PC) {
            values.push_back(int32_t(next));
        } else if (region.store == SORDINO_STORE_TOKEN) {
            values.push_back(int32_t(last_token));
        } else if (region.store == SORDINO_STORE_REGISTER) {
            const uint32_t word = registers->curr[region.base / 2];
            values.push_back(int32_t(region.base % 2 ? word >> 16 : word & 0xffff));
        } else {
            const auto &units = memories[region.store];
            for (uint32_t k = 0; k < region.count; ++k)
                for (const Memory &memory : units)
                    values.push_back(extend(memory.words[region.base + k], memory.width));
        }
    }
    uint32_t bits(const cxxrtl_object *object, size_t from, size_t count) const {
        uint64_t word = object->curr[from / 32];
        if (from / 32 + 1 < (object->width + 31) / 32)
            word |= uint64_t(object->curr[from / 32 + 1]) << 32;
        return uint32_t(word >> (from % 32)) & ((1u << count) - 1);
    }
    void began(uint32_t at) {
        at_work[executes[at]] = {at, issued};
        if (record) pending[issued] = {at, false, {}};
        ++issued;
    }
    void retired(int who, uint32_t next) {
        const uint32_t at = at_work[who].pc;
        at_work[who].pc = NOBODY;
        profile[2 * at] += 1;
        const bool is_input = inputs[at].count, ended = is_input && taken_since_input == 0;
        vectors_read += is_input && !ended;
        if (is_input) taken_since_input = 0;
        if (!record) return;
        Pending &made = pending[at_work[who].number];
        made.done = true;
        if (ended) {
            append(made.values, {SORDINO_STORE_PC, 0, 1}, next);
        } else {
            for (uint32_t k = at ? ends[at - 1] : 0; k < ends[at]; ++k)
                append(made.values, regions[k], next);
        }
    }
    void hand_out() {
        while (!pending.empty() && pending.begin()->second.done) {
            const Pending &first = pending.begin()->second;
            values.insert(values.end(), first.values.begin(), first.values.end());
            record_pc.push_back(first.pc);
            record_end.push_back(values.size());
            pending.erase(pending.begin());
        }
    }
    // The address of an event of the trace port, or NOBODY.
    uint32_t event(size_t from) const {
        return bits(trace, from + TRACE_VALID, 1) ? bits(trace, from + TRACE_PC, TRACE_PC_BITS)
                                                  : NOBODY;
    }
    void follow() {
        const uint32_t issue = event(TRACE_ISSUE);
        if (issue != NOBODY) began(issue);
        const uint32_t next = bits(trace, TRACE_NEXT, TRACE_PC_BITS);
        for (int who = 0; who < WHO; ++who)
            if (event(TRACE_RETIRE + who * TRACE_EVENT_BITS) != NOBODY) retired(who, next);
        hand_out();
    }
    // A cycle is the MATVEC's at work, else the vector instruction's, the TABLE's, or that of the
    // instruction that waits to begin.
    void account(uint32_t waits) {
        for (int who : {ARRAY, VECTOR, TABLE})
            if (at_work[who].pc != NOBODY) {
                profile[2 * at_work[who].pc + 1] += 1;
                return;
            }
        if (2 * size_t(waits) < profile.size()) profile[2 * waits + 1] += 1;
    }
    bool due() const { return !requests.empty() && requests.front().after <= vectors_read; }
    // Whether a segment is to be loaded, which the next yield point is for: until it is, the host
    // gives no features, but to an INPUT that is none.
    bool holds() const {
        const uint32_t at = at_work[VECTOR].pc;
        const bool other = at != NOBODY && inputs[at].count && !inputs[at].request;
        return due() && requests.front().words && !other;
    }
    // The request that waits, if its time has come, at the machine.
    void ask() {
        put(request, due() && !requests.front().words ? requests.front().number : 0);
        if (due() && requests.front().words) load_segment();
    }
    void put_load(const uint64_t *words) {
        load->next[0] = uint32_t(words[0]);
        load->next[1] = uint32_t(words[0] >> 32);
        load->next[2] = uint32_t(words[1]);
        load_valid->next[0] = 1;
    }
    // A word a cycle, once the machine waits; the segment is checked when all have arrived.
    void load_segment() {
        const Request &front = requests.front();
        load_valid->next[0] = 0;
        if (!loading && !waiting->curr[0]) return;
        if (!loading) checked->next[0] &= ~(1u << front.number);
        if (loading < front.count) put_load(front.words + 2 * loading);
        if (++loading < front.count + LOAD_LATENCY) return;
        checked->next[0] |= 1u << front.number;
        loading = 0;
        requests.pop_front();
    }
    // Whether the INPUT at work wants a feature that has not come yet.
    bool starves() const {
        const uint32_t at = at_work[VECTOR].pc;
        if (at == NOBODY || taken_since_input >= inputs[at].count) return false;
        const Channel &c = channels[inputs[at].channel];
        return !c.left && !c.ended &&
               !(inputs[at].request && !taken_since_input && request->next[0]);
    }
    bool cycle() {
        for (Channel &c : channels) {
            put(c.payload, uint8_t(c.left ? *c.features : 0));
            c.valid->next[0] = c.offering;
        }
        token_ready->next[0] = !chance(token_gap);
        external.drive();
        settle();
        external.sample();
        if (token_valid->curr[0] && token_ready->curr[0]) {
            last_token = token->curr[0];
            tokens.push_back(last_token);
        }
        for (Channel &c : channels)
            if (c.offering && c.ready->curr[0]) {
                ++taken_since_input;
                c.offering = false;
                ++c.features, --c.left;
            }
        if (request_taken->curr[0] && request->next[0]) requests.pop_front();
        follow();
        const bool done = finished->curr[0];
        if (!done) account(pc->curr[0]);
        rise();
        return done;
    }
};
