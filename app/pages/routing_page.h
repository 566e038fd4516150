// SPDX-License-Identifier: GPL-3.0-or-later
// The Routing page: load over steps, balance, text by expert, and the state at the cursor, all following one cursor.
#pragma once

#include <memory>
#include <vector>

#include "app/pages/page.h"
#include "app/style/theme.h"
#include "engine/api/telemetry.h"

class QComboBox;
class QLabel;
class QPushButton;
class QStackedWidget;
class QTimer;

namespace serp::app {

class Caption;
class RoutingHistory;
class RoutingView;

/// Shows the run of workspace.session (live or opened). Keys: left and right step, up and down expert, PgUp
/// and PgDn layer, Tab and Shift+Tab token, Esc lets go of expert and token.
class RoutingPage final : public Page {
  Q_OBJECT
 public:
  explicit RoutingPage(Workspace& workspace, QWidget* parent = nullptr);
  ~RoutingPage() override;
  QWidget* topBar() override { return topBar_; }
  QString statusText() const override;
  const std::vector<RoutingView*>& views() const { return views_; }
  RoutingHistory& history() { return *history_; }
  /// Writes one PNG and one CSV per view into a folder. Empty: done, else what went wrong.
  QString exportAll(const QString& folder);

 protected:
  void showEvent(QShowEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;
  bool focusNextPrevChild(bool next) override;
  bool eventFilter(QObject* object, QEvent* event) override;
  void keyPressEvent(QKeyEvent* event) override;

 private:
  void buildTopBar();
  void buildColumns();
  void arrange();
  void take();
  void showCursor();
  void moveStep(int by);
  void fillRuns();
  void registerActions();
  void askExport();
  bool handleKey(int key, Qt::KeyboardModifiers modifiers);

  /// All that the views draw, but for the cursor. Pointers are held, so that an address cannot come back as another frame.
  struct Seen {
    int generation = -1;
    std::size_t frames = 0, events = 0;
    std::shared_ptr<const RoutingFrame> last;
    std::shared_ptr<const RoutedText> text;
    ThemeKind theme = ThemeKind::Dark;
    bool operator==(const Seen&) const = default;
  };

  std::unique_ptr<RoutingHistory> history_;
  Seen seen_;
  std::vector<RoutingView*> views_;
  std::vector<QWidget*> panels_;
  std::vector<Caption*> captions_;
  QWidget* topBar_ = nullptr;
  QLabel *stepChip_ = nullptr, *layerChip_ = nullptr, *expertChip_ = nullptr, *tokenChip_ = nullptr;
  QPushButton* follow_ = nullptr;
  QComboBox* runs_ = nullptr;
  QStackedWidget* stack_ = nullptr;
  QWidget* columns_ = nullptr;
  QLabel* empty_ = nullptr;
  QTimer *settle_ = nullptr, *moved_ = nullptr;
  int arranged_ = 0;
  bool stale_ = true;
};

}  // namespace serp::app
