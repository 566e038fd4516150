// SPDX-License-Identifier: GPL-3.0-or-later
// The diagram of a design: nothing overlaps in any shipped preset, shares add up, repeats are folded, and the keys walk everywhere.
#include <QElapsedTimer>
#include <QPainter>
#include <QSet>
#include <QSignalSpy>
#include <QtTest>
#include <cmath>
#include <functional>

#include "app/canvas/canvas_view.h"
#include "app/canvas/card_item.h"
#include "app/canvas/design_scene.h"
#include "app/style/theme.h"

using namespace serp;
using namespace serp::app;

namespace {

struct Drawn {
  RunSpec spec;
  Plan plan;
  CanvasLayout layout;
};

Drawn draw(const QString& text, double width = 824) {
  Drawn out;
  auto spec = parseRunSpec(text.toStdString());
  if (!spec) qFatal("%s", spec.faults().text().c_str());
  auto plan = planRun(*spec);
  if (!plan) qFatal("%s", plan.faults().text().c_str());
  out.spec = *spec;
  out.plan = *plan;
  out.layout = layOut(out.spec, out.plan, width);
  return out;
}

QString preset(const char* name) {
  for (const PresetInfo& p : listPresets())
    if (p.name == name) return QString::fromStdString(p.text);
  qFatal("no preset %s", name);
}

const CanvasCard& cardOf(const CanvasLayout& layout, const QString& id) {
  const int at = layout.indexOf(id);
  if (at < 0) qFatal("no card %s", qUtf8Printable(id));
  return layout.cards[static_cast<std::size_t>(at)];
}

QString box(const QRectF& r) { return QStringLiteral("(%1 %2 %3×%4)").arg(r.x()).arg(r.y()).arg(r.width()).arg(r.height()); }

QRectF wordBox(const CanvasWord& word) {
  const Theme& theme = Theme::instance();
  const QFontMetricsF metrics(word.look == CanvasWord::Look::Code ? theme.code() : word.look == CanvasWord::Look::Body ? theme.body() : theme.caption());
  double width = metrics.horizontalAdvance(word.text);
  if (word.room > 0) width = std::min(width, word.room);
  return QRectF(word.rightAligned ? word.at.x() - width : word.at.x(), word.at.y() - 9, width, 10);
}

/// The first thing that is wrong with a layout; empty if nothing is.
QString overlap(const CanvasLayout& layout) {
  const auto& cards = layout.cards;
  for (std::size_t i = 0; i < cards.size(); ++i) {
    const QRectF own = cards[i].rect;
    if (!QRectF(QPointF(), layout.size).contains(own)) return cards[i].id + QStringLiteral(" leaves the canvas ") + box(own);
    if (cards[i].parent >= 0 && !cards[static_cast<std::size_t>(cards[i].parent)].rect.contains(own)) return cards[i].id + QStringLiteral(" leaves its frame ") + box(own);
    for (std::size_t k = i + 1; k < cards.size(); ++k)
      if (cards[k].parent == cards[i].parent && cards[k].rect.intersects(own)) return cards[i].id + QStringLiteral(" overlaps ") + cards[k].id;
    for (std::size_t c = 0; c < cards[i].chips.size(); ++c) {
      const QRectF chip = cards[i].chips[c].rect;
      if (!own.contains(chip)) return cards[i].id + QStringLiteral(": chip ") + cards[i].chips[c].text + QStringLiteral(" leaves the card ") + box(chip) + box(own);
      for (std::size_t d = c + 1; d < cards[i].chips.size(); ++d)
        if (cards[i].chips[d].rect.intersects(chip)) return cards[i].id + QStringLiteral(": chips overlap: ") + cards[i].chips[c].text + QStringLiteral(", ") + cards[i].chips[d].text;
      for (const CanvasCard& other : cards)
        if (other.kind == CanvasCard::Kind::Slot && other.rect.intersects(chip)) return cards[i].chips[c].text + QStringLiteral(" overlaps the slot ") + other.id;
      for (const CanvasWord& word : layout.words)
        if (wordBox(word).intersects(chip)) return QStringLiteral("“%1” lies on the chip %2 of %3").arg(word.text, cards[i].chips[c].text, cards[i].id);
    }
    for (const CanvasWord& word : layout.words)
      if (cards[i].kind == CanvasCard::Kind::Slot && wordBox(word).intersects(own)) return QStringLiteral("“%1” lies on the slot %2").arg(word.text, cards[i].id);
  }
  for (std::size_t i = 0; i < layout.words.size(); ++i)
    for (std::size_t k = i + 1; k < layout.words.size(); ++k)
      if (wordBox(layout.words[i]).intersects(wordBox(layout.words[k]))) return QStringLiteral("“%1” lies on “%2”").arg(layout.words[i].text, layout.words[k].text);
  return {};
}

}  // namespace

class TestCanvas : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void initTestCase() { Theme::instance().apply(*qApp); }

  void everyPresetLaysOut_data() {
    QTest::addColumn<QString>("text");
    for (const PresetInfo& p : listPresets()) QTest::newRow(p.name.c_str()) << QString::fromStdString(p.text);
  }
  void everyPresetLaysOut() {
    QFETCH(QString, text);
    for (const double width : {640.0, 824.0, 1120.0}) {
      const Drawn d = draw(text, width);
      QVERIFY2(overlap(d.layout).isEmpty(), qUtf8Printable(QStringLiteral("at %1: %2").arg(width).arg(overlap(d.layout))));
      QSet<QString> ids;
      double total = 0, active = 0, flops = 0;
      for (const CanvasCard& card : d.layout.cards) {
        QVERIFY2(!ids.contains(card.id), qUtf8Printable(card.id));
        ids.insert(card.id);
        int at = card.parent;
        while (at >= 0 && d.layout.cards[static_cast<std::size_t>(at)].kind == CanvasCard::Kind::Repeat) at = d.layout.cards[static_cast<std::size_t>(at)].parent;
        if (at < 0 && card.hasShares) total += card.total, active += card.active, flops += card.flops;
      }
      QVERIFY(std::abs(total - 1) < 1e-9);              // the columns account for the whole design, repeats included
      QVERIFY(std::abs(active - 1) < 1e-9);
      QVERIFY(std::abs(flops - 1) < 1e-9);
    }
  }

  void containersInContainersLayOut() {
    const Drawn d = draw("name: deep\nmodel:\n  d_model: 64\n  final_norm: rms_norm\n  blocks:\n    - repeat: 2\n      blocks:\n        - repeat: 3\n          blocks:\n"
                         "            - parallel:\n                - {kind: mamba, out_proj: {kind: topk_moe, experts: 300}}\n                - {kind: switch_moe, experts: 300}\n"
                         "            - {kind: attention}\n    - {kind: gated_ffn}\n    - {kind: linear}\n", 640);
    QVERIFY2(overlap(d.layout).isEmpty(), qUtf8Printable(overlap(d.layout)));
    QCOMPARE(cardOf(d.layout, "model.blocks[0].blocks[0].blocks[0]").times, 6);
    QVERIFY(d.layout.indexOf("final_norm") > 0);
  }

  void repeatsAreFoldedWithTheirCount() {
    const Drawn d = draw(preset("start/moe_mamba"));
    const CanvasCard& repeat = cardOf(d.layout, "model.blocks[0]");
    QCOMPARE(repeat.kind, CanvasCard::Kind::Repeat);
    QCOMPARE(repeat.times, 4);
    QVERIFY2(repeat.detail.contains("6.77"), qUtf8Printable(repeat.detail));   // 4 × (116,736 + 1,575,168) with norms
    QCOMPARE(d.layout.cards.size(), std::size_t{8});      // embedding, repeat, mamba, three slots, switch_moe, head
  }

  void mambaIsOpened() {
    const Drawn d = draw(preset("start/mamba"));
    QStringList slots_, chips;
    for (const CanvasCard& card : d.layout.cards) {
      if (card.kind == CanvasCard::Kind::Slot) slots_ << card.caption;
      if (card.title == "mamba")
        for (const CanvasChip& chip : card.chips) chips << chip.text;
    }
    QCOMPARE(slots_, QStringList({"conv_proj", "gate_proj", "out_proj"}));
    QCOMPARE(chips, QStringList({"conv1d k 4", "SiLU", "selective scan", "SiLU"}));
    const auto shapes = [&] { QStringList out; for (const CanvasWord& w : d.layout.words) if (w.look == CanvasWord::Look::Code) out << w.text; return out; }();
    QVERIFY(shapes.contains("[B, T, 256]"));              // d_inner between the slots and the convolution
    QVERIFY(shapes.contains("[B, T, 128]"));
  }

  void expertsAreChips() {
    const Drawn few = draw(preset("start/moe_mamba")), many = draw(preset("paper/v2/moe_mamba_25m"));
    const auto chips = [](const Drawn& d) { return cardOf(d.layout, "model.blocks[0].blocks[1]").chips; };
    QCOMPARE(chips(few).size(), std::size_t{17});
    QCOMPARE(chips(few).front().text, QStringLiteral("router 128 → 16"));
    const auto folded = chips(many);
    const int rest = folded.back().text.section(QLatin1Char(' '), 1).toInt();
    QCOMPARE(static_cast<int>(folded.size()) - 2 + rest, 42);
  }

  void parallelAndFilledSlots() {
    const Drawn beside = draw(preset("start/parallel_moe_mamba"));
    QCOMPARE(cardOf(beside.layout, "model.blocks[0].blocks[0]").kind, CanvasCard::Kind::Parallel);
    const CanvasCard &left = cardOf(beside.layout, "model.blocks[0].blocks[0].parallel[0]"), &right = cardOf(beside.layout, "model.blocks[0].blocks[0].parallel[1]");
    QCOMPARE(left.parent, right.parent);
    const Drawn inner = draw(preset("start/inner_moe_mamba"));
    const CanvasCard& slot = cardOf(inner.layout, "model.blocks[0].blocks[1].out_proj");
    QVERIFY(slot.filled);
    QCOMPARE(slot.title, QStringLiteral("switch_moe"));
    QCOMPARE(slot.family, QStringLiteral("experts"));
  }

  void walksEverywhere() {
    const Drawn d = draw(preset("start/parallel_moe_mamba"));
    DesignScene scene;
    scene.setLayout(d.layout);
    QSet<QString> reached;
    const std::function<void()> walk = [&] {
      const QString from = scene.selected();
      if (reached.contains(from)) return;
      reached.insert(from);
      for (const auto step : {DesignScene::Step::Next, DesignScene::Step::Previous, DesignScene::Step::Into, DesignScene::Step::Out}) {
        scene.select(from);
        if (const QString to = scene.reach(step); !to.isEmpty()) scene.select(to), walk();
      }
    };
    scene.select(scene.reach(DesignScene::Step::Next));
    walk();
    for (const CanvasCard& card : d.layout.cards) QVERIFY2(reached.contains(card.id), qUtf8Printable(card.id));
  }

  void faultsStandOnTheirCard() {
    const Drawn d = draw(preset("start/moe_mamba"));
    DesignScene scene;
    scene.setLayout(d.layout);
    Diagnostics faults;
    faults.error("model.blocks[0].blocks[1].expert", "unknown key");
    scene.setFaults(faults);
    QCOMPARE(scene.card("model.blocks[0].blocks[1]")->faults(), 1);
    QCOMPARE(scene.card("model.blocks[0].blocks[0]")->faults(), 0);
    scene.setFaults({});
    QCOMPARE(scene.card("model.blocks[0].blocks[1]")->faults(), 0);
  }

  void clicksAndZoom() {
    CanvasView view;
    view.resize(840, 700);
    view.show();
    const Drawn d = draw(preset("start/moe_mamba"));
    view.setDesign(d.spec, d.plan);
    QSignalSpy moved(&view, &CanvasView::selectionMoved);
    const QRectF conv = cardOf(view.designScene().canvasLayout(), "model.blocks[0].blocks[0].conv_proj").rect;
    QTest::mouseClick(view.viewport(), Qt::LeftButton, {}, view.mapFromScene(conv.center()));
    QCOMPARE(moved.last().first().toString(), QStringLiteral("model.blocks[0].blocks[0].conv_proj"));  // the innermost one
    QTest::mouseClick(view.viewport(), Qt::LeftButton, {}, view.mapFromScene(QPointF(6, 6)));
    QCOMPARE(moved.last().first().toString(), QString());
    view.fit();
    QVERIFY(view.mapFromScene(view.sceneRect().bottomRight()).y() <= view.viewport()->height() + 1);
    const double fitted = view.zoom();
    view.resize(800, 700);
    QCOMPARE(view.zoom(), fitted);                        // a chosen zoom survives the window's resizing
    QTest::keyClick(&view, Qt::Key_0);
    QCOMPARE(view.zoom(), 1.0);
    QTest::keyClick(&view, Qt::Key_Plus);
    QCOMPARE(view.zoom(), 1.2);
  }

  void everyWidthSettles() {
    CanvasView view;
    view.show();
    const Drawn d = draw(preset("start/parallel_moe_mamba"));
    view.setDesign(d.spec, d.plan);
    for (int width = 340; width < 1400; width += 53)
      for (const int height : {300, 640, 700, 760, 1000}) {
        view.resize(width, height);
        QVERIFY(view.zoom() >= 0.75 && view.zoom() <= 1.0);
        const double drawn = view.sceneRect().width() * view.zoom();
        if (width >= 500) QVERIFY2(drawn <= view.viewport()->width() + 1, qPrintable(QString::number(width)));   // no sideways scrolling
      }
  }

  void aThousandBlocks() {
    QString text = QStringLiteral("name: long\nmodel:\n  d_model: 64\n  blocks:\n");
    for (int i = 0; i < 500; ++i) text += QStringLiteral("    - {kind: mamba}\n    - {kind: switch_moe, experts: 4}\n");
    QElapsedTimer clock;
    clock.start();
    const Drawn d = draw(text);
    const auto planned = clock.restart();
    DesignScene scene;
    scene.setLayout(d.layout);
    const auto placed = clock.restart();
    scene.select("model.blocks[999]");
    QImage image(840, 700, QImage::Format_RGB32);
    QPainter painter(&image);
    scene.render(&painter, QRectF(image.rect()), QRectF(0, d.layout.size.height() - 700, 840, 700));
    qInfo("1000 blocks: read, planned and laid out in %lld ms, items in %lld ms, one window drawn in %lld ms", planned, placed, clock.elapsed());
    QCOMPARE(std::count_if(d.layout.cards.begin(), d.layout.cards.end(), [](const CanvasCard& c) { return c.kind == CanvasCard::Kind::Block; }), 1000);
    QCOMPARE(scene.selected(), QStringLiteral("model.blocks[999]"));
  }
};

QTEST_MAIN(TestCanvas)
#include "tst_canvas.moc"
