// SPDX-License-Identifier: GPL-3.0-or-later
// The keys of a design outside its blocks: top, model, train, data. Range, default, unit and help stand here, once.
#include "engine/api/catalog.h"
#include "engine/base/error.h"

namespace serp {
namespace {

SectionInfo topSection() {
  return {"", "keys at the top of a design", {
      text("name", "untitled", "name of the run and of its folder"),
      choice("device", {"auto", "cpu", "cuda"}, "auto", "where the model is trained; auto takes the GPU if this build can"),
      integer("threads", 0, 1024, 0, "threads of the trainer; 0 = as many as there are cores"),
      choice("precision", {"float32", "bfloat16"}, "float32", "type of the matrix products; weights stay float32"),
      choice("kernels", {"fast", "reference", "check"}, "fast", "fast kernels, the plain ones, or both compared"),
  }};
}

SectionInfo modelSection() {
  return {"model", "shape of the model", {
      integer("d_model", 1, 65536, 256, "width of the residual stream"),
      integer("vocab", 0, 16777216, 0, "rows of the embedding; 0 = what the tokenizer has").units("tokens"),
      choice("norm", {"layer_norm", "rms_norm", "none"}, "layer_norm", "norm before each block"),
      real("norm_eps", 0, 0.1, 1e-5, "added to the variance inside norms").openMinimum(),
      choice("final_norm", {"none", "layer_norm", "rms_norm"}, "none", "norm before the head; the paper has none"),
      boolean("tie_embedding", false, "the head uses the embedding's weights"),
      real("embedding_scale", 0, 10000, 1.0, "factor on embedded tokens").openMinimum(),
      choice("positions", {"none", "learned"}, "none", "absolute positions added to the embedding"),
      choice("init", {"paper", "mamba"}, "paper", "paper: truncated normal of MoE-Mamba; mamba: N(0, 0.02) embedding"),
  }};
}

SectionInfo trainSection() {
  return {"train", "optimizer, schedule, and what is saved when", {
      integer("steps", 1, 1000000000, 2000, "updates; the schedule ends here").units("steps"),
      integer("batch", 1, 1048576, 16, "sequences of one step"),
      real("learning_rate", 1e-10, 10, 1e-3, "peak of the schedule"),
      real("warmup_fraction", 0, 1, 0.01, "share of the steps in which the rate rises linearly"),
      choice("schedule", {"cosine", "constant"}, "cosine", "course of the rate after the warm-up"),
      real("final_ratio", 0, 1, 0.1, "last rate over peak rate"),
      real("beta1", 0, 0.999999, 0.9, "AdamW: decay of the mean of gradients"),
      real("beta2", 0, 0.999999, 0.999, "AdamW: decay of the mean of squared gradients"),
      real("eps", 0, 1, 1e-8, "AdamW: added to the root of the second moment").openMinimum(),
      real("weight_decay", 0, 10, 0.1, "AdamW: decoupled weight decay"),
      choice("decay", {"all", "matrices", "no_ssm"}, "all",
             "what decays: every parameter (paper), matrices only, or all but A_log, D and the step bias of state spaces"),
      real("clip", 0, 1e6, 0.5, "largest global gradient norm; 0 = no limit"),
      choice("balance_reduction", {"mean", "sum"}, "mean", "balance losses of the expert layers are averaged (paper) or summed (Switch)"),
      integer("eval_every", 0, 1000000000, 100, "held-out loss every so many steps; 0 = only at the end").units("steps"),
      integer("eval_batches", 1, 1000000, 8, "batches of one evaluation"),
      integer("checkpoint_every", 0, 1000000000, 500, "0 = only at the end").units("steps"),
      integer("keep_checkpoints", 1, 1000000, 2, "newest checkpoints that stay"),
      integer("sample_every", 0, 1000000000, 200, "a sample of text every so many steps; 0 = never").units("steps"),
      integer("seed", 0, 9007199254740992.0, 1, "of initial weights, batches and noise"),
      choice("on_nonfinite", {"skip", "stop"}, "skip", "an update with NaN or infinity is left out, or ends the run"),
      choice("on_spike", {"ignore", "skip"}, "ignore", "an update whose loss or gradient leaves mean + 6 sigma of the last 128 steps"),
      integer("route_every", 1, 1000000, 10, "width of one window of the routing statistics").units("steps"),
      boolean("cuda_graph", false, "on a card, a training step and a decoded token are recorded once and repeated, where the design allows it"),
      real("learning_rate_scale", 0, 100, 1.0, "factor on the scheduled rate").live(),
      text("prompt", "the ", "what samples begin with"),
  }};
}

SectionInfo dataSection() {
  return {"data", "text, tokenizer and windows", {
      textList("source", {"babel"}, "babel, selective_copy, induction, associative_recall, or files and folders of text"),
      text("tokenizer", "bytes", "bytes, chars, bpe:DIR or gpt2:DIR"),
      integer("context", 1, 1048576, 256, "window of one sequence").units("tokens"),
      real("validation_fraction", 0, 0.9, 0.05, "share of the text that is held out"),
      text("field", "text", "key of the text in JSON lines"),
      integer("babel_bytes", 4096, 1073741824, 4194304, "size of the generated language").units("bytes"),
      integer("task_symbols", 2, 4096, 16, "alphabet of the probe tasks"),
      integer("seed", -1, 9007199254740992.0, -1, "of the generated text and the order of windows; -1 = train.seed"),
  }};
}

}  // namespace

const std::vector<SectionInfo>& sectionCatalog() {
  static const std::vector<SectionInfo> sections = {topSection(), modelSection(), trainSection(), dataSection()};
  return sections;
}

const SectionInfo& section(const std::string& name) {
  for (const SectionInfo& s : sectionCatalog())
    if (s.name == name) return s;
  SERP_CHECK(false, "no section " + name);
  return sectionCatalog().front();
}

}  // namespace serp
