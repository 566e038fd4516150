// SPDX-License-Identifier: GPL-3.0-or-later
// Both themes are readable: text at 4.5:1, curves at 3:1 (WCAG 2 contrast), icons present and recoloured.
#include <QDir>
#include <QtTest>
#include <cmath>

#include "app/style/style_sheet.h"
#include "app/style/theme.h"

using namespace serp::app;

class TestTheme : public QObject {
  Q_OBJECT
  static double luminance(const QColor& c) {
    const auto linear = [](double v) { return v <= 0.03928 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4); };
    return 0.2126 * linear(c.redF()) + 0.7152 * linear(c.greenF()) + 0.0722 * linear(c.blueF());
  }
  static double contrast(const QColor& a, const QColor& b) {
    const double x = luminance(a), y = luminance(b);
    return (std::max(x, y) + 0.05) / (std::min(x, y) + 0.05);
  }
  static void atLeast(double limit, const QColor& a, const QColor& b, const char* what) {
    const double ratio = contrast(a, b);
    QVERIFY2(ratio >= limit, qPrintable(QStringLiteral("%1: %2 on %3 is %4").arg(what, a.name(), b.name()).arg(ratio)));
  }

 private Q_SLOTS:
  void contrast_data() {
    QTest::addColumn<int>("kind");
    QTest::newRow("dark") << 0;
    QTest::newRow("light") << 1;
  }
  void contrast() {
    QFETCH(int, kind);
    Theme& theme = Theme::instance();
    theme.setKind(kind == 0 ? ThemeKind::Dark : ThemeKind::Light);
    for (const Tone ground : {Tone::Background, Tone::Surface, Tone::Raised})
      for (const Tone ink : {Tone::Text, Tone::Muted}) atLeast(4.5, theme.color(ink), theme.color(ground), "text");
    for (int i = 0; i < 8; ++i) atLeast(3, theme.curve(i), theme.color(Tone::Surface), "curve");
    for (const Tone hue : {Tone::Accent, Tone::Experts, Tone::Attention, Tone::Danger, Tone::Dense})
      atLeast(3, theme.color(hue), theme.color(Tone::Surface), "hue");
    atLeast(4.5, theme.onAccent(), theme.accentFill(), "text on the primary button");
  }
  void loadMapIsCentredOnOne() {
    Theme& theme = Theme::instance();
    for (const ThemeKind kind : {ThemeKind::Dark, ThemeKind::Light}) {
      theme.setKind(kind);
      QCOMPARE(theme.load(1), theme.color(Tone::Raised));
      QCOMPARE(theme.load(0), theme.color(Tone::Attention));
      QCOMPARE(theme.load(5), theme.color(Tone::Experts));
    }
  }
  void iconsFollowTheTheme() {
    Theme& theme = Theme::instance();
    const QStringList names = QDir(":/icons").entryList();
    QVERIFY(names.size() >= 17);
    const QIcon icon = theme.icon("train");
    theme.setKind(ThemeKind::Dark);
    const QImage dark = icon.pixmap(20).toImage();
    theme.setKind(ThemeKind::Light);
    const QImage light = icon.pixmap(20).toImage();
    QVERIFY(dark != light);
    for (const QString& name : names) QVERIFY2(!theme.icon(name.chopped(4)).pixmap(20).toImage().isNull(), qPrintable(name));
  }
  void sheetHasNoColourLeftOut() {
    QVERIFY(!styleSheetText(Theme::instance()).contains('@'));
    Theme::instance().apply(*qApp);
  }
};

QTEST_MAIN(TestTheme)
#include "tst_theme.moc"
