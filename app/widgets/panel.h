// SPDX-License-Identifier: GPL-3.0-or-later
// A panel: a bordered frame with a 32 px header (title, subtitle, widgets at the right) and a body.
#pragma once

#include <QFrame>

class QHBoxLayout;
class QLabel;
class QVBoxLayout;

namespace serp::app {

class Panel : public QFrame {
  Q_OBJECT
 public:
  explicit Panel(const QString& title, const QString& subtitle = {}, QWidget* parent = nullptr);
  void setTitle(const QString& title);
  void setSubtitle(const QString& subtitle);       ///< elided when the header is narrow
  void addHeaderWidget(QWidget* widget);           ///< right side of the header, from left to right
  /// The body, with margins of 12 (0 after setBody). Add widgets to it.
  QVBoxLayout* body() const { return body_; }
  void setBody(QWidget* widget);                   ///< one widget that fills the body without margins

 private:
  QLabel* title_;
  QLabel* subtitle_;
  QHBoxLayout* header_;
  QVBoxLayout* body_;
};

}  // namespace serp::app
