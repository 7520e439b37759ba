// The machine's window as its host's side drives it: a word every cycle, in a machine at rest.

#pragma once

#include <cxxrtl/capi/cxxrtl_capi.h>

struct Window {
    cxxrtl_object *open = nullptr, *space = nullptr, *lane = nullptr, *address = nullptr,
                  *write = nullptr, *value = nullptr, *data = nullptr;
};
