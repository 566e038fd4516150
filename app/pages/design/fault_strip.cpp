// SPDX-License-Identifier: GPL-3.0-or-later
// Strips under faulty lines.
#include "app/pages/design/fault_strip.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QPainter>
#include <QPushButton>
#include <QTextBlock>

#include "app/style/theme.h"

namespace serp::app {

QRectF FaultLayout::blockBoundingRect(const QTextBlock& block) const {
  QRectF rect = QPlainTextDocumentLayout::blockBoundingRect(block);
  if (block.isValid() && blocks_.contains(block.blockNumber())) rect.setHeight(rect.height() + kStripHeight);
  return rect;
}

void FaultLayout::setFaultyBlocks(const QSet<int>& blocks) {
  if (blocks == blocks_) return;
  blocks_ = blocks;
  Q_EMIT documentSizeChanged(documentSize());
  Q_EMIT update();
}

FaultStrip::FaultStrip(const Diagnostic& diagnostic, int others, QWidget* parent) : QFrame(parent), diagnostic_(diagnostic) {
  auto* row = new QHBoxLayout(this);
  row->setContentsMargins(12, 2, 8, 2);
  row->setSpacing(8);
  const QString message = QString::fromStdString(diagnostic.message);
  const QColor danger = Theme::instance().color(Tone::Danger);
  auto* text = new QLabel(QStringLiteral("<span style='color:%1'>%2:%3</span>  %4%5")
                              .arg(danger.name())
                              .arg(diagnostic.line)
                              .arg(diagnostic.column)
                              .arg(message.toHtmlEscaped(), others > 0 ? tr("  (and %1 more here)").arg(others) : QString()));
  text->setTextFormat(Qt::RichText);
  text->setWordWrap(true);
  text->setFont(Theme::instance().caption());
  text->setStyleSheet(QStringLiteral("font-size: 11px;"));
  text->setToolTip(QString::fromStdString(diagnostic.text()));
  row->addWidget(text, 1);
  if (!diagnostic.fix.empty()) {
    auto* fix = new QPushButton(tr("Use “%1”").arg(QString::fromStdString(diagnostic.fix)));
    fix->setProperty("small", true);
    fix->setToolTip(tr("Replaces the faulty text (Alt+Enter)"));
    fix->setFocusPolicy(Qt::TabFocus);
    connect(fix, &QPushButton::clicked, this, &FaultStrip::fixChosen);
    row->addWidget(fix);
  }
  setAccessibleName(message);
}

void FaultStrip::paintEvent(QPaintEvent*) {
  const Theme& theme = Theme::instance();
  QPainter p(this);
  p.fillRect(rect(), Theme::mix(theme.color(Tone::Surface), theme.color(Tone::Danger), 0.16));
  p.fillRect(QRect(0, 0, 3, height()), theme.color(Tone::Danger));
}

}  // namespace serp::app
