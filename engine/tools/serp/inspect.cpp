// SPDX-License-Identifier: GPL-3.0-or-later
// serp inspect RUN: where the tokens went while it trained, or, with --text, where the tokens of a text go now.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

#include "engine/api/runs.h"
#include "engine/base/atomic_file.h"
#include "engine/base/error.h"
#include "engine/data/text_files.h"
#include "engine/run/build_run.h"
#include "engine/run/checkpoint.h"
#include "engine/run/route_windows.h"
#include "engine/stats/routing_figures.h"
#include "engine/stats/routing_probe.h"
#include "engine/tools/serp/terminal.h"

namespace serp::cli {
namespace {

using nlohmann::ordered_json;
constexpr std::uint64_t kMostText = 64u << 20;
constexpr std::size_t kMostTokens = 65536;
constexpr std::int64_t kProbeTokens = 4096;

struct Options {
  std::string run, text;
  std::int64_t step = 0;
  bool json = false;
};

ordered_json number(double x) { return std::isfinite(x) ? ordered_json(x) : ordered_json(nullptr); }

double sum(const std::vector<double>& values) { return std::accumulate(values.begin(), values.end(), 0.0); }

ordered_json layerJson(const RoutingLayer& l) {
  const LoadFigures f = loadFigures(l.assigned, l.kept);
  return {{"path", l.path}, {"label", l.label}, {"experts", l.experts}, {"top_k", l.topK}, {"capacity_factor", l.capacityFactor},
          {"choices", sum(l.assigned)},
          {"assigned", l.assigned}, {"kept", l.kept}, {"mean_gate", l.meanGate}, {"drop_rate", f.dropRate}, {"entropy", number(l.entropy)},
          {"max_violation", f.maxViolation}, {"cv", f.variation}, {"dead", f.dead},
          {"top_share", *std::max_element(l.assigned.begin(), l.assigned.end()) / std::max(1.0, sum(l.assigned))}, {"balance_loss", number(l.balanceLoss)},
          {"z_loss", number(l.zLoss)}};
}

/// The window of the run's log that ends at `step` or, for 0, the last one.
Result<ordered_json> logged(const std::filesystem::path& run, std::int64_t step) {
  RunFollower follower(run);
  std::vector<RoutingFrame> frames;
  for (auto more = follower.routing(); !more.empty(); more = follower.routing()) frames.insert(frames.end(), more.begin(), more.end());
  if (frames.empty())
    return fault(ExitCode::BadData, "no routing is logged: the design has no expert layers, or the run ended before its first window", run.string());
  const RoutingFrame* found = &frames.back();
  if (step > 0) {
    for (const RoutingFrame& f : frames)
      if (f.step >= step) {
        found = &f;
        break;
      }
    if (found->step < step)
      return fault(ExitCode::BadConfiguration, "step " + std::to_string(step) + " is not logged, the last window ends at step " +
                                                   std::to_string(frames.back().step), run.string());
  }
  ordered_json j = {{"source", "log"}, {"step", found->step}, {"window", found->steps}, {"layers", ordered_json::array()}};
  for (const RoutingLayer& l : found->layers) j["layers"].push_back(layerJson(l));
  return j;
}

/// What a routed text tells of one layer: association of expert with token and label beside what chance gives, tokens typical of each
/// expert.
void addTextFigures(ordered_json& j, const RoutedText& text, std::size_t at, int experts, const std::vector<int>& ids) {
  const auto& expert = text.expert[at];
  const std::vector<int> chosen(expert.begin(), expert.end());
  const auto association = [&](const std::vector<int>& what) {
    return ordered_json{{"nmi", normalisedMutualInformation(chosen, what)}, {"shuffled", shuffledMutualInformation(chosen, what, 5, 1)}};
  };
  j["specialisation"]["token"] = association(ids);
  if (!text.labels.empty()) j["specialisation"]["label"] = association(std::vector<int>(text.labels.begin(), text.labels.end()));
  j["tokens"] = ordered_json::array();
  for (int e = 0; e < experts; ++e) {
    ordered_json list = ordered_json::array();
    for (const TokenLift& t : topTokens(text.pieces, expert, e, 3, 10)) list.push_back({{"token", t.piece}, {"count", t.count}, {"lift", t.lift}});
    j["tokens"].push_back(list);
  }
}

/// Adds to the newest window of the log what held-out text of the run's own source tells; says why where that is not to be had.
void addProbe(ordered_json& log, const std::filesystem::path& run) {
  try {
    OpenedRun opened = openRun(run, 0);
    applyRuntime(opened.spec, 0);
    if (!opened.tokenizer) throw Error(ExitCode::BadData, "it was imported without a tokenizer");
    auto corpus = openCorpus(dataSettings(opened.spec, run));
    if (!corpus) throw Error(corpus.faults());
    const ProbeText probe = (*corpus)->probe(kProbeTokens);
    const RoutedText routed = routeWindows(*opened.model, *opened.tokenizer, probe.tokens, probe.labels, {});
    if (!probe.labels.empty()) log["labels"] = (*corpus)->facts().labelNames;
    log["probe_tokens"] = probe.tokens.size();
    log["probe_step"] = opened.step;
    const std::vector<int> ids(probe.tokens.begin(), probe.tokens.end());
    for (std::size_t i = 0; i < std::min(routed.expert.size(), log["layers"].size()); ++i)
      addTextFigures(log["layers"][i], routed, i, log["layers"][i]["experts"].get<int>(), ids);
  } catch (const Error& e) {
    log["note"] = std::string("no specialisation: ") + e.what();
  }
}

Result<ordered_json> routedText(const std::filesystem::path& run, const Options& o) {
  OpenedRun opened = openRun(run, o.step);
  applyRuntime(opened.spec, 0);
  for (const std::string& notice : opened.notices) std::fprintf(stderr, "warning: %s\n", notice.c_str());
  if (!opened.tokenizer) return fault(ExitCode::BadData, "has no tokenizer: it was imported without one", run.string());
  auto text = readFileCapped(o.text, kMostText, ExitCode::BadData);
  if (!text) return text.faults();
  if (const std::string why = opened.tokenizer->kind() == "bytes" ? std::string() : binaryReason(*text); !why.empty())
    return fault(ExitCode::BadData, why, o.text);
  std::vector<std::int32_t> tokens = opened.tokenizer->encode(*text);
  if (tokens.empty()) return fault(ExitCode::BadData, "the file is empty", o.text);
  const std::size_t all = tokens.size();
  tokens.resize(std::min(all, kMostTokens));
  RoutingProbe shapes;
  shapes.nameLayers(*opened.model);
  const RoutedText routed = routeWindows(*opened.model, *opened.tokenizer, tokens, {}, {}, &shapes);
  if (routed.expert.empty()) return fault(ExitCode::BadData, "this design has no expert layers", run.string());
  const RoutingFrame frame = shapes.takeFrame(opened.step);
  const std::vector<int> ids(tokens.begin(), tokens.end());
  ordered_json j = {{"source", "text"}, {"step", opened.step}, {"tokens", tokens.size()}, {"layers", ordered_json::array()}};
  if (all > tokens.size()) j["note"] = "only the first " + std::to_string(tokens.size()) + " of " + std::to_string(all) + " tokens were routed";
  for (std::size_t i = 0; i < frame.layers.size(); ++i) {
    j["layers"].push_back(layerJson(frame.layers[i]));
    addTextFigures(j["layers"].back(), routed, i, frame.layers[i].experts, ids);
  }
  return j;
}

/// The tokens most typical of an expert, as one quoted line.
std::string typical(const ordered_json& layer, std::size_t expert) {
  if (!layer.contains("tokens")) return {};
  std::string line;
  for (const auto& t : layer["tokens"][expert]) {
    if (line.size() > 40) break;
    const std::string text = ordered_json(t["token"]).dump(-1, ' ', true, ordered_json::error_handler_t::replace);
    line += (line.empty() ? "" : " ") + text;
  }
  return line;
}

void table(const ordered_json& j) {
  std::printf("step %lld\n", j["step"].get<long long>());
  if (j.contains("note")) std::fprintf(stderr, "note: %s\n", j["note"].get<std::string>().c_str());
  for (const auto& l : j["layers"]) {
    std::printf("\n%s  %s   drop %.2f %%   entropy %s   max violation %.3f   cv %.3f   dead %d\n", l["label"].get<std::string>().c_str(),
                l["path"].get<std::string>().c_str(), 100 * l["drop_rate"].get<double>(),
                l["entropy"].is_null() ? "-" : std::to_string(l["entropy"].get<double>()).c_str(), l["max_violation"].get<double>(),
                l["cv"].get<double>(), l["dead"].get<int>());
    double sum = 0;
    for (const auto& a : l["assigned"]) sum += a.get<double>();
    for (std::size_t e = 0; e < l["assigned"].size(); ++e) {
      const double share = sum > 0 ? l["assigned"][e].get<double>() / sum : 0;
      std::printf("  expert %-4zu %12.0f  %5.1f %%  %-20s%s\n", e, l["assigned"][e].get<double>(), 100 * share,
                  std::string(static_cast<std::size_t>(std::lround(share * 20)), '#').c_str(), typical(l, e).c_str());
    }
    if (l.contains("specialisation"))
      for (const auto& [what, f] : l["specialisation"].items())
        std::printf("  expert and %s: association %.3f, by chance %.3f\n", what.c_str(), f["nmi"].get<double>(), f["shuffled"].get<double>());
  }
}

int inspect(const Options& o) {
  auto folder = resolveRun(o.run);
  if (!folder) return report(folder.faults());
  auto result = o.text.empty() ? logged(*folder, o.step) : routedText(*folder, o);
  if (!result) return report(result.faults());
  if (o.text.empty() && o.step == 0) addProbe(*result, *folder);
  if (o.json) print(*result);
  else table(*result);
  return 0;
}

}  // namespace

void addInspect(CLI::App& app, int& exit) {
  auto o = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("inspect", "where the tokens of a run go, expert by expert");
  verb->add_option("RUN", o->run, "a run folder, the beginning of a run's name, or last")->required();
  verb->add_option("--step", o->step, "the logged window that holds this step; with --text: the checkpoint of this step")->check(CLI::PositiveNumber);
  verb->add_option("--text", o->text, "routes this text through the newest checkpoint")->type_name("FILE");
  verb->add_flag("--json", o->json, "one JSON document on stdout");
  verb->callback([o, &exit] { exit = inspect(*o); });
}

}  // namespace serp::cli
