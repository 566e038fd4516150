// SPDX-License-Identifier: GPL-3.0-or-later
// The card through LibTorch's CUDA libraries. Compiled wherever the headers are there, linked only where the libraries can be loaded.
#include <ATen/cuda/CUDAContextLight.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>

#include <exception>

#include "engine/device/device.h"

namespace serp::device {
namespace {

constexpr c10::DeviceIndex kCard = 0;

/// `later` waits for all that `earlier` holds now.
void order(const c10::cuda::CUDAStream& earlier, const c10::cuda::CUDAStream& later) {
  cudaEvent_t event = nullptr;
  C10_CUDA_CHECK(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
  const cudaError_t recorded = cudaEventRecord(event, earlier.stream());
  const cudaError_t waiting = recorded == cudaSuccess ? cudaStreamWaitEvent(later.stream(), event, 0) : recorded;
  cudaEventDestroy(event);  // the driver keeps it until the wait is over
  C10_CUDA_CHECK(waiting);
}

}  // namespace

bool linked() noexcept { return true; }

std::vector<Card> cards() {
  std::vector<Card> all;
  const c10::DeviceIndex count = c10::cuda::device_count();  // 0, without a throw, where no driver is
  for (c10::DeviceIndex i = 0; i < count; ++i) {
    const cudaDeviceProp* p = at::cuda::getDeviceProperties(i);
    all.push_back({p->name, p->major, p->minor, static_cast<double>(p->totalGlobalMem)});
  }
  return all;
}

double freeBytes() {
  if (c10::cuda::device_count() == 0) return 0;
  const c10::cuda::CUDAGuard guard(kCard);
  std::size_t free = 0, total = 0;
  C10_CUDA_CHECK(cudaMemGetInfo(&free, &total));
  // What the allocator holds and does not use can be given out again.
  const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(kCard);
  const auto all = static_cast<std::size_t>(c10::CachingAllocator::StatType::AGGREGATE);
  return static_cast<double>(free) + static_cast<double>(stats.reserved_bytes[all].current - stats.allocated_bytes[all].current);
}

void* currentStream() { return c10::cuda::getCurrentCUDAStream().stream(); }

struct Graph::Impl {
  // Never the default stream: it cannot be captured, and gradients must be made on the stream on which they are gathered.
  c10::cuda::CUDAStream stream = c10::cuda::getStreamFromPool(false, kCard);
  std::unique_ptr<at::cuda::CUDAGraph> graph;
};

Graph::Graph() : impl_(std::make_unique<Impl>()) {}
Graph::~Graph() = default;

void Graph::run(const std::function<void()>& work) {
  const c10::cuda::CUDAStream caller = c10::cuda::getCurrentCUDAStream(kCard);
  order(caller, impl_->stream);
  {
    const c10::cuda::CUDAStreamGuard guard(impl_->stream);
    work();
  }
  order(impl_->stream, caller);
}

void Graph::capture(const std::function<void()>& work) {
  forget();
  const c10::cuda::CUDAStream caller = c10::cuda::getCurrentCUDAStream(kCard);
  order(caller, impl_->stream);
  const c10::cuda::CUDAStreamGuard guard(impl_->stream);
  impl_->stream.synchronize();
  auto graph = std::make_unique<at::cuda::CUDAGraph>();
  // Thread-local: another thread that copies a checkpoint meanwhile breaks nothing. The backward pass runs on a thread of LibTorch's, so
  // relaxed, which allows both.
  graph->capture_begin({0, 0}, cudaStreamCaptureModeRelaxed);
  std::exception_ptr failed;
  try {
    work();
  } catch (...) {
    failed = std::current_exception();
  }
  try {
    graph->capture_end();
  } catch (...) {
    if (!failed) failed = std::current_exception();
  }
  if (failed) std::rethrow_exception(failed);
  impl_->graph = std::move(graph);
}

bool Graph::captured() const { return impl_->graph != nullptr; }

void Graph::replay() {
  run([this] { impl_->graph->replay(); });
}

void Graph::forget() { impl_->graph.reset(); }

}  // namespace serp::device
