// SPDX-License-Identifier: GPL-3.0-or-later
// From an empty canvas to a trained design by mouse and keys alone, in fewer than thirty gestures; undone to the empty canvas and redone.
#include <QFile>
#include <QPushButton>
#include <QtTest>

#include "engine/api/runs.h"
#include "engine/api/session.h"
#include "tests/app/support/design_window.h"

using namespace serp;
using namespace serp::app;
using namespace serp::test;

namespace {

/// What the three designs share, with the figures that keep a test short.
QString design(const QString& blocks) {
  return QStringLiteral("name: untitled\nmodel:\n  d_model: 128\n  blocks:\n") + blocks +
         QStringLiteral("train: {steps: 20, batch: 2, learning_rate: 2.0e-3}\ndata: {source: babel, context: 32}\n");
}

struct Hand : DesignWindow {
  Hand() : DesignWindow({}, [](const auto&... args) { return openSession(args...); }) {
    ++gestures;
    w.actions.trigger(QStringLiteral("design.new"));       // Ctrl+Shift+N
    empty = text();
  }
  /// A short run: nothing is selected, so the form shows all sections.
  void shorten() {
    key(Qt::Key_Escape);
    type("steps", "20");
    type("batch", "2");
    type("context", "32");
    canvas->setFocus();
  }
  QString empty;
};

/// The text is the expected one, it trains, and undo and redo go the whole way.
void finish(Hand& s, const QString& expected) {
  QCOMPARE(s.text(), expected);
  QVERIFY2(s.gestures < 30, qPrintable(QString::number(s.gestures)));
  qInfo("%d gestures, %d undo steps", s.gestures, s.undo().count());
  const QString file = s.w.folder.filePath(QStringLiteral("mine.yaml"));
  QVERIFY(s.w.design.saveAs(file));
  QFile saved(file);
  QVERIFY(saved.open(QIODevice::ReadOnly));
  QCOMPARE(QString::fromUtf8(saved.readAll()), expected);
  s.key(Qt::Key_Space);                                    // trains
  QVERIFY2(s.w.session.hasSession(), qUtf8Printable(s.told.join('\n')));
  QTRY_COMPARE_WITH_TIMEOUT(s.w.session.state(), RunState::Finished, 60000);
  QCOMPARE(s.w.session.series().steps().back().step, std::int64_t{20});
  QVERIFY(std::isfinite(s.w.session.series().steps().back().loss));
  const int steps = s.undo().count();
  for (int i = 0; i < steps; ++i) QTest::keyClick(s.canvas, Qt::Key_Z, Qt::ControlModifier);
  QCOMPARE(s.text(), s.empty);
  QVERIFY(!s.page->trainButton()->isEnabled());
  QVERIFY(s.canvas->designScene().canvasLayout().holes.size() == 1);
  for (int i = 0; i < steps; ++i) QTest::keyClick(s.canvas, Qt::Key_Z, Qt::ControlModifier | Qt::ShiftModifier);
  QCOMPARE(s.text(), expected);
  s.w.session.close();
}

}  // namespace

class TestAssemble : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void initTestCase() { Theme::instance().apply(*qApp); }

  /// Names typed, repeat by keys, its count by clicks, experts in the form.
  void moeMamba() {
    Hand s;
    s.add("mamba");
    s.add("switch");
    s.key(Qt::Key_Up, Qt::ShiftModifier);
    s.key(Qt::Key_G, Qt::ControlModifier);
    s.clickMore("model.blocks[0]");
    s.clickMore("model.blocks[0]");
    s.click("model.blocks[0].blocks[1]");
    s.key(Qt::Key_Return);
    s.type("experts", "8");
    s.shorten();
    finish(s, design("    - repeat: 4\n      blocks:\n        - {kind: mamba}\n        - {kind: switch_moe, experts: 8}\n"));
  }

  /// Dragged from the palette: the containers first, then into them.
  void parallelMoeMamba() {
    Hand s;
    s.dropKind("repeat", s.gap("model.blocks", 0));
    s.dropKind("parallel", s.gap("model.blocks[0].blocks", 0));
    s.dropKind("mamba", s.gap("model.blocks[0].blocks[0].parallel", 0));
    s.dropKind("switch_moe", s.gap("model.blocks[0].blocks[0].parallel", 1));
    s.type("experts", "8");
    s.shorten();
    finish(s, design("    - repeat: 2\n      blocks:\n        - parallel:\n            - {kind: mamba}\n            - {kind: switch_moe, experts: 8}\n"));
  }

  /// By keys alone: into the second Mamba's out_proj, a switch of eight experts.
  void innerMoeMamba() {
    Hand s;
    s.add("mamba");
    s.key(Qt::Key_D, Qt::ControlModifier);
    s.key(Qt::Key_Right);
    s.key(Qt::Key_Down);
    s.key(Qt::Key_Down);
    s.add("switch");
    s.key(Qt::Key_Return);
    s.type("experts", "8");
    s.shorten();
    finish(s, design("    - {kind: mamba}\n    - {kind: mamba, out_proj: {kind: switch_moe, experts: 8}}\n"));
  }
};

QTEST_MAIN(TestAssemble)
#include "tst_assemble.moc"
