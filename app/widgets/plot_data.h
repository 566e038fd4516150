// SPDX-License-Identifier: GPL-3.0-or-later
// The numbers behind a curve: every point kept, a min/max pyramid for thinning to the screen, and an honest moving average.
#pragma once

#include <cstddef>
#include <limits>
#include <vector>

namespace serp::app {

/// Time-weighted, de-biased exponential moving average: s_i = sum_j w^(t_i - t_j) y_j / sum_j w^(t_i - t_j) over j <= i. Uneven
/// gaps and the start of the curve are therefore weighted as they should be. Non-finite y are left out (and give the last value).
class MovingAverage {
 public:
  explicit MovingAverage(double weight = 0) : weight_(weight) {}
  double next(double t, double y);

 private:
  double weight_, sum_ = 0, mass_ = 0, time_ = 0;
  double last_ = std::numeric_limits<double>::quiet_NaN();
  bool started_ = false;
};

/// Points of one curve in ascending x. Points that arrive out of order (a resumed run) are sorted in, none is dropped.
class CurveData {
 public:
  void clear();
  /// `t` is the time of the moving average (the step), whatever x shows.
  void append(double x, double y, double t);
  void setSmoothing(double weight);                  ///< 0 = off; recomputes
  double smoothing() const { return weight_; }

  std::size_t size() const { return x_.size(); }
  const std::vector<double>& x() const { settle(); return x_; }
  const std::vector<double>& y() const { settle(); return y_; }
  const std::vector<double>& smoothed() const { settle(); return smooth_; }
  /// x of the points whose y is not a number, in order of arrival: marked at the bottom of the plot.
  const std::vector<double>& nonFinite() const { return nonFinite_; }
  /// Index of the point whose x is nearest; -1 without points.
  std::ptrdiff_t nearest(double x) const;

  struct Points { std::vector<double> x, y; };
  /// At most two points (the smallest and the largest, in their order) per column of [from, to], plus one neighbour on each side
  /// so that lines reach the edges. `logX` spaces the columns evenly in log x. Non-finite y are left out.
  Points thinned(bool smoothedCurve, double from, double to, int columns, bool logX) const;
  /// Smallest and largest finite y of points with x in [from, to]; false if there is none. `positive` ignores y <= 0.
  bool range(double from, double to, bool positive, double& low, double& high) const;

 private:
  /// Indices of the extremes of consecutive blocks of 16, 16^2, ... points; kNone where a block has no finite value.
  struct Extremes { std::size_t low, high; };
  struct Pyramid {
    std::vector<std::vector<Extremes>> levels;
    void clear() { levels.clear(); }
    void extend(const std::vector<double>& y);
    Extremes query(const std::vector<double>& y, std::size_t begin, std::size_t end) const;
  };
  void settle() const;                               ///< sorts if needed and brings average and pyramids up to date
  double weight_ = 0;
  mutable std::vector<double> x_, y_, t_, smooth_;
  mutable Pyramid raw_, averaged_;
  mutable MovingAverage average_;
  mutable bool sorted_ = true;
  std::vector<double> nonFinite_;
};

}  // namespace serp::app
