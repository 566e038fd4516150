// SPDX-License-Identifier: GPL-3.0-or-later
// The two in turn on one shape of a small model; the best of a few tries each, so that other load on the machine counts little.
#include "engine/ops/product_choice.h"

#include <ATen/Parallel.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/ones.h>
#include <torch/version.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <locale>
#include <sstream>
#include <vector>

#include "engine/base/atomic_file.h"
#include "engine/ops/parallel.h"
#include "engine/ops/tensors.h"
#include "kernels/matmul.h"

namespace serp::ops {
namespace {

constexpr std::int64_t kM = 1024, kN = 512, kK = 256;
constexpr int kTries = 6;
constexpr std::uint64_t kCacheBytes = 1 << 16;

ProductChoice gChoice;

double seconds(const auto& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

ProductRates measure(bool narrow) {
  const at::Tensor a = at::ones({kM, kK}), b = at::ones({kK, kN}), c = at::ones({kM, kN});
  const kernels::MatmulShape shape{kM, kN, kK};
  kernels::MatmulOptions options;
  options.narrow = narrow;
  const kernels::ParallelFor parallel = torchParallel();
  std::vector<float> work(static_cast<std::size_t>(kernels::matmulWorkspace(shape, parallel.threads)));
  double ours = HUGE_VAL, theirs = HUGE_VAL;
  for (int i = 0; i < kTries; ++i) {
    ours = std::min(ours, seconds([&] {
                      require(kernels::matmul(shape, {data(a), kK, 1}, {data(b), kN, 1}, out(c), kN, options, work.data(), parallel), "matmul");
                    }));
    theirs = std::min(theirs, seconds([&] {
                        if (narrow)
                          (void)at::mm(a.to(at::kBFloat16), b.to(at::kBFloat16)).to(at::kFloat);
                        else
                          (void)at::mm(a, b);
                      }));
  }
  const double flops = 2.0 * kM * kN * kK;
  return {flops / ours, flops / theirs};
}

std::string processor() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("model name")) return line.substr(std::min(line.size(), line.find(':') + 2));
  return "unknown";
}

/// What a measurement holds for: another processor, thread count, instruction set or LibTorch is another line.
std::string key() {
  std::string text = processor() + "; " + std::to_string(at::get_num_threads()) + " threads; " + kernels::isaName(kernels::activeIsa()) + "; " +
                     (kernels::narrowIsFast() ? "bfloat16" : "no bfloat16") + "; torch " TORCH_VERSION;
  std::replace(text.begin(), text.end(), '\t', ' ');
  return text;
}

/// Lines of key, tab, four rates.
bool read(const std::string& text, const std::string& wanted, ProductChoice& choice) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const auto tab = line.find('\t');
    if (tab == std::string::npos || line.substr(0, tab) != wanted) continue;
    std::istringstream numbers(line.substr(tab + 1));
    numbers.imbue(std::locale::classic());
    ProductChoice c;
    if (!(numbers >> c.wide.kernel >> c.wide.library >> c.narrow.kernel >> c.narrow.library)) continue;
    const auto sane = [](const ProductRates& r) { return r.kernel > 0 && r.library > 0; };
    if (!sane(c.wide) || !sane(c.narrow)) continue;
    choice = c;
    return true;
  }
  return false;
}

}  // namespace

const ProductChoice& productChoice() { return gChoice; }

std::filesystem::path productCache() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  if (cache && *cache == '/') return std::filesystem::path(cache) / "serpentarium" / "products.txt";
  if (home && *home == '/') return std::filesystem::path(home) / ".cache" / "serpentarium" / "products.txt";
  return {};
}

void chooseProducts(const std::filesystem::path& cache) {
  const std::string mine = key();
  std::string known;
  if (!cache.empty())
    if (auto text = readFileCapped(cache, kCacheBytes, ExitCode::BadData)) known = *text;
  if (read(known, mine, gChoice)) return;
  gChoice = {measure(false), measure(true)};
  if (cache.empty()) return;
  std::error_code error;
  std::filesystem::create_directories(cache.parent_path(), error);
  std::ostringstream line;
  line.imbue(std::locale::classic());
  line << mine << '\t' << gChoice.wide.kernel << ' ' << gChoice.wide.library << ' ' << gChoice.narrow.kernel << ' ' << gChoice.narrow.library << '\n';
  if (known.size() + line.str().size() > kCacheBytes) known.clear();
  (void)writeFileAtomically(cache, known + line.str());  // not written: measured again at the next start
}

}  // namespace serp::ops
