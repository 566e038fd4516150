// SPDX-License-Identifier: GPL-3.0-or-later
// serp bench train|decode: whole steps and whole decoding at the sizes of the Python peers, one JSON line each with the peers' keys.
#include <malloc.h>
#include <ATen/Parallel.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "engine/base/error.h"
#include "engine/ops/device_kernels.h"
#include "engine/ops/profile.h"
#include "engine/run/build_run.h"
#include "engine/tools/serp/step_profile.h"
#include "engine/tools/serp/terminal.h"
#include "engine/train/train_loop.h"
#include "kernels/common.h"

namespace serp::cli {
namespace {

using nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

struct Size { const char* name; int dModel, blocks, heads, context, batch; };
constexpr Size kSizes[] = {{"tiny", 64, 4, 4, 256, 8}, {"small", 128, 6, 4, 256, 8}, {"base", 256, 8, 8, 512, 4}};

struct Options {
  std::vector<std::string> models = {"mamba", "moe_mamba", "transformer", "transformer_moe"}, sizes = {"tiny", "small", "base"};
  std::string data, precision = "float32";
  int threads = 0, steps = 50, warmup = 3;
  double budget = 12;
  bool json = false, profile = false;
};

/// The peers' models: embedding and head apart, rms-free layer norms, 16 experts of 3d (Mamba) or 4d (Transformer).
std::string design(const std::string& model, const Size& s, const Options& o) {
  const std::string mamba = "{kind: mamba}", attention = "{kind: attention, heads: " + std::to_string(s.heads) + "}";
  const auto moe = [&](int times) { return "{kind: switch_moe, experts: 16, d_expert: " + std::to_string(times * s.dModel) + "}"; };
  std::string body;
  int repeat = s.blocks;
  if (model == "mamba") body = mamba;
  else if (model == "moe_mamba") body = mamba + ", " + moe(3), repeat = s.blocks / 2;
  else if (model == "transformer") body = attention + ", {kind: dense_ffn}";
  else body = attention + ", " + moe(4);
  return "name: bench_" + model + "\nthreads: " + std::to_string(o.threads) + "\nprecision: " + o.precision + "\nmodel: {d_model: " + std::to_string(s.dModel) +
         ", final_norm: layer_norm, blocks: [{repeat: " + std::to_string(repeat) + ", blocks: [" + body + "]}]}\n" +
         "train: {batch: " + std::to_string(s.batch) + ", steps: 1000000, learning_rate: 0.001, schedule: constant, clip: 0, decay: matrices, " +
         "beta2: 0.95, route_every: 1000000}\n" +
         "data: {source: " + (o.data.empty() ? std::string("babel") : valueText(ParamValue(o.data))) + ", context: " + std::to_string(s.context) + "}\n";
}

struct Rate { double median = 0, low = 0, high = 0, ms = 0; };

Rate summary(std::vector<double> seconds, double amount) {
  std::sort(seconds.begin(), seconds.end());
  const std::size_t n = seconds.size();
  const double middle = n % 2 ? seconds[n / 2] : (seconds[n / 2 - 1] + seconds[n / 2]) / 2;
  return {amount / middle, amount / seconds.back(), amount / seconds.front(), middle * 1e3};
}

double since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }
double round1(double x) { return std::round(x * 10) / 10; }
double round4(double x) { return std::round(x * 1e4) / 1e4; }

/// Peak resident memory in MB since the last forgetPeak(); the kernel counts it per process.
double peakMemory() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::strtod(line.c_str() + 6, nullptr) / 1024;
  return 0;
}

/// The measurement before this one must not count: freed memory goes back, the peak starts again from what is in use now.
void forgetPeak() {
  malloc_trim(0);
  std::ofstream("/proc/self/clear_refs") << "5";
}

ordered_json measureTrain(TrainLoop& loop, const Size& s, const Options& o) {
  std::vector<double> times;
  double first = 0, last = 0;
  int warm = 0;
  const auto begin = Clock::now();
  while (static_cast<int>(times.size()) < o.steps) {
    const bool warming = warm < o.warmup && since(begin) < o.budget / 3;
    const auto start = Clock::now();
    const StepRecord record = loop.step();
    const double seconds = since(start);
    if (first == 0) first = record.loss;
    last = record.loss;
    if (warming) ++warm;
    else times.push_back(seconds);
    if (o.profile && !warming && times.size() == 1) ops::setProfiling(true);
    if (since(begin) > o.budget && !times.empty()) break;
  }
  const Rate r = summary(times, static_cast<double>(s.batch) * s.context);
  return {{"tokens_per_s", round1(r.median)}, {"tokens_per_s_min", round1(r.low)}, {"tokens_per_s_max", round1(r.high)}, {"steps", times.size()},
          {"warmup_steps", warm}, {"step_ms", round1(r.ms)}, {"loss_first", round4(first)}, {"loss_last", round4(last)},
          {"data", o.data.empty() ? "babel" : std::filesystem::path(o.data).filename().string()}};
}

ordered_json measureDecode(LanguageModel& model, const Size& s, const Options& o) {
  const c10::NoGradGuard noGrad;
  const int count = s.context / 2;
  std::vector<double> times;
  const auto begin = Clock::now();
  while (times.size() < 20 && (times.empty() || since(begin) < o.budget)) {
    DecodeState state = model.start(1);
    StepContext ctx;
    std::vector<std::int64_t> prompt(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) prompt[static_cast<std::size_t>(i)] = (i * 37 + 11) % 256;
    const auto options = at::TensorOptions().dtype(at::kLong);
    at::Tensor logits = model.advance(at::from_blob(prompt.data(), {1, count}, options), state, ctx).narrow(0, count - 1, 1);
    const auto start = Clock::now();
    for (int i = 0; i < count; ++i) logits = model.advance(logits.argmax(-1).view({1, 1}), state, ctx);
    if (!logits.is_cpu()) ops::onHost(logits);  // what was queued is done
    times.push_back(since(start));
  }
  const Rate r = summary(times, count);
  return {{"tokens_per_s", round1(r.median)}, {"tokens_per_s_min", round1(r.low)}, {"tokens_per_s_max", round1(r.high)}, {"steps", times.size()},
          {"warmup_steps", 0}, {"step_ms", round1(r.ms)}, {"tokens_per_run", count}, {"batch", 1}};
}

int bench(const Options& o, const std::string& mode) {
  if (!o.json) std::printf("%-32s %-7s %7s %10s %12s %9s %10s\n", "model", "preset", "threads", "active", "tokens/s", "step ms", "peak MB");
  for (const std::string& sizeName : o.sizes) {
    const Size& s = *std::find_if(std::begin(kSizes), std::end(kSizes), [&](const Size& x) { return sizeName == x.name; });
    for (const std::string& model : o.models) {
      auto spec = parseRunSpec(design(model, s, o));
      if (!spec) return report(spec.faults());
      forgetPeak();
      BuiltRun built = buildRun(*spec, {}, {});
      const ordered_json measured = mode == "train" ? measureTrain(*built.loop, s, o) : measureDecode(built.loop->model(), s, o);
      const Plan& plan = built.loop->model().plan();
      ordered_json j = {{"model", "serpentarium-" + model}, {"mode", mode}, {"preset", s.name}, {"threads", built.info.threads},
                        {"d_model", s.dModel}, {"blocks", s.blocks}, {"seq", s.context}, {"batch", s.batch}, {"dtype", o.precision},
                        {"family", model}, {"params", plan.total.paramsTotal}, {"active_params", plan.total.paramsActive}};
      if (model.ends_with("moe") || model.starts_with("moe")) j["experts"] = 16;
      j.update(measured);
      j["peak_rss_mb"] = round1(peakMemory());
      j["device"] = built.info.device;
      j["kernels"] = built.info.kernels;
      j["library"] = std::string("serpentarium ") + SERP_VERSION;
      if (o.profile && mode == "train") j["profile"] = stepProfile(j["steps"].get<int>() - 1, o.precision == "bfloat16");
      if (o.json) std::printf("%s\n", j.dump().c_str());
      else
        std::printf("%-32s %-7s %7d %10s %12.1f %9.1f %10.0f\n", j["model"].get<std::string>().c_str(), s.name, built.info.threads,
                    millions(plan.total.paramsActive).c_str(), j["tokens_per_s"].get<double>(), j["step_ms"].get<double>(),
                    j["peak_rss_mb"].get<double>());
      if (!o.json && j.contains("profile")) printStepProfile(j["profile"]);
      std::fflush(stdout);
    }
  }
  return 0;
}

}  // namespace

void addOperatorBenches(CLI::App& bench, int& exit);  // bench_ops.cpp

void addBench(CLI::App& app, int& exit) {
  auto o = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("bench", "timings of this build on this machine");
  verb->require_subcommand(1);
  for (const char* mode : {"train", "decode"}) {
    CLI::App* sub = verb->add_subcommand(mode, std::string(mode) == "train" ? "whole training steps at the peers' sizes" : "token after token, batch 1");
    sub->add_option("--model", o->models, "mamba, moe_mamba, transformer, transformer_moe")
        ->check(CLI::IsMember({"mamba", "moe_mamba", "transformer", "transformer_moe"}));
    sub->add_option("--preset", o->sizes, "tiny, small, base")->check(CLI::IsMember({"tiny", "small", "base"}));
    sub->add_option("--threads", o->threads, "0: one a core")->check(CLI::Range(0, 1024));
    sub->add_option("--steps", o->steps, "timed steps at most")->check(CLI::Range(1, 1000000))->capture_default_str();
    sub->add_option("--budget", o->budget, "seconds per measurement, warm-up included")->check(CLI::Range(0.1, 1e6))->capture_default_str();
    sub->add_option("--precision", o->precision, "float32, bfloat16: of the matrix products")
        ->check(CLI::IsMember({"float32", "bfloat16"}))->capture_default_str();
    if (std::string(mode) == "train")
      sub->add_flag("--profile", o->profile, "time per kernel, and the share of what this machine can do");
    sub->add_option("--data", o->data, "file whose bytes are the training tokens; default: generated text");
    sub->add_flag("--json", o->json, "one JSON line a measurement, with the keys of the peers' benchmark");
    sub->callback([o, &exit, mode = std::string(mode)] { exit = bench(*o, mode); });
  }
  addOperatorBenches(*verb, exit);
}

}  // namespace serp::cli
