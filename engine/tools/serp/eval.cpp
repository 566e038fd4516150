// SPDX-License-Identifier: GPL-3.0-or-later
// serp eval RUN: loss, perplexity, bits per byte and accuracy over a whole text, each position counted once.
#include <cstdio>

#include "engine/base/error.h"
#include "engine/run/build_run.h"
#include "engine/run/checkpoint.h"
#include "engine/tools/serp/terminal.h"
#include "engine/train/evaluation.h"

namespace serp::cli {
namespace {

struct Options {
  std::string run;
  std::int64_t checkpoint = 0;
  std::vector<std::string> data;
  bool json = false;
};

int eval(const Options& o) {
  auto folder = resolveRun(o.run);
  if (!folder) return report(folder.faults());
  OpenedRun opened = openRun(*folder, o.checkpoint);
  applyRuntime(opened.spec, 0);
  for (const std::string& notice : opened.notices) std::fprintf(stderr, "warning: %s\n", notice.c_str());
  const DataSettings settings = dataSettings(opened.spec, *folder);
  if (!opened.tokenizer) return fail(ExitCode::BadData, "this run has no tokenizer: it was imported without one");
  auto corpus = o.data.empty() ? openCorpus(settings)
                               : openEvaluationText(o.data, opened.tokenizer, settings.context, settings.batch, settings.field);
  if (!corpus) return report(corpus.faults());
  const Evaluation e = evaluate(*opened.model, **corpus, 0);
  if (e.tokens == 0) return fail(ExitCode::BadData, "the text holds nothing to predict: at least two tokens are needed");
  if (o.json) {
    print({{"loss", e.loss}, {"perplexity", e.perplexity()}, {"bits_per_byte", e.bitsPerByte()}, {"accuracy", e.accuracy}, {"tokens", e.tokens},
           {"bytes", e.bytes}, {"step", opened.step}});
  } else {
    std::printf("loss %.6f nats per token, perplexity %.4f, %.4f bits per byte, accuracy %.2f %%\n", e.loss, e.perplexity(), e.bitsPerByte(),
                100 * e.accuracy);
    std::printf("over %s tokens, %s bytes, checkpoint of step %lld\n", grouped(e.tokens).c_str(), grouped(e.bytes).c_str(),
                static_cast<long long>(opened.step));
  }
  return 0;
}

}  // namespace

void addEval(CLI::App& app, int& exit) {
  auto o = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("eval", "loss, perplexity, bits per byte and accuracy of a run over a whole text");
  verb->add_option("RUN", o->run, "a run folder, the beginning of a run's name, or last")->required();
  verb->add_option("--checkpoint", o->checkpoint, "step of the checkpoint; default: the newest")->check(CLI::PositiveNumber);
  verb->add_option("--data", o->data, "text files; default: the held-out part of the run's own text")->expected(1)->take_all();
  verb->add_flag("--json", o->json, "one JSON document on stdout");
  verb->callback([o, &exit] { exit = eval(*o); });
}

}  // namespace serp::cli
