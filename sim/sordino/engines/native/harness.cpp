// What sordino.engines.native.rtl calls: makes the machine, loads it, streams features in and tokens out,
// and hands out records. Compiled together with the C++ that CXXRTL makes of sordino.rtl.

#include "harness.hpp"

extern "C" cxxrtl_toplevel cxxrtl_design_create();

extern "C" {

Harness *sordino_create() {
    auto *h = new Harness;
    h->handle = cxxrtl_create(cxxrtl_design_create());
    h->clk = h->find("clk");
    h->load = h->find("host__load__payload");
    h->load_valid = h->find("host__load__valid");
    h->start = h->find("host__run__start");
    h->entry = h->find("host__run__entry");
    h->limit = h->find("host__run__limit");
    h->clear = h->find("host__run__clear");
    h->abort = h->find("host__run__abort");
    h->request = h->find("host__request");
    h->request_taken = h->find("host__taken");
    h->checked = h->find("host__checked");
    h->waiting = h->find("host__waiting");
    h->token = h->find("host__tokens__payload");
    h->token_valid = h->find("host__tokens__valid");
    h->token_ready = h->find("host__tokens__ready");
    h->finished = h->find("host__run__finished");
    h->error = h->find("host__run__error");
    h->code = h->find("host__run__code");
    h->trace = h->find("trace");
    h->counters = h->find("host__counters");
    h->pc = h->find("host__run__pc");
    h->window.open = h->find("host__run__open");
    h->window.space = h->find("host__window__space");
    h->window.lane = h->find("host__window__lane");
    h->window.address = h->find("host__window__address");
    h->window.write = h->find("host__window__write");
    h->window.value = h->find("host__window__value");
    h->window.data = h->find("host__window__data");
    return h;
}

// How many channels the input has.
void sordino_channels(Harness *h, uint32_t count) {
    h->channels.resize(count);
    for (uint32_t n = 0; n < count; ++n) {
        const std::string host = n ? "host__channel" + std::to_string(n) + "__" : "host__";
        Channel &c = h->channels[n];
        c.end_of_input = h->find((host + "end_of_input").c_str());
        c.payload = h->find((host + "features__payload").c_str());
        c.valid = h->find((host + "features__valid").c_str());
        c.ready = h->find((host + "features__ready").c_str());
    }
}

// Name of the first signal that was not found, or "".
const char *sordino_missing(Harness *h) { return h->missing.c_str(); }

void sordino_destroy(Harness *h) {
    if (h->vcd) cxxrtl_vcd_destroy(h->vcd);
    if (h->vcd_file) fclose(h->vcd_file);
    cxxrtl_destroy(h->handle);
    delete h;
}

// Print every object's name, for finding memories.
void sordino_names(Harness *h) {
    cxxrtl_enum(h->handle, nullptr, [](void *, const char *name, cxxrtl_object *o, size_t n) {
        printf("%s type %u width %zu depth %zu parts %zu\n", name, o->type, o->width, o->depth, n);
    });
    fflush(stdout);
}

// Attach memory `name` as the next unit of a store; the depth, or 0 if there is none.
size_t sordino_bind(Harness *h, uint32_t store, const char *name) {
    cxxrtl_object *object = h->find(name);
    if (!object) return 0;
    if (store == SORDINO_STORE_REGISTER) {
        h->registers = object;
    } else {
        h->memories[store].push_back({object->curr, object->depth, object->width});
    }
    return object->depth;
}

int sordino_open_vcd(Harness *h, const char *path) {
    h->vcd_file = fopen(path, "w");
    if (!h->vcd_file) return 0;
    h->vcd = cxxrtl_vcd_create();
    cxxrtl_vcd_timescale(h->vcd, 10, "ns");
    // Without memories, and without the signals that only tools have named.
    cxxrtl_vcd_add_from_if(h->vcd, h->handle, nullptr,
                           [](void *, const char *name, const cxxrtl_object *object) -> int {
                               return object->type != CXXRTL_MEMORY && !std::strchr(name, '$');
                           });
    return 1;
}

// Write all samples to the file; 0, or the first error's number.
int sordino_flush_vcd(Harness *h) {
    errno = 0;
    if (h->vcd_file && !h->vcd_error && fflush(h->vcd_file)) h->vcd_error = errno ? errno : EIO;
    return h->vcd_error;
}

// External memory of `size` bytes from 4 KiB page `page` on; 0 if the machine does not stream.
int sordino_external(Harness *h, const uint8_t *bytes, size_t size, uint32_t page,
                     uint32_t latency, uint32_t rate, uint32_t jitter, uint32_t seed) {
    External &e = h->external;
    if (!e.arready) {
        size_t parts = 0;
        if (!cxxrtl_get_parts(h->handle, "m_axi__arready", &parts)) return 0;
        e.araddr = h->find("m_axi__araddr");
        e.arlen = h->find("m_axi__arlen");
        e.arvalid = h->find("m_axi__arvalid");
        e.rdata = h->find("m_axi__rdata");
        e.rresp = h->find("m_axi__rresp");
        e.rlast = h->find("m_axi__rlast");
        e.rvalid = h->find("m_axi__rvalid");
        e.base = h->find("host__stream_base");
        e.arready = h->find("m_axi__arready");
        if (!h->missing.empty()) return 0;
    }
    e.bytes = bytes;
    e.size = size;
    e.begin = uint64_t(page) << 12;
    e.latency = latency;
    e.rate = rate;
    e.jitter = jitter;
    e.random = seed;
    e.credit = 255 + rate;
    e.base->next[0] = page;
    return 1;
}

// Beats read since the machine was made.
uint64_t sordino_beats(Harness *h) { return h->external.beats; }

// One LoadWrite a cycle: `words` holds the low and high 64 bits of each payload.
void sordino_load(Harness *h, const uint64_t *words, size_t count) {
    h->external.rest();
    for (size_t k = 0; k < count; ++k) {
        h->put_load(words + 2 * k);
        h->settle();
        h->rise();
    }
    h->load_valid->next[0] = 0;
    for (size_t k = 0; k < LOAD_LATENCY; ++k) h->settle(), h->rise();
}

// Which segments are checked, a bit each.
void sordino_checked(Harness *h, uint32_t segments) { h->checked->next[0] = segments; }

static bool opened(Harness *h, uint32_t space, uint32_t lane) {
    h->external.rest();
    Harness::put(h->window.space, space);
    Harness::put(h->window.lane, lane);
    h->settle();
    h->rise();
    return h->window.open->curr[0];
}

// Read words from `first` on, each `late` cycles after its address; 0 if the machine is at work.
int sordino_window_read(Harness *h, uint32_t space, uint32_t lane, uint32_t first, size_t count,
                        uint32_t late, int32_t *out) {
    if (!opened(h, space, lane)) return 0;
    for (size_t k = 0; k < count + late; ++k) {
        Harness::put(h->window.address, first + uint32_t(k));
        h->settle();
        if (k >= late) out[k - late] = int32_t(h->window.data->curr[0]);
        h->rise();
    }
    return 1;
}

// Write words from `first` on; the last is there `late` cycles later. 0 if the machine is at work.
int sordino_window_write(Harness *h, uint32_t space, uint32_t lane, uint32_t first, size_t count,
                         uint32_t late, const int32_t *values) {
    if (!opened(h, space, lane)) return 0;
    for (size_t k = 0; k < count + late; ++k) {
        h->window.write->next[0] = k < count;
        if (k < count) {
            Harness::put(h->window.address, first + uint32_t(k));
            Harness::put(h->window.value, uint32_t(values[k]));
        }
        h->settle();
        h->rise();
    }
    return 1;
}

// Program facts: the regions (store, base, count) that instructions write, where those of each
// address end, what the INPUTs take (three numbers an address), and Who executes what is there.
void sordino_program(Harness *h, const uint32_t *regions, const uint32_t *ends,
                     const uint32_t *inputs, const uint8_t *executes, size_t count) {
    h->ends.assign(ends, ends + count);
    h->regions.resize(count ? ends[count - 1] : 0);
    for (size_t k = 0; k < h->regions.size(); ++k)
        h->regions[k] = {regions[3 * k], regions[3 * k + 1], regions[3 * k + 2]};
    h->inputs.resize(count);
    for (size_t k = 0; k < count; ++k)
        h->inputs[k] = {inputs[3 * k], inputs[3 * k + 1], inputs[3 * k + 2]};
    h->executes.assign(executes, executes + count);
    h->profile.assign(2 * count, 0);
}

// The next features of a channel, in place of what is left; they must stay valid until they are
// taken.
void sordino_features(Harness *h, uint32_t channel, const int8_t *features, size_t count) {
    h->channels[channel].features = features;
    h->channels[channel].left = count;
}

// How many features of a channel are left.
size_t sordino_left(Harness *h, uint32_t channel) { return h->channels[channel].left; }

// Whether features may follow on any channel.
void sordino_follow(Harness *h, int more) {
    for (Channel &c : h->channels) c.ended = !more;
}

void sordino_forget_requests(Harness *h) {
    h->requests.clear();
    h->loading = 0;
}

// Requests that have not come, or were not taken.
size_t sordino_requests_left(Harness *h) { return h->requests.size(); }

// A request in the order in which they come: input vectors that were read before it, and its number.
// With words it is the load of the segment of that number; they must stay until the machine stops.
void sordino_request(Harness *h, uint32_t after, uint32_t number, const uint64_t *words,
                     size_t count) {
    h->requests.push_back({after, number, words, count});
}

// End a run that was broken off.
static void give_up(Harness *h) {
    h->abort->next[0] = 1;
    while (h->running) {
        h->settle();
        h->running = !h->finished->curr[0];
        h->rise();
    }
    h->abort->next[0] = 0;
}

// Clear errors and begin at `entry`.
void sordino_start(Harness *h, uint32_t entry, uint64_t limit, int record, uint32_t feature_gap,
                   uint32_t token_gap, uint32_t seed) {
    h->vectors_read = 0;
    h->record = record;
    h->feature_gap = feature_gap;
    h->token_gap = token_gap;
    h->random = seed;
    h->started = true;
    h->taken_since_input = 0;
    h->tokens.clear();
    h->record_pc.clear();
    h->record_end.clear();
    h->values.clear();
    h->profile.assign(h->profile.size(), 0);
    h->pending.clear();
    h->issued = 0;
    for (auto &work : h->at_work) work = {};
    h->external.rest();
    if (h->running) give_up(h);
    Harness::put(h->entry, entry);
    Harness::put(h->limit, limit);
    for (Channel &c : h->channels) {
        c.offering = false;
        c.valid->next[0] = 0;
        c.end_of_input->next[0] = 0;
    }
    h->request->next[0] = 0;
    h->clear->next[0] = 1;
    h->settle();
    h->rise();
    h->clear->next[0] = 0;
    h->start->next[0] = 1;
    h->settle();
    h->rise();
    h->start->next[0] = 0;
    h->running = true;
}

// Run until the machine stops (1), lacks a feature that may follow (2), `cycles` passed or `enough`
// values are recorded (0).
int sordino_run(Harness *h, uint64_t cycles, size_t enough) {
    for (uint64_t k = 0; k < cycles && h->values.size() < enough; ++k) {
        h->ask();
        if (!h->holds() && h->starves()) return 2;
        for (Channel &c : h->channels) {
            // Once offered, a feature stays offered until it is taken, or a segment comes before it.
            if (h->holds()) c.offering = false;
            else if (!c.offering) c.offering = c.left && !h->chance(h->feature_gap);
            c.end_of_input->next[0] = c.left == 0 && c.ended && !h->holds();
        }
        if (h->cycle()) {
            h->running = false;
            return 1;
        }
    }
    return 0;
}

size_t sordino_records(Harness *h, const uint32_t **pc, const uint64_t **end,
                       const int32_t **values) {
    *pc = h->record_pc.data();
    *end = h->record_end.data();
    *values = h->values.data();
    return h->record_pc.size();
}

void sordino_forget_records(Harness *h) {
    h->record_pc.clear();
    h->record_end.clear();
    h->values.clear();
}

size_t sordino_tokens(Harness *h, const uint32_t **tokens) {
    *tokens = h->tokens.data();
    return h->tokens.size();
}

// error | code << 8 | pc << 16
uint32_t sordino_status(Harness *h) {
    return h->error->curr[0] | h->code->curr[0] << 8 | h->pc->curr[0] << 16;
}

// Two numbers an address: times retired, cycles.
const uint64_t *sordino_profile(Harness *h) { return h->profile.data(); }

const uint32_t *sordino_counters(Harness *h) { return h->counters->curr; }

// Copy a store's memories as region values; the number copied.
size_t sordino_dump(Harness *h, uint32_t store, int32_t *out) {
    size_t n = 0;
    if (store == SORDINO_STORE_REGISTER) {
        for (int r = 0; r < SORDINO_REGISTERS; ++r)
            out[n++] = int32_t((h->registers->curr[r / 2] >> (16 * (r % 2))) & 0xffff);
        return n;
    }
    const auto &units = h->memories[store];
    for (size_t k = 0; !units.empty() && k < units[0].depth; ++k)
        for (const Memory &memory : units) out[n++] = extend(memory.words[k], memory.width);
    return n;
}

}
