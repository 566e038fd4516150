// SPDX-License-Identifier: GPL-3.0-or-later
// Reading, colouring and trashing runs; rows keep their identity over refreshes so that selections survive.
#include "app/models/runs_model.h"

#include <QFont>
#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "app/models/background.h"
#include "app/models/figures.h"
#include "app/style/theme.h"

namespace serp::app {
namespace {

constexpr int kRefreshMs = 2000, kHues = 8;
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
  if (!leaving_.isEmpty()) std::erase_if(runs, [this](const RunSummary& r) { return leaving_.contains(idOf(r)); });
  // Colours go by age, oldest first, so that a new run never recolours an old one.
  for (auto it = runs.rbegin(); it != runs.rend(); ++it)
    if (const QString id = idOf(*it); !colours_.contains(id)) {
      // Seeds of one design share a colour; the same seed once more is another experiment under the same name.
      const QString design = QStringLiteral("%1\n%2\n%3\n").arg(QString::fromStdString(it->name), QString::fromStdString(it->pattern)).arg(it->parameters);
      const QString key = design + QString::number(seeds_[design + QString::number(it->seed)]++);
      if (!designs_.contains(key)) designs_.insert(key, static_cast<int>(designs_.size()));
      colours_.insert(id, designs_.value(key));
    }
  std::unordered_map<std::string, std::size_t> read;  // by folder; comparing paths pair by pair is slow for a thousand runs
  for (std::size_t i = 0; i < runs.size(); ++i) read.emplace(runs[i].folder.native(), i);
  // Removed and added rows one by one: a view keeps its selection, which a reset would throw away.
  for (int row = rowCount() - 1; row >= 0; --row) {
    if (read.contains(runs_[static_cast<std::size_t>(row)].folder.native())) continue;
    beginRemoveRows({}, row, row);
    runs_.erase(runs_.begin() + row);
    endRemoveRows();
  }
  for (int row = 0; row < rowCount(); ++row) {
    RunSummary& known = runs_[static_cast<std::size_t>(row)];
    const auto at = read.find(known.folder.native());
    if (!same(runs[at->second], known)) {
      known = std::move(runs[at->second]);
      Q_EMIT dataChanged(index(row, 0), index(row, kColumns - 1));
    }
    read.erase(at);
  }
  if (!read.empty()) {  // new ones, newest first, in one insertion above the old ones
    std::vector<std::size_t> fresh;
    for (const auto& entry : read) fresh.push_back(entry.second);
    std::sort(fresh.begin(), fresh.end());
    beginInsertRows({}, 0, static_cast<int>(fresh.size()) - 1);
    std::vector<RunSummary> all;
    all.reserve(fresh.size() + runs_.size());
    for (const std::size_t i : fresh) all.push_back(std::move(runs[i]));
    std::move(runs_.begin(), runs_.end(), std::back_inserter(all));
    runs_ = std::move(all);
    endInsertRows();
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

bool RunsModel::isSecondUse(const QString& id) const { return colourIndex(id) / kHues % 2 == 1; }

QColor RunsModel::colour(const QString& id) const { return Theme::instance().curve(colourIndex(id)); }

void RunsModel::setShown(const QString& id, bool shown) {
  if (shown == isShown(id)) return;
  if (shown) hidden_.remove(id);
  else hidden_.insert(id);
  if (const int row = rowOf(id); row >= 0) Q_EMIT dataChanged(index(row, 0), index(row, kColumns - 1));
  Q_EMIT shownChanged(id);
}

void RunsModel::showOnly(const QSet<QString>& ids) {
  QSet<QString> hidden;
  for (const RunSummary& run : runs_)
    if (!ids.contains(idOf(run))) hidden.insert(idOf(run));
  if (hidden == hidden_) return;
  hidden_ = std::move(hidden);
  if (!runs_.empty()) Q_EMIT dataChanged(index(0, 0), index(rowCount() - 1, kColumns - 1));
  Q_EMIT shownChanged({});
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

void RunsModel::trash(const QStringList& ids) {
  std::vector<std::filesystem::path> folders;
  for (const QString& id : ids) {
    const int row = rowOf(id);
    if (row < 0) continue;
    folders.push_back(runs_[static_cast<std::size_t>(row)].folder);
    leaving_.insert(id);
    beginRemoveRows({}, row, row);
    runs_.erase(runs_.begin() + row);
    endRemoveRows();
  }
  if (folders.empty()) return;
  inBackground(
      this,
      [folders] {
        std::pair<std::vector<std::filesystem::path>, std::string> answer;
        for (const auto& folder : folders) {
          auto moved = trashRun(folder);
          if (moved) answer.first.push_back(*moved);
          else answer.second = moved.faults().text();
        }
        return answer;
      },
      [this, ids](std::pair<std::vector<std::filesystem::path>, std::string> answer) {
        for (const QString& id : ids) leaving_.remove(id);
        trashed_.insert(trashed_.end(), answer.first.begin(), answer.first.end());
        if (!answer.first.empty()) Q_EMIT trashed(static_cast<int>(answer.first.size()));
        if (!answer.second.empty()) Q_EMIT problem(QString::fromStdString(answer.second));
        refresh();
      });
}

void RunsModel::restore(int count) {
  std::vector<std::filesystem::path> folders;
  for (; count > 0 && !trashed_.empty(); --count) {
    folders.push_back(std::move(trashed_.back()));
    trashed_.pop_back();
  }
  if (folders.empty()) return Q_EMIT problem(tr("Nothing was moved to the trash."));
  inBackground(
      this,
      [folders] {
        std::string wrong;
        for (const auto& folder : folders)
          if (auto back = restoreRun(folder); !back) wrong = back.faults().text();
        return wrong;
      },
      [this](const std::string& wrong) {
        if (!wrong.empty()) Q_EMIT problem(QString::fromStdString(wrong));
        refresh();
      });
}

void RunsModel::rename(const QString& id, const QString& name) {
  const int row = rowOf(id);
  if (row < 0) return;
  RunSummary& run = runs_[static_cast<std::size_t>(row)];
  const std::string wanted = name.trimmed().toStdString();
  if (wanted == run.name) return;
  if (wanted.empty()) return Q_EMIT problem(tr("A run needs a name."));
  run.name = wanted;
  Q_EMIT dataChanged(index(row, 0), index(row, kColumns - 1));
  inBackground(
      this,
      [folder = run.folder, wanted] {
        auto done = renameRun(folder, wanted);
        return done ? std::string() : done.faults().text();
      },
      [this](const std::string& wrong) {
        if (!wrong.empty()) Q_EMIT problem(QString::fromStdString(wrong));
        refresh();                                   // what stands in the file is what is shown
      });
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
    case Qt::EditRole: return index.column() == Name ? QVariant(QString::fromStdString(run->name)) : QVariant(textOf(*run, index.column()));
    case SortRole: return sortKey(*run, index.column());
    case FolderRole: return QString::fromStdString(run->folder.string());
    case IdRole: return id;
    case ColourRole: return colour(id);
    case SecondUseRole: return isSecondUse(id);
    case Qt::DecorationRole: return index.column() == Name ? QVariant(colour(id)) : QVariant();
    case Qt::CheckStateRole:
      return index.column() == Eye ? QVariant(isShown(id) ? Qt::Checked : Qt::Unchecked) : QVariant();
    case Qt::TextAlignmentRole:
      return QVariant(static_cast<int>((index.column() >= Active ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter));
    case Qt::ForegroundRole:
      if (index.column() == Against) {
        const double delta = equalLoss(*run) - equal_.value(baseline_, kNaN);
        if (std::isfinite(delta) && delta < 0) return Theme::instance().color(Tone::Accent);
      }
      if (index.column() == Status && (run->status == "failed" || run->status == "unreadable")) return Theme::instance().color(Tone::Danger);
      if (index.column() == Pattern || index.column() == Status || index.column() == Total) return Theme::instance().color(Tone::Muted);
      return isShown(id) ? QVariant() : QVariant(Theme::instance().color(Tone::Muted));
    case Qt::FontRole:
      if (index.column() == Pattern) return Theme::instance().code();
      if (index.column() == Equal && isShown(id)) {
        QFont strong = Theme::instance().body();
        strong.setWeight(QFont::DemiBold);
        return strong;
      }
      return index.column() == Name || index.column() == Status ? QVariant() : QVariant(Theme::instance().body());
    case Qt::ToolTipRole:
      if (index.column() == Status && !run->reason.empty()) return QString::fromStdString(run->reason);
      if (index.column() == Eye) return tr("Drawn in the plots or not (Space)");
      if (index.column() == Name) return tr("%1\nF2 renames").arg(QString::fromStdString(run->folder.string()));
      return QString::fromStdString(run->folder.string());
    default: return {};
  }
}

bool RunsModel::setData(const QModelIndex& index, const QVariant& value, int role) {
  const RunSummary* run = index.isValid() ? this->run(index.row()) : nullptr;
  if (!run) return false;
  if (index.column() == Name && role == Qt::EditRole) return rename(idOf(*run), value.toString()), true;
  if (index.column() != Eye || role != Qt::CheckStateRole) return false;
  setShown(idOf(*run), value.toInt() == Qt::Checked);
  return true;
}

QVariant RunsModel::headerData(int section, Qt::Orientation orientation, int role) const {
  if (orientation != Qt::Horizontal) return {};
  if (role == Qt::TextAlignmentRole) return static_cast<int>((section >= Active ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
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
  if (index.isValid() && index.column() == Name) flags |= Qt::ItemIsEditable;
  return flags;
}

}  // namespace serp::app
