// SPDX-License-Identifier: GPL-3.0-or-later
// Training state to bytes and back. Numbers that must continue exactly are stored as hexadecimal floats.
#include "engine/run/checkpoint.h"

#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>

#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <set>

#include "engine/base/atomic_file.h"
#include "engine/base/error.h"
#include "engine/run/checkpoint_store.h"
#include "engine/run/device_choice.h"

namespace serp {
namespace {

using nlohmann::ordered_json;

std::string exact(double x) {
  char text[40];
  std::snprintf(text, sizeof text, "%a", x);
  return text;
}
double fromExact(const ordered_json& j) { return std::strtod(j.get<std::string>().c_str(), nullptr); }

TensorBlob blob(const std::string& name, const at::Tensor& t) {
  TensorBlob b;
  b.name = name;
  b.shape = t.sizes().vec();
  SERP_CHECK(t.is_contiguous() && t.scalar_type() == at::kFloat && t.device().is_cpu(), name + " must be contiguous float32");
  b.data = t.const_data_ptr<float>();
  return b;
}

/// Live values that differ between runs of the same design: every live key of every block.
ordered_json liveValues(const LanguageModel& model) {
  ordered_json j = ordered_json::object();
  for (const auto& [path, value] : model.liveValues()) j[path] = exact(value);
  return j;
}

void loadTensors(const SafetensorsFile& file, const std::vector<Parameter>& parameters, const std::vector<at::Tensor>& targets,
                 const std::string& suffix) {
  Diagnostics faults;
  faults.exit = ExitCode::BadData;
  std::set<std::string> known;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const std::string name = parameters[i].name + suffix;
    known.insert(name);
    const TensorEntry* entry = file.tensor(name);
    if (!entry) faults.error(name, "is missing in the checkpoint");
    else if (entry->type != StoredType::F32) faults.error(name, std::string("is ") + storedTypeName(entry->type) + ", F32 is needed");
    else if (entry->shape != targets[i].sizes().vec())
      faults.error(name, "has the shape " + shapeText(entry->shape) + ", the design has " + shapeText(targets[i].sizes().vec()));
  }
  if (suffix.empty())
    for (const TensorEntry& entry : file.tensors())
      if (!known.count(entry.name)) faults.error(entry.name, "stands in the checkpoint but not in the design");
  if (faults.hasErrors()) {
    for (Diagnostic& d : faults.items) d.file = file.path().string();
    throw Error(faults);
  }
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const at::Tensor& target = targets[i];
    const at::Tensor here = target.is_cpu() ? target : at::empty(target.sizes(), at::TensorOptions().dtype(at::kFloat));
    if (auto ok = file.read(parameters[i].name + suffix, here.mutable_data_ptr()); !ok) throw Error(ok.faults());
    if (!target.is_cpu()) target.copy_(here);
  }
}

SafetensorsFile openTensors(const std::filesystem::path& path) {
  auto file = SafetensorsFile::open(path);
  if (!file) throw Error(file.faults());
  return std::move(file).value();
}

/// Checkpoint `step`, or for 0 the newest good one; `notices` gets a sentence for each that was passed over.
Checkpoint findCheckpoint(const std::filesystem::path& run, std::int64_t step, std::vector<std::string>& notices) {
  const CheckpointStore store(run);
  if (step > 0) {
    auto found = store.at(step);
    if (!found) throw Error(found.faults());
    return std::move(found).value();
  }
  CheckpointSearch search = store.newestGood();
  if (!search.found)
    throw Error(fault(ExitCode::BadData, "holds no good checkpoint" + (search.refused.empty() ? std::string() : ": " + search.refusedText()),
                      run.string()));
  for (const RefusedCheckpoint& r : search.refused)
    notices.push_back("checkpoint " + r.folder.filename().string() + " is damaged (" + r.why + "); going on from step " +
                      std::to_string(search.found->step));
  return *search.found;
}

std::vector<at::Tensor> tensorsOf(const std::vector<Parameter>& parameters) {
  std::vector<at::Tensor> out;
  for (const Parameter& p : parameters) out.push_back(p.tensor.detach());
  return out;
}

}  // namespace

Snapshot takeSnapshot(const TrainLoop& loop, bool copy) {
  const c10::NoGradGuard noGrad;
  const auto& parameters = loop.model().parameters();
  const auto& optimizer = loop.optimizer();
  // What lies on a card comes to the host, a copy in any case.
  const auto taken = [&](const at::Tensor& t) { return !t.is_cpu() ? t.detach().cpu() : copy ? t.detach().clone() : t.detach(); };
  Snapshot s;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    s.model.push_back({parameters[i].name, taken(parameters[i].tensor)});
    s.optimizer.push_back({parameters[i].name + ".exp_avg", taken(optimizer.firstMoments()[i])});
    s.optimizer.push_back({parameters[i].name + ".exp_avg_sq", taken(optimizer.secondMoments()[i])});
  }
  const TrainLoop::Progress& p = loop.progress();
  s.step = p.step;
  s.tokens = p.tokens;
  ordered_json state;
  state["format"] = 1;
  state["step"] = p.step;
  state["tokens"] = p.tokens;
  state["seconds"] = exact(p.seconds);
  state["flops"] = exact(p.flops);
  state["learning_rate_scale"] = exact(p.rateScale);
  state["non_finite_in_a_row"] = p.nonFiniteInARow;
  for (const double x : p.recentLosses) state["recent_losses"].push_back(exact(x));
  for (const double x : p.recentNorms) state["recent_norms"].push_back(exact(x));
  state["optimizer_steps"] = optimizer.steps();
  state["live"] = liveValues(loop.model());
  state["tokenizer"] = {{"kind", loop.corpus().tokenizer().kind()}, {"fingerprint", loop.corpus().tokenizer().fingerprint()}};
  s.state = state.dump(2) + "\n";
  return s;
}

std::uint64_t snapshotBytes(const TrainLoop& loop) {
  std::uint64_t bytes = 0;
  for (const Parameter& p : loop.model().parameters()) bytes += 3 * static_cast<std::uint64_t>(p.tensor.nbytes());  // weight, two moments
  return bytes;
}

std::uint64_t writeSnapshot(const std::filesystem::path& run, const Snapshot& snapshot, std::int64_t keep) {
  CheckpointContent content;
  content.step = snapshot.step;
  for (const Snapshot::Entry& e : snapshot.model) content.model.push_back(blob(e.name, e.tensor));
  for (const Snapshot::Entry& e : snapshot.optimizer) content.optimizer.push_back(blob(e.name, e.tensor));
  content.state = snapshot.state;
  content.metadata = {{"format", "serpentarium"}, {"step", std::to_string(snapshot.step)}};
  auto written = CheckpointStore(run, static_cast<int>(keep)).write(content);
  if (!written) throw Error(written.faults());
  return written->bytes;
}

std::vector<std::string> loadCheckpoint(const std::filesystem::path& run, TrainLoop& loop) {
  const c10::NoGradGuard noGrad;
  std::vector<std::string> notices;
  if (CheckpointStore(run).steps().empty()) {
    notices.emplace_back("this run has no checkpoint yet: it starts again from step 0");
    return notices;
  }
  const Checkpoint checkpoint = findCheckpoint(run, 0, notices);
  auto text = readFileCapped(checkpoint.state(), 16 << 20, ExitCode::BadData);
  if (!text) throw Error(text.faults());
  const auto state = ordered_json::parse(*text, nullptr, false);
  if (state.is_discarded() || !state.contains("step") || !state.contains("tokenizer"))
    throw Error(fault(ExitCode::BadData, "is not the state of a checkpoint", checkpoint.state().string()));
  const std::string stored = state["tokenizer"].value("fingerprint", ""), ours = loop.corpus().tokenizer().fingerprint();
  if (stored != ours)
    throw Error(fault(ExitCode::BadData,
                      "was trained with another tokenizer (" + stored.substr(0, 12) + "), this one is " + ours.substr(0, 12), run.string()));
  const auto& parameters = loop.model().parameters();
  loadTensors(openTensors(checkpoint.model()), parameters, tensorsOf(parameters), "");
  const SafetensorsFile moments = openTensors(checkpoint.optimizer());
  loadTensors(moments, parameters, loop.optimizer().firstMoments(), ".exp_avg");
  loadTensors(moments, parameters, loop.optimizer().secondMoments(), ".exp_avg_sq");
  try {
    TrainLoop::Progress& p = loop.progress();
    p.step = state.at("step");
    p.tokens = state.at("tokens");
    p.seconds = fromExact(state.at("seconds"));
    p.flops = fromExact(state.at("flops"));
    p.rateScale = fromExact(state.at("learning_rate_scale"));
    p.nonFiniteInARow = state.at("non_finite_in_a_row");
    for (const auto& [key, values] : {std::pair{"recent_losses", &p.recentLosses}, std::pair{"recent_norms", &p.recentNorms}}) {
      values->clear();
      if (state.contains(key))
        for (const auto& x : state[key]) values->push_back(fromExact(x));
    }
    loop.optimizer().setSteps(state.at("optimizer_steps"));
    for (const auto& [path, value] : state.at("live").items()) loop.model().setLive(path, fromExact(value));
  } catch (const nlohmann::json::exception& e) {
    throw Error(fault(ExitCode::BadData, std::string("is not the state of a checkpoint: ") + e.what(), checkpoint.state().string()));
  }
  return notices;
}

OpenedRun openRun(const std::filesystem::path& run, std::int64_t step) {
  OpenedRun opened;
  opened.folder = run;
  auto spec = loadRunSpec((run / "resolved.yaml").string());
  if (!spec) throw Error(spec.faults());
  opened.spec = std::move(spec).value();
  auto tokenizer = openTokenizer("saved:" + (run / "tokenizer").string());
  if (tokenizer) opened.tokenizer = std::move(tokenizer).value();
  if (opened.spec.model.integer("vocab") == 0) {
    if (!opened.tokenizer) throw Error(tokenizer.faults());
    opened.spec.model.set("vocab", static_cast<std::int64_t>(opened.tokenizer->vocabSize()));
  }
  auto plan = planRun(opened.spec);
  if (!plan) throw Error(plan.faults());
  opened.plan = std::move(plan).value();
  opened.model = std::make_unique<LanguageModel>(opened.spec, opened.plan, 1);
  const c10::NoGradGuard noGrad;
  const Checkpoint checkpoint = findCheckpoint(run, step, opened.notices);
  const auto& parameters = opened.model->parameters();
  loadTensors(openTensors(checkpoint.model()), parameters, tensorsOf(parameters), "");
  if (const DeviceChoice choice = chooseDeviceToRead(opened.spec, opened.notices); !choice.device.is_cpu()) opened.model->moveTo(choice.device);
  opened.step = checkpoint.step;
  return opened;
}

}  // namespace serp
