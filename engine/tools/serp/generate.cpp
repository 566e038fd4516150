// SPDX-License-Identifier: GPL-3.0-or-later
// serp generate RUN: text drawn through the recurrent state, shown as it appears.
#include <chrono>
#include <cstdio>

#include "engine/model/sampler.h"
#include "engine/run/build_run.h"
#include "engine/run/checkpoint.h"
#include "engine/tools/serp/terminal.h"

namespace serp::cli {
namespace {

struct Options {
  std::string run, prompt;
  Sampling sampling;
  std::int64_t checkpoint = 0;
  bool json = false;
};

int generate(const Options& o) {
  auto folder = resolveRun(o.run);
  if (!folder) return report(folder.faults());
  OpenedRun opened = openRun(*folder, o.checkpoint);
  applyRuntime(opened.spec, 0);
  for (const std::string& notice : opened.notices) std::fprintf(stderr, "warning: %s\n", notice.c_str());
  if (!opened.tokenizer) return fail(ExitCode::BadData, "this run has no tokenizer: it was imported without one; `serp logits` works on ids");
  std::vector<std::int32_t> prompt = opened.tokenizer->encode(o.prompt);
  if (prompt.empty()) prompt.push_back(std::max(0, opened.tokenizer->endOfText()));
  if (!o.json) std::fwrite(o.prompt.data(), 1, o.prompt.size(), stdout);
  const auto begin = std::chrono::steady_clock::now();
  Sampling sampling = o.sampling;
  sampling.record = opened.spec.train.boolean("cuda_graph");
  std::vector<std::int32_t> drawn = sample(*opened.model, prompt, sampling, [&](std::int32_t id) {
    if (id == opened.tokenizer->endOfText() && id >= 0) return false;
    if (!o.json) {
      const std::string_view piece = opened.tokenizer->piece(id);
      std::fwrite(piece.data(), 1, piece.size(), stdout);
      std::fflush(stdout);
    }
    return true;
  });
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (!drawn.empty() && drawn.back() == opened.tokenizer->endOfText()) drawn.pop_back();  // the end is no part of the text
  const double rate = static_cast<double>(drawn.size()) / std::max(seconds, 1e-9);
  if (o.json) print({{"prompt", o.prompt}, {"text", opened.tokenizer->decode(drawn)}, {"tokens", drawn}, {"tokens_per_s", rate}, {"step", opened.step}});
  else std::printf("\n");
  return 0;
}

}  // namespace

void addGenerate(CLI::App& app, int& exit) {
  auto o = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("generate", "samples text from a run");
  verb->add_option("RUN", o->run, "a run folder, the beginning of a run's name, or last")->required();
  verb->add_option("--prompt", o->prompt, "what the text begins with");
  verb->add_option("--tokens", o->sampling.tokens, "tokens to draw")->check(CLI::Range(1, 1000000))->capture_default_str();
  verb->add_option("--temperature", o->sampling.temperature, "0: always the most probable")->check(CLI::Range(0.0, 100.0))->capture_default_str();
  verb->add_option("--top-k", o->sampling.topK, "only the k most probable; 0: all")->check(CLI::NonNegativeNumber)->capture_default_str();
  verb->add_option("--top-p", o->sampling.topP, "only the most probable up to this mass")->check(CLI::Range(0.0, 1.0))->capture_default_str();
  verb->add_option("--seed", o->sampling.seed, "same seed, same text")->capture_default_str();
  verb->add_option("--checkpoint", o->checkpoint, "step of the checkpoint; default: the newest")->check(CLI::PositiveNumber);
  verb->add_flag("--json", o->json, "one JSON document on stdout");
  verb->callback([o, &exit] { exit = generate(*o); });
}

}  // namespace serp::cli
