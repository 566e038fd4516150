// SPDX-License-Identifier: GPL-3.0-or-later
// The text of __init__ and forward from the nodes of a graph, in order of execution.
#include "engine/interop/pytorch_graph.h"

#include <algorithm>

#include "engine/base/text.h"

namespace serp::pytorch {
namespace {

/// Words of Python, attributes of nn.Module, and what the module itself defines: a node of such a name gets an underscore.
bool reserved(const std::string& name) {
  static const std::set<std::string> words = {"False",
                                              "None",
                                              "True",
                                              "and",
                                              "as",
                                              "assert",
                                              "async",
                                              "await",
                                              "break",
                                              "class",
                                              "continue",
                                              "def",
                                              "del",
                                              "elif",
                                              "else",
                                              "except",
                                              "finally",
                                              "for",
                                              "from",
                                              "global",
                                              "if",
                                              "import",
                                              "in",
                                              "is",
                                              "lambda",
                                              "nonlocal",
                                              "not",
                                              "or",
                                              "pass",
                                              "raise",
                                              "return",
                                              "try",
                                              "while",
                                              "with",
                                              "yield",
                                              "match",
                                              "case",
                                              "type",
                                              "add_module",
                                              "apply",
                                              "bfloat16",
                                              "buffers",
                                              "children",
                                              "compile",
                                              "cpu",
                                              "cuda",
                                              "double",
                                              "dump_patches",
                                              "eval",
                                              "extra_repr",
                                              "float",
                                              "forward",
                                              "get_buffer",
                                              "get_extra_state",
                                              "get_parameter",
                                              "get_submodule",
                                              "half",
                                              "ipu",
                                              "load_state_dict",
                                              "modules",
                                              "mtia",
                                              "named_buffers",
                                              "named_children",
                                              "named_modules",
                                              "named_parameters",
                                              "parameters",
                                              "register_backward_hook",
                                              "register_buffer",
                                              "register_forward_hook",
                                              "register_forward_pre_hook",
                                              "register_module",
                                              "register_parameter",
                                              "requires_grad_",
                                              "set_extra_state",
                                              "set_submodule",
                                              "share_memory",
                                              "state_dict",
                                              "to",
                                              "to_empty",
                                              "train",
                                              "training",
                                              "xpu",
                                              "zero_grad",
                                              "T_destination",
                                              "call_super_init",
                                              "self",
                                              "super",
                                              "torch",
                                              "nn",
                                              "F",
                                              "math",
                                              "json",
                                              "sys",
                                              "Path",
                                              "empty",
                                              "activate",
                                              "selective_scan",
                                              "recurrence",
                                              "attend",
                                              "rotate",
                                              "heads_of",
                                              "route",
                                              "run_experts",
                                              "load",
                                              "read_safetensors",
                                              "norm"};
  return words.count(name) != 0 || name.starts_with("_") || name.starts_with("register_");
}

class Writer {
 public:
  Writer(const BlockGraph& graph, std::int64_t in, std::int64_t context, double eps)
      : graph_(graph), in_(in), context_(context), eps_(eps) {}

  GraphClass write(const std::string& name, const std::string& about) {
    for (const GraphNode& n : graph_.nodes)
      if (reserved(n.name)) out_.renamed[n.name] = n.name + "_";
    std::string init, forward;
    for (const GraphNode& n : graph_.nodes) {
      declare(n, init);
      forward += step(n);
    }
    out_.source = "\nclass " + name + "(nn.Module):\n    \"\"\"" + about +
                  "\"\"\"\n\n    def __init__(self):\n        super().__init__()\n" + init + "\n    def forward(self, x):  # [B, T, " +
                  std::to_string(in_) + "]\n" + forward + "        return " + value(graph_.out) + "\n";
    return std::move(out_);
  }

 private:
  std::string called(const GraphNode& n) const {
    const auto it = out_.renamed.find(n.name);
    return it == out_.renamed.end() ? n.name : it->second;
  }
  std::string value(GraphRef ref) const {
    if (ref.node == GraphRef::kInput) return "x";
    if (ref.node < 0) return "None";
    const GraphNode& n = graph_.nodes[static_cast<std::size_t>(ref.node)];
    return ref.part < 0 ? called(n) : called(n) + "[" + std::to_string(ref.part) + "]";
  }
  std::int64_t width(GraphRef ref) const { return graph_.shapeOf(ref, in_).width(); }
  static std::string sizesOf(const std::vector<std::int64_t>& sizes) {
    std::string out;
    for (const std::int64_t s : sizes) out += (out.empty() ? "" : ", ") + std::to_string(s);
    return out;
  }

  void declare(const GraphNode& n, std::string& init) {
    const std::string& op = n.op();
    const std::string in = n.inputs.empty() ? "0" : std::to_string(width(n.inputs[0]));
    const auto attribute = [&](const std::string& what) { init += "        self." + called(n) + " = " + what + "\n"; };
    const auto whole = [&](const char* key) { return std::to_string(n.params.integer(key)); };
    if (op == "linear") attribute("nn.Linear(" + in + ", " + whole("to") + ", bias=" + literal(n.params.boolean("bias")) + ")");
    if (op == "causal_conv1d") {
      out_.needs.insert("CausalConv1d");
      attribute("CausalConv1d(" + in + ", " + whole("taps") + ", bias=" + literal(n.params.boolean("bias")) + ")");
    }
    if (op == "layer_norm") attribute("nn.LayerNorm(" + in + ", eps=" + literal(eps_) + ")");
    if (op == "rms_norm") {
      out_.needs.insert("RMSNorm");
      attribute("RMSNorm(" + in + ", " + literal(eps_) + ")");
    }
    if (op == "positions") attribute("nn.Embedding(" + std::to_string(context_) + ", " + in + ")");
    if (op == "router") attribute("nn.Linear(" + in + ", " + whole("experts") + ", bias=False)");
    if (op == "experts") {
      const std::string E = std::to_string(graph_.shapeOf(n.inputs[1], in_).sizes[0]);
      attribute("nn.Module()");
      attribute2(init, n, "w1", "empty(" + E + ", " + in + ", " + whole("d_expert") + ")");
      attribute2(init, n, "w3", n.params.boolean("gated") ? "empty(" + E + ", " + in + ", " + whole("d_expert") + ")" : "None");
      attribute2(init, n, "w2", "empty(" + E + ", " + whole("d_expert") + ", " + whole("to") + ")");
    }
    if (op == "parameter") attribute("empty(" + sizesOf(n.shape.sizes) + ")");
    if (op == "constant")
      init += "        self.register_buffer(\"" + called(n) + "\", torch.full((" + sizesOf(n.shape.sizes) + ",), " +
              literal(n.params.real("value")) + "), persistent=False)\n";
  }
  void attribute2(std::string& init, const GraphNode& n, const char* part, const std::string& what) const {
    init += "        self." + called(n) + "." + part + " = " + what + "\n";
  }

  std::string step(const GraphNode& n) {
    const std::string& op = n.op();
    const std::string own = "self." + called(n);
    const auto in = [&](std::size_t i) { return i < n.inputs.size() ? value(n.inputs[i]) : std::string("None"); };
    std::string list;
    for (std::size_t i = 0; i < n.inputs.size(); ++i) list += (i == 0 ? "" : ", ") + in(i);
    std::string text;
    if (op == "linear" || op == "causal_conv1d" || op == "layer_norm" || op == "rms_norm") text = own + "(" + in(0) + ")";
    else if (op == "selective_scan") text = need("selective_scan", "selective_scan(" + list + ")");
    else if (op == "recurrence") text = need("recurrence", "recurrence(" + list + ")");
    else if (op == "delay")
      text = "F.pad(" + in(0) + ", (0, 0, " + std::to_string(n.params.integer("by")) + ", 0))[:, :" + in(0) + ".shape[1]]";
    else if (op == "attention") text = attention(n);
    else if (op == "positions") text = in(0) + " + " + own + ".weight[:" + in(0) + ".shape[1]]";
    else if (op == "split") text = split(n);
    else if (op == "concat") text = "torch.cat((" + list + "), -1)";
    else if (op == "add" || op == "multiply") text = joined(n, op == "add" ? " + " : " * ");
    else if (op == "gate") text = in(0) + " * " + need("activate", "activate(" + literal(n.params.text("activation")) + ", " + in(1) + ")");
    else if (op == "scale") text = in(0) + " * " + literal(n.params.real("by"));
    else if (op == "parameter" || op == "constant") text = own;
    else if (op == "router")
      text = need("route", "route(" + in(0) + ".flatten(0, 1), " + own + ".weight, " + std::to_string(n.params.integer("top_k")) + ", " +
                               literal(n.params.boolean("renormalise")) + ")");
    else if (op == "experts")
      text =
          need("activate", need("route", "run_experts(" + in(0) + ".flatten(0, 1), *" + in(1) + ", " + own + ".w1, " + own + ".w3, " + own +
                                             ".w2, " + literal(n.params.text("activation")) + ").view(*" + in(0) + ".shape[:2], -1)"));
    else text = pointwise(op, in(0));
    return "        " + called(n) + " = " + text + "\n";
  }
  std::string need(const char* name, std::string text) {
    out_.needs.insert(name);
    return text;
  }
  std::string pointwise(const std::string& op, const std::string& x) {
    if (op == "softplus") return "F.softplus(" + x + ")";
    if (op == "exp") return "torch.exp(" + x + ")";
    if (op == "negate") return "-" + x;
    if (op == "softmax") return x + ".softmax(-1)";
    return need("activate", "activate(" + literal(op) + ", " + x + ")");
  }
  std::string joined(const GraphNode& n, const char* sign) const {
    std::string out;
    for (const GraphRef ref : n.inputs) out += (out.empty() ? "" : sign) + value(ref);
    return out;
  }
  std::string split(const GraphNode& n) const {
    std::string widths, comment;
    for (const auto& [name, w] : n.parts) {
      widths += (widths.empty() ? "" : ", ") + std::to_string(w);
      comment += (comment.empty() ? "" : ", ") + name;
    }
    return value(n.inputs[0]) + ".split((" + widths + ",), -1)  # " + comment;
  }
  std::string attention(const GraphNode& n) {
    need("attend", need("heads_of", ""));
    const std::string H = std::to_string(n.params.integer("heads")), K = std::to_string(n.params.integer("kv_heads"));
    const double base = n.params.text("positions") == "rope" ? n.params.real("rope_base") : 0;
    return "attend(heads_of(" + value(n.inputs[0]) + ", " + H + "), heads_of(" + value(n.inputs[1]) + ", " + K + "), heads_of(" +
           value(n.inputs[2]) + ", " + K + "), " + literal(base) + ", " + std::to_string(n.params.integer("window")) + ")";
  }

  const BlockGraph& graph_;
  std::int64_t in_, context_;
  double eps_;
  GraphClass out_;
};

}  // namespace

std::string literal(bool value) { return value ? "True" : "False"; }
std::string literal(double value) { return numberText(value); }
std::string literal(const std::string& value) { return "\"" + value + "\""; }

GraphClass graphClass(const std::string& name, const std::string& about, const BlockGraph& graph, std::int64_t in, std::int64_t context,
                      double eps) {
  return Writer(graph, in, context, eps).write(name, about);
}

}  // namespace serp::pytorch
