// A machine's netlist beside its circuit, both as Verilator made them, on one AXI4-Lite bus: what
// sordino.netlist.board calls. Between two accesses both stand still.

#include "Vcircuit.h"
#include "Vnetlist.h"
#include "verilated.h"

#include <cstdint>
#include <cstring>

namespace {

template <class A, class B> bool equal(const A &a, const B &b) {
    return !std::memcmp(&a, &b, sizeof(a));
}

struct Pair {
    VerilatedContext context;
    Vcircuit circuit{&context, "circuit"};
    Vnetlist netlist{&context, "netlist"};
    uint64_t cycles = 0, differing = 0, first = 0;
    const char *what = "";

    template <class F> void both(F f) {
        f(circuit);
        f(netlist);
    }

    // Outputs are compared before the edge that ends a cycle. OUTPUTS is X(name) for each of them.
    void settle() {
        both([](auto &m) { m.eval(); });
        const char *name = nullptr;
#define X(output)                                                                                  \
    if (!name && !equal(circuit.output, netlist.output)) name = #output;
        OUTPUTS
#undef X
        if (name && !differing++) first = cycles, what = name;
    }

    void rise() {
        both([](auto &m) { m.clk = 1, m.eval(); });
        both([](auto &m) { m.clk = 0, m.eval(); });
        ++cycles;
    }

    void reset(unsigned count) {
        both([](auto &m) {
            m.rst = 1;
            m.s_axi_awvalid = m.s_axi_wvalid = m.s_axi_arvalid = 0;
            m.s_axi_bready = m.s_axi_rready = 1;
        });
        for (unsigned k = 0; k < count; ++k) settle(), rise();
        both([](auto &m) { m.rst = 0; });
        settle();
        rise();
    }

    // The response, or -1 if there is none.
    int write(uint32_t address, uint32_t value, uint32_t strobe, uint64_t patience) {
        bool address_done = false, data_done = false;
        both([=](auto &m) {
            m.s_axi_awaddr = address;
            m.s_axi_wdata = value;
            m.s_axi_wstrb = strobe;
        });
        for (uint64_t k = 0; k < patience; ++k) {
            both([=](auto &m) {
                m.s_axi_awvalid = !address_done;
                m.s_axi_wvalid = !data_done;
            });
            settle();
            const bool done = netlist.s_axi_bvalid;
            const int response = netlist.s_axi_bresp;
            address_done |= netlist.s_axi_awready;
            data_done |= netlist.s_axi_wready;
            rise();
            if (done) return response;
        }
        return -1;
    }

    // The netlist's response and word, and the circuit's word.
    int read(uint32_t address, uint32_t *value, uint32_t *beside, uint64_t patience) {
        bool address_done = false;
        both([=](auto &m) { m.s_axi_araddr = address; });
        for (uint64_t k = 0; k < patience; ++k) {
            both([=](auto &m) { m.s_axi_arvalid = !address_done; });
            settle();
            const bool done = netlist.s_axi_rvalid;
            const int response = netlist.s_axi_rresp;
            if (done) *value = netlist.s_axi_rdata, *beside = circuit.s_axi_rdata;
            address_done |= netlist.s_axi_arready;
            rise();
            if (done) return response;
        }
        return -1;
    }
};

} // namespace

extern "C" {

Pair *board_create() { return new Pair; }

void board_destroy(Pair *p) { delete p; }

void board_reset(Pair *p, unsigned cycles) { p->reset(cycles); }

int board_write(Pair *p, uint32_t address, uint32_t value, uint32_t strobe, uint64_t patience) {
    return p->write(address, value, strobe, patience);
}

int board_read(Pair *p, uint32_t address, uint32_t *value, uint32_t *beside, uint64_t patience) {
    return p->read(address, value, beside, patience);
}

// Words to one address; how many were taken, and the response to the first that was not.
size_t board_write_many(Pair *p, uint32_t address, const uint32_t *values, size_t count,
                        uint64_t patience, int *response) {
    for (size_t k = 0; k < count; ++k) {
        *response = p->write(address, values[k], 15, patience);
        if (*response) return k;
    }
    return count;
}

// Whether the interrupt line is high within so many cycles.
int board_interrupt(Pair *p, uint64_t cycles) {
    for (uint64_t k = 0; k < cycles; ++k) {
        p->settle();
        if (p->netlist.irq) return 1;
        p->rise();
    }
    return 0;
}

uint64_t board_cycles(Pair *p) { return p->cycles; }
uint64_t board_differing(Pair *p) { return p->differing; }
uint64_t board_first(Pair *p) { return p->first; }
const char *board_what(Pair *p) { return p->what; }
}
