// SPDX-License-Identifier: GPL-3.0-or-later
// The answers of a program whose LibTorch has no CUDA.
#include "engine/base/error.h"
#include "engine/device/device.h"

namespace serp::device {

bool linked() noexcept { return false; }
std::vector<Card> cards() { return {}; }
double freeBytes() { return 0; }
void* currentStream() { return nullptr; }

struct Graph::Impl {};

Graph::Graph() { throw Error(ExitCode::Internal, "a CUDA graph in a build without CUDA"); }
Graph::~Graph() = default;
void Graph::run(const std::function<void()>& work) { work(); }
void Graph::capture(const std::function<void()>&) {}
bool Graph::captured() const { return false; }
void Graph::replay() {}
void Graph::forget() {}

}  // namespace serp::device
