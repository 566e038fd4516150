// SPDX-License-Identifier: GPL-3.0-or-later
// Python as it is written into exported modules. Plain loops where a formula is easier to read that way; inference without capacity.
#include "engine/interop/pytorch_classes.h"

namespace serp::pytorch {

const char* const kHead = R"py(import json
import math
import sys
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F


def read_safetensors(path):
    """The tensors of a safetensors file by name: a JSON header behind its length, then raw little-endian numbers."""
    data = Path(path).read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + size])
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        if entry["dtype"] != "F32":
            raise ValueError(f"{name} is {entry['dtype']}, expected F32")
        begin, end = entry["data_offsets"]
        raw = bytearray(data[8 + size + begin:8 + size + end])
        tensors[name] = torch.frombuffer(raw, dtype=torch.float32).reshape(entry["shape"]).clone()
    return tensors


def empty(*shape):
    """A trained tensor; its values come from the file."""
    return nn.Parameter(torch.zeros(*shape))
)py";

namespace {

const std::map<std::string, ClassText>& classes() {
  static const std::map<std::string, ClassText> all = {
      {"activate", {"", R"py(
def activate(name, x):
    return {"relu": F.relu, "gelu": F.gelu, "silu": F.silu, "relu2": lambda v: F.relu(v) ** 2, "sigmoid": torch.sigmoid,
            "tanh": torch.tanh, "none": lambda v: v}[name](x)
)py"}},
      {"RMSNorm", {"", R"py(
class RMSNorm(nn.Module):
    """x over the root of its mean square, times a weight."""

    def __init__(self, width, eps):
        super().__init__()
        self.weight, self.eps = empty(width), eps

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight
)py"}},
      {"CausalConv1d", {"", R"py(
class CausalConv1d(nn.Module):
    """Each channel for itself: y[t] = b + sum_k w[k] x[t - taps + 1 + k], zeros before the first token."""

    def __init__(self, channels, taps, bias):
        super().__init__()
        self.weight = empty(channels, taps)
        self.bias = empty(channels) if bias else None

    def forward(self, x):  # [B, T, D]
        padded = F.pad(x.transpose(1, 2), (self.weight.shape[1] - 1, 0))
        return F.conv1d(padded, self.weight.unsqueeze(1), self.bias, groups=self.weight.shape[0]).transpose(1, 2)
)py"}},
      {"ExpertChoice", {"activate", R"py(
class ExpertChoice(nn.Module):
    """Each expert takes the tokens it scores highest among those at one position of the batch."""

    def __init__(self, d_in, d_out, experts, d_expert, capacity_factor, over_tokens, norm_output, activation, gated):
        super().__init__()
        self.router = nn.Linear(d_in, experts, bias=False)
        self.w1, self.w2 = empty(experts, d_in, d_expert), empty(experts, d_expert, d_out)
        self.w3 = empty(experts, d_in, d_expert) if gated else None
        self.output_norm = nn.LayerNorm(d_out, eps=1e-5) if norm_output else None
        self.capacity, self.over_tokens, self.activation = capacity_factor, over_tokens, activation

    def forward(self, x):
        pools = x.transpose(0, 1)                                               # [T, B, d]
        experts, pool = self.w1.shape[0], pools.shape[1]
        take = min(max(int(self.capacity * pool / experts + 0.5), 1), pool)
        score = torch.softmax(self.router(pools), 1 if self.over_tokens else 2)
        gate, place = score.transpose(1, 2).topk(take, -1)                      # [T, E, take]
        y = x.new_zeros(*pools.shape[:2], self.w2.shape[2])
        for e in range(experts):
            rows = pools.gather(1, place[:, e].unsqueeze(-1).expand(-1, -1, pools.shape[2]))
            h = activate(self.activation, rows @ self.w1[e])
            if self.w3 is not None:
                h = h * (rows @ self.w3[e])
            out = gate[:, e].unsqueeze(-1) * (h @ self.w2[e])
            y.scatter_add_(1, place[:, e].unsqueeze(-1).expand_as(out), out)
        y = y.transpose(0, 1)
        return y if self.output_norm is None else self.output_norm(y)
)py"}},
      {"rotate", {"", R"py(
def rotate(x, base):
    """Rotary positions, pairing i with i + width // 2. x [B, H, T, width]."""
    half = x.shape[-1] // 2
    rates = base ** (-2.0 * torch.arange(half, dtype=torch.float64) / x.shape[-1])
    angles = torch.arange(x.shape[2], dtype=torch.float64).unsqueeze(1) * rates  # [T, half]
    c, s = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b, rest = x[..., :half], x[..., half:2 * half], x[..., 2 * half:]
    return torch.cat((a * c - b * s, b * c + a * s, rest), -1)
)py"}},
      {"attend", {"rotate", R"py(
def attend(q, k, v, base, window):
    """Causal softmax attention. q [B, H, T, width], k and v [B, K, T, width]. base 0: no positions; window 0: no limit."""
    if base > 0:
        q, k = rotate(q, base), rotate(k, base)
    groups = q.shape[1] // k.shape[1]
    k, v = k.repeat_interleave(groups, 1), v.repeat_interleave(groups, 1)
    back = torch.arange(q.shape[2]).unsqueeze(1) - torch.arange(q.shape[2])     # how far a key lies behind a query
    seen = (back >= 0) & (back < window) if window > 0 else back >= 0
    scores = (q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])).masked_fill(~seen, float("-inf"))
    return (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)                  # [B, T, H * width]
)py"}},
      {"Attention", {"attend", R"py(
class Attention(nn.Module):
    """Causal multi-head attention. With as many heads of keys as of queries, the rows of qkv are grouped by head: q, k, v of each."""

    def __init__(self, d_in, d_out, heads, kv_heads, head_dim, window, base, bias, learned):
        super().__init__()
        self.heads, self.kv_heads, self.width, self.window, self.base = heads, kv_heads, head_dim, window, base
        self.qkv = nn.Linear(d_in, (heads + 2 * kv_heads) * head_dim, bias=bias)
        self.out = nn.Linear(heads * head_dim, d_out, bias=bias)
        self.positions = nn.Embedding(learned, d_in) if learned else None

    def forward(self, x):
        batch, length, _ = x.shape
        if self.positions is not None:
            x = x + self.positions.weight[:length]
        qkv = self.qkv(x)
        if self.heads == self.kv_heads:
            q, k, v = qkv.view(batch, length, self.heads, 3, self.width).permute(3, 0, 2, 1, 4)
        else:
            parts = qkv.split([self.heads * self.width] + 2 * [self.kv_heads * self.width], -1)
            q, k, v = (p.view(batch, length, -1, self.width).transpose(1, 2) for p in parts)
        return self.out(attend(q, k, v, self.base, self.window))
)py"}},
      {"DenseFFN", {"activate", R"py(
class DenseFFN(nn.Module):
    """act(x W1) W2."""

    def __init__(self, d_in, d_out, d_ff, activation, bias):
        super().__init__()
        self.w1, self.w2 = nn.Linear(d_in, d_ff, bias=bias), nn.Linear(d_ff, d_out, bias=bias)
        self.activation = activation

    def forward(self, x):
        return self.w2(activate(self.activation, self.w1(x)))
)py"}},
      {"GatedFFN", {"activate", R"py(
class GatedFFN(nn.Module):
    """(act(x W1) * (x W3)) W2."""

    def __init__(self, d_in, d_out, d_ff, activation, bias):
        super().__init__()
        self.w1, self.w3, self.w2 = nn.Linear(d_in, d_ff, bias=bias), nn.Linear(d_in, d_ff, bias=bias), nn.Linear(d_ff, d_out, bias=bias)
        self.activation = activation

    def forward(self, x):
        return self.w2(activate(self.activation, self.w1(x)) * self.w3(x))
)py"}},
      {"route", {"", R"py(
def route(x, weight, top_k, renormalise):
    """The top_k most probable experts of every token and their gates: [T, k] each. Nothing is dropped: a capacity is for training."""
    gate, expert = torch.softmax(F.linear(x, weight), -1).topk(top_k, -1)
    return (gate / gate.sum(-1, keepdim=True) if renormalise else gate), expert


def run_experts(x, gate, expert, w1, w3, w2, activation):
    """The sum over a token's experts of gate * act(x W1) W2, or gate * (act(x W1) * (x W3)) W2. x [T, d]."""
    y = x.new_zeros(x.shape[0], w2.shape[2])
    for e in range(w1.shape[0]):
        token, choice = torch.where(expert == e)
        if token.numel() == 0:
            continue
        h = activate(activation, x[token] @ w1[e])
        if w3 is not None:
            h = h * (x[token] @ w3[e])
        y.index_add_(0, token, gate[token, choice].unsqueeze(-1) * (h @ w2[e]))
    return y
)py"}},
      {"Experts", {"activate route", R"py(
class Experts(nn.Module):
    """Token-choice mixture of experts, beside a shared expert if `shared` is its width."""

    def __init__(self, d_in, d_out, experts, top_k, d_expert, activation, gated, renormalise=False, shared=0):
        super().__init__()
        self.top_k, self.activation, self.renormalise = top_k, activation, renormalise
        self.router = nn.Linear(d_in, experts, bias=False)
        self.w1, self.w2 = empty(experts, d_in, d_expert), empty(experts, d_expert, d_out)
        self.w3 = empty(experts, d_in, d_expert) if gated else None
        self.shared = None
        if shared:
            self.shared = nn.Module()
            self.shared.w1, self.shared.w2 = empty(shared, d_in), empty(d_out, shared)
            self.shared.w3 = empty(shared, d_in) if gated else None

    def forward(self, x):
        rows = x.reshape(-1, x.shape[-1])
        gate, expert = route(rows, self.router.weight, self.top_k, self.renormalise)
        y = run_experts(rows, gate, expert, self.w1, self.w3, self.w2, self.activation)
        if self.shared is not None:
            h = activate(self.activation, F.linear(rows, self.shared.w1))
            if self.shared.w3 is not None:
                h = h * F.linear(rows, self.shared.w3)
            y = y + F.linear(h, self.shared.w2)
        return y.view(*x.shape[:-1], -1)
)py"}},
      {"Parallel", {"", R"py(
class Parallel(nn.ModuleList):
    """Branches over one input, summed; with norms of their own, each norms the input for itself."""

    def __init__(self, branches, norms=None):
        super().__init__(branches)
        self.normed = norms is not None
        for branch, norm in zip(branches, norms or []):
            branch.norm = norm

    def forward(self, x):
        return sum(branch(branch.norm(x) if self.normed else x) for branch in self)
)py"}},
      {"recurrence", {"", R"py(
def recurrence(a, b):
    """y[t] = a[t] y[t-1] + b[t]; a like b, or one row for all tokens."""
    y, rows = torch.zeros_like(b[:, 0]), []
    for t in range(b.shape[1]):
        y = (a[:, t] if a.dim() == 3 else a) * y + b[:, t]
        rows.append(y)
    return torch.stack(rows, 1)
)py"}},
      {"heads_of", {"", R"py(
def heads_of(x, heads):
    """[B, T, heads * width] as [B, heads, T, width]."""
    return x.view(x.shape[0], x.shape[1], heads, -1).transpose(1, 2)
)py"}},
      {"Layer", {"", R"py(
class Layer(nn.Module):
    """x + mixer(norm(x))."""

    def __init__(self, norm, mixer):
        super().__init__()
        self.norm, self.mixer = norm, mixer

    def forward(self, x):
        return x + self.mixer(x if self.norm is None else self.norm(x))
)py"}},
  };
  return all;
}

}  // namespace

const char* classSource(const std::string& name, std::string& needs) {
  for (const auto* all : {&classes(), &mixerClasses()})
    if (const auto it = all->find(name); it != all->end()) {
      needs = it->second.needs;
      return it->second.source;
    }
  return nullptr;
}

const char* const kTail = R"py(

def load(path=None):
    """The model with the weights of `path`; default: model.safetensors beside this file. Names and shapes must fit exactly."""
    model = LanguageModel()
    tensors = read_safetensors(path or Path(__file__).with_name("model.safetensors"))
    result = model.load_state_dict({RENAMED.get(name, name): tensor for name, tensor in tensors.items()}, strict=False)
    own = dict(model.named_parameters())  # a shared tensor has one name here and several in the state
    missing = [name for name in result.missing_keys if name in own]
    if missing or result.unexpected_keys:
        raise ValueError(f"the weights do not fit: missing {missing}, unexpected {result.unexpected_keys}")
    return model.eval()


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: model.py TOKENS [WEIGHTS]   prints the logits behind each of the tokens, as in 1,2,3")
    ids = torch.tensor([[int(t) for t in sys.argv[1].split(",")]])
    with torch.no_grad():
        logits = load(*sys.argv[2:])(ids)[0]
    print(json.dumps({"logits": logits.tolist()}))
)py";

}  // namespace serp::pytorch
