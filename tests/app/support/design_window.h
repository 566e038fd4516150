// SPDX-License-Identifier: GPL-3.0-or-later
// The Design page in a window, with a hand that clicks, drags and types on it, and counts what it did.
#pragma once

#include <QDragEnterEvent>
#include <QDropEvent>
#include <QLineEdit>
#include <QMimeData>
#include <QVBoxLayout>
#include <QtTest>

#include "app/canvas/block_search.h"
#include "app/canvas/canvas_editor.h"
#include "app/canvas/canvas_view.h"
#include "app/canvas/card_item.h"
#include "app/canvas/design_scene.h"
#include "app/models/catalog_model.h"
#include "app/pages/design/block_form.h"
#include "app/pages/design/number_field.h"
#include "app/pages/design/param_row.h"
#include "app/pages/design_page.h"
#include "tests/app/support/test_workspace.h"

namespace serp::test {

/// Every public gesture counts as one: a word typed, a key or chord pressed, a click, a drag.
struct DesignWindow {
  explicit DesignWindow(const QString& text, app::SessionController::Opener opener = fakeOpener(), QSize size = {1216, 776}) : w(std::move(opener)) {
    if (!text.isEmpty()) w.design.setDesign(text);
    page = new app::DesignPage(w.workspace);
    window.setProperty("role", "page");
    window.setAttribute(Qt::WA_StyledBackground);
    auto* column = new QVBoxLayout(&window);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addWidget(page->topBar());
    column->addWidget(page, 1);
    window.resize(size);
    window.show();
    canvas = page->canvas();
    canvas->setFocus();
    if (!QTest::qWaitForWindowActive(&window)) qFatal("the window does not become active");
    QObject::connect(&w.notices, &app::Notices::posted, &window, [this](const app::Notice& notice) { told << notice.text; });
  }

  void key(Qt::Key key, Qt::KeyboardModifiers modifiers = {}) {
    ++gestures;
    QTest::keyClick(canvas, key, modifiers);
  }
  /// Types on the canvas: the first letter opens the search.
  void search(const QString& word) {
    ++gestures;
    QTest::keyClicks(canvas, word.left(1));
    if (!canvas->search()->isVisible()) qFatal("no search opened");
    QTest::keyClicks(canvas->search()->field(), word.mid(1));
  }
  void enter() {
    ++gestures;
    QTest::keyClick(canvas->search()->field(), Qt::Key_Return);
  }
  void add(const QString& word) {
    search(word);
    enter();
  }
  QPoint at(const QString& id) const {
    const app::CardItem* item = canvas->designScene().card(id);
    if (!item) qFatal("no card %s", qUtf8Printable(id));
    canvas->ensureVisible(item->card().rect, 8, 8);
    return canvas->mapFromScene(item->card().rect.topLeft() + QPointF(30, 12));
  }
  void click(const QString& id, Qt::KeyboardModifiers modifiers = {}) {
    ++gestures;
    QTest::mouseClick(canvas->viewport(), Qt::LeftButton, modifiers, at(id));
  }
  void clickScene(QPointF point) {
    ++gestures;
    QTest::mouseClick(canvas->viewport(), Qt::LeftButton, {}, canvas->mapFromScene(point));
  }
  void clickMore(const QString& repeat) { clickScene(canvas->designScene().card(repeat)->moreBox().center()); }
  void drag(QPoint from, QPoint to, Qt::KeyboardModifiers modifiers = {}) {
    ++gestures;
    QWidget* viewport = canvas->viewport();
    QTest::mousePress(viewport, Qt::LeftButton, {}, from);
    const auto move = [&](QPoint point) {
      QMouseEvent event(QEvent::MouseMove, point, viewport->mapToGlobal(point), Qt::NoButton, Qt::LeftButton, {});
      QApplication::sendEvent(viewport, &event);
    };
    move(from + (to - from) / 2);
    move(to);
    QTest::mouseRelease(viewport, Qt::LeftButton, modifiers, to);
  }
  /// The middle of a gap on the screen.
  QPoint gap(const QString& list, int index) const {
    for (const app::CanvasGap& g : canvas->designScene().canvasLayout().gaps)
      if (g.list == list && g.index == index) return canvas->mapFromScene(QPointF(g.left + 60, g.y));
    qFatal("no gap %d of %s", index, qUtf8Printable(list));
  }
  /// From the palette onto the canvas, as the platform's drag delivers it.
  void dropKind(const QString& kind, QPoint to) {
    ++gestures;
    QMimeData mime;
    mime.setData(QLatin1String(app::kKindMime), kind.toUtf8());
    QWidget* viewport = canvas->viewport();
    QDragEnterEvent enter(to, Qt::CopyAction, &mime, Qt::LeftButton, {});
    QApplication::sendEvent(viewport, &enter);
    QDragMoveEvent move(to, Qt::CopyAction, &mime, Qt::LeftButton, {});
    QApplication::sendEvent(viewport, &move);
    QDropEvent drop(to, Qt::CopyAction, &mime, Qt::LeftButton, {});
    QApplication::sendEvent(viewport, &drop);
  }
  /// A value of the form: click into the field, type, Enter.
  void type(const char* name, const QString& value) {
    gestures += 2;
    auto* field = qobject_cast<app::NumberField*>(page->form()->row(name)->field());
    if (!field) qFatal("no field %s", name);
    field->setFocus();
    field->selectAll();
    QTest::keyClicks(field, value);
    QTest::keyClick(field, Qt::Key_Return);
    w.design.parseNow();
  }
  QString text() const { return w.design.text(); }
  QUndoStack& undo() { return w.design.undoStack(); }

  TestWorkspace w;
  QWidget window;
  app::DesignPage* page = nullptr;
  app::CanvasView* canvas = nullptr;
  QStringList told;
  int gestures = 0;
};

}  // namespace serp::test
