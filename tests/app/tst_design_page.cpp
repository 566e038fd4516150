// SPDX-License-Identifier: GPL-3.0-or-later
// The Design page: gallery, selection, fields that change one value of the text, faults and their mending, and the way by keys alone.
#include <QComboBox>
#include <QDir>
#include <QLabel>
#include <QLineEdit>
#include <QListView>
#include <QPushButton>
#include <QSignalSpy>
#include <QSlider>
#include <QTextBlock>
#include <QTimer>
#include <QTreeView>
#include <QVBoxLayout>
#include <QWheelEvent>
#include <QtTest>

#include "app/canvas/canvas_view.h"
#include "app/canvas/card_item.h"
#include "app/canvas/design_scene.h"
#include "app/models/presets_model.h"
#include "app/pages/design/block_form.h"
#include "app/pages/design/cost_bar.h"
#include "app/pages/design/fault_strip.h"
#include "app/pages/design/gallery.h"
#include "app/canvas/canvas_editor.h"
#include "app/pages/design/number_field.h"
#include "app/pages/design/palette.h"
#include "app/pages/design/param_row.h"
#include "app/pages/design/yaml_editor.h"
#include "app/pages/design_page.h"
#include "tests/app/support/test_workspace.h"

using namespace serp;
using namespace serp::app;
using namespace serp::test;

namespace {

const QString kText = QStringLiteral(
    "# my design\nname: mine\nmodel:\n  d_model: 64          # narrow\n  blocks:\n    - repeat: 3\n      blocks:\n        - {kind: mamba}   # mixes\n"
    "        - kind: switch_moe\n          experts: 16\n          capacity_factor: 1.25\n    - {kind: dense_ffn}\ntrain: {steps: 20, batch: 2}\ndata: {context: 32}\n");
const QString kMamba = QStringLiteral("model.blocks[0].blocks[0]"), kMoe = QStringLiteral("model.blocks[0].blocks[1]");

/// The page under its bar in a window, as the program shows it.
struct Shown {
  explicit Shown(QSize size = {1216, 776}, const QString& text = kText) {
    w.design.setDesign(text);
    page = new DesignPage(w.workspace);
    window.setProperty("role", "page");
    window.setAttribute(Qt::WA_StyledBackground);
    auto* column = new QVBoxLayout(&window);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addWidget(page->topBar());
    column->addWidget(page, 1);
    window.resize(size);
    window.show();
    page->canvas()->setFocus();
    if (!QTest::qWaitForWindowActive(&window)) qFatal("the window does not become active");
  }
  void click(const QString& id) const {
    CanvasView* canvas = page->canvas();
    const QRectF rect = canvas->designScene().card(id)->card().rect;
    QTest::mouseClick(canvas->viewport(), Qt::LeftButton, {}, canvas->mapFromScene(rect.topLeft() + QPointF(40, 12)));
  }
  void setText(const QString& text) {
    w.design.setText(text);
    settle();
  }
  void settle() {
    if (!QTest::qWaitFor([&] { return w.design.isSettled(); })) qFatal("the design is not read");
  }
  void typeNumber(const char* name, const QString& value) const {
    auto* field = qobject_cast<NumberField*>(page->form()->row(name)->field());
    field->setFocus();
    field->selectAll();
    QTest::keyClicks(field, value);
    QTest::keyClick(field, Qt::Key_Return);
  }
  TestWorkspace w;
  QWidget window;
  DesignPage* page = nullptr;
};

QString replaced(QString text, const QString& from, const QString& to) {
  if (text.count(from) != 1) qFatal("%s is not there once", qUtf8Printable(from));
  return text.replace(from, to);
}

}  // namespace

class TestDesignPage : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void initTestCase() { Theme::instance().apply(*qApp); }

  void clickSelectsCardFormAndLines() {
    Shown s;
    s.click(kMoe);
    QCOMPARE(s.page->selected(), kMoe);
    QVERIFY(s.page->canvas()->designScene().card(kMoe)->isChosen());
    QCOMPARE(s.page->form()->shownId(), kMoe);
    QVERIFY(s.page->form()->row("experts") && s.page->form()->row("capacity_factor")->slider());
    QCOMPARE(s.page->editor()->markedLines(), std::make_pair(9, 11));
    s.click(QStringLiteral("head"));
    QVERIFY(s.page->form()->row("d_model"));
    QCOMPARE(s.page->editor()->markedLines().first, 0);
    s.click(QStringLiteral("model.blocks[0]"));
    QCOMPARE(qobject_cast<NumberField*>(s.page->form()->row("repeat")->field())->value(), 3.0);
    // And from the text: the line of the cursor selects its block.
    s.page->editor()->setFocus();
    s.page->editor()->goTo(8, 14);
    QCOMPARE(s.page->selected(), kMamba);
    s.page->editor()->goTo(12, 10);
    QCOMPARE(s.page->selected(), QStringLiteral("model.blocks[1]"));
  }

  void formShowsTheSchema() {
    Shown s;
    s.click(kMoe);
    BlockForm* form = s.page->form();
    for (const Param& param : findBlock("switch_moe")->schema) {
      ParamRow* row = form->row(QString::fromStdString(param.name));
      QVERIFY2(row, param.name.c_str());
      QStringList words;
      for (const QLabel* label : row->findChildren<QLabel*>()) words << label->text();
      QVERIFY2(words.contains(param.acts ? "acts now" : "next run"), param.name.c_str());
      if (!param.formula.empty()) QVERIFY(words.contains("= " + QString::fromStdString(param.formula).replace(" * ", " × ")));
      QVERIFY(row->toolTip().contains(QString::fromStdString(param.help)));
      QVERIFY(row->toolTip().contains(QString::fromStdString(param.rangeText())));
    }
    auto* derived = qobject_cast<NumberField*>(form->row("d_expert")->field());
    QVERIFY(derived->isDerived());
    QCOMPARE(derived->value(), 192.0);                    // 3 * d_model
    QVERIFY(!qobject_cast<NumberField*>(form->row("experts")->field())->isDerived());
    QCOMPARE(qobject_cast<NumberField*>(form->row("capacity_factor")->field())->text(), QStringLiteral("1.25"));
  }

  void aFieldChangesItsValueAndNothingElse() {
    Shown s;
    s.click(kMoe);
    s.typeNumber("experts", "8");
    QString expected = replaced(kText, "experts: 16", "experts: 8");
    QCOMPARE(s.w.design.text(), expected);
    QCOMPARE(s.page->editor()->toPlainText(), expected);
    s.settle();
    s.typeNumber("d_expert", "100");                      // typing makes a derived value explicit
    s.settle();
    QVERIFY(s.w.design.text() != expected);
    QCOMPARE(QString(s.w.design.text()).remove("d_expert: 100\n          "), expected);
    QVERIFY(!qobject_cast<NumberField*>(s.page->form()->row("d_expert")->field())->isDerived());
    s.page->form()->row("capacity_factor")->slider()->setValue(100);     // a quarter of 0..16
    QVERIFY(s.w.design.text().contains("capacity_factor: 4"));
    auto* activation = qobject_cast<QComboBox*>(s.page->form()->row("activation")->field());
    activation->setFocus();
    QTest::keyClicks(activation, "gelu");
    QTRY_VERIFY(s.w.design.text().contains("activation: gelu"));
    s.click(kMamba);
    s.typeNumber("d_state", "8");
    s.settle();
    QVERIFY(s.w.design.text().contains("- {kind: mamba, d_state: 8}   # mixes"));
    s.click(QStringLiteral("model.blocks[0]"));
    s.typeNumber("repeat", "5");
    s.settle();
    QVERIFY(s.w.design.text().contains("- repeat: 5\n"));
    QCOMPARE(s.page->canvas()->designScene().card("model.blocks[0]")->card().times, 5);
    const auto edits = s.w.design.undoStack().count();
    QVERIFY(edits >= 6);
    for (int i = 0; i < edits; ++i) s.w.design.undoStack().undo();
    QCOMPARE(s.w.design.text(), kText);
    for (int i = 0; i < edits; ++i) s.w.design.undoStack().redo();
    QVERIFY(s.w.design.text().contains("- repeat: 5\n"));
  }

  void numbersOutOfRangeAreRefusedWithTheRange() {
    Shown s;
    s.click(kMoe);
    QStringList told;
    connect(&s.w.notices, &Notices::posted, this, [&told](const Notice& notice) { told << notice.text; });
    s.typeNumber("experts", "5000");
    QCOMPARE(s.w.design.text(), kText);
    QCOMPARE(told.size(), 1);
    QVERIFY2(told.front().contains("5000") && told.front().contains("1..4096"), qUtf8Printable(told.front()));
    QCOMPARE(qobject_cast<NumberField*>(s.page->form()->row("experts")->field())->value(), 16.0);
  }

  void scrollingTheFormChangesNothing() {
    Shown s;
    s.click(kMoe);
    for (const char* name : {"activation", "capacity_factor", "experts"})
      for (QWidget* target : {s.page->form()->row(name)->field(), static_cast<QWidget*>(s.page->form()->row(name)->slider())}) {
        if (!target) continue;
        QWheelEvent wheel(QPointF(5, 5), target->mapToGlobal(QPointF(5, 5)), {}, QPoint(0, 120), Qt::NoButton, Qt::NoModifier, Qt::NoScrollPhase, false);
        QApplication::sendEvent(target, &wheel);
      }
    QCOMPARE(s.w.design.text(), kText);
  }

  void foreignBytesStay() {
    const QString windows = QString(kText).replace("\n", "\r\n");
    Shown s({1216, 776}, windows);
    QVERIFY2(s.w.design.plan(), s.w.design.diagnostics().text().c_str());
    s.click(kMoe);
    s.typeNumber("experts", "8");
    QCOMPARE(s.w.design.text(), replaced(windows, "experts: 16", "experts: 8"));
    s.page->editor()->setFocus();
    s.page->editor()->goTo(2, 11);
    QTest::keyClicks(s.page->editor(), "x");
    QCOMPARE(s.w.design.text(), replaced(replaced(windows, "experts: 16", "experts: 8"), "name: mine\r", "name: minex\r"));
    QTemporaryDir folder;
    QFile file(folder.filePath("latin.yaml"));
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write("name: caf\xe9\n");
    file.close();
    QVERIFY(!s.w.design.open(file.fileName()));
    QVERIFY(s.w.design.error().contains("UTF-8"));
    QVERIFY(s.w.design.text().contains("minex"));
  }

  void aFaultIsShownMendedAndHoldsTrain() {
    Shown s;
    s.click(kMoe);
    const QString before = s.page->costs()->figure(0);
    QVERIFY(before != QStringLiteral("–"));
    QVERIFY(s.page->trainButton()->isEnabled());
    YamlEditor* editor = s.page->editor();
    editor->setFocus();
    editor->goTo(10, 18);                                 // behind "experts"
    QTest::keyClick(editor, Qt::Key_Backspace);
    QTRY_COMPARE(editor->faultsShown(), 1);
    QVERIFY(editor->toPlainText().contains("          expert: 16\n"));
    const FaultStrip* strip = editor->strips().front();
    QCOMPARE(strip->diagnostic().line, 10);
    QVERIFY(strip->isVisible());
    const QRectF line = [&] { const QTextBlock b = editor->document()->findBlockByNumber(9); QTextCursor c(b); editor->setTextCursor(c); return QRectF(editor->cursorRect()); }();
    QVERIFY2(strip->y() >= line.bottom() - 1 && strip->y() < line.bottom() + 8, "the strip stands right below its line");
    QVERIFY(strip->findChild<QLabel*>()->height() >= strip->findChild<QLabel*>()->heightForWidth(strip->findChild<QLabel*>()->width()));
    QCOMPARE(strip->findChild<QPushButton*>()->text(), QStringLiteral("Use “experts”"));
    bool wavy = false;
    for (const auto& mark : editor->extraSelections()) wavy |= mark.format.underlineStyle() == QTextCharFormat::WaveUnderline && mark.cursor.selectedText() == "expert";
    QVERIFY(wavy);
    QVERIFY(!s.page->trainButton()->isEnabled());
    QVERIFY2(s.page->trainButton()->toolTip().contains("did you mean"), qUtf8Printable(s.page->trainButton()->toolTip()));
    QVERIFY(s.page->statusText().contains("1 fault"));
    QTest::keyClick(s.page->canvas(), Qt::Key_Space);
    QVERIFY(!s.w.session.hasSession());
    QCOMPARE(s.page->canvas()->designScene().card(kMoe)->faults(), 1);      // the last good diagram stays, with a red tag
    QCOMPARE(s.page->costs()->figure(0), before);
    editor->setFocus();
    QTest::keyClick(editor, Qt::Key_Return, Qt::AltModifier);
    QTRY_COMPARE(editor->faultsShown(), 0);
    QCOMPARE(s.w.design.text(), kText);
    QVERIFY(s.page->trainButton()->isEnabled());
    QCOMPARE(s.page->canvas()->designScene().card(kMoe)->faults(), 0);
  }

  void halfTypedTextKeepsTheDiagram() {
    Shown s;
    const auto cards = s.page->canvas()->designScene().canvasLayout().cards.size();
    s.setText(kText + "trai");
    QVERIFY(s.w.design.faultCount() > 0);
    QCOMPARE(s.page->canvas()->designScene().canvasLayout().cards.size(), cards);
    s.setText("{");
    QVERIFY(s.w.design.faultCount() > 0);
    QCOMPARE(s.page->canvas()->designScene().canvasLayout().cards.size(), cards);
    s.setText(replaced(kText, "    - {kind: dense_ffn}\n", ""));
    QCOMPARE(s.page->canvas()->designScene().canvasLayout().cards.size(), cards - 1);
  }

  void manyFaultsAtOnce() {
    Shown s;
    s.setText(replaced(replaced(replaced(kText, "experts: 16", "experts: -2"), "kind: dense_ffn", "kind: dense_fn"), "steps: 20", "step: 20"));
    QCOMPARE(s.w.design.faultCount(), 3);
    QTRY_COMPARE(s.page->editor()->faultsShown(), 3);
    for (const FaultStrip* a : s.page->editor()->strips())
      for (const FaultStrip* b : s.page->editor()->strips()) QVERIFY(a == b || !a->isVisible() || !b->isVisible() || !a->geometry().intersects(b->geometry()));
  }

  void aFileThatIsNoDesignOpensToo() {
    Shown s({1216, 776}, "name: empty\n");
    QVERIFY(!s.w.design.plan());
    QVERIFY(!s.page->trainButton()->isEnabled());
    QVERIFY(s.page->editor()->faultsShown() > 0);
    QCOMPARE(s.page->costs()->figure(0), QStringLiteral("–"));
    s.setText(kText);
    QVERIFY(s.page->trainButton()->isEnabled());
    QVERIFY(s.page->canvas()->designScene().card(kMoe));
  }

  void galleryHasEveryPreset() {
    Shown s;
    QTest::keyClick(s.page->canvas(), Qt::Key_P, Qt::ControlModifier);
    QVERIFY(s.page->gallery()->isVisible());
    QAbstractItemModel* rows = s.page->gallery()->list()->model();
    QTRY_VERIFY(rows->rowCount() > 8);
    QCOMPARE(static_cast<std::size_t>(rows->rowCount()), listPresets().size());
    QString group;
    QStringList groups;
    for (int i = 0; i < rows->rowCount(); ++i) {
      const QModelIndex row = rows->index(i, 0);
      QVERIFY2(!row.data(PresetsModel::PatternRole).toString().isEmpty(), qUtf8Printable(row.data().toString()));
      QVERIFY2(!row.data(PresetsModel::TitleRole).toString().isEmpty(), qUtf8Printable(row.data().toString()));
      QVERIFY(row.data(PresetsModel::TotalRole).toDouble() >= row.data(PresetsModel::ActiveRole).toDouble());
      if (row.data(PresetsModel::GroupRole).toString() != group) groups << (group = row.data(PresetsModel::GroupRole).toString());
    }
    QCOMPARE(groups.front(), QStringLiteral("start"));
    QCOMPARE(groups.removeDuplicates(), 0);
    QTest::keyClicks(s.page->gallery()->field(), "parallel mixer");
    QVERIFY(rows->rowCount() >= 1 && rows->rowCount() < 10);
    QTest::keyClick(s.page->gallery()->field(), Qt::Key_Return);
    QVERIFY(!s.page->gallery()->isVisible());
    QCOMPARE(s.w.design.preset(), QStringLiteral("start/parallel_moe_mamba"));
    QVERIFY(s.page->canvas()->designScene().card("model.blocks[0].blocks[0].parallel[1]"));
  }

  void openingAnotherDesignLosesNothing() {
    Shown s;
    s.setText(kText + "# mine\n");
    QVERIFY(s.w.design.isDirty());
    QVERIFY(s.w.design.open("start/mamba"));
    QCOMPARE(s.w.design.title(), QStringLiteral("mamba"));
    QVERIFY(!s.w.design.isDirty());
    s.w.design.undoStack().undo();
    QCOMPARE(s.w.design.text(), kText + "# mine\n");
    QCOMPARE(s.page->editor()->toPlainText(), kText + "# mine\n");
    QVERIFY(s.w.design.isDirty());
    QVERIFY(s.page->canvas()->designScene().card(kMoe));
    s.w.design.undoStack().redo();
    QCOMPARE(s.w.design.preset(), QStringLiteral("start/mamba"));
  }

  void blocksAreAddedAsLines_data() {
    QTest::addColumn<QString>("path");
    QTest::addColumn<QString>("after");
    QTest::addColumn<QString>("line");
    QTest::addColumn<QString>("newPath");
    QTest::newRow("flow entry") << kMamba << "        - {kind: mamba}   # mixes\n" << "        - {kind: linear}\n" << "model.blocks[0].blocks[1]";
    QTest::newRow("block entry") << kMoe << "          capacity_factor: 1.25\n" << "        - {kind: linear}\n" << "model.blocks[0].blocks[2]";
    QTest::newRow("slot") << kMamba + ".out_proj" << "" << replaced(kText, "{kind: mamba}", "{kind: mamba, out_proj: {kind: linear}}") << kMamba + ".out_proj";
    QTest::newRow("repeat") << "model.blocks[0]" << "          capacity_factor: 1.25\n" << "    - {kind: linear}\n" << "model.blocks[1]";
    QTest::newRow("nothing") << "" << "    - {kind: dense_ffn}\n" << "    - {kind: linear}\n" << "model.blocks[2]";
    QTest::newRow("head") << "head" << "    - {kind: dense_ffn}\n" << "    - {kind: linear}\n" << "model.blocks[2]";
  }
  void blocksAreAddedAsLines() {
    QFETCH(QString, path);
    QFETCH(QString, after);
    QFETCH(QString, line);
    QFETCH(QString, newPath);
    Shown s;
    s.page->select(path);
    s.page->canvasEditor()->add("linear");
    QCOMPARE(s.w.design.text(), after.isEmpty() ? line : replaced(kText, after, after + line));
    QCOMPARE(s.page->selected(), newPath);
    QCOMPARE(s.w.design.faultCount(), 0);
    const BlockSpec* block = blockAt(s.w.design.spec()->blocks, newPath.toStdString());
    QVERIFY(block);
    QCOMPARE(block->kind, std::string("linear"));
    s.w.design.undoStack().undo();
    QCOMPARE(s.w.design.text(), kText);
    QCOMPARE(s.page->selected(), path);
  }
  void aListOnOneLineStaysOnOneLine() {
    const QString text = "name: a\nmodel: {d_model: 32, blocks: [{kind: mamba}, {kind: linear}]}\n";
    Shown s({1216, 776}, text);
    s.page->select("model.blocks[0]");
    s.page->canvasEditor()->add("attention");
    QCOMPARE(s.w.design.text(), replaced(text, "{kind: mamba}", "{kind: mamba}, {kind: attention}"));
  }

  void keysAlone() {
    Shown s;
    CanvasView* canvas = s.page->canvas();
    QTest::keyClick(canvas, Qt::Key_Home);
    QCOMPARE(s.page->selected(), QStringLiteral("embedding"));
    for (int i = 0; i < 3; ++i) QTest::keyClick(canvas, Qt::Key_Down);
    QCOMPARE(s.page->selected(), kMoe);
    QTest::keyClick(canvas, Qt::Key_Return);              // into the form
    QWidget* field = QApplication::focusWidget();
    QCOMPARE(field, s.page->form()->row("experts")->field());
    QTest::keyClicks(field, "4");
    QTest::keyClick(field, Qt::Key_Return);
    QVERIFY(s.w.design.text().contains("experts: 4\n"));
    QTest::keyClick(field, Qt::Key_Escape);               // back to the diagram
    QVERIFY(canvas->hasFocus());
    QTest::keyClick(canvas, Qt::Key_Up);
    QTest::keyClick(canvas, Qt::Key_Right);
    QCOMPARE(s.page->selected(), kMamba + ".conv_proj");
    QTest::keyClick(canvas, Qt::Key_Left);
    QCOMPARE(s.page->selected(), kMamba);
    QTest::keyClick(canvas, Qt::Key_Slash);               // the palette
    QVERIFY(s.page->blockPalette()->field()->hasFocus());
    QTest::keyClicks(s.page->blockPalette()->field(), "attent");
    QTest::keyClick(s.page->blockPalette()->field(), Qt::Key_Return);
    QVERIFY(s.w.design.text().contains("# mixes\n        - {kind: attention}\n"));
    QCOMPARE(s.page->selected(), kMoe);                   // the new block, in the place where the experts were
    QVERIFY(canvas->hasFocus());
    QTest::keyClick(canvas, Qt::Key_Z, Qt::ControlModifier);
    QVERIFY(!s.w.design.text().contains("attention"));
    QTest::keyClick(canvas, Qt::Key_Z, Qt::ControlModifier | Qt::ShiftModifier);
    QVERIFY(s.w.design.text().contains("attention"));
    QTest::keyClick(canvas, Qt::Key_Z, Qt::ControlModifier);
    QTest::keyClick(canvas, Qt::Key_E, Qt::ControlModifier);   // the text
    QVERIFY(s.page->editor()->hasFocus());
    s.page->editor()->goTo(13, 16);
    QTest::keyClicks(s.page->editor(), "/1");             // a slash is a letter here
    QVERIFY(s.page->editor()->toPlainText().contains("/1"));
    QTest::keyClick(s.page->editor(), Qt::Key_Z, Qt::ControlModifier);
    QVERIFY(!s.page->editor()->toPlainText().contains("/"));
    QTest::keyClick(s.page->editor(), Qt::Key_Escape);
    QVERIFY(canvas->hasFocus());
    s.settle();
    QTest::keyClick(canvas, Qt::Key_Space);               // train
    QVERIFY(s.w.session.hasSession());
    QCOMPARE(QString::fromStdString(s.w.session.spec().text), s.w.design.text());
    s.w.session.close();
  }

  void everyControlHasAName() {
    Shown s;
    s.click(kMoe);
    for (QWidget* widget : s.window.findChildren<QWidget*>()) {
      const bool taken = widget->focusPolicy() & Qt::TabFocus, inner = widget->objectName().startsWith("qt_");
      if (!taken || inner || widget->focusProxy() || !widget->isVisible()) continue;
      const auto* button = qobject_cast<QAbstractButton*>(widget);
      if (qobject_cast<QLineEdit*>(widget) && qobject_cast<QAbstractSpinBox*>(widget->parentWidget())) continue;
      QVERIFY2(!widget->accessibleName().isEmpty() || (button && !button->text().isEmpty()), qUtf8Printable(QString::fromLatin1(widget->metaObject()->className()) + ' ' + widget->objectName() + QStringLiteral(" in ") + widget->parentWidget()->metaObject()->className()));
    }
  }

  void themesAndHiddenPage() {
    Shown s;
    s.click(kMoe);
    Theme::instance().setKind(ThemeKind::Light);
    QCOMPARE(s.page->form()->shownId(), kMoe);
    QVERIFY(s.page->form()->row("experts"));
    Theme::instance().setKind(ThemeKind::Dark);
    s.page->hide();
    s.setText(replaced(kText, "experts: 16", "expert: 16"));
    QVERIFY(!s.page->trainButton()->isEnabled());         // known even while hidden
    s.page->show();
    QTRY_COMPARE(s.page->editor()->faultsShown(), 1);
  }

  void aThousandBlocksDoNotHoldTheWindow() {
    Shown s;
    QString text = QStringLiteral("name: long\nmodel:\n  d_model: 64\n  blocks:\n");
    for (int i = 0; i < 500; ++i) text += QStringLiteral("    - {kind: mamba}\n    - {kind: switch_moe, experts: 4}\n");
    QElapsedTimer clock;
    clock.start();
    s.w.design.setText(text);
    const auto accepted = clock.elapsed();
    QVERIFY(!s.w.design.isSettled());                     // reading and planning are not done by the thread that types
    QCOMPARE(s.w.design.spec()->name, std::string("mine"));
    qint64 longest = 0, last = clock.elapsed();
    QTimer pulse;
    connect(&pulse, &QTimer::timeout, this, [&] { longest = std::max(longest, clock.elapsed() - last), last = clock.elapsed(); });
    pulse.start(5);
    QTRY_VERIFY(s.w.design.isSettled());
    QTest::qWait(100);
    qInfo("1000 blocks: text accepted in %lld ms, longest pause of the window %lld ms", accepted, longest);
    QCOMPARE(s.w.design.spec()->name, std::string("long"));
    s.page->editor()->setFocus();
    s.page->editor()->goTo(1004, 8);
    QCOMPARE(s.page->selected(), QStringLiteral("model.blocks[999]"));
  }

  /// For people: SERP_PICTURES=DIR writes the page in several states.
  void pictures() {
    const QString folder = qEnvironmentVariable("SERP_PICTURES");
    if (folder.isEmpty()) QSKIP("SERP_PICTURES is not set: no pictures are written");
    QDir().mkpath(folder);
    const struct { const char *name, *preset, *select, *from, *to; } states[] = {
        {"moe_mamba", "start/moe_mamba", "model.blocks[0].blocks[1]", "", ""},
        {"fault", "start/moe_mamba", "model.blocks[0].blocks[1]", "experts: 16", "expert: 16"},
        {"faults", "start/parallel_moe_mamba", "model.blocks[0].blocks[0].parallel[1]", "{kind: switch_moe, experts: 16}", "{kind: switch_mo, experts: 16, capacity_factor: -1}"},
        {"parallel", "start/parallel_moe_mamba", "model.blocks[0].blocks[0]", "", ""},
        {"inner", "start/inner_moe_mamba", "model.blocks[0].blocks[1].out_proj", "", ""},
        {"transformer", "start/transformer", "model.blocks[0].blocks[0]", "", ""},
        {"paper", "paper/v2/moe_mamba_25m", "model.blocks[0]", "", ""},
        {"none", "start/expert_choice_mamba", "", "", ""},
        {"slot", "start/mamba", "model.blocks[0].blocks[0].out_proj", "", ""}};
    const QString only = qEnvironmentVariable("SERP_PICTURES_ONLY");
    for (const auto& state : states)
      for (const QSize size : {QSize(1216, 776), QSize(1856, 1056), QSize(1036, 676)})
        for (const ThemeKind kind : {ThemeKind::Dark, ThemeKind::Light}) {
          const QString name = QStringLiteral("%1-%2-%3").arg(state.name).arg(size.width() + 64).arg(kind == ThemeKind::Dark ? "dark" : "light");
          if (!only.isEmpty() && !name.contains(QRegularExpression(only))) continue;
          Theme::instance().setKind(kind);
          Shown s(size);
          QVERIFY(s.w.design.open(state.preset));
          s.page->select(state.select);
          if (*state.from) s.setText(replaced(s.w.design.text(), state.from, state.to));
          QTest::qWait(150);
          QVERIFY(s.window.grab().save(folder + '/' + name + ".png"));
        }
    Theme::instance().setKind(ThemeKind::Dark);
    Shown s;
    QTest::keyClick(s.page->canvas(), Qt::Key_P, Qt::ControlModifier);
    QTRY_VERIFY(s.page->gallery()->list()->model()->rowCount() > 0);
    QTest::qWait(100);
    QVERIFY(s.page->gallery()->grab().save(folder + "/gallery.png"));
  }
};

QTEST_MAIN(TestDesignPage)
#include "tst_design_page.moc"
