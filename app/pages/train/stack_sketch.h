// SPDX-License-Identifier: GPL-3.0-or-later
// A design at a glance: its blocks from top to bottom, each with a sentence, expert layers with their load.
#pragma once

#include <QColor>
#include <QStringList>
#include <QWidget>
#include <vector>

#include "engine/api/plan.h"
#include "engine/api/spec.h"
#include "engine/api/telemetry.h"

namespace serp::app {

/// Painted; says less about each block when it is low, and names how many it leaves out.
class StackSketch final : public QWidget {
  Q_OBJECT
 public:
  explicit StackSketch(QWidget* parent = nullptr);
  void setDesign(const RunSpec& spec, const Plan& plan);
  void setLoad(const RoutingFrame* frame);           ///< null: no bars
  QSize sizeHint() const override { return {260, 420}; }

 protected:
  void paintEvent(QPaintEvent* event) override;

 private:
  struct Part {
    enum class Kind { Bar, Block, RepeatBegin, RepeatEnd } kind = Kind::Block;
    QString title;
    QStringList lines;
    QColor hue;
    bool experts = false;
  };
  void addBlocks(const std::vector<BlockSpec>& blocks, const Plan& plan);
  double heightOf(const Part& part, int detail) const;
  double total(int detail) const;
  void paintLoad(QPainter& p, const QRectF& area) const;
  std::vector<Part> parts_;
  QString shape_;
  std::vector<double> load_;
  QString loadName_;
};

}  // namespace serp::app
