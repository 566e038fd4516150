// SPDX-License-Identifier: GPL-3.0-or-later
// A grid of figures.
#include "app/widgets/meters.h"

#include <QGridLayout>
#include <QLabel>
#include <QVBoxLayout>

#include "app/widgets/elided_label.h"

namespace serp::app {

Meters::Meters(const QStringList& captions, int columns, QWidget* parent) : QFrame(parent) {
  setProperty("role", "panel");
  auto* grid = new QGridLayout(this);
  grid->setContentsMargins(1, 1, 1, 1);
  grid->setSpacing(0);
  for (int i = 0; i < captions.size(); ++i) {
    const auto label = [](const QString& text, const char* role) {
      auto* l = new ElidedLabel(text);
      l->setProperty("role", role);
      return l;
    };
    Cell cell{label(QStringLiteral("–"), "figure"), label({}, "caption")};
    auto* box = new QWidget;
    box->setAccessibleName(captions[i]);
    auto* column = new QVBoxLayout(box);
    column->setContentsMargins(12, 6, 8, 6);
    column->setSpacing(1);
    column->addStretch();
    column->addWidget(label(captions[i], "caption"));
    column->addWidget(cell.value);
    column->addWidget(cell.remark);
    column->addStretch();
    grid->addWidget(box, i / columns * 2, i % columns * 2);
    cells_.push_back(cell);
  }
  const auto line = [](bool upright) {
    auto* l = new QFrame;
    l->setProperty("role", "separator");
    if (upright) l->setFixedWidth(1);
    else l->setFixedHeight(1);
    return l;
  };
  const int rows = (static_cast<int>(captions.size()) + columns - 1) / columns;
  for (int r = 1; r < rows; ++r) grid->addWidget(line(false), r * 2 - 1, 0, 1, columns * 2 - 1);
  for (int c = 1; c < columns; ++c) grid->addWidget(line(true), 0, c * 2 - 1, rows * 2 - 1, 1);
  for (int c = 0; c < columns; ++c) grid->setColumnStretch(c * 2, 1);
}

void Meters::set(int meter, const QString& value, const QString& remark) {
  const Cell& cell = cells_[static_cast<std::size_t>(meter)];
  if (cell.value->text() != value) cell.value->setText(value);
  if (cell.remark->text() != remark) cell.remark->setText(remark);
}

QString Meters::value(int meter) const { return cells_[static_cast<std::size_t>(meter)].value->text(); }

}  // namespace serp::app
