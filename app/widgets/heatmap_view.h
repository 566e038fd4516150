// SPDX-License-Identifier: GPL-3.0-or-later
// A grid of coloured cells with labelled rows: load over fair share around 1, or a plain scale; not-logged cells are hatched.
#pragma once

#include <QImage>
#include <QStringList>
#include <QWidget>
#include <functional>
#include <vector>

namespace serp::app {

/// Rows run down, columns to the right. More columns than pixels are averaged, never blurred. GUI thread only.
class HeatmapView : public QWidget {
  Q_OBJECT
 public:
  enum class Scale { LoadRatio, Sequential };        ///< diverging around 1 (0..2) | viridis over [low, high]
  explicit HeatmapView(const QString& accessibleName, QWidget* parent = nullptr);

  void setGrid(int rows, int columns, std::vector<float> values);  ///< row by row; NaN = not logged
  void setScale(Scale scale, double low = 0, double high = 1);
  void setRowLabels(const QStringList& labels);      ///< one per row; thinned when rows are low
  void setRightLabels(const QStringList& labels);    ///< one per row, at the right margin; may be empty
  void setColumnLabels(const QStringList& labels);   ///< one per column, below; thinned to what fits
  void setRowBreaks(std::vector<int> rows);          ///< an 8 px gap before each of these rows (layers)
  void setFlags(std::vector<int> columns);           ///< small marks above these columns (live edits)
  void setShowNumbers(bool on);                      ///< values in the cells where they fit
  void setCursor(int row, int column);               ///< ring around the row, line at the column; -1 = none
  void setTip(std::function<QString(int row, int column, float value)> tip);  ///< text on hover
  void setEmptyText(const QString& text);
  int rows() const { return rows_; }
  int columns() const { return columns_; }
  float value(int row, int column) const;
  QSize sizeHint() const override { return {320, 200}; }
  bool exportTo(const QString& file, QSize size, QString* error = nullptr);  ///< .png, .svg, .pdf, .csv

 Q_SIGNALS:
  void hovered(int row, int column);                 ///< -1, -1 when the mouse leaves
  void clicked(int row, int column);

 protected:
  void paintEvent(QPaintEvent* event) override;
  void mouseMoveEvent(QMouseEvent* event) override;
  void mousePressEvent(QMouseEvent* event) override;
  void leaveEvent(QEvent* event) override;
  bool event(QEvent* event) override;

 private:
  struct Layout;
  Layout layoutFor(QSize size) const;
  void draw(QPainter& painter, QSize size) const;
  void rebuildImage(int width) const;
  bool cellAt(QPointF position, int& row, int& column) const;
  QColor cellColor(float value) const;

  int rows_ = 0, columns_ = 0, cursorRow_ = -1, cursorColumn_ = -1;
  Scale scale_ = Scale::LoadRatio;
  double low_ = 0, high_ = 1;
  bool numbers_ = false;
  std::vector<float> values_;
  std::vector<int> breaks_, flags_;
  QStringList rowLabels_, rightLabels_, columnLabels_;
  QString emptyText_;
  std::function<QString(int, int, float)> tip_;
  mutable QImage image_;                             ///< one pixel per cell, or per pixel column when there are more cells
  mutable int imageWidth_ = -1;
};

}  // namespace serp::app
