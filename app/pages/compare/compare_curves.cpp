// SPDX-License-Identifier: GPL-3.0-or-later
// Reading curves in the pool and comparing them.
#include "app/pages/compare/compare_curves.h"

#include <QFile>
#include <QMutex>
#include <QRegularExpression>
#include <algorithm>
#include <cmath>
#include <limits>

#include "app/models/background.h"
#include "app/session/whole_log.h"

namespace serp::app {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kWindow = 50;              // training losses averaged into one point

QString trimmedQuotes(QString text) {
  text = text.trimmed();
  if (text.size() > 1 && (text.front() == QLatin1Char('"') || text.front() == QLatin1Char('\'')) && text.back() == text.front()) text = text.mid(1, text.size() - 2);
  return text;
}

/// "{kind: mamba, out_proj: {kind: linear}}" and "[a, b]" into keys under `path`.
void flattenFlow(const QString& path, const QString& value, std::vector<std::pair<QString, QString>>& out) {
  const QString text = value.trimmed();
  const bool map = text.startsWith(QLatin1Char('{')), list = text.startsWith(QLatin1Char('['));
  if ((!map && !list) || text.size() < 2 || !text.contains(QLatin1Char(map ? ':' : '{'))) {
    out.emplace_back(path, trimmedQuotes(text));
    return;
  }
  int depth = 0, index = 0;
  qsizetype from = 1;
  const qsizetype end = text.size() - 1;
  for (qsizetype i = 1; i <= end; ++i) {
    const QChar c = i < end ? text[i] : QLatin1Char(',');
    if (c == QLatin1Char('{') || c == QLatin1Char('[')) ++depth;
    if (c == QLatin1Char('}') || c == QLatin1Char(']')) --depth;
    if (c != QLatin1Char(',') || depth > 0) continue;
    const QString part = text.mid(from, i - from).trimmed();
    from = i + 1;
    if (part.isEmpty()) continue;
    const qsizetype colon = part.indexOf(QLatin1Char(':'));
    if (map) flattenFlow(path + QLatin1Char('.') + part.left(colon).trimmed(), part.mid(colon + 1), out);
    else flattenFlow(QStringLiteral("%1[%2]").arg(path).arg(index++), part, out);
  }
}

}  // namespace

struct CompareCurves::Source {
  QMutex mutex;                                  // one reader at a time; the GUI thread never takes it
  std::unique_ptr<RunFollower> follower;
  std::shared_ptr<const RunCurves> curves;       // GUI thread
  bool busy = false;                             // GUI thread
  std::int64_t steps = 0;                        // GUI thread: of the run when it was read last
};

CompareCurves::~CompareCurves() = default;

Measure commonMeasure(const std::vector<const RunCurves*>& runs) {
  double from = 0, to = std::numeric_limits<double>::infinity();
  Measure by{true, kWindow};
  for (const RunCurves* run : runs) {
    if (run->steps.empty() && run->evals.empty()) continue;
    const auto points = lossPoints(*run, {true, 0});
    if (points.size() < 2) {
      by.heldOut = false;
    } else {
      from = std::max(from, points.front().tokens);
      to = std::min(to, points.back().tokens);
    }
    if (!run->steps.empty()) by.window = std::clamp<std::size_t>(run->steps.size() / 4, 1, by.window);
  }
  if (!(from <= to) || !std::isfinite(to)) by.heldOut = false;
  return by;
}

std::vector<LossPoint> lossPoints(const RunCurves& curves, Measure by) {
  std::vector<LossPoint> out;
  if (by.heldOut) {
    for (const EvalRecord& e : curves.evals)
      if (std::isfinite(e.loss)) out.push_back({static_cast<double>(e.step), static_cast<double>(e.tokens), e.loss});
    return out;
  }
  // One point per window of finite losses, and one more at the end, over a whole window too: a mean of few would be noise.
  std::vector<const StepRecord*> finite;
  for (const StepRecord& s : curves.steps)
    if (std::isfinite(s.loss)) finite.push_back(&s);
  const std::size_t window = std::clamp<std::size_t>(by.window, 1, std::max<std::size_t>(1, finite.size()));
  const auto add = [&](std::size_t end) {
    double sum = 0;
    for (std::size_t i = end - window; i < end; ++i) sum += finite[i]->loss;
    out.push_back({static_cast<double>(finite[end - 1]->step), static_cast<double>(finite[end - 1]->tokens), sum / static_cast<double>(window)});
  };
  for (std::size_t end = window; end <= finite.size(); end += window) add(end);
  if (finite.size() % window != 0) add(finite.size());
  return out;
}

double lossAtTokens(const std::vector<LossPoint>& points, double tokens) {
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (points[i].tokens < tokens) continue;
    if (points[i].tokens == tokens) return points[i].loss;
    if (i == 0) return kNaN;
    const LossPoint &a = points[i - 1], &b = points[i];
    return a.loss + (b.loss - a.loss) * (tokens - a.tokens) / (b.tokens - a.tokens);
  }
  return kNaN;
}

std::optional<LossPoint> reaching(const std::vector<LossPoint>& points, double loss) {
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (!(points[i].loss <= loss)) continue;
    if (i == 0 || points[i].loss == points[i - 1].loss) return points[i];
    const LossPoint &a = points[i - 1], &b = points[i];
    const double t = (a.loss - loss) / (a.loss - b.loss);
    return LossPoint{a.steps + t * (b.steps - a.steps), a.tokens + t * (b.tokens - a.tokens), loss};
  }
  return std::nullopt;
}

std::vector<std::pair<QString, QString>> flattenYaml(const QString& text) {
  struct Level { qsizetype indent; QString path; int items; };
  std::vector<std::pair<QString, QString>> out;
  std::vector<Level> levels{{-1, {}, 0}};
  for (const QString& raw : text.split(QLatin1Char('\n'))) {
    QString line = raw;
    if (const qsizetype comment = line.indexOf(QStringLiteral(" #")); comment >= 0) line.truncate(comment);
    if (line.trimmed().isEmpty() || line.trimmed().startsWith(QLatin1Char('#'))) continue;
    qsizetype indent = 0;
    while (indent < line.size() && line[indent] == QLatin1Char(' ')) ++indent;
    QString body = line.mid(indent).trimmed();
    while (levels.size() > 1 && levels.back().indent >= indent) levels.pop_back();
    QString path = levels.back().path;
    if (body.startsWith(QStringLiteral("- "))) {
      path = QStringLiteral("%1[%2]").arg(path).arg(levels.back().items++);
      levels.push_back({indent, path, 0});
      body = body.mid(2).trimmed();
      indent += 1;                               // keys of the item stand deeper than its dash
      if (body.startsWith(QLatin1Char('{')) || body.startsWith(QLatin1Char('['))) {
        flattenFlow(path, body, out);
        continue;
      }
    }
    const qsizetype colon = body.indexOf(QRegularExpression(QStringLiteral(":(\\s|$)")));
    if (colon < 0) {
      out.emplace_back(path, trimmedQuotes(body));
      continue;
    }
    const QString key = path.isEmpty() ? body.left(colon) : path + QLatin1Char('.') + body.left(colon), value = body.mid(colon + 1).trimmed();
    if (value.isEmpty()) levels.push_back({indent, key, 0});
    else flattenFlow(key, value, out);
  }
  return out;
}

QString designKey(const RunCurves& curves) {
  if (curves.settings.empty() || curves.edited) return {};
  QString key;
  for (const auto& [name, value] : curves.settings)
    if (name != QLatin1String("train.seed")) key += name + QLatin1Char('=') + value + QLatin1Char('\n');
  return key;
}

std::shared_ptr<const RunCurves> CompareCurves::find(const QString& id) const {
  const auto source = sources_.value(id);
  return source ? source->curves : nullptr;
}

std::shared_ptr<const RunCurves> CompareCurves::want(const QString& id, const std::filesystem::path& folder, bool ended, std::int64_t steps) {
  auto& source = sources_[id];
  if (!source) source = std::make_shared<Source>();
  const bool complete = source->curves && source->curves->complete;
  if (source->busy || (complete && ended && source->steps == steps)) return source->curves;
  source->busy = true;
  source->steps = steps;
  ++reading_;
  inBackground(
      this,
      [source, folder, ended, old = complete ? nullptr : source->curves] {
        const QMutexLocker lock(&source->mutex);
        auto next = std::make_shared<RunCurves>(old ? *old : RunCurves());
        if (!source->follower || !old) source->follower = std::make_unique<RunFollower>(folder);
        std::vector<StepRecord> fresh = wholeLog(*source->follower, &RunFollower::metrics);
        if (!fresh.empty() && !next->steps.empty() && fresh.front().step <= next->steps.back().step) {
          // The run was continued from a checkpoint: what came after that was taken back, so everything is read afresh.
          next = std::make_shared<RunCurves>();
          source->follower = std::make_unique<RunFollower>(folder);
          fresh = wholeLog(*source->follower, &RunFollower::metrics);
        }
        next->steps.insert(next->steps.end(), fresh.begin(), fresh.end());
        for (const EvalRecord& e : wholeLog(*source->follower, &RunFollower::evals)) next->evals.push_back(e);
        for (const RunEvent& e : wholeLog(*source->follower, &RunFollower::events)) next->edited |= e.kind == EventKind::LiveEdit;
        if (next->settings.empty()) {
          QFile file(QString::fromStdString((folder / "resolved.yaml").string()));
          if (file.open(QIODevice::ReadOnly) && file.size() < (4 << 20)) {
            const QByteArray bytes = file.readAll();
            next->settings = flattenYaml(QString::fromUtf8(bytes));
            if (auto spec = parseRunSpec(bytes.toStdString())) next->reference = spec->reference;
          }
        }
        next->complete = ended;
        return std::shared_ptr<const RunCurves>(std::move(next));
      },
      [this, source, id](std::shared_ptr<const RunCurves> curves) {
        source->busy = false;
        --reading_;
        source->curves = std::move(curves);
        Q_EMIT loaded(id);
      });
  return source->curves;
}

}  // namespace serp::app
