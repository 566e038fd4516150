// SPDX-License-Identifier: GPL-3.0-or-later
// Blocks made of primitives that the tests build: every primitive stands in one of them.
#pragma once

#include <string>
#include <vector>

namespace serp::test {

struct GraphDesign {
  std::string name, keys;   ///< keys: "nodes: {...}, out: ..."
};

inline const std::vector<GraphDesign>& graphDesigns() {
  static const std::vector<GraphDesign> all = {
      {"one matrix", "nodes: {out: {op: linear, from: x}}"},
      {"gated recurrence with a learned floor",
       "nodes: {a: {op: linear, from: x, bias: true}, keep: {op: sigmoid, from: a}, b: {op: linear, from: x}, h: {op: recurrence, from: "
       "{a: keep, b: b}}, "
       "floor: {op: parameter, sizes: d_in, init: normal, value: 0.5}, sum: {op: add, from: [h, floor]}, t: {op: tanh, from: sum}, out: "
       "{op: linear, from: t}}"},
      {"fixed decay and a delay",
       "nodes: {decay: {op: constant, sizes: d_in, value: 0.7}, h: {op: recurrence, from: [decay, x]}, old: {op: delay, from: h, by: 2}, "
       "both: {op: concat, from: [h, old]}, n: {op: rms_norm, from: both}, out: {op: linear, from: n, to: d_out}}"},
      {"mamba without its gate",
       "nodes: {u: {op: linear, from: x, to: 2 * d_in}, c: {op: causal_conv1d, from: u}, s: {op: silu, from: c}, p: {op: linear, from: "
       "s, to: 3 + 2 * 4}, "
       "low: {op: split, from: p, into: {d: 3, B: 4, C: 4}}, dt: {op: linear, from: low.d, to: 2 * d_in, bias: true, bias_init: "
       "step_size}, "
       "delta: {op: softplus, from: dt}, A_log: {op: parameter, sizes: [2 * d_in, 4], init: log_range, role: state_space}, e: {op: exp, "
       "from: A_log}, "
       "A: {op: negate, from: e}, h: {op: selective_scan, from: {u: s, delta: delta, A: A, B: low.B, C: low.C}}, out: {op: linear, "
       "from: h, to: d_out}}"},
      {"a scan whose steps are read twice",
       "nodes: {dt: {op: linear, from: x, bias: true, bias_init: step_size}, delta: {op: softplus, from: dt}, bc: {op: linear, from: x, "
       "to: 6}, "
       "low: {op: split, from: bc, into: {B: 3, C: 3}}, A: {op: constant, sizes: [d_in, 3], value: -1.5}, skip: {op: parameter, sizes: "
       "d_in}, "
       "h: {op: selective_scan, from: {u: x, delta: delta, A: A, B: low.B, C: low.C, D: skip}}, g: {op: silu, from: dt}, m: {op: "
       "multiply, from: [h, g, delta]}, "
       "out: {op: linear, from: m}}"},
      {"a scan times its gate",
       "nodes: {dt: {op: linear, from: x}, delta: {op: softplus, from: dt}, bc: {op: linear, from: x, to: 6}, z: {op: linear, from: x, "
       "init: uniform}, "
       "low: {op: split, from: bc, into: {B: 3, C: 3}}, A: {op: constant, sizes: [d_in, 3], value: -1.5}, "
       "h: {op: selective_scan, from: {u: x, delta: delta, A: A, B: low.B, C: low.C}}, g: {op: silu, from: z}, m: {op: multiply, from: "
       "[g, h]}, out: {op: linear, from: m}}"},
      {"grouped attention through a window",
       "nodes: {p: {op: positions, from: x}, n: {op: layer_norm, from: p}, q: {op: linear, from: n, to: 16}, k: {op: linear, from: n, "
       "to: 8}, v: {op: linear, from: n, to: 8}, "
       "a: {op: attention, from: {q: q, k: k, v: v}, heads: 4, kv_heads: 2, window: 3}, out: {op: linear, from: a, to: d_out}}"},
      {"attention without positions",
       "nodes: {qkv: {op: linear, from: x, to: 24}, s: {op: split, from: qkv, into: {q: 8, k: 8, v: 8}}, "
       "a: {op: attention, from: [s.q, s.k, s.v], heads: 2, positions: none}, out: {op: linear, from: a, to: d_out}}"},
      {"experts chosen by another input",
       "nodes: {m: {op: causal_conv1d, from: x, taps: 2}, router: {op: router, from: m, experts: 4, top_k: 2, renormalise: true, "
       "z_loss: 0.1}, "
       "e: {op: experts, from: {x: x, router: router}, d_expert: 8, activation: silu, gated: true}, r: {op: scale, from: e, by: 2}, "
       "out: {op: add, from: [r, m]}}"},
      {"experts with a limit",
       "nodes: {router: {op: router, from: x, experts: 3, capacity_factor: 1, group: batch, jitter: 0.1}, e: {op: experts, from: [x, "
       "router], d_expert: 8}}, out: e"},
      {"two routers",
       "nodes: {a: {op: router, from: x, experts: 2}, b: {op: router, from: x, experts: 3, group: sequence, capacity_factor: 1}, "
       "e: {op: experts, from: [x, a], d_expert: 4}, f: {op: experts, from: [x, b], d_expert: 4, to: 2 * d_in}, g: {op: linear, from: "
       "f, to: d_in}, out: {op: add, from: [e, g]}}"},
      {"feed-forwards side by side",
       "nodes: {a: {op: linear, from: x, to: 8, bias: true}, r: {op: relu, from: a}, b: {op: linear, from: r, to: d_in, bias: true}, c: "
       "{op: linear, from: x, to: 8}, "
       "g: {op: gelu, from: c}, q: {op: relu2, from: c}, s: {op: softmax, from: c}, t: {op: multiply, from: [g, s]}, u: {op: add, from: "
       "[t, q]}, d: {op: linear, from: u, to: d_in}, "
       "k: {op: gate, from: {value: b, gate: d}, activation: sigmoid}, out: {op: linear, from: k, to: d_out, rescale: true, bias: true, "
       "bias_init: zero}}"},
  };
  return all;
}

}  // namespace serp::test
