// SPDX-License-Identifier: GPL-3.0-or-later
// What stands under a faulty line: position, message, and the fix as a button. And the layout that makes room for it.
#pragma once

#include <QFrame>
#include <QPlainTextDocumentLayout>
#include <QSet>

#include "engine/api/diagnostic.h"

namespace serp::app {

inline constexpr int kStripHeight = 49;

/// Lines with a fault are taller by one strip.
class FaultLayout final : public QPlainTextDocumentLayout {
  Q_OBJECT
 public:
  using QPlainTextDocumentLayout::QPlainTextDocumentLayout;
  QRectF blockBoundingRect(const QTextBlock& block) const override;
  void setFaultyBlocks(const QSet<int>& blocks);
  bool isFaulty(int block) const { return blocks_.contains(block); }

 private:
  QSet<int> blocks_;
};

class FaultStrip final : public QFrame {
  Q_OBJECT
 public:
  FaultStrip(const Diagnostic& diagnostic, int others, QWidget* parent);
  const Diagnostic& diagnostic() const { return diagnostic_; }

 Q_SIGNALS:
  void fixChosen();

 protected:
  void paintEvent(QPaintEvent* event) override;

 private:
  Diagnostic diagnostic_;
};

}  // namespace serp::app
