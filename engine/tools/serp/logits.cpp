// SPDX-License-Identifier: GPL-3.0-or-later
// serp logits RUN --tokens 1,2,3: next-token logits at every position, with every digit.
#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>
#include <c10/core/GradMode.h>

#include <charconv>
#include <cstdio>
#include <string>

#include "engine/run/build_run.h"
#include "engine/run/checkpoint.h"
#include "engine/tools/serp/terminal.h"

namespace serp::cli {
namespace {

struct Options {
  std::string run;
  std::vector<std::int64_t> tokens;
  std::int64_t checkpoint = 0, prefill = -1;
  bool json = false;
};

/// The whole pass at once, or the first `prefill` tokens at once and the others one by one through the recurrent state.
at::Tensor compute(LanguageModel& model, const std::vector<std::int64_t>& tokens, std::int64_t prefill) {
  const c10::NoGradGuard noGrad;
  StepContext ctx;
  const auto n = static_cast<std::int64_t>(tokens.size());
  const at::Tensor ids = at::tensor(tokens, at::TensorOptions().dtype(at::kLong)).view({1, n});
  if (prefill < 0 || prefill >= n) return model.forward(ids, ctx).contiguous();
  DecodeState state = model.start(1);
  std::vector<at::Tensor> parts;
  if (prefill > 0) parts.push_back(model.advance(ids.narrow(1, 0, prefill), state, ctx));
  for (std::int64_t i = prefill; i < n; ++i) parts.push_back(model.advance(ids.narrow(1, i, 1), state, ctx));
  return at::cat(parts, 0).contiguous();
}

void appendNumber(std::string& out, float value) {
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out.append(digits, end);
}

int logits(const Options& o) {
  auto folder = resolveRun(o.run);
  if (!folder) return report(folder.faults());
  OpenedRun opened = openRun(*folder, o.checkpoint);
  applyRuntime(opened.spec, 0);
  for (const std::string& notice : opened.notices) std::fprintf(stderr, "warning: %s\n", notice.c_str());
  const std::int64_t vocab = opened.model->vocab();
  for (std::size_t i = 0; i < o.tokens.size(); ++i)
    if (o.tokens[i] < 0 || o.tokens[i] >= vocab)
      return fail(ExitCode::BadConfiguration, "token " + std::to_string(i) + " is " + std::to_string(o.tokens[i]) + ", ids are 0.." + std::to_string(vocab - 1));
  const at::Tensor values = compute(*opened.model, o.tokens, o.prefill).cpu();
  const float* row = values.const_data_ptr<float>();
  std::string out = o.json ? "{\"logits\":[" : "";
  for (std::size_t t = 0; t < o.tokens.size(); ++t, row += vocab) {
    if (o.json) out += t == 0 ? "[" : ",[";
    for (std::int64_t v = 0; v < vocab; ++v) {
      if (v > 0) out += o.json ? "," : " ";
      appendNumber(out, row[v]);
    }
    out += o.json ? "]" : "\n";
  }
  std::fputs(out.c_str(), stdout);
  if (o.json) std::fputs("]}\n", stdout);
  return 0;
}

}  // namespace

void addLogits(CLI::App& app, int& exit) {
  auto o = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("logits", "next-token logits of a run at every position, full precision");
  verb->add_option("RUN", o->run, "a run folder, the beginning of a run's name, or last")->required();
  verb->add_option("--tokens", o->tokens, "ids, separated by commas")->required()->delimiter(',')->type_name("1,2,3");
  verb->add_option("--prefill", o->prefill, "this many tokens in one pass, the others one by one through the state; default: all in one pass");
  verb->add_option("--checkpoint", o->checkpoint, "step of the checkpoint; default: the newest")->check(CLI::PositiveNumber);
  verb->add_flag("--json", o->json, "one JSON document on stdout");
  verb->callback([o, &exit] { exit = logits(*o); });
}

}  // namespace serp::cli
