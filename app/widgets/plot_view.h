// SPDX-License-Identifier: GPL-3.0-or-later
// A plot of curves over steps: thinned for the screen, smoothed honestly, with reference lines, live-edit flags and a cursor.
#pragma once

#include <QColor>
#include <QString>
#include <QWidget>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "app/widgets/plot_data.h"

namespace serp::app {

/// How a curve looks. Colours are asked for again when the theme changes.
struct CurveStyle {
  enum class Kind { Line, Discs, Dashed };           ///< Discs: hollow, for held-out or published points
  QString name;
  std::function<QColor()> color;
  Kind kind = Kind::Line;
  bool smoothed = false;                             ///< the raw curve is drawn faint, its moving average on top
};

struct ReferenceLine { double y = 0; QString label; };
struct PlotFlag { double x = 0; int number = 0; QString label; };
struct PlotNote { double x = 0, y = 0; QString text; };  ///< a dot with a sentence beside it
struct ReadoutRow { QString key, value; bool strong = false; };

/// Draws while visible only, at most once per event-loop turn; refresh() is cheap to call. GUI thread only.
class PlotView : public QWidget {
  Q_OBJECT
 public:
  explicit PlotView(const QString& accessibleName, QWidget* parent = nullptr);
  ~PlotView() override;

  int addCurve(CurveStyle style);                    ///< id of the curve
  void removeCurves();
  void setCurveVisible(int id, bool visible);
  void clearPoints();                                ///< of all curves
  void append(int id, double x, double y, double t); ///< t: the step, time of the moving average
  void setPoints(int id, std::span<const double> x, std::span<const double> y, std::span<const double> t = {});
  void setBand(int id, std::vector<double> x, std::vector<double> low, std::vector<double> high);  ///< e.g. over seeds
  const CurveData& data(int id) const;
  int curveCount() const;

  void setSmoothing(double weight);                  ///< of all curves with style.smoothed; 0 = off
  void setShowRaw(bool on);
  void setAxisLabels(const QString& x, const QString& y);
  void setLogX(bool on);
  void setLogY(bool on);
  bool logX() const;
  bool logY() const;
  void setXRange(double from, double to);            ///< what "all" means on x; from == to: the data
  void setReferenceLines(std::vector<ReferenceLine> lines);  ///< named in the right margin
  void setFlags(std::vector<PlotFlag> flags);
  void setNotes(std::vector<PlotNote> notes);
  void setUntrainedFrom(double x);                   ///< from here to the end of x the background shows; NaN = off
  void setNowLabel(const QString& text);             ///< beside the last point of curve 0
  void setCompact(bool on);                          ///< small plots: no margin at the right, fewer ticks, no flag labels
  void setReadout(std::function<std::vector<ReadoutRow>(double x)> rows);
  void setEmptyText(const QString& text);            ///< shown while no curve has a point

  void setCursor(double x);                          ///< NaN hides it; does not emit
  double cursor() const;
  void showAll();                                    ///< what a double click does
  void refresh();                                    ///< draws soon

  /// PNG, SVG or PDF by the file's ending; CSV writes every logged point of every visible curve. False: `error` says why.
  bool exportTo(const QString& file, QSize size, QString* error = nullptr);

 Q_SIGNALS:
  void cursorMoved(double x);                        ///< by the mouse; NaN when it leaves
  void clicked(double x);

 protected:
  void showEvent(QShowEvent* event) override;
  void changeEvent(QEvent* event) override;
  void keyPressEvent(QKeyEvent* event) override;
  void focusInEvent(QFocusEvent* event) override;
  void focusOutEvent(QFocusEvent* event) override;
  void leaveEvent(QEvent* event) override;

 private:
  void adoptScreen();
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace serp::app
