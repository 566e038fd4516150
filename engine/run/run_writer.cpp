// SPDX-License-Identifier: GPL-3.0-or-later
// The runner's writing, over RunFolder, Recorder and the checkpoint of a training loop.
#include "engine/run/run_writer.h"

#include <torch/version.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/base/atomic_file.h"
#include "engine/base/error.h"
#include "engine/data/tokenizer.h"
#include "engine/run/recorder.h"
#include "engine/run/routed_text.h"
#include "engine/run/run_folder.h"

namespace serp {

struct RunWriter::Impl {
  std::optional<RunFolder> folder;
  std::unique_ptr<Recorder> recorder;
  std::string notice;
  std::int64_t steps = 0, tokens = 0;

  void openRecorder() {
    recorder = std::make_unique<Recorder>(folder->path(), [this](const std::string& text) { notice = text; });
  }
};

namespace {

RunMeta makeMeta(const RunSpec& spec, const RunInfo& info, const OpenOptions& options) {
  RunMeta m;
  m.name = spec.name;
  m.device = info.device;
  m.kernels = info.kernels;
  m.precision = spec.top.text("precision");
  m.tokenizer = info.tokenizer;
  m.dataDescription = info.dataDescription;
  m.pattern = patternText(spec);
  m.threads = info.threads;
  m.seed = info.seed;
  m.versions = {{"serpentarium", SERP_VERSION}, {"torch", TORCH_VERSION}};
  m.parentRun = options.parentRun;
  m.parentStep = options.parentStep;
  m.budgetSteps = info.budgetSteps;
  m.parameters = info.parameters;
  m.activeParameters = info.activeParameters;
  m.vocab = info.vocab;
  m.context = info.context;
  m.batch = info.batch;
  m.uniformLoss = info.uniformLoss;
  m.unigramLoss = info.unigramLoss;
  m.entropyRate = info.entropyRate;
  m.labelNames = info.labelNames;
  return m;
}

void saveTokenizer(const std::filesystem::path& folder, const Tokenizer& tokenizer) {
  std::error_code error;
  std::filesystem::create_directories(folder / "tokenizer", error);
  if (auto saved = tokenizer.save(folder / "tokenizer"); !saved) throw Error(saved.faults());
}

}  // namespace

RunWriter::RunWriter() : impl_(std::make_unique<Impl>()) {}
RunWriter::~RunWriter() = default;

void RunWriter::create(const std::filesystem::path& folder, const RunSpec& spec, const RunInfo& info, const OpenOptions& options,
                       const Tokenizer& tokenizer) {
  auto made = RunFolder::create(folder, makeMeta(spec, info, options), spec.text, resolvedText(spec));
  if (!made) throw Error(made.faults());
  impl_->folder = std::move(made).value();
  saveTokenizer(folder, tokenizer);
  impl_->openRecorder();
}

void RunWriter::reopen(const std::filesystem::path& folder, const RunSpec& spec, const RunInfo& info, const Tokenizer& tokenizer,
                       std::int64_t step) {
  auto opened = RunFolder::reopen(folder);
  if (!opened) throw Error(opened.faults());
  impl_->folder = std::move(opened).value();
  RunMeta meta = impl_->folder->meta();
  meta.budgetSteps = info.budgetSteps;
  meta.threads = info.threads;
  if (auto ok = impl_->folder->update(meta); !ok) throw Error(ok.faults());
  std::error_code ignored;
  if (!std::filesystem::exists(folder / "tokenizer" / "tokenizer.json", ignored)) saveTokenizer(folder, tokenizer);  // killed before that
  impl_->openRecorder();
  if (auto ok = impl_->recorder->rewind(step); !ok) throw Error(ok.faults());
  const std::string before = impl_->folder->resolved(), now = resolvedText(spec);
  if (before == now) return;
  std::filesystem::create_directories(folder / "superseded", ignored);
  const auto kept = folder / "superseded" / ("resolved-until-" + std::to_string(step) + ".yaml");
  if (auto ok = writeFileAtomically(kept, before); !ok) throw Error(ok.faults());
  if (auto ok = writeFileAtomically(folder / "resolved.yaml", now); !ok) throw Error(ok.faults());
}

void RunWriter::step(const StepRecord& record) {
  impl_->steps = record.step;
  impl_->tokens = record.tokens;
  impl_->recorder->metrics(record);
}
void RunWriter::eval(const EvalRecord& record) { impl_->recorder->eval(record); }
void RunWriter::event(const RunEvent& event) {
  if (impl_->recorder) impl_->recorder->event(event);
}
void RunWriter::sample(std::int64_t step, double seconds, const std::string& prompt, const std::string& text) {
  impl_->recorder->sample(step, seconds, prompt, text);
}
void RunWriter::routing(const RoutingFrame& frame) { impl_->recorder->routing(frame); }
void RunWriter::routedText(const RoutedText& text, std::int64_t step) {
  if (auto ok = writeFileAtomically(impl_->folder->path() / kRoutedTextFile, routedTextJson(text, step)); !ok) impl_->notice = ok.faults().text();
}

void RunWriter::saved(std::int64_t step, std::int64_t tokens) {
  RunMeta meta = impl_->folder->meta();
  meta.steps = std::max(meta.steps, step);
  meta.tokens = std::max(meta.tokens, tokens);
  if (auto ok = impl_->folder->update(meta); !ok) impl_->notice = ok.faults().text();
}

bool RunWriter::flush() { return impl_->recorder->flush(); }

void RunWriter::finish(const std::string& status, const std::string& reason) {
  if (!impl_->folder) return;
  if (impl_->recorder) impl_->recorder->flush();
  RunMeta meta = impl_->folder->meta();
  meta.steps = std::max(meta.steps, impl_->steps);
  meta.tokens = std::max(meta.tokens, impl_->tokens);
  (void)impl_->folder->update(meta);
  if (auto ok = impl_->folder->end(status, reason); !ok) impl_->notice = ok.faults().text();
}

std::string RunWriter::notice() { return std::exchange(impl_->notice, {}); }

void RunWriter::checkFolder() const {
  if (auto ok = impl_->folder->check(); !ok) throw Error(ok.faults());
}

}  // namespace serp
