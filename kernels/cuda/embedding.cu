// SPDX-License-Identifier: GPL-3.0-or-later
// The embedding: rows of a table by token, and the table's gradient without atomics. For the gradient the positions are
// sorted by token (stable, eight bits a pass); stretches of the sorted order are then summed in parts of 64 positions,
// and what crosses the border of a part is added up in the order of the parts.
#include "kernels/cuda/partition.h"

namespace serp::kernels::SERP_GPU {
namespace {

constexpr int kThreads = 128;
constexpr int kKeyBits = 8, kKeys = 1 << kKeyBits;
constexpr std::int64_t kPieceItems = 512, kPartItems = 64;

/// Tokens that the table does not have sort behind all others.
SERP_FN std::int64_t known(std::int64_t token, std::int64_t vocab) {
  return token < 0 || token >= vocab ? vocab : token;
}

template <class T, int V>
SERP_KERNEL lookupKernel(std::int64_t count, std::int64_t vocab, std::int64_t width, const std::int64_t* tokens,
                         const float* table, float scale, float* out, std::int64_t outStride) {
  const std::int64_t i = globalX(kThreads) * V, row = i / width, c = i % width;
  if (row >= count) return;
  const std::int64_t token = known(tokens[row], vocab);
  Values<V> v;
  for (int k = 0; k < V; ++k) v[k] = NAN;
  if (token < vocab) v = loadPack<T, V>(table, token * width + c);
  for (int k = 0; k < V; ++k) v[k] *= scale;
  storePack<T, V>(out, row * outStride + c, v);
}

/// One pass of the sort. `order` null is the order of the positions.
struct Pass {
  std::int64_t count, vocab, pieces;
  const std::int64_t* tokens;
  const std::int32_t* order;
  std::int32_t *counts, *starts;  // [key][piece], [key]
  int shift;

  SERP_FN std::int64_t item(std::int64_t i) const { return order ? order[i] : i; }
  SERP_FN unsigned key(std::int64_t i) const {
    return static_cast<unsigned>(known(tokens[item(i)], vocab) >> shift) % kKeys;
  }
  SERP_FN std::int64_t end(std::int64_t piece) const {
    return (piece + 1) * kPieceItems < count ? (piece + 1) * kPieceItems : count;
  }
};

SERP_KERNEL countKernel(Pass p) {
  SERP_SHARED(std::int32_t, counts, kKeys);
  const std::int64_t piece = blockX();
  walkKeys(
      piece * kPieceItems, p.end(piece), kKeys, kKeyBits, counts, [&](std::int64_t i) { return p.key(i); },
      [](std::int64_t, unsigned, std::int32_t) {});
  for (int k = static_cast<int>(laneX()); k < kKeys; k += kWarp) p.counts[k * p.pieces + piece] = counts[k];
}

/// A warp per key: counts become prefixes over the pieces, starts the key's total.
SERP_KERNEL scanKernel(Pass p) {
  std::int32_t* mine = p.counts + blockX() * p.pieces;
  std::int64_t sum = 0;
  for (std::int64_t base = 0; base < p.pieces; base += kWarp) {
    const std::int64_t at = base + laneX(), n = at < p.pieces ? mine[at] : 0;
    std::int64_t total = 0;
    const std::int64_t before = warpPrefix(n, total);
    if (at < p.pieces) mine[at] = static_cast<std::int32_t>(sum + before);
    sum += total;
  }
  if (laneX() == 0) p.starts[blockX()] = static_cast<std::int32_t>(sum);
}

/// One warp: totals become starts.
SERP_KERNEL startsKernel(std::int32_t* starts) {
  std::int64_t sum = 0;
  for (int k = static_cast<int>(laneX()); k < kKeys; k += kWarp) {
    std::int64_t total = 0;
    const std::int64_t before = warpPrefix(starts[k], total);
    starts[k] = static_cast<std::int32_t>(sum + before);
    sum += total;
  }
}

SERP_KERNEL scatterKernel(Pass p, std::int32_t* to) {
  SERP_SHARED(std::int32_t, counts, kKeys);
  const std::int64_t piece = blockX();
  walkKeys(
      piece * kPieceItems, p.end(piece), kKeys, kKeyBits, counts, [&](std::int64_t i) { return p.key(i); },
      [&](std::int64_t i, unsigned key, std::int32_t before) {
        to[p.starts[key] + p.counts[key * p.pieces + piece] + before] = static_cast<std::int32_t>(p.item(i));
      });
}

/// The sorted positions and their tokens.
struct Sorted {
  std::int64_t count, vocab;
  const std::int64_t* tokens;
  const std::int32_t* order;

  SERP_FN std::int64_t token(std::int64_t i) const { return known(tokens[order[i]], vocab); }
  /// The same token on both sides of the border before position i.
  SERP_FN bool crosses(std::int64_t i) const { return i > 0 && i < count && token(i - 1) == token(i); }
};

SERP_KERNEL zeroKernel(std::int64_t count, float* out) {
  const std::int64_t i = globalX(kThreads);
  if (i < count) out[i] = 0;
}

/// Borders [part][2][width]: what belongs to a token that came from the part before, and to one that begins here and
/// goes on into the next.
template <class T, int V>
SERP_KERNEL partsKernel(Sorted s, std::int64_t width, const float* dy, std::int64_t dyStride, float scale,
                        float* borders, float* table) {
  const std::int64_t packs = width / V, i = globalX(kThreads), part = i / packs, c = i % packs * V;
  const std::int64_t first = part * kPartItems, end = first + kPartItems < s.count ? first + kPartItems : s.count;
  if (first >= s.count) return;
  const bool comes = s.crosses(first), goes = s.crosses(end);
  Values<V> sum = {};
  std::int64_t begin = first;
  for (std::int64_t k = first; k < end; ++k) {
    const std::int64_t token = s.token(k);
    if (token == s.vocab) break;  // only unknown ones follow
    const auto d = loadPack<T, V>(dy, s.order[k] * dyStride + c);
    for (int v = 0; v < V; ++v) sum[v] += d[v];
    if (k + 1 < end && s.token(k + 1) == token) continue;
    const bool fromBefore = begin == first && comes, intoNext = k + 1 == end && goes;
    for (int v = 0; v < V; ++v) {
      if (fromBefore)
        borders[part * 2 * width + c + v] = sum[v];
      else if (intoNext)
        borders[(part * 2 + 1) * width + c + v] = sum[v];
      else
        table[token * width + c + v] += scale * sum[v];
      sum[v] = 0;
    }
    begin = k + 1;
  }
}

/// The part in which a crossing token begins adds up all of it.
SERP_KERNEL bordersKernel(Sorted s, std::int64_t width, float scale, const float* borders, float* table) {
  const std::int64_t i = globalX(kThreads), c = i % width;
  std::int64_t part = i / width, end = (part + 1) * kPartItems;
  if (!s.crosses(end)) return;
  const std::int64_t token = s.token(end);
  const bool sinceBefore = s.token(part * kPartItems) == token && s.crosses(part * kPartItems);
  if (token == s.vocab || sinceBefore) return;
  float sum = borders[(part * 2 + 1) * width + c];
  for (bool more = true; more;) {
    ++part, end += kPartItems;
    sum += borders[part * 2 * width + c];
    more = s.crosses(end) && s.token(end) == token;
  }
  table[token * width + c] += scale * sum;
}

/// int32 before the floats of the borders.
struct Rooms {
  std::int64_t pieces, parts, order, counts;  // order, counts: elements of each

  Rooms(std::int64_t count) {
    pieces = ceilDiv(count, kPieceItems), parts = ceilDiv(count, kPartItems);
    order = ceilDiv(count, 4) * 4, counts = kKeys * pieces;
  }
  std::int64_t ints() const { return 2 * order + counts + kKeys; }
};

}  // namespace

Status embeddingForward(std::int64_t count, std::int64_t vocab, std::int64_t width, const std::int64_t* tokens,
                        const float* table, float scale, float* out, std::int64_t outStride, Stream stream,
                        DType type) noexcept {
  if (const Status status = ready(); status != Status::Ok) return status;
  if (count < 0 || vocab < 1 || width < 0) return Status::BadShape;
  if (count == 0 || width == 0) return Status::Ok;
  if (!tokens || !table || !out || outStride < width) return Status::BadArgument;
  return withType(type, [&](auto zero) {
    constexpr int kWide = kPack<decltype(zero)>;
    const auto packing = Packing(type, kWide).width(width).rows(table, width).rows(out, outStride);
    return withPack<kWide>(bool(packing), [&](auto pack) {
      return launch(lookupKernel<decltype(zero), pack>, {ceilDiv(count * width / pack, kThreads), kThreads, 0, stream},
                    count, vocab, width, tokens, table, scale, out, outStride);
    });
  });
}

std::int64_t embeddingBackwardWorkspace(std::int64_t count, std::int64_t width) noexcept {
  const Rooms rooms(count < 0 ? 0 : count);
  return rooms.ints() + rooms.parts * 2 * width;
}

Status embeddingBackward(std::int64_t count, std::int64_t vocab, std::int64_t width, const std::int64_t* tokens,
                         const float* dy, std::int64_t dyStride, float scale, bool add, float* dTable, float* workspace,
                         Stream stream, DType type) noexcept {
  if (const Status status = ready(); status != Status::Ok) return status;
  if (count < 0 || count > INT32_MAX || vocab < 1 || width < 0) return Status::BadShape;
  if (width == 0) return Status::Ok;
  if (!dTable) return Status::BadArgument;
  Status status = Status::Ok;
  if (!add) status = launch(zeroKernel, {ceilDiv(vocab * width, kThreads), kThreads, 0, stream}, vocab * width, dTable);
  if (count == 0 || status != Status::Ok) return status;
  if (!tokens || !dy || dyStride < width || !workspace) return Status::BadArgument;
  const Rooms rooms(count);
  auto* ints = reinterpret_cast<std::int32_t*>(workspace);
  std::int32_t* orders[2] = {ints, ints + rooms.order};
  float* borders = workspace + rooms.ints();
  Pass pass{count, vocab, rooms.pieces, tokens, nullptr, ints + 2 * rooms.order, ints + 2 * rooms.order + rooms.counts,
            0};
  for (int k = 0; pass.shift < bitsOf(vocab + 1) || k == 0; ++k, pass.shift += kKeyBits) {
    if (status == Status::Ok) status = launch(countKernel, {rooms.pieces, kWarp, 0, stream}, pass);
    if (status == Status::Ok) status = launch(scanKernel, {kKeys, kWarp, 0, stream}, pass);
    if (status == Status::Ok) status = launch(startsKernel, {1, kWarp, 0, stream}, pass.starts);
    if (status == Status::Ok) status = launch(scatterKernel, {rooms.pieces, kWarp, 0, stream}, pass, orders[k % 2]);
    pass.order = orders[k % 2];
  }
  const Sorted sorted{count, vocab, tokens, pass.order};
  if (status == Status::Ok)
    status = withType(type, [&](auto zero) {
      constexpr int kWide = kPack<decltype(zero)>;
      return withPack<kWide>(bool(Packing(type, kWide).width(width).rows(dy, dyStride)), [&](auto pack) {
        return launch(partsKernel<decltype(zero), pack>,
                      {ceilDiv(rooms.parts * (width / pack), kThreads), kThreads, 0, stream}, sorted, width, dy,
                      dyStride, scale, borders, dTable);
      });
    });
  if (status != Status::Ok || rooms.parts < 2) return status;
  return launch(bordersKernel, {ceilDiv((rooms.parts - 1) * width, kThreads), kThreads, 0, stream}, sorted, width,
                scale, borders, dTable);
}

}  // namespace serp::kernels::SERP_GPU
