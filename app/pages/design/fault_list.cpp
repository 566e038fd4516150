// SPDX-License-Identifier: GPL-3.0-or-later
// One row per fault: position, path, message.
#include "app/pages/design/fault_list.h"

#include <algorithm>

#include "app/style/theme.h"

namespace serp::app {

namespace {

constexpr int kRow = 20;

}  // namespace

FaultList::FaultList(QWidget* parent) : QListWidget(parent) {
  setViewportMargins(8, 5, 8, 5);
  setAccessibleName(tr("Faults of this design"));
  setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  setTextElideMode(Qt::ElideRight);
  setUniformItemSizes(true);
  const auto go = [this](QListWidgetItem* item) {
    const auto at = static_cast<std::size_t>(row(item));
    if (at >= diagnostics_.items.size()) return;
    const Diagnostic& d = diagnostics_.items[at];
    Q_EMIT chosen(d.line, d.column, QString::fromStdString(d.path));
  };
  connect(this, &QListWidget::itemClicked, this, go);
  connect(this, &QListWidget::itemActivated, this, go);
  hide();
}

void FaultList::setDiagnostics(const Diagnostics& diagnostics) {
  diagnostics_ = diagnostics;
  clear();
  const Theme& theme = Theme::instance();
  for (const Diagnostic& d : diagnostics_.items) {
    QString text = d.line > 0 ? QStringLiteral("%1:%2  ").arg(d.line).arg(d.column) : QString();
    if (d.severity == Severity::Warning) text += tr("warning: ");
    if (d.severity == Severity::Note) text += tr("note: ");
    text += QString::fromStdString(d.message);
    auto* item = new QListWidgetItem(text, this);
    item->setToolTip(QString::fromStdString(d.text()));
    item->setFont(theme.caption());
    item->setSizeHint({0, kRow});
    item->setForeground(theme.color(d.severity == Severity::Error ? Tone::Danger : Tone::Muted));
  }
  const int rows = static_cast<int>(diagnostics_.items.size());
  // A single fault already stands under its line.
  const bool shown = rows > 1 || (rows == 1 && (diagnostics_.items.front().line < 1 || diagnostics_.items.front().severity != Severity::Error));
  setVisible(shown);
  setFixedHeight(std::min(rows, 4) * kRow + 10);
}

}  // namespace serp::app
