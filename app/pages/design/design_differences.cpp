// SPDX-License-Identifier: GPL-3.0-or-later
// Signs beside the colours: + added, − removed, ≠ changed.
#include "app/pages/design/design_differences.h"

#include <QComboBox>
#include <QFileDialog>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QPushButton>
#include <QTableWidget>
#include <QVBoxLayout>

#include "app/style/theme.h"

namespace serp::app {
namespace {

QString text(const std::string& s) { return QString::fromStdString(s); }

QString words(const std::vector<KeyChange>& keys) {
  QStringList out;
  for (const KeyChange& change : keys) out << QStringLiteral("%1 %2 → %3").arg(text(change.key), text(change.before), text(change.after));
  return out.join(QStringLiteral(", "));
}

}  // namespace

DesignDifferences::DesignDifferences(const RunSpec& open, QWidget* parent)
    : QDialog(parent), open_(open), other_(new QComboBox), table_(new QTableWidget), summary_(new QLabel) {
  setWindowTitle(tr("Differences of two designs"));
  resize(900, 560);
  auto* column = new QVBoxLayout(this);
  auto* row = new QHBoxLayout;
  auto* caption = new QLabel(tr("%1, compared with").arg(text(open.name)));
  row->addWidget(caption);
  other_->setAccessibleName(tr("Design to compare with"));
  other_->setMinimumWidth(260);
  for (const PresetInfo& preset : listPresets()) other_->addItem(text(preset.name));
  other_->setCurrentIndex(-1);
  row->addWidget(other_);
  auto* file = new QPushButton(tr("A file…"));
  row->addWidget(file);
  row->addStretch(1);
  column->addLayout(row);
  summary_->setProperty("role", "caption");
  summary_->setWordWrap(true);
  summary_->setText(tr("Choose a design. Lines of both stand side by side; + was added, − removed, ≠ changed."));
  column->addWidget(summary_);
  table_->setColumnCount(4);
  table_->setHorizontalHeaderLabels({QString(), tr("other design"), tr("this design"), tr("changed keys")});
  table_->verticalHeader()->hide();
  table_->verticalHeader()->setDefaultSectionSize(26);
  table_->setEditTriggers(QAbstractItemView::NoEditTriggers);
  table_->setSelectionBehavior(QAbstractItemView::SelectRows);
  table_->setShowGrid(false);
  table_->setColumnWidth(0, 28);
  table_->setColumnWidth(1, 250);
  table_->setColumnWidth(2, 250);
  table_->horizontalHeader()->setStretchLastSection(true);
  table_->setAccessibleName(tr("Differences"));
  column->addWidget(table_, 1);
  connect(other_, &QComboBox::activated, this, [this] { compareWith(other_->currentText()); });
  connect(file, &QPushButton::clicked, this, [this] {
    auto* dialog = new QFileDialog(this, tr("Design to compare with"), {}, tr("Designs (*.yaml *.yml)"));
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    connect(dialog, &QFileDialog::fileSelected, this, &DesignDifferences::compareWith);
    dialog->open();
  });
  connect(table_, &QTableWidget::cellActivated, this, [this](int at, int) {
    const QString path = table_->item(at, 2)->data(Qt::UserRole).toString();
    if (!path.isEmpty()) Q_EMIT chosen(path);
  });
}

bool DesignDifferences::compareWith(const QString& presetOrFile) {
  const auto other = loadRunSpec(presetOrFile.toStdString());
  if (!other) {
    summary_->setText(text(other.faults().text()));
    return false;
  }
  show(*other);
  return true;
}

void DesignDifferences::show(const RunSpec& other) {
  const DesignDiff diff = compareDesigns(other, open_);
  const Theme& theme = Theme::instance();
  table_->setRowCount(0);
  int counts[4] = {0, 0, 0, 0};
  const auto add = [&](DiffRow::State state, const QString& before, const QString& after, const QString& keys, const QString& path) {
    static const char* const kSigns[] = {"", "≠", "+", "−"};
    const int at = table_->rowCount();
    table_->insertRow(at);
    const QColor hue = theme.color(state == DiffRow::State::Added ? Tone::Accent : state == DiffRow::State::Removed ? Tone::Danger : Tone::Experts);
    const QString cells[] = {QString::fromUtf8(kSigns[static_cast<int>(state)]), before, after, keys};
    for (int i = 0; i < 4; ++i) {
      auto* item = new QTableWidgetItem(cells[i]);
      if (state != DiffRow::State::Same) item->setBackground(Theme::mix(theme.color(Tone::Surface), hue, 0.16));
      if (i == 0) item->setTextAlignment(Qt::AlignCenter);
      if (i == 3) item->setToolTip(keys);
      item->setData(Qt::UserRole, path);
      table_->setItem(at, i, item);
    }
    ++counts[static_cast<int>(state)];
  };
  for (const DiffRow& row : diff.blocks) {
    const QString indent(row.depth * 4, QLatin1Char(' '));
    add(row.state, row.before.empty() ? QString() : indent + text(row.before), row.after.empty() ? QString() : indent + text(row.after), words(row.keys), text(row.pathAfter));
  }
  const int blocksChanged = counts[1], added = counts[2], removed = counts[3];
  for (const KeyChange& change : diff.settings)
    add(DiffRow::State::Changed, QStringLiteral("%1: %2").arg(text(change.key), text(change.before)), QStringLiteral("%1: %2").arg(text(change.key), text(change.after)), {}, {});
  summary_->setText(tr("Blocks: %1 added, %2 removed, %3 changed. Settings changed: %4.").arg(added).arg(removed).arg(blocksChanged).arg(diff.settings.size()));
}

}  // namespace serp::app
