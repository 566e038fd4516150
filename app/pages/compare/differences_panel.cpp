// SPDX-License-Identifier: GPL-3.0-or-later
// A key list in three colours and three signs: ~ changed, + added, − removed.
#include "app/pages/compare/differences_panel.h"

#include <QHash>
#include <QHeaderView>
#include <QLabel>
#include <QTreeWidget>
#include <QVBoxLayout>
#include <cmath>

#include "app/models/figures.h"
#include "app/style/theme.h"

namespace serp::app {
namespace {

constexpr int kValue = 112;                      // px of a value's column

QTreeWidgetItem* figureRow(const QString& name, const QString& a, const QString& b) {
  auto* item = new QTreeWidgetItem({QString(), name, a, b});
  for (int c = 1; c < 4; ++c) {
    item->setForeground(c, Theme::instance().color(c == 3 ? Tone::Text : Tone::Muted));
    item->setFont(c, Theme::instance().body());
    if (c > 1) item->setTextAlignment(c, Qt::AlignRight | Qt::AlignVCenter);
  }
  return item;
}

double flopsPerToken(const RunCurves& curves) {
  return curves.steps.empty() || curves.steps.back().tokens <= 0 ? NAN : curves.steps.back().flops / static_cast<double>(curves.steps.back().tokens);
}

}  // namespace

std::vector<Difference> differences(const std::vector<std::pair<QString, QString>>& a, const std::vector<std::pair<QString, QString>>& b, int* alike) {
  QHash<QString, QString> before, after;
  for (const auto& [key, value] : a) before.insert(key, value);
  for (const auto& [key, value] : b) after.insert(key, value);
  std::vector<Difference> out;
  int same = 0;
  for (const auto& [key, value] : b) {
    if (!before.contains(key)) out.push_back({Difference::Kind::Added, key, {}, value});
    else if (before.value(key) != value) out.push_back({Difference::Kind::Changed, key, before.value(key), value});
    else ++same;
  }
  for (const auto& [key, value] : a)
    if (!after.contains(key)) out.push_back({Difference::Kind::Removed, key, value, {}});
  if (alike) *alike = same;
  return out;
}

DifferencesPanel::DifferencesPanel(QWidget* parent) : Panel(tr("Differences"), {}, parent), list_(new QTreeWidget), hint_(new QLabel) {
  setToolTip(tr("Keys of resolved.yaml, every default written out: ~ changed, + only in the second run, − only in the first"));
  list_->setColumnCount(4);
  list_->setRootIsDecorated(false);
  list_->setUniformRowHeights(true);
  list_->setSelectionMode(QAbstractItemView::ExtendedSelection);
  list_->setAccessibleName(tr("Differences of two runs"));
  list_->header()->setStretchLastSection(false);
  list_->header()->setMinimumSectionSize(24);
  list_->setTextElideMode(Qt::ElideLeft);
  hint_->setWordWrap(true);
  hint_->setAlignment(Qt::AlignCenter);
  hint_->setProperty("role", "caption");
  hint_->setContentsMargins(16, 16, 16, 16);
  setBody(list_);
  body()->addWidget(hint_, 1);
  setMinimumHeight(120);
  setRuns(nullptr, nullptr);
}

void DifferencesPanel::setRuns(const ShownRun* a, const ShownRun* b) {
  const QString where = list_->currentItem() ? list_->currentItem()->text(1) : QString();
  list_->clear();
  shown_.clear();
  const bool both = a && b && a->curves && b->curves;
  list_->setVisible(both);
  hint_->setVisible(!both);
  setSubtitle({});
  hint_->setText(a && b ? tr("Reading the settings…") : tr("Select two runs in the table (Ctrl+click) to see which settings differ."));
  if (!both) return;
  int alike = 0;
  const auto all = differences(a->curves->settings, b->curves->settings, &alike);
  shown_ = all;
  setSubtitle(tr("%1 → %2, %3 keys alike").arg(a->name, b->name).arg(alike));
  const auto fits = [this](const QString& name) { return QFontMetrics(Theme::instance().caption()).elidedText(name, Qt::ElideRight, kValue - 20); };
  list_->setHeaderLabels({QString(), tr("key"), fits(a->name), fits(b->name)});
  for (int c = 2; c < 4; ++c) {
    list_->headerItem()->setTextAlignment(c, Qt::AlignRight | Qt::AlignVCenter);
    list_->headerItem()->setToolTip(c, c == 2 ? a->name : b->name);
  }
  const Theme& theme = Theme::instance();
  QList<QTreeWidgetItem*> items;
  for (const Difference& d : all) {
    const bool changed = d.kind == Difference::Kind::Changed, added = d.kind == Difference::Kind::Added;
    auto* item = new QTreeWidgetItem({changed ? QStringLiteral("~") : added ? QStringLiteral("+") : QStringLiteral("−"), d.key, d.before.isEmpty() ? QStringLiteral("–") : d.before, d.after.isEmpty() ? QStringLiteral("–") : d.after});
    const QColor hue = theme.color(changed ? Tone::Experts : added ? Tone::Accent : Tone::Danger);
    for (int c = 0; c < 4; ++c) {
      item->setBackground(c, Theme::mix(theme.color(Tone::Surface), hue, 0.12));
      if (c > 0) item->setFont(c, theme.code());
      item->setToolTip(c, item->text(c));
      if (c > 1) item->setTextAlignment(c, Qt::AlignRight | Qt::AlignVCenter);
    }
    item->setForeground(0, hue);
    items << item;
  }
  const auto count = [](std::int64_t n) { return n > 0 ? groupedCount(n) : QStringLiteral("–"); };
  list_->addTopLevelItem(figureRow(tr("parameters, total"), count(a->parameters), count(b->parameters)));
  list_->addTopLevelItem(figureRow(tr("parameters, active"), count(a->activeParameters), count(b->activeParameters)));
  list_->addTopLevelItem(figureRow(tr("training FLOPs per token"), shortCount(flopsPerToken(*a->curves)), shortCount(flopsPerToken(*b->curves))));
  if (all.empty()) list_->addTopLevelItem(figureRow(tr("every setting is the same"), {}, {}));
  list_->addTopLevelItems(items);
  list_->header()->setSectionResizeMode(0, QHeaderView::Fixed);
  list_->header()->resizeSection(0, 24);
  list_->header()->setSectionResizeMode(1, QHeaderView::Stretch);
  for (int c = 2; c < 4; ++c) {
    list_->header()->setSectionResizeMode(c, QHeaderView::Interactive);
    list_->header()->resizeSection(c, kValue);
  }
  if (!where.isEmpty())
    if (const auto same = list_->findItems(where, Qt::MatchExactly, 1); !same.isEmpty()) list_->setCurrentItem(same.front());
}

int DifferencesPanel::rows() const { return static_cast<int>(shown_.size()); }

QString DifferencesPanel::csv() const {
  QString out = QStringLiteral("change,key,first,second\n");
  const auto quoted = [](QString text) { return QLatin1Char('"') + text.replace(QLatin1Char('"'), QStringLiteral("\"\"")) + QLatin1Char('"'); };
  for (const Difference& d : shown_)
    out += QLatin1String(d.kind == Difference::Kind::Changed ? "changed," : d.kind == Difference::Kind::Added ? "added," : "removed,") + quoted(d.key) + QLatin1Char(',') + quoted(d.before) + QLatin1Char(',') + quoted(d.after) + QLatin1Char('\n');
  return out;
}

}  // namespace serp::app
