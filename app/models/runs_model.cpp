// SPDX-License-Identifier: GPL-3.0-or-later
// Reading, colouring and trashing runs; rows keep their identity over refreshes so that selections survive.
#include "app/models/runs_model.h"

#include <QFont>
#include <cmath>
#include <limits>

#include "app/models/background.h"
#include "app/models/figures.h"
#include "app/style/theme.h"

namespace serp::app {
namespace {

constexpr int kRefreshMs = 2000;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

bool same(const RunSummary& a, const RunSummary& b) {
  const auto equal = [](double x, double y) { return x == y || (std::isnan(x) && std::isnan(y)); };
  return a.folder == b.folder && a.status == b.status && a.name == b.name && a.steps == b.steps && a.tokens == b.tokens &&
         equal(a.lastLoss, b.lastLoss) && equal(a.bestLoss, b.bestLoss) && equal(a.tokensPerSecond, b.tokensPerSecond);
}

}  // namespace

RunsModel::RunsModel(std::filesystem::path folder, QObject* parent) : QAbstractTableModel(parent), folder_(std::move(folder)) {
  timer_.setInterval(kRefreshMs);
  connect(&timer_, &QTimer::timeout, this, &RunsModel::refresh);
}

void RunsModel::setFolder(const std::filesystem::path& folder) {
  if (folder == folder_) return;
  beginResetModel();
  folder_ = folder;
  runs_.clear();
  trashed_.clear();
  endResetModel();
  refresh();
}

void RunsModel::setWatching(bool watching) {
  if (!watching) {
    timer_.stop();
    return;
  }
  refresh();
  timer_.start();
}

void RunsModel::refresh() {
  ++wanted_;
  if (reading_) return;
  reading_ = true;
  inBackground(
      this, [folder = folder_, ticket = wanted_] { return std::tuple(folder, ticket, listRuns(folder)); },
      [this](std::tuple<std::filesystem::path, quint64, std::vector<RunSummary>> answer) {
        reading_ = false;
        const bool current = std::get<0>(answer) == folder_;
        const bool stale = std::get<1>(answer) != wanted_;
        if (current) take(std::move(std::get<2>(answer)));
        if (stale) refresh();
      });
}

void RunsModel::take(std::vector<RunSummary> runs) {
  // Colours go by age, oldest first, so that a new run never recolours an old one.
  for (auto it = runs.rbegin(); it != runs.rend(); ++it)
    if (const QString id = idOf(*it); !colours_.contains(id)) colours_.insert(id, static_cast<int>(colours_.size()));
  bool sameRows = runs.size() == runs_.size();
  for (std::size_t i = 0; sameRows && i < runs.size(); ++i) sameRows = runs[i].folder == runs_[i].folder;
  if (sameRows) {
    for (std::size_t i = 0; i < runs.size(); ++i) {
      if (same(runs[i], runs_[i])) continue;
      runs_[i] = std::move(runs[i]);
      Q_EMIT dataChanged(index(static_cast<int>(i), 0), index(static_cast<int>(i), kColumns - 1));
    }
  } else {
    // Removed and added rows one by one: a view keeps its selection, which a reset would throw away.
    for (int row = static_cast<int>(runs_.size()) - 1; row >= 0; --row) {
      const auto& folder = runs_[static_cast<std::size_t>(row)].folder;
      if (std::any_of(runs.begin(), runs.end(), [&](const RunSummary& r) { return r.folder == folder; })) continue;
      beginRemoveRows({}, row, row);
      runs_.erase(runs_.begin() + row);
      endRemoveRows();
    }
    for (std::size_t i = 0; i < runs.size(); ++i) {
      const auto known = std::find_if(runs_.begin(), runs_.end(), [&](const RunSummary& r) { return r.folder == runs[i].folder; });
      if (known != runs_.end()) {
        *known = runs[i];
        continue;
      }
      const int at = static_cast<int>(std::min(i, runs_.size()));
      beginInsertRows({}, at, at);
      runs_.insert(runs_.begin() + at, runs[i]);
      endInsertRows();
    }
    if (!runs_.empty()) Q_EMIT dataChanged(index(0, 0), index(rowCount() - 1, kColumns - 1));
  }
  Q_EMIT loaded();
}

const RunSummary* RunsModel::run(int row) const {
  return row >= 0 && row < rowCount() ? &runs_[static_cast<std::size_t>(row)] : nullptr;
}

int RunsModel::rowOf(const QString& id) const {
  for (std::size_t i = 0; i < runs_.size(); ++i)
    if (idOf(runs_[i]) == id) return static_cast<int>(i);
  return -1;
}

QString RunsModel::idOf(const RunSummary& run) {
  return QString::fromStdString(run.id.empty() ? run.folder.filename().string() : run.id);
}

int RunsModel::colourIndex(const QString& id) const { return colours_.value(id, 0); }

QColor RunsModel::colour(const QString& id) const { return Theme::instance().curve(colourIndex(id)); }

void RunsModel::setShown(const QString& id, bool shown) {
  if (shown == isShown(id)) return;
  if (shown) hidden_.remove(id);
  else hidden_.insert(id);
  if (const int row = rowOf(id); row >= 0) Q_EMIT dataChanged(index(row, 0), index(row, kColumns - 1));
  Q_EMIT shownChanged(id);
}

void RunsModel::setEqualTokens(double tokens, const QHash<QString, double>& losses) {
  if (tokens == equalTokens_ && losses == equal_) return;
  equalTokens_ = tokens;
  equal_ = losses;
  Q_EMIT headerDataChanged(Qt::Horizontal, Equal, Against);
  if (!runs_.empty()) Q_EMIT dataChanged(index(0, Equal), index(rowCount() - 1, Against));
}

void RunsModel::setBaseline(const QString& id) {
  if (id == baseline_) return;
  baseline_ = id;
  if (!runs_.empty()) Q_EMIT dataChanged(index(0, 0), index(rowCount() - 1, kColumns - 1));
}

QString RunsModel::trash(int row) {
  const RunSummary* run = this->run(row);
  if (!run) return tr("There is no such run.");
  auto moved = trashRun(run->folder);
  if (!moved) return QString::fromStdString(moved.faults().text());
  trashed_.push_back(*moved);
  beginRemoveRows({}, row, row);
  runs_.erase(runs_.begin() + row);
  endRemoveRows();
  refresh();
  return {};
}

QString RunsModel::restore() {
  if (trashed_.empty()) return tr("Nothing was moved to the trash.");
  auto back = restoreRun(trashed_.back());
  if (!back) return QString::fromStdString(back.faults().text());
  trashed_.pop_back();
  refresh();
  return {};
}

int RunsModel::rowCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : static_cast<int>(runs_.size()); }
int RunsModel::columnCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : kColumns; }

double RunsModel::equalLoss(const RunSummary& run) const { return equal_.value(idOf(run), kNaN); }

QVariant RunsModel::textOf(const RunSummary& run, int column) const {
  const bool counted = run.parameters > 0;
  switch (column) {
    case Name: return QString::fromStdString(run.name) + (run.seed ? tr(", seed %1").arg(run.seed) : QString());
    case Pattern: return QString::fromStdString(run.pattern);
    case Status: return QString::fromStdString(run.status);
    case Steps: return groupedCount(run.steps);
    case Tokens: return shortCount(static_cast<double>(run.tokens));
    case Active: return shortCount(counted ? static_cast<double>(run.activeParameters) : kNaN);
    case Total: return shortCount(counted ? static_cast<double>(run.parameters) : kNaN);
    case Speed: return shortCount(run.tokensPerSecond > 0 ? run.tokensPerSecond : kNaN);
    case Best: return fixedText(run.bestLoss, 3);
    case Last: return fixedText(run.lastLoss, 3);
    case Equal: return fixedText(equalLoss(run), 3);
    case Against:
      if (idOf(run) == baseline_) return tr("baseline");
      return signedText(equalLoss(run) - equal_.value(baseline_, kNaN), 3);
    default: return {};
  }
}

QVariant RunsModel::sortKey(const RunSummary& run, int column) const {
  const auto last = [](double value) { return std::isfinite(value) ? value : std::numeric_limits<double>::max(); };
  switch (column) {
    case Eye: return !isShown(idOf(run));
    case Steps: return QVariant::fromValue<qlonglong>(run.steps);
    case Tokens: return QVariant::fromValue<qlonglong>(run.tokens);
    case Active: return QVariant::fromValue<qlonglong>(run.activeParameters);
    case Total: return QVariant::fromValue<qlonglong>(run.parameters);
    case Speed: return std::isfinite(run.tokensPerSecond) ? run.tokensPerSecond : 0.0;
    case Best: return last(run.bestLoss);
    case Last: return last(run.lastLoss);
    case Equal:
    case Against: return last(equalLoss(run));
    default: return textOf(run, column);
  }
}

QVariant RunsModel::data(const QModelIndex& index, int role) const {
  const RunSummary* run = index.isValid() ? this->run(index.row()) : nullptr;
  if (!run) return {};
  const QString id = idOf(*run);
  switch (role) {
    case Qt::DisplayRole: return textOf(*run, index.column());
    case SortRole: return sortKey(*run, index.column());
    case FolderRole: return QString::fromStdString(run->folder.string());
    case IdRole: return id;
    case ColourRole: return colour(id);
    case Qt::DecorationRole: return index.column() == Name ? QVariant(colour(id)) : QVariant();
    case Qt::CheckStateRole:
      return index.column() == Eye ? QVariant(isShown(id) ? Qt::Checked : Qt::Unchecked) : QVariant();
    case Qt::TextAlignmentRole:
      return QVariant(static_cast<int>((index.column() >= Steps ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter));
    case Qt::ForegroundRole:
      if (index.column() == Against) {
        const double delta = equalLoss(*run) - equal_.value(baseline_, kNaN);
        if (std::isfinite(delta) && delta < 0) return Theme::instance().color(Tone::Accent);
      }
      if (index.column() == Status && (run->status == "failed" || run->status == "unreadable")) return Theme::instance().color(Tone::Danger);
      return isShown(id) ? QVariant() : QVariant(Theme::instance().color(Tone::Muted));
    case Qt::ToolTipRole:
      if (index.column() == Status && !run->reason.empty()) return QString::fromStdString(run->reason);
      if (index.column() == Eye) return tr("Drawn in the plot or not");
      return QString::fromStdString(run->folder.string());
    default: return {};
  }
}

bool RunsModel::setData(const QModelIndex& index, const QVariant& value, int role) {
  if (!index.isValid() || index.column() != Eye || role != Qt::CheckStateRole) return false;
  const RunSummary* run = this->run(index.row());
  if (!run) return false;
  setShown(idOf(*run), value.toInt() == Qt::Checked);
  return true;
}

QVariant RunsModel::headerData(int section, Qt::Orientation orientation, int role) const {
  if (orientation != Qt::Horizontal) return {};
  if (role == Qt::TextAlignmentRole) return static_cast<int>((section >= Steps ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
  if (role == Qt::ToolTipRole) {
    if (section == Active || section == Total) return tr("Parameters without embedding and head; active = those one token visits");
    if (section == Best || section == Last) return tr("Held-out loss in nats per token where there is any, else training loss");
    if (section == Equal) return tr("Loss where every shown run has seen as many tokens as the shortest of them");
    if (section == Against) return tr("Loss at equal tokens minus the baseline's; negative is better");
    return {};
  }
  if (role != Qt::DisplayRole) return {};
  switch (section) {
    case Name: return tr("run");
    case Pattern: return tr("pattern");
    case Status: return tr("status");
    case Steps: return tr("steps");
    case Tokens: return tr("tokens");
    case Active: return tr("active");
    case Total: return tr("total");
    case Speed: return tr("tokens/s");
    case Best: return tr("best");
    case Last: return tr("last");
    case Equal: return equalTokens_ > 0 ? tr("at %1 tokens").arg(shortCount(equalTokens_)) : tr("at equal tokens");
    case Against: return tr("vs baseline");
    default: return {};
  }
}

Qt::ItemFlags RunsModel::flags(const QModelIndex& index) const {
  Qt::ItemFlags flags = QAbstractTableModel::flags(index);
  if (index.isValid() && index.column() == Eye) flags |= Qt::ItemIsUserCheckable;
  return flags;
}

}  // namespace serp::app
