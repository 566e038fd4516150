// SPDX-License-Identifier: GPL-3.0-or-later
// Whether there is a card, asked of the driver once; and plain device memory for tests and benchmarks.
#include "kernels/cuda/device.h"

#include "kernels/cuda_memory.h"

namespace serp::kernels::SERP_GPU {

bool compiled() noexcept {
  return true;
}

#ifdef __CUDACC__

namespace {
Status statusOf(cudaError_t e) {
  return e == cudaSuccess ? Status::Ok : Status::LaunchFailed;
}
}  // namespace

int deviceCount() noexcept {
  static const int count = [] {
    int n = 0;
    if (cudaGetDeviceCount(&n) == cudaSuccess) return n;
    cudaGetLastError();  // no driver, or one too old: not an error of the next call
    return 0;
  }();
  return count;
}

Status allocate(std::int64_t bytes, int, void** memory) noexcept {
  if (const Status status = ready(); status != Status::Ok) return status;
  return statusOf(cudaMalloc(memory, static_cast<std::size_t>(bytes < 1 ? 1 : bytes)));
}
void release(void* memory) noexcept {
  if (memory) cudaFree(memory);
}
Status copyIn(void* device, const void* host, std::int64_t bytes) noexcept {
  if (const Status status = ready(); status != Status::Ok || bytes == 0) return status;
  return statusOf(cudaMemcpy(device, host, static_cast<std::size_t>(bytes), cudaMemcpyHostToDevice));
}
Status copyOut(void* host, const void* device, std::int64_t bytes) noexcept {
  if (const Status status = ready(); status != Status::Ok || bytes == 0) return status;
  return statusOf(cudaMemcpy(host, device, static_cast<std::size_t>(bytes), cudaMemcpyDeviceToHost));
}
Status copyOnDevice(void* to, const void* from, std::int64_t bytes, Stream stream) noexcept {
  if (const Status status = ready(); status != Status::Ok || bytes == 0) return status;
  return statusOf(cudaMemcpyAsync(to, from, static_cast<std::size_t>(bytes), cudaMemcpyDeviceToDevice,
                                  static_cast<cudaStream_t>(stream.handle)));
}
Status wait(Stream stream) noexcept {
  if (const Status status = ready(); status != Status::Ok) return status;
  return statusOf(cudaStreamSynchronize(static_cast<cudaStream_t>(stream.handle)));
}

Status timeOf(void (*work)(void*), void* context, double* ms) noexcept {
  if (const Status status = ready(); status != Status::Ok) return status;
  cudaEvent_t from = nullptr, to = nullptr;
  if (cudaEventCreate(&from) != cudaSuccess || cudaEventCreate(&to) != cudaSuccess) return Status::LaunchFailed;
  float took = 0;
  cudaEventRecord(from);
  work(context);
  cudaEventRecord(to);
  const bool good = cudaEventSynchronize(to) == cudaSuccess && cudaEventElapsedTime(&took, from, to) == cudaSuccess;
  cudaEventDestroy(from);
  cudaEventDestroy(to);
  *ms = took;
  return good ? Status::Ok : Status::LaunchFailed;
}
const char* deviceName() noexcept {
  static const cudaDeviceProp properties = [] {
    cudaDeviceProp p{};
    if (deviceCount() > 0) cudaGetDeviceProperties(&p, 0);
    return p;
  }();
  return properties.name;
}

#else

int deviceCount() noexcept {
  return 1;
}
Status allocate(std::int64_t bytes, int element, void** memory) noexcept {
  *memory = emulator::allocate(bytes, element);
  return *memory ? Status::Ok : Status::LaunchFailed;
}
void release(void* memory) noexcept {
  emulator::release(memory);
}
Status copyIn(void* device, const void* host, std::int64_t bytes) noexcept {
  if (bytes == 0) return Status::Ok;
  if (!emulator::isDevice(device, bytes)) return Status::BadArgument;
  emulator::copyIn(device, host, bytes);
  return Status::Ok;
}
Status copyOut(void* host, const void* device, std::int64_t bytes) noexcept {
  if (bytes == 0) return Status::Ok;
  if (!emulator::isDevice(device, bytes)) return Status::BadArgument;
  emulator::copyOut(host, device, bytes);
  return Status::Ok;
}
Status copyOnDevice(void* to, const void* from, std::int64_t bytes, Stream) noexcept {
  if (bytes == 0) return Status::Ok;
  if (!emulator::isDevice(to, bytes) || !emulator::isDevice(from, bytes)) return Status::BadArgument;
  emulator::copyIn(to, from, bytes);
  return Status::Ok;
}
Status wait(Stream) noexcept {
  return Status::Ok;
}
Status timeOf(void (*)(void*), void*, double*) noexcept {
  return Status::NoDevice;
}
const char* deviceName() noexcept {
  return "the emulation on a CPU";
}

#endif

}  // namespace serp::kernels::SERP_GPU
