// SPDX-License-Identifier: GPL-3.0-or-later
// Text by expert: the probe text coloured by the first-choice expert of one layer, with chips to pin experts.
#pragma once

#include <QVector>

#include "app/routing_views/routing_view.h"

class QComboBox;
class QLineEdit;
class QPushButton;

namespace serp::app {

class ExpertChips;
class TextCanvas;

class TextByExpert final : public RoutingView {
  Q_OBJECT
 public:
  explicit TextByExpert(const RoutingContext& context);
  void refresh() override;
  void showCursor() override;
  QString caption() const override;
  QString subtitle() const override;
  QString csv() const override;
  std::vector<QWidget*> headerWidgets() override;
  TextCanvas* canvas() const { return canvas_; }

 private:
  void fill();
  const RoutedText* text() const { return history().text(); }
  ExpertChips* chips_;
  TextCanvas* canvas_;
  QComboBox* layers_;
  QPushButton* own_;
  QLineEdit* ownText_;
  QVector<int> pinned_;
  std::shared_ptr<const RoutedText> shown_;
  int shownLayer_ = -1, pinnedOf_ = 0;
};

}  // namespace serp::app
