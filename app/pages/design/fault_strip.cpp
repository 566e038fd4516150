// SPDX-License-Identifier: GPL-3.0-or-later
// Strips under faulty lines.
#include "app/pages/design/fault_strip.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QPainter>
#include <QPushButton>
#include <QTextBlock>
#include <algorithm>

#include "app/style/theme.h"

namespace serp::app {

namespace {

constexpr int kLeast = 49, kLeft = 4, kRight = 8, kSpace = 8, kRoomForKey = 400;

}  // namespace

QRectF FaultLayout::blockBoundingRect(const QTextBlock& block) const {
  QRectF rect = QPlainTextDocumentLayout::blockBoundingRect(block);
  if (block.isValid()) rect.setHeight(rect.height() + kLeading + strip(block.blockNumber()));
  return rect;
}

void FaultLayout::setStrips(const QHash<int, int>& heights) {
  if (heights == heights_) return;
  heights_ = heights;
  Q_EMIT documentSizeChanged(documentSize());
  Q_EMIT update();
}

FaultStrip::FaultStrip(const Diagnostic& diagnostic, int others, const QString& remedy, QWidget* parent)
    : QFrame(parent), diagnostic_(diagnostic), remedy_(remedy), text_(new QLabel) {
  auto* row = new QHBoxLayout(this);
  row->setContentsMargins(kLeft, 4, kRight, 4);
  row->setSpacing(kSpace);
  // "unknown key, did you mean …? (integer 1..4096, default 16)": what is allowed stands on a line of its own.
  QString message = QString::fromStdString(diagnostic.message), allowed;
  if (const qsizetype open = message.lastIndexOf(QStringLiteral(" (")); open > 0 && message.endsWith(QLatin1Char(')'))) {
    allowed = message.mid(open + 2).chopped(1);
    message.truncate(open);
  }
  if (others > 0) message += tr(" (and %1 more here)").arg(others);
  const Theme& theme = Theme::instance();
  QString html = message.toHtmlEscaped();
  if (diagnostic.line > 0)
    html.prepend(QStringLiteral("<span style='color:%1'>%2:%3</span>&nbsp; ").arg(theme.color(Tone::Danger).name()).arg(diagnostic.line).arg(diagnostic.column));
  if (!allowed.isEmpty()) html += QStringLiteral("<br><span style='color:%1'>%2</span>").arg(theme.color(Tone::Muted).name(), allowed.toHtmlEscaped());
  text_->setTextFormat(Qt::RichText);
  text_->setText(html);
  text_->setWordWrap(true);
  text_->setStyleSheet(QStringLiteral("font-size: %1px;").arg(metric::kCaption));
  text_->setToolTip(QString::fromStdString(diagnostic.text()));
  row->addWidget(text_, 1);
  if (!diagnostic.fix.empty() || !remedy_.isEmpty()) {
    fix_ = new QPushButton;
    fix_->setProperty("small", true);
    fix_->setToolTip(remedy_.isEmpty() ? tr("Replaces the faulty text (Alt+Enter)") : tr("Changes the design so (Alt+Enter)"));
    fix_->setFocusPolicy(Qt::TabFocus);
    connect(fix_, &QPushButton::clicked, this, &FaultStrip::fixChosen);
    row->addWidget(fix_);
  }
  setCursor(Qt::ArrowCursor);
  setAccessibleName(message);
}

int FaultStrip::heightFor(int width) {
  ensurePolished();
  if (fix_) {
    const QString use = remedy_.isEmpty() ? tr("Use “%1”").arg(QString::fromStdString(diagnostic_.fix)) : remedy_;
    fix_->setText(width >= kRoomForKey ? use + QStringLiteral("   Alt ↵") : use);
    fix_->setAccessibleName(use);
  }
  text_->ensurePolished();
  const int words = width - kLeft - kRight - (fix_ ? kSpace + fix_->sizeHint().width() : 0);
  return std::max(kLeast, text_->heightForWidth(std::max(80, words)) + 12);
}

void FaultStrip::paintEvent(QPaintEvent*) {
  const Theme& theme = Theme::instance();
  QPainter p(this);
  p.fillRect(rect(), Theme::mix(theme.color(Tone::Surface), theme.color(Tone::Danger), 0.16));
}

}  // namespace serp::app
