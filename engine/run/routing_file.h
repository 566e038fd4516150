// SPDX-License-Identifier: GPL-3.0-or-later
// routing.bin and routing.json: one frame per logged step, one record per expert layer in it, every size fixed by the layout.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/diagnostic.h"
#include "engine/api/telemetry.h"

namespace serp {

/// A layer's record, little-endian, without padding: step i64, steps i32, layer i32, experts × (assigned u32, kept u32,
/// mean_gate f32), entropy f32, balance f32, z_loss f32. A frame is the records of all layers in order.
struct RoutingLayout {
  static constexpr int kFormatVersion = 1;
  std::vector<RoutingLayer> layers;  ///< path, label, experts, topK, capacityFactor; the tallies are empty
  std::vector<std::uint64_t> offsets;  ///< of each layer's record in the frame
  std::uint64_t frameBytes = 0;

  static RoutingLayout of(const std::vector<RoutingLayer>& shape);
  bool sameShape(const RoutingLayout& other) const;  ///< same layers with the same number of experts
};

/// Text of routing.json; each layer's "dtype" is what numpy.dtype takes, so that a frame is one numpy.fromfile away.
std::string routingLayoutText(const RoutingLayout& layout);
Result<RoutingLayout> parseRoutingLayout(const std::string& text, const std::string& file);

/// The layers of `frame` must have the layout's shape. Counts above 2^32 − 1 are held at it.
std::string packRouting(const RoutingLayout& layout, const RoutingFrame& frame);
/// Nothing for bytes that are no frame of this layout (layer numbers out of place, steps that disagree).
std::optional<RoutingFrame> unpackRouting(const RoutingLayout& layout, std::string_view bytes);

}  // namespace serp
