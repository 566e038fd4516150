// SPDX-License-Identifier: GPL-3.0-or-later
// An NVIDIA card as LibTorch drives it: whether there is one, the stream its work is queued on, and a recorded graph of work.
//
// device_cuda.cpp is the program with a CUDA LibTorch; device_none.cpp answers for one without. No tensor and no kernel here.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace serp::device {

struct Card {
  std::string name;              ///< "NVIDIA H100 80GB HBM3"
  int major = 0, minor = 0;      ///< compute capability
  double memoryBytes = 0;
};

/// True when this program is linked with LibTorch's CUDA libraries.
bool linked() noexcept;
/// The cards that LibTorch can use, first the one that is used; empty without a driver. Asks the driver; does not throw.
std::vector<Card> cards();
/// Free bytes of the card in use. 0 where there is none.
double freeBytes();
/// The cudaStream_t on which LibTorch queues the work of the calling thread; null is CUDA's default stream.
void* currentStream();

/// Work recorded once and repeated without the cost of launching it piece by piece. Owned and called by one thread. What the work reads
/// and writes must stay where it is; what it allocates belongs to the graph until forget().
class Graph {
 public:
  /// Makes the stream on which everything passed to run() and capture() is queued. Throws where there is no card.
  Graph();
  ~Graph();
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  /// Queues `work` once, not recorded, on the graph's stream: warm-up, and steps that differ. The stream waits for what the caller has
  /// queued, and the caller's for it.
  void run(const std::function<void()>& work);
  /// Records `work` without running it. It may not wait for the card. Throws what `work` or the driver throws; nothing is recorded then.
  void capture(const std::function<void()>& work);
  bool captured() const;
  /// Queues what was recorded.
  void replay();
  void forget();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace serp::device
