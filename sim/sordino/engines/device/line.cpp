// A circuit behind a serial line, cycle by cycle: bytes go in and come out at its pins uart_rx and
// uart_tx, a bit taking so many cycles. What sordino.engines.device.line calls. Where the circuit
// has ports `seen`, every access that its registers make is noted.

#include <algorithm>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include <cxxrtl/capi/cxxrtl_capi.h>

extern "C" cxxrtl_toplevel cxxrtl_design_create();

namespace {

constexpr uint32_t BITS = 10;  // of a byte: start, eight, stop

struct Line {
    cxxrtl_handle handle = nullptr;
    cxxrtl_object *clk = nullptr, *rx = nullptr, *tx = nullptr, *irq = nullptr;
    cxxrtl_object *seen = nullptr, *address = nullptr, *data = nullptr;
    std::string missing;
    uint32_t divider = 1;
    uint64_t cycles = 0;

    std::deque<uint8_t> to_send;
    uint32_t sending = 0, send_wait = 0, send_left = 0;  // bits, cycles of this one, bits left
    std::vector<uint8_t> received;
    uint32_t byte = 0, receive_wait = 0, receive_left = 0;
    uint64_t broken = 0;  // bytes without a stop bit
    std::vector<uint64_t> accesses;  // address in the high half, data in the low one

    cxxrtl_object *find(const char *name, bool needed) {
        size_t parts = 0;
        cxxrtl_object *object = cxxrtl_get_parts(handle, name, &parts);
        if (!object && needed && missing.empty()) missing = name;
        return object;
    }

    // The level at the circuit's rx in this cycle.
    uint32_t level() {
        if (!send_left && !to_send.empty()) {
            sending = uint32_t(to_send.front()) << 1 | 1u << (BITS - 1);
            to_send.pop_front();
            send_left = BITS;
            send_wait = divider;
        }
        if (!send_left) return 1;
        const uint32_t now = sending & 1;
        if (!--send_wait) {
            sending >>= 1;
            send_wait = divider;
            --send_left;
        }
        return now;
    }

    void listen(uint32_t now) {
        if (!receive_left) {
            if (!now) receive_left = BITS - 1, receive_wait = divider + divider / 2 - 1;
        } else if (receive_wait) {
            --receive_wait;
        } else {
            receive_wait = divider - 1;
            if (--receive_left) {
                byte = byte >> 1 | now << 7;
            } else if (now) {
                received.push_back(uint8_t(byte));
            } else {
                ++broken;
            }
        }
    }

    void cycle() {
        rx->next[0] = level();
        clk->next[0] = 1;
        cxxrtl_eval(handle);
        if (seen && seen->curr[0])
            accesses.push_back(uint64_t(address->curr[0]) << 32 | data->curr[0]);
        listen(tx->curr[0]);
        clk->next[0] = 0;  // so that the next evaluation sees a rising edge again
        cxxrtl_commit(handle);
        ++cycles;
    }
};

}  // namespace

extern "C" {

Line *line_create(uint32_t divider) {
    auto *line = new Line;
    line->handle = cxxrtl_create(cxxrtl_design_create());
    line->divider = divider;
    line->clk = line->find("clk", true);
    line->rx = line->find("uart__rx", true);
    line->tx = line->find("uart__tx", true);
    line->seen = line->find("seen__valid", false);
    if (line->seen) {
        line->address = line->find("seen__address", true);
        line->data = line->find("seen__data", true);
    }
    if (line->rx) line->rx->next[0] = 1;
    return line;
}

// Name of the first pin that was not found, or "".
const char *line_missing(Line *line) { return line->missing.c_str(); }

void line_destroy(Line *line) {
    cxxrtl_destroy(line->handle);
    delete line;
}

// Bytes for the circuit, behind those that are still to be sent.
void line_send(Line *line, const uint8_t *bytes, size_t count) {
    line->to_send.insert(line->to_send.end(), bytes, bytes + count);
}

// Run until `enough` bytes have come, but for `most` cycles; cycles since power-up.
uint64_t line_run(Line *line, uint64_t most, size_t enough) {
    while (most-- && line->received.size() < enough) line->cycle();
    return line->cycles;
}

// Bytes that are still to be sent.
size_t line_left(Line *line) { return line->to_send.size() + (line->send_left ? 1 : 0); }

// Take up to `room` bytes that have come; how many these are.
size_t line_take(Line *line, uint8_t *bytes, size_t room) {
    const size_t count = line->received.size() < room ? line->received.size() : room;
    std::copy(line->received.begin(), line->received.begin() + count, bytes);
    line->received.erase(line->received.begin(), line->received.begin() + count);
    return count;
}

// Take up to `room` accesses that were noted; how many these are.
size_t line_accesses(Line *line, uint64_t *accesses, size_t room) {
    const size_t count = line->accesses.size() < room ? line->accesses.size() : room;
    std::copy(line->accesses.begin(), line->accesses.begin() + count, accesses);
    line->accesses.erase(line->accesses.begin(), line->accesses.begin() + count);
    return count;
}

uint64_t line_broken(Line *line) { return line->broken; }

}
