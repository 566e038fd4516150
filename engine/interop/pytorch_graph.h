// SPDX-License-Identifier: GPL-3.0-or-later
// A graph of primitives as a Python class: one line per node.
#pragma once

#include <map>
#include <set>
#include <string>

#include "engine/graph/block_graph.h"

namespace serp::pytorch {

struct GraphClass {
  std::string source;                          ///< "class Gateless(nn.Module): ..."
  std::set<std::string> needs;                 ///< classes and functions it uses
  std::map<std::string, std::string> renamed;  ///< nodes whose names mean something else in Python, and what they are called there
};

GraphClass graphClass(const std::string& name, const std::string& about, const BlockGraph& graph, std::int64_t in, std::int64_t context,
                      double eps);

/// "True", "1e-05", "'silu'".
std::string literal(bool value);
std::string literal(double value);
std::string literal(const std::string& value);

}  // namespace serp::pytorch
