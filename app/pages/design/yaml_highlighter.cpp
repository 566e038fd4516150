// SPDX-License-Identifier: GPL-3.0-or-later
// One pass over a line; designs have no multi-line scalars that would need state.
#include "app/pages/design/yaml_highlighter.h"

#include <QRegularExpression>

#include "app/style/theme.h"

namespace serp::app {

YamlHighlighter::YamlHighlighter(QTextDocument* document) : QSyntaxHighlighter(document) {
  connect(&Theme::instance(), &Theme::changed, this, &QSyntaxHighlighter::rehighlight);
}

void YamlHighlighter::highlightBlock(const QString& text) {
  static const QRegularExpression key(QStringLiteral(R"(([A-Za-z_*][\w.*-]*)\s*:(?=\s|$))"));
  static const QRegularExpression number(QStringLiteral(R"((?<![\w.])[-+]?\d[\d_]*(\.\d*)?([eE][-+]?\d+)?(?![\w.]))"));
  static const QRegularExpression word(QStringLiteral(R"(\b(true|false|null|auto|none)\b)"));
  static const QRegularExpression quoted(QStringLiteral(R"("[^"]*"|'[^']*')"));
  const Theme& theme = Theme::instance();
  const auto paint = [&](const QRegularExpression& pattern, const QColor& color, int group) {
    auto it = pattern.globalMatch(text);
    while (it.hasNext()) {
      const auto match = it.next();
      setFormat(static_cast<int>(match.capturedStart(group)), static_cast<int>(match.capturedLength(group)), color);
    }
  };
  paint(number, theme.color(Tone::Experts), 0);
  paint(word, theme.color(Tone::Experts), 0);
  paint(key, theme.color(Tone::Attention), 1);
  paint(quoted, theme.color(Tone::Accent), 0);
  // A comment begins at the line's start or after a space, outside quotes.
  QChar open;
  for (qsizetype i = 0; i < text.size(); ++i) {
    const QChar c = text[i];
    if (!open.isNull()) {
      if (c == open) open = QChar();
    } else if (c == QLatin1Char('"') || c == QLatin1Char('\'')) {
      open = c;
    } else if (c == QLatin1Char('#') && (i == 0 || text[i - 1].isSpace())) {
      setFormat(static_cast<int>(i), static_cast<int>(text.size() - i), theme.color(Tone::Muted));
      break;
    }
  }
}

}  // namespace serp::app
