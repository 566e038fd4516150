// SPDX-License-Identifier: GPL-3.0-or-later
// How far a run is: a 4 px track with a tick per live edit and a dot per checkpoint.
#pragma once

#include <QWidget>
#include <vector>

namespace serp::app {

class ProgressStrip final : public QWidget {
  Q_OBJECT
 public:
  explicit ProgressStrip(QWidget* parent = nullptr);
  void setProgress(qint64 done, qint64 budget);
  void setMarks(std::vector<qint64> edits, std::vector<qint64> saves);
  QSize sizeHint() const override { return {176, 24}; }

 protected:
  void paintEvent(QPaintEvent* event) override;

 private:
  qint64 done_ = 0, budget_ = 0;
  std::vector<qint64> edits_, saves_;
};

}  // namespace serp::app
