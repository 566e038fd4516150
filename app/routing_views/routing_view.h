// SPDX-License-Identifier: GPL-3.0-or-later
// What a routing view is, and the list of all of them.
#pragma once

#include <QString>
#include <QWidget>
#include <functional>
#include <vector>

#include "app/pages/picture.h"
#include "app/routing_views/routing_history.h"
#include "app/session/cursor.h"

namespace serp::app {

/// What every view draws from. Plain pointers; the page owns or borrows what they point to.
struct RoutingContext {
  RoutingHistory* history = nullptr;
  Cursor* cursor = nullptr;
  std::function<bool(const QString&)> probe;     ///< routes a text of the user's; false: no live session
};

/// A view follows the history and the cursor. The page calls it only while it is visible, at most a few times a second.
class RoutingView : public QWidget {
  Q_OBJECT
 public:
  explicit RoutingView(RoutingContext context, QWidget* parent = nullptr) : QWidget(parent), context_(std::move(context)) {}
  virtual void refresh() = 0;                    ///< the history grew or changed
  virtual void showCursor() = 0;                 ///< the cursor moved
  virtual QString caption() const = 0;           ///< one sentence, computed from what is shown
  virtual QString subtitle() const { return {}; }
  virtual QString csv() const = 0;               ///< the numbers behind the picture, full precision
  virtual bool exportPicture(const QString& file, QString* error) { return writePicture(*this, file, error); }  ///< PNG, SVG or PDF
  virtual std::vector<QWidget*> headerWidgets() { return {}; }

 protected:
  RoutingHistory& history() const { return *context_.history; }
  Cursor& cursor() const { return *context_.cursor; }
  RoutingContext context_;
};

/// One line per view in registry.cpp. (Static registrars would be dropped by the linker: serp_app is a static library.)
struct RoutingViewInfo {
  QString id, title;
  QString definition;                            ///< shown over the header: what the numbers are, and what they are compared with
  int column = 0, narrow = 0;                    ///< of three in wide windows, of two in narrow ones; in the order of the list
  int height = 200;                              ///< smallest useful height
  int stretch = 1;
  std::function<RoutingView*(const RoutingContext&)> make;
};
const std::vector<RoutingViewInfo>& routingViews();

}  // namespace serp::app
