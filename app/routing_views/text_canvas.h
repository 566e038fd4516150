// SPDX-License-Identifier: GPL-3.0-or-later
// The scrolling area that draws a routed text: one cell per character, coloured by the token's expert, numbers under runs.
#pragma once

#include <QAbstractScrollArea>
#include <QKeyEvent>
#include <QSet>
#include <QVector>

#include "engine/api/telemetry.h"

namespace serp::app {

/// Draws only the rows that are visible. Colours: eight hues for eight experts or fewer, else the pinned ones, the rest grey.
class TextCanvas final : public QAbstractScrollArea {
  Q_OBJECT
 public:
  explicit TextCanvas(QWidget* parent = nullptr);
  void setText(const RoutedText* text, int layer, int experts);
  void setChosen(int token, int expert);         ///< scrolls to a token that was not chosen before
  void setPinned(const QVector<int>& experts);   ///< hue i goes to the i-th
  QColor hue(int expert) const;                  ///< invalid: drawn grey
  void setEmptyText(const QString& text) { emptyText_ = text; }
  int tokens() const { return static_cast<int>(pieces_.size()); }

 Q_SIGNALS:
  void tokenClicked(int token);

 protected:
  void paintEvent(QPaintEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;
  void mousePressEvent(QMouseEvent* event) override;
  void keyPressEvent(QKeyEvent* event) override { event->ignore(); }   // the page's keys move the cursor
  bool viewportEvent(QEvent* event) override;

 private:
  struct Cell { int token, row, column, length; };
  void layOut();
  int tokenAt(QPoint position) const;
  double cellWidth() const;

  std::vector<QString> pieces_;
  std::vector<int> expert_;
  std::vector<float> weight_, entropy_;
  std::vector<QString> label_;
  std::vector<Cell> cells_;
  std::vector<std::size_t> rowStart_;            ///< index of each row's first cell
  QVector<int> pinned_;
  QString emptyText_;
  int experts_ = 0, token_ = -1, chosen_ = -1, columns_ = 0;
};

}  // namespace serp::app
