// SPDX-License-Identifier: GPL-3.0-or-later
// Colours for keys, numbers, words and comments of a design's text.
#pragma once

#include <QSyntaxHighlighter>

namespace serp::app {

class YamlHighlighter final : public QSyntaxHighlighter {
  Q_OBJECT
 public:
  explicit YamlHighlighter(QTextDocument* document);

 protected:
  void highlightBlock(const QString& text) override;
};

}  // namespace serp::app
