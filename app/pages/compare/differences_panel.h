// SPDX-License-Identifier: GPL-3.0-or-later
// Differences of two runs' settings: changed, added and removed keys of resolved.yaml.
#pragma once

#include "app/pages/compare/shown_run.h"
#include "app/widgets/panel.h"

class QTreeWidget;
class QLabel;

namespace serp::app {

struct Difference {
  enum class Kind { Changed, Added, Removed };
  Kind kind = Kind::Changed;
  QString key, before, after;
};
/// Keys in the order of the second list, removed ones at the end of their neighbourhood. `alike` counts equal keys.
std::vector<Difference> differences(const std::vector<std::pair<QString, QString>>& a, const std::vector<std::pair<QString, QString>>& b, int* alike = nullptr);

class DifferencesPanel final : public Panel {
  Q_OBJECT
 public:
  explicit DifferencesPanel(QWidget* parent = nullptr);
  void setRuns(const ShownRun* a, const ShownRun* b);    ///< null: says what to select
  int rows() const;                                      ///< differing keys shown
  QString csv() const;

 private:
  QTreeWidget* list_;
  QLabel* hint_;
  std::vector<Difference> shown_;
};

}  // namespace serp::app
