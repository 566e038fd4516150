// SPDX-License-Identifier: GPL-3.0-or-later
// One row per fault: position, path, message.
#include "app/pages/design/fault_list.h"

#include <algorithm>

#include "app/style/theme.h"

namespace serp::app {

FaultList::FaultList(QWidget* parent) : QListWidget(parent) {
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
    item->setForeground(theme.color(d.severity == Severity::Error ? Tone::Danger : Tone::Muted));
  }
  const int rows = static_cast<int>(diagnostics_.items.size());
  setVisible(rows > 0);
  setFixedHeight(std::min(rows, 4) * std::max(18, sizeHintForRow(0)) + 6);
}

}  // namespace serp::app
