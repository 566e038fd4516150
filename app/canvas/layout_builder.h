// SPDX-License-Identifier: GPL-3.0-or-later
// The working state of one layout: the design's parts are placed from top to bottom along the spine.
#pragma once

#include <string>
#include <unordered_map>

#include "app/canvas/canvas_layout.h"

namespace serp::app {

/// Where wires meet a placed block: heights of its input and output, and its lower edge.
struct BlockPorts { double in = 0, out = 0, bottom = 0; };

class LayoutBuilder {
 public:
  LayoutBuilder(const RunSpec& spec, const Plan& plan, double width, const QSet<QString>& folded);
  CanvasLayout take();

 private:
  /// All executions of one place in the text.
  struct Use {
    const PlanNode* node = nullptr;
    int times = 0;
    Cost cost;
  };
  void count(const PlanNode& node);
  const Use& use(const std::string& specPath) const;

  // layout_builder.cpp: along the spine
  void bar(const QString& id, const QString& title, const QString& detail, const Cost& cost, double height);
  void streamShape();
  void list(const std::vector<BlockSpec>& blocks, const std::string& path, int parent, int depth);
  void gap(const std::string& list, std::size_t index, double y, double left, double right, bool branch);
  double hole(const QString& text, double left, double right, double top);
  bool isFolded(const std::string& path) const { return folded_.contains(QString::fromStdString(path)); }
  void repeat(const BlockSpec& block, int parent, int depth);
  void residual(const BlockSpec& block, int parent, int depth);

  // layout_blocks.cpp: what is inside
  int card(CanvasCard::Kind kind, const PlanNode& node, QRectF rect, int parent);
  BlockPorts block(const PlanNode& node, double left, double right, double top, int parent);
  BlockPorts titleOnly(const PlanNode& node, double left, double right, double top, int parent);
  BlockPorts mamba(const PlanNode& node, double left, double right, double top, int parent);
  BlockPorts experts(const PlanNode& node, double left, double right, double top, int parent);
  BlockPorts chain(const PlanNode& node, const QStringList& steps, double left, double right, double top, int parent);
  BlockPorts parallel(const PlanNode& node, double left, double right, double top, int parent);
  void slot(const PlanNode& owner, const Param& param, std::int64_t in, std::int64_t out, QRectF rect, int parent);
  double slotRow(const PlanNode& node, double left, double right, double top, int parent);

  void wire(std::vector<QPointF> points, bool arrow = true) { out_.wires.push_back({std::move(points), arrow}); }
  void dot(double x, double y) { out_.nodes.push_back({CanvasNode::Kind::Dot, {x, y}}); }
  void word(double x, double y, const QString& text, CanvasWord::Look look, double room = 0) {
    out_.words.push_back({{x, y}, text, look, room, false});
  }
  void pill(const std::string& norm, double x, double y);

  const RunSpec& spec_;
  const Plan& plan_;
  const QSet<QString>& folded_;
  CanvasLayout out_;
  std::unordered_map<std::string, Use> uses_;
  double width_, y_ = 0;
};

/// One line about a block: what it holds, from its resolved parameters.
QString blockDetail(const PlanNode& node);
/// "[B, T, 128]".
QString shapeText(std::int64_t width);

}  // namespace serp::app
