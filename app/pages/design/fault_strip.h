// SPDX-License-Identifier: GPL-3.0-or-later
// What stands under a faulty line: position, message, and the fix as a button. And the layout that makes room for it.
#pragma once

#include <QFrame>
#include <QHash>
#include <QPlainTextDocumentLayout>

#include "engine/api/diagnostic.h"

class QLabel;
class QPushButton;

namespace serp::app {

inline constexpr int kLeading = 4;                       ///< room below each line of text

/// Lines have some room below; those with a fault are taller by their strip.
class FaultLayout final : public QPlainTextDocumentLayout {
  Q_OBJECT
 public:
  using QPlainTextDocumentLayout::QPlainTextDocumentLayout;
  QRectF blockBoundingRect(const QTextBlock& block) const override;
  void setStrips(const QHash<int, int>& heights);       ///< line number from 0 → pixels
  int strip(int block) const { return heights_.value(block); }

 private:
  QHash<int, int> heights_;
};

/// Position and sentence, what is allowed in a muted line below, and the fix as a button at the right.
class FaultStrip final : public QFrame {
  Q_OBJECT
 public:
  FaultStrip(const Diagnostic& diagnostic, int others, const QString& remedy, QWidget* parent);
  const Diagnostic& diagnostic() const { return diagnostic_; }
  int heightFor(int width);                              ///< all of the words, 49 or more; where there is room the button names its key

 Q_SIGNALS:
  void fixChosen();

 protected:
  void paintEvent(QPaintEvent* event) override;

 private:
  Diagnostic diagnostic_;
  QString remedy_;                                ///< words for the button where the fault has no replacement text of its own
  QLabel* text_;
  QPushButton* fix_ = nullptr;
};

}  // namespace serp::app
