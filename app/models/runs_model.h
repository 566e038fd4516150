// SPDX-License-Identifier: GPL-3.0-or-later
// The runs of one folder as a table, read in the background, with a fixed colour and an eye for each run.
#pragma once

#include <QAbstractTableModel>
#include <QColor>
#include <QHash>
#include <QSet>
#include <QStringList>
#include <QTimer>
#include <filesystem>
#include <vector>

#include "engine/api/runs.h"

namespace serp::app {

/// GUI thread only; the folder is read in the pool. Refreshes by timer only while somebody looks (setWatching).
class RunsModel final : public QAbstractTableModel {
  Q_OBJECT
 public:
  enum Column { Eye, Name, Pattern, Status, Active, Total, Steps, Tokens, Speed, Best, Last, Equal, Against, kColumns };
  enum Role { SortRole = Qt::UserRole, FolderRole, IdRole, ColourRole, SecondUseRole };

  explicit RunsModel(std::filesystem::path folder = defaultRunsFolder(), QObject* parent = nullptr);
  const std::filesystem::path& folder() const { return folder_; }
  void setFolder(const std::filesystem::path& folder);
  void setWatching(bool watching);             ///< reads now and every two seconds
  void refresh();                              ///< asks for a reading; returns at once

  const std::vector<RunSummary>& runs() const { return runs_; }
  const RunSummary* run(int row) const;
  int rowOf(const QString& id) const;
  static QString idOf(const RunSummary& run);  ///< the id, or the folder's name where there is none
  int colourIndex(const QString& id) const;    ///< fixed for the life of the model; seeds of one design share theirs
  QColor colour(const QString& id) const;
  bool isSecondUse(const QString& id) const;   ///< the eight hues are all taken: this one serves another design as well
  bool isShown(const QString& id) const { return !hidden_.contains(id); }
  void setShown(const QString& id, bool shown);
  void showOnly(const QSet<QString>& ids);     ///< one signal for all: shownChanged with an empty id

  /// Losses at the same number of tokens, computed by the page from the curves; `tokens` names the column.
  void setEqualTokens(double tokens, const QHash<QString, double>& losses);
  void setBaseline(const QString& id);
  const QString& baseline() const { return baseline_; }

  /// Moves runs to the trash folder beside them. Their rows go at once, the folders in the background; trashed() or problem() follows.
  void trash(const QStringList& ids);
  void restore(int count = 1);                 ///< brings the last ones back
  int restorable() const { return static_cast<int>(trashed_.size()); }
  /// Writes another name into a run that has ended, in the background; the row shows it at once. On a refusal: problem().
  void rename(const QString& id, const QString& name);

  int rowCount(const QModelIndex& parent = {}) const override;
  int columnCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;
  bool setData(const QModelIndex& index, const QVariant& value, int role) override;
  QVariant headerData(int section, Qt::Orientation orientation, int role) const override;
  Qt::ItemFlags flags(const QModelIndex& index) const override;

 Q_SIGNALS:
  void loaded();                               ///< a reading arrived, changed or not
  void shownChanged(const QString& id);
  void trashed(int count);                     ///< so many runs are in the trash now
  void problem(const QString& sentence);       ///< a run could not be moved or renamed; it is as it was

 private:
  void take(std::vector<RunSummary> runs);
  QVariant textOf(const RunSummary& run, int column) const;
  QVariant sortKey(const RunSummary& run, int column) const;
  double equalLoss(const RunSummary& run) const;

  std::filesystem::path folder_;
  std::vector<RunSummary> runs_;
  QHash<QString, int> colours_;
  QHash<QString, int> designs_;                ///< colour of "name, pattern, size, how many runs with this seed came before"
  QHash<QString, int> seeds_;                  ///< how many runs of a design and a seed have come
  QSet<QString> hidden_;
  QHash<QString, double> equal_;
  double equalTokens_ = 0;
  QString baseline_;
  std::vector<std::filesystem::path> trashed_;
  QSet<QString> leaving_;                      ///< on their way to the trash: a reading under way may still list them
  QTimer timer_;
  quint64 wanted_ = 0;
  bool reading_ = false;
};

}  // namespace serp::app
