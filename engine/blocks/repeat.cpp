// SPDX-License-Identifier: GPL-3.0-or-later
// A container that writes its blocks several times, each with weights of its own. The planner expands it; nothing of it is left.
#include "engine/spec/block_info.h"

namespace serp {
namespace {

const ParamSchema kSchema = {integer("count", 1, 10000, 1, "times the blocks are written, each with its own weights")};

Cost cost(const ParamSet&, const BuildContext&) { return {}; }

const BlockRegistration kRegistration{
    {"repeat", Family::Container, "Its blocks several times over, each time with weights of their own.", true, 0, kSchema}, nullptr, cost};

}  // namespace
}  // namespace serp
