// SPDX-License-Identifier: GPL-3.0-or-later
// serp inspect RUN: where the tokens went while it trained, or, with --text, where the tokens of a text go now.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

#include "engine/api/runs.h"
#include "engine/base/atomic_file.h"
#include "engine/data/text_files.h"
#include "engine/run/build_run.h"
#include "engine/run/checkpoint.h"
#include "engine/stats/routing_figures.h"
#include "engine/stats/routing_probe.h"
#include "engine/tools/serp/terminal.h"

namespace serp::cli {
namespace {

using nlohmann::ordered_json;
constexpr std::uint64_t kMostText = 64u << 20;
constexpr std::size_t kMostTokens = 65536;

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
          {"max_violation", f.maxViolation}, {"cv", f.variation}, {"dead", f.dead}, {"balance_loss", number(l.balanceLoss)},
          {"z_loss", number(l.zLoss)}};
}

/// The window of the run's log that ends at `step` or, for 0, the last one.
Result<ordered_json> logged(const std::filesystem::path& run, std::int64_t step) {
  RunFollower follower(run);
  const std::vector<RoutingFrame> frames = follower.routing();
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

/// One layer of a routed text: load, association of token and expert with what chance gives, tokens typical of each expert.
ordered_json textLayer(const RoutedText& text, std::size_t at, const RoutingLayer& shape, const std::vector<int>& ids) {
  const auto& expert = text.expert[at];
  const std::vector<int> chosen(expert.begin(), expert.end());
  ordered_json j = layerJson(shape);
  j["specialisation"]["token"] = {{"nmi", normalisedMutualInformation(chosen, ids)}, {"shuffled", shuffledMutualInformation(chosen, ids, 5, 1)}};
  if (!text.labels.empty()) {
    const std::vector<int> labels(text.labels.begin(), text.labels.end());
    j["specialisation"]["label"] = {{"nmi", normalisedMutualInformation(chosen, labels)}, {"shuffled", shuffledMutualInformation(chosen, labels, 5, 1)}};
  }
  j["tokens"] = ordered_json::array();
  for (int e = 0; e < shape.experts; ++e) {
    ordered_json list = ordered_json::array();
    for (const TokenLift& t : topTokens(text.pieces, expert, e, 3, 10)) list.push_back({{"token", t.piece}, {"count", t.count}, {"lift", t.lift}});
    j["tokens"].push_back(list);
  }
  return j;
}

template <class T>
void extend(std::vector<std::vector<T>>& to, const std::vector<std::vector<T>>& from) {
  to.resize(from.size());
  for (std::size_t i = 0; i < from.size(); ++i) to[i].insert(to[i].end(), from[i].begin(), from[i].end());
}

void append(RoutedText& to, const RoutedText& window) {
  to.pieces.insert(to.pieces.end(), window.pieces.begin(), window.pieces.end());
  extend(to.expert, window.expert);
  extend(to.weight, window.weight);
  extend(to.entropy, window.entropy);
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
  // In windows of the training context, as the model was trained; the tally sums over all of them.
  RoutedText routed;
  const auto context = static_cast<std::size_t>(opened.plan.context);
  for (std::size_t at = 0; at < tokens.size(); at += context) {
    const std::vector<std::int32_t> window(tokens.begin() + static_cast<std::ptrdiff_t>(at),
                                           tokens.begin() + static_cast<std::ptrdiff_t>(std::min(tokens.size(), at + context)));
    append(routed, *routeText(*opened.model, *opened.tokenizer, window, {}, {}, &shapes));
  }
  if (routed.expert.empty()) return fault(ExitCode::BadData, "this design has no expert layers", run.string());
  const RoutingFrame frame = shapes.takeFrame(opened.step);
  const std::vector<int> ids(tokens.begin(), tokens.end());
  ordered_json j = {{"source", "text"}, {"step", opened.step}, {"tokens", tokens.size()}, {"layers", ordered_json::array()}};
  if (all > tokens.size()) j["note"] = "only the first " + std::to_string(tokens.size()) + " of " + std::to_string(all) + " tokens were routed";
  for (std::size_t i = 0; i < frame.layers.size(); ++i) j["layers"].push_back(textLayer(routed, i, frame.layers[i], ids));
  return j;
}

void table(const ordered_json& j) {
  std::printf("step %lld\n", j["step"].get<long long>());
  for (const auto& l : j["layers"]) {
    std::printf("\n%s  %s   drop %.2f %%   entropy %s   max violation %.3f   cv %.3f   dead %d\n", l["label"].get<std::string>().c_str(),
                l["path"].get<std::string>().c_str(), 100 * l["drop_rate"].get<double>(),
                l["entropy"].is_null() ? "-" : std::to_string(l["entropy"].get<double>()).c_str(), l["max_violation"].get<double>(),
                l["cv"].get<double>(), l["dead"].get<int>());
    double sum = 0;
    for (const auto& a : l["assigned"]) sum += a.get<double>();
    for (std::size_t e = 0; e < l["assigned"].size(); ++e) {
      const double share = sum > 0 ? l["assigned"][e].get<double>() / sum : 0;
      std::printf("  expert %-4zu %12.0f  %5.1f %%  %s\n", e, l["assigned"][e].get<double>(), 100 * share,
                  std::string(static_cast<std::size_t>(std::lround(share * 80)), '#').c_str());
    }
  }
}

int inspect(const Options& o) {
  auto folder = resolveRun(o.run);
  if (!folder) return report(folder.faults());
  auto result = o.text.empty() ? logged(*folder, o.step) : routedText(*folder, o);
  if (!result) return report(result.faults());
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
