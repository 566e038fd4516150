// SPDX-License-Identifier: GPL-3.0-or-later
// Putting a run together, cheapest checks first: device, data, plan, memory, and only then tensors.
#include "engine/run/build_run.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <string>
#include <thread>

#include "engine/base/error.h"
#include "engine/base/text.h"
#include "engine/data/probe_tasks.h"
#include "engine/ops/kernel_calls.h"
#include "engine/ops/linear.h"
#include "engine/ops/product_choice.h"
#include "engine/run/checkpoint.h"
#include "engine/run/device_choice.h"
#include "engine/run/run_meta.h"
#include "engine/train/keep_memory.h"

namespace serp {

std::string outOfMemorySentence(const RunSpec& spec) {
  std::string asked = "an unknown amount";
  if (auto plan = planRun(spec)) asked = bytesText(plan->peakBytes);
  std::vector<std::string> unsaid;
  return "out of memory: the plan asks for " + asked + ", " + bytesText(freeMemoryOf(chooseDeviceToRead(spec, unsaid))) +
         " are free; lower train.batch, data.context, the number of experts or d_model";
}

int applyRuntime(const RunSpec& spec, int spareCores) {
  keepMemory();
  const auto cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  const auto wish = static_cast<int>(spec.top.integer("threads"));
  const int threads = wish > 0 ? wish : std::max(1, cores - (cores > 2 ? spareCores : 0));
  at::set_num_threads(threads);
  ops::setKernelMode(ops::kernelModeByName(spec.top.text("kernels")));
  ops::setPrecision(spec.top.text("precision") == "bfloat16" ? ops::Precision::Bfloat16 : ops::Precision::Float32);
  ops::chooseProducts(ops::productCache());
  return threads;
}

void makePathsAbsolute(RunSpec& spec) {
  namespace fs = std::filesystem;
  std::error_code error;
  std::vector<std::string> sources = spec.data.list("source");
  for (std::string& s : sources)
    if (s != "babel" && !probeTaskNamed(s) && fs::exists(s, error)) s = fs::absolute(s, error).lexically_normal().string();
  spec.data.set("source", sources);
  const std::string tokenizer = spec.data.text("tokenizer");
  if (const auto colon = tokenizer.find(':'); colon != std::string::npos)
    spec.data.set("tokenizer", tokenizer.substr(0, colon + 1) + fs::absolute(tokenizer.substr(colon + 1), error).lexically_normal().string());
}

DataSettings dataSettings(const RunSpec& spec, const std::filesystem::path& runFolder) {
  DataSettings d;
  d.source = spec.data.list("source");
  d.tokenizer = spec.data.text("tokenizer");
  d.context = spec.data.integer("context");
  d.batch = spec.train.integer("batch");
  d.validationFraction = spec.data.real("validation_fraction");
  d.field = spec.data.text("field");
  const auto seed = spec.data.integer("seed");
  d.seed = static_cast<std::uint64_t>(seed >= 0 ? seed : spec.train.integer("seed"));
  d.babelBytes = spec.data.integer("babel_bytes");
  d.taskSymbols = spec.data.integer("task_symbols");
  if (std::filesystem::exists(runFolder / "tokenizer" / "tokenizer.json")) d.tokenizerFolder = runFolder / "tokenizer";
  return d;
}

namespace {

/// The bits of a step depend on the number of threads: a run goes on with as many as it had, unless somebody asks for another number.
void keepThreads(RunSpec& runtime, const std::filesystem::path& run, std::vector<std::string>& notices) {
  const auto meta = readMeta(run);
  if (!meta || meta->threads < 1) return;
  const std::int64_t wish = runtime.top.integer("threads");
  if (wish == 0) runtime.top.set("threads", std::int64_t{meta->threads});
  else if (wish != meta->threads)
    notices.push_back("continued with " + std::to_string(wish) + " threads, the run had " + std::to_string(meta->threads) +
                      ": the numbers will differ in their last digits from a run without a break");
}

}  // namespace

BuiltRun buildRun(RunSpec& spec, const std::filesystem::path& folder, const OpenOptions& options, const std::function<bool()>& cancelled) {
  BuiltRun built;
  const DeviceChoice device = chooseDevice(spec);
  RunSpec runtime = spec;
  std::vector<std::string> notices;
  if (!options.resumeFrom.empty()) keepThreads(runtime, options.resumeFrom, notices);
  const int threads = applyRuntime(runtime, options.spareCores);

  DataSettings data = dataSettings(spec, folder);
  data.cancelled = cancelled;
  auto corpus = openCorpus(data);
  if (!corpus) throw Error(corpus.faults());
  std::shared_ptr<const Corpus> source = std::move(corpus).value();
  const std::int64_t needed = source->tokenizer().vocabSize(), given = spec.model.integer("vocab");
  if (given > 0 && given < needed)
    throw Error(fault(ExitCode::BadConfiguration,
                      "model.vocab: " + std::to_string(given) + " is smaller than the tokenizer's vocabulary of " + std::to_string(needed),
                      spec.file));
  RunSpec sized = spec;
  if (given == 0) sized.model.set("vocab", needed);
  auto plan = planRun(sized);
  if (!plan) throw Error(plan.faults());
  if (Diagnostics memory = checkMemory(*plan, freeMemoryOf(device)); memory.hasErrors()) throw Error(memory);

  built.loop = std::make_unique<TrainLoop>(sized, *plan, source, device.device);
  if (!options.resumeFrom.empty()) built.notices = loadCheckpoint(options.resumeFrom, *built.loop);
  built.notices.insert(built.notices.end(), notices.begin(), notices.end());

  const CorpusFacts& facts = source->facts();
  RunInfo& info = built.info;
  info.name = spec.name;
  info.device = device.name;
  info.kernels = device.kernels;
  info.tokenizer = source->tokenizer().kind();
  info.dataDescription = facts.description;
  info.threads = threads;
  info.budgetSteps = spec.train.integer("steps");
  info.parameters = plan->nonEmbeddingTotal;
  info.activeParameters = plan->nonEmbeddingActive;
  info.vocab = plan->vocab;
  info.context = plan->context;
  info.batch = plan->batch;
  info.uniformLoss = facts.uniformLoss;
  info.unigramLoss = facts.unigramLoss;
  info.entropyRate = facts.entropyRate.value_or(-1);
  info.labelNames = facts.labelNames;
  info.memoryBytes = plan->peakBytes;
  info.seed = static_cast<std::uint64_t>(spec.train.integer("seed"));
  return built;
}

}  // namespace serp
