// SPDX-License-Identifier: GPL-3.0-or-later
// State-space mixers as Python: one token after the other, as the formulas read.
#include "engine/interop/pytorch_classes.h"

namespace serp::pytorch {

const std::map<std::string, ClassText>& mixerClasses() {
  static const std::map<std::string, ClassText> all = {
      {"selective_scan", {"", R"py(
def selective_scan(u, delta, A, B, C, D=None):
    """h[t] = exp(delta A) h[t-1] + delta B u, y[t] = C h[t] + D u. u, delta [B, T, D]; A [D, N]; B, C [B, T, N]."""
    h = u.new_zeros(u.shape[0], u.shape[2], A.shape[1])
    rows = []
    for t in range(u.shape[1]):
        step = delta[:, t].unsqueeze(-1)                                        # [B, D, 1]
        h = torch.exp(step * A) * h + step * B[:, t].unsqueeze(1) * u[:, t].unsqueeze(-1)
        rows.append((h * C[:, t].unsqueeze(1)).sum(-1))                         # [B, D]
    y = torch.stack(rows, 1)
    return y if D is None else y + D * u
)py"}},
      {"Mamba", {"CausalConv1d selective_scan", R"py(
class Mamba(nn.Module):
    """Selective state-space mixer; each projection may be another module."""

    def __init__(self, d_in, d_out, d_inner, d_state, d_conv, dt_rank, conv_bias, proj_bias, conv_proj=None, gate_proj=None, out_proj=None):
        super().__init__()
        self.fused = conv_proj is None and gate_proj is None
        if self.fused:
            self.in_proj = nn.Linear(d_in, 2 * d_inner, bias=proj_bias)
        else:
            self.conv_proj = conv_proj or nn.Linear(d_in, d_inner, bias=proj_bias)
            self.gate_proj = gate_proj or nn.Linear(d_in, d_inner, bias=proj_bias)
        self.conv1d = CausalConv1d(d_inner, d_conv, conv_bias)
        self.x_proj = nn.Linear(d_inner, dt_rank + 2 * d_state, bias=False)
        self.dt_proj = nn.Linear(dt_rank, d_inner)
        self.A_log = empty(d_inner, d_state)
        self.D = empty(d_inner)
        self.out_proj = out_proj or nn.Linear(d_inner, d_out, bias=proj_bias)
        self.sizes = (dt_rank, d_state, d_state)

    def forward(self, x):
        u, z = self.in_proj(x).chunk(2, -1) if self.fused else (self.conv_proj(x), self.gate_proj(x))
        u = F.silu(self.conv1d(u))
        low, B, C = self.x_proj(u).split(self.sizes, -1)
        y = selective_scan(u, F.softplus(self.dt_proj(low)), -torch.exp(self.A_log), B, C, self.D)
        return self.out_proj(y * F.silu(z))
)py"}},
      {"Mamba2", {"CausalConv1d selective_scan", R"py(
class Mamba2(nn.Module):
    """State-space mixer with one decay and one step size per head, B and C per group of heads."""

    def __init__(self, d_in, d_out, d_inner, d_state, d_conv, head_dim, groups, conv_bias, proj_bias, gated_norm, eps):
        super().__init__()
        heads = d_inner // head_dim
        self.groups, self.d_state, self.head_dim, self.eps = groups, d_state, head_dim, eps
        self.sizes = (d_inner, d_inner + 2 * groups * d_state, heads)
        self.in_proj = nn.Linear(d_in, sum(self.sizes), bias=proj_bias)
        self.conv1d = CausalConv1d(self.sizes[1], d_conv, conv_bias)
        self.dt_bias, self.A_log, self.D = empty(heads), empty(heads), empty(heads)
        self.gated_norm = nn.Module() if gated_norm else None
        if gated_norm:
            self.gated_norm.weight = empty(d_inner)
        self.out_proj = nn.Linear(d_inner, d_out, bias=proj_bias)

    def forward(self, x):
        z, xbc, dt = self.in_proj(x).split(self.sizes, -1)
        u, B, C = F.silu(self.conv1d(xbc)).split((self.sizes[0],) + 2 * (self.groups * self.d_state,), -1)
        per_channel = lambda t: t.repeat_interleave(self.head_dim, -1)
        delta, A, D = per_channel(F.softplus(dt + self.dt_bias)), per_channel(-torch.exp(self.A_log)), per_channel(self.D)
        parts = [t.chunk(self.groups, -1) for t in (u, delta, A, B, C, D)]
        y = torch.cat([selective_scan(u, d, a.unsqueeze(1).expand(-1, self.d_state), b, c, s) for u, d, a, b, c, s in zip(*parts)], -1)
        y = y * F.silu(z)
        if self.gated_norm is not None:
            g = y.unflatten(-1, (self.groups, -1))
            y = (g * torch.rsqrt(g.pow(2).mean(-1, keepdim=True) + self.eps)).flatten(-2) * self.gated_norm.weight
        return self.out_proj(y)
)py"}},
      {"SharedRouterMamba", {"CausalConv1d selective_scan", R"py(
class Projection(nn.Module):
    """One matrix, or one per expert."""

    def __init__(self, d_in, d_out, experts):
        super().__init__()
        if experts:
            self.experts = empty(experts, d_in, d_out)
        else:
            self.weight = empty(d_out, d_in)

    def forward(self, x, expert):  # x [B, T, in], expert [B, T]
        if hasattr(self, "weight"):
            return F.linear(x, self.weight)
        y = x.new_zeros(*x.shape[:-1], self.experts.shape[2])
        for e in expert.unique():
            y[expert == e] = x[expert == e] @ self.experts[e]
        return y


class SharedRouterMamba(nn.Module):
    """Mamba whose projections are linear experts; one router picks for all of them."""

    def __init__(self, d_in, d_out, d_inner, d_state, d_conv, dt_rank, conv_bias, experts, conv_experts, gate_experts, out_experts):
        super().__init__()
        self.router = nn.Linear(d_in, experts, bias=False)
        self.conv_proj = Projection(d_in, d_inner, experts if conv_experts else 0)
        self.gate_proj = Projection(d_in, d_inner, experts if gate_experts else 0)
        self.conv1d = CausalConv1d(d_inner, d_conv, conv_bias)
        self.x_proj = nn.Linear(d_inner, dt_rank + 2 * d_state, bias=False)
        self.dt_proj = nn.Linear(dt_rank, d_inner)
        self.A_log, self.D = empty(d_inner, d_state), empty(d_inner)
        self.out_proj = Projection(d_inner, d_out, experts if out_experts else 0)
        self.sizes = (dt_rank, d_state, d_state)

    def forward(self, x):
        gate, expert = torch.softmax(self.router(x), -1).max(-1)                # [B, T]
        u, z = F.silu(self.conv1d(self.conv_proj(x, expert))), self.gate_proj(x, expert)
        low, B, C = self.x_proj(u).split(self.sizes, -1)
        y = selective_scan(u, F.softplus(self.dt_proj(low)), -torch.exp(self.A_log), B, C, self.D) * F.silu(z)
        return self.out_proj(y, expert) * gate.unsqueeze(-1)
)py"}},
  };
  return all;
}

}  // namespace serp::pytorch
