// SPDX-License-Identifier: GPL-3.0-or-later
// Editing on the canvas: by drag, by keys and by name; one gesture is one undo step; what cannot be done is said and changes nothing.
#include <QClipboard>
#include <QDir>
#include <QFile>
#include <QImage>
#include <QLabel>
#include <QPushButton>
#include <QtTest>
#include <algorithm>
#include <ctime>

#include "app/canvas/minimap.h"
#include "app/pages/design/cost_bar.h"
#include "app/pages/design/design_differences.h"
#include "app/pages/design/diagram_export.h"
#include "app/pages/design/outline.h"
#include "app/pages/design/pinned.h"
#include "app/pages/design/yaml_editor.h"
#include "tests/app/support/design_window.h"

#include <QTableWidget>

using namespace serp;
using namespace serp::app;
using namespace serp::test;

namespace {

const QString kText = QStringLiteral(
    "# my design\nname: mine\nmodel:\n  d_model: 64          # narrow\n  blocks:\n    - repeat: 3\n      blocks:\n        - {kind: mamba}   # mixes\n"
    "        - kind: switch_moe\n          experts: 16\n    # the last\n    - {kind: dense_ffn}\ntrain: {steps: 20, batch: 2}\ndata: {context: 32}\n");
const QString kRepeat = QStringLiteral("model.blocks[0]"), kMamba = QStringLiteral("model.blocks[0].blocks[0]"), kMoe = QStringLiteral("model.blocks[0].blocks[1]"),
              kFfn = QStringLiteral("model.blocks[1]");

QString replaced(QString text, const QString& from, const QString& to) {
  if (text.count(from) != 1) qFatal("%s is not there once", qUtf8Printable(from));
  return text.replace(from, to);
}

}  // namespace

class TestCanvasEditor : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void initTestCase() { Theme::instance().apply(*qApp); }

  void dragFromThePaletteOntoAWire() {
    DesignWindow s(kText);
    s.dropKind("attention", s.gap("model.blocks", 1));
    QCOMPARE(s.text(), replaced(kText, "    # the last\n", "    - {kind: attention}\n    # the last\n"));
    QCOMPARE(s.page->selected(), QStringLiteral("model.blocks[1]"));
    s.dropKind("dense_ffn", s.gap("model.blocks[0].blocks", 1));
    QVERIFY(s.text().contains("# mixes\n        - {kind: dense_ffn}\n"));
    QCOMPARE(s.undo().count(), 2);
    s.undo().undo();
    s.undo().undo();
    QCOMPARE(s.text(), kText);
    QVERIFY(!s.canvas->isDragging());
  }

  void dragIntoASlotAndOut() {
    DesignWindow s(kText);
    const QString slot = kMamba + ".out_proj";
    s.dropKind("switch_moe", s.at(slot));
    QVERIFY2(s.text().contains("{kind: mamba, out_proj: {kind: switch_moe}}   # mixes"), qUtf8Printable(s.text()));
    QCOMPARE(s.page->selected(), slot);
    s.dropKind("parallel", s.at(slot));                   // a container fits no slot: it lands on the nearest wire
    QVERIFY(s.text().contains("parallel"));
    QVERIFY(s.text().contains("out_proj: {kind: switch_moe}"));
    s.undo().undo();
    s.click(slot);
    s.key(Qt::Key_Delete);
    QCOMPARE(s.text(), kText);
    s.drag(s.at(kFfn), s.at(kMamba + ".gate_proj"));      // a block of the design
    QVERIFY(s.text().contains("{kind: mamba, gate_proj: {kind: dense_ffn}}"));
    QVERIFY(!s.text().contains("- {kind: dense_ffn}"));
    s.drag(s.at(kMamba + ".gate_proj"), s.gap("model.blocks", 0));
    QVERIFY(s.text().contains("  blocks:\n    - {kind: dense_ffn}\n    - repeat: 3\n"));
    s.undo().undo();
    s.undo().undo();
    QCOMPARE(s.text(), kText);
  }

  void dragAlongTheSpine() {
    DesignWindow s(kText);
    s.drag(s.at(kMamba), s.gap("model.blocks", 2));
    QVERIFY(s.text().contains("    - {kind: dense_ffn}\n    - {kind: mamba}   # mixes\ntrain"));
    QCOMPARE(s.page->selected(), QStringLiteral("model.blocks[2]"));
    s.undo().undo();
    QCOMPARE(s.text(), kText);
    QCOMPARE(s.page->selected(), kMamba);                 // undo brings the selection back
    s.drag(s.at(kMamba), s.gap("model.blocks", 2), Qt::ControlModifier);   // Ctrl copies
    QCOMPARE(s.text().count("{kind: mamba}   # mixes"), 2);
    s.undo().undo();
    const QRectF frame = s.canvas->designScene().card(kRepeat)->card().rect;
    s.drag(s.canvas->mapFromScene(frame.topLeft() + QPointF(300, 20)), s.gap("model.blocks[0].blocks", 1));   // not into itself
    QVERIFY(!s.text().contains("blocks: []"));
    QCOMPARE(s.w.design.faultCount(), 0);
  }

  void escapePutsADragBack() {
    DesignWindow s(kText);
    QWidget* viewport = s.canvas->viewport();
    const QPoint from = s.at(kMamba), to = s.gap("model.blocks", 2);
    QTest::mousePress(viewport, Qt::LeftButton, {}, from);
    for (const QPoint& point : {from + (to - from) / 2, to}) {
      QMouseEvent move(QEvent::MouseMove, point, viewport->mapToGlobal(point), Qt::NoButton, Qt::LeftButton, {});
      QApplication::sendEvent(viewport, &move);
    }
    QVERIFY(s.canvas->isDragging());
    QCOMPARE(s.canvas->dropTarget().list, QStringLiteral("model.blocks"));
    s.key(Qt::Key_Escape);
    QVERIFY(!s.canvas->isDragging());
    QTest::mouseRelease(viewport, Qt::LeftButton, {}, to);
    QCOMPARE(s.text(), kText);
    QCOMPARE(s.page->selected(), kMamba);
    QCOMPARE(s.undo().count(), 0);
  }

  void rubberBandAndSeveral() {
    DesignWindow s(kText);
    const QRectF first = s.canvas->designScene().card(kMamba)->card().rect, second = s.canvas->designScene().card(kMoe)->card().rect;
    s.drag(s.canvas->mapFromScene(QPointF(2, first.top() - 6)), s.canvas->mapFromScene(QPointF(second.right() + 14, second.bottom() + 4)));
    QCOMPARE(s.page->selection(), QStringList({kMamba, kMoe}));
    s.key(Qt::Key_D, Qt::ControlModifier);
    QCOMPARE(s.text().count("kind: switch_moe"), 2);
    QCOMPARE(s.page->selection(), QStringList({"model.blocks[0].blocks[2]", "model.blocks[0].blocks[3]"}));
    s.undo().undo();
    s.click(kMamba);
    s.click(kFfn, Qt::ControlModifier);
    QCOMPARE(s.page->selection(), QStringList({kMamba, kFfn}));
    s.key(Qt::Key_Delete);
    QVERIFY(!s.text().contains("mamba") && !s.text().contains("dense_ffn") && !s.text().contains("the last"));
    s.undo().undo();
    QCOMPARE(s.text(), kText);
  }

  void cutCopyPasteBetweenDesigns() {
    DesignWindow s(kText);
    s.click(kMamba);
    s.click(kMoe, Qt::ShiftModifier);
    s.key(Qt::Key_C, Qt::ControlModifier);
    QCOMPARE(QGuiApplication::clipboard()->text(), QStringLiteral("- {kind: mamba}   # mixes\n- kind: switch_moe\n  experts: 16\n"));
    s.w.design.setDesign("name: other\nmodel: {d_model: 32, blocks: []}\n");
    QVERIFY(s.page->selection().isEmpty());
    s.key(Qt::Key_V, Qt::ControlModifier);
    QCOMPARE(s.text(), QStringLiteral("name: other\nmodel: {d_model: 32, blocks: [{kind: mamba}, {kind: switch_moe, experts: 16}]}\n"));
    QCOMPARE(s.page->selection().size(), 2);
    for (const char* foreign : {"hello world", "- 3", "https://example.org/a?b=[1]", "{", ""}) {
      const QString before = s.text();
      s.told.clear();
      QGuiApplication::clipboard()->setText(foreign);
      s.key(Qt::Key_V, Qt::ControlModifier);
      QCOMPARE(s.text(), before);
      QVERIFY2(s.told.size() == 1 && s.told.front().contains("clipboard holds no blocks"), foreign);
    }
    s.click("model.blocks[0]");
    s.key(Qt::Key_X, Qt::ControlModifier);
    QCOMPARE(s.text(), QStringLiteral("name: other\nmodel: {d_model: 32, blocks: [{kind: switch_moe, experts: 16}]}\n"));
    s.key(Qt::Key_V, Qt::ControlModifier);
    QVERIFY(s.text().contains("[{kind: switch_moe, experts: 16}, {kind: mamba}]"));
  }

  void keysMoveAlongTheWire() {
    DesignWindow s(kText);
    s.click(kFfn);
    const QString up[] = {"model.blocks[0].blocks[2]", "model.blocks[0].blocks[1]", "model.blocks[0].blocks[0]", "model.blocks[0]"};
    for (const QString& path : up) {
      s.key(Qt::Key_Up, Qt::ControlModifier);
      QCOMPARE(s.page->selected(), path);
      QCOMPARE(s.canvas->designScene().card(path)->card().title, QStringLiteral("dense_ffn"));
    }
    s.key(Qt::Key_Up, Qt::ControlModifier);               // the top: nothing moves
    QCOMPARE(s.undo().count(), 4);
    for (int i = 0; i < 4; ++i) s.key(Qt::Key_Down, Qt::ControlModifier);
    QCOMPARE(s.text(), kText);
    QCOMPARE(s.page->selected(), kFfn);
  }

  void bypassWrapUnwrapCount() {
    DesignWindow s(kText);
    s.click(kMamba);
    const QString active = s.page->costs()->figure(1);
    s.key(Qt::Key_B);
    QVERIFY(s.text().contains("{kind: mamba, bypass: true}"));
    QVERIFY(s.canvas->designScene().card(kMamba)->card().bypassed);
    QVERIFY(s.page->costs()->figure(1) != active);
    s.key(Qt::Key_B);
    QCOMPARE(s.text(), kText);
    s.click(kRepeat);                                     // a repeat stands for the blocks in it
    s.key(Qt::Key_B);
    QCOMPARE(s.text().count("bypass: true"), 2);
    s.undo().undo();
    s.click(kMamba);
    s.click(kMoe, Qt::ShiftModifier);
    s.key(Qt::Key_G, Qt::ControlModifier | Qt::ShiftModifier);
    QVERIFY(s.text().contains("        - parallel:\n            - {kind: mamba}   # mixes\n            - kind: switch_moe\n              experts: 16\n"));
    QCOMPARE(s.page->selected(), kMamba);
    s.key(Qt::Key_U, Qt::ControlModifier);
    QCOMPARE(s.text(), kText);
    s.clickMore(kRepeat);
    s.clickMore(kRepeat);
    QVERIFY(s.text().contains("repeat: 5"));
    QCOMPARE(s.canvas->designScene().card(kRepeat)->card().count, 5);
  }

  void typedPatterns() {
    DesignWindow s(kText);
    QCOMPARE(s.page->patternField()->text(), QStringLiteral("(ME)3-"));
    s.page->patternField()->setFocus();
    s.page->patternField()->selectAll();
    QTest::keyClicks(s.page->patternField(), "(MEM)2*");
    QTest::keyClick(s.page->patternField(), Qt::Key_Return);
    QVERIFY2(s.text().contains("    - repeat: 2\n      blocks:\n        - {kind: mamba}   # mixes\n        - kind: switch_moe\n          experts: 16\n        - {kind: mamba}   # mixes\n    - {kind: attention}\n"), qUtf8Printable(s.text()));
    QVERIFY(s.text().endsWith("train: {steps: 20, batch: 2}\ndata: {context: 32}\n"));
    const QString before = s.text();
    s.page->patternField()->setFocus();
    s.page->patternField()->selectAll();
    QTest::keyClicks(s.page->patternField(), "(M");
    QTest::keyClick(s.page->patternField(), Qt::Key_Return);
    QCOMPARE(s.text(), before);
    QVERIFY(s.told.back().contains("not closed"));
  }

  void anEmptyDesignCannotTrainAndSaysWhy() {
    DesignWindow s(kText);
    s.w.actions.trigger("design.new");
    QVERIFY(s.text().contains("blocks: []"));
    QVERIFY(!s.page->trainButton()->isEnabled());
    QVERIFY2(s.page->trainButton()->toolTip().contains("at least one block"), qUtf8Printable(s.page->trainButton()->toolTip()));
    QCOMPARE(s.canvas->designScene().canvasLayout().holes.size(), std::size_t(1));
    s.add("mamba");
    QVERIFY(s.page->trainButton()->isEnabled());
    s.key(Qt::Key_Delete);
    QVERIFY(!s.page->trainButton()->isEnabled());
    s.key(Qt::Key_Z, Qt::ControlModifier);
    QVERIFY(s.page->trainButton()->isEnabled());
    s.add("repeat");                                      // a container is filled where it stands
    QVERIFY(!s.page->trainButton()->isEnabled());
    s.add("switch");
    QVERIFY(s.text().contains("    - repeat: 2\n      blocks:\n        - {kind: switch_moe}\n"));
    QVERIFY(s.page->trainButton()->isEnabled());
  }

  void halfTypedTextKeepsTheCanvas() {
    DesignWindow s(kText);
    const auto cards = s.canvas->designScene().canvasLayout().cards.size();
    s.w.design.setText(kText + "  - {");
    s.w.design.parseNow();
    QVERIFY(s.w.design.faultCount() > 0);
    QCOMPARE(s.canvas->designScene().canvasLayout().cards.size(), cards);
    s.click(kMamba);
    s.key(Qt::Key_Delete);                                // nothing is edited behind the back of a text that cannot be read
    QCOMPARE(s.text(), kText + "  - {");
    QVERIFY(!s.told.isEmpty());
  }

  void severalOfAKindInOneForm() {
    DesignWindow s(replaced(kText, "    - {kind: dense_ffn}", "    - {kind: switch_moe, experts: 4}"));
    s.click(kMoe);
    s.click(kFfn, Qt::ControlModifier);
    const auto label = [&](const char* row) { return s.page->form()->row(row)->findChild<QLabel*>()->text(); };
    QVERIFY2(label("experts").contains(QStringLiteral("≠")), qUtf8Printable(label("experts")));   // 16 and 4
    QVERIFY(!label("d_expert").contains(QStringLiteral("≠")));
    s.type("experts", "32");
    QVERIFY(!label("experts").contains(QStringLiteral("≠")));
    QVERIFY(s.text().contains("          experts: 32\n") && s.text().contains("{kind: switch_moe, experts: 32}"));
    QCOMPARE(s.undo().count(), 1);
    QCOMPARE(s.page->selection().size(), 2);
    s.page->canvasEditor()->unsetKey(kFfn + ".experts");
    QVERIFY(s.text().contains("- {kind: switch_moe}\n"));
  }

  void outlineMirrorsTheCanvas() {
    DesignWindow s(kText);
    Outline* outline = s.page->outline();
    QStringList ids, items;
    for (const CanvasCard& card : s.canvas->designScene().canvasLayout().cards) ids << card.id;
    for (QTreeWidgetItemIterator it(outline); *it; ++it) items << (*it)->data(0, Qt::UserRole).toString();
    QCOMPARE(items, ids);
    QVERIFY(outline->item(kRepeat)->text(0).contains("× 3"));
    QVERIFY(outline->item(kMoe)->data(0, Qt::AccessibleTextRole).toString().contains("16 experts"));
    s.click(kMoe);
    QVERIFY(outline->item(kMoe)->isSelected());
    outline->setCurrentItem(outline->item(kMamba));
    QCOMPARE(s.page->selected(), kMamba);
    QTest::keyClick(outline, Qt::Key_Delete);
    QVERIFY(!s.text().contains("mamba"));
  }

  void foldAndMinimap() {
    DesignWindow s(kText);
    s.click(kMamba);
    const double tall = s.canvas->designScene().canvasLayout().size.height();
    s.key(Qt::Key_Left, Qt::ControlModifier);
    QVERIFY(s.canvas->designScene().card(kMamba)->card().folded);
    QVERIFY(s.canvas->designScene().canvasLayout().size.height() < tall - 100);
    s.key(Qt::Key_Right, Qt::ControlModifier);
    QCOMPARE(s.canvas->designScene().canvasLayout().size.height(), tall);
    s.clickScene(s.canvas->designScene().card(kRepeat)->foldBox().center());
    QVERIFY(!s.canvas->designScene().card(kMamba));
    QCOMPARE(s.text(), kText);                            // folding is no edit
    QVERIFY(!s.canvas->minimap()->isVisible());
    QString text = "name: long\nmodel:\n  d_model: 64\n  blocks:\n";
    for (int i = 0; i < 20; ++i) text += "    - {kind: mamba}\n    - {kind: switch_moe, experts: 4}\n";
    s.w.design.setDesign(text);
    QVERIFY(s.canvas->minimap()->isVisible());
    QTest::mouseClick(s.canvas->minimap(), Qt::LeftButton, {}, QPoint(40, s.canvas->minimap()->height() - 6));
    QVERIFY(s.canvas->mapToScene(s.canvas->viewport()->rect()).boundingRect().bottom() > s.canvas->designScene().sceneRect().height() - 200);
  }

  void equaliseWithAPinnedDesign() {
    DesignWindow s(kText);
    s.w.design.open("start/moe_mamba");
    QVERIFY(s.page->pinned()->pinPreset("start/mamba"));
    QPushButton* button = s.page->costs()->equaliseButton();
    QVERIFY(button->isVisible() && button->isEnabled());
    const QString before = s.text();
    const auto target = s.page->pinned()->plan()->nonEmbeddingActive;
    QTest::mouseClick(button, Qt::LeftButton);
    QVERIFY(s.text().contains("d_expert: "));
    QVERIFY(std::abs(static_cast<double>(s.w.design.plan()->nonEmbeddingActive - target)) < 2 * 4 * 128 * 2);   // two units of width in four layers
    QVERIFY(!button->isEnabled());
    QVERIFY(s.told.back().contains("384 → "));
    s.undo().undo();
    QCOMPARE(s.text(), before);
  }

  void differencesSideBySide() {
    DesignWindow s(kText);
    DesignDifferences window(*s.w.design.spec());
    QVERIFY(window.compareWith("start/parallel_moe_mamba"));
    QStringList signs;
    for (int i = 0; i < window.table()->rowCount(); ++i) signs << window.table()->item(i, 0)->text() + window.table()->item(i, 1)->text().trimmed() + "|" + window.table()->item(i, 2)->text().trimmed();
    QVERIFY2(signs.contains(QStringLiteral("≠Repeat|Repeat")) && signs.contains(QStringLiteral("−Parallel|")) && signs.contains(QStringLiteral("+|dense_ffn")), qUtf8Printable(signs.join('\n')));
    QVERIFY(!window.compareWith("no/such/design"));
  }

  void diagramsAsFiles() {
    QTemporaryDir folder;
    const Plan plan = planRun(loadRunSpec("start/inner_moe_mamba").value()).value();
    const struct { const char *file, *begins; } formats[] = {{"a.svg", "<svg"}, {"a.pdf", "%PDF"}, {"a.png", "\x89PNG"}};
    for (const auto& format : formats) {
      QString error;
      QVERIFY2(writeDiagram(plan, folder.filePath(format.file), &error), qUtf8Printable(error));
      QFile file(folder.filePath(format.file));
      QVERIFY(file.open(QIODevice::ReadOnly));
      QVERIFY(file.readAll().startsWith(format.begins));
      QVERIFY(!writeDiagram(plan, folder.filePath(QStringLiteral("none/") + format.file), &error));
      QVERIFY(!error.isEmpty());
    }
    const QImage picture(folder.filePath("a.png"));
    QCOMPARE(picture.width(), 1360);
    int inked = 0;
    for (int x = 0; x < picture.width(); ++x) inked += picture.pixelColor(x, 60).lightness() < 100;
    QVERIFY(inked > 20);                                  // the title is there
  }

  void sixtyBlocksRepaintInAFrame() {
    QString text = "name: sixty\nmodel:\n  d_model: 128\n  blocks:\n";
    for (int i = 0; i < 30; ++i) text += "    - {kind: mamba}\n    - {kind: switch_moe, experts: 16}\n";
    DesignWindow s(text);
    s.click("model.blocks[2]");
    // The time of this thread: what else the machine does is not the program's.
    const auto spent = [] {
      timespec now{};
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
      return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) * 1e-6;
    };
    std::vector<double> edits, paints;
    for (int i = 0; i < 20; ++i) {
      const double start = spent();
      s.key(i % 2 ? Qt::Key_Up : Qt::Key_Down, Qt::ControlModifier);
      const double edited = spent();
      s.canvas->viewport()->repaint();
      paints.push_back(spent() - edited);
      edits.push_back(edited - start);
    }
    QCOMPARE(s.undo().count(), 20);
    std::sort(edits.begin(), edits.end());
    std::sort(paints.begin(), paints.end());
    qInfo("60 blocks, ms of this thread: edit to new layout median %.1f, worst %.1f; canvas repaint median %.1f, worst %.1f; layout alone %.2f", edits[10], edits.back(), paints[10], paints.back(), s.canvas->lastLayoutMs());
  }

  /// For people: SERP_PICTURES=DIR writes the page while it is edited.
  void pictures() {
    const QString folder = qEnvironmentVariable("SERP_PICTURES");
    if (folder.isEmpty()) QSKIP("SERP_PICTURES is not set: no pictures are written");
    QDir().mkpath(folder);
    QString sixty = "name: sixty\nmodel:\n  d_model: 128\n  blocks:\n";
    for (int i = 0; i < 30; ++i) sixty += "    - {kind: mamba}\n    - {kind: switch_moe, experts: 16}\n";
    for (const QSize size : {QSize(1216, 752), QSize(1856, 1056), QSize(1036, 652)})
      for (const ThemeKind kind : {ThemeKind::Dark, ThemeKind::Light}) {
        Theme::instance().setKind(kind);
        const auto save = [&](DesignWindow& s, const char* name) {
          QTest::qWait(60);
          QVERIFY(s.window.grab().save(QStringLiteral("%1/%2-%3-%4.png").arg(folder, name).arg(size.width() + 64).arg(kind == ThemeKind::Dark ? "dark" : "light")));
        };
        DesignWindow s(kText, fakeOpener(), size);
        s.w.design.open("start/moe_mamba");
        QMimeData mime;
        mime.setData(QLatin1String(kKindMime), "switch_moe");
        const QPoint slot = s.at(QStringLiteral("model.blocks[0].blocks[0].out_proj"));
        QDragEnterEvent enter(slot, Qt::CopyAction, &mime, Qt::LeftButton, {});
        QApplication::sendEvent(s.canvas->viewport(), &enter);
        QDragMoveEvent move(slot, Qt::CopyAction, &mime, Qt::LeftButton, {});
        QApplication::sendEvent(s.canvas->viewport(), &move);
        save(s, "drag-slot");
        const QPoint wire = s.gap(QStringLiteral("model.blocks[0].blocks"), 1);
        QDragMoveEvent over(wire, Qt::CopyAction, &mime, Qt::LeftButton, {});
        QApplication::sendEvent(s.canvas->viewport(), &over);
        save(s, "drag-wire");
        QDragLeaveEvent leave;
        QApplication::sendEvent(s.canvas->viewport(), &leave);
        s.click(QStringLiteral("model.blocks[0].blocks[0]"));
        s.search("m");
        save(s, "search");
        QTest::keyClick(s.canvas->search()->field(), Qt::Key_Escape);
        s.key(Qt::Key_B);
        s.page->pinned()->pinPreset("start/mamba");
        s.click(QStringLiteral("model.blocks[0].blocks[1]"), Qt::ShiftModifier);
        save(s, "pinned-bypass");
        s.page->openEmpty();
        save(s, "empty");
        s.w.design.setDesign(sixty);
        s.click("model.blocks[1]");
        save(s, "sixty");
        s.w.design.open("start/parallel_moe_mamba");
        s.canvas->foldAll(true);
        save(s, "folded");
        s.w.design.setDesign("name: faulty\nmodel:\n  d_model: 100\n  blocks:\n    - {kind: attention, heads: 7}\n    - repeat: 2\n      blocks: []\n");
        save(s, "faults");
      }
    Theme::instance().setKind(ThemeKind::Dark);
  }
};

QTEST_MAIN(TestCanvasEditor)
#include "tst_canvas_editor.moc"
