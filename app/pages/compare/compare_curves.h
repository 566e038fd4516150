// SPDX-License-Identifier: GPL-3.0-or-later
// The loss curves of many runs, read in the background when they are first wanted, and the arithmetic of comparing them.
#pragma once

#include <QHash>
#include <QObject>
#include <QString>
#include <QStringList>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "engine/api/runs.h"
#include "engine/api/spec.h"

namespace serp::app {

enum class CurveAxis { Step, Tokens, Seconds, Flops };

/// Everything read of one run.
struct RunCurves {
  std::vector<StepRecord> steps;
  std::vector<EvalRecord> evals;
  std::vector<std::pair<QString, QString>> settings;   ///< resolved.yaml as "model.blocks[0].d_state" → "16"
  ReferenceResult reference;
  bool edited = false;                                 ///< a live edit was made: another experiment than its settings say
  bool complete = false;                               ///< the run had ended when it was read
};

struct LossPoint { double steps = 0, tokens = 0, loss = 0; };
/// What runs are compared by: held-out losses as they were measured, or means of `window` training losses.
struct Measure { bool heldOut = false; std::size_t window = 50; };
/// Held out if each of the runs has two such points or more and there is a number of tokens that all cover; else training, with
/// a window of at most fifty steps and a quarter of the shortest run. Runs without a record do not count.
Measure commonMeasure(const std::vector<const RunCurves*>& runs);
std::vector<LossPoint> lossPoints(const RunCurves& curves, Measure by);
/// Linear in between; NaN outside the points.
double lossAtTokens(const std::vector<LossPoint>& points, double tokens);
/// First position (steps, tokens) at which the loss is at or below `loss`; null if never.
std::optional<LossPoint> reaching(const std::vector<LossPoint>& points, double loss);
/// One key per line, nesting written as a path; understands the YAML that resolvedText() writes.
std::vector<std::pair<QString, QString>> flattenYaml(const QString& text);

/// Equal for runs that differ in nothing but the seed; empty where that cannot be told.
QString designKey(const RunCurves& curves);

/// GUI thread only; each run is read by its own RunFollower in the pool and kept.
class CompareCurves final : public QObject {
  Q_OBJECT
 public:
  using QObject::QObject;
  ~CompareCurves() override;
  /// Asks for a run's curves; loaded() follows. Returns what is there now (may be null). Runs still written are followed; one that has
  /// ended is read once, and again when its number of `steps` is another: it was continued.
  std::shared_ptr<const RunCurves> want(const QString& id, const std::filesystem::path& folder, bool ended, std::int64_t steps);
  std::shared_ptr<const RunCurves> find(const QString& id) const;
  int reading() const { return reading_; }

 Q_SIGNALS:
  void loaded(const QString& id);

 private:
  struct Source;
  QHash<QString, std::shared_ptr<Source>> sources_;
  int reading_ = 0;
};

}  // namespace serp::app
