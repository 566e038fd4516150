// SPDX-License-Identifier: GPL-3.0-or-later
// Every point kept; thinning by a min/max pyramid; the moving average in one pass.
#include "app/widgets/plot_data.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace serp::app {
namespace {

constexpr std::size_t kBlock = 16;
constexpr std::size_t kNone = static_cast<std::size_t>(-1);

}  // namespace

double MovingAverage::next(double t, double y) {
  if (!std::isfinite(y)) return last_;
  const double decay = started_ ? std::pow(weight_, std::max(0.0, t - time_)) : 0.0;
  sum_ = decay * sum_ + y;
  mass_ = decay * mass_ + 1.0;
  time_ = t;
  started_ = true;
  return last_ = sum_ / mass_;
}

void CurveData::clear() {
  x_.clear(), y_.clear(), t_.clear(), smooth_.clear();
  raw_.clear(), averaged_.clear();
  average_ = MovingAverage(weight_);
  sorted_ = true;
  nonFinite_.clear();
}

void CurveData::append(double x, double y, double t) {
  if (!std::isfinite(x)) return;  // has no place on the axis
  if (!x_.empty() && x < x_.back()) sorted_ = false;
  if (!std::isfinite(y)) nonFinite_.push_back(x);
  x_.push_back(x), y_.push_back(y), t_.push_back(t);
}

void CurveData::setSmoothing(double weight) {
  if (weight == weight_) return;
  weight_ = weight;
  smooth_.clear();
  averaged_.clear();
  average_ = MovingAverage(weight_);
}

void CurveData::settle() const {
  if (!sorted_) {
    std::vector<std::size_t> order(x_.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return x_[a] < x_[b]; });
    const auto permuted = [&](const std::vector<double>& v) {
      std::vector<double> out(v.size());
      for (std::size_t i = 0; i < v.size(); ++i) out[i] = v[order[i]];
      return out;
    };
    x_ = permuted(x_), y_ = permuted(y_), t_ = permuted(t_);
    smooth_.clear(), raw_.clear(), averaged_.clear();
    average_ = MovingAverage(weight_);
    sorted_ = true;
  }
  if (smooth_.size() == x_.size() && !raw_.levels.empty()) return;
  for (std::size_t i = smooth_.size(); i < x_.size(); ++i) smooth_.push_back(average_.next(t_[i], y_[i]));
  raw_.extend(y_);
  averaged_.extend(smooth_);
}

void CurveData::Pyramid::extend(const std::vector<double>& y) {
  const auto better = [&y](Extremes& into, std::size_t low, std::size_t high) {
    if (low != kNone && (into.low == kNone || y[low] < y[into.low])) into.low = low;
    if (high != kNone && (into.high == kNone || y[high] > y[into.high])) into.high = high;
  };
  if (levels.empty()) levels.emplace_back();
  while ((levels[0].size() + 1) * kBlock <= y.size()) {
    Extremes e{kNone, kNone};
    const std::size_t begin = levels[0].size() * kBlock;
    for (std::size_t i = begin; i < begin + kBlock; ++i)
      if (std::isfinite(y[i])) better(e, i, i);
    levels[0].push_back(e);
  }
  for (std::size_t k = 1; k <= levels.size(); ++k) {
    if (k == levels.size()) {
      if (levels[k - 1].size() < kBlock) break;
      levels.emplace_back();
    }
    while ((levels[k].size() + 1) * kBlock <= levels[k - 1].size()) {
      Extremes e{kNone, kNone};
      const std::size_t begin = levels[k].size() * kBlock;
      for (std::size_t i = begin; i < begin + kBlock; ++i) better(e, levels[k - 1][i].low, levels[k - 1][i].high);
      levels[k].push_back(e);
    }
  }
}

CurveData::Extremes CurveData::Pyramid::query(const std::vector<double>& y, std::size_t begin, std::size_t end) const {
  Extremes out{kNone, kNone};
  const auto take = [&](std::size_t low, std::size_t high) {
    if (low != kNone && (out.low == kNone || y[low] < y[out.low])) out.low = low;
    if (high != kNone && (out.high == kNone || y[high] > y[out.high])) out.high = high;
  };
  for (std::size_t i = begin; i < end;) {
    std::size_t size = 1, level = kNone;
    for (std::size_t k = 0, s = kBlock; k < levels.size() && i % s == 0 && i + s <= end && i / s < levels[k].size(); ++k, s *= kBlock)
      level = k, size = s;
    if (level == kNone) {
      if (std::isfinite(y[i])) take(i, i);
    } else {
      take(levels[level][i / size].low, levels[level][i / size].high);
    }
    i += size;
  }
  return out;
}

std::ptrdiff_t CurveData::nearest(double at) const {
  settle();
  if (x_.empty() || !std::isfinite(at)) return -1;
  auto it = std::lower_bound(x_.begin(), x_.end(), at);
  if (it == x_.end()) return static_cast<std::ptrdiff_t>(x_.size()) - 1;
  if (it != x_.begin() && at - *(it - 1) < *it - at) --it;
  return it - x_.begin();
}

CurveData::Points CurveData::thinned(bool smoothedCurve, double from, double to, int columns, bool logX) const {
  settle();
  Points out;
  if (x_.empty() || columns < 1 || !(from < to)) return out;
  const std::vector<double>& y = smoothedCurve ? smooth_ : y_;
  const Pyramid& pyramid = smoothedCurve ? averaged_ : raw_;
  const auto indexOf = [&](double x) { return static_cast<std::size_t>(std::lower_bound(x_.begin(), x_.end(), x) - x_.begin()); };
  std::size_t begin = indexOf(from);
  std::size_t end = static_cast<std::size_t>(std::upper_bound(x_.begin(), x_.end(), to) - x_.begin());
  const std::size_t before = begin > 0 ? begin - 1 : begin, after = end < x_.size() ? end + 1 : end;
  const auto emitPoint = [&](std::size_t i) {
    if (!std::isfinite(y[i])) return;
    out.x.push_back(x_[i]);
    out.y.push_back(y[i]);
  };
  if (after - before <= 2 * static_cast<std::size_t>(columns)) {
    for (std::size_t i = before; i < after; ++i) emitPoint(i);
    return out;
  }
  if (before < begin) emitPoint(before);
  const bool logarithmic = logX && from > 0;
  std::size_t at = begin;
  for (int c = 1; c <= columns && at < end; ++c) {
    const double share = static_cast<double>(c) / columns;
    const double edge = logarithmic ? from * std::pow(to / from, share) : from + (to - from) * share;
    const std::size_t next = c == columns ? end : std::clamp(indexOf(edge), at, end);
    if (next == at) continue;
    const Extremes e = pyramid.query(y, at, next);
    if (e.low != kNone) {
      emitPoint(std::min(e.low, e.high));
      if (e.low != e.high) emitPoint(std::max(e.low, e.high));
    }
    at = next;
  }
  if (after > end) emitPoint(end);
  return out;
}

bool CurveData::range(double from, double to, bool positive, double& low, double& high) const {
  settle();
  bool any = false;
  const auto begin = std::lower_bound(x_.begin(), x_.end(), from) - x_.begin();
  const auto end = std::upper_bound(x_.begin(), x_.end(), to) - x_.begin();
  const auto take = [&](double value) {
    low = any ? std::min(low, value) : value;
    high = any ? std::max(high, value) : value;
    any = true;
  };
  const Extremes e = raw_.query(y_, static_cast<std::size_t>(begin), static_cast<std::size_t>(end));
  if (e.low == kNone) return false;
  if (!positive || y_[e.low] > 0) {
    take(y_[e.low]);
    take(y_[e.high]);
    return true;
  }
  for (auto i = begin; i < end; ++i)
    if (const double v = y_[static_cast<std::size_t>(i)]; std::isfinite(v) && v > 0) take(v);
  return any;
}

}  // namespace serp::app
