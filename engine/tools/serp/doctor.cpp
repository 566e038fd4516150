// SPDX-License-Identifier: GPL-3.0-or-later
// serp doctor: what this machine has, what this build uses of it, and how to get what is missing.
#include <ATen/Version.h>
#include <torch/version.h>
#include <zlib.h>

#include <cstdio>
#include <fstream>
#include <thread>

#include "engine/api/runs.h"
#include "engine/base/text.h"
#include "engine/graph/free_memory.h"
#include "engine/ops/product_choice.h"
#include "engine/run/build_run.h"
#include "engine/run/device_choice.h"
#include "engine/tools/serp/terminal.h"
#include "kernels/common.h"

namespace serp::cli {
namespace {

using nlohmann::ordered_json;

std::string cpuLine(const char* key) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(key)) return line.substr(std::min(line.size(), line.find(':') + 2));
  return {};
}

std::vector<std::string> features() {
  const std::string flags = " " + cpuLine("flags") + " ";
  std::vector<std::string> out;
  for (const char* f : {"avx2", "fma", "avx512f", "avx512bw", "avx512vl", "avx512_bf16", "amx_bf16"})
    if (flags.find(std::string(" ") + f + " ") != std::string::npos) out.emplace_back(f);
  return out;
}

/// First line of a file, or nothing.
std::string firstLine(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/// What torch's own description says under `key`, up to the end of the line ("Intel(R) oneAPI Math Kernel Library Version 2024.2").
std::string torchSays(const std::string& key) {
  const std::string all = at::show_config();
  const std::size_t at = all.find(key);
  return at == std::string::npos ? std::string() : all.substr(at, all.find('\n', at) - at);
}

ordered_json libraries() {
  ordered_json j = {{"torch", TORCH_VERSION}};
  if (const std::string mkl = torchSays("oneAPI Math Kernel Library"); !mkl.empty()) j["blas"] = mkl.substr(0, mkl.find(" Build"));
  if (const std::string openmp = torchSays("OpenMP "); !openmp.empty()) j["openmp"] = openmp.substr(7, openmp.find(' ', 7) - 7);
  j["zlib"] = ZLIB_VERSION;
  j["nlohmann_json"] = std::to_string(NLOHMANN_JSON_VERSION_MAJOR) + "." + std::to_string(NLOHMANN_JSON_VERSION_MINOR) + "." +
                       std::to_string(NLOHMANN_JSON_VERSION_PATCH);
  j["cli11"] = CLI11_VERSION;
  return j;
}

/// What is missing or could be better, each with the way to get it.
std::vector<std::string> advice(const std::string& driver) {
  namespace fs = std::filesystem;
  std::vector<std::string> out;
  if (const std::string why = whyNoCard(thisMachine()); why.empty()) out.emplace_back("device: auto trains on the card");
  else if (driver.empty()) out.emplace_back("no NVIDIA driver is loaded: training runs on the CPU");
  else out.push_back("an NVIDIA driver is here (" + driver + "), but training runs on the CPU: " + why);
  if (kernels::activeIsa() == kernels::Isa::Portable)
    out.emplace_back("the portable kernels are in use and slow: this CPU has no AVX2, or SERP_KERNELS asks for them");
  std::error_code error;
  const fs::path window = fs::read_symlink("/proc/self/exe", error).parent_path().parent_path() / "bin" / "serpentarium";
  if (!fs::exists(window, error)) out.emplace_back("the window is not built: ./bootstrap build installs Qt 6 and builds it");
  if (!fs::is_directory(presetFolder() / "start", error))
    out.push_back("the shipped designs are missing at " + presetFolder().string() + ": copy presets/ of the sources there");
  if (freeMemory() < 2e9) out.push_back("only " + bytesText(freeMemory()) + " of memory are free: designs above some ten million parameters will be refused");
  return out;
}

ordered_json productsFound() {
  ops::chooseProducts(ops::productCache());
  const ops::ProductChoice& c = ops::productChoice();
  const auto one = [&](bool narrow) {
    const ops::ProductRates& r = narrow ? c.narrow : c.wide;
    return ordered_json{{"used", c.library(narrow) ? "LibTorch's" : "our kernel"}, {"kernel_gflops", r.kernel / 1e9}, {"library_gflops", r.library / 1e9}};
  };
  return {{"float32", one(false)}, {"bfloat16", one(true)}};
}

int doctor(bool json) {
  const unsigned cores = std::max(1u, std::thread::hardware_concurrency());
  const std::vector<std::string> found = features();
  const std::string driver = firstLine("/proc/driver/nvidia/version");
  const std::vector<std::string> notes = advice(driver);
  const DeviceMachine& machine = thisMachine();
  ordered_json devices = ordered_json::array();
  for (const device::Card& card : machine.cards)
    devices.push_back({{"name", card.name},
                       {"capability", std::to_string(card.major) + "." + std::to_string(card.minor)},
                       {"memory_bytes", card.memoryBytes}});
  if (json) {
    print({{"version", SERP_VERSION},
           {"cpu", {{"name", cpuLine("model name")}, {"cores", cores}, {"features", found}, {"kernels", kernels::isaName(kernels::activeIsa())}}},
           {"cuda", {{"built", machine.linked}, {"available", !machine.cards.empty()}, {"devices", devices}, {"driver", driver}}},
           {"products", productsFound()},
           {"memory_free_bytes", freeMemory()},
           {"libraries", libraries()},
           {"presets", presetFolder().string()},
           {"runs", defaultRunsFolder().string()},
           {"notes", notes}});
    return 0;
  }
  std::string list;
  for (const std::string& f : found) list += " " + f;
  std::printf("serp %s\n", SERP_VERSION);
  std::printf("cpu      %s, %u cores,%s\n", cpuLine("model name").c_str(), cores, list.empty() ? " no vector features we use" : list.c_str());
  std::printf("kernels  %s\n", kernels::isaName(kernels::activeIsa()));
  const ordered_json products = productsFound();
  for (const auto& [precision, p] : products.items())
    std::printf("products %s by %s (GFLOP/s measured: our kernel %.0f, LibTorch %.0f)\n", precision.c_str(), p["used"].get<std::string>().c_str(),
                p["kernel_gflops"].get<double>(), p["library_gflops"].get<double>());
  std::printf("memory   %s free\n", bytesText(freeMemory()).c_str());
  if (!machine.linked) std::printf("cuda     not in this build\n");
  else if (machine.cards.empty()) std::printf("cuda     in this build, no card that can be used\n");
  for (const device::Card& card : machine.cards)
    std::printf("cuda     %s, compute capability %d.%d, %s\n", card.name.c_str(), card.major, card.minor, bytesText(card.memoryBytes).c_str());
  const ordered_json all = libraries();
  for (const auto& [name, version] : all.items()) std::printf("%-8s %s\n", name.c_str(), version.get<std::string>().c_str());
  std::printf("runs     %s\n", defaultRunsFolder().c_str());
  std::printf("presets  %s\n", presetFolder().c_str());
  for (const std::string& note : notes) std::printf("note     %s\n", note.c_str());
  return 0;
}

}  // namespace

void addDoctor(CLI::App& app, int& exit) {
  auto json = std::make_shared<bool>(false);
  CLI::App* verb = app.add_subcommand("doctor", "what this machine has and this build can use");
  verb->add_flag("--json", *json, "one JSON document on stdout");
  verb->callback([json, &exit] { exit = doctor(*json); });
}

}  // namespace serp::cli
