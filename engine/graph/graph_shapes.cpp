// SPDX-License-Identifier: GPL-3.0-or-later
// Shape and cost of one primitive from the shapes of its inputs. A fault names both ports and, where a width is off, the linear that
// would join them. Conventions of counting: contract.md §2.
#include <algorithm>

#include "engine/base/text.h"
#include "engine/graph/block_graph.h"
#include "engine/graph/cost_model.h"

namespace serp {
namespace {

using Kind = GraphShape::Kind;

GraphShape tokens(std::int64_t width) { return {Kind::Tokens, {width}}; }

class Measure {
 public:
  Measure(GraphNode& node, const std::vector<GraphShape>& in, const std::vector<std::int64_t>& sizes, const GraphWidths& widths,
          const std::string& path, Diagnostics& faults)
      : node_(node), in_(in), sizes_(sizes), widths_(widths), path_(path), faults_(faults) {}

  bool run() {
    const std::string& op = node_.op();
    if (op == "linear") return linear();
    if (op == "causal_conv1d") return conv();
    if (op == "selective_scan") return scan();
    if (op == "recurrence") return recurrence();
    if (op == "delay") return delay();
    if (op == "attention") return attention();
    if (op == "positions") return positions();
    if (op == "split") return split();
    if (op == "concat") return concat();
    if (op == "add" || op == "multiply") return elementwise();
    if (op == "gate") return gate();
    if (op == "layer_norm" || op == "rms_norm") return norm();
    if (op == "parameter" || op == "constant") return tensor();
    if (op == "router") return router();
    if (op == "experts") return experts();
    return pointwise();
  }

 private:
  bool fail(const std::string& message, const std::string& key = "from") {
    faults_.error(path_ + "." + key, message);
    return false;
  }
  std::string port(std::size_t i) const {
    const std::string& from = node_.written[i];
    const bool named = !node_.info->variadic && node_.info->ports.size() > 1;
    return (named ? node_.info->ports[i].name + " (" + from + ")" : from) + " is " + in_[i].text();
  }
  /// Input i carries numbers per token.
  bool perToken(std::size_t i) {
    return in_[i].kind == Kind::Tokens || fail(port(i) + ", expected numbers per token [B, T, width]");
  }
  bool isTensor(std::size_t i, const std::vector<std::int64_t>& sizes) {
    const GraphShape wanted{Kind::Tensor, sizes};
    if (in_[i].kind == Kind::Tensor && in_[i].sizes == sizes) return true;
    return fail(port(i) + ", expected " + wanted.text() + " to go with " + port(0));
  }
  bool hasWidth(std::size_t i, std::int64_t width, const std::string& reason) {
    if (!perToken(i)) return false;
    if (in_[i].width() == width) return true;
    return fail(port(i) + ", expected " + tokens(width).text() + " " + reason + "; insert linear " + std::to_string(in_[i].width()) +
                " → " + std::to_string(width));
  }
  static double real(std::int64_t v) { return static_cast<double>(v); }
  void params(std::int64_t n) { node_.cost.paramsTotal = node_.cost.paramsActive = n; }
  bool done(GraphShape shape, double keptBytes) {
    node_.shape = std::move(shape);
    node_.cost.activationBytesPerToken += keptBytes;
    return true;
  }

  bool linear() {
    if (!perToken(0)) return false;
    const std::int64_t to = node_.params.integer("to");
    if (node_.params.real("dt_max") < node_.params.real("dt_min")) return fail("dt_max is below dt_min", "dt_max");
    if (node_.params.text("bias_init") == "step_size" && !node_.params.boolean("bias"))
      return fail("step_size needs bias: true", "bias_init");
    node_.cost = linearCost(in_[0].width(), to, node_.params.boolean("bias"));
    return done(tokens(to), 0);
  }
  bool conv() {
    if (!perToken(0)) return false;
    const std::int64_t D = in_[0].width(), W = node_.params.integer("taps");
    params(D * W + (node_.params.boolean("bias") ? D : 0));
    node_.cost.flopsPerToken = 2 * real(W) * real(D);
    node_.cost.stateBytes = 4 * D * (W - 1);
    return done(tokens(D), 4 * real(D));
  }
  bool scan() {
    if (!perToken(0)) return false;
    const std::int64_t D = in_[0].width();
    if (!hasWidth(1, D, "as u")) return false;
    if (in_[2].kind != Kind::Tensor || in_[2].sizes.size() != 2 || in_[2].sizes[0] != D)
      return fail(port(2) + ", expected a tensor [" + std::to_string(D) + ", states] to go with " + port(0));
    const std::int64_t N = in_[2].sizes[1];
    if (N > 256) return fail(port(2) + ", at most 256 states per channel");
    if (!hasWidth(3, N, "as A has states") || !hasWidth(4, N, "as A has states")) return false;
    if (in_.size() > 5 && !in_[5].sizes.empty() && !isTensor(5, {D})) return false;
    node_.cost.flopsPerToken = 9 * real(D) * real(N);
    node_.cost.stateBytes = 4 * D * N;
    return done(tokens(D), 4 * (3 * real(D) + 2 * real(N) + real(D) * real(N) / 16));  // states are kept every 16 steps
  }
  bool recurrence() {
    if (!perToken(1)) return false;
    const std::int64_t D = in_[1].width();
    if (in_[0].kind == Kind::Tensor) {
      if (in_[0].sizes != std::vector<std::int64_t>{D})
        return fail(port(0) + ", expected [" + std::to_string(D) + "] to go with " + port(1));
    } else if (!hasWidth(0, D, "as b")) {
      return false;
    }
    node_.cost.stateBytes = 4 * D;
    return done(tokens(D), 4 * 2 * real(D));
  }
  bool delay() {
    if (!perToken(0)) return false;
    node_.cost.stateBytes = 4 * in_[0].width() * node_.params.integer("by");
    return done(tokens(in_[0].width()), 0);
  }
  bool attention() {
    for (std::size_t i = 0; i < 3; ++i)
      if (!perToken(i)) return false;
    const std::int64_t H = node_.params.integer("heads"), K = node_.params.integer("kv_heads"), q = in_[0].width();
    if (q % H != 0) return fail("found " + std::to_string(H) + ", which does not divide the width " + std::to_string(q) + " of q", "heads");
    if (H % K != 0)
      return fail("found " + std::to_string(K) + ", which does not divide the " + std::to_string(H) + " heads of q", "kv_heads");
    if (!hasWidth(1, K * (q / H), "= kv_heads * head width") || !hasWidth(2, K * (q / H), "= kv_heads * head width")) return false;
    const std::int64_t window = node_.params.integer("window"), seen = window > 0 ? std::min(window, widths_.context) : widths_.context;
    node_.cost.flopsPerToken = 2 * 2 * averageSeen(widths_.context, seen) * real(q);
    node_.cost.stateBytes = 4 * 2 * K * (q / H) * seen;
    return done(tokens(q), 4 * (2 * real(q) + 2 * real(in_[1].width())));
  }
  bool positions() {
    if (!perToken(0)) return false;
    params(widths_.context * in_[0].width());
    return done(tokens(in_[0].width()), 0);
  }
  bool split() {
    if (!perToken(0)) return false;
    std::int64_t sum = 0;
    std::string list;
    for (const auto& [name, width] : node_.parts) {
      sum += width;
      list += (list.empty() ? "" : " + ") + std::to_string(width);
    }
    if (sum != in_[0].width()) return fail("the parts " + list + " make " + std::to_string(sum) + ", but " + port(0), "into");
    return done(in_[0], 0);
  }
  bool concat() {
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < in_.size(); ++i) {
      if (!perToken(i)) return false;
      sum += in_[i].width();
    }
    return done(tokens(sum), 0);
  }
  bool elementwise() {
    GraphShape shape = in_[0];
    std::size_t widest = 0;
    for (std::size_t i = 0; i < in_.size(); ++i) {
      if (in_[i].kind == Kind::Routing) return fail(port(i) + ", expected numbers");
      const bool stronger = in_[i].kind == Kind::Tokens && shape.kind == Kind::Tensor;
      if (stronger || (in_[i].kind == shape.kind && in_[i].sizes.size() == shape.sizes.size() && shape.width() == 1 && in_[i].width() > 1 &&
                       shape.sizes.size() == 1))
        shape = in_[i], widest = i;
    }
    for (std::size_t i = 0; i < in_.size(); ++i) {
      const bool one = in_[i].sizes == std::vector<std::int64_t>{1};
      if (one || in_[i].sizes == shape.sizes) continue;
      return fail(port(i) + ", " + port(widest) + ": they must be alike" +
                  (in_[i].kind == Kind::Tokens && shape.kind == Kind::Tokens
                       ? "; insert linear " + std::to_string(in_[i].width()) + " → " + std::to_string(shape.width())
                       : ""));
    }
    return done(shape, shape.kind == Kind::Tokens && node_.op() == "multiply"
                           ? 4 * real(shape.width()) * real(static_cast<std::int64_t>(in_.size()))
                           : 0);
  }
  bool gate() {
    if (!perToken(0) || !hasWidth(1, in_[0].width(), "as value")) return false;
    return done(in_[0], 8 * real(in_[0].width()));
  }
  bool norm() {
    if (!perToken(0)) return false;
    const std::int64_t D = in_[0].width();
    params(node_.op() == "layer_norm" ? 2 * D : D);
    return done(in_[0], 4 * real(D));
  }
  bool pointwise() {
    if (in_[0].kind == Kind::Routing) return fail(port(0) + ", expected numbers");
    return done(in_[0], in_[0].kind == Kind::Tokens ? 4 * real(in_[0].width()) : 0);
  }
  bool tensor() {
    std::int64_t count = 1;
    for (const std::int64_t s : sizes_) count *= s;
    if (node_.op() == "parameter") params(count);
    return done({Kind::Tensor, sizes_}, 0);
  }
  bool router() {
    if (!perToken(0)) return false;
    const std::int64_t E = node_.params.integer("experts"), k = node_.params.integer("top_k");
    if (k > E) return fail("found " + std::to_string(k) + ", more than the " + std::to_string(E) + " experts", "top_k");
    params(E * in_[0].width());
    node_.cost.flopsPerToken = 2 * real(E) * real(in_[0].width());
    return done({Kind::Routing, {E, k}}, 4 * (real(in_[0].width()) + real(E)));
  }
  bool experts() {
    if (!perToken(0)) return false;
    if (in_[1].kind != Kind::Routing) return fail(port(1) + ", expected the decision of a router");
    const std::int64_t E = in_[1].sizes[0], k = in_[1].sizes[1], f = node_.params.integer("d_expert"), o = node_.params.integer("to"),
                       i = in_[0].width();
    Cost c = expertCost(i, o, E, k, f, node_.params.boolean("gated"));
    // The router counts for itself.
    c.paramsTotal -= i * E;
    c.paramsActive -= i * E;
    c.flopsPerToken -= 2 * real(i) * real(E);
    c.activationBytesPerToken -= 4 * (real(i) + real(E));
    node_.cost = c;
    return done(tokens(o), 0);
  }

  GraphNode& node_;
  const std::vector<GraphShape>& in_;
  const std::vector<std::int64_t>& sizes_;
  const GraphWidths& widths_;
  const std::string& path_;
  Diagnostics& faults_;
};

}  // namespace

std::string GraphShape::text() const {
  if (kind == Kind::Routing) return "routing to " + std::to_string(sizes.front()) + " experts";
  std::string out = kind == Kind::Tokens ? "B, T" : "";
  for (const std::int64_t s : sizes) out += (out.empty() ? "" : ", ") + std::to_string(s);
  return "[" + out + "]";
}

bool measureNode(GraphNode& node, const std::vector<GraphShape>& inputs, const std::vector<std::int64_t>& sizes, const GraphWidths& widths,
                 const std::string& path, Diagnostics& faults) {
  if (!Measure(node, inputs, sizes, widths, path, faults).run()) return false;
  if (static_cast<double>(node.cost.paramsTotal) < 1e15) return true;  // keeps every sum over a graph inside 64 bits
  faults.error(path, "more than 10^15 parameters; no machine holds this");
  return false;
}

}  // namespace serp
