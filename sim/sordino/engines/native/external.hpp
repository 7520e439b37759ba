// External memory beside the compiled machine, timed as sordino.engines.memory_timing.MemoryTiming says.

#pragma once

#include <cstdint>
#include <cstring>
#include <deque>

#include <cxxrtl/capi/cxxrtl_capi.h>

struct External {
    struct Beat {
        uint64_t due, address;
        bool last;
    };
    cxxrtl_object *araddr = nullptr, *arlen = nullptr, *arvalid = nullptr, *arready = nullptr,
                  *rdata = nullptr, *rresp = nullptr, *rlast = nullptr, *rvalid = nullptr,
                  *base = nullptr;
    const uint8_t *bytes = nullptr;
    uint64_t size = 0, begin = 0, now = 0, beats = 0;
    uint32_t latency = 1, rate = 256, jitter = 0, random = 1, credit = 511;
    std::deque<Beat> waiting;

    uint32_t dice(uint32_t sides) {
        random = random * 1664525u + 1013904223u;
        return uint32_t((uint64_t(random) * sides) >> 32);
    }
    void rest() {
        if (!arready) return;
        arready->next[0] = 0;
        rvalid->next[0] = 0;
    }
    void drive() {
        if (!arready) return;
        arready->next[0] = 1;
        credit += rate;
        if (credit > 255 + rate) credit = 255 + rate;
        const bool ready = credit >= 256 && !(jitter && dice(3) == 0);
        const bool valid = !waiting.empty() && waiting.front().due <= now && ready;
        rvalid->next[0] = valid;
        if (!valid) return;
        const Beat beat = waiting.front();
        waiting.pop_front();
        credit -= 256;
        ++beats;
        const size_t width = rdata->width / 8, at = size_t(beat.address - begin);
        const bool inside = beat.address >= begin && at + width <= size;
        if (inside)
            std::memcpy(rdata->next, bytes + at, width);
        else
            std::memset(rdata->next, 0, width);
        rresp->next[0] = inside ? 0 : 2;
        rlast->next[0] = beat.last;
    }
    void sample() {
        if (!arready) return;
        if (arvalid->curr[0]) {
            const uint64_t address = araddr->curr[0] | uint64_t(araddr->curr[1]) << 32;
            uint64_t due = now + latency + (jitter ? dice(jitter + 1) : 0);
            if (!waiting.empty() && waiting.back().due > due) due = waiting.back().due;
            const uint32_t more = arlen->curr[0];
            for (uint32_t k = 0; k <= more; ++k)
                waiting.push_back({due, address + k * (rdata->width / 8), k == more});
        }
        ++now;
    }
};
